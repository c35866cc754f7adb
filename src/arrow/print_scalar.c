/* print_scalar.c - numbers, dates, times, intervals and decimals as DuckDB writes them. Nothing
 * here trusts a value to be sensible: times may pass a day, decimals their precision. */
#include "arrow/arrow_internal.h"

#include "base/text.h"

#include <math.h>

/* ---- Integers. ---- */

/* value in at least `width` digits, zeros in front. */
static void add_unsigned(pyr_text *text, uint64_t value, int width) {
    char digits[24];
    int count = 0;
    do {
        digits[sizeof(digits) - 1 - (size_t)count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || count < width);
    pyr_text_append(text, digits + sizeof(digits) - (size_t)count, (size_t)count);
}

static uint64_t magnitude_of(int64_t value) {
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static void add_signed(pyr_text *text, int64_t value) {
    if (value < 0) {
        pyr_text_add_char(text, '-');
    }
    add_unsigned(text, magnitude_of(value), 1);
}

/* ---- Dates and times. ---- */

static int64_t floor_div(int64_t value, int64_t by) {
    int64_t quotient = value / by;
    return quotient * by > value ? quotient - 1 : quotient;
}

/* The proleptic Gregorian calendar, counted in eras of 400 years that begin on March 1st, so that
 * the leap day is the last of its year. */
static void add_date(pyr_text *text, int64_t days) {
    const int64_t era_days = 146097, epoch = 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = floor_div(days + epoch, era_days);
    int64_t day_of_era = days + epoch - era * era_days;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    add_unsigned(text, magnitude_of(year > 0 ? year : 1 - year), 4);
    pyr_text_add_char(text, '-');
    add_unsigned(text, (uint64_t)month, 2);
    pyr_text_add_char(text, '-');
    add_unsigned(text, (uint64_t)day, 2);
    pyr_text_add(text, year > 0 ? "" : " (BC)");
}

static int64_t units_per_second(pyr_time_unit unit) {
    static const int64_t units[] = {1, 1000, 1000000, 1000000000};
    return units[unit];
}

/* hh:mm:ss and the fraction without its trailing zeros; value counts units of 1 / per_second. */
static void add_clock(pyr_text *text, uint64_t value, uint64_t per_second) {
    uint64_t seconds = value / per_second;
    uint64_t fraction = value % per_second;
    add_unsigned(text, seconds / 3600, 2);
    pyr_text_add_char(text, ':');
    add_unsigned(text, seconds / 60 % 60, 2);
    pyr_text_add_char(text, ':');
    add_unsigned(text, seconds % 60, 2);
    if (fraction == 0) {
        return;
    }
    int digits = per_second == 1000 ? 3 : per_second == 1000000 ? 6 : 9;
    while (fraction % 10 == 0) {
        fraction /= 10;
        --digits;
    }
    pyr_text_add_char(text, '.');
    add_unsigned(text, fraction, digits);
}

static void add_signed_clock(pyr_text *text, int64_t value, int64_t per_second) {
    if (value < 0) {
        pyr_text_add_char(text, '-');
    }
    add_clock(text, magnitude_of(value), (uint64_t)per_second);
}

/* The largest and the smallest but one stand for infinity, as in DuckDB. */
static bool add_infinity(pyr_text *text, int64_t value, int64_t max) {
    if (value != max && value != -max) {
        return false;
    }
    pyr_text_add(text, value > 0 ? "infinity" : "-infinity");
    return true;
}

static void add_timestamp(pyr_text *text, int64_t value, const pyr_field *field) {
    if (add_infinity(text, value, INT64_MAX)) {
        return;
    }
    int64_t per_second = units_per_second(field->unit);
    int64_t per_day = 86400 * per_second;
    int64_t day = floor_div(value, per_day);
    add_date(text, day);
    pyr_text_add_char(text, ' ');
    /* As unsigned: day * per_day may lie below the smallest int64. */
    add_clock(text, (uint64_t)value - (uint64_t)day * (uint64_t)per_day, (uint64_t)per_second);
    if (field->timezone != NULL) {
        pyr_text_add(text, "+00"); /* instants are shown in UTC */
    }
}

/* "1 year", "-2 months"; nothing for 0. */
static void add_interval_part(pyr_text *text, int64_t value, const char *unit, bool *first) {
    if (value != 0) {
        pyr_text_add(text, *first ? "" : " ");
        add_signed(text, value);
        pyr_text_printf(text, " %s%s", unit, value == 1 || value == -1 ? "" : "s");
        *first = false;
    }
}

static void add_interval(pyr_text *text, int64_t months, int64_t days, int64_t clock,
                         int64_t per_second) {
    bool first = true;
    add_interval_part(text, months / 12, "year", &first);
    add_interval_part(text, months % 12, "month", &first);
    add_interval_part(text, days, "day", &first);
    if (clock != 0 || first) {
        pyr_text_add(text, first ? "" : " ");
        add_signed_clock(text, clock, per_second);
    }
}

/* Layouts: "Interval", two int32 of days and milliseconds, or months, days and int64 nanoseconds.
 */
static void add_stored_interval(pyr_text *text, const pyr_array *array, int64_t position) {
    const uint8_t *data = array->buffers[1]->data;
    if (array->field->type == PYR_TYPE_INTERVAL_DAY_TIME) {
        add_interval(text, 0, load_i32(data, position * 2), load_i32(data, position * 2 + 1), 1000);
    } else {
        add_interval(text, load_i32(data, position * 4), load_i32(data, position * 4 + 1),
                     load_i64(data, position * 2 + 1), 1000000000);
    }
}

/* ---- Decimals. ---- */

#define DECIMAL_DIGITS_MAX 80     /* 2^255 has 77 */
#define DECIMAL_SCALE_PRINTED 100 /* beyond, the exponent is written instead of zeros */

/* Digits of the magnitude, most significant first, no leading zeros but "0". */
static size_t decimal_digits(const uint8_t *value, size_t width, bool *negative,
                             char digits[DECIMAL_DIGITS_MAX]) {
    uint32_t words[8]; /* little-endian, sign-extended */
    *negative = (value[width - 1] & 0x80) != 0;
    memset(words, *negative ? 0xff : 0, sizeof(words));
    memcpy(words, value, width);
    for (size_t i = 0, carry = 1; *negative && i < 8; ++i) {
        uint64_t sum = (uint64_t)(uint32_t)~words[i] + carry;
        words[i] = (uint32_t)sum;
        carry = (size_t)(sum >> 32);
    }
    char reversed[DECIMAL_DIGITS_MAX];
    size_t count = 0;
    bool more;
    do {
        uint64_t rest = 0;
        more = false;
        for (size_t i = 8; i-- > 0;) {
            uint64_t part = rest << 32 | words[i];
            words[i] = (uint32_t)(part / 10);
            rest = part % 10;
            more |= words[i] != 0;
        }
        reversed[count++] = (char)('0' + rest);
    } while (more);
    for (size_t i = 0; i < count; ++i) {
        digits[i] = reversed[count - 1 - i];
    }
    return count;
}

static void add_zeros(pyr_text *text, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        pyr_text_add_char(text, '0');
    }
}

static void add_decimal(pyr_text *text, const uint8_t *value, const pyr_field *field, bool json) {
    char digits[DECIMAL_DIGITS_MAX];
    bool negative;
    size_t width = (size_t)pyr_type_bit_width(field) / 8;
    size_t count = decimal_digits(value, width, &negative, digits);
    int64_t scale = field->scale;
    pyr_text_add(text, negative ? "-" : "");
    if (scale > DECIMAL_SCALE_PRINTED || scale < -DECIMAL_SCALE_PRINTED) {
        pyr_text_append(text, digits, count);
        pyr_text_printf(text, "e%lld", (long long)-scale);
        return;
    }
    if (scale <= 0) {
        pyr_text_append(text, digits, count);
        add_zeros(text, digits[0] == '0' ? 0 : -scale);
        return;
    }
    int64_t whole = (int64_t)count - scale;
    if (whole > 0) {
        pyr_text_append(text, digits, (size_t)whole);
    } else if (json || field->precision != scale) {
        pyr_text_add_char(text, '0'); /* DECIMAL(2, 2) has no digit there: DuckDB writes .50 */
    }
    pyr_text_add_char(text, '.');
    add_zeros(text, whole < 0 ? -whole : 0);
    size_t skipped = whole > 0 ? (size_t)whole : 0;
    pyr_text_append(text, digits + skipped, count - skipped);
}

/* ---- All of them. ---- */

static void add_time(pyr_text *text, const pyr_array *array, int64_t index) {
    int64_t value = pyr_array_int64(array, index);
    int64_t per_second = units_per_second(array->field->unit);
    switch (array->field->type) {
    case PYR_TYPE_DATE32:
        if (!add_infinity(text, value, INT32_MAX)) {
            add_date(text, value);
        }
        break;
    case PYR_TYPE_DATE64:
        add_date(text, floor_div(value, 86400000));
        break;
    case PYR_TYPE_TIMESTAMP:
        add_timestamp(text, value, array->field);
        break;
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
        add_interval(text, value, 0, 0, 1);
        break;
    default: /* times and durations */
        add_signed_clock(text, value, per_second);
        break;
    }
}

void pyr_print_scalar(const pyr_array *array, int64_t index, bool json, pyr_text *text) {
    int64_t position = array->offset + index;
    switch (array->field->type) {
    case PYR_TYPE_BOOL:
        pyr_text_add(text, pyr_array_int64(array, index) != 0 ? "true" : "false");
        break;
    case PYR_TYPE_UINT64:
        add_unsigned(text, (uint64_t)pyr_array_int64(array, index), 1);
        break;
    case PYR_TYPE_FLOAT64:
        pyr_text_add_double(text, pyr_array_double(array, index));
        break;
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
        pyr_text_add_float(text, (float)pyr_array_double(array, index));
        break;
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DATE64:
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
        add_time(text, array, index);
        break;
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        add_stored_interval(text, array, position);
        break;
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256: {
        size_t width = (size_t)pyr_type_bit_width(array->field) / 8;
        add_decimal(text, array->buffers[1]->data + (size_t)position * width, array->field, json);
        break;
    }
    default:
        add_signed(text, pyr_array_int64(array, index));
        break;
    }
}

bool pyr_print_resolve(const pyr_array **array, int64_t *index, bool *in_union) {
    for (;;) {
        const pyr_array *from = *array;
        if (pyr_array_is_null(from, *index)) {
            return false;
        }
        int32_t child;
        switch (from->field->type) {
        case PYR_TYPE_DICTIONARY:
            *index = pyr_array_dictionary_index(from, *index);
            *array = from->dictionary;
            break;
        case PYR_TYPE_RUN_END_ENCODED:
            *index = pyr_array_run_index(from, *index);
            *array = from->children[1];
            break;
        case PYR_TYPE_SPARSE_UNION:
        case PYR_TYPE_DENSE_UNION:
            pyr_array_union_slot(from, *index, &child, index);
            *array = from->children[child];
            if (in_union != NULL) {
                *in_union = true;
            }
            break;
        default:
            return true;
        }
    }
}
