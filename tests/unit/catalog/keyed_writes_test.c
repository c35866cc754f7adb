/* keyed_writes_test.c - the ordered keys of what a change writes: in whatever order they come, and
 * whether they were looked at before they are put in or not. */
#include "support_catalog.h"

#include "catalog/keyed_internal.h"

#include <string.h>

enum { KEYS = 2000 };

typedef struct key_bytes {
    uint8_t bytes[4];
} key_bytes;

static key_bytes make_key(uint32_t number) {
    return (key_bytes){{(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                        (uint8_t)number}};
}

/* The numbers 0 to KEYS - 1, each once, in one of some orders. */
enum { ASCENDING, DESCENDING, SCATTERED, TWO_RUNS, ORDERS };
static uint32_t number_at(int order, uint32_t i) {
    switch (order) {
    case ASCENDING:
        return i;
    case DESCENDING:
        return KEYS - 1 - i;
    case SCATTERED:
        return i * 1237 % KEYS; /* 1237 has no divisor in common with KEYS */
    default:
        return i < KEYS / 2 ? 2 * i + 1 : 2 * (i - KEYS / 2);
    }
}

static pyr_keyed_writes *create_writes(void) {
    pyr_keyed_writes *writes = NULL;
    assert_int_equal(pyr_keyed_writes_create(1, &writes, NULL), PYR_OK);
    return writes;
}

static keyed_node *add(pyr_keyed_writes *writes, const key_bytes *key, bool fresh) {
    bool found = !fresh;
    keyed_node *node = NULL;
    assert_int_equal(pyr_keyed_node_add(writes, 0, key, sizeof(*key), &node, &found, NULL), PYR_OK);
    assert_int_equal(found, fresh);
    return node;
}

/* Even numbers are there, odd ones are not. */
static void check_list(const keyed_list *list, uint32_t count) {
    const keyed_node *node = list->head->next[0];
    assert_int_equal(list->count, count);
    for (uint32_t i = 0; i < count; ++i, node = node->next[0]) {
        key_bytes key = make_key(2 * i);
        key_bytes between = make_key(2 * i + 1);
        assert_non_null(node);
        assert_memory_equal(node->key, &key, sizeof(key));
        assert_ptr_equal(pyr_keyed_node_find(list, &key, sizeof(key)), node);
        assert_ptr_equal(pyr_keyed_node_seek(list, &key, sizeof(key)), node);
        assert_null(pyr_keyed_node_find(list, &between, sizeof(between)));
        assert_ptr_equal(pyr_keyed_node_seek(list, &between, sizeof(between)), node->next[0]);
    }
    assert_null(node);
    assert_ptr_equal(pyr_keyed_node_seek(list, NULL, 0), list->head->next[0]);
}

static void keys_stand_in_order_in_whatever_order_they_come(void **state) {
    (void)state;
    for (int order = 0; order < 2 * ORDERS; ++order) {
        pyr_keyed_writes *writes = create_writes();
        bool looks = order >= ORDERS;
        for (uint32_t i = 0; i < KEYS; ++i) {
            key_bytes key = make_key(2 * number_at(order % ORDERS, i));
            if (looks) {
                assert_null(pyr_keyed_node_find_place(writes, 0, &key, sizeof(key)));
            }
            keyed_node *node = add(writes, &key, true);
            assert_ptr_equal(pyr_keyed_node_find_place(writes, 0, &key, sizeof(key)), node);
            assert_ptr_equal(add(writes, &key, false), node);
        }
        check_list(&writes->lists[0], KEYS);
        assert_int_equal(writes->lists[1].count, 0);
        pyr_keyed_writes_release(writes);
    }
}

static void a_place_that_was_looked_up_is_not_used_for_anything_else(void **state) {
    (void)state;
    pyr_keyed_writes *writes = create_writes();
    key_bytes key = make_key(0);
    key_bytes second = make_key(2);
    bool fresh;
    keyed_node *node = NULL;
    /* Another key goes in between the two. */
    assert_null(pyr_keyed_node_find_place(writes, 0, &second, sizeof(second)));
    add(writes, &key, true);
    add(writes, &second, true);
    /* The same bytes in another list. */
    assert_non_null(pyr_keyed_node_find_place(writes, 0, &key, sizeof(key)));
    assert_int_equal(pyr_keyed_node_add(writes, 1, &key, sizeof(key), &node, &fresh, NULL), PYR_OK);
    assert_true(fresh);
    /* Other bytes at the same address. */
    assert_non_null(pyr_keyed_node_find_place(writes, 0, &key, sizeof(key)));
    key = make_key(6);
    add(writes, &key, true);
    assert_non_null(pyr_keyed_node_find_place(writes, 0, &key, sizeof(key)));
    key = make_key(4);
    add(writes, &key, true);
    check_list(&writes->lists[0], 4);
    assert_int_equal(writes->lists[1].count, 1);
    pyr_keyed_writes_release(writes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_stand_in_order_in_whatever_order_they_come),
        cmocka_unit_test(a_place_that_was_looked_up_is_not_used_for_anything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
