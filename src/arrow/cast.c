/* cast.c - see cast.h. Every cast is a loop over one pair of C types, chosen once per array. */
#include "arrow/cast.h"

#include "arrow/builder.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- Which pairs. ---- */

static int32_t integer_digits(pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_INT8:
    case PYR_TYPE_UINT8:
        return 3;
    case PYR_TYPE_INT16:
    case PYR_TYPE_UINT16:
        return 5;
    case PYR_TYPE_INT32:
    case PYR_TYPE_UINT32:
        return 10;
    case PYR_TYPE_INT64:
        return 19;
    default:
        return 20;
    }
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

static bool is_narrow_decimal(pyr_type_id type) {
    return type == PYR_TYPE_DECIMAL32 || type == PYR_TYPE_DECIMAL64 || type == PYR_TYPE_DECIMAL128;
}

static bool is_utf8(pyr_type_id type) {
    return type == PYR_TYPE_UTF8 || type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_UTF8_VIEW;
}

static bool is_binary(pyr_type_id type) {
    return type == PYR_TYPE_BINARY || type == PYR_TYPE_LARGE_BINARY || type == PYR_TYPE_BINARY_VIEW;
}

static bool integer_covered(const pyr_field *from, const pyr_field *to) {
    if (pyr_type_is_integer(to->type)) {
        bool from_signed = pyr_type_is_signed(from->type);
        bool to_signed = pyr_type_is_signed(to->type);
        int32_t from_bits = integer_bits(from->type);
        int32_t to_bits = integer_bits(to->type);
        return from_signed == to_signed ? from_bits <= to_bits
                                        : !from_signed && from_bits < to_bits;
    }
    if (to->type == PYR_TYPE_FLOAT64) {
        return integer_bits(from->type) <= 32;
    }
    return is_narrow_decimal(to->type) && to->scale >= 0 &&
           to->precision - to->scale >= integer_digits(from->type);
}

static bool decimal_covered(const pyr_field *from, const pyr_field *to) {
    if (to->type == PYR_TYPE_FLOAT64) {
        return from->scale >= 0;
    }
    return is_narrow_decimal(to->type) && to->scale >= from->scale &&
           to->precision - to->scale >= from->precision - from->scale;
}

static bool same_timezone(const pyr_field *a, const pyr_field *b) {
    /* Instants are the same whatever zone they are shown in; local times are not instants. */
    return (a->timezone == NULL) == (b->timezone == NULL);
}

static bool same_type(const pyr_field *from, const pyr_field *to) {
    const char *values = pyr_metadata_find(to->metadata, PYR_ENUM_KEY, NULL);
    const char *own = pyr_metadata_find(from->metadata, PYR_ENUM_KEY, NULL);
    return pyr_field_type_equal(from, to) &&
           (values == NULL || (own != NULL && strcmp(own, values) == 0));
}

bool pyr_cast_is_covered(const pyr_field *from, const pyr_field *to) {
    if (same_type(from, to) || from->type == PYR_TYPE_NULL) {
        return true;
    }
    if (from->type == PYR_TYPE_DICTIONARY) {
        return pyr_cast_is_covered(from->dictionary, to);
    }
    if (pyr_type_is_integer(from->type)) {
        return integer_covered(from, to);
    }
    if (is_narrow_decimal(from->type)) {
        return decimal_covered(from, to);
    }
    if (is_utf8(from->type) || is_binary(from->type)) {
        return is_utf8(from->type) ? is_utf8(to->type) : is_binary(to->type);
    }
    switch (from->type) {
    case PYR_TYPE_FLOAT32:
        return to->type == PYR_TYPE_FLOAT64;
    case PYR_TYPE_DATE32:
        return to->type == PYR_TYPE_TIMESTAMP && to->timezone == NULL;
    case PYR_TYPE_TIMESTAMP:
        return to->type == PYR_TYPE_TIMESTAMP && to->unit >= from->unit && same_timezone(from, to);
    case PYR_TYPE_DURATION:
        return to->type == PYR_TYPE_DURATION && to->unit >= from->unit;
    case PYR_TYPE_TIME32:
    case PYR_TYPE_TIME64:
        return (to->type == PYR_TYPE_TIME32 || to->type == PYR_TYPE_TIME64) &&
               to->unit >= from->unit;
    default:
        return false;
    }
}

/* ---- Values. ---- */

typedef __int128 int128;

static int128 load_integer(const pyr_array *array, int64_t index) {
    if (array->field->type == PYR_TYPE_UINT64) {
        uint64_t value;
        memcpy(&value, array->buffers[1]->data + (size_t)(array->offset + index) * 8, 8);
        return value;
    }
    if (array->field->type == PYR_TYPE_DECIMAL128) {
        int128 value;
        memcpy(&value, array->buffers[1]->data + (size_t)(array->offset + index) * 16, 16);
        return value;
    }
    if (array->field->type == PYR_TYPE_DECIMAL64) {
        int64_t value;
        memcpy(&value, array->buffers[1]->data + (size_t)(array->offset + index) * 8, 8);
        return value;
    }
    if (array->field->type == PYR_TYPE_DECIMAL32) {
        int32_t value;
        memcpy(&value, array->buffers[1]->data + (size_t)(array->offset + index) * 4, 4);
        return value;
    }
    return pyr_array_int64(array, index);
}

/* The factor between two units or scales: value * factor is the target's value. */
static int128 factor_of(const pyr_field *from, const pyr_field *to) {
    int32_t powers = 0;
    if (is_narrow_decimal(to->type)) {
        powers = to->scale - (is_narrow_decimal(from->type) ? from->scale : 0);
    } else if (from->type == PYR_TYPE_DATE32) {
        return (int128)86400 * (to->unit == PYR_UNIT_SECOND        ? 1
                                : to->unit == PYR_UNIT_MILLISECOND ? 1000
                                : to->unit == PYR_UNIT_MICROSECOND ? 1000000
                                                                   : 1000000000);
    } else if (to->type == PYR_TYPE_TIMESTAMP || to->type == PYR_TYPE_DURATION ||
               to->type == PYR_TYPE_TIME32 || to->type == PYR_TYPE_TIME64) {
        powers = 3 * ((int32_t)to->unit - (int32_t)from->unit);
    }
    int128 factor = 1;
    for (int32_t i = 0; i < powers; ++i) {
        factor *= 10;
    }
    return factor;
}

static pyr_status out_of_range(int64_t row, const pyr_field *to, pyr_error *error) {
    pyr_text type;
    pyr_text_init(&type);
    pyr_field_type_print(to, &type);
    pyr_status status = pyr_error_set_sql(error, PYR_ERROR_SQL, "22003", -1,
                                          "row %lld: the value is out of range for %s",
                                          (long long)row, pyr_text_get(&type));
    pyr_text_deinit(&type);
    return status;
}

static pyr_status cast_numbers(const pyr_array *array, const pyr_field *to, uint8_t *data,
                               pyr_error *error) {
    size_t width = (size_t)pyr_type_bit_width(to) / 8;
    int128 factor = factor_of(array->field, to);
    for (int64_t i = 0; i < array->length; ++i) {
        if (pyr_array_is_null(array, i)) {
            continue;
        }
        int128 value;
        if (__builtin_mul_overflow(load_integer(array, i), factor, &value) ||
            (width == 8 && to->type != PYR_TYPE_UINT64 &&
             (value > INT64_MAX || value < INT64_MIN))) {
            return out_of_range(i, to, error);
        }
        /* Little-endian: the low bytes are the narrower value; the pair is covered, so it fits. */
        memcpy(data + (size_t)i * width, &value, width);
    }
    return PYR_OK;
}

static void cast_to_double(const pyr_array *array, uint8_t *data) {
    bool is_float = array->field->type == PYR_TYPE_FLOAT32;
    double divisor = 1;
    for (int32_t i = 0; is_narrow_decimal(array->field->type) && i < array->field->scale; ++i) {
        divisor *= 10;
    }
    for (int64_t i = 0; i < array->length; ++i) {
        double value =
            is_float ? pyr_array_double(array, i) : (double)load_integer(array, i) / divisor;
        memcpy(data + (size_t)i * sizeof(value), &value, sizeof(value));
    }
}

/* The validity of rows [offset, offset + length) at offset 0; NULL where nothing is null. */
static pyr_status copy_validity(pyr_array *array, pyr_query_ledger *ledger, pyr_budget *budget,
                                pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    if (pyr_array_null_count(array) == 0) {
        return PYR_OK;
    }
    size_t size = (size_t)pyr_bits_size_bytes(array->length);
    PYR_TRY(pyr_buffer_create(size, budget, out, error));
    pyr_bits_copy(array->buffers[0]->data, array->offset, pyr_buffer_mutable(*out), 0,
                  array->length);
    pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, (int64_t)size);
    return PYR_OK;
}

static pyr_status cast_fixed(pyr_array *array, pyr_field *to, pyr_query_ledger *ledger,
                             pyr_budget *budget, pyr_array **out, pyr_error *error) {
    size_t width = (size_t)pyr_type_bit_width(to) / 8;
    pyr_buffer *buffers[2] = {NULL, NULL};
    pyr_status status = copy_validity(array, ledger, budget, &buffers[0], error);
    if (status == PYR_OK) {
        status = pyr_buffer_create((size_t)array->length * width, budget, &buffers[1], error);
    }
    if (status == PYR_OK && to->type == PYR_TYPE_FLOAT64) {
        cast_to_double(array, pyr_buffer_mutable(buffers[1]));
    } else if (status == PYR_OK) {
        status = cast_numbers(array, to, pyr_buffer_mutable(buffers[1]), error);
    }
    if (status == PYR_OK) {
        pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, (int64_t)((size_t)array->length * width));
        status = pyr_array_create(to, array->length, 0, pyr_array_null_count(array), buffers, 2,
                                  NULL, 0, NULL, out, error);
    }
    pyr_buffer_release(buffers[0]);
    pyr_buffer_release(buffers[1]);
    return status;
}

static pyr_status cast_strings(pyr_array *array, pyr_field *to, pyr_query_ledger *ledger,
                               pyr_budget *budget, pyr_array **out, pyr_error *error) {
    pyr_builder *builder = NULL;
    PYR_TRY(pyr_builder_create(to, budget, &builder, error));
    pyr_status status = PYR_OK;
    for (int64_t i = 0; status == PYR_OK && i < array->length; ++i) {
        if (pyr_array_is_null(array, i)) {
            status = pyr_builder_null(builder, error);
        } else {
            size_t size;
            const uint8_t *bytes = pyr_array_bytes(array, i, &size);
            status = pyr_builder_bytes(builder, bytes, size, error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, error);
    }
    pyr_builder_destroy(builder);
    if (status == PYR_OK) {
        pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, pyr_array_size_bytes(*out));
    }
    return status;
}

static pyr_status cast_dictionary(pyr_array *array, pyr_field *to, pyr_query_ledger *ledger,
                                  pyr_budget *budget, pyr_array **out, pyr_error *error) {
    size_t size = (size_t)array->length * sizeof(int32_t);
    int32_t *indices = malloc(size > 0 ? size : 1);
    if (indices == NULL) {
        return pyr_error_memory(error, size);
    }
    pyr_status status = PYR_OK;
    for (int64_t i = 0; status == PYR_OK && i < array->length; ++i) {
        int64_t index = pyr_array_is_null(array, i) ? -1 : pyr_array_dictionary_index(array, i);
        if (index > INT32_MAX) {
            status = pyr_error_set(error, PYR_ERROR_LIMIT, "a dictionary of more than %d values",
                                   INT32_MAX);
        } else {
            indices[i] = (int32_t)index;
        }
    }
    pyr_array *plain = NULL;
    if (status == PYR_OK) {
        status = pyr_array_take(array->dictionary, indices, array->length, PYR_COPY_CONVERT, ledger,
                                budget, &plain, error);
    }
    if (status == PYR_OK) {
        status = pyr_array_cast(plain, to, ledger, budget, out, error);
    }
    pyr_array_release(plain);
    free(indices);
    return status;
}

/* Nulls of a type are columns that we write, too. */
static pyr_status make_nulls(pyr_field *field, int64_t length, pyr_query_ledger *ledger,
                             pyr_budget *budget, pyr_array **out, pyr_error *error) {
    PYR_TRY(pyr_array_create_null(field, length, budget, out, error));
    pyr_ledger_add_copy(ledger, PYR_COPY_CONVERT, pyr_array_size_bytes(*out));
    return PYR_OK;
}

pyr_status pyr_array_cast(pyr_array *array, pyr_field *to, pyr_query_ledger *ledger,
                          pyr_budget *budget, pyr_array **out, pyr_error *error) {
    *out = NULL;
    const pyr_field *from = array->field;
    if (same_type(from, to)) {
        *out = pyr_array_retain(array);
        return PYR_OK;
    }
    if (!pyr_cast_is_covered(from, to)) {
        pyr_text types;
        pyr_text_init(&types);
        pyr_field_type_print(from, &types);
        pyr_text_add(&types, " to ");
        pyr_field_type_print(to, &types);
        pyr_status status =
            pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "no cast from %s", pyr_text_get(&types));
        pyr_text_deinit(&types);
        return status;
    }
    if (from->type == PYR_TYPE_NULL) {
        return make_nulls(to, array->length, ledger, budget, out, error);
    }
    if (from->type == PYR_TYPE_DICTIONARY) {
        return cast_dictionary(array, to, ledger, budget, out, error);
    }
    if (is_utf8(from->type) || is_binary(from->type)) {
        return cast_strings(array, to, ledger, budget, out, error);
    }
    return cast_fixed(array, to, ledger, budget, out, error);
}

pyr_status pyr_batch_cast(pyr_batch *batch, pyr_schema *schema, const int32_t *map,
                          pyr_query_ledger *ledger, pyr_budget *budget, pyr_batch **out,
                          pyr_error *error) {
    *out = NULL;
    pyr_batch *dense = NULL;
    PYR_TRY(pyr_batch_dense(batch, ledger, budget, &dense, error));
    size_t count = (size_t)schema->fields_count;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    pyr_status status = columns != NULL ? PYR_OK : pyr_error_memory(error, count * sizeof(void *));
    for (int32_t i = 0; status == PYR_OK && i < schema->fields_count; ++i) {
        status = map[i] < 0 ? make_nulls(schema->fields[i], dense->rows, ledger, budget,
                                         &columns[i], error)
                            : pyr_array_cast(dense->columns[map[i]], schema->fields[i], ledger,
                                             budget, &columns[i], error);
        if (status != PYR_OK) {
            (void)pyr_error_context(error, status, "column \"%s\"", schema->fields[i]->name);
        }
    }
    if (status == PYR_OK) {
        status =
            pyr_batch_create(schema, dense->rows, columns, schema->fields_count, NULL, out, error);
    }
    for (size_t i = 0; columns != NULL && i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    pyr_batch_release(dense);
    return status;
}

pyr_status pyr_cast_plain_field(const pyr_field *field, pyr_field **out, pyr_error *error) {
    const pyr_field *plain = field;
    while (plain->type == PYR_TYPE_DICTIONARY) {
        plain = plain->dictionary;
    }
    return pyr_field_with(plain, field->name, true, field->metadata, out, error);
}
