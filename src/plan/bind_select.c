/* bind_select.c - SELECT: FROM, WHERE, GROUP BY, HAVING, windows, the list, in this order. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

typedef struct grouping {
    bool groups; /* there is an AGGREGATE */
    int32_t count;
    pyr_bound_expr **keys;
    int32_t set; /* the column with a group's set of keys; -1: there is one set of all */
} grouping;

pyr_status pyr_bind_add_output(pyr_binder *binder, pyr_outputs *outputs, pyr_bound_expr *expression,
                               const char *name, int32_t item) {
    if (outputs->count == outputs->capacity) {
        int32_t capacity = outputs->capacity == 0 ? 16 : outputs->capacity * 2;
        size_t size = (size_t)capacity;
        pyr_bound_expr **expressions = pyr_arena_array(binder->arena, size, sizeof(*expressions));
        const char **names = pyr_arena_array(binder->arena, size, sizeof(*names));
        int32_t *items = pyr_arena_array(binder->arena, size, sizeof(*items));
        PYR_TRY(pyr_bind_made(binder, expressions));
        PYR_TRY(pyr_bind_made(binder, names));
        PYR_TRY(pyr_bind_made(binder, items));
        if (outputs->count > 0) {
            size_t used = (size_t)outputs->count;
            memcpy(expressions, outputs->expressions, used * sizeof(*expressions));
            memcpy(names, outputs->names, used * sizeof(*names));
            memcpy(items, outputs->items, used * sizeof(*items));
        }
        outputs->expressions = expressions;
        outputs->names = names;
        outputs->items = items;
        outputs->capacity = capacity;
    }
    outputs->expressions[outputs->count] = expression;
    outputs->names[outputs->count] = name;
    outputs->items[outputs->count++] = item;
    return PYR_OK;
}

/* ---- WHERE. ---- */

pyr_status pyr_bind_where(pyr_binder *binder, pyr_select_state *select, pyr_scope *scope,
                          const pyr_expr *where) {
    if (where == NULL) {
        return PYR_OK;
    }
    pyr_place place = {.scope = scope,
                       .select = select,
                       .clause = "WHERE",
                       .subqueries_join = true,
                       .aliases = select != NULL ? select->query->items_count : 0};
    pyr_expr *only = (pyr_expr *)where;
    pyr_expr_list one = {1, &only};
    const pyr_expr_list *list = where->kind == PYR_EXPR_AND ? &where->as.list : &one;
    pyr_bound_list conjuncts = {0, 0, NULL};
    for (size_t i = 0; i < list->count; ++i) {
        pyr_bound_expr *condition = NULL;
        bool done = false;
        PYR_TRY(pyr_bind_subquery_conjunct(binder, &place, list->items[i], &condition, &done));
        if (!done) {
            PYR_TRY(pyr_bind_condition(binder, &place, list->items[i], &condition));
        }
        if (condition != NULL && !pyr_bound_list_conjuncts(binder->arena, &conjuncts, condition)) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    scope->node = pyr_node_filter(binder->plan, scope->node, conjuncts.items, conjuncts.count);
    return pyr_bind_made(binder, scope->node);
}

/* ---- The list. ---- */

static bool is_excluded(const pyr_expr *star, const char *name) {
    for (size_t i = 0; i < star->as.star.exclude_count; ++i) {
        if (strcasecmp(star->as.star.exclude[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* EXCLUDE of what is not there is an error of the statement. */
static pyr_status check_excluded(pyr_binder *binder, const pyr_scope *scope, const pyr_expr *star) {
    const char *only = star->as.star.table;
    for (size_t i = 0; i < star->as.star.exclude_count; ++i) {
        bool found = false;
        for (int32_t t = 0; t < scope->tables_count; ++t) {
            const pyr_scope_table *table = &scope->tables[t];
            bool meant =
                only == NULL || (table->name != NULL && strcasecmp(only, table->name) == 0);
            for (int32_t c = 0; c < table->columns_count && meant; ++c) {
                found |= strcasecmp(table->columns[c].name, star->as.star.exclude[i]) == 0;
            }
        }
        if (!found) {
            return pyr_bind_refuse(binder, star->offset, "EXCLUDE of \"%s\", which is no column",
                                   star->as.star.exclude[i]);
        }
    }
    return PYR_OK;
}

static pyr_status add_star(pyr_binder *binder, const pyr_scope *scope, const pyr_expr *star,
                           int32_t item, pyr_outputs *outputs) {
    int32_t before = outputs->count;
    const char *only = star->as.star.table;
    PYR_TRY(check_excluded(binder, scope, star));
    for (int32_t t = 0; t < scope->tables_count; ++t) {
        const pyr_scope_table *table = &scope->tables[t];
        if (only != NULL && (table->name == NULL || strcasecmp(only, table->name) != 0)) {
            continue;
        }
        for (int32_t c = 0; c < table->columns_count; ++c) {
            const pyr_scope_column *column = &table->columns[c];
            if ((column->hidden && only == NULL) || is_excluded(star, column->name)) {
                continue;
            }
            if (column->expression == NULL) {
                return pyr_bind_refuse(binder, star->offset, "the type of column \"%s\"",
                                       column->name);
            }
            bool merged = column->merged != NULL && only == NULL;
            PYR_TRY(pyr_bind_add_output(
                binder, outputs, merged ? column->merged : column->expression, column->name, item));
        }
    }
    return outputs->count > before ? PYR_OK : pyr_bind_refuse(binder, star->offset, "this * here");
}

static pyr_status bind_list(pyr_binder *binder, const pyr_place *place, pyr_outputs *outputs) {
    const pyr_query_node *query = place->select->query;
    for (size_t i = 0; i < query->items_count; ++i) {
        const pyr_item *item = &query->items[i];
        if (item->expression->kind == PYR_EXPR_STAR) {
            PYR_TRY(add_star(binder, place->scope, item->expression, (int32_t)i, outputs));
            continue;
        }
        pyr_place here = *place;
        here.aliases = i;
        pyr_bound_expr *bound = NULL;
        PYR_TRY(pyr_bind_expr(binder, &here, item->expression, &bound));
        const char *name = item->name;
        if (name == NULL && item->expression->kind == PYR_EXPR_COLUMN) {
            name = pyr_bind_column_label(place->scope, item->expression);
        }
        name = pyr_arena_strdup(binder->arena, name != NULL ? name : "");
        PYR_TRY(pyr_bind_made(binder, name));
        PYR_TRY(pyr_bind_add_output(binder, outputs, bound, name, (int32_t)i));
    }
    outputs->visible = outputs->count;
    return PYR_OK;
}

/* ---- GROUP BY. ---- */

static bool has_aggregate(void *context, const pyr_bound_expr *expression) {
    (void)context;
    return !(expression->kind == PYR_BOUND_COLUMN && expression->column >= PYR_BIND_GROUPING_BASE);
}

/* GROUP BY ALL: what of the list has no aggregate. */
static pyr_status keys_of_list(pyr_binder *binder, const pyr_outputs *outputs, grouping *out) {
    pyr_bound_list keys = {0, 0, NULL};
    for (int32_t i = 0; i < outputs->visible; ++i) {
        if (pyr_bound_walk(outputs->expressions[i], has_aggregate, NULL) &&
            !pyr_bound_list_add(binder->arena, &keys, outputs->expressions[i])) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    out->count = keys.count;
    out->keys = keys.items;
    return PYR_OK;
}

static pyr_status bind_key(pyr_binder *binder, const pyr_place *place, const pyr_outputs *outputs,
                           const pyr_expr *expression, pyr_bound_expr **out) {
    const pyr_query_node *query = place->select->query;
    if (expression->kind == PYR_EXPR_LITERAL) {
        int64_t number = expression->as.literal.kind == PYR_LITERAL_INTEGER
                             ? expression->as.literal.value.i64
                             : 0;
        if (number < 1 || number > outputs->visible) {
            return pyr_bind_refuse(binder, expression->offset, "GROUP BY of this literal");
        }
        *out = outputs->expressions[number - 1];
    } else {
        /* A column's name alone may be an alias, within an expression it may not. */
        pyr_place here = *place;
        here.clause = "GROUP BY";
        here.aggregates = false;
        here.windows = false;
        here.aliases = expression->kind == PYR_EXPR_COLUMN ? query->items_count : 0;
        PYR_TRY(pyr_bind_expr(binder, &here, expression, out));
    }
    if (!pyr_bound_walk(*out, has_aggregate, NULL)) {
        return pyr_bind_refuse(binder, expression->offset, "an aggregate in GROUP BY");
    }
    return PYR_OK;
}

static pyr_status bind_keys(pyr_binder *binder, const pyr_place *place, const pyr_outputs *outputs,
                            grouping *out) {
    const pyr_group_by *group = &place->select->query->group;
    out->groups = group->all || group->keys_count > 0 || group->sets_count > 0;
    if (group->all) {
        return keys_of_list(binder, outputs, out);
    }
    out->count = (int32_t)group->keys_count;
    out->keys = pyr_arena_array(binder->arena, group->keys_count, sizeof(pyr_bound_expr *));
    PYR_TRY(pyr_bind_made(binder, out->keys));
    for (size_t i = 0; i < group->keys_count; ++i) {
        PYR_TRY(bind_key(binder, place, outputs, group->keys[i], &out->keys[i]));
    }
    return PYR_OK;
}

static pyr_status set_masks(pyr_binder *binder, const pyr_group_by *group, pyr_node *node) {
    bool one = group->sets_count <= 1 &&
               (group->sets_count == 0 || group->sets[0].count == group->keys_count);
    if (one) {
        return PYR_OK;
    }
    if (group->keys_count > 63) { /* bits of what is a BIGINT where it is a column */
        return pyr_bind_refuse(binder, 0, "GROUPING SETS of more than 63 keys");
    }
    /* The list's constants are not told from keys, which are NULL in sets without them. */
    for (int32_t i = 0; i < node->as.aggregate.keys_count; ++i) {
        const pyr_bound_expr *key = node->as.aggregate.keys[i];
        if (pyr_bound_is_constant(key)) {
            return pyr_bind_refuse(binder, key->offset > 0 ? (size_t)key->offset : 0,
                                   "GROUPING SETS of a constant");
        }
    }
    uint64_t *sets = pyr_arena_array(binder->arena, group->sets_count, sizeof(uint64_t));
    PYR_TRY(pyr_bind_made(binder, sets));
    for (size_t s = 0; s < group->sets_count; ++s) {
        for (size_t i = 0; i < group->sets[s].count; ++i) {
            sets[s] |= UINT64_C(1) << group->sets[s].keys[i];
        }
    }
    node->as.aggregate.sets_count = (int32_t)group->sets_count;
    node->as.aggregate.sets = sets;
    return PYR_OK;
}

/* One aggregate more, for GROUPING(). */
static pyr_status add_set(pyr_binder *binder, grouping *group, pyr_node *node) {
    int32_t count = node->as.aggregate.aggregates_count;
    pyr_aggregate *more = pyr_arena_array(binder->arena, (size_t)count + 1, sizeof(pyr_aggregate));
    PYR_TRY(pyr_bind_made(binder, more));
    if (count > 0) {
        memcpy(more, node->as.aggregate.aggregates, (size_t)count * sizeof(pyr_aggregate));
    }
    more[count] = (pyr_aggregate){
        .op = PYR_AGGREGATE_SET, .type = pyr_sql_type_of(PYR_SQL_BIGINT), .offset = -1};
    node->as.aggregate.aggregates = more;
    node->as.aggregate.aggregates_count = count + 1;
    group->set = group->count + count;
    return PYR_OK;
}

static pyr_status aggregate_node(pyr_binder *binder, const pyr_select_state *select,
                                 grouping *group, pyr_node **node) {
    pyr_node *made = pyr_node_new(binder->plan, PYR_NODE_AGGREGATE, 0);
    PYR_TRY(pyr_bind_made(binder, made));
    made->input = *node;
    made->as.aggregate.keys_count = group->count;
    made->as.aggregate.keys = group->keys;
    made->as.aggregate.aggregates_count = select->aggregates_count;
    made->as.aggregate.aggregates = select->aggregates;
    made->as.aggregate.groups_max = -1;
    PYR_TRY(set_masks(binder, &select->query->group, made));
    group->set = -1;
    if (made->as.aggregate.sets_count > 0 && select->groupings_count > 0) {
        PYR_TRY(add_set(binder, group, made));
    }
    if (!pyr_node_aggregate_columns(binder->plan, made)) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    *node = made;
    return PYR_OK;
}

/* ---- From the columns of FROM to those of the AGGREGATE and WINDOW nodes. ---- */

typedef struct finishing {
    pyr_binder *binder;
    const pyr_select_state *select;
    grouping *group;
    const int32_t *windows; /* places of window functions; NULL: not yet */
    const pyr_bound_expr *stray;
    pyr_status status; /* of GROUPING() */
} finishing;

static pyr_bound_expr *finish_part(void *context, pyr_bound_expr *expression) {
    finishing *finish = context;
    pyr_arena *arena = finish->binder->arena;
    const grouping *group = finish->group;
    for (int32_t i = 0; i < group->count && group->groups; ++i) {
        if (!pyr_bound_is_constant(expression) && pyr_bound_equal(group->keys[i], expression)) {
            return pyr_bound_column(arena, i, expression->type, expression->offset);
        }
    }
    if (expression->kind != PYR_BOUND_COLUMN) {
        return NULL;
    }
    if (expression->column >= PYR_BIND_WINDOW_BASE) {
        return finish->windows == NULL
                   ? expression
                   : pyr_bound_column(arena,
                                      finish->windows[expression->column - PYR_BIND_WINDOW_BASE],
                                      expression->type, expression->offset);
    }
    if (expression->column >= PYR_BIND_AGGREGATE_BASE) {
        return pyr_bound_column(arena, group->count + expression->column - PYR_BIND_AGGREGATE_BASE,
                                expression->type, expression->offset);
    }
    if (expression->column >= PYR_BIND_GROUPING_BASE) {
        pyr_bound_expr *value = NULL;
        const pyr_grouping_call *call =
            &finish->select->groupings[expression->column - PYR_BIND_GROUPING_BASE];
        pyr_status status = pyr_bind_grouping_value(finish->binder, call, group->keys, group->count,
                                                    group->set, &value);
        finish->status = finish->status == PYR_OK ? status : finish->status;
        return value != NULL ? value : expression;
    }
    if (group->groups) {
        finish->stray = expression;
    }
    return expression;
}

static pyr_status finish(finishing *with, pyr_bound_expr **expression) {
    pyr_binder *binder = with->binder;
    with->stray = NULL;
    *expression = pyr_bound_rewrite(binder->arena, *expression, finish_part, with);
    PYR_TRY(pyr_bind_made(binder, *expression));
    PYR_TRY(with->status);
    if (with->stray != NULL) {
        return pyr_bind_refuse(binder, (size_t)with->stray->offset,
                               "a column that is neither grouped by nor in an aggregate");
    }
    return PYR_OK;
}

static pyr_status finish_edge(finishing *with, pyr_frame_edge *edge) {
    if (edge->kind != PYR_EDGE_VALUE) {
        return PYR_OK;
    }
    PYR_TRY(finish(with, &edge->value));
    return finish(with, &edge->key);
}

static pyr_status finish_windows(finishing *with, pyr_select_state *select) {
    for (int32_t w = 0; w < select->windows_count; ++w) {
        pyr_window_binding *window = &select->windows[w];
        for (int32_t i = 0; i < window->partition_count; ++i) {
            PYR_TRY(finish(with, &window->partition[i]));
        }
        for (int32_t i = 0; i < window->order_count; ++i) {
            PYR_TRY(finish(with, &window->order[i].expression));
        }
        for (int32_t i = 0; i < window->function.arguments_count; ++i) {
            PYR_TRY(finish(with, &window->function.arguments[i]));
        }
        for (int32_t i = 0; i < window->function.aggregate.arguments_count; ++i) {
            PYR_TRY(finish(with, &window->function.aggregate.arguments[i]));
        }
        if (window->function.aggregate.filter != NULL) {
            PYR_TRY(finish(with, &window->function.aggregate.filter));
        }
        PYR_TRY(finish_edge(with, &window->function.start));
        PYR_TRY(finish_edge(with, &window->function.end));
    }
    return PYR_OK;
}

/* ---- Together. ---- */

typedef struct select_parts {
    pyr_outputs outputs;
    grouping group;
    pyr_bound_expr *having, *qualify;
    pyr_sort_key *order;
    int32_t order_count;
} select_parts;

static pyr_status bind_parts(pyr_binder *binder, pyr_select_state *select, pyr_scope *scope,
                             select_parts *parts) {
    const pyr_query_node *query = select->query;
    pyr_place place = {.scope = scope,
                       .select = select,
                       .clause = "SELECT",
                       .aggregates = true,
                       .windows = true,
                       .subqueries_join = false,
                       .aliases = query->items_count};
    /* A subquery beside columns may join with FROM; beside aggregates it would have to come later.
     */
    place.subqueries_join =
        query->group.keys_count == 0 && query->group.sets_count == 0 && !query->group.all;
    PYR_TRY(bind_list(binder, &place, &parts->outputs));
    place.subqueries_join = false;
    PYR_TRY(bind_keys(binder, &place, &parts->outputs, &parts->group));
    if (query->having != NULL) {
        place.clause = "HAVING";
        place.windows = false;
        PYR_TRY(pyr_bind_condition(binder, &place, query->having, &parts->having));
        place.windows = true;
    }
    if (query->qualify != NULL) {
        place.clause = "QUALIFY";
        PYR_TRY(pyr_bind_condition(binder, &place, query->qualify, &parts->qualify));
    }
    place.clause = "ORDER BY";
    PYR_TRY(pyr_bind_order(binder, &place, &parts->outputs, &parts->order, &parts->order_count));
    parts->group.groups |= select->aggregates_count > 0 || parts->having != NULL;
    return PYR_OK;
}

static pyr_status add_filter(pyr_binder *binder, pyr_node **node, pyr_bound_expr *condition) {
    pyr_bound_list list = {0, 0, NULL};
    if (!pyr_bound_list_conjuncts(binder->arena, &list, condition)) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    *node = pyr_node_filter(binder->plan, *node, list.items, list.count);
    return pyr_bind_made(binder, *node);
}

/* AGGREGATE, HAVING, WINDOW, QUALIFY; the list's expressions then count their columns. */
static pyr_status build_inner(pyr_binder *binder, pyr_select_state *select, select_parts *parts,
                              pyr_node **node) {
    finishing with = {.binder = binder, .select = select, .group = &parts->group};
    if (select->groupings_count > 0 && (parts->group.count == 0 || select->query->group.all)) {
        return pyr_bind_refuse(binder, select->groupings[0].call->offset,
                               "GROUPING() without GROUP BY");
    }
    if (parts->group.groups) {
        PYR_TRY(aggregate_node(binder, select, &parts->group, node));
    }
    if (parts->having != NULL) {
        PYR_TRY(finish(&with, &parts->having));
        PYR_TRY(add_filter(binder, node, parts->having));
    }
    if (select->windows_count > 0) {
        PYR_TRY(finish_windows(&with, select));
        int32_t *places =
            pyr_arena_array(binder->arena, (size_t)select->windows_count, sizeof(int32_t));
        PYR_TRY(pyr_bind_made(binder, places));
        PYR_TRY(pyr_bind_window_nodes(binder, select, node, places));
        with.windows = places;
    }
    if (parts->qualify != NULL) {
        PYR_TRY(finish(&with, &parts->qualify));
        PYR_TRY(add_filter(binder, node, parts->qualify));
    }
    for (int32_t i = 0; i < parts->outputs.count; ++i) {
        PYR_TRY(finish(&with, &parts->outputs.expressions[i]));
    }
    return PYR_OK;
}

/* PROJECT, DISTINCT, SORT, LIMIT, and a PROJECT that leaves out what ORDER BY alone needed. */
static pyr_status build_outer(pyr_binder *binder, const pyr_query_node *query,
                              const select_parts *parts, pyr_node **node) {
    const pyr_outputs *outputs = &parts->outputs;
    for (int32_t i = 0; i < outputs->count; ++i) {
        /* As literals they have done what they could. */
        pyr_bound_expr *expression = outputs->expressions[i];
        outputs->expressions[i] =
            pyr_bound_cast(binder->arena, expression, expression->type, false, expression->offset);
    }
    *node =
        pyr_node_project(binder->plan, *node, outputs->expressions, outputs->names, outputs->count);
    if (query->distinct) {
        *node = pyr_node_over(binder->plan, PYR_NODE_DISTINCT, *node);
    }
    if (parts->order_count > 0) {
        *node = pyr_node_over(binder->plan, PYR_NODE_SORT, *node);
        PYR_TRY(pyr_bind_made(binder, *node));
        (*node)->as.sort.count = parts->order_count;
        (*node)->as.sort.keys = parts->order;
    }
    PYR_TRY(pyr_bind_made(binder, *node));
    PYR_TRY(pyr_bind_limit(binder, query, node));
    if (outputs->visible < outputs->count) {
        pyr_bound_list kept = {0, 0, NULL};
        for (int32_t i = 0; i < outputs->visible; ++i) {
            if (!pyr_bound_list_add(
                    binder->arena, &kept,
                    pyr_bound_column(binder->arena, i, outputs->expressions[i]->type, -1))) {
                return pyr_arena_error(binder->arena, binder->error);
            }
        }
        *node = pyr_node_project(binder->plan, *node, kept.items, NULL, kept.count);
    }
    return pyr_bind_made(binder, *node);
}

pyr_status pyr_bind_select(pyr_binder *binder, const pyr_query_node *query, pyr_node **out) {
    pyr_scope scope = {.outer = NULL};
    pyr_select_state select = {.query = query};
    select_parts parts;
    const pyr_query_node *other = NULL;
    memset(&parts, 0, sizeof(parts));
    PYR_TRY(pyr_bind_largest(binder, query, &other));
    if (other != NULL) {
        return pyr_bind_select(binder, other, out);
    }
    PYR_TRY(pyr_bind_source(binder, query->source, &scope));
    PYR_TRY(pyr_bind_where(binder, &select, &scope, query->where));
    PYR_TRY(bind_parts(binder, &select, &scope, &parts));
    if (parts.group.groups && parts.group.count == 0 && query->items_count == 0) {
        return pyr_bind_refuse(binder, query->offset, "a SELECT of nothing");
    }
    pyr_node *node = scope.node;
    PYR_TRY(build_inner(binder, &select, &parts, &node));
    PYR_TRY(build_outer(binder, query, &parts, &node));
    *out = node;
    return PYR_OK;
}
