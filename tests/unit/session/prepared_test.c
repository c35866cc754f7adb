/* prepared_test.c - a prepared statement is parsed once: what it means is found anew at each run.
 */
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

static void bind_number(fixture *f, pyr_statement *statement, int64_t value) {
    bound_params params;
    pyr_array *columns[] = {int64_value(value)};
    params_init(&params, columns, 1);
    assert_int_equal(pyr_bind(statement, &params.params, &f->error), PYR_OK);
    params_deinit(&params);
}

static void bind_text(fixture *f, pyr_statement *statement, const char *value) {
    bound_params params;
    pyr_array *columns[] = {text_value(value)};
    params_init(&params, columns, 1);
    assert_int_equal(pyr_bind(statement, &params.params, &f->error), PYR_OK);
    params_deinit(&params);
}

/* The result's columns and rows. */
static void gives(fixture *f, pyr_statement *statement, int64_t columns, int64_t rows) {
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    if (pyr_statement_query(statement, &stream, &f->error) != PYR_OK) {
        fail_msg("%s", f->error.message);
    }
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, columns);
    schema.release(&schema);
    assert_int_equal(drain(&stream), rows);
}

static void a_read_by_key_follows_the_tables_definition(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)");
    run(f, "INSERT INTO t VALUES (1, 10), (2, 20)");
    pyr_statement *statement = prepare(f, "SELECT * FROM t WHERE k = ?");
    bind_number(f, statement, 2);
    gives(f, statement, 2, 1);
    gives(f, statement, 2, 1);
    bind_number(f, statement, 3);
    gives(f, statement, 2, 0);
    run(f, "INSERT INTO t VALUES (3, 30)");
    gives(f, statement, 2, 1);
    run(f, "DROP TABLE t");
    struct ArrowArrayStream stream;
    assert_int_equal(pyr_statement_query(statement, &stream, &f->error), PYR_ERROR_NOT_FOUND);
    run(f, "CREATE TABLE t (a VARCHAR, k VARCHAR PRIMARY KEY, b INTEGER)");
    run(f, "INSERT INTO t VALUES ('x', 'y', 1)");
    bind_text(f, statement, "y");
    gives(f, statement, 3, 1);
    bind_text(f, statement, "z");
    gives(f, statement, 3, 0);
    pyr_statement_close(statement);
}

static void a_result_outlives_its_statement(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)");
    run(f, "INSERT INTO t VALUES (1, 10)");
    pyr_statement *statement = prepare(f, "SELECT v FROM t WHERE k = ?");
    bind_number(f, statement, 1);
    struct ArrowArrayStream stream;
    assert_int_equal(pyr_statement_query(statement, &stream, &f->error), PYR_OK);
    pyr_statement_close(statement);
    run(f, "DROP TABLE t");
    assert_int_equal(drain(&stream), 1);
}

/* The one BIGINT of the one row; the stream is released. */
#ifdef PYRALOG_HAVE_DUCKDB /* UPDATE needs it */
static int64_t only_number(struct ArrowArrayStream *stream) {
    struct ArrowArray array;
    assert_int_equal(stream->get_next(stream, &array), 0);
    assert_non_null(array.release);
    assert_int_equal(array.length, 1);
    const struct ArrowArray *child = array.children[0];
    int64_t number = ((const int64_t *)child->buffers[1])[child->offset];
    array.release(&array);
    stream->release(stream);
    return number;
}

static void runs_that_overlap_have_each_their_own(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)");
    run(f, "INSERT INTO t VALUES (1, 10), (2, 20)");
    pyr_statement *statement = prepare(f, "SELECT v FROM t WHERE k = ?");
    struct ArrowArrayStream streams[3];
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 3; ++i) {
            bind_number(f, statement, 1 + i % 2);
            assert_int_equal(pyr_statement_query(statement, &streams[i], &f->error), PYR_OK);
        }
        run(f, "UPDATE t SET v = v + 1");
        for (int i = 0; i < 3; ++i) {
            assert_int_equal(only_number(&streams[i]), (1 + i % 2) * 10 + round);
        }
    }
    pyr_statement_close(statement);
}
#endif

static void columns_that_are_added_are_read_by_the_next_run(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT)");
    run(f, "INSERT INTO t VALUES (1), (2), (3)");
    pyr_statement *statement = prepare(f, "SELECT * FROM t LIMIT ?");
    for (int64_t i = 1; i <= 3; ++i) {
        bind_number(f, statement, i);
        gives(f, statement, 1, i);
    }
    run(f, "ALTER TABLE t ADD COLUMN b BIGINT");
    gives(f, statement, 2, 3);
    run(f, "INSERT INTO t VALUES (4, 4)");
    bind_number(f, statement, 9);
    gives(f, statement, 2, 4);
    run(f, "SET memory_limit = '1GB'");
    gives(f, statement, 2, 4);
    pyr_statement_close(statement);
}

static pyr_array *null_value(pyr_type_id type) {
    pyr_field *field = NULL;
    pyr_array *array = NULL;
    assert_int_equal(pyr_field_create("", type, &field, NULL), PYR_OK);
    assert_int_equal(pyr_array_create_null(field, 1, NULL, &array, NULL), PYR_OK);
    pyr_field_release(field);
    return array;
}

static pyr_array *small_value(pyr_type_id type, int64_t number) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    assert_int_equal(pyr_field_create("", type, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    assert_int_equal(type == PYR_TYPE_FLOAT64 ? pyr_builder_double(builder, (double)number, NULL)
                                              : pyr_builder_int64(builder, number, NULL),
                     PYR_OK);
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static void values_of_all_widths_nulls_and_texts_arrive(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, a TINYINT, b SMALLINT, c INTEGER, d DOUBLE, e "
           "VARCHAR)");
    pyr_statement *statement =
        prepare(f, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?)");
    for (int64_t i = 0; i < 3; ++i) {
        bound_params params;
        pyr_array *columns[] = {small_value(PYR_TYPE_INT64, 2 * i),
                                small_value(PYR_TYPE_INT8, -i),
                                null_value(PYR_TYPE_INT16),
                                small_value(PYR_TYPE_INT32, 70000 + i),
                                small_value(PYR_TYPE_FLOAT64, i),
                                text_value(i == 1 ? "" : "first"),
                                small_value(PYR_TYPE_INT64, 2 * i + 1),
                                null_value(PYR_TYPE_INT8),
                                small_value(PYR_TYPE_INT16, 300 + i),
                                null_value(PYR_TYPE_INT32),
                                null_value(PYR_TYPE_FLOAT64),
                                i == 2 ? null_value(PYR_TYPE_UTF8) : text_value("another")};
        params_init(&params, columns, 12);
        assert_int_equal(pyr_bind(statement, &params.params, &f->error), PYR_OK);
        params_deinit(&params);
        int64_t rows = 0;
        assert_int_equal(pyr_statement_execute(statement, &rows, &f->error), PYR_OK);
        assert_int_equal(rows, 2);
    }
    expect(f, "SELECT * FROM t ORDER BY k",
           "0|0|NULL|70000|0.0|first\n1|NULL|300|NULL|NULL|another\n"
           "2|-1|NULL|70001|1.0|\n3|NULL|301|NULL|NULL|another\n"
           "4|-2|NULL|70002|2.0|first\n5|NULL|302|NULL|NULL|NULL\n");
    pyr_statement_close(statement);
}

static void texts_that_are_none_are_refused(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR)");
    pyr_statement *statement = prepare(f, "INSERT INTO t VALUES (?, ?)");
    static const int32_t right[] = {0, 3};
    static const int32_t wrong[][2] = {{3, 0}, {-1, 2}};
    for (int i = 0; i < 4; ++i) {
        bound_params params;
        pyr_array *columns[] = {int64_value(i), text_value("abc")};
        params_init(&params, columns, 2);
        struct ArrowArray *text = params.array.children[1];
        const void *before[] = {text->buffers[1], text->buffers[2]};
        text->buffers[1] = i < 2 ? wrong[i] : right;
        text->buffers[2] = i == 2 ? "a\xff"
                                    "b"
                                  : "abc";
        assert_int_equal(pyr_bind(statement, &params.params, &f->error),
                         i < 3 ? PYR_ERROR_CORRUPT : PYR_OK);
        text->buffers[1] = before[0];
        text->buffers[2] = before[1];
        params_deinit(&params);
    }
    int64_t rows = 0;
    assert_int_equal(pyr_statement_execute(statement, &rows, &f->error), PYR_OK);
    expect(f, "SELECT * FROM t", "3|abc\n");
    pyr_statement_close(statement);
}

static void an_upsert_of_parameters_runs_again_and_again(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)");
    pyr_statement *statement = prepare(f, "INSERT OR REPLACE INTO t VALUES (?, 1), (7, 2)");
    for (int64_t i = 0; i < 5; ++i) {
        int64_t rows = 0;
        bind_number(f, statement, i);
        assert_int_equal(pyr_statement_execute(statement, &rows, &f->error), PYR_OK);
        assert_int_equal(rows, 2);
    }
    expect(f, "SELECT k, v FROM t ORDER BY k", "0|1\n1|1\n2|1\n3|1\n4|1\n7|2\n");
    pyr_statement_close(statement);
}

#ifdef PYRALOG_HAVE_DUCKDB
static void names_mean_what_the_session_says_when_it_runs(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)");
    run(f, "INSERT INTO t VALUES (1, 10), (2, 20)");
    pyr_statement *read = prepare(f, "SELECT * FROM t WHERE k = ?");
    pyr_statement *write = prepare(f, "UPDATE t SET v = v + 1 WHERE k = ?");
    bind_number(f, read, 2);
    bind_number(f, write, 2);
    gives(f, read, 2, 1);
    int64_t rows = 0;
    assert_int_equal(pyr_statement_execute(write, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 1);
    run(f, "CREATE SCHEMA s");
    run(f, "CREATE TABLE s.t (k BIGINT PRIMARY KEY, v BIGINT, w BIGINT)");
    run(f, "USE s");
    gives(f, read, 3, 0);
    assert_int_equal(pyr_statement_execute(write, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 0);
    run(f, "USE main");
    gives(f, read, 2, 1);
    assert_int_equal(pyr_statement_execute(write, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 1);
    expect(f, "SELECT v FROM t WHERE k = 2", "22\n");
    run(f, "DROP TABLE t");
    run(f, "CREATE VIEW t AS SELECT i AS k, i AS a, i AS b, i AS c FROM range(3) r(i)");
    gives(f, read, 4, 1);
    run(f, "SET engine = 'duckdb'");
    gives(f, read, 4, 1);
    pyr_statement_close(read);
    pyr_statement_close(write);
}
#endif

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_read_by_key_follows_the_tables_definition),
        WITH_FIXTURE(a_result_outlives_its_statement),
#ifdef PYRALOG_HAVE_DUCKDB
        WITH_FIXTURE(runs_that_overlap_have_each_their_own),
#endif
        WITH_FIXTURE(columns_that_are_added_are_read_by_the_next_run),
        WITH_FIXTURE(values_of_all_widths_nulls_and_texts_arrive),
        WITH_FIXTURE(texts_that_are_none_are_refused),
        WITH_FIXTURE(an_upsert_of_parameters_runs_again_and_again),
#ifdef PYRALOG_HAVE_DUCKDB
        WITH_FIXTURE(names_mean_what_the_session_says_when_it_runs),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
