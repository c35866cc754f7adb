/* compact.h - fewer and better segments: small ones joined, deleted rows left out, rows sorted by
 * the table's sort_key, zone maps made anew.
 *
 * A step reads a run of neighbouring segments at one snapshot, writes their rows once more and
 * swaps them by a change (replacement.h). Readers keep what they have; rows deleted meanwhile are
 * carried over. One step at a time in a catalog.
 */
#ifndef PYR_CATALOG_COMPACT_H
#define PYR_CATALOG_COMPACT_H

#include "base/thread_pool.h"
#include "catalog/catalog.h"

typedef enum pyr_compact_goal {
    PYR_COMPACT_TIERS,  /* runs of many small segments: what the background does */
    PYR_COMPACT_ALL,    /* CHECKPOINT: everything small, hot or unsorted, and where a tenth of the
                           rows is deleted */
    PYR_COMPACT_DELETED /* VACUUM: the same, and wherever a row is deleted */
} pyr_compact_goal;

typedef struct pyr_compaction {
    pyr_compact_goal goal;
    int64_t bytes_per_second; /* read at most; 0: as fast as it goes */
    pyr_query_ledger *ledger; /* NULL allowed, all of these */
    pyr_cancel_flag *cancel;
    void (*progress)(void *context, int64_t bytes_done);
    void *context;
} pyr_compaction;

/* Whether a step has something to do in table. Cheap. */
bool pyr_compact_is_due(const pyr_table *table, pyr_compact_goal goal);
/* One step in the table's current version; *did false where there was nothing to do, or somebody
 * else was faster. A table that is gone meanwhile: nothing to do. Memory: the rows of a step (up to
 * 256 MiB) where they are sorted, a message else. */
PYR_MUST_CHECK pyr_status pyr_compact_step(pyr_catalog *catalog, uint64_t table_id,
                                           const pyr_compaction *compaction, bool *did,
                                           pyr_error *error);
/* Steps until nothing is left to do. */
PYR_MUST_CHECK pyr_status pyr_compact_table(pyr_catalog *catalog, uint64_t table_id,
                                            const pyr_compaction *compaction, pyr_error *error);

#endif
