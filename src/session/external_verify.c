/* external_verify.c - whether external files are still as they were registered, for `verify`. */
#include "session/external.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct verification {
    pyr_database *db;
    const pyr_table *table;
    const pyr_object_store *store;
    void (*report)(void *context, const char *table, const char *file, const char *message);
    void *context;
    size_t bad;
} verification;

static void say(verification *self, const char *path, const char *message) {
    self->bad += message != NULL;
    self->report(self->context, self->table->name, path, message);
}

static pyr_status visit(void *context, pyr_external_state state, const pyr_external_file *file,
                        const pyr_stored_object *now, pyr_error *error) {
    verification *self = context;
    char message[256];
    bool same = true;
    switch (state) {
    case PYR_EXTERNAL_MISSING:
        say(self, file->object.path, "missing: the file that was registered is not there");
        break;
    case PYR_EXTERNAL_CHANGED:
        snprintf(message, sizeof(message),
                 "changed since it was registered: %" PRId64 " bytes, then %" PRId64,
                 now->size_bytes, file->object.size_bytes);
        say(self, now->path, message);
        break;
    case PYR_EXTERNAL_OK:
        PYR_TRY(pyr_external_check_hash(pyr_database_pool(self->db), NULL, self->store, file, now,
                                        &same, error));
        say(self, now->path, same ? NULL : "changed: its BLAKE3 is not what was registered");
        break;
    case PYR_EXTERNAL_NEW:
        break; /* nothing was said of it */
    }
    return PYR_OK;
}

static pyr_status verify_table(verification *self, pyr_error *error) {
    const pyr_external *external = self->table->external;
    pyr_object_list now;
    PYR_TRY(pyr_external_list(external, NULL, &self->store, &now, error));
    pyr_status status = pyr_external_compare(external, &now, visit, self, error);
    pyr_object_list_deinit(&now);
    return status;
}

pyr_status pyr_externals_verify(pyr_database *db,
                                void (*report)(void *context, const char *table, const char *file,
                                               const char *message),
                                void *context, pyr_error *error) {
    verification self = {.db = db, .report = report, .context = context};
    pyr_snapshot *snapshot = NULL;
    PYR_TRY(pyr_catalog_snapshot(db->catalog, &snapshot, error));
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        self.table = pyr_snapshot_table(snapshot, i);
        pyr_error found;
        if (self.table->external != NULL && verify_table(&self, &found) != PYR_OK) {
            say(&self, self.table->external->location, found.message);
        }
    }
    pyr_snapshot_release(snapshot);
    return self.bad == 0 ? PYR_OK
                         : pyr_error_set(error, PYR_ERROR_CORRUPT,
                                         "%s: %zu external file%s not as registered",
                                         pyr_catalog_path(db->catalog), self.bad,
                                         self.bad == 1 ? " is" : "s are");
}
