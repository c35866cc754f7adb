/* collect.c - a sink that keeps batches, in the order of the source's morsels. */
#include "exec/exec_internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { BATCH_ROWS = 30 * PYR_VECTOR_ROWS };

typedef struct piece {
    int64_t morsel;
    pyr_batch *batch;
} piece;
typedef struct pieces {
    piece *items;
    size_t count, capacity;
} pieces;

typedef struct collect_sink {
    pyr_sink sink;
    pyr_exec *exec;
    pyr_schema *schema;
    pyr_copy_reason reason;
    pthread_mutex_t lock; /* of pieces; a leaf */
    pieces all;
    pyr_batch **batches; /* after a finish, until they are taken */
    size_t batches_count;
    int64_t rows_full; /* 0: never */
    _Atomic int64_t rows;
} collect_sink;

typedef struct collect_state {
    pyr_batch_maker *maker;
    pieces own;
} collect_state;

static void release_pieces(pieces *self) {
    for (size_t i = 0; i < self->count; ++i) {
        pyr_batch_release(self->items[i].batch);
    }
    free(self->items);
    *self = (pieces){0};
}

static pyr_status reserve(pieces *self, size_t more, pyr_error *error) {
    if (self->count + more <= self->capacity) {
        return PYR_OK;
    }
    size_t larger =
        2 * self->capacity > self->count + more ? 2 * self->capacity : self->count + more + 8;
    piece *grown = realloc(self->items, larger * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, larger * sizeof(*grown));
    }
    self->items = grown;
    self->capacity = larger;
    return PYR_OK;
}

/* Takes batch, on failure too. */
static pyr_status add_piece(pieces *self, int64_t morsel, pyr_batch *batch, pyr_error *error) {
    if (batch == NULL) {
        return PYR_OK;
    }
    pyr_status status = reserve(self, 1, error);
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return status;
    }
    self->items[self->count++] = (piece){morsel, batch};
    return PYR_OK;
}

static void worker_destroy(pyr_sink *sink, void *state) {
    collect_state *self = state;
    (void)sink;
    pyr_batch_maker_destroy(self->maker);
    release_pieces(&self->own);
    free(self);
}

static pyr_status worker_create(pyr_sink *sink, unsigned worker, void **state, pyr_error *error) {
    const collect_sink *of = (const collect_sink *)sink;
    collect_state *self = calloc(1, sizeof(*self));
    (void)worker;
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    return pyr_batch_maker_create(of->schema, BATCH_ROWS, of->reason, of->exec->ledger,
                                  of->exec->budget, &self->maker, error);
}

static pyr_status consume(pyr_sink *sink, void *state, int64_t morsel, pyr_chunk *chunk,
                          pyr_error *error) {
    collect_state *self = state;
    pyr_batch *batch = NULL;
    atomic_fetch_add_explicit(&((collect_sink *)sink)->rows, chunk->selected, memory_order_relaxed);
    PYR_TRY(pyr_batch_maker_add(self->maker, chunk, &batch, error));
    return add_piece(&self->own, morsel, batch, error);
}

static pyr_status end_morsel(pyr_sink *sink, void *state, int64_t morsel, pyr_error *error) {
    collect_state *self = state;
    pyr_batch *batch = NULL;
    (void)sink;
    PYR_TRY(pyr_batch_maker_finish(self->maker, &batch, error));
    return add_piece(&self->own, morsel, batch, error);
}

static bool is_full(const pyr_sink *sink) {
    const collect_sink *self = (const collect_sink *)sink;
    return self->rows_full > 0 &&
           atomic_load_explicit(&self->rows, memory_order_relaxed) >= self->rows_full;
}

static pyr_status combine(pyr_sink *sink, void *state, pyr_error *error) {
    collect_sink *all = (collect_sink *)sink;
    collect_state *self = state;
    pthread_mutex_lock(&all->lock);
    pyr_status status = reserve(&all->all, self->own.count, error);
    for (size_t i = 0; status == PYR_OK && i < self->own.count; ++i) {
        all->all.items[all->all.count++] = self->own.items[i];
    }
    pthread_mutex_unlock(&all->lock);
    if (status == PYR_OK) {
        self->own.count = 0;
    }
    return status;
}

/* By morsel. One worker has all of a morsel, in order, and its pieces lie together; so a merge of
 * sorted runs, which a stable sort is. */
static void sort_pieces(piece *items, piece *room, size_t count) {
    if (count < 2) {
        return;
    }
    size_t half = count / 2;
    sort_pieces(items, room, half);
    sort_pieces(items + half, room, count - half);
    size_t left = 0;
    size_t right = half;
    for (size_t i = 0; i < count; ++i) {
        bool take_left =
            left < half && (right == count || items[left].morsel <= items[right].morsel);
        room[i] = take_left ? items[left++] : items[right++];
    }
    for (size_t i = 0; i < count; ++i) {
        items[i] = room[i];
    }
}

static pyr_status finish(pyr_sink *sink, pyr_error *error) {
    collect_sink *self = (collect_sink *)sink;
    piece *room = calloc(self->all.count + 1, sizeof(*room));
    if (room == NULL) {
        return pyr_error_memory(error, self->all.count * sizeof(*room));
    }
    sort_pieces(self->all.items, room, self->all.count);
    free(room);
    self->batches = calloc(self->all.count + 1, sizeof(pyr_batch *));
    if (self->batches == NULL) {
        return pyr_error_memory(error, self->all.count * sizeof(pyr_batch *));
    }
    for (size_t i = 0; i < self->all.count; ++i) {
        self->batches[i] = self->all.items[i].batch;
    }
    self->batches_count = self->all.count;
    self->all.count = 0;
    return PYR_OK;
}

static void release_batches(collect_sink *self) {
    for (size_t i = 0; i < self->batches_count; ++i) {
        pyr_batch_release(self->batches[i]);
    }
    free(self->batches);
    self->batches = NULL;
    self->batches_count = 0;
}

static void destroy(pyr_sink *sink) {
    collect_sink *self = (collect_sink *)sink;
    release_batches(self);
    release_pieces(&self->all);
    pthread_mutex_destroy(&self->lock);
    pyr_schema_release(self->schema);
    free(self);
}

static const pyr_sink_ops ops = {
    .worker_create = worker_create,
    .worker_destroy = worker_destroy,
    .consume = consume,
    .end_morsel = end_morsel,
    .combine = combine,
    .finish = finish,
    .full = is_full,
    .destroy = destroy,
};

pyr_status pyr_collect_sink_create(pyr_exec *exec, pyr_schema *schema, pyr_copy_reason reason,
                                   pyr_sink **out, pyr_error *error) {
    *out = NULL;
    collect_sink *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink.ops = &ops;
    self->sink.node = -1;
    self->exec = exec;
    self->schema = pyr_schema_retain(schema);
    self->reason = reason;
    pthread_mutex_init(&self->lock, NULL);
    *out = &self->sink;
    return PYR_OK;
}

void pyr_collect_sink_set_full(pyr_sink *sink, int64_t rows) {
    ((collect_sink *)sink)->rows_full = rows;
}

void pyr_collect_sink_take(pyr_sink *sink, pyr_batch ***batches, size_t *count) {
    collect_sink *self = (collect_sink *)sink;
    *batches = self->batches;
    *count = self->batches_count;
    self->batches = NULL;
    self->batches_count = 0;
    atomic_store_explicit(&self->rows, 0, memory_order_relaxed);
}
