/* bytes_test.c - bits, cursors, UTF-8, CRC-32C, text. */
#include "base/bits.h"
#include "base/crc32c.h"
#include "base/cursor.h"
#include "base/text.h"
#include "support_base.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void fill_random(uint8_t *bytes, size_t size, uint32_t seed) {
    for (size_t i = 0; i < size; ++i) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

static void bitmaps_agree_with_the_plain_loop_at_every_offset(void **state) {
    (void)state;
    enum { BYTES = 40 };
    uint8_t from[BYTES];
    uint8_t before[BYTES];
    fill_random(from, BYTES, 1);
    for (int64_t a = 0; a < 16; ++a) {
        for (int64_t b = 0; b < 16; ++b) {
            for (int64_t count = 0; count <= 200; count += count < 20 ? 1 : 13) {
                uint8_t to[BYTES];
                fill_random(to, BYTES, 2);
                memcpy(before, to, BYTES);
                int64_t set = 0;
                pyr_bits_copy(from, a, to, b, count);
                for (int64_t i = 0; i < BYTES * 8; ++i) {
                    bool inside = i >= b && i < b + count;
                    bool wanted = inside ? pyr_bit_get(from, a + i - b) : pyr_bit_get(before, i);
                    assert_int_equal(pyr_bit_get(to, i), wanted);
                    set += inside && wanted;
                }
                assert_int_equal(pyr_bits_count_set(to, b, count), set);
                assert_true(pyr_bits_equal(from, a, to, b, count));
                if (count > 0) {
                    pyr_bit_put(to, b + count - 1, !pyr_bit_get(to, b + count - 1));
                    assert_false(pyr_bits_equal(from, a, to, b, count));
                }
                pyr_bits_fill(to, b, count, true);
                assert_int_equal(pyr_bits_count_set(to, b, count), count);
            }
        }
    }
}

static void a_cursor_never_passes_the_end(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    pyr_cursor cursor = pyr_cursor_over(bytes, sizeof(bytes));
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;
    const uint8_t *view;
    assert_true(pyr_cursor_u64(&cursor, &u64) && u64 == UINT64_C(0x0807060504030201));
    assert_false(pyr_cursor_u16(&cursor, &u16));
    assert_int_equal(cursor.position, 8);
    assert_true(pyr_cursor_u8(&cursor, &u8) && u8 == 9);
    assert_false(pyr_cursor_u8(&cursor, &u8));
    assert_true(pyr_cursor_seek(&cursor, 9));
    assert_false(pyr_cursor_seek(&cursor, 10));
    assert_true(pyr_cursor_seek(&cursor, 5));
    assert_true(pyr_cursor_u32(&cursor, &u32) && u32 == 0x09080706);
    assert_true(pyr_cursor_seek(&cursor, 0));
    assert_false(pyr_cursor_bytes(&cursor, SIZE_MAX, &view));
    assert_false(pyr_cursor_skip(&cursor, 10));
    assert_true(pyr_cursor_bytes(&cursor, 9, &view) && view == bytes);
}

static void varints_are_bounded(void **state) {
    (void)state;
    static const uint8_t good[] = {0x96, 0x01, 0xFF, 0xFF, 0xFF, 0xFF,
                                   0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01};
    pyr_cursor cursor = pyr_cursor_over(good, sizeof(good));
    uint64_t value;
    assert_true(pyr_cursor_varint(&cursor, &value) && value == 150);
    assert_true(pyr_cursor_varint(&cursor, &value) && value == UINT64_MAX);
    static const uint8_t too_long[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                       0x80, 0x80, 0x80, 0x80, 0x01};
    cursor = pyr_cursor_over(too_long, sizeof(too_long));
    assert_false(pyr_cursor_varint(&cursor, &value));
    static const uint8_t too_large[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    cursor = pyr_cursor_over(too_large, sizeof(too_large));
    assert_false(pyr_cursor_varint(&cursor, &value));
    cursor = pyr_cursor_over(too_long, 3);
    assert_false(pyr_cursor_varint(&cursor, &value));
}

static void utf8_is_judged_by_table_3_7(void **state) {
    (void)state;
    static const char *const valid[] = {"",
                                        "abcdefghij",
                                        "\xC2\x80",
                                        "\xDF\xBF",
                                        "\xE0\xA0\x80",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "abcdefgh\xC3\xA9xyz"};
    static const char *const invalid[] = {"\x80",
                                          "\xC0\x80",
                                          "\xC1\xBF",
                                          "\xE0\x9F\xBF",
                                          "\xED\xA0\x80",
                                          "\xF0\x8F\xBF\xBF",
                                          "\xF4\x90\x80\x80",
                                          "\xF5\x80\x80\x80",
                                          "\xFF",
                                          "\xC3",
                                          "\xE2\x82",
                                          "\xF0\x9F\x98",
                                          "abcdefgh\xE2\x82",
                                          "\xC3x"};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); ++i) {
        assert_true(pyr_utf8_valid((const uint8_t *)valid[i], strlen(valid[i])));
    }
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); ++i) {
        assert_false(pyr_utf8_valid((const uint8_t *)invalid[i], strlen(invalid[i])));
    }
}

static void a_byte_beyond_ascii_is_found_wherever_it_is(void **state) {
    (void)state;
    uint8_t bytes[40];
    memset(bytes, 0x7F, sizeof(bytes));
    for (size_t length = 0; length <= sizeof(bytes); ++length) {
        assert_true(pyr_utf8_is_ascii(bytes, length));
        for (size_t i = 0; i < sizeof(bytes); ++i) {
            bytes[i] = 0x80;
            assert_int_equal(pyr_utf8_is_ascii(bytes, length), i >= length);
            bytes[i] = 0x7F;
        }
    }
}

static void crc32c_gives_the_vectors_of_rfc_3720(void **state) {
    (void)state;
    uint8_t bytes[48];
    memset(bytes, 0, 32);
    assert_int_equal(pyr_crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, 32);
    assert_int_equal(pyr_crc32c(0, bytes, 32), 0x62A8AB43);
    for (uint8_t i = 0; i < 32; ++i) {
        bytes[i] = i;
    }
    assert_int_equal(pyr_crc32c(0, bytes, 32), 0x46DD794E);
    assert_int_equal(pyr_crc32c_scalar(0, bytes, 32), 0x46DD794E);
    assert_int_equal(pyr_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(pyr_crc32c(0, NULL, 0), 0);
}

static void crc32c_equals_its_oracle_at_all_lengths_and_offsets(void **state) {
    (void)state;
    enum { SIZE = 20000 };
    uint8_t *bytes = malloc(SIZE);
    assert_non_null(bytes);
    fill_random(bytes, SIZE, 7);
    for (size_t offset = 0; offset < 16; ++offset) {
        for (size_t length = 0; length + offset < SIZE; length += length < 300 ? 1 : 1009) {
            uint32_t whole = pyr_crc32c_scalar(9, bytes + offset, length);
            assert_int_equal(pyr_crc32c(9, bytes + offset, length), whole);
            size_t half = length / 3;
            uint32_t parts = pyr_crc32c(pyr_crc32c(9, bytes + offset, half), bytes + offset + half,
                                        length - half);
            assert_int_equal(parts, whole);
        }
    }
    free(bytes);
}

static void doubles_read_back_as_the_same_double(void **state) {
    (void)state;
    static const double values[] = {
        0.0,   -0.0,    1,       -1,     0.1,  1.0 / 3, 1e15, 1e16, 123456789012345678.0,
        1e300, DBL_MIN, DBL_MAX, 5e-324, 1e-5, 99999.5};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); ++i) {
        pyr_text text;
        pyr_text_init(&text);
        pyr_text_add_double(&text, values[i]);
        assert_true(strtod(pyr_text_get(&text), NULL) == values[i]);
        assert_non_null(strpbrk(pyr_text_get(&text), ".e"));
        pyr_text_deinit(&text);
    }
    static const struct {
        double value;
        const char *text;
    } forms[] = {{1, "1.0"},      {1e15, "1000000000000000.0"}, {1e16, "1e+16"},
                 {1e-5, "1e-05"}, {0.0001, "0.0001"},           {-2.5, "-2.5"}};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); ++i) {
        pyr_text text;
        pyr_text_init(&text);
        pyr_text_add_double(&text, forms[i].value);
        assert_string_equal(pyr_text_get(&text), forms[i].text);
        pyr_text_deinit(&text);
    }
}

static void json_strings_are_escaped_and_always_utf8(void **state) {
    (void)state;
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add_json(&text, "a\"\\\n\x01\xC3\xA9\xFFz", 9);
    assert_string_equal(pyr_text_get(&text), "\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBDz\"");
    char *moved = pyr_text_move(&text);
    assert_non_null(moved);
    assert_string_equal(pyr_text_get(&text), "");
    free(moved);
    pyr_text_deinit(&text);
}

static void edits_are_the_fewest_that_there_are(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t edits, any_case;
    } cases[] = {{"", "", 0, 0},
                 {"", "abc", 3, 3},
                 {"kitten", "sitting", 3, 3},
                 {"weight", "wieght", 1, 1},
                 {"a cat", "an act", 2, 2},
                 {"Name", "name", 1, 0},
                 {"nAme", "Name", 2, 0},
                 {"ab", "BA", 2, 1},
                 {"\xc3\x84", "\xc3\xa4", 1, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *a = cases[i].a;
        const char *b = cases[i].b;
        assert_int_equal(pyr_text_edits(a, strlen(a), b, strlen(b), false), cases[i].edits);
        assert_int_equal(pyr_text_edits(b, strlen(b), a, strlen(a), false), cases[i].edits);
        assert_int_equal(pyr_text_edits(a, strlen(a), b, strlen(b), true), cases[i].any_case);
    }
    char longest[PYR_TEXT_EDITS_BYTES_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(pyr_text_edits(longest, sizeof(longest) - 1, "x", 1, false),
                     PYR_TEXT_EDITS_BYTES_MAX - 1);
    assert_true(pyr_text_edits(longest, sizeof(longest), "x", 1, false) == SIZE_MAX);
    assert_true(pyr_text_edits("x", 1, longest, sizeof(longest), false) == SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmaps_agree_with_the_plain_loop_at_every_offset),
        cmocka_unit_test(a_cursor_never_passes_the_end),
        cmocka_unit_test(varints_are_bounded),
        cmocka_unit_test(utf8_is_judged_by_table_3_7),
        cmocka_unit_test(a_byte_beyond_ascii_is_found_wherever_it_is),
        cmocka_unit_test(crc32c_gives_the_vectors_of_rfc_3720),
        cmocka_unit_test(crc32c_equals_its_oracle_at_all_lengths_and_offsets),
        cmocka_unit_test(doubles_read_back_as_the_same_double),
        cmocka_unit_test(edits_are_the_fewest_that_there_are),
        cmocka_unit_test(json_strings_are_escaped_and_always_utf8),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
