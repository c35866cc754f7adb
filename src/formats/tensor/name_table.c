/* name_table.c - open addressing, at most half full. */
#include "formats/tensor/name_table.h"

#include "base/cursor.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

/* The two halves of a product of 128 bits: every bit of both factors is in them. */
static uint64_t fold(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 product;
    product both = (product)a * b;
    return (uint64_t)both ^ (uint64_t)(both >> 64);
}
static uint64_t hash_of(const pyr_name_table *table, const char *name, size_t length) {
    uint64_t hash = fold(table->secret[0] ^ length, table->secret[1]);
    for (; length >= 8; length -= 8, name += 8) {
        hash = fold(hash ^ pyr_load_u64(name), table->secret[1]);
    }
    uint64_t last = 0;
    memcpy(&last, name, length);
    return fold(hash ^ last, table->secret[1] ^ UINT64_C(0x9e3779b97f4a7c15));
}
static const char *name_at(const pyr_name_table *table, int64_t index) {
    const char *name = NULL;
    memcpy(&name, table->records + (size_t)index * table->record_bytes, sizeof name);
    return name;
}

pyr_status pyr_name_table_init(pyr_name_table *table, const void *records, size_t record_bytes,
                               int64_t count_max, pyr_arena *arena, pyr_error *error) {
    assert(count_max >= 0 && count_max < INT32_MAX);
    size_t slots = 16;
    while (slots < (size_t)count_max * 2) {
        slots *= 2;
    }
    *table = (pyr_name_table){.mask = slots - 1, .records = records, .record_bytes = record_bytes};
    /* Early after the machine's start there may be none: then names merely are not protected. */
    if (getrandom(table->secret, sizeof table->secret, GRND_NONBLOCK) !=
        (ssize_t)sizeof table->secret) {
        table->secret[0] = (uintptr_t)table;
        table->secret[1] = (uintptr_t)records;
    }
    table->secret[1] |= 1;
    table->slots = pyr_arena_array(arena, slots, sizeof *table->slots);
    return table->slots == NULL ? pyr_arena_error(arena, error) : PYR_OK;
}

/* Its slot, or the free one where it would be. */
static uint64_t slot_of(const pyr_name_table *table, const char *name, size_t length,
                        uint32_t *tag) {
    uint64_t hash = hash_of(table, name, length), slot = hash & table->mask;
    *tag = (uint32_t)(hash >> 32);
    for (;; slot = (slot + 1) & table->mask) {
        const pyr_name_slot *at = &table->slots[slot];
        if (at->index == 0) {
            return slot;
        }
        if (at->tag == *tag) {
            const char *other = name_at(table, (int64_t)at->index - 1);
            if (strncmp(other, name, length) == 0 && other[length] == '\0') {
                return slot;
            }
        }
    }
}
int64_t pyr_name_table_find(const pyr_name_table *table, const char *name, size_t length) {
    uint32_t tag = 0;
    /* Names have no zero byte; one here would end the comparison too soon. */
    if (length > 0 && memchr(name, '\0', length) != NULL) {
        return -1;
    }
    return (int64_t)table->slots[slot_of(table, name, length, &tag)].index - 1;
}
int64_t pyr_name_table_add(pyr_name_table *table, int64_t index) {
    const char *name = name_at(table, index);
    uint32_t tag = 0;
    pyr_name_slot *slot = &table->slots[slot_of(table, name, strlen(name), &tag)];
    if (slot->index == 0) {
        *slot = (pyr_name_slot){tag, (uint32_t)index + 1};
    }
    return (int64_t)slot->index - 1;
}
