/* bind_corpora_test.c - the benchmarks' queries are bound and planned, but for those named here. */
#include "unit/plan/support_plan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const groupby_table =
    "CREATE TABLE x(id1 VARCHAR, id2 VARCHAR, id3 VARCHAR, id4 INTEGER, id5 INTEGER, id6 INTEGER, "
    "v1 INTEGER, v2 INTEGER, v3 DOUBLE);";

static const char *const join_tables =
    "CREATE TABLE x(id1 INTEGER, id2 INTEGER, id3 INTEGER, id4 VARCHAR, id5 VARCHAR, id6 VARCHAR, "
    "v1 DOUBLE);"
    "CREATE TABLE small(id1 INTEGER, id4 VARCHAR, v2 DOUBLE);"
    "CREATE TABLE medium(id1 INTEGER, id2 INTEGER, id4 VARCHAR, id5 VARCHAR, v2 DOUBLE);"
    "CREATE TABLE big(id1 INTEGER, id2 INTEGER, id3 INTEGER, id4 VARCHAR, id5 VARCHAR, "
    "id6 VARCHAR, v2 DOUBLE);";

/* true: planned. PYR_PLAN_SHOW=1 prints plans, for who changes rules. */
static bool planned(plan_fixture *fixture, const char *name, const char *sql) {
    const bool show = getenv("PYR_PLAN_SHOW") != NULL;
    pyr_plan plan;
    if (plan_bind(fixture, sql, true, &plan) != PYR_OK) {
        print_message("%s: %s at %d: %s\n", name, fixture->error.sqlstate, fixture->error.position,
                      fixture->error.message);
        assert_string_equal(fixture->error.sqlstate, "0A000");
        return false;
    }
    pyr_text text;
    pyr_text_init(&text);
    pyr_plan_print(&plan, NULL, NULL, &text);
    if (show) {
        print_message("-- %s\n%s\n", name, pyr_text_get(&text));
    }
    pyr_text_deinit(&text);
    pyr_plan_deinit(&plan);
    return true;
}

static int planned_files(plan_fixture *fixture, const char *folder, int first, int last) {
    int count = 0;
    for (int i = first; i <= last; ++i) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s/queries/q%02d.sql", plan_corpora(), folder, i);
        char *sql = plan_read_file(path);
        if (sql == NULL) {
            fail_msg("%s is not there", path);
        }
        count += planned(fixture, path, sql);
        free(sql);
    }
    return count;
}

/* Before anything is made that a skipped test would leave. */
static void need(const char *file) {
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", plan_corpora(), file);
    if (access(path, R_OK) != 0) {
        print_message("skipped: PYRALOG_CORPORA has no %s\n", file);
        skip();
    }
}

static void create_from(plan_fixture *fixture, const char *file) {
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", plan_corpora(), file);
    char *sql = plan_read_file(path);
    if (sql == NULL) {
        fail_msg("%s cannot be read", path);
    }
    plan_create(fixture, sql);
    free(sql);
}

static void every_clickbench_query_is_planned(void **state) {
    (void)state;
    plan_fixture fixture;
    need("clickbench/queries/load.sql");
    plan_setup(&fixture);
    create_from(&fixture, "clickbench/queries/load.sql");
    int count = planned_files(&fixture, "clickbench", 0, 42);
    plan_teardown(&fixture);
    assert_int_equal(count, 43);
}

static void every_tpch_query_is_planned(void **state) {
    (void)state;
    plan_fixture fixture;
    need("tpch/schema.sql");
    plan_setup(&fixture);
    create_from(&fixture, "tpch/schema.sql");
    int count = planned_files(&fixture, "tpch", 1, 22);
    plan_teardown(&fixture);
    assert_int_equal(count, 22);
}

static size_t count_list(plan_fixture *fixture, const json_t *queries) {
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(queries); ++i) {
        const char *sql = json_string_value(json_object_get(json_array_get(queries, i), "sql"));
        count += planned(fixture, sql, sql);
    }
    return count;
}

static void every_query_of_db_benchmark_is_planned(void **state) {
    (void)state;
    char path[4096];
    plan_fixture fixture;
    (void)snprintf(path, sizeof(path), "%s/db-benchmark/expected.json", plan_corpora());
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        print_message("skipped: PYRALOG_CORPORA has no db-benchmark\n");
        skip();
    }
    plan_setup(&fixture);
    plan_create(&fixture, groupby_table);
    size_t groupby = count_list(&fixture, json_object_get(root, "groupby"));
    plan_teardown(&fixture);
    plan_setup(&fixture);
    plan_create(&fixture, join_tables);
    size_t join = count_list(&fixture, json_object_get(root, "join"));
    json_decref(root);
    plan_teardown(&fixture);
    assert_int_equal(groupby, 10);
    assert_int_equal(join, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_clickbench_query_is_planned),
        cmocka_unit_test(every_tpch_query_is_planned),
        cmocka_unit_test(every_query_of_db_benchmark_is_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
