/* rule.h - the rules that make a bound plan cheaper. Within this folder; one file each.
 *
 * A rule never changes rows, their order where the statement orders them, types or names of the
 * result; nor does it make a statement fail that did not, or compute what may fail for rows that
 * were left out before.
 */
#ifndef PYR_PLAN_RULE_H
#define PYR_PLAN_RULE_H

#include "plan/node.h"

/* Rewrites the tree below *root. PYR_ERROR_MEMORY alone. */
typedef pyr_status pyr_rule(pyr_plan *plan, pyr_node **root, pyr_error *error);

PYR_MUST_CHECK pyr_status pyr_rule_constants(pyr_plan *plan, pyr_node **root, pyr_error *error);

#endif
