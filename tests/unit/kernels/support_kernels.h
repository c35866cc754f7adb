/* support_kernels.h - spans of values that are likely to break a kernel, and plain ways to read
 * them. Tests run over every ISA of this machine (isas). */
#ifndef PYR_TESTS_SUPPORT_KERNELS_H
#define PYR_TESTS_SUPPORT_KERNELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/kernels.h"

#define SPAN_MAX 300

/* The tables of this machine; NULL at the end. */
const pyr_kernels *const *support_isas(void);
/* Lengths around the vector widths; -1 at the end. */
extern const int64_t support_lengths[];
uint64_t support_random(uint64_t *state);
/* n values of a numeric type: extremes, zeros, NaNs, neighbours, small and random ones. */
void support_fill(pyr_physical physical, void *values, int64_t n, uint64_t *state);
/* A mask of n bits, tail zero; kind 0: random, 1: all, 2: none, 3: sparse, of sixteen bits or of
 * 128 one. */
void support_mask(uint64_t *mask, int64_t n, int kind, uint64_t *state);
bool support_is_float(pyr_physical physical);
pyr_i128 support_integer(pyr_physical physical, const void *values, int64_t i);
double support_float(pyr_physical physical, const void *values, int64_t i);
/* -1, 0, 1 in DuckDB's total order. */
int support_order(pyr_physical physical, const void *a, int64_t i, const void *b, int64_t j);
static inline bool support_bit(const uint64_t *mask, int64_t i) {
    return ((mask[i >> 6] >> (i & 63)) & 1) != 0;
}
/* Bits from n to the end of the last word are zero. */
void support_assert_tail(const uint64_t *mask, int64_t n);

#endif
