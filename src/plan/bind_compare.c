/* bind_compare.c - values brought to the type they have in common: comparisons, CASE, IN. */
#include "plan/bind_internal.h"

static bool is_text_literal(const pyr_bound_expr *expression) {
    return expression->literal && expression->type.id == PYR_SQL_VARCHAR;
}

static bool is_integer_literal(const pyr_bound_expr *expression) {
    return expression->literal && pyr_sql_type_is_integer(expression->type);
}

/* DECIMALs that are compared keep all places; what does not fit then is out of range. */
static bool common_of_two(pyr_sql_type a, pyr_sql_type b, bool comparison, pyr_sql_type *out) {
    if (!pyr_type_common(a, b, out)) {
        return false;
    }
    if (comparison && a.id == PYR_SQL_DECIMAL && b.id == PYR_SQL_DECIMAL) {
        out->scale = a.scale > b.scale ? a.scale : b.scale;
    }
    return true;
}

/* What is not a literal decides; *any false: all are. */
static bool common_of_values(pyr_bound_expr **expressions, int32_t count, bool comparison,
                             pyr_sql_type *type, bool *any) {
    *type = pyr_sql_type_of(PYR_SQL_NULL);
    *any = false;
    for (int32_t i = 0; i < count; ++i) {
        pyr_sql_type one = expressions[i]->type;
        if (is_text_literal(expressions[i]) || is_integer_literal(expressions[i]) ||
            one.id == PYR_SQL_NULL) {
            continue;
        }
        *any = true;
        if (comparison && type->id == PYR_SQL_BOOLEAN && pyr_sql_type_is_integer(one)) {
            *type = one;
        } else if (comparison && one.id == PYR_SQL_BOOLEAN && pyr_sql_type_is_integer(*type)) {
            continue;
        } else if (!common_of_two(*type, one, comparison, type)) {
            return false;
        }
    }
    return true;
}

/* Literals of integers fit in, or widen. */
static bool widen_for_literals(pyr_bound_expr **expressions, int32_t count, bool comparison,
                               pyr_sql_type *type, bool any) {
    bool integers = pyr_sql_type_is_integer(*type);
    for (int32_t i = 0; i < count; ++i) {
        const pyr_bound_expr *one = expressions[i];
        if (!is_integer_literal(one) || (any && integers && pyr_type_holds(type->id, one))) {
            continue;
        }
        if (comparison && type->id == PYR_SQL_BOOLEAN) {
            *type = one->type;
        } else if (!pyr_type_common(*type, one->type, type)) {
            return false;
        }
        integers = pyr_sql_type_is_integer(*type);
    }
    return true;
}

/* Whether a text literal may be cast to it: to numbers only in comparisons. */
static bool text_adapts(pyr_sql_type type, bool comparison) {
    return type.id == PYR_SQL_VARCHAR || type.id == PYR_SQL_NULL || comparison ||
           pyr_type_is_time_point(type);
}

pyr_status pyr_bind_common(pyr_binder *binder, size_t offset, bool comparison,
                           pyr_bound_expr **expressions, int32_t count, pyr_sql_type *type) {
    bool any = false;
    bool found = common_of_values(expressions, count, comparison, type, &any) &&
                 widen_for_literals(expressions, count, comparison, type, any);
    for (int32_t i = 0; i < count && found; ++i) {
        if (is_text_literal(expressions[i])) {
            found = text_adapts(*type, comparison) && type->id != PYR_SQL_BLOB &&
                    type->id != PYR_SQL_INTERVAL;
            *type = type->id == PYR_SQL_NULL ? expressions[i]->type : *type;
        }
    }
    if (!found) {
        return pyr_bind_refuse(binder, offset, "values of these types together");
    }
    for (int32_t i = 0; i < count; ++i) {
        expressions[i] =
            pyr_bound_cast(binder->arena, expressions[i], *type, false, expressions[i]->offset);
        PYR_TRY(pyr_bind_made(binder, expressions[i]));
    }
    return PYR_OK;
}

/* A BIGINT beside a timestamp is an epoch. */
static pyr_status adapt_epochs(pyr_binder *binder, pyr_bound_expr **left, pyr_bound_expr **right) {
    bool left_is = (*left)->type.id == PYR_SQL_BIGINT && !(*left)->literal &&
                   pyr_type_is_time_point((*right)->type);
    bool right_is = (*right)->type.id == PYR_SQL_BIGINT && !(*right)->literal &&
                    pyr_type_is_time_point((*left)->type);
    if (!left_is && !right_is) {
        return PYR_OK;
    }
    return pyr_bind_epoch(binder, left_is ? left : right);
}

pyr_status pyr_bind_compare(pyr_binder *binder, pyr_op op, size_t offset, pyr_bound_expr *left,
                            pyr_bound_expr *right, pyr_bound_expr **out) {
    PYR_TRY(adapt_epochs(binder, &left, &right));
    pyr_bound_expr *sides[] = {left, right};
    pyr_sql_type type;
    PYR_TRY(pyr_bind_common(binder, offset, true, sides, 2, &type));
    *out = pyr_bound_binary(binder->arena, op, pyr_sql_type_of(PYR_SQL_BOOLEAN), sides[0], sides[1],
                            (int32_t)offset);
    return pyr_bind_made(binder, *out);
}
