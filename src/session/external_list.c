/* external_list.c - the files of an external table, and which of them a session may read.
 *
 * Whoever makes a table must be allowed each of its files. Who reads it need not: he reads what is
 * registered, and what comes into its location later. Where the table's maker was restricted in his
 * paths, the latter must not lead further than he could see: neither a link that is put there nor a
 * folder that becomes one. So his location is kept without links, and a file of it is read where
 * the session may read it by itself, where it lies below the location's folder, or where it is
 * still the very one that was registered.
 */
#include "session/external.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pyr_status check_access(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(context, path, error);
}

/* ---- Zarr. ---- */

static bool ends_folder(const char *location) {
    return location[0] != '\0' && location[strlen(location) - 1] == '/';
}

/* What stands at the root of a store and says what it is; by name, as lists are. */
static pyr_status list_documents(const pyr_object_store *store, const char *location,
                                 const pyr_path_check *check, pyr_object_list *out,
                                 pyr_error *error) {
    static const char *const names[] = {".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json"};
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    out->objects = calloc(NAMES, sizeof(*out->objects));
    if (out->objects == NULL) {
        return pyr_error_memory(error, NAMES * sizeof(*out->objects));
    }
    for (size_t i = 0; i < NAMES; ++i) {
        char *path = NULL;
        if (asprintf(&path, "%s%s%s", location, ends_folder(location) ? "" : "/", names[i]) < 0) {
            return pyr_error_memory(error, strlen(location));
        }
        pyr_status status = store->head(path, &out->objects[out->count], NULL);
        if (status == PYR_OK) {
            ++out->count;
            status = check != NULL ? check->check(check->context, path, error) : PYR_OK;
        } else if (status != PYR_ERROR_MEMORY) {
            status = PYR_OK; /* it is not there */
        }
        free(path);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* A store is one place, whatever its name looks like. */
static pyr_status list_store(const pyr_object_store *store, const char *location,
                             const pyr_path_check *check, pyr_object_list *out, pyr_error *error) {
    struct stat info;
    memset(out, 0, sizeof(*out));
    pyr_status status = stat(location, &info) == 0 && S_ISDIR(info.st_mode)
                            ? list_documents(store, location, check, out, error)
                            : store->list(location, check, out, error);
    if (status == PYR_OK && out->count > 1 && pyr_glob_is_pattern(location) &&
        stat(location, &info) != 0) {
        status = pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", -1,
                                   "STORED AS ZARR: \"%s\" matches %zu files, a table is one store",
                                   location, out->count);
    }
    if (status != PYR_OK) {
        pyr_object_list_deinit(out);
    }
    return status;
}

static pyr_status list(pyr_external_format format, const pyr_object_store *store,
                       const char *location, const pyr_path_check *check, pyr_object_list *out,
                       pyr_error *error) {
    return format == PYR_EXTERNAL_ZARR ? list_store(store, location, check, out, error)
                                       : store->list(location, check, out, error);
}

/* ---- Locations. ---- */

pyr_status pyr_external_list_location(pyr_external_format format, const char *location,
                                      const pyr_file_access *access, const pyr_object_store **store,
                                      pyr_object_list *out, pyr_error *error) {
    pyr_path_check check = {check_access, (void *)access};
    PYR_TRY(pyr_object_store_of(location, store, error));
    return list(format, *store, location, &check, out, error);
}

typedef struct reader {
    const pyr_external *external;
    const pyr_file_access *access;
    const pyr_object_store *store;
} reader;

static bool is_registered(const reader *self, const char *path) {
    const pyr_external_file *file = pyr_external_find(self->external, path);
    pyr_stored_object now = {0};
    bool same = file != NULL && self->store->head(path, &now, NULL) == PYR_OK &&
                pyr_stored_object_same_state(&file->object, &now);
    pyr_stored_object_deinit(&now);
    return same;
}

static pyr_status check_confined(void *context, const char *path, pyr_error *error) {
    const reader *self = context;
    if (pyr_file_access_check(self->access, path, NULL) == PYR_OK ||
        pyr_object_location_holds(self->external->location, path) || is_registered(self, path)) {
        return PYR_OK;
    }
    return pyr_error_set(error, PYR_ERROR_PERMISSION,
                         "file \"%s\": a link leads out of the external table's location \"%s\"",
                         path, self->external->location);
}

pyr_status pyr_external_list(const pyr_external *external, const pyr_file_access *access,
                             const pyr_object_store **store, pyr_object_list *out,
                             pyr_error *error) {
    memset(out, 0, sizeof(*out));
    PYR_TRY(pyr_object_store_of(external->location, store, error));
    reader self = {external, access, *store};
    pyr_path_check check = {check_confined, &self};
    bool confined =
        access != NULL && !access->unrestricted && (external->flags & PYR_EXTERNAL_CONFINED) != 0;
    return list(external->format, *store, external->location, confined ? &check : NULL, out, error);
}
