#include "support_session.h"

#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "base/file.h"
#include "base/text.h"

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
    assert_int_not_equal(pyr_execute(f->connection, sql, NULL, NULL, &f->error), PYR_OK);
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
