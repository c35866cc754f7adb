/* codecs_filter_test.c - filters over elements against numcodecs, and by hand at the types' ends.
 */
#include "support_codecs.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "<f8/<i2/100.0/1.0" in its parts. */
typedef struct parts {
    char type[8], stored[8];
    double scale, offset;
    size_t count;
} parts;

static parts parts_of(const codec_case *item) {
    parts out = {"", "", 1, 0, 0};
    assert_true(sscanf(item->variant, "%7[^/]/%7[^/]/%lf/%lf", out.type, out.stored, &out.scale,
                       &out.offset) >= 2);
    out.count = item->size_bytes / (size_t)(out.stored[2] - '0');
    assert_int_equal(out.count * (size_t)(out.type[2] - '0'), item->plain_bytes);
    return out;
}

static void check_same(const codec_case *item, const uint8_t *out) {
    if (memcmp(out, item->plain, item->plain_bytes) != 0) {
        fail_msg("%s %s differs", item->name, item->variant);
    }
}

static void delta_adds_up_as_numcodecs_does(void **state) {
    const codec_cases *cases = *state;
    int in_place = 0, widened = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (strcmp(item->name, "delta") != 0) {
            continue;
        }
        pyr_error error;
        parts p = parts_of(item);
        const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        uint8_t *out = guarded(SPAN_OUTPUT, NULL, item->plain_bytes);
        check_ok(pyr_codec_delta_from(p.type, p.stored, bytes, p.count, out, &error));
        check_same(item, out);
        ++widened;
        if (strcmp(p.type, p.stored) == 0) {
            out = guarded(SPAN_OUTPUT, item->bytes, item->size_bytes);
            check_ok(pyr_codec_delta(p.type, out, p.count, &error));
            check_same(item, out);
            ++in_place;
        }
    }
    assert_true(in_place >= 18 && widened > in_place);
}

static void fixed_scale_offset_computes_as_numcodecs_does(void **state) {
    const codec_cases *cases = *state;
    int checked = 0;
    for (size_t i = 0; i < cases->count; ++i) {
        const codec_case *item = &cases->items[i];
        if (strcmp(item->name, "fixedscaleoffset") != 0) {
            continue;
        }
        pyr_error error;
        parts p = parts_of(item);
        const uint8_t *bytes = guarded(SPAN_INPUT, item->bytes, item->size_bytes);
        uint8_t *out = guarded(SPAN_OUTPUT, NULL, item->plain_bytes);
        check_ok(pyr_codec_fixed_scale_offset(p.type, p.stored, p.scale, p.offset, bytes, p.count,
                                              out, &error));
        check_same(item, out);
        ++checked;
    }
    assert_true(checked >= 12);
}

static void whole_numbers_wrap_in_delta(void **state) {
    (void)state;
    pyr_error error;
    int8_t narrow[4] = {127, 1, -1, -128};
    check_ok(pyr_codec_delta("|i1", (uint8_t *)narrow, 4, &error));
    assert_int_equal(narrow[1], -128);
    assert_int_equal(narrow[2], 127);
    assert_int_equal(narrow[3], -1);
    int64_t wide[3] = {INT64_MAX, 1, -1};
    check_ok(pyr_codec_delta("<i8", (uint8_t *)wide, 3, &error));
    assert_true(wide[1] == INT64_MIN && wide[2] == INT64_MAX);
}

static void out_of_range_is_kept_within_the_type(void **state) {
    (void)state;
    pyr_error error;
    static const double values[] = {1e300, -1e300, NAN, INFINITY, -INFINITY, 0.999, -0.999};
    enum { COUNT = sizeof values / sizeof *values };
    int8_t i1[COUNT];
    uint16_t u2[COUNT];
    int32_t i4[COUNT];
    int64_t i8[COUNT];
    uint64_t u8[COUNT];
    const uint8_t *from = (const uint8_t *)values;
    check_ok(pyr_codec_fixed_scale_offset("|i1", "<f8", 1, 0, from, COUNT, (uint8_t *)i1, &error));
    check_ok(pyr_codec_fixed_scale_offset("<u2", "<f8", 1, 0, from, COUNT, (uint8_t *)u2, &error));
    check_ok(pyr_codec_fixed_scale_offset("<i4", "<f8", 1, 0, from, COUNT, (uint8_t *)i4, &error));
    check_ok(pyr_codec_fixed_scale_offset("<i8", "<f8", 1, 0, from, COUNT, (uint8_t *)i8, &error));
    check_ok(pyr_codec_fixed_scale_offset("<u8", "<f8", 1, 0, from, COUNT, (uint8_t *)u8, &error));
    assert_true(i1[0] == 127 && i1[1] == -128 && i1[2] == 0 && i1[3] == 127 && i1[4] == -128);
    assert_true(u2[0] == UINT16_MAX && u2[1] == 0 && u2[2] == 0 && u2[3] == UINT16_MAX);
    assert_true(i4[0] == INT32_MAX && i4[1] == INT32_MIN && i4[3] == INT32_MAX);
    assert_true(i8[0] == INT64_MAX && i8[1] == INT64_MIN && i8[2] == 0 && i8[4] == INT64_MIN);
    assert_true(u8[0] == UINT64_MAX && u8[1] == 0 && u8[3] == UINT64_MAX && u8[4] == 0);
    assert_true(i4[5] == 0 && i4[6] == 0 && u8[6] == 0);
}

static void largest_doubles_below_the_limits_are_exact(void **state) {
    (void)state;
    pyr_error error;
    double values[] = {9223372036854774784.0, 18446744073709549568.0};
    int64_t i8;
    uint64_t u8;
    check_ok(pyr_codec_fixed_scale_offset("<i8", "<f8", 1, 0, (const uint8_t *)values, 1,
                                          (uint8_t *)&i8, &error));
    check_ok(pyr_codec_fixed_scale_offset("<u8", "<f8", 1, 0, (const uint8_t *)(values + 1), 1,
                                          (uint8_t *)&u8, &error));
    assert_true(i8 == INT64_C(9223372036854774784));
    assert_true(u8 == UINT64_C(18446744073709549568));
    /* A scale of 0 is a division by zero of doubles, and no trap. */
    check_ok(pyr_codec_fixed_scale_offset("<i8", "<f8", 0, 0, (const uint8_t *)values, 1,
                                          (uint8_t *)&i8, &error));
    assert_true(i8 == INT64_MAX);
}

static void types_are_checked(void **state) {
    (void)state;
    pyr_error error;
    uint8_t bytes[16] = {0}, out[16];
    static const char *const none[] = {"", "<", "<i", "i4", "<ix", "xi4", "4i<"};
    static const char *const others[] = {"<f2",  "|b1",  "<c8", "<M8[ns]", "<i3",
                                         "<i16", "<f16", "|i4", "|S4",     "|V8"};
    for (size_t i = 0; i < sizeof none / sizeof *none; ++i) {
        assert_int_equal(pyr_codec_delta(none[i], bytes, 1, &error), PYR_ERROR_INVALID_ARGUMENT);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i) {
        assert_int_equal(pyr_codec_delta(others[i], bytes, 1, &error), PYR_ERROR_NOT_SUPPORTED);
        assert_non_null(strstr(error.message, others[i]));
        assert_int_equal(
            pyr_codec_fixed_scale_offset("<i4", others[i], 1, 0, bytes, 1, out, &error),
            PYR_ERROR_NOT_SUPPORTED);
    }
    assert_int_equal(pyr_codec_delta_from("<i4", "<f4", bytes, 1, out, &error),
                     PYR_ERROR_NOT_SUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delta_adds_up_as_numcodecs_does),
        cmocka_unit_test(fixed_scale_offset_computes_as_numcodecs_does),
        cmocka_unit_test(whole_numbers_wrap_in_delta),
        cmocka_unit_test(out_of_range_is_kept_within_the_type),
        cmocka_unit_test(largest_doubles_below_the_limits_are_exact),
        cmocka_unit_test(types_are_checked),
    };
    return cmocka_run_group_tests(tests, codec_cases_setup, codec_cases_teardown);
}
