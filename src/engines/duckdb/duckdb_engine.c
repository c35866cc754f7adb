/* duckdb_engine.c - the DuckDB engine behind engine.h. */
#include "engines/duckdb/duckdb_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void engine_destroy(pyr_engine *base) {
    pyr_duckdb_engine *engine = (pyr_duckdb_engine *)base;
    pyr_duckdb_instances_close(engine);
    pyr_duckdb_watch_deinit(&engine->watch);
    pthread_cond_destroy(&engine->opened);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

static pyr_status session_create(pyr_engine *engine, const pyr_file_access *files,
                                 pyr_engine_session **out, pyr_error *error) {
    *out = NULL;
    pyr_duckdb_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return pyr_error_memory(error, sizeof(*session));
    }
    session->session.engine = engine;
    session->files = files;
    *out = &session->session;
    return PYR_OK;
}

static void session_destroy(pyr_engine_session *session) {
    free(session);
}

static pyr_status engine_prepare(pyr_engine_session *session, const pyr_engine_query *query,
                                 pyr_prepared **out, pyr_error *error) {
    pyr_duckdb_prepared *prepared = NULL;
    *out = NULL;
    PYR_TRY(pyr_duckdb_prepare((pyr_duckdb_session *)session, query, "", "", PYR_DUCKDB_QUERY,
                               &prepared, error));
    *out = &prepared->prepared;
    return PYR_OK;
}

static void prepared_destroy(pyr_prepared *prepared) {
    assert(!((pyr_duckdb_prepared *)prepared)->streaming);
    pyr_duckdb_prepared_destroy((pyr_duckdb_prepared *)prepared);
}

/* A plan holds the tables it was bound to, and a connection runs one query at a time: another
 * snapshot, or a stream still open, needs a statement of its own. */
static bool is_usable(const pyr_duckdb_prepared *prepared, const pyr_engine_query *query) {
    return !prepared->streaming && !prepared->aborted && prepared->snapshot == query->snapshot;
}

static pyr_status engine_execute(pyr_prepared *base, const pyr_engine_query *query,
                                 pyr_stream **out, pyr_error *error) {
    pyr_duckdb_prepared *prepared = (pyr_duckdb_prepared *)base;
    bool owns = false;
    *out = NULL;
    if (!is_usable(prepared, query)) {
        PYR_TRY(pyr_duckdb_prepare((pyr_duckdb_session *)base->session, query, "", "",
                                   PYR_DUCKDB_QUERY, &prepared, error));
        owns = true;
    }
    if (query->ledger != NULL) {
        snprintf(query->ledger->engine, sizeof(query->ledger->engine), "duckdb");
    }
    dd_result result;
    pyr_status status = pyr_duckdb_start(prepared, query, &result, error);
    if (status != PYR_OK) {
        if (owns) {
            pyr_duckdb_prepared_destroy(prepared);
        }
        return status;
    }
    return pyr_duckdb_stream_create(prepared, owns, &result, out, error);
}

/* EXPLAIN's rows: explain_key, explain_value. */
static pyr_status add_explain_rows(pyr_stream *stream, struct pyr_text *out, pyr_error *error) {
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return pyr_text_check(out, error);
        }
        for (int64_t i = 0; i < batch->rows; ++i) {
            size_t length = 0;
            const pyr_array *texts = batch->columns[batch->columns_count - 1];
            const uint8_t *bytes = pyr_array_bytes(texts, i, &length);
            pyr_text_append(out, (const char *)bytes, length);
        }
        pyr_batch_release(batch);
    }
}

/* Prepared again behind EXPLAIN, on a connection of its own. Without parameters' values DuckDB
 * cannot plan a statement that has some. */
static pyr_status engine_explain(pyr_prepared *base, struct pyr_text *out, pyr_error *error) {
    pyr_duckdb_prepared *prepared = (pyr_duckdb_prepared *)base;
    const pyr_duckdb_profile *profile = &prepared->lease.instance->profile;
    pyr_engine_query query = {
        .sql = prepared->sql,
        .length = strlen(prepared->sql),
        .snapshot = prepared->snapshot,
        .threads = profile->threads,
        .memory_limit_bytes = profile->memory_limit_bytes,
        .time_unit = profile->time_unit,
        .temp_folder = profile->temp_folder,
        .schema_name = prepared->schema_name,
        .dialect = &prepared->dialect,
        .cancel = prepared->run->cancel,
    };
    PYR_TRY(pyr_duckdb_skip_explain(prepared->run, prepared->snapshot, out, error));
    if (prepared->prepared.parameters != NULL) {
        pyr_text_add(out, "(DuckDB plans a statement with parameters when they are given)");
        return pyr_text_check(out, error);
    }
    pyr_duckdb_prepared *explained = NULL;
    PYR_TRY(pyr_duckdb_prepare((pyr_duckdb_session *)base->session, &query, "EXPLAIN ", "",
                               PYR_DUCKDB_EXPLAIN, &explained, error));
    dd_result result;
    pyr_stream *stream = NULL;
    pyr_status status = pyr_duckdb_start(explained, &query, &result, error);
    if (status != PYR_OK) {
        pyr_duckdb_prepared_destroy(explained);
        return status;
    }
    PYR_TRY(pyr_duckdb_stream_create(explained, true, &result, &stream, error));
    status = add_explain_rows(stream, out, error);
    pyr_stream_destroy(stream);
    return status;
}

static const pyr_engine_ops duckdb_ops = {
    .name = "duckdb",
    .destroy = engine_destroy,
    .session_create = session_create,
    .session_destroy = session_destroy,
    .prepare = engine_prepare,
    .prepared_destroy = prepared_destroy,
    .execute = engine_execute,
    .explain = engine_explain,
};

pyr_status pyr_engine_duckdb_create(pyr_engine **out, pyr_error *error) {
    *out = NULL;
    pyr_duckdb_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL || pthread_mutex_init(&engine->lock, NULL) != 0) {
        free(engine);
        return pyr_error_memory(error, sizeof(*engine));
    }
    pthread_cond_init(&engine->opened, NULL); /* which glibc cannot fail to do */
    engine->engine.ops = &duckdb_ops;
    pyr_status status = pyr_duckdb_watch_init(&engine->watch, error);
    if (status != PYR_OK) {
        pthread_cond_destroy(&engine->opened);
        pthread_mutex_destroy(&engine->lock);
        free(engine);
        return status;
    }
    *out = &engine->engine;
    return PYR_OK;
}
