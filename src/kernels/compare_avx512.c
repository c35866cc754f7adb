/* compare_avx512.c - comparisons of 64 bytes a step, straight to masks, and equality of strings
 * without a call. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define INTEGER_LANES(suffix, TYPE, BITS, SIGN, LANE_COUNT, ARGUMENT)     \
    enum { LANES_##suffix = (LANE_COUNT) };                               \
    typedef __m512i vec_##suffix;                                         \
    PYR_INLINE __m512i load_##suffix(const TYPE *x) {                     \
        return _mm512_loadu_si512(x);                                     \
    }                                                                     \
    PYR_INLINE __m512i splat_##suffix(TYPE v) {                           \
        return _mm512_set1_epi##BITS((ARGUMENT)v);                        \
    }                                                                     \
    PYR_INLINE __mmask##LANE_COUNT equal_##suffix(__m512i a, __m512i b) { \
        return _mm512_cmpeq_epi##BITS##_mask(a, b);                       \
    }                                                                     \
    PYR_INLINE __mmask##LANE_COUNT less_##suffix(__m512i a, __m512i b) {  \
        return _mm512_cmplt_ep##SIGN##BITS##_mask(a, b);                  \
    }
INTEGER_LANES(i8, int8_t, 8, i, 64, char)
INTEGER_LANES(i16, int16_t, 16, i, 32, short)
INTEGER_LANES(i32, int32_t, 32, i, 16, int)
INTEGER_LANES(i64, int64_t, 64, i, 8, long long)
INTEGER_LANES(u8, uint8_t, 8, u, 64, char)
INTEGER_LANES(u16, uint16_t, 16, u, 32, short)
INTEGER_LANES(u32, uint32_t, 32, u, 16, int)
INTEGER_LANES(u64, uint64_t, 64, u, 8, long long)

/* NaN equals NaN and is above all: a < b where a is a number and is not at least b. */
#define FLOAT_LANES(suffix, TYPE, VEC, KIND, LANE_COUNT)                                       \
    enum { LANES_##suffix = (LANE_COUNT) };                                                    \
    typedef VEC vec_##suffix;                                                                  \
    PYR_INLINE VEC load_##suffix(const TYPE *x) {                                              \
        return _mm512_loadu_##KIND(x);                                                         \
    }                                                                                          \
    PYR_INLINE VEC splat_##suffix(TYPE v) {                                                    \
        return _mm512_set1_##KIND(v);                                                          \
    }                                                                                          \
    PYR_INLINE __mmask##LANE_COUNT nan_##suffix(VEC a) {                                       \
        return _mm512_cmp_##KIND##_mask(a, a, _CMP_UNORD_Q);                                   \
    }                                                                                          \
    PYR_INLINE __mmask##LANE_COUNT equal_##suffix(VEC a, VEC b) {                              \
        return (__mmask##LANE_COUNT)(_mm512_cmp_##KIND##_mask(a, b, _CMP_EQ_OQ) |              \
                                     (nan_##suffix(a) & nan_##suffix(b)));                     \
    }                                                                                          \
    PYR_INLINE __mmask##LANE_COUNT less_##suffix(VEC a, VEC b) {                               \
        return _mm512_mask_cmp_##KIND##_mask(_mm512_cmp_##KIND##_mask(a, a, _CMP_ORD_Q), a, b, \
                                             _CMP_NGE_UQ);                                     \
    }
FLOAT_LANES(f32, float, __m512, ps, 16)
FLOAT_LANES(f64, double, __m512d, pd, 8)

#include "kernels/compare_lanes.h"

/* ---- Strings: the lengths first, then the bytes of those of the constant's length. ---- */

static uint64_t same_lengths(const int32_t *offsets, int64_t count, __m512i length) {
    uint64_t word = 0;
    for (int64_t j = 0; j < count; j += 16) {
        __mmask16 in = (__mmask16)_bzhi_u32(0xFFFF, (uint32_t)(count - j));
        __m512i from = _mm512_maskz_loadu_epi32(in, offsets + j);
        __m512i to = _mm512_maskz_loadu_epi32(in, offsets + j + 1);
        __mmask16 same = _mm512_mask_cmpeq_epi32_mask(in, _mm512_sub_epi32(to, from), length);
        word |= (uint64_t)same << j;
    }
    return word;
}
/* A constant of at most 64 bytes stands in a register. */
static void equal_string(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                         pyr_string constant, uint64_t *mask) {
    bool is_short = constant.length <= 64;
    __mmask64 in = constant.length == 0 ? 0 : ~UINT64_C(0) >> ((64 - constant.length) & 63);
    __m512i value = _mm512_maskz_loadu_epi8(is_short ? in : 0, constant.bytes);
    /* No row is longer than INT32_MAX; -1 is no row's length. */
    int length = constant.length <= INT32_MAX ? (int)constant.length : -1;
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t word =
            same_lengths(offsets + i, n - i < 64 ? n - i : 64, _mm512_set1_epi32(length));
        for (uint64_t left = constant.length == 0 ? 0 : word; left != 0; left &= left - 1) {
            const uint8_t *row = bytes + offsets[i + __builtin_ctzll(left)];
            bool differs =
                is_short
                    ? _mm512_mask_cmpneq_epi8_mask(in, _mm512_maskz_loadu_epi8(in, row), value) != 0
                    : memcmp(row, constant.bytes, constant.length) != 0;
            word &= ~((uint64_t)differs << __builtin_ctzll(left));
        }
        mask[i >> 6] = word;
    }
}

void pyr_compare_avx512(pyr_kernels *table) {
    compare_put(table);
    table->equal_string = equal_string;
}
#endif
