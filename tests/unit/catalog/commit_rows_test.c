/* commit_rows_test.c - few rows of several commits in one group: one segment a table, an outcome
 * for each commit, and what stands between them keeps its place. */
#include "support_change.h"

#include "catalog/commit_group.h"
#include "catalog/commit_rows.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_MAX = 300 };

/* A group that is led by this thread; of a commit that fails its change is left. */
typedef struct group {
    struct pyr_commit commits[GROUP_MAX];
    pyr_query_ledger ledgers[GROUP_MAX];
    int count;
} group;

static pyr_catalog *open_hot(const fixture *f) {
    pyr_catalog *catalog = open_catalog(f->path);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    return catalog;
}

static pyr_change *add(group *self, pyr_catalog *catalog) {
    int i = self->count++;
    assert_in_range(i, 0, GROUP_MAX - 1);
    pyr_ledger_init(&self->ledgers[i]);
    self->commits[i] = (struct pyr_commit){.change = begin(catalog)};
    pyr_error_clear(&self->commits[i].error);
    if (i > 0) {
        self->commits[i - 1].next = &self->commits[i];
    }
    return self->commits[i].change;
}

static void add_batch(group *self, pyr_catalog *catalog, const char *name, pyr_batch *batch) {
    pyr_change *change = add(self, catalog);
    const pyr_table *table = pyr_snapshot_find(change->base, NULL, name);
    check_ok(pyr_change_append_rows(change, table, batch, &self->ledgers[self->count - 1], error));
    assert_true(pyr_change_has_only_rows(change));
    pyr_batch_release(batch);
}

static void add_rows(group *self, pyr_catalog *catalog, const char *name, int64_t first,
                     int64_t rows) {
    add_batch(self, catalog, name, rows_batch(first, rows));
}

static void write_and_end(group *self, pyr_catalog *catalog) {
    pyr_commit_group_write(catalog, &self->commits[0]);
    for (int i = 0; i < self->count; ++i) {
        pyr_change_clear(self->commits[i].change, self->commits[i].status != PYR_OK);
        pyr_change_destroy(self->commits[i].change);
    }
}

static void expect(const group *self, int index, pyr_status status, const char *sqlstate) {
    const struct pyr_commit *commit = &self->commits[index];
    if (commit->status != status) {
        fail_msg("commit %d: %d instead of %d: %s", index, (int)commit->status, (int)status,
                 commit->error.message);
    }
    if (status != PYR_OK) {
        assert_string_equal(commit->error.sqlstate, sqlstate);
    }
}

static void expect_all_well(const group *self) {
    for (int i = 0; i < self->count; ++i) {
        expect(self, i, PYR_OK, NULL);
    }
}

static size_t segments_of(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    size_t count = pyr_snapshot_find(snapshot, NULL, name)->segments_count;
    pyr_snapshot_release(snapshot);
    return count;
}

static int64_t copied(const pyr_query_ledger *ledger) {
    int64_t bytes = 0;
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        bytes += atomic_load(&ledger->copied[i]);
    }
    return bytes;
}

static void rows_of_a_group_are_one_segment_a_table(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    create_table(catalog, "u");
    group all = {.count = 0};
    for (int i = 0; i < 5; ++i) {
        add_rows(&all, catalog, "t", 10 * i, 2);
        add_rows(&all, catalog, "u", 100 + i, 1);
    }
    write_and_end(&all, catalog);
    expect_all_well(&all);
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(segments_of(catalog, "t"), 1);
        assert_int_equal(segments_of(catalog, "u"), 1);
        assert_string_equal(values_now(catalog, "t"), "0-1 10-11 20-21 30-31 40-41");
        assert_string_equal(values_now(catalog, "u"), "100-104");
        assert_int_equal(count_files(f->path), 0);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

/* Each statement says what its rows cost: together what was written. */
static void each_commit_has_its_share_of_the_copies(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    group all = {.count = 0};
    add_rows(&all, catalog, "t", 0, 1);
    add_rows(&all, catalog, "t", 1, 3);
    add_rows(&all, catalog, "t", 4, 2000);
    write_and_end(&all, catalog);
    expect_all_well(&all);
    int64_t sum = 0;
    for (int i = 0; i < 3; ++i) {
        assert_true(copied(&all.ledgers[i]) > 0);
        sum += copied(&all.ledgers[i]);
    }
    assert_true(copied(&all.ledgers[2]) > 100 * copied(&all.ledgers[1]));
    /* The same rows by one who joins and writes them alone. */
    create_table(catalog, "alone");
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_change *change = begin(catalog);
    const pyr_table *table = pyr_snapshot_find(change->base, NULL, "alone");
    static const int64_t parts[][2] = {{0, 1}, {1, 3}, {4, 2000}};
    for (int i = 0; i < 3; ++i) {
        pyr_batch *batch = rows_batch(parts[i][0], parts[i][1]);
        check_ok(pyr_change_append_rows(change, table, batch, &ledger, error));
        pyr_batch_release(batch);
    }
    end_well(change);
    assert_int_equal(sum, copied(&ledger));
    assert_string_equal(values_now(catalog, "alone"), "0-2003");
    pyr_catalog_close(catalog);
}

static void a_segment_of_a_group_stays_small(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    pyr_batch *batch = rows_batch(0, 100);
    atomic_store(&catalog->hot_bytes_max, 4 * pyr_batch_size_bytes(batch));
    pyr_batch_release(batch);
    group all = {.count = 0};
    for (int i = 0; i < 10; ++i) {
        add_rows(&all, catalog, "t", 100 * i, 100);
    }
    write_and_end(&all, catalog);
    expect_all_well(&all);
    assert_int_equal(segments_of(catalog, "t"), 3); /* of four, four, two */
    assert_string_equal(values_now(catalog, "t"), "0-999");
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    static group many;
    many = (group){.count = 0};
    for (int i = 0; i < GROUP_MAX; ++i) {
        add_rows(&many, catalog, "t", 1000 + i, 1);
    }
    write_and_end(&many, catalog);
    expect_all_well(&many);
    assert_int_equal(segments_of(catalog, "t"), 6);
    assert_string_equal(values_now(catalog, "t"), "0-1299");
    pyr_catalog_close(catalog);
}

static void what_stands_between_keeps_its_place(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    create_table(catalog, "gone");
    append_rows(catalog, "t", 0, 10);
    group all = {.count = 0};
    add_rows(&all, catalog, "gone", 0, 1);
    add_rows(&all, catalog, "t", 10, 1);
    add_rows(&all, catalog, "t", 11, 1);
    change_delete(add(&all, catalog), "t", 0, 0, 5);
    change_drop(add(&all, catalog), "gone");
    add_rows(&all, catalog, "gone", 1, 1); /* 42P01 */
    add_rows(&all, catalog, "t", 12, 1);
    change_delete(add(&all, catalog), "t", 0, 4, 6); /* 40001 */
    add_rows(&all, catalog, "t", 13, 1);
    add_rows(&all, catalog, "gone", 2, 1); /* 42P01 */
    add_rows(&all, catalog, "t", 14, 1);
    write_and_end(&all, catalog);
    for (int i = 0; i < all.count; ++i) {
        bool no_table = i == 5 || i == 9;
        expect(&all, i,
               no_table ? PYR_ERROR_NOT_FOUND
               : i == 7 ? PYR_ERROR_CONFLICT
                        : PYR_OK,
               no_table ? "42P01" : "40001");
    }
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(values_now(catalog, "t"), "5-14");
        assert_string_equal(values_now(catalog, "gone"), "no table");
        assert_int_equal(segments_of(catalog, "t"), 4); /* 0-9, 10 and 11, 12, 13 and 14 */
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

/* A change that failed to commit may have got a segment beside its rows. */
static void rows_beside_segments_are_committed_together(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    group all = {.count = 0};
    add_rows(&all, catalog, "t", 0, 1);
    add_rows(&all, catalog, "t", 1, 1);
    change_append(catalog, all.commits[1].change, "t", 2, 3);
    assert_false(pyr_change_has_only_rows(all.commits[1].change));
    add_rows(&all, catalog, "t", 5, 1);
    write_and_end(&all, catalog);
    expect_all_well(&all);
    assert_string_equal(values_now(catalog, "t"), "0-5");
    pyr_catalog_close(catalog);
}

static pyr_batch *mapped_rows(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    pyr_segment *segment = pyr_snapshot_find(snapshot, NULL, name)->segments[0];
    pyr_batch *batch = read_batch(segment, 0);
    assert_int_equal(truncate(pyr_segment_get_info(segment)->path, 0), 0);
    pyr_snapshot_release(snapshot);
    return batch;
}

static void a_source_that_was_cut_fails_its_own_commit_alone(void **state) {
    fixture *f = *state;
    restore_sigbus_handler();
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    create_table(catalog, "source");
    append_rows(catalog, "source", 0, 10);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    group all = {.count = 0};
    add_rows(&all, catalog, "t", 0, 1);
    add_batch(&all, catalog, "t", mapped_rows(catalog, "source"));
    add_rows(&all, catalog, "t", 1, 1);
    write_and_end(&all, catalog);
    expect(&all, 0, PYR_OK, NULL);
    expect(&all, 1, PYR_ERROR_IO, "58030");
    expect(&all, 2, PYR_OK, NULL);
    assert_string_equal(values_now(catalog, "t"), "0-1");
    pyr_catalog_close(catalog);
}

/* ---- By appenders, which commit for themselves. ---- */

enum { THREADS = 6, ROWS_EACH = 40 };

typedef struct inserter {
    pthread_t thread;
    pyr_catalog *catalog;
    int64_t first;
    pyr_query_ledger ledger;
} inserter;

static void *insert_rows(void *argument) {
    inserter *self = argument;
    pyr_schema *schema = two_columns();
    for (int64_t i = 0; i < ROWS_EACH; ++i) {
        pyr_appender *appender;
        check_ok(pyr_appender_create(self->catalog, NULL, "t", schema, NULL, &self->ledger,
                                     &appender, error));
        append(appender, self->first + i, 1);
        check_ok(pyr_appender_commit(appender, NULL, error));
        pyr_appender_destroy(appender);
    }
    pyr_schema_release(schema);
    return NULL;
}

static void rows_of_many_threads_are_there_once(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    inserter inserters[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        inserters[i] = (inserter){.catalog = catalog, .first = (int64_t)i * ROWS_EACH};
        pyr_ledger_init(&inserters[i].ledger);
        assert_int_equal(pthread_create(&inserters[i].thread, NULL, insert_rows, &inserters[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_join(inserters[i].thread, NULL), 0);
        assert_true(copied(&inserters[i].ledger) > 0);
    }
    for (int i = 0; i < 2; ++i) {
        assert_string_equal(values_now(catalog, "t"), "0-239");
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

/* What costs more than a segment is sealed by its own thread. */
static void many_rows_are_hot_without_waiting_for_others(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 5000);
    assert_int_equal(segments_of(catalog, "t"), 1);
    assert_int_equal(count_files(f->path), 0);
    assert_string_equal(values_now(catalog, "t"), "0-4999");
    pyr_catalog_close(catalog);
}

int main(int argc, char **argv) {
    int role = play_role(argc, argv);
    if (role >= 0) {
        return role;
    }
    const struct CMUnitTest tests[] = {
        TEST(rows_of_a_group_are_one_segment_a_table),
        TEST(each_commit_has_its_share_of_the_copies),
        TEST(a_segment_of_a_group_stays_small),
        TEST(what_stands_between_keeps_its_place),
        TEST(rows_beside_segments_are_committed_together),
        TEST(a_source_that_was_cut_fails_its_own_commit_alone),
        TEST(rows_of_many_threads_are_there_once),
        TEST(many_rows_are_hot_without_waiting_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
