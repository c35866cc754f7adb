/* ingest_bench.c - batches of a million rows through pyr_ingest.
 *
 *     ingest_bench append DIRECTORY BATCHES
 *         (BIGINT, DOUBLE, VARCHAR) to a durable table, one stream, on disk when it returns: bytes
 *         of the columns, milliseconds
 *     ingest_bench realtime DIRECTORY BATCHES HOUR_BATCHES
 *         (ts BIGINT, user_id BIGINT, event VARCHAR of 8, amount DOUBLE) to a memory_only table, a
 *         call and so a version each batch, while a second connection filters the last hour (which
 *         is HOUR_BATCHES batches long) and groups it, ten times a second: rows a second, the
 *         queries' milliseconds, and without a query the rows a second, too; each
 *         also a second of the stream's CPU
 *
 * The batches are foreign Arrow arrays, validated like any caller's. Their memory is made before
 * the clock runs, but for the time column of `realtime`, which the caller fills as it goes.
 */
#include "base/clock.h"
#include "pyralog.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_ROWS = 1000000, COLUMNS_MAX = 4, RING = 4, USERS = 1000, QUERIES_MAX = 4096 };

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "ingest_bench: %s: %s\n", what, why);
    exit(1);
}

static void check(pyr_status status, const pyr_error *error) {
    if (status != PYR_OK) {
        die(error->sqlstate, error->message);
    }
}

static void *allocate(size_t size_bytes) {
    void *memory = malloc(size_bytes);
    if (memory == NULL) {
        die("malloc", "no memory");
    }
    return memory;
}

static double ms_since(int64_t start_ns) {
    return (double)(pyr_clock_monotonic_ns() - start_ns) / 1e6;
}

/* ---- A stream of the same few batches, as a program of another kind would give it. ---- */

typedef struct column_data {
    int count;
    const char *formats[COLUMNS_MAX];
    const char *names[COLUMNS_MAX];
    const void *data[RING][COLUMNS_MAX][3]; /* validity, values or offsets, bytes */
} column_data;

typedef struct source {
    const column_data *columns;
    int64_t next, end;
    const void *buffers[COLUMNS_MAX][3], *no_buffers[1];
    struct ArrowArray arrays[COLUMNS_MAX], *array_pointers[COLUMNS_MAX];
    struct ArrowSchema fields[COLUMNS_MAX], *field_pointers[COLUMNS_MAX];
} source;

static void keep_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array) {
    array->release = NULL;
}

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    source *self = stream->private_data;
    for (int i = 0; i < self->columns->count; ++i) {
        self->fields[i] = (struct ArrowSchema){.format = self->columns->formats[i],
                                               .name = self->columns->names[i],
                                               .flags = ARROW_FLAG_NULLABLE,
                                               .release = keep_schema};
        self->field_pointers[i] = &self->fields[i];
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = self->columns->count,
                                .children = self->field_pointers,
                                .release = keep_schema};
    return 0;
}

static int give_batch(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    source *self = stream->private_data;
    if (self->next == self->end) {
        memset(out, 0, sizeof(*out));
        return 0;
    }
    int64_t which = self->next++ % RING;
    for (int i = 0; i < self->columns->count; ++i) {
        memcpy(self->buffers[i], self->columns->data[which][i], sizeof(self->buffers[i]));
        self->arrays[i] =
            (struct ArrowArray){.length = BATCH_ROWS,
                                .n_buffers = *self->columns->formats[i] == 'u' ? 3 : 2,
                                .buffers = self->buffers[i],
                                .release = keep_array};
        self->array_pointers[i] = &self->arrays[i];
    }
    *out = (struct ArrowArray){.length = BATCH_ROWS,
                               .n_buffers = 1,
                               .buffers = self->no_buffers,
                               .n_children = self->columns->count,
                               .children = self->array_pointers,
                               .release = keep_array};
    return 0;
}

static const char *give_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return NULL;
}

static void end_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
}

/* Batches [from, end) of an endless row of them. */
static void ingest(pyr_connection *connection, const column_data *columns, int64_t from,
                   int64_t end) {
    pyr_error error;
    source self = {.columns = columns, .next = from, .end = end};
    struct ArrowArrayStream stream = {.get_schema = give_schema,
                                      .get_next = give_batch,
                                      .get_last_error = give_error,
                                      .release = end_stream,
                                      .private_data = &self};
    int64_t rows = 0;
    check(pyr_ingest(connection, "t", &stream, NULL, &rows, &error), &error);
    if (rows != (end - from) * BATCH_ROWS) {
        die("pyr_ingest", "rows are missing");
    }
}

/* ---- The columns. ---- */

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const void *make_integers(uint64_t *state, uint64_t below) {
    int64_t *values = allocate(BATCH_ROWS * sizeof(*values));
    for (int64_t i = 0; i < BATCH_ROWS; ++i) {
        values[i] = (int64_t)(next_random(state) % below);
    }
    return values;
}

static const void *make_doubles(uint64_t *state) {
    double *values = allocate(BATCH_ROWS * sizeof(*values));
    for (int64_t i = 0; i < BATCH_ROWS; ++i) {
        values[i] = (double)(next_random(state) >> 40) / 1024;
    }
    return values;
}

/* Strings of length_min to length_max bytes. */
static void make_texts(uint64_t *state, uint64_t length_min, uint64_t length_max,
                       const void *out[3]) {
    int32_t *offsets = allocate((BATCH_ROWS + 1) * sizeof(*offsets));
    char *bytes = allocate(BATCH_ROWS * length_max);
    int32_t length = 0;
    for (int64_t i = 0; i < BATCH_ROWS; ++i) {
        uint64_t random = next_random(state);
        uint64_t size = length_min + random % (length_max - length_min + 1);
        offsets[i] = length;
        for (uint64_t j = 0; j < size; ++j) {
            bytes[length++] = (char)('a' + (random >> (j % 12 * 5)) % 26);
        }
    }
    offsets[BATCH_ROWS] = length;
    out[1] = offsets;
    out[2] = bytes;
}

/* ---- append. ---- */

static int64_t batch_bytes(const column_data *columns, int64_t batch) {
    const int32_t *offsets = columns->data[batch % RING][2][1];
    return (int64_t)BATCH_ROWS * 16 + (BATCH_ROWS + 1) * (int64_t)sizeof(*offsets) +
           offsets[BATCH_ROWS];
}

static int append(const char *path, int64_t batches) {
    static column_data columns = {3, {"l", "g", "u"}, {"id", "amount", "name"}, {{{NULL}}}};
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    int64_t bytes = 0;
    for (int i = 0; i < RING; ++i) {
        columns.data[i][0][1] = make_integers(&state, UINT64_MAX);
        columns.data[i][1][1] = make_doubles(&state);
        make_texts(&state, 4, 20, columns.data[i][2]);
    }
    for (int64_t i = 0; i < batches; ++i) {
        bytes += batch_bytes(&columns, i);
    }
    check(pyr_open(path, NULL, &db, &error), &error);
    check(pyr_connect(db, &connection, &error), &error);
    int64_t start = pyr_clock_monotonic_ns();
    ingest(connection, &columns, 0, batches);
    double ms = ms_since(start);
    printf("{\"bytes\": %" PRId64 ", \"ms\": %.1f}\n", bytes, ms);
    pyr_disconnect(connection);
    pyr_close(db);
    return 0;
}

/* ---- realtime. ---- */

#define HOUR_MS 3600000

typedef struct hour_reader {
    pyr_database *db;
    int64_t hour_batches;
    _Atomic int64_t batches; /* that were appended */
    atomic_bool stop;
    int64_t queries;
    double ms[QUERIES_MAX];
} hour_reader;

/* One version of the table: its rows are whole batches, and the last hour is all there. */
static void query_last_hour(hour_reader *self, pyr_connection *connection) {
    char sql[256];
    pyr_error error;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    int64_t batches = atomic_load(&self->batches);
    int64_t from = (batches - self->hour_batches) * HOUR_MS / self->hour_batches;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT user_id, COUNT(*)::BIGINT, SUM(amount) FROM t WHERE ts >= %" PRId64
                   " GROUP BY user_id",
                   from);
    int64_t start = pyr_clock_monotonic_ns();
    check(pyr_query(connection, sql, NULL, &stream, &error), &error);
    int64_t rows = 0;
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        const int64_t *counts = batch.children[1]->buffers[1];
        for (int64_t i = 0; i < batch.length; ++i) {
            rows += counts[batch.children[1]->offset + i];
        }
        batch.release(&batch);
    }
    double ms = ms_since(start);
    stream.release(&stream);
    if (rows < self->hour_batches * BATCH_ROWS || rows % BATCH_ROWS != 0) {
        die("query", "the last hour is not there, or a batch is half there");
    }
    if (self->queries < QUERIES_MAX) {
        self->ms[self->queries++] = ms;
    }
}

static void *run_reader(void *context) {
    static const struct timespec pause = {.tv_nsec = 100000000};
    hour_reader *self = context;
    pyr_error error;
    pyr_connection *connection = NULL;
    check(pyr_connect(self->db, &connection, &error), &error);
    while (!atomic_load(&self->stop)) {
        if (atomic_load(&self->batches) >= self->hour_batches) {
            query_last_hour(self, connection);
        }
        (void)nanosleep(&pause, NULL);
    }
    pyr_disconnect(connection);
    return NULL;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the calling thread. */
static double cpu_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Rows a second; *cpu_rate: a second of this thread's CPU, whatever else the machine does. */
static double stream_batches(hour_reader *reader, column_data *columns, int64_t *const times[RING],
                             int64_t batches, double *cpu_rate) {
    pyr_error error;
    pyr_connection *connection = NULL;
    check(pyr_connect(reader->db, &connection, &error), &error);
    check(pyr_execute(connection,
                      "CREATE OR REPLACE TABLE t (ts BIGINT, user_id BIGINT, event VARCHAR, amount "
                      "DOUBLE) WITH (storage_mode = 'memory_only')",
                      NULL, NULL, &error),
          &error);
    int64_t start = pyr_clock_monotonic_ns();
    double cpu_start = cpu_seconds();
    for (int64_t batch = 0; batch < batches; ++batch) {
        int64_t *values = times[batch % RING];
        int64_t from = batch * HOUR_MS / reader->hour_batches;
        int64_t span = (batch + 1) * HOUR_MS / reader->hour_batches - from;
        for (int64_t i = 0; i < BATCH_ROWS; ++i) {
            values[i] = from + i * span / BATCH_ROWS;
        }
        ingest(connection, columns, batch, batch + 1);
        atomic_store(&reader->batches, batch + 1);
    }
    double rate = (double)batches * BATCH_ROWS / (ms_since(start) / 1e3);
    *cpu_rate = (double)batches * BATCH_ROWS / (cpu_seconds() - cpu_start);
    pyr_disconnect(connection);
    return rate;
}

static int realtime(const char *path, int64_t batches, int64_t hour_batches) {
    static column_data columns = {
        4, {"l", "l", "u", "g"}, {"ts", "user_id", "event", "amount"}, {{{NULL}}}};
    static hour_reader reader;
    pyr_error error;
    pthread_t thread;
    int64_t *times[RING];
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    for (int i = 0; i < RING; ++i) {
        columns.data[i][0][1] = times[i] = allocate(BATCH_ROWS * sizeof(**times));
        columns.data[i][1][1] = make_integers(&state, USERS);
        make_texts(&state, 8, 8, columns.data[i][2]);
        columns.data[i][3][1] = make_doubles(&state);
    }
    reader.hour_batches = hour_batches;
    check(pyr_open(path, NULL, &reader.db, &error), &error);
    double cpu_rate = 0;
    double alone = stream_batches(&reader, &columns, times, batches, &cpu_rate);
    atomic_store(&reader.batches, 0);
    if (pthread_create(&thread, NULL, run_reader, &reader) != 0) {
        die("pthread_create", "no thread");
    }
    double cpu_rate_both = 0;
    double rate = stream_batches(&reader, &columns, times, batches, &cpu_rate_both);
    atomic_store(&reader.stop, true);
    pthread_join(thread, NULL);
    if (reader.queries == 0) {
        die("query", "none ran: more batches are needed");
    }
    size_t count = (size_t)reader.queries;
    qsort(reader.ms, count, sizeof(reader.ms[0]), compare_doubles);
    printf("{\"alone\": %.0f, \"alone_cpu\": %.0f, \"rate\": %.0f, \"rate_cpu\": %.0f, "
           "\"queries\": %zu, \"median_ms\": %.1f, "
           "\"p95_ms\": %.1f, \"worst_ms\": %.1f}\n",
           alone, cpu_rate, rate, cpu_rate_both, count, reader.ms[count / 2],
           reader.ms[count * 95 / 100], reader.ms[count - 1]);
    pyr_close(reader.db);
    return 0;
}

int main(int argc, char **argv) {
    int64_t batches = argc >= 4 ? strtoll(argv[3], NULL, 10) : 0;
    int64_t hour_batches = argc == 5 ? strtoll(argv[4], NULL, 10) : 0;
    if (argc == 4 && strcmp(argv[1], "append") == 0 && batches > 0) {
        return append(argv[2], batches);
    }
    if (argc == 5 && strcmp(argv[1], "realtime") == 0 && hour_batches > 0 &&
        batches > hour_batches) {
        return realtime(argv[2], batches, hour_batches);
    }
    fprintf(stderr, "usage: ingest_bench append DIRECTORY BATCHES | "
                    "realtime DIRECTORY BATCHES HOUR_BATCHES\n");
    return 2;
}
