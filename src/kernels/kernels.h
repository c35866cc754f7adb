/* kernels.h - pure loops over spans: nothing is allocated, nothing fails, nobody owns anything.
 *
 * Invariants:
 *  1. A span has n values; reading stays inside of it, except that masks are whole 64-bit words
 *     (mask bit i: row i, lowest first) whose bits from n on are zero, in and out.
 *  2. Spans need the alignment of their element only. Out may be an input where it says so.
 *  3. Every ISA gives the same bits as the scalar oracle (`*_scalar.c`), sums of floats excepted:
 *     their order of additions is written at the function.
 *  4. Nulls are the caller's: values under nulls are computed, and may be anything.
 * pyr_kernels_get picks once (PYRALOG_FORCE_SCALAR=1 forces the oracle) and never changes.
 * Rows: n up to 2^31 - 1; selections are uint16_t, so n <= 65536 where one is made or taken.
 */
#ifndef PYR_KERNELS_KERNELS_H
#define PYR_KERNELS_KERNELS_H

#include "kernels/value.h"

#include <stdbool.h>

typedef enum pyr_compare_op {
    PYR_COMPARE_EQ,
    PYR_COMPARE_NE,
    PYR_COMPARE_LT,
    PYR_COMPARE_LE,
    PYR_COMPARE_GT,
    PYR_COMPARE_GE,
    PYR_COMPARE_OPS_COUNT
} pyr_compare_op;

typedef enum pyr_arithmetic_op {
    PYR_ARITHMETIC_ADD,
    PYR_ARITHMETIC_SUBTRACT,
    PYR_ARITHMETIC_MULTIPLY,
    PYR_ARITHMETIC_OPS_COUNT
} pyr_arithmetic_op;

/* a and b: n values each. Floats in DuckDB's total order: NaN equals NaN and is above all, -0.0
 * equals 0.0. NULL for BIT, STRING and INTERVAL. */
typedef void pyr_compare_kernel(const void *a, const void *b, int64_t n, uint64_t *mask);
/* out may be a or b. true: some row's result did not fit (integers; the caller looks which, with
 * regard to nulls and its selection); what stands there then wrapped. Floats never. */
typedef bool pyr_arithmetic_kernel(const void *a, const void *b, int64_t n, void *out);
/* Rows whose mask bit is set (NULL: all). min and max: false where there is none; floats in the
 * total order. Of -0.0 and 0.0 the minimum is -0.0 and the maximum 0.0, NaN is the quiet one, so
 * that the order of rows does not matter. */
typedef bool pyr_extreme_kernel(const void *values, const uint64_t *mask, int64_t n, void *out);

/* What floats of any kind come as; each has more digits than the one before. */
typedef enum pyr_float_kind {
    PYR_FLOAT_BF16,
    PYR_FLOAT_F16,
    PYR_FLOAT_F32,
    PYR_FLOAT_F64,
    PYR_FLOAT_KINDS
} pyr_float_kind;
/* Of n values: NaN is counted and else left out. */
typedef struct pyr_moments {
    int64_t nan_count, zero_count; /* -0.0 is zero */
    double min, max;     /* 0.0 for -0.0; INFINITY and -INFINITY where there is no number */
    double sum, squares; /* of value - shift, and of that squared */
} pyr_moments;

typedef struct pyr_kernels {
    const char *isa; /* "scalar", "avx2", "avx512" */

    /* ---- compare ---- */
    pyr_compare_kernel *compare[PYR_COMPARE_OPS_COUNT][PYR_PHYSICALS_COUNT];
    pyr_compare_kernel
        *compare_constant[PYR_COMPARE_OPS_COUNT][PYR_PHYSICALS_COUNT]; /* b: one value */
    /* low <= value <= high. Integers, I128 and floats. */
    void (*between_constant[PYR_PHYSICALS_COUNT])(const void *values, const void *low,
                                                  const void *high, int64_t n, uint64_t *mask);
    /* Arrow strings (offsets[0 .. n]) against one: equality alone. */
    void (*equal_string)(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                         pyr_string constant, uint64_t *mask);

    /* ---- masks: words of 64 rows ---- */
    void (*mask_and)(const uint64_t *a, const uint64_t *b, int64_t n, uint64_t *out); /* in place */
    void (*mask_or)(const uint64_t *a, const uint64_t *b, int64_t n, uint64_t *out);
    void (*mask_and_not)(const uint64_t *a, const uint64_t *b, int64_t n, uint64_t *out);
    void (*mask_not)(const uint64_t *a, int64_t n, uint64_t *out);
    int64_t (*mask_count)(const uint64_t *mask, int64_t n);
    /* The rows whose bit is set, ascending. rows has room for n + 16. Gives the count. */
    int64_t (*mask_to_rows)(const uint64_t *mask, int64_t n, uint16_t *rows);

    /* ---- arithmetic ---- */
    pyr_arithmetic_kernel *arithmetic[PYR_ARITHMETIC_OPS_COUNT][PYR_PHYSICALS_COUNT];
    pyr_arithmetic_kernel
        *arithmetic_constant[PYR_ARITHMETIC_OPS_COUNT][PYR_PHYSICALS_COUNT]; /* b: one value */

    /* ---- aggregates over a mask (NULL: all rows) ---- */
    /* Integers up to 64 bits, exactly: the 128-bit sum. I128: wraps; *overflow says so. */
    pyr_i128 (*sum_integers[PYR_PHYSICALS_COUNT])(const void *values, const uint64_t *mask,
                                                  int64_t n, bool *overflow);
    /* F32, F64: 8 lanes (row i in lane i % 8), then pairwise: (0+4)+(2+6), (1+5)+(3+7), their sum.
     * A row not in the mask adds nothing (not even 0.0 to a lane: lanes begin with -0.0). */
    double (*sum_floats[PYR_PHYSICALS_COUNT])(const void *values, const uint64_t *mask, int64_t n);
    pyr_extreme_kernel *minimum[PYR_PHYSICALS_COUNT];
    pyr_extreme_kernel *maximum[PYR_PHYSICALS_COUNT];

    /* ---- hashing: 64 bits of one value; the same everywhere, on no disk ---- */
    /* hashes[i] = hash of values[i], of 1, 2, 4, 8 or 16 bytes (index: log2). -0.0 and NaNs are
     * the caller's to make equal. */
    void (*hash[5])(const void *values, int64_t n, uint64_t *hashes);
    void (*hash_strings)(const pyr_string *values, int64_t n, uint64_t *hashes);
    void (*hash_offsets)(const uint8_t *bytes, const int32_t *offsets, int64_t n, uint64_t *hashes);
    /* hashes[i] = combine(hashes[i], more[i]), not symmetric. */
    void (*hash_combine)(uint64_t *hashes, const uint64_t *more, int64_t n);

    /* ---- moving: width log2 as in hash ---- */
    void (*gather[5])(const void *values, const uint16_t *rows, int64_t count, void *out);
    void (*gather32[5])(const void *values, const uint32_t *rows, int64_t count, void *out);
    /* The values whose bit is set, dense; gives the count. out has room for n + 64 bytes more. */
    int64_t (*compress[5])(const void *values, const uint64_t *mask, int64_t n, void *out);
    void (*strings_of_offsets)(const uint8_t *bytes, const int32_t *offsets, int64_t n,
                               pyr_string *out);
    /* Bitmap from any bit offset to whole words; the tail is zero. */
    void (*bits_align)(const uint8_t *bits, int64_t offset, int64_t n, uint64_t *out);

    /* ---- text ---- */
    /* Arrow strings that hold needle (length >= 1) somewhere: a search over the whole bytes of the
     * span, borders respected. bytes_readable: bytes from `bytes` on that may be read. */
    void (*contains)(const uint8_t *bytes, int64_t bytes_readable, const int32_t *offsets,
                     int64_t n, const uint8_t *needle, int64_t length, uint64_t *mask);
    /* The first place of needle in text, -1: none. */
    int64_t (*find)(const uint8_t *text, int64_t text_length, const uint8_t *needle,
                    int64_t needle_length);
    /* Sum of lengths of ASCII or UTF-8 characters: characters in bytes. */
    int64_t (*utf8_length)(const uint8_t *text, int64_t length);

    /* ---- floats of tensors: of any alignment ---- */
    /* Exactly; a NaN of F16 comes out quiet. */
    void (*widen_f16)(const void *values, int64_t n, float *out);
    void (*widen_bf16)(const void *values, int64_t n, float *out);
    /* shift: of F16, BF16 and F32 a float's value; finite. Sums lose no digits where it lies among
     * the values (formats/tensor/stats.c says why that is enough). Every ISA gives the oracle's
     * bits:
     *  - F32, F64: 16 lanes of double, begun with 0.0 (row i in lane i % 16), squares fused into
     *    their lane, a NaN adds 0.0; then lanes j and j + 8, those eight as sum_floats says.
     *  - F16, BF16: 32 lanes of float over each 1024 rows, added to as many of double; then lanes j
     *    and j + 16, those sixteen as above. Where a NaN or an infinity is, or squares would leave
     *    what a float holds (|value| or |shift| from 2^50 on, or all of them below 2^-50, but
     * zero): as F32. */
    void (*moments[PYR_FLOAT_KINDS])(const void *values, int64_t n, double shift, pyr_moments *out);
} pyr_kernels;

const pyr_kernels *pyr_kernels_get(void);
/* One ISA's, NULL where this machine cannot: for tests. "scalar", "avx2", "avx512". */
const pyr_kernels *pyr_kernels_of(const char *isa);

#endif
