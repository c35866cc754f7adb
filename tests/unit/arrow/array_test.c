/* Arrays: access to single values, null counts, sizes, arrays of nulls. */
#include "support_arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pyr_array *fixed_array(pyr_type_id type, const void *values, size_t size_bytes,
                              int64_t count) {
    pyr_field *field = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_field_create("v", type, &field, error));
    pyr_buffer *buffers[2] = {NULL, bytes_buffer(values, size_bytes)};
    check_ok(pyr_array_create(field, count, 0, 0, buffers, 2, NULL, 0, NULL, &array, error));
    pyr_buffer_release(buffers[1]);
    pyr_field_release(field);
    return array;
}

static void integers_extend_by_their_sign(void **state) {
    (void)state;
    const uint8_t bytes[8] = {0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const struct {
        pyr_type_id type;
        int64_t expected;
    } cases[] = {
        {PYR_TYPE_INT8, -1},        {PYR_TYPE_UINT8, 255},
        {PYR_TYPE_INT16, -257},     {PYR_TYPE_UINT16, 0xfeff},
        {PYR_TYPE_INT32, -257},     {PYR_TYPE_UINT32, 0xfffffeff},
        {PYR_TYPE_INT64, -257},     {PYR_TYPE_BOOL, 1},
        {PYR_TYPE_DATE32, -257},    {PYR_TYPE_DATE64, -257},
        {PYR_TYPE_DECIMAL32, -257}, {PYR_TYPE_DECIMAL64, -257},
        {PYR_TYPE_TIMESTAMP, -257}, {PYR_TYPE_INTERVAL_YEAR_MONTH, -257},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_array *array = fixed_array(cases[i].type, bytes, 8, 1);
        assert_int_equal(pyr_array_int64(array, 0), cases[i].expected);
        pyr_array_release(array);
    }
}

static void half_floats_are_exact(void **state) {
    (void)state;
    static const struct {
        uint16_t half;
        double expected;
    } cases[] = {{0x3c00, 1.0},
                 {0xc000, -2.0},
                 {0x7bff, 65504.0},
                 {0x0001, 0x1p-24},
                 {0x03ff, 1023 * 0x1p-24},
                 {0x0400, 0x1p-14},
                 {0x3555, 0.333251953125},
                 {0x0000, 0.0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_array *array = fixed_array(PYR_TYPE_FLOAT16, &cases[i].half, 2, 1);
        assert_true(pyr_array_double(array, 0) == cases[i].expected);
        pyr_array_release(array);
    }
    const uint16_t special[3] = {0x7c00, 0xfc00, 0x7e01};
    pyr_array *array = fixed_array(PYR_TYPE_FLOAT16, special, sizeof(special), 3);
    assert_true(isinf(pyr_array_double(array, 0)) && pyr_array_double(array, 0) > 0);
    assert_true(isinf(pyr_array_double(array, 1)) && pyr_array_double(array, 1) < 0);
    assert_true(isnan(pyr_array_double(array, 2)));
    pyr_array_release(array);
}

static void misaligned_buffers_are_read(void **state) {
    (void)state;
    uint8_t bytes[17] = {0};
    const int64_t values[2] = {-5, 77};
    memcpy(bytes + 1, values, sizeof(values));
    pyr_field *field = NULL;
    pyr_array *array = NULL;
    pyr_buffer *buffers[2] = {NULL, NULL};
    check_ok(pyr_field_create("v", PYR_TYPE_INT64, &field, error));
    check_ok(pyr_buffer_wrap(bytes + 1, 16, NULL, NULL, &buffers[1], error));
    check_ok(pyr_array_create(field, 2, 0, 0, buffers, 2, NULL, 0, NULL, &array, error));
    assert_valid(array);
    assert_int_equal(pyr_array_int64(array, 0), -5);
    assert_int_equal(pyr_array_int64(array, 1), 77);
    pyr_array_release(array);
    pyr_buffer_release(buffers[1]);
    pyr_field_release(field);
}

static void null_counts_are_counted_once(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 100, 5, true);
        int64_t expected = 0;
        for (int64_t i = 0; i < array->length; ++i) {
            expected += pyr_array_is_null(array, i);
        }
        array->null_count = -1;
        assert_int_equal(pyr_array_null_count(array), expected);
        assert_int_equal(array->null_count, expected);
        pyr_array_release(array);
    }
}

static void run_indices_count_logical_rows(void **state) {
    (void)state;
    const int32_t ends[] = {2, 3, 7};
    const int32_t values[] = {10, 20, 30};
    pyr_array *children[2] = {int32_array(ends, 3), int32_array(values, 3)};
    pyr_field *fields[2] = {children[0]->field, children[1]->field}, *field = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_field_create_nested("r", PYR_TYPE_RUN_END_ENCODED, 0, fields, 2, &field, error));
    check_ok(pyr_array_create(field, 5, 1, 0, NULL, 0, children, 2, NULL, &array, error));
    assert_valid(array);
    const int64_t expected[5] = {0, 1, 2, 2, 2};
    for (int64_t i = 0; i < 5; ++i) {
        assert_int_equal(pyr_array_run_index(array, i), expected[i]);
    }
    assert_false(pyr_array_is_null(array, 0));
    pyr_array_release(array);
    pyr_array_release(children[0]);
    pyr_array_release(children[1]);
    pyr_field_release(field);
}

static void nulls_of_every_type_are_valid_and_null(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        for (int64_t length = 0; length < 20; length += 9) {
            pyr_field *field = sample_field(kind, "f");
            pyr_array *array = NULL;
            check_ok(pyr_array_create_null(field, length, NULL, &array, error));
            assert_int_equal(array->length, length);
            assert_valid(array);
            for (int64_t i = 0; i < length; ++i) {
                char *text = value_text(array, i);
                assert_string_equal(text, "NULL");
                free(text);
            }
            pyr_array_release(array);
            pyr_field_release(field);
        }
    }
}

static void too_many_nulls_for_narrow_run_ends_are_refused(void **state) {
    (void)state;
    pyr_field *pair[2] = {NULL, sample_field(PYR_TYPE_UTF8, "values")}, *field = NULL;
    check_ok(pyr_field_create("run_ends", PYR_TYPE_INT16, &pair[0], error));
    check_ok(pyr_field_create_nested("r", PYR_TYPE_RUN_END_ENCODED, 0, pair, 2, &field, error));
    pyr_array *array = NULL;
    check_ok(pyr_array_create_null(field, 32767, NULL, &array, error));
    assert_valid(array);
    pyr_array_release(array);
    pyr_error error;
    assert_int_equal(pyr_array_create_null(field, 32768, NULL, &array, &error), PYR_ERROR_LIMIT);
    assert_null(array);
    pyr_field_release(pair[0]);
    pyr_field_release(pair[1]);
    pyr_field_release(field);
}

static void sizes_count_what_the_rows_use(void **state) {
    (void)state;
    pyr_array *ints = sample_array(PYR_TYPE_INT64, 100, 1, false);
    assert_int_equal(pyr_array_size_bytes(ints), 800);
    pyr_array *slice = slice_of(ints, 17, 10);
    assert_int_equal(pyr_array_size_bytes(slice), 80);
    pyr_array_release(slice);
    pyr_array_release(ints);

    /* list<int32>: [1, 2], [3], []: offsets and the values of the rows asked for. */
    const int32_t values[] = {1, 2, 3};
    const int32_t offsets[] = {0, 2, 3, 3};
    pyr_array *child = int32_array(values, 3), *list = NULL;
    pyr_field *item = child->field, *field = NULL;
    check_ok(pyr_field_create_nested("l", PYR_TYPE_LIST, 0, &item, 1, &field, error));
    pyr_buffer *buffers[2] = {NULL, bytes_buffer(offsets, sizeof(offsets))};
    check_ok(pyr_array_create(field, 3, 0, 0, buffers, 2, &child, 1, NULL, &list, error));
    assert_int_equal(pyr_array_size_bytes(list), 4 * 4 + 3 * 4);
    slice = slice_of(list, 1, 1);
    assert_int_equal(pyr_array_size_bytes(slice), 2 * 4 + 1 * 4);
    pyr_array_release(slice);
    pyr_array_release(list);
    pyr_array_release(child);
    pyr_buffer_release(buffers[1]);
    pyr_field_release(field);
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 40, 1, true);
        slice = slice_of(array, 40, 0);
        assert_true(pyr_array_size_bytes(array) > 0 || kind == PYR_TYPE_NULL);
        assert_true(pyr_array_size_bytes(slice) <= pyr_array_size_bytes(array));
        pyr_array_release(slice);
        pyr_array_release(array);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_extend_by_their_sign),
        cmocka_unit_test(half_floats_are_exact),
        cmocka_unit_test(misaligned_buffers_are_read),
        cmocka_unit_test(null_counts_are_counted_once),
        cmocka_unit_test(run_indices_count_logical_rows),
        cmocka_unit_test(nulls_of_every_type_are_valid_and_null),
        cmocka_unit_test(too_many_nulls_for_narrow_run_ends_are_refused),
        cmocka_unit_test(sizes_count_what_the_rows_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
