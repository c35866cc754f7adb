/* blake3_tree.c - subtrees of whole chunks: many chunks side by side in one thread, many subtrees
 * side by side in a pool (sections 5.2 and 5.3).
 *
 * A span is cut into subtrees of 128 chunks. Those of a wave are handed out to the threads, each
 * writes its two values into its own place, and the calling thread then puts them on the hasher's
 * stack in order, so that the result does not depend on who hashed what.
 */
#include "base/blake3_internal.h"

#define SUBTREE_BYTES ((size_t)PYR_BLAKE3_SUBTREE_CHUNKS * PYR_BLAKE3_CHUNK_BYTES)
#define WAVE_SUBTREES 512 /* 64 MiB: threads wait for each other at its end only */

/* One input of whole blocks, the way the kernels hash several. */
static void hash_one(const pyr_blake3_isa *isa, const uint8_t *input, size_t blocks,
                     const pyr_blake3_lane_mode *mode, uint8_t *out) {
    uint32_t words[16];
    memcpy(words, mode->key, 8 * sizeof(*words));
    for (size_t block = 0; block < blocks; ++block) {
        uint32_t flags = mode->flags | (block == 0 ? mode->flags_first : 0) |
                         (block + 1 == blocks ? mode->flags_last : 0);
        isa->compress(words, input + block * PYR_BLAKE3_BLOCK_BYTES, PYR_BLAKE3_BLOCK_BYTES,
                      mode->counter, flags, words);
    }
    pyr_blake3_store_value(out, words);
}

/* count inputs of `blocks` whole blocks, lying one behind the other, to as many chaining values:
 * with the widest kernel while it is full, then the next one. out may be input where blocks is 1.
 */
static void hash_many(const pyr_blake3_isa *isa, const uint8_t *input, size_t count, size_t blocks,
                      const pyr_blake3_lane_mode *mode, uint8_t *out) {
    pyr_blake3_lane_mode at = *mode;
    const size_t stride_bytes = blocks * PYR_BLAKE3_BLOCK_BYTES;
    for (unsigned k = 0; k <= isa->kernels_count; ++k) {
        const size_t lanes = k < isa->kernels_count ? isa->kernels[k].lanes : 1;
        for (; count >= lanes; count -= lanes) {
            if (k < isa->kernels_count) {
                isa->kernels[k].hash(input, blocks, &at, out);
            } else {
                hash_one(isa, input, blocks, &at, out);
            }
            at.counter += lanes * at.counter_step;
            input += lanes * stride_bytes;
            out += lanes * PYR_BLAKE3_OUT_BYTES;
        }
    }
}

void pyr_blake3_subtree(const pyr_blake3 *hasher, const uint8_t *input, size_t chunks,
                        uint64_t chunk_index, uint8_t out[2][PYR_BLAKE3_OUT_BYTES]) {
    const pyr_blake3_lane_mode chunk = {.key = hasher->key,
                                        .counter = chunk_index,
                                        .counter_step = 1,
                                        .flags = hasher->flags,
                                        .flags_first = PYR_BLAKE3_CHUNK_START,
                                        .flags_last = PYR_BLAKE3_CHUNK_END};
    const pyr_blake3_lane_mode parent = {.key = hasher->key,
                                         .flags = hasher->flags | PYR_BLAKE3_PARENT};
    uint8_t values[PYR_BLAKE3_SUBTREE_CHUNKS * PYR_BLAKE3_OUT_BYTES];
    hash_many(hasher->isa, input, chunks, PYR_BLAKE3_CHUNK_BLOCKS, &chunk, values);
    for (size_t count = chunks; count > 2; count /= 2) {
        hash_many(hasher->isa, values, count / 2, 1, &parent, values);
    }
    memcpy(out[0], values, PYR_BLAKE3_OUT_BYTES);
    memcpy(out[1], values + PYR_BLAKE3_OUT_BYTES, PYR_BLAKE3_OUT_BYTES);
}

/* ---- Many subtrees in a pool. ---- */

typedef struct wave {
    const pyr_blake3 *hasher;
    const uint8_t *input;
    pyr_cancel_flag *cancel;
    uint8_t halves[WAVE_SUBTREES][2][PYR_BLAKE3_OUT_BYTES];
} wave;

static pyr_status hash_subtree(void *context, size_t index, pyr_error *error) {
    wave *self = context;
    PYR_TRY(pyr_cancel_flag_check(self->cancel, error));
    pyr_blake3_subtree(self->hasher, self->input + index * SUBTREE_BYTES, PYR_BLAKE3_SUBTREE_CHUNKS,
                       self->hasher->chunk_index + index * PYR_BLAKE3_SUBTREE_CHUNKS,
                       self->halves[index]);
    return PYR_OK;
}

/* The hasher stands at the beginning of a subtree. */
static pyr_status update_wave(pyr_blake3 *self, const uint8_t *bytes, size_t subtrees,
                              pyr_thread_pool *pool, pyr_cancel_flag *cancel, pyr_error *error) {
    wave now; /* no initializer: it would clear 32 KiB */
    now.hasher = self;
    now.input = bytes;
    now.cancel = cancel;
    PYR_TRY(pyr_thread_pool_for_each(pool, subtrees, hash_subtree, &now, error));
    for (size_t i = 0; i < subtrees; ++i) {
        pyr_blake3_push(self, now.halves[i][0], self->chunk_index);
        self->chunk_index += PYR_BLAKE3_SUBTREE_CHUNKS / 2;
        pyr_blake3_push(self, now.halves[i][1], self->chunk_index);
        self->chunk_index += PYR_BLAKE3_SUBTREE_CHUNKS / 2;
    }
    return PYR_OK;
}

pyr_status pyr_blake3_update_parallel(pyr_blake3 *self, const void *data, size_t size_bytes,
                                      pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                                      pyr_error *error) {
    const uint8_t *bytes = data;
    PYR_TRY(pyr_cancel_flag_check(cancel, error));
    /* Up to the next border of subtrees; an open chunk that is full counts as before it. */
    uint64_t position_bytes = self->chunk_index * PYR_BLAKE3_CHUNK_BYTES +
                              (uint64_t)self->chunk_blocks * PYR_BLAKE3_BLOCK_BYTES +
                              self->block_bytes;
    size_t head_bytes = (size_t)(-position_bytes % SUBTREE_BYTES);
    head_bytes = head_bytes < size_bytes ? head_bytes : size_bytes;
    pyr_blake3_update(self, bytes, head_bytes);
    bytes += head_bytes;
    size_bytes -= head_bytes;
    if (size_bytes >= SUBTREE_BYTES) {
        pyr_blake3_close_full_chunk(self);
    }
    while (size_bytes >= SUBTREE_BYTES) {
        size_t subtrees = size_bytes / SUBTREE_BYTES;
        subtrees = subtrees < WAVE_SUBTREES ? subtrees : WAVE_SUBTREES;
        PYR_TRY(update_wave(self, bytes, subtrees, pool, cancel, error));
        bytes += subtrees * SUBTREE_BYTES;
        size_bytes -= subtrees * SUBTREE_BYTES;
    }
    pyr_blake3_update(self, bytes, size_bytes);
    return PYR_OK;
}

pyr_status pyr_blake3_hash_parallel(const void *data, size_t size_bytes, pyr_thread_pool *pool,
                                    pyr_cancel_flag *cancel, uint8_t out[PYR_BLAKE3_OUT_BYTES],
                                    pyr_error *error) {
    pyr_blake3 hasher;
    memset(out, 0, PYR_BLAKE3_OUT_BYTES);
    pyr_blake3_init(&hasher);
    PYR_TRY(pyr_blake3_update_parallel(&hasher, data, size_bytes, pool, cancel, error));
    pyr_blake3_finalize(&hasher, out, PYR_BLAKE3_OUT_BYTES);
    return PYR_OK;
}
