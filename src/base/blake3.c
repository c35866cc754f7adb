/* blake3.c - modes, the incremental hasher and output. See blake3.h.
 *
 * Invariants of a hasher between calls:
 *  1. The stack holds the complete subtrees of the chunks before chunk_index, from left to right,
 *     each smaller than the one before. But while the open chunk is empty, the last subtree lies
 *     there as its two halves: a parent that may be the root stays open until more input follows.
 *  2. A chunk is closed only when at least one more byte follows: the last chunk may be the root.
 *  3. block is zeros behind block_bytes.
 */
#include "base/blake3_internal.h"

#include <assert.h>

/* What is left to compress at the end of a node: with ROOT it gives output, without it the node's
 * chaining value. */
typedef struct last_block {
    uint32_t value[8];
    uint8_t block[PYR_BLAKE3_BLOCK_BYTES];
    uint32_t block_bytes;
    uint64_t counter;
    uint32_t flags;
} last_block;

static void last_block_value(const last_block *last, const pyr_blake3_isa *isa,
                             uint8_t out[PYR_BLAKE3_OUT_BYTES]) {
    uint32_t words[16];
    isa->compress(last->value, last->block, last->block_bytes, last->counter, last->flags, words);
    pyr_blake3_store_value(out, words);
}

/* ---- Modes (section 2.3). ---- */

static void init(pyr_blake3 *self, const uint32_t key[8], uint32_t flags) {
    memset(self, 0, sizeof(*self));
    self->isa = pyr_blake3_isa_best();
    memcpy(self->key, key, sizeof(self->key));
    memcpy(self->chunk_value, key, sizeof(self->chunk_value));
    self->flags = flags;
}

static void init_from_bytes(pyr_blake3 *self, const uint8_t key[PYR_BLAKE3_KEY_BYTES],
                            uint32_t flags) {
    uint32_t words[8];
    for (int i = 0; i < 8; ++i) {
        words[i] = pyr_blake3_load(key + 4 * i);
    }
    init(self, words, flags);
}

static const uint32_t initialization_vector[8] = PYR_BLAKE3_IV;

void pyr_blake3_init(pyr_blake3 *self) {
    init(self, initialization_vector, 0);
}

void pyr_blake3_init_keyed(pyr_blake3 *self, const uint8_t key[PYR_BLAKE3_KEY_BYTES]) {
    init_from_bytes(self, key, PYR_BLAKE3_KEYED_HASH);
}

void pyr_blake3_init_derive_key(pyr_blake3 *self, const void *context, size_t context_bytes) {
    uint8_t key[PYR_BLAKE3_KEY_BYTES];
    init(self, initialization_vector, PYR_BLAKE3_DERIVE_KEY_CONTEXT);
    pyr_blake3_update(self, context, context_bytes);
    pyr_blake3_finalize(self, key, sizeof(key));
    init_from_bytes(self, key, PYR_BLAKE3_DERIVE_KEY_MATERIAL);
}

void pyr_blake3_set_isa(pyr_blake3 *self, const pyr_blake3_isa *isa) {
    self->isa = isa;
}

/* ---- The chunk being filled (section 2.4). ---- */

static size_t chunk_size_bytes(const pyr_blake3 *self) {
    return (size_t)self->chunk_blocks * PYR_BLAKE3_BLOCK_BYTES + self->block_bytes;
}

static uint32_t chunk_flags(const pyr_blake3 *self) {
    return self->flags | (self->chunk_blocks == 0 ? PYR_BLAKE3_CHUNK_START : 0);
}

static void chunk_begin(pyr_blake3 *self, uint64_t chunk_index) {
    memcpy(self->chunk_value, self->key, sizeof(self->chunk_value));
    memset(self->block, 0, sizeof(self->block));
    self->chunk_blocks = 0;
    self->block_bytes = 0;
    self->chunk_index = chunk_index;
}

/* A whole block that is not the last one of its chunk. */
static void chunk_compress(pyr_blake3 *self, const uint8_t block[PYR_BLAKE3_BLOCK_BYTES]) {
    uint32_t words[16];
    self->isa->compress(self->chunk_value, block, PYR_BLAKE3_BLOCK_BYTES, self->chunk_index,
                        chunk_flags(self), words);
    memcpy(self->chunk_value, words, sizeof(self->chunk_value));
    ++self->chunk_blocks;
}

/* Fills the chunk with bytes that are not beyond its end. */
static void chunk_update(pyr_blake3 *self, const uint8_t *bytes, size_t size_bytes) {
    assert(size_bytes <= PYR_BLAKE3_CHUNK_BYTES - chunk_size_bytes(self));
    while (size_bytes > 0) {
        if (self->block_bytes == PYR_BLAKE3_BLOCK_BYTES) {
            chunk_compress(self, self->block);
            memset(self->block, 0, sizeof(self->block));
            self->block_bytes = 0;
        }
        if (self->block_bytes == 0 && size_bytes > PYR_BLAKE3_BLOCK_BYTES) {
            chunk_compress(self, bytes);
            bytes += PYR_BLAKE3_BLOCK_BYTES;
            size_bytes -= PYR_BLAKE3_BLOCK_BYTES;
            continue;
        }
        size_t take = PYR_BLAKE3_BLOCK_BYTES - self->block_bytes;
        take = take < size_bytes ? take : size_bytes;
        memcpy(self->block + self->block_bytes, bytes, take);
        self->block_bytes += (uint32_t)take;
        bytes += take;
        size_bytes -= take;
    }
}

static void chunk_last_block(const pyr_blake3 *self, last_block *out) {
    memcpy(out->value, self->chunk_value, sizeof(out->value));
    memcpy(out->block, self->block, sizeof(out->block));
    out->block_bytes = self->block_bytes;
    out->counter = self->chunk_index;
    out->flags = chunk_flags(self) | PYR_BLAKE3_CHUNK_END;
}

/* ---- Parents and the stack of subtrees (sections 2.5 and 5.1.2). ---- */

static void parent_last_block(const pyr_blake3 *self, const uint8_t left[PYR_BLAKE3_OUT_BYTES],
                              const uint8_t right[PYR_BLAKE3_OUT_BYTES], last_block *out) {
    memcpy(out->value, self->key, sizeof(out->value));
    memcpy(out->block, left, PYR_BLAKE3_OUT_BYTES);
    memcpy(out->block + PYR_BLAKE3_OUT_BYTES, right, PYR_BLAKE3_OUT_BYTES);
    out->block_bytes = PYR_BLAKE3_BLOCK_BYTES;
    out->counter = 0;
    out->flags = self->flags | PYR_BLAKE3_PARENT;
}

/* Before chunk n stand the complete subtrees of n's ones in binary, the largest first: as many
 * entries as n has ones, once all is joined. More input follows from chunk n on. */
static void join_subtrees(pyr_blake3 *self, uint64_t chunk_index) {
    while (self->stack_count > (uint32_t)__builtin_popcountll(chunk_index)) {
        last_block parent;
        uint8_t *left = self->stack[self->stack_count - 2];
        parent_last_block(self, left, self->stack[self->stack_count - 1], &parent);
        last_block_value(&parent, self->isa, left);
        --self->stack_count;
    }
}

void pyr_blake3_push(pyr_blake3 *self, const uint8_t value[PYR_BLAKE3_OUT_BYTES],
                     uint64_t chunk_index) {
    join_subtrees(self, chunk_index);
    assert(self->stack_count < PYR_BLAKE3_STACK_MAX);
    memcpy(self->stack[self->stack_count++], value, PYR_BLAKE3_OUT_BYTES);
}

void pyr_blake3_close_full_chunk(pyr_blake3 *self) {
    if (chunk_size_bytes(self) < PYR_BLAKE3_CHUNK_BYTES) {
        return;
    }
    last_block last;
    uint8_t value[PYR_BLAKE3_OUT_BYTES];
    chunk_last_block(self, &last);
    last_block_value(&last, self->isa, value);
    pyr_blake3_push(self, value, self->chunk_index);
    chunk_begin(self, self->chunk_index + 1);
}

/* ---- Input. ---- */

/* Chunks of the largest complete subtree that begins at chunk_index and lies within size_bytes: a
 * subtree of n chunks begins at a multiple of n (section 2.1). */
static size_t subtree_chunks(uint64_t chunk_index, size_t size_bytes) {
    size_t chunks = PYR_BLAKE3_SUBTREE_CHUNKS;
    while (chunks > 1 &&
           (chunks > size_bytes / PYR_BLAKE3_CHUNK_BYTES || chunk_index % chunks != 0)) {
        chunks /= 2;
    }
    return chunks;
}

void pyr_blake3_update(pyr_blake3 *self, const void *data, size_t size_bytes) {
    const uint8_t *bytes = data;
    while (size_bytes > 0) {
        pyr_blake3_close_full_chunk(self);
        size_t filled = chunk_size_bytes(self);
        size_t chunks = filled == 0 ? subtree_chunks(self->chunk_index, size_bytes) : 1;
        size_t take = chunks * PYR_BLAKE3_CHUNK_BYTES;
        if (chunks > 1) {
            uint8_t halves[2][PYR_BLAKE3_OUT_BYTES];
            pyr_blake3_subtree(self, bytes, chunks, self->chunk_index, halves);
            pyr_blake3_push(self, halves[0], self->chunk_index);
            pyr_blake3_push(self, halves[1], self->chunk_index + chunks / 2);
            self->chunk_index += chunks;
        } else {
            join_subtrees(self, self->chunk_index);
            take = PYR_BLAKE3_CHUNK_BYTES - filled;
            take = take < size_bytes ? take : size_bytes;
            chunk_update(self, bytes, take);
        }
        bytes += take;
        size_bytes -= take;
    }
}

/* ---- Output (section 2.6). ---- */

/* The root: the open chunk, or the parents above it up the right edge of the tree. An empty open
 * chunk counts only where there is nothing else: then the input ended with a subtree, whose two
 * halves are the top of the stack. */
static void root_last_block(const pyr_blake3 *self, last_block *out) {
    uint32_t left = self->stack_count;
    if (left == 0 || chunk_size_bytes(self) > 0) {
        chunk_last_block(self, out);
    } else {
        assert(left >= 2);
        left -= 2;
        parent_last_block(self, self->stack[left], self->stack[left + 1], out);
    }
    while (left > 0) {
        uint8_t right[PYR_BLAKE3_OUT_BYTES];
        last_block_value(out, self->isa, right);
        parent_last_block(self, self->stack[--left], right, out);
    }
    out->flags |= PYR_BLAKE3_ROOT;
}

void pyr_blake3_finalize_at(const pyr_blake3 *self, uint64_t offset, uint8_t *out,
                            size_t out_bytes) {
    last_block root;
    root_last_block(self, &root);
    uint64_t counter = offset / PYR_BLAKE3_BLOCK_BYTES;
    size_t skip = offset % PYR_BLAKE3_BLOCK_BYTES;
    while (out_bytes > 0) {
        uint32_t words[16];
        uint8_t bytes[PYR_BLAKE3_BLOCK_BYTES];
        self->isa->compress(root.value, root.block, root.block_bytes, counter, root.flags, words);
        pyr_blake3_store_value(bytes, words);
        pyr_blake3_store_value(bytes + PYR_BLAKE3_OUT_BYTES, words + 8);
        size_t take = sizeof(bytes) - skip < out_bytes ? sizeof(bytes) - skip : out_bytes;
        memcpy(out, bytes + skip, take);
        out += take;
        out_bytes -= take;
        skip = 0;
        ++counter;
    }
}

void pyr_blake3_finalize(const pyr_blake3 *self, uint8_t *out, size_t out_bytes) {
    pyr_blake3_finalize_at(self, 0, out, out_bytes);
}

void pyr_blake3_hash(const void *data, size_t size_bytes, uint8_t out[PYR_BLAKE3_OUT_BYTES]) {
    pyr_blake3 hasher;
    pyr_blake3_init(&hasher);
    pyr_blake3_update(&hasher, data, size_bytes);
    pyr_blake3_finalize(&hasher, out, PYR_BLAKE3_OUT_BYTES);
}
