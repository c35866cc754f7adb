/* blake3_lanes.h - the template of the kernels that hash several inputs side by side, one input a
 * lane of 32 bits (section 5.3): vector i holds word i of all inputs, and the compression function
 * is written as for one. Not an ordinary header: an ISA's file defines, before it includes this,
 *
 *     LANES                                       inputs side by side, words in a vector
 *     vec                                         a vector of LANES words
 *     vec add(vec, vec), vec xor(vec, vec)
 *     vec rotate_right_16/12/8/7(vec)
 *     vec splat(uint32_t)                         the word in every lane
 *     vec load(const void *)                      no alignment
 *     void store_row(void *, vec)                 no alignment; at most the first 8 words
 *     void transpose(vec rows[LANES])             word j of row i <-> word i of row j
 *     KERNEL                                      the name of the function made
 *
 * Everything here is inlined into KERNEL, with all indices known: 16 vectors of state live in
 * registers, the message in as many as are left.
 */
#include "base/blake3_internal.h"

#define INLINE static inline __attribute__((always_inline))

/* Four quarter rounds G (section 2.2) side by side, for the units are busy only with independent
 * work in reach. turn 0 takes the columns of the state, 1 the diagonals. */
INLINE void mix(vec v[16], const vec m[16], const uint8_t order[8], unsigned turn) {
    vec *a = v;
    vec *b = v + 4;
    vec *c = v + 8;
    vec *d = v + 12;
#define EACH(statement)                                                                       \
    for (unsigned i = 0; i < 4; ++i) {                                                        \
        const unsigned ib = (i + turn) & 3, ic = (i + 2 * turn) & 3, id = (i + 3 * turn) & 3; \
        (void)ib, (void)ic, (void)id;                                                         \
        statement;                                                                            \
    }
    EACH(a[i] = add(add(a[i], m[order[2 * i]]), b[ib]))
    EACH(d[id] = rotate_right_16(xor(d[id], a[i])))
    EACH(c[ic] = add(c[ic], d[id]))
    EACH(b[ib] = rotate_right_12(xor(b[ib], c[ic])))
    EACH(a[i] = add(add(a[i], m[order[2 * i + 1]]), b[ib]))
    EACH(d[id] = rotate_right_8(xor(d[id], a[i])))
    EACH(c[ic] = add(c[ic], d[id]))
    EACH(b[ib] = rotate_right_7(xor(b[ib], c[ic])))
#undef EACH
}

INLINE void mix_round(vec v[16], const vec m[16], unsigned round) {
    mix(v, m, pyr_blake3_schedule[round], 0);
    mix(v, m, pyr_blake3_schedule[round] + 8, 1);
}

/* m[i]: word i of one block of each input. A row of LANES words is loaded from each input, and the
 * square of them transposed. */
INLINE void load_message(const uint8_t *block, size_t stride_bytes, vec m[16]) {
    for (unsigned first = 0; first < 16; first += LANES) {
        for (unsigned lane = 0; lane < LANES; ++lane) {
            m[first + lane] = load(block + lane * stride_bytes + first * 4);
        }
        transpose(m + first);
    }
}

/* Calls for the share of block number `block` in the inputs of the next kernel call, which usually
 * lie behind those of this one. A line here and there of many inputs is not a pattern that the
 * hardware foresees; this makes it one stream. Never faults, even behind the end. */
INLINE void prefetch_next(const uint8_t *input, size_t stride_bytes, size_t block) {
    uintptr_t next = (uintptr_t)input + LANES * (stride_bytes + block * PYR_BLAKE3_BLOCK_BYTES);
    for (unsigned line = 0; line < LANES; ++line) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): a pointer may not point behind the end */
        __builtin_prefetch((const void *)(next + line * PYR_BLAKE3_BLOCK_BYTES));
    }
}

/* The 64-bit counters of the inputs, as low and high words. */
INLINE void load_counters(const pyr_blake3_lane_mode *mode, vec *low, vec *high) {
    uint32_t words[2][LANES];
    for (unsigned lane = 0; lane < LANES; ++lane) {
        uint64_t counter = mode->counter + (uint64_t)lane * mode->counter_step;
        words[0][lane] = (uint32_t)counter;
        words[1][lane] = (uint32_t)(counter >> 32);
    }
    *low = load(words[0]);
    *high = load(words[1]);
}

/* Columns back to rows: 8 words of each input. A square has LANES rows, so that for more than 8
 * lanes the rest of it is padding, and for fewer there are two squares. */
INLINE void store_values(const vec h[8], uint8_t *out) {
    vec rows[LANES > 8 ? LANES : 8];
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
        rows[i] = h[i & 7];
    }
    for (unsigned first = 0; first < 8; first += LANES) {
        transpose(rows + first);
        for (unsigned lane = 0; lane < LANES; ++lane) {
            store_row(out + (size_t)lane * PYR_BLAKE3_OUT_BYTES + first * 4, rows[first + lane]);
        }
    }
}

void KERNEL(const uint8_t *input, size_t blocks, const pyr_blake3_lane_mode *mode, uint8_t *out) {
    static const uint32_t iv[8] = PYR_BLAKE3_IV;
    const size_t stride_bytes = blocks * PYR_BLAKE3_BLOCK_BYTES;
    vec h[8];
    vec low;
    vec high;
    for (unsigned i = 0; i < 8; ++i) {
        h[i] = splat(mode->key[i]);
    }
    load_counters(mode, &low, &high);
    for (size_t block = 0; block < blocks; ++block) {
        uint32_t flags = mode->flags | (block == 0 ? mode->flags_first : 0) |
                         (block + 1 == blocks ? mode->flags_last : 0);
        vec m[16];
        load_message(input + block * PYR_BLAKE3_BLOCK_BYTES, stride_bytes, m);
        if (blocks > 1) {
            prefetch_next(input, stride_bytes, block);
        }
        vec v[16] = {h[0],         h[1],         h[2], h[3],         h[4],
                     h[5],         h[6],         h[7], splat(iv[0]), splat(iv[1]),
                     splat(iv[2]), splat(iv[3]), low,  high,         splat(PYR_BLAKE3_BLOCK_BYTES),
                     splat(flags)};
        mix_round(v, m, 0);
        mix_round(v, m, 1);
        mix_round(v, m, 2);
        mix_round(v, m, 3);
        mix_round(v, m, 4);
        mix_round(v, m, 5);
        mix_round(v, m, 6);
        for (unsigned i = 0; i < 8; ++i) {
            h[i] = xor(v[i], v[i + 8]);
        }
    }
    store_values(h, out);
}
