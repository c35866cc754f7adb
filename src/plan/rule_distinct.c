/* rule_distinct.c - COUNT(DISTINCT x), SUM(DISTINCT x), AVG(DISTINCT x) of one x: grouped by the
 * keys and x first, then by the keys. Beside them aggregates that can be put together from parts:
 * counts, sums, averages of integers and doubles, extremes. Others: rule_distinct_sets.c.
 */
#include "plan/rule.h"

#include <string.h>

typedef struct taking_apart {
    pyr_plan *plan;
    bool failed;
} taking_apart;

/* What an aggregate becomes: its parts in the first grouping, then those of the second. */
typedef struct halves {
    int32_t first_count, second_count;
    pyr_aggregate *first, *second; /* arguments of second count the first grouping's columns */
    pyr_bound_expr **outputs;      /* over the second grouping's columns */
} halves;

static bool can_be_merged(const pyr_aggregate *aggregate) {
    switch (aggregate->op) {
    case PYR_AGGREGATE_COUNT_STAR:
    case PYR_AGGREGATE_COUNT:
    case PYR_AGGREGATE_SUM:
    case PYR_AGGREGATE_MIN:
    case PYR_AGGREGATE_MAX:
        return true;
    case PYR_AGGREGATE_AVG:
        /* DECIMAL has a way of its own from the exact sum to the DOUBLE. */
        return aggregate->arguments[0]->type.id != PYR_SQL_DECIMAL;
    default:
        return false;
    }
}

static bool is_distinct_op(pyr_aggregate_op op) {
    return op == PYR_AGGREGATE_COUNT || op == PYR_AGGREGATE_SUM || op == PYR_AGGREGATE_AVG;
}

/* The one argument of all DISTINCT aggregates; NULL: not for this rule. */
static pyr_bound_expr *distinct_argument(const pyr_node *node) {
    pyr_bound_expr *argument = NULL;
    for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
        const pyr_aggregate *one = &node->as.aggregate.aggregates[i];
        if (one->filter != NULL ||
            (one->distinct ? !is_distinct_op(one->op) : !can_be_merged(one))) {
            return NULL;
        }
        if (one->distinct) {
            if (argument != NULL && !pyr_bound_equal(argument, one->arguments[0])) {
                return NULL;
            }
            argument = one->arguments[0];
        }
    }
    return node->as.aggregate.sets_count > 1 ? NULL : argument;
}

/* Its place among the first grouping's; equal parts are one. */
static int32_t add_first(halves *into, pyr_aggregate_op op, const pyr_aggregate *of,
                         pyr_sql_type type, const pyr_node *input) {
    bool all_rows = op == PYR_AGGREGATE_COUNT && !of->arguments[0]->may_fail &&
                    pyr_bound_never_null(of->arguments[0], input);
    op = all_rows ? PYR_AGGREGATE_COUNT_STAR : op;
    for (int32_t i = 0; i < into->first_count; ++i) {
        const pyr_aggregate *other = &into->first[i];
        if (other->op == op && pyr_sql_type_equal(other->type, type) &&
            (op == PYR_AGGREGATE_COUNT_STAR ||
             pyr_bound_equal(other->arguments[0], of->arguments[0]))) {
            return i;
        }
    }
    pyr_aggregate *part = &into->first[into->first_count];
    *part = *of;
    part->op = op;
    part->type = type;
    if (op == PYR_AGGREGATE_COUNT_STAR) {
        part->arguments_count = 0;
        part->arguments[0] = NULL;
    }
    return into->first_count++;
}

/* A result of the second grouping, of a column of the first. NULL: memory. */
static pyr_bound_expr *add_second(taking_apart *with, const pyr_node *node, halves *into,
                                  pyr_aggregate_op op, pyr_sql_type type, int32_t column,
                                  pyr_sql_type column_type, int32_t offset) {
    int32_t index = 0;
    while (index < into->second_count &&
           (into->second[index].op != op || into->second[index].arguments[0]->column != column)) {
        ++index;
    }
    if (index == into->second_count) {
        pyr_aggregate *part = &into->second[index];
        memset(part, 0, sizeof(*part));
        part->op = op;
        part->type = type;
        part->offset = offset;
        part->arguments_count = 1;
        part->arguments[0] = pyr_bound_column(&with->plan->arena, column, column_type, offset);
        if (part->arguments[0] == NULL) {
            return NULL;
        }
        ++into->second_count;
    }
    return pyr_bound_column(&with->plan->arena, node->as.aggregate.keys_count + index, type, -1);
}

/* Without keys and rows a sum of counts is NULL. */
static pyr_bound_expr *or_zero(taking_apart *with, const pyr_node *node, pyr_bound_expr *count) {
    pyr_arena *arena = &with->plan->arena;
    pyr_bound_expr *both[] = {count, pyr_bound_integer(arena, PYR_SQL_BIGINT, 0, -1)};
    return node->as.aggregate.keys_count > 0 || count == NULL
               ? count
               : pyr_bound_of_kind(arena, PYR_BOUND_COALESCE, count->type, both, 2, -1);
}

static pyr_bound_expr *split_average(taking_apart *with, const pyr_node *node,
                                     const pyr_aggregate *of, int32_t base, halves *into) {
    pyr_arena *arena = &with->plan->arena;
    pyr_sql_type twice = pyr_sql_type_of(PYR_SQL_DOUBLE);
    pyr_sql_type whole = pyr_sql_type_of(PYR_SQL_BIGINT);
    pyr_sql_type type =
        of->arguments[0]->type.id == PYR_SQL_DOUBLE ? twice : pyr_sql_type_of(PYR_SQL_HUGEINT);
    int32_t sum = add_first(into, PYR_AGGREGATE_SUM, of, type, node->input);
    int32_t rows = add_first(into, PYR_AGGREGATE_COUNT, of, whole, node->input);
    pyr_bound_expr *total =
        add_second(with, node, into, PYR_AGGREGATE_SUM, type, base + sum, type, of->offset);
    pyr_bound_expr *count = add_second(with, node, into, PYR_AGGREGATE_SUM_NO_OVERFLOW, whole,
                                       base + rows, whole, of->offset);
    return pyr_bound_binary(arena, PYR_OP_DIVIDE, twice,
                            pyr_bound_cast(arena, total, twice, false, -1),
                            pyr_bound_cast(arena, count, twice, false, -1), of->offset);
}

/* What stands for the aggregate over the second grouping; x: the place of x in the first. */
static pyr_bound_expr *split(taking_apart *with, const pyr_node *node, const pyr_aggregate *of,
                             int32_t x, halves *into) {
    int32_t base = x + 1; /* the first grouping's columns: keys, x, then its aggregates */
    pyr_sql_type whole = pyr_sql_type_of(PYR_SQL_BIGINT);
    int32_t part;
    if (of->distinct) {
        return add_second(with, node, into, of->op, of->type, x, of->arguments[0]->type,
                          of->offset);
    }
    switch (of->op) {
    case PYR_AGGREGATE_COUNT_STAR:
    case PYR_AGGREGATE_COUNT:
        part = add_first(into, of->op, of, whole, node->input);
        return or_zero(with, node,
                       add_second(with, node, into, PYR_AGGREGATE_SUM_NO_OVERFLOW, whole,
                                  base + part, whole, of->offset));
    case PYR_AGGREGATE_AVG:
        return split_average(with, node, of, base, into);
    default:
        part = add_first(into, of->op, of, of->type, node->input);
        return add_second(with, node, into, of->op, of->type, base + part, of->type, of->offset);
    }
}

static bool keys_of(taking_apart *with, const pyr_node *node, pyr_bound_expr *x,
                    pyr_bound_expr ***first, pyr_bound_expr ***second) {
    int32_t keys = node->as.aggregate.keys_count;
    pyr_arena *arena = &with->plan->arena;
    *first = pyr_arena_array(arena, (size_t)keys + 1, sizeof(pyr_bound_expr *));
    *second = pyr_arena_array(arena, (size_t)keys + 1, sizeof(pyr_bound_expr *));
    if (*first == NULL || *second == NULL) {
        return false;
    }
    for (int32_t i = 0; i < keys; ++i) {
        (*first)[i] = node->as.aggregate.keys[i];
        (*second)[i] = pyr_bound_column(arena, i, node->as.aggregate.keys[i]->type, -1);
        if ((*second)[i] == NULL) {
            return false;
        }
    }
    (*first)[keys] = x;
    return true;
}

static pyr_node *taken_apart(taking_apart *with, pyr_node *node, pyr_bound_expr *x) {
    pyr_arena *arena = &with->plan->arena;
    int32_t keys = node->as.aggregate.keys_count;
    int32_t count = node->as.aggregate.aggregates_count;
    halves into;
    memset(&into, 0, sizeof(into));
    pyr_bound_expr **first_keys;
    pyr_bound_expr **second_keys;
    const char **names = pyr_arena_array(arena, (size_t)(keys + count), sizeof(char *));
    into.first = pyr_arena_array(arena, (size_t)count * 2, sizeof(pyr_aggregate));
    into.second = pyr_arena_array(arena, (size_t)count * 2, sizeof(pyr_aggregate));
    into.outputs = pyr_arena_array(arena, (size_t)(keys + count), sizeof(pyr_bound_expr *));
    if (names == NULL || into.first == NULL || into.second == NULL || into.outputs == NULL ||
        !keys_of(with, node, x, &first_keys, &second_keys)) {
        return NULL;
    }
    for (int32_t i = 0; i < keys + count; ++i) {
        names[i] = node->columns[i].name;
        into.outputs[i] =
            i < keys ? second_keys[i]
                     : split(with, node, &node->as.aggregate.aggregates[i - keys], keys, &into);
        if (into.outputs[i] == NULL) {
            return NULL;
        }
    }
    pyr_node *first = pyr_node_aggregate(with->plan, node->input, first_keys, keys + 1, into.first,
                                         into.first_count);
    pyr_node *second =
        pyr_node_aggregate(with->plan, first, second_keys, keys, into.second, into.second_count);
    return pyr_node_project(with->plan, second, into.outputs, names, keys + count);
}

static bool visit(void *context, pyr_node **at) {
    taking_apart *with = context;
    if (!pyr_node_children(*at, visit, context)) {
        return false;
    }
    if ((*at)->kind != PYR_NODE_AGGREGATE) {
        return true;
    }
    pyr_bound_expr *x = distinct_argument(*at);
    if (x == NULL && !pyr_distinct_fits_sets(*at)) {
        return true;
    }
    pyr_node *made = x != NULL ? taken_apart(with, *at, x) : pyr_distinct_by_sets(with->plan, *at);
    with->failed = made == NULL;
    *at = made != NULL ? made : *at;
    return made != NULL;
}

pyr_status pyr_rule_distinct(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    taking_apart with = {plan, false};
    visit(&with, root);
    return with.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
