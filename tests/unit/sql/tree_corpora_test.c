/* tree_corpora_test.c - the queries of the benchmarks are understood wholly. */
#include "unit/sql/support_tree.h"

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct query_score {
    size_t covered, all;
} query_score;

static void count_query(query_score *score, const char *name, const char *sql) {
    tree_text text = tree_of(sql);
    assert_int_equal(text.status, PYR_OK);
    ++score->all;
    score->covered += text.tree.root != NULL;
    if (text.tree.root == NULL) {
        print_message("%s: not covered: %s\n", name, text.tree.not_covered);
    }
    tree_free(&text);
}

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    text[size] = '\0';
    fclose(file);
    return text;
}

/* Skips the test, visibly, where there is no such folder. */
static const char *corpora(void) {
    const char *folder = getenv("PYRALOG_CORPORA");
    if (folder == NULL) {
        print_message("skipped: PYRALOG_CORPORA is not set\n");
        skip();
    }
    return folder;
}

static query_score count_files(const char *pattern) {
    char path[4096];
    query_score score = {0, 0};
    glob_t files;
    (void)snprintf(path, sizeof(path), "%s/%s", corpora(), pattern);
    if (glob(path, 0, NULL, &files) != 0) {
        print_message("skipped: PYRALOG_CORPORA has no %s\n", pattern);
        skip();
    }
    for (size_t i = 0; i < files.gl_pathc; ++i) {
        char *sql = read_text(files.gl_pathv[i]);
        count_query(&score, files.gl_pathv[i], sql);
        free(sql);
    }
    globfree(&files);
    print_message("%s: %zu of %zu\n", pattern, score.covered, score.all);
    return score;
}

static void clickbench_is_covered(void **state) {
    (void)state;
    query_score score = count_files("clickbench/queries/q*.sql");
    assert_int_equal(score.all, 43);
    assert_int_equal(score.covered, 43);
}

static void tpch_is_covered(void **state) {
    (void)state;
    query_score score = count_files("tpch/queries/*.sql");
    assert_int_equal(score.all, 22);
    assert_int_equal(score.covered, 22);
}

static void tpcds_is_covered(void **state) {
    (void)state;
    query_score score = count_files("tpcds-bind/queries/*.sql");
    assert_true(score.all > 0);
    assert_true(score.covered == score.all);
}

static void db_benchmark_is_covered(void **state) {
    (void)state;
    char path[4096];
    query_score score = {0, 0};
    (void)snprintf(path, sizeof(path), "%s/db-benchmark/expected.json", corpora());
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        print_message("skipped: PYRALOG_CORPORA has no db-benchmark\n");
        skip();
    }
    static const char *const groups[] = {"groupby", "join"};
    for (size_t i = 0; i < 2; ++i) {
        size_t index = 0;
        json_t *query = NULL;
        json_array_foreach(json_object_get(root, groups[i]), index, query) {
            count_query(&score, groups[i], json_string_value(json_object_get(query, "sql")));
        }
    }
    json_decref(root);
    print_message("db-benchmark: %zu of %zu\n", score.covered, score.all);
    assert_int_equal(score.all, 15);
    assert_int_equal(score.covered, 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clickbench_is_covered), cmocka_unit_test(db_benchmark_is_covered),
        cmocka_unit_test(tpch_is_covered), cmocka_unit_test(tpcds_is_covered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
