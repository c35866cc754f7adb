/* support_models.h - Safetensors files written by hand, in a folder of the test's own. */
#ifndef PYR_TESTS_SUPPORT_MODELS_H
#define PYR_TESTS_SUPPORT_MODELS_H

#include "models/model_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct models_fixture {
    char folder[256];
    char path[4096]; /* of what path_of named last */
    pyr_error error;
} models_fixture;
int models_setup(void **state);
int models_teardown(void **state);

const char *path_of(models_fixture *f, const char *name);
/* Header length, json, then data_bytes: zeros of a hole. */
void write_model(models_fixture *f, const char *name, const char *json, int64_t data_bytes);
/* One tensor "w" of U8. */
void write_bytes_model(models_fixture *f, const char *name, int64_t data_bytes);
void write_text(models_fixture *f, const char *name, const char *text);
/* Every page of a model's bytes is read. */
void read_pages(const pyr_safetensors *file);

#endif
