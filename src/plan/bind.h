/* bind.h - a parse tree and a snapshot become a plan.
 *
 * Names are found, types decided and casts put in by DuckDB's rules (1.5): literals adapt to
 * columns, decimals widen, SUM of integers is HUGEINT, "/" is DOUBLE. What DuckDB would refuse is
 * left to it: everything the binder does not like is PYR_ERROR_NOT_SUPPORTED naming the construct
 * and its place, so that the other engine's error is the one that people read. Held to it by the
 * differential tests.
 */
#ifndef PYR_PLAN_BIND_H
#define PYR_PLAN_BIND_H

#include "plan/plan.h"
#include "sql/tree.h"

typedef struct pyr_bind_input {
    const pyr_tree *tree;
    pyr_snapshot *snapshot;
    const char *schema_name; /* of unqualified names; NULL: "main" */
    pyr_batch *params;       /* one row; NULL: parameters are not covered */
    const char *time_unit;   /* of BIGINT epochs: "s", "ms", "us", "ns" */
    int64_t now_us;          /* now(), CURRENT_TIMESTAMP, CURRENT_DATE */
    /* What a FROM names: a table, or files; *out NULL: it is not there. context is the caller's.
     * NULL: the snapshot's tables alone. */
    pyr_status (*find_table)(void *context, const pyr_from *from, pyr_table **out,
                             pyr_error *error); /* retained */
    void *context;
    pyr_budget *budget;
} pyr_bind_input;

/* The plan as it was written, without any rule. */
PYR_MUST_CHECK pyr_status pyr_plan_bind(const pyr_bind_input *input, pyr_plan *out,
                                        pyr_error *error);
/* The rules, in their order (rule.h): constants folded, predicates pushed down, columns pruned,
 * filters ordered, joins ordered, distinct aggregates taken apart, top-n. Never changes rows. */
PYR_MUST_CHECK pyr_status pyr_plan_optimize(pyr_plan *plan, pyr_error *error);

#endif
