/* Fields, schemas, facts about types. */
#include "support_arrays.h"

#include <stdlib.h>
#include <string.h>

static void assert_prints(int kind, const char *expected) {
    pyr_field *field = sample_field(kind, "f");
    pyr_text text;
    pyr_text_init(&text);
    pyr_field_type_print(field, &text);
    assert_string_equal(pyr_text_get(&text), expected);
    pyr_text_deinit(&text);
    pyr_field_release(field);
}

static void prints_types_as_readers_write_them(void **state) {
    (void)state;
    assert_prints(PYR_TYPE_INT64, "int64");
    assert_prints(PYR_TYPE_TIMESTAMP, "timestamp[us, UTC]");
    assert_prints(PYR_TYPE_TIME32, "time32[ms]");
    assert_prints(PYR_TYPE_DECIMAL128, "decimal128(9, 2)");
    assert_prints(PYR_TYPE_LIST, "list<item: utf8>");
    assert_prints(PYR_TYPE_FIXED_SIZE_LIST, "fixed_size_list<item: int16>[3]");
    assert_prints(PYR_TYPE_FIXED_SIZE_BINARY, "fixed_size_binary[5]");
    assert_prints(PYR_TYPE_STRUCT, "struct<a: int32, b: large_utf8>");
    assert_prints(PYR_TYPE_MAP, "map<entries: struct<key: utf8 not null, value: int64> not null>");
    assert_prints(PYR_TYPE_DENSE_UNION,
                  "dense_union<i: int32 = 5, s: utf8 = 0, l: list<item: float64> = 7>");
    assert_prints(PYR_TYPE_DICTIONARY, "dictionary<int16, utf8>");
    assert_prints(PYR_TYPE_RUN_END_ENCODED,
                  "run_end_encoded<run_ends: int32 not null, values: utf8>");
}

static void every_sample_is_valid_and_equals_itself_only(void **state) {
    (void)state;
    for (int a = 0; a < SAMPLES_COUNT; ++a) {
        pyr_field *left = sample_field(a, "x");
        check_ok(pyr_field_validate(left, error));
        for (int b = 0; b < SAMPLES_COUNT; ++b) {
            pyr_field *right = sample_field(b, "y");
            assert_int_equal(pyr_field_type_equal(left, right), a == b);
            assert_false(pyr_field_equal(left, right)); /* the name */
            pyr_field_release(right);
        }
        pyr_field_release(left);
    }
}

static pyr_field *list_of(const char *item, pyr_type_id type, bool nullable) {
    pyr_field *child = NULL, *list = NULL;
    check_ok(pyr_field_create(item, type, &child, error));
    child->nullable = nullable;
    check_ok(pyr_field_create_nested("l", PYR_TYPE_LIST, 0, &child, 1, &list, error));
    pyr_field_release(child);
    return list;
}

static void list_item_names_are_no_part_of_the_type(void **state) {
    (void)state;
    pyr_field *item = list_of("item", PYR_TYPE_INT32, true);
    pyr_field *element = list_of("element", PYR_TYPE_INT32, true);
    pyr_field *strict = list_of("item", PYR_TYPE_INT32, false);
    assert_true(pyr_field_type_equal(item, element));
    assert_false(pyr_field_equal(item, element));
    assert_false(pyr_field_type_equal(item, strict));
    pyr_field_release(item);
    pyr_field_release(element);
    pyr_field_release(strict);
}

static void parameters_are_part_of_the_type(void **state) {
    (void)state;
    pyr_field *a = NULL, *b = NULL;
    check_ok(pyr_field_create_decimal("d", PYR_TYPE_DECIMAL64, 10, 2, &a, error));
    check_ok(pyr_field_create_decimal("d", PYR_TYPE_DECIMAL64, 10, 3, &b, error));
    assert_false(pyr_field_type_equal(a, b));
    pyr_field_release(a);
    pyr_field_release(b);
    check_ok(pyr_field_create_time("t", PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND, NULL, &a, error));
    check_ok(pyr_field_create_time("t", PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND, "UTC", &b, error));
    assert_false(pyr_field_type_equal(a, b));
    assert_false(pyr_field_type_equal(b, a));
    pyr_field_release(a);
    pyr_field_release(b);
}

static void with_changes_only_what_it_is_given(void **state) {
    (void)state;
    pyr_metadata *metadata = NULL;
    check_ok(pyr_metadata_create(&metadata, error));
    check_ok(pyr_metadata_add(metadata, "k", 1, "v", 1, error));
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_field *field = sample_field(kind, "old"), *changed = NULL, *back = NULL;
        check_ok(pyr_field_with(field, "new", false, metadata, &changed, error));
        assert_string_equal(changed->name, "new");
        assert_false(changed->nullable);
        assert_ptr_equal(changed->metadata, metadata);
        assert_true(pyr_field_type_equal(changed, field));
        check_ok(pyr_field_validate(changed, error));
        check_ok(pyr_field_with(changed, NULL, true, NULL, &back, error));
        assert_string_equal(back->name, "new");
        pyr_field_release(back);
        check_ok(pyr_field_with(changed, "old", true, NULL, &back, error));
        assert_true(pyr_field_equal(back, field));
        pyr_field_release(back);
        pyr_field_release(changed);
        pyr_field_release(field);
    }
    pyr_metadata_release(metadata);
}

static void assert_corrupt(pyr_field *field) {
    pyr_error error;
    assert_int_equal(pyr_field_validate(field, &error), PYR_ERROR_CORRUPT);
    assert_non_null(strstr(error.message, field->name));
    pyr_field_release(field);
}

static void validation_refuses_parameters_out_of_range(void **state) {
    (void)state;
    static const pyr_type_id decimals[] = {PYR_TYPE_DECIMAL32, PYR_TYPE_DECIMAL64,
                                           PYR_TYPE_DECIMAL128, PYR_TYPE_DECIMAL256};
    static const int32_t most[] = {9, 18, 38, 76};
    pyr_field *field = NULL;
    for (size_t i = 0; i < 4; ++i) {
        check_ok(pyr_field_create_decimal("bad", decimals[i], most[i] + 1, 0, &field, error));
        assert_corrupt(field);
        check_ok(pyr_field_create_decimal("bad", decimals[i], 0, 0, &field, error));
        assert_corrupt(field);
        check_ok(pyr_field_create_decimal("good", decimals[i], most[i], -3, &field, error));
        check_ok(pyr_field_validate(field, error));
        pyr_field_release(field);
    }
    check_ok(
        pyr_field_create_time("bad", PYR_TYPE_TIME32, PYR_UNIT_NANOSECOND, NULL, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_time("bad", PYR_TYPE_TIME64, PYR_UNIT_SECOND, NULL, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_fixed_size_binary("bad", -1, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create("bad", PYR_TYPE_LIST, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create("bad\xff", PYR_TYPE_INT8, &field, error));
    pyr_error error;
    assert_int_equal(pyr_field_validate(field, &error), PYR_ERROR_CORRUPT);
    pyr_field_release(field);
}

static void validation_refuses_wrong_children(void **state) {
    (void)state;
    pyr_field *pair[2] = {sample_field(PYR_TYPE_UTF8, "a"), sample_field(PYR_TYPE_UTF8, "b")};
    pyr_field *field = NULL;
    check_ok(pyr_field_create_nested("bad", PYR_TYPE_MAP, 0, pair, 1, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_nested("bad", PYR_TYPE_RUN_END_ENCODED, 0, pair, 2, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_nested("bad", PYR_TYPE_LIST, 0, pair, 2, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_nested("bad", PYR_TYPE_INT32, 0, pair, 1, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_nested("bad", PYR_TYPE_FIXED_SIZE_LIST, -1, pair, 1, &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_union("bad", PYR_TYPE_DENSE_UNION, (const int8_t[]){3, 3}, pair, 2,
                                    &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_union("bad", PYR_TYPE_DENSE_UNION, (const int8_t[]){3, -1}, pair, 2,
                                    &field, error));
    assert_corrupt(field);
    check_ok(pyr_field_create_dictionary("bad", PYR_TYPE_FLOAT32, false, pair[0], &field, error));
    assert_corrupt(field);
    pyr_field_release(pair[0]);
    pyr_field_release(pair[1]);
}

static pyr_field *nested_lists(int depth) {
    pyr_field *field = sample_field(PYR_TYPE_INT8, "deep");
    for (int i = 1; i < depth; ++i) {
        pyr_field *list = NULL;
        check_ok(pyr_field_create_nested("deep", PYR_TYPE_LIST, 0, &field, 1, &list, error));
        pyr_field_release(field);
        field = list;
    }
    return field;
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    pyr_field *field = nested_lists(PYR_TYPE_DEPTH_MAX);
    check_ok(pyr_field_validate(field, error));
    pyr_field_release(field);
    field = nested_lists(PYR_TYPE_DEPTH_MAX + 1);
    pyr_error error;
    assert_int_equal(pyr_field_validate(field, &error), PYR_ERROR_LIMIT);
    pyr_field_release(field);
}

static void schemas_find_and_project(void **state) {
    (void)state;
    pyr_field *fields[3] = {sample_field(PYR_TYPE_INT8, "Name"),
                            sample_field(PYR_TYPE_UTF8, "name"), sample_field(PYR_TYPE_BOOL, "x")};
    pyr_schema *schema = NULL, *projected = NULL;
    check_ok(pyr_schema_create(fields, 3, NULL, &schema, error));
    assert_int_equal(pyr_schema_find(schema, "name", false), 1);
    assert_int_equal(pyr_schema_find(schema, "NAME", false), -1);
    assert_int_equal(pyr_schema_find(schema, "NAME", true), 0);
    assert_int_equal(pyr_schema_find(schema, "nam", true), -1);
    check_ok(pyr_schema_project(schema, (const int32_t[]){2, 0, 2}, 3, &projected, error));
    assert_ptr_equal(projected->fields[0], fields[2]);
    assert_ptr_equal(projected->fields[1], fields[0]);
    assert_ptr_equal(projected->fields[2], fields[2]);
    assert_false(pyr_schema_equal(schema, projected));
    pyr_schema_release(projected);
    check_ok(pyr_schema_project(schema, (const int32_t[]){0, 1, 2}, 3, &projected, error));
    assert_true(pyr_schema_equal(schema, projected));
    pyr_schema_release(projected);
    pyr_schema_release(schema);
    for (int i = 0; i < 3; ++i) {
        pyr_field_release(fields[i]);
    }
}

static void layouts_agree_with_the_arrays_built(void **state) {
    (void)state;
    for (int kind = 0; kind < PYR_TYPES_COUNT; ++kind) {
        pyr_array *array = sample_array(kind, 5, 1, true);
        pyr_layout layout = pyr_type_layout((pyr_type_id)kind);
        assert_true(layout.variadic ? array->buffers_count >= layout.buffers_count
                                    : array->buffers_count == layout.buffers_count);
        assert_string_not_equal(pyr_type_name((pyr_type_id)kind), "unknown");
        pyr_array_release(array);
    }
    assert_string_equal(pyr_type_name(PYR_TYPES_COUNT), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_types_as_readers_write_them),
        cmocka_unit_test(every_sample_is_valid_and_equals_itself_only),
        cmocka_unit_test(list_item_names_are_no_part_of_the_type),
        cmocka_unit_test(parameters_are_part_of_the_type),
        cmocka_unit_test(with_changes_only_what_it_is_given),
        cmocka_unit_test(validation_refuses_parameters_out_of_range),
        cmocka_unit_test(validation_refuses_wrong_children),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(schemas_find_and_project),
        cmocka_unit_test(layouts_agree_with_the_arrays_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
