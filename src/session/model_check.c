/* model_check.c - whether registered models are what they were, and can be opened: for `verify` and
 * `model`. */
#include "session/model_registry.h"

#include <string.h>

/* One row while it is looked at. */
typedef struct looking {
    pyr_database *db;
    pyr_cancel_flag *cancel;
    bool opens, named;
    const pyr_models *models;
    const pyr_model *row, *meant;
    pyr_model_state state;
    bool hashed;
    pyr_text message;
} looking;

static pyr_status compare_hash(looking *self, const pyr_model_files *files, pyr_error *error) {
    char hex[PYR_MODEL_HASH_CHARS + 1];
    self->hashed = true;
    PYR_TRY(pyr_model_hash(files, pyr_database_pool(self->db), self->cancel, hex, error));
    if (strcmp(hex, self->meant->blake3) != 0) {
        self->state = PYR_MODEL_CHANGED;
        pyr_text_printf(&self->message, "changed: its BLAKE3 is %s, not %s as registered", hex,
                        self->meant->blake3);
    }
    return PYR_OK;
}

static pyr_status open_model(looking *self, pyr_error *error) {
    pyr_safetensors *file = NULL;
    PYR_TRY(pyr_model_cache_open(self->db->models, self->meant->path, NULL, NULL, &file, error));
    pyr_safetensors_release(file);
    return PYR_OK;
}

static pyr_status look_at_files(looking *self, const pyr_model_files *files, pyr_error *error) {
    const pyr_model_part *which = NULL;
    self->state = pyr_model_files_state(files, &which);
    if (which != NULL) {
        pyr_text_printf(
            &self->message, "%s: file \"%s\" is %s", pyr_model_state_name(self->state), which->path,
            self->state == PYR_MODEL_MISSING ? "not there" : "not as it was registered");
    }
    if (self->opens && self->state != PYR_MODEL_MISSING) {
        return open_model(self, error);
    }
    /* An alias's model has a row of its own, which says what its bytes are. */
    bool hashes = self->named || self->meant == self->row;
    return hashes && self->state == PYR_MODEL_OK && self->meant->blake3 != NULL
               ? compare_hash(self, files, error)
               : PYR_OK;
}

/* What is wrong with the model is in message; fails when cancelled alone. */
static pyr_status look(looking *self, pyr_error *error) {
    pyr_error found;
    pyr_model_files files = {0};
    pyr_text_clear(&self->message);
    self->state = PYR_MODEL_MISSING;
    self->hashed = false;
    pyr_status status = pyr_models_resolve(self->models, self->row->name, &self->meant, &found);
    if (status == PYR_OK) {
        status = pyr_model_files_parse(self->meant->files != NULL ? self->meant->files : "",
                                       self->meant->path, &files, &found);
    }
    if (status == PYR_OK) {
        status = look_at_files(self, &files, &found);
        pyr_model_files_deinit(&files);
    }
    if (status == PYR_ERROR_CANCELLED || status == PYR_ERROR_TIMEOUT) {
        if (error != NULL) {
            *error = found;
        }
        return status;
    }
    if (status != PYR_OK && self->message.length == 0) {
        pyr_text_add(&self->message, found.message);
    }
    return pyr_text_check(&self->message, error);
}

static pyr_status visit_row(looking *self,
                            pyr_status (*visit)(void *context, const pyr_model_finding *finding,
                                                pyr_error *error),
                            void *context, pyr_error *error) {
    self->meant = NULL;
    PYR_TRY(look(self, error));
    const pyr_model_finding finding = {
        .name = self->row->name,
        .path = self->row->path,
        .state = pyr_model_state_name(self->state),
        .message = self->message.length > 0 ? pyr_text_get(&self->message) : NULL,
        .size_bytes = self->meant != NULL ? self->meant->size_bytes : -1,
        .hashed = self->hashed};
    return visit(context, &finding, error);
}

static pyr_status visit_models(looking *self, const char *name,
                               pyr_status (*visit)(void *context, const pyr_model_finding *finding,
                                                   pyr_error *error),
                               void *context, pyr_error *error) {
    if (name != NULL) {
        self->named = true;
        self->row = pyr_models_row(self->models, name);
        PYR_TRY(self->row != NULL ? PYR_OK
                                  : pyr_models_resolve(self->models, name, &self->row, error));
        return visit_row(self, visit, context, error);
    }
    for (size_t i = 0; i < pyr_models_count(self->models); ++i) {
        self->row = pyr_models_get(self->models, i);
        PYR_TRY(visit_row(self, visit, context, error));
    }
    return PYR_OK;
}

pyr_status pyr_session_check_models(pyr_connection *connection, const char *name, bool opens,
                                    pyr_status (*visit)(void *context,
                                                        const pyr_model_finding *finding,
                                                        pyr_error *error),
                                    void *context, pyr_error *error) {
    pyr_execution *execution = NULL;
    pyr_models *models = NULL;
    pthread_mutex_lock(&connection->call_lock);
    pyr_status status = pyr_execution_create(connection, NULL, 0, 0, &execution, error);
    if (status == PYR_OK) {
        status = pyr_registry_read(execution, &models, error);
    }
    if (status == PYR_OK) {
        looking self = {
            .db = connection->db, .cancel = &execution->cancel, .opens = opens, .models = models};
        pyr_text_init(&self.message);
        status = visit_models(&self, name, visit, context, error);
        pyr_text_deinit(&self.message);
    }
    pyr_models_destroy(models);
    if (execution != NULL) {
        pyr_execution_finish(execution);
    }
    pyr_execution_release(execution);
    pthread_mutex_unlock(&connection->call_lock);
    return status;
}

/* ---- All of a database. ---- */

typedef struct verification {
    void (*report)(void *context, const char *table, const char *file, const char *message);
    void *context;
    size_t bad;
} verification;

static pyr_status count_bad(void *context, const pyr_model_finding *finding, pyr_error *error) {
    verification *self = context;
    (void)error;
    self->bad += finding->message != NULL;
    self->report(self->context, PYR_REGISTRY_TABLE, finding->path, finding->message);
    return PYR_OK;
}

/* A table of that name that is not the registry was looked at with the others. */
pyr_status pyr_models_verify(pyr_database *db,
                             void (*report)(void *context, const char *table, const char *file,
                                            const char *message),
                             void *context, pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    pyr_models *models = NULL;
    verification self = {.report = report, .context = context};
    PYR_TRY(pyr_catalog_snapshot(db->catalog, &snapshot, error));
    pyr_table *there = pyr_snapshot_find(snapshot, "main", PYR_REGISTRY_TABLE);
    bool stored = there != NULL && pyr_registry_is_stored(there);
    pyr_status status = pyr_models_read(stored ? there : NULL, NULL, NULL, &models, error);
    if (status == PYR_OK) {
        looking each = {.db = db, .models = models};
        pyr_text_init(&each.message);
        status = visit_models(&each, NULL, count_bad, &self, error);
        pyr_text_deinit(&each.message);
    }
    pyr_models_destroy(models);
    pyr_snapshot_release(snapshot);
    PYR_TRY(status);
    return self.bad == 0 ? PYR_OK
                         : pyr_error_set(error, PYR_ERROR_CORRUPT,
                                         "%s: %zu model%s not as "
                                         "registered",
                                         pyr_catalog_path(db->catalog), self.bad,
                                         self.bad == 1 ? " is" : "s are");
}
