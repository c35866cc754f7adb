/* column_bounds.c - what zone maps prove of a column, through the nodes between it and its scan. */
#include "catalog/keyed.h"
#include "exec/aggregate_internal.h"
#include "plan/expr.h"

int32_t pyr_node_column(const pyr_node *node, const pyr_bound_expr *expression, pyr_node_kind kind,
                        const pyr_node **found) {
    while (node != NULL && expression->kind == PYR_BOUND_COLUMN) {
        if (node->kind == kind) {
            *found = node;
            return expression->column;
        }
        switch (node->kind) {
        case PYR_NODE_PROJECT:
            expression = node->as.project.expressions[expression->column];
            node = node->input;
            break;
        case PYR_NODE_FILTER:
        case PYR_NODE_SORT:
        case PYR_NODE_LIMIT:
            node = node->input;
            break;
        default:
            return -1;
        }
    }
    return -1;
}

int32_t pyr_scan_column(const pyr_node *node, const pyr_bound_expr *expression,
                        const pyr_node **scan) {
    return pyr_node_column(node, expression, PYR_NODE_SCAN, scan);
}

static bool is_signed(pyr_sql_type type) {
    switch (type.id) {
    case PYR_SQL_BOOLEAN:
    case PYR_SQL_TINYINT:
    case PYR_SQL_SMALLINT:
    case PYR_SQL_INTEGER:
    case PYR_SQL_BIGINT:
    case PYR_SQL_DATE:
    case PYR_SQL_TIME:
    case PYR_SQL_TIMESTAMP_S:
    case PYR_SQL_TIMESTAMP_MS:
    case PYR_SQL_TIMESTAMP:
    case PYR_SQL_TIMESTAMP_NS:
    case PYR_SQL_TIMESTAMPTZ:
        return true;
    default:
        return false;
    }
}

/* Small unsigned types lie in an int64, too. */
static bool is_countable(pyr_sql_type type) {
    return is_signed(type) || type.id == PYR_SQL_UTINYINT || type.id == PYR_SQL_USMALLINT ||
           type.id == PYR_SQL_UINTEGER;
}

typedef struct bounds {
    int64_t min, max;
    bool nullable;
} bounds;

static void widen(bounds *of, const pyr_zone *zone) {
    of->nullable = of->nullable || zone->null_count > 0;
    if (zone->has_bounds) {
        of->min = zone->min.i64 < of->min ? zone->min.i64 : of->min;
        of->max = zone->max.i64 > of->max ? zone->max.i64 : of->max;
    }
}

static bool widen_by_batch(pyr_segment *segment, size_t batch, int32_t column, bounds *of) {
    pyr_zone zone;
    int64_t rows = 0;
    if (pyr_segment_zone(segment, batch, column, &zone, NULL) != PYR_OK ||
        pyr_segment_batch_rows(segment, batch, &rows, NULL) != PYR_OK || !zone.known ||
        (!zone.has_bounds && zone.null_count < rows)) {
        return false;
    }
    widen(of, &zone);
    return true;
}

/* Of the batches that the scan's filters leave. */
static bool widen_by_batches(const pyr_node *scan, pyr_segment *segment, int32_t column,
                             bounds *of) {
    size_t batches = 0;
    if (pyr_segment_batches(segment, NULL, &batches, NULL) != PYR_OK) {
        return false;
    }
    for (size_t first = 0; first < batches; first += PYR_ZONE_FILTER_BATCHES) {
        uint64_t skipped = 0;
        if (pyr_zone_filter_skips(scan->as.scan.filters, scan->as.scan.filters_count,
                                  scan->as.scan.columns, segment, first, batches, &skipped,
                                  NULL) != PYR_OK) {
            return false;
        }
        for (size_t i = first; i < batches && i - first < PYR_ZONE_FILTER_BATCHES; ++i) {
            if (((skipped >> (i - first)) & 1) == 0 && !widen_by_batch(segment, i, column, of)) {
                return false;
            }
        }
    }
    return true;
}

static bool widen_by_all(pyr_segment *segment, int32_t column, bounds *of) {
    pyr_zone zone;
    if (pyr_segment_zones(segment, column, &zone, NULL) != PYR_OK || !zone.known ||
        (!zone.has_bounds && !zone.exact)) {
        return false;
    }
    widen(of, &zone);
    return true;
}

bool pyr_expression_bounds(const pyr_node *node, const pyr_bound_expr *expression, int64_t *min,
                           int64_t *max, bool *nullable) {
    const pyr_node *scan = NULL;
    int32_t column = pyr_scan_column(node, expression, &scan);
    if (column < 0 || !is_countable(expression->type) || pyr_table_is_keyed(scan->as.scan.table)) {
        return false;
    }
    const pyr_table *table = scan->as.scan.table;
    bounds of = {INT64_MAX, INT64_MIN, false};
    column = scan->as.scan.columns[column];
    for (size_t i = 0; i < table->segments_count; ++i) {
        if (scan->as.scan.filters_count > 0
                ? !widen_by_batches(scan, table->segments[i], column, &of)
                : !widen_by_all(table->segments[i], column, &of)) {
            return false;
        }
    }
    *min = of.min;
    *max = of.max;
    *nullable = of.nullable;
    return true;
}

/* A part of a date or time is NULL where that is, or is infinite. */
static bool part_never_null(const pyr_node *node, const pyr_bound_expr *time) {
    int64_t edge = time->type.id == PYR_SQL_DATE ? INT32_MAX : INT64_MAX;
    int64_t min = 0;
    int64_t max = 0;
    bool nullable = false;
    return pyr_expression_bounds(node, time, &min, &max, &nullable) && !nullable && min > -edge &&
           max < edge;
}

bool pyr_expression_never_null(const pyr_node *node, const pyr_bound_expr *expression) {
    const pyr_node *scan = NULL;
    if (expression->kind == PYR_BOUND_CONSTANT) {
        return !expression->is_null;
    }
    if (pyr_bound_is_op(expression, PYR_OP_EXTRACT)) {
        return part_never_null(node, expression->arguments[0]);
    }
    if (expression->kind != PYR_BOUND_COLUMN) {
        return false;
    }
    if (node->columns[expression->column].never_null) {
        return true;
    }
    int32_t column = pyr_scan_column(node, expression, &scan);
    if (column < 0 || pyr_table_is_keyed(scan->as.scan.table)) {
        return false;
    }
    const pyr_table *table = scan->as.scan.table;
    for (size_t i = 0; i < table->segments_count; ++i) {
        pyr_zone zone;
        if (pyr_segment_zones(table->segments[i], scan->as.scan.columns[column], &zone, NULL) !=
                PYR_OK ||
            !zone.known || zone.null_count > 0) {
            return false;
        }
    }
    return true;
}
