/* repeats_test.c - which queries can be run a second time. */
#include "support_session.h"

#include "session/session_internal.h"

#include <string.h>

static void expect_all(fixture *f, const char *const *queries, size_t count, bool repeats) {
    pyr_execution *execution = NULL;
    assert_int_equal(pyr_execution_create(f->connection, "test", 4, 0, &execution, &f->error),
                     PYR_OK);
    for (size_t i = 0; i < count; ++i) {
        if (pyr_query_repeats(execution, queries[i], strlen(queries[i])) != repeats) {
            fail_msg("%s: %s", queries[i], repeats ? "can be run again" : "may read a file");
        }
    }
    pyr_execution_finish(execution);
    pyr_execution_release(execution);
}

static void make_tables(fixture *f) {
    run(f, "CREATE TABLE t (a INTEGER)");
    run(f, "CREATE TABLE \"u v\" (a INTEGER)");
    run(f, "CREATE SCHEMA s");
    run(f, "CREATE TABLE s.w (a INTEGER)");
}

static void lists_and_queries_of_stored_tables_do(void **state) {
    fixture *f = *state;
    static const char *const queries[] = {
        "VALUES (1, 2), ($1, ?)",
        "SELECT random(), [1, 2], {'a': 1, 'b': 2}",
        "SELECT * FROM t",
        "FROM t SELECT a, 'x.csv' AS b",
        "SELECT t.a, max(x.a) FROM t, \"u v\" AS x, main.t AS z WHERE t.a = x.a GROUP BY 1, 2",
        "SELECT a, a FROM t JOIN s.w USING (a) LEFT JOIN t AS y ON (t.a = y.a), s.w ORDER BY a "
        "DESC",
        "SELECT (SELECT max(a) FROM s.w), a FROM (SELECT a FROM t UNION ALL FROM \"u v\") AS q",
        "SELECT * FROM ((t JOIN s.w USING (a)) JOIN (VALUES (1), (2)) AS v(a) USING (a))",
        "SELECT i FROM range(10) AS r(i), generate_series(1, 2), unnest([1]), LATERAL (SELECT i)",
        "SELECT a IN (FROM t) FROM t WHERE EXISTS (FROM s.w)",
        "TRUE",
    };
    make_tables(f);
    expect_all(f, queries, sizeof(queries) / sizeof(queries[0]), true);
}

static void what_may_read_a_file_does_not(void **state) {
    fixture *f = *state;
    static const char *const queries[] = {
        "SELECT * FROM read_csv('/dev/stdin')",
        "FROM '/dev/stdin'",
        "FROM \"/dev/stdin\"",
        "FROM nowhere",
        "FROM s.nowhere",
        "FROM a.main.t",
        "SELECT a FROM t, '/dev/stdin'",
        "SELECT a FROM t JOIN '/dev/stdin' USING (a)",
        "SELECT a FROM t WHERE a IN (FROM '/dev/stdin')",
        "SELECT a FROM (t JOIN '/dev/stdin' USING (a))",
        "SELECT a FROM (SELECT a FROM t, '/dev/stdin')",
        "SELECT a FROM ('/dev/stdin')",
        "SELECT (SELECT max(column0) FROM '/dev/stdin') FROM t",
        "WITH c AS (FROM '/dev/stdin') FROM c",
        "TABLE '/dev/stdin'",
        "FROM (DESCRIBE '/dev/stdin')",
        "SELECT EXISTS (DESC '/dev/stdin')",
        "FROM (SUMMARIZE '/dev/stdin')",
        "FROM (PIVOT '/dev/stdin' ON a)",
        "FROM query('FROM t')",
        "FROM q: read_csv('/dev/stdin')",
        "FROM seen",
#ifdef PYRALOG_HAVE_DUCKDB
        "SELECT called()",
#endif
        "SELECT * FROM t, 'open",
    };
    make_tables(f);
#ifdef PYRALOG_HAVE_DUCKDB
    run(f, "CREATE VIEW seen AS SELECT 1");
    run(f, "CREATE MACRO called() AS (SELECT 1)");
#endif
    expect_all(f, queries, sizeof(queries) / sizeof(queries[0]), false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_and_queries_of_stored_tables_do, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_may_read_a_file_does_not, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
