/* expr.c - making bound expressions, and which of them may fail. */
#include "plan/expr.h"

#include "plan/fold.h"

#include <string.h>

pyr_status pyr_bound_made(const void *made, const pyr_arena *arena, pyr_error *error) {
    return made != NULL ? PYR_OK : pyr_arena_error(arena, error);
}

static pyr_bound_expr *make(pyr_arena *arena, pyr_bound_expr_kind kind, pyr_sql_type type,
                            int32_t offset) {
    pyr_bound_expr *made = pyr_arena_alloc(arena, sizeof(*made));
    if (made != NULL) {
        made->kind = kind;
        made->type = type;
        made->offset = offset;
    }
    return made;
}

pyr_bound_expr *pyr_bound_column(pyr_arena *arena, int32_t column, pyr_sql_type type,
                                 int32_t offset) {
    pyr_bound_expr *made = make(arena, PYR_BOUND_COLUMN, type, offset);
    if (made != NULL) {
        made->column = column;
    }
    return made;
}

pyr_bound_expr *pyr_bound_constant(pyr_arena *arena, pyr_sql_type type, pyr_value value,
                                   int32_t offset) {
    pyr_bound_expr *made = make(arena, PYR_BOUND_CONSTANT, type, offset);
    if (made != NULL) {
        made->value = value;
    }
    return made;
}

pyr_bound_expr *pyr_bound_null(pyr_arena *arena, pyr_sql_type type, int32_t offset) {
    pyr_bound_expr *made = make(arena, PYR_BOUND_CONSTANT, type, offset);
    if (made != NULL) {
        made->is_null = true;
    }
    return made;
}

pyr_bound_expr *pyr_bound_integer(pyr_arena *arena, pyr_sql_type_id type, int64_t value,
                                  int32_t offset) {
    return pyr_bound_constant(arena, pyr_sql_type_of(type), (pyr_value){.i64 = value}, offset);
}

pyr_bound_expr *pyr_bound_boolean(pyr_arena *arena, bool value, int32_t offset) {
    return pyr_bound_constant(arena, pyr_sql_type_of(PYR_SQL_BOOLEAN),
                              (pyr_value){.boolean = value}, offset);
}

/* ---- What may fail. ---- */

static int integer_digits(pyr_sql_type_id id) {
    switch (id) {
    case PYR_SQL_TINYINT:
    case PYR_SQL_UTINYINT:
        return 3;
    case PYR_SQL_SMALLINT:
    case PYR_SQL_USMALLINT:
        return 5;
    case PYR_SQL_INTEGER:
    case PYR_SQL_UINTEGER:
        return 10;
    case PYR_SQL_BIGINT:
        return 19;
    case PYR_SQL_UBIGINT:
        return 20;
    default:
        return 39;
    }
}

/* In an order where every signed type holds those before it; unsigned ones hold half of the next.
 */
static bool integer_fits(pyr_sql_type_id from, pyr_sql_type_id to) {
    bool from_signed = from <= PYR_SQL_BIGINT || from == PYR_SQL_HUGEINT;
    bool to_signed = to <= PYR_SQL_BIGINT || to == PYR_SQL_HUGEINT;
    int from_width = from == PYR_SQL_HUGEINT ? 4
                     : from_signed           ? from - PYR_SQL_TINYINT
                                             : from - PYR_SQL_UTINYINT;
    int to_width = to == PYR_SQL_HUGEINT ? 4
                   : to_signed           ? to - PYR_SQL_TINYINT
                                         : to - PYR_SQL_UTINYINT;
    if (from_signed == to_signed) {
        return from_width <= to_width;
    }
    return to_signed && from_width < to_width;
}

static bool is_time_point(pyr_sql_type_id id) {
    return id == PYR_SQL_DATE || (id >= PYR_SQL_TIMESTAMP_S && id <= PYR_SQL_TIMESTAMPTZ);
}

static bool cast_may_fail(pyr_sql_type from, pyr_sql_type to) {
    if (from.id == PYR_SQL_NULL || to.id == PYR_SQL_VARCHAR) {
        return false;
    }
    if (from.id == PYR_SQL_BOOLEAN) {
        return !pyr_sql_type_is_numeric(to) || to.id == PYR_SQL_DECIMAL;
    }
    if (pyr_sql_type_is_integer(from)) {
        if (pyr_sql_type_is_integer(to)) {
            return !integer_fits(from.id, to.id);
        }
        if (to.id == PYR_SQL_DECIMAL) {
            return to.precision - to.scale < integer_digits(from.id);
        }
        return to.id != PYR_SQL_DOUBLE && to.id != PYR_SQL_FLOAT && to.id != PYR_SQL_BOOLEAN;
    }
    if (from.id == PYR_SQL_DECIMAL) {
        if (to.id == PYR_SQL_DECIMAL) {
            return to.precision - to.scale < from.precision - from.scale ||
                   (to.scale < from.scale &&
                    to.precision - to.scale == from.precision - from.scale);
        }
        return to.id != PYR_SQL_DOUBLE && to.id != PYR_SQL_FLOAT;
    }
    if (from.id == PYR_SQL_FLOAT) {
        return to.id != PYR_SQL_DOUBLE;
    }
    /* A timestamp's day is always a date; the other way years may be too far off. */
    return !(is_time_point(from.id) && to.id == PYR_SQL_DATE);
}

static bool is_float(pyr_sql_type type) {
    return type.id == PYR_SQL_FLOAT || type.id == PYR_SQL_DOUBLE;
}

/* The operation itself, with arguments that did not fail. */
static bool op_may_fail(const pyr_bound_expr *operation) {
    const pyr_sql_type type = operation->type;
    switch (operation->op) {
    case PYR_OP_CAST:
        return cast_may_fail(operation->arguments[0]->type, type);
    case PYR_OP_ADD:
    case PYR_OP_SUBTRACT:
        /* Dates: out of range. Of DECIMAL the binder left room for the carry, below 18 and 38. */
        return !is_float(type) &&
               (type.id != PYR_SQL_DECIMAL || type.precision == 18 || type.precision == 38);
    case PYR_OP_MULTIPLY:
        return !is_float(type) &&
               (type.id != PYR_SQL_DECIMAL || type.precision == 18 || type.precision == 38);
    case PYR_OP_NEGATE:
    case PYR_OP_ABS:
        return !is_float(type) && type.id != PYR_SQL_DECIMAL;
    case PYR_OP_INT_DIVIDE:
    case PYR_OP_MODULO:
        return !is_float(type); /* the least value by -1 */
    case PYR_OP_DIVIDE:
    case PYR_OP_FLOOR:
    case PYR_OP_CEIL:
    case PYR_OP_SIGN:
    case PYR_OP_BIT_AND:
    case PYR_OP_BIT_OR:
    case PYR_OP_BIT_XOR:
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_EQUAL:
    case PYR_OP_LESS:
    case PYR_OP_LESS_EQUAL:
    case PYR_OP_GREATER:
    case PYR_OP_GREATER_EQUAL:
    case PYR_OP_DISTINCT:
    case PYR_OP_NOT_DISTINCT:
    case PYR_OP_IS_NULL:
    case PYR_OP_IS_NOT_NULL:
    case PYR_OP_GREATEST:
    case PYR_OP_LEAST:
    case PYR_OP_IN:
    case PYR_OP_STARTS_WITH:
    case PYR_OP_ENDS_WITH:
    case PYR_OP_CONTAINS:
    case PYR_OP_STRLEN:
    case PYR_OP_LENGTH:
    case PYR_OP_LOWER:
    case PYR_OP_UPPER:
    case PYR_OP_TRIM:
    case PYR_OP_LTRIM:
    case PYR_OP_RTRIM:
    case PYR_OP_REPLACE:
    case PYR_OP_REVERSE:
    case PYR_OP_POSITION:
    case PYR_OP_CONCAT_FN:
    case PYR_OP_CONCAT_WS:
    case PYR_OP_CONCAT:
    case PYR_OP_ASCII:
    case PYR_OP_EXTRACT:
    case PYR_OP_NOT:
    case PYR_OP_TRY_CAST:
        return false;
    case PYR_OP_LIKE:
    case PYR_OP_ILIKE:
        return operation->arguments_count > 2; /* a pattern that ends with its escape */
    case PYR_OP_DATE_TRUNC:
        return false;
    default:
        return true;
    }
}

static void set_may_fail(pyr_bound_expr *made) {
    made->may_fail = made->kind == PYR_BOUND_OPERATION && op_may_fail(made);
    for (int32_t i = 0; i < made->arguments_count; ++i) {
        made->may_fail |= made->arguments[i]->may_fail;
    }
}

/* ---- Operations. ---- */

static pyr_bound_expr *make_with(pyr_arena *arena, pyr_bound_expr_kind kind, pyr_sql_type type,
                                 pyr_bound_expr *const *arguments, int32_t count, int32_t offset) {
    for (int32_t i = 0; i < count; ++i) {
        if (arguments[i] == NULL) {
            return NULL;
        }
    }
    pyr_bound_expr *made = make(arena, kind, type, offset);
    pyr_bound_expr **copy = pyr_arena_array(arena, (size_t)count, sizeof(pyr_bound_expr *));
    if (made == NULL || copy == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; ++i) {
        copy[i] = arguments[i];
    }
    made->arguments = copy;
    made->arguments_count = count;
    return made;
}

pyr_bound_expr *pyr_bound_operation(pyr_arena *arena, pyr_op op, pyr_sql_type type,
                                    pyr_bound_expr *const *arguments, int32_t count,
                                    int32_t offset) {
    pyr_bound_expr *made = make_with(arena, PYR_BOUND_OPERATION, type, arguments, count, offset);
    if (made != NULL) {
        made->op = op;
        set_may_fail(made);
    }
    return made;
}

pyr_bound_expr *pyr_bound_unary(pyr_arena *arena, pyr_op op, pyr_sql_type type,
                                pyr_bound_expr *argument, int32_t offset) {
    return pyr_bound_operation(arena, op, type, &argument, 1, offset);
}

pyr_bound_expr *pyr_bound_binary(pyr_arena *arena, pyr_op op, pyr_sql_type type,
                                 pyr_bound_expr *left, pyr_bound_expr *right, int32_t offset) {
    pyr_bound_expr *arguments[] = {left, right};
    return pyr_bound_operation(arena, op, type, arguments, 2, offset);
}

pyr_bound_expr *pyr_bound_of_kind(pyr_arena *arena, pyr_bound_expr_kind kind, pyr_sql_type type,
                                  pyr_bound_expr *const *arguments, int32_t count, int32_t offset) {
    if (count == 1 && (kind == PYR_BOUND_AND || kind == PYR_BOUND_OR)) {
        return arguments[0];
    }
    pyr_bound_expr *made = make_with(arena, kind, type, arguments, count, offset);
    if (made != NULL) {
        set_may_fail(made);
    }
    return made;
}

pyr_bound_expr *pyr_bound_cast(pyr_arena *arena, pyr_bound_expr *expression, pyr_sql_type type,
                               bool try_cast, int32_t offset) {
    if (expression == NULL ||
        (pyr_sql_type_equal(expression->type, type) && !expression->literal)) {
        return expression;
    }
    if (pyr_bound_is_constant(expression)) {
        pyr_bound_expr *folded = NULL;
        if (!pyr_fold_cast(arena, expression, type, offset, &folded)) {
            return NULL;
        }
        if (folded != NULL) {
            return folded;
        }
    }
    if (pyr_sql_type_equal(expression->type, type)) {
        return expression;
    }
    return pyr_bound_unary(arena, try_cast ? PYR_OP_TRY_CAST : PYR_OP_CAST, type, expression,
                           offset);
}

/* ---- Lists. ---- */

bool pyr_bound_list_add(pyr_arena *arena, pyr_bound_list *list, pyr_bound_expr *expression) {
    if (expression == NULL) {
        return false;
    }
    if (list->count == list->capacity) {
        int32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        pyr_bound_expr **items = pyr_arena_array(arena, (size_t)capacity, sizeof(pyr_bound_expr *));
        if (items == NULL) {
            return false;
        }
        if (list->count > 0) {
            memcpy(items, list->items, (size_t)list->count * sizeof(pyr_bound_expr *));
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = expression;
    return true;
}

bool pyr_bound_list_conjuncts(pyr_arena *arena, pyr_bound_list *list, pyr_bound_expr *expression) {
    if (expression == NULL || expression->kind != PYR_BOUND_AND) {
        return pyr_bound_list_add(arena, list, expression);
    }
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        if (!pyr_bound_list_conjuncts(arena, list, expression->arguments[i])) {
            return false;
        }
    }
    return true;
}
