/* temporary_test.c - what becomes of temporary tables whose connection did not see its end. */
#include "support_session.h"

#include "base/file.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PYRALOG_HAVE_DUCKDB /* lists and ranges need the engine */

static void open_folder(const char *folder, fixture *f) {
    assert_int_equal(pyr_open(folder, NULL, &f->db, &f->error), PYR_OK);
    assert_int_equal(pyr_connect(f->db, &f->connection, &f->error), PYR_OK);
}

/* Makes temporary tables and goes without a word. */
static void make_and_die(const char *folder) {
    fixture f = {0};
    open_folder(folder, &f);
    run(&f, "CREATE TABLE kept AS SELECT 1 AS a");
    run(&f, "CREATE TEMP TABLE plain AS SELECT i AS a FROM range(300000) r(i)");
    run(&f, "CREATE TEMP TABLE keyed (a INTEGER PRIMARY KEY)");
    run(&f, "INSERT INTO keyed VALUES (1), (2)");
    run(&f, "CREATE UNIQUE INDEX i ON plain (a)");
    run(&f, "COMMENT ON TABLE keyed IS 'a comment'");
    expect(&f, "SELECT count(*) FROM plain, keyed", "600000\n");
    _exit(0);
}

static void the_next_open_removes_what_a_crash_left_of_temporary_tables(void **state) {
    (void)state;
    char *folder = make_folder();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        make_and_die(folder);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture f = {0};
    open_folder(folder, &f);
    expect(&f, "SELECT table_schema, table_name FROM information_schema.tables", "main|kept\n");
    expect(&f,
           "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'pyr%p_%'",
           "");
    expect(&f, "SELECT DISTINCT \"table\" FROM pyralog.segments", "kept\n");
    run(&f, "CREATE TEMP TABLE keyed AS SELECT 7 AS a");
    expect(&f, "SELECT a FROM keyed", "7\n");
    pyr_disconnect(f.connection);
    /* The same with the connection alone. */
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    run_fails(&f, "SELECT a FROM keyed", "42P01");
    expect(&f, "SELECT table_schema, table_name FROM information_schema.tables", "main|kept\n");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(folder);
}

#else

static void the_next_open_removes_what_a_crash_left_of_temporary_tables(void **state) {
    (void)state;
    skip();
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_open_removes_what_a_crash_left_of_temporary_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
