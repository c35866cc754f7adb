/* arithmetic_avx512.c - the loops of arithmetic_spans.h at this ISA's width, and products. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define VEC_BYTES 64
typedef __m512i vec;
PYR_INLINE vec load(const void *from) {
    return _mm512_loadu_si512(from);
}
PYR_INLINE void store(void *to, vec v) {
    _mm512_storeu_si512(to, v);
}
PYR_INLINE bool any(vec v) {
    return _mm512_test_epi64_mask(v, v) != 0;
}
PYR_INLINE vec splat_i16(int16_t v) {
    return _mm512_set1_epi16(v);
}
PYR_INLINE vec splat_i32(int32_t v) {
    return _mm512_set1_epi32(v);
}
PYR_INLINE vec splat_i64(int64_t v) {
    return _mm512_set1_epi64(v);
}

/* The high half of what fits is the low half's sign. */
PYR_INLINE bool product_i16(vec x, vec y, vec *out, vec *bad) {
    *out = _mm512_mullo_epi16(x, y);
    vec sign = _mm512_srai_epi16(*out, 15);
    *bad = _mm512_or_si512(*bad, _mm512_xor_si512(_mm512_mulhi_epi16(x, y), sign));
    return true;
}
PYR_INLINE bool product_i32(vec x, vec y, vec *out, vec *bad) {
    vec even = _mm512_mul_epi32(x, y);
    vec odd = _mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(y, 32));
    *out = _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA);
    vec high = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
    vec sign = _mm512_srai_epi32(*out, 31);
    *bad = _mm512_or_si512(*bad, _mm512_xor_si512(high, sign));
    return true;
}
/* Doubles tell the size of the product within 2^-51 of it: below 0.999 * 2^63 all fit. */
PYR_INLINE bool product_i64(vec x, vec y, vec *out, vec *bad) {
    (void)bad;
    __m512d size = _mm512_mul_pd(_mm512_cvtepi64_pd(x), _mm512_cvtepi64_pd(y));
    const __m512d limit = _mm512_set1_pd(0.999 * 9223372036854775808.0);
    *out = _mm512_mullo_epi64(x, y);
    return _mm512_cmp_pd_mask(_mm512_abs_pd(size), limit, _CMP_GE_OQ) == 0;
}

#include "kernels/arithmetic_lanes.h"

void pyr_arithmetic_avx512(pyr_kernels *table) {
    arithmetic_lanes_put(table);
}
#endif
