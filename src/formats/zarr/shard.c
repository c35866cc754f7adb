/* shard.c - the index of a shard: where each of its chunks is (Zarr v3, "sharding_indexed").
 *
 * Pairs of offset and size, both all ones where a chunk is not there. The index is checked (its
 * checksum) when the shard is opened; a pair is held against the shard's size when it is looked at.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/checked.h"
#include "base/cursor.h"
#include "base/mapping.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_BYTES ((size_t)16)

/* The part of the bytes that the index takes. */
static pyr_status index_extent(const zarr_sharding *sharding, int64_t count,
                               const pyr_buffer *bytes, size_t *at, size_t *size,
                               pyr_error *error) {
    if (!pyr_mul_size((size_t)count, PAIR_BYTES, size) ||
        !pyr_add_size(*size, sharding->index_extra_bytes, size) || *size > bytes->size_bytes) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "a shard of %zu bytes has no room for the index of its %lld chunks",
                             bytes->size_bytes, (long long)count);
    }
    *at = sharding->index_at_start ? 0 : bytes->size_bytes - *size;
    return PYR_OK;
}

static pyr_status decode_index(const zarr_sharding *sharding, int64_t count, pyr_buffer *bytes,
                               pyr_query_ledger *ledger, pyr_budget *budget, pyr_buffer **out,
                               pyr_error *error) {
    static const zarr_type type = {.kind = PYR_ZARR_UINT, .item_bytes = 8, .swap_bytes = 8};
    zarr_work work = {.type = &type, .rank = 0, .ledger = ledger, .budget = budget};
    size_t at, size;
    bool copied;
    pyr_buffer *stored = NULL;
    PYR_TRY(index_extent(sharding, count, bytes, &at, &size, error));
    PYR_TRY(pyr_buffer_slice(bytes, at, size, &stored, error));
    pyr_status status = pyr_zarr_steps_run(sharding->index, &work, stored,
                                           count * (int64_t)PAIR_BYTES, out, &copied, error);
    pyr_buffer_release(stored);
    return status == PYR_OK ? PYR_OK : pyr_error_context(error, status, "index of the shard");
}

pyr_status pyr_zarr_shard_open(const zarr_sharding *sharding, int32_t rank,
                               const int64_t *shard_shape, pyr_buffer *bytes,
                               pyr_query_ledger *ledger, pyr_budget *budget, zarr_shard **out,
                               pyr_error *error) {
    pyr_buffer *index = NULL;
    int64_t count = 1;
    *out = NULL;
    for (int32_t i = 0; i < rank; ++i) { /* no more than the values of the shard: no overflow */
        count *= shard_shape[i] / sharding->chunk_shape[i];
    }
    PYR_TRY(decode_index(sharding, count, bytes, ledger, budget, &index, error));
    zarr_shard *shard = calloc(1, sizeof(*shard));
    if (shard == NULL) {
        pyr_buffer_release(index);
        return pyr_error_memory(error, sizeof(*shard));
    }
    atomic_init(&shard->references, 1);
    shard->bytes = pyr_buffer_retain(bytes);
    shard->index = index;
    shard->count = count;
    *out = shard;
    return PYR_OK;
}

zarr_shard *pyr_zarr_shard_retain(zarr_shard *shard) {
    atomic_fetch_add_explicit(&shard->references, 1, memory_order_relaxed);
    return shard;
}

void pyr_zarr_shard_release(zarr_shard *shard) {
    if (shard != NULL &&
        atomic_fetch_sub_explicit(&shard->references, 1, memory_order_acq_rel) == 1) {
        pyr_buffer_release(shard->bytes);
        pyr_buffer_release(shard->index);
        free(shard);
    }
}

pyr_status pyr_zarr_shard_find(const zarr_shard *shard, int64_t index, bool *present,
                               size_t *offset, size_t *size_bytes, pyr_error *error) {
    const uint8_t *pair = shard->index->data + (size_t)index * PAIR_BYTES;
    uint64_t at = pyr_load_u64(pair), size = pyr_load_u64(pair + 8);
    *present = at != UINT64_MAX || size != UINT64_MAX;
    *offset = 0;
    *size_bytes = 0;
    PYR_TRY(pyr_mapping_check(shard->bytes->mapping, error));
    if (!*present) {
        return PYR_OK;
    }
    if (at > shard->bytes->size_bytes || size > shard->bytes->size_bytes - at) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "chunk %lld of the shard: %llu bytes at %llu, the shard has %zu",
                             (long long)index, (unsigned long long)size, (unsigned long long)at,
                             shard->bytes->size_bytes);
    }
    *offset = (size_t)at;
    *size_bytes = (size_t)size;
    return PYR_OK;
}
