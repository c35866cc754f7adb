/* array.c - arrays: creation, slices, counting; see array.h. Element access: array_access.c. */
#include "arrow/arrow_internal.h"

#include "base/mapping.h"

#include <assert.h>

pyr_status pyr_array_create(pyr_field *field, int64_t length, int64_t offset, int64_t null_count,
                            pyr_buffer *const *buffers, int32_t buffers_count,
                            pyr_array *const *children, int32_t children_count,
                            pyr_array *dictionary, pyr_array **out, pyr_error *error) {
    *out = NULL;
    assert(buffers_count >= 0 && children_count >= 0);
    /* One allocation: a slice of a batch is made of these, and slices must be cheap. */
    size_t pointers = (size_t)buffers_count + (size_t)children_count;
    size_t size = sizeof(pyr_array) + pointers * sizeof(void *);
    pyr_array *array = malloc(size);
    if (array == NULL) {
        return pyr_error_memory(error, size);
    }
    atomic_init(&array->references, 1);
    array->field = pyr_field_retain(field);
    array->length = length;
    array->offset = offset;
    atomic_init(&array->null_count, null_count);
    array->buffers_count = buffers_count;
    array->children_count = children_count;
    array->buffers = (pyr_buffer **)(array + 1);
    array->children = (pyr_array **)(array->buffers + buffers_count);
    for (int32_t i = 0; i < buffers_count; ++i) {
        array->buffers[i] = pyr_buffer_retain(buffers[i]);
    }
    for (int32_t i = 0; i < children_count; ++i) {
        array->children[i] = pyr_array_retain(children[i]);
    }
    array->dictionary = pyr_array_retain(dictionary);
    array->codes = NULL;
    *out = array;
    return PYR_OK;
}

void pyr_array_set_codes(pyr_array *array, pyr_codes *codes) {
    assert(array->field->type == PYR_TYPE_UTF8 && codes->rows >= array->offset + array->length);
    pyr_codes_release(array->codes);
    array->codes = pyr_codes_retain(codes);
}

pyr_array *pyr_array_retain(pyr_array *array) {
    if (array != NULL) {
        atomic_fetch_add_explicit(&array->references, 1, memory_order_relaxed);
    }
    return array;
}

void pyr_array_release(pyr_array *array) {
    if (array == NULL ||
        atomic_fetch_sub_explicit(&array->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < array->buffers_count; ++i) {
        pyr_buffer_release(array->buffers[i]);
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        pyr_array_release(array->children[i]);
    }
    pyr_array_release(array->dictionary);
    pyr_codes_release(array->codes);
    pyr_field_release(array->field);
    free(array);
}

pyr_status pyr_array_slice(pyr_array *array, int64_t offset, int64_t length, pyr_array **out,
                           pyr_error *error) {
    assert(offset >= 0 && length >= 0 && offset <= array->length &&
           length <= array->length - offset);
    if (offset == 0 && length == array->length) {
        *out = pyr_array_retain(array);
        return PYR_OK;
    }
    int64_t null_count = atomic_load_explicit(&array->null_count, memory_order_relaxed);
    if (null_count == array->length) {
        null_count = length;
    } else if (length == 0) {
        null_count = 0;
    } else if (null_count != 0) {
        null_count = -1;
    }
    PYR_TRY(pyr_array_create(array->field, length, array->offset + offset, null_count,
                             array->buffers, array->buffers_count, array->children,
                             array->children_count, array->dictionary, out, error));
    (*out)->codes = pyr_codes_retain(array->codes);
    return PYR_OK;
}

const uint8_t *pyr_array_validity(const pyr_array *array) {
    return pyr_type_has_validity(array->field->type) && array->buffers_count > 0
               ? array_data(array, 0)
               : NULL;
}

int64_t pyr_array_null_count(pyr_array *array) {
    int64_t count = atomic_load_explicit(&array->null_count, memory_order_relaxed);
    if (count >= 0) {
        return count;
    }
    const uint8_t *validity = pyr_array_validity(array);
    if (array->field->type == PYR_TYPE_NULL) {
        count = array->length;
    } else if (validity == NULL || array->length == 0) {
        count = 0;
    } else {
        count = array->length - pyr_bits_count_set(validity, array->offset, array->length);
    }
    /* Two threads may count at once; they store the same. */
    atomic_store_explicit(&array->null_count, count, memory_order_relaxed);
    return count;
}

/* ---- Sizes. Ranges are clamped to what is there: an array checked for its structure only may name
 * any range in the offsets of its children. ---- */

static int64_t range_size(const pyr_array *array, int64_t start, int64_t length);

/* Elements [first, last] of the offsets buffer, as a range of what they point into. */
static void offsets_range(const pyr_array *array, int64_t first, int64_t length, int64_t *start,
                          int64_t *size) {
    const uint8_t *offsets = array_data(array, 1);
    bool is_64 = pyr_type_is_large(array->field->type);
    *start = 0;
    *size = 0;
    if (offsets != NULL && length > 0) {
        *start = load_offset(offsets, first, is_64);
        int64_t end = load_offset(offsets, first + length, is_64);
        *size = *start >= 0 && end >= *start ? end - *start : 0;
        *start = *start >= 0 ? *start : 0;
    }
}

static int64_t variadic_size(const pyr_array *array) {
    int64_t size = 0;
    for (int32_t i = 2; i < array->buffers_count; ++i) {
        size += array->buffers[i] != NULL ? (int64_t)array->buffers[i]->size_bytes : 0;
    }
    return size;
}

static int64_t run_ends_size(const pyr_array *array, int64_t start, int64_t length) {
    if (length == 0 || array->children[0]->length == 0) {
        return 0;
    }
    int64_t first = pyr_array_run_index(array, start);
    int64_t last = pyr_array_run_index(array, start + length - 1);
    return range_size(array->children[0], first, last - first + 1) +
           range_size(array->children[1], first, last - first + 1);
}

static int64_t children_size(const pyr_array *array, int64_t start, int64_t length) {
    int64_t size = 0;
    for (int32_t i = 0; i < array->children_count; ++i) {
        size += range_size(array->children[i], start, length);
    }
    return size;
}

/* What lies below the buffers of the layout itself; start counts from the buffers' beginning. */
static int64_t nested_size(const pyr_array *array, int64_t start, int64_t length) {
    int64_t from, count;
    switch (array->field->type) {
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
        offsets_range(array, start, length, &from, &count);
        return count;
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY_VIEW:
        return variadic_size(array);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_MAP:
        offsets_range(array, start, length, &from, &count);
        return range_size(array->children[0], from, count);
    case PYR_TYPE_FIXED_SIZE_LIST:
        return range_size(array->children[0], start * array->field->list_size,
                          length * array->field->list_size);
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_SPARSE_UNION:
        return children_size(array, start, length);
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_DENSE_UNION:
        /* Which values the rows use is known only by looking at each row: the whole child. */
        return children_size(array, 0, INT64_MAX);
    case PYR_TYPE_DICTIONARY:
        return range_size(array->dictionary, 0, INT64_MAX);
    case PYR_TYPE_RUN_END_ENCODED:
        return run_ends_size(array, start - array->offset, length);
    default:
        return 0;
    }
}

static int64_t range_size(const pyr_array *array, int64_t start, int64_t length) {
    start = start < array->length ? start : array->length;
    length = length < array->length - start ? length : array->length - start;
    if (length <= 0) {
        return 0; /* also nothing of dictionaries and data buffers that no row points to */
    }
    pyr_layout layout = pyr_type_layout(array->field->type);
    int64_t size = 0;
    for (int32_t i = 0; i < layout.buffers_count; ++i) {
        if (array_data(array, i) == NULL) {
            continue;
        }
        switch (layout.buffers[i]) {
        case PYR_BUFFER_VALIDITY:
            size += pyr_bits_size_bytes(length);
            break;
        case PYR_BUFFER_DATA:
            size += pyr_bits_size_bytes(length * pyr_type_bit_width(array->field));
            break;
        case PYR_BUFFER_OFFSETS32:
            size += (length + 1) * 4;
            break;
        case PYR_BUFFER_OFFSETS64:
            size += (length + 1) * 8;
            break;
        case PYR_BUFFER_TYPE_CODES:
            size += length;
            break;
        case PYR_BUFFER_UNION_OFFSETS:
        case PYR_BUFFER_LIST_OFFSETS32:
        case PYR_BUFFER_SIZES32:
            size += length * 4;
            break;
        case PYR_BUFFER_LIST_OFFSETS64:
        case PYR_BUFFER_SIZES64:
            size += length * 8;
            break;
        case PYR_BUFFER_VIEWS:
            size += length * PYR_VIEW_SIZE_BYTES;
            break;
        case PYR_BUFFER_BYTES:
            break; /* by the offsets, in nested_size */
        }
    }
    return size + nested_size(array, array->offset + start, length);
}

int64_t pyr_array_size_bytes(const pyr_array *array) {
    return range_size(array, 0, array->length);
}

pyr_status pyr_array_check_mappings(const pyr_array *array, pyr_error *error) {
    for (int32_t i = 0; i < array->buffers_count; ++i) {
        if (array->buffers[i] != NULL) {
            PYR_TRY(pyr_mapping_check(array->buffers[i]->mapping, error));
        }
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        PYR_TRY(pyr_array_check_mappings(array->children[i], error));
    }
    return array->dictionary != NULL ? pyr_array_check_mappings(array->dictionary, error) : PYR_OK;
}
