/* concat: rows of all parts after each other, of every type; text is the oracle. */
#include "support_arrays.h"

#include <stdio.h>
#include <stdlib.h>

static pyr_array *concat_and_compare(pyr_array **parts, size_t count, pyr_query_ledger *ledger) {
    pyr_array *joined = NULL;
    check_ok(pyr_array_concat(parts, count, ledger, NULL, &joined, error));
    assert_valid(joined);
    int64_t row = 0;
    for (size_t i = 0; i < count; ++i) {
        assert_rows_equal(joined, row, parts[i], 0, parts[i]->length);
        row += parts[i]->length;
    }
    assert_int_equal(joined->length, row);
    return joined;
}

static void joins_slices_of_every_type(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        for (int nulls = 0; nulls < 4; ++nulls) { /* in the first, the second, both or none */
            pyr_array *a = sample_array(kind, 50, 1, (nulls & 1) != 0);
            pyr_array *b = sample_array(kind, 30, 2, (nulls & 2) != 0);
            pyr_array *parts[5] = {slice_of(a, 7, 20), b, slice_of(a, 3, 0), slice_of(b, 11, 9), a};
            pyr_array_release(concat_and_compare(parts, 5, NULL));
            pyr_array_release(parts[0]);
            pyr_array_release(parts[2]);
            pyr_array_release(parts[3]);
            pyr_array_release(a);
            pyr_array_release(b);
        }
    }
}

static void joins_empty_arrays_without_buffers(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field *field = sample_field(kind, "f");
        pyr_array *empty = NULL;
        check_ok(pyr_array_create_null(field, 0, NULL, &empty, error));
        pyr_array *parts[3] = {empty, sample_array(kind, 9, 1, true), empty};
        pyr_array_release(concat_and_compare(parts, 3, NULL));
        pyr_array *nothing[2] = {empty, empty};
        pyr_array_release(concat_and_compare(nothing, 2, NULL));
        pyr_array_release(parts[1]);
        pyr_array_release(empty);
        pyr_field_release(field);
    }
}

static void one_array_is_not_copied(void **state) {
    (void)state;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_array *array = sample_array(PYR_TYPE_UTF8, 10, 1, true);
    pyr_array *joined = concat_and_compare(&array, 1, &ledger);
    assert_ptr_equal(joined, array);
    assert_int_equal(ledger.copied[PYR_COPY_CONCAT], 0);
    pyr_array_release(joined);
    pyr_array_release(array);
}

static void counts_the_bytes_it_writes(void **state) {
    (void)state;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_array *a = sample_array(PYR_TYPE_INT32, 10, 1, false);
    pyr_array *parts[2] = {a, a};
    pyr_array_release(concat_and_compare(parts, 2, &ledger));
    assert_int_equal(ledger.copied[PYR_COPY_CONCAT], 20 * 4);
    pyr_array_release(a);
}

static pyr_array *dictionary_of(const char *const *values, int64_t values_count,
                                const int8_t *indices, int64_t count) {
    pyr_field *text = sample_field(PYR_TYPE_UTF8, "");
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *dictionary = NULL, *array = NULL;
    check_ok(pyr_field_create_dictionary("d", PYR_TYPE_INT8, false, text, &field, error));
    check_ok(pyr_builder_create(text, NULL, &builder, error));
    for (int64_t i = 0; i < values_count; ++i) {
        check_ok(pyr_builder_string(builder, values[i], error));
    }
    check_ok(pyr_builder_finish(builder, &dictionary, error));
    pyr_buffer *buffers[2] = {NULL, bytes_buffer(indices, (size_t)count)};
    check_ok(pyr_array_create(field, count, 0, 0, buffers, 2, NULL, 0, dictionary, &array, error));
    pyr_buffer_release(buffers[1]);
    pyr_array_release(dictionary);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    pyr_field_release(text);
    return array;
}

static void a_dictionary_that_grew_is_kept(void **state) {
    (void)state;
    const char *const values[] = {"x", "y", "z"};
    pyr_array *parts[2] = {dictionary_of(values, 2, (const int8_t[]){1, 0}, 2),
                           dictionary_of(values, 3, (const int8_t[]){2, 1}, 2)};
    pyr_array *joined = concat_and_compare(parts, 2, NULL);
    assert_ptr_equal(joined->dictionary, parts[1]->dictionary);
    pyr_array_release(joined);
    pyr_array_release(parts[0]);
    pyr_array_release(parts[1]);
}

static void different_dictionaries_are_appended(void **state) {
    (void)state;
    const char *const first[] = {"x", "y"};
    const char *const second[] = {"p", "q"};
    pyr_array *parts[3] = {dictionary_of(first, 2, (const int8_t[]){1, 0}, 2),
                           dictionary_of(second, 2, (const int8_t[]){1, 0}, 2), NULL};
    parts[2] = pyr_array_retain(parts[0]);
    pyr_array *joined = concat_and_compare(parts, 3, NULL);
    assert_int_equal(joined->dictionary->length, 4);
    pyr_array_release(joined);
    for (int i = 0; i < 3; ++i) {
        pyr_array_release(parts[i]);
    }
}

static void indices_that_do_not_fit_are_refused(void **state) {
    (void)state;
    char texts[100][8];
    const char *first[100], *second[100];
    for (int i = 0; i < 100; ++i) {
        (void)snprintf(texts[i], sizeof(texts[i]), "v%d", i);
        first[i] = texts[i];
        second[i] = texts[99 - i];
    }
    pyr_array *parts[2] = {dictionary_of(first, 100, (const int8_t[]){99}, 1),
                           dictionary_of(second, 100, (const int8_t[]){99}, 1)};
    pyr_array *joined = parts[0];
    pyr_error error;
    assert_int_equal(pyr_array_concat(parts, 2, NULL, NULL, &joined, &error), PYR_ERROR_LIMIT);
    assert_null(joined);
    pyr_array_release(parts[0]);
    pyr_array_release(parts[1]);
}

static void overlapping_list_views_stay_small(void **state) {
    (void)state;
    /* Every row is the whole child: 100 * 100 values if lists were copied one by one. */
    int32_t offsets[100] = {0}, sizes[100], values[100] = {0};
    for (int i = 0; i < 100; ++i) {
        sizes[i] = 100;
    }
    pyr_array *child = int32_array(values, 100);
    pyr_field *item = pyr_field_retain(child->field), *field = NULL;
    check_ok(pyr_field_create_nested("l", PYR_TYPE_LIST_VIEW, 0, &item, 1, &field, error));
    pyr_buffer *buffers[3] = {NULL, bytes_buffer(offsets, sizeof(offsets)),
                              bytes_buffer(sizes, sizeof(sizes))};
    pyr_array *a = NULL;
    check_ok(pyr_array_create(field, 100, 0, 0, buffers, 3, &child, 1, NULL, &a, error));
    pyr_array *b = NULL;
    check_ok(pyr_array_create(field, 100, 0, 0, buffers, 3, &child, 1, NULL, &b, error));
    pyr_array *parts[2] = {a, b};
    pyr_array *joined = concat_and_compare(parts, 2, NULL);
    assert_true(joined->children[0]->length <= 200);
    pyr_array_release(joined);
    pyr_array_release(a);
    pyr_array_release(b);
    pyr_array_release(child);
    pyr_buffer_release(buffers[1]);
    pyr_buffer_release(buffers[2]);
    pyr_field_release(item);
    pyr_field_release(field);
}

static void offsets_beyond_two_gigabytes_are_refused(void **state) {
    (void)state;
    /* One value of 1.5 GiB that no byte stands behind: the sum is refused before a byte is read. */
    static const uint8_t nothing = 0;
    const int32_t offsets[2] = {0, 3 << 29};
    pyr_field *field = sample_field(PYR_TYPE_BINARY, "b");
    pyr_buffer *buffers[3] = {NULL, bytes_buffer(offsets, sizeof(offsets)), NULL};
    check_ok(pyr_buffer_wrap(&nothing, (size_t)3 << 29, NULL, NULL, &buffers[2], error));
    pyr_array *array = NULL;
    check_ok(pyr_array_create(field, 1, 0, 0, buffers, 3, NULL, 0, NULL, &array, error));
    pyr_array *parts[2] = {array, array}, *joined = NULL;
    pyr_error error;
    assert_int_equal(pyr_array_concat(parts, 2, NULL, NULL, &joined, &error), PYR_ERROR_LIMIT);
    assert_null(joined);
    const int32_t twice[2] = {0, 0};
    assert_int_equal(pyr_array_take(array, twice, 2, PYR_COPY_GATHER, NULL, NULL, &joined, &error),
                     PYR_ERROR_LIMIT);
    pyr_array_release(array);
    pyr_buffer_release(buffers[1]);
    pyr_buffer_release(buffers[2]);
    pyr_field_release(field);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_slices_of_every_type),
        cmocka_unit_test(joins_empty_arrays_without_buffers),
        cmocka_unit_test(one_array_is_not_copied),
        cmocka_unit_test(counts_the_bytes_it_writes),
        cmocka_unit_test(a_dictionary_that_grew_is_kept),
        cmocka_unit_test(different_dictionaries_are_appended),
        cmocka_unit_test(indices_that_do_not_fit_are_refused),
        cmocka_unit_test(overlapping_list_views_stay_small),
        cmocka_unit_test(offsets_beyond_two_gigabytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
