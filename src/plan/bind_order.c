/* bind_order.c - ORDER BY, LIMIT and OFFSET. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

static bool is_number(const pyr_expr *expression, int64_t *out) {
    if (expression == NULL || expression->kind != PYR_EXPR_LITERAL ||
        (expression->as.literal.kind != PYR_LITERAL_INTEGER &&
         expression->as.literal.kind != PYR_LITERAL_BIGINT)) {
        return false;
    }
    *out = expression->as.literal.value.i64;
    return true;
}

static bool is_plain_name(const pyr_expr *expression) {
    return expression->kind == PYR_EXPR_COLUMN && expression->as.column.table == NULL;
}

/* ---- Over a SELECT. ---- */

/* The output that an alias names; an alias comes before a column here. */
static int32_t output_of_alias(const pyr_place *place, const pyr_outputs *outputs,
                               const pyr_expr *expression) {
    if (!is_plain_name(expression)) {
        return -1;
    }
    int32_t item = pyr_bind_find_alias(place->select->query, expression->as.column.name,
                                       place->select->query->items_count);
    for (int32_t i = 0; i < outputs->visible && item >= 0; ++i) {
        if (outputs->items[i] == item) {
            return i;
        }
    }
    return -1;
}

static pyr_status place_of_key(pyr_binder *binder, const pyr_place *place, pyr_outputs *outputs,
                               const pyr_expr *expression, int32_t *out) {
    int64_t number = 0;
    if (is_number(expression, &number)) {
        if (number < 1 || number > outputs->visible) {
            return pyr_bind_refuse(binder, expression->offset, "ORDER BY a number without column");
        }
        *out = (int32_t)number - 1;
        return PYR_OK;
    }
    *out = output_of_alias(place, outputs, expression);
    if (*out >= 0) {
        return PYR_OK;
    }
    pyr_bound_expr *bound = NULL;
    PYR_TRY(pyr_bind_expr(binder, place, expression, &bound));
    if (pyr_bound_is_constant(bound)) {
        return pyr_bind_refuse(binder, expression->offset, "ORDER BY a constant");
    }
    for (int32_t i = 0; i < outputs->count; ++i) {
        if (pyr_bound_equal(outputs->expressions[i], bound)) {
            *out = i;
            return PYR_OK;
        }
    }
    if (place->select->query->distinct) {
        return pyr_bind_refuse(binder, expression->offset,
                               "DISTINCT ordered by what it does not give");
    }
    *out = outputs->count;
    return pyr_bind_add_output(binder, outputs, bound, "", -1);
}

static pyr_status all_columns(pyr_binder *binder, const pyr_order_item *item,
                              const pyr_plan_column *columns, pyr_bound_expr *const *expressions,
                              int32_t count, pyr_sort_key **out) {
    pyr_sort_key *keys = pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_sort_key));
    PYR_TRY(pyr_bind_made(binder, keys));
    for (int32_t i = 0; i < count; ++i) {
        pyr_sql_type type = columns != NULL ? columns[i].type : expressions[i]->type;
        keys[i].expression = pyr_bound_column(binder->arena, i, type, -1);
        keys[i].descending = item->descending;
        keys[i].nulls_first = item->nulls_first;
        PYR_TRY(pyr_bind_made(binder, keys[i].expression));
    }
    *out = keys;
    return PYR_OK;
}

pyr_status pyr_bind_order(pyr_binder *binder, const pyr_place *place, pyr_outputs *outputs,
                          pyr_sort_key **keys, int32_t *count) {
    const pyr_order_list *order = &place->select->query->order;
    *count = 0;
    *keys = NULL;
    if (order->all) {
        *count = outputs->visible;
        return all_columns(binder, &order->items[0], NULL, outputs->expressions, outputs->visible,
                           keys);
    }
    *keys = pyr_arena_array(binder->arena, order->count, sizeof(pyr_sort_key));
    PYR_TRY(pyr_bind_made(binder, *keys));
    for (size_t i = 0; i < order->count; ++i) {
        const pyr_order_item *item = &order->items[i];
        int32_t column = 0;
        PYR_TRY(place_of_key(binder, place, outputs, item->expression, &column));
        (*keys)[i].expression =
            pyr_bound_column(binder->arena, column, outputs->expressions[column]->type,
                             (int32_t)item->expression->offset);
        (*keys)[i].descending = item->descending;
        (*keys)[i].nulls_first = item->nulls_first;
        PYR_TRY(pyr_bind_made(binder, (*keys)[i].expression));
    }
    *count = (int32_t)order->count;
    return PYR_OK;
}

/* ---- Over columns alone. ---- */

static pyr_status column_of_key(pyr_binder *binder, const pyr_expr *expression,
                                const pyr_node *node, int32_t *out) {
    int64_t number = 0;
    if (is_number(expression, &number) && number >= 1 && number <= node->columns_count) {
        *out = (int32_t)number - 1;
        return PYR_OK;
    }
    for (int32_t i = 0; i < node->columns_count && is_plain_name(expression); ++i) {
        if (strcasecmp(node->columns[i].name, expression->as.column.name) == 0) {
            *out = i;
            return PYR_OK;
        }
    }
    return pyr_bind_refuse(binder, expression->offset,
                           "UNION or VALUES ordered by other than a column's name or number");
}

pyr_status pyr_bind_order_columns(pyr_binder *binder, const pyr_query_node *query,
                                  pyr_node **node) {
    const pyr_order_list *order = &query->order;
    if (!order->all && order->count == 0) {
        return PYR_OK;
    }
    pyr_node *sort = pyr_node_over(binder->plan, PYR_NODE_SORT, *node);
    PYR_TRY(pyr_bind_made(binder, sort));
    if (order->all) {
        sort->as.sort.count = (*node)->columns_count;
        PYR_TRY(all_columns(binder, &order->items[0], (*node)->columns, NULL,
                            (*node)->columns_count, &sort->as.sort.keys));
        *node = sort;
        return PYR_OK;
    }
    sort->as.sort.count = (int32_t)order->count;
    sort->as.sort.keys = pyr_arena_array(binder->arena, order->count, sizeof(pyr_sort_key));
    PYR_TRY(pyr_bind_made(binder, sort->as.sort.keys));
    for (size_t i = 0; i < order->count; ++i) {
        int32_t column = 0;
        PYR_TRY(column_of_key(binder, order->items[i].expression, *node, &column));
        pyr_sort_key *key = &sort->as.sort.keys[i];
        key->expression =
            pyr_bound_column(binder->arena, column, (*node)->columns[column].type, -1);
        key->descending = order->items[i].descending;
        key->nulls_first = order->items[i].nulls_first;
        PYR_TRY(pyr_bind_made(binder, key->expression));
    }
    *node = sort;
    return PYR_OK;
}

/* ---- LIMIT. ---- */

static pyr_status row_count(pyr_binder *binder, const pyr_expr *expression, int64_t absent,
                            int64_t *out) {
    *out = absent;
    if (expression == NULL) {
        return PYR_OK;
    }
    pyr_bound_expr *value = NULL;
    PYR_TRY(pyr_bind_constant(binder, expression, &value));
    if (pyr_bound_is_constant(value) && value->is_null) {
        return PYR_OK;
    }
    if (!pyr_bound_is_constant(value) || !pyr_sql_type_is_integer(value->type) ||
        value->type.id > PYR_SQL_UINTEGER || value->value.i64 < 0) {
        return pyr_bind_refuse(binder, expression->offset, "this LIMIT or OFFSET");
    }
    *out = value->value.i64;
    return PYR_OK;
}

pyr_status pyr_bind_limit(pyr_binder *binder, const pyr_query_node *query, pyr_node **node) {
    int64_t limit = -1;
    int64_t offset = 0;
    PYR_TRY(row_count(binder, query->limit, -1, &limit));
    PYR_TRY(row_count(binder, query->offset_rows, 0, &offset));
    if (limit < 0 && offset == 0) {
        return PYR_OK;
    }
    *node = pyr_node_limit(binder->plan, *node, limit, offset);
    return pyr_bind_made(binder, *node);
}
