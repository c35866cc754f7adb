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

/* DuckDB opens its files by their paths. */
static bool opens_files(const pyr_table *table) {
    return has_macro(table) && table->scan->by_path;
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

void pyr_duckdb_files_free(char **files, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        free(files[i]);
    }
    free(files);
}

/* The path, and where that looks like a pattern the pattern that stands for it in the query:
 * DuckDB asks whether it may look for the one and open the other. */
static pyr_status add_file(const char *path, char **files, size_t *count, pyr_error *error) {
    files[*count] = strdup(path);
    if (files[*count] == NULL) {
        return pyr_error_memory(error, strlen(path));
    }
    ++*count;
    if (!pyr_glob_is_pattern(path)) {
        return PYR_OK;
    }
    pyr_text pattern;
    pyr_text_init(&pattern);
    pyr_glob_quote(path, strlen(path), &pattern);
    pyr_status status = pyr_text_check(&pattern, error);
    if (status == PYR_OK) {
        files[(*count)++] = pyr_text_move(&pattern);
    }
    pyr_text_deinit(&pattern);
    return status;
}

pyr_status pyr_duckdb_external_files(const pyr_snapshot *snapshot, char ***out, size_t *count,
                                     pyr_error *error) {
    *out = NULL;
    *count = 0;
    size_t total = 0;
    size_t tables = snapshot != NULL ? pyr_snapshot_tables(snapshot) : 0;
    for (size_t i = 0; i < tables; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        total += opens_files(table) ? table->scan->files.count : 0;
    }
    if (total == 0) {
        return PYR_OK;
    }
    char **files = calloc(2 * total, sizeof(*files));
    if (files == NULL) {
        return pyr_error_memory(error, 2 * total * sizeof(*files));
    }
    size_t made = 0;
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < tables; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        for (size_t j = 0; status == PYR_OK && opens_files(table) && j < table->scan->files.count;
             ++j) {
            status = add_file(table->scan->files.objects[j].path, files, &made, error);
        }
    }
    if (status != PYR_OK) {
        pyr_duckdb_files_free(files, made);
        return status;
    }
    *out = files;
    *count = made;
    return PYR_OK;
}
