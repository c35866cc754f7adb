/* Builders: values in, arrays out; what does not fit is refused. */
#include "support_arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pyr_builder *builder_of(int kind) {
    pyr_field *field = sample_field(kind, "f");
    pyr_builder *builder = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    pyr_field_release(field);
    return builder;
}

static pyr_array *finished(pyr_builder *builder) {
    pyr_array *array = NULL;
    check_ok(pyr_builder_finish(builder, &array, error));
    assert_valid(array);
    return array;
}

static void builds_valid_arrays_of_every_type(void **state) {
    (void)state;
    for (int kind = 0; kind < PYR_TYPES_COUNT; ++kind) {
        if (kind == PYR_TYPE_DICTIONARY || kind == PYR_TYPE_RUN_END_ENCODED) {
            pyr_field *field = sample_field(kind, "f");
            pyr_builder *builder = NULL;
            pyr_error failure;
            assert_int_equal(pyr_builder_create(field, NULL, &builder, &failure),
                             PYR_ERROR_NOT_SUPPORTED);
            assert_null(builder);
            pyr_field_release(field);
            continue;
        }
        pyr_array *array = sample_array(kind, 1000, 3, true);
        assert_int_equal(array->length, 1000);
        assert_valid(array);
        pyr_array_release(array);
    }
}

static void is_usable_again_after_finish(void **state) {
    (void)state;
    pyr_builder *builder = builder_of(PYR_TYPE_LIST);
    for (int round = 0; round < 3; ++round) {
        check_ok(pyr_builder_string(pyr_builder_child(builder, 0), "x", error));
        check_ok(pyr_builder_close(builder, error));
        check_ok(pyr_builder_null(builder, error));
        check_ok(pyr_builder_close(builder, error));
        assert_int_equal(pyr_builder_length(builder), 3);
        pyr_array *array = finished(builder);
        char *text = value_text(array, 0);
        assert_string_equal(text, "[x]");
        free(text);
        assert_true(pyr_array_is_null(array, 1));
        text = value_text(array, 2);
        assert_string_equal(text, "[]");
        free(text);
        pyr_array_release(array);
        assert_int_equal(pyr_builder_length(builder), 0);
    }
    pyr_builder_destroy(builder);
}

static void integers_that_do_not_fit_are_22003(void **state) {
    (void)state;
    static const struct {
        int kind;
        int64_t fits, passes;
    } cases[] = {
        {PYR_TYPE_INT8, -128, 128},
        {PYR_TYPE_INT8, 127, -129},
        {PYR_TYPE_UINT8, 255, 256},
        {PYR_TYPE_UINT8, 0, -1},
        {PYR_TYPE_INT16, 32767, 32768},
        {PYR_TYPE_UINT16, 65535, 65536},
        {PYR_TYPE_INT32, INT32_MIN, (int64_t)INT32_MIN - 1},
        {PYR_TYPE_UINT32, UINT32_MAX, (int64_t)UINT32_MAX + 1},
        {PYR_TYPE_UINT64, INT64_MAX, -1},
        {PYR_TYPE_BOOL, 1, 2},
        {PYR_TYPE_DATE32, INT32_MAX, (int64_t)INT32_MAX + 1},
        {PYR_TYPE_DECIMAL32, 999999999, 1000000000},
        {PYR_TYPE_DECIMAL64, -999999999, -1000000000}, /* its precision is 9 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_builder *builder = builder_of(cases[i].kind);
        check_ok(pyr_builder_int64(builder, cases[i].fits, error));
        pyr_array *array = finished(builder);
        assert_int_equal(pyr_array_int64(array, 0), cases[i].fits);
        pyr_array_release(array);
        pyr_error failure;
        assert_int_equal(pyr_builder_int64(builder, cases[i].passes, &failure), PYR_ERROR_SQL);
        assert_string_equal(failure.sqlstate, "22003");
        pyr_builder_destroy(builder);
    }
    pyr_builder *builder = builder_of(PYR_TYPE_INT64);
    pyr_error failure;
    assert_int_equal(pyr_builder_uint64(builder, UINT64_MAX, &failure), PYR_ERROR_SQL);
    pyr_builder_destroy(builder);
    builder = builder_of(PYR_TYPE_UINT64);
    check_ok(pyr_builder_uint64(builder, UINT64_MAX, error));
    pyr_array *array = finished(builder);
    char *text = value_text(array, 0);
    assert_string_equal(text, "18446744073709551615");
    free(text);
    pyr_array_release(array);
    pyr_builder_destroy(builder);
}

static void half_floats_round_to_the_nearest(void **state) {
    (void)state;
    static const double values[][2] = {
        {1.0, 1.0},     {2049.0, 2048.0},     {2051.0, 2052.0},     {65519.0, 65504.0},
        {0x1p-25, 0.0}, {0x1.8p-24, 0x1p-23}, {-0x1p-24, -0x1p-24}, {0.1, 0.0999755859375}};
    pyr_builder *builder = builder_of(PYR_TYPE_FLOAT16);
    for (size_t i = 0; i < 8; ++i) {
        check_ok(pyr_builder_double(builder, values[i][0], error));
    }
    check_ok(pyr_builder_double(builder, (double)INFINITY, error));
    check_ok(pyr_builder_double(builder, (double)NAN, error));
    pyr_array *array = finished(builder);
    for (int64_t i = 0; i < 8; ++i) {
        assert_true(pyr_array_double(array, i) == values[i][1]);
    }
    assert_true(isinf(pyr_array_double(array, 8)));
    assert_true(isnan(pyr_array_double(array, 9)));
    pyr_array_release(array);
    /* Every half is its own nearest. */
    for (uint32_t half = 0; half < 0x7c00; ++half) {
        uint16_t bits = (uint16_t)half;
        check_ok(pyr_builder_bytes(builder, &bits, 2, error));
    }
    array = finished(builder);
    for (int64_t i = 0; i < array->length; ++i) {
        check_ok(pyr_builder_double(builder, pyr_array_double(array, i), error));
    }
    pyr_array *again = finished(builder);
    assert_true(pyr_array_equal(array, again));
    pyr_array_release(again);
    pyr_array_release(array);
    pyr_error failure;
    assert_int_equal(pyr_builder_double(builder, 65520.0, &failure), PYR_ERROR_SQL);
    pyr_builder_destroy(builder);
    builder = builder_of(PYR_TYPE_FLOAT32);
    check_ok(pyr_builder_double(builder, (double)0x1.fffffep127f, error));
    assert_int_equal(pyr_builder_double(builder, 1e39, &failure), PYR_ERROR_SQL);
    pyr_builder_destroy(builder);
}

static void text_must_be_utf8(void **state) {
    (void)state;
    static const int kinds[] = {PYR_TYPE_UTF8, PYR_TYPE_LARGE_UTF8, PYR_TYPE_UTF8_VIEW};
    for (size_t i = 0; i < 3; ++i) {
        pyr_builder *builder = builder_of(kinds[i]);
        pyr_error failure;
        assert_int_equal(pyr_builder_bytes(builder, "a\xff", 2, &failure), PYR_ERROR_SQL);
        assert_string_equal(failure.sqlstate, "22021");
        pyr_builder_destroy(builder);
    }
    pyr_builder *builder = builder_of(PYR_TYPE_BINARY);
    check_ok(pyr_builder_bytes(builder, "a\xff", 2, error));
    pyr_array_release(finished(builder));
    pyr_builder_destroy(builder);
}

static void assert_misuse(pyr_status status, pyr_builder *builder) {
    assert_int_equal(status, PYR_ERROR_INVALID_ARGUMENT);
    pyr_builder_destroy(builder);
}

static void misuse_is_an_error(void **state) {
    (void)state;
    pyr_builder *builder = builder_of(PYR_TYPE_UTF8);
    assert_misuse(pyr_builder_int64(builder, 1, NULL), builder);
    builder = builder_of(PYR_TYPE_INT32);
    assert_misuse(pyr_builder_double(builder, 1, NULL), builder);
    builder = builder_of(PYR_TYPE_INT32);
    assert_misuse(pyr_builder_bytes(builder, "abc", 3, NULL), builder);
    builder = builder_of(PYR_TYPE_FIXED_SIZE_BINARY);
    assert_misuse(pyr_builder_bytes(builder, "abc", 3, NULL), builder);
    builder = builder_of(PYR_TYPE_INT32);
    assert_misuse(pyr_builder_close(builder, NULL), builder);
    builder = builder_of(PYR_TYPE_STRUCT);
    assert_misuse(pyr_builder_close(builder, NULL), builder);
    builder = builder_of(PYR_TYPE_FIXED_SIZE_LIST);
    check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), 1, error));
    assert_misuse(pyr_builder_close(builder, NULL), builder);
    builder = builder_of(PYR_TYPE_DENSE_UNION);
    assert_misuse(pyr_builder_union_close(builder, 0, NULL), builder);
    builder = builder_of(PYR_TYPE_DENSE_UNION);
    assert_misuse(pyr_builder_union_close(builder, 3, NULL), builder);
    builder = builder_of(PYR_TYPE_LIST);
    check_ok(pyr_builder_string(pyr_builder_child(builder, 0), "x", error));
    assert_misuse(pyr_builder_null(builder, NULL), builder);
    builder = builder_of(PYR_TYPE_LIST);
    check_ok(pyr_builder_string(pyr_builder_child(builder, 0), "x", error));
    pyr_array *array = NULL;
    assert_misuse(pyr_builder_finish(builder, &array, NULL), builder);
}

static void memory_is_counted_and_limited(void **state) {
    (void)state;
    pyr_budget *budget = pyr_budget_create(4096);
    pyr_field *field = sample_field(PYR_TYPE_INT64, "f");
    pyr_builder *builder = NULL;
    check_ok(pyr_builder_create(field, budget, &builder, error));
    pyr_status status = PYR_OK;
    for (int i = 0; i < 1000 && status == PYR_OK; ++i) {
        status = pyr_builder_int64(builder, i, NULL);
    }
    assert_int_equal(status, PYR_ERROR_MEMORY);
    pyr_builder_destroy(builder);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_field_release(field);
    pyr_budget_release(budget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_valid_arrays_of_every_type),
        cmocka_unit_test(is_usable_again_after_finish),
        cmocka_unit_test(integers_that_do_not_fit_are_22003),
        cmocka_unit_test(half_floats_round_to_the_nearest),
        cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(misuse_is_an_error),
        cmocka_unit_test(memory_is_counted_and_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
