/* retention.h - old rows go by themselves: whole segments, by the table option `retention`. */
#ifndef PYR_CATALOG_RETENTION_H
#define PYR_CATALOG_RETENTION_H

#include "catalog/catalog.h"

bool pyr_table_has_retention(const pyr_table *table);
/* Drops the first segments of the table whose rows are all too old. A table that is gone: nothing
 * to do. Readers keep what they have. */
PYR_MUST_CHECK pyr_status pyr_retention_step(pyr_catalog *catalog, uint64_t table_id,
                                             pyr_error *error);

#endif
