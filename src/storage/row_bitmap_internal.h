/* row_bitmap_internal.h - containers, shared by row_bitmap*.c. The bytes are ENCODINGS.md's.
 *
 * Values are loaded with memcpy: a set may lie at any address of a record of the catalog.
 */
#ifndef PYR_STORAGE_ROW_BITMAP_INTERNAL_H
#define PYR_STORAGE_ROW_BITMAP_INTERNAL_H

#include "storage/row_bitmap.h"

#include <string.h>

#define CONTAINER_ROWS 65536
#define CONTAINER_WORDS (CONTAINER_ROWS / 64)
#define CONTAINER_BITMAP_BYTES ((size_t)CONTAINER_ROWS / 8)
#define ARRAY_ROWS_MAX ((int32_t)(CONTAINER_BITMAP_BYTES / sizeof(uint16_t)))

#define BITMAP_MAGIC "PYRROWS1"
#define BITMAP_HEADER_BYTES ((size_t)24) /* magic, CRC-32C, containers, cardinality */
#define BITMAP_CRC_AT ((size_t)8)
#define BITMAP_CHECKED_AT ((size_t)12) /* the CRC covers everything from here on */
#define BITMAP_ENTRY_BYTES ((size_t)8)

typedef enum container_kind {
    CONTAINER_ARRAY = 1, /* uint16_t, ascending */
    CONTAINER_BITMAP = 2,
    CONTAINER_RUNS = 3 /* uint16_t first, uint16_t length - 1; ascending, never adjacent */
} container_kind;

typedef struct container {
    int64_t first_row; /* a multiple of CONTAINER_ROWS */
    int64_t before;    /* rows of the set in earlier containers */
    const uint8_t *data;
    container_kind kind;
    int32_t cardinality; /* 1 .. CONTAINER_ROWS */
    int32_t elements;    /* array values or runs; bitmaps: words */
} container;

struct pyr_row_bitmap {
    atomic_size_t references;
    pyr_buffer *bytes; /* retained; what the containers point into */
    int64_t cardinality;
    int64_t count;
    container containers[];
};

static inline uint32_t container_u16(const container *c, int32_t index) {
    uint16_t value;
    memcpy(&value, c->data + (size_t)index * sizeof(value), sizeof(value));
    return value;
}
static inline uint32_t run_first(const container *c, int32_t run) {
    return container_u16(c, run * 2);
}
static inline uint32_t run_last(const container *c, int32_t run) {
    return run_first(c, run) + container_u16(c, run * 2 + 1);
}
static inline uint64_t container_word(const container *c, int32_t word) {
    uint64_t value;
    memcpy(&value, c->data + (size_t)word * sizeof(value), sizeof(value));
    return value;
}

/* The first array value >= low or the first run that ends at or behind it; elements where none. */
int32_t pyr_container_seek(const container *c, uint32_t low);
/* The first container whose last row is >= row; count where none. */
int64_t pyr_row_bitmap_seek(const pyr_row_bitmap *bitmap, int64_t row);
size_t pyr_container_size_bytes(container_kind kind, int32_t elements);

/* The smallest kind for that many rows in that many runs; on a tie the array, then the bitmap. */
container_kind pyr_container_choose(int32_t cardinality, int32_t runs);
/* Rows and maximal runs of a container given as words. */
void pyr_container_measure(const uint64_t *words, int32_t *cardinality, int32_t *runs);
/* Sets the container's rows among CONTAINER_WORDS words. */
void pyr_container_or_into(const container *c, uint64_t *words);

/* Reads header and directory of bytes (retained) and finds the containers' places; everything that
 * may lie about memory is checked, the containers' contents only where `outside`. */
PYR_MUST_CHECK pyr_status pyr_row_bitmap_over(pyr_buffer *bytes, bool outside, int64_t rows,
                                              pyr_row_bitmap **out, pyr_error *error);

#endif
