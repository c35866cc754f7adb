/* text_avx512.c - searching and counting in text, 64 bytes a step; what is shorter is loaded by a
 * mask. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

typedef __m512i vec;
PYR_INLINE vec splat(uint8_t byte) {
    return _mm512_set1_epi8((char)byte);
}
PYR_INLINE uint64_t pair_bits(const uint8_t *first, const uint8_t *second, vec a, vec b,
                              int64_t count) {
    if (count == 64) {
        __mmask64 hits = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(first), a);
        return _mm512_mask_cmpeq_epi8_mask(hits, _mm512_loadu_si512(second), b);
    }
    __mmask64 in = _bzhi_u64(~UINT64_C(0), (uint32_t)count);
    __mmask64 hits = _mm512_mask_cmpeq_epi8_mask(in, _mm512_maskz_loadu_epi8(in, first), a);
    return _mm512_mask_cmpeq_epi8_mask(hits, _mm512_maskz_loadu_epi8(in, second), b);
}

#include "kernels/text_lanes.h"

/* Bytes that continue a character are -128 to -65 as signed ones. */
static int64_t utf8_length(const uint8_t *text, int64_t length) {
    const vec last = _mm512_set1_epi8(-65);
    int64_t characters = 0, i = 0;
    for (; i + 64 <= length; i += 64) {
        vec v = _mm512_loadu_si512(text + i);
        characters += __builtin_popcountll(_mm512_cmpgt_epi8_mask(v, last));
    }
    __mmask64 in = _bzhi_u64(~UINT64_C(0), (uint32_t)(length - i));
    vec v = _mm512_maskz_loadu_epi8(in, text + i);
    return characters + __builtin_popcountll(_mm512_mask_cmpgt_epi8_mask(in, v, last));
}

void pyr_text_avx512(pyr_kernels *table) {
    table->find = find;
    table->contains = contains;
    table->utf8_length = utf8_length;
}
#endif
