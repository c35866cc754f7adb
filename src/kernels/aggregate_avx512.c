/* aggregate_avx512.c - sums and extremes over a mask, whose bits are the lanes' masks as they are.
 */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define VEC_BYTES 64
typedef __m512i vec;
PYR_INLINE vec zero(void) {
    return _mm512_setzero_si512();
}

#define INTEGER_LANES(suffix, TYPE, BITS, SIGN, LANE_COUNT, ARGUMENT)          \
    PYR_INLINE vec load_##suffix(const TYPE *x) {                              \
        return _mm512_loadu_si512(x);                                          \
    }                                                                          \
    PYR_INLINE vec splat_##suffix(TYPE v) {                                    \
        return _mm512_set1_epi##BITS((ARGUMENT)v);                             \
    }                                                                          \
    PYR_INLINE vec chosen_##suffix(vec other, vec v, uint64_t bits) {          \
        return _mm512_mask_mov_epi##BITS(other, (__mmask##LANE_COUNT)bits, v); \
    }                                                                          \
    PYR_INLINE vec lesser_##suffix(vec a, vec b) {                             \
        return _mm512_min_ep##SIGN##BITS(a, b);                                \
    }                                                                          \
    PYR_INLINE vec greater_##suffix(vec a, vec b) {                            \
        return _mm512_max_ep##SIGN##BITS(a, b);                                \
    }
INTEGER_LANES(i8, int8_t, 8, i, 64, char)
INTEGER_LANES(i16, int16_t, 16, i, 32, short)
INTEGER_LANES(i32, int32_t, 32, i, 16, int)
INTEGER_LANES(i64, int64_t, 64, i, 8, long long)
INTEGER_LANES(u8, uint8_t, 8, u, 64, char)
INTEGER_LANES(u16, uint16_t, 16, u, 32, short)
INTEGER_LANES(u32, uint32_t, 32, u, 16, int)
INTEGER_LANES(u64, uint64_t, 64, u, 8, long long)

PYR_INLINE vec load_f32(const float *x) {
    return _mm512_loadu_si512(x);
}
PYR_INLINE vec load_f64(const double *x) {
    return _mm512_loadu_si512(x);
}
PYR_INLINE vec key_f32(vec v) {
    __m512 floats = _mm512_castsi512_ps(v);
    __mmask16 nan = _mm512_cmp_ps_mask(floats, floats, _CMP_UNORD_Q);
    v = _mm512_mask_mov_epi32(v, nan, _mm512_set1_epi32(0x7fc00000));
    vec turned = _mm512_and_si512(_mm512_srai_epi32(v, 31), _mm512_set1_epi32(INT32_MAX));
    return _mm512_xor_si512(v, turned);
}
PYR_INLINE vec key_f64(vec v) {
    __m512d floats = _mm512_castsi512_pd(v);
    __mmask8 nan = _mm512_cmp_pd_mask(floats, floats, _CMP_UNORD_Q);
    v = _mm512_mask_mov_epi64(v, nan, _mm512_set1_epi64(INT64_C(0x7ff8000000000000)));
    vec turned = _mm512_and_si512(_mm512_srai_epi64(v, 63), _mm512_set1_epi64(INT64_MAX));
    return _mm512_xor_si512(v, turned);
}

/* ---- Widening. Of 2^31 rows no sum of 32 bits' values leaves 63 bits. ---- */

PYR_INLINE void widen_u8(vec *low, vec *high, vec v) {
    (void)high;
    *low = _mm512_add_epi64(*low, _mm512_sad_epu8(v, zero()));
}
PYR_INLINE void widen_i8(vec *low, vec *high, vec v) {
    widen_u8(low, high, _mm512_xor_si512(v, _mm512_set1_epi8((char)0x80)));
}
PYR_INLINE void widen_i32(vec *low, vec *high, vec v) {
    (void)high;
    vec even = _mm512_srai_epi64(_mm512_slli_epi64(v, 32), 32);
    *low = _mm512_add_epi64(*low, _mm512_add_epi64(even, _mm512_srai_epi64(v, 32)));
}
PYR_INLINE void widen_i16(vec *low, vec *high, vec v) {
    widen_i32(low, high, _mm512_madd_epi16(v, _mm512_set1_epi16(1)));
}
PYR_INLINE void widen_u16(vec *low, vec *high, vec v) {
    widen_i16(low, high, _mm512_xor_si512(v, _mm512_set1_epi16((short)0x8000)));
}
PYR_INLINE vec low_halves(vec v) {
    return _mm512_and_si512(v, _mm512_set1_epi64(UINT32_MAX));
}
PYR_INLINE void widen_u32(vec *low, vec *high, vec v) {
    (void)high;
    *low = _mm512_add_epi64(*low, _mm512_add_epi64(low_halves(v), _mm512_srli_epi64(v, 32)));
}
PYR_INLINE void widen_i64(vec *low, vec *high, vec v) {
    *low = _mm512_add_epi64(*low, low_halves(v));
    *high = _mm512_add_epi64(*high, _mm512_srai_epi64(v, 32));
}
PYR_INLINE void widen_u64(vec *low, vec *high, vec v) {
    *low = _mm512_add_epi64(*low, low_halves(v));
    *high = _mm512_add_epi64(*high, _mm512_srli_epi64(v, 32));
}
#define BIAS_I8 128
#define BIAS_I16 0
#define BIAS_I32 0
#define BIAS_I64 0
#define BIAS_U8 0
#define BIAS_U16 (-32768)
#define BIAS_U32 0
#define BIAS_U64 0

/* ---- The eight lanes of sums of floats: a register. ---- */

typedef __m512d lanes;
PYR_INLINE lanes lanes_begin(void) {
    return _mm512_set1_pd(-0.0);
}
PYR_INLINE void lanes_store(lanes sum, double *out) {
    _mm512_storeu_pd(out, sum);
}
PYR_INLINE lanes add_f64(lanes sum, const double *x) {
    return _mm512_add_pd(sum, _mm512_loadu_pd(x));
}
PYR_INLINE lanes add_masked_f64(lanes sum, const double *x, uint8_t bits) {
    return _mm512_mask_add_pd(sum, bits, sum, _mm512_loadu_pd(x));
}
PYR_INLINE lanes add_f32(lanes sum, const float *x) {
    return _mm512_add_pd(sum, _mm512_cvtps_pd(_mm256_loadu_ps(x)));
}
PYR_INLINE lanes add_masked_f32(lanes sum, const float *x, uint8_t bits) {
    return _mm512_mask_add_pd(sum, bits, sum, _mm512_cvtps_pd(_mm256_loadu_ps(x)));
}

#include "kernels/aggregate_lanes.h"

void pyr_aggregate_avx512(pyr_kernels *table) {
    aggregate_put(table);
}
#endif
