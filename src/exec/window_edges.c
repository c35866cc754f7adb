/* window_edges.c - where the frame of each row begins and ends.
 *
 * Edges that are values of the order's key (RANGE) are looked for from where that of the row before
 * was: keys are in order, so the edges of a partition only go on.
 */
#include "exec/window_internal.h"

#include <stdlib.h>
#include <string.h>

/* One edge that is a value. */
typedef struct value_edge {
    const pyr_frame_edge *edge;
    bool is_end, descending, nulls_first;
    pyr_physical physical;
    pyr_eval *value; /* of the current rows */
    pyr_vector values;
    pyr_row_gather *gather; /* of the rows that keys are of */
    pyr_eval *key;
    pyr_vector *columns;
    pyr_vector keys;
    int64_t block, block_end; /* rows that keys are of */
    int64_t partition, at;    /* at: the first row that is not before the last row's edge */
} value_edge;

struct pyr_window_edges {
    const pyr_window_sink *sink;
    const pyr_window_function *function;
    pyr_arena arena;
    value_edge start, end; /* edge NULL: another kind */
    int64_t limit;         /* of the rows there may be blocks of */
};

static pyr_status init_value(pyr_window_edges *self, const pyr_frame_edge *edge, bool is_end,
                             value_edge *out, pyr_error *error) {
    const pyr_window_sink *sink = self->sink;
    if (edge->kind != PYR_EDGE_VALUE) {
        return PYR_OK;
    }
    const pyr_sort_key *order = &sink->node->as.window.order[0];
    out->edge = edge;
    out->is_end = is_end;
    out->descending = order->descending;
    out->nulls_first = order->nulls_first;
    out->physical = pyr_sql_type_physical(edge->key->type);
    out->columns = pyr_arena_array(&self->arena, (size_t)sink->width + 1, sizeof(pyr_vector));
    if (out->columns == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    PYR_TRY(pyr_row_gather_create(sink->batches, sink->batches_count, sink->node->columns,
                                  sink->width, sink->exec->budget, &out->gather, error));
    PYR_TRY(pyr_eval_create((pyr_bound_expr *const *)&edge->value, 1, sink->exec->scalars,
                            sink->exec->budget, &out->value, error));
    return pyr_eval_create((pyr_bound_expr *const *)&edge->key, 1, sink->exec->scalars,
                           sink->exec->budget, &out->key, error);
}

pyr_status pyr_window_edges_create(const pyr_window_sink *sink, const pyr_window_function *function,
                                   pyr_window_edges **out, pyr_error *error) {
    *out = NULL;
    pyr_window_edges *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink = sink;
    self->function = function;
    pyr_arena_init(&self->arena, sink->exec->budget);
    pyr_status status = init_value(self, &function->start, false, &self->start, error);
    if (status == PYR_OK) {
        status = init_value(self, &function->end, true, &self->end, error);
    }
    if (status != PYR_OK) {
        pyr_window_edges_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

static void deinit_value(value_edge *edge) {
    pyr_row_gather_destroy(edge->gather);
    pyr_eval_destroy(edge->value);
    pyr_eval_destroy(edge->key);
}

void pyr_window_edges_destroy(pyr_window_edges *edges) {
    if (edges != NULL) {
        deinit_value(&edges->start);
        deinit_value(&edges->end);
        pyr_arena_deinit(&edges->arena);
        free(edges);
    }
}

void pyr_window_edges_open(pyr_window_edges *edges, int64_t end) {
    edges->limit = end;
    for (int i = 0; i < 2; ++i) {
        value_edge *of = i == 0 ? &edges->start : &edges->end;
        of->partition = -1;
        of->block = 0;
        of->block_end = 0;
    }
}

/* ---- Values. ---- */

#define ORDER(TYPE)               \
    do {                          \
        TYPE x;                   \
        TYPE y;                   \
        memcpy(&x, a, sizeof(x)); \
        memcpy(&y, b, sizeof(y)); \
        return (x > y) - (x < y); \
    } while (0)
/* NaN above all. */
#define ORDER_REAL(TYPE)                                                   \
    do {                                                                   \
        TYPE x;                                                            \
        TYPE y;                                                            \
        memcpy(&x, a, sizeof(x));                                          \
        memcpy(&y, b, sizeof(y));                                          \
        return x != x || y != y ? (x != x) - (y != y) : (x > y) - (x < y); \
    } while (0)

static int order_of(pyr_physical physical, const void *a, const void *b) {
    switch (physical) {
    case PYR_PHYSICAL_I8:
        ORDER(int8_t);
    case PYR_PHYSICAL_U8:
        ORDER(uint8_t);
    case PYR_PHYSICAL_I16:
        ORDER(int16_t);
    case PYR_PHYSICAL_U16:
        ORDER(uint16_t);
    case PYR_PHYSICAL_I32:
        ORDER(int32_t);
    case PYR_PHYSICAL_U32:
        ORDER(uint32_t);
    case PYR_PHYSICAL_U64:
        ORDER(uint64_t);
    case PYR_PHYSICAL_I128:
        ORDER(pyr_i128);
    case PYR_PHYSICAL_F32:
        ORDER_REAL(float);
    case PYR_PHYSICAL_F64:
        ORDER_REAL(double);
    default:
        ORDER(int64_t);
    }
}

static const uint8_t *bytes_at(const pyr_vector *vector, int32_t row) {
    return (const uint8_t *)vector->data +
           (size_t)(vector->constant ? 0 : row) * pyr_physical_bytes(vector->physical);
}

static pyr_status read_keys(pyr_window_edges *self, value_edge *of, int64_t first,
                            pyr_error *error) {
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    int64_t left = self->limit - first;
    int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    of->block = first;
    of->block_end = first + count;
    PYR_TRY(pyr_cancel_flag_check(self->sink->exec->cancel, error));
    pyr_window_locate(self->sink, first, count, batches, rows);
    pyr_row_gather_rows(of->gather, batches, rows, count, of->columns);
    pyr_chunk chunk = {.rows = count,
                       .selected = count,
                       .columns_count = self->sink->width,
                       .columns = of->columns};
    return pyr_eval_run(of->key, &chunk, &of->keys, error);
}

/* Whether the row of the block lies before the edge of the current row i. */
static bool is_before(const value_edge *of, int32_t row, int32_t i) {
    if (pyr_vector_is_null(&of->keys, row)) {
        return of->nulls_first;
    }
    int order = order_of(of->physical, bytes_at(&of->keys, row), bytes_at(&of->values, i));
    order = of->descending ? -order : order;
    return of->is_end ? order <= 0 : order < 0;
}

/* A row whose key is NULL is near its peers alone. */
static pyr_status find_value(pyr_window_edges *self, value_edge *of,
                             const pyr_window_places *places, int32_t i, int64_t *out,
                             pyr_error *error) {
    if (pyr_vector_is_null(&of->values, i)) {
        *out = of->is_end ? places->peer_ends[i] : places->peers[i];
        return PYR_OK;
    }
    if (of->partition != places->partitions[i]) {
        of->partition = places->partitions[i];
        of->at = of->partition;
    }
    while (of->at < places->partition_ends[i]) {
        if (of->at < of->block || of->at >= of->block_end) {
            PYR_TRY(read_keys(self, of, of->at, error));
        }
        if (!is_before(of, (int32_t)(of->at - of->block), i)) {
            break;
        }
        ++of->at;
    }
    *out = of->at;
    return PYR_OK;
}

/* ---- Edges. ---- */

static pyr_status find_edge(pyr_window_edges *self, const pyr_frame_edge *edge, value_edge *value,
                            bool is_end, const pyr_window_places *places, int64_t *out,
                            pyr_error *error) {
    for (int32_t i = 0; i < places->count; ++i) {
        int64_t from = places->partitions[i];
        int64_t to = places->partition_ends[i];
        int64_t row = places->first + i + edge->rows + is_end;
        switch (edge->kind) {
        case PYR_EDGE_UNBOUNDED:
            out[i] = is_end ? to : from;
            break;
        case PYR_EDGE_ROWS:
            out[i] = row < from ? from : row > to ? to : row;
            break;
        case PYR_EDGE_PEERS:
            out[i] = is_end ? places->peer_ends[i] : places->peers[i];
            break;
        case PYR_EDGE_VALUE:
            PYR_TRY(find_value(self, value, places, i, &out[i], error));
            break;
        }
    }
    return PYR_OK;
}

pyr_status pyr_window_edges_find(pyr_window_edges *edges, const pyr_window_places *places,
                                 pyr_chunk *chunk, int64_t *begins, int64_t *ends,
                                 pyr_error *error) {
    const pyr_window_function *function = edges->function;
    if (edges->start.edge != NULL) {
        PYR_TRY(pyr_eval_run(edges->start.value, chunk, &edges->start.values, error));
    }
    if (edges->end.edge != NULL) {
        PYR_TRY(pyr_eval_run(edges->end.value, chunk, &edges->end.values, error));
    }
    PYR_TRY(find_edge(edges, &function->start, &edges->start, false, places, begins, error));
    return find_edge(edges, &function->end, &edges->end, true, places, ends, error);
}
