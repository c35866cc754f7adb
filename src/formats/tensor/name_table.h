/* name_table.h - records found by their names, by hashing.
 *
 * Names come from files that may be made to collide: the hash has a secret of each table's own.
 */
#ifndef PYR_FORMATS_TENSOR_NAME_TABLE_H
#define PYR_FORMATS_TENSOR_NAME_TABLE_H

#include "base/arena.h"

typedef struct pyr_name_slot {
    uint32_t tag;   /* of the hash */
    uint32_t index; /* + 1; 0: free */
} pyr_name_slot;
typedef struct pyr_name_table {
    pyr_name_slot *slots;
    uint64_t mask, secret[2];
    /* Records begin with their name, a const char * that ends with a zero byte. */
    const uint8_t *records;
    size_t record_bytes;
} pyr_name_table;

/* Room for count_max (below 2^31) records; MEMORY. They may be filled in later, each before it is
 * added. */
PYR_MUST_CHECK pyr_status pyr_name_table_init(pyr_name_table *table, const void *records,
                                              size_t record_bytes, int64_t count_max,
                                              pyr_arena *arena, pyr_error *error);
/* -1: none. */
int64_t pyr_name_table_find(const pyr_name_table *table, const char *name, size_t length);
/* Adds records[index]; gives index, or that of the one which has its name already. */
int64_t pyr_name_table_add(pyr_name_table *table, int64_t index);

#endif
