/* bind_largest.c - SELECT k, unnest(max(x, n)) ... GROUP BY k: the n largest of each group as rows.
 *
 * It is bound as the query that says the same without lists: rows numbered within their group by x,
 * of which the first n stay. NULLs are in no list, so they go too. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

/* From so many values on DuckDB refuses max(x, n). */
#define DUCKDB_LARGEST_MAX 1000000

static const char value_name[] = "__pyralog_value";
static const char number_name[] = "__pyralog_number";

static bool is_call(const pyr_expr *expression, const char *name, size_t arguments) {
    return expression->kind == PYR_EXPR_CALL && strcmp(expression->as.call.name, name) == 0 &&
           expression->as.call.arguments.count == arguments && !expression->as.call.distinct &&
           !expression->as.call.is_operator && expression->as.call.filter == NULL &&
           expression->as.call.window == NULL && expression->as.call.order.count == 0;
}

static bool is_largest(const pyr_expr *expression) {
    if (!is_call(expression, "unnest", 1)) {
        return false;
    }
    const pyr_expr *list = expression->as.call.arguments.items[0];
    if (!is_call(list, "max", 2) && !is_call(list, "min", 2)) {
        return false;
    }
    const pyr_expr *count = list->as.call.arguments.items[1];
    return count->kind == PYR_EXPR_LITERAL && count->as.literal.kind == PYR_LITERAL_INTEGER &&
           count->as.literal.value.i64 > 0 && count->as.literal.value.i64 < DUCKDB_LARGEST_MAX;
}

static bool same_part(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcasecmp(a, b) == 0);
}

/* Written alike: t.k and u.k are two columns, k and t.k may be. */
static bool is_key(const pyr_group_by *group, const pyr_expr *expression) {
    for (size_t i = 0; i < group->keys_count && expression->kind == PYR_EXPR_COLUMN; ++i) {
        const pyr_expr *key = group->keys[i];
        if (same_part(key->as.column.name, expression->as.column.name) &&
            same_part(key->as.column.table, expression->as.column.table) &&
            same_part(key->as.column.schema_name, expression->as.column.schema_name)) {
            return true;
        }
    }
    return false;
}

/* Of the items one is it, and all others are keys, which are columns. */
static const pyr_item *find_largest(const pyr_query_node *query) {
    const pyr_item *found = NULL;
    if (query->kind != PYR_QUERY_SELECT || query->distinct || query->having != NULL ||
        query->qualify != NULL || query->order.count > 0 || query->order.all ||
        query->group.sets_count != 1 || query->group.keys_count == 0) {
        return NULL;
    }
    for (size_t i = 0; i < query->group.keys_count; ++i) {
        if (query->group.keys[i]->kind != PYR_EXPR_COLUMN) {
            return NULL;
        }
    }
    for (size_t i = 0; i < query->items_count; ++i) {
        const pyr_item *item = &query->items[i];
        if (is_largest(item->expression)) {
            if (found != NULL) {
                return NULL;
            }
            found = item;
        } else if (!is_key(&query->group, item->expression)) {
            return NULL;
        }
    }
    return found;
}

/* ---- The other query's tree; NULL where memory is out. ---- */

static pyr_expr *new_expr(pyr_binder *binder, pyr_expr_kind kind, const pyr_expr *at) {
    pyr_expr *made = pyr_arena_alloc(binder->arena, sizeof(*made));
    if (made != NULL) {
        made->kind = kind;
        made->offset = at->offset;
        made->length = at->length;
        made->height = 1;
    }
    return made;
}

static pyr_expr *new_column(pyr_binder *binder, const char *name, const pyr_expr *at) {
    pyr_expr *made = new_expr(binder, PYR_EXPR_COLUMN, at);
    if (made != NULL) {
        made->as.column.name = name;
        made->as.column.quoted = true;
    }
    return made;
}

static pyr_expr *new_operator(pyr_binder *binder, const char *name, pyr_expr *left, pyr_expr *right,
                              const pyr_expr *at) {
    pyr_expr *made = new_expr(binder, PYR_EXPR_CALL, at);
    pyr_expr **arguments = pyr_arena_array(binder->arena, 2, sizeof(pyr_expr *));
    if (made == NULL || arguments == NULL || left == NULL) {
        return NULL;
    }
    arguments[0] = left;
    arguments[1] = right;
    made->as.call.name = name;
    made->as.call.is_operator = true;
    made->as.call.arguments.items = arguments;
    made->as.call.arguments.count = right != NULL ? 2 : 1;
    return made;
}

static pyr_expr *new_number(pyr_binder *binder, const pyr_query_node *query, pyr_expr *value,
                            bool descending) {
    pyr_expr *made = new_expr(binder, PYR_EXPR_CALL, value);
    pyr_window *window = pyr_arena_alloc(binder->arena, sizeof(*window));
    pyr_order_item *order = pyr_arena_alloc(binder->arena, sizeof(*order));
    if (made == NULL || window == NULL || order == NULL) {
        return NULL;
    }
    order->expression = value;
    order->descending = descending;
    window->partition.count = query->group.keys_count;
    window->partition.items = query->group.keys;
    window->order.count = 1;
    window->order.items = order;
    made->as.call.name = "row_number";
    made->as.call.window = window;
    return made;
}

/* SELECT keys, value, number FROM ... WHERE ... */
static pyr_query_node *numbered(pyr_binder *binder, const pyr_query_node *query, pyr_expr *value,
                                bool descending) {
    size_t keys = query->group.keys_count;
    pyr_query_node *made = pyr_arena_alloc(binder->arena, sizeof(*made));
    pyr_item *items = pyr_arena_array(binder->arena, keys + 2, sizeof(*items));
    pyr_expr *number = new_number(binder, query, value, descending);
    if (made == NULL || items == NULL || number == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < keys; ++i) {
        items[i].expression = query->group.keys[i];
    }
    items[keys] = (pyr_item){.expression = value, .alias = value_name, .name = value_name};
    items[keys + 1] = (pyr_item){.expression = number, .alias = number_name, .name = number_name};
    made->kind = PYR_QUERY_SELECT;
    made->offset = query->offset;
    made->height = query->height;
    made->items_count = keys + 2;
    made->items = items;
    made->source = query->source;
    made->where = query->where;
    return made;
}

static pyr_query_node *rewritten(pyr_binder *binder, const pyr_query_node *query,
                                 const pyr_item *largest) {
    pyr_expr *list = largest->expression->as.call.arguments.items[0];
    pyr_expr *value = list->as.call.arguments.items[0];
    pyr_query_node *made = pyr_arena_alloc(binder->arena, sizeof(*made));
    pyr_source *source = pyr_arena_alloc(binder->arena, sizeof(*source));
    pyr_item *items = pyr_arena_array(binder->arena, query->items_count, sizeof(*items));
    pyr_expr **both = pyr_arena_array(binder->arena, 2, sizeof(pyr_expr *));
    pyr_expr *where = new_expr(binder, PYR_EXPR_AND, list);
    if (made == NULL || source == NULL || items == NULL || both == NULL || where == NULL) {
        return NULL;
    }
    *made = *query;
    memset(&made->group, 0, sizeof(made->group));
    source->kind = PYR_SOURCE_SUBQUERY;
    source->offset = query->offset;
    source->alias = "__pyralog_numbered";
    source->query = numbered(binder, query, value, strcmp(list->as.call.name, "max") == 0);
    both[0] = new_operator(binder, "<=", new_column(binder, number_name, list),
                           list->as.call.arguments.items[1], list);
    both[1] = new_operator(binder, "is not null", new_column(binder, value_name, list), NULL, list);
    where->as.list.items = both;
    where->as.list.count = 2;
    for (size_t i = 0; i < query->items_count; ++i) {
        const pyr_item *item = &query->items[i];
        items[i] = *item;
        items[i].expression = item == largest ? new_column(binder, value_name, item->expression)
                                              : new_column(binder, item->expression->as.column.name,
                                                           item->expression);
        if (items[i].expression == NULL) {
            return NULL;
        }
    }
    made->items = items;
    made->source = source;
    made->where = where;
    return source->query != NULL && both[0] != NULL && both[1] != NULL ? made : NULL;
}

pyr_status pyr_bind_largest(pyr_binder *binder, const pyr_query_node *query,
                            const pyr_query_node **out) {
    const pyr_item *largest = find_largest(query);
    *out = NULL;
    if (largest == NULL) {
        return PYR_OK;
    }
    *out = rewritten(binder, query, largest);
    return *out != NULL ? PYR_OK : pyr_arena_error(binder->arena, binder->error);
}
