/* items.c - chunks of values of any length: numcodecs' vlen formats and json2.
 *
 * A chunk becomes an array of UTF8 or BINARY; texts are validated, as bytes from outside are.
 */
#include "formats/zarr/zarr_internal.h"

#include "arrow/builder.h"
#include "base/mapping.h"

#include <stdlib.h>
#include <string.h>

static pyr_status parse_vlen(const zarr_work *work, const pyr_buffer *plain, int64_t count,
                             pyr_array **out, pyr_error *error) {
    pyr_buffer *buffers[3] = {NULL, NULL, NULL};
    pyr_field *field = NULL;
    int64_t found;
    PYR_TRY(pyr_codec_vlen(plain->data, plain->size_bytes, count, work->budget, &found, &buffers[1],
                           &buffers[2], error));
    pyr_status status = found == count ? PYR_OK
                                       : pyr_error_set(error, PYR_ERROR_CORRUPT,
                                                       "%lld items, the metadata says %lld",
                                                       (long long)found, (long long)count);
    if (status == PYR_OK) {
        bool text = work->type->kind != PYR_ZARR_BINARY;
        status = pyr_field_create("", text ? PYR_TYPE_UTF8 : PYR_TYPE_BINARY, &field, error);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(field, count, 0, 0, buffers, 3, NULL, 0, NULL, out, error);
    }
    pyr_field_release(field);
    pyr_buffer_release(buffers[1]);
    pyr_buffer_release(buffers[2]);
    return status;
}

static pyr_status add_json(pyr_builder *builder, const json_t *value, pyr_error *error) {
    if (json_is_null(value)) {
        return pyr_builder_null(builder, error);
    }
    if (json_is_string(value)) {
        return pyr_builder_bytes(builder, json_string_value(value), json_string_length(value),
                                 error);
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        return pyr_error_memory(error, 0);
    }
    pyr_status status = pyr_builder_string(builder, text, error);
    free(text);
    return status;
}

/* Lists of lists, a level for each dimension. */
static pyr_status add_nested(pyr_builder *builder, const json_t *list, int32_t rank,
                             const int64_t *shape, pyr_error *error) {
    if (rank == 0) {
        return add_json(builder, list, error);
    }
    if (!json_is_array(list) || (int64_t)json_array_size(list) < shape[0]) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "json2: the lists are not of the chunk's shape");
    }
    for (int64_t i = 0; i < shape[0]; ++i) {
        PYR_TRY(add_nested(builder, json_array_get(list, (size_t)i), rank - 1, shape + 1, error));
    }
    return PYR_OK;
}

/* The items, then the data type, then the shape. */
static pyr_status parse_json(const zarr_work *work, const pyr_buffer *plain,
                             const int64_t *chunk_shape, pyr_array **out, pyr_error *error) {
    static const int64_t one[1] = {1};
    json_t *document = NULL;
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    PYR_TRY(pyr_zarr_json_load(plain, "json2", &document, error));
    int32_t rank = work->rank > 0 ? work->rank : 1;
    const int64_t *shape = work->rank > 0 ? chunk_shape : one;
    pyr_status status = PYR_OK;
    if (!json_is_array(document) || (int64_t)json_array_size(document) - 2 != shape[0]) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT, "json2: not a list of the chunk's items");
    }
    if (status == PYR_OK) {
        status = pyr_field_create("", PYR_TYPE_UTF8, &field, error);
    }
    if (status == PYR_OK) {
        status = pyr_builder_create(field, work->budget, &builder, error);
    }
    if (status == PYR_OK) {
        status = add_nested(builder, document, rank, shape, error);
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, error);
    }
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    json_decref(document);
    return status;
}

/* The box [0, extent) of items in the order they are stored in, as C order of the box. */
static pyr_status pick(const zarr_pipeline *pipeline, const zarr_work *work,
                       const int64_t *chunk_shape, const int64_t *extent, pyr_array **items,
                       pyr_error *error) {
    int64_t strides[PYR_ZARR_RANK_MAX];
    int64_t at[PYR_ZARR_RANK_MAX] = {0};
    int64_t count = pyr_zarr_product(work->rank, extent);
    pyr_buffer *indices = NULL;
    pyr_array *out = NULL;
    pyr_zarr_plain_strides(pipeline, work->rank, chunk_shape, 1, strides);
    PYR_TRY(pyr_buffer_create_raw((size_t)count * sizeof(int32_t), work->budget, &indices, error));
    int32_t *index = count > 0 ? (int32_t *)(void *)pyr_buffer_mutable(indices) : NULL;
    int64_t from = 0;
    for (int64_t i = 0; i < count; ++i) {
        index[i] = (int32_t)from;
        for (int32_t d = work->rank; d-- > 0;) {
            from += strides[d];
            if (++at[d] < extent[d]) {
                break;
            }
            from -= strides[d] * extent[d];
            at[d] = 0;
        }
    }
    pyr_status status = pyr_array_take(*items, index, count, PYR_COPY_CONVERT, work->ledger,
                                       work->budget, &out, error);
    pyr_buffer_release(indices);
    pyr_array_release(*items);
    *items = out;
    return status;
}

pyr_status pyr_zarr_chunk_items(const zarr_pipeline *pipeline, const zarr_work *work,
                                const int64_t *chunk_shape, const int64_t *extent,
                                pyr_buffer *bytes, pyr_array **out, pyr_error *error) {
    int64_t count = pyr_zarr_product(work->rank, chunk_shape);
    pyr_buffer *plain = NULL;
    bool copied;
    *out = NULL;
    if (count > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "a chunk of %lld values of any length",
                             (long long)count);
    }
    if (pipeline->serializer == ZARR_SERIALIZER_SHARDING) {
        /* Others were opened level by level: what comes here is a chunk of theirs. */
        return pyr_error_set(
            error, PYR_ERROR_NOT_SUPPORTED,
            "values of any length in shards that were transposed as a whole, or in "
            "shards of more than %d levels, are not supported",
            ZARR_SHARD_LEVELS_MAX - 1);
    }
    PYR_TRY(pyr_zarr_steps_run(pipeline, work, bytes, -1, &plain, &copied, error));
    pyr_status status = pipeline->serializer == ZARR_SERIALIZER_JSON
                            ? parse_json(work, plain, chunk_shape, out, error)
                            : parse_vlen(work, plain, count, out, error);
    pyr_buffer_release(plain);
    if (status == PYR_OK) {
        /* Decoding was counted by the steps, if there was any. */
        pyr_ledger_add_copy(work->ledger, PYR_COPY_CONVERT, pyr_array_size_bytes(*out));
        status = pyr_mapping_check(bytes->mapping, error);
    }
    if (status == PYR_OK) {
        status = pyr_array_validate(*out, PYR_VALIDATE_FULL, error);
    }
    bool whole = !pipeline->transposed && pyr_zarr_product(work->rank, extent) == count;
    if (status == PYR_OK && !whole) {
        status = pick(pipeline, work, chunk_shape, extent, out, error);
    }
    if (status != PYR_OK) {
        pyr_array_release(*out);
        *out = NULL;
    }
    return status;
}
