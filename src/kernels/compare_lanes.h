/* compare_lanes.h - the comparisons of an ISA with lanes, made of two tests a type; included by
 * compare_avx2.c and compare_avx512.c alone.
 *
 * They have before, of each type's suffix: LANES_<suffix>, vec_<suffix>, load_<suffix>(values),
 * splat_<suffix>(value), equal_<suffix>(a, b) and less_<suffix>(a, b), whose result's bit j is lane
 * j's. The other comparisons are these two with the sides changed or the bits turned. A step is a
 * word of 64 rows; the last rows are copied to a block of 64.
 */
#ifndef PYR_KERNELS_COMPARE_LANES_H
#define PYR_KERNELS_COMPARE_LANES_H

#include "kernels/kernels_internal.h"

#include <string.h>

/* TEST(suffix, a, b) */
#define TEST_EQUAL(suffix, a, b) equal_##suffix(a, b)
#define TEST_LESS(suffix, a, b) less_##suffix(a, b)
#define TEST_GREATER(suffix, a, b) less_##suffix(b, a)
#define TEST_OUTSIDE(suffix, a, low, high) (less_##suffix(a, low) | less_##suffix(high, a))

/* FLIP: all ones where the bits are turned. */
#define COMPARE(NAME, suffix, TYPE, TEST, FLIP)                                              \
    PYR_INLINE uint64_t NAME##_word(const TYPE *x, const TYPE *y) {                          \
        uint64_t word = 0;                                                                   \
        PYR_UNROLL                                                                           \
        for (int j = 0; j < 64; j += LANES_##suffix) {                                       \
            word |= (uint64_t)TEST(suffix, load_##suffix(x + j), load_##suffix(y + j)) << j; \
        }                                                                                    \
        return word ^ (FLIP);                                                                \
    }                                                                                        \
    static void NAME(const void *a, const void *b, int64_t n, uint64_t *mask) {              \
        const TYPE *x = a, *y = b;                                                           \
        int64_t i = 0;                                                                       \
        for (; i + 64 <= n; i += 64) {                                                       \
            mask[i >> 6] = NAME##_word(x + i, y + i);                                        \
        }                                                                                    \
        if (i < n) {                                                                         \
            TYPE last_x[64] = {0}, last_y[64] = {0};                                         \
            memcpy(last_x, x + i, (size_t)(n - i) * sizeof(TYPE));                           \
            memcpy(last_y, y + i, (size_t)(n - i) * sizeof(TYPE));                           \
            mask[i >> 6] = NAME##_word(last_x, last_y) & pyr_tail_bits(n);                   \
        }                                                                                    \
    }
/* The words of a span beside what stands in registers (WORD's further arguments). */
#define OVER_WORDS(TYPE, WORD, ...)                                \
    int64_t i = 0;                                                 \
    for (; i + 64 <= n; i += 64) {                                 \
        mask[i >> 6] = WORD(x + i, __VA_ARGS__);                   \
    }                                                              \
    if (i < n) {                                                   \
        TYPE last[64] = {0};                                       \
        memcpy(last, x + i, (size_t)(n - i) * sizeof(TYPE));       \
        mask[i >> 6] = WORD(last, __VA_ARGS__) & pyr_tail_bits(n); \
    }
#define COMPARE_CONSTANT(NAME, suffix, TYPE, TEST, FLIP)                        \
    PYR_INLINE uint64_t NAME##_word(const TYPE *x, vec_##suffix y) {            \
        uint64_t word = 0;                                                      \
        PYR_UNROLL                                                              \
        for (int j = 0; j < 64; j += LANES_##suffix) {                          \
            word |= (uint64_t)TEST(suffix, load_##suffix(x + j), y) << j;       \
        }                                                                       \
        return word ^ (FLIP);                                                   \
    }                                                                           \
    static void NAME(const void *a, const void *b, int64_t n, uint64_t *mask) { \
        const TYPE *x = a;                                                      \
        const vec_##suffix y = splat_##suffix(*(const TYPE *)b);                \
        OVER_WORDS(TYPE, NAME##_word, y)                                        \
    }
#define BETWEEN(NAME, suffix, TYPE)                                                       \
    PYR_INLINE uint64_t NAME##_word(const TYPE *x, vec_##suffix low, vec_##suffix high) { \
        uint64_t word = 0;                                                                \
        PYR_UNROLL                                                                        \
        for (int j = 0; j < 64; j += LANES_##suffix) {                                    \
            word |= (uint64_t)TEST_OUTSIDE(suffix, load_##suffix(x + j), low, high) << j; \
        }                                                                                 \
        return ~word;                                                                     \
    }                                                                                     \
    static void NAME(const void *values, const void *low, const void *high, int64_t n,    \
                     uint64_t *mask) {                                                    \
        const TYPE *x = values;                                                           \
        const vec_##suffix from = splat_##suffix(*(const TYPE *)low);                     \
        const vec_##suffix to = splat_##suffix(*(const TYPE *)high);                      \
        OVER_WORDS(TYPE, NAME##_word, from, to)                                           \
    }

#define COMPARE_BOTH(NAME, suffix, TYPE, TEST, FLIP) \
    COMPARE(NAME, suffix, TYPE, TEST, FLIP)          \
    COMPARE_CONSTANT(NAME##_constant, suffix, TYPE, TEST, FLIP)
#define COMPARE_ALL(PHYSICAL, suffix, TYPE, UNSIGNED)                   \
    COMPARE_BOTH(eq_##suffix, suffix, TYPE, TEST_EQUAL, UINT64_C(0))    \
    COMPARE_BOTH(ne_##suffix, suffix, TYPE, TEST_EQUAL, ~UINT64_C(0))   \
    COMPARE_BOTH(lt_##suffix, suffix, TYPE, TEST_LESS, UINT64_C(0))     \
    COMPARE_BOTH(le_##suffix, suffix, TYPE, TEST_GREATER, ~UINT64_C(0)) \
    COMPARE_BOTH(gt_##suffix, suffix, TYPE, TEST_GREATER, UINT64_C(0))  \
    COMPARE_BOTH(ge_##suffix, suffix, TYPE, TEST_LESS, ~UINT64_C(0))    \
    BETWEEN(between_##suffix, suffix, TYPE)
PYR_KERNELS_OF_SIGNED(COMPARE_ALL)
PYR_KERNELS_OF_UNSIGNED(COMPARE_ALL)
PYR_KERNELS_OF_FLOATS(COMPARE_ALL)

static void compare_put(pyr_kernels *table) {
#define PUT(OP, PHYSICAL, NAME)                                       \
    table->compare[PYR_COMPARE_##OP][PYR_PHYSICAL_##PHYSICAL] = NAME; \
    table->compare_constant[PYR_COMPARE_##OP][PYR_PHYSICAL_##PHYSICAL] = NAME##_constant;
#define PUT_ALL(PHYSICAL, suffix, TYPE, UNSIGNED) \
    PUT(EQ, PHYSICAL, eq_##suffix)                \
    PUT(NE, PHYSICAL, ne_##suffix)                \
    PUT(LT, PHYSICAL, lt_##suffix)                \
    PUT(LE, PHYSICAL, le_##suffix)                \
    PUT(GT, PHYSICAL, gt_##suffix)                \
    PUT(GE, PHYSICAL, ge_##suffix)                \
    table->between_constant[PYR_PHYSICAL_##PHYSICAL] = between_##suffix;
    PYR_KERNELS_OF_SIGNED(PUT_ALL)
    PYR_KERNELS_OF_UNSIGNED(PUT_ALL)
    PYR_KERNELS_OF_FLOATS(PUT_ALL)
#undef PUT
#undef PUT_ALL
}

#endif
