/* Masks, hashes, moves and text: what has no arithmetic. */
#include "support_kernels.h"

#include <string.h>

static void masks_combine_and_count(void **unused) {
    (void)unused;
    uint64_t a[8], b[8], out[8], state = 11;
    uint16_t rows[SPAN_MAX + 16];
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = support_lengths; *n >= 0; ++n) {
            for (int kind = 0; kind < 4; ++kind) {
                support_mask(a, *n, kind, &state);
                support_mask(b, *n, 0, &state);
                int64_t count = 0;
                (*k)->mask_and(a, b, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_int_equal(support_bit(out, i), support_bit(a, i) && support_bit(b, i));
                    count += support_bit(a, i);
                }
                (*k)->mask_or(a, b, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_int_equal(support_bit(out, i), support_bit(a, i) || support_bit(b, i));
                }
                (*k)->mask_and_not(a, b, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_int_equal(support_bit(out, i), support_bit(a, i) && !support_bit(b, i));
                }
                (*k)->mask_not(a, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_int_equal(support_bit(out, i), !support_bit(a, i));
                }
                support_assert_tail(out, *n);
                assert_int_equal((*k)->mask_count(a, *n), count);
                assert_int_equal((*k)->mask_to_rows(a, *n, rows), count);
                for (int64_t i = 0, at = 0; i < *n; ++i) {
                    if (support_bit(a, i)) {
                        assert_int_equal(rows[at++], i);
                    }
                }
            }
        }
    }
}

static void hashes_are_of_the_value_alone(void **unused) {
    (void)unused;
    uint8_t values[SPAN_MAX * 16];
    uint64_t hashes[SPAN_MAX], again[SPAN_MAX], state = 13;
    const pyr_kernels *oracle = pyr_kernels_of("scalar");
    for (size_t i = 0; i < sizeof values; ++i) {
        values[i] = (uint8_t)support_random(&state);
    }
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = support_lengths; *n >= 0; ++n) {
            for (int width = 0; width < 5; ++width) {
                (*k)->hash[width](values, *n, hashes);
                for (int64_t i = 0; i < *n; ++i) { /* one at a time */
                    oracle->hash[width](values + ((size_t)i << width), 1, &again[i]);
                    assert_true(hashes[i] == again[i]);
                }
                (*k)->hash_combine(hashes, again, *n);
                for (int64_t i = 0; i < *n; ++i) {
                    uint64_t one = again[i];
                    oracle->hash_combine(&one, &again[i], 1);
                    assert_true(hashes[i] == one);
                }
            }
        }
    }
}
static void hashes_of_strings_see_every_byte(void **unused) {
    (void)unused;
    uint8_t text[80];
    int32_t offsets[2] = {0, 0};
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (int32_t length = 0; length < 70; ++length) {
            memset(text, 'x', sizeof text);
            pyr_string s = {text, (uint64_t)length};
            uint64_t base = 0, hash = 0;
            (*k)->hash_strings(&s, 1, &base);
            offsets[1] = length;
            (*k)->hash_offsets(text, offsets, 1, &hash);
            assert_true(base == hash);
            for (int32_t i = 0; i < length; ++i) {
                text[i] = 'y';
                (*k)->hash_strings(&s, 1, &hash);
                assert_true(base != hash);
                text[i] = 'x';
            }
            s.length += 1;
            (*k)->hash_strings(&s, 1, &hash);
            assert_true(base != hash);
        }
    }
}
static void combining_is_not_symmetric(void **unused) {
    (void)unused;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        uint64_t a = 1, b = 2, c = 2, d = 1;
        (*k)->hash_combine(&a, &b, 1);
        (*k)->hash_combine(&c, &d, 1);
        assert_true(a != c);
    }
}

static void moves_take_the_rows_named(void **unused) {
    (void)unused;
    static uint8_t values[SPAN_MAX * 16], out[SPAN_MAX * 16 + 64];
    uint16_t rows[SPAN_MAX];
    uint32_t rows32[SPAN_MAX];
    uint64_t mask[8], state = 17;
    for (size_t i = 0; i < sizeof values; ++i) {
        values[i] = (uint8_t)support_random(&state);
    }
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = support_lengths; *n >= 0; ++n) {
            for (int64_t i = 0; i < *n; ++i) {
                rows[i] = (uint16_t)(support_random(&state) % SPAN_MAX);
                rows32[i] = rows[i];
            }
            support_mask(mask, *n, 0, &state);
            for (int log2 = 0; log2 < 5; ++log2) {
                size_t width = (size_t)1 << log2;
                (*k)->gather[log2](values, rows, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_memory_equal(out + (size_t)i * width, values + rows[i] * width, width);
                }
                (*k)->gather32[log2](values, rows32, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    assert_memory_equal(out + (size_t)i * width, values + rows[i] * width, width);
                }
                int64_t count = (*k)->compress[log2](values, mask, *n, out), at = 0;
                for (int64_t i = 0; i < *n; ++i) {
                    if (support_bit(mask, i)) {
                        assert_memory_equal(out + (size_t)at++ * width, values + (size_t)i * width,
                                            width);
                    }
                }
                assert_int_equal(count, at);
            }
        }
    }
}
static void bits_align_from_any_bit(void **unused) {
    (void)unused;
    uint8_t bits[64];
    uint64_t out[8], state = 19;
    for (size_t i = 0; i < sizeof bits; ++i) {
        bits[i] = (uint8_t)support_random(&state);
    }
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (int64_t offset = 0; offset < 70; ++offset) {
            for (const int64_t *n = support_lengths; *n >= 0; ++n) {
                /* At the end of what may be read. */
                int64_t bytes = (offset + *n + 7) / 8;
                const uint8_t *from = bits + sizeof bits - (size_t)bytes;
                (*k)->bits_align(from, offset, *n, out);
                for (int64_t i = 0; i < *n; ++i) {
                    int64_t at = offset + i;
                    assert_int_equal(support_bit(out, i), (from[at / 8] >> (at % 8)) & 1);
                }
                support_assert_tail(out, *n);
            }
        }
    }
}

static void contains_keeps_to_the_borders_of_rows(void **unused) {
    (void)unused;
    static const char *const needles[] = {"a", "ab", "aab", "abab", "abcabcabcabcabcabca"};
    uint8_t bytes[SPAN_MAX * 8 + 64];
    int32_t offsets[SPAN_MAX + 1];
    uint64_t mask[8], state = 23;
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        for (const int64_t *n = support_lengths; *n >= 0; ++n) {
            int32_t at = 5;
            offsets[0] = at;
            for (int64_t i = 0; i < *n; ++i) {
                at += (int32_t)(support_random(&state) % 8);
                offsets[i + 1] = at;
            }
            for (int32_t i = 0; i < at; ++i) {
                bytes[i] = (uint8_t)('a' + support_random(&state) % 2);
            }
            if (*n > 100) { /* a long one */
                memcpy(bytes + offsets[50], "abcabcabcabcabcabcabc", 21);
            }
            for (size_t needle = 0; needle < 5; ++needle) {
                size_t length = strlen(needles[needle]);
                (*k)->contains(bytes, (int64_t)sizeof bytes, offsets, *n,
                               (const uint8_t *)needles[needle], (int64_t)length, mask);
                for (int64_t i = 0; i < *n; ++i) {
                    const uint8_t *row = bytes + offsets[i];
                    size_t row_length = (size_t)(offsets[i + 1] - offsets[i]);
                    bool in = memmem(row, row_length, needles[needle], length) != NULL;
                    assert_int_equal(support_bit(mask, i), in);
                    int64_t found = (*k)->find(row, (int64_t)row_length,
                                               (const uint8_t *)needles[needle], (int64_t)length);
                    assert_int_equal(found >= 0, in);
                    assert_true(found < 0 || memcmp(row + found, needles[needle], length) == 0);
                }
                support_assert_tail(mask, *n);
            }
        }
    }
}
static void characters_are_counted_once(void **unused) {
    (void)unused;
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
    for (const pyr_kernels *const *k = support_isas(); *k != NULL; ++k) {
        assert_int_equal((*k)->utf8_length((const uint8_t *)text, sizeof text - 1), 5);
        assert_int_equal((*k)->utf8_length((const uint8_t *)text, 0), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_combine_and_count),
        cmocka_unit_test(hashes_are_of_the_value_alone),
        cmocka_unit_test(hashes_of_strings_see_every_byte),
        cmocka_unit_test(combining_is_not_symmetric),
        cmocka_unit_test(moves_take_the_rows_named),
        cmocka_unit_test(bits_align_from_any_bit),
        cmocka_unit_test(contains_keeps_to_the_borders_of_rows),
        cmocka_unit_test(characters_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
