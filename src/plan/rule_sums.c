/* rule_sums.c - SUM(x + 1), SUM(x + 2), ...: SUM(x) + n * COUNT(x), where x + n fits its type for
 * every row: else the statement fails, and this would not. Two sums of one x at least; constants
 * are summed as HUGEINT, where rows times a 64-bit constant always fit.
 */
#include "plan/fold.h"
#include "plan/rule.h"

#include <string.h>

typedef struct summing {
    pyr_plan *plan;
    bool failed;
} summing;

/* x + n, n + x or x - n, as x and n. */
typedef struct shifted {
    pyr_bound_expr *column;
    pyr_i128 by;
} shifted;

static bool read_shifted(const pyr_aggregate *aggregate, shifted *out) {
    if (aggregate->op != PYR_AGGREGATE_SUM || aggregate->distinct || aggregate->filter != NULL) {
        return false;
    }
    pyr_bound_expr *argument = aggregate->arguments[0];
    if (!pyr_sql_type_is_integer(argument->type) || argument->type.id == PYR_SQL_HUGEINT) {
        return false;
    }
    bool adds = pyr_bound_is_op(argument, PYR_OP_ADD);
    if (!adds && !pyr_bound_is_op(argument, PYR_OP_SUBTRACT)) {
        return false;
    }
    int constant = pyr_bound_is_constant(argument->arguments[1]) ? 1 : 0;
    const pyr_bound_expr *by = argument->arguments[constant];
    pyr_bound_expr *column = argument->arguments[1 - constant];
    if (!pyr_bound_is_constant(by) || by->is_null || (constant == 0 && !adds) ||
        column->kind != PYR_BOUND_COLUMN) {
        return false;
    }
    out->column = column;
    out->by = pyr_fold_i128(by->type, by->value);
    out->by = adds ? out->by : -out->by;
    return true;
}

static bool surely_fits(const pyr_node *node, const shifted *sum) {
    pyr_i128 low;
    pyr_i128 high;
    pyr_i128 least;
    pyr_i128 most;
    return pyr_rule_column_bounds(node->input, sum->column->column, &low, &high) &&
           pyr_fold_integer_range(sum->column->type.id, &least, &most) && low + sum->by >= least &&
           high + sum->by <= most;
}

/* The place of such an aggregate, which is added where it is missing; -1: memory. */
static int32_t need(summing *with, pyr_node *node, pyr_aggregate_op op, pyr_bound_expr *column,
                    int32_t offset) {
    int32_t count = node->as.aggregate.aggregates_count;
    for (int32_t i = 0; i < count; ++i) {
        const pyr_aggregate *one = &node->as.aggregate.aggregates[i];
        if (one->op == op && !one->distinct && one->filter == NULL &&
            (op == PYR_AGGREGATE_COUNT_STAR || pyr_bound_equal(one->arguments[0], column))) {
            return i;
        }
    }
    pyr_aggregate *all =
        pyr_arena_array(&with->plan->arena, (size_t)count + 1, sizeof(pyr_aggregate));
    if (all == NULL) {
        with->failed = true;
        return -1;
    }
    memcpy(all, node->as.aggregate.aggregates, (size_t)count * sizeof(pyr_aggregate));
    all[count].op = op;
    all[count].offset = offset;
    all[count].type = pyr_sql_type_of(op == PYR_AGGREGATE_SUM ? PYR_SQL_HUGEINT : PYR_SQL_BIGINT);
    all[count].arguments_count = op == PYR_AGGREGATE_COUNT_STAR ? 0 : 1;
    all[count].arguments[0] = op == PYR_AGGREGATE_COUNT_STAR ? NULL : column;
    node->as.aggregate.aggregates = all;
    node->as.aggregate.aggregates_count = count + 1;
    return count;
}

/* sum + n * count, over the AGGREGATE's columns. */
static pyr_bound_expr *from_parts(summing *with, const pyr_node *node, int32_t sum, int32_t count,
                                  pyr_i128 by) {
    pyr_arena *arena = &with->plan->arena;
    pyr_sql_type huge = pyr_sql_type_of(PYR_SQL_HUGEINT);
    int32_t keys = node->as.aggregate.keys_count;
    pyr_bound_expr *rows = pyr_bound_cast(
        arena, pyr_bound_column(arena, keys + count, pyr_sql_type_of(PYR_SQL_BIGINT), -1), huge,
        false, -1);
    pyr_bound_expr *shift =
        pyr_bound_binary(arena, PYR_OP_MULTIPLY, huge, rows,
                         pyr_bound_constant(arena, huge, pyr_fold_value(huge, by), -1), -1);
    return pyr_bound_binary(arena, PYR_OP_ADD, huge, pyr_bound_column(arena, keys + sum, huge, -1),
                            shift, -1);
}

static int32_t sums_of(const pyr_node *node, const pyr_bound_expr *column) {
    int32_t count = 0;
    shifted other;
    for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
        const pyr_aggregate *one = &node->as.aggregate.aggregates[i];
        bool plain = one->op == PYR_AGGREGATE_SUM && !one->distinct && one->filter == NULL &&
                     pyr_bound_equal(one->arguments[0], column);
        count += plain || (read_shifted(one, &other) && pyr_bound_equal(other.column, column));
    }
    return count;
}

static bool take_apart(summing *with, pyr_node **at) {
    pyr_node *node = *at;
    int32_t keys = node->as.aggregate.keys_count;
    int32_t count = node->as.aggregate.aggregates_count;
    bool changed = false;
    pyr_bound_expr **columns =
        pyr_arena_array(&with->plan->arena, (size_t)(keys + count), sizeof(pyr_bound_expr *));
    const char **names =
        pyr_arena_array(&with->plan->arena, (size_t)(keys + count), sizeof(char *));
    if (columns == NULL || names == NULL) {
        with->failed = true;
        return false;
    }
    for (int32_t i = 0; i < keys + count; ++i) {
        names[i] = node->columns[i].name;
        columns[i] = pyr_bound_column(&with->plan->arena, i, node->columns[i].type, -1);
    }
    for (int32_t i = 0; i < count; ++i) {
        shifted sum;
        if (!read_shifted(&node->as.aggregate.aggregates[i], &sum) ||
            sums_of(node, sum.column) < 2 || !surely_fits(node, &sum)) {
            continue;
        }
        bool never_null = pyr_bound_never_null(sum.column, node->input);
        int32_t total = need(with, node, PYR_AGGREGATE_SUM, sum.column, sum.column->offset);
        int32_t rows = need(with, node, never_null ? PYR_AGGREGATE_COUNT_STAR : PYR_AGGREGATE_COUNT,
                            sum.column, sum.column->offset);
        if (total < 0 || rows < 0) {
            return false;
        }
        columns[keys + i] = from_parts(with, node, total, rows, sum.by);
        changed = true;
    }
    if (!changed) {
        return true;
    }
    pyr_node *project = NULL;
    if (pyr_node_aggregate_columns(with->plan, node)) {
        project = pyr_node_project(with->plan, node, columns, names, keys + count);
    }
    with->failed = project == NULL;
    *at = project != NULL ? project : node;
    return project != NULL;
}

static bool visit(void *context, pyr_node **at) {
    if (!pyr_node_children(*at, visit, context)) {
        return false;
    }
    return (*at)->kind != PYR_NODE_AGGREGATE || take_apart(context, at);
}

pyr_status pyr_rule_sums(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    summing with = {plan, false};
    visit(&with, root);
    return with.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
