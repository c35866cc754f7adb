/* alter.c - ALTER TABLE and ALTER VIEW.
 *
 * Most of it changes what the catalog says of a table and no byte of its rows: columns have ids
 * (segment.h), and segments are read by them. A new type, or a DEFAULT that differs from row to
 * row, makes the table anew from a query over it, in the same change.
 */
#include "session/session_internal.h"
#include "sql/lexer.h"

#include "arrow/cast.h"
#include "catalog/keyed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEXT_COLUMN_KEY "pyralog.next_column" /* of a schema: the id of the next new column */

/* A definition being worked on. */
typedef struct altered {
    const pyr_table *table; /* as it is */
    char *name;             /* borrowed */
    int32_t count;
    pyr_field **fields;    /* retained */
    const char **defaults; /* of each column: SQL text, borrowed; NULL: none */
    const char **declared; /* of each column: its type as declared, in JSON, borrowed */
    int64_t next_id;       /* -1: no column has got an id yet */
    const pyr_table_option *options;
    size_t options_count;
    pyr_schema *schema; /* made in the end */
    pyr_constraints *constraints;
    char *types;
} altered;

static void altered_deinit(altered *self) {
    for (int32_t i = 0; self->fields != NULL && i < self->count; ++i) {
        pyr_field_release(self->fields[i]);
    }
    free(self->fields);
    free((void *)self->defaults);
    free((void *)self->declared);
    pyr_schema_release(self->schema);
    pyr_constraints_release(self->constraints);
    free(self->types);
}

static int64_t next_id_of(const pyr_schema *schema) {
    size_t length = 0;
    const char *text = pyr_metadata_find(schema->metadata, NEXT_COLUMN_KEY, &length);
    if (!pyr_schema_has_column_ids(schema) || text == NULL) {
        return -1;
    }
    return strtol(text, NULL, 10);
}

/* The strings of a JSON array, as they stand there, in the arena: count of them, or NULL behind
 * those there are. */
static pyr_status split_types(pyr_arena *arena, const char *json, size_t count, const char **out,
                              pyr_error *error) {
    for (size_t i = 0; i < count; ++i) {
        const char *from = strchr(json, '"');
        const char *end = from != NULL ? from + 1 : NULL;
        while (end != NULL && *end != '\0' && *end != '"') {
            end += *end == '\\' && end[1] != '\0' ? 2 : 1;
        }
        if (end == NULL || *end == '\0') {
            return PYR_OK;
        }
        out[i] = pyr_arena_strndup(arena, from, (size_t)(end + 1 - from));
        if (out[i] == NULL) {
            return pyr_arena_error(arena, error);
        }
        json = end + 1;
    }
    return PYR_OK;
}

static pyr_status declare_type(pyr_execution *execution, altered *self, int32_t column,
                               const char *type, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add_json(&text, type, strlen(type));
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        self->declared[column] = pyr_arena_strdup(&execution->arena, pyr_text_get(&text));
        status =
            self->declared[column] != NULL ? PYR_OK : pyr_arena_error(&execution->arena, error);
    }
    pyr_text_deinit(&text);
    return status;
}

/* As the catalog keeps them; of a column whose declaration is lost the type it has. */
static pyr_status join_types(altered *self, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    for (int32_t i = 0; i < self->count; ++i) {
        pyr_text_add(&text, i == 0 ? "[" : ", ");
        pyr_text type;
        pyr_text_init(&type);
        pyr_sql_type_print(self->fields[i], &type);
        if (self->declared[i] != NULL) {
            pyr_text_add(&text, self->declared[i]);
        } else {
            pyr_text_add_json(&text, pyr_text_get(&type), type.length);
        }
        text.failed |= type.failed;
        pyr_text_deinit(&type);
    }
    pyr_text_add_char(&text, ']');
    pyr_status status = pyr_text_check(&text, error);
    self->types = status == PYR_OK ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    return status;
}

static pyr_status altered_init(pyr_execution *execution, altered *self, const pyr_table *table,
                               pyr_error *error) {
    const pyr_constraints *rules = table->constraints;
    size_t count = (size_t)table->schema->fields_count;
    memset(self, 0, sizeof(*self));
    self->table = table;
    self->name = table->name;
    self->next_id = next_id_of(table->schema);
    self->options = table->options;
    self->options_count = table->options_count;
    self->fields = calloc(count + 2, sizeof(*self->fields));
    self->defaults = calloc(count + 2, sizeof(*self->defaults));
    self->declared = calloc(count + 2, sizeof(*self->declared));
    if (self->fields == NULL || self->defaults == NULL || self->declared == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->fields));
    }
    for (size_t i = 0; i < count; ++i) {
        self->fields[self->count++] = pyr_field_retain(table->schema->fields[i]);
        self->defaults[i] = rules != NULL ? rules->defaults[i] : NULL;
    }
    return split_types(&execution->arena, table->sql_types, count, self->declared, error);
}

/* ---- Fields. ---- */

/* field with one entry of metadata set, and one more where key2 is given. */
static pyr_status with_entries(const pyr_field *field, const char *key, const char *value,
                               const char *key2, const char *value2, pyr_field **out,
                               pyr_error *error) {
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_metadata_create(&metadata, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < pyr_metadata_count(field->metadata); ++i) {
        const char *k;
        const char *v;
        size_t k_length;
        size_t v_length;
        pyr_metadata_get(field->metadata, i, &k, &k_length, &v, &v_length);
        if (strncmp(k, key, k_length) != 0 || strlen(key) != k_length) {
            status = pyr_metadata_add(metadata, k, k_length, v, v_length, error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_metadata_add(metadata, key, strlen(key), value, strlen(value), error);
    }
    if (status == PYR_OK && key2 != NULL) {
        status = pyr_metadata_add(metadata, key2, strlen(key2), value2, strlen(value2), error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(field, NULL, field->nullable, metadata, out, error);
    }
    pyr_metadata_release(metadata);
    return status;
}

static void set_field(altered *self, int32_t column, pyr_field *field) {
    pyr_field_release(self->fields[column]);
    self->fields[column] = field;
}

/* Until now a column's id was its place. */
static pyr_status ensure_ids(altered *self, pyr_error *error) {
    if (self->next_id >= 0) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < self->count; ++i) {
        char id[16];
        pyr_field *field = NULL;
        snprintf(id, sizeof(id), "%d", (int)i);
        PYR_TRY(with_entries(self->fields[i], PYR_COLUMN_ID_KEY, id, NULL, NULL, &field, error));
        set_field(self, i, field);
    }
    self->next_id = self->count;
    return PYR_OK;
}

static int32_t find_column(const altered *self, const char *name) {
    for (int32_t i = 0; i < self->count; ++i) {
        if (strcasecmp(self->fields[i]->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static pyr_status need_column(const altered *self, const char *name, int32_t *out,
                              pyr_error *error) {
    *out = find_column(self, name);
    return *out >= 0
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", -1,
                                   "table \"%s\" has no column \"%s\"", self->table->name, name);
}

static pyr_status check_unused(const altered *self, const char *name, const char *what,
                               pyr_error *error) {
    const pyr_constraints *rules = self->table->constraints;
    for (size_t i = 0; rules != NULL && i < rules->checks_count; ++i) {
        if (pyr_sql_mentions(rules->checks[i].expression, name)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                                     "column \"%s\" cannot be %s: a CHECK of the table names it",
                                     name, what);
        }
    }
    return PYR_OK;
}

/* ---- The new definition. ---- */

static pyr_status make_constraints(altered *self, pyr_error *error) {
    const pyr_constraints *rules = self->table->constraints;
    bool any = rules != NULL && rules->checks_count > 0;
    for (int32_t i = 0; i < self->count; ++i) {
        any = any || self->defaults[i] != NULL;
    }
    if (!any) {
        return PYR_OK;
    }
    PYR_TRY(pyr_constraints_create(self->count, &self->constraints, error));
    for (int32_t i = 0; i < self->count; ++i) {
        if (self->defaults[i] != NULL) {
            PYR_TRY(pyr_constraints_set_default(self->constraints, i, self->defaults[i],
                                                strlen(self->defaults[i]), error));
        }
    }
    for (size_t i = 0; rules != NULL && i < rules->checks_count; ++i) {
        const pyr_table_check *check = &rules->checks[i];
        PYR_TRY(pyr_constraints_add_check(self->constraints, check->name, check->expression,
                                          strlen(check->expression), error));
    }
    return PYR_OK;
}

static bool same_fields(const altered *self) {
    const pyr_schema *before = self->table->schema;
    bool same = before->fields_count == self->count;
    for (int32_t i = 0; same && i < self->count; ++i) {
        same = before->fields[i] == self->fields[i];
    }
    return same;
}

/* What is as it was stays the same schema: who appends meanwhile is not disturbed. */
static pyr_status make_schema(altered *self, pyr_error *error) {
    if (same_fields(self)) {
        self->schema = pyr_schema_retain(self->table->schema);
        return PYR_OK;
    }
    pyr_metadata *metadata = NULL;
    pyr_status status = PYR_OK;
    if (self->next_id >= 0) {
        char next[24];
        snprintf(next, sizeof(next), "%lld", (long long)self->next_id);
        PYR_TRY(pyr_metadata_create(&metadata, error));
        status = pyr_metadata_add(metadata, NEXT_COLUMN_KEY, strlen(NEXT_COLUMN_KEY), next,
                                  strlen(next), error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(self->fields, self->count, metadata, &self->schema, error);
    }
    pyr_metadata_release(metadata);
    return status;
}

static pyr_status make_definition(altered *self, pyr_table_definition *out, pyr_error *error) {
    PYR_TRY(make_schema(self, error));
    PYR_TRY(make_constraints(self, error));
    PYR_TRY(join_types(self, error));
    *out = (pyr_table_definition){.schema_name = self->table->schema_name,
                                  .name = self->name,
                                  .schema = self->schema,
                                  .sql_types = self->types,
                                  .options = self->options,
                                  .options_count = self->options_count,
                                  .constraints = self->constraints};
    return PYR_OK;
}

/* What was said of the table, or of one of its columns, under new names; column NULL: of all, name
 * NULL: of none. */
static pyr_status move_comments(pyr_execution *execution, pyr_change *change, const altered *self,
                                const char *column, const char *name, pyr_error *error) {
    const pyr_entries *entries = pyr_snapshot_entries(execution->snapshot);
    size_t first = 0;
    size_t count = pyr_entries_named(entries, self->table->name, &first);
    for (size_t i = first; i < first + count; ++i) {
        pyr_entry *old = pyr_entries_at(entries, i);
        bool of_column = strncmp(old->detail, "COLUMN ", 7) == 0;
        if (old->kind != PYR_ENTRY_COMMENT ||
            strcasecmp(old->schema_name, self->table->schema_name) != 0 ||
            (column != NULL && (!of_column || strcasecmp(old->detail + 7, column) != 0))) {
            continue;
        }
        PYR_TRY(pyr_change_drop_entry(change, old, error));
        if (name == NULL) {
            continue;
        }
        char detail[PYR_NAME_BYTES_MAX + 8];
        snprintf(detail, sizeof(detail), "COLUMN %s", name);
        pyr_entry *moved = NULL;
        bool created = false;
        PYR_TRY(pyr_catalog_new_entry(
            execution->connection->db->catalog, PYR_ENTRY_COMMENT, old->schema_name, self->name,
            column != NULL ? detail : old->detail, old->definition, &moved, error));
        pyr_status status =
            pyr_change_put_entry(change, moved, PYR_CREATE_OR_REPLACE, &created, error);
        pyr_entry_release(moved);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* column and name as for move_comments; column "" where no comment moves. */
static pyr_status apply(pyr_execution *execution, altered *self, bool exact, const char *column,
                        const char *name, pyr_error *error) {
    pyr_table_definition definition;
    pyr_table *table = NULL;
    PYR_TRY(make_definition(self, &definition, error));
    PYR_TRY(pyr_catalog_altered_table(&definition, &table, error));
    pyr_own_change own;
    pyr_status status = pyr_own_change_begin(execution, &own, error);
    if (status == PYR_OK) {
        status = pyr_change_alter_table(own.change, self->table, table, exact, error);
        if (status == PYR_OK && (column == NULL || *column != '\0')) {
            status = move_comments(execution, own.change, self, column, name, error);
        }
        status = pyr_own_change_end(&own, status, error);
    }
    pyr_table_release(table);
    return status;
}

/* ---- Making the table anew. ---- */

static pyr_status copy_rows(pyr_execution *execution, pyr_stream *stream, pyr_schema *schema,
                            pyr_appender *appender, pyr_error *error) {
    int32_t *map =
        pyr_arena_array(&execution->arena, (size_t)schema->fields_count + 1, sizeof(*map));
    if (map == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        map[i] = i;
    }
    for (;;) {
        pyr_batch *batch = NULL;
        pyr_batch *adapted = NULL;
        PYR_TRY(pyr_cancel_flag_check(&execution->cancel, error));
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return pyr_appender_commit(appender, NULL, error);
        }
        pyr_status status = pyr_batch_cast(batch, schema, map, &execution->ledger,
                                           execution->budget, &adapted, error);
        if (status == PYR_OK) {
            status = pyr_appender_batch(appender, adapted, error);
        }
        if (status == PYR_OK) {
            status = pyr_batch_check_mappings(batch, error);
        }
        pyr_batch_release(adapted);
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
}

/* The new table takes the place of the one that the query has read. */
static pyr_status succeed(pyr_change *change, const altered *self, pyr_error *error) {
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, error));
    const pyr_table *created = pyr_snapshot_find(view, self->table->schema_name, self->name);
    pyr_status status = created != NULL && created->id != self->table->id
                            ? pyr_change_succeed(change, created, self->table, error)
                            : pyr_error_set(error, PYR_ERROR_INTERNAL, "ALTER TABLE made no table");
    pyr_snapshot_release(view);
    return status;
}

static pyr_status write_anew(pyr_execution *execution, altered *self, pyr_stream *stream,
                             pyr_change *change, pyr_error *error) {
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
        status = copy_rows(execution, stream, schema, appender, error);
    }
    pyr_appender_destroy(appender);
    if (status == PYR_OK) {
        status = succeed(change, self, error);
    }
    pyr_schema_release(schema);
    return status;
}

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

/* The table from a query with expression for column. */
static pyr_status rewrite(pyr_execution *execution, altered *self, int32_t column,
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
    pyr_sql_quote_name(self->table->schema_name, &sql);
    pyr_text_add_char(&sql, '.');
    pyr_sql_quote_name(self->table->name, &sql);
    pyr_result source = {0};
    pyr_own_change own = {0};
    pyr_status status = make_definition(self, &definition, error);
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

/* ---- The actions. ---- */

/* A call may give another value each time, and a subquery is not ours to judge. */
static bool is_constant(const pyr_span *expression) {
    pyr_lexer lexer = pyr_lexer_over(expression->text, expression->length);
    pyr_token token = pyr_lexer_next(&lexer);
    bool constant = true;
    for (; constant && token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        pyr_lexer ahead = lexer;
        pyr_token next = pyr_lexer_next(&ahead);
        bool name = token.kind == PYR_TOKEN_WORD || token.kind == PYR_TOKEN_QUOTED_NAME;
        constant = !(name && pyr_token_is_char(&next, '(')) &&
                   !pyr_token_is_word(&token, "SELECT") && !pyr_token_is_word(&token, "FROM") &&
                   !(token.length > 8 && strncasecmp(token.text, "current_", 8) == 0) &&
                   strncasecmp(token.text, "localtime", 9) != 0;
    }
    return constant;
}

/* The one value of expression, as column's type. *out: NULL where it is null. */
static pyr_status evaluate(pyr_execution *execution, pyr_field *field, const char *expression,
                           pyr_array **out, pyr_error *error) {
    *out = NULL;
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_printf(&sql, "SELECT CAST((%s\n) AS ", expression);
    pyr_sql_type_print(field, &sql);
    pyr_text_add_char(&sql, ')');
    pyr_result result = {0};
    pyr_batch *batch = NULL;
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK) {
        status = run_own_query(execution, pyr_text_get(&sql), &result, error);
    }
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, &batch, error);
    }
    if (status == PYR_OK && (batch == NULL || batch->rows != 1)) {
        status = pyr_error_set(error, PYR_ERROR_SQL, "DEFAULT is not one value");
    }
    if (status == PYR_OK && !pyr_array_is_null(batch->columns[0], 0)) {
        status = pyr_array_cast(batch->columns[0], field, &execution->ledger, execution->budget,
                                out, error);
    }
    pyr_batch_release(batch);
    pyr_stream_destroy(result.stream);
    atomic_store(&execution->ledger.rows, 0);
    pyr_text_deinit(&sql);
    return status;
}

/* The field with its id, and with the value that the rows have that are there. */
static pyr_status number_field(altered *self, int32_t column, pyr_array *value, pyr_error *error) {
    char id[24];
    snprintf(id, sizeof(id), "%lld", (long long)self->next_id++);
    pyr_field *made = NULL;
    pyr_text text;
    pyr_text_init(&text);
    pyr_status status = value != NULL
                            ? pyr_column_initial_print(self->fields[column], value, &text, error)
                            : PYR_OK;
    if (status == PYR_OK) {
        status = with_entries(self->fields[column], PYR_COLUMN_ID_KEY, id,
                              value != NULL ? PYR_COLUMN_INITIAL_KEY : NULL, pyr_text_get(&text),
                              &made, error);
    }
    pyr_text_deinit(&text);
    if (status == PYR_OK) {
        set_field(self, column, made);
    }
    return status;
}

static pyr_status add_column(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                             pyr_error *error) {
    const pyr_column_definition *definition = &parsed->columns[0];
    if (find_column(self, parsed->name) >= 0) {
        return parsed->if_not_exists
                   ? PYR_OK
                   : pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)definition->offset,
                                       "table \"%s\" has a column \"%s\" already",
                                       self->table->name, parsed->name);
    }
    int32_t column = self->count;
    PYR_TRY(declare_type(execution, self, column, definition->sql_type, error));
    const char *expression = NULL;
    if (definition->default_value.text != NULL) {
        expression = pyr_arena_strndup(&execution->arena, definition->default_value.text,
                                       definition->default_value.length);
        if (expression == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
    }
    bool constant = expression == NULL || is_constant(&definition->default_value);
    if (constant) {
        PYR_TRY(ensure_ids(self, error));
    }
    PYR_TRY(pyr_field_with(definition->field, definition->name, true, definition->field->metadata,
                           &self->fields[column], error));
    self->count = column + 1;
    self->defaults[column] = expression;
    if (!constant) {
        return rewrite(execution, self, column, expression, error);
    }
    pyr_array *value = NULL;
    pyr_status status = PYR_OK;
    if (expression != NULL) {
        status = evaluate(execution, self->fields[column], expression, &value, error);
    }
    if (status == PYR_OK) {
        status = number_field(self, column, value, error);
    }
    pyr_array_release(value);
    return status == PYR_OK ? apply(execution, self, false, "", NULL, error) : status;
}

static pyr_status drop_column(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                              pyr_error *error) {
    int32_t column = find_column(self, parsed->name);
    if (column < 0 && parsed->if_not_exists) {
        return PYR_OK;
    }
    PYR_TRY(need_column(self, parsed->name, &column, error));
    PYR_TRY(check_unused(self, parsed->name, "dropped", error));
    if (self->count == 1) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", -1,
                                 "table \"%s\" has no column but \"%s\"", self->table->name,
                                 parsed->name);
    }
    PYR_TRY(ensure_ids(self, error));
    pyr_field_release(self->fields[column]);
    --self->count;
    for (int32_t i = column; i < self->count; ++i) {
        self->fields[i] = self->fields[i + 1];
        self->defaults[i] = self->defaults[i + 1];
        self->declared[i] = self->declared[i + 1];
    }
    return apply(execution, self, false, parsed->name, NULL, error);
}

static pyr_status rename_column(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                                pyr_error *error) {
    int32_t column = -1;
    PYR_TRY(need_column(self, parsed->name, &column, error));
    int32_t there = find_column(self, parsed->value);
    if (there >= 0 && there != column) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", -1,
                                 "table \"%s\" has a column \"%s\" already", self->table->name,
                                 parsed->value);
    }
    PYR_TRY(check_unused(self, parsed->name, "renamed", error));
    const pyr_field *field = self->fields[column];
    pyr_field *renamed = NULL;
    PYR_TRY(
        pyr_field_with(field, parsed->value, field->nullable, field->metadata, &renamed, error));
    set_field(self, column, renamed);
    return apply(execution, self, false, parsed->name, parsed->value, error);
}

static pyr_status set_default(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                              pyr_error *error) {
    int32_t column = -1;
    PYR_TRY(need_column(self, parsed->name, &column, error));
    self->defaults[column] = NULL;
    if (parsed->alter == PYR_ALTER_SET_DEFAULT) {
        char *expression = pyr_arena_strndup(&execution->arena, parsed->definition.text,
                                             parsed->definition.length);
        if (expression == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
        if (is_constant(&parsed->definition)) { /* what is wrong with it is said now */
            pyr_array *value = NULL;
            PYR_TRY(evaluate(execution, self->fields[column], expression, &value, error));
            pyr_array_release(value);
        }
        self->defaults[column] = expression;
    }
    return apply(execution, self, false, "", NULL, error);
}

static pyr_status check_no_nulls(pyr_execution *execution, const altered *self, const char *column,
                                 pyr_error *error) {
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_add(&sql, "SELECT 1 FROM ");
    pyr_sql_quote_name(self->table->schema_name, &sql);
    pyr_text_add_char(&sql, '.');
    pyr_sql_quote_name(self->table->name, &sql);
    pyr_text_add(&sql, " WHERE ");
    pyr_sql_quote_name(column, &sql);
    pyr_text_add(&sql, " IS NULL LIMIT 1");
    pyr_result result = {0};
    pyr_batch *batch = NULL;
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK) {
        status = run_own_query(execution, pyr_text_get(&sql), &result, error);
    }
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, &batch, error);
    }
    if (status == PYR_OK && batch != NULL && batch->rows > 0) {
        status =
            pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23502", -1,
                              "table \"%s\": column \"%s\" has nulls", self->table->name, column);
    }
    pyr_batch_release(batch);
    pyr_stream_destroy(result.stream);
    atomic_store(&execution->ledger.rows, 0);
    pyr_text_deinit(&sql);
    return status;
}

static pyr_status set_not_null(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                               pyr_error *error) {
    int32_t column = -1;
    bool required = parsed->alter == PYR_ALTER_SET_NOT_NULL;
    PYR_TRY(need_column(self, parsed->name, &column, error));
    const pyr_field *field = self->fields[column];
    if (required) {
        PYR_TRY(check_no_nulls(execution, self, field->name, error));
    }
    pyr_field *changed = NULL;
    PYR_TRY(pyr_field_with(field, NULL, !required, field->metadata, &changed, error));
    set_field(self, column, changed);
    return apply(execution, self, required, "", NULL, error);
}

static pyr_status set_type(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                           pyr_error *error) {
    int32_t column = -1;
    PYR_TRY(need_column(self, parsed->name, &column, error));
    PYR_TRY(check_unused(self, parsed->name, "given another type", error));
    const pyr_field *before = self->fields[column];
    const pyr_field *type = parsed->columns[0].field;
    char *expression = NULL;
    if (parsed->definition.text != NULL) {
        expression = pyr_arena_strndup(&execution->arena, parsed->definition.text,
                                       parsed->definition.length);
    } else {
        pyr_text name;
        pyr_text_init(&name);
        pyr_sql_quote_name(before->name, &name);
        expression = pyr_arena_strdup(&execution->arena, pyr_text_get(&name));
        pyr_text_deinit(&name);
    }
    if (expression == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_field *changed = NULL;
    PYR_TRY(pyr_field_with(type, before->name, before->nullable, type->metadata, &changed, error));
    set_field(self, column, changed);
    PYR_TRY(declare_type(execution, self, column, parsed->columns[0].sql_type, error));
    return rewrite(execution, self, column, expression, error);
}

static bool is_given(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcasecmp(parsed->options[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static pyr_status set_options(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                              pyr_error *error) {
    size_t most = self->options_count + parsed->options_count + 1;
    pyr_table_option *options = pyr_arena_array(&execution->arena, most, sizeof(*options));
    if (options == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    size_t count = 0;
    for (size_t i = 0; i < self->options_count; ++i) {
        if (!is_given(parsed, self->options[i].name)) {
            options[count++] = self->options[i];
        }
    }
    for (size_t i = 0; i < parsed->options_count; ++i) {
        const pyr_option_value *option = &parsed->options[i];
        if (strcasecmp(option->name, "storage_mode") == 0) {
            return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                     (int32_t)option->offset,
                                     "storage_mode of a table with rows is not supported by this "
                                     "version: make another one");
        }
        if (parsed->alter == PYR_ALTER_SET_OPTIONS) {
            PYR_TRY(pyr_check_table_option(option, error));
            options[count++] = (pyr_table_option){option->name, option->value};
        }
    }
    self->options = options;
    self->options_count = count;
    return apply(execution, self, false, "", NULL, error);
}

static pyr_status act(pyr_execution *execution, altered *self, const pyr_parsed *parsed,
                      pyr_error *error) {
    switch (parsed->alter) {
    case PYR_ALTER_ADD_COLUMN:
        return add_column(execution, self, parsed, error);
    case PYR_ALTER_DROP_COLUMN:
        return drop_column(execution, self, parsed, error);
    case PYR_ALTER_RENAME_COLUMN:
        return rename_column(execution, self, parsed, error);
    case PYR_ALTER_RENAME_TABLE:
        self->name = parsed->value;
        return apply(execution, self, false, NULL, parsed->value, error);
    case PYR_ALTER_SET_DEFAULT:
    case PYR_ALTER_DROP_DEFAULT:
        return set_default(execution, self, parsed, error);
    case PYR_ALTER_SET_NOT_NULL:
    case PYR_ALTER_DROP_NOT_NULL:
        return set_not_null(execution, self, parsed, error);
    case PYR_ALTER_SET_TYPE:
        return set_type(execution, self, parsed, error);
    case PYR_ALTER_SET_OPTIONS:
    case PYR_ALTER_RESET_OPTIONS:
        return set_options(execution, self, parsed, error);
    }
    return pyr_error_set(error, PYR_ERROR_INTERNAL, "ALTER TABLE action %d", (int)parsed->alter);
}

static pyr_status rename_view(pyr_execution *execution, const pyr_parsed *parsed, bool *done,
                              pyr_error *error) {
    const char *schema = parsed->table.schema_name != NULL ? parsed->table.schema_name : "main";
    pyr_entry *old = pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_VIEW,
                                      schema, parsed->table.name, NULL);
    *done = old != NULL;
    if (old == NULL) {
        return parsed->if_exists
                   ? PYR_OK
                   : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01",
                                       (int32_t)parsed->table.offset, "view \"%s\" does not exist",
                                       parsed->table.name);
    }
    pyr_entry *renamed = NULL;
    pyr_own_change own;
    bool created = false;
    PYR_TRY(pyr_catalog_new_entry(execution->connection->db->catalog, PYR_ENTRY_VIEW,
                                  old->schema_name, parsed->value, NULL, old->definition, &renamed,
                                  error));
    pyr_status status = pyr_own_change_begin(execution, &own, error);
    if (status == PYR_OK) {
        status = pyr_change_drop_entry(own.change, old, error);
        if (status == PYR_OK) {
            status = pyr_change_put_entry(own.change, renamed, PYR_CREATE_NEW, &created, error);
        }
        status = pyr_own_change_end(&own, status, error);
    }
    pyr_entry_release(renamed);
    return status;
}

/* NULL where there is none and that is well. */
static pyr_status find_table(pyr_execution *execution, const pyr_parsed *parsed,
                             const pyr_table **out, pyr_error *error) {
    pyr_table *table = NULL;
    *out = NULL;
    if (parsed->if_exists && pyr_snapshot_find(execution->snapshot, parsed->table.schema_name,
                                               parsed->table.name) == NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
    const char *what = table->external != NULL     ? "an external table"
                       : table->id == 0            ? "a system table"
                       : pyr_table_is_keyed(table) ? "a table with a PRIMARY KEY or UNIQUE"
                                                   : NULL;
    if (what != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parsed->table.offset,
                                 "ALTER TABLE of %s is not supported by this version", what);
    }
    *out = table;
    return PYR_OK;
}

pyr_status pyr_run_alter(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                         pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "ALTER", error));
    if (parsed->object_kind == PYR_ENTRY_VIEW) {
        bool done = false;
        PYR_TRY(rename_view(execution, parsed, &done, error));
        return pyr_result_message(out, error, "ALTER VIEW%s", done ? "" : " (not there)");
    }
    const pyr_table *table = NULL;
    PYR_TRY(find_table(execution, parsed, &table, error));
    if (table == NULL) {
        return pyr_result_message(out, error, "ALTER TABLE (not there)");
    }
    altered self;
    pyr_status status = altered_init(execution, &self, table, error);
    if (status == PYR_OK) {
        status = act(execution, &self, parsed, error);
    }
    altered_deinit(&self);
    PYR_TRY(status);
    return pyr_result_message(out, error, "ALTER TABLE");
}
