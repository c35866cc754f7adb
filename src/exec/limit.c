/* limit.c - a range of rows: batches before it are skipped, those at its ends are sliced. */
#include "exec/operator.h"

#include <stdlib.h>

typedef struct limit_operator {
    pyr_operator op;
    pyr_operator *input;
    int64_t offset; /* rows still to be passed over */
    int64_t left;   /* rows still to be given; -1: all */
} limit_operator;

/* Passes over whole batches; what is left of offset lies in the next one. */
static pyr_status pass_offset(limit_operator *self, pyr_error *error) {
    int64_t skipped = 1;
    while (self->offset > 0 && skipped > 0) {
        PYR_TRY(pyr_operator_skip(self->input, self->offset, &skipped, error));
        self->offset -= skipped;
    }
    return PYR_OK;
}

static pyr_status limit_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    limit_operator *self = (limit_operator *)op;
    if (self->left == 0) {
        return PYR_OK;
    }
    PYR_TRY(pass_offset(self, error));
    pyr_batch *batch = NULL;
    int64_t rows = 0;
    for (;;) {
        PYR_TRY(pyr_operator_next(self->input, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        rows = pyr_batch_selected(batch);
        if (rows > self->offset) {
            break;
        }
        self->offset -= rows;
        pyr_batch_release(batch);
    }
    int64_t offset = self->offset;
    int64_t count = rows - offset;
    count = self->left >= 0 && count > self->left ? self->left : count;
    self->offset = 0;
    self->left -= self->left >= 0 ? count : 0;
    if (count == rows) {
        *out = batch;
        return PYR_OK;
    }
    pyr_status status = pyr_batch_slice(batch, offset, count, out, error);
    pyr_batch_release(batch);
    return status;
}

static pyr_status limit_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    limit_operator *self = (limit_operator *)op;
    PYR_TRY(pass_offset(self, error));
    if (self->offset > 0) {
        return PYR_OK; /* inside of a batch: next slices it */
    }
    rows = self->left >= 0 && rows > self->left ? self->left : rows;
    PYR_TRY(pyr_operator_skip(self->input, rows, skipped, error));
    self->left -= self->left >= 0 ? *skipped : 0;
    return PYR_OK;
}

static void limit_destroy(pyr_operator *op) {
    limit_operator *self = (limit_operator *)op;
    pyr_operator_destroy(self->input);
    pyr_schema_release(op->schema);
    free(self);
}

static const pyr_operator_ops limit_ops = {limit_next, limit_skip, limit_destroy};

pyr_status pyr_limit_create(pyr_operator *input, int64_t offset, int64_t limit, pyr_operator **out,
                            pyr_error *error) {
    *out = NULL;
    limit_operator *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_operator_destroy(input);
        return pyr_error_memory(error, sizeof(*self));
    }
    self->op.ops = &limit_ops;
    self->op.schema = pyr_schema_retain(input->schema);
    self->input = input;
    self->offset = offset;
    self->left = limit;
    *out = &self->op;
    return PYR_OK;
}
