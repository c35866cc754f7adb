/* aggregate_radix.c - rows put apart by the hash of their key before they are grouped.
 *
 * Where a worker's table would miss the cache for most rows, rows are written to the partition of
 * their key first, as keys and arguments side by side, and each partition is grouped at the end by
 * one thread, in a table that fits the cache. A row is written and read once more, in order; that
 * is cheaper than to wait for memory at random.
 *
 * Short texts of keys are copied beside their rows: each would else be waited for a second time, at
 * random, when its partition is grouped. So are longer ones that do not outlive their chunk.
 *
 * Rows whose arguments may be NULL, or texts that do not outlive the chunk, are grouped the other
 * way, and so are those of very long such keys: both ways end in the same tables.
 */
#include "base/pages.h"
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = PYR_RADIX_BLOCK_ROWS, SLAB_BYTES = 4 << 20 };
/* Of texts that are copied: those that need not be, all; a block ends with its room for them, too.
 */
enum { SHORT_BYTES_MAX = 32, TEXT_BYTES_MAX = 512, TEXTS_BYTES = BLOCK_ROWS * 24 };
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
    layout->strings_at = at;
    at += keys.has_string ? pyr_radix_align(BLOCK_ROWS * sizeof(pyr_string)) : 0;
    layout->hashes_at = at;
    at += keys.has_string ? pyr_radix_align(BLOCK_ROWS * sizeof(uint64_t)) : 0;
    layout->texts_at = at;
    at += keys.has_string ? pyr_radix_align(TEXTS_BYTES + TEXT_BYTES_MAX) : 0;
    if (!pyr_radix_add_columns(grouping, at)) {
        return false;
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

pyr_status pyr_radix_new_block(pyr_grouping_state *state, pyr_radix_block **out, pyr_error *error) {
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
    (*out)->texts_bytes = 0;
    return PYR_OK;
}

pyr_status pyr_radix_begin(pyr_grouping_state *state, pyr_error *error) {
    if (state->radix.blocks == NULL) {
        state->radix.blocks = calloc(PYR_PARTITIONS, sizeof(*state->radix.blocks));
        if (state->radix.blocks == NULL) {
            return pyr_error_memory(error, PYR_PARTITIONS * sizeof(*state->radix.blocks));
        }
    }
    return PYR_OK;
}

void pyr_radix_release(pyr_grouping_state *state) {
    release_slabs(state->grouping, state->radix.slabs);
    state->radix.slabs = NULL;
    state->radix.slab_used = 0;
    state->radix.bytes = 0;
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

/* ---- Rows to their partitions. ---- */

static bool is_mapped(const pyr_vector *vector) {
    return vector->array != NULL && vector->array->buffers[2] != NULL &&
           vector->array->buffers[2]->mapping != NULL;
}

static uint64_t longest(const pyr_key_batch *keys) {
    uint64_t length = 0;
    for (int32_t i = 0; i < keys->count; ++i) {
        length = keys->strings[i].length > length ? keys->strings[i].length : length;
    }
    return length;
}

/* Whether the arguments of this chunk can be kept as they are, and its keys' texts copied. */
static bool takes_chunk(const pyr_grouping *grouping, const pyr_vector *vectors,
                        const pyr_key_batch *keys) {
    const pyr_aggregate_sink *sink = grouping->sink;
    if (keys->strings != NULL && keys->brief_to > 0 && longest(keys) > TEXT_BYTES_MAX) {
        return false;
    }
    for (int32_t i = 0; i < grouping->radix.columns_count; ++i) {
        const pyr_vector *vector = &vectors[sink->keys_count + i];
        if (vector->validity != NULL ||
            (vector->physical == PYR_PHYSICAL_STRING && !is_mapped(vector))) {
            return false;
        }
    }
    return true;
}

#define SCATTER(TYPE)                                                        \
    do {                                                                     \
        const TYPE *values = vector->data;                                   \
        for (int32_t i = 0; i < count; ++i) {                                \
            int32_t row = vector->constant ? 0 : rows != NULL ? rows[i] : i; \
            ((TYPE *)(void *)(blocks[i] + at))[places[i]] = values[row];     \
        }                                                                    \
    } while (0)

typedef struct sixteen {
    uint64_t words[2];
} sixteen;

void pyr_radix_scatter(const pyr_vector *vector, const uint16_t *rows, int32_t count,
                       uint8_t *const *blocks, const uint16_t *places, size_t at) {
    switch (vector->physical) {
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_U8:
        SCATTER(uint8_t);
        break;
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_U16:
        SCATTER(uint16_t);
        break;
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_U32:
    case PYR_PHYSICAL_F32:
        SCATTER(uint32_t);
        break;
    case PYR_PHYSICAL_I64:
    case PYR_PHYSICAL_U64:
    case PYR_PHYSICAL_F64:
        SCATTER(uint64_t);
        break;
    case PYR_PHYSICAL_STRING:
        for (int32_t i = 0; i < count; ++i) {
            ((pyr_string *)(void *)(blocks[i] + at))[places[i]] =
                pyr_vector_string(vector, rows != NULL ? rows[i] : i);
        }
        break;
    default:
        SCATTER(sixteen);
        break;
    }
}

static void scatter_keys(const pyr_grouping *grouping, const pyr_key_batch *keys,
                         uint8_t *const *blocks, const uint16_t *places) {
    const pyr_radix_layout *layout = &grouping->radix;
    int32_t words = grouping->encoding.layout.words;
    if (words == 1) {
        for (int32_t i = 0; i < keys->count; ++i) {
            ((uint64_t *)(void *)(blocks[i] + layout->words_at))[places[i]] = keys->words[i];
        }
    } else if (words == 2) {
        const sixteen *pairs = (const sixteen *)(const void *)keys->words;
        for (int32_t i = 0; i < keys->count; ++i) {
            ((sixteen *)(void *)(blocks[i] + layout->words_at))[places[i]] = pairs[i];
        }
    }
    for (int32_t i = 0; i < keys->count && keys->strings != NULL; ++i) {
        ((uint64_t *)(void *)(blocks[i] + layout->hashes_at))[places[i]] = keys->hashes[i];
    }
}

static int64_t row_bytes(const pyr_grouping *grouping) {
    size_t bytes = pyr_key_bytes(grouping->encoding.layout);
    for (int32_t i = 0; i < grouping->radix.columns_count; ++i) {
        bytes += pyr_physical_bytes(grouping->radix.physicals[i]);
    }
    return (int64_t)bytes;
}

/* Texts seldom have more than 32 bytes: in steps that may overlap, of both sides no byte beyond
 * them is touched. */
static inline void copy_text(uint8_t *to, const uint8_t *from, size_t bytes) {
    if (bytes > 32) {
        memcpy(to, from, bytes);
        return;
    }
    if (bytes >= 16) {
        sixteen first;
        sixteen last;
        memcpy(&first, from, 16);
        memcpy(&last, from + bytes - 16, 16);
        memcpy(to, &first, 16);
        memcpy(to + bytes - 16, &last, 16);
        return;
    }
    if (bytes >= 8) {
        uint64_t first;
        uint64_t last;
        memcpy(&first, from, 8);
        memcpy(&last, from + bytes - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + bytes - 8, &last, 8);
        return;
    }
    for (size_t i = 0; i < bytes; ++i) {
        to[i] = from[i];
    }
}

/* The string as that of the block's next row; of at most copied_max bytes: a copy beside it. */
static inline void put_string(const pyr_radix_layout *layout, pyr_radix_block *block,
                              pyr_string string, uint64_t copied_max) {
    uint8_t *base = (uint8_t *)block;
    if (string.length <= copied_max) {
        uint8_t *to = base + layout->texts_at + block->texts_bytes;
        copy_text(to, string.bytes, (size_t)string.length);
        block->texts_bytes += (uint32_t)string.length;
        string.bytes = to;
    }
    ((pyr_string *)(void *)(base + layout->strings_at))[block->count] = string;
}

/* Each row's block and place in it; strings are put there. */
static pyr_status place_rows(pyr_grouping_state *state, const pyr_key_batch *keys, uint8_t **blocks,
                             uint16_t *places, pyr_error *error) {
    pyr_radix_block **current = state->radix.blocks;
    uint64_t copied_max = keys->brief_to > 0 ? TEXT_BYTES_MAX : SHORT_BYTES_MAX;
    for (int32_t i = 0; i < keys->count; ++i) {
        uint32_t partition = (uint32_t)(keys->hashes[i] >> (64 - PYR_PARTITION_BITS));
        pyr_radix_block *block = current[partition];
        if (block == NULL || block->count == BLOCK_ROWS || block->texts_bytes >= TEXTS_BYTES) {
            pyr_radix_block *fresh = NULL;
            PYR_TRY(pyr_radix_new_block(state, &fresh, error));
            fresh->next = block;
            current[partition] = fresh;
            block = fresh;
        }
        if (keys->strings != NULL) {
            put_string(&state->grouping->radix, block, keys->strings[i], copied_max);
        }
        blocks[i] = (uint8_t *)block;
        places[i] = (uint16_t)block->count++;
    }
    return PYR_OK;
}

pyr_status pyr_radix_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                             const uint16_t *rows, const pyr_key_batch *keys, bool *taken,
                             pyr_error *error) {
    const pyr_grouping *grouping = state->grouping;
    uint8_t *blocks[PYR_VECTOR_ROWS];
    uint16_t places[PYR_VECTOR_ROWS];
    *taken = takes_chunk(grouping, vectors, keys);
    if (!*taken) {
        return PYR_OK;
    }
    PYR_TRY(pyr_radix_begin(state, error));
    PYR_TRY(place_rows(state, keys, blocks, places, error));
    scatter_keys(grouping, keys, blocks, places);
    for (int32_t i = 0; i < grouping->radix.columns_count; ++i) {
        pyr_radix_scatter(&vectors[grouping->sink->keys_count + i], rows, keys->count, blocks,
                          places, grouping->radix.columns_at[i]);
    }
    pyr_ledger_add_copy(grouping->sink->exec->ledger, PYR_COPY_GROUP_TABLE,
                        keys->count * row_bytes(grouping));
    if (state->radix.bytes <= grouping->radix.bytes_max) {
        return PYR_OK;
    }
    uint32_t most = (uint32_t)(state->radix.bytes / grouping->radix.block_bytes) * BLOCK_ROWS;
    if (pyr_hash_spills(state->grouping, most)) {
        PYR_TRY(pyr_hash_begin_spill(state->grouping, error));
    }
    return pyr_radix_group_own(state, error);
}

/* ---- Partitions grouped. ---- */

static pyr_status group_block(const pyr_grouping *grouping, pyr_partition *into,
                              pyr_radix_block *block, pyr_vector *vectors, uint32_t *groups,
                              uint64_t *hashes, pyr_error *error) {
    const pyr_radix_layout *layout = &grouping->radix;
    uint8_t *base = (uint8_t *)block;
    pyr_key_layout key_layout = grouping->encoding.layout;
    pyr_key_batch keys = {.count = block->count,
                          .words = (const uint64_t *)(const void *)(base + layout->words_at),
                          .hashes = hashes,
                          .brief_from = (uintptr_t)base,
                          .brief_to = (uintptr_t)base + layout->block_bytes};
    if (key_layout.has_string) {
        keys.strings = (const pyr_string *)(const void *)(base + layout->strings_at);
        keys.hashes = (const uint64_t *)(const void *)(base + layout->hashes_at);
    } else {
        pyr_key_hash(key_layout, keys.count, keys.words, NULL, hashes);
    }
    PYR_TRY(pyr_group_table_find(&into->table, &keys, groups, error));
    for (int32_t i = 0; i < layout->columns_count; ++i) {
        vectors[grouping->sink->keys_count + i] =
            (pyr_vector){.physical = layout->physicals[i], .data = base + layout->columns_at[i]};
    }
    pyr_chunk chunk = {.rows = keys.count, .selected = keys.count};
    return pyr_aggregate_update(grouping->sink, vectors, &chunk, NULL,
                                into->table.rows + into->table.key_bytes, into->table.stride,
                                groups, &into->arena, error);
}

/* All blocks of one partition. */
static pyr_status group_partition(pyr_grouping *grouping, int partition, pyr_radix_block *first,
                                  pyr_error *error) {
    pyr_partition *into = &grouping->partitions[partition];
    uint32_t groups[BLOCK_ROWS];
    uint64_t hashes[BLOCK_ROWS];
    size_t count = (size_t)grouping->sink->expressions_count;
    pyr_vector *vectors = calloc(count + 1, sizeof(*vectors));
    if (vectors == NULL) {
        return pyr_error_memory(error, count * sizeof(*vectors));
    }
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&into->lock);
    for (pyr_radix_block *block = first; block != NULL && status == PYR_OK; block = block->next) {
        status = pyr_cancel_flag_check(grouping->sink->exec->cancel, error);
        if (status == PYR_OK) {
            status = group_block(grouping, into, block, vectors, groups, hashes, error);
        }
    }
    pthread_mutex_unlock(&into->lock);
    free(vectors);
    return status;
}

pyr_status pyr_radix_group_own(pyr_grouping_state *state, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    pyr_status status = PYR_OK;
    for (int i = 0; i < PYR_PARTITIONS && status == PYR_OK; ++i) {
        status = group_partition(grouping, i, state->radix.blocks[i], error);
        state->radix.blocks[i] = NULL;
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
    return group_partition(grouping, (int)index, grouping->radix_blocks[index], error);
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
