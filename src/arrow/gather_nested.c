/* gather_nested.c - pieces of arrays with children; see gather.c. */
#include "arrow/gather_internal.h"

#include "base/checked.h"

/* ---- Children addressed by the parent's own rows. ---- */

static pyr_status slot_pieces(const gathering *g, int32_t child, int64_t each, piece_list *list,
                              pyr_error *error) {
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        int64_t start = 0, length;
        if (!pyr_mul_i64(piece->length, each, &length)) {
            return pyr_gather_limit(g, "the number of values overflows", error);
        }
        if (piece->array != NULL) {
            start = (piece->array->offset + piece->start) * each;
        }
        if (length > 0) {
            PYR_TRY(pyr_pieces_add(list,
                                   piece->array != NULL ? piece->array->children[child] : NULL,
                                   start, length, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_gather_slots(gathering *g, int64_t each, pyr_error *error) {
    for (int32_t c = 0; c < g->field->children_count; ++c) {
        piece_list list = {0};
        pyr_status status = slot_pieces(g, c, each, &list, error);
        if (status == PYR_OK) {
            status = pyr_gather_pieces(g->gather, g->field->children[c], list.pieces, list.count,
                                       &g->children[c], error);
        }
        free(list.pieces);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* ---- Unions. A null without an array is a null of the first child. ---- */

static pyr_status gather_type_codes(gathering *g, pyr_error *error) {
    PYR_TRY(pyr_gather_buffer(g, 0, (size_t)g->length, false, error));
    uint8_t *to = pyr_buffer_mutable(g->buffers[0]);
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        if (piece->array != NULL && piece->length > 0) {
            memcpy(to, piece->array->buffers[0]->data + piece->array->offset + piece->start,
                   (size_t)piece->length);
        } else if (piece->length > 0 && g->field->children_count > 0) {
            memset(to, g->field->type_codes[0], (size_t)piece->length);
        } else if (piece->length > 0) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "a union without children has no null");
        }
        to += piece->length;
    }
    return PYR_OK;
}

pyr_status pyr_gather_sparse_union(gathering *g, pyr_error *error) {
    PYR_TRY(gather_type_codes(g, error));
    return pyr_gather_slots(g, 1, error);
}

/* Each row's value goes to the end of its child; lists and taken have one entry a child. */
static pyr_status dense_pieces(gathering *g, piece_list *lists, int64_t *taken, pyr_error *error) {
    uint8_t *offsets = pyr_buffer_mutable(g->buffers[1]);
    int64_t row = 0;
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        for (int64_t k = 0; k < piece->length; ++k, ++row) {
            int32_t child = 0;
            int64_t slot = 0;
            if (piece->array != NULL) {
                pyr_array_union_slot(piece->array, piece->start + k, &child, &slot);
            }
            if (taken[child] > INT32_MAX) {
                return pyr_gather_limit(g, "32-bit offsets do not suffice", error);
            }
            int32_t offset = (int32_t)taken[child]++;
            memcpy(offsets + (size_t)row * sizeof(offset), &offset, sizeof(offset));
            PYR_TRY(pyr_pieces_add(&lists[child],
                                   piece->array != NULL ? piece->array->children[child] : NULL,
                                   slot, 1, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_gather_dense_union(gathering *g, pyr_error *error) {
    PYR_TRY(gather_type_codes(g, error));
    PYR_TRY(pyr_gather_buffer(g, 1, (size_t)g->length * sizeof(int32_t), false, error));
    piece_list lists[128] = {0};
    int64_t taken[128] = {0};
    pyr_status status = dense_pieces(g, lists, taken, error);
    for (int32_t c = 0; c < g->field->children_count; ++c) {
        if (status == PYR_OK) {
            status = pyr_gather_pieces(g->gather, g->field->children[c], lists[c].pieces,
                                       lists[c].count, &g->children[c], error);
        }
        free(lists[c].pieces);
    }
    return status;
}

/* ---- List views. ---- */

/* The one array all pieces are of, or NULL. */
static pyr_array *single_source(const gathering *g) {
    pyr_array *source = NULL;
    for (size_t i = 0; i < g->count; ++i) {
        pyr_array *array = g->pieces[i].array;
        if (array != NULL && source != NULL && array != source) {
            return NULL;
        }
        source = array != NULL ? array : source;
    }
    return source;
}

/* The span of the child that the piece's lists lie in. Lists may overlap and stand in any order:
 * taking them one by one could make very much out of little. */
static void view_span(const pyr_piece *piece, int64_t *start, int64_t *end) {
    *start = INT64_MAX;
    *end = 0;
    for (int64_t k = 0; k < piece->length; ++k) {
        int64_t from, length;
        pyr_array_list_range(piece->array, piece->start + k, &from, &length);
        if (length > 0) {
            *start = from < *start ? from : *start;
            *end = from + length > *end ? from + length : *end;
        }
    }
    *start = *start < *end ? *start : *end;
}

static pyr_status put(gathering *g, int32_t place, int64_t row, int64_t value, pyr_error *error) {
    uint8_t *to = pyr_buffer_mutable(g->buffers[place]);
    if (pyr_type_is_large(g->field->type)) {
        memcpy(to + (size_t)row * 8, &value, 8);
        return PYR_OK;
    }
    if (value > INT32_MAX) {
        return pyr_gather_limit(g, "32-bit offsets do not suffice; use the large type", error);
    }
    int32_t narrow = (int32_t)value;
    memcpy(to + (size_t)row * 4, &narrow, 4);
    return PYR_OK;
}

/* The piece's lists, `shift` added to where they begin. */
static pyr_status put_lists(gathering *g, const pyr_piece *piece, int64_t row, int64_t shift,
                            pyr_error *error) {
    for (int64_t k = 0; k < piece->length; ++k) {
        int64_t start, length;
        pyr_array_list_range(piece->array, piece->start + k, &start, &length);
        if (length == 0 || pyr_array_is_null(piece->array, piece->start + k)) {
            continue; /* zeros: an empty list may point anywhere, also where the child now ends */
        }
        PYR_TRY(put(g, 1, row + k, start + shift, error));
        PYR_TRY(put(g, 2, row + k, length, error));
    }
    return PYR_OK;
}

static pyr_status gather_spans(gathering *g, piece_list *list, pyr_error *error) {
    int64_t row = 0, taken = 0;
    for (size_t i = 0; i < g->count; row += g->pieces[i++].length) {
        const pyr_piece *piece = &g->pieces[i];
        if (piece->array == NULL || piece->length == 0) {
            continue;
        }
        int64_t start, end;
        view_span(piece, &start, &end);
        PYR_TRY(put_lists(g, piece, row, taken - start, error));
        if (end > start) {
            PYR_TRY(pyr_pieces_add(list, piece->array->children[0], start, end - start, error));
            taken += end - start;
        }
    }
    return PYR_OK;
}

static pyr_status gather_shared(gathering *g, pyr_array *source, pyr_error *error) {
    g->children[0] = pyr_array_retain(source->children[0]);
    int64_t row = 0;
    for (size_t i = 0; i < g->count; row += g->pieces[i++].length) {
        if (g->pieces[i].array != NULL) {
            PYR_TRY(put_lists(g, &g->pieces[i], row, 0, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_gather_list_view(gathering *g, pyr_error *error) {
    size_t size = (size_t)g->length * (pyr_type_is_large(g->field->type) ? 8 : 4);
    PYR_TRY(pyr_gather_buffer(g, 1, size, true, error));
    PYR_TRY(pyr_gather_buffer(g, 2, size, true, error));
    pyr_array *source = single_source(g);
    if (source != NULL) {
        return gather_shared(g, source, error);
    }
    piece_list list = {0};
    pyr_status status = gather_spans(g, &list, error);
    if (status == PYR_OK) {
        status = pyr_gather_pieces(g->gather, g->field->children[0], list.pieces, list.count,
                                   &g->children[0], error);
    }
    free(list.pieces);
    return status;
}
