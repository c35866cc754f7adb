/* pipeline.c - from a chunk's stored bytes to its values.
 *
 * Invariants: memory is taken for what metadata says a step must give, or for what the bytes say of
 * themselves held against PYR_ZARR_CHUNK_BYTES_MAX; a step that gives another size than metadata
 * says is CORRUPT. Bytes of the store are never written: a step that works in place gets a copy.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/checked.h"
#include "base/mapping.h"

#include <string.h>

/* Where nothing says how large it will be: room is doubled from a guess on. */
#define GUESS_BYTES_MIN ((size_t)1 << 16)
#define SIZE_UNKNOWN (-1)

/* What went into a step, of what came out; both may be unknown. Metadata bounds what comes out of
 * the last step, not what a row of them would have begun with: INT64_MAX is more than is allowed.
 */
static int64_t size_before(const zarr_step *step, int64_t after) {
    int64_t before = INT64_MAX;
    if (after == SIZE_UNKNOWN || after == INT64_MAX) {
        return after;
    }
    switch (step->kind) {
    case ZARR_STEP_CODEC:
        if (pyr_codec_is_checksum(step->codec.kind)) {
            return pyr_add_i64(after, 4, &before) ? before : INT64_MAX;
        }
        return step->codec.kind == PYR_CODEC_SHUFFLE ? after : SIZE_UNKNOWN;
    case ZARR_STEP_SWAP:
        return after;
    default:
        return pyr_mul_i64(after / step->item_bytes, step->stored_item_bytes, &before) ? before
                                                                                       : INT64_MAX;
    }
}

typedef struct run {
    const zarr_work *work;
    pyr_buffer *bytes; /* so far */
    bool owned;        /* bytes are this run's alone, and may be written */
    bool copied;
    pyr_error *error;
} run;

static void set_bytes(run *r, pyr_buffer *bytes, bool owned) {
    pyr_buffer_release(r->bytes);
    r->bytes = bytes;
    r->owned = owned;
    r->copied = r->copied || owned;
}

static pyr_status too_large(int64_t size, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_LIMIT,
                         "%lld bytes would have to be decoded at once, at most %lld are",
                         (long long)size, (long long)PYR_ZARR_CHUNK_BYTES_MAX);
}

static pyr_status wrong_size(int64_t size, int64_t expected, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "%lld bytes, the metadata says %lld",
                         (long long)size, (long long)expected);
}

/* more_room (NULL allowed): whether it failed because capacity is too little. */
static pyr_status decode_into(run *r, const pyr_codec *codec, size_t capacity, bool *more_room,
                              pyr_buffer **out) {
    size_t written = 0;
    uint8_t none;
    PYR_TRY(pyr_buffer_create_raw(capacity, r->work->budget, out, r->error));
    pyr_status status = pyr_codec_decode(codec, r->bytes->data, r->bytes->size_bytes,
                                         capacity > 0 ? pyr_buffer_mutable(*out) : &none, capacity,
                                         &written, r->error);
    if (more_room != NULL) {
        *more_room = written == PYR_CODEC_MORE_ROOM;
    }
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
        return status;
    }
    pyr_buffer_set_size(*out, written);
    return PYR_OK;
}

/* Without a size from metadata: the bytes' own word, then more and more room as long as it is room
 * that is short. Their word may be too little: a gzip file's last bytes are the size of its last
 * member, or padding. */
static pyr_status decode_unknown(run *r, const pyr_codec *codec, pyr_buffer **out) {
    size_t capacity, limit = (size_t)PYR_ZARR_CHUNK_BYTES_MAX;
    size_t guess = r->bytes->size_bytes < limit / 8 ? r->bytes->size_bytes * 8 : limit;
    guess = guess > GUESS_BYTES_MIN ? guess : GUESS_BYTES_MIN;
    if (!pyr_codec_declared_size(codec, r->bytes->data, r->bytes->size_bytes, &capacity)) {
        capacity = guess;
    } else if (capacity > limit) {
        return too_large(capacity < INT64_MAX ? (int64_t)capacity : INT64_MAX, r->error);
    }
    for (;;) {
        bool more_room = false;
        pyr_status status = decode_into(r, codec, capacity, &more_room, out);
        if (!more_room || capacity == limit) {
            return status;
        }
        capacity = capacity < limit / 4 ? capacity * 4 : limit;
        capacity = capacity > guess ? capacity : guess;
    }
}

static pyr_status run_codec(run *r, const zarr_step *step, int64_t expected) {
    bool view;
    size_t offset, size;
    pyr_buffer *out = NULL;
    PYR_TRY(pyr_codec_view(&step->codec, r->bytes->data, r->bytes->size_bytes, &view, &offset,
                           &size, r->error));
    if (view) {
        PYR_TRY(pyr_buffer_slice(r->bytes, offset, size, &out, r->error));
        set_bytes(r, out, false);
        return PYR_OK;
    }
    if (expected > PYR_ZARR_CHUNK_BYTES_MAX) {
        return too_large(expected, r->error);
    }
    PYR_TRY(expected == SIZE_UNKNOWN ? decode_unknown(r, &step->codec, &out)
                                     : decode_into(r, &step->codec, (size_t)expected, NULL, &out));
    pyr_ledger_add_decoded(r->work->ledger, (int64_t)out->size_bytes);
    set_bytes(r, out, true);
    return PYR_OK;
}

/* The bytes in memory of their own, for a step in place. */
static pyr_status own(run *r) {
    pyr_buffer *out = NULL;
    if (r->owned) {
        return PYR_OK;
    }
    if (r->bytes->size_bytes > (size_t)PYR_ZARR_CHUNK_BYTES_MAX) {
        return too_large((int64_t)r->bytes->size_bytes, r->error);
    }
    PYR_TRY(pyr_buffer_create_raw(r->bytes->size_bytes, r->work->budget, &out, r->error));
    if (r->bytes->size_bytes > 0) {
        memcpy(pyr_buffer_mutable(out), r->bytes->data, r->bytes->size_bytes);
    }
    set_bytes(r, out, true);
    return PYR_OK;
}

static void swap_items(uint8_t *bytes, size_t size, size_t width) {
    for (size_t at = 0; at + width <= size; at += width) {
        for (size_t i = 0, k = width - 1; i < k; ++i, --k) {
            uint8_t byte = bytes[at + i];
            bytes[at + i] = bytes[at + k];
            bytes[at + k] = byte;
        }
    }
}

static pyr_status run_swap(run *r, const zarr_step *step) {
    size_t size = r->bytes->size_bytes;
    PYR_TRY(own(r));
    if (size > 0) {
        swap_items(pyr_buffer_mutable(r->bytes), size, (size_t)step->item_bytes);
        pyr_ledger_add_copy(r->work->ledger, PYR_COPY_BYTE_SWAP, (int64_t)size);
    }
    return PYR_OK;
}

static pyr_status run_filter(run *r, const zarr_step *step) {
    size_t size = r->bytes->size_bytes, count = size / (size_t)step->stored_item_bytes;
    size_t plain = count * (size_t)step->item_bytes;
    pyr_buffer *out = NULL;
    if (size % (size_t)step->stored_item_bytes != 0) {
        return pyr_error_set(r->error, PYR_ERROR_CORRUPT, "%zu bytes are no whole elements of %s",
                             size, step->stored_type);
    }
    if (step->kind == ZARR_STEP_DELTA && strcmp(step->type, step->stored_type) == 0) {
        PYR_TRY(own(r));
        pyr_ledger_add_decoded(r->work->ledger, (int64_t)size);
        return size == 0
                   ? PYR_OK
                   : pyr_codec_delta(step->type, pyr_buffer_mutable(r->bytes), count, r->error);
    }
    if (plain > (size_t)PYR_ZARR_CHUNK_BYTES_MAX) {
        return too_large((int64_t)plain, r->error);
    }
    PYR_TRY(pyr_buffer_create_raw(plain, r->work->budget, &out, r->error));
    uint8_t none, *to = plain > 0 ? pyr_buffer_mutable(out) : &none;
    pyr_status status =
        step->kind == ZARR_STEP_DELTA
            ? pyr_codec_delta_from(step->type, step->stored_type, r->bytes->data, count, to,
                                   r->error)
            : pyr_codec_fixed_scale_offset(step->type, step->stored_type, step->scale, step->offset,
                                           r->bytes->data, count, to, r->error);
    if (status != PYR_OK) {
        pyr_buffer_release(out);
        return status;
    }
    pyr_ledger_add_decoded(r->work->ledger, (int64_t)plain);
    set_bytes(r, out, true);
    return PYR_OK;
}

static pyr_status run_step(run *r, const zarr_step *step, int64_t expected) {
    switch (step->kind) {
    case ZARR_STEP_CODEC:
        return run_codec(r, step, expected);
    case ZARR_STEP_SWAP:
        return run_swap(r, step);
    default:
        return run_filter(r, step);
    }
}

pyr_status pyr_zarr_steps_run(const zarr_pipeline *pipeline, const zarr_work *work,
                              pyr_buffer *bytes, int64_t plain_bytes, pyr_buffer **out,
                              bool *copied, pyr_error *error) {
    int64_t expected[ZARR_STEPS_MAX];
    run r = {.work = work, .bytes = pyr_buffer_retain(bytes), .error = error};
    int64_t size = plain_bytes;
    *out = NULL;
    *copied = false;
    for (int32_t i = pipeline->steps_count; i-- > 0;) {
        expected[i] = size;
        size = size_before(&pipeline->steps[i], size);
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < pipeline->steps_count; ++i) {
        status = run_step(&r, &pipeline->steps[i], expected[i]);
        if (status == PYR_OK && expected[i] != SIZE_UNKNOWN &&
            r.bytes->size_bytes != (size_t)expected[i]) {
            status = wrong_size((int64_t)r.bytes->size_bytes, expected[i], error);
        }
    }
    if (status == PYR_OK && plain_bytes != SIZE_UNKNOWN &&
        r.bytes->size_bytes != (size_t)plain_bytes) {
        status = wrong_size((int64_t)r.bytes->size_bytes, plain_bytes, error);
    }
    if (status != PYR_OK) {
        pyr_buffer_release(r.bytes);
        return status;
    }
    *out = r.bytes;
    *copied = r.copied;
    return PYR_OK;
}

/* ---- Fixed-width values. ---- */

static void stored_shape(const zarr_pipeline *pipeline, int32_t rank, const int64_t *chunk_shape,
                         int64_t *out) {
    for (int32_t i = 0; i < rank; ++i) {
        out[i] = chunk_shape[pipeline->order[i]];
    }
}

void pyr_zarr_plain_strides(const zarr_pipeline *pipeline, int32_t rank, const int64_t *chunk_shape,
                            int32_t item_bytes, int64_t *out) {
    int64_t shape[PYR_ZARR_RANK_MAX], strides[PYR_ZARR_RANK_MAX];
    stored_shape(pipeline, rank, chunk_shape, shape);
    pyr_zarr_strides(rank, shape, item_bytes, strides);
    for (int32_t i = 0; i < rank; ++i) {
        out[pipeline->order[i]] = strides[i];
    }
}

void pyr_zarr_target_fill(const zarr_work *work, const zarr_target *target) {
    int64_t strides[PYR_ZARR_RANK_MAX];
    uint8_t *to = target->block;
    pyr_zarr_strides(work->rank, target->shape, work->type->item_bytes, strides);
    for (int32_t i = 0; i < work->rank; ++i) {
        to += target->to_start[i] * strides[i];
    }
    pyr_zarr_strided_fill(work->rank, target->extent, work->type->item_bytes, work->fill->bytes, to,
                          strides);
}

/* One inner chunk of a shard into the shard's block. */
static pyr_status put_inner(const zarr_sharding *sharding, const zarr_work *work,
                            const zarr_shard *shard, int64_t index, const zarr_target *target,
                            pyr_error *error) {
    bool present;
    size_t offset, size;
    pyr_buffer *bytes = NULL;
    PYR_TRY(pyr_zarr_shard_find(shard, index, &present, &offset, &size, error));
    if (!present) {
        pyr_zarr_target_fill(work, target);
        return PYR_OK;
    }
    PYR_TRY(pyr_buffer_slice(shard->bytes, offset, size, &bytes, error));
    pyr_status status = pyr_zarr_chunk_put(sharding->chunks, work, sharding->chunk_shape, bytes,
                                           target, PYR_COPY_GATHER, error);
    pyr_buffer_release(bytes);
    return status;
}

/* All of a shard as one block, in the order it is stored in: where its chunks cannot be read one by
 * one because something was done to the shard as a whole. */
static pyr_status shard_block(const zarr_pipeline *pipeline, const zarr_work *work,
                              const int64_t *shape, pyr_buffer *bytes, pyr_buffer **out,
                              pyr_error *error) {
    static const int64_t origin[PYR_ZARR_RANK_MAX] = {0};
    const zarr_sharding *sharding = pipeline->sharding;
    int64_t size = pyr_zarr_product(work->rank, shape) * work->type->item_bytes;
    int64_t start[PYR_ZARR_RANK_MAX] = {0};
    zarr_shard *shard = NULL;
    if (size > PYR_ZARR_CHUNK_BYTES_MAX) {
        return too_large(size, error);
    }
    PYR_TRY(pyr_zarr_shard_open(sharding, work->rank, shape, bytes, work->ledger, work->budget,
                                &shard, error));
    pyr_status status = pyr_buffer_create_raw((size_t)size, work->budget, out, error);
    for (int64_t i = 0; status == PYR_OK && i < shard->count; ++i) {
        zarr_target target = {pyr_buffer_mutable(*out), shape, start, origin,
                              sharding->chunk_shape};
        status = put_inner(sharding, work, shard, i, &target, error);
        for (int32_t d = work->rank; d-- > 0;) {
            start[d] += sharding->chunk_shape[d];
            if (start[d] < shape[d]) {
                break;
            }
            start[d] = 0;
        }
    }
    pyr_zarr_shard_release(shard);
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    return status;
}

/* The whole chunk in the order it is stored in, native byte order. */
static pyr_status plain_bytes_of(const zarr_pipeline *pipeline, const zarr_work *work,
                                 const int64_t *chunk_shape, pyr_buffer *bytes, pyr_buffer **out,
                                 bool *copied, pyr_error *error) {
    *out = NULL;
    if (pipeline->serializer == ZARR_SERIALIZER_BYTES) {
        int64_t size = pyr_zarr_product(work->rank, chunk_shape) * work->type->item_bytes;
        PYR_TRY(pyr_zarr_steps_run(pipeline, work, bytes, size, out, copied, error));
    } else {
        int64_t shape[PYR_ZARR_RANK_MAX];
        pyr_buffer *shard = NULL;
        stored_shape(pipeline, work->rank, chunk_shape, shape);
        PYR_TRY(pyr_zarr_steps_run(pipeline, work, bytes, SIZE_UNKNOWN, &shard, copied, error));
        pyr_status status = shard_block(pipeline, work, shape, shard, out, error);
        pyr_buffer_release(shard);
        PYR_TRY(status);
        *copied = true;
    }
    /* What was decoded from a page that had faulted is not handed on. */
    pyr_status status = pyr_mapping_check(bytes->mapping, error);
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    return status;
}

static void put_plain(const zarr_pipeline *pipeline, const zarr_work *work,
                      const int64_t *chunk_shape, const uint8_t *plain, const zarr_target *target) {
    int64_t from_strides[PYR_ZARR_RANK_MAX], to_strides[PYR_ZARR_RANK_MAX];
    uint8_t *to = target->block;
    if (pyr_zarr_product(work->rank, target->extent) == 0) {
        return;
    }
    pyr_zarr_plain_strides(pipeline, work->rank, chunk_shape, work->type->item_bytes, from_strides);
    pyr_zarr_strides(work->rank, target->shape, work->type->item_bytes, to_strides);
    for (int32_t i = 0; i < work->rank; ++i) {
        plain += target->from_start[i] * from_strides[i];
        to += target->to_start[i] * to_strides[i];
    }
    pyr_zarr_strided_copy(work->rank, target->extent, work->type->item_bytes, plain, from_strides,
                          to, to_strides);
}

pyr_status pyr_zarr_chunk_put(const zarr_pipeline *pipeline, const zarr_work *work,
                              const int64_t *chunk_shape, pyr_buffer *bytes,
                              const zarr_target *target, pyr_copy_reason reason, pyr_error *error) {
    pyr_buffer *plain;
    bool copied;
    PYR_TRY(plain_bytes_of(pipeline, work, chunk_shape, bytes, &plain, &copied, error));
    put_plain(pipeline, work, chunk_shape, plain->data, target);
    pyr_ledger_add_copy(work->ledger, reason,
                        pyr_zarr_product(work->rank, target->extent) * work->type->item_bytes);
    pyr_buffer_release(plain);
    return pyr_mapping_check(bytes->mapping, error);
}

/* Whether the box [0, extent) lies dense and in C order at the beginning of the plain bytes. */
static bool is_dense(const zarr_pipeline *pipeline, const zarr_work *work,
                     const int64_t *chunk_shape, const int64_t *extent) {
    int64_t have[PYR_ZARR_RANK_MAX], wanted[PYR_ZARR_RANK_MAX];
    pyr_zarr_plain_strides(pipeline, work->rank, chunk_shape, work->type->item_bytes, have);
    pyr_zarr_strides(work->rank, extent, work->type->item_bytes, wanted);
    for (int32_t i = 0; i < work->rank; ++i) {
        if (extent[i] > 1 && have[i] != wanted[i]) {
            return false;
        }
    }
    return true;
}

pyr_status pyr_zarr_chunk_block(const zarr_pipeline *pipeline, const zarr_work *work,
                                const int64_t *chunk_shape, const int64_t *extent,
                                pyr_buffer *bytes, pyr_buffer **out, bool *copied,
                                pyr_error *error) {
    static const int64_t origin[PYR_ZARR_RANK_MAX] = {0};
    int64_t size = pyr_zarr_product(work->rank, extent) * work->type->item_bytes;
    pyr_buffer *plain = NULL;
    *out = NULL;
    PYR_TRY(plain_bytes_of(pipeline, work, chunk_shape, bytes, &plain, copied, error));
    pyr_status status;
    if (is_dense(pipeline, work, chunk_shape, extent)) {
        if ((size_t)size == plain->size_bytes) {
            *out = plain;
            return PYR_OK;
        }
        status = pyr_buffer_slice(plain, 0, (size_t)size, out, error);
    } else if (size > PYR_ZARR_CHUNK_BYTES_MAX) {
        status = too_large(size, error);
    } else {
        status = pyr_buffer_create_raw((size_t)size, work->budget, out, error);
        if (status == PYR_OK) {
            zarr_target target = {pyr_buffer_mutable(*out), extent, origin, origin, extent};
            put_plain(pipeline, work, chunk_shape, plain->data, &target);
            pyr_ledger_add_copy(work->ledger, PYR_COPY_CONVERT, size);
            *copied = true;
            status = pyr_mapping_check(plain->mapping, error);
        }
    }
    pyr_buffer_release(plain);
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    return status;
}
