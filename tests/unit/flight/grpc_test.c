/* What gRPC puts on top of HTTP/2. */
#include "flight/grpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool timeout(const char *text, int64_t *out) {
    return pyr_grpc_parse_timeout(text, strlen(text), out);
}

static void timeouts_of_every_unit_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {{"1H", INT64_C(3600000000000)},
                 {"2M", INT64_C(120000000000)},
                 {"3S", INT64_C(3000000000)},
                 {"4m", 4000000},
                 {"5u", 5000},
                 {"6n", 6},
                 {"0S", 0},
                 {"00000001S", INT64_C(1000000000)},
                 {"99999999M", INT64_C(5999999940000000000)}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        int64_t ns = -1;
        assert_true(timeout(cases[i].text, &ns));
        assert_true(ns == cases[i].ns);
    }
    int64_t ns;
    assert_true(timeout("99999999H", &ns));
    assert_true(ns == INT64_MAX); /* more than 64 bits of nanoseconds */
}

static void malformed_timeouts_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {"",    "S",   "5",    "5s",         "-5S", "+5S",
                                        " 5S", "5 S", "5.0S", "123456789S", "5SS", "0x5S"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        int64_t ns;
        assert_false(timeout(cases[i], &ns));
    }
}

static void encodes_as(const char *text, const char *wanted) {
    pyr_text out;
    pyr_text_init(&out);
    pyr_grpc_percent_encode(text, &out);
    assert_string_equal(pyr_text_get(&out), wanted);
    pyr_text_deinit(&out);
}

static void messages_are_percent_encoded(void **state) {
    (void)state;
    encodes_as("", "");
    encodes_as("plain ~ text", "plain ~ text");
    encodes_as("100%", "100%25");
    encodes_as("a\nb\r\t\x01\x7F", "a%0Ab%0D%09%01%7F");
    encodes_as("\xC3\xA4", "%C3%A4");
}

static void a_message_begins_with_the_sqlstate_and_ends_with_the_place(void **state) {
    (void)state;
    pyr_error error;
    pyr_text out;
    pyr_text_init(&out);
    (void)pyr_error_set_sql(&error, PYR_ERROR_SQL, "42601", 7, "syntax error");
    pyr_grpc_message_of(&error, &out);
    assert_string_equal(pyr_text_get(&out), "42601: syntax error (at byte 7)");
    pyr_text_deinit(&out);
    pyr_text_init(&out);
    (void)pyr_error_set(&error, PYR_ERROR_DISK_FULL, "no room");
    pyr_grpc_message_of(&error, &out);
    assert_string_equal(pyr_text_get(&out), "53100: no room");
    pyr_text_deinit(&out);
}

static void every_status_has_its_code(void **state) {
    (void)state;
    static const int wanted[] = {
        [PYR_OK] = 0,
        [PYR_ERROR_INVALID_ARGUMENT] = 3,
        [PYR_ERROR_SQL] = 3,
        [PYR_ERROR_NOT_FOUND] = 5,
        [PYR_ERROR_ALREADY_EXISTS] = 6,
        [PYR_ERROR_CORRUPT] = 13,
        [PYR_ERROR_IO] = 13,
        [PYR_ERROR_MEMORY] = 8,
        [PYR_ERROR_DISK_FULL] = 8,
        [PYR_ERROR_LIMIT] = 8,
        [PYR_ERROR_CANCELLED] = 1,
        [PYR_ERROR_TIMEOUT] = 4,
        [PYR_ERROR_BUSY] = 14,
        [PYR_ERROR_NOT_SUPPORTED] = 12,
        [PYR_ERROR_PERMISSION] = 7,
        [PYR_ERROR_UNAUTHENTICATED] = 16,
        [PYR_ERROR_CONFLICT] = 10,
        [PYR_ERROR_CONSTRAINT] = 3,
        [PYR_ERROR_NO_ROWS] = 3,
        [PYR_ERROR_MANY_ROWS] = 3,
        [PYR_ERROR_INTERNAL] = 13,
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); ++i) {
        pyr_error error = {.code = (pyr_status)i};
        assert_int_equal(pyr_grpc_code_of(&error), wanted[i]);
    }
    pyr_error unknown = {.code = (pyr_status)999};
    assert_int_equal(pyr_grpc_code_of(&unknown), PYR_GRPC_UNKNOWN);
}

static void the_prefix_is_big_endian(void **state) {
    (void)state;
    uint8_t prefix[PYR_GRPC_PREFIX_BYTES];
    pyr_grpc_prefix(prefix, 0x01020304);
    assert_memory_equal(prefix, "\0\1\2\3\4", 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_of_every_unit_are_read),
        cmocka_unit_test(malformed_timeouts_are_refused),
        cmocka_unit_test(messages_are_percent_encoded),
        cmocka_unit_test(a_message_begins_with_the_sqlstate_and_ends_with_the_place),
        cmocka_unit_test(every_status_has_its_code),
        cmocka_unit_test(the_prefix_is_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
