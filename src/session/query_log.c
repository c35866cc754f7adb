/* query_log.c - a ring of statements; see query_log.h. */
#include "session/query_log.h"

#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    uint64_t id; /* 0: never used */
    char *sql;
    char *user;
    int64_t started_us;
    bool ended;
    pyr_status outcome;
    const pyr_query_ledger *ledger; /* NULL: report has the figures */
    pyr_ledger_report report;
} entry;

struct pyr_query_log {
    pthread_mutex_t lock; /* guards the rest */
    uint64_t last_id;
    entry entries[PYR_QUERY_LOG_ENTRIES]; /* statement id stands at id modulo their number */
};

pyr_status pyr_query_log_create(pyr_query_log **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    pthread_mutex_init(&(*out)->lock, NULL);
    return PYR_OK;
}

static void forget(entry *self) {
    free(self->sql);
    free(self->user);
    memset(self, 0, sizeof(*self));
}

void pyr_query_log_destroy(pyr_query_log *log) {
    if (log == NULL) {
        return;
    }
    for (size_t i = 0; i < PYR_QUERY_LOG_ENTRIES; ++i) {
        forget(&log->entries[i]);
    }
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static char *keep_text(const char *sql, size_t length) {
    if (length > PYR_QUERY_LOG_SQL_BYTES) {
        length = PYR_QUERY_LOG_SQL_BYTES;
        while (length > 0 && ((unsigned char)sql[length] & 0xC0) == 0x80) {
            --length;
        }
    }
    return strndup(sql, length);
}

uint64_t pyr_query_log_begin(pyr_query_log *log, const char *sql, size_t length, const char *user,
                             const pyr_query_ledger *ledger) {
    entry fresh = {.sql = keep_text(sql, length),
                   .user = user != NULL ? strdup(user) : NULL,
                   .started_us = pyr_clock_wall_us(),
                   .ledger = ledger};
    if (fresh.sql == NULL || (user != NULL && fresh.user == NULL)) {
        forget(&fresh);
        return 0;
    }
    pthread_mutex_lock(&log->lock);
    fresh.id = ++log->last_id;
    entry *place = &log->entries[fresh.id % PYR_QUERY_LOG_ENTRIES];
    entry before = *place;
    *place = fresh;
    pthread_mutex_unlock(&log->lock);
    forget(&before);
    return fresh.id;
}

/* With the lock held; NULL where the statement was forgotten. */
static entry *find(pyr_query_log *log, uint64_t id) {
    entry *place = &log->entries[id % PYR_QUERY_LOG_ENTRIES];
    return id != 0 && place->id == id ? place : NULL;
}

void pyr_query_log_end(pyr_query_log *log, uint64_t id, pyr_status outcome) {
    pthread_mutex_lock(&log->lock);
    entry *found = find(log, id);
    if (found != NULL && !found->ended) {
        found->ended = true;
        found->outcome = outcome;
    }
    pthread_mutex_unlock(&log->lock);
}

void pyr_query_log_detach(pyr_query_log *log, uint64_t id) {
    pthread_mutex_lock(&log->lock);
    entry *found = find(log, id);
    if (found != NULL && found->ledger != NULL) {
        pyr_ledger_report_fill(found->ledger, &found->report);
        found->ledger = NULL;
    }
    pthread_mutex_unlock(&log->lock);
}

void pyr_query_log_forget(pyr_query_log *log, uint64_t id) {
    pthread_mutex_lock(&log->lock);
    entry *found = find(log, id);
    if (found != NULL) {
        forget(found);
    }
    pthread_mutex_unlock(&log->lock);
}

static const char *state_of(const entry *self) {
    if (!self->ended) {
        return "running";
    }
    switch (self->outcome) {
    case PYR_OK:
        return "finished";
    case PYR_ERROR_CANCELLED:
    case PYR_ERROR_TIMEOUT:
        return "cancelled";
    default:
        return "failed";
    }
}

pyr_status pyr_query_log_visit(pyr_query_log *log,
                               pyr_status (*visit)(void *context, const pyr_query_log_entry *entry,
                                                   pyr_error *error),
                               void *context, pyr_error *error) {
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&log->lock);
    uint64_t first =
        log->last_id > PYR_QUERY_LOG_ENTRIES ? log->last_id - PYR_QUERY_LOG_ENTRIES + 1 : 1;
    for (uint64_t id = first; status == PYR_OK && id <= log->last_id; ++id) {
        const entry *found = find(log, id);
        if (found == NULL) {
            continue;
        }
        pyr_query_log_entry shown = {.id = id,
                                     .sql = found->sql,
                                     .user = found->user,
                                     .state = state_of(found),
                                     .started_us = found->started_us,
                                     .report = found->report};
        if (found->ledger != NULL) {
            pyr_ledger_report_fill(found->ledger, &shown.report);
        }
        status = visit(context, &shown, error);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}
