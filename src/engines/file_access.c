/* file_access.c - which paths a connection may touch.
 *
 * Both sides are resolved before they are compared, so that neither "..", nor a symbolic link, nor
 * a folder whose name begins like an allowed one leads out. The check names what the path means
 * now; who may change links below an allowed folder may reach what those links name.
 */
#include "engines/engine.h"
#include "storage/glob.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static pyr_status refuse(const char *path, pyr_error *error) {
    return pyr_error_set(
        error, PYR_ERROR_PERMISSION,
        "\"%s\": this session may not read or write files there; the server allows "
        "folders with --allow-path",
        path);
}

/* "s3://bucket/x", "http://x", "file:/x": a scheme is two letters or more before the colon. */
static bool has_scheme(const char *path) {
    size_t length =
        strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return length > 1 && path[length] == ':' && path[length + 1] == '/';
}

/* Whether folder is path, or one above it. Both are canonical. */
static bool is_below(const char *path, const char *folder) {
    size_t length = strlen(folder);
    while (length > 0 && folder[length - 1] == '/') {
        --length; /* the root is empty then, and everything lies below it */
    }
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* The part of a pattern without any of *?[{: its folder. Patterns are resolved as far as they are
 * fixed; each match is checked by itself. */
static void cut_pattern(char *path) {
    size_t fixed = strcspn(path, "*?[{");
    if (path[fixed] == '\0') {
        return;
    }
    while (fixed > 0 && path[fixed - 1] != '/') {
        --fixed;
    }
    if (fixed == 0) {
        memcpy(path, ".", 2);
    } else {
        path[fixed] = '\0';
    }
}

/* A pattern like a/?/../../etc would lead out of the folder that is checked. */
static bool pattern_climbs(const char *path) {
    const char *rest = path + strcspn(path, "*?[{");
    for (const char *dots = strstr(rest, ".."); dots != NULL; dots = strstr(dots + 1, "..")) {
        if (dots > rest && dots[-1] == '/' && (dots[2] == '/' || dots[2] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Takes the last part off path; false where that is "..", ".", or nothing is left. */
static bool cut_last_part(char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        path[--length] = '\0';
    }
    char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;
    if (strcmp(last, "..") == 0 || strcmp(last, ".") == 0 || last[0] == '\0') {
        return false;
    }
    if (slash == NULL) {
        memcpy(path, ".", 2);
    } else {
        slash[slash == path ? 1 : 0] = '\0';
    }
    return true;
}

/* The canonical path of path, or of the nearest folder above it that exists: what is to be created
 * lies below that. NULL where it cannot be told. path is changed. */
static char *resolve(char *path) {
    for (;;) {
        char *resolved = realpath(path, NULL);
        if (resolved != NULL || errno != ENOENT) {
            return resolved;
        }
        struct stat info;
        if (lstat(path, &info) == 0) {
            return NULL; /* a link to what is not there: creating it would create the target */
        }
        if (!cut_last_part(path)) {
            return NULL;
        }
    }
}

static bool in_folder(const char *resolved, const char *folder) {
    char *canonical = realpath(folder, NULL);
    bool below = canonical != NULL && is_below(resolved, canonical);
    free(canonical);
    return below;
}

pyr_status pyr_file_access_check(const pyr_file_access *access, const char *path,
                                 pyr_error *error) {
    if (access != NULL && access->unrestricted) {
        return PYR_OK;
    }
    if (access == NULL || access->folders_count == 0 || path[0] == '\0' || has_scheme(path) ||
        pattern_climbs(path)) {
        return refuse(path, error);
    }
    char *copy = malloc(strlen(path) + 2);
    if (copy == NULL) {
        return pyr_error_memory(error, strlen(path));
    }
    memcpy(copy, path, strlen(path) + 1);
    cut_pattern(copy);
    char *resolved = resolve(copy);
    bool allowed = false;
    for (size_t i = 0; resolved != NULL && !allowed && i < access->folders_count; ++i) {
        allowed = in_folder(resolved, access->folders[i]);
    }
    free(resolved);
    free(copy);
    return allowed ? PYR_OK : refuse(path, error);
}

static pyr_status check_match(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(context, path, error);
}

pyr_status pyr_file_access_glob(const pyr_file_access *access, const char *pattern, char ***paths,
                                size_t *count, pyr_error *error) {
    pyr_path_check check = {check_match, (void *)(uintptr_t)access};
    return pyr_glob(pattern, &check, paths, count, error);
}
