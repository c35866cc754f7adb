/* tensor_source.h - segments of a row a tensor over one Safetensors file: batches are runs of its
 * tensors. */
#ifndef PYR_ENGINES_FUNCTIONS_TENSOR_SOURCE_H
#define PYR_ENGINES_FUNCTIONS_TENSOR_SOURCE_H

#include "engines/functions/tensor_files.h"

typedef struct pyr_tensor_source {
    pyr_segment_source source;
    pyr_safetensors *file;   /* retained */
    pyr_thread_pool *pool;   /* outlives every statement; NULL: none */
    pyr_cancel_flag *cancel; /* the statement's; NULL: none */
    int64_t *starts;         /* tensors that batches begin with, and the end */
} pyr_tensor_source;

/* Of pyr_segment_source_ops. */
void pyr_tensor_source_destroy(pyr_segment_source *source);
int64_t pyr_tensor_source_rows(const pyr_segment_source *source, size_t index);

/* Behind the last tensor of the batch that begins with first: beyond it, at most the file's count.
 */
typedef int64_t (*pyr_tensor_batch_end)(const pyr_safetensors *file, int64_t first);
/* A segment over file, which is retained, as schema is; name is for messages. */
PYR_MUST_CHECK pyr_status pyr_tensor_source_create(const pyr_function_call *call,
                                                   pyr_safetensors *file, const char *name,
                                                   pyr_schema *schema,
                                                   const pyr_segment_source_ops *ops,
                                                   pyr_tensor_batch_end end_of_batch,
                                                   pyr_segment **out, pyr_error *error);

#endif
