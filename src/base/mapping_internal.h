/* mapping_internal.h - the registry of mappings that the SIGBUS handler looks at. */
#ifndef PYR_BASE_MAPPING_INTERNAL_H
#define PYR_BASE_MAPPING_INTERNAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* A slot is taken from registration until release. `faulted` lives here and not in the mapping, so
 * that the handler never follows a pointer to memory that may be freed: slots are never freed. */
typedef struct pyr_mapping_slot {
    _Atomic uintptr_t start; /* 0: free */
    _Atomic uintptr_t end;
    atomic_int faulted;
} pyr_mapping_slot;

/* Installs the handler on first use. NULL when out of memory. The caller unregisters before munmap:
 * a thread that still reads a mapping being unmapped is a bug of the reader anyway. */
pyr_mapping_slot *pyr_mapping_register(const void *start, size_t size_bytes);
void pyr_mapping_unregister(pyr_mapping_slot *slot);

#endif
