/* tensor_column.c - see tensor_column.h. */
#include "engines/functions/tensor_column.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* The first tensor, which all others are like; NULL: there is none. */
static pyr_status find_kind(const pyr_tensor_files *files, const pyr_tensor_view **out,
                            pyr_error *error) {
    *out = NULL;
    for (size_t i = 0; i < files->count; ++i) {
        for (int64_t j = 0; j < pyr_safetensors_count(files->items[i]); ++j) {
            const pyr_tensor_view *view = &pyr_safetensors_get(files->items[i], j)->view;
            if (*out != NULL &&
                ((*out)->type != view->type || !pyr_tensor_same_shape(*out, view))) {
                return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                     "read_safetensors: tensors := true needs one dtype and shape, "
                                     "\"%s\" is not like \"%s\"",
                                     view->name, (*out)->name);
            }
            *out = *out != NULL ? *out : view;
        }
    }
    return *out != NULL ? PYR_OK
                        : pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                        "read_safetensors: tensors := true needs a tensor");
}

static pyr_status make_metadata(const pyr_tensor_view *kind, pyr_metadata **out, pyr_error *error) {
    static const char name_key[] = "ARROW:extension:name";
    static const char value_key[] = "ARROW:extension:metadata";
    static const char name[] = "arrow.fixed_shape_tensor";
    pyr_text shape;
    pyr_text_init(&shape);
    pyr_text_add(&shape, "{\"shape\":[");
    for (int32_t i = 0; i < kind->rank; ++i) {
        pyr_text_printf(&shape, "%s%" PRId64, i > 0 ? "," : "", kind->shape[i]);
    }
    pyr_text_add(&shape, "]}");
    pyr_status status = pyr_text_check(&shape, error);
    if (status == PYR_OK) {
        status = pyr_metadata_create(out, error);
    }
    if (status == PYR_OK) {
        status = pyr_metadata_add(*out, name_key, strlen(name_key), name, strlen(name), error);
    }
    if (status == PYR_OK) {
        status = pyr_metadata_add(*out, value_key, strlen(value_key), pyr_text_get(&shape),
                                  shape.length, error);
    }
    pyr_text_deinit(&shape);
    return status;
}

static pyr_status make_field(const pyr_tensor_view *kind, pyr_type_id type, pyr_field **out,
                             pyr_error *error) {
    pyr_field *item = NULL;
    pyr_field *plain = NULL;
    pyr_metadata *metadata = NULL;
    pyr_status status = pyr_field_create("item", type, &item, error);
    if (status == PYR_OK) {
        status = pyr_field_create_nested("tensor", PYR_TYPE_FIXED_SIZE_LIST, (int32_t)kind->count,
                                         &item, 1, &plain, error);
    }
    if (status == PYR_OK) {
        status = make_metadata(kind, &metadata, error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(plain, NULL, true, metadata, out, error);
    }
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
    pyr_field_release(item);
    return status;
}

pyr_status pyr_tensor_column_field(const pyr_tensor_files *files, pyr_field **out,
                                   pyr_error *error) {
    const pyr_tensor_view *kind = NULL;
    bool direct = false;
    *out = NULL;
    PYR_TRY(find_kind(files, &kind, error));
    pyr_type_id type = pyr_tensor_arrow_type(kind->type, &direct);
    if (kind->type == PYR_TENSOR_F16) {
        type = PYR_TYPE_FLOAT16; /* nobody computes with it here: the bytes go on as they are */
    } else if (!direct) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "read_safetensors: tensors := true of %s, which Arrow has no type for",
                             pyr_tensor_type_name(kind->type));
    }
    if (kind->count == 0 || kind->count > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "read_safetensors: tensors := true of %" PRId64 " values each",
                             kind->count);
    }
    return make_field(kind, type, out, error);
}

pyr_status pyr_tensor_column_make(const pyr_safetensors *file, int64_t first, int64_t count,
                                  pyr_field *field, pyr_query_ledger *ledger, pyr_budget *budget,
                                  pyr_array **out, pyr_error *error) {
    const pyr_safetensors_tensor *begin = pyr_safetensors_get(file, first);
    size_t width = (size_t)pyr_type_bit_width(field->children[0]) / 8;
    pyr_buffer *values = NULL;
    pyr_array *items = NULL;
    *out = NULL;
    pyr_status status = pyr_tensor_file_bytes(file, begin->shard, (size_t)begin->offset_bytes,
                                              (size_t)(begin->view.size_bytes * count), width,
                                              ledger, budget, &values, error);
    if (status == PYR_OK) {
        pyr_buffer *const buffers[] = {NULL, values};
        status = pyr_array_create(field->children[0], count * field->list_size, 0, 0, buffers, 2,
                                  NULL, 0, NULL, &items, error);
    }
    if (status == PYR_OK) {
        pyr_buffer *const none[] = {NULL};
        status = pyr_array_create(field, count, 0, 0, none, 1, &items, 1, NULL, out, error);
    }
    pyr_array_release(items);
    pyr_buffer_release(values);
    return status;
}
