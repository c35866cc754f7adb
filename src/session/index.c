/* index.c - CREATE INDEX: a name that is kept, and nothing built. What an index is for in a row
 * store, keys and zone maps do here: a notice says so.
 *
 * A UNIQUE one demands something: it is a UNIQUE key of the table with the index's name, which
 * comes and goes with it as by ALTER TABLE (alter_keys.c).
 *
 * The catalog keeps an index as "TABLE-ID keys", where the keys of a UNIQUE one begin with that
 * word.
 */
#include "session/alter_internal.h"
#include "sql/lexer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint64_t table_id_of(const pyr_entry *index) {
    return strtoull(index->definition, NULL, 10);
}

/* What stands behind the table's id. */
static const char *keys_of(const pyr_entry *index) {
    const char *space = strchr(index->definition, ' ');
    return space != NULL ? space + 1 : "";
}

static bool is_unique(const pyr_entry *index) {
    return strncmp(keys_of(index), "UNIQUE ", 7) == 0;
}

/* NULL: it went by CREATE OR REPLACE TABLE, and nobody misses the index. */
static const pyr_table *table_of(const pyr_execution *execution, const pyr_entry *index) {
    for (size_t i = 0; i < pyr_snapshot_tables(execution->snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(execution->snapshot, i);
        if (table->id == table_id_of(index)) {
            return table;
        }
    }
    return NULL;
}

static pyr_entry *find_index(const pyr_execution *execution, const char *schema_name,
                             const char *name) {
    return pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_INDEX, schema_name,
                            name, NULL);
}

/* ---- Keys that are kept only. ---- */

/* That they are expressions over the table's columns. */
static pyr_status check_keys(pyr_execution *execution, const pyr_parsed *parsed,
                             const pyr_table *table, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT ");
    for (size_t i = 0; i < parsed->arguments_count; ++i) {
        pyr_text_add(&text, i > 0 ? ", (" : "(");
        pyr_text_append(&text, parsed->arguments[i].text, parsed->arguments[i].length);
        pyr_text_add_char(&text, ')');
    }
    pyr_text_add(&text, " FROM ");
    pyr_sql_quote_name(table->schema_name, &text);
    pyr_text_add_char(&text, '.');
    pyr_sql_quote_name(table->name, &text);
    pyr_bound bound = {0};
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        status = pyr_bound_prepare(execution, text.data, text.length, NULL, &bound, error);
        if (status != PYR_OK && error != NULL) {
            error->position = (int32_t)parsed->arguments[0].offset;
        }
    }
    pyr_bound_deinit(&bound);
    pyr_text_deinit(&text);
    return status;
}

/* keys: as they are kept. */
static pyr_status put(pyr_execution *execution, pyr_change *change, const pyr_name *name,
                      uint64_t table_id, const char *keys, pyr_create_mode mode, pyr_error *error) {
    pyr_entry *index = NULL;
    bool created = false;
    char *definition = pyr_arena_printf(&execution->arena, "%" PRIu64 " %s", table_id, keys);
    if (definition == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    PYR_TRY(pyr_catalog_new_entry(execution->connection->db->catalog, PYR_ENTRY_INDEX,
                                  name->schema_name, name->name, NULL, definition, &index, error));
    pyr_status status = pyr_change_put_entry(change, index, mode, &created, error);
    pyr_entry_release(index);
    return status;
}

static pyr_status create_name(pyr_execution *execution, const pyr_parsed *parsed,
                              const pyr_table *table, bool replace, pyr_error *error) {
    PYR_TRY(check_keys(execution, parsed, table, error));
    pyr_name name = {.schema_name = table->schema_name, .name = parsed->table.name};
    char *keys =
        pyr_arena_strndup(&execution->arena, parsed->definition.text, parsed->definition.length);
    if (keys == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    pyr_status status = put(execution, own.change, &name, table->id, keys,
                            replace ? PYR_CREATE_OR_REPLACE : PYR_CREATE_NEW, error);
    PYR_TRY(pyr_own_change_end(&own, status, error));
    pyr_execution_notice(execution,
                         "index \"%s\": its name is kept, nothing is built; scans skip by zone "
                         "maps (sort_key makes them sharp), look-ups want a PRIMARY KEY",
                         parsed->table.name);
    return PYR_OK;
}

/* ---- UNIQUE. ---- */

/* The column that a key's expression is. */
static pyr_status find_column(const pyr_altered *self, const pyr_span *key, int32_t *out,
                              pyr_error *error) {
    pyr_lexer lexer = pyr_lexer_over(key->text, key->length);
    pyr_token name = pyr_lexer_next(&lexer);
    pyr_token end = pyr_lexer_next(&lexer);
    if (!pyr_token_is_identifier(&name) || end.kind != PYR_TOKEN_END) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)key->offset,
                                 "CREATE UNIQUE INDEX over an expression is not supported by this "
                                 "version: columns are");
    }
    for (*out = 0; *out < self->count; ++*out) {
        if (pyr_token_names(&name, self->fields[*out]->name)) {
            return PYR_OK;
        }
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", (int32_t)key->offset,
                             "table \"%s\" has no column \"%.*s\"", self->table->name,
                             (int)name.length, name.text);
}

static pyr_status add_key(pyr_execution *execution, pyr_altered *self, const pyr_parsed *parsed,
                          pyr_error *error) {
    size_t count = parsed->arguments_count;
    pyr_altered_key key = {.columns =
                               pyr_arena_array(&execution->arena, count, sizeof(*key.columns))};
    if (key.columns == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (size_t i = 0; i < count; ++i) {
        int32_t column = -1;
        PYR_TRY(find_column(self, &parsed->arguments[i], &column, error));
        if (!pyr_altered_key_has(&key, column)) { /* a second time it says nothing more */
            key.columns[key.columns_count++] = column;
        }
    }
    return pyr_altered_add_key(self, false, parsed->table.name, key.columns, key.columns_count,
                               error);
}

static pyr_status check_table(const pyr_parsed *parsed, const pyr_table *table, pyr_error *error) {
    const char *what = table->external != NULL ? "an external table"
                       : table->id == 0        ? "a system table"
                                               : NULL;
    return what == NULL ? PYR_OK
                        : pyr_error_set_sql(
                              error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)parsed->of.offset,
                              "CREATE UNIQUE INDEX on %s is not supported by this version", what);
}

static pyr_status create_unique(pyr_execution *execution, const pyr_parsed *parsed,
                                const pyr_table *table, pyr_error *error) {
    PYR_TRY(check_table(parsed, table, error));
    bool keyed = pyr_table_is_keyed(table);
    pyr_altered self;
    pyr_status status = pyr_altered_init(execution, &self, table, error);
    if (status == PYR_OK) {
        status = add_key(execution, &self, parsed, error);
    }
    if (status == PYR_OK) {
        self.index_made = parsed;
        status = pyr_altered_rewrite(execution, &self, -1, NULL, error);
    }
    pyr_altered_deinit(&self);
    PYR_TRY(status);
    if (!keyed) {
        pyr_execution_notice(execution,
                             "index \"%s\": table \"%s\" is stored by rows from now on, in order "
                             "of its keys, as tables with a PRIMARY KEY or UNIQUE are",
                             parsed->table.name, table->name);
    }
    return PYR_OK;
}

pyr_status pyr_run_create_index(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                                pyr_error *error) {
    pyr_table *table = NULL;
    PYR_TRY(pyr_check_writable(execution, "CREATE INDEX", error));
    PYR_TRY(pyr_resolve_table(execution, &parsed->of, &table, error));
    pyr_entry *there = find_index(execution, table->schema_name, parsed->table.name);
    bool replace = there != NULL;
    there = there != NULL && table_of(execution, there) != NULL ? there : NULL;
    if (there != NULL && parsed->if_not_exists) {
        return pyr_result_message(out, error, "CREATE INDEX (already there)");
    }
    if (there != NULL && !parsed->or_replace) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07",
                                 (int32_t)parsed->table.offset, "index \"%s\" already exists",
                                 parsed->table.name);
    }
    if (there != NULL && (parsed->unique || is_unique(there))) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parsed->table.offset,
                                 "CREATE OR REPLACE of a UNIQUE index is not supported by this "
                                 "version: drop \"%s\" first",
                                 parsed->table.name);
    }
    PYR_TRY(parsed->unique ? create_unique(execution, parsed, table, error)
                           : create_name(execution, parsed, table, replace, error));
    return pyr_result_message(out, error, "CREATE INDEX");
}

/* ---- With their tables. ---- */

pyr_entry *pyr_index_demands(const pyr_execution *execution, const pyr_table *table,
                             const char *name) {
    pyr_entry *index = find_index(execution, table->schema_name, name);
    return index != NULL && is_unique(index) && table_id_of(index) == table->id ? index : NULL;
}

pyr_status pyr_move_indexes(pyr_execution *execution, pyr_change *change, const pyr_altered *self,
                            uint64_t id, pyr_error *error) {
    const pyr_entries *entries = pyr_snapshot_entries(execution->snapshot);
    for (size_t i = 0; i < pyr_entries_count(entries); ++i) {
        pyr_entry *index = pyr_entries_at(entries, i);
        if (index->kind != PYR_ENTRY_INDEX || table_id_of(index) != self->table->id) {
            continue;
        }
        PYR_TRY(pyr_change_drop_entry(change, index, error));
        if (index == self->index_gone) {
            PYR_TRY(pyr_drop_comments(execution->snapshot, change, index->schema_name, index->name,
                                      error));
        } else {
            pyr_name name = {.schema_name = index->schema_name, .name = index->name};
            PYR_TRY(put(execution, change, &name, id, keys_of(index), PYR_CREATE_NEW, error));
        }
    }
    if (self->index_made == NULL) {
        return PYR_OK;
    }
    const pyr_parsed *made = self->index_made;
    pyr_name name = {.schema_name = self->table->schema_name, .name = made->table.name};
    char *keys = pyr_arena_printf(&execution->arena, "UNIQUE %.*s", (int)made->definition.length,
                                  made->definition.text);
    bool replace = find_index(execution, name.schema_name, name.name) != NULL;
    return keys != NULL ? put(execution, change, &name, id, keys,
                              replace ? PYR_CREATE_OR_REPLACE : PYR_CREATE_NEW, error)
                        : pyr_arena_error(&execution->arena, error);
}

static pyr_status drop_name(pyr_execution *execution, pyr_entry *index, pyr_error *error) {
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    pyr_status status =
        pyr_drop_comments(execution->snapshot, own.change, index->schema_name, index->name, error);
    if (status == PYR_OK) {
        status = pyr_change_drop_entry(own.change, index, error);
    }
    return pyr_own_change_end(&own, status, error);
}

pyr_status pyr_drop_index(pyr_execution *execution, pyr_entry *index, pyr_error *error) {
    const pyr_table *table = is_unique(index) ? table_of(execution, index) : NULL;
    if (table == NULL) {
        return drop_name(execution, index, error);
    }
    pyr_altered self;
    pyr_status status = pyr_altered_init(execution, &self, table, error);
    int32_t key = PYR_KEYED_ANY_KEY;
    if (status == PYR_OK) {
        key = pyr_altered_key_named(&self, index->name);
        status = key != PYR_KEYED_ANY_KEY
                     ? PYR_OK
                     : pyr_error_set(error, PYR_ERROR_INTERNAL, "index \"%s\" without its key",
                                     index->name);
    }
    if (status == PYR_OK) {
        pyr_altered_drop_key(&self, key);
        self.index_gone = index;
        status = pyr_altered_rewrite(execution, &self, -1, NULL, error);
    }
    pyr_altered_deinit(&self);
    return status;
}

pyr_status pyr_drop_indexes(const pyr_snapshot *snapshot, pyr_change *change, uint64_t table_id,
                            pyr_error *error) {
    const pyr_entries *entries = pyr_snapshot_entries(snapshot);
    for (size_t i = 0; i < pyr_entries_count(entries); ++i) {
        pyr_entry *entry = pyr_entries_at(entries, i);
        if (entry->kind == PYR_ENTRY_INDEX && table_id_of(entry) == table_id) {
            PYR_TRY(pyr_change_drop_entry(change, entry, error));
        }
    }
    return PYR_OK;
}
