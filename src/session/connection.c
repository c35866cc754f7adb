/* connection.c - connections, and the executions (running statements) they make. */
#include "session/session_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

pyr_connection *pyr_connection_retain(pyr_connection *connection) {
    atomic_fetch_add_explicit(&connection->references, 1, memory_order_relaxed);
    return connection;
}

static void worker_destroy(pyr_worker *worker) {
    if (worker->native != NULL) {
        worker->native->engine->ops->session_destroy(worker->native);
    }
    if (worker->duckdb != NULL) {
        worker->duckdb->engine->ops->session_destroy(worker->duckdb);
    }
    memset(worker, 0, sizeof(*worker));
}

void pyr_connection_release(pyr_connection *connection) {
    if (connection == NULL ||
        atomic_fetch_sub_explicit(&connection->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < connection->idle_count; ++i) {
        worker_destroy(&connection->idle[i]);
    }
    pyr_transaction_destroy(connection->transaction);
    if (connection->temporary_schema[0] != '\0') {
        pyr_temporary_drop(connection->db->catalog, connection->temporary_schema);
    }
    for (pyr_named_statement *statement = connection->statements; statement != NULL;) {
        pyr_named_statement *next = statement->next;
        free(statement->name);
        free(statement->sql);
        free(statement);
        statement = next;
    }
    for (size_t i = 0; i < connection->files.folders_count; ++i) {
        free(connection->folders[i]);
    }
    free(connection->folders);
    free(connection->user);
    free(connection->spare);
    pthread_mutex_destroy(&connection->call_lock);
    pthread_mutex_destroy(&connection->state_lock);
    pyr_close(connection->db);
    free(connection);
}

pyr_status pyr_session_connect(pyr_database *db, const pyr_connect_options *options,
                               pyr_connection **out, pyr_error *error) {
    *out = NULL;
    pyr_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return pyr_error_memory(error, sizeof(*connection));
    }
    atomic_init(&connection->references, 1);
    pthread_mutex_init(&connection->call_lock, NULL);
    pthread_mutex_init(&connection->state_lock, NULL);
    connection->db = pyr_database_retain(db);
    connection->settings = db->settings;
    connection->remote = options != NULL && options->remote;
    connection->files.unrestricted = !connection->remote;
    pyr_status status = PYR_OK;
    if (options != NULL && options->user != NULL &&
        (connection->user = strdup(options->user)) == NULL) {
        status = pyr_error_memory(error, strlen(options->user));
    }
    if (status == PYR_OK && connection->remote && options->folders_count > 0) {
        connection->folders = calloc(options->folders_count, sizeof(char *));
        if (connection->folders == NULL) {
            status = pyr_error_memory(error, options->folders_count * sizeof(char *));
        }
        for (size_t i = 0; status == PYR_OK && i < options->folders_count; ++i) {
            connection->folders[i] = strdup(options->folders[i]);
            if (connection->folders[i] == NULL) {
                status = pyr_error_memory(error, strlen(options->folders[i]));
                break;
            }
            connection->files.folders_count = i + 1;
        }
        connection->files.folders = (const char *const *)connection->folders;
    }
    if (status != PYR_OK) {
        pyr_connection_release(connection);
        return status;
    }
    *out = connection;
    return PYR_OK;
}

pyr_status pyr_connect(pyr_database *db, pyr_connection **out, pyr_error *error) {
    return pyr_session_connect(db, NULL, out, error);
}

/* The last execution holds the connection, so the cycle is cut here. A prepared statement may still
 * run after it; what it runs must not close the cycle again. */
void pyr_disconnect(pyr_connection *connection) {
    if (connection == NULL) {
        return;
    }
    pthread_mutex_lock(&connection->state_lock);
    pyr_execution *last = connection->last;
    connection->last = NULL;
    connection->disconnected = true;
    pthread_mutex_unlock(&connection->state_lock);
    pyr_execution_release(last);
    pyr_connection_release(connection);
}

void pyr_cancel(pyr_connection *connection) {
    pthread_mutex_lock(&connection->state_lock);
    if (connection->last != NULL) {
        pyr_cancel_flag_raise(&connection->last->cancel);
    }
    pthread_mutex_unlock(&connection->state_lock);
}

void pyr_session_abandon(pyr_connection *connection) {
    pthread_mutex_lock(&connection->state_lock);
    connection->abandoned = true;
    if (connection->last != NULL) {
        pyr_cancel_flag_raise(&connection->last->cancel);
    }
    pthread_mutex_unlock(&connection->state_lock);
}

void pyr_ledger(pyr_connection *connection, pyr_ledger_report *ledger) {
    memset(ledger, 0, sizeof(*ledger));
    pthread_mutex_lock(&connection->state_lock);
    if (connection->last != NULL) {
        pyr_ledger_report_fill(&connection->last->ledger, ledger);
    }
    pthread_mutex_unlock(&connection->state_lock);
}

size_t pyr_notices(pyr_connection *connection, char *buffer, size_t size_bytes) {
    size_t length = 0;
    pthread_mutex_lock(&connection->call_lock); /* a statement that runs may be adding to them */
    pthread_mutex_lock(&connection->state_lock);
    if (connection->last != NULL) {
        const pyr_text *notices = &connection->last->notices;
        length = notices->length;
        if (size_bytes > 0) {
            size_t taken = length < size_bytes ? length : size_bytes - 1;
            memcpy(buffer, pyr_text_get(notices), taken);
            buffer[taken] = '\0';
        }
    } else if (size_bytes > 0) {
        buffer[0] = '\0';
    }
    pthread_mutex_unlock(&connection->state_lock);
    pthread_mutex_unlock(&connection->call_lock);
    return length;
}

double pyr_session_progress(pyr_connection *connection) {
    pthread_mutex_lock(&connection->state_lock);
    double progress =
        connection->last != NULL ? pyr_ledger_progress(&connection->last->ledger) : -1;
    pthread_mutex_unlock(&connection->state_lock);
    return progress;
}

/* A worker of its own for each statement: a result that is still being read keeps its engine
 * sessions, and the connection's next statement gets others. */
static pyr_status worker_take(pyr_connection *connection, pyr_worker *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pthread_mutex_lock(&connection->state_lock);
    if (connection->idle_count > 0) {
        *out = connection->idle[--connection->idle_count];
    }
    pthread_mutex_unlock(&connection->state_lock);
    pyr_database *db = connection->db;
    if (out->native == NULL) {
        PYR_TRY(
            db->native->ops->session_create(db->native, &connection->files, &out->native, error));
    }
    if (out->duckdb == NULL && db->duckdb != NULL) {
        PYR_TRY(
            db->duckdb->ops->session_create(db->duckdb, &connection->files, &out->duckdb, error));
    }
    return PYR_OK;
}

static void worker_give(pyr_connection *connection, pyr_worker *worker) {
    pthread_mutex_lock(&connection->state_lock);
    if (connection->idle_count < PYR_IDLE_WORKERS_MAX && worker->native != NULL) {
        connection->idle[connection->idle_count++] = *worker;
        memset(worker, 0, sizeof(*worker));
    }
    pthread_mutex_unlock(&connection->state_lock);
    worker_destroy(worker);
}

pyr_execution *pyr_execution_retain(pyr_execution *execution) {
    atomic_fetch_add_explicit(&execution->references, 1, memory_order_relaxed);
    return execution;
}

void pyr_execution_finish(pyr_execution *execution) {
    pyr_ledger_finish(&execution->ledger);
    pyr_ledger_note_memory(&execution->ledger, (int64_t)pyr_budget_peak(execution->budget));
    pyr_execution_note_outcome(execution, PYR_OK);
    worker_give(execution->connection, &execution->worker);
    pyr_snapshot_release(execution->snapshot);
    pyr_snapshot_release(execution->base);
    execution->snapshot = NULL;
    execution->base = NULL;
    pyr_spooled_close(execution);
    pyr_opened_tables_deinit(&execution->opened);
    pyr_arena_deinit(&execution->arena);
}

/* Executions are large for malloc, and small statements are many. */
static pyr_execution *take_memory(pyr_connection *connection) {
    pthread_mutex_lock(&connection->state_lock);
    pyr_execution *memory = connection->spare;
    connection->spare = NULL;
    pthread_mutex_unlock(&connection->state_lock);
    if (memory == NULL) {
        return calloc(1, sizeof(*memory));
    }
    memset(memory, 0, sizeof(*memory));
    return memory;
}

static void give_memory(pyr_connection *connection, pyr_execution *memory) {
    pthread_mutex_lock(&connection->state_lock);
    pyr_execution *before = connection->spare;
    connection->spare = memory;
    pthread_mutex_unlock(&connection->state_lock);
    free(before);
}

void pyr_execution_release(pyr_execution *execution) {
    if (execution == NULL ||
        atomic_fetch_sub_explicit(&execution->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_execution_finish(execution);
    pyr_connection *connection = execution->connection;
    pyr_query_log_detach(connection->db->queries, execution->query_id);
    pyr_budget_release(execution->budget);
    pyr_text_deinit(&execution->notices);
    pyr_parse_memo_release(execution->memo);
    give_memory(connection, execution);
    pyr_connection_release(connection);
}

void pyr_execution_note_outcome(pyr_execution *execution, pyr_status outcome) {
    pyr_query_log_end(execution->connection->db->queries, execution->query_id, outcome);
}

static void become_last(pyr_connection *connection, pyr_execution *execution) {
    pthread_mutex_lock(&connection->state_lock);
    pyr_execution *before = connection->last;
    connection->last = connection->disconnected ? NULL : pyr_execution_retain(execution);
    if (connection->abandoned) {
        pyr_cancel_flag_raise(&execution->cancel);
    }
    pthread_mutex_unlock(&connection->state_lock);
    pyr_execution_release(before);
}

pyr_status pyr_execution_create(pyr_connection *connection, const char *sql, size_t length,
                                int64_t deadline_ns, pyr_execution **out, pyr_error *error) {
    *out = NULL;
    pyr_execution *execution = take_memory(connection);
    if (execution == NULL) {
        return pyr_error_memory(error, sizeof(*execution));
    }
    atomic_init(&execution->references, 1);
    execution->connection = pyr_connection_retain(connection);
    execution->settings = connection->settings;
    pyr_ledger_init(&execution->ledger);
    pyr_cancel_flag_init(&execution->cancel);
    int64_t timeout_ms = execution->settings.statement_timeout_ms;
    if (timeout_ms > 0) {
        int64_t own = pyr_clock_monotonic_ns() + timeout_ms * 1000000;
        deadline_ns = deadline_ns == 0 || own < deadline_ns ? own : deadline_ns;
    }
    atomic_store(&execution->cancel.deadline_ns, deadline_ns);
    pyr_arena_init(&execution->arena, NULL);
    pyr_status status = PYR_OK;
    execution->budget = pyr_budget_create(execution->settings.memory_limit_bytes);
    if (execution->budget == NULL) {
        pyr_connection_release(connection);
        free(execution);
        return pyr_error_memory(error, sizeof(void *));
    }
    if (status == PYR_OK) {
        status = pyr_transaction_enter(execution, error);
    }
    if (status == PYR_OK) {
        status = worker_take(connection, &execution->worker, error);
    }
    if (status != PYR_OK) {
        pyr_execution_release(execution);
        return status;
    }
    if (sql != NULL) {
        execution->query_id = pyr_query_log_begin(connection->db->queries, sql, length,
                                                  connection->user, &execution->ledger);
    }
    become_last(connection, execution);
    *out = execution;
    return PYR_OK;
}

pyr_status pyr_execution_refresh(pyr_execution *execution, pyr_error *error) {
    pyr_snapshot_release(execution->snapshot);
    pyr_snapshot_release(execution->base);
    execution->snapshot = NULL;
    execution->base = NULL;
    return pyr_transaction_enter(execution, error);
}
