/* model_registry.c - model_registry as statements see it, and where their rows go; see the header.
 */
#include "session/model_registry.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- What is there. ---- */

/* Somebody's own table or view of that name, made before there was a registry. */
static bool is_taken(const pyr_snapshot *snapshot) {
    const pyr_table *there = pyr_snapshot_find(snapshot, "main", PYR_REGISTRY_TABLE);
    return (there != NULL && !pyr_registry_is_stored(there) && !pyr_registry_is_seen(there)) ||
           pyr_entries_find(pyr_snapshot_entries(snapshot), PYR_ENTRY_VIEW, "main",
                            PYR_REGISTRY_TABLE, NULL) != NULL;
}

/* Borrowed; NULL: there is none. */
static pyr_table *stored_of(const pyr_snapshot *snapshot) {
    pyr_table *there = pyr_snapshot_find(snapshot, "main", PYR_REGISTRY_TABLE);
    return there != NULL && pyr_registry_is_stored(there) ? there : NULL;
}

/* ---- Seeing it. ---- */

pyr_status pyr_registry_see(pyr_execution *execution, const pyr_snapshot *snapshot, pyr_table **out,
                            pyr_error *error) {
    const pyr_database *db = execution->connection->db;
    pyr_models *models = NULL;
    pyr_batch *rows = NULL;
    *out = NULL;
    PYR_TRY(pyr_models_read(stored_of(snapshot), &execution->ledger, execution->budget, &models,
                            error));
    pyr_status status =
        pyr_models_seen(models, db->registry.schema, execution->budget, &rows, error);
    if (status == PYR_OK) {
        status = pyr_keyed_over_rows(&db->registry.table, rows, &execution->ledger, out, error);
    }
    pyr_batch_release(rows);
    pyr_models_destroy(models);
    return status;
}

static pyr_status show(pyr_execution *execution, pyr_table *table, pyr_error *error) {
    pyr_snapshot *with = NULL;
    PYR_TRY(pyr_snapshot_replace(execution->snapshot, &table, 1, &with, error));
    pyr_snapshot_release(execution->snapshot);
    execution->snapshot = with;
    return PYR_OK;
}

pyr_status pyr_registry_need(pyr_execution *execution, bool rows, pyr_error *error) {
    const pyr_database *db = execution->connection->db;
    const pyr_table *there = pyr_snapshot_find(execution->snapshot, "main", PYR_REGISTRY_TABLE);
    bool seen = there != NULL && pyr_registry_is_seen(there);
    if (is_taken(execution->base) || (seen && (!rows || there != db->registry_empty))) {
        return PYR_OK;
    }
    if (!rows) {
        return show(execution, db->registry_empty, error);
    }
    pyr_table *table = NULL;
    PYR_TRY(pyr_registry_see(execution, execution->base, &table, error));
    pyr_status status = show(execution, table, error);
    pyr_table_release(table);
    return status;
}

/* Whether the name is anywhere, in a comment or as a part of another: most texts have it nowhere,
 * and are not taken apart for it. */
static bool may_mention(const char *sql, size_t length) {
    static const char name[] = PYR_REGISTRY_TABLE;
    size_t size = sizeof(name) - 1;
    for (size_t i = 0; i + size <= length; ++i) {
        if ((sql[i] | 0x20) == name[0] && strncasecmp(sql + i, name, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Every row's files are looked at for it: a name that only has this one in it is no reason to. */
static bool mentions(const char *sql, size_t length) {
    if (!may_mention(sql, length)) {
        return false;
    }
    pyr_lexer lexer = pyr_lexer_over(sql, length);
    pyr_token token = pyr_lexer_next(&lexer);
    while (token.kind != PYR_TOKEN_END && !pyr_token_mentions(&token, PYR_REGISTRY_TABLE)) {
        token = pyr_lexer_next(&lexer);
    }
    return token.kind != PYR_TOKEN_END;
}

pyr_status pyr_registry_need_text(pyr_execution *execution, const char *sql, size_t length,
                                  pyr_error *error) {
    if (mentions(sql, length)) {
        return pyr_registry_need(execution, true, error);
    }
    return stored_of(execution->snapshot) != NULL ? pyr_registry_need(execution, false, error)
                                                  : PYR_OK;
}

/* ---- What it is not for. ---- */

static bool names_registry(const pyr_name *name) {
    return name->name != NULL && pyr_registry_is_named(name->schema_name, name->name);
}

static pyr_status is_systems(const pyr_name *name, const char *what, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", (int32_t)name->offset,
                             "model_registry is the system's: %s is not for it, DELETE empties it",
                             what);
}

/* What a statement would make of that name, or of one in another schema. */
static pyr_status refuse_making(pyr_execution *execution, const pyr_parsed *parsed,
                                pyr_error *error) {
    if (parsed->or_replace) {
        return is_systems(&parsed->table, "CREATE OR REPLACE", error);
    }
    if (!parsed->if_not_exists) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07",
                                 (int32_t)parsed->table.offset,
                                 "table \"model_registry\" already exists: every database has it");
    }
    PYR_TRY(pyr_check_writable(execution, "CREATE", error));
    PYR_TRY(pyr_registry_ready(execution, execution->connection->db->registry_empty, error));
    return pyr_execution_refresh(execution, error); /* what follows finds it there */
}

pyr_status pyr_registry_refuse(pyr_execution *execution, const pyr_parsed *parsed,
                               pyr_error *error) {
    bool named = names_registry(&parsed->table) && !parsed->temporary;
    bool view = parsed->object_kind == PYR_ENTRY_VIEW;
    if (is_taken(execution->snapshot)) {
        return PYR_OK;
    }
    switch (parsed->kind) {
    case PYR_PARSED_CREATE_TABLE:
    case PYR_PARSED_CREATE_EXTERNAL_TABLE:
        return named ? refuse_making(execution, parsed, error) : PYR_OK;
    case PYR_PARSED_CREATE_OBJECT:
        if (named && view) {
            return refuse_making(execution, parsed, error);
        }
        return names_registry(&parsed->of) ? is_systems(&parsed->of, "CREATE INDEX", error)
                                           : PYR_OK;
    case PYR_PARSED_DROP_TABLE:
        return named ? is_systems(&parsed->table, "DROP TABLE", error) : PYR_OK;
    case PYR_PARSED_ALTER_TABLE:
        if (parsed->alter == PYR_ALTER_RENAME_TABLE && parsed->value != NULL &&
            pyr_registry_is_named(parsed->table.schema_name, parsed->value)) {
            return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07",
                                     (int32_t)parsed->table.offset,
                                     "table \"model_registry\" already exists: every database "
                                     "has it");
        }
        return named ? is_systems(&parsed->table, "ALTER", error) : PYR_OK;
    default:
        return PYR_OK;
    }
}

/* ---- Writing. ---- */

/* Somebody else may make it at the same moment: one of the two does. */
static pyr_status make_stored(pyr_execution *execution, pyr_error *error) {
    pyr_registry_definition definition;
    bool created = false;
    PYR_TRY(pyr_registry_define(true, &definition, error));
    pyr_status status = pyr_execution_create_table(execution, &definition.table,
                                                   PYR_CREATE_IF_NOT_EXISTS, &created, error);
    pyr_registry_definition_deinit(&definition);
    return status == PYR_ERROR_ALREADY_EXISTS ? PYR_OK : status;
}

/* As things are now, in the transaction where there is one. */
static pyr_status take_newest(pyr_execution *execution, pyr_snapshot **out, pyr_error *error) {
    return execution->change != NULL
               ? pyr_change_snapshot(execution->change, out, error)
               : pyr_catalog_snapshot(execution->connection->db->catalog, out, error);
}

/* The tables a change begins with, when the registry is among them. */
static pyr_status take_base(pyr_execution *execution, pyr_error *error) {
    pyr_snapshot *base = NULL;
    PYR_TRY(take_newest(execution, &base, error));
    pyr_snapshot_release(execution->base);
    execution->base = base;
    return PYR_OK;
}

pyr_status pyr_registry_ready(pyr_execution *execution, const pyr_table *table, pyr_error *error) {
    if (!pyr_registry_is_seen(table) || stored_of(execution->base) != NULL) {
        return PYR_OK;
    }
    PYR_TRY(make_stored(execution, error));
    return take_base(execution, error);
}

pyr_status pyr_registry_target(pyr_change *change, const pyr_table *table, pyr_table **out,
                               pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    if (!pyr_registry_is_seen(table)) {
        *out = pyr_table_retain((pyr_table *)table);
        return PYR_OK;
    }
    *out = NULL;
    PYR_TRY(pyr_change_snapshot(change, &snapshot, error));
    pyr_table *stored = stored_of(snapshot);
    *out = stored != NULL ? pyr_table_retain(stored) : NULL;
    pyr_snapshot_release(snapshot);
    return PYR_OK;
}

static pyr_status check_path(void *context, const char *path, pyr_error *error) {
    return pyr_file_access_check(context, path, error);
}

/* What a session may read where it names files itself. */
static pyr_model_access access_of(pyr_execution *execution) {
    return (pyr_model_access){check_path, &execution->connection->files};
}

static bool is_restricted(const pyr_execution *execution) {
    return !execution->connection->files.unrestricted;
}

static pyr_status write_filled(pyr_change *change, const pyr_table *stored, pyr_batch *filled,
                               pyr_batch *seen, const pyr_keyed_write_options *options,
                               pyr_keyed_counts *counts, pyr_batch **written, pyr_error *error) {
    pyr_batch *rows = NULL;
    PYR_TRY(pyr_keyed_write(change, stored, filled, options, counts, written != NULL ? &rows : NULL,
                            error));
    pyr_status status =
        rows != NULL ? pyr_batch_select(seen, rows->selection, written, error) : PYR_OK;
    pyr_batch_release(rows);
    return status;
}

pyr_status pyr_registry_write(pyr_execution *execution, pyr_change *change, const pyr_table *seen,
                              pyr_batch *batch, bool anew, const pyr_keyed_write_options *options,
                              pyr_models **models, pyr_keyed_counts *counts, pyr_batch **written,
                              pyr_error *error) {
    const pyr_model_access access = access_of(execution);
    pyr_table *stored = NULL;
    pyr_batch *dense = NULL;
    pyr_batch *filled = NULL;
    pyr_batch *shown = NULL;
    PYR_TRY(pyr_registry_target(change, seen, &stored, error));
    pyr_status status =
        stored != NULL ? PYR_OK
                       : pyr_error_set(error, PYR_ERROR_INTERNAL, "model_registry was not made");
    if (status == PYR_OK && *models == NULL) {
        status = pyr_models_read(stored_of(execution->base), &execution->ledger, execution->budget,
                                 models, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_dense(batch, &execution->ledger, execution->budget, &dense, error);
    }
    if (status == PYR_OK) {
        const pyr_registry_fill_options fill = {.models = *models,
                                                .access = is_restricted(execution) ? &access : NULL,
                                                .anew = anew,
                                                .new_only = options->mode == PYR_KEYED_IGNORE,
                                                .ledger = &execution->ledger,
                                                .budget = execution->budget};
        status =
            pyr_registry_fill(dense, seen->schema, stored->schema, &fill, &filled, &shown, error);
    }
    if (status == PYR_OK) {
        status = write_filled(change, stored, filled, shown, options, counts, written, error);
    }
    pyr_batch_release(shown);
    pyr_batch_release(filled);
    pyr_batch_release(dense);
    pyr_table_release(stored);
    return status;
}

/* ---- Models by name. ---- */

static pyr_status read_models(pyr_execution *execution, const pyr_snapshot *snapshot,
                              pyr_models **out, pyr_error *error) {
    *out = NULL;
    if (is_taken(snapshot)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "55000", -1,
                                 "model_registry of this database is a table or view that was "
                                 "made before there was a registry: rename it");
    }
    return pyr_models_read(stored_of(snapshot), &execution->ledger, execution->budget, out, error);
}

pyr_status pyr_registry_read(pyr_execution *execution, pyr_models **out, pyr_error *error) {
    return read_models(execution, execution->base, out, error);
}

static pyr_status tell_state(pyr_execution *execution, const pyr_model *model, pyr_error *error) {
    pyr_model_state state;
    char *which = NULL;
    PYR_TRY(pyr_model_state_of(model, &state, &which, error));
    pyr_status status = PYR_OK;
    if (state == PYR_MODEL_MISSING) {
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58030", -1,
                                   "model \"%s\": file \"%s\" is missing", model->name,
                                   which != NULL ? which : model->path);
    } else if (state == PYR_MODEL_CHANGED) {
        pyr_execution_notice(execution,
                             "model \"%s\": file \"%s\" is not as it was registered; UPDATE "
                             "model_registry SET path = path takes it anew",
                             model->name, which != NULL ? which : model->path);
    }
    free(which);
    return status;
}

static pyr_status path_of(pyr_execution *execution, const pyr_models *models, const char *name,
                          char **path, pyr_error *error) {
    const pyr_model *model = NULL;
    *path = NULL;
    PYR_TRY(pyr_models_resolve(models, name, &model, error));
    PYR_TRY(tell_state(execution, model, error));
    *path = strdup(model->path);
    return *path != NULL ? PYR_OK : pyr_error_memory(error, strlen(model->path));
}

pyr_status pyr_registry_find(pyr_execution *execution, const char *name, char **path,
                             pyr_error *error) {
    pyr_models *models = NULL;
    *path = NULL;
    PYR_TRY(pyr_registry_read(execution, &models, error));
    pyr_status status = path_of(execution, models, name, path, error);
    pyr_models_destroy(models);
    return status;
}

/* Who registered a model could read it: whoever may name it may, too. path is freed. */
static pyr_status open_registered(pyr_execution *execution, char *path, pyr_safetensors **out,
                                  pyr_error *error) {
    pyr_status status = pyr_model_cache_open(execution->connection->db->models, path, NULL,
                                             execution->budget, out, error);
    free(path);
    return status;
}

pyr_status pyr_registry_open_named(pyr_execution *execution, const char *name,
                                   pyr_safetensors **out, pyr_error *error) {
    char *path = NULL;
    *out = NULL;
    PYR_TRY(pyr_registry_find(execution, name, &path, error));
    return open_registered(execution, path, out, error);
}

/* The path of a model of the registry; without "model:" in front of it, and not there, a name is a
 * path itself: *path NULL. */
static pyr_status find_if_registered(pyr_execution *execution, const char *name, char **path,
                                     pyr_error *error) {
    pyr_models *models = NULL;
    const pyr_model *model = NULL;
    *path = NULL;
    bool is_name = strncmp(name, PYR_MODEL_PREFIX, sizeof(PYR_MODEL_PREFIX) - 1) == 0;
    if (!is_name && is_taken(execution->base)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_registry_read(execution, &models, error));
    /* A path may lie where an alias that goes nowhere has its name; that is an error all the same.
     */
    is_name = is_name || pyr_models_row(models, name) != NULL ||
              pyr_models_resolve(models, name, &model, NULL) == PYR_OK;
    pyr_status status = is_name ? path_of(execution, models, name, path, error) : PYR_OK;
    pyr_models_destroy(models);
    return status;
}

pyr_status pyr_registry_open_file(pyr_execution *execution, const char *path, pyr_safetensors **out,
                                  pyr_error *error) {
    const pyr_model_access access = access_of(execution);
    return pyr_model_cache_open(execution->connection->db->models, path,
                                is_restricted(execution) ? &access : NULL, execution->budget, out,
                                error);
}

pyr_status pyr_registry_open(pyr_execution *execution, const char *name_or_path,
                             pyr_safetensors **out, pyr_error *error) {
    char *path = NULL;
    *out = NULL;
    PYR_TRY(find_if_registered(execution, name_or_path, &path, error));
    return path != NULL ? open_registered(execution, path, out, error)
                        : pyr_registry_open_file(execution, name_or_path, out, error);
}

/* ---- Hashes. ---- */

static bool may_write(const pyr_execution *execution) {
    return !execution->connection->db->readonly && !pyr_transaction_is_read_only(execution);
}

static pyr_status compute_hash(pyr_execution *execution, const pyr_model *model,
                               char hex[PYR_MODEL_HASH_CHARS + 1], pyr_error *error) {
    pyr_model_files files;
    PYR_TRY(pyr_model_files_parse(model->files != NULL ? model->files : "", model->path, &files,
                                  error));
    pyr_status status = pyr_model_hash(&files, pyr_database_pool(execution->connection->db),
                                       &execution->cancel, hex, error);
    pyr_model_files_deinit(&files);
    return status;
}

static pyr_status store_hash(pyr_execution *execution, pyr_snapshot *base, const pyr_model *model,
                             const char *hex, pyr_error *error) {
    const pyr_keyed_write_options options = {.mode = PYR_KEYED_REPLACE,
                                             .conflict_key = PYR_KEYED_PRIMARY_KEY,
                                             .ledger = &execution->ledger,
                                             .budget = execution->budget};
    pyr_table *stored = stored_of(base);
    pyr_model hashed = *model;
    pyr_own_change own = {0};
    pyr_batch *row = NULL;
    hashed.blake3 = hex;
    PYR_TRY(pyr_model_stored_row(&hashed, stored->schema, &row, error));
    pyr_status status = pyr_own_change_begin_from(execution, base, &own, error);
    if (status == PYR_OK) {
        status = pyr_keyed_write(own.change, stored, row, &options, NULL, NULL, error);
    }
    if (status == PYR_OK) {
        status = pyr_own_change_commit(&own, stored, error);
    }
    pyr_own_change_deinit(&own);
    pyr_batch_release(row);
    return status;
}

/* The row is the one of now, not of the statement's beginning: what an earlier call in the
 * statement stored would else be another's change, 40001. The statement's base stays as old as what
 * it reads, or its own changes would not be held against what others changed in between. */
pyr_status pyr_registry_hash(pyr_execution *execution, const char *name,
                             char hex[PYR_MODEL_HASH_CHARS + 1], pyr_error *error) {
    pyr_snapshot *newest = NULL;
    pyr_models *models = NULL;
    const pyr_model *model = NULL;
    hex[0] = '\0';
    PYR_TRY(take_newest(execution, &newest, error));
    pyr_status status = read_models(execution, newest, &models, error);
    if (status == PYR_OK) {
        status = pyr_models_resolve(models, name, &model, error);
    }
    if (status == PYR_OK) {
        status = compute_hash(execution, model, hex, error);
    }
    if (status == PYR_OK && !may_write(execution)) {
        pyr_execution_notice(execution,
                             "model \"%s\": nothing can be written here, so that the hash is not "
                             "kept",
                             model->name);
    } else if (status == PYR_OK) {
        status = store_hash(execution, newest, model, hex, error);
    }
    pyr_models_destroy(models);
    pyr_snapshot_release(newest);
    return status;
}

/* ---- For programs. ---- */

pyr_status pyr_session_open_model(pyr_connection *connection, const char *name_or_path,
                                  pyr_safetensors **out, pyr_error *error) {
    pyr_execution *execution = NULL;
    *out = NULL;
    pthread_mutex_lock(&connection->call_lock);
    pyr_status status = pyr_execution_create(connection, NULL, 0, 0, &execution, error);
    if (status == PYR_OK) {
        status = pyr_registry_open(execution, name_or_path, out, error);
        pyr_execution_finish(execution);
    }
    pyr_execution_release(execution);
    pthread_mutex_unlock(&connection->call_lock);
    return status;
}
