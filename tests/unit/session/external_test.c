/* external_test.c - external tables over Arrow files, which need no other engine: what the C API is
 * told, transactions, files that change while they are read.
 */
#include "support_session.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

typedef struct place {
    fixture *f;
    char *folder;
    char file[256];
} place;

static int set_up(void **state) {
    void *f = NULL;
    assert_int_equal(fixture_setup(&f), 0);
    place *self = calloc(1, sizeof(*self));
    self->f = f;
    self->folder = make_folder();
    snprintf(self->file, sizeof(self->file), "%s/a.arrow", self->folder);
    run_with(self->f, "COPY (VALUES (1), (2), (3)) TO '%s' (FORMAT arrow)", self->file);
    run_with(self->f, "CREATE EXTERNAL TABLE t STORED AS ARROW LOCATION '%s'", self->folder);
    *state = self;
    return 0;
}

static int tear_down(void **state) {
    place *self = *state;
    void *f = self->f;
    assert_int_equal(fixture_teardown(&f), 0);
    remove_folder(self->folder);
    free(self);
    return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Another time than the file has. */
static void touch(const char *path) {
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void expect_notices(fixture *f, const char *words) {
    char text[512];
    size_t length = pyr_notices(f->connection, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    if (words == NULL) {
        assert_string_equal(text, "");
    } else if (strstr(text, words) == NULL || text[length - 1] != '\n') {
        fail_msg("\"%s\" wanted in: %s", words, text);
    }
}

static void a_changed_file_is_said_to_the_program_until_refresh(void **state) {
    place *self = *state;
    fixture *f = self->f;
    expect(f, "SELECT * FROM t", "1\n2\n3\n");
    expect_notices(f, NULL);
    run_with(f, "COPY (VALUES (7)) TO '%s' (FORMAT arrow)", self->file);
    expect(f, "SELECT * FROM t", "7\n");
    expect_notices(f, "1 changed");
    expect(f, "SELECT state FROM pyralog.external_files", "changed\n");
    expect_notices(f, NULL);
    run(f, "ALTER EXTERNAL TABLE t REFRESH");
    expect(f, "SELECT * FROM t", "7\n");
    expect_notices(f, NULL);
}

static void notices_are_cut_to_the_buffer(void **state) {
    place *self = *state;
    touch(self->file);
    run(self->f, "SELECT * FROM t");
    size_t whole = pyr_notices(self->f->connection, NULL, 0);
    char little[9];
    memset(little, 'x', sizeof(little));
    assert_true(whole > sizeof(little));
    assert_int_equal(pyr_notices(self->f->connection, little, sizeof(little)), whole);
    assert_int_equal(strlen(little), sizeof(little) - 1);
}

static void reading_by_reference_copies_nothing(void **state) {
    place *self = *state;
    pyr_ledger_report ledger;
    expect(self->f, "SELECT * FROM t LIMIT 2", "1\n2\n");
    pyr_ledger(self->f->connection, &ledger);
    assert_string_equal(ledger.engine, "native");
    assert_int_equal(ledger.bytes_copied, 0);
}

static void a_file_that_changes_while_its_result_is_read_is_an_error_at_the_end(void **state) {
    place *self = *state;
    fixture *f = self->f;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    assert_int_equal(pyr_query(f->connection, "SELECT * FROM t", NULL, &stream, &f->error), PYR_OK);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 3);
    batch.release(&batch);
    touch(self->file);
    assert_int_not_equal(stream.get_next(&stream, &batch), 0);
    assert_non_null(strstr(stream.get_last_error(&stream), "changed while it was read"));
    assert_non_null(strstr(stream.get_last_error(&stream), self->file));
    stream.release(&stream);
}

static void transactions_take_them_back_and_see_their_own(void **state) {
    place *self = *state;
    fixture *f = self->f;
    run(f, "BEGIN");
    run(f, "DROP EXTERNAL TABLE t");
    run_with(f, "CREATE EXTERNAL TABLE u STORED AS ARROW LOCATION '%s'", self->file);
    expect(f, "SELECT * FROM u", "1\n2\n3\n");
    expect(f, "SHOW TABLES", "u\n");
    run(f, "ROLLBACK");
    expect(f, "SHOW TABLES", "t\n");
    touch(self->file);
    run(f, "BEGIN");
    run(f, "ALTER EXTERNAL TABLE t REFRESH");
    expect(f, "SELECT state FROM pyralog.external_files", "ok\n");
    run(f, "ROLLBACK");
    expect(f, "SELECT state FROM pyralog.external_files", "changed\n");
    run(f, "BEGIN");
    run(f, "ALTER EXTERNAL TABLE t REFRESH");
    run(f, "COMMIT");
    expect(f, "SELECT state FROM pyralog.external_files", "ok\n");
}

static void two_who_refresh_or_drop_one_table_conflict(void **state) {
    place *self = *state;
    fixture *f = self->f;
    pyr_connection *other = NULL;
    assert_int_equal(pyr_connect(f->db, &other, &f->error), PYR_OK);
    run(f, "BEGIN");
    run(f, "ALTER EXTERNAL TABLE t REFRESH");
    assert_int_equal(pyr_execute(other, "DROP EXTERNAL TABLE t", NULL, NULL, &f->error), PYR_OK);
    run_fails(f, "COMMIT", "42P01");
    expect(f, "SHOW TABLES", "");
    pyr_disconnect(other);
}

static void files_of_another_schema_are_refused_with_their_column(void **state) {
    place *self = *state;
    char other[300];
    snprintf(other, sizeof(other), "%s/b.arrow", self->folder);
    run_with(self->f, "COPY (SELECT 'x' AS s) TO '%s' (FORMAT arrow)", other);
    run_fails(self->f, "SELECT * FROM t", "42804");
    assert_non_null(strstr(self->f->error.message, other));
    assert_non_null(strstr(self->f->error.message, "column \"col0\" is not in it"));
    assert_int_equal(self->f->error.position, 14);
    expect(self->f, "SELECT 1 AS t", "1\n");
}

static void a_broken_file_is_an_error_and_no_crash(void **state) {
    place *self = *state;
    int fd;
    assert_int_equal(pyr_file_create(self->file, false, &fd, &self->f->error), PYR_OK);
    assert_int_equal(
        pyr_file_write(fd, self->file, "ARROW1\0\0 and then nothing", 25, &self->f->error), PYR_OK);
    assert_int_equal(pyr_file_close(fd, self->file, &self->f->error), PYR_OK);
    run_fails(self->f, "SELECT * FROM t", "XX001");
    run_fails(self->f, "ALTER EXTERNAL TABLE t REFRESH", "XX001");
}

static void nothing_is_registered_in_a_readonly_database(void **state) {
    place *self = *state;
    fixture *f = self->f;
    char path[300];
    snprintf(path, sizeof(path), "%s/db", self->folder);
    pyr_database *db = NULL;
    pyr_connection *connection = NULL;
    assert_int_equal(pyr_open(path, NULL, &db, &f->error), PYR_OK);
    pyr_close(db);
    const char *const options[] = {"readonly=true", NULL};
    assert_int_equal(pyr_open(path, options, &db, &f->error), PYR_OK);
    assert_int_equal(pyr_connect(db, &connection, &f->error), PYR_OK);
    assert_int_equal(pyr_execute(connection,
                                 "CREATE EXTERNAL TABLE x STORED AS ARROW LOCATION '/none'", NULL,
                                 NULL, &f->error),
                     PYR_ERROR_PERMISSION);
    assert_string_equal(f->error.sqlstate, "25006");
    pyr_disconnect(connection);
    pyr_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_changed_file_is_said_to_the_program_until_refresh),
        TEST(notices_are_cut_to_the_buffer),
        TEST(reading_by_reference_copies_nothing),
        TEST(a_file_that_changes_while_its_result_is_read_is_an_error_at_the_end),
        TEST(transactions_take_them_back_and_see_their_own),
        TEST(two_who_refresh_or_drop_one_table_conflict),
        TEST(files_of_another_schema_are_refused_with_their_column),
        TEST(a_broken_file_is_an_error_and_no_crash),
        TEST(nothing_is_registered_in_a_readonly_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
