/* bits.c - bitmaps, by words of 64 where whole bytes allow it. */
#include "base/bits.h"

#include <string.h>

/* 64 bits from bit offset on; the caller knows that they all exist. */
static uint64_t load_bits(const uint8_t *bits, int64_t offset) {
    int64_t byte = offset >> 3;
    int shift = (int)(offset & 7);
    uint64_t word;
    memcpy(&word, bits + byte, sizeof(word));
    if (shift != 0) {
        word = word >> shift | (uint64_t)bits[byte + 8] << (64 - shift);
    }
    return word;
}

int64_t pyr_bits_count_set(const uint8_t *bits, int64_t offset, int64_t count) {
    int64_t set = 0;
    int64_t i = 0;
    for (; count - i >= 64; i += 64) {
        set += __builtin_popcountll(load_bits(bits, offset + i));
    }
    for (; i < count; ++i) {
        set += pyr_bit_get(bits, offset + i);
    }
    return set;
}

void pyr_bits_copy(const uint8_t *from, int64_t from_offset, uint8_t *to, int64_t to_offset,
                   int64_t count) {
    int64_t i = 0;
    for (; i < count && ((to_offset + i) & 7) != 0; ++i) {
        pyr_bit_put(to, to_offset + i, pyr_bit_get(from, from_offset + i));
    }
    for (; count - i >= 64; i += 64) {
        uint64_t word = load_bits(from, from_offset + i);
        memcpy(to + ((to_offset + i) >> 3), &word, sizeof(word));
    }
    for (; i < count; ++i) {
        pyr_bit_put(to, to_offset + i, pyr_bit_get(from, from_offset + i));
    }
}

void pyr_bits_fill(uint8_t *bits, int64_t offset, int64_t count, bool value) {
    int64_t i = 0;
    for (; i < count && ((offset + i) & 7) != 0; ++i) {
        pyr_bit_put(bits, offset + i, value);
    }
    int64_t bytes = (count - i) >> 3;
    memset(bits + ((offset + i) >> 3), value ? 0xFF : 0, (size_t)bytes);
    for (i += bytes * 8; i < count; ++i) {
        pyr_bit_put(bits, offset + i, value);
    }
}

bool pyr_bits_equal(const uint8_t *a, int64_t a_offset, const uint8_t *b, int64_t b_offset,
                    int64_t count) {
    int64_t i = 0;
    for (; count - i >= 64; i += 64) {
        if (load_bits(a, a_offset + i) != load_bits(b, b_offset + i)) {
            return false;
        }
    }
    for (; i < count; ++i) {
        if (pyr_bit_get(a, a_offset + i) != pyr_bit_get(b, b_offset + i)) {
            return false;
        }
    }
    return true;
}
