#include "support_kernels.h"

#include <math.h>
#include <string.h>

typedef struct spans {
    _Alignas(64) uint8_t a[(SPAN_MAX + 1) * 16], b[(SPAN_MAX + 1) * 16], out[(SPAN_MAX + 1) * 16];
} spans;

/* The result at unbounded width, as far as 128 bits tell; *fits says whether it is the type's. */
static pyr_i128 exact(int op, pyr_physical type, pyr_i128 x, pyr_i128 y, bool *fits) {
    pyr_i128 r = 0;
    bool wide = op == PYR_ARITHMETIC_ADD        ? __builtin_add_overflow(x, y, &r)
                : op == PYR_ARITHMETIC_SUBTRACT ? __builtin_sub_overflow(x, y, &r)
                                                : __builtin_mul_overflow(x, y, &r);
    pyr_i128 back = support_integer(type, &r, 0);
    *fits = !wide && back == r;
    return back;
}
static void check_rows(const spans *s, const uint8_t *a, pyr_physical type, int op, int64_t n,
                       bool constant, bool flag) {
    bool any = false;
    for (int64_t i = 0; i < n; ++i) {
        int64_t j = constant ? 0 : i;
        if (support_is_float(type)) {
            double x = support_float(type, a, i), y = support_float(type, s->b, j);
            double want = op == 0 ? x + y : op == 1 ? x - y : x * y;
            want = type == PYR_PHYSICAL_F32 ? (double)(float)want : want;
            double got = support_float(type, s->out, i);
            assert_true((isnan(want) && isnan(got)) || memcmp(&want, &got, 8) == 0);
            continue;
        }
        bool fits = false;
        pyr_i128 want =
            exact(op, type, support_integer(type, a, i), support_integer(type, s->b, j), &fits);
        any |= !fits;
        assert_true(support_integer(type, s->out, i) == want);
    }
    assert_int_equal(flag, any);
}
static void check_type(const pyr_kernels *k, pyr_physical type, spans *s, int64_t n,
                       uint64_t *state) {
    const uint8_t *a = s->a + pyr_physical_bytes(type);
    support_fill(type, s->a, n + 1, state);
    support_fill(type, s->b, n + 1, state);
    if ((support_random(state) & 1) != 0 && !support_is_float(type)) { /* what often fits */
        for (size_t i = 0; i < (size_t)(n + 1) * pyr_physical_bytes(type); ++i) {
            bool lowest = i % pyr_physical_bytes(type) == 0;
            s->a[i] = lowest ? s->a[i] & 7 : 0;
            s->b[i] = lowest ? s->b[i] & 3 : 0;
        }
    }
    for (int op = 0; op < PYR_ARITHMETIC_OPS_COUNT; ++op) {
        bool flag = k->arithmetic[op][type](a, s->b, n, s->out);
        check_rows(s, a, type, op, n, false, flag);
        flag = k->arithmetic_constant[op][type](a, s->b, n, s->out);
        check_rows(s, a, type, op, n, true, flag);
        /* In place. */
        static uint8_t kept[(SPAN_MAX + 1) * 16];
        memcpy(kept, s->out, sizeof kept);
        memcpy(s->out, a, (size_t)n * pyr_physical_bytes(type));
        (void)k->arithmetic_constant[op][type](s->out, s->b, n, s->out);
        assert_memory_equal(kept, s->out, (size_t)n * pyr_physical_bytes(type));
    }
}
static void results_wrap_and_the_flag_tells(void **unused) {
    (void)unused;
    static spans s;
    uint64_t state = 5;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (pyr_physical type = PYR_PHYSICAL_I8; type <= PYR_PHYSICAL_F64; ++type) {
            for (const int64_t *n = support_lengths; *n >= 0; ++n) {
                for (int round = 0; round < 4; ++round) {
                    check_type(*k, type, &s, *n, &state);
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_wrap_and_the_flag_tells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
