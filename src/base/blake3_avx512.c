/* blake3_avx512.c - sixteen chunks side by side; state and message fill the 32 registers. */
#include "base/blake3_internal.h"

#ifdef PYR_BLAKE3_X86
#include <immintrin.h>

#define LANES 16
#define KERNEL pyr_blake3_hash_16_avx512

typedef __m512i vec;

static inline vec add(vec a, vec b) {
    return _mm512_add_epi32(a, b);
}
static inline vec xor (vec a, vec b) { return _mm512_xor_si512(a, b); } static inline vec
    rotate_right_16(vec a) {
    return _mm512_ror_epi32(a, 16);
}
static inline vec rotate_right_12(vec a) {
    return _mm512_ror_epi32(a, 12);
}
static inline vec rotate_right_8(vec a) {
    return _mm512_ror_epi32(a, 8);
}
static inline vec rotate_right_7(vec a) {
    return _mm512_ror_epi32(a, 7);
}
static inline vec splat(uint32_t word) {
    return _mm512_set1_epi32((int)word);
}
static inline vec load(const void *from) {
    return _mm512_loadu_si512(from);
}
/* A row of a chaining value is half a vector. */
static inline void store_row(void *to, vec a) {
    _mm256_storeu_si256(to, _mm512_castsi512_si256(a));
}

/* Squares of 4 x 4 within the quarters of 128 bits: after it group[i] holds columns i, i + 4, i + 8
 * and i + 12 of four rows. */
static inline void transpose_quarters(const vec rows[4], vec group[4]) {
    vec low01 = _mm512_unpacklo_epi32(rows[0], rows[1]);
    vec high01 = _mm512_unpackhi_epi32(rows[0], rows[1]);
    vec low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
    vec high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
    group[0] = _mm512_unpacklo_epi64(low01, low23);
    group[1] = _mm512_unpackhi_epi64(low01, low23);
    group[2] = _mm512_unpacklo_epi64(high01, high23);
    group[3] = _mm512_unpackhi_epi64(high01, high23);
}
static inline void transpose(vec rows[16]) {
    vec group[16];
    for (int i = 0; i < 16; i += 4) {
        transpose_quarters(rows + i, group + i);
    }
    /* The quarters are a 4 x 4 square themselves. */
    for (int i = 0; i < 4; ++i) {
        vec even01 = _mm512_shuffle_i32x4(group[i], group[i + 4], 0x88);
        vec odd01 = _mm512_shuffle_i32x4(group[i], group[i + 4], 0xDD);
        vec even23 = _mm512_shuffle_i32x4(group[i + 8], group[i + 12], 0x88);
        vec odd23 = _mm512_shuffle_i32x4(group[i + 8], group[i + 12], 0xDD);
        rows[i] = _mm512_shuffle_i32x4(even01, even23, 0x88);
        rows[i + 4] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
        rows[i + 8] = _mm512_shuffle_i32x4(even01, even23, 0xDD);
        rows[i + 12] = _mm512_shuffle_i32x4(odd01, odd23, 0xDD);
    }
}

#include "base/blake3_lanes.h"
#endif
