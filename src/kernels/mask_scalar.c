/* mask_scalar.c - masks of 64-bit words: the oracle. Bits from n on are zero, in and out. */
#include "kernels/kernels_internal.h"

static inline int64_t words(int64_t n) {
    return (n + 63) >> 6;
}
static void mask_and(const uint64_t *a, const uint64_t *b, int64_t n, uint64_t *out) {
    for (int64_t i = 0; i < words(n); ++i) {
        out[i] = a[i] & b[i];
    }
}
static void mask_or(const uint64_t *a, const uint64_t *b, int64_t n, uint64_t *out) {
    for (int64_t i = 0; i < words(n); ++i) {
        out[i] = a[i] | b[i];
    }
}
static void mask_and_not(const uint64_t *a, const uint64_t *b, int64_t n, uint64_t *out) {
    for (int64_t i = 0; i < words(n); ++i) {
        out[i] = a[i] & ~b[i];
    }
}
static void mask_not(const uint64_t *a, int64_t n, uint64_t *out) {
    int64_t count = words(n);
    for (int64_t i = 0; i < count; ++i) {
        out[i] = ~a[i];
    }
    if (count > 0) {
        out[count - 1] &= pyr_tail_bits(n);
    }
}
static int64_t mask_count(const uint64_t *mask, int64_t n) {
    int64_t count = 0;
    for (int64_t i = 0; i < words(n); ++i) {
        count += __builtin_popcountll(mask[i]);
    }
    return count;
}
static int64_t mask_to_rows(const uint64_t *mask, int64_t n, uint16_t *rows) {
    int64_t count = 0;
    for (int64_t i = 0; i < words(n); ++i) {
        for (uint64_t word = mask[i]; word != 0; word &= word - 1) {
            rows[count++] = (uint16_t)(i * 64 + __builtin_ctzll(word));
        }
    }
    return count;
}

void pyr_mask_scalar(pyr_kernels *table) {
    table->mask_and = mask_and;
    table->mask_or = mask_or;
    table->mask_and_not = mask_and_not;
    table->mask_not = mask_not;
    table->mask_count = mask_count;
    table->mask_to_rows = mask_to_rows;
}
