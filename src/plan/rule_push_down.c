/* rule_push_down.c - filters to where their columns come from. */
#include "plan/fold.h"
#include "plan/rule.h"

#include <string.h>

static pyr_node *push_all(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts);

#define NODES_MAX 2000 /* that a condition may grow by; with more it stays above */

static const pyr_bound_list nothing = {0, 0, NULL};

typedef struct growing {
    pyr_bound_expr *const *expressions;
    int32_t nodes;
} growing;

static bool add_node(void *context, const pyr_bound_expr *expression) {
    (void)expression;
    return ++*(int32_t *)context <= NODES_MAX;
}

static bool add_growth(void *context, const pyr_bound_expr *expression) {
    growing *with = context;
    if (expression->kind == PYR_BOUND_COLUMN) {
        const pyr_bound_expr *instead = with->expressions[expression->column];
        return instead->arguments_count == 0 || pyr_bound_walk(instead, add_node, &with->nodes);
    }
    return true;
}

/* Whether a condition may have these expressions for its columns: x + x of x + x of ... doubles it
 * from one subquery to the next. */
static bool stays_small(const pyr_bound_expr *conjunct, pyr_bound_expr *const *expressions) {
    growing with = {expressions, 0};
    return pyr_bound_walk(conjunct, add_growth, &with);
}

/* A filter that stays above node. */
static pyr_node *filter_over(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    return node != NULL ? pyr_node_filter(plan, node, conjuncts->items, conjuncts->count) : NULL;
}

static pyr_node *stay_above(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    if (node->input != NULL) {
        node->input = push_all(plan, node->input, &nothing);
        if (node->input == NULL) {
            return NULL;
        }
    }
    return filter_over(plan, node, conjuncts);
}

static bool add_all(pyr_plan *plan, pyr_bound_list *to, pyr_bound_expr *const *from,
                    int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        if (!pyr_bound_list_conjuncts(&plan->arena, to, from[i])) {
            return false;
        }
    }
    return true;
}

static pyr_node *push_filter(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    pyr_bound_list all = {0, 0, NULL};
    /* What stood below comes first: it guarded what stands above. */
    if (!add_all(plan, &all, node->as.filter.conjuncts, node->as.filter.count) ||
        !add_all(plan, &all, conjuncts->items, conjuncts->count)) {
        return NULL;
    }
    return push_all(plan, node->input, &all);
}

/* The same rows are looked at, so that it may fail for the same ones. */
static pyr_node *push_project(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    pyr_bound_expr *const *expressions = node->as.project.expressions;
    pyr_bound_list below = {0, 0, NULL};
    pyr_bound_list above = {0, 0, NULL};
    for (int32_t i = 0; i < conjuncts->count; ++i) {
        pyr_bound_expr *conjunct = conjuncts->items[i];
        pyr_bound_list *to = &above;
        /* What may fail does not pass by what guards it. */
        if (stays_small(conjunct, expressions) && (above.count == 0 || !conjunct->may_fail)) {
            to = &below;
            conjunct =
                pyr_fold(&plan->arena, pyr_bound_substitute(&plan->arena, conjunct, expressions));
        }
        if (!pyr_bound_list_conjuncts(&plan->arena, to, conjunct)) {
            return NULL;
        }
    }
    node->input = push_all(plan, node->input, &below);
    return node->input != NULL ? filter_over(plan, node, &above) : NULL;
}

/* Conditions about keys alone drop whole groups. */
static pyr_node *push_aggregate(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    pyr_bound_list below = {0, 0, NULL};
    pyr_bound_list above = {0, 0, NULL};
    for (int32_t i = 0; i < conjuncts->count; ++i) {
        pyr_bound_expr *conjunct = conjuncts->items[i];
        int32_t lowest;
        int32_t highest;
        bool keys = pyr_bound_columns(conjunct, &lowest, &highest) &&
                    highest < node->as.aggregate.keys_count && node->as.aggregate.sets_count <= 1 &&
                    stays_small(conjunct, node->as.aggregate.keys) &&
                    (above.count == 0 || !conjunct->may_fail);
        bool made = keys ? pyr_bound_list_conjuncts(&plan->arena, &below,
                                                    pyr_bound_substitute(&plan->arena, conjunct,
                                                                         node->as.aggregate.keys))
                         : pyr_bound_list_add(&plan->arena, &above, conjunct);
        if (!made) {
            return NULL;
        }
    }
    node->input = push_all(plan, node->input, &below);
    return node->input != NULL ? filter_over(plan, node, &above) : NULL;
}

static pyr_node *push_union(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    for (int32_t i = 0; i < node->as.union_all.count; ++i) {
        node->as.union_all.inputs[i] = push_all(plan, node->as.union_all.inputs[i], conjuncts);
        if (node->as.union_all.inputs[i] == NULL) {
            return NULL;
        }
    }
    return node;
}

static pyr_node *push_scan(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    pyr_bound_list all = {0, 0, NULL};
    if (!add_all(plan, &all, node->as.scan.filters, node->as.scan.filters_count) ||
        !add_all(plan, &all, conjuncts->items, conjuncts->count)) {
        return NULL;
    }
    node->as.scan.filters = all.items;
    node->as.scan.filters_count = all.count;
    return node;
}

/* ---- Inner joins: all of a tree of them together. ---- */

typedef struct relations {
    int32_t count, capacity;
    pyr_node **nodes;
} relations;

static bool add_relation(pyr_plan *plan, relations *all, pyr_node *node) {
    if (all->count == all->capacity) {
        int32_t capacity = all->capacity == 0 ? 8 : all->capacity * 2;
        pyr_node **nodes = pyr_arena_array(&plan->arena, (size_t)capacity, sizeof(pyr_node *));
        if (nodes == NULL) {
            return false;
        }
        if (all->count > 0) {
            memcpy(nodes, all->nodes, (size_t)all->count * sizeof(pyr_node *));
        }
        all->nodes = nodes;
        all->capacity = capacity;
    }
    all->nodes[all->count++] = node;
    return true;
}

/* The keys of a join as conditions again. */
static bool add_keys(pyr_plan *plan, const pyr_node *join, int32_t base, pyr_bound_list *out) {
    for (int32_t i = 0; i < join->as.join.keys_count; ++i) {
        bool nulls_equal = join->as.join.nulls_equal != NULL && join->as.join.nulls_equal[i];
        pyr_bound_expr *left = pyr_bound_shift(&plan->arena, join->as.join.left_keys[i], base);
        pyr_bound_expr *right = pyr_bound_shift(&plan->arena, join->as.join.right_keys[i],
                                                base + join->input->columns_count);
        if (!pyr_bound_list_add(
                &plan->arena, out,
                pyr_bound_binary(&plan->arena, nulls_equal ? PYR_OP_NOT_DISTINCT : PYR_OP_EQUAL,
                                 pyr_sql_type_of(PYR_SQL_BOOLEAN), left, right, -1))) {
            return false;
        }
    }
    return join->as.join.residual == NULL ||
           pyr_bound_list_conjuncts(&plan->arena, out,
                                    pyr_bound_shift(&plan->arena, join->as.join.residual, base));
}

/* base: where node's columns begin among those of all relations. */
static bool flatten(pyr_plan *plan, pyr_node *node, int32_t base, relations *all,
                    pyr_bound_list *conjuncts) {
    if (node->kind == PYR_NODE_FILTER) {
        for (int32_t i = 0; i < node->as.filter.count; ++i) {
            if (!pyr_bound_list_conjuncts(
                    &plan->arena, conjuncts,
                    pyr_bound_shift(&plan->arena, node->as.filter.conjuncts[i], base))) {
                return false;
            }
        }
        return flatten(plan, node->input, base, all, conjuncts);
    }
    if (node->kind == PYR_NODE_JOIN && node->as.join.type == PYR_JOIN_TYPE_INNER) {
        return flatten(plan, node->input, base, all, conjuncts) &&
               flatten(plan, node->right, base + node->input->columns_count, all, conjuncts) &&
               add_keys(plan, node, base, conjuncts);
    }
    return add_relation(plan, all, node);
}

static pyr_node *push_inner(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    relations all = {0, 0, NULL};
    pyr_bound_list conditions = {0, 0, NULL};
    pyr_node *out = NULL;
    if (!flatten(plan, node, 0, &all, &conditions) ||
        !add_all(plan, &conditions, conjuncts->items, conjuncts->count) ||
        !pyr_join_order(plan, all.nodes, all.count, &conditions, &out)) {
        return NULL;
    }
    return out;
}

/* ---- Other joins. ---- */

/* Whether a row whose columns from first on are all NULL cannot pass. */
static bool drops_nulls(const pyr_bound_expr *condition, int32_t first) {
    int32_t lowest;
    int32_t highest;
    if (condition->kind != PYR_BOUND_OPERATION) {
        return false;
    }
    switch (condition->op) {
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_EQUAL:
    case PYR_OP_LESS:
    case PYR_OP_LESS_EQUAL:
    case PYR_OP_GREATER:
    case PYR_OP_GREATER_EQUAL:
    case PYR_OP_LIKE:
        break;
    default:
        return false;
    }
    /* A side that is such a column, or arithmetic of columns with one among them. */
    for (int32_t i = 0; i < condition->arguments_count; ++i) {
        const pyr_bound_expr *side = condition->arguments[i];
        while (side->kind == PYR_BOUND_OPERATION &&
               (side->op == PYR_OP_CAST || side->op == PYR_OP_MULTIPLY)) {
            side = side->arguments[side->arguments_count - 1];
        }
        if (side->kind == PYR_BOUND_COLUMN && pyr_bound_columns(side, &lowest, &highest) &&
            lowest >= first) {
            return true;
        }
    }
    return false;
}

static bool gives_right(pyr_join_type type) {
    return type == PYR_JOIN_TYPE_INNER || type == PYR_JOIN_TYPE_LEFT ||
           type == PYR_JOIN_TYPE_FULL || type == PYR_JOIN_TYPE_SINGLE;
}

static void nullable_no_more(pyr_node *join) {
    join->as.join.type = PYR_JOIN_TYPE_INNER;
    for (int32_t i = 0; i < join->right->columns_count; ++i) {
        join->columns[join->input->columns_count + i].never_null =
            join->right->columns[i].never_null;
    }
}

/* Conditions about the left alone go left, where the join keeps rows of the left as they are. */
static pyr_node *push_join(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    int32_t left_columns = node->input->columns_count;
    for (int32_t i = 0; i < conjuncts->count && node->as.join.type == PYR_JOIN_TYPE_LEFT; ++i) {
        if (drops_nulls(conjuncts->items[i], left_columns)) {
            nullable_no_more(node);
        }
    }
    if (node->as.join.type == PYR_JOIN_TYPE_INNER) {
        return push_inner(plan, node, conjuncts);
    }
    pyr_bound_list left = {0, 0, NULL};
    pyr_bound_list above = {0, 0, NULL};
    bool full = node->as.join.type == PYR_JOIN_TYPE_FULL;
    for (int32_t i = 0; i < conjuncts->count; ++i) {
        pyr_bound_expr *conjunct = conjuncts->items[i];
        int32_t lowest;
        int32_t highest;
        bool of_left = pyr_bound_columns(conjunct, &lowest, &highest) && highest < left_columns;
        /* For LEFT and SINGLE the rows are the same below; the others leave rows out. */
        bool safe = !conjunct->may_fail || gives_right(node->as.join.type);
        if (!pyr_bound_list_add(&plan->arena, of_left && safe && !full ? &left : &above,
                                conjunct)) {
            return NULL;
        }
    }
    node->input = push_all(plan, node->input, &left);
    node->right = push_all(plan, node->right, &nothing);
    return node->input != NULL && node->right != NULL ? filter_over(plan, node, &above) : NULL;
}

static pyr_node *push_all(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    switch (node->kind) {
    case PYR_NODE_FILTER:
        return push_filter(plan, node, conjuncts);
    case PYR_NODE_PROJECT:
        return push_project(plan, node, conjuncts);
    case PYR_NODE_AGGREGATE:
        return push_aggregate(plan, node, conjuncts);
    case PYR_NODE_UNION_ALL:
        return push_union(plan, node, conjuncts);
    case PYR_NODE_SCAN:
        return push_scan(plan, node, conjuncts);
    case PYR_NODE_JOIN:
        return push_join(plan, node, conjuncts);
    case PYR_NODE_DISTINCT:
    case PYR_NODE_SORT:
        node->input = push_all(plan, node->input, conjuncts);
        return node->input != NULL ? node : NULL;
    default:
        return stay_above(plan, node, conjuncts);
    }
}

pyr_node *pyr_push_down(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts) {
    return push_all(plan, node, conjuncts);
}

pyr_status pyr_rule_push_down(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    pyr_node *pushed = push_all(plan, *root, &nothing);
    if (pushed == NULL) {
        return pyr_arena_error(&plan->arena, error);
    }
    *root = pushed;
    return PYR_OK;
}
