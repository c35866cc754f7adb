/* group_table.c - open addressing with linear probes over slots of 8 bytes.
 *
 * Load factors: mispredicted collisions cost more than cache as long as the slots stay in it, so
 * small tables are kept at a quarter and large ones at a half (engine-notes.md, "Load factor").
 */
#include "exec/group_table.h"

#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 512, PREFETCH_ROWS = 16, PROBES_MAX = 512 };
static const size_t SPARSE_SLOTS_BYTES = (size_t)4 << 20;
static const size_t OWN_CACHE_BYTES = (size_t)1 << 20; /* a core's: beyond it places are fetched */

void pyr_group_table_init(pyr_group_table *table, pyr_key_layout layout, size_t state_bytes,
                          pyr_budget *budget) {
    memset(table, 0, sizeof(*table));
    table->layout = layout;
    table->key_bytes = pyr_key_bytes(layout);
    table->stride = table->key_bytes + ((state_bytes + 7) & ~(size_t)7);
    table->stride = table->stride > 0 ? table->stride : 8; /* no key, no state: one group */
    table->budget = budget;
    pyr_arena_init(&table->strings, budget);
}

/* ---- Memory: from the pool of huge pages where it is large. ---- */

/* *taken: what to give back. */
static void *take(pyr_budget *budget, size_t size_bytes, bool zeroed, size_t *taken) {
    void *block;
    *taken = size_bytes;
    if (size_bytes < PYR_PAGES_LEAST_BYTES) {
        block = zeroed ? calloc(1, size_bytes) : malloc(size_bytes);
    } else {
        block = pyr_pages_take(size_bytes, taken);
    }
    if (block != NULL && budget != NULL && !pyr_budget_take(budget, *taken)) {
        if (size_bytes < PYR_PAGES_LEAST_BYTES) {
            free(block);
        } else {
            pyr_pages_give(block, *taken);
        }
        return NULL;
    }
    if (block != NULL && zeroed && size_bytes >= PYR_PAGES_LEAST_BYTES) {
        memset(block, 0, size_bytes);
    }
    return block;
}

static void give(pyr_budget *budget, void *block, size_t taken) {
    if (block == NULL) {
        return;
    }
    if (taken < PYR_PAGES_LEAST_BYTES) {
        free(block);
    } else {
        pyr_pages_give(block, taken);
    }
    if (budget != NULL) {
        pyr_budget_give(budget, taken);
    }
}

void pyr_group_table_deinit(pyr_group_table *table) {
    give(table->budget, table->slots, table->slots_bytes);
    give(table->budget, table->rows, table->rows_bytes);
    pyr_arena_deinit(&table->strings);
    table->slots = NULL;
    table->rows = NULL;
    table->count = 0;
    table->capacity = 0;
    table->slots_bytes = 0;
    table->rows_bytes = 0;
    table->mask = 0;
}

size_t pyr_group_table_bytes(const pyr_group_table *table) {
    return table->slots_bytes + table->rows_bytes + table->strings.used_bytes;
}

static pyr_status too_large(const pyr_group_table *table, size_t size_bytes, pyr_error *error) {
    if (table->budget != NULL) {
        return pyr_error_set(error, PYR_ERROR_MEMORY,
                             "group table of %u groups: %zu more bytes pass the memory limit",
                             table->count, size_bytes);
    }
    return pyr_error_memory(error, size_bytes);
}

/* ---- Keys. ---- */

void pyr_key_hash(pyr_key_layout layout, int32_t count, const uint64_t *words,
                  const pyr_string *strings, uint64_t *hashes) {
    const pyr_kernels *kernels = pyr_kernels_get();
    uint64_t more[PYR_VECTOR_ROWS];
    if (layout.words == 0 && layout.has_string) {
        kernels->hash_strings(strings, count, hashes);
        return;
    }
    if (layout.words == 0) {
        memset(hashes, 0, (size_t)count * sizeof(*hashes));
        return;
    }
    kernels->hash[layout.words == 1 ? 3 : 4](words, count, hashes);
    if (layout.has_string) {
        kernels->hash_strings(strings, count, more);
        kernels->hash_combine(hashes, more, count);
    }
}

static inline uint64_t *row_words(uint8_t *row) {
    return (uint64_t *)(void *)row;
}

static inline pyr_string row_string(const uint8_t *row, int32_t words) {
    pyr_string string;
    memcpy(&string, row + (size_t)words * 8, sizeof(string));
    return string;
}

static inline uint64_t load_8(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static inline uint64_t differ_16(const uint8_t *a, const uint8_t *b) {
    return (load_8(a) ^ load_8(b)) | (load_8(a + 8) ^ load_8(b + 8));
}

/* Of one length. Most keys of text are short: a call of memcmp costs more than they do. */
static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, uint64_t length) {
    uint32_t u[2];
    uint32_t v[2];
    if (length > 64) {
        return memcmp(a, b, (size_t)length) == 0;
    }
    if (length > 32) {
        uint64_t last = length - 32;
        return (differ_16(a, b) | differ_16(a + 16, b + 16) | differ_16(a + last, b + last) |
                differ_16(a + last + 16, b + last + 16)) == 0;
    }
    if (length > 16) { /* two pairs of words that may overlap */
        uint64_t last = length - 16;
        return (differ_16(a, b) | differ_16(a + last, b + last)) == 0;
    }
    if (length >= 8) { /* two words that may overlap */
        return load_8(a) == load_8(b) && load_8(a + length - 8) == load_8(b + length - 8);
    }
    if (length >= 4) {
        memcpy(&u[0], a, 4);
        memcpy(&v[0], b, 4);
        memcpy(&u[1], a + length - 4, 4);
        memcpy(&v[1], b + length - 4, 4);
        return u[0] == v[0] && u[1] == v[1];
    }
    for (uint64_t i = 0; i < length; ++i) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static inline bool key_equals(const uint8_t *row, int32_t words, bool has_string,
                              const uint64_t *key, const pyr_string *string) {
    const uint64_t *own = (const uint64_t *)(const void *)row;
    if ((words > 0 && own[0] != key[0]) || (words > 1 && own[1] != key[1])) {
        return false;
    }
    if (!has_string) {
        return true;
    }
    pyr_string mine = row_string(row, words);
    return mine.length == string->length &&
           (mine.bytes == string->bytes || bytes_equal(mine.bytes, string->bytes, mine.length));
}

bool pyr_key_equal(pyr_key_layout layout, const pyr_key_batch *keys, int32_t a, int32_t b) {
    size_t words = (size_t)layout.words;
    for (size_t w = 0; w < words; ++w) {
        if (keys->words[(size_t)a * words + w] != keys->words[(size_t)b * words + w]) {
            return false;
        }
    }
    if (!layout.has_string) {
        return true;
    }
    const pyr_string *x = &keys->strings[a];
    const pyr_string *y = &keys->strings[b];
    return x->length == y->length && bytes_equal(x->bytes, y->bytes, x->length);
}

static bool is_brief(const pyr_key_batch *keys, const pyr_string *string) {
    uintptr_t at = (uintptr_t)string->bytes;
    return at >= keys->brief_from && at < keys->brief_to;
}

static pyr_status write_key(pyr_group_table *table, uint8_t *row, const pyr_key_batch *keys,
                            int32_t i, pyr_error *error) {
    int32_t words = table->layout.words;
    memset(row + table->key_bytes, 0, table->stride - table->key_bytes);
    for (int32_t w = 0; w < words; ++w) {
        row_words(row)[w] = keys->words[(size_t)i * (size_t)words + (size_t)w];
    }
    if (!table->layout.has_string) {
        return PYR_OK;
    }
    pyr_string string = keys->strings[i];
    if (string.length > 0 && is_brief(keys, &string)) {
        uint8_t *copy = pyr_arena_alloc(&table->strings, string.length);
        if (copy == NULL) {
            return pyr_arena_error(&table->strings, error);
        }
        memcpy(copy, string.bytes, string.length);
        string.bytes = copy;
    }
    memcpy(row + (size_t)words * 8, &string, sizeof(string));
    memcpy(row + (size_t)words * 8 + sizeof(string), &keys->hashes[i], 8);
    return PYR_OK;
}

void pyr_group_table_keys(const pyr_group_table *table, uint32_t first, int32_t count,
                          uint64_t *words, pyr_string *strings, uint64_t *hashes,
                          pyr_key_batch *out) {
    int32_t per_key = table->layout.words;
    for (int32_t i = 0; i < count; ++i) {
        uint8_t *row = pyr_group_row(table, first + (uint32_t)i);
        for (int32_t w = 0; w < per_key; ++w) {
            words[(size_t)i * (size_t)per_key + (size_t)w] = row_words(row)[w];
        }
        if (table->layout.has_string) {
            strings[i] = row_string(row, per_key);
            memcpy(&hashes[i], row + (size_t)per_key * 8 + sizeof(pyr_string), 8);
        }
    }
    if (!table->layout.has_string) {
        pyr_key_hash(table->layout, count, words, NULL, hashes);
    }
    *out = (pyr_key_batch){count, words, strings, hashes, 0, UINTPTR_MAX};
}

/* ---- Growing. ---- */

static pyr_status grow_rows(pyr_group_table *table, uint32_t wanted, pyr_error *error) {
    uint64_t capacity = table->capacity == 0 ? FIRST_SLOTS / 4 : (uint64_t)table->capacity * 2;
    capacity = capacity > wanted ? capacity : wanted;
    if (capacity >= UINT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "more than 4 billion groups in one table");
    }
    size_t size_bytes = (size_t)capacity * table->stride;
    size_t taken = 0;
    uint8_t *rows = take(table->budget, size_bytes, false, &taken);
    if (rows == NULL) {
        return too_large(table, size_bytes, error);
    }
    if (table->count > 0) {
        memcpy(rows, table->rows, (size_t)table->count * table->stride);
    }
    give(table->budget, table->rows, table->rows_bytes);
    table->rows = rows;
    table->rows_bytes = taken;
    capacity = taken / table->stride;
    table->capacity = (uint32_t)(capacity < UINT32_MAX - 1 ? capacity : UINT32_MAX - 1);
    return PYR_OK;
}

static inline uint64_t slot_of(uint64_t hash, uint32_t group) {
    return (hash & UINT64_C(0xffffffff00000000)) | ((uint64_t)group + 1);
}

/* The lower half of a hash finds the slot: all of it has to be known again. */
static void refill(pyr_group_table *table) {
    uint64_t words[2 * PYR_VECTOR_ROWS];
    uint64_t hashes[PYR_VECTOR_ROWS];
    pyr_string strings[PYR_VECTOR_ROWS];
    for (uint32_t first = 0; first < table->count; first += PYR_VECTOR_ROWS) {
        uint32_t left = table->count - first;
        int32_t count = (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS);
        pyr_key_batch keys;
        pyr_group_table_keys(table, first, count, words, strings, hashes, &keys);
        for (int32_t i = 0; i < count; ++i) {
            uint64_t at = hashes[i] & table->mask;
            while (table->slots[at] != 0) {
                at = (at + 1) & table->mask;
            }
            table->slots[at] = slot_of(hashes[i], first + (uint32_t)i);
        }
    }
}

static pyr_status grow_slots(pyr_group_table *table, uint64_t slots, pyr_error *error) {
    size_t size_bytes = (size_t)slots * sizeof(uint64_t);
    size_t taken = 0;
    uint64_t *grown = take(table->budget, size_bytes, true, &taken);
    if (grown == NULL) {
        return too_large(table, size_bytes, error);
    }
    give(table->budget, table->slots, table->slots_bytes);
    table->slots = grown;
    table->slots_bytes = taken;
    table->mask = slots - 1;
    refill(table);
    return PYR_OK;
}

void pyr_group_table_drop_slots(pyr_group_table *table) {
    give(table->budget, table->slots, table->slots_bytes);
    table->slots = NULL;
    table->slots_bytes = 0;
    table->mask = 0;
}

pyr_status pyr_group_table_reserve(pyr_group_table *table, uint32_t count, pyr_error *error) {
    uint64_t wanted = (uint64_t)table->count + count;
    if (wanted > table->capacity) {
        PYR_TRY(grow_rows(table, (uint32_t)(wanted < UINT32_MAX ? wanted : UINT32_MAX), error));
    }
    uint64_t slots = table->slots != NULL ? table->mask + 1 : FIRST_SLOTS;
    while (wanted * (slots * 8 <= SPARSE_SLOTS_BYTES ? 4 : 2) > slots) {
        slots *= 2;
    }
    return table->slots == NULL || slots > table->mask + 1 ? grow_slots(table, slots, error)
                                                           : PYR_OK;
}

/* What take() counts at most: blocks from the pool are rounded up to powers of two. */
static size_t taken_at_most(size_t size_bytes) {
    return size_bytes < PYR_PAGES_LEAST_BYTES ? size_bytes : 2 * size_bytes;
}

size_t pyr_group_table_growth(const pyr_group_table *table, uint32_t count) {
    uint64_t wanted = (uint64_t)table->count + count;
    size_t bytes = 0;
    if (wanted > table->capacity) {
        uint64_t capacity = table->capacity == 0 ? FIRST_SLOTS / 4 : (uint64_t)table->capacity * 2;
        capacity = capacity > wanted ? capacity : wanted;
        bytes += taken_at_most((size_t)capacity * table->stride);
    }
    uint64_t slots = table->slots != NULL ? table->mask + 1 : FIRST_SLOTS;
    while (wanted * (slots * 8 <= SPARSE_SLOTS_BYTES ? 4 : 2) > slots) {
        slots *= 2;
    }
    if (table->slots == NULL || slots > table->mask + 1) {
        bytes += taken_at_most((size_t)slots * sizeof(uint64_t));
    }
    return bytes;
}

/* ---- Finding. ---- */

/* GCC takes a function that only prefetches for one without effect, and leaves its calls out: these
 * have to be inlined before it looks. */
#define PREFETCHES static inline __attribute__((always_inline))

/* Both ends: most strings lie in two lines. An address alone, of any string. */
PREFETCHES void prefetch_string(pyr_string string) {
    uintptr_t at = (uintptr_t)string.bytes;
    __builtin_prefetch((const void *)at);
    __builtin_prefetch((const void *)(at + (uintptr_t)string.length));
}

/* The row that a key's slot names; NULL: none yet. */
PREFETCHES const uint8_t *row_ahead(const pyr_group_table *table, const pyr_key_batch *keys,
                                    int32_t i) {
    uint64_t slot = table->slots[keys->hashes[i] & table->mask];
    return slot != 0 ? pyr_group_row(table, (uint32_t)slot - 1) : NULL;
}

/* Of a key to come: its slot, nearer the row that its slot names, and nearer still the bytes of
 * both strings, which lie anywhere. */
PREFETCHES void prefetch_ahead(const pyr_group_table *table, const pyr_key_batch *keys, int32_t i,
                               bool has_string) {
    if (i + 2 * PREFETCH_ROWS < keys->count) {
        __builtin_prefetch(&table->slots[keys->hashes[i + 2 * PREFETCH_ROWS] & table->mask]);
    }
    if (i + PREFETCH_ROWS < keys->count) {
        __builtin_prefetch(row_ahead(table, keys, i + PREFETCH_ROWS));
    }
    if (has_string && i + PREFETCH_ROWS / 2 < keys->count) {
        int32_t near = i + PREFETCH_ROWS / 2;
        const uint8_t *row = row_ahead(table, keys, near);
        prefetch_string(keys->strings[near]);
        if (row != NULL) {
            prefetch_string(row_string(row, table->layout.words));
        }
    }
}

static inline __attribute__((always_inline)) pyr_status
find_keys(pyr_group_table *table, const pyr_key_batch *keys, uint32_t *groups, int32_t words,
          bool has_string, bool prefetch, pyr_error *error) {
    const uint64_t tag_mask = UINT64_C(0xffffffff00000000);
    bool crowded = false;
    for (int32_t i = 0; i < keys->count; ++i) {
        if (prefetch) {
            prefetch_ahead(table, keys, i, has_string);
        }
        uint64_t hash = keys->hashes[i];
        const uint64_t *key = words > 0 ? keys->words + (size_t)i * (size_t)words : NULL;
        const pyr_string *string = has_string ? keys->strings + i : NULL;
        uint64_t at = hash & table->mask;
        uint32_t probes = 0;
        for (;;) {
            uint64_t slot = table->slots[at];
            if (slot == 0) {
                PYR_TRY(write_key(table, pyr_group_row(table, table->count), keys, i, error));
                table->slots[at] = slot_of(hash, table->count);
                groups[i] = table->count++;
                break;
            }
            uint32_t group = (uint32_t)slot - 1;
            if (((slot ^ hash) & tag_mask) == 0 &&
                key_equals(pyr_group_row(table, group), words, has_string, key, string)) {
                groups[i] = group;
                break;
            }
            at = (at + 1) & table->mask;
            ++probes;
        }
        crowded |= probes > PROBES_MAX;
    }
    return crowded ? grow_slots(table, 2 * (table->mask + 1), error) : PYR_OK;
}

static bool is_far(const pyr_group_table *table) {
    return table->slots_bytes + (size_t)table->count * table->stride > OWN_CACHE_BYTES;
}

pyr_status pyr_group_table_find(pyr_group_table *table, const pyr_key_batch *keys, uint32_t *groups,
                                pyr_error *error) {
    PYR_TRY(pyr_group_table_reserve(table, (uint32_t)keys->count, error));
    bool far = is_far(table);
    if (!table->layout.has_string) {
        switch (table->layout.words) {
        case 1:
            return far ? find_keys(table, keys, groups, 1, false, true, error)
                       : find_keys(table, keys, groups, 1, false, false, error);
        case 2:
            return find_keys(table, keys, groups, 2, false, far, error);
        default:
            return find_keys(table, keys, groups, 0, false, false, error);
        }
    }
    switch (table->layout.words) {
    case 0:
        return find_keys(table, keys, groups, 0, true, far, error);
    case 1:
        return find_keys(table, keys, groups, 1, true, far, error);
    default:
        return find_keys(table, keys, groups, 2, true, far, error);
    }
}

void pyr_group_table_look_up(const pyr_group_table *table, const pyr_key_batch *keys,
                             uint32_t *groups) {
    const uint64_t tag_mask = UINT64_C(0xffffffff00000000);
    int32_t words = table->layout.words;
    bool has_string = table->layout.has_string;
    bool far = is_far(table);
    for (int32_t i = 0; i < keys->count; ++i) {
        groups[i] = UINT32_MAX;
        if (table->count == 0) {
            continue;
        }
        if (far) {
            prefetch_ahead(table, keys, i, has_string);
        }
        uint64_t hash = keys->hashes[i];
        for (uint64_t at = hash & table->mask; table->slots[at] != 0; at = (at + 1) & table->mask) {
            uint32_t group = (uint32_t)table->slots[at] - 1;
            if (((table->slots[at] ^ hash) & tag_mask) == 0 &&
                key_equals(pyr_group_row(table, group), words, has_string,
                           words > 0 ? keys->words + (size_t)i * (size_t)words : NULL,
                           has_string ? keys->strings + i : NULL)) {
                groups[i] = group;
                break;
            }
        }
    }
}
