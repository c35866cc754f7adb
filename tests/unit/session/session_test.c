/* session_test.c - the C API over the native engine alone: what holds in every build. */
#include "support_session.h"

#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void rows_inserted_are_read_back(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR)");
    assert_int_equal(run(f, "INSERT INTO t VALUES (1, 'one'), (2, NULL)"), 2);
    expect(f, "SELECT * FROM t", "1|one\n2|NULL\n");
    expect(f, "SELECT b, a FROM t", "one|1\nNULL|2\n");
    expect(f, "SELECT a FROM t LIMIT 1 OFFSET 1", "2\n");
}

static void integers_are_widened_to_the_columns_type(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT, b BIGINT)");
    run(f, "INSERT INTO t VALUES (1, 2)");
    run(f, "INSERT INTO t (b) VALUES (7)");
    expect(f, "SELECT * FROM t", "1|2\nNULL|7\n");
}

static void insert_select_and_create_as_copy_rows(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    run(f, "INSERT INTO t VALUES (1), (2), (3)");
    assert_int_equal(run(f, "CREATE TABLE u AS SELECT * FROM t"), 3);
    assert_int_equal(run(f, "INSERT INTO u SELECT a FROM t LIMIT 2"), 2);
    expect(f, "SELECT COUNT(*) FROM u", "5\n");
    expect(f, "SHOW TABLES", "t\nu\n");
    run(f, "DROP TABLE t");
    expect(f, "SHOW TABLES", "u\n");
}

static void several_statements_run_in_order_and_positions_count_from_the_texts_start(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
    expect(f, "SELECT COUNT(*) FROM t", "2\n");
    const char *sql = "INSERT INTO t VALUES (3); DROP TABLE nowhere";
    run_fails(f, sql, "42P01");
    assert_int_equal(f->error.position, (int)(strstr(sql, "nowhere") - sql));
    expect(f, "SELECT COUNT(*) FROM t", "3\n");
}

static void an_unknown_table_column_setting_or_word_is_named(void **state) {
    fixture *f = *state;
    run_fails(f, "INSERT INTO nowhere VALUES (1)", "42P01");
    assert_non_null(strstr(f->error.message, "nowhere"));
    run(f, "CREATE TABLE t (a INTEGER)");
    run_fails(f, "INSERT INTO t (zz) VALUES (1)", "42703");
    run_fails(f, "INSERT INTO t VALUES (1, 2)", "42601");
    run_fails(f, "SET colour = 'blue'", "42704");
    run_fails(f, "SELEC 1", "42601");
    run_fails(f, "CREATE TABLE t (a INTEGER)", "42P07");
}

static void a_not_null_column_refuses_nulls(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER NOT NULL, b INTEGER)");
    run_fails(f, "INSERT INTO t VALUES (NULL, 1)", "23502");
    run_fails(f, "INSERT INTO t (b) VALUES (1)", "23502");
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
}

static void settings_are_set_shown_and_reset(void **state) {
    fixture *f = *state;
    run(f, "SET threads = 3; SET engine = 'native'");
    char *shown = ask(f, "SHOW threads", NULL);
    assert_non_null(strstr(shown, "threads|3|"));
    free(shown);
    run_fails(f, "SET threads = 0", "22023");
    run_fails(f, "SET engine = 'fast'", "22023");
    run(f, "RESET engine");
    shown = ask(f, "SHOW engine", NULL);
    assert_non_null(strstr(shown, "engine|auto|"));
    free(shown);
}

static void prepared_statements_take_parameters(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1), (2), (3)");
    run(f, "PREPARE first AS SELECT a FROM t LIMIT $1");
    expect(f, "EXECUTE first(2)", "1\n2\n");
    run_fails(f, "EXECUTE second(1)", "26000");
    run(f, "DEALLOCATE first");
    run_fails(f, "EXECUTE first(1)", "26000");
}

/* A batch of one int64 column named a, holding first .. first + rows - 1. */
static pyr_batch *numbers(int64_t first, int64_t rows) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_field_create("a", PYR_TYPE_INT64, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    for (int64_t i = 0; i < rows; ++i) {
        assert_int_equal(pyr_builder_int64(builder, first + i, NULL), PYR_OK);
    }
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, rows, &array, 1, NULL, &batch, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_array_release(array);
    pyr_schema_release(schema);
    pyr_field_release(field);
    return batch;
}

static void ingest_stream(pyr_batch **batches, size_t count, struct ArrowArrayStream *out) {
    pyr_stream *stream = NULL;
    assert_int_equal(pyr_stream_from_batches(batches[0]->schema, batches, count, &stream, NULL),
                     PYR_OK);
    assert_int_equal(pyr_stream_export(stream, NULL, NULL, out, NULL), PYR_OK);
}

static void ingest_creates_appends_and_replaces(void **state) {
    fixture *f = *state;
    pyr_batch *batches[2] = {numbers(0, 1000), numbers(1000, 500)};
    struct ArrowArrayStream stream;
    int64_t rows = 0;
    ingest_stream(batches, 2, &stream);
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 1500);
    ingest_stream(batches, 1, &stream);
    assert_int_equal(pyr_ingest(f->connection, "main.t", &stream, NULL, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 1000);
    expect(f, "SELECT COUNT(*) FROM t", "2500\n");
    static const char *const replace[] = {"replace=true", NULL};
    ingest_stream(batches, 1, &stream);
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, replace, &rows, &f->error), PYR_OK);
    expect(f, "SELECT COUNT(*) FROM t", "1000\n");
    static const char *const no_create[] = {"create=false", NULL};
    ingest_stream(batches, 1, &stream);
    assert_int_equal(pyr_ingest(f->connection, "u", &stream, no_create, &rows, &f->error),
                     PYR_ERROR_NOT_FOUND);
    assert_null(stream.release);
    run(f, "CREATE TABLE v (b BIGINT)");
    ingest_stream(batches, 1, &stream);
    assert_int_equal(pyr_ingest(f->connection, "v", &stream, NULL, &rows, &f->error),
                     PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    pyr_batch_release(batches[0]);
    pyr_batch_release(batches[1]);
}

static void a_scan_copies_nothing_and_the_ledger_says_so(void **state) {
    fixture *f = *state;
    pyr_batch *batch = numbers(0, 100000);
    struct ArrowArrayStream stream;
    ingest_stream(&batch, 1, &stream);
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, NULL, &f->error), PYR_OK);
    pyr_batch_release(batch);
    free(ask(f, "SELECT a FROM t", NULL));
    pyr_ledger_report ledger;
    pyr_ledger(f->connection, &ledger);
    assert_string_equal(ledger.engine, "native");
    assert_int_equal(ledger.rows, 100000);
    assert_int_equal(ledger.bytes_copied, 0);
    assert_int_equal(ledger.bytes_referenced, 800000);
    assert_int_equal(ledger.bytes_scanned, 800000);
}

static void a_result_outlives_its_connection_and_database(void **state) {
    (void)state;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    pyr_error error;
    assert_int_equal(pyr_open(":memory:", NULL, &db, &error), PYR_OK);
    assert_int_equal(pyr_connect(db, &connection, &error), PYR_OK);
    assert_int_equal(pyr_execute(connection,
                                 "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (41), (42)",
                                 NULL, NULL, &error),
                     PYR_OK);
    struct ArrowArrayStream stream;
    assert_int_equal(pyr_query(connection, "SELECT a FROM t", NULL, &stream, &error), PYR_OK);
    pyr_disconnect(connection);
    pyr_close(db);
    struct ArrowArray array;
    assert_int_equal(stream.get_next(&stream, &array), 0);
    stream.release(&stream);
    const int32_t *values = array.children[0]->buffers[1];
    assert_int_equal(values[array.children[0]->offset + 1], 42);
    array.release(&array);
}

static void query_one_wants_exactly_one_row(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    pyr_row row;
    assert_int_equal(pyr_query_one(f->connection, "SELECT a FROM t", NULL, &row, &f->error),
                     PYR_ERROR_MANY_ROWS);
    assert_int_equal(pyr_query_one(f->connection, "SELECT a FROM t LIMIT 0", NULL, &row, &f->error),
                     PYR_ERROR_NO_ROWS);
    assert_int_equal(
        pyr_query_one(f->connection, "SELECT a FROM t LIMIT 1 OFFSET 1", NULL, &row, &f->error),
        PYR_OK);
    const int32_t *values = row.array.children[0]->buffers[1];
    assert_int_equal(values[row.array.children[0]->offset], 2);
    pyr_row_release(&row);
}

static void a_prepared_statement_runs_again_with_other_parameters(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1), (2), (3)");
    pyr_statement *statement = NULL;
    assert_int_equal(pyr_prepare(f->connection, "SELECT a FROM t LIMIT $1;", &statement, &f->error),
                     PYR_OK);
    for (int64_t limit = 1; limit <= 3; ++limit) {
        pyr_batch *value = numbers(limit, 1);
        struct ArrowSchema schema;
        struct ArrowArray array;
        assert_int_equal(pyr_schema_export(value->schema, &schema, NULL), PYR_OK);
        assert_int_equal(pyr_batch_export(value, &array, NULL), PYR_OK);
        pyr_params params = {&schema, &array};
        assert_int_equal(pyr_bind(statement, &params, &f->error), PYR_OK);
        schema.release(&schema);
        array.release(&array);
        pyr_batch_release(value);
        struct ArrowArrayStream stream;
        assert_int_equal(pyr_statement_query(statement, &stream, &f->error), PYR_OK);
        int64_t rows = 0;
        for (;;) {
            struct ArrowArray batch;
            assert_int_equal(stream.get_next(&stream, &batch), 0);
            if (batch.release == NULL) {
                break;
            }
            rows += batch.length;
            batch.release(&batch);
        }
        stream.release(&stream);
        assert_int_equal(rows, limit);
    }
    pyr_statement_close(statement);
    assert_int_equal(pyr_prepare(f->connection, "SELECT 1; SELECT 2", &statement, &f->error),
                     PYR_ERROR_SQL);
}

static void a_database_on_disk_keeps_its_tables_and_readonly_refuses_writes(void **state) {
    (void)state;
    char *folder = make_folder();
    pyr_database *db = NULL;
    fixture f = {0};
    assert_int_equal(pyr_open(folder, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    run(&f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    static const char *const readonly[] = {"readonly=true", NULL};
    assert_int_equal(pyr_open(folder, readonly, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    expect(&f, "SELECT a FROM t", "1\n2\n");
    run_fails(&f, "INSERT INTO t VALUES (3)", "25006");
    run_fails(&f, "CREATE TABLE u (a INTEGER)", "25006");
    run_fails(&f, "DROP TABLE t", "25006");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    static const char *const unknown[] = {"colour=blue", NULL};
    assert_int_equal(pyr_open(folder, unknown, &db, &f.error), PYR_ERROR_INVALID_ARGUMENT);
    assert_null(db);
    remove_folder(folder);
}

static void explain_names_the_engine_and_analyze_adds_the_ledger(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    char *plan = ask(f, "EXPLAIN SELECT a FROM t", NULL);
    assert_non_null(strstr(plan, "engine: native"));
    assert_null(strstr(plan, "bytes_copied"));
    free(plan);
    plan = ask(f, "EXPLAIN ANALYZE SELECT a FROM t", NULL);
    assert_non_null(strstr(plan, "bytes_copied: 0"));
    free(plan);
    plan = ask(f, "EXPLAIN (ANALYZE, FORMAT JSON) SELECT a FROM t", NULL);
    assert_non_null(strstr(plan, "\"engine\":\"native\""));
    assert_non_null(strstr(plan, "\"ledger\":{"));
    free(plan);
}

static void a_cancelled_result_ends_with_57014(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
    struct ArrowArrayStream stream;
    assert_int_equal(pyr_query(f->connection, "SELECT a FROM t", NULL, &stream, &f->error), PYR_OK);
    pyr_cancel(f->connection);
    struct ArrowArray array = {0};
    assert_int_not_equal(stream.get_next(&stream, &array), 0);
    assert_non_null(strstr(stream.get_last_error(&stream), "57014"));
    stream.release(&stream);
}

static void copy_to_and_from_an_arrow_file_keeps_the_rows(void **state) {
    fixture *f = *state;
    char *folder = make_folder();
    char sql[512];
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR); INSERT INTO t VALUES (1, 'x'), (2, NULL)");
    snprintf(sql, sizeof(sql), "COPY t TO '%s/t.arrow'", folder);
    assert_int_equal(run(f, sql), 2);
    run(f, "CREATE TABLE u (a INTEGER, b VARCHAR)");
    snprintf(sql, sizeof(sql), "COPY u FROM '%s/t.arrow'", folder);
    assert_int_equal(run(f, sql), 2);
    expect(f, "SELECT * FROM u", "1|x\n2|NULL\n");
    snprintf(sql, sizeof(sql), "SELECT b FROM '%s/t.arrow'", folder);
    expect(f, sql, "x\nNULL\n");
    snprintf(sql, sizeof(sql), "COPY u FROM '%s/none.arrow'", folder);
    pyr_error_clear(&f->error);
    assert_int_not_equal(pyr_execute(f->connection, sql, NULL, NULL, &f->error), PYR_OK);
    assert_non_null(strstr(f->error.message, "none.arrow"));
    remove_folder(folder);
}

static void a_remote_session_reads_no_file_by_path(void **state) {
    fixture *f = *state;
    char *folder = make_folder();
    char sql[512];
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    snprintf(sql, sizeof(sql), "COPY t TO '%s/t.arrow'", folder);
    run(f, sql);
    pyr_connect_options options = {.remote = true};
    fixture remote = {.db = f->db};
    assert_int_equal(pyr_session_connect(f->db, &options, &remote.connection, &remote.error),
                     PYR_OK);
    snprintf(sql, sizeof(sql), "SELECT * FROM '%s/t.arrow'", folder);
    run_fails(&remote, sql, "42501");
    snprintf(sql, sizeof(sql), "COPY t TO '%s/u.arrow'", folder);
    run_fails(&remote, sql, "42501");
    snprintf(sql, sizeof(sql), "COPY t FROM '%s/t.arrow'", folder);
    run_fails(&remote, sql, "42501");
    expect(&remote, "SELECT a FROM t", "1\n");
    pyr_disconnect(remote.connection);
    const char *folders[] = {folder};
    options.folders = folders;
    options.folders_count = 1;
    assert_int_equal(pyr_session_connect(f->db, &options, &remote.connection, &remote.error),
                     PYR_OK);
    snprintf(sql, sizeof(sql), "SELECT * FROM '%s/t.arrow'", folder);
    expect(&remote, sql, "1\n");
    run_with(&remote, "COPY t TO '%s/v.arrow'", folder);
    run_with(&remote, "COPY t FROM '%s/v.arrow'", folder);
    expect(&remote, "SELECT a FROM t", "1\n1\n");
    run_with_fails(&remote, "COPY t TO '%s/../v.arrow'", folder, "42501");
    run_with_fails(&remote, "COPY t TO '/dev/null' (FORMAT arrow) -- %s", folder, "42501");
    /* A link that leads out of the folder is outside. */
    char link[300];
    snprintf(link, sizeof(link), "%s/out.arrow", folder);
    assert_int_equal(symlink("/tmp/pyralog-nobody-made-this.arrow", link), 0);
    run_with_fails(&remote, "COPY t TO '%s/out.arrow'", folder, "42501");
    run_fails(&remote, "SET memory_limit = '1TB'", "42501");
    run_fails(&remote, "SET Memory_Limit = '1TB'", "42501");
    run(&remote, "SET threads = 1; RESET ALL");
    pyr_disconnect(remote.connection);
    remove_folder(folder);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(rows_inserted_are_read_back),
        CASE(integers_are_widened_to_the_columns_type),
        CASE(insert_select_and_create_as_copy_rows),
        CASE(several_statements_run_in_order_and_positions_count_from_the_texts_start),
        CASE(an_unknown_table_column_setting_or_word_is_named),
        CASE(a_not_null_column_refuses_nulls),
        CASE(settings_are_set_shown_and_reset),
        CASE(prepared_statements_take_parameters),
        CASE(ingest_creates_appends_and_replaces),
        CASE(a_scan_copies_nothing_and_the_ledger_says_so),
        CASE(a_result_outlives_its_connection_and_database),
        CASE(query_one_wants_exactly_one_row),
        CASE(a_prepared_statement_runs_again_with_other_parameters),
        CASE(a_database_on_disk_keeps_its_tables_and_readonly_refuses_writes),
        CASE(explain_names_the_engine_and_analyze_adds_the_ledger),
        CASE(a_cancelled_result_ends_with_57014),
        CASE(copy_to_and_from_an_arrow_file_keeps_the_rows),
        CASE(a_remote_session_reads_no_file_by_path),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
