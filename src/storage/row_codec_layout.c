/* row_codec_layout.c - layouts of rows, and plain types; see row_codec.h. */
#include "storage/row_codec_internal.h"

#include <stdlib.h>

row_form pyr_row_form(pyr_type_id type) {
    switch (type) {
    case PYR_TYPE_NULL:
        return ROW_FORM_NULL;
    case PYR_TYPE_BOOL:
        return ROW_FORM_BOOL;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_LARGE_BINARY:
        return ROW_FORM_BYTES;
    case PYR_TYPE_UTF8_VIEW:
    case PYR_TYPE_BINARY_VIEW:
        return ROW_FORM_VIEWS;
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_MAP:
        return ROW_FORM_LIST;
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
        return ROW_FORM_LIST_VIEW;
    case PYR_TYPE_FIXED_SIZE_LIST:
        return ROW_FORM_FIXED_SIZE_LIST;
    case PYR_TYPE_STRUCT:
        return ROW_FORM_STRUCT;
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        return ROW_FORM_UNION;
    case PYR_TYPE_DICTIONARY:
    case PYR_TYPE_RUN_END_ENCODED:
        return ROW_FORM_ENCODED;
    default:
        return ROW_FORM_FIXED;
    }
}

/* ---- Plain types. ---- */

static bool is_plain(const pyr_field *field) {
    bool plain = pyr_row_form(field->type) != ROW_FORM_ENCODED;
    for (int32_t i = 0; plain && i < field->children_count; ++i) {
        plain = is_plain(field->children[i]);
    }
    return plain;
}

/* The values of a dictionary or of runs under the name of the whole, and nullable as it is: a NOT
 * NULL column stays one. What an extension says of the encoded field holds for its values. */
static pyr_status plain_encoded(pyr_field *field, pyr_field **out, pyr_error *error) {
    pyr_field *values = field->type == PYR_TYPE_DICTIONARY ? field->dictionary : field->children[1];
    pyr_field *plain = NULL;
    PYR_TRY(pyr_row_plain_field(values, &plain, error));
    pyr_status status =
        pyr_field_with(plain, field->name, field->nullable,
                       field->metadata != NULL ? field->metadata : values->metadata, out, error);
    pyr_field_release(plain);
    return status;
}

static pyr_status plain_children(pyr_field *field, pyr_field **children, pyr_field **out,
                                 pyr_error *error) {
    for (int32_t i = 0; i < field->children_count; ++i) {
        PYR_TRY(pyr_row_plain_field(field->children[i], &children[i], error));
    }
    pyr_field *nested = NULL;
    if (pyr_row_form(field->type) == ROW_FORM_UNION) {
        PYR_TRY(pyr_field_create_union(field->name, field->type, field->type_codes, children,
                                       field->children_count, &nested, error));
    } else {
        int32_t parameter = field->type == PYR_TYPE_FIXED_SIZE_LIST ? field->list_size
                                                                    : (int32_t)field->keys_sorted;
        PYR_TRY(pyr_field_create_nested(field->name, field->type, parameter, children,
                                        field->children_count, &nested, error));
    }
    pyr_status status = pyr_field_with(nested, NULL, field->nullable, field->metadata, out, error);
    pyr_field_release(nested);
    return status;
}

pyr_status pyr_row_plain_field(pyr_field *field, pyr_field **out, pyr_error *error) {
    *out = NULL;
    if (is_plain(field)) {
        *out = pyr_field_retain(field);
        return PYR_OK;
    }
    if (pyr_row_form(field->type) == ROW_FORM_ENCODED) {
        return plain_encoded(field, out, error);
    }
    pyr_field **children = calloc((size_t)field->children_count + 1, sizeof(*children));
    if (children == NULL) {
        return pyr_error_memory(error, (size_t)field->children_count * sizeof(*children));
    }
    pyr_status status = plain_children(field, children, out, error);
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_field_release(children[i]);
    }
    free(children);
    return status;
}

/* ---- Layouts. ---- */

static pyr_status add_slot(pyr_row_layout *layout, const pyr_row_slot *slot, pyr_error *error) {
    layout_slot *added = &layout->slots[layout->count];
    PYR_TRY(pyr_row_plain_field(slot->field, &added->plain, error));
    added->field = pyr_field_retain(slot->field);
    added->missing = pyr_array_retain(slot->missing);
    layout->count += 1;
    if (slot->missing != NULL &&
        (slot->missing->length != 1 || !pyr_field_type_equal(slot->missing->field, added->plain))) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "column \"%s\": its value for older rows is not one of its type",
                             slot->field->name);
    }
    return PYR_OK;
}

pyr_status pyr_row_layout_create(const pyr_row_slot *slots, int32_t count, pyr_row_layout **out,
                                 pyr_error *error) {
    *out = NULL;
    if (count < 0 || count > PYR_ROW_SLOTS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a row layout of %d slots, at most %d are possible; dropped columns "
                             "count until the table is rewritten",
                             count, PYR_ROW_SLOTS_MAX);
    }
    size_t size = sizeof(pyr_row_layout) + (size_t)count * sizeof(layout_slot);
    pyr_row_layout *layout = calloc(1, size);
    if (layout == NULL) {
        return pyr_error_memory(error, size);
    }
    atomic_init(&layout->references, 1);
    for (int32_t i = 0; i < count; ++i) {
        pyr_status status = add_slot(layout, &slots[i], error);
        if (status != PYR_OK) {
            pyr_row_layout_release(layout);
            return status;
        }
    }
    *out = layout;
    return PYR_OK;
}

pyr_row_layout *pyr_row_layout_retain(pyr_row_layout *layout) {
    if (layout != NULL) {
        atomic_fetch_add_explicit(&layout->references, 1, memory_order_relaxed);
    }
    return layout;
}

void pyr_row_layout_release(pyr_row_layout *layout) {
    if (layout == NULL ||
        atomic_fetch_sub_explicit(&layout->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < layout->count; ++i) {
        pyr_field_release(layout->slots[i].field);
        pyr_field_release(layout->slots[i].plain);
        pyr_array_release(layout->slots[i].missing);
    }
    free(layout);
}
