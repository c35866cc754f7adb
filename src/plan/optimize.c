/* optimize.c - the rules in their order, over each tree of the plan. */
#include "plan/bind.h"
#include "plan/rule.h"

static pyr_status optimize_tree(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    static pyr_rule *const rules[] = {pyr_rule_constants};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); ++i) {
        PYR_TRY(rules[i](plan, root, error));
    }
    return PYR_OK;
}

pyr_status pyr_plan_optimize(pyr_plan *plan, pyr_error *error) {
    for (int32_t i = 0; i < plan->materialized_count; ++i) {
        PYR_TRY(optimize_tree(plan, &plan->materialized[i], error));
    }
    for (int32_t i = 0; i < plan->subqueries_count; ++i) {
        PYR_TRY(optimize_tree(plan, &plan->subqueries[i], error));
    }
    return optimize_tree(plan, &plan->root, error);
}
