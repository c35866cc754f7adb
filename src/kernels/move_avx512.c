/* move_avx512.c - compressing by the mask's bits. Bytes and pairs of them where the CPU has VBMI2
 * beyond what this folder takes for AVX-512. Compressed in registers: a compressing store is slow
 * on Zen 4. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define VBMI2 __attribute__((target("avx512vbmi2")))

/* 64 bytes are written at a step, the chosen values first: out has that room. Rows that are not
 * chosen are not read, so the last word needs no loop of its own. */
#define COMPRESS(WIDTH, TYPE, BITS, LANES, TARGET)                                              \
    TARGET static int64_t compress_##WIDTH(const void *values, const uint64_t *mask, int64_t n, \
                                           void *out) {                                         \
        const TYPE *from = values;                                                              \
        typedef TYPE value;                                                                     \
        value *to = out;                                                                        \
        int64_t count = 0;                                                                      \
        for (int64_t i = 0; i < n; i += 64) {                                                   \
            uint64_t word = mask[i >> 6];                                                       \
            for (int64_t j = 0; word != 0; j += (LANES)) {                                      \
                __mmask##LANES chosen = (__mmask##LANES)word;                                   \
                __m512i v = _mm512_maskz_loadu_epi##BITS(chosen, from + i + j);                 \
                v = _mm512_maskz_compress_epi##BITS(chosen, v);                                 \
                _mm512_storeu_si512(to + count, v);                                             \
                count += __builtin_popcountll(chosen);                                          \
                word = (LANES) < 64 ? word >> ((LANES)&63) : 0;                                 \
            }                                                                                   \
        }                                                                                       \
        return count;                                                                           \
    }
COMPRESS(1, uint8_t, 8, 64, VBMI2)
COMPRESS(2, uint16_t, 16, 32, VBMI2)
COMPRESS(4, uint32_t, 32, 16, )
COMPRESS(8, uint64_t, 64, 8, )

void pyr_move_avx512(pyr_kernels *table) {
    table->compress[2] = compress_4;
    table->compress[3] = compress_8;
    if (__builtin_cpu_supports("avx512vbmi2")) {
        table->compress[0] = compress_1;
        table->compress[1] = compress_2;
    }
}
#endif
