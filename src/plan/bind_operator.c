/* bind_operator.c - operators by their signs: arithmetic, comparisons, LIKE, IS. */
#include "plan/bind_internal.h"

#include <string.h>

typedef struct sign {
    const char *name;
    pyr_op op;
} sign;

static bool find(const sign *signs, size_t count, const char *name, pyr_op *out) {
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(signs[i].name, name) == 0) {
            *out = signs[i].op;
            return true;
        }
    }
    return false;
}
#define FIND(signs, name, out) find(signs, sizeof(signs) / sizeof(signs[0]), name, out)

static const sign comparisons[] = {{"=", PYR_OP_EQUAL},
                                   {"<>", PYR_OP_NOT_EQUAL},
                                   {"<", PYR_OP_LESS},
                                   {"<=", PYR_OP_LESS_EQUAL},
                                   {">", PYR_OP_GREATER},
                                   {">=", PYR_OP_GREATER_EQUAL},
                                   {"is distinct from", PYR_OP_DISTINCT},
                                   {"is not distinct from", PYR_OP_NOT_DISTINCT}};
static const sign arithmetics[] = {
    {"+", PYR_OP_ADD},    {"-", PYR_OP_SUBTRACT},    {"*", PYR_OP_MULTIPLY},
    {"/", PYR_OP_DIVIDE}, {"//", PYR_OP_INT_DIVIDE}, {"%", PYR_OP_MODULO},
    {"^", PYR_OP_POWER},  {"**", PYR_OP_POWER},      {"&", PYR_OP_BIT_AND},
    {"|", PYR_OP_BIT_OR}, {"<<", PYR_OP_SHIFT_LEFT}, {">>", PYR_OP_SHIFT_RIGHT}};
static const sign texts[] = {{"~~", PYR_OP_LIKE},
                             {"~~*", PYR_OP_ILIKE},
                             {"~", PYR_OP_REGEXP_FULL_MATCH},
                             {"similar to", PYR_OP_REGEXP_FULL_MATCH},
                             {"^@", PYR_OP_STARTS_WITH}};

bool pyr_bind_is_operator(const char *name) {
    pyr_op op;
    return FIND(comparisons, name, &op) || FIND(arithmetics, name, &op) || FIND(texts, name, &op) ||
           strcmp(name, "||") == 0 || strncmp(name, "is ", 3) == 0;
}

static bool is_float(pyr_sql_type type) {
    return type.id == PYR_SQL_FLOAT || type.id == PYR_SQL_DOUBLE;
}

/* ---- Numbers. ---- */

static pyr_status cast_both(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                            pyr_bound_expr *right, pyr_sql_type left_type, pyr_sql_type right_type,
                            pyr_sql_type result, pyr_bound_expr **out) {
    left = pyr_bound_cast(binder->arena, left, left_type, false, (int32_t)offset);
    right = pyr_bound_cast(binder->arena, right, right_type, false, (int32_t)offset);
    *out = pyr_bound_binary(binder->arena, op, result, left, right, (int32_t)offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status in_type(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                          pyr_bound_expr *right, pyr_sql_type type, pyr_bound_expr **out) {
    return cast_both(binder, op, offset, left, right, type, type, type, out);
}

static pyr_status integers(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                           pyr_bound_expr *right, pyr_bound_expr **out) {
    pyr_sql_type_id id;
    if (!pyr_type_integer_arithmetic(left, right, &id)) {
        return pyr_bind_refuse(binder, offset, "this operator of integers of these types");
    }
    return in_type(binder, op, offset, left, right, pyr_sql_type_of(id), out);
}

static pyr_status decimals(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                           pyr_bound_expr *right, pyr_bound_expr **out) {
    pyr_sql_type left_type;
    pyr_sql_type right_type;
    pyr_sql_type result;
    if (op == PYR_OP_MODULO) {
        if (left->type.id == PYR_SQL_HUGEINT || right->type.id == PYR_SQL_HUGEINT) {
            return pyr_bind_refuse(binder, offset, "the modulo of a HUGEINT and a DECIMAL");
        }
        pyr_type_common(left->type, right->type, &result);
        return in_type(binder, op, offset, left, right, result, out);
    }
    if (!pyr_type_decimal_arithmetic(left->type, right->type, op == PYR_OP_MULTIPLY, &left_type,
                                     &right_type, &result)) {
        return pyr_bind_refuse(binder, offset, "a product of DECIMALs with so many places");
    }
    return cast_both(binder, op, offset, left, right, left_type, right_type, result, out);
}

static pyr_status numbers(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                          pyr_bound_expr *right, pyr_bound_expr **out) {
    bool whole = pyr_sql_type_is_integer(left->type) && pyr_sql_type_is_integer(right->type);
    bool bits = op == PYR_OP_BIT_AND || op == PYR_OP_BIT_OR || op == PYR_OP_SHIFT_LEFT ||
                op == PYR_OP_SHIFT_RIGHT || op == PYR_OP_BIT_XOR;
    bool divides = op == PYR_OP_DIVIDE || op == PYR_OP_INT_DIVIDE;
    if (bits && !whole) {
        return pyr_bind_refuse(binder, offset, "operators of bits on other types than integers");
    }
    if (op == PYR_OP_POWER) {
        return in_type(binder, op, offset, left, right, pyr_sql_type_of(PYR_SQL_DOUBLE), out);
    }
    if (whole && op != PYR_OP_DIVIDE) {
        return integers(binder, op, offset, left, right, out);
    }
    if (!divides && !is_float(left->type) && !is_float(right->type)) {
        return decimals(binder, op, offset, left, right, out);
    }
    bool single = (left->type.id == PYR_SQL_FLOAT || right->type.id == PYR_SQL_FLOAT) &&
                  left->type.id != PYR_SQL_DOUBLE && right->type.id != PYR_SQL_DOUBLE;
    return in_type(binder, op, offset, left, right,
                   pyr_sql_type_of(single ? PYR_SQL_FLOAT : PYR_SQL_DOUBLE), out);
}

/* ---- Times. ---- */

/* Timestamps of other units are computed with as TIMESTAMP; nanoseconds DuckDB does its own way. */
static pyr_sql_type plain_time(pyr_sql_type type) {
    return type.id == PYR_SQL_TIMESTAMP_S || type.id == PYR_SQL_TIMESTAMP_MS
               ? pyr_sql_type_of(PYR_SQL_TIMESTAMP)
               : type;
}

static pyr_status with_interval(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *time,
                                pyr_bound_expr *interval, pyr_bound_expr **out) {
    pyr_sql_type type = plain_time(time->type);
    pyr_sql_type result = type.id == PYR_SQL_DATE ? pyr_sql_type_of(PYR_SQL_TIMESTAMP) : type;
    return cast_both(binder, op, offset, time, interval, type, interval->type, result, out);
}

static pyr_status with_days(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *date,
                            pyr_bound_expr *days, pyr_bound_expr **out) {
    pyr_sql_type integer = pyr_sql_type_of(PYR_SQL_INTEGER);
    bool fits = days->literal
                    ? pyr_type_holds(PYR_SQL_INTEGER, days)
                    : days->type.id <= PYR_SQL_INTEGER || days->type.id == PYR_SQL_UTINYINT ||
                          days->type.id == PYR_SQL_USMALLINT;
    if (!fits) {
        return pyr_bind_refuse(binder, offset, "a DATE and a number wider than INTEGER");
    }
    return cast_both(binder, op, offset, date, days, date->type, integer, date->type, out);
}

static pyr_status between_times(pyr_binder *binder, size_t offset, pyr_bound_expr *left,
                                pyr_bound_expr *right, pyr_bound_expr **out) {
    if (left->type.id == PYR_SQL_DATE && right->type.id == PYR_SQL_DATE) {
        return cast_both(binder, PYR_OP_SUBTRACT, offset, left, right, left->type, right->type,
                         pyr_sql_type_of(PYR_SQL_BIGINT), out);
    }
    pyr_sql_type type;
    bool zoned = left->type.id == PYR_SQL_TIMESTAMPTZ || right->type.id == PYR_SQL_TIMESTAMPTZ;
    bool other_unit = !pyr_sql_type_equal(plain_time(left->type), left->type) ||
                      !pyr_sql_type_equal(plain_time(right->type), right->type);
    if ((zoned && other_unit) ||
        !pyr_type_common(plain_time(left->type), plain_time(right->type), &type)) {
        return pyr_bind_refuse(binder, offset, "the difference of these times");
    }
    return cast_both(binder, PYR_OP_SUBTRACT, offset, left, right, type, type,
                     pyr_sql_type_of(PYR_SQL_INTERVAL), out);
}

static pyr_status times(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                        pyr_bound_expr *right, pyr_bound_expr **out) {
    bool adds = op == PYR_OP_ADD;
    if (!adds && op != PYR_OP_SUBTRACT) {
        return pyr_bind_refuse(binder, offset, "this operator of a time");
    }
    if (left->type.id == PYR_SQL_TIMESTAMP_NS || right->type.id == PYR_SQL_TIMESTAMP_NS) {
        return pyr_bind_refuse(binder, offset, "arithmetic of TIMESTAMP_NS");
    }
    if (adds && !pyr_type_is_time_point(left->type)) {
        pyr_bound_expr *other = left;
        left = right;
        right = other;
    }
    if (!pyr_type_is_time_point(left->type)) {
        return pyr_bind_refuse(binder, offset, "this operator of an INTERVAL or TIME");
    }
    if (right->type.id == PYR_SQL_INTERVAL) {
        return with_interval(binder, op, offset, left, right, out);
    }
    if (left->type.id == PYR_SQL_DATE && pyr_sql_type_is_integer(right->type)) {
        return with_days(binder, op, offset, left, right, out);
    }
    if (!adds && pyr_type_is_time_point(right->type)) {
        return between_times(binder, offset, left, right, out);
    }
    return pyr_bind_refuse(binder, offset, "this operator of a time and another type");
}

pyr_status pyr_bind_arithmetic(pyr_binder *binder, const char *name, size_t offset,
                               pyr_bound_expr *left, pyr_bound_expr *right, pyr_bound_expr **out) {
    pyr_op op;
    if (!FIND(arithmetics, name, &op)) {
        return pyr_bind_refuse(binder, offset, "the operator %s", name);
    }
    if (pyr_sql_type_is_numeric(left->type) && pyr_sql_type_is_numeric(right->type)) {
        return numbers(binder, op, offset, left, right, out);
    }
    bool known = true;
    for (int i = 0; i < 2; ++i) {
        pyr_sql_type type = i == 0 ? left->type : right->type;
        known &= pyr_type_is_time_point(type) || type.id == PYR_SQL_INTERVAL ||
                 pyr_sql_type_is_numeric(type);
    }
    if (known) {
        return times(binder, op, offset, left, right, out);
    }
    return pyr_bind_refuse(binder, offset, "the operator %s of values of these types", name);
}

static pyr_status negate(pyr_binder *binder, size_t offset, pyr_bound_expr *value,
                         pyr_bound_expr **out) {
    if (!pyr_sql_type_is_numeric(value->type)) {
        return pyr_bind_refuse(binder, offset, "the minus of another type than a number");
    }
    bool literal = value->literal;
    *out = pyr_fold(binder->arena, pyr_bound_unary(binder->arena, PYR_OP_NEGATE, value->type, value,
                                                   (int32_t)offset));
    PYR_TRY(pyr_bind_made(binder, *out));
    if (pyr_bound_is_constant(*out)) {
        (*out)->literal = literal;
    }
    return PYR_OK;
}

/* ---- Texts. ---- */

static pyr_status as_text(pyr_binder *binder, pyr_bound_expr **expression) {
    *expression = pyr_bound_cast(binder->arena, *expression, pyr_sql_type_of(PYR_SQL_VARCHAR),
                                 false, (*expression)->offset);
    return pyr_bind_made(binder, *expression);
}

static pyr_status match(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr **arguments,
                        int32_t count, pyr_bound_expr **out) {
    for (int32_t i = 0; i < count; ++i) {
        if (arguments[i]->type.id != PYR_SQL_VARCHAR) {
            return pyr_bind_refuse(binder, offset, "LIKE and the like of other types than VARCHAR");
        }
        PYR_TRY(as_text(binder, &arguments[i]));
    }
    *out = pyr_bound_operation(binder->arena, op, pyr_sql_type_of(PYR_SQL_BOOLEAN), arguments,
                               count, (int32_t)offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status concatenate(pyr_binder *binder, size_t offset, pyr_bound_expr **arguments,
                              pyr_bound_expr **out) {
    for (int i = 0; i < 2; ++i) {
        pyr_sql_type_id id = arguments[i]->type.id;
        if (id == PYR_SQL_BLOB || id == PYR_SQL_NULL) {
            return pyr_bind_refuse(binder, offset, "|| of BLOB or NULL");
        }
        PYR_TRY(as_text(binder, &arguments[i]));
    }
    *out = pyr_bound_binary(binder->arena, PYR_OP_CONCAT, pyr_sql_type_of(PYR_SQL_VARCHAR),
                            arguments[0], arguments[1], (int32_t)offset);
    return pyr_bind_made(binder, *out);
}

/* ---- IS ... ---- */

static pyr_status is_something(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr *value,
                               pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    pyr_sql_type boolean = pyr_sql_type_of(PYR_SQL_BOOLEAN);
    int32_t offset = (int32_t)call->offset;
    if (strcmp(name, "is null") == 0 || strcmp(name, "is not null") == 0) {
        pyr_op op = name[3] == 'n' && name[4] == 'u' ? PYR_OP_IS_NULL : PYR_OP_IS_NOT_NULL;
        *out = pyr_bound_unary(binder->arena, op, boolean, value, offset);
        return pyr_bind_made(binder, *out);
    }
    bool negated = strncmp(name, "is not ", 7) == 0;
    const char *rest = name + (negated ? 7 : 3);
    if (strcmp(rest, "true") != 0 && strcmp(rest, "false") != 0) {
        return pyr_bind_refuse(binder, call->offset, "%s", name);
    }
    PYR_TRY(pyr_bind_to_boolean(binder, &value));
    *out = pyr_bound_binary(
        binder->arena, negated ? PYR_OP_DISTINCT : PYR_OP_NOT_DISTINCT, boolean, value,
        pyr_bound_boolean(binder->arena, strcmp(rest, "true") == 0, offset), offset);
    return pyr_bind_made(binder, *out);
}

pyr_status pyr_bind_operator(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                             int32_t count, pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    pyr_op op;
    if (count == 1 && strcmp(name, "-") == 0) {
        return negate(binder, call->offset, arguments[0], out);
    }
    if (count == 1 && strcmp(name, "+") == 0 && pyr_sql_type_is_numeric(arguments[0]->type)) {
        *out = arguments[0];
        return PYR_OK;
    }
    if (count == 1 && strncmp(name, "is ", 3) == 0) {
        return is_something(binder, call, arguments[0], out);
    }
    if (FIND(texts, name, &op) && (count == 2 || (count == 3 && op <= PYR_OP_ILIKE))) {
        return match(binder, op, call->offset, arguments, count, out);
    }
    if (count != 2) {
        return pyr_bind_refuse(binder, call->offset, "the operator %s of %d values", name, count);
    }
    if (FIND(comparisons, name, &op)) {
        return pyr_bind_compare(binder, op, call->offset, arguments[0], arguments[1], out);
    }
    if (strcmp(name, "||") == 0) {
        return concatenate(binder, call->offset, arguments, out);
    }
    return pyr_bind_arithmetic(binder, name, call->offset, arguments[0], arguments[1], out);
}
