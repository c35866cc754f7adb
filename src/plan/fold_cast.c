/* fold_cast.c - casts of constants. */
#include "plan/civil.h"
#include "plan/fold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool pyr_fold_integer_range(pyr_sql_type_id id, pyr_i128 *low, pyr_i128 *high) {
    switch (id) {
#define CASE(name, bits)                         \
    case PYR_SQL_##name:                         \
        *low = -((pyr_i128)1 << ((bits)-1));     \
        *high = ((pyr_i128)1 << ((bits)-1)) - 1; \
        return true;                             \
    case PYR_SQL_U##name:                        \
        *low = 0;                                \
        *high = ((pyr_i128)1 << (bits)) - 1;     \
        return true
        CASE(TINYINT, 8);
        CASE(SMALLINT, 16);
        CASE(INTEGER, 32);
        CASE(BIGINT, 64);
#undef CASE
    default:
        return false;
    }
}

pyr_i128 pyr_fold_power_of_ten(int exponent) {
    pyr_i128 power = 1;
    for (int i = 0; i < exponent; ++i) {
        power *= 10;
    }
    return power;
}

pyr_i128 pyr_fold_i128(pyr_sql_type type, pyr_value value) {
    switch (pyr_sql_type_physical(type)) {
    case PYR_PHYSICAL_I128:
        return value.i128;
    case PYR_PHYSICAL_U8:
    case PYR_PHYSICAL_U16:
    case PYR_PHYSICAL_U32:
    case PYR_PHYSICAL_U64:
        return (pyr_i128)value.u64;
    case PYR_PHYSICAL_BIT:
        return value.boolean ? 1 : 0;
    default:
        return value.i64;
    }
}

pyr_value pyr_fold_value(pyr_sql_type type, pyr_i128 value) {
    pyr_value made;
    memset(&made, 0, sizeof(made));
    switch (pyr_sql_type_physical(type)) {
    case PYR_PHYSICAL_I128:
        made.i128 = value;
        break;
    case PYR_PHYSICAL_BIT:
        made.boolean = value != 0;
        break;
    default:
        made.u64 = (uint64_t)value;
        break;
    }
    return made;
}

/* ---- To numbers. ---- */

static bool fits_decimal(pyr_i128 value, pyr_sql_type type) {
    pyr_i128 limit = pyr_fold_power_of_ten(type.precision);
    return value > -limit && value < limit;
}

/* value * 10^exponent in the range of a DECIMAL(38). */
static bool scale_up(pyr_i128 value, int exponent, pyr_i128 *out) {
    pyr_i128 limit = pyr_fold_power_of_ten(38 - exponent);
    if (value <= -limit || value >= limit) {
        return false;
    }
    *out = value * pyr_fold_power_of_ten(exponent);
    return true;
}

/* unscaled / 10^scale, exactly representable or not at all. */
static bool number_to(pyr_i128 unscaled, int scale, pyr_sql_type to, pyr_value *out) {
    pyr_i128 low;
    pyr_i128 high;
    if (to.id == PYR_SQL_DECIMAL) {
        pyr_i128 value = unscaled;
        if (to.scale >= scale) {
            if (!scale_up(unscaled, to.scale - scale, &value)) {
                return false;
            }
        } else {
            pyr_i128 power = pyr_fold_power_of_ten(scale - to.scale);
            if (unscaled % power != 0) {
                return false;
            }
            value = unscaled / power;
        }
        *out = pyr_fold_value(to, value);
        return fits_decimal(value, to);
    }
    if (to.id == PYR_SQL_DOUBLE || to.id == PYR_SQL_FLOAT) {
        /* Both sides exact: one rounding, that of the division. */
        pyr_i128 exact = (pyr_i128)1 << (to.id == PYR_SQL_DOUBLE ? 53 : 24);
        if (unscaled < -exact || unscaled > exact || scale > (to.id == PYR_SQL_DOUBLE ? 22 : 10)) {
            return false;
        }
        out->f64 = to.id == PYR_SQL_DOUBLE
                       ? (double)unscaled / (double)pyr_fold_power_of_ten(scale)
                       : (double)((float)unscaled / (float)pyr_fold_power_of_ten(scale));
        return true;
    }
    pyr_i128 power = pyr_fold_power_of_ten(scale);
    if (unscaled % power != 0) {
        return false;
    }
    pyr_i128 value = unscaled / power;
    *out = pyr_fold_value(to, value);
    return to.id == PYR_SQL_HUGEINT ||
           (pyr_fold_integer_range(to.id, &low, &high) && value >= low && value <= high);
}

static bool double_to(double value, pyr_sql_type from, pyr_sql_type to, pyr_value *out) {
    if (to.id == PYR_SQL_DOUBLE || (to.id == PYR_SQL_FLOAT && from.id == PYR_SQL_FLOAT)) {
        out->f64 = value;
        return true;
    }
    if (to.id == PYR_SQL_FLOAT) {
        out->f64 = (double)(float)value;
        return isfinite(out->f64) != 0;
    }
    return false;
}

/* ---- From texts: the plain forms alone. ---- */

/* [-]digits[.digits], at most 37 of them; not -0, which is another DOUBLE than 0. */
static bool parse_number(pyr_string text, pyr_i128 *unscaled, int *scale) {
    uint64_t at = text.length > 0 && text.bytes[0] == '-' ? 1 : 0;
    bool negative = at == 1;
    int count = 0;
    bool point = false;
    *unscaled = 0;
    *scale = 0;
    for (; at < text.length; ++at) {
        uint8_t c = text.bytes[at];
        if (c == '.' && !point && count > 0 && at + 1 < text.length) {
            point = true;
        } else if (c >= '0' && c <= '9' && count < 37) {
            *unscaled = *unscaled * 10 + (c - '0');
            *scale += point ? 1 : 0;
            ++count;
        } else {
            return false;
        }
    }
    bool minus_zero = negative && *unscaled == 0;
    *unscaled = negative ? -*unscaled : *unscaled;
    return count > 0 && !minus_zero;
}

static bool text_is(pyr_string text, const char *word) {
    return text.length == strlen(word) && memcmp(text.bytes, word, text.length) == 0;
}

static bool text_to(pyr_string text, pyr_sql_type to, pyr_value *out) {
    int64_t when;
    pyr_i128 unscaled;
    int scale;
    switch (to.id) {
    case PYR_SQL_VARCHAR:
        out->string = text;
        return true;
    case PYR_SQL_BOOLEAN:
        out->boolean = text_is(text, "true");
        return out->boolean || text_is(text, "false");
    case PYR_SQL_DATE:
        if (!pyr_civil_date_parse(text.bytes, text.length, &when)) {
            return false;
        }
        out->i64 = when;
        return true;
    case PYR_SQL_TIMESTAMP:
        if (!pyr_civil_timestamp_parse(text.bytes, text.length, &when)) {
            return false;
        }
        out->i64 = when;
        return true;
    default:
        return pyr_sql_type_is_numeric(to) && parse_number(text, &unscaled, &scale) &&
               (scale == 0 || !pyr_sql_type_is_integer(to)) && number_to(unscaled, scale, to, out);
    }
}

/* ---- From times. ---- */

static int64_t floor_divide(int64_t value, int64_t by) {
    return value / by - (value % by < 0);
}

static bool time_to(pyr_sql_type from, int64_t value, pyr_sql_type to, pyr_value *out) {
    bool from_us = from.id == PYR_SQL_TIMESTAMP || from.id == PYR_SQL_TIMESTAMPTZ;
    bool to_us = to.id == PYR_SQL_TIMESTAMP || to.id == PYR_SQL_TIMESTAMPTZ;
    if (from.id == PYR_SQL_DATE && to_us && value > -50000000 && value < 50000000) {
        out->i64 = value * PYR_DAY_US;
        return true;
    }
    if (from_us && to.id == PYR_SQL_DATE) {
        out->i64 = floor_divide(value, PYR_DAY_US);
        return true;
    }
    if (from_us && to_us) {
        out->i64 = value;
        return true;
    }
    int64_t unit = from.id == PYR_SQL_TIMESTAMP_S    ? 1000000
                   : from.id == PYR_SQL_TIMESTAMP_MS ? 1000
                                                     : 0;
    if (unit != 0 && to_us && value < INT64_MAX / unit / 2 && value > INT64_MIN / unit / 2) {
        out->i64 = value * unit;
        return true;
    }
    return false;
}

/* ---- To text. ---- */

/* false when out of memory; *done where it was done. */
static bool to_text(pyr_arena *arena, const pyr_bound_expr *constant, pyr_value *out, bool *done) {
    pyr_sql_type from = constant->type;
    const char *text = NULL;
    *done = true;
    if (from.id == PYR_SQL_BOOLEAN) {
        text = constant->value.boolean ? "true" : "false";
    } else if (from.id >= PYR_SQL_TINYINT && from.id <= PYR_SQL_BIGINT) {
        text = pyr_arena_printf(arena, "%lld", (long long)constant->value.i64);
    } else if (from.id >= PYR_SQL_UTINYINT && from.id <= PYR_SQL_UBIGINT) {
        text = pyr_arena_printf(arena, "%llu", (unsigned long long)constant->value.u64);
    } else {
        *done = false;
        return true;
    }
    if (text == NULL) {
        return false;
    }
    out->string = (pyr_string){(const uint8_t *)text, strlen(text)};
    return true;
}

static bool cast_value(const pyr_bound_expr *constant, pyr_sql_type to, pyr_value *out) {
    pyr_sql_type from = constant->type;
    pyr_value value = constant->value;
    if (pyr_sql_type_equal(from, to)) {
        *out = value;
        return true;
    }
    if (from.id == PYR_SQL_VARCHAR) {
        return text_to(value.string, to, out);
    }
    if (from.id == PYR_SQL_BOOLEAN || pyr_sql_type_is_integer(from) || from.id == PYR_SQL_DECIMAL) {
        if (!pyr_sql_type_is_numeric(to)) {
            return false;
        }
        return number_to(pyr_fold_i128(from, value), from.scale, to, out);
    }
    if (from.id == PYR_SQL_DOUBLE || from.id == PYR_SQL_FLOAT) {
        return double_to(value.f64, from, to, out);
    }
    if (from.id == PYR_SQL_DATE ||
        (from.id >= PYR_SQL_TIMESTAMP_S && from.id <= PYR_SQL_TIMESTAMPTZ)) {
        return time_to(from, value.i64, to, out);
    }
    return false;
}

bool pyr_fold_cast(pyr_arena *arena, const pyr_bound_expr *constant, pyr_sql_type type,
                   int32_t offset, pyr_bound_expr **out) {
    pyr_value value;
    memset(&value, 0, sizeof(value));
    *out = NULL;
    if (constant->is_null) {
        *out = pyr_bound_null(arena, type, offset);
        return *out != NULL;
    }
    bool done = false;
    if (type.id == PYR_SQL_VARCHAR && constant->type.id != PYR_SQL_VARCHAR) {
        if (!to_text(arena, constant, &value, &done)) {
            return false;
        }
    } else {
        done = cast_value(constant, type, &value);
    }
    if (!done) {
        return true;
    }
    *out = pyr_bound_constant(arena, type, value, offset);
    return *out != NULL;
}
