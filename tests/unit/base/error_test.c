#include "base/error.h"
#include "support_base.h"

#include <errno.h>
#include <string.h>

static void a_status_has_its_sqlstate_and_message(void **state) {
    (void)state;
    pyr_error error;
    assert_int_equal(pyr_error_set(&error, PYR_ERROR_IO, "disk %d\nis\tgone", 3), PYR_ERROR_IO);
    assert_string_equal(error.sqlstate, "58030");
    assert_string_equal(error.message, "disk 3 is gone");
    assert_int_equal(error.position, -1);
    assert_int_equal(pyr_error_set(NULL, PYR_ERROR_SQL, "x"), PYR_ERROR_SQL);
}

static void context_stands_in_front(void **state) {
    (void)state;
    pyr_error error;
    (void)pyr_error_set_sql(&error, PYR_ERROR_SQL, "42P01", 7, "no table");
    assert_int_equal(pyr_error_context(&error, PYR_ERROR_SQL, "segment %d", 4), PYR_ERROR_SQL);
    assert_string_equal(error.message, "segment 4: no table");
    assert_string_equal(error.sqlstate, "42P01");
    assert_int_equal(error.position, 7);
}

static void a_long_message_is_cut_at_a_characters_border(void **state) {
    (void)state;
    pyr_error error;
    char text[2000];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xC3\xA9", 2);
    }
    text[sizeof(text) - 2] = '\0';
    for (int shift = 0; shift < 2; ++shift) {
        (void)pyr_error_set(&error, PYR_ERROR_IO, "%s%s", shift ? "x" : "", text);
        size_t length = strlen(error.message);
        assert_true(length >= sizeof(error.message) - 3);
        assert_int_equal((length - (size_t)shift) % 2, 0);
    }
}

static void errno_values_become_the_right_kind(void **state) {
    (void)state;
    pyr_error error;
    assert_int_equal(pyr_error_set_errno(&error, ENOENT, "open", "a/b"), PYR_ERROR_NOT_FOUND);
    assert_string_equal(error.message, "a/b: open: No such file or directory");
    assert_int_equal(pyr_error_set_errno(&error, ENOSPC, "write", "f"), PYR_ERROR_DISK_FULL);
    assert_string_equal(error.sqlstate, "53100");
    assert_int_equal(pyr_error_set_errno(&error, EIO, "read", "f"), PYR_ERROR_IO);
    assert_int_equal(pyr_error_set_errno(&error, EACCES, "read", "f"), PYR_ERROR_PERMISSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_has_its_sqlstate_and_message),
        cmocka_unit_test(context_stands_in_front),
        cmocka_unit_test(a_long_message_is_cut_at_a_characters_border),
        cmocka_unit_test(errno_values_become_the_right_kind),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
