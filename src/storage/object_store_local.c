/* object_store_local.c - the object store that is the local file system. */
#include "base/mapping.h"
#include "base/text.h"
#include "storage/object_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fill(const struct stat *info, pyr_stored_object *out) {
    out->size_bytes = info->st_size;
    out->mtime_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
    out->inode = info->st_ino;
}

static pyr_status head(const char *path, pyr_stored_object *out, pyr_error *error) {
    struct stat info;
    memset(out, 0, sizeof(*out));
    if (stat(path, &info) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58P01", -1,
                                       "file \"%s\" does not exist", path)
                   : pyr_error_set_errno(error, errno, "stat", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "\"%s\" is no regular file", path);
    }
    out->path = strdup(path);
    if (out->path == NULL) {
        return pyr_error_memory(error, strlen(path));
    }
    fill(&info, out);
    return PYR_OK;
}

/* Names that begin with '_' are those of tools (_SUCCESS, _temporary/); pyr_glob leaves out those
 * that begin with '.'. */
static bool is_hidden(const char *path, size_t folder_bytes) {
    for (const char *at = path + folder_bytes; (at = strchr(at, '/')) != NULL; ++at) {
        if (at[1] == '_') {
            return true;
        }
    }
    return false;
}

/* A file that goes between the listing and the look at it was never there. */
static pyr_status add_heads(char **paths, size_t count, size_t folder_bytes, bool folder,
                            pyr_object_list *out, pyr_error *error) {
    out->objects = calloc(count + 1, sizeof(*out->objects));
    if (out->objects == NULL) {
        return pyr_error_memory(error, count * sizeof(*out->objects));
    }
    for (size_t i = 0; i < count; ++i) {
        if (folder && is_hidden(paths[i], folder_bytes)) {
            continue;
        }
        pyr_status status = head(paths[i], &out->objects[out->count], error);
        if (status == PYR_OK) {
            ++out->count;
        } else if (status != PYR_ERROR_NOT_FOUND) {
            return status;
        }
    }
    return PYR_OK;
}

static pyr_status list_pattern(const char *pattern, size_t folder_bytes, bool folder,
                               const pyr_path_check *check, pyr_object_list *out,
                               pyr_error *error) {
    char **paths = NULL;
    size_t count = 0;
    PYR_TRY(pyr_glob(pattern, check, &paths, &count, error));
    pyr_status status = add_heads(paths, count, folder_bytes, folder, out, error);
    pyr_glob_free(paths, count);
    if (status != PYR_OK) {
        pyr_object_list_deinit(out);
    }
    return status;
}

static pyr_status list_folder(const char *location, const pyr_path_check *check,
                              pyr_object_list *out, pyr_error *error) {
    size_t length = strlen(location);
    while (length > 1 && location[length - 1] == '/') {
        --length;
    }
    pyr_text pattern;
    pyr_text_init(&pattern);
    pyr_glob_quote(location, length, &pattern);
    pyr_text_add(&pattern, "/**");
    pyr_status status = pyr_text_check(&pattern, error);
    if (status == PYR_OK) {
        status = list_pattern(pyr_text_get(&pattern), length, true, check, out, error);
    }
    pyr_text_deinit(&pattern);
    return status;
}

static pyr_status list(const char *location, const pyr_path_check *check, pyr_object_list *out,
                       pyr_error *error) {
    struct stat info;
    memset(out, 0, sizeof(*out));
    /* What is there under this very name is meant, also where the name looks like a pattern. */
    if (stat(location, &info) != 0) {
        return pyr_glob_is_pattern(location) ? list_pattern(location, 0, false, check, out, error)
                                             : PYR_OK;
    }
    if (S_ISDIR(info.st_mode)) {
        return list_folder(location, check, out, error);
    }
    if (check != NULL) {
        PYR_TRY(check->check(check->context, location, error));
    }
    char *path = (char *)location;
    pyr_status status = add_heads(&path, 1, 0, false, out, error);
    if (status != PYR_OK) {
        pyr_object_list_deinit(out);
    }
    return status;
}

static pyr_status open_whole(const char *path, pyr_buffer **out, pyr_error *error) {
    return pyr_mapping_open(path, out, error);
}

static pyr_status read_fd(int fd, const char *path, int64_t offset, void *bytes, size_t size_bytes,
                          size_t *got, pyr_error *error) {
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "\"%s\" is no regular file", path);
    }
    while (*got < size_bytes) {
        ssize_t read = pread(fd, (char *)bytes + *got, size_bytes - *got, offset + (off_t)*got);
        if (read < 0 && errno == EINTR) {
            continue;
        }
        if (read < 0) {
            return pyr_error_set_errno(error, errno, "read", path);
        }
        if (read == 0) {
            break;
        }
        *got += (size_t)read;
    }
    return PYR_OK;
}

static pyr_status read_range(const char *path, int64_t offset, void *bytes, size_t size_bytes,
                             size_t *got, pyr_error *error) {
    int fd = -1;
    *got = 0;
    PYR_TRY(pyr_mapping_open_file(path, &fd, error));
    pyr_status status = read_fd(fd, path, offset, bytes, size_bytes, got, error);
    close(fd);
    return status;
}

const pyr_object_store pyr_object_store_local = {"file", list, head, open_whole, read_range};
