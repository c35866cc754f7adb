/* row_cache.h - rows of keyed tables by their keys, as they were last committed.
 *
 * A look-up in the LSM walks a memtable, filters, an index and a block; of a row that is asked for
 * again all that is spared. The cache belongs to one writer's catalog, which tells it of every
 * commit; rows are put in by those who read them. What it has are bytes as the LSM has them, and it
 * may have none at all: whoever finds nothing asks the LSM.
 *
 * Versions of a table are numbers that grow. Invariants:
 *  1. A row that is there is the last one committed under its key, by version `stamp`, of the
 *     changes told so far; so it is what every version from its stamp on sees.
 *  2. Nothing is put in by a reader of an older version than the last change: it may be what that
 *     change replaced.
 *
 * Threads: any, but changes of one table come one after the other, each after its write and before
 * anybody can see its version.
 */
#ifndef PYR_STORAGE_ROW_CACHE_H
#define PYR_STORAGE_ROW_CACHE_H

#include "storage/lsm.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger rows are not kept: they would drive out many. */
#define PYR_ROW_CACHE_VALUE_MAX 4096

typedef struct pyr_row_cache pyr_row_cache;
/* One table's share in a cache: what is kept of one is never found for another. */
typedef struct pyr_row_cache_table pyr_row_cache_table;

/* limit_bytes: of rows, keys and what is kept beside them, at most; besides there are places, about
 * limit_bytes / 5, whose memory is used as they are. */
PYR_MUST_CHECK pyr_status pyr_row_cache_create(size_t limit_bytes, pyr_row_cache **out,
                                               pyr_error *error);
void pyr_row_cache_release(pyr_row_cache *cache);       /* NULL allowed */
size_t pyr_row_cache_bytes(const pyr_row_cache *cache); /* of what is kept now */

/* Retains the cache. */
PYR_MUST_CHECK pyr_status pyr_row_cache_table_create(pyr_row_cache *cache,
                                                     pyr_row_cache_table **out, pyr_error *error);
pyr_row_cache_table *pyr_row_cache_table_retain(pyr_row_cache_table *table); /* NULL allowed */
void pyr_row_cache_table_release(pyr_row_cache_table *table);                /* NULL allowed */

/* A row that is kept; immutable. */
typedef struct pyr_cached_row {
    atomic_uint references;
    uint32_t key_size, size;
    uint64_t owner;  /* the table's number in the cache */
    uint64_t stamp;  /* the version that wrote it */
    uint8_t bytes[]; /* the key, then the row */
} pyr_cached_row;
static inline const uint8_t *pyr_cached_row_data(const pyr_cached_row *row) {
    return row->bytes + row->key_size;
}
void pyr_cached_row_release(pyr_cached_row *row);

/* What `version` of the table sees under each of count keys, retained; NULL: the LSM knows. */
void pyr_row_cache_find(pyr_row_cache_table *table, uint64_t version, const pyr_lsm_bytes *keys,
                        size_t count, pyr_cached_row **out);
/* What a reader of `version` found in the LSM. false: it was not copied, as it is not to be kept,
 * or there is no memory for it. */
bool pyr_row_cache_put(pyr_row_cache_table *table, uint64_t version, pyr_lsm_bytes key,
                       uint64_t stamp, pyr_lsm_bytes value);
/* A commit begins to tell what it changed. false: there is nothing of the table that it would have
 * to replace. */
bool pyr_row_cache_begin(pyr_row_cache_table *table, uint64_t version);
/* Rows of the commit that began; value.data NULL: it deleted the row. Each takes the place of what
 * is kept under its key; where nothing is nothing will be. */
typedef struct pyr_row_change {
    pyr_lsm_bytes key, value;
} pyr_row_change;
void pyr_row_cache_change(pyr_row_cache_table *table, uint64_t version,
                          const pyr_row_change *changes, size_t count);

#endif
