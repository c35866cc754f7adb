/* api_threads_test.c - connections used by several threads: what waits, what is cancelled, and
 * (under the tsan preset) that nothing races. */
#include "support_session.h"
#include "unit/arrow/support_arrays.h"

#include "arrow/cdata.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 25 };

typedef struct worker {
    pthread_t thread;
    pyr_database *db;
    pyr_connection *connection;
    pyr_statement *statement;
    int number;
    char failure[1200]; /* empty: none. cmocka's checks belong to the main thread */
} worker;

static bool worker_ok(worker *self, pyr_status status, const pyr_error *error) {
    if (status != PYR_OK && self->failure[0] == '\0') {
        strcpy(self->failure, error->message);
    }
    return status == PYR_OK;
}

/* Runs THREADS workers; connection NULL: each has one of its own. */
static void run_workers(fixture *f, void *(*body)(void *), bool share, pyr_statement *statement) {
    worker workers[THREADS];
    memset(workers, 0, sizeof(workers));
    for (int i = 0; i < THREADS; ++i) {
        workers[i].db = f->db;
        workers[i].number = i;
        workers[i].connection = share ? f->connection : NULL;
        workers[i].statement = statement;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        assert_string_equal(workers[i].failure, "");
    }
}

static int64_t read_all(struct ArrowArrayStream *stream) {
    int64_t rows = 0;
    struct ArrowArray batch;
    while (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
        rows += batch.length;
        batch.release(&batch);
    }
    stream->release(stream);
    return rows;
}

/* Writes a row, reads all, looks at the ledger, lists the tables; each round. */
static void *write_and_read(void *argument) {
    worker *self = argument;
    pyr_error error;
    bool own = self->connection == NULL;
    if (own && !worker_ok(self, pyr_connect(self->db, &self->connection, &error), &error)) {
        return NULL;
    }
    int64_t before = 0;
    for (int i = 0; i < ROUNDS; ++i) {
        struct ArrowArrayStream stream;
        pyr_ledger_report ledger;
        pyr_row row;
        if (!worker_ok(
                self,
                pyr_execute(self->connection, "INSERT INTO t VALUES (1), (2)", NULL, NULL, &error),
                &error) ||
            !worker_ok(self, pyr_query(self->connection, "SELECT a FROM t", NULL, &stream, &error),
                       &error)) {
            break;
        }
        int64_t rows = read_all(&stream);
        if (rows < before + 2) {
            strcpy(self->failure, "rows that were acknowledged are not there");
        }
        before = rows;
        pyr_ledger(self->connection, &ledger);
        if (!worker_ok(
                self, pyr_query_one(self->connection, "SELECT COUNT(*) FROM t", NULL, &row, &error),
                &error)) {
            break;
        }
        pyr_row_release(&row);
    }
    if (own) {
        pyr_disconnect(self->connection);
    }
    return NULL;
}

static void calls_on_one_connection_wait_for_each_other(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    run_workers(f, write_and_read, true, NULL);
    expect(f, "SELECT COUNT(*) FROM t", "200\n");
}

static void many_connections_write_and_read_at_once(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    run_workers(f, write_and_read, false, NULL);
    expect(f, "SELECT COUNT(*) FROM t", "200\n");
}

static void *create_and_drop(void *argument) {
    worker *self = argument;
    pyr_error error;
    if (!worker_ok(self, pyr_connect(self->db, &self->connection, &error), &error)) {
        return NULL;
    }
    for (int i = 0; i < ROUNDS; ++i) {
        /* Another thread may drop it in between: 42P01 is what that is called. */
        pyr_status status = pyr_execute(self->connection,
                                        "CREATE TABLE IF NOT EXISTS u (a INTEGER);"
                                        "INSERT INTO u VALUES (1); SELECT a FROM u;"
                                        "DROP TABLE IF EXISTS u",
                                        NULL, NULL, &error);
        if (status != PYR_OK && strcmp(error.sqlstate, "42P01") != 0) {
            (void)worker_ok(self, status, &error);
            break;
        }
    }
    pyr_disconnect(self->connection);
    return NULL;
}

static void tables_may_come_and_go_while_others_use_them(void **state) {
    fixture *f = *state;
    run_workers(f, create_and_drop, false, NULL);
    run(f, "DROP TABLE IF EXISTS u");
    expect(f, "SHOW TABLES", "");
}

/* ---- A statement shared by threads. ---- */

/* Parameters are borrowed: nobody may release them. */
static void never_schema(struct ArrowSchema *schema) {
    (void)schema;
    abort();
}

static void never_array(struct ArrowArray *array) {
    (void)array;
    abort();
}

static void *bind_and_run(void *argument) {
    worker *self = argument;
    pyr_error error;
    int64_t value = self->number + 1;
    const void *buffers[2] = {NULL, &value};
    const void *none[1] = {NULL};
    struct ArrowSchema child_schema = {.format = "l", .name = "", .release = never_schema};
    struct ArrowArray child = {
        .length = 1, .n_buffers = 2, .buffers = buffers, .release = never_array};
    struct ArrowSchema *schemas[1] = {&child_schema};
    struct ArrowArray *arrays[1] = {&child};
    struct ArrowSchema schema = {
        .format = "+s", .name = "", .n_children = 1, .children = schemas, .release = never_schema};
    struct ArrowArray array = {.length = 1,
                               .n_buffers = 1,
                               .buffers = none,
                               .n_children = 1,
                               .children = arrays,
                               .release = never_array};
    pyr_params params = {&schema, &array};
    for (int i = 0; i < ROUNDS; ++i) {
        struct ArrowArrayStream stream;
        if (!worker_ok(self, pyr_bind(self->statement, &params, &error), &error) ||
            !worker_ok(self, pyr_statement_query(self->statement, &stream, &error), &error)) {
            break;
        }
        int64_t rows = read_all(&stream);
        if (rows < 1 || rows > THREADS) {
            strcpy(self->failure, "a limit nobody bound");
        }
    }
    return NULL;
}

static void a_statement_is_bound_and_run_by_several_threads(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6)");
    pyr_statement *statement = NULL;
    assert_int_equal(pyr_prepare(f->connection, "SELECT a FROM t LIMIT $1", &statement, &f->error),
                     PYR_OK);
    run_workers(f, bind_and_run, true, statement);
    pyr_statement_close(statement);
}

/* ---- Cancelling. ---- */

typedef struct canceller {
    pyr_connection *connection;
    atomic_bool stop;
} canceller;

static void *cancel_until_stopped(void *argument) {
    canceller *self = argument;
    while (!atomic_load(&self->stop)) {
        pyr_cancel(self->connection);
        sched_yield();
    }
    return NULL;
}

/* A source without an end: batches of one row for as long as it is asked. */
typedef struct endless {
    pyr_batch *batch;
    int64_t batches;
    bool *released;
} endless;

static int endless_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    endless *self = stream->private_data;
    return pyr_schema_export(self->batch->schema, out, NULL) == PYR_OK ? 0 : ENOMEM;
}

static int endless_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    endless *self = stream->private_data;
    ++self->batches;
    return pyr_batch_export(self->batch, out, NULL) == PYR_OK ? 0 : ENOMEM;
}

static const char *endless_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return NULL;
}

static void endless_release(struct ArrowArrayStream *stream) {
    *((endless *)stream->private_data)->released = true;
    stream->release = NULL;
}

static void cancel_from_another_thread_ends_an_ingest_and_nothing_of_it_is_there(void **state) {
    fixture *f = *state;
    bool released = false;
    pyr_array *column = int64_value(7);
    endless source = {batch_of(&column, 1), 0, &released};
    struct ArrowArrayStream stream = {endless_schema, endless_next, endless_error, endless_release,
                                      &source};
    canceller other = {f->connection, false};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_until_stopped, &other), 0);
    int64_t rows = 77;
    pyr_status status = pyr_ingest(f->connection, "t", &stream, NULL, &rows, &f->error);
    atomic_store(&other.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(status, PYR_ERROR_CANCELLED);
    assert_string_equal(f->error.sqlstate, "57014");
    assert_int_equal(rows, 0);
    assert_true(released);
    pyr_batch_release(source.batch);
    expect(f, "SHOW TABLES", "");
    /* The connection goes on: cancelling is of one statement. */
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
}

#ifdef PYRALOG_HAVE_DUCKDB
static void cancel_from_another_thread_ends_a_running_query(void **state) {
    fixture *f = *state;
    static const char *const endless_queries[] = {
        "SELECT SUM(a.i * b.i) FROM range(100000000) a(i), range(100000000) b(i)",
        "CREATE TABLE t AS SELECT i FROM range(1000000000000) r(i)"};
    for (size_t i = 0; i < 2; ++i) {
        canceller other = {f->connection, false};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, cancel_until_stopped, &other), 0);
        pyr_status status = pyr_execute(f->connection, endless_queries[i], NULL, NULL, &f->error);
        atomic_store(&other.stop, true);
        pthread_join(thread, NULL);
        assert_int_equal(status, PYR_ERROR_CANCELLED);
        assert_string_equal(f->error.sqlstate, "57014");
    }
    expect(f, "SHOW TABLES", "");
    expect(f, "SELECT 1 + 1", "2\n");
}
#endif

static void a_statement_timeout_ends_it_and_is_no_cancel(void **state) {
    fixture *f = *state;
    bool released = false;
    pyr_array *column = int64_value(7);
    endless source = {batch_of(&column, 1), 0, &released};
    struct ArrowArrayStream stream = {endless_schema, endless_next, endless_error, endless_release,
                                      &source};
    run(f, "SET statement_timeout = 0.05");
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, NULL, &f->error),
                     PYR_ERROR_TIMEOUT);
    assert_true(released);
    pyr_batch_release(source.batch);
    run(f, "SET statement_timeout = 0");
    expect(f, "SHOW TABLES", "");
}

/* ---- The last reference goes on any thread. ---- */

static void *release_stream(void *argument) {
    struct ArrowArrayStream *stream = argument;
    struct ArrowArray batch;
    if (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
        batch.release(&batch);
    }
    stream->release(stream);
    return NULL;
}

static void
results_are_read_and_released_on_other_threads_while_the_connection_goes_on(void **state) {
    (void)state;
    fixture f = {0};
    assert_int_equal(pyr_open(":memory:", NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    run(&f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    struct ArrowArrayStream streams[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pyr_query(f.connection, "SELECT a FROM t", NULL, &streams[i], &f.error),
                         PYR_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, release_stream, &streams[i]), 0);
        run(&f, "INSERT INTO t VALUES (3)");
    }
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
}

/* Writes the same few rows as all others, each statement by itself. */
static void *upsert_rows(void *argument) {
    worker *self = argument;
    pyr_error error;
    if (!worker_ok(self, pyr_connect(self->db, &self->connection, &error), &error)) {
        return NULL;
    }
    for (int i = 0; i < ROUNDS; ++i) {
        if (!worker_ok(self,
                       pyr_execute(self->connection,
                                   "INSERT OR REPLACE INTO k VALUES (1, 10), (2, 20), (3, 30)",
                                   NULL, NULL, &error),
                       &error) ||
            !worker_ok(self,
                       pyr_execute(self->connection,
                                   "INSERT INTO k VALUES (2, 0), (4, 40) ON CONFLICT DO NOTHING",
                                   NULL, NULL, &error),
                       &error)) {
            break;
        }
    }
    pyr_disconnect(self->connection);
    return NULL;
}

static void upserts_of_one_row_from_many_connections_all_succeed(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE k (a BIGINT PRIMARY KEY, b BIGINT)");
    run_workers(f, upsert_rows, false, NULL);
    expect(f, "SELECT a, b FROM k", "1|10\n2|20\n3|30\n4|40\n");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(calls_on_one_connection_wait_for_each_other),
        CASE(many_connections_write_and_read_at_once),
        CASE(tables_may_come_and_go_while_others_use_them),
        CASE(a_statement_is_bound_and_run_by_several_threads),
        CASE(upserts_of_one_row_from_many_connections_all_succeed),
        CASE(cancel_from_another_thread_ends_an_ingest_and_nothing_of_it_is_there),
#ifdef PYRALOG_HAVE_DUCKDB
        CASE(cancel_from_another_thread_ends_a_running_query),
#endif
        CASE(a_statement_timeout_ends_it_and_is_no_cancel),
        cmocka_unit_test(
            results_are_read_and_released_on_other_threads_while_the_connection_goes_on),
    };
    return cmocka_run_group_tests_name("api_threads", tests, NULL, NULL);
}
