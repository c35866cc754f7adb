/* run.c - one statement from text to outcome: the dispatcher over our parse. */
#include "session/model_registry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

pyr_status pyr_check_writable(const pyr_execution *execution, const char *what, pyr_error *error) {
    if (pyr_transaction_is_read_only(execution)) {
        return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "25006", -1,
                                 "%s: the transaction is READ ONLY", what);
    }
    if (execution->connection->db->readonly) {
        return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "25006", -1,
                                 "%s: the database was opened readonly", what);
    }
    return PYR_OK;
}

pyr_status pyr_resolve_table(pyr_execution *execution, const pyr_name *name, pyr_table **out,
                             pyr_error *error) {
    *out = NULL;
    if (name->schema_name != NULL && strcasecmp(name->schema_name, PYR_SYSTEM_SCHEMA) == 0) {
        PYR_TRY(pyr_system_table_need(execution, name->name, error));
    }
    const char *schema = name->schema_name != NULL ? name->schema_name
                                                   : pyr_temporary_schema_of(execution, name->name);
    if (pyr_registry_is_named(schema, name->name)) {
        const pyr_table *there = pyr_snapshot_find(execution->snapshot, schema, name->name);
        bool seen = there != NULL && pyr_registry_is_seen(there);
        PYR_TRY(seen ? PYR_OK : pyr_registry_need(execution, true, error));
    }
    *out = pyr_snapshot_find(execution->snapshot, schema, name->name);
    if (*out == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", (int32_t)name->offset,
                                 "table \"%s%s%s\" does not exist",
                                 name->schema_name != NULL ? name->schema_name : "",
                                 name->schema_name != NULL ? "." : "", name->name);
    }
    return PYR_OK;
}

static pyr_status not_yet(const char *what, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", 0,
                             "%s is not supported by this version", what);
}

pyr_status pyr_run_parsed(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                          pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_externals_refuse(execution, parsed, error));
    PYR_TRY(pyr_registry_refuse(execution, parsed, error));
    PYR_TRY(pyr_resolve_types(execution, parsed, error));
    switch (parsed->kind) {
    case PYR_PARSED_QUERY:
        return pyr_run_query(execution, &parsed->text, params, out, error);
    case PYR_PARSED_CREATE_TABLE:
        return pyr_run_create_table(execution, parsed, params, out, error);
    case PYR_PARSED_DROP_TABLE:
        return pyr_run_drop_table(execution, parsed, out, error);
    case PYR_PARSED_CREATE_OBJECT:
        return pyr_run_create_object(execution, parsed, out, error);
    case PYR_PARSED_DROP_OBJECT:
        return pyr_run_drop_object(execution, parsed, out, error);
    case PYR_PARSED_ALTER_TABLE:
        return pyr_run_alter(execution, parsed, out, error);
    case PYR_PARSED_COMMENT:
        return pyr_run_comment(execution, parsed, out, error);
    case PYR_PARSED_USE:
        return pyr_run_use(execution, parsed, out, error);
    case PYR_PARSED_INSERT:
        return pyr_run_insert(execution, parsed, params, out, error);
    case PYR_PARSED_DELETE:
    case PYR_PARSED_UPDATE:
    case PYR_PARSED_TRUNCATE:
        return pyr_run_change_rows(execution, parsed, params, out, error);
    case PYR_PARSED_MERGE:
        return pyr_run_merge(execution, parsed, params, out, error);
    case PYR_PARSED_COPY_FROM:
        return pyr_run_copy_from(execution, parsed, params, out, error);
    case PYR_PARSED_COPY_TO:
        return pyr_run_copy_to(execution, parsed, params, out, error);
    case PYR_PARSED_SHOW_TABLES:
    case PYR_PARSED_SHOW_CREATE_TABLE:
    case PYR_PARSED_DESCRIBE:
    case PYR_PARSED_SHOW_SETTING:
        return pyr_run_show(execution, parsed, params, out, error);
    case PYR_PARSED_EXPLAIN:
        return pyr_run_explain(execution, parsed, params, out, error);
    case PYR_PARSED_SET:
    case PYR_PARSED_RESET:
        return pyr_run_set(execution, parsed, out, error);
    case PYR_PARSED_PREPARE:
    case PYR_PARSED_EXECUTE:
    case PYR_PARSED_DEALLOCATE:
        return pyr_run_prepared(execution, parsed, params, out, error);
    case PYR_PARSED_CREATE_EXTERNAL_TABLE:
        return pyr_run_create_external(execution, parsed, out, error);
    case PYR_PARSED_REFRESH_EXTERNAL_TABLE:
        return pyr_run_refresh_external(execution, parsed, out, error);
    case PYR_PARSED_BEGIN:
    case PYR_PARSED_COMMIT:
    case PYR_PARSED_ROLLBACK:
        return pyr_run_transaction(execution, parsed, out, error);
    case PYR_PARSED_BACKUP:
        return pyr_run_backup(execution, parsed, out, error);
    case PYR_PARSED_CHECKPOINT:
    case PYR_PARSED_VACUUM:
        return pyr_run_maintain(execution, parsed, out, error);
    case PYR_PARSED_UNKNOWN:
        return not_yet(parsed->keyword, error);
    }
    return pyr_error_set(error, PYR_ERROR_INTERNAL, "statement kind %d", (int)parsed->kind);
}

typedef struct session_call {
    const char *sql;
    size_t length;
    pyr_parse_memo *memo;
    int64_t deadline_ns;
} session_call;

/* Nothing may be done for some rows that is not for all: what cannot be rolled back is not done. */
static pyr_status check_many(const pyr_parsed *parsed, pyr_error *error) {
    bool writes = parsed->kind == PYR_PARSED_INSERT || parsed->kind == PYR_PARSED_UPDATE ||
                  parsed->kind == PYR_PARSED_DELETE || parsed->kind == PYR_PARSED_MERGE;
    if (!writes || parsed->returning.text != NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "many rows of parameters are for INSERT, UPDATE, DELETE and MERGE "
                             "without RETURNING");
    }
    /* One by one: what else they say may hold parameters. */
    return parsed->kind == PYR_PARSED_INSERT && parsed->assignments.count == 0 &&
                   parsed->with.text == NULL
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "rows of parameters at once");
}

pyr_status pyr_session_run(pyr_connection *connection, const char *sql, size_t length,
                           pyr_batch *params, int64_t deadline_ns, pyr_result *out,
                           pyr_error *error) {
    return pyr_session_run_prepared(connection, sql, length, NULL, params, deadline_ns, out, error);
}

/* A statement with one row of parameters, or none: with call_lock held, as all of this. */
static pyr_status run_once(pyr_connection *connection, const session_call *call, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_execution *execution = NULL;
    const pyr_parsed *parsed = NULL;
    pyr_parsed *own = NULL;
    pyr_status status = pyr_execution_create(connection, call->sql, call->length, call->deadline_ns,
                                             &execution, error);
    if (status == PYR_OK) {
        execution->memo = pyr_parse_memo_retain(call->memo);
        status = pyr_execution_parse(execution, call->sql, call->length, &parsed, &own, error);
    }
    if (status == PYR_OK) {
        status = pyr_transaction_check(execution, parsed, error);
    }
    if (status == PYR_OK && params != NULL && params->rows != 1) {
        status = check_many(parsed, error);
    }
    if (status == PYR_OK) {
        status = pyr_run_parsed(execution, parsed, params, out, error);
    }
    pyr_parsed_deinit(own);
    if (status == PYR_ERROR_NOT_SUPPORTED && execution != NULL && params != NULL &&
        params->rows != 1) {
        pyr_query_log_forget(connection->db->queries, execution->query_id); /* each row is noted */
        execution->query_id = 0;
    }
    if (status == PYR_OK && out->has_rows) {
        pyr_result_stream_set_last(out->stream);
    } else if (execution != NULL) {
        pyr_execution_note_outcome(execution, status);
        pyr_execution_finish(execution);
    }
    if (status != PYR_OK) {
        pyr_execution_release(execution);
        out->execution = NULL;
        pyr_result_deinit(out);
        return status;
    }
    out->execution = execution;
    return PYR_OK;
}

/* Once for each row, in a transaction; of no rows the result has no execution. */
static pyr_status run_each(pyr_connection *connection, const session_call *call, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    int64_t changed = 0;
    bool own = false;
    PYR_TRY(pyr_transaction_begin_implicit(connection, &own, error));
    pyr_status status = PYR_OK;
    for (int64_t i = 0; status == PYR_OK && i < params->rows; ++i) {
        pyr_batch *row = NULL;
        pyr_result_deinit(out);
        status = pyr_batch_slice(params, i, 1, &row, error);
        if (status == PYR_OK) {
            status = run_once(connection, call, row, out, error);
        }
        changed += status == PYR_OK ? out->rows_changed : 0;
        pyr_batch_release(row);
    }
    if (own) {
        status = pyr_transaction_end_implicit(connection, status, error);
    }
    if (own && out->execution != NULL) {
        out->execution->change = NULL;
    }
    out->rows_changed = changed;
    if (status != PYR_OK) {
        pyr_result_deinit(out);
    }
    return status;
}

/* All rows at once where they are what is inserted: else one by one. */
static pyr_status run_many(pyr_connection *connection, const session_call *call, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    pyr_error refusal;
    pyr_status status = run_once(connection, call, params, out, &refusal);
    if (status == PYR_ERROR_NOT_SUPPORTED) {
        return run_each(connection, call, params, out, error);
    }
    if (status != PYR_OK && error != NULL) {
        *error = refusal;
    }
    return status;
}

pyr_status pyr_session_run_prepared(pyr_connection *connection, const char *sql, size_t length,
                                    pyr_parse_memo *memo, pyr_batch *params, int64_t deadline_ns,
                                    pyr_result *out, pyr_error *error) {
    const session_call call = {sql, length, memo, deadline_ns};
    pthread_mutex_lock(&connection->call_lock);
    pyr_status status = params == NULL || params->rows == 1
                            ? run_once(connection, &call, params, out, error)
                            : run_many(connection, &call, params, out, error);
    pyr_transaction_note(connection, status);
    pthread_mutex_unlock(&connection->call_lock);
    return status;
}

void pyr_result_deinit(pyr_result *result) {
    pyr_stream_destroy(result->stream);
    pyr_execution_release(result->execution);
    free(result->message);
    memset(result, 0, sizeof(*result));
}

pyr_query_ledger *pyr_result_ledger(pyr_result *result) {
    return &result->execution->ledger;
}

const char *pyr_result_notices(const pyr_result *result) {
    return result->execution != NULL ? pyr_text_get(&result->execution->notices) : "";
}

void pyr_result_cancel(pyr_result *result) {
    if (result->execution != NULL) {
        pyr_cancel_flag_raise(&result->execution->cancel);
    }
}
