/* schema_write.c - schemas and messages as flatbuffers (Schema.fbs, Message.fbs). Defaults are
 * written out where readers are known to differ about them.
 */
#include "arrow/ipc/ipc_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct writer {
    pyr_fbb *builder;
    int64_t next_id;
    pyr_error *error;
} writer;

pyr_fbb_ref pyr_ipc_metadata_write(pyr_fbb *builder, const pyr_metadata *metadata) {
    size_t count = pyr_metadata_count(metadata);
    if (count == 0) {
        return 0;
    }
    pyr_fbb_ref *pairs = calloc(count, sizeof *pairs);
    if (pairs == NULL) {
        builder->failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; ++i) {
        const char *key, *value;
        size_t key_length, value_length;
        pyr_metadata_get(metadata, i, &key, &key_length, &value, &value_length);
        pyr_fbb_ref value_ref = pyr_fbb_string(builder, value, value_length);
        pyr_fbb_ref key_ref = pyr_fbb_string(builder, key, key_length);
        pyr_fbb_table_begin(builder);
        pyr_fbb_add_ref(builder, 0, key_ref);
        pyr_fbb_add_ref(builder, 1, value_ref);
        pairs[i] = pyr_fbb_table_end(builder);
    }
    pyr_fbb_ref vector = pyr_fbb_refs(builder, pairs, count);
    free(pairs);
    return vector;
}

static pyr_fbb_ref empty_table(pyr_fbb *b) {
    pyr_fbb_table_begin(b);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_int(pyr_fbb *b, int32_t bits, bool is_signed) {
    pyr_fbb_table_begin(b);
    pyr_fbb_add_i32(b, 0, bits);
    pyr_fbb_add_bool(b, 1, is_signed);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_i32(pyr_fbb *b, int32_t value) {
    pyr_fbb_table_begin(b);
    pyr_fbb_add_i32(b, 0, value);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_i16(pyr_fbb *b, int16_t value) {
    pyr_fbb_table_begin(b);
    pyr_fbb_add_i16(b, 0, value);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_bool(pyr_fbb *b, bool value) {
    pyr_fbb_table_begin(b);
    pyr_fbb_add_bool(b, 0, value);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_decimal(pyr_fbb *b, const pyr_field *field) {
    pyr_fbb_table_begin(b);
    pyr_fbb_add_i32(b, 0, field->precision);
    pyr_fbb_add_i32(b, 1, field->scale);
    pyr_fbb_add_i32(b, 2, pyr_type_bit_width(field));
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_time(pyr_fbb *b, const pyr_field *field) {
    pyr_fbb_table_begin(b);
    pyr_fbb_add_i32(b, 1, pyr_type_bit_width(field));
    pyr_fbb_add_i16(b, 0, (int16_t)field->unit);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_timestamp(pyr_fbb *b, const pyr_field *field) {
    pyr_fbb_ref zone =
        field->timezone == NULL ? 0 : pyr_fbb_string(b, field->timezone, strlen(field->timezone));
    pyr_fbb_table_begin(b);
    pyr_fbb_add_ref(b, 1, zone);
    pyr_fbb_add_i16(b, 0, (int16_t)field->unit);
    return pyr_fbb_table_end(b);
}

static pyr_fbb_ref write_union(pyr_fbb *b, const pyr_field *field) {
    int32_t codes[128] = {0};
    for (int32_t i = 0; i < field->children_count; ++i) {
        codes[i] = (uint8_t)field->type_codes[i]; /* 0 to 127 */
    }
    pyr_fbb_ref ids = pyr_fbb_vector(b, codes, (size_t)field->children_count, 4, 4);
    pyr_fbb_table_begin(b);
    pyr_fbb_add_ref(b, 1, ids);
    pyr_fbb_add_i16(b, 0, field->type == PYR_TYPE_DENSE_UNION);
    return pyr_fbb_table_end(b);
}

/* The Type union: its tag and its table. */
static pyr_fbb_ref write_type(pyr_fbb *b, const pyr_field *field, pyr_fbs_type *tag) {
    switch (field->type) {
    case PYR_TYPE_NULL:
        *tag = PYR_FBS_NULL;
        return empty_table(b);
    case PYR_TYPE_BOOL:
        *tag = PYR_FBS_BOOL;
        return empty_table(b);
    case PYR_TYPE_INT8:
    case PYR_TYPE_INT16:
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
    case PYR_TYPE_UINT8:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_UINT64:
        *tag = PYR_FBS_INT;
        return write_int(b, pyr_type_bit_width(field), pyr_type_is_signed(field->type));
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        *tag = PYR_FBS_FLOAT;
        return write_i16(b, (int16_t)(field->type - PYR_TYPE_FLOAT16));
    case PYR_TYPE_UTF8:
        *tag = PYR_FBS_UTF8;
        return empty_table(b);
    case PYR_TYPE_LARGE_UTF8:
        *tag = PYR_FBS_LARGE_UTF8;
        return empty_table(b);
    case PYR_TYPE_UTF8_VIEW:
        *tag = PYR_FBS_UTF8_VIEW;
        return empty_table(b);
    case PYR_TYPE_BINARY:
        *tag = PYR_FBS_BINARY;
        return empty_table(b);
    case PYR_TYPE_LARGE_BINARY:
        *tag = PYR_FBS_LARGE_BINARY;
        return empty_table(b);
    case PYR_TYPE_BINARY_VIEW:
        *tag = PYR_FBS_BINARY_VIEW;
        return empty_table(b);
    case PYR_TYPE_FIXED_SIZE_BINARY:
        *tag = PYR_FBS_FIXED_SIZE_BINARY;
        return write_i32(b, field->byte_width);
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DATE64:
        *tag = PYR_FBS_DATE;
        return write_i16(b, field->type == PYR_TYPE_DATE64);
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
        *tag = PYR_FBS_TIME;
        return write_time(b, field);
    case PYR_TYPE_TIMESTAMP:
        *tag = PYR_FBS_TIMESTAMP;
        return write_timestamp(b, field);
    case PYR_TYPE_DURATION:
        *tag = PYR_FBS_DURATION;
        return write_i16(b, (int16_t)field->unit);
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
    case PYR_TYPE_INTERVAL_DAY_TIME:
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        *tag = PYR_FBS_INTERVAL;
        return write_i16(b, (int16_t)(field->type - PYR_TYPE_INTERVAL_YEAR_MONTH));
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        *tag = PYR_FBS_DECIMAL;
        return write_decimal(b, field);
    case PYR_TYPE_LIST:
        *tag = PYR_FBS_LIST;
        return empty_table(b);
    case PYR_TYPE_LARGE_LIST:
        *tag = PYR_FBS_LARGE_LIST;
        return empty_table(b);
    case PYR_TYPE_LIST_VIEW:
        *tag = PYR_FBS_LIST_VIEW;
        return empty_table(b);
    case PYR_TYPE_LARGE_LIST_VIEW:
        *tag = PYR_FBS_LARGE_LIST_VIEW;
        return empty_table(b);
    case PYR_TYPE_FIXED_SIZE_LIST:
        *tag = PYR_FBS_FIXED_SIZE_LIST;
        return write_i32(b, field->list_size);
    case PYR_TYPE_STRUCT:
        *tag = PYR_FBS_STRUCT;
        return empty_table(b);
    case PYR_TYPE_MAP:
        *tag = PYR_FBS_MAP;
        return write_bool(b, field->keys_sorted);
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        *tag = PYR_FBS_UNION;
        return write_union(b, field);
    case PYR_TYPE_RUN_END_ENCODED:
        *tag = PYR_FBS_RUN_END_ENCODED;
        return empty_table(b);
    case PYR_TYPE_DICTIONARY: /* the caller passes the values */
    case PYR_TYPES_COUNT:
        break;
    }
    b->failed = true;
    return 0;
}

static int32_t integer_bits(pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_INT8:
    case PYR_TYPE_UINT8:
        return 8;
    case PYR_TYPE_INT16:
    case PYR_TYPE_UINT16:
        return 16;
    case PYR_TYPE_INT32:
    case PYR_TYPE_UINT32:
        return 32;
    default:
        return 64;
    }
}

static pyr_fbb_ref write_dictionary(pyr_fbb *b, const pyr_field *field, int64_t id) {
    pyr_fbb_ref index =
        write_int(b, integer_bits(field->index_type), pyr_type_is_signed(field->index_type));
    pyr_fbb_table_begin(b);
    pyr_fbb_add_i64(b, 0, id);
    pyr_fbb_add_ref(b, 1, index);
    pyr_fbb_add_bool(b, 2, field->dictionary_ordered);
    return pyr_fbb_table_end(b);
}

static pyr_status write_field(writer *w, const pyr_field *field, pyr_fbb_ref *out);

static pyr_status write_children(writer *w, pyr_field *const *fields, int32_t count,
                                 pyr_fbb_ref *out) {
    *out = 0;
    pyr_fbb_ref *refs = calloc((size_t)count + 1, sizeof *refs);
    if (refs == NULL) {
        return pyr_error_memory(w->error, ((size_t)count + 1) * sizeof *refs);
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; i < count && status == PYR_OK; ++i) {
        status = write_field(w, fields[i], &refs[i]);
    }
    if (status == PYR_OK) {
        *out = pyr_fbb_refs(w->builder, refs, (size_t)count);
    }
    free(refs);
    return status;
}

static pyr_status write_field(writer *w, const pyr_field *field, pyr_fbb_ref *out) {
    pyr_fbb *b = w->builder;
    const pyr_field *values = field;
    pyr_fbb_ref dictionary = 0;
    *out = 0;
    if (field->type == PYR_TYPE_DICTIONARY) {
        values = field->dictionary;
        if (values->type == PYR_TYPE_DICTIONARY) {
            return pyr_error_set(w->error, PYR_ERROR_NOT_SUPPORTED,
                                 "field \"%s\": Arrow IPC has no dictionary whose values are "
                                 "dictionary-encoded themselves",
                                 field->name);
        }
        dictionary = write_dictionary(b, field, w->next_id++);
    }
    pyr_fbb_ref children;
    PYR_TRY(write_children(w, values->children, values->children_count, &children));
    pyr_fbs_type tag = PYR_FBS_NULL;
    pyr_fbb_ref type = write_type(b, values, &tag);
    pyr_fbb_ref metadata = pyr_ipc_metadata_write(b, field->metadata);
    pyr_fbb_ref name = pyr_fbb_string(b, field->name, strlen(field->name));
    pyr_fbb_table_begin(b);
    pyr_fbb_add_ref(b, PYR_FBS_FIELD_NAME, name);
    pyr_fbb_add_ref(b, PYR_FBS_FIELD_TYPE, type);
    pyr_fbb_add_ref(b, PYR_FBS_FIELD_DICTIONARY, dictionary);
    pyr_fbb_add_ref(b, PYR_FBS_FIELD_CHILDREN, children);
    pyr_fbb_add_ref(b, PYR_FBS_FIELD_METADATA, metadata);
    pyr_fbb_add_u8(b, PYR_FBS_FIELD_TYPE_TAG, (uint8_t)tag);
    pyr_fbb_add_bool(b, PYR_FBS_FIELD_NULLABLE, field->nullable);
    *out = pyr_fbb_table_end(b);
    return PYR_OK;
}

pyr_status pyr_ipc_schema_write(pyr_fbb *builder, const pyr_schema *schema, int64_t feature,
                                pyr_fbb_ref *out, pyr_error *error) {
    writer w = {builder, 0, error};
    pyr_fbb_ref fields;
    *out = 0;
    PYR_TRY(write_children(&w, schema->fields, schema->fields_count, &fields));
    pyr_fbb_ref metadata = pyr_ipc_metadata_write(builder, schema->metadata);
    pyr_fbb_ref features = feature == 0 ? 0 : pyr_fbb_vector(builder, &feature, 1, 8, 8);
    pyr_fbb_table_begin(builder);
    pyr_fbb_add_ref(builder, PYR_FBS_SCHEMA_FIELDS, fields);
    pyr_fbb_add_ref(builder, PYR_FBS_SCHEMA_METADATA, metadata);
    pyr_fbb_add_ref(builder, PYR_FBS_SCHEMA_FEATURES, features);
    pyr_fbb_add_i16(builder, PYR_FBS_SCHEMA_ENDIANNESS, 0);
    *out = pyr_fbb_table_end(builder);
    return PYR_OK;
}

pyr_status pyr_ipc_message_write(pyr_fbb *builder, pyr_ipc_message_type type, pyr_fbb_ref header,
                                 int64_t body_bytes, pyr_fbb_ref metadata, pyr_buffer **out,
                                 pyr_error *error) {
    pyr_fbb_table_begin(builder);
    pyr_fbb_add_i64(builder, PYR_FBS_MESSAGE_BODY_LENGTH, body_bytes);
    pyr_fbb_add_ref(builder, PYR_FBS_MESSAGE_HEADER, header);
    pyr_fbb_add_ref(builder, PYR_FBS_MESSAGE_METADATA, metadata);
    pyr_fbb_add_i16(builder, PYR_FBS_MESSAGE_VERSION, PYR_IPC_V5);
    pyr_fbb_add_u8(builder, PYR_FBS_MESSAGE_HEADER_TAG, (uint8_t)type);
    return pyr_fbb_finish(builder, pyr_fbb_table_end(builder), out, error);
}
