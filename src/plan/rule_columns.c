/* rule_columns.c - columns that nobody reads are left out, down to the scans.
 *
 * A node is told which of its columns are needed, and says where each of them stands afterwards.
 * More may stay than was asked for.
 */
#include "plan/rule.h"

#include <string.h>

typedef struct pruning {
    pyr_plan *plan;
    pyr_arena *arena;
} pruning;

static bool prune(pruning *with, pyr_node **at, const bool *needed, int32_t **map);

static bool *flags(pruning *with, int32_t count) {
    return pyr_arena_array(with->arena, (size_t)count, sizeof(bool));
}
static int32_t *places(pruning *with, int32_t count) {
    int32_t *made = pyr_arena_array(with->arena, (size_t)count, sizeof(int32_t));
    for (int32_t i = 0; made != NULL && i < count; ++i) {
        made[i] = -1;
    }
    return made;
}

static void copy_columns(pyr_node *node) {
    node->columns_count = pyr_node_width(node->input);
    node->columns = node->input->columns;
}

static bool remap(pruning *with, pyr_bound_expr **expression, const int32_t *map) {
    *expression = pyr_bound_remap(with->arena, *expression, map);
    return *expression != NULL;
}

typedef struct remapping {
    pruning *with;
    const int32_t *map;
} remapping;
static bool remap_one(void *context, pyr_bound_expr **expression) {
    const remapping *of = context;
    return remap(of->with, expression, of->map);
}
static bool mark_one(void *context, pyr_bound_expr **expression) {
    pyr_bound_mark_columns(*expression, context);
    return true;
}

/* ---- SCAN: the visible columns first, then those of filters alone. ---- */

static bool prune_scan(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    int32_t count = node->columns_count;
    bool *filtered = flags(with, count);
    int32_t *all = places(with, count);
    pyr_plan_column *columns = pyr_arena_array(with->arena, (size_t)count, sizeof(pyr_plan_column));
    int32_t *of_table = pyr_arena_array(with->arena, (size_t)count, sizeof(int32_t));
    if (filtered == NULL || all == NULL || columns == NULL || of_table == NULL) {
        return false;
    }
    for (int32_t i = 0; i < node->as.scan.filters_count; ++i) {
        pyr_bound_mark_columns(node->as.scan.filters[i], filtered);
    }
    int32_t kept = 0;
    int32_t visible = 0;
    for (int pass = 0; pass < 2; ++pass) {
        for (int32_t i = 0; i < count; ++i) {
            bool shown = i < node->as.scan.visible_count && needed[i];
            if (pass == 0 ? shown : !shown && filtered[i]) {
                all[i] = kept;
                columns[kept] = node->columns[i];
                of_table[kept++] = node->as.scan.columns[i];
            }
        }
        visible = pass == 0 ? kept : visible;
    }
    for (int32_t i = 0; i < node->as.scan.filters_count; ++i) {
        if (!remap(with, &node->as.scan.filters[i], all)) {
            return false;
        }
    }
    for (int32_t i = 0; i < node->as.scan.visible_count; ++i) {
        map[i] = all[i] < visible ? all[i] : -1;
    }
    node->columns = columns;
    node->columns_count = kept;
    node->as.scan.columns = of_table;
    node->as.scan.visible_count = visible;
    return true;
}

/* ---- Nodes with expressions over one input. ---- */

static bool prune_project(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    bool *below = flags(with, pyr_node_width(node->input));
    int32_t *moved = NULL;
    int32_t kept = 0;
    pyr_plan_column *columns =
        pyr_arena_array(with->arena, (size_t)node->columns_count, sizeof(pyr_plan_column));
    if (below == NULL || columns == NULL) {
        return false;
    }
    for (int32_t i = 0; i < node->columns_count; ++i) {
        if (needed[i]) {
            map[i] = kept;
            columns[kept] = node->columns[i];
            node->as.project.expressions[kept++] = node->as.project.expressions[i];
        }
    }
    for (int32_t i = 0; i < kept; ++i) {
        pyr_bound_mark_columns(node->as.project.expressions[i], below);
    }
    node->columns = columns;
    node->columns_count = kept;
    if (!prune(with, &node->input, below, &moved)) {
        return false;
    }
    remapping of = {with, moved};
    return pyr_node_expressions(node, remap_one, &of);
}

static bool prune_aggregate(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    int32_t keys = node->as.aggregate.keys_count;
    int32_t kept = 0;
    bool *below = flags(with, pyr_node_width(node->input));
    int32_t *moved = NULL;
    if (below == NULL) {
        return false;
    }
    for (int32_t i = 0; i < keys; ++i) {
        map[i] = i;
    }
    for (int32_t i = 0; i < node->as.aggregate.aggregates_count; ++i) {
        /* One row without any column would be none. */
        bool only = keys == 0 && kept == 0 && i == node->as.aggregate.aggregates_count - 1;
        if (needed[keys + i] || only) {
            map[keys + i] = keys + kept;
            node->as.aggregate.aggregates[kept++] = node->as.aggregate.aggregates[i];
        }
    }
    node->as.aggregate.aggregates_count = kept;
    pyr_node_expressions(node, mark_one, below);
    if (!prune(with, &node->input, below, &moved)) {
        return false;
    }
    remapping of = {with, moved};
    if (!pyr_node_expressions(node, remap_one, &of)) {
        return false;
    }
    return pyr_node_aggregate_columns(with->plan, node);
}

/* FILTER, SORT: their input's columns, some of which they read. */
static bool prune_over(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    int32_t count = node->columns_count;
    bool *below = flags(with, count);
    int32_t *moved = NULL;
    if (below == NULL) {
        return false;
    }
    memcpy(below, needed, (size_t)count * sizeof(bool));
    pyr_node_expressions(node, mark_one, below);
    if (!prune(with, &node->input, below, &moved)) {
        return false;
    }
    remapping of = {with, moved};
    if (!pyr_node_expressions(node, remap_one, &of)) {
        return false;
    }
    memcpy(map, moved, (size_t)count * sizeof(int32_t));
    copy_columns(node);
    return true;
}

static bool prune_window(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    int32_t count = node->input->columns_count;
    int32_t kept = 0;
    bool *below = flags(with, count);
    int32_t *moved = NULL;
    if (below == NULL) {
        return false;
    }
    memcpy(below, needed, (size_t)count * sizeof(bool));
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        if (needed[count + i]) {
            map[count + i] = kept;
            node->as.window.functions[kept++] = node->as.window.functions[i];
        }
    }
    node->as.window.functions_count = kept;
    pyr_node_expressions(node, mark_one, below);
    if (!prune(with, &node->input, below, &moved)) {
        return false;
    }
    remapping of = {with, moved};
    int32_t width = pyr_node_width(node->input);
    pyr_plan_column *columns =
        pyr_arena_array(with->arena, (size_t)(width + kept), sizeof(pyr_plan_column));
    if (columns == NULL || !pyr_node_expressions(node, remap_one, &of)) {
        return false;
    }
    memcpy(columns, node->input->columns, (size_t)width * sizeof(pyr_plan_column));
    for (int32_t i = 0; i < kept; ++i) {
        const pyr_window_function *function = &node->as.window.functions[i];
        columns[width + i] =
            (pyr_plan_column){"", function->type, pyr_window_never_null(function->op)};
    }
    for (int32_t i = 0; i < node->columns_count; ++i) {
        map[i] = i < count ? moved[i] : map[i] >= 0 ? width + map[i] : -1;
    }
    node->columns = columns;
    node->columns_count = width + kept;
    return true;
}

/* ---- JOIN. ---- */

/* Beside another side columns are counted: hidden ones of a scan may not stand between. */
static bool plain_side(pruning *with, pyr_node **side) {
    pyr_node *node = *side;
    int32_t width = pyr_node_width(node);
    if (width == node->columns_count) {
        return true;
    }
    pyr_bound_list columns = {0, 0, NULL};
    for (int32_t i = 0; i < width; ++i) {
        if (!pyr_bound_list_add(with->arena, &columns,
                                pyr_bound_column(with->arena, i, node->columns[i].type, -1))) {
            return false;
        }
    }
    *side = pyr_node_project(with->plan, node, columns.items, NULL, columns.count);
    if (*side != NULL) {
        (*side)->rows_estimate = node->rows_estimate;
    }
    return *side != NULL;
}

static void mark_join(const pyr_node *node, const bool *needed, bool *left, bool *right) {
    int32_t left_count = node->input->columns_count;
    for (int32_t i = 0; i < node->columns_count; ++i) {
        if (i < left_count) {
            left[i] |= needed[i];
        } else if (node->as.join.type != PYR_JOIN_TYPE_MARK) {
            right[i - left_count] |= needed[i];
        }
    }
    for (int32_t i = 0; i < node->as.join.keys_count; ++i) {
        pyr_bound_mark_columns(node->as.join.left_keys[i], left);
        pyr_bound_mark_columns(node->as.join.right_keys[i], right);
    }
}

static bool mark_residual(pruning *with, const pyr_node *node, bool *left, bool *right) {
    int32_t left_count = node->input->columns_count;
    int32_t right_count = node->right->columns_count;
    bool *both = flags(with, left_count + right_count);
    if (both == NULL) {
        return false;
    }
    if (node->as.join.residual != NULL) {
        pyr_bound_mark_columns(node->as.join.residual, both);
    }
    for (int32_t i = 0; i < left_count; ++i) {
        left[i] |= both[i];
    }
    for (int32_t i = 0; i < right_count; ++i) {
        right[i] |= both[left_count + i];
    }
    return true;
}

static bool rebuild_join(pruning *with, pyr_node *node, const int32_t *left_map,
                         const int32_t *right_map, int32_t left_count, int32_t right_count,
                         int32_t *map) {
    int32_t width = node->input->columns_count;
    int32_t *both = places(with, left_count + right_count);
    if (both == NULL) {
        return false;
    }
    for (int32_t i = 0; i < left_count; ++i) {
        both[i] = left_map[i];
    }
    for (int32_t i = 0; i < right_count; ++i) {
        both[left_count + i] = right_map[i] >= 0 ? width + right_map[i] : -1;
    }
    for (int32_t i = 0; i < node->as.join.keys_count; ++i) {
        if (!remap(with, &node->as.join.left_keys[i], left_map) ||
            !remap(with, &node->as.join.right_keys[i], right_map)) {
            return false;
        }
    }
    if (node->as.join.residual != NULL && !remap(with, &node->as.join.residual, both)) {
        return false;
    }
    bool mark = node->as.join.type == PYR_JOIN_TYPE_MARK;
    for (int32_t i = 0; i < node->columns_count; ++i) {
        map[i] = mark && i == left_count ? width : both[i];
    }
    pyr_node *made = pyr_node_join(with->plan, node->as.join.type, node->input, node->right);
    if (made == NULL) {
        return false;
    }
    node->columns = made->columns;
    node->columns_count = made->columns_count;
    return true;
}

static bool prune_join(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    int32_t left_count = node->input->columns_count;
    int32_t right_count = node->right->columns_count;
    bool *left = flags(with, left_count);
    bool *right = flags(with, right_count);
    int32_t *left_map = NULL;
    int32_t *right_map = NULL;
    if (left == NULL || right == NULL) {
        return false;
    }
    mark_join(node, needed, left, right);
    return mark_residual(with, node, left, right) && prune(with, &node->input, left, &left_map) &&
           prune(with, &node->right, right, &right_map) && plain_side(with, &node->input) &&
           plain_side(with, &node->right) &&
           rebuild_join(with, node, left_map, right_map, left_count, right_count, map);
}

/* ---- UNION ALL: the same columns of every input. ---- */

static bool prune_union(pruning *with, pyr_node *node, const bool *needed, int32_t *map) {
    int32_t kept = 0;
    pyr_plan_column *columns =
        pyr_arena_array(with->arena, (size_t)node->columns_count, sizeof(pyr_plan_column));
    if (columns == NULL) {
        return false;
    }
    for (int32_t i = 0; i < node->columns_count; ++i) {
        if (needed[i]) {
            columns[kept] = node->columns[i];
            map[i] = kept++;
        }
    }
    for (int32_t k = 0; k < node->as.union_all.count; ++k) {
        pyr_node **input = &node->as.union_all.inputs[k];
        int32_t *moved = NULL;
        if (!prune(with, input, needed, &moved)) {
            return false;
        }
        pyr_bound_list list = {0, 0, NULL};
        bool same = pyr_node_width(*input) == kept && (*input)->kind != PYR_NODE_SCAN;
        for (int32_t i = 0; i < node->columns_count; ++i) {
            if (!needed[i]) {
                continue;
            }
            same &= moved[i] == map[i];
            if (!pyr_bound_list_add(
                    with->arena, &list,
                    pyr_bound_column(with->arena, moved[i], node->columns[i].type, -1))) {
                return false;
            }
        }
        if (!same) {
            *input = pyr_node_project(with->plan, *input, list.items, NULL, list.count);
        }
        if (*input == NULL) {
            return false;
        }
    }
    node->columns = columns;
    node->columns_count = kept;
    return true;
}

/* ---- Others. ---- */

/* A node that gives nothing that is needed beside its input's columns, the first count of its own
 * (0: none). */
static bool drop_node(pruning *with, pyr_node **at, const bool *needed, int32_t count,
                      int32_t *map) {
    pyr_node *node = *at;
    int32_t width = pyr_node_width(node->input);
    bool *below = flags(with, width);
    int32_t *moved = NULL;
    if (below == NULL) {
        return false;
    }
    memcpy(below, needed, (size_t)count * sizeof(bool));
    if (!prune(with, &node->input, below, &moved)) {
        return false;
    }
    memcpy(map, moved, (size_t)count * sizeof(int32_t));
    *at = node->input;
    return true;
}

static bool none_needed(const bool *needed, int32_t from, int32_t to) {
    for (int32_t i = from; i < to; ++i) {
        if (needed[i]) {
            return false;
        }
    }
    return true;
}

/* All of the input's columns stay. */
static bool keep_all(pruning *with, pyr_node *node, int32_t *map) {
    for (int32_t i = 0; i < node->columns_count; ++i) {
        map[i] = i;
    }
    if (node->input == NULL) {
        return true;
    }
    bool *all = flags(with, node->input->columns_count);
    int32_t *moved = NULL;
    if (all == NULL) {
        return false;
    }
    memset(all, true, (size_t)node->input->columns_count * sizeof(bool));
    if (!prune(with, &node->input, all, &moved)) {
        return false;
    }
    memcpy(map, moved, (size_t)node->columns_count * sizeof(int32_t));
    copy_columns(node);
    return true;
}

static bool prune(pruning *with, pyr_node **at, const bool *needed, int32_t **map) {
    pyr_node *node = *at;
    *map = places(with, node->columns_count);
    if (*map == NULL) {
        return false;
    }
    switch (node->kind) {
    case PYR_NODE_SCAN:
        return prune_scan(with, node, needed, *map);
    case PYR_NODE_PROJECT:
        return none_needed(needed, 0, node->columns_count)
                   ? drop_node(with, at, needed, 0, *map)
                   : prune_project(with, node, needed, *map);
    case PYR_NODE_AGGREGATE:
        return prune_aggregate(with, node, needed, *map);
    case PYR_NODE_FILTER:
    case PYR_NODE_SORT:
    case PYR_NODE_LIMIT:
        return prune_over(with, node, needed, *map);
    case PYR_NODE_WINDOW:
        return none_needed(needed, node->input->columns_count, node->columns_count)
                   ? drop_node(with, at, needed, node->input->columns_count, *map)
                   : prune_window(with, node, needed, *map);
    case PYR_NODE_JOIN:
        return prune_join(with, node, needed, *map);
    case PYR_NODE_UNION_ALL:
        return prune_union(with, node, needed, *map);
    default:
        return keep_all(with, node, *map);
    }
}

pyr_status pyr_rule_columns(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    pruning with = {plan, &plan->arena};
    int32_t *map = NULL;
    bool *all = flags(&with, (*root)->columns_count);
    if (all == NULL) {
        return pyr_arena_error(&plan->arena, error);
    }
    memset(all, true, (size_t)(*root)->columns_count * sizeof(bool));
    return prune(&with, root, all, &map) ? PYR_OK : pyr_arena_error(&plan->arena, error);
}
