/* stages.c - FILTER and PROJECT: each chunk through an evaluator. */
#include "exec/pipeline.h"

#include <stdlib.h>

typedef struct eval_stage {
    pyr_stage stage;
    pyr_exec *exec;
    pyr_bound_expr *const *expressions; /* the node's */
    int32_t count;
} eval_stage;

typedef struct eval_state {
    pyr_eval *eval;
    pyr_vector *columns; /* PROJECT's */
} eval_state;

static void state_destroy(pyr_stage *stage, void *state) {
    eval_state *self = state;
    (void)stage;
    pyr_eval_destroy(self->eval);
    free(self->columns);
    free(self);
}

static pyr_status state_create(pyr_stage *stage, void **out, pyr_error *error) {
    const eval_stage *of = (const eval_stage *)stage;
    eval_state *self = calloc(1, sizeof(*self));
    *out = NULL;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_status status = PYR_OK;
    self->columns = calloc((size_t)of->count + 1, sizeof(*self->columns));
    if (self->columns == NULL) {
        status = pyr_error_memory(error, (size_t)of->count * sizeof(*self->columns));
    } else {
        status = pyr_eval_create(of->expressions, of->count, of->exec->scalars, of->exec->budget,
                                 &self->eval, error);
    }
    if (status != PYR_OK) {
        state_destroy(stage, self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

static void stage_destroy(pyr_stage *stage) {
    free(stage);
}

static pyr_status filter_push(pyr_stage *stage, void *state, pyr_worker *worker, pyr_chunk *chunk,
                              pyr_error *error) {
    eval_state *self = state;
    (void)stage;
    PYR_TRY(pyr_eval_filter(self->eval, chunk, 0, error));
    return pyr_worker_emit(worker, chunk, error);
}

static pyr_status project_push(pyr_stage *stage, void *state, pyr_worker *worker, pyr_chunk *chunk,
                               pyr_error *error) {
    eval_state *self = state;
    PYR_TRY(pyr_eval_run(self->eval, chunk, self->columns, error));
    pyr_chunk out = *chunk;
    out.columns = self->columns;
    out.columns_count = ((const eval_stage *)stage)->count;
    return pyr_worker_emit(worker, &out, error);
}

static const pyr_stage_ops filter_ops = {state_create, state_destroy, filter_push, stage_destroy};
static const pyr_stage_ops project_ops = {state_create, state_destroy, project_push, stage_destroy};

static pyr_status create(pyr_exec *exec, const pyr_node *node, const pyr_stage_ops *ops,
                         pyr_bound_expr *const *expressions, int32_t count, pyr_stage **out,
                         pyr_error *error) {
    *out = NULL;
    eval_stage *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stage.ops = ops;
    self->stage.node = node->id;
    self->exec = exec;
    self->expressions = expressions;
    self->count = count;
    *out = &self->stage;
    return PYR_OK;
}

pyr_status pyr_filter_stage_create(pyr_exec *exec, const pyr_node *filter, pyr_stage **out,
                                   pyr_error *error) {
    return create(exec, filter, &filter_ops, filter->as.filter.conjuncts, filter->as.filter.count,
                  out, error);
}

pyr_status pyr_project_stage_create(pyr_exec *exec, const pyr_node *project, pyr_stage **out,
                                    pyr_error *error) {
    return create(exec, project, &project_ops, project->as.project.expressions,
                  project->columns_count, out, error);
}
