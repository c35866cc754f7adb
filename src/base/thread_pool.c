/* thread_pool.c - see thread_pool.h. A ring of tasks under one lock; for_each hands out indices by
 * an atomic counter, so the queue is touched once a worker, not once an index. */
#include "base/thread_pool.h"

#include "base/clock.h"
#include "base/pages.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct task {
    void (*run)(void *argument);
    void *argument;
} task;

struct pyr_thread_pool {
    unsigned threads_count;
    pthread_t *threads;
    pthread_mutex_t lock; /* guards the rest; a leaf */
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    task *queue;
    size_t queue_max;
    size_t head;
    size_t count;
    bool closing;
    bool has_keeper; /* a thread that waits looks after the page pool */
};

#define IDLE_SECONDS 5

/* With the lock held. One of those who wait looks every few seconds whether queries have left
 * memory that nobody uses. */
static void wait_for_task(pyr_thread_pool *pool) {
    bool keeps = !pool->has_keeper;
    pool->has_keeper = true;
    while (pool->count == 0 && !pool->closing) {
        struct timespec until;
        if (!keeps) {
            pthread_cond_wait(&pool->not_empty, &pool->lock);
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += IDLE_SECONDS;
        if (pthread_cond_timedwait(&pool->not_empty, &pool->lock, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&pool->lock);
            pyr_pages_lend_idle(IDLE_SECONDS * INT64_C(1000000000));
            pthread_mutex_lock(&pool->lock);
        }
    }
    pool->has_keeper = pool->has_keeper && !keeps;
}

static void *work(void *argument) {
    pyr_thread_pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        wait_for_task(pool);
        if (pool->count == 0) {
            break;
        }
        task next = pool->queue[pool->head];
        pool->head = (pool->head + 1) % pool->queue_max;
        --pool->count;
        pthread_cond_signal(&pool->not_full);
        pthread_mutex_unlock(&pool->lock);
        next.run(next.argument);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

pyr_status pyr_thread_pool_create(unsigned threads, size_t queue_max, pyr_thread_pool **out,
                                  pyr_error *error) {
    *out = NULL;
    unsigned wanted = threads != 0 ? threads : pyr_cpus_available();
    queue_max = queue_max > 0 ? queue_max : 1;
    pyr_thread_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return pyr_error_memory(error, sizeof(*pool));
    }
    pyr_pages_watch();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->not_empty, NULL);
    pthread_cond_init(&pool->not_full, NULL);
    pool->queue = calloc(queue_max, sizeof(task));
    pool->queue_max = queue_max;
    pool->threads = calloc(wanted, sizeof(pthread_t));
    if (pool->queue == NULL || pool->threads == NULL) {
        pyr_thread_pool_destroy(pool);
        return pyr_error_memory(error, queue_max * sizeof(task));
    }
    for (unsigned i = 0; i < wanted; ++i) {
        int fault = pthread_create(&pool->threads[i], NULL, work, pool);
        if (fault != 0) {
            pyr_thread_pool_destroy(pool);
            return pyr_error_set_errno(error, fault, "pthread_create", "thread pool");
        }
        ++pool->threads_count;
    }
    *out = pool;
    return PYR_OK;
}

void pyr_thread_pool_destroy(pyr_thread_pool *pool) {
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->not_empty);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads_count; ++i) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->not_empty);
    pthread_cond_destroy(&pool->not_full);
    free(pool->queue);
    free(pool->threads);
    free(pool);
    pyr_pages_unwatch();
}

unsigned pyr_thread_pool_threads(const pyr_thread_pool *pool) {
    return pool->threads_count;
}

static void enqueue(pyr_thread_pool *pool, void (*run)(void *), void *argument) {
    pool->queue[(pool->head + pool->count) % pool->queue_max] = (task){run, argument};
    ++pool->count;
    pthread_cond_signal(&pool->not_empty);
}

void pyr_thread_pool_submit(pyr_thread_pool *pool, void (*run)(void *argument), void *argument) {
    pthread_mutex_lock(&pool->lock);
    while (pool->count == pool->queue_max) {
        pthread_cond_wait(&pool->not_full, &pool->lock);
    }
    enqueue(pool, run, argument);
    pthread_mutex_unlock(&pool->lock);
}

bool pyr_thread_pool_try_submit(pyr_thread_pool *pool, void (*run)(void *argument),
                                void *argument) {
    pthread_mutex_lock(&pool->lock);
    bool room = pool->count < pool->queue_max;
    if (room) {
        enqueue(pool, run, argument);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

/* ---- for_each. ---- */

/* Shared by the caller and its helpers; freed by the last of them, for a helper that only starts
 * after all indices are taken must still find it. */
typedef struct for_each_job {
    atomic_size_t references;
    atomic_size_t next;
    atomic_bool stop;
    size_t count;
    pyr_status (*body)(void *context, size_t index, pyr_error *error);
    void *context;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t idle;
    size_t working;
    pyr_status status;
    pyr_error error;
} for_each_job;

static void job_release(for_each_job *job) {
    if (atomic_fetch_sub_explicit(&job->references, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_destroy(&job->lock);
        pthread_cond_destroy(&job->idle);
        free(job);
    }
}

static void job_work(for_each_job *job) {
    pthread_mutex_lock(&job->lock);
    ++job->working;
    pthread_mutex_unlock(&job->lock);
    while (!atomic_load(&job->stop)) {
        size_t index = atomic_fetch_add(&job->next, 1);
        if (index >= job->count) {
            break;
        }
        pyr_error error;
        pyr_error_clear(&error);
        pyr_status status = job->body(job->context, index, &error);
        if (status != PYR_OK) {
            pthread_mutex_lock(&job->lock);
            if (job->status == PYR_OK) {
                job->status = status;
                job->error = error;
            }
            pthread_mutex_unlock(&job->lock);
            atomic_store(&job->stop, true);
        }
    }
    pthread_mutex_lock(&job->lock);
    --job->working;
    pthread_cond_broadcast(&job->idle);
    pthread_mutex_unlock(&job->lock);
}

static void job_help(void *argument) {
    for_each_job *job = argument;
    /* Nothing left: the caller may be gone already, and with it the context. */
    if (!atomic_load(&job->stop) && atomic_load(&job->next) < job->count) {
        job_work(job);
    }
    job_release(job);
}

pyr_status pyr_thread_pool_for_each(pyr_thread_pool *pool, size_t count,
                                    pyr_status (*body)(void *context, size_t index,
                                                       pyr_error *error),
                                    void *context, pyr_error *error) {
    for_each_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return pyr_error_memory(error, sizeof(*job));
    }
    atomic_init(&job->references, 1);
    job->count = count;
    job->body = body;
    job->context = context;
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->idle, NULL);
    size_t helpers = pool == NULL ? 0 : pool->threads_count;
    for (size_t i = 0; i + 1 < count && i < helpers; ++i) {
        atomic_fetch_add_explicit(&job->references, 1, memory_order_relaxed);
        if (!pyr_thread_pool_try_submit(pool, job_help, job)) {
            atomic_fetch_sub_explicit(&job->references, 1, memory_order_relaxed);
            break;
        }
    }
    job_work(job);
    pthread_mutex_lock(&job->lock);
    while (job->working > 0) {
        pthread_cond_wait(&job->idle, &job->lock);
    }
    pyr_status status = job->status;
    if (status != PYR_OK && error != NULL) {
        *error = job->error;
    }
    pthread_mutex_unlock(&job->lock);
    job_release(job);
    return status;
}

/* ---- How many CPUs. ---- */

static unsigned cgroup_cpus(unsigned cpus) {
    long long quota = -1;
    long long period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (file != NULL) {
        if (fscanf(file, "%lld %lld", &quota, &period) != 2) {
            quota = -1; /* "max" */
        }
        fclose(file);
    } else if ((file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re")) != NULL) {
        bool known = fscanf(file, "%lld", &quota) == 1;
        fclose(file);
        file = known ? fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re") : NULL;
        if (file != NULL) {
            period = fscanf(file, "%lld", &period) == 1 ? period : 0;
            fclose(file);
        }
    }
    if (quota > 0 && period > 0) {
        long long allowed = (quota + period - 1) / period;
        return allowed < (long long)cpus ? (unsigned)(allowed > 0 ? allowed : 1) : cpus;
    }
    return cpus;
}

unsigned pyr_cpus_available(void) {
    cpu_set_t set;
    unsigned cpus = 1;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        int count = CPU_COUNT(&set);
        cpus = count > 0 ? (unsigned)count : 1;
    }
    return cgroup_cpus(cpus);
}

/* ---- Cancelling. ---- */

void pyr_cancel_flag_init(pyr_cancel_flag *flag) {
    atomic_init(&flag->state, 0);
    atomic_init(&flag->deadline_ns, 0);
}

void pyr_cancel_flag_raise(pyr_cancel_flag *flag) {
    int running = 0;
    atomic_compare_exchange_strong(&flag->state, &running, 1);
}

pyr_status pyr_cancel_flag_check(pyr_cancel_flag *flag, pyr_error *error) {
    if (flag == NULL) {
        return PYR_OK;
    }
    int state = atomic_load_explicit(&flag->state, memory_order_relaxed);
    int64_t deadline = atomic_load_explicit(&flag->deadline_ns, memory_order_relaxed);
    if (state == 0 && deadline != 0 && pyr_clock_monotonic_ns() >= deadline) {
        int running = 0;
        atomic_compare_exchange_strong(&flag->state, &running, 2);
        state = atomic_load(&flag->state);
    }
    if (state == 1) {
        return pyr_error_set(error, PYR_ERROR_CANCELLED, "the statement was cancelled");
    }
    if (state == 2) {
        return pyr_error_set(error, PYR_ERROR_TIMEOUT,
                             "the statement took longer than its time limit");
    }
    return PYR_OK;
}
