/* take: the picked rows, in order, of every type; the text of each row is the oracle. */
#include "support_arrays.h"

#include <stdlib.h>

static void take_and_compare(pyr_array *array, const int32_t *indices, int64_t count) {
    pyr_array *taken = NULL;
    check_ok(pyr_array_take(array, indices, count, PYR_COPY_GATHER, NULL, NULL, &taken, error));
    assert_int_equal(taken->length, count);
    assert_true(pyr_field_type_equal(taken->field, array->field));
    assert_valid(taken);
    for (int64_t i = 0; i < count; ++i) {
        if (indices[i] >= 0) {
            assert_rows_equal(taken, i, array, indices[i], 1);
        } else {
            char *text = value_text(taken, i);
            assert_string_equal(text, "NULL");
            free(text);
        }
    }
    pyr_array_release(taken);
}

static void picks_any_rows_of_every_type(void **state) {
    (void)state;
    static const int32_t indices[] = {0, 0, 5, 6, 7, 3, 69, 12, 12, 13, 14, 1, 68, 40, 41, 42, 8};
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        for (int nulls = 0; nulls < 2; ++nulls) {
            pyr_array *array = sample_array(kind, 70, 3, nulls != 0);
            take_and_compare(array, indices, 17);
            pyr_array *slice = slice_of(array, 13, 55);
            static const int32_t inner[] = {54, 0, 1, 2, 30, 7, 7};
            take_and_compare(slice, inner, 7);
            pyr_array_release(slice);
            pyr_array_release(array);
        }
    }
}

static void minus_one_gives_null_in_every_type(void **state) {
    (void)state;
    static const int32_t indices[] = {-1, 3, -1, -1, 4, 5, 9, -1};
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 10, 4, false);
        take_and_compare(array, indices, 8);
        pyr_array_release(array);
    }
}

static void no_rows_of_nothing(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field *field = sample_field(kind, "f");
        pyr_array *empty = NULL;
        check_ok(pyr_array_create_null(field, 0, NULL, &empty, error));
        take_and_compare(empty, NULL, 0);
        take_and_compare(empty, (const int32_t[]){-1, -1, -1}, 3);
        pyr_array_release(empty);
        pyr_field_release(field);
    }
}

static void refuses_indices_out_of_range(void **state) {
    (void)state;
    pyr_array *array = sample_array(PYR_TYPE_INT64, 10, 1, false);
    const int32_t bad[] = {10, -2, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 4; ++i) {
        pyr_array *taken = array;
        pyr_error error;
        const int32_t indices[] = {0, bad[i]};
        assert_int_equal(
            pyr_array_take(array, indices, 2, PYR_COPY_GATHER, NULL, NULL, &taken, &error),
            PYR_ERROR_INVALID_ARGUMENT);
        assert_null(taken);
    }
    pyr_array_release(array);
}

static void counts_the_bytes_it_writes(void **state) {
    (void)state;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_array *ints = sample_array(PYR_TYPE_INT64, 100, 1, false);
    static const int32_t indices[] = {5, 1, 2};
    pyr_array *taken = NULL;
    check_ok(pyr_array_take(ints, indices, 3, PYR_COPY_SORT, &ledger, NULL, &taken, error));
    assert_int_equal(ledger.copied[PYR_COPY_SORT], 3 * 8);
    assert_int_equal(ledger.copied[PYR_COPY_GATHER], 0);
    pyr_array_release(taken);
    pyr_array_release(ints);

    /* "ab", "c", null: offsets 4 * 4, bytes 3, validity 1. */
    pyr_field *field = sample_field(PYR_TYPE_UTF8, "s");
    pyr_builder *builder = NULL;
    pyr_array *text = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    check_ok(pyr_builder_string(builder, "c", error));
    check_ok(pyr_builder_null(builder, error));
    check_ok(pyr_builder_string(builder, "ab", error));
    check_ok(pyr_builder_finish(builder, &text, error));
    pyr_ledger_init(&ledger);
    const int32_t order[] = {2, 0, 1};
    check_ok(pyr_array_take(text, order, 3, PYR_COPY_GATHER, &ledger, NULL, &taken, error));
    assert_int_equal(ledger.copied[PYR_COPY_GATHER], 16 + 3 + 1);
    pyr_array_release(taken);
    pyr_array_release(text);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
}

static void shares_what_views_and_dictionaries_point_to(void **state) {
    (void)state;
    static const int32_t indices[] = {9, 3};
    pyr_array *taken = NULL;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_array *views = sample_array(PYR_TYPE_UTF8_VIEW, 40, 2, false);
    check_ok(pyr_array_take(views, indices, 2, PYR_COPY_GATHER, &ledger, NULL, &taken, error));
    assert_true(views->buffers_count > 2);
    assert_ptr_equal(taken->buffers[2], views->buffers[2]);
    assert_int_equal(ledger.copied[PYR_COPY_GATHER], 2 * 16);
    pyr_array_release(taken);
    pyr_array_release(views);
    pyr_array *dictionary = sample_array(PYR_TYPE_DICTIONARY, 40, 2, false);
    check_ok(pyr_array_take(dictionary, indices, 2, PYR_COPY_GATHER, NULL, NULL, &taken, error));
    assert_ptr_equal(taken->dictionary, dictionary->dictionary);
    pyr_array_release(taken);
    pyr_array_release(dictionary);
    pyr_array *lists = sample_array(PYR_TYPE_LIST_VIEW, 40, 2, false);
    check_ok(pyr_array_take(lists, indices, 2, PYR_COPY_GATHER, NULL, NULL, &taken, error));
    assert_ptr_equal(taken->children[0], lists->children[0]);
    pyr_array_release(taken);
    pyr_array_release(lists);
}

static void a_full_budget_is_an_error(void **state) {
    (void)state;
    pyr_array *array = sample_array(PYR_TYPE_NULL + 5, 10, 1, false);
    int32_t *indices = calloc(10000, sizeof(*indices));
    pyr_budget *budget = pyr_budget_create(1024);
    pyr_array *taken = array;
    pyr_error error;
    assert_int_equal(
        pyr_array_take(array, indices, 10000, PYR_COPY_GATHER, NULL, budget, &taken, &error),
        PYR_ERROR_MEMORY);
    assert_null(taken);
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
    free(indices);
    pyr_array_release(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_any_rows_of_every_type),
        cmocka_unit_test(minus_one_gives_null_in_every_type),
        cmocka_unit_test(no_rows_of_nothing),
        cmocka_unit_test(refuses_indices_out_of_range),
        cmocka_unit_test(counts_the_bytes_it_writes),
        cmocka_unit_test(shares_what_views_and_dictionaries_point_to),
        cmocka_unit_test(a_full_budget_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
