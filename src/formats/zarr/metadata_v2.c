/* metadata_v2.c - .zarray of Zarr v2, and xarray's names of dimensions in .zattrs. */
#include "formats/zarr/zarr_internal.h"

#include <string.h>

static pyr_status parse_dimensions(pyr_zarr_array *array, const json_t *attributes,
                                   pyr_arena *arena, pyr_error *error) {
    const json_t *names = json_object_get(attributes, "_ARRAY_DIMENSIONS");
    if (!json_is_array(names) || json_array_size(names) != (size_t)array->info.rank) {
        return PYR_OK; /* a convention, not the format: what does not fit names nothing */
    }
    const char **out = pyr_arena_array(arena, (size_t)array->info.rank + 1, sizeof(*out));
    if (out == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < array->info.rank; ++i) {
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        if (name == NULL) {
            return PYR_OK;
        }
        out[i] = pyr_arena_strdup(arena, name);
        if (out[i] == NULL) {
            return pyr_arena_error(arena, error);
        }
    }
    array->info.dimensions = out;
    return PYR_OK;
}

static pyr_status parse_separator(pyr_zarr_array *array, const json_t *metadata, pyr_error *error) {
    const char *separator = pyr_zarr_json_string(metadata, "dimension_separator");
    if (separator != NULL && strcmp(separator, ".") != 0 && strcmp(separator, "/") != 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "dimension_separator is neither . nor /");
    }
    array->key_v2 = true;
    array->separator = separator != NULL ? separator[0] : '.';
    return PYR_OK;
}

pyr_status pyr_zarr_metadata_v2(pyr_zarr_array *array, const json_t *metadata,
                                const json_t *attributes, pyr_arena *arena, pyr_error *error) {
    const char *order = pyr_zarr_json_string(metadata, "order");
    zarr_pipeline *pipeline;
    int32_t rank = array->info.rank;
    if (order != NULL && strcmp(order, "C") != 0 && strcmp(order, "F") != 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "order is neither C nor F");
    }
    PYR_TRY(pyr_zarr_lengths_parse(json_object_get(metadata, "chunks"), "chunks", 1, rank,
                                   array->levels[0].chunk_shape, error));
    PYR_TRY(parse_separator(array, metadata, error));
    PYR_TRY(pyr_zarr_type_parse_v2(json_object_get(metadata, "dtype"), &array->type, error));
    PYR_TRY(pyr_zarr_pipeline_parse_v2(
        json_object_get(metadata, "filters"), json_object_get(metadata, "compressor"),
        order != NULL && order[0] == 'F', rank, &array->type, arena, &pipeline, error));
    array->levels[0].pipeline = pipeline;
    PYR_TRY(pyr_zarr_fill_parse(json_object_get(metadata, "fill_value"), PYR_ZARR_V2, &array->type,
                                arena, &array->fill, error));
    return parse_dimensions(array, attributes, arena, error);
}
