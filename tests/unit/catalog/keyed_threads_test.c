/* keyed_threads_test.c - threads that write to one keyed table while others read it: every reader
 * sees whole transactions alone, and no update is lost. */
#include "support_keyed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNTS = 20, START = 100, WRITERS = 4, TRANSFERS = 60, READERS = 2 };

typedef struct shared {
    pyr_catalog *catalog;
    atomic_int writing; /* writers that are not done */
    atomic_int moved, conflicts, reads;
} shared;

typedef struct worker {
    shared *all;
    unsigned seed;
    pthread_t thread;
} worker;

/* Rows by their keys, which others have replaced meanwhile or not, are those of the same version.
 */
static void find_again(const pyr_table *table, pyr_batch *scanned) {
    static const int32_t key[] = {0};
    pyr_keyed_found found;
    check_ok(pyr_keyed_find(table, PYR_KEYED_PRIMARY_KEY, scanned, key, NULL, 0, NULL, NULL, &found,
                            error));
    assert_int_equal(found.rows->rows, scanned->rows);
    assert_true(pyr_array_equal(found.rows->columns[2], scanned->columns[2]));
    pyr_keyed_found_deinit(&found);
}

/* The balances (c) of all accounts; their sum is what it was at the start. */
static void read_balances(pyr_table *table, int64_t balances[ACCOUNTS]) {
    pyr_keyed_scan *scan;
    int64_t rows = 0;
    int64_t sum = 0;
    const pyr_keyed_scan_options options = {.batch_rows = 7};
    check_ok(pyr_keyed_scan_create(table, &options, &scan, error));
    for (;;) {
        pyr_batch *batch;
        check_ok(pyr_keyed_scan_next(scan, &batch, error));
        if (batch == NULL) {
            break;
        }
        for (int64_t i = 0; i < batch->rows; ++i, ++rows) {
            assert_int_equal(pyr_array_int64(batch->columns[0], i), rows);
            balances[rows] = pyr_array_int64(batch->columns[2], i);
            sum += balances[rows];
        }
        find_again(table, batch);
        pyr_batch_release(batch);
    }
    pyr_keyed_scan_destroy(scan);
    assert_int_equal(rows, ACCOUNTS);
    assert_int_equal(table->rows, ACCOUNTS);
    assert_int_equal(sum, ACCOUNTS * START);
}

/* Moves some of one account's balance to another's; false where somebody was faster. */
static bool transfer(shared *all, unsigned *seed) {
    int64_t balances[ACCOUNTS];
    char rows[128];
    pyr_snapshot *view;
    pyr_change *change = begin(all->catalog);
    int from = rand_r(seed) % ACCOUNTS;
    int to = (from + 1 + rand_r(seed) % (ACCOUNTS - 1)) % ACCOUNTS;
    int amount = rand_r(seed) % 10;
    check_ok(pyr_change_snapshot(change, &view, error));
    read_balances(pyr_snapshot_find(view, NULL, "t"), balances);
    pyr_snapshot_release(view);
    (void)snprintf(rows, sizeof(rows), "%d,u%d,%d %d,u%d,%d", from, from,
                   (int)balances[from] - amount, to, to, (int)balances[to] + amount);
    change_write(change, "t", rows, PYR_KEYED_REPLACE);
    pyr_error fault;
    pyr_status status = pyr_change_commit(change, false, &fault);
    if (status != PYR_OK) {
        assert_string_equal(fault.sqlstate, "40001");
    }
    pyr_change_destroy(change);
    return status == PYR_OK;
}

static void *move(void *argument) {
    worker *self = argument;
    for (int i = 0; i < TRANSFERS; ++i) {
        while (!transfer(self->all, &self->seed)) {
            atomic_fetch_add(&self->all->conflicts, 1);
        }
        atomic_fetch_add(&self->all->moved, 1);
    }
    atomic_fetch_sub(&self->all->writing, 1);
    return NULL;
}

static void *look(void *argument) {
    worker *self = argument;
    int64_t balances[ACCOUNTS];
    do {
        pyr_snapshot *snapshot = snapshot_of(self->all->catalog);
        read_balances(pyr_snapshot_find(snapshot, NULL, "t"), balances);
        pyr_snapshot_release(snapshot);
        atomic_fetch_add(&self->all->reads, 1);
    } while (atomic_load(&self->all->writing) > 0);
    return NULL;
}

static void transfers_keep_the_sum_and_readers_see_whole_ones(void **state) {
    fixture *f = *state;
    pyr_text rows;
    shared all = {.catalog = open_catalog(f->path), .writing = WRITERS};
    worker workers[WRITERS + READERS];
    pyr_text_init(&rows);
    for (int i = 0; i < ACCOUNTS; ++i) {
        pyr_text_printf(&rows, i > 0 ? " %d,u%d,%d" : "%d,u%d,%d", i, i, (int)START);
    }
    create_keyed(all.catalog, "t", "a/b");
    write_now(all.catalog, "t", pyr_text_get(&rows), PYR_KEYED_INSERT);
    pyr_text_deinit(&rows);
    for (int i = 0; i < WRITERS + READERS; ++i) {
        workers[i] = (worker){.all = &all, .seed = (unsigned)i + 1};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, i < WRITERS ? move : look, &workers[i]), 0);
    }
    for (int i = 0; i < WRITERS + READERS; ++i) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
    assert_int_equal(atomic_load(&all.moved), WRITERS * TRANSFERS);
    assert_true(atomic_load(&all.reads) >= READERS);
    for (int i = 0; i < 2; ++i) {
        int64_t balances[ACCOUNTS];
        pyr_snapshot *snapshot = snapshot_of(all.catalog);
        read_balances(pyr_snapshot_find(snapshot, NULL, "t"), balances);
        pyr_snapshot_release(snapshot);
        pyr_catalog_close(all.catalog);
        all.catalog = open_catalog(f->path);
    }
    pyr_catalog_close(all.catalog);
}

/* Each inserts the same keys: of each key one of them does. */
typedef struct inserter {
    shared *all;
    int number, inserted;
    pthread_t thread;
} inserter;

enum { INSERTERS = 4, KEYS = 50 };

static void *insert(void *argument) {
    inserter *self = argument;
    for (int key = 0; key < KEYS; ++key) {
        char row[64];
        pyr_error fault;
        pyr_change *change = begin(self->all->catalog);
        (void)snprintf(row, sizeof(row), "%d,x,%d", key, self->number);
        pyr_status status = try_write(change, "t", row, PYR_KEYED_INSERT, 0, &fault);
        if (status == PYR_OK) {
            status = pyr_change_commit(change, false, &fault);
        }
        if (status != PYR_OK) {
            assert_string_equal(fault.sqlstate, "23505");
        }
        self->inserted += status == PYR_OK;
        pyr_change_destroy(change);
    }
    return NULL;
}

static void of_inserts_of_one_key_one_succeeds(void **state) {
    (void)state;
    shared all = {.catalog = open_catalog(NULL)};
    inserter inserters[INSERTERS];
    int inserted = 0;
    create_keyed(all.catalog, "t", "a");
    for (int i = 0; i < INSERTERS; ++i) {
        inserters[i] = (inserter){.all = &all, .number = i};
        assert_int_equal(pthread_create(&inserters[i].thread, NULL, insert, &inserters[i]), 0);
    }
    for (int i = 0; i < INSERTERS; ++i) {
        assert_int_equal(pthread_join(inserters[i].thread, NULL), 0);
        inserted += inserters[i].inserted;
    }
    assert_int_equal(inserted, KEYS);
    pyr_snapshot *snapshot = snapshot_of(all.catalog);
    assert_int_equal(pyr_snapshot_find(snapshot, NULL, "t")->rows, KEYS);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(all.catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(transfers_keep_the_sum_and_readers_see_whole_ones),
        TEST(of_inserts_of_one_key_one_succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
