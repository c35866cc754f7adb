/* rule_distinct_sets.c - DISTINCT aggregates of several values, with FILTER, in ROLLUP, or beside
 * aggregates that cannot be put together from parts.
 *
 * The first grouping has the keys and every value x, by sets: the keys and one x each, so that each
 * pair is there once, and the keys alone, for the aggregates without DISTINCT. The second groups
 * its rows by the keys again; FILTERs over the set that a row is of (PYR_AGGREGATE_SET) say which
 * rows are whose. NULL is no value to any of these aggregates, so x is NULL where FILTER does not
 * hold.
 */
#include "plan/rule.h"

#include <string.h>

enum { KEYS_MAX = 62 }; /* bits of a BIGINT */

typedef struct distinct_sets {
    pyr_plan *plan;
    pyr_arena *arena;
    const pyr_node *node;
    int32_t keys_count; /* of the node */
    int32_t values_count;
    pyr_bound_expr **values; /* the x */
    int32_t plain_count;     /* aggregates without DISTINCT, as the first grouping has them */
    pyr_aggregate *plain;
    bool several; /* the node has sets of its own: its second grouping is by them, too */
    int32_t *of;  /* each aggregate's x, or place in plain */
} distinct_sets;

/* Whose result does not depend on the order of values, and to whom NULL is none. */
static bool takes_distinct(pyr_aggregate_op op) {
    switch (op) {
    case PYR_AGGREGATE_COUNT:
    case PYR_AGGREGATE_SUM:
    case PYR_AGGREGATE_FSUM:
    case PYR_AGGREGATE_AVG:
    case PYR_AGGREGATE_STDDEV_SAMP:
    case PYR_AGGREGATE_STDDEV_POP:
    case PYR_AGGREGATE_VAR_SAMP:
    case PYR_AGGREGATE_VAR_POP:
    case PYR_AGGREGATE_MEDIAN:
    case PYR_AGGREGATE_QUANTILE_CONT:
    case PYR_AGGREGATE_QUANTILE_DISC:
    case PYR_AGGREGATE_BIT_AND:
    case PYR_AGGREGATE_BIT_OR:
    case PYR_AGGREGATE_BIT_XOR:
        return true;
    default:
        return false;
    }
}

/* A set that is there twice would be one group. */
static bool sets_differ(const pyr_node *node) {
    for (int32_t i = 1; i < node->as.aggregate.sets_count; ++i) {
        for (int32_t j = 0; j < i; ++j) {
            if (node->as.aggregate.sets[i] == node->as.aggregate.sets[j]) {
                return false;
            }
        }
    }
    return true;
}

bool pyr_distinct_fits_sets(const pyr_node *node) {
    int32_t count = node->as.aggregate.aggregates_count;
    bool any = false;
    if (node->as.aggregate.keys_count + count > KEYS_MAX) {
        return false;
    }
    for (int32_t i = 0; i < count; ++i) {
        const pyr_aggregate *one = &node->as.aggregate.aggregates[i];
        if (one->distinct && !takes_distinct(one->op)) {
            return false;
        }
        any |= one->distinct;
    }
    return any && sets_differ(node);
}

/* ---- The first grouping. ---- */

/* Its place among the values; equal ones are one. -1: memory. */
static int32_t add_value(distinct_sets *with, const pyr_aggregate *of) {
    pyr_bound_expr *value = of->arguments[0];
    if (of->filter != NULL) {
        pyr_bound_expr *arms[] = {of->filter, value, pyr_bound_null(with->arena, value->type, -1)};
        value = arms[2] == NULL ? NULL
                                : pyr_bound_of_kind(with->arena, PYR_BOUND_CASE, value->type, arms,
                                                    3, of->offset);
        if (value == NULL) {
            return -1;
        }
    }
    for (int32_t i = 0; i < with->values_count; ++i) {
        if (pyr_bound_equal(with->values[i], value)) {
            return i;
        }
    }
    with->values[with->values_count] = value;
    return with->values_count++;
}

static bool divide(distinct_sets *with) {
    const pyr_node *node = with->node;
    size_t count = (size_t)node->as.aggregate.aggregates_count;
    with->values = pyr_arena_array(with->arena, count, sizeof(pyr_bound_expr *));
    with->plain = pyr_arena_array(with->arena, count + 1, sizeof(pyr_aggregate));
    with->of = pyr_arena_array(with->arena, count, sizeof(int32_t));
    if (with->values == NULL || with->plain == NULL || with->of == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; ++i) {
        const pyr_aggregate *one = &node->as.aggregate.aggregates[i];
        if (one->distinct) {
            with->of[i] = add_value(with, one);
            if (with->of[i] < 0) {
                return false;
            }
        } else if (one->op != PYR_AGGREGATE_SET) {
            with->of[i] = with->plain_count;
            with->plain[with->plain_count++] = *one;
        }
    }
    return true;
}

/* Those of the node with each value, and as they are where somebody needs that: aggregates without
 * DISTINCT, and a set without keys, which has a group even if there is no row. */
static bool make_sets(const distinct_sets *with, pyr_node *first) {
    const pyr_node *node = with->node;
    uint64_t all = (UINT64_C(1) << with->keys_count) - 1;
    int32_t own = with->several ? node->as.aggregate.sets_count : 1;
    uint64_t *sets = pyr_arena_array(with->arena, (size_t)own * ((size_t)with->values_count + 1),
                                     sizeof(uint64_t));
    int32_t count = 0;
    if (sets == NULL) {
        return false;
    }
    for (int32_t i = 0; i < own; ++i) {
        uint64_t set = with->several ? node->as.aggregate.sets[i] : all;
        for (int32_t x = 0; x < with->values_count; ++x) {
            sets[count++] = set | (UINT64_C(1) << (with->keys_count + x));
        }
        if (with->plain_count > 0 || set == 0) {
            sets[count++] = set;
        }
    }
    first->as.aggregate.sets = sets;
    first->as.aggregate.sets_count = count > 1 ? count : 0;
    return true;
}

/* Its columns: the keys, the values, the plain aggregates, the set. */
static pyr_node *first_grouping(const distinct_sets *with) {
    pyr_node *first = pyr_node_new(with->plan, PYR_NODE_AGGREGATE, 0);
    int32_t count = with->keys_count + with->values_count;
    pyr_bound_expr **keys = pyr_arena_array(with->arena, (size_t)count, sizeof(pyr_bound_expr *));
    if (first == NULL || keys == NULL || !make_sets(with, first)) {
        return NULL;
    }
    for (int32_t i = 0; i < count; ++i) {
        keys[i] = i < with->keys_count ? with->node->as.aggregate.keys[i]
                                       : with->values[i - with->keys_count];
    }
    with->plain[with->plain_count] = (pyr_aggregate){
        .op = PYR_AGGREGATE_SET, .type = pyr_sql_type_of(PYR_SQL_BIGINT), .offset = -1};
    first->input = with->node->input;
    first->as.aggregate.keys = keys;
    first->as.aggregate.keys_count = count;
    first->as.aggregate.aggregates = with->plain;
    first->as.aggregate.aggregates_count = with->plain_count + 1;
    first->as.aggregate.groups_max = -1;
    return pyr_node_aggregate_columns(with->plan, first) ? first : NULL;
}

/* ---- The second. ---- */

static pyr_bound_expr *bits_of_set(const distinct_sets *with, uint64_t mask) {
    pyr_sql_type whole = pyr_sql_type_of(PYR_SQL_BIGINT);
    int32_t set = with->keys_count + with->values_count + with->plain_count;
    return pyr_bound_binary(with->arena, PYR_OP_BIT_AND, whole,
                            pyr_bound_column(with->arena, set, whole, -1),
                            pyr_bound_integer(with->arena, PYR_SQL_BIGINT, (int64_t)mask, -1), -1);
}

/* Rows whose set has (or has not) one of these. */
static pyr_bound_expr *set_filter(const distinct_sets *with, uint64_t mask, bool has) {
    return pyr_bound_binary(with->arena, has ? PYR_OP_NOT_EQUAL : PYR_OP_EQUAL,
                            pyr_sql_type_of(PYR_SQL_BOOLEAN), bits_of_set(with, mask),
                            pyr_bound_integer(with->arena, PYR_SQL_BIGINT, 0, -1), -1);
}

static bool make_second(const distinct_sets *with, const pyr_aggregate *of, int32_t place,
                        pyr_aggregate *out) {
    uint64_t values = ((UINT64_C(1) << with->values_count) - 1) << with->keys_count;
    int32_t column = with->keys_count + place + (of->distinct ? 0 : with->values_count);
    pyr_sql_type type = of->distinct ? of->arguments[0]->type : of->type;
    *out = *of;
    out->distinct = false;
    out->op = of->distinct ? of->op : PYR_AGGREGATE_ANY_VALUE; /* of one row */
    out->arguments_count = 1;
    out->arguments[0] = pyr_bound_column(with->arena, column, type, of->offset);
    out->arguments[1] = NULL;
    out->filter = of->distinct ? set_filter(with, UINT64_C(1) << (with->keys_count + place), true)
                               : set_filter(with, values, false);
    return out->arguments[0] != NULL && out->filter != NULL;
}

/* Its columns: the keys, the set where there are several, the aggregates but for SET. */
static pyr_node *second_grouping(const distinct_sets *with, pyr_node *first) {
    const pyr_node *node = with->node;
    int32_t count = with->keys_count + with->several;
    pyr_bound_expr **keys = pyr_arena_array(with->arena, (size_t)count, sizeof(pyr_bound_expr *));
    pyr_aggregate *aggregates = pyr_arena_array(
        with->arena, (size_t)node->as.aggregate.aggregates_count, sizeof(pyr_aggregate));
    int32_t made = 0;
    if (keys == NULL || aggregates == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; ++i) {
        keys[i] = i < with->keys_count
                      ? pyr_bound_column(with->arena, i, node->as.aggregate.keys[i]->type, -1)
                      : bits_of_set(with, (UINT64_C(1) << with->keys_count) - 1);
        if (keys[i] == NULL) {
            return NULL;
        }
    }
    for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
        const pyr_aggregate *one = &node->as.aggregate.aggregates[i];
        if (one->op != PYR_AGGREGATE_SET &&
            !make_second(with, one, with->of[i], &aggregates[made++])) {
            return NULL;
        }
    }
    return pyr_node_aggregate(with->plan, first, keys, count, aggregates, made);
}

/* The node's columns, of the second grouping's. */
static pyr_bound_expr *output_of(const distinct_sets *with, int32_t index, int32_t *next) {
    const pyr_node *node = with->node;
    pyr_sql_type type = node->columns[index].type;
    if (index < with->keys_count) {
        return pyr_bound_column(with->arena, index, type, -1);
    }
    bool set = node->as.aggregate.aggregates[index - with->keys_count].op == PYR_AGGREGATE_SET;
    return pyr_bound_column(with->arena, set ? with->keys_count : (*next)++, type, -1);
}

pyr_node *pyr_distinct_by_sets(pyr_plan *plan, const pyr_node *node) {
    distinct_sets with = {.plan = plan,
                          .arena = &plan->arena,
                          .node = node,
                          .keys_count = node->as.aggregate.keys_count,
                          .several = node->as.aggregate.sets_count > 1};
    int32_t next = with.keys_count + with.several;
    pyr_node *first = divide(&with) ? first_grouping(&with) : NULL;
    pyr_node *second = first != NULL ? second_grouping(&with, first) : NULL;
    size_t count = (size_t)node->columns_count;
    pyr_bound_expr **outputs = pyr_arena_array(with.arena, count, sizeof(pyr_bound_expr *));
    const char **names = pyr_arena_array(with.arena, count, sizeof(char *));
    if (second == NULL || outputs == NULL || names == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < node->columns_count; ++i) {
        names[i] = node->columns[i].name;
        outputs[i] = output_of(&with, i, &next);
    }
    return pyr_node_project(plan, second, outputs, names, node->columns_count);
}
