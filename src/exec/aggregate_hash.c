/* aggregate_hash.c - groups by key: a table a worker, and shared partitions for what outgrows it.
 *
 * A worker's table that has outgrown the cache is emptied into the partitions, unless it still
 * joins many rows into few groups. Group by group that costs a look-up more, but each of them goes
 * to a table that few rows are apart from, and no group is held twice at the end.
 */
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

/* Of a worker's table: within a core's own cache, and what it may grow to where it is worth it. */
static const size_t LOCAL_BYTES = (size_t)1 << 20;
static const size_t LOCAL_BYTES_MAX = (size_t)64 << 20;
/* What it may be going to be: within what all cores share. */
static const size_t LOCAL_BYTES_EXPECTED = (size_t)8 << 20;
enum { ROWS_PER_GROUP_WORTH = 16, ONE_TABLE_GROUPS = 16384, REPEATS_SAMPLE = 64 };

static size_t key_bytes_of(const pyr_grouping *grouping) {
    return pyr_key_bytes(grouping->encoding.layout);
}

pyr_status pyr_hash_init(pyr_grouping *grouping, pyr_error *error) {
    grouping->partitions = calloc(PYR_PARTITIONS, sizeof(*grouping->partitions));
    if (grouping->partitions == NULL) {
        return pyr_error_memory(error, PYR_PARTITIONS * sizeof(*grouping->partitions));
    }
    pyr_radix_init(grouping);
    pyr_chosen_init(grouping);
    grouping->coded = grouping->keys_count == 1 && grouping->encoding.keys[0].plain &&
                      grouping->encoding.keys[0].physical == PYR_PHYSICAL_STRING &&
                      grouping->chosen_max < 0 && pyr_codes_possible(grouping->sink);
    for (int i = 0; i < PYR_PARTITIONS; ++i) {
        pyr_partition *partition = &grouping->partitions[i];
        pthread_mutex_init(&partition->lock, NULL);
        pyr_group_table_init(&partition->table, grouping->encoding.layout,
                             grouping->sink->state_bytes, grouping->sink->exec->budget);
        pyr_arena_init(&partition->arena, grouping->sink->exec->budget);
    }
    return PYR_OK;
}

static void destroy_states(const pyr_grouping *grouping, pyr_group_table *table) {
    if (table->rows != NULL) {
        pyr_aggregate_destroy_states(grouping->sink, table->rows + table->key_bytes, table->stride,
                                     table->count);
    }
}

void pyr_hash_deinit(pyr_grouping *grouping) {
    pyr_radix_deinit(grouping);
    pyr_spill_parts_destroy(grouping->spilled);
    pyr_group_table_deinit(&grouping->chosen);
    for (int i = 0; grouping->partitions != NULL && i < PYR_PARTITIONS; ++i) {
        pyr_partition *partition = &grouping->partitions[i];
        destroy_states(grouping, &partition->table);
        pyr_group_table_deinit(&partition->table);
        pyr_arena_deinit(&partition->arena);
        pthread_mutex_destroy(&partition->lock);
    }
    free(grouping->partitions);
    grouping->partitions = NULL;
}

pyr_status pyr_hash_state_init(pyr_grouping_state *state, pyr_error *error) {
    (void)error;
    pyr_group_table_init(&state->table, state->grouping->encoding.layout,
                         state->grouping->sink->state_bytes, state->grouping->sink->exec->budget);
    return PYR_OK;
}

void pyr_hash_state_deinit(pyr_grouping_state *state) {
    pyr_radix_state_deinit(state);
    pyr_text_memo_destroy(state->memo);
    pyr_code_groups_destroy(state->coded);
    free(state->spill_room);
    if (state->table.stride > 0) {
        destroy_states(state->grouping, &state->table);
        pyr_group_table_deinit(&state->table);
    }
}

/* ---- From a worker's table to the partitions. ---- */

static int32_t partition_of(uint64_t hash, int32_t partitions) {
    return partitions == 1 ? 0 : (int32_t)pyr_partition_of(hash);
}

/* Decides how many there are: one worker with few groups at its end needs but one. */
static int32_t partitions_of(pyr_grouping *grouping, uint32_t groups, bool last) {
    pthread_mutex_lock(&grouping->lock);
    if (grouping->partitions_count == 0) {
        grouping->partitions_count = last && groups <= ONE_TABLE_GROUPS ? 1 : PYR_PARTITIONS;
    }
    int32_t count = grouping->partitions_count;
    pthread_mutex_unlock(&grouping->lock);
    return count;
}

typedef struct flushing {
    uint64_t words[2 * PYR_VECTOR_ROWS];
    pyr_string strings[PYR_VECTOR_ROWS];
    uint64_t hashes[PYR_VECTOR_ROWS];
    uint32_t groups[PYR_VECTOR_ROWS];
    uint32_t starts[PYR_PARTITIONS + 1];
    uint32_t *order; /* the table's groups, partition by partition */
    uint8_t *states; /* PYR_VECTOR_ROWS of them, side by side */
    size_t state_bytes;
} flushing;

/* Groups ordered by partition: a counting sort by their hashes. */
static pyr_status order_groups(const pyr_group_table *table, int32_t partitions, flushing *self,
                               pyr_error *error) {
    uint8_t *of = malloc((size_t)table->count + 1);
    if (of == NULL) {
        return pyr_error_memory(error, table->count);
    }
    memset(self->starts, 0, sizeof(self->starts));
    for (uint32_t first = 0; first < table->count; first += PYR_VECTOR_ROWS) {
        uint32_t left = table->count - first;
        int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
        pyr_key_batch keys;
        pyr_group_table_keys(table, first, count, self->words, self->strings, self->hashes, &keys);
        for (int32_t i = 0; i < count; ++i) {
            int32_t partition = partition_of(self->hashes[i], partitions);
            of[first + (uint32_t)i] = (uint8_t)partition;
            ++self->starts[partition + 1];
        }
    }
    uint32_t next[PYR_PARTITIONS + 1];
    for (int i = 0; i < PYR_PARTITIONS; ++i) {
        self->starts[i + 1] += self->starts[i];
    }
    memcpy(next, self->starts, sizeof(next));
    for (uint32_t group = 0; group < table->count; ++group) {
        self->order[next[of[group]]++] = group;
    }
    free(of);
    return PYR_OK;
}

/* Some groups' rows taken apart: keys into self's room, states side by side. */
static void take_groups(const pyr_group_table *table, const uint32_t *groups, int32_t count,
                        flushing *self, pyr_key_batch *keys) {
    size_t words = (size_t)table->layout.words;
    for (int32_t i = 0; i < count; ++i) {
        const uint8_t *row = pyr_group_row(table, groups[i]);
        memcpy(self->words + (size_t)i * words, row, words * 8);
        if (table->layout.has_string) {
            memcpy(&self->strings[i], row + words * 8, sizeof(pyr_string));
            memcpy(&self->hashes[i], row + words * 8 + sizeof(pyr_string), 8);
        }
        memcpy(self->states + (size_t)i * self->state_bytes, row + table->key_bytes,
               self->state_bytes);
    }
    if (!table->layout.has_string) {
        pyr_key_hash(table->layout, count, self->words, NULL, self->hashes);
    }
    *keys = (pyr_key_batch){count, self->words, self->strings, self->hashes, 0, UINTPTR_MAX};
}

static pyr_status flush_partition(pyr_grouping_state *state, pyr_partition *into,
                                  const uint32_t *groups, uint32_t count, flushing *self,
                                  pyr_error *error) {
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&into->lock);
    for (uint32_t at = 0; at < count && status == PYR_OK; at += PYR_VECTOR_ROWS) {
        int32_t some = (int32_t)(count - at < PYR_VECTOR_ROWS ? count - at : PYR_VECTOR_ROWS);
        pyr_key_batch keys;
        take_groups(&state->table, groups + at, some, self, &keys);
        status = pyr_group_table_find(&into->table, &keys, self->groups, error);
        if (status == PYR_OK) {
            status = pyr_aggregate_combine(
                state->grouping->sink, into->table.rows + into->table.key_bytes, into->table.stride,
                self->groups, self->states, self->state_bytes, some, &into->arena, error);
        }
    }
    pthread_mutex_unlock(&into->lock);
    return status;
}

/* The worker's table becomes the partition's: nothing to look up. */
static bool adopt(pyr_grouping_state *state, pyr_partition *into) {
    bool adopted = false;
    pthread_mutex_lock(&into->lock);
    if (into->table.count == 0) {
        pyr_group_table table = into->table;
        pyr_arena arena = into->arena;
        into->table = state->table;
        into->arena = state->arena;
        state->table = table;
        state->arena = arena;
        adopted = true;
    }
    pthread_mutex_unlock(&into->lock);
    return adopted;
}

static void empty_table(pyr_grouping_state *state) {
    pyr_grouping *grouping = state->grouping;
    destroy_states(grouping, &state->table);
    pyr_group_table_deinit(&state->table);
    pyr_group_table_init(&state->table, grouping->encoding.layout, grouping->sink->state_bytes,
                         grouping->sink->exec->budget);
    pyr_arena_reset(&state->arena);
    state->rows_since_flush = 0;
    pyr_text_memo_clear(state->memo);
}

static pyr_status flush_groups(pyr_grouping_state *state, int32_t partitions, flushing *self,
                               pyr_error *error) {
    PYR_TRY(order_groups(&state->table, partitions, self, error));
    /* Workers begin at different places, so that they seldom wait for each other. */
    uint32_t begin = (uint32_t)((uintptr_t)state >> 8) % (uint32_t)partitions;
    for (int32_t i = 0; i < partitions; ++i) {
        uint32_t p = (begin + (uint32_t)i) % (uint32_t)partitions;
        uint32_t count = self->starts[p + 1] - self->starts[p];
        if (count > 0) {
            PYR_TRY(flush_partition(state, &state->grouping->partitions[p],
                                    self->order + self->starts[p], count, self, error));
        }
    }
    return PYR_OK;
}

static pyr_status flush(pyr_grouping_state *state, bool last, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    size_t state_bytes = state->table.stride - key_bytes_of(grouping);
    if (state->table.count == 0) {
        return PYR_OK;
    }
    int32_t partitions = partitions_of(grouping, state->table.count, last);
    if (partitions == 1 && adopt(state, &grouping->partitions[0])) {
        return PYR_OK;
    }
    flushing *self = malloc(sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->state_bytes = state_bytes;
    self->order = malloc(((size_t)state->table.count + 1) * sizeof(*self->order));
    self->states = malloc((size_t)PYR_VECTOR_ROWS * state_bytes + 8);
    pyr_status status = PYR_OK;
    if (self->order == NULL || self->states == NULL) {
        status = pyr_error_memory(error, (size_t)PYR_VECTOR_ROWS * state_bytes);
    } else {
        status = flush_groups(state, partitions, self, error);
    }
    free(self->order);
    free(self->states);
    free(self);
    if (status == PYR_OK) {
        empty_table(state);
    }
    return status;
}

/* ---- Rows. ---- */

/* A worker's table is a small part of what the query may take. */
static size_t at_most(const pyr_exec *exec, size_t bytes) {
    if (!pyr_spill_possible(exec)) {
        return bytes;
    }
    size_t part = pyr_budget_limit(exec->budget) / (16 * (size_t)exec->workers);
    return part < bytes ? part : bytes;
}

/* rows: the last ones, which made new_groups. Where a share of rows finds its group, about that
 * share of all groups is there: the table's size over it is what it comes to. */
static bool wants_flush(const pyr_grouping_state *state, int64_t rows, uint32_t new_groups) {
    const pyr_exec *exec = state->grouping->sink->exec;
    size_t bytes = pyr_group_table_bytes(&state->table);
    if (bytes <= at_most(exec, LOCAL_BYTES)) {
        return false;
    }
    size_t found = (size_t)rows - new_groups;
    if (bytes * (size_t)rows <= at_most(exec, LOCAL_BYTES_EXPECTED) * found) {
        return false;
    }
    return bytes > at_most(exec, LOCAL_BYTES_MAX) ||
           state->rows_since_flush < (int64_t)state->table.count * ROWS_PER_GROUP_WORTH;
}

/* Whether a chunk's first keys are often those of the row before. */
static bool repeats(const pyr_key_batch *keys) {
    int32_t looked_at = keys->count < REPEATS_SAMPLE ? keys->count : REPEATS_SAMPLE;
    int32_t equal = 0;
    for (int32_t i = 1; i < looked_at; ++i) {
        equal += keys->hashes[i] == keys->hashes[i - 1];
    }
    return equal * 4 > looked_at;
}

/* Leaves out rows with the key of the row before, where nothing is added up: tables are often
 * sorted by something near, and half of a column may be one value. */
static void drop_repeats(pyr_grouping_state *state, const uint16_t *rows, pyr_key_batch *keys,
                         uint16_t *kept) {
    pyr_key_layout layout = state->grouping->encoding.layout;
    pyr_key_rooms rooms = {state->room->words, state->room->strings, state->room->hashes};
    int32_t count = 0;
    for (int32_t i = 0; i < keys->count;
         ++i) { /* keys may lie in the room: those that stay move up */
        if (i > 0 && keys->hashes[i] == keys->hashes[i - 1] &&
            pyr_key_equal(layout, keys, i, i - 1)) {
            continue;
        }
        pyr_key_move(layout, keys, i, rooms, count);
        kept[count++] = rows != NULL ? rows[i] : (uint16_t)i;
    }
    *keys = pyr_key_moved(keys, rooms, count);
}

pyr_status pyr_hash_added(pyr_grouping_state *state, int64_t rows, uint32_t new_groups,
                          pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    state->rows_since_flush += rows;
    if (!wants_flush(state, rows, new_groups)) {
        return PYR_OK;
    }
    if (pyr_hash_spills(grouping, state->table.count)) {
        return pyr_hash_begin_spill(grouping, error);
    }
    state->apart = grouping->radix.possible;
    return flush(state, false, error);
}

/* Rows to state->groups, new_groups of which are new. */
static pyr_status add_rows(pyr_grouping_state *state, const pyr_vector *vectors,
                           const pyr_chunk *chunk, const uint16_t *rows, uint32_t new_groups,
                           pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    PYR_TRY(pyr_aggregate_update(grouping->sink, vectors, chunk, rows,
                                 state->table.rows + state->table.key_bytes, state->table.stride,
                                 state->groups, &state->arena, error));
    return pyr_hash_added(state, chunk->selected, new_groups, error);
}

/* ---- Short texts. ---- */

/* One text as key, in a table of the worker's own; or put apart, where nothing is added up: then it
 * is enough that a text was met. */
static bool remembers(const pyr_grouping_state *state) {
    const pyr_grouping *grouping = state->grouping;
    const pyr_vector *text = &state->keys[0];
    return grouping->keys_count == 1 && grouping->encoding.keys[0].plain && text->offsets != NULL &&
           text->validity == NULL && grouping->chosen_max < 0 &&
           (!state->apart || grouping->sink->functions_count == 0) &&
           !atomic_load_explicit(&grouping->spilling, memory_order_acquire) &&
           pyr_text_memo_pays(state->memo);
}

static bool takes_codes(const pyr_grouping_state *state) {
    return !state->apart && !atomic_load_explicit(&state->grouping->spilling, memory_order_acquire);
}

static pyr_status make_memo(pyr_grouping_state *state, pyr_error *error) {
    return state->memo != NULL ? PYR_OK : pyr_text_memo_create(&state->memo, error);
}

/* Texts of rows, whose groups are known; they are copied. */
static void note_texts(pyr_grouping_state *state, const uint16_t *rows, int32_t count,
                       const uint32_t *groups) {
    int32_t noted = pyr_text_memo_add(state->memo, &state->keys[0], rows, count, groups);
    pyr_ledger_add_copy(state->grouping->sink->exec->ledger, PYR_COPY_GROUP_TABLE,
                        noted * (int64_t)PYR_MEMO_TEXT_BYTES_MAX);
}

/* Rows whose texts were not met lately, which are put apart by who asks. */
static pyr_status drop_known_texts(pyr_grouping_state *state, const uint16_t *rows, int32_t count,
                                   uint16_t *kept, int32_t *kept_count, pyr_error *error) {
    PYR_TRY(make_memo(state, error));
    *kept_count =
        pyr_text_memo_find(state->memo, &state->keys[0], rows, count, state->groups, kept);
    for (int32_t i = 0; rows != NULL && i < *kept_count; ++i) {
        kept[i] = rows[kept[i]];
    }
    note_texts(state, kept, *kept_count, state->groups); /* no group is asked for */
    return PYR_OK;
}

/* Of rows, in the worker's table. */
static pyr_status find_in_table(pyr_grouping_state *state, const uint16_t *rows, int32_t count,
                                uint32_t *groups, pyr_error *error) {
    pyr_key_batch keys;
    PYR_TRY(pyr_group_keys_encode(&state->grouping->encoding, state->keys, rows, count, state->room,
                                  &keys, error));
    return pyr_group_table_find(&state->table, &keys, groups, error);
}

/* Of those of rows (NULL: all) that are in some: other[i] is the row of some[i]. */
static void rows_of(const uint16_t *rows, const uint16_t *some, int32_t count, uint16_t *others) {
    for (int32_t i = 0; i < count; ++i) {
        others[i] = rows != NULL ? rows[some[i]] : some[i];
    }
}

/* They are looked for first among the texts that were met lately. */
pyr_status pyr_hash_find_texts(pyr_grouping_state *state, const uint16_t *rows, int32_t count,
                               uint32_t *groups, pyr_error *error) {
    uint16_t missing[PYR_VECTOR_ROWS];
    if (!remembers(state)) {
        return find_in_table(state, rows, count, groups, error);
    }
    PYR_TRY(make_memo(state, error));
    int32_t missing_count =
        pyr_text_memo_find(state->memo, &state->keys[0], rows, count, groups, missing);
    if (missing_count > 0) {
        uint16_t others[PYR_VECTOR_ROWS];
        uint32_t found[PYR_VECTOR_ROWS];
        rows_of(rows, missing, missing_count, others);
        PYR_TRY(find_in_table(state, others, missing_count, found, error));
        note_texts(state, others, missing_count, found);
        for (int32_t i = 0; i < missing_count; ++i) {
            groups[missing[i]] = found[i];
        }
    }
    return PYR_OK;
}

static pyr_status consume_texts(pyr_grouping_state *state, const pyr_vector *vectors,
                                const pyr_chunk *chunk, const uint16_t *rows, pyr_error *error) {
    uint32_t known = state->table.count;
    PYR_TRY(pyr_hash_find_texts(state, rows, chunk->selected, state->groups, error));
    return add_rows(state, vectors, chunk, rows, state->table.count - known, error);
}

pyr_status pyr_hash_consume(pyr_grouping_state *state, const pyr_vector *vectors,
                            const pyr_chunk *chunk, const uint16_t *rows, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    pyr_key_batch keys;
    if (grouping->coded) {
        pyr_status status;
        if (takes_codes(state) && pyr_codes_take(state, vectors, chunk, rows, &status, error)) {
            return status;
        }
        PYR_TRY(pyr_codes_end(state, error));
    }
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        state->keys[i] = vectors[grouping->keys[i]];
    }
    bool known = remembers(state);
    if (known && !state->apart) {
        return consume_texts(state, vectors, chunk, rows, error);
    }
    pyr_chunk some = *chunk;
    uint16_t unknown[PYR_VECTOR_ROWS];
    if (known) {
        PYR_TRY(drop_known_texts(state, rows, chunk->selected, unknown, &some.selected, error));
        chunk = &some;
        rows = unknown;
    }
    PYR_TRY(pyr_group_keys_encode(&grouping->encoding, state->keys, rows, chunk->selected,
                                  state->room, &keys, error));
    uint16_t kept[PYR_VECTOR_ROWS];
    uint64_t mask[PYR_VECTOR_WORDS];
    bool all = true;
    if (grouping->sink->functions_count == 0 && repeats(&keys)) {
        drop_repeats(state, rows, &keys, kept);
        some.selected = keys.count;
        chunk = &some;
        rows = kept;
    }
    if (grouping->chosen_max >= 0) {
        PYR_TRY(pyr_chosen_rows(state, rows, &keys, kept, mask, &all, error));
    }
    if (!all) {
        some.mask = mask;
        some.list = NULL;
        some.selected = keys.count;
        chunk = &some;
        rows = kept;
    }
    if (keys.count == 0) {
        return PYR_OK;
    }
    if (atomic_load_explicit(&grouping->spilling, memory_order_acquire)) {
        return pyr_hash_spill_rows(state, vectors, chunk, rows, &keys, error);
    }
    if (state->apart) {
        bool taken = false;
        PYR_TRY(pyr_radix_put(state, vectors, rows, &keys, &taken, error));
        if (taken) {
            return PYR_OK;
        }
    }
    uint32_t groups = state->table.count;
    PYR_TRY(pyr_group_table_find(&state->table, &keys, state->groups, error));
    return add_rows(state, vectors, chunk, rows, state->table.count - groups, error);
}

pyr_status pyr_hash_combine(pyr_grouping_state *state, pyr_error *error) {
    PYR_TRY(pyr_codes_end(state, error));
    PYR_TRY(pyr_radix_combine(state, error));
    return flush(state, true, error);
}

pyr_status pyr_hash_split(pyr_grouping *grouping, pyr_error *error) {
    pyr_partition *only = &grouping->partitions[0];
    pyr_grouping_state state = {.grouping = grouping, .table = only->table, .arena = only->arena};
    pyr_group_table_init(&only->table, grouping->encoding.layout, grouping->sink->state_bytes,
                         grouping->sink->exec->budget);
    pyr_arena_init(&only->arena, grouping->sink->exec->budget);
    grouping->partitions_count = PYR_PARTITIONS;
    pyr_status status = flush(&state, false, error);
    destroy_states(grouping, &state.table);
    pyr_group_table_deinit(&state.table);
    pyr_arena_deinit(&state.arena);
    return status;
}
