/* bind_window.c - window functions, and the nodes that compute them: one a window. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

static bool find_op(const char *name, pyr_window_op *out) {
    static const struct {
        const char *name;
        pyr_window_op op;
    } ops[] = {{"row_number", PYR_WINDOW_ROW_NUMBER},
               {"rank", PYR_WINDOW_RANK},
               {"dense_rank", PYR_WINDOW_DENSE_RANK},
               {"rank_dense", PYR_WINDOW_DENSE_RANK},
               {"ntile", PYR_WINDOW_NTILE},
               {"percent_rank", PYR_WINDOW_PERCENT_RANK},
               {"cume_dist", PYR_WINDOW_CUME_DIST},
               {"lag", PYR_WINDOW_LAG},
               {"lead", PYR_WINDOW_LEAD},
               {"first_value", PYR_WINDOW_FIRST_VALUE},
               {"last_value", PYR_WINDOW_LAST_VALUE},
               {"nth_value", PYR_WINDOW_NTH_VALUE}};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        if (strcasecmp(ops[i].name, name) == 0) {
            *out = ops[i].op;
            return true;
        }
    }
    return false;
}

/* ---- PARTITION BY, ORDER BY. ---- */

static pyr_status bind_window(pyr_binder *binder, const pyr_place *place, const pyr_window *window,
                              pyr_window_binding *out) {
    out->partition_count = (int32_t)window->partition.count;
    out->order_count = (int32_t)window->order.count;
    out->partition =
        pyr_arena_array(binder->arena, window->partition.count, sizeof(pyr_bound_expr *));
    out->order = pyr_arena_array(binder->arena, window->order.count, sizeof(pyr_sort_key));
    PYR_TRY(pyr_bind_made(binder, out->partition));
    PYR_TRY(pyr_bind_made(binder, out->order));
    for (size_t i = 0; i < window->partition.count; ++i) {
        PYR_TRY(pyr_bind_expr(binder, place, window->partition.items[i], &out->partition[i]));
    }
    for (size_t i = 0; i < window->order.count; ++i) {
        const pyr_order_item *item = &window->order.items[i];
        PYR_TRY(pyr_bind_expr(binder, place, item->expression, &out->order[i].expression));
        out->order[i].descending = item->descending;
        out->order[i].nulls_first = item->nulls_first;
    }
    return PYR_OK;
}

/* ---- The functions. ---- */

static pyr_status plain(pyr_binder *binder, pyr_bound_expr **expression) {
    *expression = pyr_bound_cast(binder->arena, *expression, (*expression)->type, false,
                                 (*expression)->offset);
    return pyr_bind_made(binder, *expression);
}

static pyr_status bind_neighbour(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                 pyr_window_function *out) {
    const pyr_expr_list *given = &call->as.call.arguments;
    if (given->count < 1 || given->count > 3) {
        return pyr_bind_refuse(binder, call->offset, "%s() of %zu values", call->as.call.name,
                               given->count);
    }
    PYR_TRY(pyr_bind_expr(binder, place, given->items[0], &out->arguments[0]));
    PYR_TRY(plain(binder, &out->arguments[0]));
    out->arguments_count = 1;
    out->type = out->arguments[0]->type;
    out->distance = 1;
    if (given->count > 1) {
        pyr_bound_expr *distance = NULL;
        PYR_TRY(pyr_bind_constant(binder, given->items[1], &distance));
        if (!pyr_bound_is_constant(distance) || distance->is_null ||
            distance->type.id != PYR_SQL_INTEGER) {
            return pyr_bind_refuse(binder, call->offset, "%s() by what is not constant",
                                   call->as.call.name);
        }
        out->distance = distance->value.i64;
    }
    if (given->count > 2) {
        PYR_TRY(pyr_bind_expr(binder, place, given->items[2], &out->arguments[1]));
        if (!pyr_bound_is_constant(out->arguments[1]) ||
            (!out->arguments[1]->literal && !out->arguments[1]->is_null &&
             !pyr_sql_type_equal(out->arguments[1]->type, out->type))) {
            return pyr_bind_refuse(binder, call->offset, "this default of %s()",
                                   call->as.call.name);
        }
        out->arguments[1] = pyr_bound_cast(binder->arena, out->arguments[1], out->type, false, -1);
        PYR_TRY(pyr_bind_made(binder, out->arguments[1]));
        if (!pyr_bound_is_constant(out->arguments[1])) {
            return pyr_bind_refuse(binder, call->offset, "this default of %s()",
                                   call->as.call.name);
        }
        out->arguments_count = 2;
    }
    return out->type.id == PYR_SQL_NULL
               ? pyr_bind_refuse(binder, call->offset, "%s() of NULL", call->as.call.name)
               : PYR_OK;
}

/* A constant that is counted from 1. */
static pyr_status bind_count(pyr_binder *binder, const pyr_expr *call, const pyr_expr *given,
                             int64_t *out) {
    pyr_bound_expr *count = NULL;
    PYR_TRY(pyr_bind_constant(binder, given, &count));
    if (!pyr_bound_is_constant(count) || count->is_null ||
        (count->type.id != PYR_SQL_INTEGER && count->type.id != PYR_SQL_BIGINT) ||
        count->value.i64 < 1) {
        return pyr_bind_refuse(binder, call->offset, "this number of %s()", call->as.call.name);
    }
    *out = count->value.i64;
    return PYR_OK;
}

/* FIRST_VALUE, LAST_VALUE, NTH_VALUE */
static pyr_status bind_value(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                             pyr_window_function *out) {
    const pyr_expr_list *given = &call->as.call.arguments;
    if (given->count != (out->op == PYR_WINDOW_NTH_VALUE ? 2 : 1)) {
        return pyr_bind_refuse(binder, call->offset, "%s() of %zu values", call->as.call.name,
                               given->count);
    }
    PYR_TRY(pyr_bind_expr(binder, place, given->items[0], &out->arguments[0]));
    PYR_TRY(plain(binder, &out->arguments[0]));
    out->arguments_count = 1;
    out->type = out->arguments[0]->type;
    if (given->count > 1) {
        PYR_TRY(bind_count(binder, call, given->items[1], &out->distance));
    }
    return out->type.id == PYR_SQL_NULL
               ? pyr_bind_refuse(binder, call->offset, "%s() of NULL", call->as.call.name)
               : PYR_OK;
}

/* Those that only look at places: numbers of rows and shares of them. */
static pyr_status bind_rank(pyr_binder *binder, const pyr_expr *call, pyr_window_function *out) {
    const pyr_expr_list *given = &call->as.call.arguments;
    bool share = out->op == PYR_WINDOW_PERCENT_RANK || out->op == PYR_WINDOW_CUME_DIST;
    out->type = pyr_sql_type_of(share ? PYR_SQL_DOUBLE : PYR_SQL_BIGINT);
    if (given->count != (out->op == PYR_WINDOW_NTILE ? 1 : 0)) {
        return pyr_bind_refuse(binder, call->offset, "%s() of %zu values", call->as.call.name,
                               given->count);
    }
    return given->count > 0 ? bind_count(binder, call, given->items[0], &out->distance) : PYR_OK;
}

static pyr_status bind_named(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                             const pyr_window_binding *window, pyr_window_function *out) {
    switch (out->op) {
    case PYR_WINDOW_LAG:
    case PYR_WINDOW_LEAD:
        return bind_neighbour(binder, place, call, out);
    case PYR_WINDOW_FIRST_VALUE:
    case PYR_WINDOW_LAST_VALUE:
    case PYR_WINDOW_NTH_VALUE:
        PYR_TRY(bind_value(binder, place, call, out));
        return pyr_bind_frame(binder, call, window, out);
    default:
        return bind_rank(binder, call, out);
    }
}

static pyr_status bind_function(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                const pyr_window_binding *window, pyr_window_function *out) {
    bool plain_call = !call->as.call.distinct && call->as.call.filter == NULL &&
                      call->as.call.order.count == 0 && !call->as.call.ignore_nulls;
    if (find_op(call->as.call.name, &out->op)) {
        if (!plain_call) {
            return pyr_bind_refuse(binder, call->offset, "%s() with DISTINCT, FILTER or the like",
                                   call->as.call.name);
        }
        return bind_named(binder, place, call, window, out);
    }
    if (!pyr_bind_is_aggregate(call->as.call.name)) {
        return pyr_bind_refuse(binder, call->offset, "%s() OVER", call->as.call.name);
    }
    out->op = PYR_WINDOW_AGGREGATE;
    /* An aggregate of a group may stand inside: sum(sum(x)) OVER (). */
    pyr_place inner = *place;
    PYR_TRY(pyr_bind_aggregate(binder, &inner, call, &out->aggregate));
    out->type = out->aggregate.type;
    if (out->aggregate.distinct) {
        return pyr_bind_refuse(binder, call->offset, "DISTINCT in a window");
    }
    return pyr_bind_frame(binder, call, window, out);
}

pyr_status pyr_bind_window_call(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                pyr_bound_expr **out) {
    pyr_select_state *select = place->select;
    if (!place->windows || select == NULL) {
        return pyr_bind_refuse(binder, call->offset, "a window function in %s",
                               place->clause != NULL ? place->clause : "this place");
    }
    pyr_place inner = *place;
    pyr_window_binding made;
    inner.windows = false;
    inner.subqueries_join = false;
    memset(&made, 0, sizeof(made));
    PYR_TRY(bind_window(binder, &inner, call->as.call.window, &made));
    PYR_TRY(bind_function(binder, &inner, call, &made, &made.function));
    if (select->windows_count == select->windows_capacity) {
        int32_t capacity = select->windows_count == 0 ? 4 : select->windows_count * 2;
        pyr_window_binding *more =
            pyr_arena_array(binder->arena, (size_t)capacity, sizeof(pyr_window_binding));
        PYR_TRY(pyr_bind_made(binder, more));
        if (select->windows_count > 0) {
            memcpy(more, select->windows,
                   (size_t)select->windows_count * sizeof(pyr_window_binding));
        }
        select->windows = more;
        select->windows_capacity = capacity;
    }
    select->windows[select->windows_count] = made;
    *out = pyr_bound_column(binder->arena, PYR_BIND_WINDOW_BASE + select->windows_count++,
                            made.function.type, (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

/* ---- Nodes. ---- */

static bool same_window(const pyr_window_binding *a, const pyr_window_binding *b) {
    if (a->partition_count != b->partition_count || a->order_count != b->order_count) {
        return false;
    }
    for (int32_t i = 0; i < a->partition_count; ++i) {
        if (!pyr_bound_equal(a->partition[i], b->partition[i])) {
            return false;
        }
    }
    for (int32_t i = 0; i < a->order_count; ++i) {
        if (!pyr_bound_equal(a->order[i].expression, b->order[i].expression) ||
            a->order[i].descending != b->order[i].descending ||
            a->order[i].nulls_first != b->order[i].nulls_first) {
            return false;
        }
    }
    return true;
}

/* Those of first's window that have no place yet, first among them. */
static pyr_status add_node(pyr_binder *binder, pyr_select_state *select, int32_t first,
                           pyr_node **node, int32_t *places) {
    const pyr_window_binding *window = &select->windows[first];
    int32_t width = (*node)->columns_count;
    int32_t count = 0;
    pyr_node *made = pyr_node_new(binder->plan, PYR_NODE_WINDOW, width + select->windows_count);
    pyr_window_function *functions =
        pyr_arena_array(binder->arena, (size_t)select->windows_count, sizeof(pyr_window_function));
    PYR_TRY(pyr_bind_made(binder, made));
    PYR_TRY(pyr_bind_made(binder, functions));
    if (width > 0) {
        memcpy(made->columns, (*node)->columns, (size_t)width * sizeof(pyr_plan_column));
    }
    for (int32_t i = first; i < select->windows_count; ++i) {
        if (places[i] >= 0 || !same_window(window, &select->windows[i])) {
            continue;
        }
        const pyr_window_function *function = &select->windows[i].function;
        made->columns[width + count] =
            (pyr_plan_column){"", function->type, pyr_window_never_null(function->op)};
        places[i] = width + count;
        functions[count++] = *function;
    }
    made->columns_count = width + count;
    made->input = *node;
    made->as.window.partition = window->partition;
    made->as.window.partition_count = window->partition_count;
    made->as.window.order = window->order;
    made->as.window.order_count = window->order_count;
    made->as.window.functions = functions;
    made->as.window.functions_count = count;
    *node = made;
    return PYR_OK;
}

pyr_status pyr_bind_window_nodes(pyr_binder *binder, pyr_select_state *select, pyr_node **node,
                                 int32_t *places) {
    for (int32_t i = 0; i < select->windows_count; ++i) {
        places[i] = -1;
    }
    for (int32_t i = 0; i < select->windows_count; ++i) {
        if (places[i] < 0) {
            PYR_TRY(add_node(binder, select, i, node, places));
        }
    }
    return PYR_OK;
}
