/* window.c - WINDOW as a sink: its rows sorted by partition and order, and where those begin.
 *
 * Without either, rows keep the order in which they came: all are one partition of peers.
 */
#include "exec/run_internal.h"
#include "exec/window_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Everything before finish is the inner sink's. ---- */

static pyr_sink *inner_of(pyr_sink *sink) {
    return ((pyr_window_sink *)sink)->inner;
}

static pyr_status worker_create(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    return inner_of(sink)->ops->worker_create(inner_of(sink), worker, state, error);
}

static void worker_destroy(pyr_sink *sink, void *state) {
    inner_of(sink)->ops->worker_destroy(inner_of(sink), state);
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    return inner_of(sink)->ops->consume(inner_of(sink), state, morsel, chunk, error);
}

static pyr_status combine(pyr_sink *sink, void *state, pyr_error *error) {
    return inner_of(sink)->ops->combine(inner_of(sink), state, error);
}

static pyr_status end_morsel(pyr_sink *sink, void *state, int64_t morsel, pyr_error *error) {
    pyr_sink *inner = inner_of(sink);
    return inner->ops->end_morsel != NULL ? inner->ops->end_morsel(inner, state, morsel, error)
                                          : PYR_OK;
}

/* ---- Where partitions and peers begin. ---- */

int64_t pyr_window_next_bit(const uint8_t *bits, int64_t from, int64_t end) {
    while (from < end) {
        if ((from & 63) == 0 && from + 64 <= end) {
            uint64_t word;
            memcpy(&word, bits + from / 8, sizeof(word));
            if (word == 0) {
                from += 64;
                continue;
            }
            return from + __builtin_ctzll(word);
        }
        if (pyr_bit_get(bits, from)) {
            return from;
        }
        ++from;
    }
    return end;
}

static pyr_status mark_rows(pyr_window_sink *self, const pyr_sorted_rows *rows, pyr_error *error) {
    size_t bytes = (size_t)rows->count / 8 + 8;
    self->partitions = pyr_arena_alloc(&self->arena, bytes);
    self->peers = pyr_arena_alloc(&self->arena, bytes);
    if (self->partitions == NULL || self->peers == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    int32_t keys = self->node->as.window.partition_count;
    for (int64_t i = 0; i < rows->count; ++i) {
        bool partition = i == 0 || !pyr_row_keys_begin_equal(rows->columns, keys,
                                                             &rows->keys[i - 1], &rows->keys[i]);
        bool peer = partition || pyr_row_key_order(&rows->keys[i - 1], &rows->keys[i]) != 0;
        if (partition) {
            pyr_bit_set(self->partitions, i);
        }
        if (peer) {
            pyr_bit_set(self->peers, i);
        }
    }
    return PYR_OK;
}

static pyr_status take_sorted(pyr_window_sink *self, pyr_error *error) {
    pyr_sorted_rows rows;
    pyr_sort_sink_rows(self->inner, &rows);
    self->spilled = rows.spilled;
    self->rows = rows.keys;
    self->rows_count = rows.count;
    self->batches_count = rows.batches_count;
    self->batches = calloc(rows.batches_count + 1, sizeof(pyr_batch *));
    if (self->batches == NULL) {
        return pyr_error_memory(error, rows.batches_count * sizeof(pyr_batch *));
    }
    for (size_t i = 0; i < rows.batches_count; ++i) {
        self->batches[i] = pyr_batch_retain(rows.batches[i]);
    }
    return mark_rows(self, &rows, error);
}

static pyr_status take_collected(pyr_window_sink *self, pyr_error *error) {
    pyr_collect_sink_take(self->inner, &self->batches, &self->batches_count);
    self->starts = pyr_arena_array(&self->arena, self->batches_count + 1, sizeof(*self->starts));
    if (self->starts == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    for (size_t i = 0; i < self->batches_count; ++i) {
        self->starts[i] = self->rows_count;
        self->rows_count += self->batches[i]->rows;
    }
    size_t bytes = (size_t)self->rows_count / 8 + 8;
    self->partitions = pyr_arena_alloc(&self->arena, bytes);
    if (self->partitions == NULL) {
        return pyr_arena_error(&self->arena, error);
    }
    if (self->rows_count > 0) {
        pyr_bit_set(self->partitions, 0);
    }
    self->peers = self->partitions;
    return PYR_OK;
}

static pyr_status finish(pyr_sink *sink, pyr_error *error) {
    pyr_window_sink *self = (pyr_window_sink *)sink;
    PYR_TRY(self->inner->ops->finish(self->inner, error));
    return self->ordered ? take_sorted(self, error) : take_collected(self, error);
}

void pyr_window_locate(const pyr_window_sink *sink, int64_t first, int32_t count, uint32_t *batches,
                       uint32_t *rows) {
    if (sink->ordered) {
        for (int32_t i = 0; i < count; ++i) {
            batches[i] = sink->rows[first + i].batch;
            rows[i] = sink->rows[first + i].row;
        }
        return;
    }
    size_t low = 0;
    for (size_t high = sink->batches_count; high - low > 1;) {
        size_t middle = low + (high - low) / 2;
        low = sink->starts[middle] <= first ? middle : low;
        high = sink->starts[middle] <= first ? high : middle;
    }
    for (int32_t i = 0; i < count; ++i) {
        while (first + i >= sink->starts[low] + sink->batches[low]->rows) {
            ++low;
        }
        batches[i] = (uint32_t)low;
        rows[i] = (uint32_t)(first + i - sink->starts[low]);
    }
}

/* ---- The sink. ---- */

static void destroy(pyr_sink *sink) {
    pyr_window_sink *self = (pyr_window_sink *)sink;
    for (size_t i = 0; i < self->batches_count; ++i) {
        pyr_batch_release(self->batches[i]);
    }
    free(self->batches);
    if (self->inner != NULL) {
        self->inner->ops->destroy(self->inner);
    }
    pyr_arena_deinit(&self->arena);
    free(self->keys);
    free(self);
}

static const pyr_sink_ops ops = {
    .worker_create = worker_create,
    .worker_destroy = worker_destroy,
    .consume = consume,
    .combine = combine,
    .finish = finish,
    .end_morsel = end_morsel,
    .destroy = destroy,
};

/* The columns that go on, by partition and order. */
static pyr_status init_sorted(pyr_window_sink *self, pyr_error *error) {
    const pyr_node *node = self->node;
    int32_t partition = node->as.window.partition_count;
    int32_t order = node->as.window.order_count;
    self->width = node->columns_count - node->as.window.functions_count;
    self->sorted = (pyr_node){.kind = PYR_NODE_SORT,
                              .id = node->id,
                              .columns_count = self->width,
                              .columns = node->columns,
                              .rows_estimate = node->rows_estimate,
                              .input = node->input};
    self->keys = calloc((size_t)partition + (size_t)order + 1, sizeof(*self->keys));
    if (self->keys == NULL) {
        return pyr_error_memory(error, (size_t)order * sizeof(*self->keys));
    }
    for (int32_t i = 0; i < partition; ++i) {
        self->keys[i].expression = node->as.window.partition[i];
    }
    for (int32_t i = 0; i < order; ++i) {
        self->keys[partition + i] = node->as.window.order[i];
    }
    self->sorted.as.sort.count = partition + order;
    self->sorted.as.sort.keys = self->keys;
    self->ordered = partition + order > 0;
    return PYR_OK;
}

static pyr_status init(pyr_window_sink *self, pyr_error *error) {
    PYR_TRY(init_sorted(self, error));
    if (self->ordered) {
        return pyr_sort_sink_create(self->exec, &self->sorted, -1, &self->inner, error);
    }
    pyr_schema *schema = NULL;
    PYR_TRY(pyr_node_schema(&self->sorted, &schema, error));
    pyr_status status =
        pyr_collect_sink_create(self->exec, schema, PYR_COPY_SORT, &self->inner, error);
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_window_sink_create(pyr_exec *exec, const pyr_node *window, pyr_sink **out,
                                  pyr_error *error) {
    *out = NULL;
    pyr_window_sink *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink.ops = &ops;
    self->sink.node = window->id;
    self->exec = exec;
    self->node = window;
    pyr_arena_init(&self->arena, exec->budget);
    pyr_status status = init(self, error);
    if (status != PYR_OK) {
        destroy(&self->sink);
        return status;
    }
    *out = &self->sink;
    return PYR_OK;
}
