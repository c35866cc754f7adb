/* optimize.c - the rules in their order, over each tree of the plan. */
#include "plan/bind.h"
#include "plan/rule.h"

static pyr_status optimize_tree(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    static pyr_rule *const rules[] = {
        pyr_rule_constants,   /* literals in their places, before anything looks at them */
        pyr_rule_compare,     /* conditions about columns as they are stored */
        pyr_rule_push_down,   /* and joins in their order */
        pyr_rule_projections, /* what group keys and arguments are, in terms of stored columns */
        pyr_rule_group_keys,  /* before DISTINCT makes another grouping of these keys */
        pyr_rule_sums,        /* zone maps are looked at through the scan below, here and next */
        pyr_rule_extremes,     pyr_rule_distinct, pyr_rule_limit_groups,
        pyr_rule_projections, /* again: of the projections that these rules left */
        pyr_rule_columns,     /* after everything that reads columns has settled */
        pyr_rule_filter_order, pyr_rule_share};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); ++i) {
        PYR_TRY(rules[i](plan, root, error));
    }
    pyr_node_estimate(*root);
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
