/* external_records.h - the records of external tables; the folder's README has their bytes. */
#ifndef PYR_CATALOG_EXTERNAL_RECORDS_H
#define PYR_CATALOG_EXTERNAL_RECORDS_H

#include "catalog/catalog_internal.h"

/* What was read, a table each. */
typedef struct pyr_external_record {
    uint64_t table_id;
    char *key; /* as it is in the LSM, behind the prefix: malloc'ed */
    size_t key_size;
    pyr_external *external; /* retained */
} pyr_external_record;
typedef struct pyr_external_records {
    size_t count, capacity;
    pyr_external_record *records;
} pyr_external_records;

/* table->external is set. */
PYR_MUST_CHECK pyr_status pyr_external_records_put(pyr_lsm_batch *batch, const pyr_table *table,
                                                   pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_external_records_delete(pyr_lsm_batch *batch, const pyr_table *table,
                                                      pyr_error *error);
/* All of them; PYR_ERROR_CORRUPT where one is damaged, or the files of one are not those it had. */
PYR_MUST_CHECK pyr_status pyr_external_records_load(pyr_lsm *lsm, pyr_external_records *out,
                                                    pyr_error *error);
void pyr_external_records_deinit(pyr_external_records *records);
/* What is recorded of a table; NULL where nothing is. Borrowed. */
pyr_external *pyr_external_records_find(const pyr_external_records *records, uint64_t table_id,
                                        const char *schema_name, const char *name);
/* Deletes whatever records there are, for all to be put anew. */
PYR_MUST_CHECK pyr_status pyr_external_records_clear(pyr_lsm_batch *batch, pyr_lsm *lsm,
                                                     pyr_error *error);

#endif
