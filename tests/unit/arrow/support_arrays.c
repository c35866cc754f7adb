/* support_arrays.c - see support_arrays.h. */
#include "support_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fields. ---- */

static pyr_field *plain(const char *name, pyr_type_id type) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create(name, type, &field, error));
    return field;
}

static pyr_field *nested(const char *name, pyr_type_id type, int32_t parameter,
                         pyr_field **children, int32_t count) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_nested(name, type, parameter, children, count, &field, error));
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    return field;
}

static pyr_field *one_child(const char *name, pyr_type_id type, int32_t parameter,
                            pyr_field *child) {
    return nested(name, type, parameter, &child, 1);
}

static pyr_field *not_null(pyr_field *field) {
    field->nullable = false; /* not shared yet */
    return field;
}

static pyr_field *time_field(const char *name, pyr_type_id type, pyr_time_unit unit) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_time(name, type, unit, type == PYR_TYPE_TIMESTAMP ? "UTC" : NULL,
                                   &field, error));
    return field;
}

static pyr_field *decimal_field(const char *name, pyr_type_id type) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_decimal(name, type, 9, 2, &field, error));
    return field;
}

static pyr_field *map_field(const char *name, pyr_field *value) {
    pyr_field *pair[2] = {not_null(plain("key", PYR_TYPE_UTF8)), value};
    return one_child(name, PYR_TYPE_MAP, 0,
                     not_null(nested("entries", PYR_TYPE_STRUCT, 0, pair, 2)));
}

static pyr_field *union_field(const char *name, pyr_type_id type) {
    static const int8_t codes[3] = {5, 0, 7}; /* not the ordinals */
    pyr_field *children[3] = {plain("i", PYR_TYPE_INT32), plain("s", PYR_TYPE_UTF8),
                              one_child("l", PYR_TYPE_LIST, 0, plain("item", PYR_TYPE_FLOAT64))};
    pyr_field *field = NULL;
    check_ok(pyr_field_create_union(name, type, codes, children, 3, &field, error));
    for (int32_t i = 0; i < 3; ++i) {
        pyr_field_release(children[i]);
    }
    return field;
}

static pyr_field *dictionary_field(const char *name, pyr_field *values) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_dictionary(name, PYR_TYPE_INT16, false, values, &field, error));
    pyr_field_release(values);
    return field;
}

static pyr_field *runs_field(const char *name, pyr_field *values) {
    pyr_field *pair[2] = {not_null(plain("run_ends", PYR_TYPE_INT32)), values};
    return nested(name, PYR_TYPE_RUN_END_ENCODED, 0, pair, 2);
}

static pyr_field *struct_of(const char *name, pyr_field *a, pyr_field *b) {
    pyr_field *pair[2] = {a, b};
    return nested(name, PYR_TYPE_STRUCT, 0, pair, 2);
}

static pyr_field *nested_field(const char *name) {
    pyr_field *inner =
        struct_of("item", plain("u", PYR_TYPE_UTF8_VIEW),
                  one_child("v", PYR_TYPE_LIST_VIEW, 0, plain("item", PYR_TYPE_UINT8)));
    pyr_field *children[4] = {
        one_child("list", PYR_TYPE_LIST, 0, inner),
        map_field("map",
                  one_child("value", PYR_TYPE_FIXED_SIZE_LIST, 2, plain("item", PYR_TYPE_BOOL))),
        union_field("union", PYR_TYPE_DENSE_UNION),
        one_child("large", PYR_TYPE_LARGE_LIST, 0, union_field("item", PYR_TYPE_SPARSE_UNION)),
    };
    return nested(name, PYR_TYPE_STRUCT, 0, children, 4);
}

pyr_field *sample_field(int kind, const char *name) {
    pyr_field *field = NULL;
    switch (kind) {
    case PYR_TYPE_FIXED_SIZE_BINARY:
        check_ok(pyr_field_create_fixed_size_binary(name, 5, &field, error));
        return field;
    case PYR_TYPE_TIME32:
        return time_field(name, PYR_TYPE_TIME32, PYR_UNIT_MILLISECOND);
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
        return time_field(name, (pyr_type_id)kind, PYR_UNIT_MICROSECOND);
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return decimal_field(name, (pyr_type_id)kind);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
        return one_child(name, (pyr_type_id)kind, 0, plain("item", PYR_TYPE_UTF8));
    case PYR_TYPE_FIXED_SIZE_LIST:
        return one_child(name, PYR_TYPE_FIXED_SIZE_LIST, 3, plain("item", PYR_TYPE_INT16));
    case PYR_TYPE_STRUCT:
        return struct_of(name, plain("a", PYR_TYPE_INT32), plain("b", PYR_TYPE_LARGE_UTF8));
    case PYR_TYPE_MAP:
        return map_field(name, plain("value", PYR_TYPE_INT64));
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        return union_field(name, (pyr_type_id)kind);
    case PYR_TYPE_DICTIONARY:
        return dictionary_field(name, plain("", PYR_TYPE_UTF8));
    case PYR_TYPE_RUN_END_ENCODED:
        return runs_field(name, plain("values", PYR_TYPE_UTF8));
    case SAMPLE_NESTED:
        return nested_field(name);
    case SAMPLE_ENCODED_INSIDE:
        return struct_of(name, sample_field(PYR_TYPE_DICTIONARY, "d"),
                         sample_field(PYR_TYPE_RUN_END_ENCODED, "r"));
    case SAMPLE_DICTIONARY_OF_STRUCTS:
        return dictionary_field(name, sample_field(PYR_TYPE_STRUCT, ""));
    case SAMPLE_RUNS_OF_DICTIONARY:
        return runs_field(name, sample_field(PYR_TYPE_DICTIONARY, "values"));
    default:
        return plain(name, (pyr_type_id)kind);
    }
}

const char *sample_name(int kind) {
    static const char *const names[] = {"nested", "encoded inside", "dictionary of structs",
                                        "runs of dictionary"};
    return kind < PYR_TYPES_COUNT ? pyr_type_name((pyr_type_id)kind)
                                  : names[kind - PYR_TYPES_COUNT];
}

/* ---- Values. ---- */

typedef struct generator {
    uint32_t state;
    bool nulls;
} generator;

static uint32_t next_random(generator *g) {
    g->state = g->state * 1664525u + 1013904223u;
    return g->state >> 8;
}

static void append_value(pyr_builder *builder, const pyr_field *field, generator *g);

/* Short, long (beyond the 12 bytes of a view), empty, and not ASCII. */
static void append_text(pyr_builder *builder, generator *g) {
    static const char *const stems[] = {
        "", "a", "été", "twelve bytes", "a longer piece of text ", "漢字", "x,y", "'"};
    char text[64];
    uint32_t pick = next_random(g);
    if (pick % 8 == 0) {
        text[0] = '\0';
    } else {
        (void)snprintf(text, sizeof(text), "%s%u", stems[pick % 8], pick / 8 % 50);
    }
    check_ok(pyr_builder_string(builder, text, error));
}

static void append_bytes(pyr_builder *builder, size_t size, generator *g) {
    uint8_t bytes[64];
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = (uint8_t)next_random(g);
    }
    check_ok(pyr_builder_bytes(builder, bytes, size, error));
}

static int64_t signed_of_width(int32_t bits, generator *g) {
    uint64_t value =
        (uint64_t)next_random(g) << 40 ^ (uint64_t)next_random(g) << 20 ^ next_random(g);
    return bits >= 64 ? (int64_t)value : (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static void append_integer(pyr_builder *builder, const pyr_field *field, generator *g) {
    int64_t value = signed_of_width(pyr_type_bit_width(field), g);
    if (field->type == PYR_TYPE_UINT64) {
        check_ok(pyr_builder_uint64(builder, (uint64_t)value, error));
        return;
    }
    if (!pyr_type_is_signed(field->type)) {
        value &= (INT64_C(1) << pyr_type_bit_width(field)) - 1;
    }
    check_ok(pyr_builder_int64(builder, value, error));
}

static void append_children(pyr_builder *builder, const pyr_field *field, int32_t child,
                            uint32_t count, generator *g) {
    for (uint32_t i = 0; i < count; ++i) {
        append_value(pyr_builder_child(builder, child), field->children[child], g);
    }
}

static void append_nested(pyr_builder *builder, const pyr_field *field, generator *g) {
    if (field->type == PYR_TYPE_SPARSE_UNION || field->type == PYR_TYPE_DENSE_UNION) {
        int32_t child = (int32_t)(next_random(g) % (uint32_t)field->children_count);
        append_children(builder, field, child, 1, g);
        check_ok(pyr_builder_union_close(builder, child, error));
        return;
    }
    if (field->type == PYR_TYPE_STRUCT) {
        for (int32_t i = 0; i < field->children_count; ++i) {
            append_children(builder, field, i, 1, g);
        }
    } else {
        append_children(builder, field, 0,
                        field->type == PYR_TYPE_FIXED_SIZE_LIST ? (uint32_t)field->list_size
                                                                : next_random(g) % 4,
                        g);
    }
    check_ok(pyr_builder_close(builder, error));
}

static void append_value(pyr_builder *builder, const pyr_field *field, generator *g) {
    if ((g->nulls && field->nullable && next_random(g) % 4 == 0) || field->type == PYR_TYPE_NULL) {
        check_ok(pyr_builder_null(builder, error));
        return;
    }
    switch (field->type) {
    case PYR_TYPE_BOOL:
        check_ok(pyr_builder_int64(builder, next_random(g) & 1, error));
        return;
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        check_ok(pyr_builder_double(builder, (double)(next_random(g) % 4000) / 8 - 200, error));
        return;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
        append_text(builder, g);
        return;
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
        append_bytes(builder, next_random(g) % 30, g);
        return;
    case PYR_TYPE_FIXED_SIZE_BINARY:
        append_bytes(builder, (size_t)field->byte_width, g);
        return;
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        append_bytes(builder, (size_t)pyr_type_bit_width(field) / 8, g);
        return;
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
        check_ok(pyr_builder_int64(builder, next_random(g), error));
        return;
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        check_ok(pyr_builder_int64(builder, (int64_t)(next_random(g) % 2000000) - 1000000, error));
        return;
    default:
        break;
    }
    if (field->children_count > 0) {
        append_nested(builder, field, g);
    } else if (pyr_type_is_integer(field->type)) {
        append_integer(builder, field, g);
    } else { /* dates, timestamps, durations, year-month */
        check_ok(pyr_builder_int64(builder, (int64_t)next_random(g) * 3 - 20000000, error));
    }
}

/* ---- Arrays. ---- */

static pyr_array *array_of_field(pyr_field *field, int64_t rows, unsigned seed, bool nulls);

pyr_buffer *bytes_buffer(const void *bytes, size_t size_bytes) {
    pyr_buffer *buffer = NULL;
    check_ok(pyr_buffer_create(size_bytes, NULL, &buffer, error));
    if (size_bytes > 0) {
        memcpy(pyr_buffer_mutable(buffer), bytes, size_bytes);
    }
    return buffer;
}

static pyr_array *built(pyr_field *field, int64_t rows, generator *g) {
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (int64_t i = 0; i < rows; ++i) {
        append_value(builder, field, g);
    }
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    return array;
}

static pyr_array *dictionary_array(pyr_field *field, int64_t rows, unsigned seed, bool nulls) {
    enum { VALUES = 7 };
    pyr_array *values = array_of_field(field->dictionary, VALUES, seed * 3 + 1, false);
    generator g = {seed, nulls};
    size_t bits_size = (size_t)pyr_bits_size_bytes(rows);
    int16_t *indices = calloc((size_t)rows + 1, sizeof(*indices));
    uint8_t *bits = calloc(bits_size + 1, 1);
    for (int64_t i = 0; i < rows; ++i) {
        bool null = nulls && next_random(&g) % 4 == 0;
        indices[i] = (int16_t)(null ? 999 : next_random(&g) % VALUES); /* 999: under a null */
        pyr_bit_put(bits, i, !null);
    }
    pyr_buffer *buffers[2] = {nulls ? bytes_buffer(bits, bits_size) : NULL,
                              bytes_buffer(indices, (size_t)rows * sizeof(*indices))};
    pyr_array *array = NULL;
    check_ok(pyr_array_create(field, rows, 0, -1, buffers, 2, NULL, 0, values, &array, error));
    pyr_buffer_release(buffers[0]);
    pyr_buffer_release(buffers[1]);
    pyr_array_release(values);
    free(indices);
    free(bits);
    return array;
}

static pyr_array *runs_array(pyr_field *field, int64_t rows, unsigned seed, bool nulls) {
    generator g = {seed, nulls};
    int32_t *ends = calloc((size_t)rows + 1, sizeof(*ends));
    int64_t runs = 0;
    for (int32_t end = 0; end < rows; ++runs) {
        end += (int32_t)(next_random(&g) % 4) + 1; /* the last one may end behind the array */
        ends[runs] = end;
    }
    pyr_array *children[2] = {int32_array(ends, runs),
                              array_of_field(field->children[1], runs, seed + 5, nulls)};
    pyr_array *array = NULL;
    check_ok(pyr_array_create(field, rows, 0, 0, NULL, 0, children, 2, NULL, &array, error));
    pyr_array_release(children[0]);
    pyr_array_release(children[1]);
    free(ends);
    return array;
}

/* Structs of what no builder builds. */
static pyr_array *struct_array(pyr_field *field, int64_t rows, unsigned seed, bool nulls) {
    pyr_array *children[8] = {0};
    assert_true(field->children_count <= 8);
    for (int32_t i = 0; i < field->children_count; ++i) {
        children[i] = array_of_field(field->children[i], rows, seed + 11u * (unsigned)i, nulls);
    }
    pyr_buffer *validity = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_array_create(field, rows, 0, 0, &validity, 1, children, field->children_count,
                              NULL, &array, error));
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_array_release(children[i]);
    }
    return array;
}

static bool has_encoding(const pyr_field *field) {
    bool found = field->type == PYR_TYPE_DICTIONARY || field->type == PYR_TYPE_RUN_END_ENCODED;
    for (int32_t i = 0; i < field->children_count; ++i) {
        found |= has_encoding(field->children[i]);
    }
    return found;
}

static pyr_array *array_of_field(pyr_field *field, int64_t rows, unsigned seed, bool nulls) {
    if (field->type == PYR_TYPE_DICTIONARY) {
        return dictionary_array(field, rows, seed, nulls);
    }
    if (field->type == PYR_TYPE_RUN_END_ENCODED) {
        return runs_array(field, rows, seed, nulls);
    }
    if (has_encoding(field)) {
        return struct_array(field, rows, seed, nulls);
    }
    generator g = {seed, nulls};
    return built(field, rows, &g);
}

pyr_array *sample_array(int kind, int64_t rows, unsigned seed, bool nulls) {
    pyr_field *field = sample_field(kind, "f");
    pyr_array *array = array_of_field(field, rows, seed, nulls);
    pyr_field_release(field);
    return array;
}

pyr_array *int32_array(const int32_t *values, int64_t count) {
    pyr_field *field = not_null(plain("i", PYR_TYPE_INT32));
    pyr_buffer *buffers[2] = {NULL, bytes_buffer(values, (size_t)count * sizeof(*values))};
    pyr_array *array = NULL;
    check_ok(pyr_array_create(field, count, 0, 0, buffers, 2, NULL, 0, NULL, &array, error));
    pyr_buffer_release(buffers[1]);
    pyr_field_release(field);
    return array;
}

pyr_array *slice_of(pyr_array *array, int64_t offset, int64_t length) {
    pyr_array *slice = NULL;
    check_ok(pyr_array_slice(array, offset, length, &slice, error));
    return slice;
}

pyr_batch *batch_of(pyr_array **columns, int32_t count) {
    pyr_field *fields[16] = {0};
    assert_true(count > 0 && count <= 16);
    for (int32_t i = 0; i < count; ++i) {
        char name[2] = {(char)('a' + i), '\0'};
        check_ok(pyr_field_with(columns[i]->field, name, true, NULL, &fields[i], error));
    }
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    check_ok(pyr_schema_create(fields, count, NULL, &schema, error));
    check_ok(pyr_batch_create(schema, columns[0]->length, columns, count, NULL, &batch, error));
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

/* ---- Comparing. ---- */

char *value_text(const pyr_array *array, int64_t index) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_array_print_value(array, index, &text);
    char *result = pyr_text_move(&text);
    assert_non_null(result);
    return result;
}

void assert_rows_equal(const pyr_array *a, int64_t a_start, const pyr_array *b, int64_t b_start,
                       int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        char *left = value_text(a, a_start + i);
        char *right = value_text(b, b_start + i);
        if (strcmp(left, right) != 0) {
            fail_msg("row %lld: %s, expected %s", (long long)i, left, right);
        }
        free(left);
        free(right);
    }
}

void assert_valid(const pyr_array *array) {
    check_ok(pyr_array_validate(array, PYR_VALIDATE_FULL, error));
}
