/* open.c - Safetensors files as objects: opening one, and what can be asked of it.
 */
#include "base/cursor.h"
#include "formats/safetensors/safetensors_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool pyr_safetensors_detect(const uint8_t *bytes, size_t size_bytes, int64_t file_size_bytes) {
    if (size_bytes < 10 || file_size_bytes < 10) {
        return false;
    }
    uint64_t length = pyr_load_u64(bytes);
    if (length < 2 || length > PYR_SAFETENSORS_HEADER_BYTES_MAX ||
        length > (uint64_t)file_size_bytes - 8) {
        return false;
    }
    /* A bracket, then a name or the end, as far as can be seen. */
    json_reader reader = {.text = bytes + 8, .size_bytes = size_bytes - 8};
    if (length < reader.size_bytes) {
        reader.size_bytes = (size_t)length;
    }
    if (json_peek(&reader) != '{') {
        return false;
    }
    ++reader.at;
    uint8_t c = json_peek(&reader);
    return c == '"' || c == '}' || (c == 0 && reader.at == reader.size_bytes);
}

/* ---- Life. ---- */

pyr_status safetensors_create(pyr_budget *budget, pyr_safetensors **out, pyr_error *error) {
    pyr_safetensors *file = calloc(1, sizeof *file);
    *out = file;
    if (file == NULL) {
        return pyr_error_memory(error, sizeof *file);
    }
    atomic_init(&file->references, 1);
    pyr_arena_init(&file->arena, budget);
    return PYR_OK;
}
pyr_safetensors *pyr_safetensors_retain(pyr_safetensors *file) {
    (void)atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}
void pyr_safetensors_release(pyr_safetensors *file) {
    if (file == NULL ||
        atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < file->shards_count; ++i) {
        pyr_buffer_release(file->shards[i].bytes);
    }
    pyr_arena_deinit(&file->arena);
    free(file);
}

static void sum_up(pyr_safetensors *file) {
    int64_t bytes_of[PYR_TENSOR_TYPES] = {0};
    for (int64_t i = 0; i < file->count; ++i) {
        const pyr_tensor_view *view = &file->tensors[i].view;
        /* Not beyond twice the files' bytes. */
        file->parameters += view->count;
        file->data_bytes += view->size_bytes;
        bytes_of[view->type] += view->size_bytes;
    }
    file->main_type = PYR_TENSOR_F32;
    for (int type = 0; type < PYR_TENSOR_TYPES; ++type) {
        if (bytes_of[type] > bytes_of[file->main_type]) {
            file->main_type = (pyr_tensor_type)type;
        }
    }
}
pyr_status safetensors_finish(pyr_safetensors *file, const char *name, pyr_error *error) {
    PYR_TRY(pyr_name_table_init(&file->names, file->tensors, sizeof *file->tensors, file->count,
                                &file->arena, error));
    for (int64_t i = 0; i < file->count; ++i) {
        if (pyr_name_table_add(&file->names, i) != i) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: tensor \"%s\" is there twice", name,
                                 file->tensors[i].view.name);
        }
    }
    sum_up(file);
    return PYR_OK;
}

static pyr_status open_one(pyr_safetensors *file, pyr_buffer *bytes, const char *name,
                           pyr_error *error) {
    safetensors_header head;
    const char *copy = pyr_arena_strdup(&file->arena, name);
    file->shards = pyr_arena_alloc(&file->arena, sizeof *file->shards);
    if (copy == NULL || file->shards == NULL) {
        return pyr_arena_error(&file->arena, error);
    }
    file->shards[0] = (safetensors_shard){pyr_buffer_retain(bytes), copy};
    file->shards_count = 1;
    PYR_TRY(header_read(bytes, name, 0, &file->arena, &head, error));
    file->tensors = head.tensors;
    file->count = head.count;
    file->metadata = head.metadata;
    file->metadata_count = head.metadata_count;
    return safetensors_finish(file, name, error);
}
pyr_status pyr_safetensors_open(pyr_buffer *bytes, const char *name, pyr_budget *budget,
                                pyr_safetensors **out, pyr_error *error) {
    pyr_safetensors *file;
    *out = NULL;
    PYR_TRY(safetensors_create(budget, &file, error));
    pyr_status status = open_one(file, bytes, name, error);
    if (status != PYR_OK) {
        pyr_safetensors_release(file);
        return status;
    }
    *out = file;
    return PYR_OK;
}

/* ---- Asking. ---- */

int64_t pyr_safetensors_count(const pyr_safetensors *file) {
    return file->count;
}
const pyr_safetensors_tensor *pyr_safetensors_get(const pyr_safetensors *file, int64_t index) {
    assert(index >= 0 && index < file->count);
    return &file->tensors[index];
}
int64_t pyr_safetensors_find(const pyr_safetensors *file, const char *name, size_t length) {
    return pyr_name_table_find(&file->names, name, length);
}
int64_t pyr_safetensors_metadata_count(const pyr_safetensors *file) {
    return file->metadata_count;
}
const pyr_safetensors_metadata *pyr_safetensors_metadata_get(const pyr_safetensors *file,
                                                             int64_t index) {
    assert(index >= 0 && index < file->metadata_count);
    return &file->metadata[index];
}
int32_t pyr_safetensors_shards(const pyr_safetensors *file) {
    return file->shards_count;
}
pyr_buffer *pyr_safetensors_bytes(const pyr_safetensors *file, int32_t shard) {
    assert(shard >= 0 && shard < file->shards_count);
    return file->shards[shard].bytes;
}
const char *pyr_safetensors_shard_name(const pyr_safetensors *file, int32_t shard) {
    assert(shard >= 0 && shard < file->shards_count);
    return file->shards[shard].name;
}
int64_t pyr_safetensors_parameters(const pyr_safetensors *file) {
    return file->parameters;
}
int64_t pyr_safetensors_data_bytes(const pyr_safetensors *file) {
    return file->data_bytes;
}
pyr_tensor_type pyr_safetensors_main_type(const pyr_safetensors *file) {
    return file->main_type;
}
