/* system_tables_test.c - schema "pyralog": queries, segments, settings. */
#include "support_session.h"

#include "session/query_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void queries_show_state_rows_and_copies(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT)");
    run(f, "INSERT INTO t VALUES (1), (2)");
    char *rows = ask(f, "SELECT a FROM t", NULL);
    free(rows);
    run_fails(f, "SELECT b FROM t", "42703");
    expect(f, "SELECT query_id, state, rows, engine, sql FROM pyralog.queries",
           "1|finished|0|NULL|CREATE TABLE t (a BIGINT)\n"
           "2|finished|2|native|INSERT INTO t VALUES (1), (2)\n"
           "3|finished|2|native|SELECT a FROM t\n"
           "4|failed|0|NULL|SELECT b FROM t\n"
           "5|running|0|NULL|SELECT query_id, state, rows, engine, sql FROM pyralog.queries\n");
    expect(f, "SELECT bytes_copied, copies FROM pyralog.queries LIMIT 1 OFFSET 2", "0|[]\n");
    expect(f, "SELECT bytes_referenced FROM \"PYRALOG\".\"Queries\" LIMIT 1 OFFSET 2", "16\n");
}

static void a_result_that_is_still_read_is_a_running_query(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT 1 AS a");
    pyr_connection *other = NULL;
    struct ArrowArrayStream stream;
    assert_int_equal(pyr_connect(f->db, &other, &f->error), PYR_OK);
    assert_int_equal(pyr_query(other, "SELECT * FROM t", NULL, &stream, &f->error), PYR_OK);
    expect(f, "SELECT state FROM pyralog.queries LIMIT 1 OFFSET 1", "running\n");
    pyr_cancel(other);
    struct ArrowArray batch;
    assert_int_not_equal(stream.get_next(&stream, &batch), 0);
    stream.release(&stream);
    pyr_disconnect(other);
    expect(f, "SELECT state FROM pyralog.queries LIMIT 1 OFFSET 1", "cancelled\n");
}

static void segments_and_settings_are_tables(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT 1 AS a");
    run(f, "INSERT INTO t VALUES (2)");
    expect(f, "SELECT \"table\", rows, batches, state FROM pyralog.segments",
           "t|1|1|hot\nt|1|1|hot\n");
    run(f, "CHECKPOINT");
    expect(f, "SELECT \"table\", rows, batches, state FROM pyralog.segments", "t|2|1|sealed\n");
    run(f, "SET threads = 3");
    expect(f, "SELECT name, value FROM pyralog.settings LIMIT 1 OFFSET 4", "threads|3\n");
    expect(f, "SHOW TABLES", "t\n");
    run_fails(f, "SELECT * FROM pyralog.nothing", "42P01");
    run_fails(f, "DROP TABLE pyralog.queries", "42P01");
    run_fails(f, "CREATE TABLE pyralog.mine (a INTEGER)", "42501");
}

#ifdef PYRALOG_HAVE_DUCKDB
static void duckdb_joins_them_with_and_without_aliases(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT 1 AS a");
    expect(f,
           "SELECT count(*), max(s.\"table\") FROM pyralog.segments s JOIN pyralog.settings AS x "
           "ON x.name = 'engine' JOIN t ON true",
           "1|t\n");
    expect(f, "SELECT sum(c.bytes) > 0 FROM pyralog.queries, UNNEST(copies) AS u(c)", "true\n");
}
#endif

static void the_log_keeps_the_last_thousand(void **state) {
    (void)state;
    pyr_query_log *log = NULL;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    assert_int_equal(pyr_query_log_create(&log, NULL), PYR_OK);
    for (uint64_t i = 1; i <= PYR_QUERY_LOG_ENTRIES + 5; ++i) {
        char sql[24];
        int length = snprintf(sql, sizeof(sql), "SELECT %llu", (unsigned long long)i);
        assert_int_equal(pyr_query_log_begin(log, sql, (size_t)length, NULL, &ledger), i);
    }
    pyr_query_log_end(log, 1, PYR_OK); /* forgotten: nothing happens */
    pyr_query_log_detach(log, 1);
    pyr_query_log_destroy(log);
}

typedef struct seen {
    size_t count;
    size_t sql_bytes;
} seen;

static pyr_status look(void *context, const pyr_query_log_entry *entry, pyr_error *error) {
    (void)error;
    seen *self = context;
    ++self->count;
    self->sql_bytes = strlen(entry->sql);
    return PYR_OK;
}

static void a_long_text_is_cut_at_a_characters_border(void **state) {
    (void)state;
    pyr_query_log *log = NULL;
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    char sql[PYR_QUERY_LOG_SQL_BYTES + 2];
    memset(sql, 'x', sizeof(sql));
    memcpy(sql + PYR_QUERY_LOG_SQL_BYTES - 1, "\xC3\xA4", 2); /* across the border */
    assert_int_equal(pyr_query_log_create(&log, NULL), PYR_OK);
    pyr_query_log_begin(log, sql, sizeof(sql), "someone", &ledger);
    seen result = {0};
    assert_int_equal(pyr_query_log_visit(log, look, &result, NULL), PYR_OK);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.sql_bytes, PYR_QUERY_LOG_SQL_BYTES - 1);
    pyr_query_log_destroy(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queries_show_state_rows_and_copies, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_result_that_is_still_read_is_a_running_query,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(segments_and_settings_are_tables, fixture_setup,
                                        fixture_teardown),
#ifdef PYRALOG_HAVE_DUCKDB
        cmocka_unit_test_setup_teardown(duckdb_joins_them_with_and_without_aliases, fixture_setup,
                                        fixture_teardown),
#endif
        cmocka_unit_test(the_log_keeps_the_last_thousand),
        cmocka_unit_test(a_long_text_is_cut_at_a_characters_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
