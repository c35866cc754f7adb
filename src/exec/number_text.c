/* number_text.c - numbers and truth in texts (time_text.h has the declarations). */
#include "exec/time_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}
static pyr_string without_spaces(pyr_string s) {
    while (s.length > 0 && is_space(s.bytes[0])) {
        ++s.bytes;
        --s.length;
    }
    while (s.length > 0 && is_space(s.bytes[s.length - 1])) {
        --s.length;
    }
    return s;
}

/* Digits, with single underscores between them, from *at on, into out (cut at its end); false: an
 * underscore elsewhere. */
#define DIGITS_MAX 400
typedef struct digits {
    char text[DIGITS_MAX];
    int count;
    bool too_many;
} digits;
static bool read_digits(pyr_string s, uint64_t *at, digits *out) {
    bool digit_before = false;
    for (; *at < s.length; ++*at) {
        uint8_t c = s.bytes[*at];
        if (c == '_') {
            if (!digit_before || *at + 1 >= s.length || !is_digit(s.bytes[*at + 1])) {
                return false;
            }
            digit_before = false;
            continue;
        }
        if (!is_digit(c)) {
            break;
        }
        digit_before = true;
        if (out->count < DIGITS_MAX - 40) {
            out->text[out->count++] = (char)c;
        } else {
            out->too_many = true;
        }
    }
    return true;
}
typedef struct number {
    bool negative;
    digits digits; /* all of them */
    int64_t point; /* so many before the point, exponent and all */
    bool has_exponent, has_point;
} number;

static pyr_parsed read_number(pyr_string s, number *n) {
    memset(n, 0, sizeof *n);
    s = without_spaces(s);
    uint64_t at = 0;
    if (s.length > 0 && (s.bytes[0] == '-' || s.bytes[0] == '+')) {
        n->negative = s.bytes[0] == '-';
        at = 1;
    }
    if (s.length > at + 1 && s.bytes[at] == '0' &&
        ((s.bytes[at + 1] | 32) == 'x' || (s.bytes[at + 1] | 32) == 'b')) {
        return PYR_PARSED_UNKNOWN;
    }
    if (!read_digits(s, &at, &n->digits)) {
        return PYR_PARSED_FORMAT;
    }
    n->point = n->digits.count;
    if (at < s.length && s.bytes[at] == '.') {
        n->has_point = true;
        ++at;
        if (!read_digits(s, &at, &n->digits)) {
            return PYR_PARSED_FORMAT;
        }
    }
    if (n->digits.count == 0) {
        return PYR_PARSED_FORMAT;
    }
    if (at < s.length && (s.bytes[at] | 32) == 'e') {
        bool minus = at + 1 < s.length && s.bytes[at + 1] == '-';
        bool sign = minus || (at + 1 < s.length && s.bytes[at + 1] == '+');
        int64_t exponent = 0;
        at += sign ? 2 : 1;
        if (at == s.length) {
            return PYR_PARSED_FORMAT;
        }
        for (; at < s.length && is_digit(s.bytes[at]); ++at) {
            exponent = exponent > 100000 ? exponent : exponent * 10 + (s.bytes[at] - '0');
        }
        n->has_exponent = true;
        n->point += minus ? -exponent : exponent;
    }
    if (at != s.length) {
        return PYR_PARSED_FORMAT;
    }
    return n->digits.too_many ? PYR_PARSED_UNKNOWN : PYR_PARSED;
}

pyr_parsed pyr_decimal_parse(pyr_string text, int scale, pyr_i128 *value) {
    number n;
    pyr_parsed parsed = read_number(text, &n);
    if (parsed != PYR_PARSED) {
        return parsed;
    }
    pyr_u128 v = 0;
    const pyr_u128 most = ~(pyr_u128)0 >> 1;
    int64_t end = n.point + scale; /* digits that stay */
    for (int64_t i = 0; i < end; ++i) {
        unsigned digit = i < n.digits.count ? (unsigned)(n.digits.text[i] - '0') : 0;
        if (v == 0 && digit == 0 && i >= n.digits.count) {
            break; /* 0e99999 */
        }
        if (v > (most + 1 - digit) / 10) {
            return PYR_PARSED_RANGE;
        }
        v = v * 10 + digit;
    }
    if (end >= 0 && end < n.digits.count && n.digits.text[end] >= '5') {
        ++v;
    }
    if (v > most + (n.negative ? 1 : 0)) {
        return PYR_PARSED_RANGE;
    }
    *value = n.negative ? (pyr_i128)((pyr_u128)0 - v) : (pyr_i128)v;
    return PYR_PARSED;
}

static bool word_value(pyr_string s, double *value) {
    s = without_spaces(s);
    bool minus = s.length > 0 && s.bytes[0] == '-';
    if (s.length > 0 && (minus || s.bytes[0] == '+')) {
        ++s.bytes;
        --s.length;
    }
    const char *text = (const char *)s.bytes;
    if ((s.length == 3 && strncasecmp(text, "inf", 3) == 0) ||
        (s.length == 8 && strncasecmp(text, "infinity", 8) == 0)) {
        *value = minus ? -__builtin_inf() : __builtin_inf();
        return true;
    }
    *value = minus ? -__builtin_nan("") : __builtin_nan("");
    return s.length == 3 && strncasecmp(text, "nan", 3) == 0;
}
/* The digits as strtod takes them in any locale: without a point. */
static pyr_parsed digits_text(pyr_string text, char *room) {
    number n;
    pyr_parsed parsed = read_number(text, &n);
    if (parsed != PYR_PARSED) {
        return parsed;
    }
    size_t at = 0;
    if (n.negative) {
        room[at++] = '-';
    }
    memcpy(room + at, n.digits.text, (size_t)n.digits.count);
    at += (size_t)n.digits.count;
    room[at++] = 'e';
    int64_t exponent = n.point - n.digits.count;
    if (exponent < 0) {
        room[at++] = '-';
        exponent = -exponent;
    }
    char reversed[24];
    int count = 0;
    do {
        reversed[count++] = (char)('0' + exponent % 10);
        exponent /= 10;
    } while (exponent > 0);
    while (count > 0) {
        room[at++] = reversed[--count];
    }
    room[at] = '\0';
    return PYR_PARSED;
}
pyr_parsed pyr_double_parse(pyr_string text, double *value) {
    char room[DIGITS_MAX + 40];
    if (word_value(text, value)) {
        return PYR_PARSED;
    }
    pyr_parsed parsed = digits_text(text, room);
    if (parsed == PYR_PARSED) {
        *value = strtod(room, NULL);
    }
    return parsed;
}
pyr_parsed pyr_float_parse(pyr_string text, float *value) {
    char room[DIGITS_MAX + 40];
    double word = 0;
    if (word_value(text, &word)) {
        *value = (float)word;
        return PYR_PARSED;
    }
    pyr_parsed parsed = digits_text(text, room);
    if (parsed == PYR_PARSED) {
        *value = strtof(room, NULL);
    }
    return parsed;
}
pyr_parsed pyr_boolean_parse(pyr_string text, bool *value) {
    static const char *const words[] = {"t", "true", "1", "y", "yes", "f", "false", "0", "n", "no"};
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
        if (strlen(words[i]) == text.length &&
            strncasecmp((const char *)text.bytes, words[i], text.length) == 0) {
            *value = i < 5;
            return PYR_PARSED;
        }
    }
    return PYR_PARSED_FORMAT;
}
