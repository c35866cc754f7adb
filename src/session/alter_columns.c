/* alter_columns.c - what ALTER TABLE does to a column: ADD, DROP, RENAME, DEFAULT, NOT NULL, TYPE.
 *
 * A new type, or a DEFAULT that differs from row to row, makes the table anew; all else leaves its
 * rows alone.
 */
#include "session/alter_internal.h"
#include "sql/lexer.h"

#include <string.h>
#include <strings.h>

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

pyr_status pyr_alter_add_column(pyr_execution *execution, pyr_altered *self,
                                const pyr_parsed *parsed, pyr_error *error) {
    const pyr_column_definition *definition = &parsed->columns[0];
    if (pyr_altered_find(self, parsed->name) >= 0) {
        return parsed->if_not_exists
                   ? PYR_OK
                   : pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)definition->offset,
                                       "table \"%s\" has a column \"%s\" already",
                                       self->table->name, parsed->name);
    }
    if (definition->generated.text != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)definition->offset,
                                 "ADD COLUMN of a generated column is not supported by this "
                                 "version");
    }
    int32_t column = self->count;
    PYR_TRY(pyr_altered_declare_type(execution, self, column, definition->sql_type, error));
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
        PYR_TRY(pyr_altered_number_all(self, error));
    }
    PYR_TRY(pyr_field_with(definition->field, definition->name, true, definition->field->metadata,
                           &self->fields[column], error));
    self->count = column + 1;
    self->defaults[column] = expression;
    if (!constant) {
        return pyr_altered_rewrite(execution, self, column, expression, error);
    }
    pyr_array *value = NULL;
    pyr_status status = PYR_OK;
    if (expression != NULL) {
        status = pyr_alter_evaluate(execution, self->fields[column], expression, &value, error);
    }
    if (status == PYR_OK) {
        status = pyr_altered_number(self, column, value, error);
    }
    pyr_array_release(value);
    return status == PYR_OK ? pyr_altered_apply(execution, self, false, "", NULL, error) : status;
}

pyr_status pyr_alter_drop_column(pyr_execution *execution, pyr_altered *self,
                                 const pyr_parsed *parsed, pyr_error *error) {
    int32_t column = pyr_altered_find(self, parsed->name);
    if (column < 0 && parsed->if_not_exists) {
        return PYR_OK;
    }
    PYR_TRY(pyr_altered_need(self, parsed->name, &column, error));
    PYR_TRY(pyr_altered_check_unused(self, parsed->name, "dropped", error));
    if (self->count == 1) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", -1,
                                 "table \"%s\" has no column but \"%s\"", self->table->name,
                                 parsed->name);
    }
    PYR_TRY(pyr_altered_keys_without(self, column, error));
    bool keyed = pyr_table_is_keyed(self->table);
    if (!keyed) {
        PYR_TRY(pyr_altered_number_all(self, error));
    }
    pyr_field_release(self->fields[column]);
    --self->count;
    for (int32_t i = column; i < self->count; ++i) {
        self->fields[i] = self->fields[i + 1];
        self->defaults[i] = self->defaults[i + 1];
        self->declared[i] = self->declared[i + 1];
        self->generated[i] = self->generated[i + 1];
    }
    if (keyed) {
        self->column_gone = parsed->name;
        return pyr_altered_rewrite(execution, self, -1, NULL, error);
    }
    return pyr_altered_apply(execution, self, false, parsed->name, NULL, error);
}

pyr_status pyr_alter_rename_column(pyr_execution *execution, pyr_altered *self,
                                   const pyr_parsed *parsed, pyr_error *error) {
    int32_t column = -1;
    PYR_TRY(pyr_altered_need(self, parsed->name, &column, error));
    int32_t there = pyr_altered_find(self, parsed->value);
    if (there >= 0 && there != column) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", -1,
                                 "table \"%s\" has a column \"%s\" already", self->table->name,
                                 parsed->value);
    }
    PYR_TRY(pyr_altered_check_unused(self, parsed->name, "renamed", error));
    const pyr_field *field = self->fields[column];
    pyr_field *renamed = NULL;
    PYR_TRY(
        pyr_field_with(field, parsed->value, field->nullable, field->metadata, &renamed, error));
    pyr_altered_set_field(self, column, renamed);
    return pyr_altered_apply(execution, self, false, parsed->name, parsed->value, error);
}

pyr_status pyr_alter_default(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
                             pyr_error *error) {
    int32_t column = -1;
    PYR_TRY(pyr_altered_need(self, parsed->name, &column, error));
    PYR_TRY(pyr_altered_check_not_generated(self, column, "DEFAULT", error));
    self->defaults[column] = NULL;
    if (parsed->alter == PYR_ALTER_SET_DEFAULT) {
        char *expression = pyr_arena_strndup(&execution->arena, parsed->definition.text,
                                             parsed->definition.length);
        if (expression == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
        if (is_constant(&parsed->definition)) { /* what is wrong with it is said now */
            pyr_array *value = NULL;
            PYR_TRY(pyr_alter_evaluate(execution, self->fields[column], expression, &value, error));
            pyr_array_release(value);
        }
        self->defaults[column] = expression;
    }
    return pyr_altered_apply(execution, self, false, "", NULL, error);
}

pyr_status pyr_alter_not_null(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
                              pyr_error *error) {
    int32_t column = -1;
    bool required = parsed->alter == PYR_ALTER_SET_NOT_NULL;
    PYR_TRY(pyr_altered_need(self, parsed->name, &column, error));
    const pyr_field *field = self->fields[column];
    for (size_t i = 0; !required && i < self->keys_count; ++i) {
        if (self->keys[i].primary && pyr_altered_key_has(&self->keys[i], column)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P16", -1,
                                     "column \"%s\" is in the PRIMARY KEY, where no null can be",
                                     field->name);
        }
    }
    if (required) {
        PYR_TRY(pyr_alter_check_no_nulls(execution, self->table, field->name, error));
    }
    pyr_field *changed = NULL;
    PYR_TRY(pyr_field_with(field, NULL, !required, field->metadata, &changed, error));
    pyr_altered_set_field(self, column, changed);
    return pyr_altered_apply(execution, self, required, "", NULL, error);
}

pyr_status pyr_alter_type(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
                          pyr_error *error) {
    int32_t column = -1;
    PYR_TRY(pyr_altered_need(self, parsed->name, &column, error));
    PYR_TRY(pyr_altered_check_not_generated(self, column, "another type", error));
    PYR_TRY(pyr_altered_check_unused(self, parsed->name, "given another type", error));
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
    pyr_altered_set_field(self, column, changed);
    PYR_TRY(pyr_altered_declare_type(execution, self, column, parsed->columns[0].sql_type, error));
    return pyr_altered_rewrite(execution, self, column, expression, error);
}
