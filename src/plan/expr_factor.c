/* expr_factor.c - what all arms of an OR have in common: (a AND x) OR (a AND y) is a AND (x OR y),
 * for NULL, too. So a condition that is an equality in every arm can be a join's key.
 */
#include "plan/expr.h"

static bool has(const pyr_bound_list *list, const pyr_bound_expr *expression) {
    for (int32_t i = 0; i < list->count; ++i) {
        if (pyr_bound_equal(list->items[i], expression)) {
            return true;
        }
    }
    return false;
}

/* The first arm's conjuncts that all others have, too. */
static bool find_common(pyr_arena *arena, const pyr_bound_list *arms, int32_t count,
                        pyr_bound_list *out) {
    for (int32_t i = 0; i < arms[0].count; ++i) {
        bool everywhere = true;
        for (int32_t k = 1; k < count && everywhere; ++k) {
            everywhere = has(&arms[k], arms[0].items[i]);
        }
        if (everywhere && !pyr_bound_list_add(arena, out, arms[0].items[i])) {
            return false;
        }
    }
    return true;
}

/* The OR of what is left of each arm; *out NULL: nothing is left of one, so it says nothing. */
static bool or_of_rest(pyr_arena *arena, const pyr_bound_list *arms, int32_t count,
                       const pyr_bound_list *common, pyr_bound_expr **out) {
    pyr_bound_list rests = {0, 0, NULL};
    *out = NULL;
    for (int32_t k = 0; k < count; ++k) {
        pyr_bound_list rest = {0, 0, NULL};
        for (int32_t i = 0; i < arms[k].count; ++i) {
            if (!has(common, arms[k].items[i]) &&
                !pyr_bound_list_add(arena, &rest, arms[k].items[i])) {
                return false;
            }
        }
        if (rest.count == 0) {
            return true;
        }
        if (!pyr_bound_list_add(arena, &rests,
                                pyr_bound_of_kind(arena, PYR_BOUND_AND, rest.items[0]->type,
                                                  rest.items, rest.count, -1))) {
            return false;
        }
    }
    *out =
        pyr_bound_of_kind(arena, PYR_BOUND_OR, rests.items[0]->type, rests.items, rests.count, -1);
    return *out != NULL;
}

bool pyr_bound_list_factor(pyr_arena *arena, pyr_bound_list *list, pyr_bound_expr *expression) {
    /* What may fail is guarded by what stands before it in its arm. */
    if (expression->kind != PYR_BOUND_OR || expression->may_fail) {
        return pyr_bound_list_add(arena, list, expression);
    }
    int32_t count = expression->arguments_count;
    pyr_bound_list common = {0, 0, NULL};
    pyr_bound_list *arms = pyr_arena_array(arena, (size_t)count, sizeof(pyr_bound_list));
    for (int32_t k = 0; k < count; ++k) {
        if (arms == NULL || !pyr_bound_list_conjuncts(arena, &arms[k], expression->arguments[k])) {
            return false;
        }
    }
    pyr_bound_expr *rest = NULL;
    if (!find_common(arena, arms, count, &common)) {
        return false;
    }
    if (common.count == 0) {
        return pyr_bound_list_add(arena, list, expression);
    }
    for (int32_t i = 0; i < common.count; ++i) {
        if (!pyr_bound_list_add(arena, list, common.items[i])) {
            return false;
        }
    }
    return or_of_rest(arena, arms, count, &common, &rest) &&
           (rest == NULL || pyr_bound_list_add(arena, list, rest));
}
