/* hash_avx512.c - the loops of hash_spans.h with this ISA's product of 64 bits, and short strings
 * without a branch on their length. (AVX2 has neither.) */
#include "kernels/kernels_internal.h"

#ifdef PYR_KERNELS_X86
#include <immintrin.h>

#define PYR_HASH_SHORT short_halves
PYR_INLINE void short_halves(const uint8_t *bytes, uint64_t length, uint64_t *low, uint64_t *high) {
    __mmask16 in = (__mmask16)_bzhi_u32(0xFFFF, (uint32_t)length);
    __m128i all = _mm_maskz_loadu_epi8(in, bytes);
    *low = (uint64_t)_mm_cvtsi128_si64(all);
    *high = (uint64_t)_mm_extract_epi64(all, 1);
}

#include "kernels/hash_spans.h"

void pyr_hash_avx512(pyr_kernels *table) {
    hash_put(table);
}
#endif
