/* Slices share everything: pointers are compared. */
#include "support_arrays.h"

#include <stdlib.h>

static void assert_shares(const pyr_array *slice, const pyr_array *array) {
    assert_int_equal(slice->buffers_count, array->buffers_count);
    for (int32_t i = 0; i < array->buffers_count; ++i) {
        assert_ptr_equal(slice->buffers[i], array->buffers[i]);
        if (array->buffers[i] != NULL) {
            assert_ptr_equal(slice->buffers[i]->data, array->buffers[i]->data);
        }
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        assert_ptr_equal(slice->children[i], array->children[i]);
    }
    assert_ptr_equal(slice->dictionary, array->dictionary);
    assert_ptr_equal(slice->field, array->field);
}

static void slices_of_every_type_share_and_show_their_rows(void **state) {
    (void)state;
    static const int64_t starts[] = {0, 1, 7, 8, 9, 31, 63};
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 70, 9, true);
        for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); ++i) {
            int64_t length = (70 - starts[i]) / 2 + 1;
            pyr_array *slice = slice_of(array, starts[i], length);
            assert_shares(slice, array);
            assert_rows_equal(slice, 0, array, starts[i], length);
            int64_t nulls = 0;
            for (int64_t k = 0; k < length; ++k) {
                nulls += pyr_array_is_null(array, starts[i] + k);
            }
            assert_int_equal(pyr_array_null_count(slice), nulls);
            assert_valid(slice);
            pyr_array *inner = slice_of(slice, 1, length - 1);
            assert_shares(inner, array);
            assert_rows_equal(inner, 0, array, starts[i] + 1, length - 1);
            pyr_array_release(inner);
            pyr_array_release(slice);
        }
        pyr_array_release(array);
    }
}

static void the_whole_is_itself(void **state) {
    (void)state;
    pyr_array *array = sample_array(PYR_TYPE_UTF8, 5, 1, true);
    pyr_array *slice = slice_of(array, 0, 5);
    assert_ptr_equal(slice, array);
    pyr_array_release(slice);
    pyr_array_release(array);
}

static void a_slice_outlives_its_array(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 20, 2, true);
        pyr_array *slice = slice_of(array, 3, 10);
        pyr_array_release(array);
        assert_valid(slice);
        pyr_array_release(slice);
    }
}

static void empty_slices_at_every_place_are_valid(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 10, 2, true);
        for (int64_t at = 0; at <= 10; ++at) {
            pyr_array *slice = slice_of(array, at, 0);
            assert_int_equal(pyr_array_null_count(slice), 0);
            assert_valid(slice);
            assert_int_equal(pyr_array_size_bytes(slice), 0);
            pyr_array_release(slice);
        }
        pyr_array_release(array);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_of_every_type_share_and_show_their_rows),
        cmocka_unit_test(the_whole_is_itself),
        cmocka_unit_test(a_slice_outlives_its_array),
        cmocka_unit_test(empty_slices_at_every_place_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
