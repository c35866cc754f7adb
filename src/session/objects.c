/* objects.c - CREATE and COMMENT ON of schemas, types, sequences, macros and views.
 *
 * An object is text; before the catalog has it DuckDB is shown it once, in a snapshot that has it
 * already: what is wrong with it is said by who will run it.
 */
#include "session/objects_internal.h"
#include "sql/lexer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *pyr_object_schema(const pyr_parsed *parsed) {
    return parsed->table.schema_name != NULL ? parsed->table.schema_name : "main";
}

pyr_entry *pyr_object_find(const pyr_execution *execution, const pyr_parsed *parsed) {
    return pyr_entries_find(pyr_snapshot_entries(execution->snapshot), parsed->object_kind,
                            pyr_object_schema(parsed), parsed->table.name, NULL);
}

const char *pyr_object_word(pyr_entry_kind kind) {
    static const char *const words[] = {
        "", "SCHEMA", "TYPE", "SEQUENCE", "MACRO", "MACRO TABLE", "VIEW", "COMMENT", "INDEX"};
    return words[kind];
}

pyr_status pyr_object_missing(const pyr_parsed *parsed, pyr_error *error) {
    static const char *const states[] = {"",      "3F000", "42704", "42P01", "42883",
                                         "42883", "42P01", "42704", "42704"};
    return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, states[parsed->object_kind],
                             (int32_t)parsed->table.offset, "%s \"%s\" does not exist",
                             pyr_entry_kind_name(parsed->object_kind), parsed->table.name);
}

/* ---- Trying an object. ---- */

static pyr_status prepare_with(pyr_execution *execution, pyr_entry *object, const char *sql,
                               pyr_bound *bound, pyr_error *error) {
    pyr_settings before = execution->settings;
    memcpy(execution->settings.engine, "duckdb", sizeof("duckdb"));
    execution->define = object;
    pyr_status status = pyr_bound_prepare(execution, sql, strlen(sql), NULL, bound, error);
    execution->define = NULL;
    execution->settings = before;
    return status;
}

/* The snapshot with object in there's place. */
static pyr_status enter(pyr_execution *execution, const pyr_entry *there, pyr_entry *object,
                        pyr_snapshot **before, pyr_error *error) {
    pyr_entries *objects = NULL;
    pyr_snapshot *with = NULL;
    *before = NULL;
    PYR_TRY(pyr_entries_change(pyr_snapshot_entries(execution->snapshot), there, object, &objects,
                               error));
    pyr_status status = pyr_snapshot_with_entries(execution->snapshot, objects, &with, error);
    pyr_entries_release(objects);
    PYR_TRY(status);
    *before = execution->snapshot;
    execution->snapshot = with;
    return PYR_OK;
}

static void leave(pyr_execution *execution, pyr_snapshot *before) {
    pyr_snapshot_release(execution->snapshot);
    execution->snapshot = before;
}

static pyr_status needs_duckdb(const pyr_parsed *parsed, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
                             "CREATE %s needs the DuckDB engine, which this build is without",
                             pyr_object_word(parsed->object_kind));
}

/* ---- Enums of a query. ---- */

/* AS ENUM (SELECT ...): its values are those the query gives now. */
static bool is_enum_of_query(const char *definition) {
    pyr_lexer lexer = pyr_lexer_over(definition, strlen(definition));
    (void)pyr_lexer_next(&lexer); /* AS */
    pyr_token word = pyr_lexer_next(&lexer);
    pyr_token open = pyr_lexer_next(&lexer);
    pyr_token inside = pyr_lexer_next(&lexer);
    return pyr_token_is_word(&word, "ENUM") && pyr_token_is_char(&open, '(') &&
           !pyr_token_is_string(&inside) && !pyr_token_is_char(&inside, ')');
}

static pyr_status add_values(pyr_stream *stream, pyr_text *out, pyr_error *error) {
    bool first = true;
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        for (int64_t i = 0; i < batch->rows; ++i) {
            size_t length = 0;
            const uint8_t *bytes = pyr_array_bytes(batch->columns[0], i, &length);
            char *value = strndup((const char *)bytes, length);
            if (value != NULL) {
                pyr_text_add(out, first ? "" : ", ");
                pyr_sql_quote_string(value, out);
            }
            out->failed = out->failed || value == NULL;
            first = false;
            free(value);
        }
        pyr_batch_release(batch);
    }
}

/* The definition with its values written out, in the arena. */
static pyr_status freeze_enum(pyr_execution *execution, const pyr_entry *object, char **out,
                              pyr_error *error) {
    pyr_text sql;
    pyr_text text;
    pyr_text_init(&sql);
    pyr_text_init(&text);
    pyr_text_add(&sql, "SELECT unnest(enum_range(CAST(NULL AS ");
    pyr_sql_quote_name(object->schema_name, &sql);
    pyr_text_add_char(&sql, '.');
    pyr_sql_quote_name(object->name, &sql);
    pyr_text_add(&sql, ")))");
    pyr_text_add(&text, "AS ENUM (");
    pyr_bound bound = {0};
    pyr_stream *stream = NULL;
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK) {
        status = prepare_with(execution, NULL, pyr_text_get(&sql), &bound, error);
    }
    if (status == PYR_OK) {
        status = pyr_bound_execute(&bound, &stream, error);
    }
    if (status == PYR_OK) {
        status = add_values(stream, &text, error);
    }
    pyr_text_add_char(&text, ')');
    if (status == PYR_OK) {
        status = pyr_text_check(&text, error);
    }
    if (status == PYR_OK) {
        *out = pyr_arena_strdup(&execution->arena, pyr_text_get(&text));
        status = *out != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_stream_destroy(stream);
    pyr_bound_deinit(&bound);
    pyr_text_deinit(&sql);
    pyr_text_deinit(&text);
    return status;
}

/* ---- CREATE. ---- */

/* What DuckDB says to it; *definition: other words for it, where it is not to be kept as it is. */
static pyr_status try_object(pyr_execution *execution, const pyr_parsed *parsed,
                             const pyr_entry *there, pyr_entry *object, char **definition,
                             pyr_error *error) {
    if (parsed->object_kind == PYR_ENTRY_SCHEMA || parsed->object_kind == PYR_ENTRY_SEQUENCE) {
        return PYR_OK;
    }
    if (execution->worker.duckdb == NULL) {
        return needs_duckdb(parsed, error);
    }
    pyr_snapshot *before = NULL;
    pyr_bound bound = {0};
    PYR_TRY(enter(execution, there, object, &before, error));
    pyr_status status =
        pyr_system_tables_need(execution, object->definition, strlen(object->definition), error);
    if (status == PYR_OK) {
        status = prepare_with(execution, object, "SELECT 1", &bound, error);
        if (status != PYR_OK && error != NULL && error->position >= 0) {
            error->position += (int32_t)parsed->definition.offset;
        }
    }
    pyr_bound_deinit(&bound);
    if (status == PYR_OK && parsed->object_kind == PYR_ENTRY_TYPE &&
        is_enum_of_query(object->definition)) {
        status = freeze_enum(execution, object, definition, error);
    }
    leave(execution, before);
    return status;
}

static pyr_status new_object(pyr_execution *execution, const pyr_parsed *parsed,
                             const char *definition, pyr_entry **out, pyr_error *error) {
    return pyr_catalog_new_entry(execution->connection->db->catalog, parsed->object_kind,
                                 pyr_object_schema(parsed), parsed->table.name, NULL, definition,
                                 out, error);
}

static pyr_status put(pyr_execution *execution, pyr_entry *object, pyr_create_mode mode,
                      bool *created, pyr_error *error) {
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    pyr_status status = pyr_change_put_entry(own.change, object, mode, created, error);
    return pyr_own_change_end(&own, status, error);
}

static pyr_status create(pyr_execution *execution, const pyr_parsed *parsed, bool *created,
                         pyr_error *error) {
    const pyr_entry *there = pyr_object_find(execution, parsed);
    pyr_entry *object = NULL;
    char *definition = parsed->object_kind == PYR_ENTRY_SEQUENCE ? parsed->value : NULL;
    if (definition == NULL) {
        definition = pyr_arena_strndup(&execution->arena, parsed->definition.text,
                                       parsed->definition.length);
    }
    if (definition == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    PYR_TRY(new_object(execution, parsed, definition, &object, error));
    char *frozen = NULL;
    pyr_status status = try_object(execution, parsed, there, object, &frozen, error);
    if (status == PYR_OK && frozen != NULL) {
        pyr_entry_release(object);
        object = NULL;
        status = new_object(execution, parsed, frozen, &object, error);
    }
    if (status == PYR_OK) {
        status = put(execution, object, parsed->or_replace ? PYR_CREATE_OR_REPLACE : PYR_CREATE_NEW,
                     created, error);
    }
    pyr_entry_release(object);
    return status;
}

/* Before anything is asked of DuckDB. */
static pyr_status check_create(const pyr_execution *execution, const pyr_parsed *parsed,
                               pyr_error *error) {
    const char *schema = pyr_object_schema(parsed);
    bool is_schema = parsed->object_kind == PYR_ENTRY_SCHEMA;
    if (parsed->temporary) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
                                 "CREATE TEMP %s is not supported by this version",
                                 pyr_object_word(parsed->object_kind));
    }
    bool replaced = parsed->or_replace && pyr_object_find(execution, parsed) != NULL;
    if (is_schema && pyr_temporary_is_schema(schema)) {
        return pyr_error_set_sql(
            error, PYR_ERROR_PERMISSION, "42501", (int32_t)parsed->table.offset,
            "schema \"%s\": names like this are those of temporary tables", schema);
    }
    if (is_schema && !replaced && pyr_snapshot_has_schema(execution->snapshot, schema)) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P06",
                                 (int32_t)parsed->table.offset, "schema \"%s\" already exists",
                                 schema);
    }
    if (!is_schema && !pyr_snapshot_has_schema(execution->snapshot, schema)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", (int32_t)parsed->table.offset,
                                 "schema \"%s\" does not exist", schema);
    }
    bool is_table = parsed->object_kind == PYR_ENTRY_VIEW &&
                    pyr_snapshot_find(execution->snapshot, schema, parsed->table.name) != NULL;
    if (is_table || (pyr_object_find(execution, parsed) != NULL && !parsed->or_replace)) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07",
                                 (int32_t)parsed->table.offset, "%s \"%s\" already exists",
                                 is_table ? "table" : pyr_entry_kind_name(parsed->object_kind),
                                 parsed->table.name);
    }
    return PYR_OK;
}

pyr_status pyr_run_create_object(pyr_execution *execution, const pyr_parsed *parsed,
                                 pyr_result *out, pyr_error *error) {
    if (parsed->object_kind == PYR_ENTRY_INDEX) {
        return pyr_run_create_index(execution, parsed, out, error);
    }
    const char *word = pyr_object_word(parsed->object_kind);
    PYR_TRY(pyr_check_writable(execution, "CREATE", error));
    bool there = pyr_object_find(execution, parsed) != NULL ||
                 (parsed->object_kind == PYR_ENTRY_SCHEMA &&
                  pyr_snapshot_has_schema(execution->snapshot, pyr_object_schema(parsed)));
    bool is_table = parsed->object_kind == PYR_ENTRY_VIEW &&
                    pyr_snapshot_find(execution->snapshot, pyr_object_schema(parsed),
                                      parsed->table.name) != NULL;
    if ((there || is_table) && parsed->if_not_exists) {
        return pyr_result_message(out, error, "CREATE %s (already there)", word);
    }
    PYR_TRY(check_create(execution, parsed, error));
    bool created = false;
    pyr_status status = create(execution, parsed, &created, error);
    if (status == PYR_ERROR_ALREADY_EXISTS && parsed->if_not_exists) {
        return pyr_result_message(out, error, "CREATE %s (already there)", word);
    }
    PYR_TRY(status);
    return pyr_result_message(out, error, "CREATE %s", word);
}

/* ---- Types of columns. ---- */

/* What DuckDB makes of a type that somebody created. */
static pyr_status resolve_type(pyr_execution *execution, pyr_column_definition *column,
                               pyr_error *error) {
    char *sql =
        pyr_arena_printf(&execution->arena, "SELECT CAST(NULL AS %s) AS x", column->sql_type);
    if (sql == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    if (execution->worker.duckdb == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", (int32_t)column->offset,
                                 "type \"%s\" does not exist", column->sql_type);
    }
    pyr_bound bound;
    pyr_status status = prepare_with(execution, NULL, sql, &bound, error);
    if (status == PYR_OK && bound.prepared->schema == NULL) {
        status = pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", (int32_t)column->offset,
                                   "type \"%s\" cannot be a column's", column->sql_type);
    }
    if (status == PYR_OK) {
        const pyr_field *field = bound.prepared->schema->fields[0];
        status = pyr_field_with(field, column->name, !column->not_null, field->metadata,
                                &column->field, error);
    } else if (error != NULL) {
        error->position = (int32_t)column->offset;
    }
    pyr_bound_deinit(&bound);
    return status;
}

pyr_status pyr_resolve_types(pyr_execution *execution, const pyr_parsed *parsed, pyr_error *error) {
    for (size_t i = 0; i < parsed->columns_count + parsed->partitions_count; ++i) {
        pyr_column_definition *column = i < parsed->columns_count
                                            ? &parsed->columns[i]
                                            : &parsed->partitions[i - parsed->columns_count];
        if (column->field == NULL && column->sql_type != NULL) {
            PYR_TRY(resolve_type(execution, column, error));
        }
    }
    return PYR_OK;
}

/* ---- COMMENT ON. ---- */

static pyr_status check_target(const pyr_execution *execution, const pyr_parsed *parsed,
                               pyr_error *error) {
    const char *schema = pyr_object_schema(parsed);
    if (parsed->target_kind != PYR_ENTRY_COMMENT) {
        pyr_parsed target = *parsed;
        target.object_kind = parsed->target_kind;
        bool there = parsed->target_kind == PYR_ENTRY_SCHEMA
                         ? pyr_snapshot_has_schema(execution->snapshot, schema)
                         : pyr_object_find(execution, &target) != NULL;
        return there ? PYR_OK : pyr_object_missing(&target, error);
    }
    const pyr_table *table = pyr_snapshot_find(execution->snapshot, schema, parsed->table.name);
    bool is_view = pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_VIEW,
                                    schema, parsed->table.name, NULL) != NULL;
    if (table == NULL && !(is_view && parsed->name != NULL)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", (int32_t)parsed->table.offset,
                                 "table \"%s\" does not exist", parsed->table.name);
    }
    if (table != NULL && parsed->name != NULL &&
        pyr_schema_find(table->schema, parsed->name, true) < 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)parsed->table.offset,
                                 "table \"%s\" has no column \"%s\"", table->name, parsed->name);
    }
    return PYR_OK;
}

pyr_status pyr_run_comment(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                           pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "COMMENT", error));
    PYR_TRY(check_target(execution, parsed, error));
    const char *detail =
        parsed->target_kind != PYR_ENTRY_COMMENT ? pyr_object_word(parsed->target_kind) : "TABLE";
    if (parsed->name != NULL) {
        detail = pyr_arena_printf(&execution->arena, "COLUMN %s", parsed->name);
    }
    if (detail == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_entry *there =
        pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_COMMENT,
                         pyr_object_schema(parsed), parsed->table.name, detail);
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    pyr_status status = PYR_OK;
    if (parsed->value == NULL) {
        status = there != NULL ? pyr_change_drop_entry(own.change, there, error) : PYR_OK;
    } else {
        pyr_entry *object = NULL;
        bool created = false;
        status = pyr_catalog_new_entry(execution->connection->db->catalog, PYR_ENTRY_COMMENT,
                                       pyr_object_schema(parsed), parsed->table.name, detail,
                                       parsed->value, &object, error);
        if (status == PYR_OK) {
            status =
                pyr_change_put_entry(own.change, object, PYR_CREATE_OR_REPLACE, &created, error);
        }
        pyr_entry_release(object);
    }
    PYR_TRY(pyr_own_change_end(&own, status, error));
    return pyr_result_message(out, error, "COMMENT");
}
