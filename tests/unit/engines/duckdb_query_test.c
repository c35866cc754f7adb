/* Statements: types, parameters, errors, epochs, EXPLAIN, cancellation. */
#include "support_duckdb.h"

#include "arrow/builder.h"
#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Types. ---- */

static void assert_type(duck *d, const char *expression, const char *arrow_type,
                        const char *extension) {
    char sql[512];
    snprintf(sql, sizeof(sql), "SELECT %s AS x UNION ALL SELECT NULL", expression);
    pyr_schema *schema = NULL;
    if (duck_run(d, sql, NULL, &schema) != PYR_OK) {
        fail_msg("%s: %s", sql, d->error.message);
    }
    pyr_text text;
    pyr_text_init(&text);
    pyr_field_type_print(schema->fields[0], &text);
    const char *name =
        schema->fields[0]->metadata != NULL
            ? pyr_metadata_find(schema->fields[0]->metadata, "ARROW:extension:name", NULL)
            : NULL;
    if (strcmp(pyr_text_get(&text), arrow_type) != 0 ||
        strcmp(name != NULL ? name : "", extension) != 0) {
        fail_msg("%s: %s (%s), wanted %s (%s)", expression, pyr_text_get(&text),
                 name != NULL ? name : "", arrow_type, extension);
    }
    assert_string_equal(schema->fields[0]->name, "x");
    pyr_text_deinit(&text);
    pyr_schema_release(schema);
}

static void types_are_plain_where_nothing_is_lost(void **state) {
    duck *d = *state;
    static const char *const types[][3] = {
        {"true", "bool", ""},
        {"1::TINYINT", "int8", ""},
        {"1::SMALLINT", "int16", ""},
        {"1::INTEGER", "int32", ""},
        {"1::BIGINT", "int64", ""},
        {"1::HUGEINT", "decimal128(38, 0)", ""},
        {"1::UHUGEINT", "fixed_size_binary[16]", "arrow.opaque"},
        {"1::UTINYINT", "uint8", ""},
        {"1::USMALLINT", "uint16", ""},
        {"1::UINTEGER", "uint32", ""},
        {"1::UBIGINT", "uint64", ""},
        {"1::BIGNUM", "binary", "arrow.opaque"},
        {"1::FLOAT", "float32", ""},
        {"1::DOUBLE", "float64", ""},
        {"1.5::DECIMAL(4,1)", "decimal128(4, 1)", ""},
        {"1.5::DECIMAL(38,10)", "decimal128(38, 10)", ""},
        {"'a'::VARCHAR", "utf8", ""},
        {"'a'::BLOB", "binary", ""},
        {"'101'::BIT", "binary", "arrow.opaque"},
        {"DATE '2024-02-29'", "date32", ""},
        {"TIME '12:00:00'", "time64[us]", ""},
        {"TIMETZ '12:00:00+01'", "fixed_size_binary[8]", "arrow.opaque"},
        {"TIMESTAMP '2024-02-29 12:00:00'", "timestamp[us]", ""},
        {"TIMESTAMP_S '2024-02-29 12:00:00'", "timestamp[s]", ""},
        {"TIMESTAMP_MS '2024-02-29 12:00:00'", "timestamp[ms]", ""},
        {"TIMESTAMP_NS '2024-02-29 12:00:00'", "timestamp[ns]", ""},
        {"TIMESTAMPTZ '2024-02-29 12:00:00+00'", "timestamp[us, UTC]", ""},
        {"INTERVAL 1 DAY", "interval_month_day_nano", ""},
        {"uuid()", "fixed_size_binary[16]", "arrow.uuid"},
        {"'a'::ENUM('a', 'b')", "dictionary<uint8, utf8>", ""},
        {"[1, 2]", "list<l: int32>", ""},
        {"[1, 2]::INTEGER[2]", "fixed_size_list<: int32>[2]", ""},
        {"{'a': 1, 'b': 'x'}", "struct<a: int32, b: utf8>", ""},
        {"MAP {'a': 1}", "map<entries: struct<key: utf8 not null, value: int32> not null>", ""},
        {"union_value(a := 1)", "sparse_union<a: int32 = 0>", ""},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        assert_type(d, types[i][0], types[i][1], types[i][2]);
    }
}

static void values_keep_their_meaning(void **state) {
    duck *d = *state;
    duck_equals(d,
                "SELECT true, 1::TINYINT, -2::SMALLINT, 3, 4::BIGINT, 255::UTINYINT, 1.5::FLOAT, "
                "0.1::DOUBLE, 12.30::DECIMAL(5,2), 'a\"b', DATE '2024-02-29', TIME '12:34:56.7', "
                "TIMESTAMP '2024-02-29 12:34:56', NULL::INTEGER",
                "true|1|-2|3|4|255|1.5|0.1|12.30|a\"b|2024-02-29|12:34:56.7|2024-02-29 "
                "12:34:56|NULL\n");
    duck_equals(d, "SELECT 170141183460469231731687303715884105727::HUGEINT",
                "170141183460469231731687303715884105727\n");
    duck_equals(d, "SELECT [1, NULL, 3], {'a': [true]}, MAP {'k': 1.5}",
                "[1, NULL, 3]|{'a': [true]}|{k=1.5}\n");
    duck_equals(d, "SELECT * FROM (VALUES (1, 'x'), (2, NULL)) v(a, b)", "1|x\n2|NULL\n");
}

static void long_results_keep_every_row(void **state) {
    duck *d = *state;
    char *rows = duck_ask(d, "SELECT range, 'row ' || range, range % 3 = 0 FROM range(300000)");
    char *at = rows;
    for (long i = 0; i < 300000; ++i) {
        char expected[64];
        int length = snprintf(expected, sizeof(expected), "%ld|row %ld|%s\n", i, i,
                              i % 3 == 0 ? "true" : "false");
        assert_memory_equal(at, expected, length);
        at += length;
    }
    assert_int_equal(*at, '\0');
    free(rows);
}

static void lossless_columns_stand_among_others(void **state) {
    duck *d = *state;
    duck_equals(d,
                "SELECT count(*) FROM (SELECT range AS a, uuid() AS u, range % 2 = 0 AS f FROM "
                "range(5000)) WHERE u IS NOT NULL",
                "5000\n");
    pyr_text text;
    pyr_text_init(&text);
    pyr_schema *schema = NULL;
    assert_int_equal(duck_run(d,
                              "SELECT true AS f, "
                              "'00112233-4455-6677-8899-aabbccddeeff'::UUID AS u, 7 AS n",
                              &text, &schema),
                     PYR_OK);
    assert_int_equal(schema->fields[0]->type, PYR_TYPE_BOOL);
    assert_int_equal(schema->fields[1]->type, PYR_TYPE_FIXED_SIZE_BINARY);
    assert_int_equal(schema->fields[2]->type, PYR_TYPE_INT32);
    assert_int_equal(strncmp(pyr_text_get(&text), "true|", 5), 0);
    assert_non_null(strstr(pyr_text_get(&text), "|7\n"));
    pyr_text_deinit(&text);
    pyr_schema_release(schema);
}

static void statements_of_every_query_kind_run(void **state) {
    duck *d = *state;
    duck_fill(d, 6, 6);
    duck_equals(d, "VALUES (1), (2)", "1\n2\n");
    duck_equals(d, "FROM t SELECT sum(a)", "15\n");
    duck_equals(d,
                "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) "
                "SELECT sum(n) FROM r",
                "15\n");
    duck_equals(d, "PIVOT (SELECT a % 2 AS p, a FROM t) ON p USING sum(a)", "6|9\n");
    duck_equals(d, "SELECT column_name, min FROM (SUMMARIZE t) WHERE column_name = 'b'", "b|-5\n");
    duck_equals(d, "SELECT 1 -- a comment", "1\n");
    duck_equals(d, "SELECT 1;", "1\n");
}

/* ---- What is refused. ---- */

static void statements_that_are_no_queries_are_refused(void **state) {
    duck *d = *state;
    static const char *const statements[] = {"CREATE TABLE x (a INTEGER)",
                                             "CREATE TEMP TABLE x AS SELECT 1",
                                             "ATTACH ':memory:' AS m",
                                             "SET threads = 1",
                                             "PRAGMA enable_profiling",
                                             "INSTALL httpfs",
                                             "LOAD httpfs",
                                             "COPY (SELECT 1) TO '/tmp/x.csv'",
                                             "CHECKPOINT",
                                             "CALL range(3)",
                                             "SET VARIABLE x = 1",
                                             "USE memory",
                                             "SELECT 1; SELECT 2",
                                             "CREATE MACRO m(x) AS x"};
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i) {
        duck_fails(d, statements[i], "0A000");
    }
    duck_fails(d, "", "42601");
}

typedef struct failing {
    const char *sql;
    const char *sqlstate;
    int position;
    const char *part; /* of the message */
} failing;

static void errors_name_their_kind_and_place(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    static const failing cases[] = {
        {"SELEC 1", "42601", 0, "syntax error"},
        {"SELECT 1 +", "42601", 10, "syntax error"},
        {"SELECT * FROM nope", "42P01", 14, "nope"},
        {"SELECT nope FROM t", "42703", 7, "nope"},
        {"SELECT a, t.nope FROM t", "42703", 10, "nope"},
        {"SELECT nope(1)", "42883", 7, "nope"},
        {"SELECT sum(s) FROM t", "42883", 7, "sum(VARCHAR)"},
        {"SELECT a, count(*) FROM t", "42803", 7, "GROUP BY"},
        {"SELECT CAST('x' AS INTEGER)", "22018", -2, "x"},
        {"SELECT 300::TINYINT", "22003", -2, "300"},
        {"SELECT 9223372036854775807::BIGINT + 1", "22003", -2, "Overflow"},
        {"SELECT error('my words')", "22023", -2, "my words"},
        {"SELECT (SELECT a FROM t)", "21000", -2, "More than one row"},
        {"SELECT x FROM t x, t y WHERE a = 1", "42702", -2, "mbiguous"},
        {"SELECT * FROM read_csv('/nowhere/at.all')", "58P01", -2, "/nowhere/at.all"},
        {"SELECT * FROM '/nowhere/at.arrow'", "58030", -2, "/nowhere/at.arrow"},
        {"SELECT $1 + 1", "42P02", -2, "parameter"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        duck_fails(d, cases[i].sql, cases[i].sqlstate);
        if (strstr(d->error.message, cases[i].part) == NULL ||
            strstr(d->error.message, "LINE 1") != NULL ||
            strstr(d->error.message, "exception") != NULL) {
            fail_msg("%s: %s", cases[i].sql, d->error.message);
        }
        if (cases[i].position != -2 && d->error.position != cases[i].position) {
            fail_msg("%s: at %d, wanted %d", cases[i].sql, d->error.position, cases[i].position);
        }
    }
}

/* Places count bytes of the user's text: over lines, behind UTF-8, and where a conversion was put
 * into the text. A ` marks the place; without one DuckDB does not say. */
static void places_are_bytes_of_the_users_text(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    static const failing cases[] = {
        {"SELECT '\xC3\xA9\xE6\xBC\xA2', `nope FROM t", "42703", 0, "nope"},
        {"SELECT '\xC3\xA9\xE6\xBC\xA2'\n  FROM t\n WHERE `nope = 1", "42703", 0, "nope"},
        {"-- \xC3\xA9\n/* \xC3\xA9 */ SELECT *\nFROM `nope", "42P01", 0, "nope"},
        {"SELECT '\xC3\xA9' FROM `s.t", "42P01", 0, "s.t"},
        {"SELECT\n\t`nofunc('\xC3\xA9')\nFROM t", "42883", 0, "nofunc"},
        {"SELECT '\xC3\xA9' +\n `FROM t", "42601", 0, "FROM"},
        {"SELECT `a\n  FROM t\n GROUP BY s", "42803", 0, "\"a\""},
        {"SELECT (1`", "42601", 0, "end of input"},
        {"SELECT 1`)", "42601", 0, "\")\""},
        {"SELECT `\"\xC3\xA9", "42601", 0, "unterminated"},
        {"SELECT 1 `/* \xC3\xA9", "42601", 0, "unterminated"},
        {"SELECT `x.a FROM t", "42P01", 0, "\"x\""},
        {"SELECT `a FROM t JOIN t u ON true", "42702", 0, "mbiguous"},
        {"SELECT a FROM t JOIN t u USING (zz)", "42703", 0, "zz"},
        {"SELECT {'a': 1}.b", "42703", 0, "\"b\""},
        {"SELECT sum(`sum(a)) FROM t", "42803", 0, "nested"},
        {"SELECT a FROM t WHERE `sum(a) > 1", "42803", 0, "aggregates"},
        {"SELECT * FROM t UNION SELECT 1", "42601", 0, "same number"},
        {"SELECT * FROM t ORDER BY `99", "42P10", 0, "between 1 and 7"},
        {"SELECT `(SELECT a, b FROM t)", "42601", 0, "2 columns"},
        {"SELECT\n'x'::`NOTYPE", "42704", 0, "NOTYPE"},
        {"SELECT '\xC3\xA9'`::INTEGER", "22018", 0, "\xC3\xA9"},
        {"SELECT 'abc'`::DATE", "22007", 0, "abc"},
        {"SELECT date '2024-13-01'", "22008", 0, "2024-13-01"},
        {"SELECT strptime('x', '%Y')", "22007", 0, "%Y"},
        {"SELECT 10000`::DECIMAL(4,1)", "22003", 0, "10000"},
        {"SELECT `CAST(1e20 AS BIGINT)", "22003", 0, "1e+20"},
        {"SELECT `1 = DATE '2024-01-01'", "42846", 0, "INTEGER -> DATE"},
        {"SELECT 'a' LIKE 'a' ESCAPE 'xx'", "22025", 0, "scape"},
        {"SELECT * FROM `range('x')", "42883", 0, "range(VARCHAR)"},
        {"SELECT unnest([1]) FROM t WHERE `unnest([1]) = 1", "42000", 0, "UNNEST"},
        {"SELECT a > now(), '\xC3\xA9', b < now(), `nope FROM t", "42703", 0, "nope"},
        {"FROM t SELECT date_trunc('hour', a),\n date_trunc('day', `nope)", "42703", 0, "nope"},
        {"VALUES ('a'), (1)", "42804", 0, "cast"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char sql[256];
        const char *mark = strchr(cases[i].sql, '`');
        size_t before = mark != NULL ? (size_t)(mark - cases[i].sql) : strlen(cases[i].sql);
        snprintf(sql, sizeof(sql), "%.*s%s", (int)before, cases[i].sql,
                 mark != NULL ? mark + 1 : "");
        duck_fails(d, sql, cases[i].sqlstate);
        int wanted = mark != NULL ? (int)before : -1;
        if (strstr(d->error.message, cases[i].part) == NULL || d->error.position != wanted) {
            fail_msg("%s: at %d, wanted %d: %s", sql, d->error.position, wanted, d->error.message);
        }
        assert_null(strstr(d->error.message, "Did you mean \"pg_"));
    }
}

static void a_failure_late_in_the_stream_is_reported(void **state) {
    duck *d = *state;
    duck_fails(d,
               "SELECT CASE WHEN range = 250000 THEN error('late') ELSE 'x' END FROM range(300000)",
               "22023");
    assert_non_null(strstr(d->error.message, "late"));
    assert_null(strstr(d->error.message, "pending"));
}

static void memory_beyond_the_limit_is_53200(void **state) {
    duck *d = *state;
    d->memory_limit_bytes = 30000000;
    duck_fails(d, "SELECT count(*) FROM (SELECT DISTINCT range || 'some text' FROM range(5000000))",
               "53200");
    assert_int_equal(d->error.code, PYR_ERROR_MEMORY);
    duck_equals(d, "SELECT count(*) FROM range(1000)", "1000\n");
    duck_fails(d, "SELECT count(*) FROM (SELECT DISTINCT range || 'some text' FROM range(5000000))",
               "53200");
    duck_equals(d, "SELECT 42", "42\n");
}

static void threads_and_memory_are_the_sessions(void **state) {
    duck *d = *state;
    d->threads = 3;
    d->memory_limit_bytes = 123000000;
    duck_equals(d, "SELECT current_setting('threads'), current_setting('memory_limit')",
                "3|117.3 MiB\n");
    d->threads = 1;
    d->memory_limit_bytes = 0;
    duck_equals(d, "SELECT current_setting('threads')", "1\n");
}

static void spilling_goes_to_the_temporary_folder(void **state) {
    duck *d = *state;
    d->memory_limit_bytes = 60000000;
    d->temp_folder = d->folder;
    duck_equals(d,
                "SELECT count(*) FROM (SELECT range || 'some text' AS x FROM range(1500000) "
                "ORDER BY hash(range))",
                "1500000\n");
}

/* ---- Parameters. ---- */

static pyr_array *one_text(const char *value) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    assert_int_equal(pyr_field_create("p", PYR_TYPE_UTF8, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    assert_int_equal(value != NULL ? pyr_builder_string(builder, value, NULL)
                                   : pyr_builder_null(builder, NULL),
                     PYR_OK);
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static void parameters_take_part_by_their_type(void **state) {
    static const char *const names[] = {"1", "2", "3"};
    static const int64_t seven[] = {7};
    duck *d = *state;
    duck_fill(d, 100, 100);
    pyr_array *columns[] = {duck_int64s(seven, 1), one_text("s8"), one_text(NULL)};
    d->params = duck_batch(names, columns, 3);
    duck_equals(d, "SELECT a FROM t WHERE a = $1 OR s = $2 ORDER BY a", "7\n8\n");
    duck_equals(d, "SELECT ?, ?, ?", "7|s8|NULL\n");
    duck_equals(d, "SELECT coalesce($3, 'none'), $1 + 1", "none|8\n");
    duck_equals(d, "SELECT a FROM t ORDER BY a LIMIT $1 OFFSET 98", "98\n99\n");
    pyr_batch_release(d->params);
    /* Text is cast by the statement's need. */
    pyr_array *texts[] = {one_text("97"), one_text("2022-01-10")};
    d->params = duck_batch(names, texts, 2);
    duck_equals(d, "SELECT a FROM t WHERE a > $1", "98\n99\n");
    duck_equals(d, "SELECT count(*) FROM t WHERE d < $2 AND a < $1", "2\n");
    duck_fails(d, "SELECT $3", "42P02");
    pyr_batch_release(d->params);
    d->params = NULL;
}

static void parameters_of_every_kind_come_back_as_they_were(void **state) {
    static const char *const expressions[] = {"true",
                                              "-3::TINYINT",
                                              "3::UINTEGER",
                                              "1.25::DOUBLE",
                                              "12345.678::DECIMAL(9,3)",
                                              "123456789012345678901234567890.5::DECIMAL(38,1)",
                                              "'\\x00\\xFF'::BLOB",
                                              "DATE '1969-12-31'",
                                              "TIME '23:59:59.999999'",
                                              "TIMESTAMP '1969-12-31 23:59:59.5'",
                                              "TIMESTAMP_S '2024-01-01 00:00:00'",
                                              "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'",
                                              "TIMESTAMPTZ '2024-01-01 12:00:00+00'",
                                              "INTERVAL '1 month 2 days 3 hours'",
                                              "[1, 2, NULL]",
                                              "{'a': 1, 'b': ['x', 'y']}",
                                              "'b'::ENUM('a', 'b')",
                                              "NULL",
                                              "'00112233-4455-6677-8899-aabbccddeeff'::UUID"};
    duck *d = *state;
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); ++i) {
        char sql[256];
        snprintf(sql, sizeof(sql), "SELECT %s AS p", expressions[i]);
        char *expected = duck_ask(d, sql);
        /* The value itself as a parameter. */
        pyr_engine_query query = duck_query(d, sql);
        pyr_prepared *prepared = NULL;
        pyr_stream *stream = NULL;
        const pyr_engine_ops *ops = d->engine->ops;
        assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
        assert_int_equal(ops->execute(prepared, &query, &stream, &d->error), PYR_OK);
        assert_int_equal(pyr_stream_next(stream, &d->params, &d->error), PYR_OK);
        pyr_stream_destroy(stream);
        ops->prepared_destroy(prepared);
        duck_equals(d, "SELECT $1", expected);
        pyr_batch_release(d->params);
        d->params = NULL;
        free(expected);
    }
}

static void a_statement_tells_its_parameters_and_columns(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_engine_query query = duck_query(d, "SELECT a, s FROM t WHERE a > $1 AND s = $2");
    pyr_prepared *prepared = NULL;
    assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
    assert_int_equal(prepared->schema->fields_count, 2);
    assert_int_equal(prepared->schema->fields[0]->type, PYR_TYPE_INT64);
    assert_int_equal(prepared->parameters->fields_count, 2);
    assert_int_equal(prepared->parameters->fields[0]->type, PYR_TYPE_INT64);
    assert_int_equal(prepared->parameters->fields[1]->type, PYR_TYPE_UTF8);
    ops->prepared_destroy(prepared);
    query = duck_query(d, "SELECT $1");
    assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
    assert_null(prepared->schema);
    assert_int_equal(prepared->parameters->fields[0]->type, PYR_TYPE_NULL);
    ops->prepared_destroy(prepared);
}

/* ---- Epochs. ---- */

static void fill_events(duck *d, int64_t scale) {
    static const char *const names[] = {"timestamp", "amount"};
    int64_t now = pyr_clock_wall_us() / 1000000;
    int64_t stamps[] = {(now - 60) * scale, (now - 1800) * scale, (now - 7200) * scale};
    static const int64_t amounts[] = {1, 2, 4};
    pyr_array *columns[] = {duck_int64s(stamps, 3), duck_int64s(amounts, 3)};
    duck_append(d, "events", duck_batch(names, columns, 2));
}

static void a_bigint_against_a_timestamp_is_an_epoch(void **state) {
    static const struct {
        const char *unit;
        int64_t scale;
    } units[] = {{"s", 1}, {"ms", 1000}, {"us", 1000000}, {"ns", 1000000000}};
    duck *d = *state;
    for (size_t i = 0; i < 4; ++i) {
        fill_events(d, units[i].scale);
        d->time_unit = units[i].unit;
        duck_equals(d, "SELECT sum(amount) FROM events WHERE timestamp > now() - INTERVAL 1 HOUR",
                    "3\n");
        duck_equals(d, "SELECT sum(amount) FROM events WHERE now() - INTERVAL '1 HOUR' <timestamp",
                    "3\n");
        duck_equals(d,
                    "SELECT sum(amount) FROM events WHERE timestamp BETWEEN now() - INTERVAL 1 "
                    "HOUR AND now() AND timestamp <= current_timestamp",
                    "3\n");
        duck_equals(d,
                    "SELECT sum(events) FROM (SELECT toStartOfHour(timestamp) AS hour, COUNT(*) AS "
                    "events, SUM(amount) AS revenue FROM events WHERE timestamp > now() - INTERVAL "
                    "1 HOUR GROUP BY hour ORDER BY hour DESC)",
                    "2\n");
        duck_equals(d, "SELECT count(*) FROM events WHERE year(timestamp) >= 2024", "3\n");
        duck_equals(d, "SELECT count(*) FROM events WHERE extract(year FROM timestamp) >= 2024",
                    "3\n");
        duck_equals(d, "SELECT count(DISTINCT date_trunc('century', timestamp)) FROM events",
                    "1\n");
        pyr_error_clear(&d->error);
        assert_int_equal(pyr_catalog_drop_table(d->catalog, NULL, "events", false, NULL, &d->error),
                         PYR_OK);
        pyr_snapshot_release(d->snapshot);
        assert_int_equal(pyr_catalog_snapshot(d->catalog, &d->snapshot, &d->error), PYR_OK);
    }
    d->time_unit = "ms";
}

static void places_of_errors_are_those_of_the_text_given(void **state) {
    duck *d = *state;
    fill_events(d, 1000);
    duck_fails(d, "SELECT 1 FROM events WHERE timestamp > now() AND nope = 1", "42703");
    assert_int_equal(d->error.position, 49);
    duck_fails(d, "SELECT 1 FROM events WHERE timestamp > 'x'::BLOB", "42804");
    assert_int_equal(d->error.position, 37);
}

static void start_of_functions_truncate(void **state) {
    duck *d = *state;
    duck_equals(d,
                "SELECT toStartOfHour(1700000000000), toStartOfMinute(1700000000000), "
                "toStartOfFiveMinutes(1700000000000), toStartOfDay(1700000000000), "
                "toStartOfWeek(1700000000000), toStartOfMonth(1700000000000)",
                "2023-11-14 22:00:00|2023-11-14 22:13:00|2023-11-14 22:10:00|2023-11-14 "
                "00:00:00|2023-11-13 00:00:00|2023-11-01 00:00:00\n");
    duck_equals(d,
                "SELECT toStartOfHour(x), toStartOfFiveMinutes(x), tostartofmonth(x::DATE) FROM "
                "(SELECT TIMESTAMP '2024-05-06 07:08:09' AS x)",
                "2024-05-06 07:00:00|2024-05-06 07:05:00|2024-05-01 00:00:00\n");
    duck_equals(d, "SELECT toStartOfHour(TIMESTAMPTZ '2024-05-06 07:08:09+00')",
                "2024-05-06 07:00:00+00\n");
}

/* ---- EXPLAIN. ---- */

static void explain_gives_the_plan(void **state) {
    duck *d = *state;
    duck_fill(d, 10, 10);
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_engine_query query = duck_query(d, "SELECT k, sum(a) FROM t GROUP BY k");
    pyr_prepared *prepared = NULL;
    pyr_text text;
    pyr_text_init(&text);
    assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
    assert_int_equal(ops->explain(prepared, &text, &d->error), PYR_OK);
    assert_non_null(strstr(pyr_text_get(&text), "PYR_SCAN"));
    assert_non_null(strstr(pyr_text_get(&text), "HASH_GROUP_BY"));
    pyr_text_deinit(&text);
    ops->prepared_destroy(prepared);
}

/* ---- Cancellation. ---- */

/* Raises the flag once the statement reads its table: it is in DuckDB's hands then. */
static void *raise_when_reading(void *argument) {
    duck *d = argument;
    while (atomic_load(&d->ledger.bytes_scanned) == 0) {
        sched_yield();
    }
    pyr_cancel_flag_raise(&d->cancel);
    return NULL;
}

static void cancellation_stops_duckdb_at_its_own_work(void **state) {
    static const char *const statements[] = {
        "SELECT count(*) FROM t, range(1000000000000) WHERE a + range = -1",
        "SELECT range FROM (SELECT max(a) AS m FROM t), range(1000000000000) WHERE hash(range) = m",
        "SELECT sum(sleep_ms(100)) FROM t, range(1000000) WHERE a >= 0",
        "SELECT count(*) FROM t x, t y, t z WHERE x.a + y.a + z.a = -1"};
    duck *d = *state;
    duck_fill(d, 20000, 20000);
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i) {
        pyr_cancel_flag_init(&d->cancel);
        pyr_ledger_init(&d->ledger); /* what the statement before has read does not count */
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, raise_when_reading, d), 0);
        duck_fails(d, statements[i], "57014");
        pthread_join(thread, NULL);
        assert_int_equal(d->error.code, PYR_ERROR_CANCELLED);
    }
    pyr_cancel_flag_init(&d->cancel);
    duck_equals(d, "SELECT count(*) FROM t", "20000\n");
}

static void a_deadline_stops_a_query(void **state) {
    duck *d = *state;
    atomic_store(&d->cancel.deadline_ns, pyr_clock_monotonic_ns() + 30000000);
    duck_fails(d, "SELECT count(*) FROM range(1000000000000)", "57014");
    assert_int_equal(d->error.code, PYR_ERROR_TIMEOUT);
    pyr_cancel_flag_init(&d->cancel);
}

static void a_stream_may_be_left_unread(void **state) {
    duck *d = *state;
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_engine_query query = duck_query(d, "SELECT range FROM range(100000000)");
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(ops->prepare(d->session, &query, &prepared, &d->error), PYR_OK);
    assert_int_equal(ops->execute(prepared, &query, &stream, &d->error), PYR_OK);
    assert_int_equal(pyr_stream_next(stream, &batch, &d->error), PYR_OK);
    assert_int_equal(batch->rows, 2048); /* the first one does not wait */
    pyr_stream_destroy(stream);
    assert_int_equal(pyr_array_int64(batch->columns[0], 2047), 2047);
    pyr_batch_release(batch);
    ops->prepared_destroy(prepared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)
        TEST(types_are_plain_where_nothing_is_lost),
        TEST(values_keep_their_meaning),
        TEST(long_results_keep_every_row),
        TEST(lossless_columns_stand_among_others),
        TEST(statements_of_every_query_kind_run),
        TEST(statements_that_are_no_queries_are_refused),
        TEST(errors_name_their_kind_and_place),
        TEST(places_are_bytes_of_the_users_text),
        TEST(a_failure_late_in_the_stream_is_reported),
        TEST(memory_beyond_the_limit_is_53200),
        TEST(threads_and_memory_are_the_sessions),
        TEST(spilling_goes_to_the_temporary_folder),
        TEST(parameters_take_part_by_their_type),
        TEST(parameters_of_every_kind_come_back_as_they_were),
        TEST(a_statement_tells_its_parameters_and_columns),
        TEST(a_bigint_against_a_timestamp_is_an_epoch),
        TEST(places_of_errors_are_those_of_the_text_given),
        TEST(start_of_functions_truncate),
        TEST(explain_gives_the_plan),
        TEST(cancellation_stops_duckdb_at_its_own_work),
        TEST(a_deadline_stops_a_query),
        TEST(a_stream_may_be_left_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
