/* operator.c - what all operators share, rows in memory, and the stream over the root. */
#include "exec/operator.h"

#include <stdlib.h>

pyr_status pyr_operator_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    return op->ops->next(op, out, error);
}

pyr_status pyr_operator_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    *skipped = 0;
    return op->ops->skip(op, rows, skipped, error);
}

void pyr_operator_destroy(pyr_operator *op) {
    if (op != NULL) {
        op->ops->destroy(op);
    }
}

/* ---- Rows in memory. ---- */

typedef struct rows_operator {
    pyr_operator op;
    pyr_batch *batch; /* NULL once given */
} rows_operator;

static pyr_status rows_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    rows_operator *self = (rows_operator *)op;
    (void)error;
    *out = self->batch;
    self->batch = NULL;
    return PYR_OK;
}

static pyr_status rows_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    rows_operator *self = (rows_operator *)op;
    (void)error;
    if (self->batch != NULL && pyr_batch_selected(self->batch) <= rows) {
        *skipped = pyr_batch_selected(self->batch);
        pyr_batch_release(self->batch);
        self->batch = NULL;
    }
    return PYR_OK;
}

static void rows_destroy(pyr_operator *op) {
    rows_operator *self = (rows_operator *)op;
    pyr_batch_release(self->batch);
    pyr_schema_release(op->schema);
    free(self);
}

static const pyr_operator_ops rows_ops = {rows_next, rows_skip, rows_destroy};

pyr_status pyr_rows_create(pyr_batch *batch, pyr_operator **out, pyr_error *error) {
    *out = NULL;
    rows_operator *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->op.ops = &rows_ops;
    self->op.schema = pyr_schema_retain(batch->schema);
    self->batch = pyr_batch_retain(batch);
    *out = &self->op;
    return PYR_OK;
}

/* ---- The stream. ---- */

typedef struct operator_stream {
    pyr_stream stream;
    pyr_operator *root;
    pyr_cancel_flag *cancel;
} operator_stream;

static pyr_status stream_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    operator_stream *self = (operator_stream *)stream;
    *out = NULL;
    PYR_TRY(pyr_cancel_flag_check(self->cancel, error));
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_operator_next(self->root, &batch, error));
    pyr_status status = pyr_cancel_flag_check(self->cancel, error);
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return status;
    }
    *out = batch;
    return PYR_OK;
}

static void stream_destroy(pyr_stream *stream) {
    operator_stream *self = (operator_stream *)stream;
    pyr_operator_destroy(self->root);
    pyr_schema_release(stream->schema);
    free(self);
}

static const pyr_stream_ops stream_ops = {stream_next, stream_destroy};

pyr_status pyr_operator_stream(pyr_operator *root, const pyr_exec_context *context,
                               pyr_stream **out, pyr_error *error) {
    *out = NULL;
    operator_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_operator_destroy(root);
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stream.ops = &stream_ops;
    self->stream.schema = pyr_schema_retain(root->schema);
    self->root = root;
    self->cancel = context->cancel;
    *out = &self->stream;
    return PYR_OK;
}
