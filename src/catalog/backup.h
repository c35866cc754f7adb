/* backup.h - BACKUP TO: a copy of a database that costs links. */
#ifndef PYR_CATALOG_BACKUP_H
#define PYR_CATALOG_BACKUP_H

#include "catalog/catalog.h"

typedef struct pyr_backup_counts {
    int64_t files;        /* segments in the backup */
    int64_t new_files;    /* of these, not there before */
    int64_t copied_bytes; /* where links were not to be had */
} pyr_backup_counts;

/* While others read and write (commits wait for the LSM's checkpoint only). folder is created, or
 * empty, or holds an earlier backup of this database, of which nothing is written again; then it is
 * a database like any other, as of one moment. INVALID_ARGUMENT for other folders and for a
 * backup that something was committed in since, BUSY for one that is open, NOT_SUPPORTED for a
 * database in memory or readonly. After a failure folder is as it was or can be gone on with.
 */
PYR_MUST_CHECK pyr_status pyr_catalog_backup(pyr_catalog *catalog, const char *folder,
                                             pyr_query_ledger *ledger, pyr_backup_counts *counts,
                                             pyr_error *error);

#endif
