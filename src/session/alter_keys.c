/* alter_keys.c - PRIMARY KEY and UNIQUE of tables that are there: ADD, DROP CONSTRAINT.
 *
 * Keys decide how rows are stored, so that who changes them makes the table anew, in one change:
 * rows that break a new key are found as they are written, and who wrote to the table meanwhile is
 * a conflict.
 */
#include "session/alter_internal.h"

#include <string.h>
#include <strings.h>

static void take_key(pyr_altered *self, bool primary, const pyr_table_key *key) {
    self->keys[self->keys_count++] =
        (pyr_altered_key){primary, key->name, key->columns_count, key->columns};
}

/* The columns are copied: dropping one moves the others. */
static pyr_status own_columns(pyr_execution *execution, pyr_altered *self, pyr_error *error) {
    for (size_t i = 0; i < self->keys_count; ++i) {
        pyr_altered_key *key = &self->keys[i];
        size_t count = (size_t)key->columns_count;
        int32_t *columns = pyr_arena_array(&execution->arena, count, sizeof(*columns));
        if (columns == NULL) {
            return pyr_arena_error(&execution->arena, error);
        }
        memcpy(columns, key->columns, count * sizeof(*columns));
        key->columns = columns;
    }
    return PYR_OK;
}

pyr_status pyr_altered_take_keys(pyr_execution *execution, pyr_altered *self, pyr_error *error) {
    const pyr_constraints *rules = self->table->constraints;
    size_t uniques = rules != NULL ? rules->uniques_count : 0;
    self->keys = pyr_arena_array(&execution->arena, uniques + 2, sizeof(*self->keys));
    if (self->keys == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    if (rules != NULL && rules->primary_key != NULL) {
        take_key(self, true, rules->primary_key);
    }
    for (size_t i = 0; i < uniques; ++i) {
        take_key(self, false, &rules->uniques[i]);
    }
    return own_columns(execution, self, error);
}

bool pyr_altered_key_has(const pyr_altered_key *key, int32_t column) {
    for (int32_t i = 0; i < key->columns_count; ++i) {
        if (key->columns[i] == column) {
            return true;
        }
    }
    return false;
}

int32_t pyr_altered_key_named(const pyr_altered *self, const char *name) {
    int32_t found = PYR_KEYED_ANY_KEY;
    for (size_t i = 0; i < self->keys_count; ++i) {
        int32_t key = (int32_t)i - (self->keys[0].primary ? 1 : 0);
        pyr_text text;
        pyr_text_init(&text);
        pyr_keyed_print_name(self->table, key, &text);
        if (!text.failed && strcasecmp(pyr_text_get(&text), name) == 0) {
            found = key;
        }
        pyr_text_deinit(&text);
    }
    return found;
}

static bool has_check(const pyr_altered *self, const char *name, int64_t *number) {
    const pyr_constraints *rules = self->table->constraints;
    for (size_t i = 0; rules != NULL && i < rules->checks_count; ++i) {
        if (rules->checks[i].name[0] != '\0' && strcasecmp(rules->checks[i].name, name) == 0) {
            *number = (int64_t)i;
            return true;
        }
    }
    return false;
}

static pyr_status require(pyr_altered *self, int32_t column, pyr_error *error) {
    const pyr_field *field = self->fields[column];
    pyr_field *required = NULL;
    PYR_TRY(pyr_field_with(field, NULL, false, field->metadata, &required, error));
    pyr_altered_set_field(self, column, required);
    return PYR_OK;
}

pyr_status pyr_altered_add_key(pyr_altered *self, bool primary, const char *name, int32_t *columns,
                               int32_t columns_count, pyr_error *error) {
    int64_t check;
    bool has_primary = self->keys_count > 0 && self->keys[0].primary;
    if (name[0] != '\0' &&
        (pyr_altered_key_named(self, name) != PYR_KEYED_ANY_KEY || has_check(self, name, &check))) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42710", -1,
                                 "table \"%s\" has a constraint \"%s\" already", self->table->name,
                                 name);
    }
    if (primary && has_primary) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P16", -1,
                                 "table \"%s\" has a PRIMARY KEY already", self->table->name);
    }
    for (int32_t i = 0; primary && i < columns_count; ++i) {
        PYR_TRY(require(self, columns[i], error));
    }
    size_t place = primary ? 0 : self->keys_count;
    memmove(self->keys + place + 1, self->keys + place,
            (self->keys_count - place) * sizeof(*self->keys));
    self->keys[place] = (pyr_altered_key){primary, name, columns_count, columns};
    ++self->keys_count;
    return PYR_OK;
}

void pyr_altered_drop_key(pyr_altered *self, int32_t key) {
    bool has_primary = self->keys_count > 0 && self->keys[0].primary;
    size_t place = (size_t)(key + (has_primary ? 1 : 0));
    --self->keys_count;
    memmove(self->keys + place, self->keys + place + 1,
            (self->keys_count - place) * sizeof(*self->keys));
}

pyr_status pyr_altered_keys_without(pyr_altered *self, int32_t column, pyr_error *error) {
    for (size_t i = 0; i < self->keys_count; ++i) {
        pyr_altered_key *key = &self->keys[i];
        if (pyr_altered_key_has(key, column)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                                     "column \"%s\" cannot be dropped: a %s of the table has it",
                                     self->fields[column]->name,
                                     key->primary ? "PRIMARY KEY" : "UNIQUE key");
        }
        for (int32_t j = 0; j < key->columns_count; ++j) {
            key->columns[j] -= key->columns[j] > column;
        }
    }
    return PYR_OK;
}

/* ---- The actions. ---- */

pyr_status pyr_alter_add_key(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
                             pyr_error *error) {
    const pyr_table_constraint *constraint = &parsed->constraints[0];
    bool primary = constraint->kind == PYR_CONSTRAINT_PRIMARY_KEY;
    pyr_altered_key key = {
        .columns = pyr_arena_array(&execution->arena, parsed->names_count, sizeof(*key.columns))};
    if (key.columns == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (size_t i = 0; i < parsed->names_count; ++i) {
        int32_t column = -1;
        PYR_TRY(pyr_altered_need(self, parsed->names[i], &column, error));
        if (pyr_altered_key_has(&key, column)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)constraint->offset,
                                     "column \"%s\" stands twice in the key", parsed->names[i]);
        }
        key.columns[key.columns_count++] = column;
    }
    PYR_TRY(pyr_altered_add_key(self, primary, constraint->name != NULL ? constraint->name : "",
                                key.columns, key.columns_count, error));
    return pyr_altered_rewrite(execution, self, -1, NULL, error);
}

pyr_status pyr_alter_drop_constraint(pyr_execution *execution, pyr_altered *self,
                                     const pyr_parsed *parsed, pyr_error *error) {
    if (has_check(self, parsed->name, &self->check_gone)) {
        return pyr_altered_apply(execution, self, false, "", NULL, error);
    }
    int32_t key = pyr_altered_key_named(self, parsed->name);
    if (key == PYR_KEYED_ANY_KEY) {
        return parsed->if_not_exists ? PYR_OK
                                     : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42704", -1,
                                                         "table \"%s\" has no constraint \"%s\"",
                                                         self->table->name, parsed->name);
    }
    if (pyr_index_demands(execution, self->table, parsed->name) != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                                 "constraint \"%s\" is an index's: DROP INDEX takes both away",
                                 parsed->name);
    }
    pyr_altered_drop_key(self, key);
    return pyr_altered_rewrite(execution, self, -1, NULL, error);
}
