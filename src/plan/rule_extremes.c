/* rule_extremes.c - MIN and MAX of a whole table's column: of the value that its zone maps say,
 * which no row has to be read for. Deleted rows count in zone maps, so there must not be any.
 */
#include "plan/expr.h"
#include "plan/rule.h"

typedef struct extremes {
    pyr_plan *plan;
    bool failed;
} extremes;

/* Whether node gives every row of a table. */
static bool is_whole_table(const pyr_node *node) {
    while (node->kind == PYR_NODE_PROJECT) {
        node = node->input;
    }
    if (node->kind != PYR_NODE_SCAN || node->as.scan.filters_count > 0) {
        return false;
    }
    const pyr_table *table = node->as.scan.table;
    for (size_t i = 0; i < table->segments_count; ++i) {
        if (pyr_table_deleted(table, i) != NULL) {
            return false;
        }
    }
    return true;
}

static bool is_extreme(const pyr_aggregate *aggregate) {
    return (aggregate->op == PYR_AGGREGATE_MIN || aggregate->op == PYR_AGGREGATE_MAX) &&
           aggregate->filter == NULL && aggregate->arguments[0]->kind == PYR_BOUND_COLUMN;
}

/* The value takes the column's place: that column is read by nobody then, and a table without rows
 * still gives NULL. */
static void put_value(extremes *with, const pyr_node *node, pyr_aggregate *aggregate) {
    pyr_bound_expr *column = aggregate->arguments[0];
    pyr_i128 low;
    pyr_i128 high;
    if (!pyr_rule_column_bounds(node->input, column->column, &low, &high) || low > high) {
        return;
    }
    pyr_i128 extreme = aggregate->op == PYR_AGGREGATE_MIN ? low : high;
    pyr_value value = {.i64 = (int64_t)extreme}; /* in the bits of an unsigned one, too */
    pyr_bound_expr *constant =
        pyr_bound_constant(&with->plan->arena, column->type, value, column->offset);
    with->failed |= constant == NULL;
    aggregate->arguments[0] = constant != NULL ? constant : column;
}

static bool visit(void *context, pyr_node **at) {
    extremes *with = context;
    pyr_node *node = *at;
    if (!pyr_node_children(node, visit, with)) {
        return false;
    }
    if (node->kind != PYR_NODE_AGGREGATE || node->as.aggregate.keys_count > 0 ||
        !is_whole_table(node->input)) {
        return true;
    }
    for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
        if (is_extreme(&node->as.aggregate.aggregates[i])) {
            put_value(with, node, &node->as.aggregate.aggregates[i]);
        }
    }
    return !with->failed;
}

pyr_status pyr_rule_extremes(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    extremes with = {plan, false};
    visit(&with, root);
    return with.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
