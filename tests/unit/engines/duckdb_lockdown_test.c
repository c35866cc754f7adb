/* What a session of another machine cannot do through DuckDB: no file outside its folders, no
 * extension, no setting, nothing that another session sees. */
#include "engines/duckdb/duckdb_internal.h"
#include "support_duckdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* text with the fixture's folder for each %s. */
static const char *with_folder(duck *d, const char *text) {
    static char sql[2048];
    char *to = sql;
    while (*text != '\0' && to < sql + sizeof(sql) - sizeof(d->folder)) {
        if (text[0] == '%' && text[1] == 's') {
            to += snprintf(to, sizeof(d->folder), "%s", d->folder);
            text += 2;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
    return sql;
}

static void write_file(duck *d, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", d->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* ---- Functions. ---- */

static bool is_in(const char *const *names, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; ++i) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            return true;
        }
    }
    return false;
}
#define IN(names, name, length) is_in(names, sizeof(names) / sizeof((names)[0]), name, length)

/* Refused by name. */
static const char *const refused_functions[] = {"arrow_scan",
                                                "arrow_scan_dumb",
                                                "checkpoint",
                                                "disable_logging",
                                                "duckdb_logs",
                                                "disable_profiling",
                                                "duckdb_log_contexts",
                                                "duckdb_logs_parsed",
                                                "enable_logging",
                                                "enable_profiling",
                                                "force_checkpoint",
                                                "json_execute_serialized_sql",
                                                "query",
                                                "read_duckdb",
                                                "truncate_duckdb_logs",
                                                "seq_scan",
                                                "disable_peg_parser",
                                                "enable_peg_parser",
                                                "glob",
                                                "write_log",
                                                "json_serialize_plan"};

/* Open files by themselves: each is called with a file outside below. */
static const char *const file_functions[] = {"duckdb_extensions",
                                             "parquet_bloom_probe",
                                             "parquet_file_metadata",
                                             "parquet_metadata",
                                             "parquet_scan",
                                             "parquet_schema",
                                             "parquet_full_metadata",
                                             "read_blob",
                                             "read_csv",
                                             "read_csv_auto",
                                             "parquet_kv_metadata",
                                             "read_json",
                                             "read_json_auto",
                                             "read_json_objects",
                                             "read_json_objects_auto",
                                             "read_ndjson",
                                             "read_arrow",
                                             "read_ndjson_auto",
                                             "read_ndjson_objects",
                                             "read_parquet",
                                             "read_text",
                                             "sniff_csv",
                                             "read_safetensors",
                                             "tensor_values",
                                             "tensor_stats",
                                             "tensor_diff",
                                             "read_zarr",
                                             "zarr_chunks",
                                             "read_safetensors_each",
                                             "tensor_stats_each",
                                             "tensor_diff_each",
                                             "zarr_chunks_each"};

/* Of these functions ours: they ask pyr_file_access_check, which knows nothing of lent files. */
static const char *const own_functions[] = {
    "read_arrow",        "read_safetensors", "tensor_values",   "tensor_stats",
    "tensor_diff",       "read_zarr",        "zarr_chunks",     "read_safetensors_each",
    "tensor_stats_each", "tensor_diff_each", "zarr_chunks_each"};

/* Tell of the connection, of the instance (which sessions with other folders do not share), of
 * DuckDB itself, or compute. */
static const char *const harmless_functions[] = {"check_peg_parser",
                                                 "sql_auto_complete",
                                                 "duckdb_approx_database_count",
                                                 "duckdb_columns",
                                                 "duckdb_connection_count",
                                                 "duckdb_constraints",
                                                 "duckdb_coordinate_systems",
                                                 "duckdb_databases",
                                                 "duckdb_dependencies",
                                                 "duckdb_external_file_cache",
                                                 "duckdb_functions",
                                                 "duckdb_indexes",
                                                 "duckdb_keywords",
                                                 "duckdb_memory",
                                                 "duckdb_optimizers",
                                                 "duckdb_prepared_statements",
                                                 "duckdb_profiling_settings",
                                                 "duckdb_schemas",
                                                 "duckdb_secret_types",
                                                 "duckdb_secrets",
                                                 "duckdb_sequences",
                                                 "duckdb_settings",
                                                 "duckdb_table_sample",
                                                 "duckdb_tables",
                                                 "duckdb_temporary_files",
                                                 "duckdb_types",
                                                 "duckdb_variables",
                                                 "duckdb_views",
                                                 "generate_series",
                                                 "histogram",
                                                 "histogram_values",
                                                 "icu_calendar_names",
                                                 "json_each",
                                                 "json_tree",
                                                 "pg_timezone_names",
                                                 "pragma_collations",
                                                 "pragma_database_size",
                                                 "pragma_metadata_info",
                                                 "pragma_platform",
                                                 "pragma_show",
                                                 "pragma_storage_info",
                                                 "pragma_table_info",
                                                 "pragma_user_agent",
                                                 "pragma_version",
                                                 "pyr_scan",
                                                 "pyr_scan_rows",
                                                 "query_table",
                                                 "range",
                                                 "repeat",
                                                 "repeat_row",
                                                 "summary",
                                                 "test_all_types",
                                                 "test_vector_types",
                                                 "unnest",
                                                 "which_secret"};

/* Who takes a newer DuckDB looks at what it brings. */
static void every_table_function_of_the_library_is_known(void **state) {
    duck *d = *state;
    char *names = duck_ask(d, "SELECT DISTINCT function_name FROM duckdb_functions() "
                              "WHERE function_type IN ('table', 'table_macro') ORDER BY ALL");
    int count = 0;
    for (const char *name = names; *name != '\0'; ++count) {
        size_t length = strcspn(name, "\n");
        if (!IN(refused_functions, name, length) && !IN(file_functions, name, length) &&
            !IN(harmless_functions, name, length)) {
            fail_msg("what does %.*s do?", (int)length, name);
        }
        name += length + 1;
    }
    assert_true(count > 50);
    free(names);
}

/* But our own, and those that are given none. */
static void every_function_that_opens_files_is_refused_beside_lent_ones(void **state) {
    (void)state;
    const char *const *refused = pyr_duckdb_file_functions();
    size_t count = 0;
    while (refused[count] != NULL) {
        ++count;
    }
    for (size_t i = 0; i < sizeof(file_functions) / sizeof(file_functions[0]); ++i) {
        const char *name = file_functions[i];
        bool other =
            IN(own_functions, name, strlen(name)) || strcmp(name, "duckdb_extensions") == 0;
        if (!other && !is_in(refused, count, name, strlen(name))) {
            fail_msg("%s is not refused", name);
        }
    }
}

static void functions_that_reach_out_are_refused_by_name(void **state) {
    duck *d = *state;
    for (size_t i = 0; i < sizeof(refused_functions) / sizeof(refused_functions[0]); ++i) {
        const char *name = refused_functions[i];
        static const char *const shapes[] = {
            "SELECT * FROM %s()", "SELECT %s()",          "SELECT * FROM main.%s  /* */ ('x')",
            "FROM \"%s\"\n(1)",   "SELECT 1, ('x').%s()", "SELECT * FROM t, LATERAL %s(a)"};
        for (size_t j = 0; j < sizeof(shapes) / sizeof(shapes[0]); ++j) {
            char sql[256];
            snprintf(sql, sizeof(sql), shapes[j], name);
            duck_fails(d, sql, "42501");
            assert_non_null(strstr(d->error.message, name));
            assert_true(d->error.position > 0);
        }
    }
    /* The names themselves are no offence. */
    duck_equals(d, "SELECT query, 'query(1)' FROM (SELECT 1 AS query)", "1|query(1)\n");
}

static void a_log_of_statements_cannot_be_switched_on(void **state) {
    duck *d = *state;
    if (duck_run(d, "SELECT * FROM enable_logging('QueryLog')", NULL, NULL) == PYR_OK) {
        fail_msg("logging was switched on");
    }
    duck_equals(d, "SELECT 'a secret of one session'", "a secret of one session\n");
    duck_equals(d, "SELECT count(*) FROM duckdb_logs", "0\n");
}

/* ---- Files. ---- */

static void files_outside_the_folders_are_not_opened(void **state) {
    duck *d = *state;
    write_file(d, "inside.csv", "a,b\n1,2\n");
    char link_path[256];
    snprintf(link_path, sizeof(link_path), "%s/link", d->folder);
    assert_int_equal(symlink("/etc", link_path), 0);
    for (size_t i = 0; i < sizeof(file_functions) / sizeof(file_functions[0]); ++i) {
        static const char *const paths[] = {"'/etc/passwd'",        "'%s/../../etc/passwd'",
                                            "'%s/link/passwd'",     "'/etc/pass*'",
                                            "'%s/../../etc/pass*'", "'%s/l*nk/passwd'",
                                            "'file:///etc/passwd'", "'%sx/passwd'",
                                            "'/proc/self/environ'", "'https://127.0.0.1:9/x'"};
        const char *name = file_functions[i];
        const char *more = strcmp(name, "parquet_bloom_probe") == 0 ? ", 'a', 1"
                           : strcmp(name, "tensor_values") == 0     ? ", 'w'"
                           : strncmp(name, "tensor_diff", 11) == 0  ? ", '/etc/hosts'"
                                                                    : "";
        for (size_t j = 0; j < sizeof(paths) / sizeof(paths[0]); ++j) {
            char sql[512];
            bool none = strcmp(name, "duckdb_extensions") == 0;
            snprintf(sql, sizeof(sql), "SELECT * FROM %s(%s%s)", name,
                     none ? "" : with_folder(d, paths[j]), more);
            duck_fails(d, sql, "42501");
        }
        char sql[512];
        if (strncmp(name, "read_", 5) == 0 && !IN(own_functions, name, strlen(name))) {
            snprintf(sql, sizeof(sql), "SELECT * FROM %s(['%s/inside.csv', '/etc/passwd'])", name,
                     d->folder);
            duck_fails(d, sql, "42501");
        }
    }
    duck_equals(d, with_folder(d, "SELECT * FROM read_csv('%s/inside.csv')"), "1|2\n");
    duck_equals(d, with_folder(d, "SELECT * FROM '%s/ins*.csv'"), "1|2\n");
    duck_equals(d, with_folder(d, "SELECT * FROM read_csv(['%s/inside.csv', '%s/./inside.csv'])"),
                "1|2\n1|2\n");
}

static void file_names_as_tables_stay_inside(void **state) {
    duck *d = *state;
    static const char *const refused[] = {"/etc/x.csv",           "/etc/*.parquet",
                                          "%s/../x.json",         "https://127.0.0.1:9/x.csv",
                                          "s3://bucket/x.csv.gz", "%s/../../etc/y.arrow",
                                          "/etc/z.feather"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); ++i) {
        char sql[512];
        snprintf(sql, sizeof(sql), "SELECT * FROM '%s'", with_folder(d, refused[i]));
        duck_fails(d, sql, "42501");
        snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" AS x", with_folder(d, refused[i]));
        duck_fails(d, sql, "42501");
    }
}

static void a_server_keeps_its_places_to_itself(void **state) {
    duck *d = *state;
    const char *home = getenv("HOME");
    char *settings = duck_ask(d, "SELECT value FROM duckdb_settings()");
    assert_null(strstr(settings, "/.duckdb"));
    assert_true(home == NULL || strlen(home) < 3 || strstr(settings, home) == NULL);
    free(settings);
    duck_fails(d, "SELECT getenv('HOME')", "42883");
}

/* ---- Statements. ---- */

static void statements_that_are_no_queries_do_nothing(void **state) {
    duck *d = *state;
    duck_fill(d, 3, 3);
    static const char *const statements[] = {
        "ATTACH '%s/x.db'",
        "ATTACH ':memory:' AS m",
        "ATTACH OR REPLACE '%s/x.db' AS memory",
        "DETACH memory",
        "USE temp",
        "INSTALL json",
        "FORCE INSTALL httpfs FROM '%s'",
        "LOAD json",
        "LOAD '%s/x.duckdb_extension'",
        "UPDATE EXTENSIONS",
        "SET enable_external_access = true",
        "SET GLOBAL lock_configuration = false",
        "SET SESSION TimeZone = 'Asia/Tokyo'",
        "SET VARIABLE x = 1",
        "SET search_path = 'temp'",
        "RESET allowed_directories",
        "PRAGMA enable_profiling",
        "PRAGMA enable_verification",
        "PRAGMA profiling_output = '%s/profile.json'",
        "PRAGMA add_parquet_key('k', '0123456789112345')",
        "PRAGMA import_database('%s')",
        "PRAGMA copy_database('memory', 'temp')",
        "PRAGMA version",
        "IMPORT DATABASE '%s'",
        "EXPORT DATABASE '%s/dump'",
        "COPY (SELECT 1) TO '%s/y.csv'",
        "COPY t FROM '/etc/passwd'",
        "COPY FROM DATABASE memory TO temp",
        "CALL enable_logging()",
        "CALL pragma_version()",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
        "VACUUM",
        "ANALYZE",
        "CREATE TABLE x (a INTEGER)",
        "CREATE OR REPLACE TEMP TABLE x AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE OR REPLACE MACRO toStartOfHour(x) AS 0",
        "CREATE TYPE mood AS ENUM ('a')",
        "CREATE SEQUENCE s",
        "CREATE SCHEMA s",
        "CREATE SECRET (TYPE s3)",
        "CREATE PERSISTENT SECRET x (TYPE http)",
        "DROP MACRO toStartOfHour",
        "DROP SECRET x",
        "ALTER TABLE t ADD COLUMN x INTEGER",
        "COMMENT ON TABLE t IS 'x'",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "TRUNCATE t",
        "MERGE INTO t USING t x ON t.a = x.a WHEN MATCHED THEN DELETE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1; CREATE TABLE x (a INTEGER)",
        "CREATE TABLE x (a INTEGER); SELECT 1",
        "/* */ -- \n pragma version"};
    write_file(d, "schema.sql", "CREATE OR REPLACE MACRO toStartOfHour(x) AS 'replaced';\n");
    write_file(d, "load.sql", "SELECT 1;\n");
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i) {
        const char *sql = with_folder(d, statements[i]);
        if (duck_run(d, sql, NULL, NULL) == PYR_OK) {
            fail_msg("%s: was run", sql);
        }
        if (strcmp(d->error.sqlstate, "0A000") != 0 && strcmp(d->error.sqlstate, "42601") != 0) {
            fail_msg("%s: %s: %s", sql, d->error.sqlstate, d->error.message);
        }
    }
    duck_fails(d, "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "42601");
    duck_fails(d, "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "42P01");
    duck_equals(d, "SELECT toStartOfHour(TIMESTAMP '2024-01-01 10:20:30')",
                "2024-01-01 10:00:00\n");
    duck_equals(d,
                "SELECT current_setting('threads'), current_setting('enable_external_access'), "
                "current_setting('lock_configuration'), current_setting('TimeZone')",
                "2|false|true|UTC\n");
    duck_equals(d,
                "SELECT count(*) FROM duckdb_tables() WHERE NOT internal UNION ALL "
                "SELECT count(*) FROM duckdb_views() WHERE NOT internal UNION ALL "
                "SELECT count(*) FROM duckdb_sequences() UNION ALL "
                "SELECT count(*) FROM duckdb_secrets() UNION ALL "
                "SELECT count(*) FROM duckdb_databases() WHERE NOT internal",
                "1\n0\n0\n0\n2\n"); /* t, and the database that such a list is made in */
}

/* ---- Views and macros of others. ---- */

/* Whoever made it, and whatever he may do: it is run for who names it. */
static void a_view_reaches_no_further_than_who_reads_it(void **state) {
    duck *d = *state;
    duck_fill(d, 3, 3);
    duck_define(d, PYR_ENTRY_VIEW, "v", "AS SELECT a FROM t");
    duck_equals(d, "SELECT count(*) FROM v", "3\n");
    duck_define(d, PYR_ENTRY_VIEW, "reads", "AS SELECT * FROM read_csv('/etc/passwd')");
    duck_fails(d, "SELECT * FROM reads", "42501");
    duck_define(d, PYR_ENTRY_VIEW, "lists", "AS SELECT * FROM glob('/etc/*')");
    duck_fails(d, "SELECT * FROM lists", "42501");
    duck_define(d, PYR_ENTRY_TABLE_MACRO, "asks", "(q) AS TABLE SELECT * FROM query(q)");
    duck_fails(d, "SELECT * FROM asks('SELECT 1')", "42501");
    duck_define(d, PYR_ENTRY_VIEW, "through", "AS SELECT * FROM asks('SELECT 1')");
    duck_fails(d, "SELECT * FROM through", "42501");
    duck_define(d, PYR_ENTRY_VIEW, "two", "AS SELECT 1; CREATE SECRET (TYPE s3)");
    duck_fails(d, "SELECT * FROM two", "0A000");
    duck_equals(d, "SELECT count(*) FROM duckdb_secrets()", "0\n");
}

/* But whoever only sees its name is not kept from what he does. */
static void what_is_not_used_is_not_refused(void **state) {
    duck *d = *state;
    duck_define(d, PYR_ENTRY_VIEW, "plain", "AS SELECT -1 AS x");
    duck_define(d, PYR_ENTRY_VIEW, "lists", "AS SELECT * FROM glob('/etc/*')");
    duck_define(d, PYR_ENTRY_VIEW, "through", "AS SELECT * FROM lists");
    duck_define(d, PYR_ENTRY_MACRO, "abs", "(y) AS (SELECT count(*) FROM glob('/etc/*'))");
    duck_equals(d, "SELECT view_name FROM duckdb_views() WHERE NOT internal", "plain\n");
    duck_equals(d, "SELECT x AS abs, 'lists' FROM plain", "-1|lists\n");
    duck_fails(d, "SELECT abs(x) FROM plain", "42501");
    duck_fails(d, "SELECT x.abs() FROM plain", "42501");
    duck_fails(d, "SELECT * FROM plain, through", "42501");
    duck_fails(d, "SELECT * FROM query_table('lists')", "42501");
    duck_fails(d, "SELECT * FROM query_table('through')", "42501");
}

/* What is made for a statement is seen by it alone. */
static void nothing_of_a_view_is_left_behind(void **state) {
    duck *d = *state;
    duck_define(d, PYR_ENTRY_VIEW, "v", "AS SELECT 1 AS x");
    pyr_snapshot *with = pyr_snapshot_retain(d->snapshot);
    duck_equals(d, "SELECT x FROM v", "1\n");
    duck_define(d, PYR_ENTRY_VIEW, "v", "AS SELECT 2 AS x");
    duck_equals(d, "SELECT x FROM v", "2\n");
    duck_fails(d, "SELECT x / 0 + CAST('x' AS INTEGER) FROM v", "22018");
    duck_equals(d, "SELECT x FROM v", "2\n");
    duck_fails(d, "SELECT * FROM pyralog_1.main.w", "42P01");
    pyr_snapshot_release(d->snapshot);
    d->snapshot = with;
    duck_equals(d, "SELECT x FROM v", "1\n");
}

/* ---- What one statement leaves behind. ---- */

static void what_a_statement_leaves_behind_nobody_sees(void **state) {
    duck *d = *state;
    duck_fill(d, 30, 30);
    write_file(d, "bad.csv", "a\n1\nsecret\n3\n");
    duck_equals(d,
                with_folder(d, "SELECT * FROM read_csv('%s/bad.csv', columns = {'a': 'INTEGER'}, "
                               "store_rejects = true)"),
                "1\n3\n");
    duck_fails(d, "SELECT * FROM reject_errors", "42P01");
    duck_fails(d, "SELECT * FROM temp.main.reject_errors", "42P01");
    char *rows = duck_ask(d, "PIVOT (SELECT k, a FROM t) ON k USING sum(a)");
    free(rows);
    duck_equals(d, "SELECT count(*) FROM duckdb_types() WHERE labels IS NOT NULL", "0\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define RESTRICTED(name) cmocka_unit_test_setup_teardown(name, duck_setup_restricted, duck_teardown)
        RESTRICTED(every_table_function_of_the_library_is_known),
        RESTRICTED(every_function_that_opens_files_is_refused_beside_lent_ones),
        RESTRICTED(functions_that_reach_out_are_refused_by_name),
        RESTRICTED(a_log_of_statements_cannot_be_switched_on),
        RESTRICTED(files_outside_the_folders_are_not_opened),
        RESTRICTED(file_names_as_tables_stay_inside),
        RESTRICTED(a_server_keeps_its_places_to_itself),
        RESTRICTED(statements_that_are_no_queries_do_nothing),
        RESTRICTED(what_a_statement_leaves_behind_nobody_sees),
        RESTRICTED(a_view_reaches_no_further_than_who_reads_it),
        RESTRICTED(what_is_not_used_is_not_refused),
        RESTRICTED(nothing_of_a_view_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
