/* lsm.h - the ordered key-value store of a database: RocksDB through its C API. Only lsm.c and
 * lsm_view.c include RocksDB. Thread-safe.
 */
#ifndef PYR_STORAGE_LSM_H
#define PYR_STORAGE_LSM_H

#include "base/error.h"

typedef struct pyr_lsm pyr_lsm;
typedef struct pyr_lsm_bytes {
    const void *data; /* NULL as an upper bound: none */
    size_t size;
} pyr_lsm_bytes;

/* path NULL: in memory, gone at close. readonly: no lock is taken, and a writer may be open in
 * another process; pyr_lsm_refresh sees its later commits. PYR_ERROR_BUSY when another process
 * holds the lock; the caller names the holder. */
PYR_MUST_CHECK pyr_status pyr_lsm_open(const char *path, bool readonly, pyr_lsm **out,
                                       pyr_error *error);
void pyr_lsm_close(pyr_lsm *lsm); /* NULL allowed */
/* How much memory may hold blocks read from disk. */
void pyr_lsm_set_cache_size(pyr_lsm *lsm, size_t size_bytes);
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
/* The same with key and value in two parts each, put together by the batch. */
void pyr_lsm_batch_put_parts(pyr_lsm_batch *batch, const pyr_lsm_bytes key[2],
                             const pyr_lsm_bytes value[2]);
void pyr_lsm_batch_delete_parts(pyr_lsm_batch *batch, const pyr_lsm_bytes key[2]);
/* sync: on disk before it returns (fdatasync of the write-ahead log). After a failure the next call
 * opens the store anew, because RocksDB takes no write after one that failed, even when there is
 * space again. What the failed batch put and deleted is taken back then, should it have landed on
 * the disk all the same. */
PYR_MUST_CHECK pyr_status pyr_lsm_write(pyr_lsm *lsm, pyr_lsm_batch *batch, bool sync,
                                        pyr_error *error);
/* Every key from lower up to upper, of which no view to come is read: for what is named nowhere. */
PYR_MUST_CHECK pyr_status pyr_lsm_drop_range(pyr_lsm *lsm, pyr_lsm_bytes lower, pyr_lsm_bytes upper,
                                             pyr_error *error);
/* What was written without sync is on disk when it returns. */
PYR_MUST_CHECK pyr_status pyr_lsm_sync(pyr_lsm *lsm, pyr_error *error);
/* All of it as it is now, in a folder that must not be there yet: files are linked where they can
 * be. On disk when it returns. */
PYR_MUST_CHECK pyr_status pyr_lsm_checkpoint(pyr_lsm *lsm, const char *folder, pyr_error *error);
/* A text that no other store has; a checkpoint is another store, a copy of the folder is not. ""
 * where it is not known: in memory, or the file that has it is gone. */
#define PYR_LSM_IDENTITY_BYTES 64
void pyr_lsm_identity(const pyr_lsm *lsm, char out[PYR_LSM_IDENTITY_BYTES]);
/* What is put or deleted after mark is taken back by rollback, once. */
void pyr_lsm_batch_mark(pyr_lsm_batch *batch);
void pyr_lsm_batch_rollback(pyr_lsm_batch *batch);
void pyr_lsm_batch_destroy(pyr_lsm_batch *batch); /* NULL allowed */

/* ---- Views: the store at one moment. ----
 *
 * Immutable, whatever is written later. A view outlives the store's close, but can be read no more
 * then: PYR_ERROR_IO. The same after a failed write made the store be opened anew, for views older
 * than the last write; those of the last state see it again. Readonly stores' views keep what they
 * saw when the store is refreshed.
 */
typedef struct pyr_lsm_view pyr_lsm_view;

/* For pyr_lsm_view_take: apart, so that nothing can fail after a write. Until then it is empty. */
PYR_MUST_CHECK pyr_status pyr_lsm_view_create(pyr_lsm_view **out, pyr_error *error);
/* Once a view. It sees what was written until now. */
void pyr_lsm_view_take(pyr_lsm *lsm, pyr_lsm_view *view);
pyr_lsm_view *pyr_lsm_view_retain(pyr_lsm_view *view); /* NULL allowed */
void pyr_lsm_view_release(pyr_lsm_view *view);         /* NULL allowed */

/* visit for each of the keys that is there, in their order, with its place among them. sorted: they
 * are ascending. The bytes are valid during the call only. No visit may write to the store. */
typedef pyr_status (*pyr_lsm_found)(void *context, size_t index, const char *value,
                                    size_t value_size, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_lsm_view_get(pyr_lsm_view *view, const pyr_lsm_bytes *keys,
                                           size_t count, bool sorted, pyr_lsm_found visit,
                                           void *context, pyr_error *error);
/* Pairs from lower up to upper, upper itself not, in key order, until *more is made false. */
typedef pyr_status (*pyr_lsm_visit)(void *context, const char *key, size_t key_size,
                                    const char *value, size_t value_size, bool *more,
                                    pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_lsm_view_range(pyr_lsm_view *view, pyr_lsm_bytes lower,
                                             pyr_lsm_bytes upper, pyr_lsm_visit visit,
                                             void *context, pyr_error *error);
/* The last pair below upper and not below lower, by visit; none: no call. */
PYR_MUST_CHECK pyr_status pyr_lsm_view_last(pyr_lsm_view *view, pyr_lsm_bytes lower,
                                            pyr_lsm_bytes upper, pyr_lsm_visit visit, void *context,
                                            pyr_error *error);
/* About how many bytes lie on disk in each of the ranges between neighbours of count bounds: count
 * - 1 sizes. What was written lately counts as nothing. */
PYR_MUST_CHECK pyr_status pyr_lsm_view_sizes(pyr_lsm_view *view, const pyr_lsm_bytes *bounds,
                                             size_t count, uint64_t *sizes, pyr_error *error);

#endif
