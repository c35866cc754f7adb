/* duckdb_internal.h - what the files of this folder share. README.md says how they fit together.
 *
 * Lifetimes, outermost first: the engine; its instances (one DuckDB database each); a lease (one
 * connection of an instance); a prepared statement on it; a run (what bind data of our table
 * functions point to); streams. Each holds a reference to what it needs further out.
 *
 * The engine's lock comes first; the watch's lock and a run's lock are leaves.
 */
#ifndef PYR_ENGINES_DUCKDB_INTERNAL_H
#define PYR_ENGINES_DUCKDB_INTERNAL_H

#include "base/text.h"
#include "engines/duckdb/duckdb_api.h"
#include "engines/duckdb/duckdb_engine.h"
#include "engines/needed.h"
#include "engines/prune.h"
#include "sql/token_list.h"

#include <pthread.h>
#include <stddef.h>

/* ---- duckdb_watch.c: raises a statement's cancel flag and deadline into DuckDB. ---- */

/* DuckDB looks at no flag of ours while it works by itself (SELECT count(*) FROM range(1e12)), so
 * one thread looks at the flags of all running calls every 10 ms and interrupts their connections.
 */
typedef struct pyr_duckdb_watch {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started, stop;
    struct pyr_duckdb_call *calls;
} pyr_duckdb_watch;
/* A call into DuckDB under way, on the caller's stack. */
typedef struct pyr_duckdb_call {
    const pyr_duckdb_api *api;
    dd_connection connection;
    pyr_cancel_flag *cancel;
    struct pyr_duckdb_call *next;
} pyr_duckdb_call;
PYR_MUST_CHECK pyr_status pyr_duckdb_watch_init(pyr_duckdb_watch *watch, pyr_error *error);
void pyr_duckdb_watch_deinit(pyr_duckdb_watch *watch);
/* cancel NULL: nothing to watch. Between begin and end the connection may be interrupted. */
void pyr_duckdb_watch_begin(pyr_duckdb_watch *watch, pyr_duckdb_call *call);
void pyr_duckdb_watch_end(pyr_duckdb_watch *watch, pyr_duckdb_call *call);

/* ---- duckdb_instance.c ---- */

typedef struct pyr_duckdb_engine {
    pyr_engine engine;
    pthread_mutex_t lock;      /* guards the rest, but for the watch */
    pthread_cond_t opened;     /* an instance was, or could not be */
    const pyr_duckdb_api *api; /* NULL until the first query */
    struct pyr_duckdb_instance *instances;
    unsigned instances_made;
    pyr_duckdb_watch watch;
} pyr_duckdb_engine;

/* DuckDB's configuration is locked once an instance is open, so whatever a session may choose is
 * part of the instance's key: another thread count is another instance. */
typedef struct pyr_duckdb_profile {
    bool unrestricted;
    size_t folders_count;
    const char *const *folders;
    size_t files_count;
    const char *const *files; /* lent, of registered tables: duckdb_external.c */
    unsigned threads;
    size_t memory_limit_bytes;
    const char *time_unit;
    const char *temp_folder;
} pyr_duckdb_profile;

typedef struct pyr_duckdb_instance {
    pyr_duckdb_engine *engine;
    const pyr_duckdb_api *api;
    struct pyr_duckdb_instance *next; /* under the engine's lock, as references */
    size_t references;
    bool opening;    /* by a thread that does not hold the lock; others wait for engine->opened */
    unsigned number; /* of the engine's, in the order they were opened */
    pyr_duckdb_profile profile; /* owned copies */
    dd_database database;
    /* Makes the arrow options and lives as long: they point into its context. */
    dd_connection setup;
    dd_arrow_options plain;    /* DuckDB's usual Arrow types */
    dd_arrow_options lossless; /* extension types for what they would lose */
    atomic_bool broken;        /* a fatal error: not to be handed out again */
    /* Databases attached for overlays (duckdb_overlay.c): how many, and which nobody uses; under
     * the engine's lock. */
    unsigned overlays_count;
    unsigned *overlays_free;
    size_t overlays_free_count;
} pyr_duckdb_instance;

typedef struct pyr_duckdb_lease {
    pyr_duckdb_instance *instance; /* NULL: nothing is held */
    dd_connection connection;
    unsigned overlay; /* the number of its database; 0: none */
} pyr_duckdb_lease;
/* A new connection of the instance that fits the query; loads the library and opens the instance
 * where needed. */
PYR_MUST_CHECK pyr_status pyr_duckdb_lease_take(pyr_duckdb_engine *engine,
                                                const pyr_file_access *files,
                                                const pyr_engine_query *query,
                                                pyr_duckdb_lease *out, pyr_error *error);
/* Gives the connection a database of its own, pyralog_N, that names are looked up in first: in its
 * schema main; then in another of its schemas (NULL: main). */
PYR_MUST_CHECK pyr_status pyr_duckdb_lease_overlay(pyr_duckdb_lease *lease, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_duckdb_lease_search(pyr_duckdb_lease *lease, const char *schema_name,
                                                  pyr_error *error);
/* Runs one statement of ours whose rows do not matter. */
PYR_MUST_CHECK pyr_status pyr_duckdb_run_sql(const pyr_duckdb_api *api, dd_connection connection,
                                             const char *sql, pyr_error *error);
/* Nothing of the connection may be in use any more. */
void pyr_duckdb_lease_give(pyr_duckdb_lease *lease);
/* Closes everything; no lease is out. */
void pyr_duckdb_instances_close(pyr_duckdb_engine *engine);

/* ---- duckdb_run.c: what table functions of one statement share. ---- */

/* Reference-counted: the prepared statement and the bind data in DuckDB hold it. */
typedef struct pyr_duckdb_run {
    atomic_size_t references;
    const pyr_duckdb_api *api;
    dd_connection connection; /* for conversions; not counted: bind data die with the statement */
    /* Set anew by each execute; borrowed (engine.h: they outlive the stream), but for the budget.
     */
    pyr_query_ledger *ledger;
    pyr_cancel_flag *cancel;
    pyr_budget *budget;
    pyr_batch *params; /* retained; NULL: none */
    unsigned threads;
    /* duckdb_skip.c: what the statement asks of its tables, set when it was prepared. */
    char *sql;                 /* NULL: nothing is skipped */
    pyr_text definitions;      /* of the objects that it uses, as one text */
    pyr_token_list sql_tokens; /* of the two, read once for all tables */
    pyr_token_list definitions_tokens;
    pyr_dialect dialect;
    /* A function of ours stands for a file's path, so that the text does not name each of its
     * places. Set by binding alone, which is over when something is read. */
    bool files_by_name;
    pthread_mutex_t lock;   /* guards the rest */
    pyr_error error;        /* the first failure in a callback of ours; PYR_OK: none */
    pyr_buffer **witnesses; /* one of each segment's mapping read: checked while results come */
    size_t witnesses_count, witnesses_capacity;
} pyr_duckdb_run;
PYR_MUST_CHECK pyr_status pyr_duckdb_run_create(const pyr_duckdb_lease *lease, pyr_duckdb_run **out,
                                                pyr_error *error);
pyr_duckdb_run *pyr_duckdb_run_retain(pyr_duckdb_run *run);
void pyr_duckdb_run_release(pyr_duckdb_run *run); /* NULL allowed */
void pyr_duckdb_run_begin(pyr_duckdb_run *run, const pyr_engine_query *query);
/* Keeps the first one: DuckDB passes on only a text. */
void pyr_duckdb_run_fail(pyr_duckdb_run *run, const pyr_error *error);
/* What failed so far was none of the statement's own. */
void pyr_duckdb_run_forget(pyr_duckdb_run *run);
/* PYR_OK when no callback failed. */
PYR_MUST_CHECK pyr_status pyr_duckdb_run_check(pyr_duckdb_run *run, pyr_error *error);
/* Retains a buffer of batch that lies in its segment's mapping, once a segment: *witnessed. What
 * was decoded needs none: storage looked at the mapping when it had read it. */
PYR_MUST_CHECK pyr_status pyr_duckdb_run_witness(pyr_duckdb_run *run, const pyr_batch *batch,
                                                 atomic_bool *witnessed, pyr_error *error);
/* PYR_ERROR_IO 58030 when a mapping read so far has faulted: what DuckDB made of it is wrong. */
PYR_MUST_CHECK pyr_status pyr_duckdb_run_check_mappings(pyr_duckdb_run *run, pyr_error *error);

/* ---- duckdb_skip.c: batches that the statement does not need. ---- */

/* Keeps the statement's text with its run; prepared->needed is known. */
PYR_MUST_CHECK pyr_status pyr_duckdb_skip_note(pyr_duckdb_run *run, const pyr_needed *needed,
                                               const pyr_engine_query *query, pyr_error *error);
/* *out NULL: all batches of the table are needed. */
PYR_MUST_CHECK pyr_status pyr_duckdb_skip_find(const pyr_duckdb_run *run, const pyr_table *table,
                                               pyr_prune **out, pyr_error *error);
/* As pyr_prune_keys; *out NULL: all keys of the table are needed. */
PYR_MUST_CHECK pyr_status pyr_duckdb_skip_keys(const pyr_duckdb_run *run, const pyr_table *table,
                                               pyr_keyed_range **out, size_t *count,
                                               pyr_error *error);
/* For EXPLAIN, a line for each table of which batches may be skipped ("t": batches 2/64), or that
 * is read by ranges of its key ("t": key ranges 1). */
PYR_MUST_CHECK pyr_status pyr_duckdb_skip_explain(const pyr_duckdb_run *run,
                                                  const pyr_snapshot *snapshot, pyr_text *out,
                                                  pyr_error *error);

/* ---- duckdb_names.c: names of a statement -> tables of its snapshot. ---- */

/* DuckDB binds on the thread that calls prepare or execute, and neither a replacement scan nor a
 * bind function is told for which connection: the statement being bound is therefore kept in a
 * thread-local, set around those calls only. Bindings nest never. */
typedef struct pyr_duckdb_binding {
    const pyr_engine_query *query;
    const pyr_file_access *files;
    pyr_duckdb_run *run;
    char *const *qualified; /* names of tables as the statement has them: "s.t", "t" */
    size_t qualified_count;
    bool overlay; /* tables of schemas stand in an overlay */
} pyr_duckdb_binding;
void pyr_duckdb_binding_set(const pyr_duckdb_binding *binding); /* NULL: none */
const pyr_duckdb_binding *pyr_duckdb_binding_get(void);
/* Registered with each instance. */
void pyr_duckdb_replacement(dd_replacement_info info, const char *name, void *data);
/* The table of a scan, retained, from the snapshot. */
PYR_MUST_CHECK pyr_status pyr_duckdb_find_table(const pyr_duckdb_binding *binding,
                                                const char *schema_name, const char *name,
                                                pyr_table **out, pyr_error *error);

/* ---- duckdb_external.c: external tables. ---- */

#define PYR_DUCKDB_EXTERNAL_NAME_BYTES 40
/* The macro that stands for an external table read through a query. */
void pyr_duckdb_external_name(const pyr_table *table, char *out, size_t size_bytes);
/* Makes the macros of a snapshot's external tables */
PYR_MUST_CHECK pyr_status pyr_duckdb_externals_make(const pyr_duckdb_lease *lease,
                                                    const pyr_snapshot *snapshot, pyr_error *error);
/* What is lent: the files that DuckDB opens for them and access does not allow; freed with
 * pyr_duckdb_files_free. */
PYR_MUST_CHECK pyr_status pyr_duckdb_external_files(const pyr_snapshot *snapshot,
                                                    const pyr_file_access *access, char ***out,
                                                    size_t *count, pyr_error *error);
void pyr_duckdb_files_free(char **files, size_t count);
/* The functions that a statement with lent files must not call; ends with NULL. */
const char *const *pyr_duckdb_file_functions(void);
/* 42501: it called one, or named a file as a table. */
pyr_status pyr_duckdb_lent_refusal(int32_t position, pyr_error *error);
/* Of an instance that lends files: puts macros that refuse before these functions. */
PYR_MUST_CHECK pyr_status pyr_duckdb_lend(const pyr_duckdb_api *api, dd_connection connection,
                                          pyr_error *error);

/* ---- duckdb_mentions.c ---- */

/* The names of a query's text that may be a table's, with their schemas, as written (quotes stay).
 */
PYR_MUST_CHECK pyr_status pyr_duckdb_mentions(const char *text, size_t length, char ***names,
                                              size_t *count, pyr_error *error);
void pyr_duckdb_mentions_free(char **names, size_t count);

/* ---- duckdb_scan.c, duckdb_morsel.c ---- */

/* Registers the table functions of duckdb_scan.c with a connection's database. */
PYR_MUST_CHECK pyr_status pyr_duckdb_scan_register(const pyr_duckdb_api *api,
                                                   dd_connection connection, pyr_error *error);
/* The functions of a table function of ours but its bind, which ends in pyr_duckdb_scan_bind: the
 * columns of table, and rowid's where it is asked for. */
void pyr_duckdb_scan_functions(const pyr_duckdb_api *api, dd_table_function function);
PYR_MUST_CHECK pyr_status pyr_duckdb_scan_bind(const pyr_duckdb_api *api, dd_bind_info info,
                                               pyr_table *table, bool rowid, pyr_error *error);
/* The error of a bind, for DuckDB and for the run. */
void pyr_duckdb_scan_bind_fail(const pyr_duckdb_api *api, dd_bind_info info,
                               const pyr_error *error);

/* A string as DuckDB holds it: those of at most 12 bytes stand behind their length, others begin
 * there and are behind a pointer (C API, "duckdb_string_t"). */
typedef struct pyr_duckdb_string {
    uint32_t length;
    char prefix[4];
    const char *pointer;
} pyr_duckdb_string;
static inline const char *pyr_duckdb_string_bytes(const pyr_duckdb_string *string) {
    enum { INLINED_MAX = 12 };
    return string->length <= INLINED_MAX
               ? (const char *)string + offsetof(pyr_duckdb_string, prefix)
               : string->pointer;
}

/* ---- duckdb_each.c: our table functions for each row of another table. ---- */

/* Behind a function's name: the macro that takes columns. */
#define PYR_DUCKDB_EACH_SUFFIX "_each"
PYR_MUST_CHECK pyr_status pyr_duckdb_each_register(const pyr_duckdb_api *api,
                                                   dd_connection connection, pyr_error *error);

/* ---- duckdb_function.c ---- */

/* The table functions of ../functions/table_function.h. */
PYR_MUST_CHECK pyr_status pyr_duckdb_functions_register(const pyr_duckdb_api *api,
                                                        dd_connection connection, pyr_error *error);

/* ---- duckdb_adapt.c: what DuckDB reads wrongly, as what it reads right. ---- */

/* A schema as DuckDB is to see it; fields that need nothing are shared. */
PYR_MUST_CHECK pyr_status pyr_duckdb_adapt_schema(const pyr_schema *schema, pyr_schema **out,
                                                  pyr_error *error);
/* An array as one of the adapted field; itself, retained, where there is nothing to do. A
 * dictionary keeps its values: they are adapted by themselves. PYR_ERROR_NOT_SUPPORTED for a value
 * that DuckDB would cut. */
PYR_MUST_CHECK pyr_status pyr_duckdb_adapt_array(pyr_array *array, pyr_field *to,
                                                 pyr_query_ledger *ledger, pyr_budget *budget,
                                                 pyr_array **out, pyr_error *error);
/* A copy with other children; list views become large lists. */
PYR_MUST_CHECK pyr_status pyr_duckdb_field_with_children(const pyr_field *field,
                                                         pyr_field *const *children,
                                                         pyr_field **out, pyr_error *error);

/* ---- duckdb_enum.c ---- */

typedef struct pyr_duckdb_enum pyr_duckdb_enum;
bool pyr_duckdb_is_enum(const pyr_field *field);
/* Of such a field. PYR_ERROR_CORRUPT where its metadata are no values. */
PYR_MUST_CHECK pyr_status pyr_duckdb_enum_create(const pyr_field *field, pyr_duckdb_enum **out,
                                                 pyr_error *error);
void pyr_duckdb_enum_destroy(pyr_duckdb_enum *enumeration); /* NULL allowed */
dd_type pyr_duckdb_enum_type(const pyr_duckdb_api *api, const pyr_duckdb_enum *enumeration);
/* The place of each of the dictionary's values among the type's; the caller frees it. */
PYR_MUST_CHECK pyr_status pyr_duckdb_enum_translate(const pyr_duckdb_enum *enumeration,
                                                    const pyr_array *dictionary, uint32_t **out,
                                                    pyr_error *error);
/* The bytes it wrote. */
int64_t pyr_duckdb_enum_emit(const pyr_duckdb_api *api, const pyr_duckdb_enum *enumeration,
                             const uint32_t *codes, const pyr_array *array, int64_t offset,
                             int64_t rows, dd_vector to);

/* Turns one batch into DuckDB vectors of at most vector_size rows, by reference. One thread. */
typedef struct pyr_duckdb_morsel pyr_duckdb_morsel;
/* How the projected columns are handed over; shared by the threads of a scan, immutable. */
typedef struct pyr_duckdb_shape {
    const pyr_duckdb_api *api;
    dd_connection connection;
    const pyr_schema *schema; /* adapted, of the whole table; borrowed */
    const int32_t *columns;   /* count: places in the schema */
    int32_t count;            /* columns of the table that are read */
    const int32_t *outputs;   /* their places in the output chunk */
    dd_arrow_schema *values;  /* count: of a dictionary column's values; NULL: a plain column */
    pyr_duckdb_enum **enums;  /* count: of an ENUM column; NULL: another one */
    int32_t plain_count;      /* those that are neither */
    dd_arrow_schema plain;    /* of the plain columns together; NULL where there is none */
} pyr_duckdb_shape;
/* schema: adapted; it, columns and outputs outlive the shape. PYR_ERROR_NOT_SUPPORTED for types
 * that DuckDB has not. */
PYR_MUST_CHECK pyr_status pyr_duckdb_shape_init(pyr_duckdb_shape *shape, const pyr_duckdb_api *api,
                                                dd_connection connection, const pyr_schema *schema,
                                                const int32_t *columns, const int32_t *outputs,
                                                int32_t count, pyr_error *error);
void pyr_duckdb_shape_deinit(pyr_duckdb_shape *shape);
PYR_MUST_CHECK pyr_status pyr_duckdb_morsel_create(const pyr_duckdb_shape *shape,
                                                   pyr_query_ledger *ledger, pyr_budget *budget,
                                                   pyr_duckdb_morsel **out, pyr_error *error);
void pyr_duckdb_morsel_destroy(pyr_duckdb_morsel *morsel);
/* batch: the shape's columns in order, as the table has them; retained until the next load. */
PYR_MUST_CHECK pyr_status pyr_duckdb_morsel_load(pyr_duckdb_morsel *morsel, pyr_batch *batch,
                                                 pyr_error *error);
/* Rows [offset, offset + rows) of the loaded batch into output. */
PYR_MUST_CHECK pyr_status pyr_duckdb_morsel_emit(pyr_duckdb_morsel *morsel, int64_t offset,
                                                 int64_t rows, dd_chunk output, pyr_error *error);

/* ---- duckdb_prepare.c ---- */

typedef struct pyr_duckdb_session {
    pyr_engine_session session;
    const pyr_file_access *files;
} pyr_duckdb_session;

typedef struct pyr_duckdb_prepared {
    pyr_prepared prepared;
    pyr_duckdb_lease lease;
    pyr_duckdb_run *run;
    pyr_snapshot *snapshot; /* retained: what the names were bound against */
    pyr_dialect dialect;    /* as it was prepared with */
    char *sql;              /* as DuckDB got it */
    char **qualified;       /* see pyr_duckdb_binding */
    size_t qualified_count;
    int32_t
        *numbers; /* the parameters' numbers in the text given, ascending; NULL where ? is used */
    size_t numbers_count;
    dd_prepared statement;
    bool streaming;     /* a stream of it is open: its connection is busy */
    pyr_needed needed;  /* of the snapshot: what its overlay has; empty: no overlay */
    char *schema_name;  /* NULL: "main" */
    pyr_error not_made; /* why the first object that could not be made could not; PYR_OK: none */
    bool aborted;       /* its overlay's transaction is: it runs no more */
    bool once;          /* it takes numbers of sequences: it is not run again */
} pyr_duckdb_prepared;

typedef enum pyr_duckdb_wrap {
    PYR_DUCKDB_QUERY,
    PYR_DUCKDB_COPY,
    PYR_DUCKDB_EXPLAIN
} pyr_duckdb_wrap;
/* prefix and suffix go around the query's text for COPY and EXPLAIN; the query alone is checked to
 * be one SELECT first. Error positions are those of query->sql. */
PYR_MUST_CHECK pyr_status pyr_duckdb_prepare(pyr_duckdb_session *session,
                                             const pyr_engine_query *query, const char *prefix,
                                             const char *suffix, pyr_duckdb_wrap wrap,
                                             pyr_duckdb_prepared **out, pyr_error *error);
void pyr_duckdb_prepared_destroy(pyr_duckdb_prepared *prepared);
/* Binds the parameters and starts. *result must be destroyed before the statement. */
PYR_MUST_CHECK pyr_status pyr_duckdb_start(pyr_duckdb_prepared *prepared,
                                           const pyr_engine_query *query, dd_result *result,
                                           pyr_error *error);
/* The next chunk, NULL at the end; checks callbacks' errors, cancellation and mappings. */
PYR_MUST_CHECK pyr_status pyr_duckdb_fetch(pyr_duckdb_prepared *prepared, dd_result *result,
                                           dd_chunk *out, pyr_error *error);
/* ---- duckdb_overlay.c: the catalog's objects for one statement. ---- */

/* Makes what prepared->needed says in a transaction of the connection, which nobody else sees and
 * which ends with it. Objects that cannot be made are left out and noted, but for query->define. */
PYR_MUST_CHECK pyr_status pyr_duckdb_overlay_make(pyr_duckdb_prepared *prepared,
                                                  const pyr_engine_query *query, pyr_error *error);
/* 42501 where the session may not run what the object is made of. */
PYR_MUST_CHECK pyr_status pyr_duckdb_check_definition(const pyr_duckdb_prepared *prepared,
                                                      const pyr_entry *object, pyr_error *error);
/* Anew, after an error ended the transaction. */
PYR_MUST_CHECK pyr_status pyr_duckdb_overlay_renew(pyr_duckdb_prepared *prepared,
                                                   const pyr_engine_query *query, pyr_error *error);
/* The names of tables in the objects' definitions, added to prepared->qualified. */
PYR_MUST_CHECK pyr_status pyr_duckdb_overlay_mentions(pyr_duckdb_prepared *prepared,
                                                      pyr_error *error);
/* Around calls that bind (duckdb_prepare.c): what DuckDB asks on this thread is about prepared. */
typedef struct pyr_duckdb_bound_call {
    pyr_duckdb_binding binding;
    pyr_duckdb_call call;
    pyr_duckdb_watch *watch;
} pyr_duckdb_bound_call;
/* Not to be moved between begin and end. */
void pyr_duckdb_call_begin(pyr_duckdb_bound_call *call, pyr_duckdb_prepared *prepared,
                           const pyr_engine_query *query);
void pyr_duckdb_call_end(pyr_duckdb_bound_call *call);
/* What went wrong, most telling first: cancellation, a callback of ours, a mapping that faulted,
 * DuckDB's own message. */
pyr_status pyr_duckdb_explain_failure(pyr_duckdb_prepared *prepared, const char *message,
                                      pyr_error *error);

/* ---- duckdb_sequence.c ---- */

/* The functions behind the overlays' macros nextval and currval. */
PYR_MUST_CHECK pyr_status pyr_duckdb_sequence_register(const pyr_duckdb_api *api,
                                                       dd_connection connection, pyr_error *error);

/* ---- duckdb_epoch.c: BIGINT against timestamps. ---- */

/* The statement's text with what was put into it, in order of place. */
typedef struct pyr_duckdb_rewrite {
    pyr_text text;
    size_t places[64], lengths[64];
    size_t count;
} pyr_duckdb_rewrite;
/* When message (DuckDB's JSON) is a complaint about a BIGINT where a timestamp was needed, puts a
 * conversion beside it and returns true: prepare again. */
bool pyr_duckdb_epoch_rewrite(pyr_duckdb_rewrite *rewrite, const char *message);
/* A place in the rewritten text as one in the text before. */
int32_t pyr_duckdb_rewrite_origin(const pyr_duckdb_rewrite *rewrite, int32_t position);
/* The macros that the rewriting uses and toStartOfHour's family. */
PYR_MUST_CHECK pyr_status pyr_duckdb_epoch_register(const pyr_duckdb_api *api,
                                                    dd_connection connection, const char *time_unit,
                                                    pyr_error *error);

/* ---- duckdb_params.c ---- */

PYR_MUST_CHECK pyr_status pyr_duckdb_bind_params(pyr_duckdb_prepared *prepared,
                                                 const pyr_batch *params, pyr_error *error);

/* ---- duckdb_types.c ---- */

/* Whether DuckDB's usual Arrow type for it loses something: such columns are converted apart. */
bool pyr_duckdb_type_needs_lossless(const pyr_duckdb_api *api, dd_type type);
/* false where it, or a type inside of it, depends on a parameter; NULL allowed. */
bool pyr_duckdb_type_is_known(const pyr_duckdb_api *api, dd_type type);
PYR_MUST_CHECK pyr_status pyr_duckdb_field_of_type(const pyr_duckdb_instance *instance,
                                                   dd_type type, const char *name, pyr_field **out,
                                                   pyr_error *error);
/* 22015 for an INTERVAL that DuckDB would let overflow on its way to Arrow. vector: flat, of a
 * result. */
PYR_MUST_CHECK pyr_status pyr_duckdb_check_intervals(const pyr_duckdb_api *api,
                                                     const pyr_field *field, dd_type type,
                                                     dd_vector vector, uint64_t rows,
                                                     pyr_error *error);

/* ---- duckdb_result.c ---- */

PYR_MUST_CHECK pyr_status pyr_duckdb_stream_create(pyr_duckdb_prepared *prepared, bool owns,
                                                   dd_result *result, pyr_stream **out,
                                                   pyr_error *error);

/* ---- duckdb_error.c ---- */

/* DuckDB's text (JSON, as errors_as_json gives it, or plain) as an error of ours; a fatal one marks
 * the instance. instance NULL allowed. */
pyr_status pyr_duckdb_error_set(pyr_duckdb_instance *instance, const char *text, pyr_error *error);
/* Consumes data (NULL allowed). PYR_OK when it holds no error. */
PYR_MUST_CHECK pyr_status pyr_duckdb_error_take(const pyr_duckdb_api *api, dd_error data,
                                                pyr_error *error);
/* A string member of the JSON object in message, unescaped, into out; false when it is not there.
 */
bool pyr_duckdb_error_member(const char *message, const char *name, pyr_text *out);

#endif
