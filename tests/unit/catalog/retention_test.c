/* retention_test.c - rows that are too old go, whole segments at a time, and rows in memory stay
 * below the memory limit. */
#include "support_change.h"

#include "base/clock.h"
#include "catalog/catalog_internal.h"
#include "catalog/retention.h"

static const pyr_table_option in_memory[] = {{(char *)"storage_mode", (char *)"memory_only"},
                                             {(char *)"retention", (char *)"1 hour"},
                                             {(char *)"retention_column", (char *)"a"},
                                             {(char *)"time_unit", (char *)"s"}};

static void step(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t id = pyr_snapshot_find(snapshot, NULL, "t")->id;
    pyr_snapshot_release(snapshot);
    check_ok(pyr_retention_step(catalog, id, error));
}

static void the_first_segments_go_when_all_their_rows_are_old(void **state) {
    fixture *f = *state;
    int64_t now = pyr_clock_wall_us() / 1000000;
    for (int durable = 0; durable < 2; ++durable) {
        pyr_catalog *catalog = open_catalog(durable == 1 ? f->path : NULL);
        create_table_with(catalog, "t", in_memory + durable, 4 - (size_t)durable);
        append_rows(catalog, "t", now - 8000, 100);
        append_rows(catalog, "t", now - 7000, 100);
        append_rows(catalog, "t", now - 3650, 100); /* half of it is old */
        append_rows(catalog, "t", now - 7000, 10);  /* behind one that stays */
        pyr_snapshot *before = snapshot_of(catalog);
        step(catalog);
        assert_int_equal(rows_now(catalog, "t"), 110);
        assert_int_equal(count_rows(before, "t", NULL), 310); /* who reads goes on */
        pyr_snapshot_release(before);
        if (durable == 1) {
            assert_int_equal(count_files(f->path), 2);
        }
        step(catalog);
        assert_int_equal(rows_now(catalog, "t"), 110);
        pyr_catalog_close(catalog);
    }
    pyr_catalog *catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 110);
    pyr_catalog_close(catalog);
}

static void who_deletes_rows_that_went_has_no_conflict(void **state) {
    (void)state;
    pyr_catalog *catalog = open_catalog(NULL);
    int64_t now = pyr_clock_wall_us() / 1000000;
    create_table_with(catalog, "t", in_memory, 4);
    append_rows(catalog, "t", now - 8000, 100);
    append_rows(catalog, "t", now, 100);
    pyr_change *change = begin(catalog);
    change_delete(change, "t", 0, 5, 10);
    change_delete(change, "t", 1, 5, 10);
    step(catalog);
    end_well(change);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_int_equal(pyr_snapshot_find(snapshot, NULL, "t")->rows, 95);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void rows_in_memory_stay_below_the_limit(void **state) {
    (void)state;
    pyr_error error;
    pyr_catalog *catalog = open_catalog(NULL);
    int64_t now = pyr_clock_wall_us() / 1000000;
    create_table_with(catalog, "t", in_memory, 4);
    append_rows(catalog, "t", now - 18000, 10000);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    size_t size = (size_t)pyr_snapshot_find(snapshot, NULL, "t")->size_bytes;
    pyr_snapshot_release(snapshot);
    pyr_catalog_set_memory_limit(catalog, size + size / 2);
    append_rows(catalog, "t", now, 10000); /* the old ones make room */
    assert_int_equal(rows_now(catalog, "t"), 10000);
    pyr_appender *appender = open_appender(catalog, "t");
    append(appender, now, 10000);
    assert_int_equal(pyr_appender_commit(appender, NULL, &error), PYR_ERROR_MEMORY);
    assert_string_equal(error.sqlstate, "53200");
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 10000);
    pyr_catalog_set_memory_limit(catalog, 0);
    append_rows(catalog, "t", now, 10000);
    assert_int_equal(rows_now(catalog, "t"), 20000);
    pyr_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_first_segments_go_when_all_their_rows_are_old),
        TEST(who_deletes_rows_that_went_has_no_conflict),
        TEST(rows_in_memory_stay_below_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
