#include "unit/sql/support_sql.h"

#include <string.h>

/* Names and types as DuckDB 1.5.6 gives them. */
typedef struct name_case {
    const char *sql;
    const char *name;
    pyr_literal_kind kind;
    int precision, scale;
} name_case;

static const name_case literals[] = {
    {"SELECT 1", "1", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT -1", "-1", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT - 1", "-1", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT -0", "0", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT 00012", "12", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT 1_000", "1000", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT 2147483647", "2147483647", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT 2147483648", "2147483648", PYR_LITERAL_BIGINT, 0, 0},
    {"SELECT -2147483648", "-2147483648", PYR_LITERAL_BIGINT, 0, 0},
    {"SELECT 9223372036854775807", "9223372036854775807", PYR_LITERAL_BIGINT, 0, 0},
    {"SELECT 'a'", "'a'", PYR_LITERAL_STRING, 0, 0},
    {"SELECT 'it''s'", "'it''s'", PYR_LITERAL_STRING, 0, 0},
    {"SELECT E'a\\nb'", "'a\nb'", PYR_LITERAL_STRING, 0, 0},
    {"SELECT $a$ x $b$ $a$", "' x $b$ '", PYR_LITERAL_STRING, 0, 0},
    {"SELECT ''", "''", PYR_LITERAL_STRING, 0, 0},
    {"SELECT null", "NULL", PYR_LITERAL_NULL, 0, 0},
    {"SELECT TRUE", "CAST('t' AS BOOLEAN)", PYR_LITERAL_BOOL, 0, 0},
    {"SELECT false", "CAST('f' AS BOOLEAN)", PYR_LITERAL_BOOL, 0, 0},
    {"SELECT 1.5", "1.5", PYR_LITERAL_DECIMAL, 2, 1},
    {"SELECT 1.50", "1.50", PYR_LITERAL_DECIMAL, 3, 2},
    {"SELECT .5", ".5", PYR_LITERAL_DECIMAL, 1, 1},
    {"SELECT -.5", "-.5", PYR_LITERAL_DECIMAL, 1, 1},
    {"SELECT 5.", "5", PYR_LITERAL_DECIMAL, 1, 0},
    {"SELECT 000.10", "0.10", PYR_LITERAL_DECIMAL, 5, 2},
    {"SELECT -00.50", "-0.50", PYR_LITERAL_DECIMAL, 4, 2},
    {"SELECT -0.0", "0.0", PYR_LITERAL_DECIMAL, 2, 1},
    {"SELECT 0.00000001", "0.00000001", PYR_LITERAL_DECIMAL, 9, 8},
    {"SELECT 1_0.5_0", "10.50", PYR_LITERAL_DECIMAL, 4, 2},
    {"SELECT 12345678901234567890.123", "12345678901234567890.123", PYR_LITERAL_DECIMAL, 23, 3},
    {"SELECT 1e3", "1000.0", PYR_LITERAL_DOUBLE, 0, 0},
    {"SELECT -1E3", "-1000.0", PYR_LITERAL_DOUBLE, 0, 0},
    {"SELECT 1e16", "1e+16", PYR_LITERAL_DOUBLE, 0, 0},
    {"SELECT -0e0", "-0.0", PYR_LITERAL_DOUBLE, 0, 0},
    {"SELECT 1.e3", "1000.0", PYR_LITERAL_DOUBLE, 0, 0},
    {"SELECT 1AS b", "b", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT 'a' \"B b\"", "B b", PYR_LITERAL_STRING, 0, 0},
    {"SELECT 1 AS select", "select", PYR_LITERAL_INTEGER, 0, 0},
    {"SELECT 1 AS 'str'", "str", PYR_LITERAL_INTEGER, 0, 0}};

static void literals_have_duckdbs_names_and_types(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); ++i) {
        parsed_text text = parse_sql(literals[i].sql);
        assert_int_equal(text.status, PYR_OK);
        if (text.parsed->select == NULL) {
            fail_msg("%s: not covered: %s", literals[i].sql, text.parsed->not_covered);
        }
        const pyr_select_item *item = &text.parsed->select->items[0];
        assert_int_equal(text.parsed->select->items_count, 1);
        assert_string_equal(item->name, literals[i].name);
        assert_int_equal(item->expression.kind, PYR_EXPRESSION_LITERAL);
        assert_int_equal(item->expression.as.literal.kind, literals[i].kind);
        if (literals[i].kind == PYR_LITERAL_DECIMAL) {
            assert_int_equal(item->expression.as.literal.precision, literals[i].precision);
            assert_int_equal(item->expression.as.literal.scale, literals[i].scale);
        }
        parsed_free(&text);
    }
}

static void columns_of_one_table_are_covered(void **state) {
    (void)state;
    parsed_text text = parse_sql(
        "SELECT a, t.\"B c\" AS \"x\", s.t.c y, *, t.*, count(*) FROM s.t LIMIT 3 OFFSET $1");
    assert_int_equal(text.status, PYR_OK);
    const pyr_select *select = text.parsed->select;
    assert_non_null(select);
    assert_int_equal(text.parsed->parameters_count, 1);
    assert_int_equal(select->items_count, 6);
    assert_null(select->items[0].name);
    assert_string_equal(select->items[0].expression.as.column.name, "a");
    assert_null(select->items[0].expression.as.column.qualifier);
    assert_string_equal(select->items[1].name, "x");
    assert_string_equal(select->items[1].expression.as.column.name, "B c");
    assert_string_equal(select->items[1].expression.as.column.qualifier, "t");
    assert_string_equal(select->items[2].expression.as.column.schema_name, "s");
    assert_string_equal(select->items[2].name, "y");
    assert_int_equal(select->items[3].expression.kind, PYR_EXPRESSION_STAR);
    assert_string_equal(select->items[4].expression.as.column.qualifier, "t");
    assert_string_equal(select->items[5].name, "count_star()");
    assert_int_equal(select->from.kind, PYR_FROM_TABLE);
    assert_string_equal(select->from.table.schema_name, "s");
    assert_string_equal(select->from.table.name, "t");
    assert_int_equal(select->limit.value, 3);
    assert_int_equal(select->offset.parameter, 1);
    parsed_free(&text);
}

static void every_way_to_name_a_table_is_covered(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        pyr_from_kind kind;
        const char *name;
        const char *alias;
    } froms[] = {
        {"FROM t", PYR_FROM_TABLE, "t", NULL},
        {"FROM t x SELECT a", PYR_FROM_TABLE, "t", "x"},
        {"TABLE \"T t\" LIMIT 1", PYR_FROM_TABLE, "T t", NULL},
        {"SELECT * FROM t AS x", PYR_FROM_TABLE, "t", "x"},
        {"SELECT * FROM 'a b.arrow' q", PYR_FROM_STRING, "a b.arrow", "q"},
        {"SELECT * FROM read_arrow('x/**/*.arrow')", PYR_FROM_FUNCTION, "x/**/*.arrow", NULL},
        {"SELECT * FROM Read_Arrow ( 'x' ) y OFFSET 1 LIMIT ALL", PYR_FROM_FUNCTION, "x", "y"}};
    for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); ++i) {
        parsed_text text = parse_sql(froms[i].sql);
        assert_int_equal(text.status, PYR_OK);
        assert_non_null(text.parsed->select);
        const pyr_from *from = &text.parsed->select->from;
        assert_int_equal(from->kind, froms[i].kind);
        const char *name = from->kind == PYR_FROM_TABLE ? from->table.name
                           : from->kind == PYR_FROM_STRING
                               ? from->path
                               : from->arguments[0].value.as.literal.value.string.text;
        assert_string_equal(name, froms[i].name);
        if (froms[i].alias != NULL) {
            assert_string_equal(from->alias, froms[i].alias);
        } else {
            assert_null(from->alias);
        }
        parsed_free(&text);
    }
}

static void a_function_has_its_name_and_its_constants(void **state) {
    (void)state;
    parsed_text text = parse_sql("SELECT * FROM Read_Zarr('z', ?, decode_cf := true) LIMIT ?");
    const pyr_select *select = text.parsed->select;
    assert_non_null(select);
    const pyr_from *from = &select->from;
    assert_string_equal(from->function, "Read_Zarr");
    assert_int_equal(from->offset, 14);
    assert_int_equal(from->arguments_count, 3);
    assert_null(from->arguments[0].name);
    assert_int_equal(from->arguments[0].value.offset, 24);
    assert_int_equal(from->arguments[1].value.kind, PYR_EXPRESSION_PARAMETER);
    assert_int_equal(from->arguments[1].value.as.parameter, 1);
    assert_string_equal(from->arguments[2].name, "decode_cf");
    assert_true(from->arguments[2].value.as.literal.value.boolean);
    assert_int_equal(select->limit.parameter, 2);
    parsed_free(&text);
    static const char *const others[] = {
        "SELECT * FROM f(a)",      "SELECT * FROM f(x := 1, 2)",  "SELECT * FROM f('a' || 'b')",
        "SELECT * FROM f(['a'])",  "SELECT * FROM f((SELECT 1))", "SELECT * FROM s.f(1)",
        "SELECT * FROM f(1, )",    "SELECT * FROM f(1",           "SELECT * FROM f(x => 1)",
        "SELECT * FROM f(1) t(a)", "SELECT * FROM f(a.b)"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        text = parse_sql(others[i]);
        if (text.status == PYR_OK && text.parsed->select != NULL) {
            fail_msg("%s: covered", others[i]);
        }
        parsed_free(&text);
    }
}

static void values_are_read_row_by_row(void **state) {
    (void)state;
    parsed_text text = parse_sql("VALUES (1, 'a', ?), (NULL, -2.5, ?) LIMIT 1");
    assert_int_equal(text.status, PYR_OK);
    const pyr_select *select = text.parsed->select;
    assert_non_null(select);
    assert_int_equal(select->from.kind, PYR_FROM_VALUES);
    assert_int_equal(select->values_rows, 2);
    assert_int_equal(select->values_columns, 3);
    assert_int_equal(select->values[2].as.parameter, 1);
    assert_int_equal(select->values[3].as.literal.kind, PYR_LITERAL_NULL);
    assert_int_equal((int64_t)select->values[4].as.literal.value.decimal.low, -25);
    assert_int_equal(select->values[5].as.parameter, 2);
    assert_int_equal(text.parsed->parameters_count, 2);
    parsed_free(&text);
}

static void conditions_and_orders_of_columns_are_covered(void **state) {
    (void)state;
    parsed_text text = parse_sql("SELECT * FROM t x WHERE x.a = ? AND 5 > b AND c BETWEEN 'a' AND "
                                 "? AND d >= -1 ORDER BY a, x.\"B\" ASC LIMIT 3");
    assert_int_equal(text.status, PYR_OK);
    const pyr_select *select = text.parsed->select;
    assert_non_null(select);
    static const struct {
        const char *column;
        pyr_comparison comparison;
        pyr_expression_kind kind;
    } wanted[] = {{"a", PYR_COMPARISON_EQUAL, PYR_EXPRESSION_PARAMETER},
                  {"b", PYR_COMPARISON_LESS, PYR_EXPRESSION_LITERAL},
                  {"c", PYR_COMPARISON_GREATER_EQUAL, PYR_EXPRESSION_LITERAL},
                  {"c", PYR_COMPARISON_LESS_EQUAL, PYR_EXPRESSION_PARAMETER},
                  {"d", PYR_COMPARISON_GREATER_EQUAL, PYR_EXPRESSION_LITERAL}};
    assert_int_equal(select->conditions_count, 5);
    for (size_t i = 0; i < 5; ++i) {
        const pyr_condition *condition = &select->conditions[i];
        assert_string_equal(condition->column.as.column.name, wanted[i].column);
        assert_int_equal(condition->comparison, wanted[i].comparison);
        assert_int_equal(condition->value.kind, wanted[i].kind);
    }
    assert_string_equal(select->conditions[0].column.as.column.qualifier, "x");
    assert_int_equal(select->conditions[0].value.as.parameter, 1);
    assert_int_equal(select->conditions[3].value.as.parameter, 2);
    assert_int_equal(select->conditions[4].value.as.literal.value.i64, -1);
    assert_int_equal(select->order_count, 2);
    assert_string_equal(select->order[1].as.column.name, "B");
    assert_int_equal(select->limit.value, 3);
    parsed_free(&text);
}

static void what_goes_beyond_is_named(void **state) {
    (void)state;
    static const char *const beyond[][2] = {
        {"SELECT a FROM t WHERE a > b", "WHERE"},
        {"SELECT a FROM t WHERE a > 1 OR b = 2", "WHERE"},
        {"SELECT a FROM t WHERE a > 1 + 1", "WHERE"},
        {"SELECT a FROM t WHERE NOT a = 1", "WHERE"},
        {"SELECT a FROM t WHERE a BETWEEN 1 OR 2", "WHERE"},
        {"SELECT a FROM t WHERE a = 1 GROUP BY a", "GROUP BY"},
        {"SELECT a FROM t GROUP BY a", "GROUP BY"},
        {"SELECT a FROM t ORDER BY a DESC", "ORDER BY"},
        {"SELECT a FROM t ORDER BY a NULLS FIRST", "ORDER BY"},
        {"SELECT a FROM t ORDER BY 1", "ORDER BY"},
        {"SELECT a FROM t ORDER BY a + 1", "ORDER BY"},
        {"SELECT a FROM t ORDER BY ALL", "ORDER BY"},
        {"SELECT sum(a) FROM t", "function sum"},
        {"SELECT count(a) FROM t", "function count"},
        {"SELECT * FROM t JOIN u", "JOIN"},
        {"SELECT * FROM t x LEFT JOIN u", "JOIN"},
        {"SELECT * FROM t, u", "JOIN"},
        {"SELECT * FROM (SELECT 1)", "a subquery"},
        {"SELECT DISTINCT a FROM t", "DISTINCT"},
        {"SELECT a + 1 FROM t", "operator +"},
        {"SELECT a::INT FROM t", "a cast"},
        {"SELECT CASE WHEN a THEN 1 END", "CASE"},
        {"SELECT a IS NULL FROM t", "IS"},
        {"SELECT a ISNULL FROM t", "ISNULL"},
        {"SELECT 1 UNION SELECT 2", "UNION"},
        {"WITH x AS (SELECT 1) SELECT 1", "WITH"},
        {"(SELECT 1)", "parentheses"},
        {"SUMMARIZE t", "SUMMARIZE"},
        {"SELECT 9223372036854775808", "the literal 9223372036854775808"},
        {"SELECT $name", "named parameters"},
        {"SELECT * FROM range(a)", "a table function of other than constants"},
        {"SELECT * FROM t AS x(a, b)", "column aliases"},
        {"SELECT a: 1", "\":\" at this place"},
        {"SELECT 12abc", "\"abc\""},
        {"SELECT * EXCLUDE (a) FROM t", "function EXCLUDE"},
        {"SELECT a FROM t LIMIT 10%", "operator %"},
        {"SELECT a FROM t LIMIT -1", "this kind of LIMIT or OFFSET"},
        {"SELECT a FROM t LIMIT 1 + 1", "operator +"},
        {"VALUES (1), (1, 2)", "VALUES rows of different lengths"},
        {"VALUES (now())", "function now"},
        {"SELECT a.b.c.d FROM t", "a name of four parts"},
        {"SELECT date '2020-01-01'", "\"'2020-01-01'\" at this place"},
        {"SELECT a FROM t USING SAMPLE 10", "USING"}};
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); ++i) {
        parsed_text text = parse_sql(beyond[i][0]);
        assert_int_equal(text.status, PYR_OK);
        assert_int_equal(text.parsed->kind, PYR_PARSED_QUERY);
        assert_null(text.parsed->select);
        assert_string_equal(text.parsed->not_covered, beyond[i][1]);
        assert_span(text.parsed->text, beyond[i][0]);
        parsed_free(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_have_duckdbs_names_and_types),
        cmocka_unit_test(columns_of_one_table_are_covered),
        cmocka_unit_test(every_way_to_name_a_table_is_covered),
        cmocka_unit_test(a_function_has_its_name_and_its_constants),
        cmocka_unit_test(values_are_read_row_by_row),
        cmocka_unit_test(conditions_and_orders_of_columns_are_covered),
        cmocka_unit_test(what_goes_beyond_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
