/* aggregate_radix.c - rows put apart by the hash of their key before they are grouped: their
 * blocks, and how partitions are grouped in the end. aggregate_radix_put.c puts them there.
 *
 * Where a worker's table would miss the cache for most rows, rows are written to the partition of
 * their key first, as keys and arguments side by side, and each partition is grouped at the end by
 * one thread, in a table that fits the cache. A row is written and read once more, in order; that
 * is cheaper than to wait for memory at random.
 */
#include "base/pages.h"
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = PYR_RADIX_BLOCK_ROWS, SLAB_BYTES = 4 << 20 };
static const size_t WORKER_BYTES_MAX = (size_t)1 << 30;

typedef struct radix_slab {
    struct radix_slab *next;
    size_t taken;
} radix_slab;

/* ---- Layout: words, string, arguments. ---- */

bool pyr_radix_add_columns(pyr_grouping *grouping, size_t at) {
    const pyr_aggregate_sink *sink = grouping->sink;
    pyr_radix_layout *layout = &grouping->radix;
    layout->columns_count = sink->expressions_count - sink->keys_count;
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        if (sink->filters[i] >= 0) {
            return false;
        }
    }
    if (layout->columns_count > PYR_RADIX_COLUMNS_MAX) {
        return false;
    }
    for (int32_t i = 0; i < layout->columns_count; ++i) {
        pyr_physical physical =
            pyr_sql_type_physical(sink->expressions[sink->keys_count + i]->type);
        if (physical == PYR_PHYSICAL_BIT) {
            return false;
        }
        layout->physicals[i] = physical;
        layout->columns_at[i] = at;
        at += pyr_radix_align(BLOCK_ROWS * pyr_physical_bytes(physical));
    }
    layout->block_bytes = at;
    return at <= SLAB_BYTES / 32;
}

void pyr_radix_pair_up(pyr_radix_layout *layout, size_t key_bytes) {
    size_t bytes = pyr_radix_columns_bytes(layout);
    layout->record_bytes = 0;
    if (layout->columns_count == 1 && (bytes == 4 || bytes == 8)) {
        layout->record_bytes = key_bytes + bytes;
        layout->columns_at[0] = layout->words_at + key_bytes;
        layout->block_bytes = pyr_radix_align(layout->words_at + BLOCK_ROWS * layout->record_bytes);
    }
}

/* Parts of `bytes`, record_bytes apart, to places side by side. */
static void take_parts(const uint8_t *from, size_t record_bytes, int64_t count, size_t bytes,
                       void *to) {
    uint32_t *fours = to;
    uint64_t *eights = to;
    for (int64_t i = 0; bytes == 4 && i < count; ++i) {
        memcpy(&fours[i], from + (size_t)i * record_bytes, 4);
    }
    for (int64_t i = 0; bytes == 8 && i < count; ++i) {
        memcpy(&eights[i], from + (size_t)i * record_bytes, 8);
    }
}

void pyr_radix_take_apart(const pyr_radix_layout *layout, const pyr_radix_block *block, void *keys,
                          void *arguments) {
    const uint8_t *records = (const uint8_t *)block + layout->words_at;
    size_t key_bytes = layout->columns_at[0] - layout->words_at;
    take_parts(records, layout->record_bytes, block->count, key_bytes, keys);
    take_parts(records + key_bytes, layout->record_bytes, block->count,
               layout->record_bytes - key_bytes, arguments);
}

bool pyr_radix_init(pyr_grouping *grouping) {
    const pyr_aggregate_sink *sink = grouping->sink;
    pyr_radix_layout *layout = &grouping->radix;
    const pyr_key_layout keys = grouping->encoding.layout;
    size_t at = pyr_radix_align(sizeof(pyr_radix_block));
    layout->possible = false;
    if (keys.has_string && !grouping->encoding.keys[grouping->encoding.count - 1].plain &&
        grouping->encoding.strings_count != 1) {
        return false;
    }
    layout->words_at = at;
    at += pyr_radix_align((size_t)BLOCK_ROWS * (size_t)keys.words * sizeof(uint64_t));
    layout->texts_at = at;
    at += keys.has_string ? pyr_radix_align(PYR_RADIX_TEXTS_BYTES + sizeof(pyr_radix_text) +
                                            PYR_RADIX_TEXT_BYTES_MAX)
                          : 0;
    if (!pyr_radix_add_columns(grouping, at)) {
        return false;
    }
    if (keys.words == 1 && !keys.has_string) {
        pyr_radix_pair_up(layout, sizeof(uint64_t));
    }
    layout->bytes_max = WORKER_BYTES_MAX;
    if (pyr_spill_possible(sink->exec)) {
        size_t part = pyr_budget_limit(sink->exec->budget) / (16 * (size_t)sink->exec->workers);
        layout->bytes_max = part < WORKER_BYTES_MAX ? part : WORKER_BYTES_MAX;
    }
    layout->possible = layout->bytes_max >= 2 * SLAB_BYTES;
    return layout->possible;
}

/* ---- Memory. ---- */

static void release_slabs(pyr_grouping *grouping, void *first) {
    for (radix_slab *slab = first; slab != NULL;) {
        radix_slab *next = slab->next;
        size_t taken = slab->taken;
        pyr_pages_give(slab, taken);
        if (grouping->sink->exec->budget != NULL) {
            pyr_budget_give(grouping->sink->exec->budget, taken);
        }
        slab = next;
    }
}

static pyr_status new_block(pyr_grouping_state *state, pyr_radix_block **out, pyr_error *error) {
    pyr_radix_rows *rows = &state->radix;
    pyr_budget *budget = state->grouping->sink->exec->budget;
    size_t bytes = state->grouping->radix.block_bytes;
    if (rows->slabs == NULL || rows->slab_used + bytes > SLAB_BYTES) {
        size_t taken = 0;
        radix_slab *slab = pyr_pages_take(SLAB_BYTES, &taken);
        if (slab == NULL) {
            return pyr_error_memory(error, SLAB_BYTES);
        }
        if (budget != NULL && !pyr_budget_take(budget, taken)) {
            pyr_pages_give(slab, taken);
            return pyr_error_set(error, PYR_ERROR_MEMORY,
                                 "rows to be grouped pass the memory limit");
        }
        slab->next = rows->slabs;
        slab->taken = taken;
        rows->slabs = slab;
        rows->slab_used = pyr_radix_align(sizeof(*slab));
        rows->bytes += taken;
    }
    *out = (pyr_radix_block *)(void *)((uint8_t *)rows->slabs + rows->slab_used);
    rows->slab_used += bytes;
    (*out)->next = NULL;
    (*out)->count = 0;
    return PYR_OK;
}

pyr_status pyr_radix_next_block(pyr_grouping_state *state, uint32_t partition, pyr_error *error) {
    pyr_radix_rows *rows = &state->radix;
    pyr_radix_block *block = rows->blocks[partition];
    pyr_radix_block *fresh = NULL;
    if (block != NULL) {
        block->count = rows->counts[partition];
    }
    PYR_TRY(new_block(state, &fresh, error));
    fresh->next = block;
    rows->blocks[partition] = fresh;
    rows->counts[partition] = 0;
    rows->texts_bytes[partition] = 0;
    return PYR_OK;
}

/* No partition has a block: as if it were full. */
static void begin_counts(pyr_radix_rows *rows) {
    for (int32_t i = 0; i < PYR_PARTITIONS; ++i) {
        rows->blocks[i] = NULL;
        rows->counts[i] = BLOCK_ROWS;
    }
}

pyr_status pyr_radix_begin(pyr_grouping_state *state, pyr_error *error) {
    if (state->radix.blocks == NULL) {
        state->radix.blocks = calloc(PYR_PARTITIONS, sizeof(*state->radix.blocks));
        if (state->radix.blocks == NULL) {
            return pyr_error_memory(error, PYR_PARTITIONS * sizeof(*state->radix.blocks));
        }
        begin_counts(&state->radix);
    }
    return PYR_OK;
}

void pyr_radix_settle(pyr_grouping_state *state) {
    for (int32_t i = 0; state->radix.blocks != NULL && i < PYR_PARTITIONS; ++i) {
        if (state->radix.blocks[i] != NULL) {
            state->radix.blocks[i]->count = state->radix.counts[i];
        }
    }
}

void pyr_radix_release(pyr_grouping_state *state) {
    release_slabs(state->grouping, state->radix.slabs);
    state->radix.slabs = NULL;
    state->radix.slab_used = 0;
    state->radix.bytes = 0;
    begin_counts(&state->radix);
}

void pyr_radix_state_deinit(pyr_grouping_state *state) {
    release_slabs(state->grouping, state->radix.slabs);
    free(state->radix.blocks);
    memset(&state->radix, 0, sizeof(state->radix));
}

void pyr_radix_deinit(pyr_grouping *grouping) {
    release_slabs(grouping, grouping->radix_slabs);
    grouping->radix_slabs = NULL;
    free(grouping->radix_blocks);
    grouping->radix_blocks = NULL;
}

/* ---- Partitions grouped. ---- */

/* One worker's room for what is made of a block. */
typedef struct block_room {
    uint32_t groups[BLOCK_ROWS];
    uint64_t hashes[BLOCK_ROWS];
    pyr_string strings[BLOCK_ROWS];
    uint64_t words[BLOCK_ROWS], values[BLOCK_ROWS]; /* of records */
} block_room;

static void read_texts(const uint8_t *at, int32_t count, block_room *room) {
    for (int32_t i = 0; i < count; ++i) {
        const pyr_radix_text *text = (const pyr_radix_text *)(const void *)at;
        uint64_t length = text->length & ~PYR_RADIX_COPIED;
        room->hashes[i] = text->hash;
        at += sizeof(*text);
        if (text->length != length) {
            room->strings[i] = (pyr_string){at, length};
            at += (length + 7) & ~(uint64_t)7;
        } else {
            room->strings[i] = (pyr_string){*(const uint8_t *const *)(const void *)at, length};
            at += sizeof(uint8_t *);
        }
    }
}

static pyr_status group_block(const pyr_grouping *grouping, pyr_partition *into,
                              pyr_radix_block *block, pyr_vector *vectors, block_room *room,
                              pyr_error *error) {
    const pyr_radix_layout *layout = &grouping->radix;
    uint8_t *base = (uint8_t *)block;
    pyr_key_layout key_layout = grouping->encoding.layout;
    uint32_t *groups = room->groups;
    pyr_key_batch keys = {.count = (int32_t)block->count,
                          .words = (const uint64_t *)(const void *)(base + layout->words_at),
                          .strings = key_layout.has_string ? room->strings : NULL,
                          .hashes = room->hashes,
                          .brief_from = (uintptr_t)base,
                          .brief_to = (uintptr_t)base + layout->block_bytes};
    if (layout->record_bytes > 0) {
        pyr_radix_take_apart(layout, block, room->words, room->values);
        keys.words = room->words;
    }
    if (key_layout.has_string) {
        read_texts(base + layout->texts_at, keys.count, room);
    } else {
        pyr_key_hash(key_layout, keys.count, keys.words, NULL, room->hashes);
    }
    PYR_TRY(pyr_group_table_find(&into->table, &keys, groups, error));
    for (int32_t i = 0; i < layout->columns_count; ++i) {
        vectors[grouping->sink->keys_count + i] = (pyr_vector){
            .physical = layout->physicals[i],
            .data = layout->record_bytes > 0 ? (void *)room->values : base + layout->columns_at[i]};
    }
    pyr_chunk chunk = {.rows = keys.count, .selected = keys.count};
    return pyr_aggregate_update(grouping->sink, vectors, &chunk, NULL,
                                into->table.rows + into->table.key_bytes, into->table.stride,
                                groups, &into->arena, error);
}

/* How many groups a partition of these rows is going to have, as the largest so far; 0: none is
 * there. A table that grows from nothing is cleared and filled six times over. */
static uint64_t likely_groups(const pyr_grouping *grouping, const pyr_radix_block *first) {
    uint64_t likely = atomic_load_explicit(&grouping->radix_groups, memory_order_relaxed);
    uint64_t rows = 0;
    likely += likely / 16;
    for (const pyr_radix_block *block = first; block != NULL && rows < likely;
         block = block->next) { /* no further: each block is waited for */
        rows += (uint64_t)block->count;
    }
    return likely < rows ? likely : rows;
}

/* All blocks of one partition, whose lock is held. */
static pyr_status group_blocks(pyr_grouping *grouping, pyr_partition *into, pyr_radix_block *first,
                               pyr_error *error) {
    block_room room;
    size_t count = (size_t)grouping->sink->expressions_count;
    pyr_vector *vectors = calloc(count + 1, sizeof(*vectors));
    if (vectors == NULL) {
        return pyr_error_memory(error, count * sizeof(*vectors));
    }
    pyr_status status = PYR_OK;
    for (pyr_radix_block *block = first; block != NULL && status == PYR_OK; block = block->next) {
        status = pyr_cancel_flag_check(grouping->sink->exec->cancel, error);
        if (status == PYR_OK) {
            status = group_block(grouping, into, block, vectors, &room, error);
        }
    }
    free(vectors);
    return status;
}

/* last: no more rows come to it. */
static pyr_status group_partition(pyr_grouping *grouping, int partition, pyr_radix_block *first,
                                  bool last, pyr_error *error) {
    pyr_partition *into = &grouping->partitions[partition];
    pthread_mutex_lock(&into->lock);
    uint64_t likely = last ? likely_groups(grouping, first) : 0;
    pyr_status status = PYR_OK;
    if (last && first != NULL && pyr_radix_sums_possible(grouping)) {
        status = pyr_radix_group_sums(grouping, into, first, likely, error);
    } else {
        if (likely > into->table.count) {
            status =
                pyr_group_table_reserve(&into->table, (uint32_t)likely - into->table.count, error);
        }
        if (status == PYR_OK) {
            status = group_blocks(grouping, into, first, error);
        }
    }
    pthread_mutex_unlock(&into->lock);
    return status;
}

pyr_status pyr_radix_group_own(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    pyr_status status = PYR_OK;
    pyr_radix_settle(state);
    for (int i = 0; i < PYR_PARTITIONS && status == PYR_OK; ++i) {
        status = group_partition(grouping, i, state->radix.blocks[i], false, error);
    }
    pyr_radix_release(state);
    return status;
}

pyr_status pyr_radix_combine(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    if (state->radix.blocks == NULL) {
        return PYR_OK;
    }
    pyr_status status = PYR_OK;
    pyr_radix_settle(state);
    pthread_mutex_lock(&grouping->lock);
    if (grouping->radix_blocks == NULL) {
        grouping->radix_blocks = calloc(PYR_PARTITIONS, sizeof(*grouping->radix_blocks));
        if (grouping->radix_blocks == NULL) {
            status = pyr_error_memory(error, PYR_PARTITIONS * sizeof(*grouping->radix_blocks));
        }
    }
    for (int i = 0; i < PYR_PARTITIONS && status == PYR_OK; ++i) {
        pyr_radix_block *last = state->radix.blocks[i];
        while (last != NULL && last->next != NULL) {
            last = last->next;
        }
        if (last != NULL) {
            last->next = grouping->radix_blocks[i];
            grouping->radix_blocks[i] = state->radix.blocks[i];
        }
    }
    if (status == PYR_OK && state->radix.slabs != NULL) {
        radix_slab *last = state->radix.slabs;
        while (last->next != NULL) {
            last = last->next;
        }
        last->next = grouping->radix_slabs;
        grouping->radix_slabs = state->radix.slabs;
        state->radix.slabs = NULL;
    }
    pthread_mutex_unlock(&grouping->lock);
    return status;
}

static pyr_status group_one(void *context, size_t index, pyr_error *error) {
    pyr_grouping *grouping = context;
    pyr_group_table *table = &grouping->partitions[index].table;
    PYR_TRY(group_partition(grouping, (int)index, grouping->radix_blocks[index], true, error));
    uint32_t largest = atomic_load_explicit(&grouping->radix_groups, memory_order_relaxed);
    while (table->count > largest &&
           !atomic_compare_exchange_weak_explicit(&grouping->radix_groups, &largest, table->count,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    /* Its slots are the next one's, while they are in the cache. */
    if (!atomic_load_explicit(&grouping->spilling, memory_order_acquire)) {
        pyr_group_table_drop_slots(table);
    }
    return PYR_OK;
}

pyr_status pyr_radix_finish(pyr_grouping *grouping, pyr_error *error) {
    pyr_exec *exec = grouping->sink->exec;
    if (grouping->radix_blocks == NULL) {
        return PYR_OK;
    }
    /* A worker that ended with few groups before another put rows apart chose one table. */
    if (grouping->partitions_count == 1) {
        PYR_TRY(pyr_hash_split(grouping, error));
    }
    pyr_status status = PYR_OK;
    if (exec->pool != NULL && exec->workers > 1) {
        status = pyr_thread_pool_for_each(exec->pool, PYR_PARTITIONS, group_one, grouping, error);
    } else {
        for (size_t i = 0; i < PYR_PARTITIONS && status == PYR_OK; ++i) {
            status = group_one(grouping, i, error);
        }
    }
    pyr_radix_deinit(grouping);
    return status;
}
