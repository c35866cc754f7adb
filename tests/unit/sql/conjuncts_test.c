/* What a text says of a table's rows, and what it must not be taken to say. */
#include "unit/sql/support_sql.h"

#include "sql/conjuncts.h"

#include <inttypes.h>
#include <string.h>

static void print_constant(const pyr_constant *constant, pyr_text *out) {
    static const char *const types[] = {"", "date ", "timestamp ", "timestamptz "};
    const pyr_literal *literal = &constant->literal;
    pyr_text_add(out, types[constant->type]);
    if (constant->parameter > 0) {
        pyr_text_printf(out, "$%d", (int)constant->parameter);
        return;
    }
    switch (literal->kind) {
    case PYR_LITERAL_NULL:
        fail();
        break;
    case PYR_LITERAL_BOOL:
        pyr_text_add(out, literal->value.boolean ? "true" : "false");
        break;
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        pyr_text_printf(out, "%" PRId64, literal->value.i64);
        break;
    case PYR_LITERAL_DECIMAL:
        pyr_text_printf(out, "%" PRId64 "e-%d", (int64_t)literal->value.decimal.low,
                        literal->scale);
        break;
    case PYR_LITERAL_DOUBLE:
        pyr_text_printf(out, "%g", literal->value.f64);
        break;
    case PYR_LITERAL_STRING:
        pyr_text_printf(out, "'%s'", literal->value.string.text);
        break;
    }
}

static void print_conjunct(const pyr_conjunct *conjunct, pyr_text *out) {
    static const char *const comparisons[] = {"=", "<", "<=", ">", ">=", " in "};
    pyr_text_printf(out, "%s%s", out->length > 0 ? "; " : "", conjunct->column);
    if (conjunct->kind == PYR_CONJUNCT_IS_NULL || conjunct->kind == PYR_CONJUNCT_IS_NOT_NULL) {
        pyr_text_add(out, conjunct->kind == PYR_CONJUNCT_IS_NULL ? " null" : " not null");
        return;
    }
    pyr_text_add(out, conjunct->kind == PYR_CONJUNCT_BETWEEN ? " between "
                                                             : comparisons[conjunct->comparison]);
    for (size_t i = 0; i < conjunct->count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        print_constant(&conjunct->constants[i], out);
    }
}

/* The conjuncts of the table, or function, t. */
static void expect_of(const char *sql, bool function, const char *expected) {
    pyr_arena arena;
    pyr_conjunct *conjuncts = NULL;
    size_t count = 0;
    pyr_text text;
    pyr_text_init(&text);
    pyr_arena_init(&arena, NULL);
    pyr_token_list list;
    assert_int_equal(pyr_token_list_read(sql, strlen(sql), &list, NULL), PYR_OK);
    assert_int_equal(pyr_sql_conjuncts(&list, "t", function, &arena, &conjuncts, &count, NULL),
                     PYR_OK);
    for (size_t i = 0; i < count; ++i) {
        print_conjunct(&conjuncts[i], &text);
    }
    if (strcmp(pyr_text_get(&text), expected) != 0) {
        print_error("%s\n", sql);
    }
    assert_string_equal(pyr_text_get(&text), expected);
    pyr_token_list_deinit(&list);
    pyr_text_deinit(&text);
    pyr_arena_deinit(&arena);
}

static void expect(const char *sql, const char *expected) {
    expect_of(sql, false, expected);
}

static void expect_where(const char *condition, const char *expected) {
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_printf(&sql, "SELECT * FROM t WHERE %s", condition);
    expect(pyr_text_get(&sql), expected);
    pyr_text_deinit(&sql);
}

static void comparisons_with_constants_are_taken(void **state) {
    (void)state;
    expect_where("a = 5", "a=5");
    expect_where("a == -5 AND 3 < b AND c>=2.50 and 1e3 >= d", "a=-5; b>3; c>=250e-2; d<=1000");
    expect_where("t.a = 'it''s' AND \"A b\" <= E'x\\'y' AND c > $$;$$",
                 "a='it's'; A b<='x'y'; c>';'");
    expect_where("a BETWEEN 1 AND 2 AND b = 3", "a between 1, 2; b=3");
    expect_where("a = $2 AND b IN ($1, $3)", "a=$2; b in $1, $3");
    expect_where("a = ? AND b < 1 + ? AND c = ?", "a=$1; c=$3");
    expect_where("a IN (1, 2,3) AND b IN ('x')", "a in 1, 2, 3; b in 'x'");
    expect_where("a IS NULL AND b IS NOT NULL AND NOT c IS NULL", "a null; b not null");
    expect_where("a >= DATE '2025-01-01' AND b < '2025-01-01'::TIMESTAMP AND c = 5::BIGINT AND "
                 "d = CAST('2025-01-01' AS date) AND e = TIMESTAMPTZ '2025-01-01'",
                 "a>=date '2025-01-01'; b<timestamp '2025-01-01'; c=5; d=date '2025-01-01'; "
                 "e=timestamptz '2025-01-01'");
    expect_where("(a = 1 AND (b = 2 AND (((c = 3)))))", "a=1; b=2; c=3");
    expect_where("a = true -- AND b = 1\n AND /* OR */ c = false;", "a=true; c=false");
}

static void what_is_not_a_column_and_a_constant_is_left_out(void **state) {
    (void)state;
    expect_where("a = 5 OR b = 6", "");
    expect_where("(a = 5 OR b = 6) AND c = 7", "c=7");
    expect_where("NOT a = 5 AND NOT (b = 5 AND c = 6) AND d = 7", "d=7");
    expect_where("a = b AND a = b.c AND x.a = 5 AND t.a.b = 5 AND main.t.c = 5", "");
    expect_where("CASE WHEN a = 1 AND b = 2 THEN c END AND d = 1", "d=1");
    expect_where("a + 1 = 5 AND -b = 5 AND c = 5 + 1 AND f(d) = 5 AND e[1] = 5", "");
    expect_where("a = 5 IS NULL AND b = 5 = c AND c != 5 AND d <> 5 AND e = -'5'", "");
    expect_where("a NOT IN (1, 2) AND b NOT BETWEEN 1 AND 2 AND c LIKE 'x'", "");
    expect_where("a = NULL AND b IN (1, NULL) AND c IN (SELECT 1) AND d IN (1, 'x')", "");
    expect_where("a BETWEEN 1 AND 'x' AND b BETWEEN c AND 3 AND d = 1", "d=1");
    expect_where("a = 'x' COLLATE nocase AND b COLLATE nocase = 'x' AND c = 3", "c=3");
    expect_where("a = ANY (SELECT b AND c = 5) AND d = 6", "d=6");
    expect_where("(SELECT max(x) AND a = 5) AND (FROM u SELECT b AND a = 5)", "");
    expect_where("a = 5::mine AND b = DECIMAL '5' AND c = '5'::BIGINT AND d = '1'::DATE(3)", "");
    expect_where("u.and - 5 = a AND c = 5", "c=5");
    expect_where("u.or = 5 AND c = 5", "c=5");
    expect_where("list_filter(l, x -> x AND a = 5) AND b = 1", "");
    expect_where("l -> 'x' AND a = 5", "");
    expect_where("EXISTS (SELECT 1 FROM u WHERE a = 5) AND b = 1", "b=1");
    expect_where("a = 5 GROUP BY b HAVING c = 6 AND d = 7", "a=5");
    expect_where("a = 5 ORDER BY b = 6 AND c = 7", "a=5");
    expect_where("a = 5 UNION ALL SELECT * FROM u WHERE b = 6 AND c = 7", "a=5");
    expect_where("\"select\" = 6 AND t.select = 7", "select=6; select=7");
    expect_where("a = ?1 AND b = ? AND c = $2", "c=$2");
    expect_where("a IN (?, ?) AND ? = b AND c < ?", "a in $1, $2; b=$3; c<$4");
}

static void labels_called_case_and_end_are_no_brackets(void **state) {
    (void)state;
    expect_where("a > 100 AND (SELECT 1 AS case) = 1 OR b = 2", "");
    expect_where("a > 100 AND (SELECT 1 AS end) = 1 OR b = 2", "");
    expect_where("a > 100 AND {case: 1}.case = 1 OR b = 2", "");
    expect_where("a > 100 AND {end: 1}.end = 1 OR b = 2", "");
    expect_where("a > 100 AND t.case = 1 OR b = 2", "");
    expect_where("t.case = 1 AND (SELECT 1 AS case) = 1 AND b = 2 AND t.end = 3",
                 "case=1; b=2; end=3");
    expect_where("CASE WHEN a THEN b OR c ELSE CASE d WHEN 1 THEN e END END AND f = 1", "f=1");
    expect_where("CASE WHEN a THEN (SELECT 1 AS end) END OR c AND f = 1", "");
    expect_where("CASE WHEN a THEN b AND f = 1", "");
    expect("SELECT * FROM u JOIN (SELECT 1 AS case) v ON true JOIN t ON true WHERE b = 2 OR a = 1",
           "");
    expect("SELECT (SELECT 1 AS end) FROM u JOIN t ON (SELECT 1 AS case) = 1 WHERE t.b = 2", "b=2");
}

static void the_place_of_the_table_is_understood(void **state) {
    (void)state;
    expect("FROM t WHERE a = 1 SELECT b", "a=1");
    expect("FROM t SELECT b WHERE a = 1", "");
    expect("SELECT * FROM T x WHERE x.a = 1 AND t.b = 2 AND c = 3", "a=1; c=3");
    expect("SELECT * FROM s.t AS \"X\" WHERE x.a = 1", "a=1");
    expect("SELECT * FROM t AS x(a, b) WHERE a = 1", "");
    expect("SELECT * FROM u, t WHERE t.a = 1 AND u.b = 2 AND c = 3", "a=1; c=3");
    expect(
        "SELECT * FROM u JOIN t ON u.a = t.b AND u.c = 4 JOIN v USING (k) WHERE t.a = 1 AND b = 2",
        "a=1");
    expect("SELECT * FROM u NATURAL JOIN t WHERE t.a = 1 AND b = 2", "a=1");
    expect("SELECT * FROM u LEFT JOIN t ON u.a = t.a WHERE t.a = 1 AND t.b IS NULL", "a=1");
    expect("SELECT * FROM u LEFT JOIN t ON t.a = 1", "");
    expect("SELECT * FROM u ASOF JOIN t ON u.a >= t.a WHERE t.b = 1", "");
    expect("SELECT * FROM u POSITIONAL JOIN t WHERE t.b = 1", "");
    expect("SELECT * FROM t ANTI JOIN u ON t.a = u.a WHERE t.b = 1", "");
    expect("SELECT * FROM u POSITIONAL JOIN v ON u.a IS DISTINCT FROM v.b JOIN t ON true WHERE t.b "
           "= 1",
           "");
    expect("SELECT * FROM (u JOIN t ON true) WHERE t.b = 1", "");
    expect("SELECT * FROM (SELECT * FROM t WHERE a = 1) x WHERE a = 2", "a=1");
    expect("WITH c AS (SELECT * FROM t WHERE a = 1) SELECT * FROM c WHERE b = 2", "a=1");
    expect("SELECT (SELECT max(b) FROM t WHERE t.a = u.a AND t.c = 3) FROM u WHERE a = 2", "c=3");
    expect("SELECT * FROM u WHERE EXISTS (FROM t WHERE a = 1) AND b = 2", "a=1");
    expect(
        "SELECT * FROM u WHERE a = 1 UNION SELECT * FROM t WHERE b = 2 EXCEPT FROM v WHERE c = 3",
        "b=2");
    expect("SELECT * FROM t UNION SELECT * FROM u WHERE b = 2", "");
    expect("SELECT count(*) FILTER (WHERE b = 2) FROM t WHERE a = 1", "a=1");
    expect("SELECT count(*) FROM t, u GROUP BY a WHERE b = 2", "");
    expect("SELECT * FROM pyr_scan_rows('main', 't') AS \"t\"\nWHERE (a = 1\n)", "a=1");
    expect("SELECT * FROM pyr_scan_rows('main', 't') AS x, u\nWHERE (x.a = 1 AND b = 2\n)",
           "a=1; b=2");
    expect("SELECT * FROM pyr_scan_rows('t', 'u') AS x WHERE x.a = 1", "");
}

static void a_table_that_may_stand_elsewhere_too_is_left_alone(void **state) {
    (void)state;
    expect("SELECT * FROM t, t u WHERE t.a = 1", "");
    expect("SELECT * FROM t WHERE a = 1 AND b IN (SELECT b FROM \"T\")", "");
    expect("WITH t AS (SELECT * FROM s.t WHERE a = 1) SELECT * FROM t", "");
    expect("WITH t AS (SELECT 1 a) SELECT * FROM t WHERE a = 1", "");
    expect("SELECT t FROM t WHERE a = 1", "");
    expect("SELECT * FROM t WHERE a = 1 UNION ALL SELECT * FROM query_table('t')", "");
    expect("SELECT * FROM t, query_table('s' || '.t') WHERE t.a = 1", "");
    expect("SELECT * FROM t, \"query\"('FROM t') WHERE t.a = 1", "");
    expect("SELECT * FROM t, pyr_scan('main', chr(116)) WHERE t.a = 1", "");
    expect("SELECT * FROM t, pyr_scan_rows('main', 't' || '') WHERE t.a = 1", "");
    expect("SELECT * FROM t, 't' u WHERE t.a = 1", "");
    expect("SELECT * FROM t, E't' u WHERE t.a = 1", "");
    expect("SELECT * FROM t, $$t$$ u WHERE t.a = 1", "");
    expect("SELECT * FROM t, U&\"\\0074\" u WHERE t.a = 1", "");
    expect("SELECT * FROM pyr_scan_rows('main', 't') AS x, t WHERE x.a = 1", "");
    expect("SELECT * FROM t TABLESAMPLE 10% WHERE a = 1", "");
    expect("SELECT * FROM t WHERE a = 1 USING SAMPLE 10 ROWS", "");
    expect("SELECT * FROM t WHERE b = 't' AND a = 1", "");
    expect("PIVOT t ON a USING sum(b)", "");
    expect("SELECT * FROM u AS t WHERE t.a = 1", "");
    expect("SELECT * FROM x: t WHERE x.a = 1", "");
}

static void hostile_texts_end(void **state) {
    (void)state;
    expect("", "");
    expect("t", "");
    expect("FROM t WHERE", "");
    expect("FROM t WHERE a", "");
    expect("FROM t WHERE a =", "");
    expect("FROM t WHERE a = -", "");
    expect("FROM t WHERE a BETWEEN 1 AND", "");
    expect("FROM t WHERE a IN (", "");
    expect("FROM t WHERE a IN (1,", "");
    expect("FROM t WHERE a IN ()", "");
    expect("FROM t WHERE a IS NOT", "");
    expect("FROM t WHERE a = CAST(", "");
    expect("FROM t WHERE a = 'x'::", "");
    expect("FROM t WHERE a = 5::", "");
    expect("FROM t WHERE AND AND", "");
    expect("FROM t WHERE a = 'x", "");
    expect("FROM t AS", "");
    expect("FROM t WHERE ) a = 1", "");
    expect("FROM t WHERE t.", "");
    expect("pyr_scan_rows('a', 't'", "");
    pyr_text deep;
    pyr_text_init(&deep);
    pyr_text_add(&deep, "FROM t WHERE ");
    for (int i = 0; i < 1000; ++i) {
        pyr_text_add(&deep, "(b = 1 AND ");
    }
    pyr_arena arena;
    pyr_conjunct *conjuncts = NULL;
    size_t count = 0;
    pyr_arena_init(&arena, NULL);
    pyr_token_list list;
    assert_int_equal(pyr_token_list_read(pyr_text_get(&deep), deep.length, &list, NULL), PYR_OK);
    assert_int_equal(pyr_sql_conjuncts(&list, "t", false, &arena, &conjuncts, &count, NULL),
                     PYR_OK);
    pyr_token_list_deinit(&list);
    pyr_arena_deinit(&arena);
    pyr_text_deinit(&deep);
}

static void a_functions_place_is_its_one_call(void **state) {
    (void)state;
    expect_of("SELECT * FROM t('x', a := true) WHERE b > 1", true, "b>1");
    expect_of("SELECT * FROM T ( 'x' ) AS f WHERE f.b > 1 AND c = 2", true, "b>1; c=2");
    expect_of("SELECT * FROM u, t('x') f WHERE f.b > 1", true, "b>1");
    expect_of("SELECT * FROM t() WHERE b > 1", true, "b>1");
    expect_of("SELECT * FROM t('x') WHERE b > 1", false, "");
    expect_of("SELECT * FROM t WHERE b > 1", true, "");
    expect_of("SELECT * FROM t('x') a, t('x') b WHERE b.b > 1", true, "");
    expect_of("SELECT * FROM t(lower('x')) WHERE b > 1", true, "");
    expect_of("SELECT * FROM t('x') f(b) WHERE b > 1", true, "");
    expect_of("SELECT t(1) FROM t('x') WHERE b > 1", true, "");
    expect_of("SELECT t.b FROM t('x') WHERE b > 1", true, "");
    expect_of("SELECT * FROM t('x', WHERE b > 1", true, "");
    expect_of("SELECT * FROM t(", true, "");
}

static bool mentions(const char *text, const char *name) {
    pyr_token_list list;
    assert_int_equal(pyr_token_list_read(text, strlen(text), &list, NULL), PYR_OK);
    bool found = pyr_token_list_mentions(&list, name);
    pyr_token_list_deinit(&list);
    return found;
}

static void a_name_is_found_wherever_it_stands(void **state) {
    (void)state;
    static const char *const with[] = {"SELECT * FROM t", "x.T", "'a t b'", "\"t\"", "$$ st $$"};
    static const char *const without[] = {"", "tt", "at + u", "1", "u -- t"};
    for (size_t i = 0; i < 5; ++i) {
        assert_true(mentions(with[i], "t"));
        assert_false(mentions(without[i], "t"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_functions_place_is_its_one_call),
        cmocka_unit_test(comparisons_with_constants_are_taken),
        cmocka_unit_test(what_is_not_a_column_and_a_constant_is_left_out),
        cmocka_unit_test(labels_called_case_and_end_are_no_brackets),
        cmocka_unit_test(the_place_of_the_table_is_understood),
        cmocka_unit_test(a_table_that_may_stand_elsewhere_too_is_left_alone),
        cmocka_unit_test(hostile_texts_end),
        cmocka_unit_test(a_name_is_found_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
