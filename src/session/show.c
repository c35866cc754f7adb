/* show.c - SHOW TABLES, SHOW CREATE TABLE, DESCRIBE, SHOW setting. */
#include "session/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int compare_names(const void *a, const void *b) {
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* Tables and views of the session's schema, and its temporary tables. */
static pyr_status show_tables(pyr_execution *execution, pyr_result *out, pyr_error *error) {
    const pyr_snapshot *snapshot = execution->snapshot;
    const pyr_entries *objects = pyr_snapshot_entries(snapshot);
    const char *current = execution->settings.schema_name;
    current = current[0] != '\0' ? current : "main";
    size_t most = pyr_snapshot_tables(snapshot) + pyr_entries_count(objects);
    const char **cells = pyr_arena_array(&execution->arena, most + 1, sizeof(*cells));
    if (cells == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    size_t count = 0;
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        if (strcasecmp(table->schema_name, current) == 0 ||
            strcasecmp(table->schema_name, execution->connection->temporary_schema) == 0) {
            cells[count++] = table->name;
        }
    }
    for (size_t i = 0; i < pyr_entries_count(objects); ++i) {
        const pyr_entry *object = pyr_entries_at(objects, i);
        if (object->kind == PYR_ENTRY_VIEW && strcasecmp(object->schema_name, current) == 0) {
            cells[count++] = object->name;
        }
    }
    if (count > 1) {
        qsort(cells, count, sizeof(*cells), compare_names);
    }
    static const char *const names[] = {"name"};
    return pyr_result_from_texts(execution, names, 1, cells, count, out, error);
}

/* The SQL name of a column, in the arena. */
static pyr_status column_sql_type(pyr_execution *execution, const pyr_schema *schema,
                                  int32_t column, char **out, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_sql_type_print(schema->fields[column], &text);
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        *out = pyr_arena_strdup(&execution->arena, pyr_text_get(&text));
        status = *out != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_text_deinit(&text);
    return status;
}

static bool key_has(const pyr_table_key *key, int32_t column) {
    for (int32_t i = 0; key != NULL && i < key->columns_count; ++i) {
        if (key->columns[i] == column) {
            return true;
        }
    }
    return false;
}

/* What DESCRIBE says of a column's part in keys; NULL: none. */
static const char *key_of(const pyr_constraints *constraints, int32_t column) {
    if (constraints == NULL) {
        return NULL;
    }
    if (key_has(constraints->primary_key, column)) {
        return "PRI";
    }
    for (size_t i = 0; i < constraints->uniques_count; ++i) {
        if (key_has(&constraints->uniques[i], column)) {
            return "UNI";
        }
    }
    return NULL;
}

/* constraints NULL: none, or no table. */
static pyr_status describe_schema(pyr_execution *execution, const pyr_schema *schema,
                                  const pyr_constraints *constraints, pyr_result *out,
                                  pyr_error *error) {
    static const char *const names[] = {"column_name", "column_type", "null",
                                        "key",         "default",     "extra"};
    size_t count = (size_t)schema->fields_count;
    const char **cells = pyr_arena_array(&execution->arena, count * 6 + 1, sizeof(*cells));
    if (cells == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (size_t i = 0; i < count; ++i) {
        char *type = NULL;
        PYR_TRY(column_sql_type(execution, schema, (int32_t)i, &type, error));
        /* The names outlive schema: the result may be read after the prepared query is gone. */
        cells[i * 6] = pyr_arena_strdup(&execution->arena, schema->fields[i]->name);
        if (cells[i * 6] == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
        cells[i * 6 + 1] = type;
        cells[i * 6 + 2] = schema->fields[i]->nullable ? "YES" : "NO";
        cells[i * 6 + 3] = key_of(constraints, (int32_t)i);
        cells[i * 6 + 4] = constraints == NULL                 ? NULL
                           : constraints->generated[i] != NULL ? constraints->generated[i]
                                                               : constraints->defaults[i];
    }
    return pyr_result_from_texts(execution, names, 6, cells, count, out, error);
}

/* DESCRIBE v is that of a query over the view; *sql: NULL where there is no such view. */
static pyr_status query_of_view(pyr_execution *execution, const pyr_name *name, char **sql,
                                pyr_error *error) {
    const char *schema = name->schema_name != NULL ? name->schema_name : "main";
    *sql = NULL;
    if (pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_VIEW, schema,
                         name->name, NULL) == NULL) {
        return PYR_OK;
    }
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT * FROM ");
    pyr_sql_quote_name(schema, &text);
    pyr_text_add_char(&text, '.');
    pyr_sql_quote_name(name->name, &text);
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        *sql = pyr_arena_strdup(&execution->arena, pyr_text_get(&text));
        status = *sql != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_text_deinit(&text);
    return status;
}

static pyr_status describe(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    char *sql = NULL;
    execution->describes = true;
    if (parsed->query.text == NULL) {
        PYR_TRY(query_of_view(execution, &parsed->table, &sql, error));
    }
    if (parsed->query.text == NULL && sql == NULL) {
        pyr_table *table = NULL;
        PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
        return describe_schema(execution, table->schema, table->constraints, out, error);
    }
    if (sql == NULL) {
        sql = pyr_arena_strndup(&execution->arena, parsed->query.text, parsed->query.length);
    }
    if (sql == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_bound bound;
    PYR_TRY(pyr_bound_prepare(execution, sql, strlen(sql), params, &bound, error));
    pyr_status status =
        bound.prepared->schema != NULL
            ? describe_schema(execution, bound.prepared->schema, NULL, out, error)
            : pyr_error_set_sql(error, PYR_ERROR_SQL, "42P18", (int32_t)parsed->query.offset,
                                "the result's types depend on parameters that are not given");
    pyr_bound_deinit(&bound);
    return status;
}

static void print_constraint_name(const char *name, pyr_text *text) {
    pyr_text_add(text, ", ");
    if (name[0] != '\0') {
        pyr_text_add(text, "CONSTRAINT ");
        pyr_sql_quote_name(name, text);
        pyr_text_add_char(text, ' ');
    }
}

static void print_key(const pyr_schema *schema, const pyr_table_key *key, const char *words,
                      pyr_text *text) {
    print_constraint_name(key->name, text);
    pyr_text_add(text, words);
    for (int32_t i = 0; i < key->columns_count; ++i) {
        pyr_text_add(text, i > 0 ? ", " : " (");
        pyr_sql_quote_name(schema->fields[key->columns[i]]->name, text);
    }
    pyr_text_add_char(text, ')');
}

/* Keys and CHECKs, behind the columns whichever columns they were written at. */
static void print_constraints(const pyr_table *table, pyr_text *text) {
    const pyr_constraints *constraints = table->constraints;
    if (constraints == NULL) {
        return;
    }
    if (constraints->primary_key != NULL) {
        print_key(table->schema, constraints->primary_key, "PRIMARY KEY", text);
    }
    for (size_t i = 0; i < constraints->uniques_count; ++i) {
        print_key(table->schema, &constraints->uniques[i], "UNIQUE", text);
    }
    for (size_t i = 0; i < constraints->checks_count; ++i) {
        print_constraint_name(constraints->checks[i].name, text);
        pyr_text_printf(text, "CHECK (%s)", constraints->checks[i].expression);
    }
}

static void print_column(const pyr_table *table, int32_t column, pyr_text *text) {
    const pyr_field *field = table->schema->fields[column];
    const pyr_constraints *constraints = table->constraints;
    const char *value = constraints != NULL ? constraints->defaults[column] : NULL;
    pyr_sql_quote_name(field->name, text);
    pyr_text_add_char(text, ' ');
    pyr_sql_type_print(field, text);
    if (value != NULL) {
        pyr_text_printf(text, " DEFAULT %s", value);
    }
    if (pyr_table_generated(table, column) != NULL) {
        pyr_text_printf(text, " GENERATED ALWAYS AS (%s)", pyr_table_generated(table, column));
    }
    pyr_text_add(text, field->nullable ? "" : " NOT NULL");
}

/* What follows the name. */
static void add_definition(const pyr_table *table, pyr_text *text) {
    pyr_text_add(text, " (");
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        pyr_text_add(text, i > 0 ? ", " : "");
        print_column(table, i, text);
    }
    print_constraints(table, text);
    pyr_text_add_char(text, ')');
    for (size_t i = 0; i < table->options_count; ++i) {
        pyr_text_printf(text, "%s%s = ", i == 0 ? " WITH (" : ", ", table->options[i].name);
        pyr_sql_quote_string(table->options[i].value, text);
    }
    pyr_text_add(text, table->options_count > 0 ? ");" : ";");
}

static pyr_status show_create_table(pyr_execution *execution, const pyr_parsed *parsed,
                                    pyr_result *out, pyr_error *error) {
    pyr_table *table = NULL;
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, table->external != NULL ? "CREATE EXTERNAL TABLE " : "CREATE TABLE ");
    if (strcasecmp(table->schema_name, "main") != 0) {
        pyr_sql_quote_name(table->schema_name, &text);
        pyr_text_add_char(&text, '.');
    }
    pyr_sql_quote_name(table->name, &text);
    if (table->external != NULL) {
        pyr_external_show_create(table, &text);
    } else {
        add_definition(table, &text);
    }
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        static const char *const names[] = {"sql"};
        const char *cell = pyr_text_get(&text);
        status = pyr_result_from_texts(execution, names, 1, &cell, 1, out, error);
    }
    pyr_text_deinit(&text);
    return status;
}

static pyr_status show_settings(pyr_execution *execution, const char *wanted, pyr_result *out,
                                pyr_error *error) {
    static const char *const names[] = {"name", "value", "description"};
    const char **cells =
        pyr_arena_array(&execution->arena, pyr_settings_count() * 3, sizeof(*cells));
    if (cells == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    size_t rows = 0;
    for (size_t i = 0; i < pyr_settings_count(); ++i) {
        if (strcasecmp(wanted, "all") != 0 && !pyr_settings_is(i, wanted)) {
            continue;
        }
        pyr_text value;
        pyr_text_init(&value);
        pyr_settings_print(&execution->settings, i, &value);
        cells[rows * 3] = pyr_settings_name(i);
        pyr_status status = pyr_text_check(&value, error);
        cells[rows * 3 + 1] = pyr_arena_strdup(&execution->arena, pyr_text_get(&value));
        cells[rows * 3 + 2] = pyr_settings_description(i);
        pyr_text_deinit(&value);
        PYR_TRY(status);
        if (cells[rows * 3 + 1] == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
        ++rows;
    }
    if (rows == 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", -1,
                                 "unknown setting \"%s\"; SHOW ALL lists the settings", wanted);
    }
    return pyr_result_from_texts(execution, names, 3, cells, rows, out, error);
}

pyr_status pyr_run_show(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                        pyr_result *out, pyr_error *error) {
    switch (parsed->kind) {
    case PYR_PARSED_SHOW_TABLES:
        return show_tables(execution, out, error);
    case PYR_PARSED_SHOW_CREATE_TABLE:
        return show_create_table(execution, parsed, out, error);
    case PYR_PARSED_DESCRIBE:
        return describe(execution, parsed, params, out, error);
    default:
        return show_settings(execution, parsed->name, out, error);
    }
}
