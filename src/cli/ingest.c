/* ingest.c - `pyralog ingest DATABASE TABLE FILE...`: all files in one commit, or none. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/file_stream.h"
#include "cli/interrupts.h"
#include "cli/progress.h"
#include "session/ledger_json.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct ingest {
    const char *table;
    bool replace;
    const pyr_file_kind *kind; /* NULL: detect */
    pyr_connection *writing;
    pyr_connection *reading; /* its own, so that cancelling reaches both */
    pyr_ingest_writer *writer;
    pyr_schema *schema;     /* of the first file */
    pyr_ledger_report read; /* what reading did, all files */
    int64_t bytes_total;
    int64_t bytes_before;          /* of the files done */
    _Atomic int64_t bytes;         /* read so far, about, but for what an engine reads by itself: */
    _Atomic int64_t bytes_queried; /* the size of the file it is at, 0 for none */
    _Atomic int64_t rows;
    _Atomic bool cancelled;
    _Atomic bool at_stdin; /* the reading thread may wait for bytes that do not come */
    pthread_t reader;
} ingest;

/* ---- Ledgers. ---- */

static void add_copies(pyr_ledger_report *to, const pyr_ledger_copy_entry *entry) {
    for (int32_t i = 0; i < to->copies_count; ++i) {
        if (strcmp(to->copies[i].reason, entry->reason) == 0) {
            to->copies[i].bytes += entry->bytes;
            return;
        }
    }
    if (to->copies_count < PYR_LEDGER_REASONS_MAX) {
        to->copies[to->copies_count++] = *entry;
    }
}

/* Rows, time and memory of reading are not added: they are those of the whole. */
static void add_report(pyr_ledger_report *to, const pyr_ledger_report *from) {
    to->bytes_mapped += from->bytes_mapped;
    to->bytes_scanned += from->bytes_scanned;
    to->bytes_referenced += from->bytes_referenced;
    to->bytes_copied += from->bytes_copied;
    to->bytes_decoded += from->bytes_decoded;
    to->batches_skipped += from->batches_skipped;
    if (from->peak_memory_bytes > to->peak_memory_bytes) {
        to->peak_memory_bytes = from->peak_memory_bytes;
    }
    if (to->engine[0] == '\0') {
        memcpy(to->engine, from->engine, sizeof(to->engine));
    }
    for (int32_t i = 0; i < from->copies_count; ++i) {
        add_copies(to, &from->copies[i]);
    }
}

static void note_reading(ingest *self, pyr_file_stream *source) {
    pyr_ledger_report report;
    pyr_ledger_report_fill(
        source->has_result ? pyr_result_ledger(&source->result) : &source->ledger, &report);
    add_report(&self->read, &report);
}

/* ---- One file. ---- */

static bool is_stdin(const char *path) {
    return strcmp(path, "-") == 0;
}

/* For each of the first file's columns its place in this one; types must agree, so that nothing of
 * a file is found not to fit after half of the others was read. */
static pyr_status match_schema(const ingest *self, const pyr_schema *schema, const char *path,
                               int32_t *columns, pyr_error *error) {
    if (schema->fields_count != self->schema->fields_count) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                 "%s: has %d columns, the first file %d: ingest it by itself", path,
                                 (int)schema->fields_count, (int)self->schema->fields_count);
    }
    for (int32_t i = 0; i < self->schema->fields_count; ++i) {
        const pyr_field *wanted = self->schema->fields[i];
        columns[i] = pyr_schema_find(schema, wanted->name, true);
        if (columns[i] < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", -1,
                                     "%s: has no column \"%s\", as the first file has", path,
                                     wanted->name);
        }
        if (!pyr_field_type_equal(wanted, schema->fields[columns[i]])) {
            pyr_text have;
            pyr_text want;
            pyr_text_init(&have);
            pyr_text_init(&want);
            pyr_field_type_print(schema->fields[columns[i]], &have);
            pyr_field_type_print(wanted, &want);
            pyr_status status = pyr_error_set_sql(
                error, PYR_ERROR_SQL, "42804", -1,
                "%s: column \"%s\" is %s, in the first file %s: ingest it by itself", path,
                wanted->name, pyr_text_get(&have), pyr_text_get(&want));
            pyr_text_deinit(&have);
            pyr_text_deinit(&want);
            return status;
        }
    }
    return PYR_OK;
}

static pyr_status append(ingest *self, pyr_batch *batch, const int32_t *columns, pyr_error *error) {
    if (columns == NULL) {
        return pyr_ingest_batch(self->writer, batch, error);
    }
    pyr_batch *ordered = NULL;
    PYR_TRY(pyr_batch_project(batch, columns, self->schema->fields_count, self->schema, &ordered,
                              error));
    pyr_status status = pyr_ingest_batch(self->writer, ordered, error);
    pyr_batch_release(ordered);
    return status;
}

static pyr_status check_cancelled(ingest *self, pyr_error *error) {
    return atomic_load(&self->cancelled)
               ? pyr_error_set(error, PYR_ERROR_CANCELLED, "the ingest was cancelled")
               : PYR_OK;
}

static pyr_status copy_batches(ingest *self, pyr_file_stream *source, const char *path,
                               const int32_t *columns, pyr_error *error) {
    for (;;) {
        PYR_TRY(check_cancelled(self, error));
        pyr_batch *batch = NULL;
        atomic_store(&self->at_stdin, is_stdin(path));
        pyr_status status = pyr_stream_next(source->stream, &batch, error);
        atomic_store(&self->at_stdin, false);
        if (status != PYR_OK) {
            /* Our Arrow reader names the file itself. */
            return source->has_result ? pyr_error_context(error, status, "%s", path) : status;
        }
        if (batch == NULL) {
            return PYR_OK;
        }
        atomic_fetch_add(&self->rows, pyr_batch_selected(batch));
        if (!source->has_result) {
            atomic_fetch_add(&self->bytes, pyr_batch_size_bytes(batch));
        }
        status = append(self, batch, columns, error);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

static pyr_status ingest_stream(ingest *self, pyr_file_stream *source, const char *path,
                                pyr_error *error) {
    if (self->writer == NULL) {
        self->schema = pyr_schema_retain(source->stream->schema);
        PYR_TRY(pyr_ingest_open(self->writing, self->table, self->schema, true, self->replace,
                                &self->writer, error));
        return copy_batches(self, source, path, NULL, error);
    }
    int32_t *columns = calloc((size_t)self->schema->fields_count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, (size_t)self->schema->fields_count * sizeof(*columns));
    }
    pyr_status status = match_schema(self, source->stream->schema, path, columns, error);
    if (status == PYR_OK) {
        status = copy_batches(self, source, path, columns, error);
    }
    free(columns);
    return status;
}

static pyr_status ingest_file(ingest *self, const char *path, pyr_error *error) {
    pyr_file_stream source;
    atomic_store(&self->at_stdin, is_stdin(path));
    pyr_status status = pyr_file_stream_open(self->reading, path, self->kind, &source, error);
    atomic_store(&self->at_stdin, false);
    if (status == PYR_OK) {
        atomic_store(&self->bytes_queried, source.has_result ? source.size_bytes : 0);
        status = ingest_stream(self, &source, path, error);
        atomic_store(&self->bytes_queried, 0);
        note_reading(self, &source);
        self->bytes_before += source.size_bytes;
        if (source.size_bytes > 0) {
            atomic_store(&self->bytes, self->bytes_before);
        }
    }
    pyr_file_stream_close(&source);
    return status;
}

/* ---- The command. ---- */

static void wake(int number) {
    (void)number; /* that a read returns is all there is to do */
}

/* A read that waits is woken, and finds the end of what is stdin from now on. */
static void end_stdin(ingest *self) {
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        close(nothing);
        pthread_kill(self->reader, SIGUSR1);
    }
}

/* Called again while the ingest goes on: a wake-up that came just before the read is not lost. */
static void cancel(void *context) {
    ingest *self = context;
    atomic_store(&self->cancelled, true);
    if (atomic_load(&self->at_stdin)) {
        end_stdin(self);
    }
    pyr_cancel(self->reading);
    pyr_cancel(self->writing);
}

static void sample(void *context, pyr_progress_sample *out) {
    ingest *self = context;
    out->rows = atomic_load(&self->rows);
    out->bytes = atomic_load(&self->bytes);
    int64_t queried = atomic_load(&self->bytes_queried);
    double part = queried > 0 ? pyr_session_progress(self->reading) : 0;
    out->bytes += part > 0 ? (int64_t)(part * (double)queried) : 0;
    if (self->bytes_total > 0 && out->bytes > 0) {
        out->fraction = (double)out->bytes / (double)self->bytes_total;
    }
}

static void report_success(ingest *self, int64_t rows, double seconds, bool ledger) {
    pyr_text line;
    pyr_text_init(&line);
    pyr_text_printf(&line, "%s: %lld rows, ", self->table, (long long)rows);
    pyr_print_bytes((double)atomic_load(&self->bytes), &line);
    pyr_text_printf(&line, " in %.3f s, %.0f rows/s\n", seconds,
                    seconds > 0 ? (double)rows / seconds : 0.0);
    if (ledger) {
        pyr_ledger_report report;
        pyr_ledger_report_fill(pyr_ingest_ledger(self->writer), &report);
        report.elapsed_ms = seconds * 1000;
        report.rows = rows;
        add_report(&report, &self->read);
        pyr_ledger_report_json(&report, &line);
        pyr_text_add_char(&line, '\n');
    }
    fputs(pyr_text_get(&line), stderr);
    pyr_text_deinit(&line);
}

static pyr_status ingest_files(ingest *self, const char *const *paths, size_t count, int64_t *rows,
                               pyr_error *error) {
    for (size_t i = 0; i < count; ++i) {
        struct stat info;
        self->bytes_total += stat(paths[i], &info) == 0 ? (int64_t)info.st_size : 0;
    }
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(ingest_file(self, paths[i], error));
    }
    PYR_TRY(check_cancelled(self, error)); /* the end of stdin may be ours */
    return pyr_ingest_commit(self->writer, rows, error);
}

static int run(ingest *self, const pyr_options *options, pyr_interrupts *interrupts) {
    pyr_error error;
    pyr_error_clear(&error);
    int64_t started_ns = pyr_clock_monotonic_ns();
    int64_t rows = 0;
    pyr_progress *progress = NULL;
    const struct sigaction action = {.sa_handler = wake};
    sigaction(SIGUSR1, &action, NULL);
    self->reader = pthread_self();
    pyr_interrupts_begin(interrupts, cancel, self);
    pyr_progress_start(sample, self, &progress);
    pyr_status status =
        ingest_files(self, options->arguments + 2, options->arguments_count - 2, &rows, &error);
    pyr_progress_stop(progress);
    bool interrupted = pyr_interrupts_end(interrupts);
    double seconds = (double)(pyr_clock_monotonic_ns() - started_ns) / 1e9;
    if (status == PYR_OK) {
        report_success(self, rows, seconds, pyr_options_has(options, "ledger"));
    } else if (interrupted) {
        pyr_error_set(&error, PYR_ERROR_CANCELLED, "the ingest was cancelled");
    }
    if (status != PYR_OK) {
        pyr_error_report(&error, NULL);
    }
    pyr_ingest_close(self->writer);
    pyr_schema_release(self->schema);
    return status == PYR_OK ? PYR_EXIT_OK : PYR_EXIT_FAILED;
}

int pyr_command_ingest(const pyr_options *options) {
    pyr_file_kind kind;
    const char *format = pyr_options_get(options, "format");
    if (format != NULL && !pyr_file_kind_parse(format, &kind)) {
        return pyr_usage_error(
            "--format: \"%.60s\" is not one of arrow, parquet, csv, json, ndjson", format);
    }
    ingest self = {.table = options->arguments[1],
                   .replace = pyr_options_has(options, "replace"),
                   .kind = format != NULL ? &kind : NULL};
    pyr_error error;
    pyr_error_clear(&error);
    pyr_interrupts *interrupts = NULL;
    pyr_database *db = NULL;
    int code = PYR_EXIT_FAILED;
    if (pyr_interrupts_create(false, &interrupts, &error) != PYR_OK) {
        pyr_error_report(&error, NULL);
        return code;
    }
    if (pyr_command_open(options->arguments[0], options, NULL, &db, &code)) {
        pyr_status status = pyr_connect(db, &self.writing, &error);
        if (status == PYR_OK) {
            status = pyr_connect(db, &self.reading, &error);
        }
        if (status == PYR_OK) {
            code = run(&self, options, interrupts);
        } else {
            pyr_error_report(&error, NULL);
            code = PYR_EXIT_FAILED;
        }
        pyr_disconnect(self.reading);
        pyr_disconnect(self.writing);
        pyr_close(db);
    }
    pyr_interrupts_destroy(interrupts);
    return code;
}
