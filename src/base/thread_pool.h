/* thread_pool.h - a fixed pool of workers with a bounded queue.
 *
 * Workers do no blocking socket I/O. Lock order: the pool's lock is a leaf.
 */
#ifndef PYR_BASE_THREAD_POOL_H
#define PYR_BASE_THREAD_POOL_H

#include "base/error.h"

#include <stdatomic.h>

typedef struct pyr_thread_pool pyr_thread_pool;

/* threads 0: the CPUs this process may use (affinity and cgroup quota). queue_max: tasks waiting at
 * most; pyr_thread_pool_submit blocks beyond that. */
PYR_MUST_CHECK pyr_status pyr_thread_pool_create(unsigned threads, size_t queue_max,
                                                 pyr_thread_pool **out, pyr_error *error);
/* Runs what is queued, then joins. NULL allowed. */
void pyr_thread_pool_destroy(pyr_thread_pool *pool);
unsigned pyr_thread_pool_threads(const pyr_thread_pool *pool);
/* Waits while the queue is full. Never fails: a task that cannot be queued runs here and now. */
void pyr_thread_pool_submit(pyr_thread_pool *pool, void (*run)(void *argument), void *argument);
/* As submit, but false instead of waiting where the queue is full. */
bool pyr_thread_pool_try_submit(pyr_thread_pool *pool, void (*run)(void *argument), void *argument);

/* Runs body(context, index) for each index in [0, count) on the pool and the calling thread,
 * returns when all are done. The first failure wins and stops handing out indices. May be called
 * from a worker (the caller works too, so no deadlock). */
PYR_MUST_CHECK pyr_status pyr_thread_pool_for_each(pyr_thread_pool *pool, size_t count,
                                                   pyr_status (*body)(void *context, size_t index,
                                                                      pyr_error *error),
                                                   void *context, pyr_error *error);

/* CPUs by affinity and cgroup quota, at least 1. */
unsigned pyr_cpus_available(void);

/* A flag looked at per batch. Shared by a statement, its workers and whoever may cancel it. */
typedef struct pyr_cancel_flag {
    atomic_int state;            /* 0 running, 1 cancelled, 2 deadline passed */
    _Atomic int64_t deadline_ns; /* monotonic; 0 none */
} pyr_cancel_flag;
void pyr_cancel_flag_init(pyr_cancel_flag *flag);
void pyr_cancel_flag_raise(pyr_cancel_flag *flag);
/* PYR_ERROR_CANCELLED or PYR_ERROR_TIMEOUT. NULL flag: PYR_OK. */
PYR_MUST_CHECK pyr_status pyr_cancel_flag_check(pyr_cancel_flag *flag, pyr_error *error);

#endif
