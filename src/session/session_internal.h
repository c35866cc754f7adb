/* session_internal.h - what the files of this folder share.
 *
 * Ownership: a pyr_execution (one running statement) retains its connection, a connection retains
 * its database, so a result outlives pyr_disconnect and pyr_close.
 *
 * Lock order: connection->call_lock (held during a call), then connection->state_lock, then
 * database->lock. The last two are leaves held for a few instructions.
 */
#ifndef PYR_SESSION_INTERNAL_H
#define PYR_SESSION_INTERNAL_H

#include "base/text.h"
#include "catalog/change.h"
#include "catalog/keyed.h"
#include "engines/engine.h"
#include "engines/functions/table_function.h"
#include "models/cache.h"
#include "models/registry.h"
#include "session/query_log.h"
#include "session/session.h"
#include "sql/lexer.h"

#include <pthread.h>

typedef struct pyr_settings {
    unsigned threads;             /* 0: the CPUs available */
    size_t memory_limit_bytes;    /* 0: none */
    size_t model_memory_bytes;    /* of all models that the process has open; 0: no limit */
    char engine[16];              /* "auto", "native", "duckdb" */
    char time_unit[4];            /* "s", "ms", "us", "ns" */
    int64_t statement_timeout_ms; /* 0: none */
    pyr_dialect dialect;
    char schema_name[PYR_NAME_BYTES_MAX + 1]; /* of USE; "": main */
} pyr_settings;

/* Defaults; then pyr_settings_set. Unknown name: PYR_ERROR_SQL 42704; bad value: 22023. Values of
 * the dialect are taken as they stand: pyr_run_set asks DuckDB about them. */
void pyr_settings_init(pyr_settings *settings);
PYR_MUST_CHECK pyr_status pyr_settings_set(pyr_settings *settings, const char *name,
                                           const char *value, pyr_error *error);
/* Takes one setting back to what defaults say. Unknown name: 42704. */
PYR_MUST_CHECK pyr_status pyr_settings_reset(pyr_settings *settings, const char *name,
                                             const pyr_settings *defaults, pyr_error *error);
size_t pyr_settings_count(void);
const char *pyr_settings_name(size_t index);
/* Whether it is called so, without case; it may have two names. */
bool pyr_settings_is(size_t index, const char *name);
const char *pyr_settings_description(size_t index);
void pyr_settings_print(const pyr_settings *settings, size_t index, pyr_text *out);

struct pyr_database {
    atomic_size_t references;
    pyr_catalog *catalog;
    pyr_engine *native;
    pyr_engine *duckdb;    /* NULL in a build without it */
    pyr_settings settings; /* defaults of new connections; fixed after open */
    unsigned cpus; /* as the database was opened: asking costs more than a small statement */
    bool readonly;
    char *temp_folder;       /* NULL in memory */
    atomic_uint temporaries; /* schemas of temporary tables made */
    pyr_query_log *queries;
    pyr_model_cache *models;
    pyr_registry_definition registry; /* as statements see it */
    pyr_table *registry_empty;        /* without rows */
    pthread_mutex_t lock;             /* guards pool */
    pyr_thread_pool *pool;            /* made on first use */
};
pyr_database *pyr_database_retain(pyr_database *db);
/* The database's worker pool, made on first use; NULL when it cannot be had (then queries run on
 * the caller's thread). */
pyr_thread_pool *pyr_database_pool(pyr_database *db);

/* A statement kept by PREPARE. */
typedef struct pyr_named_statement {
    char *name;
    char *sql;
    struct pyr_named_statement *next;
} pyr_named_statement;

/* What BEGIN began (transaction.c). */
typedef struct pyr_transaction pyr_transaction;
void pyr_transaction_destroy(pyr_transaction *transaction); /* rolls back; NULL allowed */

/* What a prepared statement's texts were parsed to (parse_memo.c): its runs parse nothing that one
 * before them has. Immutable but under call_lock; executions retain it, as streams may point into
 * its parses. */
typedef struct pyr_parse_memo pyr_parse_memo;
pyr_parse_memo *pyr_parse_memo_create(void); /* NULL: out of memory */
pyr_parse_memo *pyr_parse_memo_retain(pyr_parse_memo *memo);
void pyr_parse_memo_release(pyr_parse_memo *memo); /* NULL allowed */
/* Whether a text is memo's own, to its end: then it lives as long as memo. memo NULL: no. */
bool pyr_parse_memo_owns(const pyr_parse_memo *memo, const char *sql, size_t length);
/* What the last run of a text left: a plan that rests (engine.h), which whoever takes it has alone.
 * Anybody may leave one at any time. */
typedef struct pyr_kept_plan pyr_kept_plan;
/* Where the plan of this tree is kept; NULL: it is none of memo's. Under call_lock. */
pyr_kept_plan *pyr_parse_memo_plan(pyr_parse_memo *memo, const struct pyr_select *select);
pyr_prepared *pyr_kept_plan_take(pyr_kept_plan *kept); /* NULL: there is none */
/* Takes what is to rest. */
void pyr_kept_plan_leave(pyr_kept_plan *kept, pyr_prepared *prepared);

#define PYR_IDLE_WORKERS_MAX 4
/* What runs one statement: engine sessions are single-use at a time, and a result keeps its own. */
typedef struct pyr_worker {
    pyr_engine_session *native;
    pyr_engine_session *duckdb; /* NULL: not built in, or not asked for yet */
} pyr_worker;

struct pyr_connection {
    atomic_size_t references;
    pyr_database *db; /* retained */
    bool remote;
    char *user;            /* NULL: the operating system's */
    pyr_file_access files; /* folders owned here */
    char **folders;
    pthread_mutex_t call_lock;
    char temporary_schema[32];       /* under call_lock; "": there are no temporary tables */
    pyr_settings settings;           /* under call_lock */
    pyr_named_statement *statements; /* under call_lock */
    pyr_transaction *transaction;    /* under call_lock; NULL: each statement is one */
    pthread_mutex_t state_lock;      /* guards the rest */
    struct pyr_execution *last;      /* retained: what pyr_cancel and pyr_ledger are about */
    bool abandoned;
    bool disconnected; /* nobody asks for last any more: it is not kept */
    /* For tests that compare ways to run the same, set while nothing runs: see pyr_engine_query. */
    int64_t test_morsel_rows;
    int64_t test_held_bytes; /* what COPY TO safetensors holds in memory; 0: its own measure */
    bool test_all_batches;
    pyr_worker idle[PYR_IDLE_WORKERS_MAX];
    size_t idle_count;
    struct pyr_execution *spare; /* memory for the next one; NULL: none */
};
pyr_connection *pyr_connection_retain(pyr_connection *connection);
void pyr_connection_release(pyr_connection *connection);

/* One statement while it runs and while its result is held. Reference-counted. */
typedef struct pyr_execution {
    atomic_size_t references;
    pyr_connection *connection; /* retained */
    pyr_query_ledger ledger;
    pyr_cancel_flag cancel;
    pyr_budget *budget;
    pyr_arena arena; /* the parse and texts made for the engines */
    pyr_snapshot *snapshot;
    /* As it was taken, without what statements see beside stored tables: changes are made against
     * that. */
    pyr_snapshot *base;
    pyr_change *change; /* of the connection's transaction; NULL: the statement commits by itself */
    pyr_worker worker;
    pyr_settings settings;       /* as they were when it began */
    pyr_model_resolver resolver; /* of 'model:NAME', for the engines */
    pyr_entry *define;    /* of the snapshot: what the engine is to try (objects.c); else NULL */
    bool describes;       /* the statement is only looked at: nothing that it calls is done */
    uint64_t query_id;    /* in the database's query log; 0: not noted */
    pyr_parse_memo *memo; /* retained; NULL: the statement is not a prepared one */
    pyr_text notices;     /* lines */
    struct pyr_spooled *spooled;            /* pipes that were read (spool.c) */
    struct pyr_model_result *model_results; /* what functions gave (model_functions.c) */
    pyr_opened_tables opened;               /* by functions in FROM */
} pyr_execution;

/* A file without a name, for bytes that wait: in the database's folder of temporary files. A
 * database in memory has none: then the bytes are memory, and the caller takes them from the
 * budget. The caller closes *fd, after an error, too, unless it is -1. */
PYR_MUST_CHECK pyr_status pyr_spool_create(const pyr_execution *execution, int *fd,
                                           pyr_error *error);
/* What a path's reader opens: the path itself, or for a pipe all its bytes as a file, until the
 * execution is finished. Waits for the pipe's end: cancellable. */
typedef struct pyr_spooled pyr_spooled;
PYR_MUST_CHECK pyr_status pyr_spool_pipe(pyr_execution *execution, const char *path,
                                         const char **out, pyr_error *error);
/* The same for all pipes that a query reads: *sql becomes a text in the arena where there are any.
 * 0A000 where a pipe's name would have to say more than where its bytes are. */
PYR_MUST_CHECK pyr_status pyr_spool_text(pyr_execution *execution, const char **sql, size_t *length,
                                         pyr_error *error);
void pyr_spooled_close(pyr_execution *execution);

/* Takes a snapshot, becomes the connection's last execution. sql: for the query log; NULL: this is
 * no statement of the user's. */
PYR_MUST_CHECK pyr_status pyr_execution_create(pyr_connection *connection, const char *sql,
                                               size_t length, int64_t deadline_ns,
                                               pyr_execution **out, pyr_error *error);
/* How it ended, for the query log: the first call counts, and without one it ended well. */
void pyr_execution_note_outcome(pyr_execution *execution, pyr_status outcome);
pyr_execution *pyr_execution_retain(pyr_execution *execution);
void pyr_execution_release(pyr_execution *execution); /* NULL allowed */
/* Gives back what only a running statement needs: engine sessions, snapshot, texts. The ledger and
 * the cancel flag stay for pyr_ledger. May be called twice. */
void pyr_execution_finish(pyr_execution *execution);
/* A newer snapshot, for what a statement does after it has written. */
PYR_MUST_CHECK pyr_status pyr_execution_refresh(pyr_execution *execution, pyr_error *error);

/* Puts the tables of schema "pyralog" that a text names (or that one) into the execution's
 * snapshot, as they are now. Names that are no such table are left to whoever looks them up. */
#define PYR_SYSTEM_SCHEMA "pyralog"
PYR_MUST_CHECK pyr_status pyr_system_tables_need(pyr_execution *execution, const char *sql,
                                                 size_t length, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_system_table_need(pyr_execution *execution, const char *name,
                                                pyr_error *error);

/* A line for the user, who gets his result all the same; said once a statement. */
void pyr_execution_notice(pyr_execution *execution, const char *format, ...) PYR_PRINTF(2, 3);
/* What an engine is given for a text that runs in this execution. */
void pyr_execution_query(pyr_execution *execution, const char *sql, size_t length,
                         pyr_batch *params, pyr_engine_query *out);

/* The external tables that a statement reads, as it reads them (external_scan.c). */
typedef struct pyr_externals {
    size_t count;
    pyr_table **tables; /* retained; their scan is set */
} pyr_externals;
/* Lists the files of those that a text names, prunes them and puts what is to be read into the
 * execution's snapshot. describes: the text has parameters without values and will not be run. */
PYR_MUST_CHECK pyr_status pyr_externals_need(pyr_execution *execution, const char *sql,
                                             size_t length, bool describes, pyr_batch *params,
                                             pyr_externals *out, pyr_error *error);
/* Puts all that a text needs beside the stored tables into the execution's snapshot: system tables
 * and external ones, also those that its views and macros name. Before pyr_execution_query. */
PYR_MUST_CHECK pyr_status pyr_query_need_tables(pyr_execution *execution, const char *sql,
                                                size_t length, bool describes, pyr_batch *params,
                                                pyr_externals *out, pyr_error *error);
void pyr_externals_deinit(pyr_externals *externals);
/* After they were read: 58030 naming a file that is not as it was when the statement began. */
PYR_MUST_CHECK pyr_status pyr_externals_check(const pyr_externals *externals, pyr_error *error);
/* "sales: files 3/120", a line each. */
void pyr_externals_explain(const pyr_externals *externals, pyr_text *out);
/* 42809 for a statement that changes an external table, or takes one kind for the other. */
PYR_MUST_CHECK pyr_status pyr_externals_refuse(const pyr_execution *execution,
                                               const pyr_parsed *parsed, pyr_error *error);
/* " (a INTEGER) STORED AS ...;": what follows the name. */
void pyr_external_show_create(const pyr_table *table, pyr_text *out);
/* Each file that was registered: message NULL where it is as it was. PYR_ERROR_CORRUPT at the end
 * where one is not. */
PYR_MUST_CHECK pyr_status pyr_externals_verify(pyr_database *db,
                                               void (*report)(void *context, const char *table,
                                                              const char *file,
                                                              const char *message),
                                               void *context, pyr_error *error);

/* A bound query: what prepare gave and the pyr_engine_query it was made from. */
typedef struct pyr_bound {
    pyr_prepared *prepared;
    pyr_engine_query query;
    pyr_externals externals;
    const char *why;
    const char *engine;        /* name */
    pyr_engine_session *other; /* who may have it where the first gives it back; NULL: nobody */
    pyr_arena *arena;          /* the execution's */
    pyr_kept_plan *kept;       /* where prepared is left; NULL: it is not */
    pyr_parse_memo *memo;      /* retained, of kept */
} pyr_bound;
/* Parses and prepares one query. sql must outlive the execution (its arena, or the caller's). */
PYR_MUST_CHECK pyr_status pyr_bound_prepare(pyr_execution *execution, const char *sql,
                                            size_t length, pyr_batch *params, pyr_bound *out,
                                            pyr_error *error);
/* second_engine.c */
PYR_MUST_CHECK pyr_status pyr_bound_execute(pyr_bound *bound, pyr_stream **out, pyr_error *error);
void pyr_bound_deinit(pyr_bound *bound); /* zeroed: nothing */
/* Executes it and wraps its stream (below); bound is moved into that. */
PYR_MUST_CHECK pyr_status pyr_bound_run(pyr_execution *execution, pyr_bound *bound, pyr_result *out,
                                        pyr_error *error);

/* repeats.c: whether a query can be run a second time, as it reads stored tables, or none, and no
 * file, which may be a pipe that is empty by then. false where nobody knows. */
bool pyr_query_repeats(pyr_execution *execution, const char *sql, size_t length);

/* Takes stream and makes it count rows, check the mappings it hands out views of, and keep the
 * execution (and, when given, the prepared statement) alive. bound is moved; NULL allowed. */
PYR_MUST_CHECK pyr_status pyr_result_stream_wrap(pyr_execution *execution, pyr_bound *bound,
                                                 pyr_stream *stream, pyr_stream **out,
                                                 pyr_error *error);

/* For a wrapped stream that is handed to the client: the execution is finished with it. A stream
 * that is read inside a statement (an INSERT's source) leaves the execution alone. */
void pyr_result_stream_set_last(pyr_stream *stream);

/* The statements; each in its own file. All are called with call_lock held. */
PYR_MUST_CHECK pyr_status pyr_run_query(pyr_execution *execution, const pyr_span *text,
                                        pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_create_table(pyr_execution *execution, const pyr_parsed *parsed,
                                               pyr_batch *params, pyr_result *out,
                                               pyr_error *error);
/* ---- temporary.c ---- */

/* Whether a schema's name is one of those that are temporary. */
bool pyr_temporary_is_schema(const char *name);
/* Whether names without a schema are those of main alone, or of views there. */
bool pyr_names_are_plain(const pyr_execution *execution);
/* The schema of the connection's temporary table of that name; NULL: there is none. */
const char *pyr_temporary_schema_of(const pyr_execution *execution, const char *name);
/* Where a query's unqualified names are looked up before main; *out NULL: nowhere. */
PYR_MUST_CHECK pyr_status pyr_execution_search(const pyr_execution *execution, const char *sql,
                                               size_t length, const char **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_create_temporary(pyr_execution *execution,
                                                   const pyr_parsed *parsed, pyr_batch *params,
                                                   pyr_result *out, pyr_error *error);
/* Removes a temporary schema with all that is in it, only NULL: every one. */
void pyr_temporary_drop(pyr_catalog *catalog, const char *only);

PYR_MUST_CHECK pyr_status pyr_run_create_external(pyr_execution *execution,
                                                  const pyr_parsed *parsed, pyr_result *out,
                                                  pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_refresh_external(pyr_execution *execution,
                                                   const pyr_parsed *parsed, pyr_result *out,
                                                   pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_drop_table(pyr_execution *execution, const pyr_parsed *parsed,
                                             pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_create_object(pyr_execution *execution, const pyr_parsed *parsed,
                                                pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_drop_object(pyr_execution *execution, const pyr_parsed *parsed,
                                              pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_comment(pyr_execution *execution, const pyr_parsed *parsed,
                                          pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_use(pyr_execution *execution, const pyr_parsed *parsed,
                                      pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_alter(pyr_execution *execution, const pyr_parsed *parsed,
                                        pyr_result *out, pyr_error *error);
/* Gives columns whose types are such that somebody created their fields. 42704. */
PYR_MUST_CHECK pyr_status pyr_resolve_types(pyr_execution *execution, const pyr_parsed *parsed,
                                            pyr_error *error);
/* The change that a statement adds to: its transaction's, or one of its own. */
typedef struct pyr_own_change {
    pyr_change *change;
    bool owned;
} pyr_own_change;
PYR_MUST_CHECK pyr_status pyr_own_change_begin(pyr_execution *execution, pyr_own_change *out,
                                               pyr_error *error);
/* One of its own begins with base instead of the execution's: for what is held against nothing that
 * the statement has read. */
PYR_MUST_CHECK pyr_status pyr_own_change_begin_from(pyr_execution *execution, pyr_snapshot *base,
                                                    pyr_own_change *out, pyr_error *error);
/* Commits what is the statement's own, on disk when it returns; that of rows written to a table
 * (NULL allowed) as its sync option says. */
PYR_MUST_CHECK pyr_status pyr_own_change_commit(pyr_own_change *own, const pyr_table *table,
                                                pyr_error *error);
void pyr_own_change_deinit(pyr_own_change *own); /* zeroed: nothing */
/* Both, but no commit where status says that something failed. */
PYR_MUST_CHECK pyr_status pyr_own_change_end(pyr_own_change *own, pyr_status status,
                                             pyr_error *error);
/* Whether a token is name or a string that stands for it, with or without a schema in it. */
bool pyr_token_mentions(const pyr_token *token, const char *name);
/* Whether name stands in an SQL text, as a name or in a string. */
bool pyr_sql_mentions(const char *text, const char *name);
/* An option of WITH (...): 42704 for its name, 22023 for its value. */
PYR_MUST_CHECK pyr_status pyr_check_table_option(const pyr_option_value *option, pyr_error *error);
/* Those of the statement, checked, in the arena. */
PYR_MUST_CHECK pyr_status pyr_collect_table_options(pyr_execution *execution,
                                                    const pyr_parsed *parsed,
                                                    pyr_table_option **out, pyr_error *error);
/* Names are looked up there from now on. 3F000. */
PYR_MUST_CHECK pyr_status pyr_use_schema(pyr_execution *execution, const char *name,
                                         int32_t position, pyr_error *error);
/* Gives a table's or view's name without a schema that of USE, where it is there. */
void pyr_name_in_session(const pyr_execution *execution, pyr_name *name);
/* pyr_sql_parse, with the session's schema for names that say none. */
PYR_MUST_CHECK pyr_status pyr_parse_in_session(pyr_execution *execution, const char *sql,
                                               size_t length, pyr_parsed **out, pyr_error *error);
/* The same from the memo, where it has the text, or kept in it. *own: to be freed with
 * pyr_parsed_deinit (NULL where it is the memo's). With call_lock held. */
PYR_MUST_CHECK pyr_status pyr_execution_parse(pyr_execution *execution, const char *sql,
                                              size_t length, const pyr_parsed **out,
                                              pyr_parsed **own, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_create_index(pyr_execution *execution, const pyr_parsed *parsed,
                                               pyr_result *out, pyr_error *error);
/* An index, and what it demands of its table. */
PYR_MUST_CHECK pyr_status pyr_drop_index(pyr_execution *execution, pyr_entry *index,
                                         pyr_error *error);
/* Those of a table that goes. */
PYR_MUST_CHECK pyr_status pyr_drop_indexes(const pyr_snapshot *snapshot, pyr_change *change,
                                           uint64_t table_id, pyr_error *error);
/* Those on a table or object that goes, and on its columns. */
PYR_MUST_CHECK pyr_status pyr_drop_comments(const pyr_snapshot *snapshot, pyr_change *change,
                                            const char *schema_name, const char *name,
                                            pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_insert(pyr_execution *execution, const pyr_parsed *parsed,
                                         pyr_batch *params, pyr_result *out, pyr_error *error);
/* What pyr_run_insert finds wrong before it reads a row: table, columns, source. Retained, NULL
 * where none: schema, of what RETURNING gives; parameters. */
PYR_MUST_CHECK pyr_status pyr_check_insert(pyr_execution *execution, const pyr_parsed *parsed,
                                           pyr_schema **schema, pyr_schema **parameters,
                                           pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_copy_from(pyr_execution *execution, const pyr_parsed *parsed,
                                            pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_copy_to(pyr_execution *execution, const pyr_parsed *parsed,
                                          pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_explain(pyr_execution *execution, const pyr_parsed *parsed,
                                          pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_show(pyr_execution *execution, const pyr_parsed *parsed,
                                       pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_set(pyr_execution *execution, const pyr_parsed *parsed,
                                      pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_prepared(pyr_execution *execution, const pyr_parsed *parsed,
                                           pyr_batch *params, pyr_result *out, pyr_error *error);

/* What kind of file a COPY means. */
typedef enum pyr_copy_format {
    PYR_COPY_ARROW,
    PYR_COPY_CSV,
    PYR_COPY_PARQUET,
    PYR_COPY_JSON,
    PYR_COPY_SAFETENSORS
} pyr_copy_format;
const char *pyr_copy_format_name(pyr_copy_format format); /* "arrow", ... */
/* By the FORMAT option, else by the path's suffix, which may be followed by .gz or .zst. *tabs: a
 * .tsv, whose delimiter is a tab where no other is given. 22023 or 42000 where it is neither. */
PYR_MUST_CHECK pyr_status pyr_copy_format_of(const pyr_parsed *parsed, pyr_copy_format *out,
                                             bool *tabs, pyr_error *error);
/* An option's value, "true" for a bare one; NULL where it is not given. */
const char *pyr_copy_option(const pyr_parsed *parsed, const char *name);

PYR_MUST_CHECK pyr_status pyr_run_change_rows(pyr_execution *execution, const pyr_parsed *parsed,
                                              pyr_batch *params, pyr_result *out, pyr_error *error);
/* What running it would find wrong before a row is looked at, as pyr_check_insert. */
PYR_MUST_CHECK pyr_status pyr_check_change_rows(pyr_execution *execution, const pyr_parsed *parsed,
                                                pyr_schema **schema, pyr_schema **parameters,
                                                pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_merge(pyr_execution *execution, const pyr_parsed *parsed,
                                        pyr_batch *params, pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_check_merge(pyr_execution *execution, const pyr_parsed *parsed,
                                          pyr_schema **schema, pyr_schema **parameters,
                                          pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_backup(pyr_execution *execution, const pyr_parsed *parsed,
                                         pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_maintain(pyr_execution *execution, const pyr_parsed *parsed,
                                           pyr_result *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_run_transaction(pyr_execution *execution, const pyr_parsed *parsed,
                                              pyr_result *out, pyr_error *error);
/* Any statement, parsed already; the dispatcher. */
PYR_MUST_CHECK pyr_status pyr_run_parsed(pyr_execution *execution, const pyr_parsed *parsed,
                                         pyr_batch *params, pyr_result *out, pyr_error *error);

/* pyr_ingest_open for a caller that holds call_lock. on_conflict: what becomes of rows whose key is
 * there; but for PYR_KEYED_INSERT 42P10 where the table has no key. */
PYR_MUST_CHECK pyr_status pyr_ingest_open_held(pyr_connection *connection, const char *name,
                                               pyr_schema *schema, bool create, bool replace,
                                               pyr_keyed_mode on_conflict, pyr_ingest_writer **out,
                                               pyr_error *error);

/* ---- Transactions (transaction.c). ---- */

/* Sets the execution's snapshot and change. */
PYR_MUST_CHECK pyr_status pyr_transaction_enter(pyr_execution *execution, pyr_error *error);
/* 25P02 where only ROLLBACK is possible any more. parsed NULL: an ingest. */
PYR_MUST_CHECK pyr_status pyr_transaction_check(const pyr_execution *execution,
                                                const pyr_parsed *parsed, pyr_error *error);
/* A failed statement or ingest aborts its transaction. With call_lock held. */
void pyr_transaction_note(pyr_connection *connection, pyr_status outcome);
/* A transaction around several runs of a statement, where none is open (else *begun is false and
 * nothing is done). With call_lock held; end commits where outcome is PYR_OK, which it gives, or
 * the commit's. */
PYR_MUST_CHECK pyr_status pyr_transaction_begin_implicit(pyr_connection *connection, bool *begun,
                                                         pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_transaction_end_implicit(pyr_connection *connection,
                                                       pyr_status outcome, pyr_error *error);
bool pyr_transaction_is_read_only(const pyr_execution *execution);
/* As the catalog's calls, in the statement's transaction. */
PYR_MUST_CHECK pyr_status pyr_execution_create_table(pyr_execution *execution,
                                                     const pyr_table_definition *definition,
                                                     pyr_create_mode mode, bool *created,
                                                     pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_execution_drop_table(pyr_execution *execution, const pyr_name *name,
                                                   bool if_exists, bool *dropped, pyr_error *error);

/* pyr_session_run of a prepared statement. memo: of this text; NULL: none. */
PYR_MUST_CHECK pyr_status pyr_session_run_prepared(pyr_connection *connection, const char *sql,
                                                   size_t length, pyr_parse_memo *memo,
                                                   pyr_batch *params, int64_t deadline_ns,
                                                   pyr_result *out, pyr_error *error);

/* A small result of text rows, and the like: takes rows of columns_count cells, NULL for null. */
PYR_MUST_CHECK pyr_status pyr_result_from_texts(pyr_execution *execution, const char *const *names,
                                                int32_t columns_count, const char *const *cells,
                                                size_t rows, pyr_result *out, pyr_error *error);
/* PYR_ERROR_SQL 25006 where the database is readonly. */
PYR_MUST_CHECK pyr_status pyr_check_writable(const pyr_execution *execution, const char *what,
                                             pyr_error *error);
/* Finds a table in the execution's snapshot: 42P01 with the name's position. Borrowed. */
PYR_MUST_CHECK pyr_status pyr_resolve_table(pyr_execution *execution, const pyr_name *name,
                                            pyr_table **out, pyr_error *error);
/* out->message as printf. */
PYR_MUST_CHECK pyr_status pyr_result_message(pyr_result *out, pyr_error *error, const char *format,
                                             ...) PYR_PRINTF(3, 4);

#endif
