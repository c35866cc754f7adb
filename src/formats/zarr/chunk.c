/* chunk.c - reading chunks, and boxes across them. */
#include "formats/zarr/zarr_internal.h"

#include "base/mapping.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void pyr_zarr_chunk_deinit(pyr_zarr_chunk *chunk) {
    pyr_buffer_release(chunk->bytes);
    pyr_array_release(chunk->values);
    memset(chunk, 0, sizeof(*chunk));
}

static pyr_status read_present(pyr_zarr_array *array, const zarr_work *work, pyr_buffer *stored,
                               pyr_zarr_chunk *out, pyr_error *error) {
    const zarr_level *inner = pyr_zarr_inner(array);
    bool copied = true;
    if (array->type.item_bytes == 0) {
        return pyr_zarr_chunk_items(inner->pipeline, work, inner->chunk_shape, out->shape, stored,
                                    &out->values, error);
    }
    PYR_TRY(pyr_zarr_chunk_block(inner->pipeline, work, inner->chunk_shape, out->shape, stored,
                                 &out->bytes, &copied, error));
    out->referenced = !copied;
    if (out->referenced) {
        pyr_ledger_add_referenced(work->ledger, (int64_t)out->bytes->size_bytes);
    }
    return PYR_OK;
}

pyr_status pyr_zarr_read_chunk(pyr_zarr_array *array, const int64_t *place,
                               pyr_query_ledger *ledger, pyr_budget *budget, pyr_zarr_chunk *out,
                               pyr_error *error) {
    zarr_work work = {&array->type, array->info.rank, &array->fill, ledger, budget};
    pyr_buffer *stored = NULL;
    memset(out, 0, sizeof(*out));
    PYR_TRY(pyr_zarr_array_check(array, error));
    for (int32_t i = 0; i < array->info.rank; ++i) {
        int64_t chunk = array->info.chunk_shape[i];
        assert(place[i] >= 0 && place[i] < array->info.grid[i]);
        int64_t left = array->info.shape[i] - place[i] * chunk;
        out->shape[i] = left < chunk ? left : chunk;
    }
    out->count = pyr_zarr_product(array->info.rank, out->shape);
    pyr_status status = pyr_zarr_chunk_bytes(array, place, ledger, budget, &stored, error);
    out->missing = status == PYR_OK && stored == NULL;
    if (stored != NULL) {
        status = read_present(array, &work, stored, out, error);
        /* A page that could not be read looks like broken data. */
        pyr_status fault = pyr_mapping_check(stored->mapping, status != PYR_OK ? error : NULL);
        status = status != PYR_OK && fault != PYR_OK ? fault : status;
        pyr_buffer_release(stored);
    }
    if (status != PYR_OK) {
        pyr_zarr_chunk_deinit(out);
        return pyr_zarr_chunk_context(array, place, status, error);
    }
    return PYR_OK;
}

/* ---- Boxes. ---- */

/* A box of the array, and the chunk that is looked at. */
typedef struct box {
    pyr_zarr_array *array;
    const int64_t *start, *extent;
    int64_t place[PYR_ZARR_RANK_MAX];
    int64_t from[PYR_ZARR_RANK_MAX], to[PYR_ZARR_RANK_MAX]; /* of their part in common */
    int64_t part[PYR_ZARR_RANK_MAX];
} box;

static void begin(box *b) {
    for (int32_t i = 0; i < b->array->info.rank; ++i) {
        b->place[i] = b->start[i] / b->array->info.chunk_shape[i];
    }
}

static bool next(box *b) {
    const pyr_zarr_info *info = &b->array->info;
    for (int32_t i = info->rank; i-- > 0;) {
        if (++b->place[i] * info->chunk_shape[i] < b->start[i] + b->extent[i]) {
            return true;
        }
        b->place[i] = b->start[i] / info->chunk_shape[i];
    }
    return false;
}

static void intersect(box *b) {
    const pyr_zarr_info *info = &b->array->info;
    for (int32_t i = 0; i < info->rank; ++i) {
        int64_t chunk_start = b->place[i] * info->chunk_shape[i];
        int64_t chunk_end = chunk_start + info->chunk_shape[i];
        int64_t start = chunk_start > b->start[i] ? chunk_start : b->start[i];
        int64_t box_end = b->start[i] + b->extent[i];
        int64_t end = chunk_end < box_end ? chunk_end : box_end;
        b->from[i] = start - chunk_start;
        b->to[i] = start - b->start[i];
        b->part[i] = end - start;
    }
}

/* Whether the box is the part inside of the array of one chunk: then it is read as that. */
static bool is_chunk(const box *b) {
    const pyr_zarr_info *info = &b->array->info;
    for (int32_t i = 0; i < info->rank; ++i) {
        int64_t chunk = info->chunk_shape[i], left = info->shape[i] - b->start[i];
        if (b->start[i] % chunk != 0 || b->extent[i] != (left < chunk ? left : chunk)) {
            return false;
        }
    }
    return true;
}

static pyr_status put_chunk(box *b, const zarr_work *work, uint8_t *block, pyr_error *error) {
    pyr_zarr_array *array = b->array;
    const zarr_level *inner = pyr_zarr_inner(array);
    zarr_target target = {block, b->extent, b->to, b->from, b->part};
    pyr_buffer *stored = NULL;
    intersect(b);
    pyr_status status =
        pyr_zarr_chunk_bytes(array, b->place, work->ledger, work->budget, &stored, error);
    if (status == PYR_OK && stored == NULL) {
        pyr_zarr_target_fill(work, &target);
    } else if (status == PYR_OK) {
        status = pyr_zarr_chunk_put(inner->pipeline, work, inner->chunk_shape, stored, &target,
                                    PYR_COPY_GATHER, error);
    }
    pyr_buffer_release(stored);
    return status == PYR_OK ? PYR_OK : pyr_zarr_chunk_context(array, b->place, status, error);
}

static pyr_status too_many(const pyr_zarr_array *array, int64_t count, const char *what,
                           pyr_error *error) {
    return pyr_zarr_array_context(
        array, pyr_error_set(error, PYR_ERROR_LIMIT, "%lld %s at once", (long long)count, what),
        error);
}

static pyr_status read_block(box *b, const zarr_work *work, pyr_zarr_chunk *out, pyr_error *error) {
    int64_t size = out->count * work->type->item_bytes;
    if (size > PYR_ZARR_CHUNK_BYTES_MAX) {
        return too_many(b->array, size, "bytes", error);
    }
    PYR_TRY(pyr_buffer_create_raw((size_t)size, work->budget, &out->bytes, error));
    if (out->count == 0) {
        return PYR_OK;
    }
    begin(b);
    do {
        PYR_TRY(put_chunk(b, work, pyr_buffer_mutable(out->bytes), error));
    } while (next(b));
    return PYR_OK;
}

/* Values of any length: the chunks one behind the other, then picked in the box's order. */
typedef struct items {
    pyr_array **chunks;
    size_t count, capacity;
    int32_t *indices; /* for each value of the box: in the chunks together */
    int64_t before;   /* values of the chunks so far */
} items;

static pyr_status add_items(box *b, const zarr_work *work, items *all, pyr_error *error) {
    pyr_zarr_chunk chunk;
    pyr_array *values = NULL;
    int64_t from_strides[PYR_ZARR_RANK_MAX], to_strides[PYR_ZARR_RANK_MAX];
    int64_t at[PYR_ZARR_RANK_MAX] = {0};
    if (all->count == all->capacity) {
        size_t capacity = all->capacity > 0 ? all->capacity * 2 : 16;
        pyr_array **grown = realloc(all->chunks, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        all->chunks = grown;
        all->capacity = capacity;
    }
    intersect(b);
    PYR_TRY(pyr_zarr_read_chunk(b->array, b->place, work->ledger, work->budget, &chunk, error));
    int64_t count = chunk.count;
    pyr_status status = pyr_zarr_chunk_values(b->array, &chunk, 0, count, false, work->ledger,
                                              work->budget, &values, error);
    pyr_zarr_strides(work->rank, chunk.shape, 1, from_strides);
    pyr_zarr_strides(work->rank, b->extent, 1, to_strides);
    pyr_zarr_chunk_deinit(&chunk);
    PYR_TRY(status);
    all->chunks[all->count++] = values;
    int64_t from = all->before, to = 0;
    for (int32_t i = 0; i < work->rank; ++i) {
        from += b->from[i] * from_strides[i];
        to += b->to[i] * to_strides[i];
    }
    for (int32_t d = 0; d >= 0;) {
        all->indices[to] = (int32_t)from;
        for (d = work->rank - 1; d >= 0; --d) {
            from += from_strides[d];
            to += to_strides[d];
            if (++at[d] < b->part[d]) {
                break;
            }
            from -= from_strides[d] * b->part[d];
            to -= to_strides[d] * b->part[d];
            at[d] = 0;
        }
    }
    all->before += count;
    return all->before <= INT32_MAX ? PYR_OK : too_many(b->array, all->before, "values", error);
}

static pyr_status read_items(box *b, const zarr_work *work, pyr_zarr_chunk *out, pyr_error *error) {
    items all = {0};
    pyr_buffer *indices = NULL;
    pyr_array *joined = NULL;
    if (out->count > INT32_MAX) {
        return too_many(b->array, out->count, "values", error);
    }
    if (out->count == 0) {
        pyr_field *field;
        PYR_TRY(pyr_zarr_array_field(b->array, "", false, &field, error));
        pyr_status status = pyr_array_create_null(field, 0, work->budget, &out->values, error);
        pyr_field_release(field);
        return status;
    }
    pyr_status status =
        pyr_buffer_create_raw((size_t)out->count * sizeof(int32_t), work->budget, &indices, error);
    if (status == PYR_OK) {
        all.indices = (int32_t *)(void *)pyr_buffer_mutable(indices);
        begin(b);
        do {
            status = add_items(b, work, &all, error);
        } while (status == PYR_OK && next(b));
    }
    if (status == PYR_OK) {
        status =
            pyr_array_concat(all.chunks, all.count, work->ledger, work->budget, &joined, error);
    }
    if (status == PYR_OK) {
        status = pyr_array_take(joined, all.indices, out->count, PYR_COPY_GATHER, work->ledger,
                                work->budget, &out->values, error);
    }
    for (size_t i = 0; i < all.count; ++i) {
        pyr_array_release(all.chunks[i]);
    }
    free(all.chunks);
    pyr_array_release(joined);
    pyr_buffer_release(indices);
    return status;
}

pyr_status pyr_zarr_read_region(pyr_zarr_array *array, const int64_t *start, const int64_t *extent,
                                pyr_query_ledger *ledger, pyr_budget *budget, pyr_zarr_chunk *out,
                                pyr_error *error) {
    zarr_work work = {&array->type, array->info.rank, &array->fill, ledger, budget};
    box b = {.array = array, .start = start, .extent = extent};
    memset(out, 0, sizeof(*out));
    PYR_TRY(pyr_zarr_array_check(array, error));
    for (int32_t i = 0; i < array->info.rank; ++i) {
        assert(start[i] >= 0 && extent[i] >= 0 && extent[i] <= array->info.shape[i] - start[i]);
        out->shape[i] = extent[i];
    }
    out->count = pyr_zarr_product(array->info.rank, extent);
    if (out->count > 0 && is_chunk(&b)) {
        begin(&b);
        PYR_TRY(pyr_zarr_read_chunk(array, b.place, ledger, budget, out, error));
        if (!out->missing) {
            return PYR_OK;
        }
        out->missing = false;
    }
    pyr_status status = array->type.item_bytes > 0 ? read_block(&b, &work, out, error)
                                                   : read_items(&b, &work, out, error);
    if (status != PYR_OK) {
        pyr_zarr_chunk_deinit(out);
    }
    return status;
}
