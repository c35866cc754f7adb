#include "support_session.h"

#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "base/file.h"
#include "base/text.h"
#include "unit/arrow/support_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fixture_setup(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(pyr_open(":memory:", NULL, &f->db, &f->error), PYR_OK);
    assert_int_equal(pyr_connect(f->db, &f->connection, &f->error), PYR_OK);
    *state = f;
    return 0;
}

int fixture_teardown(void **state) {
    fixture *f = *state;
    pyr_disconnect(f->connection);
    pyr_close(f->db);
    free(f);
    return 0;
}

int64_t run(fixture *f, const char *sql) {
    int64_t rows = -1;
    pyr_error_clear(&f->error);
    if (pyr_execute(f->connection, sql, NULL, &rows, &f->error) != PYR_OK) {
        fail_msg("%s: %s: %s", sql, f->error.sqlstate, f->error.message);
    }
    return rows;
}

void run_fails(fixture *f, const char *sql, const char *sqlstate) {
    pyr_error_clear(&f->error);
    if (pyr_execute(f->connection, sql, NULL, NULL, &f->error) == PYR_OK) {
        fail_msg("%s: %s wanted, but it succeeds", sql, sqlstate);
    }
    if (strcmp(f->error.sqlstate, sqlstate) != 0) {
        fail_msg("%s: %s wanted, got %s: %s", sql, sqlstate, f->error.sqlstate, f->error.message);
    }
}

static void print_batch(const pyr_batch *batch, pyr_text *text) {
    for (int64_t row = 0; row < batch->rows; ++row) {
        for (int32_t i = 0; i < batch->columns_count; ++i) {
            pyr_text_add(text, i > 0 ? "|" : "");
            pyr_array_print_value(batch->columns[i], row, text);
        }
        pyr_text_add_char(text, '\n');
    }
}

char *ask(fixture *f, const char *sql, const pyr_params *params) {
    struct ArrowArrayStream source;
    pyr_error_clear(&f->error);
    if (pyr_query(f->connection, sql, params, &source, &f->error) != PYR_OK) {
        fail_msg("%s: %s: %s", sql, f->error.sqlstate, f->error.message);
    }
    pyr_stream *stream = NULL;
    assert_int_equal(pyr_stream_import(&source, &stream, &f->error), PYR_OK);
    pyr_text text;
    pyr_text_init(&text);
    for (;;) {
        pyr_batch *batch = NULL;
        if (pyr_stream_next(stream, &batch, &f->error) != PYR_OK) {
            fail_msg("%s: %s: %s", sql, f->error.sqlstate, f->error.message);
        }
        if (batch == NULL) {
            break;
        }
        print_batch(batch, &text);
        pyr_batch_release(batch);
    }
    pyr_stream_destroy(stream);
    char *result = pyr_text_move(&text);
    assert_non_null(result);
    return result;
}

void expect(fixture *f, const char *sql, const char *text) {
    char *got = ask(f, sql, NULL);
    assert_string_equal(got, text);
    free(got);
}

static char *fill_in(const char *sql, const char *argument) {
    const char *place = strstr(sql, "%s");
    assert_non_null(place);
    size_t length = strlen(sql) + strlen(argument);
    char *text = malloc(length);
    assert_non_null(text);
    snprintf(text, length, "%.*s%s%s", (int)(place - sql), sql, argument, place + 2);
    return text;
}

int64_t run_with(fixture *f, const char *sql, const char *argument) {
    char *text = fill_in(sql, argument);
    int64_t rows = run(f, text);
    free(text);
    return rows;
}

void expect_with(fixture *f, const char *sql, const char *argument, const char *text) {
    char *filled = fill_in(sql, argument);
    expect(f, filled, text);
    free(filled);
}

void run_with_fails(fixture *f, const char *sql, const char *argument, const char *sqlstate) {
    char *text = fill_in(sql, argument);
    run_fails(f, text, sqlstate);
    free(text);
}

void params_init(bound_params *params, pyr_array **columns, int32_t count) {
    pyr_batch *batch = batch_of(columns, count);
    assert_int_equal(pyr_schema_export(batch->schema, &params->schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_export(batch, &params->array, NULL), PYR_OK);
    params->params = (pyr_params){&params->schema, &params->array};
    pyr_batch_release(batch);
}

void params_deinit(bound_params *params) {
    params->schema.release(&params->schema);
    params->array.release(&params->array);
}

static pyr_array *one_value(pyr_type_id type, int64_t number, const char *text) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    pyr_array *array = NULL;
    assert_int_equal(pyr_field_create("", type, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    assert_int_equal(text != NULL ? pyr_builder_string(builder, text, NULL)
                                  : pyr_builder_int64(builder, number, NULL),
                     PYR_OK);
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    pyr_field_release(field);
    return array;
}

pyr_array *int64_value(int64_t value) {
    return one_value(PYR_TYPE_INT64, value, NULL);
}

pyr_array *text_value(const char *value) {
    return one_value(PYR_TYPE_UTF8, 0, value);
}

void stream_of(pyr_batch **batches, size_t count, struct ArrowArrayStream *out) {
    pyr_stream *stream = NULL;
    assert_int_equal(pyr_stream_from_batches(batches[0]->schema, batches, count, &stream, NULL),
                     PYR_OK);
    assert_int_equal(pyr_stream_export(stream, NULL, NULL, out, NULL), PYR_OK);
}

int64_t drain(struct ArrowArrayStream *stream) {
    int64_t rows = 0;
    for (;;) {
        struct ArrowArray batch;
        if (stream->get_next(stream, &batch) != 0) {
            fail_msg("%s", stream->get_last_error(stream));
        }
        if (batch.release == NULL) {
            break;
        }
        rows += batch.length;
        batch.release(&batch);
    }
    stream->release(stream);
    return rows;
}

int64_t copied(const pyr_ledger_report *ledger, const char *reason) {
    for (int32_t i = 0; i < ledger->copies_count; ++i) {
        if (strcmp(ledger->copies[i].reason, reason) == 0) {
            return ledger->copies[i].bytes;
        }
    }
    return 0;
}

char *make_folder(void) {
    char *folder = strdup("/tmp/pyralog-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

void remove_folder(char *folder) {
    assert_int_equal(pyr_folder_remove(folder, NULL), PYR_OK);
    free(folder);
}
