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

void pyr_batch_cursor_open(pyr_batch_cursor *cursor, pyr_batch *batch, bool backwards) {
    cursor->batch = batch;
    cursor->backwards = backwards;
    cursor->chunks_left = batch != NULL ? (batch->rows + PYR_VECTOR_ROWS - 1) / PYR_VECTOR_ROWS : 0;
    cursor->chunk_row = -PYR_VECTOR_ROWS;
}

static void make_column(pyr_batch_cursor *cursor, int32_t column) {
    uint64_t *room = cursor->bitmaps + (size_t)column * BITMAPS_PER_COLUMN * PYR_VECTOR_WORDS;
    pyr_vector_of_array(cursor->batch->columns[column], cursor->chunk_row, cursor->chunk_rows, room,
                        &cursor->columns[column]);
}

/* The first place of the selection that is not before row. */
static int64_t selection_from(const pyr_selection *selection, int64_t row) {
    const int32_t *rows = (const int32_t *)selection->rows->data;
    int64_t low = 0;
    int64_t high = selection->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (rows[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The batch's selection among the chunk's rows, as its mask; how many there are. */
static int32_t select_rows(pyr_batch_cursor *cursor) {
    const pyr_selection *selection = cursor->batch->selection;
    const int32_t *rows = (const int32_t *)selection->rows->data;
    int64_t end = cursor->chunk_row + cursor->chunk_rows;
    int64_t first = selection_from(selection, cursor->chunk_row);
    int64_t at = first;
    memset(cursor->mask, 0, sizeof(cursor->mask));
    for (; at < selection->count && rows[at] < end; ++at) {
        int64_t row = rows[at] - cursor->chunk_row;
        cursor->mask[row >> 6] |= UINT64_C(1) << (row & 63);
    }
    return (int32_t)(at - first);
}

void pyr_batch_cursor_next(pyr_batch_cursor *cursor, const bool *wanted, pyr_chunk *chunk) {
    memset(chunk, 0, sizeof(*chunk));
    if (cursor->chunks_left == 0) {
        return;
    }
    --cursor->chunks_left;
    cursor->chunk_row = cursor->backwards ? cursor->chunks_left * PYR_VECTOR_ROWS
                                          : cursor->chunk_row + PYR_VECTOR_ROWS;
    int64_t left = cursor->batch->rows - cursor->chunk_row;
    cursor->chunk_rows = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
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
