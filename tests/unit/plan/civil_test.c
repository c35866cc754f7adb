/* civil_test.c - days and dates; adding intervals as DuckDB does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/civil.h"

#include <string.h>

static void days_and_dates_are_each_others_inverse(void **state) {
    (void)state;
    int64_t expected = pyr_civil_days(-401, 1, 1);
    for (int64_t year = -401; year < 2402; ++year) {
        for (int32_t month = 1; month <= 12; ++month) {
            for (int32_t day = 1; day <= pyr_civil_month_days(year, month); ++day, ++expected) {
                int64_t back_year;
                int32_t back_month;
                int32_t back_day;
                assert_int_equal(pyr_civil_days(year, month, day), expected);
                pyr_civil_of_days(expected, &back_year, &back_month, &back_day);
                assert_true(back_year == year && back_month == month && back_day == day);
            }
        }
    }
    assert_int_equal(pyr_civil_days(1970, 1, 1), 0);
    assert_int_equal(pyr_civil_days(2000, 3, 1), 11017);
}

static bool date(const char *text, int64_t *out) {
    return pyr_civil_date_parse((const uint8_t *)text, strlen(text), out);
}
static bool timestamp(const char *text, int64_t *out) {
    return pyr_civil_timestamp_parse((const uint8_t *)text, strlen(text), out);
}

static void only_plain_texts_are_read(void **state) {
    (void)state;
    int64_t value = 0;
    assert_true(date("1970-01-02", &value) && value == 1);
    assert_true(date("1969-12-31", &value) && value == -1);
    assert_true(date("2024-02-29", &value) && value == 19782);
    const char *const others[] = {"2023-02-29", "2024-2-9",   "24-02-09",   "2024-13-01",
                                  "2024-00-01", "2024-01-00", "2024-01-32", "2024-01-01 ",
                                  "",           "2024-01-0a"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        assert_false(date(others[i], &value));
    }
    assert_true(timestamp("1970-01-01 00:00:01.5", &value) && value == 1500000);
    assert_true(timestamp("1970-01-02", &value) && value == PYR_DAY_US);
    assert_true(timestamp("1970-01-01T23:59", &value) && value == PYR_DAY_US - 60000000);
    assert_false(timestamp("1970-01-01 24:00:00", &value));
    assert_false(timestamp("1970-01-01 00:00:00Z", &value));
    assert_false(timestamp("1970-01-01 00:00:00.1234567", &value));
}

static int64_t added(const char *text, int32_t months, int32_t days, int64_t us, bool subtract) {
    int64_t at = 0;
    int64_t out = 0;
    assert_true(timestamp(text, &at));
    assert_true(pyr_civil_add(at, (pyr_interval){months, days, us * 1000}, subtract, &out));
    return out;
}
static int64_t at(const char *text) {
    int64_t out = 0;
    assert_true(timestamp(text, &out));
    return out;
}

static void months_are_cut_to_their_last_day(void **state) {
    (void)state;
    assert_int_equal(added("2024-01-31", 1, 0, 0, false), at("2024-02-29"));
    assert_int_equal(added("2023-03-31", 1, 0, 0, true), at("2023-02-28"));
    assert_int_equal(added("2023-12-15 10:00:00", 1, 20, 3600000000, false),
                     at("2024-02-04 11:00:00"));
    assert_int_equal(added("2024-01-01", 13, 0, 0, true), at("2022-12-01"));
    assert_int_equal(added("2024-01-01", 0, 0, 1, true), at("2023-12-31 23:59:59.999999"));
    int64_t out = 0;
    assert_false(pyr_civil_add(0, (pyr_interval){INT32_MAX, 0, 0}, false, &out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_are_each_others_inverse),
        cmocka_unit_test(only_plain_texts_are_read),
        cmocka_unit_test(months_are_cut_to_their_last_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
