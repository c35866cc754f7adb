/* copy_to.c - COPY t TO, COPY (query) TO: Arrow files by our own writer, other formats by DuckDB.
 */
#ifdef PYRALOG_HAVE_DUCKDB
#include "engines/duckdb/duckdb_engine.h"
#endif
#include "arrow/ipc/ipc.h"
#include "base/file.h"
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *find_option(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcmp(parsed->options[i].name, name) == 0) {
            return parsed->options[i].value != NULL ? parsed->options[i].value : "true";
        }
    }
    return NULL;
}

static const char *format_of(const pyr_parsed *parsed) {
    const char *format = find_option(parsed, "format");
    if (format == NULL) {
        const char *dot = strrchr(parsed->path, '.');
        format = dot != NULL ? dot + 1 : "csv";
    }
    static const char *const names[][2] = {
        {"arrow", "arrow"}, {"feather", "arrow"}, {"ipc", "arrow"},
        {"csv", "csv"},     {"tsv", "csv"},       {"parquet", "parquet"},
        {"json", "json"},   {"ndjson", "json"},   {"jsonl", "json"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcasecmp(format, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

static pyr_status write_batches(pyr_execution *execution, pyr_stream *stream, int fd,
                                const char *path, const pyr_ipc_write_options *options,
                                int64_t *rows, pyr_error *error) {
    pyr_ipc_writer *writer = NULL;
    PYR_TRY(pyr_ipc_writer_create(fd, path, stream->schema, PYR_IPC_FILE, options,
                                  &execution->ledger, &writer, error));
    pyr_status status = PYR_OK;
    for (;;) {
        pyr_batch *batch = NULL;
        status = pyr_cancel_flag_check(&execution->cancel, error);
        if (status == PYR_OK) {
            status = pyr_stream_next(stream, &batch, error);
        }
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        *rows += pyr_batch_selected(batch);
        status = pyr_ipc_writer_batch(writer, batch, NULL, error);
        if (status == PYR_OK) {
            status = pyr_batch_check_mappings(batch, error);
        }
        pyr_batch_release(batch);
        if (status != PYR_OK) {
            break;
        }
    }
    if (status == PYR_OK) {
        status = pyr_ipc_writer_finish(writer, NULL, error);
    }
    pyr_ipc_writer_destroy(writer);
    return status;
}

/* Written beside the target and renamed over it: a reader never sees half a file. */
static pyr_status copy_to_arrow(pyr_execution *execution, const pyr_parsed *parsed,
                                const pyr_span *query, pyr_batch *params, int64_t *rows,
                                pyr_error *error) {
    pyr_ipc_write_options options = {.allow_replacement = false};
    const char *compression = find_option(parsed, "compression");
    if (compression != NULL && strcasecmp(compression, "zstd") == 0) {
        options.compression = PYR_IPC_ZSTD;
    } else if (compression != NULL && strcasecmp(compression, "lz4") == 0) {
        options.compression = PYR_IPC_LZ4_FRAME;
    } else if (compression != NULL && strcasecmp(compression, "none") != 0) {
        return pyr_error_set(error, PYR_ERROR_SQL,
                             "COPY: compression \"%s\" is not one of none, lz4, zstd", compression);
    }
    char *temporary = pyr_arena_printf(&execution->arena, "%s.%d.tmp", parsed->path, getpid());
    if (temporary == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_result source = {0};
    int fd = -1;
    pyr_status status = pyr_run_query(execution, query, params, &source, error);
    if (status == PYR_OK) {
        status = pyr_file_create(temporary, true, &fd, error);
    }
    if (status == PYR_OK) {
        status = write_batches(execution, source.stream, fd, temporary, &options, rows, error);
        pyr_error ignored;
        pyr_status closed = pyr_file_close(fd, temporary, status == PYR_OK ? error : &ignored);
        status = status == PYR_OK ? closed : status;
        if (status == PYR_OK) {
            status = pyr_file_rename(temporary, parsed->path, error);
        }
        if (status != PYR_OK) {
            unlink(temporary);
        }
    }
    pyr_stream_destroy(source.stream);
    return status;
}

static pyr_status copy_by_duckdb(pyr_execution *execution, const pyr_parsed *parsed,
                                 const char *format, const pyr_span *query, pyr_batch *params,
                                 int64_t *rows, pyr_error *error) {
#ifdef PYRALOG_HAVE_DUCKDB
    pyr_text options;
    pyr_text_init(&options);
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcmp(parsed->options[i].name, "format") == 0) {
            continue;
        }
        pyr_text_printf(&options, ", ");
        pyr_sql_quote_name(parsed->options[i].name, &options);
        if (parsed->options[i].value != NULL) {
            pyr_text_add_char(&options, ' ');
            if (parsed->options[i].nested) { /* PARTITION_BY (a, b): a list, not a text */
                pyr_text_add(&options, parsed->options[i].value);
            } else {
                pyr_sql_quote_string(parsed->options[i].value, &options);
            }
        }
    }
    pyr_engine_query engine_query = {
        .sql = query->text,
        .length = query->length,
        .snapshot = execution->snapshot,
        .params = params,
        .files = &execution->connection->files,
        .threads =
            execution->settings.threads != 0 ? execution->settings.threads : pyr_cpus_available(),
        .memory_limit_bytes = execution->settings.memory_limit_bytes,
        .time_unit = execution->settings.time_unit,
        .temp_folder = execution->connection->db->temp_folder,
        .ledger = &execution->ledger,
        .budget = execution->budget,
        .cancel = &execution->cancel,
    };
    pyr_status status = pyr_text_check(&options, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_copy_to(execution->worker.duckdb, &engine_query, parsed->path, format,
                                    pyr_text_get(&options), rows, error);
    }
    pyr_text_deinit(&options);
    return status;
#else
    (void)execution;
    (void)parsed;
    (void)query;
    (void)params;
    (void)rows;
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                         "COPY TO (FORMAT %s) needs the DuckDB engine, which this build is "
                         "without; FORMAT arrow works",
                         format);
#endif
}

pyr_status pyr_run_copy_to(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_file_access_check(&execution->connection->files, parsed->path, error));
    const char *format = format_of(parsed);
    if (format == NULL) {
        return pyr_error_set(error, PYR_ERROR_SQL,
                             "COPY: the format of \"%s\" cannot be told from its name: give "
                             "(FORMAT arrow | csv | parquet | json)",
                             parsed->path);
    }
    pyr_span query = parsed->query;
    pyr_text text;
    pyr_text_init(&text);
    if (query.text == NULL) {
        pyr_table *table = NULL;
        PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
        pyr_text_add(&text, "SELECT ");
        for (size_t i = 0; i < parsed->names_count; ++i) {
            pyr_text_add(&text, i > 0 ? ", " : "");
            pyr_sql_quote_name(parsed->names[i], &text);
        }
        pyr_text_add(&text, parsed->names_count == 0 ? "* FROM " : " FROM ");
        pyr_sql_quote_name(table->schema_name, &text);
        pyr_text_add_char(&text, '.');
        pyr_sql_quote_name(table->name, &text);
        query = (pyr_span){pyr_text_get(&text), text.length, 0};
    }
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK && strcmp(format, "arrow") == 0) {
        status = copy_to_arrow(execution, parsed, &query, params, &out->rows_changed, error);
    } else if (status == PYR_OK) {
        status =
            copy_by_duckdb(execution, parsed, format, &query, params, &out->rows_changed, error);
    }
    if (status != PYR_OK && parsed->query.text == NULL && error != NULL) {
        error->position = -1; /* it points into a text the user did not write */
    }
    pyr_text_deinit(&text);
    PYR_TRY(status);
    return pyr_result_message(out, error, "COPY %lld", (long long)out->rows_changed);
}
