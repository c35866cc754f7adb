/* type_rules.c - the types that DuckDB 1.5 gives to what meets: comparisons, integers, decimals. */
#include "plan/bind_internal.h"

bool pyr_type_is_time_point(pyr_sql_type type) {
    return type.id == PYR_SQL_DATE ||
           (type.id >= PYR_SQL_TIMESTAMP_S && type.id <= PYR_SQL_TIMESTAMPTZ);
}

static bool is_signed(pyr_sql_type_id id) {
    return id <= PYR_SQL_BIGINT || id == PYR_SQL_HUGEINT;
}

/* 0: 8 bits, ... 3: 64 bits, 4: HUGEINT */
static int width_of(pyr_sql_type_id id) {
    return id == PYR_SQL_HUGEINT ? 4 : is_signed(id) ? id - PYR_SQL_TINYINT : id - PYR_SQL_UTINYINT;
}

static pyr_sql_type_id signed_of_width(int width) {
    return width > 3 ? PYR_SQL_HUGEINT : (pyr_sql_type_id)(PYR_SQL_TINYINT + width);
}

/* Every value of from is one of to. */
static bool integer_fits(pyr_sql_type_id from, pyr_sql_type_id to) {
    return is_signed(from) == is_signed(to) ? width_of(from) <= width_of(to)
                                            : is_signed(to) && width_of(from) < width_of(to);
}

static pyr_sql_type_id common_integer(pyr_sql_type_id a, pyr_sql_type_id b) {
    if (integer_fits(a, b)) {
        return b;
    }
    if (integer_fits(b, a)) {
        return a;
    }
    int width = width_of(a) > width_of(b) ? width_of(a) : width_of(b);
    return signed_of_width(width + 1);
}

pyr_sql_type pyr_type_as_decimal(pyr_sql_type type) {
    static const uint8_t digits[] = {3, 5, 10, 19, 3, 5, 10, 20, 38};
    return type.id == PYR_SQL_DECIMAL ? type
                                      : pyr_sql_decimal(digits[type.id - PYR_SQL_TINYINT], 0);
}

static int max_of(int a, int b) {
    return a > b ? a : b;
}

static pyr_sql_type common_decimal(pyr_sql_type a, pyr_sql_type b) {
    pyr_sql_type left = pyr_type_as_decimal(a);
    pyr_sql_type right = pyr_type_as_decimal(b);
    int scale = max_of(left.scale, right.scale);
    int whole = max_of(left.precision - left.scale, right.precision - right.scale);
    if (scale + whole <= 38) {
        return pyr_sql_decimal(scale + whole, scale);
    }
    /* Of two DECIMALs places go before digits do; beside an integer they stay. */
    bool both = a.id == PYR_SQL_DECIMAL && b.id == PYR_SQL_DECIMAL;
    return pyr_sql_decimal(38, both ? 38 - whole : scale);
}

static bool common_time_point(pyr_sql_type a, pyr_sql_type b, pyr_sql_type *out) {
    pyr_sql_type low = a.id < b.id ? a : b;
    pyr_sql_type high = a.id < b.id ? b : a;
    /* DATE < TIMESTAMP_S < ... < TIMESTAMPTZ; between the units DuckDB was only asked for these. */
    *out = high;
    return low.id == PYR_SQL_DATE || low.id == PYR_SQL_TIMESTAMP || high.id == PYR_SQL_TIMESTAMP;
}

bool pyr_type_common(pyr_sql_type a, pyr_sql_type b, pyr_sql_type *out) {
    *out = a;
    if (pyr_sql_type_equal(a, b) || b.id == PYR_SQL_NULL) {
        return true;
    }
    if (a.id == PYR_SQL_NULL) {
        *out = b;
        return true;
    }
    if (pyr_type_is_time_point(a) && pyr_type_is_time_point(b)) {
        return common_time_point(a, b, out);
    }
    if (!pyr_sql_type_is_numeric(a) || !pyr_sql_type_is_numeric(b)) {
        return false;
    }
    if (a.id == PYR_SQL_DOUBLE || b.id == PYR_SQL_DOUBLE) {
        *out = pyr_sql_type_of(PYR_SQL_DOUBLE);
    } else if (a.id == PYR_SQL_FLOAT || b.id == PYR_SQL_FLOAT) {
        *out = pyr_sql_type_of(PYR_SQL_FLOAT);
    } else if (a.id == PYR_SQL_DECIMAL || b.id == PYR_SQL_DECIMAL) {
        *out = common_decimal(a, b);
    } else {
        *out = pyr_sql_type_of(common_integer(a.id, b.id));
    }
    return true;
}

/* ---- Overloads of integers: the cheapest pair of casts, as DuckDB weighs them. ---- */

#define IMPOSSIBLE 10000

static int target_cost(pyr_sql_type_id to) {
    switch (to) {
    case PYR_SQL_BIGINT:
        return 101;
    case PYR_SQL_INTEGER:
        return 102;
    case PYR_SQL_HUGEINT:
        return 103;
    default:
        return 110;
    }
}

bool pyr_type_holds(pyr_sql_type_id id, const pyr_bound_expr *literal) {
    pyr_i128 low;
    pyr_i128 high;
    pyr_i128 value = pyr_fold_i128(literal->type, literal->value);
    return id == PYR_SQL_HUGEINT ||
           (pyr_fold_integer_range(id, &low, &high) && value >= low && value <= high);
}

static int cast_cost(const pyr_bound_expr *from, pyr_sql_type_id to) {
    if (from->literal) {
        return !pyr_type_holds(to, from) ? IMPOSSIBLE
               : from->type.id == to     ? 5
                                         : target_cost(to) - 90;
    }
    return from->type.id == to ? 0 : integer_fits(from->type.id, to) ? target_cost(to) : IMPOSSIBLE;
}

bool pyr_type_integer_arithmetic(const pyr_bound_expr *a, const pyr_bound_expr *b,
                                 pyr_sql_type_id *out) {
    int best = IMPOSSIBLE;
    bool tie = false;
    for (int id = PYR_SQL_TINYINT; id <= PYR_SQL_HUGEINT; ++id) {
        int cost = cast_cost(a, (pyr_sql_type_id)id) + cast_cost(b, (pyr_sql_type_id)id);
        tie = cost == best || (tie && cost > best);
        if (cost < best) {
            best = cost;
            *out = (pyr_sql_type_id)id;
        }
    }
    return best < IMPOSSIBLE && !tie;
}

/* ---- DECIMAL. ---- */

bool pyr_type_decimal_arithmetic(pyr_sql_type a, pyr_sql_type b, bool multiply, pyr_sql_type *left,
                                 pyr_sql_type *right, pyr_sql_type *result) {
    a = pyr_type_as_decimal(a);
    b = pyr_type_as_decimal(b);
    int widest = max_of(a.precision, b.precision);
    int scale = multiply ? a.scale + b.scale : max_of(a.scale, b.scale);
    int width =
        multiply ? a.precision + b.precision
                 : max_of(scale + max_of(a.precision - a.scale, b.precision - b.scale), widest) + 1;
    if (scale > 38) {
        return false;
    }
    /* 64 bits stay 64 bits, and say so where the result does not fit. */
    if (width > 18 && widest <= 18 && (!multiply || scale < 18)) {
        width = 18;
    }
    width = width > 38 ? 38 : width;
    *result = pyr_sql_decimal(width, scale);
    *left = pyr_sql_decimal(width, multiply ? a.scale : scale);
    *right = pyr_sql_decimal(width, multiply ? b.scale : scale);
    return true;
}
