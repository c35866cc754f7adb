/* oracle_test.c - random sequences of statements on three connections, held against a model.
 *
 *     oracle_test [--seeds N] [--steps N] [--seed N] [--trace]
 *
 * One thread takes turns on the connections, so that a seed repeats everything but compaction in
 * the background. A step is a statement, BEGIN, COMMIT, ROLLBACK, CHECKPOINT, VACUUM, CREATE or
 * DROP, closing and opening again, or kill -9 (of this test's own child, which another one
 * follows). What each answers is known beforehand: rows changed, 23505, and of a commit 40001 where
 * another one has written the same rows since BEGIN, and there alone.
 */
#include "oracle_make.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 3, SQL_BYTES = 64 << 10 };

/* What outlives a kill: shared with the child that does the steps. */
typedef struct oracle_shared {
    oracle_state committed;
    fault_random random;
    int64_t versions, next_id, incarnations;
    int64_t step, steps;
    int64_t commits, conflicts, refused, kills, reopened;
} oracle_shared;

typedef struct oracle_connection {
    fault_db db;
    bool begun;
    oracle_state *base, *mine;
} oracle_connection;

typedef struct oracle {
    const char *path;
    fault_db db;
    oracle_connection connections[CONNECTIONS];
    oracle_shared *shared;
    oracle_row *rows; /* two times ROWS_MAX */
    int rows_count;
    char *sql;
    bool trace;
} oracle;

static int64_t below(oracle *self, int64_t limit) {
    return fault_below(&self->shared->random, limit);
}

static void trace(oracle *self, int connection, const char *what) {
    if (self->trace) {
        printf("%lld: %d: %s\n", (long long)self->shared->step, connection, what);
        (void)fflush(stdout);
    }
}

static int number_of(const oracle *self, const oracle_connection *connection) {
    return (int)(connection - self->connections);
}

_Noreturn static void differ(const oracle *self, const oracle_connection *connection,
                             const char *what, const char *expected) {
    fault_die("step %lld, connection %d: %.3000s: expected %s; last error %s: %s",
              (long long)self->shared->step, number_of(self, connection), what, expected,
              connection->db.error.sqlstate, connection->db.error.message);
}

/* ---- Contents. ---- */

static void see_row(void *context, const int64_t *values) {
    oracle *self = context;
    if (self->rows_count < ROWS_MAX) {
        self->rows[self->rows_count] = (oracle_row){
            .id = values[0], .a = values[1], .v = values[2], .pad = values[3], .x = values[4]};
    }
    self->rows_count += 1;
}

static bool rows_are(const oracle *self, const oracle_row *expected, int count) {
    if (self->rows_count != count) {
        return false;
    }
    for (int i = 0; i < count; ++i) {
        const oracle_row *row = &self->rows[i];
        if (row->id != expected[i].id || row->a != expected[i].a || row->v != expected[i].v ||
            row->pad != expected[i].pad || row->x != expected[i].x) {
            return false;
        }
    }
    return true;
}

static void print_rows(const char *name, const oracle_row *rows, int count) {
    (void)fprintf(stderr, "%s:", name);
    for (int i = 0; i < count; ++i) {
        (void)fprintf(stderr, " (%lld %lld %lld %lld %lld)", (long long)rows[i].id,
                      (long long)rows[i].a, (long long)rows[i].v, (long long)rows[i].pad,
                      (long long)rows[i].x);
    }
    (void)fputc('\n', stderr);
}

static void compare_table(oracle *self, oracle_connection *connection, const oracle_state *state,
                          oracle_table table) {
    const oracle_rows *expected = &state->tables[table];
    oracle_row *sorted = self->rows + ROWS_MAX;
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "SELECT id, a, v, coalesce(length(pad), 0), %s FROM %s",
                   expected->has_x ? "x" : "0::BIGINT", oracle_names[table]);
    self->rows_count = 0;
    pyr_status status = fault_rows(&connection->db, sql, see_row, self);
    if (expected->incarnation == 0) {
        if (status == PYR_OK || strcmp(connection->db.error.sqlstate, "42P01") != 0) {
            differ(self, connection, sql, "42P01");
        }
        return;
    }
    if (status != PYR_OK) {
        differ(self, connection, sql, "rows");
    }
    memcpy(sorted, expected->rows, (size_t)expected->count * sizeof(*sorted));
    oracle_sort(sorted, expected->count);
    oracle_sort(self->rows, self->rows_count < ROWS_MAX ? self->rows_count : ROWS_MAX);
    if (!rows_are(self, sorted, expected->count)) {
        print_rows("expected", sorted, expected->count);
        print_rows("found", self->rows, self->rows_count < ROWS_MAX ? self->rows_count : ROWS_MAX);
        differ(self, connection, sql, "other rows");
    }
}

static const oracle_state *seen_by(const oracle *self, const oracle_connection *connection) {
    return connection->begun ? connection->mine : &self->shared->committed;
}

static void compare_all(oracle *self) {
    for (int i = 0; i < ORACLE_TABLES; ++i) {
        compare_table(self, &self->connections[0], &self->shared->committed, (oracle_table)i);
    }
}

/* A table that is not there would abort a transaction. */
static void compare_one(oracle *self, oracle_connection *connection) {
    oracle_table table = (oracle_table)below(self, ORACLE_TABLES);
    const oracle_state *seen = seen_by(self, connection);
    if (seen->tables[table].incarnation != 0 || !connection->begun) {
        compare_table(self, connection, seen, table);
    }
}

/* ---- Steps. ---- */

static void must(oracle *self, oracle_connection *connection, const char *sql) {
    trace(self, number_of(self, connection), sql);
    if (fault_run_text(&connection->db, sql) != PYR_OK) {
        differ(self, connection, sql, "success");
    }
}

static void step_begin(oracle *self, oracle_connection *connection) {
    must(self, connection, "BEGIN");
    connection->begun = true;
    oracle_copy(connection->base, &self->shared->committed);
    oracle_copy(connection->mine, &self->shared->committed);
}

static void step_rollback(oracle *self, oracle_connection *connection) {
    must(self, connection, "ROLLBACK");
    connection->begun = false;
}

static bool is_allowed(const oracle_verdict *verdict, const char *sqlstate) {
    return (verdict->conflict && strcmp(sqlstate, "40001") == 0) ||
           (verdict->key && strcmp(sqlstate, "23505") == 0) ||
           (verdict->table && strcmp(sqlstate, "42P01") == 0);
}

static void step_commit(oracle *self, oracle_connection *connection) {
    oracle_shared *shared = self->shared;
    oracle_verdict verdict = oracle_judge(&shared->committed, connection->base, connection->mine);
    trace(self, number_of(self, connection), "COMMIT");
    connection->begun = false;
    if (fault_run_text(&connection->db, "COMMIT") != PYR_OK) {
        if (!is_allowed(&verdict, connection->db.error.sqlstate)) {
            differ(self, connection, "COMMIT", verdict.may_succeed ? "success" : "a conflict");
        }
        shared->conflicts += 1;
        return;
    }
    if (!verdict.may_succeed) {
        differ(self, connection, "COMMIT", "a conflict");
    }
    oracle_commit(&shared->committed, connection->base, connection->mine);
    shared->commits += 1;
}

static void step_statement(oracle *self, oracle_connection *connection) {
    static oracle_statement statement;
    oracle_shared *shared = self->shared;
    oracle_state *state = connection->begun ? connection->mine : &shared->committed;
    int64_t rows_changed = 0;
    oracle_make(state, &shared->random, &shared->next_id, &statement);
    oracle_print(&statement, self->sql, SQL_BYTES);
    trace(self, number_of(self, connection), self->sql);
    const char *expected = oracle_apply(state, &statement, &shared->versions, &rows_changed);
    pyr_status status = fault_run_text(&connection->db, self->sql);
    if (expected == NULL) {
        if (status != PYR_OK) {
            differ(self, connection, self->sql, "success");
        }
        if (connection->db.rows_changed != rows_changed) {
            (void)fprintf(stderr, "%lld rows changed instead of %lld\n",
                          (long long)connection->db.rows_changed, (long long)rows_changed);
            differ(self, connection, self->sql, "another number of rows");
        }
        return;
    }
    if (status == PYR_OK || strcmp(connection->db.error.sqlstate, expected) != 0) {
        differ(self, connection, self->sql, expected);
    }
    shared->refused += 1;
    if (connection->begun) { /* it is aborted */
        step_rollback(self, connection);
    }
}

static void step_table(oracle *self, oracle_connection *connection) {
    oracle_rows *table = &self->shared->committed.tables[D0];
    if (table->incarnation != 0) {
        must(self, connection, "DROP TABLE d0");
        table->incarnation = 0;
    } else {
        must(self, connection, "CREATE TABLE d0 (id BIGINT, a BIGINT, v BIGINT, pad VARCHAR)");
        table->incarnation = ++self->shared->incarnations;
        table->has_x = false;
    }
    table->count = 0;
}

static void step_alter(oracle *self, oracle_connection *connection) {
    oracle_table table = (oracle_table)below(self, ORACLE_TABLES);
    oracle_rows *rows = &self->shared->committed.tables[table];
    int64_t x = below(self, 1000);
    if (rows->incarnation == 0) {
        return;
    }
    (void)snprintf(self->sql, SQL_BYTES,
                   rows->has_x ? "ALTER TABLE %s DROP COLUMN x"
                               : "ALTER TABLE %s ADD COLUMN x BIGINT DEFAULT %lld",
                   oracle_names[table], (long long)x);
    must(self, connection, self->sql);
    oracle_alter(rows, x);
}

static void step_of(oracle *self, oracle_connection *connection) {
    int64_t choice = below(self, 100);
    if (connection->begun) {
        if (choice < 72) {
            step_statement(self, connection);
        } else if (choice < 92) {
            step_commit(self, connection);
        } else {
            step_rollback(self, connection);
        }
    } else if (choice < 35) {
        step_begin(self, connection);
    } else if (choice < 38) {
        step_alter(self, connection);
    } else if (choice < 92) {
        step_statement(self, connection);
    } else if (choice < 95) {
        step_table(self, connection);
    } else {
        must(self, connection, choice < 98 ? "CHECKPOINT" : "VACUUM");
    }
}

/* ---- Opening and closing. ---- */

static void *get_memory(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) {
        fault_die("out of memory");
    }
    return memory;
}

static void open_all(oracle *self) {
    if (fault_open(&self->db, self->path, false) != PYR_OK) {
        fault_die("open: %s: %s", self->db.error.sqlstate, self->db.error.message);
    }
    for (int i = 0; i < CONNECTIONS; ++i) {
        self->connections[i].begun = false;
        if (fault_connect(&self->connections[i].db, &self->db) != PYR_OK) {
            fault_die("connect: %s", self->connections[i].db.error.message);
        }
    }
}

static void close_all(oracle *self) {
    for (int i = 0; i < CONNECTIONS; ++i) {
        fault_disconnect(&self->connections[i].db);
    }
    fault_close(&self->db);
}

static void make_tables(oracle *self) {
    static const char *const keys[ORACLE_TABLES] = {"", "", "", ", PRIMARY KEY (id)",
                                                    ", PRIMARY KEY (a, id)"};
    for (int i = 0; i < ORACLE_TABLES; ++i) {
        if (i != D0) {
            fault_must(&self->db, "CREATE TABLE %s (id BIGINT, a BIGINT, v BIGINT, pad VARCHAR%s)",
                       oracle_names[i], keys[i]);
            self->shared->committed.tables[i].incarnation = ++self->shared->incarnations;
        }
    }
}

static void reopen(oracle *self) {
    trace(self, 0, "close, open");
    close_all(self);
    open_all(self);
    self->shared->reopened += 1;
    compare_all(self);
}

static void do_step(oracle *self) {
    int64_t choice = below(self, 200);
    oracle_connection *connection = &self->connections[below(self, CONNECTIONS)];
    self->shared->step += 1;
    if (choice < 1) {
        reopen(self);
    } else if (choice < 3 && self->shared->step > 1) {
        trace(self, 0, "kill");
        self->shared->kills += 1;
        (void)raise(SIGKILL);
    } else {
        step_of(self, connection);
    }
    if (choice % 3 == 0) {
        compare_one(self, connection);
    }
}

static void check_at_rest(oracle *self) {
    close_all(self);
    if (fault_open(&self->db, self->path, true) != PYR_OK) {
        fault_die("open: %s", self->db.error.message);
    }
    if (!fault_verify(&self->db) || !fault_files_are_named(&self->db)) {
        fault_die("%s is not well", self->path);
    }
    fault_close(&self->db);
}

_Noreturn static void steps_process(oracle_shared *shared, const char *path, bool traced) {
    static oracle self;
    self = (oracle){.path = path, .shared = shared, .trace = traced};
    self.sql = get_memory(SQL_BYTES);
    self.rows = get_memory(2 * ROWS_MAX * sizeof(*self.rows));
    for (int i = 0; i < CONNECTIONS; ++i) {
        self.connections[i].base = get_memory(sizeof(oracle_state));
        self.connections[i].mine = get_memory(sizeof(oracle_state));
    }
    open_all(&self);
    if (shared->step == 0) {
        make_tables(&self);
    }
    compare_all(&self);
    while (shared->step < shared->steps) {
        do_step(&self);
    }
    reopen(&self);
    check_at_rest(&self);
    _exit(0);
}

/* ---- The parent. ---- */

static bool run_seed(oracle_shared *shared, uint64_t seed, int64_t steps, bool traced) {
    char *path = fault_folder("oracle");
    int status;
    memset(shared, 0, sizeof(*shared));
    shared->random.state = seed;
    shared->next_id = 1000;
    shared->steps = steps;
    do {
        pid_t child = fork();
        if (child == 0) {
            steps_process(shared, path, traced);
        }
        status = fault_wait(child);
    } while (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    bool well = fault_ended(status, 0);
    printf("seed %llu: %lld steps, %lld commits, %lld conflicts, %lld refused, %lld kills, %lld "
           "reopened\n",
           (unsigned long long)seed, (long long)shared->step, (long long)shared->commits,
           (long long)shared->conflicts, (long long)shared->refused, (long long)shared->kills,
           (long long)shared->reopened);
    (void)fflush(stdout);
    if (well) {
        fault_remove(path);
    } else {
        (void)fprintf(stderr, "seed %llu of %lld steps ended with status %d: %s\n",
                      (unsigned long long)seed, (long long)steps, status, path);
    }
    free(path);
    return well;
}

int main(int argc, char **argv) {
    static const struct option names[] = {{"seeds", required_argument, NULL, 'n'},
                                          {"steps", required_argument, NULL, 't'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"trace", no_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
    int64_t seeds = 8;
    int64_t steps = 300;
    uint64_t first = 1;
    bool traced = false;
    int choice;
    while ((choice = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (choice) {
        case 'n':
            seeds = atoll(optarg);
            break;
        case 't':
            steps = atoll(optarg);
            break;
        case 's':
            first = strtoull(optarg, NULL, 10);
            break;
        case 'v':
            traced = true;
            break;
        default:
            return 2;
        }
    }
    oracle_shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        fault_die("mmap: %s", strerror(errno));
    }
    fault_load_engine();
    bool well = true;
    for (int64_t i = 0; i < seeds; ++i) {
        well &= run_seed(shared, first + (uint64_t)i, steps, traced);
    }
    return well ? 0 : 1;
}
