/* bounds.c - the least and the greatest value of a column, from zone maps. */
#include "plan/rule.h"

#define BATCHES_MAX 20000 /* looked at a column: 2.4 billion rows in full batches */

typedef struct bounds {
    bool any, is_unsigned;
    pyr_i128 low, high;
} bounds;

static pyr_i128 widened(const bounds *of, int64_t value) {
    return of->is_unsigned ? (pyr_i128)(uint64_t)value : (pyr_i128)value;
}

/* false: not known. Errors of a segment are those of who reads it. */
static bool add_segment(pyr_segment *segment, int32_t column, bounds *out) {
    pyr_zone zone;
    if (pyr_segment_zones(segment, column, &zone, NULL) != PYR_OK || !zone.known) {
        return false;
    }
    if (!zone.has_bounds) {
        return zone.exact;
    }
    pyr_i128 low = widened(out, zone.min.i64);
    pyr_i128 high = widened(out, zone.max.i64);
    out->low = !out->any || low < out->low ? low : out->low;
    out->high = !out->any || high > out->high ? high : out->high;
    out->any = true;
    return zone.exact;
}

bool pyr_rule_table_bounds(pyr_table *table, int32_t column, pyr_i128 *low, pyr_i128 *high) {
    pyr_sql_type type;
    bounds all = {false, false, 0, 0};
    size_t looked_at = 0;
    if (table->keyed != NULL || table->external != NULL || table->scan != NULL ||
        !pyr_sql_type_of_field(table->schema->fields[column], &type)) {
        return false;
    }
    all.is_unsigned = type.id >= PYR_SQL_UTINYINT && type.id <= PYR_SQL_UBIGINT;
    bool kept = (type.id >= PYR_SQL_TINYINT && type.id <= PYR_SQL_UBIGINT) ||
                type.id == PYR_SQL_DATE ||
                (type.id >= PYR_SQL_TIMESTAMP_S && type.id <= PYR_SQL_TIMESTAMPTZ);
    for (size_t s = 0; s < table->segments_count && kept; ++s) {
        size_t batches = 0;
        kept = pyr_segment_batches(table->segments[s], NULL, &batches, NULL) == PYR_OK &&
               (looked_at += batches) <= BATCHES_MAX &&
               add_segment(table->segments[s], column, &all);
    }
    *low = all.any ? all.low : 1;
    *high = all.any ? all.high : 0;
    return kept;
}

bool pyr_rule_column_bounds(const pyr_node *node, int32_t column, pyr_i128 *low, pyr_i128 *high) {
    for (;;) {
        switch (node->kind) {
        case PYR_NODE_SCAN:
            return pyr_rule_table_bounds(node->as.scan.table, node->as.scan.columns[column], low,
                                         high);
        case PYR_NODE_FILTER:
            node = node->input;
            break;
        case PYR_NODE_PROJECT:
            if (node->as.project.expressions[column]->kind != PYR_BOUND_COLUMN) {
                return false;
            }
            column = node->as.project.expressions[column]->column;
            node = node->input;
            break;
        default:
            return false;
        }
    }
}
