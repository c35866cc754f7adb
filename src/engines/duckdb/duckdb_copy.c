/* duckdb_copy.c - COPY (query) TO a file in DuckDB's own formats. */
#include "engines/duckdb/duckdb_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* COPY's one row: the number of rows written. */
static pyr_status read_count(pyr_stream *stream, int64_t *rows, pyr_error *error) {
    *rows = 0;
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        if (batch->rows > 0 && batch->columns_count > 0) {
            *rows = pyr_array_int64(batch->columns[0], 0);
        }
        pyr_batch_release(batch);
    }
}

pyr_status pyr_duckdb_copy_to(pyr_engine_session *base, const pyr_engine_query *query,
                              const char *path, const char *format, const char *options,
                              int64_t *rows, pyr_error *error) {
    pyr_duckdb_session *session = (pyr_duckdb_session *)base;
    *rows = 0;
    PYR_TRY(pyr_file_access_check(session->files, path, error));
    pyr_text suffix;
    pyr_text_init(&suffix);
    /* The line break ends a comment that the query may end in. */
    pyr_text_add(&suffix, "\n) TO ");
    pyr_sql_quote_string(path, &suffix);
    pyr_text_add(&suffix, " (FORMAT ");
    pyr_sql_quote_string(format, &suffix);
    pyr_text_add(&suffix, options);
    pyr_text_add(&suffix, ")");
    pyr_duckdb_prepared *prepared = NULL;
    pyr_status status = pyr_text_check(&suffix, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_prepare(session, query, "COPY (", pyr_text_get(&suffix),
                                    PYR_DUCKDB_COPY, &prepared, error);
    }
    pyr_text_deinit(&suffix);
    PYR_TRY(status);
    if (query->ledger != NULL) {
        snprintf(query->ledger->engine, sizeof(query->ledger->engine), "duckdb");
    }
    dd_result result;
    status = pyr_duckdb_start(prepared, query, &result, error);
    if (status != PYR_OK) {
        pyr_duckdb_prepared_destroy(prepared);
        return status;
    }
    pyr_stream *stream = NULL;
    PYR_TRY(pyr_duckdb_stream_create(prepared, true, &result, &stream, error));
    status = read_count(stream, rows, error);
    pyr_stream_destroy(stream);
    struct stat information;
    if (status == PYR_OK && stat(path, &information) == 0 && S_ISREG(information.st_mode)) {
        pyr_ledger_add_encoded(query->ledger, information.st_size);
    }
    return status;
}
