/* store_folder.c - a folder as a store: a key is a file below it, mapped when it is read. */
#include "base/mapping.h"
#include "formats/zarr/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct folder_store {
    pyr_zarr_store base; /* name: the folder's path, without a '/' at its end */
    pyr_zarr_path_check check;
} folder_store;

/* malloc'ed; NULL when out of memory. */
static char *path_of(const pyr_zarr_store *store, const char *key, pyr_error *error) {
    size_t size = strlen(store->name) + strlen(key) + 2;
    char *path = malloc(size);
    if (path == NULL) {
        (void)pyr_error_memory(error, size);
        return NULL;
    }
    snprintf(path, size, *key != '\0' ? "%s/%s" : "%s%s", store->name, key);
    return path;
}

/* Whether a regular file is there that may be read. A folder where an object is asked for is no
 * object: keys of chunks and names of arrays share one space. */
static pyr_status find_file(const folder_store *store, const char *path, struct stat *info,
                            bool *found, pyr_error *error) {
    *found = false;
    if (stat(path, info) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? PYR_OK
                   : pyr_error_set_errno(error, errno, "stat", path);
    }
    if (!S_ISREG(info->st_mode)) {
        return PYR_OK;
    }
    if (store->check.check != NULL) {
        PYR_TRY(store->check.check(store->check.context, path, error));
    }
    *found = true;
    return PYR_OK;
}

static pyr_status folder_get(pyr_zarr_store *base, const char *key, pyr_query_ledger *ledger,
                             pyr_budget *budget, pyr_buffer **out, pyr_error *error) {
    struct stat info;
    bool found;
    (void)budget;
    char *path = path_of(base, key, error);
    if (path == NULL) {
        return PYR_ERROR_MEMORY;
    }
    pyr_status status = find_file((folder_store *)base, path, &info, &found, error);
    if (status == PYR_OK && found) {
        status = pyr_mapping_open(path, out, error);
        if (status == PYR_ERROR_NOT_FOUND) { /* removed since */
            pyr_error_clear(error);
            status = PYR_OK;
        }
    }
    if (*out != NULL) {
        if ((*out)->mapping == NULL || pyr_mapping_is_mapped((*out)->mapping)) {
            pyr_ledger_add_mapped(ledger, (int64_t)(*out)->size_bytes);
        } else {
            pyr_ledger_add_copy(ledger, PYR_COPY_NO_MAPPING, (int64_t)(*out)->size_bytes);
        }
    }
    free(path);
    return status;
}

static pyr_status folder_locate(pyr_zarr_store *base, const char *key, pyr_zarr_stored *out,
                                pyr_error *error) {
    struct stat info;
    char *path = path_of(base, key, error);
    if (path == NULL) {
        return PYR_ERROR_MEMORY;
    }
    pyr_status status = find_file((folder_store *)base, path, &info, &out->present, error);
    if (status != PYR_OK || !out->present) {
        free(path);
        return status;
    }
    out->location = path;
    out->size_bytes = info.st_size;
    return PYR_OK;
}

static bool is_folder(const char *folder, const struct dirent *entry) {
    struct stat info;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_DIR;
    }
    size_t size = strlen(folder) + strlen(entry->d_name) + 2;
    char *path = malloc(size);
    if (path == NULL) {
        return false;
    }
    snprintf(path, size, "%s/%s", folder, entry->d_name);
    bool folder_there = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return folder_there;
}

static pyr_status folder_list(pyr_zarr_store *base, const char *prefix, pyr_zarr_visit visit,
                              void *context, pyr_error *error) {
    char *path = path_of(base, prefix, error);
    if (path == NULL) {
        return PYR_ERROR_MEMORY;
    }
    const pyr_zarr_path_check *check = &((folder_store *)base)->check;
    pyr_status status = PYR_OK;
    if (*prefix != '\0' && check->check != NULL) {
        status = check->check(check->context, path, error);
    }
    DIR *folder = status == PYR_OK ? opendir(path) : NULL;
    if (folder == NULL) {
        status = status != PYR_OK ? status
                 : errno == ENOENT || errno == ENOTDIR
                     ? PYR_OK
                     : pyr_error_set_errno(error, errno, "opendir", path);
        free(path);
        return status;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            if (errno != 0) {
                status = pyr_error_set_errno(error, errno, "readdir", path);
            }
            break;
        }
        if (pyr_zarr_key_valid(entry->d_name)) {
            status = visit(context, entry->d_name, is_folder(path, entry), error);
        }
        if (status != PYR_OK) {
            break;
        }
    }
    closedir(folder);
    free(path);
    return status;
}

static void folder_destroy(pyr_zarr_store *base) {
    free(base);
}

pyr_status pyr_zarr_store_open_folder(const char *path, const pyr_zarr_path_check *check,
                                      pyr_zarr_store **out, pyr_error *error) {
    static const pyr_zarr_store_ops ops = {folder_get, folder_locate, folder_list, folder_destroy};
    struct stat info;
    *out = NULL;
    if (stat(path, &info) != 0) {
        return pyr_error_set_errno(error, errno, "stat", path);
    }
    if (!S_ISDIR(info.st_mode)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "%s: is no folder", path);
    }
    folder_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return pyr_error_memory(error, sizeof(*store));
    }
    pyr_status status = pyr_zarr_store_init(&store->base, &ops, path, error);
    if (status != PYR_OK) {
        free(store);
        return status;
    }
    for (size_t i = strlen(store->base.name); i > 1 && store->base.name[i - 1] == '/'; --i) {
        store->base.name[i - 1] = '\0';
    }
    if (check != NULL) {
        store->check = *check;
    }
    *out = &store->base;
    return PYR_OK;
}
