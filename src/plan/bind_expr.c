/* bind_expr.c - expressions by their kinds. */
#include "plan/bind_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

pyr_status pyr_bind_refuse(pyr_binder *binder, size_t offset, const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return pyr_error_set_sql(binder->error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)offset,
                             "the native engine does not cover %s", what);
}

/* ---- Constants. ---- */

static pyr_sql_type type_of_literal(const pyr_literal *literal) {
    switch (literal->kind) {
    case PYR_LITERAL_BOOL:
        return pyr_sql_type_of(PYR_SQL_BOOLEAN);
    case PYR_LITERAL_INTEGER:
        return pyr_sql_type_of(PYR_SQL_INTEGER);
    case PYR_LITERAL_BIGINT:
        return pyr_sql_type_of(PYR_SQL_BIGINT);
    case PYR_LITERAL_DECIMAL:
        return pyr_sql_decimal(literal->precision, literal->scale);
    case PYR_LITERAL_DOUBLE:
        return pyr_sql_type_of(PYR_SQL_DOUBLE);
    case PYR_LITERAL_STRING:
        return pyr_sql_type_of(PYR_SQL_VARCHAR);
    case PYR_LITERAL_NULL:
        break;
    }
    return pyr_sql_type_of(PYR_SQL_NULL);
}

static bool value_of_literal(pyr_binder *binder, const pyr_literal *literal, pyr_value *out) {
    switch (literal->kind) {
    case PYR_LITERAL_BOOL:
        out->boolean = literal->value.boolean;
        break;
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        out->i64 = literal->value.i64;
        break;
    case PYR_LITERAL_DECIMAL:
        out->i128 = (pyr_i128)(((pyr_u128)(uint64_t)literal->value.decimal.high << 64) |
                               literal->value.decimal.low);
        break;
    case PYR_LITERAL_DOUBLE:
        out->f64 = literal->value.f64;
        break;
    case PYR_LITERAL_STRING: {
        /* The plan outlives the statement's text. */
        size_t length = literal->value.string.length;
        uint8_t *bytes = pyr_arena_alloc(binder->arena, length + 1);
        if (bytes == NULL) {
            return false;
        }
        memcpy(bytes, literal->value.string.text, length);
        out->string = (pyr_string){bytes, length};
        break;
    }
    case PYR_LITERAL_NULL:
        break;
    }
    return true;
}

static pyr_status bind_literal(pyr_binder *binder, const pyr_expr *expression,
                               pyr_bound_expr **out) {
    const pyr_literal *literal = &expression->as.literal;
    pyr_value value;
    memset(&value, 0, sizeof(value));
    if (!value_of_literal(binder, literal, &value)) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    *out = pyr_bound_constant(binder->arena, type_of_literal(literal), value,
                              (int32_t)expression->offset);
    PYR_TRY(pyr_bind_made(binder, *out));
    (*out)->is_null = literal->kind == PYR_LITERAL_NULL;
    (*out)->literal = literal->kind == PYR_LITERAL_INTEGER || literal->kind == PYR_LITERAL_BIGINT ||
                      literal->kind == PYR_LITERAL_STRING;
    return PYR_OK;
}

static pyr_status bind_interval(pyr_binder *binder, const pyr_expr *expression,
                                pyr_bound_expr **out) {
    pyr_value value;
    memset(&value, 0, sizeof(value));
    value.interval.months = expression->as.interval.months;
    value.interval.days = expression->as.interval.days;
    if (__builtin_mul_overflow(expression->as.interval.micros, 1000, &value.interval.nanos)) {
        return pyr_bind_refuse(binder, expression->offset, "an INTERVAL as long as this");
    }
    *out = pyr_bound_constant(binder->arena, pyr_sql_type_of(PYR_SQL_INTERVAL), value,
                              (int32_t)expression->offset);
    return pyr_bind_made(binder, *out);
}

static bool value_of_array(pyr_binder *binder, const pyr_array *array, pyr_sql_type type,
                           pyr_value *out) {
    switch (pyr_sql_type_physical(type)) {
    case PYR_PHYSICAL_BIT:
        out->boolean = pyr_array_int64(array, 0) != 0;
        return true;
    case PYR_PHYSICAL_F32:
    case PYR_PHYSICAL_F64:
        out->f64 = pyr_array_double(array, 0);
        return true;
    case PYR_PHYSICAL_I128:
        memcpy(&out->i128, array->buffers[1]->data + array->offset * 16, 16);
        return true;
    case PYR_PHYSICAL_INTERVAL:
        memcpy(&out->interval, array->buffers[1]->data + array->offset * 16, 16);
        return true;
    case PYR_PHYSICAL_STRING: {
        size_t length = 0;
        const uint8_t *bytes = pyr_array_bytes(array, 0, &length);
        uint8_t *copy = pyr_arena_alloc(binder->arena, length + 1);
        if (copy != NULL && length > 0) {
            memcpy(copy, bytes, length);
        }
        out->string = (pyr_string){copy, length};
        return copy != NULL;
    }
    default:
        out->i64 = pyr_array_int64(array, 0);
        return true;
    }
}

static pyr_status bind_parameter(pyr_binder *binder, const pyr_expr *expression,
                                 pyr_bound_expr **out) {
    const pyr_batch *params = binder->input->params;
    int32_t number = expression->as.parameter;
    if (params == NULL || params->selection != NULL || params->rows != 1 || number < 1 ||
        number > params->columns_count) {
        return pyr_bind_refuse(binder, expression->offset, "a parameter whose value is not known");
    }
    const pyr_array *array = params->columns[number - 1];
    pyr_sql_type type = pyr_sql_type_of(PYR_SQL_NULL);
    pyr_value value;
    memset(&value, 0, sizeof(value));
    bool null = array->field->type == PYR_TYPE_NULL || pyr_array_is_null(array, 0);
    if (array->field->type != PYR_TYPE_NULL && !pyr_sql_type_of_field(array->field, &type)) {
        return pyr_bind_refuse(binder, expression->offset, "a parameter of this type");
    }
    if (!null && !value_of_array(binder, array, type, &value)) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    *out = null ? pyr_bound_null(binder->arena, type, (int32_t)expression->offset)
                : pyr_bound_constant(binder->arena, type, value, (int32_t)expression->offset);
    return pyr_bind_made(binder, *out);
}

/* ---- Conditions. ---- */

pyr_status pyr_bind_to_boolean(pyr_binder *binder, pyr_bound_expr **expression) {
    pyr_bound_expr *value = *expression;
    pyr_sql_type boolean = pyr_sql_type_of(PYR_SQL_BOOLEAN);
    if (value->type.id == PYR_SQL_BOOLEAN) {
        return PYR_OK;
    }
    if (pyr_sql_type_is_integer(value->type)) {
        pyr_bound_expr *zero = pyr_bound_constant(binder->arena, value->type,
                                                  pyr_fold_value(value->type, 0), value->offset);
        *expression =
            pyr_fold(binder->arena, pyr_bound_binary(binder->arena, PYR_OP_NOT_EQUAL, boolean,
                                                     value, zero, value->offset));
        return pyr_bind_made(binder, *expression);
    }
    if (value->type.id == PYR_SQL_NULL) {
        *expression = pyr_bound_null(binder->arena, boolean, value->offset);
        return pyr_bind_made(binder, *expression);
    }
    return pyr_bind_refuse(binder, (size_t)value->offset, "a condition of this type");
}

pyr_status pyr_bind_condition(pyr_binder *binder, const pyr_place *place,
                              const pyr_expr *expression, pyr_bound_expr **out) {
    PYR_TRY(pyr_bind_expr(binder, place, expression, out));
    return pyr_bind_to_boolean(binder, out);
}

static pyr_status bind_list(pyr_binder *binder, const pyr_place *place, const pyr_expr_list *list,
                            pyr_bound_expr ***out) {
    pyr_bound_expr **items = pyr_arena_array(binder->arena, list->count, sizeof(pyr_bound_expr *));
    PYR_TRY(pyr_bind_made(binder, items));
    for (size_t i = 0; i < list->count; ++i) {
        PYR_TRY(pyr_bind_expr(binder, place, list->items[i], &items[i]));
    }
    *out = items;
    return PYR_OK;
}

static pyr_status bind_logic(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                             pyr_bound_expr **out) {
    pyr_bound_expr **items = NULL;
    PYR_TRY(bind_list(binder, place, &expression->as.list, &items));
    int32_t count = (int32_t)expression->as.list.count;
    for (int32_t i = 0; i < count; ++i) {
        PYR_TRY(pyr_bind_to_boolean(binder, &items[i]));
    }
    pyr_sql_type boolean = pyr_sql_type_of(PYR_SQL_BOOLEAN);
    int32_t offset = (int32_t)expression->offset;
    *out = expression->kind == PYR_EXPR_NOT
               ? pyr_bound_unary(binder->arena, PYR_OP_NOT, boolean, items[0], offset)
               : pyr_bound_of_kind(binder->arena,
                                   expression->kind == PYR_EXPR_AND ? PYR_BOUND_AND : PYR_BOUND_OR,
                                   boolean, items, count, offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status negated_if(pyr_binder *binder, const pyr_expr *expression,
                             pyr_bound_expr *condition, pyr_bound_expr **out) {
    *out = expression->negated ? pyr_bound_unary(binder->arena, PYR_OP_NOT, condition->type,
                                                 condition, (int32_t)expression->offset)
                               : condition;
    return pyr_bind_made(binder, *out);
}

static pyr_status bind_between(pyr_binder *binder, const pyr_place *place,
                               const pyr_expr *expression, pyr_bound_expr **out) {
    pyr_bound_expr **items = NULL;
    PYR_TRY(bind_list(binder, place, &expression->as.list, &items));
    if (items[0]->type.id == PYR_SQL_BIGINT && !items[0]->literal &&
        (pyr_type_is_time_point(items[1]->type) || pyr_type_is_time_point(items[2]->type))) {
        PYR_TRY(pyr_bind_epoch(binder, &items[0]));
    }
    pyr_sql_type type;
    PYR_TRY(pyr_bind_common(binder, expression->offset, true, items, 3, &type));
    pyr_sql_type boolean = pyr_sql_type_of(PYR_SQL_BOOLEAN);
    int32_t offset = (int32_t)expression->offset;
    pyr_bound_expr *both[] = {
        pyr_bound_binary(binder->arena, PYR_OP_GREATER_EQUAL, boolean, items[0], items[1], offset),
        pyr_bound_binary(binder->arena, PYR_OP_LESS_EQUAL, boolean, items[0], items[2], offset)};
    pyr_bound_expr *condition =
        pyr_bound_of_kind(binder->arena, PYR_BOUND_AND, boolean, both, 2, offset);
    PYR_TRY(pyr_bind_made(binder, condition));
    return negated_if(binder, expression, condition, out);
}

static pyr_status bind_in_list(pyr_binder *binder, const pyr_place *place,
                               const pyr_expr *expression, pyr_bound_expr **out) {
    pyr_bound_expr **items = NULL;
    PYR_TRY(bind_list(binder, place, &expression->as.list, &items));
    int32_t count = (int32_t)expression->as.list.count;
    pyr_sql_type type;
    pyr_sql_type boolean = pyr_sql_type_of(PYR_SQL_BOOLEAN);
    int32_t offset = (int32_t)expression->offset;
    PYR_TRY(pyr_bind_common(binder, expression->offset, true, items, count, &type));
    bool constant = true;
    for (int32_t i = 0; i < count; ++i) {
        items[i] = pyr_fold(binder->arena, items[i]);
        PYR_TRY(pyr_bind_made(binder, items[i]));
        constant &= i == 0 || pyr_bound_is_constant(items[i]);
    }
    pyr_bound_expr *condition = NULL;
    if (constant && count > 2) {
        condition = pyr_bound_operation(binder->arena, PYR_OP_IN, boolean, items, count, offset);
    } else {
        pyr_bound_expr **equal =
            pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_bound_expr *));
        PYR_TRY(pyr_bind_made(binder, equal));
        for (int32_t i = 1; i < count; ++i) {
            equal[i - 1] =
                pyr_bound_binary(binder->arena, PYR_OP_EQUAL, boolean, items[0], items[i], offset);
        }
        condition =
            pyr_bound_of_kind(binder->arena, PYR_BOUND_OR, boolean, equal, count - 1, offset);
    }
    PYR_TRY(pyr_bind_made(binder, condition));
    return negated_if(binder, expression, condition, out);
}

/* ---- CASE, CAST, calls. ---- */

static pyr_status bind_case(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                            pyr_bound_expr **out) {
    size_t arms = expression->as.when.arms_count;
    int32_t count = (int32_t)(2 * arms + 1);
    pyr_bound_expr *operand = NULL;
    pyr_bound_expr **all = pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_bound_expr *));
    pyr_bound_expr **values = pyr_arena_array(binder->arena, arms + 1, sizeof(pyr_bound_expr *));
    PYR_TRY(pyr_bind_made(binder, all));
    PYR_TRY(pyr_bind_made(binder, values));
    if (expression->as.when.operand != NULL) {
        PYR_TRY(pyr_bind_expr(binder, place, expression->as.when.operand, &operand));
    }
    for (size_t i = 0; i < arms; ++i) {
        const pyr_case_arm *arm = &expression->as.when.arms[i];
        PYR_TRY(pyr_bind_expr(binder, place, arm->when, &all[2 * i]));
        if (operand != NULL) {
            PYR_TRY(pyr_bind_compare(binder, PYR_OP_EQUAL, arm->when->offset, operand, all[2 * i],
                                     &all[2 * i]));
        }
        PYR_TRY(pyr_bind_to_boolean(binder, &all[2 * i]));
        PYR_TRY(pyr_bind_expr(binder, place, arm->then, &values[i]));
    }
    if (expression->as.when.otherwise != NULL) {
        PYR_TRY(pyr_bind_expr(binder, place, expression->as.when.otherwise, &values[arms]));
    } else {
        values[arms] = pyr_bound_null(binder->arena, pyr_sql_type_of(PYR_SQL_NULL), -1);
        PYR_TRY(pyr_bind_made(binder, values[arms]));
    }
    /* DuckDB takes ELSE first: a literal that stands beside its NULL adapts to nothing else. */
    if (values[arms]->type.id == PYR_SQL_NULL && values[0]->literal) {
        values[0] = pyr_bound_cast(binder->arena, values[0], values[0]->type, false, -1);
        PYR_TRY(pyr_bind_made(binder, values[0]));
    }
    pyr_sql_type type;
    PYR_TRY(pyr_bind_common(binder, expression->offset, false, values, (int32_t)arms + 1, &type));
    for (size_t i = 0; i < arms; ++i) {
        all[2 * i + 1] = values[i];
    }
    all[2 * arms] = values[arms];
    *out = pyr_bound_of_kind(binder->arena, PYR_BOUND_CASE, type, all, count,
                             (int32_t)expression->offset);
    return pyr_bind_made(binder, *out);
}

/* Casts that the engine is to do; the others, and those to types it has not, are DuckDB's. */
static pyr_status bind_cast(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                            pyr_bound_expr **out) {
    pyr_sql_type type;
    pyr_bound_expr *value = NULL;
    if (expression->as.cast.field == NULL ||
        !pyr_sql_type_of_field(expression->as.cast.field, &type)) {
        return pyr_bind_refuse(binder, expression->offset, "a cast to %s",
                               expression->as.cast.type_text);
    }
    PYR_TRY(pyr_bind_expr(binder, place, expression->as.cast.value, &value));
    *out = pyr_bound_cast(binder->arena, value, type, expression->as.cast.try_cast,
                          (int32_t)expression->offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status bind_call(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                            pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    if (call->as.call.window != NULL) {
        return pyr_bind_window_call(binder, place, call, out);
    }
    if (!call->as.call.is_operator && pyr_bind_is_aggregate(name)) {
        return pyr_bind_aggregate_call(binder, place, call, out);
    }
    if (!call->as.call.is_operator && pyr_bind_is_grouping(name)) {
        return pyr_bind_grouping_call(binder, place, call, out);
    }
    if (call->as.call.distinct || call->as.call.star || call->as.call.filter != NULL ||
        call->as.call.order.count > 0 || call->as.call.ignore_nulls) {
        return pyr_bind_refuse(binder, call->offset, "%s() with DISTINCT, ORDER BY or FILTER",
                               name);
    }
    pyr_bound_expr **arguments = NULL;
    int32_t count = (int32_t)call->as.call.arguments.count;
    PYR_TRY(bind_list(binder, place, &call->as.call.arguments, &arguments));
    *out = NULL;
    if (call->as.call.is_operator && pyr_bind_is_operator(name)) {
        return pyr_bind_operator(binder, call, arguments, count, out);
    }
    PYR_TRY(pyr_bind_time_function(binder, call, arguments, count, out));
    if (*out == NULL) {
        PYR_TRY(pyr_bind_function(binder, call, arguments, count, out));
    }
    return *out != NULL ? PYR_OK : pyr_bind_refuse(binder, call->offset, "%s()", name);
}

static pyr_status bind_kind(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                            pyr_bound_expr **out) {
    switch (expression->kind) {
    case PYR_EXPR_LITERAL:
        return bind_literal(binder, expression, out);
    case PYR_EXPR_INTERVAL:
        return bind_interval(binder, expression, out);
    case PYR_EXPR_PARAMETER:
        return bind_parameter(binder, expression, out);
    case PYR_EXPR_COLUMN:
        return pyr_bind_column_name(binder, place, expression, out);
    case PYR_EXPR_CALL:
        return bind_call(binder, place, expression, out);
    case PYR_EXPR_AND:
    case PYR_EXPR_OR:
    case PYR_EXPR_NOT:
        return bind_logic(binder, place, expression, out);
    case PYR_EXPR_CASE:
        return bind_case(binder, place, expression, out);
    case PYR_EXPR_CAST:
        return bind_cast(binder, place, expression, out);
    case PYR_EXPR_BETWEEN:
        return bind_between(binder, place, expression, out);
    case PYR_EXPR_IN_LIST:
        return bind_in_list(binder, place, expression, out);
    case PYR_EXPR_IN_QUERY:
    case PYR_EXPR_EXISTS:
    case PYR_EXPR_SUBQUERY:
        return pyr_bind_subquery(binder, place, expression, out);
    case PYR_EXPR_STAR:
        break;
    }
    return pyr_bind_refuse(binder, expression->offset, "* inside of an expression");
}

pyr_status pyr_bind_expr(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                         pyr_bound_expr **out) {
    *out = NULL;
    if (++binder->depth > PYR_BIND_DEPTH_MAX) {
        return pyr_bind_refuse(binder, expression->offset, "expressions as deep as this");
    }
    pyr_status status = bind_kind(binder, place, expression, out);
    --binder->depth;
    return status;
}

pyr_status pyr_bind_constant(pyr_binder *binder, const pyr_expr *expression, pyr_bound_expr **out) {
    pyr_place place = {.clause = "LIMIT"};
    PYR_TRY(pyr_bind_expr(binder, &place, expression, out));
    *out = pyr_fold(binder->arena, *out);
    return pyr_bind_made(binder, *out);
}
