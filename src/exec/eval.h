/* eval.h - bound expressions over chunks.
 *
 * An evaluator belongs to one worker: it holds the buffers of what it computes, which are valid
 * until its next run. Expressions that several roots share are computed once a run.
 *
 * Errors (overflow, casts, division) are those of selected rows alone, with SQLSTATE and message as
 * DuckDB has them and the expression's place. Where CASE, COALESCE, AND and OR leave rows out,
 * their arguments do not fail for those.
 */
#ifndef PYR_EXEC_EVAL_H
#define PYR_EXEC_EVAL_H

#include "exec/vector.h"
#include "plan/plan.h"

/* The value of a scalar subquery. */
typedef struct pyr_scalar {
    bool is_null;
    pyr_value value; /* strings: owned by who gives it, until the execution ends */
} pyr_scalar;

typedef struct pyr_eval pyr_eval;
/* expressions: borrowed, of the plan, which outlives the evaluator. scalars: of the plan's
 * subqueries, set before the first run; NULL where there are none. */
PYR_MUST_CHECK pyr_status pyr_eval_create(pyr_bound_expr *const *expressions, int32_t count,
                                          const pyr_scalar *scalars, pyr_budget *budget,
                                          pyr_eval **out, pyr_error *error);
void pyr_eval_destroy(pyr_eval *eval); /* NULL allowed */
/* out: a vector an expression; COLUMN gives the chunk's own (array and all), CONSTANT a constant
 * one. */
PYR_MUST_CHECK pyr_status pyr_eval_run(pyr_eval *eval, pyr_chunk *chunk, pyr_vector *out,
                                       pyr_error *error);
/* The expressions are conjuncts: narrows chunk (mask and selected; list becomes NULL) to the rows
 * where all of them are true. The mask is the evaluator's. An expression is not evaluated for rows
 * that one before it left out where it may fail or few rows are left. certain: bit i: the i-th, of
 * the first 64, is known to be true for all rows, and not looked at. */
PYR_MUST_CHECK pyr_status pyr_eval_filter(pyr_eval *eval, pyr_chunk *chunk, uint64_t certain,
                                          pyr_error *error);

/* One expression without columns, for folding constants and LIMIT. Strings of the value go to
 * arena. */
PYR_MUST_CHECK pyr_status pyr_eval_constant(const pyr_bound_expr *expression, pyr_arena *arena,
                                            bool *is_null, pyr_value *out, pyr_error *error);

#endif
