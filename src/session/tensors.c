/* tensors.c - the public C API of tensors: opens Safetensors files and hands out views of them.
 *
 * Invariants:
 *  1. What was opened is immutable, so that any thread may ask it without a lock.
 *  2. Every file is one the connection may read: the path that was given and, of an index, each
 *     shard's, symbolic links resolved.
 *  3. Nothing but headers and indexes is read here: a tensor's pages are its reader's to touch.
 */
#include "base/mapping.h"
#include "formats/safetensors/safetensors.h"
#include "pyralog_dlpack.h"
#include "session/session_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct pyr_tensors {
    pyr_safetensors *model;
};

/* ---- Which file. ---- */

/* folder/name, the first length bytes of folder; the caller frees it. */
static pyr_status join(const char *folder, size_t length, const char *name, char **out,
                       pyr_error *error) {
    *out = NULL;
    size_t size = length + strlen(name) + 2;
    char *path = malloc(size);
    if (path == NULL) {
        return pyr_error_memory(error, size);
    }
    (void)snprintf(path, size, "%.*s%s%s", (int)length, folder,
                   length > 0 && folder[length - 1] != '/' ? "/" : "", name);
    *out = path;
    return PYR_OK;
}

/* Up to and with the last '/'; 0: the folder we are in. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* A folder stands for the index or the file that models are stored as in one. */
static pyr_status find_in_folder(const char *folder, char **out, pyr_error *error) {
    static const char *const names[] = {"model.safetensors.index.json", "model.safetensors"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        PYR_TRY(join(folder, strlen(folder), names[i], out, error));
        struct stat status;
        if (stat(*out, &status) == 0) {
            return PYR_OK;
        }
        free(*out);
        *out = NULL;
    }
    return pyr_error_set(error, PYR_ERROR_NOT_FOUND, "folder \"%s\": it has neither %s nor %s",
                         folder, names[0], names[1]);
}

static pyr_status find_file(const char *path, char **out, pyr_error *error) {
    *out = NULL;
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return find_in_folder(path, out, error);
    }
    *out = strdup(path);
    return *out != NULL ? PYR_OK : pyr_error_memory(error, strlen(path));
}

/* ---- Opening. ---- */

/* What opens the shards of an index: they lie beside it. */
typedef struct shard_opener {
    const pyr_file_access *access;
    const char *index_path;
} shard_opener;

static pyr_status open_file(const pyr_file_access *access, const char *path, pyr_buffer **out,
                            pyr_error *error) {
    *out = NULL;
    PYR_TRY(pyr_file_access_check(access, path, error));
    return pyr_mapping_open(path, out, error);
}

static pyr_status open_shard(void *context, const char *file, pyr_buffer **out, pyr_error *error) {
    const shard_opener *self = context;
    *out = NULL;
    char *path = NULL;
    PYR_TRY(join(self->index_path, folder_length(self->index_path), file, &path, error));
    pyr_status status = open_file(self->access, path, out, error);
    free(path);
    return status;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* By content; of a file that is called .safetensors its reader says what is wrong with it. */
static pyr_status open_model(const pyr_file_access *access, const char *path, pyr_buffer *bytes,
                             pyr_safetensors **out, pyr_error *error) {
    *out = NULL;
    if (pyr_safetensors_index_detect(bytes->data, bytes->size_bytes)) {
        shard_opener context = {access, path};
        pyr_safetensors_opener opener = {open_shard, &context};
        return pyr_safetensors_open_index(bytes->data, bytes->size_bytes, path, &opener, NULL, out,
                                          error);
    }
    if (pyr_safetensors_detect(bytes->data, bytes->size_bytes, (int64_t)bytes->size_bytes) ||
        ends_with(path, ".safetensors")) {
        return pyr_safetensors_open(bytes, path, NULL, out, error);
    }
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                         "file \"%s\": this is neither a Safetensors file nor the index of a "
                         "sharded model",
                         path);
}

/* A header that was read from pages that were not there is not a header. */
static pyr_status check_mappings(const pyr_safetensors *model, pyr_error *error) {
    for (int32_t i = 0; i < pyr_safetensors_shards(model); ++i) {
        PYR_TRY(pyr_mapping_check(pyr_safetensors_bytes(model, i)->mapping, error));
    }
    return PYR_OK;
}

static pyr_status open_path(pyr_tensors *self, const pyr_file_access *access, const char *path,
                            pyr_error *error) {
    pyr_buffer *bytes = NULL;
    PYR_TRY(open_file(access, path, &bytes, error));
    pyr_status status = open_model(access, path, bytes, &self->model, error);
    /* What could not be read explains every other complaint. */
    pyr_error fault;
    if (pyr_mapping_check(bytes->mapping, &fault) != PYR_OK) {
        if (error != NULL) {
            *error = fault;
        }
        status = fault.code;
    }
    if (status == PYR_OK) {
        status = check_mappings(self->model, error);
    }
    pyr_buffer_release(bytes);
    return status;
}

pyr_status pyr_tensors_open(pyr_connection *connection, const char *name_or_path, pyr_tensors **out,
                            pyr_error *error) {
    *out = NULL;
    if (name_or_path[0] == '\0') {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "tensors: the name or path of a model is needed");
    }
    /* Before anything is asked of it: what is there is no business of those who may not read it. */
    PYR_TRY(pyr_file_access_check(&connection->files, name_or_path, error));
    pyr_tensors *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    char *path = NULL;
    pyr_status status = find_file(name_or_path, &path, error);
    if (status == PYR_OK) {
        status = open_path(self, &connection->files, path, error);
    }
    free(path);
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

enum { NAME_BYTES_MAX = 160, COMPARED_MAX = 20000 };

/* Insertions, deletions and replacements of bytes. Both are at most NAME_BYTES_MAX long. */
static size_t edits_between(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t row[NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_length; ++j) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; ++j) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

/* NULL where nothing is called like it, or the name is longer than names are. */
static const char *nearest(const pyr_safetensors *model, const char *name) {
    size_t length = strlen(name);
    size_t best = length / 2 + 2; /* with as many edits it is another name */
    const char *found = NULL;
    int64_t count = pyr_safetensors_count(model);
    for (int64_t i = 0; length <= NAME_BYTES_MAX && i < count && i < COMPARED_MAX; ++i) {
        const char *candidate = pyr_safetensors_get(model, i)->view.name;
        size_t candidate_length = strlen(candidate);
        size_t apart =
            candidate_length > length ? candidate_length - length : length - candidate_length;
        if (candidate_length > NAME_BYTES_MAX || apart >= best) {
            continue;
        }
        size_t edits = edits_between(name, length, candidate, candidate_length);
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
    const char *other = nearest(tensors->model, name);
    return pyr_error_set(error, PYR_ERROR_NOT_FOUND,
                         "there is no tensor \"%.300s\" in the model%s%s%s", name,
                         other != NULL ? "; did you mean \"" : "", other != NULL ? other : "",
                         other != NULL ? "\"?" : "");
}

pyr_status pyr_tensors_check(const pyr_tensors *tensors, pyr_error *error) {
    return check_mappings(tensors->model, error);
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
