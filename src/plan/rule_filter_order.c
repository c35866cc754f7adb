/* rule_filter_order.c - conditions in the order that costs least: cheap ones that let little pass
 * first, and those that may fail behind the ones that cannot.
 */
#include "plan/rule.h"

static double rank(const pyr_bound_expr *condition) {
    double drops = 1 - pyr_bound_selectivity(condition);
    return pyr_bound_cost(condition) / (drops > 0.01 ? drops : 0.01);
}

/* Stable, so that equals stay as they were written. */
static void order(pyr_bound_expr **conditions, int32_t count) {
    for (int32_t i = 1; i < count; ++i) {
        pyr_bound_expr *one = conditions[i];
        int32_t at = i;
        while (at > 0) {
            const pyr_bound_expr *before = conditions[at - 1];
            bool moves = before->may_fail != one->may_fail
                             ? before->may_fail
                             : !one->may_fail && rank(one) < rank(before);
            if (!moves) {
                break;
            }
            conditions[at] = conditions[at - 1];
            --at;
        }
        conditions[at] = one;
    }
}

static bool order_and(void *context, const pyr_bound_expr *expression) {
    (void)context;
    if (expression->kind == PYR_BOUND_AND && !expression->may_fail) {
        order(expression->arguments, expression->arguments_count);
    }
    return true;
}

static bool order_inside(void *context, pyr_bound_expr **expression) {
    return pyr_bound_walk(*expression, order_and, context);
}

static bool order_node(void *context, pyr_node **at) {
    pyr_node *node = *at;
    if (node->kind == PYR_NODE_SCAN) {
        order(node->as.scan.filters, node->as.scan.filters_count);
    } else if (node->kind == PYR_NODE_FILTER) {
        order(node->as.filter.conjuncts, node->as.filter.count);
    }
    pyr_node_expressions(node, order_inside, context);
    return pyr_node_children(node, order_node, context);
}

pyr_status pyr_rule_filter_order(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    (void)plan;
    (void)error;
    order_node(NULL, root);
    return PYR_OK;
}
