/* tensors.c - the public C API of tensors: hands out views of a model's mapped files.
 *
 * Invariants:
 *  1. What was opened is immutable, so that any thread may ask it without a lock.
 *  2. Which file a name means, who may read it and how it is mapped is the registry's matter
 *     (pyr_session_open_model); nothing but headers is read. A tensor's pages are its reader's to
 *     touch.
 */
#include "base/mapping.h"
#include "base/text.h"
#include "formats/safetensors/safetensors.h"
#include "pyralog_dlpack.h"
#include "session/session_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct pyr_tensors {
    pyr_safetensors *model;
};

/* ---- Opening. ---- */

pyr_status pyr_tensors_open(pyr_connection *connection, const char *name_or_path, pyr_tensors **out,
                            pyr_error *error) {
    *out = NULL;
    if (name_or_path[0] == '\0') {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "tensors: the name or path of a model is needed");
    }
    pyr_tensors *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_status status = pyr_session_open_model(connection, name_or_path, &self->model, error);
    if (status != PYR_OK) {
        pyr_tensors_close(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

void pyr_tensors_close(pyr_tensors *tensors) {
    if (tensors == NULL) {
        return;
    }
    pyr_safetensors_release(tensors->model);
    free(tensors);
}

/* ---- Looking. ---- */

/* The path that it was mapped by. */
static const char *file_of(const pyr_safetensors *model, int32_t shard) {
    const pyr_mapping *mapping = pyr_safetensors_bytes(model, shard)->mapping;
    return mapping != NULL ? pyr_mapping_path(mapping) : pyr_safetensors_shard_name(model, shard);
}

int64_t pyr_tensors_count(const pyr_tensors *tensors) {
    return pyr_safetensors_count(tensors->model);
}

void pyr_tensors_get(const pyr_tensors *tensors, int64_t index, pyr_tensor *out) {
    *out = (pyr_tensor){0};
    if (index < 0 || index >= pyr_safetensors_count(tensors->model)) {
        return;
    }
    const pyr_safetensors_tensor *tensor = pyr_safetensors_get(tensors->model, index);
    const pyr_tensor_view *view = &tensor->view;
    *out = (pyr_tensor){
        .name = view->name,
        .dtype = pyr_tensor_type_name(view->type),
        .rank = view->rank,
        .shape = view->shape,
        .size_bytes = view->size_bytes,
        .offset_bytes = tensor->offset_bytes,
        .data = view->data,
        .file = file_of(tensors->model, tensor->shard),
        .index = index,
        .tensors = tensors,
    };
}

enum { COMPARED_MAX = 20000 };

/* NULL where nothing is called like it, or the name is longer than names are. */
static const char *nearest(const pyr_safetensors *model, const char *name) {
    size_t length = strlen(name);
    size_t best = length / 2 + 2; /* with as many edits it is another name */
    const char *found = NULL;
    int64_t count = pyr_safetensors_count(model);
    for (int64_t i = 0; i < count && i < COMPARED_MAX; ++i) {
        const char *candidate = pyr_safetensors_get(model, i)->view.name;
        size_t candidate_length = strlen(candidate);
        size_t apart =
            candidate_length > length ? candidate_length - length : length - candidate_length;
        if (apart >= best) {
            continue;
        }
        size_t edits = pyr_text_edits(name, length, candidate, candidate_length, false);
        if (edits < best) {
            best = edits;
            found = candidate;
        }
    }
    return found;
}

pyr_status pyr_tensors_find(const pyr_tensors *tensors, const char *name, pyr_tensor *out,
                            pyr_error *error) {
    int64_t index = pyr_safetensors_find(tensors->model, name, strlen(name));
    pyr_tensors_get(tensors, index, out);
    if (index >= 0) {
        return PYR_OK;
    }
    /* Who has no use for the message asks whether there is one, and may ask often. */
    if (error == NULL) {
        return PYR_ERROR_NOT_FOUND;
    }
    const char *other = nearest(tensors->model, name);
    return pyr_error_set(error, PYR_ERROR_NOT_FOUND,
                         "there is no tensor \"%.300s\" in the model%s%s%s", name,
                         other != NULL ? "; did you mean \"" : "", other != NULL ? other : "",
                         other != NULL ? "\"?" : "");
}

pyr_status pyr_tensors_check(const pyr_tensors *tensors, pyr_error *error) {
    for (int32_t i = 0; i < pyr_safetensors_shards(tensors->model); ++i) {
        PYR_TRY(pyr_mapping_check(pyr_safetensors_bytes(tensors->model, i)->mapping, error));
    }
    return PYR_OK;
}

/* ---- DLPack. ---- */

pyr_status pyr_tensor_dlpack(const pyr_tensor *tensor, struct DLManagedTensorVersioned **managed,
                             pyr_error *error) {
    *managed = NULL;
    const pyr_safetensors *model = tensor->tensors->model;
    assert(tensor->index >= 0 && tensor->index < pyr_safetensors_count(model));
    const pyr_safetensors_tensor *found = pyr_safetensors_get(model, tensor->index);
    pyr_buffer *holder = pyr_safetensors_bytes(model, found->shard);
    pyr_status status = pyr_tensor_to_dlpack(&found->view, holder, managed, error);
    return status == PYR_OK ? PYR_OK
                            : pyr_error_context(error, status, "tensor \"%s\"", found->view.name);
}

/* The old form owns the new one, whose tensor it shows. */
static void delete_unversioned(DLManagedTensor *self) {
    DLManagedTensorVersioned *versioned = self->manager_ctx;
    versioned->deleter(versioned);
    free(self);
}

pyr_status pyr_tensor_dlpack_unversioned(const pyr_tensor *tensor, struct DLManagedTensor **managed,
                                         pyr_error *error) {
    *managed = NULL;
    DLManagedTensor *self = malloc(sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    DLManagedTensorVersioned *versioned = NULL;
    pyr_status status = pyr_tensor_dlpack(tensor, &versioned, error);
    if (status != PYR_OK) {
        free(self);
        return status;
    }
    *self = (DLManagedTensor){versioned->dl_tensor, versioned, delete_unversioned};
    *managed = self;
    return PYR_OK;
}
