#include "unit/engines/support_native.h"

#include "arrow/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void native_setup(native_fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->files.unrestricted = true;
    pyr_ledger_init(&fixture->ledger);
    pyr_cancel_flag_init(&fixture->cancel);
    fixture->budget = pyr_budget_create(0);
    assert_non_null(fixture->budget);
    assert_int_equal(pyr_catalog_open(NULL, false, &fixture->catalog, NULL), PYR_OK);
    assert_int_equal(pyr_engine_native_create(&fixture->engine, NULL), PYR_OK);
    assert_int_equal(fixture->engine->ops->session_create(fixture->engine, &fixture->files,
                                                          &fixture->session, NULL),
                     PYR_OK);
}

void native_teardown(native_fixture *fixture) {
    fixture->engine->ops->session_destroy(fixture->session);
    fixture->engine->ops->destroy(fixture->engine);
    pyr_catalog_close(fixture->catalog);
    assert_int_equal(pyr_budget_used(fixture->budget), 0);
    pyr_budget_release(fixture->budget);
}

static pyr_field *column_field(const char *name, pyr_type_id type) {
    pyr_field *field = NULL;
    assert_int_equal(pyr_field_create(name, type, &field, NULL), PYR_OK);
    return field;
}

static pyr_schema *table_schema(void) {
    pyr_field *fields[] = {column_field("a", PYR_TYPE_INT32), column_field("B c", PYR_TYPE_UTF8),
                           column_field("d", PYR_TYPE_FLOAT64)};
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_schema_create(fields, 3, NULL, &schema, NULL), PYR_OK);
    for (size_t i = 0; i < 3; ++i) {
        pyr_field_release(fields[i]);
    }
    return schema;
}

pyr_batch *native_batch(int64_t first, int64_t rows) {
    pyr_schema *schema = table_schema();
    pyr_array *columns[3];
    for (int32_t column = 0; column < 3; ++column) {
        pyr_builder *builder = NULL;
        assert_int_equal(pyr_builder_create(schema->fields[column], NULL, &builder, NULL), PYR_OK);
        for (int64_t i = first; i < first + rows; ++i) {
            char text[32];
            snprintf(text, sizeof(text), "v%lld", (long long)i);
            pyr_status status = column == 0   ? pyr_builder_int64(builder, i, NULL)
                                : column == 2 ? pyr_builder_double(builder, (double)i / 2, NULL)
                                : i % 5 == 4  ? pyr_builder_null(builder, NULL)
                                              : pyr_builder_string(builder, text, NULL);
            assert_int_equal(status, PYR_OK);
        }
        assert_int_equal(pyr_builder_finish(builder, &columns[column], NULL), PYR_OK);
        pyr_builder_destroy(builder);
    }
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_batch_create(schema, rows, columns, 3, NULL, &batch, NULL), PYR_OK);
    for (size_t i = 0; i < 3; ++i) {
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

void native_create_table(native_fixture *fixture, const char *name, const int64_t *segments,
                         size_t segments_count, int64_t batch_rows) {
    pyr_schema *schema = table_schema();
    pyr_error error;
    assert_int_equal(pyr_catalog_create_table(
                         fixture->catalog, &(pyr_table_definition){.name = name, .schema = schema},
                         PYR_CREATE_NEW, NULL, &error),
                     PYR_OK);
    int64_t first = 0;
    for (size_t i = 0; i < segments_count; ++i) {
        pyr_appender *appender = NULL;
        assert_int_equal(pyr_appender_create(fixture->catalog, NULL, name, schema, NULL, NULL,
                                             &appender, &error),
                         PYR_OK);
        for (int64_t done = 0; done < segments[i];) {
            int64_t rows = segments[i] - done < batch_rows ? segments[i] - done : batch_rows;
            pyr_batch *batch = native_batch(first, rows);
            assert_int_equal(pyr_appender_batch(appender, batch, &error), PYR_OK);
            pyr_batch_release(batch);
            done += rows;
            first += rows;
        }
        assert_int_equal(pyr_appender_commit(appender, NULL, &error), PYR_OK);
        pyr_appender_destroy(appender);
    }
    pyr_schema_release(schema);
}

void native_query_init(native_fixture *fixture, const char *sql, pyr_batch *params,
                       native_query *out) {
    memset(out, 0, sizeof(*out));
    pyr_arena_init(&out->arena, NULL);
    pyr_error error;
    if (pyr_sql_parse(sql, strlen(sql), &out->arena, &out->parsed, &error) != PYR_OK) {
        fail_msg("%s: %s", sql, error.message);
    }
    assert_int_equal(pyr_catalog_snapshot(fixture->catalog, &out->snapshot, NULL), PYR_OK);
    out->query = (pyr_engine_query){.sql = sql,
                                    .length = strlen(sql),
                                    .select = out->parsed->select,
                                    .not_covered = out->parsed->not_covered,
                                    .snapshot = out->snapshot,
                                    .params = params,
                                    .files = &fixture->files,
                                    .threads = 1,
                                    .time_unit = "ms",
                                    .ledger = &fixture->ledger,
                                    .budget = fixture->budget,
                                    .cancel = &fixture->cancel};
}

void native_query_deinit(native_query *query) {
    pyr_parsed_deinit(query->parsed);
    pyr_snapshot_release(query->snapshot);
    pyr_arena_deinit(&query->arena);
}

static pyr_status drain(native_fixture *fixture, pyr_stream *stream, pyr_batch ***batches,
                        size_t *count) {
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, &fixture->error));
        if (batch == NULL) {
            return PYR_OK;
        }
        assert_true(pyr_schema_equal(batch->schema, stream->schema));
        *batches = realloc(*batches, (*count + 1) * sizeof(**batches));
        assert_non_null(*batches);
        (*batches)[(*count)++] = batch;
    }
}

pyr_status native_run(native_fixture *fixture, const char *sql, pyr_batch *params,
                      pyr_schema **schema, pyr_batch ***batches, size_t *count) {
    native_query query;
    native_query_init(fixture, sql, params, &query);
    *schema = NULL;
    *batches = NULL;
    *count = 0;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    const pyr_engine_ops *ops = fixture->engine->ops;
    pyr_status status = ops->prepare(fixture->session, &query.query, &prepared, &fixture->error);
    assert_true((status == PYR_OK) == (prepared != NULL));
    if (status == PYR_OK) {
        status = ops->execute(prepared, &query.query, &stream, &fixture->error);
        assert_true((status == PYR_OK) == (stream != NULL));
    }
    if (status == PYR_OK) {
        assert_true(prepared->schema == NULL || pyr_schema_equal(prepared->schema, stream->schema));
        *schema = pyr_schema_retain(stream->schema);
    }
    /* The stream needs neither of these. */
    if (prepared != NULL) {
        ops->prepared_destroy(prepared);
    }
    native_query_deinit(&query);
    if (status == PYR_OK) {
        status = drain(fixture, stream, batches, count);
    }
    pyr_stream_destroy(stream);
    return status;
}

void native_batches_free(pyr_batch **batches, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        pyr_batch_release(batches[i]);
    }
    free(batches);
}

static void print_result(const pyr_schema *schema, pyr_batch *const *batches, size_t count,
                         pyr_text *text) {
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_text_printf(text, "%s%s ", i > 0 ? ", " : "", schema->fields[i]->name);
        pyr_field_type_print(schema->fields[i], text);
    }
    for (size_t b = 0; b < count; ++b) {
        for (int64_t row = 0; row < batches[b]->rows; ++row) {
            for (int32_t i = 0; i < schema->fields_count; ++i) {
                pyr_text_add(text, i > 0 ? "|" : "\n");
                pyr_array_print_value(batches[b]->columns[i], row, text);
            }
        }
    }
}

char *native_text(native_fixture *fixture, const char *sql, pyr_batch *params) {
    pyr_schema *schema = NULL;
    pyr_batch **batches = NULL;
    size_t count = 0;
    pyr_text text;
    pyr_text_init(&text);
    pyr_status status = native_run(fixture, sql, params, &schema, &batches, &count);
    if (status == PYR_OK) {
        print_result(schema, batches, count, &text);
    } else {
        pyr_text_printf(&text, "%s %s at %d: %s", pyr_status_name(status), fixture->error.sqlstate,
                        (int)fixture->error.position, fixture->error.message);
    }
    native_batches_free(batches, count);
    pyr_schema_release(schema);
    char *result = pyr_text_move(&text);
    assert_non_null(result);
    return result;
}

char *native_temp_folder(void) {
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/pyralog-native-XXXXXX", base != NULL ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}
