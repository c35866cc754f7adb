/* batches_source.c - batches in memory as a source: what a sink collected, VALUES, one row. */
#include "exec/exec_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct batches_source {
    pyr_morsel_source source;
    pyr_batch **batches; /* retained */
    size_t count;
} batches_source;

static pyr_status start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    const batches_source *self = (const batches_source *)source;
    (void)error;
    *morsels = (int64_t)self->count;
    source->rows = 0;
    for (size_t i = 0; i < self->count; ++i) {
        source->rows += self->batches[i]->rows;
    }
    return PYR_OK;
}

static void worker_destroy(pyr_morsel_source *source, void *state) {
    (void)source;
    pyr_batch_cursor_deinit(state);
    free(state);
}

static pyr_status worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const batches_source *self = (const batches_source *)source;
    pyr_batch_cursor *cursor = calloc(1, sizeof(*cursor));
    *state = cursor;
    if (cursor == NULL) {
        return pyr_error_memory(error, sizeof(*cursor));
    }
    int32_t columns = self->count > 0 ? self->batches[0]->columns_count : 0;
    return pyr_batch_cursor_init(cursor, columns, error);
}

static pyr_status open_morsel(pyr_morsel_source *source, void *state, int64_t morsel,
                              pyr_error *error) {
    (void)error;
    pyr_batch_cursor_open(state, ((const batches_source *)source)->batches[morsel], false);
    return PYR_OK;
}

static pyr_status next(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error) {
    (void)source;
    (void)error;
    pyr_batch_cursor_next(state, NULL, chunk);
    return PYR_OK;
}

static void destroy(pyr_morsel_source *source) {
    batches_source *self = (batches_source *)source;
    for (size_t i = 0; i < self->count; ++i) {
        pyr_batch_release(self->batches[i]);
    }
    free(self->batches);
    free(self);
}

static const pyr_morsel_source_ops ops = {start,       worker_create, worker_destroy,
                                          open_morsel, next,          destroy};

pyr_status pyr_batches_source_create(pyr_exec *exec, int32_t node, pyr_batch *const *batches,
                                     size_t count, pyr_morsel_source **out, pyr_error *error) {
    (void)exec;
    *out = NULL;
    batches_source *self = calloc(1, sizeof(*self));
    pyr_batch **own = calloc(count + 1, sizeof(pyr_batch *));
    if (self == NULL || own == NULL) {
        free(self);
        free(own);
        return pyr_error_memory(error, count * sizeof(pyr_batch *));
    }
    self->source.ops = &ops;
    self->source.node = node;
    self->batches = own;
    self->count = count;
    for (size_t i = 0; i < count; ++i) {
        own[i] = pyr_batch_retain(batches[i]);
    }
    *out = &self->source;
    return PYR_OK;
}
