/* safetensors_internal.h - what the files of this folder share.
 */
#ifndef PYR_FORMATS_SAFETENSORS_INTERNAL_H
#define PYR_FORMATS_SAFETENSORS_INTERNAL_H

#include "formats/safetensors/json_reader.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor/name_table.h"

#include <stdatomic.h>

/* Of one index: each is a mapping. */
#define SAFETENSORS_SHARDS_MAX 10000

typedef struct safetensors_shard {
    pyr_buffer *bytes; /* retained */
    const char *name;
} safetensors_shard;

struct pyr_safetensors {
    atomic_size_t references;
    pyr_arena arena; /* everything below but this */
    safetensors_shard *shards;
    int32_t shards_count;
    pyr_safetensors_tensor *tensors;
    int64_t count;
    pyr_name_table names;
    pyr_safetensors_metadata *metadata;
    int64_t metadata_count;
    int64_t parameters, data_bytes;
    pyr_tensor_type main_type;
};

/* header.c: what one file's header says. Arrays lie in the arena. */
typedef struct safetensors_header {
    pyr_safetensors_tensor *tensors; /* by offset */
    int64_t count;
    pyr_safetensors_metadata *metadata;
    int64_t metadata_count;
} safetensors_header;
PYR_MUST_CHECK pyr_status header_read(pyr_buffer *bytes, const char *name, int32_t shard,
                                      pyr_arena *arena, safetensors_header *out, pyr_error *error);
/* An object of texts, at its bracket; CORRUPT for a key twice. texts_only false: numbers are taken
 * as they are written, other values left out. */
PYR_MUST_CHECK pyr_status metadata_read(json_reader *reader, bool texts_only, pyr_arena *arena,
                                        pyr_safetensors_metadata **out, int64_t *count);

/* open.c: one without anything in it. */
PYR_MUST_CHECK pyr_status safetensors_create(pyr_budget *budget, pyr_safetensors **out,
                                             pyr_error *error);
/* Names and sums of the tensors that are there. CORRUPT for a name twice. */
PYR_MUST_CHECK pyr_status safetensors_finish(pyr_safetensors *file, const char *name,
                                             pyr_error *error);

#endif
