/* Point look-ups and key ranges of tables with a primary key. */
#include "unit/engines/support_native.h"

#include "arrow/builder.h"
#include "catalog/keyed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* k: t has its key (a, b): a INTEGER, b VARCHAR; v BIGINT = 10 a + the row of that a. */
static const struct {
    int32_t a;
    const char *b;
    int64_t v;
} rows[] = {{3, "x", 30}, {1, "y", 11}, {1, "x", 10}, {2, "x", 20}, {1, "z", 12}, {5, "", 50}};

static void create_keyed(native_fixture *fixture) {
    static const char *const names[] = {"a", "b", "v"};
    static const pyr_type_id types[] = {PYR_TYPE_INT32, PYR_TYPE_UTF8, PYR_TYPE_INT64};
    pyr_field *fields[3];
    pyr_builder *builders[3];
    pyr_array *columns[3];
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_constraints *constraints = NULL;
    pyr_appender *appender = NULL;
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(pyr_field_create(names[i], types[i], &fields[i], NULL), PYR_OK);
        assert_int_equal(pyr_builder_create(fields[i], NULL, &builders[i], NULL), PYR_OK);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_int_equal(pyr_builder_int64(builders[0], rows[i].a, NULL), PYR_OK);
        assert_int_equal(pyr_builder_string(builders[1], rows[i].b, NULL), PYR_OK);
        assert_int_equal(pyr_builder_int64(builders[2], rows[i].v, NULL), PYR_OK);
    }
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(pyr_builder_finish(builders[i], &columns[i], NULL), PYR_OK);
        pyr_builder_destroy(builders[i]);
    }
    assert_int_equal(pyr_schema_create(fields, 3, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, columns[0]->length, columns, 3, NULL, &batch, NULL),
                     PYR_OK);
    static const int32_t key[] = {0, 1};
    assert_int_equal(pyr_constraints_create(3, &constraints, NULL), PYR_OK);
    assert_int_equal(pyr_constraints_add_key(constraints, true, "", key, 2, NULL), PYR_OK);
    const pyr_appender_options options = {.create = true, .constraints = constraints};
    assert_int_equal(pyr_appender_create(fixture->catalog, NULL, "t", schema, &options, NULL,
                                         &appender, &fixture->error),
                     PYR_OK);
    assert_int_equal(pyr_appender_batch(appender, batch, &fixture->error), PYR_OK);
    assert_int_equal(pyr_appender_commit(appender, NULL, &fixture->error), PYR_OK);
    pyr_appender_destroy(appender);
    pyr_constraints_release(constraints);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    for (int i = 0; i < 3; ++i) {
        pyr_array_release(columns[i]);
        pyr_field_release(fields[i]);
    }
}

static int setup(void **state) {
    native_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    native_setup(fixture);
    create_keyed(fixture);
    static const int64_t segments[] = {10};
    native_create_table(fixture, "plain", segments, 1, 4);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    native_teardown(*state);
    free(*state);
    return 0;
}

#define HEAD "v int64"

static void a_whole_key_is_a_point_look_up(void **state) {
    native_fixture *fixture = *state;
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b = 'y'", HEAD "\n11");
    assert_native(fixture, "SELECT v FROM t WHERE 'x' = b AND 2 = a", HEAD "\n20");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b = 'nobody'", HEAD);
    assert_native(fixture, "SELECT * FROM t q WHERE q.a = 5 AND b = ''",
                  "a int32, b utf8, v int64\n5||50");
    assert_native(fixture, "SELECT v, b, v AS w FROM t WHERE a = 3 AND b = 'x' LIMIT 1 OFFSET 0",
                  "v int64, b utf8, w int64\n30|x|30");
    assert_native(fixture, "SELECT v FROM t WHERE a = 3 AND b = 'x' OFFSET 1", HEAD);
    assert_native(fixture, "SELECT v FROM t WHERE a = NULL AND b = 'x'", HEAD);
}

static void a_list_of_the_last_column_is_point_look_ups_in_key_order(void **state) {
    native_fixture *fixture = *state;
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b IN ('z', 'x', 'none', 'z', NULL)",
                  HEAD "\n10\n12");
    assert_native(fixture, "SELECT v FROM t WHERE b IN ('x') AND a = 2 ORDER BY b", HEAD "\n20");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b IN ('z', 'y') LIMIT 1", HEAD "\n11");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b IN (NULL)", HEAD);
    assert_native(fixture, "SELECT v FROM t WHERE a = NULL AND b IN ('x')", HEAD);
}

static void first_columns_and_comparisons_are_ranges_in_key_order(void **state) {
    native_fixture *fixture = *state;
    assert_native(fixture, "SELECT v FROM t WHERE a = 1", HEAD "\n10\n11\n12");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b > 'x'", HEAD "\n11\n12");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 AND b >= 'x' AND b < 'z'", HEAD "\n10\n11");
    assert_native(fixture, "SELECT v FROM t WHERE a > 1", HEAD "\n20\n30\n50");
    assert_native(fixture, "SELECT v FROM t WHERE a BETWEEN 2 AND 3", HEAD "\n20\n30");
    assert_native(fixture, "SELECT v FROM t WHERE 3 >= a AND a > 1 AND a <= 2", HEAD "\n20");
    assert_native(fixture, "SELECT v FROM t WHERE a > 3 AND a < 2", HEAD);
    assert_native(fixture, "SELECT v FROM t WHERE a < NULL", HEAD);
    assert_native(fixture, "SELECT v FROM t ORDER BY a LIMIT 2", HEAD "\n10\n11");
    assert_native(fixture, "SELECT v FROM t ORDER BY a, b LIMIT 2 OFFSET 3", HEAD "\n20\n30");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 ORDER BY b LIMIT 1", HEAD "\n10");
    assert_native(fixture, "SELECT v FROM t WHERE a = 1 ORDER BY b, a", HEAD "\n10\n11\n12");
    assert_native(fixture, "FROM t SELECT v WHERE a > 2 ORDER BY a", HEAD "\n30\n50");
}

/* Conditions that are no range of keys, and orders that are not the key's: the table is scanned. */
static void what_the_key_does_not_answer_is_scanned_for(void **state) {
    native_fixture *fixture = *state;
    static const struct {
        const char *sql, *expected;
    } cases[] = {{"SELECT v FROM t WHERE v = 1", HEAD},
                 {"SELECT v FROM t WHERE a = 1 AND v = 10", HEAD "\n10"},
                 {"SELECT v FROM t WHERE a = 1 AND a = 2", HEAD},
                 {"SELECT v FROM t WHERE a = '1'", HEAD "\n10\n11\n12"},
                 {"SELECT v FROM t WHERE a = 1.0", HEAD "\n10\n11\n12"},
                 {"SELECT v FROM t WHERE a = 9000000000", HEAD},
                 {"SELECT v FROM t WHERE a = 1 AND b IN ('x') AND b > 'a'", HEAD "\n10"},
                 {"SELECT count(*) FROM t WHERE a = 1", "count_star() int64\n3"},
                 {"SELECT v FROM t WHERE b = 'x' ORDER BY v DESC LIMIT 1", HEAD "\n30"},
                 {"SELECT v FROM t ORDER BY b, a LIMIT 2", HEAD "\n50\n10"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_native(fixture, cases[i].sql, cases[i].expected);
    }
}

static pyr_batch *two_params(pyr_type_id type, int64_t value, const char *text) {
    pyr_field *fields[2];
    pyr_builder *builders[2];
    pyr_array *arrays[2];
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(
            pyr_field_create(i == 0 ? "1" : "2", i == 0 ? type : PYR_TYPE_UTF8, &fields[i], NULL),
            PYR_OK);
        assert_int_equal(pyr_builder_create(fields[i], NULL, &builders[i], NULL), PYR_OK);
    }
    assert_int_equal(pyr_builder_int64(builders[0], value, NULL), PYR_OK);
    assert_int_equal(text != NULL ? pyr_builder_string(builders[1], text, NULL)
                                  : pyr_builder_null(builders[1], NULL),
                     PYR_OK);
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(pyr_builder_finish(builders[i], &arrays[i], NULL), PYR_OK);
        pyr_builder_destroy(builders[i]);
    }
    assert_int_equal(pyr_schema_create(fields, 2, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, 1, arrays, 2, NULL, &batch, NULL), PYR_OK);
    pyr_schema_release(schema);
    for (int i = 0; i < 2; ++i) {
        pyr_array_release(arrays[i]);
        pyr_field_release(fields[i]);
    }
    return batch;
}

static void expect(native_fixture *fixture, const char *sql, pyr_batch *params,
                   const char *expected) {
    char *text = native_text(fixture, sql, params);
    assert_string_equal(text, expected);
    free(text);
    pyr_batch_release(params);
}

static void parameters_are_taken_where_they_fit(void **state) {
    native_fixture *fixture = *state;
    const char *point = "SELECT v FROM t WHERE a = $1 AND b = $2";
    expect(fixture, point, two_params(PYR_TYPE_INT32, 1, "z"), HEAD "\n12");
    expect(fixture, point, two_params(PYR_TYPE_INT64, 2, "x"), HEAD "\n20");
    expect(fixture, point, two_params(PYR_TYPE_INT8, 3, "x"), HEAD "\n30");
    expect(fixture, point, two_params(PYR_TYPE_INT32, 1, NULL), HEAD);
    expect(fixture, "SELECT v FROM t WHERE a = $1 AND b IN ('x', $2)",
           two_params(PYR_TYPE_INT64, 1, "y"), HEAD "\n10\n11");
    expect(fixture, "SELECT v FROM t WHERE a = ? AND b >= ? LIMIT 1",
           two_params(PYR_TYPE_UINT64, 1, "xx"), HEAD "\n11");
    expect(fixture, point, two_params(PYR_TYPE_INT64, INT64_MAX, "x"), HEAD);
    char *wrong = NULL;
    pyr_batch *params = two_params(PYR_TYPE_DATE32, 1, "x");
    wrong = native_text(fixture, point, params);
    assert_non_null(strstr(wrong, "0A000")); /* DuckDB's to refuse */
    free(wrong);
    pyr_batch_release(params);
    char *text = native_text(fixture, point, NULL);
    assert_non_null(strstr(text, "42P02"));
    free(text);
}

static void explain(native_fixture *fixture, const char *sql, const char *part) {
    native_query q;
    pyr_prepared *prepared = NULL;
    pyr_text text;
    native_query_init(fixture, sql, NULL, &q);
    assert_int_equal(
        fixture->engine->ops->prepare(fixture->session, &q.query, &prepared, &fixture->error),
        PYR_OK);
    pyr_text_init(&text);
    assert_int_equal(fixture->engine->ops->explain(prepared, &text, &fixture->error), PYR_OK);
    if (strstr(pyr_text_get(&text), part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, pyr_text_get(&text));
    }
    pyr_text_deinit(&text);
    fixture->engine->ops->prepared_destroy(prepared);
    native_query_deinit(&q);
}

static void explain_says_how_and_by_which_columns(void **state) {
    native_fixture *fixture = *state;
    explain(fixture, "SELECT v FROM t WHERE a = $1 AND b = 'x'", "SCAN t: point look-up by a, b");
    explain(fixture, "SELECT v FROM t WHERE a = 1 AND b > $1", "SCAN t: key range of a, b");
    explain(fixture, "SELECT v FROM t WHERE a = 1 AND b IN ('x', $1)",
            "SCAN t: point look-up by a, b (2 keys)");
    explain(fixture, "SELECT v FROM t WHERE a < 9", "SCAN t: key range of a,");
    explain(fixture, "SELECT v FROM t ORDER BY a LIMIT 3", "SCAN t: in key order");
}

static void parameters_have_their_columns_types(void **state) {
    native_fixture *fixture = *state;
    native_query q;
    pyr_prepared *prepared = NULL;
    native_query_init(fixture, "SELECT v FROM t WHERE a = ? AND b >= ? LIMIT ?", NULL, &q);
    assert_int_equal(
        fixture->engine->ops->prepare(fixture->session, &q.query, &prepared, &fixture->error),
        PYR_OK);
    assert_int_equal(prepared->parameters->fields_count, 3);
    assert_int_equal(prepared->parameters->fields[0]->type, PYR_TYPE_INT32);
    assert_int_equal(prepared->parameters->fields[1]->type, PYR_TYPE_UTF8);
    assert_int_equal(prepared->parameters->fields[2]->type, PYR_TYPE_INT64);
    fixture->engine->ops->prepared_destroy(prepared);
    native_query_deinit(&q);
}

static void a_limit_bounds_what_is_decoded(void **state) {
    native_fixture *fixture = *state;
    pyr_ledger_init(&fixture->ledger);
    assert_native(fixture, "SELECT v FROM t ORDER BY a LIMIT 2", HEAD "\n10\n11");
    int64_t two = atomic_load(&fixture->ledger.copied[PYR_COPY_DECODE_ROWS]);
    pyr_ledger_init(&fixture->ledger);
    assert_native(fixture, "SELECT v FROM t ORDER BY a", HEAD "\n10\n11\n12\n20\n30\n50");
    assert_int_equal(atomic_load(&fixture->ledger.copied[PYR_COPY_DECODE_ROWS]), 3 * two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_whole_key_is_a_point_look_up),
        TEST(a_list_of_the_last_column_is_point_look_ups_in_key_order),
        TEST(first_columns_and_comparisons_are_ranges_in_key_order),
        TEST(what_the_key_does_not_answer_is_scanned_for),
        TEST(parameters_are_taken_where_they_fit),
        TEST(explain_says_how_and_by_which_columns),
        TEST(parameters_have_their_columns_types),
        TEST(a_limit_bounds_what_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
