/* bind_aggregate.c - aggregates: names, argument and result types. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

typedef struct aggregate_name {
    const char *name;
    pyr_aggregate_op op;
} aggregate_name;

static const aggregate_name names[] = {
    {"count", PYR_AGGREGATE_COUNT},
    {"count_star", PYR_AGGREGATE_COUNT_STAR},
    {"sum", PYR_AGGREGATE_SUM},
    {"count_if", PYR_AGGREGATE_SUM}, /* of BOOLEAN: NULL without a value, as DuckDB has it */
    {"countif", PYR_AGGREGATE_SUM},
    {"fsum", PYR_AGGREGATE_FSUM},
    {"kahan_sum", PYR_AGGREGATE_FSUM},
    {"sumkahan", PYR_AGGREGATE_FSUM},
    {"avg", PYR_AGGREGATE_AVG},
    {"mean", PYR_AGGREGATE_AVG},
    {"min", PYR_AGGREGATE_MIN},
    {"max", PYR_AGGREGATE_MAX},
    {"stddev", PYR_AGGREGATE_STDDEV_SAMP},
    {"stddev_samp", PYR_AGGREGATE_STDDEV_SAMP},
    {"stddev_pop", PYR_AGGREGATE_STDDEV_POP},
    {"variance", PYR_AGGREGATE_VAR_SAMP},
    {"var_samp", PYR_AGGREGATE_VAR_SAMP},
    {"var_pop", PYR_AGGREGATE_VAR_POP},
    {"corr", PYR_AGGREGATE_CORR},
    {"covar_samp", PYR_AGGREGATE_COVAR_SAMP},
    {"covar_pop", PYR_AGGREGATE_COVAR_POP},
    {"median", PYR_AGGREGATE_MEDIAN},
    {"quantile_cont", PYR_AGGREGATE_QUANTILE_CONT},
    {"quantile_disc", PYR_AGGREGATE_QUANTILE_DISC},
    {"quantile", PYR_AGGREGATE_QUANTILE_DISC},
    {"arg_min", PYR_AGGREGATE_ARG_MIN},
    {"argmin", PYR_AGGREGATE_ARG_MIN},
    {"min_by", PYR_AGGREGATE_ARG_MIN},
    {"arg_max", PYR_AGGREGATE_ARG_MAX},
    {"argmax", PYR_AGGREGATE_ARG_MAX},
    {"max_by", PYR_AGGREGATE_ARG_MAX},
    {"any_value", PYR_AGGREGATE_ANY_VALUE},
    {"first", PYR_AGGREGATE_FIRST},
    {"arbitrary", PYR_AGGREGATE_FIRST},
    {"last", PYR_AGGREGATE_LAST},
    {"string_agg", PYR_AGGREGATE_STRING_AGG},
    {"group_concat", PYR_AGGREGATE_STRING_AGG},
    {"listagg", PYR_AGGREGATE_STRING_AGG},
    {"bool_and", PYR_AGGREGATE_BOOL_AND},
    {"bool_or", PYR_AGGREGATE_BOOL_OR},
    {"bit_and", PYR_AGGREGATE_BIT_AND},
    {"bit_or", PYR_AGGREGATE_BIT_OR},
    {"bit_xor", PYR_AGGREGATE_BIT_XOR},
};

static bool find_name(const char *name, pyr_aggregate_op *out) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcasecmp(names[i].name, name) == 0) {
            *out = names[i].op;
            return true;
        }
    }
    return false;
}

bool pyr_bind_is_aggregate(const char *name) {
    /* Those that we do not compute, so that the message says what they are. */
    static const char *const others[] = {
        "mode",      "product",         "list",    "array_agg", "approx_count_distinct",
        "histogram", "approx_quantile", "entropy", "kurtosis",  "skewness"};
    pyr_aggregate_op op;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        if (strcasecmp(others[i], name) == 0) {
            return true;
        }
    }
    return find_name(name, &op);
}

/* ---- Types. ---- */

static bool cast_argument(pyr_binder *binder, pyr_aggregate *aggregate, int32_t index,
                          pyr_sql_type_id id) {
    aggregate->arguments[index] = pyr_bound_cast(binder->arena, aggregate->arguments[index],
                                                 pyr_sql_type_of(id), false, aggregate->offset);
    return aggregate->arguments[index] != NULL;
}

/* Literals get the type that they have by themselves. */
static bool plain_argument(pyr_binder *binder, pyr_aggregate *aggregate, int32_t index) {
    pyr_sql_type type = aggregate->arguments[index]->type;
    aggregate->arguments[index] =
        pyr_bound_cast(binder->arena, aggregate->arguments[index], type, false, aggregate->offset);
    return aggregate->arguments[index] != NULL;
}

typedef enum fit { FIT_OK, FIT_NOT, FIT_MEMORY } fit;

static fit fit_of(bool made) {
    return made ? FIT_OK : FIT_MEMORY;
}

static fit fit_sum(pyr_binder *binder, pyr_aggregate *aggregate) {
    pyr_sql_type type = aggregate->arguments[0]->type;
    if (type.id == PYR_SQL_FLOAT) {
        aggregate->type = pyr_sql_type_of(PYR_SQL_DOUBLE);
        return fit_of(cast_argument(binder, aggregate, 0, PYR_SQL_DOUBLE));
    }
    if (type.id == PYR_SQL_DECIMAL) {
        aggregate->type = pyr_sql_decimal(38, type.scale);
    } else if (type.id == PYR_SQL_DOUBLE) {
        aggregate->type = type;
    } else if (type.id == PYR_SQL_BOOLEAN || pyr_sql_type_is_integer(type)) {
        aggregate->type = pyr_sql_type_of(PYR_SQL_HUGEINT);
    } else {
        return FIT_NOT;
    }
    return fit_of(plain_argument(binder, aggregate, 0));
}

static fit fit_average(pyr_binder *binder, pyr_aggregate *aggregate) {
    pyr_sql_type type = aggregate->arguments[0]->type;
    if (!pyr_sql_type_is_numeric(type)) {
        return FIT_NOT;
    }
    aggregate->type = pyr_sql_type_of(PYR_SQL_DOUBLE);
    return fit_of(type.id == PYR_SQL_FLOAT ? cast_argument(binder, aggregate, 0, PYR_SQL_DOUBLE)
                                           : plain_argument(binder, aggregate, 0));
}

static fit fit_doubles(pyr_binder *binder, pyr_aggregate *aggregate) {
    aggregate->type = pyr_sql_type_of(PYR_SQL_DOUBLE);
    for (int32_t i = 0; i < aggregate->arguments_count; ++i) {
        if (!pyr_sql_type_is_numeric(aggregate->arguments[i]->type)) {
            return FIT_NOT;
        }
        if (!cast_argument(binder, aggregate, i, PYR_SQL_DOUBLE)) {
            return FIT_MEMORY;
        }
    }
    return FIT_OK;
}

static fit fit_own_type(pyr_binder *binder, pyr_aggregate *aggregate) {
    if (aggregate->arguments[0]->type.id == PYR_SQL_NULL) {
        return FIT_NOT;
    }
    aggregate->type = aggregate->arguments[0]->type;
    for (int32_t i = 0; i < aggregate->arguments_count; ++i) {
        if (aggregate->arguments[i]->type.id == PYR_SQL_NULL) {
            return FIT_NOT;
        }
        if (!plain_argument(binder, aggregate, i)) {
            return FIT_MEMORY;
        }
    }
    return FIT_OK;
}

/* Of integers DOUBLE, of dates TIMESTAMP, else their own; what cannot be put between two values is
 * one of them. */
static fit fit_continuous(pyr_binder *binder, pyr_aggregate *aggregate) {
    pyr_sql_type type = aggregate->arguments[0]->type;
    bool median = aggregate->op == PYR_AGGREGATE_MEDIAN;
    aggregate->type = type;
    if (pyr_sql_type_is_integer(type)) {
        aggregate->type = pyr_sql_type_of(PYR_SQL_DOUBLE);
        return fit_of(cast_argument(binder, aggregate, 0, PYR_SQL_DOUBLE));
    }
    switch (type.id) {
    case PYR_SQL_DATE:
        aggregate->type = pyr_sql_type_of(PYR_SQL_TIMESTAMP);
        break;
    case PYR_SQL_TIMESTAMP_S:
    case PYR_SQL_TIMESTAMP_MS:
    case PYR_SQL_TIMESTAMP_NS: /* become TIMESTAMPs of QUANTILE_CONT */
        if (!median) {
            return FIT_NOT;
        }
        break;
    case PYR_SQL_BOOLEAN:
    case PYR_SQL_VARCHAR:
    case PYR_SQL_BLOB:
        if (!median) {
            return FIT_NOT;
        }
        aggregate->op = PYR_AGGREGATE_QUANTILE_DISC;
        aggregate->parameter.f64 = 0.5;
        aggregate->share = 1;
        aggregate->share_of = 2;
        break;
    case PYR_SQL_NULL:
    case PYR_SQL_INTERVAL:
        return FIT_NOT;
    default:
        break;
    }
    return fit_of(plain_argument(binder, aggregate, 0));
}

static fit fit_of_type(pyr_binder *binder, pyr_aggregate *aggregate, bool fits) {
    aggregate->type = aggregate->arguments[0]->type;
    return fits ? fit_of(plain_argument(binder, aggregate, 0)) : FIT_NOT;
}

static fit fit_text(pyr_binder *binder, pyr_aggregate *aggregate) {
    pyr_sql_type_id id = aggregate->arguments[0]->type.id;
    aggregate->type = pyr_sql_type_of(PYR_SQL_VARCHAR);
    return id == PYR_SQL_BLOB || id == PYR_SQL_NULL
               ? FIT_NOT
               : fit_of(cast_argument(binder, aggregate, 0, PYR_SQL_VARCHAR));
}

static fit fit_types(pyr_binder *binder, pyr_aggregate *aggregate) {
    const pyr_sql_type_id id =
        aggregate->arguments_count > 0 ? aggregate->arguments[0]->type.id : PYR_SQL_NULL;
    switch (aggregate->op) {
    case PYR_AGGREGATE_COUNT_STAR:
    case PYR_AGGREGATE_COUNT:
        aggregate->type = pyr_sql_type_of(PYR_SQL_BIGINT);
        return aggregate->arguments_count > 0 ? fit_of(plain_argument(binder, aggregate, 0))
                                              : FIT_OK;
    case PYR_AGGREGATE_SUM:
        return fit_sum(binder, aggregate);
    case PYR_AGGREGATE_AVG:
        return fit_average(binder, aggregate);
    case PYR_AGGREGATE_FSUM:
    case PYR_AGGREGATE_STDDEV_SAMP:
    case PYR_AGGREGATE_STDDEV_POP:
    case PYR_AGGREGATE_VAR_SAMP:
    case PYR_AGGREGATE_VAR_POP:
    case PYR_AGGREGATE_CORR:
    case PYR_AGGREGATE_COVAR_SAMP:
    case PYR_AGGREGATE_COVAR_POP:
        return fit_doubles(binder, aggregate);
    case PYR_AGGREGATE_MEDIAN:
    case PYR_AGGREGATE_QUANTILE_CONT:
        return fit_continuous(binder, aggregate);
    case PYR_AGGREGATE_QUANTILE_DISC:
        return id == PYR_SQL_INTERVAL ? FIT_NOT : fit_own_type(binder, aggregate);
    case PYR_AGGREGATE_STRING_AGG:
        return fit_text(binder, aggregate);
    case PYR_AGGREGATE_BOOL_AND:
    case PYR_AGGREGATE_BOOL_OR:
        return fit_of_type(binder, aggregate, id == PYR_SQL_BOOLEAN);
    case PYR_AGGREGATE_BIT_AND:
    case PYR_AGGREGATE_BIT_OR:
    case PYR_AGGREGATE_BIT_XOR:
        return fit_of_type(binder, aggregate,
                           pyr_sql_type_is_integer(aggregate->arguments[0]->type));
    default:
        return fit_own_type(binder, aggregate);
    }
}

/* ---- Calls. ---- */

static bool takes_two(pyr_aggregate_op op) {
    return op == PYR_AGGREGATE_CORR || op == PYR_AGGREGATE_COVAR_SAMP ||
           op == PYR_AGGREGATE_COVAR_POP || op == PYR_AGGREGATE_ARG_MIN ||
           op == PYR_AGGREGATE_ARG_MAX;
}

static bool takes_share(pyr_aggregate_op op) {
    return op == PYR_AGGREGATE_QUANTILE_CONT || op == PYR_AGGREGATE_QUANTILE_DISC;
}

/* A share as it is written: DuckDB counts ranks by a DECIMAL exactly. */
static void keep_decimal(const pyr_bound_expr *value, pyr_aggregate *out) {
    if (pyr_bound_is_constant(value) && !value->is_null && value->type.id == PYR_SQL_DECIMAL &&
        value->type.precision <= 18) {
        out->share = (int64_t)value->value.i128;
        out->share_of = 1;
        for (int i = 0; i < value->type.scale; ++i) {
            out->share_of *= 10;
        }
    }
}

/* The second argument where it is a constant of the aggregate: a share, a separator. */
static pyr_status bind_parameter(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                 pyr_aggregate *out) {
    const pyr_expr_list *given = &call->as.call.arguments;
    if (out->op == PYR_AGGREGATE_STRING_AGG && given->count == 1) {
        out->parameter.string = (pyr_string){(const uint8_t *)",", 1};
        return PYR_OK;
    }
    pyr_bound_expr *value = NULL;
    PYR_TRY(pyr_bind_expr(binder, place, given->items[1], &value));
    bool share = takes_share(out->op);
    if (share) {
        value = pyr_fold(binder->arena, value);
        PYR_TRY(pyr_bind_made(binder, value));
        if (!pyr_sql_type_is_numeric(value->type)) {
            return pyr_bind_refuse(binder, call->offset, "this second value of %s()",
                                   call->as.call.name);
        }
        keep_decimal(value, out);
        value = pyr_bound_cast(binder->arena, value, pyr_sql_type_of(PYR_SQL_DOUBLE), false, -1);
    }
    value = pyr_fold(binder->arena, value);
    PYR_TRY(pyr_bind_made(binder, value));
    if (!pyr_bound_is_constant(value) || value->is_null ||
        value->type.id != (share ? PYR_SQL_DOUBLE : PYR_SQL_VARCHAR) ||
        (share && !(value->value.f64 >= 0 && value->value.f64 <= 1))) {
        return pyr_bind_refuse(binder, call->offset, "this second value of %s()",
                               call->as.call.name);
    }
    out->parameter = value->value;
    return PYR_OK;
}

static pyr_status bind_arguments(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                 pyr_aggregate *out) {
    const pyr_expr_list *given = &call->as.call.arguments;
    if (call->as.call.star || given->count == 0) {
        if (out->op != PYR_AGGREGATE_COUNT && out->op != PYR_AGGREGATE_COUNT_STAR) {
            return pyr_bind_refuse(binder, call->offset, "%s(*)", call->as.call.name);
        }
        out->op = PYR_AGGREGATE_COUNT_STAR;
        return PYR_OK;
    }
    bool parameter = takes_share(out->op) || out->op == PYR_AGGREGATE_STRING_AGG;
    size_t most = takes_two(out->op) || parameter ? 2 : 1;
    size_t least = takes_two(out->op) || takes_share(out->op) ? 2 : 1;
    if (given->count < least || given->count > most) {
        return pyr_bind_refuse(binder, call->offset, "%s() of %zu values", call->as.call.name,
                               given->count);
    }
    out->arguments_count = takes_two(out->op) ? 2 : 1;
    for (int32_t i = 0; i < out->arguments_count; ++i) {
        PYR_TRY(pyr_bind_expr(binder, place, given->items[i], &out->arguments[i]));
    }
    return parameter ? bind_parameter(binder, place, call, out) : PYR_OK;
}

pyr_status pyr_bind_aggregate(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                              pyr_aggregate *out) {
    memset(out, 0, sizeof(*out));
    if (!find_name(call->as.call.name, &out->op) || call->as.call.ignore_nulls ||
        call->as.call.order.count > 0) {
        return pyr_bind_refuse(binder, call->offset, "%s()%s", call->as.call.name,
                               call->as.call.order.count > 0 ? " with ORDER BY" : "");
    }
    pyr_place inner = *place;
    inner.aggregates = place->aggregates && call->as.call.window != NULL;
    inner.windows = false;
    inner.subqueries_join = false;
    out->offset = (int32_t)call->offset;
    PYR_TRY(bind_arguments(binder, &inner, call, out));
    if (call->as.call.filter != NULL) {
        PYR_TRY(pyr_bind_condition(binder, &inner, call->as.call.filter, &out->filter));
    }
    /* DISTINCT changes nothing of these. */
    bool same = out->op == PYR_AGGREGATE_MIN || out->op == PYR_AGGREGATE_MAX ||
                out->op == PYR_AGGREGATE_BOOL_AND || out->op == PYR_AGGREGATE_BOOL_OR ||
                out->op == PYR_AGGREGATE_ANY_VALUE;
    out->distinct = call->as.call.distinct && !same;
    if (out->distinct && out->arguments_count != 1) {
        return pyr_bind_refuse(binder, call->offset, "%s(DISTINCT ...)", call->as.call.name);
    }
    bool counts_true =
        strncasecmp(call->as.call.name, "count", 5) == 0 && out->op == PYR_AGGREGATE_SUM;
    if (counts_true && out->arguments[0]->type.id != PYR_SQL_BOOLEAN) {
        return pyr_bind_refuse(binder, call->offset, "%s() of this type", call->as.call.name);
    }
    switch (fit_types(binder, out)) {
    case FIT_NOT:
        return pyr_bind_refuse(binder, call->offset, "%s() of this type", call->as.call.name);
    case FIT_MEMORY:
        return pyr_arena_error(binder->arena, binder->error);
    case FIT_OK:
        break;
    }
    return PYR_OK;
}

static bool same_aggregate(const pyr_aggregate *a, const pyr_aggregate *b) {
    if (a->op != b->op || a->distinct != b->distinct || a->arguments_count != b->arguments_count ||
        (a->filter == NULL) != (b->filter == NULL) || !pyr_sql_type_equal(a->type, b->type)) {
        return false;
    }
    for (int32_t i = 0; i < a->arguments_count; ++i) {
        if (!pyr_bound_equal(a->arguments[i], b->arguments[i])) {
            return false;
        }
    }
    if (a->op == PYR_AGGREGATE_STRING_AGG &&
        !pyr_value_equal(pyr_sql_type_of(PYR_SQL_VARCHAR), a->parameter, b->parameter)) {
        return false;
    }
    if (takes_share(a->op) &&
        (a->share != b->share || a->share_of != b->share_of ||
         !pyr_value_equal(pyr_sql_type_of(PYR_SQL_DOUBLE), a->parameter, b->parameter))) {
        return false;
    }
    return a->filter == NULL || pyr_bound_equal(a->filter, b->filter);
}

/* count(x) of what is never NULL counts rows. */
static void simplify(pyr_aggregate *aggregate, const pyr_node *input) {
    if (aggregate->op == PYR_AGGREGATE_COUNT && !aggregate->distinct &&
        pyr_bound_never_null(aggregate->arguments[0], input) &&
        !aggregate->arguments[0]->may_fail) {
        aggregate->op = PYR_AGGREGATE_COUNT_STAR;
        aggregate->arguments_count = 0;
        aggregate->arguments[0] = NULL;
    }
}

pyr_status pyr_bind_aggregate_call(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                   pyr_bound_expr **out) {
    pyr_select_state *select = place->select;
    pyr_aggregate aggregate;
    if (!place->aggregates || select == NULL) {
        return pyr_bind_refuse(binder, call->offset, "an aggregate in %s",
                               place->clause != NULL ? place->clause : "an aggregate");
    }
    PYR_TRY(pyr_bind_aggregate(binder, place, call, &aggregate));
    if (place->scope != NULL) {
        simplify(&aggregate, place->scope->node);
    }
    int32_t index = 0;
    while (index < select->aggregates_count &&
           !same_aggregate(&select->aggregates[index], &aggregate)) {
        ++index;
    }
    if (index == select->aggregates_capacity) {
        int32_t capacity = index == 0 ? 8 : index * 2;
        pyr_aggregate *more =
            pyr_arena_array(binder->arena, (size_t)capacity, sizeof(pyr_aggregate));
        PYR_TRY(pyr_bind_made(binder, more));
        if (index > 0) {
            memcpy(more, select->aggregates, (size_t)index * sizeof(pyr_aggregate));
        }
        select->aggregates = more;
        select->aggregates_capacity = capacity;
    }
    if (index == select->aggregates_count) {
        select->aggregates[index] = aggregate;
        ++select->aggregates_count;
    }
    *out = pyr_bound_column(binder->arena, PYR_BIND_AGGREGATE_BASE + index, aggregate.type,
                            (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}
