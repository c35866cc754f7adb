/* run_first.c - what runs before a plan's root: common table expressions that are read more than
 * once, and subqueries of one value. Either may need others of both kinds, which run before it.
 */
#include "exec/run_internal.h"
#include "plan/node.h"

#include <stdlib.h>
#include <string.h>

static void value_of(const pyr_vector *vector, pyr_value *out) {
    switch (vector->physical) {
    case PYR_PHYSICAL_BIT:
        out->boolean = (((const uint64_t *)vector->data)[0] & 1) != 0;
        break;
    case PYR_PHYSICAL_I8:
        out->i64 = *(const int8_t *)vector->data;
        break;
    case PYR_PHYSICAL_I16:
        out->i64 = *(const int16_t *)vector->data;
        break;
    case PYR_PHYSICAL_I32:
        out->i64 = *(const int32_t *)vector->data;
        break;
    case PYR_PHYSICAL_U8:
        out->u64 = *(const uint8_t *)vector->data;
        break;
    case PYR_PHYSICAL_U16:
        out->u64 = *(const uint16_t *)vector->data;
        break;
    case PYR_PHYSICAL_U32:
        out->u64 = *(const uint32_t *)vector->data;
        break;
    case PYR_PHYSICAL_F32:
        out->f64 = (double)*(const float *)vector->data;
        break;
    case PYR_PHYSICAL_STRING:
        out->string = pyr_vector_string(vector, 0);
        break;
    default: /* 64 and 128 bits, intervals */
        memcpy(out, vector->data, pyr_physical_bytes(vector->physical));
        break;
    }
}

static pyr_status scalar_of(pyr_run *run, const pyr_node *node, pyr_scalar *out, pyr_error *error) {
    pyr_chain chain = {0};
    pyr_batch_list list = {0};
    pyr_status status = pyr_run_build(run, node, &chain, error);
    if (status == PYR_OK) {
        status = pyr_run_pull_all(run, &chain, node, 0, 2, &list, error);
    }
    int64_t rows = 0;
    for (size_t i = 0; i < list.count; ++i) {
        rows += pyr_batch_selected(list.items[i]);
    }
    if (status == PYR_OK && rows > 1) {
        status =
            pyr_error_set_sql(error, PYR_ERROR_SQL, "21000", -1,
                              "more than one row returned by a subquery used as an expression");
    }
    *out = (pyr_scalar){.is_null = true};
    if (status == PYR_OK && rows == 1) {
        uint64_t room[2 * PYR_VECTOR_WORDS];
        pyr_vector vector;
        pyr_vector_of_array(list.items[0]->columns[0], 0, 1, room, &vector);
        out->is_null = pyr_vector_is_null(&vector, 0);
        if (!out->is_null) {
            value_of(&vector, &out->value);
        }
        /* The value may lie in the batch. */
        status = pyr_batch_list_add(&run->kept, pyr_batch_retain(list.items[0]), error);
    }
    pyr_chain_deinit(&chain);
    pyr_batch_list_deinit(&list);
    return status;
}

/* ---- Each once, after what it needs. ---- */

typedef struct first {
    pyr_run *run;
    bool *materialized, *scalars; /* have run */
    pyr_status status;
    pyr_error *error;
} first;

static bool need_of_node(void *context, pyr_node **at);

/* The plan stays as it is: the visitors only look. */
static pyr_status need(first *self, const pyr_node *node) {
    pyr_node *looked_at = (pyr_node *)(uintptr_t)node;
    (void)need_of_node(self, &looked_at);
    return self->status;
}

static pyr_status run_materialized(first *self, int32_t index) {
    const pyr_node *node = self->run->plan->materialized[index];
    if (self->materialized[index]) {
        return PYR_OK;
    }
    self->materialized[index] = true;
    PYR_TRY(need(self, node));
    pyr_chain chain = {0};
    pyr_status status = pyr_run_build(self->run, node, &chain, self->error);
    if (status == PYR_OK) {
        status = pyr_run_pull_all(self->run, &chain, node, 0, -1, &self->run->materialized[index],
                                  self->error);
    }
    pyr_chain_deinit(&chain);
    return status;
}

static pyr_status run_scalar(first *self, int32_t index) {
    const pyr_node *node = self->run->plan->subqueries[index];
    if (self->scalars[index]) {
        return PYR_OK;
    }
    self->scalars[index] = true;
    PYR_TRY(need(self, node));
    return scalar_of(self->run, node, &self->run->exec->scalars[index], self->error);
}

static bool need_of_part(void *context, const pyr_bound_expr *expression) {
    first *self = context;
    if (expression->kind == PYR_BOUND_SCALAR) {
        self->status = run_scalar(self, expression->subquery);
    }
    return self->status == PYR_OK;
}

static bool need_of_expression(void *context, pyr_bound_expr **expression) {
    return pyr_bound_walk(*expression, need_of_part, context);
}

static bool need_of_node(void *context, pyr_node **at) {
    first *self = context;
    if ((*at)->kind == PYR_NODE_MATERIALIZED) {
        self->status = run_materialized(self, (*at)->as.materialized.index);
    }
    return self->status == PYR_OK && pyr_node_expressions(*at, need_of_expression, self) &&
           pyr_node_children(*at, need_of_node, self);
}

pyr_status pyr_run_first(pyr_run *run, pyr_error *error) {
    const pyr_plan *plan = run->plan;
    size_t count = (size_t)plan->materialized_count + (size_t)plan->subqueries_count;
    bool *done = calloc(count + 1, sizeof(*done));
    if (done == NULL) {
        return pyr_error_memory(error, count);
    }
    first self = {run, done, done + plan->materialized_count, PYR_OK, error};
    for (int32_t i = 0; i < plan->materialized_count && self.status == PYR_OK; ++i) {
        self.status = run_materialized(&self, i);
    }
    for (int32_t i = 0; i < plan->subqueries_count && self.status == PYR_OK; ++i) {
        self.status = run_scalar(&self, i);
    }
    free(done);
    return self.status;
}
