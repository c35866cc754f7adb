/* batch_cursor.c - a batch as chunks: views, never copies of values. */
#include "exec/exec_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BITMAPS_PER_COLUMN = 2 }; /* validity, and the values of a BOOLEAN */

pyr_status pyr_batch_cursor_init(pyr_batch_cursor *cursor, int32_t columns_count,
                                 pyr_error *error) {
    memset(cursor, 0, sizeof(*cursor));
    size_t count = (size_t)columns_count;
    size_t words = count * BITMAPS_PER_COLUMN * PYR_VECTOR_WORDS;
    cursor->columns_count = columns_count;
    cursor->columns = calloc(count + 1, sizeof(*cursor->columns));
    cursor->bitmaps = calloc(words + 1, sizeof(*cursor->bitmaps));
    if (cursor->columns == NULL || cursor->bitmaps == NULL) {
        pyr_batch_cursor_deinit(cursor);
        return pyr_error_memory(error, words * sizeof(*cursor->bitmaps));
    }
    return PYR_OK;
}

void pyr_batch_cursor_deinit(pyr_batch_cursor *cursor) {
    free(cursor->columns);
    free(cursor->bitmaps);
    memset(cursor, 0, sizeof(*cursor));
}

void pyr_batch_cursor_open(pyr_batch_cursor *cursor, pyr_batch *batch) {
    cursor->batch = batch;
    cursor->row = 0;
    cursor->selection = 0;
}

static void make_column(pyr_batch_cursor *cursor, int32_t column) {
    uint64_t *room = cursor->bitmaps + (size_t)column * BITMAPS_PER_COLUMN * PYR_VECTOR_WORDS;
    pyr_vector_of_array(cursor->batch->columns[column], cursor->chunk_row, cursor->chunk_rows, room,
                        &cursor->columns[column]);
}

/* The batch's selection among the chunk's rows, as its mask; how many there are. */
static int32_t select_rows(pyr_batch_cursor *cursor) {
    const pyr_selection *selection = cursor->batch->selection;
    const int32_t *rows = (const int32_t *)selection->rows->data;
    int64_t end = cursor->chunk_row + cursor->chunk_rows;
    int64_t first = cursor->selection;
    memset(cursor->mask, 0, sizeof(cursor->mask));
    while (cursor->selection < selection->count && rows[cursor->selection] < end) {
        int64_t row = rows[cursor->selection] - cursor->chunk_row;
        cursor->mask[row >> 6] |= UINT64_C(1) << (row & 63);
        ++cursor->selection;
    }
    return (int32_t)(cursor->selection - first);
}

void pyr_batch_cursor_next(pyr_batch_cursor *cursor, const bool *wanted, pyr_chunk *chunk) {
    memset(chunk, 0, sizeof(*chunk));
    int64_t left = cursor->batch != NULL ? cursor->batch->rows - cursor->row : 0;
    if (left <= 0) {
        return;
    }
    cursor->chunk_row = cursor->row;
    cursor->chunk_rows = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    cursor->row += cursor->chunk_rows;
    chunk->rows = cursor->chunk_rows;
    chunk->selected = cursor->chunk_rows;
    chunk->columns_count = cursor->columns_count;
    chunk->columns = cursor->columns;
    if (cursor->batch->selection != NULL) {
        chunk->selected = select_rows(cursor);
        chunk->mask = chunk->selected < chunk->rows ? cursor->mask : NULL;
    }
    for (int32_t i = 0; i < cursor->columns_count && chunk->selected > 0; ++i) {
        if (wanted == NULL || wanted[i]) {
            make_column(cursor, i);
        }
    }
}

void pyr_batch_cursor_rest(pyr_batch_cursor *cursor, const bool *had) {
    for (int32_t i = 0; i < cursor->columns_count; ++i) {
        if (!had[i]) {
            make_column(cursor, i);
        }
    }
}
