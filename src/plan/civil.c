/* civil.c - the calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days
 * counted in eras of 400 years that begin in March). */
#include "plan/civil.h"

static int64_t floor_divide(int64_t value, int64_t by) {
    return value / by - (value % by < 0);
}

int64_t pyr_civil_days(int64_t year, int32_t month, int32_t day) {
    year -= month <= 2;
    int64_t era = floor_divide(year, 400);
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void pyr_civil_of_days(int64_t days, int64_t *year, int32_t *month, int32_t *day) {
    days += 719468;
    int64_t era = floor_divide(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (int32_t)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int32_t)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

int32_t pyr_civil_month_days(int64_t year, int32_t month) {
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Exactly count digits. */
static bool digits(const uint8_t **at, const uint8_t *end, int count, int32_t *out) {
    *out = 0;
    for (int i = 0; i < count; ++i, ++*at) {
        if (*at == end || **at < '0' || **at > '9') {
            return false;
        }
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool character(const uint8_t **at, const uint8_t *end, uint8_t c) {
    if (*at == end || **at != c) {
        return false;
    }
    ++*at;
    return true;
}

static bool date_at(const uint8_t **at, const uint8_t *end, int64_t *days) {
    int32_t year;
    int32_t month;
    int32_t day;
    if (!digits(at, end, 4, &year) || !character(at, end, '-') || !digits(at, end, 2, &month) ||
        !character(at, end, '-') || !digits(at, end, 2, &day) || year < 1 || month < 1 ||
        month > 12 || day < 1 || day > pyr_civil_month_days(year, month)) {
        return false;
    }
    *days = pyr_civil_days(year, month, day);
    return true;
}

bool pyr_civil_date_parse(const uint8_t *text, uint64_t length, int64_t *days) {
    const uint8_t *at = text;
    return date_at(&at, text + length, days) && at == text + length;
}

static bool time_at(const uint8_t **at, const uint8_t *end, int64_t *us) {
    int32_t hour;
    int32_t minute;
    int32_t second = 0;
    if (!digits(at, end, 2, &hour) || !character(at, end, ':') || !digits(at, end, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    int64_t fraction = 0;
    if (character(at, end, ':')) {
        if (!digits(at, end, 2, &second) || second > 59) {
            return false;
        }
        if (character(at, end, '.')) {
            int64_t unit = 100000;
            for (; *at < end && **at >= '0' && **at <= '9' && unit > 0; ++*at, unit /= 10) {
                fraction += (**at - '0') * unit;
            }
        }
    }
    *us = ((hour * INT64_C(60) + minute) * 60 + second) * 1000000 + fraction;
    return *at == end;
}

bool pyr_civil_timestamp_parse(const uint8_t *text, uint64_t length, int64_t *us) {
    const uint8_t *at = text;
    const uint8_t *end = text + length;
    int64_t days;
    int64_t time = 0;
    if (!date_at(&at, end, &days)) {
        return false;
    }
    if (at < end) {
        if ((*at != ' ' && *at != 'T') || (++at, !time_at(&at, end, &time))) {
            return false;
        }
    }
    *us = days * PYR_DAY_US + time;
    return true;
}

bool pyr_civil_add(int64_t us, pyr_interval interval, bool subtract, int64_t *out) {
    int64_t sign = subtract ? -1 : 1;
    int64_t days = floor_divide(us, PYR_DAY_US);
    int64_t time = us - days * PYR_DAY_US;
    if (interval.months != 0) {
        int64_t year;
        int32_t month;
        int32_t day;
        pyr_civil_of_days(days, &year, &month, &day);
        int64_t months = year * 12 + (month - 1) + sign * interval.months;
        year = floor_divide(months, 12);
        month = (int32_t)(months - year * 12) + 1;
        int32_t last = pyr_civil_month_days(year, month);
        days = pyr_civil_days(year, month, day < last ? day : last);
    }
    days += sign * interval.days;
    /* 290,000 years to both sides hold 2^63 microseconds; half of it is surely in range. */
    if (days < -50000000 || days > 50000000 || interval.nanos % 1000 != 0) {
        return false;
    }
    *out = days * PYR_DAY_US + time + sign * (interval.nanos / 1000);
    return true;
}
