/* civil.h - days and the proleptic Gregorian calendar, and texts of them. Within this folder. */
#ifndef PYR_PLAN_CIVIL_H
#define PYR_PLAN_CIVIL_H

#include "kernels/value.h"

#include <stdbool.h>

#define PYR_DAY_US INT64_C(86400000000)

int64_t pyr_civil_days(int64_t year, int32_t month, int32_t day); /* since 1970-01-01 */
void pyr_civil_of_days(int64_t days, int64_t *year, int32_t *month, int32_t *day);
int32_t pyr_civil_month_days(int64_t year, int32_t month);

/* YYYY-MM-DD and nothing else, within the years 1 to 9999: other texts may be dates to DuckDB, too,
 * but are left to the cast at run time. */
bool pyr_civil_date_parse(const uint8_t *text, uint64_t length, int64_t *days);
/* The same, with ' ' or 'T' and HH:MM[:SS[.ffffff]] behind it or not: microseconds. */
bool pyr_civil_timestamp_parse(const uint8_t *text, uint64_t length, int64_t *us);

/* Months first (the day cut to the month's last), then days, then the time, as DuckDB adds.
 * false: out of the range that is surely a timestamp. */
bool pyr_civil_add(int64_t us, pyr_interval interval, bool subtract, int64_t *out);

#endif
