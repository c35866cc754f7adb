/* files_work.c - see files_work.h. */
#include "files_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGE_ROWS = 20000 };

static const char *const tables[WORK_TABLES] = {"t", "k", "d"};

/* NULL: an ingest of LARGE_ROWS rows into t, which makes a file. */
static const struct {
    const char *name;
    const char *sql;
} steps[] = {
    {"create", "CREATE TABLE t (id BIGINT, v BIGINT)"},
    {"create keyed", "CREATE TABLE k (id BIGINT PRIMARY KEY, v BIGINT UNIQUE)"},
    {"insert", "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (4, 40), (5, 50)"},
    {"insert keyed", "INSERT INTO k VALUES (1, 10), (2, 20), (3, 30), (4, 40)"},
    {"ingest", NULL},
    {"transaction", "BEGIN; INSERT INTO t VALUES (-1, 1), (-2, 2); "
                    "UPDATE t SET v = v + 7 WHERE id < 3; DELETE FROM k WHERE id = 1; "
                    "INSERT INTO k VALUES (5, 50), (6, 60); DELETE FROM t WHERE id = 4; COMMIT"},
    {"upsert", "INSERT INTO k VALUES (2, 21), (7, 70) ON CONFLICT (id) DO UPDATE SET v = "
               "excluded.v"},
    {"delete", "DELETE FROM t WHERE id % 3 = 0"},
    {"delete keyed", "DELETE FROM k WHERE id = 3"},
    {"ingest again", NULL},
    {"checkpoint", "CHECKPOINT"},
    {"insert after", "INSERT INTO t VALUES (-3, 3)"},
    {"create as", "CREATE TABLE d AS SELECT id, v FROM t"},
    {"delete many", "DELETE FROM d WHERE id % 5 <> 0"},
    {"vacuum", "VACUUM"},
    {"truncate", "TRUNCATE t"},
    {"drop", "DROP TABLE d"},
    {"insert at last", "INSERT INTO t VALUES (100, 1000), (101, 1010)"},
};

int work_steps(void) {
    return (int)(sizeof(steps) / sizeof(*steps));
}

const char *work_name(int step) {
    return steps[step].name;
}

static int64_t large_value(void *context, int64_t row, int column) {
    (void)context;
    return column == 0 ? 1000 + row : row * row;
}

static pyr_status ingest(fault_db *db) {
    static const char *const names[] = {"id", "v"};
    fault_source source = {names, 2, LARGE_ROWS, LARGE_ROWS, large_value, NULL};
    return fault_ingest(db, "t", &source);
}

pyr_status work_run(fault_db *db, int step) {
    pyr_error error;
    const char *sql = steps[step].sql;
    pyr_status status = sql == NULL ? ingest(db) : fault_run_text(db, sql);
    if (status != PYR_OK && sql != NULL && strncmp(sql, "BEGIN", 5) == 0) {
        error = db->error;
        (void)fault_run_text(db, "ROLLBACK"); /* 25P01 where it was the COMMIT */
        db->error = error;
    }
    return status;
}

typedef struct summing {
    int64_t rows;
    uint64_t sum;
} summing;

static void see_row(void *context, const int64_t *values) {
    summing *self = context;
    self->rows += 1;
    self->sum += fault_mix((uint64_t)values[0] * 0x9e3779b97f4a7c15U + (uint64_t)values[1]);
}

pyr_status work_read(fault_db *db, work_contents *out) {
    for (int i = 0; i < WORK_TABLES; ++i) {
        char sql[64];
        summing sum = {0, 0};
        (void)snprintf(sql, sizeof(sql), "SELECT id, v FROM %s", tables[i]);
        pyr_status status = fault_rows(db, sql, see_row, &sum);
        if (status != PYR_OK && strcmp(db->error.sqlstate, "42P01") != 0) {
            return status;
        }
        out->rows[i] = status == PYR_OK ? sum.rows : -1;
        out->sums[i] = sum.sum;
    }
    return PYR_OK;
}

void work_learn(const char *path, work_contents *expected) {
    pid_t child = fork();
    if (child == 0) {
        fault_db db;
        fault_must_open(&db, path, false);
        for (int step = 0; step <= work_steps(); ++step) {
            if (work_read(&db, &expected[step]) != PYR_OK ||
                (step < work_steps() && work_run(&db, step) != PYR_OK)) {
                fault_die("step %d: %s: %s", step, db.error.sqlstate, db.error.message);
            }
        }
        fault_close(&db);
        _exit(0);
    }
    if (!fault_ended(fault_wait(child), 0)) {
        fault_die("the workload fails by itself");
    }
}

bool work_equal(const work_contents *a, const work_contents *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

void work_print(const char *what, const work_contents *contents) {
    (void)fprintf(stderr, "%s:", what);
    for (int i = 0; i < WORK_TABLES; ++i) {
        (void)fprintf(stderr, " %s %" PRId64 " rows (%016" PRIx64 ")", tables[i], contents->rows[i],
                      contents->sums[i]);
    }
    (void)fputc('\n', stderr);
}
