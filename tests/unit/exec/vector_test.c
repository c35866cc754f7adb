#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/builder.h"
#include "exec/vector.h"

#include <stdio.h>
#include <string.h>

static pyr_array *build(pyr_type_id type, int64_t rows) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    assert_int_equal(pyr_field_create("x", type, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    for (int64_t i = 0; i < rows; ++i) {
        char text[24];
        int length = snprintf(text, sizeof text, "row %d", (int)i);
        pyr_status status = i % 7 == 3 ? pyr_builder_null(builder, NULL)
                            : type == PYR_TYPE_UTF8
                                ? pyr_builder_bytes(builder, text, (size_t)length, NULL)
                            : type == PYR_TYPE_BOOL ? pyr_builder_int64(builder, i % 3 == 0, NULL)
                                                    : pyr_builder_int64(builder, i, NULL);
        assert_int_equal(status, PYR_OK);
    }
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

/* From any row, of slices too: bitmaps that begin inside of a word are moved. */
static void views_of_arrays_have_their_rows(void **unused) {
    (void)unused;
    static const pyr_type_id types[] = {PYR_TYPE_INT64, PYR_TYPE_INT16, PYR_TYPE_BOOL,
                                        PYR_TYPE_UTF8};
    for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
        pyr_array *whole = build(types[t], PYR_VECTOR_ROWS + 952), *array = NULL;
        assert_int_equal(pyr_array_slice(whole, 5, PYR_VECTOR_ROWS + 942, &array, NULL), PYR_OK);
        for (int64_t first = 0; first < 700; first += 59) {
            uint64_t room[2 * PYR_VECTOR_WORDS];
            pyr_vector v;
            pyr_vector_of_array(array, first, PYR_VECTOR_ROWS, room, &v);
            for (int32_t i = 0; i < PYR_VECTOR_ROWS; ++i) {
                int64_t row = first + 5 + i;
                assert_int_equal(pyr_vector_is_null(&v, i), row % 7 == 3);
                if (row % 7 == 3) {
                    continue;
                }
                if (types[t] == PYR_TYPE_INT64) {
                    assert_int_equal(((const int64_t *)v.data)[i], row);
                } else if (types[t] == PYR_TYPE_INT16) {
                    assert_int_equal(((const int16_t *)v.data)[i], row);
                } else if (types[t] == PYR_TYPE_BOOL) {
                    assert_int_equal((((const uint64_t *)v.data)[i / 64] >> (i % 64)) & 1,
                                     row % 3 == 0);
                } else {
                    char text[24];
                    int length = snprintf(text, sizeof text, "row %d", (int)row);
                    pyr_string s = pyr_vector_string(&v, i);
                    assert_int_equal(s.length, length);
                    assert_memory_equal(s.bytes, text, length);
                }
            }
        }
        pyr_array_release(array);
        pyr_array_release(whole);
    }
}
static void an_array_without_rows_has_a_view(void **unused) {
    (void)unused;
    static const pyr_type_id types[] = {PYR_TYPE_INT64, PYR_TYPE_BOOL, PYR_TYPE_UTF8,
                                        PYR_TYPE_NULL};
    for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
        pyr_field *field = NULL;
        pyr_array *array = NULL;
        uint64_t room[2 * PYR_VECTOR_WORDS];
        pyr_vector v;
        assert_int_equal(pyr_field_create("x", types[t], &field, NULL), PYR_OK);
        assert_int_equal(pyr_array_create_null(field, 0, NULL, &array, NULL), PYR_OK);
        pyr_vector_of_array(array, 0, 0, room, &v);
        assert_true(v.data != NULL || v.offsets != NULL);
        pyr_array_release(array);
        pyr_field_release(field);
    }
}
static void a_chunks_rows_are_those_of_its_mask(void **unused) {
    (void)unused;
    uint64_t mask[2] = {UINT64_C(1) << 63 | 2, 5};
    uint16_t room[PYR_VECTOR_ROWS + 16];
    pyr_chunk chunk = {70, 4, mask, NULL, 0, NULL};
    const uint16_t *rows = pyr_chunk_rows(&chunk, room);
    static const uint16_t want[] = {1, 63, 64, 66};
    assert_memory_equal(rows, want, sizeof want);
    assert_ptr_equal(chunk.list, rows);
    pyr_chunk all = {3, 3, NULL, NULL, 0, NULL};
    rows = pyr_chunk_rows(&all, room);
    assert_int_equal(rows[2], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_of_arrays_have_their_rows),
        cmocka_unit_test(an_array_without_rows_has_a_view),
        cmocka_unit_test(a_chunks_rows_are_those_of_its_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
