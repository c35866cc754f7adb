/* buffer.h - reference-counted, immutable-once-shared spans of bytes.
 *
 * Invariants:
 *  1. data[0 .. size_bytes) is readable as long as one reference is held.
 *  2. A buffer may be written only by its creator, only while it holds the single reference.
 *  3. A slice retains its parent; a buffer over a mapping keeps the file mapped.
 *  4. Heap buffers are 64-byte aligned and zero-padded to a multiple of 64 bytes.
 * Retain and release are thread-safe.
 */
#ifndef PYR_BASE_BUFFER_H
#define PYR_BASE_BUFFER_H

#include "base/arena.h"
#include "base/error.h"

#include <stdatomic.h>

typedef struct pyr_buffer pyr_buffer;
typedef struct pyr_mapping pyr_mapping;

struct pyr_buffer {
    atomic_size_t references;
    const uint8_t *data; /* may be NULL only when size_bytes is 0 */
    size_t size_bytes;
    pyr_mapping *mapping;        /* the mapping the bytes lie in, or NULL; not counted here */
    void (*free)(pyr_buffer *b); /* releases owner and the struct; set by the constructor */
    void *owner;
};

/* Zeroed heap memory. Counted in budget (NULL allowed) until freed. Large sizes come from the
 * huge-page pool (pages.h). size_bytes 0 is allowed. */
PYR_MUST_CHECK pyr_status pyr_buffer_create(size_t size_bytes, pyr_budget *budget, pyr_buffer **out,
                                            pyr_error *error);
/* The same, its first size_bytes not zeroed (the padding is). */
PYR_MUST_CHECK pyr_status pyr_buffer_create_raw(size_t size_bytes, pyr_budget *budget,
                                                pyr_buffer **out, pyr_error *error);
/* Foreign bytes: release(owner) is called once when the last reference goes; on failure it is not
 * called and the caller still owns. release NULL: static bytes. */
PYR_MUST_CHECK pyr_status pyr_buffer_wrap(const void *data, size_t size_bytes, void *owner,
                                          void (*release)(void *owner), pyr_buffer **out,
                                          pyr_error *error);
/* A view of [offset, offset + size_bytes) of parent, which is retained. O(1). Out of range is a bug
 * (assert): the caller has checked. */
PYR_MUST_CHECK pyr_status pyr_buffer_slice(pyr_buffer *parent, size_t offset, size_t size_bytes,
                                           pyr_buffer **out, pyr_error *error);

pyr_buffer *pyr_buffer_retain(pyr_buffer *buffer); /* NULL gives NULL */
void pyr_buffer_release(pyr_buffer *buffer);       /* NULL allowed */
/* The bytes for writing. Asserts that the caller holds the only reference. */
uint8_t *pyr_buffer_mutable(pyr_buffer *buffer);
/* Shortens or, up to the capacity rounded to 64, lengthens a heap buffer that is not shared yet. */
void pyr_buffer_set_size(pyr_buffer *buffer, size_t size_bytes);

#endif
