/* expr_walk.c - bound expressions compared, walked and rewritten. */
#include "plan/expr.h"

#include <string.h>

bool pyr_value_equal(pyr_sql_type type, pyr_value a, pyr_value b) {
    switch (pyr_sql_type_physical(type)) {
    case PYR_PHYSICAL_BIT:
        return a.boolean == b.boolean;
    case PYR_PHYSICAL_I128:
        return a.i128 == b.i128;
    case PYR_PHYSICAL_F32:
    case PYR_PHYSICAL_F64:
        return memcmp(&a.f64, &b.f64, sizeof(double)) == 0;
    case PYR_PHYSICAL_STRING:
        return a.string.length == b.string.length &&
               (a.string.length == 0 ||
                memcmp(a.string.bytes, b.string.bytes, a.string.length) == 0);
    case PYR_PHYSICAL_INTERVAL:
        return a.interval.months == b.interval.months && a.interval.days == b.interval.days &&
               a.interval.nanos == b.interval.nanos;
    default:
        return a.u64 == b.u64;
    }
}

bool pyr_bound_equal(const pyr_bound_expr *a, const pyr_bound_expr *b) {
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || !pyr_sql_type_equal(a->type, b->type) ||
        a->arguments_count != b->arguments_count) {
        return false;
    }
    switch (a->kind) {
    case PYR_BOUND_COLUMN:
        return a->column == b->column;
    case PYR_BOUND_CONSTANT:
        return a->is_null == b->is_null &&
               (a->is_null || pyr_value_equal(a->type, a->value, b->value));
    case PYR_BOUND_SCALAR:
        return a->subquery == b->subquery;
    case PYR_BOUND_OPERATION:
        if (a->op != b->op || a->part != b->part) {
            return false;
        }
        break;
    default:
        break;
    }
    for (int32_t i = 0; i < a->arguments_count; ++i) {
        if (!pyr_bound_equal(a->arguments[i], b->arguments[i])) {
            return false;
        }
    }
    return true;
}

bool pyr_bound_is_true(const pyr_bound_expr *expression) {
    return pyr_bound_is_constant(expression) && expression->type.id == PYR_SQL_BOOLEAN &&
           !expression->is_null && expression->value.boolean;
}

bool pyr_bound_is_false(const pyr_bound_expr *expression) {
    return pyr_bound_is_constant(expression) && expression->type.id == PYR_SQL_BOOLEAN &&
           !expression->is_null && !expression->value.boolean;
}

bool pyr_bound_walk(const pyr_bound_expr *expression, pyr_bound_visitor *visit, void *context) {
    if (!visit(context, expression)) {
        return false;
    }
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        if (!pyr_bound_walk(expression->arguments[i], visit, context)) {
            return false;
        }
    }
    return true;
}

typedef struct column_bounds {
    int32_t lowest, highest;
} column_bounds;

static bool widen(void *context, const pyr_bound_expr *expression) {
    column_bounds *bounds = context;
    if (expression->kind == PYR_BOUND_COLUMN) {
        bounds->lowest = expression->column < bounds->lowest ? expression->column : bounds->lowest;
        bounds->highest =
            expression->column > bounds->highest ? expression->column : bounds->highest;
    }
    return true;
}

bool pyr_bound_columns(const pyr_bound_expr *expression, int32_t *lowest, int32_t *highest) {
    column_bounds bounds = {INT32_MAX, INT32_MIN};
    pyr_bound_walk(expression, widen, &bounds);
    *lowest = bounds.lowest;
    *highest = bounds.highest;
    return bounds.lowest <= bounds.highest;
}

static bool mark(void *context, const pyr_bound_expr *expression) {
    if (expression->kind == PYR_BOUND_COLUMN) {
        ((bool *)context)[expression->column] = true;
    }
    return true;
}

void pyr_bound_mark_columns(const pyr_bound_expr *expression, bool *used) {
    pyr_bound_walk(expression, mark, used);
}

/* About how long a row takes, an integer comparison being 1. */
static double own_cost(const pyr_bound_expr *expression) {
    if (expression->kind != PYR_BOUND_OPERATION) {
        return expression->kind == PYR_BOUND_CASE ? 4 : 0;
    }
    bool text =
        expression->arguments_count > 0 && expression->arguments[0]->type.id == PYR_SQL_VARCHAR;
    switch (expression->op) {
    case PYR_OP_REGEXP_MATCHES:
    case PYR_OP_REGEXP_FULL_MATCH:
    case PYR_OP_REGEXP_REPLACE:
    case PYR_OP_REGEXP_EXTRACT:
        return 200;
    case PYR_OP_LIKE:
    case PYR_OP_CONTAINS:
        return 40;
    case PYR_OP_ILIKE:
        return 80;
    case PYR_OP_EQUAL:
    case PYR_OP_NOT_EQUAL:
        return text ? 4 : 1;
    case PYR_OP_IN:
        return (text ? 8 : 1) + expression->arguments_count * 0.25;
    case PYR_OP_IS_NULL:
    case PYR_OP_IS_NOT_NULL:
    case PYR_OP_NOT:
        return 0.5;
    default:
        return text ? 20 : pyr_sql_type_physical(expression->type) == PYR_PHYSICAL_I128 ? 3 : 1;
    }
}

static bool add_cost(void *context, const pyr_bound_expr *expression) {
    *(double *)context += own_cost(expression);
    return true;
}

double pyr_bound_cost(const pyr_bound_expr *expression) {
    double cost = 0;
    pyr_bound_walk(expression, add_cost, &cost);
    return cost;
}

/* ---- Rewriting. ---- */

pyr_bound_expr *pyr_bound_rewrite(pyr_arena *arena, pyr_bound_expr *expression,
                                  pyr_bound_replacer *replace, void *context) {
    if (expression == NULL) {
        return NULL;
    }
    pyr_bound_expr *instead = replace(context, expression);
    if (instead != NULL || expression->arguments_count == 0) {
        return instead != NULL ? instead : expression;
    }
    pyr_bound_expr **arguments = NULL;
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        pyr_bound_expr *argument =
            pyr_bound_rewrite(arena, expression->arguments[i], replace, context);
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
        return expression;
    }
    pyr_bound_expr *made = pyr_arena_alloc(arena, sizeof(*made));
    if (made != NULL) {
        *made = *expression;
        made->arguments = arguments;
        for (int32_t i = 0; i < made->arguments_count; ++i) {
            made->may_fail |= arguments[i]->may_fail;
        }
    }
    return made;
}

typedef struct column_change {
    pyr_arena *arena;
    int32_t shift;
    const int32_t *map;
    pyr_bound_expr *const *expressions;
} column_change;

static pyr_bound_expr *change_column(void *context, pyr_bound_expr *expression) {
    const column_change *change = context;
    if (expression->kind != PYR_BOUND_COLUMN) {
        return NULL;
    }
    if (change->expressions != NULL) {
        return change->expressions[expression->column];
    }
    int32_t column =
        change->map != NULL ? change->map[expression->column] : expression->column + change->shift;
    return column == expression->column
               ? expression
               : pyr_bound_column(change->arena, column, expression->type, expression->offset);
}

pyr_bound_expr *pyr_bound_shift(pyr_arena *arena, pyr_bound_expr *expression, int32_t shift) {
    column_change change = {.arena = arena, .shift = shift};
    return pyr_bound_rewrite(arena, expression, change_column, &change);
}

pyr_bound_expr *pyr_bound_remap(pyr_arena *arena, pyr_bound_expr *expression, const int32_t *map) {
    column_change change = {.arena = arena, .map = map};
    return pyr_bound_rewrite(arena, expression, change_column, &change);
}

pyr_bound_expr *pyr_bound_substitute(pyr_arena *arena, pyr_bound_expr *expression,
                                     pyr_bound_expr *const *expressions) {
    column_change change = {.arena = arena, .expressions = expressions};
    return pyr_bound_rewrite(arena, expression, change_column, &change);
}
