/* window_neighbour.c - the value of another row: LAG and LEAD at a distance, FIRST_VALUE,
 * LAST_VALUE and NTH_VALUE of the frame.
 */
#include "exec/window_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_window_neighbour {
    const pyr_window_sink *sink;
    const pyr_window_function *function;
    pyr_arena arena;
    pyr_row_gather *gather;
    pyr_eval *value;
    pyr_eval *otherwise; /* LAG, LEAD; NULL: NULL */
    pyr_vector *columns;
};

static pyr_status init(pyr_window_neighbour *self, pyr_error *error) {
    const pyr_window_sink *sink = self->sink;
    const pyr_window_function *function = self->function;
    self->columns = pyr_arena_array(&self->arena, (size_t)sink->width + 1, sizeof(pyr_vector));
    if (self->columns == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    PYR_TRY(pyr_row_gather_create(sink->batches, sink->batches_count, sink->node->columns,
                                  sink->width, sink->exec->budget, &self->gather, error));
    PYR_TRY(pyr_eval_create((pyr_bound_expr *const *)&function->arguments[0], 1,
                            sink->exec->scalars, sink->exec->budget, &self->value, error));
    if (function->arguments_count < 2) {
        return PYR_OK;
    }
    return pyr_eval_create((pyr_bound_expr *const *)&function->arguments[1], 1, sink->exec->scalars,
                           sink->exec->budget, &self->otherwise, error);
}

pyr_status pyr_window_neighbour_create(const pyr_window_sink *sink,
                                       const pyr_window_function *function,
                                       pyr_window_neighbour **out, pyr_error *error) {
    *out = NULL;
    pyr_window_neighbour *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink = sink;
    self->function = function;
    pyr_arena_init(&self->arena, sink->exec->budget);
    pyr_status status = init(self, error);
    if (status != PYR_OK) {
        pyr_window_neighbour_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

void pyr_window_neighbour_destroy(pyr_window_neighbour *neighbour) {
    if (neighbour != NULL) {
        pyr_row_gather_destroy(neighbour->gather);
        pyr_eval_destroy(neighbour->value);
        pyr_eval_destroy(neighbour->otherwise);
        pyr_arena_deinit(&neighbour->arena);
        free(neighbour);
    }
}

/* The neighbour of the chunk's row i; -1: there is none. */
static int64_t row_of(const pyr_window_function *function, const pyr_window_places *places,
                      int32_t i, const int64_t *begins, const int64_t *ends) {
    int64_t row = places->first + i;
    int64_t from = places->partitions[i];
    int64_t to = places->partition_ends[i];
    switch (function->op) {
    case PYR_WINDOW_LAG:
        row -= function->distance;
        break;
    case PYR_WINDOW_LEAD:
        row += function->distance;
        break;
    default:
        from = begins[i];
        to = ends[i];
        row = function->op == PYR_WINDOW_FIRST_VALUE  ? from
              : function->op == PYR_WINDOW_LAST_VALUE ? to - 1
              : function->distance <= to - from       ? from + function->distance - 1
                                                      : to;
        break;
    }
    return row >= from && row < to ? row : -1;
}

/* Where the neighbours of the chunk's rows are, and a bit for each that there is. Returns how many
 * there are. */
static int32_t find(const pyr_window_neighbour *self, const pyr_window_places *places,
                    const int64_t *begins, const int64_t *ends, uint32_t *batches, uint32_t *rows,
                    uint64_t *there) {
    int32_t found = 0;
    memset(there, 0, PYR_VECTOR_WORDS * sizeof(*there));
    for (int32_t i = 0; i < places->count; ++i) {
        int64_t row = row_of(self->function, places, i, begins, ends);
        batches[i] = UINT32_MAX;
        rows[i] = 0;
        if (row >= 0) {
            pyr_window_locate(self->sink, row, 1, &batches[i], &rows[i]);
            there[i >> 6] |= UINT64_C(1) << (i & 63);
            ++found;
        }
    }
    return found;
}

static void put_row(const pyr_vector *from, int32_t row, pyr_vector_buffer *to, int32_t i) {
    int32_t at = from->constant ? 0 : row;
    bool null = pyr_vector_is_null(from, row);
    if (from->physical == PYR_PHYSICAL_STRING) {
        pyr_string text = {NULL, 0};
        if (!null) {
            text = pyr_vector_string(from, row);
        }
        pyr_window_put(PYR_PHYSICAL_STRING, &text, null, to, i);
    } else if (from->physical == PYR_PHYSICAL_BIT) {
        uint8_t bit = pyr_bit_get(from->data, at);
        pyr_window_put(PYR_PHYSICAL_BIT, &bit, null, to, i);
    } else {
        const uint8_t *values = from->data;
        pyr_window_put(from->physical, values + (size_t)at * pyr_physical_bytes(from->physical),
                       null, to, i);
    }
}

pyr_status pyr_window_neighbour_results(pyr_window_neighbour *neighbour,
                                        const pyr_window_places *places, const int64_t *begins,
                                        const int64_t *ends, pyr_vector_buffer *out,
                                        pyr_error *error) {
    static const uint64_t nothing[2];
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    uint64_t there[PYR_VECTOR_WORDS];
    pyr_vector value = {0};
    pyr_vector otherwise = {0};
    int32_t found = find(neighbour, places, begins, ends, batches, rows, there);
    pyr_chunk chunk = {.rows = places->count,
                       .selected = found,
                       .mask = found < places->count ? there : NULL,
                       .columns_count = neighbour->sink->width,
                       .columns = neighbour->columns};
    if (found > 0) {
        pyr_row_gather_rows(neighbour->gather, batches, rows, places->count, neighbour->columns);
        PYR_TRY(pyr_eval_run(neighbour->value, &chunk, &value, error));
    }
    if (neighbour->otherwise != NULL) {
        pyr_chunk one = {.rows = 1, .selected = 1};
        PYR_TRY(pyr_eval_run(neighbour->otherwise, &one, &otherwise, error));
    }
    for (int32_t i = 0; i < places->count; ++i) {
        if (pyr_bit_get((const uint8_t *)there, i)) {
            put_row(&value, i, out, i);
        } else if (neighbour->otherwise != NULL) {
            put_row(&otherwise, 0, out, i);
        } else {
            pyr_window_put(pyr_sql_type_physical(neighbour->function->type), nothing, true, out, i);
        }
    }
    return PYR_OK;
}
