/* expr.h - bound expressions: made, compared, walked and rewritten. Within this folder.
 *
 * Everything lives in the arena given. Makers give NULL when it is full, and take NULL for an
 * argument, so that a tree may be built first and looked at once (pyr_bound_made).
 */
#ifndef PYR_PLAN_EXPR_H
#define PYR_PLAN_EXPR_H

#include "plan/plan.h"

pyr_bound_expr *pyr_bound_column(pyr_arena *arena, int32_t column, pyr_sql_type type,
                                 int32_t offset);
pyr_bound_expr *pyr_bound_constant(pyr_arena *arena, pyr_sql_type type, pyr_value value,
                                   int32_t offset);
pyr_bound_expr *pyr_bound_null(pyr_arena *arena, pyr_sql_type type, int32_t offset);
pyr_bound_expr *pyr_bound_integer(pyr_arena *arena, pyr_sql_type_id type, int64_t value,
                                  int32_t offset);
pyr_bound_expr *pyr_bound_boolean(pyr_arena *arena, bool value, int32_t offset);
/* arguments are copied; may_fail is set. */
pyr_bound_expr *pyr_bound_operation(pyr_arena *arena, pyr_op op, pyr_sql_type type,
                                    pyr_bound_expr *const *arguments, int32_t count,
                                    int32_t offset);
pyr_bound_expr *pyr_bound_unary(pyr_arena *arena, pyr_op op, pyr_sql_type type,
                                pyr_bound_expr *argument, int32_t offset);
pyr_bound_expr *pyr_bound_binary(pyr_arena *arena, pyr_op op, pyr_sql_type type,
                                 pyr_bound_expr *left, pyr_bound_expr *right, int32_t offset);
/* AND, OR (of one argument: that), CASE, COALESCE. */
pyr_bound_expr *pyr_bound_of_kind(pyr_arena *arena, pyr_bound_expr_kind kind, pyr_sql_type type,
                                  pyr_bound_expr *const *arguments, int32_t count, int32_t offset);
/* A cast that changes nothing is no cast; constants are cast at once where that is sure. */
pyr_bound_expr *pyr_bound_cast(pyr_arena *arena, pyr_bound_expr *expression, pyr_sql_type type,
                               bool try_cast, int32_t offset);

/* PYR_OK, or the arena's error where made is NULL. */
PYR_MUST_CHECK pyr_status pyr_bound_made(const void *made, const pyr_arena *arena,
                                         pyr_error *error);

/* The same value on every row, by structure. */
bool pyr_bound_equal(const pyr_bound_expr *a, const pyr_bound_expr *b);
bool pyr_value_equal(pyr_sql_type type, pyr_value a, pyr_value b);
static inline bool pyr_bound_is_constant(const pyr_bound_expr *expression) {
    return expression->kind == PYR_BOUND_CONSTANT;
}
static inline bool pyr_bound_is_op(const pyr_bound_expr *expression, pyr_op op) {
    return expression->kind == PYR_BOUND_OPERATION && expression->op == op;
}
/* false where NULL or not a constant BOOLEAN. */
bool pyr_bound_is_true(const pyr_bound_expr *expression);
bool pyr_bound_is_false(const pyr_bound_expr *expression);

/* Calls visit for it and everything below, parents first, until one gives false. */
typedef bool pyr_bound_visitor(void *context, const pyr_bound_expr *expression);
bool pyr_bound_walk(const pyr_bound_expr *expression, pyr_bound_visitor *visit, void *context);
/* The columns' bounds; false where there is none. */
bool pyr_bound_columns(const pyr_bound_expr *expression, int32_t *lowest, int32_t *highest);
/* used[i] = true for every column i that it reads; columns are below count. */
void pyr_bound_mark_columns(const pyr_bound_expr *expression, bool *used);
/* Operators in it: what it costs to compute, about. */
double pyr_bound_cost(const pyr_bound_expr *expression);

/* Rewrites parents first: replace gives what stands in an expression's place, or NULL to go below
 * it. What does not change is shared. NULL when out of memory. */
typedef pyr_bound_expr *pyr_bound_replacer(void *context, pyr_bound_expr *expression);
pyr_bound_expr *pyr_bound_rewrite(pyr_arena *arena, pyr_bound_expr *expression,
                                  pyr_bound_replacer *replace, void *context);
/* Every column moved up by shift. */
pyr_bound_expr *pyr_bound_shift(pyr_arena *arena, pyr_bound_expr *expression, int32_t shift);
/* Column i becomes column map[i]; map[i] < 0 does not occur in it. */
pyr_bound_expr *pyr_bound_remap(pyr_arena *arena, pyr_bound_expr *expression, const int32_t *map);
/* Column i becomes expressions[i]. */
pyr_bound_expr *pyr_bound_substitute(pyr_arena *arena, pyr_bound_expr *expression,
                                     pyr_bound_expr *const *expressions);

/* A growing array in the arena. */
typedef struct pyr_bound_list {
    int32_t count, capacity;
    pyr_bound_expr **items;
} pyr_bound_list;
/* false when out of memory. */
bool pyr_bound_list_add(pyr_arena *arena, pyr_bound_list *list, pyr_bound_expr *expression);
/* The conjuncts of it: flattened ANDs. */
bool pyr_bound_list_conjuncts(pyr_arena *arena, pyr_bound_list *list, pyr_bound_expr *expression);
/* A condition; an OR whose arms have conjuncts in common: those, and the OR of the rest. */
bool pyr_bound_list_factor(pyr_arena *arena, pyr_bound_list *list, pyr_bound_expr *expression);

#endif
