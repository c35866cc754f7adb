/* interrupts.c - see interrupts.h. */
#include "cli/interrupts.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPEAT_NS 50000000
#define EXIT_INTERRUPTED 130 /* 128 + SIGINT, as shells have it */

struct pyr_interrupts {
    bool interactive;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest; held while the action runs */
    void (*action)(void *context);
    void *context;
    bool raised;
    bool stop;
};

/* An interrupt arrived. false: the thread is to end. */
static bool take(pyr_interrupts *self) {
    pthread_mutex_lock(&self->lock);
    bool go_on = !self->stop;
    if (go_on && !self->interactive && (self->action == NULL || self->raised)) {
        _exit(EXIT_INTERRUPTED);
    }
    if (go_on && self->action != NULL) {
        self->raised = true;
        self->action(self->context);
    }
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

/* The action once more while what it is to end goes on. true: it does. */
static bool repeat(pyr_interrupts *self) {
    pthread_mutex_lock(&self->lock);
    bool again = self->raised && self->action != NULL;
    if (again) {
        self->action(self->context);
    }
    pthread_mutex_unlock(&self->lock);
    return again;
}

static void *watch(void *argument) {
    pyr_interrupts *self = argument;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    bool pending = false;
    for (;;) {
        const struct timespec wait = {.tv_nsec = REPEAT_NS};
        int signal = pending ? sigtimedwait(&set, NULL, &wait) : sigwaitinfo(&set, NULL);
        if (signal == SIGINT) {
            if (!take(self)) {
                return NULL;
            }
            pending = true;
        } else if (errno == EAGAIN) {
            pending = repeat(self);
        }
    }
}

pyr_status pyr_interrupts_create(bool interactive, pyr_interrupts **out, pyr_error *error) {
    *out = NULL;
    pyr_interrupts *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->interactive = interactive;
    pthread_mutex_init(&self->lock, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int failed = pthread_create(&self->thread, NULL, watch, self);
    if (failed != 0) {
        pthread_mutex_destroy(&self->lock);
        free(self);
        return pyr_error_set_errno(error, failed, "pthread_create", "interrupts");
    }
    *out = self;
    return PYR_OK;
}

void pyr_interrupts_destroy(pyr_interrupts *self) {
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_mutex_unlock(&self->lock);
    pthread_kill(self->thread, SIGINT);
    pthread_join(self->thread, NULL);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

void pyr_interrupts_begin(pyr_interrupts *self, void (*action)(void *context), void *context) {
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->action = action;
    self->context = context;
    self->raised = false;
    pthread_mutex_unlock(&self->lock);
}

bool pyr_interrupts_end(pyr_interrupts *self) {
    if (self == NULL) {
        return false;
    }
    pthread_mutex_lock(&self->lock);
    bool raised = self->raised;
    self->action = NULL;
    self->raised = false;
    pthread_mutex_unlock(&self->lock);
    return raised;
}
