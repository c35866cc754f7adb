/* chunk_bytes.c - from the place of a chunk to its stored bytes: keys, shards and the few shards
 * that an array keeps open.
 *
 * A shard is opened by whoever needs it first; two threads may do so at once, and one of the two is
 * kept. The lock is held for the look into the cache alone.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/mapping.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

pyr_status pyr_zarr_array_context(const pyr_zarr_array *array, pyr_status status,
                                  pyr_error *error) {
    const char *path = array->info.path;
    return pyr_error_context(error, status, "%.300s%s%.200s", array->store->name,
                             *path != '\0' ? ": " : "", path);
}

pyr_status pyr_zarr_array_check(const pyr_zarr_array *array, pyr_error *error) {
    return array->status == PYR_OK
               ? PYR_OK
               : pyr_zarr_array_context(
                     array, pyr_error_set(error, array->status, "%s", array->info.problem), error);
}

static void print_place(pyr_text *text, int32_t rank, const int64_t *place, char separator) {
    for (int32_t i = 0; i < rank; ++i) {
        if (i > 0) {
            pyr_text_add_char(text, separator);
        }
        pyr_text_printf(text, "%lld", (long long)place[i]);
    }
}

pyr_status pyr_zarr_chunk_context(const pyr_zarr_array *array, const int64_t *place,
                                  pyr_status status, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    print_place(&text, array->info.rank, place, ',');
    status = pyr_error_context(error, status, "chunk [%s]", pyr_text_get(&text));
    pyr_text_deinit(&text);
    return pyr_zarr_array_context(array, status, error);
}

/* The key of a chunk of the store's grid. A value without dimensions has one of its own. */
static pyr_status make_key(const pyr_zarr_array *array, const int64_t *place, pyr_text *key,
                           pyr_error *error) {
    if (array->info.path[0] != '\0') {
        pyr_text_printf(key, "%s/", array->info.path);
    }
    if (!array->key_v2) {
        pyr_text_add_char(key, 'c');
        if (array->info.rank > 0) {
            pyr_text_add_char(key, array->separator);
        }
    } else if (array->info.rank == 0) {
        pyr_text_add_char(key, '0');
    }
    print_place(key, array->info.rank, place, array->separator);
    return pyr_text_check(key, error);
}

static int64_t index_in(int32_t rank, const int64_t *grid, const int64_t *place) {
    int64_t index = 0;
    for (int32_t i = 0; i < rank; ++i) {
        index = index * grid[i] + place[i];
    }
    return index;
}

/* The cached shard, retained, or NULL. Threads that opened it at once may have put it into more
 * than one slot. */
static zarr_shard *cached_shard(pyr_zarr_array *array, int32_t level, int64_t index) {
    zarr_shard *found = NULL;
    pthread_mutex_lock(&array->lock);
    for (int32_t i = 0; i < ZARR_SHARDS_CACHED && found == NULL; ++i) {
        zarr_shard_slot *slot = &array->shards[i];
        if (slot->used != 0 && slot->level == level && slot->index == index) {
            slot->used = ++array->clock;
            found = pyr_zarr_shard_retain(slot->shard);
        }
    }
    pthread_mutex_unlock(&array->lock);
    return found;
}

/* Puts it where the one is that was not used for longest. */
static void cache_shard(pyr_zarr_array *array, int32_t level, int64_t index, zarr_shard *shard) {
    pthread_mutex_lock(&array->lock);
    zarr_shard_slot *slot = &array->shards[0];
    for (int32_t i = 1; i < ZARR_SHARDS_CACHED; ++i) {
        slot = array->shards[i].used < slot->used ? &array->shards[i] : slot;
    }
    zarr_shard *before = slot->shard;
    *slot = (zarr_shard_slot){level, index, ++array->clock, pyr_zarr_shard_retain(shard)};
    pthread_mutex_unlock(&array->lock);
    pyr_zarr_shard_release(before);
}

typedef struct request {
    pyr_zarr_array *array;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
} request;

static pyr_status bytes_at(const request *r, int32_t level, const int64_t *place, pyr_buffer **out,
                           pyr_error *error);

/* The shard around a chunk of level + 1, NULL: it is missing. */
static pyr_status shard_at(const request *r, int32_t level, const int64_t *place, zarr_shard **out,
                           pyr_error *error) {
    pyr_zarr_array *array = r->array;
    const zarr_level *at = &array->levels[level];
    int64_t index = index_in(array->info.rank, at->grid, place);
    zarr_work work = {&array->type, array->info.rank, &array->fill, r->ledger, array->budget};
    pyr_buffer *stored = NULL, *bytes = NULL;
    bool copied;
    *out = cached_shard(array, level, index);
    if (*out != NULL) {
        return PYR_OK;
    }
    request inner = {array, r->ledger, array->budget};
    PYR_TRY(bytes_at(&inner, level, place, &stored, error));
    if (stored == NULL) {
        return PYR_OK;
    }
    pyr_status status = pyr_zarr_steps_run(at->pipeline, &work, stored, -1, &bytes, &copied, error);
    /* Before the shard is kept: decoded bytes have no mapping that could be checked later. */
    status = pyr_mapping_explain(stored->mapping, status, error);
    pyr_buffer_release(stored);
    if (status != PYR_OK) {
        pyr_buffer_release(bytes);
        return status;
    }
    status = pyr_zarr_shard_open(at->pipeline->sharding, array->info.rank, at->chunk_shape, bytes,
                                 r->ledger, array->budget, out, error);
    pyr_buffer_release(bytes);
    PYR_TRY(status);
    cache_shard(array, level, index, *out);
    return PYR_OK;
}

/* The place of the shard around a chunk of this level, and the chunk's index in it. */
static int64_t place_in_shard(const pyr_zarr_array *array, int32_t level, const int64_t *place,
                              int64_t *shard_place) {
    const zarr_level *outer = &array->levels[level - 1], *own = &array->levels[level];
    int64_t index = 0;
    for (int32_t i = 0; i < array->info.rank; ++i) {
        int64_t chunks = outer->chunk_shape[i] / own->chunk_shape[i];
        shard_place[i] = place[i] / chunks;
        index = index * chunks + place[i] % chunks;
    }
    return index;
}

static pyr_status inner_bytes(const request *r, int32_t level, const int64_t *place,
                              pyr_buffer **out, pyr_error *error) {
    int64_t shard_place[PYR_ZARR_RANK_MAX];
    int64_t index = place_in_shard(r->array, level, place, shard_place);
    bool present;
    size_t offset, size;
    zarr_shard *shard = NULL;
    PYR_TRY(shard_at(r, level - 1, shard_place, &shard, error));
    if (shard == NULL) {
        return PYR_OK;
    }
    pyr_status status = pyr_zarr_shard_find(shard, index, &present, &offset, &size, error);
    if (status == PYR_OK && present) {
        status = pyr_buffer_slice(shard->bytes, offset, size, out, error);
    }
    pyr_zarr_shard_release(shard);
    return status;
}

static pyr_status bytes_at(const request *r, int32_t level, const int64_t *place, pyr_buffer **out,
                           pyr_error *error) {
    *out = NULL;
    if (level > 0) {
        return inner_bytes(r, level, place, out, error);
    }
    pyr_text key;
    pyr_text_init(&key);
    pyr_status status = make_key(r->array, place, &key, error);
    if (status == PYR_OK) {
        status = pyr_zarr_store_get(r->array->store, pyr_text_get(&key), r->ledger, r->budget, out,
                                    error);
    }
    pyr_text_deinit(&key);
    return status;
}

pyr_status pyr_zarr_chunk_bytes(pyr_zarr_array *array, const int64_t *place,
                                pyr_query_ledger *ledger, pyr_budget *budget, pyr_buffer **out,
                                pyr_error *error) {
    request r = {array, ledger, budget};
    PYR_TRY(bytes_at(&r, array->levels_count - 1, place, out, error));
    if (*out != NULL) {
        pyr_ledger_add_scanned(ledger, (int64_t)(*out)->size_bytes);
    }
    return PYR_OK;
}

/* ---- Where chunks are. ---- */

void pyr_zarr_placement_deinit(pyr_zarr_placement *placement) {
    free(placement->location);
    memset(placement, 0, sizeof(*placement));
}

static pyr_status locate_stored(const pyr_zarr_array *array, const int64_t *place,
                                pyr_zarr_placement *out, pyr_error *error) {
    pyr_zarr_stored stored = {0};
    pyr_text key;
    pyr_text_init(&key);
    pyr_status status = make_key(array, place, &key, error);
    if (status == PYR_OK) {
        status = pyr_zarr_store_locate(array->store, pyr_text_get(&key), &stored, error);
    }
    pyr_text_deinit(&key);
    if (status == PYR_OK && stored.present) {
        *out = (pyr_zarr_placement){true, stored.location, stored.offset_bytes, stored.size_bytes};
    }
    return status;
}

/* In a shard: the shard's place, and the chunk's in it. Where the shard's own bytes were compressed
 * the offset is one in the plain shard; there is no other to give. */
static pyr_status locate_in(pyr_zarr_array *array, int32_t level, const int64_t *place,
                            pyr_query_ledger *ledger, pyr_zarr_placement *out, pyr_error *error) {
    if (level == 0) {
        return locate_stored(array, place, out, error);
    }
    request r = {array, ledger, array->budget};
    int64_t shard_place[PYR_ZARR_RANK_MAX];
    int64_t index = place_in_shard(array, level, place, shard_place);
    zarr_shard *shard = NULL;
    PYR_TRY(shard_at(&r, level - 1, shard_place, &shard, error));
    if (shard == NULL) {
        return PYR_OK;
    }
    bool present;
    size_t offset, size;
    pyr_status status = pyr_zarr_shard_find(shard, index, &present, &offset, &size, error);
    if (status == PYR_OK && present) {
        status = locate_in(array, level - 1, shard_place, ledger, out, error);
        out->offset_bytes += (int64_t)offset;
        out->size_bytes = (int64_t)size;
    }
    pyr_zarr_shard_release(shard);
    return status;
}

pyr_status pyr_zarr_locate_chunk(pyr_zarr_array *array, const int64_t *place,
                                 pyr_query_ledger *ledger, pyr_zarr_placement *out,
                                 pyr_error *error) {
    memset(out, 0, sizeof(*out));
    PYR_TRY(pyr_zarr_array_check(array, error));
    pyr_status status = locate_in(array, array->levels_count - 1, place, ledger, out, error);
    if (status != PYR_OK) {
        pyr_zarr_placement_deinit(out);
        return pyr_zarr_chunk_context(array, place, status, error);
    }
    return PYR_OK;
}

void pyr_zarr_chunk_place(const pyr_zarr_array *array, int64_t index, int64_t *place) {
    for (int32_t i = array->info.rank; i-- > 0;) {
        place[i] = index % array->info.grid[i];
        index /= array->info.grid[i];
    }
}
