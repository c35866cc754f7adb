/* registry.h - the rows of model_registry: what they hold, what the files behind them say, and
 * which model a name means.
 *
 * The registry is kept as a table with a primary key, main.model_registry, which has one column
 * more than anybody sees: `files`, what each file was when it was registered (model_file.h). What
 * statements see are the other columns, made for them with `state` as the files are then, and with
 * the facts of an alias taken from the model that it means. What they write goes through
 * pyr_registry_fill.
 *
 * Names: `llama@3` is version 3 of `llama`. `llama` is the row called so, or else the highest
 * version. A row whose path is `model:llama@3` is an alias: it means that model, whatever it is at
 * the time.
 *
 * A pyr_models is immutable but for pyr_models_put, and belongs to one thread while that is called.
 */
#ifndef PYR_MODELS_REGISTRY_H
#define PYR_MODELS_REGISTRY_H

#include "base/ledger.h"
#include "catalog/catalog.h"
#include "models/model_file.h"

#define PYR_REGISTRY_TABLE "model_registry" /* of schema main */
#define PYR_MODEL_PREFIX "model:"           /* of the path of an alias */
#define PYR_MODEL_NAME_BYTES_MAX 1024

/* Places of the columns. */
enum {
    PYR_MODEL_NAME,
    PYR_MODEL_PATH,
    PYR_MODEL_FORMAT,
    PYR_MODEL_FRAMEWORK,
    PYR_MODEL_SIZE_BYTES,
    PYR_MODEL_TENSORS,
    PYR_MODEL_PARAMETERS,
    PYR_MODEL_DTYPE,
    PYR_MODEL_BLAKE3,
    PYR_MODEL_METADATA,
    PYR_MODEL_REGISTERED_AT,
    PYR_MODEL_STATE,
    PYR_MODEL_COLUMNS, /* that are seen */
    PYR_MODEL_FILES = PYR_MODEL_COLUMNS,
    PYR_MODEL_COLUMNS_STORED
};

/* ---- The tables. ---- */

/* What both are made from: schema, keys and types. Retained or owned by it until deinit. */
typedef struct pyr_registry_definition {
    pyr_table_definition table; /* borrows from what follows */
    pyr_constraints *constraints;
    pyr_schema *schema;
    char *sql_types;
} pyr_registry_definition;
/* stored: with the column `files`. */
PYR_MUST_CHECK pyr_status pyr_registry_define(bool stored, pyr_registry_definition *out,
                                              pyr_error *error);
void pyr_registry_definition_deinit(pyr_registry_definition *definition); /* zeroed: nothing */
/* Whether a table is what is stored of the registry: one of that name that somebody made before
 * there was a registry is not. */
bool pyr_registry_is_stored(const pyr_table *table);
/* Whether a table is the registry as a statement sees it. */
bool pyr_registry_is_seen(const pyr_table *table);
/* Whether a name without quotes is that of the registry. */
bool pyr_registry_is_named(const char *schema_name, const char *name); /* schema NULL: main */

/* ---- Rows. ---- */

/* A row. Texts NULL, numbers -1 and registered_us INT64_MIN where there is none. */
typedef struct pyr_model {
    const char *name, *path, *format, *framework, *dtype, *blake3, *metadata, *files;
    int64_t size_bytes, tensors, parameters;
    int64_t registered_us; /* since 1970-01-01 UTC */
} pyr_model;

typedef struct pyr_models pyr_models;
/* Every row of the stored table (NULL: none), by name. */
PYR_MUST_CHECK pyr_status pyr_models_read(pyr_table *stored, pyr_query_ledger *ledger,
                                          pyr_budget *budget, pyr_models **out, pyr_error *error);
void pyr_models_destroy(pyr_models *models); /* NULL allowed */
size_t pyr_models_count(const pyr_models *models);
const pyr_model *pyr_models_get(const pyr_models *models, size_t index); /* by name */
/* The row called exactly so; NULL: there is none. */
const pyr_model *pyr_models_row(const pyr_models *models, const char *name);
/* Copied; takes the place of the row of that name. */
PYR_MUST_CHECK pyr_status pyr_models_put(pyr_models *models, const pyr_model *model,
                                         pyr_error *error);
bool pyr_model_is_alias(const pyr_model *model);
/* The model that a name means: never an alias. "model:" in front of it is allowed. SQL 42P01 naming
 * it where there is none, also of an alias whose model is gone; 22023 where aliases go in a circle.
 */
PYR_MUST_CHECK pyr_status pyr_models_resolve(const pyr_models *models, const char *name,
                                             const pyr_model **out, pyr_error *error);
/* How the files of a model, which is no alias, are now. which NULL allowed: as of
 * pyr_model_files_state, its path to be freed. */
PYR_MUST_CHECK pyr_status pyr_model_state_of(const pyr_model *model, pyr_model_state *state,
                                             char **which, pyr_error *error);

/* The rows as a batch of the table that statements see; stats every file. */
PYR_MUST_CHECK pyr_status pyr_models_seen(const pyr_models *models, pyr_schema *schema,
                                          pyr_budget *budget, pyr_batch **out, pyr_error *error);

/* ---- Writing. ---- */

typedef struct pyr_registry_fill_options {
    /* What was there when the statement began, and what it has written since; the rows filled are
     * put into it, so that aliases are looked up among them, too. */
    pyr_models *models;
    const pyr_model_access *access; /* NULL: every path */
    bool anew; /* the statement set the path: files are read even where it is the same */
    /* ON CONFLICT DO NOTHING: rows whose name is there, or was given before, are left out, and
     * their files are not looked at. */
    bool new_only;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
} pyr_registry_fill_options;
/* rows: dense, as a statement wrote them, of the table that is seen (type-equal). *out: of the
 * stored one, every row filled from its file's header. A row of a model that is there, with its
 * path and time, stays what it is but for framework, metadata and hash. *seen: the same as a
 * statement would see them. 22023 naming what is wrong: a name, an alias that means nothing, a
 * value that the file has another one of; errors of pyr_model_open. */
PYR_MUST_CHECK pyr_status pyr_registry_fill(pyr_batch *rows, pyr_schema *seen_schema,
                                            pyr_schema *stored_schema,
                                            const pyr_registry_fill_options *options,
                                            pyr_batch **out, pyr_batch **seen, pyr_error *error);
/* One row as it is stored, for what is written by other ways than a statement's. */
PYR_MUST_CHECK pyr_status pyr_model_stored_row(const pyr_model *model, pyr_schema *stored_schema,
                                               pyr_batch **out, pyr_error *error);
/* 428C9 for a column that nobody sets: what the files say. offset: of its name in the statement. */
PYR_MUST_CHECK pyr_status pyr_registry_check_assigned(int32_t column, int32_t offset,
                                                      pyr_error *error);

#endif
