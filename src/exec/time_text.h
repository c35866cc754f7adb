/* time_text.h - dates, times and numbers in texts, as DuckDB reads and prints them. */
#ifndef PYR_EXEC_TIME_TEXT_H
#define PYR_EXEC_TIME_TEXT_H

#include "plan/type.h"

#define PYR_TIME_TEXT_MAX 96 /* of any of these, with its NUL */

/* Each gives the length. */
size_t pyr_date_print(int32_t days, char *out);
size_t pyr_time_print(int64_t us, char *out);
/* TIMESTAMP_S, _MS, TIMESTAMP, _NS. */
size_t pyr_timestamp_print(int64_t value, pyr_sql_type_id type, char *out);
size_t pyr_interval_print(const pyr_interval *interval, char *out);

typedef enum pyr_parsed {
    PYR_PARSED,
    PYR_PARSED_FORMAT, /* no such thing */
    PYR_PARSED_RANGE,  /* one, but out of range */
    PYR_PARSED_UNKNOWN /* a form that DuckDB may know, and this does not */
} pyr_parsed;
pyr_parsed pyr_date_parse(pyr_string text, int32_t *days);
/* Microseconds. */
pyr_parsed pyr_timestamp_parse(pyr_string text, int64_t *us);
pyr_parsed pyr_time_parse(pyr_string text, int64_t *us);
/* Digits with a point and an exponent, rounded half away from zero to so many digits behind the
 * point: DECIMALs, and integers with scale 0. RANGE: beyond 128 bits. */
pyr_parsed pyr_decimal_parse(pyr_string text, int scale, pyr_i128 *value);
pyr_parsed pyr_double_parse(pyr_string text, double *value);
pyr_parsed pyr_float_parse(pyr_string text, float *value);
pyr_parsed pyr_boolean_parse(pyr_string text, bool *value);

#endif
