/* aggregate_spill.c - groups beyond the memory limit: see aggregate_sink.h.
 *
 * What is written are rows (keys, arguments, filters), not states: those point to memory of their
 * own. A table that is full is frozen: rows of groups that it has are still added to it, so that no
 * group is in two places once its unit is done.
 */
#include "exec/aggregate_sink.h"
#include "exec/run_internal.h"

#include <stdlib.h>
#include <string.h>

/* Of the limit: where workers stop to add groups (tables double once more when the last of them
 * are put together), and where a table of the end does. */
static const double SINK_SHARE = 0.4, UNIT_SHARE = 0.65;
enum {
    UNIT_TABLES = PYR_PARTITIONS / PYR_SPILL_PARTS,
    FRESH_GROUPS_MIN = 1024, /* so that every further file has fewer rows */
    SHIFT_MAX = 56
};

/* Room for some rows of a chunk. */
typedef struct pyr_spill_room {
    uint64_t words[2 * PYR_VECTOR_ROWS];
    pyr_string strings[PYR_VECTOR_ROWS];
    uint64_t hashes[PYR_VECTOR_ROWS];
    uint32_t groups[PYR_VECTOR_ROWS];
    uint16_t rows[PYR_VECTOR_ROWS];
    uint64_t new_hashes[PYR_VECTOR_ROWS];
    uint16_t new_rows[PYR_VECTOR_ROWS];
    uint64_t mask[PYR_VECTOR_WORDS];
} pyr_spill_room;

/* ---- Rows that have a group, and those that have none. ---- */

/* Takes the rows without a group out of room's rows and groups; returns how many those are. */
static int32_t divide(pyr_spill_room *room, const pyr_key_batch *keys, int32_t *found) {
    int32_t missing = 0;
    *found = 0;
    memset(room->mask, 0, sizeof(room->mask));
    for (int32_t i = 0; i < keys->count; ++i) {
        uint16_t row = room->rows[i];
        if (room->groups[i] == UINT32_MAX) {
            room->new_hashes[missing] = keys->hashes[i];
            room->new_rows[missing++] = row;
            continue;
        }
        room->mask[row >> 6] |= UINT64_C(1) << (row & 63);
        room->groups[*found] = room->groups[i];
        room->rows[(*found)++] = row;
    }
    return missing;
}

/* Rows room->rows of vectors, which keys are of, to the groups that table has; the others, as many
 * as *missing says, are in room->new_rows. */
static pyr_status update_known(const pyr_grouping *grouping, pyr_group_table *table,
                               pyr_arena *arena, const pyr_vector *vectors, int32_t span,
                               const pyr_key_batch *keys, pyr_spill_room *room, int32_t *missing,
                               pyr_error *error) {
    int32_t found = 0;
    *missing = divide(room, keys, &found);
    if (found == 0) {
        return PYR_OK;
    }
    pyr_chunk chunk = {.rows = span, .selected = found, .mask = room->mask};
    return pyr_aggregate_update(grouping->sink, vectors, &chunk, room->rows,
                                table->rows + table->key_bytes, table->stride, room->groups, arena,
                                error);
}

/* ---- Workers. ---- */

static pyr_status make_schema(const pyr_aggregate_sink *sink, pyr_schema **out, pyr_error *error) {
    size_t count = (size_t)sink->expressions_count;
    pyr_plan_column *columns = calloc(count + 1, sizeof(*columns));
    *out = NULL;
    if (columns == NULL) {
        return pyr_error_memory(error, count * sizeof(*columns));
    }
    for (size_t i = 0; i < count; ++i) {
        columns[i] = (pyr_plan_column){.name = "", .type = sink->expressions[i]->type};
    }
    pyr_status status = pyr_plan_columns_schema(columns, sink->expressions_count, out, error);
    free(columns);
    return status;
}

bool pyr_hash_spills(pyr_grouping *grouping, uint32_t more_groups) {
    const pyr_exec *exec = grouping->sink->exec;
    if (!pyr_spill_possible(exec)) {
        return false;
    }
    if (atomic_load_explicit(&grouping->spilling, memory_order_relaxed)) {
        return true;
    }
    uint32_t more = more_groups / PYR_PARTITIONS + 64;
    size_t bytes = 0;
    for (int i = 0; i < PYR_PARTITIONS; ++i) {
        pyr_partition *partition = &grouping->partitions[i];
        pthread_mutex_lock(&partition->lock);
        bytes += pyr_group_table_growth(&partition->table, more);
        pthread_mutex_unlock(&partition->lock);
    }
    return pyr_spill_wanted(exec, bytes, SINK_SHARE);
}

pyr_status pyr_hash_begin_spill(pyr_grouping *grouping, pyr_error *error) {
    pyr_aggregate_sink *sink = grouping->sink;
    pyr_schema *schema = NULL;
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&grouping->lock);
    if (grouping->spilled == NULL) {
        status = make_schema(sink, &schema, error);
        if (status == PYR_OK) {
            status = pyr_spill_parts_create(sink->exec, sink->node->id, schema, 0,
                                            &grouping->spilled, error);
        }
        pyr_schema_release(schema);
    }
    if (status == PYR_OK) {
        atomic_store_explicit(&grouping->spilling, true, memory_order_release);
    }
    pthread_mutex_unlock(&grouping->lock);
    return status;
}

pyr_status pyr_hash_spill_rows(pyr_grouping_state *state, const pyr_vector *vectors,
                               const pyr_chunk *chunk, const uint16_t *rows,
                               const pyr_key_batch *keys, pyr_error *error) {
    pyr_grouping *grouping = state->grouping;
    if (state->spill_room == NULL) {
        state->spill_room = calloc(1, sizeof(*state->spill_room));
        if (state->spill_room == NULL) {
            return pyr_error_memory(error, sizeof(*state->spill_room));
        }
    }
    pyr_spill_room *room = state->spill_room;
    int32_t missing = 0;
    for (int32_t i = 0; i < keys->count; ++i) {
        room->rows[i] = rows != NULL ? rows[i] : (uint16_t)i;
    }
    pyr_group_table_look_up(&state->table, keys, room->groups);
    PYR_TRY(update_known(grouping, &state->table, &state->arena, vectors, chunk->rows, keys, room,
                         &missing, error));
    return pyr_spill_parts_add(grouping->spilled, vectors, chunk->rows, room->new_rows,
                               room->new_hashes, missing, error);
}

pyr_status pyr_hash_spill_finish(pyr_grouping *grouping, pyr_error *error) {
    if (!grouping->spilling) {
        return PYR_OK;
    }
    if (grouping->partitions_count == 1) {
        PYR_TRY(pyr_hash_split(grouping, error));
    }
    grouping->partitions_count = PYR_PARTITIONS;
    return pyr_spill_parts_finish(grouping->spilled, error);
}

/* ---- Units. ---- */

typedef struct pending {
    pyr_spill *spill;
    int shift; /* of the bits that its parts would be told apart by */
} pending;

struct pyr_spilled_groups {
    pyr_grouping *grouping;
    int unit;
    int next;             /* of the unit's tables */
    pyr_partition *given; /* the last one, to be emptied */
    pyr_partition fresh;  /* for what was spilled again */
    bool frozen[UNIT_TABLES];
    pending *waiting;
    size_t waiting_count, waiting_capacity;
    pyr_spill_parts *beyond; /* while a file is read: rows that do not fit */
    pyr_batch_cursor cursor;
    pyr_vector *keys;
    pyr_key_room *key_room;
    pyr_spill_room room;
};

static void empty(const pyr_grouping *grouping, pyr_partition *partition) {
    pyr_group_table *table = &partition->table;
    if (table->rows != NULL) {
        pyr_aggregate_destroy_states(grouping->sink, table->rows + table->key_bytes, table->stride,
                                     table->count);
    }
    pyr_group_table_deinit(table);
    pyr_arena_deinit(&partition->arena);
    pyr_group_table_init(table, grouping->encoding.layout, grouping->sink->state_bytes,
                         grouping->sink->exec->budget);
    pyr_arena_init(&partition->arena, grouping->sink->exec->budget);
}

void pyr_spilled_groups_destroy(pyr_spilled_groups *groups) {
    if (groups == NULL) {
        return;
    }
    empty(groups->grouping, &groups->fresh);
    pyr_group_table_deinit(&groups->fresh.table);
    pyr_arena_deinit(&groups->fresh.arena);
    for (size_t i = 0; i < groups->waiting_count; ++i) {
        pyr_spill_destroy(groups->waiting[i].spill);
    }
    pyr_spill_parts_destroy(groups->beyond);
    pyr_batch_cursor_deinit(&groups->cursor);
    if (groups->key_room != NULL) {
        pyr_arena_deinit(&groups->key_room->encoded);
    }
    free(groups->key_room);
    free(groups->keys);
    free(groups->waiting);
    free(groups);
}

/* Takes spill, on failure too. */
static pyr_status push(pyr_spilled_groups *self, pyr_spill *spill, int shift, pyr_error *error) {
    if (self->waiting_count == self->waiting_capacity) {
        size_t larger = self->waiting_capacity + 4 * PYR_SPILL_PARTS;
        pending *grown = realloc(self->waiting, larger * sizeof(*grown));
        if (grown == NULL) {
            pyr_spill_destroy(spill);
            return pyr_error_memory(error, larger * sizeof(*grown));
        }
        self->waiting = grown;
        self->waiting_capacity = larger;
    }
    self->waiting[self->waiting_count++] = (pending){spill, shift};
    return PYR_OK;
}

/* ---- A file's rows into tables. ---- */

/* Rows that no table takes. */
static pyr_status put_beyond(pyr_spilled_groups *self, const pyr_chunk *chunk, int32_t count,
                             int shift, pyr_error *error) {
    pyr_aggregate_sink *sink = self->grouping->sink;
    if (count == 0) {
        return PYR_OK;
    }
    if (shift > SHIFT_MAX) {
        return pyr_error_set(error, PYR_ERROR_MEMORY,
                             "groups of one hash that pass the memory limit");
    }
    if (self->beyond == NULL) {
        PYR_TRY(pyr_spill_parts_create(sink->exec, sink->node->id, self->grouping->spilled->schema,
                                       shift, &self->beyond, error));
    }
    return pyr_spill_parts_add(self->beyond, chunk->columns, chunk->rows, self->room.new_rows,
                               self->room.new_hashes, count, error);
}

/* Whether a table may have so many groups more. */
static bool has_room(const pyr_spilled_groups *self, const pyr_partition *partition,
                     int32_t count) {
    const pyr_group_table *table = &partition->table;
    bool fresh = partition == &self->fresh;
    size_t bytes = pyr_group_table_growth(table, (uint32_t)count);
    size_t texts = table->strings.used_bytes + partition->arena.used_bytes; /* these double, too */
    bytes += texts;
    return bytes == 0 || (fresh && table->count < FRESH_GROUPS_MIN) ||
           !pyr_spill_wanted(self->grouping->sink->exec, bytes, UNIT_SHARE);
}

/* Keys of the rows that belong to one table, and those rows. */
static void pick(pyr_spilled_groups *self, const pyr_key_batch *keys, const uint8_t *tables,
                 uint8_t table, pyr_key_batch *out) {
    pyr_spill_room *room = &self->room;
    pyr_key_rooms rooms = {room->words, room->strings, room->hashes};
    int32_t count = 0;
    for (int32_t i = 0; i < keys->count; ++i) {
        if (tables[i] != table) {
            continue;
        }
        pyr_key_move(self->grouping->encoding.layout, keys, i, rooms, count);
        room->rows[count++] = (uint16_t)i;
    }
    *out = pyr_key_moved(keys, rooms, count);
    out->brief_from = 0; /* the file's mapping goes before the table does */
    out->brief_to = UINTPTR_MAX;
}

static pyr_status add_to_table(pyr_spilled_groups *self, pyr_partition *into, bool *frozen,
                               const pyr_chunk *chunk, const pyr_key_batch *keys, int shift,
                               pyr_error *error) {
    int32_t missing = 0;
    *frozen = *frozen || !has_room(self, into, keys->count);
    if (*frozen) {
        pyr_group_table_look_up(&into->table, keys, self->room.groups);
    } else {
        PYR_TRY(pyr_group_table_find(&into->table, keys, self->room.groups, error));
    }
    PYR_TRY(update_known(self->grouping, &into->table, &into->arena, chunk->columns, chunk->rows,
                         keys, &self->room, &missing, error));
    return put_beyond(self, chunk, missing, shift, error);
}

static pyr_status add_chunk(pyr_spilled_groups *self, pyr_partition *tables, int tables_count,
                            pyr_chunk *chunk, int shift, pyr_error *error) {
    const pyr_grouping *grouping = self->grouping;
    uint8_t of[PYR_VECTOR_ROWS];
    pyr_key_batch keys;
    for (int32_t i = 0; i < grouping->keys_count; ++i) {
        self->keys[i] = chunk->columns[grouping->keys[i]];
    }
    PYR_TRY(pyr_group_keys_encode(&grouping->encoding, self->keys, NULL, chunk->rows,
                                  self->key_room, &keys, error));
    for (int32_t i = 0; i < keys.count; ++i) {
        of[i] = tables_count == 1 ? 0 : (uint8_t)(pyr_partition_of(keys.hashes[i]) % UNIT_TABLES);
    }
    for (int i = 0; i < tables_count; ++i) {
        pyr_key_batch some;
        pick(self, &keys, of, (uint8_t)i, &some);
        if (some.count > 0) {
            PYR_TRY(add_to_table(self, &tables[i], &self->frozen[i], chunk, &some, shift, error));
        }
    }
    return PYR_OK;
}

static pyr_status read_all(pyr_spilled_groups *self, pyr_spill *spill, pyr_partition *tables,
                           int tables_count, int shift, pyr_error *error) {
    PYR_TRY(pyr_spill_open(spill, error));
    for (;;) {
        pyr_batch *batch = NULL;
        pyr_status status = pyr_cancel_flag_check(self->grouping->sink->exec->cancel, error);
        if (status == PYR_OK) {
            status = pyr_spill_next(spill, &batch, error);
        }
        if (status != PYR_OK || batch == NULL) {
            return status;
        }
        pyr_batch_cursor_open(&self->cursor, batch, false);
        pyr_chunk chunk;
        do {
            pyr_batch_cursor_next(&self->cursor, NULL, &chunk);
            if (chunk.rows > 0) {
                status = add_chunk(self, tables, tables_count, &chunk, shift, error);
            }
        } while (chunk.rows > 0 && status == PYR_OK);
        if (status == PYR_OK) {
            status = pyr_batch_check_mappings(batch, error);
        }
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* Takes spill. What does not fit waits. */
static pyr_status group_file(pyr_spilled_groups *self, pyr_spill *spill, pyr_partition *tables,
                             int tables_count, int shift, pyr_error *error) {
    memset(self->frozen, 0, sizeof(self->frozen));
    pyr_status status = read_all(self, spill, tables, tables_count, shift, error);
    pyr_spill_destroy(spill);
    PYR_TRY(status);
    if (self->beyond == NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_spill_parts_finish(self->beyond, error));
    for (int i = 0; i < PYR_SPILL_PARTS; ++i) {
        pyr_spill *part = pyr_spill_parts_take(self->beyond, i);
        if (part != NULL) {
            PYR_TRY(push(self, part, shift + PYR_SPILL_BITS, error));
        }
    }
    pyr_spill_parts_destroy(self->beyond);
    self->beyond = NULL;
    return PYR_OK;
}

/* ---- What the source sees. ---- */

static pyr_status open_unit(pyr_spilled_groups *self, pyr_error *error) {
    pyr_grouping *grouping = self->grouping;
    const pyr_aggregate_sink *sink = grouping->sink;
    self->keys = calloc((size_t)grouping->keys_count + 1, sizeof(*self->keys));
    self->key_room = calloc(1, sizeof(*self->key_room));
    if (self->keys == NULL || self->key_room == NULL) {
        return pyr_error_memory(error, sizeof(*self->key_room));
    }
    pyr_arena_init(&self->key_room->encoded, sink->exec->budget);
    PYR_TRY(pyr_batch_cursor_init(&self->cursor, sink->expressions_count, error));
    pyr_spill *spill = pyr_spill_parts_take(grouping->spilled, self->unit);
    return spill != NULL ? group_file(self, spill, &grouping->partitions[self->unit * UNIT_TABLES],
                                      UNIT_TABLES, PYR_SPILL_BITS, error)
                         : PYR_OK;
}

pyr_status pyr_spilled_groups_create(pyr_grouping *grouping, int unit, pyr_spilled_groups **out,
                                     pyr_error *error) {
    *out = NULL;
    pyr_spilled_groups *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->grouping = grouping;
    self->unit = unit;
    pyr_group_table_init(&self->fresh.table, grouping->encoding.layout, grouping->sink->state_bytes,
                         grouping->sink->exec->budget);
    pyr_arena_init(&self->fresh.arena, grouping->sink->exec->budget);
    pyr_status status = open_unit(self, error);
    if (status != PYR_OK) {
        pyr_spilled_groups_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

pyr_status pyr_spilled_groups_next(pyr_spilled_groups *groups, pyr_partition **out,
                                   pyr_error *error) {
    pyr_partition *tables = &groups->grouping->partitions[groups->unit * UNIT_TABLES];
    *out = NULL;
    if (groups->given != NULL) {
        empty(groups->grouping, groups->given);
        groups->given = NULL;
    }
    while (groups->next < UNIT_TABLES && *out == NULL) {
        pyr_partition *table = &tables[groups->next++];
        *out = table->table.count > 0 ? table : NULL;
    }
    if (*out == NULL && groups->waiting_count > 0) {
        pending last = groups->waiting[--groups->waiting_count];
        PYR_TRY(group_file(groups, last.spill, &groups->fresh, 1, last.shift, error));
        *out = &groups->fresh;
    }
    groups->given = *out;
    return PYR_OK;
}
