/* run.c - one statement: parameters, the run itself, its result on the output, time and ledger. */
#include "base/clock.h"
#include "cli/display.h"
#include "cli/parameters.h"
#include "cli/progress.h"
#include "cli/shell.h"
#include "session/ledger_json.h"
#include "sql/statement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_ROWS_MAX 40

static pyr_output *output_of(pyr_shell *shell) {
    return shell->file.path != NULL ? &shell->file : &shell->standard;
}

static bool is_plan(const char *sql, size_t length) {
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_parsed *parsed = NULL;
    bool result = pyr_sql_parse(sql, length, &arena, &parsed, NULL) == PYR_OK &&
                  parsed->kind == PYR_PARSED_EXPLAIN;
    pyr_parsed_deinit(parsed);
    pyr_arena_deinit(&arena);
    return result;
}

static pyr_format format_of(const pyr_shell *shell, const char *sql, size_t length) {
    const pyr_output *output = shell->file.path != NULL ? &shell->file : &shell->standard;
    pyr_format format = {.kind = shell->kind};
    pyr_format by_name = format;
    if (shell->file.path != NULL && pyr_format_from_path(shell->file.path, &by_name)) {
        if (!shell->format_given || by_name.kind == format.kind) {
            format = by_name;
        }
    }
    format.terminal = output->terminal && format.kind == PYR_FORMAT_BOX;
    format.width = (size_t)(format.terminal ? pyr_output_width(output) : 0);
    format.rows_max = format.terminal ? TERMINAL_ROWS_MAX : 0;
    format.lines = format.terminal && is_plan(sql, length);
    return format;
}

pyr_status pyr_shell_redirect(pyr_shell *shell, const char *path, bool keeps_last,
                              pyr_error *error) {
    pyr_status closed = pyr_output_close(&shell->file, error);
    if (path == NULL || closed != PYR_OK) {
        return closed;
    }
    shell->file_keeps_last = keeps_last;
    return pyr_output_open(&shell->file, path, error);
}

/* ---- Progress. ---- */

static void sample_query(void *context, pyr_progress_sample *out) {
    pyr_connection *connection = context;
    pyr_ledger_report report;
    pyr_ledger(connection, &report);
    out->fraction = pyr_session_progress(connection);
    out->bytes = report.bytes_scanned;
}

/* ---- One statement. ---- */

typedef struct running {
    pyr_shell *shell;
    pyr_output *output;
    pyr_format format;
    bool discard; /* another result is the one to show */
    pyr_progress *progress;
    pyr_result result;
    pyr_formatter *formatter;
} running;

static void cancel_statement(void *context) {
    pyr_shell *shell = context;
    pyr_cancel(shell->connection);
}

/* The progress line and the rows must not meet on one terminal. */
static void stop_progress(running *self) {
    pyr_progress_stop(self->progress);
    self->progress = NULL;
}

static pyr_status print_stream(running *self, pyr_error *error) {
    pyr_stream *stream = self->result.stream;
    pyr_query_ledger *ledger = pyr_result_ledger(&self->result);
    int64_t before = pyr_output_bytes(self->output);
    if (!self->discard && stream->schema->fields_count > 0) {
        PYR_TRY(pyr_formatter_create(&self->format, stream->schema, self->output, ledger,
                                     &self->formatter, error));
    }
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            break;
        }
        if (self->output->terminal && !self->format.terminal) {
            stop_progress(self);
        }
        pyr_status status = PYR_OK;
        if (self->formatter != NULL) {
            status = pyr_formatter_batch(self->formatter, batch, error);
        }
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
    if (self->output->terminal) {
        stop_progress(self);
    }
    if (self->formatter != NULL) {
        PYR_TRY(pyr_formatter_finish(self->formatter, error));
    }
    pyr_ledger_add_encoded(ledger, pyr_output_bytes(self->output) - before);
    return PYR_OK;
}

/* "CREATE TABLE", "INSERT 3": for a person at the terminal. */
static pyr_status print_message(running *self, pyr_error *error) {
    pyr_shell *shell = self->shell;
    if (!shell->interactive || self->result.message == NULL || !shell->standard.terminal) {
        return PYR_OK;
    }
    pyr_text *out = &shell->standard.buffer;
    pyr_display_escape(self->result.message, strlen(self->result.message), false, out);
    pyr_text_add_char(out, '\n');
    return pyr_output_flush(&shell->standard, error);
}

static pyr_status run_and_print(running *self, const char *sql, size_t length, pyr_error *error) {
    pyr_shell *shell = self->shell;
    PYR_TRY(
        pyr_parameters_run(shell->connection, shell->params, sql, length, &self->result, error));
    if (!self->result.has_rows) {
        stop_progress(self);
        return print_message(self, error);
    }
    if (shell->file.path != NULL &&
        (shell->file_keeps_last || self->format.kind == PYR_FORMAT_ARROW)) {
        PYR_TRY(pyr_output_rewind(self->output, error));
    }
    return print_stream(self, error);
}

static void say_notices(const running *self) {
    const char *at = pyr_result_notices(&self->result);
    while (*at != '\0') {
        size_t length = strcspn(at, "\n");
        pyr_text line;
        pyr_text_init(&line);
        pyr_display_escape(at, length, false, &line);
        fprintf(stderr, "notice: %s\n", pyr_text_get(&line));
        pyr_text_deinit(&line);
        at += length + (at[length] == '\n');
    }
}

static void say_time_and_ledger(running *self, int64_t started_ns) {
    pyr_shell *shell = self->shell;
    if (shell->timer) {
        fprintf(stderr, "time: %.3f ms\n", (double)(pyr_clock_monotonic_ns() - started_ns) / 1e6);
    }
    if (shell->ledger) {
        pyr_query_ledger *ledger = pyr_result_ledger(&self->result);
        pyr_ledger_finish(ledger); /* printing was part of it */
        pyr_ledger_report report;
        pyr_ledger_report_fill(ledger, &report);
        pyr_text line;
        pyr_text_init(&line);
        pyr_ledger_report_json(&report, &line);
        fprintf(stderr, "%s\n", pyr_text_get(&line));
        pyr_text_deinit(&line);
    }
}

bool pyr_shell_statement(pyr_shell *shell, const pyr_sql_place *place, const char *sql,
                         size_t length) {
    running self = {
        .shell = shell, .output = output_of(shell), .format = format_of(shell, sql, length)};
    self.discard = shell->last_only && (shell->depth > 0 || shell->statement != shell->last_result);
    shell->statement += shell->depth == 0 ? 1 : 0;
    pyr_error error;
    pyr_error_clear(&error);
    int64_t started_ns = pyr_clock_monotonic_ns();
    pyr_interrupts_begin(shell->interrupts, cancel_statement, shell);
    pyr_progress_start(sample_query, shell->connection, &self.progress);
    pyr_status status = run_and_print(&self, sql, length, &error);
    stop_progress(&self);
    pyr_formatter_destroy(self.formatter);
    bool interrupted = pyr_interrupts_end(shell->interrupts);
    say_notices(&self);
    if (status == PYR_OK) {
        say_time_and_ledger(&self, started_ns);
    }
    pyr_result_deinit(&self.result);
    if (status == PYR_OK) {
        return true;
    }
    if (interrupted && error.code != PYR_ERROR_CANCELLED) {
        /* An engine may put the cancelling in words of its own. */
        pyr_error_set(&error, PYR_ERROR_CANCELLED, "the statement was cancelled");
    }
    if (self.output->broken) {
        shell->quit = true; /* the reader has seen enough: no failure, and nobody to tell */
        shell->reader_gone = true;
        return false;
    }
    shell->failed = true;
    /* What was printed of the result stands before the error. A second failure is not reported. */
    if (pyr_output_flush(self.output, NULL) != PYR_OK) {
        pyr_text_clear(&self.output->buffer);
    }
    pyr_error_report(&error, place);
    return false;
}

bool pyr_shell_query(pyr_shell *shell, const char *sql) {
    pyr_batch *params = shell->params;
    shell->params = NULL;
    shell->depth += 1; /* not one of the user's statements */
    bool well = pyr_shell_statement(shell, NULL, sql, strlen(sql));
    shell->depth -= 1;
    shell->params = params;
    return well;
}
