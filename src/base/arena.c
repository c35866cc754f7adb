/* arena.c - blocks that double from 4 KiB to 1 MiB, newest first. The first block survives a reset.
 */
#include "base/arena.h"

#include "base/checked.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_BYTES ((size_t)4096)
#define LARGEST_BLOCK_BYTES ((size_t)1 << 20)
#define ALIGNMENT ((size_t)16)

struct pyr_arena_block {
    pyr_arena_block *older;
    size_t size_bytes; /* of the data behind this header */
    _Alignas(16) uint8_t data[];
};

void pyr_arena_init(pyr_arena *arena, pyr_budget *budget) {
    memset(arena, 0, sizeof(*arena));
    arena->budget = pyr_budget_retain(budget);
}

void pyr_arena_init_lent(pyr_arena *arena, pyr_budget *budget, void *memory, size_t size_bytes) {
    assert((uintptr_t)memory % ALIGNMENT == 0);
    pyr_arena_init(arena, budget);
    arena->lent = memory;
    arena->lent_end = arena->lent + size_bytes;
    arena->next = arena->lent;
    arena->end = arena->lent_end;
}

static void free_block(pyr_arena *arena, pyr_arena_block *block) {
    if (arena->budget != NULL) {
        pyr_budget_give(arena->budget, sizeof(*block) + block->size_bytes);
    }
    free(block);
}

void pyr_arena_deinit(pyr_arena *arena) {
    while (arena->blocks != NULL) {
        pyr_arena_block *older = arena->blocks->older;
        free_block(arena, arena->blocks);
        arena->blocks = older;
    }
    pyr_budget_release(arena->budget);
    memset(arena, 0, sizeof(*arena));
}

void pyr_arena_reset(pyr_arena *arena) {
    while (arena->blocks != NULL && arena->blocks->older != NULL) {
        pyr_arena_block *older = arena->blocks->older;
        free_block(arena, arena->blocks);
        arena->blocks = older;
    }
    if (arena->blocks != NULL) {
        arena->next = arena->blocks->data;
        arena->end = arena->blocks->data + arena->blocks->size_bytes;
    } else {
        arena->next = arena->lent;
        arena->end = arena->lent_end;
    }
    arena->used_bytes = 0;
}

static bool add_block(pyr_arena *arena, size_t at_least) {
    size_t size = arena->blocks == NULL ? FIRST_BLOCK_BYTES : arena->blocks->size_bytes * 2;
    if (size > LARGEST_BLOCK_BYTES) {
        size = LARGEST_BLOCK_BYTES;
    }
    if (size < at_least) {
        size = at_least;
    }
    size_t total;
    if (!pyr_add_size(sizeof(pyr_arena_block), size, &total)) {
        return false;
    }
    if (arena->budget != NULL && !pyr_budget_take(arena->budget, total)) {
        return false;
    }
    pyr_arena_block *block = malloc(total);
    if (block == NULL) {
        if (arena->budget != NULL) {
            pyr_budget_give(arena->budget, total);
        }
        return false;
    }
    block->older = arena->blocks;
    block->size_bytes = size;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = block->data + size;
    return true;
}

void *pyr_arena_alloc_uncleared(pyr_arena *arena, size_t size_bytes) {
    size_t size;
    if (!pyr_align_up_size(size_bytes > 0 ? size_bytes : 1, ALIGNMENT, &size)) {
        return NULL;
    }
    if (arena->next == NULL || (size_t)(arena->end - arena->next) < size) {
        if (!add_block(arena, size)) {
            return NULL;
        }
    }
    void *result = arena->next;
    arena->next += size;
    arena->used_bytes += size;
    return result;
}

void *pyr_arena_alloc(pyr_arena *arena, size_t size_bytes) {
    void *result = pyr_arena_alloc_uncleared(arena, size_bytes);
    if (result != NULL) {
        memset(result, 0, size_bytes);
    }
    return result;
}

void *pyr_arena_array(pyr_arena *arena, size_t count, size_t size_bytes) {
    size_t total;
    return pyr_mul_size(count, size_bytes, &total) ? pyr_arena_alloc(arena, total) : NULL;
}

char *pyr_arena_strndup(pyr_arena *arena, const char *text, size_t length) {
    size_t size;
    if (!pyr_add_size(length, 1, &size)) {
        return NULL;
    }
    char *copy = pyr_arena_alloc(arena, size);
    if (copy != NULL && length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *pyr_arena_strdup(pyr_arena *arena, const char *text) {
    return pyr_arena_strndup(arena, text, strlen(text));
}

char *pyr_arena_printf(pyr_arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : pyr_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        va_start(arguments, format);
        vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

pyr_status pyr_arena_error(const pyr_arena *arena, pyr_error *error) {
    if (arena->budget == NULL) {
        return pyr_error_set(error, PYR_ERROR_MEMORY, "out of memory (%zu bytes in use here)",
                             arena->used_bytes);
    }
    return pyr_error_set(error, PYR_ERROR_MEMORY,
                         "out of memory: %zu bytes of the memory limit are in use; raise "
                         "memory_limit",
                         pyr_budget_used(arena->budget));
}
