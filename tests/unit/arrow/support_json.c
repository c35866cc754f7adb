/* support_json.c - see support_json.h. */
#include "unit/arrow/support_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void must(pyr_status status, const pyr_error *error) {
    if (status != PYR_OK) {
        fail_msg("%s", error->message);
    }
}

/* ---- JSON values ---- */

static json_t *get(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        fail_msg("JSON: no key %s", key);
    }
    return value;
}

static const char *get_string(json_t *object, const char *key) {
    json_t *value = get(object, key);
    assert_true(json_is_string(value));
    return json_string_value(value);
}

/* 64-bit numbers stand as strings, uint64 beyond INT64_MAX too: the bits are returned. */
static int64_t to_int64(json_t *value) {
    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    if (json_is_boolean(value)) {
        return json_is_true(value);
    }
    assert_true(json_is_string(value));
    const char *text = json_string_value(value);
    char *end;
    errno = 0;
    int64_t number = text[0] == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
    assert_int_equal(errno, 0);
    assert_int_equal(*end, 0);
    return number;
}

static int64_t get_int(json_t *object, const char *key, int64_t otherwise) {
    json_t *value = json_object_get(object, key);
    return value == NULL ? otherwise : to_int64(value);
}

static uint8_t hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0');
    }
    assert_true((c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'));
    return (uint8_t)((c | 32) - 'a' + 10);
}

/* The bytes of a string or, for binary types, of its hexadecimal form; the caller frees. */
static uint8_t *to_bytes(json_t *value, bool hex, size_t *size_bytes) {
    assert_true(json_is_string(value));
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    uint8_t *bytes = malloc(length + 1);
    assert_non_null(bytes);
    if (!hex) {
        memcpy(bytes, text, length);
        *size_bytes = length;
        return bytes;
    }
    assert_int_equal(length % 2, 0);
    for (size_t i = 0; i < length / 2; ++i) {
        bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    }
    *size_bytes = length / 2;
    return bytes;
}

/* ---- Schema ---- */

static pyr_metadata *read_metadata(json_t *pairs) {
    pyr_error error;
    pyr_metadata *metadata = NULL;
    size_t index;
    json_t *pair;
    if (pairs == NULL || json_array_size(pairs) == 0) {
        return NULL;
    }
    must(pyr_metadata_create(&metadata, &error), &error);
    json_array_foreach(pairs, index, pair) {
        json_t *key = get(pair, "key"), *value = get(pair, "value");
        must(pyr_metadata_add(metadata, json_string_value(key), json_string_length(key),
                              json_string_value(value), json_string_length(value), &error),
             &error);
    }
    return metadata;
}

static pyr_time_unit unit_of(json_t *type) {
    static const char *const names[] = {"SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"};
    const char *unit = get_string(type, "unit");
    for (int i = 0; i < 4; ++i) {
        if (strcmp(unit, names[i]) == 0) {
            return (pyr_time_unit)i;
        }
    }
    fail_msg("unit %s", unit);
    return PYR_UNIT_SECOND;
}

static pyr_type_id int_id(json_t *type) {
    int64_t bits = get_int(type, "bitWidth", 0);
    bool is_signed = json_is_true(get(type, "isSigned"));
    int step = bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3;
    return (pyr_type_id)((is_signed ? PYR_TYPE_INT8 : PYR_TYPE_UINT8) + step);
}

static const struct {
    const char *name;
    pyr_type_id id;
} simple_types[] = {
    {"null", PYR_TYPE_NULL},
    {"bool", PYR_TYPE_BOOL},
    {"utf8", PYR_TYPE_UTF8},
    {"largeutf8", PYR_TYPE_LARGE_UTF8},
    {"utf8view", PYR_TYPE_UTF8_VIEW},
    {"binary", PYR_TYPE_BINARY},
    {"largebinary", PYR_TYPE_LARGE_BINARY},
    {"binaryview", PYR_TYPE_BINARY_VIEW},
    {"list", PYR_TYPE_LIST},
    {"largelist", PYR_TYPE_LARGE_LIST},
    {"listview", PYR_TYPE_LIST_VIEW},
    {"largelistview", PYR_TYPE_LARGE_LIST_VIEW},
    {"struct", PYR_TYPE_STRUCT},
    {"map", PYR_TYPE_MAP},
    {"fixedsizelist", PYR_TYPE_FIXED_SIZE_LIST},
    {"runendencoded", PYR_TYPE_RUN_END_ENCODED},
};

static pyr_field *make_other(const char *name, json_t *type, pyr_field **children,
                             int32_t children_count) {
    const char *kind = get_string(type, "name");
    pyr_field *field = NULL;
    pyr_error error;
    pyr_status status = PYR_OK;
    if (strcmp(kind, "int") == 0) {
        status = pyr_field_create(name, int_id(type), &field, &error);
    } else if (strcmp(kind, "floatingpoint") == 0) {
        const char *precision = get_string(type, "precision");
        pyr_type_id id = precision[0] == 'H'   ? PYR_TYPE_FLOAT16
                         : precision[0] == 'S' ? PYR_TYPE_FLOAT32
                                               : PYR_TYPE_FLOAT64;
        status = pyr_field_create(name, id, &field, &error);
    } else if (strcmp(kind, "decimal") == 0) {
        int64_t bits = get_int(type, "bitWidth", 128);
        pyr_type_id id = bits == 32    ? PYR_TYPE_DECIMAL32
                         : bits == 64  ? PYR_TYPE_DECIMAL64
                         : bits == 128 ? PYR_TYPE_DECIMAL128
                                       : PYR_TYPE_DECIMAL256;
        status = pyr_field_create_decimal(name, id, (int32_t)get_int(type, "precision", 0),
                                          (int32_t)get_int(type, "scale", 0), &field, &error);
    } else if (strcmp(kind, "fixedsizebinary") == 0) {
        status = pyr_field_create_fixed_size_binary(name, (int32_t)get_int(type, "byteWidth", 0),
                                                    &field, &error);
    } else if (strcmp(kind, "date") == 0) {
        bool days = strcmp(get_string(type, "unit"), "DAY") == 0;
        status = pyr_field_create(name, days ? PYR_TYPE_DATE32 : PYR_TYPE_DATE64, &field, &error);
    } else if (strcmp(kind, "time") == 0) {
        pyr_type_id id = get_int(type, "bitWidth", 0) == 32 ? PYR_TYPE_TIME32 : PYR_TYPE_TIME64;
        status = pyr_field_create_time(name, id, unit_of(type), NULL, &field, &error);
    } else if (strcmp(kind, "timestamp") == 0) {
        status = pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, unit_of(type),
                                       json_string_value(json_object_get(type, "timezone")), &field,
                                       &error);
    } else if (strcmp(kind, "duration") == 0) {
        status =
            pyr_field_create_time(name, PYR_TYPE_DURATION, unit_of(type), NULL, &field, &error);
    } else if (strcmp(kind, "interval") == 0) {
        const char *unit = get_string(type, "unit");
        pyr_type_id id = unit[0] == 'Y'   ? PYR_TYPE_INTERVAL_YEAR_MONTH
                         : unit[0] == 'D' ? PYR_TYPE_INTERVAL_DAY_TIME
                                          : PYR_TYPE_INTERVAL_MONTH_DAY_NANO;
        status = pyr_field_create(name, id, &field, &error);
    } else if (strcmp(kind, "union") == 0) {
        int8_t codes[128] = {0};
        json_t *ids = get(type, "typeIds");
        assert_int_equal(json_array_size(ids), children_count);
        for (int32_t i = 0; i < children_count; ++i) {
            codes[i] = (int8_t)to_int64(json_array_get(ids, (size_t)i));
        }
        pyr_type_id id = strcmp(get_string(type, "mode"), "SPARSE") == 0 ? PYR_TYPE_SPARSE_UNION
                                                                         : PYR_TYPE_DENSE_UNION;
        status = pyr_field_create_union(name, id, codes, children, children_count, &field, &error);
    } else {
        fail_msg("JSON: type %s", kind);
    }
    must(status, &error);
    return field;
}

static pyr_field *make_type(const char *name, json_t *type, pyr_field **children,
                            int32_t children_count) {
    const char *kind = get_string(type, "name");
    pyr_field *field = NULL;
    pyr_error error;
    for (size_t i = 0; i < sizeof simple_types / sizeof simple_types[0]; ++i) {
        if (strcmp(kind, simple_types[i].name) != 0) {
            continue;
        }
        pyr_type_id id = simple_types[i].id;
        if (children_count == 0 && id != PYR_TYPE_STRUCT) {
            must(pyr_field_create(name, id, &field, &error), &error);
            return field;
        }
        int32_t parameter = id == PYR_TYPE_MAP ? json_is_true(get(type, "keysSorted"))
                                               : (int32_t)get_int(type, "listSize", 0);
        must(pyr_field_create_nested(name, id, parameter, children, children_count, &field, &error),
             &error);
        return field;
    }
    return make_other(name, type, children, children_count);
}

static pyr_field *read_field(json_t *json) {
    pyr_error error;
    const char *name = json_string_value(json_object_get(json, "name"));
    name = name == NULL ? "" : name;
    json_t *list = json_object_get(json, "children");
    size_t count = list == NULL ? 0 : json_array_size(list);
    pyr_field **children = calloc(count + 1, sizeof *children);
    assert_non_null(children);
    for (size_t i = 0; i < count; ++i) {
        children[i] = read_field(json_array_get(list, i));
    }
    json_t *dictionary = json_object_get(json, "dictionary");
    pyr_field *field =
        make_type(dictionary != NULL ? "" : name, get(json, "type"), children, (int32_t)count);
    if (dictionary != NULL) {
        pyr_field *encoded;
        must(pyr_field_create_dictionary(name, int_id(get(dictionary, "indexType")),
                                         json_is_true(get(dictionary, "isOrdered")), field,
                                         &encoded, &error),
             &error);
        pyr_field_release(field);
        field = encoded;
    }
    field->nullable = json_is_true(get(json, "nullable"));
    field->metadata = read_metadata(json_object_get(json, "metadata"));
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    free(children);
    return field;
}

/* ---- Arrays ---- */

static pyr_buffer *new_buffer(size_t size_bytes) {
    pyr_error error;
    pyr_buffer *buffer;
    must(pyr_buffer_create(size_bytes, NULL, &buffer, &error), &error);
    return buffer;
}

static pyr_buffer *read_bits(json_t *list, size_t count, int64_t *zeros) {
    pyr_buffer *buffer = new_buffer((size_t)pyr_bits_size_bytes((int64_t)count));
    *zeros = 0;
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; ++i) {
        bool one = to_int64(json_array_get(list, i)) != 0;
        pyr_bit_put(pyr_buffer_mutable(buffer), (int64_t)i, one);
        *zeros += !one;
    }
    return buffer;
}

static pyr_buffer *read_numbers(json_t *list, size_t count, size_t width) {
    pyr_buffer *buffer = new_buffer(count * width);
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; ++i) {
        int64_t number = to_int64(json_array_get(list, i));
        memcpy(pyr_buffer_mutable(buffer) + i * width, &number, width);
    }
    return buffer;
}

/* Two's complement of a decimal number of any length. */
static void put_decimal(uint8_t *to, size_t width, json_t *value) {
    const char *text = json_string_value(value);
    assert_non_null(text);
    bool negative = *text == '-';
    memset(to, 0, width);
    for (const char *c = text + negative; *c != 0; ++c) {
        unsigned carry = (unsigned)(*c - '0');
        for (size_t i = 0; i < width; ++i) {
            carry += to[i] * 10u;
            to[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    unsigned carry = 1;
    for (size_t i = 0; negative && i < width; ++i) {
        carry += (uint8_t)~to[i];
        to[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void put_fixed(const pyr_field *field, uint8_t *to, size_t width, json_t *value) {
    if (field->type == PYR_TYPE_FLOAT32) {
        float number = (float)json_number_value(value);
        memcpy(to, &number, 4);
    } else if (field->type == PYR_TYPE_FLOAT64) {
        double number = json_number_value(value);
        memcpy(to, &number, 8);
    } else if (field->type >= PYR_TYPE_DECIMAL32 && field->type <= PYR_TYPE_DECIMAL256) {
        put_decimal(to, width, value);
    } else if (field->type == PYR_TYPE_FIXED_SIZE_BINARY) {
        size_t size_bytes;
        uint8_t *bytes = to_bytes(value, true, &size_bytes);
        assert_int_equal(size_bytes, width);
        memcpy(to, bytes, width);
        free(bytes);
    } else if (field->type == PYR_TYPE_INTERVAL_DAY_TIME) {
        int32_t parts[2] = {(int32_t)get_int(value, "days", 0),
                            (int32_t)get_int(value, "milliseconds", 0)};
        memcpy(to, parts, 8);
    } else if (field->type == PYR_TYPE_INTERVAL_MONTH_DAY_NANO) {
        int32_t parts[2] = {(int32_t)get_int(value, "months", 0),
                            (int32_t)get_int(value, "days", 0)};
        int64_t nanoseconds = get_int(value, "nanoseconds", 0);
        memcpy(to, parts, 8);
        memcpy(to + 8, &nanoseconds, 8);
    } else {
        assert_int_not_equal(field->type, PYR_TYPE_FLOAT16);
        int64_t number = to_int64(value);
        memcpy(to, &number, width);
    }
}

static pyr_buffer *read_fixed(const pyr_field *field, json_t *list, size_t count) {
    int64_t ignored;
    if (field->type == PYR_TYPE_BOOL) {
        return read_bits(list, count, &ignored);
    }
    size_t width = (size_t)pyr_type_bit_width(field) / 8;
    pyr_buffer *buffer = new_buffer(count * width);
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; ++i) {
        put_fixed(field, pyr_buffer_mutable(buffer) + i * width, width, json_array_get(list, i));
    }
    return buffer;
}

/* DATA of a binary column, one after the other. Values under nulls are there too. */
static pyr_buffer *read_values(json_t *list, bool hex) {
    size_t total = 0, index;
    json_t *value;
    json_array_foreach(list, index, value) {
        total += json_string_length(value) / (hex ? 2 : 1);
    }
    pyr_buffer *buffer = new_buffer(total);
    total = 0;
    json_array_foreach(list, index, value) {
        size_t size_bytes;
        uint8_t *bytes = to_bytes(value, hex, &size_bytes);
        if (size_bytes > 0) {
            memcpy(pyr_buffer_mutable(buffer) + total, bytes, size_bytes);
        }
        total += size_bytes;
        free(bytes);
    }
    return buffer;
}

static void put_view(uint8_t *to, json_t *view, bool hex) {
    int32_t size = (int32_t)get_int(view, "SIZE", 0);
    size_t size_bytes;
    memcpy(to, &size, 4);
    if (size <= 12) {
        uint8_t *bytes = to_bytes(get(view, "INLINED"), hex, &size_bytes);
        assert_int_equal(size_bytes, size);
        memcpy(to + 4, bytes, size_bytes);
        free(bytes);
        return;
    }
    uint8_t *prefix = to_bytes(get(view, "PREFIX_HEX"), true, &size_bytes);
    assert_int_equal(size_bytes, 4);
    int32_t place[2] = {(int32_t)get_int(view, "BUFFER_INDEX", 0),
                        (int32_t)get_int(view, "OFFSET", 0)};
    memcpy(to + 4, prefix, 4);
    memcpy(to + 8, place, 8);
    free(prefix);
}

static int32_t read_views(const pyr_field *field, json_t *column, size_t count,
                          pyr_buffer **buffers) {
    json_t *views = get(column, "VIEWS");
    json_t *data = get(column, "VARIADIC_DATA_BUFFERS");
    buffers[1] = new_buffer(count * 16);
    for (size_t i = 0; i < count; ++i) {
        put_view(pyr_buffer_mutable(buffers[1]) + 16 * i, json_array_get(views, i),
                 field->type == PYR_TYPE_BINARY_VIEW);
    }
    assert_true(json_array_size(data) < 60);
    for (size_t i = 0; i < json_array_size(data); ++i) {
        size_t size_bytes;
        uint8_t *bytes = to_bytes(json_array_get(data, i), true, &size_bytes);
        buffers[2 + i] = new_buffer(size_bytes);
        memcpy(pyr_buffer_mutable(buffers[2 + i]), bytes, size_bytes);
        free(bytes);
    }
    return 2 + (int32_t)json_array_size(data);
}

static pyr_array *read_array(pyr_field *field, json_t *column, json_t *dictionaries,
                             json_t *json_field);

static pyr_array *read_dictionary(pyr_field *field, json_t *dictionaries, json_t *json_field) {
    int64_t id = get_int(get(json_field, "dictionary"), "id", 0);
    size_t index;
    json_t *dictionary;
    json_array_foreach(dictionaries, index, dictionary) {
        if (get_int(dictionary, "id", -1) == id) {
            json_t *column = json_array_get(get(get(dictionary, "data"), "columns"), 0);
            return read_array(field->dictionary, column, dictionaries, json_field);
        }
    }
    fail_msg("JSON: dictionary %lld", (long long)id);
    return NULL;
}

static int32_t read_buffers(const pyr_field *field, json_t *column, size_t count,
                            pyr_buffer **buffers, int64_t *nulls) {
    pyr_layout layout = pyr_type_layout(field->type);
    bool hex = field->type == PYR_TYPE_BINARY || field->type == PYR_TYPE_LARGE_BINARY;
    for (int32_t i = 0; i < layout.buffers_count; ++i) {
        switch (layout.buffers[i]) {
        case PYR_BUFFER_VALIDITY:
            buffers[i] = read_bits(get(column, "VALIDITY"), count, nulls);
            break;
        case PYR_BUFFER_DATA:
            buffers[i] = read_fixed(field, get(column, "DATA"), count);
            break;
        case PYR_BUFFER_OFFSETS32:
        case PYR_BUFFER_OFFSETS64: {
            /* Older files leave the only offset of an empty column out. */
            json_t *offsets = get(column, "OFFSET");
            size_t width = layout.buffers[i] == PYR_BUFFER_OFFSETS32 ? 4 : 8;
            buffers[i] = json_array_size(offsets) == 0 ? new_buffer(width)
                                                       : read_numbers(offsets, count + 1, width);
            break;
        }
        case PYR_BUFFER_BYTES:
            buffers[i] = read_values(get(column, "DATA"), hex);
            break;
        case PYR_BUFFER_TYPE_CODES:
            buffers[i] = read_numbers(get(column, "TYPE_ID"), count, 1);
            break;
        case PYR_BUFFER_UNION_OFFSETS:
        case PYR_BUFFER_LIST_OFFSETS32:
            buffers[i] = read_numbers(get(column, "OFFSET"), count, 4);
            break;
        case PYR_BUFFER_LIST_OFFSETS64:
            buffers[i] = read_numbers(get(column, "OFFSET"), count, 8);
            break;
        case PYR_BUFFER_SIZES32:
            buffers[i] = read_numbers(get(column, "SIZE"), count, 4);
            break;
        case PYR_BUFFER_SIZES64:
            buffers[i] = read_numbers(get(column, "SIZE"), count, 8);
            break;
        case PYR_BUFFER_VIEWS:
            return read_views(field, column, count, buffers);
        }
    }
    return layout.buffers_count;
}

static pyr_array *read_array(pyr_field *field, json_t *column, json_t *dictionaries,
                             json_t *json_field) {
    pyr_error error;
    pyr_buffer *buffers[64] = {NULL};
    pyr_array *children[64] = {NULL};
    pyr_array *dictionary = NULL;
    pyr_array *array;
    size_t count = (size_t)get_int(column, "count", 0);
    int64_t nulls = field->type == PYR_TYPE_NULL ? (int64_t)count : 0;
    int32_t buffers_count = read_buffers(field, column, count, buffers, &nulls);
    assert_true(field->children_count < 64);
    for (int32_t i = 0; i < field->children_count; ++i) {
        children[i] =
            read_array(field->children[i], json_array_get(get(column, "children"), (size_t)i),
                       dictionaries, json_array_get(get(json_field, "children"), (size_t)i));
    }
    if (field->type == PYR_TYPE_DICTIONARY) {
        dictionary = read_dictionary(field, dictionaries, json_field);
    }
    must(pyr_array_create(field, (int64_t)count, 0, nulls, buffers, buffers_count, children,
                          field->children_count, dictionary, &array, &error),
         &error);
    for (int i = 0; i < 64; ++i) {
        pyr_buffer_release(buffers[i]);
        pyr_array_release(children[i]);
    }
    pyr_array_release(dictionary);
    return array;
}

/* ---- Tables ---- */

static json_t *load_gzipped(const char *path) {
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    char *text = NULL;
    size_t length = 0, capacity = 0;
    for (;;) {
        if (capacity - length < 65536) {
            capacity = capacity * 2 + 131072;
            text = realloc(text, capacity);
            assert_non_null(text);
        }
        int got = gzread(file, text + length, 65536);
        assert_true(got >= 0);
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    gzclose(file);
    json_error_t error;
    json_t *root = json_loadb(text, length, JSON_ALLOW_NUL, &error);
    free(text);
    if (root == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return root;
}

static pyr_batch *read_batch(const json_table *table, json_t *root, json_t *json) {
    pyr_error error;
    json_t *fields = get(get(root, "schema"), "fields");
    int32_t count = table->schema->fields_count;
    pyr_array **columns = calloc((size_t)count + 1, sizeof *columns);
    assert_non_null(columns);
    for (int32_t i = 0; i < count; ++i) {
        columns[i] =
            read_array(table->schema->fields[i], json_array_get(get(json, "columns"), (size_t)i),
                       json_object_get(root, "dictionaries"), json_array_get(fields, (size_t)i));
    }
    pyr_batch *batch;
    must(pyr_batch_create(table->schema, get_int(json, "count", 0), columns, count, NULL, &batch,
                          &error),
         &error);
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    return batch;
}

void json_table_load(const char *path, json_table *out) {
    pyr_error error;
    memset(out, 0, sizeof *out);
    json_t *root = load_gzipped(path);
    json_t *schema = get(root, "schema");
    json_t *list = get(schema, "fields");
    size_t count = json_array_size(list);
    pyr_field **fields = calloc(count + 1, sizeof *fields);
    assert_non_null(fields);
    for (size_t i = 0; i < count; ++i) {
        fields[i] = read_field(json_array_get(list, i));
    }
    pyr_metadata *metadata = read_metadata(json_object_get(schema, "metadata"));
    must(pyr_schema_create(fields, (int32_t)count, metadata, &out->schema, &error), &error);
    pyr_metadata_release(metadata);
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    json_t *batches = get(root, "batches");
    out->batches_count = json_array_size(batches);
    out->batches = calloc(out->batches_count + 1, sizeof *out->batches);
    assert_non_null(out->batches);
    for (size_t i = 0; i < out->batches_count; ++i) {
        out->batches[i] = read_batch(out, root, json_array_get(batches, i));
    }
    json_decref(root);
}

void json_table_deinit(json_table *table) {
    for (size_t i = 0; i < table->batches_count; ++i) {
        pyr_batch_release(table->batches[i]);
    }
    free(table->batches);
    pyr_schema_release(table->schema);
    memset(table, 0, sizeof *table);
}
