/* support_arrays.h - arrays of every type for the tests of src/arrow. Each function fails the test
 * when something goes wrong, and gives what the caller releases. */
#ifndef TESTS_ARROW_SUPPORT_ARRAYS_H
#define TESTS_ARROW_SUPPORT_ARRAYS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "base/text.h"

/* Fails the test with the message of error. */
#define check_ok(call)                                                                  \
    do {                                                                                \
        pyr_error check_error_ = {0};                                                   \
        pyr_error *error = &check_error_;                                               \
        if ((call) != PYR_OK) {                                                         \
            fail_msg("%s: %s: %s", #call, check_error_.sqlstate, check_error_.message); \
        }                                                                               \
    } while (0)

/* Beyond pyr_type_id: types that hold others in ways the plain samples do not. */
enum {
    SAMPLE_NESTED = PYR_TYPES_COUNT, /* struct<list<struct<utf8, list_view<int>>>, map, ...> */
    SAMPLE_ENCODED_INSIDE,           /* struct<dictionary, run-end encoded> */
    SAMPLE_DICTIONARY_OF_STRUCTS,
    SAMPLE_RUNS_OF_DICTIONARY,
    SAMPLES_COUNT
};
const char *sample_name(int kind);
/* A field of that kind: parameters are fixed ones (decimal(9, 2), unit us, ...). */
pyr_field *sample_field(int kind, const char *name);
/* rows values; every fourth or so null where nulls is set. The same arguments give the same
 * values. */
pyr_array *sample_array(int kind, int64_t rows, unsigned seed, bool nulls);

pyr_array *slice_of(pyr_array *array, int64_t offset, int64_t length);
/* Row index as text; the caller frees it. */
char *value_text(const pyr_array *array, int64_t index);
/* Rows a_start.. of a print as rows b_start.. of b do. */
void assert_rows_equal(const pyr_array *a, int64_t a_start, const pyr_array *b, int64_t b_start,
                       int64_t length);
/* FULL validation passes. */
void assert_valid(const pyr_array *array);
/* a, b, c, ...: a batch of these columns, which are released. */
pyr_batch *batch_of(pyr_array **columns, int32_t count);

/* Small arrays from C arrays. */
pyr_array *int32_array(const int32_t *values, int64_t count);
pyr_buffer *bytes_buffer(const void *bytes, size_t size_bytes);

#endif
