/* commit_group.c - changes applied to what is current, and written to the LSM in one batch.
 *
 * Those that only have a few rows commute: the rows of one table become one segment.
 */
#include "catalog/commit_group.h"

#include "base/log.h"
#include "catalog/commit_rows.h"
#include "catalog/graveyard.h"
#include "catalog/keyed.h"
#include "catalog/maintenance.h"

#include <string.h>

#define JOIN_MAX 128 /* changes whose rows make a segment */

/* Rows that could not be dropped now are when a writer opens the database. */
static void drop_rows(const pyr_catalog *catalog, const pyr_table *table) {
    pyr_error error;
    if (pyr_table_is_keyed(table) &&
        pyr_keyed_drop_rows(catalog->lsm, table->id, &error) != PYR_OK) {
        pyr_log(PYR_LOG_WARNING, "catalog", "rows of the dropped table \"%s\" stay for now: %s",
                table->name, error.message);
    }
}

static void finish_files(pyr_catalog *catalog, const pyr_working_tables *work) {
    pyr_graveyard_bury(catalog, work->retired, work->retired_count);
    for (size_t i = 0; i < work->gone_count; ++i) {
        drop_rows(catalog, work->gone[i]);
        pyr_graveyard_bury(catalog, work->gone[i]->segments, work->gone[i]->segments_count);
    }
}

/* ---- Applying. ---- */

/* What a group's changes are applied to. */
typedef struct applying {
    pyr_catalog *catalog;
    pyr_working_tables *work;
    pyr_lsm_batch *batch;
    int64_t joined_bytes_max; /* of a segment of several changes' rows */
} applying;

static void apply_alone(applying *self, struct pyr_commit *commit) {
    commit->applied = true;
    commit->status = pyr_change_seal_rows(commit->change, &commit->error);
    if (commit->status == PYR_OK) {
        commit->status = pyr_change_apply(commit->change, self->work, self->batch, &commit->error);
    }
}

/* Commits that only have rows, of one table, as far as they could be applied so far. */
typedef struct joining {
    pyr_table *table; /* borrowed from the working tables */
    size_t count;
    int64_t bytes;
    struct pyr_commit *commits[JOIN_MAX];
    pyr_table_change *changes[JOIN_MAX];
} joining;

static pyr_status append_joined(applying *self, joining *rows, pyr_error *error) {
    pyr_segment *segment = NULL;
    PYR_TRY(pyr_commit_rows_join(self->catalog, rows->table, rows->changes, rows->count, &segment,
                                 error));
    pyr_status status =
        pyr_working_tables_append(self->work, rows->changes[0]->id, segment, self->batch, error);
    pyr_segment_release(segment);
    return status;
}

/* What fails together is tried one by one: an unreadable source is not its neighbours' fault. */
static void end_joining(applying *self, joining *rows) {
    pyr_error error;
    bool joined = rows->count > 1 && append_joined(self, rows, &error) == PYR_OK;
    for (size_t i = 0; !joined && i < rows->count; ++i) {
        apply_alone(self, rows->commits[i]);
    }
    rows->count = 0;
    rows->bytes = 0;
}

static void join(applying *self, joining *rows, struct pyr_commit *commit) {
    pyr_table_change *own = &commit->change->tables[0];
    if (rows->count == JOIN_MAX || rows->bytes + own->rows_bytes > self->joined_bytes_max) {
        end_joining(self, rows);
    }
    commit->applied = true;
    commit->status =
        pyr_change_find_target(commit->change, own, self->work, &rows->table, &commit->error);
    if (commit->status == PYR_OK) {
        rows->commits[rows->count] = commit;
        rows->changes[rows->count++] = own;
        rows->bytes += own->rows_bytes;
    }
}

/* The commits from first on that only have rows; gives the first that has more. */
static struct pyr_commit *apply_rows(applying *self, struct pyr_commit *first) {
    struct pyr_commit *end = first;
    while (end != NULL && pyr_change_has_only_rows(end->change)) {
        end = end->next;
    }
    joining rows = {.count = 0};
    for (struct pyr_commit *commit = first; commit != end; commit = commit->next) {
        uint64_t id = commit->change->tables[0].id;
        if (commit->applied) {
            continue;
        }
        for (struct pyr_commit *other = commit; other != end; other = other->next) {
            if (!other->applied && other->change->tables[0].id == id) {
                join(self, &rows, other);
            }
        }
        end_joining(self, &rows);
    }
    return end;
}

/* Applies what can be applied; the others have their errors. Gives how many could; *sync: whether
 * one of them wants it. */
static size_t apply_group(applying *self, struct pyr_commit *first, bool *sync) {
    struct pyr_commit *next = first;
    while (next != NULL) {
        next = apply_rows(self, next);
        if (next != NULL) {
            apply_alone(self, next);
            next = next->next;
        }
    }
    size_t applied = 0;
    *sync = false;
    for (struct pyr_commit *commit = first; commit != NULL; commit = commit->next) {
        applied += commit->status == PYR_OK;
        *sync = *sync || (commit->status == PYR_OK && commit->sync);
    }
    /* That a table is gone is on disk before its files go, whoever asked for it. */
    *sync = *sync || self->work->gone_count > 0 || self->work->retired_count > 0;
    return applied;
}

/* ---- Writing. ---- */

/* Once a group, however many of its changes wrote to a table. Those of tables that the group made
 * stand in their own records, until something else of it writes to them; where the last change
 * appended a segment's record has it. Most tables are where they are in current: only where one was
 * dropped another has its place. */
static pyr_status put_versions(const pyr_snapshot *current, const pyr_working_tables *work,
                               pyr_lsm_batch *batch, pyr_error *error) {
    for (size_t i = 0; i < work->count; ++i) {
        const pyr_table *table = work->tables[i];
        bool same = i < current->tables_count && current->tables[i] == table;
        if (!same && !table->version_recorded &&
            pyr_snapshot_find_id(current, table->id) != table) {
            PYR_TRY(pyr_record_put_version(batch, table, error));
        }
    }
    return PYR_OK;
}

/* How many replacements are remembered although no open change needs them: one may be about to
 * begin on a snapshot taken before. */
#define MOVES_KEPT 64

static uint64_t oldest_base(pyr_catalog *catalog) {
    uint64_t oldest = UINT64_MAX;
    pthread_mutex_lock(&catalog->commit_lock);
    for (const pyr_change *change = catalog->changes; change != NULL; change = change->next) {
        oldest = change->base->version < oldest ? change->base->version : oldest;
    }
    pthread_mutex_unlock(&catalog->commit_lock);
    return oldest;
}

static void forget_moves(pyr_catalog *catalog) {
    uint64_t oldest = oldest_base(catalog);
    size_t gone = 0;
    while (catalog->moves_count - gone > MOVES_KEPT && catalog->moves[gone]->version <= oldest) {
        pyr_replacement_release(catalog->moves[gone++]);
    }
    catalog->moves_count -= gone;
    memmove(catalog->moves, catalog->moves + gone, catalog->moves_count * sizeof(*catalog->moves));
}

/* Changes that began before find their rows by them. Without memory for it they will fail with
 * 40001, which is true enough. */
static void remember_moves(pyr_catalog *catalog, pyr_working_tables *work, uint64_t version) {
    for (size_t i = 0; i < work->moved_count; ++i) {
        if (pyr_change_grow((void **)&catalog->moves, catalog->moves_count,
                            &catalog->moves_capacity, sizeof(*catalog->moves), NULL) == PYR_OK) {
            work->moved[i]->version = version;
            catalog->moves[catalog->moves_count++] = pyr_replacement_retain(work->moved[i]);
        }
    }
    if (work->moved_count > 0) {
        forget_moves(catalog);
    }
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
    work.catalog = catalog;
    work.keyed = &keyed;
    if (status == PYR_OK) {
        status = pyr_lsm_batch_create(&batch, error);
    }
    applying self = {catalog, &work, batch, atomic_load(&catalog->hot_bytes_max)};
    bool sync = false;
    /* Where all of them conflict nothing is written, and no version is made. */
    if (status == PYR_OK && apply_group(&self, first, &sync) > 0) {
        status = put_versions(current, &work, batch, error);
        if (status == PYR_OK) {
            status = pyr_catalog_write(catalog, batch, sync, current, &work, error);
        }
        if (status == PYR_OK) {
            finish_files(catalog, &work);
            remember_moves(catalog, &work, current->version + 1);
        }
        judge_files(catalog, first, status);
    }
    pyr_lsm_batch_destroy(batch);
    pyr_working_tables_deinit(&work);
    pyr_keyed_group_deinit(&keyed);
    pyr_snapshot_release(current);
    return status;
}

static void look_at_tables(pyr_catalog *catalog, const struct pyr_commit *first) {
    pyr_snapshot *current = pyr_catalog_current(catalog);
    for (const struct pyr_commit *commit = first; commit != NULL; commit = commit->next) {
        for (size_t i = 0; commit->status == PYR_OK && i < commit->change->tables_count; ++i) {
            const pyr_table *table = pyr_snapshot_find_id(current, commit->change->tables[i].id);
            if (table != NULL) {
                pyr_maintenance_look_at(catalog, table);
            }
        }
    }
    pyr_snapshot_release(current);
}

void pyr_commit_group_write(pyr_catalog *catalog, struct pyr_commit *first) {
    pyr_error error;
    pthread_mutex_lock(&catalog->write_lock);
    pyr_status status = write_group(catalog, first, &error);
    pthread_mutex_unlock(&catalog->write_lock);
    if (status != PYR_OK) {
        fail_group(first, status, &error);
    }
    look_at_tables(catalog, first);
}
