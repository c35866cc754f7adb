/* bind_frame.c - ROWS, RANGE and GROUPS of a window: where the frame of each row begins and ends.
 */
#include "plan/bind_internal.h"

static const int64_t ROWS_MAX = INT64_MAX / 4; /* beyond any table, and sums of it fit */

static pyr_status refuse(pyr_binder *binder, const pyr_expr *call) {
    return pyr_bind_refuse(binder, call->offset, "this frame of a window");
}

static pyr_status bind_rows(pyr_binder *binder, const pyr_expr *call, const pyr_expr *by,
                            bool before, pyr_frame_edge *out) {
    pyr_bound_expr *rows = NULL;
    PYR_TRY(pyr_bind_constant(binder, by, &rows));
    if (!pyr_bound_is_constant(rows) || rows->is_null ||
        (rows->type.id != PYR_SQL_INTEGER && rows->type.id != PYR_SQL_BIGINT) ||
        rows->value.i64 < 0) {
        return refuse(binder, call);
    }
    out->kind = PYR_EDGE_ROWS;
    out->rows = rows->value.i64 < ROWS_MAX ? rows->value.i64 : ROWS_MAX;
    out->rows = before ? -out->rows : out->rows;
    return PYR_OK;
}

/* Sure to be a number, or an interval, that is not below zero: those are errors where a row is met.
 */
static bool is_distance(const pyr_bound_expr *by) {
    if (!pyr_bound_is_constant(by) || by->is_null) {
        return false;
    }
    if (by->type.id == PYR_SQL_INTERVAL) {
        return by->value.interval.months >= 0 && by->value.interval.days >= 0 &&
               by->value.interval.nanos >= 0;
    }
    if (by->type.id == PYR_SQL_FLOAT || by->type.id == PYR_SQL_DOUBLE) {
        return by->value.f64 >= 0;
    }
    return pyr_sql_type_is_numeric(by->type) && pyr_fold_i128(by->type, by->value) >= 0;
}

/* Months of what has a time of day: the 30th at 23 o'clock and the 31st at 1 become the 28th both,
 * the later one the earlier. Edges that go back are not looked for. */
static bool goes_back(const pyr_bound_expr *by, pyr_sql_type key) {
    return by->type.id == PYR_SQL_INTERVAL && by->value.interval.months != 0 &&
           key.id != PYR_SQL_DATE;
}

/* The key of ORDER BY less the distance or more, and the key in that type. */
static pyr_status bind_value(pyr_binder *binder, const pyr_expr *call, const pyr_expr *given,
                             const pyr_window_binding *window, bool before, pyr_frame_edge *out) {
    pyr_bound_expr *by = NULL;
    if (window->order_count != 1) {
        return refuse(binder, call);
    }
    PYR_TRY(pyr_bind_constant(binder, given, &by));
    const pyr_sort_key *key = &window->order[0];
    if (!is_distance(by) || goes_back(by, key->expression->type)) {
        return refuse(binder, call);
    }
    bool less = before != key->descending;
    PYR_TRY(pyr_bind_arithmetic(binder, less ? "-" : "+", given->offset, key->expression, by,
                                &out->value));
    out->value->offset = -1; /* its error has no place, as DuckDB's has none */
    out->kind = PYR_EDGE_VALUE;
    out->rows = before ? -1 : 1;
    out->by = by;
    out->key = pyr_bound_cast(binder->arena, key->expression, out->value->type, false, -1);
    return pyr_bind_made(binder, out->key);
}

static pyr_status bind_edge(pyr_binder *binder, const pyr_expr *call,
                            const pyr_window_binding *window, pyr_frame_bound bound,
                            const pyr_expr *by, pyr_frame_edge *out) {
    pyr_frame_kind kind = call->as.call.window->frame;
    switch (bound) {
    case PYR_FRAME_CURRENT:
        out->kind = kind == PYR_FRAME_ROWS ? PYR_EDGE_ROWS : PYR_EDGE_PEERS;
        return PYR_OK;
    case PYR_FRAME_PRECEDING:
    case PYR_FRAME_FOLLOWING:
        break;
    default:
        out->kind = PYR_EDGE_UNBOUNDED;
        return PYR_OK;
    }
    bool before = bound == PYR_FRAME_PRECEDING;
    switch (kind) {
    case PYR_FRAME_ROWS:
        return bind_rows(binder, call, by, before, out);
    case PYR_FRAME_RANGE:
        return bind_value(binder, call, by, window, before, out);
    default:
        return refuse(binder, call);
    }
}

/* DuckDB counts rows of such a frame as less than none. Of RANGE only what is sure: distances of
 * one type. */
static bool may_end_before(const pyr_frame_edge *start, const pyr_frame_edge *end) {
    if (start->kind == PYR_EDGE_ROWS && end->kind == PYR_EDGE_ROWS) {
        return start->rows > end->rows;
    }
    if (start->kind != PYR_EDGE_VALUE || end->kind != PYR_EDGE_VALUE || start->rows < end->rows) {
        return false;
    }
    pyr_sql_type type = start->by->type;
    if (!pyr_sql_type_equal(type, end->by->type) || type.id == PYR_SQL_INTERVAL ||
        type.id == PYR_SQL_FLOAT || type.id == PYR_SQL_DOUBLE) {
        return true;
    }
    return pyr_fold_i128(type, start->by->value) * start->rows >
           pyr_fold_i128(type, end->by->value) * end->rows;
}

pyr_status pyr_bind_frame(pyr_binder *binder, const pyr_expr *call,
                          const pyr_window_binding *window, pyr_window_function *out) {
    const pyr_window *given = call->as.call.window;
    if (!given->frame_given) {
        out->start.kind = PYR_EDGE_UNBOUNDED;
        out->end.kind = window->order_count > 0 ? PYR_EDGE_PEERS : PYR_EDGE_UNBOUNDED;
        return PYR_OK;
    }
    PYR_TRY(bind_edge(binder, call, window, given->start, given->start_by, &out->start));
    PYR_TRY(bind_edge(binder, call, window, given->end, given->end_by, &out->end));
    if (may_end_before(&out->start, &out->end)) {
        return refuse(binder, call);
    }
    if (out->op != PYR_WINDOW_AGGREGATE ||
        pyr_window_frame_kind_of(out) != PYR_WINDOW_FRAMES_COUNT) {
        return PYR_OK;
    }
    switch (out->aggregate.op) { /* all values are kept, so nothing can be put together */
    case PYR_AGGREGATE_MEDIAN:
    case PYR_AGGREGATE_QUANTILE_CONT:
    case PYR_AGGREGATE_QUANTILE_DISC:
    case PYR_AGGREGATE_STRING_AGG:
        return refuse(binder, call);
    default:
        return PYR_OK;
    }
}
