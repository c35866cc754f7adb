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

/* Table t of the batch with these columns as its PRIMARY KEY; takes the batch's reference. */
static void fill_by_key(duck *d, pyr_batch *batch, const int32_t *key, int32_t count) {
    pyr_constraints *constraints = NULL;
    pyr_appender *appender = NULL;
    int64_t rows = batch->rows;
    assert_int_equal(pyr_constraints_create(batch->columns_count, &constraints, &d->error), PYR_OK);
    assert_int_equal(pyr_constraints_add_key(constraints, true, "", key, count, &d->error), PYR_OK);
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

/* Table t with k as its PRIMARY KEY. */
static void fill_keyed(duck *d, int64_t rows) {
    const int32_t key[] = {0};
    fill_by_key(d, scrambled(rows), key, 1);
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
    free(duck_ask(d, "SELECT sum(k) FROM t WHERE v > 5"));
    assert_in_range(atomic_load(&d->ledger.copied[PYR_COPY_DECODE_ROWS]), 1024 * 16, 1024 * 32);
    assert_true(atomic_load(&d->ledger.bytes_scanned) > 1024 * 16);
}

/* ---- What conditions leave of the key. ---- */

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Those of duck_rows without the dictionary: a, b, c, s, d, flag. */
static pyr_batch *plain_rows(int64_t count) {
    static const char *const names[] = {"a", "b", "c", "s", "d", "flag"};
    static const int from[] = {0, 1, 2, 3, 4, 6};
    pyr_batch *rows = duck_rows(0, count);
    pyr_array *columns[6];
    for (int i = 0; i < 6; ++i) {
        columns[i] = pyr_array_retain(rows->columns[from[i]]);
    }
    pyr_batch_release(rows);
    return duck_batch(names, columns, 6);
}

/* A condition on these columns. */
static void add_condition(uint64_t *state, pyr_text *sql) {
    static const char *const forms[] = {
        "a = %u",
        "%u = a",
        "a = %u.0",
        "a = %u.5",
        "a > %u.5",
        "a < %u",
        "a <= '%u'",
        "%u < a",
        "a >= %u",
        "a = 7%u00000000000000000",
        "a < -%u",
        "a = %ue0",
        "a BETWEEN %u AND 1%u",
        "a IN (%u, 10%u, %u)",
        "(a IN (1%u) OR a = %u)",
        "a + 0 = %u",
        "b = -%u",
        "s = 's%u'",
        "s = 'S%u'",
        "s IN ('s%u', 's1%u', 's1%u', '')",
        "s > 's%u'",
        "s <= 's%u'",
        "s LIKE 's%u%%'",
        "s <> 's%u'",
        "d = DATE '2022-01-%u'",
        "d = TIMESTAMP '2022-01-%u 12:00:00'",
        "d < TIMESTAMP '2022-01-%u 12:00:00'",
        "d > '2022-01-%u'",
        "d IN (DATE '2022-01-%u', DATE '2022-02-%u', DATE '2023-01-%u')",
        "d BETWEEN DATE '2022-01-%u' AND '2022-03-%u'",
        "flag",
        "flag = true",
        "flag = false",
        "flag IN (false, true)",
        "NOT flag",
        "s IS NOT NULL",
        "a IS NULL",
    };
    const char *form = forms[next_random(state) % (sizeof(forms) / sizeof(forms[0]))];
    unsigned high = strstr(form, "-%u") != NULL && strchr(form, 'd') != NULL ? 18 : 90;
    for (const char *at = form; *at != '\0'; ++at) {
        if (at[0] == '%' && at[1] == 'u') {
            pyr_text_printf(sql, "%u", 10 + next_random(state) % high);
            ++at;
        } else if (at[0] == '%') {
            pyr_text_add_char(sql, '%');
            ++at;
        } else {
            pyr_text_add_char(sql, *at);
        }
    }
}

static void add_statement(uint64_t *state, pyr_text *sql) {
    static const char *const sources[] = {
        "t",
        "main.t",
        "pyr_scan_rows('main', 't') AS t",
        "(VALUES (1), (2)) AS o(i) LEFT JOIN t ON t.a % 2 = o.i",
    };
    unsigned source = next_random(state) % 4;
    unsigned conditions = 1 + next_random(state) % 3;
    pyr_text_printf(sql, "SELECT a, s, d, flag FROM %s WHERE ", sources[source]);
    for (unsigned i = 0; i < conditions; ++i) {
        pyr_text_add(sql, i > 0 ? " AND " : "");
        add_condition(state, sql);
    }
    pyr_text_add(sql, " ORDER BY a NULLS LAST");
}

/* As with the whole table, which all_batches asks for; *fewer counts those that read less. */
static void compare_ranges(duck *d, const char *sql, int *fewer) {
    d->all_batches = true;
    char *expected = duck_ask(d, sql);
    int64_t whole = atomic_load(&d->ledger.copied[PYR_COPY_DECODE_ROWS]);
    d->all_batches = false;
    char *found = duck_ask(d, sql);
    if (strcmp(expected, found) != 0) {
        fail_msg("%s\n-- all:\n%s\n-- by ranges:\n%s", sql, expected, found);
    }
    int64_t read = atomic_load(&d->ledger.copied[PYR_COPY_DECODE_ROWS]);
    assert_true(read < whole + 64); /* each batch has an offset more than rows */
    *fewer += read < whole;
    free(expected);
    free(found);
}

static void check_key(duck *d, const int32_t *key, int32_t count) {
    enum { STATEMENTS = 150 };
    uint64_t state = 20260 + (uint64_t)count * 7 + (uint64_t)key[0];
    int fewer = 0;
    fill_by_key(d, plain_rows(400), key, count);
    for (int i = 0; i < STATEMENTS; ++i) {
        pyr_text sql;
        pyr_text_init(&sql);
        add_statement(&state, &sql);
        compare_ranges(d, pyr_text_get(&sql), &fewer);
        pyr_text_deinit(&sql);
    }
    assert_in_range(fewer, STATEMENTS / 20, STATEMENTS);
}

static void ranges_of_a_number_change_no_result(void **state) {
    static const int32_t key[] = {0};
    check_key(*state, key, 1);
}

static void ranges_of_text_and_number_change_no_result(void **state) {
    static const int32_t key[] = {3, 0};
    check_key(*state, key, 2);
}

static void ranges_of_date_and_number_change_no_result(void **state) {
    static const int32_t key[] = {4, 0};
    check_key(*state, key, 2);
}

static void ranges_of_boolean_text_and_number_change_no_result(void **state) {
    static const int32_t key[] = {5, 3, 0};
    check_key(*state, key, 3);
}

/* *ranges: what EXPLAIN says. */
static void check_explained(duck *d, const char *sql, const char *ranges) {
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_engine_query query = duck_query(d, sql);
    pyr_prepared *prepared = NULL;
    pyr_text text;
    pyr_text_init(&text);
    assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
    assert_int_equal(ops->explain(prepared, &text, &d->error), PYR_OK);
    assert_true((strstr(pyr_text_get(&text), "key ranges") != NULL) == (ranges != NULL));
    if (ranges != NULL) {
        assert_non_null(strstr(pyr_text_get(&text), ranges));
    }
    ops->prepared_destroy(prepared);
    pyr_text_deinit(&text);
}

static void rows_outside_of_the_keys_range_are_not_decoded(void **state) {
    duck *d = *state;
    d->threads = 2;
    fill_keyed(d, ROWS);
    static const char *const statements[] = {
        "SELECT count(*), sum(v) FROM t WHERE k = 77",
        "SELECT count(" PYR_ROWID_COLUMN "), sum(v) FROM pyr_scan_rows('main', 't') AS \"t\"\n"
        "WHERE (k IN (78, 76) AND v > 0\n)",
        "SELECT count(*), sum(v) FROM t WHERE k > 70 AND k <= 72",
        "SELECT count(*), sum(v) FROM t WHERE k = 1 AND k = 2 AND v = 0",
    };
    static const char *const rows[] = {"1|154\n", "2|308\n", "2|286\n", "0|NULL\n"};
    for (int i = 0; i < 4; ++i) {
        duck_equals(d, statements[i], rows[i]);
        assert_true(atomic_load(&d->ledger.copied[PYR_COPY_DECODE_ROWS]) < 1024);
    }
    check_explained(d, statements[0], "t: key ranges 1\n");
    check_explained(d, statements[1], "t: key ranges 2\n");
    check_explained(d, "SELECT sum(v) FROM t WHERE k > 5 AND k < 5", "t: key ranges 0\n");
    check_explained(d, "SELECT sum(v) FROM t WHERE v = 77", NULL);
    check_explained(d, "SELECT sum(v) FROM t WHERE k = 77 OR v = 5", NULL);
}

static void parameters_are_ranges_of_the_key_too(void **state) {
    static const char *const names[] = {"p"};
    static const int64_t value[] = {77};
    duck *d = *state;
    fill_keyed(d, ROWS);
    pyr_array *columns[] = {duck_int64s(value, 1)};
    d->params = duck_batch(names, columns, 1);
    duck_equals(d, "SELECT sum(v) FROM t WHERE k = ?", "154\n");
    assert_true(atomic_load(&d->ledger.copied[PYR_COPY_DECODE_ROWS]) < 1024);
    pyr_batch_release(d->params);
    d->params = NULL;
}

static void a_transactions_rows_are_in_their_ranges(void **state) {
    duck *d = *state;
    fill_keyed(d, 64);
    pyr_change *change = NULL;
    pyr_snapshot *before = pyr_snapshot_retain(d->snapshot);
    assert_int_equal(pyr_change_create(d->catalog, before, &change, &d->error), PYR_OK);
    static const char *const names[] = {"k", "v"};
    static const int64_t keys[] = {99, 20};
    static const int64_t values[] = {5, 7};
    pyr_array *columns[] = {duck_int64s(keys, 2), duck_int64s(values, 2)};
    pyr_batch *batch = duck_batch(names, columns, 2);
    const pyr_keyed_write_options options = {.mode = PYR_KEYED_REPLACE,
                                             .conflict_key = PYR_KEYED_PRIMARY_KEY};
    assert_int_equal(pyr_keyed_write(change, pyr_snapshot_find(before, NULL, "t"), batch, &options,
                                     NULL, NULL, &d->error),
                     PYR_OK);
    pyr_snapshot_release(d->snapshot);
    assert_int_equal(pyr_change_snapshot(change, &d->snapshot, &d->error), PYR_OK);
    duck_equals(d, "SELECT k + 0, v FROM t WHERE k IN (99, 20, 21)", "20|7\n21|42\n99|5\n");
    duck_equals(d, "SELECT k + 0, v FROM t WHERE k > 62", "63|126\n99|5\n");
    pyr_batch_release(batch);
    pyr_change_destroy(change);
    pyr_snapshot_release(before);
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
        TEST(ranges_of_a_number_change_no_result),
        TEST(ranges_of_text_and_number_change_no_result),
        TEST(ranges_of_date_and_number_change_no_result),
        TEST(ranges_of_boolean_text_and_number_change_no_result),
        TEST(rows_outside_of_the_keys_range_are_not_decoded),
        TEST(parameters_are_ranges_of_the_key_too),
        TEST(a_transactions_rows_are_in_their_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
