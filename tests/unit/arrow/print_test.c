/* Values as text and JSON. The expected texts are what DuckDB 1.5 gives for CAST(... AS VARCHAR).
 */
#include "support_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Releases array, whose one row is printed. */
static void assert_prints(pyr_array *array, const char *text, const char *json) {
    char *printed = value_text(array, 0);
    assert_string_equal(printed, text);
    free(printed);
    if (json != NULL) {
        pyr_text out;
        pyr_text_init(&out);
        pyr_array_print_json(array, 0, &out);
        assert_string_equal(pyr_text_get(&out), json);
        pyr_text_deinit(&out);
    }
    pyr_array_release(array);
}

static pyr_array *one_int64(pyr_field *field, int64_t value) {
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    check_ok(pyr_builder_int64(builder, value, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static pyr_array *one_bytes(pyr_field *field, const void *bytes, size_t size) {
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    check_ok(pyr_builder_bytes(builder, bytes, size, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static pyr_array *one_double(pyr_type_id type, double value) {
    pyr_field *field = sample_field((int)type, "f");
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    check_ok(pyr_builder_double(builder, value, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static pyr_field *time_field(pyr_type_id type, pyr_time_unit unit, const char *timezone) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_time("t", type, unit, timezone, &field, error));
    return field;
}

static pyr_field *decimal_field(pyr_type_id type, int32_t precision, int32_t scale) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_decimal("d", type, precision, scale, &field, error));
    return field;
}

static void numbers(void **state) {
    (void)state;
    assert_prints(one_int64(sample_field(PYR_TYPE_BOOL, "b"), 1), "true", "true");
    assert_prints(one_int64(sample_field(PYR_TYPE_INT8, "i"), -128), "-128", "-128");
    assert_prints(one_int64(sample_field(PYR_TYPE_INT64, "i"), INT64_MIN), "-9223372036854775808",
                  "-9223372036854775808");
    assert_prints(one_int64(sample_field(PYR_TYPE_UINT32, "i"), UINT32_MAX), "4294967295",
                  "4294967295");
    assert_prints(one_double(PYR_TYPE_FLOAT64, 1.5), "1.5", "1.5");
    assert_prints(one_double(PYR_TYPE_FLOAT64, 100), "100.0", "100.0");
    assert_prints(one_double(PYR_TYPE_FLOAT64, 1e20), "1e+20", "1e+20");
    assert_prints(one_double(PYR_TYPE_FLOAT64, 1e-5), "1e-05", "1e-05");
    assert_prints(one_double(PYR_TYPE_FLOAT64, 1.0 / 3), "0.3333333333333333",
                  "0.3333333333333333");
    assert_prints(one_double(PYR_TYPE_FLOAT64, (double)NAN), "nan", "null");
    assert_prints(one_double(PYR_TYPE_FLOAT64, -(double)INFINITY), "-inf", "null");
    assert_prints(one_double(PYR_TYPE_FLOAT32, 0.1), "0.1", "0.1");
    assert_prints(one_double(PYR_TYPE_FLOAT16, 0.5), "0.5", "0.5");
}

static void decimals(void **state) {
    (void)state;
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL64, 10, 2), 150), "1.50", "1.50");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL64, 10, 2), -5), "-0.05", "-0.05");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL32, 9, 2), 0), "0.00", "0.00");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL128, 10, 0), 123), "123", "123");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL64, 2, 2), -50), "-.50", "-0.50");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL128, 5, -2), 123), "12300", "12300");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL128, 5, -2), 0), "0", "0");
    assert_prints(one_int64(decimal_field(PYR_TYPE_DECIMAL128, 5, 1000), -7), "-7e-1000",
                  "-7e-1000");
    uint8_t bytes[32];
    memset(bytes, 0xff, 16);
    bytes[15] = 0x7f;
    assert_prints(one_bytes(decimal_field(PYR_TYPE_DECIMAL128, 38, 10), bytes, 16),
                  "17014118346046923173168730371.5884105727",
                  "17014118346046923173168730371.5884105727");
    memset(bytes, 0, 32);
    bytes[31] = 0x80; /* -2^255 */
    assert_prints(one_bytes(decimal_field(PYR_TYPE_DECIMAL256, 76, 0), bytes, 32),
                  "-57896044618658097711785492504343953926634992332820282019728792003956564819968",
                  NULL);
}

static void dates_and_times(void **state) {
    (void)state;
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), 19753), "2024-01-31",
                  "\"2024-01-31\"");
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), -1), "1969-12-31", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), 19782), "2024-02-29", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), -719162), "0001-01-01", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), -719163), "0001-12-31 (BC)", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), -735160), "0044-03-15 (BC)", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), 3789391), "12345-01-01", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE32, "d"), INT32_MAX), "infinity", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DATE64, "d"), -1), "1969-12-31", NULL);
    assert_prints(one_int64(time_field(PYR_TYPE_TIME32, PYR_UNIT_SECOND, NULL), 45296), "12:34:56",
                  "\"12:34:56\"");
    assert_prints(one_int64(time_field(PYR_TYPE_TIME64, PYR_UNIT_MICROSECOND, NULL), 45296500000),
                  "12:34:56.5", NULL);
    assert_prints(one_int64(time_field(PYR_TYPE_TIME64, PYR_UNIT_NANOSECOND, NULL), 1),
                  "00:00:00.000000001", NULL);
    assert_prints(one_int64(time_field(PYR_TYPE_TIME64, PYR_UNIT_MICROSECOND, NULL), 86400000000),
                  "24:00:00", NULL);
}

static pyr_array *timestamp(pyr_time_unit unit, const char *timezone, int64_t value) {
    return one_int64(time_field(PYR_TYPE_TIMESTAMP, unit, timezone), value);
}

static void timestamps(void **state) {
    (void)state;
    assert_prints(timestamp(PYR_UNIT_SECOND, NULL, 1704110400), "2024-01-01 12:00:00",
                  "\"2024-01-01 12:00:00\"");
    assert_prints(timestamp(PYR_UNIT_MILLISECOND, NULL, 1704110400120), "2024-01-01 12:00:00.12",
                  NULL);
    assert_prints(timestamp(PYR_UNIT_MICROSECOND, NULL, 1704110400000100),
                  "2024-01-01 12:00:00.0001", NULL);
    assert_prints(timestamp(PYR_UNIT_NANOSECOND, NULL, 1704110400123456789),
                  "2024-01-01 12:00:00.123456789", NULL);
    assert_prints(timestamp(PYR_UNIT_MICROSECOND, NULL, -500000), "1969-12-31 23:59:59.5", NULL);
    assert_prints(timestamp(PYR_UNIT_MICROSECOND, "Europe/Berlin", 1704110400500000),
                  "2024-01-01 12:00:00.5+00", NULL);
    assert_prints(timestamp(PYR_UNIT_MICROSECOND, NULL, INT64_MAX), "infinity", NULL);
    /* As far as the type reaches: no arithmetic overflows. */
    assert_prints(timestamp(PYR_UNIT_NANOSECOND, NULL, INT64_MIN), "1677-09-21 00:12:43.145224192",
                  NULL);
    assert_prints(timestamp(PYR_UNIT_SECOND, NULL, INT64_MAX - 1), "292277026596-12-04 15:30:06",
                  NULL);
}

static void intervals(void **state) {
    (void)state;
    const int32_t day_time[2] = {-3, -3600000};
    assert_prints(one_bytes(sample_field(PYR_TYPE_INTERVAL_DAY_TIME, "i"), day_time, 8),
                  "-3 days -01:00:00", NULL);
    struct {
        int32_t months, days;
        int64_t nanos;
    } value = {14, 3, INT64_C(14706700000000)};
    assert_prints(one_bytes(sample_field(PYR_TYPE_INTERVAL_MONTH_DAY_NANO, "i"), &value, 16),
                  "1 year 2 months 3 days 04:05:06.7", "\"1 year 2 months 3 days 04:05:06.7\"");
    value.months = -14;
    value.days = -1;
    value.nanos = 0;
    assert_prints(one_bytes(sample_field(PYR_TYPE_INTERVAL_MONTH_DAY_NANO, "i"), &value, 16),
                  "-1 year -2 months -1 day", NULL);
    value.months = value.days = 0;
    assert_prints(one_bytes(sample_field(PYR_TYPE_INTERVAL_MONTH_DAY_NANO, "i"), &value, 16),
                  "00:00:00", NULL);
    value.nanos = INT64_MIN;
    assert_prints(one_bytes(sample_field(PYR_TYPE_INTERVAL_MONTH_DAY_NANO, "i"), &value, 16),
                  "-2562047:47:16.854775808", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_INTERVAL_YEAR_MONTH, "i"), 1), "1 month", NULL);
    assert_prints(one_int64(sample_field(PYR_TYPE_DURATION, "i"), 360000500000), "100:00:00.5",
                  NULL);
}

static void bytes_and_text(void **state) {
    (void)state;
    assert_prints(one_bytes(sample_field(PYR_TYPE_UTF8, "s"), "it's \"\n\\", 8), "it's \"\n\\",
                  "\"it's \\\"\\n\\\\\"");
    assert_prints(one_bytes(sample_field(PYR_TYPE_BINARY, "b"), "a~ \x00\xff'\"\\\x7f", 9),
                  "a~ \\x00\\xFF\\x27\\x22\\x5C\\x7F", "\"YX4gAP8nIlx/\"");
    assert_prints(one_bytes(sample_field(PYR_TYPE_FIXED_SIZE_BINARY, "b"), "abcd\x01", 5),
                  "abcd\\x01", "\"YWJjZAE=\"");
    assert_prints(one_bytes(sample_field(PYR_TYPE_BINARY_VIEW, "b"), "", 0), "", "\"\"");
}

/* ---- Nesting. ---- */

static pyr_array *list_of_texts(const char *const *texts, size_t count) {
    pyr_field *field = sample_field(PYR_TYPE_LIST, "l");
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (size_t i = 0; i < count; ++i) {
        pyr_builder *child = pyr_builder_child(builder, 0);
        check_ok(texts[i] != NULL ? pyr_builder_string(child, texts[i], error)
                                  : pyr_builder_null(child, error));
    }
    check_ok(pyr_builder_close(builder, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static void nested_text_is_quoted_where_needed(void **state) {
    (void)state;
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"a", "[a]"},           {"it's", "['it\\'s']"}, {"a b", "[a b]"},
        {"a,b", "['a,b']"},     {"", "['']"},           {NULL, "[NULL]"},
        {"NULL", "['NULL']"},   {"nUll", "['nUll']"},   {"NULLx", "[NULLx]"},
        {" x", "[' x']"},       {"x ", "['x ']"},       {"\tx", "['\tx']"},
        {"a\tb", "[a\tb]"},     {"[a]", "['[a]']"},     {"{b}", "['{b}']"},
        {"\"q\"", "['\"q\"']"}, {"a:b", "['a:b']"},     {"a=b", "['a=b']"},
        {"a\\b", "[a\\b]"},     {"(a)", "['(a)']"},     {"a,\\b", "['a,\\\\b']"},
        {"true", "[true]"},     {"a;b", "[a;b]"},       {"\xc3\xa9", "[\xc3\xa9]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_prints(list_of_texts(&cases[i].text, 1), cases[i].printed, NULL);
    }
    const char *const three[] = {"x", NULL, "it's"};
    assert_prints(list_of_texts(three, 3), "[x, NULL, 'it\\'s']", "[\"x\",null,\"it's\"]");
    assert_prints(list_of_texts(three, 0), "[]", "[]");
}

static void structs_maps_and_unions(void **state) {
    (void)state;
    pyr_field *field = sample_field(PYR_TYPE_STRUCT, "s");
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), 1, error));
    check_ok(pyr_builder_string(pyr_builder_child(builder, 1), "x, y", error));
    check_ok(pyr_builder_close(builder, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    assert_prints(array, "{'a': 1, 'b': 'x, y'}", "{\"a\":1,\"b\":\"x, y\"}");
    pyr_builder_destroy(builder);
    pyr_field_release(field);

    field = sample_field(PYR_TYPE_MAP, "m");
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    pyr_builder *entries = pyr_builder_child(builder, 0);
    check_ok(pyr_builder_string(pyr_builder_child(entries, 0), "b c", error));
    check_ok(pyr_builder_int64(pyr_builder_child(entries, 1), 2, error));
    check_ok(pyr_builder_close(entries, error));
    check_ok(pyr_builder_string(pyr_builder_child(entries, 0), "x=y", error));
    check_ok(pyr_builder_null(pyr_builder_child(entries, 1), error));
    check_ok(pyr_builder_close(entries, error));
    check_ok(pyr_builder_close(builder, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    assert_prints(array, "{b c=2, 'x=y'=NULL}",
                  "[{\"key\":\"b c\",\"value\":2},{\"key\":\"x=y\",\"value\":null}]");
    pyr_builder_destroy(builder);
    pyr_field_release(field);

    pyr_field *item = sample_field(PYR_TYPE_DENSE_UNION, "item");
    check_ok(pyr_field_create_nested("l", PYR_TYPE_LIST, 0, &item, 1, &field, error));
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    pyr_builder *member = pyr_builder_child(builder, 0);
    check_ok(pyr_builder_int64(pyr_builder_child(member, 0), 5, error));
    check_ok(pyr_builder_union_close(member, 0, error));
    check_ok(pyr_builder_string(pyr_builder_child(member, 1), "it's", error));
    check_ok(pyr_builder_union_close(member, 1, error));
    check_ok(pyr_builder_double(pyr_builder_child(pyr_builder_child(member, 2), 0), 1, error));
    check_ok(pyr_builder_close(pyr_builder_child(member, 2), error));
    check_ok(pyr_builder_union_close(member, 2, error));
    check_ok(pyr_builder_null(member, error));
    check_ok(pyr_builder_close(builder, error));
    check_ok(pyr_builder_finish(builder, &array, error));
    assert_prints(array, "[5, it's, [1.0], NULL]", "[5,\"it's\",[1.0],null]");
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    pyr_field_release(item);
}

static void nested_times_and_row_structs(void **state) {
    (void)state;
    pyr_field *pair[2] = {time_field(PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND, NULL),
                          sample_field(PYR_TYPE_DATE32, "it's \\")};
    for (int unnamed = 0; unnamed < 2; ++unnamed) {
        pyr_field *children[2] = {NULL, pair[1]}, *field = NULL;
        check_ok(pyr_field_with(pair[0], unnamed ? "" : "t", true, NULL, &children[0], error));
        check_ok(pyr_field_create_nested("s", PYR_TYPE_STRUCT, 0, children, 2, &field, error));
        pyr_builder *builder = NULL;
        pyr_array *array = NULL;
        check_ok(pyr_builder_create(field, NULL, &builder, error));
        check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), 0, error));
        check_ok(pyr_builder_int64(pyr_builder_child(builder, 1), 0, error));
        check_ok(pyr_builder_close(builder, error));
        check_ok(pyr_builder_finish(builder, &array, error));
        assert_prints(array,
                      unnamed ? "('1970-01-01 00:00:00', 1970-01-01)"
                              : "{'t': '1970-01-01 00:00:00', 'it\\'s \\\\': 1970-01-01}",
                      NULL);
        pyr_builder_destroy(builder);
        pyr_field_release(field);
        pyr_field_release(children[0]);
    }
    pyr_field_release(pair[0]);
    pyr_field_release(pair[1]);
}

static void encodings_print_their_values(void **state) {
    (void)state;
    pyr_array *dictionary = sample_array(PYR_TYPE_DICTIONARY, 30, 1, true);
    for (int64_t i = 0; i < 30; ++i) {
        char *text = value_text(dictionary, i);
        if (pyr_array_is_null(dictionary, i)) {
            assert_string_equal(text, "NULL");
        } else {
            char *value =
                value_text(dictionary->dictionary, pyr_array_dictionary_index(dictionary, i));
            assert_string_equal(text, value);
            free(value);
        }
        free(text);
    }
    pyr_array_release(dictionary);
}

/* A field of bytes with an extension's name and metadata (NULL: none); size 0: not of fixed size.
 */
static pyr_field *extension_field(int32_t size, const char *name, const char *metadata) {
    pyr_field *field = NULL;
    if (size > 0) {
        check_ok(pyr_field_create_fixed_size_binary("x", size, &field, error));
    } else {
        check_ok(pyr_field_create("x", PYR_TYPE_BINARY, &field, error));
    }
    pyr_metadata *with = NULL;
    pyr_field *result = NULL;
    check_ok(pyr_metadata_create(&with, error));
    check_ok(pyr_metadata_add(with, "ARROW:extension:name", strlen("ARROW:extension:name"), name,
                              strlen(name), error));
    if (metadata != NULL) {
        check_ok(pyr_metadata_add(with, "ARROW:extension:metadata",
                                  strlen("ARROW:extension:metadata"), metadata, strlen(metadata),
                                  error));
    }
    check_ok(pyr_field_with(field, NULL, field->nullable, with, &result, error));
    pyr_metadata_release(with);
    pyr_field_release(field);
    return result;
}

static pyr_field *opaque(int32_t size, const char *type) {
    char metadata[80];
    snprintf(metadata, sizeof(metadata), "{\"type_name\":\"%s\",\"vendor_name\":\"DuckDB\"}", type);
    return extension_field(size, "arrow.opaque", metadata);
}

static void extension_types_print_as_what_they_stand_for(void **state) {
    (void)state;
    static const uint8_t uuid[16] = {0xF4, 0x7A, 0xC1, 0x0B, 0x58, 0xCC, 0x43, 0x72,
                                     0xA5, 0x67, 0x0E, 0x02, 0xB2, 0xC3, 0xD4, 0x79};
    assert_prints(one_bytes(extension_field(16, "arrow.uuid", NULL), uuid, 16),
                  "f47ac10b-58cc-4372-a567-0e02b2c3d479",
                  "\"f47ac10b-58cc-4372-a567-0e02b2c3d479\"");
    static const uint8_t time[8] = {0xDF, 0xC4, 0, 0, 0xB0, 0xEB, 0x0E, 0x0A};
    assert_prints(one_bytes(opaque(8, "time_tz"), time, 8), "12:00:00+02", "\"12:00:00+02\"");
    static const uint8_t bits[2] = {5, 0xFD};
    assert_prints(one_bytes(opaque(0, "bit"), bits, 2), "101", "\"101\"");
    uint8_t most[16];
    memset(most, 0xFF, sizeof(most));
    assert_prints(one_bytes(opaque(16, "uhugeint"), most, 16),
                  "340282366920938463463374607431768211455",
                  "340282366920938463463374607431768211455");
    static const uint8_t minus_five[4] = {0x7F, 0xFF, 0xFE, 0xFA};
    assert_prints(one_bytes(opaque(0, "bignum"), minus_five, 4), "-5", "-5");
}

static void bytes_that_are_no_value_of_their_extension_print_as_bytes(void **state) {
    (void)state;
    assert_prints(one_bytes(extension_field(0, "arrow.uuid", NULL), "abc", 3), "abc", "\"YWJj\"");
    assert_prints(one_bytes(opaque(0, "uhugeint"), "abc", 3), "abc", "\"YWJj\"");
    assert_prints(one_bytes(opaque(0, "bignum"), "abc", 3), "abc", "\"YWJj\"");
    assert_prints(one_bytes(opaque(0, "bit"), "", 0), "", "\"\"");
    assert_prints(one_bytes(opaque(0, "bit"), "abc", 3), "abc", "\"YWJj\"");
    assert_prints(one_bytes(opaque(0, "time_tz"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8),
                  "\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF", "\"//////////8=\"");
    assert_prints(one_bytes(opaque(0, "other"), "abc", 3), "abc", "\"YWJj\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extension_types_print_as_what_they_stand_for),
        cmocka_unit_test(bytes_that_are_no_value_of_their_extension_print_as_bytes),
        cmocka_unit_test(numbers),
        cmocka_unit_test(decimals),
        cmocka_unit_test(dates_and_times),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(intervals),
        cmocka_unit_test(bytes_and_text),
        cmocka_unit_test(nested_text_is_quoted_where_needed),
        cmocka_unit_test(structs_maps_and_unions),
        cmocka_unit_test(nested_times_and_row_structs),
        cmocka_unit_test(encodings_print_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
