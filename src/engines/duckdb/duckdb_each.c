/* duckdb_each.c - our table functions for each row of another table: FROM models m,
 * read_safetensors(m.path).
 *
 * DuckDB's table functions take constants alone. Where it refuses a column, the function's name in
 * the text becomes that of a macro (duckdb_epoch.c), which unnests the list that a scalar function
 * gives for each row: all of the function's rows but their BLOBs. Those are a scalar function of
 * their own, so that only what is asked for, after all conditions, is read. Lists and BLOBs are
 * copies, counted as such.
 */
#include "engines/duckdb/duckdb_internal.h"
#include "engines/functions/table_function.h"

#include "arrow/builder.h"
#include "arrow/cdata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shared by DuckDB's copies of it, on any thread. */
typedef struct each_bind {
    atomic_size_t references;
    pyr_duckdb_run *run;          /* retained */
    const pyr_file_access *files; /* outlives the statement */
    const pyr_model_resolver *models;
    pyr_thread_pool *pool;
    pyr_cancel_flag *cancel; /* outlives what is prepared */
    pthread_mutex_t lock;    /* of opened; held while a function opens its files */
    pyr_opened_tables opened;
} each_bind;

static void release_bind(void *data) {
    each_bind *self = data;
    if (atomic_fetch_sub(&self->references, 1) == 1) {
        pyr_opened_tables_deinit(&self->opened);
        pthread_mutex_destroy(&self->lock);
        pyr_duckdb_run_release(self->run);
        free(self);
    }
}

static void *copy_bind(void *data) {
    each_bind *self = data;
    atomic_fetch_add(&self->references, 1);
    return self;
}

static void bind(dd_bind_info info) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const pyr_duckdb_binding *binding = pyr_duckdb_binding_get();
    if (binding == NULL) {
        return; /* a macro that uses it is made; it is not to be run */
    }
    each_bind *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        api->scalar_function_bind_set_error(info, "out of memory");
        return;
    }
    atomic_init(&self->references, 1);
    self->run = pyr_duckdb_run_retain(binding->run);
    self->files = binding->files;
    self->models = binding->query->models;
    self->pool = binding->query->pool;
    self->cancel = binding->query->cancel;
    pthread_mutex_init(&self->lock, NULL);
    api->scalar_function_set_bind_data(info, self, release_bind);
    api->scalar_function_set_bind_data_copy(info, copy_bind);
}

/* ---- Calls. ---- */

/* The tables of some hundred models are kept, so that a BLOB does not open its file again. */
enum { OPENED_MAX = 256 };

static pyr_status open_table(each_bind *self, const pyr_table_function *function,
                             const char *const *texts, int32_t count, pyr_table **out,
                             pyr_error *error) {
    pyr_function_call call = {.files = self->files,
                              .models = self->models,
                              .pool = self->pool,
                              .opened = &self->opened,
                              .ledger = self->run->ledger,
                              .budget = self->run->budget,
                              .cancel = self->cancel};
    for (int32_t i = 0; i < function->parameters_count; ++i) {
        call.values[i] = (pyr_function_value){
            .given = i < count, .text = i < count ? texts[i] : NULL, .position = -1};
    }
    pthread_mutex_lock(&self->lock);
    if (self->opened.count >= OPENED_MAX) {
        pyr_opened_tables_deinit(&self->opened);
    }
    pyr_status status = pyr_table_function_open(function, &call, out, error);
    pthread_mutex_unlock(&self->lock);
    return status;
}

/* The arguments of one row, each ended by a zero byte; *null where one of them is NULL. */
typedef struct arguments {
    uint64_t count;
    const pyr_duckdb_string *strings[PYR_FUNCTION_PARAMETERS_MAX];
    const uint64_t *validity[PYR_FUNCTION_PARAMETERS_MAX];
    char *texts[PYR_FUNCTION_PARAMETERS_MAX];
} arguments;

static void arguments_init(arguments *self, const pyr_duckdb_api *api, dd_chunk input,
                           int32_t count) {
    memset(self, 0, sizeof(*self));
    self->count = (uint64_t)count;
    for (uint64_t i = 0; i < self->count; ++i) {
        dd_vector vector = api->data_chunk_get_vector(input, i);
        self->strings[i] = api->vector_get_data(vector);
        self->validity[i] = api->vector_get_validity(vector);
    }
}

static void arguments_deinit(arguments *self) {
    for (uint64_t i = 0; i < self->count; ++i) {
        free(self->texts[i]);
    }
}

static pyr_status read_arguments(arguments *self, uint64_t row, bool *null, pyr_error *error) {
    *null = false;
    for (uint64_t i = 0; i < self->count; ++i) {
        const uint64_t *validity = self->validity[i];
        *null = *null || (validity != NULL && (validity[row / 64] >> (row % 64) & 1) == 0);
    }
    for (uint64_t i = 0; i < self->count && !*null; ++i) {
        const pyr_duckdb_string *string = &self->strings[i][row];
        free(self->texts[i]);
        self->texts[i] = strndup(pyr_duckdb_string_bytes(string), string->length);
        if (self->texts[i] == NULL) {
            return pyr_error_memory(error, string->length);
        }
    }
    return PYR_OK;
}

/* ---- Results through Arrow. ---- */

/* One array as what the output vector refers to. */
static pyr_status give(const each_bind *self, pyr_array *array, dd_vector output,
                       pyr_error *error) {
    const pyr_duckdb_api *api = self->run->api;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    struct ArrowSchema exported = {.release = NULL};
    struct ArrowArray values = {.release = NULL};
    dd_arrow_schema converted = NULL;
    dd_chunk chunk = NULL;
    pyr_status status = pyr_schema_create(&array->field, 1, NULL, &schema, error);
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, array->length, &array, 1, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_export(schema, &exported, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_error_take(
            api, api->schema_from_arrow(self->run->connection, &exported, &converted), error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_export(batch, &values, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_error_take(
            api, api->data_chunk_from_arrow(self->run->connection, &values, converted, &chunk),
            error);
    }
    if (status == PYR_OK) {
        api->vector_reference_vector(output, api->data_chunk_get_vector(chunk, 0));
    }
    if (chunk != NULL) {
        api->destroy_data_chunk(&chunk);
    }
    if (values.release != NULL) {
        values.release(&values);
    }
    if (converted != NULL) {
        api->destroy_arrow_converted_schema(&converted);
    }
    if (exported.release != NULL) {
        exported.release(&exported);
    }
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    return status;
}

/* ---- Lists of rows. ---- */

#define ROW_COLUMN "__pyralog_row"

/* Of one call of the scalar function. */
typedef struct lists {
    each_bind *bind;
    const pyr_table_function *function;
    pyr_builder *builder; /* LIST of STRUCT */
    pyr_error *error;
} lists;

/* What is given by its name is not given here. */
static int32_t places_of(const pyr_table_function *function) {
    int32_t places = 0;
    for (int32_t i = 0; i < function->parameters_count; ++i) {
        places += !function->parameters[i].named;
    }
    return places;
}

static int32_t listed_columns(const pyr_table_function *function) {
    int32_t count = function->columns_count;
    return function->columns[count - 1].type == PYR_TYPE_BINARY ? count - 1 : count;
}

static bool has_blob(const pyr_table_function *function) {
    return listed_columns(function) < function->columns_count;
}

/* The columns of a listed row. Behind them stands the row's number in the table, where it has a
 * BLOB: two files of a pattern may have rows of one name. */
static int32_t columns_of_row(const pyr_table_function *function,
                              pyr_made_column out[PYR_FUNCTION_COLUMNS_MAX]) {
    int32_t count = listed_columns(function);
    memcpy(out, function->columns, (size_t)count * sizeof(*out));
    if (has_blob(function)) {
        out[count++] = (pyr_made_column){ROW_COLUMN, PYR_TYPE_INT64};
    }
    return count;
}

static pyr_status copy_value(const lists *self, pyr_builder *to, const pyr_array *from,
                             int64_t row) {
    size_t size = 0;
    if (pyr_array_is_null(from, row)) {
        return pyr_builder_null(to, self->error);
    }
    switch (from->field->type) {
    case PYR_TYPE_FLOAT64:
        return pyr_builder_double(to, pyr_array_double(from, row), self->error);
    case PYR_TYPE_INT64:
        return pyr_builder_int64(to, pyr_array_int64(from, row), self->error);
    case PYR_TYPE_LIST: {
        int64_t start = 0;
        int64_t length = 0;
        pyr_array_list_range(from, row, &start, &length);
        for (int64_t i = start; i < start + length; ++i) {
            PYR_TRY(copy_value(self, pyr_builder_child(to, 0), from->children[0], i));
        }
        return pyr_builder_close(to, self->error);
    }
    default: {
        const uint8_t *bytes = pyr_array_bytes(from, row, &size);
        return pyr_builder_bytes(to, size > 0 ? bytes : (const uint8_t *)"", size, self->error);
    }
    }
}

/* first: the number of the batch's first row. */
static pyr_status copy_batch(const lists *self, const pyr_batch *batch, int64_t first) {
    pyr_builder *row = pyr_builder_child(self->builder, 0);
    for (int64_t i = 0; i < batch->rows; ++i) {
        for (int32_t j = 0; j < batch->columns_count; ++j) {
            PYR_TRY(copy_value(self, pyr_builder_child(row, j), batch->columns[j], i));
        }
        if (has_blob(self->function)) {
            PYR_TRY(pyr_builder_int64(pyr_builder_child(row, batch->columns_count), first + i,
                                      self->error));
        }
        PYR_TRY(pyr_builder_close(row, self->error));
    }
    return pyr_batch_check_mappings(batch, self->error);
}

static pyr_status copy_table(const lists *self, const pyr_table *table) {
    pyr_duckdb_run *run = self->bind->run;
    int32_t columns[PYR_FUNCTION_COLUMNS_MAX];
    int32_t count = listed_columns(self->function);
    int64_t first = 0;
    for (int32_t i = 0; i < count; ++i) {
        columns[i] = i;
    }
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], run->ledger, &batches, self->error));
        for (size_t j = 0; j < batches; ++j) {
            pyr_batch *batch = NULL;
            PYR_TRY(pyr_cancel_flag_check(run->cancel, self->error));
            PYR_TRY(pyr_segment_batch(table->segments[i], j, columns, count, run->ledger,
                                      run->budget, &batch, self->error));
            pyr_status status = copy_batch(self, batch, first);
            first += batch->rows;
            pyr_batch_release(batch);
            PYR_TRY(status);
        }
    }
    return pyr_builder_close(self->builder, self->error);
}

static pyr_status add_list(const lists *self, const arguments *of) {
    pyr_table *table = NULL;
    PYR_TRY(open_table(self->bind, self->function, (const char *const *)of->texts,
                       (int32_t)of->count, &table, self->error));
    pyr_status status = copy_table(self, table);
    pyr_table_release(table);
    return status;
}

static pyr_status make_list_field(const pyr_table_function *function, pyr_field **out,
                                  pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_field *row = NULL;
    pyr_made_column columns[PYR_FUNCTION_COLUMNS_MAX];
    int32_t count = columns_of_row(function, columns);
    PYR_TRY(pyr_made_schema(columns, count, &schema, error));
    pyr_status status = pyr_field_create_nested("l", PYR_TYPE_STRUCT, 0, schema->fields,
                                                schema->fields_count, &row, error);
    if (status == PYR_OK) {
        status = pyr_field_create_nested("rows", PYR_TYPE_LIST, 0, &row, 1, out, error);
    }
    pyr_field_release(row);
    pyr_schema_release(schema);
    return status;
}

static pyr_status list_rows(each_bind *self, const pyr_table_function *function, dd_chunk input,
                            dd_vector output, pyr_error *error) {
    lists made = {.bind = self, .function = function, .error = error};
    pyr_field *field = NULL;
    pyr_array *array = NULL;
    arguments of;
    arguments_init(&of, self->run->api, input, places_of(function));
    PYR_TRY(make_list_field(function, &field, error));
    pyr_status status = pyr_builder_create(field, self->run->budget, &made.builder, error);
    uint64_t rows = self->run->api->data_chunk_get_size(input);
    for (uint64_t i = 0; status == PYR_OK && i < rows; ++i) {
        bool null = false;
        status = read_arguments(&of, i, &null, error);
        if (status == PYR_OK) {
            status = null ? pyr_builder_null(made.builder, error) : add_list(&made, &of);
        }
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(made.builder, &array, error);
    }
    if (status == PYR_OK) {
        pyr_ledger_add_copy(self->run->ledger, PYR_COPY_RESULT, pyr_array_size_bytes(array));
        status = give(self, array, output, error);
    }
    pyr_array_release(array);
    pyr_builder_destroy(made.builder);
    pyr_field_release(field);
    arguments_deinit(&of);
    return status;
}

/* ---- BLOBs. ---- */

/* Of one call of the scalar function, whose rows mostly follow each other in one file. */
typedef struct blobs {
    each_bind *bind;
    const pyr_table_function *function;
    pyr_builder *builder;
    pyr_table *table; /* of the last row */
    pyr_batch *batch; /* of table, with its first column and its BLOBs; NULL: none yet */
    int64_t first;    /* row of table that the batch begins with */
    pyr_error *error;
} blobs;

static void use_table(blobs *self, pyr_table *table) {
    if (self->table != table) {
        pyr_batch_release(self->batch);
        self->batch = NULL;
    }
    pyr_table_release(self->table);
    self->table = table;
}

/* The batch with the row; no other one's BLOBs are looked at. NULL: the table has no such row. */
static pyr_status load_batch(blobs *self, int64_t row) {
    const int32_t columns[] = {0, self->function->columns_count - 1};
    const pyr_table *table = self->table;
    if (self->batch != NULL && row >= self->first && row - self->first < self->batch->rows) {
        return PYR_OK;
    }
    pyr_batch_release(self->batch);
    self->batch = NULL;
    self->first = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], NULL, &batches, self->error));
        for (size_t j = 0; j < batches; ++j) {
            int64_t rows = 0;
            PYR_TRY(pyr_segment_batch_rows(table->segments[i], j, &rows, self->error));
            if (row - self->first < rows) {
                return pyr_segment_batch(table->segments[i], j, columns, 2, NULL,
                                         self->bind->run->budget, &self->batch, self->error);
            }
            self->first += rows;
        }
    }
    return PYR_OK;
}

/* Another opening of the files numbered the rows: they may have changed since. */
static pyr_status check_name(const blobs *self, int64_t row, const char *path, const char *name) {
    size_t length = 0;
    const uint8_t *bytes =
        self->batch != NULL ? pyr_array_bytes(self->batch->columns[0], row - self->first, &length)
                            : NULL;
    bool same = self->batch != NULL && length == strlen(name) &&
                (length == 0 || memcmp(bytes, name, length) == 0);
    return same ? PYR_OK
                : pyr_error_set(self->error, PYR_ERROR_IO,
                                "%s: \"%s\" of \"%s\" is no longer where it was: the files changed "
                                "while they were read",
                                self->function->name, name, path);
}

/* The BLOB of the table's row of that number, whose first column is name. */
static pyr_status add_blob(blobs *self, const arguments *of, int64_t row) {
    pyr_query_ledger *ledger = self->bind->run->ledger;
    pyr_table *table = NULL;
    size_t length = 0;
    PYR_TRY(open_table(self->bind, self->function, (const char *const *)of->texts, 1, &table,
                       self->error));
    use_table(self, table);
    if (row >= 0) {
        PYR_TRY(load_batch(self, row));
    }
    PYR_TRY(check_name(self, row, of->texts[0], of->texts[1]));
    const uint8_t *bytes = pyr_array_bytes(self->batch->columns[1], row - self->first, &length);
    PYR_TRY(pyr_builder_bytes(self->builder, length > 0 ? bytes : (const uint8_t *)"", length,
                              self->error));
    pyr_ledger_add_scanned(ledger, (int64_t)length);
    pyr_ledger_add_copy(ledger, PYR_COPY_RESULT, (int64_t)length);
    return pyr_batch_check_mappings(self->batch, self->error);
}

/* (path, name, row) a BLOB. */
static pyr_status list_blobs(each_bind *self, const pyr_table_function *function, dd_chunk input,
                             dd_vector output, pyr_error *error) {
    const pyr_duckdb_api *api = self->run->api;
    blobs made = {.bind = self, .function = function, .error = error};
    pyr_field *field = NULL;
    pyr_array *array = NULL;
    arguments of;
    dd_vector numbers = api->data_chunk_get_vector(input, 2);
    const int64_t *number = api->vector_get_data(numbers);
    const uint64_t *validity = api->vector_get_validity(numbers);
    arguments_init(&of, api, input, 2);
    PYR_TRY(pyr_field_create("data", PYR_TYPE_BINARY, &field, error));
    pyr_status status = pyr_builder_create(field, self->run->budget, &made.builder, error);
    uint64_t rows = api->data_chunk_get_size(input);
    for (uint64_t i = 0; status == PYR_OK && i < rows; ++i) {
        bool null = false;
        status = read_arguments(&of, i, &null, error);
        null = null || (validity != NULL && (validity[i / 64] >> (i % 64) & 1) == 0);
        if (status == PYR_OK) {
            status = null ? pyr_builder_null(made.builder, error) : add_blob(&made, &of, number[i]);
        }
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(made.builder, &array, error);
    }
    if (status == PYR_OK) {
        status = give(self, array, output, error);
    }
    pyr_array_release(array);
    pyr_builder_destroy(made.builder);
    pyr_batch_release(made.batch);
    pyr_table_release(made.table);
    pyr_field_release(field);
    arguments_deinit(&of);
    return status;
}

/* ---- Registration. ---- */

typedef pyr_status (*lister)(each_bind *self, const pyr_table_function *function, dd_chunk input,
                             dd_vector output, pyr_error *error);

static void run(dd_call_info info, dd_chunk input, dd_vector output, lister list) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    each_bind *self = api->scalar_function_get_bind_data(info);
    const pyr_table_function *function = api->scalar_function_get_extra_info(info);
    pyr_error error;
    pyr_error_clear(&error);
    if (self == NULL) {
        api->scalar_function_set_error(info, "this function reads the files of a statement");
        return;
    }
    if (list(self, function, input, output, &error) != PYR_OK) {
        pyr_duckdb_run_fail(self->run, &error);
        api->scalar_function_set_error(info, error.message);
    }
}

static void run_rows(dd_call_info info, dd_chunk input, dd_vector output) {
    run(info, input, output, list_rows);
}

static void run_blobs(dd_call_info info, dd_chunk input, dd_vector output) {
    run(info, input, output, list_blobs);
}

static dd_type type_of(const pyr_duckdb_api *api, pyr_type_id id) {
    if (id != PYR_TYPE_LIST) {
        return api->create_logical_type(id == PYR_TYPE_UTF8      ? DD_TYPE_VARCHAR
                                        : id == PYR_TYPE_FLOAT64 ? DD_TYPE_DOUBLE
                                        : id == PYR_TYPE_BINARY  ? DD_TYPE_BLOB
                                                                 : DD_TYPE_BIGINT);
    }
    dd_type item = api->create_logical_type(DD_TYPE_BIGINT);
    dd_type list = api->create_list_type(item);
    api->destroy_logical_type(&item);
    return list;
}

/* STRUCT(...)[] of the listed columns. */
static dd_type type_of_rows(const pyr_duckdb_api *api, const pyr_table_function *function) {
    dd_type types[PYR_FUNCTION_COLUMNS_MAX];
    const char *names[PYR_FUNCTION_COLUMNS_MAX];
    pyr_made_column columns[PYR_FUNCTION_COLUMNS_MAX];
    int32_t count = columns_of_row(function, columns);
    for (int32_t i = 0; i < count; ++i) {
        names[i] = columns[i].name;
        types[i] = type_of(api, columns[i].type);
    }
    dd_type row = api->create_struct_type(types, names, (uint64_t)count);
    dd_type list = api->create_list_type(row);
    for (int32_t i = 0; i < count; ++i) {
        api->destroy_logical_type(&types[i]);
    }
    api->destroy_logical_type(&row);
    return list;
}

/* Of so many texts, and a row's number behind them where it is numbered. Takes result. */
static pyr_status register_scalar(const pyr_duckdb_api *api, dd_connection connection,
                                  const pyr_table_function *function, const char *kind,
                                  int32_t texts, bool numbered, dd_type result,
                                  dd_scalar_callback callback, pyr_error *error) {
    dd_scalar_function made = api->create_scalar_function();
    dd_type text = api->create_logical_type(DD_TYPE_VARCHAR);
    char name[64];
    snprintf(name, sizeof(name), "__pyralog_%s_%s", function->name, kind);
    api->scalar_function_set_name(made, name);
    for (int32_t i = 0; i < texts; ++i) {
        api->scalar_function_add_parameter(made, text);
    }
    if (numbered) {
        dd_type number = api->create_logical_type(DD_TYPE_BIGINT);
        api->scalar_function_add_parameter(made, number);
        api->destroy_logical_type(&number);
    }
    api->scalar_function_set_return_type(made, result);
    api->scalar_function_set_extra_info(made, (void *)(uintptr_t)function, NULL);
    api->scalar_function_set_bind(made, bind);
    api->scalar_function_set_function(made, callback);
    dd_state state = api->register_scalar_function(connection, made);
    api->destroy_logical_type(&text);
    api->destroy_logical_type(&result);
    api->destroy_scalar_function(&made);
    return state == DD_SUCCESS
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB refuses the function %s", name);
}

static void add_macro(const pyr_table_function *function, pyr_text *sql) {
    int32_t listed = listed_columns(function);
    pyr_text parameters;
    pyr_text_init(&parameters);
    for (int32_t i = 0; i < places_of(function); ++i) {
        pyr_text_printf(&parameters, "%sp%d", i > 0 ? ", " : "", (int)i);
    }
    pyr_text_printf(sql,
                    "CREATE OR REPLACE MACRO %s" PYR_DUCKDB_EACH_SUFFIX "(%s) AS TABLE SELECT ",
                    function->name, pyr_text_get(&parameters));
    for (int32_t i = 0; i < listed; ++i) {
        pyr_text_printf(sql, "%sr.\"%s\"", i > 0 ? ", " : "", function->columns[i].name);
    }
    if (has_blob(function)) {
        pyr_text_printf(sql, ", __pyralog_%s_blob(p0, r.\"%s\", r.\"%s\") AS \"%s\"",
                        function->name, function->columns[0].name, ROW_COLUMN,
                        function->columns[listed].name);
    }
    pyr_text_printf(sql, " FROM (SELECT unnest(__pyralog_%s_rows(%s)) AS r)", function->name,
                    pyr_text_get(&parameters));
    sql->failed |= parameters.failed;
    pyr_text_deinit(&parameters);
}

static pyr_status register_each(const pyr_duckdb_api *api, dd_connection connection,
                                const pyr_table_function *function, pyr_error *error) {
    PYR_TRY(register_scalar(api, connection, function, "rows", places_of(function), false,
                            type_of_rows(api, function), run_rows, error));
    if (has_blob(function)) {
        PYR_TRY(register_scalar(api, connection, function, "blob", 2, true,
                                type_of(api, PYR_TYPE_BINARY), run_blobs, error));
    }
    pyr_text sql;
    pyr_text_init(&sql);
    add_macro(function, &sql);
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_run_sql(api, connection, pyr_text_get(&sql), error);
    }
    pyr_text_deinit(&sql);
    return status;
}

pyr_status pyr_duckdb_each_register(const pyr_duckdb_api *api, dd_connection connection,
                                    pyr_error *error) {
    for (size_t i = 0; i < pyr_table_functions(); ++i) {
        const pyr_table_function *function = pyr_table_function_at(i);
        if (function->columns != NULL) {
            PYR_TRY(register_each(api, connection, function, error));
        }
    }
    return PYR_OK;
}
