#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engines/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* root/in/file, root/in/deep/file, root/inside/file, root/out/file; root/in/link -> ../out,
 * root/in/dangling -> ../out/new. */
typedef struct folders {
    char root[200];
    char in[220];
    const char *allowed[1];
    pyr_file_access access;
} folders;

static char *path_in(const folders *f, const char *rest) {
    static char path[400];
    snprintf(path, sizeof(path), "%s/%s", f->root, rest);
    return path;
}

static void touch(const char *path) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static int setup(void **state) {
    folders *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    const char *base = getenv("TMPDIR");
    snprintf(f->root, sizeof(f->root), "%s/pyralog-access-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(f->root));
    static const char *const names[] = {"in", "in/deep", "inside", "out"};
    for (size_t i = 0; i < 4; ++i) {
        assert_int_equal(mkdir(path_in(f, names[i]), 0700), 0);
        char file[40];
        snprintf(file, sizeof(file), "%s/file", names[i]);
        touch(path_in(f, file));
    }
    assert_int_equal(symlink("../out", path_in(f, "in/link")), 0);
    assert_int_equal(symlink("../out/new", path_in(f, "in/dangling")), 0);
    snprintf(f->in, sizeof(f->in), "%s/in", f->root);
    f->allowed[0] = f->in;
    f->access.folders_count = 1;
    f->access.folders = f->allowed;
    *state = f;
    return 0;
}

static int teardown(void **state) {
    folders *f = *state;
    static const char *const names[] = {
        "in/file", "in/deep/file", "inside/file", "out/file", "in/link", "in/dangling",
        "in/deep", "in",           "inside",      "out",      ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        assert_int_equal(remove(path_in(f, names[i])), 0);
    }
    free(f);
    return 0;
}

static bool allows(const folders *f, const char *path) {
    pyr_error error;
    pyr_status status = pyr_file_access_check(&f->access, path, &error);
    if (status != PYR_OK) {
        assert_int_equal(status, PYR_ERROR_PERMISSION);
        assert_string_equal(error.sqlstate, "42501");
        assert_non_null(strstr(error.message, "--allow-path"));
    }
    return status == PYR_OK;
}

static void what_lies_below_the_folder_is_allowed(void **state) {
    folders *f = *state;
    static const char *const names[] = {"in",
                                        "in/file",
                                        "in/deep/file",
                                        "in/new",
                                        "in/new/deeper",
                                        "out/../in/file",
                                        "in/*.arrow",
                                        "in/**/*.arrow",
                                        "in/deep/?[ab]",
                                        "in/deep/../file"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (!allows(f, path_in(f, names[i]))) {
            fail_msg("%s", names[i]);
        }
    }
}

static void what_lies_elsewhere_is_refused(void **state) {
    folders *f = *state;
    static const char *const names[] = {"",
                                        "out/file",
                                        "inside/file",
                                        "inside",
                                        "*",
                                        "i*/file",
                                        "in/../out/file",
                                        "in/link/file",
                                        "in/link/*",
                                        "in/dangling",
                                        "in/new/../../out",
                                        "in/link/new",
                                        "in/*/../../out/file",
                                        "in/?/..",
                                        "nothing/x"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (allows(f, path_in(f, names[i]))) {
            fail_msg("%s", names[i]);
        }
    }
    assert_false(allows(f, ""));
    assert_false(allows(f, "file"));
    assert_false(allows(f, "/"));
    assert_false(allows(f, "/etc/passwd"));
}

static void other_places_than_the_file_system_are_refused(void **state) {
    folders *f = *state;
    char path[300];
    static const char *const schemes[] = {"s3://bucket/x", "http://127.0.0.1/x", "https://x/y",
                                          "hf://x/y",      "file:/etc/passwd",   "S3://b/x"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); ++i) {
        assert_false(allows(f, schemes[i]));
    }
    snprintf(path, sizeof(path), "file://%s/file", f->in);
    assert_false(allows(f, path));
}

static void without_folders_nothing_is_allowed(void **state) {
    folders *f = *state;
    f->access.folders_count = 0;
    assert_false(allows(f, path_in(f, "in/file")));
    assert_int_equal(pyr_file_access_check(NULL, "x", NULL), PYR_ERROR_PERMISSION);
}

static void a_local_session_may_do_everything(void **state) {
    folders *f = *state;
    f->access.unrestricted = true;
    assert_true(allows(f, "/etc/passwd"));
    assert_true(allows(f, "s3://bucket/x"));
}

static void the_root_as_a_folder_allows_every_file(void **state) {
    folders *f = *state;
    f->allowed[0] = "/";
    assert_true(allows(f, path_in(f, "out/file")));
    assert_true(allows(f, "/"));
    assert_false(allows(f, "s3://bucket/x"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_lies_below_the_folder_is_allowed),
        TEST(what_lies_elsewhere_is_refused),
        TEST(other_places_than_the_file_system_are_refused),
        TEST(without_folders_nothing_is_allowed),
        TEST(a_local_session_may_do_everything),
        TEST(the_root_as_a_folder_allows_every_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
