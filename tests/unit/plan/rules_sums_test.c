/* rules_sums_test.c - aggregates that zone maps help with: sums of a column plus constants, where
 * they prove that nothing overflows, and the extremes of whole tables; and equal expressions that
 * become one. */
#include "unit/plan/support_plan.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const three_sums = "SELECT sum(x), sum(x + 1), sum(x - 2) FROM t";
static const char *const kept = "PROJECT #0, #1, #2\n"
                                "  AGGREGATE sum(x), sum((x + 1)), sum((x - 2))\n"
                                "    SCAN t (x)\n";

static void setup(plan_fixture *fixture, const char *type, const int64_t *values, size_t rows) {
    char sql[128];
    plan_setup(fixture);
    (void)snprintf(sql, sizeof(sql), "CREATE TABLE t(x %s)", type);
    plan_create(fixture, sql);
    if (rows > 0) {
        plan_append(fixture, "t", values, rows, 1);
    }
}

static void sums_that_surely_fit_come_from_one_sum(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "SMALLINT", (const int64_t[]){-32766, INT64_MIN, 32766}, 3);
    assert_plan(&fixture, three_sums, true,
                "PROJECT #0, (#0 + (CAST(#1 AS HUGEINT) * 1)), (#0 + (CAST(#1 AS HUGEINT) * -2))\n"
                "  AGGREGATE sum(x), count(x)\n"
                "    SCAN t (x)\n");
    plan_teardown(&fixture);
}

static void a_sum_of_what_is_never_null_counts_rows(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "INTEGER NOT NULL", (const int64_t[]){1, 2}, 2);
    assert_plan(&fixture, "SELECT sum(x + 1), sum(2 + x), count(*) FROM t WHERE x > 0", true,
                "PROJECT (#1 + (CAST(#0 AS HUGEINT) * 1)), (#1 + (CAST(#0 AS HUGEINT) * 2)), #0\n"
                "  AGGREGATE count(*), sum(x)\n"
                "    SCAN t (x) WHERE (x > 0)\n");
    plan_teardown(&fixture);
}

static void sums_that_may_overflow_stay_as_they_are(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "SMALLINT", (const int64_t[]){-5, 32767}, 2);
    assert_plan(&fixture, "SELECT sum(x), sum(x + 1) FROM t", true,
                "PROJECT #0, #1\n"
                "  AGGREGATE sum(x), sum((x + 1))\n"
                "    SCAN t (x)\n");
    plan_teardown(&fixture);
    setup(&fixture, "SMALLINT", (const int64_t[]){-32767, 5}, 2);
    assert_plan(&fixture, "SELECT sum(x), sum(x - 2) FROM t", true,
                "PROJECT #0, #1\n"
                "  AGGREGATE sum(x), sum((x - 2))\n"
                "    SCAN t (x)\n");
    plan_teardown(&fixture);
}

static void one_sum_alone_stays_as_it_is(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "SMALLINT", (const int64_t[]){1}, 1);
    assert_plan(&fixture, "SELECT sum(x + 1), sum(x) FILTER (WHERE x > 1) FROM t", true,
                "PROJECT #0, #1\n"
                "  AGGREGATE sum((x + 1)), sum(x) FILTER (x > 1)\n"
                "    SCAN t (x)\n");
    plan_teardown(&fixture);
}

static void before_the_rules_nothing_is_taken_apart(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "SMALLINT", (const int64_t[]){1}, 1);
    assert_plan(&fixture, three_sums, false, kept);
    plan_teardown(&fixture);
}

static void extremes_of_a_whole_table_are_its_zone_maps(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "INTEGER", (const int64_t[]){-7, INT64_MIN, 300}, 3);
    assert_plan(&fixture, "SELECT min(x), max(x), max(y) FROM (SELECT x, x + 1 AS y FROM t)", true,
                "PROJECT #0, #1, #2\n"
                "  AGGREGATE min(-7), max(300), max(y)\n"
                "    PROJECT (x + 1)\n"
                "      SCAN t (x)\n");
    assert_plan(&fixture, "SELECT min(x) FROM t", true,
                "PROJECT #0\n"
                "  AGGREGATE min(-7)\n"
                "    SCAN t ()\n");
    plan_teardown(&fixture);
}

static void extremes_of_some_rows_are_looked_for(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "INTEGER", (const int64_t[]){1, 2}, 2);
    assert_plan(&fixture, "SELECT min(x) FROM t WHERE x > 1", true,
                "PROJECT #0\n"
                "  AGGREGATE min(x)\n"
                "    SCAN t (x) WHERE (x > 1)\n");
    assert_plan(&fixture, "SELECT min(x) FILTER (WHERE x > 1) FROM t", true,
                "PROJECT #0\n"
                "  AGGREGATE min(x) FILTER (x > 1)\n"
                "    SCAN t (x)\n");
    assert_plan(&fixture, "SELECT x, max(x) FROM t GROUP BY x", true,
                "PROJECT x, #1\n"
                "  AGGREGATE BY x: max(x)\n"
                "    SCAN t (x)\n");
    plan_teardown(&fixture);
}

static void extremes_of_no_value_are_looked_for(void **state) {
    (void)state;
    plan_fixture fixture;
    setup(&fixture, "INTEGER", (const int64_t[]){INT64_MIN, INT64_MIN}, 2);
    assert_plan(&fixture, "SELECT min(x) FROM t", true,
                "PROJECT #0\n"
                "  AGGREGATE min(x)\n"
                "    SCAN t (x)\n");
    plan_teardown(&fixture);
}

static void equal_expressions_of_a_node_are_one(void **state) {
    (void)state;
    plan_fixture fixture;
    pyr_plan plan;
    setup(&fixture, "BIGINT", NULL, 0);
    const char *sql = "SELECT x * 3 + 1, x * 3 - 1, CASE WHEN x * 3 > 5 THEN 1 ELSE 2 END FROM t";
    assert_int_equal(plan_bind(&fixture, sql, false, &plan), PYR_OK);
    pyr_bound_expr **apart = plan.root->as.project.expressions;
    assert_ptr_not_equal(apart[0]->arguments[0], apart[1]->arguments[0]);
    pyr_plan_deinit(&plan);
    assert_int_equal(plan_bind(&fixture, sql, true, &plan), PYR_OK);
    pyr_bound_expr **shared = plan.root->as.project.expressions;
    assert_ptr_equal(shared[0]->arguments[0], shared[1]->arguments[0]);
    assert_ptr_equal(shared[0]->arguments[0], shared[2]->arguments[0]->arguments[0]);
    pyr_plan_deinit(&plan);
    plan_teardown(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_that_surely_fit_come_from_one_sum),
        cmocka_unit_test(a_sum_of_what_is_never_null_counts_rows),
        cmocka_unit_test(sums_that_may_overflow_stay_as_they_are),
        cmocka_unit_test(one_sum_alone_stays_as_it_is),
        cmocka_unit_test(before_the_rules_nothing_is_taken_apart),
        cmocka_unit_test(extremes_of_a_whole_table_are_its_zone_maps),
        cmocka_unit_test(extremes_of_some_rows_are_looked_for),
        cmocka_unit_test(extremes_of_no_value_are_looked_for),
        cmocka_unit_test(equal_expressions_of_a_node_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
