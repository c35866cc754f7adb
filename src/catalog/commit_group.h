/* commit_group.h - a group of commits: what the thread that leads it does for all of them. */
#ifndef PYR_CATALOG_COMMIT_GROUP_H
#define PYR_CATALOG_COMMIT_GROUP_H

#include "catalog/change_internal.h"

#include <semaphore.h>

/* One commit, on the stack of its thread, which waits until it is done. */
struct pyr_commit {
    pyr_change *change;
    bool sync;
    bool patient;        /* nobody waits for it: it rather joins a group than leads one */
    int64_t deadline_ns; /* a patient one's patience ends */
    bool taken;          /* it is in a group; under commit_lock */
    sem_t wake;          /* it is done, or should look whether to lead */
    int wakes;           /* that were decided on, under commit_lock: so often wake is posted */
    int woken;           /* that its thread has had */
    bool done;           /* under commit_lock; its thread may leave after the last wake */
    bool applied;        /* the leader has come to it */
    pyr_status status;
    pyr_error error;
    struct pyr_commit *next;
};

/* Applies the group in order and writes what could be applied; each commit has its outcome then.
 * Takes the catalog's write_lock. */
void pyr_commit_group_write(pyr_catalog *catalog, struct pyr_commit *first);

#endif
