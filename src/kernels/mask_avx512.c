/* mask_avx512.c - masks to rows by compressing the rows' numbers, and counting, where the CPU has
 * VBMI2 and VPOPCNTDQ beyond what this folder takes for AVX-512 (Ice Lake, Zen 4). */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define VBMI2 __attribute__((target("avx512vbmi2")))
#define VPOPCNTDQ __attribute__((target("avx512vpopcntdq")))

/* Whole words write 64 rows, the set ones first: within n. The last one writes what is set alone.
 * Compressed in registers: a compressing store is slow on Zen 4. */
VBMI2 static int64_t mask_to_rows(const uint64_t *mask, int64_t n, uint16_t *rows) {
    static const uint16_t first[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                       11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    const __m512i step = _mm512_set1_epi16(32);
    __m512i row = _mm512_loadu_si512(first);
    int64_t count = 0, i = 0;
    for (; i + 64 <= n; i += 64) {
        uint64_t word = mask[i >> 6];
        if (word == 0) {
            row = _mm512_add_epi16(row, _mm512_set1_epi16(64));
            continue;
        }
        uint32_t low = (uint32_t)word, high = (uint32_t)(word >> 32);
        _mm512_storeu_si512(rows + count, _mm512_maskz_compress_epi16(low, row));
        row = _mm512_add_epi16(row, step);
        count += __builtin_popcount(low);
        _mm512_storeu_si512(rows + count, _mm512_maskz_compress_epi16(high, row));
        row = _mm512_add_epi16(row, step);
        count += __builtin_popcount(high);
    }
    for (; i < n; i += 32) {
        uint32_t half = (uint32_t)(mask[i >> 6] >> (i & 32));
        uint32_t set = (uint32_t)__builtin_popcount(half);
        _mm512_mask_storeu_epi16(rows + count, (__mmask32)((UINT64_C(1) << set) - 1),
                                 _mm512_maskz_compress_epi16(half, row));
        row = _mm512_add_epi16(row, step);
        count += set;
    }
    return count;
}

VPOPCNTDQ static int64_t mask_count(const uint64_t *mask, int64_t n) {
    __m512i counts = _mm512_setzero_si512();
    int64_t words = (n + 63) >> 6;
    for (int64_t i = 0; i < words; i += 8) {
        __mmask8 in = words - i < 8 ? (__mmask8)_bzhi_u32(0xFF, (uint32_t)(words - i)) : 0xFF;
        __m512i eight = _mm512_maskz_loadu_epi64(in, mask + i);
        counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(eight));
    }
    return _mm512_reduce_add_epi64(counts);
}

void pyr_mask_avx512(pyr_kernels *table) {
    if (__builtin_cpu_supports("avx512vbmi2")) {
        table->mask_to_rows = mask_to_rows;
    }
    if (__builtin_cpu_supports("avx512vpopcntdq")) {
        table->mask_count = mask_count;
    }
}
#endif
