/* tensor_internal.h - what the files of this folder share: values of any type as doubles, and a
 * view cut into ranges for threads.
 */
#ifndef PYR_FORMATS_TENSOR_INTERNAL_H
#define PYR_FORMATS_TENSOR_INTERNAL_H

#include "formats/tensor/tensor.h"

/* Values that are converted at a time: any type's are whole bytes of as many. */
#define PYR_TENSOR_BLOCK 2048

/* What a view has of scalars: C64 two a value, everything else one. */
static inline int64_t pyr_tensor_scalars(const pyr_tensor_view *view) {
    return view->type == PYR_TENSOR_C64 ? view->count * 2 : view->count;
}
/* The address of a scalar whose index is a multiple of PYR_TENSOR_BLOCK. */
const uint8_t *pyr_tensor_at(const pyr_tensor_view *view, int64_t scalar);

/* Scalars [first, first + count) as doubles, exactly but for I64 and U64, which are rounded. BOOL
 * gives 0 and 1. */
void pyr_tensor_doubles(const pyr_tensor_view *view, int64_t first, int64_t count, double *out);
/* The float that a code of F4, F6 or F8 stands for. */
float pyr_tensor_minifloat(pyr_tensor_type type, uint8_t code);

/* A view's scalars in at most PYR_TENSOR_RANGES ranges, each but the last a multiple of
 * PYR_TENSOR_BLOCK and about a megabyte or more: the same ones on any number of threads. */
#define PYR_TENSOR_RANGES 256
typedef struct pyr_tensor_ranges {
    int64_t scalars, each; /* of a range */
    size_t count;
} pyr_tensor_ranges;
pyr_tensor_ranges pyr_tensor_cut(const pyr_tensor_view *view);
/* body for every range, on the pool and this thread (pool NULL: this one alone). */
PYR_MUST_CHECK pyr_status pyr_tensor_for_ranges(const pyr_tensor_ranges *ranges,
                                                pyr_thread_pool *pool,
                                                pyr_status (*body)(void *context, size_t index,
                                                                   pyr_error *error),
                                                void *context, pyr_error *error);

#endif
