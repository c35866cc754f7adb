/* Metadata: pairs with lengths, order, find. */
#include "support_arrays.h"

#include <string.h>

static void keeps_pairs_in_order_with_nuls(void **state) {
    (void)state;
    pyr_metadata *metadata = NULL;
    check_ok(pyr_metadata_create(&metadata, error));
    for (int i = 0; i < 20; ++i) {
        check_ok(pyr_metadata_add(metadata, "k\0x", 3, "v\0\0", (size_t)(i % 4), error));
    }
    check_ok(pyr_metadata_add(metadata, NULL, 0, NULL, 0, error));
    assert_int_equal(pyr_metadata_count(metadata), 21);
    const char *key, *value;
    size_t key_length, value_length;
    pyr_metadata_get(metadata, 3, &key, &key_length, &value, &value_length);
    assert_int_equal(key_length, 3);
    assert_memory_equal(key, "k\0x", 4);
    assert_int_equal(value_length, 3);
    assert_memory_equal(value, "v\0\0", 4);
    pyr_metadata_get(metadata, 20, &key, &key_length, &value, &value_length);
    assert_int_equal(key_length, 0);
    assert_string_equal(value, "");
    pyr_metadata_release(metadata);
}

static void finds_the_first_of_a_key(void **state) {
    (void)state;
    pyr_metadata *metadata = NULL;
    check_ok(pyr_metadata_create(&metadata, error));
    check_ok(pyr_metadata_add(metadata, "a", 1, "one", 3, error));
    check_ok(pyr_metadata_add(metadata, "a", 1, "two", 3, error));
    size_t length = 9;
    assert_string_equal(pyr_metadata_find(metadata, "a", &length), "one");
    assert_int_equal(length, 3);
    assert_string_equal(pyr_metadata_find(metadata, "a", NULL), "one");
    assert_null(pyr_metadata_find(metadata, "A", &length));
    assert_int_equal(length, 0);
    pyr_metadata_release(metadata);
}

static void order_and_values_count_for_equality(void **state) {
    (void)state;
    pyr_metadata *a = NULL, *b = NULL;
    check_ok(pyr_metadata_create(&a, error));
    check_ok(pyr_metadata_create(&b, error));
    assert_true(pyr_metadata_equal(NULL, NULL));
    assert_true(pyr_metadata_equal(a, NULL)); /* empty is none */
    check_ok(pyr_metadata_add(a, "x", 1, "1", 1, error));
    check_ok(pyr_metadata_add(a, "y", 1, "2", 1, error));
    assert_false(pyr_metadata_equal(a, NULL));
    check_ok(pyr_metadata_add(b, "y", 1, "2", 1, error));
    check_ok(pyr_metadata_add(b, "x", 1, "1", 1, error));
    assert_false(pyr_metadata_equal(a, b));
    assert_true(pyr_metadata_equal(a, a));
    pyr_metadata_release(a);
    pyr_metadata_release(b);
}

static void none_is_empty(void **state) {
    (void)state;
    assert_int_equal(pyr_metadata_count(NULL), 0);
    assert_null(pyr_metadata_find(NULL, "a", NULL));
    assert_null(pyr_metadata_retain(NULL));
    pyr_metadata_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_pairs_in_order_with_nuls),
        cmocka_unit_test(finds_the_first_of_a_key),
        cmocka_unit_test(order_and_values_count_for_equality),
        cmocka_unit_test(none_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
