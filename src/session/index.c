/* index.c - CREATE INDEX: a name that is kept, and nothing built. What an index is for in a row
 * store, keys and zone maps do here: a notice says so. UNIQUE ones would demand something and are
 * refused by name.
 */
#include "session/session_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static pyr_status put(pyr_execution *execution, const pyr_parsed *parsed, const pyr_table *table,
                      bool *created, pyr_error *error) {
    pyr_entry *index = NULL;
    pyr_own_change own;
    /* By the table's number: it may be renamed. */
    char *definition = pyr_arena_printf(&execution->arena, "%" PRIu64 " %.*s", table->id,
                                        (int)parsed->definition.length, parsed->definition.text);
    if (definition == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    PYR_TRY(pyr_catalog_new_entry(execution->connection->db->catalog, PYR_ENTRY_INDEX,
                                  table->schema_name, parsed->table.name, NULL, definition, &index,
                                  error));
    pyr_status status = pyr_own_change_begin(execution, &own, error);
    if (status == PYR_OK) {
        status = pyr_change_put_entry(own.change, index,
                                      parsed->or_replace ? PYR_CREATE_OR_REPLACE : PYR_CREATE_NEW,
                                      created, error);
        status = pyr_own_change_end(&own, status, error);
    }
    pyr_entry_release(index);
    return status;
}

pyr_status pyr_run_create_index(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                                pyr_error *error) {
    pyr_table *table = NULL;
    bool created = false;
    PYR_TRY(pyr_check_writable(execution, "CREATE INDEX", error));
    PYR_TRY(pyr_resolve_table(execution, &parsed->of, &table, error));
    bool there = pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_INDEX,
                                  table->schema_name, parsed->table.name, NULL) != NULL;
    if (there && parsed->if_not_exists) {
        return pyr_result_message(out, error, "CREATE INDEX (already there)");
    }
    if (there && !parsed->or_replace) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07",
                                 (int32_t)parsed->table.offset, "index \"%s\" already exists",
                                 parsed->table.name);
    }
    PYR_TRY(check_keys(execution, parsed, table, error));
    PYR_TRY(put(execution, parsed, table, &created, error));
    pyr_execution_notice(execution,
                         "index \"%s\": its name is kept, nothing is built; scans skip by zone "
                         "maps (sort_key makes them sharp), look-ups want a PRIMARY KEY",
                         parsed->table.name);
    return pyr_result_message(out, error, "CREATE INDEX");
}

pyr_status pyr_drop_indexes(const pyr_snapshot *snapshot, pyr_change *change, uint64_t table_id,
                            pyr_error *error) {
    const pyr_entries *entries = pyr_snapshot_entries(snapshot);
    for (size_t i = 0; i < pyr_entries_count(entries); ++i) {
        pyr_entry *entry = pyr_entries_at(entries, i);
        if (entry->kind == PYR_ENTRY_INDEX && strtoull(entry->definition, NULL, 10) == table_id) {
            PYR_TRY(pyr_change_drop_entry(change, entry, error));
        }
    }
    return PYR_OK;
}
