/* codecs_vlen_test.c - items of any length: what numcodecs wrote, and chunks that lie. */
#include "support_codecs.h"

#include <stdlib.h>
#include <string.h>

static bool is_vlen(const codec_case *item) {
    return strncmp(item->name, "vlen-", 5) == 0;
}

/* plain has each item and a byte 0xff behind it. */
static void check_items(const codec_case *item, const pyr_vlen_items *items) {
    const uint8_t *expected = item->plain;
    assert_int_equal(items->count, item->element);
    assert_int_equal(items->offsets[0], 0);
    for (int64_t i = 0; i < items->count; ++i) {
        size_t length = (size_t)(items->offsets[i + 1] - items->offsets[i]);
        if (length > 0) {
            assert_memory_equal(items->bytes + items->offsets[i], expected, length);
        }
        assert_int_equal(expected[length], 0xff);
        expected += length + 1;
    }
    assert_int_equal(expected - item->plain, item->plain_bytes);
}

static void items_are_those_written(void **state) {
    const codec_cases *cases = *state;
    int checked = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!is_vlen(item)) {
            continue;
        }
        pyr_error error;
        pyr_vlen_items items;
        const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        check_ok(pyr_codec_vlen(bytes, item->size_bytes, item->element, &items, &error));
        check_items(item, &items);
        pyr_vlen_items_deinit(&items);
        assert_null(items.offsets);
        ++checked;
    }
    assert_int_equal(checked, 12);
}

static void cut_long_and_too_many_are_corrupt(void **state) {
    const codec_cases *cases = *state;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (!is_vlen(item)) {
            continue;
        }
        pyr_error error;
        pyr_vlen_items items;
        for (size_t cut = 0; cut < item->size_bytes; ++cut) {
            const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, cut);
            assert_int_equal(pyr_codec_vlen(bytes, cut, item->element, &items, &error),
                             PYR_ERROR_CORRUPT);
            assert_null(items.offsets);
            assert_null(items.bytes);
        }
        uint8_t *bytes = guarded(SPAN_INPUT, NULL, item->size_bytes + 1);
        memcpy(bytes, item->bytes, item->size_bytes);
        bytes[item->size_bytes] = 0;
        assert_int_equal(pyr_codec_vlen(bytes, item->size_bytes + 1, item->element, &items, &error),
                         PYR_ERROR_CORRUPT);
        if (item->element > 0) {
            assert_int_equal(
                pyr_codec_vlen(item->bytes, item->size_bytes, item->element - 1, &items, &error),
                PYR_ERROR_CORRUPT);
        }
    }
}

static void lengths_that_lie_are_corrupt(void **state) {
    (void)state;
    pyr_error error;
    pyr_vlen_items items;
    static const uint32_t lies[] = {6, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; ++i) {
        uint32_t chunk[4] = {2, 1, 0, 0};
        chunk[1] = lies[i];
        const uint8_t *bytes = guarded(SPAN_INPUT, chunk, sizeof chunk);
        assert_int_equal(pyr_codec_vlen(bytes, sizeof chunk, 2, &items, &error), PYR_ERROR_CORRUPT);
        chunk[0] = lies[i];
        bytes = guarded(SPAN_INPUT, chunk, sizeof chunk);
        assert_int_equal(pyr_codec_vlen(bytes, sizeof chunk, INT64_MAX, &items, &error),
                         PYR_ERROR_CORRUPT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_those_written),
        cmocka_unit_test(cut_long_and_too_many_are_corrupt),
        cmocka_unit_test(lengths_that_lie_are_corrupt),
    };
    return cmocka_run_group_tests(tests, codec_cases_setup, codec_cases_teardown);
}
