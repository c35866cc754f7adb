/* insert_bench.c - single-row INSERTs that are on disk when they return, by one connection and by
 * several at once, beside SQLite (WAL, synchronous=FULL) on the same disk.
 *
 *     insert_bench DIRECTORY CONNECTIONS SECONDS ROUNDS      one JSON line: rows a second
 *
 * Every connection has a thread and one prepared INSERT of (BIGINT, DOUBLE, VARCHAR), each run a
 * transaction of its own. Ours and SQLite's take turns, ROUNDS times; rates are medians. `disk` is
 * how often a second the disk syncs an append of 100 bytes, for comparison.
 */
#include "base/clock.h"
#include "pyralog.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, ROUNDS_MAX = 32, COLUMNS = 3 };

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "insert_bench: %s: %s\n", what, why);
    exit(1);
}

static void check(pyr_status status, const pyr_error *error) {
    if (status != PYR_OK) {
        die(error->sqlstate, error->message);
    }
}

/* What the threads of one run share: they begin together and end when the time is over. */
typedef struct run {
    pthread_barrier_t start;
    int64_t seconds;
    void *database; /* a pyr_database, or the path of SQLite's file */
    _Atomic int64_t rows;
} run;

static bool time_left(const run *self, int64_t start_ns) {
    return pyr_clock_monotonic_ns() - start_ns < self->seconds * 1000000000;
}

static double run_threads(void *database, void *(*thread)(void *), int connections, int seconds) {
    run self = {.seconds = seconds, .database = database};
    pthread_t threads[CONNECTIONS_MAX];
    pthread_barrier_init(&self.start, NULL, (unsigned)connections + 1);
    for (int i = 0; i < connections; ++i) {
        if (pthread_create(&threads[i], NULL, thread, &self) != 0) {
            die("pthread_create", "no thread");
        }
    }
    pthread_barrier_wait(&self.start);
    int64_t start = pyr_clock_monotonic_ns();
    for (int i = 0; i < connections; ++i) {
        pthread_join(threads[i], NULL);
    }
    double elapsed = (double)(pyr_clock_monotonic_ns() - start) / 1e9;
    pthread_barrier_destroy(&self.start);
    return (double)atomic_load(&self.rows) / elapsed;
}

/* ---- Ours. ---- */

static void keep_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array) {
    array->release = NULL;
}

/* The three parameters of a row, in the caller's memory. */
typedef struct row {
    int64_t id;
    double amount;
    int32_t offsets[2];
    char name[16];
    const void *buffers[COLUMNS][3];
    const void *no_buffers[1];
    struct ArrowArray arrays[COLUMNS], *array_pointers[COLUMNS], array;
    struct ArrowSchema fields[COLUMNS], *field_pointers[COLUMNS], schema;
    pyr_params params;
} row;

static void row_init(row *self) {
    static const char *const formats[COLUMNS] = {"l", "g", "u"};
    memset(self, 0, sizeof(*self));
    self->buffers[0][1] = &self->id;
    self->buffers[1][1] = &self->amount;
    self->buffers[2][1] = self->offsets;
    self->buffers[2][2] = self->name;
    for (int i = 0; i < COLUMNS; ++i) {
        self->arrays[i] = (struct ArrowArray){.length = 1,
                                              .n_buffers = i == 2 ? 3 : 2,
                                              .buffers = self->buffers[i],
                                              .release = keep_array};
        self->fields[i] =
            (struct ArrowSchema){.format = formats[i], .name = "", .release = keep_schema};
        self->array_pointers[i] = &self->arrays[i];
        self->field_pointers[i] = &self->fields[i];
    }
    self->array = (struct ArrowArray){.length = 1,
                                      .n_buffers = 1,
                                      .buffers = self->no_buffers,
                                      .n_children = COLUMNS,
                                      .children = self->array_pointers,
                                      .release = keep_array};
    self->schema = (struct ArrowSchema){.format = "+s",
                                        .name = "",
                                        .n_children = COLUMNS,
                                        .children = self->field_pointers,
                                        .release = keep_schema};
    self->params = (pyr_params){&self->schema, &self->array};
}

static void row_set(row *self, int64_t number) {
    self->id = number;
    self->amount = (double)number / 7;
    self->offsets[1] =
        snprintf(self->name, sizeof(self->name), "n%07u", (unsigned)(number % 10000000));
}

static void *insert_ours(void *context) {
    run *self = context;
    pyr_error error;
    pyr_connection *connection = NULL;
    pyr_statement *statement = NULL;
    row values;
    row_init(&values);
    check(pyr_connect(self->database, &connection, &error), &error);
    check(pyr_prepare(connection, "INSERT INTO t VALUES ($1, $2, $3)", &statement, &error), &error);
    pthread_barrier_wait(&self->start);
    int64_t start = pyr_clock_monotonic_ns();
    int64_t rows = 0;
    for (; time_left(self, start); ++rows) {
        row_set(&values, rows);
        check(pyr_bind(statement, &values.params, &error), &error);
        check(pyr_statement_execute(statement, NULL, &error), &error);
    }
    atomic_fetch_add(&self->rows, rows);
    pyr_statement_close(statement);
    pyr_disconnect(connection);
    return NULL;
}

static pyr_database *open_ours(const char *path) {
    pyr_error error;
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    check(pyr_open(path, NULL, &db, &error), &error);
    check(pyr_connect(db, &connection, &error), &error);
    check(pyr_execute(connection, "CREATE TABLE t (id BIGINT, amount DOUBLE, name VARCHAR)", NULL,
                      NULL, &error),
          &error);
    pyr_disconnect(connection);
    return db;
}

/* ---- SQLite. ---- */

static void check_sqlite(int code, sqlite3 *db) {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        die("sqlite", sqlite3_errmsg(db));
    }
}

static sqlite3 *open_sqlite(const char *path) {
    sqlite3 *db = NULL;
    check_sqlite(sqlite3_open_v2(path, &db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                 NULL),
                 db);
    check_sqlite(sqlite3_busy_timeout(db, 60000), db);
    check_sqlite(
        sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL),
        db);
    return db;
}

static void *insert_sqlite(void *context) {
    run *self = context;
    sqlite3 *db = open_sqlite(self->database);
    sqlite3_stmt *statement = NULL;
    row values;
    row_init(&values);
    check_sqlite(sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1, ?2, ?3)", -1, &statement, NULL),
                 db);
    pthread_barrier_wait(&self->start);
    int64_t start = pyr_clock_monotonic_ns();
    int64_t rows = 0;
    for (; time_left(self, start); ++rows) {
        row_set(&values, rows);
        check_sqlite(sqlite3_bind_int64(statement, 1, values.id), db);
        check_sqlite(sqlite3_bind_double(statement, 2, values.amount), db);
        check_sqlite(sqlite3_bind_text(statement, 3, values.name, values.offsets[1], SQLITE_STATIC),
                     db);
        check_sqlite(sqlite3_step(statement), db);
        check_sqlite(sqlite3_reset(statement), db);
    }
    atomic_fetch_add(&self->rows, rows);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return NULL;
}

static void create_sqlite(const char *path) {
    sqlite3 *db = open_sqlite(path);
    check_sqlite(
        sqlite3_exec(db, "CREATE TABLE t (id INTEGER, amount REAL, name TEXT)", NULL, NULL, NULL),
        db);
    sqlite3_close(db);
}

/* ---- The disk, and the rounds. ---- */

static double disk_syncs(const char *path, int seconds) {
    static const char bytes[100] = {0};
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
    int64_t start = pyr_clock_monotonic_ns();
    int64_t count = 0;
    run timing = {.seconds = seconds};
    if (fd < 0) {
        die(path, "cannot be created");
    }
    for (; time_left(&timing, start); ++count) {
        if (write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) || fdatasync(fd) != 0) {
            die(path, "cannot be written");
        }
    }
    close(fd);
    return (double)count / ((double)(pyr_clock_monotonic_ns() - start) / 1e9);
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

int main(int argc, char **argv) {
    int connections = argc == 5 ? atoi(argv[2]) : 0;
    int seconds = argc == 5 ? atoi(argv[3]) : 0;
    int rounds = argc == 5 ? atoi(argv[4]) : 0;
    if (connections < 1 || connections > CONNECTIONS_MAX || seconds < 1 || rounds < 1 ||
        rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: insert_bench DIRECTORY CONNECTIONS SECONDS ROUNDS\n");
        return 2;
    }
    char ours_path[4096];
    char sqlite_path[4096];
    char disk_path[4096];
    (void)mkdir(argv[1], 0777);
    (void)snprintf(ours_path, sizeof(ours_path), "%s/ours", argv[1]);
    (void)snprintf(sqlite_path, sizeof(sqlite_path), "%s/sqlite.db", argv[1]);
    (void)snprintf(disk_path, sizeof(disk_path), "%s/disk", argv[1]);
    pyr_database *db = open_ours(ours_path);
    create_sqlite(sqlite_path);
    double rates[5][ROUNDS_MAX];
    for (int i = 0; i < rounds; ++i) {
        rates[0][i] = run_threads(db, insert_ours, 1, seconds);
        rates[1][i] = run_threads(sqlite_path, insert_sqlite, 1, seconds);
        rates[2][i] = run_threads(db, insert_ours, connections, seconds);
        rates[3][i] = run_threads(sqlite_path, insert_sqlite, connections, seconds);
        rates[4][i] = disk_syncs(disk_path, seconds);
    }
    printf("{\"one\": %.0f, \"sqlite_one\": %.0f, \"many\": %.0f, \"sqlite_many\": %.0f, "
           "\"disk\": %.0f}\n",
           median(rates[0], rounds), median(rates[1], rounds), median(rates[2], rounds),
           median(rates[3], rounds), median(rates[4], rounds));
    pyr_close(db);
    return 0;
}
