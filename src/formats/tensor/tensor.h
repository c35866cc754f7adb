/* tensor.h - tensors as views of bytes that lie somewhere else, and what can be asked of them.
 *
 * A view owns nothing: who made it says how long it holds. Values are little-endian and dense in
 * C order, the last dimension fastest. Types below a byte are packed from the lowest bit on: value
 * i of b bits is at bit i * b of the bytes as one little-endian number.
 *
 * Any number of threads may ask of one view. Of a view into a mapping the caller asks
 * pyr_mapping_check after it got its answer, as of all mapped bytes.
 */
#ifndef PYR_FORMATS_TENSOR_TENSOR_H
#define PYR_FORMATS_TENSOR_TENSOR_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/thread_pool.h"

/* Element types, called as Safetensors calls them. */
typedef enum pyr_tensor_type {
    PYR_TENSOR_BOOL,
    PYR_TENSOR_F4,      /* E2M1, two a byte */
    PYR_TENSOR_F6_E2M3, /* four in three bytes */
    PYR_TENSOR_F6_E3M2,
    PYR_TENSOR_U8,
    PYR_TENSOR_I8,
    PYR_TENSOR_F8_E5M2,
    PYR_TENSOR_F8_E4M3, /* the "FN" kind: no infinity */
    PYR_TENSOR_F8_E8M0, /* a power of two */
    PYR_TENSOR_F8_E4M3FNUZ,
    PYR_TENSOR_F8_E5M2FNUZ,
    PYR_TENSOR_I16,
    PYR_TENSOR_U16,
    PYR_TENSOR_F16,
    PYR_TENSOR_BF16,
    PYR_TENSOR_I32,
    PYR_TENSOR_U32,
    PYR_TENSOR_F32,
    PYR_TENSOR_C64, /* two F32 */
    PYR_TENSOR_F64,
    PYR_TENSOR_I64,
    PYR_TENSOR_U64,
    PYR_TENSOR_TYPES
} pyr_tensor_type;
const char *pyr_tensor_type_name(pyr_tensor_type type); /* "BF16"; static */
bool pyr_tensor_type_find(const char *name, size_t length, pyr_tensor_type *out);
int32_t pyr_tensor_type_bits(pyr_tensor_type type); /* 4, 6, 8, ..., 64 */

#define PYR_TENSOR_RANK_MAX 64

typedef struct pyr_tensor_view {
    const char *name; /* UTF-8, ends with a zero byte; may be "" */
    pyr_tensor_type type;
    int32_t rank;         /* 0: one value */
    const int64_t *shape; /* rank lengths >= 0 */
    int64_t count;        /* values: the product of shape */
    const uint8_t *data;  /* not aligned, necessarily; may be NULL where size_bytes is 0 */
    int64_t size_bytes;
} pyr_tensor_view;

/* count values of type as dense bytes; false: it does not come out in whole bytes, or overflows. */
bool pyr_tensor_size(pyr_tensor_type type, int64_t count, int64_t *size_bytes);
/* The product of a shape; false: a negative length, or beyond INT64_MAX. */
bool pyr_tensor_count(const int64_t *shape, int32_t rank, int64_t *count);

/* Of any types. */
bool pyr_tensor_same_shape(const pyr_tensor_view *a, const pyr_tensor_view *b);

/* ---- Values. ---- */

/* Values [first, first + count) of a view as float: of F4, F6, F8, F16, BF16, F32 exactly, a NaN as
 * some NaN. Others: an assertion. */
void pyr_tensor_floats(const pyr_tensor_view *view, int64_t first, int64_t count, float *out);

/* What is known of all values. C64 counts as two: of both its parts. BOOL counts as 0 and 1 (a byte
 * that is not 0). */
typedef struct pyr_tensor_stats {
    int64_t count;
    int64_t nan_count, zero_count; /* -0.0 is zero */
    double min, max;               /* of what is not NaN, never -0.0; NaN where there is nothing */
    double mean, std;              /* population; NaN is left out; NaN where there is nothing */
} pyr_tensor_stats;
/* Reads the view once, at the speed of memory; pool NULL: on this thread. The result is the same on
 * any number of threads. With an infinity the mean is that infinity (of both signs: NaN) and std
 * NaN; both may be no numbers where sums of F64 leave its range (values beyond 1e150).
 * PYR_ERROR_CANCELLED, TIMEOUT. */
PYR_MUST_CHECK pyr_status pyr_tensor_stats_of(const pyr_tensor_view *view, pyr_thread_pool *pool,
                                              pyr_cancel_flag *cancel, pyr_tensor_stats *out,
                                              pyr_error *error);

/* Two views of one type and shape (INVALID_ARGUMENT naming both, if not): whether their bytes are
 * equal, else the largest difference of two values as double (NaN against a number: NaN; NaN
 * against NaN and an infinity against itself: none), of C64 of two parts. Values may be equal (0.0
 * and -0.0, two NaNs) where bytes are not. PYR_ERROR_CANCELLED, TIMEOUT. */
typedef struct pyr_tensor_difference {
    bool equal;
    double max_abs_diff; /* 0 where equal */
} pyr_tensor_difference;
PYR_MUST_CHECK pyr_status pyr_tensor_compare(const pyr_tensor_view *a, const pyr_tensor_view *b,
                                             pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                                             pyr_tensor_difference *out, pyr_error *error);

/* ---- DLPack 1.x. ---- */

struct DLManagedTensorVersioned; /* pyralog_dlpack.h */
/* The view as a DLPack tensor on the CPU, read-only, by reference: bytes are kept by a reference to
 * `holder` (the buffer or mapping that they lie in) until its deleter is called, from any thread.
 * `data` is the first value's own address and byte_offset 0, aligned or not: consumers exist that
 * leave byte_offset out. Where there are no values, data is NULL, as the specification has it.
 * Strides are always there, but of a tensor of rank 0. Types below a byte are packed. Every type of
 * ours has a DLPack type of 1.1. PYR_ERROR_MEMORY. */
PYR_MUST_CHECK pyr_status pyr_tensor_to_dlpack(const pyr_tensor_view *view, pyr_buffer *holder,
                                               struct DLManagedTensorVersioned **out,
                                               pyr_error *error);

#endif
