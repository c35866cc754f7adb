/* bind_function.c - scalar functions: a table of names, operations and argument types.
 *
 * Arguments, a letter each: s VARCHAR, v any type, made VARCHAR; l BIGINT; i INTEGER; d DOUBLE (of
 * any number); c a constant VARCHAR. '?': those behind may be left out; '*': the last is repeated.
 * Types that DuckDB would not cast to these by itself are refused.
 */
#include "plan/bind_internal.h"

#include <math.h>
#include <string.h>
#include <strings.h>

typedef struct function {
    const char *name;
    pyr_op op;
    const char *arguments;
    pyr_sql_type_id result;
} function;

static const function functions[] = {
    {"strlen", PYR_OP_STRLEN, "s", PYR_SQL_BIGINT},
    {"length", PYR_OP_LENGTH, "s", PYR_SQL_BIGINT},
    {"len", PYR_OP_LENGTH, "s", PYR_SQL_BIGINT},
    {"char_length", PYR_OP_LENGTH, "s", PYR_SQL_BIGINT},
    {"character_length", PYR_OP_LENGTH, "s", PYR_SQL_BIGINT},
    {"lower", PYR_OP_LOWER, "s", PYR_SQL_VARCHAR},
    {"lcase", PYR_OP_LOWER, "s", PYR_SQL_VARCHAR},
    {"upper", PYR_OP_UPPER, "s", PYR_SQL_VARCHAR},
    {"ucase", PYR_OP_UPPER, "s", PYR_SQL_VARCHAR},
    {"substr", PYR_OP_SUBSTRING, "sl?l", PYR_SQL_VARCHAR},
    {"substring", PYR_OP_SUBSTRING, "sl?l", PYR_SQL_VARCHAR},
    {"left", PYR_OP_LEFT, "sl", PYR_SQL_VARCHAR},
    {"right", PYR_OP_RIGHT, "sl", PYR_SQL_VARCHAR},
    {"trim", PYR_OP_TRIM, "s?s", PYR_SQL_VARCHAR},
    {"ltrim", PYR_OP_LTRIM, "s?s", PYR_SQL_VARCHAR},
    {"rtrim", PYR_OP_RTRIM, "s?s", PYR_SQL_VARCHAR},
    {"replace", PYR_OP_REPLACE, "sss", PYR_SQL_VARCHAR},
    {"reverse", PYR_OP_REVERSE, "s", PYR_SQL_VARCHAR},
    {"repeat", PYR_OP_REPEAT, "sl", PYR_SQL_VARCHAR},
    {"lpad", PYR_OP_LPAD, "sis", PYR_SQL_VARCHAR},
    {"rpad", PYR_OP_RPAD, "sis", PYR_SQL_VARCHAR},
    {"strpos", PYR_OP_POSITION, "ss", PYR_SQL_BIGINT},
    {"instr", PYR_OP_POSITION, "ss", PYR_SQL_BIGINT},
    {"split_part", PYR_OP_SPLIT_PART, "ssl", PYR_SQL_VARCHAR},
    {"ascii", PYR_OP_ASCII, "s", PYR_SQL_INTEGER},
    {"chr", PYR_OP_CHR, "i", PYR_SQL_VARCHAR},
    {"concat", PYR_OP_CONCAT_FN, "v*", PYR_SQL_VARCHAR},
    {"concat_ws", PYR_OP_CONCAT_WS, "sv*", PYR_SQL_VARCHAR},
    {"starts_with", PYR_OP_STARTS_WITH, "ss", PYR_SQL_BOOLEAN},
    {"prefix", PYR_OP_STARTS_WITH, "ss", PYR_SQL_BOOLEAN},
    {"ends_with", PYR_OP_ENDS_WITH, "ss", PYR_SQL_BOOLEAN},
    {"suffix", PYR_OP_ENDS_WITH, "ss", PYR_SQL_BOOLEAN},
    {"contains", PYR_OP_CONTAINS, "ss", PYR_SQL_BOOLEAN},
    {"regexp_matches", PYR_OP_REGEXP_MATCHES, "sc?c", PYR_SQL_BOOLEAN},
    {"regexp_full_match", PYR_OP_REGEXP_FULL_MATCH, "sc?c", PYR_SQL_BOOLEAN},
    {"regexp_replace", PYR_OP_REGEXP_REPLACE, "sss?c", PYR_SQL_VARCHAR},
    {"regexp_extract", PYR_OP_REGEXP_EXTRACT, "sc?i", PYR_SQL_VARCHAR},
    {"sqrt", PYR_OP_SQRT, "d", PYR_SQL_DOUBLE},
    {"power", PYR_OP_POWER, "dd", PYR_SQL_DOUBLE},
    {"pow", PYR_OP_POWER, "dd", PYR_SQL_DOUBLE},
    {"exp", PYR_OP_EXP, "d", PYR_SQL_DOUBLE},
    {"ln", PYR_OP_LN, "d", PYR_SQL_DOUBLE},
    {"log", PYR_OP_LOG10, "d", PYR_SQL_DOUBLE},
    {"log10", PYR_OP_LOG10, "d", PYR_SQL_DOUBLE},
    {"log2", PYR_OP_LOG2, "d", PYR_SQL_DOUBLE},
};

/* ---- Arguments. ---- */

static bool fits_bigint(const pyr_bound_expr *argument) {
    pyr_sql_type_id id = argument->type.id;
    return (id >= PYR_SQL_TINYINT && id <= PYR_SQL_BIGINT) ||
           (id >= PYR_SQL_UTINYINT && id <= PYR_SQL_UINTEGER);
}

static bool fits_integer(const pyr_bound_expr *argument) {
    pyr_sql_type_id id = argument->type.id;
    return argument->literal && pyr_sql_type_is_integer(argument->type)
               ? pyr_type_holds(PYR_SQL_INTEGER, argument)
               : (id >= PYR_SQL_TINYINT && id <= PYR_SQL_INTEGER) || id == PYR_SQL_UTINYINT ||
                     id == PYR_SQL_USMALLINT;
}

/* The type that letter asks for; false: DuckDB would not cast to it. */
static bool adapts(const pyr_bound_expr *argument, char letter, pyr_sql_type *type) {
    switch (letter) {
    case 's':
        *type = pyr_sql_type_of(PYR_SQL_VARCHAR);
        return argument->type.id == PYR_SQL_VARCHAR;
    case 'c':
        *type = pyr_sql_type_of(PYR_SQL_VARCHAR);
        return argument->type.id == PYR_SQL_VARCHAR && pyr_bound_is_constant(argument) &&
               !argument->is_null;
    case 'v':
        *type = pyr_sql_type_of(PYR_SQL_VARCHAR);
        return argument->type.id != PYR_SQL_BLOB && argument->type.id != PYR_SQL_NULL;
    case 'l':
        *type = pyr_sql_type_of(PYR_SQL_BIGINT);
        return fits_bigint(argument);
    case 'i':
        *type = pyr_sql_type_of(PYR_SQL_INTEGER);
        return fits_integer(argument);
    default:
        *type = pyr_sql_type_of(PYR_SQL_DOUBLE);
        return pyr_sql_type_is_numeric(argument->type);
    }
}

static bool takes_count(const char *letters, int32_t count) {
    const char *optional = strchr(letters, '?');
    bool repeated = strchr(letters, '*') != NULL;
    int32_t all = (int32_t)strlen(letters) - (optional != NULL ? 1 : 0) - (repeated ? 1 : 0);
    int32_t least = optional != NULL ? (int32_t)(optional - letters) : all;
    return count >= least && (count <= all || repeated);
}

static pyr_status adapt(pyr_binder *binder, const pyr_expr *call, const char *letters,
                        pyr_bound_expr **arguments, int32_t count) {
    if (!takes_count(letters, count)) {
        return pyr_bind_refuse(binder, call->offset, "%s() of %d values", call->as.call.name,
                               count);
    }
    const char *letter = letters;
    for (int32_t i = 0; i < count; ++i) {
        letter += *letter == '?' ? 1 : 0;
        pyr_sql_type type;
        if (!adapts(arguments[i], *letter, &type)) {
            return pyr_bind_refuse(binder, call->offset, "%s() of these types", call->as.call.name);
        }
        arguments[i] =
            pyr_bound_cast(binder->arena, arguments[i], type, false, arguments[i]->offset);
        PYR_TRY(pyr_bind_made(binder, arguments[i]));
        letter += letter[1] == '*' ? 0 : 1;
    }
    return PYR_OK;
}

/* ---- Those with types of their own. ---- */

static pyr_status make(pyr_binder *binder, const pyr_expr *call, pyr_op op, pyr_sql_type type,
                       pyr_bound_expr **arguments, int32_t count, pyr_bound_expr **out) {
    *out = pyr_bound_operation(binder->arena, op, type, arguments, count, (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status refuse_types(pyr_binder *binder, const pyr_expr *call) {
    return pyr_bind_refuse(binder, call->offset, "%s() of these types", call->as.call.name);
}

static pyr_status plain_literals(pyr_binder *binder, pyr_bound_expr **arguments, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        arguments[i] = pyr_bound_cast(binder->arena, arguments[i], arguments[i]->type, false,
                                      arguments[i]->offset);
        PYR_TRY(pyr_bind_made(binder, arguments[i]));
    }
    return PYR_OK;
}

/* abs, sign: of the number's own type. */
static pyr_status bind_own_type(pyr_binder *binder, const pyr_expr *call,
                                pyr_bound_expr **arguments, int32_t count, pyr_bound_expr **out) {
    bool is_sign = strcasecmp(call->as.call.name, "sign") == 0;
    if (count != 1 || !pyr_sql_type_is_numeric(arguments[0]->type)) {
        return refuse_types(binder, call);
    }
    PYR_TRY(plain_literals(binder, arguments, count));
    return make(binder, call, is_sign ? PYR_OP_SIGN : PYR_OP_ABS,
                is_sign ? pyr_sql_type_of(PYR_SQL_TINYINT) : arguments[0]->type, arguments, 1, out);
}

/* floor, ceil: DECIMAL stays, without places; integers become DOUBLE. */
static pyr_status bind_floor(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                             int32_t count, pyr_bound_expr **out) {
    pyr_op op = strcasecmp(call->as.call.name, "floor") == 0 ? PYR_OP_FLOOR : PYR_OP_CEIL;
    if (count != 1 || !pyr_sql_type_is_numeric(arguments[0]->type)) {
        return refuse_types(binder, call);
    }
    pyr_sql_type type = arguments[0]->type;
    if (pyr_sql_type_is_integer(type)) {
        type = pyr_sql_type_of(PYR_SQL_DOUBLE);
        arguments[0] = pyr_bound_cast(binder->arena, arguments[0], type, false, -1);
        PYR_TRY(pyr_bind_made(binder, arguments[0]));
    }
    if (type.id == PYR_SQL_DECIMAL) {
        type = pyr_sql_decimal(type.precision, 0);
    }
    return make(binder, call, op, type, arguments, 1, out);
}

static pyr_status bind_round(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                             int32_t count, pyr_bound_expr **out) {
    if (count < 1 || count > 2 || !pyr_sql_type_is_numeric(arguments[0]->type) ||
        pyr_sql_type_is_integer(arguments[0]->type)) {
        return refuse_types(binder, call);
    }
    pyr_sql_type type = arguments[0]->type;
    int64_t places = 0;
    if (count == 2) {
        arguments[1] = pyr_fold(binder->arena, arguments[1]);
        PYR_TRY(pyr_bind_made(binder, arguments[1]));
        if (!fits_integer(arguments[1]) || !pyr_bound_is_constant(arguments[1]) ||
            arguments[1]->is_null) {
            return pyr_bind_refuse(binder, call->offset, "round() to places that are not constant");
        }
        places = arguments[1]->value.i64;
        arguments[1] = pyr_bound_cast(binder->arena, arguments[1], pyr_sql_type_of(PYR_SQL_INTEGER),
                                      false, -1);
        PYR_TRY(pyr_bind_made(binder, arguments[1]));
    }
    if (type.id == PYR_SQL_DECIMAL) {
        if (places < 0) {
            return pyr_bind_refuse(binder, call->offset, "round() of a DECIMAL before its point");
        }
        if (places >= type.scale && count == 2) {
            *out = arguments[0];
            return PYR_OK;
        }
        type = pyr_sql_decimal(type.precision, (int32_t)places);
    }
    return make(binder, call, PYR_OP_ROUND, type, arguments, count, out);
}

static pyr_status bind_common_type(pyr_binder *binder, const pyr_expr *call,
                                   pyr_bound_expr **arguments, int32_t count,
                                   pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    pyr_sql_type type;
    if (count < 1 || (count != 2 && strcasecmp(name, "ifnull") == 0)) {
        return refuse_types(binder, call);
    }
    PYR_TRY(pyr_bind_common(binder, call->offset, false, arguments, count, &type));
    if (strcasecmp(name, "greatest") == 0 || strcasecmp(name, "least") == 0) {
        return make(binder, call,
                    strcasecmp(name, "greatest") == 0 ? PYR_OP_GREATEST : PYR_OP_LEAST, type,
                    arguments, count, out);
    }
    *out = count == 1 ? arguments[0]
                      : pyr_bound_of_kind(binder->arena, PYR_BOUND_COALESCE, type, arguments, count,
                                          (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

/* CASE WHEN a = b THEN NULL ELSE a END */
static pyr_status bind_nullif(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                              int32_t count, pyr_bound_expr **out) {
    if (count != 2 || arguments[0]->type.id == PYR_SQL_NULL) {
        return refuse_types(binder, call);
    }
    pyr_bound_expr *equal = NULL;
    PYR_TRY(
        pyr_bind_compare(binder, PYR_OP_EQUAL, call->offset, arguments[0], arguments[1], &equal));
    PYR_TRY(plain_literals(binder, arguments, 1));
    pyr_bound_expr *all[] = {equal, pyr_bound_null(binder->arena, arguments[0]->type, -1),
                             arguments[0]};
    *out = pyr_bound_of_kind(binder->arena, PYR_BOUND_CASE, arguments[0]->type, all, 3,
                             (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status bind_if(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                          int32_t count, pyr_bound_expr **out) {
    pyr_sql_type type;
    if (count != 3) {
        return refuse_types(binder, call);
    }
    PYR_TRY(pyr_bind_to_boolean(binder, &arguments[0]));
    PYR_TRY(pyr_bind_common(binder, call->offset, false, &arguments[1], 2, &type));
    *out =
        pyr_bound_of_kind(binder->arena, PYR_BOUND_CASE, type, arguments, 3, (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

static pyr_status bind_arithmetic(pyr_binder *binder, const pyr_expr *call,
                                  pyr_bound_expr **arguments, int32_t count, pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    if (count != 2) {
        return refuse_types(binder, call);
    }
    if (strcasecmp(name, "xor") == 0) {
        pyr_sql_type_id id;
        if (!pyr_sql_type_is_integer(arguments[0]->type) ||
            !pyr_sql_type_is_integer(arguments[1]->type) ||
            !pyr_type_integer_arithmetic(arguments[0], arguments[1], &id)) {
            return refuse_types(binder, call);
        }
        for (int i = 0; i < 2; ++i) {
            arguments[i] =
                pyr_bound_cast(binder->arena, arguments[i], pyr_sql_type_of(id), false, -1);
            PYR_TRY(pyr_bind_made(binder, arguments[i]));
        }
        return make(binder, call, PYR_OP_BIT_XOR, pyr_sql_type_of(id), arguments, 2, out);
    }
    return pyr_bind_arithmetic(binder, strcasecmp(name, "mod") == 0 ? "%" : "//", call->offset,
                               arguments[0], arguments[1], out);
}

/* POSITION(needle IN text) has the needle first here, and last in DuckDB's own function. */
static pyr_status bind_position(pyr_binder *binder, const pyr_expr *call,
                                pyr_bound_expr **arguments, int32_t count, pyr_bound_expr **out) {
    PYR_TRY(adapt(binder, call, "ss", arguments, count));
    if (call->as.call.is_operator) {
        pyr_bound_expr *needle = arguments[0];
        arguments[0] = arguments[1];
        arguments[1] = needle;
    }
    return make(binder, call, PYR_OP_POSITION, pyr_sql_type_of(PYR_SQL_BIGINT), arguments, 2, out);
}

static pyr_status bind_pi(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                          int32_t count, pyr_bound_expr **out) {
    (void)arguments;
    if (count != 0) {
        return refuse_types(binder, call);
    }
    *out = pyr_bound_constant(binder->arena, pyr_sql_type_of(PYR_SQL_DOUBLE),
                              (pyr_value){.f64 = M_PI}, (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

typedef struct special {
    const char *name;
    pyr_status (*bind)(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                       int32_t count, pyr_bound_expr **out);
} special;
static const special specials[] = {{"abs", bind_own_type},
                                   {"sign", bind_own_type},
                                   {"floor", bind_floor},
                                   {"ceil", bind_floor},
                                   {"ceiling", bind_floor},
                                   {"round", bind_round},
                                   {"coalesce", bind_common_type},
                                   {"ifnull", bind_common_type},
                                   {"greatest", bind_common_type},
                                   {"least", bind_common_type},
                                   {"nullif", bind_nullif},
                                   {"if", bind_if},
                                   {"mod", bind_arithmetic},
                                   {"divide", bind_arithmetic},
                                   {"xor", bind_arithmetic},
                                   {"position", bind_position},
                                   {"pi", bind_pi}};

pyr_status pyr_bind_function(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                             int32_t count, pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    *out = NULL;
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); ++i) {
        if (strcasecmp(specials[i].name, name) == 0) {
            return specials[i].bind(binder, call, arguments, count, out);
        }
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); ++i) {
        if (strcasecmp(functions[i].name, name) == 0) {
            PYR_TRY(adapt(binder, call, functions[i].arguments, arguments, count));
            return make(binder, call, functions[i].op, pyr_sql_type_of(functions[i].result),
                        arguments, count, out);
        }
    }
    return PYR_OK;
}
