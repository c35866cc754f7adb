/* codecs_vlen_test.c - items of any length: what numcodecs wrote, and chunks that lie. */
#include "support_codecs.h"

#include <stdlib.h>
#include <string.h>

static bool is_vlen(const codec_case *item) {
    return strncmp(item->name, "vlen-", 5) == 0;
}

typedef struct vlen_items {
    int64_t count;
    pyr_buffer *offsets, *data;
} vlen_items;

static pyr_status read_vlen(const uint8_t *bytes, size_t size_bytes, int64_t count_max,
                            pyr_budget *budget, vlen_items *out, pyr_error *error) {
    return pyr_codec_vlen(bytes, size_bytes, count_max, budget, &out->count, &out->offsets,
                          &out->data, error);
}

static void release_items(vlen_items *items) {
    pyr_buffer_release(items->offsets);
    pyr_buffer_release(items->data);
}

/* plain has each item and a byte 0xff behind it. */
static void check_items(const codec_case *item, const vlen_items *items) {
    const uint8_t *expected = item->plain;
    const int32_t *offsets = (const int32_t *)(const void *)items->offsets->data;
    assert_int_equal(items->count, item->element);
    assert_int_equal(items->offsets->size_bytes, ((size_t)items->count + 1) * 4);
    assert_int_equal(offsets[0], 0);
    for (int64_t i = 0; i < items->count; ++i) {
        size_t length = (size_t)(offsets[i + 1] - offsets[i]);
        if (length > 0) {
            assert_memory_equal(items->data->data + offsets[i], expected, length);
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
        vlen_items items;
        const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        check_ok(read_vlen(bytes, item->size_bytes, item->element, NULL, &items, &error));
        check_items(item, &items);
        release_items(&items);
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
        vlen_items items;
        for (size_t cut = 0; cut < item->size_bytes; ++cut) {
            const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, cut);
            assert_int_equal(read_vlen(bytes, cut, item->element, NULL, &items, &error),
                             PYR_ERROR_CORRUPT);
            assert_null(items.offsets);
            assert_null(items.data);
        }
        uint8_t *bytes = guarded(SPAN_INPUT, NULL, item->size_bytes + 1);
        memcpy(bytes, item->bytes, item->size_bytes);
        bytes[item->size_bytes] = 0;
        assert_int_equal(
            read_vlen(bytes, item->size_bytes + 1, item->element, NULL, &items, &error),
            PYR_ERROR_CORRUPT);
        if (item->element > 0) {
            assert_int_equal(
                read_vlen(item->bytes, item->size_bytes, item->element - 1, NULL, &items, &error),
                PYR_ERROR_CORRUPT);
        }
    }
}

static void lengths_that_lie_are_corrupt(void **state) {
    (void)state;
    pyr_error error;
    vlen_items items;
    static const uint32_t lies[] = {6, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; ++i) {
        uint32_t chunk[4] = {2, 1, 0, 0};
        chunk[1] = lies[i];
        const uint8_t *bytes = guarded(SPAN_INPUT, chunk, sizeof chunk);
        assert_int_equal(read_vlen(bytes, sizeof chunk, 2, NULL, &items, &error),
                         PYR_ERROR_CORRUPT);
        chunk[0] = lies[i];
        bytes = guarded(SPAN_INPUT, chunk, sizeof chunk);
        assert_int_equal(read_vlen(bytes, sizeof chunk, INT64_MAX, NULL, &items, &error),
                         PYR_ERROR_CORRUPT);
    }
}

/* 100 items of 30 bytes: 404 bytes of offsets, 3000 of data. */
static void memory_is_the_budgets(void **state) {
    (void)state;
    pyr_error error;
    vlen_items items;
    static const size_t rooms[] = {100, 2000, 10000};
    uint8_t chunk[4 + 100 * 34] = {100};
    for (int i = 0; i < 100; ++i) {
        chunk[4 + i * 34] = 30;
    }
    for (size_t i = 0; i < 3; ++i) {
        pyr_budget *budget = pyr_budget_create(rooms[i]);
        pyr_status status = read_vlen(chunk, sizeof chunk, 100, budget, &items, &error);
        assert_int_equal(status, i == 2 ? PYR_OK : PYR_ERROR_MEMORY);
        assert_true((items.offsets != NULL) == (i == 2) && (items.data != NULL) == (i == 2));
        release_items(&items);
        pyr_budget_release(budget);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_those_written),
        cmocka_unit_test(cut_long_and_too_many_are_corrupt),
        cmocka_unit_test(lengths_that_lie_are_corrupt),
        cmocka_unit_test(memory_is_the_budgets),
    };
    return cmocka_run_group_tests(tests, codec_cases_setup, codec_cases_teardown);
}
