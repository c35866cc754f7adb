/* codecs_hostile_test.c - chunks that are cut, bent or lie: an error or what is right, never a byte
 * outside of the spans (which end at pages without access). */
#include "support_codecs.h"

#include <string.h>

/* Decoders that take megabytes a call, which the sanitizers make slow. */
static bool is_heavy(const codec_case *item) {
    return strcmp(item->name, "bz2") == 0 || strcmp(item->name, "lzma") == 0;
}

/* Long chunks are looked at in fewer places. */
static size_t stride_of(const codec_case *item) {
    return 1 + item->size_bytes / (is_heavy(item) ? 100 : 1500);
}

/* A sum over what is decoded finds every single bit that was flipped. */
static bool has_sum(const codec_case *item) {
    if (strcmp(item->name, "zstd") == 0) {
        return strcmp(item->variant, "sum") == 0;
    }
    if (strcmp(item->name, "lzma") == 0) {
        return strcmp(item->variant, "xz") == 0 || strcmp(item->variant, "streams") == 0;
    }
    return strstr("gzip zlib bz2 crc32c crc32 adler32 fletcher32", item->name) != NULL;
}

static pyr_status decode(const codec_case *item, const uint8_t *bytes, size_t size_bytes,
                         uint8_t **out, size_t *written) {
    pyr_error error;
    pyr_codec codec = codec_of(item);
    *out = guarded(SPAN_OUTPUT, NULL, item->plain_bytes);
    pyr_status status =
        pyr_codec_decode(&codec, bytes, size_bytes, *out, item->plain_bytes, written, &error);
    if (status == PYR_OK) {
        assert_true(*written <= item->plain_bytes);
        return status;
    }
    /* Whoever does not know the size decodes again with more room where that is what was short. */
    bool short_of_room = strstr(error.message, "bytes expected") != NULL;
    assert_true(*written == (short_of_room ? PYR_CODEC_MORE_ROOM : 0));
    assert_true(strlen(error.message) > strlen(item->name));
    assert_true(status == PYR_ERROR_CORRUPT || status == PYR_ERROR_NOT_SUPPORTED ||
                status == PYR_ERROR_LIMIT);
    return status;
}

static void a_chunk_cut_anywhere_is_corrupt_or_a_beginning(void **state) {
    const codec_cases *cases = *state;
    size_t whole = 0, cuts = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!codec_decodes_bytes(item)) {
            continue;
        }
        for (size_t cut = 0; cut < item->size_bytes; cut += stride_of(item)) {
            uint8_t *out;
            size_t written;
            const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, cut);
            ++cuts;
            if (decode(item, bytes, cut, &out, &written) != PYR_OK ||
                strcmp(item->name, "shuffle") == 0) {
                continue;
            }
            /* Behind a whole member, frame or stream, or within the padding; or zeros, which are
             * the sum of nothing. HDF5's sum is weak: zeros are that of zeros too, ones of ones. */
            ++whole;
            if (written != item->plain_bytes && written != 100 && written != 0 &&
                strcmp(item->name, "fletcher32") != 0) {
                fail_msg("%s %s of %zu bytes, cut at %zu: %zu bytes", item->name, item->variant,
                         item->plain_bytes, cut, written);
            }
            assert_memory_equal(out, item->plain, written);
        }
    }
    assert_true(cuts > 10000 && whole < cuts / 10);
}

static void a_flipped_bit_is_corrupt_or_harmless(void **state) {
    const codec_cases *cases = *state;
    size_t found = 0, flips = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!codec_decodes_bytes(item)) {
            continue;
        }
        uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        for (size_t place = 0; place < item->size_bytes; place += stride_of(item)) {
            /* All bits of the headers, one of each byte that follows. */
            for (int bit = 0; bit < 8; ++bit) {
                if ((place >= 32 || is_heavy(item)) && (place + i) % 8 != (size_t)bit) {
                    continue;
                }
                uint8_t *out;
                size_t written;
                bytes[place] ^= (uint8_t)(1 << bit);
                pyr_status status = decode(item, bytes, item->size_bytes, &out, &written);
                bytes[place] ^= (uint8_t)(1 << bit);
                ++flips;
                found += status != PYR_OK;
                if (status == PYR_OK && has_sum(item)) {
                    assert_int_equal(written, item->plain_bytes);
                    assert_memory_equal(out, item->plain, written);
                }
            }
        }
    }
    assert_true(flips > 20000 && found > flips / 4);
}

static void bytes_behind_a_chunk_are_corrupt(void **state) {
    const codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!codec_decodes_bytes(item) || item->size_bytes + 7 > SPAN_BYTES_MAX ||
            strcmp(item->name, "shuffle") == 0) {
            continue;
        }
        uint8_t *out;
        size_t written;
        uint8_t *bytes = guarded(SPAN_INPUT, NULL, item->size_bytes + 7);
        memcpy(bytes, item->bytes, item->size_bytes);
        memcpy(bytes + item->size_bytes, "garbage", 7);
        if (decode(item, bytes, item->size_bytes + 7, &out, &written) == PYR_OK) {
            fail_msg("%s %s of %zu bytes", item->name, item->variant, item->plain_bytes);
        }
    }
}

static const codec_case *find(const codec_cases *cases, const char *name, const char *variant,
                              size_t plain_bytes) {
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (strcmp(item->name, name) == 0 && strcmp(item->variant, variant) == 0 &&
            item->plain_bytes == plain_bytes) {
            return item;
        }
    }
    fail_msg("no case %s %s %zu", name, variant, plain_bytes);
    return NULL;
}

/* The status for a copy of the case with the little-endian word at place set. */
static pyr_status with_word(const codec_case *item, size_t place, uint32_t word, pyr_error *error) {
    pyr_codec codec = codec_of(item);
    size_t written;
    uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
    uint8_t *out = guarded(SPAN_OUTPUT, NULL, item->plain_bytes);
    memcpy(bytes + place, &word, sizeof word);
    return pyr_codec_decode(&codec, bytes, item->size_bytes, out, item->plain_bytes, &written,
                            error);
}

static void sizes_that_lie_are_corrupt(void **state) {
    pyr_error error;
    const codec_case *lz4 = find(*state, "lz4", "numcodecs", 256);
    const codec_case *blosc = find(*state, "blosc", "lz4/split/2", 9002);
    const codec_case *plain = find(*state, "blosc", "lz4/noise/4", 400);
    static const uint32_t words[] = {0, 1, 255, 257, 8999, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
        assert_int_equal(with_word(lz4, 0, words[i], &error), PYR_ERROR_CORRUPT);
        /* Bytes decoded (0 of them need no block: right), of a block, of the frame; a block's start
         * and its first stream's length. */
        if (words[i] != 0) {
            assert_int_equal(with_word(blosc, 4, words[i], &error), PYR_ERROR_CORRUPT);
            assert_int_equal(with_word(plain, 4, words[i], &error), PYR_ERROR_CORRUPT);
        }
        assert_int_equal(with_word(blosc, 8, words[i], &error), PYR_ERROR_CORRUPT);
        assert_int_equal(with_word(blosc, 12, words[i], &error), PYR_ERROR_CORRUPT);
        assert_int_equal(with_word(blosc, 16, words[i], &error), PYR_ERROR_CORRUPT);
        uint32_t start;
        memcpy(&start, blosc->bytes + 16, sizeof start);
        assert_int_equal(with_word(blosc, start, words[i], &error), PYR_ERROR_CORRUPT);
    }
}

/* libblosc gets no frame that was not walked; and only decoding walks. */
static void blosc_walks_each_frame_that_it_decodes(void **state) {
    static const uint32_t words[] = {0, 1, 19, 0x7fffffff, 0x80000000, 0xffffffff};
    const codec_cases *cases = *state;
    int by_library = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        pyr_error error;
        bool plain;
        size_t offset, size;
        if (strcmp(item->name, "blosc") != 0) {
            continue;
        }
        pyr_codec codec = codec_of(item);
        uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        check_ok(pyr_codec_view(&codec, bytes, item->size_bytes, &plain, &offset, &size, &error));
        if (plain) {
            continue;
        }
        uint32_t start;
        memcpy(&start, item->bytes + 16, sizeof start);
        by_library += item->bytes[2] >> 5 == 0;
        for (size_t k = 0; k < sizeof words / sizeof *words; ++k) {
            memcpy(bytes + 16, &words[k], sizeof start);
            check_ok(
                pyr_codec_view(&codec, bytes, item->size_bytes, &plain, &offset, &size, &error));
            assert_false(plain);
            memcpy(bytes + 16, &start, sizeof start);
            assert_int_equal(with_word(item, 16, words[k], &error), PYR_ERROR_CORRUPT);
            if (words[k] != 1 && words[k] != 19) { /* those may lie in the frame */
                assert_int_equal(with_word(item, start, words[k], &error), PYR_ERROR_CORRUPT);
            }
            bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        }
    }
    assert_true(by_library > 0);
}

static void blosc_says_what_it_cannot_decode(void **state) {
    pyr_error error;
    const codec_case *item = find(*state, "blosc", "lz4/byte/4", 1500);
    uint32_t head;
    memcpy(&head, item->bytes, sizeof head);
    /* Byte 0: the format's version, bits 5 to 7 of byte 2: the inner codec. */
    assert_int_equal(with_word(item, 0, (head & 0xffffff00) | 5, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(error.message, "blosc: version 5 of the format");
    assert_int_equal(with_word(item, 0, (head & 0xff1fffff) | 6u << 21, &error),
                     PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(error.message, "blosc: inner codec number 6");
}

static void a_dictionary_without_measure_is_refused(void **state) {
    pyr_error error;
    const codec_case *item = find(*state, "lzma", "alone", 1500);
    /* LZMA alone: a byte of properties, then the dictionary's size. */
    assert_int_equal(with_word(item, 1, (uint32_t)512 << 20, &error), PYR_ERROR_LIMIT);
    assert_int_equal(with_word(item, 1, (uint32_t)64 << 20, &error), PYR_OK);
}

static void elements_that_are_not_whole_are_corrupt(void **state) {
    (void)state;
    pyr_error error;
    pyr_codec codec = {PYR_CODEC_SHUFFLE, 4, false};
    uint8_t bytes[7] = {0}, out[7];
    size_t written;
    assert_int_equal(pyr_codec_decode(&codec, bytes, 7, out, 7, &written, &error),
                     PYR_ERROR_CORRUPT);
    codec.element_bytes = INT32_MAX;
    assert_int_equal(pyr_codec_decode(&codec, bytes, 7, out, 7, &written, &error),
                     PYR_ERROR_CORRUPT);
    codec.element_bytes = -4;
    check_ok(pyr_codec_decode(&codec, bytes, 7, out, 7, &written, &error));
    assert_int_equal(written, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_cut_anywhere_is_corrupt_or_a_beginning),
        cmocka_unit_test(a_flipped_bit_is_corrupt_or_harmless),
        cmocka_unit_test(bytes_behind_a_chunk_are_corrupt),
        cmocka_unit_test(sizes_that_lie_are_corrupt),
        cmocka_unit_test(blosc_walks_each_frame_that_it_decodes),
        cmocka_unit_test(blosc_says_what_it_cannot_decode),
        cmocka_unit_test(a_dictionary_without_measure_is_refused),
        cmocka_unit_test(elements_that_are_not_whole_are_corrupt),
    };
    return cmocka_run_group_tests(tests, codec_cases_setup, codec_cases_teardown);
}
