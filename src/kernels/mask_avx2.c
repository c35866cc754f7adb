/* mask_avx2.c - masks to rows, eight bits a step. The rest of the family is as fast as it gets by
 * whole words. */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

/* Eight rows are written at a step, the set ones first: beyond the count, but within n + 16. */
static int64_t mask_to_rows(const uint64_t *mask, int64_t n, uint16_t *rows) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t word = mask[i >> 6];
        if (word == 0) {
            continue;
        }
        for (int64_t j = 0; j < 64 && i + j < n; j += 8) {
            uint8_t eight = (uint8_t)(word >> j);
            __m128i in = _mm_cvtepu8_epi16(_mm_cvtsi64_si128((int64_t)pyr_set_bits[eight]));
            in = _mm_add_epi16(in, _mm_set1_epi16((short)(i + j)));
            _mm_storeu_si128((__m128i *)(void *)(rows + count), in);
            count += __builtin_popcount(eight);
        }
    }
    return count;
}

void pyr_mask_avx2(pyr_kernels *table) {
    table->mask_to_rows = mask_to_rows;
}
#endif
