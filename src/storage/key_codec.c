/* key_codec.c - codecs of keys, and encoding; see key_codec.h and ENCODINGS.md, "Keys". */
#include "base/cursor.h"
#include "storage/key_codec_internal.h"
#include "storage/row_codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Codecs. ---- */

/* Whether an opaque type of DuckDB's is kept in the field: "uhugeint", "time_tz". */
static bool is_opaque(const pyr_field *field, const char *quoted_name) {
    const char *name = pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL);
    const char *what = pyr_metadata_find(field->metadata, "ARROW:extension:metadata", NULL);
    return name != NULL && strcmp(name, "arrow.opaque") == 0 && what != NULL &&
           strstr(what, "\"DuckDB\"") != NULL && strstr(what, quoted_name) != NULL;
}

static key_form form_of(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_NULL:
        return KEY_FORM_NULL;
    case PYR_TYPE_BOOL:
        return KEY_FORM_BOOL;
    case PYR_TYPE_UINT8:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_UINT64:
        return KEY_FORM_UNSIGNED;
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        return KEY_FORM_FLOAT;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
        return KEY_FORM_BYTES;
    case PYR_TYPE_FIXED_SIZE_BINARY:
        if (field->byte_width == 16 && is_opaque(field, "\"uhugeint\"")) {
            return KEY_FORM_UNSIGNED;
        }
        return field->byte_width == 8 && is_opaque(field, "\"time_tz\"") ? KEY_FORM_TIME_TZ
                                                                         : KEY_FORM_FIXED;
    case PYR_TYPE_INT8:
    case PYR_TYPE_INT16:
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DATE64:
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
    case PYR_TYPE_DURATION:
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
    case PYR_TYPE_DECIMAL32:
    case PYR_TYPE_DECIMAL64:
    case PYR_TYPE_DECIMAL128:
    case PYR_TYPE_DECIMAL256:
        return KEY_FORM_SIGNED;
    default:
        return KEY_FORMS_COUNT;
    }
}

static pyr_status add_column(pyr_key_codec *codec, pyr_field *field, pyr_error *error) {
    key_column *column = &codec->columns[codec->count];
    PYR_TRY(pyr_row_plain_field(field, &column->field, error));
    codec->count += 1;
    column->form = form_of(column->field);
    column->width = (size_t)pyr_type_bit_width(column->field) / 8;
    if (column->form == KEY_FORMS_COUNT) {
        pyr_text type;
        pyr_text_init(&type);
        pyr_field_type_print(field, &type);
        pyr_status status =
            pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                          "column \"%s\": a key or sort key of type %s is not supported",
                          field->name, pyr_text_get(&type));
        pyr_text_deinit(&type);
        return status;
    }
    return PYR_OK;
}

pyr_status pyr_key_codec_create(pyr_field *const *fields, int32_t count, pyr_key_nulls nulls,
                                pyr_key_codec **out, pyr_error *error) {
    *out = NULL;
    if (count < 0 || count > PYR_KEY_COLUMNS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "a key of %d columns, at most %d are possible",
                             count, PYR_KEY_COLUMNS_MAX);
    }
    size_t size = sizeof(pyr_key_codec) + (size_t)count * sizeof(key_column);
    pyr_key_codec *codec = calloc(1, size);
    if (codec == NULL) {
        return pyr_error_memory(error, size);
    }
    atomic_init(&codec->references, 1);
    codec->nulls = nulls;
    for (int32_t i = 0; i < count; ++i) {
        pyr_status status = add_column(codec, fields[i], error);
        if (status != PYR_OK) {
            pyr_key_codec_release(codec);
            return status;
        }
    }
    *out = codec;
    return PYR_OK;
}

pyr_key_codec *pyr_key_codec_retain(pyr_key_codec *codec) {
    if (codec != NULL) {
        atomic_fetch_add_explicit(&codec->references, 1, memory_order_relaxed);
    }
    return codec;
}

void pyr_key_codec_release(pyr_key_codec *codec) {
    if (codec != NULL &&
        atomic_fetch_sub_explicit(&codec->references, 1, memory_order_acq_rel) == 1) {
        for (int32_t i = 0; i < codec->count; ++i) {
            pyr_field_release(codec->columns[i].field);
        }
        free(codec);
    }
}

pyr_field *pyr_key_codec_field(const pyr_key_codec *codec, int32_t column) {
    assert(column >= 0 && column < codec->count);
    return codec->columns[column].field;
}

/* ---- Encoding. ---- */

static void put(pyr_text *out, const void *bytes, size_t size_bytes) {
    pyr_text_append(out, bytes, size_bytes);
}

/* A little-endian number the other way round, its highest bit inverted where it is a sign. */
static void put_number(pyr_text *out, const uint8_t *value, size_t width, bool is_signed) {
    uint8_t bytes[KEY_WIDTH_MAX];
    for (size_t i = 0; i < width; ++i) {
        bytes[i] = value[width - 1 - i];
    }
    bytes[0] = is_signed ? bytes[0] ^ 0x80 : bytes[0];
    put(out, bytes, width);
}

static void put_word(pyr_text *out, uint64_t value, size_t width) {
    put_number(out, (const uint8_t *)&value, width, false);
}

/* Positive floats ascend with their bits, negative ones descend: those are inverted, the others put
 * above them. */
static void put_float(pyr_text *out, const uint8_t *value, size_t width) {
    uint64_t bits = 0, sign = key_sign(width);
    memcpy(&bits, value, width);
    if ((bits & ~sign) > key_infinity(width)) {
        bits = key_nan(width);
    } else if ((bits & ~sign) == 0) {
        bits = 0;
    }
    put_word(out, (bits & sign) != 0 ? ~bits & key_mask(width) : bits | sign, width);
}

static void put_bytes(pyr_text *out, const uint8_t *bytes, size_t size_bytes) {
    static const uint8_t zero[2] = {0, KEY_ESCAPE}, end[2] = {0, KEY_END};
    while (size_bytes > 0) {
        const uint8_t *stop = memchr(bytes, 0, size_bytes);
        size_t clean = stop != NULL ? (size_t)(stop - bytes) : size_bytes;
        put(out, bytes, clean);
        if (stop != NULL) {
            put(out, zero, sizeof(zero));
            ++clean;
        }
        bytes += clean;
        size_bytes -= clean;
    }
    put(out, end, sizeof(end));
}

/* A value that is not null, of the column's plain type. */
static void put_value(const key_column *column, const pyr_array *array, int64_t row,
                      pyr_text *out) {
    if (column->form == KEY_FORM_BYTES) {
        size_t size;
        const uint8_t *bytes = pyr_array_bytes(array, row, &size);
        put_bytes(out, bytes, size);
        return;
    }
    if (column->form == KEY_FORM_BOOL) {
        pyr_text_add_char(out, pyr_array_int64(array, row) != 0 ? 1 : 0);
        return;
    }
    if (column->width == 0) {
        return; /* fixed_size_binary[0] */
    }
    const uint8_t *value = array->buffers[1]->data + (size_t)(array->offset + row) * column->width;
    switch (column->form) {
    case KEY_FORM_UNSIGNED:
    case KEY_FORM_SIGNED:
        put_number(out, value, column->width, column->form == KEY_FORM_SIGNED);
        return;
    case KEY_FORM_FLOAT:
        put_float(out, value, column->width);
        return;
    case KEY_FORM_TIME_TZ: {
        uint64_t bits = pyr_load_u64(value);
        put_word(out, bits + key_time_tz_shift(bits), sizeof(bits));
        return;
    }
    default:
        put(out, value, column->width);
        return;
    }
}

/* What decides the bytes; the rest of a type (a time zone, a name) may differ. */
static bool same_type(const pyr_field *a, const pyr_field *b) {
    return a->type == b->type && a->byte_width == b->byte_width && a->scale == b->scale &&
           a->unit == b->unit;
}

static pyr_status encode_column(const pyr_key_codec *codec, const key_column *column,
                                const pyr_array *array, int64_t row, pyr_text *out,
                                pyr_error *error) {
    bool null = false;
    while (!null && (array->field->type == PYR_TYPE_DICTIONARY ||
                     array->field->type == PYR_TYPE_RUN_END_ENCODED)) {
        if (array->field->type == PYR_TYPE_RUN_END_ENCODED) {
            row = pyr_array_run_index(array, row);
            array = array->children[1];
        } else {
            null = pyr_array_is_null(array, row);
            row = null ? 0 : pyr_array_dictionary_index(array, row);
            array = array->dictionary;
        }
    }
    if (!same_type(array->field, column->field)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "key column \"%s\": is %s, the key has %s", column->field->name,
                             pyr_type_name(array->field->type), pyr_type_name(column->field->type));
    }
    null = null || pyr_array_is_null(array, row);
    if (codec->nulls == PYR_KEY_NULLS_LAST) {
        pyr_text_add_char(out, null ? KEY_NULL : KEY_VALUE);
    } else if (null) {
        return pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23502", -1,
                                 "column \"%s\": null in a primary key", column->field->name);
    }
    if (!null) {
        put_value(column, array, row, out);
    }
    return PYR_OK;
}

pyr_status pyr_key_encode(const pyr_key_codec *codec, const pyr_batch *batch,
                          const int32_t *columns, int32_t count, int64_t row, pyr_text *out,
                          pyr_error *error) {
    assert(count >= 0 && count <= codec->count && row >= 0 && row < batch->rows);
    size_t before = out->length;
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        assert(columns[i] >= 0 && columns[i] < batch->columns_count);
        status =
            encode_column(codec, &codec->columns[i], batch->columns[columns[i]], row, out, error);
    }
    if (status == PYR_OK) {
        status = pyr_text_check(out, error);
    }
    if (status != PYR_OK) {
        out->length = before;
        if (out->data != NULL) {
            out->data[before] = '\0';
        }
    }
    return status;
}

bool pyr_key_prefix_end(pyr_text *bytes) {
    while (bytes->length > 0 && (uint8_t)bytes->data[bytes->length - 1] == 0xFF) {
        bytes->length -= 1;
    }
    if (bytes->length > 0) {
        bytes->data[bytes->length - 1] = (char)((uint8_t)bytes->data[bytes->length - 1] + 1);
    }
    if (bytes->data != NULL) {
        bytes->data[bytes->length] = '\0';
    }
    return bytes->length > 0;
}
