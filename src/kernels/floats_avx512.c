/* floats_avx512.c - the moments of floats: what is NaN is a mask of lanes.
 */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include "kernels/floats_lanes.h"

#include <immintrin.h>

/* ---- Short floats: 32 a step, the extremes by their keys, the lanes in two registers. ---- */

typedef struct brief {
    __m512 shift, part_sum[2], part_squares[2]; /* of the chunk begun */
    __m512d sum[4], squares[4];
    __m512i top_signed, top_unsigned; /* of the bits as integers */
    int64_t zeros;
} brief;

/* shifted false: shift is 0. */
PYR_INLINE void add_brief(brief *s, bool shifted, __m512i bits, __m512 a, __m512 b) {
    s->top_signed = _mm512_max_epi16(s->top_signed, bits);
    s->top_unsigned = _mm512_max_epu16(s->top_unsigned, bits);
    s->zeros += __builtin_popcount(_mm512_testn_epi16_mask(bits, _mm512_set1_epi16(0x7fff)));
    a = shifted ? _mm512_sub_ps(a, s->shift) : a;
    b = shifted ? _mm512_sub_ps(b, s->shift) : b;
    s->part_sum[0] = _mm512_add_ps(s->part_sum[0], a);
    s->part_sum[1] = _mm512_add_ps(s->part_sum[1], b);
    s->part_squares[0] = _mm512_fmadd_ps(a, a, s->part_squares[0]);
    s->part_squares[1] = _mm512_fmadd_ps(b, b, s->part_squares[1]);
}
PYR_INLINE void end_lanes(__m512d *sum, __m512 *part) {
    for (int half = 0; half < 2; ++half) {
        __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(part[half]));
        __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(part[half], 1));
        sum[half * 2] = _mm512_add_pd(sum[half * 2], low);
        sum[half * 2 + 1] = _mm512_add_pd(sum[half * 2 + 1], high);
        part[half] = _mm512_setzero_ps();
    }
}
PYR_INLINE void end_chunk(brief *s) {
    end_lanes(s->sum, s->part_sum);
    end_lanes(s->squares, s->part_squares);
}
/* odd: the second register has the odd lanes, else the upper ones. */
PYR_INLINE void store_lanes(const __m512d *sum, const __m512 *part, bool odd, double *to,
                            float *part_to) {
    double lane[2][16];
    float part_lane[2][16];
    for (int half = 0; half < 2; ++half) {
        _mm512_storeu_pd(lane[half], sum[half * 2]);
        _mm512_storeu_pd(lane[half] + 8, sum[half * 2 + 1]);
        _mm512_storeu_ps(part_lane[half], part[half]);
    }
    for (int j = 0; j < PYR_SHORT_LANES; ++j) {
        to[j] = odd ? lane[j & 1][j >> 1] : lane[j >> 4][j & 15];
        part_to[j] = odd ? part_lane[j & 1][j >> 1] : part_lane[j >> 4][j & 15];
    }
}
/* The extremes of n values, whole steps, by their keys. */
static void key_extremes(const uint8_t *from, int64_t n, pyr_short_sums *s) {
    __m512i least = _mm512_set1_epi16(INT16_MAX), most = _mm512_set1_epi16(INT16_MIN);
    for (int64_t i = 0; i < n; i += 32) {
        __m512i bits = _mm512_loadu_si512(from + (i * 2));
        /* bits ^ (sign & 0x7fff) */
        __m512i key = _mm512_ternarylogic_epi32(bits, _mm512_srai_epi16(bits, 15),
                                                _mm512_set1_epi16(0x7fff), 0x78);
        least = _mm512_min_epi16(least, key);
        most = _mm512_max_epi16(most, key);
    }
    int16_t low[32], high[32];
    _mm512_storeu_si512(low, least);
    _mm512_storeu_si512(high, most);
    for (int j = 0; j < 32; ++j) {
        s->least = low[j] < s->least ? low[j] : s->least;
        s->most = high[j] > s->most ? high[j] : s->most;
    }
}
/* Bits of both signs: the largest as signed integers are those of the largest float, the largest as
 * unsigned ones those of the smallest. Of one sign half of that is missing: they are read again. */
static void end_extremes(const brief *b, const uint8_t *from, int64_t n, pyr_short_sums *s) {
    int16_t top[32];
    uint16_t top_unsigned[32];
    int16_t most = INT16_MIN;
    uint16_t least = 0;
    _mm512_storeu_si512(top, b->top_signed);
    _mm512_storeu_si512(top_unsigned, b->top_unsigned);
    for (int j = 0; j < 32; ++j) {
        most = top[j] > most ? top[j] : most;
        least = top_unsigned[j] > least ? top_unsigned[j] : least;
    }
    if (most < 0 || least < 0x8000U) {
        key_extremes(from, n, s);
        return;
    }
    s->most = most;
    s->least = pyr_short_key(least);
}

/* The even values are the low halves of 32 bits, the odd ones the high. */
PYR_INLINE void step_bf16(brief *s, bool shifted, const uint8_t *from) {
    __m512i bits = _mm512_loadu_si512(from);
    __m512i odd = _mm512_and_si512(bits, _mm512_set1_epi32((int)0xffff0000));
    add_brief(s, shifted, bits, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)),
              _mm512_castsi512_ps(odd));
}
PYR_INLINE void step_f16(brief *s, bool shifted, const uint8_t *from) {
    __m512i bits = _mm512_loadu_si512(from);
    add_brief(s, shifted, bits, _mm512_cvtph_ps(_mm512_castsi512_si256(bits)),
              _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)));
}
#define STEPS(kind, ODD)                                                                          \
    PYR_INLINE int64_t all_steps_##kind(pyr_short_sums *s, bool shifted, const uint8_t *from,     \
                                        int64_t n, float shift) {                                 \
        brief b = {.shift = _mm512_set1_ps(shift), .top_signed = _mm512_set1_epi16(INT16_MIN)};   \
        int64_t i = 0;                                                                            \
        while (n - i >= 32) {                                                                     \
            int64_t end = n - i < PYR_SHORT_CHUNK ? n - 31 : i + PYR_SHORT_CHUNK;                 \
            for (; i < end; i += 32) {                                                            \
                step_##kind(&b, shifted, from + (i * 2));                                         \
            }                                                                                     \
            if (i % PYR_SHORT_CHUNK == 0) {                                                       \
                end_chunk(&b);                                                                    \
            }                                                                                     \
        }                                                                                         \
        store_lanes(b.sum, b.part_sum, ODD, s->sum, s->part_sum);                                 \
        store_lanes(b.squares, b.part_squares, ODD, s->squares, s->part_squares);                 \
        s->zeros += b.zeros;                                                                      \
        end_extremes(&b, from, i, s);                                                             \
        return i;                                                                                 \
    }                                                                                             \
    static int64_t steps_##kind(pyr_short_sums *s, const uint8_t *from, int64_t n, float shift) { \
        return shift == 0 ? all_steps_##kind(s, false, from, n, shift)                            \
                          : all_steps_##kind(s, true, from, n, shift);                            \
    }
STEPS(bf16, true)
STEPS(f16, false)

/* ---- Of floats: lanes of a float each, and two registers of double lanes a sum. ---- */

typedef struct narrow {
    __m512d shift, sum[2], squares[2];
    __m512 least, most;
    int64_t numbers, zeros;
} narrow;

PYR_INLINE narrow begin_narrow(double shift) {
    return (narrow){.shift = _mm512_set1_pd(shift),
                    .least = _mm512_set1_ps(INFINITY),
                    .most = _mm512_set1_ps(-INFINITY)};
}
PYR_INLINE void add_eight(__m512d *sum, __m512d *squares, __m512d off) {
    *sum = _mm512_add_pd(*sum, off);
    *squares = _mm512_fmadd_pd(off, off, *squares);
}
PYR_INLINE void add_extremes(narrow *s, __m512 v) {
    s->zeros += __builtin_popcount(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_EQ_OQ));
    /* Of a NaN and a number these two give the second operand. */
    s->least = _mm512_min_ps(v, s->least);
    s->most = _mm512_max_ps(v, s->most);
}
PYR_INLINE void add_narrow(narrow *s, __m512 v) {
    __mmask16 number = _mm512_cmp_ps_mask(v, v, _CMP_ORD_Q);
    __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
    add_extremes(s, v);
    s->numbers += __builtin_popcount(number);
    add_eight(&s->sum[0], &s->squares[0], _mm512_maskz_sub_pd((__mmask8)number, low, s->shift));
    add_eight(&s->sum[1], &s->squares[1],
              _mm512_maskz_sub_pd((__mmask8)(number >> 8), high, s->shift));
}

/* ---- Of doubles: two registers of eight. ---- */

typedef struct two {
    __m512d low, high;
} two;
typedef struct wide {
    __m512d shift, sum[2], squares[2], least, most;
    int64_t numbers, zeros;
} wide;

PYR_INLINE wide begin_wide(double shift) {
    return (wide){.shift = _mm512_set1_pd(shift),
                  .least = _mm512_set1_pd(INFINITY),
                  .most = _mm512_set1_pd(-INFINITY)};
}
PYR_INLINE void add_half(wide *s, int half, __m512d v) {
    __mmask8 number = _mm512_cmp_pd_mask(v, v, _CMP_ORD_Q);
    s->numbers += __builtin_popcount(number);
    s->zeros += __builtin_popcount(_mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_EQ_OQ));
    s->least = _mm512_min_pd(v, s->least);
    s->most = _mm512_max_pd(v, s->most);
    add_eight(&s->sum[half], &s->squares[half], _mm512_maskz_sub_pd(number, v, s->shift));
}
PYR_INLINE void add_wide(wide *s, two v) {
    add_half(s, 0, v.low);
    add_half(s, 1, v.high);
}

PYR_INLINE double total(const __m512d lanes[2]) {
    double lane[16];
    _mm512_storeu_pd(lane, lanes[0]);
    _mm512_storeu_pd(lane + 8, lanes[1]);
    return pyr_lanes_total(lane);
}
#define END(state, LEAST, MOST)                                                \
    PYR_INLINE void end_##state(const state *s, int64_t n, pyr_moments *out) { \
        *out = (pyr_moments){                                                  \
            n - s->numbers,      s->zeros,      LEAST(s->least) + 0.0,         \
            MOST(s->most) + 0.0, total(s->sum), total(s->squares),             \
        };                                                                     \
    }
END(narrow, (double)_mm512_reduce_min_ps, (double)_mm512_reduce_max_ps)
END(wide, _mm512_reduce_min_pd, _mm512_reduce_max_pd)

/* ---- Kinds. ---- */

PYR_INLINE __m512 sixteen_f32(const uint8_t *from) {
    return _mm512_loadu_ps(from);
}
PYR_INLINE __m512 sixteen_bf16(const uint8_t *from) {
    __m256i half = _mm256_loadu_si256((const __m256i_u *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
PYR_INLINE __m512 sixteen_f16(const uint8_t *from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)from));
}
PYR_INLINE two sixteen_f64(const uint8_t *from) {
    return (two){_mm512_loadu_pd(from), _mm512_loadu_pd(from + 64)};
}

PYR_WIDE_MOMENTS(wide_bf16, bf16, narrow, 2, )
PYR_WIDE_MOMENTS(wide_f16, f16, narrow, 2, )
PYR_WIDE_MOMENTS(wide_f32, f32, narrow, 4, )
PYR_WIDE_MOMENTS(moments_f64, f64, wide, 8, )
PYR_SHORT_MOMENTS(bf16, steps_bf16, wide_bf16, )
PYR_SHORT_MOMENTS(f16, steps_f16, wide_f16, )

/* As if there were no NaN, which is seen at the end. */
static void moments_f32(const void *values, int64_t n, double shift, pyr_moments *out) {
    const uint8_t *from = values;
    narrow s = begin_narrow(shift);
    int64_t i = 0;
    for (; n - i >= 16; i += 16) {
        const uint8_t *at = from + (i * 4);
        add_extremes(&s, _mm512_loadu_ps(at));
        for (int half = 0; half < 2; ++half) {
            __m512d v =
                _mm512_cvtps_pd(_mm256_loadu_ps((const float *)(const void *)(at + (half * 32))));
            add_eight(&s.sum[half], &s.squares[half], _mm512_sub_pd(v, s.shift));
        }
    }
    s.numbers = i;
    if (i < n) {
        uint8_t last[64];
        memset(last, 0xff, sizeof last);
        memcpy(last, from + (i * 4), (size_t)(n - i) * 4);
        add_narrow(&s, _mm512_loadu_ps(last));
    }
    end_narrow(&s, n, out);
    if (out->sum != out->sum) {
        wide_f32(values, n, shift, out);
    }
}

void pyr_floats_avx512(pyr_kernels *table) {
    table->moments[PYR_FLOAT_BF16] = moments_bf16;
    table->moments[PYR_FLOAT_F16] = moments_f16;
    table->moments[PYR_FLOAT_F32] = moments_f32;
    table->moments[PYR_FLOAT_F64] = moments_f64;
}
#endif
