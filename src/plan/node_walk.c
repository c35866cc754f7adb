/* node_walk.c - the expressions and the children of plan nodes. */
#include "plan/node.h"

static bool visit_all(pyr_node_expr_visitor *visit, void *context, pyr_bound_expr **expressions,
                      int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        if (expressions[i] != NULL && !visit(context, &expressions[i])) {
            return false;
        }
    }
    return true;
}

static bool visit_aggregate(pyr_node_expr_visitor *visit, void *context, pyr_aggregate *aggregate) {
    return visit_all(visit, context, aggregate->arguments, aggregate->arguments_count) &&
           (aggregate->filter == NULL || visit(context, &aggregate->filter));
}

static bool visit_sort(pyr_node_expr_visitor *visit, void *context, pyr_sort_key *keys,
                       int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        if (!visit(context, &keys[i].expression)) {
            return false;
        }
    }
    return true;
}

static bool visit_join(pyr_node *node, pyr_node_expr_visitor *visit, void *context) {
    /* The keys of the right side count its columns alone. */
    return visit_all(visit, context, node->as.join.left_keys, node->as.join.keys_count) &&
           visit_all(visit, context, node->as.join.right_keys, node->as.join.keys_count) &&
           (node->as.join.residual == NULL || visit(context, &node->as.join.residual));
}

static bool visit_edge(pyr_frame_edge *edge, pyr_node_expr_visitor *visit, void *context) {
    return edge->kind != PYR_EDGE_VALUE ||
           (visit(context, &edge->value) && visit(context, &edge->key));
}

static bool visit_window(pyr_node *node, pyr_node_expr_visitor *visit, void *context) {
    if (!visit_all(visit, context, node->as.window.partition, node->as.window.partition_count) ||
        !visit_sort(visit, context, node->as.window.order, node->as.window.order_count)) {
        return false;
    }
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        pyr_window_function *function = &node->as.window.functions[i];
        if (!visit_all(visit, context, function->arguments, function->arguments_count) ||
            !visit_aggregate(visit, context, &function->aggregate) ||
            !visit_edge(&function->start, visit, context) ||
            !visit_edge(&function->end, visit, context)) {
            return false;
        }
    }
    return true;
}

bool pyr_node_expressions(pyr_node *node, pyr_node_expr_visitor *visit, void *context) {
    switch (node->kind) {
    case PYR_NODE_SCAN:
        return visit_all(visit, context, node->as.scan.filters, node->as.scan.filters_count);
    case PYR_NODE_VALUES:
        return visit_all(visit, context, node->as.values.values,
                         node->as.values.rows * node->columns_count);
    case PYR_NODE_FILTER:
        return visit_all(visit, context, node->as.filter.conjuncts, node->as.filter.count);
    case PYR_NODE_PROJECT:
        return visit_all(visit, context, node->as.project.expressions, node->columns_count);
    case PYR_NODE_AGGREGATE:
        if (!visit_all(visit, context, node->as.aggregate.keys, node->as.aggregate.keys_count)) {
            return false;
        }
        for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
            if (!visit_aggregate(visit, context, &node->as.aggregate.aggregates[i])) {
                return false;
            }
        }
        return true;
    case PYR_NODE_JOIN:
        return visit_join(node, visit, context);
    case PYR_NODE_SORT:
        return visit_sort(visit, context, node->as.sort.keys, node->as.sort.count);
    case PYR_NODE_WINDOW:
        return visit_window(node, visit, context);
    default:
        return true;
    }
}

bool pyr_node_children(pyr_node *node, pyr_node_child_visitor *visit, void *context) {
    if (node->kind == PYR_NODE_UNION_ALL) {
        for (int32_t i = 0; i < node->as.union_all.count; ++i) {
            if (!visit(context, &node->as.union_all.inputs[i])) {
                return false;
            }
        }
        return true;
    }
    return (node->input == NULL || visit(context, &node->input)) &&
           (node->right == NULL || visit(context, &node->right));
}
