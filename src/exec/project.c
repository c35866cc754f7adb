/* project.c - columns picked and named; shares every buffer. */
#include "exec/operator.h"

#include <stdlib.h>
#include <string.h>

typedef struct project_operator {
    pyr_operator op;
    pyr_operator *input;
    int32_t *indices;
    int32_t count;
} project_operator;

static pyr_status project_next(pyr_operator *op, pyr_batch **out, pyr_error *error) {
    project_operator *self = (project_operator *)op;
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_operator_next(self->input, &batch, error));
    if (batch == NULL) {
        return PYR_OK;
    }
    pyr_status status =
        pyr_batch_project(batch, self->indices, self->count, op->schema, out, error);
    pyr_batch_release(batch);
    return status;
}

static pyr_status project_skip(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error) {
    return pyr_operator_skip(((project_operator *)op)->input, rows, skipped, error);
}

static void project_destroy(pyr_operator *op) {
    project_operator *self = (project_operator *)op;
    pyr_operator_destroy(self->input);
    pyr_schema_release(op->schema);
    free(self->indices);
    free(self);
}

static const pyr_operator_ops project_ops = {project_next, project_skip, project_destroy};

pyr_status pyr_project_create(pyr_operator *input, const int32_t *indices, int32_t count,
                              pyr_schema *schema, pyr_operator **out, pyr_error *error) {
    *out = NULL;
    project_operator *self = calloc(1, sizeof(*self));
    int32_t *copy = calloc((size_t)count + 1, sizeof(*copy));
    if (self == NULL || copy == NULL) {
        free(self);
        free(copy);
        pyr_operator_destroy(input);
        return pyr_error_memory(error, sizeof(*self));
    }
    if (count > 0) {
        memcpy(copy, indices, (size_t)count * sizeof(*copy));
    }
    self->op.ops = &project_ops;
    self->op.schema = pyr_schema_retain(schema);
    self->input = input;
    self->indices = copy;
    self->count = count;
    *out = &self->op;
    return PYR_OK;
}
