/* support_keyed.c - see support_keyed.h. */
#include "support_keyed.h"

#include "arrow/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 3 };

static pyr_schema *keyed_schema(void) {
    static const char *const names[] = {"a", "b", "c"};
    pyr_field *fields[COLUMNS];
    pyr_schema *schema;
    for (int i = 0; i < COLUMNS; ++i) {
        check_ok(
            pyr_field_create(names[i], i == 1 ? PYR_TYPE_UTF8 : PYR_TYPE_INT64, &fields[i], error));
    }
    check_ok(pyr_schema_create(fields, COLUMNS, NULL, &schema, error));
    for (int i = 0; i < COLUMNS; ++i) {
        pyr_field_release(fields[i]);
    }
    return schema;
}

static pyr_constraints *constraints_of(const char *keys) {
    pyr_constraints *constraints;
    check_ok(pyr_constraints_create(COLUMNS, &constraints, error));
    bool primary = true;
    while (*keys != '\0') {
        int32_t columns[COLUMNS];
        int32_t count = 0;
        for (; *keys != '\0' && *keys != '/'; ++keys) {
            columns[count++] = *keys - 'a';
        }
        if (count > 0) {
            check_ok(pyr_constraints_add_key(constraints, primary, "", columns, count, error));
        }
        primary = false;
        keys += *keys == '/';
    }
    return constraints;
}

pyr_table *new_keyed(pyr_catalog *catalog, const char *name, const char *keys) {
    pyr_schema *schema = keyed_schema();
    pyr_constraints *constraints = constraints_of(keys);
    pyr_table_definition definition = {.name = name, .schema = schema, .constraints = constraints};
    pyr_table *table;
    check_ok(pyr_catalog_new_table(catalog, &definition, &table, error));
    pyr_constraints_release(constraints);
    pyr_schema_release(schema);
    return table;
}

void create_keyed(pyr_catalog *catalog, const char *name, const char *keys) {
    bool created;
    pyr_change *change = begin(catalog);
    pyr_table *table = new_keyed(catalog, name, keys);
    check_ok(pyr_change_create_table(change, table, PYR_CREATE_NEW, &created, error));
    pyr_table_release(table);
    end_well(change);
}

/* ---- Rows as text. ---- */

static const char *put_value(pyr_builder *builder, bool text, const char *from) {
    size_t size = strcspn(from, ", ");
    if (size == 1 && *from == '-') {
        check_ok(pyr_builder_null(builder, error));
    } else if (text) {
        check_ok(pyr_builder_bytes(builder, from, size, error));
    } else {
        check_ok(pyr_builder_int64(builder, strtoll(from, NULL, 10), error));
    }
    return from + size + (from[size] == ',');
}

pyr_batch *keyed_batch(const char *rows) {
    pyr_schema *schema = keyed_schema();
    pyr_builder *builders[COLUMNS];
    pyr_array *columns[COLUMNS];
    pyr_batch *batch;
    int64_t count = 0;
    for (int i = 0; i < COLUMNS; ++i) {
        check_ok(pyr_builder_create(schema->fields[i], NULL, &builders[i], error));
    }
    while (*rows != '\0') {
        for (int i = 0; i < COLUMNS; ++i) {
            rows = put_value(builders[i], i == 1, rows);
        }
        rows += *rows == ' ';
        ++count;
    }
    for (int i = 0; i < COLUMNS; ++i) {
        check_ok(pyr_builder_finish(builders[i], &columns[i], error));
        pyr_builder_destroy(builders[i]);
    }
    check_ok(pyr_batch_create(schema, count, columns, COLUMNS, NULL, &batch, error));
    for (int i = 0; i < COLUMNS; ++i) {
        pyr_array_release(columns[i]);
    }
    pyr_schema_release(schema);
    return batch;
}

static void add_row(pyr_text *text, const pyr_batch *batch, int64_t row) {
    pyr_text_add(text, text->length > 0 ? " " : "");
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_text_add(text, i > 0 ? "," : "");
        if (pyr_array_is_null(batch->columns[i], row)) {
            pyr_text_add_char(text, '-');
        } else {
            pyr_array_print_value(batch->columns[i], row, text);
        }
    }
}

static char shown[1 << 20];

static const char *show(pyr_text *text) {
    check_ok(pyr_text_check(text, error));
    assert_true(text->length < sizeof(shown));
    (void)snprintf(shown, sizeof(shown), "%s", pyr_text_get(text));
    pyr_text_deinit(text);
    return shown;
}

const char *batch_text(const pyr_batch *batch) {
    pyr_text text;
    pyr_text_init(&text);
    for (int64_t i = 0; i < pyr_batch_selected(batch); ++i) {
        add_row(&text, batch,
                batch->selection != NULL ? ((const int32_t *)batch->selection->rows->data)[i] : i);
    }
    return show(&text);
}

/* Whoever looks rows up by their primary key finds what a scan has, the second time out of the row
 * cache, where the version may. */
static void check_found(const pyr_table *table, pyr_batch *batch) {
    int32_t count;
    const int32_t *columns = pyr_keyed_columns(table, PYR_KEYED_PRIMARY_KEY, &count);
    for (int round = 0; columns != NULL && round < 2; ++round) {
        pyr_keyed_found found;
        check_ok(pyr_keyed_find(table, PYR_KEYED_PRIMARY_KEY, batch, columns, NULL, 0, NULL, NULL,
                                &found, error));
        assert_int_equal(found.rows->rows, batch->rows);
        for (int32_t i = 0; i < batch->columns_count; ++i) {
            assert_true(pyr_array_equal(found.rows->columns[i], batch->columns[i]));
        }
        pyr_keyed_found_deinit(&found);
    }
}

const char *keyed_rows(const pyr_snapshot *snapshot, const char *name, int64_t batch_rows) {
    pyr_table *table = pyr_snapshot_find(snapshot, NULL, name);
    pyr_keyed_scan *scan;
    pyr_text text;
    int64_t rows = 0;
    if (table == NULL) {
        return "no table";
    }
    assert_true(pyr_table_is_keyed(table));
    pyr_text_init(&text);
    const pyr_keyed_scan_options options = {.batch_rows = batch_rows};
    check_ok(pyr_keyed_scan_create(table, &options, &scan, error));
    for (;;) {
        pyr_batch *batch;
        check_ok(pyr_keyed_scan_next(scan, &batch, error));
        if (batch == NULL) {
            break;
        }
        assert_true(batch->rows > 0);
        assert_true(batch_rows == 0 || batch->rows <= batch_rows);
        check_ok(pyr_batch_validate(batch, PYR_VALIDATE_FULL, error));
        for (int64_t i = 0; i < batch->rows; ++i) {
            add_row(&text, batch, i);
        }
        check_found(table, batch);
        rows += batch->rows;
        pyr_batch_release(batch);
    }
    pyr_keyed_scan_destroy(scan);
    assert_int_equal(table->rows, rows);
    return show(&text);
}

const char *keyed_seen(pyr_change *change, const char *name) {
    pyr_snapshot *snapshot;
    check_ok(pyr_change_snapshot(change, &snapshot, error));
    const char *rows = keyed_rows(snapshot, name, 0);
    pyr_snapshot_release(snapshot);
    return rows;
}

const char *keyed_current(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const char *rows = keyed_rows(snapshot, name, 0);
    pyr_snapshot_release(snapshot);
    return rows;
}

/* ---- Writing. ---- */

/* Retained. */
static pyr_table *table_seen(pyr_change *change, const char *name) {
    pyr_snapshot *snapshot;
    check_ok(pyr_change_snapshot(change, &snapshot, error));
    pyr_table *table = pyr_snapshot_find(snapshot, NULL, name);
    assert_non_null(table);
    pyr_table_retain(table);
    pyr_snapshot_release(snapshot);
    return table;
}

pyr_status try_write(pyr_change *change, const char *name, const char *rows, pyr_keyed_mode mode,
                     int32_t conflict_key, pyr_error *fault) {
    pyr_batch *batch = keyed_batch(rows);
    pyr_table *table = table_seen(change, name);
    const pyr_keyed_write_options options = {.mode = mode, .conflict_key = conflict_key};
    pyr_status status = pyr_keyed_write(change, table, batch, &options, NULL, NULL, fault);
    pyr_table_release(table);
    pyr_batch_release(batch);
    return status;
}

void change_write(pyr_change *change, const char *name, const char *rows, pyr_keyed_mode mode) {
    check_ok(try_write(change, name, rows, mode, PYR_KEYED_ANY_KEY, error));
}

int64_t change_remove(pyr_change *change, const char *name, const char *keys) {
    pyr_text rows;
    pyr_text_init(&rows);
    for (const char *at = keys; *at != '\0'; ++at) {
        pyr_text_add(&rows, *at == ' ' ? ",-,- " : "");
        if (*at != ' ') {
            pyr_text_add_char(&rows, *at);
        }
    }
    pyr_text_add(&rows, ",-,-");
    pyr_batch *batch = keyed_batch(pyr_text_get(&rows));
    pyr_table *table = table_seen(change, name);
    static const int32_t key_columns[] = {0};
    static const int32_t row_key[] = {COLUMNS};
    pyr_keyed_found found;
    int64_t deleted;
    check_ok(pyr_keyed_find(table, PYR_KEYED_PRIMARY_KEY, batch, key_columns, row_key, 1, NULL,
                            NULL, &found, error));
    check_ok(pyr_keyed_delete(change, table, found.rows->columns[0], &deleted, error));
    pyr_keyed_found_deinit(&found);
    pyr_table_release(table);
    pyr_batch_release(batch);
    pyr_text_deinit(&rows);
    return deleted;
}

void write_now(pyr_catalog *catalog, const char *name, const char *rows, pyr_keyed_mode mode) {
    pyr_change *change = begin(catalog);
    change_write(change, name, rows, mode);
    end_well(change);
}

void remove_now(pyr_catalog *catalog, const char *name, const char *keys) {
    pyr_change *change = begin(catalog);
    (void)change_remove(change, name, keys);
    end_well(change);
}
