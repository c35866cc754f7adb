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

/* What a function needs of its own; NULL: nothing. */
typedef struct function_state {
    pyr_window_neighbour *neighbour; /* LAG, LEAD, FIRST_VALUE, LAST_VALUE, NTH_VALUE */
    pyr_window_edges *edges;         /* those of a frame that is not one of `frames` */
    pyr_window_slide *slide;         /* an aggregate over such a frame */
} function_state;

typedef struct window_state {
    pyr_arena arena;
    pyr_arena texts; /* of a chunk */
    pyr_row_gather *gather;
    pyr_vector *columns;
    pyr_vector_buffer *results;                        /* a function each */
    function_state *functions;                         /* a function each */
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
    for (int32_t i = 0; self->functions != NULL && i < sink->node->as.window.functions_count; ++i) {
        pyr_window_neighbour_destroy(self->functions[i].neighbour);
        pyr_window_edges_destroy(self->functions[i].edges);
        pyr_window_slide_destroy(self->functions[i].slide);
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

static bool slides(const pyr_window_function *function) {
    return function->op == PYR_WINDOW_AGGREGATE &&
           pyr_window_frame_kind_of(function) == PYR_WINDOW_FRAMES_COUNT;
}

static pyr_status init_function(const pyr_window_sink *sink, const pyr_window_function *function,
                                function_state *out, pyr_error *error) {
    bool of_frame = function->op >= PYR_WINDOW_FIRST_VALUE && function->op <= PYR_WINDOW_NTH_VALUE;
    if (function->op >= PYR_WINDOW_LAG && function->op <= PYR_WINDOW_NTH_VALUE) {
        PYR_TRY(pyr_window_neighbour_create(sink, function, &out->neighbour, error));
    }
    if (slides(function)) {
        PYR_TRY(pyr_window_slide_create(sink, function, &out->slide, error));
    }
    return of_frame || out->slide != NULL
               ? pyr_window_edges_create(sink, function, &out->edges, error)
               : PYR_OK;
}

static pyr_status init_functions(window_state *self, const pyr_window_sink *sink,
                                 pyr_error *error) {
    const pyr_node *node = sink->node;
    int32_t functions = node->as.window.functions_count;
    for (int32_t i = 0; i < functions; ++i) {
        const pyr_window_function *function = &node->as.window.functions[i];
        PYR_TRY(pyr_vector_buffer_init(&self->results[i], pyr_sql_type_physical(function->type),
                                       &self->arena, error));
        PYR_TRY(init_function(sink, function, &self->functions[i], error));
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
    self->functions = pyr_arena_array(&self->arena, functions + 1, sizeof(*self->functions));
    if (self->columns == NULL || self->results == NULL || self->functions == NULL) {
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
    for (int32_t i = 0; i < of->sink->node->as.window.functions_count; ++i) {
        function_state *function = &self->functions[i];
        if (function->edges != NULL) {
            pyr_window_edges_open(function->edges, self->end);
        }
        if (function->slide != NULL) {
            pyr_window_slide_open(function->slide, self->end);
        }
    }
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

/* The first parts have a row more where they cannot be alike. */
static int64_t part_of(int64_t row, int64_t rows, int64_t parts) {
    parts = parts < rows ? parts : rows;
    int64_t size = rows / parts;
    int64_t larger = rows - parts * size;
    int64_t in_larger = larger * (size + 1);
    return row < in_larger ? 1 + row / (size + 1) : 1 + larger + (row - in_larger) / size;
}

static void put_numbers(const pyr_window_function *function, const pyr_window_places *places,
                        int64_t *out) {
    for (int32_t i = 0; i < places->count; ++i) {
        int64_t row = places->first + i - places->partitions[i];
        switch (function->op) {
        case PYR_WINDOW_ROW_NUMBER:
            out[i] = row + 1;
            break;
        case PYR_WINDOW_RANK:
            out[i] = places->peers[i] - places->partitions[i] + 1;
            break;
        case PYR_WINDOW_NTILE:
            out[i] =
                part_of(row, places->partition_ends[i] - places->partitions[i], function->distance);
            break;
        default: /* DENSE_RANK */
            out[i] = places->denses[i];
            break;
        }
    }
}

/* PERCENT_RANK, CUME_DIST */
static void put_shares(pyr_window_op op, const pyr_window_places *places, double *out) {
    for (int32_t i = 0; i < places->count; ++i) {
        int64_t rows = places->partition_ends[i] - places->partitions[i];
        int64_t before = places->peers[i] - places->partitions[i];
        if (op == PYR_WINDOW_CUME_DIST) {
            out[i] = (double)(places->peer_ends[i] - places->partitions[i]) / (double)rows;
        } else {
            out[i] = rows > 1 ? (double)before / (double)(rows - 1) : 0;
        }
    }
}

/* ---- Chunks. ---- */

static pyr_status put_function(const pyr_window_sink *sink, window_state *self, int32_t index,
                               pyr_error *error) {
    const pyr_window_function *function = &sink->node->as.window.functions[index];
    const function_state *of = &self->functions[index];
    pyr_vector_buffer *result = &self->results[index];
    int64_t begins[PYR_VECTOR_ROWS];
    int64_t ends[PYR_VECTOR_ROWS];
    if (of->edges != NULL) {
        pyr_chunk chunk = {.rows = self->places.count,
                           .selected = self->places.count,
                           .columns_count = sink->width,
                           .columns = self->columns};
        PYR_TRY(pyr_window_edges_find(of->edges, &self->places, &chunk, begins, ends, error));
    }
    if (of->slide != NULL) {
        return pyr_window_slide_results(of->slide, &self->places, begins, ends, result,
                                        &self->texts, error);
    }
    if (of->neighbour != NULL) {
        return pyr_window_neighbour_results(of->neighbour, &self->places, begins, ends, result,
                                            error);
    }
    if (function->op == PYR_WINDOW_PERCENT_RANK || function->op == PYR_WINDOW_CUME_DIST) {
        put_shares(function->op, &self->places, result->data);
    } else if (function->op != PYR_WINDOW_AGGREGATE) {
        put_numbers(function, &self->places, result->data);
    }
    return PYR_OK;
}

static pyr_status put_functions(const pyr_window_sink *sink, window_state *self, pyr_error *error) {
    const pyr_node *node = sink->node;
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        memset(self->results[i].validity, 0xff, PYR_VECTOR_WORDS * sizeof(uint64_t));
        PYR_TRY(put_function(sink, self, i, error));
        self->columns[sink->width + i] =
            (pyr_vector){.physical = pyr_sql_type_physical(node->as.window.functions[i].type),
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
