/* aggregate_scalar.c - sums and extremes over a mask: the oracle. A row outside of the mask is
 * taken as what changes nothing; whole words of ones or zeros have loops of their own. */
#include "kernels/kernels_internal.h"

#define INLINE static inline __attribute__((always_inline))

static inline uint64_t word_of(const uint64_t *mask, int64_t i, int64_t n) {
    uint64_t all = n - i < 64 ? pyr_tail_bits(n) : ~UINT64_C(0);
    return mask == NULL ? all : mask[i >> 6] & all;
}

/* ---- Sums of integers: of halves, so that 64 bits hold 2^31 of them. ---- */

#define SUM(NAME, TYPE, HIGH)                                                                   \
    static pyr_i128 NAME(const void *values, const uint64_t *mask, int64_t n, bool *overflow) { \
        const TYPE *x = values;                                                                 \
        uint64_t low = 0;                                                                       \
        int64_t high = 0;                                                                       \
        for (int64_t i = 0; i < n; i += 64) {                                                   \
            uint64_t word = word_of(mask, i, n);                                                \
            if (word == ~UINT64_C(0)) {                                                         \
                for (int j = 0; j < 64; ++j) {                                                  \
                    low += (uint32_t)x[i + j];                                                  \
                    high += HIGH(x[i + j]);                                                     \
                }                                                                               \
                continue;                                                                       \
            }                                                                                   \
            int64_t count = n - i < 64 ? n - i : 64;                                            \
            for (int64_t j = 0; word != 0 && j < count; ++j) {                                  \
                uint64_t in = UINT64_C(0) - ((word >> j) & 1);                                  \
                low += (uint32_t)x[i + j] & in;                                                 \
                high += HIGH(x[i + j]) & (int64_t)in;                                           \
            }                                                                                   \
        }                                                                                       \
        *overflow = false;                                                                      \
        return (pyr_i128)high * ((pyr_i128)1 << 32) + (pyr_i128)low;                            \
    }
#define HIGH_SIGNED(v) ((int64_t)(v) >> 32)
#define HIGH_UNSIGNED(v) ((int64_t)((uint64_t)(v) >> 32))
#define SUM_SIGNED(PHYSICAL, suffix, TYPE, UNSIGNED) SUM(sum_##suffix, TYPE, HIGH_SIGNED)
#define SUM_UNSIGNED(PHYSICAL, suffix, TYPE, UNSIGNED) SUM(sum_##suffix, TYPE, HIGH_UNSIGNED)
PYR_KERNELS_OF_SIGNED(SUM_SIGNED)
PYR_KERNELS_OF_UNSIGNED(SUM_UNSIGNED)

static pyr_i128 sum_i128(const void *values, const uint64_t *mask, int64_t n, bool *overflow) {
    const pyr_i128_span *x = values;
    pyr_i128 sum = 0;
    bool bad = false;
    for (int64_t i = 0; i < n; i += 64) {
        for (uint64_t word = word_of(mask, i, n); word != 0; word &= word - 1) {
            bad |= __builtin_add_overflow(sum, x[i + __builtin_ctzll(word)], &sum);
        }
    }
    *overflow = bad;
    return sum;
}

/* ---- Sums of floats: eight lanes, as kernels.h says. ---- */

#define SUM_FLOAT(PHYSICAL, suffix, TYPE, UNSIGNED)                                   \
    static double sum_##suffix(const void *values, const uint64_t *mask, int64_t n) { \
        const TYPE *x = values;                                                       \
        double lane[8] = {-0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0};            \
        for (int64_t i = 0; i < n; i += 64) {                                         \
            uint64_t word = word_of(mask, i, n);                                      \
            if (word == ~UINT64_C(0)) {                                               \
                for (int j = 0; j < 64; j += 8) {                                     \
                    for (int k = 0; k < 8; ++k) {                                     \
                        lane[k] += (double)x[i + j + k];                              \
                    }                                                                 \
                }                                                                     \
                continue;                                                             \
            }                                                                         \
            int64_t count = n - i < 64 ? n - i : 64;                                  \
            for (int64_t j = 0; word != 0 && j < count; ++j) {                        \
                lane[j & 7] += ((word >> j) & 1) != 0 ? (double)x[i + j] : -0.0;      \
            }                                                                         \
        }                                                                             \
        return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +                          \
               ((lane[1] + lane[5]) + (lane[3] + lane[7]));                           \
    }
PYR_KERNELS_OF_FLOATS(SUM_FLOAT)

/* ---- Extremes. ---- */

/* Floats are compared by integer keys in the total order, -0.0 below 0.0, one NaN above all: so
 * the result does not depend on the order of rows. */
INLINE int64_t key_f64(double v) {
    int64_t bits = 0;
    __builtin_memcpy(&bits, &v, 8);
    bits = v != v ? INT64_C(0x7ff8000000000000) : bits;
    return bits ^ ((bits >> 63) & INT64_MAX);
}
INLINE double of_key_f64(int64_t key) {
    double v = 0;
    key ^= (key >> 63) & INT64_MAX;
    __builtin_memcpy(&v, &key, 8);
    return v;
}
INLINE int32_t key_f32(float v) {
    int32_t bits = 0;
    __builtin_memcpy(&bits, &v, 4);
    bits = v != v ? 0x7fc00000 : bits;
    return bits ^ ((bits >> 31) & INT32_MAX);
}
INLINE float of_key_f32(int32_t key) {
    float v = 0;
    key ^= (key >> 31) & INT32_MAX;
    __builtin_memcpy(&v, &key, 4);
    return v;
}
#define SAME(v) (v)
/* FIRST: what no value of the type is beyond. */
#define EXTREME(NAME, TYPE, KEY_TYPE, KEY, OF_KEY, BETTER, FIRST)                      \
    static bool NAME(const void *values, const uint64_t *mask, int64_t n, void *out) { \
        const TYPE *x = values;                                                        \
        KEY_TYPE best = (FIRST);                                                       \
        uint64_t any = 0;                                                              \
        for (int64_t i = 0; i < n; i += 64) {                                          \
            uint64_t word = word_of(mask, i, n);                                       \
            any |= word;                                                               \
            if (word == ~UINT64_C(0)) {                                                \
                for (int j = 0; j < 64; ++j) {                                         \
                    KEY_TYPE key = KEY(x[i + j]);                                      \
                    best = key BETTER best ? key : best;                               \
                }                                                                      \
                continue;                                                              \
            }                                                                          \
            int64_t count = n - i < 64 ? n - i : 64;                                   \
            for (int64_t j = 0; word != 0 && j < count; ++j) {                         \
                KEY_TYPE key = KEY(x[i + j]);                                          \
                best = (((word >> j) & 1) != 0) & (key BETTER best) ? key : best;      \
            }                                                                          \
        }                                                                              \
        if (any != 0) {                                                                \
            *(TYPE *)out = OF_KEY(best);                                               \
        }                                                                              \
        return any != 0;                                                               \
    }
#define I128_MAX ((pyr_i128)(~(pyr_u128)0 >> 1))
#define I128_MIN (-I128_MAX - 1)
#define EXTREMES(suffix, TYPE, MIN, MAX)                      \
    EXTREME(minimum_##suffix, TYPE, TYPE, SAME, SAME, <, MAX) \
    EXTREME(maximum_##suffix, TYPE, TYPE, SAME, SAME, >, MIN)
EXTREMES(i8, int8_t, INT8_MIN, INT8_MAX)
EXTREMES(i16, int16_t, INT16_MIN, INT16_MAX)
EXTREMES(i32, int32_t, INT32_MIN, INT32_MAX)
EXTREMES(i64, int64_t, INT64_MIN, INT64_MAX)
EXTREMES(u8, uint8_t, 0, UINT8_MAX)
EXTREMES(u16, uint16_t, 0, UINT16_MAX)
EXTREMES(u32, uint32_t, 0, UINT32_MAX)
EXTREMES(u64, uint64_t, 0, UINT64_MAX)
EXTREMES(i128, pyr_i128_span, I128_MIN, I128_MAX)
EXTREME(minimum_f32, float, int32_t, key_f32, of_key_f32, <, INT32_MAX)
EXTREME(maximum_f32, float, int32_t, key_f32, of_key_f32, >, INT32_MIN)
EXTREME(minimum_f64, double, int64_t, key_f64, of_key_f64, <, INT64_MAX)
EXTREME(maximum_f64, double, int64_t, key_f64, of_key_f64, >, INT64_MIN)

void pyr_aggregate_scalar(pyr_kernels *table) {
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
    PYR_KERNELS_OF_I128(PUT_INTEGER)
    PYR_KERNELS_OF_FLOATS(PUT_FLOAT)
}
