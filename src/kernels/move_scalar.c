/* move_scalar.c - gathering, compressing and aligning spans: the oracle. */
#include "kernels/kernels_internal.h"

#include <string.h>

/* Moved as bytes of that width, aligned as they come. */
typedef struct sixteen {
    uint64_t low, high;
} sixteen;

#define MOVES(WIDTH, TYPE)                                                                \
    static void gather_##WIDTH(const void *values, const uint16_t *rows, int64_t count,   \
                               void *out) {                                               \
        const TYPE *from = values;                                                        \
        typedef TYPE value;                                                               \
        value *to = out;                                                                  \
        for (int64_t i = 0; i < count; ++i) {                                             \
            to[i] = from[rows[i]];                                                        \
        }                                                                                 \
    }                                                                                     \
    static void gather32_##WIDTH(const void *values, const uint32_t *rows, int64_t count, \
                                 void *out) {                                             \
        const TYPE *from = values;                                                        \
        typedef TYPE value;                                                               \
        value *to = out;                                                                  \
        for (int64_t i = 0; i < count; ++i) {                                             \
            to[i] = from[rows[i]];                                                        \
        }                                                                                 \
    }                                                                                     \
    static int64_t compress_##WIDTH(const void *values, const uint64_t *mask, int64_t n,  \
                                    void *out) {                                          \
        const TYPE *from = values;                                                        \
        typedef TYPE value;                                                               \
        value *to = out;                                                                  \
        int64_t count = 0;                                                                \
        for (int64_t i = 0; i < n; i += 64) {                                             \
            for (uint64_t word = mask[i >> 6]; word != 0; word &= word - 1) {             \
                to[count++] = from[i + __builtin_ctzll(word)];                            \
            }                                                                             \
        }                                                                                 \
        return count;                                                                     \
    }
MOVES(1, uint8_t)
MOVES(2, uint16_t)
MOVES(4, uint32_t)
MOVES(8, uint64_t)
MOVES(16, sixteen)

static void strings_of_offsets(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                               pyr_string *out) {
    for (int64_t i = 0; i < n; ++i) {
        /* No bytes at all is a NULL, to which nothing may be added. */
        out[i].bytes = bytes == NULL ? NULL : bytes + offsets[i];
        out[i].length = (uint64_t)(offsets[i + 1] - offsets[i]);
    }
}

static void bits_align(const uint8_t *bits, int64_t offset, int64_t n, uint64_t *out) {
    const uint8_t *from = bits + (offset >> 3);
    int shift = (int)(offset & 7);
    int64_t bytes = (shift + n + 7) >> 3; /* that hold the bits */
    for (int64_t i = 0; i < n; i += 64) {
        int64_t at = i >> 3;
        uint64_t word = 0;
        if (at + 8 <= bytes) {
            memcpy(&word, from + at, 8);
        } else {
            memcpy(&word, from + at, (size_t)(bytes - at));
        }
        word >>= shift;
        if (shift != 0 && at + 8 < bytes) {
            word |= (uint64_t)from[at + 8] << (64 - shift);
        }
        out[i >> 6] = n - i < 64 ? word & pyr_tail_bits(n) : word;
    }
}

void pyr_move_scalar(pyr_kernels *table) {
#define PUT(LOG2, WIDTH)                      \
    table->gather[LOG2] = gather_##WIDTH;     \
    table->gather32[LOG2] = gather32_##WIDTH; \
    table->compress[LOG2] = compress_##WIDTH;
    PUT(0, 1)
    PUT(1, 2)
    PUT(2, 4)
    PUT(3, 8)
    PUT(4, 16)
    table->strings_of_offsets = strings_of_offsets;
    table->bits_align = bits_align;
}
