/* shuffle.c - the bytes, or the bits, of elements put back beside each other. */
#include "formats/codecs/codecs_internal.h"

#include <string.h>

/* Planes of bytes, stride apart. With the width known while compiling, the inner loop is a constant
 * interleave that the compiler makes vector code of. */
static inline void interleave(size_t width, const uint8_t *restrict bytes, size_t stride,
                              size_t count, uint8_t *restrict out) {
    for (size_t i = 0; i < count; ++i) {
        for (size_t j = 0; j < width; ++j) {
            out[i * width + j] = bytes[j * stride + i];
        }
    }
}

/* A tile of elements at a time, so that what is written stays in the cache until it is whole. */
static void scatter(size_t width, const uint8_t *bytes, size_t count, uint8_t *restrict out) {
    enum { TILE = 256 };
    for (size_t begin = 0; begin < count; begin += TILE) {
        size_t tile = count - begin < TILE ? count - begin : TILE;
        for (size_t j = 0; j < width; ++j) {
            const uint8_t *from = bytes + j * count + begin;
            uint8_t *to = out + begin * width + j;
            for (size_t i = 0; i < tile; ++i) {
                to[i * width] = from[i];
            }
        }
    }
}

void pyr_codec_unshuffle(size_t element_bytes, const uint8_t *bytes, size_t size_bytes,
                         uint8_t *out) {
    size_t count = size_bytes / element_bytes, whole = count * element_bytes;
    switch (element_bytes) {
    case 1:
        memcpy(out, bytes, whole);
        break;
    case 2:
        interleave(2, bytes, count, count, out);
        break;
    case 4:
        interleave(4, bytes, count, count, out);
        break;
    case 8:
        interleave(8, bytes, count, count, out);
        break;
    default:
        scatter(element_bytes, bytes, count, out);
        break;
    }
    memcpy(out + whole, bytes + whole, size_bytes - whole);
}

enum { ROWS = 8, ROW_BYTES = 256 };

/* Exchanges the high bits of a with the low ones of b, shift apart, those that mask has low. All of
 * a row, whatever of it is used: a constant count is what the compiler unrolls. */
static inline void exchange(uint8_t *restrict a, uint8_t *restrict b, int shift, uint8_t mask) {
    for (size_t i = 0; i < ROW_BYTES; ++i) {
        uint8_t differ = (uint8_t)((a[i] >> shift ^ b[i]) & mask);
        a[i] = (uint8_t)(a[i] ^ differ << shift);
        b[i] = (uint8_t)(b[i] ^ differ);
    }
}

/* Squares of 8 by 8 bits are transposed, one at each place of the rows: rows of bits become bytes
 * of elements. Three rounds of exchanges, between rows 4, 2 and 1 apart. */
static void transpose_bits(uint8_t rows[ROWS][ROW_BYTES]) {
    for (int row = 0; row < 4; ++row) {
        exchange(rows[row], rows[row + 4], 4, 0x0f);
    }
    for (int row = 0; row < ROWS; row += 4) {
        exchange(rows[row], rows[row + 2], 2, 0x33);
        exchange(rows[row + 1], rows[row + 3], 2, 0x33);
    }
    for (int row = 0; row < ROWS; row += 2) {
        exchange(rows[row], rows[row + 1], 1, 0x55);
    }
}

/* count / 8 bytes of each of a plane's 8 rows of bits into count bytes. */
static void unshuffle_plane(const uint8_t *bytes, size_t count, uint8_t *out) {
    uint8_t rows[ROWS][ROW_BYTES] = {{0}};
    size_t row_bytes = count / ROWS;
    for (size_t begin = 0; begin < row_bytes; begin += ROW_BYTES) {
        size_t step = row_bytes - begin < ROW_BYTES ? row_bytes - begin : ROW_BYTES;
        for (size_t row = 0; row < ROWS; ++row) {
            memcpy(rows[row], bytes + row * row_bytes + begin, step);
        }
        transpose_bits(rows);
        interleave(ROWS, rows[0], ROW_BYTES, step, out + begin * ROWS);
    }
}

void pyr_codec_unshuffle_bits(size_t element_bytes, const uint8_t *bytes, size_t size_bytes,
                              uint8_t *room, uint8_t *out) {
    size_t count = size_bytes / element_bytes;
    if (count % 8 != 0) {
        memcpy(out, bytes, size_bytes);
        return;
    }
    for (size_t plane = 0; plane < element_bytes; ++plane) {
        unshuffle_plane(bytes + plane * count, count, room + plane * count);
    }
    size_t whole = count * element_bytes;
    pyr_codec_unshuffle(element_bytes, room, whole, out);
    memcpy(out + whole, bytes + whole, size_bytes - whole);
}
