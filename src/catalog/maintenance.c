/* maintenance.c - see maintenance.h. */
#include "catalog/maintenance.h"

#include "base/file.h"
#include "base/log.h"
#include "catalog/change_internal.h"
#include "catalog/compact.h"
#include "catalog/retention.h"

#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
    for (size_t i = 0; i < self->files_count; ++i) {
        free(self->files[i]);
    }
    free(self->files);
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
    pyr_query_ledger ledger; /* no statement's: what was copied is in the log */
    pyr_ledger_report report;
    pyr_compaction compaction = {.goal = PYR_COMPACT_TIERS,
                                 .bytes_per_second = PYR_COMPACT_BYTES_PER_SECOND,
                                 .ledger = &ledger};
    pyr_ledger_init(&ledger);
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
    pyr_ledger_report_fill(&ledger, &report);
    pyr_log(PYR_LOG_INFO, "catalog", "compaction copied %lld bytes",
            (long long)report.bytes_copied);
}

/* ---- sync = 'interval'. ---- */

static void sync_one(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *folder = strdup(path);
    pyr_error error;
    pyr_status status = PYR_OK;
    if (fd >= 0) { /* else it was dropped meanwhile */
        status = pyr_file_sync_data(fd, path, &error);
        close(fd);
    }
    if (folder != NULL && status == PYR_OK && fd >= 0) {
        status = pyr_file_sync_folder(dirname(folder), &error);
    }
    if (status != PYR_OK) {
        pyr_log(PYR_LOG_WARNING, "catalog", "%s", error.message);
    }
    free(folder);
}

/* Files first: the log names them. Called with the lock, which is released meanwhile. */
static void sync_now(pyr_catalog *catalog) {
    pyr_maintenance *self = catalog->maintenance;
    char **files = self->files;
    size_t count = self->files_count;
    bool unsynced = self->unsynced;
    self->files = NULL;
    self->files_count = 0;
    self->files_capacity = 0;
    self->unsynced = false;
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < count; ++i) {
        sync_one(files[i]);
        free(files[i]);
    }
    free(files);
    pyr_error error;
    if (unsynced && pyr_lsm_sync(catalog->lsm, &error) != PYR_OK) {
        pyr_log(PYR_LOG_WARNING, "catalog", "%s", error.message);
    }
    pthread_mutex_lock(&self->lock);
}

static pyr_status note_file(pyr_maintenance *self, const char *path, pyr_error *error) {
    PYR_TRY(pyr_change_grow((void **)&self->files, self->files_count, &self->files_capacity,
                            sizeof(*self->files), error));
    char *copy = strdup(path);
    if (copy == NULL) {
        return pyr_error_memory(error, strlen(path));
    }
    self->files[self->files_count++] = copy;
    return PYR_OK;
}

/* ---- The thread. ---- */

static void drop_old(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = pyr_catalog_current(catalog);
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        pyr_error error;
        if (pyr_table_has_retention(snapshot->tables[i]) &&
            pyr_retention_step(catalog, snapshot->tables[i]->id, &error) != PYR_OK &&
            error.code != PYR_ERROR_CONFLICT) {
            pyr_log(PYR_LOG_WARNING, "catalog", "retention of \"%s\": %s",
                    snapshot->tables[i]->name, error.message);
        }
    }
    pyr_snapshot_release(snapshot);
}

/* Until something is due, or for a second where there is something to do each. */
static void wait_for_work(pyr_maintenance *self) {
    if (!self->ticking) {
        pthread_cond_wait(&self->changed, &self->lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    (void)pthread_cond_timedwait(&self->changed, &self->lock, &until);
}

static void *run(void *context) {
    pyr_catalog *catalog = context;
    pyr_maintenance *self = catalog->maintenance;
    pthread_mutex_lock(&self->lock);
    while (!self->stopping) {
        if (!self->due) {
            wait_for_work(self);
        }
        sync_now(catalog);
        bool due = self->due;
        self->due = false;
        pthread_mutex_unlock(&self->lock);
        if (due) {
            work(catalog);
        }
        drop_old(catalog);
        pthread_mutex_lock(&self->lock);
    }
    sync_now(catalog);
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

/* Under the lock. */
static void wake(pyr_catalog *catalog) {
    pyr_maintenance *self = catalog->maintenance;
    if (!self->started) {
        self->started = start(catalog); /* else the next commit tries */
    }
    pthread_cond_signal(&self->changed);
}

void pyr_maintenance_look_at(pyr_catalog *catalog, const pyr_table *table) {
    pyr_maintenance *self = catalog->maintenance;
    bool due = pyr_compact_is_due(table, PYR_COMPACT_TIERS);
    bool ticking = pyr_table_has_retention(table);
    if (!due && !ticking) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    if (!self->stopping && !self->disabled) {
        bool wanted = due || !self->ticking;
        self->due = self->due || due;
        self->ticking = self->ticking || ticking;
        if (wanted) {
            wake(catalog);
        }
    }
    pthread_mutex_unlock(&self->lock);
}

pyr_status pyr_maintenance_sync_later(pyr_catalog *catalog, const pyr_segment *segment,
                                      pyr_error *error) {
    pyr_maintenance *self = catalog->maintenance;
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&self->lock);
    if (segment != NULL) {
        status = note_file(self, pyr_segment_get_info(segment)->path, error);
    } else {
        self->unsynced = true;
    }
    if (!self->ticking || !self->started) {
        self->ticking = true;
        wake(catalog);
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

void pyr_maintenance_disable(pyr_catalog *catalog) {
    pthread_mutex_lock(&catalog->maintenance->lock);
    catalog->maintenance->disabled = true;
    pthread_mutex_unlock(&catalog->maintenance->lock);
}
