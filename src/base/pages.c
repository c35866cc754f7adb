/* pages.c - see pages.h. One free list a size class under one lock.
 *
 * KEPT_BYTES_MAX are kept as they are. What is given back beyond that, up to a quarter of the
 * machine's memory, is the kernel's to take when it needs some (MADV_FREE): until then whoever
 * takes the block again has its pages without having them cleared, which is half of the time of
 * large groupings. The lists' entries lie beside the blocks, of which no byte is needed then.
 */
#include "base/pages.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CLASS_FIRST 20 /* 1 MiB */
#define CLASS_LAST 40
#define HUGE_BYTES ((size_t)2 << 20)
#define KEPT_BYTES_MAX ((size_t)512 << 20)
#define BLOCK_BYTES_MAX ((size_t)64 << 20) /* of those that are kept */

typedef struct free_block {
    struct free_block *next;
    void *block;
} free_block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below; a leaf */
static free_block *kept[CLASS_LAST + 1];
static size_t kept_bytes;

static int class_of(size_t size_bytes) {
    int class = CLASS_FIRST;
    while (class <= CLASS_LAST && ((size_t)1 << class) < size_bytes) {
        ++class;
    }
    return class;
}

/* mmap aligns to 4 KiB only: map more and cut the ends off. */
static void *map_aligned(size_t size) {
    size_t extra = size >= HUGE_BYTES ? HUGE_BYTES : 0;
    uint8_t *start = mmap(NULL, size + extra, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        return NULL;
    }
    if (extra != 0) {
        size_t before = (HUGE_BYTES - (uintptr_t)start % HUGE_BYTES) % HUGE_BYTES;
        if (before > 0) {
            munmap(start, before);
        }
        munmap(start + before + size, extra - before);
        start += before;
        madvise(start, size, MADV_HUGEPAGE);
    }
    return start;
}

void *pyr_pages_take(size_t size_bytes, size_t *capacity_bytes) {
    int class = class_of(size_bytes);
    if (class > CLASS_LAST) {
        return NULL;
    }
    size_t size = (size_t)1 << class;
    /* Beyond 64 MiB doubling wastes too much: such blocks are mapped to measure and not kept. */
    if (size > BLOCK_BYTES_MAX) {
        size = (size_bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
        *capacity_bytes = size;
        return map_aligned(size);
    }
    *capacity_bytes = size;
    pthread_mutex_lock(&lock);
    free_block *entry = kept[class];
    if (entry != NULL) {
        kept[class] = entry->next;
        kept_bytes -= size;
    }
    pthread_mutex_unlock(&lock);
    if (entry == NULL) {
        return map_aligned(size);
    }
    void *block = entry->block;
    free(entry);
    return block;
}

static size_t lent_bytes_max(void) {
    static _Atomic size_t known;
    size_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (bytes == 0) {
        long pages = sysconf(_SC_PHYS_PAGES);
        long each = sysconf(_SC_PAGESIZE);
        bytes = pages > 0 && each > 0 ? (size_t)pages / 4 * (size_t)each : 1;
        atomic_store_explicit(&known, bytes, memory_order_relaxed);
    }
    return bytes;
}

/* With the lock held. Whether a block is kept; *lent: its pages are the kernel's to take. */
static bool reserve(size_t capacity_bytes, bool *lent) {
    *lent = kept_bytes + capacity_bytes > KEPT_BYTES_MAX;
    if (capacity_bytes > BLOCK_BYTES_MAX ||
        (*lent && kept_bytes + capacity_bytes > lent_bytes_max())) {
        return false;
    }
    kept_bytes += capacity_bytes;
    return true;
}

void pyr_pages_give(void *block, size_t capacity_bytes) {
    int class = class_of(capacity_bytes);
    bool lent = false;
    free_block *entry = malloc(sizeof(*entry));
    pthread_mutex_lock(&lock);
    bool keep = entry != NULL && reserve(capacity_bytes, &lent);
    pthread_mutex_unlock(&lock);
    if (!keep) {
        free(entry);
        munmap(block, capacity_bytes);
        return;
    }
    if (lent) {
        madvise(block, capacity_bytes, MADV_FREE); /* not with the lock: it takes a while */
    }
    pthread_mutex_lock(&lock);
    *entry = (free_block){kept[class], block};
    kept[class] = entry;
    pthread_mutex_unlock(&lock);
}

void pyr_pages_trim(void) {
    pthread_mutex_lock(&lock);
    for (int class = CLASS_FIRST; class <= CLASS_LAST; ++class) {
        while (kept[class] != NULL) {
            free_block *entry = kept[class];
            kept[class] = entry->next;
            munmap(entry->block, (size_t)1 << class);
            free(entry);
            kept_bytes -= (size_t)1 << class; /* others may be on their way into a list */
        }
    }
    pthread_mutex_unlock(&lock);
}
