/* types.h - the types of GGUF's tensors and metadata, by their numbers.
 */
#ifndef PYR_FORMATS_GGUF_TYPES_H
#define PYR_FORMATS_GGUF_TYPES_H

#include "formats/tensor/tensor.h"

/* A tensor's: rows are whole blocks. */
typedef struct gguf_type {
    const char *name; /* NULL: no such number */
    int64_t block_values, block_bytes;
    pyr_tensor_type native; /* PYR_TENSOR_TYPES: none */
} gguf_type;
/* NULL: unknown. */
const gguf_type *gguf_type_of(uint32_t number);

typedef enum gguf_kind {
    GGUF_UINT8,
    GGUF_INT8,
    GGUF_UINT16,
    GGUF_INT16,
    GGUF_UINT32,
    GGUF_INT32,
    GGUF_FLOAT32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_UINT64,
    GGUF_INT64,
    GGUF_FLOAT64,
    GGUF_KINDS
} gguf_kind;
size_t gguf_kind_bytes(gguf_kind kind); /* 0: of STRING and ARRAY */
const char *gguf_kind_name(gguf_kind kind);
const char *gguf_array_name(gguf_kind item);

#endif
