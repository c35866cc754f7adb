/* scan_keyed.c - the rows of a table with keys, or a range of them, in key order. */
#include "exec/operator.h"

#include "catalog/keyed.h"

#include <stdlib.h>
#include <string.h>

typedef struct keyed_operator {
    pyr_operator op;
    pyr_keyed_scan *scan;
    int32_t *places; /* of each wanted column in what the scan gives; NULL: as it is */
    int32_t count;
} keyed_operator;

static pyr_status keyed_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    keyed_operator *self = (keyed_operator *)op;
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_keyed_scan_next(self->scan, &batch, error));
    if (batch == NULL || self->places == NULL) {
        *out = batch;
        return PYR_OK;
    }
    pyr_status status = pyr_batch_project(batch, self->places, self->count, op->schema, out, error);
    pyr_batch_release(batch);
    return status;
}

/* How many rows a block has is known by reading it. */
static pyr_status keyed_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    (void)op;
    (void)rows;
    (void)error;
    *skipped = 0;
    return PYR_OK;
}

static void keyed_destroy(pyr_operator *op) {
    keyed_operator *self = (keyed_operator *)op;
    pyr_keyed_scan_destroy(self->scan);
    pyr_schema_release(op->schema);
    free(self->places);
    free(self);
}

static const pyr_operator_ops keyed_ops = {keyed_next, keyed_skip, keyed_destroy};

static int compare_columns(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left;
    int32_t b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* The wanted columns ascending, and where each is among them. */
static pyr_status sort_columns(keyed_operator *self, const int32_t *columns, int32_t **sorted,
                               pyr_error *error) {
    size_t count = (size_t)self->count;
    *sorted = calloc(count + 1, sizeof(**sorted));
    self->places = calloc(count + 1, sizeof(*self->places));
    if (*sorted == NULL || self->places == NULL) {
        return pyr_error_memory(error, count * sizeof(**sorted));
    }
    memcpy(*sorted, columns, count * sizeof(**sorted));
    qsort(*sorted, count, sizeof(**sorted), compare_columns);
    for (size_t i = 0; i < count; ++i) {
        const int32_t *at = bsearch(&columns[i], *sorted, count, sizeof(**sorted), compare_columns);
        self->places[i] = (int32_t)(at - *sorted);
    }
    return PYR_OK;
}

static pyr_status open_scan(keyed_operator *self, pyr_table *table, const int32_t *columns,
                            const pyr_keyed_range *range, int64_t batch_rows,
                            const pyr_exec_context *context, pyr_error *error) {
    int32_t *sorted = NULL;
    pyr_keyed_scan_options options = {.range = range,
                                      .batch_rows = batch_rows,
                                      .ledger = context->ledger,
                                      .budget = context->budget};
    pyr_status status = PYR_OK;
    if (columns != NULL) {
        status = sort_columns(self, columns, &sorted, error);
        options.columns = sorted;
        options.columns_count = self->count;
    }
    if (status == PYR_OK) {
        status = pyr_keyed_scan_create(table, &options, &self->scan, error);
    }
    free(sorted);
    return status;
}

pyr_status pyr_scan_keyed_create(pyr_table *table, const int32_t *columns, int32_t count,
                                 const pyr_keyed_range *range, int64_t batch_rows,
                                 const pyr_exec_context *context, pyr_operator **out,
                                 pyr_error *error) {
    *out = NULL;
    keyed_operator *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->op.ops = &keyed_ops;
    self->count = count;
    pyr_status status = open_scan(self, table, columns, range, batch_rows, context, error);
    if (status == PYR_OK && columns == NULL) {
        self->op.schema = pyr_schema_retain(pyr_keyed_scan_schema(self->scan));
    } else if (status == PYR_OK) {
        status = pyr_schema_project(table->schema, columns, count, &self->op.schema, error);
    }
    if (status != PYR_OK) {
        keyed_destroy(&self->op);
        return status;
    }
    *out = &self->op;
    return PYR_OK;
}
