/* node.h - plan nodes: made, and the columns they give. Within this folder.
 *
 * Makers give NULL when the arena is full, and take a NULL input for that.
 */
#ifndef PYR_PLAN_NODE_H
#define PYR_PLAN_NODE_H

#include "plan/expr.h"

pyr_node *pyr_node_new(pyr_plan *plan, pyr_node_kind kind, int32_t columns_count);
/* A node that gives its input's columns. */
pyr_node *pyr_node_over(pyr_plan *plan, pyr_node_kind kind, pyr_node *input);
/* The conjuncts are copied; none: the input itself. */
pyr_node *pyr_node_filter(pyr_plan *plan, pyr_node *input, pyr_bound_expr *const *conjuncts,
                          int32_t count);
/* names: NULL where a column keeps the name of the column that it is. */
pyr_node *pyr_node_project(pyr_plan *plan, pyr_node *input, pyr_bound_expr *const *expressions,
                           const char *const *names, int32_t count);
pyr_node *pyr_node_limit(pyr_plan *plan, pyr_node *input, int64_t limit, int64_t offset);
/* Without keys; columns by type. */
pyr_node *pyr_node_join(pyr_plan *plan, pyr_join_type type, pyr_node *left, pyr_node *right);
bool pyr_join_add_key(pyr_plan *plan, pyr_node *join, pyr_bound_expr *left, pyr_bound_expr *right,
                      bool nulls_equal);
/* A join without keys gets 1 = 1: every row of one side meets every row of the other. */
bool pyr_join_need_key(pyr_plan *plan, pyr_node *join);
/* Of an AGGREGATE whose keys, sets and aggregates are set: its columns. */
bool pyr_node_aggregate_columns(pyr_plan *plan, pyr_node *aggregate);
/* One grouping of input (NULL: NULL). */
pyr_node *pyr_node_aggregate(pyr_plan *plan, pyr_node *input, pyr_bound_expr **keys,
                             int32_t keys_count, pyr_aggregate *aggregates,
                             int32_t aggregates_count);

/* Whether expression can be NULL, over the columns of input (NULL: none). */
bool pyr_bound_never_null(const pyr_bound_expr *expression, const pyr_node *input);
/* How many columns COLUMN expressions of the node may count: the input's, or both of a JOIN's. */
int32_t pyr_node_input_columns(const pyr_node *node);
/* A column of the node's inputs, as COLUMN counts them. */
const pyr_plan_column *pyr_node_input_column(const pyr_node *node, int32_t column);

/* Calls with the address of each expression of the node; false as soon as the call gives it. */
typedef bool pyr_node_expr_visitor(void *context, pyr_bound_expr **expression);
bool pyr_node_expressions(pyr_node *node, pyr_node_expr_visitor *visit, void *context);
/* Calls with the address of each child. */
typedef bool pyr_node_child_visitor(void *context, pyr_node **child);
bool pyr_node_children(pyr_node *node, pyr_node_child_visitor *visit, void *context);

#endif
