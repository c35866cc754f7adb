/* bind_subquery.c - subqueries as values and conditions.
 *
 * One that names no column around it runs once, before. One that does is joined with the query
 * around: what its WHERE says about columns of both becomes the join's keys and residual, and its
 * aggregates are grouped by the keys. Others are not covered.
 */
#include "plan/bind_internal.h"

#include <string.h>

/* A subquery's FROM and WHERE, taken apart. */
typedef struct inner_query {
    pyr_scope scope;
    pyr_select_state select;
    pyr_bound_list outer_keys; /* over the columns around */
    pyr_bound_list inner_keys; /* over the subquery's own */
    pyr_bound_list residual;   /* over the columns around, then the subquery's own */
} inner_query;

/* ---- Which columns an expression is about. ---- */

typedef struct column_sides {
    bool outer, inner;
} column_sides;

static bool note_side(void *context, const pyr_bound_expr *expression) {
    column_sides *sides = context;
    if (expression->kind == PYR_BOUND_COLUMN) {
        sides->outer |= expression->column < 0;
        sides->inner |= expression->column >= 0;
    }
    return true;
}

static column_sides sides_of(const pyr_bound_expr *expression) {
    column_sides sides = {false, false};
    pyr_bound_walk(expression, note_side, &sides);
    return sides;
}

typedef struct joining {
    pyr_arena *arena;
    int32_t outer_columns;
} joining;

static pyr_bound_expr *join_column(void *context, pyr_bound_expr *expression) {
    const joining *with = context;
    if (expression->kind != PYR_BOUND_COLUMN) {
        return NULL;
    }
    int32_t column =
        expression->column < 0 ? -1 - expression->column : with->outer_columns + expression->column;
    return pyr_bound_column(with->arena, column, expression->type, expression->offset);
}

/* Over the columns around, then the subquery's own. */
static pyr_bound_expr *over_both(pyr_binder *binder, pyr_bound_expr *expression,
                                 int32_t outer_columns) {
    joining with = {binder->arena, outer_columns};
    return pyr_bound_rewrite(binder->arena, expression, join_column, &with);
}

/* ---- FROM and WHERE. ---- */

static bool add_correlated(pyr_binder *binder, inner_query *inner, pyr_bound_expr *condition,
                           int32_t outer_columns) {
    pyr_arena *arena = binder->arena;
    bool equal = pyr_bound_is_op(condition, PYR_OP_EQUAL);
    for (int i = 0; i < 2 && equal; ++i) {
        pyr_bound_expr *outer = condition->arguments[i];
        pyr_bound_expr *own = condition->arguments[1 - i];
        column_sides of_outer = sides_of(outer);
        column_sides of_own = sides_of(own);
        if (of_outer.outer && !of_outer.inner && of_own.inner && !of_own.outer) {
            return pyr_bound_list_add(arena, &inner->outer_keys,
                                      over_both(binder, outer, outer_columns)) &&
                   pyr_bound_list_add(arena, &inner->inner_keys, own);
        }
    }
    return pyr_bound_list_add(arena, &inner->residual, over_both(binder, condition, outer_columns));
}

static pyr_status split_where(pyr_binder *binder, inner_query *inner, int32_t outer_columns) {
    pyr_node *filter = inner->scope.node;
    pyr_bound_list all = {0, 0, NULL};
    pyr_bound_list own = {0, 0, NULL};
    if (filter->kind != PYR_NODE_FILTER) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < filter->as.filter.count; ++i) {
        if (!pyr_bound_list_factor(binder->arena, &all, filter->as.filter.conjuncts[i])) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    for (int32_t i = 0; i < all.count; ++i) {
        pyr_bound_expr *condition = all.items[i];
        bool added = sides_of(condition).outer
                         ? add_correlated(binder, inner, condition, outer_columns)
                         : pyr_bound_list_add(binder->arena, &own, condition);
        if (!added) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    inner->scope.node = pyr_node_filter(binder->plan, filter->input, own.items, own.count);
    return pyr_bind_made(binder, inner->scope.node);
}

/* The subquery's rows before its list, apart from what joins it with the query around. */
static pyr_status bind_inner(pyr_binder *binder, const pyr_place *place,
                             const pyr_query_node *query, inner_query *out) {
    memset(out, 0, sizeof(*out));
    out->select.query = query;
    bool plain = query->kind == PYR_QUERY_SELECT && query->group.keys_count == 0 &&
                 query->group.sets_count == 0 && !query->group.all && query->having == NULL &&
                 query->qualify == NULL && query->limit == NULL && query->offset_rows == NULL &&
                 query->ctes_count == 0;
    if (!plain || place->scope == NULL || !place->subqueries_join) {
        return pyr_bind_refuse(binder, query->offset,
                               "a subquery like this that names columns of the query around");
    }
    PYR_TRY(pyr_bind_source(binder, query->source, &out->scope));
    out->scope.outer = place->scope;
    PYR_TRY(pyr_bind_where(binder, &out->select, &out->scope, query->where));
    return split_where(binder, out, place->scope->node->columns_count);
}

/* Without one the executor would compare all with all. */
static pyr_status need_keys(pyr_binder *binder, const pyr_query_node *query,
                            const inner_query *inner) {
    return inner->outer_keys.count > 0
               ? PYR_OK
               : pyr_bind_refuse(binder, query->offset,
                                 "a subquery that compares with the query around without =");
}

static pyr_status join_inner(pyr_binder *binder, const pyr_place *place, const inner_query *inner,
                             pyr_join_type type, pyr_node **out) {
    pyr_node *join = pyr_node_join(binder->plan, type, place->scope->node, inner->scope.node);
    PYR_TRY(pyr_bind_made(binder, join));
    for (int32_t i = 0; i < inner->outer_keys.count; ++i) {
        if (!pyr_join_add_key(binder->plan, join, inner->outer_keys.items[i],
                              inner->inner_keys.items[i], false)) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    if (inner->residual.count > 0) {
        join->as.join.residual =
            pyr_bound_of_kind(binder->arena, PYR_BOUND_AND, pyr_sql_type_of(PYR_SQL_BOOLEAN),
                              inner->residual.items, inner->residual.count, -1);
        PYR_TRY(pyr_bind_made(binder, join->as.join.residual));
    }
    *out = join;
    return PYR_OK;
}

/* ---- Those that run once. ---- */

static pyr_status add_scalar(pyr_binder *binder, pyr_node *node, int32_t offset,
                             pyr_bound_expr **out) {
    pyr_plan *plan = binder->plan;
    pyr_node **all =
        pyr_arena_array(binder->arena, (size_t)plan->subqueries_count + 1, sizeof(pyr_node *));
    PYR_TRY(pyr_bind_made(binder, all));
    if (plan->subqueries_count > 0) {
        memcpy(all, plan->subqueries, (size_t)plan->subqueries_count * sizeof(pyr_node *));
    }
    all[plan->subqueries_count] = node;
    plan->subqueries = all;
    pyr_bound_expr *made = pyr_arena_alloc(binder->arena, sizeof(*made));
    PYR_TRY(pyr_bind_made(binder, made));
    made->kind = PYR_BOUND_SCALAR;
    made->type = node->columns[0].type;
    made->offset = offset;
    made->subquery = plan->subqueries_count++;
    *out = made;
    return PYR_OK;
}

/* Binds it by itself; *node NULL where that is not possible, as it is when it names columns of the
 * query around. binder->error then says why. */
static pyr_status bind_alone(pyr_binder *binder, const pyr_query_node *query, pyr_node **node) {
    int32_t uses[sizeof(binder->materialized_uses) / sizeof(int32_t)];
    int32_t subqueries = binder->plan->subqueries_count;
    int32_t materialized = binder->plan->materialized_count;
    int depth = binder->depth;
    memcpy(uses, binder->materialized_uses, sizeof(uses));
    *node = NULL;
    pyr_status status = pyr_bind_query(binder, query, node);
    if (status == PYR_ERROR_NOT_SUPPORTED) {
        memcpy(binder->materialized_uses, uses, sizeof(uses));
        binder->plan->subqueries_count = subqueries;
        binder->plan->materialized_count = materialized;
        /* What was bound meanwhile counts subqueries and uses that are no more: bound anew. */
        for (pyr_cte_binding *at = binder->ctes; at != NULL; at = at->before) {
            at->index = at->index < materialized ? at->index : -1;
        }
        binder->depth = depth;
        *node = NULL;
        return PYR_OK;
    }
    return status;
}

/* Whether node has rows, as a value: count(*) of at most one of them. */
static pyr_status bind_any_rows(pyr_binder *binder, pyr_node *node, bool negated, int32_t offset,
                                pyr_bound_expr **out) {
    pyr_aggregate *count = pyr_arena_alloc(binder->arena, sizeof(*count));
    PYR_TRY(pyr_bind_made(binder, count));
    count->op = PYR_AGGREGATE_COUNT_STAR;
    count->type = pyr_sql_type_of(PYR_SQL_BIGINT);
    pyr_node *one = pyr_node_limit(binder->plan, node, 1, 0);
    pyr_node *counted = pyr_node_aggregate(binder->plan, one, NULL, 0, count, 1);
    PYR_TRY(pyr_bind_made(binder, counted));
    pyr_bound_expr *any = pyr_bound_binary(
        binder->arena, negated ? PYR_OP_EQUAL : PYR_OP_GREATER, pyr_sql_type_of(PYR_SQL_BOOLEAN),
        pyr_bound_column(binder->arena, 0, count->type, offset),
        pyr_bound_integer(binder->arena, PYR_SQL_BIGINT, 0, offset), offset);
    pyr_node *project = pyr_node_project(binder->plan, counted, &any, NULL, 1);
    PYR_TRY(pyr_bind_made(binder, project));
    return add_scalar(binder, project, offset, out);
}

/* ---- EXISTS. ---- */

/* Its list is of no account, but must be one; with aggregates there would always be a row. */
static pyr_status check_list(pyr_binder *binder, inner_query *inner) {
    const pyr_query_node *query = inner->select.query;
    pyr_place place = {
        .scope = &inner->scope, .select = &inner->select, .clause = "EXISTS", .aliases = 0};
    for (size_t i = 0; i < query->items_count; ++i) {
        pyr_bound_expr *ignored = NULL;
        if (query->items[i].expression->kind != PYR_EXPR_STAR) {
            PYR_TRY(pyr_bind_expr(binder, &place, query->items[i].expression, &ignored));
        }
    }
    return PYR_OK;
}

static pyr_status bind_exists(pyr_binder *binder, const pyr_place *place,
                              const pyr_expr *expression, bool conjunct, pyr_bound_expr **out) {
    const pyr_query_node *query = expression->as.subquery.query;
    pyr_node *node = NULL;
    inner_query inner;
    *out = NULL;
    PYR_TRY(bind_alone(binder, query, &node));
    if (node != NULL) {
        return bind_any_rows(binder, node, expression->negated, (int32_t)expression->offset, out);
    }
    PYR_TRY(bind_inner(binder, place, query, &inner));
    PYR_TRY(check_list(binder, &inner));
    PYR_TRY(need_keys(binder, query, &inner));
    pyr_join_type type = !conjunct             ? PYR_JOIN_TYPE_MARK
                         : expression->negated ? PYR_JOIN_TYPE_ANTI
                                               : PYR_JOIN_TYPE_SEMI;
    int32_t mark = place->scope->node->columns_count;
    PYR_TRY(join_inner(binder, place, &inner, type, &place->scope->node));
    if (conjunct) {
        return PYR_OK;
    }
    *out = pyr_bound_column(binder->arena, mark, pyr_sql_type_of(PYR_SQL_BOOLEAN),
                            (int32_t)expression->offset);
    if (expression->negated) {
        *out = pyr_bound_unary(binder->arena, PYR_OP_NOT, pyr_sql_type_of(PYR_SQL_BOOLEAN), *out,
                               (int32_t)expression->offset);
    }
    return pyr_bind_made(binder, *out);
}

/* ---- IN (SELECT ...). ---- */

/* The rows and the value that is looked for among them. */
static pyr_status bind_in_rows(pyr_binder *binder, const pyr_place *place,
                               const pyr_expr *expression, inner_query *inner,
                               pyr_bound_expr **own) {
    const pyr_query_node *query = expression->as.subquery.query;
    pyr_node *node = NULL;
    PYR_TRY(bind_alone(binder, query, &node));
    if (node != NULL) {
        memset(inner, 0, sizeof(*inner));
        inner->scope.node = node;
        if (node->columns_count != 1 || node->columns[0].type.id == PYR_SQL_NULL) {
            return pyr_bind_refuse(binder, expression->offset, "IN of several columns or of NULL");
        }
        *own = pyr_bound_column(binder->arena, 0, node->columns[0].type, -1);
        return pyr_bind_made(binder, *own);
    }
    PYR_TRY(bind_inner(binder, place, query, inner));
    if (query->items_count != 1 || query->distinct ||
        query->items[0].expression->kind == PYR_EXPR_STAR) {
        return pyr_bind_refuse(binder, expression->offset, "IN of several columns");
    }
    pyr_place here = {.scope = &inner->scope, .select = &inner->select, .clause = "IN"};
    PYR_TRY(pyr_bind_expr(binder, &here, query->items[0].expression, own));
    return sides_of(*own).outer
               ? pyr_bind_refuse(binder, expression->offset, "IN of columns around it")
               : PYR_OK;
}

static pyr_status bind_in(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                          bool conjunct, pyr_bound_expr **out) {
    pyr_bound_expr *sides[2] = {NULL, NULL};
    pyr_sql_type type;
    inner_query inner;
    *out = NULL;
    if (place->scope == NULL || !place->subqueries_join) {
        return pyr_bind_refuse(binder, expression->offset, "IN (SELECT ...) in this place");
    }
    PYR_TRY(pyr_bind_expr(binder, place, expression->as.subquery.value, &sides[0]));
    if (sides_of(sides[0]).outer) {
        return pyr_bind_refuse(binder, expression->offset, "IN (SELECT ...) of a column around");
    }
    PYR_TRY(bind_in_rows(binder, place, expression, &inner, &sides[1]));
    PYR_TRY(pyr_bind_common(binder, expression->offset, true, sides, 2, &type));
    bool never_null = pyr_bound_never_null(sides[0], place->scope->node) &&
                      pyr_bound_never_null(sides[1], inner.scope.node);
    bool correlated = inner.outer_keys.count > 0 || inner.residual.count > 0;
    if (!never_null && (!conjunct || (expression->negated && correlated))) {
        return pyr_bind_refuse(binder, expression->offset,
                               "IN (SELECT ...) of what may be NULL in this place");
    }
    if (!pyr_bound_list_add(binder->arena, &inner.outer_keys, sides[0]) ||
        !pyr_bound_list_add(binder->arena, &inner.inner_keys, sides[1])) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    pyr_join_type join = !conjunct              ? PYR_JOIN_TYPE_MARK
                         : !expression->negated ? PYR_JOIN_TYPE_SEMI
                         : never_null           ? PYR_JOIN_TYPE_ANTI
                                                : PYR_JOIN_TYPE_ANTI_NULL;
    int32_t mark = place->scope->node->columns_count;
    PYR_TRY(join_inner(binder, place, &inner, join, &place->scope->node));
    if (conjunct) {
        return PYR_OK;
    }
    *out = pyr_bound_column(binder->arena, mark, pyr_sql_type_of(PYR_SQL_BOOLEAN),
                            (int32_t)expression->offset);
    if (expression->negated) {
        *out = pyr_bound_unary(binder->arena, PYR_OP_NOT, pyr_sql_type_of(PYR_SQL_BOOLEAN), *out,
                               (int32_t)expression->offset);
    }
    return pyr_bind_made(binder, *out);
}

/* ---- (SELECT ...). ---- */

/* Results of aggregates as columns of the join; without a group a count is 0. */
typedef struct scalar_columns {
    pyr_binder *binder;
    const pyr_select_state *select;
    int32_t first; /* of the aggregates */
    bool stray;
} scalar_columns;

static pyr_bound_expr *scalar_column(void *context, pyr_bound_expr *expression) {
    scalar_columns *with = context;
    pyr_arena *arena = with->binder->arena;
    if (expression->kind != PYR_BOUND_COLUMN) {
        return NULL;
    }
    if (expression->column < PYR_BIND_AGGREGATE_BASE) {
        with->stray = true;
        return expression;
    }
    int32_t index = expression->column - PYR_BIND_AGGREGATE_BASE;
    pyr_aggregate_op op = with->select->aggregates[index].op;
    pyr_bound_expr *column =
        pyr_bound_column(arena, with->first + index, expression->type, expression->offset);
    if (op != PYR_AGGREGATE_COUNT && op != PYR_AGGREGATE_COUNT_STAR) {
        return column;
    }
    pyr_bound_expr *or_zero[] = {column,
                                 pyr_bound_integer(arena, PYR_SQL_BIGINT, 0, expression->offset)};
    return pyr_bound_of_kind(arena, PYR_BOUND_COALESCE, expression->type, or_zero, 2,
                             expression->offset);
}

static bool aggregates_name_outer(const pyr_select_state *select) {
    bool outer = false;
    for (int32_t i = 0; i < select->aggregates_count; ++i) {
        const pyr_aggregate *one = &select->aggregates[i];
        for (int32_t k = 0; k < one->arguments_count; ++k) {
            outer |= sides_of(one->arguments[k]).outer;
        }
        outer |= one->filter != NULL && sides_of(one->filter).outer;
    }
    return outer;
}

/* The groups by the keys, whose columns become the keys. */
static pyr_status group_inner(pyr_binder *binder, inner_query *inner) {
    pyr_node *node = pyr_node_aggregate(binder->plan, inner->scope.node, inner->inner_keys.items,
                                        inner->inner_keys.count, inner->select.aggregates,
                                        inner->select.aggregates_count);
    PYR_TRY(pyr_bind_made(binder, node));
    pyr_bound_list keys = {0, 0, NULL};
    for (int32_t i = 0; i < inner->inner_keys.count; ++i) {
        if (!pyr_bound_list_add(
                binder->arena, &keys,
                pyr_bound_column(binder->arena, i, inner->inner_keys.items[i]->type, -1))) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    inner->inner_keys = keys;
    inner->scope.node = node;
    return PYR_OK;
}

/* Rows without aggregates: more than one for a row around it is an error, said by the join. */
static pyr_status single_inner(pyr_binder *binder, const pyr_place *place, inner_query *inner,
                               pyr_bound_expr *value, pyr_bound_expr **out) {
    pyr_bound_list columns = {0, 0, NULL};
    pyr_bound_list keys = {0, 0, NULL};
    for (int32_t i = 0; i < inner->inner_keys.count; ++i) {
        pyr_bound_expr *key = inner->inner_keys.items[i];
        if (!pyr_bound_list_add(binder->arena, &columns, key) ||
            !pyr_bound_list_add(binder->arena, &keys,
                                pyr_bound_column(binder->arena, i, key->type, -1))) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    if (!pyr_bound_list_add(binder->arena, &columns, value)) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    inner->inner_keys = keys;
    inner->scope.node =
        pyr_node_project(binder->plan, inner->scope.node, columns.items, NULL, columns.count);
    PYR_TRY(pyr_bind_made(binder, inner->scope.node));
    int32_t place_of = place->scope->node->columns_count + columns.count - 1;
    PYR_TRY(join_inner(binder, place, inner, PYR_JOIN_TYPE_SINGLE, &place->scope->node));
    *out = pyr_bound_column(binder->arena, place_of, value->type, value->offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status bind_correlated_scalar(pyr_binder *binder, const pyr_place *place,
                                         const pyr_query_node *query, pyr_bound_expr **out) {
    inner_query inner;
    pyr_bound_expr *value = NULL;
    PYR_TRY(bind_inner(binder, place, query, &inner));
    PYR_TRY(need_keys(binder, query, &inner));
    if (query->items_count != 1 || query->distinct || inner.residual.count > 0 ||
        query->items[0].expression->kind == PYR_EXPR_STAR) {
        return pyr_bind_refuse(
            binder, query->offset,
            "a subquery that compares with the query around otherwise than by =");
    }
    pyr_place here = {
        .scope = &inner.scope, .select = &inner.select, .clause = "a subquery", .aggregates = true};
    PYR_TRY(pyr_bind_expr(binder, &here, query->items[0].expression, &value));
    if (sides_of(value).outer || aggregates_name_outer(&inner.select)) {
        return pyr_bind_refuse(binder, query->offset, "a subquery that gives columns around it");
    }
    value = pyr_bound_cast(binder->arena, value, value->type, false, value->offset);
    PYR_TRY(pyr_bind_made(binder, value));
    if (inner.select.aggregates_count == 0) {
        return single_inner(binder, place, &inner, value, out);
    }
    PYR_TRY(group_inner(binder, &inner));
    scalar_columns with = {binder, &inner.select,
                           place->scope->node->columns_count + inner.inner_keys.count, false};
    *out = pyr_bound_rewrite(binder->arena, value, scalar_column, &with);
    PYR_TRY(pyr_bind_made(binder, *out));
    if (with.stray) {
        return pyr_bind_refuse(binder, query->offset, "a column beside aggregates");
    }
    return join_inner(binder, place, &inner, PYR_JOIN_TYPE_LEFT, &place->scope->node);
}

static pyr_status bind_scalar(pyr_binder *binder, const pyr_place *place,
                              const pyr_expr *expression, pyr_bound_expr **out) {
    const pyr_query_node *query = expression->as.subquery.query;
    pyr_node *node = NULL;
    PYR_TRY(bind_alone(binder, query, &node));
    if (node == NULL) {
        return bind_correlated_scalar(binder, place, query, out);
    }
    if (node->columns_count != 1 || node->columns[0].type.id == PYR_SQL_NULL) {
        return pyr_bind_refuse(binder, expression->offset, "a subquery of this shape as a value");
    }
    return add_scalar(binder, node, (int32_t)expression->offset, out);
}

/* ---- Entry points. ---- */

pyr_status pyr_bind_subquery(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                             pyr_bound_expr **out) {
    switch (expression->kind) {
    case PYR_EXPR_EXISTS:
        return bind_exists(binder, place, expression, false, out);
    case PYR_EXPR_IN_QUERY:
        return bind_in(binder, place, expression, false, out);
    default:
        return bind_scalar(binder, place, expression, out);
    }
}

pyr_status pyr_bind_subquery_conjunct(pyr_binder *binder, const pyr_place *place,
                                      const pyr_expr *expression, pyr_bound_expr **condition,
                                      bool *done) {
    *condition = NULL;
    *done = expression->kind == PYR_EXPR_EXISTS || expression->kind == PYR_EXPR_IN_QUERY;
    if (!*done) {
        return PYR_OK;
    }
    return expression->kind == PYR_EXPR_EXISTS
               ? bind_exists(binder, place, expression, true, condition)
               : bind_in(binder, place, expression, true, condition);
}
