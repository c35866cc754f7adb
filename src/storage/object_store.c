/* object_store.c - which store a location belongs to. */
#include "storage/object_store.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pyr_stored_object_deinit(pyr_stored_object *object) {
    free(object->path);
    free(object->etag);
    memset(object, 0, sizeof(*object));
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool pyr_stored_object_same_state(const pyr_stored_object *a, const pyr_stored_object *b) {
    return a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns && a->inode == b->inode &&
           same_text(a->etag, b->etag);
}

void pyr_object_list_deinit(pyr_object_list *list) {
    for (size_t i = 0; i < list->count; ++i) {
        pyr_stored_object_deinit(&list->objects[i]);
    }
    free(list->objects);
    memset(list, 0, sizeof(*list));
}

/* The length of "s3" in "s3://bucket/x"; 0 where location has no scheme. */
static size_t scheme_bytes(const char *location) {
    size_t length = strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789+-.");
    return strncmp(location + length, "://", 3) == 0 ? length : 0;
}

pyr_status pyr_object_store_of(const char *location, const pyr_object_store **out,
                               pyr_error *error) {
    size_t scheme = scheme_bytes(location);
    *out = NULL;
    if (scheme > 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "\"%s\": locations %.*s:// are not supported by this version; a local "
                             "path is",
                             location, (int)(scheme > 20 ? 20 : scheme), location);
    }
    *out = &pyr_object_store_local;
    return PYR_OK;
}

pyr_status pyr_object_location(const char *location, char **out, pyr_error *error) {
    *out = NULL;
    if (location[0] == '/' || scheme_bytes(location) > 0) {
        *out = strdup(location);
        return *out != NULL ? PYR_OK : pyr_error_memory(error, strlen(location));
    }
    char *folder = getcwd(NULL, 0);
    if (folder == NULL) {
        return pyr_error_set_errno(error, errno, "getcwd", ".");
    }
    const char *rest = location;
    while (strncmp(rest, "./", 2) == 0) {
        rest += 2;
    }
    size_t size = strlen(folder) + strlen(rest) + 2;
    *out = malloc(size);
    if (*out != NULL) {
        snprintf(*out, size, "%s%s%s", folder, folder[1] != '\0' ? "/" : "", rest);
    }
    free(folder);
    return *out != NULL ? PYR_OK : pyr_error_memory(error, size);
}

size_t pyr_object_location_fixed(const char *location) {
    size_t fixed = strcspn(location, "*?[");
    if (location[fixed] == '\0') {
        return fixed;
    }
    while (fixed > 0 && location[fixed - 1] != '/') {
        --fixed;
    }
    return fixed;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Up to and with the '/' behind the last folder that a location names for certain. */
static size_t folder_bytes(const char *location) {
    size_t size = pyr_object_location_fixed(location);
    while (size > 0 && location[size - 1] != '/') {
        --size;
    }
    return size;
}

/* The first size bytes of path, a folder, without links; *rest: from where on nothing is there. */
static char *resolve_folder(const char *path, size_t size, size_t *rest) {
    char *folder = strndup(path, size);
    char *resolved = folder != NULL ? realpath(folder, NULL) : NULL;
    while (folder != NULL && resolved == NULL && errno == ENOENT && size > 1) {
        do {
            folder[--size] = '\0';
        } while (size > 1 && folder[size - 1] != '/');
        resolved = realpath(folder, NULL);
    }
    free(folder);
    *rest = size;
    return resolved;
}

static void end_with_slash(pyr_text *text) {
    if (text->length > 0 && text->data[text->length - 1] != '/') {
        pyr_text_add_char(text, '/');
    }
}

pyr_status pyr_object_location_resolve(const char *location, char **out, pyr_error *error) {
    size_t rest = 0;
    bool folder = is_folder(location);
    char *resolved =
        resolve_folder(location, folder ? strlen(location) : folder_bytes(location), &rest);
    *out = NULL;
    if (resolved == NULL) {
        return pyr_error_set_errno(error, errno, "resolve", location);
    }
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, resolved);
    free(resolved);
    for (const char *at = location + rest; *at != '\0'; ++at) {
        bool begins = at == location + rest || at[-1] == '/';
        if (*at != '/' && begins) {
            end_with_slash(&text);
        }
        if (*at != '/') {
            pyr_text_add_char(&text, *at);
        }
    }
    if (folder) {
        end_with_slash(&text);
    }
    pyr_status status = pyr_text_check(&text, error);
    *out = status == PYR_OK ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    return status;
}

bool pyr_object_location_holds(const char *location, const char *path) {
    size_t size = folder_bytes(location);
    char *resolved = realpath(path, NULL);
    bool holds = resolved != NULL && size > 0 && strncmp(resolved, location, size) == 0;
    free(resolved);
    return holds;
}
