/* The scan of tables with keys: order, projection, threads, row keys, the rows of a transaction. */
#include "support_duckdb.h"

#include "catalog/change.h"
#include "catalog/keyed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* k BIGINT, all of 0..rows - 1 in a scrambled order, v BIGINT = 2 k. rows: a power of 2. */
static pyr_batch *scrambled(int64_t rows) {
    static const char *const names[] = {"k", "v"};
    int64_t *keys = calloc((size_t)rows, sizeof(*keys));
    int64_t *values = calloc((size_t)rows, sizeof(*values));
    for (int64_t i = 0; i < rows; ++i) {
        keys[i] = (i * 40503 + 7) & (rows - 1);
        values[i] = 2 * keys[i];
    }
    pyr_array *columns[] = {duck_int64s(keys, rows), duck_int64s(values, rows)};
    free(keys);
    free(values);
    return duck_batch(names, columns, 2);
}

static void refresh(duck *d) {
    pyr_snapshot_release(d->snapshot);
    d->snapshot = NULL;
    assert_int_equal(pyr_catalog_snapshot(d->catalog, &d->snapshot, &d->error), PYR_OK);
}

/* Table t with k as its PRIMARY KEY. */
static void fill_keyed(duck *d, int64_t rows) {
    pyr_batch *batch = scrambled(rows);
    pyr_constraints *constraints = NULL;
    pyr_appender *appender = NULL;
    const int32_t key[] = {0};
    assert_int_equal(pyr_constraints_create(2, &constraints, &d->error), PYR_OK);
    assert_int_equal(pyr_constraints_add_key(constraints, true, "", key, 1, &d->error), PYR_OK);
    const pyr_appender_options options = {.create = true, .constraints = constraints};
    assert_int_equal(pyr_appender_create(d->catalog, NULL, "t", batch->schema, &options, NULL,
                                         &appender, &d->error),
                     PYR_OK);
    assert_int_equal(pyr_appender_batch(appender, batch, &d->error), PYR_OK);
    int64_t written = 0;
    assert_int_equal(pyr_appender_commit(appender, &written, &d->error), PYR_OK);
    assert_int_equal(written, rows);
    pyr_appender_destroy(appender);
    pyr_constraints_release(constraints);
    pyr_batch_release(batch);
    refresh(d);
}

enum { ROWS = 65536 };

static void rows_are_counted_summed_filtered_and_joined_on_all_threads(void **state) {
    duck *d = *state;
    d->threads = 4;
    fill_keyed(d, ROWS);
    duck_equals(d, "SELECT count(*), count(v), sum(k), sum(v), min(v), max(k) FROM t",
                "65536|65536|2147450880|4294901760|0|65535\n");
    duck_equals(d, "SELECT v, k FROM t WHERE k BETWEEN 41 AND 43 ORDER BY k DESC",
                "86|43\n84|42\n82|41\n");
    duck_equals(d, "SELECT count(*) FROM t x JOIN t y ON x.v = y.k", "32768\n");
    duck_equals(d, "SELECT count(*) FROM t WHERE k % 1000 = 0", "66\n");
}

static void rows_come_in_key_order_where_order_counts(void **state) {
    duck *d = *state;
    d->threads = 4;
    fill_keyed(d, ROWS);
    duck_equals(d, "SELECT v + 1 FROM t LIMIT 3", "1\n3\n5\n");
    duck_equals(d, "SELECT k + 0 FROM t LIMIT 2 OFFSET 40000", "40000\n40001\n");
}

static void an_empty_table_has_no_rows(void **state) {
    duck *d = *state;
    fill_keyed(d, 1);
    pyr_change *change = NULL;
    assert_int_equal(pyr_change_create(d->catalog, d->snapshot, &change, &d->error), PYR_OK);
    int64_t deleted = 0;
    assert_int_equal(pyr_keyed_delete_all(change, pyr_snapshot_find(d->snapshot, NULL, "t"),
                                          &deleted, &d->error),
                     PYR_OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(pyr_change_commit(change, false, &d->error), PYR_OK);
    pyr_change_destroy(change);
    refresh(d);
    duck_equals(d, "SELECT count(*), sum(k) FROM t", "0|NULL\n");
    duck_equals(d, "SELECT k, v FROM t WHERE v > 0", "");
}

static void row_keys_are_blobs_that_find_their_rows(void **state) {
    duck *d = *state;
    fill_keyed(d, 16);
    duck_equals(d,
                "SELECT k, hex(" PYR_ROWID_COLUMN ") FROM pyr_scan_rows('main', 't') WHERE v >= 28",
                "14|800000000000000E\n15|800000000000000F\n");
    duck_equals(d, "SELECT count(DISTINCT " PYR_ROWID_COLUMN ") FROM pyr_scan_rows('main', 't')",
                "16\n");
}

static void a_transactions_rows_are_merged_in_key_order(void **state) {
    duck *d = *state;
    fill_keyed(d, 4);
    pyr_change *change = NULL;
    pyr_snapshot *before = pyr_snapshot_retain(d->snapshot);
    assert_int_equal(pyr_change_create(d->catalog, before, &change, &d->error), PYR_OK);
    static const char *const names[] = {"k", "v"};
    static const int64_t keys[] = {9, 2, -1};
    static const int64_t values[] = {90, 20, -10};
    pyr_array *columns[] = {duck_int64s(keys, 3), duck_int64s(values, 3)};
    pyr_batch *batch = duck_batch(names, columns, 2);
    const pyr_keyed_write_options options = {.mode = PYR_KEYED_REPLACE,
                                             .conflict_key = PYR_KEYED_PRIMARY_KEY};
    assert_int_equal(pyr_keyed_write(change, pyr_snapshot_find(before, NULL, "t"), batch, &options,
                                     NULL, NULL, &d->error),
                     PYR_OK);
    pyr_snapshot_release(d->snapshot);
    assert_int_equal(pyr_change_snapshot(change, &d->snapshot, &d->error), PYR_OK);
    duck_equals(d, "SELECT k + 0, v FROM t", "-1|-10\n0|0\n1|2\n2|20\n3|6\n9|90\n");
    pyr_batch_release(batch);
    pyr_change_destroy(change);
    pyr_snapshot_release(before);
}

static void what_is_decoded_is_in_the_ledger(void **state) {
    duck *d = *state;
    fill_keyed(d, 1024);
    free(duck_ask(d, "SELECT sum(v) FROM t WHERE k > 5"));
    assert_in_range(atomic_load(&d->ledger.copied[PYR_COPY_DECODE_ROWS]), 1024 * 16, 1024 * 32);
    assert_true(atomic_load(&d->ledger.bytes_scanned) > 1024 * 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_counted_summed_filtered_and_joined_on_all_threads),
        TEST(rows_come_in_key_order_where_order_counts),
        TEST(an_empty_table_has_no_rows),
        TEST(row_keys_are_blobs_that_find_their_rows),
        TEST(a_transactions_rows_are_merged_in_key_order),
        TEST(what_is_decoded_is_in_the_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
