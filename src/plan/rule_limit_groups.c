/* rule_limit_groups.c - LIMIT over groups without an order: any groups do, the first ones that are
 * met, if only their aggregates are whole.
 */
#include "plan/rule.h"

static bool limit_groups(void *context, pyr_node **at) {
    pyr_node *node = *at;
    if (node->kind == PYR_NODE_LIMIT && node->as.limit.limit >= 0) {
        int64_t most;
        pyr_node *below = node->input;
        while (below->kind == PYR_NODE_PROJECT) {
            below = below->input;
        }
        if (below->kind == PYR_NODE_AGGREGATE && below->as.aggregate.keys_count > 0 &&
            below->as.aggregate.sets_count <= 1 &&
            !__builtin_add_overflow(node->as.limit.limit, node->as.limit.offset, &most)) {
            below->as.aggregate.groups_max = most;
        }
    }
    return pyr_node_children(node, limit_groups, context);
}

pyr_status pyr_rule_limit_groups(pyr_plan *plan, pyr_node **root, pyr_error *error) {
    (void)plan;
    (void)error;
    limit_groups(NULL, root);
    return PYR_OK;
}
