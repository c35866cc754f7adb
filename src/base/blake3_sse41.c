/* blake3_sse41.c - four chunks side by side, and the compression of one block with a row of the
 * state in each register. SSE4.1 lies in the baseline that everything is built with (x86-64-v2). */
#include "base/blake3_internal.h"

#ifdef PYR_BLAKE3_X86
#include <smmintrin.h>

#define LANES 4
#define KERNEL pyr_blake3_hash_4_sse41

typedef __m128i vec;

static inline vec add(vec a, vec b) {
    return _mm_add_epi32(a, b);
}
static inline vec xor (vec a, vec b) { return _mm_xor_si128(a, b); } static inline vec
    rotate_right_16(vec a) {
    return _mm_shuffle_epi8(a, _mm_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2));
}
static inline vec rotate_right_12(vec a) {
    return xor(_mm_srli_epi32(a, 12), _mm_slli_epi32(a, 20));
}
static inline vec rotate_right_8(vec a) {
    return _mm_shuffle_epi8(a, _mm_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1));
}
static inline vec rotate_right_7(vec a) {
    return xor(_mm_srli_epi32(a, 7), _mm_slli_epi32(a, 25));
}
static inline vec splat(uint32_t word) {
    return _mm_set1_epi32((int)word);
}
static inline vec load(const void *from) {
    return _mm_loadu_si128(from);
}
static inline void store_row(void *to, vec a) {
    _mm_storeu_si128(to, a);
}
static inline void transpose(vec rows[4]) {
    vec low01 = _mm_unpacklo_epi32(rows[0], rows[1]);
    vec high01 = _mm_unpackhi_epi32(rows[0], rows[1]);
    vec low23 = _mm_unpacklo_epi32(rows[2], rows[3]);
    vec high23 = _mm_unpackhi_epi32(rows[2], rows[3]);
    rows[0] = _mm_unpacklo_epi64(low01, low23);
    rows[1] = _mm_unpackhi_epi64(low01, low23);
    rows[2] = _mm_unpacklo_epi64(high01, high23);
    rows[3] = _mm_unpackhi_epi64(high01, high23);
}

#include "base/blake3_lanes.h"

/* ---- One block, the state by rows. ---- */

/* Picks words of a (lanes 0 and 1) and b (lanes 2 and 3), first lane first. */
#define PICK(a, b, w0, w1, w2, w3) \
    _mm_castps_si128(              \
        _mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), _MM_SHUFFLE(w3, w2, w1, w0)))
#define TURN(a, w0, w1, w2, w3) _mm_shuffle_epi32(a, _MM_SHUFFLE(w3, w2, w1, w0))

/* The message in the order in which a round takes it: the first and second words of the four column
 * quarters, then of the four diagonal ones. In the first round words 0 2 4 6, 1 3 5 7, 8 10 12 14
 * and 9 11 13 15. */
typedef struct row_message {
    vec column_x, column_y, diagonal_x, diagonal_y;
} row_message;

INLINE row_message row_message_load(const uint8_t *block) {
    vec m0 = load(block);
    vec m1 = load(block + 16);
    vec m2 = load(block + 32);
    vec m3 = load(block + 48);
    return (row_message){PICK(m0, m1, 0, 2, 0, 2), PICK(m0, m1, 1, 3, 1, 3),
                         PICK(m2, m3, 0, 2, 0, 2), PICK(m2, m3, 1, 3, 1, 3)};
}

/* The permutation of section 2.2 between rounds, in that order: the new words 0 2 4 6 are the old
 * 2 3 7 4, 1 3 5 7 are 6 10 0 13, 8 10 12 14 are 1 12 9 15, and 9 11 13 15 are 11 5 14 8. */
INLINE row_message row_message_permute(row_message old) {
    vec diagonals = PICK(old.diagonal_x, old.diagonal_y, 1, 1, 2, 2); /* 10 10 13 13 */
    vec ends = PICK(old.diagonal_x, old.diagonal_y, 0, 2, 0, 3);      /* 8 12 9 15 */
    vec odd = PICK(old.diagonal_y, old.column_y, 1, 1, 2, 2);         /* 11 11 5 5 */
    return (row_message){
        TURN(PICK(old.column_x, old.column_y, 1, 2, 1, 3), 0, 2, 3, 1),
        _mm_blend_epi16(TURN(old.column_x, 3, 3, 0, 0), diagonals, 0xCC),
        _mm_blend_epi16(ends, old.column_y, 0x03),
        PICK(odd, old.diagonal_x, 0, 2, 3, 0),
    };
}

INLINE void row_mix(vec v[4], vec x, vec y) {
    v[0] = add(add(v[0], x), v[1]);
    v[3] = rotate_right_16(xor(v[3], v[0]));
    v[2] = add(v[2], v[3]);
    v[1] = rotate_right_12(xor(v[1], v[2]));
    v[0] = add(add(v[0], y), v[1]);
    v[3] = rotate_right_8(xor(v[3], v[0]));
    v[2] = add(v[2], v[3]);
    v[1] = rotate_right_7(xor(v[1], v[2]));
}

void pyr_blake3_compress_sse41(const uint32_t value[8], const uint8_t block[PYR_BLAKE3_BLOCK_BYTES],
                               uint32_t block_bytes, uint64_t counter, uint32_t flags,
                               uint32_t out[16]) {
    static const uint32_t iv[8] = PYR_BLAKE3_IV;
    const vec low = load(value);
    const vec high = load(value + 4);
    vec v[4] = {low, high, load(iv),
                _mm_set_epi32((int)flags, (int)block_bytes, (int)(counter >> 32), (int)counter)};
    row_message m = row_message_load(block);
    for (int round = 0;; ++round) {
        row_mix(v, m.column_x, m.column_y);
        /* Rows turned by 1, 2 and 3 put the diagonals into columns. */
        v[1] = TURN(v[1], 1, 2, 3, 0);
        v[2] = TURN(v[2], 2, 3, 0, 1);
        v[3] = TURN(v[3], 3, 0, 1, 2);
        row_mix(v, m.diagonal_x, m.diagonal_y);
        v[1] = TURN(v[1], 3, 0, 1, 2);
        v[2] = TURN(v[2], 2, 3, 0, 1);
        v[3] = TURN(v[3], 1, 2, 3, 0);
        if (round == 6) {
            break;
        }
        m = row_message_permute(m);
    }
    store_row(out, xor(v[0], v[2]));
    store_row(out + 4, xor(v[1], v[3]));
    store_row(out + 8, xor(v[2], low));
    store_row(out + 12, xor(v[3], high));
}
#endif
