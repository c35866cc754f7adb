/* bind_time.c - functions of dates and times. */
#include "plan/bind_internal.h"
#include "plan/civil.h"

#include <string.h>
#include <strings.h>

typedef struct part_name {
    const char *name;
    pyr_date_part part;
} part_name;

/* What DuckDB takes as date_part's first argument, for the parts that are ours. */
static const part_name parts[] = {{"year", PYR_PART_YEAR},
                                  {"years", PYR_PART_YEAR},
                                  {"yr", PYR_PART_YEAR},
                                  {"y", PYR_PART_YEAR},
                                  {"quarter", PYR_PART_QUARTER},
                                  {"quarters", PYR_PART_QUARTER},
                                  {"month", PYR_PART_MONTH},
                                  {"months", PYR_PART_MONTH},
                                  {"mon", PYR_PART_MONTH},
                                  {"week", PYR_PART_WEEK},
                                  {"weeks", PYR_PART_WEEK},
                                  {"day", PYR_PART_DAY},
                                  {"days", PYR_PART_DAY},
                                  {"dayofmonth", PYR_PART_DAY},
                                  {"d", PYR_PART_DAY},
                                  {"hour", PYR_PART_HOUR},
                                  {"hours", PYR_PART_HOUR},
                                  {"h", PYR_PART_HOUR},
                                  {"minute", PYR_PART_MINUTE},
                                  {"minutes", PYR_PART_MINUTE},
                                  {"m", PYR_PART_MINUTE},
                                  {"second", PYR_PART_SECOND},
                                  {"seconds", PYR_PART_SECOND},
                                  {"s", PYR_PART_SECOND},
                                  {"millisecond", PYR_PART_MILLISECOND},
                                  {"milliseconds", PYR_PART_MILLISECOND},
                                  {"microsecond", PYR_PART_MICROSECOND},
                                  {"microseconds", PYR_PART_MICROSECOND},
                                  {"decade", PYR_PART_DECADE},
                                  {"century", PYR_PART_CENTURY},
                                  {"millennium", PYR_PART_MILLENNIUM},
                                  {"dow", PYR_PART_DAY_OF_WEEK},
                                  {"dayofweek", PYR_PART_DAY_OF_WEEK},
                                  {"weekday", PYR_PART_DAY_OF_WEEK},
                                  {"isodow", PYR_PART_ISO_DAY_OF_WEEK},
                                  {"doy", PYR_PART_DAY_OF_YEAR},
                                  {"dayofyear", PYR_PART_DAY_OF_YEAR},
                                  {"isoyear", PYR_PART_ISO_YEAR},
                                  {"epoch", PYR_PART_EPOCH}};

/* Functions that are named by their part. "m" and the like are none. */
static const part_name part_functions[] = {{"year", PYR_PART_YEAR},
                                           {"quarter", PYR_PART_QUARTER},
                                           {"month", PYR_PART_MONTH},
                                           {"week", PYR_PART_WEEK},
                                           {"weekofyear", PYR_PART_WEEK},
                                           {"day", PYR_PART_DAY},
                                           {"dayofmonth", PYR_PART_DAY},
                                           {"hour", PYR_PART_HOUR},
                                           {"minute", PYR_PART_MINUTE},
                                           {"second", PYR_PART_SECOND},
                                           {"millisecond", PYR_PART_MILLISECOND},
                                           {"microsecond", PYR_PART_MICROSECOND},
                                           {"decade", PYR_PART_DECADE},
                                           {"century", PYR_PART_CENTURY},
                                           {"millennium", PYR_PART_MILLENNIUM},
                                           {"dayofweek", PYR_PART_DAY_OF_WEEK},
                                           {"weekday", PYR_PART_DAY_OF_WEEK},
                                           {"isodow", PYR_PART_ISO_DAY_OF_WEEK},
                                           {"dayofyear", PYR_PART_DAY_OF_YEAR},
                                           {"isoyear", PYR_PART_ISO_YEAR},
                                           {"epoch", PYR_PART_EPOCH}};

static const part_name starts[] = {
    {"tostartofyear", PYR_PART_YEAR},     {"tostartofquarter", PYR_PART_QUARTER},
    {"tostartofmonth", PYR_PART_MONTH},   {"tostartofweek", PYR_PART_WEEK},
    {"tostartofday", PYR_PART_DAY},       {"tostartofhour", PYR_PART_HOUR},
    {"tostartofminute", PYR_PART_MINUTE}, {"tostartofsecond", PYR_PART_SECOND}};

static bool find(const part_name *names, size_t count, const char *name, size_t length,
                 pyr_date_part *out) {
    for (size_t i = 0; i < count; ++i) {
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, name, length) == 0) {
            *out = names[i].part;
            return true;
        }
    }
    return false;
}
#define FIND(names, name, length, out) \
    find(names, sizeof(names) / sizeof(names[0]), name, length, out)

/* ---- Arguments. ---- */

pyr_status pyr_bind_epoch(pyr_binder *binder, pyr_bound_expr **expression) {
    static const struct {
        const char *unit;
        pyr_date_part part;
    } units[] = {
        {"s", PYR_PART_SECOND}, {"ms", PYR_PART_MILLISECOND}, {"us", PYR_PART_MICROSECOND}};
    const char *unit = binder->input->time_unit != NULL ? binder->input->time_unit : "ms";
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        if (strcmp(units[i].unit, unit) == 0) {
            pyr_bound_expr *value = *expression;
            *expression = pyr_bound_unary(binder->arena, PYR_OP_EPOCH,
                                          pyr_sql_type_of(PYR_SQL_TIMESTAMP), value, value->offset);
            PYR_TRY(pyr_bind_made(binder, *expression));
            (*expression)->part = units[i].part;
            return PYR_OK;
        }
    }
    return pyr_bind_refuse(binder, (size_t)(*expression)->offset, "epochs in nanoseconds");
}

/* A DATE, TIMESTAMP or TIMESTAMPTZ; others become TIMESTAMP or are refused. */
static pyr_status as_time(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **argument) {
    pyr_sql_type type = (*argument)->type;
    if (type.id == PYR_SQL_BIGINT && !(*argument)->literal) {
        return pyr_bind_epoch(binder, argument);
    }
    if (type.id == PYR_SQL_DATE || type.id == PYR_SQL_TIMESTAMP || type.id == PYR_SQL_TIMESTAMPTZ) {
        return PYR_OK;
    }
    if (type.id == PYR_SQL_TIMESTAMP_S || type.id == PYR_SQL_TIMESTAMP_MS) {
        *argument = pyr_bound_cast(binder->arena, *argument, pyr_sql_type_of(PYR_SQL_TIMESTAMP),
                                   false, (*argument)->offset);
        return pyr_bind_made(binder, *argument);
    }
    return pyr_bind_refuse(binder, call->offset, "%s() of this type", call->as.call.name);
}

static pyr_status constant_part(pyr_binder *binder, const pyr_expr *call,
                                const pyr_bound_expr *argument, pyr_date_part *out) {
    if (!pyr_bound_is_constant(argument) || argument->is_null ||
        argument->type.id != PYR_SQL_VARCHAR ||
        !FIND(parts, (const char *)argument->value.string.bytes, argument->value.string.length,
              out)) {
        return pyr_bind_refuse(binder, call->offset, "this part of %s()", call->as.call.name);
    }
    return PYR_OK;
}

static pyr_status make(pyr_binder *binder, const pyr_expr *call, pyr_op op, pyr_date_part part,
                       pyr_sql_type_id type, pyr_bound_expr **arguments, int32_t count,
                       pyr_bound_expr **out) {
    *out = pyr_bound_operation(binder->arena, op, pyr_sql_type_of(type), arguments, count,
                               (int32_t)call->offset);
    PYR_TRY(pyr_bind_made(binder, *out));
    (*out)->part = part;
    return PYR_OK;
}

/* ---- The functions. ---- */

static pyr_status extract(pyr_binder *binder, const pyr_expr *call, pyr_date_part part,
                          pyr_bound_expr *argument, pyr_bound_expr **out) {
    PYR_TRY(as_time(binder, call, &argument));
    return make(binder, call, PYR_OP_EXTRACT, part,
                part == PYR_PART_EPOCH ? PYR_SQL_DOUBLE : PYR_SQL_BIGINT, &argument, 1, out);
}

/* DuckDB 1.5 gives a TIMESTAMP for a DATE as well. */
static pyr_status truncate_to(pyr_binder *binder, const pyr_expr *call, pyr_date_part part,
                              pyr_bound_expr *argument, pyr_bound_expr **out) {
    if (part > PYR_PART_MICROSECOND ||
        (part >= PYR_PART_DAY_OF_WEEK && part <= PYR_PART_ISO_YEAR)) {
        return pyr_bind_refuse(binder, call->offset, "this part of %s()", call->as.call.name);
    }
    PYR_TRY(as_time(binder, call, &argument));
    return make(binder, call, PYR_OP_DATE_TRUNC, part,
                argument->type.id == PYR_SQL_TIMESTAMPTZ ? PYR_SQL_TIMESTAMPTZ : PYR_SQL_TIMESTAMP,
                &argument, 1, out);
}

static pyr_status difference(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                             pyr_bound_expr **out) {
    pyr_date_part part;
    PYR_TRY(constant_part(binder, call, arguments[0], &part));
    if (part >= PYR_PART_DAY_OF_WEEK && part <= PYR_PART_ISO_YEAR) {
        return pyr_bind_refuse(binder, call->offset, "this part of %s()", call->as.call.name);
    }
    for (int i = 1; i < 3; ++i) {
        PYR_TRY(as_time(binder, call, &arguments[i]));
        if (arguments[i]->type.id == PYR_SQL_TIMESTAMPTZ) {
            return pyr_bind_refuse(binder, call->offset, "%s() of TIMESTAMPTZ", call->as.call.name);
        }
        arguments[i] =
            pyr_bound_cast(binder->arena, arguments[i], pyr_sql_type_of(PYR_SQL_TIMESTAMP), false,
                           arguments[i]->offset);
        PYR_TRY(pyr_bind_made(binder, arguments[i]));
    }
    return make(binder, call, PYR_OP_DATE_DIFF, part, PYR_SQL_BIGINT, &arguments[1], 2, out);
}

static pyr_status make_date(pyr_binder *binder, const pyr_expr *call, pyr_bound_expr **arguments,
                            pyr_bound_expr **out) {
    for (int i = 0; i < 3; ++i) {
        pyr_sql_type_id id = arguments[i]->type.id;
        if (!(id >= PYR_SQL_TINYINT && id <= PYR_SQL_BIGINT)) {
            return pyr_bind_refuse(binder, call->offset, "make_date() of these types");
        }
        arguments[i] = pyr_bound_cast(binder->arena, arguments[i], pyr_sql_type_of(PYR_SQL_BIGINT),
                                      false, arguments[i]->offset);
        PYR_TRY(pyr_bind_made(binder, arguments[i]));
    }
    return make(binder, call, PYR_OP_MAKE_DATE, PYR_PART_NONE, PYR_SQL_DATE, arguments, 3, out);
}

/* epoch_ms(BIGINT) is a timestamp. */
static pyr_status from_milliseconds(pyr_binder *binder, const pyr_expr *call,
                                    pyr_bound_expr *argument, pyr_bound_expr **out) {
    if (!(argument->type.id >= PYR_SQL_TINYINT && argument->type.id <= PYR_SQL_BIGINT)) {
        return pyr_bind_refuse(binder, call->offset, "epoch_ms() of this type");
    }
    argument = pyr_bound_cast(binder->arena, argument, pyr_sql_type_of(PYR_SQL_BIGINT), false,
                              argument->offset);
    PYR_TRY(pyr_bind_made(binder, argument));
    return make(binder, call, PYR_OP_EPOCH, PYR_PART_MILLISECOND, PYR_SQL_TIMESTAMP, &argument, 1,
                out);
}

pyr_status pyr_bind_now(pyr_binder *binder, const char *name, size_t offset, pyr_bound_expr **out) {
    static const char *const zoned[] = {"now", "current_timestamp", "get_current_timestamp",
                                        "transaction_timestamp"};
    int64_t now = binder->input->now_us;
    int64_t day = now / PYR_DAY_US - (now % PYR_DAY_US < 0);
    *out = NULL;
    for (size_t i = 0; i < sizeof(zoned) / sizeof(zoned[0]); ++i) {
        if (strcasecmp(zoned[i], name) == 0) {
            *out = pyr_bound_integer(binder->arena, PYR_SQL_TIMESTAMPTZ, now, (int32_t)offset);
            return pyr_bind_made(binder, *out);
        }
    }
    if (strcasecmp(name, "current_date") == 0 || strcasecmp(name, "today") == 0) {
        *out = pyr_bound_integer(binder->arena, PYR_SQL_DATE, day, (int32_t)offset);
        return pyr_bind_made(binder, *out);
    }
    if (strcasecmp(name, "localtimestamp") == 0 ||
        strcasecmp(name, "current_localtimestamp") == 0) {
        *out = pyr_bound_integer(binder->arena, PYR_SQL_TIMESTAMP, now, (int32_t)offset);
        return pyr_bind_made(binder, *out);
    }
    return PYR_OK;
}

static bool is_one_of(const char *name, const char *a, const char *b) {
    return strcasecmp(name, a) == 0 || strcasecmp(name, b) == 0;
}

pyr_status pyr_bind_time_function(pyr_binder *binder, const pyr_expr *call,
                                  pyr_bound_expr **arguments, int32_t count, pyr_bound_expr **out) {
    const char *name = call->as.call.name;
    size_t length = strlen(name);
    pyr_date_part part;
    *out = NULL;
    if (count == 0) {
        return pyr_bind_now(binder, name, call->offset, out);
    }
    if (count == 1 && FIND(part_functions, name, length, &part)) {
        return extract(binder, call, part, arguments[0], out);
    }
    if (count == 1 && FIND(starts, name, length, &part)) {
        if (arguments[0]->type.id == PYR_SQL_VARCHAR) {
            arguments[0] =
                pyr_bound_cast(binder->arena, arguments[0], pyr_sql_type_of(PYR_SQL_TIMESTAMP),
                               false, arguments[0]->offset);
            PYR_TRY(pyr_bind_made(binder, arguments[0]));
        }
        return truncate_to(binder, call, part, arguments[0], out);
    }
    if (count == 1 && strcasecmp(name, "epoch_ms") == 0) {
        return from_milliseconds(binder, call, arguments[0], out);
    }
    if (count == 2 &&
        (strcasecmp(name, "extract") == 0 || is_one_of(name, "date_part", "datepart"))) {
        PYR_TRY(constant_part(binder, call, arguments[0], &part));
        return extract(binder, call, part, arguments[1], out);
    }
    if (count == 2 && is_one_of(name, "date_trunc", "datetrunc")) {
        PYR_TRY(constant_part(binder, call, arguments[0], &part));
        return truncate_to(binder, call, part, arguments[1], out);
    }
    if (count == 2 && strcasecmp(name, "date_add") == 0) {
        return pyr_bind_arithmetic(binder, "+", call->offset, arguments[0], arguments[1], out);
    }
    if (count == 3 && is_one_of(name, "date_diff", "datediff")) {
        return difference(binder, call, arguments, out);
    }
    if (count == 3 && strcasecmp(name, "make_date") == 0) {
        return make_date(binder, call, arguments, out);
    }
    return PYR_OK;
}
