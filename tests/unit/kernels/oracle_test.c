/* Every ISA beside the oracle, over spans that end where the mapping ends: the same bits, and no
 * byte beyond is read or written. */
#include "support_kernels.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPAN_BYTES = 1 << 16, SPANS = 5, ROWS_MAX = 3000 };

/* Spans before a page that nobody may touch each. */
static uint8_t *ends[SPANS];

static int make_spans(void **unused) {
    (void)unused;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < SPANS; ++i) {
        uint8_t *base = mmap(NULL, SPAN_BYTES + page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED || mprotect(base + SPAN_BYTES, page, PROT_NONE) != 0) {
            return -1;
        }
        ends[i] = base + SPAN_BYTES;
    }
    return 0;
}
static int drop_spans(void **unused) {
    (void)unused;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < SPANS; ++i) {
        (void)munmap(ends[i] - SPAN_BYTES, SPAN_BYTES + page);
    }
    return 0;
}
static void *before_end(int span, int64_t size_bytes) {
    return ends[span] - size_bytes;
}
static uint64_t *mask_before_end(int span, int64_t n) {
    return before_end(span, (n + 63) / 64 * 8);
}
static const int64_t lengths[] = {0,   1,   2,   3,   4,   5,   7,   8,   9,   15,   16,   17,
                                  31,  32,  33,  47,  63,  64,  65,  66,  71,  95,   96,   97,
                                  127, 128, 129, 191, 192, 193, 255, 256, 257, 1000, 2048, -1};

static void assert_masks(const uint64_t *a, const uint64_t *b, int64_t n) {
    assert_memory_equal(a, b, (size_t)(n + 63) / 64 * 8);
}
static void check_numbers(const pyr_kernels *k, const pyr_kernels *oracle, pyr_physical type,
                          int64_t n, uint64_t *state) {
    int64_t width = (int64_t)pyr_physical_bytes(type);
    uint8_t *a = before_end(0, n * width), *b = before_end(1, n * width);
    uint8_t *high = before_end(2, width);
    uint64_t *got = mask_before_end(3, n), want[ROWS_MAX / 64 + 1];
    support_fill(type, a, n, state);
    support_fill(type, b, n, state);
    support_fill(type, high, 1, state);
    for (int op = 0; n > 0 && op < PYR_COMPARE_OPS_COUNT; ++op) {
        oracle->compare[op][type](a, b, n, want);
        k->compare[op][type](a, b, n, got);
        assert_masks(got, want, n);
        oracle->compare_constant[op][type](a, high, n, want);
        k->compare_constant[op][type](a, high, n, got);
        assert_masks(got, want, n);
    }
    if (n > 0) {
        oracle->between_constant[type](a, b, high, n, want);
        k->between_constant[type](a, b, high, n, got);
        assert_masks(got, want, n);
    }
    for (int kind = 0; kind < 5; ++kind) {
        const uint64_t *mask = kind == 4 ? NULL : got;
        support_mask(got, n, kind & 3, state);
        _Alignas(16) uint8_t x[16] = {0}, y[16] = {0};
        assert_int_equal(k->minimum[type](a, mask, n, x), oracle->minimum[type](a, mask, n, y));
        assert_memory_equal(x, y, 16);
        assert_int_equal(k->maximum[type](a, mask, n, x), oracle->maximum[type](a, mask, n, y));
        assert_memory_equal(x, y, 16);
        if (!support_is_float(type)) {
            bool bad_x = false, bad_y = false;
            assert_true(k->sum_integers[type](a, mask, n, &bad_x) ==
                        oracle->sum_integers[type](a, mask, n, &bad_y));
            assert_int_equal(bad_x, bad_y);
        } else { /* NaNs may differ in their bits */
            double s = k->sum_floats[type](a, mask, n), t = oracle->sum_floats[type](a, mask, n);
            assert_true((s != s && t != t) || memcmp(&s, &t, 8) == 0);
        }
    }
}
static void numbers_are_the_oracles(void **unused) {
    (void)unused;
    const pyr_kernels *oracle = pyr_kernels_of("scalar");
    uint64_t state = 31;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (pyr_physical type = PYR_PHYSICAL_I8; type <= PYR_PHYSICAL_F64; ++type) {
            for (const int64_t *n = lengths; *n >= 0; ++n) {
                check_numbers(*k, oracle, type, *n, &state);
            }
        }
    }
}

static void check_arithmetic(const pyr_kernels *k, const pyr_kernels *oracle, pyr_physical type,
                             int64_t n, int shrink, uint64_t *state) {
    int64_t width = (int64_t)pyr_physical_bytes(type);
    uint8_t *a = before_end(0, n * width), *b = before_end(1, n * width);
    uint8_t *got = before_end(2, n * width), want[ROWS_MAX * 16];
    support_fill(type, a, n, state);
    support_fill(type, b, n, state);
    /* Values of half the width, of which only now and then one is beyond. */
    for (int64_t i = 0; shrink != 0 && !support_is_float(type) && i < n * 2; ++i) {
        uint8_t *value = (i < n ? a : b) + i % n * width;
        bool is_signed = type <= PYR_PHYSICAL_I64 || type == PYR_PHYSICAL_I128;
        uint64_t random = support_random(state);
        if (shrink == 2 && random % 256 == 0) {
            continue;
        }
        int64_t half = width > 1 ? width / 2 : 1;
        int fill = is_signed && (value[half - 1] & 0x80) != 0 ? 0xFF : 0;
        memset(value + half, fill, (size_t)(width - half));
    }
    for (int op = 0; op < PYR_ARITHMETIC_OPS_COUNT; ++op) {
        for (int constant = 0; constant < 2; ++constant) {
            const void *right = constant != 0 ? before_end(1, width) : b;
            if (n == 0) {
                continue;
            }
            bool bad = (constant != 0 ? oracle->arithmetic_constant
                                      : oracle->arithmetic)[op][type](a, right, n, want);
            assert_int_equal((constant != 0 ? k->arithmetic_constant
                                            : k->arithmetic)[op][type](a, right, n, got),
                             bad);
            for (int64_t i = 0; i < n; ++i) {
                bool both_nan = support_is_float(type) && support_order(type, got, i, want, i) == 0;
                assert_true(both_nan || memcmp(got + i * width, want + i * width, width) == 0);
            }
        }
    }
}
static void arithmetic_is_the_oracles(void **unused) {
    (void)unused;
    const pyr_kernels *oracle = pyr_kernels_of("scalar");
    uint64_t state = 37;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (pyr_physical type = PYR_PHYSICAL_I8; type <= PYR_PHYSICAL_F64; ++type) {
            for (const int64_t *n = lengths; *n >= 0; ++n) {
                for (int shrink = 0; shrink < 3; ++shrink) {
                    check_arithmetic(*k, oracle, type, *n, shrink, &state);
                }
            }
        }
    }
}

static void masks_hashes_and_moves_are_the_oracles(void **unused) {
    (void)unused;
    const pyr_kernels *oracle = pyr_kernels_of("scalar");
    static uint8_t want[ROWS_MAX * 16 + 64];
    uint16_t rows[ROWS_MAX + 16];
    uint64_t state = 41;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = lengths; *n >= 0; ++n) {
            uint64_t *mask = mask_before_end(0, *n);
            for (int kind = 0; kind < 4; ++kind) {
                support_mask(mask, *n, kind, &state);
                uint16_t *got = before_end(1, (*n + 16) * 2);
                int64_t count = oracle->mask_to_rows(mask, *n, rows);
                assert_int_equal((*k)->mask_count(mask, *n), count);
                assert_int_equal((*k)->mask_to_rows(mask, *n, got), count);
                assert_memory_equal(got, rows, (size_t)count * 2);
                for (int log2 = 0; log2 < 5; ++log2) {
                    int64_t width = INT64_C(1) << log2;
                    uint8_t *values = before_end(2, *n * width);
                    support_fill(PYR_PHYSICAL_U8, values, *n * width, &state);
                    uint8_t *out = before_end(3, *n * width + 64);
                    assert_int_equal(oracle->compress[log2](values, mask, *n, want), count);
                    assert_int_equal((*k)->compress[log2](values, mask, *n, out), count);
                    assert_memory_equal(out, want, (size_t)(count * width));
                    out = before_end(3, count * width);
                    memcpy(before_end(1, count * 2), rows, (size_t)count * 2);
                    (*k)->gather[log2](values, before_end(1, count * 2), count, out);
                    assert_memory_equal(out, want, (size_t)(count * width));
                    uint64_t *hashes = before_end(3, *n * 8), *of = (uint64_t *)(void *)want;
                    oracle->hash[log2](values, *n, of);
                    (*k)->hash[log2](values, *n, hashes);
                    assert_memory_equal(hashes, of, (size_t)*n * 8);
                    memcpy(before_end(4, *n * 8), hashes, (size_t)*n * 8);
                    oracle->hash_combine(of, before_end(4, *n * 8), *n);
                    (*k)->hash_combine(hashes, before_end(4, *n * 8), *n);
                    assert_memory_equal(hashes, of, (size_t)*n * 8);
                }
            }
        }
    }
}

/* Strings of letters of a few kinds; every 16th is long. */
static int32_t *make_strings(int64_t n, uint8_t **bytes, uint64_t *state) {
    int32_t *offsets = before_end(1, (n + 1) * 4);
    offsets[0] = 3;
    for (int64_t i = 0; i < n; ++i) {
        uint64_t random = support_random(state);
        offsets[i + 1] = offsets[i] + (int32_t)((random >> 8) % (random % 16 == 0 ? 200 : 20));
    }
    *bytes = before_end(0, offsets[n]);
    uint8_t kinds = (uint8_t)(2 + support_random(state) % 3);
    for (int32_t i = 0; i < offsets[n]; ++i) {
        (*bytes)[i] = (uint8_t)('a' + support_random(state) % kinds);
    }
    return offsets;
}
static void strings_are_the_oracles(void **unused) {
    (void)unused;
    const pyr_kernels *oracle = pyr_kernels_of("scalar");
    uint64_t state = 43, want[ROWS_MAX];
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = lengths; *n >= 0; ++n) {
            for (int64_t length = 1; length < 80; length += length < 20 ? 1 : 13) {
                uint8_t *bytes = NULL;
                int32_t *offsets = make_strings(*n, &bytes, &state);
                uint8_t *needle = before_end(2, length);
                int64_t all = offsets[*n], from = all > length ? all - length : 0;
                from = from == 0 ? 0 : (int64_t)(support_random(&state) % (uint64_t)from);
                memset(needle, 'b', (size_t)length);
                memcpy(needle, bytes + from, (size_t)(all < length ? all : length));
                uint64_t *mask = mask_before_end(3, *n);
                oracle->contains(bytes, all, offsets, *n, needle, length, want);
                (*k)->contains(bytes, all, offsets, *n, needle, length, mask);
                assert_masks(mask, want, *n);
                assert_int_equal((*k)->find(bytes, all, needle, length),
                                 oracle->find(bytes, all, needle, length));
                pyr_string constant = {needle, (uint64_t)length};
                if (*n > 0) { /* one that is there */
                    int64_t row = (int64_t)(support_random(&state) % (uint64_t)*n);
                    constant = (pyr_string){bytes + offsets[row],
                                            (uint64_t)(offsets[row + 1] - offsets[row])};
                }
                oracle->equal_string(bytes, offsets, *n, constant, want);
                (*k)->equal_string(bytes, offsets, *n, constant, mask);
                assert_masks(mask, want, *n);
                uint64_t *hashes = before_end(3, *n * 8);
                oracle->hash_offsets(bytes, offsets, *n, want);
                (*k)->hash_offsets(bytes, offsets, *n, hashes);
                assert_memory_equal(hashes, want, (size_t)*n * 8);
                pyr_string *strings = before_end(4, *n * (int64_t)sizeof(pyr_string));
                (*k)->strings_of_offsets(bytes, offsets, *n, strings);
                (*k)->hash_strings(strings, *n, hashes);
                assert_memory_equal(hashes, want, (size_t)*n * 8);
            }
        }
    }
}
static void characters_are_the_oracles(void **unused) {
    (void)unused;
    const pyr_kernels *oracle = pyr_kernels_of("scalar");
    uint64_t state = 47;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = lengths; *n >= 0; ++n) {
            uint8_t *text = before_end(0, *n);
            support_fill(PYR_PHYSICAL_U8, text, *n, &state);
            assert_int_equal((*k)->utf8_length(text, *n), oracle->utf8_length(text, *n));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_oracles),
        cmocka_unit_test(arithmetic_is_the_oracles),
        cmocka_unit_test(masks_hashes_and_moves_are_the_oracles),
        cmocka_unit_test(strings_are_the_oracles),
        cmocka_unit_test(characters_are_the_oracles),
    };
    return cmocka_run_group_tests(tests, make_spans, drop_spans);
}
