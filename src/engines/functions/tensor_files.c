/* tensor_files.c - see tensor_files.h. */
#include "engines/functions/tensor_files.h"

#include "base/mapping.h"
#include "engines/functions/functions_internal.h"
#include "models/model_file.h"
#include "storage/glob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_NAME "model.safetensors.index.json"
#define INDEX_SUFFIX ".index.json"
#define MODEL_PREFIX "model:"

/* What opening needs to know everywhere. */
typedef struct opening {
    const pyr_function_call *call;
    const pyr_function_value *value;
    const char *function;
    pyr_error *error;
} opening;

/* ---- Paths. ---- */

static char *join(const char *folder, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool pyr_tensor_folder_detect(const char *path) {
    char *index = join(path, INDEX_NAME);
    bool found = index != NULL && is_file(index);
    free(index);
    return found;
}

/* A JSON file is an index by its name, too: there are others that look alike. */
bool pyr_tensor_file_detect(const char *path, const uint8_t *bytes, size_t size_bytes,
                            int64_t file_size_bytes) {
    return pyr_safetensors_detect(bytes, size_bytes, file_size_bytes) ||
           (pyr_path_has_suffix(path, INDEX_SUFFIX) &&
            pyr_safetensors_index_detect(bytes, size_bytes));
}

/* ---- One file. ---- */

typedef struct reader {
    const pyr_file_access *files;
} reader;

static pyr_status check_access(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(((const reader *)context)->files, path, error);
}

static pyr_status open_file(const opening *self, const char *path, pyr_safetensors **out) {
    const pyr_model_resolver *models = self->call->models;
    if (models != NULL) {
        return models->open_file(models->context, path, out, self->error);
    }
    reader who = {self->call->files};
    const pyr_model_access access = {check_access, &who};
    return pyr_model_open(path, &access, self->call->budget, out, NULL, self->error);
}

static pyr_status add_file(const opening *self, const char *path, pyr_tensor_files *out) {
    pyr_safetensors *file = NULL;
    PYR_TRY(open_file(self, path, &file));
    out->names[out->count] = strdup(path);
    if (out->names[out->count] == NULL) {
        pyr_safetensors_release(file);
        return pyr_error_memory(self->error, strlen(path));
    }
    out->items[out->count++] = file;
    return PYR_OK;
}

static pyr_status add_files(const opening *self, char *const *paths, size_t count,
                            pyr_tensor_files *out) {
    out->items = calloc(count, sizeof(*out->items));
    out->names = calloc(count, sizeof(*out->names));
    if (out->items == NULL || out->names == NULL) {
        return pyr_error_memory(self->error, count * sizeof(void *));
    }
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(add_file(self, paths[i], out));
    }
    return PYR_OK;
}

/* ---- What a value names. ---- */

/* A folder is its index; without one, its files. */
static pyr_status open_folder(const opening *self, const char *folder, pyr_tensor_files *out) {
    char *index = join(folder, INDEX_NAME);
    char *pattern = NULL;
    if (index == NULL || is_file(index)) {
        pyr_status status = index != NULL
                                ? pyr_file_access_check(self->call->files, index, self->error)
                                : pyr_error_memory(self->error, strlen(folder));
        status = status == PYR_OK ? add_files(self, &index, 1, out) : status;
        free(index);
        return status;
    }
    free(index);
    pyr_text quoted;
    pyr_text_init(&quoted);
    pyr_glob_quote(folder, strlen(folder), &quoted);
    pyr_text_add(&quoted, "/*.safetensors");
    pattern = pyr_text_move(&quoted);
    if (pattern == NULL) {
        return pyr_error_memory(self->error, strlen(folder));
    }
    char **paths = NULL;
    size_t count = 0;
    pyr_status status =
        pyr_file_access_glob(self->call->files, pattern, &paths, &count, self->error);
    if (status == PYR_OK && count == 0) {
        status = pyr_path_no_file(pattern, true, self->value->position, self->error);
    }
    status = status == PYR_OK ? add_files(self, paths, count, out) : status;
    pyr_glob_free(paths, count);
    free(pattern);
    return status;
}

/* Mapped by the session, where all that read a model share its pages. */
static pyr_status open_model(const opening *self, const char *name, pyr_tensor_files *out) {
    const pyr_model_resolver *models = self->call->models;
    if (models == NULL) {
        return pyr_error_set_sql(self->error, PYR_ERROR_NOT_FOUND, "42P01", self->value->position,
                                 "model \"%s\" does not exist", name);
    }
    out->items = calloc(1, sizeof(*out->items));
    out->names = calloc(1, sizeof(*out->names));
    if (out->items == NULL || out->names == NULL) {
        return pyr_error_memory(self->error, sizeof(void *));
    }
    out->names[0] = strdup(name);
    if (out->names[0] == NULL) {
        return pyr_error_memory(self->error, strlen(name));
    }
    pyr_status status = models->open(models->context, name, &out->items[0], self->error);
    if (status != PYR_OK) {
        free(out->names[0]);
        return status;
    }
    out->count = 1;
    return PYR_OK;
}

static pyr_status open_path(const opening *self, pyr_tensor_files *out) {
    char **paths = NULL;
    size_t count = 0;
    PYR_TRY(pyr_function_files(self->call, self->value, &paths, &count, self->error));
    pyr_status status = count == 1 && is_folder(paths[0]) ? open_folder(self, paths[0], out)
                                                          : add_files(self, paths, count, out);
    pyr_glob_free(paths, count);
    return status;
}

pyr_status pyr_tensor_files_open(const pyr_function_call *call, const pyr_function_value *value,
                                 const char *function, pyr_tensor_files *out, pyr_error *error) {
    opening self = {call, value, function, error};
    size_t prefix = strlen(MODEL_PREFIX);
    memset(out, 0, sizeof(*out));
    pyr_status status = strncmp(value->text, MODEL_PREFIX, prefix) == 0
                            ? open_model(&self, value->text + prefix, out)
                            : open_path(&self, out);
    if (status != PYR_OK) {
        pyr_tensor_files_close(out);
        if (error != NULL && error->position < 0) {
            error->position = value->position;
        }
    }
    return status;
}

void pyr_tensor_files_close(pyr_tensor_files *files) {
    for (size_t i = 0; i < files->count; ++i) {
        pyr_safetensors_release(files->items[i]);
        free(files->names[i]);
    }
    free(files->items);
    free(files->names);
    memset(files, 0, sizeof(*files));
}

const pyr_safetensors_tensor *pyr_tensor_files_find(const pyr_tensor_files *files, const char *name,
                                                    size_t *file) {
    size_t length = strlen(name);
    for (*file = 0; *file < files->count; ++*file) {
        int64_t index = pyr_safetensors_find(files->items[*file], name, length);
        if (index >= 0) {
            return pyr_safetensors_get(files->items[*file], index);
        }
    }
    return NULL;
}

pyr_status pyr_tensor_files_table(const pyr_function_call *call, const char *function,
                                  pyr_tensor_find_column find_column,
                                  pyr_tensor_segment_create create, pyr_table **out,
                                  pyr_error *error) {
    pyr_tensor_files files;
    pyr_field *column = NULL;
    PYR_TRY(pyr_tensor_files_open(call, &call->values[0], function, &files, error));
    pyr_segment **segments = calloc(files.count + 1, sizeof(pyr_segment *));
    pyr_status status =
        segments != NULL ? PYR_OK : pyr_error_memory(error, files.count * sizeof(void *));
    if (status == PYR_OK && find_column != NULL) {
        status = find_column(&files, &column, error);
    }
    for (size_t i = 0; i < files.count && status == PYR_OK; ++i) {
        status = create(call, files.items[i], files.names[i], column, &segments[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_function_table(function, segments, files.count, out, error);
    }
    for (size_t i = 0; segments != NULL && i < files.count; ++i) {
        pyr_segment_release(segments[i]);
    }
    free(segments);
    pyr_field_release(column);
    pyr_tensor_files_close(&files);
    return status;
}

/* ---- Bytes. ---- */

int64_t pyr_tensor_file_mapped(const pyr_safetensors *file, pyr_query_ledger *ledger) {
    int64_t mapped = 0;
    for (int32_t i = 0; i < pyr_safetensors_shards(file); ++i) {
        const pyr_buffer *bytes = pyr_safetensors_bytes(file, i);
        if (bytes->mapping == NULL || pyr_mapping_is_mapped(bytes->mapping)) {
            mapped += (int64_t)bytes->size_bytes;
        } else {
            pyr_ledger_add_copy(ledger, PYR_COPY_NO_MAPPING, (int64_t)bytes->size_bytes);
        }
    }
    return mapped;
}

pyr_status pyr_tensor_file_check(const pyr_safetensors *file, int32_t shard, pyr_error *error) {
    return pyr_mapping_check(pyr_safetensors_bytes(file, shard)->mapping, error);
}

pyr_status pyr_tensor_file_bytes(const pyr_safetensors *file, int32_t shard, size_t offset_bytes,
                                 size_t size_bytes, size_t width, pyr_query_ledger *ledger,
                                 pyr_budget *budget, pyr_buffer **out, pyr_error *error) {
    pyr_buffer *bytes = pyr_safetensors_bytes(file, shard);
    *out = NULL;
    pyr_ledger_add_scanned(ledger, (int64_t)size_bytes);
    if ((uintptr_t)(bytes->data + offset_bytes) % width == 0) {
        pyr_ledger_add_referenced(ledger, (int64_t)size_bytes);
        return pyr_buffer_slice(bytes, offset_bytes, size_bytes, out, error);
    }
    PYR_TRY(pyr_buffer_create_raw(size_bytes, budget, out, error));
    pyr_ledger_copy(ledger, PYR_COPY_ALIGN, pyr_buffer_mutable(*out), bytes->data + offset_bytes,
                    size_bytes);
    pyr_status status = pyr_tensor_file_check(file, shard, error);
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    return status;
}
