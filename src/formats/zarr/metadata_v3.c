/* metadata_v3.c - zarr.json of an array of Zarr v3. */
#include "formats/zarr/zarr_internal.h"

#include <string.h>

/* A field that is not known must say that it need not be understood. */
static pyr_status check_fields(const json_t *metadata, pyr_error *error) {
    static const char *const known[] = {"zarr_format",
                                        "node_type",
                                        "shape",
                                        "data_type",
                                        "chunk_grid",
                                        "fill_value",
                                        "codecs",
                                        "chunk_key_encoding",
                                        "attributes",
                                        "dimension_names",
                                        "storage_transformers",
                                        "consolidated_metadata"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metadata, key, value) {
        bool found = json_is_false(json_object_get(value, "must_understand"));
        for (size_t i = 0; !found && i < sizeof(known) / sizeof(known[0]); ++i) {
            found = strcmp(key, known[i]) == 0;
        }
        if (!found) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "the extension \"%.100s\" is not supported", key);
        }
    }
    const json_t *transformers = json_object_get(metadata, "storage_transformers");
    if (json_array_size(transformers) > 0) {
        const char *name = pyr_zarr_json_string(json_array_get(transformers, 0), "name");
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "the storage transformer \"%.100s\" is not supported",
                             name != NULL ? name : "");
    }
    return PYR_OK;
}

static pyr_status parse_grid(pyr_zarr_array *array, const json_t *metadata, pyr_error *error) {
    const json_t *grid = json_object_get(metadata, "chunk_grid");
    const char *name =
        json_is_string(grid) ? json_string_value(grid) : pyr_zarr_json_string(grid, "name");
    if (name == NULL || strcmp(name, "regular") != 0) {
        return pyr_error_set(error, name != NULL ? PYR_ERROR_NOT_SUPPORTED : PYR_ERROR_CORRUPT,
                             "the chunk grid \"%.100s\" is not supported",
                             name != NULL ? name : "");
    }
    return pyr_zarr_lengths_parse(
        json_object_get(json_object_get(grid, "configuration"), "chunk_shape"), "chunk_shape", 1,
        array->info.rank, array->levels[0].chunk_shape, error);
}

static pyr_status parse_keys(pyr_zarr_array *array, const json_t *metadata, pyr_error *error) {
    const json_t *encoding = json_object_get(metadata, "chunk_key_encoding");
    const char *name = json_is_string(encoding) ? json_string_value(encoding)
                                                : pyr_zarr_json_string(encoding, "name");
    const char *separator =
        pyr_zarr_json_string(json_object_get(encoding, "configuration"), "separator");
    if (name == NULL || (strcmp(name, "default") != 0 && strcmp(name, "v2") != 0)) {
        return pyr_error_set(error, name != NULL ? PYR_ERROR_NOT_SUPPORTED : PYR_ERROR_CORRUPT,
                             "the chunk key encoding \"%.100s\" is not supported",
                             name != NULL ? name : "");
    }
    if (separator != NULL && strcmp(separator, ".") != 0 && strcmp(separator, "/") != 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "the separator of keys is neither . nor /");
    }
    array->key_v2 = name[0] == 'v';
    array->separator = separator != NULL ? separator[0] : array->key_v2 ? '.' : '/';
    return PYR_OK;
}

static pyr_status parse_names(pyr_zarr_array *array, const json_t *names, pyr_arena *arena,
                              pyr_error *error) {
    if (names == NULL || json_is_null(names)) {
        return PYR_OK;
    }
    if (!json_is_array(names) || json_array_size(names) != (size_t)array->info.rank) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "dimension_names: no list of %d names",
                             array->info.rank);
    }
    const char **out = pyr_arena_array(arena, (size_t)array->info.rank + 1, sizeof(*out));
    if (out == NULL) {
        return pyr_arena_error(arena, error);
    }
    for (int32_t i = 0; i < array->info.rank; ++i) {
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        out[i] = name != NULL ? pyr_arena_strdup(arena, name) : NULL;
        if (name != NULL && out[i] == NULL) {
            return pyr_arena_error(arena, error);
        }
    }
    array->info.dimensions = out;
    return PYR_OK;
}

pyr_status pyr_zarr_metadata_v3(pyr_zarr_array *array, const json_t *metadata, pyr_arena *arena,
                                pyr_error *error) {
    zarr_pipeline *pipeline;
    PYR_TRY(check_fields(metadata, error));
    PYR_TRY(parse_grid(array, metadata, error));
    PYR_TRY(parse_keys(array, metadata, error));
    PYR_TRY(pyr_zarr_type_parse_v3(json_object_get(metadata, "data_type"), &array->type, error));
    PYR_TRY(pyr_zarr_pipeline_parse_v3(json_object_get(metadata, "codecs"), &array->type,
                                       array->info.rank, array->levels[0].chunk_shape, 0, arena,
                                       &pipeline, error));
    array->levels[0].pipeline = pipeline;
    PYR_TRY(pyr_zarr_fill_parse(json_object_get(metadata, "fill_value"), PYR_ZARR_V3, &array->type,
                                arena, &array->fill, error));
    return parse_names(array, json_object_get(metadata, "dimension_names"), arena, error);
}
