/* statements_test.c - statements through the C API: what they do, what they refuse, and that a
 * failing one leaves nothing. */
#include "support_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- CREATE TABLE, DROP TABLE. ---- */

static void create_table_makes_replaces_or_leaves_alone(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    run_fails(f, "CREATE TABLE t (b VARCHAR)", "42P07");
    run_fails(f, "CREATE TABLE T AS SELECT a FROM t", "42P07");
    run(f, "CREATE TABLE IF NOT EXISTS t (b VARCHAR)");
    assert_int_equal(run(f, "CREATE TABLE IF NOT EXISTS t AS SELECT a FROM t"), 0);
    expect(f, "SELECT a FROM t", "1\n");
    run(f, "CREATE OR REPLACE TABLE t (b VARCHAR)");
    expect(f, "SELECT * FROM t", "");
    run(f, "INSERT INTO t VALUES ('x')");
    /* It reads what it replaces. */
    assert_int_equal(run(f, "CREATE OR REPLACE TABLE t AS SELECT b, b AS c FROM t"), 1);
    expect(f, "SELECT * FROM t", "x|x\n");
    run_fails(f, "CREATE OR REPLACE TABLE t AS SELECT * FROM nowhere", "42P01");
    expect(f, "SELECT * FROM t", "x|x\n");
}

static void create_as_names_its_columns(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR); INSERT INTO t VALUES (1, 'x')");
    run(f, "CREATE TABLE u (x, \"Y z\") AS SELECT a, b FROM t");
    expect(f, "SELECT x, \"Y z\" FROM u", "1|x\n");
    run(f, "CREATE TABLE v (x) AS SELECT a, b FROM t");
    expect(f, "SELECT x, b FROM v", "1|x\n");
    /* Names that come twice are made different, as DuckDB does; names that are given must be. */
    run(f, "CREATE TABLE w AS SELECT a, a, b AS \"A\" FROM t");
    expect(f, "SELECT a, a_1, A_2 FROM w", "1|1|x\n");
    run_fails(f, "CREATE TABLE x (a, b, c) AS SELECT a, b FROM t", "42601");
    run_fails(f, "CREATE TABLE x (a, A) AS SELECT a, b FROM t", "42701");
    expect(f, "SHOW TABLES", "t\nu\nv\nw\n");
}

static void what_a_table_cannot_be_is_refused_and_not_left_out(void **state) {
    fixture *f = *state;
    static const char *const wrong[][2] = {
        {"CREATE TABLE t (a INTEGER[] PRIMARY KEY)", "0A000"},
        {"CREATE TABLE t (a INTEGER REFERENCES u (b))", "0A000"},
        {"CREATE TABLE t (a INTEGER CHECK (a > (SELECT 1)))", "0A000"},
        {"CREATE TABLE t (a INTEGER DEFAULT ?)", "0A000"},
        {"CREATE TEMP TABLE main.t (a INTEGER)", "42P16"},
        {"CREATE TABLE t (a INTEGER, A VARCHAR)", "42701"},
        {"CREATE TABLE t (a NOTYPE)", "42704"},
        {"CREATE TABLE t ()", "42601"},
        {"CREATE TABLE nowhere.t (a INTEGER)", "3F000"},
        {"CREATE TABLE pyralog.t (a INTEGER)", "42501"},
        {"CREATE TABLE information_schema.t (a INTEGER)", "42501"},
        {"CREATE TABLE t (a INTEGER) WITH (colour = 'blue')", "42704"},
        {"CREATE TABLE t (a INTEGER) WITH (compression = 'zip')", "22023"},
        {"CREATE TABLE t (a INTEGER) WITH (storage_mode)", "22023"},
        {"CREATE TABLE t WITH (format = 'csv') AS SELECT 1 AS a", "22023"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        run_fails(f, wrong[i][0], wrong[i][1]);
        assert_true(f->error.message[0] != '\0');
    }
    expect(f, "SHOW TABLES", "");
}

static void a_table_is_shown_as_it_can_be_made_again(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE \"odd name\" (a INTEGER NOT NULL, \"select\" VARCHAR, c DECIMAL(10,2),"
           "d STRUCT(x INTEGER, y VARCHAR[]), e MAP(VARCHAR, BIGINT), f TIMESTAMP WITH TIME ZONE)"
           " WITH (compression = 'zstd', storage_mode = 'memory_only', sync = 'none',"
           " format = 'arrow', time_unit = 'us')");
    char *first = ask(f, "SHOW CREATE TABLE \"odd name\"", NULL);
    run(f, "DROP TABLE \"odd name\"");
    run(f, first);
    char *second = ask(f, "SHOW CREATE TABLE \"odd name\"", NULL);
    assert_string_equal(second, first);
    assert_non_null(strstr(first, "NOT NULL"));
    assert_non_null(strstr(first, "compression = 'zstd'"));
    free(first);
    free(second);
    expect(f, "DESCRIBE \"odd name\"",
           "a|INTEGER|NO|NULL|NULL|NULL\n"
           "select|VARCHAR|YES|NULL|NULL|NULL\n"
           "c|DECIMAL(10,2)|YES|NULL|NULL|NULL\n"
           "d|STRUCT(x INTEGER, y VARCHAR[])|YES|NULL|NULL|NULL\n"
           "e|MAP(VARCHAR, BIGINT)|YES|NULL|NULL|NULL\n"
           "f|TIMESTAMP WITH TIME ZONE|YES|NULL|NULL|NULL\n");
    run_fails(f, "SHOW CREATE TABLE nowhere", "42P01");
    run_fails(f, "DESCRIBE nowhere", "42P01");
    assert_int_equal(f->error.position, 9);
}

static void drop_table_removes_one_table_or_says_that_it_is_not_there(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); CREATE TABLE u (a INTEGER)");
    run(f, "DROP TABLE main.t");
    run_fails(f, "DROP TABLE t", "42P01");
    assert_int_equal(f->error.position, 11);
    run(f, "DROP TABLE IF EXISTS t");
    run_fails(f, "SELECT * FROM t", "42P01");
    run_fails(f, "INSERT INTO t VALUES (1)", "42P01");
    expect(f, "SHOW TABLES", "u\n");
}

/* ---- INSERT. ---- */

static void insert_takes_columns_in_any_order_and_fills_the_rest_with_nulls(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT, b VARCHAR, c BIGINT)");
    run(f, "INSERT INTO t (c, b) VALUES (1, 'x'), (2, 'y')");
    run(f, "INSERT INTO t (B) VALUES ('z')");
    run(f, "INSERT INTO t (a, b, c) SELECT c, b, a FROM t");
    expect(f, "SELECT * FROM t",
           "NULL|x|1\nNULL|y|2\nNULL|z|NULL\n1|x|NULL\n2|y|NULL\nNULL|z|NULL\n");
    run_fails(f, "INSERT INTO t (a, A) VALUES (1, 2)", "42701");
    run_fails(f, "INSERT INTO t (zz) VALUES (1)", "42703");
    run_fails(f, "INSERT INTO t (a, b) VALUES (1)", "42601");
    run_fails(f, "INSERT INTO t VALUES (1, 'x')", "42601");
    run_fails(f, "INSERT INTO t (a) DEFAULT VALUES", "42601");
    run_fails(f, "INSERT OR REPLACE INTO t VALUES (1, 'x', 2)", "42P10");
    run_fails(f, "INSERT INTO t VALUES (1, 'x', 2) ON CONFLICT DO NOTHING", "42P10");
    expect(f, "SELECT COUNT(*) FROM t", "6\n");
#ifdef PYRALOG_HAVE_DUCKDB /* defaults are expressions, which want an engine for them */
    run(f, "INSERT INTO t DEFAULT VALUES");
    expect(f, "SELECT * FROM t LIMIT 1 OFFSET 6", "NULL|NULL|NULL\n");
#endif
}

static void insert_from_itself_reads_the_rows_that_were_there(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2), (3)");
    for (int64_t rows = 3; rows < 200; rows *= 2) {
        assert_int_equal(run(f, "INSERT INTO t SELECT a FROM t"), rows);
    }
    expect(f, "SELECT COUNT(*) FROM t", "384\n");
    expect(f, "SELECT a FROM t LIMIT 2 OFFSET 382", "2\n3\n");
}

static void a_null_where_none_may_be_leaves_nothing_of_the_statement(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER NOT NULL, b INTEGER); CREATE TABLE u (a INTEGER);"
           "INSERT INTO u VALUES (1); INSERT INTO u VALUES (2); INSERT INTO u VALUES (NULL)");
    run_fails(f, "INSERT INTO t (b) VALUES (1)", "23502");
    assert_int_equal(f->error.code, PYR_ERROR_CONSTRAINT);
    run_fails(f, "INSERT INTO t VALUES (1, 1), (NULL, 2)", "23502");
    /* The batches before the one that fails are not there either. */
    run_fails(f, "INSERT INTO t (a) SELECT a FROM u", "23502");
    assert_non_null(strstr(f->error.message, "\"a\""));
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    assert_int_equal(run(f, "INSERT INTO t (a) SELECT a FROM u LIMIT 2"), 2);
}

#ifdef PYRALOG_HAVE_DUCKDB
static void values_are_cast_to_the_columns_types_or_refused(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a TINYINT, b VARCHAR, c DECIMAL(5,2), d DATE, e DOUBLE, f BOOLEAN,"
           "g UUID, h INTEGER[], i TIMESTAMP)");
    run(f, "INSERT INTO t VALUES ('12', 3, '1.255', '2024-02-29', 1, 'yes',"
           "'12345678-1234-1234-1234-123456789012', [1, '2'], '2024-01-01'),"
           "(2.6, true, 7, DATE '2024-03-01', '1e300', 0, NULL, [], NULL)");
    expect(f, "SELECT * FROM t",
           "12|3|1.26|2024-02-29|1.0|true|12345678-1234-1234-1234-123456789012|[1, 2]|2024-01-01 "
           "00:00:00\n"
           "3|true|7.00|2024-03-01|1e+300|false|NULL|[]|NULL\n");
    run_fails(f, "INSERT INTO t (a) VALUES (1000)", "22003");
    run_fails(f, "INSERT INTO t (a) VALUES (-129)", "22003");
    run_fails(f, "INSERT INTO t (c) VALUES (1234.5)", "22003");
    run_fails(f, "INSERT INTO t (a) VALUES ('many')", "22018");
    run_fails(f, "INSERT INTO t (a) SELECT i FROM range(200) r(i)", "22003");
    assert_non_null(strstr(f->error.message, "column a"));
    expect(f, "SELECT COUNT(*) FROM t", "2\n");
}

static void types_that_arrow_has_not_are_kept_and_print_as_duckdb_prints_them(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a UUID, b UHUGEINT, c TIMETZ, d BIT, e HUGEINT, f UUID[])");
    run(f, "INSERT INTO t VALUES ('01234567-89ab-cdef-0123-456789abcdef', "
           "340282366920938463463374607431768211455, '12:34:56.7+02', '10110',"
           "-170141183460469231731687303715884105727, ['00000000-0000-0000-0000-000000000001']),"
           "('ffffffff-ffff-ffff-ffff-ffffffffffff', 0, '00:00:00-15:59:59', '000000001', 0, []),"
           "(NULL, NULL, '23:59:59.999999+05:30', NULL, NULL, NULL)");
    const char *rows =
        "01234567-89ab-cdef-0123-456789abcdef|340282366920938463463374607431768211455|"
        "12:34:56.7+02|10110|-170141183460469231731687303715884105727|"
        "[00000000-0000-0000-0000-000000000001]\n"
        "ffffffff-ffff-ffff-ffff-ffffffffffff|0|00:00:00-15:59:59|000000001|0|[]\n"
        "NULL|NULL|23:59:59.999999+05:30|NULL|NULL|NULL\n";
    expect(f, "SELECT * FROM t", rows);
    /* The text that DuckDB itself makes of them. */
    expect(f,
           "SELECT a::VARCHAR, b::VARCHAR, c::VARCHAR, d::VARCHAR, e::VARCHAR, f::VARCHAR FROM t",
           rows);
}

static void each_value_of_a_list_is_cast_by_itself(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a VARCHAR, b DOUBLE, c DATE)");
    run(f, "INSERT INTO t VALUES (3, 0.1, '2024-01-31'), ('true', 'NaN', DATE '2024-02-01'),"
           "(true, 1e300, NULL) -- a comment\n, ((SELECT 'x, (y)'), -1, '2024-01-01'::DATE)");
    expect(f, "SELECT * FROM t",
           "3|0.1|2024-01-31\ntrue|nan|2024-02-01\ntrue|1e+300|NULL\nx, (y)|-1.0|2024-01-01\n");
    run(f, "INSERT INTO t (c, a) VALUES ('2024-05-05', [1, 2]), (NULL, {'k': ')'})");
    expect(f, "SELECT a, c FROM t LIMIT 2 OFFSET 4", "[1, 2]|2024-05-05\n{'k': ')'}|NULL\n");
    /* Places in the list are places in the statement. */
    const char *sql = "INSERT INTO t (b, a) VALUES (1, 'x'), ('two', 2), (nothing, 3)";
    assert_int_equal(pyr_execute(f->connection, sql, NULL, NULL, &f->error), PYR_ERROR_SQL);
    assert_int_equal(f->error.position, (int)(strstr(sql, "nothing") - sql));
    run_fails(f, "INSERT INTO t (b, a) VALUES ('one', 1)", "22018");
    run_fails(f, "INSERT INTO t (b, a) VALUES ('1', 'x'), (2)", "42601");
    run_fails(f, "INSERT INTO t (b) VALUES ('1'), (2), ()", "42601");
    /* Lists that are more than a list. */
    assert_int_equal(run(f, "INSERT INTO t (a) VALUES (1), (2), (3) LIMIT 2"), 2);
    assert_int_equal(run(f, "INSERT INTO t (a) (VALUES (1), (2))"), 2);
    bound_params params;
    pyr_array *values[] = {text_value("7.5"), int64_value(8)};
    params_init(&params, values, 2);
    int64_t rows = 0;
    assert_int_equal(pyr_execute(f->connection, "INSERT INTO t (b, a) VALUES ($1, $2), (?, 'z')",
                                 &params.params, &rows, &f->error),
                     PYR_ERROR_SQL);
    assert_int_equal(pyr_execute(f->connection, "INSERT INTO t (b, a) VALUES ($1, $2), ($2, 'z')",
                                 &params.params, &rows, &f->error),
                     PYR_OK);
    params_deinit(&params);
    expect(f, "SELECT b, a FROM t LIMIT 2 OFFSET 10", "7.5|8\n8.0|z\n");
}

static void a_statement_that_fails_midway_leaves_nothing(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT i FROM range(10) r(i)");
    const char *bad = "SELECT (CASE WHEN i = 150000 THEN 'x' ELSE '1' END)::BIGINT AS i "
                      "FROM range(200000) r(i)";
    run_with_fails(f, "INSERT INTO t %s", bad, "22018");
    run_with_fails(f, "CREATE TABLE u AS %s", bad, "22018");
    run_with_fails(f, "CREATE OR REPLACE TABLE t AS %s", bad, "22018");
    expect(f, "SHOW TABLES", "t\n");
    expect(f, "SELECT COUNT(*), SUM(i) FROM t", "10|45\n");
    /* The same through a table that fails while it is read. */
    run(f, "CREATE TABLE s AS SELECT CASE WHEN i = 150000 THEN 'x' ELSE '1' END AS v "
           "FROM range(200000) r(i)");
    run_fails(f, "INSERT INTO t SELECT v FROM s", "22018");
    expect(f, "SELECT COUNT(*), SUM(i) FROM t", "10|45\n");
}

static void a_memory_limit_is_an_error_and_the_connection_goes_on(void **state) {
    fixture *f = *state;
    run(f, "SET memory_limit = '20MB'; SET threads = 1");
    run_fails(f, "SELECT string_agg(i::VARCHAR, ',' ORDER BY hash(i)) FROM range(3000000) r(i)",
              "53200");
    assert_int_equal(f->error.code, PYR_ERROR_MEMORY);
    run(f, "RESET memory_limit; RESET threads");
    expect(f, "SELECT COUNT(*) FROM range(1000) r(i)", "1000\n");
}
#endif

/* ---- Settings. ---- */

static void settings_are_set_shown_and_reset_by_any_spelling(void **state) {
    fixture *f = *state;
    run(f, "SET Threads TO 3; SET time_unit = 'us'; SET memory_limit = '1GiB';"
           "SET statement_timeout = 1.5; SET engine = native");
    char *all = ask(f, "SHOW ALL", NULL);
    static const char *const shown[] = {"engine|native|", "memory_limit|1073741824B|",
                                        "statement_timeout|1.5|", "threads|3|", "time_unit|us|"};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); ++i) {
        if (strstr(all, shown[i]) == NULL) {
            fail_msg("%s is not in %s", shown[i], all);
        }
    }
    free(all);
    run(f, "RESET threads; SET time_unit = DEFAULT");
    all = ask(f, "SHOW time_unit", NULL);
    assert_int_equal(strncmp(all, "time_unit|ms|", 13), 0);
    free(all);
    run(f, "RESET ALL");
    all = ask(f, "SHOW ALL", NULL);
    assert_non_null(strstr(all, "engine|auto|"));
    assert_non_null(strstr(all, "memory_limit|none|"));
    assert_non_null(strstr(all, "statement_timeout|0|"));
    free(all);
    static const char *const wrong[][2] = {{"SET nothing = 1", "42704"},
                                           {"RESET nothing", "42704"},
                                           {"SHOW nothing", "42704"},
                                           {"SET threads = 'many'", "22023"},
                                           {"SET threads = -1", "22023"},
                                           {"SET memory_limit = 'much'", "22023"},
                                           {"SET memory_limit = '-1GB'", "22023"},
                                           {"SET statement_timeout = -1", "22023"},
                                           {"SET time_unit = 'h'", "22023"},
                                           {"SET engine = 'spark'", "0A000"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        run_fails(f, wrong[i][0], wrong[i][1]);
    }
}

static void settings_belong_to_a_connection_and_the_database_has_defaults(void **state) {
    fixture *f = *state;
    fixture other = {.db = f->db};
    assert_int_equal(pyr_connect(f->db, &other.connection, &other.error), PYR_OK);
    run(f, "SET threads = 3; CREATE TABLE t (a INTEGER)");
    char *shown = ask(&other, "SHOW threads", NULL);
    assert_null(strstr(shown, "threads|3|"));
    free(shown);
    expect(&other, "SHOW TABLES", "t\n");
    pyr_disconnect(other.connection);
}

static void the_native_engine_alone_says_what_it_does_not_cover(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1); SET engine = 'native'");
    expect(f, "SELECT a FROM t LIMIT 1", "1\n");
    expect(f, "SELECT a FROM t WHERE a > 0", "1\n");
    expect(f, "SELECT count(*) FROM t JOIN t AS u USING (a)", "1\n");
    run_fails(f, "SELECT DISTINCT ON (a) a FROM t", "0A000");
    assert_non_null(strstr(f->error.message, "DISTINCT ON"));
    run_fails(f, "SELECT [a] FROM t", "0A000");
}

/* ---- PREPARE, EXECUTE, DEALLOCATE. ---- */

static void prepared_names_are_the_connections_own(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT, b VARCHAR); INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    run(f,
        "PREPARE first AS SELECT a FROM t LIMIT $1; PREPARE put AS INSERT INTO t VALUES ($1, $2)");
    expect(f, "EXECUTE first(1)", "1\n");
    assert_int_equal(run(f, "EXECUTE put(3, 'z')"), 1);
    expect(f, "EXECUTE FIRST(10)", "1\n2\n3\n");
    fixture other = {.db = f->db};
    assert_int_equal(pyr_connect(f->db, &other.connection, &other.error), PYR_OK);
    run_fails(&other, "EXECUTE first(1)", "26000");
    pyr_disconnect(other.connection);
    run_fails(f, "EXECUTE first", "42P02");
    /* The same name again is the new one. */
    run(f, "PREPARE first AS SELECT b FROM t LIMIT $1");
    expect(f, "EXECUTE first(1)", "x\n");
    run(f, "DROP TABLE t");
    run_fails(f, "EXECUTE first(1)", "42P01");
    run(f, "CREATE TABLE t (b BIGINT); INSERT INTO t VALUES (7)");
    expect(f, "EXECUTE first(1)", "7\n");
    run(f, "DEALLOCATE first");
    run_fails(f, "EXECUTE first(1)", "26000");
    run_fails(f, "DEALLOCATE first", "26000");
    run(f, "DEALLOCATE ALL");
    run_fails(f, "EXECUTE put(1, 'x')", "26000");
}

static void prepare_finds_what_is_wrong_at_once(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT)");
    run_fails(f, "PREPARE p AS SELECT * FROM nowhere", "42P01");
    assert_int_equal(f->error.position, 27);
    run_fails(f, "PREPARE p AS INSERT INTO nowhere VALUES ($1)", "42P01");
    assert_int_equal(f->error.position, 25);
    run_fails(f, "PREPARE p AS INSERT INTO t SELECT a, a FROM t", "42601");
    run_fails(f, "PREPARE p AS SELEC 1", "42601");
    run_fails(f, "PREPARE p AS PREPARE q AS SELECT 1", "42000");
    run_fails(f, "EXECUTE p", "26000");
}

/* ---- EXPLAIN. ---- */

static void explain_shows_plans_and_runs_nothing_but_with_analyze(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    char *plan = ask(f, "EXPLAIN SELECT a FROM t LIMIT 1", NULL);
    assert_non_null(strstr(plan, "engine: native (native: covers the whole statement)\n"));
    assert_non_null(strstr(plan, "SCAN t"));
    free(plan);
    plan = ask(f, "EXPLAIN INSERT INTO t SELECT a FROM t", NULL);
    assert_non_null(strstr(plan, "SCAN t"));
    free(plan);
    plan = ask(f, "EXPLAIN CREATE TABLE u AS SELECT a FROM t", NULL);
    free(plan);
    expect(f, "SELECT COUNT(*) FROM t", "2\n");
    expect(f, "SHOW TABLES", "t\n");
    run_fails(f, "EXPLAIN ANALYZE INSERT INTO t SELECT a FROM t", "0A000");
    run_fails(f, "EXPLAIN DROP TABLE t", "0A000");
    run_fails(f, "EXPLAIN SELECT zz FROM t", "42703");
    assert_int_equal(f->error.position, 15);
    expect(f, "SELECT COUNT(*) FROM t", "2\n");
    /* Every key of the ledger is a line. */
    plan = ask(f, "EXPLAIN ANALYZE SELECT a FROM t", NULL);
    static const char *const lines[] = {"\nrows: 2\n",
                                        "\nelapsed_ms: ",
                                        "\nbytes_mapped: ",
                                        "\nbytes_scanned: 8\n",
                                        "\nbytes_referenced: 8\n",
                                        "\nbytes_copied: 0\n",
                                        "\nbytes_decoded: 0\n",
                                        "\nbytes_encoded: 0\n",
                                        "\nbytes_sent: 0\n",
                                        "\nbatches_skipped: 0\n",
                                        "\npeak_memory_bytes: "};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); ++i) {
        if (strstr(plan, lines[i]) == NULL) {
            fail_msg("%s is not in %s", lines[i], plan);
        }
    }
    free(plan);
    plan = ask(f, "EXPLAIN (FORMAT JSON) SELECT a FROM t", NULL);
    assert_int_equal(strncmp(plan, "{\"engine\":\"native\",\"reason\":\"", 28), 0);
    assert_null(strstr(plan, "\"ledger\""));
    free(plan);
}

#ifdef PYRALOG_HAVE_DUCKDB
static void explain_names_why_duckdb_runs_a_query(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    char *plan = ask(f, "EXPLAIN ANALYZE SELECT DISTINCT ON (a) a FROM t LIMIT 1", NULL);
    assert_non_null(
        strstr(plan, "engine: duckdb (duckdb: the native engine does not cover DISTINCT ON)"));
    assert_non_null(strstr(plan, "\nrows: 1\n"));
    assert_non_null(strstr(plan, "\n  copied 5: engine result\n"));
    free(plan);
}
#endif

/* ---- What later versions bring. ---- */

static void statements_of_later_versions_are_refused_by_name(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    static const char *const later[] = {"CREATE TEMP VIEW v AS SELECT 1",
                                        "ATTACH 'x'",
                                        "INSTALL httpfs",
                                        "LOAD httpfs",
                                        "PRAGMA database_size",
                                        "CREATE USER u PASSWORD 'x'"};
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); ++i) {
        run_fails(f, later[i], "0A000");
        char word[16];
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(later[i], " "), later[i]);
        if (strstr(f->error.message, word) == NULL) {
            fail_msg("%s: %s", later[i], f->error.message);
        }
    }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(create_table_makes_replaces_or_leaves_alone),
        CASE(create_as_names_its_columns),
        CASE(what_a_table_cannot_be_is_refused_and_not_left_out),
        CASE(a_table_is_shown_as_it_can_be_made_again),
        CASE(drop_table_removes_one_table_or_says_that_it_is_not_there),
        CASE(insert_takes_columns_in_any_order_and_fills_the_rest_with_nulls),
        CASE(insert_from_itself_reads_the_rows_that_were_there),
        CASE(a_null_where_none_may_be_leaves_nothing_of_the_statement),
#ifdef PYRALOG_HAVE_DUCKDB
        CASE(values_are_cast_to_the_columns_types_or_refused),
        CASE(types_that_arrow_has_not_are_kept_and_print_as_duckdb_prints_them),
        CASE(each_value_of_a_list_is_cast_by_itself),
        CASE(a_statement_that_fails_midway_leaves_nothing),
        CASE(a_memory_limit_is_an_error_and_the_connection_goes_on),
#endif
        CASE(settings_are_set_shown_and_reset_by_any_spelling),
        CASE(settings_belong_to_a_connection_and_the_database_has_defaults),
        CASE(the_native_engine_alone_says_what_it_does_not_cover),
        CASE(prepared_names_are_the_connections_own),
        CASE(prepare_finds_what_is_wrong_at_once),
        CASE(explain_shows_plans_and_runs_nothing_but_with_analyze),
#ifdef PYRALOG_HAVE_DUCKDB
        CASE(explain_names_why_duckdb_runs_a_query),
#endif
        CASE(statements_of_later_versions_are_refused_by_name),
    };
    return cmocka_run_group_tests_name("statements", tests, NULL, NULL);
}
