/* The scan: projection, nulls, strings, dictionaries, order, threads, snapshots, counters. */
#include "support_duckdb.h"

#include "arrow/builder.h"
#include "engines/duckdb/duckdb_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_table_is_found_by_every_way_to_name_it(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    duck_equals(d, "SELECT count(*) FROM t", "10\n");
    duck_equals(d, "SELECT count(*) FROM T", "10\n");
    duck_equals(d, "FROM main.t SELECT count(*)", "10\n");
    duck_equals(d, "SELECT count(*) FROM \"t\" x JOIN t y ON x.a = y.a", "10\n");
    duck_equals(d, "SELECT x.a FROM main.t AS x WHERE x.a = 3", "3\n");
    duck_fails(d, "SELECT * FROM other.t", "42P01");
    duck_fails(d, "SELECT * FROM other.t AS x", "42P01");
    duck_fails(d, "SELECT * FROM nothing", "42P01");
}

typedef struct mention_case {
    const char *sql;
    const char *names; /* divided by spaces */
} mention_case;

static void the_tables_a_text_mentions_are_listed(void **state) {
    (void)state;
    static const mention_case cases[] = {
        {"SELECT a.b, c FROM s.t", "s.t"},
        {"SELECT * FROM s.t AS x WHERE x.a = $1 LIMIT ?", "s.t"},
        {"FROM s.t x, \"u\"\"v\" . w y, z SELECT x.a, y.b", "s.t \"u\"\"v\".w z"},
        {"FROM c.s.t LEFT JOIN a.b USING (k, l), LATERAL (SELECT 1 FROM d.e), f.g",
         "c.s.t a.b d.e f.g"},
        {"WITH x AS (SELECT * FROM s.t) SELECT (SELECT max(a) FROM p.q), r.s FROM x, y.z",
         "s.t p.q x y.z"},
        {"SELECT extract(hour FROM s.t), trim(both FROM a.b) FROM u", "u"},
        {"SELECT a IS DISTINCT FROM b.c, [x FOR x IN l] FROM s.t UNION SELECT 1, k.l FROM m.n",
         "s.t m.n"},
        {"PIVOT s.t ON a USING sum(b)", "s.t"},
        {"SELECT * FROM (PIVOT s.t ON a), (SUMMARIZE u.v)", "s.t u.v"},
        {"SELECT * FROM s.t PIVOT (sum(a) FOR k IN ('x', 'y')), o.p", "s.t o.p"},
        {"DESCRIBE s.t", "s.t"},
        {"TABLE s.t ORDER BY a, b.c LIMIT 3", "s.t"},
        {"SELECT * FROM range(3), s.f(1), unnest([1, 2]) WITH ORDINALITY, (a.b JOIN c.d ON a.x = "
         "c.y)",
         "a.b c.d"},
        {"FROM x: s.t, y : u.v", "s.t u.v"},
        {"SELECT * FROM query_table('s.t'), query_table(['a.b', 'c'])", "s.t a.b c"},
        {"SELECT 'FROM x.y', \"FROM z\" -- FROM q.r\n FROM s.t /* , v.w */", "s.t"},
        {"SELECT * FROM s.t WHERE a IN (SELECT b FROM c.d WHERE e = f.g) GROUP BY h.i, j.k",
         "s.t c.d"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char **names = NULL;
        size_t count = 0;
        char joined[256] = "";
        assert_int_equal(
            pyr_duckdb_mentions(cases[i].sql, strlen(cases[i].sql), &names, &count, NULL), PYR_OK);
        for (size_t j = 0; j < count; ++j) {
            size_t used = strlen(joined);
            snprintf(joined + used, sizeof(joined) - used, "%s%s", j > 0 ? " " : "", names[j]);
        }
        pyr_duckdb_mentions_free(names, count);
        assert_string_equal(joined, cases[i].names);
    }
}

static void a_name_with_parameters_means_its_own_schema(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    static const int64_t one[] = {1};
    static const char *const names[] = {"p"};
    pyr_array *value = duck_int64s(one, 1);
    d->params = duck_batch(names, &value, 1);
    duck_equals(d, "SELECT a FROM main.t x WHERE x.a = $1", "1\n");
    duck_fails(d, "SELECT a FROM other.t x WHERE x.a = $1", "42P01");
    duck_fails(d, "SELECT * FROM other.t LIMIT ?", "42P01");
    pyr_batch_release(d->params);
    d->params = NULL;
    duck_fails(d, "PIVOT other.t ON flag USING sum(a)", "42P01");
    duck_fails(d, "SELECT * FROM t, other.t x", "0A000");
}

static void a_cte_hides_a_table_of_its_name(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    duck_equals(d, "WITH t AS (SELECT 42 AS a) SELECT a FROM t", "42\n");
}

static void columns_of_one_type_keep_their_places_under_projection(void **state) {
    duck *d = *state;
    duck_fill(d, 5000, 3000);
    duck_equals(d, "SELECT sum(a), sum(b) FROM t", "12497500|-12497500\n");
    duck_equals(d, "SELECT sum(b), sum(a) FROM t", "-12497500|12497500\n");
    duck_equals(d, "SELECT b, a FROM t WHERE a = 4321", "-4321|4321\n");
    duck_equals(d, "SELECT sum(b) FROM t WHERE a < 3", "-3\n");
    duck_equals(d, "SELECT count(*) FROM t WHERE a <> -b", "0\n");
    duck_equals(d, "SELECT flag, b, s, a, d FROM t WHERE a = 2999",
                "false|-2999|s99|2999|2024-10-03\n");
    duck_equals(d, "SELECT b AS x, a AS y, b AS z FROM t ORDER BY a LIMIT 1 OFFSET 7", "-7|7|-7\n");
}

static void nulls_strings_and_dictionaries_come_through(void **state) {
    duck *d = *state;
    duck_fill(d, 5000, 2500);
    duck_equals(d, "SELECT count(c), count(*) - count(c) FROM t", "4285|715\n");
    duck_equals(d, "SELECT c FROM t WHERE a IN (7, 8) ORDER BY a", "NULL\n2.0\n");
    duck_equals(d, "SELECT s FROM t WHERE a IN (4, 10, 4999) ORDER BY a",
                "s4\na string beyond twelve bytes 10\ns99\n");
    duck_equals(d, "SELECT k, count(*) FROM t GROUP BY k ORDER BY k NULLS FIRST",
                "NULL|455\na rather long word|909\nalpha|909\nbeta|909\ndelta|909\ngamma|909\n");
    duck_equals(d, "SELECT k FROM t WHERE a IN (2499, 2500, 2497, 11) ORDER BY a",
                "NULL\nNULL\na rather long word\nalpha\n");
    duck_equals(d, "SELECT count(*) FROM t WHERE flag", "1667\n");
}

static void rows_come_in_the_order_of_the_table(void **state) {
    duck *d = *state;
    duck_fill(d, 30000, 7000);
    char *rows = duck_ask(d, "SELECT a FROM t");
    char *at = rows;
    for (long i = 0; i < 30000; ++i) {
        assert_int_equal(strtol(at, &at, 10), i);
        ++at;
    }
    free(rows);
    duck_equals(d, "SELECT a FROM t LIMIT 3 OFFSET 20000", "20000\n20001\n20002\n");
    duck_equals(d, "SELECT a FROM t WHERE a % 9000 = 8999 LIMIT 2", "8999\n17999\n");
}

static void only_the_result_is_copied(void **state) {
    duck *d = *state;
    duck_fill(d, 20000, 5000);
    duck_equals(d, "SELECT sum(a) FROM t", "199990000\n");
    assert_string_equal(d->ledger.engine, "duckdb");
    assert_int_equal(atomic_load(&d->ledger.bytes_scanned), 160000);
    assert_int_equal(atomic_load(&d->ledger.bytes_referenced), 160000);
    for (int reason = 0; reason < PYR_COPY_REASONS_COUNT; ++reason) {
        int64_t bytes = atomic_load(&d->ledger.copied[reason]);
        if (reason == PYR_COPY_RESULT) {
            assert_in_range(bytes, 16, 64); /* one HUGEINT and its validity */
        } else {
            if (bytes != 0) {
                fail_msg("%s: %lld bytes", pyr_copy_reason_name((pyr_copy_reason)reason),
                         (long long)bytes);
            }
        }
    }
}

static void a_statement_sees_its_own_snapshot(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    pyr_snapshot *before = pyr_snapshot_retain(d->snapshot);
    pyr_engine_query old = duck_query(d, "SELECT count(*) FROM t");
    pyr_prepared *prepared = NULL;
    const pyr_engine_ops *ops = d->engine->ops;
    assert_int_equal(ops->prepare(d->session, &old, &prepared, &d->error), PYR_OK);
    duck_append(d, "t", duck_rows(10, 5));
    old.snapshot = before;
    pyr_engine_query recent = old;
    recent.snapshot = d->snapshot;
    /* Both streams at once, of one prepared statement. */
    pyr_stream *streams[2] = {NULL, NULL};
    assert_int_equal(ops->execute(prepared, &recent, &streams[0], &d->error), PYR_OK);
    assert_int_equal(ops->execute(prepared, &old, &streams[1], &d->error), PYR_OK);
    static const int64_t expected[2] = {15, 10};
    for (int i = 0; i < 2; ++i) {
        pyr_batch *batch = NULL;
        assert_int_equal(pyr_stream_next(streams[i], &batch, &d->error), PYR_OK);
        assert_int_equal(pyr_array_int64(batch->columns[0], 0), expected[i]);
        pyr_batch_release(batch);
        pyr_stream_destroy(streams[i]);
    }
    ops->prepared_destroy(prepared);
    pyr_snapshot_release(before);
}

typedef struct worker {
    duck own; /* shares catalog and engine, has a session and a snapshot of its own */
    int64_t rows;
    bool failed;
} worker;

static void *work(void *argument) {
    worker *self = argument;
    duck *d = &self->own;
    char expected[32];
    snprintf(expected, sizeof(expected), "%lld\n", (long long)self->rows);
    for (int i = 0; i < 20 && !self->failed; ++i) {
        pyr_text text;
        pyr_text_init(&text);
        self->failed = duck_run(d, "SELECT count(DISTINCT a) FROM t", &text, NULL) != PYR_OK ||
                       strcmp(pyr_text_get(&text), expected) != 0;
        pyr_text_deinit(&text);
    }
    return NULL;
}

static void sessions_bind_at_once_without_mixing_snapshots(void **state) {
    enum { WORKERS = 4 };
    duck *d = *state;
    worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; ++i) {
        duck_append(d, "t", duck_rows(i * 1000, 1000));
        worker *w = &workers[i];
        memset(w, 0, sizeof(*w));
        w->own = *d;
        w->own.snapshot = pyr_snapshot_retain(d->snapshot);
        w->rows = (i + 1) * 1000;
        assert_int_equal(
            d->engine->ops->session_create(d->engine, &d->files, &w->own.session, &d->error),
            PYR_OK);
    }
    for (int i = 0; i < WORKERS; ++i) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; ++i) {
        pthread_join(threads[i], NULL);
        assert_false(workers[i].failed);
        d->engine->ops->session_destroy(workers[i].own.session);
        pyr_snapshot_release(workers[i].own.snapshot);
    }
}

static void threads_share_a_scan(void **state) {
    duck *d = *state;
    d->threads = 4;
    duck_fill(d, 200000, 10000);
    duck_equals(d, "SELECT sum(a), count(DISTINCT s), max(s) FROM t WHERE a % 2 = 0",
                "9999900000|50|s98\n");
    duck_equals(d, "SELECT x.k, count(*) FROM t x JOIN t y USING (a) WHERE x.k = 'beta' GROUP BY 1",
                "beta|36363\n");
}

static void an_empty_table_has_its_columns(void **state) {
    duck *d = *state;
    duck_append(d, "t", duck_rows(0, 0));
    duck_equals(d, "SELECT * FROM t", "");
    duck_equals(d, "SELECT sum(a), max(k) FROM t", "NULL|NULL\n");
}

static void nested_columns_are_read_in_slices(void **state) {
    enum { ROWS = 5000 };
    duck *d = *state;
    pyr_field *item = NULL;
    pyr_field *members[2] = {NULL, NULL};
    pyr_field *types[2] = {NULL, NULL};
    assert_int_equal(pyr_field_create("item", PYR_TYPE_INT32, &item, NULL), PYR_OK);
    assert_int_equal(pyr_field_create_nested("l", PYR_TYPE_LIST, 0, &item, 1, &types[0], NULL),
                     PYR_OK);
    assert_int_equal(pyr_field_create("x", PYR_TYPE_INT64, &members[0], NULL), PYR_OK);
    assert_int_equal(pyr_field_create("y", PYR_TYPE_UTF8, &members[1], NULL), PYR_OK);
    assert_int_equal(pyr_field_create_nested("r", PYR_TYPE_STRUCT, 0, members, 2, &types[1], NULL),
                     PYR_OK);
    pyr_builder *lists = NULL;
    pyr_builder *rows = NULL;
    assert_int_equal(pyr_builder_create(types[0], NULL, &lists, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(types[1], NULL, &rows, NULL), PYR_OK);
    for (int64_t i = 0; i < ROWS; ++i) {
        for (int64_t j = 0; j < i % 4; ++j) {
            assert_int_equal(pyr_builder_int64(pyr_builder_child(lists, 0), i + j, NULL), PYR_OK);
        }
        assert_int_equal(pyr_builder_close(lists, NULL), PYR_OK);
        assert_int_equal(pyr_builder_int64(pyr_builder_child(rows, 0), i, NULL), PYR_OK);
        assert_int_equal(
            pyr_builder_string(pyr_builder_child(rows, 1), i % 2 ? "odd" : "even", NULL), PYR_OK);
        assert_int_equal(pyr_builder_close(rows, NULL), PYR_OK);
    }
    static const char *const names[] = {"l", "r"};
    pyr_array *columns[2] = {NULL, NULL};
    assert_int_equal(pyr_builder_finish(lists, &columns[0], NULL), PYR_OK);
    assert_int_equal(pyr_builder_finish(rows, &columns[1], NULL), PYR_OK);
    duck_append(d, "n", duck_batch(names, columns, 2));
    duck_equals(d, "SELECT l, r FROM n WHERE r.x IN (3, 2050, 4999) ORDER BY r.x",
                "[3, 4, 5]|{'x': 3, 'y': odd}\n[2050, 2051]|{'x': 2050, 'y': even}\n"
                "[4999, 5000, 5001]|{'x': 4999, 'y': odd}\n");
    duck_equals(d, "SELECT sum(list_sum(l)), sum(len(l)), sum(r.x) FROM n",
                "18757500|7500|12497500\n");
    pyr_builder_destroy(lists);
    pyr_builder_destroy(rows);
    pyr_field_release(item);
    for (int i = 0; i < 2; ++i) {
        pyr_field_release(members[i]);
        pyr_field_release(types[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)
        TEST(a_table_is_found_by_every_way_to_name_it),
        TEST(the_tables_a_text_mentions_are_listed),
        TEST(a_name_with_parameters_means_its_own_schema),
        TEST(a_cte_hides_a_table_of_its_name),
        TEST(columns_of_one_type_keep_their_places_under_projection),
        TEST(nulls_strings_and_dictionaries_come_through),
        TEST(rows_come_in_the_order_of_the_table),
        TEST(only_the_result_is_copied),
        TEST(a_statement_sees_its_own_snapshot),
        TEST(sessions_bind_at_once_without_mixing_snapshots),
        TEST(threads_share_a_scan),
        TEST(an_empty_table_has_its_columns),
        TEST(nested_columns_are_read_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
