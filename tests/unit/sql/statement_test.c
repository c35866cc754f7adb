#include "unit/sql/support_sql.h"

#include <string.h>

static pyr_parsed *parse_ok(parsed_text *text, const char *sql, pyr_parsed_kind kind) {
    *text = parse_sql(sql);
    if (text->status != PYR_OK) {
        fail_msg("%s: %s at %d: %s", sql, text->error.sqlstate, (int)text->error.position,
                 text->error.message);
    }
    assert_int_equal(text->parsed->kind, kind);
    return text->parsed;
}

static void create_table_is_read_wholly(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed = parse_ok(
        &text,
        "CREATE TABLE IF NOT EXISTS main.\"My T\" (id BIGINT PRIMARY KEY, name STRING NOT NULL "
        "UNIQUE"
        " DEFAULT 'x,y' || 'z', price DECIMAL(10, 2) NULL CONSTRAINT positive CHECK (price > (0)), "
        "tags TEXT[], "
        "UNIQUE (name, price)) WITH (storage_mode = 'memory_only', format='arrow', n = -1, flag)",
        PYR_PARSED_CREATE_TABLE);
    assert_true(parsed->if_not_exists);
    assert_false(parsed->or_replace || parsed->temporary || parsed->external);
    assert_string_equal(parsed->table.schema_name, "main");
    assert_string_equal(parsed->table.name, "My T");
    assert_int_equal(parsed->table.offset, strlen("CREATE TABLE IF NOT EXISTS main."));
    assert_int_equal(parsed->columns_count, 4);
    const pyr_column_definition *columns = parsed->columns;
    assert_string_equal(columns[0].sql_type, "BIGINT");
    assert_true(columns[0].primary_key && columns[0].not_null && !columns[0].field->nullable);
    assert_true(columns[1].unique && columns[1].not_null);
    assert_span(columns[1].default_value, "'x,y' || 'z'");
    assert_string_equal(columns[2].sql_type, "DECIMAL(10,2)");
    assert_true(columns[2].field->nullable);
    assert_string_equal(columns[3].field->name, "tags");
    assert_string_equal(columns[3].sql_type, "VARCHAR[]");
    assert_int_equal(parsed->constraints_count, 4);
    assert_int_equal(parsed->constraints[0].kind, PYR_CONSTRAINT_PRIMARY_KEY);
    assert_int_equal(parsed->constraints[1].kind, PYR_CONSTRAINT_UNIQUE);
    assert_null(parsed->constraints[1].name);
    assert_int_equal(parsed->constraints[2].kind, PYR_CONSTRAINT_CHECK);
    assert_string_equal(parsed->constraints[2].name, "positive");
    assert_span(parsed->constraints[2].check, "price > (0)");
    assert_int_equal(parsed->constraints[3].kind, PYR_CONSTRAINT_UNIQUE);
    assert_int_equal(parsed->constraints[3].columns_count, 2);
    assert_int_equal(parsed->constraints[3].columns[1], 2);
    assert_int_equal(parsed->options_count, 4);
    assert_string_equal(parsed->options[0].name, "storage_mode");
    assert_string_equal(parsed->options[0].value, "memory_only");
    assert_string_equal(parsed->options[2].value, "-1");
    assert_string_equal(parsed->options[3].name, "flag");
    assert_null(parsed->options[3].value);
    parsed_free(&text);

    parsed = parse_ok(&text, "create or replace temp table t (a int, b int, primary key (b, a),)",
                      PYR_PARSED_CREATE_TABLE);
    assert_true(parsed->or_replace && parsed->temporary);
    assert_true(parsed->columns[0].primary_key && !parsed->columns[0].field->nullable);
    assert_int_equal(parsed->constraints[0].columns[0], 1);
    parsed_free(&text);
}

static void create_table_as_keeps_the_query(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed = parse_ok(&text, "CREATE TABLE t WITH (sync = none) AS SELECT 1 -- x\n;",
                                  PYR_PARSED_CREATE_TABLE);
    assert_span(parsed->query, "SELECT 1");
    assert_int_equal(parsed->query.offset, strlen("CREATE TABLE t WITH (sync = none) AS "));
    assert_string_equal(parsed->options[0].value, "none");
    parsed_free(&text);
    parsed = parse_ok(&text, "CREATE TABLE t (a, b) AS FROM x", PYR_PARSED_CREATE_TABLE);
    assert_int_equal(parsed->names_count, 2);
    assert_span(parsed->query, "FROM x");
    parsed_free(&text);
}

static void create_external_table_is_read_wholly(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed = parse_ok(&text,
                                  "CREATE EXTERNAL TABLE sales (date DATE, product STRING, revenue "
                                  "DOUBLE) STORED AS parquet\n"
                                  " LOCATION 's3://datalake/sales/**/*.parquet' PARTITIONED BY "
                                  "(year INT, month) WITH (a = 1)",
                                  PYR_PARSED_CREATE_EXTERNAL_TABLE);
    assert_true(parsed->external);
    assert_int_equal(parsed->columns_count, 3);
    assert_string_equal(parsed->stored_as, "PARQUET");
    assert_string_equal(parsed->path, "s3://datalake/sales/**/*.parquet");
    assert_int_equal(parsed->partitions_count, 2);
    assert_string_equal(parsed->partitions[0].sql_type, "INTEGER");
    assert_string_equal(parsed->partitions[1].name, "month");
    assert_null(parsed->partitions[1].field);
    assert_int_equal(parsed->options_count, 1);
    parsed_free(&text);
}

static void insert_gives_its_source_as_written(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed =
        parse_ok(&text, "INSERT INTO t (a, \"B\") VALUES (1, ')'), (2, 'x');", PYR_PARSED_INSERT);
    assert_int_equal(parsed->names_count, 2);
    assert_string_equal(parsed->names[1], "B");
    assert_span(parsed->query, "VALUES (1, ')'), (2, 'x')");
    parsed_free(&text);
    parsed = parse_ok(&text, "INSERT INTO s.t (SELECT 1) ON CONFLICT DO NOTHING RETURNING *",
                      PYR_PARSED_INSERT);
    assert_span(parsed->query, "(SELECT 1)");
    assert_int_equal(parsed->names_count, 0);
    assert_int_equal(parsed->conflict.action, PYR_CONFLICT_NOTHING);
    assert_span(parsed->returning, "*");
    parsed_free(&text);
    parsed = parse_ok(&text, "INSERT OR REPLACE INTO t (values, x) FROM u JOIN v ON (a = b)",
                      PYR_PARSED_INSERT);
    assert_int_equal(parsed->conflict.action, PYR_CONFLICT_REPLACE);
    assert_span(parsed->query, "FROM u JOIN v ON (a = b)");
    assert_int_equal(parsed->names_count, 2);
    parsed_free(&text);
    parsed = parse_ok(&text, "INSERT INTO t DEFAULT VALUES", PYR_PARSED_INSERT);
    assert_true(parsed->default_values);
    assert_null(parsed->query.text);
    parsed_free(&text);
    parsed = parse_ok(&text, "INSERT INTO t VALUES ($2, $1)", PYR_PARSED_INSERT);
    assert_int_equal(parsed->parameters_count, 2);
    parsed_free(&text);
}

static void copy_is_read_wholly(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed =
        parse_ok(&text, "COPY t (a, b) FROM 'x''y.csv' (FORMAT csv, HEADER, DELIMITER ';', SKIP 2)",
                 PYR_PARSED_COPY_FROM);
    assert_string_equal(parsed->path, "x'y.csv");
    assert_int_equal(parsed->names_count, 2);
    assert_int_equal(parsed->options_count, 4);
    assert_string_equal(parsed->options[0].value, "csv");
    assert_null(parsed->options[1].value);
    assert_string_equal(parsed->options[2].name, "delimiter");
    assert_string_equal(parsed->options[2].value, ";");
    parsed_free(&text);
    parsed =
        parse_ok(&text, "COPY (SELECT (1), ')') TO 'f' WITH (FORMAT parquet, PARTITION_BY (a, b))",
                 PYR_PARSED_COPY_TO);
    assert_span(parsed->query, "SELECT (1), ')'");
    assert_string_equal(parsed->options[1].value, "(a, b)");
    parsed_free(&text);
    parsed = parse_ok(&text, "COPY t TO 'f' CSV HEADER DELIMITER AS '|'", PYR_PARSED_COPY_TO);
    assert_null(parsed->query.text);
    assert_string_equal(parsed->options[0].name, "format");
    assert_string_equal(parsed->options[0].value, "csv");
    assert_string_equal(parsed->options[2].value, "|");
    parsed_free(&text);
}

static void explain_and_prepare_hold_their_statement(void **state) {
    (void)state;
    parsed_text text;
    pyr_parsed *parsed =
        parse_ok(&text, "EXPLAIN (FORMAT JSON, ANALYZE) SELECT ? ", PYR_PARSED_EXPLAIN);
    assert_true(parsed->json && parsed->analyze);
    assert_int_equal(parsed->inner->kind, PYR_PARSED_QUERY);
    assert_span(parsed->inner->text, "SELECT ?");
    assert_int_equal(parsed->inner->text.offset, strlen("EXPLAIN (FORMAT JSON, ANALYZE) "));
    assert_int_equal(parsed->inner->parameters_count, 1);
    parsed_free(&text);
    parsed = parse_ok(&text, "EXPLAIN ANALYZE CREATE TABLE t (a INT)", PYR_PARSED_EXPLAIN);
    assert_true(parsed->analyze && !parsed->json);
    assert_int_equal(parsed->inner->columns_count, 1);
    parsed_free(&text);
    parsed = parse_ok(&text, "EXPLAIN (SELECT 1)", PYR_PARSED_EXPLAIN);
    assert_span(parsed->inner->text, "(SELECT 1)");
    parsed_free(&text);
    parsed = parse_ok(&text, "PREPARE p (INT) AS INSERT INTO t VALUES ($1)", PYR_PARSED_PREPARE);
    assert_string_equal(parsed->name, "p");
    assert_int_equal(parsed->inner->kind, PYR_PARSED_INSERT);
    parsed_free(&text);
    parsed = parse_ok(&text, "EXECUTE p(1, f(2, 3), 'a,b')", PYR_PARSED_EXECUTE);
    assert_int_equal(parsed->arguments_count, 3);
    assert_span(parsed->arguments[1], "f(2, 3)");
    assert_span(parsed->arguments[2], "'a,b'");
    parsed_free(&text);
    parsed = parse_ok(&text, "EXECUTE p", PYR_PARSED_EXECUTE);
    assert_int_equal(parsed->arguments_count, 0);
    parsed_free(&text);
    parsed = parse_ok(&text, "DEALLOCATE PREPARE p", PYR_PARSED_DEALLOCATE);
    assert_string_equal(parsed->name, "p");
    parsed_free(&text);
}

static void settings_are_read(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        pyr_parsed_kind kind;
        const char *name;
        const char *value;
    } settings[] = {{"SET Threads = 4", PYR_PARSED_SET, "threads", "4"},
                    {"SET engine TO 'native'", PYR_PARSED_SET, "engine", "native"},
                    {"SET SESSION memory_limit='1GB'", PYR_PARSED_SET, "memory_limit", "1GB"},
                    {"SET x = -1", PYR_PARSED_SET, "x", "-1"},
                    {"SET x =-1.5", PYR_PARSED_SET, "x", "-1.5"},
                    {"SET x = off", PYR_PARSED_SET, "x", "off"},
                    {"SET x = a, b", PYR_PARSED_SET, "x", "a, b"},
                    {"SET x = ['a']", PYR_PARSED_SET, "x", "['a']"},
                    {"SET TIME ZONE 'UTC'", PYR_PARSED_SET, "timezone", "UTC"},
                    {"SET x TO DEFAULT", PYR_PARSED_SET, "x", NULL},
                    {"RESET GLOBAL x", PYR_PARSED_RESET, "x", NULL},
                    {"RESET ALL", PYR_PARSED_RESET, "all", NULL},
                    {"SHOW engine", PYR_PARSED_SHOW_SETTING, "engine", NULL},
                    {"SHOW ALL", PYR_PARSED_SHOW_SETTING, "all", NULL}};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); ++i) {
        parsed_text text;
        pyr_parsed *parsed = parse_ok(&text, settings[i].sql, settings[i].kind);
        assert_string_equal(parsed->name, settings[i].name);
        if (settings[i].value != NULL) {
            assert_string_equal(parsed->value, settings[i].value);
        } else {
            assert_null(parsed->value);
        }
        parsed_free(&text);
    }
}

static void short_statements_are_known(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        pyr_parsed_kind kind;
        const char *table; /* or the keyword */
    } statements[] = {{"DROP TABLE IF EXISTS s.t CASCADE", PYR_PARSED_DROP_TABLE, "t"},
                      {"DROP EXTERNAL TABLE t", PYR_PARSED_DROP_TABLE, "t"},
                      {"SHOW TABLES", PYR_PARSED_SHOW_TABLES, NULL},
                      {"SHOW CREATE TABLE t", PYR_PARSED_SHOW_CREATE_TABLE, "t"},
                      {"DESCRIBE t", PYR_PARSED_DESCRIBE, "t"},
                      {"DESC s.t", PYR_PARSED_DESCRIBE, "t"},
                      {"TABLE t", PYR_PARSED_QUERY, "t"},
                      {"BEGIN", PYR_PARSED_BEGIN, NULL},
                      {"BEGIN TRANSACTION READ ONLY", PYR_PARSED_BEGIN, NULL},
                      {"START TRANSACTION", PYR_PARSED_BEGIN, NULL},
                      {"COMMIT WORK", PYR_PARSED_COMMIT, NULL},
                      {"END", PYR_PARSED_COMMIT, NULL},
                      {"ROLLBACK", PYR_PARSED_ROLLBACK, NULL},
                      {"ABORT", PYR_PARSED_ROLLBACK, NULL},
                      {"CHECKPOINT", PYR_PARSED_CHECKPOINT, NULL},
                      {"VACUUM ANALYZE t", PYR_PARSED_VACUUM, "t"},
                      {"attach 'x'", PYR_PARSED_UNKNOWN, "ATTACH"},
                      {"CREATE OR REPLACE VIEW v AS SELECT 1", PYR_PARSED_CREATE_OBJECT, NULL},
                      {"CREATE INDEX i ON t (a)", PYR_PARSED_CREATE_OBJECT, NULL},
                      {"CREATE UNIQUE INDEX i ON t (a)", PYR_PARSED_CREATE_OBJECT, "i"},
                      {"ALTER TABLE t ADD a INT", PYR_PARSED_ALTER_TABLE, "t"},
                      {"DROP view v", PYR_PARSED_DROP_OBJECT, NULL},
                      {"DROP INDEX i", PYR_PARSED_DROP_OBJECT, NULL},
                      {"PRAGMA version", PYR_PARSED_UNKNOWN, "PRAGMA"}};
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i) {
        parsed_text text;
        pyr_parsed *parsed = parse_ok(&text, statements[i].sql, statements[i].kind);
        if (parsed->kind == PYR_PARSED_UNKNOWN) {
            assert_string_equal(parsed->keyword, statements[i].table);
        } else if (statements[i].table != NULL) {
            assert_string_equal(parsed->table.name, statements[i].table);
        }
        parsed_free(&text);
    }
    parsed_text text;
    pyr_parsed *parsed = parse_ok(&text, "BEGIN READ ONLY AS OF VERSION 17", PYR_PARSED_BEGIN);
    assert_true(parsed->read_only);
    assert_string_equal(parsed->options[0].name, "as_of_version");
    assert_string_equal(parsed->options[0].value, "17");
    parsed_free(&text);
    parsed = parse_ok(&text, "DESCRIBE SELECT 1 + 1", PYR_PARSED_DESCRIBE);
    assert_span(parsed->query, "SELECT 1 + 1");
    parsed_free(&text);
    parsed = parse_ok(&text, "DESCRIBE 'a.arrow'", PYR_PARSED_DESCRIBE);
    assert_span(parsed->query, "FROM 'a.arrow'");
    parsed_free(&text);
}

static void wrong_statements_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *sqlstate;
        int32_t position;
        const char *message; /* contained */
    } wrong[] = {
        {"SELEC 1", "42601", 0, "syntax error at or near \"SELEC\""},
        {"", "42601", 0, "end of input"},
        {"SELECT 'a", "42601", 7, "unterminated quoted string"},
        {"SELECT /* x", "42601", 7, "unterminated /* comment"},
        {"SELECT \\", "42601", 7, "syntax error"},
        {"SELECT 1; SELECT 2", "42601", 10, "another"},
        {"SELECT ?, $1", "42601", 10, "one statement"},
        {"SELECT $0", "42P02", 7, "$0"},
        {"SELECT $99999999999", "42P02", 7, "parameter"},
        {"CREATE TABLE t (a INT, A TEXT)", "42701", 23, "twice"},
        {"CREATE TABLE t (a STRUCT(b FOO))", "42704", 27, "\"FOO\""},
        {"CREATE TABLE t (a INT", "42601", 21, "end of input"},
        {"CREATE TABLE t ()", "42601", 16, "\")\""},
        {"CREATE TABLE t", "42601", 14, "end of input"},
        {"CREATE TABLE t (a INT PRIMARY KEY, b INT PRIMARY KEY)", "42P16", 41, "PRIMARY KEY"},
        {"CREATE TABLE t (a INT, PRIMARY KEY (b))", "42703", 35, "\"b\""},
        {"CREATE TABLE t (a INT REFERENCES u(a))", "0A000", 22, "foreign key"},
        {"CREATE TABLE a.b.c (a INT)", "0A000", 16, "three parts"},
        {"CREATE TABLE t (a INT) WITH (", "42601", 29, "option"},
        {"CREATE EXTERNAL TABLE t STORED AS ARROW", "42601", 39, "LOCATION"},
        {"INSERT t VALUES (1)", "42601", 7, "INTO"},
        {"INSERT INTO t 1", "42601", 14, "VALUES or a query"},
        {"INSERT INTO t VALUES (1))", "42601", 24, "\")\""},
        {"INSERT INTO t VALUES (1", "42601", 23, "end of input"},
        {"COPY t FROM x", "42601", 12, "string"},
        {"COPY t FROM 'x' (HEADER, header false)", "42601", 25, "\"header\" is given twice"},
        {"COPY t FROM 'x' CSV HEADER HEADER", "42601", 27, "twice"},
        {"CREATE TABLE t (a INT) WITH (sync = none, sync = none)", "42601", 42, "twice"},
        {"SET x", "42601", 5, "= or TO"},
        {"SET x =", "42601", 7, "value"},
        {"BEGIN x", "42601", 6, "READ ONLY"},
        {"EXPLAIN (FORMAT yaml) SELECT 1", "42601", 9, "FORMAT yaml"},
        {"EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN SELECT 1", "54001", 40, "nested"},
        {"DROP TABLE t u", "42601", 13, "\"u\""}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        parsed_text text = parse_sql(wrong[i].sql);
        assert_int_not_equal(text.status, PYR_OK);
        assert_null(text.parsed);
        if (strcmp(text.error.sqlstate, wrong[i].sqlstate) != 0 ||
            text.error.position != wrong[i].position ||
            strstr(text.error.message, wrong[i].message) == NULL) {
            fail_msg("%s: %s at %d: %s", wrong[i].sql, text.error.sqlstate,
                     (int)text.error.position, text.error.message);
        }
        parsed_free(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_table_is_read_wholly),
        cmocka_unit_test(create_table_as_keeps_the_query),
        cmocka_unit_test(create_external_table_is_read_wholly),
        cmocka_unit_test(insert_gives_its_source_as_written),
        cmocka_unit_test(copy_is_read_wholly),
        cmocka_unit_test(explain_and_prepare_hold_their_statement),
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(short_statements_are_known),
        cmocka_unit_test(wrong_statements_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
