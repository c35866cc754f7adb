/* history.h - the versions before the current one, for BEGIN READ ONLY AS OF.
 *
 * Versions count the commits of the database, also over restarts; those before the last open are
 * not kept. A version costs memory for its lists of segments, and keeps the files of segments that
 * were replaced since (compaction): old ones go when that is more than 256 MiB, when there are more
 * than 256 of them, when they are older than an hour, and all of them when a table is dropped,
 * whose files are wanted back.
 */
#ifndef PYR_CATALOG_HISTORY_H
#define PYR_CATALOG_HISTORY_H

#include "catalog/catalog_internal.h"

#define PYR_HISTORY_VERSIONS_MAX (PYR_VERSIONS_MAX - 1)
#define PYR_HISTORY_BYTES_MAX ((int64_t)256 << 20)
#define PYR_HISTORY_AGE_US_MAX (INT64_C(3600) * 1000000)

typedef struct pyr_history_entry {
    pyr_snapshot *snapshot; /* retained */
    int64_t retired_bytes;  /* of segments that it has and the next version has not */
} pyr_history_entry;

typedef struct pyr_history {
    size_t count;                                            /* oldest first */
    pyr_history_entry entries[PYR_HISTORY_VERSIONS_MAX + 1]; /* one more while it is pushed */
    int64_t retired_bytes;                                   /* of all entries */
    bool disabled;
} pyr_history;

/* Under snapshot_lock: before becomes history (its reference is taken). What goes is moved to gone,
 * which has room for all of it, to be released without the lock. */
void pyr_history_push(pyr_history *history, pyr_snapshot *before, int64_t retired_bytes,
                      bool forget, int64_t now_us, pyr_snapshot **gone, size_t *gone_count);
/* Under snapshot_lock. The version, or the last one committed at or before committed_us; borrowed,
 * NULL: it is not kept. */
pyr_snapshot *pyr_history_find_version(const pyr_history *history, uint64_t version);
pyr_snapshot *pyr_history_find_time(const pyr_history *history, int64_t committed_us);
void pyr_history_deinit(pyr_history *history);

#endif
