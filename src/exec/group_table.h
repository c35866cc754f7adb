/* group_table.h - keys to groups, and a row of memory for each group.
 *
 * A key is up to two 64-bit words and at most one string (group_key.c makes them from columns), so
 * that a look-up compares words, and bytes only where their hashes and lengths are equal. A group's
 * row is its key, then `state_bytes` of zeroes for who aggregates. Groups are numbered from 0 in
 * the order they came.
 *
 * One thread at a time. Hashes are not seeded: a chain longer than any honest table has makes the
 * table larger, so chosen keys cost memory (which is budgeted), not quadratic time.
 */
#ifndef PYR_EXEC_GROUP_TABLE_H
#define PYR_EXEC_GROUP_TABLE_H

#include "base/arena.h"
#include "exec/vector.h"

typedef struct pyr_key_layout {
    int32_t words;   /* 0, 1, 2 */
    bool has_string; /* a pyr_string and its key's hash stand behind the words */
} pyr_key_layout;
static inline size_t pyr_key_bytes(pyr_key_layout layout) {
    return (size_t)layout.words * 8 + (layout.has_string ? sizeof(pyr_string) + 8 : 0);
}

/* Keys of up to PYR_VECTOR_ROWS rows, dense. */
typedef struct pyr_key_batch {
    int32_t count;
    const uint64_t *words;     /* layout.words a key */
    const pyr_string *strings; /* NULL where there is none */
    const uint64_t *hashes;    /* of whole keys */
    /* Strings that begin at an address of [brief_from, brief_to) do not outlive the batch: those of
     * new groups are copied. */
    uintptr_t brief_from, brief_to;
} pyr_key_batch;

/* Whether two keys of a batch are the same. */
bool pyr_key_equal(pyr_key_layout layout, const pyr_key_batch *keys, int32_t a, int32_t b);
/* Rooms for keys that are picked from batches; they may be where the batch lies. */
typedef struct pyr_key_rooms {
    uint64_t *words;
    pyr_string *strings;
    uint64_t *hashes;
} pyr_key_rooms;
/* Key i of a batch to place `to`, which is i or before it where both are one. */
static inline void pyr_key_move(pyr_key_layout layout, const pyr_key_batch *keys, int32_t i,
                                pyr_key_rooms rooms, int32_t to) {
    size_t words = (size_t)layout.words;
    for (size_t w = 0; w < words; ++w) {
        rooms.words[(size_t)to * words + w] = keys->words[(size_t)i * words + w];
    }
    if (keys->strings != NULL) {
        rooms.strings[to] = keys->strings[i];
    }
    rooms.hashes[to] = keys->hashes[i];
}
/* The first count keys in rooms, of a batch's kind. */
static inline pyr_key_batch pyr_key_moved(const pyr_key_batch *keys, pyr_key_rooms rooms,
                                          int32_t count) {
    return (pyr_key_batch){
        count,        rooms.words,      keys->strings != NULL ? rooms.strings : NULL,
        rooms.hashes, keys->brief_from, keys->brief_to};
}

typedef struct pyr_group_table {
    pyr_key_layout layout;
    size_t key_bytes, stride; /* bytes of a row: multiples of 8 */
    uint64_t *slots;          /* upper half of the hash, then group + 1; 0: free */
    size_t slots_bytes;       /* as taken */
    uint64_t mask;            /* slots - 1 */
    uint8_t *rows;
    size_t rows_bytes;
    uint32_t count, capacity; /* groups, and how many rows has room for */
    pyr_arena strings;
    pyr_budget *budget; /* borrowed; NULL: none */
} pyr_group_table;

void pyr_group_table_init(pyr_group_table *table, pyr_key_layout layout, size_t state_bytes,
                          pyr_budget *budget);
void pyr_group_table_deinit(pyr_group_table *table);
/* groups[i]: of key i, made where it is not there. Afterwards rows may lie elsewhere. */
PYR_MUST_CHECK pyr_status pyr_group_table_find(pyr_group_table *table, const pyr_key_batch *keys,
                                               uint32_t *groups, pyr_error *error);
/* Room for so many groups more, for who knows that they come. */
PYR_MUST_CHECK pyr_status pyr_group_table_reserve(pyr_group_table *table, uint32_t count,
                                                  pyr_error *error);
/* Gives the slots back where only rows are read from now on: a later find makes them anew. */
void pyr_group_table_drop_slots(pyr_group_table *table);
/* Finds without making any: UINT32_MAX where it is not there, all slots being there. Any number of
 * threads at once. */
void pyr_group_table_look_up(const pyr_group_table *table, const pyr_key_batch *keys,
                             uint32_t *groups);
static inline uint8_t *pyr_group_row(const pyr_group_table *table, uint32_t group) {
    return table->rows + (size_t)group * table->stride;
}
/* Keys of groups [first, first + count), count <= PYR_VECTOR_ROWS, with their hashes: into rooms of
 * PYR_VECTOR_ROWS keys each. */
void pyr_group_table_keys(const pyr_group_table *table, uint32_t first, int32_t count,
                          uint64_t *words, pyr_string *strings, uint64_t *hashes,
                          pyr_key_batch *out);
/* Hashes of keys without, for who has words and strings: as find wants them. */
void pyr_key_hash(pyr_key_layout layout, int32_t count, const uint64_t *words,
                  const pyr_string *strings, uint64_t *hashes);
/* Bytes of budget that finding count keys may take at most, what their texts need left out. */
size_t pyr_group_table_growth(const pyr_group_table *table, uint32_t count);
size_t pyr_group_table_bytes(const pyr_group_table *table);

#endif
