/* set.c - SET and RESET. What a setting of the dialect may be is DuckDB's to say: it is given the
 * value once before the session has it. */
#include "session/session_internal.h"

#include <string.h>

/* The value as DuckDB has it: "nulls last" is NULLS_LAST. */
static pyr_status take_value(pyr_stream *stream, int index, pyr_dialect *dialect,
                             pyr_error *error) {
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_stream_next(stream, &batch, error));
    pyr_status status = PYR_OK;
    if (batch != NULL && batch->rows == 1 && !pyr_array_is_null(batch->columns[0], 0)) {
        size_t length = 0;
        const uint8_t *bytes = pyr_array_bytes(batch->columns[0], 0, &length);
        char value[PYR_DIALECT_VALUE_BYTES] = "";
        memcpy(value, bytes, length < sizeof(value) ? length : sizeof(value) - 1);
        status = pyr_dialect_set(dialect, index, value, error);
    }
    pyr_batch_release(batch);
    return status;
}

/* Runs a query under the new settings, which are the connection's only when that goes well. */
static pyr_status ask_duckdb(pyr_execution *execution, pyr_settings *settings, int index,
                             pyr_error *error) {
    const char *name = pyr_dialect_setting_at(index)->name;
    char *sql =
        pyr_arena_printf(&execution->arena, "SELECT CAST(current_setting('%s') AS VARCHAR)", name);
    if (sql == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_span span = {sql, strlen(sql), 0};
    pyr_result result = {0};
    pyr_settings before = execution->settings;
    execution->settings = *settings;
    memcpy(execution->settings.engine, "duckdb", sizeof("duckdb"));
    pyr_status status = pyr_run_query(execution, &span, NULL, &result, error);
    if (status == PYR_OK) {
        status = take_value(result.stream, index, &settings->dialect, error);
    }
    execution->settings = before;
    pyr_stream_destroy(result.stream);
    atomic_store(&execution->ledger.rows, 0); /* the row is not the statement's */
    if (status == PYR_OK || status == PYR_ERROR_CANCELLED || status == PYR_ERROR_MEMORY ||
        execution->connection->db->duckdb == NULL) {
        return status;
    }
    pyr_error wrong = error != NULL ? *error : (pyr_error){0};
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1, "%s: %s", name, wrong.message);
}

/* memory_limit is that of tables in memory, too; a session over the network does not choose it. */
static void tell_catalog(pyr_execution *execution) {
    const pyr_connection *connection = execution->connection;
    if (!connection->remote) {
        pyr_catalog_set_memory_limit(connection->db->catalog,
                                     connection->settings.memory_limit_bytes);
    }
}

/* Pages are the process's, not a session's. */
static pyr_status tell_models(pyr_execution *execution, const pyr_settings *settings,
                              pyr_error *error) {
    return execution->connection->remote
               ? PYR_OK
               : pyr_model_cache_set_budget(execution->connection->db->models,
                                            settings->model_memory_bytes, error);
}

static pyr_status refuse_remote(const pyr_execution *execution, const char *name,
                                pyr_error *error) {
    if (execution->connection->remote &&
        (strcmp(name, "memory_limit") == 0 || strcmp(name, "model_memory") == 0)) {
        return pyr_error_set(error, PYR_ERROR_PERMISSION, "%s is the server's to set (%s)", name,
                             strcmp(name, "memory_limit") == 0 ? "--memory-limit"
                                                               : "--set model_memory=8GB");
    }
    return PYR_OK;
}

pyr_status pyr_run_set(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                       pyr_error *error) {
    PYR_TRY(refuse_remote(execution, parsed->name, error));
    if (strcmp(parsed->name, "schema") == 0 || strcmp(parsed->name, "search_path") == 0) {
        bool reset = parsed->kind == PYR_PARSED_RESET || parsed->value == NULL;
        PYR_TRY(pyr_use_schema(execution, reset ? "main" : parsed->value, -1, error));
        return pyr_result_message(out, error, "SET");
    }
    pyr_settings *settings = &execution->connection->settings;
    const pyr_settings *defaults = &execution->connection->db->settings;
    bool remote = execution->connection->remote;
    if (parsed->kind == PYR_PARSED_RESET && strcmp(parsed->name, "all") == 0) {
        size_t limit_bytes = settings->memory_limit_bytes;
        PYR_TRY(tell_models(execution, defaults, error));
        *settings = *defaults;
        settings->memory_limit_bytes = remote ? limit_bytes : settings->memory_limit_bytes;
        tell_catalog(execution);
        return pyr_result_message(out, error, "RESET");
    }
    bool reset = parsed->kind == PYR_PARSED_RESET || parsed->value == NULL; /* SET x = DEFAULT */
    pyr_settings next = *settings;
    PYR_TRY(reset ? pyr_settings_reset(&next, parsed->name, defaults, error)
                  : pyr_settings_set(&next, parsed->name, parsed->value, error));
    int of_dialect = reset ? -1 : pyr_dialect_find(parsed->name);
    if (of_dialect >= 0 && next.dialect.values[of_dialect][0] != '\0') {
        PYR_TRY(ask_duckdb(execution, &next, of_dialect, error));
    }
    if (strcmp(parsed->name, "model_memory") == 0) {
        PYR_TRY(tell_models(execution, &next, error));
    }
    *settings = next;
    if (strcmp(parsed->name, "memory_limit") == 0) {
        tell_catalog(execution);
    }
    return pyr_result_message(out, error, parsed->kind == PYR_PARSED_SET ? "SET" : "RESET");
}
