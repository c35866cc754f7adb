/* bind_subquery.c - subqueries as values and conditions. */
#include "plan/bind_internal.h"

pyr_status pyr_bind_subquery(pyr_binder *binder, const pyr_place *place, const pyr_expr *expression,
                             pyr_bound_expr **out) {
    (void)place;
    (void)out;
    return pyr_bind_refuse(binder, expression->offset, "subqueries as values");
}

pyr_status pyr_bind_subquery_conjunct(pyr_binder *binder, const pyr_place *place,
                                      const pyr_expr *expression, bool *done) {
    (void)binder;
    (void)place;
    (void)expression;
    *done = false;
    return PYR_OK;
}
