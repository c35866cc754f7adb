/* memory_test.c - every allocation of ours fails once: the call it happens in says so or succeeds
 * without it, and nothing crashes, hangs or leaks (under ASan).
 *
 * The linker puts __wrap_malloc and the others (memory_test.wrap) in place of malloc in our own
 * code; the libraries below have theirs. The native engine alone runs.
 */
#include "support_session.h"
#include "unit/arrow/support_arrays.h"

#include "arrow/cdata.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The allocator. ---- */

static long countdown; /* 0: off; 1: the next allocation fails */
static long allocations;

static bool fails_now(void) {
    ++allocations;
    return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);

void *__wrap_malloc(size_t size) {
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size) {
    return fails_now() ? NULL : __real_realloc(pointer, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text) {
    return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length) {
    return fails_now() ? NULL : __real_strndup(text, length);
}

/* ---- Workloads. Each goes on after a failure as a program would: it closes what it has. ---- */

typedef struct load {
    const char *location;
    pyr_batch *batch; /* for ingest */
    pyr_database *db;
    pyr_connection *connection;
    pyr_statement *statement;
    pyr_error error;
} load;

/* Statements, one after the other. */
static pyr_status run_statements(load *l) {
    static const char *const statements[] = {
        "SET engine = 'native'",
        "CREATE TABLE t (a BIGINT, b VARCHAR NOT NULL) WITH (compression = 'zstd')",
        "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
        "CREATE TABLE u AS SELECT b, a FROM t",
        "INSERT INTO u SELECT b, a FROM t LIMIT 1",
        "PREPARE p AS SELECT a FROM u LIMIT $1; EXECUTE p(2); DEALLOCATE p",
        "EXPLAIN (ANALYZE, FORMAT JSON) SELECT a FROM u LIMIT 1 OFFSET 1",
        "SHOW TABLES; SHOW ALL; DESCRIBE t; SHOW CREATE TABLE t",
        "CREATE TABLE k (a BIGINT, b VARCHAR UNIQUE, PRIMARY KEY (a))",
        "INSERT INTO k (b, a) VALUES ('x', 1), ('y', 2)",
        "INSERT OR IGNORE INTO k VALUES (1, 'z'), (3, NULL); DESCRIBE k; SHOW CREATE TABLE k",
        "DELETE FROM k; DROP TABLE k",
        "DROP TABLE t"};
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i) {
        PYR_TRY(pyr_execute(l->connection, statements[i], NULL, NULL, &l->error));
    }
    return PYR_OK;
}

static pyr_status read_stream(struct ArrowArrayStream *stream) {
    struct ArrowSchema schema;
    if (stream->get_schema(stream, &schema) != 0) {
        return PYR_ERROR_MEMORY;
    }
    schema.release(&schema);
    for (;;) {
        struct ArrowArray batch;
        if (stream->get_next(stream, &batch) != 0) {
            assert_null(batch.release);
            return strstr(stream->get_last_error(stream), "53200") != NULL ? PYR_ERROR_MEMORY
                                                                           : PYR_ERROR_INTERNAL;
        }
        if (batch.release == NULL) {
            return PYR_OK;
        }
        batch.release(&batch);
    }
}

static pyr_status read_results(load *l) {
    struct ArrowArrayStream stream;
    pyr_row row;
    PYR_TRY(pyr_query(l->connection, "SELECT * FROM u", NULL, &stream, &l->error));
    pyr_status status = read_stream(&stream);
    stream.release(&stream);
    PYR_TRY(status);
    PYR_TRY(pyr_query_one(l->connection, "SELECT COUNT(*) FROM u", NULL, &row, &l->error));
    pyr_row_release(&row);
    PYR_TRY(pyr_prepare(l->connection, "SELECT a FROM u LIMIT 1", &l->statement, &l->error));
    PYR_TRY(pyr_statement_query(l->statement, &stream, &l->error));
    status = read_stream(&stream);
    stream.release(&stream);
    return status;
}

static pyr_status ingest(load *l) {
    struct ArrowArrayStream stream;
    long left = countdown; /* making the stream is the test's affair */
    countdown = 0;
    stream_of(&l->batch, 1, &stream);
    countdown = left;
    pyr_status status = pyr_ingest(l->connection, "v", &stream, NULL, NULL, &l->error);
    assert_null(stream.release);
    return status;
}

static pyr_status run_load(load *l) {
    static const char *const options[] = {"threads=1", "memory_limit=1GB", NULL};
    PYR_TRY(pyr_open(l->location, options, &l->db, &l->error));
    PYR_TRY(pyr_connect(l->db, &l->connection, &l->error));
    PYR_TRY(run_statements(l));
    PYR_TRY(read_results(l));
    return ingest(l);
}

static void close_load(load *l) {
    pyr_statement_close(l->statement);
    pyr_disconnect(l->connection);
    pyr_close(l->db);
    l->statement = NULL;
    l->connection = NULL;
    l->db = NULL;
}

/* Runs the load with the n-th allocation failing, from first on in steps of step, until it runs to
 * its end. clean: after each run. */
static void fail_each(load *l, long first, long step, void (*clean)(load *l)) {
    long survived = 0;
    long n = first;
    for (;; n += step) {
        pyr_error_clear(&l->error);
        allocations = 0;
        countdown = n;
        pyr_status status = run_load(l);
        bool failed = countdown == 0;
        countdown = 0;
        close_load(l);
        clean(l);
        if (!failed) {
            assert_int_equal(status, PYR_OK);
            break;
        }
        /* What can be done without an allocation is done without it. */
        survived += status == PYR_OK;
        if (status != PYR_OK && status != PYR_ERROR_MEMORY) {
            fail_msg("allocation %ld: %d %s: %s", n, status, l->error.sqlstate, l->error.message);
        }
    }
    print_message("%ld allocations; %ld runs did without the one that failed\n", n - 1, survived);
    assert_true(n > 100);
}

static void nothing_to_clean(load *l) {
    (void)l;
}

static void any_allocation_may_fail_in_memory(void **state) {
    (void)state;
    pyr_array *column = text_value("a text");
    load l = {.location = ":memory:"};
    l.batch = batch_of(&column, 1);
    fail_each(&l, 1, 1, nothing_to_clean);
    pyr_batch_release(l.batch);
}

/* What was acknowledged before the failure must be there, and the folder must open. */
static void reopen_and_remove(load *l) {
    pyr_database *db = NULL;
    pyr_error error;
    pyr_status status = pyr_open(l->location, NULL, &db, &error);
    if (status != PYR_OK) {
        fail_msg("%s", error.message);
    }
    pyr_close(db);
    assert_int_equal(pyr_folder_remove(l->location, NULL), PYR_OK);
}

static void any_allocation_may_fail_on_disk(void **state) {
    (void)state;
    char *folder = make_folder();
    char location[300];
    snprintf(location, sizeof(location), "%s/db", folder);
    pyr_array *column = text_value("a text");
    load l = {.location = location};
    l.batch = batch_of(&column, 1);
    fail_each(&l, 1, 97, reopen_and_remove); /* opening takes time: every 97th */
    pyr_batch_release(l.batch);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail_in_memory),
        cmocka_unit_test(any_allocation_may_fail_on_disk),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
