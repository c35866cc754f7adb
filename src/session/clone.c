/* clone.c - CREATE TABLE ... CLONE, and CREATE TABLE AS SELECT * FROM a, which is the same without
 * the constraints: segments are shared by reference. Tables with keys, whose rows are no segments,
 * are read and written.
 */
#include "catalog/keyed.h"
#include "session/model_registry.h"
#include "sql/select.h"

#include <string.h>
#include <strings.h>

static bool may_share(const pyr_table *table) {
    /* The files of an altered table have columns that only its own definition explains. */
    return table->id != 0 && table->external == NULL && !pyr_table_is_keyed(table) &&
           !pyr_schema_has_column_ids(table->schema) &&
           strcasecmp(table->schema_name, PYR_SYSTEM_SCHEMA) != 0;
}

static bool is_memory_only(const pyr_table_option *options, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (strcasecmp(options[i].name, "storage_mode") == 0) {
            return strcasecmp(options[i].value, "memory_only") == 0;
        }
    }
    return false;
}

/* SELECT * FROM one table and nothing else. */
static bool is_whole_table(const pyr_select *select) {
    return select != NULL && select->from.kind == PYR_FROM_TABLE && select->items_count == 1 &&
           select->items[0].expression.kind == PYR_EXPRESSION_STAR &&
           select->conditions_count == 0 && !select->limit.given && !select->offset.given &&
           select->order_count == 0;
}

pyr_status pyr_find_shared(pyr_execution *execution, const pyr_parsed *parsed,
                           const pyr_table_option *options, pyr_table **out, pyr_error *error) {
    *out = NULL;
    pyr_parsed *query = NULL;
    PYR_TRY(
        pyr_sql_parse(parsed->query.text, parsed->query.length, &execution->arena, &query, error));
    pyr_table *table = NULL;
    if (query->kind == PYR_PARSED_QUERY && is_whole_table(query->select) &&
        pyr_names_are_plain(execution)) {
        const pyr_name *name = &query->select->from.table;
        table = pyr_snapshot_find(execution->snapshot, name->schema_name, name->name);
    }
    if (table != NULL && may_share(table) && parsed->names_count == 0 &&
        is_memory_only(options, parsed->options_count) == pyr_table_is_memory_only(table)) {
        *out = table;
    }
    pyr_parsed_deinit(query);
    return PYR_OK;
}

static pyr_status create_appender(pyr_execution *execution, const pyr_table_definition *definition,
                                  pyr_create_mode mode, pyr_appender **out, pyr_error *error) {
    pyr_appender_options create = {.create = true,
                                   .mode = mode,
                                   .sql_types = definition->sql_types,
                                   .options = definition->options,
                                   .options_count = definition->options_count,
                                   .constraints = definition->constraints,
                                   .change = execution->change};
    return pyr_appender_create(execution->connection->db->catalog, definition->schema_name,
                               definition->name, definition->schema, &create, &execution->ledger,
                               out, error);
}

pyr_status pyr_share_rows(pyr_execution *execution, const pyr_table_definition *definition,
                          pyr_create_mode mode, const pyr_table *source, int64_t *rows,
                          pyr_error *error) {
    pyr_appender *appender = NULL;
    PYR_TRY(create_appender(execution, definition, mode, &appender, error));
    pyr_status status = pyr_appender_clone(appender, source, error);
    if (status == PYR_OK) {
        status = pyr_appender_commit(appender, rows, error);
    }
    pyr_appender_destroy(appender);
    return status;
}

/* Through an engine, for rows that are no segments. */
static pyr_status copy_rows(pyr_execution *execution, const pyr_table_definition *definition,
                            pyr_create_mode mode, const pyr_table *source, int64_t *rows,
                            pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT * FROM ");
    pyr_sql_quote_name(source->schema_name, &text);
    pyr_text_add_char(&text, '.');
    pyr_sql_quote_name(source->name, &text);
    pyr_result result = {0};
    pyr_appender *appender = NULL;
    pyr_status status = pyr_text_check(&text, error);
    char *sql =
        status == PYR_OK ? pyr_arena_strndup(&execution->arena, text.data, text.length) : NULL;
    int32_t *map = NULL;
    if (status == PYR_OK && sql == NULL) {
        status = pyr_arena_error(&execution->arena, error);
    }
    if (status == PYR_OK) {
        status =
            pyr_columns_from(&execution->arena, 0, definition->schema->fields_count, &map, error);
    }
    if (status == PYR_OK) {
        pyr_span span = {.text = sql, .length = text.length};
        status = pyr_run_query(execution, &span, NULL, &result, error);
    }
    if (status == PYR_OK) {
        status = create_appender(execution, definition, mode, &appender, error);
    }
    if (status == PYR_OK) {
        status = pyr_append_stream(execution, result.stream, definition->schema, map, appender,
                                   rows, error);
    }
    pyr_appender_destroy(appender);
    pyr_stream_destroy(result.stream);
    pyr_text_deinit(&text);
    return status;
}

pyr_status pyr_run_clone(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                         pyr_error *error) {
    pyr_table *source = NULL;
    PYR_TRY(pyr_resolve_table(execution, &parsed->of, &source, error));
    if ((source->id == 0 && !pyr_registry_is_seen(source)) || source->external != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parsed->of.offset,
                                 "CLONE of \"%s\", whose rows are not stored here", source->name);
    }
    pyr_create_mode mode = pyr_create_mode_of(parsed);
    if (mode == PYR_CREATE_IF_NOT_EXISTS &&
        pyr_snapshot_find(execution->snapshot, parsed->table.schema_name, parsed->table.name) !=
            NULL) {
        return pyr_result_message(out, error, "CREATE TABLE (already there)");
    }
    pyr_table_definition definition = {.schema_name = parsed->table.schema_name,
                                       .name = parsed->table.name,
                                       .schema = source->schema,
                                       .sql_types = source->sql_types,
                                       .options = source->options,
                                       .options_count = source->options_count,
                                       .constraints = source->constraints};
    PYR_TRY(may_share(source)
                ? pyr_share_rows(execution, &definition, mode, source, &out->rows_changed, error)
                : copy_rows(execution, &definition, mode, source, &out->rows_changed, error));
    return pyr_result_message(out, error, "CREATE TABLE (%lld rows)", (long long)out->rows_changed);
}
