/* safetensors.h - Safetensors files: the header is checked once, the tensors are views.
 *
 * Source: the format's README ("Format") and the reference implementation's rules: 8 bytes of
 * header length (little-endian, at most 100,000,000), a JSON object which white space may surround
 * (the README says that it begins with '{', the reference takes what the corpus has), then the
 * bytes of the tensors, contiguous from 0, in any order of names, without a hole, an overlap or a
 * rest. Where the reference is laxer than the README, we are not: a name twice is refused, and a
 * tensor that is not an object.
 */
#ifndef PYR_FORMATS_SAFETENSORS_SAFETENSORS_H
#define PYR_FORMATS_SAFETENSORS_SAFETENSORS_H

#include "formats/tensor/tensor.h"

#define PYR_SAFETENSORS_HEADER_BYTES_MAX 100000000
/* What is looked at, whether it is an index. An index is as long as a header at most: one that is a
 * little longer is told so. */
#define PYR_SAFETENSORS_INDEX_BYTES_MAX ((size_t)256 << 20)

/* Whether a file that begins with these bytes (16 are enough) may be one: by content. */
bool pyr_safetensors_detect(const uint8_t *bytes, size_t size_bytes, int64_t file_size_bytes);

typedef struct pyr_safetensors_metadata {
    const char *key, *value;
} pyr_safetensors_metadata;

/* One file, or all of a sharded model's. Immutable: any number of threads. */
typedef struct pyr_safetensors pyr_safetensors;

/* Reads the header alone; no page of a tensor is touched. bytes (a mapping, as a rule) is retained.
 * name: of the file, for messages. CORRUPT saying what is wrong and where: a duplicate name, an
 * unknown dtype, an extent that shape and dtype do not give, ...; LIMIT for a header that is too
 * long or too deep, a shape of more than 64 dimensions or a length beyond 2^63 - 1; NOT_SUPPORTED
 * for a zero character in a name; IO of the mapping. MEMORY: what is kept counts in the budget
 * (NULL allowed) as long as the file lives, at most some eight times the header's bytes. Cost: a
 * quarter of a millisecond or so for a thousand tensors. */
PYR_MUST_CHECK pyr_status pyr_safetensors_open(pyr_buffer *bytes, const char *name,
                                               pyr_budget *budget, pyr_safetensors **out,
                                               pyr_error *error);

/* A model.safetensors.index.json ("weight_map": name to file, beside it): opens each file once
 * through open_file, holds that each tensor is where the map says, and none is missing or twice.
 * File names with '/' or ".." are CORRUPT, LIMIT for more than 10,000 of them. Shards are in the
 * order of their names. */
typedef struct pyr_safetensors_opener {
    /* file: as the index has it. The caller's path rules are the callback's. */
    pyr_status (*open)(void *context, const char *file, pyr_buffer **out, pyr_error *error);
    void *context;
} pyr_safetensors_opener;
/* Whether JSON has an object "weight_map"; of its beginning: where that is seen in it. */
bool pyr_safetensors_index_detect(const uint8_t *bytes, size_t size_bytes);
PYR_MUST_CHECK pyr_status pyr_safetensors_open_index(const uint8_t *json, size_t size_bytes,
                                                     const char *name,
                                                     const pyr_safetensors_opener *opener,
                                                     pyr_budget *budget, pyr_safetensors **out,
                                                     pyr_error *error);
pyr_safetensors *pyr_safetensors_retain(pyr_safetensors *file);
void pyr_safetensors_release(pyr_safetensors *file); /* NULL allowed */

typedef struct pyr_safetensors_tensor {
    pyr_tensor_view view; /* holds as long as the file is retained */
    int64_t offset_bytes; /* from the start of its file */
    int32_t shard;        /* which file; 0 where there is one */
} pyr_safetensors_tensor;
/* By offset, shard after shard. */
int64_t pyr_safetensors_count(const pyr_safetensors *file);
const pyr_safetensors_tensor *pyr_safetensors_get(const pyr_safetensors *file, int64_t index);
/* By hashing, or -1. */
int64_t pyr_safetensors_find(const pyr_safetensors *file, const char *name, size_t length);
/* "__metadata__", in the file's order; of an index: its "metadata" where values are texts, numbers
 * as they are written. */
int64_t pyr_safetensors_metadata_count(const pyr_safetensors *file);
const pyr_safetensors_metadata *pyr_safetensors_metadata_get(const pyr_safetensors *file,
                                                             int64_t index);
/* Files, their bytes (borrowed) and names. */
int32_t pyr_safetensors_shards(const pyr_safetensors *file);
pyr_buffer *pyr_safetensors_bytes(const pyr_safetensors *file, int32_t shard);
const char *pyr_safetensors_shard_name(const pyr_safetensors *file, int32_t shard);
/* Sums over the tensors: values ("parameters"), bytes; the type most bytes have (F32 of none). */
int64_t pyr_safetensors_parameters(const pyr_safetensors *file);
int64_t pyr_safetensors_data_bytes(const pyr_safetensors *file);
pyr_tensor_type pyr_safetensors_main_type(const pyr_safetensors *file);

/* ---- Writing. ---- */

/* What a header says of each tensor; the bytes then follow in the same order. The header is padded
 * by spaces so that data begins at a multiple of 64 bytes. INVALID_ARGUMENT: a name twice, or
 * "__metadata__", or one that is not UTF-8; a size that is not the shape's; LIMIT. *out is the 8
 * bytes and the JSON. */
PYR_MUST_CHECK pyr_status pyr_safetensors_write_header(const pyr_tensor_view *tensors,
                                                       int64_t count,
                                                       const pyr_safetensors_metadata *metadata,
                                                       int64_t metadata_count, pyr_buffer **out,
                                                       pyr_error *error);

#endif
