/* compare_scalar.c - comparisons of spans to masks: the oracle. 64 rows make 64 bytes of 0 or 1,
 * and those a word, which compilers turn into vector code. */
#include "kernels/kernels_internal.h"

#include <string.h>

#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define LT(a, b) ((a) < (b))
#define LE(a, b) ((a) <= (b))
#define GT(a, b) ((a) > (b))
#define GE(a, b) ((a) >= (b))
/* Floats: NaN equals NaN and is above all. `!(b < a)` is true where one is a NaN. */
#define NAN_(a) ((a) != (a))
#define FEQ(a, b) (((a) == (b)) | (NAN_(a) & NAN_(b)))
#define FNE(a, b) (!FEQ(a, b))
#define FLT(a, b) (((a) < (b)) | (NAN_(b) & !NAN_(a)))
#define FLE(a, b) (((a) <= (b)) | NAN_(b))
#define FGT(a, b) FLT(b, a)
#define FGE(a, b) FLE(b, a)

/* STEP 1: b is a span; 0: one value. */
#define COMPARE(NAME, TYPE, TEST, STEP)                                         \
    static inline __attribute__((always_inline))                                \
    uint64_t NAME##_word(const TYPE *x, const TYPE *y, int64_t count) {         \
        uint8_t hits[64] = {0};                                                 \
        for (int64_t j = 0; j < count; ++j) {                                   \
            hits[j] = TEST(x[j], y[j * (STEP)]) ? 1 : 0;                        \
        }                                                                       \
        return pyr_pack_hits(hits);                                             \
    }                                                                           \
    static void NAME(const void *a, const void *b, int64_t n, uint64_t *mask) { \
        const TYPE *x = a, *y = b;                                              \
        int64_t i = 0;                                                          \
        for (; i + 64 <= n; i += 64) {                                          \
            mask[i >> 6] = NAME##_word(x + i, y + (i * (STEP)), 64);            \
        }                                                                       \
        if (i < n) {                                                            \
            mask[i >> 6] = NAME##_word(x + i, y + (i * (STEP)), n - i);         \
        }                                                                       \
    }
#define BETWEEN(NAME, TYPE, LOWER)                                                     \
    static inline __attribute__((always_inline))                                       \
    uint64_t NAME##_word(const TYPE *x, TYPE low, TYPE high, int64_t count) {          \
        uint8_t hits[64] = {0};                                                        \
        for (int64_t j = 0; j < count; ++j) {                                          \
            hits[j] = (LOWER(low, x[j]) & LOWER(x[j], high)) ? 1 : 0;                  \
        }                                                                              \
        return pyr_pack_hits(hits);                                                    \
    }                                                                                  \
    static void NAME(const void *values, const void *low, const void *high, int64_t n, \
                     uint64_t *mask) {                                                 \
        const TYPE *x = values;                                                        \
        const TYPE from = *(const TYPE *)low, to = *(const TYPE *)high;                \
        int64_t i = 0;                                                                 \
        for (; i + 64 <= n; i += 64) {                                                 \
            mask[i >> 6] = NAME##_word(x + i, from, to, 64);                           \
        }                                                                              \
        if (i < n) {                                                                   \
            mask[i >> 6] = NAME##_word(x + i, from, to, n - i);                        \
        }                                                                              \
    }

#define BOTH(NAME, TYPE, TEST)   \
    COMPARE(NAME, TYPE, TEST, 1) \
    COMPARE(NAME##_constant, TYPE, TEST, 0)
#define INTEGERS(PHYSICAL, suffix, TYPE, UNSIGNED) \
    BOTH(eq_##suffix, TYPE, EQ)                    \
    BOTH(ne_##suffix, TYPE, NE)                    \
    BOTH(lt_##suffix, TYPE, LT)                    \
    BOTH(le_##suffix, TYPE, LE)                    \
    BOTH(gt_##suffix, TYPE, GT)                    \
    BOTH(ge_##suffix, TYPE, GE)                    \
    BETWEEN(between_##suffix, TYPE, LE)
#define FLOATS(PHYSICAL, suffix, TYPE, UNSIGNED) \
    BOTH(eq_##suffix, TYPE, FEQ)                 \
    BOTH(ne_##suffix, TYPE, FNE)                 \
    BOTH(lt_##suffix, TYPE, FLT)                 \
    BOTH(le_##suffix, TYPE, FLE)                 \
    BOTH(gt_##suffix, TYPE, FGT)                 \
    BOTH(ge_##suffix, TYPE, FGE)                 \
    BETWEEN(between_##suffix, TYPE, FLE)
PYR_KERNELS_OF_SIGNED(INTEGERS)
PYR_KERNELS_OF_UNSIGNED(INTEGERS)
PYR_KERNELS_OF_I128(INTEGERS)
PYR_KERNELS_OF_FLOATS(FLOATS)

static void equal_string(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                         pyr_string constant, uint64_t *mask) {
    for (int64_t i = 0; i < n; i += 64) {
        int64_t count = n - i < 64 ? n - i : 64;
        uint8_t hits[64] = {0};
        for (int64_t j = 0; j < count; ++j) {
            hits[j] = (uint64_t)(offsets[i + j + 1] - offsets[i + j]) == constant.length;
        }
        uint64_t same_length = pyr_pack_hits(hits), word = same_length;
        for (; same_length != 0 && constant.length != 0; same_length &= same_length - 1) {
            int bit = __builtin_ctzll(same_length);
            if (memcmp(bytes + offsets[i + bit], constant.bytes, constant.length) != 0) {
                word &= ~(UINT64_C(1) << bit);
            }
        }
        mask[i >> 6] = word;
    }
}

void pyr_compare_scalar(pyr_kernels *table) {
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
    PYR_KERNELS_OF_I128(PUT_ALL)
    PYR_KERNELS_OF_FLOATS(PUT_ALL)
    table->equal_string = equal_string;
}
