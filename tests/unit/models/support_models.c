/* support_models.c - see support_models.h. */
#include "support_models.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int models_setup(void **state) {
    models_fixture *f = calloc(1, sizeof(*f));
    char name[] = "/tmp/pyralog-models-XXXXXX";
    char *made = f != NULL ? mkdtemp(name) : NULL;
    char *real = made != NULL ? realpath(made, NULL) : NULL;
    if (real == NULL) {
        return -1;
    }
    snprintf(f->folder, sizeof(f->folder), "%s", real);
    free(real);
    *state = f;
    return 0;
}

int models_teardown(void **state) {
    models_fixture *f = *state;
    pyr_status status = pyr_folder_remove(f->folder, NULL);
    free(f);
    return status == PYR_OK ? 0 : -1;
}

const char *path_of(models_fixture *f, const char *name) {
    snprintf(f->path, sizeof(f->path), "%s/%s", f->folder, name);
    return f->path;
}

void write_model(models_fixture *f, const char *name, const char *json, int64_t data_bytes) {
    FILE *file = fopen(path_of(f, name), "wb");
    uint64_t length = strlen(json);
    assert_non_null(file);
    for (int i = 0; i < 8; ++i) {
        fputc((int)(length >> (8 * i) & 255), file);
    }
    fputs(json, file);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(ftruncate(fileno(file), (off_t)(8 + length) + (off_t)data_bytes), 0);
    assert_int_equal(fclose(file), 0);
}

void write_bytes_model(models_fixture *f, const char *name, int64_t data_bytes) {
    char json[256];
    snprintf(json, sizeof(json),
             "{\"w\":{\"dtype\":\"U8\",\"shape\":[%" PRId64 "],\"data_offsets\":[0,%" PRId64 "]}}",
             data_bytes, data_bytes);
    write_model(f, name, json, data_bytes);
}

void write_text(models_fixture *f, const char *name, const char *text) {
    FILE *file = fopen(path_of(f, name), "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

void read_pages(const pyr_safetensors *file) {
    for (int32_t i = 0; i < pyr_safetensors_shards(file); ++i) {
        const pyr_buffer *bytes = pyr_safetensors_bytes(file, i);
        for (size_t at = 0; at < bytes->size_bytes; at += 4096) {
            (void)*(const volatile uint8_t *)(bytes->data + at);
        }
    }
}
