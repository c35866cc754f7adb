/* buffer.c - see buffer.h. One allocation holds struct and bytes of a small heap buffer; large ones
 * take their bytes from the page pool. */
#include "base/buffer.h"

#include "base/checked.h"
#include "base/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT ((size_t)64)

typedef struct heap_buffer {
    pyr_buffer buffer;
    size_t capacity; /* usable bytes, a multiple of 64 */
    void *pages;     /* the pool's block, NULL where malloc served */
    size_t pages_capacity;
    pyr_budget *budget;
    size_t charged_bytes;
} heap_buffer;

static void free_heap(pyr_buffer *buffer) {
    heap_buffer *self = (heap_buffer *)buffer;
    if (self->pages != NULL) {
        pyr_pages_give(self->pages, self->pages_capacity);
    }
    if (self->budget != NULL) {
        pyr_budget_give(self->budget, self->charged_bytes);
        pyr_budget_release(self->budget);
    }
    free(self);
}

static pyr_status over_budget(size_t size_bytes, const pyr_budget *budget, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_MEMORY,
                         "memory limit reached: %zu bytes in use, %zu more asked for; raise "
                         "memory_limit",
                         pyr_budget_used(budget), size_bytes);
}

static uint8_t *behind(heap_buffer *self) {
    return (uint8_t *)(((uintptr_t)(self + 1) + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
}

static pyr_status create(size_t size_bytes, bool zeroed, pyr_budget *budget, pyr_buffer **out,
                         pyr_error *error) {
    *out = NULL;
    size_t capacity;
    size_t total;
    if (!pyr_align_up_size(size_bytes, ALIGNMENT, &capacity) ||
        !pyr_add_size(capacity, ALIGNMENT * 2 + sizeof(heap_buffer), &total)) {
        return pyr_error_memory(error, size_bytes);
    }
    if (budget != NULL && !pyr_budget_take(budget, capacity)) {
        return over_budget(size_bytes, budget, error);
    }
    bool large = capacity >= PYR_PAGES_MIN_BYTES;
    size_t pages_capacity = 0;
    void *pages = large ? pyr_pages_take(capacity, &pages_capacity) : NULL;
    /* Aligned here: what aligned_alloc gives goes past malloc's caches, which costs small buffers
     * more than all else. */
    heap_buffer *self = malloc(large ? sizeof(*self) : sizeof(*self) + ALIGNMENT - 1 + capacity);
    if (self == NULL || (large && pages == NULL)) {
        if (pages != NULL) {
            pyr_pages_give(pages, pages_capacity);
        }
        free(self);
        if (budget != NULL) {
            pyr_budget_give(budget, capacity);
        }
        return pyr_error_memory(error, size_bytes);
    }
    memset(self, 0, sizeof(*self));
    uint8_t *data = large ? pages : behind(self);
    if (zeroed) {
        memset(data, 0, capacity);
    } else {
        memset(data + size_bytes, 0, capacity - size_bytes);
    }
    atomic_init(&self->buffer.references, 1);
    self->buffer.data = data;
    self->buffer.size_bytes = size_bytes;
    self->buffer.free = free_heap;
    self->capacity = capacity;
    self->pages = pages;
    self->pages_capacity = pages_capacity;
    self->budget = pyr_budget_retain(budget);
    self->charged_bytes = capacity;
    *out = &self->buffer;
    return PYR_OK;
}

pyr_status pyr_buffer_create(size_t size_bytes, pyr_budget *budget, pyr_buffer **out,
                             pyr_error *error) {
    return create(size_bytes, true, budget, out, error);
}

pyr_status pyr_buffer_create_raw(size_t size_bytes, pyr_budget *budget, pyr_buffer **out,
                                 pyr_error *error) {
    return create(size_bytes, false, budget, out, error);
}

typedef struct wrapped_buffer {
    pyr_buffer buffer;
    void (*release)(void *owner);
} wrapped_buffer;

static void free_wrapped(pyr_buffer *buffer) {
    wrapped_buffer *self = (wrapped_buffer *)buffer;
    if (self->release != NULL) {
        self->release(self->buffer.owner);
    }
    free(self);
}

pyr_status pyr_buffer_wrap(const void *data, size_t size_bytes, void *owner,
                           void (*release)(void *owner), pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    wrapped_buffer *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    atomic_init(&self->buffer.references, 1);
    self->buffer.data = data;
    self->buffer.size_bytes = size_bytes;
    self->buffer.free = free_wrapped;
    self->buffer.owner = owner;
    self->release = release;
    *out = &self->buffer;
    return PYR_OK;
}

static void free_slice(pyr_buffer *buffer) {
    pyr_buffer_release(buffer->owner);
    free(buffer);
}

pyr_status pyr_buffer_slice(pyr_buffer *parent, size_t offset, size_t size_bytes, pyr_buffer **out,
                            pyr_error *error) {
    assert(offset <= parent->size_bytes && size_bytes <= parent->size_bytes - offset);
    *out = NULL;
    pyr_buffer *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    atomic_init(&self->references, 1);
    self->data = parent->data == NULL ? NULL : parent->data + offset;
    self->size_bytes = size_bytes;
    self->mapping = parent->mapping;
    self->free = free_slice;
    self->owner = pyr_buffer_retain(parent);
    *out = self;
    return PYR_OK;
}

pyr_buffer *pyr_buffer_retain(pyr_buffer *buffer) {
    if (buffer != NULL) {
        atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
    }
    return buffer;
}

void pyr_buffer_release(pyr_buffer *buffer) {
    if (buffer != NULL &&
        atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) == 1) {
        buffer->free(buffer);
    }
}

uint8_t *pyr_buffer_mutable(pyr_buffer *buffer) {
    assert(atomic_load_explicit(&buffer->references, memory_order_relaxed) == 1);
    assert(buffer->free == free_heap);
    return (uint8_t *)buffer->data;
}

void pyr_buffer_set_size(pyr_buffer *buffer, size_t size_bytes) {
    assert(buffer->free == free_heap);
    assert(atomic_load_explicit(&buffer->references, memory_order_relaxed) == 1);
    assert(size_bytes <= ((heap_buffer *)buffer)->capacity);
    buffer->size_bytes = size_bytes;
}
