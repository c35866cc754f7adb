/* tree_test.c - queries into trees. The trees of expressions follow DuckDB 1.5.6, which prints what
 * it parsed with all brackets (tree_name_test.c has the same in its words). */
#include "unit/sql/support_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tree_case {
    const char *sql;
    const char *tree;
} tree_case;

static void check_query(const char *sql, const char *expected) {
    tree_text text = tree_of(sql);
    pyr_text printed;
    pyr_text_init(&printed);
    assert_int_equal(text.status, PYR_OK);
    if (text.tree.root == NULL) {
        fail_msg("%s: not covered: %s", sql, text.tree.not_covered);
    }
    assert_null(text.tree.not_covered);
    tree_print_query(text.tree.root, &printed);
    assert_string_equal(pyr_text_get(&printed), expected);
    pyr_text_deinit(&printed);
    tree_free(&text);
}

static void check_expressions(const tree_case *cases, size_t count) {
    char sql[512];
    char expected[512];
    for (size_t i = 0; i < count; ++i) {
        (void)snprintf(sql, sizeof(sql), "SELECT %s", cases[i].sql);
        (void)snprintf(expected, sizeof(expected), "[select %s]", cases[i].tree);
        check_query(sql, expected);
    }
}
#define CHECK_EXPRESSIONS(cases) check_expressions(cases, sizeof(cases) / sizeof((cases)[0]))

static void operators_bind_as_in_duckdb(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"a + b * 2 - 1", "(- (+ a (* b 2)) 1)"},
        {"(a + b) * 2", "(* (+ a b) 2)"},
        {"a / b // c % 2", "(% (// (/ a b) c) 2)"},
        {"a ^ b ^ 2", "(^ (^ a b) 2)"},
        {"2 ^ 3 * a", "(* (^ 2 3) a)"},
        {"-a ^ 2", "(^ (- a) 2)"},
        {"-a::int", "(- (cast a INTEGER))"},
        {"-1", "-1"},
        {"- (-1)", "1"},
        {"-(1.5)", "-15e-1"},
        {"-1e3", "-1000.0f"},
        {"-'a'", "(- 'a')"},
        {"+1", "(+ 1)"},
        {"a - -1", "(- a -1)"},
        {"a || b + 1", "(|| a (+ b 1))"},
        {"a | b & 1", "(& (| a b) 1)"},
        {"a << 1 + 1", "(<< a (+ 1 1))"},
        {"~a + 1", "(~ (+ a 1))"},
        {"~a || b", "(|| (~ a) b)"},
        {"a >> 1 == b BETWEEN 1 AND 2", "(between (= (>> a 1) b) 1 2)"},
        {"~ NOT a", "(~ (not a))"},
        {"a BETWEEN (NOT b) AND NOT c", "(between a (not b) (not c))"},
        {"1 + ~a * 2", "(+ 1 (~ (* a 2)))"},
        {"a = 1 AND b == 2 OR c != 3", "(or (and (= a 1) (= b 2)) (<> c 3))"},
        {"a AND (b AND c) AND d", "(and a b c d)"},
        {"(a OR b) OR (c OR d)", "(or a b c d)"},
        {"a AND (b OR c)", "(and a (or b c))"},
        {"a + 1 < b * 2", "(< (+ a 1) (* b 2))"},
        {"a = 1 IS NULL", "(is null (= a 1))"},
        {"a IS NOT NULL = f", "(= (is not null a) f)"},
        {"a IS NULL IS NULL", "(is null (is null a))"},
        {"a ISNULL AND b NOTNULL", "(and (is null a) (is not null b))"},
        {"f = a IN (1, 2)", "(= f (in a 1 2))"},
        {"a IN (1) IN (true)", "(in (in a 1) TRUE)"},
        {"a IN (1, 2) = f", "(= (in a 1 2) f)"},
        {"a BETWEEN 1 + 1 AND b * 2 OR f", "(or (between a (+ 1 1) (* b 2)) f)"},
        {"a NOT BETWEEN 1 AND 2 AND f", "(and (not-between a 1 2) f)"},
        {"c || 'x' LIKE 'a' || 'b'", "(~~ (|| c 'x') (|| 'a' 'b'))"},
        {"c LIKE 'x' = f", "(= (~~ c 'x') f)"}};
    CHECK_EXPRESSIONS(cases);
}

static void not_is_folded_as_in_duckdb(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"NOT f", "(not f)"},
        {"NOT NOT f", "(not (not f))"},
        {"NOT a = 1", "(<> a 1)"},
        {"NOT a < 1", "(>= a 1)"},
        {"NOT (a >= 1)", "(< a 1)"},
        {"f = NOT a = b", "(= f (<> a b))"},
        {"f AND NOT a > 1 AND g", "(and f (<= a 1) g)"},
        {"NOT a IN (1)", "(not-in a 1)"},
        {"NOT (a NOT IN (1))", "(not (not-in a 1))"},
        {"NOT a BETWEEN 1 AND 2", "(not-between a 1 2)"},
        {"NOT a IS NULL", "(not (is null a))"},
        {"NOT f IS TRUE", "(is not true f)"},
        {"NOT a IS DISTINCT FROM b", "(is not distinct from a b)"},
        {"NOT c LIKE 'x'", "(not (~~ c 'x'))"},
        {"NOT (a = 1 AND b = 2)", "(not (and (= a 1) (= b 2)))"},
        {"NOT EXISTS (SELECT 1)", "(not-exists [select 1])"},
        {"NOT (NOT EXISTS (SELECT 1))", "(not (not-exists [select 1]))"},
        {"a NOT IN (SELECT 1)", "(not-in a [select 1])"}};
    char sql[512];
    char expected[512];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        /* Some have no name that we are sure of. */
        (void)snprintf(sql, sizeof(sql), "SELECT %s AS x", cases[i].sql);
        (void)snprintf(expected, sizeof(expected), "[select %s:x]", cases[i].tree);
        check_query(sql, expected);
    }
}

static void patterns_and_tests_are_calls(void **state) {
    (void)state;
    static const tree_case cases[] = {{"c LIKE 'x'", "(~~ c 'x')"},
                                      {"c NOT LIKE 'x'", "(not (~~ c 'x'))"},
                                      {"c ILIKE 'x'", "(~~* c 'x')"},
                                      {"c NOT ILIKE 'x' ESCAPE '\\'", "(not (~~* c 'x' '\\'))"},
                                      {"c ~~ 'x'", "(~~ c 'x')"},
                                      {"c !~~* 'x'", "(not (~~* c 'x'))"},
                                      {"c GLOB 'x*'", "(~~~ c 'x*')"},
                                      {"c ~ 'x'", "(@regexp_full_match c 'x')"},
                                      {"c NOT SIMILAR TO 'x'", "(not (@regexp_full_match c 'x'))"},
                                      {"f IS UNKNOWN", "(is null f)"},
                                      {"f IS FALSE", "(is false f)"},
                                      {"f IS NOT TRUE", "(is not true f)"},
                                      {"a IS DISTINCT FROM b + 1", "(is distinct from a (+ b 1))"}};
    CHECK_EXPRESSIONS(cases);
}

static void constructs_are_calls(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"EXTRACT(minute FROM ts)", "(extract 'minute' ts)"},
        {"extract(YEARS FROM d + 1)", "(extract 'year' (+ d 1))"},
        {"extract('Foo' FROM d)", "(extract 'Foo' d)"},
        {"SUBSTRING(c FROM 1 FOR 2)", "(substring c 1 2)"},
        {"SUBSTRING(c FROM 2)", "(substring c 2)"},
        {"SUBSTRING(c FOR 2)", "(substring c 1 (cast 2 INTEGER))"},
        {"SUBSTRING(c, 1, 2)", "(substring c 1 2)"},
        {"TRIM(c)", "(trim c)"},
        {"TRIM(BOTH FROM c)", "(trim c)"},
        {"TRIM(LEADING 'x' FROM c)", "(ltrim c 'x')"},
        {"TRIM(TRAILING 'x' FROM c)", "(rtrim c 'x')"},
        {"TRIM('x' FROM c)", "(trim c 'x')"},
        {"POSITION('a' IN c)", "(position 'a' c)"},
        {"COALESCE(a, b, 1)", "(@coalesce a b 1)"},
        {"NULLIF(a, 1)", "(@nullif a 1)"},
        {"IF(f, 1, 2)", "(@if f 1 2)"},
        {"LEFT(c, 1)", "(@left c 1)"},
        {"CASE WHEN a = 1 THEN 2 END", "(case when (= a 1) then 2)"},
        {"CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END",
         "(case a when 1 then 2 when 3 then 4 else 5)"},
        {"CAST(a AS DECIMAL(10, 2))", "(cast a DECIMAL(10,2))"},
        {"TRY_CAST(c AS date)", "(try_cast c DATE)"},
        {"a::int::double precision", "(cast (cast a INTEGER) DOUBLE)"},
        {"DATE '2020-01-01'", "(cast '2020-01-01' DATE)"},
        {"TIMESTAMP '2020-01-01'", "(cast '2020-01-01' TIMESTAMP)"},
        {"TIMESTAMP WITH TIME ZONE '2020-01-01'", "(cast '2020-01-01' TIMESTAMP WITH TIME ZONE)"},
        {"bigint '1'", "(cast '1' BIGINT)"},
        {"INTERVAL '1' DAY", "(interval 0 1 0)"},
        {"INTERVAL 3 MONTHS", "(interval 3 0 0)"},
        {"INTERVAL '-2' HOUR", "(interval 0 0 -7200000000)"},
        {"INTERVAL '1 year 2 days'", "(interval 12 2 0)"},
        {"INTERVAL '  4 Hours 2 MILLENNIA '", "(interval 24000 0 14400000000)"},
        {"d - INTERVAL 2 weeks", "(- d (interval 0 14 0))"}};
    CHECK_EXPRESSIONS(cases);
}

static void functions_have_all_their_clauses(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"COUNT(*)", "(@count *)"},
        {"count()", "(@count *)"},
        {"COUNT(DISTINCT a)", "(@count distinct a)"},
        {"Sum(ALL a + 1)", "(@sum (+ a 1))"},
        {"sum(a) FILTER (WHERE a > 1)", "(@sum a filter (> a 1))"},
        {"sum(a) FILTER (a > 1)", "(@sum a filter (> a 1))"},
        {"string_agg(c, ',' ORDER BY a DESC, b)", "(@string_agg c ',' order a desc b)"},
        {"row_number() OVER ()", "(@row_number over {})"},
        {"sum(a) OVER (PARTITION BY b, c ORDER BY a DESC NULLS FIRST)",
         "(@sum a over {by b c order a desc nulls first})"},
        {"sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
         "(@sum a over { order b rows -inf..0})"},
        {"sum(a) OVER (ROWS 2 PRECEDING)", "(@sum a over { rows -2..0})"},
        {"sum(a) OVER (GROUPS BETWEEN 1 PRECEDING AND a + 1 FOLLOWING)",
         "(@sum a over { groups -1..+(+ a 1)})"},
        {"sum(a) OVER (RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
         "(@sum a over { range 0..+inf})"},
        {"lag(a, 1 IGNORE NULLS) OVER (ORDER BY b)", "(@lag a 1 ignore nulls over { order b})"},
        {"first(a ORDER BY b) FILTER (WHERE f) OVER ()", "(@first a order b filter f over {})"}};
    CHECK_EXPRESSIONS(cases);
}

static void names_keep_their_parts(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"a, t.a, s.t.\"B c\"", "a t.a s.t.B c"},
        {"*, t.*", "* t.*"},
        {"* EXCLUDE (a, b)", "*-a-b"},
        {"t.* EXCLUDE a", "t.*-a"},
        {"a x, b AS select, c \"y z\", 1 AS 'q'", "a:x b:select c:y z 1:q"},
        {"?, ? + 1", "$1 (+ $2 1)"},
        {"$2 || $1", "(|| $2 $1)"},
        {"t.order, values", "t.order values"}};
    CHECK_EXPRESSIONS(cases);
}

static void queries_have_all_their_clauses(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"SELECT DISTINCT a FROM s.t x WHERE a > 1 ORDER BY a DESC, 2 LIMIT 3 OFFSET ?;",
         "[select distinct a from s.t:x where (> a 1) order a desc 2 limit 3 offset $1]"},
        {"SELECT a FROM t OFFSET 2 LIMIT ALL", "[select a from t offset 2]"},
        {"SELECT a FROM t ORDER BY ALL DESC LIMIT NULL", "[select a from t order all desc]"},
        {"FROM t SELECT a WHERE b", "[select a from t where b]"},
        {"FROM t", "[select * from t]"},
        {"TABLE s.t LIMIT 1", "[select * from s.t limit 1]"},
        {"VALUES (1, 'a'), (2, ?) ORDER BY 1", "[values 2x2 1 'a' 2 $1 order 1]"},
        {"SELECT a, count(*) FROM t GROUP BY ALL HAVING count(*) > 1",
         "[select a (@count *) from t group all having (> (@count *) 1)]"},
        {"SELECT a FROM t QUALIFY rank() OVER (ORDER BY b) = 1",
         "[select a from t qualify (= (@rank over { order b}) 1)]"},
        {"SELECT sum(a) OVER w, min(a) OVER W FROM t WINDOW w AS (PARTITION BY b) "
         "QUALIFY max(a) OVER w = 1",
         "[select (@sum a over {by b}) (@min a over {by b}) from t qualify "
         "(= (@max a over {by b}) 1)]"},
        {"SELECT 1 UNION ALL SELECT 2 UNION SELECT 3 ORDER BY 1 LIMIT 2",
         "[union [union all [select 1] [select 2]] [select 3] order 1 limit 2]"},
        {"SELECT 1 EXCEPT SELECT 2 INTERSECT ALL SELECT 3 UNION SELECT 4",
         "[union [except [select 1] [intersect all [select 2] [select 3]]] [select 4]]"},
        {"SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b",
         "[union all by name [select 1:a] [select 2:b]]"},
        {"(SELECT 1 EXCEPT ALL SELECT 2) INTERSECT DISTINCT SELECT 3",
         "[intersect [except all [select 1] [select 2]] [select 3]]"},
        {"(SELECT a FROM t LIMIT 1) UNION ALL (VALUES (2))",
         "[union all [select a from t limit 1] [values 1x1 2]]"},
        {"(SELECT a FROM t) LIMIT 1", "[select a from t limit 1]"},
        {"WITH x(a, b) AS (SELECT 1, 2), y AS NOT MATERIALIZED (SELECT a FROM x) SELECT * FROM y",
         "[with x(a b) [select 1 2] with y [select a from x] select * from y]"},
        {"SELECT (SELECT max(b) FROM u WHERE u.a = t.a) m FROM t WHERE EXISTS (FROM u) "
         "AND a IN (VALUES (1))",
         "[select (query [select (@max b) from u where (= u.a t.a)]):m from t where "
         "(and (exists [select * from u]) (in a [values 1x1 1]))]"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        check_query(cases[i].sql, cases[i].tree);
    }
}

static void joins_lean_to_the_left(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"a, b, c", "(cross (cross a b) c)"},
        {"a, b JOIN c ON x = y", "(cross a (inner b c on (= x y)))"},
        {"a JOIN b USING (x, y) LEFT OUTER JOIN c ON f", "(left (inner a b using(x y)) c on f)"},
        {"a CROSS JOIN b NATURAL FULL JOIN c", "(natural full (cross a b) c)"},
        {"a RIGHT JOIN b ON f SEMI JOIN c USING (x) ANTI JOIN d ON g",
         "(anti (semi (right a b on f) c using(x)) d on g)"},
        {"a JOIN (b JOIN c ON f) ON g", "(inner a (inner b c on f) on g)"},
        {"(SELECT 1) AS s(x), (VALUES (1, 2)) v", "(cross [select 1]:s(x) [values 1x2 1 2]:v)"},
        {"'a b.arrow' q, read_arrow('c/*.arrow'), \"d.parquet\"",
         "(cross (cross 'a b.arrow':q read_arrow('c/*.arrow')) d.parquet)"},
        {"read_zarr('z', $1, decode_cf := true) AS z(x), f(), g(-1, a = 'b')",
         "(cross (cross read_zarr('z' $1 decode_cf:TRUE):z(x) f()) g(-1 a:'b'))"},
        {"((SELECT 1) UNION SELECT 2) u", "[union [select 1] [select 2]]:u"}};
    char sql[512];
    char expected[512];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s", cases[i].sql);
        (void)snprintf(expected, sizeof(expected), "[select * from %s]", cases[i].tree);
        check_query(sql, expected);
    }
}

static void grouping_sets_are_multiplied_out(void **state) {
    (void)state;
    static const tree_case cases[] = {
        {"a, t.b", "a t.b {0,1}"},
        {"a, A, a", "a {0}"},
        {"1, a + 1", "1 (+ a 1) {0,1}"},
        {"()", " {}"},
        {"ROLLUP (a, b)", "a b {0,1} {0} {}"},
        {"ROLLUP ((a, b), c), d", "a b c d {0,1,2,3} {0,1,3} {3}"},
        {"CUBE (a, b)", "a b {0,1} {0} {1} {}"},
        {"GROUPING SETS ((a, b), a, ((a), b), ())", "a b {0,1} {0} {0,1} {}"},
        {"GROUPING SETS (ROLLUP (a, b), (c)), d", "a b c d {0,1,3} {0,3} {3} {2,3}"},
        {"d, CUBE (a), ROLLUP (b)", "d a b {0,1,2} {0,1} {0,2} {0}"},
        {"GROUPING SETS ((lower(a)), (lower(A), b))", "(@lower a) b {0} {0,1}"}};
    char sql[512];
    char expected[512];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        (void)snprintf(sql, sizeof(sql), "SELECT 1 FROM t GROUP BY %s", cases[i].sql);
        (void)snprintf(expected, sizeof(expected), "[select 1 from t group%s%s]",
                       cases[i].tree[0] == ' ' ? "" : " ", cases[i].tree);
        check_query(sql, expected);
    }
}

static void what_is_not_covered_is_named_at_its_place(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *what;
        size_t offset;
    } cases[] = {
        {"SELECT 1 IN (SELECT 1 AS a UNION BY NAME SELECT 2 AS a)", "UNION BY NAME here", 41},
        {"WITH RECURSIVE x AS (SELECT 1) SELECT 1", "WITH RECURSIVE", 5},
        {"SELECT [1]", "\"[\" at this place", 7},
        {"SELECT {'a': 1}", "\"{\" at this place", 7},
        {"SELECT a[1] FROM t", "\"[\" at this place", 8},
        {"SELECT (1, 2)", "a row of values", 9},
        {"SELECT list_filter(l, x -> x) FROM t", "operator ->", 24},
        {"SELECT COLUMNS(*) FROM t", "COLUMNS", 7},
        {"SELECT DISTINCT ON (a) b FROM t", "DISTINCT ON", 16},
        {"SELECT * FROM range(a)", "a table function of other than constants", 20},
        {"SELECT * FROM a ASOF JOIN b USING (x)", "JOIN", 16},
        {"SELECT * FROM a POSITIONAL JOIN b", "JOIN", 16},
        {"SELECT * FROM a, LATERAL (SELECT 1)", "LATERAL", 17},
        {"SELECT * FROM t TABLESAMPLE 10%", "TABLESAMPLE", 16},
        {"SELECT * REPLACE (1 AS a) FROM t", "function REPLACE", 9},
        {"SELECT a FROM t LIMIT 10%", "a query that ends here", 25},
        {"SELECT a FROM t LIMIT 1 + 1", "this kind of LIMIT or OFFSET", 27},
        {"SELECT a FROM t LIMIT -1", "this kind of LIMIT or OFFSET", 24},
        {"SELECT a = b = c FROM t", "operator =", 13},
        {"SELECT a BETWEEN 1 AND 2 BETWEEN 3 AND 4 FROM t", "\"BETWEEN\"", 25},
        {"SELECT a LIKE b LIKE c FROM t", "LIKE", 16},
        {"SELECT a name FROM t", "\"name\"", 9},
        {"SELECT c COLLATE nocase FROM t", "COLLATE", 9},
        {"SELECT a::mood FROM t", "the type mood", 10},
        {"SELECT date(a) FROM t", "function date", 11},
        {"SELECT a.b.c.d", "a name of four parts", 13},
        {"SELECT main.lower('a')", "function lower", 12},
        {"SELECT a IN ((SELECT 1)) x", "IN with a query in two brackets", 23},
        {"SELECT 99999999999999999999", "the literal 99999999999999999999", 7},
        {"SELECT INTERVAL (a) DAY", "INTERVAL of an expression", 16},
        {"WITH a AS (SELECT 1), A AS (SELECT 2) SELECT 1", "a name twice in WITH", 38},
        {"SELECT * EXCLUDE (a, A) FROM t", "a name twice in EXCLUDE, or very many", 24},
        {"SELECT first(a IGNORE NULLS) FROM t", "IGNORE NULLS without OVER", 29},
        {"SELECT NULLIF(a) FROM t", "\")\" at this place", 15},
        {"SELECT COALESCE(a) OVER () FROM t", "function OVER", 19},
        {"SELECT a || NOT b FROM t", "NOT", 12},
        {"SELECT a BETWEEN 1 + NOT b AND 2 FROM t", "NOT", 21},
        {"SELECT U&'a'", "\"U\"", 7},
        {"SELECT INTERVAL '+1 day'", "this kind of INTERVAL", 24},
        {"SELECT INTERVAL '1.5' DAY", "this kind of INTERVAL", 25},
        {"SELECT sum(a) OVER v FROM t WINDOW w AS ()", "a window whose name is not defined", 42},
        {"SELECT 1 'a", "unterminated quoted string at or near \"'a\"", 9},
        {"SELECT 1; SELECT 2", "one statement was expected, here begins another", 10},
        {"SELECT EXISTS (SELECT 1)", "an expression whose name is DuckDB's, without AS", 24},
        {"INSERT INTO t VALUES (1)", "\"INSERT\"", 0},
        {"", "a query that ends here", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        tree_text text = tree_of(cases[i].sql);
        assert_int_equal(text.status, PYR_OK);
        assert_null(text.tree.root);
        if (text.tree.not_covered == NULL || strcmp(text.tree.not_covered, cases[i].what) != 0) {
            fail_msg("%s: %s", cases[i].sql, text.tree.not_covered);
        }
        assert_int_equal(text.tree.not_covered_offset, cases[i].offset);
        tree_free(&text);
    }
}

/* before, then middle `count` times, then behind. */
static char *repeat(const char *before, const char *middle, size_t count, const char *behind) {
    size_t length = strlen(middle);
    char *text = malloc(strlen(before) + length * count + strlen(behind) + 1);
    assert_non_null(text);
    char *end = text + sprintf(text, "%s", before);
    for (size_t i = 0; i < count; ++i) {
        memcpy(end, middle, length);
        end += length;
    }
    (void)sprintf(end, "%s", behind);
    return text;
}

static void nesting_is_bounded(void **state) {
    (void)state;
    static const struct {
        const char *before, *middle, *behind;
    } cases[] = {{"SELECT ", "(", "1"},
                 {"SELECT ", "- ", "a"},
                 {"SELECT ", "NOT ", "a"},
                 {"SELECT a", " + a", ""},
                 {"SELECT a", "::int", ""},
                 {"SELECT a", " IS NULL", ""},
                 {"SELECT ", "f(", "1"},
                 {"SELECT ", "CASE WHEN ", "1"},
                 {"SELECT ", "(SELECT ", "1"},
                 {"", "(", "SELECT 1"},
                 {"SELECT 1", " UNION SELECT 1", ""},
                 {"SELECT * FROM a", ", a", ""},
                 {"SELECT * FROM ", "(", "a"},
                 {"SELECT * FROM ", "(SELECT * FROM ", "a"},
                 {"", "WITH a AS (", "SELECT 1"},
                 {"SELECT 1 FROM t GROUP BY ", "GROUPING SETS (", "a"},
                 {"SELECT ", "sum(a) OVER (ORDER BY ", "1"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char *sql = repeat(cases[i].before, cases[i].middle, 20000, cases[i].behind);
        tree_text text = tree_of(sql);
        assert_int_equal(text.status, PYR_OK);
        assert_null(text.tree.root);
        assert_string_equal(text.tree.not_covered, "nesting this deep");
        tree_free(&text);
        free(sql);
    }
}

static void long_lists_are_no_nesting(void **state) {
    (void)state;
    static const char *const cases[][3] = {{"SELECT a", " AND a", ""},
                                           {"SELECT a", ", a", ""},
                                           {"SELECT 1 FROM t WHERE a IN (1", ", 1", ")"},
                                           {"SELECT f(1", ", 1", ")"},
                                           {"VALUES (1)", ", (1)", ""},
                                           {"SELECT CASE", " WHEN a THEN b", " END"},
                                           {"SELECT 1 FROM t GROUP BY a", ", b", ""},
                                           {"SELECT 1 ORDER BY a", ", a", ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char *sql = repeat(cases[i][0], cases[i][1], 20000, cases[i][2]);
        tree_text text = tree_of(sql);
        assert_int_equal(text.status, PYR_OK);
        if (text.tree.root == NULL) {
            fail_msg("%s...: %s", cases[i][0], text.tree.not_covered);
        }
        assert_true(text.tree.root->height <= 5);
        tree_free(&text);
        free(sql);
    }
}

static void sets_are_bounded(void **state) {
    (void)state;
    static const char *const cases[][3] = {{"SELECT 1 FROM t GROUP BY CUBE (a", ", a1", ")"},
                                           {"SELECT 1 FROM t GROUP BY CUBE (a)", ", CUBE (a)", ""},
                                           {"SELECT 1 FROM t GROUP BY ROLLUP (a", ", a1", ")"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char *sql = repeat(cases[i][0], cases[i][1], 5000, cases[i][2]);
        tree_text text = tree_of(sql);
        assert_int_equal(text.status, PYR_OK);
        assert_null(text.tree.root);
        assert_string_equal(text.tree.not_covered, "this many GROUPING SETS");
        tree_free(&text);
        free(sql);
    }
}

static void a_budget_that_ends_is_an_error(void **state) {
    (void)state;
    static const char sql[] = "WITH x AS (SELECT 1) SELECT a::int, sum(b) OVER (ORDER BY c), -1.5 "
                              "FROM t JOIN x USING (a) WHERE a IN (1, 2) GROUP BY ROLLUP (a, b)";
    bool parsed = false;
    for (size_t limit = 1; !parsed; limit += 509) {
        pyr_budget *budget = pyr_budget_create(limit);
        pyr_arena arena;
        pyr_tree tree;
        pyr_error error;
        pyr_arena_init(&arena, budget);
        pyr_status status = pyr_tree_parse(sql, strlen(sql), &arena, &tree, &error);
        parsed = status == PYR_OK;
        assert_true(parsed || status == PYR_ERROR_MEMORY || status == PYR_ERROR_LIMIT);
        assert_true((tree.root != NULL) == parsed);
        pyr_tree_deinit(&tree);
        pyr_arena_deinit(&arena);
        pyr_budget_release(budget);
    }
}

static void a_tree_that_is_zero_can_be_released(void **state) {
    (void)state;
    pyr_tree tree;
    memset(&tree, 0, sizeof(tree));
    pyr_tree_deinit(&tree);
    assert_null(tree.root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(operators_bind_as_in_duckdb),
                                       cmocka_unit_test(not_is_folded_as_in_duckdb),
                                       cmocka_unit_test(patterns_and_tests_are_calls),
                                       cmocka_unit_test(constructs_are_calls),
                                       cmocka_unit_test(functions_have_all_their_clauses),
                                       cmocka_unit_test(names_keep_their_parts),
                                       cmocka_unit_test(queries_have_all_their_clauses),
                                       cmocka_unit_test(joins_lean_to_the_left),
                                       cmocka_unit_test(grouping_sets_are_multiplied_out),
                                       cmocka_unit_test(what_is_not_covered_is_named_at_its_place),
                                       cmocka_unit_test(nesting_is_bounded),
                                       cmocka_unit_test(long_lists_are_no_nesting),
                                       cmocka_unit_test(sets_are_bounded),
                                       cmocka_unit_test(a_budget_that_ends_is_an_error),
                                       cmocka_unit_test(a_tree_that_is_zero_can_be_released)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
