/* arithmetic_avx2.c - the loops of arithmetic_spans.h at this ISA's width, and products. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define VEC_BYTES 32
typedef __m256i vec;
PYR_INLINE vec load(const void *from) {
    return _mm256_loadu_si256(from);
}
PYR_INLINE void store(void *to, vec v) {
    _mm256_storeu_si256(to, v);
}
PYR_INLINE bool any(vec v) {
    return _mm256_testz_si256(v, v) == 0;
}
PYR_INLINE vec splat_i16(int16_t v) {
    return _mm256_set1_epi16(v);
}
PYR_INLINE vec splat_i32(int32_t v) {
    return _mm256_set1_epi32(v);
}
PYR_INLINE vec splat_i64(int64_t v) {
    return _mm256_set1_epi64x(v);
}

/* The high half of what fits is the low half's sign. */
PYR_INLINE bool product_i16(vec x, vec y, vec *out, vec *bad) {
    *out = _mm256_mullo_epi16(x, y);
    vec sign = _mm256_srai_epi16(*out, 15);
    *bad = _mm256_or_si256(*bad, _mm256_xor_si256(_mm256_mulhi_epi16(x, y), sign));
    return true;
}
PYR_INLINE bool product_i32(vec x, vec y, vec *out, vec *bad) {
    vec even = _mm256_mul_epi32(x, y);
    vec odd = _mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32));
    *out = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
    vec high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    vec sign = _mm256_srai_epi32(*out, 31);
    *bad = _mm256_or_si256(*bad, _mm256_xor_si256(high, sign));
    return true;
}
/* Factors of 32 bits: their products fit. x + 2^31 is then one of 32 bits without a sign. */
PYR_INLINE bool product_i64(vec x, vec y, vec *out, vec *bad) {
    (void)bad;
    const vec bias = _mm256_set1_epi64x(INT64_C(1) << 31);
    const vec high = _mm256_set1_epi64x((long long)UINT64_C(0xFFFFFFFF00000000));
    vec both = _mm256_or_si256(_mm256_add_epi64(x, bias), _mm256_add_epi64(y, bias));
    *out = _mm256_mul_epi32(x, y);
    return _mm256_testz_si256(both, high) != 0;
}

#include "kernels/arithmetic_lanes.h"

void pyr_arithmetic_avx2(pyr_kernels *table) {
    arithmetic_lanes_put(table);
}
#endif
