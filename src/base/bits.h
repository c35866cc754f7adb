/* bits.h - bitmaps in Arrow's order: bit i is bit (i % 8) of byte (i / 8). Indices are in bits. */
#ifndef PYR_BASE_BITS_H
#define PYR_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool pyr_bit_get(const uint8_t *bits, int64_t index) {
    return (bits[index >> 3] >> (index & 7)) & 1;
}
static inline void pyr_bit_set(uint8_t *bits, int64_t index) {
    bits[index >> 3] = (uint8_t)(bits[index >> 3] | (1u << (index & 7)));
}
static inline void pyr_bit_clear(uint8_t *bits, int64_t index) {
    bits[index >> 3] = (uint8_t)(bits[index >> 3] & ~(1u << (index & 7)));
}
static inline void pyr_bit_put(uint8_t *bits, int64_t index, bool value) {
    if (value) {
        pyr_bit_set(bits, index);
    } else {
        pyr_bit_clear(bits, index);
    }
}
/* Bytes that count bits need. count >= 0. */
static inline int64_t pyr_bits_size_bytes(int64_t count) {
    return (count >> 3) + ((count & 7) != 0);
}

/* Ones among count bits from offset on. */
int64_t pyr_bits_count_set(const uint8_t *bits, int64_t offset, int64_t count);
/* Copies count bits; the ranges may not overlap. Bits of `to` outside the range stay. */
void pyr_bits_copy(const uint8_t *from, int64_t from_offset, uint8_t *to, int64_t to_offset,
                   int64_t count);
void pyr_bits_fill(uint8_t *bits, int64_t offset, int64_t count, bool value);
bool pyr_bits_equal(const uint8_t *a, int64_t a_offset, const uint8_t *b, int64_t b_offset,
                    int64_t count);

#endif
