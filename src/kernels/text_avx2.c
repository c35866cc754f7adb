/* text_avx2.c - searching and counting in text, 64 and 32 bytes a step. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#include <string.h>

typedef __m256i vec;
PYR_INLINE vec splat(uint8_t byte) {
    return _mm256_set1_epi8((char)byte);
}
PYR_INLINE vec load(const uint8_t *text) {
    return _mm256_loadu_si256((const vec *)(const void *)text);
}
PYR_INLINE uint64_t pair_bits_64(const uint8_t *first, const uint8_t *second, vec a, vec b) {
    vec low =
        _mm256_and_si256(_mm256_cmpeq_epi8(load(first), a), _mm256_cmpeq_epi8(load(second), b));
    vec high = _mm256_and_si256(_mm256_cmpeq_epi8(load(first + 32), a),
                                _mm256_cmpeq_epi8(load(second + 32), b));
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}
PYR_INLINE uint64_t pair_bits(const uint8_t *first, const uint8_t *second, vec a, vec b,
                              int64_t count) {
    if (count == 64) {
        return pair_bits_64(first, second, a, b);
    }
    uint8_t last_first[64] = {0}, last_second[64] = {0};
    memcpy(last_first, first, (size_t)count);
    memcpy(last_second, second, (size_t)count);
    return pair_bits_64(last_first, last_second, a, b) & pyr_tail_bits(count);
}

#include "kernels/text_lanes.h"

/* Bytes that continue a character are -128 to -65 as signed ones; the others are counted in lanes
 * of 64 bits every step. */
static int64_t utf8_length(const uint8_t *text, int64_t length) {
    const vec last = _mm256_set1_epi8(-65), one = _mm256_set1_epi8(1);
    const vec zero = _mm256_setzero_si256();
    vec counts = zero;
    int64_t i = 0;
    for (; i + 32 <= length; i += 32) {
        vec begins = _mm256_and_si256(_mm256_cmpgt_epi8(load(text + i), last), one);
        counts = _mm256_add_epi64(counts, _mm256_sad_epu8(begins, zero));
    }
    int64_t lane[4];
    memcpy(lane, &counts, sizeof lane);
    int64_t characters = lane[0] + lane[1] + lane[2] + lane[3];
    for (; i < length; ++i) {
        characters += (text[i] & 0xC0) != 0x80;
    }
    return characters;
}

void pyr_text_avx2(pyr_kernels *table) {
    table->find = find;
    table->contains = contains;
    table->utf8_length = utf8_length;
}
#endif
