/* ingest_test.c - pyr_ingest takes any ArrowArrayStream: of every type, sliced, nested, failing. */
#include "support_session.h"
#include "unit/arrow/support_arrays.h"

#include "arrow/builder.h"
#include "arrow/cdata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pyr_status ingest(fixture *f, const char *table, pyr_batch **batches, size_t count,
                         const char *option, int64_t *rows) {
    struct ArrowArrayStream stream;
    const char *const options[] = {option, NULL};
    stream_of(batches, count, &stream);
    pyr_error_clear(&f->error);
    pyr_status status = pyr_ingest(f->connection, table, &stream, options, rows, &f->error);
    assert_null(stream.release);
    return status;
}

static int64_t ingest_ok(fixture *f, const char *table, pyr_batch **batches, size_t count) {
    int64_t rows = -1;
    if (ingest(f, table, batches, count, NULL, &rows) != PYR_OK) {
        fail_msg("%s: %s: %s", table, f->error.sqlstate, f->error.message);
    }
    return rows;
}

static pyr_batch *sample_batch(int kind, int64_t rows, unsigned seed) {
    pyr_array *column = sample_array(kind, rows, seed, true);
    return batch_of(&column, 1);
}

static pyr_batch *slice_batch(pyr_batch *batch, int64_t offset, int64_t length) {
    pyr_batch *slice = NULL;
    check_ok(pyr_batch_slice(batch, offset, length, &slice, error));
    return slice;
}

/* What `SELECT * FROM t` must print of these batches of one column. */
static char *text_of(pyr_batch *const *batches, size_t count) {
    pyr_text text;
    pyr_text_init(&text);
    for (size_t i = 0; i < count; ++i) {
        for (int64_t row = 0; row < batches[i]->rows; ++row) {
            pyr_array_print_value(batches[i]->columns[0], row, &text);
            pyr_text_add_char(&text, '\n');
        }
    }
    char *result = pyr_text_move(&text);
    return result != NULL ? result : strdup("");
}

static void every_type_is_taken_whole_sliced_and_empty_and_read_back(void **state) {
    fixture *f = *state;
    for (int kind = 0; kind < SAMPLES_COUNT; ++kind) {
        pyr_batch *whole = sample_batch(kind, 40, 1);
        pyr_batch *other = sample_batch(kind, 23, 2);
        /* Offsets inside a byte of the bitmaps, at its end, and past it; empty batches between. */
        pyr_batch *batches[] = {slice_batch(whole, 0, 0),  slice_batch(whole, 3, 21),
                                slice_batch(other, 8, 15), slice_batch(whole, 39, 1),
                                slice_batch(whole, 40, 0), pyr_batch_retain(other)};
        char *expected = text_of(batches, 6);
        if (ingest(f, "t", batches, 6, NULL, NULL) != PYR_OK) {
            fail_msg("%s: %s", sample_name(kind), f->error.message);
        }
        char *got = ask(f, "SELECT * FROM t", NULL);
        if (strcmp(got, expected) != 0) {
            fail_msg("%s: %s\nbecame\n%s", sample_name(kind), expected, got);
        }
        run(f, "DROP TABLE t");
        free(got);
        free(expected);
        for (int i = 0; i < 6; ++i) {
            pyr_batch_release(batches[i]);
        }
        pyr_batch_release(whole);
        pyr_batch_release(other);
    }
}

static void a_slice_of_a_whole_struct_applies_to_its_columns(void **state) {
    fixture *f = *state;
    /* Foreign slices are often made by the offset of the struct, not of its children. */
    static const int32_t numbers[] = {10, 11, 12, 13, 14};
    pyr_array *columns[] = {int32_array(numbers, 5), sample_array(PYR_TYPE_UTF8, 5, 4, true)};
    pyr_array *texts = pyr_array_retain(columns[1]);
    pyr_batch *batch = batch_of(columns, 2);
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    struct ArrowSchema schema;
    check_ok(pyr_batch_export(batch, &array, error));
    check_ok(pyr_schema_export(batch->schema, &schema, error));
    array.offset = 2;
    array.length = 2;
    pyr_schema *imported = NULL;
    pyr_batch *sliced = NULL;
    check_ok(pyr_schema_import(&schema, &imported, error));
    check_ok(pyr_batch_import(&array, imported, &sliced, error));
    stream_of(&sliced, 1, &stream);
    int64_t rows = 0;
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 2);
    char *two = value_text(texts, 2);
    char *three = value_text(texts, 3);
    char expected[512];
    snprintf(expected, sizeof(expected), "12|%s\n13|%s\n", two, three);
    expect(f, "SELECT * FROM t", expected);
    free(two);
    free(three);
    pyr_array_release(texts);
    pyr_schema_release(imported);
    pyr_batch_release(sliced);
    pyr_batch_release(batch);
}

static void an_empty_stream_makes_an_empty_table_of_its_columns(void **state) {
    fixture *f = *state;
    pyr_batch *batch = sample_batch(PYR_TYPE_INT32, 4, 1);
    assert_int_equal(ingest_ok(f, "t", &batch, 0), 0);
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    char *shown = ask(f, "DESCRIBE t", NULL);
    assert_non_null(strstr(shown, "a|INTEGER|YES"));
    free(shown);
    assert_int_equal(ingest_ok(f, "t", &batch, 1), 4);
    assert_int_equal(ingest_ok(f, "t", &batch, 0), 0);
    expect(f, "SELECT COUNT(*) FROM t", "4\n");
    pyr_batch_release(batch);
}

/* ---- Streams that go wrong. ---- */

/* Gives its batches, then fails with code; or fails to give its schema. */
typedef struct failing {
    pyr_batch **batches;
    size_t count, next;
    int schema_code, code;
    const char *message;
    int released;
} failing;

static int failing_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    failing *self = stream->private_data;
    if (self->schema_code != 0) {
        return self->schema_code;
    }
    return pyr_schema_export(self->batches[0]->schema, out, NULL) == PYR_OK ? 0 : ENOMEM;
}

static int failing_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    failing *self = stream->private_data;
    if (self->next == self->count) {
        return self->code;
    }
    return pyr_batch_export(self->batches[self->next++], out, NULL) == PYR_OK ? 0 : ENOMEM;
}

static const char *failing_error(struct ArrowArrayStream *stream) {
    return ((failing *)stream->private_data)->message;
}

static void failing_release(struct ArrowArrayStream *stream) {
    ++((failing *)stream->private_data)->released;
    stream->release = NULL;
}

static pyr_status ingest_failing(fixture *f, const char *table, failing *source,
                                 const char *option) {
    struct ArrowArrayStream stream = {failing_schema, failing_next, failing_error, failing_release,
                                      source};
    const char *const options[] = {option, NULL};
    int64_t rows = 77;
    source->next = 0;
    source->released = 0;
    pyr_error_clear(&f->error);
    pyr_status status = pyr_ingest(f->connection, table, &stream, options, &rows, &f->error);
    assert_int_equal(source->released, 1);
    assert_null(stream.release);
    assert_int_equal(rows, 0);
    return status;
}

static void a_stream_that_fails_in_the_middle_leaves_nothing(void **state) {
    fixture *f = *state;
    pyr_batch *batches[] = {sample_batch(PYR_TYPE_INT64, 1000, 1),
                            sample_batch(PYR_TYPE_INT64, 1000, 2)};
    static const struct {
        int code;
        pyr_status status;
    } codes[] = {{EIO, PYR_ERROR_IO},
                 {ENOMEM, PYR_ERROR_MEMORY},
                 {EINVAL, PYR_ERROR_INVALID_ARGUMENT},
                 {ECANCELED, PYR_ERROR_CANCELLED},
                 {ENOSPC, PYR_ERROR_DISK_FULL},
                 {ETIMEDOUT, PYR_ERROR_TIMEOUT},
                 {EPIPE, PYR_ERROR_IO}};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); ++i) {
        failing source = {batches, 2, 0, 0, codes[i].code, "the sensor is gone", 0};
        assert_int_equal(ingest_failing(f, "t", &source, NULL), codes[i].status);
        assert_non_null(strstr(f->error.message, "the sensor is gone"));
        expect(f, "SHOW TABLES", "");
    }
    failing mute = {batches, 2, 0, 0, EIO, NULL, 0};
    assert_int_equal(ingest_failing(f, "t", &mute, NULL), PYR_ERROR_IO);
    assert_true(f->error.message[0] != '\0');
    failing blind = {batches, 2, 0, EIO, 0, "no schema today", 0};
    assert_int_equal(ingest_failing(f, "t", &blind, NULL), PYR_ERROR_IO);
    assert_non_null(strstr(f->error.message, "no schema today"));
    /* A table that is there keeps what it has, also when it was to be replaced. */
    assert_int_equal(ingest_ok(f, "t", batches, 2), 2000);
    failing source = {batches, 2, 0, 0, EIO, "gone", 0};
    assert_int_equal(ingest_failing(f, "t", &source, NULL), PYR_ERROR_IO);
    assert_int_equal(ingest_failing(f, "t", &source, "replace=true"), PYR_ERROR_IO);
    expect(f, "SELECT COUNT(*) FROM t", "2000\n");
    pyr_batch_release(batches[0]);
    pyr_batch_release(batches[1]);
}

static int corrupt_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    failing *self = stream->private_data;
    static const char wrong[] = "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6";
    bool last = self->next == 1;
    int code = failing_next(stream, out);
    if (code == 0 && last) {
        out->children[0]->buffers[2] = wrong;
    }
    return code;
}

static void text_that_is_no_utf8_is_refused_and_nothing_of_the_stream_stays(void **state) {
    fixture *f = *state;
    pyr_array *column = text_value("0123456789");
    pyr_batch *good = batch_of(&column, 1);
    pyr_batch *batches[] = {good, good, good};
    failing source = {batches, 3, 0, 0, 0, NULL, 0};
    struct ArrowArrayStream stream = {failing_schema, corrupt_next, failing_error, failing_release,
                                      &source};
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, NULL, &f->error),
                     PYR_ERROR_CORRUPT);
    assert_int_equal(source.released, 1);
    assert_int_equal(source.next, 2); /* it was not asked further */
    expect(f, "SHOW TABLES", "");
    pyr_batch_release(good);
}

static int plain_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    failing *self = stream->private_data;
    return pyr_field_export(self->batches[0]->schema->fields[0], out, NULL) == PYR_OK ? 0 : ENOMEM;
}

static void what_is_no_stream_of_records_is_refused(void **state) {
    fixture *f = *state;
    pyr_batch *batch = sample_batch(PYR_TYPE_INT32, 3, 1);
    failing source = {&batch, 1, 0, 0, 0, NULL, 0};
    struct ArrowArrayStream stream = {plain_schema, failing_next, failing_error, failing_release,
                                      &source};
    assert_int_not_equal(pyr_ingest(f->connection, "t", &stream, NULL, NULL, &f->error), PYR_OK);
    assert_int_not_equal(f->error.code, PYR_ERROR_INTERNAL);
    assert_int_equal(source.released, 1);
    /* Released already, as by an ingest before. */
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, NULL, &f->error),
                     PYR_ERROR_INVALID_ARGUMENT);
    static const char *const wrong[] = {"create", "create=maybe", "replace=1", "colour=blue", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        assert_int_equal(ingest(f, "t", &batch, 1, wrong[i], NULL), PYR_ERROR_INVALID_ARGUMENT);
    }
    expect(f, "SHOW TABLES", "");
    pyr_batch_release(batch);
}

/* ---- Where it goes. ---- */

static void names_are_tables_or_schema_and_table(void **state) {
    fixture *f = *state;
    pyr_batch *batch = sample_batch(PYR_TYPE_INT32, 3, 1);
    static const char *const wrong[] = {"", ".", "main.", "a.b.c", "\"a\"b", "\"open", "main.\"\""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        if (ingest(f, wrong[i], &batch, 1, NULL, NULL) != PYR_ERROR_INVALID_ARGUMENT) {
            fail_msg("%s: %s", wrong[i], f->error.message);
        }
    }
    assert_int_not_equal(ingest(f, "nowhere.t", &batch, 1, NULL, NULL), PYR_OK);
    assert_string_equal(f->error.sqlstate, "3F000");
    assert_int_equal(ingest_ok(f, "main.t", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "T", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "\"main\".\"t\"", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "\"a.b \"\"c\"\"\"", &batch, 1), 3);
    expect(f, "SELECT COUNT(*) FROM t", "9\n");
    expect(f, "SHOW TABLES", "a.b \"c\"\nt\n");
    expect(f, "SELECT COUNT(*) FROM \"a.b \"\"c\"\"\"", "3\n");
    pyr_batch_release(batch);
}

static void a_name_without_a_schema_is_one_of_that_in_use(void **state) {
    fixture *f = *state;
    pyr_batch *batch = sample_batch(PYR_TYPE_INT32, 3, 1);
    run(f, "CREATE SCHEMA s");
    assert_int_equal(ingest_ok(f, "twice", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "s.twice", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "outside", &batch, 1), 3);
    run(f, "USE s");
    assert_int_equal(ingest_ok(f, "twice", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "made", &batch, 1), 3);
    assert_int_equal(ingest_ok(f, "outside", &batch, 1), 3);
    assert_int_equal(ingest(f, "outside", &batch, 1, "replace=true", NULL), PYR_OK);
    run(f, "USE main");
    expect(f, "SELECT COUNT(*) FROM main.twice", "3\n");
    expect(f, "SELECT COUNT(*) FROM s.twice", "6\n");
    expect(f, "SELECT COUNT(*) FROM s.made", "3\n");
    expect(f, "SELECT COUNT(*) FROM main.outside", "6\n");
    expect(f, "SELECT COUNT(*) FROM s.outside", "3\n");
    pyr_batch_release(batch);
}

static void options_say_what_happens_to_a_table_that_is_there_or_is_not(void **state) {
    fixture *f = *state;
    pyr_batch *numbers = sample_batch(PYR_TYPE_INT32, 3, 1);
    pyr_batch *texts = sample_batch(PYR_TYPE_UTF8, 2, 1);
    assert_int_equal(ingest(f, "t", &numbers, 1, "create=false", NULL), PYR_ERROR_NOT_FOUND);
    assert_string_equal(f->error.sqlstate, "42P01");
    assert_int_equal(ingest_ok(f, "t", &numbers, 1), 3);
    assert_int_equal(ingest(f, "t", &numbers, 1, "create=false", NULL), PYR_OK);
    assert_int_equal(ingest(f, "t", &texts, 1, NULL, NULL), PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    assert_non_null(strstr(f->error.message, "\"a\""));
    expect(f, "SELECT COUNT(*) FROM t", "6\n");
    assert_int_equal(ingest(f, "t", &texts, 1, "replace=true", NULL), PYR_OK);
    expect(f, "SELECT COUNT(*) FROM t", "2\n");
    char *shown = ask(f, "DESCRIBE t", NULL);
    assert_non_null(strstr(shown, "a|VARCHAR"));
    free(shown);
    pyr_batch_release(numbers);
    pyr_batch_release(texts);
}

static pyr_batch *pairs(int64_t k, int64_t v, int64_t other_k, int64_t other_v) {
    static const char *const names[] = {"k", "v"};
    const int64_t values[2][2] = {{k, other_k}, {v, other_v}};
    pyr_field *fields[2];
    pyr_array *columns[2];
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    for (int i = 0; i < 2; ++i) {
        pyr_builder *builder = NULL;
        check_ok(pyr_field_create(names[i], PYR_TYPE_INT64, &fields[i], error));
        check_ok(pyr_builder_create(fields[i], NULL, &builder, error));
        check_ok(pyr_builder_int64(builder, values[i][0], error));
        check_ok(pyr_builder_int64(builder, values[i][1], error));
        check_ok(pyr_builder_finish(builder, &columns[i], error));
        pyr_builder_destroy(builder);
    }
    check_ok(pyr_schema_create(fields, 2, NULL, &schema, error));
    check_ok(pyr_batch_create(schema, 2, columns, 2, NULL, &batch, error));
    for (int i = 0; i < 2; ++i) {
        pyr_array_release(columns[i]);
        pyr_field_release(fields[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

static void rows_whose_key_is_there_are_refused_left_out_or_replace_as_asked(void **state) {
    fixture *f = *state;
    int64_t rows = -1;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)");
    run(f, "CREATE TABLE two (k BIGINT UNIQUE, v BIGINT UNIQUE)");
    run(f, "CREATE TABLE plain (k BIGINT, v BIGINT)");
    pyr_batch *first = pairs(1, 10, 2, 20);
    pyr_batch *second = pairs(2, 21, 3, 30);
    assert_int_equal(ingest(f, "t", &first, 1, "on_conflict=error", &rows), PYR_OK);
    assert_int_equal(ingest(f, "t", &second, 1, NULL, NULL), PYR_ERROR_CONSTRAINT);
    assert_string_equal(f->error.sqlstate, "23505");
    expect(f, "SELECT * FROM t ORDER BY k", "1|10\n2|20\n");
    assert_int_equal(ingest(f, "t", &second, 1, "on_conflict=ignore", &rows), PYR_OK);
    assert_int_equal(rows, 1);
    expect(f, "SELECT * FROM t ORDER BY k", "1|10\n2|20\n3|30\n");
    assert_int_equal(ingest(f, "t", &second, 1, "on_conflict=replace", &rows), PYR_OK);
    assert_int_equal(rows, 2);
    expect(f, "SELECT * FROM t ORDER BY k", "1|10\n2|21\n3|30\n");
    static const char *const without[] = {"plain", "nowhere", "two"};
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(ingest(f, without[i], &first, 1, "on_conflict=replace", NULL),
                         PYR_ERROR_SQL);
        assert_string_equal(f->error.sqlstate, "42P10");
    }
    assert_int_equal(ingest(f, "two", &first, 1, "on_conflict=ignore", NULL), PYR_OK);
    assert_int_equal(ingest(f, "t", &first, 1, "on_conflict=no", NULL), PYR_ERROR_INVALID_ARGUMENT);
    pyr_batch_release(first);
    pyr_batch_release(second);
}

static void what_fails_in_a_transaction_aborts_it(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT); INSERT INTO t VALUES (3, 30)");
    pyr_batch *batches[] = {pairs(1, 10, 2, 20), pairs(3, 31, 4, 40)};
    run(f, "BEGIN");
    assert_int_equal(ingest(f, "t", batches, 2, NULL, NULL), PYR_ERROR_CONSTRAINT);
    assert_int_equal(ingest(f, "t", batches, 1, NULL, NULL), PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "25P02");
    run_fails(f, "COMMIT", "25P02");
    expect(f, "SELECT * FROM t", "3|30\n");
    /* Whoever fails: the stream, or the call. */
    failing source = {batches, 1, 0, 0, EIO, "gone", 0};
    run(f, "BEGIN");
    assert_int_equal(ingest_failing(f, "t", &source, NULL), PYR_ERROR_IO);
    run_fails(f, "COMMIT", "25P02");
    run(f, "BEGIN");
    assert_int_equal(ingest(f, "t", batches, 1, "colour=blue", NULL), PYR_ERROR_INVALID_ARGUMENT);
    run_fails(f, "COMMIT", "25P02");
    /* And after a statement. */
    run(f, "BEGIN");
    run_fails(f, "SELECT * FROM nowhere", "42P01");
    assert_int_equal(ingest(f, "t", batches, 1, NULL, NULL), PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "25P02");
    run(f, "ROLLBACK; BEGIN");
    assert_int_equal(ingest(f, "t", batches, 1, NULL, NULL), PYR_OK);
    run(f, "COMMIT");
    expect(f, "SELECT * FROM t ORDER BY k", "1|10\n2|20\n3|30\n");
    pyr_batch_release(batches[0]);
    pyr_batch_release(batches[1]);
}

static void columns_go_by_name_are_widened_and_may_be_missing(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (x DOUBLE, A BIGINT)");
    static const int32_t values[] = {1, -2};
    pyr_array *column = int32_array(values, 2);
    pyr_batch *batch = batch_of(&column, 1); /* named a */
    assert_int_equal(ingest_ok(f, "t", &batch, 1), 2);
    expect(f, "SELECT * FROM t", "NULL|1\nNULL|-2\n");
    run(f, "CREATE TABLE u (a SMALLINT); CREATE TABLE v (a BIGINT, b VARCHAR NOT NULL);"
           "CREATE TABLE w (b BIGINT)");
    assert_int_equal(ingest(f, "u", &batch, 1, NULL, NULL), PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    assert_int_equal(ingest(f, "v", &batch, 1, NULL, NULL), PYR_ERROR_CONSTRAINT);
    assert_string_equal(f->error.sqlstate, "23502");
    assert_int_equal(ingest(f, "w", &batch, 1, NULL, NULL), PYR_ERROR_SQL);
    assert_string_equal(f->error.sqlstate, "42804");
    expect(f, "SELECT COUNT(*) FROM v", "0\n");
    pyr_batch_release(batch);
}

#ifdef PYRALOG_HAVE_DUCKDB
static void what_is_ingested_gets_defaults_and_is_checked(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (b VARCHAR DEFAULT 'x' || 'y', a BIGINT CHECK (a > -2), c DOUBLE "
           "DEFAULT random(), d INTEGER)");
    static const int32_t good[] = {1, -1, 7};
    static const int32_t bad[] = {5, -2};
    pyr_array *column = int32_array(good, 3);
    pyr_batch *batches[2] = {batch_of(&column, 1)}; /* named a */
    column = int32_array(bad, 2);
    batches[1] = batch_of(&column, 1);
    assert_int_equal(ingest_ok(f, "t", batches, 1), 3);
    expect(f, "SELECT a, b, d FROM t ORDER BY a", "-1|xy|NULL\n1|xy|NULL\n7|xy|NULL\n");
    expect(f, "SELECT count(DISTINCT c) FROM t", "3\n"); /* a value a row */
    assert_int_equal(ingest(f, "t", batches, 2, NULL, NULL), PYR_ERROR_CONSTRAINT);
    assert_string_equal(f->error.sqlstate, "23514");
    assert_non_null(strstr(f->error.message, "a > -2"));
    expect(f, "SELECT count(*) FROM t", "3\n");
    pyr_batch_release(batches[0]);
    pyr_batch_release(batches[1]);
}
#endif

static void two_columns_of_one_name_have_no_place_in_a_table(void **state) {
    fixture *f = *state;
    pyr_field *field = NULL;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    static const int32_t values[] = {1};
    pyr_array *column = int32_array(values, 1);
    check_ok(pyr_field_with(column->field, "a", true, NULL, &field, error));
    pyr_field *fields[] = {field, field};
    pyr_array *columns[] = {column, column};
    check_ok(pyr_schema_create(fields, 2, NULL, &schema, error));
    check_ok(pyr_batch_create(schema, 1, columns, 2, NULL, &batch, error));
    assert_int_equal(ingest(f, "t", &batch, 1, NULL, NULL), PYR_ERROR_SQL);
    expect(f, "SHOW TABLES", "");
    /* Nor may one of them be dropped on the way into a table that is there. */
    run(f, "CREATE TABLE t (a INTEGER, b INTEGER)");
    assert_int_equal(ingest(f, "t", &batch, 1, NULL, NULL), PYR_ERROR_SQL);
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    pyr_array_release(column);
    pyr_field_release(field);
}

static void a_result_of_the_connection_can_be_ingested_into_its_own_table(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    struct ArrowArrayStream stream;
    assert_int_equal(pyr_query(f->connection, "SELECT a FROM t", NULL, &stream, &f->error), PYR_OK);
    int64_t rows = 0;
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, NULL, &rows, &f->error), PYR_OK);
    assert_int_equal(rows, 2);
    expect(f, "SELECT a FROM t", "1\n2\n1\n2\n");
    assert_int_equal(pyr_query(f->connection, "SELECT a FROM t", NULL, &stream, &f->error), PYR_OK);
    static const char *const replace[] = {"replace=true", NULL};
    assert_int_equal(pyr_ingest(f->connection, "t", &stream, replace, &rows, &f->error), PYR_OK);
    expect(f, "SELECT a FROM t", "1\n2\n1\n2\n");
}

static void a_readonly_database_takes_no_rows(void **state) {
    (void)state;
    char *folder = make_folder();
    fixture f = {0};
    static const char *const readonly[] = {"readonly=true", NULL};
    assert_int_equal(pyr_open(folder, NULL, &f.db, &f.error), PYR_OK);
    pyr_close(f.db);
    assert_int_equal(pyr_open(folder, readonly, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    pyr_batch *batch = sample_batch(PYR_TYPE_INT32, 3, 1);
    assert_int_equal(ingest(&f, "t", &batch, 1, NULL, NULL), PYR_ERROR_PERMISSION);
    assert_string_equal(f.error.sqlstate, "25006");
    pyr_batch_release(batch);
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(folder);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(every_type_is_taken_whole_sliced_and_empty_and_read_back),
        CASE(a_slice_of_a_whole_struct_applies_to_its_columns),
        CASE(an_empty_stream_makes_an_empty_table_of_its_columns),
        CASE(a_stream_that_fails_in_the_middle_leaves_nothing),
        CASE(text_that_is_no_utf8_is_refused_and_nothing_of_the_stream_stays),
        CASE(what_is_no_stream_of_records_is_refused),
        CASE(names_are_tables_or_schema_and_table),
        CASE(a_name_without_a_schema_is_one_of_that_in_use),
        CASE(options_say_what_happens_to_a_table_that_is_there_or_is_not),
        CASE(rows_whose_key_is_there_are_refused_left_out_or_replace_as_asked),
        CASE(what_fails_in_a_transaction_aborts_it),
        CASE(columns_go_by_name_are_widened_and_may_be_missing),
#ifdef PYRALOG_HAVE_DUCKDB
        CASE(what_is_ingested_gets_defaults_and_is_checked),
#endif
        CASE(two_columns_of_one_name_have_no_place_in_a_table),
        CASE(a_result_of_the_connection_can_be_ingested_into_its_own_table),
        cmocka_unit_test(a_readonly_database_takes_no_rows),
    };
    return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
