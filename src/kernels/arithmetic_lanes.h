/* arithmetic_lanes.h - products that compilers do not make good vector code of; included by
 * arithmetic_avx2.c and arithmetic_avx512.c alone.
 *
 * They have before: vec (VEC_BYTES wide), load(from), store(to, v), any(v) (a bit is set), and of
 * each type's suffix splat_<suffix>(value) and product_<suffix>(x, y, out, bad): false where it
 * cannot tell whether the products fit (the loops of arithmetic_spans.h then do these rows), else
 * *out, and a bit in *bad where one does not fit.
 */
#ifndef PYR_KERNELS_ARITHMETIC_LANES_H
#define PYR_KERNELS_ARITHMETIC_LANES_H

#include "kernels/arithmetic_spans.h"

/* STEP 1: b is a span; 0: one value. */
#define MULTIPLY(NAME, suffix, TYPE, REST, STEP)                                 \
    static bool NAME(const void *a, const void *b, int64_t n, void *out) {       \
        enum { LANES = VEC_BYTES / sizeof(TYPE) };                               \
        const TYPE *left = a, *right = b;                                        \
        typedef TYPE value;                                                      \
        value *to = out;                                                         \
        vec bad = splat_##suffix(0), y = splat_##suffix((STEP) ? 0 : *right), r; \
        bool flag = false;                                                       \
        int64_t i = 0;                                                           \
        for (; i + LANES <= n; i += LANES) {                                     \
            y = (STEP) ? load(right + i) : y;                                    \
            if (product_##suffix(load(left + i), y, &r, &bad)) {                 \
                store(to + i, r);                                                \
            } else {                                                             \
                flag |= REST(left + i, right + (i * (STEP)), LANES, to + i);     \
            }                                                                    \
        }                                                                        \
        flag |= REST(left + i, right + (i * (STEP)), n - i, to + i);             \
        return flag || any(bad);                                                 \
    }
#define MULTIPLY_BOTH(suffix, TYPE)                                       \
    MULTIPLY(multiply_lanes_##suffix, suffix, TYPE, multiply_##suffix, 1) \
    MULTIPLY(multiply_lanes_##suffix##_constant, suffix, TYPE, multiply_##suffix##_constant, 0)
MULTIPLY_BOTH(i16, int16_t)
MULTIPLY_BOTH(i32, int32_t)
MULTIPLY_BOTH(i64, int64_t)

static void arithmetic_lanes_put(pyr_kernels *table) {
#define PUT(PHYSICAL, suffix)                                                       \
    table->arithmetic[PYR_ARITHMETIC_MULTIPLY][PHYSICAL] = multiply_lanes_##suffix; \
    table->arithmetic_constant[PYR_ARITHMETIC_MULTIPLY][PHYSICAL] =                 \
        multiply_lanes_##suffix##_constant;
    arithmetic_put(table);
    PUT(PYR_PHYSICAL_I16, i16)
    PUT(PYR_PHYSICAL_I32, i32)
    PUT(PYR_PHYSICAL_I64, i64)
#undef PUT
}

#endif
