/* engine.h - the one interface of the engines: a statement and a snapshot in, an Arrow stream out.
 *
 * An engine is created once a database, a worker (pyr_engine_session) once a connection. A query
 * runs in one engine. Nothing between the engine and the client looks at rows.
 */
#ifndef PYR_ENGINES_ENGINE_H
#define PYR_ENGINES_ENGINE_H

#include "arrow/batch.h"
#include "base/thread_pool.h"
#include "catalog/catalog.h"
#include "engines/dialect.h"
#include "sql/statement.h"

/* What a connection may do with files. Fixed for the life of an engine session. */
typedef struct pyr_file_access {
    bool unrestricted;          /* local sessions */
    size_t folders_count;       /* else: only below these, none by default */
    const char *const *folders; /* canonical absolute paths; outlive the engine session */
} pyr_file_access;
/* PYR_ERROR_PERMISSION 42501 naming the path and --allow-path, when access does not allow it.
 * Symbolic links and ".." are resolved first. */
PYR_MUST_CHECK pyr_status pyr_file_access_check(const pyr_file_access *access, const char *path,
                                                pyr_error *error);

/* The regular files that a pattern names (storage/glob.h), each of them allowed by access. Freed
 * with pyr_glob_free. */
PYR_MUST_CHECK pyr_status pyr_file_access_glob(const pyr_file_access *access, const char *pattern,
                                               char ***paths, size_t *count, pyr_error *error);

/* Opens models, each mapped once for all who read it. The session's; any thread. */
struct pyr_safetensors;
typedef struct pyr_model_resolver {
    void *context;
    /* name: behind "model:", with its version or alias. *out is retained. A model that is not
     * there, or not for this user, is PYR_ERROR_NOT_FOUND 42P01; a file of it that is not, 58030.
     * Registered models need no right to their path. */
    pyr_status (*open)(void *context, const char *name, struct pyr_safetensors **out,
                       pyr_error *error);
    /* A file or an index of shards, as pyr_model_open does (models/model_file.h). */
    pyr_status (*open_file)(void *context, const char *path, struct pyr_safetensors **out,
                            pyr_error *error);
} pyr_model_resolver;

/* Everything an engine is given for one statement. Borrowed for prepare and execute; what the
 * stream needs later it retains (snapshot, params, budget). ledger and cancel outlive the stream;
 * cancel of prepare what is prepared, too, where that reads functions in FROM.
 */
typedef struct pyr_engine_query {
    const char *sql; /* one statement, a query; length bytes */
    size_t length;
    const struct pyr_select *select; /* our parse, NULL where it goes beyond us */
    const char *not_covered;         /* why select is NULL */
    pyr_snapshot *snapshot;
    /* One row of $1, $2, ..., or NULL. Of another number of rows the query is one row of VALUES,
     * each a parameter, and gives as many; only the native engine takes those. */
    pyr_batch *params;
    bool all_batches;    /* zone maps skip none: for tests that compare */
    int64_t morsel_rows; /* of sources that may choose, for tests, too; 0: theirs */
    bool profile;        /* operators count what they do: explain after execute says it */
    const pyr_file_access *files;
    const pyr_model_resolver *models; /* NULL: there are none */
    struct pyr_opened_tables *opened; /* by functions in FROM, one statement's; NULL: not kept */
    unsigned threads;
    size_t memory_limit_bytes; /* 0: none */
    const char *time_unit;     /* of BIGINT epochs: "s", "ms", "us", "ns" */
    const char *temp_folder;   /* for spilling; NULL: none */
    const char *schema_name;   /* where unqualified names are looked up; NULL: "main" */
    pyr_entry *define; /* of the snapshot: it must be possible to make it; NULL: none. A position
                           in an error is then one in its definition */
    const pyr_dialect *dialect; /* NULL: as it is by default */
    pyr_thread_pool *pool;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_cancel_flag *cancel;
} pyr_engine_query;

/* The last column of the table function pyr_scan_rows(schema, table), which statements that change
 * rows read from: BIGINT, the segment's number in the upper 32 bits and the row in the lower 32. */
#define PYR_ROWID_COLUMN "__pyralog_rowid"

struct pyr_text;
typedef struct pyr_engine pyr_engine;
typedef struct pyr_engine_session pyr_engine_session;
typedef struct pyr_prepared pyr_prepared;

typedef struct pyr_engine_ops {
    const char *name; /* "native", "duckdb" */
    void (*destroy)(pyr_engine *engine);
    pyr_status (*session_create)(pyr_engine *engine, const pyr_file_access *files,
                                 pyr_engine_session **out, pyr_error *error);
    void (*session_destroy)(pyr_engine_session *session);
    /* Binds the query against its snapshot: tables, columns, types. PYR_ERROR_NOT_SUPPORTED with
     * the construct's name when this engine does not cover it (the router goes on to the next one);
     * any other error is the statement's. Parameters need not be there yet. */
    pyr_status (*prepare)(pyr_engine_session *session, const pyr_engine_query *query,
                          pyr_prepared **out, pyr_error *error);
    void (*prepared_destroy)(pyr_prepared *prepared);
    /* NULL, both, in an engine that has no use for them. rest: lets go of snapshot, parameters and
     * session; what is left is good for renew, whenever, and to be destroyed. renew: what prepare
     * would give for a query of the same select tree; false: that is to be asked, and it rests on.
     */
    void (*rest)(pyr_prepared *prepared);
    bool (*renew)(pyr_prepared *prepared, pyr_engine_session *session,
                  const pyr_engine_query *query);
    /* Runs it. query is the one prepared, or the same text with other parameters and a newer
     * snapshot (the engine binds again where it must). */
    pyr_status (*execute)(pyr_prepared *prepared, const pyr_engine_query *query, pyr_stream **out,
                          pyr_error *error);
    /* The plan as text, lines divided by '\n', for EXPLAIN. */
    pyr_status (*explain)(pyr_prepared *prepared, struct pyr_text *out, pyr_error *error);
} pyr_engine_ops;

struct pyr_engine {
    const pyr_engine_ops *ops;
};
struct pyr_engine_session {
    pyr_engine *engine;
};
struct pyr_prepared {
    pyr_engine_session *session;
    pyr_schema *schema; /* of the result; may be NULL until parameters are known */
    /* Types of $1, $2, ...: fields of NULL type where nothing says. Retained; NULL where none, and
     * where the query had its parameters: there may be thousands of them. */
    pyr_schema *parameters;
    /* The stream may be PYR_ERROR_NOT_SUPPORTED before its first batch: another engine should have
     * the query then. */
    bool may_refuse;
};

/* scan, project, slice, LIMIT over segments, and queries of literals; copies nothing. */
PYR_MUST_CHECK pyr_status pyr_engine_native_create(pyr_engine **out, pyr_error *error);
/* Loads libduckdb when the first session prepares a query. PYR_ERROR_NOT_SUPPORTED at that time
 * when it is not to be found (the message says where was looked and how to install it). */
PYR_MUST_CHECK pyr_status pyr_engine_duckdb_create(pyr_engine **out, pyr_error *error);

/* Chooses: engine_setting "auto", "native" or "duckdb". *why: static or in arena, for EXPLAIN. With
 * "native" a statement it does not cover is PYR_ERROR_NOT_SUPPORTED 0A000 naming the construct.
 * sessions: native first, then duckdb (NULL when not built in). */
PYR_MUST_CHECK pyr_status pyr_router_prepare(pyr_engine_session *native, pyr_engine_session *duckdb,
                                             const char *engine_setting,
                                             const pyr_engine_query *query, pyr_arena *arena,
                                             pyr_prepared **out, const char **why,
                                             pyr_error *error);
/* Whether a plan of the native engine that rests serves this query as pyr_router_prepare would:
 * then it is bound to it. */
bool pyr_router_renew(pyr_engine_session *native, const char *engine_setting,
                      const pyr_engine_query *query, pyr_prepared *prepared, const char **why);

#endif
