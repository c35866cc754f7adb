/* floats_scalar.c - the oracle: floats of 16 bits widened, and the moments of floats.
 */
#include "kernels/floats_lanes.h"

static float f16_at(const uint8_t *values, int64_t i) {
    return pyr_float_of_f16(pyr_short_bits(values, i));
}
static float bf16_at(const uint8_t *values, int64_t i) {
    return pyr_float_of_bf16(pyr_short_bits(values, i));
}
static float f32_at(const uint8_t *values, int64_t i) {
    float value = 0;
    memcpy(&value, values + (i * 4), sizeof value);
    return value;
}
static double f64_at(const uint8_t *values, int64_t i) {
    double value = 0;
    memcpy(&value, values + (i * 8), sizeof value);
    return value;
}

static void widen_f16(const void *values, int64_t n, float *out) {
    for (int64_t i = 0; i < n; ++i) {
        out[i] = f16_at(values, i);
    }
}
static void widen_bf16(const void *values, int64_t n, float *out) {
    for (int64_t i = 0; i < n; ++i) {
        out[i] = bf16_at(values, i);
    }
}

#define MOMENTS(name, kind)                                                           \
    static void name(const void *values, int64_t n, double shift, pyr_moments *out) { \
        double sum[16] = {0}, squares[16] = {0}, least = INFINITY, most = -INFINITY;  \
        int64_t nan_count = 0, zero_count = 0;                                        \
        for (int64_t i = 0; i < n; ++i) {                                             \
            double value = (double)kind##_at(values, i);                              \
            bool nan = value != value;                                                \
            double off = nan ? 0.0 : value - shift;                                   \
            nan_count += nan;                                                         \
            zero_count += value == 0;                                                 \
            least = value < least ? value : least;                                    \
            most = value > most ? value : most;                                       \
            sum[i & 15] += off;                                                       \
            squares[i & 15] = fma(off, off, squares[i & 15]);                         \
        }                                                                             \
        /* 0.0 added: -0.0 becomes 0.0, all else stays. */                            \
        *out = (pyr_moments){                                                         \
            nan_count,  zero_count,           least + 0.0,                            \
            most + 0.0, pyr_lanes_total(sum), pyr_lanes_total(squares),               \
        };                                                                            \
    }
MOMENTS(wide_bf16, bf16)
MOMENTS(wide_f16, f16)
MOMENTS(moments_f32, f32)
MOMENTS(moments_f64, f64)

#define NO_STEPS(s, values, n, shift) 0
PYR_SHORT_MOMENTS(bf16, NO_STEPS, wide_bf16, )
PYR_SHORT_MOMENTS(f16, NO_STEPS, wide_f16, )

void pyr_floats_scalar(pyr_kernels *table) {
    table->widen_f16 = widen_f16;
    table->widen_bf16 = widen_bf16;
    table->moments[PYR_FLOAT_BF16] = moments_bf16;
    table->moments[PYR_FLOAT_F16] = moments_f16;
    table->moments[PYR_FLOAT_F32] = moments_f32;
    table->moments[PYR_FLOAT_F64] = moments_f64;
}
