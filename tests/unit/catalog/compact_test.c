/* compact_test.c - hot segments and compaction: no row is lost, none stands twice, order holds, and
 * rows deleted while segments are replaced are deleted in what replaces them. */
#include "support_change.h"

#include "catalog/catalog_internal.h"
#include "catalog/compact.h"
#include "catalog/maintenance.h"
#include "catalog/replacement.h"

#include <sched.h>
#include <stdlib.h>

static pyr_catalog *open_hot(const char *path) {
    pyr_catalog *catalog = open_catalog(path);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    return catalog;
}

/* Retained by the snapshot, which is given back. */
static const pyr_table *table_now(pyr_catalog *catalog, pyr_snapshot **snapshot) {
    *snapshot = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(*snapshot, NULL, "t");
    assert_non_null(table);
    return table;
}

static size_t segments_now(pyr_catalog *catalog) {
    pyr_snapshot *snapshot;
    size_t count = table_now(catalog, &snapshot)->segments_count;
    pyr_snapshot_release(snapshot);
    return count;
}

static size_t hot_now(pyr_catalog *catalog) {
    pyr_snapshot *snapshot;
    const pyr_table *table = table_now(catalog, &snapshot);
    size_t count = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        count += pyr_segment_get_info(table->segments[i])->hot;
    }
    pyr_snapshot_release(snapshot);
    return count;
}

static void compact(pyr_catalog *catalog, pyr_compact_goal goal) {
    pyr_snapshot *snapshot;
    pyr_compaction compaction = {.goal = goal};
    uint64_t id = table_now(catalog, &snapshot)->id;
    pyr_snapshot_release(snapshot);
    check_ok(pyr_compact_table(catalog, id, &compaction, error));
}

/* The values of a in the order they stand in, which is that of insertion. */
static void check_order(pyr_catalog *catalog, int64_t rows) {
    pyr_snapshot *snapshot;
    const pyr_table *table = table_now(catalog, &snapshot);
    int64_t next = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches;
        check_ok(pyr_segment_batches(table->segments[i], NULL, &batches, error));
        for (size_t j = 0; j < batches; ++j) {
            pyr_batch *batch;
            check_ok(pyr_segment_batch(table->segments[i], j, NULL, 0, NULL, NULL, &batch, error));
            const int64_t *a = (const int64_t *)batch->columns[0]->buffers[1]->data;
            for (int64_t row = 0; row < batch->rows; ++row) {
                assert_int_equal(a[batch->columns[0]->offset + row], next++);
            }
            pyr_batch_release(batch);
        }
    }
    assert_int_equal(next, rows);
    pyr_snapshot_release(snapshot);
}

static void a_small_append_is_in_the_lsm_and_makes_no_file(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 5);
    append_rows(catalog, "t", 5, 5);
    assert_int_equal(count_files(f->path), 0);
    assert_int_equal(hot_now(catalog), 2);
    delete_rows(catalog, "t", 1, 2, 3);
    assert_string_equal(values_now(catalog, "t"), "0-6 8-9");
    pyr_catalog *reader = open_readonly(f->path);
    assert_string_equal(values_now(reader, "t"), "0-6 8-9");
    append_rows(catalog, "t", 10, 1);
    assert_string_equal(values_now(reader, "t"), "0-6 8-10");
    pyr_catalog_close(reader);
    pyr_catalog_close(catalog);
    catalog = open_hot(f->path);
    assert_string_equal(values_now(catalog, "t"), "0-6 8-10");
    assert_int_equal(hot_now(catalog), 3);
    pyr_catalog_close(catalog);
}

static void a_large_append_is_a_file(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 50000);
    assert_int_equal(count_files(f->path), 1);
    assert_int_equal(hot_now(catalog), 0);
    pyr_catalog_close(catalog);
}

static void dropping_a_table_takes_its_hot_segments_along(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 5);
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    char *value;
    size_t size;
    const char key[] = {'s', 'e', 'g', 'm', 'e', 'n', 't', '/', 0, 0, 0, 0,
                        0,   0,   0,   1,   0,   0,   0,   0,   0, 0, 0, 1};
    check_ok(pyr_lsm_get(catalog->lsm, key, sizeof(key), &value, &size, error));
    assert_null(value);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 5); /* the same kind of record is there for what is */
    const char next[] = {'s', 'e', 'g', 'm', 'e', 'n', 't', '/', 0, 0, 0, 0,
                         0,   0,   0,   2,   0,   0,   0,   0,   0, 0, 0, 2};
    check_ok(pyr_lsm_get(catalog->lsm, next, sizeof(next), &value, &size, error));
    assert_non_null(value);
    free(value);
    pyr_catalog_close(catalog);
}

static void many_small_appends_become_few_segments_in_their_order(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f->path);
    create_table(catalog, "t");
    for (int64_t i = 0; i < 500; ++i) {
        append_rows(catalog, "t", i, 1);
        if (i % 16 == 15) {
            compact(catalog, PYR_COMPACT_TIERS);
        }
        assert_true(segments_now(catalog) <= 64);
    }
    append_rows(catalog, "t", 500, 30000);
    append_rows(catalog, "t", 30500, 1);
    check_order(catalog, 30501);
    pyr_catalog_close(catalog);
    catalog = open_hot(f->path);
    check_order(catalog, 30501);
    pyr_catalog_close(catalog);
}

static void checkpoint_makes_one_file_of_everything_small(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 20000);
    append_rows(catalog, "t", 20000, 10);
    append_rows(catalog, "t", 20010, 20000);
    append_rows(catalog, "t", 40010, 10);
    pyr_snapshot *before = snapshot_of(catalog);
    int64_t sum_before;
    int64_t sum_after;
    (void)count_rows(before, "t", &sum_before);
    compact(catalog, PYR_COMPACT_ALL);
    assert_int_equal(segments_now(catalog), 1);
    assert_int_equal(hot_now(catalog), 0);
    check_order(catalog, 40020);
    assert_int_equal(count_rows(before, "t", &sum_after), 40020);
    assert_int_equal(sum_after, sum_before); /* a reader keeps what it has */
    pyr_snapshot_release(before);
    assert_int_equal(count_files(f->path), 1);
    pyr_catalog_close(catalog);
    catalog = open_hot(f->path);
    check_order(catalog, 40020);
    pyr_catalog_close(catalog);
}

static void vacuum_leaves_deleted_rows_out(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 1000);
    delete_rows(catalog, "t", 0, 3, 4);
    compact(catalog, PYR_COMPACT_ALL); /* one row of a thousand is not worth it */
    pyr_snapshot *snapshot;
    const pyr_table *table = table_now(catalog, &snapshot);
    assert_int_equal(pyr_segment_get_info(table->segments[0])->rows, 1000);
    pyr_snapshot_release(snapshot);
    compact(catalog, PYR_COMPACT_DELETED);
    table = table_now(catalog, &snapshot);
    assert_int_equal(pyr_segment_get_info(table->segments[0])->rows, 999);
    assert_null(pyr_table_deleted(table, 0));
    pyr_snapshot_release(snapshot);
    assert_string_equal(values_now(catalog, "t"), "0-2 4-999");
    delete_rows(catalog, "t", 0, 0, 999);
    compact(catalog, PYR_COMPACT_DELETED);
    assert_int_equal(segments_now(catalog), 0);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

/* Three files of ten rows, and a change based on them. */
static pyr_catalog *three_files(fixture *f, pyr_change **change) {
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    for (int64_t i = 0; i < 3; ++i) {
        append_rows(catalog, "t", 10 * i, 10);
    }
    *change = begin(catalog);
    return catalog;
}

static void rows_deleted_by_an_open_change_are_deleted_in_what_replaces_them(void **state) {
    fixture *f = *state;
    pyr_change *change;
    pyr_catalog *catalog = three_files(f, &change);
    change_delete(change, "t", 0, 8, 10);
    change_delete(change, "t", 1, 0, 2);
    change_delete(change, "t", 2, 9, 10);
    delete_rows(catalog, "t", 1, 5, 7); /* left out by the compaction: rows move up */
    compact(catalog, PYR_COMPACT_DELETED);
    assert_int_equal(segments_now(catalog), 1);
    delete_rows(catalog, "t", 0, 0, 1);
    compact(catalog, PYR_COMPACT_DELETED); /* and once more: the way has two steps */
    end_well(change);
    assert_string_equal(values_now(catalog, "t"), "1-7 12-14 17-28");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_string_equal(values_now(catalog, "t"), "1-7 12-14 17-28");
    pyr_catalog_close(catalog);
}

static void a_row_that_was_left_out_is_a_conflict(void **state) {
    fixture *f = *state;
    pyr_change *change;
    pyr_catalog *catalog = three_files(f, &change);
    change_delete(change, "t", 1, 4, 6);
    delete_rows(catalog, "t", 1, 5, 7);
    compact(catalog, PYR_COMPACT_DELETED);
    end_badly(change, PYR_ERROR_CONFLICT, "40001");
    assert_string_equal(values_now(catalog, "t"), "0-14 17-29");
    pyr_catalog_close(catalog);
}

static void a_row_deleted_after_it_moved_is_a_conflict(void **state) {
    fixture *f = *state;
    pyr_change *change;
    pyr_catalog *catalog = three_files(f, &change);
    change_delete(change, "t", 1, 4, 6);
    compact(catalog, PYR_COMPACT_ALL);
    delete_rows(catalog, "t", 0, 15, 16);
    end_badly(change, PYR_ERROR_CONFLICT, "40001");
    assert_string_equal(values_now(catalog, "t"), "0-14 16-29");
    pyr_catalog_close(catalog);
}

/* The rows are read, then others are deleted, then the segments are swapped. */
static void rows_deleted_while_a_step_reads_are_carried_over(void **state) {
    fixture *f = *state;
    pyr_change *change;
    pyr_catalog *catalog = three_files(f, &change);
    pyr_snapshot *base = snapshot_of(catalog);
    pyr_table *table = pyr_snapshot_find(base, NULL, "t");
    pyr_replacement *replacement;
    pyr_catalog *elsewhere = open_catalog(NULL);
    create_table(elsewhere, "t");
    append_rows(elsewhere, "t", 0, 30); /* a segment with the rows of all three */
    pyr_snapshot *source = snapshot_of(elsewhere);
    pyr_segment *joined = pyr_snapshot_find(source, NULL, "t")->segments[0];
    pyr_segment_set_number(joined, atomic_fetch_add(&catalog->next_segment, 1), 1, false);
    pyr_row_bitmap *none[3] = {NULL};
    check_ok(
        pyr_replacement_create(table->segments, none, 3, &joined, 1, true, &replacement, error));
    check_ok(pyr_change_replace(change, table, replacement, &joined, error));
    delete_rows(catalog, "t", 0, 3, 4);
    delete_rows(catalog, "t", 2, 0, 10);
    end_well(change);
    assert_int_equal(segments_now(catalog), 1);
    assert_string_equal(values_now(catalog, "t"), "0-2 4-19");
    pyr_replacement_release(replacement);
    pyr_snapshot_release(base);
    pyr_snapshot_release(source);
    pyr_catalog_close(elsewhere);
    pyr_catalog_close(catalog);
}

static void compaction_is_no_new_version_of_the_table(void **state) {
    fixture *f = *state;
    pyr_change *change;
    pyr_catalog *catalog = three_files(f, &change);
    pyr_change_destroy(change);
    pyr_snapshot *snapshot;
    uint64_t version = table_now(catalog, &snapshot)->version;
    pyr_snapshot_release(snapshot);
    compact(catalog, PYR_COMPACT_ALL);
    assert_int_equal(segments_now(catalog), 1);
    assert_int_equal(table_now(catalog, &snapshot)->version, version);
    pyr_snapshot_release(snapshot);
    delete_rows(catalog, "t", 0, 0, 1);
    compact(catalog, PYR_COMPACT_DELETED);
    assert_int_equal(table_now(catalog, &snapshot)->version, version + 1); /* the deletion's */
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void two_who_replace_the_same_segments_do_not_both_win(void **state) {
    fixture *f = *state;
    pyr_change *change;
    pyr_catalog *catalog = three_files(f, &change);
    pyr_snapshot *base = snapshot_of(catalog);
    pyr_table *table = pyr_snapshot_find(base, NULL, "t");
    pyr_replacement *replacement;
    pyr_row_bitmap *none[3] = {NULL};
    check_ok(pyr_replacement_create(table->segments, none, 3, NULL, 0, true, &replacement, error));
    check_ok(pyr_change_replace(change, table, replacement, NULL, error));
    compact(catalog, PYR_COMPACT_ALL);
    end_badly(change, PYR_ERROR_CONFLICT, "40001");
    assert_string_equal(values_now(catalog, "t"), "0-29");
    pyr_replacement_release(replacement);
    pyr_snapshot_release(base);
    pyr_catalog_close(catalog);
}

static void checkpoint_sorts_by_the_sort_key(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_table_option options[] = {{(char *)"sort_key", (char *)" A "}};
    create_table_with(catalog, "t", options, 1);
    append_rows(catalog, "t", 70000, 30000);
    append_rows(catalog, "t", 0, 40000);
    append_rows(catalog, "t", 40000, 30000);
    pyr_change *change = begin(catalog);
    change_delete(change, "t", 0, 5, 6);
    compact(catalog, PYR_COMPACT_ALL);
    check_order(catalog, 100000);
    end_badly(change, PYR_ERROR_CONFLICT, "40001"); /* nobody knows where its row went */
    pyr_snapshot *snapshot;
    const pyr_table *table = table_now(catalog, &snapshot);
    assert_false(pyr_compact_is_due(table, PYR_COMPACT_ALL));
    pyr_zone zone;
    check_ok(pyr_segment_zone(table->segments[0], 0, 0, &zone, error));
    assert_int_equal(zone.min.i64, 0);
    assert_true(zone.max.i64 < 100000);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    table = table_now(catalog, &snapshot);
    assert_false(pyr_compact_is_due(table, PYR_COMPACT_ALL)); /* that it is sorted is remembered */
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void the_catalog_joins_small_appends_by_itself(void **state) {
    fixture *f = *state;
    pyr_error error;
    pyr_catalog *catalog;
    assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &error), PYR_OK);
    create_table(catalog, "t");
    for (int64_t i = 0; i < 40; ++i) {
        append_rows(catalog, "t", i, 1);
    }
    while (segments_now(catalog) > 16) {
        sched_yield();
    }
    check_order(catalog, 40);
    pyr_catalog_close(catalog);
}

static void a_memory_only_table_is_compacted_in_memory(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_hot(f->path);
    pyr_table_option options[] = {{(char *)"storage_mode", (char *)"memory_only"}};
    create_table_with(catalog, "t", options, 1);
    for (int64_t i = 0; i < 20; ++i) {
        append_rows(catalog, "t", i, 1);
    }
    append_rows(catalog, "t", 20, 30000);
    compact(catalog, PYR_COMPACT_ALL);
    assert_int_equal(segments_now(catalog), 1);
    check_order(catalog, 30020);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
    catalog = open_hot(f->path);
    assert_int_equal(segments_now(catalog), 0);
    pyr_catalog_close(catalog);
}

int main(int argc, char **argv) {
    int role = play_role(argc, argv);
    if (role >= 0) {
        return role;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_small_append_is_in_the_lsm_and_makes_no_file),
        TEST(a_large_append_is_a_file),
        TEST(dropping_a_table_takes_its_hot_segments_along),
        TEST(many_small_appends_become_few_segments_in_their_order),
        TEST(checkpoint_makes_one_file_of_everything_small),
        TEST(vacuum_leaves_deleted_rows_out),
        TEST(rows_deleted_by_an_open_change_are_deleted_in_what_replaces_them),
        TEST(a_row_that_was_left_out_is_a_conflict),
        TEST(a_row_deleted_after_it_moved_is_a_conflict),
        TEST(rows_deleted_while_a_step_reads_are_carried_over),
        TEST(compaction_is_no_new_version_of_the_table),
        TEST(two_who_replace_the_same_segments_do_not_both_win),
        TEST(checkpoint_sorts_by_the_sort_key),
        TEST(the_catalog_joins_small_appends_by_itself),
        TEST(a_memory_only_table_is_compacted_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
