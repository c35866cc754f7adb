/* support_change.c - see support_change.h. */
#include "support_change.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Steps. ---- */

pyr_change *begin(pyr_catalog *catalog) {
    pyr_snapshot *base = snapshot_of(catalog);
    pyr_change *change;
    check_ok(pyr_change_create(catalog, base, &change, error));
    pyr_snapshot_release(base);
    return change;
}

void change_create(pyr_catalog *catalog, pyr_change *change, const char *name,
                   pyr_create_mode mode) {
    pyr_schema *schema = two_columns();
    pyr_table *table;
    bool created;
    check_ok(pyr_catalog_new_table(catalog, &(pyr_table_definition){.name = name, .schema = schema},
                                   &table, error));
    check_ok(pyr_change_create_table(change, table, mode, &created, error));
    assert_true(created);
    pyr_table_release(table);
    pyr_schema_release(schema);
}

void change_append(pyr_catalog *catalog, pyr_change *change, const char *name, int64_t first,
                   int64_t rows) {
    pyr_appender_options options = {.change = change};
    pyr_schema *schema = two_columns();
    pyr_appender *appender;
    check_ok(pyr_appender_create(catalog, NULL, name, schema, &options, NULL, &appender, error));
    append(appender, first, rows);
    check_ok(pyr_appender_commit(appender, NULL, error));
    pyr_appender_destroy(appender);
    pyr_schema_release(schema);
}

/* Retained. */
static pyr_table *table_seen(pyr_change *change, const char *name) {
    pyr_snapshot *view;
    check_ok(pyr_change_snapshot(change, &view, error));
    pyr_table *table = pyr_snapshot_find(view, NULL, name);
    assert_non_null(table);
    pyr_table_retain(table);
    pyr_snapshot_release(view);
    return table;
}

void change_drop(pyr_change *change, const char *name) {
    pyr_table *table = table_seen(change, name);
    check_ok(pyr_change_drop_table(change, table, error));
    pyr_table_release(table);
}

void change_delete(pyr_change *change, const char *name, size_t index, int64_t from, int64_t to) {
    pyr_table *table = table_seen(change, name);
    pyr_row_bitmap_builder *builder;
    pyr_row_bitmap *rows;
    check_ok(pyr_row_bitmap_builder_create(NULL, &builder, error));
    check_ok(pyr_row_bitmap_builder_range(builder, from, to, error));
    check_ok(pyr_row_bitmap_builder_finish(builder, &rows, error));
    pyr_row_bitmap_builder_destroy(builder);
    assert_true(index < table->segments_count);
    uint64_t number = pyr_segment_get_info(table->segments[index])->number;
    check_ok(pyr_change_delete(change, table, number, rows, error));
    pyr_row_bitmap_release(rows);
    pyr_table_release(table);
}

void end_well(pyr_change *change) {
    check_ok(pyr_change_commit(change, true, error));
    assert_true(pyr_change_is_empty(change));
    pyr_change_destroy(change);
}

void end_badly(pyr_change *change, pyr_status status, const char *sqlstate) {
    pyr_error fault;
    assert_int_equal(pyr_change_commit(change, true, &fault), status);
    assert_string_equal(fault.sqlstate, sqlstate);
    pyr_change_destroy(change);
}

void delete_rows(pyr_catalog *catalog, const char *name, size_t index, int64_t from, int64_t to) {
    pyr_change *change = begin(catalog);
    change_delete(change, name, index, from, to);
    end_well(change);
}

/* ---- Looking. ---- */

static int by_value(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static int64_t read_kept(const pyr_table *table, size_t index, int64_t *out) {
    pyr_row_bitmap *deleted = pyr_table_deleted(table, index);
    size_t batches;
    int64_t first = 0;
    int64_t kept = 0;
    check_ok(pyr_segment_batches(table->segments[index], NULL, &batches, error));
    for (size_t i = 0; i < batches; ++i) {
        pyr_batch *batch = read_batch(table->segments[index], i);
        for (int64_t row = 0; row < batch->rows; ++row) {
            if (!pyr_row_bitmap_contains(deleted, first + row)) {
                out[kept++] = pyr_array_int64(batch->columns[0], row);
            }
        }
        first += batch->rows;
        pyr_batch_release(batch);
    }
    return kept;
}

static void print_runs(const int64_t *values, int64_t count, pyr_text *out) {
    for (int64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && values[end] == values[end - 1] + 1; ++end) {
        }
        pyr_text_printf(out, "%s%lld", i > 0 ? " " : "", (long long)values[i]);
        if (end > i + 1) {
            pyr_text_printf(out, "-%lld", (long long)values[end - 1]);
        }
    }
}

const char *values_in(const pyr_snapshot *snapshot, const char *name) {
    static char text[512];
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, name);
    if (table == NULL) {
        return "no table";
    }
    int64_t all = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        all += pyr_segment_get_info(table->segments[i])->rows;
    }
    int64_t *values = malloc(((size_t)all + 1) * sizeof(*values));
    assert_non_null(values);
    int64_t count = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        count += read_kept(table, i, values + count);
    }
    assert_int_equal(table->rows, count);
    if (count > 0) {
        qsort(values, (size_t)count, sizeof(*values), by_value);
    }
    pyr_text runs;
    pyr_text_init(&runs);
    print_runs(values, count, &runs);
    (void)snprintf(text, sizeof(text), "%s", count > 0 ? pyr_text_get(&runs) : "none");
    pyr_text_deinit(&runs);
    free(values);
    return text;
}

const char *values_seen(pyr_change *change, const char *name) {
    pyr_snapshot *view;
    check_ok(pyr_change_snapshot(change, &view, error));
    const char *text = values_in(view, name);
    pyr_snapshot_release(view);
    return text;
}

const char *values_now(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const char *text = values_in(snapshot, name);
    pyr_snapshot_release(snapshot);
    return text;
}
