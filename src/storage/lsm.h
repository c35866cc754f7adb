/* lsm.h - the ordered key-value store of a database: RocksDB through its C API. Only lsm.c includes
 * RocksDB. Thread-safe.
 */
#ifndef PYR_STORAGE_LSM_H
#define PYR_STORAGE_LSM_H

#include "base/error.h"

typedef struct pyr_lsm pyr_lsm;

/* path NULL: in memory, gone at close. readonly: no lock is taken, and a writer may be open in
 * another process; pyr_lsm_refresh sees its later commits. PYR_ERROR_BUSY when another process
 * holds the lock; the caller names the holder. */
PYR_MUST_CHECK pyr_status pyr_lsm_open(const char *path, bool readonly, pyr_lsm **out,
                                       pyr_error *error);
void pyr_lsm_close(pyr_lsm *lsm); /* NULL allowed */
/* Readonly: sees what the writer has committed since. Else nothing. No scan may run meanwhile on
 * the calling thread. */
PYR_MUST_CHECK pyr_status pyr_lsm_refresh(pyr_lsm *lsm, pyr_error *error);

/* *value is malloc'ed (NULL when the key is not there: PYR_OK); the caller frees it. */
PYR_MUST_CHECK pyr_status pyr_lsm_get(pyr_lsm *lsm, const void *key, size_t key_size, char **value,
                                      size_t *value_size, pyr_error *error);
/* Every pair whose key begins with prefix, in key order. visit returning non-OK stops and is passed
 * on. The bytes are valid during the call only. */
PYR_MUST_CHECK pyr_status pyr_lsm_scan(pyr_lsm *lsm, const void *prefix, size_t prefix_size,
                                       pyr_status (*visit)(void *context, const char *key,
                                                           size_t key_size, const char *value,
                                                           size_t value_size, pyr_error *error),
                                       void *context, pyr_error *error);

/* An atomic set of changes. */
typedef struct pyr_lsm_batch pyr_lsm_batch;
PYR_MUST_CHECK pyr_status pyr_lsm_batch_create(pyr_lsm_batch **out, pyr_error *error);
void pyr_lsm_batch_put(pyr_lsm_batch *batch, const void *key, size_t key_size, const void *value,
                       size_t value_size);
void pyr_lsm_batch_delete(pyr_lsm_batch *batch, const void *key, size_t key_size);
/* sync: on disk before it returns (fdatasync of the write-ahead log). After a failure the batch may
 * be there or not when the store is read again: the next call opens the store anew, because RocksDB
 * takes no write after one that failed, even when there is space again. */
PYR_MUST_CHECK pyr_status pyr_lsm_write(pyr_lsm *lsm, pyr_lsm_batch *batch, bool sync,
                                        pyr_error *error);
void pyr_lsm_batch_destroy(pyr_lsm_batch *batch); /* NULL allowed */

#endif
