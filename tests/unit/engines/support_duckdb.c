#include "support_duckdb.h"

#include "arrow/builder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A build tree whose library is not where the loader looks. */
static void find_library(void) {
    const char *source = getenv("PYRALOG_SOURCE");
    char path[4096];
    if (getenv("PYRALOG_DUCKDB_LIBRARY") != NULL || source == NULL) {
        return;
    }
    snprintf(path, sizeof(path), "%s/third_party/duckdb/libduckdb.so", source);
    if (access(path, R_OK) == 0) {
        setenv("PYRALOG_DUCKDB_LIBRARY", path, 1);
    }
}

static int setup(void **state, bool restricted) {
    find_library();
    duck *d = calloc(1, sizeof(*d));
    assert_non_null(d);
    snprintf(d->folder, sizeof(d->folder), "/tmp/pyralog-duckdb-XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    d->threads = 2;
    d->time_unit = "ms";
    d->files.unrestricted = !restricted;
    if (restricted) {
        const char **folders = calloc(1, sizeof(*folders));
        assert_non_null(folders);
        folders[0] = d->folder;
        d->files.folders = folders;
        d->files.folders_count = 1;
    }
    pyr_cancel_flag_init(&d->cancel);
    assert_int_equal(pyr_catalog_open(NULL, false, &d->catalog, &d->error), PYR_OK);
    assert_int_equal(pyr_catalog_snapshot(d->catalog, &d->snapshot, &d->error), PYR_OK);
    assert_int_equal(pyr_engine_duckdb_create(&d->engine, &d->error), PYR_OK);
    assert_int_equal(d->engine->ops->session_create(d->engine, &d->files, &d->session, &d->error),
                     PYR_OK);
    *state = d;
    return 0;
}

int duck_setup(void **state) {
    return setup(state, false);
}

int duck_setup_restricted(void **state) {
    return setup(state, true);
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int duck_teardown(void **state) {
    duck *d = *state;
    d->engine->ops->session_destroy(d->session);
    d->engine->ops->destroy(d->engine);
    pyr_snapshot_release(d->snapshot);
    pyr_catalog_close(d->catalog);
    nftw(d->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free((void *)d->files.folders);
    free(d);
    return 0;
}

void duck_append(duck *d, const char *table, pyr_batch *batch) {
    pyr_appender *appender = NULL;
    pyr_appender_options create = {.create = true, .mode = PYR_CREATE_NEW};
    bool is_new = pyr_snapshot_find(d->snapshot, NULL, table) == NULL;
    int64_t rows = 0;
    assert_int_equal(pyr_appender_create(d->catalog, NULL, table, batch->schema,
                                         is_new ? &create : NULL, NULL, &appender, &d->error),
                     PYR_OK);
    assert_int_equal(pyr_appender_batch(appender, batch, &d->error), PYR_OK);
    if (pyr_appender_commit(appender, &rows, &d->error) != PYR_OK) {
        fail_msg("%s", d->error.message);
    }
    pyr_appender_destroy(appender);
    pyr_batch_release(batch);
    pyr_snapshot_release(d->snapshot);
    assert_int_equal(pyr_catalog_snapshot(d->catalog, &d->snapshot, &d->error), PYR_OK);
}

void duck_define(duck *d, pyr_entry_kind kind, const char *name, const char *definition) {
    pyr_entry *object = NULL;
    pyr_change *change = NULL;
    bool created = false;
    assert_int_equal(
        pyr_catalog_new_entry(d->catalog, kind, "main", name, NULL, definition, &object, &d->error),
        PYR_OK);
    assert_int_equal(pyr_change_create(d->catalog, d->snapshot, &change, &d->error), PYR_OK);
    assert_int_equal(
        pyr_change_put_entry(change, object, PYR_CREATE_OR_REPLACE, &created, &d->error), PYR_OK);
    assert_int_equal(pyr_change_commit(change, true, &d->error), PYR_OK);
    pyr_change_destroy(change);
    pyr_entry_release(object);
    pyr_snapshot_release(d->snapshot);
    assert_int_equal(pyr_catalog_snapshot(d->catalog, &d->snapshot, &d->error), PYR_OK);
}

pyr_batch *duck_batch(const char *const *names, pyr_array **columns, int32_t count) {
    pyr_field *fields[16];
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    for (int32_t i = 0; i < count; ++i) {
        assert_int_equal(pyr_field_with(columns[i]->field, names[i], true,
                                        columns[i]->field->metadata, &fields[i], NULL),
                         PYR_OK);
    }
    assert_int_equal(pyr_schema_create(fields, count, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(
        pyr_batch_create(schema, columns[0]->length, columns, count, NULL, &batch, NULL), PYR_OK);
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

static pyr_builder *builder_of(pyr_type_id type) {
    pyr_field *field = NULL;
    pyr_builder *builder = NULL;
    assert_int_equal(pyr_field_create("x", type, &field, NULL), PYR_OK);
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    pyr_field_release(field);
    return builder;
}

static pyr_array *finish(pyr_builder *builder) {
    pyr_array *array = NULL;
    assert_int_equal(pyr_builder_finish(builder, &array, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    return array;
}

pyr_array *duck_int64s(const int64_t *values, int64_t count) {
    pyr_builder *builder = builder_of(PYR_TYPE_INT64);
    for (int64_t i = 0; i < count; ++i) {
        assert_int_equal(pyr_builder_int64(builder, values[i], NULL), PYR_OK);
    }
    return finish(builder);
}

static pyr_array *dictionary_column(int64_t first, int64_t count) {
    static const char *const words[] = {"alpha", "beta", "gamma", "delta", "a rather long word"};
    pyr_builder *values = builder_of(PYR_TYPE_UTF8);
    pyr_builder *codes = builder_of(PYR_TYPE_INT32);
    for (size_t i = 0; i < 5; ++i) {
        assert_int_equal(pyr_builder_string(values, words[i], NULL), PYR_OK);
    }
    for (int64_t i = first; i < first + count; ++i) {
        assert_int_equal(i % 11 == 0 ? pyr_builder_null(codes, NULL)
                                     : pyr_builder_int64(codes, i % 5, NULL),
                         PYR_OK);
    }
    pyr_array *dictionary = finish(values);
    pyr_array *indices = finish(codes);
    pyr_field *field = NULL;
    pyr_array *array = NULL;
    assert_int_equal(
        pyr_field_create_dictionary("k", PYR_TYPE_INT32, false, dictionary->field, &field, NULL),
        PYR_OK);
    assert_int_equal(pyr_array_create(field, count, 0, -1, indices->buffers, 2, NULL, 0, dictionary,
                                      &array, NULL),
                     PYR_OK);
    pyr_field_release(field);
    pyr_array_release(indices);
    pyr_array_release(dictionary);
    return array;
}

pyr_batch *duck_rows(int64_t first, int64_t count) {
    static const char *const names[] = {"a", "b", "c", "s", "d", "k", "flag"};
    pyr_builder *a = builder_of(PYR_TYPE_INT64);
    pyr_builder *b = builder_of(PYR_TYPE_INT64);
    pyr_builder *c = builder_of(PYR_TYPE_FLOAT64);
    pyr_builder *s = builder_of(PYR_TYPE_UTF8);
    pyr_builder *date = builder_of(PYR_TYPE_DATE32);
    pyr_builder *flag = builder_of(PYR_TYPE_BOOL);
    for (int64_t i = first; i < first + count; ++i) {
        char text[64];
        snprintf(text, sizeof(text), i % 10 == 0 ? "a string beyond twelve bytes %lld" : "s%lld",
                 (long long)(i % 100));
        pyr_status status = pyr_builder_int64(a, i, NULL);
        status |= pyr_builder_int64(b, -i, NULL);
        status |=
            i % 7 == 0 ? pyr_builder_null(c, NULL) : pyr_builder_double(c, (double)i / 4, NULL);
        status |= pyr_builder_string(s, text, NULL);
        status |= pyr_builder_int64(date, 19000 + i % 1000, NULL);
        status |= pyr_builder_int64(flag, i % 3 == 0, NULL);
        assert_int_equal(status, PYR_OK);
    }
    pyr_array *columns[] = {finish(a),    finish(b), finish(c),   finish(s),
                            finish(date), NULL,      finish(flag)};
    columns[5] = dictionary_column(first, count);
    return duck_batch(names, columns, 7);
}

void duck_fill(duck *d, int64_t rows, int64_t batch_rows) {
    for (int64_t first = 0; first < rows; first += batch_rows) {
        int64_t count = rows - first < batch_rows ? rows - first : batch_rows;
        duck_append(d, "t", duck_rows(first, count));
    }
}

pyr_engine_query duck_query(duck *d, const char *sql) {
    return (pyr_engine_query){.sql = sql,
                              .length = strlen(sql),
                              .snapshot = d->snapshot,
                              .params = d->params,
                              .all_batches = d->all_batches,
                              .files = &d->files,
                              .threads = d->threads,
                              .memory_limit_bytes = d->memory_limit_bytes,
                              .time_unit = d->time_unit,
                              .temp_folder = d->temp_folder,
                              .ledger = &d->ledger,
                              .cancel = &d->cancel};
}

static void print_rows(const pyr_batch *batch, pyr_text *text) {
    for (int64_t row = 0; row < batch->rows; ++row) {
        for (int32_t i = 0; i < batch->columns_count; ++i) {
            pyr_text_add(text, i > 0 ? "|" : "");
            pyr_array_print_value(batch->columns[i], row, text);
        }
        pyr_text_add_char(text, '\n');
    }
}

static pyr_status read_rows(duck *d, pyr_stream *stream, pyr_text *rows) {
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, &d->error));
        if (batch == NULL) {
            return PYR_OK;
        }
        assert_int_equal(pyr_batch_validate(batch, PYR_VALIDATE_FULL, &d->error), PYR_OK);
        if (rows != NULL) {
            print_rows(batch, rows);
        }
        pyr_batch_release(batch);
    }
}

pyr_status duck_run(duck *d, const char *sql, pyr_text *rows, pyr_schema **schema) {
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_ledger_init(&d->ledger);
    pyr_error_clear(&d->error);
    pyr_engine_query query = duck_query(d, sql);
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    pyr_status status = ops->prepare(d->session, &query, &prepared, &d->error);
    if (status == PYR_OK) {
        status = ops->execute(prepared, &query, &stream, &d->error);
    }
    if (status == PYR_OK) {
        if (prepared->schema != NULL && prepared->parameters == NULL) {
            assert_true(pyr_schema_equal(prepared->schema, stream->schema));
        }
        if (schema != NULL) {
            *schema = pyr_schema_retain(stream->schema);
        }
        status = read_rows(d, stream, rows);
    }
    pyr_stream_destroy(stream);
    if (prepared != NULL) {
        ops->prepared_destroy(prepared);
    }
    return status;
}

char *duck_ask(duck *d, const char *sql) {
    pyr_text text;
    pyr_text_init(&text);
    if (duck_run(d, sql, &text, NULL) != PYR_OK) {
        fail_msg("%s: %s: %s", sql, d->error.sqlstate, d->error.message);
    }
    char *result = pyr_text_move(&text);
    assert_non_null(result);
    return result;
}

void duck_equals(duck *d, const char *sql, const char *expected) {
    char *rows = duck_ask(d, sql);
    if (strcmp(rows, expected) != 0) {
        print_error("%s\n", sql);
    }
    assert_string_equal(rows, expected);
    free(rows);
}

void duck_fails(duck *d, const char *sql, const char *sqlstate) {
    if (duck_run(d, sql, NULL, NULL) == PYR_OK) {
        fail_msg("%s: did not fail", sql);
    }
    if (strcmp(d->error.sqlstate, sqlstate) != 0) {
        fail_msg("%s: %s wanted, got %s: %s", sql, sqlstate, d->error.sqlstate, d->error.message);
    }
}
