/* alter_rewrite.c - the queries of ALTER TABLE: a table made anew from one over it, in the same
 * change, and the value of a DEFAULT.
 */
#include "session/alter_internal.h"
#include "session/rows.h"

#include "arrow/cast.h"

#include <string.h>

/* Runs a query of ours whatever engine is set. */
static pyr_status run_own_query(pyr_execution *execution, const char *sql, pyr_result *out,
                                pyr_error *error) {
    pyr_settings before = execution->settings;
    memcpy(execution->settings.engine, "auto", sizeof("auto"));
    pyr_span span = {sql, strlen(sql), 0};
    pyr_status status = pyr_run_query(execution, &span, NULL, out, error);
    execution->settings = before;
    if (status != PYR_OK && error != NULL) {
        error->position = -1;
    }
    return status;
}

/* The first rows of a query of ours, where text is well; they are none of the statement's. *out
 * NULL where there is none. */
static pyr_status read_first(pyr_execution *execution, const pyr_text *text, pyr_batch **out,
                             pyr_error *error) {
    *out = NULL;
    pyr_result result = {0};
    PYR_TRY(pyr_text_check(text, error));
    pyr_status status = run_own_query(execution, pyr_text_get(text), &result, error);
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, out, error);
    }
    pyr_stream_destroy(result.stream);
    atomic_store(&execution->ledger.rows, 0);
    return status;
}

static void add_table(const pyr_table *table, pyr_text *sql) {
    pyr_sql_quote_name(table->schema_name, sql);
    pyr_text_add_char(sql, '.');
    pyr_sql_quote_name(table->name, sql);
}

/* The new table takes the place of the one that the query has read. */
static pyr_status succeed(pyr_execution *execution, pyr_change *change, const pyr_altered *self,
                          pyr_error *error) {
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, error));
    const pyr_table *created = pyr_snapshot_find(view, self->table->schema_name, self->name);
    pyr_status status = created != NULL && created->id != self->table->id
                            ? pyr_change_succeed(change, created, self->table, error)
                            : pyr_error_set(error, PYR_ERROR_INTERNAL, "ALTER TABLE made no table");
    if (status == PYR_OK) {
        status = pyr_move_indexes(execution, change, self, created->id, error);
    }
    if (status == PYR_OK && self->column_gone != NULL) {
        pyr_name from = {.schema_name = self->table->schema_name, .name = self->table->name};
        status =
            pyr_move_comments(execution, change, &from, self->name, self->column_gone, NULL, error);
    }
    pyr_snapshot_release(view);
    return status;
}

static pyr_status write_anew(pyr_execution *execution, pyr_altered *self, pyr_stream *stream,
                             pyr_change *change, pyr_error *error) {
    int32_t *map = pyr_arena_array(&execution->arena, (size_t)self->count, sizeof(*map));
    if (map == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (int32_t i = 0; i < self->count; ++i) {
        map[i] = i;
    }
    pyr_schema *schema = NULL;
    pyr_appender *appender = NULL;
    PYR_TRY(pyr_catalog_own_schema(self->schema, &schema, error));
    pyr_appender_options create = {.create = true,
                                   .mode = PYR_CREATE_OR_REPLACE,
                                   .sql_types = self->types,
                                   .options = self->options,
                                   .options_count = self->options_count,
                                   .constraints = self->constraints,
                                   .change = change};
    pyr_status status =
        pyr_appender_create(execution->connection->db->catalog, self->table->schema_name,
                            self->name, schema, &create, &execution->ledger, &appender, error);
    if (status == PYR_OK) {
        status = pyr_append_stream(execution, stream, schema, map, appender, NULL, error);
    }
    pyr_appender_destroy(appender);
    if (status == PYR_OK) {
        status = succeed(execution, change, self, error);
    }
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_altered_rewrite(pyr_execution *execution, pyr_altered *self, int32_t column,
                               const char *expression, pyr_error *error) {
    pyr_table_definition definition;
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_add(&sql, "SELECT ");
    for (int32_t i = 0; i < self->count; ++i) {
        pyr_text_add(&sql, i > 0 ? ", " : "");
        if (i == column) {
            pyr_text_printf(&sql, "CAST((%s\n) AS ", expression);
            pyr_sql_type_print(self->fields[i], &sql);
            pyr_text_add(&sql, ") AS ");
        }
        pyr_sql_quote_name(self->fields[i]->name, &sql);
    }
    pyr_text_add(&sql, " FROM ");
    add_table(self->table, &sql);
    pyr_result source = {0};
    pyr_own_change own = {0};
    pyr_status status = pyr_altered_define(self, &definition, error);
    if (status == PYR_OK) {
        status = pyr_text_check(&sql, error);
    }
    if (status == PYR_OK) {
        status = run_own_query(execution, pyr_text_get(&sql), &source, error);
    }
    if (status == PYR_OK) {
        status = pyr_own_change_begin(execution, &own, error);
        if (status == PYR_OK) {
            status = write_anew(execution, self, source.stream, own.change, error);
            status = pyr_own_change_end(&own, status, error);
        }
    }
    pyr_stream_destroy(source.stream);
    atomic_store(&execution->ledger.rows, 0);
    pyr_text_deinit(&sql);
    return status;
}

pyr_status pyr_alter_evaluate(pyr_execution *execution, pyr_field *field, const char *expression,
                              pyr_array **out, pyr_error *error) {
    *out = NULL;
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_printf(&sql, "SELECT CAST((%s\n) AS ", expression);
    pyr_sql_type_print(field, &sql);
    pyr_text_add_char(&sql, ')');
    pyr_batch *batch = NULL;
    pyr_status status = read_first(execution, &sql, &batch, error);
    if (status == PYR_OK && (batch == NULL || batch->rows != 1)) {
        status = pyr_error_set(error, PYR_ERROR_SQL, "DEFAULT is not one value");
    }
    if (status == PYR_OK && !pyr_array_is_null(batch->columns[0], 0)) {
        status = pyr_array_cast(batch->columns[0], field, &execution->ledger, execution->budget,
                                out, error);
    }
    pyr_batch_release(batch);
    pyr_text_deinit(&sql);
    return status;
}

pyr_status pyr_alter_check_no_nulls(pyr_execution *execution, const pyr_table *table,
                                    const char *column, pyr_error *error) {
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_add(&sql, "SELECT 1 FROM ");
    add_table(table, &sql);
    pyr_text_add(&sql, " WHERE ");
    pyr_sql_quote_name(column, &sql);
    pyr_text_add(&sql, " IS NULL LIMIT 1");
    pyr_batch *batch = NULL;
    pyr_status status = read_first(execution, &sql, &batch, error);
    if (status == PYR_OK && batch != NULL && batch->rows > 0) {
        status = pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23502", -1,
                                   "table \"%s\": column \"%s\" has nulls", table->name, column);
    }
    pyr_batch_release(batch);
    pyr_text_deinit(&sql);
    return status;
}
