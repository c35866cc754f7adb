/* window_source.c - what a WINDOW gives: the rows' columns, then a column for each function. */
#include "exec/window_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct window_source {
    pyr_morsel_source source;
    pyr_window_sink *sink;
    int64_t *begins; /* of each morsel, and the end of the last */
    int64_t count, capacity;
} window_source;

/* LAG and LEAD: rows at a distance, and the value of them. */
typedef struct neighbour {
    pyr_row_gather *gather;
    pyr_eval *value;
    pyr_eval *otherwise; /* NULL: NULL */
    pyr_vector *columns;
} neighbour;

typedef struct window_state {
    pyr_arena arena;
    pyr_arena texts; /* of a chunk */
    pyr_row_gather *gather;
    pyr_vector *columns;
    pyr_vector_buffer *results;                        /* a function each */
    neighbour *neighbours;                             /* a function each */
    pyr_window_frame *frames[PYR_WINDOW_FRAMES_COUNT]; /* NULL: no function has such */
    pyr_window_places places;
    int64_t next, end;
} window_state;

/* ---- Morsels: whole partitions. ---- */

static pyr_status add_begin(window_source *self, int64_t row, pyr_error *error) {
    if (self->count == self->capacity) {
        int64_t larger = self->capacity == 0 ? 64 : 2 * self->capacity;
        int64_t *grown = realloc(self->begins, (size_t)larger * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, (size_t)larger * sizeof(*grown));
        }
        self->begins = grown;
        self->capacity = larger;
    }
    self->begins[self->count++] = row;
    return PYR_OK;
}

static pyr_status start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    window_source *self = (window_source *)source;
    const pyr_window_sink *sink = self->sink;
    int64_t row = 0;
    int64_t rows = sink->exec->morsel_rows > 0 ? sink->exec->morsel_rows
                   : sink->spilled             ? PYR_WINDOW_SPILLED_ROWS
                                               : PYR_WINDOW_MORSEL_ROWS;
    while (row < sink->rows_count) {
        PYR_TRY(add_begin(self, row, error));
        row = pyr_window_next_bit(sink->partitions, row + rows, sink->rows_count);
    }
    *morsels = self->count;
    return add_begin(self, sink->rows_count, error);
}

/* ---- A worker. ---- */

static void worker_destroy(pyr_morsel_source *source, void *state) {
    const pyr_window_sink *sink = ((const window_source *)source)->sink;
    window_state *self = state;
    pyr_row_gather_destroy(self->gather);
    for (int32_t i = 0; self->neighbours != NULL && i < sink->node->as.window.functions_count;
         ++i) {
        pyr_row_gather_destroy(self->neighbours[i].gather);
        pyr_eval_destroy(self->neighbours[i].value);
        pyr_eval_destroy(self->neighbours[i].otherwise);
    }
    for (int kind = 0; kind < PYR_WINDOW_FRAMES_COUNT; ++kind) {
        pyr_window_frame_destroy(self->frames[kind]);
    }
    pyr_arena_deinit(&self->arena);
    pyr_arena_deinit(&self->texts);
    free(self);
}

static pyr_status new_gather(const pyr_window_sink *sink, pyr_row_gather **out, pyr_error *error) {
    return pyr_row_gather_create(sink->batches, sink->batches_count, sink->node->columns,
                                 sink->width, sink->exec->budget, out, error);
}

static bool is_neighbour(const pyr_window_function *function) {
    return function->op == PYR_WINDOW_LAG || function->op == PYR_WINDOW_LEAD;
}

static pyr_status init_neighbour(window_state *self, const pyr_window_sink *sink,
                                 const pyr_window_function *function, neighbour *out,
                                 pyr_error *error) {
    out->columns = pyr_arena_array(&self->arena, (size_t)sink->width + 1, sizeof(pyr_vector));
    if (out->columns == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    PYR_TRY(new_gather(sink, &out->gather, error));
    PYR_TRY(pyr_eval_create((pyr_bound_expr *const *)&function->arguments[0], 1,
                            sink->exec->scalars, sink->exec->budget, &out->value, error));
    if (function->arguments_count < 2) {
        return PYR_OK;
    }
    return pyr_eval_create((pyr_bound_expr *const *)&function->arguments[1], 1, sink->exec->scalars,
                           sink->exec->budget, &out->otherwise, error);
}

static pyr_status init_functions(window_state *self, const pyr_window_sink *sink,
                                 pyr_error *error) {
    const pyr_node *node = sink->node;
    int32_t functions = node->as.window.functions_count;
    for (int32_t i = 0; i < functions; ++i) {
        const pyr_window_function *function = &node->as.window.functions[i];
        PYR_TRY(pyr_vector_buffer_init(&self->results[i], pyr_sql_type_physical(function->type),
                                       &self->arena, error));
        if (is_neighbour(function)) {
            PYR_TRY(init_neighbour(self, sink, function, &self->neighbours[i], error));
        }
    }
    for (int kind = 0; kind < PYR_WINDOW_FRAMES_COUNT; ++kind) {
        PYR_TRY(
            pyr_window_frame_create(sink, (pyr_window_frame_kind)kind, &self->frames[kind], error));
    }
    return PYR_OK;
}

static pyr_status worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const pyr_window_sink *sink = ((const window_source *)source)->sink;
    size_t functions = (size_t)sink->node->as.window.functions_count;
    window_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_arena_init(&self->arena, sink->exec->budget);
    pyr_arena_init(&self->texts, sink->exec->budget);
    self->columns = pyr_arena_array(&self->arena, (size_t)sink->node->columns_count + 1,
                                    sizeof(*self->columns));
    self->results = pyr_arena_array(&self->arena, functions + 1, sizeof(*self->results));
    self->neighbours = pyr_arena_array(&self->arena, functions + 1, sizeof(*self->neighbours));
    if (self->columns == NULL || self->results == NULL || self->neighbours == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    PYR_TRY(new_gather(sink, &self->gather, error));
    return init_functions(self, sink, error);
}

static pyr_status open_morsel(pyr_morsel_source *source, void *state, int64_t morsel,
                              pyr_error *error) {
    const window_source *of = (const window_source *)source;
    window_state *self = state;
    (void)error;
    self->next = of->begins[morsel];
    self->end = of->begins[morsel + 1];
    for (int kind = 0; kind < PYR_WINDOW_FRAMES_COUNT; ++kind) {
        if (self->frames[kind] != NULL) {
            pyr_window_frame_open(self->frames[kind], self->end);
        }
    }
    return PYR_OK;
}

/* ---- Places. ---- */

static void place_rows(const pyr_window_sink *sink, pyr_window_places *self, int64_t first,
                       int32_t count) {
    self->first = first;
    self->count = count;
    for (int32_t i = 0; i < count; ++i) {
        int64_t row = first + i;
        if (pyr_bit_get(sink->partitions, row)) {
            self->partition = row;
            self->partition_end = pyr_window_next_bit(sink->partitions, row + 1, sink->rows_count);
            self->dense = 0;
        }
        if (pyr_bit_get(sink->peers, row)) {
            self->peer = row;
            self->peer_end = pyr_window_next_bit(sink->peers, row + 1, self->partition_end);
            ++self->dense;
        }
        self->partitions[i] = self->partition;
        self->partition_ends[i] = self->partition_end;
        self->peers[i] = self->peer;
        self->peer_ends[i] = self->peer_end;
        self->denses[i] = self->dense;
    }
}

static void put_numbers(pyr_window_op op, const pyr_window_places *places, int64_t *out) {
    for (int32_t i = 0; i < places->count; ++i) {
        switch (op) {
        case PYR_WINDOW_ROW_NUMBER:
            out[i] = places->first + i - places->partitions[i] + 1;
            break;
        case PYR_WINDOW_RANK:
            out[i] = places->peers[i] - places->partitions[i] + 1;
            break;
        default: /* DENSE_RANK */
            out[i] = places->denses[i];
            break;
        }
    }
}

/* ---- Neighbours. ---- */

/* Where the neighbours of the chunk's rows are, and a bit for each that there is. Returns how many
 * there are. */
static int32_t find_neighbours(const pyr_window_sink *sink, const pyr_window_function *function,
                               const pyr_window_places *places, uint32_t *batches, uint32_t *rows,
                               uint64_t *there) {
    int64_t distance = function->op == PYR_WINDOW_LAG ? -function->distance : function->distance;
    int32_t found = 0;
    memset(there, 0, PYR_VECTOR_WORDS * sizeof(*there));
    for (int32_t i = 0; i < places->count; ++i) {
        int64_t row = places->first + i + distance;
        batches[i] = UINT32_MAX;
        rows[i] = 0;
        if (row >= places->partitions[i] && row < places->partition_ends[i]) {
            pyr_window_locate(sink, row, 1, &batches[i], &rows[i]);
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

static pyr_status put_neighbours(const pyr_window_sink *sink, const pyr_window_function *function,
                                 const pyr_window_places *places, neighbour *self,
                                 pyr_vector_buffer *out, pyr_error *error) {
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    uint64_t there[PYR_VECTOR_WORDS];
    pyr_vector value = {0};
    pyr_vector otherwise = {0};
    int32_t found = find_neighbours(sink, function, places, batches, rows, there);
    pyr_chunk chunk = {.rows = places->count,
                       .selected = found,
                       .mask = found < places->count ? there : NULL,
                       .columns_count = sink->width,
                       .columns = self->columns};
    if (found > 0) {
        pyr_row_gather_rows(self->gather, batches, rows, places->count, self->columns);
        PYR_TRY(pyr_eval_run(self->value, &chunk, &value, error));
    }
    if (self->otherwise != NULL) {
        pyr_chunk one = {.rows = 1, .selected = 1};
        PYR_TRY(pyr_eval_run(self->otherwise, &one, &otherwise, error));
    }
    static const uint64_t nothing[2];
    for (int32_t i = 0; i < places->count; ++i) {
        if (pyr_bit_get((const uint8_t *)there, i)) {
            put_row(&value, i, out, i);
        } else if (self->otherwise != NULL) {
            put_row(&otherwise, 0, out, i);
        } else {
            pyr_window_put(pyr_sql_type_physical(function->type), nothing, true, out, i);
        }
    }
    return PYR_OK;
}

/* ---- Chunks. ---- */

static pyr_status put_functions(const pyr_window_sink *sink, window_state *self, pyr_error *error) {
    const pyr_node *node = sink->node;
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        const pyr_window_function *function = &node->as.window.functions[i];
        memset(self->results[i].validity, 0xff, PYR_VECTOR_WORDS * sizeof(uint64_t));
        if (is_neighbour(function)) {
            PYR_TRY(put_neighbours(sink, function, &self->places, &self->neighbours[i],
                                   &self->results[i], error));
        } else if (function->op != PYR_WINDOW_AGGREGATE) {
            put_numbers(function->op, &self->places, self->results[i].data);
        }
        self->columns[sink->width + i] =
            (pyr_vector){.physical = pyr_sql_type_physical(function->type),
                         .data = self->results[i].data,
                         .validity = self->results[i].validity};
    }
    for (int kind = 0; kind < PYR_WINDOW_FRAMES_COUNT; ++kind) {
        if (self->frames[kind] != NULL) {
            PYR_TRY(pyr_window_frame_results(self->frames[kind], &self->places, self->results,
                                             &self->texts, error));
        }
    }
    return PYR_OK;
}

static pyr_status next(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error) {
    const pyr_window_sink *sink = ((const window_source *)source)->sink;
    window_state *self = state;
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    int64_t left = self->end - self->next;
    int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    memset(chunk, 0, sizeof(*chunk));
    if (count == 0) {
        return sink->ordered ? pyr_sort_sink_check(sink->inner, error) : PYR_OK;
    }
    pyr_arena_reset(&self->texts);
    pyr_window_locate(sink, self->next, count, batches, rows);
    pyr_row_gather_rows(self->gather, batches, rows, count, self->columns);
    place_rows(sink, &self->places, self->next, count);
    PYR_TRY(put_functions(sink, self, error));
    self->next += count;
    chunk->rows = count;
    chunk->selected = count;
    chunk->columns_count = sink->node->columns_count;
    chunk->columns = self->columns;
    return PYR_OK;
}

static void destroy(pyr_morsel_source *source) {
    window_source *self = (window_source *)source;
    free(self->begins);
    free(self);
}

static const pyr_morsel_source_ops ops = {start,       worker_create, worker_destroy,
                                          open_morsel, next,          destroy};

pyr_status pyr_window_source_create(pyr_sink *sink, pyr_morsel_source **out, pyr_error *error) {
    *out = NULL;
    window_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &ops;
    self->source.node = sink->node;
    self->sink = (pyr_window_sink *)sink;
    *out = &self->source;
    return PYR_OK;
}
