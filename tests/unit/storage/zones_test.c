/* zones_test.c - zone maps: what is computed, what is written, and what hostile text gives. */
#include "support_storage.h"

#include "storage/storage_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Building. ---- */

static pyr_builder *builder_for(pyr_field *field) {
    pyr_builder *builder;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    pyr_field_release(field);
    return builder;
}

static pyr_builder *plain_builder(pyr_type_id type) {
    pyr_field *field;
    check_ok(pyr_field_create("c", type, &field, error));
    return builder_for(field);
}

static pyr_array *done(pyr_builder *builder) {
    pyr_array *array;
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    return array;
}

static pyr_array *integers(pyr_type_id type, const int64_t *values, int64_t count) {
    pyr_field *field;
    pyr_time_unit unit = type == PYR_TYPE_TIME32 ? PYR_UNIT_SECOND : PYR_UNIT_MICROSECOND;
    if (type == PYR_TYPE_TIME32 || type == PYR_TYPE_TIME64 || type == PYR_TYPE_TIMESTAMP ||
        type == PYR_TYPE_DURATION) {
        check_ok(pyr_field_create_time("c", type, unit, NULL, &field, error));
    } else {
        check_ok(pyr_field_create("c", type, &field, error));
    }
    pyr_builder *builder = builder_for(field);
    check_ok(pyr_builder_null(builder, error));
    for (int64_t i = 0; i < count; ++i) {
        check_ok(pyr_builder_int64(builder, values[i], error));
    }
    return done(builder);
}

static pyr_array *doubles(pyr_type_id type, const double *values, int64_t count) {
    pyr_builder *builder = plain_builder(type);
    for (int64_t i = 0; i < count; ++i) {
        check_ok(pyr_builder_double(builder, values[i], error));
    }
    return done(builder);
}

static pyr_array *blobs(pyr_type_id type, const char *const *values, const size_t *sizes,
                        int64_t count) {
    pyr_builder *builder = plain_builder(type);
    for (int64_t i = 0; i < count; ++i) {
        check_ok(pyr_builder_bytes(builder, values[i], sizes[i], error));
    }
    return done(builder);
}

/* Computes, writes and reads back, which must give the same; the array is released. */
static pyr_zone zone_of(pyr_array *array) {
    pyr_zone computed;
    pyr_zone parsed;
    pyr_zone_compute(array, &computed);
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "1;;3"); /* two columns before it */
    pyr_zone_print(&computed, array->field, &text);
    pyr_text_add(&text, ";7");
    bool read = pyr_zone_parse(pyr_text_get(&text), text.length, 2, array->field, &parsed);
    if (computed.known && !read) {
        fail_msg("not read back: %s", pyr_text_get(&text));
    }
    assert_memory_equal(&computed, &parsed, sizeof(computed));
    assert_true(pyr_zone_holds(&parsed, array));
    pyr_text_deinit(&text);
    pyr_array_release(array);
    return parsed;
}

/* ---- What is computed. ---- */

static void signed_kinds_keep_min_max_and_nulls(void **state) {
    (void)state;
    static const pyr_type_id types[] = {
        PYR_TYPE_INT8,   PYR_TYPE_INT16,     PYR_TYPE_INT32,  PYR_TYPE_INT64,    PYR_TYPE_DATE32,
        PYR_TYPE_TIME32, PYR_TYPE_TIMESTAMP, PYR_TYPE_TIME64, PYR_TYPE_DURATION, PYR_TYPE_DATE64};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        const int64_t values[] = {5, -100, 127, 0};
        pyr_zone zone = zone_of(integers(types[i], values, 4));
        assert_true(zone.known && zone.has_bounds && zone.exact && !zone.has_nan);
        assert_int_equal(zone.null_count, 1);
        assert_int_equal(zone.min.i64, -100);
        assert_int_equal(zone.max.i64, 127);
    }
    const int64_t ends[] = {INT64_MIN, INT64_MAX};
    pyr_zone zone = zone_of(integers(PYR_TYPE_INT64, ends, 2));
    assert_true(zone.min.i64 == INT64_MIN && zone.max.i64 == INT64_MAX);
}

static void unsigned_kinds_are_not_sign_extended(void **state) {
    (void)state;
    static const struct {
        pyr_type_id type;
        uint64_t top;
    } kinds[] = {{PYR_TYPE_UINT8, UINT8_MAX},
                 {PYR_TYPE_UINT16, UINT16_MAX},
                 {PYR_TYPE_UINT32, UINT32_MAX},
                 {PYR_TYPE_UINT64, UINT64_MAX}};
    for (size_t i = 0; i < 4; ++i) {
        pyr_builder *builder = plain_builder(kinds[i].type);
        check_ok(pyr_builder_uint64(builder, kinds[i].top, error));
        check_ok(pyr_builder_uint64(builder, 3, error));
        check_ok(pyr_builder_null(builder, error));
        pyr_zone zone = zone_of(done(builder));
        assert_true(zone.has_bounds && zone.exact);
        assert_true(zone.min.u64 == 3 && zone.max.u64 == kinds[i].top);
        assert_int_equal(zone.null_count, 1);
    }
}

static void booleans_keep_what_is_there(void **state) {
    (void)state;
    const int64_t both[] = {1, 0, 1};
    const int64_t ones[] = {1, 1};
    pyr_zone zone = zone_of(integers(PYR_TYPE_BOOL, both, 3));
    assert_true(zone.has_bounds && zone.min.i64 == 0 && zone.max.i64 == 1);
    zone = zone_of(integers(PYR_TYPE_BOOL, ones, 2));
    assert_true(zone.has_bounds && zone.min.i64 == 1 && zone.max.i64 == 1);
    zone = zone_of(integers(PYR_TYPE_BOOL, NULL, 0));
    assert_true(zone.known && !zone.has_bounds && zone.null_count == 1);
}

static void floats_leave_nan_out_of_the_bounds(void **state) {
    (void)state;
    for (int i = 0; i < 2; ++i) {
        pyr_type_id type = i == 0 ? PYR_TYPE_FLOAT32 : PYR_TYPE_FLOAT64;
        const double values[] = {NAN, 1.5, -2.25, NAN};
        pyr_zone zone = zone_of(doubles(type, values, 4));
        assert_true(zone.has_bounds && zone.has_nan && zone.exact);
        assert_true(zone.min.f64 == -2.25 && zone.max.f64 == 1.5);
        zone = zone_of(doubles(type, values + 3, 1));
        assert_true(zone.known && zone.has_nan && !zone.has_bounds);
        const double zeros[] = {-0.0, 0.0, -0.0};
        zone = zone_of(doubles(type, zeros, 3));
        assert_true(zone.has_bounds && !zone.has_nan);
        assert_true(zone.min.f64 == 0.0 && zone.max.f64 == 0.0);
        const double ends[] = {INFINITY, -INFINITY, DBL_MIN};
        zone = zone_of(doubles(type, ends, 3));
        assert_true(isinf(zone.min.f64) && zone.min.f64 < 0 && isinf(zone.max.f64));
    }
}

static void strings_and_binaries_of_every_layout_keep_whole_values_up_to_32_bytes(void **state) {
    (void)state;
    static const pyr_type_id types[] = {PYR_TYPE_UTF8,         PYR_TYPE_LARGE_UTF8,
                                        PYR_TYPE_UTF8_VIEW,    PYR_TYPE_BINARY,
                                        PYR_TYPE_LARGE_BINARY, PYR_TYPE_BINARY_VIEW};
    const char *thirty_two = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        const char *const values[] = {"pear", NULL, "", "apple", thirty_two};
        pyr_zone zone = zone_of(strings(types[i], values, 5));
        assert_true(zone.has_bounds && zone.exact);
        assert_int_equal(zone.null_count, 1);
        assert_int_equal(zone.min.str.size_bytes, 0);
        assert_int_equal(zone.max.str.size_bytes, 32);
        assert_memory_equal(zone.max.str.bytes, thirty_two, 32);
    }
    const char *const empty[] = {""};
    pyr_zone zone = zone_of(strings(PYR_TYPE_UTF8, empty, 1));
    assert_true(zone.has_bounds && zone.exact && zone.max.str.size_bytes == 0);
}

static void strings_whose_first_bytes_are_alike_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *values[5];
        size_t sizes[5];
        size_t least, most;
    } cases[] = {
        {{"ab", "ab\0", "ab\0\0", "ab", "ab\0"}, {2, 3, 4, 2, 3}, 0, 2},
        {{"abcdefghz", "abcdefgh", "abcdefgha", "abcdefghzz", "abcdefghy"}, {9, 8, 9, 10, 9}, 1, 3},
        {{"\xff", "\x80", "\x7f", "\xff\xff", ""}, {1, 1, 1, 2, 0}, 4, 3},
        {{"abcdefg\xff", "abcdefg", "abcdefg\0", "abcdefg\xfe", "abcdefh"}, {8, 7, 8, 8, 7}, 1, 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_zone zone = zone_of(blobs(PYR_TYPE_BINARY, cases[i].values, cases[i].sizes, 5));
        assert_true(zone.has_bounds && zone.exact);
        assert_int_equal(zone.min.str.size_bytes, cases[i].sizes[cases[i].least]);
        assert_memory_equal(zone.min.str.bytes, cases[i].values[cases[i].least],
                            zone.min.str.size_bytes);
        assert_int_equal(zone.max.str.size_bytes, cases[i].sizes[cases[i].most]);
        assert_memory_equal(zone.max.str.bytes, cases[i].values[cases[i].most],
                            zone.max.str.size_bytes);
    }
}

static void floats_with_nulls_keep_what_is_there(void **state) {
    (void)state;
    for (int i = 0; i < 2; ++i) {
        pyr_builder *builder = plain_builder(i == 0 ? PYR_TYPE_FLOAT32 : PYR_TYPE_FLOAT64);
        check_ok(pyr_builder_null(builder, error));
        check_ok(pyr_builder_double(builder, 2.5, error));
        check_ok(pyr_builder_double(builder, NAN, error));
        check_ok(pyr_builder_double(builder, 1.5, error));
        pyr_zone zone = zone_of(done(builder));
        assert_true(zone.has_bounds && zone.exact && zone.has_nan);
        assert_int_equal(zone.null_count, 1);
        assert_true(zone.min.f64 == 1.5 && zone.max.f64 == 2.5);
    }
}

static void longer_strings_keep_prefixes_and_the_maxs_is_raised(void **state) {
    (void)state;
    const char *const values[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbb",
                                  "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"};
    pyr_zone zone = zone_of(strings(PYR_TYPE_UTF8, values, 2));
    assert_true(zone.has_bounds && !zone.exact);
    assert_int_equal(zone.min.str.size_bytes, 32);
    assert_memory_equal(zone.min.str.bytes, values[0], 32);
    assert_int_equal(zone.max.str.size_bytes, 32);
    assert_memory_equal(zone.max.str.bytes, values[1], 31);
    assert_int_equal(zone.max.str.bytes[31], 'z');
}

static void a_max_whose_prefix_ends_in_ff_is_raised_before_it(void **state) {
    (void)state;
    char value[40];
    memset(value, 0xFF, sizeof(value));
    value[3] = 7;
    const char *const values[] = {value};
    const size_t sizes[] = {sizeof(value)};
    pyr_zone zone = zone_of(blobs(PYR_TYPE_BINARY, values, sizes, 1));
    assert_true(zone.has_bounds && !zone.exact);
    assert_int_equal(zone.max.str.size_bytes, 4);
    assert_int_equal(zone.max.str.bytes[3], 8);
}

static void a_prefix_of_ff_alone_has_no_bounds(void **state) {
    (void)state;
    char value[33];
    memset(value, 0xFF, sizeof(value));
    const char *const values[] = {value, "a"};
    const size_t sizes[] = {33, 1};
    pyr_zone zone = zone_of(blobs(PYR_TYPE_BINARY, values, sizes, 2));
    assert_true(zone.known && !zone.has_bounds && !zone.exact);
    const size_t fits[] = {32, 1};
    zone = zone_of(blobs(PYR_TYPE_BINARY, values, fits, 2));
    assert_true(zone.has_bounds && zone.exact && zone.max.str.size_bytes == 32);
}

static void fixed_size_binaries_are_bytes(void **state) {
    (void)state;
    pyr_field *field;
    check_ok(pyr_field_create_fixed_size_binary("c", 3, &field, error));
    pyr_builder *builder = builder_for(field);
    check_ok(pyr_builder_bytes(builder, "bbb", 3, error));
    check_ok(pyr_builder_bytes(builder, "a\0z", 3, error));
    pyr_zone zone = zone_of(done(builder));
    assert_true(zone.has_bounds && zone.exact);
    assert_memory_equal(zone.min.str.bytes, "a\0z", 3);
    assert_memory_equal(zone.max.str.bytes, "bbb", 3);
}

static void slices_are_computed_by_their_own_rows(void **state) {
    (void)state;
    pyr_array *array = numbers(100, 50, 10);
    pyr_array *slice;
    check_ok(pyr_array_slice(array, 9, 12, &slice, error)); /* rows 9 and 19 are null */
    pyr_array_release(array);
    pyr_zone zone = zone_of(slice);
    assert_int_equal(zone.null_count, 2);
    assert_true(zone.min.i64 == 110 && zone.max.i64 == 120);
}

static void empty_arrays_and_nulls_alone_are_known_without_bounds(void **state) {
    (void)state;
    pyr_zone zone = zone_of(numbers(0, 0, 0));
    assert_true(zone.known && !zone.has_bounds && zone.null_count == 0);
    zone = zone_of(numbers(0, 5, 1));
    assert_true(zone.known && !zone.has_bounds && zone.null_count == 5);
}

static void lists_keep_their_null_count_alone(void **state) {
    (void)state;
    pyr_field *item;
    pyr_field *field;
    check_ok(pyr_field_create("item", PYR_TYPE_INT32, &item, error));
    check_ok(pyr_field_create_nested("c", PYR_TYPE_LIST, 0, &item, 1, &field, error));
    pyr_field_release(item);
    pyr_builder *builder = builder_for(field);
    check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), 4, error));
    check_ok(pyr_builder_close(builder, error));
    check_ok(pyr_builder_null(builder, error));
    pyr_zone zone = zone_of(done(builder));
    assert_true(zone.known && !zone.has_bounds && zone.null_count == 1);
}

static void nulls_that_no_bitmap_counts_make_the_zone_unknown(void **state) {
    (void)state;
    pyr_field *fields[2];
    pyr_field *field;
    const int8_t codes[] = {0, 1};
    check_ok(pyr_field_create("i", PYR_TYPE_INT32, &fields[0], error));
    check_ok(pyr_field_create("s", PYR_TYPE_UTF8, &fields[1], error));
    check_ok(pyr_field_create_union("c", PYR_TYPE_DENSE_UNION, codes, fields, 2, &field, error));
    pyr_field_release(fields[0]);
    pyr_field_release(fields[1]);
    pyr_builder *builder = builder_for(field);
    check_ok(pyr_builder_null(pyr_builder_child(builder, 0), error));
    check_ok(pyr_builder_union_close(builder, 0, error));
    pyr_zone zone = zone_of(done(builder));
    assert_false(zone.known);

    /* A dictionary with a null in it: the indices have none. */
    const char *const values[] = {"x", NULL};
    pyr_array *dictionary = strings(PYR_TYPE_UTF8, values, 2);
    pyr_array *indices = numbers(0, 2, 0);
    pyr_array *array;
    check_ok(
        pyr_field_create_dictionary("c", PYR_TYPE_INT64, false, dictionary->field, &field, error));
    check_ok(
        pyr_array_create(field, 2, 0, 0, indices->buffers, 2, NULL, 0, dictionary, &array, error));
    pyr_field_release(field);
    pyr_array_release(indices);
    pyr_array_release(dictionary);
    assert_false(zone_of(array).known);
}

/* ---- Hostile text. ---- */

static bool parses(pyr_type_id type, const char *text) {
    pyr_field *field;
    check_ok(pyr_field_create("c", type, &field, error));
    size_t length = strlen(text);
    char *exact = malloc(length > 0 ? length : 1); /* ASan sees a read behind it */
    memcpy(exact, text, length);
    pyr_zone zone;
    bool read = pyr_zone_parse(exact, length, 0, field, &zone);
    assert_true(read == zone.known);
    if (!read) {
        assert_true(!zone.has_bounds && !zone.has_nan && zone.null_count == 0);
    }
    free(exact);
    pyr_field_release(field);
    return read;
}

static void text_that_is_not_a_zone_gives_unknown(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "1",
        "1;",
        ";",
        "2;0",
        "11;0",
        "1;x",
        "1;-1",
        "1;0x",
        "1; 0",
        "1;9999999999999999999",
        "1;0,",
        "1;0,v",
        "1;0,ve",
        "1;0,ve,,",
        "1;0,ve,,,b",
        "1;0,vx,0000000000000000,0000000000000000,b",
        "1;0,ve,0,1,b",
        "1;0,ve,0000000000000000,0000000000000001", /* bounds without b */
        "1;0,ve,0000000000000000,0000000000000001,c",
        "1;0,ve,0000000000000000,0000000000000001,b,",
        "1;0,ve,0000000000000000,000000000000000g,b",
        "1;0,vn,,",                                   /* an integer is no NaN */
        "1;0,ve,0000000000000002,0000000000000001,b", /* max below min */
        "1;0,ve,0000000000000000,ffffffffffffffff,b", /* -1 below 0 */
        "1;0,se,61,62,b",                             /* bytes */
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        if (parses(PYR_TYPE_INT64, texts[i])) {
            fail_msg("taken: %s", texts[i]);
        }
    }
    assert_true(parses(PYR_TYPE_INT64, "1;0,ve,ffffffffffffffff,0000000000000000,b"));
    assert_true(parses(PYR_TYPE_INT64, "1;0"));
}

static void bounds_of_another_kind_than_the_columns_are_refused(void **state) {
    (void)state;
    const char *number = "1;0,v,00000000000000ff,00000000000000ff,b";
    assert_false(parses(PYR_TYPE_UTF8, number)); /* would be a string of 255 bytes */
    assert_false(parses(PYR_TYPE_LIST, number));
    assert_false(parses(PYR_TYPE_DECIMAL128, number));
    assert_true(parses(PYR_TYPE_UINT8, number));
    assert_true(parses(PYR_TYPE_BINARY, "1;0,s,61,62,b"));
    assert_false(parses(PYR_TYPE_BINARY, "1;0,s,6,62,b"));
    assert_false(parses(PYR_TYPE_BINARY, "1;0,s,62,61,b"));
    assert_false(parses(PYR_TYPE_BINARY, "1;0,sn,61,62,b"));
    /* 33 bytes */
    assert_false(parses(PYR_TYPE_BINARY, "1;0,s,,"
                                         "616161616161616161616161616161616161616161616161616161"
                                         "616161616161,b"));
    /* NaN is no bound */
    assert_false(parses(PYR_TYPE_FLOAT64, "1;0,v,7ff8000000000000,7ff8000000000000,b"));
    assert_false(parses(PYR_TYPE_FLOAT64, "1;0,v,0000000000000000,7ff8000000000000,b"));
    assert_true(parses(PYR_TYPE_FLOAT64, "1;0,vn,,"));
}

static void a_zone_that_is_not_its_columns_does_not_hold(void **state) {
    (void)state;
    pyr_array *array = numbers(10, 5, 5);
    pyr_zone zone;
    pyr_zone_compute(array, &zone);
    assert_true(pyr_zone_holds(&zone, array));
    zone.max.i64 = 12;
    assert_false(pyr_zone_holds(&zone, array));
    pyr_zone_compute(array, &zone);
    zone.null_count = 0;
    assert_false(pyr_zone_holds(&zone, array));
    pyr_array_release(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_kinds_keep_min_max_and_nulls),
        cmocka_unit_test(unsigned_kinds_are_not_sign_extended),
        cmocka_unit_test(booleans_keep_what_is_there),
        cmocka_unit_test(floats_leave_nan_out_of_the_bounds),
        cmocka_unit_test(strings_and_binaries_of_every_layout_keep_whole_values_up_to_32_bytes),
        cmocka_unit_test(strings_whose_first_bytes_are_alike_are_told_apart),
        cmocka_unit_test(floats_with_nulls_keep_what_is_there),
        cmocka_unit_test(longer_strings_keep_prefixes_and_the_maxs_is_raised),
        cmocka_unit_test(a_max_whose_prefix_ends_in_ff_is_raised_before_it),
        cmocka_unit_test(a_prefix_of_ff_alone_has_no_bounds),
        cmocka_unit_test(fixed_size_binaries_are_bytes),
        cmocka_unit_test(slices_are_computed_by_their_own_rows),
        cmocka_unit_test(empty_arrays_and_nulls_alone_are_known_without_bounds),
        cmocka_unit_test(lists_keep_their_null_count_alone),
        cmocka_unit_test(nulls_that_no_bitmap_counts_make_the_zone_unknown),
        cmocka_unit_test(text_that_is_not_a_zone_gives_unknown),
        cmocka_unit_test(bounds_of_another_kind_than_the_columns_are_refused),
        cmocka_unit_test(a_zone_that_is_not_its_columns_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
