/* row_bitmap_parse.c - sets of rows over bytes: the directory in memory, and everything that bytes
 * from outside are held to. The format: ENCODINGS.md, "Row bitmaps". */
#include "base/checked.h"
#include "base/crc32c.h"
#include "base/cursor.h"
#include "storage/row_bitmap_internal.h"

#include <stdlib.h>

#define FIRST_ROW_BITS 24 /* of an entry's first word; the kind stands above them */

size_t pyr_container_size_bytes(container_kind kind, int32_t elements) {
    size_t width = kind == CONTAINER_ARRAY    ? sizeof(uint16_t)
                   : kind == CONTAINER_BITMAP ? sizeof(uint64_t)
                                              : 2 * sizeof(uint16_t);
    return ((size_t)elements * width + 7) & ~(size_t)7;
}

static pyr_status corrupt(pyr_error *error, int64_t place, const char *what) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "row bitmap: container %lld %s",
                         (long long)place, what);
}

/* ---- Contents of containers from outside. ---- */

/* Ascending values; *runs counts those that do not follow the one before. */
static bool array_ascends(const container *c, int32_t *runs) {
    *runs = 1;
    for (int32_t i = 1; i < c->elements; ++i) {
        uint32_t previous = container_u16(c, i - 1), value = container_u16(c, i);
        if (value <= previous) {
            return false;
        }
        *runs += value != previous + 1;
    }
    return true;
}

/* Runs within the container, a kept row between each two, and as many rows as the entry says. */
static bool runs_hold(const container *c) {
    int64_t rows = 0;
    for (int32_t i = 0; i < c->elements; ++i) {
        if (run_last(c, i) >= CONTAINER_ROWS ||
            (i > 0 && run_first(c, i) <= run_last(c, i - 1) + 1)) {
            return false;
        }
        rows += run_last(c, i) - run_first(c, i) + 1;
    }
    return rows == c->cardinality;
}

static bool padding_is_zero(const container *c) {
    size_t width = c->kind == CONTAINER_ARRAY ? 2 : c->kind == CONTAINER_RUNS ? 4 : 8;
    size_t size = pyr_container_size_bytes(c->kind, c->elements);
    for (size_t i = (size_t)c->elements * width; i < size; ++i) {
        if (c->data[i] != 0) {
            return false;
        }
    }
    return true;
}

static int64_t last_row(const container *c) {
    uint32_t last = CONTAINER_ROWS - 1;
    if (c->kind == CONTAINER_BITMAP) {
        while ((container_word(c, (int32_t)(last / 64)) >> (last % 64) & 1) == 0) {
            --last;
        }
    } else {
        last = c->kind == CONTAINER_ARRAY ? container_u16(c, c->elements - 1)
                                          : run_last(c, c->elements - 1);
    }
    return c->first_row + last;
}

static pyr_status check_container(const container *c, int64_t place, pyr_error *error) {
    int32_t runs = c->elements;
    if (c->kind == CONTAINER_ARRAY && !array_ascends(c, &runs)) {
        return corrupt(error, place, "has rows out of order");
    }
    if (c->kind == CONTAINER_RUNS && !runs_hold(c)) {
        return corrupt(error, place, "has runs that are out of order or out of count");
    }
    if (c->kind == CONTAINER_BITMAP) {
        uint64_t words[CONTAINER_WORDS];
        int32_t cardinality;
        memcpy(words, c->data, sizeof(words));
        pyr_container_measure(words, &cardinality, &runs);
        if (cardinality != c->cardinality) {
            return corrupt(error, place, "has another number of rows than it says");
        }
    }
    if (pyr_container_choose(c->cardinality, runs) != c->kind) {
        return corrupt(error, place, "is not in its smallest form");
    }
    return padding_is_zero(c) ? PYR_OK : corrupt(error, place, "has bytes in its padding");
}

/* ---- Header and directory. ---- */

static pyr_status read_header(pyr_buffer *bytes, bool outside, int64_t *count, int64_t *cardinality,
                              pyr_error *error) {
    if (bytes->size_bytes < BITMAP_HEADER_BYTES || memcmp(bytes->data, BITMAP_MAGIC, 8) != 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "row bitmap: %zu bytes that do not begin with %s", bytes->size_bytes,
                             BITMAP_MAGIC);
    }
    if (outside &&
        pyr_load_u32(bytes->data + BITMAP_CRC_AT) !=
            pyr_crc32c(0, bytes->data + BITMAP_CHECKED_AT, bytes->size_bytes - BITMAP_CHECKED_AT)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "row bitmap: the CRC does not match");
    }
    *count = pyr_load_u32(bytes->data + 12);
    uint64_t rows = pyr_load_u64(bytes->data + 16);
    if ((uint64_t)*count > (bytes->size_bytes - BITMAP_HEADER_BYTES) / BITMAP_ENTRY_BYTES ||
        rows > (uint64_t)*count * CONTAINER_ROWS || rows < (uint64_t)*count) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "row bitmap: %llu rows in %lld containers in %zu bytes",
                             (unsigned long long)rows, (long long)*count, bytes->size_bytes);
    }
    *cardinality = (int64_t)rows;
    return PYR_OK;
}

/* The entry at place; *position, where its data begins, moves behind it. */
static pyr_status read_entry(pyr_row_bitmap *bitmap, int64_t place, size_t *position,
                             pyr_error *error) {
    const uint8_t *entry =
        bitmap->bytes->data + BITMAP_HEADER_BYTES + (size_t)place * BITMAP_ENTRY_BYTES;
    uint32_t word = pyr_load_u32(entry);
    int32_t extra = pyr_load_u16(entry + 6);
    container *c = &bitmap->containers[place];
    c->first_row = (int64_t)(word & ((1u << FIRST_ROW_BITS) - 1)) * CONTAINER_ROWS;
    c->kind = (container_kind)(word >> FIRST_ROW_BITS);
    c->cardinality = (int32_t)pyr_load_u16(entry + 4) + 1;
    c->before = place > 0 ? c[-1].before + c[-1].cardinality : 0;
    if (place > 0 && c->first_row <= c[-1].first_row) {
        return corrupt(error, place, "is out of order");
    }
    if (c->kind == CONTAINER_RUNS) {
        c->elements = extra + 1;
    } else if ((c->kind == CONTAINER_ARRAY || c->kind == CONTAINER_BITMAP) && extra == 0) {
        c->elements = c->kind == CONTAINER_ARRAY ? c->cardinality : CONTAINER_WORDS;
    } else {
        return corrupt(error, place, "is of no known kind");
    }
    size_t size = pyr_container_size_bytes(c->kind, c->elements);
    if (size > bitmap->bytes->size_bytes - *position) {
        return corrupt(error, place, "ends behind the bytes");
    }
    c->data = bitmap->bytes->data + *position;
    *position += size;
    return PYR_OK;
}

static pyr_status read_containers(pyr_row_bitmap *bitmap, bool outside, int64_t rows,
                                  pyr_error *error) {
    size_t position = BITMAP_HEADER_BYTES + (size_t)bitmap->count * BITMAP_ENTRY_BYTES;
    for (int64_t i = 0; i < bitmap->count; ++i) {
        PYR_TRY(read_entry(bitmap, i, &position, error));
        if (outside) {
            PYR_TRY(check_container(&bitmap->containers[i], i, error));
        }
    }
    const container *last = bitmap->count > 0 ? &bitmap->containers[bitmap->count - 1] : NULL;
    if (position != bitmap->bytes->size_bytes ||
        bitmap->cardinality != (last != NULL ? last->before + last->cardinality : 0)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "row bitmap: the containers end at %zu of %zu bytes", position,
                             bitmap->bytes->size_bytes);
    }
    if (last != NULL && outside && last_row(last) >= rows) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "row bitmap: row %lld of %lld",
                             (long long)last_row(last), (long long)rows);
    }
    return PYR_OK;
}

pyr_status pyr_row_bitmap_over(pyr_buffer *bytes, bool outside, int64_t rows, pyr_row_bitmap **out,
                               pyr_error *error) {
    *out = NULL;
    int64_t count = 0;
    int64_t cardinality = 0;
    PYR_TRY(read_header(bytes, outside, &count, &cardinality, error));
    size_t size;
    pyr_row_bitmap *bitmap = NULL;
    if (pyr_mul_size((size_t)count, sizeof(container), &size) &&
        pyr_add_size(size, sizeof(*bitmap), &size)) {
        bitmap = malloc(size);
    }
    if (bitmap == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(container));
    }
    atomic_init(&bitmap->references, 1);
    bitmap->bytes = pyr_buffer_retain(bytes);
    bitmap->cardinality = cardinality;
    bitmap->count = count;
    pyr_status status = read_containers(bitmap, outside, rows, error);
    if (status != PYR_OK) {
        pyr_row_bitmap_release(bitmap);
        return status;
    }
    *out = bitmap;
    return PYR_OK;
}

pyr_status pyr_row_bitmap_parse(pyr_buffer *bytes, int64_t rows, pyr_row_bitmap **out,
                                pyr_error *error) {
    return pyr_row_bitmap_over(bytes, true, rows, out, error);
}
