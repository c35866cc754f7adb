/* copy_to.c - COPY t TO, COPY (query) TO: Arrow and Safetensors files by our own writers, other
 * formats by DuckDB.
 *
 * A regular file is written under another name beside its place and renamed over it when it is
 * whole: a reader never sees half a file, and a full disk leaves what was there before. Devices,
 * pipes and the like are written as they stand; a symbolic link stays and its target is replaced.
 */
#ifdef PYRALOG_HAVE_DUCKDB
#include "engines/duckdb/duckdb_engine.h"
#endif
#include "arrow/ipc/ipc.h"
#include "base/file.h"
#include "session/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Where it is written. ---- */

typedef struct target {
    const char *path;  /* as the statement says, for messages */
    const char *final; /* the same, links resolved */
    const char *write; /* what is opened: final itself, or the name that is renamed to it */
    bool renames;
} target;

static pyr_status target_init(pyr_execution *execution, const pyr_parsed *parsed, target *out,
                              pyr_error *error) {
    pyr_arena *arena = &execution->arena;
    struct stat info;
    bool there = stat(parsed->path, &info) == 0;
    out->path = parsed->path;
    out->final = parsed->path;
    out->write = parsed->path;
    /* A partitioned COPY makes a folder of files, which DuckDB names. */
    out->renames = (!there || S_ISREG(info.st_mode)) &&
                   pyr_copy_option(parsed, "partition_by") == NULL &&
                   pyr_copy_option(parsed, "per_thread_output") == NULL;
    if (!out->renames) {
        return PYR_OK;
    }
    char *resolved = there ? realpath(parsed->path, NULL) : NULL;
    if (resolved != NULL) {
        out->final = pyr_arena_strdup(arena, resolved);
        free(resolved);
    }
    if (out->final != NULL) {
        /* A name of this statement's own. The suffix stays last: DuckDB compresses by it. */
        const char *slash = strrchr(out->final, '/');
        size_t folder = slash != NULL ? (size_t)(slash - out->final) + 1 : 0;
        out->write = pyr_arena_printf(arena, "%.*s.%d-%zx.%s", (int)folder, out->final, getpid(),
                                      (size_t)(uintptr_t)execution, out->final + folder);
    }
    return out->final != NULL && out->write != NULL ? PYR_OK : pyr_arena_error(arena, error);
}

/* Puts the name the user knows where a message names the other one. */
static void name_in_message(const target *self, pyr_error *error) {
    char *found = error != NULL ? strstr(error->message, self->write) : NULL;
    size_t old_length = strlen(self->write);
    size_t new_length = strlen(self->path);
    if (found != NULL && self->write != self->path && new_length <= old_length) {
        memcpy(found, self->path, new_length);
        memmove(found + new_length, found + old_length, strlen(found + old_length) + 1);
    }
}

/* Puts the whole file in its place, or removes what there is of it. */
static pyr_status target_finish(const target *self, pyr_status status, pyr_error *error) {
    if (status == PYR_OK && self->renames) {
        status = pyr_file_rename(self->write, self->final, error);
    }
    if (status != PYR_OK && self->renames) {
        unlink(self->write);
        name_in_message(self, error);
    }
    return status;
}

/* ---- Formats of ours. ---- */

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

static pyr_status check_options(const pyr_parsed *parsed, pyr_copy_format format,
                                pyr_ipc_write_options *out, pyr_error *error) {
    bool compresses = format == PYR_COPY_ARROW;
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < parsed->options_count; ++i) {
        const char *name = parsed->options[i].name;
        if (strcmp(name, "format") != 0 && (!compresses || strcmp(name, "compression") != 0)) {
            return pyr_error_set_sql(
                error, PYR_ERROR_SQL, "42704", (int32_t)parsed->options[i].offset,
                "COPY TO %s: unknown option \"%s\"%s", pyr_copy_format_name(format), name,
                compresses ? "; known is compression" : "");
        }
    }
    const char *compression = pyr_copy_option(parsed, "compression");
    if (compression != NULL && strcasecmp(compression, "zstd") == 0) {
        out->compression = PYR_IPC_ZSTD;
    } else if (compression != NULL && strcasecmp(compression, "lz4") == 0) {
        out->compression = PYR_IPC_LZ4_FRAME;
    } else if (compression != NULL && strcasecmp(compression, "none") != 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "COPY: compression \"%s\" is not one of none, lz4, zstd",
                                 compression);
    }
    return PYR_OK;
}

/* A file is encoded output, as CSV is. The compressor has counted what it wrote already. */
static void count_encoded(pyr_execution *execution, int fd, int64_t before) {
    struct stat info;
    int64_t counted = atomic_load(&execution->ledger.bytes_encoded) - before;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > counted) {
        pyr_ledger_add_encoded(&execution->ledger, info.st_size - counted);
    }
}

/* The final path when it is written as it stands: an existing device or pipe, never created. */
static pyr_status open_target(const target *to, int *fd, pyr_error *error) {
    if (to->renames) {
        return pyr_file_create(to->write, true, fd, error);
    }
    *fd = open(to->write, O_WRONLY | O_CLOEXEC);
    return *fd >= 0 ? PYR_OK : pyr_error_set_errno(error, errno, "open", to->path);
}

/* One of the two writers of ours. */
static pyr_status write_stream(pyr_execution *execution, pyr_copy_format format, pyr_stream *stream,
                               int fd, const char *path, const pyr_ipc_write_options *options,
                               int64_t *rows, pyr_error *error) {
    if (format == PYR_COPY_SAFETENSORS) {
        return pyr_copy_safetensors(execution, stream, fd, path, rows, error);
    }
    int64_t before = atomic_load(&execution->ledger.bytes_encoded);
    PYR_TRY(write_batches(execution, stream, fd, path, options, rows, error));
    count_encoded(execution, fd, before);
    return PYR_OK;
}

static pyr_status copy_by_us(pyr_execution *execution, const pyr_parsed *parsed, const target *to,
                             pyr_copy_format format, const pyr_span *query, pyr_batch *params,
                             int64_t *rows, pyr_error *error) {
    pyr_ipc_write_options options;
    PYR_TRY(check_options(parsed, format, &options, error));
    pyr_result source = {0};
    int fd = -1;
    pyr_status status = pyr_run_query(execution, query, params, &source, error);
    if (status == PYR_OK) {
        status = open_target(to, &fd, error);
    }
    if (status == PYR_OK) {
        status =
            write_stream(execution, format, source.stream, fd, to->write, &options, rows, error);
        pyr_error ignored;
        pyr_status closed = pyr_file_close(fd, to->write, status == PYR_OK ? error : &ignored);
        status = status == PYR_OK ? closed : status;
    }
    pyr_stream_destroy(source.stream);
    return status;
}

/* ---- DuckDB's formats. ---- */

#ifdef PYRALOG_HAVE_DUCKDB
static void add_options(pyr_text *text, const pyr_parsed *parsed, const target *to, bool tabs) {
    if (tabs && pyr_copy_option(parsed, "delimiter") == NULL &&
        pyr_copy_option(parsed, "delim") == NULL && pyr_copy_option(parsed, "sep") == NULL) {
        pyr_text_add(text, ", DELIMITER '\t'");
    }
    if (to->renames && pyr_copy_option(parsed, "use_tmp_file") == NULL) {
        pyr_text_add(text, ", USE_TMP_FILE false"); /* ours is one already */
    }
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcmp(parsed->options[i].name, "format") == 0) {
            continue;
        }
        pyr_text_add(text, ", ");
        pyr_sql_quote_name(parsed->options[i].name, text);
        if (parsed->options[i].value != NULL) {
            pyr_text_add_char(text, ' ');
            if (parsed->options[i].nested) { /* PARTITION_BY (a, b): a list, not a text */
                pyr_text_add(text, parsed->options[i].value);
            } else {
                pyr_sql_quote_string(parsed->options[i].value, text);
            }
        }
    }
}
#endif

static pyr_status copy_by_duckdb(pyr_execution *execution, const pyr_parsed *parsed,
                                 const target *to, pyr_copy_format format, bool tabs,
                                 const pyr_span *query, pyr_batch *params, int64_t *rows,
                                 pyr_error *error) {
#ifdef PYRALOG_HAVE_DUCKDB
    const char *search = NULL;
    PYR_TRY(pyr_execution_search(execution, query->text, query->length, &search, error));
    pyr_text options;
    pyr_text_init(&options);
    add_options(&options, parsed, to, tabs && format == PYR_COPY_CSV);
    pyr_engine_query engine_query;
    pyr_externals externals = {0};
    pyr_status status = pyr_text_check(&options, error);
    const char *sql = query->text;
    size_t length = query->length;
    if (status == PYR_OK) {
        status = pyr_spool_text(execution, &sql, &length, error);
    }
    if (status == PYR_OK) {
        status = pyr_query_need_tables(execution, sql, length, false, params, &externals, error);
    }
    if (status == PYR_OK) {
        pyr_execution_query(execution, sql, length, params, &engine_query);
        engine_query.schema_name = search;
        status =
            pyr_duckdb_copy_to(execution->worker.duckdb, &engine_query, to->write,
                               pyr_copy_format_name(format), pyr_text_get(&options), rows, error);
        if (status != PYR_OK && error != NULL && error->position >= 0) {
            error->position += (int32_t)query->offset;
        }
    }
    if (status == PYR_OK) {
        status = pyr_externals_check(&externals, error);
    }
    pyr_externals_deinit(&externals);
    pyr_text_deinit(&options);
    return status;
#else
    (void)execution;
    (void)parsed;
    (void)to;
    (void)tabs;
    (void)query;
    (void)params;
    (void)rows;
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                         "COPY TO (FORMAT %s) needs the DuckDB engine, which this build is "
                         "without; FORMAT arrow works",
                         pyr_copy_format_name(format));
#endif
}

/* SELECT a, b FROM schema.table, for COPY t (a, b) TO. */
static pyr_status select_table(pyr_execution *execution, const pyr_parsed *parsed, pyr_text *text,
                               pyr_error *error) {
    pyr_table *table = NULL;
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
    pyr_text_add(text, "SELECT ");
    for (size_t i = 0; i < parsed->names_count; ++i) {
        if (pyr_schema_find(table->schema, parsed->names[i], true) < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)parsed->table.offset,
                                     "table \"%s\" has no column \"%s\"", table->name,
                                     parsed->names[i]);
        }
        pyr_text_add(text, i > 0 ? ", " : "");
        pyr_sql_quote_name(parsed->names[i], text);
    }
    pyr_text_add(text, parsed->names_count == 0 ? "* FROM " : " FROM ");
    pyr_sql_quote_name(table->schema_name, text);
    pyr_text_add_char(text, '.');
    pyr_sql_quote_name(table->name, text);
    return pyr_text_check(text, error);
}

static pyr_status copy_query(pyr_execution *execution, const pyr_parsed *parsed,
                             const pyr_span *query, pyr_batch *params, int64_t *rows,
                             pyr_error *error) {
    pyr_copy_format format;
    bool tabs;
    target to;
    PYR_TRY(pyr_copy_format_of(parsed, &format, &tabs, error));
    PYR_TRY(target_init(execution, parsed, &to, error));
    pyr_status status =
        format == PYR_COPY_ARROW || format == PYR_COPY_SAFETENSORS
            ? copy_by_us(execution, parsed, &to, format, query, params, rows, error)
            : copy_by_duckdb(execution, parsed, &to, format, tabs, query, params, rows, error);
    return target_finish(&to, status, error);
}

pyr_status pyr_run_copy_to(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_file_access_check(&execution->connection->files, parsed->path, error));
    pyr_status status = PYR_OK;
    if (parsed->query.text != NULL) {
        status = copy_query(execution, parsed, &parsed->query, params, &out->rows_changed, error);
    } else {
        pyr_text text;
        pyr_text_init(&text);
        status = select_table(execution, parsed, &text, error);
        if (status == PYR_OK) {
            pyr_span query = {pyr_text_get(&text), text.length, 0};
            status = copy_query(execution, parsed, &query, params, &out->rows_changed, error);
            if (status != PYR_OK && error != NULL) {
                error->position = -1; /* it points into a text the user did not write */
            }
        }
        pyr_text_deinit(&text);
    }
    PYR_TRY(status);
    return pyr_result_message(out, error, "COPY %lld", (long long)out->rows_changed);
}
