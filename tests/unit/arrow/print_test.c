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

static pyr_field *extension_field(pyr_type_id type, int32_t width, const char *name,
                                  const char *details) {
    static const char *const keys[] = {"ARROW:extension:name", "ARROW:extension:metadata"};
    const char *const values[] = {name, details};
    pyr_field *plain = NULL;
    pyr_field *field = NULL;
    pyr_metadata *metadata = NULL;
    if (type == PYR_TYPE_FIXED_SIZE_BINARY) {
        check_ok(pyr_field_create_fixed_size_binary("f", width, &plain, error));
    } else {
        check_ok(pyr_field_create("f", type, &plain, error));
    }
    check_ok(pyr_metadata_create(&metadata, error));
    for (int i = 0; i < 2; ++i) {
        check_ok(pyr_metadata_add(metadata, keys[i], strlen(keys[i]), values[i], strlen(values[i]),
                                  error));
    }
    check_ok(pyr_field_with(plain, NULL, true, metadata, &field, error));
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
    return field;
}

static pyr_field *opaque_field(pyr_type_id type, int32_t width, const char *type_name) {
    char details[128];
    (void)snprintf(details, sizeof(details), "{\"type_name\":\"%s\",\"vendor_name\":\"DuckDB\"}",
                   type_name);
    return extension_field(type, width, "arrow.opaque", details);
}

static void extension_types_print_as_what_they_stand_for(void **state) {
    (void)state;
    static const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                     0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    const pyr_type_id fixed = PYR_TYPE_FIXED_SIZE_BINARY;
    assert_prints(one_bytes(extension_field(fixed, 16, "arrow.uuid", ""), uuid, 16),
                  "01234567-89ab-cdef-0123-456789abcdef",
                  "\"01234567-89ab-cdef-0123-456789abcdef\"");
    static const uint8_t thirteen[16] = {13};
    assert_prints(one_bytes(opaque_field(fixed, 16, "uhugeint"), thirteen, 16), "13", "13");
    static const uint8_t noon[8] = {0xDF, 0xC4, 0x00, 0x00, 0x1C, 0xDA, 0x8B, 0x0A};
    assert_prints(one_bytes(opaque_field(fixed, 8, "time_tz"), noon, 8), "12:34:56+02",
                  "\"12:34:56+02\"");
    static const uint8_t bits[2] = {5, 0xFD};
    assert_prints(one_bytes(opaque_field(PYR_TYPE_BINARY, 0, "bit"), bits, 2), "101", "\"101\"");
    /* What breaks the layout, and what nobody here knows, are bytes. */
    assert_prints(one_bytes(opaque_field(fixed, 2, "uhugeint"), "ab", 2), "ab", "\"YWI=\"");
    assert_prints(one_bytes(opaque_field(fixed, 2, "time_tz"), "ab", 2), "ab", "\"YWI=\"");
    assert_prints(one_bytes(opaque_field(PYR_TYPE_BINARY, 0, "bit"), "\x09 ", 2), "\\x09 ", NULL);
    assert_prints(one_bytes(opaque_field(PYR_TYPE_BINARY, 0, "bit"), "", 0), "", NULL);
    assert_prints(one_bytes(opaque_field(PYR_TYPE_BINARY, 0, "other"), "ab", 2), "ab", NULL);
    assert_prints(one_bytes(extension_field(fixed, 2, "arrow.uuid", ""), "ab", 2), "ab", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(decimals),
        cmocka_unit_test(dates_and_times),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(intervals),
        cmocka_unit_test(bytes_and_text),
        cmocka_unit_test(extension_types_print_as_what_they_stand_for),
        cmocka_unit_test(nested_text_is_quoted_where_needed),
        cmocka_unit_test(structs_maps_and_unions),
        cmocka_unit_test(nested_times_and_row_structs),
        cmocka_unit_test(encodings_print_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
