/* fold.c - operations on constants, and what AND, OR, CASE and COALESCE come to with one. */
#include "plan/fold.h"

#include "plan/civil.h"

#include <string.h>

static bool in_range(pyr_sql_type type, pyr_i128 value) {
    pyr_i128 low;
    pyr_i128 high;
    if (type.id == PYR_SQL_DECIMAL) {
        pyr_i128 limit = pyr_fold_power_of_ten(type.precision);
        return value > -limit && value < limit;
    }
    return pyr_fold_integer_range(type.id, &low, &high) && value >= low && value <= high;
}

/* Up to 64 bits, and DECIMALs: what does not surely fit is left to run time, which says so. */
static bool exact_arithmetic(const pyr_bound_expr *operation, pyr_value *out) {
    const pyr_bound_expr *left = operation->arguments[0];
    const pyr_bound_expr *right = operation->arguments[1];
    pyr_i128 a = pyr_fold_i128(left->type, left->value);
    pyr_i128 b = pyr_fold_i128(right->type, right->value);
    pyr_i128 result;
    bool overflow = operation->op == PYR_OP_ADD        ? __builtin_add_overflow(a, b, &result)
                    : operation->op == PYR_OP_SUBTRACT ? __builtin_sub_overflow(a, b, &result)
                                                       : __builtin_mul_overflow(a, b, &result);
    if (overflow || !in_range(operation->type, result)) {
        return false;
    }
    *out = pyr_fold_value(operation->type, result);
    return true;
}

static bool double_arithmetic(const pyr_bound_expr *operation, pyr_value *out) {
    double a = operation->arguments[0]->value.f64;
    double b = operation->arguments[1]->value.f64;
    out->f64 = operation->op == PYR_OP_ADD        ? a + b
               : operation->op == PYR_OP_SUBTRACT ? a - b
               : operation->op == PYR_OP_MULTIPLY ? a * b
                                                  : a / b;
    return true;
}

static int64_t as_us(const pyr_bound_expr *constant) {
    return constant->type.id == PYR_SQL_DATE ? constant->value.i64 * PYR_DAY_US
                                             : constant->value.i64;
}

static bool is_day_or_us(pyr_sql_type type) {
    return type.id == PYR_SQL_DATE || type.id == PYR_SQL_TIMESTAMP ||
           type.id == PYR_SQL_TIMESTAMPTZ;
}

static bool time_arithmetic(const pyr_bound_expr *operation, pyr_value *out) {
    const pyr_bound_expr *left = operation->arguments[0];
    const pyr_bound_expr *right = operation->arguments[1];
    if (!is_day_or_us(left->type) ||
        (left->type.id == PYR_SQL_DATE &&
         (left->value.i64 > 50000000 || left->value.i64 < -50000000))) {
        return false;
    }
    bool subtract = operation->op == PYR_OP_SUBTRACT;
    if (right->type.id == PYR_SQL_INTERVAL) {
        return pyr_civil_add(as_us(left), right->value.interval, subtract, &out->i64);
    }
    if (left->type.id == PYR_SQL_DATE && right->type.id == PYR_SQL_INTEGER) {
        out->i64 = left->value.i64 + (subtract ? -right->value.i64 : right->value.i64);
        return out->i64 > -50000000 && out->i64 < 50000000;
    }
    if (subtract && left->type.id == PYR_SQL_DATE && right->type.id == PYR_SQL_DATE) {
        out->i64 = left->value.i64 - right->value.i64;
        return true;
    }
    return false;
}

static bool arithmetic(const pyr_bound_expr *operation, pyr_value *out) {
    pyr_sql_type type = operation->type;
    if (operation->arguments_count != 2) {
        return false;
    }
    pyr_sql_type left = operation->arguments[0]->type;
    if (!pyr_sql_type_is_numeric(left)) {
        return operation->op != PYR_OP_MULTIPLY && time_arithmetic(operation, out);
    }
    if (!pyr_sql_type_is_numeric(operation->arguments[1]->type)) {
        return false;
    }
    return type.id == PYR_SQL_DOUBLE ? double_arithmetic(operation, out)
           : type.id == PYR_SQL_FLOAT || type.id == PYR_SQL_HUGEINT
               ? false
               : exact_arithmetic(operation, out);
}

/* -1, 0, 1; false: not known here. */
static bool compare(const pyr_bound_expr *left, const pyr_bound_expr *right, int *out) {
    pyr_sql_type type = left->type;
    if (type.id == PYR_SQL_VARCHAR || type.id == PYR_SQL_BLOB) {
        pyr_string a = left->value.string;
        pyr_string b = right->value.string;
        uint64_t length = a.length < b.length ? a.length : b.length;
        int order = length > 0 ? memcmp(a.bytes, b.bytes, length) : 0;
        *out = order != 0 ? order : (a.length > b.length) - (a.length < b.length);
        return true;
    }
    if (type.id == PYR_SQL_DOUBLE || type.id == PYR_SQL_FLOAT) {
        double a = left->value.f64;
        double b = right->value.f64;
        *out = (a > b) - (a < b);
        return a == a && b == b;
    }
    if (type.id == PYR_SQL_INTERVAL || type.id == PYR_SQL_NULL) {
        return false;
    }
    pyr_i128 a = pyr_fold_i128(type, left->value);
    pyr_i128 b = pyr_fold_i128(type, right->value);
    *out = (a > b) - (a < b);
    return true;
}

static bool comparison(const pyr_bound_expr *operation, pyr_value *out) {
    int order;
    if (!compare(operation->arguments[0], operation->arguments[1], &order)) {
        return false;
    }
    switch (operation->op) {
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_DISTINCT:
        out->boolean = order == 0;
        return true;
    case PYR_OP_NOT_EQUAL:
    case PYR_OP_DISTINCT:
        out->boolean = order != 0;
        return true;
    case PYR_OP_LESS:
        out->boolean = order < 0;
        return true;
    case PYR_OP_LESS_EQUAL:
        out->boolean = order <= 0;
        return true;
    case PYR_OP_GREATER:
        out->boolean = order > 0;
        return true;
    case PYR_OP_GREATER_EQUAL:
        out->boolean = order >= 0;
        return true;
    default:
        return false;
    }
}

static bool negate(const pyr_bound_expr *operation, pyr_value *out) {
    pyr_sql_type type = operation->type;
    if (type.id == PYR_SQL_DOUBLE || type.id == PYR_SQL_FLOAT) {
        out->f64 = -operation->arguments[0]->value.f64;
        return true;
    }
    if (!pyr_sql_type_is_numeric(type) || type.id == PYR_SQL_HUGEINT) {
        return false;
    }
    pyr_i128 value = -pyr_fold_i128(type, operation->arguments[0]->value);
    *out = pyr_fold_value(type, value);
    return in_range(type, value);
}

/* All arguments are constants that are not NULL. */
static bool compute(const pyr_bound_expr *operation, pyr_value *out) {
    switch (operation->op) {
    case PYR_OP_ADD:
    case PYR_OP_SUBTRACT:
    case PYR_OP_MULTIPLY:
        return arithmetic(operation, out);
    case PYR_OP_DIVIDE:
        return operation->type.id == PYR_SQL_DOUBLE && operation->arguments[1]->value.f64 != 0 &&
               double_arithmetic(operation, out);
    case PYR_OP_NEGATE:
        return negate(operation, out);
    case PYR_OP_NOT:
        out->boolean = !operation->arguments[0]->value.boolean;
        return true;
    case PYR_OP_IS_NULL:
        out->boolean = false;
        return true;
    case PYR_OP_IS_NOT_NULL:
        out->boolean = true;
        return true;
    default:
        return operation->op >= PYR_OP_EQUAL && operation->op <= PYR_OP_NOT_DISTINCT &&
               comparison(operation, out);
    }
}

/* With a NULL argument NULL, whatever the others are. */
static bool is_strict(pyr_op op) {
    switch (op) {
    case PYR_OP_DISTINCT:
    case PYR_OP_NOT_DISTINCT:
    case PYR_OP_IS_NULL:
    case PYR_OP_IS_NOT_NULL:
    case PYR_OP_GREATEST:
    case PYR_OP_LEAST:
    case PYR_OP_IN:
    case PYR_OP_CONCAT_FN:
    case PYR_OP_CONCAT_WS:
        return false;
    default:
        return true;
    }
}

static pyr_bound_expr *fold_operation(pyr_arena *arena, pyr_bound_expr *operation) {
    bool constant = operation->arguments_count > 0;
    bool null = false;
    bool others_fail = false;
    for (int32_t i = 0; i < operation->arguments_count; ++i) {
        const pyr_bound_expr *argument = operation->arguments[i];
        constant &= pyr_bound_is_constant(argument);
        null |= pyr_bound_is_constant(argument) && argument->is_null;
        others_fail |= argument->may_fail;
    }
    if (null && !others_fail && is_strict(operation->op)) {
        return pyr_bound_null(arena, operation->type, operation->offset);
    }
    if (null && constant && operation->arguments_count == 1 &&
        (operation->op == PYR_OP_IS_NULL || operation->op == PYR_OP_IS_NOT_NULL)) {
        return pyr_bound_boolean(arena, operation->op == PYR_OP_IS_NULL, operation->offset);
    }
    if (!constant || null) {
        return operation;
    }
    if (operation->op == PYR_OP_CAST) {
        pyr_bound_expr *folded = NULL;
        if (!pyr_fold_cast(arena, operation->arguments[0], operation->type, operation->offset,
                           &folded)) {
            return NULL;
        }
        return folded != NULL ? folded : operation;
    }
    pyr_value value;
    memset(&value, 0, sizeof(value));
    return compute(operation, &value)
               ? pyr_bound_constant(arena, operation->type, value, operation->offset)
               : operation;
}

/* ---- AND, OR, CASE, COALESCE. ---- */

/* FALSE AND x is FALSE, TRUE AND x is x, nested ones become one. */
static pyr_bound_expr *fold_logic(pyr_arena *arena, pyr_bound_expr *logic) {
    bool is_and = logic->kind == PYR_BOUND_AND;
    pyr_bound_list kept = {0, 0, NULL};
    bool changed = false;
    for (int32_t i = 0; i < logic->arguments_count; ++i) {
        pyr_bound_expr *argument = logic->arguments[i];
        if (is_and ? pyr_bound_is_false(argument) : pyr_bound_is_true(argument)) {
            return argument;
        }
        if (is_and ? pyr_bound_is_true(argument) : pyr_bound_is_false(argument)) {
            changed = true;
        } else if (argument->kind == logic->kind) {
            changed = true;
            for (int32_t k = 0; k < argument->arguments_count; ++k) {
                if (!pyr_bound_list_add(arena, &kept, argument->arguments[k])) {
                    return NULL;
                }
            }
        } else if (!pyr_bound_list_add(arena, &kept, argument)) {
            return NULL;
        }
    }
    if (!changed) {
        return logic;
    }
    return kept.count == 0 ? pyr_bound_boolean(arena, is_and, logic->offset)
                           : pyr_bound_of_kind(arena, logic->kind, logic->type, kept.items,
                                               kept.count, logic->offset);
}

/* Arms that never hold go; one that always does is the end. */
static pyr_bound_expr *fold_case(pyr_arena *arena, pyr_bound_expr *expression) {
    pyr_bound_list kept = {0, 0, NULL};
    int32_t last = expression->arguments_count - 1;
    pyr_bound_expr *otherwise = expression->arguments[last];
    for (int32_t i = 0; i < last; i += 2) {
        pyr_bound_expr *when = expression->arguments[i];
        if (pyr_bound_is_true(when)) {
            otherwise = expression->arguments[i + 1];
            break;
        }
        if (!pyr_bound_is_constant(when) &&
            (!pyr_bound_list_add(arena, &kept, when) ||
             !pyr_bound_list_add(arena, &kept, expression->arguments[i + 1]))) {
            return NULL;
        }
    }
    if (kept.count == 0) {
        return otherwise;
    }
    if (kept.count == last && otherwise == expression->arguments[last]) {
        return expression;
    }
    return pyr_bound_list_add(arena, &kept, otherwise)
               ? pyr_bound_of_kind(arena, PYR_BOUND_CASE, expression->type, kept.items, kept.count,
                                   expression->offset)
               : NULL;
}

static pyr_bound_expr *fold_coalesce(pyr_arena *arena, pyr_bound_expr *expression) {
    pyr_bound_list kept = {0, 0, NULL};
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        pyr_bound_expr *argument = expression->arguments[i];
        bool constant = pyr_bound_is_constant(argument);
        if (constant && argument->is_null) {
            continue;
        }
        if (!pyr_bound_list_add(arena, &kept, argument)) {
            return NULL;
        }
        if (constant) {
            break;
        }
    }
    if (kept.count == expression->arguments_count) {
        return expression;
    }
    return kept.count == 0   ? pyr_bound_null(arena, expression->type, expression->offset)
           : kept.count == 1 ? kept.items[0]
                             : pyr_bound_of_kind(arena, PYR_BOUND_COALESCE, expression->type,
                                                 kept.items, kept.count, expression->offset);
}

static pyr_bound_expr *fold_one(pyr_arena *arena, pyr_bound_expr *expression) {
    switch (expression->kind) {
    case PYR_BOUND_OPERATION:
        return fold_operation(arena, expression);
    case PYR_BOUND_AND:
    case PYR_BOUND_OR:
        return fold_logic(arena, expression);
    case PYR_BOUND_CASE:
        return fold_case(arena, expression);
    case PYR_BOUND_COALESCE:
        return fold_coalesce(arena, expression);
    default:
        return expression;
    }
}

pyr_bound_expr *pyr_fold(pyr_arena *arena, pyr_bound_expr *expression) {
    if (expression == NULL || expression->arguments_count == 0) {
        return expression;
    }
    pyr_bound_expr **arguments = NULL;
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        pyr_bound_expr *argument = pyr_fold(arena, expression->arguments[i]);
        if (argument == NULL) {
            return NULL;
        }
        if (argument != expression->arguments[i] && arguments == NULL) {
            arguments = pyr_arena_array(arena, (size_t)expression->arguments_count,
                                        sizeof(pyr_bound_expr *));
            if (arguments == NULL) {
                return NULL;
            }
            memcpy(arguments, expression->arguments,
                   (size_t)expression->arguments_count * sizeof(pyr_bound_expr *));
        }
        if (arguments != NULL) {
            arguments[i] = argument;
        }
    }
    if (arguments == NULL) {
        return fold_one(arena, expression);
    }
    pyr_date_part part = expression->part;
    pyr_bound_expr *made =
        expression->kind == PYR_BOUND_OPERATION
            ? pyr_bound_operation(arena, expression->op, expression->type, arguments,
                                  expression->arguments_count, expression->offset)
            : pyr_bound_of_kind(arena, expression->kind, expression->type, arguments,
                                expression->arguments_count, expression->offset);
    if (made == NULL) {
        return NULL;
    }
    made->part = part;
    return fold_one(arena, made);
}
