/* compare_avx2.c - comparisons of 32 bytes a step; a lane's sign is its bit of the mask. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

PYR_INLINE uint32_t bits_8(__m256i hits) {
    return (uint32_t)_mm256_movemask_epi8(hits);
}
PYR_INLINE uint32_t bits_16(__m256i hits) {
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(hits), _mm256_extracti128_si256(hits, 1));
    return (uint32_t)_mm_movemask_epi8(bytes);
}
PYR_INLINE uint32_t bits_32(__m256i hits) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(hits));
}
PYR_INLINE uint32_t bits_64(__m256i hits) {
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(hits));
}

/* FLIPPED: the sign bit of unsigned types, which makes their order that of signed ones. */
#define INTEGER_LANES(suffix, TYPE, BITS, SET, FLIPPED, ARGUMENT)                     \
    enum { LANES_##suffix = 256 / (BITS) };                                           \
    typedef __m256i vec_##suffix;                                                     \
    PYR_INLINE __m256i load_##suffix(const TYPE *x) {                                 \
        return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)x), \
                                _mm256_set1_epi##SET((ARGUMENT)(FLIPPED)));           \
    }                                                                                 \
    PYR_INLINE __m256i splat_##suffix(TYPE v) {                                       \
        return _mm256_set1_epi##SET((ARGUMENT)(v ^ (TYPE)(FLIPPED)));                 \
    }                                                                                 \
    PYR_INLINE uint32_t equal_##suffix(__m256i a, __m256i b) {                        \
        return bits_##BITS(_mm256_cmpeq_epi##BITS(a, b));                             \
    }                                                                                 \
    PYR_INLINE uint32_t less_##suffix(__m256i a, __m256i b) {                         \
        return bits_##BITS(_mm256_cmpgt_epi##BITS(b, a));                             \
    }
INTEGER_LANES(i8, int8_t, 8, 8, 0, char)
INTEGER_LANES(i16, int16_t, 16, 16, 0, short)
INTEGER_LANES(i32, int32_t, 32, 32, 0, int)
INTEGER_LANES(i64, int64_t, 64, 64x, 0, long long)
INTEGER_LANES(u8, uint8_t, 8, 8, 0x80U, char)
INTEGER_LANES(u16, uint16_t, 16, 16, 0x8000U, short)
INTEGER_LANES(u32, uint32_t, 32, 32, 0x80000000U, int)
INTEGER_LANES(u64, uint64_t, 64, 64x, UINT64_C(1) << 63, long long)

/* NaN equals NaN and is above all: a < b where a is a number and is not at least b. */
#define FLOAT_LANES(suffix, TYPE, VEC, KIND, LANE_COUNT)                                  \
    enum { LANES_##suffix = (LANE_COUNT) };                                               \
    typedef VEC vec_##suffix;                                                             \
    PYR_INLINE VEC load_##suffix(const TYPE *x) {                                         \
        return _mm256_loadu_##KIND(x);                                                    \
    }                                                                                     \
    PYR_INLINE VEC splat_##suffix(TYPE v) {                                               \
        return _mm256_set1_##KIND(v);                                                     \
    }                                                                                     \
    PYR_INLINE VEC nan_##suffix(VEC a) {                                                  \
        return _mm256_cmp_##KIND(a, a, _CMP_UNORD_Q);                                     \
    }                                                                                     \
    PYR_INLINE uint32_t equal_##suffix(VEC a, VEC b) {                                    \
        VEC nans = _mm256_and_##KIND(nan_##suffix(a), nan_##suffix(b));                   \
        return (uint32_t)_mm256_movemask_##KIND(                                          \
            _mm256_or_##KIND(_mm256_cmp_##KIND(a, b, _CMP_EQ_OQ), nans));                 \
    }                                                                                     \
    PYR_INLINE uint32_t less_##suffix(VEC a, VEC b) {                                     \
        return (uint32_t)_mm256_movemask_##KIND(                                          \
            _mm256_andnot_##KIND(nan_##suffix(a), _mm256_cmp_##KIND(a, b, _CMP_NGE_UQ))); \
    }
FLOAT_LANES(f32, float, __m256, ps, 8)
FLOAT_LANES(f64, double, __m256d, pd, 4)

#include "kernels/compare_lanes.h"

/* ---- Strings: the lengths first, then the bytes of those of the constant's length. ---- */

static uint64_t same_lengths(const int32_t *offsets, __m256i length) {
    uint64_t word = 0;
    PYR_UNROLL
    for (int j = 0; j < 64; j += 8) {
        __m256i from = load_i32(offsets + j), to = load_i32(offsets + j + 1);
        word |= (uint64_t)bits_32(_mm256_cmpeq_epi32(_mm256_sub_epi32(to, from), length)) << j;
    }
    return word;
}
static void equal_string(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                         pyr_string constant, uint64_t *mask) {
    /* No row is longer than INT32_MAX; -1 is no row's length. */
    int length = constant.length <= INT32_MAX ? (int)constant.length : -1;
    for (int64_t i = 0; i < n; i += 64) {
        int32_t last[65] = {0};
        const int32_t *from = offsets + i;
        if (n - i < 64) {
            memcpy(last, from, (size_t)(n - i + 1) * sizeof(int32_t));
            from = last;
        }
        uint64_t word = same_lengths(from, _mm256_set1_epi32(length));
        word &= n - i < 64 ? pyr_tail_bits(n) : ~UINT64_C(0);
        for (uint64_t left = constant.length == 0 ? 0 : word; left != 0; left &= left - 1) {
            int bit = __builtin_ctzll(left);
            bool differs = memcmp(bytes + from[bit], constant.bytes, constant.length) != 0;
            word &= ~((uint64_t)differs << bit);
        }
        mask[i >> 6] = word;
    }
}

void pyr_compare_avx2(pyr_kernels *table) {
    compare_put(table);
    table->equal_string = equal_string;
}
#endif
