/* api.c - the public C API's queries over the façade: C streams outside, pyr_streams inside. */
#include "arrow/cdata.h"
#include "session/params.h"
#include "session/session_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Several statements in one text. ---- */

static void shift_position(pyr_error *error, size_t offset) {
    if (error != NULL && error->position >= 0) {
        error->position += (int32_t)offset;
    }
}

/* Runs all statements; the last one's outcome is *out. An empty text gives a zeroed result. */
static pyr_status run_all(pyr_connection *connection, const char *sql, pyr_batch *params,
                          pyr_result *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    size_t position = 0;
    pyr_span statement;
    bool complete;
    bool open;
    while (pyr_sql_split(sql, strlen(sql), &position, &statement, &complete, &open)) {
        /* The one before is not the last: it runs to its end, its rows are dropped. */
        pyr_status status = PYR_OK;
        while (out->has_rows) {
            pyr_batch *batch = NULL;
            status = pyr_stream_next(out->stream, &batch, error);
            if (status != PYR_OK || batch == NULL) {
                break;
            }
            pyr_batch_release(batch);
        }
        pyr_result_deinit(out);
        if (status == PYR_OK) {
            status = pyr_session_run(connection, statement.text, statement.length, params, 0, out,
                                     error);
            if (status != PYR_OK) {
                shift_position(error, statement.offset);
            }
        }
        PYR_TRY(status);
    }
    return PYR_OK;
}

pyr_status pyr_execute(pyr_connection *connection, const char *sql, const pyr_params *params,
                       int64_t *rows_changed, pyr_error *error) {
    if (rows_changed != NULL) {
        *rows_changed = 0;
    }
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_params_borrow(params, &batch, error));
    pyr_result result;
    pyr_status status = run_all(connection, sql, batch, &result, error);
    while (status == PYR_OK && result.has_rows) {
        pyr_batch *rows = NULL;
        status = pyr_stream_next(result.stream, &rows, error);
        if (rows == NULL) {
            break;
        }
        pyr_batch_release(rows);
    }
    if (status == PYR_OK && rows_changed != NULL) {
        *rows_changed = result.rows_changed;
    }
    pyr_result_deinit(&result);
    pyr_batch_release(batch);
    return status;
}

/* ---- Streams that own their result. ---- */

typedef struct owned_stream {
    pyr_stream stream;
    pyr_result result;
} owned_stream;

static pyr_status owned_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    owned_stream *self = (owned_stream *)stream;
    *out = NULL;
    if (self->result.stream == NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_stream_next(self->result.stream, out, error));
    if (*out != NULL && (*out)->selection != NULL) {
        pyr_batch *dense = NULL;
        pyr_execution *execution = self->result.execution;
        pyr_status status =
            pyr_batch_dense(*out, &execution->ledger, execution->budget, &dense, error);
        pyr_batch_release(*out);
        *out = dense;
        return status;
    }
    return PYR_OK;
}

static void owned_destroy(pyr_stream *stream) {
    owned_stream *self = (owned_stream *)stream;
    pyr_result_deinit(&self->result);
    pyr_schema_release(self->stream.schema);
    free(self);
}

static const pyr_stream_ops owned_ops = {owned_next, owned_destroy};

/* Moves result into a C stream. */
static pyr_status export_result(pyr_result *result, struct ArrowArrayStream *out,
                                pyr_error *error) {
    owned_stream *self = calloc(1, sizeof(*self));
    pyr_status status = PYR_OK;
    if (self == NULL) {
        status = pyr_error_memory(error, sizeof(*self));
    } else if (result->has_rows) {
        self->stream.schema = pyr_schema_retain(result->stream->schema);
    } else {
        status = pyr_schema_create(NULL, 0, NULL, &self->stream.schema, error);
    }
    if (status != PYR_OK) {
        free(self);
        pyr_result_deinit(result);
        return status;
    }
    self->stream.ops = &owned_ops;
    self->result = *result;
    memset(result, 0, sizeof(*result));
    return pyr_stream_export(&self->stream, NULL, NULL, out, error);
}

/* Copied where what comes out may hold them, which outlives the call. */
static void count_params(pyr_result *result, const pyr_batch *params) {
    if (params != NULL && result->execution != NULL) {
        pyr_ledger_add_copy(&result->execution->ledger, PYR_COPY_PARAMETERS,
                            pyr_batch_size_bytes(params));
    }
}

pyr_status pyr_query(pyr_connection *connection, const char *sql, const pyr_params *params,
                     struct ArrowArrayStream *stream, pyr_error *error) {
    memset(stream, 0, sizeof(*stream));
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_params_copy(params, &batch, error));
    pyr_result result;
    pyr_status status = run_all(connection, sql, batch, &result, error);
    if (status == PYR_OK) {
        count_params(&result, batch);
        status = export_result(&result, stream, error);
    } else {
        pyr_result_deinit(&result);
    }
    pyr_batch_release(batch);
    return status;
}

/* ---- One row. ---- */

/* Takes the first row and makes sure that no second comes. */
static pyr_status take_one(pyr_result *result, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    pyr_status status = PYR_OK;
    while (status == PYR_OK && result->has_rows) {
        pyr_batch *batch = NULL;
        status = pyr_stream_next(result->stream, &batch, error);
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        int64_t rows = pyr_batch_selected(batch);
        if (rows + (*out != NULL) > 1) {
            status = pyr_error_set(error, PYR_ERROR_MANY_ROWS, "the query gives more than one row");
        } else if (rows == 1) {
            status = pyr_batch_dense(batch, &result->execution->ledger, NULL, out, error);
        }
        pyr_batch_release(batch);
    }
    if (status == PYR_OK && *out == NULL) {
        status = pyr_error_set(error, PYR_ERROR_NO_ROWS, "the query gives no row");
    }
    if (status != PYR_OK) {
        pyr_batch_release(*out);
        *out = NULL;
    }
    return status;
}

pyr_status pyr_query_one(pyr_connection *connection, const char *sql, const pyr_params *params,
                         pyr_row *row, pyr_error *error) {
    memset(row, 0, sizeof(*row));
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_params_copy(params, &batch, error));
    pyr_result result;
    pyr_batch *one = NULL;
    pyr_status status = run_all(connection, sql, batch, &result, error);
    if (status == PYR_OK) {
        count_params(&result, batch);
        status = take_one(&result, &one, error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_export(one->schema, &row->schema, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_export(one, &row->array, error);
    }
    if (status != PYR_OK) {
        pyr_row_release(row);
    }
    pyr_batch_release(one);
    pyr_result_deinit(&result);
    pyr_batch_release(batch);
    return status;
}

void pyr_row_release(pyr_row *row) {
    if (row == NULL) {
        return;
    }
    if (row->schema.release != NULL) {
        row->schema.release(&row->schema);
    }
    if (row->array.release != NULL) {
        row->array.release(&row->array);
    }
    memset(row, 0, sizeof(*row));
}

/* ---- Prepared statements. ---- */

struct pyr_statement {
    pyr_connection *connection; /* retained */
    char *sql;
    pyr_parse_memo *memo;
    /* Under the connection's call_lock. */
    pyr_batch *params;
    int64_t uncounted_bytes; /* of params, for the ledger of the next run */
    pyr_kept_schema kept;
};

pyr_status pyr_prepare(pyr_connection *connection, const char *sql, pyr_statement **out,
                       pyr_error *error) {
    *out = NULL;
    size_t position = 0;
    pyr_span text;
    pyr_span more;
    bool complete;
    bool open;
    if (!pyr_sql_split(sql, strlen(sql), &position, &text, &complete, &open)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", 0, "there is no statement");
    }
    if (pyr_sql_split(sql, strlen(sql), &position, &more, &complete, &open)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)more.offset,
                                 "one statement can be prepared at a time");
    }
    pyr_schema *schema = NULL;
    pyr_schema *parameters = NULL;
    bool is_update = false;
    pyr_status status = pyr_session_describe(connection, text.text, text.length, &schema,
                                             &is_update, &parameters, error);
    pyr_schema_release(schema);
    pyr_schema_release(parameters);
    if (status != PYR_OK) {
        shift_position(error, text.offset);
        return status;
    }
    pyr_statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL || (statement->memo = pyr_parse_memo_create()) == NULL ||
        (statement->sql = strndup(text.text, text.length)) == NULL) {
        pyr_parse_memo_release(statement != NULL ? statement->memo : NULL);
        free(statement);
        return pyr_error_memory(error, text.length);
    }
    statement->connection = pyr_connection_retain(connection);
    pyr_text_init(&statement->kept.signature);
    *out = statement;
    return PYR_OK;
}

pyr_status pyr_bind(pyr_statement *statement, const pyr_params *params, pyr_error *error) {
    pyr_batch *batch = NULL;
    pyr_batch *before = NULL;
    pthread_mutex_t *lock = &statement->connection->call_lock;
    pthread_mutex_lock(lock);
    pyr_status status = pyr_params_copy_rows(params, &statement->kept, &batch, error);
    if (status == PYR_OK) {
        before = statement->params;
        statement->params = batch;
        statement->uncounted_bytes = batch != NULL ? pyr_batch_size_bytes(batch) : 0;
    }
    pthread_mutex_unlock(lock);
    pyr_batch_release(before);
    return status;
}

/* many: there may be any number of rows of parameters. */
static pyr_status run_statement(pyr_statement *statement, bool many, pyr_result *out,
                                pyr_error *error) {
    pyr_connection *connection = statement->connection;
    pthread_mutex_lock(&connection->call_lock);
    pyr_batch *params = pyr_batch_retain(statement->params);
    int64_t copied_bytes = statement->uncounted_bytes;
    statement->uncounted_bytes = 0;
    pthread_mutex_unlock(&connection->call_lock);
    pyr_status status = PYR_OK;
    if (!many && params != NULL && params->rows != 1) {
        status = pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                               "parameters: a result is that of one row of them, %lld are bound",
                               (long long)params->rows);
    }
    if (status == PYR_OK) {
        status = pyr_session_run_prepared(connection, statement->sql, strlen(statement->sql),
                                          statement->memo, params, 0, out, error);
    }
    if (status == PYR_OK && out->execution != NULL) {
        pyr_ledger_add_copy(&out->execution->ledger, PYR_COPY_PARAMETERS, copied_bytes);
    }
    pyr_batch_release(params);
    return status;
}

pyr_status pyr_statement_query(pyr_statement *statement, struct ArrowArrayStream *stream,
                               pyr_error *error) {
    memset(stream, 0, sizeof(*stream));
    pyr_result result;
    PYR_TRY(run_statement(statement, false, &result, error));
    return export_result(&result, stream, error);
}

pyr_status pyr_statement_execute(pyr_statement *statement, int64_t *rows_changed,
                                 pyr_error *error) {
    if (rows_changed != NULL) {
        *rows_changed = 0;
    }
    pyr_result result;
    PYR_TRY(run_statement(statement, true, &result, error));
    pyr_status status = PYR_OK;
    while (result.has_rows) {
        pyr_batch *batch = NULL;
        status = pyr_stream_next(result.stream, &batch, error);
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        pyr_batch_release(batch);
    }
    if (status == PYR_OK && rows_changed != NULL) {
        *rows_changed = result.rows_changed;
    }
    pyr_result_deinit(&result);
    return status;
}

void pyr_statement_close(pyr_statement *statement) {
    if (statement == NULL) {
        return;
    }
    pyr_batch_release(statement->params);
    pyr_connection_release(statement->connection);
    pyr_parse_memo_release(statement->memo);
    pyr_schema_release(statement->kept.schema);
    pyr_text_deinit(&statement->kept.signature);
    free(statement->sql);
    free(statement);
}

/* ---- Ingest. ---- */

typedef struct ingest_choices {
    bool create, replace;
    pyr_keyed_mode on_conflict;
} ingest_choices;

static pyr_status ingest_options(const char *const *options, ingest_choices *out,
                                 pyr_error *error) {
    *out = (ingest_choices){.create = true};
    for (size_t i = 0; options != NULL && options[i] != NULL; ++i) {
        if (strcmp(options[i], "create=false") == 0) {
            out->create = false;
        } else if (strcmp(options[i], "create=true") == 0) {
            out->create = true;
        } else if (strcmp(options[i], "replace=true") == 0) {
            out->replace = true;
        } else if (strcmp(options[i], "replace=false") == 0) {
            out->replace = false;
        } else if (strcmp(options[i], "on_conflict=error") == 0) {
            out->on_conflict = PYR_KEYED_INSERT;
        } else if (strcmp(options[i], "on_conflict=ignore") == 0) {
            out->on_conflict = PYR_KEYED_IGNORE;
        } else if (strcmp(options[i], "on_conflict=replace") == 0) {
            out->on_conflict = PYR_KEYED_REPLACE;
        } else {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "ingest: unknown option \"%s\"; known are create and replace, "
                                 "true or false, and on_conflict: error, ignore or replace",
                                 options[i]);
        }
    }
    return PYR_OK;
}

static pyr_status ingest_batches(pyr_ingest_writer *writer, pyr_stream *stream, pyr_error *error) {
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        /* Offsets and UTF-8 of a foreign stream are bytes from outside. */
        pyr_status status = pyr_batch_validate(batch, PYR_VALIDATE_FULL, error);
        if (status == PYR_OK) {
            status = pyr_ingest_batch(writer, batch, error);
        }
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* With call_lock held. */
static pyr_status ingest_held(pyr_connection *connection, const char *table, pyr_stream *stream,
                              const char *const *options, int64_t *rows, pyr_error *error) {
    ingest_choices choices;
    pyr_ingest_writer *writer = NULL;
    pyr_status status = ingest_options(options, &choices, error);
    if (status == PYR_OK) {
        status = pyr_ingest_open_held(connection, table, stream->schema, choices.create,
                                      choices.replace, choices.on_conflict, &writer, error);
    }
    if (status == PYR_OK) {
        status = ingest_batches(writer, stream, error);
    }
    if (status == PYR_OK) {
        status = pyr_ingest_commit(writer, rows, error);
    }
    pyr_ingest_close(writer);
    return status;
}

pyr_status pyr_ingest(pyr_connection *connection, const char *table,
                      struct ArrowArrayStream *source, const char *const *options, int64_t *rows,
                      pyr_error *error) {
    if (rows != NULL) {
        *rows = 0;
    }
    int64_t total = 0;
    pyr_stream *stream = NULL;
    pyr_status status = pyr_stream_import(source, &stream, error);
    /* A call like the others: those on this connection wait, and pyr_cancel is about it. A result
     * of this connection may be the source, for pulling one takes no lock. */
    pthread_mutex_lock(&connection->call_lock);
    if (status == PYR_OK) {
        status = ingest_held(connection, table, stream, options, &total, error);
    }
    /* Rows of a table with keys are in the transaction's change as they come: it must not be
     * committed, wherever the failure was found. */
    pyr_transaction_note(connection, status);
    pthread_mutex_unlock(&connection->call_lock);
    if (status == PYR_OK && rows != NULL) {
        *rows = total;
    }
    pyr_stream_destroy(stream);
    return status;
}
