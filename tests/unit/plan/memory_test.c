/* memory_test.c - a plan that its budget has no room for is an error, wherever it ran out. */
#include "unit/plan/support_plan.h"

#include <stdlib.h>
#include <string.h>

static const char *const queries[] = {
    "SELECT s, count(DISTINCT a), sum(b + 1), sum(b + 2), avg(b) FROM t WHERE d > DATE "
    "'2024-01-01' "
    "+ INTERVAL 1 MONTH AND s LIKE '%x%' AND a IN (1, 2, 3) GROUP BY s HAVING count(*) > 2 "
    "ORDER BY 2 DESC, s LIMIT 10",
    "WITH q AS (SELECT a, b FROM t) SELECT x.a, y.b, z.s FROM q x JOIN q y USING (a), t z WHERE "
    "x.b = z.b AND (z.a = 1 AND y.b > 2 OR z.a = 1 AND y.b < 0) ORDER BY ALL",
    "SELECT CASE WHEN a > 1 THEN s ELSE 'n' END AS c, coalesce(a, 1) FROM t WHERE EXISTS (SELECT 1 "
    "FROM t u WHERE u.a = t.a AND u.b <> t.b) AND b > (SELECT avg(b) FROM t v WHERE v.a = t.a) AND "
    "a NOT IN (SELECT a FROM t) UNION ALL SELECT s, row_number() OVER (ORDER BY a) FROM t"};

static pyr_status plan_within(plan_fixture *fixture, const char *sql, size_t limit) {
    pyr_arena arena;
    pyr_tree tree;
    pyr_plan plan;
    pyr_snapshot *snapshot = NULL;
    pyr_arena_init(&arena, NULL);
    assert_int_equal(pyr_tree_parse(sql, strlen(sql), &arena, &tree, NULL), PYR_OK);
    assert_non_null(tree.root);
    assert_int_equal(pyr_catalog_snapshot(fixture->catalog, &snapshot, NULL), PYR_OK);
    pyr_budget *budget = pyr_budget_create(limit);
    assert_non_null(budget);
    pyr_bind_input input = {
        .tree = &tree, .snapshot = snapshot, .time_unit = "ms", .budget = budget};
    pyr_status status = pyr_plan_bind(&input, &plan, &fixture->error);
    if (status == PYR_OK) {
        status = pyr_plan_optimize(&plan, &fixture->error);
        pyr_plan_deinit(&plan);
    }
    assert_int_equal(pyr_budget_used(budget), 0);
    pyr_budget_release(budget);
    pyr_snapshot_release(snapshot);
    pyr_tree_deinit(&tree);
    pyr_arena_deinit(&arena);
    return status;
}

static void a_budget_that_is_too_small_is_an_error(void **state) {
    (void)state;
    plan_fixture fixture;
    plan_setup(&fixture);
    plan_create(&fixture, "CREATE TABLE t(a INTEGER, b BIGINT, s VARCHAR, d DATE)");
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); ++i) {
        int failures = 0;
        size_t limit = 256;
        for (;; limit += 256) {
            pyr_status status = plan_within(&fixture, queries[i], limit);
            if (status == PYR_OK) {
                break;
            }
            assert_int_equal(status, PYR_ERROR_MEMORY);
            assert_true(limit < ((size_t)4 << 20));
            ++failures;
        }
        assert_true(failures > 0);
    }
    plan_teardown(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_that_is_too_small_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
