/* Arrow files as tables, and what the native engine does not touch. */
#include "unit/engines/support_native.h"

#include "base/file.h"
#include "base/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct file_fixture {
    native_fixture native;
    char *folder;
} file_fixture;

static char *path_of(const file_fixture *f, const char *rest) {
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", f->folder, rest);
    return path;
}

/* An Arrow file of batches of 4 rows that count from first. */
static void write_arrow(const char *path, int64_t first, int64_t rows) {
    int fd = -1;
    assert_int_equal(pyr_file_create(path, true, &fd, NULL), PYR_OK);
    pyr_batch *batch = native_batch(first, rows);
    pyr_ipc_writer *writer = NULL;
    assert_int_equal(
        pyr_ipc_writer_create(fd, path, batch->schema, PYR_IPC_FILE, NULL, NULL, &writer, NULL),
        PYR_OK);
    for (int64_t done = 0; done < rows; done += 4) {
        pyr_batch *slice = NULL;
        int64_t count = rows - done < 4 ? rows - done : 4;
        assert_int_equal(pyr_batch_slice(batch, done, count, &slice, NULL), PYR_OK);
        assert_int_equal(pyr_ipc_writer_batch(writer, slice, NULL, NULL), PYR_OK);
        pyr_batch_release(slice);
    }
    assert_int_equal(pyr_ipc_writer_finish(writer, NULL, NULL), PYR_OK);
    pyr_ipc_writer_destroy(writer);
    pyr_batch_release(batch);
    assert_int_equal(pyr_file_close(fd, path, NULL), PYR_OK);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state) {
    file_fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    native_setup(&f->native);
    f->folder = native_temp_folder();
    write_arrow(path_of(f, "one.arrow"), 0, 6);
    write_arrow(path_of(f, "two.arrow"), 6, 5);
    write_arrow(path_of(f, "no_suffix"), 40, 2);
    assert_int_equal(mkdir(path_of(f, "deep"), 0700), 0);
    assert_int_equal(mkdir(path_of(f, "deep/er"), 0700), 0);
    write_arrow(path_of(f, "deep/er/three.arrow"), 11, 3);
    write_text(path_of(f, "text.arrow"), "a,b\n1,2\n");
    write_text(path_of(f, "data.csv"), "a,b\n1,2\n");
    *state = f;
    return 0;
}

static int teardown(void **state) {
    file_fixture *f = *state;
    native_teardown(&f->native);
    assert_int_equal(pyr_folder_remove(f->folder, NULL), PYR_OK);
    free(f->folder);
    free(f);
    return 0;
}

static void expect(file_fixture *f, const char *format, const char *path, const char *expected) {
    char sql[600];
    snprintf(sql, sizeof(sql), format, path);
    char *text = native_text(&f->native, sql, NULL);
    if (strstr(text, expected) == NULL) {
        fail_msg("%s: %s", sql, text);
    }
    free(text);
}

static void an_arrow_file_is_a_table(void **state) {
    file_fixture *f = *state;
    expect(f, "SELECT a FROM '%s' LIMIT 2", path_of(f, "one.arrow"), "a int32\n0\n1");
    expect(f, "SELECT one.a FROM read_arrow('%s') OFFSET 5", path_of(f, "one.arrow"), "a int32\n5");
    expect(f, "SELECT x.\"B c\" FROM '%s' x OFFSET 5", path_of(f, "no_suffix"), "B c utf8");
    expect(f, "SELECT a FROM \"%s\" OFFSET 5", path_of(f, "one.arrow"), "a int32\n5");
    expect(f, "SELECT count(*) FROM '%s'", path_of(f, "one.arrow"), "count_star() int64\n6");
}

static void a_pattern_is_one_table_in_the_order_of_names(void **state) {
    file_fixture *f = *state;
    expect(f, "SELECT a FROM '%s' LIMIT 2 OFFSET 5", path_of(f, "[ot][nw]*.arrow"),
           "a int32\n5\n6");
    expect(f, "SELECT count(*) FROM read_arrow('%s')", path_of(f, "**/t[hw]*.arrow"),
           "count_star() int64\n8");
    expect(f, "SELECT a FROM '%s' OFFSET 2", path_of(f, "**/three.arrow"), "a int32\n13");
    expect(f, "SELECT a FROM '%s' OFFSET 2", path_of(f, "*/*/three.arrow"), "a int32\n13");
    expect(f, "SELECT a FROM '%s' OFFSET 2", path_of(f, "**/**/**/three.arrow"), "a int32\n13");
}

static void what_is_not_there_is_named(void **state) {
    file_fixture *f = *state;
    expect(f, "SELECT a FROM '%s'", path_of(f, "none.arrow"), "58030 at 14: file \"");
    expect(f, "SELECT a FROM read_arrow('%s')", path_of(f, "none"), "58030 at 25: file \"");
    expect(f, "SELECT a FROM '%s'", path_of(f, "none*.arrow"), "58030 at 14: no file matches \"");
    /* By its name it may be another engine's. */
    expect(f, "SELECT a FROM '%s'", path_of(f, "none.parquet"), "0A000 at 14");
}

static void a_file_is_arrow_by_its_bytes(void **state) {
    file_fixture *f = *state;
    expect(f, "SELECT a FROM '%s'", path_of(f, "text.arrow"), "0A000 at 14");
    expect(f, "SELECT a FROM '%s'", path_of(f, "data.csv"), "0A000 at 14");
    expect(f, "SELECT a FROM read_arrow('%s')", path_of(f, "data.csv"),
           "22023 at 25: read_arrow: \"");
    expect(f, "SELECT a FROM '%s'", path_of(f, "deep"), "0A000 at 14");
}

static void a_restricted_session_reads_its_folders_alone(void **state) {
    file_fixture *f = *state;
    char *deep = realpath(path_of(f, "deep"), NULL);
    assert_non_null(deep);
    const char *const folders[] = {deep};
    f->native.files = (pyr_file_access){.folders_count = 1, .folders = folders};
    expect(f, "SELECT a FROM '%s' LIMIT 1", path_of(f, "deep/er/three.arrow"), "a int32\n11");
    expect(f, "SELECT a FROM '%s'", path_of(f, "one.arrow"), "42501 at 14");
    expect(f, "SELECT a FROM '%s'", path_of(f, "*.arrow"), "42501 at 14");
    expect(f, "SELECT a FROM '%s'", path_of(f, "deep/../one.arrow"), "42501 at 14");
    expect(f, "SELECT a FROM '%s'", "s3://bucket/x.arrow", "42501 at 14");
    /* Not even whether a file is there is told. */
    expect(f, "SELECT a FROM '%s'", path_of(f, "none.arrow"), "42501 at 14");
    /* A match of an allowed pattern that leads out. */
    assert_int_equal(symlink("../../one.arrow", path_of(f, "deep/er/zlink.arrow")), 0);
    expect(f, "SELECT a FROM '%s'", path_of(f, "deep/er/*.arrow"), "42501 at 14");
    f->native.files = (pyr_file_access){.unrestricted = true};
    free(deep);
}

static void batches_are_views_of_the_mapping(void **state) {
    file_fixture *f = *state;
    char sql[500];
    snprintf(sql, sizeof(sql), "SELECT d, a AS x, \"B c\" FROM '%s' LIMIT 3 OFFSET 2",
             path_of(f, "one.arrow"));
    pyr_schema *schema = NULL;
    pyr_batch **batches = NULL;
    size_t count = 0;
    pyr_ledger_init(&f->native.ledger);
    assert_int_equal(native_run(&f->native, sql, NULL, &schema, &batches, &count), PYR_OK);
    assert_int_equal(count, 2); /* rows 2, 3 of the first batch and 4 of the second */
    for (size_t i = 0; i < count; ++i) {
        for (int32_t column = 0; column < 3; ++column) {
            const pyr_array *array = batches[i]->columns[column];
            for (int32_t buffer = 0; buffer < array->buffers_count; ++buffer) {
                if (array->buffers[buffer] != NULL && array->buffers[buffer]->size_bytes > 0) {
                    assert_non_null(array->buffers[buffer]->mapping);
                    assert_true(pyr_mapping_covers(array->buffers[buffer]->data));
                }
            }
        }
    }
    for (int reason = 0; reason < PYR_COPY_REASONS_COUNT; ++reason) {
        assert_int_equal(f->native.ledger.copied[reason], 0);
    }
    struct stat info;
    assert_int_equal(stat(path_of(f, "one.arrow"), &info), 0);
    assert_int_equal(f->native.ledger.bytes_mapped, info.st_size);
    assert_true(f->native.ledger.bytes_referenced > 0);
    assert_string_equal(f->native.ledger.engine, "native");
    native_batches_free(batches, count);
    pyr_schema_release(schema);
}

/* What a query reads of a table of three segments with two batches of 4 rows each. */
static void limits_touch_only_what_they_need(void **state) {
    file_fixture *f = *state;
    static const struct {
        const char *sql;
        size_t batches;  /* read */
        int64_t skipped; /* passed over */
    } cases[] = {
        {"SELECT a FROM t LIMIT 3", 1, 0},          {"SELECT a FROM t LIMIT 4", 1, 0},
        {"SELECT a FROM t LIMIT 0", 0, 0},          {"SELECT a FROM t LIMIT 0 OFFSET 9", 0, 0},
        {"SELECT a FROM t LIMIT 1 OFFSET 8", 1, 2}, {"SELECT a FROM t LIMIT 1 OFFSET 13", 1, 3},
        {"SELECT a FROM t OFFSET 22", 1, 5},        {"SELECT a FROM t OFFSET 24", 0, 6},
        {"SELECT a FROM t LIMIT 2 OFFSET 7", 2, 1}};
    write_arrow(path_of(f, "s1"), 0, 8);
    write_arrow(path_of(f, "s2"), 8, 8);
    write_arrow(path_of(f, "s3"), 16, 8);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char sql[500];
        char *from = strstr(cases[i].sql, " t ");
        assert_non_null(from);
        snprintf(sql, sizeof(sql), "SELECT a FROM '%s' %s", path_of(f, "s[123]"), from + 3);
        pyr_schema *schema = NULL;
        pyr_batch **batches = NULL;
        size_t count = 0;
        pyr_ledger_init(&f->native.ledger);
        assert_int_equal(native_run(&f->native, sql, NULL, &schema, &batches, &count), PYR_OK);
        assert_int_equal(count, cases[i].batches);
        /* Four int32 a batch, counted where a batch is read. */
        assert_int_equal(f->native.ledger.bytes_scanned, (int64_t)cases[i].batches * 16);
        assert_int_equal(f->native.ledger.batches_skipped, cases[i].skipped);
        native_batches_free(batches, count);
        pyr_schema_release(schema);
    }
}

static void a_stream_outlives_table_and_catalog(void **state) {
    file_fixture *f = *state;
    static const int64_t segments[] = {4};
    native_create_table(&f->native, "t", segments, 1, 4);
    native_query query;
    native_query_init(&f->native, "SELECT a FROM t", NULL, &query);
    const pyr_engine_ops *ops = f->native.engine->ops;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    assert_int_equal(ops->prepare(f->native.session, &query.query, &prepared, NULL), PYR_OK);
    assert_int_equal(ops->execute(prepared, &query.query, &stream, NULL), PYR_OK);
    ops->prepared_destroy(prepared);
    native_query_deinit(&query);
    assert_int_equal(pyr_catalog_drop_table(f->native.catalog, NULL, "t", false, NULL, NULL),
                     PYR_OK);
    pyr_catalog_close(f->native.catalog);
    f->native.catalog = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_stream_next(stream, &batch, NULL), PYR_OK);
    pyr_stream_destroy(stream);
    assert_int_equal(pyr_array_int64(batch->columns[0], 3), 3);
    pyr_batch_release(batch);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_arrow_file_is_a_table),
        TEST(a_pattern_is_one_table_in_the_order_of_names),
        TEST(what_is_not_there_is_named),
        TEST(a_file_is_arrow_by_its_bytes),
        TEST(a_restricted_session_reads_its_folders_alone),
        TEST(batches_are_views_of_the_mapping),
        TEST(limits_touch_only_what_they_need),
        TEST(a_stream_outlives_table_and_catalog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
