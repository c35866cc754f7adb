/* catalog_test.c - the set of tables: created, replaced, dropped, found by name, seen through
 * snapshots, and read again after reopening. */
#include "support_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pyr_status create_as(pyr_catalog *catalog, const char *schema_name, const char *name,
                            pyr_create_mode mode, bool *created, pyr_error *fault) {
    pyr_schema *schema = two_columns();
    pyr_status status = pyr_catalog_create_table(
        catalog,
        &(pyr_table_definition){.schema_name = schema_name, .name = name, .schema = schema}, mode,
        created, fault);
    pyr_schema_release(schema);
    return status;
}

static pyr_status drop(pyr_catalog *catalog, const char *name, pyr_error *fault) {
    return pyr_catalog_drop_table(catalog, NULL, name, false, NULL, fault);
}

static void tables_are_created_found_without_case_and_dropped(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(NULL);
    assert_string_equal(pyr_catalog_path(catalog), ":memory:");
    create_table(catalog, "Sales");
    create_table(catalog, "apples");
    create_table(catalog, "ZEBRA");
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_int_equal(pyr_snapshot_tables(snapshot), 3);
    assert_string_equal(pyr_snapshot_table(snapshot, 0)->name, "apples");
    assert_string_equal(pyr_snapshot_table(snapshot, 1)->name, "Sales");
    assert_string_equal(pyr_snapshot_table(snapshot, 2)->name, "ZEBRA");
    assert_non_null(pyr_snapshot_find(snapshot, NULL, "sALES"));
    assert_ptr_equal(pyr_snapshot_find(snapshot, "MAIN", "SALES"),
                     pyr_snapshot_find(snapshot, NULL, "sales"));
    assert_null(pyr_snapshot_find(snapshot, NULL, "sale"));
    assert_null(pyr_snapshot_find(snapshot, NULL, "saless"));
    assert_null(pyr_snapshot_find(snapshot, "other", "sales"));
    pyr_snapshot_release(snapshot);
    check_ok(drop(catalog, "SALES", error));
    assert_int_equal(rows_now(catalog, "Sales"), -1);
    assert_int_equal(drop(catalog, "sales", &f->error), PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.sqlstate, "42P01");
    bool dropped = true;
    check_ok(pyr_catalog_drop_table(catalog, NULL, "sales", true, &dropped, error));
    assert_false(dropped);
    pyr_catalog_close(catalog);
}

static void letters_beyond_ascii_are_as_they_are_written(void **state) {
    (void)state;
    pyr_catalog *catalog = open_catalog(NULL);
    create_table(catalog, "K\xC3\x84SE");
    create_table(catalog, "k\xC3\xA4se");
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_int_equal(pyr_snapshot_tables(snapshot), 2);
    assert_string_equal(pyr_snapshot_find(snapshot, NULL, "k\xC3\x84se")->name, "K\xC3\x84SE");
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void a_name_that_is_there_is_refused_kept_or_replaced_as_told(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    bool created = true;
    assert_int_equal(create_as(catalog, NULL, "T", PYR_CREATE_NEW, &created, &f->error),
                     PYR_ERROR_ALREADY_EXISTS);
    assert_string_equal(f->error.sqlstate, "42P07");
    assert_false(created);
    check_ok(create_as(catalog, NULL, "T", PYR_CREATE_IF_NOT_EXISTS, &created, error));
    assert_false(created);
    assert_int_equal(rows_now(catalog, "t"), 10);
    pyr_snapshot *before = snapshot_of(catalog);
    check_ok(create_as(catalog, NULL, "T", PYR_CREATE_OR_REPLACE, &created, error));
    assert_true(created);
    assert_int_equal(rows_now(catalog, "t"), 0);
    assert_int_equal(count_rows(before, "t", NULL), 10);
    pyr_snapshot *after = snapshot_of(catalog);
    assert_true(pyr_snapshot_find(before, NULL, "t")->id !=
                pyr_snapshot_find(after, NULL, "t")->id);
    pyr_snapshot_release(after);
    assert_int_equal(count_files(f->path), 1);
    pyr_snapshot_release(before);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

static void names_and_columns_that_cannot_be_are_refused(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(NULL);
    char long_name[PYR_NAME_BYTES_MAX + 2];
    memset(long_name, 'n', sizeof(long_name));
    long_name[PYR_NAME_BYTES_MAX + 1] = '\0';
    assert_int_equal(create_as(catalog, NULL, long_name, 0, NULL, &f->error), PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42602");
    check_ok(create_as(catalog, NULL, long_name + 1, 0, NULL, error));
    assert_int_equal(create_as(catalog, NULL, "", 0, NULL, &f->error), PYR_ERROR_SQL);
    assert_int_equal(create_as(catalog, NULL, "\xFF", 0, NULL, &f->error), PYR_ERROR_SQL);
    assert_int_equal(create_as(catalog, "nowhere", "t", 0, NULL, &f->error), PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.sqlstate, "3F000");
    assert_int_equal(create_as(catalog, "Pyralog", "t", 0, NULL, &f->error), PYR_ERROR_PERMISSION);
    assert_int_equal(create_as(catalog, "INFORMATION_schema", "t", 0, NULL, &f->error),
                     PYR_ERROR_PERMISSION);
    pyr_field *twice[2];
    pyr_schema *schema;
    check_ok(pyr_field_create("x", PYR_TYPE_INT32, &twice[0], error));
    check_ok(pyr_field_create("X", PYR_TYPE_INT32, &twice[1], error));
    check_ok(pyr_schema_create(twice, 2, NULL, &schema, error));
    assert_int_equal(
        pyr_catalog_create_table(catalog, &(pyr_table_definition){.name = "t", .schema = schema},
                                 PYR_CREATE_NEW, NULL, &f->error),
        PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42701");
    pyr_schema_release(schema);
    check_ok(pyr_schema_create(twice, 0, NULL, &schema, error));
    assert_int_equal(
        pyr_catalog_create_table(catalog, &(pyr_table_definition){.name = "t", .schema = schema},
                                 PYR_CREATE_NEW, NULL, &f->error),
        PYR_ERROR_SQL);
    pyr_schema_release(schema);
    pyr_field_release(twice[0]);
    pyr_field_release(twice[1]);
    assert_int_equal(rows_now(catalog, "t"), -1);
    pyr_catalog_close(catalog);
}

static void definitions_options_rows_and_versions_survive_reopening(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    const pyr_table_option options[] = {{"compression", "zstd"}, {"time_unit", "ms"}};
    pyr_schema *schema = two_columns();
    check_ok(
        pyr_catalog_create_table(catalog,
                                 &(pyr_table_definition){.name = "Events",
                                                         .schema = schema,
                                                         .sql_types = "[\"BIGINT\",\"STRING\"]",
                                                         .options = options,
                                                         .options_count = 2},
                                 PYR_CREATE_NEW, NULL, error));
    create_table(catalog, "other");
    append_rows(catalog, "events", 0, 100);
    append_rows(catalog, "events", 100, 50);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t id = pyr_snapshot_find(snapshot, NULL, "events")->id;
    assert_int_equal(pyr_snapshot_find(snapshot, NULL, "events")->version, 3);
    pyr_snapshot_release(snapshot);
    for (int i = 0; i < 2; ++i) {
        pyr_catalog_close(catalog);
        catalog = i == 0 ? open_catalog(f->path) : open_readonly(f->path);
        snapshot = snapshot_of(catalog);
        const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "EVENTS");
        assert_string_equal(table->name, "Events");
        assert_string_equal(table->schema_name, "main");
        assert_int_equal(table->id, id);
        assert_int_equal(table->version, 3);
        assert_true(pyr_schema_equal(table->schema, schema));
        assert_string_equal(table->sql_types, "[\"BIGINT\",\"STRING\"]");
        assert_string_equal(pyr_table_get_option(table, "Compression"), "zstd");
        assert_string_equal(pyr_table_get_option(table, "time_unit"), "ms");
        assert_null(pyr_table_get_option(table, "sync"));
        int64_t sum;
        assert_int_equal(count_rows(snapshot, "events", &sum), 150);
        assert_int_equal(sum, 150 * 149 / 2);
        assert_int_equal(table->segments_count, 2);
        assert_true(table->size_bytes > 0);
        assert_int_equal(count_rows(snapshot, "other", NULL), 0);
        pyr_snapshot_release(snapshot);
    }
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
}

static void numbers_of_tables_and_files_are_never_used_again(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    uint64_t last = 0;
    for (int i = 0; i < 4; ++i) {
        create_table(catalog, "t");
        append_rows(catalog, "t", 0, 1);
        pyr_snapshot *snapshot = snapshot_of(catalog);
        const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
        assert_true(table->id > last);
        last = table->id;
        pyr_snapshot_release(snapshot);
        check_ok(drop(catalog, "t", error));
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
}

static void a_snapshot_outlives_a_drop_and_the_files_go_with_its_last_reference(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    append_rows(catalog, "t", 10, 10);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    pyr_snapshot *same = pyr_snapshot_retain(snapshot);
    check_ok(drop(catalog, "t", error));
    assert_int_equal(rows_now(catalog, "t"), -1);
    pyr_catalog_close(catalog); /* and the catalog too */
    assert_int_equal(count_rows(snapshot, "t", NULL), 20);
    pyr_snapshot_release(snapshot);
    assert_int_equal(count_files(f->path), 2);
    pyr_table *table = pyr_table_retain(pyr_snapshot_find(same, NULL, "t"));
    pyr_snapshot_release(same);
    assert_int_equal(count_files(f->path), 2);
    pyr_table_release(table);
    assert_int_equal(count_files(f->path), 0);
}

static void a_snapshot_does_not_see_what_comes_after_it(void **state) {
    (void)state;
    pyr_catalog *catalog = open_catalog(NULL);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    append_rows(catalog, "t", 10, 10);
    create_table(catalog, "u");
    pyr_snapshot *later = snapshot_of(catalog);
    assert_true(pyr_snapshot_version(later) > pyr_snapshot_version(snapshot));
    assert_int_equal(count_rows(snapshot, "t", NULL), 10);
    assert_int_equal(count_rows(snapshot, "u", NULL), -1);
    assert_int_equal(count_rows(later, "t", NULL), 20);
    assert_int_equal(count_rows(later, "u", NULL), 0);
    pyr_snapshot_release(snapshot);
    pyr_snapshot_release(later);
    pyr_catalog_close(catalog);
}

static void readonly_refuses_every_change(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_catalog_close(catalog);
    catalog = open_readonly(f->path);
    assert_true(pyr_catalog_is_readonly(catalog));
    assert_int_equal(create_as(catalog, NULL, "u", 0, NULL, &f->error), PYR_ERROR_PERMISSION);
    assert_string_equal(f->error.sqlstate, "25006");
    assert_int_equal(drop(catalog, "t", &f->error), PYR_ERROR_PERMISSION);
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    assert_int_equal(
        pyr_appender_create(catalog, NULL, "t", schema, NULL, NULL, &appender, &f->error),
        PYR_ERROR_PERMISSION);
    assert_null(appender);
    pyr_schema_release(schema);
    pyr_catalog_close(catalog);
}

static void a_memory_only_tables_definition_survives_and_its_rows_do_not(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    const pyr_table_option options[] = {{"storage_mode", "memory_only"}};
    pyr_schema *schema = two_columns();
    check_ok(pyr_catalog_create_table(
        catalog,
        &(pyr_table_definition){
            .name = "t", .schema = schema, .options = options, .options_count = 1},
        PYR_CREATE_NEW, NULL, error));
    append_rows(catalog, "t", 0, 10);
    assert_int_equal(rows_now(catalog, "t"), 10);
    assert_int_equal(count_files(f->path), 0);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 0);
    append_rows(catalog, "t", 0, 5);
    assert_int_equal(rows_now(catalog, "t"), 5);
    check_ok(drop(catalog, "t", error));
    pyr_catalog_close(catalog);
    pyr_schema_release(schema);
}

typedef struct reports {
    int well;
    int damaged;
    char message[1024];
} reports;

static void note_report(void *context, const pyr_table *table, const pyr_segment_info *segment,
                        const pyr_error *error) {
    reports *self = context;
    assert_string_equal(table->name, "t");
    assert_true(segment->rows > 0);
    if (error == NULL) {
        ++self->well;
    } else {
        ++self->damaged;
        (void)snprintf(self->message, sizeof(self->message), "%s", error->message);
    }
}

static void verify_reports_every_segment_and_fails_where_one_is_damaged(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 1000);
    append_rows(catalog, "t", 0, 1000);
    reports all = {0};
    check_ok(pyr_catalog_verify(catalog, note_report, &all, error));
    assert_int_equal(all.well, 2);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const char *path =
        pyr_segment_get_info(pyr_snapshot_find(snapshot, NULL, "t")->segments[1])->path;
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    bytes[size / 2] ^= 4;
    write_file(path, bytes, size);
    free(bytes);
    reports again = {0};
    assert_int_equal(pyr_catalog_verify(catalog, note_report, &again, &f->error),
                     PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, f->path);
    assert_int_equal(again.well, 1);
    assert_int_equal(again.damaged, 1);
    assert_non_null(strstr(again.message, strrchr(path, '/') + 1));
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

/* Whoever exports it by the table's schema would read beyond its buffers. */
static void a_segment_of_other_types_than_its_tables_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 1000);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    pyr_segment *segment = pyr_snapshot_find(snapshot, NULL, "t")->segments[0];
    size_t size;
    uint8_t *bytes = read_file(pyr_segment_get_info(segment)->path, &size);
    /* The footer's Int of column a: the 64 of its width becomes 32, as two flipped bits would. */
    bool refused = false;
    for (size_t i = size * 3 / 4; i < size - 10 && !refused; ++i) {
        if (bytes[i] != 64) {
            continue;
        }
        bytes[i] = 32;
        write_file(pyr_segment_get_info(segment)->path, bytes, size);
        bytes[i] = 64;
        pyr_schema *schema = NULL;
        pyr_status status = pyr_segment_schema(segment, NULL, &schema, &f->error);
        pyr_schema_release(schema);
        refused = status == PYR_ERROR_CORRUPT &&
                  strstr(f->error.message, "column \"a\" is not of the type") != NULL;
        if (status == PYR_OK) {
            break;
        }
    }
    assert_true(refused);
    free(bytes);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void files_of_one_schema_are_a_table_and_one_that_differs_is_named(void **state) {
    fixture *f = *state;
    pyr_batch *batch = rows_batch(0, 10);
    pyr_batch *different = batch_of_one(numbers(0, 5, 0));
    const char *paths[3];
    char names[3][512];
    for (int i = 0; i < 3; ++i) {
        (void)snprintf(names[i], sizeof(names[i]), "%s/file%d.arrow", f->folder, i);
        paths[i] = names[i];
        pyr_segment_release(
            write_segment(paths[i], i < 2 ? &batch : &different, 1, PYR_IPC_UNCOMPRESSED, NULL));
    }
    pyr_query_ledger ledger;
    pyr_ledger_init(&ledger);
    pyr_table *table;
    check_ok(pyr_table_over_files("files", paths, 2, &ledger, &table, error));
    assert_int_equal(table->segments_count, 2);
    assert_true(ledger.bytes_mapped > 0);
    pyr_table_release(table);
    assert_int_equal(pyr_table_over_files("files", paths, 3, NULL, &table, &f->error),
                     PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    assert_message_has(&f->error, "file2.arrow");
    assert_null(table);
    assert_int_equal(pyr_table_over_files("files", paths, 0, NULL, &table, &f->error),
                     PYR_ERROR_NOT_FOUND);
    write_file(paths[1], "nothing", 7);
    assert_int_equal(pyr_table_over_files("files", paths, 2, NULL, &table, &f->error),
                     PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "file1.arrow");
    pyr_batch_release(batch);
    pyr_batch_release(different);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tables_are_created_found_without_case_and_dropped),
        TEST(letters_beyond_ascii_are_as_they_are_written),
        TEST(a_name_that_is_there_is_refused_kept_or_replaced_as_told),
        TEST(names_and_columns_that_cannot_be_are_refused),
        TEST(definitions_options_rows_and_versions_survive_reopening),
        TEST(numbers_of_tables_and_files_are_never_used_again),
        TEST(a_snapshot_outlives_a_drop_and_the_files_go_with_its_last_reference),
        TEST(a_snapshot_does_not_see_what_comes_after_it),
        TEST(readonly_refuses_every_change),
        TEST(a_memory_only_tables_definition_survives_and_its_rows_do_not),
        TEST(verify_reports_every_segment_and_fails_where_one_is_damaged),
        TEST(a_segment_of_other_types_than_its_tables_is_corrupt),
        TEST(files_of_one_schema_are_a_table_and_one_that_differs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
