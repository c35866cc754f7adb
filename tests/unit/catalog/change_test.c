/* change_test.c - what a change makes different, who sees it, and which two changes cannot both be.
 * Groups of commits are in commit_test.c. */
#include "support_change.h"

#include "catalog/catalog_internal.h"

#include <string.h>

#define assert_now(catalog, name, values) assert_string_equal(values_now(catalog, name), values)
#define assert_seen(change, name, values) assert_string_equal(values_seen(change, name), values)

static pyr_catalog *reopen(pyr_catalog *catalog, const fixture *f) {
    pyr_catalog_close(catalog);
    return open_catalog(f->path);
}

/* A database with t, whose segments hold 0-9 and 10-19. */
static pyr_catalog *open_with_t(const fixture *f) {
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    append_rows(catalog, "t", 10, 10);
    return catalog;
}

static pyr_status count_record(void *context, const char *key, size_t key_size, const char *value,
                               size_t value_size, pyr_error *error) {
    (void)key, (void)key_size, (void)value, (void)value_size, (void)error;
    ++*(int *)context;
    return PYR_OK;
}

static int count_records(const pyr_catalog *catalog, const char *prefix) {
    int count = 0;
    check_ok(pyr_lsm_scan(catalog->lsm, prefix, strlen(prefix), count_record, &count, error));
    return count;
}

/* ---- Who sees it. ---- */

static void a_change_is_seen_by_itself_until_its_commit_and_by_everybody_after(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    create_table(catalog, "old");
    pyr_change *change = begin(catalog);
    assert_true(pyr_change_is_empty(change));
    change_create(catalog, change, "new", PYR_CREATE_NEW);
    change_append(catalog, change, "new", 100, 5);
    change_append(catalog, change, "t", 20, 5);
    change_delete(change, "t", 0, 2, 4);
    change_drop(change, "old");
    assert_false(pyr_change_is_empty(change));
    assert_seen(change, "new", "100-104");
    assert_seen(change, "t", "0-1 4-24");
    assert_seen(change, "old", "no table");
    pyr_change *bystander = begin(catalog);
    assert_seen(bystander, "new", "no table");
    assert_now(catalog, "new", "no table");
    assert_now(catalog, "t", "0-19");
    assert_now(catalog, "old", "none");
    check_ok(pyr_change_commit(change, true, error));
    assert_seen(bystander, "t", "0-19"); /* of its base */
    pyr_change_destroy(bystander);
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "new", "100-104");
        assert_now(catalog, "t", "0-1 4-24");
        assert_now(catalog, "old", "no table");
        if (i == 0) {
            pyr_change_destroy(change);
            catalog = reopen(catalog, f);
        }
    }
    assert_int_equal(count_files(f->path), 4);
    pyr_catalog_close(catalog);
}

static void a_change_without_commit_leaves_neither_rows_nor_files(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = begin(catalog);
    change_create(catalog, change, "new", PYR_CREATE_NEW);
    change_append(catalog, change, "new", 0, 5);
    change_append(catalog, change, "t", 20, 5);
    change_delete(change, "t", 0, 0, 10);
    assert_int_equal(count_files(f->path), 4);
    pyr_snapshot *view; /* a query that still runs */
    check_ok(pyr_change_snapshot(change, &view, error));
    pyr_change_destroy(change);
    pyr_change_destroy(NULL);
    assert_string_equal(values_in(view, "t"), "10-24");
    pyr_snapshot_release(view);
    assert_int_equal(count_files(f->path), 2);
    assert_now(catalog, "t", "0-19");
    assert_now(catalog, "new", "no table");
    catalog = reopen(catalog, f);
    assert_now(catalog, "t", "0-19");
    pyr_catalog_close(catalog);
}

static void a_change_may_be_used_again_after_its_commit(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = begin(catalog);
    check_ok(pyr_change_commit(change, true, error)); /* nothing */
    change_delete(change, "t", 0, 0, 1);
    check_ok(pyr_change_commit(change, true, error));
    assert_true(pyr_change_is_empty(change));
    append_rows(catalog, "t", 20, 5);
    assert_seen(change, "t", "1-19"); /* what was committed */
    change_delete(change, "t", 0, 1, 2);
    change_append(catalog, change, "t", 30, 1);
    end_well(change);
    assert_now(catalog, "t", "2-24 30");
    pyr_catalog_close(catalog);
}

static uint64_t version_seen(pyr_change *change) {
    pyr_snapshot *view;
    check_ok(pyr_change_snapshot(change, &view, error));
    uint64_t version = pyr_snapshot_version(view);
    pyr_snapshot_release(view);
    return version;
}

/* A plan is kept for a version: two contents must not have the same. */
static void what_a_change_sees_has_a_version_of_its_own(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *one = begin(catalog);
    pyr_change *two = begin(catalog);
    uint64_t base = version_seen(one);
    assert_int_equal(version_seen(two), base);
    change_delete(one, "t", 0, 0, 1);
    uint64_t first = version_seen(one);
    assert_true(first != base);
    assert_int_equal(version_seen(one), first); /* nothing changed in between */
    change_delete(one, "t", 0, 1, 2);
    assert_true(version_seen(one) != first && version_seen(one) != base);
    change_delete(two, "t", 1, 0, 1);
    assert_true(version_seen(two) != version_seen(one) && version_seen(two) != first);
    uint64_t last = version_seen(one);
    check_ok(pyr_change_commit(one, true, error));
    assert_true(version_seen(one) > base && version_seen(one) != last);
    pyr_change_destroy(one);
    pyr_change_destroy(two);
    pyr_catalog_close(catalog);
}

static void a_readers_snapshot_and_its_files_stay_after_deletes_and_drops(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    delete_rows(catalog, "t", 0, 0, 1);
    pyr_snapshot *before = snapshot_of(catalog);
    delete_rows(catalog, "t", 0, 1, 10);
    pyr_snapshot *between = snapshot_of(catalog);
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 20, 5); /* into a table that goes */
    change_drop(change, "t");
    end_well(change);
    assert_now(catalog, "t", "no table");
    assert_string_equal(values_in(before, "t"), "1-19");
    assert_string_equal(values_in(between, "t"), "10-19");
    pyr_snapshot_release(before);
    assert_int_equal(count_files(f->path), 2);
    assert_string_equal(values_in(between, "t"), "10-19");
    pyr_snapshot_release(between);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

/* ---- Tables that come and go. ---- */

static void a_table_created_and_dropped_in_one_change_leaves_nothing(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_change *change = begin(catalog);
    change_create(catalog, change, "t", PYR_CREATE_NEW);
    change_append(catalog, change, "t", 0, 5);
    change_delete(change, "t", 0, 0, 2);
    assert_seen(change, "t", "2-4");
    change_drop(change, "t");
    assert_seen(change, "t", "no table");
    end_well(change);
    assert_now(catalog, "t", "no table");
    assert_int_equal(count_files(f->path), 0);
    assert_int_equal(count_records(catalog, "table/"), 0);
    assert_int_equal(count_records(catalog, "segment/"), 0);
    assert_int_equal(count_records(catalog, "deleted/"), 0);
    pyr_catalog_close(catalog);
}

static void a_dropped_tables_name_may_be_taken_in_the_same_change(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    delete_rows(catalog, "t", 1, 0, 5);
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 20, 5);
    change_delete(change, "t", 0, 0, 5);
    change_drop(change, "t");
    change_create(catalog, change, "t", PYR_CREATE_NEW);
    change_append(catalog, change, "t", 50, 2);
    change_drop(change, "t");
    change_create(catalog, change, "T", PYR_CREATE_NEW);
    change_append(catalog, change, "t", 60, 3);
    change_delete(change, "t", 0, 0, 1);
    assert_seen(change, "t", "61-62");
    assert_now(catalog, "t", "0-9 15-19");
    end_well(change);
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "t", "61-62");
        assert_int_equal(count_files(f->path), 1);
        assert_int_equal(count_records(catalog, "table/"), 1);
        assert_int_equal(count_records(catalog, "segment/"), 1);
        assert_int_equal(count_records(catalog, "deleted/"), 1);
        catalog = reopen(catalog, f);
    }
    pyr_catalog_close(catalog);
}

static void what_replaces_a_table_takes_its_place_and_may_be_replaced(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    delete_rows(catalog, "t", 1, 0, 5);
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 20, 5);
    change_create(catalog, change, "t", PYR_CREATE_OR_REPLACE);
    assert_seen(change, "t", "none");
    change_append(catalog, change, "t", 50, 2);
    change_create(catalog, change, "t", PYR_CREATE_OR_REPLACE);
    change_append(catalog, change, "t", 60, 2);
    assert_seen(change, "t", "60-61");
    append_rows(catalog, "t", 100, 1); /* goes with the rest */
    end_well(change);
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "t", "60-61");
        assert_int_equal(count_files(f->path), 1);
        assert_int_equal(count_records(catalog, "segment/"), 1);
        assert_int_equal(count_records(catalog, "deleted/"), 0);
        catalog = reopen(catalog, f);
    }
    pyr_catalog_close(catalog);
}

static void what_was_replaced_does_not_come_back_when_its_successor_is_dropped(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = begin(catalog);
    change_create(catalog, change, "t", PYR_CREATE_OR_REPLACE);
    change_drop(change, "t");
    assert_seen(change, "t", "no table");
    change_create(catalog, change, "t", PYR_CREATE_NEW);
    change_append(catalog, change, "t", 50, 2);
    change_drop(change, "t");
    end_well(change);
    assert_now(catalog, "t", "no table");
    assert_int_equal(count_files(f->path), 0);
    catalog = reopen(catalog, f);
    assert_now(catalog, "t", "no table");
    pyr_catalog_close(catalog);
}

static void a_table_that_is_there_is_created_by_no_other_mode(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_schema *schema = two_columns();
    pyr_change *change = begin(catalog);
    pyr_table *table;
    bool created;
    check_ok(pyr_catalog_new_table(catalog, &(pyr_table_definition){.name = "T", .schema = schema},
                                   &table, error));
    assert_int_equal(pyr_change_create_table(change, table, PYR_CREATE_NEW, &created, &f->error),
                     PYR_ERROR_ALREADY_EXISTS);
    assert_string_equal(f->error.sqlstate, "42P07");
    assert_false(created);
    check_ok(pyr_change_create_table(change, table, PYR_CREATE_IF_NOT_EXISTS, &created, error));
    assert_false(created);
    assert_true(pyr_change_is_empty(change));
    pyr_change_destroy(change);
    pyr_table_release(table);

    pyr_appender_options options = {.create = true, .mode = PYR_CREATE_IF_NOT_EXISTS};
    pyr_appender *appender;
    check_ok(pyr_appender_create(catalog, NULL, "t", schema, &options, NULL, &appender, error));
    append(appender, 20, 5);
    assert_int_equal(pyr_appender_commit(appender, NULL, &f->error), PYR_ERROR_ALREADY_EXISTS);
    assert_string_equal(f->error.sqlstate, "42P07");
    pyr_appender_destroy(appender);
    assert_now(catalog, "t", "0-19");
    assert_int_equal(count_files(f->path), 2);
    pyr_schema_release(schema);
    pyr_catalog_close(catalog);
}

/* ---- Deleted rows. ---- */

static void deleted_rows_are_counted_and_found_by_the_next_open(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    delete_rows(catalog, "t", 1, 0, 3);
    delete_rows(catalog, "t", 1, 5, 6);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    assert_int_equal(table->rows, 16);
    pyr_row_bitmap *deleted = pyr_row_bitmap_retain(pyr_table_deleted(table, 1));
    assert_null(pyr_table_deleted(table, 0));
    assert_int_equal(pyr_row_bitmap_cardinality(deleted), 4);
    uint64_t version = table->version;
    pyr_snapshot_release(snapshot);
    pyr_catalog *reader = open_readonly(f->path);
    assert_now(reader, "t", "0-9 13-14 16-19");
    catalog = reopen(catalog, f);
    snapshot = snapshot_of(catalog);
    table = pyr_snapshot_find(snapshot, NULL, "t");
    assert_int_equal(table->rows, 16);
    assert_int_equal(table->version, version);
    assert_null(pyr_table_deleted(table, 0));
    assert_true(pyr_row_bitmap_equal(pyr_table_deleted(table, 1), deleted));
    assert_string_equal(values_in(snapshot, "t"), "0-9 13-14 16-19");
    pyr_snapshot_release(snapshot);
    pyr_row_bitmap_release(deleted);
    delete_rows(catalog, "t", 1, 3, 4);
    append_rows(catalog, "t", 20, 1); /* keeps what was deleted */
    assert_now(catalog, "t", "0-9 14 16-20");
    assert_now(reader, "t", "0-9 14 16-20");
    pyr_catalog_close(reader);
    pyr_catalog_close(catalog);
}

static void rows_that_the_change_appended_itself_may_be_deleted(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 20, 10);
    change_delete(change, "t", 2, 0, 5);
    change_append(catalog, change, "t", 30, 10);
    change_delete(change, "t", 3, 0, 10);
    change_delete(change, "t", 2, 8, 10);
    append_rows(catalog, "t", 100, 3); /* stands before them at the commit */
    assert_seen(change, "t", "0-19 25-27");
    end_well(change);
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "t", "0-19 25-27 100-102");
        catalog = reopen(catalog, f);
    }
    pyr_catalog_close(catalog);
}

static void rows_in_memory_are_deleted_for_as_long_as_they_live(void **state) {
    fixture *f = *state;
    pyr_catalog *memory = open_with_t(&(fixture){.path = NULL});
    delete_rows(memory, "t", 0, 0, 9);
    assert_now(memory, "t", "9-19");
    pyr_catalog_close(memory);

    pyr_catalog *catalog = open_catalog(f->path);
    const pyr_table_option options[] = {{"storage_mode", "memory_only"}};
    pyr_schema *schema = two_columns();
    check_ok(pyr_catalog_create_table(
        catalog,
        &(pyr_table_definition){
            .name = "m", .schema = schema, .options = options, .options_count = 1},
        PYR_CREATE_NEW, NULL, error));
    append_rows(catalog, "m", 0, 10);
    delete_rows(catalog, "m", 0, 1, 10);
    assert_now(catalog, "m", "0");
    assert_int_equal(count_records(catalog, "segment/"), 0);
    assert_int_equal(count_records(catalog, "deleted/"), 0);
    catalog = reopen(catalog, f);
    assert_now(catalog, "m", "none");
    append_rows(catalog, "m", 0, 10);
    assert_now(catalog, "m", "0-9");
    pyr_schema_release(schema);
    pyr_catalog_close(catalog);
}

static void rows_beyond_a_segment_are_refused(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *change = begin(catalog);
    change_delete(change, "t", 0, 9, 11);
    assert_int_equal(pyr_change_commit(change, true, &f->error), PYR_ERROR_INTERNAL);
    pyr_change_destroy(change);
    catalog = reopen(catalog, f);
    assert_now(catalog, "t", "0-19");
    pyr_catalog_close(catalog);
}

/* ---- Conflicts. ---- */

static void of_two_that_delete_the_same_row_the_second_changes_nothing(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    create_table(catalog, "a");
    create_table(catalog, "z");
    append_rows(catalog, "z", 0, 5);
    pyr_change *one = begin(catalog);
    pyr_change *two = begin(catalog);
    change_delete(one, "t", 0, 3, 5);
    change_append(catalog, two, "a", 0, 5);
    change_delete(two, "t", 1, 0, 10);
    change_delete(two, "t", 0, 4, 6);
    change_create(catalog, two, "new", PYR_CREATE_NEW);
    change_drop(two, "z");
    end_well(one);
    pyr_snapshot *before = snapshot_of(catalog);
    end_badly(two, PYR_ERROR_CONFLICT, "40001");
    pyr_snapshot *after = snapshot_of(catalog);
    assert_int_equal(pyr_snapshot_version(after), pyr_snapshot_version(before));
    pyr_snapshot_release(after);
    pyr_snapshot_release(before);
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "a", "none");
        assert_now(catalog, "t", "0-2 5-19");
        assert_now(catalog, "new", "no table");
        assert_now(catalog, "z", "0-4");
        assert_int_equal(count_files(f->path), 3);
        catalog = reopen(catalog, f);
    }
    pyr_catalog_close(catalog);
}

static void two_that_delete_different_rows_of_one_segment_both_commit(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *one = begin(catalog);
    pyr_change *two = begin(catalog);
    change_delete(one, "t", 0, 0, 3);
    change_delete(two, "t", 0, 3, 5);
    end_well(one);
    end_well(two);
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "t", "5-19");
        catalog = reopen(catalog, f);
    }
    pyr_catalog_close(catalog);
}

static void a_table_dropped_meanwhile_takes_no_rows_and_loses_none(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    create_table(catalog, "a");
    pyr_change *appends = begin(catalog);
    pyr_change *deletes = begin(catalog);
    pyr_change *drops = begin(catalog);
    change_append(catalog, appends, "a", 0, 5);
    change_append(catalog, appends, "t", 20, 5);
    change_delete(deletes, "t", 0, 0, 5);
    change_drop(drops, "t");
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    create_table(catalog, "t"); /* another one */
    assert_int_equal(pyr_change_commit(appends, true, &f->error), PYR_ERROR_NOT_FOUND);
    assert_message_has(&f->error, "\"t\"");
    end_badly(appends, PYR_ERROR_NOT_FOUND, "42P01"); /* trying again does not help */
    end_badly(deletes, PYR_ERROR_NOT_FOUND, "42P01");
    end_badly(drops, PYR_ERROR_NOT_FOUND, "42P01");
    assert_now(catalog, "t", "none");
    assert_now(catalog, "a", "none");
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

static void of_two_that_create_the_same_name_the_second_changes_nothing(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_with_t(f);
    pyr_change *one = begin(catalog);
    pyr_change *two = begin(catalog);
    change_create(catalog, one, "new", PYR_CREATE_NEW);
    change_append(catalog, one, "new", 0, 1);
    change_append(catalog, two, "t", 20, 5);
    change_delete(two, "t", 0, 0, 5);
    change_create(catalog, two, "first", PYR_CREATE_NEW);
    change_create(catalog, two, "NEW", PYR_CREATE_IF_NOT_EXISTS);
    change_append(catalog, two, "new", 100, 5);
    end_well(one);
    end_badly(two, PYR_ERROR_ALREADY_EXISTS, "42P07");
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "new", "0");
        assert_now(catalog, "t", "0-19");
        assert_now(catalog, "first", "no table");
        assert_int_equal(count_files(f->path), 3);
        catalog = reopen(catalog, f);
    }
    pyr_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_seen_by_itself_until_its_commit_and_by_everybody_after),
        TEST(a_change_without_commit_leaves_neither_rows_nor_files),
        TEST(a_change_may_be_used_again_after_its_commit),
        TEST(what_a_change_sees_has_a_version_of_its_own),
        TEST(a_readers_snapshot_and_its_files_stay_after_deletes_and_drops),
        TEST(a_table_created_and_dropped_in_one_change_leaves_nothing),
        TEST(a_dropped_tables_name_may_be_taken_in_the_same_change),
        TEST(what_replaces_a_table_takes_its_place_and_may_be_replaced),
        TEST(what_was_replaced_does_not_come_back_when_its_successor_is_dropped),
        TEST(a_table_that_is_there_is_created_by_no_other_mode),
        TEST(deleted_rows_are_counted_and_found_by_the_next_open),
        TEST(rows_that_the_change_appended_itself_may_be_deleted),
        TEST(rows_in_memory_are_deleted_for_as_long_as_they_live),
        TEST(rows_beyond_a_segment_are_refused),
        TEST(of_two_that_delete_the_same_row_the_second_changes_nothing),
        TEST(two_that_delete_different_rows_of_one_segment_both_commit),
        TEST(a_table_dropped_meanwhile_takes_no_rows_and_loses_none),
        TEST(of_two_that_create_the_same_name_the_second_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
