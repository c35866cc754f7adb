/* altered.c - a table's definition while ALTER TABLE works on it, and its way into the catalog.
 *
 * Columns have ids (segment.h) by which segments are read: the catalog says something else of the
 * table then, and no byte of its rows changes.
 */
#include "session/alter_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEXT_COLUMN_KEY "pyralog.next_column" /* of a schema: the id of the next new column */

void pyr_altered_deinit(pyr_altered *self) {
    for (int32_t i = 0; self->fields != NULL && i < self->count; ++i) {
        pyr_field_release(self->fields[i]);
    }
    free(self->fields);
    free((void *)self->defaults);
    free((void *)self->declared);
    free((void *)self->generated);
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

pyr_status pyr_altered_declare_type(pyr_execution *execution, pyr_altered *self, int32_t column,
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
static pyr_status join_types(pyr_altered *self, pyr_error *error) {
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

pyr_status pyr_altered_init(pyr_execution *execution, pyr_altered *self, const pyr_table *table,
                            pyr_error *error) {
    const pyr_constraints *rules = table->constraints;
    size_t count = (size_t)table->schema->fields_count;
    memset(self, 0, sizeof(*self));
    self->table = table;
    self->name = table->name;
    self->next_id = next_id_of(table->schema);
    self->check_gone = -1;
    self->options = table->options;
    self->options_count = table->options_count;
    self->fields = calloc(count + 2, sizeof(*self->fields));
    self->defaults = calloc(count + 2, sizeof(*self->defaults));
    self->declared = calloc(count + 2, sizeof(*self->declared));
    self->generated = calloc(count + 2, sizeof(*self->generated));
    if (self->fields == NULL || self->defaults == NULL || self->declared == NULL ||
        self->generated == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->fields));
    }
    for (size_t i = 0; i < count; ++i) {
        self->fields[self->count++] = pyr_field_retain(table->schema->fields[i]);
        self->defaults[i] = rules != NULL ? rules->defaults[i] : NULL;
        self->generated[i] = rules != NULL ? rules->generated[i] : NULL;
    }
    PYR_TRY(pyr_altered_take_keys(execution, self, error));
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

void pyr_altered_set_field(pyr_altered *self, int32_t column, pyr_field *field) {
    pyr_field_release(self->fields[column]);
    self->fields[column] = field;
}

/* Until now a column's id was its place. */
pyr_status pyr_altered_number_all(pyr_altered *self, pyr_error *error) {
    if (self->next_id >= 0) {
        return PYR_OK;
    }
    for (int32_t i = 0; i < self->count; ++i) {
        char id[16];
        pyr_field *field = NULL;
        snprintf(id, sizeof(id), "%d", (int)i);
        PYR_TRY(with_entries(self->fields[i], PYR_COLUMN_ID_KEY, id, NULL, NULL, &field, error));
        pyr_altered_set_field(self, i, field);
    }
    self->next_id = self->count;
    return PYR_OK;
}

int32_t pyr_altered_find(const pyr_altered *self, const char *name) {
    for (int32_t i = 0; i < self->count; ++i) {
        if (strcasecmp(self->fields[i]->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

pyr_status pyr_altered_need(const pyr_altered *self, const char *name, int32_t *out,
                            pyr_error *error) {
    *out = pyr_altered_find(self, name);
    return *out >= 0
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", -1,
                                   "table \"%s\" has no column \"%s\"", self->table->name, name);
}

pyr_status pyr_altered_check_unused(const pyr_altered *self, const char *name, const char *what,
                                    pyr_error *error) {
    const pyr_constraints *rules = self->table->constraints;
    for (size_t i = 0; rules != NULL && i < rules->checks_count; ++i) {
        if (pyr_sql_mentions(rules->checks[i].expression, name)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                                     "column \"%s\" cannot be %s: a CHECK of the table names it",
                                     name, what);
        }
    }
    for (int32_t i = 0; i < self->count; ++i) {
        if (self->generated[i] != NULL && pyr_sql_mentions(self->generated[i], name)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                                     "column \"%s\" cannot be %s: column \"%s\" is generated by it",
                                     name, what, self->fields[i]->name);
        }
    }
    return PYR_OK;
}

pyr_status pyr_altered_check_not_generated(const pyr_altered *self, int32_t column,
                                           const char *what, pyr_error *error) {
    return self->generated[column] == NULL
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                   "column \"%s\" is generated: %s is not for it",
                                   self->fields[column]->name, what);
}

pyr_status pyr_altered_number(pyr_altered *self, int32_t column, pyr_array *value,
                              pyr_error *error) {
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
        pyr_altered_set_field(self, column, made);
    }
    return status;
}

/* ---- The new definition. ---- */

static pyr_status make_constraints(pyr_altered *self, pyr_error *error) {
    const pyr_constraints *rules = self->table->constraints;
    bool any = (rules != NULL && rules->checks_count > 0) || self->keys_count > 0;
    for (int32_t i = 0; i < self->count; ++i) {
        any = any || self->defaults[i] != NULL || self->generated[i] != NULL;
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
        if (self->generated[i] != NULL) {
            PYR_TRY(pyr_constraints_set_generated(self->constraints, i, self->generated[i],
                                                  strlen(self->generated[i]), error));
        }
    }
    for (size_t i = 0; i < self->keys_count; ++i) {
        const pyr_altered_key *key = &self->keys[i];
        PYR_TRY(pyr_constraints_add_key(self->constraints, key->primary, key->name, key->columns,
                                        key->columns_count, error));
    }
    for (size_t i = 0; rules != NULL && i < rules->checks_count; ++i) {
        const pyr_table_check *check = &rules->checks[i];
        if ((int64_t)i == self->check_gone) {
            continue;
        }
        PYR_TRY(pyr_constraints_add_check(self->constraints, check->name, check->expression,
                                          strlen(check->expression), error));
    }
    return PYR_OK;
}

static bool same_fields(const pyr_altered *self) {
    const pyr_schema *before = self->table->schema;
    bool same = before->fields_count == self->count;
    for (int32_t i = 0; same && i < self->count; ++i) {
        same = before->fields[i] == self->fields[i];
    }
    return same;
}

/* What is as it was stays the same schema: who appends meanwhile is not disturbed. */
static pyr_status make_schema(pyr_altered *self, pyr_error *error) {
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

pyr_status pyr_altered_define(pyr_altered *self, pyr_table_definition *out, pyr_error *error) {
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

pyr_status pyr_move_comments(pyr_execution *execution, pyr_change *change, const pyr_name *from,
                             const char *to, const char *column, const char *name,
                             pyr_error *error) {
    const pyr_entries *entries = pyr_snapshot_entries(execution->snapshot);
    size_t first = 0;
    size_t count = pyr_entries_named(entries, from->name, &first);
    for (size_t i = first; i < first + count; ++i) {
        pyr_entry *old = pyr_entries_at(entries, i);
        bool of_column = strncmp(old->detail, "COLUMN ", 7) == 0;
        if (old->kind != PYR_ENTRY_COMMENT ||
            strcasecmp(old->schema_name, from->schema_name) != 0 ||
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
        PYR_TRY(pyr_catalog_new_entry(execution->connection->db->catalog, PYR_ENTRY_COMMENT,
                                      old->schema_name, to, column != NULL ? detail : old->detail,
                                      old->definition, &moved, error));
        pyr_status status =
            pyr_change_put_entry(change, moved, PYR_CREATE_OR_REPLACE, &created, error);
        pyr_entry_release(moved);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* column and name as for pyr_move_comments; column "" where no comment moves. */
pyr_status pyr_altered_apply(pyr_execution *execution, pyr_altered *self, bool exact,
                             const char *column, const char *name, pyr_error *error) {
    pyr_table_definition definition;
    pyr_table *table = NULL;
    PYR_TRY(pyr_altered_define(self, &definition, error));
    PYR_TRY(pyr_catalog_altered_table(&definition, &table, error));
    pyr_own_change own;
    pyr_status status = pyr_own_change_begin(execution, &own, error);
    if (status == PYR_OK) {
        status = pyr_change_alter_table(own.change, self->table, table, exact, error);
        if (status == PYR_OK && (column == NULL || *column != '\0')) {
            pyr_name from = {.schema_name = self->table->schema_name, .name = self->table->name};
            status =
                pyr_move_comments(execution, own.change, &from, self->name, column, name, error);
        }
        status = pyr_own_change_end(&own, status, error);
    }
    pyr_table_release(table);
    return status;
}
