/* sync_order_test.c - what is on disk before what names it, by the order of the calls that put it
 * there. fsync and fdatasync are defined here, in front of the C library's, for us and for RocksDB;
 * they note the path and make the real call. */
#include "support_catalog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SYNCS_MAX = 256 };
static pthread_mutex_t syncs_lock = PTHREAD_MUTEX_INITIALIZER;
static char syncs[SYNCS_MAX][512];
static int syncs_count;

static void note(int fd) {
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    pthread_mutex_lock(&syncs_lock);
    if (syncs_count < SYNCS_MAX) {
        ssize_t size = readlink(link, syncs[syncs_count], sizeof(syncs[0]) - 1);
        syncs[syncs_count++][size > 0 ? size : 0] = '\0';
    }
    pthread_mutex_unlock(&syncs_lock);
}

__attribute__((visibility("default"))) int fsync(int fd) {
    note(fd);
    return (int)syscall(SYS_fsync, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd) {
    note(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

static void forget(void) {
    pthread_mutex_lock(&syncs_lock);
    syncs_count = 0;
    pthread_mutex_unlock(&syncs_lock);
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* The place of the first sync from `from` on of a path that ends so; -1. */
static int find_from(int from, const char *end) {
    for (int i = from; i < syncs_count; ++i) {
        if (ends_with(syncs[i], end)) {
            return i;
        }
    }
    return -1;
}

static void print_all(void) {
    for (int i = 0; i < syncs_count; ++i) {
        print_message("%d: %s\n", i, syncs[i]);
    }
}

static void expect_in_order(const char *const *ends, int count) {
    int place = -1;
    for (int i = 0; i < count; ++i) {
        place = find_from(place + 1, ends[i]);
        if (place < 0) {
            print_all();
            fail_msg("%s was not synced, or too early", ends[i]);
        }
    }
}

static void a_new_databases_folders_are_on_disk_when_it_is_open(void **state) {
    fixture *f = *state;
    forget();
    pyr_catalog *catalog = open_catalog(f->path);
    const char *const ends[] = {f->folder, "/FORMAT.tmp", "/db"};
    expect_in_order(ends, 3);
    /* The last one of the folder stands behind all that is made in it, the LSM's folder too:
     * RocksDB syncs what is in that one only. */
    int last = find_from(0, "/db");
    last = find_from(last + 1, "/db");
    assert_true(last > 0);
    assert_true(find_from(0, "/catalog") > last);
    pyr_catalog_close(catalog);
}

static void an_older_databases_format_is_raised_on_disk_before_the_log_is_written(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_catalog_close(catalog);
    write_file(below(f->path, "FORMAT"), "pyralog 1\n", 10);
    forget();
    catalog = open_catalog(f->path);
    assert_int_equal(find_from(0, ".log"), -1);
    append_rows(catalog, "t", 0, 1);
    const char *const ends[] = {"/FORMAT.tmp", "/db", ".log"};
    expect_in_order(ends, 3);
    pyr_catalog_close(catalog);
    forget();
    pyr_catalog_close(open_catalog(f->path)); /* once */
    assert_int_equal(find_from(0, "/FORMAT.tmp"), -1);
}

static void segments_and_their_folders_are_on_disk_before_the_catalog_names_them(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    for (int i = 0; i < 2; ++i) {
        pyr_appender *appender = open_appender(catalog, "t");
        forget();
        append(appender, 0, 1000);
        check_ok(pyr_appender_commit(appender, NULL, error));
        pyr_appender_destroy(appender);
        const char *const folders[] = {"/segments", ".log"};
        const char *const files[] = {".arrow", "/segments/1", ".log"};
        expect_in_order(folders, 2);
        expect_in_order(files, 3);
        assert_int_equal(find_from(find_from(0, ".log"), ".arrow"), -1);
    }
    pyr_catalog_close(catalog);
}

static void a_drop_is_on_disk_before_its_files_go(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    pyr_snapshot *snapshot = snapshot_of(catalog); /* holds the files back */
    forget();
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    assert_true(find_from(0, ".log") >= 0);
    assert_int_equal(count_files(f->path), 1);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static pyr_appender *create_unsynced(pyr_catalog *catalog, const char *name, pyr_create_mode mode) {
    const pyr_table_option options[] = {{"sync", "none"}};
    pyr_appender_options create = {
        .create = true, .mode = mode, .options = options, .options_count = 1};
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    check_ok(pyr_appender_create(catalog, NULL, name, schema, &create, NULL, &appender, error));
    pyr_schema_release(schema);
    return appender;
}

static void sync_none_syncs_no_rows_but_what_replaces_others(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    forget();
    pyr_appender *appender = create_unsynced(catalog, "t", PYR_CREATE_NEW);
    append(appender, 0, 10);
    check_ok(pyr_appender_commit(appender, NULL, error));
    assert_int_equal(find_from(0, ".arrow"), -1);
    assert_true(find_from(0, ".log") >= 0); /* the table's definition */
    forget();
    append(appender, 0, 10);
    check_ok(pyr_appender_commit(appender, NULL, error));
    assert_int_equal(syncs_count, 0);
    pyr_appender_destroy(appender);

    appender = create_unsynced(catalog, "t", PYR_CREATE_OR_REPLACE);
    forget();
    append(appender, 0, 10);
    check_ok(pyr_appender_commit(appender, NULL, error));
    const char *const ends[] = {".arrow", ".log"};
    expect_in_order(ends, 2);
    pyr_appender_destroy(appender);
    pyr_catalog_close(catalog);
}

static void memory_only_rows_are_never_synced(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    const pyr_table_option options[] = {{"storage_mode", "memory_only"}};
    pyr_schema *schema = two_columns();
    check_ok(pyr_catalog_create_table(
        catalog,
        &(pyr_table_definition){
            .name = "m", .schema = schema, .options = options, .options_count = 1},
        PYR_CREATE_NEW, NULL, error));
    forget();
    append_rows(catalog, "m", 0, 10);
    assert_int_equal(syncs_count, 0);
    pyr_schema_release(schema);
    pyr_catalog_close(catalog);
}

/* Not when it commits, and all of it when the catalog closes at the latest: rows before what names
 * them. */
static void sync_interval_syncs_rows_and_then_the_log_later(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_table_option options[] = {{(char *)"sync", (char *)"interval"}};
    create_table_with(catalog, "t", options, 1);
    forget();
    append_rows(catalog, "t", 0, 1000);
    append_rows(catalog, "t", 1000, 1000);
    pyr_catalog_close(catalog); /* waits for its thread */
    const char *const ends[] = {"000001.arrow", "/segments/1", ".log"};
    expect_in_order(ends, 3);
    assert_true(find_from(0, "000002.arrow") >= 0);
    assert_true(find_from(find_from(0, "000002.arrow"), ".log") >= 0);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 2000);
    pyr_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_databases_folders_are_on_disk_when_it_is_open),
        TEST(an_older_databases_format_is_raised_on_disk_before_the_log_is_written),
        TEST(segments_and_their_folders_are_on_disk_before_the_catalog_names_them),
        TEST(a_drop_is_on_disk_before_its_files_go),
        TEST(sync_none_syncs_no_rows_but_what_replaces_others),
        TEST(memory_only_rows_are_never_synced),
        TEST(sync_interval_syncs_rows_and_then_the_log_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
