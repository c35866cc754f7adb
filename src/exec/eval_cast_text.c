/* eval_cast_text.c - casts to and from VARCHAR, value by value. A text in a form that DuckDB may
 * know and this engine does not is refused by name, not called wrong. */
#include "exec/eval_internal.h"

#include "base/text.h"
#include "exec/time_text.h"

#include <stdio.h>

/* ---- To texts. ---- */

static size_t print_i64(int64_t value, char *room) {
    char digits[24];
    size_t at = sizeof digits, length = 0;
    uint64_t rest = value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        room[length++] = '-';
    }
    memcpy(room + length, digits + at, sizeof digits - at);
    return length + sizeof digits - at;
}
/* One value into room. Gives the length. */
static size_t print_value(const pyr_eval_node *node, const pyr_vector *v, int32_t row, char *room) {
    pyr_sql_type from = node->expression->arguments[0]->type;
    int32_t i = v->constant ? 0 : row;
    const void *d = v->data;
    switch (from.id) {
    case PYR_SQL_DATE:
        return pyr_date_print(((const int32_t *)d)[i], room);
    case PYR_SQL_TIME:
        return pyr_time_print(((const int64_t *)d)[i], room);
    case PYR_SQL_TIMESTAMP_S:
    case PYR_SQL_TIMESTAMP_MS:
    case PYR_SQL_TIMESTAMP:
    case PYR_SQL_TIMESTAMP_NS:
        return pyr_timestamp_print(((const int64_t *)d)[i], from.id, room);
    case PYR_SQL_INTERVAL:
        return pyr_interval_print(&((const pyr_interval *)d)[i], room);
    case PYR_SQL_DECIMAL:
        pyr_decimal_print(((const pyr_i128_any *)d)[i], from.scale, room);
        if (from.scale == from.precision) { /* no digit before the point */
            char *zero = strchr(room, '0');
            memmove(zero, zero + 1, strlen(zero));
        }
        return strlen(room);
    case PYR_SQL_TINYINT:
        return print_i64(((const int8_t *)d)[i], room);
    case PYR_SQL_SMALLINT:
        return print_i64(((const int16_t *)d)[i], room);
    case PYR_SQL_INTEGER:
        return print_i64(((const int32_t *)d)[i], room);
    case PYR_SQL_BIGINT:
        return print_i64(((const int64_t *)d)[i], room);
    default: {
        const char *text = pyr_eval_print(v, row, room);
        if (text != room) {
            memcpy(room, text, strlen(text) + 1);
        }
        return strlen(room);
    }
    }
}
static pyr_status run_to_text(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    const uint64_t *validity = v->constant ? NULL : v->validity;
    const uint16_t *list = NULL;
    int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    pyr_string *out = node->buffer.data;
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        char room[PYR_TIME_TEXT_MAX];
        size_t length = print_value(node, v, row, room);
        uint8_t *bytes = pyr_eval_text(eval, length);
        if (bytes == NULL) {
            return pyr_arena_error(&eval->arena, error);
        }
        memcpy(bytes, room, length);
        out[row] = (pyr_string){bytes, length};
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

/* ---- From texts. ---- */

/* With a point and an exponent behind that many digits DuckDB gives up where ours goes on. */
enum { NUMBER_BYTES_MAX = 64 };

static pyr_parsed put_integer(pyr_physical physical, pyr_i128 value, void *out, int32_t row) {
#define PUT(PHYSICAL, TYPE)                                               \
    case PYR_PHYSICAL_##PHYSICAL: {                                       \
        TYPE narrow = (TYPE)value;                                        \
        ((TYPE *)out)[row] = narrow;                                      \
        return (pyr_i128)narrow == value ? PYR_PARSED : PYR_PARSED_RANGE; \
    }
    switch (physical) {
        PUT(I8, int8_t)
        PUT(I16, int16_t)
        PUT(I32, int32_t)
        PUT(I64, int64_t)
        PUT(U8, uint8_t)
        PUT(U16, uint16_t)
        PUT(U32, uint32_t)
        PUT(U64, uint64_t)
    default:
        ((pyr_i128_any *)out)[row] = value;
        return PYR_PARSED;
    }
#undef PUT
}
/* Without a sign there is nothing below zero but -0, and that not as -0.0 or -0e1: DuckDB's. */
static bool below_unsigned(pyr_physical physical, pyr_string s) {
    uint64_t at = 0;
    while (at < s.length && (s.bytes[at] == ' ' || (s.bytes[at] >= '\t' && s.bytes[at] <= '\r'))) {
        ++at;
    }
    bool minus = at < s.length && s.bytes[at] == '-';
    while (minus && ++at < s.length) {
        if (s.bytes[at] != '0') {
            return physical >= PYR_PHYSICAL_U8 && physical <= PYR_PHYSICAL_U64;
        }
    }
    return false;
}
static pyr_parsed parse(const pyr_eval_node *node, pyr_string s, int32_t row) {
    pyr_sql_type to = node->expression->type;
    void *out = node->buffer.data;
    pyr_i128 value = 0;
    switch (to.id) {
    case PYR_SQL_DATE:
        return pyr_date_parse(s, &((int32_t *)out)[row]);
    case PYR_SQL_TIME:
        return pyr_time_parse(s, &((int64_t *)out)[row]);
    case PYR_SQL_TIMESTAMP:
        return pyr_timestamp_parse(s, &((int64_t *)out)[row]);
    case PYR_SQL_DOUBLE:
        return pyr_double_parse(s, &((double *)out)[row]);
    case PYR_SQL_FLOAT:
        return pyr_float_parse(s, &((float *)out)[row]);
    case PYR_SQL_BOOLEAN: {
        bool bit = false;
        uint64_t *words = out;
        pyr_parsed parsed = pyr_boolean_parse(s, &bit);
        words[row >> 6] =
            (words[row >> 6] & ~(UINT64_C(1) << (row & 63))) | ((uint64_t)bit << (row & 63));
        return parsed;
    }
    case PYR_SQL_DECIMAL: {
        pyr_parsed parsed = pyr_decimal_parse(s, to.scale, &value);
        pyr_i128 limit = pyr_power_of_ten(to.precision);
        ((pyr_i128_any *)out)[row] = value;
        return parsed == PYR_PARSED && (value >= limit || value <= -limit) ? PYR_PARSED_RANGE
                                                                           : parsed;
    }
    default: {
        if (s.length > NUMBER_BYTES_MAX) {
            return PYR_PARSED_UNKNOWN;
        }
        if (below_unsigned(node->physical, s)) {
            return PYR_PARSED_FORMAT;
        }
        pyr_parsed parsed = pyr_decimal_parse(s, 0, &value);
        return parsed == PYR_PARSED ? put_integer(node->physical, value, out, row) : parsed;
    }
    }
}
static pyr_status fail(const pyr_eval_node *node, pyr_string s, pyr_parsed why, pyr_error *error) {
    pyr_sql_type to = node->expression->type;
    int length = s.length > 200 ? 200 : (int)s.length;
    const char *text = (const char *)s.bytes;
    char name[24];
    if (why == PYR_PARSED_UNKNOWN) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", node->expression->offset,
                                 "the text \"%.*s\" as %s is not covered by the native engine",
                                 length, text, pyr_sql_type_name(to, name));
    }
    const char *kind = to.id == PYR_SQL_DATE ? "date" : "timestamp";
    switch (to.id) {
    case PYR_SQL_DATE:
    case PYR_SQL_TIMESTAMP:
        if (why == PYR_PARSED_RANGE) {
            return pyr_eval_error(node, "22008", error, "%s field value out of range: \"%.*s\"",
                                  kind, length, text);
        }
        return pyr_eval_error(
            node, "22007", error, "invalid %s field format: \"%.*s\", expected format is (%s)",
            kind, length, text,
            to.id == PYR_SQL_DATE ? "YYYY-MM-DD"
                                  : "YYYY-MM-DD HH:MM:SS[.US][\xC2\xB1HH[:MM[:SS]]| ZONE]");
    case PYR_SQL_DECIMAL:
        return pyr_eval_error(node, "22018", error, "Could not convert string \"%.*s\" to %s",
                              length, text, pyr_eval_type_name(to, name));
    default:
        return pyr_eval_error(node, "22018", error, "Could not convert string '%.*s' to %s", length,
                              text, pyr_eval_type_name(to, name));
    }
}
static pyr_status run_of_text(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    const uint64_t *validity = v->constant ? NULL : v->validity;
    const uint16_t *list = NULL;
    int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    bool try_cast = node->expression->op == PYR_OP_TRY_CAST;
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        pyr_string s = pyr_vector_string(v, row);
        pyr_parsed parsed = parse(node, s, row);
        if (parsed == PYR_PARSED) {
            continue;
        }
        if (!try_cast || parsed == PYR_PARSED_UNKNOWN) {
            return fail(node, s, parsed, error);
        }
        uint64_t *own = pyr_eval_own_validity(node, validity, v->constant ? 1 : rows->rows);
        own[row >> 6] &= ~(UINT64_C(1) << (row & 63));
        validity = own;
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

bool pyr_eval_choose_cast_text(pyr_eval_node *node) {
    pyr_sql_type from = node->expression->arguments[0]->type, to = node->expression->type;
    if (to.id == PYR_SQL_VARCHAR) {
        node->run = run_to_text;
        return from.id != PYR_SQL_BLOB && from.id != PYR_SQL_TIMESTAMPTZ;
    }
    node->run = run_of_text;
    return from.id == PYR_SQL_VARCHAR &&
           (pyr_sql_type_is_numeric(to) || to.id == PYR_SQL_BOOLEAN || to.id == PYR_SQL_DATE ||
            to.id == PYR_SQL_TIME || to.id == PYR_SQL_TIMESTAMP);
}
