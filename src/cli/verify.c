/* verify.c - `pyralog verify DATABASE`: every segment's checksums and values, and the catalog. */
#include "cli/commands.h"
#include "cli/display.h"
#include "cli/progress.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct verification {
    int64_t bytes_total;
    _Atomic int64_t bytes;
    int64_t segments;
    int64_t bad;
} verification;

static pyr_status add_size(void *context, const char *schema_name, const char *name,
                           pyr_schema *schema, int64_t rows, int64_t size_bytes, pyr_error *error) {
    verification *self = context;
    (void)schema_name;
    (void)name;
    (void)schema;
    (void)rows;
    (void)error;
    self->bytes_total += size_bytes;
    return PYR_OK;
}

static void report(void *context, const char *table, const char *segment, const char *message) {
    verification *self = context;
    struct stat info;
    self->segments += 1;
    atomic_fetch_add(&self->bytes, stat(segment, &info) == 0 ? (int64_t)info.st_size : 0);
    if (message == NULL) {
        return;
    }
    self->bad += 1;
    pyr_text line;
    pyr_text_init(&line);
    pyr_text_add(&line, "bad: table ");
    pyr_display_escape(table, strlen(table), false, &line);
    pyr_text_add(&line, ": ");
    pyr_display_escape(segment, strlen(segment), false, &line);
    pyr_text_add(&line, ": ");
    pyr_display_escape(message, strlen(message), false, &line);
    printf("%s\n", pyr_text_get(&line));
    fflush(stdout);
    pyr_text_deinit(&line);
}

static void sample(void *context, pyr_progress_sample *out) {
    verification *self = context;
    out->bytes = atomic_load(&self->bytes);
    if (self->bytes_total > 0) {
        out->fraction = (double)out->bytes / (double)self->bytes_total;
    }
}

int pyr_command_verify(const pyr_options *options) {
    pyr_database *db = NULL;
    int code = PYR_EXIT_FAILED;
    const char *location = options->arguments[0];
    if (!pyr_command_open(location, options, pyr_settings_readonly, &db, &code)) {
        return code;
    }
    verification self;
    memset(&self, 0, sizeof(self));
    pyr_error error;
    pyr_error_clear(&error);
    pyr_connection *connection = NULL;
    pyr_progress *progress = NULL;
    pyr_status status = pyr_connect(db, &connection, &error);
    if (status == PYR_OK) {
        status = pyr_session_tables(connection, add_size, &self, &error);
    }
    if (status == PYR_OK) {
        pyr_progress_start(sample, &self, &progress);
        status = pyr_session_verify(db, report, &self, &error);
        pyr_progress_stop(progress);
    }
    if (status == PYR_OK && self.bad == 0) {
        pyr_text line;
        pyr_text_init(&line);
        pyr_print_bytes((double)atomic_load(&self.bytes), &line);
        printf("%s: %lld segments, %s: all well\n", location, (long long)self.segments,
               pyr_text_get(&line));
        pyr_text_deinit(&line);
        code = PYR_EXIT_OK;
    } else {
        if (status == PYR_OK) {
            pyr_error_set(&error, PYR_ERROR_CORRUPT, "%s: %lld of %lld segments are bad", location,
                          (long long)self.bad, (long long)self.segments);
        }
        pyr_error_report(&error, NULL);
        code = PYR_EXIT_FAILED;
    }
    pyr_disconnect(connection);
    pyr_close(db);
    return code;
}
