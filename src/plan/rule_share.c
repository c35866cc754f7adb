/* rule_share.c - equal expressions within a node become one node of the tree, which the executor
 * computes once a chunk.
 */
#include "plan/rule.h"

#include <string.h>

#define SLOTS 4096 /* more different expressions than that are not looked for */

typedef struct sharing {
    pyr_plan *plan;
    pyr_bound_expr **slots;
    int32_t used;
} sharing;

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + UINT64_C(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
    return hash * UINT64_C(0xbf58476d1ce4e5b9);
}

/* Of the node itself and its arguments' addresses: those are shared already. */
static uint64_t hash_of(const pyr_bound_expr *expression) {
    uint64_t hash = mix((uint64_t)expression->kind, expression->type.id);
    hash = mix(hash, (uint64_t)(expression->kind == PYR_BOUND_OPERATION ? expression->op : 0));
    hash = mix(hash, (uint64_t)expression->part);
    hash = mix(hash, (uint64_t)expression->column);
    if (expression->kind == PYR_BOUND_CONSTANT && !expression->is_null &&
        expression->type.id != PYR_SQL_VARCHAR && expression->type.id != PYR_SQL_BLOB &&
        expression->type.id != PYR_SQL_BOOLEAN) {
        hash = mix(hash, expression->value.u64);
    }
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        hash = mix(hash, (uint64_t)(uintptr_t)expression->arguments[i]);
    }
    return hash;
}

static pyr_bound_expr *share(sharing *with, pyr_bound_expr *expression) {
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        expression->arguments[i] = share(with, expression->arguments[i]);
    }
    for (uint64_t at = hash_of(expression) % SLOTS;; at = (at + 1) % SLOTS) {
        if (with->slots[at] == NULL) {
            if (with->used < SLOTS / 2) {
                with->slots[at] = expression;
                ++with->used;
            }
            return expression;
        }
        if (pyr_bound_equal(with->slots[at], expression)) {
            return with->slots[at];
        }
    }
}

static bool share_one(void *context, pyr_bound_expr **expression) {
    *expression = share(context, *expression);
    return true;
}

static bool share_node(void *context, pyr_node **at) {
    sharing *with = context;
    memset(with->slots, 0, SLOTS * sizeof(pyr_bound_expr *));
    with->used = 0;
    /* The two sides of a join count different columns. */
    if ((*at)->kind != PYR_NODE_JOIN) {
        pyr_node_expressions(*at, share_one, with);
    }
    return pyr_node_children(*at, share_node, context);
}

pyr_status pyr_rule_share(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    sharing with = {plan, pyr_arena_array(&plan->arena, SLOTS, sizeof(pyr_bound_expr *)), 0};
    PYR_TRY(pyr_bound_made(with.slots, &plan->arena, error));
    share_node(&with, root);
    return PYR_OK;
}
