/* model_registry.h - model_registry among a statement's tables: what it sees, and where what it
 * writes goes. The rows themselves are models/registry.h.
 *
 * A statement sees the registry as a table of its own snapshot; execution->base has what is stored.
 */
#ifndef PYR_SESSION_MODEL_REGISTRY_H
#define PYR_SESSION_MODEL_REGISTRY_H

#include "models/registry.h"
#include "session/rows.h"

/* ---- What a statement sees. ---- */

/* Puts the registry into the execution's snapshot: with its rows and their states, or (rows false,
 * where it is not there yet) as a table without rows, for who asks what it is. Nothing where a
 * table or view of that name is somebody's own. */
PYR_MUST_CHECK pyr_status pyr_registry_need(pyr_execution *execution, bool rows, pyr_error *error);
/* With its rows where a text mentions it; else, where it is stored, so that nobody sees how. */
PYR_MUST_CHECK pyr_status pyr_registry_need_text(pyr_execution *execution, const char *sql,
                                                 size_t length, pyr_error *error);
/* The registry of a snapshot, such as a change's, as a statement sees it. */
PYR_MUST_CHECK pyr_status pyr_registry_see(pyr_execution *execution, const pyr_snapshot *snapshot,
                                           pyr_table **out, pyr_error *error);
/* 42501, 42P07 for a statement that makes, alters or drops what is the system's. */
PYR_MUST_CHECK pyr_status pyr_registry_refuse(pyr_execution *execution, const pyr_parsed *parsed,
                                              pyr_error *error);

/* ---- What it writes. ---- */

/* Before a change of the statement's own is begun: the stored table is made where table is the
 * registry and there was none. Any other table is left alone. */
PYR_MUST_CHECK pyr_status pyr_registry_ready(pyr_execution *execution, const pyr_table *table,
                                             pyr_error *error);
/* What is written to in the place of table: itself, or of the registry what is stored as the change
 * sees it. Retained; NULL: nothing is stored. */
PYR_MUST_CHECK pyr_status pyr_registry_target(pyr_change *change, const pyr_table *table,
                                              pyr_table **out, pyr_error *error);
/* Rows of the registry as pyr_keyed_write writes them. *models: kept by the caller between calls of
 * one statement, NULL at first; pyr_models_destroy ends it. anew: the statement set the path. */
PYR_MUST_CHECK pyr_status pyr_registry_write(pyr_execution *execution, pyr_change *change,
                                             const pyr_table *seen, pyr_batch *batch, bool anew,
                                             const pyr_keyed_write_options *options,
                                             pyr_models **models, pyr_keyed_counts *counts,
                                             pyr_batch **written, pyr_error *error);

/* ---- Models by name. ---- */

/* The rows as the execution's snapshot has them. 55000 where model_registry is somebody's own
 * table. */
PYR_MUST_CHECK pyr_status pyr_registry_read(pyr_execution *execution, pyr_models **out,
                                            pyr_error *error);
/* The path of the model that a name means, malloc'ed. A notice where its files are not as they were
 * registered; 58030 where one is missing. */
PYR_MUST_CHECK pyr_status pyr_registry_find(pyr_execution *execution, const char *name, char **path,
                                            pyr_error *error);
/* Opens that model, with one mapping for all who do: FROM read_safetensors('model:NAME'). */
PYR_MUST_CHECK pyr_status pyr_registry_open_named(pyr_execution *execution, const char *name,
                                                  pyr_safetensors **out, pyr_error *error);
/* Opens a path as pyr_model_open does, shared in the same way; a restricted session must be allowed
 * to read each file of it. */
PYR_MUST_CHECK pyr_status pyr_registry_open_file(pyr_execution *execution, const char *path,
                                                 pyr_safetensors **out, pyr_error *error);
/* Opens by name for a caller outside of a statement: "model:NAME", a NAME of the registry, or else
 * a path, which a restricted session must be allowed to read. */
PYR_MUST_CHECK pyr_status pyr_registry_open(pyr_execution *execution, const char *name_or_path,
                                            pyr_safetensors **out, pyr_error *error);
/* Computes and stores a model's hash, in the statement's transaction or one of its own; where
 * nothing can be written it is only computed, with a notice. */
PYR_MUST_CHECK pyr_status pyr_registry_hash(pyr_execution *execution, const char *name,
                                            char hex[PYR_MODEL_HASH_CHARS + 1], pyr_error *error);
/* ---- model_check.c ---- */

/* Each registered model, for `verify`: message NULL where its files are as they were registered
 * and, where that is known, have the hash. PYR_ERROR_CORRUPT at the end where one has not. */
PYR_MUST_CHECK pyr_status pyr_models_verify(pyr_database *db,
                                            void (*report)(void *context, const char *table,
                                                           const char *file, const char *message),
                                            void *context, pyr_error *error);

/* ---- model_functions.c ---- */

/* Runs the calls of model_hash('NAME'), model_pin('NAME') and model_unpin('NAME') in a query's
 * text: *sql becomes one, in the arena, with what they gave in their place. describes: they are not
 * run, and the text is of the same types. 0A000 where the name is no constant or parameter. */
PYR_MUST_CHECK pyr_status pyr_model_functions_run(pyr_execution *execution, pyr_batch *params,
                                                  bool describes, const char **sql, size_t *length,
                                                  pyr_error *error);

#endif
