/* blake3_internal.h - what the files of BLAKE3 share: the constants of the paper, the table of
 * functions an ISA brings, and the subtrees.
 *
 *     blake3.c           modes, the incremental hasher, output
 *     blake3_tree.c      subtrees of whole chunks, on one thread and on many
 *     blake3_dispatch.c  which ISAs this CPU has
 *     blake3_scalar.c    the oracle
 *     blake3_lanes.h     the template of the kernels that hash several chunks side by side, made
 *                        into code by blake3_sse41.c, blake3_avx2.c, blake3_avx512.c
 */
#ifndef PYR_BASE_BLAKE3_INTERNAL_H
#define PYR_BASE_BLAKE3_INTERNAL_H

#include "base/blake3.h"

#include <string.h>

#if defined(__x86_64__) && !defined(PYRALOG_FORCE_SCALAR)
#define PYR_BLAKE3_X86 1
#endif

/* Domain flags: section 2.2. */
enum {
    PYR_BLAKE3_CHUNK_START = 1,
    PYR_BLAKE3_CHUNK_END = 2,
    PYR_BLAKE3_PARENT = 4,
    PYR_BLAKE3_ROOT = 8,
    PYR_BLAKE3_KEYED_HASH = 16,
    PYR_BLAKE3_DERIVE_KEY_CONTEXT = 32,
    PYR_BLAKE3_DERIVE_KEY_MATERIAL = 64,
};

#define PYR_BLAKE3_CHUNK_BLOCKS (PYR_BLAKE3_CHUNK_BYTES / PYR_BLAKE3_BLOCK_BYTES)

/* The initialization vector, SHA-256's (section 2.2). */
#define PYR_BLAKE3_IV                                                                              \
    {                                                                                              \
        0x6A09E667u, 0xBB67AE85u, 0x3C6EF372u, 0xA54FF53Au, 0x510E527Fu, 0x9B05688Cu, 0x1F83D9ABu, \
            0x5BE0CD19u                                                                            \
    }

/* Which message word goes where in each of the 7 rounds: row r + 1 is row r through the permutation
 * of section 2.2, which is the second row. */
static const uint8_t pyr_blake3_schedule[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

/* What several inputs hashed side by side have in common. */
typedef struct pyr_blake3_lane_mode {
    const uint32_t *key;   /* 8 words, the chaining value each input begins with */
    uint64_t counter;      /* t of the first input */
    uint32_t counter_step; /* 1 for chunks, each with its own index; 0 for parents */
    uint32_t flags;        /* of every block */
    uint32_t flags_first;  /* and of an input's first block */
    uint32_t flags_last;   /* and of its last */
} pyr_blake3_lane_mode;

/* Hashes `lanes` inputs of `blocks` whole blocks each, lying one behind the other from input on (no
 * alignment), to one chaining value of 32 bytes each. out may be input itself where blocks is 1:
 * everything is read before anything is written. */
typedef struct pyr_blake3_kernel {
    unsigned lanes;
    void (*hash)(const uint8_t *input, size_t blocks, const pyr_blake3_lane_mode *mode,
                 uint8_t *out);
} pyr_blake3_kernel;

/* The compression function (section 2.2): out[0..7] is the new chaining value, all 16 words are a
 * block of output when this is the root (section 2.6). block: 64 bytes, padded with zeros. value
 * may be the first half of out. */
typedef void pyr_blake3_compress(const uint32_t value[8],
                                 const uint8_t block[PYR_BLAKE3_BLOCK_BYTES], uint32_t block_bytes,
                                 uint64_t counter, uint32_t flags, uint32_t out[16]);

typedef struct pyr_blake3_isa {
    const char *name;
    pyr_blake3_compress *compress;
    unsigned kernels_count;
    pyr_blake3_kernel kernels[3]; /* the widest first */
} pyr_blake3_isa;

/* The ISAs that this build has and this CPU can run, the scalar one first, the best last. Static.
 * The second gives the best; pyr_blake3_init takes it. */
size_t pyr_blake3_isas(const pyr_blake3_isa *const **out);
const pyr_blake3_isa *pyr_blake3_isa_best(void);
/* For the tests: before any input, another ISA. */
void pyr_blake3_set_isa(pyr_blake3 *self, const pyr_blake3_isa *isa);

pyr_blake3_compress pyr_blake3_compress_scalar;
#ifdef PYR_BLAKE3_X86
pyr_blake3_compress pyr_blake3_compress_sse41;
void pyr_blake3_hash_4_sse41(const uint8_t *input, size_t blocks, const pyr_blake3_lane_mode *mode,
                             uint8_t *out);
void pyr_blake3_hash_8_avx2(const uint8_t *input, size_t blocks, const pyr_blake3_lane_mode *mode,
                            uint8_t *out);
void pyr_blake3_hash_16_avx512(const uint8_t *input, size_t blocks,
                               const pyr_blake3_lane_mode *mode, uint8_t *out);
#endif

/* Chunks a subtree has at most; a power of two. Larger means fewer parents hashed one by one, and
 * more stack: 32 bytes a chunk. */
#define PYR_BLAKE3_SUBTREE_CHUNKS 128

/* Hashes a subtree of whole chunks (2 to PYR_BLAKE3_SUBTREE_CHUNKS, a power of two) up to the two
 * children of its top: the top itself stays open, for it may be the root. */
void pyr_blake3_subtree(const pyr_blake3 *hasher, const uint8_t *input, size_t chunks,
                        uint64_t chunk_index, uint8_t out[2][PYR_BLAKE3_OUT_BYTES]);

/* Puts the chaining value of a complete subtree, which begins at chunk_index, on the stack. Joins
 * what lies complete to its left first, which now cannot be the root. */
void pyr_blake3_push(pyr_blake3 *self, const uint8_t value[PYR_BLAKE3_OUT_BYTES],
                     uint64_t chunk_index);

/* To be called where more input follows: a chunk filled to its end is not the last one. */
void pyr_blake3_close_full_chunk(pyr_blake3 *self);

/* Bytes and words: little-endian (section 2.2). */
static inline uint32_t pyr_blake3_load(const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

static inline void pyr_blake3_store(uint8_t *bytes, uint32_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    memcpy(bytes, &word, sizeof(word));
}

static inline void pyr_blake3_store_value(uint8_t out[PYR_BLAKE3_OUT_BYTES],
                                          const uint32_t *words) {
    for (int i = 0; i < 8; ++i) {
        pyr_blake3_store(out + 4 * i, words[i]);
    }
}

#endif
