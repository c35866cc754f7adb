/* estimate.c - how many rows, about: enough to order joins and conditions, and no more. */
#include "plan/rule.h"

#include <math.h>

double pyr_bound_selectivity(const pyr_bound_expr *condition) {
    double share = 1;
    switch (condition->kind) {
    case PYR_BOUND_CONSTANT:
        return pyr_bound_is_true(condition) ? 1 : 0;
    case PYR_BOUND_AND:
        for (int32_t i = 0; i < condition->arguments_count; ++i) {
            share *= pyr_bound_selectivity(condition->arguments[i]);
        }
        return share;
    case PYR_BOUND_OR:
        for (int32_t i = 0; i < condition->arguments_count; ++i) {
            share *= 1 - pyr_bound_selectivity(condition->arguments[i]);
        }
        return 1 - share;
    case PYR_BOUND_OPERATION:
        break;
    default:
        return 0.5;
    }
    switch (condition->op) {
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_DISTINCT:
        return 0.05;
    case PYR_OP_NOT_EQUAL:
    case PYR_OP_DISTINCT:
    case PYR_OP_IS_NOT_NULL:
        return 0.9;
    case PYR_OP_IN:
        return fmin(0.05 * (condition->arguments_count - 1), 0.5);
    case PYR_OP_LIKE:
    case PYR_OP_ILIKE:
    case PYR_OP_STARTS_WITH:
    case PYR_OP_ENDS_WITH:
    case PYR_OP_CONTAINS:
    case PYR_OP_IS_NULL:
        return 0.1;
    case PYR_OP_NOT:
        return 1 - pyr_bound_selectivity(condition->arguments[0]);
    default:
        return 0.3;
    }
}

static double filtered(double rows, pyr_bound_expr *const *conjuncts, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        rows *= pyr_bound_selectivity(conjuncts[i]);
    }
    return rows;
}

static double estimate_join(pyr_node *node) {
    double left = pyr_node_estimate(node->input);
    double right = pyr_node_estimate(node->right);
    switch (node->as.join.type) {
    case PYR_JOIN_TYPE_SEMI:
    case PYR_JOIN_TYPE_ANTI:
    case PYR_JOIN_TYPE_ANTI_NULL:
        return left * 0.5;
    case PYR_JOIN_TYPE_INNER:
        return node->as.join.keys_count == 0 ? left * right : fmax(left, right);
    case PYR_JOIN_TYPE_FULL:
        return left + right;
    default:
        return left;
    }
}

double pyr_node_estimate(pyr_node *node) {
    double rows = 1;
    switch (node->kind) {
    case PYR_NODE_SCAN:
        rows = filtered((double)node->as.scan.table->rows, node->as.scan.filters,
                        node->as.scan.filters_count);
        break;
    case PYR_NODE_VALUES:
        rows = node->as.values.rows;
        break;
    case PYR_NODE_FILTER:
        rows = filtered(pyr_node_estimate(node->input), node->as.filter.conjuncts,
                        node->as.filter.count);
        break;
    case PYR_NODE_AGGREGATE:
        rows = pyr_node_estimate(node->input);
        rows = node->as.aggregate.keys_count == 0 ? 1 : rows * 0.2;
        break;
    case PYR_NODE_DISTINCT:
        rows = pyr_node_estimate(node->input) * 0.2;
        break;
    case PYR_NODE_LIMIT:
        rows = pyr_node_estimate(node->input);
        rows = node->as.limit.limit >= 0 ? fmin(rows, (double)node->as.limit.limit) : rows;
        break;
    case PYR_NODE_JOIN:
        rows = estimate_join(node);
        break;
    case PYR_NODE_UNION_ALL:
        rows = 0;
        for (int32_t i = 0; i < node->as.union_all.count; ++i) {
            rows += pyr_node_estimate(node->as.union_all.inputs[i]);
        }
        break;
    case PYR_NODE_MATERIALIZED:
        rows = 1000;
        break;
    default:
        rows = node->input != NULL ? pyr_node_estimate(node->input) : 1;
        break;
    }
    node->rows_estimate = rows;
    return rows;
}
