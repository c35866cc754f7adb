/* write.c - the header of a Safetensors file. The JSON has the reference's order of keys, and
 * spaces behind it.
 */
#include "base/checked.h"
#include "base/cursor.h"
#include "base/text.h"
#include "formats/safetensors/safetensors_internal.h"

#include <inttypes.h>
#include <string.h>

/* Data begins at a multiple of a cache line, and of every type's width. */
#define DATA_ALIGNMENT 64

static pyr_status check_text(const char *text, const char *what, pyr_error *error) {
    if (!pyr_utf8_valid((const uint8_t *)text, strlen(text))) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "%s is not UTF-8", what);
    }
    return PYR_OK;
}
static pyr_status check_name(const char *name, pyr_error *error) {
    if (strcmp(name, "__metadata__") == 0) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "a tensor may not be called \"__metadata__\"");
    }
    return check_text(name, "the name of a tensor", error);
}
static pyr_status add_tensor(pyr_text *json, const pyr_tensor_view *view, int64_t *at,
                             pyr_error *error) {
    int64_t count = 0, size_bytes = 0, end = 0;
    PYR_TRY(check_name(view->name, error));
    if (!pyr_tensor_count(view->shape, view->rank, &count) ||
        !pyr_tensor_size(view->type, count, &size_bytes) || size_bytes != view->size_bytes) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "tensor \"%s\": %" PRId64
                             " bytes are not what its shape and type %s need",
                             view->name, view->size_bytes, pyr_tensor_type_name(view->type));
    }
    if (!pyr_add_i64(*at, size_bytes, &end)) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "tensors of more than 2^63 - 1 bytes");
    }
    pyr_text_add_json(json, view->name, strlen(view->name));
    pyr_text_printf(json, ":{\"dtype\":\"%s\",\"shape\":[", pyr_tensor_type_name(view->type));
    for (int32_t i = 0; i < view->rank; ++i) {
        pyr_text_printf(json, "%s%" PRId64, i > 0 ? "," : "", view->shape[i]);
    }
    pyr_text_printf(json, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", *at, end);
    *at = end;
    return PYR_OK;
}
static pyr_status add_metadata(pyr_text *json, const pyr_safetensors_metadata *metadata,
                               int64_t count, pyr_error *error) {
    pyr_text_add(json, "\"__metadata__\":{");
    for (int64_t i = 0; i < count; ++i) {
        PYR_TRY(check_text(metadata[i].key, "a key of the metadata", error));
        PYR_TRY(check_text(metadata[i].value, "a value of the metadata", error));
        pyr_text_add(json, i > 0 ? "," : "");
        pyr_text_add_json(json, metadata[i].key, strlen(metadata[i].key));
        pyr_text_add_char(json, ':');
        pyr_text_add_json(json, metadata[i].value, strlen(metadata[i].value));
    }
    pyr_text_add_char(json, '}');
    return PYR_OK;
}

/* records begin with their names. */
static pyr_status check_names(const void *records, size_t record_bytes, int64_t count,
                              const char *what, pyr_error *error) {
    pyr_arena arena;
    pyr_name_table names;
    pyr_arena_init(&arena, NULL);
    pyr_status status = pyr_name_table_init(&names, records, record_bytes, count, &arena, error);
    for (int64_t i = 0; status == PYR_OK && i < count; ++i) {
        if (pyr_name_table_add(&names, i) != i) {
            const char *name = NULL;
            memcpy(&name, (const uint8_t *)records + (size_t)i * record_bytes, sizeof name);
            status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "%s \"%s\" is there twice",
                                   what, name);
        }
    }
    pyr_arena_deinit(&arena);
    return status;
}

static pyr_status build(pyr_text *json, const pyr_tensor_view *tensors, int64_t count,
                        const pyr_safetensors_metadata *metadata, int64_t metadata_count,
                        pyr_error *error) {
    int64_t at = 0;
    pyr_text_add_char(json, '{');
    if (metadata_count > 0) {
        PYR_TRY(add_metadata(json, metadata, metadata_count, error));
    }
    for (int64_t i = 0; i < count; ++i) {
        pyr_text_add(json, i > 0 || metadata_count > 0 ? "," : "");
        PYR_TRY(add_tensor(json, &tensors[i], &at, error));
    }
    pyr_text_add_char(json, '}');
    while ((json->length + 8) % DATA_ALIGNMENT != 0 && !json->failed) {
        pyr_text_add_char(json, ' ');
    }
    PYR_TRY(pyr_text_check(json, error));
    if (json->length > PYR_SAFETENSORS_HEADER_BYTES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a Safetensors header of %zu bytes; readers take %d at most",
                             json->length, PYR_SAFETENSORS_HEADER_BYTES_MAX);
    }
    return PYR_OK;
}
pyr_status pyr_safetensors_write_header(const pyr_tensor_view *tensors, int64_t count,
                                        const pyr_safetensors_metadata *metadata,
                                        int64_t metadata_count, pyr_buffer **out,
                                        pyr_error *error) {
    pyr_text json;
    *out = NULL;
    if (count >= INT32_MAX || metadata_count >= INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "too many tensors for a Safetensors header");
    }
    PYR_TRY(check_names(tensors, sizeof *tensors, count, "tensor", error));
    PYR_TRY(check_names(metadata, sizeof *metadata, metadata_count, "metadata", error));
    pyr_text_init(&json);
    pyr_status status = build(&json, tensors, count, metadata, metadata_count, error);
    if (status == PYR_OK) {
        status = pyr_buffer_create_raw(json.length + 8, NULL, out, error);
    }
    if (status == PYR_OK) {
        uint8_t *to = pyr_buffer_mutable(*out);
        for (int i = 0; i < 8; ++i) {
            to[i] = (uint8_t)((uint64_t)json.length >> (i * 8));
        }
        memcpy(to + 8, json.data, json.length);
    }
    pyr_text_deinit(&json);
    return status;
}
