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
PYR_INLINE uint64_t pair_bits_32(const uint8_t *first, const uint8_t *second, vec a, vec b) {
    vec hits =
        _mm256_and_si256(_mm256_cmpeq_epi8(load(first), a), _mm256_cmpeq_epi8(load(second), b));
    return (uint32_t)_mm256_movemask_epi8(hits);
}
PYR_INLINE uint64_t pair_bits(const uint8_t *first, const uint8_t *second, vec a, vec b,
                              int64_t count) {
    if (count == 64) {
        return pair_bits_32(first, second, a, b) | pair_bits_32(first + 32, second + 32, a, b)
                                                       << 32;
    }
    if (count >= 32) { /* some places twice */
        return pair_bits_32(first, second, a, b) |
               pair_bits_32(first + count - 32, second + count - 32, a, b) << (count - 32);
    }
    uint8_t last_first[32] = {0}, last_second[32] = {0};
    memcpy(last_first, first, (size_t)count);
    memcpy(last_second, second, (size_t)count);
    return pair_bits_32(last_first, last_second, a, b) & pyr_tail_bits(count);
}

#include "kernels/text_lanes.h"

/* Bytes that continue a character are -128 to -65 as signed ones. */
PYR_INLINE uint32_t begin_bits(const uint8_t *text) {
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(load(text), _mm256_set1_epi8(-65)));
}
static int64_t utf8_length(const uint8_t *text, int64_t length) {
    int64_t characters = 0, i = 0;
    for (; i + 32 <= length; i += 32) {
        characters += __builtin_popcount(begin_bits(text + i));
    }
    if (i == length) {
        return characters;
    }
    if (i > 0) { /* the last 32, of which some are counted */
        return characters + __builtin_popcount(begin_bits(text + length - 32) >> (i + 32 - length));
    }
    uint8_t last[32] = {0};
    memcpy(last, text, (size_t)(length - i));
    return characters + __builtin_popcount(_bzhi_u32(begin_bits(last), (uint32_t)(length - i)));
}

void pyr_text_avx2(pyr_kernels *table) {
    table->find = find;
    table->contains = contains;
    table->utf8_length = utf8_length;
}
#endif
