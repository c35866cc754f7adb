/* commit.c - applying changes to the current snapshot, many at a time.
 *
 * A thread that commits joins the queue. One of them leads: it takes all that wait, applies them in
 * order under write_lock, writes one LSM batch and wakes the others with their outcomes. While it
 * waits for the disk the next group gathers, so that the syncs a second do not bound the commits.
 *
 * Who was in the last group is likely to come again soon: a group that is smaller than what was on
 * its way then waits for them, no longer than that write took, because two syncs one after the
 * other would take longer. Who comes last leads. One connection alone does not wait, but once after
 * others have fallen silent.
 */
#include "base/clock.h"
#include "base/log.h"
#include "catalog/change_internal.h"
#include "catalog/graveyard.h"
#include "catalog/keyed.h"
#include "catalog/maintenance.h"

#include <inttypes.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GATHER_NS_MAX 1000000 /* a group waits no longer for those who may come */
#define WAKES_MAX 64          /* that are kept until the lock is given back */
#define PATIENCE_NS 2000000   /* a commit that nobody waits for, for another one's group */

struct pyr_commit {
    pyr_change *change;
    bool sync;
    bool patient;        /* nobody waits for it: it rather joins a group than leads one */
    int64_t deadline_ns; /* a patient one's patience ends */
    bool taken;          /* it is in a group; under commit_lock */
    sem_t wake;          /* it is done, or should look whether to lead */
    int wakes;           /* that were decided on, under commit_lock: so often wake is posted */
    int woken;           /* that its thread has had */
    bool done;           /* under commit_lock; its thread may leave after the last wake */
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

static void finish_files(pyr_catalog *catalog, const pyr_working_tables *work) {
    pyr_graveyard_bury(catalog, work->retired, work->retired_count);
    for (size_t i = 0; i < work->gone_count; ++i) {
        drop_rows(catalog, work->gone[i]);
        pyr_graveyard_bury(catalog, work->gone[i]->segments, work->gone[i]->segments_count);
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
    *sync = *sync || work->gone_count > 0 || work->retired_count > 0;
    return applied;
}

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
    bool sync = false;
    /* Where all of them conflict nothing is written, and no version is made. */
    if (status == PYR_OK && apply_group(first, &work, batch, &sync) > 0) {
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

static void lead(pyr_catalog *catalog, struct pyr_commit *first) {
    pyr_error error;
    pthread_mutex_lock(&catalog->write_lock);
    pyr_status status = write_group(catalog, first, &error);
    pthread_mutex_unlock(&catalog->write_lock);
    if (status != PYR_OK) {
        fail_group(first, status, &error);
    }
    look_at_tables(catalog, first);
}

/* ---- The queue. With commit_lock held. ---- */

static void enqueue(pyr_catalog *catalog, struct pyr_commit *own) {
    *(catalog->commit_last != NULL ? &catalog->commit_last->next : &catalog->commit_first) = own;
    catalog->commit_last = own;
    catalog->commit_waiting += own->patient ? 0 : 1;
}

static struct pyr_commit *take_queue(pyr_catalog *catalog) {
    struct pyr_commit *group = catalog->commit_first;
    catalog->commit_first = NULL;
    catalog->commit_last = NULL;
    catalog->commit_waiting = 0;
    catalog->commit_leading = true;
    for (struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
        commit->taken = true;
    }
    return group;
}

/* When own is to lead, where nobody else does before; 0: now, INT64_MAX: somebody else leads. */
static int64_t lead_at(const pyr_catalog *catalog, const struct pyr_commit *own) {
    if (own->taken || catalog->commit_leading) {
        return INT64_MAX;
    }
    if (own->patient && catalog->commit_waiting == 0) {
        return own->deadline_ns;
    }
    return catalog->commit_waiting >= catalog->commit_expected ? 0
                                                               : catalog->commit_gather_until_ns;
}

/* The next leader, or who looks after the time until the group is whole. */
static void wake_next(const pyr_catalog *catalog) {
    struct pyr_commit *next = catalog->commit_first;
    while (next != NULL && next->patient && next->next != NULL) {
        next = next->next;
    }
    if (next != NULL) {
        ++next->wakes;
        sem_post(&next->wake);
    }
}

static void end_lead(pyr_catalog *catalog, const struct pyr_commit *group, int64_t took_ns) {
    size_t count = catalog->commit_waiting;
    for (const struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
        count += commit->patient ? 0 : 1;
    }
    catalog->commit_leading = false;
    catalog->commit_expected = count;
    catalog->commit_gather_until_ns =
        pyr_clock_monotonic_ns() + (took_ns < GATHER_NS_MAX ? took_ns : GATHER_NS_MAX);
    wake_next(catalog);
}

/* Those of a group, but own; they are woken without the lock, which they take at once. A commit is
 * its thread's, which leaves, semaphore and all, when it has had the last wake: nothing else of it
 * may be looked at without the lock. */
typedef struct wake_list {
    sem_t *items[WAKES_MAX];
    size_t count;
} wake_list;

static void finish(struct pyr_commit *group, const struct pyr_commit *own, wake_list *out) {
    out->count = 0;
    for (struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
        if (commit == own) {
            continue;
        }
        commit->done = true;
        ++commit->wakes;
        if (out->count < WAKES_MAX) {
            out->items[out->count++] = &commit->wake;
        } else {
            sem_post(&commit->wake);
        }
    }
}

static void wake_all(const wake_list *self) {
    for (size_t i = 0; i < self->count; ++i) {
        sem_post(self->items[i]);
    }
}

static void wait_for_wake(struct pyr_commit *own, int64_t until_ns) {
    const struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    int status = until_ns == INT64_MAX ? sem_wait(&own->wake)
                                       : sem_clockwait(&own->wake, CLOCK_MONOTONIC, &until);
    own->woken += status == 0 ? 1 : 0;
}

/* Until own is done (NULL), or is to lead the group that is given. */
static struct pyr_commit *wait_in_queue(pyr_catalog *catalog, struct pyr_commit *own) {
    while (!own->done) {
        int64_t at_ns = lead_at(catalog, own);
        if (at_ns == 0 || (at_ns != INT64_MAX && at_ns <= pyr_clock_monotonic_ns())) {
            return take_queue(catalog);
        }
        pthread_mutex_unlock(&catalog->commit_lock);
        wait_for_wake(own, at_ns);
        pthread_mutex_lock(&catalog->commit_lock);
    }
    return NULL;
}

static void join_queue(pyr_catalog *catalog, struct pyr_commit *own) {
    pthread_mutex_lock(&catalog->commit_lock);
    enqueue(catalog, own);
    struct pyr_commit *group = wait_in_queue(catalog, own);
    int wakes = own->wakes; /* who is done or leads is woken no more than that */
    pthread_mutex_unlock(&catalog->commit_lock);
    if (group == NULL) {
        while (own->woken < wakes) {
            wait_for_wake(own, INT64_MAX);
        }
        return;
    }
    int64_t start_ns = pyr_clock_monotonic_ns();
    lead(catalog, group);
    pthread_mutex_lock(&catalog->commit_lock);
    end_lead(catalog, group, pyr_clock_monotonic_ns() - start_ns);
    wake_list others;
    finish(group, own, &others);
    pthread_mutex_unlock(&catalog->commit_lock);
    wake_all(&others);
}

static pyr_status commit(pyr_change *change, bool sync, bool patient, pyr_error *error) {
    if (pyr_change_is_empty(change)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_catalog_check_writable(change->catalog, error));
    struct pyr_commit own = {.change = change, .sync = sync, .patient = patient};
    own.deadline_ns = patient ? pyr_clock_monotonic_ns() + PATIENCE_NS : 0;
    sem_init(&own.wake, 0, 0);
    pyr_error_clear(&own.error);
    join_queue(change->catalog, &own);
    sem_destroy(&own.wake);
    if (own.status != PYR_OK) {
        if (error != NULL) {
            *error = own.error;
        }
        return own.status;
    }
    pyr_change_clear(change, false);
    pyr_snapshot *before = change->base;
    pyr_snapshot *current = pyr_catalog_current(change->catalog);
    pthread_mutex_lock(&change->catalog->commit_lock);
    change->base = current; /* others look at its version */
    pthread_mutex_unlock(&change->catalog->commit_lock);
    pyr_snapshot_release(before);
    return PYR_OK;
}

pyr_status pyr_change_commit(pyr_change *change, bool sync, pyr_error *error) {
    return commit(change, sync, false, error);
}

pyr_status pyr_change_commit_patiently(pyr_change *change, bool sync, pyr_error *error) {
    return commit(change, sync, true, error);
}
