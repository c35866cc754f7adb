/* hive_partition_test.c - partition values in paths, hostile ones too. */
#include "support_storage.h"

#include "storage/hive_partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "key=value;..." of a path, a value that is NULL as "key". */
static void expect_parts(const char *path, size_t from, const char *wanted) {
    pyr_hive_path parsed;
    char text[512] = "";
    check_ok(pyr_hive_path_parse(path, from, &parsed, error));
    for (size_t i = 0; i < parsed.count; ++i) {
        const pyr_hive_part *part = &parsed.parts[i];
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s%s;", part->key,
                 part->value != NULL ? "=" : "", part->value != NULL ? part->value : "");
    }
    assert_string_equal(text, wanted);
    pyr_hive_path_deinit(&parsed);
}

static void expect_refused(const char *path, const char *words) {
    pyr_hive_path parsed;
    pyr_error error;
    assert_int_equal(pyr_hive_path_parse(path, 0, &parsed, &error), PYR_ERROR_INVALID_ARGUMENT);
    assert_string_equal(error.sqlstate, "22023");
    assert_message_has(&error, words);
    assert_null(parsed.parts);
}

static void folders_with_equals_are_partitions_and_the_file_is_none(void **state) {
    (void)state;
    expect_parts("/a/year=2025/month=10/x=1.parquet", 0, "year=2025;month=10;");
    expect_parts("year=2025/f", 0, "year=2025;");
    expect_parts("/a/b/c.parquet", 0, "");
    expect_parts("", 0, "");
    expect_parts("/=x/==/f", 0, "");
    expect_parts("//a=1//b=2//f", 0, "a=1;b=2;");
}

static void only_what_comes_behind_from_counts(void **state) {
    (void)state;
    const char *path = "/env=prod/sales/year=2025/f";
    expect_parts(path, strlen("/env=prod/sales/"), "year=2025;");
    expect_parts(path, strlen(path), "");
    expect_parts(path, 1000, "");
}

static void values_are_decoded_once(void **state) {
    (void)state;
    expect_parts("k=a%20b%2Fc/f", 0, "k=a b/c;");
    expect_parts("k=%2541/f", 0, "k=%41;");
    expect_parts("k=%zz%4/f", 0, "k=%zz%4;");
    expect_parts("k=%/f", 0, "k=%;");
    expect_parts("k=a+b/f", 0, "k=a+b;");
    expect_parts("k=%C3%A4/f", 0, "k=\xC3\xA4;");
    expect_parts("k=/f", 0, "k=;");
    expect_parts("k=%3D/f", 0, "k==;");
}

static void the_default_partition_has_no_value(void **state) {
    (void)state;
    expect_parts("a=__HIVE_DEFAULT_PARTITION__/b=NULL/c=null/d=nul/f", 0, "a;b;c;d=nul;");
}

static void keys_are_found_without_case(void **state) {
    (void)state;
    pyr_hive_path parsed;
    check_ok(pyr_hive_path_parse("Year=1/f", 0, &parsed, error));
    assert_string_equal(pyr_hive_path_find(&parsed, "yEAR")->key, "Year");
    assert_null(pyr_hive_path_find(&parsed, "yea"));
    pyr_hive_path_deinit(&parsed);
}

static void what_would_be_read_otherwise_elsewhere_is_refused(void **state) {
    (void)state;
    expect_refused("a=1/b=2/a=3/f", "\"a\" stands in it twice");
    expect_refused("a=1/A=3/f", "stands in it twice");
    expect_refused("k=x=y/f", "value with '='");
    expect_refused("k=a%00b/f", "not UTF-8");
    expect_refused("k=%FF/f", "not UTF-8");
    expect_refused("k=\xC3/f", "not UTF-8");
}

static void too_many_partitions_are_refused(void **state) {
    (void)state;
    char path[PYR_HIVE_PARTS_MAX * 8 + 16] = "";
    for (int i = 0; i <= PYR_HIVE_PARTS_MAX; ++i) {
        char part[16];
        snprintf(part, sizeof(part), "k%d=1/", i);
        strcat(path, part);
    }
    strcat(path, "f");
    expect_refused(path, "more than 64");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_with_equals_are_partitions_and_the_file_is_none),
        cmocka_unit_test(only_what_comes_behind_from_counts),
        cmocka_unit_test(values_are_decoded_once),
        cmocka_unit_test(the_default_partition_has_no_value),
        cmocka_unit_test(keys_are_found_without_case),
        cmocka_unit_test(what_would_be_read_otherwise_elsewhere_is_refused),
        cmocka_unit_test(too_many_partitions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
