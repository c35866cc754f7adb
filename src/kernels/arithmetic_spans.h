/* arithmetic_spans.h - sums, differences and products of spans, which compilers make vector code
 * of: included by arithmetic_scalar.c, and for their flags by arithmetic_avx2.c and
 * arithmetic_avx512.c alone. Rows that do not fit are or-ed into one flag, without a branch; what
 * stands there has wrapped. */
#ifndef PYR_KERNELS_ARITHMETIC_SPANS_H
#define PYR_KERNELS_ARITHMETIC_SPANS_H

#include "kernels/kernels_internal.h"

/* Each gives *out = x op y, wrapped, and the flag. The sign bit of what is or-ed up says it. */
#define ADD_SIGNED(TYPE, UNSIGNED)                      \
    UNSIGNED r = (UNSIGNED)((UNSIGNED)x + (UNSIGNED)y); \
    bad |= (UNSIGNED)(((UNSIGNED)x ^ r) & ((UNSIGNED)y ^ r));
#define SUBTRACT_SIGNED(TYPE, UNSIGNED)                 \
    UNSIGNED r = (UNSIGNED)((UNSIGNED)x - (UNSIGNED)y); \
    bad |= (UNSIGNED)(((UNSIGNED)x ^ (UNSIGNED)y) & ((UNSIGNED)x ^ r));
#define ADD_UNSIGNED(TYPE, UNSIGNED) \
    UNSIGNED r = (UNSIGNED)(x + y);  \
    bad |= (UNSIGNED)((x & y) | ((x | y) & (UNSIGNED)~r));
#define SUBTRACT_UNSIGNED(TYPE, UNSIGNED) \
    UNSIGNED r = (UNSIGNED)(x - y);       \
    bad |= (UNSIGNED)(((UNSIGNED)~x & y) | ((UNSIGNED) ~(x ^ y) & r));
/* Up to 32 bits: the product of twice the width fits, and did not fit where it is another. */
#define MULTIPLY_SIGNED(TYPE, UNSIGNED)     \
    int64_t wide = (int64_t)x * (int64_t)y; \
    UNSIGNED r = (UNSIGNED)wide;            \
    bad |= (UNSIGNED)((UNSIGNED)(wide != (int64_t)(TYPE)r) << (sizeof(TYPE) * 8 - 1));
#define MULTIPLY_UNSIGNED(TYPE, UNSIGNED)      \
    uint64_t wide = (uint64_t)x * (uint64_t)y; \
    UNSIGNED r = (UNSIGNED)wide;               \
    bad |= (UNSIGNED)((UNSIGNED)(wide != r) << (sizeof(TYPE) * 8 - 1));
#define BUILTIN(FUNCTION, TYPE, UNSIGNED)                                \
    TYPE wrapped;                                                        \
    bad |= (UNSIGNED)FUNCTION(x, y, &wrapped) << (sizeof(TYPE) * 8 - 1); \
    UNSIGNED r = (UNSIGNED)wrapped;
#define MULTIPLY_WIDE(TYPE, UNSIGNED) BUILTIN(__builtin_mul_overflow, TYPE, UNSIGNED)
#define ADD_WIDE(TYPE, UNSIGNED) BUILTIN(__builtin_add_overflow, TYPE, UNSIGNED)
#define SUBTRACT_WIDE(TYPE, UNSIGNED) BUILTIN(__builtin_sub_overflow, TYPE, UNSIGNED)

#define INTEGER(NAME, TYPE, UNSIGNED, OPERATION, STEP)                     \
    static bool NAME(const void *a, const void *b, int64_t n, void *out) { \
        const TYPE *left = a, *right = b;                                  \
        typedef TYPE value;                                                \
        value *to = out;                                                   \
        UNSIGNED bad = 0;                                                  \
        for (int64_t i = 0; i < n; ++i) {                                  \
            TYPE x = left[i], y = right[i * (STEP)];                       \
            OPERATION(TYPE, UNSIGNED)                                      \
            to[i] = (TYPE)r;                                               \
        }                                                                  \
        return (bad >> (sizeof(TYPE) * 8 - 1)) != 0;                       \
    }
#define FLOAT(NAME, TYPE, SIGN, STEP)                                      \
    static bool NAME(const void *a, const void *b, int64_t n, void *out) { \
        const TYPE *left = a, *right = b;                                  \
        typedef TYPE value;                                                \
        value *to = out;                                                   \
        for (int64_t i = 0; i < n; ++i) {                                  \
            to[i] = left[i] SIGN right[i * (STEP)];                        \
        }                                                                  \
        return false;                                                      \
    }
#define INTEGER_BOTH(NAME, TYPE, UNSIGNED, OPERATION) \
    INTEGER(NAME, TYPE, UNSIGNED, OPERATION, 1)       \
    INTEGER(NAME##_constant, TYPE, UNSIGNED, OPERATION, 0)
#define FLOAT_BOTH(NAME, TYPE, SIGN) \
    FLOAT(NAME, TYPE, SIGN, 1)       \
    FLOAT(NAME##_constant, TYPE, SIGN, 0)

#define SIGNED_SUMS(PHYSICAL, suffix, TYPE, UNSIGNED)      \
    INTEGER_BOTH(add_##suffix, TYPE, UNSIGNED, ADD_SIGNED) \
    INTEGER_BOTH(subtract_##suffix, TYPE, UNSIGNED, SUBTRACT_SIGNED)
#define UNSIGNED_SUMS(PHYSICAL, suffix, TYPE, UNSIGNED)      \
    INTEGER_BOTH(add_##suffix, TYPE, UNSIGNED, ADD_UNSIGNED) \
    INTEGER_BOTH(subtract_##suffix, TYPE, UNSIGNED, SUBTRACT_UNSIGNED)
#define FLOAT_ALL(PHYSICAL, suffix, TYPE, UNSIGNED) \
    FLOAT_BOTH(add_##suffix, TYPE, +)               \
    FLOAT_BOTH(subtract_##suffix, TYPE, -)          \
    FLOAT_BOTH(multiply_##suffix, TYPE, *)
PYR_KERNELS_OF_SIGNED(SIGNED_SUMS)
PYR_KERNELS_OF_UNSIGNED(UNSIGNED_SUMS)
PYR_KERNELS_OF_FLOATS(FLOAT_ALL)
INTEGER_BOTH(multiply_i8, int8_t, uint8_t, MULTIPLY_SIGNED)
INTEGER_BOTH(multiply_i16, int16_t, uint16_t, MULTIPLY_SIGNED)
INTEGER_BOTH(multiply_i32, int32_t, uint32_t, MULTIPLY_SIGNED)
INTEGER_BOTH(multiply_i64, int64_t, uint64_t, MULTIPLY_WIDE)
INTEGER_BOTH(multiply_u8, uint8_t, uint8_t, MULTIPLY_UNSIGNED)
INTEGER_BOTH(multiply_u16, uint16_t, uint16_t, MULTIPLY_UNSIGNED)
INTEGER_BOTH(multiply_u32, uint32_t, uint32_t, MULTIPLY_UNSIGNED)
INTEGER_BOTH(multiply_u64, uint64_t, uint64_t, MULTIPLY_WIDE)
INTEGER_BOTH(add_i128, pyr_i128_span, pyr_u128, ADD_WIDE)
INTEGER_BOTH(subtract_i128, pyr_i128_span, pyr_u128, SUBTRACT_WIDE)
INTEGER_BOTH(multiply_i128, pyr_i128_span, pyr_u128, MULTIPLY_WIDE)

static void arithmetic_put(pyr_kernels *table) {
#define PUT(OP, PHYSICAL, NAME)                                             \
    table->arithmetic[PYR_ARITHMETIC_##OP][PYR_PHYSICAL_##PHYSICAL] = NAME; \
    table->arithmetic_constant[PYR_ARITHMETIC_##OP][PYR_PHYSICAL_##PHYSICAL] = NAME##_constant;
#define PUT_ALL(PHYSICAL, suffix, TYPE, UNSIGNED) \
    PUT(ADD, PHYSICAL, add_##suffix)              \
    PUT(SUBTRACT, PHYSICAL, subtract_##suffix)    \
    PUT(MULTIPLY, PHYSICAL, multiply_##suffix)
    PYR_KERNELS_OF_SIGNED(PUT_ALL)
    PYR_KERNELS_OF_UNSIGNED(PUT_ALL)
    PYR_KERNELS_OF_I128(PUT_ALL)
    PYR_KERNELS_OF_FLOATS(PUT_ALL)
#undef PUT
#undef PUT_ALL
}

#endif
