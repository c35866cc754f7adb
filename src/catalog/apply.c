/* apply.c - a change applied to tables: to what its transaction sees, and at its commit to what is
 * current.
 */
#include "catalog/entry_internal.h"
#include "catalog/keyed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Working tables. ---- */

pyr_status pyr_working_tables_init(pyr_working_tables *work, const pyr_snapshot *from,
                                   pyr_error *error) {
    memset(work, 0, sizeof(*work));
    work->capacity = from->tables_count + 4;
    work->tables = calloc(work->capacity, sizeof(pyr_table *));
    if (work->tables == NULL) {
        return pyr_error_memory(error, work->capacity * sizeof(pyr_table *));
    }
    for (size_t i = 0; i < from->tables_count; ++i) {
        work->tables[work->count++] = pyr_table_retain(from->tables[i]);
    }
    work->objects = pyr_entries_retain(from->objects);
    return PYR_OK;
}

static void release_all(pyr_table **tables, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        pyr_table_release(tables[i]);
    }
    free(tables);
}

void pyr_working_tables_deinit(pyr_working_tables *work) {
    release_all(work->tables, work->count);
    release_all(work->gone, work->gone_count);
    for (size_t i = 0; i < work->retired_count; ++i) {
        pyr_segment_release(work->retired[i]);
    }
    free(work->retired);
    for (size_t i = 0; i < work->moved_count; ++i) {
        pyr_replacement_release(work->moved[i]);
    }
    free(work->moved);
    pyr_entries_release(work->objects);
    memset(work, 0, sizeof(*work));
}

static pyr_status push(pyr_table ***tables, size_t *count, size_t *capacity, pyr_table *table,
                       pyr_error *error) {
    PYR_TRY(pyr_change_grow((void **)tables, *count, capacity, sizeof(**tables), error));
    (*tables)[(*count)++] = pyr_table_retain(table);
    return PYR_OK;
}

static pyr_status retire(pyr_working_tables *work, pyr_segment *segment, pyr_error *error) {
    PYR_TRY(pyr_change_grow((void **)&work->retired, work->retired_count, &work->retired_capacity,
                            sizeof(*work->retired), error));
    work->retired[work->retired_count++] = pyr_segment_retain(segment);
    return PYR_OK;
}

static pyr_status note_move(pyr_working_tables *work, pyr_replacement *replacement,
                            pyr_error *error) {
    PYR_TRY(pyr_change_grow((void **)&work->moved, work->moved_count, &work->moved_capacity,
                            sizeof(*work->moved), error));
    work->moved[work->moved_count++] = pyr_replacement_retain(replacement);
    return PYR_OK;
}

/* A copy, to fall back to. */
static pyr_status copy_working_tables(const pyr_working_tables *from, pyr_working_tables *out,
                                      pyr_error *error) {
    memset(out, 0, sizeof(*out));
    out->objects = pyr_entries_retain(from->objects);
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < from->count; ++i) {
        status = push(&out->tables, &out->count, &out->capacity, from->tables[i], error);
    }
    for (size_t i = 0; status == PYR_OK && i < from->gone_count; ++i) {
        status = push(&out->gone, &out->gone_count, &out->gone_capacity, from->gone[i], error);
    }
    for (size_t i = 0; status == PYR_OK && i < from->retired_count; ++i) {
        status = retire(out, from->retired[i], error);
    }
    for (size_t i = 0; status == PYR_OK && i < from->moved_count; ++i) {
        status = note_move(out, from->moved[i], error);
    }
    if (status != PYR_OK) {
        pyr_working_tables_deinit(out);
    }
    out->catalog = from->catalog;
    out->keyed = from->keyed;
    return status;
}

static size_t find_id(const pyr_working_tables *work, uint64_t id) {
    size_t i = 0;
    while (i < work->count && work->tables[i]->id != id) {
        ++i;
    }
    return i;
}

static size_t find_name(const pyr_working_tables *work, const pyr_table *named) {
    size_t i = 0;
    while (i < work->count &&
           (pyr_name_compare(work->tables[i]->schema_name, named->schema_name) != 0 ||
            pyr_name_compare(work->tables[i]->name, named->name) != 0)) {
        ++i;
    }
    return i;
}

static pyr_status take_out(pyr_working_tables *work, size_t place, pyr_lsm_batch *batch,
                           pyr_error *error) {
    pyr_table *table = work->tables[place];
    if (batch != NULL) {
        PYR_TRY(pyr_record_delete_table(batch, table, error));
    }
    PYR_TRY(push(&work->gone, &work->gone_count, &work->gone_capacity, table, error));
    work->tables[place] = work->tables[--work->count];
    pyr_table_release(table);
    return PYR_OK;
}

/* ---- Applying. ---- */

static pyr_status altered_meanwhile(const char *name, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_CONFLICT, "40001", -1,
                             "table \"%s\" was altered or written to meanwhile: roll back and try "
                             "again",
                             name);
}

/* The table whose place own's takes goes. */
static pyr_status replace(const pyr_table_change *own, pyr_working_tables *work,
                          pyr_lsm_batch *batch, pyr_error *error) {
    size_t place = own->replaced_id != 0                ? find_id(work, own->replaced_id)
                   : own->mode == PYR_CREATE_OR_REPLACE ? find_name(work, own->created)
                                                        : work->count;
    if (own->replaced_id != 0 &&
        (place == work->count || work->tables[place]->version != own->replaced_version)) {
        return altered_meanwhile(own->created->name, error);
    }
    return place < work->count ? take_out(work, place, batch, error) : PYR_OK;
}

static pyr_status put_in(const pyr_table_change *own, pyr_working_tables *work,
                         pyr_lsm_batch *batch, pyr_error *error) {
    PYR_TRY(replace(own, work, batch, error));
    return push(&work->tables, &work->count, &work->capacity, own->created, error);
}

static size_t find_segment(const pyr_table *table, uint64_t number) {
    size_t i = 0;
    while (i < table->segments_count &&
           pyr_segment_get_info(table->segments[i])->number != number) {
        ++i;
    }
    return i;
}

static pyr_status conflict(const pyr_table *table, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_CONFLICT, "40001", -1,
                             "table \"%s\": another transaction has deleted or updated a row that "
                             "this one deletes or updates: roll back and try again",
                             table->name);
}

/* A row that the segment has not got would be read back as damage. */
static pyr_status check_rows(const pyr_table *table, size_t place, const pyr_row_bitmap *rows,
                             pyr_error *error) {
    int64_t count = pyr_segment_get_info(table->segments[place])->rows;
    return pyr_row_bitmap_count_range(rows, count, PYR_ROW_BITMAP_ROWS_MAX) == 0
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_INTERNAL,
                               "table \"%s\": rows deleted beyond the %" PRId64
                               " that a segment has",
                               table->name, count);
}

/* What a table's deleted rows become. */
typedef struct deleting {
    const pyr_working_tables *work;
    const pyr_table *table;
    pyr_row_bitmap **deleted; /* of each segment, retained; they are replaced */
    pyr_lsm_batch *batch;     /* NULL: nothing is recorded */
} deleting;

static pyr_status delete_in(deleting *self, size_t place, pyr_row_bitmap *rows, pyr_error *error) {
    const pyr_table *table = self->table;
    if (pyr_row_bitmap_intersects(self->deleted[place], rows)) {
        return conflict(table, error);
    }
    PYR_TRY(check_rows(table, place, rows, error));
    pyr_row_bitmap *both = NULL;
    PYR_TRY(pyr_row_bitmap_union(self->deleted[place], rows, NULL, &both, error));
    pyr_row_bitmap_release(self->deleted[place]);
    self->deleted[place] = both;
    return self->batch != NULL && !pyr_table_is_memory_only(table)
               ? pyr_record_put_deleted(self->batch, table->id,
                                        pyr_segment_get_info(table->segments[place])->number, both,
                                        error)
               : PYR_OK;
}

static bool has_old(const pyr_replacement *replacement, uint64_t number, size_t *index) {
    for (size_t i = 0; i < replacement->old_count; ++i) {
        if (replacement->old_numbers[i] == number) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* The replacement that segment `number` went into; NULL: nobody knows. */
static const pyr_replacement *find_move(const pyr_working_tables *work, uint64_t number,
                                        size_t *index) {
    for (size_t i = work->moved_count; i-- > 0;) {
        if (has_old(work->moved[i], number, index)) {
            return work->moved[i];
        }
    }
    for (size_t i = work->catalog != NULL ? work->catalog->moves_count : 0; i-- > 0;) {
        if (has_old(work->catalog->moves[i], number, index)) {
            return work->catalog->moves[i];
        }
    }
    return NULL;
}

static pyr_status delete_rows(deleting *self, uint64_t number, pyr_row_bitmap *rows,
                              pyr_error *error);

/* Rows of a segment that was replaced since the transaction saw it, or dropped. */
static pyr_status delete_moved(deleting *self, uint64_t number, pyr_row_bitmap *rows,
                               pyr_error *error) {
    size_t index = 0;
    const pyr_replacement *replacement = find_move(self->work, number, &index);
    if (replacement == NULL || (replacement->new_count > 0 && !replacement->ordered) ||
        pyr_row_bitmap_intersects(replacement->left_out[index], rows)) {
        return conflict(self->table, error);
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < replacement->new_count; ++i) {
        pyr_row_bitmap *there = NULL;
        status = pyr_replacement_translate(replacement, index, rows, i, &there, error);
        if (status == PYR_OK && pyr_row_bitmap_cardinality(there) > 0) {
            status = delete_rows(self, replacement->new_numbers[i], there, error);
        }
        pyr_row_bitmap_release(there);
    }
    return status;
}

static pyr_status delete_rows(deleting *self, uint64_t number, pyr_row_bitmap *rows,
                              pyr_error *error) {
    size_t place = find_segment(self->table, number);
    return place < self->table->segments_count ? delete_in(self, place, rows, error)
                                               : delete_moved(self, number, rows, error);
}

static pyr_status apply_deletions(const pyr_table_change *own, deleting *self, pyr_error *error) {
    for (size_t i = 0; i < own->deletions_count; ++i) {
        const pyr_deletion *deletion = &own->deletions[i];
        PYR_TRY(delete_rows(self, deletion->segment_number, deletion->rows, error));
    }
    return PYR_OK;
}

/* ---- Replacing. ---- */

static pyr_status lost_race(const pyr_table *table, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_CONFLICT, "40001", -1,
                             "table \"%s\": its segments have changed meanwhile", table->name);
}

/* Where the run of the replacement's old segments begins; segments_count: it is not there. */
static size_t find_run(const pyr_table *table, const pyr_replacement *replacement) {
    size_t place = find_segment(table, replacement->old_numbers[0]);
    if (table->segments_count - place < replacement->old_count) {
        return table->segments_count;
    }
    for (size_t i = 0; i < replacement->old_count; ++i) {
        if (pyr_segment_get_info(table->segments[place + i])->number !=
            replacement->old_numbers[i]) {
            return table->segments_count;
        }
    }
    return place;
}

/* Rows of the old segments that were deleted since they were read, in new segment `index`. */
static pyr_status carry_deleted(const pyr_replacement *replacement, const pyr_table *table,
                                size_t place, size_t index, pyr_row_bitmap **out,
                                pyr_error *error) {
    pyr_row_bitmap *all = NULL;
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < replacement->old_count; ++i) {
        const pyr_row_bitmap *now = pyr_table_deleted(table, place + i);
        if (pyr_row_bitmap_cardinality(now) ==
            pyr_row_bitmap_cardinality(replacement->left_out[i])) {
            continue; /* sets of deleted rows only grow */
        }
        pyr_row_bitmap *moved = NULL;
        pyr_row_bitmap *both = NULL;
        status = replacement->ordered
                     ? pyr_replacement_translate(replacement, i, now, index, &moved, error)
                     : lost_race(table, error);
        if (status == PYR_OK) {
            status = pyr_row_bitmap_union(all, moved, NULL, &both, error);
        }
        pyr_row_bitmap_release(moved);
        if (status == PYR_OK) {
            pyr_row_bitmap_release(all);
            all = both;
        }
    }
    if (status != PYR_OK || pyr_row_bitmap_cardinality(all) == 0) {
        pyr_row_bitmap_release(all);
        all = NULL;
    }
    *out = all;
    return status;
}

static pyr_status record_replacement(const pyr_table_replacement *own, const pyr_table *table,
                                     size_t place, pyr_row_bitmap *const *deleted,
                                     pyr_lsm_batch *batch, pyr_error *error) {
    if (batch == NULL || pyr_table_is_memory_only(table)) {
        return PYR_OK;
    }
    for (size_t i = 0; i < own->replacement->old_count; ++i) {
        PYR_TRY(pyr_record_delete_segment(batch, table->id, table->segments[place + i],
                                          pyr_table_deleted(table, place + i) != NULL, error));
    }
    for (size_t i = 0; i < own->replacement->new_count; ++i) {
        PYR_TRY(pyr_record_put_segment(batch, table->id, 0, own->segments[i], error));
        if (deleted[i] != NULL) {
            PYR_TRY(pyr_record_put_deleted(batch, table->id, own->replacement->new_numbers[i],
                                           deleted[i], error));
        }
    }
    return PYR_OK;
}

/* table with the run at place taken out, and the new segments, with their deleted rows, put in. */
static pyr_status splice(const pyr_table *table, size_t place, const pyr_table_replacement *own,
                         pyr_row_bitmap *const *deleted, pyr_table **out, pyr_error *error) {
    size_t old_count = own->replacement->old_count;
    size_t new_count = own->replacement->new_count;
    size_t count = table->segments_count - old_count + new_count;
    pyr_segment **segments = calloc(count + 1, sizeof(*segments));
    pyr_row_bitmap **bitmaps = calloc(count + 1, sizeof(*bitmaps));
    pyr_status status = segments != NULL && bitmaps != NULL
                            ? PYR_OK
                            : pyr_error_memory(error, count * sizeof(*segments));
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        bool fresh = i >= place && i < place + new_count;
        size_t from = i < place ? i : i - new_count + old_count;
        segments[i] = fresh ? own->segments[i - place] : table->segments[from];
        bitmaps[i] = fresh ? deleted[i - place] : pyr_table_deleted(table, from);
    }
    if (status == PYR_OK) {
        status = pyr_table_with_segments(table, segments, bitmaps, count, out, error);
    }
    free(segments);
    free(bitmaps);
    return status;
}

static pyr_status retire_run(const pyr_table *table, size_t place, const pyr_replacement *by,
                             pyr_working_tables *work, pyr_error *error) {
    for (size_t i = 0; i < by->old_count; ++i) {
        PYR_TRY(retire(work, table->segments[place + i], error));
    }
    return PYR_OK;
}

static pyr_status apply_replacement(const pyr_table_replacement *own, const pyr_table *table,
                                    pyr_working_tables *work, pyr_lsm_batch *batch, pyr_table **out,
                                    pyr_error *error) {
    size_t new_count = own->replacement->new_count;
    size_t place = find_run(table, own->replacement);
    *out = NULL;
    if (place == table->segments_count) {
        return lost_race(table, error);
    }
    pyr_row_bitmap **deleted = calloc(new_count + 1, sizeof(*deleted));
    if (deleted == NULL) {
        return pyr_error_memory(error, new_count * sizeof(*deleted));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < new_count; ++i) {
        status = carry_deleted(own->replacement, table, place, i, &deleted[i], error);
    }
    if (status == PYR_OK) {
        status = record_replacement(own, table, place, deleted, batch, error);
    }
    if (status == PYR_OK) {
        status = splice(table, place, own, deleted, out, error);
    }
    if (status == PYR_OK) {
        status = retire_run(table, place, own->replacement, work, error);
    }
    if (status == PYR_OK) {
        status = note_move(work, own->replacement, error);
    }
    for (size_t i = 0; i < new_count; ++i) {
        pyr_row_bitmap_release(deleted[i]);
    }
    free(deleted);
    if (status != PYR_OK) {
        pyr_table_release(*out);
        *out = NULL;
    }
    return status;
}

/* Takes *table. */
static pyr_status apply_replacements(const pyr_table_change *own, pyr_table **table,
                                     pyr_working_tables *work, pyr_lsm_batch *batch,
                                     pyr_error *error) {
    for (size_t i = 0; i < own->replacements_count; ++i) {
        pyr_table *next = NULL;
        PYR_TRY(apply_replacement(&own->replacements[i], *table, work, batch, &next, error));
        pyr_table_release(*table);
        *table = next;
    }
    return PYR_OK;
}

/* ---- Tables. ---- */

static pyr_status with_deletions(const pyr_table_change *own, pyr_table *table,
                                 const pyr_working_tables *work, pyr_lsm_batch *batch,
                                 pyr_table **out, pyr_error *error) {
    size_t count = table->segments_count;
    *out = NULL;
    deleting self = {work, table, calloc(count + 1, sizeof(pyr_row_bitmap *)), batch};
    if (self.deleted == NULL) {
        return pyr_error_memory(error, count * sizeof(pyr_row_bitmap *));
    }
    for (size_t i = 0; i < count; ++i) {
        self.deleted[i] = pyr_row_bitmap_retain(pyr_table_deleted(table, i));
    }
    pyr_status status = apply_deletions(own, &self, error);
    if (status == PYR_OK) {
        status = pyr_table_with_segments(table, table->segments, self.deleted, count, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_row_bitmap_release(self.deleted[i]);
    }
    free(self.deleted);
    return status;
}

/* Compaction makes no new version: who altered or rewrote the table by its rows did no wrong. */
static bool rows_stay(const pyr_table_change *own) {
    bool stay =
        own->replacements_count > 0 && own->appended_count == 0 && own->deletions_count == 0;
    for (size_t i = 0; stay && i < own->replacements_count; ++i) {
        stay = pyr_replacement_keeps_rows(own->replacements[i].replacement);
    }
    return stay;
}

/* The next version of table with what own replaces, appends and deletes. */
static pyr_status next_version(const pyr_table_change *own, const pyr_table *table,
                               pyr_working_tables *work, pyr_lsm_batch *batch, pyr_table **out,
                               pyr_error *error) {
    *out = NULL;
    pyr_table *next = NULL;
    PYR_TRY(pyr_table_append(table, own->appended, own->appended_count, &next, error));
    pyr_status status = apply_replacements(own, &next, work, batch, error);
    if (status == PYR_OK && own->deletions_count > 0) {
        status = with_deletions(own, next, work, batch, out, error);
    } else if (status == PYR_OK) {
        *out = pyr_table_retain(next);
    }
    if (status == PYR_OK && rows_stay(own)) {
        (*out)->version = table->version; /* nobody has seen it yet */
    }
    pyr_table_release(next);
    return status;
}

static pyr_status record_rows(const pyr_table_change *own, pyr_table *table, pyr_lsm_batch *batch,
                              pyr_error *error) {
    for (size_t i = 0; i < own->appended_count && !pyr_table_is_memory_only(table); ++i) {
        PYR_TRY(pyr_record_put_segment(batch, table->id, table->version, own->appended[i], error));
        table->version_recorded = true; /* nobody has seen it yet */
    }
    PYR_TRY(pyr_keyed_put_count(batch, table, error));
    /* Else all that changes is its version: commit.c writes it once a group. */
    bool defined = own->created != NULL || own->altered != NULL || table->external != NULL;
    return defined ? pyr_record_put_table(batch, table, error) : PYR_OK;
}

static bool has_successor(const pyr_working_tables *work, const pyr_table *table) {
    uint64_t origin_id = table->origin_id != 0 ? table->origin_id : table->id;
    for (size_t i = 0; i < work->count; ++i) {
        if (work->tables[i]->origin_id == origin_id) {
            return true;
        }
    }
    return false;
}

/* Or written anew by ALTER: then it is worth another try. */
static pyr_status dropped_meanwhile(const pyr_change *change, uint64_t id,
                                    const pyr_working_tables *work, pyr_error *error) {
    const pyr_table *table = pyr_snapshot_find_id(change->base, id);
    if (table != NULL && has_successor(work, table)) {
        return altered_meanwhile(table->name, error);
    }
    return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                             "table \"%s\" was dropped meanwhile",
                             table != NULL ? table->name : "");
}

/* The table at place gets own's definition. */
static pyr_status alter(const pyr_table_change *own, pyr_working_tables *work, size_t place,
                        pyr_error *error) {
    pyr_table *table = work->tables[place];
    if (table->schema != own->altered_from ||
        (own->altered_version != 0 && table->version != own->altered_version)) {
        return altered_meanwhile(table->name, error);
    }
    pyr_table *next = NULL;
    PYR_TRY(pyr_table_redefine(table, own->altered, &next, error));
    pyr_table_release(table);
    work->tables[place] = next;
    return PYR_OK;
}

/* Who appends to a table that was altered meanwhile would fill other columns. */
static pyr_status check_appends(const pyr_change *change, const pyr_table_change *own,
                                const pyr_table *table, pyr_error *error) {
    bool writes = own->appended_count > 0 || own->rows_count > 0 || own->keyed != NULL;
    if (!writes || own->created != NULL) {
        return PYR_OK;
    }
    const pyr_table *base = pyr_snapshot_find_id(change->base, own->id);
    return base != NULL && base->schema != table->schema ? altered_meanwhile(table->name, error)
                                                         : PYR_OK;
}

pyr_status pyr_change_find_target(const pyr_change *change, const pyr_table_change *own,
                                  const pyr_working_tables *work, pyr_table **out,
                                  pyr_error *error) {
    size_t place = find_id(work, own->id);
    if (place == work->count) {
        return dropped_meanwhile(change, own->id, work, error);
    }
    *out = work->tables[place];
    return check_appends(change, own, *out, error);
}

pyr_status pyr_working_tables_append(pyr_working_tables *work, uint64_t table_id,
                                     pyr_segment *segment, pyr_lsm_batch *batch, pyr_error *error) {
    pyr_table **table = &work->tables[find_id(work, table_id)];
    const pyr_table_change own = {.id = table_id, .appended_count = 1, .appended = &segment};
    pyr_table *next = NULL;
    PYR_TRY(pyr_table_append(*table, &segment, 1, &next, error));
    pyr_lsm_batch_mark(batch);
    pyr_status status = record_rows(&own, next, batch, error);
    if (status != PYR_OK) {
        pyr_lsm_batch_rollback(batch);
        pyr_table_release(next);
        return status;
    }
    pyr_table_release(*table);
    *table = next;
    return PYR_OK;
}

static pyr_status apply_table(const pyr_change *change, const pyr_table_change *own,
                              pyr_working_tables *work, pyr_lsm_batch *batch, pyr_error *error) {
    if (own->created != NULL && own->dropped) {
        return replace(own, work, batch, error); /* nobody ever sees it itself */
    }
    if (own->created != NULL) {
        PYR_TRY(put_in(own, work, batch, error));
    }
    size_t place = own->created != NULL ? work->count - 1 : find_id(work, own->id);
    if (place == work->count) {
        return dropped_meanwhile(change, own->id, work, error);
    }
    if (own->dropped) {
        return take_out(work, place, batch, error);
    }
    PYR_TRY(own->altered != NULL ? alter(own, work, place, error)
                                 : check_appends(change, own, work->tables[place], error));
    pyr_table *next = NULL;
    PYR_TRY(pyr_table_is_keyed(work->tables[place])
                ? pyr_keyed_apply(own, work->tables[place],
                                  pyr_snapshot_find_id(change->base, own->id), work->keyed, batch,
                                  &next, error)
                : next_version(own, work->tables[place], work, batch, &next, error));
    pyr_table_release(work->tables[place]);
    work->tables[place] = next;
    return batch != NULL ? record_rows(own, next, batch, error) : PYR_OK;
}

/* The definitions that a change gives, by name; *out is freed by the caller. */
static pyr_status sort_definitions(const pyr_change *change, const pyr_table ***out, size_t *count,
                                   pyr_error *error) {
    *count = 0;
    *out = calloc(change->tables_count + 1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, change->tables_count * sizeof(**out));
    }
    for (size_t i = 0; i < change->tables_count; ++i) {
        const pyr_table_change *own = &change->tables[i];
        if (own->created != NULL || own->altered != NULL) {
            (*out)[(*count)++] = own->altered != NULL ? own->altered : own->created;
        }
    }
    if (*count > 1) {
        qsort(*out, *count, sizeof(**out), pyr_tables_compare);
    }
    return PYR_OK;
}

/* In the end only: tables may have changed names among them. Each table is looked for among the
 * names that the change gives: a transaction may make a thousand. */
static pyr_status check_names(const pyr_change *change, const pyr_working_tables *work,
                              pyr_error *error) {
    const pyr_table **given = NULL;
    size_t count = 0;
    PYR_TRY(sort_definitions(change, &given, &count, error));
    bool *taken = calloc(count + 1, sizeof(*taken));
    pyr_status status = taken != NULL ? PYR_OK : pyr_error_memory(error, count);
    for (size_t i = 0; status == PYR_OK && count > 0 && i < work->count; ++i) {
        const pyr_table **found =
            bsearch(&work->tables[i], given, count, sizeof(*given), pyr_tables_compare);
        if (found != NULL && taken[found - given]) {
            status = pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                       "table \"%s\" already exists", work->tables[i]->name);
        } else if (found != NULL) {
            taken[found - given] = true;
        }
    }
    free(taken);
    free(given);
    return status;
}

static pyr_status apply_tables(const pyr_change *change, pyr_working_tables *work,
                               pyr_lsm_batch *batch, pyr_error *error) {
    /* Names are made free before they are taken. */
    for (int creating = 0; creating < 2; ++creating) {
        for (size_t i = 0; i < change->tables_count; ++i) {
            if ((change->tables[i].created != NULL) == (creating == 1)) {
                PYR_TRY(apply_table(change, &change->tables[i], work, batch, error));
            }
        }
    }
    return check_names(change, work, error);
}

static pyr_status apply_all(const pyr_change *change, pyr_working_tables *work,
                            pyr_lsm_batch *batch, pyr_error *error) {
    PYR_TRY(pyr_change_drop_entries(change, work, batch, error));
    PYR_TRY(apply_tables(change, work, batch, error));
    PYR_TRY(pyr_change_put_entries(change, work, batch, error));
    return pyr_change_check_entries(change, work, error);
}

pyr_status pyr_change_apply(const pyr_change *change, pyr_working_tables *work,
                            pyr_lsm_batch *batch, pyr_error *error) {
    pyr_working_tables before;
    PYR_TRY(copy_working_tables(work, &before, error));
    if (batch != NULL) {
        pyr_lsm_batch_mark(batch);
    }
    size_t keyed_before = work->keyed != NULL ? work->keyed->count : 0;
    pyr_status status = apply_all(change, work, batch, error);
    if (status != PYR_OK) {
        if (work->keyed != NULL) {
            pyr_keyed_group_truncate(work->keyed, keyed_before);
        }
        if (batch != NULL) {
            pyr_lsm_batch_rollback(batch);
        }
        pyr_working_tables_deinit(work);
        *work = before;
        return status;
    }
    pyr_working_tables_deinit(&before);
    return PYR_OK;
}
