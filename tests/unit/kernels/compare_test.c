#include "support_kernels.h"

#include <string.h>

static bool holds(int op, int order) {
    switch (op) {
    case PYR_COMPARE_EQ:
        return order == 0;
    case PYR_COMPARE_NE:
        return order != 0;
    case PYR_COMPARE_LT:
        return order < 0;
    case PYR_COMPARE_LE:
        return order <= 0;
    case PYR_COMPARE_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

typedef struct spans {
    _Alignas(64) uint8_t a[(SPAN_MAX + 1) * 16], b[(SPAN_MAX + 1) * 16];
    uint64_t mask[SPAN_MAX / 64 + 2];
} spans;

static void check_type(const pyr_kernels *k, pyr_physical type, spans *s, int64_t n,
                       uint64_t *state) {
    size_t width = pyr_physical_bytes(type);
    const uint8_t *a = s->a + width; /* aligned to the value alone */
    support_fill(type, s->a, n + 1, state);
    support_fill(type, s->b, n + 1, state);
    for (int op = 0; op < PYR_COMPARE_OPS_COUNT; ++op) {
        k->compare[op][type](a, s->b, n, s->mask);
        for (int64_t i = 0; i < n; ++i) {
            assert_int_equal(support_bit(s->mask, i),
                             holds(op, support_order(type, a, i, s->b, i)));
        }
        support_assert_tail(s->mask, n);
        for (int64_t c = 0; c < 4 && c < n; ++c) {
            k->compare_constant[op][type](a, s->b + (size_t)c * width, n, s->mask);
            for (int64_t i = 0; i < n; ++i) {
                assert_int_equal(support_bit(s->mask, i),
                                 holds(op, support_order(type, a, i, s->b, c)));
            }
            support_assert_tail(s->mask, n);
        }
    }
    for (int64_t c = 0; c + 1 < n && c < 6; ++c) {
        const uint8_t *low = s->b + (size_t)c * width, *high = low + width;
        k->between_constant[type](a, low, high, n, s->mask);
        for (int64_t i = 0; i < n; ++i) {
            bool in =
                support_order(type, a, i, low, 0) >= 0 && support_order(type, a, i, high, 0) <= 0;
            assert_int_equal(support_bit(s->mask, i), in);
        }
        support_assert_tail(s->mask, n);
    }
}
static void comparisons_follow_the_total_order(void **unused) {
    (void)unused;
    static spans s;
    uint64_t state = 1;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (pyr_physical type = PYR_PHYSICAL_I8; type <= PYR_PHYSICAL_F64; ++type) {
            for (const int64_t *n = support_lengths; *n >= 0; ++n) {
                check_type(*k, type, &s, *n, &state);
            }
        }
    }
}
static void other_types_have_no_comparison(void **unused) {
    (void)unused;
    static const pyr_physical none[] = {PYR_PHYSICAL_BIT, PYR_PHYSICAL_STRING,
                                        PYR_PHYSICAL_INTERVAL};
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (size_t i = 0; i < 3; ++i) {
            assert_null((*k)->compare[PYR_COMPARE_EQ][none[i]]);
            assert_null((*k)->compare_constant[PYR_COMPARE_LT][none[i]]);
            assert_null((*k)->between_constant[none[i]]);
        }
    }
}

static void equal_string_compares_whole_strings(void **unused) {
    (void)unused;
    static const char *const words[] = {
        "", "a", "ab", "abc", "abd", "abcdefghijklmnopq", "abcdefghijklmnopr"};
    uint8_t bytes[SPAN_MAX * 20];
    int32_t offsets[SPAN_MAX + 1];
    uint64_t state = 3, mask[SPAN_MAX / 64 + 2];
    size_t of[SPAN_MAX];
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = support_lengths; *n >= 0; ++n) {
            offsets[0] = 3;
            for (int64_t i = 0; i < *n; ++i) {
                of[i] = support_random(&state) % 7;
                size_t length = strlen(words[of[i]]);
                memcpy(bytes + offsets[i], words[of[i]], length);
                offsets[i + 1] = offsets[i] + (int32_t)length;
            }
            for (size_t w = 0; w < 7; ++w) {
                pyr_string constant = {(const uint8_t *)words[w], strlen(words[w])};
                (*k)->equal_string(bytes, offsets, *n, constant, mask);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_int_equal(support_bit(mask, i), of[i] == w);
                }
                support_assert_tail(mask, *n);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_follow_the_total_order),
        cmocka_unit_test(other_types_have_no_comparison),
        cmocka_unit_test(equal_string_compares_whole_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
