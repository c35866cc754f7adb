/* batch_write.c - arrays to the nodes, buffers and spans of a record batch, by reference.
 *
 * A slice is sent as the sub-spans its rows use. What a message cannot express is copied (counted
 * as PYR_COPY_ALIGN): bitmaps that do not start at a byte, and offsets that would have to start
 * behind data that is not sent ("Serialization": readers accept offsets that do not start at 0, but
 * then all the data in front would have to be sent too). Arrays were validated when they came in,
 * but values under nulls may be anything: ranges found by looking at values are clamped.
 *
 * `start` counts in the array's buffers: the array's own offset is in it.
 */
#include "arrow/ipc/ipc_internal.h"

#include <stdlib.h>
#include <string.h>

static pyr_status write_array(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                              int64_t length, pyr_error *error);

static const uint8_t *data_of(const pyr_array *array, int32_t index) {
    return array->buffers[index] == NULL ? NULL : array->buffers[index]->data;
}

static int64_t size_of(const pyr_array *array, int32_t index) {
    return array->buffers[index] == NULL ? 0 : (int64_t)array->buffers[index]->size_bytes;
}

/* A buffer of our own, handed over. */
static pyr_status write_copy(pyr_ipc_body *body, pyr_buffer *copy, pyr_error *error) {
    pyr_ledger_add_copy(body->ledger, PYR_COPY_ALIGN, (int64_t)copy->size_bytes);
    pyr_status status = pyr_ipc_body_buffer(body, copy, 0, (int64_t)copy->size_bytes, error);
    pyr_buffer_release(copy);
    return status;
}

static pyr_status write_bits(pyr_ipc_body *body, const pyr_array *array, int32_t index,
                             int64_t start, int64_t length, pyr_error *error) {
    int64_t size_bytes = pyr_bits_size_bytes(length);
    if ((start & 7) == 0 || size_bytes == 0) {
        return pyr_ipc_body_buffer(body, array->buffers[index], start >> 3, size_bytes, error);
    }
    pyr_buffer *copy;
    PYR_TRY(pyr_buffer_create((size_t)size_bytes, NULL, &copy, error));
    pyr_bits_copy(data_of(array, index), start, pyr_buffer_mutable(copy), 0, length);
    return write_copy(body, copy, error);
}

static int64_t count_nulls(const pyr_array *array, int64_t start, int64_t length) {
    if (array->field->type == PYR_TYPE_NULL) {
        return length;
    }
    pyr_layout layout = pyr_type_layout(array->field->type);
    if (layout.buffers_count == 0 || layout.buffers[0] != PYR_BUFFER_VALIDITY ||
        data_of(array, 0) == NULL) {
        return 0;
    }
    int64_t known = atomic_load_explicit(&array->null_count, memory_order_relaxed);
    if (known == 0 || (known > 0 && start == array->offset && length == array->length)) {
        return known;
    }
    return length - pyr_bits_count_set(data_of(array, 0), start, length);
}

/* ---- Offsets: (large) utf8, binary, list, map ---- */

static int64_t offset_at(const pyr_array *array, int64_t index, bool wide) {
    const uint8_t *data = data_of(array, 1);
    if (wide) {
        int64_t value;
        memcpy(&value, data + 8 * index, 8);
        return value;
    }
    int32_t value;
    memcpy(&value, data + 4 * index, 4);
    return value;
}

/* count numbers of buffer `index` from `start` on, less `base`. */
static pyr_status write_rebased(pyr_ipc_body *body, const pyr_array *array, int32_t index,
                                int64_t start, int64_t count, int64_t base, bool wide,
                                pyr_error *error) {
    size_t width = wide ? 8 : 4;
    if (base == 0) {
        return pyr_ipc_body_buffer(body, array->buffers[index], start * (int64_t)width,
                                   count * (int64_t)width, error);
    }
    pyr_buffer *copy;
    PYR_TRY(pyr_buffer_create_raw((size_t)count * width, NULL, &copy, error));
    uint8_t *to = pyr_buffer_mutable(copy);
    const uint8_t *from = data_of(array, index) + start * (int64_t)width;
    if (wide) {
        for (int64_t i = 0; i < count; ++i) {
            int64_t value;
            memcpy(&value, from + 8 * i, 8);
            value -= base;
            memcpy(to + 8 * i, &value, 8);
        }
    } else {
        for (int64_t i = 0; i < count; ++i) {
            int32_t value;
            memcpy(&value, from + 4 * i, 4);
            value -= (int32_t)base;
            memcpy(to + 4 * i, &value, 4);
        }
    }
    return write_copy(body, copy, error);
}

/* The offsets, and the range [*first, *last) of what they point into that is to be sent. */
static pyr_status write_offsets(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                                int64_t length, bool wide, bool cheap_prefix, int64_t *first,
                                int64_t *last, pyr_error *error) {
    int64_t width = wide ? 8 : 4;
    if (length == 0) {
        *first = *last = 0;
        return pyr_ipc_body_zeros(body, width, error);
    }
    *first = offset_at(array, start, wide);
    *last = offset_at(array, start + length, wide);
    /* Bytes in front of the first value: sent with the rest when that is less than the copy of the
     * offsets would be. */
    if (cheap_prefix && *first <= (length + 1) * width) {
        *first = 0;
    }
    return write_rebased(body, array, 1, start, length + 1, *first, wide, error);
}

static pyr_status write_binary(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                               int64_t length, bool wide, pyr_error *error) {
    int64_t first, last;
    PYR_TRY(write_offsets(body, array, start, length, wide, true, &first, &last, error));
    return pyr_ipc_body_buffer(body, array->buffers[2], first, last - first, error);
}

static pyr_status write_list(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                             int64_t length, bool wide, pyr_error *error) {
    int64_t first, last;
    PYR_TRY(write_offsets(body, array, start, length, wide, false, &first, &last, error));
    const pyr_array *child = array->children[0];
    return write_array(body, child, child->offset + first, last - first, error);
}

/* ---- List views ---- */

static int64_t number_at(const uint8_t *data, int64_t index, bool wide) {
    if (wide) {
        int64_t value;
        memcpy(&value, data + 8 * index, 8);
        return value;
    }
    int32_t value;
    memcpy(&value, data + 4 * index, 4);
    return value;
}

static pyr_status write_list_view(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                                  int64_t length, bool wide, pyr_error *error) {
    const pyr_array *child = array->children[0];
    int64_t first = length == 0 ? 0 : child->length, last = 0;
    for (int64_t i = start; i < start + length; ++i) {
        int64_t offset = number_at(data_of(array, 1), i, wide);
        int64_t size = number_at(data_of(array, 2), i, wide);
        if (offset < 0 || size < 0 || offset > child->length || size > child->length - offset) {
            /* Only under a null. Nothing can be cut off without touching it. */
            first = 0;
            last = child->length;
            break;
        }
        first = offset < first ? offset : first;
        last = offset + size > last ? offset + size : last;
    }
    PYR_TRY(write_rebased(body, array, 1, start, length, first, wide, error));
    PYR_TRY(write_rebased(body, array, 2, start, length, 0, wide, error));
    return write_array(body, child, child->offset + first, last - first, error);
}

/* ---- Views ---- */

static pyr_status write_views(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                              int64_t length, pyr_error *error) {
    int32_t count = array->buffers_count - 2;
    const uint8_t *views = data_of(array, 1);
    int64_t *ends = calloc((size_t)count + 1, sizeof *ends);
    if (ends == NULL) {
        return pyr_error_memory(error, ((size_t)count + 1) * sizeof *ends);
    }
    /* Data buffers are sent up to the last byte a row needs; shorter ones need other views. */
    for (int64_t i = start; i < start + length; ++i) {
        int32_t size, index, offset;
        memcpy(&size, views + 16 * i, 4);
        memcpy(&index, views + 16 * i + 8, 4);
        memcpy(&offset, views + 16 * i + 12, 4);
        if (size <= 12 || pyr_array_is_null(array, i - array->offset) || index < 0 ||
            index >= count) {
            continue;
        }
        int64_t end = (int64_t)offset + size;
        ends[index] = end > ends[index] ? end : ends[index];
    }
    pyr_status status = pyr_ipc_body_variadic(body, count, error);
    if (status == PYR_OK) {
        status = pyr_ipc_body_buffer(body, array->buffers[1], 16 * start, 16 * length, error);
    }
    for (int32_t i = 0; i < count && status == PYR_OK; ++i) {
        int64_t size = size_of(array, i + 2);
        status = pyr_ipc_body_buffer(body, array->buffers[i + 2], 0,
                                     ends[i] < size ? ends[i] : size, error);
    }
    free(ends);
    return status;
}

/* ---- Unions ---- */

static int32_t child_of_code(const pyr_field *field, int8_t code) {
    for (int32_t i = 0; i < field->children_count; ++i) {
        if (field->type_codes[i] == code) {
            return i;
        }
    }
    return -1;
}

typedef struct range {
    int64_t first, last;
} range;

/* Which part of each child the rows use. false: offsets that point nowhere. */
static bool union_ranges(const pyr_array *array, int64_t start, int64_t length, range *ranges) {
    const pyr_field *field = array->field;
    int32_t child_at[128];
    for (int code = 0; code < 128; ++code) {
        child_at[code] = child_of_code(field, (int8_t)code);
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        ranges[i].first = array->children[i]->length;
        ranges[i].last = 0;
    }
    const int8_t *codes = (const int8_t *)data_of(array, 0);
    for (int64_t i = start; i < start + length; ++i) {
        int32_t child = codes[i] < 0 ? -1 : child_at[codes[i]];
        int64_t slot = number_at(data_of(array, 1), i, false);
        if (child < 0 || slot < 0 || slot >= array->children[child]->length) {
            return false;
        }
        range *r = &ranges[child];
        r->first = slot < r->first ? slot : r->first;
        r->last = slot + 1 > r->last ? slot + 1 : r->last;
    }
    return true;
}

static pyr_status write_union_offsets(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                                      int64_t length, const range *ranges, pyr_error *error) {
    pyr_buffer *copy;
    PYR_TRY(pyr_buffer_create_raw((size_t)length * 4, NULL, &copy, error));
    uint8_t *to = pyr_buffer_mutable(copy);
    const int8_t *codes = (const int8_t *)data_of(array, 0);
    for (int64_t i = 0; i < length; ++i) {
        int32_t child = child_of_code(array->field, codes[start + i]);
        int32_t slot =
            (int32_t)(number_at(data_of(array, 1), start + i, false) - ranges[child].first);
        memcpy(to + 4 * i, &slot, 4);
    }
    return write_copy(body, copy, error);
}

static pyr_status write_dense_union(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                                    int64_t length, pyr_error *error) {
    int32_t count = array->field->children_count;
    range ranges[128];
    bool rebase = false;
    bool whole = start == 0 && length == array->length;
    if (whole || !union_ranges(array, start, length, ranges)) {
        for (int32_t i = 0; i < count; ++i) {
            ranges[i].first = 0;
            ranges[i].last = array->children[i]->length;
        }
    }
    for (int32_t i = 0; i < count; ++i) {
        if (ranges[i].first >= ranges[i].last) {
            ranges[i].first = ranges[i].last = 0;
        }
        rebase = rebase || ranges[i].first > 0;
    }
    PYR_TRY(pyr_ipc_body_buffer(body, array->buffers[0], start, length, error));
    if (rebase) {
        PYR_TRY(write_union_offsets(body, array, start, length, ranges, error));
    } else {
        PYR_TRY(pyr_ipc_body_buffer(body, array->buffers[1], 4 * start, 4 * length, error));
    }
    for (int32_t i = 0; i < count; ++i) {
        const pyr_array *child = array->children[i];
        PYR_TRY(write_array(body, child, child->offset + ranges[i].first,
                            ranges[i].last - ranges[i].first, error));
    }
    return PYR_OK;
}

/* ---- Run-end encoding ---- */

static int64_t run_end_at(const pyr_array *ends, int64_t run) {
    const uint8_t *data = data_of(ends, 1);
    int64_t index = ends->offset + run;
    if (ends->field->type == PYR_TYPE_INT16) {
        int16_t value;
        memcpy(&value, data + 2 * index, 2);
        return value;
    }
    return number_at(data, index, ends->field->type == PYR_TYPE_INT64);
}

/* The first run that ends behind position; the count of runs where there is none. */
static int64_t find_run(const pyr_array *ends, int64_t position) {
    int64_t low = 0, high = ends->length;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (run_end_at(ends, middle) <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static pyr_status write_run_ends(pyr_ipc_body *body, const pyr_array *ends, int64_t first,
                                 int64_t count, int64_t start, int64_t length, pyr_error *error) {
    int64_t width = ends->field->type == PYR_TYPE_INT16   ? 2
                    : ends->field->type == PYR_TYPE_INT32 ? 4
                                                          : 8;
    PYR_TRY(pyr_ipc_body_node(body, count, 0, error));
    PYR_TRY(pyr_ipc_body_buffer(body, NULL, 0, 0, error));
    if (start == 0 || count == 0) {
        return pyr_ipc_body_buffer(body, ends->buffers[1], (ends->offset + first) * width,
                                   count * width, error);
    }
    pyr_buffer *copy;
    PYR_TRY(pyr_buffer_create_raw((size_t)(count * width), NULL, &copy, error));
    uint8_t *to = pyr_buffer_mutable(copy);
    for (int64_t i = 0; i < count; ++i) {
        int64_t end = run_end_at(ends, first + i) - start;
        end = end < length ? end : length;
        memcpy(to + i * width, &end, (size_t)width); /* little-endian */
    }
    return write_copy(body, copy, error);
}

static pyr_status write_runs(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                             int64_t length, pyr_error *error) {
    const pyr_array *ends = array->children[0];
    const pyr_array *values = array->children[1];
    int64_t first = 0, count = 0;
    if (length > 0) {
        first = find_run(ends, start);
        int64_t last = find_run(ends, start + length - 1);
        last = last < ends->length ? last + 1 : last;
        count = last - first;
    }
    PYR_TRY(write_run_ends(body, ends, first, count, start, length, error));
    return write_array(body, values, values->offset + first, count, error);
}

/* ---- Everything ---- */

static pyr_status write_children(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                                 int64_t length, pyr_error *error) {
    for (int32_t i = 0; i < array->children_count; ++i) {
        const pyr_array *child = array->children[i];
        PYR_TRY(write_array(body, child, child->offset + start, length, error));
    }
    return PYR_OK;
}

static int64_t byte_width(const pyr_array *array) {
    return array->field->type == PYR_TYPE_FIXED_SIZE_BINARY
               ? array->field->byte_width
               : pyr_type_bit_width(array->field) / 8; /* of a dictionary: its indices' */
}

static pyr_status write_values(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                               int64_t length, pyr_error *error) {
    switch (array->field->type) {
    case PYR_TYPE_NULL:
        return PYR_OK;
    case PYR_TYPE_BOOL:
        return write_bits(body, array, 1, start, length, error);
    case PYR_TYPE_UTF8:
    case PYR_TYPE_BINARY:
        return write_binary(body, array, start, length, false, error);
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_LARGE_BINARY:
        return write_binary(body, array, start, length, true, error);
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY_VIEW:
        return write_views(body, array, start, length, error);
    case PYR_TYPE_LIST:
    case PYR_TYPE_MAP:
        return write_list(body, array, start, length, false, error);
    case PYR_TYPE_LARGE_LIST:
        return write_list(body, array, start, length, true, error);
    case PYR_TYPE_LIST_VIEW:
        return write_list_view(body, array, start, length, false, error);
    case PYR_TYPE_LARGE_LIST_VIEW:
        return write_list_view(body, array, start, length, true, error);
    case PYR_TYPE_FIXED_SIZE_LIST: {
        const pyr_array *child = array->children[0];
        int64_t size = array->field->list_size;
        return write_array(body, child, child->offset + start * size, length * size, error);
    }
    case PYR_TYPE_STRUCT:
        return write_children(body, array, start, length, error);
    case PYR_TYPE_SPARSE_UNION:
        PYR_TRY(pyr_ipc_body_buffer(body, array->buffers[0], start, length, error));
        return write_children(body, array, start, length, error);
    case PYR_TYPE_DENSE_UNION:
        return write_dense_union(body, array, start, length, error);
    case PYR_TYPE_RUN_END_ENCODED:
        return write_runs(body, array, start, length, error);
    default: {
        int64_t width = byte_width(array);
        return pyr_ipc_body_buffer(body, array->buffers[1], start * width, length * width, error);
    }
    }
}

static pyr_status write_array(pyr_ipc_body *body, const pyr_array *array, int64_t start,
                              int64_t length, pyr_error *error) {
    int64_t nulls = count_nulls(array, start, length);
    PYR_TRY(pyr_ipc_body_node(body, length, nulls, error));
    pyr_layout layout = pyr_type_layout(array->field->type);
    if (layout.buffers_count > 0 && layout.buffers[0] == PYR_BUFFER_VALIDITY) {
        if (nulls == 0) {
            PYR_TRY(pyr_ipc_body_buffer(body, NULL, 0, 0, error));
        } else {
            PYR_TRY(write_bits(body, array, 0, start, length, error));
        }
    }
    return write_values(body, array, start, length, error);
}

pyr_status pyr_ipc_body_add(pyr_ipc_body *body, const pyr_array *array, pyr_error *error) {
    return write_array(body, array, array->offset, array->length, error);
}
