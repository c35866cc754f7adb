/* temporary.c - CREATE TEMP TABLE: tables of one connection, which go with it.
 *
 * They are tables like any other in a schema of the connection's own, as in PostgreSQL, so that
 * transactions, keys and ALTER are what they are elsewhere. Names without a schema are looked up
 * there first. What a crash leaves of such schemas the next writer that opens the database removes.
 * Others may see that they are there (information_schema), as they see their schemas.
 */
#include "session/session_internal.h"
#include "sql/lexer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PREFIX "pyralog_temp_"

bool pyr_temporary_is_schema(const char *name) {
    return strncasecmp(name, PREFIX, strlen(PREFIX)) == 0;
}

/* ---- Names. ---- */

bool pyr_names_are_plain(const pyr_execution *execution) {
    return execution->settings.schema_name[0] == '\0' &&
           execution->connection->temporary_schema[0] == '\0';
}

const char *pyr_temporary_schema_of(const pyr_execution *execution, const char *name) {
    const char *schema = execution->connection->temporary_schema;
    return schema[0] != '\0' && pyr_snapshot_find(execution->snapshot, schema, name) != NULL
               ? schema
               : NULL;
}

/* A string may be a name, or a query: query_table('t'), query('FROM t'). One too many that is held
 * for one does no harm but after USE, where they are not looked at. */
static bool string_has(const pyr_token *string, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i + length <= string->length; ++i) {
        if (strncasecmp(string->text + i, name, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a name in the text may be a temporary table's: one that no schema stands before. */
static bool mentions(const pyr_execution *execution, const char *sql, size_t length) {
    const pyr_snapshot *snapshot = execution->snapshot;
    const char *schema = execution->connection->temporary_schema;
    bool strings = execution->settings.schema_name[0] == '\0';
    pyr_lexer lexer = pyr_lexer_over(sql, length);
    pyr_token before = {.kind = PYR_TOKEN_END};
    for (pyr_token token = pyr_lexer_next(&lexer); token.kind != PYR_TOKEN_END;
         token = pyr_lexer_next(&lexer)) {
        bool is_name = pyr_token_is_identifier(&token) && !pyr_token_is_char(&before, '.');
        bool is_string = strings && pyr_token_is_string(&token);
        for (size_t i = 0; (is_name || is_string) && i < pyr_snapshot_tables(snapshot); ++i) {
            const pyr_table *table = pyr_snapshot_table(snapshot, i);
            if (strcasecmp(table->schema_name, schema) == 0 &&
                (is_name ? pyr_token_names(&token, table->name)
                         : string_has(&token, table->name))) {
                return true;
            }
        }
        before = token;
    }
    return false;
}

pyr_status pyr_execution_search(const pyr_execution *execution, const char *sql, size_t length,
                                const char **out, pyr_error *error) {
    const char *current = execution->settings.schema_name;
    const char *own = execution->connection->temporary_schema;
    *out = current[0] != '\0' ? current : NULL;
    if (own[0] == '\0' || !mentions(execution, sql, length)) {
        return PYR_OK;
    }
    if (*out != NULL && strcasecmp(current, own) != 0) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", -1,
                                 "temporary tables are not supported by this version after USE of "
                                 "a schema: USE main");
    }
    *out = own;
    return PYR_OK;
}

/* ---- CREATE TEMP TABLE. ---- */

/* The schema of the connection, made where it is not there: for the first time, or again after a
 * ROLLBACK. */
static pyr_status need_schema(pyr_execution *execution, pyr_error *error) {
    pyr_connection *connection = execution->connection;
    char *name = connection->temporary_schema;
    if (name[0] == '\0') {
        snprintf(name, sizeof(connection->temporary_schema), PREFIX "%u",
                 atomic_fetch_add(&connection->db->temporaries, 1) + 1);
    }
    if (pyr_snapshot_has_schema(execution->snapshot, name)) {
        return PYR_OK;
    }
    pyr_entry *schema = NULL;
    pyr_own_change own;
    bool created = false;
    PYR_TRY(pyr_catalog_new_entry(connection->db->catalog, PYR_ENTRY_SCHEMA, name, name, NULL, "",
                                  &schema, error));
    pyr_status status = pyr_own_change_begin(execution, &own, error);
    if (status == PYR_OK) {
        status =
            pyr_change_put_entry(own.change, schema, PYR_CREATE_IF_NOT_EXISTS, &created, error);
        status = pyr_own_change_end(&own, status, error);
    }
    pyr_entry_release(schema);
    return status == PYR_OK ? pyr_execution_refresh(execution, error) : status;
}

static bool has_option(const pyr_parsed *parsed, const char *name) {
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcasecmp(parsed->options[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Nobody reads them after a crash: nothing waits for the disk. */
static pyr_status add_sync(pyr_execution *execution, pyr_parsed *parsed, pyr_error *error) {
    if (has_option(parsed, "sync") || has_option(parsed, "storage_mode")) {
        return PYR_OK;
    }
    pyr_option_value *options =
        pyr_arena_array(&execution->arena, parsed->options_count + 1, sizeof(*options));
    if (options == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    if (parsed->options_count > 0) {
        memcpy(options, parsed->options, parsed->options_count * sizeof(*options));
    }
    options[parsed->options_count++] = (pyr_option_value){.name = "sync", .value = "none"};
    parsed->options = options;
    return PYR_OK;
}

pyr_status pyr_run_create_temporary(pyr_execution *execution, const pyr_parsed *parsed,
                                    pyr_batch *params, pyr_result *out, pyr_error *error) {
    const char *schema = parsed->table.schema_name;
    if (execution->connection->remote) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
                                 "CREATE TEMP TABLE: each call over the network is a session of "
                                 "its own in this version, so that the table would end with it");
    }
    if (schema != NULL && strcasecmp(schema, "temp") != 0 &&
        strcasecmp(schema, execution->connection->temporary_schema) != 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P16", (int32_t)parsed->table.offset,
                                 "a temporary table is in no schema but temp");
    }
    PYR_TRY(need_schema(execution, error));
    pyr_parsed own = *parsed; /* what it holds stays the statement's */
    own.temporary = false;
    own.table.schema_name = execution->connection->temporary_schema;
    PYR_TRY(add_sync(execution, &own, error));
    return pyr_run_create_table(execution, &own, params, out, error);
}

/* ---- The end. ---- */

static bool is_meant(const char *schema, const char *only) {
    return only != NULL ? strcasecmp(schema, only) == 0 : pyr_temporary_is_schema(schema);
}

/* only NULL: of all that there are. */
static pyr_status drop_all(const pyr_snapshot *snapshot, pyr_change *change, const char *only,
                           pyr_error *error) {
    const pyr_entries *entries = pyr_snapshot_entries(snapshot);
    for (size_t i = 0; i < pyr_snapshot_tables(snapshot); ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        if (is_meant(table->schema_name, only)) {
            PYR_TRY(pyr_change_drop_table(change, table, error));
        }
    }
    for (int schemas = 0; schemas < 2; ++schemas) { /* a schema goes behind what is in it */
        for (size_t i = 0; i < pyr_entries_count(entries); ++i) {
            pyr_entry *entry = pyr_entries_at(entries, i);
            if (is_meant(entry->schema_name, only) &&
                (entry->kind == PYR_ENTRY_SCHEMA) == (schemas == 1)) {
                PYR_TRY(pyr_change_drop_entry(change, entry, error));
            }
        }
    }
    return PYR_OK;
}

void pyr_temporary_drop(pyr_catalog *catalog, const char *only) {
    pyr_snapshot *snapshot = NULL;
    pyr_change *change = NULL;
    pyr_status status = pyr_catalog_snapshot(catalog, &snapshot, NULL);
    if (status == PYR_OK) {
        status = pyr_change_create(catalog, snapshot, &change, NULL);
    }
    if (status == PYR_OK) {
        status = drop_all(snapshot, change, only, NULL);
    }
    if (status == PYR_OK && !pyr_change_is_empty(change)) {
        status = pyr_change_commit(change, false, NULL);
    }
    (void)status; /* what is left now goes when the database is opened the next time */
    pyr_change_destroy(change);
    if (snapshot != NULL) {
        pyr_snapshot_release(snapshot);
    }
}
