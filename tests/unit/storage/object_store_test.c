/* object_store_test.c - listing, opening and reading files of the local store. */
#include "support_storage.h"

#include "base/file.h"
#include "base/mapping.h"
#include "storage/object_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_up(void **state) {
    *state = folder_create();
    return 0;
}

static int tear_down(void **state) {
    folder_remove(*state);
    return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void add(const char *folder, const char *name) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    check_ok(pyr_folder_create(path, error));
    *slash = '/';
    write_file(path, "abc", 3);
}

static const pyr_object_store *store(void) {
    const pyr_object_store *found = NULL;
    check_ok(pyr_object_store_of("/x", &found, error));
    return found;
}

/* The names below folder, a line each. */
static void expect_list(const char *folder, const char *location, const char *wanted) {
    pyr_object_list list;
    char text[1024] = "";
    check_ok(store()->list(location, NULL, &list, error));
    for (size_t i = 0; i < list.count; ++i) {
        assert_int_equal(list.objects[i].size_bytes, 3);
        assert_true(list.objects[i].mtime_ns > 0 && list.objects[i].inode > 0);
        assert_memory_equal(list.objects[i].path, folder, strlen(folder));
        strcat(text, list.objects[i].path + strlen(folder) + 1);
        strcat(text, "\n");
    }
    assert_string_equal(text, wanted);
    pyr_object_list_deinit(&list);
}

static void a_file_a_pattern_and_a_folder_are_listed_by_path(void **state) {
    const char *folder = *state;
    add(folder, "b/y=2/f.csv");
    add(folder, "b/y=10/f.csv");
    add(folder, "b/top.csv");
    add(folder, "b/other.txt");
    expect_list(folder, below(folder, "b/top.csv"), "b/top.csv\n");
    expect_list(folder, below(folder, "b/*.csv"), "b/top.csv\n");
    expect_list(folder, below(folder, "b/**/*.csv"), "b/top.csv\nb/y=10/f.csv\nb/y=2/f.csv\n");
    expect_list(folder, below(folder, "b"), "b/other.txt\nb/top.csv\nb/y=10/f.csv\nb/y=2/f.csv\n");
    expect_list(folder, below(folder, "b/"), "b/other.txt\nb/top.csv\nb/y=10/f.csv\nb/y=2/f.csv\n");
    expect_list(folder, below(folder, "none"), "");
    expect_list(folder, below(folder, "none*"), "");
}

static void a_folder_is_listed_without_what_tools_leave_in_it(void **state) {
    const char *folder = *state;
    add(folder, "b/_SUCCESS");
    add(folder, "b/.part.crc");
    add(folder, "b/_temporary/0/part");
    add(folder, "b/_delta_log/0.json");
    add(folder, "b/part");
    expect_list(folder, below(folder, "b"), "b/part\n");
    expect_list(folder, below(folder, "b/_SUCCESS"), "b/_SUCCESS\n");
}

static void names_with_wildcards_and_line_breaks_are_names(void **state) {
    const char *folder = *state;
    add(folder, "a*b/f[1].csv");
    add(folder, "aXb/no.csv");
    add(folder, "it's\n\"q\"/f");
    expect_list(folder, below(folder, "a*b"), "a*b/f[1].csv\n");
    expect_list(folder, below(folder, "a*b/f[1].csv"), "a*b/f[1].csv\n");
    expect_list(folder, below(folder, "it's\n\"q\""), "it's\n\"q\"/f\n");
}

static pyr_status refuse(void *context, const char *path, pyr_error *error) {
    return strstr(path, context) != NULL
               ? pyr_error_set(error, PYR_ERROR_PERMISSION, "%s is not allowed", path)
               : PYR_OK;
}

static void one_file_that_is_not_allowed_fails_the_list(void **state) {
    const char *folder = *state;
    pyr_object_list list;
    pyr_error fault;
    pyr_path_check check = {refuse, "secret"};
    add(folder, "b/open.csv");
    check_ok(store()->list(below(folder, "b"), &check, &list, error));
    assert_int_equal(list.count, 1);
    pyr_object_list_deinit(&list);
    add(folder, "b/secret.csv");
    assert_int_equal(store()->list(below(folder, "b"), &check, &list, &fault),
                     PYR_ERROR_PERMISSION);
    assert_int_equal(list.count, 0);
    assert_int_equal(store()->list(below(folder, "b/secret.csv"), &check, &list, &fault),
                     PYR_ERROR_PERMISSION);
}

static void a_change_of_size_time_or_file_is_another_state(void **state) {
    const char *path = below(*state, "f");
    pyr_stored_object before;
    pyr_stored_object after;
    write_file(path, "abc", 3);
    check_ok(store()->head(path, &before, error));
    check_ok(store()->head(path, &after, error));
    assert_true(pyr_stored_object_same_state(&before, &after));
    pyr_stored_object_deinit(&after);
    assert_int_equal(truncate(path, 2), 0);
    check_ok(store()->head(path, &after, error));
    assert_false(pyr_stored_object_same_state(&before, &after));
    after.size_bytes = before.size_bytes;
    after.mtime_ns = before.mtime_ns;
    assert_true(pyr_stored_object_same_state(&before, &after));
    after.inode += 1;
    assert_false(pyr_stored_object_same_state(&before, &after));
    after.inode = before.inode;
    after.etag = strdup("x");
    assert_false(pyr_stored_object_same_state(&before, &after));
    pyr_stored_object_deinit(&before);
    pyr_stored_object_deinit(&after);
}

static void what_is_not_there_or_no_file_is_said(void **state) {
    pyr_stored_object object;
    pyr_error fault;
    assert_int_equal(store()->head(below(*state, "none"), &object, &fault), PYR_ERROR_NOT_FOUND);
    assert_string_equal(fault.sqlstate, "58P01");
    assert_int_equal(store()->head(*state, &object, &fault), PYR_ERROR_INVALID_ARGUMENT);
}

static void ranges_end_at_the_end(void **state) {
    const char *path = below(*state, "f");
    char bytes[8];
    size_t got;
    write_file(path, "abcdef", 6);
    check_ok(store()->read(path, 2, bytes, 3, &got, error));
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "cde", 3);
    check_ok(store()->read(path, 4, bytes, sizeof(bytes), &got, error));
    assert_int_equal(got, 2);
    check_ok(store()->read(path, 100, bytes, sizeof(bytes), &got, error));
    assert_int_equal(got, 0);
    pyr_buffer *whole;
    check_ok(store()->open(path, &whole, error));
    assert_int_equal(whole->size_bytes, 6);
    assert_memory_equal(whole->data, "abcdef", 6);
    pyr_buffer_release(whole);
}

static void a_location_becomes_absolute_and_schemes_are_refused(void **state) {
    (void)state;
    const pyr_object_store *found;
    pyr_error fault;
    char *location;
    char *folder = getcwd(NULL, 0);
    check_ok(pyr_object_location("./x/*.csv", &location, error));
    assert_memory_equal(location, folder, strlen(folder));
    assert_string_equal(location + strlen(folder),
                        strcmp(folder, "/") == 0 ? "x/*.csv" : "/x/*.csv");
    free(location);
    free(folder);
    check_ok(pyr_object_location("/x", &location, error));
    assert_string_equal(location, "/x");
    free(location);
    assert_int_equal(pyr_object_store_of("s3://bucket/x", &found, &fault), PYR_ERROR_NOT_SUPPORTED);
    assert_message_has(&fault, "s3://");
    assert_int_equal(pyr_object_store_of("http://x", &found, &fault), PYR_ERROR_NOT_SUPPORTED);
}

static void the_fixed_part_ends_before_the_first_wildcard(void **state) {
    (void)state;
    assert_int_equal(pyr_object_location_fixed("/a/b=1/*.x"), 7);
    assert_int_equal(pyr_object_location_fixed("/a/b*/c"), 3);
    assert_int_equal(pyr_object_location_fixed("*"), 0);
    assert_int_equal(pyr_object_location_fixed("/a/b"), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_a_pattern_and_a_folder_are_listed_by_path),
        TEST(a_folder_is_listed_without_what_tools_leave_in_it),
        TEST(names_with_wildcards_and_line_breaks_are_names),
        TEST(one_file_that_is_not_allowed_fails_the_list),
        TEST(a_change_of_size_time_or_file_is_another_state),
        TEST(what_is_not_there_or_no_file_is_said),
        TEST(ranges_end_at_the_end),
        TEST(a_location_becomes_absolute_and_schemes_are_refused),
        TEST(the_fixed_part_ends_before_the_first_wildcard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
