/* aggregate_lanes.h - sums and extremes of an ISA with lanes; included by aggregate_avx2.c and
 * aggregate_avx512.c alone.
 *
 * They have before: vec (of integers, VEC_BYTES wide), zero(); of each type's suffix
 * load_<suffix>(x), splat_<suffix>(value), chosen_<suffix>(other, v, bits) (v where the lane's bit
 * is set), lesser_<suffix>(a, b) and greater_<suffix>(a, b) (integers), key_<suffix>(v) (floats);
 * the sums' widen_<suffix>(low, high, v), which adds to sums of 64 bits (low + high * 2^32) what
 * BIAS_<SUFFIX> tells for each row too much; lanes, lanes_begin(), lanes_store(lanes, out), and
 * add_<suffix>(lanes, x) and add_masked_<suffix>(lanes, x, bits) of eight floats. A step is a word
 * of 64 rows; the last rows are copied to a block of 64.
 */
#ifndef PYR_KERNELS_AGGREGATE_LANES_H
#define PYR_KERNELS_AGGREGATE_LANES_H

#include "kernels/kernels_internal.h"

#include <string.h>

/* Begins the loop over the words that have rows, of the span x: `from` are their 64 values. */
#define FOR_WORDS(TYPE)                                               \
    for (int64_t i = 0; i < n; i += 64) {                             \
        uint64_t word = n - i < 64 ? pyr_tail_bits(n) : ~UINT64_C(0); \
        word &= mask == NULL ? ~UINT64_C(0) : mask[i >> 6];           \
        const TYPE *from = x + i;                                     \
        TYPE last[64];                                                \
        if (word == 0) {                                              \
            continue;                                                 \
        }                                                             \
        if (n - i < 64) {                                             \
            memset(last, 0, sizeof last);                             \
            memcpy(last, from, (size_t)(n - i) * sizeof(TYPE));       \
            from = last;                                              \
        }
#define END_WORDS }
#define FOR_STEPS(TYPE) \
    PYR_UNROLL          \
    for (int j = 0; j < 64; j += (int)(VEC_BYTES / sizeof(TYPE)))

/* So few rows lie in so few cache lines that the others are better not read. Of more of them the
 * CPU guesses the next lines well, and to skip some only keeps it from that. */
static inline bool are_few(const uint64_t *mask, int64_t n) {
    enum { ONE_OF = 40 };
    int64_t rows = 0;
    for (int64_t i = 0; mask != NULL && i < n; i += 64) {
        rows += __builtin_popcountll(mask[i >> 6]);
    }
    return mask != NULL && rows * ONE_OF < n;
}
/* j: the first of each eight rows of which some are in word. */
#define FOR_EIGHTS_WITH_ROWS(j)                                                     \
    for (uint64_t left_ = word, j = 0;                                              \
         left_ != 0 && (j = (uint64_t)__builtin_ctzll(left_) & ~UINT64_C(7), true); \
         left_ &= ~(UINT64_C(255) << j))

/* ---- Sums of integers. ---- */

/* BIAS: what widen_<suffix> added to each row, in the mask or not. */
#define SUM(suffix, TYPE, BIAS)                                                              \
    static pyr_i128 sum_##suffix(const void *values, const uint64_t *mask, int64_t n,        \
                                 bool *overflow) {                                           \
        const TYPE *x = values;                                                              \
        sums sum = {zero(), zero()};                                                         \
        int64_t rows = 0;                                                                    \
        FOR_WORDS(TYPE)                                                                      \
        if (word == ~UINT64_C(0)) {                                                          \
            FOR_STEPS(TYPE) {                                                                \
                widen_##suffix(&sum.low, &sum.high, load_##suffix(from + j));                \
            }                                                                                \
        } else {                                                                             \
            FOR_STEPS(TYPE) {                                                                \
                widen_##suffix(&sum.low, &sum.high,                                          \
                               chosen_##suffix(zero(), load_##suffix(from + j), word >> j)); \
            }                                                                                \
        }                                                                                    \
        rows += 64;                                                                          \
        END_WORDS                                                                            \
        *overflow = false;                                                                   \
        return sums_total(&sum) - (pyr_i128)rows * (BIAS);                                   \
    }

/* low + high * 2^32. */
typedef struct sums {
    vec low, high;
} sums;
static pyr_i128 sums_total(const sums *sum) {
    int64_t low[VEC_BYTES / 8], high[VEC_BYTES / 8];
    pyr_i128 total = 0;
    memcpy(low, &sum->low, VEC_BYTES);
    memcpy(high, &sum->high, VEC_BYTES);
    for (size_t i = 0; i < VEC_BYTES / 8; ++i) {
        total += low[i] + (pyr_i128)high[i] * ((pyr_i128)1 << 32);
    }
    return total;
}

/* ---- Sums of floats: eight lanes, as kernels.h says. ---- */

#define SUM_FLOAT(PHYSICAL, suffix, TYPE, UNSIGNED)                                   \
    static double sum_##suffix(const void *values, const uint64_t *mask, int64_t n) { \
        const TYPE *x = values;                                                       \
        lanes sum = lanes_begin();                                                    \
        bool few = are_few(mask, n);                                                  \
        for (int64_t i = 0; few && i < n; i += 64) {                                  \
            uint64_t word = mask[i >> 6];                                             \
            FOR_EIGHTS_WITH_ROWS(j) {                                                 \
                __builtin_prefetch(x + i + j);                                        \
            }                                                                         \
        }                                                                             \
        FOR_WORDS(TYPE)                                                               \
        if (few) {                                                                    \
            FOR_EIGHTS_WITH_ROWS(j) {                                                 \
                sum = add_masked_##suffix(sum, from + j, (uint8_t)(word >> j));       \
            }                                                                         \
        } else if (word == ~UINT64_C(0)) {                                            \
            PYR_UNROLL                                                                \
            for (int j = 0; j < 64; j += 8) {                                         \
                sum = add_##suffix(sum, from + j);                                    \
            }                                                                         \
        } else {                                                                      \
            PYR_UNROLL                                                                \
            for (int j = 0; j < 64; j += 8) {                                         \
                sum = add_masked_##suffix(sum, from + j, (uint8_t)(word >> j));       \
            }                                                                         \
        }                                                                             \
        END_WORDS                                                                     \
        double lane[8];                                                               \
        lanes_store(sum, lane);                                                       \
        return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +                          \
               ((lane[1] + lane[5]) + (lane[3] + lane[7]));                           \
    }

/* ---- Extremes: floats by the oracle's integer keys, which are their own inverse. ---- */

#define SAME(v) (v)
PYR_INLINE float of_key_f32(int32_t key) {
    float v = 0;
    key ^= (key >> 31) & INT32_MAX;
    memcpy(&v, &key, 4);
    return v;
}
PYR_INLINE double of_key_f64(int64_t key) {
    double v = 0;
    key ^= (key >> 63) & INT64_MAX;
    memcpy(&v, &key, 8);
    return v;
}
/* FIRST: the key that no value is beyond. KEY(v): a vector's keys. */
#define EXTREME(NAME, suffix, TYPE, KEY_TYPE, key_suffix, KEY, OF_KEY, LANE, BETTER, FIRST)   \
    static bool NAME(const void *values, const uint64_t *mask, int64_t n, void *out) {        \
        const TYPE *x = values;                                                               \
        const vec first = splat_##key_suffix(FIRST);                                          \
        vec best = first;                                                                     \
        bool any = false;                                                                     \
        FOR_WORDS(TYPE)                                                                       \
        any = true;                                                                           \
        if (word == ~UINT64_C(0)) {                                                           \
            FOR_STEPS(TYPE) {                                                                 \
                vec key = KEY(load_##suffix(from + j));                                       \
                best = LANE##_##key_suffix(best, key);                                        \
            }                                                                                 \
        } else {                                                                              \
            FOR_STEPS(TYPE) {                                                                 \
                vec key = KEY(load_##suffix(from + j));                                       \
                best = LANE##_##key_suffix(best, chosen_##key_suffix(first, key, word >> j)); \
            }                                                                                 \
        }                                                                                     \
        END_WORDS                                                                             \
        if (any) {                                                                            \
            KEY_TYPE lane[VEC_BYTES / sizeof(KEY_TYPE)];                                      \
            memcpy(lane, &best, VEC_BYTES);                                                   \
            for (size_t j = 1; j < VEC_BYTES / sizeof(KEY_TYPE); ++j) {                       \
                lane[0] = lane[j] BETTER lane[0] ? lane[j] : lane[0];                         \
            }                                                                                 \
            *(TYPE *)out = OF_KEY(lane[0]);                                                   \
        }                                                                                     \
        return any;                                                                           \
    }
#define EXTREMES(suffix, TYPE, MIN, MAX)                                              \
    EXTREME(minimum_##suffix, suffix, TYPE, TYPE, suffix, SAME, SAME, lesser, <, MAX) \
    EXTREME(maximum_##suffix, suffix, TYPE, TYPE, suffix, SAME, SAME, greater, >, MIN)
#define EXTREMES_FLOAT(suffix, TYPE, KEY_TYPE, key_suffix, MIN, MAX)                             \
    EXTREME(minimum_##suffix, suffix, TYPE, KEY_TYPE, key_suffix, key_##suffix, of_key_##suffix, \
            lesser, <, MAX)                                                                      \
    EXTREME(maximum_##suffix, suffix, TYPE, KEY_TYPE, key_suffix, key_##suffix, of_key_##suffix, \
            greater, >, MIN)

SUM(i8, int8_t, BIAS_I8)
SUM(i16, int16_t, BIAS_I16)
SUM(i32, int32_t, BIAS_I32)
SUM(i64, int64_t, BIAS_I64)
SUM(u8, uint8_t, BIAS_U8)
SUM(u16, uint16_t, BIAS_U16)
SUM(u32, uint32_t, BIAS_U32)
SUM(u64, uint64_t, BIAS_U64)
PYR_KERNELS_OF_FLOATS(SUM_FLOAT)
EXTREMES(i8, int8_t, INT8_MIN, INT8_MAX)
EXTREMES(i16, int16_t, INT16_MIN, INT16_MAX)
EXTREMES(i32, int32_t, INT32_MIN, INT32_MAX)
EXTREMES(i64, int64_t, INT64_MIN, INT64_MAX)
EXTREMES(u8, uint8_t, 0, UINT8_MAX)
EXTREMES(u16, uint16_t, 0, UINT16_MAX)
EXTREMES(u32, uint32_t, 0, UINT32_MAX)
EXTREMES(u64, uint64_t, 0, UINT64_MAX)
EXTREMES_FLOAT(f32, float, int32_t, i32, INT32_MIN, INT32_MAX)
EXTREMES_FLOAT(f64, double, int64_t, i64, INT64_MIN, INT64_MAX)

static void aggregate_put(pyr_kernels *table) {
#define PUT_EXTREMES(PHYSICAL, suffix, TYPE, UNSIGNED)          \
    table->minimum[PYR_PHYSICAL_##PHYSICAL] = minimum_##suffix; \
    table->maximum[PYR_PHYSICAL_##PHYSICAL] = maximum_##suffix;
#define PUT_INTEGER(PHYSICAL, suffix, TYPE, UNSIGNED)            \
    table->sum_integers[PYR_PHYSICAL_##PHYSICAL] = sum_##suffix; \
    PUT_EXTREMES(PHYSICAL, suffix, TYPE, UNSIGNED)
#define PUT_FLOAT(PHYSICAL, suffix, TYPE, UNSIGNED)            \
    table->sum_floats[PYR_PHYSICAL_##PHYSICAL] = sum_##suffix; \
    PUT_EXTREMES(PHYSICAL, suffix, TYPE, UNSIGNED)
    PYR_KERNELS_OF_SIGNED(PUT_INTEGER)
    PYR_KERNELS_OF_UNSIGNED(PUT_INTEGER)
    PYR_KERNELS_OF_FLOATS(PUT_FLOAT)
}

#endif
