#include "unit/plan/support_plan.h"

#include "arrow/builder.h"
#include "sql/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_setup(plan_fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    pyr_ledger_init(&fixture->ledger);
    fixture->budget = pyr_budget_create(0);
    assert_non_null(fixture->budget);
    assert_int_equal(pyr_catalog_open(NULL, false, &fixture->catalog, NULL), PYR_OK);
}

void plan_teardown(plan_fixture *fixture) {
    pyr_catalog_close(fixture->catalog);
    assert_int_equal(pyr_budget_used(fixture->budget), 0);
    pyr_budget_release(fixture->budget);
}

static void create_table(plan_fixture *fixture, const pyr_parsed *parsed) {
    size_t count = parsed->columns_count;
    pyr_field **fields = calloc(count + 1, sizeof(pyr_field *));
    assert_non_null(fields);
    for (size_t i = 0; i < count; ++i) {
        assert_int_equal(pyr_field_with(parsed->columns[i].field, parsed->columns[i].name,
                                        !parsed->columns[i].not_null,
                                        parsed->columns[i].field->metadata, &fields[i], NULL),
                         PYR_OK);
    }
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_schema_create(fields, (int32_t)count, NULL, &schema, NULL), PYR_OK);
    pyr_table_definition definition = {.name = parsed->table.name, .schema = schema};
    pyr_error error;
    if (pyr_catalog_create_table(fixture->catalog, &definition, PYR_CREATE_NEW, NULL, &error) !=
        PYR_OK) {
        fail_msg("%s", error.message);
    }
    pyr_schema_release(schema);
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
}

void plan_create(plan_fixture *fixture, const char *sql) {
    size_t position = 0;
    pyr_span statement;
    bool complete = false;
    bool open = false;
    while (pyr_sql_split(sql, strlen(sql), &position, &statement, &complete, &open)) {
        pyr_arena arena;
        pyr_parsed *parsed = NULL;
        pyr_error error;
        pyr_arena_init(&arena, NULL);
        if (pyr_sql_parse(statement.text, statement.length, &arena, &parsed, &error) != PYR_OK) {
            fail_msg("%s", error.message);
        }
        if (parsed->kind == PYR_PARSED_CREATE_TABLE) {
            create_table(fixture, parsed);
        }
        pyr_parsed_deinit(parsed);
        pyr_arena_deinit(&arena);
    }
}

static pyr_array *make_column(pyr_field *field, const int64_t *values, size_t rows,
                              size_t columns) {
    pyr_builder *builder = NULL;
    pyr_array *out = NULL;
    assert_int_equal(pyr_builder_create(field, NULL, &builder, NULL), PYR_OK);
    for (size_t row = 0; row < rows; ++row) {
        int64_t value = values[row * columns];
        assert_int_equal(value == INT64_MIN ? pyr_builder_null(builder, NULL)
                                            : pyr_builder_int64(builder, value, NULL),
                         PYR_OK);
    }
    assert_int_equal(pyr_builder_finish(builder, &out, NULL), PYR_OK);
    pyr_builder_destroy(builder);
    return out;
}

void plan_append(plan_fixture *fixture, const char *table, const int64_t *values, size_t rows,
                 size_t columns) {
    pyr_snapshot *snapshot = NULL;
    assert_int_equal(pyr_catalog_snapshot(fixture->catalog, &snapshot, NULL), PYR_OK);
    pyr_schema *schema = pyr_schema_retain(pyr_snapshot_find(snapshot, NULL, table)->schema);
    pyr_snapshot_release(snapshot);
    pyr_array **arrays = calloc(columns, sizeof(pyr_array *));
    assert_non_null(arrays);
    for (size_t i = 0; i < columns; ++i) {
        arrays[i] = make_column(schema->fields[i], values + i, rows, columns);
    }
    pyr_batch *batch = NULL;
    assert_int_equal(
        pyr_batch_create(schema, (int64_t)rows, arrays, (int32_t)columns, NULL, &batch, NULL),
        PYR_OK);
    pyr_appender *appender = NULL;
    assert_int_equal(pyr_appender_create(fixture->catalog, NULL, table, schema, NULL,
                                         &fixture->ledger, &appender, NULL),
                     PYR_OK);
    assert_int_equal(pyr_appender_batch(appender, batch, NULL), PYR_OK);
    assert_int_equal(pyr_appender_commit(appender, NULL, NULL), PYR_OK);
    pyr_appender_destroy(appender);
    pyr_batch_release(batch);
    for (size_t i = 0; i < columns; ++i) {
        pyr_array_release(arrays[i]);
    }
    free(arrays);
    pyr_schema_release(schema);
}

pyr_status plan_bind(plan_fixture *fixture, const char *sql, bool optimize, pyr_plan *out) {
    pyr_arena arena;
    pyr_tree tree;
    pyr_snapshot *snapshot = NULL;
    memset(out, 0, sizeof(*out));
    memset(&fixture->error, 0, sizeof(fixture->error));
    pyr_arena_init(&arena, fixture->budget);
    size_t length = strlen(sql);
    while (length > 0 && (sql[length - 1] == ';' || sql[length - 1] == '\n')) {
        --length;
    }
    assert_int_equal(pyr_tree_parse(sql, length, &arena, &tree, &fixture->error), PYR_OK);
    assert_int_equal(pyr_catalog_snapshot(fixture->catalog, &snapshot, NULL), PYR_OK);
    pyr_bind_input input = {.tree = &tree,
                            .snapshot = snapshot,
                            .time_unit = "ms",
                            .now_us = INT64_C(1760000000000000),
                            .budget = fixture->budget};
    pyr_status status = pyr_plan_bind(&input, out, &fixture->error);
    pyr_snapshot_release(snapshot);
    pyr_tree_deinit(&tree);
    pyr_arena_deinit(&arena);
    if (status == PYR_OK && optimize) {
        status = pyr_plan_optimize(out, &fixture->error);
        if (status != PYR_OK) {
            pyr_plan_deinit(out);
        }
    }
    return status;
}

char *plan_text(plan_fixture *fixture, const char *sql, bool optimize) {
    pyr_text text;
    pyr_plan plan;
    pyr_text_init(&text);
    if (plan_bind(fixture, sql, optimize, &plan) == PYR_OK) {
        pyr_plan_print(&plan, NULL, NULL, &text);
        pyr_plan_deinit(&plan);
    } else {
        pyr_text_printf(&text, "%s at %d: %s\n", fixture->error.sqlstate, fixture->error.position,
                        fixture->error.message);
    }
    char *out = pyr_text_move(&text);
    assert_non_null(out);
    return out;
}

const char *plan_corpora(void) {
    const char *folder = getenv("PYRALOG_CORPORA");
    if (folder == NULL) {
        print_message("skipped: PYRALOG_CORPORA is not set\n");
        skip();
    }
    return folder;
}

char *plan_read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    text[size] = '\0';
    fclose(file);
    return text;
}
