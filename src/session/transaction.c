/* transaction.c - BEGIN, COMMIT, ROLLBACK, and what a statement does differently inside of one: it
 * sees the transaction's own changes, and adds to them what it would have committed.
 *
 * A statement that fails leaves nothing of itself in the change, but the transaction is aborted all
 * the same, as in PostgreSQL: whoever goes on without looking must not commit half of what he
 * meant.
 */
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pyr_transaction {
    pyr_change *change;
    bool read_only;
    bool failed;
};

void pyr_transaction_destroy(pyr_transaction *transaction) {
    if (transaction != NULL) {
        pyr_change_destroy(transaction->change);
        free(transaction);
    }
}

pyr_status pyr_transaction_enter(pyr_execution *execution, pyr_error *error) {
    pyr_connection *connection = execution->connection;
    if (connection->transaction == NULL) {
        PYR_TRY(pyr_catalog_snapshot(connection->db->catalog, &execution->snapshot, error));
    } else {
        execution->change = connection->transaction->change;
        PYR_TRY(pyr_change_snapshot(execution->change, &execution->snapshot, error));
    }
    execution->base = pyr_snapshot_retain(execution->snapshot);
    return PYR_OK;
}

pyr_status pyr_transaction_check(const pyr_execution *execution, const pyr_parsed *parsed,
                                 pyr_error *error) {
    const pyr_transaction *transaction = execution->connection->transaction;
    bool ends = parsed != NULL &&
                (parsed->kind == PYR_PARSED_COMMIT || parsed->kind == PYR_PARSED_ROLLBACK);
    if (transaction != NULL && transaction->failed && !ends) {
        return pyr_error_set_sql(
            error, PYR_ERROR_SQL, "25P02", -1,
            "an earlier statement of this transaction failed: ROLLBACK ends it");
    }
    return PYR_OK;
}

void pyr_transaction_note(pyr_connection *connection, pyr_status outcome) {
    pyr_transaction *transaction = connection->transaction;
    if (transaction != NULL && outcome != PYR_OK) {
        transaction->failed = true;
    }
}

bool pyr_transaction_is_read_only(const pyr_execution *execution) {
    return execution->connection->transaction != NULL &&
           execution->connection->transaction->read_only;
}

/* A time as an engine reads it. */
static pyr_status read_time(pyr_execution *execution, const char *value, int64_t *out,
                            pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "SELECT epoch_us(CAST(");
    pyr_sql_quote_string(value, &text);
    pyr_text_add(&text, " AS TIMESTAMP WITH TIME ZONE))");
    pyr_status status = pyr_text_check(&text, error);
    pyr_result result = {0};
    pyr_batch *batch = NULL;
    char *sql =
        status == PYR_OK ? pyr_arena_strndup(&execution->arena, text.data, text.length) : NULL;
    if (status == PYR_OK && sql == NULL) {
        status = pyr_arena_error(&execution->arena, error);
    }
    if (status == PYR_OK) {
        pyr_span span = {.text = sql, .length = text.length};
        status = pyr_run_query(execution, &span, NULL, &result, error);
    }
    if (status == PYR_OK) {
        status = pyr_stream_next(result.stream, &batch, error);
    }
    if (status == PYR_OK) {
        *out = *(const int64_t *)batch->columns[0]->buffers[1]->data;
    }
    pyr_batch_release(batch);
    pyr_stream_destroy(result.stream);
    pyr_text_deinit(&text);
    return status;
}

/* BEGIN READ ONLY AS OF: the execution's snapshot becomes an older one. */
static pyr_status go_back(pyr_execution *execution, const pyr_parsed *parsed, pyr_error *error) {
    pyr_catalog *catalog = execution->connection->db->catalog;
    const pyr_option_value *option = &parsed->options[0];
    pyr_snapshot *older = NULL;
    if (!parsed->read_only) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", (int32_t)option->offset,
                                 "AS OF needs READ ONLY: the past does not change");
    }
    pyr_status status;
    if (strcmp(option->name, "as_of_version") == 0) {
        char *end = NULL;
        unsigned long long version = strtoull(option->value, &end, 10);
        status = *end == '\0' && option->value[0] >= '0' && option->value[0] <= '9'
                     ? pyr_catalog_snapshot_of_version(catalog, version, &older, error)
                     : pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                         "AS OF VERSION wants a number");
    } else {
        int64_t time_us = 0;
        status = read_time(execution, option->value, &time_us, error);
        if (status == PYR_OK) {
            status = pyr_catalog_snapshot_of_time(catalog, time_us, &older, error);
        }
    }
    if (status != PYR_OK) {
        if (error != NULL) {
            error->position = (int32_t)option->offset;
        }
        return status;
    }
    pyr_snapshot_release(execution->snapshot);
    execution->snapshot = older;
    return PYR_OK;
}

/* A transaction of the connection on snapshot. */
static pyr_status open_on(pyr_connection *connection, pyr_snapshot *snapshot, bool read_only,
                          pyr_error *error) {
    pyr_transaction *transaction = calloc(1, sizeof(*transaction));
    if (transaction == NULL) {
        return pyr_error_memory(error, sizeof(*transaction));
    }
    transaction->read_only = read_only;
    pyr_status status =
        pyr_change_create(connection->db->catalog, snapshot, &transaction->change, error);
    if (status != PYR_OK) {
        free(transaction);
        return status;
    }
    connection->transaction = transaction;
    return PYR_OK;
}

/* The transaction ends, whatever becomes of the commit. */
static pyr_status finish(pyr_connection *connection, bool commit, pyr_error *error) {
    pyr_transaction *transaction = connection->transaction;
    pyr_status status = commit ? pyr_change_commit(transaction->change, true, error) : PYR_OK;
    connection->transaction = NULL;
    pyr_transaction_destroy(transaction);
    return status;
}

pyr_status pyr_transaction_begin_implicit(pyr_connection *connection, bool *begun,
                                          pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    *begun = false;
    if (connection->transaction != NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_catalog_snapshot(connection->db->catalog, &snapshot, error));
    pyr_status status = open_on(connection, snapshot, false, error);
    *begun = status == PYR_OK;
    pyr_snapshot_release(snapshot);
    return status;
}

pyr_status pyr_transaction_end_implicit(pyr_connection *connection, pyr_status outcome,
                                        pyr_error *error) {
    pyr_status status = finish(connection, outcome == PYR_OK, error);
    return outcome == PYR_OK ? status : outcome;
}

static pyr_status begin(pyr_execution *execution, const pyr_parsed *parsed, pyr_error *error) {
    pyr_connection *connection = execution->connection;
    if (connection->remote) {
        return pyr_error_set_sql(
            error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
            "BEGIN: each call over the network is a session of its own in this "
            "version, so that a transaction would end with it");
    }
    if (connection->transaction != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "25001", 0,
                                 "there is a transaction already: COMMIT or ROLLBACK ends it");
    }
    if (parsed->options_count > 0) {
        PYR_TRY(go_back(execution, parsed, error));
    }
    return open_on(connection, execution->snapshot, parsed->read_only, error);
}

static pyr_status end(pyr_execution *execution, const char *what, bool commit, pyr_error *error) {
    const pyr_transaction *transaction = execution->connection->transaction;
    if (transaction == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "25P01", 0, "%s: there is no transaction",
                                 what);
    }
    bool failed = commit && transaction->failed;
    execution->change = NULL;
    pyr_status status = finish(execution->connection, commit && !failed, error);
    return failed ? pyr_error_set_sql(error, PYR_ERROR_SQL, "25P02", 0,
                                      "a statement of this transaction failed: it was rolled back")
                  : status;
}

pyr_status pyr_run_transaction(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                               pyr_error *error) {
    switch (parsed->kind) {
    case PYR_PARSED_BEGIN:
        PYR_TRY(begin(execution, parsed, error));
        return pyr_result_message(out, error, "BEGIN");
    case PYR_PARSED_COMMIT:
        PYR_TRY(end(execution, "COMMIT", true, error));
        return pyr_result_message(out, error, "COMMIT");
    default:
        PYR_TRY(end(execution, "ROLLBACK", false, error));
        return pyr_result_message(out, error, "ROLLBACK");
    }
}

/* ---- Tables. ---- */

pyr_status pyr_execution_create_table(pyr_execution *execution,
                                      const pyr_table_definition *definition, pyr_create_mode mode,
                                      bool *created, pyr_error *error) {
    pyr_catalog *catalog = execution->connection->db->catalog;
    if (execution->change == NULL) {
        return pyr_catalog_create_table(catalog, definition, mode, created, error);
    }
    pyr_table *table = NULL;
    PYR_TRY(pyr_catalog_new_table(catalog, definition, &table, error));
    pyr_status status = pyr_change_create_table(execution->change, table, mode, created, error);
    pyr_table_release(table);
    return status;
}

/* The table, and what was said of it. */
static pyr_status drop_with_comments(const pyr_execution *execution, pyr_change *change,
                                     const pyr_table *table, pyr_error *error) {
    PYR_TRY(pyr_drop_comments(execution->snapshot, change, table->schema_name, table->name, error));
    PYR_TRY(pyr_drop_indexes(execution->snapshot, change, table->id, error));
    return pyr_change_drop_table(change, table, error);
}

/* Comments and indexes go with it. */
static bool may_have_company(const pyr_execution *execution) {
    return pyr_entries_count(pyr_snapshot_entries(execution->snapshot)) > 0;
}

pyr_status pyr_execution_drop_table(pyr_execution *execution, const pyr_name *name, bool if_exists,
                                    bool *dropped, pyr_error *error) {
    const char *schema = name->schema_name != NULL ? name->schema_name : "main";
    const pyr_table *table = pyr_snapshot_find(execution->snapshot, schema, name->name);
    *dropped = false;
    if (pyr_entries_find(pyr_snapshot_entries(execution->snapshot), PYR_ENTRY_VIEW, schema,
                         name->name, NULL) != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42809", -1, "\"%s\" is a view, not a table",
                                 name->name);
    }
    if (execution->change == NULL && (table == NULL || !may_have_company(execution))) {
        return pyr_catalog_drop_table(execution->connection->db->catalog, name->schema_name,
                                      name->name, if_exists, dropped, error);
    }
    if (table == NULL) {
        return if_exists ? PYR_OK
                         : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                             "table \"%s\" does not exist", name->name);
    }
    pyr_own_change own;
    PYR_TRY(pyr_own_change_begin(execution, &own, error));
    pyr_status status = drop_with_comments(execution, own.change, table, error);
    status = pyr_own_change_end(&own, status, error);
    *dropped = status == PYR_OK;
    return status;
}

/* ---- The change that a statement makes. ---- */

pyr_status pyr_own_change_begin_from(pyr_execution *execution, pyr_snapshot *base,
                                     pyr_own_change *out, pyr_error *error) {
    *out = (pyr_own_change){execution->change, false};
    if (out->change != NULL) {
        return PYR_OK;
    }
    out->owned = true;
    return pyr_change_create(execution->connection->db->catalog, base, &out->change, error);
}

pyr_status pyr_own_change_begin(pyr_execution *execution, pyr_own_change *out, pyr_error *error) {
    return pyr_own_change_begin_from(execution, execution->base, out, error);
}

pyr_status pyr_own_change_commit(pyr_own_change *own, const pyr_table *table, pyr_error *error) {
    const char *sync = table != NULL ? pyr_table_get_option(table, "sync") : NULL;
    bool durable = sync == NULL || strcasecmp(sync, "none") != 0;
    return own->owned ? pyr_change_commit(own->change, durable, error) : PYR_OK;
}

void pyr_own_change_deinit(pyr_own_change *own) {
    if (own->owned) {
        pyr_change_destroy(own->change);
    }
    *own = (pyr_own_change){0};
}

pyr_status pyr_own_change_end(pyr_own_change *own, pyr_status status, pyr_error *error) {
    if (status == PYR_OK) {
        status = pyr_own_change_commit(own, NULL, error);
    }
    pyr_own_change_deinit(own);
    return status;
}
