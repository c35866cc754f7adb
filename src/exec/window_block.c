/* window_block.c - rows of the partitions, a vector's worth at a time, and values of them. */
#include "exec/window_internal.h"

pyr_status pyr_window_block_init(const pyr_window_sink *sink, pyr_bound_expr *const *expressions,
                                 int32_t count, pyr_arena *arena, pyr_window_block *out,
                                 pyr_error *error) {
    *out = (pyr_window_block){.sink = sink};
    if (count == 0) {
        return PYR_OK;
    }
    out->columns = pyr_arena_array(arena, (size_t)sink->width + 1, sizeof(pyr_vector));
    if (out->columns == NULL) {
        return pyr_arena_error(arena, error);
    }
    PYR_TRY(pyr_row_gather_create(sink->batches, sink->batches_count, sink->node->columns,
                                  sink->width, sink->exec->budget, &out->gather, error));
    return pyr_eval_create(expressions, count, sink->exec->scalars, sink->exec->budget, &out->eval,
                           error);
}

void pyr_window_block_deinit(pyr_window_block *block) {
    pyr_row_gather_destroy(block->gather);
    pyr_eval_destroy(block->eval);
}

void pyr_window_block_open(pyr_window_block *block, int64_t limit) {
    block->limit = limit;
    block->first = 0;
    block->end = 0;
}

pyr_status pyr_window_block_read(pyr_window_block *block, int64_t first, pyr_vector *values,
                                 pyr_error *error) {
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    int64_t left = block->limit - first;
    int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    block->first = first;
    block->end = first + count;
    PYR_TRY(pyr_cancel_flag_check(block->sink->exec->cancel, error)); /* frames may be long */
    if (block->eval == NULL) {
        return PYR_OK;
    }
    pyr_window_locate(block->sink, first, count, batches, rows);
    pyr_row_gather_rows(block->gather, batches, rows, count, block->columns);
    pyr_chunk chunk = {.rows = count,
                       .selected = count,
                       .columns_count = block->sink->width,
                       .columns = block->columns};
    return pyr_eval_run(block->eval, &chunk, values, error);
}
