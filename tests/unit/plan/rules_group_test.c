/* rules_group_test.c - plans before and after the rules: groups, columns and limits. */
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

static void projections_of_projections_become_one(void **state) {
    (void)state;
    check("SELECT m + 1 FROM (SELECT a * 2 AS m, b FROM t)",
          "PROJECT (m + 1)\n"
          "  PROJECT (a * 2), b\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT ((a * 2) + 1)\n"
          "  SCAN t (a)\n");
}

static void keys_that_others_decide_are_computed_after_grouping(void **state) {
    (void)state;
    check("SELECT 1, a, a - 1, a * 2, count(*) FROM t GROUP BY 1, a, a - 1, a * 2",
          "PROJECT 1, a, #2, #3, #4\n"
          "  AGGREGATE BY 1, a, (a - 1), (a * 2): count(*)\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT 1, a, (a - 1), (a * 2), #1\n"
          "  AGGREGATE BY a: count(*)\n"
          "    SCAN t (a)\n");
}

static void constant_keys_alone_still_make_a_group(void **state) {
    (void)state;
    check("SELECT 'x' AS k, count(*) FROM t GROUP BY k",
          "PROJECT 'x', #1\n"
          "  AGGREGATE BY 'x': count(*)\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT 'x', #1\n"
          "  AGGREGATE BY 'x': count(*)\n"
          "    SCAN t ()\n");
}

static void one_distinct_argument_becomes_two_groupings(void **state) {
    (void)state;
    check("SELECT s, count(DISTINCT a), count(*), sum(b), avg(b), min(d), sum(DISTINCT a) FROM t "
          "GROUP BY s",
          "PROJECT s, #1, #2, #3, #4, #5, #6\n"
          "  AGGREGATE BY s: count(DISTINCT a), count(*), sum(b), avg(b), min(d), sum(DISTINCT a)\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT s, #1, #2, #3, (CAST(#3 AS DOUBLE) / CAST(#2 AS DOUBLE)), #4, #5\n"
          "  AGGREGATE BY s: count(a), sum_no_overflow(#2), sum(#3), min(#4), sum(a)\n"
          "    AGGREGATE BY s, a: count(*), sum(b), min(d)\n"
          "      SCAN t (a, b, s, d)\n");
}

static void a_distinct_count_without_keys_counts_groups(void **state) {
    (void)state;
    check("SELECT count(DISTINCT b), count(*) FROM t",
          "PROJECT #0, #1\n"
          "  AGGREGATE count(DISTINCT b), count(*)\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT #0, coalesce(#1, 0)\n"
          "  AGGREGATE count(b), sum_no_overflow(#1)\n"
          "    AGGREGATE BY b: count(*)\n"
          "      SCAN t (b)\n");
}

static void several_distinct_arguments_are_grouped_by_sets(void **state) {
    (void)state;
    check("SELECT s, count(DISTINCT a), sum(DISTINCT b) FILTER (WHERE a > 1), avg(p) FROM t "
          "GROUP BY s",
          "PROJECT s, #1, #2, #3\n"
          "  AGGREGATE BY s: count(DISTINCT a), sum(DISTINCT b) FILTER (a > 1), avg(p)\n"
          "    SCAN t (a, b, h, s, d, p)\n",
          "PROJECT s, #1, #2, #3\n"
          "  AGGREGATE BY s: count(a) FILTER ((#4 & 2) <> 0), sum(#2) FILTER ((#4 & 4) <> 0), "
          "any_value(#3) FILTER ((#4 & 6) = 0)\n"
          "    AGGREGATE BY s, a, CASE WHEN (a > 1) THEN b ELSE NULL END SETS 3,5,1: avg(p), "
          "grouping_set()\n"
          "      SCAN t (a, b, s, p)\n");
}

static void a_limit_without_order_bounds_the_groups(void **state) {
    (void)state;
    check("SELECT s, count(*) FROM t GROUP BY s LIMIT 3 OFFSET 2",
          "LIMIT 3 OFFSET 2\n"
          "  PROJECT s, #1\n"
          "    AGGREGATE BY s: count(*)\n"
          "      SCAN t (a, b, h, s, d, p)\n",
          "LIMIT 3 OFFSET 2\n"
          "  PROJECT s, #1\n"
          "    AGGREGATE BY s: count(*) GROUPS MAX 5\n"
          "      SCAN t (s)\n");
}

static void an_order_or_having_bounds_no_groups(void **state) {
    (void)state;
    check("SELECT s, count(*) FROM t GROUP BY s HAVING count(*) > 1 LIMIT 3",
          "LIMIT 3 OFFSET 0\n"
          "  PROJECT s, #1\n"
          "    FILTER (#1 > 1)\n"
          "      AGGREGATE BY s: count(*)\n"
          "        SCAN t (a, b, h, s, d, p)\n",
          "LIMIT 3 OFFSET 0\n"
          "  PROJECT s, #1\n"
          "    FILTER (#1 > 1)\n"
          "      AGGREGATE BY s: count(*)\n"
          "        SCAN t (s)\n");
}

static void columns_that_nobody_reads_go(void **state) {
    (void)state;
    check("SELECT s FROM (SELECT s, a, b, count(*) OVER () AS n FROM t WHERE h = 3)",
          "PROJECT s\n"
          "  PROJECT s, a, b, #6\n"
          "    WINDOW count(*)\n"
          "      FILTER (h = 3)\n"
          "        SCAN t (a, b, h, s, d, p)\n",
          "PROJECT s\n"
          "  SCAN t (s, | h) WHERE (h = 3)\n");
}

static void an_order_by_stays_below_its_limit(void **state) {
    (void)state;
    check("SELECT s FROM t ORDER BY a DESC LIMIT 3",
          "PROJECT s\n"
          "  LIMIT 3 OFFSET 0\n"
          "    SORT #1 DESC\n"
          "      PROJECT s, a\n"
          "        SCAN t (a, b, h, s, d, p)\n",
          "PROJECT s\n"
          "  LIMIT 3 OFFSET 0\n"
          "    SORT #1 DESC\n"
          "      PROJECT s, a\n"
          "        SCAN t (a, s)\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projections_of_projections_become_one),
        cmocka_unit_test(keys_that_others_decide_are_computed_after_grouping),
        cmocka_unit_test(constant_keys_alone_still_make_a_group),
        cmocka_unit_test(one_distinct_argument_becomes_two_groupings),
        cmocka_unit_test(a_distinct_count_without_keys_counts_groups),
        cmocka_unit_test(several_distinct_arguments_are_grouped_by_sets),
        cmocka_unit_test(a_limit_without_order_bounds_the_groups),
        cmocka_unit_test(an_order_or_having_bounds_no_groups),
        cmocka_unit_test(columns_that_nobody_reads_go),
        cmocka_unit_test(an_order_by_stays_below_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
