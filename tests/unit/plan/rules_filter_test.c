/* rules_filter_test.c - plans before and after the rules: filters and scans. */
#include "unit/plan/support_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void constants_are_folded_and_true_filters_go(void **state) {
    (void)state;
    check("SELECT a + 0 * 1, 2 + 3 FROM t WHERE 1 = 1 AND a < 10 - 3 AND d > DATE '2024-01-31' + "
          "INTERVAL 1 MONTH",
          "PROJECT (a + (0 * 1)), (2 + 3)\n"
          "  FILTER (1 = 1) AND (a < (10 - 3)) AND (CAST(d AS TIMESTAMP) > (DATE '2024-01-31' + "
          "INTERVAL '1 months 0 days 0 us'))\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT (a + 0), 5\n"
          "  SCAN t (a, | d) WHERE (a < 7) AND (d > DATE '2024-02-29')\n");
}

static void comparisons_are_made_in_the_columns_own_type(void **state) {
    (void)state;
    check("SELECT count(*) FROM t WHERE h < 100000 AND b + 0 = 7 AND p = 5 AND p > 1.5 AND d < "
          "TIMESTAMP '2024-05-01 00:00:00' AND h IN (1, 2, 70000)",
          "PROJECT #0\n"
          "  AGGREGATE count(*)\n"
          "    FILTER (CAST(h AS INTEGER) < 100000) AND ((b + 0) = 7) AND (CAST(p AS "
          "DECIMAL(12,2)) = 5.00) AND (p > 1.50) AND (CAST(d AS TIMESTAMP) < TIMESTAMP '2024-05-01 "
          "00:00:00') AND (CAST(h AS INTEGER) IN (1, 2, 70000))\n"
          "      SCAN t (a, b, h, s, d, p)\n",
          "PROJECT #0\n"
          "  AGGREGATE count(*)\n"
          "    SCAN t (| b, h, d, p) WHERE (p = 5.00) AND (p > 1.50) AND (d < DATE '2024-05-01') "
          "AND (CAST(h AS INTEGER) < 100000) AND (CAST(h AS INTEGER) IN (1, 2, 70000)) AND ((b + "
          "0) = 7)\n");
}

static void filters_go_into_scans_through_projections_and_groups(void **state) {
    (void)state;
    check("SELECT k, n FROM (SELECT s AS k, count(*) AS n FROM t WHERE b > 1 GROUP BY s) WHERE k "
          "<> 'x' AND n > 5",
          "PROJECT k, n\n"
          "  FILTER (k <> 'x') AND (n > 5)\n"
          "    PROJECT s, #1\n"
          "      AGGREGATE BY s: count(*)\n"
          "        FILTER (b > 1)\n"
          "          SCAN t (a, b, h, s, d, p)\n",
          "PROJECT s, #1\n"
          "  FILTER (#1 > 5)\n"
          "    AGGREGATE BY s: count(*)\n"
          "      SCAN t (s, | b) WHERE (b > 1) AND (s <> 'x')\n");
}

static void filters_that_may_fail_stay_above_semi_joins(void **state) {
    (void)state;
    check("SELECT a FROM t WHERE a + 1 > 5 AND b > 2 AND a IN (SELECT x FROM u)",
          "PROJECT a\n"
          "  FILTER ((a + 1) > 5) AND (b > 2)\n"
          "    JOIN SEMI ON a = x\n"
          "      SCAN t (a, b, h, s, d, p)\n"
          "      PROJECT x\n"
          "        SCAN u (x, y)\n",
          "PROJECT a\n"
          "  FILTER ((a + 1) > 5)\n"
          "    JOIN SEMI ON a = x\n"
          "      PROJECT a\n"
          "        SCAN t (a, | b) WHERE (b > 2)\n"
          "      PROJECT x\n"
          "        SCAN u (x)\n");
}

static void filters_do_not_pass_a_limit(void **state) {
    (void)state;
    check("SELECT a FROM (SELECT a FROM t LIMIT 5) WHERE a > 1",
          "PROJECT a\n"
          "  FILTER (a > 1)\n"
          "    LIMIT 5 OFFSET 0\n"
          "      PROJECT a\n"
          "        SCAN t (a, b, h, s, d, p)\n",
          "PROJECT a\n"
          "  FILTER (a > 1)\n"
          "    LIMIT 5 OFFSET 0\n"
          "      PROJECT a\n"
          "        SCAN t (a)\n");
}

/* Expressions read twice, one in the other, are not written out below: a condition of one would
 * double with each subquery. */
static void a_condition_that_would_grow_without_end_stays_above(void **state) {
    (void)state;
    enum { DEPTH = 60 };
    char sql[DEPTH * 48] = "SELECT a AS x FROM t";
    char around[2 * sizeof(sql)];
    for (int i = 0; i < DEPTH; ++i) {
        (void)snprintf(around, sizeof(around), "SELECT x + x AS x FROM (%s)", sql);
        memcpy(sql, around, sizeof(sql));
    }
    (void)snprintf(around, sizeof(around), "SELECT count(*) FROM (%s) WHERE x > 5", sql);
    plan_fixture fixture;
    pyr_plan plan;
    plan_setup(&fixture);
    plan_create(&fixture, tables);
    assert_int_equal(plan_bind(&fixture, around, true, &plan), PYR_OK);
    pyr_plan_deinit(&plan);
    plan_teardown(&fixture);
}

static void a_filter_that_drops_unmatched_rows_makes_an_inner_join(void **state) {
    (void)state;
    check("SELECT t.a FROM t LEFT JOIN u ON t.a = u.x WHERE u.y > 3",
          "PROJECT a\n"
          "  FILTER (y > 3)\n"
          "    JOIN LEFT ON a = x\n"
          "      SCAN t (a, b, h, s, d, p)\n"
          "      SCAN u (x, y)\n",
          "PROJECT a\n"
          "  JOIN INNER ON a = x\n"
          "    SCAN t (a)\n"
          "    PROJECT x\n"
          "      SCAN u (x, | y) WHERE (y > 3)\n");
}

static void a_left_join_keeps_its_conditions_where_they_belong(void **state) {
    (void)state;
    check("SELECT t.a, u.y FROM t LEFT JOIN u ON t.a = u.x AND u.y > 3 AND t.b > 1 WHERE t.b < 9",
          "PROJECT a, y\n"
          "  FILTER (b < 9)\n"
          "    JOIN LEFT ON a = x RESIDUAL (b > 1)\n"
          "      SCAN t (a, b, h, s, d, p)\n"
          "      FILTER (y > 3)\n"
          "        SCAN u (x, y)\n",
          "PROJECT a, y\n"
          "  JOIN LEFT ON a = x RESIDUAL (b > 1)\n"
          "    SCAN t (a, b) WHERE (b < 9)\n"
          "    SCAN u (x, y) WHERE (y > 3)\n");
}

static void cheap_and_narrow_conditions_come_first(void **state) {
    (void)state;
    check("SELECT count(*) FROM t WHERE s LIKE '%x%' AND regexp_matches(s, 'y') AND b <> 3 AND a / "
          "2 > 1 AND a = 5",
          "PROJECT #0\n"
          "  AGGREGATE count(*)\n"
          "    FILTER (s LIKE '%x%') AND regexp_matches(s, 'y') AND (b <> 3) AND ((CAST(a AS "
          "DOUBLE) / 2.0) > 1.0) AND (a = 5)\n"
          "      SCAN t (a, b, h, s, d, p)\n",
          "PROJECT #0\n"
          "  AGGREGATE count(*)\n"
          "    SCAN t (| a, b, s) WHERE (a = 5) AND ((CAST(a AS DOUBLE) / 2.0) > 1.0) AND (b <> 3) "
          "AND (s LIKE '%x%') AND regexp_matches(s, 'y')\n");
}

static void union_takes_filters_and_loses_columns(void **state) {
    (void)state;
    check("SELECT a FROM (SELECT a, b FROM t UNION ALL SELECT x, y FROM u) WHERE a > 3",
          "PROJECT a\n"
          "  FILTER (a > 3)\n"
          "    UNION ALL\n"
          "      PROJECT a, b\n"
          "        SCAN t (a, b, h, s, d, p)\n"
          "      PROJECT x, y\n"
          "        SCAN u (x, y)\n",
          "PROJECT a\n"
          "  UNION ALL\n"
          "    PROJECT a\n"
          "      SCAN t (a) WHERE (a > 3)\n"
          "    PROJECT x\n"
          "      SCAN u (x) WHERE (x > 3)\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_folded_and_true_filters_go),
        cmocka_unit_test(comparisons_are_made_in_the_columns_own_type),
        cmocka_unit_test(filters_go_into_scans_through_projections_and_groups),
        cmocka_unit_test(filters_that_may_fail_stay_above_semi_joins),
        cmocka_unit_test(filters_do_not_pass_a_limit),
        cmocka_unit_test(a_condition_that_would_grow_without_end_stays_above),
        cmocka_unit_test(a_filter_that_drops_unmatched_rows_makes_an_inner_join),
        cmocka_unit_test(a_left_join_keeps_its_conditions_where_they_belong),
        cmocka_unit_test(cheap_and_narrow_conditions_come_first),
        cmocka_unit_test(union_takes_filters_and_loses_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
