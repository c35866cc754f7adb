/* rule_constants.c - constants folded; filters that are true go, false ones let nothing pass. */
#include "plan/fold.h"
#include "plan/rule.h"

typedef struct folding {
    pyr_plan *plan;
    bool failed;
} folding;

static bool fold_expression(void *context, pyr_bound_expr **expression) {
    folding *fold = context;
    pyr_bound_expr *folded = pyr_fold(&fold->plan->arena, *expression);
    fold->failed |= folded == NULL;
    *expression = folded != NULL ? folded : *expression;
    return !fold->failed;
}

/* Conjuncts that are constant, and ANDs that became conjuncts. */
static bool fold_filter(folding *fold, pyr_node **at) {
    pyr_node *node = *at;
    pyr_bound_list kept = {0, 0, NULL};
    for (int32_t i = 0; i < node->as.filter.count; ++i) {
        pyr_bound_expr *conjunct = node->as.filter.conjuncts[i];
        if (!pyr_bound_is_true(conjunct) &&
            !pyr_bound_list_conjuncts(&fold->plan->arena, &kept, conjunct)) {
            fold->failed = true;
            return false;
        }
    }
    node->as.filter.conjuncts = kept.items;
    node->as.filter.count = kept.count;
    if (kept.count == 0) {
        *at = node->input;
    }
    return true;
}

static bool fold_node(void *context, pyr_node **at) {
    folding *fold = context;
    if (!pyr_node_children(*at, fold_node, fold) ||
        !pyr_node_expressions(*at, fold_expression, fold)) {
        return false;
    }
    return (*at)->kind != PYR_NODE_FILTER || fold_filter(fold, at);
}

pyr_status pyr_rule_constants(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    folding fold = {plan, false};
    fold_node(&fold, root);
    return fold.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
