/* sort_source.c - a finished sort as a source: ranges of the order, or of the first rows. */
#include "exec/sort_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MORSEL_ROWS = 30 * PYR_VECTOR_ROWS };
/* Whoever collects a morsel's rows should not need much memory, either. */
enum { FILE_MORSEL_ROWS = 2 * PYR_VECTOR_ROWS };

typedef struct sort_source {
    pyr_morsel_source source;
    pyr_sort_sink *sink;
} sort_source;

typedef struct source_state {
    pyr_row_gather *gather;
    pyr_vector *vectors;
    int64_t next, end;
} source_state;

static int64_t morsel_rows(const pyr_sort_sink *sink) {
    if (sink->exec->morsel_rows > 0) {
        return sink->exec->morsel_rows;
    }
    return sink->all.mapped_bytes > 0 ? FILE_MORSEL_ROWS : MORSEL_ROWS;
}

static pyr_status source_start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    (void)error;
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    *morsels = (sink->all.count + morsel_rows(sink) - 1) / morsel_rows(sink);
    return PYR_OK;
}

static void source_worker_destroy(pyr_morsel_source *source, void *state) {
    source_state *self = state;
    (void)source;
    pyr_row_gather_destroy(self->gather);
    free(self->vectors);
    free(self);
}

static pyr_status source_worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    source_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->vectors = calloc((size_t)sink->node->columns_count + 1, sizeof(*self->vectors));
    if (self->vectors == NULL) {
        return pyr_error_memory(error, (size_t)sink->node->columns_count * sizeof(pyr_vector));
    }
    return pyr_row_gather_create(sink->all.batches, sink->all.batches_count, sink->node->columns,
                                 sink->node->columns_count, sink->exec->budget, &self->gather,
                                 error);
}

static pyr_status source_open(pyr_morsel_source *source, void *state, int64_t morsel,
                              pyr_error *error) {
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    source_state *self = state;
    (void)error;
    self->next = morsel * morsel_rows(sink);
    self->end = self->next + morsel_rows(sink);
    self->end = self->end < sink->all.count ? self->end : sink->all.count;
    return PYR_OK;
}

static pyr_status source_next(pyr_morsel_source *source, void *state, pyr_chunk *chunk,
                              pyr_error *error) {
    const pyr_sort_sink *sink = ((const sort_source *)source)->sink;
    source_state *self = state;
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    memset(chunk, 0, sizeof(*chunk));
    int64_t left = self->end - self->next;
    int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
    for (int32_t i = 0; i < count; ++i) {
        batches[i] = sink->all.keys[self->next + i].batch;
        rows[i] = sink->all.keys[self->next + i].row;
    }
    self->next += count;
    if (count > 0) {
        pyr_row_gather_rows(self->gather, batches, rows, count, self->vectors);
        chunk->rows = count;
        chunk->selected = count;
        chunk->columns_count = sink->node->columns_count;
        chunk->columns = self->vectors;
        return PYR_OK;
    }
    return pyr_sort_sink_check(&sink->sink, error);
}

static void source_destroy(pyr_morsel_source *source) {
    free(source);
}

static const pyr_morsel_source_ops source_ops = {source_start,          source_worker_create,
                                                 source_worker_destroy, source_open,
                                                 source_next,           source_destroy};

pyr_status pyr_sort_source_create(pyr_sink *sink, pyr_morsel_source **out, pyr_error *error) {
    *out = NULL;
    sort_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &source_ops;
    self->source.node = sink->node;
    self->sink = (pyr_sort_sink *)sink;
    *out = &self->source;
    return PYR_OK;
}
