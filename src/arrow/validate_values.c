/* validate_values.c - every row of an array from outside: offsets monotonic, views, indices, type
 * codes and run ends in range, text UTF-8, nulls counted right.
 *
 * The loops over rows gather one verdict without branches, so that they run at the speed of memory;
 * only when the verdict is bad a second loop looks for the row to name. */
#include "arrow/validate_internal.h"

#include "base/cursor.h"

#include <inttypes.h>

static bool slot_valid(const pyr_array *array, const uint8_t *validity, int64_t row) {
    return validity == NULL || pyr_bit_get(validity, array->offset + row);
}

static pyr_status check_null_count(const pyr_array *array, const validation_place *place,
                                   pyr_error *error) {
    int64_t claimed = atomic_load_explicit(&array->null_count, memory_order_relaxed);
    const uint8_t *validity = pyr_array_validity(array);
    int64_t counted = 0;
    if (array->field->type == PYR_TYPE_NULL) {
        counted = array->length;
    } else if (validity != NULL && array->length > 0) {
        counted = array->length - pyr_bits_count_set(validity, array->offset, array->length);
    }
    if (claimed >= 0 && claimed != counted) {
        return pyr_validate_fail(place, array, -1, error,
                                 "null count is %" PRId64 ", the validity bitmap says %" PRId64,
                                 claimed, counted);
    }
    return PYR_OK;
}

/* ---- Offsets. ---- */

static bool offsets32_descend(const uint8_t *offsets, int64_t length) {
    bool descend = false;
    for (int64_t i = 0; i < length; ++i) {
        descend |= load_i32(offsets, i + 1) < load_i32(offsets, i);
    }
    return descend;
}

static bool offsets64_descend(const uint8_t *offsets, int64_t length) {
    bool descend = false;
    for (int64_t i = 0; i < length; ++i) {
        descend |= load_i64(offsets, i + 1) < load_i64(offsets, i);
    }
    return descend;
}

/* The ends are in range already (check_ends), so order is all that is left. */
static pyr_status check_offsets(const pyr_array *array, const validation_place *place,
                                pyr_error *error) {
    bool is_64 = pyr_type_is_large(array->field->type);
    const uint8_t *offsets = array_data(array, 1) + (size_t)array->offset * (is_64 ? 8 : 4);
    if (!(is_64 ? offsets64_descend : offsets32_descend)(offsets, array->length)) {
        return PYR_OK;
    }
    int64_t row = 0;
    while (load_offset(offsets, row + 1, is_64) >= load_offset(offsets, row, is_64)) {
        ++row;
    }
    return pyr_validate_fail(place, array, row, error, "offset %" PRId64 " follows %" PRId64,
                             load_offset(offsets, row + 1, is_64),
                             load_offset(offsets, row, is_64));
}

/* ---- Text. ---- */

/* Whole blocks of 64 before the first byte that is not ASCII, or all bytes where none is. */
static size_t ascii_prefix(const uint8_t *text, size_t size_bytes) {
    size_t i = 0;
    while (i < size_bytes) {
        size_t block = size_bytes - i < 64 ? size_bytes - i : 64;
        uint8_t high = 0;
        for (size_t k = 0; k < block; ++k) {
            high |= text[i + k];
        }
        if ((high & 0x80) != 0) {
            break;
        }
        i += block;
    }
    return i;
}

/* No offset points into the middle of a character. */
static bool offsets_at_borders(const uint8_t *offsets, int64_t length, bool is_64,
                               const uint8_t *bytes, int64_t end) {
    bool inside = false;
    for (int64_t i = 0; i < length; ++i) {
        int64_t offset = load_offset(offsets, i, is_64);
        inside |= offset < end && (bytes[offset] & 0xc0) == 0x80;
    }
    return !inside;
}

static pyr_status check_text_rows(const pyr_array *array, const validation_place *place,
                                  pyr_error *error) {
    const uint8_t *validity = pyr_array_validity(array);
    for (int64_t i = 0; i < array->length; ++i) {
        size_t size;
        if (!slot_valid(array, validity, i)) {
            continue; /* what stands under a null is nobody's business */
        }
        const uint8_t *bytes = pyr_array_bytes(array, i, &size);
        if (!pyr_utf8_valid(bytes, size)) {
            return pyr_validate_fail(place, array, i, error, "is not valid UTF-8");
        }
    }
    return PYR_OK;
}

/* All bytes at once, then the borders; row by row only where that fails, as it may because of
 * nulls. */
static pyr_status check_text(const pyr_array *array, const validation_place *place,
                             pyr_error *error) {
    bool is_64 = pyr_type_is_large(array->field->type);
    const uint8_t *bytes = array_data(array, 2);
    if (bytes == NULL) {
        return PYR_OK;
    }
    const uint8_t *offsets = array_data(array, 1) + (size_t)array->offset * (is_64 ? 8 : 4);
    int64_t start = load_offset(offsets, 0, is_64);
    int64_t end = load_offset(offsets, array->length, is_64);
    size_t size = (size_t)(end - start);
    size_t ascii = ascii_prefix(bytes + start, size);
    if (ascii == size) {
        return PYR_OK;
    }
    if (pyr_utf8_valid(bytes + start + ascii, size - ascii) &&
        offsets_at_borders(offsets, array->length, is_64, bytes, end)) {
        return PYR_OK;
    }
    return check_text_rows(array, place, error);
}

static pyr_status check_views(const pyr_array *array, const validation_place *place,
                              pyr_error *error) {
    const uint8_t *validity = pyr_array_validity(array);
    int32_t variadic_count = array->buffers_count - 2;
    for (int64_t i = 0; i < array->length; ++i) {
        if (!slot_valid(array, validity, i)) {
            continue;
        }
        pyr_view view;
        memcpy(&view, array->buffers[1]->data + (size_t)(array->offset + i) * PYR_VIEW_SIZE_BYTES,
               sizeof(view));
        if (view.size_bytes < 0) {
            return pyr_validate_fail(place, array, i, error, "view of %d bytes", view.size_bytes);
        }
        if (view.size_bytes <= PYR_VIEW_INLINE_MAX) {
            continue;
        }
        if (view.far.buffer_index < 0 || view.far.buffer_index >= variadic_count) {
            return pyr_validate_fail(place, array, i, error, "view into buffer %d of %d",
                                     view.far.buffer_index, variadic_count);
        }
        const pyr_buffer *buffer = array->buffers[2 + view.far.buffer_index];
        const uint8_t *bytes = buffer != NULL ? buffer->data : NULL;
        size_t present = bytes != NULL ? buffer->size_bytes : 0;
        if (bytes == NULL || view.far.offset < 0 ||
            (size_t)view.far.offset + (size_t)view.size_bytes > present) {
            return pyr_validate_fail(place, array, i, error,
                                     "view of %d bytes from %d in a buffer of %zu", view.size_bytes,
                                     view.far.offset, present);
        }
        if (memcmp(view.far.prefix, bytes + view.far.offset, sizeof(view.far.prefix)) != 0) {
            return pyr_validate_fail(place, array, i, error,
                                     "the view's prefix differs from its bytes");
        }
    }
    return PYR_OK;
}

/* ---- Nesting. ---- */

/* Nulls too: consumers add up sizes without looking at the bitmap. */
static pyr_status check_list_views(const pyr_array *array, const validation_place *place,
                                   pyr_error *error) {
    int64_t limit = array->children[0]->length;
    for (int64_t i = 0; i < array->length; ++i) {
        int64_t start, length;
        pyr_array_list_range(array, i, &start, &length);
        if (start < 0 || length < 0 || start > limit || length > limit - start) {
            return pyr_validate_fail(place, array, i, error,
                                     "list of %" PRId64 " values from %" PRId64 " of %" PRId64,
                                     length, start, limit);
        }
    }
    return PYR_OK;
}

static pyr_status check_map(const pyr_array *array, const validation_place *place,
                            pyr_error *error) {
    pyr_array *entries = array->children[0];
    pyr_array *keys = entries->children[0];
    if (pyr_array_null_count(entries) != 0 || pyr_array_null_count(keys) != 0) {
        return pyr_validate_fail(place, array, -1, error, "a key is null");
    }
    return PYR_OK;
}

static pyr_status check_union(const pyr_array *array, const validation_place *place,
                              pyr_error *error) {
    int32_t ordinals[256];
    for (size_t i = 0; i < 256; ++i) {
        ordinals[i] = -1;
    }
    for (int32_t i = 0; i < array->field->children_count; ++i) {
        ordinals[(uint8_t)array->field->type_codes[i]] = i;
    }
    bool dense = array->field->type == PYR_TYPE_DENSE_UNION;
    for (int64_t i = 0; i < array->length; ++i) {
        uint8_t code = array->buffers[0]->data[array->offset + i];
        int32_t ordinal = ordinals[code];
        if (ordinal < 0) {
            return pyr_validate_fail(place, array, i, error, "no child has type code %d",
                                     (int8_t)code);
        }
        if (dense) {
            int32_t slot = load_i32(array->buffers[1]->data, array->offset + i);
            int64_t limit = array->children[ordinal]->length;
            if (slot < 0 || slot >= limit) {
                return pyr_validate_fail(place, array, i, error, "value %d of a child of %" PRId64,
                                         slot, limit);
            }
        }
    }
    return PYR_OK;
}

static pyr_status check_dictionary(const pyr_array *array, const validation_place *place,
                                   pyr_error *error) {
    const uint8_t *validity = pyr_array_validity(array);
    uint64_t limit = (uint64_t)array->dictionary->length;
    for (int64_t i = 0; i < array->length; ++i) {
        /* Negative, or an unsigned one above INT64_MAX: large as unsigned. */
        int64_t index = pyr_array_dictionary_index(array, i);
        if ((uint64_t)index >= limit && slot_valid(array, validity, i)) {
            return pyr_validate_fail(place, array, i, error, "index %" PRId64 " of %" PRIu64, index,
                                     limit);
        }
    }
    return PYR_OK;
}

static pyr_status check_runs(const pyr_array *array, const validation_place *place,
                             pyr_error *error) {
    pyr_array *ends = array->children[0];
    if (pyr_array_null_count(ends) != 0) {
        return pyr_validate_fail(place, array, -1, error, "a run end is null");
    }
    int64_t previous = 0;
    for (int64_t i = 0; i < ends->length; ++i) {
        int64_t end = pyr_array_int64(ends, i);
        if (end <= previous) {
            return pyr_validate_fail(place, array, -1, error,
                                     "run %" PRId64 " ends at %" PRId64 " after %" PRId64, i, end,
                                     previous);
        }
        previous = end;
    }
    return PYR_OK;
}

pyr_status pyr_validate_values(const pyr_array *array, const validation_place *place,
                               pyr_error *error) {
    PYR_TRY(check_null_count(array, place, error));
    if (array->field->type == PYR_TYPE_RUN_END_ENCODED) {
        return check_runs(array, place, error);
    }
    if (array->length == 0) {
        return PYR_OK;
    }
    switch (array->field->type) {
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
        PYR_TRY(check_offsets(array, place, error));
        return check_text(array, place, error);
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
        return check_offsets(array, place, error);
    case PYR_TYPE_MAP:
        PYR_TRY(check_offsets(array, place, error));
        return check_map(array, place, error);
    case PYR_TYPE_UTF8_VIEW:
        PYR_TRY(check_views(array, place, error));
        return check_text_rows(array, place, error);
    case PYR_TYPE_BINARY_VIEW:
        return check_views(array, place, error);
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
        return check_list_views(array, place, error);
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        return check_union(array, place, error);
    case PYR_TYPE_DICTIONARY:
        return check_dictionary(array, place, error);
    default:
        return PYR_OK;
    }
}
