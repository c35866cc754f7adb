/* Validation of arrays from outside: what is wrong is refused, with the place, and nothing is read
 * that is not there (the sanitizers watch). */
#include "support_arrays.h"

#include <stdlib.h>
#include <string.h>

typedef struct part {
    const void *bytes;
    size_t size_bytes;
} part;
#define PART(array) \
    { array, sizeof(array) }
#define ABSENT \
    { NULL, 0 }

/* Each buffer ends where its bytes end: a read beyond is caught. */
static pyr_buffer *tight(part p) {
    if (p.bytes == NULL) {
        return NULL;
    }
    uint8_t *copy = malloc(p.size_bytes > 0 ? p.size_bytes : 1);
    assert_non_null(copy);
    memcpy(copy, p.bytes, p.size_bytes);
    pyr_buffer *buffer = NULL;
    check_ok(pyr_buffer_wrap(copy, p.size_bytes, copy, free, &buffer, error));
    return buffer;
}

/* Takes field and children. */
static pyr_array *make(pyr_field *field, int64_t length, int64_t offset, int64_t null_count,
                       const part *parts, int32_t parts_count, pyr_array **children,
                       int32_t children_count, pyr_array *dictionary) {
    pyr_buffer *buffers[8] = {0};
    pyr_array *array = NULL;
    for (int32_t i = 0; i < parts_count; ++i) {
        buffers[i] = tight(parts[i]);
    }
    check_ok(pyr_array_create(field, length, offset, null_count, buffers, parts_count, children,
                              children_count, dictionary, &array, error));
    for (int32_t i = 0; i < parts_count; ++i) {
        pyr_buffer_release(buffers[i]);
    }
    for (int32_t i = 0; i < children_count; ++i) {
        pyr_array_release(children[i]);
    }
    pyr_array_release(dictionary);
    pyr_field_release(field);
    return array;
}

static pyr_array *flat(pyr_type_id type, int64_t length, int64_t offset, const part *parts,
                       int32_t count) {
    return make(sample_field((int)type, "f"), length, offset, -1, parts, count, NULL, 0, NULL);
}

static void assert_refused_at(pyr_array *array, pyr_validation level, const char *fragment) {
    pyr_error error;
    assert_int_equal(pyr_array_validate(array, level, &error), PYR_ERROR_CORRUPT);
    if (strstr(error.message, fragment) == NULL) {
        fail_msg("\"%s\" says nothing of \"%s\"", error.message, fragment);
    }
}

/* Releases array. The structure alone is already wrong. */
static void assert_broken(pyr_array *array, const char *fragment) {
    assert_refused_at(array, PYR_VALIDATE_STRUCTURE, fragment);
    assert_refused_at(array, PYR_VALIDATE_FULL, fragment);
    pyr_array_release(array);
}

/* Releases array. Only looking at every row shows it. */
static void assert_wrong(pyr_array *array, const char *fragment) {
    check_ok(pyr_array_validate(array, PYR_VALIDATE_STRUCTURE, error));
    assert_refused_at(array, PYR_VALIDATE_FULL, fragment);
    pyr_array_release(array);
}

static void assert_good(pyr_array *array) {
    assert_valid(array);
    pyr_array_release(array);
}

static void samples_of_every_type_pass(void **state) {
    (void)state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        assert_good(sample_array(kind, 0, 1, true));
        assert_good(sample_array(kind, 100, 1, false));
        assert_good(sample_array(kind, 100, 2, true));
    }
}

static void buffers_too_short_are_refused(void **state) {
    (void)state;
    static const int32_t three[3] = {1, 2, 3};
    const part parts[2] = {ABSENT, PART(three)};
    assert_good(flat(PYR_TYPE_INT32, 3, 0, parts, 2));
    assert_broken(flat(PYR_TYPE_INT32, 4, 0, parts, 2), "data buffer ends at 12, needs 16");
    assert_broken(flat(PYR_TYPE_INT32, 2, 2, parts, 2), "needs 16");
    const part absent[2] = {ABSENT, ABSENT};
    assert_broken(flat(PYR_TYPE_INT32, 1, 0, absent, 2), "needs 4");
    assert_good(flat(PYR_TYPE_INT32, 0, 0, absent, 2));
    static const uint8_t bits[1] = {0xff};
    const part short_validity[2] = {PART(bits), PART(three)};
    assert_good(flat(PYR_TYPE_INT8, 8, 0, short_validity, 2));
    assert_broken(flat(PYR_TYPE_INT8, 9, 0, short_validity, 2), "validity buffer");
    assert_broken(flat(PYR_TYPE_BOOL, 97, 0, parts, 2), "data buffer");
    assert_broken(flat(PYR_TYPE_INT32, 3, 0, parts, 1), "has 1 buffers, needs 2");
}

static void lengths_that_overflow_are_refused(void **state) {
    (void)state;
    static const int32_t three[3] = {1, 2, 3};
    const part parts[3] = {ABSENT, PART(three), ABSENT};
    assert_broken(flat(PYR_TYPE_INT32, -1, 0, parts, 2), "out of range");
    assert_broken(flat(PYR_TYPE_INT32, 1, -1, parts, 2), "out of range");
    assert_broken(flat(PYR_TYPE_INT32, INT64_MAX, 1, parts, 2), "out of range");
    assert_broken(flat(PYR_TYPE_DECIMAL256, INT64_MAX / 17, 0, parts, 2), "overflows");
    assert_broken(flat(PYR_TYPE_UTF8, INT64_MAX, 0, parts, 3), "out of range");
    assert_broken(make(sample_field(PYR_TYPE_INT32, "f"), 3, 0, 4, parts, 2, NULL, 0, NULL),
                  "null count 4 of 3");
    assert_broken(make(sample_field(PYR_TYPE_INT32, "f"), 3, 0, -2, parts, 2, NULL, 0, NULL),
                  "null count -2 of 3");
}

static void null_counts_must_be_right(void **state) {
    (void)state;
    static const uint8_t bits[1] = {0x05};
    static const int32_t three[3] = {1, 2, 3};
    const part parts[2] = {PART(bits), PART(three)};
    for (int64_t count = -1; count <= 3; ++count) {
        pyr_array *array =
            make(sample_field(PYR_TYPE_INT32, "f"), 3, 0, count, parts, 2, NULL, 0, NULL);
        if (count == -1 || count == 1) {
            assert_good(array);
        } else {
            assert_wrong(array, "null count");
        }
    }
}

static pyr_array *text_array(const int32_t *offsets, int64_t length, const char *bytes,
                             size_t bytes_size, const uint8_t *validity) {
    const part parts[3] = {{validity, validity != NULL ? 1 : 0},
                           {offsets, (size_t)(length + 1) * 4},
                           {bytes, bytes_size}};
    return flat(PYR_TYPE_UTF8, length, 0, parts, 3);
}

static void offsets_must_ascend_inside_their_bytes(void **state) {
    (void)state;
    assert_good(text_array((const int32_t[]){1, 2, 4}, 2, "abcd", 4, NULL));
    assert_broken(text_array((const int32_t[]){0, 2, 5}, 2, "abcd", 4, NULL), "from 0 to 5 of 4");
    assert_broken(text_array((const int32_t[]){-1, 2, 4}, 2, "abcd", 4, NULL), "from -1");
    assert_broken(text_array((const int32_t[]){3, 2, 1}, 2, "abcd", 4, NULL), "from 3 to 1");
    assert_wrong(text_array((const int32_t[]){0, 4, 2, 4}, 3, "abcd", 4, NULL), "row 1");
    assert_wrong(text_array((const int32_t[]){0, 900, 2, 4}, 3, "abcd", 4, NULL), "row 1");
    assert_wrong(text_array((const int32_t[]){0, -7, 2, 4}, 3, "abcd", 4, NULL), "row 0");
    /* No bytes at all: empty values need none. */
    assert_good(text_array((const int32_t[]){0, 0, 0}, 2, NULL, 0, NULL));
    assert_broken(text_array((const int32_t[]){0, 0, 1}, 2, NULL, 0, NULL), "from 0 to 1 of 0");
    static const int64_t large[3] = {0, INT64_MAX, 4};
    const part parts[3] = {ABSENT, PART(large), {"abcd", 4}};
    assert_wrong(flat(PYR_TYPE_LARGE_BINARY, 2, 0, parts, 3), "row 1");
}

static void text_must_be_utf8_where_it_is_not_null(void **state) {
    (void)state;
    static const uint8_t second_null = 0x05;
    assert_good(text_array((const int32_t[]){0, 2, 5}, 2, "\xc3\xa9\xe2\x82\xac", 5, NULL));
    /* All bytes together are UTF-8, but the border cuts a character. */
    assert_wrong(text_array((const int32_t[]){0, 1, 2}, 2, "\xc3\xa9", 2, NULL), "row 0");
    assert_wrong(text_array((const int32_t[]){0, 1, 3}, 2, "a\xc3\x28", 3, NULL), "row 1");
    static const char *const bad[] = {"\xc0\x80",         "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xe0\x80\x80",     "\x80",         "\xff",
                                      "\xf0\x8f\xbf\xbf", "\xe2\x82"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        int32_t length = (int32_t)strlen(bad[i]);
        assert_wrong(text_array((const int32_t[]){0, length}, 1, bad[i], (size_t)length, NULL),
                     "not valid UTF-8");
    }
    assert_good(text_array((const int32_t[]){0, 1, 2, 3}, 3,
                           "a\xff"
                           "b",
                           3, &second_null));
    /* A bad byte behind a long run of good ones, and behind the rows in use. */
    char text[200];
    memset(text, 'a', sizeof(text));
    text[150] = '\xff';
    assert_good(text_array((const int32_t[]){0, 100, 150}, 2, text, sizeof(text), NULL));
    assert_wrong(text_array((const int32_t[]){0, 100, 151}, 2, text, sizeof(text), NULL), "row 1");
}

static pyr_array *view_array(pyr_type_id type, int32_t size, const char *prefix, int32_t buffer,
                             int32_t offset, const uint8_t *validity) {
    uint8_t view[16] = {0};
    memcpy(view, &size, 4);
    memcpy(view + 4, prefix, strlen(prefix));
    if (strlen(prefix) <= 4) {
        memcpy(view + 8, &buffer, 4);
        memcpy(view + 12, &offset, 4);
    }
    const part parts[3] = {
        {validity, validity != NULL ? 1 : 0}, PART(view), {"0123456789abcdefghij", 20}};
    return flat(type, 1, 0, parts, 3);
}

static void views_must_point_into_their_buffers(void **state) {
    (void)state;
    static const uint8_t null = 0;
    assert_good(view_array(PYR_TYPE_BINARY_VIEW, 13, "789a", 0, 7, NULL));
    assert_good(view_array(PYR_TYPE_BINARY_VIEW, 12, "any twelve b", 0, 0, NULL));
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, 14, "789a", 0, 7, NULL), "14 bytes from 7");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, 13, "0123", 1, 0, NULL), "buffer 1 of 1");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, 13, "0123", -1, 0, NULL), "buffer -1");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, 13, "0123", 0, -1, NULL), "from -1");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, 13, "0123", 0, INT32_MAX, NULL), "row 0");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, INT32_MAX, "0123", 0, 2, NULL), "row 0");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, -1, "", 0, 0, NULL), "-1 bytes");
    assert_wrong(view_array(PYR_TYPE_BINARY_VIEW, 13, "0xxx", 0, 0, NULL), "prefix");
    assert_good(view_array(PYR_TYPE_BINARY_VIEW, 13, "0123", 9, 0, &null));
    assert_good(view_array(PYR_TYPE_UTF8_VIEW, 3, "abc", 0, 0, NULL));
    assert_wrong(view_array(PYR_TYPE_UTF8_VIEW, 3,
                            "a\xff"
                            "c",
                            0, 0, NULL),
                 "UTF-8");
}

static pyr_array *list_array(pyr_type_id type, const int32_t *offsets, const int32_t *sizes,
                             int64_t length) {
    static const int32_t values[4] = {1, 2, 3, 4};
    pyr_array *child = int32_array(values, 4);
    pyr_field *item = child->field, *field = NULL;
    check_ok(pyr_field_create_nested("l", type, 3, &item, 1, &field, error));
    bool is_view = sizes != NULL;
    const part parts[3] = {
        ABSENT, {offsets, (size_t)(length + (is_view ? 0 : 1)) * 4}, {sizes, (size_t)length * 4}};
    int32_t count = type == PYR_TYPE_FIXED_SIZE_LIST ? 1 : is_view ? 3 : 2;
    return make(field, length, 0, 0, parts, count, &child, 1, NULL);
}

static void lists_must_lie_in_their_child(void **state) {
    (void)state;
    assert_good(list_array(PYR_TYPE_LIST, (const int32_t[]){0, 3, 4}, NULL, 2));
    assert_broken(list_array(PYR_TYPE_LIST, (const int32_t[]){0, 3, 5}, NULL, 2), "of 4");
    assert_wrong(list_array(PYR_TYPE_LIST, (const int32_t[]){0, 4, 3, 4}, NULL, 3), "row 1");
    assert_good(
        list_array(PYR_TYPE_LIST_VIEW, (const int32_t[]){3, 0, 4}, (const int32_t[]){1, 4, 0}, 3));
    assert_wrong(list_array(PYR_TYPE_LIST_VIEW, (const int32_t[]){3}, (const int32_t[]){2}, 1),
                 "list of 2 values from 3 of 4");
    assert_wrong(list_array(PYR_TYPE_LIST_VIEW, (const int32_t[]){-1}, (const int32_t[]){1}, 1),
                 "row 0");
    assert_wrong(list_array(PYR_TYPE_LIST_VIEW, (const int32_t[]){1}, (const int32_t[]){-1}, 1),
                 "row 0");
    assert_wrong(
        list_array(PYR_TYPE_LIST_VIEW, (const int32_t[]){1}, (const int32_t[]){INT32_MAX}, 1),
        "row 0");
    assert_good(list_array(PYR_TYPE_FIXED_SIZE_LIST, NULL, NULL, 1));
    assert_broken(list_array(PYR_TYPE_FIXED_SIZE_LIST, NULL, NULL, 2), "has 4 values, needs 6");
    assert_broken(list_array(PYR_TYPE_FIXED_SIZE_LIST, NULL, NULL, INT64_MAX / 17), "values");
}

static void struct_children_cover_offset_and_length(void **state) {
    (void)state;
    for (int64_t length = 3; length < 6; ++length) {
        pyr_array *children[2] = {sample_array(PYR_TYPE_INT32, 5, 1, true),
                                  sample_array(PYR_TYPE_LARGE_UTF8, 5, 1, true)};
        const part validity = ABSENT;
        pyr_array *array =
            make(sample_field(PYR_TYPE_STRUCT, "s"), length, 1, 0, &validity, 1, children, 2, NULL);
        if (length < 5) {
            assert_good(array);
        } else {
            assert_broken(array, "has 5 values, needs 6");
        }
    }
}

static void children_must_be_of_the_type_promised(void **state) {
    (void)state;
    const part validity = ABSENT;
    pyr_array *children[2] = {sample_array(PYR_TYPE_INT64, 5, 1, true),
                              sample_array(PYR_TYPE_LARGE_UTF8, 5, 1, true)};
    assert_broken(
        make(sample_field(PYR_TYPE_STRUCT, "s"), 5, 0, 0, &validity, 1, children, 2, NULL),
        ".a (int64): the parent's type says int32");
    pyr_array *one[1] = {sample_array(PYR_TYPE_INT32, 5, 1, true)};
    assert_broken(make(sample_field(PYR_TYPE_STRUCT, "s"), 5, 0, 0, &validity, 1, one, 1, NULL),
                  "has 1 children, needs 2");
}

static pyr_array *union_array(pyr_type_id type, const int8_t *codes, const int32_t *slots,
                              int64_t length) {
    pyr_field *field = sample_field((int)type, "u");
    pyr_array *children[3];
    for (int32_t i = 0; i < 3; ++i) {
        check_ok(pyr_array_create_null(field->children[i], 3, NULL, &children[i], error));
    }
    const part parts[2] = {{codes, (size_t)length}, {slots, (size_t)length * 4}};
    return make(field, length, 0, 0, parts, slots != NULL ? 2 : 1, children, 3, NULL);
}

static void union_codes_and_slots_must_exist(void **state) {
    (void)state;
    assert_good(union_array(PYR_TYPE_DENSE_UNION, (const int8_t[]){5, 0, 7},
                            (const int32_t[]){2, 0, 1}, 3));
    assert_wrong(
        union_array(PYR_TYPE_DENSE_UNION, (const int8_t[]){5, 1, 7}, (const int32_t[]){2, 0, 1}, 3),
        "row 1: no child has type code 1");
    assert_wrong(union_array(PYR_TYPE_DENSE_UNION, (const int8_t[]){5, -1, 7},
                             (const int32_t[]){0, 0, 1}, 3),
                 "type code -1");
    assert_wrong(
        union_array(PYR_TYPE_DENSE_UNION, (const int8_t[]){5, 0, 7}, (const int32_t[]){2, 3, 1}, 3),
        "value 3 of a child of 3");
    assert_wrong(union_array(PYR_TYPE_DENSE_UNION, (const int8_t[]){5, 0, 7},
                             (const int32_t[]){2, -1, 1}, 3),
                 "value -1");
    assert_good(union_array(PYR_TYPE_SPARSE_UNION, (const int8_t[]){5, 0, 7}, NULL, 3));
    assert_wrong(union_array(PYR_TYPE_SPARSE_UNION, (const int8_t[]){5, 0, 127}, NULL, 3), "127");
    assert_broken(union_array(PYR_TYPE_SPARSE_UNION, (const int8_t[]){5, 0, 7, 5}, NULL, 4),
                  "needs 4");
}

static pyr_array *dictionary_array(pyr_type_id index_type, const void *indices, size_t size_bytes,
                                   int64_t length, const uint8_t *validity) {
    pyr_array *values = sample_array(PYR_TYPE_UTF8, 3, 1, false);
    pyr_field *field = NULL;
    check_ok(pyr_field_create_dictionary("d", index_type, false, values->field, &field, error));
    const part parts[2] = {{validity, validity != NULL ? 1 : 0}, {indices, size_bytes}};
    return make(field, length, 0, -1, parts, 2, NULL, 0, values);
}

static void dictionary_indices_must_exist(void **state) {
    (void)state;
    static const uint8_t second_null = 0x05;
    assert_good(dictionary_array(PYR_TYPE_INT8, (const int8_t[]){0, 2, 1}, 3, 3, NULL));
    assert_wrong(dictionary_array(PYR_TYPE_INT8, (const int8_t[]){0, 3, 1}, 3, 3, NULL),
                 "row 1: index 3 of 3");
    assert_wrong(dictionary_array(PYR_TYPE_INT8, (const int8_t[]){0, -1, 1}, 3, 3, NULL),
                 "index -1");
    assert_good(dictionary_array(PYR_TYPE_INT8, (const int8_t[]){0, -1, 1}, 3, 3, &second_null));
    assert_wrong(dictionary_array(PYR_TYPE_UINT8, (const uint8_t[]){255}, 1, 1, NULL), "255");
    assert_wrong(dictionary_array(PYR_TYPE_UINT64, (const uint64_t[]){UINT64_MAX}, 8, 1, NULL),
                 "row 0");
    pyr_field *values = sample_field(PYR_TYPE_UTF8, ""), *field = NULL;
    check_ok(pyr_field_create_dictionary("d", PYR_TYPE_INT8, false, values, &field, error));
    pyr_field_release(values);
    const part parts[2] = {ABSENT, {"", 1}};
    assert_broken(make(field, 1, 0, 0, parts, 2, NULL, 0, NULL), "has no dictionary");
}

static pyr_array *runs_array(const int32_t *ends, int64_t runs, int64_t values, int64_t length,
                             int64_t offset) {
    static const int32_t numbers[8] = {0};
    pyr_array *children[2] = {int32_array(ends, runs), int32_array(numbers, values)};
    pyr_field *fields[2] = {children[0]->field, children[1]->field}, *field = NULL;
    check_ok(pyr_field_create_nested("r", PYR_TYPE_RUN_END_ENCODED, 0, fields, 2, &field, error));
    return make(field, length, offset, 0, NULL, 0, children, 2, NULL);
}

static void run_ends_must_ascend_and_cover(void **state) {
    (void)state;
    assert_good(runs_array((const int32_t[]){2, 5, 9}, 3, 3, 7, 2));
    assert_good(runs_array(NULL, 0, 0, 0, 0));
    assert_broken(runs_array((const int32_t[]){2, 5, 9}, 3, 3, 8, 2), "before row 10");
    assert_broken(runs_array((const int32_t[]){2, 5, 9}, 3, 2, 7, 2), "needs 3");
    assert_broken(runs_array(NULL, 0, 0, 1, 0), "before row 1");
    assert_wrong(runs_array((const int32_t[]){5, 5, 9}, 3, 3, 7, 2), "run 1");
    assert_wrong(runs_array((const int32_t[]){0, 5, 9}, 3, 3, 7, 2), "run 0");
    assert_wrong(runs_array((const int32_t[]){-3, 5, 9}, 3, 3, 7, 2), "run 0");
    assert_wrong(runs_array((const int32_t[]){6, 5, 9}, 3, 3, 7, 2), "run 1");
    pyr_array *null_end = runs_array((const int32_t[]){2, 5, 9}, 3, 3, 7, 2);
    null_end->children[0]->buffers[0] = bytes_buffer("\x05", 1);
    null_end->children[0]->null_count = -1;
    assert_wrong(null_end, "null");
}

static void map_keys_are_never_null(void **state) {
    (void)state;
    pyr_array *map = NULL;
    for (unsigned seed = 1; map == NULL; ++seed) {
        map = sample_array(PYR_TYPE_MAP, 10, seed, false);
        if (map->children[0]->length < 3) {
            pyr_array_release(map);
            map = NULL;
        }
    }
    assert_valid(map);
    pyr_array *keys = map->children[0]->children[0];
    static const uint8_t bits[8] = {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    keys->buffers[0] = bytes_buffer(bits, 8);
    keys->null_count = -1;
    assert_wrong(map, "key is null");
}

static void faults_deep_inside_name_their_path(void **state) {
    (void)state;
    const part validity = ABSENT;
    pyr_array *text = text_array((const int32_t[]){0, 1, 2}, 2, "a\xff", 2, NULL);
    pyr_field *item = text->field, *list_field = NULL, *struct_field = NULL;
    check_ok(pyr_field_create_nested("names", PYR_TYPE_LIST, 0, &item, 1, &list_field, error));
    static const int32_t offsets[2] = {0, 2};
    const part parts[2] = {ABSENT, PART(offsets)};
    pyr_field_retain(list_field);
    pyr_array *list = make(list_field, 1, 0, 0, parts, 2, &text, 1, NULL);
    check_ok(
        pyr_field_create_nested("top", PYR_TYPE_STRUCT, 0, &list_field, 1, &struct_field, error));
    pyr_field_release(list_field);
    assert_wrong(make(struct_field, 1, 0, 0, &validity, 1, &list, 1, NULL),
                 ".names.f (utf8) row 1: is not valid UTF-8");
}

static void nesting_beyond_the_limit_is_refused(void **state) {
    (void)state;
    pyr_array *array = sample_array(PYR_TYPE_INT32, 1, 1, false);
    static const int32_t offsets[2] = {0, 1};
    const part parts[2] = {ABSENT, PART(offsets)};
    for (int depth = 1; depth <= PYR_TYPE_DEPTH_MAX; ++depth) {
        assert_valid(array);
        pyr_field *item = array->field, *field = NULL;
        check_ok(pyr_field_create_nested("l", PYR_TYPE_LIST, 0, &item, 1, &field, error));
        array = make(field, 1, 0, 0, parts, 2, &array, 1, NULL);
    }
    pyr_error error;
    assert_int_equal(pyr_array_validate(array, PYR_VALIDATE_STRUCTURE, &error), PYR_ERROR_LIMIT);
    pyr_array_release(array);
}

/* What FULL lets through can be used in every way; what it refuses is not touched. Bytes of all
 * buffers are changed at random. */
static void whatever_passes_is_safe_to_use(void **state) {
    (void)state;
    uint32_t random = 12345;
    int passed = 0, refused = 0;
    for (int round = 0; round < 60 * SAMPLES_COUNT; ++round) {
        int kind = round % SAMPLES_COUNT;
        pyr_array *array = sample_array(kind, 20, (unsigned)round, true);
        pyr_array *stack[64] = {array};
        size_t depth = 1;
        while (depth > 0) {
            pyr_array *node = stack[--depth];
            node->null_count = -1;
            for (int32_t i = 0; i < node->buffers_count; ++i) {
                random = random * 1664525u + 1013904223u;
                pyr_buffer *buffer = node->buffers[i];
                if (buffer != NULL && buffer->size_bytes > 0 && random >> 30 == 0) {
                    size_t at = (random >> 8) % buffer->size_bytes;
                    pyr_buffer_mutable(buffer)[at] ^= (uint8_t)(1u << (random & 7));
                }
            }
            for (int32_t i = 0; i < node->children_count; ++i) {
                stack[depth++] = node->children[i];
            }
            if (node->dictionary != NULL) {
                stack[depth++] = node->dictionary;
            }
        }
        if (pyr_array_validate(array, PYR_VALIDATE_FULL, NULL) == PYR_OK) {
            const int32_t picks[] = {3, -1, 0, 19, 7, 8};
            pyr_array *taken = NULL, *joined = NULL, *parts[2] = {array, array};
            check_ok(pyr_array_take(array, picks, 6, PYR_COPY_GATHER, NULL, NULL, &taken, error));
            check_ok(pyr_array_concat(parts, 2, NULL, NULL, &joined, error));
            assert_valid(joined);
            assert_rows_equal(joined, 20, array, 0, 20);
            assert_true(pyr_array_equal(array, array));
            assert_true(pyr_array_size_bytes(array) >= 0);
            pyr_array_release(taken);
            pyr_array_release(joined);
            ++passed;
        } else {
            ++refused;
        }
        pyr_array_release(array);
    }
    assert_true(passed > 100 && refused > 100); /* both ways were tried */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_every_type_pass),
        cmocka_unit_test(buffers_too_short_are_refused),
        cmocka_unit_test(lengths_that_overflow_are_refused),
        cmocka_unit_test(null_counts_must_be_right),
        cmocka_unit_test(offsets_must_ascend_inside_their_bytes),
        cmocka_unit_test(text_must_be_utf8_where_it_is_not_null),
        cmocka_unit_test(views_must_point_into_their_buffers),
        cmocka_unit_test(lists_must_lie_in_their_child),
        cmocka_unit_test(struct_children_cover_offset_and_length),
        cmocka_unit_test(children_must_be_of_the_type_promised),
        cmocka_unit_test(union_codes_and_slots_must_exist),
        cmocka_unit_test(dictionary_indices_must_exist),
        cmocka_unit_test(run_ends_must_ascend_and_cover),
        cmocka_unit_test(map_keys_are_never_null),
        cmocka_unit_test(faults_deep_inside_name_their_path),
        cmocka_unit_test(nesting_beyond_the_limit_is_refused),
        cmocka_unit_test(whatever_passes_is_safe_to_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
