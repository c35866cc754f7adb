/* zone_filter.c - which batches a scan's conjuncts leave out whole, by the batches' zone maps, and
 * of which conjuncts no row needs to be asked: a range of days has few batches at its ends.
 *
 * A batch is left out only where no value between a zone's bounds could make a conjunct true; what
 * is not understood leaves nothing out. Conjuncts here may not fail (the binder keeps those that
 * may in their place above the scan, in the order they were written), so leaving rows out cannot
 * hide an error.
 */
#include "exec/exec_internal.h"
#include "exec/value_order.h"

#include <math.h>

/* A value on the line that zone bounds lie on. */
typedef enum line_kind { LINE_NONE, LINE_INTEGERS, LINE_DOUBLES, LINE_BYTES } line_kind;
typedef struct point {
    pyr_i128 integer;
    double real;
    pyr_string bytes;
} point;
typedef struct range {
    line_kind kind;
    point min, max;
    bool has_nan; /* which is above max */
} bounds;

/* Some batches of a segment: bit i, in what is asked for and in what is skipped, is batch
 * first + i. */
typedef struct zones {
    const int32_t *table_columns;
    pyr_segment *segment;
    size_t first;
    pyr_error *error;
} zones;
#define FOR_BATCHES(i, ASKED)             \
    for (uint64_t left_ = (ASKED), i = 0; \
         left_ != 0 && (i = (uint64_t)__builtin_ctzll(left_), true); left_ &= left_ - 1)

/* A column's zones in them. */
typedef struct zone_reader {
    int32_t column; /* of the table */
    const pyr_zone *kept;
    pyr_zone room;
} zone_reader;

static line_kind line_of(pyr_sql_type type) {
    switch (pyr_sql_type_physical(type)) {
    case PYR_PHYSICAL_F32:
    case PYR_PHYSICAL_F64:
        return LINE_DOUBLES;
    case PYR_PHYSICAL_STRING:
        return LINE_BYTES;
    case PYR_PHYSICAL_I128:
        return type.id == PYR_SQL_HUGEINT ? LINE_INTEGERS : LINE_NONE;
    case PYR_PHYSICAL_INTERVAL:
        return LINE_NONE;
    default:
        return LINE_INTEGERS;
    }
}

static bool is_unsigned(pyr_sql_type type) {
    return type.id >= PYR_SQL_UTINYINT && type.id <= PYR_SQL_UBIGINT;
}

/* Of out only what its kind has is set: this is done for each batch. */
static bool zone_range(pyr_sql_type type, const pyr_zone *zone, bounds *out) {
    if (!zone->has_bounds || type.id == PYR_SQL_HUGEINT) {
        return false;
    }
    out->kind = line_of(type);
    out->has_nan = zone->has_nan;
    switch (out->kind) {
    case LINE_INTEGERS:
        out->min.integer = is_unsigned(type) ? (pyr_i128)zone->min.u64 : zone->min.i64;
        out->max.integer = is_unsigned(type) ? (pyr_i128)zone->max.u64 : zone->max.i64;
        return true;
    case LINE_DOUBLES:
        out->min.real = zone->min.f64;
        out->max.real = zone->max.f64;
        return true;
    case LINE_BYTES:
        out->min.bytes = (pyr_string){zone->min.str.bytes, zone->min.str.size_bytes};
        out->max.bytes = (pyr_string){zone->max.str.bytes, zone->max.str.size_bytes};
        return true;
    default:
        return false;
    }
}

/* What a cast that keeps the order makes of a range. */
static bool cast_range(pyr_sql_type from, pyr_sql_type to, bounds *io) {
    if (pyr_sql_type_is_integer(from) && pyr_sql_type_is_integer(to)) {
        return true; /* the same numbers, where it does not fail */
    }
    if (pyr_sql_type_is_integer(from) && to.id == PYR_SQL_DOUBLE) {
        io->kind = LINE_DOUBLES;
        io->min.real = (double)io->min.integer;
        io->max.real = (double)io->max.integer;
        return true;
    }
    if (from.id == PYR_SQL_FLOAT && to.id == PYR_SQL_DOUBLE) {
        return true;
    }
    if (from.id == PYR_SQL_DATE && to.id == PYR_SQL_TIMESTAMP) {
        /* Infinite dates are the ends of the type, and stay them. */
        if (io->min.integer <= -INT32_MAX || io->max.integer >= INT32_MAX) {
            return false;
        }
        const pyr_i128 day_us = INT64_C(86400000000);
        io->min.integer *= day_us;
        io->max.integer *= day_us;
        return true;
    }
    return false;
}

/* The column that an expression is, or casts; NULL: another one. */
static const pyr_bound_expr *base_column(const pyr_bound_expr *expression) {
    while (expression->kind == PYR_BOUND_OPERATION && expression->op == PYR_OP_CAST) {
        expression = expression->arguments[0];
    }
    return expression->kind == PYR_BOUND_COLUMN ? expression : NULL;
}

/* The range of an expression over a column whose zone is known. */
static bool expression_range(const pyr_bound_expr *expression, const pyr_zone *zone, bounds *out) {
    if (expression->kind == PYR_BOUND_COLUMN) {
        return zone->known && zone_range(expression->type, zone, out);
    }
    const pyr_bound_expr *inner = expression->arguments[0];
    return expression_range(inner, zone, out) && cast_range(inner->type, expression->type, out);
}

static pyr_status read_zones(const zones *self, const pyr_bound_expr *column, zone_reader *out) {
    *out = (zone_reader){.column = self->table_columns[column->column]};
    return pyr_segment_kept_zones(self->segment, out->column, &out->kept, self->error);
}

static pyr_status zone_at(const zones *self, zone_reader *reader, uint64_t i,
                          const pyr_zone **out) {
    *out = reader->kept != NULL ? &reader->kept[self->first + i] : &reader->room;
    return reader->kept != NULL ? PYR_OK
                                : pyr_segment_zone(self->segment, self->first + i, reader->column,
                                                   &reader->room, self->error);
}

static bool constant_point(const pyr_bound_expr *expression, point *out) {
    if (expression->kind != PYR_BOUND_CONSTANT || expression->is_null) {
        return false;
    }
    switch (line_of(expression->type)) {
    case LINE_INTEGERS:
        out->integer = expression->type.id == PYR_SQL_HUGEINT   ? expression->value.i128
                       : expression->type.id == PYR_SQL_BOOLEAN ? expression->value.boolean
                       : is_unsigned(expression->type)          ? (pyr_i128)expression->value.u64
                                                                : expression->value.i64;
        return true;
    case LINE_DOUBLES:
        out->real = expression->value.f64;
        return !isnan(out->real);
    case LINE_BYTES:
        out->bytes = expression->value.string;
        return true;
    default:
        return false;
    }
}

static int order_points(line_kind kind, const point *a, const point *b) {
    switch (kind) {
    case LINE_INTEGERS:
        return (a->integer > b->integer) - (a->integer < b->integer);
    case LINE_DOUBLES:
        return (a->real > b->real) - (a->real < b->real);
    default:
        return pyr_order_strings(a->bytes, b->bytes);
    }
}

/* No value of the range is op than the constant. */
static bool range_excludes(const bounds *range, pyr_op op, const point *constant) {
    int min = order_points(range->kind, &range->min, constant);
    int max = order_points(range->kind, &range->max, constant);
    switch (op) {
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_DISTINCT:
        return min > 0 || max < 0;
    case PYR_OP_LESS:
        return min >= 0;
    case PYR_OP_LESS_EQUAL:
        return min > 0;
    case PYR_OP_GREATER:
        return max <= 0 && !range->has_nan;
    case PYR_OP_GREATER_EQUAL:
        return max < 0 && !range->has_nan;
    case PYR_OP_NOT_EQUAL: /* strings may be cut */
        return min == 0 && max == 0 && !range->has_nan && range->kind == LINE_INTEGERS;
    default:
        return false;
    }
}

static pyr_op mirrored(pyr_op op) {
    switch (op) {
    case PYR_OP_LESS:
        return PYR_OP_GREATER;
    case PYR_OP_LESS_EQUAL:
        return PYR_OP_GREATER_EQUAL;
    case PYR_OP_GREATER:
        return PYR_OP_LESS;
    case PYR_OP_GREATER_EQUAL:
        return PYR_OP_LESS_EQUAL;
    default:
        return op;
    }
}

/* A comparison of an expression over a column with a constant. */
typedef struct comparison {
    const pyr_bound_expr *value, *column;
    pyr_op op;
    line_kind kind;
    point constant;
} comparison;

static bool read_comparison(const pyr_bound_expr *conjunct, comparison *out) {
    bool swapped = conjunct->arguments[0]->kind == PYR_BOUND_CONSTANT;
    const pyr_bound_expr *constant = conjunct->arguments[swapped ? 0 : 1];
    out->value = conjunct->arguments[swapped ? 1 : 0];
    out->column = base_column(out->value);
    out->op = swapped ? mirrored(conjunct->op) : conjunct->op;
    out->kind = line_of(constant->type);
    return out->column != NULL && constant_point(constant, &out->constant);
}

/* Every value of the range is op than the constant, NaN too, which is above all. */
static bool range_satisfies(const bounds *range, pyr_op op, const point *constant) {
    int min = order_points(range->kind, &range->min, constant);
    int max = order_points(range->kind, &range->max, constant);
    switch (op) {
    case PYR_OP_EQUAL: /* strings may be cut */
        return min == 0 && max == 0 && !range->has_nan && range->kind == LINE_INTEGERS;
    case PYR_OP_NOT_EQUAL:
        return min > 0 || max < 0;
    case PYR_OP_LESS:
        return max < 0 && !range->has_nan;
    case PYR_OP_LESS_EQUAL:
        return max <= 0 && !range->has_nan;
    case PYR_OP_GREATER:
        return min > 0;
    case PYR_OP_GREATER_EQUAL:
        return min >= 0;
    default:
        return false;
    }
}

/* Of the batches asked for, those of whose values `tells` says so; without_null: and none is NULL.
 */
typedef bool range_test(const bounds *range, pyr_op op, const point *constant);
static pyr_status compare_ranges(const zones *self, const pyr_bound_expr *conjunct, uint64_t asked,
                                 range_test *tells, bool without_null, uint64_t *out) {
    comparison of;
    bounds range;
    zone_reader reader;
    if (!read_comparison(conjunct, &of)) {
        return PYR_OK;
    }
    PYR_TRY(read_zones(self, of.column, &reader));
    FOR_BATCHES(i, asked) {
        const pyr_zone *zone;
        PYR_TRY(zone_at(self, &reader, i, &zone));
        uint64_t told = (!without_null || zone->null_count == 0) &&
                        expression_range(of.value, zone, &range) && range.kind == of.kind &&
                        tells(&range, of.op, &of.constant);
        *out |= told << i;
    }
    return PYR_OK;
}

/* Every value of the list lies outside. A NULL in the list makes nothing true. */
static bool list_excludes(const bounds *range, const pyr_bound_expr *conjunct) {
    for (int32_t i = 1; i < conjunct->arguments_count; ++i) {
        const pyr_bound_expr *item = conjunct->arguments[i];
        point constant;
        if (item->kind == PYR_BOUND_CONSTANT && item->is_null) {
            continue;
        }
        if (!constant_point(item, &constant) || range->kind != line_of(item->type) ||
            !range_excludes(range, PYR_OP_EQUAL, &constant)) {
            return false;
        }
    }
    return true;
}

static pyr_status list_skips(const zones *self, const pyr_bound_expr *conjunct, uint64_t asked,
                             uint64_t *skipped) {
    const pyr_bound_expr *column = base_column(conjunct->arguments[0]);
    bounds range;
    zone_reader reader;
    if (column == NULL) {
        return PYR_OK;
    }
    PYR_TRY(read_zones(self, column, &reader));
    FOR_BATCHES(i, asked) {
        const pyr_zone *zone;
        PYR_TRY(zone_at(self, &reader, i, &zone));
        uint64_t skip = expression_range(conjunct->arguments[0], zone, &range) &&
                        list_excludes(&range, conjunct);
        *skipped |= skip << i;
    }
    return PYR_OK;
}

static pyr_status null_skips(const zones *self, const pyr_bound_expr *conjunct, uint64_t asked,
                             uint64_t *skipped) {
    const pyr_bound_expr *column = conjunct->arguments[0];
    zone_reader reader;
    if (column->kind != PYR_BOUND_COLUMN) {
        return PYR_OK;
    }
    PYR_TRY(read_zones(self, column, &reader));
    FOR_BATCHES(i, asked) {
        const pyr_zone *zone;
        int64_t rows = 0;
        PYR_TRY(zone_at(self, &reader, i, &zone));
        if (conjunct->op == PYR_OP_IS_NOT_NULL) {
            PYR_TRY(pyr_segment_batch_rows(self->segment, self->first + i, &rows, self->error));
        }
        *skipped |= (uint64_t)(zone->known && zone->null_count == rows) << i;
    }
    return PYR_OK;
}

static pyr_status conjunct_skips(const zones *self, const pyr_bound_expr *conjunct, uint64_t asked,
                                 uint64_t *skipped);

/* AND: one argument is enough, and the next is asked about what the others leave. OR: all of them.
 */
static pyr_status connected_skips(const zones *self, const pyr_bound_expr *conjunct, uint64_t asked,
                                  uint64_t *skipped) {
    bool any = conjunct->kind == PYR_BOUND_AND;
    uint64_t open = asked; /* not decided yet */
    for (int32_t i = 0; i < conjunct->arguments_count; ++i) {
        uint64_t one = 0;
        PYR_TRY(conjunct_skips(self, conjunct->arguments[i], open, &one));
        open &= any ? ~one : one;
    }
    *skipped |= any ? asked & ~open : open;
    return PYR_OK;
}

static pyr_status conjunct_skips(const zones *self, const pyr_bound_expr *conjunct, uint64_t asked,
                                 uint64_t *skipped) {
    if (conjunct->kind == PYR_BOUND_AND || conjunct->kind == PYR_BOUND_OR) {
        return connected_skips(self, conjunct, asked, skipped);
    }
    if (conjunct->kind != PYR_BOUND_OPERATION) {
        return PYR_OK;
    }
    switch (conjunct->op) {
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_EQUAL:
    case PYR_OP_LESS:
    case PYR_OP_LESS_EQUAL:
    case PYR_OP_GREATER:
    case PYR_OP_GREATER_EQUAL:
        return compare_ranges(self, conjunct, asked, range_excludes, false, skipped);
    case PYR_OP_IN:
        return list_skips(self, conjunct, asked, skipped);
    case PYR_OP_IS_NULL:
    case PYR_OP_IS_NOT_NULL:
        return null_skips(self, conjunct, asked, skipped);
    default:
        return PYR_OK;
    }
}

static uint64_t batches_of(size_t first, size_t end) {
    return end - first < PYR_ZONE_FILTER_BATCHES ? (UINT64_C(1) << (end - first)) - 1 : UINT64_MAX;
}

pyr_status pyr_zone_filter_skips(pyr_bound_expr *const *conjuncts, int32_t conjuncts_count,
                                 const int32_t *table_columns, pyr_segment *segment, size_t first,
                                 size_t end, uint64_t *skipped, pyr_error *error) {
    zones self = {table_columns, segment, first, error};
    uint64_t all = batches_of(first, end);
    *skipped = 0;
    for (int32_t i = 0; i < conjuncts_count && *skipped != all; ++i) {
        PYR_TRY(conjunct_skips(&self, conjuncts[i], all & ~*skipped, skipped));
    }
    return PYR_OK;
}

pyr_status pyr_zone_filter_certain(pyr_bound_expr *const *conjuncts, int32_t conjuncts_count,
                                   const int32_t *table_columns, pyr_segment *segment, size_t first,
                                   size_t end, uint64_t skipped, uint64_t *certain,
                                   pyr_error *error) {
    zones self = {table_columns, segment, first, error};
    uint64_t asked = batches_of(first, end) & ~skipped;
    for (int32_t i = 0; i < conjuncts_count && i < PYR_ZONE_FILTER_CERTAIN; ++i) {
        const pyr_bound_expr *conjunct = conjuncts[i];
        certain[i] = 0;
        if (asked != 0 && conjunct->kind == PYR_BOUND_OPERATION && conjunct->op >= PYR_OP_EQUAL &&
            conjunct->op <= PYR_OP_GREATER_EQUAL) {
            PYR_TRY(compare_ranges(&self, conjunct, asked, range_satisfies, true, &certain[i]));
        }
    }
    return PYR_OK;
}
