/* window_edges.c - where the frame of each row begins and ends.
 *
 * Edges that are values of the order's key (RANGE) are looked for from where that of the row before
 * was: keys are in order, so the edges of a partition only go on.
 */
#include "exec/value_order.h"
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
    pyr_window_block block;
    pyr_vector keys;       /* of the block */
    int64_t partition, at; /* at: the first row that is not before the last row's edge */
} value_edge;

struct pyr_window_edges {
    const pyr_window_sink *sink;
    const pyr_window_function *function;
    pyr_arena arena;
    value_edge start, end; /* edge NULL: another kind */
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
    PYR_TRY(pyr_eval_create((pyr_bound_expr *const *)&edge->value, 1, sink->exec->scalars,
                            sink->exec->budget, &out->value, error));
    return pyr_window_block_init(sink, (pyr_bound_expr *const *)&edge->key, 1, &self->arena,
                                 &out->block, error);
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
    pyr_eval_destroy(edge->value);
    pyr_window_block_deinit(&edge->block);
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
    for (int i = 0; i < 2; ++i) {
        value_edge *of = i == 0 ? &edges->start : &edges->end;
        of->partition = -1;
        pyr_window_block_open(&of->block, end);
    }
}

/* ---- Values. ---- */

static const uint8_t *bytes_at(const pyr_vector *vector, int32_t row) {
    return (const uint8_t *)vector->data +
           (size_t)(vector->constant ? 0 : row) * pyr_physical_bytes(vector->physical);
}

/* Whether the row of the block lies before the edge of the current row i. */
static bool is_before(const value_edge *of, int32_t row, int32_t i) {
    if (pyr_vector_is_null(&of->keys, row)) {
        return of->nulls_first;
    }
    int order = pyr_order_values(of->physical, bytes_at(&of->keys, row), bytes_at(&of->values, i));
    order = of->descending ? -order : order;
    return of->is_end ? order <= 0 : order < 0;
}

/* A row whose key is NULL is near its peers alone. */
static pyr_status find_value(value_edge *of, const pyr_window_places *places, int32_t i,
                             int64_t *out, pyr_error *error) {
    if (pyr_vector_is_null(&of->values, i)) {
        *out = of->is_end ? places->peer_ends[i] : places->peers[i];
        return PYR_OK;
    }
    if (of->partition != places->partitions[i]) {
        of->partition = places->partitions[i];
        of->at = of->partition;
    }
    while (of->at < places->partition_ends[i]) {
        if (!pyr_window_block_holds(&of->block, of->at)) {
            PYR_TRY(pyr_window_block_read(&of->block, of->at, &of->keys, error));
        }
        if (!is_before(of, (int32_t)(of->at - of->block.first), i)) {
            break;
        }
        ++of->at;
    }
    *out = of->at;
    return PYR_OK;
}

/* ---- Edges. ---- */

static pyr_status find_edge(const pyr_frame_edge *edge, value_edge *value, bool is_end,
                            const pyr_window_places *places, int64_t *out, pyr_error *error) {
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
            PYR_TRY(find_value(value, places, i, &out[i], error));
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
    PYR_TRY(find_edge(&function->start, &edges->start, false, places, begins, error));
    return find_edge(&function->end, &edges->end, true, places, ends, error);
}
