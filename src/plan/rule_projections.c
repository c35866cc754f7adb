/* rule_projections.c - a node over a PROJECT of plain columns reads those columns itself; a PROJECT
 * over a PROJECT becomes one, where nothing would be computed twice.
 */
#include "plan/fold.h"
#include "plan/rule.h"

typedef struct merging {
    pyr_plan *plan;
    bool failed;
} merging;

typedef struct substitution {
    merging *with;
    pyr_bound_expr *const *expressions;
} substitution;

static bool substitute(void *context, pyr_bound_expr **expression) {
    substitution *into = context;
    pyr_arena *arena = &into->with->plan->arena;
    *expression = pyr_bound_substitute(arena, *expression, into->expressions);
    into->with->failed |= *expression == NULL;
    return !into->with->failed;
}

typedef struct counting {
    int32_t *uses;
} counting;
static bool count_use(void *context, const pyr_bound_expr *expression) {
    if (expression->kind == PYR_BOUND_COLUMN) {
        ++((counting *)context)->uses[expression->column];
    }
    return true;
}
static bool count_uses(void *context, pyr_bound_expr **expression) {
    return pyr_bound_walk(*expression, count_use, context);
}

/* What is read more than once stays computed below, unless it is a column or constant. */
static bool worth(pyr_node *node, const pyr_node *below, int32_t *uses) {
    counting count = {uses};
    pyr_node_expressions(node, count_uses, &count);
    for (int32_t i = 0; i < below->columns_count; ++i) {
        const pyr_bound_expr *expression = below->as.project.expressions[i];
        bool plain = expression->kind == PYR_BOUND_COLUMN || pyr_bound_is_constant(expression);
        bool inlines = node->kind == PYR_NODE_PROJECT && uses[i] <= 1;
        if (uses[i] > 0 && !plain && !inlines) {
            return false;
        }
    }
    return true;
}

static bool merge(void *context, pyr_node **at) {
    merging *with = context;
    pyr_node *node = *at;
    if (!pyr_node_children(node, merge, with)) {
        return false;
    }
    while ((node->kind == PYR_NODE_PROJECT || node->kind == PYR_NODE_AGGREGATE) &&
           node->input->kind == PYR_NODE_PROJECT) {
        pyr_node *below = node->input;
        int32_t *uses =
            pyr_arena_array(&with->plan->arena, (size_t)below->columns_count, sizeof(int32_t));
        if (uses == NULL) {
            with->failed = true;
            return false;
        }
        if (!worth(node, below, uses)) {
            break;
        }
        substitution into = {with, below->as.project.expressions};
        if (!pyr_node_expressions(node, substitute, &into)) {
            return false;
        }
        node->input = below->input;
    }
    return true;
}

pyr_status pyr_rule_projections(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    merging with = {plan, false};
    merge(&with, root);
    return with.failed ? pyr_arena_error(&plan->arena, error) : PYR_OK;
}
