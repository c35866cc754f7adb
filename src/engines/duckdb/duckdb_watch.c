/* duckdb_watch.c - one thread that turns cancel flags and deadlines into duckdb_interrupt. */
#include "engines/duckdb/duckdb_internal.h"

#include <string.h>
#include <time.h>

enum { WATCH_INTERVAL_MS = 10 };

static void *watch_main(void *argument) {
    pyr_duckdb_watch *watch = argument;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stop) {
        if (watch->calls == NULL) {
            pthread_cond_wait(&watch->wake, &watch->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WATCH_INTERVAL_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            ++until.tv_sec;
        }
        pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
        /* The lock is held over the interrupt: end() waits for it, so the connection is alive. An
         * interrupt that comes before the query has begun is lost, hence again and again. */
        for (pyr_duckdb_call *call = watch->calls; call != NULL; call = call->next) {
            if (pyr_cancel_flag_check(call->cancel, NULL) != PYR_OK) {
                call->api->interrupt(call->connection);
            }
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

pyr_status pyr_duckdb_watch_init(pyr_duckdb_watch *watch, pyr_error *error) {
    memset(watch, 0, sizeof(*watch));
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return pyr_error_memory(error, sizeof(attributes));
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool made = pthread_mutex_init(&watch->lock, NULL) == 0;
    if (made && pthread_cond_init(&watch->wake, &attributes) != 0) {
        pthread_mutex_destroy(&watch->lock);
        made = false;
    }
    pthread_condattr_destroy(&attributes);
    return made ? PYR_OK : pyr_error_memory(error, sizeof(*watch));
}

void pyr_duckdb_watch_deinit(pyr_duckdb_watch *watch) {
    pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    bool started = watch->started;
    pthread_cond_broadcast(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    if (started) {
        pthread_join(watch->thread, NULL);
    }
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
}

void pyr_duckdb_watch_begin(pyr_duckdb_watch *watch, pyr_duckdb_call *call) {
    if (call->cancel == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->lock);
    if (!watch->started) {
        /* Without the thread a query runs all the same; only its own scans look at the flag. */
        watch->started = pthread_create(&watch->thread, NULL, watch_main, watch) == 0;
    }
    bool idle = watch->calls == NULL;
    call->next = watch->calls;
    watch->calls = call;
    if (idle) {
        pthread_cond_signal(&watch->wake);
    }
    pthread_mutex_unlock(&watch->lock);
}

void pyr_duckdb_watch_end(pyr_duckdb_watch *watch, pyr_duckdb_call *call) {
    if (call->cancel == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->lock);
    pyr_duckdb_call **link = &watch->calls;
    while (*link != call) {
        link = &(*link)->next;
    }
    *link = call->next;
    pthread_mutex_unlock(&watch->lock);
}
