/* cache.c - which models are open; see cache.h. */
#include "models/cache_internal.h"

#include "base/mapping.h"

#include <stdlib.h>
#include <string.h>

pyr_status pyr_model_cache_create(pyr_model_cache **out, pyr_error *error) {
    pthread_condattr_t attributes;
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    (*out)->headers = pyr_budget_create(PYR_MODEL_CACHE_HEADERS_BYTES);
    if ((*out)->headers == NULL) {
        free(*out);
        *out = NULL;
        return pyr_error_memory(error, sizeof(**out));
    }
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&(*out)->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return PYR_OK;
}

static void entry_deinit(pyr_model_entry *entry) {
    pyr_model_entry_unpin(entry);
    pyr_safetensors_release(entry->file);
    pyr_model_files_deinit(&entry->files);
}

void pyr_model_cache_destroy(pyr_model_cache *cache) {
    if (cache == NULL) {
        return;
    }
    pyr_model_cache_stop(cache);
    for (size_t i = 0; i < cache->count; ++i) {
        entry_deinit(&cache->items[i]);
    }
    free(cache->items);
    pyr_budget_release(cache->headers);
    pthread_cond_destroy(&cache->wake);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

int64_t pyr_model_cache_pinned_bytes(const pyr_model_cache *cache) {
    int64_t sum = 0;
    for (size_t i = 0; i < cache->count; ++i) {
        sum += cache->items[i].pinned ? cache->items[i].mapped_bytes : 0;
    }
    return sum;
}

/* ---- Entries. ---- */

pyr_model_span pyr_model_span_of(const pyr_safetensors *file, int32_t shard) {
    const pyr_buffer *bytes = pyr_safetensors_bytes(file, shard);
    bool mapped = bytes->mapping != NULL && pyr_mapping_is_mapped(bytes->mapping);
    return (pyr_model_span){bytes->data, mapped ? bytes->size_bytes : 0};
}

static void forget(pyr_model_cache *cache, size_t index) {
    entry_deinit(&cache->items[index]);
    cache->items[index] = cache->items[--cache->count];
}

/* By the canonical path of its first file alone: what a folder, a link or a relative path means may
 * be another model by now, so those are looked up anew each time. */
static bool has_file(const pyr_model_entry *entry, const char *path) {
    return strcmp(entry->files.items[0].path, path) == 0;
}

/* The place of what is open under a path and has the files that are there now. Where they are
 * others, what is open is of nobody's use any more. */
static bool find(pyr_model_cache *cache, const char *path, size_t *index) {
    for (size_t i = 0; i < cache->count; ++i) {
        if (has_file(&cache->items[i], path)) {
            *index = i;
            if (pyr_model_files_state(&cache->items[i].files, NULL) == PYR_MODEL_OK) {
                return true;
            }
            forget(cache, i);
            return false;
        }
    }
    return false;
}

static void make_room(pyr_model_cache *cache) {
    size_t oldest = cache->count;
    for (size_t i = 0; i < cache->count; ++i) {
        const pyr_model_entry *entry = &cache->items[i];
        if (!entry->pinned &&
            (oldest == cache->count || entry->opened < cache->items[oldest].opened)) {
            oldest = i;
        }
    }
    if (cache->count >= PYR_MODEL_CACHE_MAX && oldest < cache->count) {
        forget(cache, oldest);
    }
}

/* entry is moved. */
static pyr_status add(pyr_model_cache *cache, pyr_model_entry *entry, size_t *index,
                      pyr_error *error) {
    make_room(cache);
    if (cache->count == cache->capacity) {
        size_t wanted = cache->capacity > 0 ? cache->capacity * 2 : 16;
        pyr_model_entry *grown = realloc(cache->items, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        cache->items = grown;
        cache->capacity = wanted;
    }
    *index = cache->count;
    cache->items[cache->count++] = *entry;
    memset(entry, 0, sizeof(*entry));
    return PYR_OK;
}

/* ---- Opening. ---- */

static pyr_status open_entry(const char *path, const pyr_model_access *access, pyr_budget *budget,
                             pyr_model_entry *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    PYR_TRY(pyr_model_open(path, access, budget, &out->file, &out->files, error));
    for (int32_t i = 0; i < pyr_safetensors_shards(out->file); ++i) {
        out->mapped_bytes += (int64_t)pyr_model_span_of(out->file, i).size_bytes;
    }
    return PYR_OK;
}

/* What was read instead of mapped is memory of the process that no budget can give back: it is its
 * opener's alone and goes with him. */
static bool can_be_kept(const pyr_model_entry *entry) {
    return pyr_model_read_bytes(entry->file) == 0;
}

/* With the lock held: what is there now may be what another thread opened meanwhile. */
static pyr_status give(pyr_model_cache *cache, const char *path, pyr_model_entry *opened,
                       pyr_safetensors **out, pyr_error *error) {
    size_t index = 0;
    const char *known = opened != NULL ? opened->files.items[0].path : path;
    if (!find(cache, known, &index)) {
        if (opened == NULL) {
            return PYR_OK;
        }
        PYR_TRY(add(cache, opened, &index, error));
    }
    pyr_model_entry *entry = &cache->items[index];
    entry->opened = ++cache->clock;
    *out = pyr_safetensors_retain(entry->file);
    return PYR_OK;
}

static void forget_unpinned(pyr_model_cache *cache) {
    pthread_mutex_lock(&cache->lock);
    for (size_t i = cache->count; i > 0; --i) {
        if (!cache->items[i - 1].pinned) {
            forget(cache, i - 1);
        }
    }
    pthread_mutex_unlock(&cache->lock);
}

static pyr_status open_new(pyr_model_cache *cache, const char *path, const pyr_model_access *access,
                           pyr_budget *budget, pyr_safetensors **out, pyr_error *error) {
    pyr_model_entry entry;
    bool room = true;
    pyr_status status = open_entry(path, access, cache->headers, &entry, error);
    if (status == PYR_ERROR_MEMORY) {
        forget_unpinned(cache);
        status = open_entry(path, access, cache->headers, &entry, error);
    }
    if (status == PYR_ERROR_MEMORY) {
        room = false;
        status = open_entry(path, access, budget, &entry, error);
    }
    if (status == PYR_OK && (!room || !can_be_kept(&entry))) {
        *out = pyr_safetensors_retain(entry.file);
    } else if (status == PYR_OK) {
        pthread_mutex_lock(&cache->lock);
        status = give(cache, path, &entry, out, error);
        pthread_mutex_unlock(&cache->lock);
    }
    entry_deinit(&entry);
    return status;
}

pyr_status pyr_model_cache_open(pyr_model_cache *cache, const char *path,
                                const pyr_model_access *access, pyr_budget *budget,
                                pyr_safetensors **out, pyr_error *error) {
    pyr_status status = PYR_OK;
    *out = NULL;
    if (access == NULL) { /* else each file's path is asked about as it is opened */
        pthread_mutex_lock(&cache->lock);
        status = give(cache, path, NULL, out, error);
        pthread_mutex_unlock(&cache->lock);
    }
    if (status == PYR_OK && *out == NULL) {
        status = open_new(cache, path, access, budget, out, error);
    }
    if (status == PYR_OK) {
        pyr_model_cache_trim(cache);
    }
    return status;
}
