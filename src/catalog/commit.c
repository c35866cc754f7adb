/* commit.c - changes wait in a queue, and are committed many at a time.
 *
 * A thread that commits joins the queue. One of them leads: it takes all that wait, applies them in
 * order under write_lock, writes one LSM batch (commit_group.c) and wakes the others with their
 * outcomes. While it waits for the disk the next group gathers, so that the syncs a second do not
 * bound the commits.
 *
 * Who was in the last group is likely to come again soon: a group that is smaller than what was on
 * its way then waits for them, no longer than that write took, because two syncs one after the
 * other would take longer. Who comes last leads. One connection alone does not wait, but once after
 * others have fallen silent.
 */
#include "catalog/commit_group.h"

#include "base/clock.h"

#include <time.h>

#define GATHER_NS_MAX 1000000 /* a group waits no longer for those who may come */
#define WAKES_MAX 64          /* that are kept until the lock is given back */
#define PATIENCE_NS 2000000   /* a commit that nobody waits for, for another one's group */

/* ---- The queue. With commit_lock held. ---- */

static void enqueue(pyr_catalog *catalog, struct pyr_commit *own) {
    *(catalog->commit_last != NULL ? &catalog->commit_last->next : &catalog->commit_first) = own;
    catalog->commit_last = own;
    catalog->commit_waiting += own->patient ? 0 : 1;
}

static struct pyr_commit *take_queue(pyr_catalog *catalog) {
    struct pyr_commit *group = catalog->commit_first;
    catalog->commit_first = NULL;
    catalog->commit_last = NULL;
    catalog->commit_waiting = 0;
    catalog->commit_leading = true;
    for (struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
        commit->taken = true;
    }
    return group;
}

/* When own is to lead, where nobody else does before; 0: now, INT64_MAX: somebody else leads. */
static int64_t lead_at(const pyr_catalog *catalog, const struct pyr_commit *own) {
    if (own->taken || catalog->commit_leading) {
        return INT64_MAX;
    }
    if (own->patient && catalog->commit_waiting == 0) {
        return own->deadline_ns;
    }
    return catalog->commit_waiting >= catalog->commit_expected ? 0
                                                               : catalog->commit_gather_until_ns;
}

/* The next leader, or who looks after the time until the group is whole. */
static void wake_next(const pyr_catalog *catalog) {
    struct pyr_commit *next = catalog->commit_first;
    while (next != NULL && next->patient && next->next != NULL) {
        next = next->next;
    }
    if (next != NULL) {
        ++next->wakes;
        sem_post(&next->wake);
    }
}

static void end_lead(pyr_catalog *catalog, const struct pyr_commit *group, int64_t took_ns) {
    size_t count = catalog->commit_waiting;
    for (const struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
        count += commit->patient ? 0 : 1;
    }
    catalog->commit_leading = false;
    catalog->commit_expected = count;
    catalog->commit_gather_until_ns =
        pyr_clock_monotonic_ns() + (took_ns < GATHER_NS_MAX ? took_ns : GATHER_NS_MAX);
    wake_next(catalog);
}

/* Those of a group, but own; they are woken without the lock, which they take at once. A commit is
 * its thread's, which leaves, semaphore and all, when it has had the last wake: nothing else of it
 * may be looked at without the lock. */
typedef struct wake_list {
    sem_t *items[WAKES_MAX];
    size_t count;
} wake_list;

static void finish(struct pyr_commit *group, const struct pyr_commit *own, wake_list *out) {
    out->count = 0;
    for (struct pyr_commit *commit = group; commit != NULL; commit = commit->next) {
        if (commit == own) {
            continue;
        }
        commit->done = true;
        ++commit->wakes;
        if (out->count < WAKES_MAX) {
            out->items[out->count++] = &commit->wake;
        } else {
            sem_post(&commit->wake);
        }
    }
}

static void wake_all(const wake_list *self) {
    for (size_t i = 0; i < self->count; ++i) {
        sem_post(self->items[i]);
    }
}

static void wait_for_wake(struct pyr_commit *own, int64_t until_ns) {
    const struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    int status = until_ns == INT64_MAX ? sem_wait(&own->wake)
                                       : sem_clockwait(&own->wake, CLOCK_MONOTONIC, &until);
    own->woken += status == 0 ? 1 : 0;
}

/* Until own is done (NULL), or is to lead the group that is given. */
static struct pyr_commit *wait_in_queue(pyr_catalog *catalog, struct pyr_commit *own) {
    while (!own->done) {
        int64_t at_ns = lead_at(catalog, own);
        if (at_ns == 0 || (at_ns != INT64_MAX && at_ns <= pyr_clock_monotonic_ns())) {
            return take_queue(catalog);
        }
        pthread_mutex_unlock(&catalog->commit_lock);
        wait_for_wake(own, at_ns);
        pthread_mutex_lock(&catalog->commit_lock);
    }
    return NULL;
}

static void join_queue(pyr_catalog *catalog, struct pyr_commit *own) {
    pthread_mutex_lock(&catalog->commit_lock);
    enqueue(catalog, own);
    struct pyr_commit *group = wait_in_queue(catalog, own);
    int wakes = own->wakes; /* who is done or leads is woken no more than that */
    pthread_mutex_unlock(&catalog->commit_lock);
    if (group == NULL) {
        while (own->woken < wakes) {
            wait_for_wake(own, INT64_MAX);
        }
        return;
    }
    int64_t start_ns = pyr_clock_monotonic_ns();
    pyr_commit_group_write(catalog, group);
    pthread_mutex_lock(&catalog->commit_lock);
    end_lead(catalog, group, pyr_clock_monotonic_ns() - start_ns);
    wake_list others;
    finish(group, own, &others);
    pthread_mutex_unlock(&catalog->commit_lock);
    wake_all(&others);
}

static pyr_status commit(pyr_change *change, bool sync, bool patient, pyr_error *error) {
    if (pyr_change_is_empty(change)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_catalog_check_writable(change->catalog, error));
    struct pyr_commit own = {.change = change, .sync = sync, .patient = patient};
    own.deadline_ns = patient ? pyr_clock_monotonic_ns() + PATIENCE_NS : 0;
    sem_init(&own.wake, 0, 0);
    pyr_error_clear(&own.error);
    join_queue(change->catalog, &own);
    sem_destroy(&own.wake);
    if (own.status != PYR_OK) {
        if (error != NULL) {
            *error = own.error;
        }
        return own.status;
    }
    pyr_change_clear(change, false);
    pyr_snapshot *before = change->base;
    pyr_snapshot *current = pyr_catalog_current(change->catalog);
    pthread_mutex_lock(&change->catalog->commit_lock);
    change->base = current; /* others look at its version */
    pthread_mutex_unlock(&change->catalog->commit_lock);
    pyr_snapshot_release(before);
    return PYR_OK;
}

pyr_status pyr_change_commit(pyr_change *change, bool sync, pyr_error *error) {
    return commit(change, sync, false, error);
}

pyr_status pyr_change_commit_patiently(pyr_change *change, bool sync, pyr_error *error) {
    return commit(change, sync, true, error);
}
