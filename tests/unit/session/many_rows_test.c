/* many_rows_test.c - pyr_bind of many rows: the statement runs once for each, all or nothing. */
#include "support_session.h"

#include "arrow/builder.h"

#include <stdlib.h>
#include <string.h>

static pyr_statement *prepare(fixture *f, const char *sql) {
    pyr_statement *statement = NULL;
    if (pyr_prepare(f->connection, sql, &statement, &f->error) != PYR_OK) {
        fail_msg("%s: %s", sql, f->error.message);
    }
    return statement;
}

/* texts NULL: of numbers. A text NULL is a null. */
static pyr_array *column(pyr_type_id type, const int64_t *numbers, const char *const *texts,
                         int64_t count) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    assert_int_equal(pyr_field_create("", type, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    for (int64_t i = 0; i < count; ++i) {
        pyr_status status = texts == NULL      ? pyr_builder_int64(builder, numbers[i], NULL)
                            : texts[i] == NULL ? pyr_builder_null(builder, NULL)
                                               : pyr_builder_string(builder, texts[i], NULL);
        assert_int_equal(status, PYR_OK);
    }
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static void bind_columns(fixture *f, pyr_statement *statement, pyr_array **columns, int32_t count) {
    bound_params params;
    params_init(&params, columns, count);
    if (pyr_bind(statement, &params.params, &f->error) != PYR_OK) {
        fail_msg("%s", f->error.message);
    }
    params_deinit(&params);
}

static void bind_pairs(fixture *f, pyr_statement *statement, const int64_t *numbers,
                       const char *const *texts, int64_t count) {
    pyr_array *columns[] = {column(PYR_TYPE_INT64, numbers, NULL, count),
                            column(PYR_TYPE_UTF8, NULL, texts, count)};
    bind_columns(f, statement, columns, 2);
}

static int64_t execute(fixture *f, pyr_statement *statement) {
    int64_t rows = -1;
    if (pyr_statement_execute(statement, &rows, &f->error) != PYR_OK) {
        fail_msg("%s", f->error.message);
    }
    return rows;
}

static void fails(fixture *f, pyr_statement *statement, const char *sqlstate) {
    assert_int_not_equal(pyr_statement_execute(statement, NULL, &f->error), PYR_OK);
    assert_string_equal(f->error.sqlstate, sqlstate);
}

static const int64_t THREE[] = {1, 2, 3};
static const char *const WORDS[] = {"a", NULL, "c"};

static void an_insert_takes_all_rows_at_once(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR)");
    pyr_statement *statement = prepare(f, "INSERT INTO t VALUES (?, ?)");
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT * FROM t ORDER BY k", "1|a\n2|NULL\n3|c\n");
    fails(f, statement, "23505");
    pyr_statement_close(statement);
    statement = prepare(f, "INSERT OR REPLACE INTO t (v, k) VALUES ($2, $1)");
    static const int64_t numbers[] = {3, 4, 4, 5};
    static const char *const texts[] = {"three", "four", "FOUR", "five"};
    bind_pairs(f, statement, numbers, texts, 4);
    assert_int_equal(execute(f, statement), 4);
    expect(f, "SELECT * FROM t ORDER BY k", "1|a\n2|NULL\n3|three\n4|FOUR\n5|five\n");
    bind_pairs(f, statement, numbers, texts, 1);
    assert_int_equal(execute(f, statement), 1);
    bind_pairs(f, statement, numbers, texts, 0);
    assert_int_equal(execute(f, statement), 0);
    assert_int_equal(run(f, "DELETE FROM t"), 5);
    pyr_statement_close(statement);
}

/* One statement of the query log for all of them: each INSERT would be one. */
static void rows_at_once_are_one_statement(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT, v VARCHAR)");
    pyr_statement *statement = prepare(f, "INSERT INTO t VALUES (?, ?)");
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(execute(f, statement), 3);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT count(*) FROM pyralog.queries WHERE sql = 'INSERT INTO t VALUES (?, ?)'",
           "2\n");
    expect(f, "SELECT count(*), count(v), sum(k) FROM t", "6|4|12\n");
    pyr_statement_close(statement);
}

static void what_is_not_one_row_of_parameters_runs_row_by_row(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR, n INTEGER)");
    pyr_statement *statement = prepare(f, "INSERT INTO t VALUES (?, ?, 5)");
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT * FROM t ORDER BY k", "1|a|5\n2|NULL|5\n3|c|5\n");
    static const int64_t numbers[] = {8, 9, 1};
    bind_pairs(f, statement, numbers, WORDS, 3);
    fails(f, statement, "23505"); /* and those before it are not there */
    expect(f, "SELECT count(*) FROM t", "3\n");
    bind_pairs(f, statement, numbers, WORDS, 2);
    assert_int_equal(execute(f, statement), 2);
    expect(f, "SELECT count(*) FROM t", "5\n");
    bind_pairs(f, statement, numbers, WORDS, 0);
    assert_int_equal(execute(f, statement), 0);
    pyr_statement_close(statement);
    expect(
        f,
        "SELECT state, count(*) FROM pyralog.queries WHERE sql = 'INSERT INTO t VALUES (?, ?, 5)' "
        "GROUP BY state ORDER BY state",
        "failed|1\nfinished|7\n");
}

static void a_transaction_that_is_open_has_the_rows(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR)");
    static const char *const texts[] = {"INSERT INTO t VALUES (?, ?)",
                                        "INSERT INTO t VALUES (? , ?), (100, 'x') "
                                        "ON CONFLICT DO NOTHING"};
    for (int i = 0; i < 2; ++i) {
        pyr_statement *statement = prepare(f, texts[i]);
        bind_pairs(f, statement, THREE, WORDS, 3);
        run(f, "BEGIN");
        assert_true(execute(f, statement) >= 3);
        expect(f, "SELECT count(*) FROM t", i == 0 ? "3\n" : "4\n");
        run(f, "ROLLBACK");
        expect(f, "SELECT count(*) FROM t", "0\n");
        run(f, "BEGIN");
        assert_true(execute(f, statement) >= 3);
        run(f, "COMMIT");
        expect(f, "SELECT count(*) FROM t", i == 0 ? "3\n" : "4\n");
        run(f, "TRUNCATE t");
        pyr_statement_close(statement);
    }
}

/* Neither way of running it takes many. */
static void takes_one_row(fixture *f, const char *sql) {
    struct ArrowArrayStream stream;
    pyr_statement *statement = prepare(f, sql);
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(pyr_statement_query(statement, &stream, &f->error),
                     PYR_ERROR_INVALID_ARGUMENT);
    assert_int_equal(pyr_statement_execute(statement, NULL, &f->error), PYR_ERROR_INVALID_ARGUMENT);
    bind_pairs(f, statement, THREE, WORDS, 1);
    assert_int_equal(pyr_statement_query(statement, &stream, &f->error), PYR_OK);
    assert_int_equal(drain(&stream), 1);
    pyr_statement_close(statement);
}

static void a_query_takes_one_row(void **state) {
    takes_one_row(*state, "SELECT ?, ?");
}

static void rows_beyond_the_arrays_are_refused(void **state) {
    fixture *f = *state;
    bound_params params;
    pyr_array *columns[] = {column(PYR_TYPE_INT64, THREE, NULL, 3)};
    run(f, "CREATE TABLE t (k BIGINT)");
    pyr_statement *statement = prepare(f, "INSERT INTO t VALUES (?)");
    params_init(&params, columns, 1);
    static const int64_t lengths[] = {-1, 4, INT64_C(1) << 40};
    for (int i = 0; i < 3; ++i) {
        params.array.length = lengths[i];
        assert_int_not_equal(pyr_bind(statement, &params.params, &f->error), PYR_OK);
    }
    params.array.length = 2;
    assert_int_equal(pyr_bind(statement, &params.params, &f->error), PYR_OK);
    params.array.length = 3;
    params_deinit(&params);
    assert_int_equal(execute(f, statement), 2);
    expect(f, "SELECT * FROM t ORDER BY k", "1\n2\n");
    pyr_statement_close(statement);
}

#ifdef PYRALOG_HAVE_DUCKDB /* of parameters whose values are not known yet, and for what follows \
                            */
static void values_are_cast_to_the_columns(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k INTEGER, v VARCHAR, d DOUBLE DEFAULT 7)");
    pyr_statement *statement = prepare(f, "INSERT INTO t (k, v) VALUES (?, ?)");
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT * FROM t ORDER BY k", "1|a|7.0\n2|NULL|7.0\n3|c|7.0\n");
    static const int64_t large[] = {4, INT64_C(5000000000)};
    bind_pairs(f, statement, large, WORDS, 2);
    assert_int_not_equal(pyr_statement_execute(statement, NULL, &f->error), PYR_OK);
    expect(f, "SELECT count(*) FROM t", "3\n");
    pyr_statement_close(statement);
}

static void returning_takes_one_row(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT, v VARCHAR)");
    takes_one_row(f, "INSERT INTO t VALUES (?, ?) RETURNING k");
    expect(f, "SELECT count(*) FROM t", "1\n");
}

static void updates_deletes_and_upserts_run_row_by_row(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR)");
    run(f, "INSERT INTO t SELECT i, 'old' FROM range(5) r(i)");
    pyr_statement *statement = prepare(f, "UPDATE t SET v = $2 WHERE k = $1");
    static const int64_t numbers[] = {1, 9, 3, 1};
    static const char *const texts[] = {"one", "nine", "three", "last"};
    bind_pairs(f, statement, numbers, texts, 4);
    assert_int_equal(execute(f, statement), 3);
    pyr_statement_close(statement);
    statement = prepare(f, "INSERT INTO t VALUES ($1, 'new') ON CONFLICT DO UPDATE SET v = $2");
    static const int64_t more[] = {4, 6, 6};
    static const char *const again[] = {"four", "unused", "twice"};
    bind_pairs(f, statement, more, again, 3);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT * FROM t ORDER BY k", "0|old\n1|last\n2|old\n3|three\n4|four\n6|twice\n");
    pyr_statement_close(statement);
    statement = prepare(f, "DELETE FROM t WHERE k = ?");
    pyr_array *columns[] = {column(PYR_TYPE_INT64, THREE, NULL, 3)};
    bind_columns(f, statement, columns, 1);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT k FROM t ORDER BY k", "0\n4\n6\n");
    pyr_statement_close(statement);
}

/* Columns that are not given stay: the rows that are there are updated, all at once, too. */
static void rows_of_some_columns_replace_those_alone(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR, n INTEGER)");
    run(f, "INSERT INTO t VALUES (1, 'old', 10), (3, 'old', 30)");
    pyr_statement *statement = prepare(f, "INSERT OR REPLACE INTO t (k, v) VALUES (?, ?)");
    static const int64_t numbers[] = {8, 9};
    run(f, "BEGIN");
    bind_pairs(f, statement, numbers, WORDS, 2); /* none is there */
    assert_int_equal(execute(f, statement), 2);
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(execute(f, statement), 3);
    run(f, "COMMIT");
    expect(f, "SELECT * FROM t ORDER BY k", "1|a|10\n2|NULL|NULL\n3|c|30\n8|a|NULL\n9|NULL|NULL\n");
    expect(f, "SELECT count(*) FROM pyralog.queries WHERE starts_with(sql, 'INSERT OR REPLACE')",
           "2\n");
    pyr_statement_close(statement);
}

static void the_other_engine_gets_them_row_by_row(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR)");
    run(f, "SET engine = 'duckdb'");
    pyr_statement *statement = prepare(f, "INSERT INTO t VALUES (?, ?)");
    bind_pairs(f, statement, THREE, WORDS, 3);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT * FROM t ORDER BY k", "1|a\n2|NULL\n3|c\n");
    pyr_statement_close(statement);
    run(f, "SET engine = 'auto'");
    run(f, "CREATE TABLE s (d DATE, v VARCHAR)"); /* a text is a date by DuckDB's cast */
    statement = prepare(f, "INSERT INTO s VALUES (?, ?)");
    static const char *const days[] = {"2026-01-01", NULL, "2026-02-28"};
    pyr_array *columns[] = {column(PYR_TYPE_UTF8, NULL, days, 3),
                            column(PYR_TYPE_UTF8, NULL, WORDS, 3)};
    bind_columns(f, statement, columns, 2);
    assert_int_equal(execute(f, statement), 3);
    expect(f, "SELECT * FROM s ORDER BY d", "2026-01-01|a\n2026-02-28|c\nNULL|NULL\n");
    pyr_statement_close(statement);
}
#endif

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_insert_takes_all_rows_at_once),
        WITH_FIXTURE(rows_at_once_are_one_statement),
        WITH_FIXTURE(what_is_not_one_row_of_parameters_runs_row_by_row),
        WITH_FIXTURE(a_transaction_that_is_open_has_the_rows),
        WITH_FIXTURE(a_query_takes_one_row),
        WITH_FIXTURE(rows_beyond_the_arrays_are_refused),
#ifdef PYRALOG_HAVE_DUCKDB
        WITH_FIXTURE(values_are_cast_to_the_columns),
        WITH_FIXTURE(returning_takes_one_row),
        WITH_FIXTURE(updates_deletes_and_upserts_run_row_by_row),
        WITH_FIXTURE(rows_of_some_columns_replace_those_alone),
        WITH_FIXTURE(the_other_engine_gets_them_row_by_row),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
