/* rule_compare.c - CAST(x AS wider) < constant: x < the constant in x's own type, where it has one
 * there: the scan then compares what is stored, and zone maps know it.
 */
#include "plan/fold.h"
#include "plan/rule.h"

typedef struct comparing {
    pyr_plan *plan;
    bool failed;
} comparing;

static bool is_comparison(const pyr_bound_expr *expression) {
    return expression->kind == PYR_BOUND_OPERATION &&
           (expression->op == PYR_OP_IN ||
            (expression->op >= PYR_OP_EQUAL && expression->op <= PYR_OP_NOT_DISTINCT));
}

/* Casts that keep every value, its order, and what is equal. */
static bool keeps_order(pyr_sql_type from, pyr_sql_type to) {
    bool exact_from = pyr_sql_type_is_integer(from) || from.id == PYR_SQL_DECIMAL;
    bool exact_to = pyr_sql_type_is_integer(to) || to.id == PYR_SQL_DECIMAL;
    if (exact_from && exact_to) {
        return true; /* it cannot fail, so that every value is there, and scales only grow */
    }
    return from.id == PYR_SQL_DATE && to.id == PYR_SQL_TIMESTAMP;
}

/* A DATE as TIMESTAMP fails beyond the year 294,246; such a date compares as it should. */
static bool is_widened(const pyr_bound_expr *expression) {
    if (!pyr_bound_is_op(expression, PYR_OP_CAST)) {
        return false;
    }
    pyr_sql_type from = expression->arguments[0]->type;
    if (expression->may_fail && from.id != PYR_SQL_DATE) {
        return false;
    }
    bool loses = from.id == PYR_SQL_DECIMAL &&
                 (expression->type.id != PYR_SQL_DECIMAL || expression->type.scale < from.scale);
    return !loses && keeps_order(from, expression->type);
}

/* The constant in type; NULL: it has none there. *failed: memory. */
static pyr_bound_expr *narrowed(comparing *with, pyr_bound_expr *constant, pyr_sql_type type) {
    pyr_bound_expr *out = NULL;
    if (constant->type.id == PYR_SQL_TIMESTAMP && type.id == PYR_SQL_DATE && !constant->is_null &&
        constant->value.i64 % INT64_C(86400000000) != 0) {
        return NULL;
    }
    with->failed |= !pyr_fold_cast(&with->plan->arena, constant, type, constant->offset, &out);
    return out;
}

static pyr_bound_expr *unwrap(void *context, pyr_bound_expr *expression) {
    comparing *with = context;
    if (!is_comparison(expression)) {
        return NULL;
    }
    int32_t count = expression->arguments_count;
    int32_t at = is_widened(expression->arguments[0])                 ? 0
                 : count == 2 && is_widened(expression->arguments[1]) ? 1
                                                                      : -1;
    if (at < 0) {
        return NULL;
    }
    pyr_bound_expr *inner = expression->arguments[at]->arguments[0];
    pyr_bound_list arguments = {0, 0, NULL};
    for (int32_t i = 0; i < count; ++i) {
        pyr_bound_expr *argument = inner;
        if (i != at) {
            argument = pyr_bound_is_constant(expression->arguments[i])
                           ? narrowed(with, expression->arguments[i], inner->type)
                           : NULL;
        }
        if (argument == NULL) {
            return NULL;
        }
        if (!pyr_bound_list_add(&with->plan->arena, &arguments, argument)) {
            with->failed = true;
            return NULL;
        }
    }
    pyr_bound_expr *made = pyr_bound_operation(&with->plan->arena, expression->op, expression->type,
                                               arguments.items, count, expression->offset);
    with->failed |= made == NULL;
    return made;
}

static bool rewrite(void *context, pyr_bound_expr **expression) {
    comparing *with = context;
    pyr_bound_expr *changed = *expression;
    /* A cast of a cast takes two. */
    for (int i = 0; i < 2 && changed != NULL && !with->failed; ++i) {
        changed = pyr_bound_rewrite(&with->plan->arena, changed, unwrap, with);
    }
    with->failed |= changed == NULL;
    *expression = changed != NULL ? changed : *expression;
    return !with->failed;
}

static bool visit(void *context, pyr_node **at) {
    return pyr_node_children(*at, visit, context) && pyr_node_expressions(*at, rewrite, context);
}

pyr_status pyr_rule_compare(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    comparing with = {plan, false};
    visit(&with, root);
    return with.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
