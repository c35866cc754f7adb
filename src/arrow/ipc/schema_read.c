/* schema_read.c - the Schema table of Schema.fbs to a pyr_schema, with the dictionary ids beside
 * it.
 *
 * A flatbuffer may name one child table from many parents: depth and the number of fields are
 * bounded, so that a small message cannot grow into a large tree.
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const pyr_ipc_limits *limits;
    pyr_fb *input;
    int32_t fields_count;
    pyr_ipc_ordinal *ordinals;
    size_t ordinals_count, ordinals_capacity;
} reader;

pyr_status pyr_ipc_fault(const pyr_fb *input, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow %s: %s", what,
                         input->fault != NULL ? input->fault : "broken flatbuffer");
}

pyr_status pyr_ipc_check_version(int16_t version, pyr_error *error) {
    if (version == PYR_IPC_V4 || version == PYR_IPC_V5) {
        return PYR_OK;
    }
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                         "Arrow metadata version V%d: this version reads V4 and V5", version + 1);
}

bool pyr_ipc_grow(void **items, size_t *capacity, size_t count, size_t item_bytes) {
    if (count <= *capacity) {
        return true;
    }
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    while (wanted < count) {
        wanted *= 2;
    }
    if (wanted > SIZE_MAX / 2 / item_bytes) {
        return false;
    }
    void *grown = realloc(*items, wanted * item_bytes);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

pyr_status pyr_ipc_metadata_read(pyr_fb_table table, int slot, pyr_metadata **out,
                                 pyr_error *error) {
    *out = NULL;
    pyr_fb_vector pairs = pyr_fb_vector_of(table, slot, 4);
    if (pairs.count == 0) {
        return PYR_OK;
    }
    pyr_metadata *metadata;
    PYR_TRY(pyr_metadata_create(&metadata, error));
    pyr_status status = PYR_OK;
    for (uint32_t i = 0; i < pairs.count && status == PYR_OK; ++i) {
        pyr_fb_table pair = pyr_fb_vector_table(pairs, i);
        const char *key, *value;
        size_t key_length, value_length;
        pyr_fb_string(pair, 0, &key, &key_length);
        pyr_fb_string(pair, 1, &value, &value_length);
        if (table.input->fault != NULL) {
            status = pyr_ipc_fault(table.input, "custom metadata", error);
            break;
        }
        status = pyr_metadata_add(metadata, key != NULL ? key : "", key_length,
                                  value != NULL ? value : "", value_length, error);
    }
    if (status != PYR_OK) {
        pyr_metadata_release(metadata);
        return status;
    }
    *out = metadata;
    return PYR_OK;
}

/* A NUL-terminated copy; names are UTF-8 without NULs, as the C Data Interface needs them. */
static pyr_status read_text(pyr_fb_table table, int slot, const char *what, char **out,
                            pyr_error *error) {
    const char *text;
    size_t length;
    *out = NULL;
    pyr_fb_string(table, slot, &text, &length);
    if (length > 0 &&
        (memchr(text, 0, length) != NULL || !pyr_utf8_valid((const uint8_t *)text, length))) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow schema: %s is not UTF-8 text", what);
    }
    char *copy = malloc(length + 1);
    if (copy == NULL) {
        return pyr_error_memory(error, length + 1);
    }
    if (length > 0) {
        memcpy(copy, text, length);
    }
    copy[length] = '\0';
    *out = copy;
    return PYR_OK;
}

static pyr_status refuse(const char *name, const char *what, int64_t value, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow schema: field \"%s\": %s %lld", name,
                         what, (long long)value);
}

static pyr_status int_type(const char *name, pyr_fb_table type, pyr_type_id *out,
                           pyr_error *error) {
    static const pyr_type_id ids[2][4] = {
        {PYR_TYPE_UINT8, PYR_TYPE_UINT16, PYR_TYPE_UINT32, PYR_TYPE_UINT64},
        {PYR_TYPE_INT8, PYR_TYPE_INT16, PYR_TYPE_INT32, PYR_TYPE_INT64}};
    int32_t width = pyr_fb_i32(type, 0, 0);
    bool is_signed = pyr_fb_bool(type, 1, false);
    for (int i = 0; i < 4; ++i) {
        if (width == 8 << i) {
            *out = ids[is_signed][i];
            return PYR_OK;
        }
    }
    return refuse(name, "integer of bit width", width, error);
}

static pyr_status read_decimal(const char *name, pyr_fb_table type, pyr_field **out,
                               pyr_error *error) {
    int32_t precision = pyr_fb_i32(type, 0, 0);
    int32_t scale = pyr_fb_i32(type, 1, 0);
    int32_t width = pyr_fb_i32(type, 2, 128);
    pyr_type_id id;
    switch (width) {
    case 32:
        id = PYR_TYPE_DECIMAL32;
        break;
    case 64:
        id = PYR_TYPE_DECIMAL64;
        break;
    case 128:
        id = PYR_TYPE_DECIMAL128;
        break;
    case 256:
        id = PYR_TYPE_DECIMAL256;
        break;
    default:
        return refuse(name, "decimal of bit width", width, error);
    }
    return pyr_field_create_decimal(name, id, precision, scale, out, error);
}

static pyr_status read_unit(const char *name, int16_t unit, pyr_time_unit *out, pyr_error *error) {
    if (unit < 0 || unit > 3) {
        return refuse(name, "time unit", unit, error);
    }
    *out = (pyr_time_unit)unit;
    return PYR_OK;
}

static pyr_status read_time(const char *name, pyr_fb_table type, pyr_field **out,
                            pyr_error *error) {
    pyr_time_unit unit = PYR_UNIT_SECOND;
    PYR_TRY(read_unit(name, pyr_fb_i16(type, 0, 1), &unit, error));
    int32_t width = pyr_fb_i32(type, 1, 32);
    if (width != 32 && width != 64) {
        return refuse(name, "time of bit width", width, error);
    }
    if ((width == 32) != (unit <= PYR_UNIT_MILLISECOND)) {
        return refuse(name, "time unit does not fit the bit width", width, error);
    }
    return pyr_field_create_time(name, width == 32 ? PYR_TYPE_TIME32 : PYR_TYPE_TIME64, unit, NULL,
                                 out, error);
}

static pyr_status read_timestamp(const char *name, pyr_fb_table type, pyr_field **out,
                                 pyr_error *error) {
    pyr_time_unit unit = PYR_UNIT_SECOND;
    PYR_TRY(read_unit(name, pyr_fb_i16(type, 0, 0), &unit, error));
    char *zone;
    PYR_TRY(read_text(type, 1, "a time zone", &zone, error));
    pyr_status status = pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, unit,
                                              zone[0] != '\0' ? zone : NULL, out, error);
    free(zone);
    return status;
}

static pyr_status read_interval(const char *name, pyr_fb_table type, pyr_field **out,
                                pyr_error *error) {
    int16_t unit = pyr_fb_i16(type, 0, 0);
    switch (unit) {
    case 0:
        return pyr_field_create(name, PYR_TYPE_INTERVAL_YEAR_MONTH, out, error);
    case 1:
        return pyr_field_create(name, PYR_TYPE_INTERVAL_DAY_TIME, out, error);
    case 2:
        return pyr_field_create(name, PYR_TYPE_INTERVAL_MONTH_DAY_NANO, out, error);
    default:
        return refuse(name, "interval unit", unit, error);
    }
}

static pyr_status read_union(const char *name, pyr_fb_table type, pyr_field *const *children,
                             int32_t children_count, pyr_field **out, pyr_error *error) {
    int16_t mode = pyr_fb_i16(type, 0, 0);
    if (mode != 0 && mode != 1) {
        return refuse(name, "union mode", mode, error);
    }
    pyr_fb_vector ids = pyr_fb_vector_of(type, 1, 4);
    /* Without ids the children are numbered. An empty vector stands for an absent one. */
    bool numbered = ids.count == 0;
    if (children_count > 128 || (!numbered && ids.count != (uint32_t)children_count)) {
        return refuse(name, "union type ids and children do not match: children", children_count,
                      error);
    }
    int8_t codes[128] = {0};
    for (int32_t i = 0; i < children_count; ++i) {
        int32_t code = numbered ? i : pyr_fb_vector_i32(ids, (uint32_t)i);
        if (code < 0 || code > 127) {
            return refuse(name, "union type id", code, error);
        }
        codes[i] = (int8_t)code;
    }
    return pyr_field_create_union(name, mode == 0 ? PYR_TYPE_SPARSE_UNION : PYR_TYPE_DENSE_UNION,
                                  codes, children, children_count, out, error);
}

static pyr_status nested(const char *name, pyr_type_id id, int32_t parameter, int32_t wanted,
                         pyr_field *const *children, int32_t children_count, pyr_field **out,
                         pyr_error *error) {
    if (wanted >= 0 && children_count != wanted) {
        return refuse(name, "wrong number of children:", children_count, error);
    }
    if (parameter < 0) {
        return refuse(name, "list size", parameter, error);
    }
    return pyr_field_create_nested(name, id, parameter, children, children_count, out, error);
}

static bool may_have_children(uint8_t tag) {
    return tag == PYR_FBS_LIST || tag == PYR_FBS_STRUCT || tag == PYR_FBS_UNION ||
           tag == PYR_FBS_FIXED_SIZE_LIST || tag == PYR_FBS_MAP || tag == PYR_FBS_LARGE_LIST ||
           tag == PYR_FBS_RUN_END_ENCODED || tag == PYR_FBS_LIST_VIEW ||
           tag == PYR_FBS_LARGE_LIST_VIEW;
}

static pyr_status read_type(const char *name, uint8_t tag, pyr_fb_table type,
                            pyr_field *const *children, int32_t count, pyr_field **out,
                            pyr_error *error) {
    static const pyr_type_id floats[] = {PYR_TYPE_FLOAT16, PYR_TYPE_FLOAT32, PYR_TYPE_FLOAT64};
    pyr_type_id id = PYR_TYPE_NULL;
    pyr_time_unit unit = PYR_UNIT_SECOND;
    int32_t number;
    /* Dropped children would leave ordinals behind that name no field. */
    if (count > 0 && !may_have_children(tag)) {
        return refuse(name, "children of a type that has none:", count, error);
    }
    switch (tag) {
    case PYR_FBS_NULL:
        return pyr_field_create(name, PYR_TYPE_NULL, out, error);
    case PYR_FBS_INT:
        PYR_TRY(int_type(name, type, &id, error));
        return pyr_field_create(name, id, out, error);
    case PYR_FBS_FLOAT:
        number = pyr_fb_i16(type, 0, 0);
        if (number < 0 || number > 2) {
            return refuse(name, "floating-point precision", number, error);
        }
        return pyr_field_create(name, floats[number], out, error);
    case PYR_FBS_BINARY:
        return pyr_field_create(name, PYR_TYPE_BINARY, out, error);
    case PYR_FBS_UTF8:
        return pyr_field_create(name, PYR_TYPE_UTF8, out, error);
    case PYR_FBS_BOOL:
        return pyr_field_create(name, PYR_TYPE_BOOL, out, error);
    case PYR_FBS_DECIMAL:
        return read_decimal(name, type, out, error);
    case PYR_FBS_DATE:
        number = pyr_fb_i16(type, 0, 1);
        if (number != 0 && number != 1) {
            return refuse(name, "date unit", number, error);
        }
        return pyr_field_create(name, number == 0 ? PYR_TYPE_DATE32 : PYR_TYPE_DATE64, out, error);
    case PYR_FBS_TIME:
        return read_time(name, type, out, error);
    case PYR_FBS_TIMESTAMP:
        return read_timestamp(name, type, out, error);
    case PYR_FBS_INTERVAL:
        return read_interval(name, type, out, error);
    case PYR_FBS_LIST:
        return nested(name, PYR_TYPE_LIST, 0, 1, children, count, out, error);
    case PYR_FBS_STRUCT:
        return nested(name, PYR_TYPE_STRUCT, 0, -1, children, count, out, error);
    case PYR_FBS_UNION:
        return read_union(name, type, children, count, out, error);
    case PYR_FBS_FIXED_SIZE_BINARY:
        number = pyr_fb_i32(type, 0, 0);
        if (number < 0) {
            return refuse(name, "byte width", number, error);
        }
        return pyr_field_create_fixed_size_binary(name, number, out, error);
    case PYR_FBS_FIXED_SIZE_LIST:
        number = pyr_fb_i32(type, 0, 0);
        return nested(name, PYR_TYPE_FIXED_SIZE_LIST, number, 1, children, count, out, error);
    case PYR_FBS_MAP:
        number = pyr_fb_bool(type, 0, false);
        return nested(name, PYR_TYPE_MAP, number, 1, children, count, out, error);
    case PYR_FBS_DURATION:
        PYR_TRY(read_unit(name, pyr_fb_i16(type, 0, 1), &unit, error));
        return pyr_field_create_time(name, PYR_TYPE_DURATION, unit, NULL, out, error);
    case PYR_FBS_LARGE_BINARY:
        return pyr_field_create(name, PYR_TYPE_LARGE_BINARY, out, error);
    case PYR_FBS_LARGE_UTF8:
        return pyr_field_create(name, PYR_TYPE_LARGE_UTF8, out, error);
    case PYR_FBS_LARGE_LIST:
        return nested(name, PYR_TYPE_LARGE_LIST, 0, 1, children, count, out, error);
    case PYR_FBS_RUN_END_ENCODED:
        return nested(name, PYR_TYPE_RUN_END_ENCODED, 0, 2, children, count, out, error);
    case PYR_FBS_BINARY_VIEW:
        return pyr_field_create(name, PYR_TYPE_BINARY_VIEW, out, error);
    case PYR_FBS_UTF8_VIEW:
        return pyr_field_create(name, PYR_TYPE_UTF8_VIEW, out, error);
    case PYR_FBS_LIST_VIEW:
        return nested(name, PYR_TYPE_LIST_VIEW, 0, 1, children, count, out, error);
    case PYR_FBS_LARGE_LIST_VIEW:
        return nested(name, PYR_TYPE_LARGE_LIST_VIEW, 0, 1, children, count, out, error);
    default:
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "Arrow schema: field \"%s\": type %d is not one this version knows",
                             name, tag);
    }
}

static pyr_status read_field(reader *r, pyr_fb_table table, int32_t depth, pyr_field **out,
                             pyr_error *error);

static pyr_status read_children(reader *r, pyr_fb_vector tables, int32_t depth, pyr_field ***out,
                                pyr_error *error) {
    *out = NULL;
    if (tables.count > PYR_TYPE_FIELDS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "Arrow schema: more than %d fields",
                             PYR_TYPE_FIELDS_MAX);
    }
    pyr_field **children = calloc(tables.count + 1, sizeof *children);
    if (children == NULL) {
        return pyr_error_memory(error, tables.count * sizeof *children);
    }
    *out = children;
    for (uint32_t i = 0; i < tables.count; ++i) {
        PYR_TRY(read_field(r, pyr_fb_vector_table(tables, i), depth, &children[i], error));
    }
    return PYR_OK;
}

static void release_children(pyr_field **children, size_t count) {
    for (size_t i = 0; children != NULL && i < count; ++i) {
        pyr_field_release(children[i]);
    }
    free(children);
}

/* Ordinals are given in pre-order: taken before the children are read. */
static pyr_status take_ordinal(reader *r, pyr_fb_table dictionary, int32_t *ordinal,
                               pyr_error *error) {
    if (!pyr_ipc_grow((void **)&r->ordinals, &r->ordinals_capacity, r->ordinals_count + 1,
                      sizeof *r->ordinals)) {
        return pyr_error_memory(error, (r->ordinals_count + 1) * sizeof *r->ordinals);
    }
    *ordinal = (int32_t)r->ordinals_count++;
    pyr_ipc_ordinal entry = {pyr_fb_i64(dictionary, 0, 0), NULL, 0};
    r->ordinals[*ordinal] = entry;
    return PYR_OK;
}

static pyr_status wrap_dictionary(reader *r, pyr_fb_table dictionary, int32_t ordinal,
                                  const char *name, pyr_field **field, pyr_error *error) {
    pyr_type_id index_type = PYR_TYPE_INT32;
    pyr_fb_table index = pyr_fb_child(dictionary, 1);
    if (!pyr_fb_is_null(index)) {
        PYR_TRY(int_type(name, index, &index_type, error));
    }
    if (pyr_fb_i16(dictionary, 3, 0) != 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "Arrow schema: field \"%s\": dictionary kind %d", name,
                             pyr_fb_i16(dictionary, 3, 0));
    }
    /* The values are nameless, as in the C Data Interface: the name is the encoded field's. */
    (*field)->name[0] = '\0';
    pyr_field *encoded;
    PYR_TRY(pyr_field_create_dictionary(name, index_type, pyr_fb_bool(dictionary, 2, false), *field,
                                        &encoded, error));
    pyr_field_release(*field);
    *field = encoded;
    r->ordinals[ordinal].field = encoded;
    r->ordinals[ordinal].end = (int32_t)r->ordinals_count;
    return PYR_OK;
}

static pyr_status read_field(reader *r, pyr_fb_table table, int32_t depth, pyr_field **out,
                             pyr_error *error) {
    char *name = NULL;
    pyr_field **children = NULL;
    pyr_field *field = NULL;
    int32_t ordinal = -1;
    *out = NULL;
    if (depth > r->limits->depth_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "Arrow schema: nested deeper than %d levels",
                             r->limits->depth_max);
    }
    if (++r->fields_count > PYR_TYPE_FIELDS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "Arrow schema: more than %d fields",
                             PYR_TYPE_FIELDS_MAX);
    }
    pyr_fb_vector tables = pyr_fb_vector_of(table, PYR_FBS_FIELD_CHILDREN, 4);
    pyr_fb_table dictionary = pyr_fb_child(table, PYR_FBS_FIELD_DICTIONARY);
    bool encoded = !pyr_fb_is_null(dictionary);
    pyr_status status = read_text(table, PYR_FBS_FIELD_NAME, "a field's name", &name, error);
    if (status == PYR_OK && encoded) {
        status = take_ordinal(r, dictionary, &ordinal, error);
    }
    if (status == PYR_OK) {
        status = read_children(r, tables, depth + 1, &children, error);
    }
    if (status == PYR_OK) {
        status = read_type(name, pyr_fb_u8(table, PYR_FBS_FIELD_TYPE_TAG, 0),
                           pyr_fb_child(table, PYR_FBS_FIELD_TYPE), children, (int32_t)tables.count,
                           &field, error);
    }
    if (status == PYR_OK && encoded) {
        status = wrap_dictionary(r, dictionary, ordinal, name, &field, error);
    }
    if (status == PYR_OK) {
        field->nullable = pyr_fb_bool(table, PYR_FBS_FIELD_NULLABLE, false);
        status = pyr_ipc_metadata_read(table, PYR_FBS_FIELD_METADATA, &field->metadata, error);
    }
    if (status == PYR_OK && r->input->fault != NULL) {
        status = pyr_ipc_fault(r->input, "schema", error);
    }
    if (status == PYR_OK) {
        *out = field;
        field = NULL;
    }
    pyr_field_release(field);
    release_children(children, tables.count);
    free(name);
    return status;
}

static void count_field(const pyr_field *field, pyr_ipc_column *totals) {
    pyr_layout layout = pyr_type_layout(field->type);
    ++totals->nodes;
    totals->buffers += layout.buffers_count;
    totals->views += layout.variadic;
    totals->unions += field->type == PYR_TYPE_SPARSE_UNION || field->type == PYR_TYPE_DENSE_UNION;
    for (int32_t i = 0; i < field->children_count; ++i) {
        count_field(field->children[i], totals);
    }
}

static void count_ordinals(const pyr_field *field, pyr_ipc_column *totals) {
    if (field->type == PYR_TYPE_DICTIONARY) {
        ++totals->ordinals;
        count_ordinals(field->dictionary, totals);
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        count_ordinals(field->children[i], totals);
    }
}

static pyr_status count_columns(pyr_ipc_schema *schema, pyr_error *error) {
    size_t count = (size_t)schema->schema->fields_count;
    schema->columns = calloc(count + 1, sizeof *schema->columns);
    if (schema->columns == NULL) {
        return pyr_error_memory(error, (count + 1) * sizeof *schema->columns);
    }
    for (size_t i = 0; i < count; ++i) {
        schema->columns[i + 1] = schema->columns[i];
        count_field(schema->schema->fields[i], &schema->columns[i + 1]);
        count_ordinals(schema->schema->fields[i], &schema->columns[i + 1]);
    }
    return PYR_OK;
}

static pyr_status check_features(pyr_fb_table table, pyr_error *error) {
    pyr_fb_vector features = pyr_fb_vector_of(table, PYR_FBS_SCHEMA_FEATURES, 8);
    for (uint32_t i = 0; i < features.count; ++i) {
        int64_t feature = pyr_fb_vector_i64(features, i, 8, 0);
        if (feature < 0 || feature > PYR_FBS_FEATURE_COMPRESSED_BODY) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "Arrow schema: needs feature %lld, which this version lacks",
                                 (long long)feature);
        }
    }
    return PYR_OK;
}

pyr_status pyr_ipc_schema_read(pyr_fb_table table, const pyr_ipc_limits *limits,
                               pyr_ipc_schema *out, pyr_error *error) {
    memset(out, 0, sizeof *out);
    reader r = {limits, table.input, 0, NULL, 0, 0};
    pyr_field **fields = NULL;
    pyr_metadata *metadata = NULL;
    pyr_fb_vector tables = pyr_fb_vector_of(table, PYR_FBS_SCHEMA_FIELDS, 4);
    int16_t endianness = pyr_fb_i16(table, PYR_FBS_SCHEMA_ENDIANNESS, 0);
    if (endianness != 0 && endianness != 1) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow schema: endianness %d", endianness);
    }
    out->swap = endianness == 1;
    pyr_status status = check_features(table, error);
    if (status == PYR_OK) {
        status = read_children(&r, tables, 1, &fields, error);
    }
    for (uint32_t i = 0; status == PYR_OK && i < tables.count; ++i) {
        status = pyr_field_validate(fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_ipc_metadata_read(table, PYR_FBS_SCHEMA_METADATA, &metadata, error);
    }
    if (status == PYR_OK && table.input->fault != NULL) {
        status = pyr_ipc_fault(table.input, "schema", error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)tables.count, metadata, &out->schema, error);
    }
    if (status == PYR_OK) {
        status = count_columns(out, error);
    }
    out->ordinals = r.ordinals;
    out->ordinals_count = (int32_t)r.ordinals_count;
    if (status != PYR_OK) {
        pyr_ipc_schema_deinit(out);
    }
    pyr_metadata_release(metadata);
    release_children(fields, tables.count);
    return status;
}

void pyr_ipc_schema_deinit(pyr_ipc_schema *schema) {
    pyr_schema_release(schema->schema);
    free(schema->columns);
    free(schema->ordinals);
    memset(schema, 0, sizeof *schema);
}
