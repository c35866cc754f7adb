/* pyr_bench.c - our side of the benchmarks: each command does one piece of work and prints one JSON
 * line with its times; bench.py runs it beside the peers and prints the ratios.
 *
 *     pyr_bench make DIRECTORY ROWS          a table t (user_id BIGINT, day DATE, amount DOUBLE)
 *     pyr_bench open FILE TIMES              open + view of one batch, TIMES times
 *     pyr_bench query DIRECTORY ENGINE RUNS SQL
 */
#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "arrow/ipc/ipc.h"
#include "base/clock.h"
#include "base/mapping.h"
#include "pyralog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 1000000
#define USERS 1000000
#define DAYS 730

static int complain(const pyr_error *error) {
    fprintf(stderr, "pyr_bench: %s: %s\n", error->sqlstate, error->message);
    return 1;
}

/* ---- make: seeded, the same rows each time. ---- */

typedef struct generator {
    pyr_stream stream;
    uint64_t state;
    int64_t left;
} generator;

static uint64_t next_random(generator *self) {
    self->state ^= self->state << 13;
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return self->state;
}

static pyr_status generate(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    generator *self = (generator *)stream;
    *out = NULL;
    if (self->left == 0) {
        return PYR_OK;
    }
    int64_t rows = self->left < BATCH_ROWS ? self->left : BATCH_ROWS;
    self->left -= rows;
    static const size_t widths[3] = {8, 4, 8};
    pyr_array *columns[3] = {NULL, NULL, NULL};
    uint8_t *data[3];
    pyr_status status = PYR_OK;
    for (int i = 0; status == PYR_OK && i < 3; ++i) {
        pyr_buffer *buffers[2] = {NULL, NULL};
        status = pyr_buffer_create_raw((size_t)rows * widths[i], NULL, &buffers[1], error);
        if (status == PYR_OK) {
            data[i] = pyr_buffer_mutable(buffers[1]);
            status = pyr_array_create(stream->schema->fields[i], rows, 0, 0, buffers, 2, NULL, 0,
                                      NULL, &columns[i], error);
        }
        pyr_buffer_release(buffers[1]);
    }
    for (int64_t row = 0; status == PYR_OK && row < rows; ++row) {
        uint64_t random = next_random(self);
        int64_t user = (int64_t)(random % USERS);
        int32_t day = 19723 + (int32_t)(random >> 32) % DAYS; /* from 2024-01-01 on */
        double amount = (double)(random >> 40) / 1024;
        memcpy(data[0] + row * 8, &user, 8);
        memcpy(data[1] + row * 4, &day, 4);
        memcpy(data[2] + row * 8, &amount, 8);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(stream->schema, rows, columns, 3, NULL, out, error);
    }
    for (int i = 0; i < 3; ++i) {
        pyr_array_release(columns[i]);
    }
    return status;
}

static void generator_destroy(pyr_stream *stream) {
    pyr_schema_release(stream->schema);
    free(stream);
}

static const pyr_stream_ops generator_ops = {generate, generator_destroy};

static int make(const char *directory, int64_t rows) {
    static const char *const names[3] = {"user_id", "day", "amount"};
    static const pyr_type_id types[3] = {PYR_TYPE_INT64, PYR_TYPE_DATE32, PYR_TYPE_FLOAT64};
    pyr_error error;
    pyr_field *fields[3] = {NULL, NULL, NULL};
    pyr_schema *schema = NULL;
    pyr_status status = PYR_OK;
    for (int i = 0; status == PYR_OK && i < 3; ++i) {
        status = pyr_field_create(names[i], types[i], &fields[i], &error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, 3, NULL, &schema, &error);
    }
    generator *source = calloc(1, sizeof(*source));
    struct ArrowArrayStream stream;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    if (status == PYR_OK && source != NULL) {
        source->stream = (pyr_stream){&generator_ops, schema};
        source->state = UINT64_C(0x9E3779B97F4A7C15);
        source->left = rows;
        status = pyr_stream_export(&source->stream, NULL, NULL, &stream, &error);
    }
    if (status == PYR_OK) {
        status = pyr_open(directory, NULL, &db, &error);
    }
    if (status == PYR_OK) {
        status = pyr_connect(db, &connection, &error);
    }
    int64_t start = pyr_clock_monotonic_ns();
    if (status == PYR_OK) {
        status = pyr_ingest(connection, "t", &stream, NULL, NULL, &error);
    }
    if (status == PYR_OK) {
        printf("{\"rows\": %" PRId64 ", \"ms\": %.3f}\n", rows,
               (double)(pyr_clock_monotonic_ns() - start) / 1e6);
    }
    for (int i = 0; i < 3; ++i) {
        pyr_field_release(fields[i]);
    }
    pyr_disconnect(connection);
    pyr_close(db);
    return status == PYR_OK ? 0 : complain(&error);
}

/* ---- open. ---- */

/* Anonymous resident memory of this process in bytes, from the kernel. */
static long anonymous_bytes(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kilobytes = -1;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %ld", &kilobytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes * 1024;
}

static pyr_status open_once(const char *path, size_t index, double *sum, pyr_error *error) {
    pyr_ipc_file *file = NULL;
    pyr_batch *batch = NULL;
    pyr_status status = pyr_ipc_file_open_path(path, NULL, &file, error);
    if (status == PYR_OK) {
        status = pyr_ipc_file_batch(file, index % pyr_ipc_file_batches(file), NULL, 0,
                                    PYR_VALIDATE_STRUCTURE, NULL, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        /* One value is touched, so that the view is known to be one. */
        *sum += pyr_array_double(batch->columns[2], 0);
    }
    pyr_batch_release(batch);
    pyr_ipc_file_release(file);
    return status;
}

static int open_file(const char *path, size_t times) {
    pyr_error error;
    double sum = 0;
    int64_t start = pyr_clock_monotonic_ns();
    for (size_t i = 0; i < times; ++i) {
        if (open_once(path, i, &sum, &error) != PYR_OK) {
            return complain(&error);
        }
    }
    double elapsed = (double)(pyr_clock_monotonic_ns() - start) / 1e3;
    printf("{\"us_each\": %.3f, \"anonymous_bytes\": %ld, \"sum\": %.1f}\n",
           elapsed / (double)times, anonymous_bytes(), sum);
    return 0;
}

/* ---- query. ---- */

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static pyr_status run_once(pyr_connection *connection, const char *sql, int64_t *rows,
                           pyr_error *error) {
    struct ArrowArrayStream stream;
    *rows = 0;
    PYR_TRY(pyr_query(connection, sql, NULL, &stream, error));
    pyr_status status = PYR_OK;
    for (;;) {
        struct ArrowArray batch;
        if (stream.get_next(&stream, &batch) != 0) {
            status = pyr_error_set(error, PYR_ERROR_INTERNAL, "%s", stream.get_last_error(&stream));
            break;
        }
        if (batch.release == NULL) {
            break;
        }
        *rows += batch.length;
        batch.release(&batch);
    }
    stream.release(&stream);
    return status;
}

static int query(const char *directory, const char *engine, int runs, const char *sql) {
    char option[64];
    snprintf(option, sizeof(option), "engine=%s", engine);
    const char *const options[] = {option, "readonly=true", NULL};
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    double *times = calloc((size_t)runs, sizeof(*times));
    pyr_status status = times != NULL ? pyr_open(directory, options, &db, &error)
                                      : pyr_error_memory(&error, sizeof(*times));
    if (status == PYR_OK) {
        status = pyr_connect(db, &connection, &error);
    }
    int64_t rows = 0;
    if (status == PYR_OK) {
        status = run_once(connection, sql, &rows, &error); /* warms the page cache and the engine */
    }
    for (int i = 0; status == PYR_OK && i < runs; ++i) {
        int64_t start = pyr_clock_monotonic_ns();
        status = run_once(connection, sql, &rows, &error);
        times[i] = (double)(pyr_clock_monotonic_ns() - start) / 1e6;
    }
    if (status == PYR_OK) {
        qsort(times, (size_t)runs, sizeof(*times), compare_doubles);
        pyr_ledger_report ledger;
        pyr_ledger(connection, &ledger);
        printf("{\"ms\": %.4f, \"best_ms\": %.4f, \"rows\": %" PRId64 ", \"engine\": \"%s\", "
               "\"bytes_copied\": %" PRId64 "}\n",
               times[runs / 2], times[0], rows, ledger.engine, ledger.bytes_copied);
    }
    free(times);
    pyr_disconnect(connection);
    pyr_close(db);
    return status == PYR_OK ? 0 : complain(&error);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        return make(argv[2], strtoll(argv[3], NULL, 10));
    }
    if (argc == 4 && strcmp(argv[1], "open") == 0) {
        return open_file(argv[2], strtoul(argv[3], NULL, 10));
    }
    if (argc == 6 && strcmp(argv[1], "query") == 0 && atoi(argv[4]) > 0) {
        return query(argv[2], argv[3], atoi(argv[4]), argv[5]);
    }
    fprintf(stderr, "usage: pyr_bench make DIRECTORY ROWS | open FILE TIMES | "
                    "query DIRECTORY ENGINE RUNS SQL\n");
    return 2;
}
