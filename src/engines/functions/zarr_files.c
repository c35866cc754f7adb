/* zarr_files.c - see zarr_files.h. */
#include "engines/functions/zarr_files.h"

#include "base/mapping.h"
#include "engines/functions/functions_internal.h"
#include "storage/glob.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pyr_status check_path(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(context, path, error);
}

static pyr_status copy_access(const pyr_file_access *access, pyr_zarr_files *out,
                              pyr_error *error) {
    if (access == NULL) {
        return PYR_OK; /* nothing is allowed */
    }
    out->access.unrestricted = access->unrestricted;
    out->folders = calloc(access->folders_count + 1, sizeof(*out->folders));
    if (out->folders == NULL) {
        return pyr_error_memory(error, access->folders_count * sizeof(*out->folders));
    }
    out->access.folders = (const char *const *)out->folders;
    for (size_t i = 0; i < access->folders_count; ++i) {
        out->folders[i] = strdup(access->folders[i]);
        if (out->folders[i] == NULL) {
            return pyr_error_memory(error, strlen(access->folders[i]));
        }
        ++out->access.folders_count;
    }
    return PYR_OK;
}

/* *out NULL: it is no zip file of a store. */
static pyr_status open_zip(const pyr_function_call *call, const char *path, pyr_zarr_files *files,
                           pyr_zarr_store **out, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    *out = NULL;
    PYR_TRY(pyr_mapping_open(path, &bytes, error));
    pyr_status status = PYR_OK;
    if (pyr_zarr_detect_zip(bytes)) {
        status = pyr_zarr_store_open_zip(bytes, path, call->budget, out, error);
        if (pyr_mapping_is_mapped(bytes->mapping)) {
            files->mapped_bytes = (int64_t)bytes->size_bytes;
        } else {
            pyr_ledger_add_copy(call->ledger, PYR_COPY_NO_MAPPING, (int64_t)bytes->size_bytes);
        }
    }
    pyr_buffer_release(bytes);
    return status;
}

static bool is_zarr_zip(const char *path) {
    pyr_buffer *bytes = NULL;
    if (pyr_mapping_open(path, &bytes, NULL) != PYR_OK) {
        return false;
    }
    bool found = pyr_zarr_detect_zip(bytes);
    pyr_buffer_release(bytes);
    return found;
}

/* Only what begins as a zip does is looked into. */
bool pyr_zarr_file_detect(const char *path, const uint8_t *bytes, size_t size_bytes) {
    return size_bytes >= 4 && memcmp(bytes, "PK\3\4", 4) == 0 && is_zarr_zip(path);
}

static pyr_status open_store(const pyr_function_call *call, const pyr_function_value *value,
                             const char *function, const char *path, pyr_zarr_files *files,
                             pyr_zarr_store **out, pyr_error *error) {
    struct stat info;
    bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (folder && pyr_zarr_detect_folder(path)) {
        return pyr_zarr_store_open_folder(path, &files->check, out, error);
    }
    if (!folder) {
        PYR_TRY(open_zip(call, path, files, out, error));
        if (*out != NULL) {
            return PYR_OK;
        }
    }
    return pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", value->position,
                             "%s: \"%s\" is no Zarr store, neither a folder nor a zip file of one",
                             function, path);
}

static pyr_status open_files(const pyr_function_call *call, const pyr_function_value *value,
                             const char *array, const char *function, pyr_zarr_files *out,
                             pyr_error *error) {
    char **paths = NULL;
    size_t count = 0;
    pyr_zarr_store *store = NULL;
    PYR_TRY(copy_access(call->files, out, error));
    out->check = (pyr_zarr_path_check){check_path, &out->access};
    PYR_TRY(pyr_function_files(call, value, &paths, &count, error));
    pyr_status status = PYR_OK;
    if (count > 1) {
        status = pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", value->position,
                                   "%s: \"%s\" matches %zu files, it reads one store", function,
                                   value->text, count);
    } else {
        status = open_store(call, value, function, paths[0], out, &store, error);
    }
    if (status == PYR_OK) {
        status = pyr_zarr_open(store, array != NULL ? array : "", PYR_ZARR_ANY, call->budget,
                               &out->zarr, error);
    }
    pyr_zarr_store_release(store);
    pyr_glob_free(paths, count);
    return status;
}

pyr_status pyr_zarr_files_open(const pyr_function_call *call, const pyr_function_value *value,
                               const char *array, const char *function, pyr_zarr_files *out,
                               pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_status status = open_files(call, value, array, function, out, error);
    if (status != PYR_OK) {
        pyr_zarr_files_close(out);
    }
    return status;
}

void pyr_zarr_files_close(pyr_zarr_files *files) {
    pyr_zarr_release(files->zarr);
    for (size_t i = 0; i < files->access.folders_count; ++i) {
        free(files->folders[i]);
    }
    free(files->folders);
    memset(files, 0, sizeof(*files));
}
