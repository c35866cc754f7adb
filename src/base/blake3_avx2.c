/* blake3_avx2.c - eight chunks side by side. */
#include "base/blake3_internal.h"

#ifdef PYR_BLAKE3_X86
#include <immintrin.h>

#define LANES 8
#define KERNEL pyr_blake3_hash_8_avx2

typedef __m256i vec;

static inline vec add(vec a, vec b) {
    return _mm256_add_epi32(a, b);
}
static inline vec xor (vec a, vec b) { return _mm256_xor_si256(a, b); } static inline vec
    rotate_right_16(vec a) {
    const __m128i bytes = _mm_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2);
    return _mm256_shuffle_epi8(a, _mm256_broadcastsi128_si256(bytes));
}
static inline vec rotate_right_12(vec a) {
    return xor(_mm256_srli_epi32(a, 12), _mm256_slli_epi32(a, 20));
}
static inline vec rotate_right_8(vec a) {
    const __m128i bytes = _mm_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1);
    return _mm256_shuffle_epi8(a, _mm256_broadcastsi128_si256(bytes));
}
static inline vec rotate_right_7(vec a) {
    return xor(_mm256_srli_epi32(a, 7), _mm256_slli_epi32(a, 25));
}
static inline vec splat(uint32_t word) {
    return _mm256_set1_epi32((int)word);
}
static inline vec load(const void *from) {
    return _mm256_loadu_si256(from);
}
static inline void store_row(void *to, vec a) {
    _mm256_storeu_si256(to, a);
}

/* Squares of 4 x 4 within the halves of 128 bits, as in SSE: pair[i] then holds column i % 4 of
 * rows 0-3 or 4-7, of columns i and i + 4. */
static inline void transpose_quarters(const vec rows[4], vec pair[4]) {
    vec low01 = _mm256_unpacklo_epi32(rows[0], rows[1]);
    vec high01 = _mm256_unpackhi_epi32(rows[0], rows[1]);
    vec low23 = _mm256_unpacklo_epi32(rows[2], rows[3]);
    vec high23 = _mm256_unpackhi_epi32(rows[2], rows[3]);
    pair[0] = _mm256_unpacklo_epi64(low01, low23);
    pair[1] = _mm256_unpackhi_epi64(low01, low23);
    pair[2] = _mm256_unpacklo_epi64(high01, high23);
    pair[3] = _mm256_unpackhi_epi64(high01, high23);
}
static inline void transpose(vec rows[8]) {
    vec top[4];
    vec bottom[4];
    transpose_quarters(rows, top);
    transpose_quarters(rows + 4, bottom);
    for (int i = 0; i < 4; ++i) {
        rows[i] = _mm256_permute2x128_si256(top[i], bottom[i], 0x20);
        rows[i + 4] = _mm256_permute2x128_si256(top[i], bottom[i], 0x31);
    }
}

#include "base/blake3_lanes.h"
#endif
