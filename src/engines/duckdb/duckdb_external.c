/* duckdb_external.c - external tables in DuckDB: a macro of the connection for each one that the
 * statement reads through a query of ours (read_parquet and the like), whose name the replacement
 * scan then gives for the table's. The connection serves one statement, and the macros go with it.
 */
#include "engines/duckdb/duckdb_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pyr_duckdb_external_name(const pyr_table *table, char *out, size_t size_bytes) {
    snprintf(out, size_bytes, "pyr_external_%llu", (unsigned long long)table->id);
}

/* Those whose listing failed have no query: naming them is the error. */
static bool has_macro(const pyr_table *table) {
    return table->scan != NULL && table->scan->sql != NULL;
}

static pyr_status make_macro(const pyr_duckdb_lease *lease, const pyr_table *table,
                             pyr_error *error) {
    const pyr_duckdb_api *api = lease->instance->api;
    char name[PYR_DUCKDB_EXTERNAL_NAME_BYTES];
    pyr_duckdb_external_name(table, name, sizeof(name));
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_printf(&text, "CREATE TEMP MACRO %s() AS TABLE ", name);
    pyr_text_add(&text, table->scan->sql);
    pyr_status status = pyr_text_check(&text, error);
    dd_result result;
    memset(&result, 0, sizeof(result));
    if (status == PYR_OK &&
        api->query(lease->connection, pyr_text_get(&text), &result) != DD_SUCCESS) {
        status = pyr_duckdb_error_set(lease->instance, api->result_error(&result), error);
        if (error != NULL) {
            error->position = -1; /* in a text that the user did not write */
        }
        status = pyr_error_context(error, status, "external table \"%s\"", table->name);
    }
    api->destroy_result(&result);
    pyr_text_deinit(&text);
    return status;
}

pyr_status pyr_duckdb_externals_make(const pyr_duckdb_lease *lease, const pyr_snapshot *snapshot,
                                     pyr_error *error) {
    size_t count = snapshot != NULL ? pyr_snapshot_tables(snapshot) : 0;
    for (size_t i = 0; i < count; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        if (has_macro(table)) {
            PYR_TRY(make_macro(lease, table, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_duckdb_external_files(const pyr_snapshot *snapshot, const char ***out, size_t *count,
                                     pyr_error *error) {
    *out = NULL;
    *count = 0;
    size_t total = 0;
    size_t tables = snapshot != NULL ? pyr_snapshot_tables(snapshot) : 0;
    for (size_t i = 0; i < tables; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        total += has_macro(table) && table->scan->by_path ? table->scan->files.count : 0;
    }
    if (total == 0) {
        return PYR_OK;
    }
    *out = calloc(total, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, total * sizeof(**out));
    }
    for (size_t i = 0; i < tables; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        for (size_t j = 0; has_macro(table) && table->scan->by_path && j < table->scan->files.count;
             ++j) {
            (*out)[(*count)++] = table->scan->files.objects[j].path;
        }
    }
    return PYR_OK;
}
