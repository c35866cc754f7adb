/* rule_group_keys.c - keys that are constant, or computed from other keys alone, divide no group:
 * they are computed once a group, after grouping. They fail for the same values either way.
 */
#include "plan/rule.h"

#include <string.h>

typedef struct keying {
    pyr_plan *plan;
    bool failed;
} keying;

/* The plain columns among the keys that stay, and where they stand. */
typedef struct key_columns {
    const pyr_node *node;
    const int32_t *places; /* of keys after grouping, -1: gone */
    pyr_arena *arena;
} key_columns;

static int32_t key_of_column(const pyr_node *node, int32_t column) {
    for (int32_t i = 0; i < node->as.aggregate.keys_count; ++i) {
        const pyr_bound_expr *key = node->as.aggregate.keys[i];
        if (key->kind == PYR_BOUND_COLUMN && key->column == column) {
            return i;
        }
    }
    return -1;
}

/* Equal floats (0.0 and -0.0) and intervals (a month and 30 days) are not the same to functions. */
static bool only_keys(void *context, const pyr_bound_expr *expression) {
    pyr_sql_type_id id = expression->type.id;
    return expression->kind != PYR_BOUND_COLUMN ||
           (key_of_column(context, expression->column) >= 0 && id != PYR_SQL_FLOAT &&
            id != PYR_SQL_DOUBLE && id != PYR_SQL_INTERVAL);
}

static pyr_bound_expr *to_key(void *context, pyr_bound_expr *expression) {
    const key_columns *with = context;
    if (expression->kind != PYR_BOUND_COLUMN) {
        return NULL;
    }
    return pyr_bound_column(with->arena,
                            with->places[key_of_column(with->node, expression->column)],
                            expression->type, expression->offset);
}

static bool is_first_of_column(const pyr_node *node, int32_t index) {
    const pyr_bound_expr *key = node->as.aggregate.keys[index];
    return key->kind == PYR_BOUND_COLUMN && key_of_column(node, key->column) == index;
}

/* places[i]: of key i after grouping; gives how many stay. */
static int32_t choose(const pyr_node *node, int32_t *places) {
    int32_t stay = 0;
    for (int32_t i = 0; i < node->as.aggregate.keys_count; ++i) {
        const pyr_bound_expr *key = node->as.aggregate.keys[i];
        bool needed = is_first_of_column(node, i) || !pyr_bound_walk(key, only_keys, (void *)node);
        places[i] = needed ? stay++ : -1;
    }
    if (stay == 0) {
        places[0] = stay++; /* constants alone: without any key there would always be a row */
    }
    return stay;
}

static pyr_bound_expr *output_of(keying *with, const pyr_node *node, const int32_t *places,
                                 int32_t index) {
    pyr_arena *arena = &with->plan->arena;
    pyr_bound_expr *key = node->as.aggregate.keys[index];
    if (places[index] >= 0) {
        return pyr_bound_column(arena, places[index], key->type, key->offset);
    }
    key_columns columns = {node, places, arena};
    return pyr_bound_rewrite(arena, key, to_key, &columns);
}

static bool take_out(keying *with, pyr_node **at) {
    pyr_node *node = *at;
    pyr_arena *arena = &with->plan->arena;
    int32_t keys = node->as.aggregate.keys_count;
    int32_t count = keys + node->as.aggregate.aggregates_count;
    int32_t *places = pyr_arena_array(arena, (size_t)keys, sizeof(int32_t));
    pyr_bound_expr **outputs = pyr_arena_array(arena, (size_t)count, sizeof(pyr_bound_expr *));
    pyr_bound_expr **kept = pyr_arena_array(arena, (size_t)keys, sizeof(pyr_bound_expr *));
    const char **names = pyr_arena_array(arena, (size_t)count, sizeof(char *));
    if (places == NULL || outputs == NULL || kept == NULL || names == NULL) {
        with->failed = true;
        return false;
    }
    int32_t stay = choose(node, places);
    if (stay == keys) {
        return true;
    }
    for (int32_t i = 0; i < count; ++i) {
        names[i] = node->columns[i].name;
        outputs[i] = i < keys ? output_of(with, node, places, i)
                              : pyr_bound_column(arena, stay + i - keys, node->columns[i].type, -1);
        if (i < keys && places[i] >= 0) {
            kept[places[i]] = node->as.aggregate.keys[i];
        }
    }
    node->as.aggregate.keys = kept;
    node->as.aggregate.keys_count = stay;
    pyr_node *project = NULL;
    if (pyr_node_aggregate_columns(with->plan, node)) {
        project = pyr_node_project(with->plan, node, outputs, names, count);
    }
    with->failed = project == NULL;
    *at = project != NULL ? project : node;
    return project != NULL;
}

static bool visit(void *context, pyr_node **at) {
    if (!pyr_node_children(*at, visit, context)) {
        return false;
    }
    const pyr_node *node = *at;
    return node->kind != PYR_NODE_AGGREGATE || node->as.aggregate.keys_count < 2 ||
           node->as.aggregate.sets_count > 1 || take_out(context, at);
}

pyr_status pyr_rule_group_keys(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    keying with = {plan, false};
    visit(&with, root);
    return with.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
