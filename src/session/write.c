/* write.c - CREATE TABLE, CREATE TABLE AS, DROP TABLE: writing is reading first. A query runs
 * through the same engines and its batches go to an appender. */
#include "arrow/cast.h"
#include "session/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Moving a stream into an appender. ---- */

pyr_status pyr_append_stream(pyr_execution *execution, pyr_stream *stream, pyr_schema *schema,
                             const int32_t *columns_map, pyr_appender *appender, int64_t *rows,
                             pyr_error *error) {
    for (;;) {
        PYR_TRY(pyr_cancel_flag_check(&execution->cancel, error));
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            break;
        }
        pyr_batch *adapted = NULL;
        pyr_status status = pyr_batch_cast(batch, schema, columns_map, &execution->ledger,
                                           execution->budget, &adapted, error);
        if (status == PYR_OK) {
            status = pyr_appender_batch(appender, adapted, error);
        }
        if (status == PYR_OK) {
            /* A source mapping that was cut while it was read must not become rows of ours. */
            status = pyr_batch_check_mappings(batch, error);
        }
        pyr_batch_release(adapted);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
    return pyr_appender_commit(appender, rows, error);
}

/* ---- CREATE TABLE. ---- */

/* JSON array of the SQL types, as the catalog keeps them. */
static pyr_status types_json(const pyr_parsed *parsed, const pyr_schema *schema, char **out,
                             pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add_char(&text, '[');
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        if (i > 0) {
            pyr_text_add(&text, ", ");
        }
        if (parsed != NULL && (size_t)i < parsed->columns_count) {
            const char *type = parsed->columns[i].sql_type;
            pyr_text_add_json(&text, type, strlen(type));
        } else {
            pyr_text type;
            pyr_text_init(&type);
            pyr_sql_type_print(schema->fields[i], &type);
            pyr_text_add_json(&text, pyr_text_get(&type), type.length);
            text.failed |= type.failed;
            pyr_text_deinit(&type);
        }
    }
    pyr_text_add_char(&text, ']');
    pyr_status status = pyr_text_check(&text, error);
    *out = status == PYR_OK ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    return status;
}

static pyr_status schema_of_columns(const pyr_parsed *parsed, pyr_schema **out, pyr_error *error) {
    size_t count = parsed->columns_count;
    pyr_field **fields = calloc(count > 0 ? count : 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        const pyr_column_definition *column = &parsed->columns[i];
        status = pyr_field_with(column->field, column->name, !column->not_null,
                                column->field->metadata, &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

pyr_create_mode pyr_create_mode_of(const pyr_parsed *parsed) {
    return parsed->or_replace      ? PYR_CREATE_OR_REPLACE
           : parsed->if_not_exists ? PYR_CREATE_IF_NOT_EXISTS
                                   : PYR_CREATE_NEW;
}

/* Query results may carry fields that a table cannot: names are made unique the way DuckDB does for
 * CREATE TABLE AS (a, a_1), fields become nullable. CREATE TABLE t (x, y) AS names the first ones,
 * and two of those that are the same are refused with the schema. */
static pyr_status table_schema_of_result(const pyr_schema *result, const pyr_parsed *parsed,
                                         pyr_schema **out, pyr_error *error) {
    size_t count = (size_t)result->fields_count;
    if (parsed->names_count > count) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)parsed->table.offset,
                                 "table \"%s\": %zu columns are named, but the query gives %zu",
                                 parsed->table.name, parsed->names_count, count);
    }
    pyr_field **fields = calloc(count > 0 ? count : 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        pyr_text name;
        pyr_text_init(&name);
        bool named = i < parsed->names_count;
        pyr_text_add(&name, named ? parsed->names[i] : result->fields[i]->name);
        int suffix = 0;
        for (size_t j = 0; !named && j < i; ++j) {
            if (strcasecmp(fields[j]->name, pyr_text_get(&name)) == 0) {
                pyr_text_clear(&name);
                pyr_text_printf(&name, "%s_%d", result->fields[i]->name, ++suffix);
                j = (size_t)-1; /* look at all names again */
            }
        }
        status = pyr_text_check(&name, error);
        if (status == PYR_OK) {
            status = pyr_field_with(result->fields[i], pyr_text_get(&name), true,
                                    result->fields[i]->metadata, &fields[i], error);
        }
        pyr_text_deinit(&name);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

static pyr_status create_table_as(pyr_execution *execution, const pyr_parsed *parsed,
                                  pyr_batch *params, const pyr_table_option *options,
                                  pyr_result *out, pyr_error *error) {
    pyr_result source = {0};
    pyr_schema *schema = NULL;
    pyr_appender *appender = NULL;
    char *types = NULL;
    int32_t *map = NULL;
    pyr_status status = pyr_run_query(execution, &parsed->query, params, &source, error);
    if (status == PYR_OK) {
        status = table_schema_of_result(source.stream->schema, parsed, &schema, error);
    }
    if (status == PYR_OK) {
        status = types_json(NULL, schema, &types, error);
    }
    if (status == PYR_OK) {
        status = pyr_columns_from(&execution->arena, 0, schema->fields_count, &map, error);
    }
    if (status == PYR_OK) {
        pyr_appender_options create = {.create = true,
                                       .mode = pyr_create_mode_of(parsed),
                                       .sql_types = types,
                                       .options = options,
                                       .options_count = parsed->options_count,
                                       .change = execution->change};
        status = pyr_appender_create(execution->connection->db->catalog, parsed->table.schema_name,
                                     parsed->table.name, schema, &create, &execution->ledger,
                                     &appender, error);
    }
    if (status == PYR_OK) {
        status = pyr_append_stream(execution, source.stream, schema, map, appender,
                                   &out->rows_changed, error);
    }
    if (status == PYR_OK) {
        status = pyr_result_message(out, error, "CREATE TABLE (%lld rows)",
                                    (long long)out->rows_changed);
    }
    pyr_appender_destroy(appender);
    pyr_schema_release(schema);
    free(types);
    pyr_stream_destroy(source.stream);
    return status;
}

/* SELECT * of a whole table: its segments, by reference. */
static pyr_status create_table_sharing(pyr_execution *execution, const pyr_parsed *parsed,
                                       const pyr_table_option *options, const pyr_table *source,
                                       pyr_result *out, pyr_error *error) {
    pyr_schema *schema = NULL;
    PYR_TRY(table_schema_of_result(source->schema, parsed, &schema, error));
    pyr_table_definition definition = {.schema_name = parsed->table.schema_name,
                                       .name = parsed->table.name,
                                       .schema = schema,
                                       .sql_types = source->sql_types,
                                       .options = options,
                                       .options_count = parsed->options_count};
    pyr_status status = pyr_share_rows(execution, &definition, pyr_create_mode_of(parsed), source,
                                       &out->rows_changed, error);
    if (status == PYR_OK) {
        status = pyr_result_message(out, error, "CREATE TABLE (%lld rows)",
                                    (long long)out->rows_changed);
    }
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_run_create_table(pyr_execution *execution, const pyr_parsed *parsed,
                                pyr_batch *params, pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "CREATE TABLE", error));
    if (parsed->temporary) {
        return pyr_run_create_temporary(execution, parsed, params, out, error);
    }
    pyr_table_option *options = NULL;
    if (parsed->of.name != NULL) {
        return pyr_run_clone(execution, parsed, out, error);
    }
    PYR_TRY(pyr_collect_table_options(execution, parsed, &options, error));
    bool there = pyr_snapshot_find(execution->snapshot, parsed->table.schema_name,
                                   parsed->table.name) != NULL;
    if (parsed->query.text != NULL) {
        if (there && parsed->if_not_exists) {
            return pyr_result_message(out, error, "CREATE TABLE (already there)");
        }
        pyr_table *shared = NULL;
        PYR_TRY(pyr_find_shared(execution, parsed, options, &shared, error));
        return shared != NULL ? create_table_sharing(execution, parsed, options, shared, out, error)
                              : create_table_as(execution, parsed, params, options, out, error);
    }
    pyr_schema *schema = NULL;
    pyr_constraints *constraints = NULL;
    char *types = NULL;
    bool created = false;
    pyr_status status = pyr_generated_resolve(execution, parsed, error);
    if (status == PYR_OK) {
        status = schema_of_columns(parsed, &schema, error);
    }
    if (status == PYR_OK) {
        status = types_json(parsed, schema, &types, error);
    }
    if (status == PYR_OK) {
        status = pyr_constraints_of(execution, parsed, schema, &constraints, error);
    }
    if (status == PYR_OK) {
        pyr_table_definition definition = {.schema_name = parsed->table.schema_name,
                                           .name = parsed->table.name,
                                           .schema = schema,
                                           .sql_types = types,
                                           .options = options,
                                           .options_count = parsed->options_count,
                                           .constraints = constraints};
        status = pyr_execution_create_table(execution, &definition, pyr_create_mode_of(parsed),
                                            &created, error);
    }
    if (status == PYR_OK) {
        status =
            pyr_result_message(out, error, "CREATE TABLE%s", created ? "" : " (already there)");
    }
    pyr_schema_release(schema);
    pyr_constraints_release(constraints);
    free(types);
    return status;
}

pyr_status pyr_run_drop_table(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                              pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "DROP TABLE", error));
    bool dropped = false;
    pyr_status status =
        pyr_execution_drop_table(execution, &parsed->table, parsed->if_exists, &dropped, error);
    if (status != PYR_OK) {
        if (error != NULL && error->position < 0) {
            error->position = (int32_t)parsed->table.offset;
        }
        return status;
    }
    return pyr_result_message(out, error, "DROP TABLE%s", dropped ? "" : " (not there)");
}
