/* errors_test.c - error lines and where the caret stands. */
#include "cli/errors.h"

#include "base/error.h"
#include "cli/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_offset(const char *sql, size_t statement, int32_t position, size_t columns,
                          const char *wanted) {
    pyr_error error = {0};
    pyr_error_set_sql(&error, PYR_ERROR_SQL, "42601", position, "wrong");
    const pyr_sql_place place = {sql, strlen(sql), statement};
    pyr_text out;
    pyr_text_init(&out);
    pyr_error_print(&error, &place, columns, &out);
    assert_string_equal(pyr_text_get(&out), wanted);
    pyr_text_deinit(&out);
}

static void expect(const char *sql, int32_t position, const char *wanted) {
    expect_offset(sql, 0, position, 100, wanted);
}

static void the_caret_stands_under_the_place(void **state) {
    (void)state;
    expect("SELECT x", 7, "error: 42601: wrong\nSELECT x\n       ^\n");
    expect("SELECT x", 8, "error: 42601: wrong\nSELECT x\n        ^\n");
    expect("SELECT x", 0, "error: 42601: wrong\nSELECT x\n^\n");
    expect("SELECT x", -1, "error: 42601: wrong\n");
}

static void the_right_line_of_several_is_shown(void **state) {
    (void)state;
    const char *sql = "SELECT 1;\nSELECT a,\n\tb FROM t;\nSELECT 2";
    /* The statement begins at 10, its b at 11 of it. */
    expect_offset(sql, 10, 11, 100, "error: 42601: wrong\n b FROM t;\n ^\n");
    expect_offset("a\r\nbcd\r\ne", 3, 1, 100, "error: 42601: wrong\nbcd\n ^\n");
}

static void the_end_of_the_text_is_after_its_last_character(void **state) {
    (void)state;
    expect("SELECT (\n\n", 10, "error: 42601: wrong\nSELECT (\n        ^\n");
    expect("SELECT (", 4000, "error: 42601: wrong\nSELECT (\n        ^\n");
    expect("", 0, "error: 42601: wrong\n\n^\n");
}

static void columns_count_characters_not_bytes(void **state) {
    (void)state;
    expect("SELECT 'é', x", (int32_t)strlen("SELECT 'é', "),
           "error: 42601: wrong\nSELECT 'é', x\n            ^\n");
    expect("SELECT '東京', x", (int32_t)strlen("SELECT '東京', "),
           "error: 42601: wrong\nSELECT '東京', x\n               ^\n");
    expect("SELECT '\x1B', x", (int32_t)strlen("SELECT '\x1B', "),
           "error: 42601: wrong\nSELECT '\\x1B', x\n               ^\n");
}

static void a_long_line_is_cut_around_the_caret(void **state) {
    (void)state;
    char sql[400];
    memset(sql, 'a', sizeof(sql));
    sql[399] = '\0';
    sql[200] = 'X';
    expect_offset(sql, 0, 200, 40,
                  "error: 42601: wrong\n...aaaaaaaaaaaaaaaaaXaaaaaaaaaaaaaaaa...\n"
                  "                    ^\n");
    sql[0] = 'X';
    expect_offset(sql, 0, 0, 40, "error: 42601: wrong\nXaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\n^\n");
    sql[398] = 'X';
    pyr_error error = {0};
    pyr_error_set_sql(&error, PYR_ERROR_SQL, "42601", 398, "wrong");
    const pyr_sql_place place = {sql, 399, 0};
    pyr_text out;
    pyr_text_init(&out);
    pyr_error_print(&error, &place, 40, &out);
    /* Wherever it was cut, the caret is under the X and the line within bounds. */
    char *line = strchr(pyr_text_get(&out), '\n') + 1;
    char *caret = strchr(line, '\n') + 1;
    assert_true(caret - line - 1 <= 40);
    size_t column = strcspn(caret, "^");
    assert_int_equal(line[column], 'X');
    assert_int_equal(line[column + 1], '\n');
    pyr_text_deinit(&out);
}

int main(void) {
    pyr_display_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caret_stands_under_the_place),
        cmocka_unit_test(the_right_line_of_several_is_shown),
        cmocka_unit_test(the_end_of_the_text_is_after_its_last_character),
        cmocka_unit_test(columns_count_characters_not_bytes),
        cmocka_unit_test(a_long_line_is_cut_around_the_caret),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
