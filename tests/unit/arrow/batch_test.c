/* Batches, selections, streams. */
#include "support_arrays.h"

#include <stdlib.h>

static pyr_batch *sample_batch(int64_t rows) {
    pyr_array *columns[3] = {sample_array(PYR_TYPE_INT64, rows, 1, true),
                             sample_array(PYR_TYPE_UTF8, rows, 2, true),
                             sample_array(SAMPLE_NESTED, rows, 3, true)};
    return batch_of(columns, 3);
}

static pyr_selection *selection_of(const int32_t *rows, int64_t count) {
    pyr_buffer *buffer = bytes_buffer(rows, (size_t)count * sizeof(*rows));
    pyr_selection *selection = NULL;
    check_ok(pyr_selection_create(buffer, count, &selection, error));
    pyr_buffer_release(buffer);
    return selection;
}

static pyr_batch *selected(pyr_batch *batch, const int32_t *rows, int64_t count) {
    pyr_selection *selection = selection_of(rows, count);
    pyr_batch *result = NULL;
    check_ok(pyr_batch_select(batch, selection, &result, error));
    pyr_selection_release(selection);
    return result;
}

static void slices_and_projections_share_buffers(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(50), *slice = NULL, *projected = NULL;
    check_ok(pyr_batch_slice(batch, 7, 20, &slice, error));
    check_ok(pyr_batch_project(slice, (const int32_t[]){1, 0}, 2, NULL, &projected, error));
    assert_int_equal(slice->rows, 20);
    assert_ptr_equal(projected->columns[0], slice->columns[1]);
    for (int32_t i = 0; i < 3; ++i) {
        for (int32_t b = 0; b < batch->columns[i]->buffers_count; ++b) {
            assert_ptr_equal(slice->columns[i]->buffers[b], batch->columns[i]->buffers[b]);
        }
        assert_rows_equal(slice->columns[i], 0, batch->columns[i], 7, 20);
    }
    assert_string_equal(projected->schema->fields[0]->name, "b");
    check_ok(pyr_batch_validate(projected, PYR_VALIDATE_FULL, error));
    pyr_batch_release(projected);
    pyr_batch_release(slice);
    pyr_batch_release(batch);
}

static void selections_are_sliced_not_columns(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(50), *slice = NULL;
    pyr_batch *picked = selected(batch, (const int32_t[]){3, 9, 10, 30, 49}, 5);
    assert_int_equal(pyr_batch_selected(picked), 5);
    check_ok(pyr_batch_slice(picked, 1, 3, &slice, error));
    assert_ptr_equal(slice->columns[0], batch->columns[0]);
    assert_int_equal(pyr_batch_selected(slice), 3);
    assert_ptr_equal(slice->selection->rows->data, picked->selection->rows->data + 4);
    pyr_batch_release(slice);
    pyr_batch_release(picked);
    pyr_batch_release(batch);
}

static void a_range_becomes_a_slice_without_copying(void **state) {
    (void)state;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_batch *batch = sample_batch(50), *dense = NULL;
    check_ok(pyr_batch_dense(batch, &ledger, NULL, &dense, error));
    assert_ptr_equal(dense, batch);
    pyr_batch_release(dense);
    pyr_batch *range = selected(batch, (const int32_t[]){20, 21, 22}, 3);
    check_ok(pyr_batch_dense(range, &ledger, NULL, &dense, error));
    assert_ptr_equal(dense->columns[0]->buffers[1], batch->columns[0]->buffers[1]);
    assert_int_equal(dense->columns[0]->offset, 20);
    assert_int_equal(dense->rows, 3);
    pyr_batch_release(dense);
    pyr_batch_release(range);
    pyr_batch *none = selected(batch, NULL, 0);
    check_ok(pyr_batch_dense(none, &ledger, NULL, &dense, error));
    assert_int_equal(dense->rows, 0);
    assert_null(dense->selection);
    pyr_batch_release(dense);
    pyr_batch_release(none);
    assert_int_equal(ledger.copied[PYR_COPY_GATHER], 0);
    pyr_batch_release(batch);
}

static void scattered_rows_are_gathered_and_counted(void **state) {
    (void)state;
    static const int32_t rows[] = {0, 5, 6, 49};
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_array *column = sample_array(PYR_TYPE_INT64, 50, 1, false);
    pyr_batch *batch = batch_of(&column, 1), *dense = NULL;
    pyr_batch *picked = selected(batch, rows, 4);
    check_ok(pyr_batch_dense(picked, &ledger, NULL, &dense, error));
    assert_int_equal(ledger.copied[PYR_COPY_GATHER], 4 * 8);
    for (int64_t i = 0; i < 4; ++i) {
        assert_rows_equal(dense->columns[0], i, batch->columns[0], rows[i], 1);
    }
    assert_true(pyr_batch_equal(dense, picked));
    assert_false(pyr_batch_equal(dense, batch));
    pyr_batch_release(dense);
    pyr_batch_release(picked);
    pyr_batch_release(batch);
}

static pyr_array *mask_of(const char *letters) {
    pyr_field *field = sample_field(PYR_TYPE_BOOL, "m");
    pyr_builder *builder = NULL;
    pyr_array *mask = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (; *letters != '\0'; ++letters) {
        check_ok(*letters == 'n' ? pyr_builder_null(builder, error)
                                 : pyr_builder_int64(builder, *letters == 't', error));
    }
    check_ok(pyr_builder_finish(builder, &mask, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return mask;
}

static void assert_selects(const pyr_batch *batch, const int32_t *rows, int64_t count) {
    assert_int_equal(pyr_batch_selected(batch), count);
    assert_memory_equal(batch->selection->rows->data, rows, (size_t)count * sizeof(*rows));
}

static void filters_keep_what_is_true(void **state) {
    (void)state;
    pyr_array *column = sample_array(PYR_TYPE_INT64, 6, 1, false);
    pyr_batch *batch = batch_of(&column, 1), *once = NULL, *twice = NULL, *all = NULL;
    pyr_array *mask = mask_of("xtfntt");
    pyr_array *shifted = slice_of(mask, 0, 6);
    check_ok(pyr_batch_filter(batch, shifted, NULL, &once, error));
    assert_selects(once, (const int32_t[]){1, 4, 5}, 3);
    pyr_array *second = mask_of("tttttf");
    check_ok(pyr_batch_filter(once, second, NULL, &twice, error));
    assert_selects(twice, (const int32_t[]){1, 4}, 2);
    pyr_array *everything = mask_of("tttttt");
    check_ok(pyr_batch_filter(once, everything, NULL, &all, error));
    assert_ptr_equal(all, once);
    pyr_batch_release(all);
    pyr_array *long_mask = mask_of("ftnttftf");
    pyr_array *inner = slice_of(long_mask, 1, 6); /* t n t t f t */
    check_ok(pyr_batch_filter(batch, inner, NULL, &all, error));
    assert_selects(all, (const int32_t[]){0, 2, 3, 5}, 4);
    pyr_batch_release(all);
    pyr_array_release(mask);
    pyr_array_release(shifted);
    pyr_array_release(second);
    pyr_array_release(everything);
    pyr_array_release(long_mask);
    pyr_array_release(inner);
    pyr_batch_release(twice);
    pyr_batch_release(once);
    pyr_batch_release(batch);
}

static void concat_joins_selected_rows(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(30), *joined = NULL;
    pyr_batch *parts[3] = {selected(batch, (const int32_t[]){1, 7}, 2), batch,
                           selected(batch, NULL, 0)};
    check_ok(pyr_batch_concat(parts, 3, NULL, NULL, &joined, error));
    assert_int_equal(joined->rows, 32);
    for (int32_t i = 0; i < 3; ++i) {
        assert_rows_equal(joined->columns[i], 0, batch->columns[i], 1, 1);
        assert_rows_equal(joined->columns[i], 1, batch->columns[i], 7, 1);
        assert_rows_equal(joined->columns[i], 2, batch->columns[i], 0, 30);
    }
    check_ok(pyr_batch_validate(joined, PYR_VALIDATE_FULL, error));
    pyr_batch_release(joined);
    pyr_batch_release(parts[0]);
    pyr_batch_release(parts[2]);
    pyr_batch_release(batch);
}

static void validation_looks_at_selections(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(10);
    static const int32_t bad[3][2] = {{3, 3}, {5, 10}, {-1, 2}};
    for (int i = 0; i < 3; ++i) {
        pyr_batch *picked = selected(batch, bad[i], 2);
        pyr_error error;
        assert_int_equal(pyr_batch_validate(picked, PYR_VALIDATE_FULL, &error), PYR_ERROR_CORRUPT);
        pyr_batch_release(picked);
    }
    pyr_batch_release(batch);
}

static void streams_give_their_batches_then_end(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(4), *next = NULL;
    pyr_batch *batches[2] = {batch, batch};
    pyr_stream *stream = NULL;
    check_ok(pyr_stream_from_batches(batch->schema, batches, 2, &stream, error));
    for (int i = 0; i < 2; ++i) {
        check_ok(pyr_stream_next(stream, &next, error));
        assert_ptr_equal(next, batch);
        pyr_batch_release(next);
    }
    for (int i = 0; i < 2; ++i) {
        check_ok(pyr_stream_next(stream, &next, error));
        assert_null(next);
    }
    pyr_stream_destroy(stream);
    check_ok(pyr_stream_from_batches(batch->schema, batches, 2, &stream, error));
    pyr_stream_destroy(stream); /* unread batches are let go */
    pyr_batch_release(batch);
}

static void a_batch_without_columns_has_rows(void **state) {
    (void)state;
    pyr_batch *batch = sample_batch(8), *none = NULL, *slice = NULL;
    check_ok(pyr_batch_project(batch, NULL, 0, NULL, &none, error));
    assert_int_equal(none->rows, 8);
    check_ok(pyr_batch_slice(none, 2, 3, &slice, error));
    assert_int_equal(slice->rows, 3);
    assert_int_equal(pyr_batch_size_bytes(slice), 0);
    pyr_batch_release(slice);
    pyr_batch_release(none);
    pyr_batch_release(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_and_projections_share_buffers),
        cmocka_unit_test(selections_are_sliced_not_columns),
        cmocka_unit_test(a_range_becomes_a_slice_without_copying),
        cmocka_unit_test(scattered_rows_are_gathered_and_counted),
        cmocka_unit_test(filters_keep_what_is_true),
        cmocka_unit_test(concat_joins_selected_rows),
        cmocka_unit_test(validation_looks_at_selections),
        cmocka_unit_test(streams_give_their_batches_then_end),
        cmocka_unit_test(a_batch_without_columns_has_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
