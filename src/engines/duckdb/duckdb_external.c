/* duckdb_external.c - external tables in DuckDB: a macro of the connection for each one that the
 * statement reads through a query of ours (read_parquet and the like), whose name the replacement
 * scan then gives for the table's. The connection serves one statement, and the macros go with it.
 *
 * Files that a restricted session may not open by itself are lent to its statement: DuckDB may open
 * them, and cannot be told that only our macros may. So such a statement opens no file in any other
 * way: calls of the functions that open files are refused in its text and in what that uses, and
 * in the instances that lend files macros stand before these functions, which a file's name in
 * place of a table's becomes a call of. Ours are reached by their whole names.
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

/* ---- Lent files. ---- */

/* duckdb_lockdown_test.c knows every table function of the library. */
static const char *const file_functions[] = {"glob",
                                             "parquet_bloom_probe",
                                             "parquet_file_metadata",
                                             "parquet_full_metadata",
                                             "parquet_kv_metadata",
                                             "parquet_metadata",
                                             "parquet_scan",
                                             "parquet_schema",
                                             "read_blob",
                                             "read_csv",
                                             "read_csv_auto",
                                             "read_duckdb",
                                             "read_json",
                                             "read_json_auto",
                                             "read_json_objects",
                                             "read_json_objects_auto",
                                             "read_ndjson",
                                             "read_ndjson_auto",
                                             "read_ndjson_objects",
                                             "read_parquet",
                                             "read_text",
                                             "sniff_csv",
                                             NULL};

const char *const *pyr_duckdb_file_functions(void) {
    return file_functions;
}

#define LENT_REFUSAL                                                                         \
    "a statement of this session that reads an external table outside its folders reads no " \
    "other file"

pyr_status pyr_duckdb_lent_refusal(int32_t position, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", position, LENT_REFUSAL);
}

/* Of the function that the macros call: bound while a statement is, it fails. */
static void bind_refusal(dd_bind_info info) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const pyr_duckdb_binding *binding = pyr_duckdb_binding_get();
    if (binding != NULL) {
        pyr_error error;
        (void)!pyr_duckdb_lent_refusal(-1, &error);
        pyr_duckdb_run_fail(binding->run, &error);
        api->bind_set_error(info, error.message);
        return;
    }
    dd_type type = api->create_logical_type(DD_TYPE_VARCHAR);
    api->bind_add_result_column(info, "refused", type);
    api->destroy_logical_type(&type);
}

static void init_refusal(dd_init_info info) {
    (void)info;
}

static void scan_refusal(dd_call_info info, dd_chunk output) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    api->function_set_error(info, LENT_REFUSAL);
    api->data_chunk_set_size(output, 0);
}

static pyr_status register_refusal(const pyr_duckdb_api *api, dd_connection connection,
                                   pyr_error *error) {
    dd_table_function function = api->create_table_function();
    api->table_function_set_name(function, "pyr_refuse_file");
    api->table_function_set_bind(function, bind_refusal);
    api->table_function_set_init(function, init_refusal);
    api->table_function_set_function(function, scan_refusal);
    pyr_status status =
        api->register_table_function(connection, function) == DD_SUCCESS
            ? PYR_OK
            : pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB refuses pyr_refuse_file");
    api->destroy_table_function(&function);
    return status;
}

pyr_status pyr_duckdb_lend(const pyr_duckdb_api *api, dd_connection connection, pyr_error *error) {
    PYR_TRY(register_refusal(api, connection, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && file_functions[i] != NULL; ++i) {
        char text[128];
        snprintf(text, sizeof(text),
                 "CREATE MACRO main.%s(file) AS TABLE SELECT * FROM pyr_refuse_file()",
                 file_functions[i]);
        status = pyr_duckdb_run_sql(api, connection, text, error);
    }
    return status;
}

/* ---- Macros. ---- */

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

/* ---- What is lent. ---- */

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

pyr_status pyr_duckdb_external_files(const pyr_snapshot *snapshot, const pyr_file_access *access,
                                     char ***out, size_t *count, pyr_error *error) {
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
            const char *path = table->scan->files.objects[j].path;
            if (pyr_file_access_check(access, path, NULL) != PYR_OK) {
                status = add_file(path, files, &made, error);
            }
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
