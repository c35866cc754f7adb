/* maintenance.c - see maintenance.h. */
#include "catalog/maintenance.h"

#include "base/log.h"
#include "catalog/compact.h"

#include <signal.h>
#include <stdlib.h>

pyr_status pyr_maintenance_create(pyr_catalog *catalog, pyr_error *error) {
    pyr_maintenance *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    catalog->maintenance = self;
    return PYR_OK;
}

void pyr_maintenance_destroy(pyr_catalog *catalog) {
    pyr_maintenance *self = catalog->maintenance;
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_cond_signal(&self->changed);
    bool started = self->started;
    pthread_mutex_unlock(&self->lock);
    if (started) {
        pthread_join(self->thread, NULL);
    }
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->changed);
    free(self);
    catalog->maintenance = NULL;
}

static bool is_stopping(pyr_maintenance *self) {
    pthread_mutex_lock(&self->lock);
    bool stopping = self->stopping;
    pthread_mutex_unlock(&self->lock);
    return stopping;
}

/* Steps in every table until none has anything to do. */
static void work(pyr_catalog *catalog) {
    pyr_compaction compaction = {.goal = PYR_COMPACT_TIERS,
                                 .bytes_per_second = PYR_COMPACT_BYTES_PER_SECOND};
    pyr_snapshot *snapshot = pyr_catalog_current(catalog);
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        bool did = pyr_compact_is_due(snapshot->tables[i], PYR_COMPACT_TIERS);
        while (did && !is_stopping(catalog->maintenance)) {
            pyr_error error;
            if (pyr_compact_step(catalog, snapshot->tables[i]->id, &compaction, &did, &error) !=
                PYR_OK) {
                pyr_log(PYR_LOG_WARNING, "catalog", "compaction of \"%s\": %s",
                        snapshot->tables[i]->name, error.message);
                did = false;
            }
        }
    }
    pyr_snapshot_release(snapshot);
}

static void *run(void *context) {
    pyr_catalog *catalog = context;
    pyr_maintenance *self = catalog->maintenance;
    pthread_mutex_lock(&self->lock);
    while (!self->stopping) {
        if (!self->due) {
            pthread_cond_wait(&self->changed, &self->lock);
            continue;
        }
        self->due = false;
        pthread_mutex_unlock(&self->lock);
        work(catalog);
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* Under the lock. Signals are the program's, not this thread's. */
static bool start(pyr_catalog *catalog) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&catalog->maintenance->thread, NULL, run, catalog) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void pyr_maintenance_look_at(pyr_catalog *catalog, const pyr_table *table) {
    pyr_maintenance *self = catalog->maintenance;
    if (!pyr_compact_is_due(table, PYR_COMPACT_TIERS)) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    if (!self->stopping && !self->disabled) {
        self->due = true;
        if (!self->started) {
            self->started = start(catalog); /* else the next commit tries */
        }
        pthread_cond_signal(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
}

void pyr_maintenance_disable(pyr_catalog *catalog) {
    pthread_mutex_lock(&catalog->maintenance->lock);
    catalog->maintenance->disabled = true;
    pthread_mutex_unlock(&catalog->maintenance->lock);
}
