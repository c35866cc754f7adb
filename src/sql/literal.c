/* literal.c - literals and their DuckDB types and names.
 *
 * The rules were taken from DuckDB 1.5 by asking it (tests/unit/sql/select_test.c holds them):
 * INTEGER where the digits without a sign fit, then BIGINT, beyond that HUGEINT (not covered here);
 * DECIMAL(digits written, digits behind the point) up to 38; a negated literal keeps the type of
 * the positive one, so -2147483648 is a BIGINT.
 */
#include "sql/literal.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DECIMAL_DIGITS_MAX 38

/* The digits without underscores; NULL when out of memory. */
static char *plain_digits(const pyr_token *token, pyr_arena *arena) {
    char *text = pyr_arena_alloc(arena, token->length + 1);
    size_t length = 0;
    for (size_t i = 0; text != NULL && i < token->length; ++i) {
        if (token->text[i] != '_') {
            text[length++] = token->text[i];
        }
    }
    return text;
}

static bool integer_literal(const char *digits, bool negative, pyr_literal *out) {
    uint64_t value = 0;
    for (const char *c = digits; *c != '\0'; ++c) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    out->kind = value <= INT32_MAX ? PYR_LITERAL_INTEGER : PYR_LITERAL_BIGINT;
    out->value.i64 = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool decimal_literal(const char *text, bool negative, pyr_literal *out) {
    unsigned __int128 value = 0;
    int digits = 0;
    int scale = 0;
    bool behind = false;
    for (const char *c = text; *c != '\0'; ++c) {
        if (*c == '.') {
            behind = true;
            continue;
        }
        if (++digits > DECIMAL_DIGITS_MAX) {
            return false; /* a DOUBLE */
        }
        scale += behind;
        value = value * 10 + (unsigned)(*c - '0');
    }
    value = negative ? -value : value;
    out->kind = PYR_LITERAL_DECIMAL;
    out->precision = (uint8_t)digits;
    out->scale = (uint8_t)scale;
    out->value.decimal.low = (uint64_t)value;
    out->value.decimal.high = (int64_t)(uint64_t)(value >> 64);
    return true;
}

static bool double_literal(const char *text, bool negative, pyr_literal *out) {
    /* The C locale is what a library may assume of LC_NUMERIC: the text has a '.' at most. */
    double value = strtod(text, NULL);
    if (!isfinite(value)) {
        return false;
    }
    out->kind = PYR_LITERAL_DOUBLE;
    out->value.f64 = negative ? -value : value;
    return true;
}

pyr_literal_result pyr_literal_from_token(const pyr_token *token, bool negative, pyr_arena *arena,
                                          pyr_literal *out) {
    memset(out, 0, sizeof(*out));
    if (pyr_token_is_string(token)) {
        bool valid = false;
        size_t length = 0;
        char *text = pyr_token_unquote(token, arena, &length, &valid);
        if (text == NULL) {
            return PYR_LITERAL_RESULT_MEMORY;
        }
        out->kind = PYR_LITERAL_STRING;
        out->value.string.text = text;
        out->value.string.length = length;
        /* A NUL byte would end the column's name. */
        return valid && !negative && strlen(text) == length ? PYR_LITERAL_RESULT_OK
                                                            : PYR_LITERAL_RESULT_NOT_COVERED;
    }
    if (token->kind == PYR_TOKEN_WORD) {
        bool is_true = pyr_token_is_word(token, "TRUE");
        if (!is_true && !pyr_token_is_word(token, "FALSE") && !pyr_token_is_word(token, "NULL")) {
            return PYR_LITERAL_RESULT_NONE;
        }
        out->kind = pyr_token_is_word(token, "NULL") ? PYR_LITERAL_NULL : PYR_LITERAL_BOOL;
        out->value.boolean = is_true;
        return negative ? PYR_LITERAL_RESULT_NOT_COVERED : PYR_LITERAL_RESULT_OK;
    }
    if (token->kind != PYR_TOKEN_INTEGER && token->kind != PYR_TOKEN_DECIMAL &&
        token->kind != PYR_TOKEN_FLOAT) {
        return PYR_LITERAL_RESULT_NONE;
    }
    char *digits = plain_digits(token, arena);
    if (digits == NULL) {
        return PYR_LITERAL_RESULT_MEMORY;
    }
    bool ok = token->kind == PYR_TOKEN_INTEGER   ? integer_literal(digits, negative, out)
              : token->kind == PYR_TOKEN_DECIMAL ? decimal_literal(digits, negative, out)
                                                 : double_literal(digits, negative, out);
    return ok ? PYR_LITERAL_RESULT_OK : PYR_LITERAL_RESULT_NOT_COVERED;
}

/* The unscaled value with its point; no digit before the point where width equals scale. */
static void print_decimal(const pyr_literal *literal, pyr_text *text) {
    unsigned __int128 value = ((unsigned __int128)(uint64_t)literal->value.decimal.high << 64) |
                              literal->value.decimal.low;
    bool negative = literal->value.decimal.high < 0;
    value = negative ? -value : value;
    char digits[DECIMAL_DIGITS_MAX + 3];
    size_t at = sizeof(digits);
    digits[--at] = '\0';
    int scale = literal->scale;
    for (int i = 0; i < scale; ++i) {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    if (scale > 0) {
        digits[--at] = '.';
    }
    if (value > 0 || scale < literal->precision) {
        do {
            digits[--at] = (char)('0' + (int)(value % 10));
            value /= 10;
        } while (value > 0);
    }
    pyr_text_add(text, negative ? "-" : "");
    pyr_text_add(text, digits + at);
}

char *pyr_literal_name(const pyr_literal *literal, pyr_arena *arena) {
    pyr_text text;
    pyr_text_init(&text);
    switch (literal->kind) {
    case PYR_LITERAL_NULL:
        pyr_text_add(&text, "NULL");
        break;
    case PYR_LITERAL_BOOL:
        pyr_text_add(&text,
                     literal->value.boolean ? "CAST('t' AS BOOLEAN)" : "CAST('f' AS BOOLEAN)");
        break;
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        pyr_text_printf(&text, "%lld", (long long)literal->value.i64);
        break;
    case PYR_LITERAL_DECIMAL:
        print_decimal(literal, &text);
        break;
    case PYR_LITERAL_DOUBLE:
        pyr_text_add_double(&text, literal->value.f64);
        break;
    case PYR_LITERAL_STRING:
        pyr_sql_quote_string(literal->value.string.text, &text);
        break;
    }
    char *name = text.failed ? NULL : pyr_arena_strndup(arena, pyr_text_get(&text), text.length);
    pyr_text_deinit(&text);
    return name;
}
