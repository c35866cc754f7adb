/* write.c - CREATE TABLE, CREATE TABLE AS, INSERT, DROP TABLE: writing is reading first. A query
 * runs through the same engines and its batches go to an appender. */
#include "arrow/cast.h"
#include "session/session_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Moving a stream into an appender. ---- */

/* columns_map[i]: the source column of table column i, or -1 for NULL. */
static pyr_status append_stream(pyr_execution *execution, pyr_stream *stream, pyr_schema *schema,
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

static pyr_status check_columns_supported(const pyr_parsed *parsed, pyr_error *error) {
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        const pyr_column_definition *column = &parsed->columns[i];
        const char *what = column->primary_key                  ? "PRIMARY KEY"
                           : column->unique                     ? "UNIQUE"
                           : column->default_value.text != NULL ? "DEFAULT"
                           : column->check.text != NULL         ? "CHECK"
                                                                : NULL;
        if (what != NULL) {
            return pyr_error_set_sql(
                error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)column->offset,
                "column \"%s\": %s is not supported by this version", column->name, what);
        }
    }
    if (parsed->constraints_count > 0) {
        const pyr_table_constraint *constraint = &parsed->constraints[0];
        static const char *const kinds[] = {[PYR_CONSTRAINT_PRIMARY_KEY] = "PRIMARY KEY",
                                            [PYR_CONSTRAINT_UNIQUE] = "UNIQUE",
                                            [PYR_CONSTRAINT_CHECK] = "CHECK"};
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)constraint->offset,
                                 "table \"%s\": %s is not supported by this version",
                                 parsed->table.name, kinds[constraint->kind]);
    }
    return PYR_OK;
}

static pyr_status check_option(const pyr_option_value *option, pyr_error *error) {
    static const struct {
        const char *name;
        const char *values[4];
    } known[] = {
        {"storage_mode", {"durable", "memory_only", NULL}},
        {"format", {"arrow", NULL}},
        {"compression", {"none", "zstd", "lz4", NULL}},
        {"sync", {"commit", "none", NULL}},
        {"time_unit", {"s", "ms", "us", "ns"}},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (strcmp(option->name, known[i].name) != 0) {
            continue;
        }
        for (size_t j = 0; j < 4 && known[i].values[j] != NULL; ++j) {
            if (option->value != NULL && strcasecmp(option->value, known[i].values[j]) == 0) {
                return PYR_OK;
            }
        }
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", (int32_t)option->offset,
                                 "option %s: \"%s\" is not supported", option->name,
                                 option->value != NULL ? option->value : "");
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", (int32_t)option->offset,
                             "unknown table option \"%s\"; known are storage_mode, format, "
                             "compression, sync, time_unit",
                             option->name);
}

static pyr_status collect_options(pyr_execution *execution, const pyr_parsed *parsed,
                                  pyr_table_option **out, pyr_error *error) {
    pyr_table_option *options =
        pyr_arena_array(&execution->arena, parsed->options_count + 1, sizeof(*options));
    if (options == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (size_t i = 0; i < parsed->options_count; ++i) {
        PYR_TRY(check_option(&parsed->options[i], error));
        options[i].name = parsed->options[i].name;
        options[i].value = parsed->options[i].value;
    }
    *out = options;
    return PYR_OK;
}

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

static pyr_create_mode create_mode(const pyr_parsed *parsed) {
    return parsed->or_replace      ? PYR_CREATE_OR_REPLACE
           : parsed->if_not_exists ? PYR_CREATE_IF_NOT_EXISTS
                                   : PYR_CREATE_NEW;
}

static void identity_map(int32_t *map, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        map[i] = i;
    }
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
        map = pyr_arena_array(&execution->arena, (size_t)schema->fields_count + 1, sizeof(*map));
        status = map != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    if (status == PYR_OK) {
        identity_map(map, schema->fields_count);
        pyr_appender_options create = {.create = true,
                                       .mode = create_mode(parsed),
                                       .sql_types = types,
                                       .options = options,
                                       .options_count = parsed->options_count,
                                       .change = execution->change};
        status = pyr_appender_create(execution->connection->db->catalog, parsed->table.schema_name,
                                     parsed->table.name, schema, &create, &execution->ledger,
                                     &appender, error);
    }
    if (status == PYR_OK) {
        status = append_stream(execution, source.stream, schema, map, appender, &out->rows_changed,
                               error);
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

pyr_status pyr_run_create_table(pyr_execution *execution, const pyr_parsed *parsed,
                                pyr_batch *params, pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "CREATE TABLE", error));
    if (parsed->temporary) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "CREATE TEMP TABLE is not supported by this version");
    }
    PYR_TRY(check_columns_supported(parsed, error));
    pyr_table_option *options = NULL;
    PYR_TRY(collect_options(execution, parsed, &options, error));
    bool there = pyr_snapshot_find(execution->snapshot, parsed->table.schema_name,
                                   parsed->table.name) != NULL;
    if (parsed->query.text != NULL) {
        if (there && parsed->if_not_exists) {
            return pyr_result_message(out, error, "CREATE TABLE (already there)");
        }
        return create_table_as(execution, parsed, params, options, out, error);
    }
    pyr_schema *schema = NULL;
    char *types = NULL;
    bool created = false;
    pyr_status status = schema_of_columns(parsed, &schema, error);
    if (status == PYR_OK) {
        status = types_json(parsed, schema, &types, error);
    }
    if (status == PYR_OK) {
        pyr_table_definition definition = {.schema_name = parsed->table.schema_name,
                                           .name = parsed->table.name,
                                           .schema = schema,
                                           .sql_types = types,
                                           .options = options,
                                           .options_count = parsed->options_count};
        status = pyr_execution_create_table(execution, &definition, create_mode(parsed), &created,
                                            error);
    }
    if (status == PYR_OK) {
        status =
            pyr_result_message(out, error, "CREATE TABLE%s", created ? "" : " (already there)");
    }
    pyr_schema_release(schema);
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

/* ---- INSERT. ---- */

/* Source column for each table column, -1 where the statement gives none. names_count 0: by place.
 */
static pyr_status map_columns(const pyr_parsed *parsed, const pyr_table *table, int32_t *map,
                              int32_t *sources, pyr_error *error) {
    int32_t count = table->schema->fields_count;
    if (parsed->names_count == 0) {
        identity_map(map, count);
        *sources = count;
        return PYR_OK;
    }
    for (int32_t i = 0; i < count; ++i) {
        map[i] = -1;
    }
    for (size_t i = 0; i < parsed->names_count; ++i) {
        int32_t column = pyr_schema_find(table->schema, parsed->names[i], true);
        if (column < 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)parsed->table.offset,
                                     "table \"%s\" has no column \"%s\"", table->name,
                                     parsed->names[i]);
        }
        if (map[column] >= 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)parsed->table.offset,
                                     "column \"%s\" is named twice", parsed->names[i]);
        }
        map[column] = (int32_t)i;
    }
    *sources = (int32_t)parsed->names_count;
    return PYR_OK;
}

/* The table column that a source column goes to: every one goes to exactly one. */
static const pyr_field *target_of(const pyr_table *table, const int32_t *map, int32_t source) {
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        if (map[i] == source) {
            return table->schema->fields[i];
        }
    }
    return NULL;
}

/* SELECT CAST(a AS T0), ... FROM (source) t(a, ...): lets DuckDB do the casts that we do not. The
 * source stands at *source_offset in the text. Casts give the columns in the source's order, under
 * the table's names, which DuckDB's messages then say. */
static pyr_status wrap_in_casts(pyr_execution *execution, const pyr_span *source,
                                const pyr_table *table, const int32_t *map, int32_t sources,
                                pyr_span *out, size_t *source_offset, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT ");
    for (int32_t i = 0; i < sources; ++i) {
        const pyr_field *field = target_of(table, map, i);
        pyr_text_add(&text, i > 0 ? ", CAST(" : "CAST(");
        pyr_sql_quote_name(field->name, &text);
        pyr_text_add(&text, " AS ");
        pyr_sql_type_print(field, &text);
        pyr_text_add(&text, ") AS ");
        pyr_sql_quote_name(field->name, &text);
    }
    pyr_text_add(&text, " FROM (");
    *source_offset = text.length;
    pyr_text_append(&text, source->text, source->length);
    pyr_text_add(&text, "\n) AS source(");
    for (int32_t i = 0; i < sources; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "");
        pyr_sql_quote_name(target_of(table, map, i)->name, &text);
    }
    pyr_text_add_char(&text, ')');
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        out->text = pyr_arena_strndup(&execution->arena, text.data, text.length);
        out->length = text.length;
        out->offset = 0;
        status = out->text != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_text_deinit(&text);
    return status;
}

/* Positions inside a wrapped text are taken back to the statement's own. */
static void move_position(pyr_error *error, size_t source_offset, const pyr_span *source) {
    if (error == NULL || error->position < 0) {
        return;
    }
    size_t position = (size_t)error->position;
    if (position >= source_offset && position <= source_offset + source->length) {
        error->position = (int32_t)(position - source_offset + source->offset);
    } else {
        error->position = (int32_t)source->offset;
    }
}

static bool casts_covered(const pyr_schema *from, const pyr_schema *to, const int32_t *map) {
    for (int32_t i = 0; i < to->fields_count; ++i) {
        if (map[i] >= 0 && !pyr_cast_is_covered(from->fields[map[i]], to->fields[i])) {
            return false;
        }
    }
    return true;
}

/* Prepares the source: bound is the caller's to run or deinit, also after a failure. *covered: our
 * own casts bring its columns to the table's types. */
static pyr_status bind_source(pyr_execution *execution, const pyr_span *source,
                              const pyr_table *table, const int32_t *map, int32_t sources,
                              pyr_batch *params, pyr_bound *bound, bool *covered,
                              pyr_error *error) {
    memset(bound, 0, sizeof(*bound));
    char *sql = pyr_arena_strndup(&execution->arena, source->text, source->length);
    if (sql == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_status status = pyr_bound_prepare(execution, sql, source->length, params, bound, error);
    if (status != PYR_OK) {
        if (error != NULL && error->position >= 0) {
            error->position += (int32_t)source->offset;
        }
        return status;
    }
    pyr_schema *schema = bound->prepared->schema;
    int32_t found = schema != NULL ? schema->fields_count : sources;
    if (found != sources) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)source->offset,
                                 "table \"%s\": %d columns are to be filled, but %d values are "
                                 "given",
                                 table->name, (int)sources, (int)found);
    }
    *covered = schema != NULL && casts_covered(schema, table->schema, map);
    return PYR_OK;
}

/* A VALUES list whose values do not come as the table's types: each is cast by itself. *done false:
 * the source is no such list. */
static pyr_status run_values(pyr_execution *execution, const pyr_span *source,
                             const pyr_table *table, const int32_t *map, int32_t sources,
                             pyr_batch *params, bool *done, pyr_result *out, pyr_error *error) {
    *done = false;
    const pyr_field **fields =
        pyr_arena_array(&execution->arena, (size_t)sources + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (int32_t i = 0; i < sources; ++i) {
        fields[i] = target_of(table, map, i);
    }
    pyr_values_text *values = NULL;
    PYR_TRY(pyr_values_cast(&execution->arena, source, fields, sources, &values, error));
    if (values == NULL) {
        return PYR_OK;
    }
    *done = true;
    pyr_status status = pyr_run_query(execution, pyr_values_span(values), params, out, error);
    if (status != PYR_OK && error != NULL && error->position >= 0) {
        size_t position = pyr_values_position(values, (size_t)error->position);
        error->position = (int32_t)(position + source->offset);
    }
    return status;
}

static pyr_status run_wrapped(pyr_execution *execution, const pyr_span *source,
                              const pyr_table *table, const int32_t *map, int32_t sources,
                              pyr_batch *params, pyr_result *out, pyr_error *error) {
    pyr_span wrapped;
    size_t source_offset = 0;
    PYR_TRY(wrap_in_casts(execution, source, table, map, sources, &wrapped, &source_offset, error));
    pyr_status status = pyr_run_query(execution, &wrapped, params, out, error);
    if (status != PYR_OK) {
        move_position(error, source_offset, source);
    }
    return status;
}

/* Runs the source so that its columns can be cast by us to the table's types: as it stands where
 * our casts suffice, else with the engine's casts around its values or around all of it. */
static pyr_status run_source(pyr_execution *execution, const pyr_span *source,
                             const pyr_table *table, const int32_t *map, int32_t sources,
                             pyr_batch *params, pyr_result *out, pyr_error *error) {
    bool covered = false;
    pyr_bound bound;
    pyr_error first; /* kept apart: a list that does not bind as it stands may do so cast */
    pyr_status bind_status =
        bind_source(execution, source, table, map, sources, params, &bound, &covered, &first);
    pyr_status status = PYR_OK;
    if (covered) {
        status = pyr_bound_run(execution, &bound, out, error);
        if (status != PYR_OK && error != NULL && error->position >= 0) {
            error->position += (int32_t)source->offset;
        }
    }
    pyr_bound_deinit(&bound);
    if (covered) {
        return status;
    }
    bool done = false;
    if (bind_status == PYR_OK || bind_status == PYR_ERROR_SQL ||
        bind_status == PYR_ERROR_NOT_SUPPORTED) {
        status = run_values(execution, source, table, map, sources, params, &done, out, error);
    }
    if (status != PYR_OK || done) {
        return status;
    }
    if (bind_status != PYR_OK) {
        if (error != NULL) {
            *error = first;
        }
        return bind_status;
    }
    return run_wrapped(execution, source, table, map, sources, params, out, error);
}

/* The table and which source column goes where, in the arena. */
static pyr_status find_target(pyr_execution *execution, const pyr_parsed *parsed, pyr_table **table,
                              int32_t **map, int32_t *sources, pyr_error *error) {
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, table, error));
    *map = pyr_arena_array(&execution->arena, (size_t)(*table)->schema->fields_count + 1,
                           sizeof(**map));
    if (*map == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    return map_columns(parsed, *table, *map, sources, error);
}

pyr_status pyr_insert_from(pyr_execution *execution, const pyr_parsed *parsed,
                           const pyr_span *source, pyr_batch *params, pyr_result *out,
                           pyr_error *error) {
    pyr_table *table = NULL;
    int32_t sources = 0;
    int32_t *map = NULL;
    PYR_TRY(find_target(execution, parsed, &table, &map, &sources, error));
    pyr_result result = {0};
    pyr_appender *appender = NULL;
    pyr_appender_options options = {.change = execution->change};
    /* The execution's snapshot, and with it the table, lives until the statement ends. */
    pyr_status status = run_source(execution, source, table, map, sources, params, &result, error);
    if (status == PYR_OK) {
        status =
            pyr_appender_create(execution->connection->db->catalog, table->schema_name, table->name,
                                table->schema, &options, &execution->ledger, &appender, error);
    }
    if (status == PYR_OK) {
        status = append_stream(execution, result.stream, table->schema, map, appender,
                               &out->rows_changed, error);
    }
    if (status == PYR_OK && parsed->kind == PYR_PARSED_INSERT) {
        status = pyr_result_message(out, error, "INSERT %lld", (long long)out->rows_changed);
    } else if (status == PYR_OK) {
        status = pyr_result_message(out, error, "COPY %lld", (long long)out->rows_changed);
    }
    pyr_appender_destroy(appender);
    pyr_stream_destroy(result.stream);
    return status;
}

static pyr_status check_insert_supported(const pyr_execution *execution, const pyr_parsed *parsed,
                                         pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "INSERT", error));
    const char *unsupported = parsed->on_conflict      ? "ON CONFLICT"
                              : parsed->returning      ? "RETURNING"
                              : parsed->default_values ? "DEFAULT VALUES"
                                                       : NULL;
    if (unsupported != NULL) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "INSERT: %s is not supported by this version", unsupported);
    }
    return PYR_OK;
}

pyr_status pyr_check_insert(pyr_execution *execution, const pyr_parsed *parsed,
                            pyr_schema **parameters, pyr_error *error) {
    *parameters = NULL;
    pyr_table *table = NULL;
    int32_t sources = 0;
    int32_t *map = NULL;
    bool covered = false;
    pyr_bound bound = {0};
    PYR_TRY(check_insert_supported(execution, parsed, error));
    PYR_TRY(find_target(execution, parsed, &table, &map, &sources, error));
    pyr_status status =
        bind_source(execution, &parsed->query, table, map, sources, NULL, &bound, &covered, error);
    if (status == PYR_OK) {
        assert(bound.prepared != NULL);
        *parameters = pyr_schema_retain(bound.prepared->parameters);
    }
    pyr_bound_deinit(&bound);
    return status;
}

pyr_status pyr_run_insert(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                          pyr_result *out, pyr_error *error) {
    PYR_TRY(check_insert_supported(execution, parsed, error));
    return pyr_insert_from(execution, parsed, &parsed->query, params, out, error);
}
