/* tensor_test.c - tensors: facts of types, values of small floats held to ml_dtypes, statistics and
 * differences held to plain loops over long doubles, DLPack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "formats/tensor/tensor.h"
#include "pyralog_dlpack.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = (*state ^ (*state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
static uint64_t fnv1a(const void *bytes, size_t size_bytes) {
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size_bytes; ++i) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}
/* A flat view; shape lies in the caller's count. */
static pyr_tensor_view flat(pyr_tensor_type type, const void *data, const int64_t *count) {
    pyr_tensor_view view = {"t", type, 1, count, *count, data, 0};
    assert_true(pyr_tensor_size(type, *count, &view.size_bytes));
    return view;
}

/* ---- Types. ---- */

static void types_have_names_and_widths(void **unused) {
    (void)unused;
    static const struct {
        const char *name;
        int32_t bits;
    } known[] = {{"BOOL", 8},    {"F4", 4},   {"F6_E2M3", 6},     {"F6_E3M2", 6},
                 {"U8", 8},      {"I8", 8},   {"F8_E5M2", 8},     {"F8_E4M3", 8},
                 {"F8_E8M0", 8}, {"I16", 16}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
                 {"U16", 16},    {"F16", 16}, {"BF16", 16},       {"I32", 32},
                 {"U32", 32},    {"F32", 32}, {"C64", 64},        {"F64", 64},
                 {"I64", 64},    {"U64", 64}};
    assert_int_equal(sizeof known / sizeof *known, PYR_TENSOR_TYPES);
    for (size_t i = 0; i < PYR_TENSOR_TYPES; ++i) {
        pyr_tensor_type type;
        assert_true(pyr_tensor_type_find(known[i].name, strlen(known[i].name), &type));
        assert_string_equal(pyr_tensor_type_name(type), known[i].name);
        assert_int_equal(pyr_tensor_type_bits(type), known[i].bits);
    }
    pyr_tensor_type type;
    assert_false(pyr_tensor_type_find("F3", 2, &type));
    assert_false(pyr_tensor_type_find("F32", 2, &type));
    assert_false(pyr_tensor_type_find("f32", 3, &type));
    assert_false(pyr_tensor_type_find("", 0, &type));
}

static void sizes_are_whole_bytes_without_overflow(void **unused) {
    (void)unused;
    int64_t size = -1;
    assert_true(pyr_tensor_size(PYR_TENSOR_F32, 3, &size) && size == 12);
    assert_true(pyr_tensor_size(PYR_TENSOR_F4, 6, &size) && size == 3);
    assert_false(pyr_tensor_size(PYR_TENSOR_F4, 7, &size));
    assert_true(pyr_tensor_size(PYR_TENSOR_F6_E2M3, 12, &size) && size == 9);
    assert_false(pyr_tensor_size(PYR_TENSOR_F6_E2M3, 14, &size));
    assert_true(pyr_tensor_size(PYR_TENSOR_F4, INT64_MAX - 1, &size) && size == INT64_MAX / 2);
    assert_true(pyr_tensor_size(PYR_TENSOR_U8, INT64_MAX, &size) && size == INT64_MAX);
    assert_false(pyr_tensor_size(PYR_TENSOR_I16, INT64_MAX / 2 + 1, &size));
    assert_false(pyr_tensor_size(PYR_TENSOR_U8, -1, &size));
    assert_false(pyr_tensor_size(PYR_TENSOR_U8, INT64_MIN, &size));

    int64_t count = -1;
    assert_true(pyr_tensor_count(NULL, 0, &count) && count == 1);
    assert_true(pyr_tensor_count((int64_t[]){2, 3, 4}, 3, &count) && count == 24);
    assert_true(pyr_tensor_count((int64_t[]){0, INT64_MAX, 9}, 3, &count) && count == 0);
    assert_false(pyr_tensor_count((int64_t[]){INT64_MAX, 2, 0}, 3, &count));
    assert_false(pyr_tensor_count((int64_t[]){2, -1}, 2, &count));
}

/* ---- Values. ---- */

static void small_floats_are_those_of_ml_dtypes(void **unused) {
    (void)unused;
    /* FNV-1a-64 of all codes as float32, NaN as 0x7fc00000: by the Python package ml_dtypes 0.6.0
     * (float4_e2m1fn, float6_e2m3fn, ..., float8_e5m2fnuz). */
    static const struct {
        pyr_tensor_type type;
        int codes;
        uint64_t hash;
    } known[] = {
        {PYR_TENSOR_F4, 16, UINT64_C(0x2403bb76b85dfea5)},
        {PYR_TENSOR_F6_E2M3, 64, UINT64_C(0x7ffacb24ad8b0aa5)},
        {PYR_TENSOR_F6_E3M2, 64, UINT64_C(0x25da13434201d785)},
        {PYR_TENSOR_F8_E5M2, 256, UINT64_C(0x6c1e56b6fb09c905)},
        {PYR_TENSOR_F8_E4M3, 256, UINT64_C(0xdad1d9c50f749ca5)},
        {PYR_TENSOR_F8_E8M0, 256, UINT64_C(0x6d2c8b41c3f0e5a5)},
        {PYR_TENSOR_F8_E4M3FNUZ, 256, UINT64_C(0xf51851cb11c63018)},
        {PYR_TENSOR_F8_E5M2FNUZ, 256, UINT64_C(0x94ae6fc493d49818)},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; ++k) {
        int64_t bits = pyr_tensor_type_bits(known[k].type), count = known[k].codes;
        uint8_t packed[257] = {0};
        for (int64_t i = 0; i < count * bits; ++i) {
            /* Bit i % bits of code i / bits, from the lowest on. */
            packed[i / 8] |= (uint8_t)((((i / bits) >> (i % bits)) & 1) << (i % 8));
        }
        pyr_tensor_view view = flat(known[k].type, packed, &count);
        float all[256], one = 0;
        pyr_tensor_floats(&view, 0, count, all);
        for (int64_t i = 0; i < count; ++i) {
            /* Few at a time take another way than many. */
            pyr_tensor_floats(&view, i, 1, &one);
            assert_true((isnan(one) && isnan(all[i])) || memcmp(&one, &all[i], 4) == 0);
            uint32_t nan = 0x7fc00000;
            memcpy(&all[i], isnan(all[i]) ? (void *)&nan : (void *)&all[i], 4);
        }
        assert_true(fnv1a(all, (size_t)count * 4) == known[k].hash);
        float more[4096];
        int64_t many = 4096;
        uint8_t *repeated = malloc(4096);
        for (int64_t i = 0; i < many * bits / 8; ++i) {
            repeated[i] = packed[i % (count * bits / 8)];
        }
        view = flat(known[k].type, repeated, &many);
        pyr_tensor_floats(&view, 3, many - 3, more);
        for (int64_t i = 3; i < many; ++i) {
            float want = all[i % count];
            assert_true((isnan(want) && isnan(more[i - 3])) || memcmp(&want, &more[i - 3], 4) == 0);
        }
        free(repeated);
    }
}

static void wider_floats_are_exact(void **unused) {
    (void)unused;
    static const uint8_t bytes[] = {0xff, 0x80, 0x3f, 0x00, 0x3c, 0xc0, 0x3f, 0x01, 0x00};
    float out[4];
    int64_t count = 4;
    pyr_tensor_view bf16 = flat(PYR_TENSOR_BF16, bytes + 1, &count);
    pyr_tensor_floats(&bf16, 0, 3, out);
    assert_true(out[0] == 1.0F && out[1] == 0.0078125F && out[2] == 1.5F);
    pyr_tensor_view f16 = flat(PYR_TENSOR_F16, bytes + 1, &count);
    pyr_tensor_floats(&f16, 1, 3, out);
    assert_true(out[0] == 1.0F && out[1] == 1.9375F && out[2] == 0x1p-24F);
    const float values[] = {1.25F, -0.0F, 3e-45F};
    count = 3;
    pyr_tensor_view f32 = flat(PYR_TENSOR_F32, values, &count);
    pyr_tensor_floats(&f32, 0, 3, out);
    assert_memory_equal(out, values, sizeof values);
    pyr_tensor_floats(&f32, 3, 0, NULL);
}

/* ---- Statistics. ---- */

/* By the definition, in long doubles, twice over the values. */
static pyr_tensor_stats plain_stats(const double *values, int64_t count) {
    pyr_tensor_stats want = {count, 0, 0, NAN, NAN, NAN, NAN};
    long double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; ++i) {
        want.nan_count += isnan(values[i]);
        want.zero_count += values[i] == 0;
        want.min = fmin(want.min, values[i]);
        want.max = fmax(want.max, values[i]);
        sum += isnan(values[i]) ? 0 : values[i];
    }
    long double numbers = (long double)(count - want.nan_count);
    if (numbers > 0) {
        for (int64_t i = 0; i < count; ++i) {
            long double off = isnan(values[i]) ? 0 : values[i] - sum / numbers;
            squares += off * off;
        }
        want.mean = (double)(sum / numbers);
        want.std = (double)sqrtl(squares / numbers);
    }
    return want;
}
static void assert_near(double got, double want, double scale) {
    if (isnan(want) || isinf(want)) {
        assert_true(isnan(want) ? isnan(got) : got == want);
        return;
    }
    if (!(fabs(got - want) <= scale)) {
        fail_msg("%.17g is not %.17g", got, want);
    }
}
/* precision: of sums, relative to the values' size and spread. */
static void assert_stats(const pyr_tensor_view *view, pyr_thread_pool *pool,
                         const pyr_tensor_stats *want, double precision) {
    pyr_tensor_stats got;
    assert_int_equal(pyr_tensor_stats_of(view, pool, NULL, &got, NULL), PYR_OK);
    assert_int_equal(got.count, want->count);
    assert_int_equal(got.nan_count, want->nan_count);
    assert_int_equal(got.zero_count, want->zero_count);
    assert_near(got.min, want->min, 0);
    assert_near(got.max, want->max, 0);
    assert_false(got.min == 0 && signbit(got.min));
    assert_near(got.mean, want->mean, precision * (fabs(want->mean) * 1e-3 + want->std) + 1e-300);
    assert_near(got.std, want->std, precision * want->std + fabs(want->mean) * 1e-15);
}

/* Bytes of `count` values, and what they are as doubles; kind says which values. */
static void fill(pyr_tensor_type type, int kind, uint8_t *bytes, double *values, int64_t count,
                 uint64_t *state) {
    for (int64_t i = 0; i < count; ++i) {
        uint64_t random = next_random(state);
        double unit = (double)(random >> 11) / 0x1p53 - 0.5;
        float single = (float)(kind == 0   ? unit
                               : kind == 1 ? 1000 + unit
                               : kind == 2 ? (random % 97 == 0   ? (double)NAN
                                              : random % 89 == 0 ? -0.0
                                                                 : unit * 1e-3)
                                           : (i < 3 ? 1e6 : unit));
        double full = (double)single;
        uint32_t bits = 0;
        memcpy(&bits, &single, 4);
        switch (type) {
        case PYR_TENSOR_F32:
        case PYR_TENSOR_C64:
            memcpy(bytes + i * 4, &single, 4);
            values[i] = full;
            break;
        case PYR_TENSOR_F64:
            full = kind == 1 ? 1e9 + unit : full;
            memcpy(bytes + i * 8, &full, 8);
            values[i] = full;
            break;
        default:
            assert_int_equal(type, PYR_TENSOR_BF16);
            memcpy(bytes + i * 2, (const uint8_t *)&bits + 2, 2);
            bits &= 0xffff0000;
            memcpy(&single, &bits, 4);
            values[i] = (double)single;
        }
    }
}
static void stats_are_those_of_long_doubles(void **unused) {
    (void)unused;
    static const int64_t counts[] = {0, 2, 4, 31, 1000, 16384, 16386, 100002, 1500000};
    static const pyr_tensor_type types[] = {PYR_TENSOR_F32, PYR_TENSOR_BF16, PYR_TENSOR_F64,
                                            PYR_TENSOR_C64};
    pyr_thread_pool *pool;
    assert_int_equal(pyr_thread_pool_create(2, 16, &pool, NULL), PYR_OK);
    uint8_t *bytes = malloc(1500000 * 8 + 1);
    double *values = malloc(1500000 * 8);
    uint64_t state = 5;
    for (size_t t = 0; t < 4; ++t) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; ++c) {
            for (int kind = 0; kind < 4; ++kind) {
                int64_t parts = types[t] == PYR_TENSOR_C64 ? 2 : 1, count = counts[c] / parts;
                fill(types[t], kind, bytes + 1, values, counts[c], &state);
                pyr_tensor_view view = flat(types[t], bytes + 1, &count);
                pyr_tensor_stats want = plain_stats(values, count * parts);
                double precision = types[t] == PYR_TENSOR_BF16 ? 2e-6 : 1e-11;
                assert_stats(&view, NULL, &want, precision);
                assert_stats(&view, pool, &want, precision);
                pyr_tensor_stats one, two;
                assert_int_equal(pyr_tensor_stats_of(&view, NULL, NULL, &one, NULL), PYR_OK);
                assert_int_equal(pyr_tensor_stats_of(&view, pool, NULL, &two, NULL), PYR_OK);
                assert_memory_equal(&one, &two, sizeof one);
            }
        }
    }
    pyr_thread_pool_destroy(pool);
    free(bytes);
    free(values);
}

static void stats_are_those_of_numpy(void **unused) {
    (void)unused;
    /* numpy 2.4.6: x = ((arange(100000) * 2654435761) % 1000003).astype(float32) / float32(1000)
     * + float32(4096); mean and std in float64. */
    static float x[100000];
    for (uint64_t i = 0; i < 100000; ++i) {
        x[i] = (float)(i * UINT64_C(2654435761) % 1000003) / 1000.0F + 4096.0F;
    }
    int64_t count = 100000;
    pyr_tensor_view view = flat(PYR_TENSOR_F32, x, &count);
    pyr_tensor_stats want = {
        count, 0, 0, 4096.0, 5095.97998046875, 4596.052984350586, 288.67693083515013};
    assert_stats(&view, NULL, &want, 1e-12);
}

static void constants_have_no_deviation(void **unused) {
    (void)unused;
    static float singles[50000];
    static uint16_t halves[50000];
    for (size_t i = 0; i < 50000; ++i) {
        singles[i] = 0.1F;
        halves[i] = 0x3dcd; /* 0.10009765625 of BF16 */
    }
    int64_t count = 50000;
    pyr_tensor_stats got;
    pyr_tensor_view view = flat(PYR_TENSOR_F32, singles, &count);
    assert_int_equal(pyr_tensor_stats_of(&view, NULL, NULL, &got, NULL), PYR_OK);
    assert_true(got.mean == (double)0.1F && got.std == 0);
    view = flat(PYR_TENSOR_BF16, halves, &count);
    assert_int_equal(pyr_tensor_stats_of(&view, NULL, NULL, &got, NULL), PYR_OK);
    assert_true(got.mean == 0.10009765625 && got.std == 0 && got.min == got.max);
}

static void infinities_and_nothing_but_nan(void **unused) {
    (void)unused;
    float values[] = {1, INFINITY, 3, NAN};
    int64_t count = 4;
    pyr_tensor_stats got;
    pyr_tensor_view view = flat(PYR_TENSOR_F32, values, &count);
    assert_int_equal(pyr_tensor_stats_of(&view, NULL, NULL, &got, NULL), PYR_OK);
    assert_true(got.mean == INFINITY && isnan(got.std) && got.max == INFINITY && got.min == 1);
    values[0] = -INFINITY;
    assert_int_equal(pyr_tensor_stats_of(&view, NULL, NULL, &got, NULL), PYR_OK);
    assert_true(isnan(got.mean) && isnan(got.std) && got.min == -INFINITY);
    values[0] = values[1] = values[2] = NAN;
    assert_int_equal(pyr_tensor_stats_of(&view, NULL, NULL, &got, NULL), PYR_OK);
    assert_true(got.nan_count == 4 && isnan(got.min) && isnan(got.max) && isnan(got.mean));
    pyr_tensor_view empty = {"e", PYR_TENSOR_BF16, 1, &(int64_t){0}, 0, NULL, 0};
    assert_int_equal(pyr_tensor_stats_of(&empty, NULL, NULL, &got, NULL), PYR_OK);
    assert_true(got.count == 0 && isnan(got.min) && isnan(got.mean) && isnan(got.std));
}

/* The types that are counted or converted: bytes of any kind, against their own values. */
static void stats_of_every_other_type(void **unused) {
    (void)unused;
    enum { BYTES = 3 * 40000 };
    static uint8_t bytes[BYTES];
    static double values[BYTES * 2];
    uint64_t state = 11;
    for (size_t i = 0; i < BYTES; ++i) {
        bytes[i] = (uint8_t)next_random(&state);
    }
    for (pyr_tensor_type type = 0; type < PYR_TENSOR_TYPES; ++type) {
        int64_t count = (int64_t)BYTES * 8 / pyr_tensor_type_bits(type);
        pyr_tensor_view view = flat(type, bytes, &count);
        for (int64_t i = 0; i < count; ++i) {
            const uint8_t *at = bytes + i * pyr_tensor_type_bits(type) / 8;
            uint64_t whole = 0;
            memcpy(&whole, at, (size_t)pyr_tensor_type_bits(type) / 8);
            float single = 0;
            switch (type) {
            case PYR_TENSOR_BOOL:
                values[i] = whole != 0;
                break;
            case PYR_TENSOR_I8:
                values[i] = (int8_t)whole;
                break;
            case PYR_TENSOR_I16:
                values[i] = (int16_t)whole;
                break;
            case PYR_TENSOR_I32:
                values[i] = (int32_t)whole;
                break;
            case PYR_TENSOR_I64:
                values[i] = (double)(int64_t)whole;
                break;
            case PYR_TENSOR_U8:
            case PYR_TENSOR_U16:
            case PYR_TENSOR_U32:
            case PYR_TENSOR_U64:
                values[i] = (double)whole;
                break;
            case PYR_TENSOR_F64:
            case PYR_TENSOR_F32:
            case PYR_TENSOR_C64:
            case PYR_TENSOR_BF16:
            case PYR_TENSOR_F16:
                continue;
            default:
                pyr_tensor_floats(&view, i, 1, &single);
                values[i] = (double)single;
            }
        }
        if (type == PYR_TENSOR_F64 || type == PYR_TENSOR_F32 || type == PYR_TENSOR_C64 ||
            type == PYR_TENSOR_BF16 || type == PYR_TENSOR_F16) {
            continue;
        }
        pyr_tensor_stats want = plain_stats(values, count);
        if (isinf(want.max)) { /* F8_E5M2 has both infinities */
            want.mean = want.std = NAN;
        }
        assert_stats(&view, NULL, &want, 1e-11);
    }
}
static void f16_stats(void **unused) {
    (void)unused;
    static uint16_t halves[30000];
    static double values[30000];
    uint64_t state = 8;
    for (size_t i = 0; i < 30000; ++i) {
        halves[i] = (uint16_t)(0x3c00 + next_random(&state) % 1024); /* 1 to 2 */
        values[i] = 1 + (halves[i] - 0x3c00) / 1024.0;
    }
    int64_t count = 30000;
    pyr_tensor_view view = flat(PYR_TENSOR_F16, halves, &count);
    pyr_tensor_stats want = plain_stats(values, count);
    assert_stats(&view, NULL, &want, 2e-6);
}

static void a_cancelled_look_ends(void **unused) {
    (void)unused;
    static float values[100000];
    int64_t count = 100000;
    pyr_tensor_view view = flat(PYR_TENSOR_F32, values, &count);
    pyr_cancel_flag flag;
    pyr_cancel_flag_init(&flag);
    pyr_cancel_flag_raise(&flag);
    pyr_tensor_stats stats;
    pyr_tensor_difference difference;
    pyr_error error;
    assert_int_equal(pyr_tensor_stats_of(&view, NULL, &flag, &stats, &error), PYR_ERROR_CANCELLED);
    assert_int_equal(pyr_tensor_compare(&view, &view, NULL, &flag, &difference, &error),
                     PYR_ERROR_CANCELLED);
}

/* ---- Differences. ---- */

static pyr_tensor_difference difference_of(pyr_tensor_type type, const void *a, const void *b,
                                           int64_t count) {
    pyr_tensor_view one = flat(type, a, &count), two = flat(type, b, &count);
    pyr_tensor_difference out;
    assert_int_equal(pyr_tensor_compare(&one, &two, NULL, NULL, &out, NULL), PYR_OK);
    return out;
}
static void differences_are_of_values(void **unused) {
    (void)unused;
    float a[] = {1, NAN, INFINITY, -0.0F, 2}, b[] = {1, -NAN, INFINITY, 0.0F, 2};
    pyr_tensor_difference d = difference_of(PYR_TENSOR_F32, a, a, 5);
    assert_true(d.equal && d.max_abs_diff == 0);
    d = difference_of(PYR_TENSOR_F32, a, b, 5);
    assert_true(!d.equal && d.max_abs_diff == 0);
    b[4] = -1.5F;
    d = difference_of(PYR_TENSOR_F32, a, b, 5);
    assert_true(!d.equal && d.max_abs_diff == 3.5);
    b[2] = -INFINITY;
    d = difference_of(PYR_TENSOR_F32, a, b, 5);
    assert_true(d.max_abs_diff == INFINITY);
    b[1] = 0;
    d = difference_of(PYR_TENSOR_F32, a, b, 5);
    assert_true(isnan(d.max_abs_diff));
    d = difference_of(PYR_TENSOR_C64, (float[]){1, 2}, (float[]){4, 1}, 1);
    assert_true(!d.equal && d.max_abs_diff == 3);

    int64_t i64[] = {INT64_MAX, 5}, other[] = {INT64_MAX - 1, 5};
    d = difference_of(PYR_TENSOR_I64, i64, other, 2);
    assert_true(!d.equal && d.max_abs_diff == 1);
    d = difference_of(PYR_TENSOR_I64, (int64_t[]){INT64_MIN}, (int64_t[]){INT64_MAX}, 1);
    assert_true(d.max_abs_diff == 0x1p64);
    d = difference_of(PYR_TENSOR_U64, (uint64_t[]){0}, (uint64_t[]){UINT64_MAX}, 1);
    assert_true(d.max_abs_diff == 0x1p64);
    d = difference_of(PYR_TENSOR_BOOL, (uint8_t[]){1, 0}, (uint8_t[]){2, 0}, 2);
    assert_true(!d.equal && d.max_abs_diff == 0);
    d = difference_of(PYR_TENSOR_F4, (uint8_t[]){0x70}, (uint8_t[]){0xf0}, 2);
    assert_true(d.max_abs_diff == 12);
    d = difference_of(PYR_TENSOR_U8, NULL, NULL, 0);
    assert_true(d.equal);
}
static void a_difference_anywhere_is_found(void **unused) {
    (void)unused;
    pyr_thread_pool *pool;
    assert_int_equal(pyr_thread_pool_create(2, 16, &pool, NULL), PYR_OK);
    int64_t count = 3000000;
    uint16_t *a = calloc((size_t)count, 2), *b = calloc((size_t)count, 2);
    pyr_tensor_view one = flat(PYR_TENSOR_BF16, a, &count), two = flat(PYR_TENSOR_BF16, b, &count);
    static const int64_t places[] = {0, 2047, 2048, 524287, 524288, 1048576, 2999999};
    pyr_tensor_difference out;
    for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
        b[places[i]] = 0x3f80;
        assert_int_equal(pyr_tensor_compare(&one, &two, pool, NULL, &out, NULL), PYR_OK);
        assert_true(!out.equal && out.max_abs_diff == 1);
        b[places[i]] = 0;
    }
    assert_int_equal(pyr_tensor_compare(&one, &two, pool, NULL, &out, NULL), PYR_OK);
    assert_true(out.equal);
    int64_t shape[] = {1500000, 2};
    two.shape = shape;
    two.rank = 2;
    pyr_error error;
    assert_int_equal(pyr_tensor_compare(&one, &two, pool, NULL, &out, &error),
                     PYR_ERROR_INVALID_ARGUMENT);
    free(a);
    free(b);
    pyr_thread_pool_destroy(pool);
}

/* ---- DLPack. ---- */

static int released;
static void note_release(void *owner) {
    (void)owner;
    ++released;
}
static void dlpack_refers_to_the_bytes(void **unused) {
    (void)unused;
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    pyr_buffer *holder;
    released = 0;
    assert_int_equal(pyr_buffer_wrap(values, sizeof values, NULL, note_release, &holder, NULL),
                     PYR_OK);
    int64_t shape[] = {2, 3};
    pyr_tensor_view view = {"w", PYR_TENSOR_F32, 2, shape, 6, holder->data, 24};
    DLManagedTensorVersioned *tensor;
    assert_int_equal(pyr_tensor_to_dlpack(&view, holder, &tensor, NULL), PYR_OK);
    shape[0] = shape[1] = 99; /* it has its own */
    pyr_buffer_release(holder);
    assert_int_equal(released, 0);
    assert_int_equal(tensor->version.major, 1);
    assert_int_equal(tensor->flags, DLPACK_FLAG_BITMASK_READ_ONLY);
    const DLTensor *t = &tensor->dl_tensor;
    assert_ptr_equal(t->data, values);
    assert_true(t->byte_offset == 0 && t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3);
    assert_true(t->strides[0] == 3 && t->strides[1] == 1);
    assert_true(t->device.device_type == kDLCPU && t->device.device_id == 0);
    assert_true(t->dtype.code == kDLFloat && t->dtype.bits == 32 && t->dtype.lanes == 1);
    tensor->deleter(tensor);
    assert_int_equal(released, 1);
}
static void dlpack_has_every_type(void **unused) {
    (void)unused;
    /* Numbers of DLDataTypeCode, as the specification of DLPack 1.1 lists them. */
    static const uint8_t codes[PYR_TENSOR_TYPES] = {6, 17, 15, 16, 1, 0, 12, 10, 14, 11, 13,
                                                    0, 1,  2,  4,  0, 1, 2,  5,  2,  0,  1};
    pyr_buffer *holder;
    assert_int_equal(pyr_buffer_create(64, NULL, &holder, NULL), PYR_OK);
    for (pyr_tensor_type type = 0; type < PYR_TENSOR_TYPES; ++type) {
        pyr_tensor_view view = {"w", type, 1, &(int64_t){4}, 4, holder->data + 1, 0};
        DLManagedTensorVersioned *tensor;
        assert_int_equal(pyr_tensor_to_dlpack(&view, holder, &tensor, NULL), PYR_OK);
        assert_int_equal(tensor->dl_tensor.dtype.code, codes[type]);
        assert_int_equal(tensor->dl_tensor.dtype.bits, pyr_tensor_type_bits(type));
        assert_ptr_equal(tensor->dl_tensor.data, holder->data + 1);
        tensor->deleter(tensor);
    }
    /* One value; no value. */
    pyr_tensor_view view = {"w", PYR_TENSOR_F64, 0, NULL, 1, holder->data, 8};
    DLManagedTensorVersioned *tensor;
    assert_int_equal(pyr_tensor_to_dlpack(&view, holder, &tensor, NULL), PYR_OK);
    assert_true(tensor->dl_tensor.ndim == 0 && tensor->dl_tensor.data == holder->data);
    tensor->deleter(tensor);
    view = (pyr_tensor_view){"w", PYR_TENSOR_F64, 2, (int64_t[]){0, INT64_MAX}, 0, NULL, 0};
    assert_int_equal(pyr_tensor_to_dlpack(&view, holder, &tensor, NULL), PYR_OK);
    assert_true(tensor->dl_tensor.data == NULL && tensor->dl_tensor.strides != NULL);
    tensor->deleter(tensor);
    pyr_buffer_release(holder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names_and_widths),
        cmocka_unit_test(sizes_are_whole_bytes_without_overflow),
        cmocka_unit_test(small_floats_are_those_of_ml_dtypes),
        cmocka_unit_test(wider_floats_are_exact),
        cmocka_unit_test(stats_are_those_of_long_doubles),
        cmocka_unit_test(stats_are_those_of_numpy),
        cmocka_unit_test(constants_have_no_deviation),
        cmocka_unit_test(infinities_and_nothing_but_nan),
        cmocka_unit_test(stats_of_every_other_type),
        cmocka_unit_test(f16_stats),
        cmocka_unit_test(a_cancelled_look_ends),
        cmocka_unit_test(differences_are_of_values),
        cmocka_unit_test(a_difference_anywhere_is_found),
        cmocka_unit_test(dlpack_refers_to_the_bytes),
        cmocka_unit_test(dlpack_has_every_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
