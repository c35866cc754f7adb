/* bind_names_test.c - which names mean what, and what is refused by name. */
#include "unit/plan/support_plan.h"

#include <stdlib.h>
#include <string.h>

static const char *const tables =
    "CREATE TABLE t(a INTEGER, b BIGINT NOT NULL, s VARCHAR);"
    "CREATE TABLE u(a INTEGER, y BIGINT);"
    "CREATE TABLE odd(id INTEGER, mood UUID, tags INTEGER[], ts TIMESTAMP, e BIGINT);";

static void check(const char *sql, const char *expected) {
    plan_fixture fixture;
    plan_setup(&fixture);
    plan_create(&fixture, tables);
    assert_plan(&fixture, sql, true, expected);
    plan_teardown(&fixture);
}

/* Refused with 0A000, with what at the place. */
static void refused(const char *sql, int position, const char *what) {
    plan_fixture fixture;
    pyr_plan plan;
    plan_setup(&fixture);
    plan_create(&fixture, tables);
    assert_int_equal(plan_bind(&fixture, sql, true, &plan), PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(fixture.error.sqlstate, "0A000");
    if (strstr(fixture.error.message, what) == NULL) {
        fail_msg("%s: %s", sql, fixture.error.message);
    }
    if (position >= 0) {
        assert_int_equal(fixture.error.position, position);
    }
    plan_teardown(&fixture);
}

static void a_column_comes_before_an_alias_in_group_by_and_after_it_in_order_by(void **state) {
    (void)state;
    check("SELECT a % 2 AS k, count(*) FROM t GROUP BY k ORDER BY k",
          "SORT k\n"
          "  PROJECT #0, #1\n"
          "    AGGREGATE BY (a % 2): count(*)\n"
          "      SCAN t (a)\n");
    refused("SELECT a % 2 AS b, count(*) FROM t GROUP BY b", 7, "neither grouped by nor");
    check("SELECT -a AS b, b AS o FROM t ORDER BY b", "SORT b\n"
                                                      "  PROJECT -(a), b\n"
                                                      "    SCAN t (a, b)\n");
    check("SELECT -a AS b FROM t ORDER BY b + 0", "PROJECT b\n"
                                                  "  SORT #1\n"
                                                  "    PROJECT -(a), (b + 0)\n"
                                                  "      SCAN t (a, b)\n");
}

static void aliases_are_seen_in_where_and_by_later_items(void **state) {
    (void)state;
    check("SELECT a % 2 AS k, k + 1 FROM t WHERE k = 1", "PROJECT (a % 2), ((a % 2) + 1)\n"
                                                         "  SCAN t (a) WHERE ((a % 2) = 1)\n");
    refused("SELECT k + 1, a AS k FROM t", 7, "\"k\"");
}

static void group_by_all_takes_what_has_no_aggregate(void **state) {
    (void)state;
    check("SELECT s, a + 1, sum(b) + 1 FROM t GROUP BY ALL ORDER BY ALL",
          "SORT s, (a + 1), (sum(b) + 1)\n"
          "  PROJECT s, #1, (#2 + 1)\n"
          "    AGGREGATE BY s, (a + 1): sum(b)\n"
          "      SCAN t (a, b, s)\n");
}

static void aggregates_that_are_equal_are_computed_once(void **state) {
    (void)state;
    check("SELECT sum(a), sum(a) * 2 FROM t HAVING sum(a) > 3 ORDER BY sum(a)",
          "SORT sum(a)\n"
          "  PROJECT #0, (#0 * 2)\n"
          "    FILTER (#0 > 3)\n"
          "      AGGREGATE sum(a)\n"
          "        SCAN t (a)\n");
}

static void expressions_of_keys_are_found_by_their_shape(void **state) {
    (void)state;
    check("SELECT a + 1 + b, (a + 1) * 2 FROM t GROUP BY a + 1, b",
          "PROJECT (CAST(#0 AS BIGINT) + b), (#0 * 2)\n"
          "  AGGREGATE BY (a + 1), b\n"
          "    SCAN t (a, b)\n");
    refused("SELECT a FROM t GROUP BY a + 1", 7, "neither grouped by nor");
}

static void using_gives_one_column(void **state) {
    (void)state;
    check("SELECT * FROM t JOIN u USING (a)", "PROJECT a, b, s, y\n"
                                              "  JOIN INNER ON a = a\n"
                                              "    SCAN t (a, b, s)\n"
                                              "    SCAN u (a, y)\n");
    refused("SELECT a FROM t, u", 7, "ambiguous");
    check("SELECT a, t.a, u.a, y FROM t FULL JOIN u USING (a)", "PROJECT coalesce(a, a), a, a, y\n"
                                                                "  JOIN FULL ON a = a\n"
                                                                "    SCAN t (a)\n"
                                                                "    SCAN u (a, y)\n");
    check("SELECT * FROM u NATURAL RIGHT JOIN (SELECT a FROM t) v", "PROJECT a, y\n"
                                                                    "  JOIN LEFT ON a = a\n"
                                                                    "    PROJECT a\n"
                                                                    "      SCAN t (a)\n"
                                                                    "    SCAN u (a, y)\n");
}

static void columns_of_other_types_are_refused_where_they_are_read(void **state) {
    (void)state;
    check("SELECT id FROM odd", "PROJECT id\n  SCAN odd (id)\n");
    refused("SELECT mood FROM odd", 7, "type of column \"mood\"");
    refused("SELECT * FROM odd", 7, "type of column");
    check("SELECT * EXCLUDE (mood, tags) FROM odd", "PROJECT id, ts, e\n  SCAN odd (id, ts, e)\n");
}

static void a_bigint_beside_a_timestamp_is_an_epoch(void **state) {
    (void)state;
    check("SELECT e FROM odd WHERE e > TIMESTAMP '2024-01-01 00:00:00'",
          "PROJECT e\n"
          "  SCAN odd (e) WHERE (epoch_to_timestamp('millisecond', e) > "
          "TIMESTAMP '2024-01-01 00:00:00')\n");
    check(
        "SELECT toStartOfHour(e), hour(ts) FROM odd",
        "PROJECT date_trunc('hour', epoch_to_timestamp('millisecond', e)), date_part('hour', ts)\n"
        "  SCAN odd (ts, e)\n");
}

static void null_and_not_in_keep_their_meaning(void **state) {
    (void)state;
    check("SELECT a FROM t WHERE a NOT IN (SELECT a FROM u)", "PROJECT a\n"
                                                              "  JOIN ANTI_NULL ON a = a\n"
                                                              "    SCAN t (a)\n"
                                                              "    PROJECT a\n"
                                                              "      SCAN u (a)\n");
    refused("SELECT a IN (SELECT a FROM u) AS i FROM t", -1, "may be NULL");
    check("SELECT b IN (1, NULL) AS i, a IS DISTINCT FROM NULL AS j FROM t",
          "PROJECT (b IN (1, NULL)), (a IS DISTINCT FROM NULL)\n"
          "  SCAN t (a, b)\n");
}

static void what_is_not_covered_is_named_with_its_place(void **state) {
    (void)state;
    refused("SELECT nothing FROM t", 7, "\"nothing\"");
    refused("SELECT x.a FROM t", 7, "\"a\"");
    refused("SELECT a FROM missing", 14, "the catalog has not");
    refused("SELECT frobnicate(a) FROM t", 7, "frobnicate()");
    refused("SELECT a FROM t WHERE sum(a) > 1", 22, "an aggregate in WHERE");
    refused("SELECT sum(sum(a)) FROM t", 11, "an aggregate");
    refused("SELECT s + 1 FROM t", 7, "the operator +");
    refused("SELECT s = a FROM t", 7, "these types");
    refused("SELECT * EXCLUDE (nothing) FROM t", 7, "EXCLUDE of \"nothing\"");
    refused("SELECT sum(s) FROM t", 7, "sum() of this type");
    refused("SELECT a FROM t ORDER BY 7", 25, "ORDER BY a number");
    refused("SELECT a FROM t ORDER BY 'a'", 25, "ORDER BY a constant");
    refused("SELECT a FROM t LIMIT 1.5", -1, "kind of LIMIT");
    refused("SELECT a FROM t WHERE b > (SELECT y FROM u WHERE u.y < t.b)", -1, "without =");
    refused("SELECT DISTINCT a FROM t ORDER BY b", 34, "DISTINCT ordered by");
    refused("SELECT a FROM t UNION ALL SELECT a, y FROM u", -1, "1 and 2 columns");
    refused("SELECT a, median(b) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            -1, "this frame");
    refused("SELECT a FROM t WHERE a = $1", 26, "a parameter");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_comes_before_an_alias_in_group_by_and_after_it_in_order_by),
        cmocka_unit_test(aliases_are_seen_in_where_and_by_later_items),
        cmocka_unit_test(group_by_all_takes_what_has_no_aggregate),
        cmocka_unit_test(aggregates_that_are_equal_are_computed_once),
        cmocka_unit_test(expressions_of_keys_are_found_by_their_shape),
        cmocka_unit_test(using_gives_one_column),
        cmocka_unit_test(columns_of_other_types_are_refused_where_they_are_read),
        cmocka_unit_test(a_bigint_beside_a_timestamp_is_an_epoch),
        cmocka_unit_test(null_and_not_in_keep_their_meaning),
        cmocka_unit_test(what_is_not_covered_is_named_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
