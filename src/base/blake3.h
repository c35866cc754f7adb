/* blake3.h - the BLAKE3 hash of files and spans: default, keyed and key-derivation mode, output of
 * any length.
 *
 * Source of every rule: the paper "BLAKE3: one function, fast everywhere" (O'Connor, Aumasson,
 * Neves, Wilcox-O'Hearn), named below by its sections.
 *
 * A hasher is plain data in the caller's storage: it owns nothing, needs no deinit, and may be
 * copied by assignment to hash inputs with a common beginning. One thread at a time. Hashing cannot
 * fail; only the parallel forms can, by the cancel flag or for want of memory.
 *
 * Bytes of a mapping may fault while they are hashed (mapping.h): the hash is then that of pages of
 * zeros, and the caller calls pyr_mapping_check before it uses the result.
 */
#ifndef PYR_BASE_BLAKE3_H
#define PYR_BASE_BLAKE3_H

#include "base/thread_pool.h"

#define PYR_BLAKE3_OUT_BYTES 32 /* the default output; 128 bits of collision resistance */
#define PYR_BLAKE3_KEY_BYTES 32
#define PYR_BLAKE3_BLOCK_BYTES 64
#define PYR_BLAKE3_CHUNK_BYTES 1024
/* An input has less than 2^64 bytes, thus at most 2^54 chunks, and a stack of subtrees one entry a
 * bit of the chunk count, and one more because the last two are joined late. */
#define PYR_BLAKE3_STACK_MAX 55

typedef struct pyr_blake3 {
    const struct pyr_blake3_isa *isa; /* the functions for this CPU; static */
    uint32_t key[8];                  /* where every chunk and every parent begins */
    uint32_t flags;                   /* of the mode, in every compression */
    uint32_t stack_count;
    uint64_t chunk_index; /* of the chunk being filled, counted from 0 */
    /* The chunk being filled. Its last block stays here until more input shows that it is not the
     * last one: only then its flags are known. */
    uint32_t chunk_value[8];
    uint32_t chunk_blocks; /* compressed so far */
    uint32_t block_bytes;
    uint8_t block[PYR_BLAKE3_BLOCK_BYTES];
    /* Chaining values of complete subtrees left of that chunk, the largest first. */
    uint8_t stack[PYR_BLAKE3_STACK_MAX][PYR_BLAKE3_OUT_BYTES];
} pyr_blake3;

/* The three modes (section 2.3). */
void pyr_blake3_init(pyr_blake3 *self);
void pyr_blake3_init_keyed(pyr_blake3 *self, const uint8_t key[PYR_BLAKE3_KEY_BYTES]);
/* context: a fixed string that names the application and the purpose; the input is the key
 * material. */
void pyr_blake3_init_derive_key(pyr_blake3 *self, const void *context, size_t context_bytes);

/* Appends to the input, in any pieces. data may be NULL where size_bytes is 0. */
void pyr_blake3_update(pyr_blake3 *self, const void *data, size_t size_bytes);

/* The same on the pool's threads and the calling one (pool NULL: the calling one alone), worthwhile
 * from about 1 MiB on. The flag (NULL allowed) is looked at every 128 KiB by each thread. Holds
 * 32 KiB of results whatever the size. May be called from a worker of the pool.
 * CANCELLED, TIMEOUT, MEMORY: the hasher is then good for nothing but another init. */
PYR_MUST_CHECK pyr_status pyr_blake3_update_parallel(pyr_blake3 *self, const void *data,
                                                     size_t size_bytes, pyr_thread_pool *pool,
                                                     pyr_cancel_flag *cancel, pyr_error *error);

/* The first out_bytes of the output for the input so far. The hasher does not change: more input
 * may follow. A longer output begins with the shorter one. */
void pyr_blake3_finalize(const pyr_blake3 *self, uint8_t *out, size_t out_bytes);
/* out_bytes of the output from byte offset on (section 2.6). offset + out_bytes <= 2^64. */
void pyr_blake3_finalize_at(const pyr_blake3 *self, uint64_t offset, uint8_t *out,
                            size_t out_bytes);

/* The default hash of one span. */
void pyr_blake3_hash(const void *data, size_t size_bytes, uint8_t out[PYR_BLAKE3_OUT_BYTES]);
/* As pyr_blake3_update_parallel; out is zeros on failure. */
PYR_MUST_CHECK pyr_status pyr_blake3_hash_parallel(const void *data, size_t size_bytes,
                                                   pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                                                   uint8_t out[PYR_BLAKE3_OUT_BYTES],
                                                   pyr_error *error);

#endif
