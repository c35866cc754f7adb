#include "support_kernels.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t widths[PYR_FLOAT_KINDS] = {2, 2, 4, 8};

/* By the definition of the format: no shifting of bits into another's place. */
static double number_of(uint32_t bits, int exponent_bits, int fraction_bits) {
    int bias = (1 << (exponent_bits - 1)) - 1, exponent_max = (1 << exponent_bits) - 1;
    int exponent = (int)(bits >> fraction_bits) & exponent_max;
    double fraction = (double)(bits & ((1U << fraction_bits) - 1));
    double sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1.0 : 1.0;
    if (exponent == exponent_max) {
        return fraction == 0 ? sign * INFINITY : NAN;
    }
    double whole = exponent == 0 ? 0.0 : ldexp(1.0, fraction_bits);
    return sign * ldexp(whole + fraction, (exponent == 0 ? 1 : exponent) - bias - fraction_bits);
}
static double value_at(pyr_float_kind kind, const uint8_t *values, int64_t i) {
    uint16_t half = 0;
    float single = 0;
    double full = 0;
    switch (kind) {
    case PYR_FLOAT_BF16:
        memcpy(&half, values + i * 2, 2);
        return number_of(half, 8, 7);
    case PYR_FLOAT_F16:
        memcpy(&half, values + i * 2, 2);
        return number_of(half, 5, 10);
    case PYR_FLOAT_F32:
        memcpy(&single, values + i * 4, 4);
        return single;
    default:
        memcpy(&full, values + i * 8, 8);
        return full;
    }
}

static bool same(double a, double b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}
static bool same_float(float a, float b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static double total(const double *lane) {
    double eight[8];
    for (int j = 0; j < 8; ++j) {
        eight[j] = lane[j] + lane[j + 8];
    }
    return ((eight[0] + eight[4]) + (eight[2] + eight[6])) +
           ((eight[1] + eight[5]) + (eight[3] + eight[7]));
}
/* As kernels.h says of F32 and F64, and of short floats that floats cannot add. */
static pyr_moments wanted_wide(pyr_float_kind kind, const uint8_t *values, int64_t n,
                               double shift) {
    pyr_moments want = {0, 0, INFINITY, -INFINITY, 0, 0};
    double sum[16] = {0}, squares[16] = {0};
    for (int64_t i = 0; i < n; ++i) {
        double value = value_at(kind, values, i);
        if (isnan(value)) {
            ++want.nan_count;
            sum[i % 16] += 0.0;
            continue;
        }
        double off = value - shift;
        sum[i % 16] += off;
        squares[i % 16] = fma(off, off, squares[i % 16]);
        want.zero_count += fpclassify(value) == FP_ZERO;
        want.min = fmin(want.min, value);
        want.max = fmax(want.max, value);
    }
    want.sum = total(sum);
    want.squares = total(squares);
    return want;
}
static double total_of_32(const double *lane) {
    double sixteen[16];
    for (int j = 0; j < 16; ++j) {
        sixteen[j] = lane[j] + lane[j + 16];
    }
    return total(sixteen);
}
static pyr_moments wanted(pyr_float_kind kind, const uint8_t *values, int64_t n, double shift) {
    pyr_moments want = wanted_wide(kind, values, n, shift);
    double size = fmax(fabs(want.min), fabs(want.max));
    if (kind == PYR_FLOAT_F32 || kind == PYR_FLOAT_F64 || want.nan_count > 0 || n == 0 ||
        size >= ldexp(1, 50) || (size != 0 && size < ldexp(1, -50)) ||
        fabs(shift) >= ldexp(1, 50)) {
        return want;
    }
    double sum[32] = {0}, squares[32] = {0};
    for (int64_t start = 0; start < n; start += 1024) {
        float part[32] = {0}, part_squares[32] = {0};
        for (int64_t i = start; i < n && i < start + 1024; ++i) {
            float off = (float)value_at(kind, values, i) - (float)shift;
            part[i % 32] += off;
            part_squares[i % 32] = fmaf(off, off, part_squares[i % 32]);
        }
        for (int j = 0; j < 32; ++j) {
            sum[j] += (double)part[j];
            squares[j] += (double)part_squares[j];
        }
    }
    want.sum = total_of_32(sum);
    want.squares = total_of_32(squares);
    return want;
}
static void check_moments(const pyr_kernels *k, pyr_float_kind kind, const uint8_t *values,
                          int64_t n, double shift) {
    pyr_moments want = wanted(kind, values, n, shift), got;
    memset(&got, 0xee, sizeof got);
    k->moments[kind](values, n, shift, &got);
    assert_int_equal(got.nan_count, want.nan_count);
    assert_int_equal(got.zero_count, want.zero_count);
    assert_true(got.min == want.min && !(got.min == 0 && signbit(got.min)));
    assert_true(got.max == want.max && !(got.max == 0 && signbit(got.max)));
    assert_true(same(got.sum, want.sum));
    assert_true(same(got.squares, want.squares));
}

/* kind of fill 0: any bits; 1: plain numbers; 2: odd ones; 3: nothing but NaN; 4: plain ones, and
 * at times a NaN, a zero, or one that floats cannot square. */
static void fill(pyr_float_kind kind, int fill_kind, uint8_t *values, int64_t n, uint64_t *state) {
    static const double odd[] = {0.0,      -0.0,    NAN, INFINITY, -INFINITY, FLT_MAX,
                                 -FLT_MAX, FLT_MIN, 1.0, -1.0,     1e-40};
    static const double huge[] = {NAN, 1e30, -1e16, 1e-30, 0.0};
    for (int64_t i = 0; i < n; ++i) {
        uint64_t random = support_random(state);
        bool plain = fill_kind == 1 || (fill_kind == 4 && (random >> 40) % 401 != 0);
        double value = plain            ? (double)(int32_t)random / 65536.0
                       : fill_kind == 4 ? huge[(random >> 50) % 5]
                       : fill_kind == 2 ? odd[random % 11]
                                        : NAN;
        float single = (float)value;
        uint32_t bits = 0;
        memcpy(&bits, &single, 4);
        uint16_t half = (uint16_t)(bits >> 16);
        if (kind == PYR_FLOAT_F16 && fill_kind != 0) {
            /* 0, -0, NaN, infinities, the largest, the smallest, small numbers. */
            static const uint16_t halves[] = {0x0000, 0x8000, 0x7e00, 0x7c00, 0xfc00, 0x7bff,
                                              0x0001, 0x8400, 0x3c00, 0xbc00, 0xfe01};
            half = plain            ? (uint16_t)(0x3000 + random % 0x1800)
                   : fill_kind != 3 ? halves[random % 11]
                                    : 0xffff;
        }
        const void *from = kind == PYR_FLOAT_F64   ? (const void *)&value
                           : kind == PYR_FLOAT_F32 ? (const void *)&single
                                                   : (const void *)&half;
        memcpy(values + (size_t)i * widths[kind], fill_kind == 0 ? (const void *)&random : from,
               widths[kind]);
    }
}

static void moments_are_of_all_values(void **unused) {
    (void)unused;
    uint64_t state = 3;
    static const int64_t lengths[] = {0,  1,  2,  7,   15,   16,   17,   31,   32,   33,   47, 48,
                                      63, 64, 65, 100, 1023, 1024, 1025, 1056, 1087, 3000, -1};
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (pyr_float_kind kind = 0; kind < PYR_FLOAT_KINDS; ++kind) {
            for (const int64_t *n = lengths; *n >= 0; ++n) {
                for (size_t run = 0; run < 5 * 5; ++run) {
                    /* Exactly as long as the span, at any alignment, so that ASan sees more. */
                    size_t size = (size_t)*n * widths[kind], offset = run / 5;
                    uint8_t *values = malloc(size + offset + 1);
                    assert_non_null(values);
                    fill(kind, (int)(run % 5), values + offset, *n, &state);
                    uint8_t *span = malloc(size + offset);
                    assert_true(span != NULL || size + offset == 0);
                    if (span != NULL) {
                        memcpy(span, values, size + offset);
                    }
                    const uint8_t *at = span == NULL ? values : span + offset;
                    check_moments(*k, kind, at, *n, 0.0);
                    check_moments(*k, kind, at, *n, -3.75);
                    free(span);
                    free(values);
                }
            }
        }
    }
}

/* The shift and the values at the borders of what floats can square. */
static void short_floats_switch_where_the_table_says(void **unused) {
    (void)unused;
    static const double edges[] = {0x1p49, 0x1p50, 0x1.fep49, 0x1p-50, 0x1p-51, 0x1.fep-51, 0};
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (size_t e = 0; e < 7; ++e) {
            for (int sign = -1; sign <= 1; sign += 2) {
                uint16_t values[70];
                float edge = (float)(sign * edges[e]);
                uint32_t bits = 0;
                memcpy(&bits, &edge, 4);
                for (int i = 0; i < 70; ++i) {
                    values[i] = (uint16_t)(i % 3 == 0 ? bits >> 16 : 0);
                }
                check_moments(*k, PYR_FLOAT_BF16, (const uint8_t *)values, 70, 0.0);
                check_moments(*k, PYR_FLOAT_BF16, (const uint8_t *)values, 70, edges[e]);
                check_moments(*k, PYR_FLOAT_BF16, (const uint8_t *)values, 70, -edges[e]);
            }
        }
    }
}

static void moments_of_known_values(void **unused) {
    (void)unused;
    const float values[] = {1, 2, 3, 4, NAN, -0.0F, 0.0F, -6};
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        pyr_moments got;
        (*k)->moments[PYR_FLOAT_F32](values, 8, 0.0, &got);
        assert_int_equal(got.nan_count, 1);
        assert_int_equal(got.zero_count, 2);
        assert_true(got.min == -6 && got.max == 4 && got.sum == 4 && got.squares == 66);
        (*k)->moments[PYR_FLOAT_F32](values, 8, 1.0, &got);
        assert_true(got.sum == -3 && got.squares == 0 + 1 + 4 + 9 + 1 + 1 + 49);
        (*k)->moments[PYR_FLOAT_F32](values, 0, 1.0, &got);
        assert_true(got.min == INFINITY && got.max == -INFINITY && got.sum == 0 &&
                    got.squares == 0 && got.nan_count == 0 && got.zero_count == 0);
    }
}

static void widening_is_exact_for_all_bits(void **unused) {
    (void)unused;
    static uint8_t halves[65536 * 2 + 1];
    static float out[65536 + 1];
    uint8_t *values = halves + 1;
    for (uint32_t i = 0; i < 65536; ++i) {
        uint16_t bits = (uint16_t)i;
        memcpy(values + (size_t)i * 2, &bits, 2);
    }
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        (*k)->widen_f16(values, 65536, out);
        for (uint32_t i = 0; i < 65536; ++i) {
            assert_true(same_float(out[i], (float)number_of(i, 5, 10)));
        }
        (*k)->widen_bf16(values, 65536, out);
        for (uint32_t i = 0; i < 65536; ++i) {
            assert_true(same_float(out[i], (float)number_of(i, 8, 7)));
        }
        for (const int64_t *n = support_lengths; *n >= 0; ++n) {
            int64_t from = 0x3f00;
            out[*n] = 77;
            (*k)->widen_f16(values + from * 2, *n, out);
            assert_true(*n == 0 || same_float(out[*n - 1],
                                              (float)number_of((uint32_t)(from + *n - 1), 5, 10)));
            (*k)->widen_bf16(values + from * 2, *n, out);
            assert_true(*n == 0 ||
                        same_float(out[*n - 1], (float)number_of((uint32_t)(from + *n - 1), 8, 7)));
            assert_true(out[*n] == 77);
        }
    }
}
/* Bits of NaNs too: every ISA as the oracle. */
static void widened_nans_have_the_oracles_bits(void **unused) {
    (void)unused;
    const pyr_kernels *scalar = pyr_kernels_of("scalar");
    uint16_t nans[64];
    float want[64], got[64];
    for (int half = 0; half < 2; ++half) {
        for (uint16_t i = 0; i < 64; ++i) {
            nans[i] = (uint16_t)((half == 0 ? 0x7c01 : 0x7f81) + (i & 31) * 3 + (i >> 5) * 0x8000);
        }
        for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
            (half == 0 ? scalar->widen_f16 : scalar->widen_bf16)(nans, 64, want);
            (half == 0 ? (*k)->widen_f16 : (*k)->widen_bf16)(nans, 64, got);
            assert_memory_equal(want, got, sizeof want);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_of_all_values),
        cmocka_unit_test(short_floats_switch_where_the_table_says),
        cmocka_unit_test(moments_of_known_values),
        cmocka_unit_test(widening_is_exact_for_all_bits),
        cmocka_unit_test(widened_nans_have_the_oracles_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
