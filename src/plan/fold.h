/* fold.h - constants computed ahead: what is sure to be what DuckDB would compute. Within this
 * folder.
 *
 * All else is left as it stands, errors included: they are raised when a row asks for them.
 */
#ifndef PYR_PLAN_FOLD_H
#define PYR_PLAN_FOLD_H

#include "plan/expr.h"

/* *out: constant cast to type; NULL where that is not sure. false when out of memory. */
bool pyr_fold_cast(pyr_arena *arena, const pyr_bound_expr *constant, pyr_sql_type type,
                   int32_t offset, pyr_bound_expr **out);
/* The expression with everything folded that can be, below it too; NULL when out of memory. */
pyr_bound_expr *pyr_fold(pyr_arena *arena, pyr_bound_expr *expression);

/* Facts about types. */
/* The range of an integer type up to 64 bits; false: another type. */
bool pyr_fold_integer_range(pyr_sql_type_id id, pyr_i128 *low, pyr_i128 *high);
pyr_i128 pyr_fold_power_of_ten(int exponent); /* 0..38 */
/* An integer's, DECIMAL's (unscaled), date's or timestamp's value. */
pyr_i128 pyr_fold_i128(pyr_sql_type type, pyr_value value);
pyr_value pyr_fold_value(pyr_sql_type type, pyr_i128 value);

#endif
