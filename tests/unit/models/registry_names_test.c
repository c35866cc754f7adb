/* registry_names_test.c - versions and aliases over rows that are made here. */
#include "models/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static pyr_models *models_of(const char *const *pairs) {
    pyr_models *models = NULL;
    assert_int_equal(pyr_models_read(NULL, NULL, NULL, &models, NULL), PYR_OK);
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        const pyr_model row = {.name = pairs[i], .path = pairs[i + 1]};
        assert_int_equal(pyr_models_put(models, &row, NULL), PYR_OK);
    }
    return models;
}

static void expect_path(const pyr_models *models, const char *name, const char *path) {
    const pyr_model *model = NULL;
    pyr_error error;
    if (pyr_models_resolve(models, name, &model, &error) != PYR_OK) {
        fail_msg("%s: %s", name, error.message);
    }
    assert_string_equal(model->path, path);
}

static void expect_error(const pyr_models *models, const char *name, const char *sqlstate) {
    const pyr_model *model = NULL;
    pyr_error error;
    assert_int_not_equal(pyr_models_resolve(models, name, &model, &error), PYR_OK);
    assert_string_equal(error.sqlstate, sqlstate);
    assert_null(model);
}

static void a_name_without_version_means_the_highest(void **state) {
    (void)state;
    static const char *const rows[] = {"m@2",  "/2",  "m@10", "/10", "m@9",   "/9",  "m@010", "/no",
                                       "m@1x", "/no", "m@",   "/no", "mm@99", "/mm", NULL};
    pyr_models *models = models_of(rows);
    expect_path(models, "m", "/10");
    expect_path(models, "model:m", "/10");
    expect_path(models, "m@2", "/2");
    expect_path(models, "m@", "/no");
    expect_path(models, "mm", "/mm");
    expect_error(models, "m@3", "42P01");
    expect_error(models, "M", "42P01");
    const pyr_model own = {.name = "m", .path = "/own"};
    assert_int_equal(pyr_models_put(models, &own, NULL), PYR_OK);
    expect_path(models, "m", "/own");
    const pyr_model large = {.name = "m@100000000000000000000000000000", .path = "/large"};
    assert_int_equal(pyr_models_put(models, &large, NULL), PYR_OK);
    expect_path(models, "m", "/own");
    pyr_models_destroy(models);
}

static void versions_are_numbers_of_any_length(void **state) {
    (void)state;
    static const char *const rows[] = {
        "m@99999999999999999999", "/a", "m@100000000000000000000", "/b", "m@0", "/c", NULL};
    pyr_models *models = models_of(rows);
    expect_path(models, "m", "/b");
    expect_path(models, "m@0", "/c");
    pyr_models_destroy(models);
}

static void aliases_are_followed_to_their_end(void **state) {
    (void)state;
    static const char *const rows[] = {
        "m@1",          "/1",      "m@2",     "/2",         "m@prod",  "model:m@1", "p",
        "model:m@prod", "latest",  "model:m", "a",          "model:b", "b",         "model:a",
        "gone",         "model:n", "self",    "model:self", NULL};
    pyr_models *models = models_of(rows);
    expect_path(models, "m@prod", "/1");
    expect_path(models, "p", "/1");
    expect_path(models, "latest", "/2");
    expect_error(models, "a", "22023");
    expect_error(models, "self", "22023");
    expect_error(models, "gone", "42P01");
    const pyr_model moved = {.name = "m@prod", .path = "model:m@2"};
    assert_int_equal(pyr_models_put(models, &moved, NULL), PYR_OK);
    expect_path(models, "p", "/2");
    pyr_models_destroy(models);
}

static void rows_are_in_the_order_of_their_names(void **state) {
    (void)state;
    static const char *const rows[] = {"c", "/c", "a", "/a", "b", "/b", "a", "/again", NULL};
    pyr_models *models = models_of(rows);
    assert_int_equal(pyr_models_count(models), 3);
    assert_string_equal(pyr_models_get(models, 0)->path, "/again");
    assert_string_equal(pyr_models_get(models, 2)->name, "c");
    assert_non_null(pyr_models_row(models, "b"));
    assert_null(pyr_models_row(models, "bb"));
    pyr_models_destroy(models);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_version_means_the_highest),
        cmocka_unit_test(versions_are_numbers_of_any_length),
        cmocka_unit_test(aliases_are_followed_to_their_end),
        cmocka_unit_test(rows_are_in_the_order_of_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
