/* join_rest.c - FULL: the build rows that no probe row matched, with NULLs on the left. */
#include "exec/join_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MORSEL_ROWS = 30 * PYR_VECTOR_ROWS };

typedef struct rest_source {
    pyr_morsel_source source;
    pyr_join_sink *build;
} rest_source;

typedef struct rest_state {
    pyr_row_gather *gather;
    pyr_vector *columns;
    uint64_t nothing[PYR_VECTOR_WORDS]; /* the validity of the left side */
    uint64_t zeroes[2];                 /* and its one value */
    uint32_t next, end;
} rest_state;

static pyr_status start(pyr_morsel_source *source, int64_t *morsels, pyr_error *error) {
    (void)error;
    int64_t rows = ((const rest_source *)source)->build->rows_count;
    *morsels = (rows + MORSEL_ROWS - 1) / MORSEL_ROWS;
    return PYR_OK;
}

static void worker_destroy(pyr_morsel_source *source, void *state) {
    rest_state *self = state;
    (void)source;
    pyr_row_gather_destroy(self->gather);
    free(self->columns);
    free(self);
}

static pyr_status worker_create(pyr_morsel_source *source, void **state, pyr_error *error) {
    const pyr_join_sink *build = ((const rest_source *)source)->build;
    int32_t left = build->node->input->columns_count;
    rest_state *self = calloc(1, sizeof(*self));
    *state = self;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    size_t all = (size_t)(left + build->node->right->columns_count);
    self->columns = calloc(all + 1, sizeof(*self->columns));
    if (self->columns == NULL) {
        return pyr_error_memory(error, all * sizeof(*self->columns));
    }
    for (int32_t i = 0; i < left; ++i) {
        self->columns[i] =
            (pyr_vector){.physical = pyr_sql_type_physical(build->node->input->columns[i].type),
                         .constant = true,
                         .data = self->zeroes,
                         .validity = self->nothing};
    }
    return pyr_row_gather_create(build->batches.items, build->batches.count,
                                 build->node->right->columns, build->node->right->columns_count,
                                 build->exec->budget, &self->gather, error);
}

static pyr_status open_morsel(pyr_morsel_source *source, void *state, int64_t morsel,
                              pyr_error *error) {
    rest_state *self = state;
    int64_t rows = ((const rest_source *)source)->build->rows_count;
    int64_t end = (morsel + 1) * MORSEL_ROWS;
    (void)error;
    self->next = (uint32_t)(morsel * MORSEL_ROWS);
    self->end = (uint32_t)(end < rows ? end : rows);
    return PYR_OK;
}

static pyr_status next(pyr_morsel_source *source, void *state, pyr_chunk *chunk, pyr_error *error) {
    const pyr_join_sink *build = ((const rest_source *)source)->build;
    rest_state *self = state;
    uint32_t batches[PYR_VECTOR_ROWS];
    uint32_t rows[PYR_VECTOR_ROWS];
    int32_t count = 0;
    int32_t left = build->node->input->columns_count;
    memset(chunk, 0, sizeof(*chunk));
    for (; self->next < self->end && count < PYR_VECTOR_ROWS; ++self->next) {
        if (atomic_load_explicit(&build->matched[self->next], memory_order_relaxed) == 0) {
            batches[count] = build->rows[self->next].batch;
            rows[count++] = build->rows[self->next].row;
        }
    }
    if (count > 0) {
        pyr_row_gather_rows(self->gather, batches, rows, count, self->columns + left);
        chunk->rows = count;
        chunk->selected = count;
        chunk->columns = self->columns;
        chunk->columns_count = left + build->node->right->columns_count;
    }
    return pyr_join_check_files(build, error);
}

static void destroy(pyr_morsel_source *source) {
    free(source);
}

static const pyr_morsel_source_ops ops = {start,       worker_create, worker_destroy,
                                          open_morsel, next,          destroy};

pyr_status pyr_join_rest_source_create(pyr_sink *build, pyr_morsel_source **out, pyr_error *error) {
    *out = NULL;
    rest_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &ops;
    self->source.node = build->node;
    self->build = (pyr_join_sink *)build;
    *out = &self->source;
    return PYR_OK;
}
