/* appender_test.c - appends: all or nothing, several at once, what they refuse, and full disks. */
#include "support_catalog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pyr_status make(pyr_catalog *catalog, const char *name, pyr_schema *schema,
                       pyr_create_mode mode, pyr_appender **out, pyr_error *fault) {
    pyr_appender_options options = {.create = true, .mode = mode};
    return pyr_appender_create(catalog, NULL, name, schema, &options, NULL, out, fault);
}

static void rows_are_seen_at_commit_and_each_commit_adds_what_came_since(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_appender *appender = open_appender(catalog, "t");
    append(appender, 0, 10);
    append(appender, 10, 10);
    assert_int_equal(rows_now(catalog, "t"), 0);
    int64_t rows;
    check_ok(pyr_appender_commit(appender, &rows, error));
    assert_int_equal(rows, 20);
    assert_int_equal(rows_now(catalog, "t"), 20);
    append(appender, 20, 5);
    assert_int_equal(rows_now(catalog, "t"), 20);
    check_ok(pyr_appender_commit(appender, &rows, error));
    assert_int_equal(rows, 25);
    check_ok(pyr_appender_commit(appender, &rows, error)); /* nothing new */
    assert_int_equal(rows, 25);
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 25);
    assert_int_equal(count_files(f->path), 2);
    pyr_catalog_close(catalog);
}

static void an_appender_without_commit_leaves_nothing(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_appender *appender = open_appender(catalog, "t");
    append(appender, 0, 10);
    assert_int_equal(count_files(f->path), 1);
    pyr_appender_destroy(appender);
    pyr_appender_destroy(NULL);
    assert_int_equal(count_files(f->path), 0);
    assert_int_equal(rows_now(catalog, "t"), 0);
    pyr_catalog_close(catalog);
}

/* The path of the segment that comes `more` numbers behind a table's first one. */
static void path_behind(pyr_catalog *catalog, uint64_t more, char *out, size_t size) {
    pyr_snapshot *snapshot;
    check_ok(pyr_catalog_snapshot(catalog, &snapshot, error));
    const pyr_segment_info *info =
        pyr_segment_get_info(pyr_snapshot_find(snapshot, NULL, "t")->segments[0]);
    const char *name = strrchr(info->path, '/') + 1;
    snprintf(out, size, "%.*s%06llu.arrow", (int)(name - info->path), info->path,
             (unsigned long long)(info->number + more));
    pyr_snapshot_release(snapshot);
}

/* As a crash leaves them beside a reader, for whose sake nothing is cleaned. */
static void files_that_nobody_names_are_not_in_the_way(void **state) {
    fixture *f = *state;
    char left[2][512];
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_appender *appender = open_appender(catalog, "t");
    append(appender, 0, 10);
    check_ok(pyr_appender_commit(appender, NULL, error));
    for (uint64_t i = 0; i < 2; ++i) {
        path_behind(catalog, i + 1, left[i], sizeof(left[i]));
        FILE *file = fopen(left[i], "wx");
        assert_non_null(file);
        fclose(file);
    }
    append(appender, 10, 10);
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 20);
    assert_int_equal(count_files(f->path), 4);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path); /* which cleans */
    assert_int_equal(rows_now(catalog, "t"), 20);
    assert_int_equal(count_files(f->path), 2);
    assert_int_not_equal(access(left[0], F_OK), 0);
    pyr_catalog_close(catalog);
}

static void a_table_made_by_its_appender_is_there_at_commit(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    check_ok(make(catalog, "t", schema, PYR_CREATE_NEW, &appender, error));
    append(appender, 0, 10);
    assert_int_equal(rows_now(catalog, "t"), -1);
    check_ok(pyr_appender_commit(appender, NULL, error));
    assert_int_equal(rows_now(catalog, "t"), 10);
    append(appender, 10, 10);
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 20);
    check_ok(make(catalog, "empty", schema, PYR_CREATE_NEW, &appender, error));
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "empty"), 0);
    assert_int_equal(make(catalog, "T", schema, PYR_CREATE_NEW, &appender, &f->error),
                     PYR_ERROR_ALREADY_EXISTS);
    assert_null(appender);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 20);
    assert_int_equal(rows_now(catalog, "empty"), 0);
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
}

static void a_table_made_meanwhile_is_not_overwritten(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    check_ok(make(catalog, "t", schema, PYR_CREATE_NEW, &appender, error));
    append(appender, 0, 10);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 3);
    assert_int_equal(pyr_appender_commit(appender, NULL, &f->error), PYR_ERROR_ALREADY_EXISTS);
    assert_string_equal(f->error.sqlstate, "42P07");
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 3);
    assert_int_equal(count_files(f->path), 1);
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
}

static void replacing_takes_the_old_tables_place_at_commit(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 3);
    check_ok(make(catalog, "t", schema, PYR_CREATE_OR_REPLACE, &appender, error));
    append(appender, 0, 10);
    assert_int_equal(rows_now(catalog, "t"), 3);
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 10);
    assert_int_equal(count_files(f->path), 1);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 10);
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
}

static void a_table_dropped_meanwhile_is_an_error_and_no_file_is_left(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_appender *appender = open_appender(catalog, "t");
    append(appender, 0, 10);
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    create_table(catalog, "t"); /* another one of that name */
    assert_int_equal(pyr_appender_commit(appender, NULL, &f->error), PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.sqlstate, "42P01");
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 0);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

static void nulls_in_a_not_null_column_name_the_column_and_the_row(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_appender *appender = open_appender(catalog, "t");
    append(appender, 0, 100);
    pyr_array *columns[] = {numbers(0, 10, 4), long_strings(10, 5)};
    pyr_batch *batch = rows_batch_of(columns, 2);
    assert_int_equal(pyr_appender_batch(appender, batch, &f->error), PYR_ERROR_CONSTRAINT);
    assert_string_equal(f->error.sqlstate, "23502");
    assert_message_has(&f->error, "\"a\"");
    assert_message_has(&f->error, "row 103");
    /* A slice without the null, and nulls where they may be. */
    pyr_batch *slice;
    check_ok(pyr_batch_slice(batch, 0, 3, &slice, error));
    check_ok(pyr_appender_batch(appender, slice, error));
    pyr_batch_release(slice);
    pyr_batch_release(batch);
    const char *const texts[] = {NULL, "x"};
    pyr_array *nullable[] = {numbers(0, 2, 0), strings(PYR_TYPE_UTF8, texts, 2)};
    batch = rows_batch_of(nullable, 2);
    check_ok(pyr_appender_batch(appender, batch, error));
    pyr_batch_release(batch);
    int64_t rows;
    check_ok(pyr_appender_commit(appender, &rows, error));
    assert_int_equal(rows, 105);
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 105);
    pyr_catalog_close(catalog);
}

static void a_schema_that_is_not_the_tables_names_the_column(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(NULL);
    create_table(catalog, "t");
    pyr_array *columns[] = {numbers(0, 1, 0), numbers(0, 1, 0)};
    pyr_batch *batch = rows_batch_of(columns, 2);
    pyr_batch *narrow = batch_of_one(numbers(0, 1, 0));
    pyr_appender *appender;
    assert_int_equal(
        pyr_appender_create(catalog, NULL, "t", batch->schema, NULL, NULL, &appender, &f->error),
        PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    assert_message_has(&f->error, "\"b\"");
    assert_int_equal(
        pyr_appender_create(catalog, NULL, "t", narrow->schema, NULL, NULL, &appender, &f->error),
        PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    assert_int_equal(pyr_appender_create(catalog, NULL, "none", narrow->schema, NULL, NULL,
                                         &appender, &f->error),
                     PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.sqlstate, "42P01");
    pyr_batch_release(batch);
    pyr_batch_release(narrow);
    pyr_catalog_close(catalog);
}

static void the_tables_options_are_honoured(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_schema *schema = two_columns();
    const pyr_table_option options[] = {{"Compression", "ZSTD"}, {"sync", "none"}};
    check_ok(pyr_catalog_create_table(
        catalog,
        &(pyr_table_definition){
            .name = "packed", .schema = schema, .options = options, .options_count = 2},
        PYR_CREATE_NEW, NULL, error));
    create_table(catalog, "plain");
    append_rows(catalog, "packed", 0, 20000);
    append_rows(catalog, "plain", 0, 20000);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_true(pyr_snapshot_find(snapshot, NULL, "packed")->size_bytes * 2 <
                pyr_snapshot_find(snapshot, NULL, "plain")->size_bytes);
    assert_int_equal(count_rows(snapshot, "packed", NULL), 20000);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
}

/* ---- At once. ---- */

enum { THREADS = 4, COMMITS = 5, ROWS = 50 };

typedef struct worker {
    pthread_t thread;
    pyr_catalog *catalog;
    pyr_batch *batch;
    pyr_schema *schema;
    pyr_status status;
    pyr_error error;
} worker;

static pyr_status append_some(worker *self, pyr_appender *appender) {
    for (int i = 0; i < COMMITS; ++i) {
        PYR_TRY(pyr_appender_batch(appender, self->batch, &self->error));
        PYR_TRY(pyr_appender_commit(appender, NULL, &self->error));
    }
    return pyr_appender_batch(appender, self->batch, &self->error); /* never committed */
}

static void *work(void *argument) {
    worker *self = argument;
    pyr_appender *appender = NULL;
    self->status = pyr_appender_create(self->catalog, NULL, "t", self->schema, NULL, NULL,
                                       &appender, &self->error);
    if (self->status == PYR_OK) {
        self->status = append_some(self, appender);
    }
    pyr_appender_destroy(appender);
    return NULL;
}

/* Reads what is there meanwhile: whole commits only. */
static void *watch(void *argument) {
    worker *self = argument;
    int64_t seen = 0;
    while (self->status == PYR_OK && seen < THREADS * COMMITS * ROWS) {
        pyr_snapshot *snapshot = NULL;
        self->status = pyr_catalog_snapshot(self->catalog, &snapshot, &self->error);
        if (self->status != PYR_OK) {
            break;
        }
        int64_t rows = pyr_snapshot_find(snapshot, NULL, "t")->rows;
        if (rows < seen || rows % ROWS != 0) {
            self->status = pyr_error_set(&self->error, PYR_ERROR_INTERNAL, "%d rows after %d",
                                         (int)rows, (int)seen);
        }
        seen = rows;
        pyr_snapshot_release(snapshot);
    }
    return NULL;
}

static void several_appenders_write_to_one_table_at_once(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_batch *batch = rows_batch(1, ROWS);
    pyr_schema *schema = two_columns();
    worker workers[THREADS + 1];
    for (int i = 0; i <= THREADS; ++i) {
        workers[i] = (worker){.catalog = catalog, .batch = batch, .schema = schema};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, i < THREADS ? work : watch, &workers[i]), 0);
    }
    for (int i = 0; i <= THREADS; ++i) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].status != PYR_OK) {
            fail_msg("%s", workers[i].error.message);
        }
    }
    const int64_t rows = (int64_t)THREADS * COMMITS * ROWS;
    int64_t sum;
    for (int i = 0; i < 2; ++i) {
        pyr_snapshot *snapshot = snapshot_of(catalog);
        assert_int_equal(count_rows(snapshot, "t", &sum), rows);
        assert_int_equal(sum, THREADS * COMMITS * (ROWS * (ROWS + 1) / 2));
        pyr_snapshot_release(snapshot);
        assert_int_equal(count_files(f->path), THREADS * COMMITS);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
}

/* ---- Full disks. ---- */

/* Nothing of the table has changed, and no file more is there. */
static void expect_unchanged(pyr_catalog *catalog, const char *path) {
    assert_int_equal(rows_now(catalog, "t"), 100);
    assert_int_equal(count_files(path), 1);
}

static void an_append_to_a_full_disk_fails_whole_and_works_when_there_is_space(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)8 << 20)) {
        skip();
    }
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 100);
    write_file(below(f->folder, "filler"), "", 0);
    pyr_appender *appender = open_appender(catalog, "t");
    pyr_batch *batch = rows_batch(0, 50000);
    pyr_status status = PYR_OK;
    for (int i = 0; i < 20 && status == PYR_OK; ++i) { /* 23 MB for a disk of 8 */
        status = pyr_appender_batch(appender, batch, &f->error);
    }
    assert_int_equal(status, PYR_ERROR_DISK_FULL);
    assert_string_equal(f->error.sqlstate, "53100");
    assert_message_has(&f->error, ".arrow");
    assert_int_equal(pyr_appender_batch(appender, batch, &f->error), PYR_ERROR_IO);
    assert_int_equal(pyr_appender_commit(appender, NULL, &f->error), PYR_ERROR_IO);
    pyr_appender_destroy(appender);
    expect_unchanged(catalog, f->path);

    /* It fits into memory until the commit. */
    small_disk_fill(f->folder, "filler");
    appender = open_appender(catalog, "t");
    status = pyr_appender_batch(appender, batch, &f->error);
    if (status == PYR_OK) {
        status = pyr_appender_commit(appender, NULL, &f->error);
    }
    assert_int_equal(status, PYR_ERROR_DISK_FULL);
    assert_string_equal(f->error.sqlstate, "53100");
    assert_message_has(&f->error, ".arrow");
    pyr_appender_destroy(appender);
    expect_unchanged(catalog, f->path);

    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    appender = open_appender(catalog, "t");
    check_ok(pyr_appender_batch(appender, batch, error));
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
    assert_int_equal(rows_now(catalog, "t"), 50100);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 50100);
    pyr_catalog_close(catalog);
    pyr_batch_release(batch);
    small_disk_unmount(f->folder);
}

/* The segment fits and the catalog's record does not: only the LSM's write fails. */
static void
a_commit_whose_record_does_not_fit_changes_nothing_and_may_be_tried_again(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)8 << 20)) {
        skip();
    }
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 100);
    /* A definition of 64 KB and more, so that every version of it fills pages of the log. */
    char *types = malloc(70000);
    memset(types, ' ', 70000);
    types[0] = '[';
    types[69998] = ']';
    types[69999] = '\0';
    pyr_schema *schema = two_columns();
    /* The table is made by the same commit: only then is its definition written. */
    pyr_appender_options options = {.create = true, .sql_types = types};
    pyr_appender *appender = NULL;
    check_ok(pyr_appender_create(catalog, NULL, "wide", schema, &options, NULL, &appender, error));
    append(appender, 0, 10);
    /* Five pages are left: enough for the segment, not for the record. */
    char pages[5 * 4096];
    memset(pages, 1, sizeof(pages));
    write_file(below(f->folder, "room"), pages, sizeof(pages));
    small_disk_fill(f->folder, "filler");
    assert_int_equal(unlink(below(f->folder, "room")), 0);
    assert_int_equal(pyr_appender_commit(appender, NULL, &f->error), PYR_ERROR_DISK_FULL);
    assert_string_equal(f->error.sqlstate, "53100");
    assert_message_has(&f->error, "catalog ");
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_null(pyr_snapshot_find(snapshot, NULL, "wide"));
    pyr_snapshot_release(snapshot);
    assert_int_equal(rows_now(catalog, "t"), 100);
    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    check_ok(pyr_appender_commit(appender, NULL, error)); /* the same append */
    pyr_appender_destroy(appender);
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(rows_now(catalog, "wide"), 10);
        assert_int_equal(rows_now(catalog, "t"), 100);
        assert_int_equal(count_files(f->path), 2);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
    free(types);
    small_disk_unmount(f->folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_seen_at_commit_and_each_commit_adds_what_came_since),
        TEST(an_appender_without_commit_leaves_nothing),
        TEST(files_that_nobody_names_are_not_in_the_way),
        TEST(a_table_made_by_its_appender_is_there_at_commit),
        TEST(a_table_made_meanwhile_is_not_overwritten),
        TEST(replacing_takes_the_old_tables_place_at_commit),
        TEST(a_table_dropped_meanwhile_is_an_error_and_no_file_is_left),
        TEST(nulls_in_a_not_null_column_name_the_column_and_the_row),
        TEST(a_schema_that_is_not_the_tables_names_the_column),
        TEST(the_tables_options_are_honoured),
        TEST(several_appenders_write_to_one_table_at_once),
        TEST(an_append_to_a_full_disk_fails_whole_and_works_when_there_is_space),
        TEST(a_commit_whose_record_does_not_fit_changes_nothing_and_may_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
