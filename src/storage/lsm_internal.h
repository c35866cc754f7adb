/* lsm_internal.h - shared by lsm.c (the store) and lsm_view.c (reading at a moment). These two are
 * the only files that know RocksDB. */
#ifndef PYR_STORAGE_LSM_INTERNAL_H
#define PYR_STORAGE_LSM_INTERNAL_H

#include "storage/lsm.h"

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

/* An open RocksDB. A writer's is held by its pyr_lsm alone, a reader's by views too: what a refresh
 * replaced stays open as long as somebody reads it. */
typedef struct lsm_store {
    atomic_size_t references;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *family; /* the default one: for batched reads */
} lsm_store;
void pyr_lsm_store_release(lsm_store *store); /* NULL allowed */

struct pyr_lsm {
    atomic_size_t references; /* the opener's, and one a view */
    char *path;               /* NULL in memory */
    bool readonly;
    rocksdb_options_t *options;
    rocksdb_env_t *env; /* in memory only */
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read_options;
    pthread_rwlock_t lock; /* guards store against being replaced */
    lsm_store *store;      /* NULL: closed, or opening it again failed: the next call tries. May be
                              a readonly one while failed is set: for views */
    bool closed;
    atomic_bool failed; /* a write failed: RocksDB takes no more until it is opened again */
    atomic_uint_fast64_t writes; /* that were done */
    rocksdb_writebatch_t *undo;  /* what takes back a failed write; NULL: none failed */
    pthread_mutex_t views_lock;  /* guards the list; a leaf behind lock */
    pyr_lsm_view *views;         /* a writer's */
};

struct pyr_lsm_batch {
    rocksdb_writebatch_t *batch;
};

struct pyr_lsm_view {
    atomic_size_t references;
    pyr_lsm *lsm;     /* retained; NULL until it was taken */
    lsm_store *store; /* a reader's, retained; NULL for a writer's */
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *options;
    uint64_t writes; /* that were done when it was taken */
    pyr_lsm_view *previous, *next;
};

void pyr_lsm_release(pyr_lsm *lsm);
/* Opens the store anew where a write failed or there is none. */
PYR_MUST_CHECK pyr_status pyr_lsm_reopen(pyr_lsm *lsm, pyr_error *error);
/* Takes RocksDB's error text. */
pyr_status pyr_lsm_translate(char *fault, const char *path, pyr_error *error);

/* With lsm->lock held for writing. Before its store goes: snapshots are the store's. */
void pyr_lsm_views_drop(pyr_lsm *lsm);
/* After a store with the same contents was opened: those that saw its last state see it again. */
void pyr_lsm_views_take(pyr_lsm *lsm);

#endif
