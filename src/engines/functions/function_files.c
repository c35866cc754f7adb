/* function_files.c - paths of functions: what they name, and which function reads a file.
 *
 * A path is checked before the file system is asked about it, and each match of a pattern again: a
 * session that may not see a folder learns nothing of what is in it.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/tensor_files.h"
#include "engines/functions/zarr_files.h"
#include "storage/glob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool pyr_path_has_suffix(const char *path, const char *suffix) {
    size_t length = strlen(path);
    size_t suffix_length = strlen(suffix);
    return length > suffix_length && strcasecmp(path + length - suffix_length, suffix) == 0;
}

bool pyr_path_is_remote(const char *path) {
    return strstr(path, "://") != NULL;
}

pyr_status pyr_path_no_file(const char *path, bool pattern, int32_t position, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58030", position,
                             pattern ? "no file matches \"%s\"" : "file \"%s\" does not exist",
                             path);
}

pyr_status pyr_path_first_bytes(const char *path, uint8_t *bytes, size_t size_bytes, size_t *got,
                                int64_t *file_size_bytes, pyr_error *error) {
    /* Not to wait for a writer, where someone put a pipe here. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    *got = 0;
    *file_size_bytes = 0;
    if (fd < 0) {
        return errno == ENOENT ? pyr_path_no_file(path, false, -1, error)
                               : pyr_error_set_errno(error, errno, "open", path);
    }
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        ssize_t read = pread(fd, bytes, size_bytes, 0);
        *got = read > 0 ? (size_t)read : 0;
        *file_size_bytes = info.st_size;
    }
    close(fd);
    return PYR_OK;
}

static pyr_status one_path(const char *path, char ***paths, size_t *count, pyr_error *error) {
    *paths = calloc(1, sizeof(**paths));
    if (*paths == NULL || ((*paths)[0] = strdup(path)) == NULL) {
        free(*paths);
        *paths = NULL;
        return pyr_error_memory(error, strlen(path));
    }
    *count = 1;
    return PYR_OK;
}

pyr_status pyr_function_files(const pyr_function_call *call, const pyr_function_value *value,
                              char ***paths, size_t *count, pyr_error *error) {
    const char *path = value->text;
    struct stat info;
    *paths = NULL;
    *count = 0;
    PYR_TRY(pyr_file_access_check(call->files, path, error));
    if (pyr_path_is_remote(path)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", value->position,
                                 "\"%s\": files of other machines are not read here yet", path);
    }
    /* A file may be called so that it looks like a pattern. */
    if (!pyr_glob_is_pattern(path) || stat(path, &info) == 0) {
        return stat(path, &info) == 0 ? one_path(path, paths, count, error)
                                      : pyr_path_no_file(path, false, value->position, error);
    }
    PYR_TRY(pyr_file_access_glob(call->files, path, paths, count, error));
    if (*count == 0) {
        pyr_glob_free(*paths, *count);
        *paths = NULL;
        return pyr_path_no_file(path, true, value->position, error);
    }
    return PYR_OK;
}

char *pyr_file_table_name(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return strndup(name, dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name));
}

/* ---- Which function. ---- */

bool pyr_path_is_ours(const char *path) {
    static const char *const suffixes[] = {".arrow", ".arrows",      ".feather",
                                           ".ipc",   ".safetensors", ".zarr"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); ++i) {
        if (pyr_path_has_suffix(path, suffixes[i])) {
            return true;
        }
    }
    return false;
}

/* By the first bytes of a regular file. */
static pyr_status detect_file(const char *path, const pyr_table_function **out, pyr_error *error) {
    uint8_t bytes[16];
    size_t got = 0;
    int64_t size_bytes = 0;
    PYR_TRY(pyr_path_first_bytes(path, bytes, sizeof(bytes), &got, &size_bytes, error));
    if (got > 0 && pyr_ipc_file_detect(bytes, got)) {
        *out = &pyr_function_read_arrow;
    } else if (got > 0 && pyr_tensor_file_detect(path, bytes, got, size_bytes)) {
        *out = &pyr_function_read_safetensors;
    } else if (got > 0 && pyr_zarr_file_detect(path, bytes, got)) {
        *out = &pyr_function_read_zarr;
    }
    return PYR_OK;
}

static pyr_status detect_match(const char *pattern, const pyr_file_access *files,
                               const pyr_table_function **out, pyr_error *error) {
    char **paths = NULL;
    size_t count = 0;
    PYR_TRY(pyr_file_access_glob(files, pattern, &paths, &count, error));
    pyr_status status = PYR_OK;
    if (count > 0) {
        status = detect_file(paths[0], out, error);
    } else if (pyr_path_is_ours(pattern)) {
        status = pyr_path_no_file(pattern, true, -1, error);
    }
    pyr_glob_free(paths, count);
    return status;
}

pyr_status pyr_table_function_of_file(const char *path, const pyr_file_access *files,
                                      const pyr_table_function **out, pyr_error *error) {
    struct stat info;
    *out = NULL;
    PYR_TRY(pyr_file_access_check(files, path, error));
    if (pyr_path_is_remote(path)) {
        return PYR_OK;
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        *out = pyr_tensor_folder_detect(path) ? &pyr_function_read_safetensors
               : pyr_zarr_detect_folder(path) ? &pyr_function_read_zarr
                                              : NULL;
        return PYR_OK;
    }
    if (stat(path, &info) == 0) {
        return detect_file(path, out, error);
    }
    if (pyr_glob_is_pattern(path)) {
        return detect_match(path, files, out, error);
    }
    return pyr_path_is_ours(path) ? pyr_path_no_file(path, false, -1, error) : PYR_OK;
}
