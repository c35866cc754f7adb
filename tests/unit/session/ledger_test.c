/* ledger_test.c - the ledger's counters against cases computed by hand, through SQL and the C API:
 * one for each way that bytes take. Nothing is rounded: a byte too many is a copy nobody named. */
#include "support_session.h"
#include "unit/arrow/support_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROWS = 1000, PIECES = 10 };

/* What a column of ROWS rows has, in bytes. */
enum {
    INT32_BYTES = 4 * ROWS,
    INT64_BYTES = 8 * ROWS,
    TEXT_BYTES = 4 * (ROWS + 1) + 3 * ROWS,     /* offsets, and "abc" */
    LIST_BYTES = 4 * (ROWS + 1) + 2 * 2 * ROWS, /* offsets, and two int16 each */
    STRUCT_BYTES = INT32_BYTES + TEXT_BYTES,    /* no validity */
    BITMAP_BYTES = (ROWS + 7) / 8,
    NULLS_BYTES = INT32_BYTES + BITMAP_BYTES,
    ALL_BYTES = INT64_BYTES + TEXT_BYTES + LIST_BYTES + STRUCT_BYTES + NULLS_BYTES,
    /* A message's metadata and padding around its columns is at most this. */
    MESSAGE_BYTES = 4096
};

static pyr_field *field_of(const char *name, pyr_type_id type) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create(name, type, &field, error));
    return field;
}

static void append(pyr_builder *builder, pyr_type_id type, int64_t i, bool nulls) {
    if (nulls && i % 2 == 0) {
        check_ok(pyr_builder_null(builder, error));
    } else if (type == PYR_TYPE_UTF8) {
        check_ok(pyr_builder_string(builder, "abc", error));
    } else if (type == PYR_TYPE_LIST) {
        check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), i, error));
        check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), -i, error));
        check_ok(pyr_builder_close(builder, error));
    } else if (type == PYR_TYPE_STRUCT) {
        check_ok(pyr_builder_int64(pyr_builder_child(builder, 0), i, error));
        check_ok(pyr_builder_string(pyr_builder_child(builder, 1), "abc", error));
        check_ok(pyr_builder_close(builder, error));
    } else {
        check_ok(pyr_builder_int64(builder, i, error));
    }
}

/* Takes field. */
static pyr_array *column_of(pyr_field *field, int64_t rows, bool nulls) {
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    check_ok(pyr_builder_create(field, NULL, &builder, error));
    for (int64_t i = 0; i < rows; ++i) {
        append(builder, field->type, i, nulls);
    }
    check_ok(pyr_builder_finish(builder, &array, error));
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

static pyr_field *nested_of(pyr_type_id type, pyr_field **children, int32_t count) {
    pyr_field *field = NULL;
    check_ok(pyr_field_create_nested("", type, 0, children, count, &field, error));
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    return field;
}

/* Columns a to e: int64, text, list, struct, int32 with nulls. */
static pyr_batch *all_columns(void) {
    pyr_field *item = field_of("item", PYR_TYPE_INT16);
    pyr_field *inner[] = {field_of("x", PYR_TYPE_INT32), field_of("y", PYR_TYPE_UTF8)};
    pyr_array *columns[] = {column_of(field_of("", PYR_TYPE_INT64), ROWS, false),
                            column_of(field_of("", PYR_TYPE_UTF8), ROWS, false),
                            column_of(nested_of(PYR_TYPE_LIST, &item, 1), ROWS, false),
                            column_of(nested_of(PYR_TYPE_STRUCT, inner, 2), ROWS, false),
                            column_of(field_of("", PYR_TYPE_INT32), ROWS, true)};
    return batch_of(columns, 5);
}

static pyr_ledger_report ledger_of(fixture *f) {
    pyr_ledger_report report;
    pyr_ledger(f->connection, &report);
    return report;
}

static pyr_ledger_report ingest(fixture *f, const char *table, pyr_batch *batch) {
    struct ArrowArrayStream stream;
    stream_of(&batch, 1, &stream);
    pyr_error_clear(&f->error);
    if (pyr_ingest(f->connection, table, &stream, NULL, NULL, &f->error) != PYR_OK) {
        fail_msg("%s", f->error.message);
    }
    return ledger_of(f);
}

static pyr_ledger_report query(fixture *f, const char *sql) {
    struct ArrowArrayStream stream;
    pyr_error_clear(&f->error);
    if (pyr_query(f->connection, sql, NULL, &stream, &f->error) != PYR_OK) {
        fail_msg("%s: %s", sql, f->error.message);
    }
    drain(&stream);
    return ledger_of(f);
}

/* What must be in bytes_copied: by reason, and nothing else. append: the rows' bytes, to which a
 * message adds at most MESSAGE_BYTES; 0: none. */
typedef struct copies {
    int64_t result, convert, concat, gather, parameters, append;
} copies;

static void check_copies(const char *what, const pyr_ledger_report *ledger, copies expected) {
    const struct {
        const char *reason;
        int64_t bytes;
    } exact[] = {{"engine result", expected.result},
                 {"type conversion", expected.convert},
                 {"concat", expected.concat},
                 {"gather", expected.gather},
                 {"parameters", expected.parameters}};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); ++i) {
        int64_t bytes = copied(ledger, exact[i].reason);
        if (bytes != exact[i].bytes) {
            fail_msg("%s: %s: %lld bytes copied, %lld are right", what, exact[i].reason,
                     (long long)bytes, (long long)exact[i].bytes);
        }
        sum += bytes;
    }
    int64_t appended = copied(ledger, "append to segment");
    if (appended < expected.append ||
        appended > expected.append + (expected.append > 0 ? MESSAGE_BYTES : 0)) {
        fail_msg("%s: %lld bytes appended of %lld", what, (long long)appended,
                 (long long)expected.append);
    }
    assert_int_equal(ledger->bytes_copied, sum + appended);
}

static void check_read(const char *what, const pyr_ledger_report *ledger, const char *engine,
                       int64_t rows, int64_t bytes) {
    assert_string_equal(ledger->engine, engine);
    if (ledger->rows != rows || ledger->bytes_scanned != bytes ||
        ledger->bytes_referenced != bytes) {
        fail_msg("%s: %lld rows, %lld scanned, %lld referenced; %lld rows of %lld bytes are right",
                 what, (long long)ledger->rows, (long long)ledger->bytes_scanned,
                 (long long)ledger->bytes_referenced, (long long)rows, (long long)bytes);
    }
    assert_int_equal(ledger->bytes_decoded, 0);
    assert_int_equal(ledger->bytes_sent, 0);
    assert_true(ledger->elapsed_ms > 0);
}

/* ---- The native engine. ---- */

static void native_scan_project_slice_and_limit_reference_and_copy_nothing(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    static const struct {
        const char *sql;
        int64_t rows, bytes;
    } cases[] = {
        {"SELECT * FROM t", ROWS, ALL_BYTES},
        {"SELECT a FROM t", ROWS, INT64_BYTES},
        {"SELECT b FROM t", ROWS, TEXT_BYTES},
        {"SELECT c FROM t", ROWS, LIST_BYTES},
        {"SELECT d FROM t", ROWS, STRUCT_BYTES},
        {"SELECT e FROM t", ROWS, NULLS_BYTES},
        {"SELECT e, a FROM t", ROWS, NULLS_BYTES + INT64_BYTES},
        /* A column named twice is read once. */
        {"SELECT a AS x, a AS y FROM t", ROWS, INT64_BYTES},
        /* A batch is looked at whole, of which a slice is handed on. */
        {"SELECT * FROM t LIMIT 10", 10, ALL_BYTES},
        {"SELECT a FROM t LIMIT 10 OFFSET 500", 10, INT64_BYTES},
        {"SELECT a FROM t LIMIT 0", 0, 0},
        {"SELECT a FROM t LIMIT 10 OFFSET 5000", 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_ledger_report ledger = query(f, cases[i].sql);
        check_read(cases[i].sql, &ledger, "native", cases[i].rows, cases[i].bytes);
        check_copies(cases[i].sql, &ledger, (copies){0});
        assert_int_equal(ledger.copies_count, 0);
        assert_int_equal(ledger.bytes_encoded, 0);
    }
}

static void native_counts_and_literals_copy_what_they_make(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    pyr_ledger_report ledger = query(f, "SELECT COUNT(*) FROM t");
    check_read("COUNT(*)", &ledger, "native", 1, 0);
    check_copies("COUNT(*)", &ledger, (copies){.result = 8});
    ledger = query(f, "VALUES (1, 'abc'), (2, 'defg')");
    check_read("VALUES", &ledger, "native", 2, 0);
    /* Two int32; three offsets and seven letters. */
    check_copies("VALUES", &ledger, (copies){.result = 2 * 4 + 3 * 4 + 7});
}

static void native_expressions_groups_and_sorts_copy_what_they_keep(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    pyr_ledger_report ledger = query(f, "SELECT SUM(a) FROM t");
    check_read("SUM", &ledger, "native", 1, INT64_BYTES);
    check_copies("SUM", &ledger, (copies){.result = 16}); /* one HUGEINT, without a bit: not NULL */
    ledger = query(f, "SELECT a + 1 FROM t");
    check_read("a + 1", &ledger, "native", ROWS, INT64_BYTES);
    check_copies("a + 1", &ledger, (copies){.result = INT64_BYTES});
    /* Every row passes: what is not computed goes on by reference. */
    ledger = query(f, "SELECT a FROM t WHERE a >= 0");
    check_read("all pass", &ledger, "native", ROWS, INT64_BYTES);
    check_copies("all pass", &ledger, (copies){0});
    ledger = query(f, "SELECT a FROM t WHERE a < 100");
    check_read("some pass", &ledger, "native", 100, INT64_BYTES);
    check_copies("some pass", &ledger, (copies){.result = 100 * 8});
}

/* Rows of a table with keys are kept by whoever reads them first. */
static void a_row_that_is_looked_up_is_copied_to_be_kept_once(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE kept (k BIGINT PRIMARY KEY, v BIGINT)");
    run(f, "INSERT INTO kept VALUES (1, 10), (2, 20)");
    pyr_ledger_report first = query(f, "SELECT v FROM kept WHERE k = 1");
    pyr_ledger_report second = query(f, "SELECT v FROM kept WHERE k = 1");
    assert_true(copied(&first, "row cache") >= 2 * 8);
    assert_int_equal(copied(&second, "row cache"), 0);
    assert_int_equal(copied(&second, "row decoding"), copied(&first, "row decoding"));
    pyr_ledger_report other = query(f, "SELECT v FROM kept WHERE k IN (1, 2)");
    assert_int_equal(copied(&other, "row cache"), copied(&first, "row cache"));
}

static void segments_that_are_passed_over_are_not_opened(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 3; ++i) {
        pyr_batch *batch = all_columns();
        (void)ingest(f, "t", batch);
        pyr_batch_release(batch);
    }
    pyr_ledger_report ledger = query(f, "SELECT a FROM t LIMIT 5 OFFSET 2100");
    check_read("OFFSET", &ledger, "native", 5, INT64_BYTES);
    assert_int_equal(ledger.batches_skipped, 2);
    check_copies("OFFSET", &ledger, (copies){0});
}

/* Too large for a hot segment, which is in memory already: PIECES times all_columns. */
static pyr_batch *many_rows(void) {
    pyr_error error;
    pyr_batch *pieces[PIECES];
    pyr_batch *all = NULL;
    for (int i = 0; i < PIECES; ++i) {
        pieces[i] = all_columns();
    }
    assert_int_equal(pyr_batch_concat(pieces, PIECES, NULL, NULL, &all, &error), PYR_OK);
    for (int i = 0; i < PIECES; ++i) {
        pyr_batch_release(pieces[i]);
    }
    return all;
}

static void a_segment_is_mapped_once_by_whoever_reads_it_first(void **state) {
    (void)state;
    char *folder = make_folder();
    fixture f = {0};
    assert_int_equal(pyr_open(folder, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    pyr_batch *batch = many_rows();
    int64_t size = pyr_batch_size_bytes(batch);
    (void)ingest(&f, "t", batch);
    (void)ingest(&f, "t", batch);
    pyr_batch_release(batch);
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    assert_int_equal(pyr_open(folder, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    pyr_ledger_report ledger = query(&f, "SELECT a FROM t LIMIT 1");
    assert_true(ledger.bytes_mapped >= size && ledger.bytes_mapped < 2 * size);
    int64_t one = ledger.bytes_mapped;
    ledger = query(&f, "SELECT * FROM t");
    assert_int_equal(ledger.bytes_mapped, one);
    check_read("both", &ledger, "native", 2 * PIECES * ROWS, 2 * size);
    ledger = query(&f, "SELECT * FROM t");
    assert_int_equal(ledger.bytes_mapped, 0);
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(folder);
}

/* ---- Writing. ---- */

static void ingest_by_reference_copies_into_the_segment_alone(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    pyr_ledger_report ledger = ingest(f, "t", batch);
    assert_int_equal(ledger.rows, ROWS);
    check_copies("ingest", &ledger, (copies){.append = ALL_BYTES});
    assert_int_equal(ledger.bytes_decoded, 0);
    /* A slice is appended without being copied first. */
    pyr_batch *slice = NULL;
    check_ok(pyr_batch_slice(batch, 128, 256, &slice, error));
    ledger = ingest(f, "t", slice);
    assert_int_equal(ledger.rows, 256);
    /* But for offsets that are too far from zero to be sent as they are: three columns have some.
     */
    int64_t offsets = copied(&ledger, "alignment");
    assert_true(offsets % (4 * 257) == 0 && offsets / (4 * 257) <= 3);
    assert_int_equal(ledger.bytes_copied, copied(&ledger, "append to segment") + offsets);
    pyr_batch_release(slice);
    pyr_batch_release(batch);
}

static void ingest_that_widens_counts_the_wider_column(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT)");
    pyr_array *column = column_of(field_of("", PYR_TYPE_INT32), ROWS, false);
    pyr_batch *batch = batch_of(&column, 1);
    pyr_ledger_report ledger = ingest(f, "t", batch);
    check_copies("widen", &ledger, (copies){.convert = INT64_BYTES, .append = INT64_BYTES});
    pyr_batch_release(batch);
    /* With nulls the bitmap is a copy too. */
    column = column_of(field_of("", PYR_TYPE_INT32), ROWS, true);
    batch = batch_of(&column, 1);
    ledger = ingest(f, "t", batch);
    check_copies(
        "widen nulls", &ledger,
        (copies){.convert = INT64_BYTES + BITMAP_BYTES, .append = INT64_BYTES + BITMAP_BYTES});
    pyr_batch_release(batch);
}

static void a_column_that_is_not_given_counts_its_nulls(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b BIGINT)");
    pyr_array *column = column_of(field_of("", PYR_TYPE_INT32), ROWS, false);
    pyr_batch *batch = batch_of(&column, 1);
    pyr_ledger_report ledger = ingest(f, "t", batch);
    /* b: a bitmap and a thousand zeros. */
    int64_t nulls = INT64_BYTES + BITMAP_BYTES;
    check_copies("nulls", &ledger, (copies){.convert = nulls, .append = INT32_BYTES + nulls});
    pyr_batch_release(batch);
}

static void ingest_of_a_dictionary_counts_the_values_laid_out(void **state) {
    fixture *f = *state;
    pyr_array *values = column_of(field_of("", PYR_TYPE_UTF8), 2, false);
    pyr_field *field = NULL;
    check_ok(pyr_field_create_dictionary("", PYR_TYPE_INT32, false, values->field, &field, error));
    int32_t codes[ROWS];
    for (int i = 0; i < ROWS; ++i) {
        codes[i] = i % 2;
    }
    pyr_buffer *buffers[] = {NULL, bytes_buffer(codes, sizeof(codes))};
    pyr_array *column = NULL;
    check_ok(pyr_array_create(field, ROWS, 0, 0, buffers, 2, NULL, 0, values, &column, error));
    pyr_batch *batch = batch_of(&column, 1);
    pyr_ledger_report ledger = ingest(f, "t", batch);
    check_copies("dictionary", &ledger, (copies){.convert = TEXT_BYTES, .append = TEXT_BYTES});
    expect(f, "SELECT a FROM t LIMIT 1", "abc\n");
    pyr_batch_release(batch);
    pyr_buffer_release(buffers[1]);
    pyr_array_release(values);
    pyr_field_release(field);
}

static void create_as_and_insert_select_copy_into_the_segment_alone(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    run(f, "CREATE TABLE whole AS SELECT * FROM t"); /* shares the segment */
    pyr_ledger_report ledger = ledger_of(f);
    check_copies("CREATE AS *", &ledger, (copies){0});
    ledger = query(f, "SELECT * FROM whole");
    check_read("whole", &ledger, "native", ROWS, ALL_BYTES);
    run(f, "CREATE TABLE u AS SELECT a, b, c, d, e FROM t");
    ledger = ledger_of(f);
    check_read("CREATE AS", &ledger, "native", ROWS, ALL_BYTES);
    check_copies("CREATE AS", &ledger, (copies){.append = ALL_BYTES});
    run(f, "INSERT INTO u SELECT * FROM t");
    ledger = ledger_of(f);
    check_read("INSERT SELECT", &ledger, "native", ROWS, ALL_BYTES);
    check_copies("INSERT SELECT", &ledger, (copies){.append = ALL_BYTES});
    run(f, "CREATE TABLE v (a BIGINT); INSERT INTO v SELECT a FROM t LIMIT 16");
    ledger = ledger_of(f);
    check_copies("INSERT LIMIT", &ledger, (copies){.append = 16 * 8});
    run(f, "INSERT INTO v VALUES (1), (2)");
    ledger = ledger_of(f);
    assert_int_equal(ledger.rows, 2);
    /* Made as int32, widened, written. */
    check_copies("INSERT VALUES", &ledger, (copies){.result = 8, .convert = 16, .append = 16});
}

static void bound_parameters_are_one_copy(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1), (2)");
    bound_params params;
    pyr_array *value = int64_value(1);
    params_init(&params, &value, 1);
    struct ArrowArrayStream stream;
    assert_int_equal(
        pyr_query(f->connection, "SELECT a FROM t LIMIT $1", &params.params, &stream, &f->error),
        PYR_OK);
    drain(&stream);
    pyr_ledger_report ledger = ledger_of(f);
    check_copies("query", &ledger, (copies){.parameters = 8});
    pyr_statement *statement = NULL;
    assert_int_equal(pyr_prepare(f->connection, "SELECT a FROM t LIMIT $1", &statement, &f->error),
                     PYR_OK);
    assert_int_equal(pyr_bind(statement, &params.params, &f->error), PYR_OK);
    params_deinit(&params);
    for (int run_number = 0; run_number < 2; ++run_number) {
        assert_int_equal(pyr_statement_query(statement, &stream, &f->error), PYR_OK);
        drain(&stream);
        ledger = ledger_of(f);
        /* Copied when it was bound, so the first run says it. */
        check_copies("statement", &ledger, (copies){.parameters = run_number == 0 ? 8 : 0});
    }
    pyr_statement_close(statement);
}

/* ---- Compression. ---- */

static void a_compressed_table_counts_what_was_decoded_and_copies_nothing(void **state) {
    fixture *f = *state;
    static const char *const codecs[] = {"zstd", "lz4"};
    pyr_array *column = column_of(field_of("", PYR_TYPE_INT64), ROWS, false);
    pyr_batch *batch = batch_of(&column, 1);
    for (size_t i = 0; i < 2; ++i) {
        char sql[128];
        snprintf(sql, sizeof(sql), "CREATE OR REPLACE TABLE t (a BIGINT) WITH (compression = '%s')",
                 codecs[i]);
        run(f, sql);
        pyr_ledger_report ledger = ingest(f, "t", batch);
        assert_true(ledger.bytes_encoded > 0);
        assert_true(ledger.bytes_encoded < INT64_BYTES);
        /* What is written is what is left of it. */
        assert_true(copied(&ledger, "append to segment") < INT64_BYTES);
        ledger = query(f, "SELECT a FROM t");
        assert_string_equal(ledger.engine, "native");
        assert_int_equal(ledger.bytes_decoded, INT64_BYTES);
        assert_int_equal(ledger.bytes_copied, 0);
    }
    pyr_batch_release(batch);
}

/* ---- DuckDB and files. ---- */

static int64_t size_of(const char *path) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void copy_to_encodes_the_file_and_copies_nothing(void **state) {
    fixture *f = *state;
    char *folder = make_folder();
    char path[256];
    char sql[400];
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    static const char *const options[] = {"", "(COMPRESSION zstd)"};
    for (size_t i = 0; i < 2; ++i) {
        snprintf(path, sizeof(path), "%s/t.arrow", folder);
        snprintf(sql, sizeof(sql), "COPY t TO '%s' %s", path, options[i]);
        assert_int_equal(run(f, sql), ROWS);
        pyr_ledger_report ledger = ledger_of(f);
        check_read("COPY TO arrow", &ledger, "native", ROWS, ALL_BYTES);
        check_copies("COPY TO arrow", &ledger, (copies){0});
        assert_int_equal(ledger.bytes_encoded, size_of(path));
    }
    snprintf(sql, sizeof(sql), "CREATE TABLE u AS SELECT * FROM t LIMIT 0; COPY t TO '%s'", path);
    run(f, sql);
    snprintf(sql, sizeof(sql), "COPY u FROM '%s'", path);
    assert_int_equal(run(f, sql), ROWS);
    pyr_ledger_report ledger = ledger_of(f);
    check_read("COPY FROM arrow", &ledger, "native", ROWS, ALL_BYTES);
    check_copies("COPY FROM arrow", &ledger, (copies){.append = ALL_BYTES});
    assert_int_equal(ledger.bytes_mapped, size_of(path));
#ifdef PYRALOG_HAVE_DUCKDB
    snprintf(path, sizeof(path), "%s/t.csv", folder);
    snprintf(sql, sizeof(sql), "COPY (SELECT a, b FROM t) TO '%s'", path);
    assert_int_equal(run(f, sql), ROWS);
    ledger = ledger_of(f);
    assert_string_equal(ledger.engine, "duckdb");
    assert_int_equal(ledger.bytes_encoded, size_of(path));
    assert_int_equal(ledger.bytes_scanned, INT64_BYTES + TEXT_BYTES);
    assert_int_equal(ledger.bytes_referenced, INT64_BYTES + TEXT_BYTES);
#endif
    remove_folder(folder);
}

#ifdef PYRALOG_HAVE_DUCKDB
/* Most texts are copied beside their rows, which are put apart, and once more into the tables. */
static void texts_of_keys_that_are_put_apart_are_counted(void **state) {
    enum { TEXTS = 100000, LEAST_BYTES = 100 };
    fixture *f = *state;
    run(f, "CREATE TABLE g AS SELECT repeat('x', 100) || i AS k FROM range(100000) r(i)");
    run(f, "SET engine = 'native'");
    pyr_ledger_report ledger = query(f, "SELECT k, count(*) FROM g GROUP BY k");
    assert_string_equal(ledger.engine, "native");
    assert_in_range(copied(&ledger, "group table"), 2 * TEXTS * LEAST_BYTES,
                    4 * TEXTS * LEAST_BYTES);
}

/* DuckDB gives every column of a result a bitmap, nulls or not. */
static void duckdb_reads_by_reference_and_its_result_is_the_copy(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    run(f, "SET engine = 'duckdb'");
    pyr_ledger_report ledger = query(f, "SELECT SUM(a) FROM t");
    check_read("SUM", &ledger, "duckdb", 1, INT64_BYTES);
    assert_int_equal(ledger.bytes_copied, copied(&ledger, "engine result"));
    assert_true(ledger.bytes_copied <= 16 + 1); /* one HUGEINT and a bitmap */
    ledger = query(f, "SELECT a + 1 FROM t");
    check_read("a + 1", &ledger, "duckdb", ROWS, INT64_BYTES);
    check_copies("a + 1", &ledger, (copies){.result = INT64_BYTES + BITMAP_BYTES});
    ledger = query(f, "SELECT a FROM t WHERE a < 100");
    check_read("WHERE", &ledger, "duckdb", 100, INT64_BYTES);
    check_copies("WHERE", &ledger, (copies){.result = 100 * 8 + 13});
    /* Strings and nested columns are read through views, of all the columns only those named. */
    ledger = query(f, "SELECT COUNT(*) FROM t WHERE b = 'abc' AND c[1] >= 0 AND d.x >= 0");
    check_read("strings", &ledger, "duckdb", 1, TEXT_BYTES + LIST_BYTES + STRUCT_BYTES);
    assert_int_equal(copied(&ledger, "type conversion"), 0);
    ledger = query(f, "SELECT i FROM range(10000) r(i)");
    assert_string_equal(ledger.engine, "duckdb");
    assert_int_equal(ledger.rows, 10000);
    assert_int_equal(ledger.bytes_scanned, 0);
    assert_int_equal(copied(&ledger, "engine result"), 80000 + 10000 / 8);
    /* All but the first of the chunks of 2,048 rows were joined; nothing is null any more. */
    assert_int_equal(copied(&ledger, "concat"), (10000 - 2048) * 8);
}

static void an_insert_through_duckdb_counts_each_of_its_copies(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT i::INTEGER AS a FROM range(1000) r(i)");
    pyr_ledger_report ledger = ledger_of(f);
    assert_string_equal(ledger.engine, "duckdb");
    check_copies("CREATE AS", &ledger,
                 (copies){.result = INT32_BYTES + BITMAP_BYTES, .append = INT32_BYTES});
    run(f, "SET engine = 'duckdb'; CREATE TABLE u (a VARCHAR);"
           "INSERT INTO u SELECT a FROM t WHERE a < 10");
    ledger = ledger_of(f);
    /* The cast is DuckDB's, in its result: eleven offsets and ten digits. */
    check_copies("INSERT", &ledger, (copies){.result = 11 * 4 + 10 + 2, .append = 11 * 4 + 10});
}
#endif

static void explain_analyze_and_the_connection_say_the_same(void **state) {
    fixture *f = *state;
    pyr_batch *batch = all_columns();
    (void)ingest(f, "t", batch);
    pyr_batch_release(batch);
    char *text = ask(f, "EXPLAIN (ANALYZE, FORMAT JSON) SELECT a, e FROM t", NULL);
    char expected[160];
    snprintf(expected, sizeof(expected), "\"bytes_scanned\":%d,\"bytes_referenced\":%d,",
             INT64_BYTES + NULLS_BYTES, INT64_BYTES + NULLS_BYTES);
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "\"bytes_copied\":0,\"bytes_decoded\":0,\"bytes_encoded\":0,"
                                 "\"bytes_sent\":0,\"copies\":[],\"batches_skipped\":0,"
                                 "\"peak_memory_bytes\":"));
    assert_non_null(
        strstr(text, "\"ledger\":{\"engine\":\"native\",\"rows\":1000,\"elapsed_ms\":"));
    free(text);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(native_scan_project_slice_and_limit_reference_and_copy_nothing),
        CASE(native_counts_and_literals_copy_what_they_make),
        CASE(native_expressions_groups_and_sorts_copy_what_they_keep),
        CASE(a_row_that_is_looked_up_is_copied_to_be_kept_once),
        CASE(segments_that_are_passed_over_are_not_opened),
        cmocka_unit_test(a_segment_is_mapped_once_by_whoever_reads_it_first),
        CASE(ingest_by_reference_copies_into_the_segment_alone),
        CASE(ingest_that_widens_counts_the_wider_column),
        CASE(a_column_that_is_not_given_counts_its_nulls),
        CASE(ingest_of_a_dictionary_counts_the_values_laid_out),
        CASE(create_as_and_insert_select_copy_into_the_segment_alone),
        CASE(bound_parameters_are_one_copy),
        CASE(a_compressed_table_counts_what_was_decoded_and_copies_nothing),
        CASE(copy_to_encodes_the_file_and_copies_nothing),
#ifdef PYRALOG_HAVE_DUCKDB
        CASE(texts_of_keys_that_are_put_apart_are_counted),
        CASE(duckdb_reads_by_reference_and_its_result_is_the_copy),
        CASE(an_insert_through_duckdb_counts_each_of_its_copies),
#endif
        CASE(explain_analyze_and_the_connection_say_the_same),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
