/* pages.c - see pages.h. Two free lists a size class under one lock: blocks that are whole, and
 * those whose pages the kernel may take when it needs some (MADV_FREE): until then whoever takes
 * one again has its pages without having them cleared. Cleared they soon are in a machine whose
 * memory holds files, and that is a third of the time of large groupings: between queries blocks
 * stay whole. The lists' entries lie beside the blocks, of which no byte is needed then.
 */
#include "base/pages.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CLASS_FIRST 17 /* 128 KiB */
#define CLASS_LAST 40
#define HUGE_BYTES ((size_t)2 << 20)
#define KEPT_BYTES_MAX ((size_t)512 << 20) /* whole, of an idle process */
#define BLOCK_BYTES_MAX ((size_t)64 << 20) /* of a power of two; more is taken to measure */
#define LARGE_MAX 16                       /* of those, that are kept */

typedef struct free_block {
    struct free_block *next;
    void *block;
} free_block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the rest; a leaf */
static free_block *whole[CLASS_LAST + 1];
static free_block *lent[CLASS_LAST + 1];
static size_t whole_bytes, lent_bytes; /* with those that are on their way into a list */
static unsigned watchers;
static int64_t used_ns; /* when a block was taken or given last */
/* Of any size beyond BLOCK_BYTES_MAX, whole; counted in whole_bytes. */
static struct {
    void *block;
    size_t bytes;
} large[LARGE_MAX];

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

/* The machine's memory, or less where a control group has less. */
static size_t memory_bytes(void) {
    static _Atomic size_t known;
    size_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (bytes == 0) {
        long pages = sysconf(_SC_PHYS_PAGES);
        long each = sysconf(_SC_PAGESIZE);
        unsigned long long limit = 0;
        FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
        bytes = pages > 0 && each > 0 ? (size_t)pages * (size_t)each : 1;
        if (file != NULL) {
            if (fscanf(file, "%llu", &limit) == 1 && limit > 0 && limit < bytes) {
                bytes = (size_t)limit; /* else "max" */
            }
            fclose(file);
        }
        atomic_store_explicit(&known, bytes, memory_order_relaxed);
    }
    return bytes;
}

/* ---- Lists. These two with the lock held. ---- */

static free_block *pop(free_block **lists, int class, size_t *bytes) {
    free_block *entry = lists[class];
    if (entry != NULL) {
        lists[class] = entry->next;
        *bytes -= (size_t)1 << class;
    }
    return entry;
}

static void push(free_block **lists, int class, free_block *entry) {
    entry->next = lists[class];
    lists[class] = entry;
}

/* ---- Large blocks. With the lock held. ---- */

/* One of at least so many bytes and not too many more; NULL: none. */
static void *pop_large(size_t bytes, size_t *capacity_bytes) {
    int best = -1;
    for (int i = 0; i < LARGE_MAX; ++i) {
        if (large[i].block != NULL && large[i].bytes >= bytes && large[i].bytes / 5 * 4 <= bytes &&
            (best < 0 || large[i].bytes < large[best].bytes)) {
            best = i;
        }
    }
    if (best < 0) {
        return NULL;
    }
    void *block = large[best].block;
    *capacity_bytes = large[best].bytes;
    whole_bytes -= large[best].bytes;
    large[best].block = NULL;
    return block;
}

/* false: there is no place for it, or no more than whole_max bytes may be whole. */
static bool push_large(void *block, size_t bytes, size_t whole_max) {
    if (watchers == 0 || whole_bytes + bytes > whole_max) {
        return false;
    }
    for (int i = 0; i < LARGE_MAX; ++i) {
        if (large[i].block == NULL) {
            large[i].block = block;
            large[i].bytes = bytes;
            whole_bytes += bytes;
            return true;
        }
    }
    return false;
}

/* Any of them, as long as all that is whole is more than min_bytes; NULL: none. */
static void *pop_any_large(size_t min_bytes, size_t *bytes) {
    for (int i = 0; i < LARGE_MAX; ++i) {
        if (large[i].block != NULL && whole_bytes > min_bytes) {
            return pop_large(large[i].bytes, bytes);
        }
    }
    return NULL;
}

/* ---- Less memory. Without the lock: the kernel takes a while. ---- */

/* Large blocks are not lent but given back; how many bytes. */
static size_t drop_large(size_t min_bytes) {
    size_t bytes = 0;
    pthread_mutex_lock(&lock);
    void *block = pop_any_large(min_bytes, &bytes);
    pthread_mutex_unlock(&lock);
    if (block != NULL) {
        munmap(block, bytes);
    }
    return bytes;
}

/* At least so many bytes of what is whole, as long as that is more than an idle process keeps. */
static void lend_some(size_t bytes) {
    size_t done = 0;
    for (size_t dropped = 1; done < bytes && dropped > 0; done += dropped) {
        dropped = drop_large(KEPT_BYTES_MAX);
    }
    for (int class = CLASS_LAST; class >= CLASS_FIRST; --class) {
        while (done < bytes) {
            pthread_mutex_lock(&lock);
            free_block *entry =
                whole_bytes > KEPT_BYTES_MAX ? pop(whole, class, &whole_bytes) : NULL;
            lent_bytes += entry != NULL ? (size_t)1 << class : 0;
            pthread_mutex_unlock(&lock);
            if (entry == NULL) {
                break;
            }
            madvise(entry->block, (size_t)1 << class, MADV_FREE);
            done += (size_t)1 << class;
            pthread_mutex_lock(&lock);
            push(lent, class, entry);
            pthread_mutex_unlock(&lock);
        }
    }
}

/* ---- Blocks. ---- */

static void *take_large(size_t size, size_t *capacity_bytes) {
    pthread_mutex_lock(&lock);
    used_ns = pyr_clock_monotonic_ns();
    void *block = pop_large(size, capacity_bytes);
    bool more = block == NULL && whole_bytes > KEPT_BYTES_MAX;
    pthread_mutex_unlock(&lock);
    if (more) {
        lend_some(size);
    }
    if (block == NULL) {
        *capacity_bytes = size;
        block = map_aligned(size);
    }
    return block;
}

void *pyr_pages_take(size_t size_bytes, size_t *capacity_bytes) {
    int class = class_of(size_bytes);
    if (class > CLASS_LAST) {
        return NULL;
    }
    size_t size = (size_t)1 << class;
    /* Beyond 64 MiB doubling wastes too much: such blocks are mapped to measure. */
    if (size > BLOCK_BYTES_MAX) {
        return take_large((size_bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1), capacity_bytes);
    }
    *capacity_bytes = size;
    pthread_mutex_lock(&lock);
    used_ns = pyr_clock_monotonic_ns();
    free_block *entry = pop(whole, class, &whole_bytes);
    entry = entry != NULL ? entry : pop(lent, class, &lent_bytes);
    bool more = entry == NULL && whole_bytes > KEPT_BYTES_MAX;
    pthread_mutex_unlock(&lock);
    if (more) {
        lend_some(size); /* so that the process has no more than before */
    }
    if (entry == NULL) {
        return map_aligned(size);
    }
    void *block = entry->block;
    free(entry);
    return block;
}

/* With the lock held. Whether a block is kept in a machine of so much memory, and whether whole. */
static bool reserve(size_t capacity_bytes, size_t memory, bool *is_whole) {
    size_t whole_max = watchers > 0 && memory / 8 > KEPT_BYTES_MAX ? memory / 8 : KEPT_BYTES_MAX;
    if (whole_bytes + capacity_bytes > KEPT_BYTES_MAX &&
        whole_bytes + lent_bytes + capacity_bytes > memory / 4) {
        return false;
    }
    *is_whole = whole_bytes + capacity_bytes <= whole_max;
    *(*is_whole ? &whole_bytes : &lent_bytes) += capacity_bytes;
    return true;
}

static void give_large(void *block, size_t bytes) {
    size_t whole_max = memory_bytes() / 8;
    pthread_mutex_lock(&lock);
    used_ns = pyr_clock_monotonic_ns();
    bool kept = push_large(block, bytes, whole_max);
    pthread_mutex_unlock(&lock);
    if (!kept) {
        munmap(block, bytes);
    }
}

void pyr_pages_give(void *block, size_t capacity_bytes) {
    if (capacity_bytes > BLOCK_BYTES_MAX) {
        give_large(block, capacity_bytes);
        return;
    }
    int class = class_of(capacity_bytes);
    bool is_whole = false;
    size_t memory = memory_bytes();
    free_block *entry = malloc(sizeof(*entry));
    pthread_mutex_lock(&lock);
    used_ns = pyr_clock_monotonic_ns();
    bool keep = entry != NULL && reserve(capacity_bytes, memory, &is_whole);
    pthread_mutex_unlock(&lock);
    if (!keep) {
        free(entry);
        munmap(block, capacity_bytes);
        return;
    }
    if (!is_whole) {
        madvise(block, capacity_bytes, MADV_FREE); /* not with the lock: it takes a while */
    }
    entry->block = block;
    pthread_mutex_lock(&lock);
    push(is_whole ? whole : lent, class, entry);
    pthread_mutex_unlock(&lock);
}

void pyr_pages_lend(void) {
    lend_some(SIZE_MAX);
}

void pyr_pages_lend_idle(int64_t idle_ns) {
    pthread_mutex_lock(&lock);
    bool idle = pyr_clock_monotonic_ns() - used_ns >= idle_ns;
    pthread_mutex_unlock(&lock);
    if (idle) {
        pyr_pages_lend();
    }
}

void pyr_pages_watch(void) {
    pthread_mutex_lock(&lock);
    ++watchers;
    pthread_mutex_unlock(&lock);
}

void pyr_pages_unwatch(void) {
    pthread_mutex_lock(&lock);
    bool last = --watchers == 0;
    pthread_mutex_unlock(&lock);
    if (last) {
        pyr_pages_lend();
    }
}

void pyr_pages_trim(void) {
    while (drop_large(0) > 0) {
    }
    pthread_mutex_lock(&lock);
    for (int class = CLASS_FIRST; class <= CLASS_LAST; ++class) {
        free_block *entry;
        while ((entry = pop(whole, class, &whole_bytes)) != NULL ||
               (entry = pop(lent, class, &lent_bytes)) != NULL) {
            munmap(entry->block, (size_t)1 << class);
            free(entry);
        }
    }
    pthread_mutex_unlock(&lock);
}
