/* inspect_tensors.c - Safetensors files, and models in several of them. */
#include "base/blake3.h"
#include "base/mapping.h"
#include "cli/display.h"
#include "cli/inspect_internal.h"
#include "formats/safetensors/safetensors.h"
#include "models/model_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_NAME "model.safetensors.index.json"

static void add_name(const char *name, pyr_text *out) {
    pyr_display_escape(name, strlen(name), false, out);
}

void pyr_inspect_add_tensor(const pyr_tensor_view *view, const char *type, int64_t offset_bytes,
                            pyr_text *out) {
    pyr_text_add(out, "  ");
    add_name(view->name, out);
    pyr_text_printf(out, ": %s [", type);
    for (int32_t i = 0; i < view->rank; ++i) {
        pyr_text_printf(out, "%s%" PRId64, i > 0 ? ", " : "", view->shape[i]);
    }
    pyr_text_printf(out, "], %" PRId64 " bytes at %" PRId64, view->size_bytes, offset_bytes);
}
static void add_tensor(const pyr_safetensors *file, const pyr_safetensors_tensor *tensor,
                       pyr_text *out) {
    const pyr_tensor_view *view = &tensor->view;
    pyr_inspect_add_tensor(view, pyr_tensor_type_name(view->type), tensor->offset_bytes, out);
    if (pyr_safetensors_shards(file) > 1) {
        pyr_text_add(out, " of ");
        add_name(pyr_safetensors_shard_name(file, tensor->shard), out);
    }
    pyr_text_add_char(out, '\n');
}

static void add_head(const pyr_safetensors *file, pyr_text *out) {
    int32_t shards = pyr_safetensors_shards(file);
    int64_t size = 0;
    for (int32_t i = 0; i < shards; ++i) {
        size += (int64_t)pyr_safetensors_bytes(file, i)->size_bytes;
    }
    pyr_text_add(out, "format: Safetensors");
    if (shards > 1) {
        pyr_text_printf(out, ", %d files", (int)shards);
    }
    pyr_text_add_char(out, '\n');
    pyr_inspect_add_bytes("size: ", size, out);
    pyr_text_printf(out, "tensors: %" PRId64 "\nparameters: %" PRId64 "\n",
                    pyr_safetensors_count(file), pyr_safetensors_parameters(file));
    pyr_inspect_add_bytes("data: ", pyr_safetensors_data_bytes(file), out);
    if (pyr_safetensors_count(file) > 0) {
        pyr_text_printf(out, "dtype: %s\n", pyr_tensor_type_name(pyr_safetensors_main_type(file)));
    }
    for (int64_t i = 0; i < pyr_safetensors_metadata_count(file); ++i) {
        const pyr_safetensors_metadata *entry = pyr_safetensors_metadata_get(file, i);
        pyr_text_add(out, i == 0 ? "metadata:\n  " : "  ");
        add_name(entry->key, out);
        pyr_text_add(out, " = ");
        pyr_inspect_add_value(entry->value, strlen(entry->value), out);
    }
}

/* Every byte is read; the formats have no checksum, so what was found is said. */
pyr_status pyr_inspect_add_hash(const pyr_buffer *bytes, pyr_text *out, pyr_error *error) {
    uint8_t hash[PYR_BLAKE3_OUT_BYTES];
    PYR_TRY(pyr_blake3_hash_parallel(bytes->data, bytes->size_bytes, NULL, NULL, hash, error));
    PYR_TRY(pyr_mapping_check(bytes->mapping, error));
    pyr_text_add(out, "blake3: ");
    for (size_t i = 0; i < sizeof(hash); ++i) {
        pyr_text_printf(out, "%02x", hash[i]);
    }
    return PYR_OK;
}
static pyr_status add_hashes(pyr_inspection *self, const pyr_safetensors *file, pyr_error *error) {
    for (int32_t i = 0; i < pyr_safetensors_shards(file); ++i) {
        PYR_TRY(pyr_inspect_add_hash(pyr_safetensors_bytes(file, i), &self->output.buffer, error));
        if (pyr_safetensors_shards(file) > 1) {
            pyr_text_add(&self->output.buffer, " of ");
            add_name(pyr_safetensors_shard_name(file, i), &self->output.buffer);
        }
        pyr_text_add_char(&self->output.buffer, '\n');
    }
    pyr_text_add(&self->output.buffer, "check: all well\n");
    return PYR_OK;
}

static pyr_status add_file(pyr_inspection *self, const pyr_safetensors *file, pyr_error *error) {
    pyr_text *out = &self->output.buffer;
    int64_t count = pyr_safetensors_count(file);
    int64_t shown = pyr_inspect_shown(self, count);
    add_head(file, out);
    pyr_text_add(out, shown > 0 ? "by offset:\n" : "");
    for (int64_t i = 0; i < shown; ++i) {
        add_tensor(file, pyr_safetensors_get(file, i), out);
        PYR_TRY(pyr_output_drain(&self->output, error));
    }
    if (shown < count) {
        pyr_text_printf(out, "  and %" PRId64 " more (--batches 0 lists all)\n", count - shown);
    }
    return self->check ? add_hashes(self, file, error) : PYR_OK;
}

/* ---- Which file. ---- */

/* By content; what it is of, and where its shards are, is found as for every other use of it. */
static bool detect(const pyr_buffer *bytes) {
    size_t first = bytes->size_bytes < 16 ? bytes->size_bytes : 16;
    return pyr_safetensors_detect(bytes->data, first, (int64_t)bytes->size_bytes) ||
           (bytes->size_bytes <= PYR_SAFETENSORS_INDEX_BYTES_MAX &&
            pyr_safetensors_index_detect(bytes->data, bytes->size_bytes));
}

static pyr_status inspect_bytes(pyr_inspection *self, const char *path, const pyr_buffer *bytes,
                                bool *found, pyr_error *error) {
    pyr_safetensors *file = NULL;
    *found = detect(bytes);
    if (!*found) {
        return PYR_OK;
    }
    PYR_TRY(pyr_model_open(path, NULL, NULL, &file, NULL, error));
    pyr_status status = add_file(self, file, error);
    pyr_safetensors_release(file);
    return status;
}

pyr_status pyr_inspect_tensors(pyr_inspection *self, bool *found, pyr_error *error) {
    *found = false;
    return inspect_bytes(self, self->path, self->bytes, found, error);
}

pyr_status pyr_inspect_tensor_folder(pyr_inspection *self, bool *found, pyr_error *error) {
    char *path = NULL;
    struct stat info;
    pyr_status status = PYR_OK;
    *found = false;
    if (asprintf(&path, "%s/%s", self->path, INDEX_NAME) < 0) {
        return pyr_error_memory(error, strlen(self->path));
    }
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        pyr_buffer *bytes = NULL;
        status = pyr_mapping_open(path, &bytes, error);
        if (status == PYR_OK) {
            status = inspect_bytes(self, path, bytes, found, error);
        }
        pyr_buffer_release(bytes);
    }
    free(path);
    return status;
}
