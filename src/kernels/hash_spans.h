/* hash_spans.h - hashes of values and strings, which compilers make vector code of where the ISA
 * multiplies 64 bits; included by hash_scalar.c and hash_avx512.c alone. Before, that may define
 * PYR_HASH_SHORT(bytes, length, low, high): the 16 bytes of a string of at most 16, zeros after it.
 */
#ifndef PYR_KERNELS_HASH_SPANS_H
#define PYR_KERNELS_HASH_SPANS_H

#include "kernels/kernels_internal.h"

#define HASH(NAME, TYPE)                                                \
    static void NAME(const void *values, int64_t n, uint64_t *hashes) { \
        const TYPE *x = values;                                         \
        for (int64_t i = 0; i < n; ++i) {                               \
            hashes[i] = pyr_hash_mix(x[i]);                             \
        }                                                               \
    }
HASH(hash_1, uint8_t)
HASH(hash_2, uint16_t)
HASH(hash_4, uint32_t)
HASH(hash_8, uint64_t)

static inline uint64_t combine(uint64_t hash, uint64_t more) {
    return pyr_hash_mix(((hash << 23) | (hash >> 41)) + more);
}
static void hash_16(const void *values, int64_t n, uint64_t *hashes) {
    const uint64_t *x = values;
    for (int64_t i = 0; i < n; ++i) {
        hashes[i] = combine(pyr_hash_mix(x[i * 2]), x[i * 2 + 1]);
    }
}
static void hash_combine(uint64_t *hashes, const uint64_t *more, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        hashes[i] = combine(hashes[i], more[i]);
    }
}

/* ---- Strings: 16 bytes a step through a product of 128 bits, whose halves are xor-ed. The
 * last step has 16 bytes: the string of up to as many, and zeros after it. ---- */

#define STRING_A UINT64_C(0x9e3779b97f4a7c15)
#define STRING_B UINT64_C(0xc2b2ae3d27d4eb4f)

static inline uint64_t load_8(const uint8_t *bytes) {
    uint64_t v = 0;
    __builtin_memcpy(&v, bytes, 8);
    return v;
}
static inline uint64_t load_4(const uint8_t *bytes) {
    uint32_t v = 0;
    __builtin_memcpy(&v, bytes, 4);
    return v;
}
static inline uint64_t fold(uint64_t a, uint64_t b) {
    pyr_u128 product = (pyr_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#ifndef PYR_HASH_SHORT
#define PYR_HASH_SHORT short_halves
/* Loads that stay inside; where they overlap they have the same bits. */
static inline void short_halves(const uint8_t *bytes, uint64_t length, uint64_t *low,
                                uint64_t *high) {
    *low = 0;
    *high = 0;
    if (length > 8) {
        *low = load_8(bytes);
        *high = load_8(bytes + length - 8) >> ((16 - length) * 8);
    } else if (length == 8) {
        *low = load_8(bytes);
    } else if (length >= 4) {
        *low = load_4(bytes) | load_4(bytes + length - 4) << ((length - 4) * 8);
    } else if (length > 0) {
        uint64_t middle = length >> 1, last = length - 1;
        *low = bytes[0] | (uint64_t)bytes[middle] << (middle * 8) |
               (uint64_t)bytes[last] << (last * 8);
    }
}
#endif
static inline uint64_t hash_bytes(const uint8_t *bytes, uint64_t length) {
    /* So that no length makes a factor below 0 by itself. */
    uint64_t hash = (length + 3) * STRING_A, a = 0, b = 0;
    if (length > 16) {
        uint64_t at = 0;
        for (; at + 16 < length; at += 16) {
            hash = fold(load_8(bytes + at) ^ STRING_A, load_8(bytes + at + 8) ^ hash);
        }
        /* The last 16 bytes, some of them a second time. */
        a = load_8(bytes + length - 16);
        b = load_8(bytes + length - 8);
    } else {
        PYR_HASH_SHORT(bytes, length, &a, &b);
    }
    return pyr_hash_mix(fold(a ^ STRING_A, b ^ hash ^ STRING_B) ^ hash);
}
static void hash_strings(const pyr_string *values, int64_t n, uint64_t *hashes) {
    for (int64_t i = 0; i < n; ++i) {
        hashes[i] = hash_bytes(values[i].bytes, values[i].length);
    }
}
static void hash_offsets(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                         uint64_t *hashes) {
    for (int64_t i = 0; i < n; ++i) {
        /* No bytes at all: `bytes` may be NULL. */
        int32_t length = offsets[i + 1] - offsets[i];
        hashes[i] = hash_bytes(length == 0 ? NULL : bytes + offsets[i], (uint64_t)length);
    }
}

static void hash_put(pyr_kernels *table) {
    table->hash[0] = hash_1;
    table->hash[1] = hash_2;
    table->hash[2] = hash_4;
    table->hash[3] = hash_8;
    table->hash[4] = hash_16;
    table->hash_strings = hash_strings;
    table->hash_offsets = hash_offsets;
    table->hash_combine = hash_combine;
}

#endif
