/* support_codecs.h - cases for the codec tests, and spans whose neighbours fault. */
#ifndef PYR_TESTS_SUPPORT_CODECS_H
#define PYR_TESTS_SUPPORT_CODECS_H

#include "formats/codecs/codecs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* One line of codecs.cases (make_cases.py says what they are). Names as there. */
typedef struct codec_case {
    char name[24];
    char variant[48];
    int32_t element;
    bool at_start;
    uint8_t *plain; /* what decoding gives */
    size_t plain_bytes;
    uint8_t *bytes;
    size_t size_bytes;
} codec_case;

typedef struct codec_cases {
    codec_case *items;
    size_t count;
} codec_cases;

/* Of a group of tests: *state is a codec_cases. From the source tree; fails where the file is not
 * whole. */
int codec_cases_setup(void **state);
int codec_cases_teardown(void **state);
pyr_codec codec_of(const codec_case *item); /* fails the test for names that are no codec */
bool codec_decodes_bytes(const codec_case *item);

/* A span that ends where a page without access begins: the libraries below the codecs are not built
 * with the sanitizers, and this is how a read or a write behind an end is seen all the same. One of
 * SPANS at a time each, size_bytes at most SPAN_BYTES_MAX; from is copied into it, or NULL. */
enum { SPAN_INPUT, SPAN_OUTPUT, SPANS };
#define SPAN_BYTES_MAX ((size_t)1 << 20)
uint8_t *guarded(int which, const void *from, size_t size_bytes);

void check_ok_(pyr_status status, const pyr_error *error, const char *file, int line);
#define check_ok(call) check_ok_((call), &error, __FILE__, __LINE__)

#endif
