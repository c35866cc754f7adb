/* commit_test.c - commits that come together: one write and one sync for all of them, an outcome
 * for each. fsync and fdatasync are defined here, in front of the C library's, for us and for
 * RocksDB: of the write-ahead log they are counted, may fail after the fact, and may hold a commit
 * inside while others queue. */
#include "support_keyed.h"

#include "catalog/catalog_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Syncs. ---- */

static pthread_mutex_t syncs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t syncs_moved = PTHREAD_COND_INITIALIZER;
static int syncs_count;   /* of logs */
static bool syncs_held;   /* the next one waits until this is false */
static bool syncs_inside; /* one waits */
static bool syncs_fail;

static bool is_log(int fd) {
    char link[64];
    char path[512];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    return size > 4 && strcmp(path + size - 4, ".log") == 0;
}

/* Whether the sync is to fail. */
static bool note(int fd) {
    if (!is_log(fd)) {
        return false;
    }
    pthread_mutex_lock(&syncs_lock);
    ++syncs_count;
    while (syncs_held) {
        syncs_inside = true;
        pthread_cond_broadcast(&syncs_moved);
        pthread_cond_wait(&syncs_moved, &syncs_lock);
    }
    syncs_inside = false;
    bool fail = syncs_fail;
    pthread_mutex_unlock(&syncs_lock);
    return fail;
}

/* What was synced is on disk, whatever is said. */
static int outcome(int result, bool fail) {
    if (fail) {
        errno = EIO;
    }
    return fail ? -1 : result;
}

__attribute__((visibility("default"))) int fsync(int fd) {
    bool fail = note(fd);
    return outcome((int)syscall(SYS_fsync, fd), fail);
}

__attribute__((visibility("default"))) int fdatasync(int fd) {
    bool fail = note(fd);
    return outcome((int)syscall(SYS_fdatasync, fd), fail);
}

static int take_count(void) {
    pthread_mutex_lock(&syncs_lock);
    int count = syncs_count;
    syncs_count = 0;
    pthread_mutex_unlock(&syncs_lock);
    return count;
}

static void let_syncs_fail(bool fail) {
    pthread_mutex_lock(&syncs_lock);
    syncs_fail = fail;
    pthread_mutex_unlock(&syncs_lock);
}

/* ---- Threads that commit. ---- */

typedef struct committer {
    pthread_t thread;
    pyr_change *change;
    bool sync, patient;
    pyr_status status;
    pyr_error error;
} committer;

static void *commit_one(void *argument) {
    committer *self = argument;
    self->status = self->patient
                       ? pyr_change_commit_patiently(self->change, self->sync, &self->error)
                       : pyr_change_commit(self->change, self->sync, &self->error);
    return NULL;
}

static void start_one(committer *self, pyr_change *change, bool patient) {
    *self = (committer){.change = change, .sync = true, .patient = patient};
    assert_int_equal(pthread_create(&self->thread, NULL, commit_one, self), 0);
}

static void start(committer *self, pyr_change *change) {
    start_one(self, change, false);
}

static void finish(committer *self, pyr_status status, const char *sqlstate) {
    assert_int_equal(pthread_join(self->thread, NULL), 0);
    if (self->status != status) {
        fail_msg("%d instead of %d: %s", (int)self->status, (int)status, self->error.message);
    }
    if (status != PYR_OK) {
        assert_string_equal(self->error.sqlstate, sqlstate);
    }
}

/* A commit of a table called `held` that stays inside its sync. */
static void hold_a_commit(pyr_catalog *catalog, committer *holder) {
    pyr_change *change = begin(catalog);
    change_create(catalog, change, "held", PYR_CREATE_NEW);
    pthread_mutex_lock(&syncs_lock);
    syncs_held = true;
    syncs_count = 0;
    pthread_mutex_unlock(&syncs_lock);
    start(holder, change);
    pthread_mutex_lock(&syncs_lock);
    while (!syncs_inside) {
        pthread_cond_wait(&syncs_moved, &syncs_lock);
    }
    pthread_mutex_unlock(&syncs_lock);
}

static void let_go(committer *holder) {
    pthread_mutex_lock(&syncs_lock);
    syncs_held = false;
    pthread_cond_broadcast(&syncs_moved);
    pthread_mutex_unlock(&syncs_lock);
    finish(holder, PYR_OK, NULL);
    pyr_change_destroy(holder->change);
}

static const struct pyr_commit *last_in_queue(pyr_catalog *catalog) {
    pthread_mutex_lock(&catalog->commit_lock);
    const struct pyr_commit *last = catalog->commit_last;
    pthread_mutex_unlock(&catalog->commit_lock);
    return last;
}

/* Nothing tells when one joins: it is asked. */
static void wait_for_another(pyr_catalog *catalog, const struct pyr_commit *last) {
    while (last_in_queue(catalog) == last) {
        (void)sched_yield();
    }
}

/* Starts a commit; it stands in the queue, behind those before it, when this returns. */
static void queue(pyr_catalog *catalog, committer *self, pyr_change *change) {
    const struct pyr_commit *last = last_in_queue(catalog);
    start(self, change);
    wait_for_another(catalog, last);
}

static void finish_and_destroy(committer *self, pyr_status status, const char *sqlstate) {
    finish(self, status, sqlstate);
    pyr_change_destroy(self->change);
}

static pyr_catalog *open_with_t(const fixture *f) {
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    return catalog;
}

static uint64_t version_now(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t version = pyr_snapshot_version(snapshot);
    pyr_snapshot_release(snapshot);
    return version;
}

/* ---- Groups. ---- */

enum { WAITING = 6 };

static void commits_that_wait_are_written_with_one_sync(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    committer holder;
    committer waiting[WAITING];
    pyr_change *changes[WAITING];
    for (int i = 0; i < WAITING; ++i) { /* of one base */
        changes[i] = begin(catalog);
        change_append(catalog, changes[i], "t", 10 + 2 * i, 2);
        change_delete(changes[i], "t", 0, i, i + 1);
        change_delete(changes[i], "t", 1, 0, 1); /* of its own rows */
    }
    uint64_t version = version_now(catalog);
    hold_a_commit(catalog, &holder);
    for (int i = 0; i < WAITING; ++i) {
        queue(catalog, &waiting[i], changes[i]);
    }
    /* Readers never wait for a writer's disk. */
    assert_string_equal(values_now(catalog, "t"), "0-9");
    assert_int_equal(version_now(catalog), version);
    let_go(&holder);
    for (int i = 0; i < WAITING; ++i) {
        finish_and_destroy(&waiting[i], PYR_OK, NULL);
    }
    assert_int_equal(take_count(), 2); /* the held one's, and theirs */
    assert_int_equal(version_now(catalog), version + 2);
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(values_now(catalog, "t"), "6-9 11 13 15 17 19 21");
        assert_string_equal(values_now(catalog, "held"), "none");
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

static void patient_commits_go_with_others_and_are_done_without(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    committer holder;
    committer patient[2];
    committer last_one;
    hold_a_commit(catalog, &holder);
    for (int i = 0; i < 2; ++i) {
        const struct pyr_commit *last = last_in_queue(catalog);
        pyr_change *change = begin(catalog);
        change_append(catalog, change, "t", 10 + i, 1);
        start_one(&patient[i], change, true);
        wait_for_another(catalog, last);
    }
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 12, 1);
    queue(catalog, &last_one, change);
    let_go(&holder);
    finish_and_destroy(&last_one, PYR_OK, NULL);
    finish_and_destroy(&patient[0], PYR_OK, NULL);
    finish_and_destroy(&patient[1], PYR_OK, NULL);
    assert_int_equal(take_count(), 2); /* the held one's, and theirs */
    change = begin(catalog);
    change_append(catalog, change, "t", 13, 1);
    start_one(&patient[0], change, true);
    finish_and_destroy(&patient[0], PYR_OK, NULL);
    assert_int_equal(take_count(), 1);
    assert_string_equal(values_now(catalog, "t"), "0-13");
    pyr_catalog_close(catalog);
}

static void each_of_a_group_has_its_own_outcome(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    create_table(catalog, "gone");
    pyr_change *changes[WAITING];
    for (int i = 0; i < WAITING; ++i) {
        changes[i] = begin(catalog);
        change_append(catalog, changes[i], "t", 10 + i, 1);
    }
    change_delete(changes[0], "t", 0, 0, 2);
    change_delete(changes[1], "t", 0, 1, 3); /* 40001, by the first one's */
    change_delete(changes[2], "t", 0, 2, 3); /* well: the second one is not */
    change_drop(changes[2], "gone");
    change_append(catalog, changes[3], "gone", 0, 1); /* 42P01, by the third one's */
    change_create(catalog, changes[3], "made", PYR_CREATE_NEW);
    change_create(catalog, changes[4], "made", PYR_CREATE_NEW); /* well: the fourth is not */
    change_create(catalog, changes[5], "made", PYR_CREATE_NEW); /* 42P07 */
    committer holder;
    committer waiting[WAITING];
    hold_a_commit(catalog, &holder);
    for (int i = 0; i < WAITING; ++i) {
        queue(catalog, &waiting[i], changes[i]);
    }
    let_go(&holder);
    finish_and_destroy(&waiting[0], PYR_OK, NULL);
    finish_and_destroy(&waiting[1], PYR_ERROR_CONFLICT, "40001");
    finish_and_destroy(&waiting[2], PYR_OK, NULL);
    finish_and_destroy(&waiting[3], PYR_ERROR_NOT_FOUND, "42P01");
    finish_and_destroy(&waiting[4], PYR_OK, NULL);
    finish_and_destroy(&waiting[5], PYR_ERROR_ALREADY_EXISTS, "42P07");
    assert_int_equal(take_count(), 2);
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(values_now(catalog, "t"), "3-10 12 14");
        assert_string_equal(values_now(catalog, "made"), "none");
        assert_string_equal(values_now(catalog, "gone"), "no table");
        assert_int_equal(count_files(f->path), 4);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

static uint64_t version_of_t(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t version = pyr_snapshot_find(snapshot, NULL, "t")->version;
    pyr_snapshot_release(snapshot);
    return version;
}

/* Steps of one group: 'a' appends a row, 'd' deletes one, 'x' appends one and conflicts. */
static void run_group(pyr_catalog *catalog, const char *steps) {
    committer holder;
    committer waiting[WAITING];
    pyr_change *changes[WAITING];
    int count = (int)strlen(steps);
    assert_true(count <= WAITING);
    for (int i = 0; i < count; ++i) {
        changes[i] = begin(catalog);
        if (steps[i] != 'd') {
            change_append(catalog, changes[i], "t", 100, 1);
        }
        if (steps[i] != 'a') {
            change_delete(changes[i], "t", 0, steps[i] == 'x' ? 0 : i, 1 + i);
        }
    }
    hold_a_commit(catalog, &holder);
    for (int i = 0; i < count; ++i) {
        queue(catalog, &waiting[i], changes[i]);
    }
    let_go(&holder);
    for (int i = 0; i < count; ++i) {
        bool conflicts = steps[i] == 'x';
        finish_and_destroy(&waiting[i], conflicts ? PYR_ERROR_CONFLICT : PYR_OK, "40001");
    }
    check_ok(pyr_catalog_drop_table(catalog, NULL, "held", false, NULL, error));
}

/* Whether the last one's stands in a segment's record or in one of its own. */
static void a_tables_version_is_that_of_its_groups_last_change(void **state) {
    fixture *f = *state;
    static const struct {
        const char *steps;
        uint64_t changes;
    } groups[] = {{"aaa", 3}, {"da", 2},  {"ad", 2},    {"dax", 2},
                  {"adx", 2}, {"dxa", 2}, {"dadada", 6}};
    for (int hot = 0; hot < 2; ++hot) {
        for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); ++i) {
            pyr_catalog *catalog = open_with_t(f);
            atomic_store(&catalog->hot_bytes_max, hot == 1 ? PYR_HOT_BYTES_MAX : 0);
            uint64_t version = version_of_t(catalog) + groups[i].changes;
            run_group(catalog, groups[i].steps);
            for (int j = 0; j < 2; ++j) {
                assert_int_equal(version_of_t(catalog), version);
                pyr_catalog_close(catalog);
                catalog = open_catalog(f->path);
            }
            check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
            pyr_catalog_close(catalog);
        }
    }
}

/* More than wakes that are kept until the lock is given back. */
static void all_of_a_large_group_are_woken(void **state) {
    enum { MANY = 150 };
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    committer holder;
    committer *waiting = calloc(MANY, sizeof(*waiting));
    assert_non_null(waiting);
    for (int round = 0; round < 2; ++round) {
        hold_a_commit(catalog, &holder);
        for (int i = 0; i < MANY; ++i) {
            pyr_change *change = begin(catalog);
            change_append(catalog, change, "t", 10 + round * MANY + i, 1);
            queue(catalog, &waiting[i], change);
        }
        let_go(&holder);
        for (int i = 0; i < MANY; ++i) {
            finish_and_destroy(&waiting[i], PYR_OK, NULL);
        }
        assert_int_equal(take_count(), 2);
        check_ok(pyr_catalog_drop_table(catalog, NULL, "held", false, NULL, error));
    }
    assert_string_equal(values_now(catalog, "t"), "0-309");
    free(waiting);
    pyr_catalog_close(catalog);
}

static void where_all_conflict_nothing_is_written(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *late = begin(catalog);
    change_delete(late, "t", 0, 0, 1);
    change_append(catalog, late, "t", 10, 1);
    delete_rows(catalog, "t", 0, 0, 1);
    uint64_t version = version_now(catalog);
    (void)take_count();
    end_badly(late, PYR_ERROR_CONFLICT, "40001");
    assert_int_equal(take_count(), 0);
    assert_int_equal(version_now(catalog), version);
    assert_int_equal(count_files(f->path), 1);
    pyr_catalog_close(catalog);
}

/* Files go at once: that the table is gone must be on disk by then. */
static void a_drop_is_synced_though_nobody_asks_for_it(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 10, 1);
    (void)take_count();
    check_ok(pyr_change_commit(change, false, error));
    assert_int_equal(take_count(), 0);
    change_drop(change, "t");
    check_ok(pyr_change_commit(change, false, error));
    assert_int_equal(take_count(), 1);
    pyr_change_destroy(change);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

typedef struct dropper {
    pthread_t thread;
    pyr_catalog *catalog;
    bool dropped;
    pyr_status status;
    pyr_error error;
} dropper;

static void *drop_t(void *argument) {
    dropper *self = argument;
    self->status =
        pyr_catalog_drop_table(self->catalog, NULL, "t", true, &self->dropped, &self->error);
    return NULL;
}

static void of_two_that_drop_if_exists_at_once_both_are_well(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    committer holder;
    committer first;
    pyr_change *drop = begin(catalog);
    change_drop(drop, "t");
    hold_a_commit(catalog, &holder);
    queue(catalog, &first, drop);
    const struct pyr_commit *last = last_in_queue(catalog);
    dropper second = {.catalog = catalog};
    assert_int_equal(pthread_create(&second.thread, NULL, drop_t, &second), 0);
    wait_for_another(catalog, last);
    let_go(&holder);
    finish_and_destroy(&first, PYR_OK, NULL);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    assert_int_equal(second.status, PYR_OK);
    assert_false(second.dropped);
    pyr_catalog_close(catalog);
}

/* ---- Many, for a while. ---- */

enum { THREADS = 4, COMMITS = 8, ROWS = 5 };

typedef struct worker {
    pthread_t thread;
    pyr_catalog *catalog;
    pyr_schema *schema;
    pyr_batch *batches[COMMITS];
    pyr_row_bitmap *first_row;
    pyr_status status;
    pyr_error error;
} worker;

static pyr_status append_batch(worker *self, pyr_change *change, pyr_batch *batch) {
    pyr_appender_options options = {.change = change};
    pyr_appender *appender = NULL;
    pyr_status status = pyr_appender_create(self->catalog, NULL, "t", self->schema, &options, NULL,
                                            &appender, &self->error);
    if (status == PYR_OK) {
        status = pyr_appender_batch(appender, batch, &self->error);
    }
    if (status == PYR_OK) {
        status = pyr_appender_commit(appender, NULL, &self->error);
    }
    pyr_appender_destroy(appender);
    return status;
}

/* The last segment that the change appended: what it sees has it last. */
static pyr_status delete_first_row(worker *self, pyr_change *change, uint64_t *number) {
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, &self->error));
    const pyr_table *table = pyr_snapshot_find(view, NULL, "t");
    pyr_status status = PYR_OK;
    if (*number > 0) { /* of the commit before */
        status = pyr_change_delete(change, table, *number, self->first_row, &self->error);
    }
    *number = pyr_segment_get_info(table->segments[table->segments_count - 1])->number;
    pyr_snapshot_release(view);
    return status;
}

static pyr_status check_version(worker *self, pyr_change *change, uint64_t *version) {
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, &self->error));
    uint64_t now = pyr_snapshot_version(view);
    pyr_snapshot_release(view);
    if (now <= *version) {
        return pyr_error_set(&self->error, PYR_ERROR_INTERNAL, "version %d after %d", (int)now,
                             (int)*version);
    }
    *version = now;
    return PYR_OK;
}

static pyr_status commit_all(worker *self, pyr_change *change) {
    uint64_t number = 0;
    uint64_t version = 0;
    for (int i = 0; i < COMMITS; ++i) {
        PYR_TRY(append_batch(self, change, self->batches[i]));
        PYR_TRY(delete_first_row(self, change, &number));
        PYR_TRY(pyr_change_commit(change, true, &self->error));
        PYR_TRY(check_version(self, change, &version));
    }
    return PYR_OK;
}

static void *work(void *argument) {
    worker *self = argument;
    pyr_snapshot *base = pyr_catalog_current(self->catalog);
    pyr_change *change = NULL;
    self->status = pyr_change_create(self->catalog, base, &change, &self->error);
    pyr_snapshot_release(base);
    if (self->status == PYR_OK) {
        self->status = commit_all(self, change);
    }
    pyr_change_destroy(change);
    return NULL;
}

static pyr_row_bitmap *first_row(void) {
    pyr_row_bitmap_builder *builder;
    pyr_row_bitmap *rows;
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    check_ok(pyr_row_bitmap_builder_range(builder, 0, 1, error));
    check_ok(pyr_row_bitmap_builder_finish(builder, &rows, error));
    pyr_row_bitmap_builder_destroy(builder);
    return rows;
}

/* Batch b of all has the values from 10 * b on; the first is deleted by the next one's commit. */
static void expect_every_row_once(pyr_catalog *catalog) {
    pyr_text expected;
    pyr_text_init(&expected);
    for (int b = 0; b < THREADS * COMMITS; ++b) {
        bool kept = b % COMMITS == COMMITS - 1;
        pyr_text_printf(&expected, "%s%d-%d", b > 0 ? " " : "", 10 * b + !kept, 10 * b + ROWS - 1);
    }
    assert_string_equal(values_now(catalog, "t"), pyr_text_get(&expected));
    pyr_text_deinit(&expected);
}

static void many_threads_commit_at_once_and_every_row_is_there_once(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_schema *schema = two_columns();
    pyr_row_bitmap *row = first_row();
    worker workers[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        workers[i] = (worker){.catalog = catalog, .schema = schema, .first_row = row};
        for (int j = 0; j < COMMITS; ++j) {
            workers[i].batches[j] = rows_batch(10 * (i * COMMITS + j), ROWS);
        }
    }
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        if (workers[i].status != PYR_OK) {
            fail_msg("%s", workers[i].error.message);
        }
        for (int j = 0; j < COMMITS; ++j) {
            pyr_batch_release(workers[i].batches[j]);
        }
    }
    for (int i = 0; i < 2; ++i) {
        expect_every_row_once(catalog);
        assert_int_equal(count_files(f->path), THREADS * COMMITS);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
    pyr_row_bitmap_release(row);
    pyr_schema_release(schema);
}

/* ---- Writes that fail. ---- */

static pyr_change *fail_to_commit(pyr_catalog *catalog) {
    pyr_error fault;
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 10, 5);
    change_delete(change, "t", 0, 0, 5);
    let_syncs_fail(true);
    assert_int_equal(pyr_change_commit(change, true, &fault), PYR_ERROR_IO);
    assert_string_equal(values_now(catalog, "t"), "0-9");
    assert_string_equal(values_seen(change, "t"), "5-14");
    assert_true(catalog->doubtful); /* taking it back has failed, too */
    return change;
}

static void a_commit_whose_sync_failed_may_be_tried_again(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = fail_to_commit(catalog);
    let_syncs_fail(false);
    check_ok(pyr_change_commit(change, true, error));
    assert_false(catalog->doubtful);
    change_append(catalog, change, "t", 20, 5);
    assert_int_equal(count_files(f->path), 3);
    pyr_change_destroy(change); /* its files go again */
    assert_int_equal(count_files(f->path), 2);
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(values_now(catalog, "t"), "5-14");
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

/* The catalog on disk may name its files: whatever the next open finds can be read. */
static void a_commit_whose_sync_failed_leaves_its_files_to_the_next_open(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *late = begin(catalog);
    pyr_change *change = fail_to_commit(catalog);
    change_append(catalog, late, "t", 20, 1);
    assert_int_equal(count_files(f->path), 3);
    pyr_change_destroy(change);
    assert_int_equal(count_files(f->path), 3);
    pyr_change_destroy(late); /* was never written */
    assert_int_equal(count_files(f->path), 2);
    pyr_catalog_close(catalog);
    let_syncs_fail(false);
    catalog = open_catalog(f->path);
    bool landed = strcmp(values_now(catalog, "t"), "0-9") != 0;
    assert_string_equal(values_now(catalog, "t"), landed ? "5-14" : "0-9");
    assert_int_equal(count_files(f->path), landed ? 2 : 1);
    pyr_catalog_close(catalog);
}

/* Adds a table to change whose definition has 64 KB and more, so that it fills pages of the log. */
static void change_create_wide(pyr_catalog *catalog, pyr_change *change, const char *name) {
    char *types = malloc(70000);
    assert_non_null(types);
    memset(types, ' ', 70000);
    types[0] = '[';
    types[69998] = ']';
    types[69999] = '\0';
    pyr_schema *schema = two_columns();
    pyr_table *table = NULL;
    bool created = false;
    check_ok(pyr_catalog_new_table(
        catalog, &(pyr_table_definition){.name = name, .schema = schema, .sql_types = types},
        &table, error));
    check_ok(pyr_change_create_table(change, table, PYR_CREATE_NEW, &created, error));
    pyr_table_release(table);
    pyr_schema_release(schema);
    free(types);
}

static void expect_as_before(pyr_catalog *catalog) {
    assert_string_equal(values_now(catalog, "wide"), "none");
    assert_string_equal(values_now(catalog, "t"), "1-9");
    assert_int_equal(rows_now(catalog, "b"), -1);
}

static void a_group_whose_write_fails_changes_nothing_and_may_be_tried_again(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)8 << 20)) {
        skip();
    }
    pyr_catalog *catalog = open_with_t(f);
    create_table(catalog, "wide");
    static const char *const made[] = {"a", "b", "c"};
    pyr_change *changes[3];
    for (int i = 0; i < 3; ++i) {
        changes[i] = begin(catalog);
        change_create_wide(catalog, changes[i], made[i]);
        change_append(catalog, changes[i], "wide", 100 + i, 1);
        change_delete(changes[i], "t", 0, i, i + 1);
    }
    delete_rows(catalog, "t", 0, 0, 1); /* the first one's row */
    committer holder;
    committer waiting[3];
    hold_a_commit(catalog, &holder);
    for (int i = 0; i < 3; ++i) {
        queue(catalog, &waiting[i], changes[i]);
    }
    small_disk_fill(f->folder, "filler");
    let_go(&holder);
    finish_and_destroy(&waiting[0], PYR_ERROR_CONFLICT, "40001");
    finish(&waiting[1], PYR_ERROR_DISK_FULL, "53100");
    finish(&waiting[2], PYR_ERROR_DISK_FULL, "53100");
    expect_as_before(catalog);
    assert_int_equal(count_files(f->path), 3); /* the changes still have theirs */
    assert_string_equal(values_seen(changes[1], "wide"), "101");
    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    end_well(changes[1]);
    pyr_change_destroy(changes[2]); /* gives up */
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(values_now(catalog, "wide"), "101");
        assert_string_equal(values_now(catalog, "t"), "2-9");
        assert_int_equal(rows_now(catalog, "a"), -1);
        assert_int_equal(rows_now(catalog, "b"), 0);
        assert_int_equal(rows_now(catalog, "c"), -1);
        assert_string_equal(values_now(catalog, "held"), "none");
        assert_int_equal(count_files(f->path), 2);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
    small_disk_unmount(f->folder);
}

/* ---- Keyed tables. ---- */

static void keyed_changes_of_one_group_see_each_other(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    create_keyed(catalog, "u", "a");
    write_now(catalog, "t", "1,a,1 2,b,2 3,c,3", PYR_KEYED_INSERT);
    pyr_change *changes[WAITING];
    for (int i = 0; i < WAITING; ++i) {
        changes[i] = begin(catalog);
    }
    change_write(changes[0], "t", "1,A,1 7,n,7", PYR_KEYED_REPLACE);
    change_write(changes[1], "t", "9,x,9", PYR_KEYED_INSERT);
    change_write(changes[1], "u", "5,x,5", PYR_KEYED_INSERT);
    (void)change_remove(changes[1], "t", "1"); /* 40001, by the first one's; its rows of u too */
    change_write(changes[2], "t", "7,m,7", PYR_KEYED_INSERT); /* 23505, by the first one's */
    change_write(changes[3], "u", "5,y,5", PYR_KEYED_INSERT); /* well: the second one is not */
    (void)change_remove(changes[3], "t", "2");
    change_write(changes[4], "t", "8,n,8", PYR_KEYED_INSERT); /* 23505 by b, by the first one's */
    change_write(changes[5], "t", "2,again,2", PYR_KEYED_REPLACE); /* 40001, by the fourth one's */
    committer holder;
    committer waiting[WAITING];
    hold_a_commit(catalog, &holder);
    for (int i = 0; i < WAITING; ++i) {
        queue(catalog, &waiting[i], changes[i]);
    }
    assert_string_equal(keyed_current(catalog, "t"), "1,a,1 2,b,2 3,c,3");
    let_go(&holder);
    finish_and_destroy(&waiting[0], PYR_OK, NULL);
    finish_and_destroy(&waiting[1], PYR_ERROR_CONFLICT, "40001");
    finish_and_destroy(&waiting[2], PYR_ERROR_CONSTRAINT, "23505");
    finish_and_destroy(&waiting[3], PYR_OK, NULL);
    finish_and_destroy(&waiting[4], PYR_ERROR_CONSTRAINT, "23505");
    finish_and_destroy(&waiting[5], PYR_ERROR_CONFLICT, "40001");
    assert_int_equal(take_count(), 2);
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(keyed_current(catalog, "t"), "1,A,1 3,c,3 7,n,7");
        assert_string_equal(keyed_current(catalog, "u"), "5,y,5");
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    write_now(catalog, "t", "2,b,2", PYR_KEYED_INSERT); /* its UNIQUE key is free */
    pyr_catalog_close(catalog);
}

/* The failed commit stands in the log: it is taken back. */
static void rows_of_a_keyed_table_are_as_before_a_sync_that_failed(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_snapshot *before = snapshot_of(catalog);
    pyr_change *change = begin(catalog);
    change_write(change, "t", "2,B,2 3,c,3", PYR_KEYED_REPLACE);
    assert_int_equal(change_remove(change, "t", "1"), 1);
    let_syncs_fail(true);
    pyr_status status = pyr_change_commit(change, true, &f->error);
    let_syncs_fail(false);
    assert_int_equal(status, PYR_ERROR_IO);
    pyr_change_destroy(change);
    write_now(catalog, "t", "4,d,4", PYR_KEYED_INSERT);
    assert_string_equal(keyed_current(catalog, "t"), "1,a,1 2,b,2 4,d,4");
    assert_string_equal(keyed_rows(before, "t", 0), "1,a,1 2,b,2");
    pyr_snapshot_release(before);
    write_now(catalog, "t", "5,c,5 6,B,6", PYR_KEYED_INSERT); /* UNIQUE keys nobody has */
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(keyed_current(catalog, "t"), "1,a,1 2,b,2 4,d,4 5,c,5 6,B,6");
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

static void a_keyed_table_is_read_while_the_disk_is_full(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)8 << 20)) {
        skip();
    }
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_text large;
    pyr_text_init(&large);
    pyr_text_add(&large, "3,");
    for (int i = 0; i < 900000; ++i) {
        pyr_text_add_char(&large, 'x');
    }
    pyr_text_add(&large, ",3");
    pyr_change *change = begin(catalog);
    change_write(change, "t", pyr_text_get(&large), PYR_KEYED_INSERT);
    static const char *const fillers[] = {"filler0", "filler1", "filler2"};
    for (int i = 0; i < 3; ++i) {
        small_disk_fill(f->folder, fillers[i]); /* opening the store anew freed some space */
        assert_int_equal(pyr_change_commit(change, true, &f->error), PYR_ERROR_DISK_FULL);
        assert_string_equal(keyed_current(catalog, "t"), "1,a,1 2,b,2");
    }
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(unlink(below(f->folder, fillers[i])), 0);
    }
    end_well(change);
    assert_int_equal(strlen(keyed_current(catalog, "t")), 12 + 900000 + 4);
    pyr_catalog_close(catalog);
    pyr_text_deinit(&large);
    small_disk_unmount(f->folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keyed_changes_of_one_group_see_each_other),
        TEST(rows_of_a_keyed_table_are_as_before_a_sync_that_failed),
        TEST(a_keyed_table_is_read_while_the_disk_is_full),
        TEST(commits_that_wait_are_written_with_one_sync),
        TEST(patient_commits_go_with_others_and_are_done_without),
        TEST(each_of_a_group_has_its_own_outcome),
        TEST(a_tables_version_is_that_of_its_groups_last_change),
        TEST(all_of_a_large_group_are_woken),
        TEST(where_all_conflict_nothing_is_written),
        TEST(a_drop_is_synced_though_nobody_asks_for_it),
        TEST(of_two_that_drop_if_exists_at_once_both_are_well),
        TEST(many_threads_commit_at_once_and_every_row_is_there_once),
        TEST(a_commit_whose_sync_failed_may_be_tried_again),
        TEST(a_commit_whose_sync_failed_leaves_its_files_to_the_next_open),
        TEST(a_group_whose_write_fails_changes_nothing_and_may_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
