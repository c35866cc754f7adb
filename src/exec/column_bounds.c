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

bool pyr_expression_bounds(const pyr_node *node, const pyr_bound_expr *expression, int64_t *min,
                           int64_t *max, bool *nullable) {
    const pyr_node *scan = NULL;
    int32_t column = pyr_scan_column(node, expression, &scan);
    if (column < 0 || !is_countable(expression->type) || pyr_table_is_keyed(scan->as.scan.table)) {
        return false;
    }
    const pyr_table *table = scan->as.scan.table;
    column = scan->as.scan.columns[column];
    *min = INT64_MAX;
    *max = INT64_MIN;
    *nullable = false;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        if (pyr_segment_batches(table->segments[i], NULL, &batches, NULL) != PYR_OK) {
            return false;
        }
        for (size_t j = 0; j < batches; ++j) {
            pyr_zone zone;
            int64_t rows = 0;
            bool skip = false;
            if (pyr_zone_filter_skips(scan->as.scan.filters, scan->as.scan.filters_count,
                                      scan->as.scan.columns, table->segments[i], j, &skip,
                                      NULL) != PYR_OK) {
                return false;
            }
            if (skip) {
                continue;
            }
            if (pyr_segment_zone(table->segments[i], j, column, &zone, NULL) != PYR_OK ||
                pyr_segment_batch_rows(table->segments[i], j, &rows, NULL) != PYR_OK ||
                !zone.known || (!zone.has_bounds && zone.null_count < rows)) {
                return false;
            }
            *nullable = *nullable || zone.null_count > 0;
            if (zone.has_bounds) {
                *min = zone.min.i64 < *min ? zone.min.i64 : *min;
                *max = zone.max.i64 > *max ? zone.max.i64 : *max;
            }
        }
    }
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
        size_t batches = 0;
        if (pyr_segment_batches(table->segments[i], NULL, &batches, NULL) != PYR_OK) {
            return false;
        }
        for (size_t j = 0; j < batches; ++j) {
            pyr_zone zone;
            if (pyr_segment_zone(table->segments[i], j, scan->as.scan.columns[column], &zone,
                                 NULL) != PYR_OK ||
                !zone.known || zone.null_count > 0) {
                return false;
            }
        }
    }
    return true;
}
