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

#include <string.h>

static pyr_status check_access(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(context, path, error);
}

pyr_status pyr_external_list_location(const char *location, const pyr_file_access *access,
                                      const pyr_object_store **store, pyr_object_list *out,
                                      pyr_error *error) {
    pyr_path_check check = {check_access, (void *)access};
    PYR_TRY(pyr_object_store_of(location, store, error));
    return (*store)->list(location, &check, out, error);
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
    return (*store)->list(external->location, confined ? &check : NULL, out, error);
}
