/* kept_rows.c - see kept_rows.h. */
#include "storage/kept_rows.h"

pyr_status pyr_batch_without_deleted(pyr_batch *batch, const pyr_row_bitmap *deleted, int64_t first,
                                     pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    int64_t end = first + batch->rows;
    int64_t kept = batch->rows - pyr_row_bitmap_count_range(deleted, first, end);
    *out = NULL;
    if (kept == batch->rows) {
        *out = batch;
        return PYR_OK;
    }
    pyr_buffer *rows = NULL;
    pyr_selection *selection = NULL;
    pyr_status status = PYR_OK;
    if (kept > 0) {
        status = pyr_buffer_create_raw((size_t)batch->rows * sizeof(int32_t), budget, &rows, error);
    }
    if (status == PYR_OK && kept > 0) {
        pyr_row_bitmap_kept_rows(deleted, first, end, (int32_t *)pyr_buffer_mutable(rows));
        status = pyr_selection_create(rows, kept, &selection, error);
    }
    if (status == PYR_OK && kept > 0) {
        status = pyr_batch_select(batch, selection, out, error);
    }
    pyr_selection_release(selection);
    pyr_buffer_release(rows);
    pyr_batch_release(batch);
    return status;
}
