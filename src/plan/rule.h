/* rule.h - the rules that make a bound plan cheaper. Within this folder; one file each.
 *
 * A rule never changes rows, their order where the statement orders them, types or names of the
 * result; nor does it make a statement fail that did not.
 */
#ifndef PYR_PLAN_RULE_H
#define PYR_PLAN_RULE_H

#include "plan/node.h"

/* Rewrites the tree below *root. PYR_ERROR_MEMORY alone. */
typedef pyr_status pyr_rule(pyr_plan *plan, pyr_node **root, pyr_error *error);

/* Constants folded; filters that are true go. */
PYR_MUST_CHECK pyr_status pyr_rule_constants(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* Filters to where their columns come from, into scans; equalities become keys of joins, which are
 * ordered; outer joins whose rows without a match a filter drops become inner ones. */
PYR_MUST_CHECK pyr_status pyr_rule_push_down(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* A comparison of a widened column with a constant: the column with a constant of its type. */
PYR_MUST_CHECK pyr_status pyr_rule_compare(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* Projections of projections become one. */
PYR_MUST_CHECK pyr_status pyr_rule_projections(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* Group keys that are constant, or functions of other keys, are computed after grouping. */
PYR_MUST_CHECK pyr_status pyr_rule_group_keys(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* SUM(x + 1), SUM(x + 2), ...: from SUM(x) and COUNT(x), where x + n surely fits. */
PYR_MUST_CHECK pyr_status pyr_rule_sums(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* MIN and MAX of a whole table: the values that its zone maps say. */
PYR_MUST_CHECK pyr_status pyr_rule_extremes(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* COUNT(DISTINCT x): by grouping by x first. */
PYR_MUST_CHECK pyr_status pyr_rule_distinct(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* LIMIT of groups without an order: any groups do. */
PYR_MUST_CHECK pyr_status pyr_rule_limit_groups(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* Columns that nobody reads go. */
PYR_MUST_CHECK pyr_status pyr_rule_columns(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* The cheapest conditions that let the least pass first. */
PYR_MUST_CHECK pyr_status pyr_rule_filter_order(pyr_plan *plan, pyr_node **root, pyr_error *error);
/* Equal expressions of a node become one. */
PYR_MUST_CHECK pyr_status pyr_rule_share(pyr_plan *plan, pyr_node **root, pyr_error *error);

/* ---- Shared by rules. ---- */

/* How many of node's columns go on: a SCAN's visible ones. */
static inline int32_t pyr_node_width(const pyr_node *node) {
    return node->kind == PYR_NODE_SCAN ? node->as.scan.visible_count : node->columns_count;
}
/* Rows of node, about; sets rows_estimate of it and below. */
double pyr_node_estimate(pyr_node *node);
/* The share of rows that a condition lets pass, about. */
double pyr_bound_selectivity(const pyr_bound_expr *condition);

/* An AGGREGATE whose DISTINCT aggregates can be taken apart by sets, and that (NULL: memory). Its
 * columns stay (rule_distinct_sets.c). */
bool pyr_distinct_fits_sets(const pyr_node *node);
pyr_node *pyr_distinct_by_sets(pyr_plan *plan, const pyr_node *node);

/* Conditions and the relations they are about (join_order.c). conjuncts count the columns of all
 * relations one after another. *out gives them in the same order. false when out of memory. */
bool pyr_join_order(pyr_plan *plan, pyr_node *const *relations, int32_t count,
                    const pyr_bound_list *conjuncts, pyr_node **out);
/* The conjuncts of node's output, as far down as they go (rule_push_down.c). NULL: memory. */
pyr_node *pyr_push_down(pyr_plan *plan, pyr_node *node, const pyr_bound_list *conjuncts);

/* The bounds of a table's column over all its segments (bounds.c): integers up to 64 bits, dates
 * and timestamps; *low > *high: no row has a value. Of deleted rows, too. false: not known, or too
 * many batches to look at. */
bool pyr_rule_table_bounds(pyr_table *table, int32_t column, pyr_i128 *low, pyr_i128 *high);
/* Of a column of a node, through filters and plain projections down to a SCAN. */
bool pyr_rule_column_bounds(const pyr_node *node, int32_t column, pyr_i128 *low, pyr_i128 *high);

#endif
