#include "unit/engines/support_native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state) {
    native_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    native_setup(fixture);
    static const int64_t segments[] = {10, 7, 3};
    native_create_table(fixture, "t", segments, 3, 4);
    static const int64_t none[] = {0};
    native_create_table(fixture, "empty", none, 0, 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    native_teardown(*state);
    free(*state);
    return 0;
}

static void columns_are_picked_named_and_typed_as_the_table_has_them(void **state) {
    native_fixture *fixture = *state;
    assert_native(fixture, "SELECT * FROM t LIMIT 2",
                  "a int32, B c utf8, d float64\n0|v0|0.0\n1|v1|0.5");
    assert_native(fixture, "SELECT \"b C\", A FROM T LIMIT 1", "B c utf8, a int32\nv0|0");
    assert_native(fixture, "SELECT t.d x, main.t.a, a AS \"Z z\" FROM t LIMIT 1",
                  "x float64, a int32, Z z int32\n0.0|0|0");
    assert_native(fixture, "SELECT a, a, T.* FROM t LIMIT 1",
                  "a int32, a int32, a int32, B c utf8, d float64\n0|0|0|v0|0.0");
    assert_native(fixture, "SELECT x.a FROM t AS x LIMIT 1", "a int32\n0");
    assert_native(fixture, "FROM t OFFSET 19", "a int32, B c utf8, d float64\n19|NULL|9.5");
    assert_native(fixture, "TABLE main.t LIMIT 1", "a int32, B c utf8, d float64\n0|v0|0.0");
    assert_native(fixture, "SELECT a FROM 't' LIMIT 1", "a int32\n0");
    assert_native(fixture, "SELECT * FROM empty", "a int32, B c utf8, d float64");
}

static void limit_and_offset_give_the_rows_they_name(void **state) {
    native_fixture *fixture = *state;
    for (int64_t offset = 0; offset <= 22; ++offset) {
        for (int64_t limit = 0; limit <= 22; ++limit) {
            char sql[80];
            snprintf(sql, sizeof(sql), "SELECT a FROM t LIMIT %d OFFSET %d", (int)limit,
                     (int)offset);
            pyr_text expected;
            pyr_text_init(&expected);
            pyr_text_add(&expected, "a int32");
            for (int64_t i = offset; i < 20 && i < offset + limit; ++i) {
                pyr_text_printf(&expected, "\n%d", (int)i);
            }
            assert_native(fixture, sql, pyr_text_get(&expected));
            pyr_text_deinit(&expected);
        }
    }
    assert_native(fixture, "SELECT a FROM t OFFSET 18 LIMIT ALL", "a int32\n18\n19");
    assert_native(fixture, "SELECT a FROM t LIMIT 1 OFFSET NULL", "a int32\n0");
}

static void count_star_is_the_catalogs_number(void **state) {
    native_fixture *fixture = *state;
    assert_native(fixture, "SELECT count(*) FROM t", "count_star() int64\n20");
    assert_native(fixture, "SELECT COUNT(*) AS n, count() FROM t x",
                  "n int64, count_star() int64\n20|20");
    assert_native(fixture, "SELECT count(*) FROM empty", "count_star() int64\n0");
    assert_native(fixture, "SELECT count(*) FROM t LIMIT 0", "count_star() int64");
    assert_int_equal(fixture->ledger.bytes_scanned, 0);
    assert_int_equal(fixture->ledger.bytes_mapped, 0);
}

static void literals_are_rows(void **state) {
    native_fixture *fixture = *state;
    assert_native(fixture, "SELECT 1, 'a' AS b, NULL, 1.50, true, 1e3, -2147483648",
                  "1 int32, b utf8, NULL int32, 1.50 decimal128(3, 2), CAST('t' AS BOOLEAN) bool, "
                  "1000.0 float64, -2147483648 int64\n1|a|NULL|1.50|true|1000.0|-2147483648");
    assert_native(fixture, "SELECT 1 LIMIT 0", "1 int32");
    assert_native(fixture, "VALUES (1, 'a'), (2, NULL)", "col0 int32, col1 utf8\n1|a\n2|NULL");
    assert_native(fixture, "VALUES (1), (2147483648)", "col0 int64\n1\n2147483648");
    assert_native(fixture, "VALUES (1.5), (10.25), (-3)",
                  "col0 decimal128(12, 2)\n1.50\n10.25\n-3.00");
    assert_native(fixture, "VALUES (1.5), (10.25)", "col0 decimal128(4, 2)\n1.50\n10.25");
    assert_native(fixture, "VALUES (1), (2.5e0)", "col0 float64\n1.0\n2.5");
    assert_native(fixture, "VALUES (NULL), ('a')", "col0 utf8\nNULL\na");
    assert_native(fixture, "VALUES (NULL)", "col0 int32\nNULL");
    assert_native(fixture, "VALUES (1), (2), (3) LIMIT 1 OFFSET 1", "col0 int32\n2");
}

static void what_is_not_covered_is_named(void **state) {
    native_fixture *fixture = *state;
    static const char *const cases[][2] = {
        {"SELECT DISTINCT ON (a) a FROM t", "16: the native engine does not cover DISTINCT ON"},
        {"SELECT rowid FROM t",
         "7: the native engine does not cover the name \"rowid\", which is no column here"},
        {"SELECT t FROM t",
         "7: the native engine does not cover the name \"t\", which is no column here"},
        {"SELECT d.x FROM t",
         "7: the native engine does not cover the name \"x\", which is no column here"},
        {"SELECT *", "7: the native engine does not cover this * here"},
        {"SELECT a", "7: the native engine does not cover the name \"a\", which is no column here"},
        {"VALUES (1), ('a')", "0: the native engine does not cover values of these types together"},
        {"SELECT * FROM 'x.csv'", "14: the native engine does not cover \"x.csv\""},
        {"SELECT * FROM 's3://b/x.arrow'",
         "14: the native engine does not cover the remote file \"s3://b/x.arrow\""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char expected[200];
        snprintf(expected, sizeof(expected), "%s 0A000 at %s",
                 pyr_status_name(PYR_ERROR_NOT_SUPPORTED), cases[i][1]);
        assert_native(fixture, cases[i][0], expected);
    }
}

static void wrong_names_are_errors_with_their_place(void **state) {
    native_fixture *fixture = *state;
    static const struct {
        const char *sql;
        pyr_status status;
        const char *rest;
    } cases[] = {{"SELECT a, e FROM t", PYR_ERROR_SQL,
                  " 42703 at 10: column \"e\" does not exist in \"t\"; did you mean \"a\"?"},
                 {"SELECT B_c FROM t", PYR_ERROR_SQL,
                  " 42703 at 7: column \"B_c\" does not exist in \"t\"; did you mean \"B c\"?"},
                 {"SELECT longname FROM t", PYR_ERROR_SQL,
                  " 42703 at 7: column \"longname\" does not exist in \"t\""},
                 {"SELECT t.a FROM t x", PYR_ERROR_SQL,
                  " 42P01 at 7: table \"t\" is not named in FROM; there is \"x\""},
                 /* Another engine may know it. */
                 {"SELECT * FROM nope", PYR_ERROR_NOT_SUPPORTED,
                  " 42P01 at 14: table \"nope\" does not exist"},
                 {"SELECT * FROM s.t", PYR_ERROR_NOT_SUPPORTED,
                  " 42P01 at 14: table \"s.t\" does not exist"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char expected[200];
        snprintf(expected, sizeof(expected), "%s%s", pyr_status_name(cases[i].status),
                 cases[i].rest);
        assert_native(fixture, cases[i].sql, expected);
    }
}

static pyr_batch *one_row(pyr_array *const *columns, int32_t count) {
    pyr_field *fields[8];
    for (int32_t i = 0; i < count; ++i) {
        fields[i] = columns[i]->field;
    }
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_schema_create(fields, count, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, 1, columns, count, NULL, &batch, NULL), PYR_OK);
    pyr_schema_release(schema);
    return batch;
}

static pyr_batch *parameters(void) {
    /* $1 = 17, $2 = 'v17', $3 = 8.5: the row of native_batch. */
    pyr_batch *row = native_batch(17, 1);
    pyr_batch *params = one_row(row->columns, 3);
    pyr_batch_release(row);
    return params;
}

static char *text_with(native_fixture *fixture, const char *sql, pyr_batch *params) {
    char *text = native_text(fixture, sql, params);
    pyr_batch_release(params);
    return text;
}

static void parameters_are_values(void **state) {
    native_fixture *fixture = *state;
    static const char *const cases[][2] = {
        {"SELECT $2, $1 AS x, $3, 'z'", "$2 utf8, x int32, $3 float64, 'z' utf8\nv17|17|8.5|z"},
        {"SELECT ?, ?", "$1 int32, $2 utf8\n17|v17"},
        {"VALUES ($1, 'a'), (5000000000, $2)", "col0 int64, col1 utf8\n17|a\n5000000000|v17"},
        {"SELECT a FROM t LIMIT 1 OFFSET $1", "a int32\n17"},
        {"SELECT a FROM t OFFSET 18 LIMIT ?", "a int32\n18\n19"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char *text = text_with(fixture, cases[i][0], parameters());
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
    char *text = text_with(fixture, "SELECT $4", parameters());
    assert_non_null(strstr(text, "42P02 at 7: parameter $4 has no value"));
    free(text);
    text = text_with(fixture, "SELECT a FROM t LIMIT $2", parameters());
    assert_non_null(strstr(text, "0A000 at 22"));
    free(text);
    text = native_text(fixture, "SELECT $1", NULL);
    assert_non_null(strstr(text, "42P02"));
    free(text);
}

static void a_parameter_in_one_row_is_not_copied(void **state) {
    native_fixture *fixture = *state;
    pyr_batch *params = parameters();
    pyr_schema *schema = NULL;
    pyr_batch **batches = NULL;
    size_t count = 0;
    assert_int_equal(native_run(fixture, "SELECT $2", params, &schema, &batches, &count), PYR_OK);
    assert_int_equal(count, 1);
    assert_ptr_equal(batches[0]->columns[0], params->columns[1]);
    assert_int_equal(fixture->ledger.copied[PYR_COPY_RESULT], 0);
    native_batches_free(batches, count);
    pyr_schema_release(schema);
    pyr_batch_release(params);
}

static void types_of_parameters_are_told_before_they_are_there(void **state) {
    native_fixture *fixture = *state;
    native_query query;
    native_query_init(fixture, "SELECT $1, 2 LIMIT $2", NULL, &query);
    pyr_prepared *prepared = NULL;
    const pyr_engine_ops *ops = fixture->engine->ops;
    assert_int_equal(ops->prepare(fixture->session, &query.query, &prepared, NULL), PYR_OK);
    assert_null(prepared->schema);
    assert_int_equal(prepared->parameters->fields_count, 2);
    assert_int_equal(prepared->parameters->fields[0]->type, PYR_TYPE_NULL);
    assert_int_equal(prepared->parameters->fields[1]->type, PYR_TYPE_INT64);
    ops->prepared_destroy(prepared);
    native_query_deinit(&query);
}

static void a_prepared_query_takes_other_parameters_and_snapshots(void **state) {
    native_fixture *fixture = *state;
    native_query query;
    native_query_init(fixture, "SELECT a FROM t OFFSET $1", NULL, &query);
    pyr_prepared *prepared = NULL;
    const pyr_engine_ops *ops = fixture->engine->ops;
    assert_int_equal(ops->prepare(fixture->session, &query.query, &prepared, NULL), PYR_OK);
    assert_int_equal(prepared->schema->fields_count, 1);
    query.query.params = parameters();
    pyr_stream *stream = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(ops->execute(prepared, &query.query, &stream, NULL), PYR_OK);
    assert_int_equal(pyr_stream_next(stream, &batch, NULL), PYR_OK);
    assert_int_equal(pyr_array_int64(batch->columns[0], 0), 17);
    pyr_batch_release(batch);
    pyr_stream_destroy(stream);
    pyr_batch_release(query.query.params);
    ops->prepared_destroy(prepared);
    native_query_deinit(&query);
}

static void a_raised_cancel_flag_stops_the_stream(void **state) {
    native_fixture *fixture = *state;
    pyr_cancel_flag_raise(&fixture->cancel);
    char *text = native_text(fixture, "SELECT * FROM t", NULL);
    assert_non_null(strstr(text, "57014"));
    free(text);
}

static void explain_shows_the_plan(void **state) {
    native_fixture *fixture = *state;
    native_query query;
    native_query_init(fixture, "SELECT \"B c\", a FROM t LIMIT 3 OFFSET 2", NULL, &query);
    pyr_prepared *prepared = NULL;
    const pyr_engine_ops *ops = fixture->engine->ops;
    assert_int_equal(ops->prepare(fixture->session, &query.query, &prepared, NULL), PYR_OK);
    pyr_text text;
    pyr_text_init(&text);
    assert_int_equal(ops->explain(prepared, &text, NULL), PYR_OK);
    assert_string_equal(pyr_text_get(&text), "LIMIT 3 OFFSET 2\n  PROJECT 2 columns, by reference\n"
                                             "    SCAN t: 3 segments, 20 rows, columns a, \"B c\"");
    pyr_text_deinit(&text);
    ops->prepared_destroy(prepared);
    native_query_deinit(&query);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(columns_are_picked_named_and_typed_as_the_table_has_them),
        TEST(limit_and_offset_give_the_rows_they_name),
        TEST(count_star_is_the_catalogs_number),
        TEST(literals_are_rows),
        TEST(what_is_not_covered_is_named),
        TEST(wrong_names_are_errors_with_their_place),
        TEST(parameters_are_values),
        TEST(a_parameter_in_one_row_is_not_copied),
        TEST(types_of_parameters_are_told_before_they_are_there),
        TEST(a_prepared_query_takes_other_parameters_and_snapshots),
        TEST(a_raised_cancel_flag_stops_the_stream),
        TEST(explain_shows_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
