/* gather.c - pieces of arrays written after each other: concat and the nested part of take. This
 * file has the walk and the flat layouts. */
#include "arrow/gather_internal.h"

#include "base/checked.h"

#include <assert.h>

bool pyr_array_may_be_null(const pyr_array *array) {
    /* Counting fills a cache inside the array, which no reader can see. */
    return pyr_array_null_count((pyr_array *)array) != 0;
}

pyr_status pyr_pieces_add(piece_list *list, pyr_array *array, int64_t start, int64_t length,
                          pyr_error *error) {
    if (list->count > 0) {
        pyr_piece *last = &list->pieces[list->count - 1];
        if (last->array == array && (array == NULL || last->start + last->length == start)) {
            last->length += length;
            return PYR_OK;
        }
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        pyr_piece *pieces = realloc(list->pieces, capacity * sizeof(*pieces));
        if (pieces == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*pieces));
        }
        list->pieces = pieces;
        list->capacity = capacity;
    }
    list->pieces[list->count++] = (pyr_piece){array, start, length};
    return PYR_OK;
}

pyr_status pyr_gather_limit(const gathering *g, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_LIMIT, "%lld rows of type %s in one array: %s",
                         (long long)g->length, pyr_type_name(g->field->type), what);
}

pyr_status pyr_gather_buffer(gathering *g, int32_t place, size_t size_bytes, bool zeroed,
                             pyr_error *error) {
    PYR_TRY((zeroed ? pyr_buffer_create : pyr_buffer_create_raw)(size_bytes, g->gather->budget,
                                                                 &g->buffers[place], error));
    pyr_ledger_add_copy(g->gather->ledger, g->gather->reason, (int64_t)size_bytes);
    return PYR_OK;
}

/* ---- Flat layouts. ---- */

static pyr_status gather_validity(gathering *g, pyr_error *error) {
    bool any = false;
    for (size_t i = 0; i < g->count && !any; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        any = piece->length > 0 && (piece->array == NULL || pyr_array_may_be_null(piece->array));
    }
    if (!any) {
        return PYR_OK;
    }
    PYR_TRY(pyr_gather_buffer(g, 0, (size_t)pyr_bits_size_bytes(g->length), true, error));
    uint8_t *bits = pyr_buffer_mutable(g->buffers[0]);
    int64_t at = 0;
    for (size_t i = 0; i < g->count; at += g->pieces[i++].length) {
        const pyr_piece *piece = &g->pieces[i];
        if (piece->array == NULL || piece->length == 0) {
            continue; /* zeroed: null */
        }
        const uint8_t *validity = pyr_array_validity(piece->array);
        if (validity == NULL) {
            pyr_bits_fill(bits, at, piece->length, true);
        } else {
            pyr_bits_copy(validity, piece->array->offset + piece->start, bits, at, piece->length);
        }
    }
    g->null_count = g->length - pyr_bits_count_set(bits, 0, g->length);
    return PYR_OK;
}

static pyr_status gather_bits(gathering *g, pyr_error *error) {
    PYR_TRY(pyr_gather_buffer(g, 1, (size_t)pyr_bits_size_bytes(g->length), true, error));
    int64_t at = 0;
    for (size_t i = 0; i < g->count; at += g->pieces[i++].length) {
        const pyr_piece *piece = &g->pieces[i];
        if (piece->array != NULL && piece->length > 0) {
            pyr_bits_copy(piece->array->buffers[1]->data, piece->array->offset + piece->start,
                          pyr_buffer_mutable(g->buffers[1]), at, piece->length);
        }
    }
    return PYR_OK;
}

/* width bytes a slot from buffer `place`; nulls without an array are zeros. */
static pyr_status gather_fixed(gathering *g, int32_t place, size_t width, pyr_error *error) {
    size_t size;
    if (!pyr_mul_size((size_t)g->length, width, &size)) {
        return pyr_gather_limit(g, "the size overflows", error);
    }
    PYR_TRY(pyr_gather_buffer(g, place, size, g->has_null_piece, error));
    uint8_t *to = pyr_buffer_mutable(g->buffers[place]);
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        size_t bytes = (size_t)piece->length * width;
        if (piece->array != NULL && bytes > 0) {
            memcpy(to,
                   piece->array->buffers[place]->data +
                       (size_t)(piece->array->offset + piece->start) * width,
                   bytes);
        }
        to += bytes;
    }
    return PYR_OK;
}

/* Where the piece's bytes or child values begin and end; both 0 where it has none. */
static void piece_span(const pyr_piece *piece, bool is_64, int64_t *start, int64_t *end) {
    *start = *end = 0;
    if (piece->array != NULL && piece->length > 0) {
        const uint8_t *offsets = piece->array->buffers[1]->data;
        *start = load_offset(offsets, piece->array->offset + piece->start, is_64);
        *end = load_offset(offsets, piece->array->offset + piece->start + piece->length, is_64);
    }
}

static void put_offset(uint8_t *to, int64_t index, int64_t value, bool is_64) {
    size_t width = is_64 ? 8 : 4;
    memcpy(to + (size_t)index * width, &value, width); /* little-endian: the low bytes */
}

/* The piece's offsets, but the last, with `shift` added; nulls without an array are all empty. */
static void shift_offsets(const pyr_piece *piece, uint8_t *to, int64_t row, int64_t shift,
                          bool is_64) {
    if (piece->array == NULL || piece->length == 0) {
        for (int64_t k = 0; k < piece->length; ++k) {
            put_offset(to, row + k, shift, is_64);
        }
        return;
    }
    const uint8_t *from =
        piece->array->buffers[1]->data +
        (size_t)(piece->array->offset + piece->start) * (is_64 ? sizeof(int64_t) : sizeof(int32_t));
    if (is_64) {
        for (int64_t k = 0; k < piece->length; ++k) {
            put_offset(to, row + k, load_i64(from, k) + shift, true);
        }
        return;
    }
    for (int64_t k = 0; k < piece->length; ++k) {
        int32_t offset = (int32_t)(load_i32(from, k) + shift);
        memcpy(to + (size_t)(row + k) * sizeof(offset), &offset, sizeof(offset));
    }
}

/* Offsets rebased so that they begin at 0 and are dense; *total is the last one. */
static pyr_status gather_offsets(gathering *g, int64_t *total, pyr_error *error) {
    bool is_64 = pyr_type_is_large(g->field->type);
    *total = 0;
    for (size_t i = 0; i < g->count; ++i) {
        int64_t start, end;
        piece_span(&g->pieces[i], is_64, &start, &end);
        if (!pyr_add_i64(*total, end - start, total) || (!is_64 && *total > INT32_MAX)) {
            return pyr_gather_limit(g, "32-bit offsets do not suffice; use the large type", error);
        }
    }
    size_t width = is_64 ? 8 : 4;
    PYR_TRY(pyr_gather_buffer(g, 1, ((size_t)g->length + 1) * width, false, error));
    uint8_t *to = pyr_buffer_mutable(g->buffers[1]);
    int64_t row = 0, base = 0;
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        int64_t start, end;
        piece_span(piece, is_64, &start, &end);
        shift_offsets(piece, to, row, base - start, is_64);
        row += piece->length;
        base += end - start;
    }
    put_offset(to, row, base, is_64);
    return PYR_OK;
}

static pyr_status gather_bytes(gathering *g, pyr_error *error) {
    int64_t total;
    PYR_TRY(gather_offsets(g, &total, error));
    PYR_TRY(pyr_gather_buffer(g, 2, (size_t)total, false, error));
    uint8_t *to = pyr_buffer_mutable(g->buffers[2]);
    for (size_t i = 0; i < g->count; ++i) {
        int64_t start, end;
        piece_span(&g->pieces[i], pyr_type_is_large(g->field->type), &start, &end);
        if (end > start) {
            memcpy(to, g->pieces[i].array->buffers[2]->data + start, (size_t)(end - start));
            to += end - start;
        }
    }
    return PYR_OK;
}

pyr_status pyr_gather_list(gathering *g, pyr_error *error) {
    int64_t total;
    PYR_TRY(gather_offsets(g, &total, error));
    piece_list list = {0};
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < g->count; ++i) {
        int64_t start, end;
        piece_span(&g->pieces[i], pyr_type_is_large(g->field->type), &start, &end);
        if (end > start) {
            status =
                pyr_pieces_add(&list, g->pieces[i].array->children[0], start, end - start, error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_gather_pieces(g->gather, g->field->children[0], list.pieces, list.count,
                                   &g->children[0], error);
    }
    free(list.pieces);
    return status;
}

/* ---- Views: 16 bytes a slot are written, the bytes they point to are shared. ---- */

/* The array's variadic buffers in the result: at the end, unless the previous array's were the
 * same. *base is where they begin. */
static pyr_status share_variadic(gathering *g, const pyr_array *array, int32_t previous_count,
                                 int32_t *base, pyr_error *error) {
    int32_t count = array->buffers_count - 2;
    if (count == 0 || (previous_count == count && g->buffers_count >= count + 2 &&
                       memcmp(&g->buffers[g->buffers_count - count], &array->buffers[2],
                              (size_t)count * sizeof(pyr_buffer *)) == 0)) {
        *base = g->buffers_count - 2 - count;
        return PYR_OK;
    }
    if (g->buffers_count > INT32_MAX - count) {
        return pyr_gather_limit(g, "too many data buffers", error);
    }
    size_t total = (size_t)g->buffers_count + (size_t)count;
    pyr_buffer **buffers = realloc(g->buffers, total * sizeof(*buffers));
    if (buffers == NULL) {
        return pyr_error_memory(error, total * sizeof(*buffers));
    }
    g->buffers = buffers;
    *base = g->buffers_count - 2;
    for (int32_t i = 0; i < count; ++i) {
        buffers[g->buffers_count++] = pyr_buffer_retain(array->buffers[2 + i]);
    }
    return PYR_OK;
}

static void copy_views(const pyr_piece *piece, int32_t base, uint8_t *to) {
    const pyr_array *array = piece->array;
    const uint8_t *from =
        array->buffers[1]->data + (size_t)(array->offset + piece->start) * PYR_VIEW_SIZE_BYTES;
    for (int64_t k = 0; k < piece->length; ++k) {
        pyr_view view;
        memcpy(&view, from + (size_t)k * PYR_VIEW_SIZE_BYTES, sizeof(view));
        if (pyr_array_is_null(array, piece->start + k)) {
            view = (pyr_view){0}; /* under a null anything may stand */
        } else if (view.size_bytes > PYR_VIEW_INLINE_MAX) {
            view.far.buffer_index += base;
        }
        memcpy(to + (size_t)k * PYR_VIEW_SIZE_BYTES, &view, sizeof(view));
    }
}

static pyr_status gather_views(gathering *g, pyr_error *error) {
    PYR_TRY(pyr_gather_buffer(g, 1, (size_t)g->length * PYR_VIEW_SIZE_BYTES, true, error));
    const pyr_array *previous = NULL;
    int32_t base = 0;
    int64_t row = 0;
    for (size_t i = 0; i < g->count; row += g->pieces[i++].length) {
        const pyr_piece *piece = &g->pieces[i];
        if (piece->array == NULL || piece->length == 0) {
            continue;
        }
        if (piece->array != previous) {
            PYR_TRY(share_variadic(g, piece->array, previous ? previous->buffers_count - 2 : 0,
                                   &base, error));
            previous = piece->array;
        }
        copy_views(piece, base,
                   pyr_buffer_mutable(g->buffers[1]) + (size_t)row * PYR_VIEW_SIZE_BYTES);
    }
    return PYR_OK;
}

/* ---- The walk. ---- */

static pyr_status gather_type(gathering *g, pyr_error *error) {
    switch (g->field->type) {
    case PYR_TYPE_NULL:
        g->null_count = g->length;
        return PYR_OK;
    case PYR_TYPE_BOOL:
        return gather_bits(g, error);
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
        return gather_bytes(g, error);
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY_VIEW:
        return gather_views(g, error);
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_MAP:
        return pyr_gather_list(g, error);
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
        return pyr_gather_list_view(g, error);
    case PYR_TYPE_FIXED_SIZE_LIST:
        return pyr_gather_slots(g, g->field->list_size, error);
    case PYR_TYPE_STRUCT:
        return pyr_gather_slots(g, 1, error);
    case PYR_TYPE_SPARSE_UNION:
        return pyr_gather_sparse_union(g, error);
    case PYR_TYPE_DENSE_UNION:
        return pyr_gather_dense_union(g, error);
    case PYR_TYPE_DICTIONARY:
        return pyr_gather_dictionary(g, error);
    case PYR_TYPE_RUN_END_ENCODED:
        return pyr_gather_runs(g, error);
    default:
        return gather_fixed(g, 1, (size_t)pyr_type_bit_width(g->field) / 8, error);
    }
}

static pyr_status total_length(gathering *g, pyr_error *error) {
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        assert(piece->array == NULL || (piece->start >= 0 && piece->start <= piece->array->length &&
                                        piece->length <= piece->array->length - piece->start));
        g->has_null_piece |= piece->array == NULL;
        if (!pyr_add_i64(g->length, piece->length, &g->length)) {
            return pyr_gather_limit(g, "the number of rows overflows", error);
        }
    }
    return g->length <= INT64_MAX / PYR_VIEW_SIZE_BYTES - 1
               ? PYR_OK
               : pyr_gather_limit(g, "the size overflows", error);
}

pyr_status pyr_gather_pieces(const pyr_gather *gather, pyr_field *field, const pyr_piece *pieces,
                             size_t count, pyr_array **out, pyr_error *error) {
    *out = NULL;
    gathering g = {.gather = gather, .field = field, .pieces = pieces, .count = count};
    g.buffers_count = pyr_type_layout(field->type).buffers_count;
    g.buffers = calloc((size_t)g.buffers_count + 1, sizeof(pyr_buffer *));
    g.children = calloc((size_t)field->children_count + 1, sizeof(pyr_array *));
    pyr_status status = g.buffers != NULL && g.children != NULL
                            ? total_length(&g, error)
                            : pyr_error_memory(error, sizeof(pyr_buffer *));
    if (status == PYR_OK && pyr_type_has_validity(field->type)) {
        status = gather_validity(&g, error);
    }
    if (status == PYR_OK) {
        status = gather_type(&g, error);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(field, g.length, 0, g.null_count, g.buffers, g.buffers_count,
                                  g.children, field->children_count, g.dictionary, out, error);
    }
    for (int32_t i = 0; g.buffers != NULL && i < g.buffers_count; ++i) {
        pyr_buffer_release(g.buffers[i]);
    }
    for (int32_t i = 0; g.children != NULL && i < field->children_count; ++i) {
        pyr_array_release(g.children[i]);
    }
    pyr_array_release(g.dictionary);
    free(g.buffers);
    free(g.children);
    return status;
}
