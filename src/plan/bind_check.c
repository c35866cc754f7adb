/* bind_check.c - casts that only the rows could tell whether the engine covers them: what is
 * refused while a query runs can go to no other engine any more.
 *
 * Constants have been cast where that was sure (fold_cast.c). What is left of texts has forms that
 * DuckDB knows and we do not, or stands in columns.
 */
#include "plan/bind_internal.h"

typedef struct checking {
    pyr_binder *binder;
    pyr_status status;
} checking;

static bool is_covered(pyr_sql_type from, pyr_sql_type to) {
    bool text = from.id == PYR_SQL_VARCHAR || from.id == PYR_SQL_BLOB;
    bool approximate = from.id == PYR_SQL_FLOAT || from.id == PYR_SQL_DOUBLE;
    if (text) {
        return to.id == from.id;
    }
    return !approximate || (to.id != PYR_SQL_DECIMAL && to.id != PYR_SQL_HUGEINT);
}

static bool check_cast(void *context, const pyr_bound_expr *expression) {
    checking *with = context;
    bool cast =
        pyr_bound_is_op(expression, PYR_OP_CAST) || pyr_bound_is_op(expression, PYR_OP_TRY_CAST);
    if (cast && !is_covered(expression->arguments[0]->type, expression->type)) {
        char from[24];
        char to[24];
        with->status = pyr_bind_refuse(
            with->binder, expression->offset < 0 ? 0 : (size_t)expression->offset,
            "this cast of %s to %s", pyr_sql_type_name(expression->arguments[0]->type, from),
            pyr_sql_type_name(expression->type, to));
    }
    return with->status == PYR_OK;
}

static bool check_expression(void *context, pyr_bound_expr **expression) {
    return pyr_bound_walk(*expression, check_cast, context);
}

static bool check_node(void *context, pyr_node **at) {
    return pyr_node_expressions(*at, check_expression, context) &&
           pyr_node_children(*at, check_node, context);
}

pyr_status pyr_bind_check(pyr_binder *binder) {
    checking with = {binder, PYR_OK};
    pyr_plan *plan = binder->plan;
    check_node(&with, &plan->root);
    for (int32_t i = 0; i < plan->subqueries_count && with.status == PYR_OK; ++i) {
        check_node(&with, &plan->subqueries[i]);
    }
    for (int32_t i = 0; i < plan->materialized_count && with.status == PYR_OK; ++i) {
        check_node(&with, &plan->materialized[i]);
    }
    return with.status;
}
