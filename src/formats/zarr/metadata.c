/* metadata.c - what v2 and v3 have in common: an array's grid, the levels of its shards, and what
 * the rest of the program is told of it. */
#include "formats/zarr/zarr_internal.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

pyr_status pyr_zarr_array_init(pyr_zarr_array *array, pyr_zarr_store *store, pyr_budget *budget,
                               pyr_error *error) {
    memset(array, 0, sizeof(*array));
    if (pthread_mutex_init(&array->lock, NULL) != 0) {
        return pyr_error_memory(error, sizeof(array->lock));
    }
    array->store = store;
    array->budget = budget;
    return PYR_OK;
}

void pyr_zarr_array_deinit(pyr_zarr_array *array) {
    for (int32_t i = 0; i < ZARR_SHARDS_CACHED; ++i) {
        pyr_zarr_shard_release(array->shards[i].shard);
    }
    pyr_array_release(array->fill_values[0]);
    pyr_array_release(array->fill_values[1]);
    pthread_mutex_destroy(&array->lock);
}

pyr_status pyr_zarr_lengths_parse(const json_t *json, const char *what, int64_t least, int32_t rank,
                                  int64_t *out, pyr_error *error) {
    if (!json_is_array(json) || json_array_size(json) != (size_t)rank) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: no list of %d lengths", what, rank);
    }
    for (int32_t i = 0; i < rank; ++i) {
        const json_t *length = json_array_get(json, (size_t)i);
        out[i] = json_is_integer(length) ? json_integer_value(length) : -1;
        if (out[i] < least) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: length %d is no integer of at least %d", what, i, (int)least);
        }
    }
    return PYR_OK;
}

/* Rank and shape; the product is held against int64_t, by bytes too. */
static pyr_status parse_shape(pyr_zarr_array *array, const json_t *json, pyr_arena *arena,
                              pyr_error *error) {
    if (!json_is_array(json)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "shape: no list");
    }
    if (json_array_size(json) > PYR_ZARR_RANK_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%zu dimensions, at most %d are read",
                             json_array_size(json), PYR_ZARR_RANK_MAX);
    }
    int32_t rank = (int32_t)json_array_size(json);
    int64_t *shape = pyr_arena_array(arena, (size_t)rank + 1, sizeof(*shape));
    if (shape == NULL) {
        return pyr_arena_error(arena, error);
    }
    PYR_TRY(pyr_zarr_lengths_parse(json, "shape", 0, rank, shape, error));
    array->info.rank = rank;
    array->info.shape = shape;
    return PYR_OK;
}

static pyr_status too_many(const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_LIMIT, "more %s than 64 bits can count", what);
}

/* Values of the array and of its chunks, in values and in bytes, fit in 63 bits. Lengths of zero
 * are taken as one: what is multiplied later has other factors. */
static pyr_status check_sizes(const pyr_zarr_array *array, pyr_error *error) {
    int64_t values = 1, chunk = 1, item = array->type.item_bytes > 0 ? array->type.item_bytes : 16;
    for (int32_t i = 0; i < array->info.rank; ++i) {
        int64_t length = array->info.shape[i] > 0 ? array->info.shape[i] : 1;
        /* The end of a chunk, also of one that reaches beyond the array, is a number too. */
        if (length > INT64_MAX / 4 || array->levels[0].chunk_shape[i] > INT64_MAX / 4) {
            return too_many("values of a dimension", error);
        }
        if (!pyr_mul_i64(values, length, &values)) {
            return too_many("values", error);
        }
        if (!pyr_mul_i64(chunk, array->levels[0].chunk_shape[i], &chunk)) {
            return too_many("values of a chunk", error);
        }
    }
    return pyr_mul_i64(values, item, &values) && pyr_mul_i64(chunk, item, &chunk)
               ? PYR_OK
               : too_many("bytes", error);
}

static void set_grid(const pyr_zarr_array *array, zarr_level *level) {
    for (int32_t i = 0; i < array->info.rank; ++i) {
        int64_t length = array->info.shape[i], chunk = level->chunk_shape[i];
        level->grid[i] = length / chunk + (length % chunk != 0);
    }
}

/* Shards whose dimensions are in place are opened, and their chunks read one by one. */
static void open_levels(pyr_zarr_array *array) {
    zarr_level *level = &array->levels[0];
    array->levels_count = 1;
    set_grid(array, level);
    while (level->pipeline->serializer == ZARR_SERIALIZER_SHARDING &&
           !level->pipeline->transposed && array->levels_count < ZARR_SHARD_LEVELS_MAX) {
        const zarr_sharding *sharding = level->pipeline->sharding;
        level = &array->levels[array->levels_count++];
        memcpy(level->chunk_shape, sharding->chunk_shape, sizeof(level->chunk_shape));
        level->pipeline = sharding->chunks;
        set_grid(array, level);
    }
}

static pyr_status set_info(pyr_zarr_array *array, const json_t *data_type, const json_t *attributes,
                           pyr_arena *arena, pyr_error *error) {
    pyr_zarr_info *info = &array->info;
    const zarr_level *inner = pyr_zarr_inner(array);
    info->kind = array->type.kind;
    info->item_bytes = array->type.item_bytes;
    info->data_type = json_is_string(data_type)
                          ? pyr_arena_strdup(arena, json_string_value(data_type))
                          : pyr_zarr_json_text(data_type, arena);
    info->codecs = array->levels[0].pipeline->text;
    info->attributes = json_is_object(attributes) ? pyr_zarr_json_text(attributes, arena)
                                                  : pyr_arena_strdup(arena, "{}");
    info->sharded = array->levels[0].pipeline->serializer == ZARR_SERIALIZER_SHARDING;
    info->chunk_shape = inner->chunk_shape;
    info->grid = inner->grid;
    info->chunks = pyr_zarr_product(info->rank, inner->grid);
    info->count = pyr_zarr_product(info->rank, info->shape);
    return info->data_type != NULL && info->attributes != NULL ? PYR_OK
                                                               : pyr_arena_error(arena, error);
}

pyr_status pyr_zarr_array_parse(pyr_zarr_array *array, pyr_zarr_format format,
                                const json_t *metadata, const json_t *attributes, pyr_arena *arena,
                                pyr_error *error) {
    bool v3 = format == PYR_ZARR_V3;
    const json_t *version = json_object_get(metadata, "zarr_format");
    if (!json_is_integer(version) || json_integer_value(version) != (int)format) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "zarr_format is not %d", (int)format);
    }
    if (v3) {
        attributes = json_object_get(metadata, "attributes");
    }
    PYR_TRY(parse_shape(array, json_object_get(metadata, "shape"), arena, error));
    PYR_TRY(v3 ? pyr_zarr_metadata_v3(array, metadata, arena, error)
               : pyr_zarr_metadata_v2(array, metadata, attributes, arena, error));
    PYR_TRY(check_sizes(array, error));
    open_levels(array);
    PYR_TRY(set_info(array, json_object_get(metadata, v3 ? "data_type" : "dtype"), attributes,
                     arena, error));
    return pyr_zarr_cf_parse(array, attributes, arena, error);
}
