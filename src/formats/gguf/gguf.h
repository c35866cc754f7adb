/* gguf.h - GGUF files (llama.cpp's): what the header says, and the tensors as bytes in the file.
 *
 * Source: ggml's "GGUF" specification and the rules of its own reader: versions 2 and 3,
 * little-endian; tensors one after the other in the order of the header, each at a multiple of the
 * alignment. Values of quantized types are not looked into: they are bytes with a shape.
 */
#ifndef PYR_FORMATS_GGUF_GGUF_H
#define PYR_FORMATS_GGUF_GGUF_H

#include "formats/tensor/tensor.h"

/* By content: 8 bytes are enough. */
bool pyr_gguf_detect(const uint8_t *bytes, size_t size_bytes);

/* Immutable: any number of threads. */
typedef struct pyr_gguf pyr_gguf;

/* Reads the header alone; bytes (a mapping, as a rule) is retained. name: of the file, for
 * messages. CORRUPT saying what is wrong and where; NOT_SUPPORTED for another version, a big-endian
 * file, an unknown type of tensor, a zero character in a name; LIMIT for lists that lie in each
 * other too deep, or more than 2^31 - 2 entries; IO where the mapping has faulted; MEMORY: what is
 * kept counts in the budget (NULL allowed), at most some eight times the bytes of the entries that
 * are there. */
PYR_MUST_CHECK pyr_status pyr_gguf_open(pyr_buffer *bytes, const char *name, pyr_budget *budget,
                                        pyr_gguf **out, pyr_error *error);
void pyr_gguf_close(pyr_gguf *file); /* NULL allowed */

int32_t pyr_gguf_version(const pyr_gguf *file);
int64_t pyr_gguf_alignment(const pyr_gguf *file);

typedef struct pyr_gguf_tensor {
    /* Of types that Safetensors has too the view is whole; of others its type means nothing, and
     * data and size_bytes are of blocks. The shape is in C order, the reverse of the file's. */
    pyr_tensor_view view;
    const char *type;     /* as ggml calls it: "F32", "Q4_K"; static */
    bool quantized;       /* none of our types */
    int64_t offset_bytes; /* from the start of the file */
} pyr_gguf_tensor;
/* In the file's order, which is by offset. */
int64_t pyr_gguf_count(const pyr_gguf *file);
const pyr_gguf_tensor *pyr_gguf_get(const pyr_gguf *file, int64_t index);
/* Sums over the tensors. */
int64_t pyr_gguf_parameters(const pyr_gguf *file);
int64_t pyr_gguf_data_bytes(const pyr_gguf *file);

typedef struct pyr_gguf_metadata {
    const char *key;
    const char *type;  /* "uint32", "string", "array of string"; static */
    const char *value; /* as text; of an array NULL */
    int64_t count;     /* of an array's items; else 1 */
} pyr_gguf_metadata;
int64_t pyr_gguf_metadata_count(const pyr_gguf *file);
const pyr_gguf_metadata *pyr_gguf_metadata_get(const pyr_gguf *file, int64_t index);

#endif
