/* plan_print.c - a plan as indented lines. */
#include "plan/print.h"

#include <inttypes.h>

static const pyr_plan_column *of_inputs(void *context, int32_t column) {
    return pyr_node_input_column(context, column);
}

static const pyr_plan_column *of_outputs(void *context, int32_t column) {
    const pyr_node *node = context;
    return column >= 0 && column < node->columns_count ? &node->columns[column] : NULL;
}

static const char *aggregate_name(pyr_aggregate_op op) {
    static const char *const names[PYR_AGGREGATES_COUNT] = {
        "count",     "count",         "sum",           "sum_no_overflow", "fsum",
        "avg",       "min",           "max",           "stddev_samp",     "stddev_pop",
        "var_samp",  "var_pop",       "corr",          "covar_samp",      "covar_pop",
        "median",    "quantile_cont", "quantile_disc", "arg_min",         "arg_max",
        "any_value", "first",         "last",          "string_agg",      "bool_and",
        "bool_or",   "bit_and",       "bit_or",        "bit_xor",         "grouping_set"};
    return names[op];
}

void pyr_aggregate_print(const pyr_aggregate *aggregate, const pyr_column_names *names,
                         pyr_text *out) {
    pyr_text_printf(out, "%s(%s", aggregate_name(aggregate->op),
                    aggregate->op == PYR_AGGREGATE_COUNT_STAR ? "*"
                    : aggregate->distinct                     ? "DISTINCT "
                                                              : "");
    for (int32_t i = 0; i < aggregate->arguments_count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_bound_print_with(aggregate->arguments[i], names, out);
    }
    if (aggregate->op == PYR_AGGREGATE_QUANTILE_CONT ||
        aggregate->op == PYR_AGGREGATE_QUANTILE_DISC) {
        pyr_text_add(out, ", ");
        pyr_text_add_double(out, aggregate->parameter.f64);
    }
    pyr_text_add_char(out, ')');
    if (aggregate->filter != NULL) {
        pyr_text_add(out, " FILTER ");
        pyr_bound_print_with(aggregate->filter, names, out);
    }
}

static void print_expressions(pyr_text *out, pyr_bound_expr *const *expressions, int32_t count,
                              const pyr_column_names *names) {
    for (int32_t i = 0; i < count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_bound_print_with(expressions[i], names, out);
    }
}

static void print_scan(const pyr_node *node, pyr_text *out) {
    pyr_text_printf(out, "SCAN %s (", node->as.scan.table->name);
    for (int32_t i = 0; i < node->columns_count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_text_add(out, i == node->as.scan.visible_count ? "| " : "");
        pyr_text_add(out, node->columns[i].name);
    }
    pyr_text_add_char(out, ')');
    if (node->as.scan.filters_count > 0) {
        pyr_column_names names = {of_outputs, (void *)node};
        pyr_text_add(out, " WHERE ");
        for (int32_t i = 0; i < node->as.scan.filters_count; ++i) {
            pyr_text_add(out, i > 0 ? " AND " : "");
            pyr_bound_print_with(node->as.scan.filters[i], &names, out);
        }
    }
}

static void print_aggregate(const pyr_node *node, const pyr_column_names *names, pyr_text *out) {
    pyr_text_add(out, "AGGREGATE ");
    int32_t keys = node->as.aggregate.keys_count;
    if (keys > 0) {
        pyr_text_add(out, "BY ");
        print_expressions(out, node->as.aggregate.keys, keys, names);
    }
    for (int32_t i = 0; i < node->as.aggregate.sets_count && node->as.aggregate.sets_count > 1;
         ++i) {
        pyr_text_printf(out, "%s%" PRIx64, i == 0 ? " SETS " : ",", node->as.aggregate.sets[i]);
    }
    for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : keys > 0 ? ": " : "");
        pyr_aggregate_print(&node->as.aggregate.aggregates[i], names, out);
    }
    if (node->as.aggregate.groups_max >= 0) {
        pyr_text_printf(out, " GROUPS MAX %" PRId64, node->as.aggregate.groups_max);
    }
}

static void print_join(const pyr_node *node, const pyr_column_names *names, pyr_text *out) {
    static const char *const types[] = {"INNER", "LEFT",      "FULL", "SEMI",
                                        "ANTI",  "ANTI_NULL", "MARK", "SINGLE"};
    pyr_text_printf(out, "JOIN %s", types[node->as.join.type]);
    pyr_column_names left = {of_outputs, node->input};
    pyr_column_names right = {of_outputs, node->right};
    for (int32_t i = 0; i < node->as.join.keys_count; ++i) {
        pyr_text_add(out, i > 0 ? " AND " : " ON ");
        pyr_bound_print_with(node->as.join.left_keys[i], &left, out);
        bool nulls_equal = node->as.join.nulls_equal != NULL && node->as.join.nulls_equal[i];
        pyr_text_add(out, nulls_equal ? " IS NOT DISTINCT FROM " : " = ");
        pyr_bound_print_with(node->as.join.right_keys[i], &right, out);
    }
    if (node->as.join.residual != NULL) {
        pyr_text_add(out, " RESIDUAL ");
        pyr_bound_print_with(node->as.join.residual, names, out);
    }
}

static void print_sort_keys(pyr_text *out, const pyr_sort_key *keys, int32_t count,
                            const pyr_column_names *names) {
    for (int32_t i = 0; i < count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_bound_print_with(keys[i].expression, names, out);
        pyr_text_add(out, keys[i].descending ? " DESC" : "");
        pyr_text_add(out, keys[i].nulls_first ? " NULLS FIRST" : "");
    }
}

static void print_edge(const pyr_frame_edge *edge, bool start, const pyr_column_names *names,
                       pyr_text *out) {
    switch (edge->kind) {
    case PYR_EDGE_UNBOUNDED:
        pyr_text_add(out, start ? "UNBOUNDED PRECEDING" : "UNBOUNDED FOLLOWING");
        break;
    case PYR_EDGE_ROWS:
        pyr_text_printf(out, "ROW %+" PRId64, edge->rows);
        break;
    case PYR_EDGE_PEERS:
        pyr_text_add(out, "PEERS");
        break;
    case PYR_EDGE_VALUE:
        pyr_bound_print_with(edge->value, names, out);
        break;
    }
}

/* The whole partition has no name; a frame that grows with the current row is RANGE or ROWS. */
static void print_frame(const pyr_window_function *function, const pyr_column_names *names,
                        pyr_text *out) {
    switch (pyr_window_frame_kind_of(function)) {
    case PYR_WINDOW_WHOLE:
        break;
    case PYR_WINDOW_PEERS:
        pyr_text_add(out, " RANGE");
        break;
    case PYR_WINDOW_ROWS:
        pyr_text_add(out, " ROWS");
        break;
    default:
        pyr_text_add(out, " BETWEEN ");
        print_edge(&function->start, true, names, out);
        pyr_text_add(out, " AND ");
        print_edge(&function->end, false, names, out);
        break;
    }
}

static void print_window(const pyr_node *node, const pyr_column_names *names, pyr_text *out) {
    static const char *const ops[] = {"row_number",   "rank",       "dense_rank", "ntile",
                                      "percent_rank", "cume_dist",  "lag",        "lead",
                                      "first_value",  "last_value", "nth_value",  ""};
    pyr_text_add(out, "WINDOW ");
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        const pyr_window_function *function = &node->as.window.functions[i];
        pyr_text_add(out, i > 0 ? ", " : "");
        if (function->op == PYR_WINDOW_AGGREGATE) {
            pyr_aggregate_print(&function->aggregate, names, out);
        } else {
            pyr_text_printf(out, "%s(", ops[function->op]);
            print_expressions(out, function->arguments, function->arguments_count, names);
            pyr_text_add_char(out, ')');
        }
        print_frame(function, names, out);
    }
    if (node->as.window.partition_count > 0) {
        pyr_text_add(out, " PARTITION BY ");
        print_expressions(out, node->as.window.partition, node->as.window.partition_count, names);
    }
    if (node->as.window.order_count > 0) {
        pyr_text_add(out, " ORDER BY ");
        print_sort_keys(out, node->as.window.order, node->as.window.order_count, names);
    }
}

static void print_conjuncts(const pyr_node *node, const pyr_column_names *names, pyr_text *out) {
    pyr_text_add(out, "FILTER ");
    for (int32_t i = 0; i < node->as.filter.count; ++i) {
        pyr_text_add(out, i > 0 ? " AND " : "");
        pyr_bound_print_with(node->as.filter.conjuncts[i], names, out);
    }
}

static void print_line(const pyr_node *node, pyr_text *out) {
    pyr_column_names names = {of_inputs, (void *)node};
    switch (node->kind) {
    case PYR_NODE_ONE_ROW:
        pyr_text_add(out, "ONE_ROW");
        break;
    case PYR_NODE_SCAN:
        print_scan(node, out);
        break;
    case PYR_NODE_VALUES:
        pyr_text_printf(out, "VALUES %d rows", node->as.values.rows);
        break;
    case PYR_NODE_FILTER:
        print_conjuncts(node, &names, out);
        break;
    case PYR_NODE_PROJECT:
        pyr_text_add(out, "PROJECT ");
        print_expressions(out, node->as.project.expressions, node->columns_count, &names);
        break;
    case PYR_NODE_AGGREGATE:
        print_aggregate(node, &names, out);
        break;
    case PYR_NODE_DISTINCT:
        pyr_text_add(out, "DISTINCT");
        break;
    case PYR_NODE_JOIN:
        print_join(node, &names, out);
        break;
    case PYR_NODE_SORT:
        pyr_text_add(out, "SORT ");
        print_sort_keys(out, node->as.sort.keys, node->as.sort.count, &names);
        break;
    case PYR_NODE_LIMIT:
        pyr_text_printf(out, "LIMIT %" PRId64 " OFFSET %" PRId64, node->as.limit.limit,
                        node->as.limit.offset);
        break;
    case PYR_NODE_UNION_ALL:
        pyr_text_add(out, "UNION ALL");
        break;
    case PYR_NODE_WINDOW:
        print_window(node, &names, out);
        break;
    case PYR_NODE_MATERIALIZED:
        pyr_text_printf(out, "MATERIALIZED %d", node->as.materialized.index);
        break;
    }
}

typedef struct printing {
    void (*annotate)(void *context, const pyr_node *node, pyr_text *out);
    void *context;
    pyr_text *out;
    int depth;
} printing;

static bool print_child(void *context, pyr_node **child);

static void print_node(printing *print, pyr_node *node) {
    for (int i = 0; i < print->depth; ++i) {
        pyr_text_add(print->out, "  ");
    }
    print_line(node, print->out);
    if (print->annotate != NULL) {
        print->annotate(print->context, node, print->out);
    }
    pyr_text_add_char(print->out, '\n');
    ++print->depth;
    pyr_node_children(node, print_child, print);
    --print->depth;
}

static bool print_child(void *context, pyr_node **child) {
    print_node(context, *child);
    return true;
}

void pyr_plan_print(const pyr_plan *plan,
                    void (*annotate)(void *context, const pyr_node *node, pyr_text *out),
                    void *context, pyr_text *out) {
    printing print = {annotate, context, out, 0};
    print_node(&print, plan->root);
    for (int32_t i = 0; i < plan->subqueries_count; ++i) {
        pyr_text_printf(out, "subquery %d:\n", i);
        print.depth = 1;
        print_node(&print, plan->subqueries[i]);
    }
    for (int32_t i = 0; i < plan->materialized_count; ++i) {
        pyr_text_printf(out, "materialized %d:\n", i);
        print.depth = 1;
        print_node(&print, plan->materialized[i]);
    }
}
