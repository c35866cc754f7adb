/* equal.c - logical equality: what a reader sees, not how it is laid out; see array.h.
 *
 * A row of a dictionary array is null when its index is, or when the value it names is. Both arrays
 * are of equal type and valid. */
#include "arrow/arrow_internal.h"

#include <math.h>

static bool value_is_null(const pyr_array *array, int64_t index) {
    while (array->field->type == PYR_TYPE_DICTIONARY) {
        if (pyr_array_is_null(array, index)) {
            return true;
        }
        index = pyr_array_dictionary_index(array, index);
        array = array->dictionary;
    }
    return pyr_array_is_null(array, index);
}

static bool doubles_equal(double a, double b) {
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static bool bytes_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j) {
    size_t a_size, b_size;
    const uint8_t *a_bytes = pyr_array_bytes(a, i, &a_size);
    const uint8_t *b_bytes = pyr_array_bytes(b, j, &b_size);
    return a_size == b_size && (a_size == 0 || memcmp(a_bytes, b_bytes, a_size) == 0);
}

static bool fixed_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j,
                        int64_t length) {
    size_t width = (size_t)pyr_type_bit_width(a->field) / 8;
    return memcmp(a->buffers[1]->data + (size_t)(a->offset + i) * width,
                  b->buffers[1]->data + (size_t)(b->offset + j) * width,
                  width * (size_t)length) == 0;
}

static bool lists_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j) {
    int64_t a_start, a_length, b_start, b_length;
    pyr_array_list_range(a, i, &a_start, &a_length);
    pyr_array_list_range(b, j, &b_start, &b_length);
    return a_length == b_length &&
           pyr_array_range_equal(a->children[0], a_start, b->children[0], b_start, a_length);
}

static bool unions_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j) {
    int32_t a_child, b_child;
    int64_t a_slot, b_slot;
    pyr_array_union_slot(a, i, &a_child, &a_slot);
    pyr_array_union_slot(b, j, &b_child, &b_slot);
    return a_child == b_child &&
           pyr_array_range_equal(a->children[a_child], a_slot, b->children[b_child], b_slot, 1);
}

static bool structs_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j,
                          int64_t length) {
    for (int32_t c = 0; c < a->children_count; ++c) {
        if (!pyr_array_range_equal(a->children[c], a->offset + i, b->children[c], b->offset + j,
                                   length)) {
            return false;
        }
    }
    return true;
}

/* Rows that are not null in either. */
static bool value_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j) {
    switch (a->field->type) {
    case PYR_TYPE_NULL:
        return true;
    case PYR_TYPE_BOOL:
        return pyr_array_int64(a, i) == pyr_array_int64(b, j);
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
        return doubles_equal(pyr_array_double(a, i), pyr_array_double(b, j));
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_BINARY_VIEW:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return bytes_equal(a, i, b, j);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_FIXED_SIZE_LIST:
    case PYR_TYPE_MAP:
        return lists_equal(a, i, b, j);
    case PYR_TYPE_STRUCT:
        return structs_equal(a, i, b, j, 1);
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        return unions_equal(a, i, b, j);
    case PYR_TYPE_DICTIONARY:
        return pyr_array_range_equal(a->dictionary, pyr_array_dictionary_index(a, i), b->dictionary,
                                     pyr_array_dictionary_index(b, j), 1);
    case PYR_TYPE_RUN_END_ENCODED:
        return pyr_array_range_equal(a->children[1], pyr_array_run_index(a, i), b->children[1],
                                     pyr_array_run_index(b, j), 1);
    default:
        return fixed_equal(a, i, b, j, 1);
    }
}

/* A fixed-width type whose values are equal exactly when their bytes are. */
static bool equal_by_bytes(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_FLOAT16:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
    case PYR_TYPE_DICTIONARY:
    case PYR_TYPE_FIXED_SIZE_BINARY:
        return false;
    default:
        return pyr_type_bit_width(field) >= 8;
    }
}

/* Rows at which the current run ends, counted from the run's array's own first row. */
static int64_t run_end(const pyr_array *array, int64_t run) {
    return pyr_array_int64(array->children[0], run) - array->offset;
}

/* Both run lists walked together: a comparison a run, not a row. */
static bool runs_equal(const pyr_array *a, int64_t i, const pyr_array *b, int64_t j,
                       int64_t length) {
    if (length == 0) {
        return true;
    }
    int64_t a_run = pyr_array_run_index(a, i);
    int64_t b_run = pyr_array_run_index(b, j);
    int64_t done = 0;
    while (done < length) {
        if (!pyr_array_range_equal(a->children[1], a_run, b->children[1], b_run, 1)) {
            return false;
        }
        int64_t a_end = run_end(a, a_run) - i;
        int64_t b_end = run_end(b, b_run) - j;
        done = a_end < b_end ? a_end : b_end;
        a_run += a_end == done;
        b_run += b_end == done;
    }
    return true;
}

bool pyr_array_range_equal(const pyr_array *a, int64_t a_start, const pyr_array *b, int64_t b_start,
                           int64_t length) {
    if (length == 0) {
        return true;
    }
    if (a->field->type == PYR_TYPE_RUN_END_ENCODED) {
        return runs_equal(a, a_start, b, b_start, length);
    }
    bool no_nulls = pyr_array_validity(a) == NULL && pyr_array_validity(b) == NULL;
    if (no_nulls && equal_by_bytes(a->field)) {
        return fixed_equal(a, a_start, b, b_start, length);
    }
    if (no_nulls && a->field->type == PYR_TYPE_STRUCT) {
        return structs_equal(a, a_start, b, b_start, length);
    }
    for (int64_t i = 0; i < length; ++i) {
        bool a_null = value_is_null(a, a_start + i);
        if (a_null != value_is_null(b, b_start + i) ||
            (!a_null && !value_equal(a, a_start + i, b, b_start + i))) {
            return false;
        }
    }
    return true;
}

bool pyr_array_equal(const pyr_array *a, const pyr_array *b) {
    return a == b || (a->length == b->length && pyr_field_type_equal(a->field, b->field) &&
                      pyr_array_range_equal(a, 0, b, 0, a->length));
}
