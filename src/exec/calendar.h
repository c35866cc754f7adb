/* calendar.h - days since 1970-01-01 and dates of the proleptic Gregorian calendar, with a year 0,
 * and DuckDB's infinities. Inline: loops over columns.
 *
 * Source of the algorithm: C. Neri and L. Schneider, "Euclidean affine functions and their
 * application to calendar algorithms".
 */
#ifndef PYR_EXEC_CALENDAR_H
#define PYR_EXEC_CALENDAR_H

#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define PYR_DAY_US INT64_C(86400000000)
#define PYR_DATE_INFINITE(d) (((d) == INT32_MAX) | ((d) == -INT32_MAX))
#define PYR_TIME_INFINITE(t) (((t) == INT64_MAX) | ((t) == -INT64_MAX))

typedef struct pyr_civil {
    int32_t year, month, day;
} pyr_civil;

static inline __attribute__((always_inline)) int64_t pyr_floor_divide(int64_t a, int64_t b) {
    return a / b - ((a % b) < 0);
}
/* What is left over: 0 .. b - 1. */
static inline __attribute__((always_inline)) int64_t pyr_floor_modulo(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest + (rest < 0 ? b : 0);
}
/* Days and centuries are counted from a year far before all that 64-bit times in microseconds have,
 * so that divisions are of unsigned numbers. Beyond that results are wrong, but nothing overflows:
 * loops compute what lies under NULLs, too. */
#define PYR_CALENDAR_ERAS (INT64_C(1) << 21) /* of 400 years */
#define PYR_CALENDAR_DAYS (PYR_CALENDAR_ERAS * 146097 + 719468)
static inline __attribute__((always_inline)) pyr_civil pyr_civil_of_days(int64_t days) {
    /* Years begin with March; quarters of days make leap years come out even. */
    uint64_t quarters = 4 * ((uint64_t)days + (uint64_t)PYR_CALENDAR_DAYS) + 3;
    uint64_t century = quarters / 146097;
    uint32_t of_century = (uint32_t)(quarters - century * 146097) | 3;
    uint64_t years = UINT64_C(2939745) * of_century; /* 2^32 / 1461, rounded up */
    uint32_t of_year = (uint32_t)years / 2939745 / 4;
    uint32_t month = 2141 * of_year + 197913; /* in 1/65536; 2141 a day */
    bool next = of_year >= 306;               /* January, February */
    int64_t year = (int64_t)(century * 100 + (years >> 32)) - PYR_CALENDAR_ERAS * 400;
    pyr_civil c = {(int32_t)year + next, (int32_t)(month >> 16) - (next ? 12 : 0),
                   (int32_t)((month & 0xFFFF) / 2141) + 1};
    return c;
}
static inline __attribute__((always_inline)) int64_t pyr_days_of_civil(int64_t year, int32_t month,
                                                                       int32_t day) {
    uint64_t y = (uint64_t)(year - (month <= 2) + PYR_CALENDAR_ERAS * 400);
    uint64_t century = y / 100;
    uint32_t march = (uint32_t)(month + (month > 2 ? -3 : 9));
    uint64_t days = y * 365 + y / 4 - century + century / 4 + (153 * march + 2) / 5;
    return (int64_t)days + day - 1 - PYR_CALENDAR_DAYS;
}
static inline bool pyr_is_leap_year(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}
static inline int32_t pyr_month_days(int64_t year, int32_t month) {
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && pyr_is_leap_year(year) ? 29 : days[month];
}
/* Monday 1 .. Sunday 7. */
static inline __attribute__((always_inline)) int32_t pyr_iso_weekday(int64_t days) {
    return (int32_t)pyr_floor_modulo(days + 3, 7) + 1;
}

/* Of a day; 0 for parts of the day's time. */
static inline __attribute__((always_inline)) int64_t pyr_part_of_days(pyr_date_part part,
                                                                      int64_t days) {
    int64_t thursday = days + 4 - pyr_iso_weekday(days); /* its year is the ISO week's */
    pyr_civil c = pyr_civil_of_days(days);
    int64_t y = c.year;
    switch (part) {
    case PYR_PART_MILLENNIUM:
        return y > 0 ? (y - 1) / 1000 + 1 : y / 1000 - 1;
    case PYR_PART_CENTURY:
        return y > 0 ? (y - 1) / 100 + 1 : y / 100 - 1;
    case PYR_PART_DECADE:
        return y / 10;
    case PYR_PART_YEAR:
        return y;
    case PYR_PART_QUARTER:
        return (c.month - 1) / 3 + 1;
    case PYR_PART_MONTH:
        return c.month;
    case PYR_PART_WEEK: {
        int64_t year = pyr_civil_of_days(thursday).year;
        return (thursday - pyr_days_of_civil(year, 1, 1)) / 7 + 1;
    }
    case PYR_PART_DAY:
        return c.day;
    case PYR_PART_DAY_OF_WEEK:
        return pyr_iso_weekday(days) % 7;
    case PYR_PART_ISO_DAY_OF_WEEK:
        return pyr_iso_weekday(days);
    case PYR_PART_DAY_OF_YEAR:
        return days - pyr_days_of_civil(y, 1, 1) + 1;
    case PYR_PART_ISO_YEAR:
        return pyr_civil_of_days(thursday).year;
    default:
        return 0;
    }
}
/* Of nanoseconds since midnight. */
static inline __attribute__((always_inline)) int64_t pyr_part_of_time(pyr_date_part part,
                                                                      int64_t nanos) {
    const int64_t minute = INT64_C(60000000000);
    switch (part) {
    case PYR_PART_HOUR:
        return nanos / (60 * minute);
    case PYR_PART_MINUTE:
        return nanos / minute % 60;
    case PYR_PART_SECOND:
        return nanos % minute / 1000000000;
    case PYR_PART_MILLISECOND:
        return nanos % minute / 1000000;
    case PYR_PART_MICROSECOND:
        return nanos % minute / 1000;
    default:
        return nanos % minute;
    }
}
static inline bool pyr_part_is_time(pyr_date_part part) {
    return part >= PYR_PART_HOUR && part <= PYR_PART_NANOSECOND;
}
/* The first day of what the part counts (day and below: the day itself). */
static inline __attribute__((always_inline)) int64_t pyr_trunc_days(pyr_date_part part,
                                                                    int64_t days) {
    int64_t y = pyr_civil_of_days(days).year;
    int32_t month = pyr_civil_of_days(days).month;
    switch (part) {
    case PYR_PART_MILLENNIUM:
        return pyr_days_of_civil(y / 1000 * 1000, 1, 1);
    case PYR_PART_CENTURY:
        return pyr_days_of_civil(y / 100 * 100, 1, 1);
    case PYR_PART_DECADE:
        return pyr_days_of_civil(y / 10 * 10, 1, 1);
    case PYR_PART_YEAR:
        return pyr_days_of_civil(y, 1, 1);
    case PYR_PART_QUARTER:
        return pyr_days_of_civil(y, (month - 1) / 3 * 3 + 1, 1);
    case PYR_PART_MONTH:
        return pyr_days_of_civil(y, month, 1);
    case PYR_PART_WEEK:
        return days + 1 - pyr_iso_weekday(days);
    case PYR_PART_ISO_YEAR: {
        int64_t year = pyr_part_of_days(PYR_PART_ISO_YEAR, days);
        int64_t fourth = pyr_days_of_civil(year, 1, 4); /* in its first week */
        return fourth + 1 - pyr_iso_weekday(fourth);
    }
    default:
        return days;
    }
}

#endif
