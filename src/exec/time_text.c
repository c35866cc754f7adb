/* time_text.c - dates and times to texts and back (time_text.h). */
#include "exec/time_text.h"

#include "exec/calendar.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Printing. ---- */

static size_t add(char *out, size_t at, const char *text) {
    size_t length = strlen(text);
    memcpy(out + at, text, length + 1);
    return at + length;
}
/* A day, its era left out; *before: that era is before Christ. */
static size_t print_civil(int64_t days, char *out, bool *before) {
    pyr_civil c = pyr_civil_of_days(days);
    *before = c.year <= 0;
    int32_t year = *before ? 1 - c.year : c.year;
    return (size_t)sprintf(out, "%04d-%02d-%02d", year, c.month, c.day);
}
size_t pyr_date_print(int32_t days, char *out) {
    if (PYR_DATE_INFINITE(days)) {
        return add(out, 0, days > 0 ? "infinity" : "-infinity");
    }
    bool before = false;
    size_t length = print_civil(days, out, &before);
    return before ? add(out, length, " (BC)") : length;
}
/* HH:MM:SS, and what there is of a fraction of so many digits. */
static size_t print_clock(int64_t seconds, int64_t fraction, int digits, char *out) {
    size_t length = (size_t)sprintf(out, "%02lld:%02d:%02d", (long long)(seconds / 3600),
                                    (int)(seconds / 60 % 60), (int)(seconds % 60));
    if (fraction != 0) {
        length += (size_t)sprintf(out + length, ".%0*lld", digits, (long long)fraction);
        while (out[length - 1] == '0') {
            out[--length] = '\0';
        }
    }
    return length;
}
size_t pyr_time_print(int64_t us, char *out) {
    return print_clock(us / 1000000, us % 1000000, 6, out);
}
size_t pyr_timestamp_print(int64_t value, pyr_sql_type_id type, char *out) {
    if (PYR_TIME_INFINITE(value)) {
        return add(out, 0, value > 0 ? "infinity" : "-infinity");
    }
    int digits = type == PYR_SQL_TIMESTAMP_S    ? 0
                 : type == PYR_SQL_TIMESTAMP_MS ? 3
                 : type == PYR_SQL_TIMESTAMP_NS ? 9
                                                : 6;
    int64_t unit = 1;
    for (int i = 0; i < digits; ++i) {
        unit *= 10;
    }
    int64_t seconds = pyr_floor_divide(value, unit), fraction = pyr_floor_modulo(value, unit);
    int64_t days = pyr_floor_divide(seconds, 86400);
    bool before = false;
    size_t length = print_civil(days, out, &before);
    if (before) {
        length = add(out, length, " (BC)");
    }
    out[length++] = ' ';
    return length + print_clock(seconds - days * 86400, fraction, digits, out + length);
}
static size_t print_part(char *out, size_t at, int32_t count, const char *unit) {
    if (count == 0) {
        return at;
    }
    return at + (size_t)sprintf(out + at, "%s%d %s%s", at > 0 ? " " : "", count, unit,
                                count == 1 || count == -1 ? "" : "s");
}
size_t pyr_interval_print(const pyr_interval *interval, char *out) {
    size_t at = print_part(out, 0, interval->months / 12, "year");
    at = print_part(out, at, interval->months % 12, "month");
    at = print_part(out, at, interval->days, "day");
    int64_t us = interval->nanos / 1000;
    if (us == 0) {
        return at > 0 ? at : add(out, 0, "00:00:00");
    }
    if (at > 0) {
        out[at++] = ' ';
    }
    if (us < 0) {
        out[at++] = '-';
        us = -us;
    }
    return at + pyr_time_print(us, out + at);
}

/* ---- Parsing. ---- */

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}
static bool is_word(const uint8_t *at, const uint8_t *end, const char *word) {
    size_t length = strlen(word);
    return (size_t)(end - at) == length && strncasecmp((const char *)at, word, length) == 0;
}
/* One or two digits. */
static bool read_two(const uint8_t **at, const uint8_t *end, int32_t *out) {
    if (*at == end || !is_digit(**at)) {
        return false;
    }
    *out = *(*at)++ - '0';
    if (*at < end && is_digit(**at)) {
        *out = *out * 10 + *(*at)++ - '0';
    }
    return *at == end || !is_digit(**at);
}
/* infinity and epoch: days, or INT32_MAX and its negative. */
static bool read_word(const uint8_t *at, const uint8_t *end, int32_t *days) {
    bool minus = at < end && *at == '-';
    at += minus ? 1 : 0;
    if (is_word(at, end, "infinity") || is_word(at, end, "inf")) {
        *days = minus ? -INT32_MAX : INT32_MAX;
        return true;
    }
    *days = 0;
    return !minus && is_word(at, end, "epoch");
}
/* YYYY-MM-DD at the beginning; *at then stands behind it. */
static pyr_parsed read_date(const uint8_t **at, const uint8_t *end, int64_t *days) {
    const uint8_t *p = *at;
    int64_t year = 0;
    int32_t month = 0, day = 0;
    if (p == end || !is_digit(*p)) {
        bool other = p < end && (*p == '-' || *p == '+' || *p >= 0x80);
        return other ? PYR_PARSED_UNKNOWN : PYR_PARSED_FORMAT;
    }
    for (; p < end && is_digit(*p); ++p) {
        year = year > 100000000 ? year : year * 10 + (*p - '0');
    }
    if (p == end) {
        return PYR_PARSED_FORMAT;
    }
    uint8_t separator = *p++;
    if (separator != '-' && separator != '/' && separator != ' ') {
        return PYR_PARSED_UNKNOWN;
    }
    if (!read_two(&p, end, &month) || p == end || *p++ != separator || !read_two(&p, end, &day)) {
        return PYR_PARSED_UNKNOWN;
    }
    *at = p;
    if (month < 1 || month > 12 || day < 1 || day > pyr_month_days(year, month) || year > 5881580) {
        return PYR_PARSED_RANGE;
    }
    *days = pyr_days_of_civil(year, month, day);
    return *days >= INT32_MAX ? PYR_PARSED_RANGE : PYR_PARSED;
}
/* HH:MM[:SS[.ffffff]]. */
static bool read_clock(const uint8_t **at, const uint8_t *end, int64_t *us) {
    const uint8_t *p = *at;
    int32_t hour = 0, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!read_two(&p, end, &hour) || p == end || *p++ != ':' || !read_two(&p, end, &minute)) {
        return false;
    }
    if (p < end && *p == ':') {
        ++p;
        if (!read_two(&p, end, &second)) {
            return false;
        }
        if (p < end && *p == '.') {
            int64_t unit = 100000;
            for (++p; p < end && is_digit(*p); ++p) {
                fraction += (*p - '0') * unit;
                unit /= 10; /* digits beyond are left out */
            }
        }
    }
    *at = p;
    *us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    return hour < 24 && minute < 60 && second < 60;
}
static const uint8_t *skip_spaces(const uint8_t *at, const uint8_t *end) {
    while (at < end && is_space(*at)) {
        ++at;
    }
    return at;
}

pyr_parsed pyr_date_parse(pyr_string text, int32_t *days) {
    const uint8_t *end = text.bytes + text.length, *at = skip_spaces(text.bytes, end);
    int64_t long_days = 0, us = 0;
    if (read_word(at, end, days)) {
        return PYR_PARSED;
    }
    pyr_parsed parsed = read_date(&at, end, &long_days);
    *days = (int32_t)long_days;
    if (parsed != PYR_PARSED) {
        return parsed;
    }
    if (at < end && (*at == ' ' || *at == 'T')) { /* a time behind it goes */
        const uint8_t *clock = skip_spaces(at + 1, end);
        if (clock < end && read_clock(&clock, end, &us)) {
            at = clock;
        }
    }
    return skip_spaces(at, end) == end ? PYR_PARSED : PYR_PARSED_UNKNOWN;
}
pyr_parsed pyr_timestamp_parse(pyr_string text, int64_t *us) {
    const uint8_t *end = text.bytes + text.length, *at = skip_spaces(text.bytes, end);
    int64_t days = 0, clock = 0;
    int32_t word = 0;
    if (read_word(at, end, &word)) {
        *us = word == 0 ? 0 : word > 0 ? INT64_MAX : -INT64_MAX;
        return PYR_PARSED;
    }
    pyr_parsed parsed = read_date(&at, end, &days);
    if (parsed != PYR_PARSED) {
        return parsed;
    }
    if (at < end) {
        if (*at != ' ' && *at != 'T') {
            return PYR_PARSED_UNKNOWN;
        }
        at = *at == ' ' ? skip_spaces(at, end) : at + 1;
        if (!read_clock(&at, end, &clock)) {
            return PYR_PARSED_UNKNOWN;
        }
        at += at + 1 == end && *at == 'Z' ? 1 : 0;
    }
    if (at != end) {
        return PYR_PARSED_UNKNOWN;
    }
    bool over = __builtin_mul_overflow(days, PYR_DAY_US, us) ||
                __builtin_add_overflow(*us, clock, us) || PYR_TIME_INFINITE(*us);
    return over ? PYR_PARSED_RANGE : PYR_PARSED;
}
pyr_parsed pyr_time_parse(pyr_string text, int64_t *us) {
    const uint8_t *end = text.bytes + text.length, *at = text.bytes;
    bool good = text.length > 0 && read_clock(&at, end, us) && at == end;
    return good ? PYR_PARSED : PYR_PARSED_UNKNOWN;
}
