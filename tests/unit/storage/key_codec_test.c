/* key_codec_test.c - keys sort by memcmp as their values do, and come back. The order is held
 * against a comparison of values that knows nothing of the encoding. */
#include "support_codec.h"

#include "storage/key_codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 8 };
static const int32_t straight[COLUMNS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};

static int sign_of(int64_t value) {
    return (value > 0) - (value < 0);
}

/* ---- Comparing values. ---- */

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? sign_of(order) : (a_size > b_size) - (a_size < b_size);
}

static int compare_doubles(double a, double b) {
    if (isnan(a) || isnan(b)) {
        return (isnan(a) != 0) - (isnan(b) != 0);
    }
    return (a > b) - (a < b);
}

/* Little-endian numbers of any width. */
static int compare_wide(const uint8_t *a, const uint8_t *b, size_t width, bool is_signed) {
    if (is_signed && (a[width - 1] ^ b[width - 1]) >= 0x80) {
        return a[width - 1] >= 0x80 ? -1 : 1;
    }
    for (size_t i = width; i > 0; --i) {
        if (a[i - 1] != b[i - 1]) {
            return a[i - 1] < b[i - 1] ? -1 : 1;
        }
    }
    return 0;
}

static int compare_time_tz(const uint8_t *a, const uint8_t *b) {
    int64_t instants[2], offsets[2];
    const uint8_t *sides[2] = {a, b};
    for (int i = 0; i < 2; ++i) {
        uint64_t bits;
        memcpy(&bits, sides[i], sizeof(bits));
        offsets[i] = 57599 - (int64_t)(bits & 0xFFFFFF);
        instants[i] = (int64_t)(bits >> 24) - offsets[i] * 1000000;
    }
    return instants[0] != instants[1] ? sign_of(instants[0] - instants[1])
                                      : sign_of(offsets[1] - offsets[0]);
}

static const uint8_t *fixed_value(const pyr_array *array, int64_t row, size_t width) {
    return array->buffers[1]->data + (size_t)(array->offset + row) * width;
}

/* Of rows of one array, nulls last. what: "uhugeint" and "time_tz" name the opaque types. */
static int compare_values(const pyr_array *array, int64_t a, int64_t b, const char *what) {
    bool a_null = pyr_array_is_null(array, a), b_null = pyr_array_is_null(array, b);
    if (a_null || b_null) {
        return a_null - b_null;
    }
    pyr_type_id type = array->field->type;
    size_t width = (size_t)pyr_type_bit_width(array->field) / 8;
    if (type >= PYR_TYPE_FLOAT16 && type <= PYR_TYPE_FLOAT64) {
        return compare_doubles(pyr_array_double(array, a), pyr_array_double(array, b));
    }
    if (type >= PYR_TYPE_UTF8 && type <= PYR_TYPE_FIXED_SIZE_BINARY) {
        size_t a_size, b_size;
        const uint8_t *left = pyr_array_bytes(array, a, &a_size);
        const uint8_t *right = pyr_array_bytes(array, b, &b_size);
        return strcmp(what, "uhugeint") == 0  ? compare_wide(left, right, 16, false)
               : strcmp(what, "time_tz") == 0 ? compare_time_tz(left, right)
                                              : compare_bytes(left, a_size, right, b_size);
    }
    if (type == PYR_TYPE_BOOL) {
        return sign_of(pyr_array_int64(array, a) - pyr_array_int64(array, b));
    }
    bool is_signed = !pyr_type_is_integer(type) || pyr_type_is_signed(type);
    return compare_wide(fixed_value(array, a, width), fixed_value(array, b, width), width,
                        is_signed);
}

/* ---- Values to compare. ---- */

static void append_number(pyr_builder *builder, size_t width, uint32_t *seed, int64_t i) {
    uint8_t bytes[32];
    switch (i % 6) {
    case 0: /* 0, and near it */
    case 1: {
        int64_t small = (int64_t)(next_random(seed) % 5) - 2;
        memset(bytes, small < 0 ? 0xFF : 0, sizeof(bytes));
        memcpy(bytes, &small, sizeof(small));
        break;
    }
    case 2: /* the ends */
        memset(bytes, next_random(seed) % 2 == 0 ? 0xFF : 0, sizeof(bytes));
        bytes[width - 1] = (uint8_t)(bytes[width - 1] ^ (next_random(seed) % 2 == 0 ? 0x80 : 0));
        break;
    default:
        for (size_t k = 0; k < width; ++k) {
            bytes[k] = (uint8_t)next_random(seed);
        }
        break;
    }
    check_ok(pyr_builder_bytes(builder, bytes, width, error));
}

static void append_float(pyr_builder *builder, uint32_t *seed, int64_t i) {
    static const double special[] = {0.0,
                                     -0.0,
                                     1.0,
                                     -1.0,
                                     (double)INFINITY,
                                     -(double)INFINITY,
                                     (double)NAN,
                                     0.5,
                                     -0.5,
                                     6.103515625e-05,
                                     -6.103515625e-05};
    enum { SPECIAL = sizeof(special) / sizeof(*special) };
    check_ok(pyr_builder_double(
        builder, i < SPECIAL ? special[i] : (double)(next_random(seed) % 2000) / 16 - 62, error));
}

/* Texts that share prefixes; in bytes, many zeros and 0xFF. */
static void append_text(pyr_builder *builder, bool is_text, uint32_t *seed) {
    static const char text[] = {'a', 'b', '\0', '\1', 'a', '\x7f'};
    static const uint8_t bytes[] = {0, 0, 0xFF, 1, 0xFE, 'a'};
    uint8_t value[8];
    size_t size = next_random(seed) % 6;
    for (size_t i = 0; i < size; ++i) {
        uint32_t pick = next_random(seed) % 6;
        value[i] = is_text ? (uint8_t)text[pick] : bytes[pick];
    }
    check_ok(pyr_builder_bytes(builder, value, size, error));
}

/* Valid times: below a day, offsets within 16 hours. */
static void append_time_tz(pyr_builder *builder, uint32_t *seed) {
    uint64_t micros = random_u64(seed) % 5 * 3600 * 1000000 + next_random(seed) % 2;
    uint64_t bits = micros << 24 | (next_random(seed) % 5 * 3600 + 50000);
    check_ok(pyr_builder_bytes(builder, &bits, sizeof(bits), error));
}

static pyr_array *values_of(pyr_field *field, int64_t rows, bool nulls, const char *what,
                            uint32_t seed) {
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (int64_t i = 0; i < rows; ++i) {
        if ((nulls && next_random(&seed) % 5 == 0) || field->type == PYR_TYPE_NULL) {
            check_ok(pyr_builder_null(builder, error));
        } else if (strcmp(what, "time_tz") == 0) {
            append_time_tz(builder, &seed);
        } else if (field->type == PYR_TYPE_BOOL) {
            check_ok(pyr_builder_int64(builder, next_random(&seed) % 2, error));
        } else if (field->type >= PYR_TYPE_FLOAT16 && field->type <= PYR_TYPE_FLOAT64) {
            append_float(builder, &seed, i);
        } else if (field->type >= PYR_TYPE_UTF8 && field->type <= PYR_TYPE_BINARY_VIEW) {
            append_text(builder, field->type <= PYR_TYPE_UTF8_VIEW, &seed);
        } else {
            append_number(builder, (size_t)pyr_type_bit_width(field) / 8, &seed, i);
        }
    }
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    return array;
}

static pyr_field *opaque_field(const char *name, int32_t width, const char *what) {
    pyr_field *plain = NULL, *field = NULL;
    pyr_metadata *metadata = NULL;
    char text[100];
    (void)snprintf(text, sizeof(text), "{\"type_name\":\"%s\",\"vendor_name\":\"DuckDB\"}", what);
    check_ok(pyr_metadata_create(&metadata, error));
    check_ok(pyr_metadata_add(metadata, "ARROW:extension:name", 20, "arrow.opaque", 12, error));
    check_ok(pyr_metadata_add(metadata, "ARROW:extension:metadata", 24, text, strlen(text), error));
    check_ok(pyr_field_create_fixed_size_binary(name, width, &plain, error));
    check_ok(pyr_field_with(plain, NULL, true, metadata, &field, error));
    pyr_field_release(plain);
    pyr_metadata_release(metadata);
    return field;
}

static const int ordered_kinds[] = {
    PYR_TYPE_NULL,
    PYR_TYPE_BOOL,
    PYR_TYPE_INT8,
    PYR_TYPE_INT16,
    PYR_TYPE_INT32,
    PYR_TYPE_INT64,
    PYR_TYPE_UINT8,
    PYR_TYPE_UINT16,
    PYR_TYPE_UINT32,
    PYR_TYPE_UINT64,
    PYR_TYPE_FLOAT16,
    PYR_TYPE_FLOAT32,
    PYR_TYPE_FLOAT64,
    PYR_TYPE_UTF8,
    PYR_TYPE_LARGE_UTF8,
    PYR_TYPE_UTF8_VIEW,
    PYR_TYPE_BINARY,
    PYR_TYPE_LARGE_BINARY,
    PYR_TYPE_BINARY_VIEW,
    PYR_TYPE_FIXED_SIZE_BINARY,
    PYR_TYPE_DATE32,
    PYR_TYPE_DATE64,
    PYR_TYPE_TIME32,
    PYR_TYPE_TIME64,
    PYR_TYPE_TIMESTAMP,
    PYR_TYPE_DURATION,
    PYR_TYPE_INTERVAL_YEAR_MONTH,
    PYR_TYPE_DECIMAL32,
    PYR_TYPE_DECIMAL64,
    PYR_TYPE_DECIMAL128,
    PYR_TYPE_DECIMAL256,
};
enum { KINDS = sizeof(ordered_kinds) / sizeof(*ordered_kinds), OPAQUE = 2 };

/* The first KINDS are ordered_kinds, then the opaque ones. */
static pyr_field *kind_field(int i, const char *name, const char **what) {
    static const char *const opaque[OPAQUE] = {"uhugeint", "time_tz"};
    *what = i < KINDS ? "" : opaque[i - KINDS];
    return i < KINDS ? sample_field(ordered_kinds[i], name)
                     : opaque_field(name, i == KINDS ? 16 : 8, *what);
}

/* ---- Keys. ---- */

static pyr_key_codec *codec_of(pyr_field *const *fields, int32_t count, pyr_key_nulls nulls) {
    pyr_key_codec *codec = NULL;
    check_ok(pyr_key_codec_create(fields, count, nulls, &codec, error));
    return codec;
}

static pyr_text key_of(const pyr_key_codec *codec, const pyr_batch *batch, int32_t count,
                       int64_t row) {
    pyr_text key;
    pyr_text_init(&key);
    check_ok(pyr_key_encode(codec, batch, straight, count, row, &key, error));
    return key;
}

static int compare_keys(const pyr_text *a, const pyr_text *b) {
    return compare_bytes((const uint8_t *)pyr_text_get(a), a->length,
                         (const uint8_t *)pyr_text_get(b), b->length);
}

static pyr_status try_decode(const pyr_key_codec *codec, int32_t count, const uint8_t *key,
                             size_t size, pyr_array **arrays, pyr_error *fault) {
    pyr_builder *builders[COLUMNS_MAX] = {0};
    for (int32_t i = 0; i < count; ++i) {
        check_ok(pyr_builder_create(pyr_key_codec_field(codec, i), NULL, &builders[i], error));
    }
    pyr_status status = pyr_key_decode(codec, key, size, builders, fault);
    for (int32_t i = 0; i < count; ++i) {
        arrays[i] = NULL;
        if (status == PYR_OK) {
            check_ok(pyr_builder_finish(builders[i], &arrays[i], error));
        }
        pyr_builder_destroy(builders[i]);
    }
    return status;
}

/* The key decodes to the values of the row, as far as they print. */
static void assert_decodes(const pyr_key_codec *codec, const pyr_batch *batch, int64_t row,
                           const pyr_text *key) {
    pyr_array *arrays[COLUMNS_MAX];
    check_ok(try_decode(codec, batch->columns_count, (const uint8_t *)pyr_text_get(key),
                        key->length, arrays, error));
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        assert_valid(arrays[i]);
        const pyr_array *column = batch->columns[i];
        bool zero = column->field->type >= PYR_TYPE_FLOAT16 &&
                    column->field->type <= PYR_TYPE_FLOAT64 && !pyr_array_is_null(column, row) &&
                    pyr_array_double(column, row) == 0.0;
        if (zero) {
            assert_true(pyr_array_double(arrays[i], 0) == 0.0 &&
                        !signbit(pyr_array_double(arrays[i], 0)));
        } else {
            assert_rows_equal(column, row, arrays[i], 0, 1);
        }
        pyr_array_release(arrays[i]);
    }
}

/* ---- Tests. ---- */

static void keys_of_every_type_sort_as_their_values(void **state) {
    (void)state;
    enum { ROWS = 70 };
    for (int kind = 0; kind < KINDS + OPAQUE; ++kind) {
        for (int nulls = 0; nulls < 2; ++nulls) {
            if (kind == 0 && nulls == 0) {
                continue; /* of type null nothing else is there */
            }
            const char *what;
            pyr_field *field = kind_field(kind, "k", &what);
            pyr_array *column = values_of(field, ROWS, nulls == 1, what, (uint32_t)kind + 1);
            pyr_key_codec *codec =
                codec_of(&field, 1, nulls == 1 ? PYR_KEY_NULLS_LAST : PYR_KEY_NULLS_REFUSED);
            pyr_batch *batch = batch_of(&column, 1);
            pyr_text keys[ROWS];
            for (int64_t i = 0; i < ROWS; ++i) {
                keys[i] = key_of(codec, batch, 1, i);
                assert_decodes(codec, batch, i, &keys[i]);
            }
            for (int64_t i = 0; i < ROWS; ++i) {
                for (int64_t k = 0; k < ROWS; ++k) {
                    if (compare_keys(&keys[i], &keys[k]) !=
                        compare_values(batch->columns[0], i, k, what)) {
                        fail_msg("%s %s: rows %lld and %lld", pyr_type_name(field->type), what,
                                 (long long)i, (long long)k);
                    }
                }
            }
            for (int64_t i = 0; i < ROWS; ++i) {
                pyr_text_deinit(&keys[i]);
            }
            pyr_key_codec_release(codec);
            pyr_batch_release(batch);
            pyr_field_release(field);
        }
    }
}

/* Columns of random types from few values, so that most pairs are decided by a later column. */
static void composite_keys_sort_column_by_column(void **state) {
    (void)state;
    enum { ROWS = 60, ROUNDS = 60 };
    uint32_t seed = 2026;
    for (int round = 0; round < ROUNDS; ++round) {
        int32_t count = 2 + (int32_t)(next_random(&seed) % 3);
        pyr_field *fields[COLUMNS_MAX];
        pyr_array *columns[COLUMNS_MAX];
        const char *what[COLUMNS_MAX];
        for (int32_t i = 0; i < count; ++i) {
            fields[i] = kind_field((int)(next_random(&seed) % (KINDS + OPAQUE)), "k", &what[i]);
            /* Three values each. */
            pyr_array *few = values_of(fields[i], 3, true, what[i], seed + (uint32_t)i);
            int32_t indices[ROWS];
            for (int64_t k = 0; k < ROWS; ++k) {
                indices[k] = (int32_t)(next_random(&seed) % 4) - 1;
            }
            check_ok(pyr_array_take(few, indices, ROWS, PYR_COPY_GATHER, NULL, NULL, &columns[i],
                                    error));
            pyr_array_release(few);
        }
        pyr_key_codec *codec = codec_of(fields, count, PYR_KEY_NULLS_LAST);
        pyr_batch *batch = batch_of(columns, count);
        pyr_text keys[ROWS];
        for (int64_t i = 0; i < ROWS; ++i) {
            keys[i] = key_of(codec, batch, count, i);
            assert_decodes(codec, batch, i, &keys[i]);
        }
        for (int64_t i = 0; i < ROWS; ++i) {
            for (int64_t k = 0; k < ROWS; ++k) {
                int order = 0;
                for (int32_t c = 0; order == 0 && c < count; ++c) {
                    order = compare_values(batch->columns[c], i, k, what[c]);
                }
                assert_int_equal(compare_keys(&keys[i], &keys[k]), order);
            }
        }
        for (int64_t i = 0; i < ROWS; ++i) {
            pyr_text_deinit(&keys[i]);
        }
        pyr_key_codec_release(codec);
        pyr_batch_release(batch);
        for (int32_t i = 0; i < count; ++i) {
            pyr_field_release(fields[i]);
        }
    }
}

/* "a" + "b" is not "ab" + "", and a prefix of columns begins exactly the keys with these values. */
static void prefixes_of_columns_begin_the_keys_with_their_values(void **state) {
    (void)state;
    enum { ROWS = 80 };
    pyr_field *fields[2] = {sample_field(PYR_TYPE_UTF8, "a"), sample_field(PYR_TYPE_BINARY, "b")};
    pyr_array *columns[2] = {values_of(fields[0], ROWS, false, "", 5),
                             values_of(fields[1], ROWS, false, "", 6)};
    pyr_key_codec *codec = codec_of(fields, 2, PYR_KEY_NULLS_REFUSED);
    pyr_batch *batch = batch_of(columns, 2);
    for (int64_t i = 0; i < ROWS; ++i) {
        pyr_text prefix = key_of(codec, batch, 1, i), end = key_of(codec, batch, 1, i);
        assert_true(pyr_key_prefix_end(&end));
        for (int64_t k = 0; k < ROWS; ++k) {
            pyr_text key = key_of(codec, batch, 2, k);
            bool begins =
                key.length >= prefix.length && memcmp(key.data, prefix.data, prefix.length) == 0;
            assert_int_equal(begins, compare_values(batch->columns[0], i, k, "") == 0);
            bool between = compare_keys(&prefix, &key) <= 0 && compare_keys(&key, &end) < 0;
            assert_int_equal(between, begins);
            pyr_text_deinit(&key);
        }
        pyr_text_deinit(&prefix);
        pyr_text_deinit(&end);
    }
    pyr_key_codec_release(codec);
    pyr_batch_release(batch);
    pyr_field_release(fields[0]);
    pyr_field_release(fields[1]);
}

static void the_end_of_a_prefix_carries_and_may_not_exist(void **state) {
    (void)state;
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_append(&text, "\x01\xff\xff", 3);
    assert_true(pyr_key_prefix_end(&text));
    assert_int_equal(text.length, 1);
    assert_int_equal(text.data[0], 2);
    pyr_text_clear(&text);
    pyr_text_append(&text, "\xff\xff", 2);
    assert_false(pyr_key_prefix_end(&text));
    assert_int_equal(text.length, 0);
    assert_false(pyr_key_prefix_end(&text));
    pyr_text_deinit(&text);
}

static void dictionaries_and_runs_have_the_keys_of_their_values(void **state) {
    (void)state;
    static const int kinds[] = {PYR_TYPE_DICTIONARY, PYR_TYPE_RUN_END_ENCODED,
                                SAMPLE_RUNS_OF_DICTIONARY};
    for (size_t i = 0; i < 3; ++i) {
        pyr_array *column = sample_array(kinds[i], 30, 3, true), *slice = slice_of(column, 4, 20);
        pyr_field *field = slice->field;
        pyr_key_codec *codec = codec_of(&field, 1, PYR_KEY_NULLS_LAST);
        assert_int_equal(pyr_key_codec_field(codec, 0)->type, PYR_TYPE_UTF8);
        pyr_batch *batch = batch_of(&slice, 1);
        for (int64_t row = 0; row < 20; ++row) {
            pyr_text key = key_of(codec, batch, 1, row);
            assert_decodes(codec, batch, row, &key);
            pyr_text_deinit(&key);
        }
        pyr_key_codec_release(codec);
        pyr_batch_release(batch);
        pyr_array_release(column);
    }
}

static void bytes_are_those_of_the_documentation(void **state) {
    (void)state;
    static const uint8_t expected[] = {0x01, 0x7f, 0xff, 0xff, 0xfe, 0x01, 'a',  0x00, 0xff,
                                       'b',  0x00, 0x00, 0x02, 0x01, 0xc0, 0x08, 0x00, 0x00};
    pyr_field *fields[4] = {sample_field(PYR_TYPE_INT32, "a"), sample_field(PYR_TYPE_UTF8, "b"),
                            sample_field(PYR_TYPE_DATE32, "c"),
                            sample_field(PYR_TYPE_FLOAT32, "d")};
    pyr_array *columns[4];
    for (int32_t i = 0; i < 4; ++i) {
        pyr_builder *builder = NULL;
        check_ok(pyr_builder_create(fields[i], NULL, &builder, error));
        check_ok(i == 0   ? pyr_builder_int64(builder, -2, error)
                 : i == 1 ? pyr_builder_bytes(builder, "a\0b", 3, error)
                 : i == 2 ? pyr_builder_null(builder, error)
                          : pyr_builder_double(builder, 2.125, error));
        check_ok(pyr_builder_finish(builder, &columns[i], error));
        pyr_builder_destroy(builder);
    }
    pyr_key_codec *codec = codec_of(fields, 4, PYR_KEY_NULLS_LAST);
    pyr_batch *batch = batch_of(columns, 4);
    pyr_text key = key_of(codec, batch, 4, 0);
    assert_int_equal(key.length, sizeof(expected));
    assert_memory_equal(key.data, expected, sizeof(expected));
    pyr_text_deinit(&key);
    pyr_key_codec_release(codec);
    pyr_batch_release(batch);
    for (int32_t i = 0; i < 4; ++i) {
        pyr_field_release(fields[i]);
    }
}

static void types_without_an_order_are_refused_by_name(void **state) {
    (void)state;
    static const int kinds[] = {PYR_TYPE_INTERVAL_DAY_TIME,
                                PYR_TYPE_INTERVAL_MONTH_DAY_NANO,
                                PYR_TYPE_LIST,
                                PYR_TYPE_LARGE_LIST,
                                PYR_TYPE_LIST_VIEW,
                                PYR_TYPE_LARGE_LIST_VIEW,
                                PYR_TYPE_FIXED_SIZE_LIST,
                                PYR_TYPE_STRUCT,
                                PYR_TYPE_MAP,
                                PYR_TYPE_SPARSE_UNION,
                                PYR_TYPE_DENSE_UNION,
                                SAMPLE_DICTIONARY_OF_STRUCTS};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); ++i) {
        pyr_field *fields[2] = {sample_field(PYR_TYPE_INT8, "fine"), sample_field(kinds[i], "odd")};
        pyr_key_codec *codec = NULL;
        pyr_error fault;
        assert_int_equal(pyr_key_codec_create(fields, 2, PYR_KEY_NULLS_LAST, &codec, &fault),
                         PYR_ERROR_NOT_SUPPORTED);
        assert_null(codec);
        assert_non_null(strstr(fault.message, "column \"odd\""));
        pyr_field_release(fields[0]);
        pyr_field_release(fields[1]);
    }
}

static void nulls_of_a_primary_key_and_other_types_are_refused(void **state) {
    (void)state;
    pyr_field *fields[2] = {sample_field(PYR_TYPE_INT32, "id"), sample_field(PYR_TYPE_UTF8, "s")};
    pyr_array *columns[2] = {sample_array(PYR_TYPE_INT32, 1, 1, false), NULL};
    check_ok(pyr_array_create_null(fields[1], 1, NULL, &columns[1], error));
    pyr_key_codec *codec = codec_of(fields, 2, PYR_KEY_NULLS_REFUSED);
    pyr_batch *batch = batch_of(columns, 2);
    pyr_text key;
    pyr_error fault;
    pyr_text_init(&key);
    pyr_text_add(&key, "before");
    assert_int_equal(pyr_key_encode(codec, batch, straight, 2, 0, &key, &fault),
                     PYR_ERROR_CONSTRAINT);
    assert_string_equal(fault.sqlstate, "23502");
    assert_non_null(strstr(fault.message, "\"s\""));
    assert_string_equal(pyr_text_get(&key), "before");
    static const int32_t crossed[2] = {1, 0};
    assert_int_equal(pyr_key_encode(codec, batch, crossed, 1, 0, &key, &fault),
                     PYR_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.message, "\"id\""));
    assert_string_equal(pyr_text_get(&key), "before");
    pyr_text_deinit(&key);
    pyr_key_codec_release(codec);
    pyr_batch_release(batch);
    pyr_field_release(fields[0]);
    pyr_field_release(fields[1]);
}

/* A key has one form: bytes that decode encode to the same bytes; all others are refused. */
static void hostile_keys_are_refused_or_their_own_encoding(void **state) {
    (void)state;
    int64_t refused = 0, taken = 0;
    for (int kind = 0; kind < KINDS + OPAQUE; ++kind) {
        const char *what, *other;
        pyr_field *fields[2] = {kind_field(kind, "k", &what), kind_field(13, "s", &other)};
        pyr_array *columns[2] = {values_of(fields[0], 12, true, what, 77),
                                 values_of(fields[1], 12, true, "", 78)};
        pyr_key_codec *codec = codec_of(fields, 2, PYR_KEY_NULLS_LAST);
        pyr_batch *batch = batch_of(columns, 2);
        pyr_error fault;
        for (int64_t row = 0; row < 12; ++row) {
            pyr_text key = key_of(codec, batch, 2, row);
            pyr_array *arrays[2];
            for (size_t bit = 0; bit < key.length * 8; ++bit) {
                uint8_t *exact = malloc(key.length);
                memcpy(exact, key.data, key.length);
                exact[bit / 8] = (uint8_t)(exact[bit / 8] ^ (1u << (bit % 8)));
                pyr_status status = try_decode(codec, 2, exact, key.length, arrays, &fault);
                if (status == PYR_OK) {
                    pyr_batch *again = batch_of(arrays, 2);
                    pyr_text same = key_of(codec, again, 2, 0);
                    assert_int_equal(same.length, key.length);
                    assert_memory_equal(same.data, exact, key.length);
                    pyr_text_deinit(&same);
                    pyr_batch_release(again);
                } else {
                    assert_int_equal(status, PYR_ERROR_CORRUPT);
                }
                refused += status != PYR_OK;
                taken += status == PYR_OK;
                free(exact);
            }
            for (size_t size = 0; size < key.length; ++size) {
                uint8_t *exact = malloc(size + 1);
                memcpy(exact, key.data, size);
                assert_int_equal(try_decode(codec, 2, exact, size, arrays, &fault),
                                 PYR_ERROR_CORRUPT);
                free(exact);
            }
            pyr_text_add_char(&key, 'x');
            assert_int_equal(
                try_decode(codec, 2, (const uint8_t *)key.data, key.length, arrays, &fault),
                PYR_ERROR_CORRUPT);
            pyr_text_deinit(&key);
        }
        pyr_key_codec_release(codec);
        pyr_batch_release(batch);
        pyr_field_release(fields[0]);
        pyr_field_release(fields[1]);
    }
    assert_true(refused > 100 && taken > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_every_type_sort_as_their_values),
        cmocka_unit_test(composite_keys_sort_column_by_column),
        cmocka_unit_test(prefixes_of_columns_begin_the_keys_with_their_values),
        cmocka_unit_test(the_end_of_a_prefix_carries_and_may_not_exist),
        cmocka_unit_test(dictionaries_and_runs_have_the_keys_of_their_values),
        cmocka_unit_test(bytes_are_those_of_the_documentation),
        cmocka_unit_test(types_without_an_order_are_refused_by_name),
        cmocka_unit_test(nulls_of_a_primary_key_and_other_types_are_refused),
        cmocka_unit_test(hostile_keys_are_refused_or_their_own_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
