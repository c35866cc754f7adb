/* move_avx2.c - compressing by the positions of the mask's set bits (set_bits.c). */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

PYR_INLINE __m128i positions(uint8_t bits) {
    return _mm_cvtsi64_si128((int64_t)pyr_set_bits[bits]);
}
/* Each moves the chosen of its lanes to the front and writes them all. */
PYR_INLINE void move_2(uint16_t *to, const uint16_t *from, uint8_t bits) {
    /* Position p: bytes 2 * p and 2 * p + 1. */
    __m128i pairs = _mm_mullo_epi16(_mm_cvtepu8_epi16(positions(bits)), _mm_set1_epi16(0x0202));
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)from);
    pairs = _mm_add_epi16(pairs, _mm_set1_epi16(0x0100));
    _mm_storeu_si128((__m128i *)(void *)to, _mm_shuffle_epi8(v, pairs));
}
PYR_INLINE void move_4(uint32_t *to, const uint32_t *from, uint8_t bits) {
    __m256i lanes = _mm256_cvtepu8_epi32(positions(bits));
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)from);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_permutevar8x32_epi32(v, lanes));
}
PYR_INLINE void move_8(uint64_t *to, const uint64_t *from, uint8_t bits) {
    /* Each bit twice: a value is two lanes of 32 bits. */
    static const uint8_t twice[16] = {0x00, 0x03, 0x0c, 0x0f, 0x30, 0x33, 0x3c, 0x3f,
                                      0xc0, 0xc3, 0xcc, 0xcf, 0xf0, 0xf3, 0xfc, 0xff};
    __m256i lanes = _mm256_cvtepu8_epi32(positions(twice[bits & 15]));
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)from);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_permutevar8x32_epi32(v, lanes));
}

/* At most 32 bytes are written at a step: out has that room beyond n. */
#define COMPRESS(WIDTH, TYPE, LANES)                                                     \
    static int64_t compress_##WIDTH(const void *values, const uint64_t *mask, int64_t n, \
                                    void *out) {                                         \
        const TYPE *from = values;                                                       \
        typedef TYPE value;                                                              \
        value *to = out;                                                                 \
        int64_t count = 0;                                                               \
        for (int64_t i = 0; i < n; i += 64) {                                            \
            uint64_t word = mask[i >> 6];                                                \
            int64_t j = 0;                                                               \
            for (; word != 0 && i + j + (LANES) <= n; j += (LANES), word >>= (LANES)) {  \
                uint32_t bits = (uint32_t)word & ((1U << (LANES)) - 1);                  \
                move_##WIDTH(to + count, from + i + j, (uint8_t)bits);                   \
                count += __builtin_popcount(bits);                                       \
            }                                                                            \
            for (; word != 0; word &= word - 1) { /* the last rows */                    \
                to[count++] = from[i + j + __builtin_ctzll(word)];                       \
            }                                                                            \
        }                                                                                \
        return count;                                                                    \
    }
COMPRESS(2, uint16_t, 8)
COMPRESS(4, uint32_t, 8)
COMPRESS(8, uint64_t, 4)

void pyr_move_avx2(pyr_kernels *table) {
    table->compress[1] = compress_2;
    table->compress[2] = compress_4;
    table->compress[3] = compress_8;
}
#endif
