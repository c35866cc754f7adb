/* alter.c - ALTER TABLE and ALTER VIEW: finds what is altered and who does it; table options and
 * names are done here.
 */
#include "session/alter_internal.h"

#include <strings.h>

static bool is_given(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcasecmp(parsed->options[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static pyr_status set_options(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
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
    return pyr_altered_apply(execution, self, false, "", NULL, error);
}

static pyr_status act(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
                      pyr_error *error) {
    switch (parsed->alter) {
    case PYR_ALTER_ADD_COLUMN:
        return pyr_alter_add_column(execution, self, parsed, error);
    case PYR_ALTER_DROP_COLUMN:
        return pyr_alter_drop_column(execution, self, parsed, error);
    case PYR_ALTER_RENAME_COLUMN:
        return pyr_alter_rename_column(execution, self, parsed, error);
    case PYR_ALTER_RENAME_TABLE:
        self->name = parsed->value;
        return pyr_altered_apply(execution, self, false, NULL, parsed->value, error);
    case PYR_ALTER_SET_DEFAULT:
    case PYR_ALTER_DROP_DEFAULT:
        return pyr_alter_default(execution, self, parsed, error);
    case PYR_ALTER_SET_NOT_NULL:
    case PYR_ALTER_DROP_NOT_NULL:
        return pyr_alter_not_null(execution, self, parsed, error);
    case PYR_ALTER_SET_TYPE:
        return pyr_alter_type(execution, self, parsed, error);
    case PYR_ALTER_SET_OPTIONS:
    case PYR_ALTER_RESET_OPTIONS:
        return set_options(execution, self, parsed, error);
    case PYR_ALTER_ADD_KEY:
        return pyr_alter_add_key(execution, self, parsed, error);
    case PYR_ALTER_DROP_CONSTRAINT:
        return pyr_alter_drop_constraint(execution, self, parsed, error);
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
        if (status == PYR_OK) {
            pyr_name from = {.schema_name = old->schema_name, .name = old->name};
            status = pyr_move_comments(execution, own.change, &from, parsed->value, NULL,
                                       parsed->value, error);
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
    const char *what = table->external != NULL ? "an external table"
                       : table->id == 0        ? "a system table"
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
    pyr_altered self;
    pyr_status status = pyr_altered_init(execution, &self, table, error);
    if (status == PYR_OK) {
        status = act(execution, &self, parsed, error);
    }
    pyr_altered_deinit(&self);
    PYR_TRY(status);
    return pyr_result_message(out, error, "ALTER TABLE");
}
