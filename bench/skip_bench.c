/* skip_bench.c - what zone maps save: a point filter on a sorted column, beside the same filter in
 * a form that nothing is known of.
 *
 *     skip_bench DIRECTORY ROWS ROUNDS
 *
 * Makes a table z (id BIGINT ascending, user_id BIGINT, amount DOUBLE) and prints one JSON line:
 * median times, bytes that each form scanned, batches skipped.
 */
#include "arrow/cdata.h"
#include "base/clock.h"
#include "pyralog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS = 1000000, COLUMNS = 3, ROUNDS_MAX = 101 };

/* ---- The table. ---- */

typedef struct generator {
    pyr_stream stream;
    int64_t next, rows;
} generator;

static void fill(uint8_t *const *data, int64_t first, int64_t rows) {
    for (int64_t i = 0; i < rows; ++i) {
        int64_t id = first + i;
        int64_t user = (int64_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 44);
        double amount = (double)user / 64;
        memcpy(data[0] + i * 8, &id, 8);
        memcpy(data[1] + i * 8, &user, 8);
        memcpy(data[2] + i * 8, &amount, 8);
    }
}

static pyr_status generate(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    generator *self = (generator *)stream;
    pyr_array *columns[COLUMNS] = {NULL};
    uint8_t *data[COLUMNS];
    int64_t left = self->rows - self->next;
    int64_t rows = left < BATCH_ROWS ? left : BATCH_ROWS;
    pyr_status status = PYR_OK;
    *out = NULL;
    for (int i = 0; rows > 0 && status == PYR_OK && i < COLUMNS; ++i) {
        pyr_buffer *buffers[2] = {NULL, NULL};
        status = pyr_buffer_create_raw((size_t)rows * 8, NULL, &buffers[1], error);
        if (status == PYR_OK) {
            data[i] = pyr_buffer_mutable(buffers[1]);
            status = pyr_array_create(stream->schema->fields[i], rows, 0, 0, buffers, 2, NULL, 0,
                                      NULL, &columns[i], error);
        }
        pyr_buffer_release(buffers[1]);
    }
    if (rows > 0 && status == PYR_OK) {
        fill(data, self->next, rows);
        self->next += rows;
        status = pyr_batch_create(stream->schema, rows, columns, COLUMNS, NULL, out, error);
    }
    for (int i = 0; i < COLUMNS; ++i) {
        pyr_array_release(columns[i]);
    }
    return status;
}

static void generator_destroy(pyr_stream *stream) {
    pyr_schema_release(stream->schema);
    free(stream);
}

static pyr_status make(pyr_connection *connection, int64_t rows, pyr_error *error) {
    static const pyr_stream_ops ops = {generate, generator_destroy};
    static const char *const names[COLUMNS] = {"id", "user_id", "amount"};
    static const pyr_type_id types[COLUMNS] = {PYR_TYPE_INT64, PYR_TYPE_INT64, PYR_TYPE_FLOAT64};
    pyr_field *fields[COLUMNS] = {NULL};
    pyr_schema *schema = NULL;
    struct ArrowArrayStream exported;
    pyr_status status = PYR_OK;
    for (int i = 0; status == PYR_OK && i < COLUMNS; ++i) {
        status = pyr_field_create(names[i], types[i], &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, COLUMNS, NULL, &schema, error);
    }
    for (int i = 0; i < COLUMNS; ++i) {
        pyr_field_release(fields[i]);
    }
    PYR_TRY(status);
    generator *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        pyr_schema_release(schema);
        return pyr_error_memory(error, sizeof(*source));
    }
    *source = (generator){.stream = {&ops, schema}, .rows = rows};
    PYR_TRY(pyr_stream_export(&source->stream, NULL, NULL, &exported, error));
    return pyr_ingest(connection, "z", &exported, NULL, NULL, error);
}

/* ---- The queries. ---- */

typedef struct measured {
    double ms[ROUNDS_MAX];
    int64_t rows, bytes_scanned, batches_skipped;
} measured;

static pyr_status run(pyr_connection *connection, const char *sql, size_t round, measured *out,
                      pyr_error *error) {
    struct ArrowArrayStream stream;
    pyr_status status = PYR_OK;
    int64_t start = pyr_clock_monotonic_ns();
    PYR_TRY(pyr_query(connection, sql, NULL, &stream, error));
    out->rows = 0;
    for (;;) {
        struct ArrowArray batch;
        if (stream.get_next(&stream, &batch) != 0) {
            status = pyr_error_set(error, PYR_ERROR_INTERNAL, "%s", stream.get_last_error(&stream));
            break;
        }
        if (batch.release == NULL) {
            break;
        }
        out->rows += batch.length;
        batch.release(&batch);
    }
    stream.release(&stream);
    pyr_ledger_report ledger;
    pyr_ledger(connection, &ledger);
    out->bytes_scanned = ledger.bytes_scanned;
    out->batches_skipped = ledger.batches_skipped;
    out->ms[round] = (double)(pyr_clock_monotonic_ns() - start) / 1e6;
    return status;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static pyr_status measure(pyr_connection *connection, int64_t rows, size_t rounds,
                          pyr_error *error) {
    static const char *const forms[2] = {"id", "id + 0"};
    static measured of[2];
    for (size_t round = 0; round < rounds; ++round) {
        for (int i = 0; i < 2; ++i) { /* in turn */
            char sql[128];
            int64_t id = (int64_t)(((uint64_t)round * 7919 + 1) * 104729 % (uint64_t)rows);
            snprintf(sql, sizeof(sql), "SELECT * FROM z WHERE %s = %" PRId64, forms[i], id);
            PYR_TRY(run(connection, sql, round, &of[i], error));
            if (of[i].rows != 1) {
                return pyr_error_set(error, PYR_ERROR_INTERNAL, "%s: %" PRId64 " rows", sql,
                                     of[i].rows);
            }
        }
    }
    for (int i = 0; i < 2; ++i) {
        qsort(of[i].ms, rounds, sizeof(of[i].ms[0]), compare_doubles);
    }
    printf("{\"ms\": %.3f, \"bytes_scanned\": %" PRId64 ", \"batches_skipped\": %" PRId64
           ", \"all_ms\": %.3f, \"all_bytes_scanned\": %" PRId64 "}\n",
           of[0].ms[rounds / 2], of[0].bytes_scanned, of[0].batches_skipped, of[1].ms[rounds / 2],
           of[1].bytes_scanned);
    return PYR_OK;
}

int main(int argc, char **argv) {
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    int64_t rows = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
    size_t rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (rows < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: skip_bench DIRECTORY ROWS ROUNDS (at most %d)\n", ROUNDS_MAX);
        return 2;
    }
    pyr_status status = pyr_open(argv[1], NULL, &db, &error);
    if (status == PYR_OK) {
        status = pyr_connect(db, &connection, &error);
    }
    if (status == PYR_OK) {
        status = make(connection, rows, &error);
    }
    if (status == PYR_OK) {
        status = measure(connection, rows, rounds, &error);
    }
    pyr_disconnect(connection);
    pyr_close(db);
    if (status != PYR_OK) {
        fprintf(stderr, "skip_bench: %s: %s\n", error.sqlstate, error.message);
    }
    return status == PYR_OK ? 0 : 1;
}
