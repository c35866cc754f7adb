/* prune_bound.c - constants of a query as bounds in a column's own terms.
 *
 * The engine compares a column with a constant in one type of both. What it does with integers,
 * dates, timestamps and texts keeps their order and loses nothing; where doubles or floats come in,
 * the constant is widened by more than what may be lost. Of texts only those are read whose meaning
 * as a date, timestamp or integer is the same by every rule.
 */
#include "engines/prune_internal.h"

#include <math.h>
#include <string.h>

#define DAY_US INT64_C(86400000000)
#define DIGITS_MAX 18

/* ---- Dates and timestamps. ---- */

static bool read_digits(const char **at, const char *end, int digits, int *out) {
    *out = 0;
    for (int i = 0; i < digits; ++i, ++*at) {
        if (*at == end || **at < '0' || **at > '9') {
            return false;
        }
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool read_char(const char **at, const char *end, char c) {
    if (*at == end || **at != c) {
        return false;
    }
    ++*at;
    return true;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* YYYY-MM-DD as days since 1970, proleptic Gregorian. */
static bool read_date(const char **at, const char *end, int64_t *out) {
    int year;
    int month;
    int day;
    if (!read_digits(at, end, 4, &year) || !read_char(at, end, '-') ||
        !read_digits(at, end, 2, &month) || !read_char(at, end, '-') ||
        !read_digits(at, end, 2, &day) || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month)) {
        return false;
    }
    int64_t before = year - 1;
    *out = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (int i = 1; i < month; ++i) {
        *out += days_in_month(year, i);
    }
    *out += day - 1;
    return true;
}

/* HH:MM:SS[.ffffff] in microseconds. */
static bool read_time(const char **at, const char *end, int64_t *out) {
    int hour;
    int minute;
    int second;
    if (!read_digits(at, end, 2, &hour) || !read_char(at, end, ':') ||
        !read_digits(at, end, 2, &minute) || !read_char(at, end, ':') ||
        !read_digits(at, end, 2, &second) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    int64_t fraction = 0;
    if (read_char(at, end, '.')) {
        int64_t unit = 100000;
        for (; *at < end && **at >= '0' && **at <= '9'; ++*at, unit /= 10) {
            if (unit == 0) {
                return false;
            }
            fraction += (**at - '0') * unit;
        }
    }
    *out = ((hour * INT64_C(60) + minute) * 60 + second) * 1000000 + fraction;
    return true;
}

static bool date_of_text(const pyr_literal *literal, int64_t *days) {
    const char *at = literal->value.string.text;
    const char *end = at + literal->value.string.length;
    return read_date(&at, end, days) && at == end;
}

/* A date is its midnight. */
static bool timestamp_of_text(const pyr_literal *literal, int64_t *out) {
    const char *at = literal->value.string.text;
    const char *end = at + literal->value.string.length;
    int64_t days = 0;
    int64_t time = 0;
    if (!read_date(&at, end, &days)) {
        return false;
    }
    if (at < end) {
        if ((*at != ' ' && *at != 'T') || (++at, !read_time(&at, end, &time)) || at != end) {
            return false;
        }
    }
    *out = days * DAY_US + time;
    return true;
}

static void set_integers(pyr_bound *out, __int128 low, __int128 high) {
    out->kind = PYR_BOUND_INTEGERS;
    out->low = low;
    out->high = high;
}

static __int128 floor_divide(__int128 value, __int128 by) {
    return value / by - (value % by < 0);
}

/* Whole multiples of the column's unit only: another one is rounded one way or the other. */
static void timestamp_bound(int64_t us, pyr_time_unit unit, pyr_bound *out) {
    switch (unit) {
    case PYR_UNIT_SECOND:
    case PYR_UNIT_MILLISECOND: {
        int64_t scale = unit == PYR_UNIT_SECOND ? 1000000 : 1000;
        if (us % scale == 0) {
            set_integers(out, us / scale, us / scale);
        }
        break;
    }
    case PYR_UNIT_MICROSECOND:
        set_integers(out, us, us);
        break;
    case PYR_UNIT_NANOSECOND: /* or the column is compared in microseconds */
        set_integers(out, ((__int128)us - 1) * 1000, ((__int128)us + 1) * 1000);
        break;
    }
}

/* A date beside a timestamp is its midnight. */
static void date_bound(int64_t us, pyr_bound *out) {
    __int128 days = floor_divide(us, DAY_US);
    set_integers(out, days, days + (us % DAY_US != 0));
}

static void time_bound(const pyr_constant *constant, const pyr_field *field, bool utc,
                       pyr_bound *out) {
    const pyr_literal *literal = &constant->literal;
    bool is_date = field->type == PYR_TYPE_DATE32;
    bool zoned = constant->type == PYR_CONSTANT_TIMESTAMPTZ;
    int64_t value = 0;
    if (literal->kind != PYR_LITERAL_STRING ||
        (!utc && (zoned || (!is_date && field->timezone != NULL)))) {
        return;
    }
    /* A text alone is read as the column's type, which a date has no time in. */
    bool days =
        constant->type == PYR_CONSTANT_DATE || (is_date && constant->type == PYR_CONSTANT_PLAIN);
    if (days ? !date_of_text(literal, &value) : !timestamp_of_text(literal, &value)) {
        return;
    }
    value *= days ? DAY_US : 1;
    if (is_date) {
        date_bound(value, out);
    } else {
        timestamp_bound(value, field->unit, out);
    }
}

/* ---- Numbers. ---- */

static __int128 unscaled(const pyr_literal *literal) {
    unsigned __int128 bits = (unsigned __int128)(uint64_t)literal->value.decimal.high << 64;
    return (__int128)(bits | literal->value.decimal.low);
}

static __int128 power_of_ten(int exponent) {
    __int128 power = 1;
    for (int i = 0; i < exponent; ++i) {
        power *= 10;
    }
    return power;
}

static void set_doubles(pyr_bound *out, double low, double high) {
    out->kind = isfinite(low) && isfinite(high) ? PYR_BOUND_DOUBLES : PYR_BOUND_NONE;
    out->low_double = low;
    out->high_double = high;
}

/* Digits alone: other texts are rounded, or refused. */
static void integer_of_text(const char *text, size_t length, pyr_bound *out) {
    int64_t value = 0;
    size_t sign = length > 0 && text[0] == '-';
    if (length - sign < 1 || length - sign > 18) {
        return;
    }
    for (size_t i = sign; i < length; ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return;
        }
        value = value * 10 + (text[i] - '0');
    }
    value = sign ? -value : value;
    set_integers(out, value, value);
}

static void integer_bound(const pyr_literal *literal, pyr_bound *out) {
    switch (literal->kind) {
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        set_integers(out, literal->value.i64, literal->value.i64);
        break;
    case PYR_LITERAL_DECIMAL: {
        if (literal->precision > DIGITS_MAX) {
            break; /* more than a decimal beside a BIGINT holds */
        }
        __int128 scale = power_of_ten(literal->scale);
        __int128 whole = floor_divide(unscaled(literal), scale);
        set_integers(out, whole, whole + (unscaled(literal) % scale != 0));
        break;
    }
    case PYR_LITERAL_DOUBLE: /* the column is made a double: so are its bounds */
        set_doubles(out, literal->value.f64, literal->value.f64);
        break;
    case PYR_LITERAL_STRING:
        integer_of_text(literal->value.string.text, literal->value.string.length, out);
        break;
    default:
        break;
    }
}

/* Two neighbours to each side: DuckDB's cast may be off by one, and so may ours. A FLOAT column is
 * compared with a decimal as a float. */
static void widened(double value, const pyr_field *field, pyr_bound *out) {
    double low = nextafter(nextafter(value, -HUGE_VAL), -HUGE_VAL);
    double high = nextafter(nextafter(value, HUGE_VAL), HUGE_VAL);
    if (field->type == PYR_TYPE_FLOAT32) {
        float single = (float)value;
        low = fmin(low, (double)nextafterf(nextafterf(single, -HUGE_VALF), -HUGE_VALF));
        high = fmax(high, (double)nextafterf(nextafterf(single, HUGE_VALF), HUGE_VALF));
    }
    set_doubles(out, low, high);
}

static void double_bound(const pyr_literal *literal, const pyr_field *field, pyr_bound *out) {
    switch (literal->kind) {
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        widened((double)literal->value.i64, field, out);
        break;
    case PYR_LITERAL_DECIMAL:
        widened(
            (double)((long double)unscaled(literal) / (long double)power_of_ten(literal->scale)),
            field, out);
        break;
    case PYR_LITERAL_DOUBLE:
        widened(literal->value.f64, field, out);
        break;
    default:
        break;
    }
}

/* ---- The column. ---- */

static bool is_text(pyr_type_id type) {
    return type == PYR_TYPE_UTF8 || type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_UTF8_VIEW;
}

/* Its values are those of its Arrow type and nothing else. */
static bool is_plain(const pyr_field *field) {
    return pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL) == NULL &&
           pyr_metadata_find(field->metadata, PYR_SQL_TYPE_KEY, NULL) == NULL;
}

static void literal_bound(const pyr_constant *constant, const pyr_field *field, bool utc,
                          pyr_bound *out) {
    const pyr_literal *literal = &constant->literal;
    if (field->type == PYR_TYPE_DATE32 || field->type == PYR_TYPE_TIMESTAMP) {
        time_bound(constant, field, utc, out);
    } else if (constant->type != PYR_CONSTANT_PLAIN) {
        return;
    } else if (pyr_type_is_integer(field->type)) {
        integer_bound(literal, out);
    } else if (field->type == PYR_TYPE_FLOAT32 || field->type == PYR_TYPE_FLOAT64) {
        double_bound(literal, field, out);
    } else if (field->type == PYR_TYPE_BOOL && literal->kind == PYR_LITERAL_BOOL) {
        set_integers(out, literal->value.boolean, literal->value.boolean);
    } else if (is_text(field->type) && literal->kind == PYR_LITERAL_STRING) {
        out->kind = PYR_BOUND_BYTES;
        out->bytes = (const uint8_t *)literal->value.string.text;
        out->size_bytes = literal->value.string.length;
    }
}

/* A value of a type of the column's own kind: others are cast this way or that. */
static void parameter_bound(const pyr_array *array, int64_t row, const pyr_field *field, bool utc,
                            pyr_bound *out) {
    const pyr_field *from = array->field;
    if (!is_plain(from) || pyr_array_is_null(array, row)) {
        return;
    }
    if (pyr_type_is_integer(from->type)) {
        int64_t value = pyr_array_int64(array, row);
        if (value < 0 && !pyr_type_is_signed(from->type)) {
            return;
        }
        if (pyr_type_is_integer(field->type)) {
            set_integers(out, value, value);
        } else if (field->type == PYR_TYPE_FLOAT32 || field->type == PYR_TYPE_FLOAT64) {
            widened((double)value, field, out);
        }
    } else if (from->type == PYR_TYPE_FLOAT64 &&
               (field->type == PYR_TYPE_FLOAT32 || field->type == PYR_TYPE_FLOAT64)) {
        widened(pyr_array_double(array, row), field, out);
    } else if (from->type == PYR_TYPE_DATE32 && field->type == PYR_TYPE_DATE32) {
        int64_t value = pyr_array_int64(array, row);
        set_integers(out, value, value);
    } else if (from->type == PYR_TYPE_TIMESTAMP && field->type == PYR_TYPE_TIMESTAMP && utc &&
               from->unit == PYR_UNIT_MICROSECOND &&
               (from->timezone == NULL) == (field->timezone == NULL)) {
        timestamp_bound(pyr_array_int64(array, row), field->unit, out);
    } else if (is_text(from->type) && is_text(field->type)) {
        out->kind = PYR_BOUND_BYTES;
        out->bytes = pyr_array_bytes(array, row, &out->size_bytes);
    }
}

void pyr_bound_of(const pyr_constant *constant, const pyr_batch *params, const pyr_field *field,
                  bool utc, pyr_bound *out) {
    memset(out, 0, sizeof(*out));
    if (!is_plain(field)) {
        return;
    }
    if (constant->parameter == 0) {
        literal_bound(constant, field, utc, out);
    } else if (params != NULL && params->selection == NULL && params->rows == 1 &&
               constant->parameter <= params->columns_count) {
        parameter_bound(params->columns[constant->parameter - 1], 0, field, utc, out);
    }
}
