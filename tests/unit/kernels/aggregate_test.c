#include "support_kernels.h"

#include <math.h>
#include <string.h>

typedef struct spans {
    _Alignas(64) uint8_t a[(SPAN_MAX + 1) * 16];
    uint64_t mask[SPAN_MAX / 64 + 2];
} spans;

static double lanes_sum(pyr_physical type, const void *a, const uint64_t *mask, int64_t n) {
    double lane[8];
    for (int i = 0; i < 8; ++i) {
        lane[i] = -0.0;
    }
    for (int64_t i = 0; i < n; ++i) {
        if (mask == NULL || support_bit(mask, i)) {
            lane[i % 8] += support_float(type, a, i);
        }
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
static void check_sum(const pyr_kernels *k, pyr_physical type, const void *a, const uint64_t *mask,
                      int64_t n) {
    if (support_is_float(type)) {
        double want = lanes_sum(type, a, mask, n), got = k->sum_floats[type](a, mask, n);
        assert_true((isnan(want) && isnan(got)) || memcmp(&want, &got, 8) == 0);
        return;
    }
    pyr_i128 want = 0;
    bool want_overflow = false, overflow = true;
    for (int64_t i = 0; i < n; ++i) {
        if (mask == NULL || support_bit(mask, i)) {
            want_overflow |= __builtin_add_overflow(want, support_integer(type, a, i), &want);
        }
    }
    assert_true(k->sum_integers[type](a, mask, n, &overflow) == want);
    assert_int_equal(overflow, want_overflow);
}
/* -1, 0, 1, with -0.0 below 0.0. */
static int strict_order(pyr_physical type, const void *a, int64_t i, const void *b, int64_t j) {
    int order = support_order(type, a, i, b, j);
    if (order == 0 && support_is_float(type)) {
        return (signbit(support_float(type, b, j)) ? 1 : 0) -
               (signbit(support_float(type, a, i)) ? 1 : 0);
    }
    return order;
}
static void check_extremes(const pyr_kernels *k, pyr_physical type, const uint8_t *a,
                           const uint64_t *mask, int64_t n) {
    int64_t least = -1, most = -1;
    for (int64_t i = 0; i < n; ++i) {
        if (mask != NULL && !support_bit(mask, i)) {
            continue;
        }
        least = least < 0 || strict_order(type, a, i, a, least) < 0 ? i : least;
        most = most < 0 || strict_order(type, a, i, a, most) > 0 ? i : most;
    }
    _Alignas(16) uint8_t out[16];
    assert_int_equal(k->minimum[type](a, mask, n, out), least >= 0);
    if (least >= 0) {
        assert_int_equal(support_order(type, a, least, out, 0), 0);
        assert_true(!support_is_float(type) || isnan(support_float(type, out, 0)) ||
                    strict_order(type, a, least, out, 0) == 0);
    }
    assert_int_equal(k->maximum[type](a, mask, n, out), most >= 0);
    if (most >= 0) {
        assert_int_equal(support_order(type, a, most, out, 0), 0);
        assert_true(!support_is_float(type) || isnan(support_float(type, out, 0)) ||
                    strict_order(type, a, most, out, 0) == 0);
    }
}
static void sums_and_extremes_are_of_the_mask(void **unused) {
    (void)unused;
    static spans s;
    uint64_t state = 9;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (pyr_physical type = PYR_PHYSICAL_I8; type <= PYR_PHYSICAL_F64; ++type) {
            for (const int64_t *n = support_lengths; *n >= 0; ++n) {
                const uint8_t *a = s.a + pyr_physical_bytes(type);
                support_fill(type, s.a, *n + 1, &state);
                for (int kind = 0; kind < 5; ++kind) {
                    const uint64_t *mask = kind == 4 ? NULL : s.mask;
                    support_mask(s.mask, *n, kind & 3, &state);
                    check_sum(*k, type, a, mask, *n);
                    check_extremes(*k, type, a, mask, *n);
                }
            }
        }
    }
}
static void sums_of_128_bits_say_that_they_wrapped(void **unused) {
    (void)unused;
    pyr_i128 most = (pyr_i128)(~(pyr_u128)0 >> 1);
    pyr_i128 values[3] = {most, 1, -1};
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        bool overflow = false;
        (void)(*k)->sum_integers[PYR_PHYSICAL_I128](values, NULL, 2, &overflow);
        assert_true(overflow);
        uint64_t mask = 5;
        assert_true((*k)->sum_integers[PYR_PHYSICAL_I128](values, &mask, 3, &overflow) == most - 1);
        assert_false(overflow);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_extremes_are_of_the_mask),
        cmocka_unit_test(sums_of_128_bits_say_that_they_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
