/* aggregate_chosen.c - LIMIT over groups without an order: any so many groups do, the first that
 * are met.
 *
 * Each chunk's keys are chosen, as long as there are too few, before its rows are grouped; so no
 * table ever has another group, and those there are have all of their rows.
 */
#include "exec/aggregate_sink.h"

#include <string.h>

/* Beyond, a look-up costs what a group does. */
enum { CHOSEN_MAX = 65536 };

void pyr_chosen_init(pyr_grouping *grouping) {
    const pyr_aggregate_sink *sink = grouping->sink;
    const pyr_node *node = sink->node;
    int64_t most = -1;
    if (node->kind == PYR_NODE_AGGREGATE && node->as.aggregate.sets_count <= 1) {
        most = node->as.aggregate.groups_max;
    }
    grouping->chosen_max = most <= CHOSEN_MAX ? most : -1;
    pyr_group_table_init(&grouping->chosen, grouping->encoding.layout, 0, sink->exec->budget);
    atomic_init(&grouping->chosen_all, false);
}

/* Under the grouping's lock. */
static pyr_status choose(pyr_grouping *grouping, const pyr_key_batch *keys, uint32_t *groups,
                         pyr_error *error) {
    pyr_group_table *chosen = &grouping->chosen;
    size_t words = (size_t)grouping->encoding.layout.words;
    for (int32_t at = 0; at < keys->count && chosen->count < grouping->chosen_max;) {
        int64_t left = grouping->chosen_max - (int64_t)chosen->count;
        int32_t count = (int32_t)(left < keys->count - at ? left : keys->count - at);
        pyr_key_batch some = {count,
                              keys->words + (size_t)at * words,
                              keys->strings != NULL ? keys->strings + at : NULL,
                              keys->hashes + at,
                              0,
                              UINTPTR_MAX};
        PYR_TRY(pyr_group_table_find(chosen, &some, groups, error));
        at += count;
    }
    if (chosen->count >= grouping->chosen_max) {
        atomic_store_explicit(&grouping->chosen_all, true, memory_order_release);
    }
    return PYR_OK;
}

/* Leaves the keys that are among the chosen, and their rows. */
static void narrow(pyr_grouping_state *state, const uint16_t *rows, pyr_key_batch *keys,
                   uint16_t *kept, uint64_t *mask) {
    pyr_key_rooms rooms = {state->room->words, state->room->strings, state->room->hashes};
    int32_t count = 0;
    pyr_group_table_look_up(&state->grouping->chosen, keys, state->groups);
    memset(mask, 0, PYR_VECTOR_WORDS * sizeof(*mask));
    for (int32_t i = 0; i < keys->count; ++i) {
        if (state->groups[i] == UINT32_MAX) {
            continue;
        }
        uint16_t row = rows != NULL ? rows[i] : (uint16_t)i;
        pyr_key_move(state->grouping->encoding.layout, keys, i, rooms, count);
        mask[row >> 6] |= UINT64_C(1) << (row & 63);
        kept[count++] = row;
    }
    *keys = pyr_key_moved(keys, rooms, count);
}

pyr_status pyr_chosen_rows(pyr_grouping_state *state, const uint16_t *rows, pyr_key_batch *keys,
                           uint16_t *kept, uint64_t *mask, bool *all, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    *all = false;
    if (!atomic_load_explicit(&grouping->chosen_all, memory_order_acquire)) {
        pyr_status status = PYR_OK;
        pthread_mutex_lock(&grouping->lock);
        if (!atomic_load_explicit(&grouping->chosen_all, memory_order_relaxed)) {
            status = choose(grouping, keys, state->groups, error);
            *all = !atomic_load_explicit(&grouping->chosen_all, memory_order_relaxed);
        }
        pthread_mutex_unlock(&grouping->lock);
        PYR_TRY(status);
    }
    if (!*all) {
        narrow(state, rows, keys, kept, mask);
    }
    return PYR_OK;
}
