/* residency.c - how many pages of open models are in memory, and giving back those of the ones that
 * were opened longest ago; see cache.h.
 *
 * The kernel counts the file pages of a process as it goes: /proc/self/statm has them, for a read
 * that costs microseconds. They are those of all mappings, so that models have at most as many.
 * Only where that is not enough to know, /proc/self/smaps is read, which walks the page tables.
 */
#include "base/clock.h"
#include "base/mapping.h"
#include "models/cache_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEASURE_EVERY_NS 1000000000 /* at least so often, where there is reason to doubt */

/* Where pages begin to go, and how many stay then: the thread looks again only after a while. */
static int64_t high_water(int64_t budget) {
    return budget - budget / 8;
}
static int64_t low_water(int64_t budget) {
    return budget - budget / 4;
}

/* ---- Measuring. ---- */

/* Resident file pages of the process in bytes; INT64_MAX: nobody says. */
static int64_t file_pages_bytes(void) {
    char text[128];
    long size;
    long resident;
    long shared;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
    return sscanf(text, "%ld %ld %ld", &size, &resident, &shared) == 3
               ? (int64_t)shared * (int64_t)sysconf(_SC_PAGESIZE)
               : INT64_MAX;
}

typedef struct range {
    uintptr_t start, end;
    size_t entry;
} range;

static int compare_ranges(const void *a, const void *b) {
    const range *x = a;
    const range *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Every mapping of every entry, by address; *count. NULL: out of memory. */
static range *list_ranges(const pyr_model_cache *cache, size_t *count) {
    size_t all = 0;
    for (size_t i = 0; i < cache->count; ++i) {
        all += (size_t)pyr_safetensors_shards(cache->items[i].file);
    }
    range *ranges = calloc(all + 1, sizeof(*ranges));
    *count = 0;
    for (size_t i = 0; ranges != NULL && i < cache->count; ++i) {
        for (int32_t j = 0; j < pyr_safetensors_shards(cache->items[i].file); ++j) {
            pyr_model_span span = pyr_model_span_of(cache->items[i].file, j);
            if (span.size_bytes > 0) {
                uintptr_t start = (uintptr_t)span.data;
                ranges[(*count)++] = (range){start, start + span.size_bytes, i};
            }
        }
    }
    if (*count > 1) {
        qsort(ranges, *count, sizeof(*ranges), compare_ranges);
    }
    return ranges;
}

static const range *find_range(const range *ranges, size_t count, uintptr_t address) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && ranges[low].start <= address ? &ranges[low] : NULL;
}

/* "7f00-7f10 r--s ...", then lines "Rss:   12 kB" and others for it. */
static int64_t read_smaps(pyr_model_cache *cache, const range *ranges, size_t count) {
    char line[512];
    const range *in = NULL;
    int64_t sum = 0;
    FILE *file = fopen("/proc/self/smaps", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        unsigned long start;
        unsigned long end;
        long kilobytes;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
            in = find_range(ranges, count, (uintptr_t)start);
        } else if (in != NULL && sscanf(line, "Rss: %ld kB", &kilobytes) == 1) {
            cache->items[in->entry].resident_bytes += (int64_t)kilobytes * 1024;
            sum += (int64_t)kilobytes * 1024;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return sum;
}

int64_t pyr_model_cache_measure_held(pyr_model_cache *cache) {
    size_t count = 0;
    range *ranges = list_ranges(cache, &count);
    for (size_t i = 0; i < cache->count; ++i) {
        cache->items[i].resident_bytes = 0;
    }
    int64_t sum = ranges != NULL && count > 0 ? read_smaps(cache, ranges, count) : 0;
    free(ranges);
    return sum;
}

void pyr_model_cache_measure(pyr_model_cache *cache, pyr_model_cache_figures *out) {
    pthread_mutex_lock(&cache->lock);
    *out = (pyr_model_cache_figures){.open_count = cache->count,
                                     .resident_bytes = pyr_model_cache_measure_held(cache),
                                     .pinned_bytes = pyr_model_cache_pinned_bytes(cache),
                                     .budget_bytes = cache->budget_bytes};
    for (size_t i = 0; i < cache->count; ++i) {
        out->pinned_count += cache->items[i].pinned;
        out->mapped_bytes += cache->items[i].mapped_bytes;
    }
    pthread_mutex_unlock(&cache->lock);
}

/* ---- Giving back. ---- */

/* A hint to the page cache; the name may mean another file by now, which does no harm. */
static void drop_cached(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
}

static bool is_pinned(const pyr_model_cache *cache, const pyr_safetensors *file) {
    for (size_t i = 0; i < cache->count; ++i) {
        if (cache->items[i].file == file) {
            return cache->items[i].pinned;
        }
    }
    return false;
}

/* With the lock held: who pins it later brings its pages after they went. */
static void drop_mapped(const pyr_safetensors *file) {
    for (int32_t i = 0; i < pyr_safetensors_shards(file); ++i) {
        pyr_model_span span = pyr_model_span_of(file, i);
        if (span.size_bytes > 0) {
            (void)madvise((void *)(uintptr_t)span.data, span.size_bytes, MADV_DONTNEED);
        }
    }
}

/* One that was pinned since it was chosen keeps its pages. The page cache's are not asked for with
 * the lock held: that may take as long as a disk does, and leaves alone what is mapped again. */
static void give_back(pyr_model_cache *cache, const pyr_safetensors *file) {
    pthread_mutex_lock(&cache->lock);
    bool pinned = is_pinned(cache, file);
    if (!pinned) {
        drop_mapped(file);
    }
    pthread_mutex_unlock(&cache->lock);
    for (int32_t i = 0; !pinned && i < pyr_safetensors_shards(file); ++i) {
        if (pyr_model_span_of(file, i).size_bytes > 0) {
            drop_cached(pyr_mapping_path(pyr_safetensors_bytes(file, i)->mapping));
        }
    }
}

/* The entry opened longest ago of those that have pages to give; NULL: there is none. */
static pyr_model_entry *coldest(pyr_model_cache *cache) {
    pyr_model_entry *found = NULL;
    for (size_t i = 0; i < cache->count; ++i) {
        pyr_model_entry *entry = &cache->items[i];
        if (!entry->pinned && entry->resident_bytes > 0 &&
            (found == NULL || entry->opened < found->opened)) {
            found = entry;
        }
    }
    return found;
}

/* Where others' pages went, models reach the mark while the process has fewer than was thought. */
static void lower_mark(pyr_model_cache *cache, int64_t file_pages) {
    if (file_pages < cache->look_at_bytes - cache->slack_bytes) {
        cache->look_at_bytes = file_pages + cache->slack_bytes;
    }
}

/* Measures, and takes the models whose pages are to go; *count. They are retained. */
static pyr_safetensors **choose(pyr_model_cache *cache, int64_t file_pages, size_t *count) {
    int64_t budget = cache->budget_bytes;
    pyr_safetensors **chosen = NULL;
    int64_t resident = pyr_model_cache_measure_held(cache);
    *count = 0;
    if (resident > high_water(budget)) {
        chosen = calloc(cache->count + 1, sizeof(pyr_safetensors *));
    }
    for (pyr_model_entry *entry = chosen != NULL ? coldest(cache) : NULL;
         entry != NULL && resident > low_water(budget); entry = coldest(cache)) {
        chosen[(*count)++] = pyr_safetensors_retain(entry->file);
        resident -= entry->resident_bytes;
        file_pages -= entry->resident_bytes;
        entry->resident_bytes = 0;
    }
    /* Models cannot pass the mark before the process has so many file pages more. */
    int64_t slack = high_water(budget) - resident;
    cache->slack_bytes = slack > 0 ? slack / 2 : 0;
    cache->look_at_bytes = file_pages + cache->slack_bytes;
    cache->looked_ns = pyr_clock_monotonic_ns();
    return chosen;
}

void pyr_model_cache_trim(pyr_model_cache *cache) {
    size_t count = 0;
    pyr_safetensors **chosen = NULL;
    pthread_mutex_lock(&cache->lock);
    if (cache->budget_bytes > 0 && cache->count > 0) {
        int64_t file_pages = file_pages_bytes();
        lower_mark(cache, file_pages);
        bool doubtful = pyr_clock_monotonic_ns() - cache->looked_ns > MEASURE_EVERY_NS;
        if (file_pages > high_water(cache->budget_bytes) &&
            (file_pages > cache->look_at_bytes || doubtful)) {
            chosen = choose(cache, file_pages, &count);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    for (size_t i = 0; i < count; ++i) {
        give_back(cache, chosen[i]);
        pyr_safetensors_release(chosen[i]);
    }
    free(chosen);
    if (count > 0) {
        int64_t file_pages = file_pages_bytes();
        pthread_mutex_lock(&cache->lock);
        lower_mark(cache, file_pages);
        pthread_mutex_unlock(&cache->lock);
    }
}

/* ---- The thread. ---- */

static struct timespec after_ms(long ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void *look(void *argument) {
    pyr_model_cache *cache = argument;
    pthread_mutex_lock(&cache->lock);
    while (!cache->ends) {
        struct timespec until = after_ms(PYR_MODEL_CACHE_LOOK_MS);
        if (pthread_cond_timedwait(&cache->wake, &cache->lock, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&cache->lock);
            pyr_model_cache_trim(cache);
            pthread_mutex_lock(&cache->lock);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return NULL;
}

pyr_status pyr_model_cache_start(pyr_model_cache *cache, pyr_error *error) {
    if (cache->has_thread) {
        return PYR_OK;
    }
    int failed = pthread_create(&cache->thread, NULL, look, cache);
    if (failed != 0) {
        return pyr_error_set_errno(error, failed, "pthread_create", "model_memory");
    }
    cache->has_thread = true;
    return PYR_OK;
}

void pyr_model_cache_stop(pyr_model_cache *cache) {
    pthread_mutex_lock(&cache->lock);
    cache->ends = true;
    bool joins = cache->has_thread;
    cache->has_thread = false;
    pthread_cond_broadcast(&cache->wake);
    pthread_mutex_unlock(&cache->lock);
    if (joins) {
        pthread_join(cache->thread, NULL);
    }
}

pyr_status pyr_model_cache_set_budget(pyr_model_cache *cache, size_t budget_bytes,
                                      pyr_error *error) {
    pthread_mutex_lock(&cache->lock);
    int64_t budget = budget_bytes < INT64_MAX ? (int64_t)budget_bytes : INT64_MAX;
    int64_t pinned = pyr_model_cache_pinned_bytes(cache);
    pyr_status status = PYR_OK;
    if (budget > 0 && pinned > budget) {
        status = pyr_error_set_sql(error, PYR_ERROR_LIMIT, "53200", -1,
                                   "model_memory: pinned models have %lld bytes, more than %lld: "
                                   "unpin some first",
                                   (long long)pinned, (long long)budget);
    } else {
        cache->budget_bytes = budget;
        cache->look_at_bytes = 0;
        cache->looked_ns = 0;
        status = budget > 0 ? pyr_model_cache_start(cache, error) : PYR_OK;
    }
    pthread_mutex_unlock(&cache->lock);
    if (status == PYR_OK) {
        pyr_model_cache_trim(cache);
    }
    return status;
}
