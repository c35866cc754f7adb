/* Files: reading them by name, writing them, what a restricted session may not do, mappings that
 * fault. */
#include "support_duckdb.h"

#include "arrow/builder.h"
#include "base/mapping.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(duck *d, const char *name) {
    static char paths[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof(paths[next]), "%s/%s", d->folder, name);
    return paths[next];
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* rows of duck_rows as an Arrow file, in batches of 1,000. */
static void write_arrow(duck *d, const char *path, int64_t first, int64_t rows) {
    pyr_batch *sample = duck_rows(0, 1);
    pyr_ipc_writer *writer = NULL;
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pyr_ipc_writer_create(fd, path, sample->schema, PYR_IPC_FILE, NULL, NULL,
                                           &writer, &d->error),
                     PYR_OK);
    for (int64_t at = first; at < first + rows; at += 1000) {
        int64_t count = first + rows - at < 1000 ? first + rows - at : 1000;
        pyr_batch *batch = duck_rows(at, count);
        if (pyr_ipc_writer_batch(writer, batch, NULL, &d->error) != PYR_OK) {
            fail_msg("%s", d->error.message);
        }
        pyr_batch_release(batch);
    }
    assert_int_equal(pyr_ipc_writer_finish(writer, NULL, &d->error), PYR_OK);
    pyr_ipc_writer_destroy(writer);
    close(fd);
    pyr_batch_release(sample);
}

/* format with the folder put in for each %s. */
static const char *sql_with(duck *d, const char *format) {
    static char sql[1024];
    snprintf(sql, sizeof(sql), format, d->folder, d->folder, d->folder);
    return sql;
}

static void copy_to(duck *d, const char *query_text, const char *path, const char *format,
                    const char *options, int64_t expected) {
    int64_t rows = -1;
    pyr_ledger_init(&d->ledger);
    pyr_engine_query query = duck_query(d, query_text);
    if (pyr_duckdb_copy_to(d->session, &query, path, format, options, &rows, &d->error) != PYR_OK) {
        fail_msg("%s: %s", query_text, d->error.message);
    }
    assert_int_equal(rows, expected);
}

static void arrow_files_are_tables(void **state) {
    duck *d = *state;
    write_arrow(d, path_of(d, "one.arrow"), 0, 2500);
    write_arrow(d, path_of(d, "two.arrow"), 2500, 2500);
    write_arrow(d, path_of(d, "no-suffix"), 0, 10);
    duck_equals(d, sql_with(d, "SELECT count(*), sum(b), count(k) FROM '%s/one.arrow'"),
                "2500|-3123750|2272\n");
    duck_equals(d, sql_with(d, "SELECT count(*), sum(a) FROM read_arrow('%s/*.arrow')"),
                "5000|12497500\n");
    duck_equals(d, sql_with(d, "SELECT count(*) FROM '%s/**/*.arrow'"), "5000\n");
    duck_equals(d, sql_with(d, "SELECT max(a) FROM '%s/no-suffix'"), "9\n");
    duck_fails(d, sql_with(d, "SELECT * FROM '%s/no*.arrow'"), "58030");
    write_text(path_of(d, "bad.arrow"), "this is no Arrow file at all");
    duck_fails(d, sql_with(d, "SELECT * FROM '%s/bad.arrow'"), "XX001");
    assert_non_null(strstr(d->error.message, "bad.arrow"));
}

static void copy_writes_what_reading_gives_back(void **state) {
    duck *d = *state;
    duck_fill(d, 5000, 2000);
    copy_to(d, "SELECT a, c, s, k, d, flag FROM t -- all", path_of(d, "t.parquet"), "parquet", "",
            5000);
    assert_true(atomic_load(&d->ledger.bytes_encoded) > 1000);
    copy_to(d, "SELECT a, s FROM t WHERE a < 3", path_of(d, "t.csv"), "csv", ", \"header\" 'true'",
            3);
    copy_to(d, "SELECT a, s FROM t WHERE a < 3", path_of(d, "t.json"), "json", "", 3);
    duck_equals(d, sql_with(d, "SELECT count(*), sum(a), count(c), count(k) FROM '%s/t.parquet'"),
                "5000|12497500|4285|4545\n");
    duck_equals(d, sql_with(d, "SELECT * FROM read_csv('%s/t.csv')"),
                "0|a string beyond twelve bytes 0\n1|s1\n2|s2\n");
    duck_equals(d, sql_with(d, "SELECT a FROM '%s/t.json' ORDER BY a DESC"), "2\n1\n0\n");
    /* The query cannot climb out of its parentheses. */
    int64_t rows = -1;
    pyr_engine_query query = duck_query(d, "SELECT 1) TO 'elsewhere.csv'; --");
    assert_int_not_equal(
        pyr_duckdb_copy_to(d->session, &query, path_of(d, "x.csv"), "csv", "", &rows, &d->error),
        PYR_OK);
    assert_int_not_equal(access("elsewhere.csv", F_OK), 0);
}

static void errors_of_copy_point_into_the_query(void **state) {
    duck *d = *state;
    int64_t rows = -1;
    pyr_engine_query query = duck_query(d, "SELECT nope");
    assert_int_not_equal(
        pyr_duckdb_copy_to(d->session, &query, path_of(d, "x.csv"), "csv", "", &rows, &d->error),
        PYR_OK);
    assert_string_equal(d->error.sqlstate, "42703");
    assert_int_equal(d->error.position, 7);
    query = duck_query(d, "SELECT 1");
    assert_int_not_equal(
        pyr_duckdb_copy_to(d->session, &query, "/nowhere/x.csv", "csv", "", &rows, &d->error),
        PYR_OK);
    assert_non_null(strstr(d->error.message, "/nowhere/x.csv"));
}

static void a_restricted_session_reads_its_folders_only(void **state) {
    duck *d = *state;
    write_text(path_of(d, "x.csv"), "a,b\n1,2\n");
    write_arrow(d, path_of(d, "x.arrow"), 0, 10);
    assert_int_equal(symlink("/etc/passwd", path_of(d, "link.csv")), 0);
    assert_int_equal(symlink("/etc", path_of(d, "etc")), 0);
    assert_int_equal(symlink("/etc/passwd", path_of(d, "link.arrow")), 0);
    duck_equals(d, sql_with(d, "SELECT * FROM '%s/x.csv'"), "1|2\n");
    duck_equals(d, sql_with(d, "SELECT count(*) FROM '%s/x.arrow'"), "10\n");
    duck_equals(d, sql_with(d, "SELECT count(*) FROM read_arrow('%s/x.*rrow')"), "10\n");
    static const char *const refused[] = {
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/*')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM read_json('https://localhost/x.json')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM read_csv('/dev/stdin')",
        "SELECT * FROM read_arrow('/etc/passwd')",
        "SELECT * FROM read_arrow('/etc/*')",
        "SELECT * FROM '/etc/passwd.arrow'",
        "SELECT * FROM read_csv('%s/link.csv')",
        "SELECT * FROM read_text('%s/etc/passwd')",
        "SELECT * FROM read_text('%s/../../etc/passwd')",
        "SELECT * FROM read_csv('%s/et*/passwd')",
        "SELECT * FROM read_arrow('%s/link.arrow')",
        "SELECT * FROM '%s/etc/x.arrow'",
        "SELECT * FROM read_csv('%sx/y.csv')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "SELECT * FROM \"QUERY\" ('SELECT 1')",
        "SELECT * FROM query /* */ ('SELECT 1')",
        "SELECT * FROM arrow_scan(1, 2, 3)"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); ++i) {
        duck_fails(d, sql_with(d, refused[i]), "42501");
        assert_int_equal(d->error.code, PYR_ERROR_PERMISSION);
    }
}

static void a_restricted_session_changes_nothing(void **state) {
    duck *d = *state;
    static const char *const refused[] = {"COPY (SELECT 1) TO '%s/y.csv'",
                                          "ATTACH '%s/y.db'",
                                          "INSTALL httpfs",
                                          "LOAD httpfs",
                                          "LOAD '%s/x.duckdb_extension'",
                                          "SET enable_external_access = true",
                                          "SET GLOBAL threads = 1",
                                          "SET lock_configuration = false",
                                          "RESET allowed_directories",
                                          "PRAGMA threads = 1",
                                          "PRAGMA enable_profiling",
                                          "EXPORT DATABASE '%s/dump'",
                                          "IMPORT DATABASE '%s/dump'",
                                          "CREATE SECRET (TYPE s3)",
                                          "CREATE TABLE x (a INTEGER)",
                                          "CALL enable_logging()"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); ++i) {
        const char *sql = sql_with(d, refused[i]);
        if (duck_run(d, sql, NULL, NULL) == PYR_OK) {
            fail_msg("%s: was run", sql);
        }
    }
    duck_equals(d,
                "SELECT current_setting('threads'), current_setting('enable_external_access'), "
                "current_setting('lock_configuration')",
                "2|false|true\n");
    int64_t rows = 0;
    pyr_engine_query query = duck_query(d, "SELECT 1");
    assert_int_equal(pyr_duckdb_copy_to(d->session, &query, "/tmp/pyralog-not-allowed.csv", "csv",
                                        "", &rows, &d->error),
                     PYR_ERROR_PERMISSION);
    assert_int_not_equal(access("/tmp/pyralog-not-allowed.csv", F_OK), 0);
    copy_to(d, "SELECT 1", path_of(d, "allowed.csv"), "csv", "", 1);
}

static void a_restricted_session_spills_encrypted(void **state) {
    duck *d = *state;
    d->memory_limit_bytes = 60000000;
    d->temp_folder = d->folder;
    duck_equals(d,
                "SELECT count(*) FROM (SELECT range || 'some text' AS x FROM range(1500000) "
                "ORDER BY hash(range))",
                "1500000\n");
    duck_equals(d, "SELECT current_setting('temp_file_encryption')", "true\n");
}

static void a_session_without_folders_reads_no_file(void **state) {
    duck *d = *state;
    write_text(path_of(d, "x.csv"), "a,b\n1,2\n");
    d->files.folders_count = 0;
    duck_fails(d, sql_with(d, "SELECT * FROM read_csv('%s/x.csv')"), "42501");
    duck_fails(d, sql_with(d, "SELECT * FROM '%s/x.arrow'"), "42501");
    d->files.folders_count = 1;
}

/* cmocka sets handlers of its own around each test; ours is set with the first mapping of the
 * process. So it is taken note of before the first test, and put back in the one that needs it. */
static struct sigaction mapping_action;

static void note_mapping_action(void) {
    pyr_buffer *own = NULL;
    pyr_error error;
    if (pyr_mapping_open("/proc/self/exe", &own, &error) == PYR_OK) {
        sigaction(SIGBUS, NULL, &mapping_action);
    }
    pyr_buffer_release(own);
}

/* The file is cut between the first and the second half of a scan: what DuckDB makes of the zeros
 * must not get out. */
static void a_file_cut_under_a_query_is_an_error(void **state) {
    duck *d = *state;
    char *path = path_of(d, "cut.arrow");
    write_arrow(d, path, 0, 200000);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    const pyr_engine_ops *ops = d->engine->ops;
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT sum(a), sum(b) FROM '%s'", path);
    pyr_engine_query query = duck_query(d, sql);
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
    assert_int_equal(sigaction(SIGBUS, &mapping_action, NULL), 0);
    assert_int_equal(truncate(path, info.st_size / 2 / 4096 * 4096), 0);
    pyr_status status = ops->execute(prepared, &query, &stream, &d->error);
    if (status == PYR_OK) {
        status = pyr_stream_next(stream, &batch, &d->error);
    }
    assert_int_equal(status, PYR_ERROR_IO);
    assert_string_equal(d->error.sqlstate, "58030");
    assert_non_null(strstr(d->error.message, "cut.arrow"));
    assert_null(batch);
    pyr_stream_destroy(stream);
    ops->prepared_destroy(prepared);
}

int main(void) {
    note_mapping_action();
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)
#define RESTRICTED(name) cmocka_unit_test_setup_teardown(name, duck_setup_restricted, duck_teardown)
        TEST(arrow_files_are_tables),
        TEST(copy_writes_what_reading_gives_back),
        TEST(errors_of_copy_point_into_the_query),
        RESTRICTED(a_restricted_session_reads_its_folders_only),
        RESTRICTED(a_restricted_session_changes_nothing),
        RESTRICTED(a_restricted_session_spills_encrypted),
        RESTRICTED(a_session_without_folders_reads_no_file),
        TEST(a_file_cut_under_a_query_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
