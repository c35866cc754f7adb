/* duckdb_run.c - what a statement's table functions share with the statement: where to count, when
 * to stop, what failed, and which mappings were read. */
#include "base/mapping.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>

pyr_status pyr_duckdb_run_create(const pyr_duckdb_lease *lease, pyr_duckdb_run **out,
                                 pyr_error *error) {
    *out = NULL;
    pyr_duckdb_run *run = calloc(1, sizeof(*run));
    if (run == NULL || pthread_mutex_init(&run->lock, NULL) != 0) {
        free(run);
        return pyr_error_memory(error, sizeof(*run));
    }
    atomic_init(&run->references, 1);
    pyr_text_init(&run->definitions);
    run->api = lease->instance->api;
    run->connection = lease->connection;
    *out = run;
    return PYR_OK;
}

pyr_duckdb_run *pyr_duckdb_run_retain(pyr_duckdb_run *run) {
    atomic_fetch_add_explicit(&run->references, 1, memory_order_relaxed);
    return run;
}

static void drop_witnesses(pyr_duckdb_run *run) {
    for (size_t i = 0; i < run->witnesses_count; ++i) {
        pyr_buffer_release(run->witnesses[i]);
    }
    run->witnesses_count = 0;
}

void pyr_duckdb_run_release(pyr_duckdb_run *run) {
    if (run == NULL || atomic_fetch_sub_explicit(&run->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    drop_witnesses(run);
    free(run->witnesses);
    pyr_budget_release(run->budget);
    pyr_batch_release(run->params);
    pyr_token_list_deinit(&run->sql_tokens);
    pyr_token_list_deinit(&run->definitions_tokens);
    pyr_text_deinit(&run->definitions);
    free(run->sql);
    pthread_mutex_destroy(&run->lock);
    free(run);
}

void pyr_duckdb_run_begin(pyr_duckdb_run *run, const pyr_engine_query *query) {
    pyr_budget *before = run->budget;
    run->budget = query->budget != NULL ? pyr_budget_retain(query->budget) : NULL;
    pyr_budget_release(before);
    pyr_batch *params_before = run->params;
    run->params = query->params != NULL ? pyr_batch_retain(query->params) : NULL;
    pyr_batch_release(params_before);
    run->ledger = query->ledger;
    run->cancel = query->cancel;
    run->threads = query->threads > 0 ? query->threads : 1;
    pthread_mutex_lock(&run->lock);
    pyr_error_clear(&run->error);
    drop_witnesses(run);
    pthread_mutex_unlock(&run->lock);
}

void pyr_duckdb_run_fail(pyr_duckdb_run *run, const pyr_error *error) {
    pthread_mutex_lock(&run->lock);
    if (run->error.code == PYR_OK) {
        run->error = *error;
    }
    pthread_mutex_unlock(&run->lock);
}

pyr_status pyr_duckdb_run_check(pyr_duckdb_run *run, pyr_error *error) {
    pthread_mutex_lock(&run->lock);
    pyr_status status = run->error.code;
    if (status != PYR_OK && error != NULL) {
        *error = run->error;
    }
    pthread_mutex_unlock(&run->lock);
    return status;
}

void pyr_duckdb_run_forget(pyr_duckdb_run *run) {
    pthread_mutex_lock(&run->lock);
    pyr_error_clear(&run->error);
    pthread_mutex_unlock(&run->lock);
}

/* A buffer of the array that lies in a mapping, or NULL. */
static pyr_buffer *find_mapped(const pyr_array *array) {
    for (int32_t i = 0; i < array->buffers_count; ++i) {
        if (array->buffers[i] != NULL && array->buffers[i]->mapping != NULL) {
            return array->buffers[i];
        }
    }
    for (int32_t i = 0; i < array->children_count; ++i) {
        pyr_buffer *found = find_mapped(array->children[i]);
        if (found != NULL) {
            return found;
        }
    }
    return array->dictionary != NULL ? find_mapped(array->dictionary) : NULL;
}

static pyr_status add_witness(pyr_duckdb_run *run, pyr_buffer *buffer, pyr_error *error) {
    if (run->witnesses_count == run->witnesses_capacity) {
        size_t capacity = run->witnesses_capacity > 0 ? run->witnesses_capacity * 2 : 8;
        pyr_buffer **grown = realloc(run->witnesses, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        run->witnesses = grown;
        run->witnesses_capacity = capacity;
    }
    run->witnesses[run->witnesses_count++] = pyr_buffer_retain(buffer);
    return PYR_OK;
}

pyr_status pyr_duckdb_run_witness(pyr_duckdb_run *run, const pyr_batch *batch,
                                  atomic_bool *witnessed, pyr_error *error) {
    if (atomic_load_explicit(witnessed, memory_order_relaxed)) {
        return PYR_OK;
    }
    pyr_buffer *buffer = NULL;
    for (int32_t i = 0; buffer == NULL && i < batch->columns_count; ++i) {
        buffer = find_mapped(batch->columns[i]);
    }
    if (buffer == NULL) {
        return PYR_OK;
    }
    pthread_mutex_lock(&run->lock);
    pyr_status status = PYR_OK;
    if (!atomic_load_explicit(witnessed, memory_order_relaxed)) {
        status = add_witness(run, buffer, error);
        atomic_store_explicit(witnessed, status == PYR_OK, memory_order_relaxed);
    }
    pthread_mutex_unlock(&run->lock);
    return status;
}

pyr_status pyr_duckdb_run_check_mappings(pyr_duckdb_run *run, pyr_error *error) {
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; status == PYR_OK && i < run->witnesses_count; ++i) {
        status = pyr_mapping_check(run->witnesses[i]->mapping, error);
    }
    pthread_mutex_unlock(&run->lock);
    return status;
}
