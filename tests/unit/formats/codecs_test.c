/* codecs_test.c - what numcodecs and Python's libraries encoded decodes to what it was. */
#include "support_codecs.h"

#include <stdlib.h>
#include <string.h>

static void check_decodes(const codec_case *item, size_t capacity) {
    pyr_error error;
    pyr_codec codec = codec_of(item);
    size_t written;
    const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
    uint8_t *out = guarded(SPAN_OUTPUT, NULL, capacity);
    pyr_status status =
        pyr_codec_decode(&codec, bytes, item->size_bytes, out, capacity, &written, &error);
    if (status != PYR_OK || written != item->plain_bytes ||
        memcmp(out, item->plain, written) != 0) {
        fail_msg("%s %s of %zu bytes: status %d, %zu bytes: %s", item->name, item->variant,
                 item->plain_bytes, status, written, status != PYR_OK ? error.message : "differ");
    }
}

static void every_case_decodes_into_just_the_room_it_needs(void **state) {
    const codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        if (codec_decodes_bytes(&cases->items[i])) {
            check_decodes(&cases->items[i], cases->items[i].plain_bytes);
        }
    }
}

static void every_case_decodes_into_more_room(void **state) {
    const codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        if (codec_decodes_bytes(&cases->items[i])) {
            check_decodes(&cases->items[i], cases->items[i].plain_bytes + 1);
            check_decodes(&cases->items[i], cases->items[i].plain_bytes + 1000);
        }
    }
}

static void one_byte_of_room_less_is_corrupt(void **state) {
    const codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!codec_decodes_bytes(item) || item->plain_bytes == 0) {
            continue;
        }
        pyr_error error;
        pyr_codec codec = codec_of(item);
        size_t capacity = item->plain_bytes - 1, written = 99;
        uint8_t *out = guarded(SPAN_OUTPUT, NULL, capacity);
        pyr_status status = pyr_codec_decode(&codec, item->bytes, item->size_bytes, out, capacity,
                                             &written, &error);
        if (status != PYR_ERROR_CORRUPT || written != PYR_CODEC_MORE_ROOM ||
            strstr(error.message, "expected") == NULL ||
            strstr(error.message, item->name) != error.message) {
            fail_msg("%s %s of %zu bytes: status %d: %s", item->name, item->variant,
                     item->plain_bytes, status, status != PYR_OK ? error.message : "");
        }
    }
}

static bool says_its_size(const codec_case *item) {
    static const char *const mute[] = {"zlib", "bz2", "lzma"};
    for (size_t i = 0; i < sizeof mute / sizeof *mute; ++i) {
        if (strcmp(item->name, mute[i]) == 0) {
            return false;
        }
    }
    /* A second frame's size is not looked for, a second member's not found. */
    return strcmp(item->variant, "frames") != 0 && strcmp(item->variant, "members") != 0 &&
           strcmp(item->variant, "padded") != 0;
}

static void declared_sizes_are_those_decoded(void **state) {
    const codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!codec_decodes_bytes(item)) {
            continue;
        }
        pyr_codec codec = codec_of(item);
        const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        size_t size;
        bool said = pyr_codec_declared_size(&codec, bytes, item->size_bytes, &size);
        if (says_its_size(item)) {
            assert_true(said);
            assert_int_equal(size, item->plain_bytes);
        } else if (codec.kind != PYR_CODEC_GZIP) { /* gzip's last member speaks for itself alone */
            assert_false(said);
        }
        for (size_t cut = 0; cut < item->size_bytes && cut < 40; ++cut) {
            bytes = guarded(SPAN_INPUT, item->bytes, cut);
            (void)pyr_codec_declared_size(&codec, bytes, cut, &size);
        }
    }
}

static void views_are_where_the_bytes_lie(void **state) {
    const codec_cases *cases = *state;
    int blosc_views = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!codec_decodes_bytes(item)) {
            continue;
        }
        pyr_error error;
        pyr_codec codec = codec_of(item);
        bool view;
        size_t offset, size;
        check_ok(
            pyr_codec_view(&codec, item->bytes, item->size_bytes, &view, &offset, &size, &error));
        bool sum = strstr("crc32c crc32 adler32 fletcher32", item->name) != NULL;
        bool single = codec.kind == PYR_CODEC_SHUFFLE && codec.element_bytes == 1;
        if (codec.kind == PYR_CODEC_BLOSC) {
            blosc_views += view;
        } else {
            assert_int_equal(view, sum || single);
        }
        if (view) {
            assert_int_equal(offset, codec.kind == PYR_CODEC_BLOSC ? 16 : codec.at_start ? 4 : 0);
            assert_int_equal(size, item->plain_bytes);
            assert_memory_equal(item->bytes + offset, item->plain, size);
        }
    }
    assert_true(blosc_views > 50);
}

/* By hand, because numcodecs has no snappy: one block of one stream. */
static void snappy_in_blosc_decodes_where_it_is_built_in(void **state) {
    (void)state;
    static const uint8_t bytes[] = {
        2,   1,   0x50, 1,   20,   0,    0,    0, 20, 0, /* header */
        0,   0,   34,   0,   0,    0,    20,   0, 0,  0, /* block's start */
        10,  0,   0,    0,   20,   0x0c,                 /* 20 bytes: 4 as they are, */
        'a', 'b', 'c',  'd', 0x1d, 4,    0x05, 4};       /* then 11 and 5 again */
    pyr_error error;
    pyr_codec codec = {PYR_CODEC_BLOSC, 0, false};
    uint8_t out[20];
    size_t written;
    pyr_status status =
        pyr_codec_decode(&codec, bytes, sizeof bytes, out, sizeof out, &written, &error);
    if (status == PYR_ERROR_NOT_SUPPORTED) {
        assert_non_null(strstr(error.message, "without the inner codec snappy"));
        print_message("skipped: this libblosc has no snappy\n");
        skip();
    }
    assert_int_equal(status, PYR_OK);
    assert_int_equal(written, 20);
    assert_memory_equal(out, "abcdabcdabcdabcdabcd", 20);
}

static void names_are_zarrs(void **state) {
    (void)state;
    pyr_codec_kind kind;
    static const char *const names[PYR_CODEC_KINDS] = {"gzip",  "zlib",    "zstd",       "lz4",
                                                       "blosc", "bz2",     "lzma",       "crc32c",
                                                       "crc32", "adler32", "fletcher32", "shuffle"};
    for (int i = 0; i < PYR_CODEC_KINDS; ++i) {
        char name[64] = "numcodecs.";
        assert_true(pyr_codec_find(names[i], &kind));
        assert_int_equal(kind, i);
        assert_true(pyr_codec_find(strcat(name, names[i]), &kind));
        assert_int_equal(kind, i);
    }
    assert_true(pyr_codec_find("lzma", &kind) && kind == PYR_CODEC_LZMA);
    static const char *const others[] = {"",      "numcodecs.", "zfpy", "GZIP",
                                         "gzip2", "numcodecs",  "bytes"};
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i) {
        assert_false(pyr_codec_find(others[i], &kind));
    }
}

static void nothing_at_all_is_corrupt_or_nothing(void **state) {
    (void)state;
    for (int i = 0; i < PYR_CODEC_KINDS; ++i) {
        pyr_error error;
        pyr_codec codec = {(pyr_codec_kind)i, 4, false};
        size_t written = 99;
        pyr_status status = pyr_codec_decode(&codec, NULL, 0, NULL, 0, &written, &error);
        assert_int_equal(status, i == PYR_CODEC_SHUFFLE ? PYR_OK : PYR_ERROR_CORRUPT);
        assert_int_equal(written, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_decodes_into_just_the_room_it_needs),
        cmocka_unit_test(every_case_decodes_into_more_room),
        cmocka_unit_test(one_byte_of_room_less_is_corrupt),
        cmocka_unit_test(declared_sizes_are_those_decoded),
        cmocka_unit_test(views_are_where_the_bytes_lie),
        cmocka_unit_test(snappy_in_blosc_decodes_where_it_is_built_in),
        cmocka_unit_test(names_are_zarrs),
        cmocka_unit_test(nothing_at_all_is_corrupt_or_nothing),
    };
    return cmocka_run_group_tests(tests, codec_cases_setup, codec_cases_teardown);
}
