/* session.h - the façade all fronts share (C API, shell, Flight): open, run, ingest, cancel.
 *
 * The public types pyr_database and pyr_connection are these. Internally results are pyr_streams
 * instead of C streams. Thread rules as in pyralog.h.
 */
#ifndef PYR_SESSION_SESSION_H
#define PYR_SESSION_SESSION_H

#include "arrow/batch.h"
#include "base/thread_pool.h"
#include "pyralog.h"

struct pyr_safetensors; /* formats/safetensors/safetensors.h */

/* How a connection may behave. Zeroed: a local one. */
typedef struct pyr_connect_options {
    bool remote;          /* over the network: files only below folders, no extensions */
    size_t folders_count; /* --allow-path, canonical absolute; copied */
    const char *const *folders;
    const char *user; /* for pyralog.queries; NULL: the operating system's */
} pyr_connect_options;
PYR_MUST_CHECK pyr_status pyr_session_connect(pyr_database *db, const pyr_connect_options *options,
                                              pyr_connection **out, pyr_error *error);

/* One statement's outcome. */
typedef struct pyr_result {
    bool has_rows;                   /* a query: stream is set */
    pyr_stream *stream;              /* NULL where the statement gives no rows */
    int64_t rows_changed;            /* INSERT, COPY, CREATE AS */
    char *message;                   /* for a terminal: "CREATE TABLE"; NULL for queries */
    struct pyr_execution *execution; /* keeps ledger, cancel flag, snapshot; reference-counted */
} pyr_result;
/* Nobody waits for this connection any more: cancels what runs on it, and whatever is still begun
 * on it starts out cancelled. Any thread. */
void pyr_session_abandon(pyr_connection *connection);
/* Releases the stream and the execution. */
void pyr_result_deinit(pyr_result *result);
/* The ledger of this result; valid until pyr_result_deinit. */
pyr_query_ledger *pyr_result_ledger(pyr_result *result);
/* Lines for the user, "" where there are none; valid until pyr_result_deinit. */
const char *pyr_result_notices(const pyr_result *result);
/* Raised from any thread while the result is held. */
void pyr_result_cancel(pyr_result *result);

/* Runs exactly one statement (sql as split; positions in errors count from its start). params: one
 * row, or NULL. deadline_ns: monotonic, 0 none. Engine and reason: EXPLAIN. */
PYR_MUST_CHECK pyr_status pyr_session_run(pyr_connection *connection, const char *sql,
                                          size_t length, pyr_batch *params, int64_t deadline_ns,
                                          pyr_result *out, pyr_error *error);

/* What a statement would give, without running it: *schema retained, NULL for one without rows;
 * *is_update true for DML and DDL. *parameters: retained, NULL where none. */
PYR_MUST_CHECK pyr_status pyr_session_describe(pyr_connection *connection, const char *sql,
                                               size_t length, pyr_schema **schema, bool *is_update,
                                               pyr_schema **parameters, pyr_error *error);

/* Bulk append of batches as they come (DoPut, ingest). name: "table" or "schema.table". The table
 * is created when missing and create is set. Batches are cast where the table's types differ and a
 * lossless cast exists, else PYR_ERROR_SQL 42804. */
typedef struct pyr_ingest_writer pyr_ingest_writer;
PYR_MUST_CHECK pyr_status pyr_ingest_open(pyr_connection *connection, const char *name,
                                          pyr_schema *schema, bool create, bool replace,
                                          pyr_ingest_writer **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_ingest_batch(pyr_ingest_writer *writer, pyr_batch *batch,
                                           pyr_error *error);
/* Makes everything so far durable and visible. rows: of this writer so far. */
PYR_MUST_CHECK pyr_status pyr_ingest_commit(pyr_ingest_writer *writer, int64_t *rows,
                                            pyr_error *error);
pyr_query_ledger *pyr_ingest_ledger(pyr_ingest_writer *writer);
void pyr_ingest_close(
    pyr_ingest_writer *writer); /* NULL allowed; uncommitted batches are dropped */

/* The tables of the current snapshot, for ListFlights, completion and .tables: visit is called in
 * name order. schema is borrowed. */
PYR_MUST_CHECK pyr_status pyr_session_tables(
    pyr_connection *connection,
    pyr_status (*visit)(void *context, const char *schema_name, const char *name,
                        pyr_schema *schema, int64_t rows, int64_t size_bytes, pyr_error *error),
    void *context, pyr_error *error);

/* Every segment's CRCs and the catalog; report as in catalog.h's pyr_catalog_verify, one line a
 * segment (message NULL: well). */
PYR_MUST_CHECK pyr_status pyr_session_verify(pyr_database *db,
                                             void (*report)(void *context, const char *table,
                                                            const char *segment,
                                                            const char *message),
                                             void *context, pyr_error *error);

/* Opens a model for a program: "model:NAME", a NAME in model_registry, or else the path of one,
 * which a session over the network must be allowed to read. Mapped once in a process; only headers
 * are read. A registered one whose files are not as they were is opened with a notice of this call
 * (pyr_notices); 58030 where one is missing. The caller releases *out, which outlives everything.
 */
PYR_MUST_CHECK pyr_status pyr_session_open_model(pyr_connection *connection,
                                                 const char *name_or_path,
                                                 struct pyr_safetensors **out, pyr_error *error);

/* What was found of one registered model. Borrowed by the visit. */
typedef struct pyr_model_finding {
    const char *name, *path; /* of the row */
    const char *state;       /* "ok", "changed", "missing" */
    const char *message;     /* what is wrong; NULL: nothing is */
    int64_t size_bytes;      /* as registered; -1: of an alias that means nothing */
    bool hashed;             /* its bytes were read and compared, too */
} pyr_model_finding;
/* Looks at the model that a name means (NULL: at every row of the registry, by name). opens: its
 * headers are read, as whoever uses it does; else its bytes are hashed where a hash is known, those
 * of an alias's model with its own row alone, where all are looked at. */
PYR_MUST_CHECK pyr_status pyr_session_check_models(
    pyr_connection *connection, const char *name, bool opens,
    pyr_status (*visit)(void *context, const pyr_model_finding *finding, pyr_error *error),
    void *context, pyr_error *error);

/* Progress of the running statement, for a terminal: 0..1, or -1 where nobody knows. Any thread. */
double pyr_session_progress(pyr_connection *connection);

#endif
