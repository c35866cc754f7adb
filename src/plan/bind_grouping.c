/* bind_grouping.c - GROUPING(a, b): which of the keys a group's set does not have.
 *
 * Keys are bound after the list, so a call stands for itself until they are known.
 */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

enum { ARGUMENTS_MAX = 62 }; /* a bit each, of a BIGINT */

bool pyr_bind_is_grouping(const char *name) {
    return strcasecmp(name, "grouping") == 0 || strcasecmp(name, "grouping_id") == 0;
}

static pyr_status add_call(pyr_binder *binder, pyr_select_state *select, pyr_grouping_call made) {
    if (select->groupings_count == select->groupings_capacity) {
        int32_t capacity = select->groupings_count == 0 ? 4 : select->groupings_count * 2;
        pyr_grouping_call *more =
            pyr_arena_array(binder->arena, (size_t)capacity, sizeof(pyr_grouping_call));
        PYR_TRY(pyr_bind_made(binder, more));
        if (select->groupings_count > 0) {
            memcpy(more, select->groupings, (size_t)select->groupings_count * sizeof(*more));
        }
        select->groupings = more;
        select->groupings_capacity = capacity;
    }
    select->groupings[select->groupings_count++] = made;
    return PYR_OK;
}

pyr_status pyr_bind_grouping_call(pyr_binder *binder, const pyr_place *place, const pyr_expr *call,
                                  pyr_bound_expr **out) {
    const pyr_expr_list *given = &call->as.call.arguments;
    pyr_select_state *select = place->select;
    if (!place->aggregates || select == NULL) {
        return pyr_bind_refuse(binder, call->offset, "GROUPING() in %s",
                               place->clause != NULL ? place->clause : "an aggregate");
    }
    if (given->count > ARGUMENTS_MAX) {
        return pyr_bind_refuse(binder, call->offset, "GROUPING() of %zu keys", given->count);
    }
    pyr_place inner = *place;
    inner.aggregates = false;
    inner.windows = false;
    inner.subqueries_join = false;
    pyr_bound_expr **arguments =
        pyr_arena_array(binder->arena, given->count, sizeof(pyr_bound_expr *));
    PYR_TRY(pyr_bind_made(binder, arguments));
    for (size_t i = 0; i < given->count; ++i) {
        PYR_TRY(pyr_bind_expr(binder, &inner, given->items[i], &arguments[i]));
    }
    PYR_TRY(add_call(binder, select, (pyr_grouping_call){call, arguments}));
    *out = pyr_bound_column(binder->arena, PYR_BIND_GROUPING_BASE + select->groupings_count - 1,
                            pyr_sql_type_of(PYR_SQL_BIGINT), (int32_t)call->offset);
    return pyr_bind_made(binder, *out);
}

/* The key that an argument is; -1: none, or more than one. */
static int32_t key_of(pyr_bound_expr *const *keys, int32_t count, const pyr_bound_expr *argument) {
    int32_t found = -1;
    for (int32_t i = 0; i < count && !pyr_bound_is_constant(argument); ++i) {
        if (pyr_bound_equal(keys[i], argument)) {
            if (found >= 0) {
                return -1;
            }
            found = i;
        }
    }
    return found;
}

/* The argument's bit where the set does not have its key, else 0. */
static pyr_bound_expr *bit_of(pyr_arena *arena, int32_t set, int32_t key, size_t shift) {
    pyr_sql_type whole = pyr_sql_type_of(PYR_SQL_BIGINT);
    pyr_bound_expr *zero = pyr_bound_integer(arena, PYR_SQL_BIGINT, 0, -1);
    pyr_bound_expr *there = pyr_bound_binary(
        arena, PYR_OP_BIT_AND, whole, pyr_bound_column(arena, set, whole, -1),
        pyr_bound_integer(arena, PYR_SQL_BIGINT, (int64_t)(UINT64_C(1) << key), -1), -1);
    pyr_bound_expr *arms[] = {
        pyr_bound_binary(arena, PYR_OP_EQUAL, pyr_sql_type_of(PYR_SQL_BOOLEAN), there, zero, -1),
        pyr_bound_integer(arena, PYR_SQL_BIGINT, (int64_t)(UINT64_C(1) << shift), -1), zero};
    if (arms[0] == NULL || arms[1] == NULL || zero == NULL) {
        return NULL;
    }
    return pyr_bound_of_kind(arena, PYR_BOUND_CASE, whole, arms, 3, -1);
}

pyr_status pyr_bind_grouping_value(pyr_binder *binder, const pyr_grouping_call *grouping,
                                   pyr_bound_expr *const *keys, int32_t keys_count, int32_t set,
                                   pyr_bound_expr **out) {
    const pyr_expr_list *given = &grouping->call->as.call.arguments;
    pyr_bound_expr *value = NULL;
    for (size_t i = 0; i < given->count; ++i) {
        int32_t key = key_of(keys, keys_count, grouping->arguments[i]);
        if (key < 0) {
            return pyr_bind_refuse(binder, given->items[i]->offset,
                                   "GROUPING() of what is not one key");
        }
        pyr_bound_expr *bit = set < 0 ? pyr_bound_integer(binder->arena, PYR_SQL_BIGINT, 0, -1)
                                      : bit_of(binder->arena, set, key, given->count - 1 - i);
        PYR_TRY(pyr_bind_made(binder, bit));
        value = value == NULL || set < 0
                    ? bit
                    : pyr_bound_binary(binder->arena, PYR_OP_BIT_OR, bit->type, value, bit, -1);
        PYR_TRY(pyr_bind_made(binder, value));
    }
    *out = value;
    return PYR_OK;
}
