/* floats_avx2.c - the moments of floats, sixteen a step; F16 where the CPU converts it.
 */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include "kernels/floats_lanes.h"

#include <cpuid.h>
#include <immintrin.h>

#define F16C __attribute__((target("f16c")))

PYR_INLINE __m128i eight_halves(const uint8_t *from) {
    return _mm_loadu_si128((const __m128i_u *)from);
}

/* ---- Short floats: 32 a step, the extremes by their keys, the lanes in four registers. ---- */

typedef struct brief {
    __m256 shift, part_sum[4], part_squares[4]; /* of the chunk begun */
    __m256i least, most, part_zeros;            /* zeros: negative, in 16 bits */
} brief;

PYR_INLINE brief begin_brief(const pyr_short_sums *s, float shift) {
    return (brief){.shift = _mm256_set1_ps(shift),
                   .least = _mm256_set1_epi16(s->least),
                   .most = _mm256_set1_epi16(s->most)};
}
PYR_INLINE void add_sixteen(brief *s, int at, __m256i bits, __m256 a, __m256 b) {
    const __m256i size = _mm256_set1_epi16(0x7fff);
    __m256i sign = _mm256_srai_epi16(bits, 15);
    __m256i key = _mm256_xor_si256(bits, _mm256_and_si256(sign, size));
    __m256i zero = _mm256_cmpeq_epi16(_mm256_and_si256(bits, size), _mm256_setzero_si256());
    s->least = _mm256_min_epi16(s->least, key);
    s->most = _mm256_max_epi16(s->most, key);
    s->part_zeros = _mm256_add_epi16(s->part_zeros, zero);
    a = _mm256_sub_ps(a, s->shift);
    b = _mm256_sub_ps(b, s->shift);
    s->part_sum[at] = _mm256_add_ps(s->part_sum[at], a);
    s->part_sum[at + 1] = _mm256_add_ps(s->part_sum[at + 1], b);
    s->part_squares[at] = _mm256_fmadd_ps(a, a, s->part_squares[at]);
    s->part_squares[at + 1] = _mm256_fmadd_ps(b, b, s->part_squares[at + 1]);
}
PYR_INLINE void end_zeros(brief *b, pyr_short_sums *s) {
    int16_t zeros[16];
    memcpy(zeros, &b->part_zeros, 32);
    for (int j = 0; j < 16; ++j) {
        s->zeros -= zeros[j];
    }
    b->part_zeros = _mm256_setzero_si256();
}
/* `sum` has eight registers, in the order of the parts' halves. */
PYR_INLINE void end_lanes(__m256d *sum, __m256 *part) {
    for (int j = 0; j < 4; ++j) {
        __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(part[j]));
        __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(part[j], 1));
        sum[j * 2] = _mm256_add_pd(sum[j * 2], low);
        sum[j * 2 + 1] = _mm256_add_pd(sum[j * 2 + 1], high);
        part[j] = _mm256_setzero_ps();
    }
}
/* odd: a register of each pair has the odd lanes, else the upper ones. */
PYR_INLINE void store_lanes(const __m256d *sum, const __m256 *part, bool odd, double *to,
                            float *part_to) {
    double lane[4][8];
    float part_lane[4][8];
    memcpy(lane, sum, sizeof lane);
    memcpy(part_lane, part, sizeof part_lane);
    for (int j = 0; j < PYR_SHORT_LANES; ++j) {
        int part_index = odd ? (j / 16) * 2 + (j & 1) : j / 8, at = odd ? (j % 16) / 2 : j % 8;
        to[j] = lane[part_index][at];
        part_to[j] = part_lane[part_index][at];
    }
}
PYR_INLINE void end_extremes(const brief *b, pyr_short_sums *s) {
    int16_t least[16], most[16];
    memcpy(least, &b->least, 32);
    memcpy(most, &b->most, 32);
    for (int j = 0; j < 16; ++j) {
        s->least = least[j] < s->least ? least[j] : s->least;
        s->most = most[j] > s->most ? most[j] : s->most;
    }
}

/* The even values are the low halves of 32 bits, the odd ones the high. */
PYR_INLINE void half_step_bf16(brief *s, int at, const uint8_t *from) {
    __m256i bits = _mm256_loadu_si256((const __m256i_u *)from);
    __m256i odd = _mm256_and_si256(bits, _mm256_set1_epi32((int)0xffff0000));
    add_sixteen(s, at, bits, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16)),
                _mm256_castsi256_ps(odd));
}
F16C PYR_INLINE void half_step_f16(brief *s, int at, const uint8_t *from) {
    add_sixteen(s, at, _mm256_loadu_si256((const __m256i_u *)from),
                _mm256_cvtph_ps(eight_halves(from)), _mm256_cvtph_ps(eight_halves(from + 16)));
}
#define STEPS(kind, ODD, TARGET)                                                          \
    TARGET static int64_t steps_##kind(pyr_short_sums *s, const uint8_t *from, int64_t n, \
                                       float shift) {                                     \
        brief b = begin_brief(s, shift);                                                  \
        __m256d sum[8] = {0}, squares[8] = {0};                                           \
        int64_t i = 0;                                                                    \
        while (n - i >= 32) {                                                             \
            int64_t end = n - i < PYR_SHORT_CHUNK ? n - 31 : i + PYR_SHORT_CHUNK;         \
            for (; i < end; i += 32) {                                                    \
                half_step_##kind(&b, 0, from + (i * 2));                                  \
                half_step_##kind(&b, 2, from + (i * 2) + 32);                             \
            }                                                                             \
            end_zeros(&b, s);                                                             \
            if (i % PYR_SHORT_CHUNK == 0) {                                               \
                end_lanes(sum, b.part_sum);                                               \
                end_lanes(squares, b.part_squares);                                       \
            }                                                                             \
        }                                                                                 \
        store_lanes(sum, b.part_sum, ODD, s->sum, s->part_sum);                           \
        store_lanes(squares, b.part_squares, ODD, s->squares, s->part_squares);           \
        end_extremes(&b, s);                                                              \
        return i;                                                                         \
    }
STEPS(bf16, true, )
STEPS(f16, false, F16C)

/* ---- The others. ---- */

typedef struct two {
    __m256 low, high;
} two;
typedef struct four {
    __m256d part[4];
} four;

PYR_INLINE void add_four(__m256d *sum, __m256d *squares, __m256d v, __m256d shift) {
    __m256d number = _mm256_cmp_pd(v, v, _CMP_ORD_Q);
    __m256d off = _mm256_and_pd(number, _mm256_sub_pd(v, shift));
    *sum = _mm256_add_pd(*sum, off);
    *squares = _mm256_fmadd_pd(off, off, *squares);
}

/* ---- Of floats: lanes of a float each, and four registers of double lanes a sum. ---- */

/* Counts are lanes of 32 bits: a call has fewer than 2^31 rows. */
typedef struct narrow {
    __m256d shift, sum[4], squares[4];
    __m256 least, most;
    __m256i numbers, zeros; /* negative */
} narrow;

PYR_INLINE narrow begin_narrow(double shift) {
    return (narrow){.shift = _mm256_set1_pd(shift),
                    .least = _mm256_set1_ps(INFINITY),
                    .most = _mm256_set1_ps(-INFINITY)};
}
PYR_INLINE void add_half_narrow(narrow *s, int half, __m256 v) {
    __m256 number = _mm256_cmp_ps(v, v, _CMP_ORD_Q);
    __m256 zero = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_EQ_OQ);
    s->numbers = _mm256_add_epi32(s->numbers, _mm256_castps_si256(number));
    s->zeros = _mm256_add_epi32(s->zeros, _mm256_castps_si256(zero));
    /* Of a NaN and a number these two give the second operand. */
    s->least = _mm256_min_ps(v, s->least);
    s->most = _mm256_max_ps(v, s->most);
    add_four(&s->sum[half * 2], &s->squares[half * 2], _mm256_cvtps_pd(_mm256_castps256_ps128(v)),
             s->shift);
    add_four(&s->sum[half * 2 + 1], &s->squares[half * 2 + 1],
             _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)), s->shift);
}
PYR_INLINE void add_narrow(narrow *s, two v) {
    add_half_narrow(s, 0, v.low);
    add_half_narrow(s, 1, v.high);
}

/* ---- Of doubles. ---- */

typedef struct wide {
    __m256d shift, sum[4], squares[4], least, most;
    __m256i numbers, zeros; /* negative */
} wide;

PYR_INLINE wide begin_wide(double shift) {
    return (wide){.shift = _mm256_set1_pd(shift),
                  .least = _mm256_set1_pd(INFINITY),
                  .most = _mm256_set1_pd(-INFINITY)};
}
PYR_INLINE void add_wide(wide *s, four v) {
    PYR_UNROLL
    for (int i = 0; i < 4; ++i) {
        __m256d number = _mm256_cmp_pd(v.part[i], v.part[i], _CMP_ORD_Q);
        __m256d zero = _mm256_cmp_pd(v.part[i], _mm256_setzero_pd(), _CMP_EQ_OQ);
        s->numbers = _mm256_add_epi64(s->numbers, _mm256_castpd_si256(number));
        s->zeros = _mm256_add_epi64(s->zeros, _mm256_castpd_si256(zero));
        s->least = _mm256_min_pd(v.part[i], s->least);
        s->most = _mm256_max_pd(v.part[i], s->most);
        add_four(&s->sum[i], &s->squares[i], v.part[i], s->shift);
    }
}

/* ---- Ends. ---- */

PYR_INLINE double total(const __m256d lanes[4]) {
    double lane[16];
    for (int i = 0; i < 4; ++i) {
        _mm256_storeu_pd(lane + (i * 4), lanes[i]);
    }
    return pyr_lanes_total(lane);
}
#define END(state, TYPE, COUNT_TYPE, LANES)                                                \
    PYR_INLINE void end_##state(const state *s, int64_t n, pyr_moments *out) {             \
        TYPE least[LANES], most[LANES];                                                    \
        COUNT_TYPE numbers[LANES], zeros[LANES];                                           \
        memcpy(least, &s->least, 32);                                                      \
        memcpy(most, &s->most, 32);                                                        \
        memcpy(numbers, &s->numbers, 32);                                                  \
        memcpy(zeros, &s->zeros, 32);                                                      \
        *out = (pyr_moments){n, 0, INFINITY, -INFINITY, total(s->sum), total(s->squares)}; \
        for (int i = 0; i < (LANES); ++i) {                                                \
            out->nan_count += numbers[i];                                                  \
            out->zero_count -= zeros[i];                                                   \
            out->min = least[i] < out->min ? least[i] : out->min;                          \
            out->max = most[i] > out->max ? most[i] : out->max;                            \
        }                                                                                  \
        out->min += 0.0;                                                                   \
        out->max += 0.0;                                                                   \
    }
END(narrow, float, int32_t, 8)
END(wide, double, int64_t, 4)

/* ---- Kinds. ---- */

PYR_INLINE two sixteen_f32(const uint8_t *from) {
    return (two){_mm256_loadu_ps((const float *)(const void *)from),
                 _mm256_loadu_ps((const float *)(const void *)(from + 32))};
}
PYR_INLINE __m256 eight_bf16(const uint8_t *from) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight_halves(from)), 16));
}
PYR_INLINE two sixteen_bf16(const uint8_t *from) {
    return (two){eight_bf16(from), eight_bf16(from + 16)};
}
F16C PYR_INLINE two sixteen_f16(const uint8_t *from) {
    return (two){_mm256_cvtph_ps(eight_halves(from)), _mm256_cvtph_ps(eight_halves(from + 16))};
}
PYR_INLINE four sixteen_f64(const uint8_t *from) {
    four v;
    PYR_UNROLL
    for (int i = 0; i < 4; ++i) {
        v.part[i] = _mm256_loadu_pd((const double *)(const void *)(from + (i * 32)));
    }
    return v;
}

PYR_WIDE_MOMENTS(wide_bf16, bf16, narrow, 2, )
PYR_WIDE_MOMENTS(wide_f16, f16, narrow, 2, F16C)
PYR_WIDE_MOMENTS(moments_f32, f32, narrow, 4, )
PYR_WIDE_MOMENTS(moments_f64, f64, wide, 8, )
PYR_SHORT_MOMENTS(bf16, steps_bf16, wide_bf16, )
PYR_SHORT_MOMENTS(f16, steps_f16, wide_f16, F16C)

/* ---- Widening. ---- */

static void widen_bf16(const void *values, int64_t n, float *out) {
    const uint8_t *from = values;
    int64_t i = 0;
    for (; n - i >= 8; i += 8) {
        _mm256_storeu_ps(out + i, eight_bf16(from + (i * 2)));
    }
    for (; i < n; ++i) {
        out[i] = pyr_float_of_bf16(pyr_short_bits(from, i));
    }
}
F16C static void widen_f16(const void *values, int64_t n, float *out) {
    const uint8_t *from = values;
    int64_t i = 0;
    for (; n - i >= 8; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(eight_halves(from + (i * 2))));
    }
    for (; i < n; ++i) {
        out[i] = _cvtsh_ss(pyr_short_bits(from, i));
    }
}

void pyr_floats_avx2(pyr_kernels *table) {
    table->widen_bf16 = widen_bf16;
    table->moments[PYR_FLOAT_BF16] = moments_bf16;
    table->moments[PYR_FLOAT_F32] = moments_f32;
    table->moments[PYR_FLOAT_F64] = moments_f64;
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0) {
        table->widen_f16 = widen_f16;
        table->moments[PYR_FLOAT_F16] = moments_f16;
    }
}
#endif
