/* commit.c - applying changes to the current snapshot, many at a time.
 *
 * A thread that commits joins the queue. The one at its head leads: it takes all that wait, applies
 * them in order under write_lock, writes one LSM batch and wakes the others with their outcomes.
 * While it waits for the disk the next group gathers, so that the syncs a second do not bound the
 * commits.
 */
#include "base/log.h"
#include "catalog/change_internal.h"
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
    memset(work, 0, sizeof(*work));
}

static pyr_status push(pyr_table ***tables, size_t *count, size_t *capacity, pyr_table *table,
                       pyr_error *error) {
    if (*count == *capacity) {
        size_t wanted = *capacity > 0 ? *capacity * 2 : 8;
        pyr_table **grown = realloc(*tables, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        *tables = grown;
        *capacity = wanted;
    }
    (*tables)[(*count)++] = pyr_table_retain(table);
    return PYR_OK;
}

/* A copy, to fall back to. */
static pyr_status copy_working_tables(const pyr_working_tables *from, pyr_working_tables *out,
                                      pyr_error *error) {
    memset(out, 0, sizeof(*out));
    out->keyed = from->keyed;
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < from->count; ++i) {
        status = push(&out->tables, &out->count, &out->capacity, from->tables[i], error);
    }
    for (size_t i = 0; status == PYR_OK && i < from->gone_count; ++i) {
        status = push(&out->gone, &out->gone_count, &out->gone_capacity, from->gone[i], error);
    }
    if (status != PYR_OK) {
        pyr_working_tables_deinit(out);
    }
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

/* The table whose place own's takes goes. */
static pyr_status replace(const pyr_table_change *own, pyr_working_tables *work,
                          pyr_lsm_batch *batch, pyr_error *error) {
    size_t place = own->mode == PYR_CREATE_OR_REPLACE ? find_name(work, own->created) : work->count;
    return place < work->count ? take_out(work, place, batch, error) : PYR_OK;
}

static pyr_status put_in(const pyr_table_change *own, pyr_working_tables *work,
                         pyr_lsm_batch *batch, pyr_error *error) {
    PYR_TRY(replace(own, work, batch, error));
    if (find_name(work, own->created) < work->count) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                 "table \"%s\" already exists", own->created->name);
    }
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

/* deleted: table's own bitmaps, retained; they are replaced. */
static pyr_status apply_deletions(const pyr_table_change *own, const pyr_table *table,
                                  pyr_row_bitmap **deleted, pyr_lsm_batch *batch,
                                  pyr_error *error) {
    for (size_t i = 0; i < own->deletions_count; ++i) {
        const pyr_deletion *deletion = &own->deletions[i];
        size_t place = find_segment(table, deletion->segment_number);
        if (place == table->segments_count ||
            pyr_row_bitmap_intersects(deleted[place], deletion->rows)) {
            return conflict(table, error);
        }
        PYR_TRY(check_rows(table, place, deletion->rows, error));
        pyr_row_bitmap *both = NULL;
        PYR_TRY(pyr_row_bitmap_union(deleted[place], deletion->rows, NULL, &both, error));
        pyr_row_bitmap_release(deleted[place]);
        deleted[place] = both;
        if (batch != NULL && !pyr_table_is_memory_only(table)) {
            PYR_TRY(
                pyr_record_put_deleted(batch, table->id, deletion->segment_number, both, error));
        }
    }
    return PYR_OK;
}

/* The next version of table with what own appends and deletes. */
static pyr_status next_version(const pyr_table_change *own, const pyr_table *table,
                               pyr_lsm_batch *batch, pyr_table **out, pyr_error *error) {
    pyr_table *appended = NULL;
    PYR_TRY(pyr_table_append(table, own->appended, own->appended_count, &appended, error));
    size_t count = appended->segments_count;
    pyr_row_bitmap **deleted = calloc(count + 1, sizeof(pyr_row_bitmap *));
    pyr_status status =
        deleted != NULL ? PYR_OK : pyr_error_memory(error, count * sizeof(pyr_row_bitmap *));
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        deleted[i] = pyr_row_bitmap_retain(pyr_table_deleted(appended, i));
    }
    if (status == PYR_OK) {
        status = apply_deletions(own, appended, deleted, batch, error);
    }
    if (status == PYR_OK && own->deletions_count > 0) {
        status = pyr_table_with_deleted(appended, deleted, out, error);
    } else if (status == PYR_OK) {
        *out = pyr_table_retain(appended);
    }
    for (size_t i = 0; deleted != NULL && i < count; ++i) {
        pyr_row_bitmap_release(deleted[i]);
    }
    free(deleted);
    pyr_table_release(appended);
    return status;
}

static pyr_status record_rows(const pyr_table_change *own, const pyr_table *table,
                              pyr_lsm_batch *batch, pyr_error *error) {
    for (size_t i = 0; i < own->appended_count && !pyr_table_is_memory_only(table); ++i) {
        PYR_TRY(pyr_record_put_segment(batch, table->id, own->appended[i], error));
    }
    PYR_TRY(pyr_keyed_put_count(batch, table, error));
    return pyr_record_put_table(batch, table, error);
}

static pyr_status dropped_meanwhile(const pyr_change *change, uint64_t id, pyr_error *error) {
    const pyr_table *table = pyr_snapshot_find_id(change->base, id);
    return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                             "table \"%s\" was dropped meanwhile",
                             table != NULL ? table->name : "");
}

static pyr_status apply_table(const pyr_change *change, const pyr_table_change *own,
                              pyr_working_tables *work, pyr_lsm_batch *batch, pyr_error *error) {
    if (own->created != NULL && own->dropped) {
        return replace(own, work, batch, error); /* nobody ever sees it itself */
    }
    if (own->created != NULL) {
        PYR_TRY(put_in(own, work, batch, error));
    }
    size_t place = find_id(work, own->id);
    if (place == work->count) {
        return dropped_meanwhile(change, own->id, error);
    }
    if (own->dropped) {
        return take_out(work, place, batch, error);
    }
    pyr_table *next = NULL;
    PYR_TRY(pyr_table_is_keyed(work->tables[place])
                ? pyr_keyed_apply(own, work->tables[place],
                                  pyr_snapshot_find_id(change->base, own->id), work->keyed, batch,
                                  &next, error)
                : next_version(own, work->tables[place], batch, &next, error));
    pyr_table_release(work->tables[place]);
    work->tables[place] = next;
    return batch != NULL ? record_rows(own, next, batch, error) : PYR_OK;
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
    return PYR_OK;
}

pyr_status pyr_change_apply(const pyr_change *change, pyr_working_tables *work,
                            pyr_lsm_batch *batch, pyr_error *error) {
    pyr_working_tables before;
    PYR_TRY(copy_working_tables(work, &before, error));
    if (batch != NULL) {
        pyr_lsm_batch_mark(batch);
    }
    size_t keyed_before = work->keyed != NULL ? work->keyed->count : 0;
    pyr_status status = apply_tables(change, work, batch, error);
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

/* ---- Groups. ---- */

struct pyr_commit {
    pyr_change *change;
    bool sync;
    bool done;
    pyr_status status;
    pyr_error error;
    struct pyr_commit *next;
};

/* Rows that could not be dropped now are when a writer opens the database. */
static void drop_rows(const pyr_catalog *catalog, const pyr_table *table) {
    pyr_error error;
    if (pyr_table_is_keyed(table) &&
        pyr_keyed_drop_rows(catalog->lsm, table->id, &error) != PYR_OK) {
        pyr_log(PYR_LOG_WARNING, "catalog", "rows of the dropped table \"%s\" stay for now: %s",
                table->name, error.message);
    }
}

static void finish_files(const pyr_catalog *catalog, const pyr_working_tables *work) {
    for (size_t i = 0; i < work->gone_count; ++i) {
        drop_rows(catalog, work->gone[i]);
        for (size_t j = 0; j < work->gone[i]->segments_count; ++j) {
            pyr_segment_remove_on_release(work->gone[i]->segments[j]);
        }
    }
}

/* Applies what can be applied; the others have their errors. Gives how many could; *sync: whether
 * one of them wants it. */
static size_t apply_group(struct pyr_commit *first, pyr_working_tables *work, pyr_lsm_batch *batch,
                          bool *sync) {
    size_t applied = 0;
    *sync = false;
    for (struct pyr_commit *commit = first; commit != NULL; commit = commit->next) {
        commit->status = pyr_change_apply(commit->change, work, batch, &commit->error);
        applied += commit->status == PYR_OK;
        *sync = *sync || (commit->status == PYR_OK && commit->sync);
    }
    /* That a table is gone is on disk before its files go, whoever asked for it. */
    *sync = *sync || work->gone_count > 0;
    return applied;
}

/* After the group's write, whose outcome status is. Where a write failed and its doubt could not be
 * settled either, the files it names stay: the next open looks who names them. A full disk tears
 * the log's record, so that the catalog names nothing. */
static void judge_files(const pyr_catalog *catalog, struct pyr_commit *first, pyr_status status) {
    bool landed = status != PYR_OK && status != PYR_ERROR_DISK_FULL;
    for (struct pyr_commit *commit = first; commit != NULL; commit = commit->next) {
        pyr_change *change = commit->change;
        change->keep_files =
            catalog->doubtful && (change->keep_files || (landed && commit->status == PYR_OK));
    }
}

static void fail_group(struct pyr_commit *first, pyr_status status, const pyr_error *error) {
    for (struct pyr_commit *commit = first; commit != NULL; commit = commit->next) {
        if (commit->status == PYR_OK) {
            commit->status = status;
            commit->error = *error;
        }
    }
}

/* With write_lock held. */
static pyr_status write_group(pyr_catalog *catalog, struct pyr_commit *first, pyr_error *error) {
    pyr_snapshot *current = pyr_catalog_current(catalog);
    pyr_working_tables work = {0};
    pyr_keyed_group keyed = {0};
    pyr_lsm_batch *batch = NULL;
    pyr_status status = pyr_working_tables_init(&work, current, error);
    work.keyed = &keyed;
    if (status == PYR_OK) {
        status = pyr_lsm_batch_create(&batch, error);
    }
    bool sync = false;
    /* Where all of them conflict nothing is written, and no version is made. */
    if (status == PYR_OK && apply_group(first, &work, batch, &sync) > 0) {
        status = pyr_catalog_write(catalog, batch, sync, current, &work, error);
        if (status == PYR_OK) {
            finish_files(catalog, &work);
        }
        judge_files(catalog, first, status);
    }
    pyr_lsm_batch_destroy(batch);
    pyr_working_tables_deinit(&work);
    pyr_keyed_group_deinit(&keyed);
    pyr_snapshot_release(current);
    return status;
}

static void lead(pyr_catalog *catalog, struct pyr_commit *first) {
    pyr_error error;
    pthread_mutex_lock(&catalog->write_lock);
    pyr_status status = write_group(catalog, first, &error);
    pthread_mutex_unlock(&catalog->write_lock);
    if (status != PYR_OK) {
        fail_group(first, status, &error);
    }
}

/* Whoever finds nobody leading takes all that wait, itself among them. */
static void join_queue(pyr_catalog *catalog, struct pyr_commit *own) {
    pthread_mutex_lock(&catalog->commit_lock);
    *(catalog->commit_last != NULL ? &catalog->commit_last->next : &catalog->commit_first) = own;
    catalog->commit_last = own;
    while (!own->done && catalog->commit_leading) {
        pthread_cond_wait(&catalog->commit_done, &catalog->commit_lock);
    }
    if (!own->done) {
        struct pyr_commit *group = catalog->commit_first;
        catalog->commit_first = NULL;
        catalog->commit_last = NULL;
        catalog->commit_leading = true;
        pthread_mutex_unlock(&catalog->commit_lock);
        lead(catalog, group);
        pthread_mutex_lock(&catalog->commit_lock);
        for (struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
            commit->done = true;
        }
        catalog->commit_leading = false;
        pthread_cond_broadcast(&catalog->commit_done);
    }
    pthread_mutex_unlock(&catalog->commit_lock);
}

pyr_status pyr_change_commit(pyr_change *change, bool sync, pyr_error *error) {
    if (pyr_change_is_empty(change)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_catalog_check_writable(change->catalog, error));
    struct pyr_commit own = {.change = change, .sync = sync};
    pyr_error_clear(&own.error);
    join_queue(change->catalog, &own);
    if (own.status != PYR_OK) {
        if (error != NULL) {
            *error = own.error;
        }
        return own.status;
    }
    pyr_change_clear(change, false);
    pyr_snapshot_release(change->base);
    change->base = pyr_catalog_current(change->catalog);
    return PYR_OK;
}
