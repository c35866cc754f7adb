/* check.c - whether a plan can be executed, asked before anything runs: another engine can then. */
#include "exec/aggregate_internal.h"

static pyr_status not_covered(const char *what, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                             "the native engine does not cover %s", what);
}

static pyr_status check_expressions(pyr_bound_expr *const *expressions, int32_t count,
                                    const pyr_scalar *scalars, pyr_error *error) {
    pyr_eval *eval = NULL;
    if (count == 0) {
        return PYR_OK;
    }
    pyr_status status = pyr_eval_create(expressions, count, scalars, NULL, &eval, error);
    pyr_eval_destroy(eval);
    return status;
}

static pyr_status check_aggregate(const pyr_aggregate *aggregate, const pyr_scalar *scalars,
                                  pyr_error *error) {
    pyr_aggregate_function function;
    PYR_TRY(pyr_aggregate_function_of(aggregate, false, NULL, &function, error));
    if (aggregate->distinct && aggregate->arguments[0]->type.id == PYR_SQL_INTERVAL) {
        return not_covered("groups, DISTINCT and joins of INTERVAL", error);
    }
    PYR_TRY(check_expressions(aggregate->arguments, aggregate->arguments_count, scalars, error));
    return aggregate->filter != NULL
               ? check_expressions((pyr_bound_expr *const *)&aggregate->filter, 1, scalars, error)
               : PYR_OK;
}

static pyr_status check_keys(const pyr_sort_key *keys, int32_t count, const pyr_scalar *scalars,
                             pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        if (keys[i].expression->type.id == PYR_SQL_INTERVAL) {
            return not_covered("ORDER BY an INTERVAL", error);
        }
        PYR_TRY(check_expressions((pyr_bound_expr *const *)&keys[i].expression, 1, scalars, error));
    }
    return PYR_OK;
}

/* Keys are the same where their bytes are: 30 days and a month are not. */
static pyr_status check_equal_keys(pyr_bound_expr *const *keys, int32_t count,
                                   const pyr_scalar *scalars, pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        if (keys[i]->type.id == PYR_SQL_INTERVAL) {
            return not_covered("groups, DISTINCT and joins of INTERVAL", error);
        }
    }
    return check_expressions(keys, count, scalars, error);
}

static pyr_status check_join(const pyr_node *node, const pyr_scalar *scalars, pyr_error *error) {
    int32_t count = node->as.join.keys_count;
    PYR_TRY(check_equal_keys(node->as.join.left_keys, count, scalars, error));
    PYR_TRY(check_equal_keys(node->as.join.right_keys, count, scalars, error));
    return node->as.join.residual != NULL
               ? check_expressions((pyr_bound_expr *const *)&node->as.join.residual, 1, scalars,
                                   error)
               : PYR_OK;
}

static pyr_status check_edge(const pyr_frame_edge *edge, const pyr_scalar *scalars,
                             pyr_error *error) {
    if (edge->kind != PYR_EDGE_VALUE) {
        return PYR_OK;
    }
    PYR_TRY(check_expressions((pyr_bound_expr *const *)&edge->value, 1, scalars, error));
    return check_expressions((pyr_bound_expr *const *)&edge->key, 1, scalars, error);
}

static pyr_status check_window(const pyr_node *node, const pyr_scalar *scalars, pyr_error *error) {
    for (int32_t i = 0; i < node->as.window.partition_count; ++i) {
        pyr_sort_key key = {.expression = node->as.window.partition[i]};
        PYR_TRY(check_keys(&key, 1, scalars, error));
    }
    PYR_TRY(check_keys(node->as.window.order, node->as.window.order_count, scalars, error));
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        const pyr_window_function *function = &node->as.window.functions[i];
        PYR_TRY(check_edge(&function->start, scalars, error));
        PYR_TRY(check_edge(&function->end, scalars, error));
        if (function->op == PYR_WINDOW_AGGREGATE) {
            PYR_TRY(check_aggregate(&function->aggregate, scalars, error));
        } else {
            PYR_TRY(
                check_expressions(function->arguments, function->arguments_count, scalars, error));
        }
    }
    return PYR_OK;
}

static pyr_status check_one(const pyr_node *node, const pyr_scalar *scalars, pyr_error *error) {
    switch (node->kind) {
    case PYR_NODE_SCAN:
        return check_expressions(node->as.scan.filters, node->as.scan.filters_count, scalars,
                                 error);
    case PYR_NODE_VALUES:
        return check_expressions(node->as.values.values,
                                 node->as.values.rows > 0 ? node->columns_count : 0, scalars,
                                 error);
    case PYR_NODE_FILTER:
        return check_expressions(node->as.filter.conjuncts, node->as.filter.count, scalars, error);
    case PYR_NODE_PROJECT:
        return check_expressions(node->as.project.expressions, node->columns_count, scalars, error);
    case PYR_NODE_AGGREGATE:
        for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
            PYR_TRY(check_aggregate(&node->as.aggregate.aggregates[i], scalars, error));
        }
        return check_equal_keys(node->as.aggregate.keys, node->as.aggregate.keys_count, scalars,
                                error);
    case PYR_NODE_DISTINCT:
        for (int32_t i = 0; i < node->columns_count; ++i) {
            if (node->columns[i].type.id == PYR_SQL_INTERVAL) {
                return not_covered("groups, DISTINCT and joins of INTERVAL", error);
            }
        }
        return PYR_OK;
    case PYR_NODE_JOIN:
        return check_join(node, scalars, error);
    case PYR_NODE_SORT:
        return check_keys(node->as.sort.keys, node->as.sort.count, scalars, error);
    case PYR_NODE_WINDOW:
        return check_window(node, scalars, error);
    default:
        return PYR_OK;
    }
}

static pyr_status check_node(const pyr_node *node, const pyr_scalar *scalars, pyr_error *error) {
    if (node == NULL) {
        return PYR_OK;
    }
    PYR_TRY(check_one(node, scalars, error));
    PYR_TRY(check_node(node->input, scalars, error));
    PYR_TRY(check_node(node->right, scalars, error));
    for (int32_t i = 0; node->kind == PYR_NODE_UNION_ALL && i < node->as.union_all.count; ++i) {
        PYR_TRY(check_node(node->as.union_all.inputs[i], scalars, error));
    }
    return PYR_OK;
}

pyr_status pyr_exec_check(const pyr_plan *plan, pyr_error *error) {
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_scalar *scalars =
        pyr_arena_array(&arena, (size_t)plan->subqueries_count + 1, sizeof(*scalars));
    pyr_status status = scalars != NULL ? PYR_OK : pyr_arena_error(&arena, error);
    for (int32_t i = 0; i < plan->materialized_count && status == PYR_OK; ++i) {
        status = check_node(plan->materialized[i], scalars, error);
    }
    for (int32_t i = 0; i < plan->subqueries_count && status == PYR_OK; ++i) {
        status = check_node(plan->subqueries[i], scalars, error);
    }
    if (status == PYR_OK) {
        status = check_node(plan->root, scalars, error);
    }
    pyr_arena_deinit(&arena);
    return status;
}
