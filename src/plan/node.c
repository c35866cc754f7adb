/* node.c - making plan nodes. */
#include "plan/node.h"

#include <string.h>

pyr_node *pyr_node_new(pyr_plan *plan, pyr_node_kind kind, int32_t columns_count) {
    pyr_node *node = pyr_arena_alloc(&plan->arena, sizeof(*node));
    pyr_plan_column *columns =
        pyr_arena_array(&plan->arena, (size_t)columns_count, sizeof(pyr_plan_column));
    if (node == NULL || columns == NULL) {
        return NULL;
    }
    node->kind = kind;
    node->id = plan->nodes_count++;
    node->columns_count = columns_count;
    node->columns = columns;
    node->rows_estimate = -1;
    return node;
}

pyr_node *pyr_node_over(pyr_plan *plan, pyr_node_kind kind, pyr_node *input) {
    if (input == NULL) {
        return NULL;
    }
    pyr_node *node = pyr_node_new(plan, kind, input->columns_count);
    if (node == NULL) {
        return NULL;
    }
    if (input->columns_count > 0) {
        memcpy(node->columns, input->columns,
               (size_t)input->columns_count * sizeof(pyr_plan_column));
    }
    node->input = input;
    return node;
}

pyr_node *pyr_node_filter(pyr_plan *plan, pyr_node *input, pyr_bound_expr *const *conjuncts,
                          int32_t count) {
    if (count == 0) {
        return input;
    }
    pyr_node *node = pyr_node_over(plan, PYR_NODE_FILTER, input);
    pyr_bound_list list = {0, 0, NULL};
    for (int32_t i = 0; i < count; ++i) {
        if (!pyr_bound_list_add(&plan->arena, &list, conjuncts[i])) {
            return NULL;
        }
    }
    if (node != NULL) {
        node->as.filter.count = list.count;
        node->as.filter.conjuncts = list.items;
    }
    return node;
}

pyr_node *pyr_node_project(pyr_plan *plan, pyr_node *input, pyr_bound_expr *const *expressions,
                           const char *const *names, int32_t count) {
    pyr_node *node = input != NULL ? pyr_node_new(plan, PYR_NODE_PROJECT, count) : NULL;
    pyr_bound_expr **copy = pyr_arena_array(&plan->arena, (size_t)count, sizeof(pyr_bound_expr *));
    if (node == NULL || copy == NULL) {
        return NULL;
    }
    node->input = input;
    node->as.project.expressions = copy;
    for (int32_t i = 0; i < count; ++i) {
        pyr_bound_expr *expression = expressions[i];
        if (expression == NULL) {
            return NULL;
        }
        copy[i] = expression;
        node->columns[i].name = names != NULL ? names[i] : NULL;
        if (node->columns[i].name == NULL) {
            node->columns[i].name =
                expression->kind == PYR_BOUND_COLUMN ? input->columns[expression->column].name : "";
        }
        node->columns[i].type = expression->type;
        node->columns[i].never_null = pyr_bound_never_null(expression, input);
    }
    return node;
}

pyr_node *pyr_node_limit(pyr_plan *plan, pyr_node *input, int64_t limit, int64_t offset) {
    pyr_node *node = pyr_node_over(plan, PYR_NODE_LIMIT, input);
    if (node != NULL) {
        node->as.limit.limit = limit;
        node->as.limit.offset = offset;
    }
    return node;
}

static bool gives_right(pyr_join_type type) {
    return type == PYR_JOIN_TYPE_INNER || type == PYR_JOIN_TYPE_LEFT ||
           type == PYR_JOIN_TYPE_FULL || type == PYR_JOIN_TYPE_SINGLE;
}

pyr_node *pyr_node_join(pyr_plan *plan, pyr_join_type type, pyr_node *left, pyr_node *right) {
    if (left == NULL || right == NULL) {
        return NULL;
    }
    int32_t more = gives_right(type) ? right->columns_count : type == PYR_JOIN_TYPE_MARK ? 1 : 0;
    pyr_node *node = pyr_node_new(plan, PYR_NODE_JOIN, left->columns_count + more);
    if (node == NULL) {
        return NULL;
    }
    node->input = left;
    node->right = right;
    node->as.join.type = type;
    for (int32_t i = 0; i < left->columns_count; ++i) {
        node->columns[i] = left->columns[i];
        node->columns[i].never_null &= type != PYR_JOIN_TYPE_FULL;
    }
    for (int32_t i = 0; i < more; ++i) {
        pyr_plan_column *column = &node->columns[left->columns_count + i];
        if (type == PYR_JOIN_TYPE_MARK) {
            *column = (pyr_plan_column){"mark", pyr_sql_type_of(PYR_SQL_BOOLEAN), true};
        } else {
            *column = right->columns[i];
            column->never_null &= type == PYR_JOIN_TYPE_INNER;
        }
    }
    return node;
}

bool pyr_join_add_key(pyr_plan *plan, pyr_node *join, pyr_bound_expr *left, pyr_bound_expr *right,
                      bool nulls_equal) {
    int32_t count = join->as.join.keys_count;
    pyr_bound_expr **lefts =
        pyr_arena_array(&plan->arena, (size_t)count + 1, sizeof(pyr_bound_expr *));
    pyr_bound_expr **rights =
        pyr_arena_array(&plan->arena, (size_t)count + 1, sizeof(pyr_bound_expr *));
    bool *equal = NULL;
    if (nulls_equal || join->as.join.nulls_equal != NULL) {
        equal = pyr_arena_array(&plan->arena, (size_t)count + 1, sizeof(bool));
        if (equal == NULL) {
            return false;
        }
        if (join->as.join.nulls_equal != NULL) {
            memcpy(equal, join->as.join.nulls_equal, (size_t)count * sizeof(bool));
        }
        equal[count] = nulls_equal;
    }
    if (lefts == NULL || rights == NULL || left == NULL || right == NULL) {
        return false;
    }
    for (int32_t i = 0; i < count; ++i) {
        lefts[i] = join->as.join.left_keys[i];
        rights[i] = join->as.join.right_keys[i];
    }
    lefts[count] = left;
    rights[count] = right;
    join->as.join.left_keys = lefts;
    join->as.join.right_keys = rights;
    join->as.join.nulls_equal = equal;
    join->as.join.keys_count = count + 1;
    return true;
}

bool pyr_join_need_key(pyr_plan *plan, pyr_node *join) {
    if (join->as.join.keys_count > 0) {
        return true;
    }
    return pyr_join_add_key(plan, join, pyr_bound_integer(&plan->arena, PYR_SQL_INTEGER, 1, -1),
                            pyr_bound_integer(&plan->arena, PYR_SQL_INTEGER, 1, -1), false);
}

static bool aggregate_never_null(const pyr_aggregate *aggregate) {
    return aggregate->op == PYR_AGGREGATE_COUNT || aggregate->op == PYR_AGGREGATE_COUNT_STAR ||
           aggregate->op == PYR_AGGREGATE_SET;
}

bool pyr_node_aggregate_columns(pyr_plan *plan, pyr_node *aggregate) {
    int32_t keys = aggregate->as.aggregate.keys_count;
    int32_t count = keys + aggregate->as.aggregate.aggregates_count;
    pyr_plan_column *columns =
        pyr_arena_array(&plan->arena, (size_t)count, sizeof(pyr_plan_column));
    if (columns == NULL) {
        return false;
    }
    bool sets = aggregate->as.aggregate.sets_count > 1;
    for (int32_t i = 0; i < keys; ++i) {
        const pyr_bound_expr *key = aggregate->as.aggregate.keys[i];
        columns[i].name =
            key->kind == PYR_BOUND_COLUMN ? aggregate->input->columns[key->column].name : "";
        columns[i].type = key->type;
        columns[i].never_null = !sets && pyr_bound_never_null(key, aggregate->input);
    }
    for (int32_t i = keys; i < count; ++i) {
        const pyr_aggregate *of = &aggregate->as.aggregate.aggregates[i - keys];
        columns[i] = (pyr_plan_column){"", of->type, aggregate_never_null(of)};
    }
    aggregate->columns = columns;
    aggregate->columns_count = count;
    return true;
}

pyr_node *pyr_node_aggregate(pyr_plan *plan, pyr_node *input, pyr_bound_expr **keys,
                             int32_t keys_count, pyr_aggregate *aggregates,
                             int32_t aggregates_count) {
    pyr_node *node = pyr_node_new(plan, PYR_NODE_AGGREGATE, 0);
    if (input == NULL || node == NULL) {
        return NULL;
    }
    node->input = input;
    node->as.aggregate.keys = keys;
    node->as.aggregate.keys_count = keys_count;
    node->as.aggregate.aggregates = aggregates;
    node->as.aggregate.aggregates_count = aggregates_count;
    node->as.aggregate.groups_max = -1;
    return pyr_node_aggregate_columns(plan, node) ? node : NULL;
}

/* ---- Facts. ---- */

int32_t pyr_node_input_columns(const pyr_node *node) {
    int32_t count = node->input != NULL ? node->input->columns_count : 0;
    if (node->kind == PYR_NODE_SCAN) {
        return node->columns_count;
    }
    return count + (node->right != NULL ? node->right->columns_count : 0);
}

const pyr_plan_column *pyr_node_input_column(const pyr_node *node, int32_t column) {
    if (node->kind == PYR_NODE_SCAN) {
        return column < node->columns_count ? &node->columns[column] : NULL;
    }
    int32_t left = node->input != NULL ? node->input->columns_count : 0;
    if (column < left) {
        return column >= 0 ? &node->input->columns[column] : NULL;
    }
    column -= left;
    return node->right != NULL && column < node->right->columns_count
               ? &node->right->columns[column]
               : NULL;
}

static bool never_null_op(pyr_op op) {
    switch (op) {
    case PYR_OP_IS_NULL:
    case PYR_OP_IS_NOT_NULL:
    case PYR_OP_DISTINCT:
    case PYR_OP_NOT_DISTINCT:
    case PYR_OP_CONCAT_FN:
        return true;
    default:
        return false;
    }
}

/* Those that may be NULL though no argument is. */
static bool makes_null(const pyr_bound_expr *operation) {
    switch (operation->op) {
    case PYR_OP_DIVIDE:
    case PYR_OP_INT_DIVIDE:
    case PYR_OP_MODULO:
    case PYR_OP_TRY_CAST:
    case PYR_OP_REGEXP_EXTRACT:
    case PYR_OP_EXTRACT: /* infinity */
    case PYR_OP_DATE_DIFF:
    case PYR_OP_DATE_TRUNC:
    case PYR_OP_CONCAT_WS:
        return true;
    default:
        return false;
    }
}

static bool all_never_null(const pyr_bound_expr *expression, const pyr_node *input) {
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        if (!pyr_bound_never_null(expression->arguments[i], input)) {
            return false;
        }
    }
    return true;
}

bool pyr_bound_never_null(const pyr_bound_expr *expression, const pyr_node *input) {
    switch (expression->kind) {
    case PYR_BOUND_COLUMN:
        return input != NULL && expression->column >= 0 &&
               expression->column < input->columns_count &&
               input->columns[expression->column].never_null;
    case PYR_BOUND_CONSTANT:
        return !expression->is_null;
    case PYR_BOUND_OPERATION:
        return never_null_op(expression->op) ||
               (!makes_null(expression) && all_never_null(expression, input));
    case PYR_BOUND_AND:
    case PYR_BOUND_OR:
        return all_never_null(expression, input);
    case PYR_BOUND_CASE:
        for (int32_t i = 0; i < expression->arguments_count; ++i) {
            bool value = i % 2 == 1 || i == expression->arguments_count - 1;
            if (value && !pyr_bound_never_null(expression->arguments[i], input)) {
                return false;
            }
        }
        return true;
    case PYR_BOUND_COALESCE:
        return pyr_bound_never_null(expression->arguments[expression->arguments_count - 1], input);
    default:
        return false;
    }
}
