/* table_options.h - what a table's options mean: WITH (name = 'value', ...). */
#ifndef PYR_CATALOG_TABLE_OPTIONS_H
#define PYR_CATALOG_TABLE_OPTIONS_H

#include "catalog/catalog.h"

typedef enum pyr_sync_mode {
    PYR_SYNC_COMMIT,   /* on disk before a commit returns */
    PYR_SYNC_INTERVAL, /* within a second of it */
    PYR_SYNC_NONE      /* when the operating system likes */
} pyr_sync_mode;
pyr_sync_mode pyr_table_sync_mode(const pyr_table *table);

/* retention = '1 hour': whole segments go when all their rows are older, by a time column. */
typedef struct pyr_retention {
    int32_t column; /* DATE, TIMESTAMP, or BIGINT epochs */
    int64_t age_us;
    int64_t unit_ns; /* of the column's values; 0: days */
} pyr_retention;
/* *found false where the table has none. retention: a number and s, second(s), minute(s), hour(s),
 * day(s), week(s) or one letter of them; retention_column: the time column, without it the first
 * TIMESTAMP, else a BIGINT called timestamp, time, ts or event_time. PYR_ERROR_SQL 22023 where it
 * makes no sense. */
PYR_MUST_CHECK pyr_status pyr_retention_of(const pyr_table_definition *definition, bool *found,
                                           pyr_retention *out, pyr_error *error);
/* The options that speak of columns: sort_key (42703 for what is no column, NOT_SUPPORTED for a
 * type without order), retention. */
PYR_MUST_CHECK pyr_status pyr_table_options_check(const pyr_table_definition *definition,
                                                  pyr_error *error);

#endif
