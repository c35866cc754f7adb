/* object_store.c - which store a location belongs to. */
#include "storage/object_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
