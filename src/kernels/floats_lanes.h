/* floats_lanes.h - what the files of moments share: the frame of the short floats' (F16, BF16), the
 * frame of the others', and F16 and BF16 by the bits.
 *
 * Short floats: `steps` (NULL for the oracle) adds whole steps of 32 values to the lanes of a
 * chunk, what is left is added here, one by one.
 */
#ifndef PYR_KERNELS_FLOATS_LANES_H
#define PYR_KERNELS_FLOATS_LANES_H

#include "kernels/kernels_internal.h"

#include <math.h>
#include <string.h>

/* ---- Bits. ---- */

PYR_INLINE uint16_t pyr_short_bits(const uint8_t *values, int64_t i) {
    uint16_t bits = 0;
    memcpy(&bits, values + (i * 2), sizeof bits);
    return bits;
}
PYR_INLINE float pyr_float_of_bits(uint32_t bits) {
    float value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}
PYR_INLINE float pyr_float_of_bf16(uint16_t bits) {
    return pyr_float_of_bits((uint32_t)bits << 16);
}
PYR_INLINE float pyr_float_of_f16(uint16_t half) {
    uint32_t bits = half;
    uint32_t sign = (bits & 0x8000U) << 16, exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
    if (exponent == 0x1f) {
        /* As the CPU's own conversion has it: a signalling NaN becomes the quiet one beside it. */
        uint32_t quiet = fraction != 0 ? 0x400000U : 0;
        return pyr_float_of_bits(sign | 0x7f800000U | quiet | (fraction << 13));
    }
    if (exponent == 0) {
        float value = (float)fraction * 0x1p-24F;
        return sign != 0 ? -value : value;
    }
    return pyr_float_of_bits(sign | ((exponent + (127 - 15)) << 23) | (fraction << 13));
}

/* Integers that order as the floats whose bits they are made of, -0.0 below 0.0, NaNs beyond the
 * infinities; and back. */
PYR_INLINE int16_t pyr_short_key(uint16_t bits) {
    return (int16_t)(bits ^ ((bits & 0x8000U) != 0 ? 0x7fffU : 0U));
}

/* ---- Short floats. ---- */

enum { PYR_SHORT_LANES = 32, PYR_SHORT_CHUNK = 1024 };
#define PYR_SHORT_MAX 0x1p50
#define PYR_SHORT_MIN 0x1p-50

typedef struct pyr_short_sums {
    double sum[PYR_SHORT_LANES], squares[PYR_SHORT_LANES];          /* of whole chunks */
    float part_sum[PYR_SHORT_LANES], part_squares[PYR_SHORT_LANES]; /* of the one begun */
    int16_t least, most;                                            /* keys, of all */
    int64_t zeros;
} pyr_short_sums;

PYR_INLINE double pyr_short_total(const double lane[PYR_SHORT_LANES]) {
    double sixteen[16];
    for (int j = 0; j < 16; ++j) {
        sixteen[j] = lane[j] + lane[j + 16];
    }
    return pyr_lanes_total(sixteen);
}
/* Whether sums in float hold what they should. A NaN answers no. */
PYR_INLINE bool pyr_short_usable(float least, float most, double shift) {
    float size = -least > most ? -least : most;
    return least > -(float)PYR_SHORT_MAX && most < (float)PYR_SHORT_MAX &&
           (size == 0 || size >= (float)PYR_SHORT_MIN) && shift > -PYR_SHORT_MAX &&
           shift < PYR_SHORT_MAX;
}

/* One value that no step took. */
#define PYR_SHORT_ONE(kind, s, values, i, shift)                               \
    do {                                                                       \
        uint16_t bits_ = pyr_short_bits(values, i);                            \
        int16_t key_ = pyr_short_key(bits_);                                   \
        float off_ = pyr_float_of_##kind(bits_) - (shift);                     \
        int64_t lane_ = (i) % PYR_SHORT_LANES;                                 \
        (s)->part_sum[lane_] += off_;                                          \
        (s)->part_squares[lane_] = fmaf(off_, off_, (s)->part_squares[lane_]); \
        (s)->least = key_ < (s)->least ? key_ : (s)->least;                    \
        (s)->most = key_ > (s)->most ? key_ : (s)->most;                       \
        (s)->zeros += (bits_ & 0x7fffU) == 0;                                  \
    } while (0)
PYR_INLINE void pyr_short_end_chunk(pyr_short_sums *s) {
    for (int j = 0; j < PYR_SHORT_LANES; ++j) {
        s->sum[j] += (double)s->part_sum[j];
        s->squares[j] += (double)s->part_squares[j];
        s->part_sum[j] = 0;
        s->part_squares[j] = 0;
    }
}

/* STEPS(s, values, n, shift): fills s with the first values, by steps of 32, and gives how many.
 * WIDE: the moments where floats would not do. */
#define PYR_SHORT_MOMENTS(kind, STEPS, WIDE, TARGET)                                   \
    TARGET static void moments_##kind(const void *values, int64_t n, double shift,     \
                                      pyr_moments *out) {                              \
        pyr_short_sums s = {.least = INT16_MAX, .most = INT16_MIN};                    \
        for (int64_t i = STEPS(&s, values, n, (float)shift); i < n; ++i) {             \
            PYR_SHORT_ONE(kind, &s, values, i, (float)shift);                          \
            if ((i + 1) % PYR_SHORT_CHUNK == 0) {                                      \
                pyr_short_end_chunk(&s);                                               \
            }                                                                          \
        }                                                                              \
        pyr_short_end_chunk(&s);                                                       \
        /* A key is its own inverse. */                                                \
        float least = pyr_float_of_##kind((uint16_t)pyr_short_key((uint16_t)s.least)); \
        float most = pyr_float_of_##kind((uint16_t)pyr_short_key((uint16_t)s.most));   \
        if (n == 0 || !pyr_short_usable(least, most, shift)) {                         \
            WIDE(values, n, shift, out);                                               \
            return;                                                                    \
        }                                                                              \
        /* 0.0 added: -0.0 becomes 0.0, all else stays. */                             \
        *out = (pyr_moments){                                                          \
            0,                                                                         \
            s.zeros,                                                                   \
            (double)least + 0.0,                                                       \
            (double)most + 0.0,                                                        \
            pyr_short_total(s.sum),                                                    \
            pyr_short_total(s.squares),                                                \
        };                                                                             \
    }

/* ---- The others, of an ISA with lanes: sixteen values a step. ---- */

/* It has the states `narrow` (of floats) and `wide` (of doubles), of each begin_<state>(shift),
 * add_<state>(state, sixteen) and end_<state>(state, n, out); and of each kind
 * sixteen_<kind>(bytes), the next values as the state takes them. The last are copied to a block
 * whose rest is NaN (bytes of ones are, of every kind), which adds nothing. */
#define PYR_WIDE_MOMENTS(name, kind, state, WIDTH, TARGET)                                   \
    TARGET static void name(const void *values, int64_t n, double shift, pyr_moments *out) { \
        const uint8_t *from = values;                                                        \
        state s = begin_##state(shift);                                                      \
        int64_t i = 0;                                                                       \
        for (; n - i >= 16; i += 16) {                                                       \
            add_##state(&s, sixteen_##kind(from + (i * (WIDTH))));                           \
        }                                                                                    \
        if (i < n) {                                                                         \
            uint8_t last[16 * (WIDTH)];                                                      \
            memset(last, 0xff, sizeof last);                                                 \
            memcpy(last, from + (i * (WIDTH)), (size_t)(n - i) * (WIDTH));                   \
            add_##state(&s, sixteen_##kind(last));                                           \
        }                                                                                    \
        end_##state(&s, n, out);                                                             \
    }

#endif
