/* blake3_scalar.c - the compression function in plain C: the oracle of the others. */
#include "base/blake3_internal.h"

static uint32_t rotate(uint32_t word, unsigned count) {
    return word >> count | word << (32 - count);
}

/* The quarter round G (section 2.2). */
static void quarter(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y) {
    v[a] = v[a] + v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] = v[c] + v[d];
    v[b] = rotate(v[b] ^ v[c], 12);
    v[a] = v[a] + v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 8);
    v[c] = v[c] + v[d];
    v[b] = rotate(v[b] ^ v[c], 7);
}

/* Columns of the 4 x 4 state, then diagonals. */
static void mix_round(uint32_t v[16], const uint32_t m[16], const uint8_t order[16]) {
    quarter(v, 0, 4, 8, 12, m[order[0]], m[order[1]]);
    quarter(v, 1, 5, 9, 13, m[order[2]], m[order[3]]);
    quarter(v, 2, 6, 10, 14, m[order[4]], m[order[5]]);
    quarter(v, 3, 7, 11, 15, m[order[6]], m[order[7]]);
    quarter(v, 0, 5, 10, 15, m[order[8]], m[order[9]]);
    quarter(v, 1, 6, 11, 12, m[order[10]], m[order[11]]);
    quarter(v, 2, 7, 8, 13, m[order[12]], m[order[13]]);
    quarter(v, 3, 4, 9, 14, m[order[14]], m[order[15]]);
}

void pyr_blake3_compress_scalar(const uint32_t value[8],
                                const uint8_t block[PYR_BLAKE3_BLOCK_BYTES], uint32_t block_bytes,
                                uint64_t counter, uint32_t flags, uint32_t out[16]) {
    static const uint32_t iv[8] = PYR_BLAKE3_IV;
    uint32_t m[16];
    uint32_t v[16];
    for (int i = 0; i < 16; ++i) {
        m[i] = pyr_blake3_load(block + 4 * i);
    }
    memcpy(v, value, 8 * sizeof(*v));
    memcpy(v + 8, iv, 4 * sizeof(*v));
    v[12] = (uint32_t)counter;
    v[13] = (uint32_t)(counter >> 32);
    v[14] = block_bytes;
    v[15] = flags;
    for (int round = 0; round < 7; ++round) {
        mix_round(v, m, pyr_blake3_schedule[round]);
    }
    for (int i = 0; i < 8; ++i) {
        uint32_t high = v[i + 8] ^ value[i];
        out[i] = v[i] ^ v[i + 8];
        out[i + 8] = high;
    }
}
