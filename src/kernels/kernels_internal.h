/* kernels_internal.h - what the files of this folder share: lists of types, and who fills the
 * table.
 *
 * A family's file of one ISA puts its functions into the table over what the narrower ISA put there
 * (dispatch.c), so it may leave out what it is not better at.
 */
#ifndef PYR_KERNELS_INTERNAL_H
#define PYR_KERNELS_INTERNAL_H

#include "kernels/kernels.h"

#if defined(__x86_64__)
#define PYR_KERNELS_X86 1
#endif

#define PYR_INLINE static inline __attribute__((always_inline))
#define PYR_UNROLL _Pragma("GCC unroll 16")

/* Spans of 16-byte values are aligned as Arrow's buffers are at least: to 8 bytes. */
typedef pyr_i128 pyr_i128_span __attribute__((aligned(8)));

/* X(PHYSICAL, suffix, type, the unsigned type of that width) */
#define PYR_KERNELS_OF_SIGNED(X)   \
    X(I8, i8, int8_t, uint8_t)     \
    X(I16, i16, int16_t, uint16_t) \
    X(I32, i32, int32_t, uint32_t) \
    X(I64, i64, int64_t, uint64_t)
#define PYR_KERNELS_OF_UNSIGNED(X)  \
    X(U8, u8, uint8_t, uint8_t)     \
    X(U16, u16, uint16_t, uint16_t) \
    X(U32, u32, uint32_t, uint32_t) \
    X(U64, u64, uint64_t, uint64_t)
#define PYR_KERNELS_OF_I128(X) X(I128, i128, pyr_i128_span, pyr_u128)
#define PYR_KERNELS_OF_FLOATS(X) \
    X(F32, f32, float, uint32_t) \
    X(F64, f64, double, uint64_t)

/* Bit j of the word: hits[j], which is 0 or 1. */
static inline uint64_t pyr_pack_hits(const uint8_t hits[64]) {
    uint64_t word = 0;
    for (int byte = 0; byte < 8; ++byte) {
        uint64_t eight = 0;
        __builtin_memcpy(&eight, hits + (byte * 8), 8);
        /* The product moves bit 8 * k of `eight` to bit 56 + k. */
        word |= ((eight * UINT64_C(0x0102040810204080)) >> 56) << (byte * 8);
    }
    return word;
}
/* The bits of the last word that count. */
static inline uint64_t pyr_tail_bits(int64_t n) {
    return (n & 63) == 0 ? ~UINT64_C(0) : (UINT64_C(1) << (n & 63)) - 1;
}

/* The hash of 64 bits: every bit of x moves every bit of the result. */
static inline uint64_t pyr_hash_mix(uint64_t x) {
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 29;
    x *= UINT64_C(0xa3d95fa1fc37b0ab);
    x ^= x >> 32;
    return x;
}

/* Sixteen lanes of moments, in the order that kernels.h says. */
static inline double pyr_lanes_total(const double lane[16]) {
    double eight[8];
    for (int j = 0; j < 8; ++j) {
        eight[j] = lane[j] + lane[j + 8];
    }
    return ((eight[0] + eight[4]) + (eight[2] + eight[6])) +
           ((eight[1] + eight[5]) + (eight[3] + eight[7]));
}

void pyr_compare_scalar(pyr_kernels *table);
void pyr_mask_scalar(pyr_kernels *table);
void pyr_arithmetic_scalar(pyr_kernels *table);
void pyr_aggregate_scalar(pyr_kernels *table);
void pyr_hash_scalar(pyr_kernels *table);
void pyr_move_scalar(pyr_kernels *table);
void pyr_text_scalar(pyr_kernels *table);
void pyr_floats_scalar(pyr_kernels *table);

#ifdef PYR_KERNELS_X86
void pyr_compare_avx2(pyr_kernels *table);
void pyr_mask_avx2(pyr_kernels *table);
void pyr_aggregate_avx2(pyr_kernels *table);
void pyr_text_avx2(pyr_kernels *table);
void pyr_floats_avx2(pyr_kernels *table);
void pyr_arithmetic_avx2(pyr_kernels *table);
void pyr_move_avx2(pyr_kernels *table);

/* After all of AVX2's: F, BW, DQ, VL. What needs more asks for it. */
void pyr_compare_avx512(pyr_kernels *table);
void pyr_mask_avx512(pyr_kernels *table);
void pyr_aggregate_avx512(pyr_kernels *table);
void pyr_text_avx512(pyr_kernels *table);
void pyr_floats_avx512(pyr_kernels *table);
void pyr_arithmetic_avx512(pyr_kernels *table);
void pyr_hash_avx512(pyr_kernels *table);
void pyr_move_avx512(pyr_kernels *table);

/* set_bits.c */
extern const uint64_t pyr_set_bits[256];
#endif

#endif
