/* bind_internal.h - the binder's state: scopes, the SELECT being bound, and who binds what.
 *
 * While a SELECT is bound its expressions count the columns of FROM. Some columns are
 * only found out later, and stand for themselves until bind_select.c puts the real ones in:
 * results of GROUPING(), aggregates and window functions (from the bases below on), and columns of
 * the query around (below zero: -1 - column).
 */
#ifndef PYR_PLAN_BIND_INTERNAL_H
#define PYR_PLAN_BIND_INTERNAL_H

#include "plan/bind.h"
#include "plan/fold.h"
#include "plan/node.h"

#define PYR_BIND_GROUPING_BASE (1 << 27)
#define PYR_BIND_AGGREGATE_BASE (1 << 28)
#define PYR_BIND_WINDOW_BASE (1 << 29)
#define PYR_BIND_DEPTH_MAX 400 /* of expressions, aliases in them replaced */
/* Each is bound anew where it is named: "x + x AS y, y + y AS z, ..." doubles with every item. */
#define PYR_BIND_ALIASES_MAX 10000

typedef struct pyr_scope_column {
    const char *name;
    pyr_bound_expr *expression; /* over the scope's node; NULL: of a type that is not covered */
    pyr_bound_expr *merged;     /* USING of an outer join: what the name without a table means */
    bool hidden;                /* USING: only with its table's name */
} pyr_scope_column;

typedef struct pyr_scope_table {
    const char *schema_name; /* NULL: a subquery's */
    const char *name;        /* the alias, or the table's; NULL: none */
    int32_t columns_count;
    pyr_scope_column *columns;
} pyr_scope_table;

typedef struct pyr_scope pyr_scope;
struct pyr_scope {
    pyr_scope *outer; /* of the query around whose columns may be named; NULL: none */
    pyr_node *node;   /* what the columns count in; grows by joins with subqueries */
    int32_t tables_count;
    pyr_scope_table *tables;
    bool correlated; /* a column of outer was named */
};

typedef struct pyr_cte_binding pyr_cte_binding;
struct pyr_cte_binding {
    pyr_cte_binding *before; /* those seen from here */
    const pyr_cte *cte;
    int32_t index; /* of plan->materialized; -1: not bound yet */
};

typedef struct pyr_binder {
    const pyr_bind_input *input;
    pyr_plan *plan;
    pyr_arena *arena; /* the plan's */
    pyr_error *error;
    pyr_cte_binding *ctes; /* innermost first */
    int32_t materialized_uses[64];
    int depth;
    int aliases_replaced;
} pyr_binder;

/* GROUPING(a, b). */
typedef struct pyr_grouping_call {
    const pyr_expr *call;
    pyr_bound_expr **arguments; /* over the columns of FROM, as the keys are */
} pyr_grouping_call;

/* The SELECT being bound. */
typedef struct pyr_select_state {
    const pyr_query_node *query;
    int32_t aggregates_count, aggregates_capacity;
    pyr_aggregate *aggregates;
    int32_t groupings_count, groupings_capacity;
    pyr_grouping_call *groupings;
    int32_t windows_count, windows_capacity;
    struct pyr_window_binding *windows;
} pyr_select_state;

typedef struct pyr_window_binding {
    pyr_window_function function;
    int32_t partition_count;
    pyr_bound_expr **partition;
    int32_t order_count;
    pyr_sort_key *order;
} pyr_window_binding;

/* Where an expression stands. */
typedef struct pyr_place {
    pyr_scope *scope;         /* NULL: no columns (VALUES, LIMIT) */
    pyr_select_state *select; /* NULL: no aliases, aggregates and windows */
    const char *clause;       /* "WHERE", for messages */
    bool aggregates, windows; /* allowed here */
    bool subqueries_join;     /* subqueries may join with the scope's node */
    size_t aliases;           /* the first so many items' aliases may be named */
} pyr_place;

/* PYR_ERROR_NOT_SUPPORTED: "the native engine does not cover ...". */
pyr_status pyr_bind_refuse(pyr_binder *binder, size_t offset, const char *format, ...)
    PYR_PRINTF(3, 4);
static inline pyr_status pyr_bind_made(pyr_binder *binder, const void *made) {
    return pyr_bound_made(made, binder->arena, binder->error);
}

/* ---- bind_query.c, bind_select.c, bind_order.c, bind_source.c ---- */

/* outer: columns that the query may name beside its own; correlated says whether it did. The node
 * gives exactly the query's columns. */
PYR_MUST_CHECK pyr_status pyr_bind_query(pyr_binder *binder, const pyr_query_node *query,
                                         pyr_node **out);
/* bind_set.c: UNION, EXCEPT, INTERSECT. */
PYR_MUST_CHECK pyr_status pyr_bind_set_operation(pyr_binder *binder, const pyr_query_node *query,
                                                 pyr_node **out);
/* bind_largest.c. *out: the query to bind instead; NULL: none. */
PYR_MUST_CHECK pyr_status pyr_bind_largest(pyr_binder *binder, const pyr_query_node *query,
                                           const pyr_query_node **out);
PYR_MUST_CHECK pyr_status pyr_bind_select(pyr_binder *binder, const pyr_query_node *query,
                                          pyr_node **out);
/* WHERE, NULL for none: what it adds to the scope's node. */
PYR_MUST_CHECK pyr_status pyr_bind_where(pyr_binder *binder, pyr_select_state *select,
                                         pyr_scope *scope, const pyr_expr *where);

/* What a SELECT gives: its list with stars expanded, then what ORDER BY needs beside it. */
typedef struct pyr_outputs {
    int32_t count, visible, capacity;
    pyr_bound_expr **expressions;
    const char **names;
    int32_t *items; /* which item of the list, -1: ORDER BY's */
} pyr_outputs;
PYR_MUST_CHECK pyr_status pyr_bind_add_output(pyr_binder *binder, pyr_outputs *outputs,
                                              pyr_bound_expr *expression, const char *name,
                                              int32_t item);
/* ORDER BY of a SELECT: keys over its outputs, which grow by hidden ones. */
PYR_MUST_CHECK pyr_status pyr_bind_order(pyr_binder *binder, const pyr_place *place,
                                         pyr_outputs *outputs, pyr_sort_key **keys, int32_t *count);
/* A query's own ORDER BY and LIMIT over its columns by name and number: UNION, VALUES. */
PYR_MUST_CHECK pyr_status pyr_bind_order_columns(pyr_binder *binder, const pyr_query_node *query,
                                                 pyr_node **node);
PYR_MUST_CHECK pyr_status pyr_bind_limit(pyr_binder *binder, const pyr_query_node *query,
                                         pyr_node **node);
/* ctes of query, in front of those there are. */
PYR_MUST_CHECK pyr_status pyr_bind_push_ctes(pyr_binder *binder, const pyr_query_node *query);
/* source NULL: one row without columns. */
PYR_MUST_CHECK pyr_status pyr_bind_source(pyr_binder *binder, const pyr_source *source,
                                          pyr_scope *out);
/* all: conditions over left and right of join, which get keys, a residual, a filter on the right.
 */
PYR_MUST_CHECK pyr_status pyr_bind_join_conditions(pyr_binder *binder, pyr_node *join,
                                                   pyr_bound_expr *const *all, int32_t count);
/* Casts the node's columns to types, where they differ. */
PYR_MUST_CHECK pyr_status pyr_bind_cast_columns(pyr_binder *binder, pyr_node **node,
                                                const pyr_sql_type *types);

/* ---- bind_expr.c, bind_column.c ---- */

PYR_MUST_CHECK pyr_status pyr_bind_expr(pyr_binder *binder, const pyr_place *place,
                                        const pyr_expr *expression, pyr_bound_expr **out);
/* The same, BOOLEAN. */
PYR_MUST_CHECK pyr_status pyr_bind_condition(pyr_binder *binder, const pyr_place *place,
                                             const pyr_expr *expression, pyr_bound_expr **out);
/* A column of the scope, an alias, a column around it, or CURRENT_DATE and the like. */
PYR_MUST_CHECK pyr_status pyr_bind_column_name(pyr_binder *binder, const pyr_place *place,
                                               const pyr_expr *expression, pyr_bound_expr **out);
/* A column's name as its table writes it; as it was written where it is none of the scope's. */
const char *pyr_bind_column_label(const pyr_scope *scope, const pyr_expr *expression);
/* The item of an alias; -1: none. Of items with the same one the last has it, as DuckDB has it: it
 * is not to be named in front of that. */
int32_t pyr_bind_find_alias(const pyr_query_node *query, const char *name, size_t before);
PYR_MUST_CHECK pyr_status pyr_bind_constant(pyr_binder *binder, const pyr_expr *expression,
                                            pyr_bound_expr **out);
PYR_MUST_CHECK pyr_status pyr_bind_to_boolean(pyr_binder *binder, pyr_bound_expr **expression);

/* ---- bind_operator.c, bind_compare.c ---- */

/* false: name is no operator that is known. */
bool pyr_bind_is_operator(const char *name);
PYR_MUST_CHECK pyr_status pyr_bind_operator(pyr_binder *binder, const pyr_expr *call,
                                            pyr_bound_expr **arguments, int32_t count,
                                            pyr_bound_expr **out);
PYR_MUST_CHECK pyr_status pyr_bind_arithmetic(pyr_binder *binder, const char *name, size_t offset,
                                              pyr_bound_expr *left, pyr_bound_expr *right,
                                              pyr_bound_expr **out);
PYR_MUST_CHECK pyr_status pyr_bind_compare(pyr_binder *binder, pyr_op op, size_t offset,
                                           pyr_bound_expr *left, pyr_bound_expr *right,
                                           pyr_bound_expr **out);
/* Casts expressions to the type that they have in common. comparison: texts are cast to what they
 * are compared with. */
PYR_MUST_CHECK pyr_status pyr_bind_common(pyr_binder *binder, size_t offset, bool comparison,
                                          pyr_bound_expr **expressions, int32_t count,
                                          pyr_sql_type *type);

/* ---- type_rules.c ---- */

/* false: they have none. */
bool pyr_type_common(pyr_sql_type a, pyr_sql_type b, pyr_sql_type *out);
/* Of two integers' "+" by DuckDB's costs of overloads; literals are the constants that adapt. */
bool pyr_type_integer_arithmetic(const pyr_bound_expr *a, const pyr_bound_expr *b,
                                 pyr_sql_type_id *out);
/* An integer type as DECIMAL; a DECIMAL as it is. */
pyr_sql_type pyr_type_as_decimal(pyr_sql_type type);
/* Of "+" and "-" (multiply false): both sides and the result. false: too wide. */
bool pyr_type_decimal_arithmetic(pyr_sql_type a, pyr_sql_type b, bool multiply, pyr_sql_type *left,
                                 pyr_sql_type *right, pyr_sql_type *result);
/* An integer literal in the range of an integer type. */
bool pyr_type_holds(pyr_sql_type_id id, const pyr_bound_expr *literal);
bool pyr_type_is_time_point(pyr_sql_type type); /* DATE and timestamps */

/* ---- bind_function.c, bind_time.c, bind_aggregate.c, bind_window.c, bind_subquery.c ---- */

/* *out NULL: no function of that name. */
PYR_MUST_CHECK pyr_status pyr_bind_function(pyr_binder *binder, const pyr_expr *call,
                                            pyr_bound_expr **arguments, int32_t count,
                                            pyr_bound_expr **out);
PYR_MUST_CHECK pyr_status pyr_bind_time_function(pyr_binder *binder, const pyr_expr *call,
                                                 pyr_bound_expr **arguments, int32_t count,
                                                 pyr_bound_expr **out);
/* now(), CURRENT_DATE, with or without brackets; *out NULL: another name. */
PYR_MUST_CHECK pyr_status pyr_bind_now(pyr_binder *binder, const char *name, size_t offset,
                                       pyr_bound_expr **out);
/* A BIGINT as the timestamp that it counts since 1970; others as they are. */
PYR_MUST_CHECK pyr_status pyr_bind_epoch(pyr_binder *binder, pyr_bound_expr **expression);
bool pyr_bind_is_aggregate(const char *name);
/* bind_grouping.c. A column that stands for its result; and what the result is, where set is the
 * column that has a group's set of keys (-1: all keys are in the one set). */
bool pyr_bind_is_grouping(const char *name);
PYR_MUST_CHECK pyr_status pyr_bind_grouping_call(pyr_binder *binder, const pyr_place *place,
                                                 const pyr_expr *call, pyr_bound_expr **out);
PYR_MUST_CHECK pyr_status pyr_bind_grouping_value(pyr_binder *binder,
                                                  const pyr_grouping_call *grouping,
                                                  pyr_bound_expr *const *keys, int32_t keys_count,
                                                  int32_t set, pyr_bound_expr **out);
/* Into *out, over the scope's columns. */
PYR_MUST_CHECK pyr_status pyr_bind_aggregate(pyr_binder *binder, const pyr_place *place,
                                             const pyr_expr *call, pyr_aggregate *out);
/* A column that stands for its result. */
PYR_MUST_CHECK pyr_status pyr_bind_aggregate_call(pyr_binder *binder, const pyr_place *place,
                                                  const pyr_expr *call, pyr_bound_expr **out);
/* bind_frame.c: the frame of a function whose window is bound. */
PYR_MUST_CHECK pyr_status pyr_bind_frame(pyr_binder *binder, const pyr_expr *call,
                                         const pyr_window_binding *window,
                                         pyr_window_function *out);
PYR_MUST_CHECK pyr_status pyr_bind_window_call(pyr_binder *binder, const pyr_place *place,
                                               const pyr_expr *call, pyr_bound_expr **out);
/* WINDOW nodes over node for the SELECT's window functions, one a window; places[i]: the column of
 * function i. */
PYR_MUST_CHECK pyr_status pyr_bind_window_nodes(pyr_binder *binder, pyr_select_state *select,
                                                pyr_node **node, int32_t *places);
/* (SELECT ...), EXISTS, IN (SELECT ...) as a value. */
PYR_MUST_CHECK pyr_status pyr_bind_subquery(pyr_binder *binder, const pyr_place *place,
                                            const pyr_expr *expression, pyr_bound_expr **out);
/* A conjunct of WHERE that is EXISTS or IN (SELECT ...): joined with the scope's node, and
 * *condition NULL, or a condition. *done false: another one. */
PYR_MUST_CHECK pyr_status pyr_bind_subquery_conjunct(pyr_binder *binder, const pyr_place *place,
                                                     const pyr_expr *expression,
                                                     pyr_bound_expr **condition, bool *done);

#endif
