/* slt_session.c - the databases and connections of a file, and its statements: all through the
 * façade, so that every row lives in our storage. */
#include "slt.h"

#include "sql/statement.h"

#include <stdio.h>
#include <string.h>

pyr_status slt_session_open(slt_session *session, const char *location, bool readonly,
                            pyr_error *error) {
    const char *const options[] = {"readonly=true", NULL};
    slt_session_close(session);
    if (location != session->location) {
        snprintf(session->location, sizeof(session->location), "%s", location);
    }
    session->readonly = readonly;
    return pyr_open(session->location, readonly ? options : NULL, &session->db, error);
}

void slt_session_close(slt_session *session) {
    for (size_t i = 0; i < session->count; ++i) {
        pyr_disconnect(session->connections[i]);
    }
    session->count = 0;
    pyr_close(session->db);
    session->db = NULL;
}

void slt_session_disconnect(slt_session *session, const char *name) {
    for (size_t i = 0; i < session->count; ++i) {
        if (strcmp(session->names[i], name) == 0) {
            pyr_disconnect(session->connections[i]);
            --session->count;
            memmove(session->names[i], session->names[session->count], sizeof(session->names[i]));
            session->connections[i] = session->connections[session->count];
            return;
        }
    }
}

static pyr_status find_connection(slt_session *session, const char *name, pyr_connection **out,
                                  pyr_error *error) {
    for (size_t i = 0; i < session->count; ++i) {
        if (strcmp(session->names[i], name) == 0) {
            *out = session->connections[i];
            return PYR_OK;
        }
    }
    if (session->count == SLT_CONNECTIONS_MAX || strlen(name) >= sizeof(session->names[0])) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "sqllogictest: connection \"%s\": too many",
                             name);
    }
    PYR_TRY(pyr_connect(session->db, out, error));
    memcpy(session->names[session->count], name, strlen(name) + 1);
    session->connections[session->count++] = *out;
    return PYR_OK;
}

/* Pulls the stream to its end: an error may come with any batch. */
static pyr_status take_rows(pyr_result *source, slt_dialect dialect, const char *types,
                            slt_result *result, pyr_error *error) {
    slt_result_columns(result, source->stream->schema);
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(source->stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        slt_result_add(result, batch, dialect, types);
        pyr_batch_release(batch);
    }
}

/* DuckDB answers a statement that changes rows with one column, their number, and another one with
 * that column and no row: files ask for it with "query I". */
static void take_count(const pyr_result *source, slt_result *result) {
    static const char *const counted[] = {"INSERT", "COPY",  "UPDATE",
                                          "DELETE", "MERGE", "CREATE TABLE ("};
    slt_result_count_column(result);
    for (size_t i = 0; source->message != NULL && i < sizeof(counted) / sizeof(counted[0]); ++i) {
        if (strncmp(source->message, counted[i], strlen(counted[i])) == 0 &&
            strstr(source->message, "already there") == NULL) {
            slt_result_count(result, source->rows_changed);
        }
    }
}

pyr_status slt_session_run(slt_session *session, const char *name, const char *sql,
                           slt_dialect dialect, const char *types, slt_result *result,
                           const char **failed, pyr_error *error) {
    pyr_connection *connection = NULL;
    *failed = sql;
    if (session->db == NULL) {
        return pyr_error_set(error, PYR_ERROR_NOT_FOUND, "sqllogictest: no database is open");
    }
    PYR_TRY(find_connection(session, name, &connection, error));
    size_t position = 0;
    pyr_span statement;
    bool complete;
    bool open;
    while (pyr_sql_split(sql, strlen(sql), &position, &statement, &complete, &open)) {
        slt_result_deinit(result);
        slt_result_init(result);
        *failed = slt_strndup(&result->arena, statement.text, statement.length);
        pyr_result source;
        PYR_TRY(
            pyr_session_run(connection, statement.text, statement.length, NULL, 0, &source, error));
        pyr_status status = PYR_OK;
        if (source.has_rows) {
            status = take_rows(&source, dialect, types, result, error);
        } else {
            take_count(&source, result);
        }
        pyr_result_deinit(&source);
        PYR_TRY(status);
    }
    return PYR_OK;
}
