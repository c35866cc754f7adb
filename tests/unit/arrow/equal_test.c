/* Logical equality, whatever the layout. */
#include "support_arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void equal_however_they_are_laid_out(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *a = sample_array(kind, 60, 3, true);
        pyr_array *b = sample_array(kind, 60, 3, true);
        assert_true(pyr_array_equal(a, b));
        /* The same rows, dense at offset 0. */
        int32_t indices[40];
        for (int32_t i = 0; i < 40; ++i) {
            indices[i] = i + 13;
        }
        pyr_array *taken = NULL, *slice = slice_of(b, 13, 40);
        check_ok(pyr_array_take(a, indices, 40, PYR_COPY_GATHER, NULL, NULL, &taken, error));
        assert_true(pyr_array_equal(taken, slice));
        assert_true(pyr_array_equal(slice, taken));
        assert_false(pyr_array_equal(slice, a));
        pyr_array_release(taken);
        pyr_array_release(slice);
        pyr_array_release(a);
        pyr_array_release(b);
    }
}

static void one_other_row_makes_them_differ(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        if (kind == PYR_TYPE_NULL) {
            continue;
        }
        pyr_array *a = sample_array(kind, 60, 3, true);
        for (int32_t other = 0; other < 60; other += 7) {
            int32_t indices[60], twin = 0;
            char *text = value_text(a, other);
            for (int32_t i = 0; i < 60; ++i) {
                indices[i] = i;
                char *candidate = value_text(a, i);
                twin = strcmp(candidate, text) != 0 ? i : twin;
                free(candidate);
            }
            free(text);
            indices[other] = twin; /* a row that prints differently */
            pyr_array *b = NULL;
            check_ok(pyr_array_take(a, indices, 60, PYR_COPY_GATHER, NULL, NULL, &b, error));
            assert_false(pyr_array_equal(a, b));
            pyr_array_release(b);
        }
        pyr_array_release(a);
    }
}

static pyr_array *doubles(const double *values, int64_t count) {
    pyr_field *field = sample_field(PYR_TYPE_FLOAT64, "d");
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (int64_t i = 0; i < count; ++i) {
        check_ok(pyr_builder_double(builder, values[i], error));
    }
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static void nan_equals_nan_and_zeros_have_signs(void **state) {
    (void)state;
    pyr_array *a = doubles((const double[]){(double)NAN, 1.5}, 2);
    pyr_array *b = doubles((const double[]){-(double)NAN, 1.5}, 2);
    pyr_array *zero = doubles((const double[]){0.0}, 1);
    pyr_array *minus = doubles((const double[]){-0.0}, 1);
    assert_true(pyr_array_equal(a, b));
    assert_false(pyr_array_equal(zero, minus));
    assert_true(pyr_array_equal(zero, zero));
    pyr_array_release(a);
    pyr_array_release(b);
    pyr_array_release(zero);
    pyr_array_release(minus);
}

static void what_stands_under_a_null_does_not_count(void **state) {
    (void)state;
    const int32_t left[] = {1, 2, 3}, right[] = {1, 99, 3};
    const uint8_t bits = 0x05;
    pyr_array *a = int32_array(left, 3), *b = int32_array(right, 3);
    assert_false(pyr_array_equal(a, b));
    pyr_buffer *validity = bytes_buffer(&bits, 1);
    a->buffers[0] = pyr_buffer_retain(validity);
    b->buffers[0] = validity;
    a->null_count = b->null_count = 1;
    assert_true(pyr_array_equal(a, b));
    pyr_array_release(a);
    pyr_array_release(b);
}

static void a_null_differs_from_a_value(void **state) {
    (void)state;
    const int32_t values[] = {0, 0};
    const uint8_t bits = 0x01;
    pyr_array *a = int32_array(values, 2), *b = int32_array(values, 2);
    a->buffers[0] = bytes_buffer(&bits, 1);
    a->null_count = 1;
    assert_false(pyr_array_equal(a, b));
    assert_false(pyr_array_equal(b, a));
    pyr_array_release(a);
    pyr_array_release(b);
}

static void types_must_be_the_same(void **state) {
    (void)state;
    pyr_array *a = sample_array(PYR_TYPE_INT32, 0, 1, false);
    pyr_array *b = sample_array(PYR_TYPE_INT64, 0, 1, false);
    assert_false(pyr_array_equal(a, b));
    pyr_array_release(a);
    pyr_array_release(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_however_they_are_laid_out),
        cmocka_unit_test(one_other_row_makes_them_differ),
        cmocka_unit_test(nan_equals_nan_and_zeros_have_signs),
        cmocka_unit_test(what_stands_under_a_null_does_not_count),
        cmocka_unit_test(a_null_differs_from_a_value),
        cmocka_unit_test(types_must_be_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
