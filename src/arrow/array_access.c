/* array_access.c - single values of an array that was found valid; see array.h. */
#include "arrow/arrow_internal.h"

#include <assert.h>
#include <math.h>

static const uint8_t *view_bytes(const pyr_array *array, int64_t position, size_t *size_bytes) {
    const uint8_t *slot = array->buffers[1]->data + (size_t)position * PYR_VIEW_SIZE_BYTES;
    pyr_view view;
    memcpy(&view, slot, sizeof(view));
    *size_bytes = (size_t)view.size_bytes;
    if (view.size_bytes <= PYR_VIEW_INLINE_MAX) {
        return slot + offsetof(pyr_view, inlined);
    }
    return array->buffers[2 + view.far.buffer_index]->data + view.far.offset;
}

static const uint8_t *offset_bytes(const pyr_array *array, int64_t position, size_t *size_bytes) {
    bool is_64 = pyr_type_is_large(array->field->type);
    const uint8_t *offsets = array->buffers[1]->data;
    int64_t start = load_offset(offsets, position, is_64);
    *size_bytes = (size_t)(load_offset(offsets, position + 1, is_64) - start);
    const uint8_t *bytes = array_data(array, 2);
    /* Every value may be empty, and the buffer absent then. */
    return bytes != NULL ? bytes + start : (const uint8_t *)"";
}

const uint8_t *pyr_array_bytes(const pyr_array *array, int64_t index, size_t *size_bytes) {
    int64_t position = array->offset + index;
    if (array->field->type == PYR_TYPE_FIXED_SIZE_BINARY) {
        *size_bytes = (size_t)array->field->byte_width;
        const uint8_t *data = array_data(array, 1);
        return data != NULL ? data + (size_t)position * *size_bytes : (const uint8_t *)"";
    }
    return pyr_type_is_view(array->field->type) ? view_bytes(array, position, size_bytes)
                                                : offset_bytes(array, position, size_bytes);
}

void pyr_array_list_range(const pyr_array *array, int64_t index, int64_t *start, int64_t *length) {
    int64_t position = array->offset + index;
    if (array->field->type == PYR_TYPE_FIXED_SIZE_LIST) {
        *length = array->field->list_size;
        *start = position * *length;
        return;
    }
    bool is_64 = pyr_type_is_large(array->field->type);
    const uint8_t *offsets = array->buffers[1]->data;
    *start = load_offset(offsets, position, is_64);
    *length = pyr_type_is_list_view(array->field->type)
                  ? load_offset(array->buffers[2]->data, position, is_64)
                  : load_offset(offsets, position + 1, is_64) - *start;
}

/* An integer of a fixed-width buffer, by its type. */
static int64_t load_integer(const uint8_t *data, int64_t position, pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_INT8:
        return (int8_t)data[position];
    case PYR_TYPE_UINT8:
        return data[position];
    case PYR_TYPE_INT16:
        return load_i16(data, position);
    case PYR_TYPE_UINT16:
        return (uint16_t)load_i16(data, position);
    case PYR_TYPE_INT32:
    case PYR_TYPE_DATE32:
    case PYR_TYPE_TIME32:
    case PYR_TYPE_INTERVAL_YEAR_MONTH:
    case PYR_TYPE_DECIMAL32:
        return load_i32(data, position);
    case PYR_TYPE_UINT32:
        return (uint32_t)load_i32(data, position);
    default:
        return load_i64(data, position);
    }
}

int64_t pyr_array_int64(const pyr_array *array, int64_t index) {
    const uint8_t *data = array->buffers[1]->data;
    int64_t position = array->offset + index;
    if (array->field->type == PYR_TYPE_BOOL) {
        return pyr_bit_get(data, position);
    }
    return load_integer(data, position, array->field->type);
}

double pyr_half_to_double(uint16_t half) {
    int exponent = (half >> 10) & 0x1f;
    int mantissa = half & 0x3ff;
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                   : mantissa == 0  ? (double)INFINITY
                                    : (double)NAN;
    return (half & 0x8000) != 0 ? -value : value;
}

double pyr_array_double(const pyr_array *array, int64_t index) {
    const uint8_t *data = array->buffers[1]->data;
    int64_t position = array->offset + index;
    if (array->field->type == PYR_TYPE_FLOAT16) {
        return pyr_half_to_double((uint16_t)load_i16(data, position));
    }
    if (array->field->type == PYR_TYPE_FLOAT32) {
        float value;
        memcpy(&value, data + (size_t)position * sizeof(value), sizeof(value));
        return (double)value;
    }
    double value;
    memcpy(&value, data + (size_t)position * sizeof(value), sizeof(value));
    return value;
}

int64_t pyr_array_run_index(const pyr_array *array, int64_t index) {
    const pyr_array *ends = array->children[0];
    int64_t position = array->offset + index;
    /* The first run whose end lies behind the position; the last one where the ends lie. */
    int64_t low = 0, high = ends->length - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (pyr_array_int64(ends, middle) > position) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

void pyr_array_union_slot(const pyr_array *array, int64_t index, int32_t *child, int64_t *slot) {
    int64_t position = array->offset + index;
    const pyr_field *field = array->field;
    /* Never negative: the codes of a field lie in 0 to 127, those of checked values among them. */
    int32_t code = array->buffers[0]->data[position];
    int32_t ordinal = 0;
    if (code < field->children_count && field->type_codes[code] == code) {
        ordinal = code; /* codes 0, 1, 2, ...: what producers write */
    } else {
        while (ordinal < field->children_count && field->type_codes[ordinal] != code) {
            ++ordinal;
        }
        assert(ordinal < field->children_count);
    }
    *child = ordinal;
    *slot = field->type == PYR_TYPE_DENSE_UNION ? load_i32(array->buffers[1]->data, position)
                                                : position;
}

int64_t pyr_array_dictionary_index(const pyr_array *array, int64_t index) {
    return load_integer(array->buffers[1]->data, array->offset + index, array->field->index_type);
}
