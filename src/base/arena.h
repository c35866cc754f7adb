/* arena.h - bump allocation with a byte budget, for what lives and dies together (a plan, a parse
 * tree, one worker's scratch). Not thread-safe: one arena, one thread at a time.
 */
#ifndef PYR_BASE_ARENA_H
#define PYR_BASE_ARENA_H

#include "base/error.h"

/* A memory budget shared by arenas and buffers of one query; thread-safe. */
typedef struct pyr_budget pyr_budget;
/* limit_bytes 0: unlimited, only counted. NULL when out of memory. Reference counted. */
pyr_budget *pyr_budget_create(size_t limit_bytes);
pyr_budget *pyr_budget_retain(pyr_budget *budget);
void pyr_budget_release(pyr_budget *budget); /* NULL allowed */
/* false, and nothing taken, when it would pass the limit. */
bool pyr_budget_take(pyr_budget *budget, size_t size_bytes);
void pyr_budget_give(pyr_budget *budget, size_t size_bytes);
size_t pyr_budget_limit(const pyr_budget *budget); /* 0: none */
size_t pyr_budget_used(const pyr_budget *budget);
size_t pyr_budget_peak(const pyr_budget *budget);

typedef struct pyr_arena_block pyr_arena_block;
typedef struct pyr_arena {
    pyr_arena_block *blocks; /* newest first */
    uint8_t *next;
    uint8_t *end;
    pyr_budget *budget; /* retained, may be NULL */
    size_t used_bytes;
    uint8_t *lent; /* NULL: none */
    uint8_t *lent_end;
} pyr_arena;

/* Allocates nothing yet. budget NULL: unlimited. */
void pyr_arena_init(pyr_arena *arena, pyr_budget *budget);
/* The same, with memory of the caller's, which outlives it, to use first: what small work needs
 * then allocates nothing. Aligned to 16 bytes; it counts for no budget. */
void pyr_arena_init_lent(pyr_arena *arena, pyr_budget *budget, void *memory, size_t size_bytes);
/* Frees every block. */
void pyr_arena_deinit(pyr_arena *arena);
/* Forgets every allocation, keeps the first block (or what was lent) for reuse. */
void pyr_arena_reset(pyr_arena *arena);

/* Zeroed, 16-byte aligned. NULL when out of memory or over the budget (pyr_arena_error says which
 * in words). size_bytes 0 gives a valid pointer. */
void *pyr_arena_alloc(pyr_arena *arena, size_t size_bytes);
/* The same with bytes that may be anything, for who writes them all before they are read. */
void *pyr_arena_alloc_uncleared(pyr_arena *arena, size_t size_bytes);
/* count * size with overflow check. */
void *pyr_arena_array(pyr_arena *arena, size_t count, size_t size_bytes);
char *pyr_arena_strndup(pyr_arena *arena, const char *text, size_t length);
char *pyr_arena_strdup(pyr_arena *arena, const char *text);
char *pyr_arena_printf(pyr_arena *arena, const char *format, ...) PYR_PRINTF(2, 3);
/* PYR_ERROR_MEMORY with the budget's figures: for use after a NULL. */
pyr_status pyr_arena_error(const pyr_arena *arena, pyr_error *error);

#endif
