/* array_null.c - arrays of nulls and empty arrays, of any type; see pyr_array_create_null. */
#include "arrow/arrow_internal.h"

#include "base/checked.h"

#include <assert.h>

static pyr_status too_long(const pyr_field *field, int64_t length, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_LIMIT, "%lld nulls of type %s are too many",
                         (long long)length, pyr_type_name(field->type));
}

/* Bytes that `length` zeroed slots of a buffer need. */
static bool slot_bytes(const pyr_field *field, pyr_buffer_kind kind, int64_t length, int64_t *out) {
    switch (kind) {
    case PYR_BUFFER_VALIDITY:
        *out = pyr_bits_size_bytes(length);
        return true;
    case PYR_BUFFER_DATA:
        if (!pyr_mul_i64(length, pyr_type_bit_width(field), out)) {
            return false;
        }
        *out = pyr_bits_size_bytes(*out);
        return true;
    case PYR_BUFFER_OFFSETS32:
        return pyr_mul_i64(length, 4, out) && pyr_add_i64(*out, 4, out);
    case PYR_BUFFER_OFFSETS64:
        return pyr_mul_i64(length, 8, out) && pyr_add_i64(*out, 8, out);
    case PYR_BUFFER_TYPE_CODES:
        *out = length;
        return true;
    case PYR_BUFFER_UNION_OFFSETS:
    case PYR_BUFFER_LIST_OFFSETS32:
    case PYR_BUFFER_SIZES32:
        return pyr_mul_i64(length, 4, out);
    case PYR_BUFFER_LIST_OFFSETS64:
    case PYR_BUFFER_SIZES64:
        return pyr_mul_i64(length, 8, out);
    case PYR_BUFFER_VIEWS:
        return pyr_mul_i64(length, PYR_VIEW_SIZE_BYTES, out);
    default:
        *out = 0;
        return true;
    }
}

/* Every slot of a union is of its first child, whose values are null. */
static pyr_status fill_union(const pyr_field *field, int64_t length, pyr_buffer **buffers,
                             pyr_error *error) {
    if (field->children_count == 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "a union without children has no null");
    }
    memset(pyr_buffer_mutable(buffers[0]), field->type_codes[0], (size_t)length);
    if (field->type != PYR_TYPE_DENSE_UNION) {
        return PYR_OK;
    }
    if (length > INT32_MAX) {
        return too_long(field, length, error);
    }
    uint8_t *offsets = pyr_buffer_mutable(buffers[1]);
    for (int32_t i = 0; i < (int32_t)length; ++i) {
        memcpy(offsets + (size_t)i * sizeof(i), &i, sizeof(i));
    }
    return PYR_OK;
}

static pyr_status make_buffers(const pyr_field *field, int64_t length, pyr_budget *budget,
                               pyr_buffer **buffers, pyr_error *error) {
    pyr_layout layout = pyr_type_layout(field->type);
    for (int32_t i = 0; length > 0 && i < layout.buffers_count; ++i) {
        int64_t size;
        if (!slot_bytes(field, layout.buffers[i], length, &size)) {
            return too_long(field, length, error);
        }
        if (size > 0) {
            PYR_TRY(pyr_buffer_create((size_t)size, budget, &buffers[i], error));
        }
    }
    if (length > 0 &&
        (field->type == PYR_TYPE_DENSE_UNION || field->type == PYR_TYPE_SPARSE_UNION)) {
        return fill_union(field, length, buffers, error);
    }
    return PYR_OK;
}

/* One run of one null. */
static pyr_status make_run_ends(pyr_field *field, int64_t length, pyr_budget *budget,
                                pyr_array **out, pyr_error *error) {
    int32_t bits = pyr_type_bit_width(field);
    if ((bits == 16 && length > INT16_MAX) || (bits == 32 && length > INT32_MAX)) {
        return too_long(field, length, error);
    }
    size_t size = (size_t)bits / 8;
    pyr_buffer *buffers[2] = {NULL, NULL};
    PYR_TRY(pyr_buffer_create(size, budget, &buffers[1], error));
    memcpy(pyr_buffer_mutable(buffers[1]), &length, size); /* little-endian: the low bytes */
    pyr_status status = pyr_array_create(field, 1, 0, 0, buffers, 2, NULL, 0, NULL, out, error);
    pyr_buffer_release(buffers[1]);
    return status;
}

/* How many values child i needs below `length` nulls; false on overflow. */
static bool child_length(const pyr_field *field, int32_t child, int64_t length, int64_t *out) {
    switch (field->type) {
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_SPARSE_UNION:
        *out = length;
        return true;
    case PYR_TYPE_DENSE_UNION:
        *out = child == 0 ? length : 0;
        return true;
    case PYR_TYPE_FIXED_SIZE_LIST:
        return pyr_mul_i64(length, field->list_size, out);
    case PYR_TYPE_RUN_END_ENCODED:
        *out = length > 0 ? 1 : 0;
        return true;
    default:
        *out = 0; /* lists: all empty */
        return true;
    }
}

static pyr_status make_children(const pyr_field *field, int64_t length, pyr_budget *budget,
                                pyr_array **children, pyr_error *error) {
    for (int32_t i = 0; i < field->children_count; ++i) {
        int64_t count;
        if (!child_length(field, i, length, &count)) {
            return too_long(field, length, error);
        }
        if (field->type == PYR_TYPE_RUN_END_ENCODED && i == 0 && length > 0) {
            PYR_TRY(make_run_ends(field->children[0], length, budget, &children[0], error));
        } else {
            PYR_TRY(pyr_array_create_null(field->children[i], count, budget, &children[i], error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_array_create_null(pyr_field *field, int64_t length, pyr_budget *budget,
                                 pyr_array **out, pyr_error *error) {
    *out = NULL;
    assert(length >= 0);
    pyr_buffer *buffers[3] = {NULL, NULL, NULL};
    pyr_array *dictionary = NULL;
    size_t children_count = (size_t)field->children_count;
    pyr_array **children = calloc(children_count + 1, sizeof(*children));
    pyr_status status =
        children != NULL ? PYR_OK : pyr_error_memory(error, children_count * sizeof(*children));
    if (status == PYR_OK) {
        status = make_buffers(field, length, budget, buffers, error);
    }
    if (status == PYR_OK) {
        status = make_children(field, length, budget, children, error);
    }
    if (status == PYR_OK && field->type == PYR_TYPE_DICTIONARY) {
        status = pyr_array_create_null(field->dictionary, 0, budget, &dictionary, error);
    }
    if (status == PYR_OK) {
        int64_t null_count =
            pyr_type_has_validity(field->type) || field->type == PYR_TYPE_NULL ? length : 0;
        status = pyr_array_create(field, length, 0, null_count, buffers,
                                  pyr_type_layout(field->type).buffers_count, children,
                                  field->children_count, dictionary, out, error);
    }
    for (size_t i = 0; children != NULL && i < children_count; ++i) {
        pyr_array_release(children[i]);
    }
    free(children);
    pyr_array_release(dictionary);
    for (size_t i = 0; i < 3; ++i) {
        pyr_buffer_release(buffers[i]);
    }
    return status;
}
