/* rules_join_test.c - plans before and after the rules: joins and subqueries. */
#include "unit/plan/support_plan.h"

#include <stdlib.h>

static const char *const tables =
    "CREATE TABLE t(a INTEGER, b BIGINT NOT NULL, h SMALLINT, s VARCHAR, d DATE, p DECIMAL(9,2));"
    "CREATE TABLE u(x INTEGER, y BIGINT NOT NULL);"
    "CREATE TABLE v(y BIGINT, z INTEGER);";

/* sql is planned as before without the rules, and as after with them. */
static void check(const char *sql, const char *before, const char *after) {
    plan_fixture fixture;
    plan_setup(&fixture);
    plan_create(&fixture, tables);
    assert_plan(&fixture, sql, false, before);
    assert_plan(&fixture, sql, true, after);
    plan_teardown(&fixture);
}

static void equalities_of_a_comma_join_become_keys(void **state) {
    (void)state;
    check("SELECT t.a, v.z FROM t, u, v WHERE t.a = u.x AND u.y = v.y AND v.z > 3 AND t.b < u.x",
          "PROJECT a, z\n"
          "  FILTER (a = x) AND (y = y) AND (z > 3) AND (b < CAST(x AS BIGINT))\n"
          "    JOIN INNER\n"
          "      JOIN INNER\n"
          "        SCAN t (a, b, h, s, d, p)\n"
          "        SCAN u (x, y)\n"
          "      SCAN v (y, z)\n",
          "PROJECT a, z\n"
          "  JOIN INNER ON y = y\n"
          "    FILTER (b < CAST(x AS BIGINT))\n"
          "      JOIN INNER ON a = x\n"
          "        SCAN t (a, b)\n"
          "        SCAN u (x, y)\n"
          "    SCAN v (y, z) WHERE (z > 3)\n");
}

static void what_every_arm_of_an_or_says_becomes_a_key(void **state) {
    (void)state;
    check(
        "SELECT count(*) FROM t, u WHERE (t.a = u.x AND t.s = 'p' AND u.y < 3) OR (t.a = u.x AND "
        "t.s = 'q' AND u.y > 7)",
        "PROJECT #0\n"
        "  AGGREGATE count(*)\n"
        "    FILTER (((a = x) AND (s = 'p') AND (y < 3)) OR ((a = x) AND (s = 'q') AND (y > 7)))\n"
        "      JOIN INNER\n"
        "        SCAN t (a, b, h, s, d, p)\n"
        "        SCAN u (x, y)\n",
        "PROJECT #0\n"
        "  AGGREGATE count(*)\n"
        "    FILTER (((a = x) AND (y < 3) AND (s = 'p')) OR ((a = x) AND (y > 7) AND (s = 'q')))\n"
        "      JOIN INNER ON a = x\n"
        "        SCAN t (a, s) WHERE ((s = 'p') OR (s = 'q'))\n"
        "        SCAN u (x, y) WHERE ((y < 3) OR (y > 7))\n");
}

static void a_cte_read_once_is_a_subquery_and_twice_runs_once(void **state) {
    (void)state;
    check("WITH q AS (SELECT a, count(*) AS n FROM t GROUP BY a), r AS (SELECT max(n) AS m FROM q) "
          "SELECT q.a FROM q, r WHERE q.n = r.m",
          "PROJECT a\n"
          "  FILTER (n = m)\n"
          "    JOIN INNER\n"
          "      MATERIALIZED 0\n"
          "      PROJECT #0\n"
          "        AGGREGATE max(n)\n"
          "          MATERIALIZED 0\n"
          "materialized 0:\n"
          "  PROJECT a, #1\n"
          "    AGGREGATE BY a: count(*)\n"
          "      SCAN t (a, b, h, s, d, p)\n",
          "PROJECT a\n"
          "  JOIN INNER ON n = m\n"
          "    MATERIALIZED 0\n"
          "    PROJECT #0\n"
          "      AGGREGATE max(n)\n"
          "        MATERIALIZED 0\n"
          "materialized 0:\n"
          "  PROJECT a, #1\n"
          "    AGGREGATE BY a: count(*)\n"
          "      SCAN t (a)\n");
}

static void exists_and_in_become_semi_joins(void **state) {
    (void)state;
    check("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.x = t.a AND u.y <> t.b) AND b NOT "
          "IN (SELECT y FROM u)",
          "PROJECT a\n"
          "  JOIN ANTI ON b = y\n"
          "    JOIN SEMI ON a = x RESIDUAL (y <> b)\n"
          "      SCAN t (a, b, h, s, d, p)\n"
          "      SCAN u (x, y)\n"
          "    PROJECT y\n"
          "      SCAN u (x, y)\n",
          "PROJECT a\n"
          "  JOIN ANTI ON b = y\n"
          "    JOIN SEMI ON a = x RESIDUAL (y <> b)\n"
          "      SCAN t (a, b)\n"
          "      SCAN u (x, y)\n"
          "    PROJECT y\n"
          "      SCAN u (y)\n");
}

static void a_correlated_aggregate_is_grouped_by_its_keys(void **state) {
    (void)state;
    check("SELECT a FROM t WHERE b < (SELECT count(*) + 1 FROM u WHERE u.x = t.a)",
          "PROJECT a\n"
          "  FILTER (b < (coalesce(#7, 0) + 1))\n"
          "    JOIN LEFT ON a = x\n"
          "      SCAN t (a, b, h, s, d, p)\n"
          "      AGGREGATE BY x: count(*)\n"
          "        SCAN u (x, y)\n",
          "PROJECT a\n"
          "  FILTER (b < (coalesce(#3, 0) + 1))\n"
          "    JOIN LEFT ON a = x\n"
          "      SCAN t (a, b)\n"
          "      AGGREGATE BY x: count(*)\n"
          "        SCAN u (x)\n");
}

static void an_uncorrelated_subquery_runs_once(void **state) {
    (void)state;
    check("SELECT a FROM t WHERE b > (SELECT avg(y) FROM u) AND EXISTS (SELECT 1 FROM v)",
          "PROJECT a\n"
          "  FILTER (CAST(b AS DOUBLE) > (subquery 0)) AND (subquery 1)\n"
          "    SCAN t (a, b, h, s, d, p)\n"
          "subquery 0:\n"
          "  PROJECT #0\n"
          "    AGGREGATE avg(y)\n"
          "      SCAN u (x, y)\n"
          "subquery 1:\n"
          "  PROJECT (#0 > 0)\n"
          "    AGGREGATE count(*)\n"
          "      LIMIT 1 OFFSET 0\n"
          "        PROJECT 1\n"
          "          SCAN v (y, z)\n",
          "PROJECT a\n"
          "  SCAN t (a, | b) WHERE (subquery 1) AND (CAST(b AS DOUBLE) > (subquery 0))\n"
          "subquery 0:\n"
          "  PROJECT #0\n"
          "    AGGREGATE avg(y)\n"
          "      SCAN u (y)\n"
          "subquery 1:\n"
          "  PROJECT (#0 > 0)\n"
          "    AGGREGATE count(*)\n"
          "      LIMIT 1 OFFSET 0\n"
          "        SCAN v ()\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equalities_of_a_comma_join_become_keys),
        cmocka_unit_test(what_every_arm_of_an_or_says_becomes_a_key),
        cmocka_unit_test(a_cte_read_once_is_a_subquery_and_twice_runs_once),
        cmocka_unit_test(exists_and_in_become_semi_joins),
        cmocka_unit_test(a_correlated_aggregate_is_grouped_by_its_keys),
        cmocka_unit_test(an_uncorrelated_subquery_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
