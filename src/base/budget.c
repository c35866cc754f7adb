/* budget.c - a shared count of bytes with a limit. */
#include "base/arena.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pyr_budget {
    atomic_size_t references;
    size_t limit_bytes; /* 0: none */
    atomic_size_t used;
    atomic_size_t peak;
};

pyr_budget *pyr_budget_create(size_t limit_bytes) {
    pyr_budget *budget = calloc(1, sizeof(*budget));
    if (budget != NULL) {
        atomic_init(&budget->references, 1);
        budget->limit_bytes = limit_bytes;
    }
    return budget;
}

pyr_budget *pyr_budget_retain(pyr_budget *budget) {
    if (budget != NULL) {
        atomic_fetch_add_explicit(&budget->references, 1, memory_order_relaxed);
    }
    return budget;
}

void pyr_budget_release(pyr_budget *budget) {
    if (budget != NULL &&
        atomic_fetch_sub_explicit(&budget->references, 1, memory_order_acq_rel) == 1) {
        free(budget);
    }
}

bool pyr_budget_take(pyr_budget *budget, size_t size_bytes) {
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    size_t wanted;
    do {
        if (__builtin_add_overflow(used, size_bytes, &wanted) ||
            (budget->limit_bytes != 0 && wanted > budget->limit_bytes)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, wanted,
                                                    memory_order_relaxed, memory_order_relaxed));
    size_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
    while (wanted > peak &&
           !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, wanted,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return true;
}

void pyr_budget_give(pyr_budget *budget, size_t size_bytes) {
    size_t before = atomic_fetch_sub_explicit(&budget->used, size_bytes, memory_order_relaxed);
    assert(before >= size_bytes);
    (void)before;
}

size_t pyr_budget_limit(const pyr_budget *budget) {
    return budget->limit_bytes;
}

size_t pyr_budget_used(const pyr_budget *budget) {
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

size_t pyr_budget_peak(const pyr_budget *budget) {
    return atomic_load_explicit(&budget->peak, memory_order_relaxed);
}
