/* sigbus.c - SIGBUS inside a mapping of ours becomes a page of zeros and a mark.
 *
 * The registry is a list of chunks that only grows; slots are claimed by compare-and-swap. The
 * handler reads it without locks and calls only mmap, which is a bare system call on Linux. Mutable
 * globals are unavoidable here: a signal handler has no other way to its data.
 */
#include "base/mapping.h"
#include "base/mapping_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_SLOTS 1024

typedef struct slot_chunk {
    pyr_mapping_slot slots[CHUNK_SLOTS];
    _Atomic(struct slot_chunk *) next;
} slot_chunk;

static slot_chunk first_chunk;
static struct sigaction previous_action;
static uintptr_t page_bytes;
static pthread_once_t install_once = PTHREAD_ONCE_INIT;

static pyr_mapping_slot *find_slot(uintptr_t address) {
    for (slot_chunk *chunk = &first_chunk; chunk != NULL; chunk = atomic_load(&chunk->next)) {
        for (size_t i = 0; i < CHUNK_SLOTS; ++i) {
            pyr_mapping_slot *slot = &chunk->slots[i];
            uintptr_t start = atomic_load(&slot->start);
            /* start is looked at again: another thread may be giving the slot to another mapping,
             * and an end that is not this start's would blame the wrong file. */
            if (start > 1 && address >= start && address < atomic_load(&slot->end) &&
                atomic_load(&slot->start) == start) {
                return slot;
            }
        }
    }
    return NULL;
}

/* Not ours: as if we had never been here. Returning repeats the faulting access under the previous
 * action; a signal that somebody sent is not repeated by itself. */
static void pass_on(int number, siginfo_t *info, void *context) {
    if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != NULL) {
        previous_action.sa_sigaction(number, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(number);
    } else if (info->si_code > 0 || previous_action.sa_handler == SIG_DFL) {
        signal(SIGBUS, SIG_DFL); /* the kernel lets nobody ignore a fault */
        if (info->si_code <= 0) {
            raise(number);
        }
    }
}

static void on_sigbus(int number, siginfo_t *info, void *context) {
    int saved = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    /* A signal that was sent has no address in si_addr. */
    pyr_mapping_slot *slot = info->si_code > 0 ? find_slot(address) : NULL;
    if (slot != NULL) {
        atomic_store(&slot->faulted, 1);
        char *page = (char *)info->si_addr - (address & (page_bytes - 1));
        void *zeros =
            mmap(page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros != MAP_FAILED) {
            errno = saved;
            return;
        }
    }
    pass_on(number, info, context);
    errno = saved;
}

static void install(void) {
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = on_sigbus,
                               .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous_action);
}

pyr_mapping_slot *pyr_mapping_register(const void *start, size_t size_bytes) {
    pthread_once(&install_once, install);
    slot_chunk *chunk = &first_chunk;
    for (;;) {
        for (size_t i = 0; i < CHUNK_SLOTS; ++i) {
            pyr_mapping_slot *slot = &chunk->slots[i];
            uintptr_t expected = 0;
            /* 1 claims the slot without matching any address; start is stored last. */
            if (atomic_load_explicit(&slot->start, memory_order_relaxed) == 0 &&
                atomic_compare_exchange_strong(&slot->start, &expected, 1)) {
                atomic_store(&slot->faulted, 0);
                atomic_store(&slot->end, (uintptr_t)start + size_bytes);
                atomic_store(&slot->start, (uintptr_t)start);
                return slot;
            }
        }
        slot_chunk *next = atomic_load(&chunk->next);
        if (next == NULL) {
            slot_chunk *fresh = calloc(1, sizeof(*fresh));
            if (fresh == NULL) {
                return NULL;
            }
            if (atomic_compare_exchange_strong(&chunk->next, &next, fresh)) {
                next = fresh;
            } else {
                free(fresh);
            }
        }
        chunk = next;
    }
}

void pyr_mapping_unregister(pyr_mapping_slot *slot) {
    atomic_store(&slot->start, 0);
}

bool pyr_mapping_covers(const void *address) {
    return find_slot((uintptr_t)address) != NULL;
}
