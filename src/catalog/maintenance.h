/* maintenance.h - the catalog's own thread: it joins small segments when enough have come together,
 * drops old ones of tables with retention, and syncs what tables with sync = 'interval' wrote, each
 * second.
 *
 * It starts with the first thing there is to do, so that a database that needs nothing has no
 * thread. Rate limited; an error is logged and the work tried again after the next commit.
 */
#ifndef PYR_CATALOG_MAINTENANCE_H
#define PYR_CATALOG_MAINTENANCE_H

#include "catalog/catalog_internal.h"

#define PYR_COMPACT_BYTES_PER_SECOND ((int64_t)128 << 20)

typedef struct pyr_maintenance {
    pthread_mutex_t lock; /* guards what follows; a leaf */
    pthread_cond_t changed;
    bool started;
    bool stopping;
    bool due; /* a commit left something to do */
    bool disabled;
    bool ticking;  /* there is something to do each second */
    bool unsynced; /* the LSM's log has commits that are not on disk yet */
    size_t files_count, files_capacity;
    char **files; /* nor are these segments */
    pthread_t thread;
} pyr_maintenance;

PYR_MUST_CHECK pyr_status pyr_maintenance_create(pyr_catalog *catalog, pyr_error *error);
/* Waits for the step that runs. */
void pyr_maintenance_destroy(pyr_catalog *catalog);
/* After a commit that changed table. Any thread. */
void pyr_maintenance_look_at(pyr_catalog *catalog, const pyr_table *table);
/* A commit of a table with sync = 'interval': it is on disk within about a second. segment is one
 * of its files; NULL: the commit itself. */
PYR_MUST_CHECK pyr_status pyr_maintenance_sync_later(pyr_catalog *catalog,
                                                     const pyr_segment *segment, pyr_error *error);
/* None is begun any more: for tests that say themselves when. */
void pyr_maintenance_disable(pyr_catalog *catalog);

#endif
