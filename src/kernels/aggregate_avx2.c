/* aggregate_avx2.c - sums and extremes over a mask, whose bits become lanes of ones first. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define VEC_BYTES 32
typedef __m256i vec;
PYR_INLINE vec zero(void) {
    return _mm256_setzero_si256();
}
PYR_INLINE vec load(const void *x) {
    return _mm256_loadu_si256(x);
}

/* ---- Bits to lanes: each lane looks at its own bit. ---- */

PYR_INLINE vec lanes_of_8(uint64_t bits) {
    const vec bytes = _mm256_setr_epi64x(0, INT64_C(0x0101010101010101),
                                         INT64_C(0x0202020202020202), INT64_C(0x0303030303030303));
    const vec own = _mm256_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    vec spread = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), bytes);
    return _mm256_cmpeq_epi8(_mm256_and_si256(spread, own), own);
}
PYR_INLINE vec lanes_of_16(uint64_t bits) {
    const vec own = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192,
                                      16384, (short)0x8000);
    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((short)bits), own), own);
}
PYR_INLINE vec lanes_of_32(uint64_t bits) {
    const vec own = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), own), own);
}
PYR_INLINE vec lanes_of_64(uint64_t bits) {
    const vec own = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x((long long)bits), own), own);
}

#define LOADED(suffix, TYPE)                      \
    PYR_INLINE vec load_##suffix(const TYPE *x) { \
        return load(x);                           \
    }
#define CHOSEN(suffix, TYPE, BITS, SET, ARGUMENT)                     \
    LOADED(suffix, TYPE)                                              \
    PYR_INLINE vec splat_##suffix(TYPE v) {                           \
        return _mm256_set1_epi##SET((ARGUMENT)v);                     \
    }                                                                 \
    PYR_INLINE vec chosen_##suffix(vec other, vec v, uint64_t bits) { \
        return _mm256_blendv_epi8(other, v, lanes_of_##BITS(bits));   \
    }
#define INTEGER_LANES(suffix, TYPE, BITS, SIGN, ARGUMENT) \
    CHOSEN(suffix, TYPE, BITS, BITS, ARGUMENT)            \
    PYR_INLINE vec lesser_##suffix(vec a, vec b) {        \
        return _mm256_min_ep##SIGN##BITS(a, b);           \
    }                                                     \
    PYR_INLINE vec greater_##suffix(vec a, vec b) {       \
        return _mm256_max_ep##SIGN##BITS(a, b);           \
    }
/* FLIPPED: makes the order of unsigned values that of signed ones. */
#define INTEGER_LANES_64(suffix, TYPE, FLIPPED)                                                \
    CHOSEN(suffix, TYPE, 64, 64x, long long)                                                   \
    PYR_INLINE vec above_##suffix(vec a, vec b) {                                              \
        const vec flipped = _mm256_set1_epi64x((long long)(FLIPPED));                          \
        return _mm256_cmpgt_epi64(_mm256_xor_si256(a, flipped), _mm256_xor_si256(b, flipped)); \
    }                                                                                          \
    PYR_INLINE vec lesser_##suffix(vec a, vec b) {                                             \
        return _mm256_blendv_epi8(a, b, above_##suffix(a, b));                                 \
    }                                                                                          \
    PYR_INLINE vec greater_##suffix(vec a, vec b) {                                            \
        return _mm256_blendv_epi8(b, a, above_##suffix(a, b));                                 \
    }
INTEGER_LANES(i8, int8_t, 8, i, char)
INTEGER_LANES(i16, int16_t, 16, i, short)
INTEGER_LANES(i32, int32_t, 32, i, int)
INTEGER_LANES(u8, uint8_t, 8, u, char)
INTEGER_LANES(u16, uint16_t, 16, u, short)
INTEGER_LANES(u32, uint32_t, 32, u, int)
INTEGER_LANES_64(i64, int64_t, 0)
INTEGER_LANES_64(u64, uint64_t, UINT64_C(1) << 63)
LOADED(f32, float)
LOADED(f64, double)

PYR_INLINE vec key_f32(vec v) {
    __m256 floats = _mm256_castsi256_ps(v);
    vec nan = _mm256_castps_si256(_mm256_cmp_ps(floats, floats, _CMP_UNORD_Q));
    v = _mm256_blendv_epi8(v, _mm256_set1_epi32(0x7fc00000), nan);
    vec turned = _mm256_and_si256(_mm256_srai_epi32(v, 31), _mm256_set1_epi32(INT32_MAX));
    return _mm256_xor_si256(v, turned);
}
PYR_INLINE vec key_f64(vec v) {
    __m256d floats = _mm256_castsi256_pd(v);
    vec nan = _mm256_castpd_si256(_mm256_cmp_pd(floats, floats, _CMP_UNORD_Q));
    v = _mm256_blendv_epi8(v, _mm256_set1_epi64x(INT64_C(0x7ff8000000000000)), nan);
    vec turned = _mm256_srli_epi64(_mm256_cmpgt_epi64(zero(), v), 1);
    return _mm256_xor_si256(v, turned);
}

/* ---- Widening. Of 2^31 rows no sum of 32 bits' values leaves 63 bits. ---- */

PYR_INLINE void widen_u8(vec *low, vec *high, vec v) {
    (void)high;
    *low = _mm256_add_epi64(*low, _mm256_sad_epu8(v, zero()));
}
PYR_INLINE void widen_i8(vec *low, vec *high, vec v) {
    widen_u8(low, high, _mm256_xor_si256(v, _mm256_set1_epi8((char)0x80)));
}
PYR_INLINE void widen_u32(vec *low, vec *high, vec v) {
    (void)high;
    vec even = _mm256_blend_epi32(v, zero(), 0xAA);
    *low = _mm256_add_epi64(*low, _mm256_add_epi64(even, _mm256_srli_epi64(v, 32)));
}
PYR_INLINE void widen_i32(vec *low, vec *high, vec v) {
    widen_u32(low, high, _mm256_xor_si256(v, _mm256_set1_epi32(INT32_MIN)));
}
PYR_INLINE void widen_i16(vec *low, vec *high, vec v) {
    widen_i32(low, high, _mm256_madd_epi16(v, _mm256_set1_epi16(1)));
}
PYR_INLINE void widen_u16(vec *low, vec *high, vec v) {
    widen_i16(low, high, _mm256_xor_si256(v, _mm256_set1_epi16((short)0x8000)));
}
PYR_INLINE void widen_u64(vec *low, vec *high, vec v) {
    *low = _mm256_add_epi64(*low, _mm256_blend_epi32(v, zero(), 0xAA));
    *high = _mm256_add_epi64(*high, _mm256_srli_epi64(v, 32));
}
PYR_INLINE void widen_i64(vec *low, vec *high, vec v) {
    widen_u64(low, high, _mm256_xor_si256(v, _mm256_set1_epi64x(INT64_MIN)));
}
/* There is no shift of 64 bits that keeps the sign: signed values are made unsigned ones. */
#define BIAS_I8 128
#define BIAS_I16 (INT64_C(1) << 30) /* of two rows 2^31 */
#define BIAS_I32 (INT64_C(1) << 31)
#define BIAS_I64 ((pyr_i128)1 << 63)
#define BIAS_U8 0
#define BIAS_U16 ((INT64_C(1) << 30) - 32768)
#define BIAS_U32 0
#define BIAS_U64 0

/* ---- The eight lanes of sums of floats: two registers. ---- */

typedef struct lanes {
    __m256d low, high;
} lanes;
PYR_INLINE lanes lanes_begin(void) {
    return (lanes){_mm256_set1_pd(-0.0), _mm256_set1_pd(-0.0)};
}
PYR_INLINE void lanes_store(lanes sum, double *out) {
    _mm256_storeu_pd(out, sum.low);
    _mm256_storeu_pd(out + 4, sum.high);
}
PYR_INLINE lanes add(lanes sum, __m256d low, __m256d high) {
    return (lanes){_mm256_add_pd(sum.low, low), _mm256_add_pd(sum.high, high)};
}
/* A lane outside of the mask gets -0.0, which changes no sum. */
PYR_INLINE __m256d or_nothing(__m256d v, uint32_t bits) {
    return _mm256_blendv_pd(_mm256_set1_pd(-0.0), v, _mm256_castsi256_pd(lanes_of_64(bits)));
}
PYR_INLINE lanes add_f64(lanes sum, const double *x) {
    return add(sum, _mm256_loadu_pd(x), _mm256_loadu_pd(x + 4));
}
PYR_INLINE lanes add_masked_f64(lanes sum, const double *x, uint8_t bits) {
    return add(sum, or_nothing(_mm256_loadu_pd(x), bits),
               or_nothing(_mm256_loadu_pd(x + 4), bits >> 4));
}
PYR_INLINE lanes add_f32(lanes sum, const float *x) {
    return add(sum, _mm256_cvtps_pd(_mm_loadu_ps(x)), _mm256_cvtps_pd(_mm_loadu_ps(x + 4)));
}
PYR_INLINE lanes add_masked_f32(lanes sum, const float *x, uint8_t bits) {
    return add(sum, or_nothing(_mm256_cvtps_pd(_mm_loadu_ps(x)), bits),
               or_nothing(_mm256_cvtps_pd(_mm_loadu_ps(x + 4)), bits >> 4));
}

#include "kernels/aggregate_lanes.h"

void pyr_aggregate_avx2(pyr_kernels *table) {
    aggregate_put(table);
}
#endif
