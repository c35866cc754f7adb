/* external.h - external tables in the session: registering them, and what a statement reads of
 * them. Shared by the external_*.c of this folder.
 */
#ifndef PYR_SESSION_EXTERNAL_H
#define PYR_SESSION_EXTERNAL_H

#include "session/session_internal.h"
#include "storage/hive_partition.h"

/* ---- external_read.c: texts that read files. ---- */

/* One partition column: its key in the paths and its type. */
typedef struct pyr_external_key {
    const char *key; /* as the paths have it */
    const pyr_field *field;
} pyr_external_key;

/* Files of one format, and how they are read. */
typedef struct pyr_external_source {
    pyr_external_format format;
    const pyr_table_option *options; /* the user's of CREATE EXTERNAL TABLE */
    size_t options_count;
    const pyr_schema *columns; /* those of the files; NULL: as they are found */
    size_t keys_count;
    const pyr_external_key *keys;
    const pyr_stored_object *objects; /* at least one */
    size_t objects_count;
    const char *location; /* ZARR: the store */
    bool confined;        /* what files name is for who may read it (external_list.c) */
} pyr_external_source;

/* Whether an option is one of the format's readers' (*known), and its value well: 22023. */
PYR_MUST_CHECK pyr_status pyr_external_check_option(pyr_external_format format,
                                                    const pyr_option_value *option,
                                                    pyr_error *error);
/* Whether an option is true; wanted where it is not there. */
bool pyr_external_option_is(const pyr_table_option *options, size_t count, const char *name,
                            bool wanted);
/* SELECT CAST("a" AS INTEGER) AS "a", ... FROM read_parquet([...]): the columns, then the keys'.
 * PYR_ERROR_NOT_SUPPORTED for a path that DuckDB cannot be given. */
PYR_MUST_CHECK pyr_status pyr_external_add_query(const pyr_external_source *source, pyr_text *out,
                                                 pyr_error *error);
/* A query without rows for a table's columns. */
void pyr_external_add_empty(const pyr_schema *schema, pyr_text *out);
void pyr_external_add_cast(const char *expression, const pyr_field *field, pyr_text *out);

/* ---- external_list.c: the files of a location. ---- */

/* The files of an external table as they are now, for a session with this access (NULL: for the
 * database itself). 42501 for one outside of what the session and the table may read. */
PYR_MUST_CHECK pyr_status pyr_external_list(const pyr_external *external,
                                            const pyr_file_access *access,
                                            const pyr_object_store **store, pyr_object_list *out,
                                            pyr_error *error);
/* The files of a location that becomes a table's: each allowed by access. Of a Zarr store the zip
 * file, or the documents at its root: chunks may be millions. */
PYR_MUST_CHECK pyr_status pyr_external_list_location(pyr_external_format format,
                                                     const char *location,
                                                     const pyr_file_access *access,
                                                     const pyr_object_store **store,
                                                     pyr_object_list *out, pyr_error *error);

/* ---- external_file.c: what a file is. ---- */

/* 42804 naming both formats where the file's first bytes are another one's. */
PYR_MUST_CHECK pyr_status pyr_external_check_content(const pyr_object_store *store,
                                                     pyr_external_format format, const char *path,
                                                     pyr_error *error);
/* The columns of a file, retained. */
PYR_MUST_CHECK pyr_status pyr_external_describe(pyr_execution *execution,
                                                const pyr_external_source *source, pyr_schema **out,
                                                pyr_error *error);
/* 42804 naming the file and the first of columns that it has not, or has with a type that does not
 * fit. */
PYR_MUST_CHECK pyr_status pyr_external_check_columns(const char *path, pyr_external_format format,
                                                     const pyr_schema *columns, int32_t count,
                                                     const pyr_schema *found, pyr_error *error);
/* Sets file's blake3 and hashed. 58030 where it is not in the state that file says. pool and cancel
 * NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_external_hash(pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                                            const pyr_object_store *store, pyr_external_file *file,
                                            pyr_error *error);

/* Whether a registered file's content, where it was hashed, is what it was; now: its state, which
 * is the registered one. *same false too where it cannot be read. Fails when cancelled alone. */
PYR_MUST_CHECK pyr_status pyr_external_check_hash(pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                                                  const pyr_object_store *store,
                                                  const pyr_external_file *file,
                                                  const pyr_stored_object *now, bool *same,
                                                  pyr_error *error);

/* ---- external_segment.c: formats that both engines read by reference. ---- */

/* ARROW, SAFETENSORS, ZARR. */
bool pyr_external_has_segments(pyr_external_format format);
/* The segment of a file, or of the store that location is. */
PYR_MUST_CHECK pyr_status pyr_external_segment(pyr_execution *execution,
                                               const pyr_external_source *source, const char *path,
                                               pyr_segment **out, pyr_error *error);

/* ---- external_prune.c ---- */

/* Sets kept[i] false for each of count paths whose partition values the statement's own conditions
 * on table exclude. Where nothing can be said all stay. */
PYR_MUST_CHECK pyr_status pyr_external_prune(pyr_execution *execution, const pyr_table *table,
                                             const char *sql, size_t length, pyr_batch *params,
                                             const pyr_hive_path *paths, size_t count, bool *kept,
                                             pyr_error *error);

/* ---- external_mention.c ---- */

/* An external table, and whether the statement or a view that it reads may name it. */
typedef struct pyr_external_mention {
    const pyr_table *table; /* the snapshot's */
    size_t name_length;
    bool in_statement, in_views;
} pyr_external_mention;
/* All external tables of a snapshot, in the execution's arena. */
PYR_MUST_CHECK pyr_status pyr_external_mentions_find(pyr_execution *execution,
                                                     const pyr_snapshot *snapshot, const char *sql,
                                                     size_t length, pyr_external_mention **out,
                                                     size_t *count, pyr_error *error);

/* ---- external_scan.c ---- */

typedef enum pyr_external_state {
    PYR_EXTERNAL_OK,
    PYR_EXTERNAL_CHANGED,
    PYR_EXTERNAL_MISSING,
    PYR_EXTERNAL_NEW
} pyr_external_state;
/* Walks what is registered and what is there now, by path; one of the two may be NULL. */
PYR_MUST_CHECK pyr_status pyr_external_compare(
    const pyr_external *external, const pyr_object_list *now,
    pyr_status (*visit)(void *context, pyr_external_state state, const pyr_external_file *file,
                        const pyr_stored_object *now, pyr_error *error),
    void *context, pyr_error *error);

#endif
