/* cache_internal.h - what the files of the cache share.
 *
 *   cache.c      which models are open
 *   residency.c  which of their pages are in memory
 *   pin.c        pages that stay
 */
#ifndef PYR_MODELS_CACHE_INTERNAL_H
#define PYR_MODELS_CACHE_INTERNAL_H

#include "models/cache.h"

#include <pthread.h>

typedef struct pyr_model_entry {
    pyr_safetensors *file;
    pyr_model_files files;
    int64_t mapped_bytes;
    uint64_t opened; /* last: the cache's clock then */
    bool pinned, locked;
    int64_t resident_bytes; /* as it was measured last */
} pyr_model_entry;

struct pyr_model_cache {
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t wake;  /* of the thread: to end */
    pyr_budget *headers;
    uint64_t clock;
    size_t count, capacity;
    pyr_model_entry *items;
    int64_t budget_bytes; /* 0: none */
    /* The process's file pages at which the mappings are measured the next time: they are well
     * within the budget below it. */
    int64_t look_at_bytes;
    int64_t slack_bytes; /* look_at_bytes is never further than this above what there was since */
    int64_t looked_ns;   /* when they were measured, monotonic */
    bool has_thread, ends;
    pthread_t thread;
};

/* The pages of one mapping. */
typedef struct pyr_model_span {
    const uint8_t *data;
    size_t size_bytes; /* 0: there are none */
} pyr_model_span;
pyr_model_span pyr_model_span_of(const pyr_safetensors *file, int32_t shard);

/* With the lock held. */
int64_t pyr_model_cache_pinned_bytes(const pyr_model_cache *cache);
/* Sets resident_bytes of all entries; gives their sum. */
int64_t pyr_model_cache_measure_held(pyr_model_cache *cache);
/* What pins may take: the budget, or half of the machine's memory. */
int64_t pyr_model_cache_pin_limit(const pyr_model_cache *cache);
PYR_MUST_CHECK pyr_status pyr_model_cache_start(pyr_model_cache *cache, pyr_error *error);
void pyr_model_entry_unpin(pyr_model_entry *entry);
/* Ends the thread, if there is one. Without the lock. */
void pyr_model_cache_stop(pyr_model_cache *cache);

#endif
