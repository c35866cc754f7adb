/* copy_test.c - COPY TO and COPY FROM: what is written comes back equal, and a failure leaves
 * neither half a file nor half of the rows. */
#include "support_session.h"

#include "session/session_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;
static bool folder_is_small; /* a tmpfs of two megabytes */

/* In a mount namespace of our own, before any thread is made: nobody else sees the mount, and it
 * goes with the process. Without the right to it the tests that need it are skipped. */
static int make_small_folder(void **state) {
    (void)state;
    folder = make_folder();
    folder_is_small = unshare(CLONE_NEWNS) == 0 &&
                      mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                      mount("none", folder, "tmpfs", 0, "size=2m") == 0;
    return 0;
}

static int remove_small_folder(void **state) {
    (void)state;
    if (folder_is_small) {
        umount(folder);
    }
    remove_folder(folder);
    return 0;
}

static const char *path_of(const char *name) {
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int files_in_folder(void) {
    int count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(directory);
    return count;
}

static void empty_folder(void) {
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(unlink(path_of(entry->d_name)), 0);
        }
    }
    closedir(directory);
}

static int64_t copy(fixture *f, const char *before, const char *name, const char *after) {
    char sql[1024];
    snprintf(sql, sizeof(sql), "COPY %s '%s' %s", before, path_of(name), after);
    return run(f, sql);
}

static void copy_fails(fixture *f, const char *before, const char *name, const char *after,
                       const char *sqlstate) {
    char sql[1024];
    snprintf(sql, sizeof(sql), "COPY %s '%s' %s", before, path_of(name), after);
    run_fails(f, sql, sqlstate);
}

/* t goes out and comes back into u as it was. */
static void check_round_trip(fixture *f, const char *name, const char *to, const char *from) {
    char *expected = ask(f, "SELECT * FROM t", NULL);
    int64_t rows = copy(f, "t TO", name, to);
    run(f, "CREATE OR REPLACE TABLE u AS SELECT * FROM t LIMIT 0");
    assert_int_equal(copy(f, "u FROM", name, from), rows);
    char *got = ask(f, "SELECT * FROM u", NULL);
    if (strcmp(got, expected) != 0) {
        fail_msg("%s: %s\nbecame\n%s", name, expected, got);
    }
    free(got);
    free(expected);
    assert_int_equal(files_in_folder(), 1); /* and no other name is left */
    empty_folder();
}

/* ---- Arrow: every build. ---- */

static void arrow_files_come_back_equal_with_every_compression(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR, c BIGINT); INSERT INTO t VALUES (1, 'x', 5),"
           "(NULL, '', NULL); INSERT INTO t VALUES (3, NULL, -9), (4, 'y', 0)");
    check_round_trip(f, "t.arrow", "", "");
    check_round_trip(f, "t.arrow", "(COMPRESSION lz4)", "");
    check_round_trip(f, "t.arrow", "(FORMAT arrow, COMPRESSION zstd)", "(FORMAT arrow)");
    check_round_trip(f, "t.feather", "(COMPRESSION 'none')", "");
    check_round_trip(f, "t.unknown", "(FORMAT arrow)", "(FORMAT arrow)");
    run(f, "CREATE OR REPLACE TABLE t (a INTEGER, b VARCHAR)");
    check_round_trip(f, "empty.arrow", "", "");
}

static void what_is_wrong_with_a_copy_is_named(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    copy_fails(f, "nowhere TO", "t.arrow", "", "42P01");
    assert_int_equal(f->error.position, 5);
    copy_fails(f, "nowhere FROM", "t.arrow", "", "42P01");
    copy_fails(f, "t (b) TO", "t.arrow", "", "42703");
    copy_fails(f, "t TO", "t.arrow", "(FORMAT xml)", "22023");
    copy_fails(f, "t FROM", "t.arrow", "(FORMAT xml)", "22023");
    copy_fails(f, "t TO", "t.xml", "", "42000");
    copy_fails(f, "t TO", "t.arrow.gz2", "", "42000");
    copy_fails(f, "t FROM", "t", "", "42000");
    copy_fails(f, "t TO", "t.arrow", "(COMPRESSION brotli)", "22023");
    copy_fails(f, "t TO", "t.arrow", "(HEADER)", "42704");
    copy_fails(f, "t FROM", "t.arrow", "(HEADER)", "42704");
    copy_fails(f, "t FROM", "t.csv", "(COLOUR blue)", "42704");
    assert_int_equal(files_in_folder(), 0);
    copy_fails(f, "t TO", "none/t.arrow", "", "02000");
    assert_non_null(strstr(f->error.message, "/none/t.arrow:"));
    expect(f, "SELECT COUNT(*) FROM t", "1\n");
}

static void a_file_that_was_there_is_replaced_whole_and_a_link_stays(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    copy(f, "t TO", "t.arrow", "");
    char link[512];
    snprintf(link, sizeof(link), "%s", path_of("link.arrow"));
    assert_int_equal(symlink("t.arrow", link), 0);
    run(f, "INSERT INTO t VALUES (2)");
    copy(f, "t TO", "link.arrow", "");
    struct stat info;
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    run(f, "CREATE TABLE u (a INTEGER)");
    assert_int_equal(copy(f, "u FROM", "t.arrow", ""), 2);
    assert_int_equal(files_in_folder(), 2);
    /* A file that is read while it is replaced stays what it was for its reader. */
    struct ArrowArrayStream stream;
    char sql[600];
    snprintf(sql, sizeof(sql), "SELECT a FROM '%s'", path_of("t.arrow"));
    assert_int_equal(pyr_query(f->connection, sql, NULL, &stream, &f->error), PYR_OK);
    run(f, "INSERT INTO t VALUES (3)");
    copy(f, "t TO", "t.arrow", "");
    assert_int_equal(drain(&stream), 2);
    empty_folder();
}

/* Through a link of ours, so that a mistake replaces the link and not the machine's device. */
static void devices_are_written_to_and_never_replaced(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    char link[512];
    snprintf(link, sizeof(link), "%s", path_of("full"));
    assert_int_equal(symlink("/dev/full", link), 0);
    copy_fails(f, "t TO", "full", "(FORMAT arrow)", "53100");
    assert_int_equal(f->error.code, PYR_ERROR_DISK_FULL);
#ifdef PYRALOG_HAVE_DUCKDB
    copy_fails(f, "t TO", "full", "(FORMAT csv)", "53100");
#endif
    struct stat info;
    assert_int_equal(stat(link, &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(unlink(link), 0);
    snprintf(link, sizeof(link), "%s", path_of("null"));
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_int_equal(copy(f, "t TO", "null", "(FORMAT arrow)"), 1);
    assert_int_equal(stat(link, &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    empty_folder();
}

/* ---- The other formats, and what needs more rows. ---- */

#ifdef PYRALOG_HAVE_DUCKDB

static void make_table(fixture *f) {
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR, c DOUBLE, d DATE, e TIMESTAMP, f DECIMAL(10,2),"
           "g BOOLEAN, h INTEGER[], i STRUCT(x INTEGER, y VARCHAR), j UUID, k BIGINT, l TIME)");
    run(f, "INSERT INTO t VALUES (1, 'x,\"y', 0.1, '2024-01-31', '2024-01-31 12:34:56.789', 1.25,"
           "true, [1, 2, NULL], {'x': 1, 'y': 'z'}, '12345678-1234-1234-1234-123456789012',"
           "9223372036854775807, '23:59:59.999999'),"
           "(2, 'é\n;\ttab', 1e300, '1969-12-31', '1900-01-01', -0.01, false, [], {'x': NULL,"
           "'y': 'q'}, NULL, -9223372036854775808, '00:00:00'),"
           "(NULL, 'only', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)");
}

static void every_format_comes_back_equal(void **state) {
    fixture *f = *state;
    make_table(f);
    static const struct {
        const char *name, *to, *from;
    } ways[] = {
        {"t.arrow", "", ""},
        {"t.csv", "", ""},
        {"t.CSV", "(HEADER)", "(HEADER)"},
        {"t.csv", "(HEADER false)", "(HEADER false)"},
        {"t.csv", "(DELIMITER ';', QUOTE '''')", "(DELIMITER ';', QUOTE '''')"},
        {"t.csv", "(NULL 'nil', HEADER)", "(NULL 'nil', HEADER)"},
        {"t.txt", "(FORMAT csv, DELIM '|')", "(FORMAT csv, SEP '|')"},
        {"t.tsv", "", ""},
        {"t.tsv", "(FORMAT csv)", "(DELIMITER '\t')"},
        {"t.csv.gz", "", ""},
        {"t.csv.zst", "", ""},
        {"t.csv", "(COMPRESSION gzip)", "(COMPRESSION gzip)"},
        {"t.parquet", "", ""},
        {"t.parquet", "(COMPRESSION zstd, ROW_GROUP_SIZE 2048)", ""},
        {"t.bin", "(FORMAT parquet)", "(FORMAT 'parquet')"},
        {"t.json", "", ""},
        {"t.json", "(ARRAY true)", ""},
        {"t.ndjson", "", ""},
        {"t.jsonl", "", ""},
        {"t.json.gz", "", ""},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); ++i) {
        check_round_trip(f, ways[i].name, ways[i].to, ways[i].from);
    }
    run(f, "CREATE OR REPLACE TABLE t (a INTEGER, b VARCHAR)");
    check_round_trip(f, "t.csv", "", "");
    check_round_trip(f, "t.parquet", "", "");
    check_round_trip(f, "t.json", "", "");
}

static void a_tsv_has_tabs_and_a_query_can_be_copied(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR); INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    copy(f, "t (b, a) TO", "t.tsv", "");
    char bytes[64] = "";
    int fd = open(path_of("t.tsv"), O_RDONLY);
    assert_true(read(fd, bytes, sizeof(bytes) - 1) > 0);
    close(fd);
    assert_string_equal(bytes, "b\ta\nx\t1\ny\t2\n");
    run(f, "CREATE TABLE u (a INTEGER, b VARCHAR, c INTEGER)");
    assert_int_equal(copy(f, "u (b, a) FROM", "t.tsv", ""), 2);
    expect(f, "SELECT * FROM u", "1|x|NULL\n2|y|NULL\n");
    assert_int_equal(
        copy(f, "(SELECT a + 1 AS n FROM t WHERE b = 'y' -- a comment\n) TO", "q.arrow", ""), 1);
    char sql[600];
    snprintf(sql, sizeof(sql), "SELECT n FROM '%s'", path_of("q.arrow"));
    expect(f, sql, "3\n");
    copy_fails(f, "(SELECT zz FROM t) TO", "q.csv", "", "42703");
    assert_int_equal(f->error.position, 13);
    copy_fails(f, "(SELECT zz FROM t) TO", "q.arrow", "", "42703");
    assert_int_equal(f->error.position, 13);
    empty_folder();
}

static void a_file_that_does_not_fit_the_table_appends_nothing(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (7)");
    /* The one that does not fit comes last, after a hundred thousand that do. */
    copy(f,
         "(SELECT CASE WHEN i = 100000 THEN 'x' ELSE i::VARCHAR END AS a FROM range(100001) r(i)) "
         "TO",
         "t.csv", "");
    char sql[600];
    snprintf(sql, sizeof(sql), "COPY t FROM '%s'", path_of("t.csv"));
    pyr_error_clear(&f->error);
    assert_int_not_equal(pyr_execute(f->connection, sql, NULL, NULL, &f->error), PYR_OK);
    assert_int_not_equal(f->error.code, PYR_ERROR_INTERNAL);
    expect(f, "SELECT a FROM t", "7\n");
    copy(f, "(SELECT i * 30000 AS a FROM range(100000) r(i)) TO", "t.parquet", "");
    copy_fails(f, "t FROM", "t.parquet", "", "22003");
    copy_fails(f, "t FROM", "t.csv", "(FORMAT arrow)", "22023");
    copy_fails(f, "t FROM", "none.csv", "", "58P01");
    assert_non_null(strstr(f->error.message, "none.csv"));
    expect(f, "SELECT a FROM t", "7\n");
    empty_folder();
}

static void a_full_disk_leaves_what_was_there_and_no_half_file(void **state) {
    fixture *f = *state;
    if (!folder_is_small) {
        print_message("skipped: a small tmpfs cannot be mounted here (needs root)\n");
        skip();
    }
    static const char *const names[] = {"t.arrow", "t.csv", "t.parquet", "t.json", "t.csv.gz"};
    run(f, "CREATE TABLE small (i BIGINT, h UBIGINT); INSERT INTO small VALUES (1, 2)");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        for (int there = 0; there < 2; ++there) {
            if (there) {
                copy(f, "small TO", names[i], "");
            }
            /* 16 MB that no format makes small. */
            copy_fails(f, "(SELECT i, hash(i) AS h FROM range(1000000) r(i)) TO", names[i], "",
                       "53100");
            assert_int_equal(f->error.code, PYR_ERROR_DISK_FULL);
            assert_non_null(strstr(f->error.message, names[i]));
            assert_int_equal(files_in_folder(), there);
            if (there) {
                run(f, "CREATE OR REPLACE TABLE u (i BIGINT, h UBIGINT)");
                assert_int_equal(copy(f, "u FROM", names[i], ""), 1);
            }
        }
        empty_folder();
    }
    expect(f, "SELECT 1 + 1", "2\n");
}

static void a_database_on_a_full_disk_keeps_what_it_acknowledged(void **state) {
    (void)state;
    if (!folder_is_small) {
        print_message("skipped: a small tmpfs cannot be mounted here (needs root)\n");
        skip();
    }
    fixture f = {0};
    char path[512];
    snprintf(path, sizeof(path), "%s", path_of("db"));
    assert_int_equal(pyr_open(path, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    run(&f, "CREATE TABLE t AS SELECT i FROM range(1000) r(i)");
    run_fails(&f, "INSERT INTO t SELECT i FROM range(1000000) r(i)", "53100");
    run_fails(&f, "CREATE TABLE u AS SELECT i FROM range(1000000) r(i)", "53100");
    run_fails(&f, "CREATE OR REPLACE TABLE t AS SELECT i FROM range(1000000) r(i)", "53100");
    expect(&f, "SHOW TABLES", "t\n");
    expect(&f, "SELECT COUNT(*), SUM(i) FROM t", "1000|499500\n");
    /* What failed gave its room back. */
    run(&f, "INSERT INTO t SELECT i FROM range(1000) r(i)");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    assert_int_equal(pyr_open(path, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    expect(&f, "SELECT COUNT(*), SUM(i) FROM t", "2000|999000\n");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    char *copy_of_path = strdup(path);
    remove_folder(copy_of_path);
}
/* Makes a pipe of that name which gives the bytes of a file, once. */
static void feed_pipe(const char *name, const char *file) {
    char command[1600];
    char pipe[512];
    snprintf(pipe, sizeof(pipe), "%s", path_of(name));
    snprintf(command, sizeof(command), "rm -f '%s' && mkfifo '%s' && { cat '%s' > '%s' & }", pipe,
             pipe, path_of(file), pipe);
    assert_int_equal(system(command), 0);
}

/* A pipe is empty for whoever opens it a second time, as DuckDB does. */
static void a_pipe_is_read_whole_in_every_format(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"csv", "json", "parquet", "arrow", "csv.gz", "json.zst"};
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR)");
    run(f, "CREATE TABLE source AS SELECT i::INTEGER AS a, 'x' || i AS b FROM range(3000) AS r(i)");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        char file[32];
        char pipe[32];
        snprintf(file, sizeof(file), "file.%s", names[i]);
        snprintf(pipe, sizeof(pipe), "pipe.%s", names[i]);
        run_with(f, "COPY source TO '%s'", path_of(file));
        feed_pipe(pipe, file);
        assert_int_equal(run_with(f, "COPY t FROM '%s'", path_of(pipe)), 3000);
        expect(f, "SELECT count(*), sum(a), max(b) FROM t", "3000|4498500|x999\n");
        run(f, "TRUNCATE t");
    }
    empty_folder();
}

static void a_query_reads_all_of_a_pipe(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a DATE, b VARCHAR)"); /* the source is bound twice */
    run_with(f,
             "COPY (SELECT i::INTEGER AS a, date '2020-01-01' + i::INTEGER AS b FROM range(3000) "
             "AS r(i)) TO '%s'",
             path_of("file.csv"));
    feed_pipe("pipe", "file.csv");
    expect_with(f, "SELECT count(*), sum(a) FROM read_csv('%s')", path_of("pipe"),
                "3000|4498500\n");
    feed_pipe("pipe", "file.csv");
    assert_int_equal(
        run_with(f, "INSERT INTO t SELECT b, a FROM read_csv(['%s'])", path_of("pipe")), 3000);
    expect(f, "SELECT min(a), max(b) FROM t", "2020-01-01|999\n");
    feed_pipe("pipe", "file.csv");
    run_with(f, "CREATE TABLE u AS SELECT * FROM read_csv('%s', delim = ',')", path_of("pipe"));
    expect(f, "SELECT count(*) FROM u", "3000\n");
    assert_int_equal(mkfifo(path_of("pipe.csv"), 0600), 0); /* nobody writes to what is refused */
    run_with_fails(f, "SELECT * FROM '%s'", path_of("pipe.csv"), "0A000");
    assert_int_equal(mkfifo(path_of("pipe.csv.gz"), 0600), 0);
    run_with_fails(f, "SELECT * FROM read_csv('%s')", path_of("pipe.csv.gz"), "0A000");
    empty_folder();
}

static void a_pipe_held_in_memory_counts_for_the_memory_limit(void **state) {
    fixture *f = *state;
    char command[1200];
    run(f, "CREATE TABLE t (a VARCHAR)");
    run(f, "SET memory_limit = '32MB'");
    snprintf(command, sizeof(command),
             "mkfifo '%s' && { yes | head -c 100000000 2>/dev/null > '%s' & }", path_of("pipe"),
             path_of("pipe"));
    assert_int_equal(system(command), 0);
    run_with_fails(f, "COPY t FROM '%s' (FORMAT csv)", path_of("pipe"), "53200");
    empty_folder();
}

#define TENSORS                                                                                 \
    "(SELECT 't' || i AS name, 'U8' AS dtype, [1000] AS shape, repeat(chr(65), 1000)::BLOB AS " \
    "data FROM range(200) r(i)) TO"

static void expect_tensors(fixture *f, const char *file) {
    pyr_ledger_report ledger;
    pyr_ledger(f->connection, &ledger);
    assert_int_equal(copied(&ledger, "spool"), 200000);
    expect_with(f, "SELECT count(*), sum(size_bytes), min(data) = max(data) FROM '%s'",
                path_of(file), "200|200000|true\n");
}

static void tensors_that_wait_have_no_name_beside_the_target(void **state) {
    fixture *f = *state;
    char command[1200];
    f->connection->test_held_bytes = 1000;
    snprintf(command, sizeof(command), "cd '%s' && echo mine > pipe.data && mkfifo pipe", folder);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "cd '%s' && cat pipe > got.safetensors", folder);
    FILE *reader = popen(command, "r");
    assert_non_null(reader);
    assert_int_equal(copy(f, TENSORS, "pipe", "(FORMAT safetensors)"), 200);
    assert_int_equal(pclose(reader), 0);
    expect_tensors(f, "got.safetensors");
    assert_int_equal(copy(f, TENSORS, "out.safetensors", ""), 200);
    expect_tensors(f, "out.safetensors");
    assert_int_equal(files_in_folder(), 4); /* what was there, the pipe, and what it gave */
    struct stat info;
    assert_int_equal(stat(path_of("pipe.data"), &info), 0);
    assert_int_equal(info.st_size, 5);
    /* What waits for a pipe is memory where the database is. */
    snprintf(command, sizeof(command), "cd '%s' && cat pipe > got.safetensors", folder);
    run(f, "SET memory_limit = '8MB'");
    reader = popen(command, "r");
    assert_non_null(reader);
    copy_fails(f,
               "(SELECT 't' || i AS name, 'U8' AS dtype, [100000] AS shape, repeat(chr(65), "
               "100000)::BLOB AS data FROM range(200) r(i)) TO",
               "pipe", "(FORMAT safetensors)", "53200");
    assert_non_null(strstr(f->error.message, "wait in memory"));
    assert_int_equal(pclose(reader), 0);
    empty_folder();
}

static void tensors_of_a_database_on_disk_wait_in_its_folder(void **state) {
    fixture f = {0};
    char *location = make_folder();
    (void)state;
    assert_int_equal(pyr_open(location, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    f.connection->test_held_bytes = 1000;
    assert_int_equal(copy(&f, TENSORS, "out.safetensors", ""), 200);
    expect_tensors(&f, "out.safetensors");
    assert_int_equal(files_in_folder(), 1);
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(location);
    empty_folder();
}

#endif

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(arrow_files_come_back_equal_with_every_compression),
        CASE(what_is_wrong_with_a_copy_is_named),
        CASE(a_file_that_was_there_is_replaced_whole_and_a_link_stays),
        CASE(devices_are_written_to_and_never_replaced),
#ifdef PYRALOG_HAVE_DUCKDB
        CASE(every_format_comes_back_equal),
        CASE(a_tsv_has_tabs_and_a_query_can_be_copied),
        CASE(a_pipe_is_read_whole_in_every_format),
        CASE(a_query_reads_all_of_a_pipe),
        CASE(a_pipe_held_in_memory_counts_for_the_memory_limit),
        CASE(tensors_that_wait_have_no_name_beside_the_target),
        cmocka_unit_test(tensors_of_a_database_on_disk_wait_in_its_folder),
        CASE(a_file_that_does_not_fit_the_table_appends_nothing),
        CASE(a_full_disk_leaves_what_was_there_and_no_half_file),
        cmocka_unit_test(a_database_on_a_full_disk_keeps_what_it_acknowledged),
#endif
    };
    return cmocka_run_group_tests_name("copy", tests, make_small_folder, remove_small_folder);
}
