/* pin.c - models whose pages are brought into memory and stay there; see cache.h. */
#include "base/mapping.h"
#include "models/cache_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; the headers may be older */
#endif
#define POPULATE_BYTES ((size_t)64 << 20) /* between two looks at the cancel flag */

int64_t pyr_model_cache_pin_limit(const pyr_model_cache *cache) {
    if (cache->budget_bytes > 0) {
        return cache->budget_bytes;
    }
    int64_t pages = (int64_t)sysconf(_SC_PHYS_PAGES);
    return pages / 2 * (int64_t)sysconf(_SC_PAGESIZE);
}

static void unlock_shards(const pyr_safetensors *file, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        pyr_model_span span = pyr_model_span_of(file, i);
        if (span.size_bytes > 0) {
            (void)munlock(span.data, span.size_bytes);
        }
    }
}

void pyr_model_entry_unpin(pyr_model_entry *entry) {
    if (entry->locked) {
        unlock_shards(entry->file, pyr_safetensors_shards(entry->file));
    }
    entry->pinned = false;
    entry->locked = false;
}

/* ---- Bringing pages. ---- */

static void touch_pages(const uint8_t *data, size_t size_bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < size_bytes; at += page) {
        (void)*(const volatile uint8_t *)(data + at);
    }
}

/* A page that cannot be had is found by the mapping's check afterwards. */
static pyr_status populate(pyr_model_span span, pyr_cancel_flag *cancel, pyr_error *error) {
    for (size_t at = 0; at < span.size_bytes; at += POPULATE_BYTES) {
        size_t left = span.size_bytes - at;
        size_t size = left < POPULATE_BYTES ? left : POPULATE_BYTES;
        PYR_TRY(pyr_cancel_flag_check(cancel, error));
        if (madvise((void *)(uintptr_t)(span.data + at), size, MADV_POPULATE_READ) != 0) {
            touch_pages(span.data + at, size);
        }
    }
    return PYR_OK;
}

/* Locks all shards or none: nobody would unlock some. */
static pyr_status bring(const pyr_safetensors *file, pyr_cancel_flag *cancel, bool *locked,
                        pyr_error *error) {
    pyr_status status = PYR_OK;
    int32_t locked_shards = 0;
    *locked = true;
    for (int32_t i = 0; status == PYR_OK && i < pyr_safetensors_shards(file); ++i) {
        pyr_model_span span = pyr_model_span_of(file, i);
        status = populate(span, cancel, error);
        if (status == PYR_OK) {
            status = pyr_mapping_check(pyr_safetensors_bytes(file, i)->mapping, error);
        }
        /* The limit for locked memory is a few MB for most users: then they are only brought. */
        *locked = *locked && status == PYR_OK &&
                  (span.size_bytes == 0 || mlock(span.data, span.size_bytes) == 0);
        locked_shards += *locked;
    }
    if (!*locked) {
        unlock_shards(file, locked_shards);
    }
    return status;
}

/* ---- Pins. ---- */

static pyr_model_entry *find_entry(pyr_model_cache *cache, const pyr_safetensors *file) {
    for (size_t i = 0; i < cache->count; ++i) {
        if (cache->items[i].file == file) {
            return &cache->items[i];
        }
    }
    return NULL;
}

/* Takes its part of the limit, so that two who pin at once do not both get it. */
static pyr_status reserve(pyr_model_cache *cache, const pyr_safetensors *file, const char *path,
                          pyr_model_pinned *out, bool *there, pyr_error *error) {
    pyr_model_entry *entry = find_entry(cache, file);
    if (entry == NULL && pyr_model_read_bytes(file) > 0) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                 "model \"%s\" lies where files cannot be mapped: it has no pages "
                                 "to keep; copy it to a local disk",
                                 path);
    }
    if (entry == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_BUSY, "55006", -1,
                                 "model \"%s\": its files changed, or %d other models were "
                                 "opened, while it was to be pinned: try again",
                                 path, PYR_MODEL_CACHE_MAX);
    }
    *out = (pyr_model_pinned){entry->mapped_bytes, entry->locked};
    *there = entry->pinned;
    int64_t pinned = pyr_model_cache_pinned_bytes(cache);
    int64_t limit = pyr_model_cache_pin_limit(cache);
    if (!entry->pinned && entry->mapped_bytes > limit - pinned) {
        return pyr_error_set_sql(error, PYR_ERROR_LIMIT, "53200", -1,
                                 "model \"%s\" has %lld bytes: %lld are pinned of the %lld that "
                                 "may be; unpin another one, or SET model_memory",
                                 path, (long long)entry->mapped_bytes, (long long)pinned,
                                 (long long)limit);
    }
    entry->pinned = true;
    return PYR_OK;
}

static void settle(pyr_model_cache *cache, const pyr_safetensors *file, bool well, bool locked) {
    pthread_mutex_lock(&cache->lock);
    pyr_model_entry *entry = find_entry(cache, file);
    if (entry != NULL) {
        entry->locked = locked;
        if (!well || !entry->pinned) { /* somebody unpinned it meanwhile */
            pyr_model_entry_unpin(entry);
        }
    } else if (locked) { /* forgotten meanwhile: whoever forgot it did not know of the locks */
        unlock_shards(file, pyr_safetensors_shards(file));
    }
    pthread_mutex_unlock(&cache->lock);
}

pyr_status pyr_model_cache_pin(pyr_model_cache *cache, const char *path, pyr_cancel_flag *cancel,
                               pyr_model_pinned *out, pyr_error *error) {
    pyr_safetensors *file = NULL;
    bool there = false;
    memset(out, 0, sizeof(*out));
    PYR_TRY(pyr_model_cache_open(cache, path, NULL, NULL, &file, error));
    pthread_mutex_lock(&cache->lock);
    pyr_status status = reserve(cache, file, path, out, &there, error);
    pthread_mutex_unlock(&cache->lock);
    if (status == PYR_OK && !there) {
        status = bring(file, cancel, &out->locked, error);
        settle(cache, file, status == PYR_OK, out->locked);
    }
    pyr_safetensors_release(file);
    return status;
}

bool pyr_model_cache_unpin(pyr_model_cache *cache, const char *path) {
    bool was = false;
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->count; ++i) {
        pyr_model_entry *entry = &cache->items[i];
        if (strcmp(entry->files.items[0].path, path) == 0) {
            was = was || entry->pinned;
            pyr_model_entry_unpin(entry);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return was;
}
