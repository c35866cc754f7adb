/* take.c - rows picked by indices; see array.h. Flat layouts are gathered in one loop a width;
 * layouts with children of other lengths go through pieces (gather.c). */
#include "arrow/arrow_internal.h"

#include "base/checked.h"

#include <assert.h>

/* What all levels of one take share: the picks, checked already. */
typedef struct picks {
    const int32_t *indices;
    int64_t count;
    bool has_nulls; /* some index is -1 */
    pyr_gather gather;
} picks;

static pyr_status take_array(const picks *p, pyr_array *array, pyr_array **out, pyr_error *error);

/* raw: the caller writes every byte. */
static pyr_status written_buffer(const picks *p, size_t size_bytes, bool raw, pyr_buffer **out,
                                 pyr_error *error) {
    PYR_TRY((raw ? pyr_buffer_create_raw : pyr_buffer_create)(size_bytes, p->gather.budget, out,
                                                              error));
    pyr_ledger_add_copy(p->gather.ledger, p->gather.reason, (int64_t)size_bytes);
    return PYR_OK;
}

static pyr_status take_validity(const picks *p, const pyr_array *array, pyr_buffer **out,
                                int64_t *null_count, pyr_error *error) {
    *out = NULL;
    *null_count = 0;
    bool nulls_inside = pyr_type_has_validity(array->field->type) && pyr_array_may_be_null(array);
    if (!p->has_nulls && !nulls_inside) {
        return PYR_OK;
    }
    PYR_TRY(written_buffer(p, (size_t)pyr_bits_size_bytes(p->count), false, out, error));
    uint8_t *bits = pyr_buffer_mutable(*out);
    const uint8_t *validity = nulls_inside ? pyr_array_validity(array) : NULL;
    for (int64_t i = 0; i < p->count; ++i) {
        int64_t index = p->indices[i];
        bool valid =
            index >= 0 && (validity == NULL || pyr_bit_get(validity, array->offset + index));
        bits[i >> 3] = (uint8_t)(bits[i >> 3] | (unsigned)valid << (i & 7));
    }
    *null_count = p->count - pyr_bits_count_set(bits, 0, p->count);
    return PYR_OK;
}

/* One loop a width. A pick of -1 leaves the zeros of the new buffer. */
#define TAKE_LOOP(TYPE)                                                                  \
    for (int64_t i = 0; i < p->count; ++i) {                                             \
        TYPE value;                                                                      \
        if (p->indices[i] >= 0) {                                                        \
            memcpy(&value, from + (size_t)p->indices[i] * sizeof(value), sizeof(value)); \
            memcpy(to + (size_t)i * sizeof(value), &value, sizeof(value));               \
        }                                                                                \
    }

static void take_fixed(const picks *p, const uint8_t *from, size_t width, uint8_t *to) {
    typedef struct bytes16 {
        uint64_t words[2];
    } bytes16;
    switch (width) {
    case 1:
        TAKE_LOOP(uint8_t)
        break;
    case 2:
        TAKE_LOOP(uint16_t)
        break;
    case 4:
        TAKE_LOOP(uint32_t)
        break;
    case 8:
        TAKE_LOOP(uint64_t)
        break;
    case 16:
        TAKE_LOOP(bytes16)
        break;
    default:
        for (int64_t i = 0; i < p->count; ++i) {
            if (p->indices[i] >= 0) {
                memcpy(to + (size_t)i * width, from + (size_t)p->indices[i] * width, width);
            }
        }
        break;
    }
}

static void take_bits(const picks *p, const uint8_t *from, int64_t offset, uint8_t *to) {
    for (int64_t i = 0; i < p->count; ++i) {
        if (p->indices[i] >= 0 && pyr_bit_get(from, offset + p->indices[i])) {
            pyr_bit_set(to, i);
        }
    }
}

/* Values of a fixed width, indices of dictionaries and views: one data buffer, whatever they point
 * to is shared. */
static pyr_status take_data(const picks *p, const pyr_array *array, pyr_buffer **out,
                            pyr_error *error) {
    bool is_bool = array->field->type == PYR_TYPE_BOOL;
    size_t width = pyr_type_is_view(array->field->type)
                       ? PYR_VIEW_SIZE_BYTES
                       : (size_t)pyr_type_bit_width(array->field) / 8;
    size_t size;
    if (!pyr_mul_size((size_t)p->count, width, &size)) {
        return pyr_error_memory(error, SIZE_MAX);
    }
    size = is_bool ? (size_t)pyr_bits_size_bytes(p->count) : size;
    const uint8_t *from = array_data(array, 1); /* NULL: no rows, or values of no bytes */
    bool raw = !is_bool && !p->has_nulls && from != NULL;
    PYR_TRY(written_buffer(p, size, raw, out, error));
    if (from == NULL) {
        return PYR_OK;
    }
    if (is_bool) {
        take_bits(p, from, array->offset, pyr_buffer_mutable(*out));
    } else {
        take_fixed(p, from + (size_t)array->offset * width, width, pyr_buffer_mutable(*out));
    }
    return PYR_OK;
}

/* ---- Bytes behind offsets. ---- */

static void put_offset(uint8_t *to, int64_t index, int64_t value, bool is_64) {
    size_t width = is_64 ? 8 : 4;
    memcpy(to + (size_t)index * width, &value, width); /* little-endian: the low bytes */
}

/* The offsets of a pick; both 0 for a null. */
static inline void pick_span(const pyr_array *array, const uint8_t *validity,
                             const uint8_t *offsets, int64_t index, bool is_64, int64_t *start,
                             int64_t *end) {
    *start = *end = 0;
    if (index >= 0 && (validity == NULL || pyr_bit_get(validity, array->offset + index))) {
        *start = load_offset(offsets, array->offset + index, is_64);
        *end = load_offset(offsets, array->offset + index + 1, is_64);
    }
}

static pyr_status take_offsets(const picks *p, const pyr_array *array, uint8_t *to, int64_t *total,
                               pyr_error *error) {
    bool is_64 = pyr_type_is_large(array->field->type);
    const uint8_t *validity = pyr_array_validity(array);
    const uint8_t *offsets = array_data(array, 1);
    *total = 0;
    for (int64_t i = 0; i < p->count; ++i) {
        int64_t start, end;
        put_offset(to, i, *total, is_64);
        pick_span(array, validity, offsets, p->indices[i], is_64, &start, &end);
        if (!pyr_add_i64(*total, end - start, total) || (!is_64 && *total > INT32_MAX)) {
            return pyr_error_set(error, PYR_ERROR_LIMIT,
                                 "%lld picked rows of %s pass 2 GiB; use the large type",
                                 (long long)p->count, pyr_type_name(array->field->type));
        }
    }
    put_offset(to, p->count, *total, is_64);
    return PYR_OK;
}

static pyr_status take_bytes(const picks *p, const pyr_array *array, pyr_buffer **buffers,
                             pyr_error *error) {
    bool is_64 = pyr_type_is_large(array->field->type);
    int64_t total;
    PYR_TRY(written_buffer(p, ((size_t)p->count + 1) * (is_64 ? 8 : 4), true, &buffers[1], error));
    PYR_TRY(take_offsets(p, array, pyr_buffer_mutable(buffers[1]), &total, error));
    PYR_TRY(written_buffer(p, (size_t)total, true, &buffers[2], error));
    const uint8_t *validity = pyr_array_validity(array);
    const uint8_t *offsets = array_data(array, 1);
    const uint8_t *bytes = array_data(array, 2);
    uint8_t *to = pyr_buffer_mutable(buffers[2]);
    for (int64_t i = 0; i < p->count; ++i) {
        int64_t start, end;
        pick_span(array, validity, offsets, p->indices[i], is_64, &start, &end);
        if (end > start) {
            memcpy(to, bytes + start, (size_t)(end - start));
            to += end - start;
        }
    }
    return PYR_OK;
}

/* ---- Layouts. ---- */

static pyr_status take_flat(const picks *p, const pyr_array *array, pyr_array **out,
                            pyr_error *error) {
    pyr_type_id type = array->field->type;
    size_t count = (size_t)array->buffers_count;
    pyr_buffer **buffers = calloc(count + 1, sizeof(*buffers));
    if (buffers == NULL) {
        return pyr_error_memory(error, count * sizeof(*buffers));
    }
    int64_t null_count;
    pyr_status status = take_validity(p, array, &buffers[0], &null_count, error);
    if (status == PYR_OK) {
        bool by_offset =
            (pyr_type_is_utf8(type) || pyr_type_is_binary(type)) && !pyr_type_is_view(type);
        status = by_offset ? take_bytes(p, array, buffers, error)
                           : take_data(p, array, &buffers[1], error);
    }
    for (size_t i = 2; pyr_type_is_view(type) && i < count; ++i) {
        buffers[i] = pyr_buffer_retain(array->buffers[i]);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(array->field, p->count, 0, null_count, buffers, (int32_t)count,
                                  NULL, 0, array->dictionary, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_buffer_release(buffers[i]);
    }
    free(buffers);
    return status;
}

/* The children of a struct take the same picks of the rows that the parent sees. */
static pyr_status take_struct(const picks *p, const pyr_array *array, pyr_array **out,
                              pyr_error *error) {
    size_t count = (size_t)array->children_count;
    pyr_array **children = calloc(count + 1, sizeof(*children));
    if (children == NULL) {
        return pyr_error_memory(error, count * sizeof(*children));
    }
    pyr_buffer *validity = NULL;
    int64_t null_count;
    pyr_status status = take_validity(p, array, &validity, &null_count, error);
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        pyr_array *rows = NULL;
        status = pyr_array_slice(array->children[i], array->offset, array->length, &rows, error);
        if (status == PYR_OK) {
            status = take_array(p, rows, &children[i], error);
        }
        pyr_array_release(rows);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(array->field, p->count, 0, null_count, &validity, 1, children,
                                  (int32_t)count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_array_release(children[i]);
    }
    free(children);
    pyr_buffer_release(validity);
    return status;
}

/* Neighbouring rows become one piece. */
static pyr_status take_pieces(const picks *p, pyr_array *array, pyr_array **out, pyr_error *error) {
    size_t size = (size_t)p->count * sizeof(pyr_piece);
    pyr_piece *pieces = malloc(size + 1);
    if (pieces == NULL) {
        return pyr_error_memory(error, size);
    }
    size_t count = 0;
    for (int64_t i = 0; i < p->count; ++i) {
        int32_t index = p->indices[i];
        pyr_array *source = index >= 0 ? array : NULL;
        pyr_piece *last = count > 0 ? &pieces[count - 1] : NULL;
        if (last != NULL && last->array == source &&
            (source == NULL || last->start + last->length == index)) {
            last->length += 1;
        } else {
            pieces[count++] = (pyr_piece){source, source != NULL ? index : 0, 1};
        }
    }
    pyr_status status = pyr_gather_pieces(&p->gather, array->field, pieces, count, out, error);
    free(pieces);
    return status;
}

static pyr_status take_array(const picks *p, pyr_array *array, pyr_array **out, pyr_error *error) {
    switch (array->field->type) {
    case PYR_TYPE_NULL:
        return pyr_array_create_null(array->field, p->count, p->gather.budget, out, error);
    case PYR_TYPE_STRUCT:
        return take_struct(p, array, out, error);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_FIXED_SIZE_LIST:
    case PYR_TYPE_MAP:
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
    case PYR_TYPE_RUN_END_ENCODED:
        return take_pieces(p, array, out, error);
    default:
        return take_flat(p, array, out, error);
    }
}

/* Every index in [-1, length): one comparison a pick, as unsigned after adding 1. The verdict may
 * be too hard on arrays longer than indices reach; the second loop is exact. */
static pyr_status check_indices(picks *p, int64_t length, pyr_error *error) {
    uint32_t limit = length < INT32_MAX ? (uint32_t)length : INT32_MAX;
    bool outside = false, has_nulls = false;
    for (int64_t i = 0; i < p->count; ++i) {
        outside |= (uint32_t)p->indices[i] + 1 > limit;
        has_nulls |= p->indices[i] < 0;
    }
    p->has_nulls = has_nulls;
    for (int64_t i = 0; outside && i < p->count; ++i) {
        if (p->indices[i] < -1 || p->indices[i] >= length) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "take: index %d at %lld is outside of %lld rows", p->indices[i],
                                 (long long)i, (long long)length);
        }
    }
    return PYR_OK;
}

pyr_status pyr_array_take(const pyr_array *array, const int32_t *indices, int64_t count,
                          pyr_copy_reason reason, pyr_query_ledger *ledger, pyr_budget *budget,
                          pyr_array **out, pyr_error *error) {
    *out = NULL;
    assert(count >= 0);
    picks p = {indices, count, false, {reason, ledger, budget}};
    PYR_TRY(check_indices(&p, array->length, error));
    /* References are counted inside the array, which no reader can see. */
    return take_array(&p, (pyr_array *)array, out, error);
}
