/* duckdb_scan.c - the table functions pyr_scan(schema, table) and pyr_scan_rows(schema, table); and
 * the scan of whatever else is a table of segments (duckdb_function.c). pyr_scan_rows has one
 * column more, PYR_ROWID_COLUMN: for DELETE and UPDATE. Of a table with keys that is the encoded
 * row key, a BLOB.
 *
 * bind finds the table through the thread's current binding (duckdb_names.c); init lists the
 * batches of all segments as morsels; each thread of DuckDB's takes the next morsel from a counter,
 * reads the projected columns by view and hands them on 2,048 rows at a time. Where the order of
 * rows counts (preserve_insertion_order) DuckDB runs such a pipeline on one thread, so the
 * counter's order is the table's; aggregations, joins and sorts scan on all threads.
 */
#include "engines/duckdb/duckdb_internal.h"

#include "arrow/cdata.h"
#include "catalog/keyed.h"

#include <stdlib.h>
#include <string.h>

typedef struct scan_bind {
    pyr_duckdb_run *run;
    pyr_table *table;
    pyr_schema *schema; /* the table's, adapted */
    bool rowid;         /* one column more */
} scan_bind;

typedef struct scan_morsel {
    pyr_segment *segment; /* borrowed from the table; NULL: a range of a table with keys */
    size_t index;         /* of the segment in the table */
    size_t batch;
    int64_t first; /* row of the segment; known where rows are deleted or numbered */
} scan_morsel;

/* Reference-counted: where a query fails or is cancelled, DuckDB drops it before the threads' own
 * states. */
typedef struct scan_global {
    atomic_size_t references;
    pyr_duckdb_run *run;
    pyr_table *table;
    pyr_schema *schema;
    int32_t *columns; /* of the table, in order of the output */
    int32_t *outputs;
    int32_t count;
    bool rowid;
    int32_t rowid_output; /* -1: not asked for */
    pyr_duckdb_shape shape;
    atomic_bool *witnessed; /* one a segment of the table: its mapping is known to the run */
    scan_morsel *morsels;
    size_t morsels_count;
    pyr_prune *prune;        /* NULL: all batches are needed */
    pyr_keyed_range *ranges; /* of a table with keys: one a morsel */
    size_t ranges_count;
    atomic_size_t next;
    int64_t vector_rows;
} scan_global;

typedef struct scan_local {
    scan_global *global; /* retained; NULL until the first call */
    pyr_duckdb_morsel *morsel;
    const scan_morsel *loaded;
    pyr_keyed_scan *keyed; /* of the loaded morsel, with batches to come */
    int64_t next, rows;    /* of the loaded batch */
} scan_local;

/* ---- Bind. ---- */

static void free_bind(void *data) {
    scan_bind *bind = data;
    pyr_table_release(bind->table);
    pyr_schema_release(bind->schema);
    pyr_duckdb_run_release(bind->run);
    free(bind);
}

void pyr_duckdb_scan_bind_fail(const pyr_duckdb_api *api, dd_bind_info info,
                               const pyr_error *error) {
    const pyr_duckdb_binding *binding = pyr_duckdb_binding_get();
    if (binding != NULL) {
        pyr_duckdb_run_fail(binding->run, error);
    }
    api->bind_set_error(info, error->message);
}

/* One row of nulls of a schema. */
static pyr_status null_row(pyr_schema *schema, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    size_t count = (size_t)schema->fields_count;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, count * sizeof(*columns));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_array_create_null(schema->fields[i], 1, NULL, &columns[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, 1, columns, schema->fields_count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    return status;
}

static void release_nothing(struct ArrowArray *array) {
    array->release = NULL;
}

/* A converted schema does not tell its types, but a chunk made with it does. The array is only
 * lent: DuckDB casts a GEOMETRY column out of a vector of its own, and with the first column's the
 * whole array would go before the second column is read. */
static pyr_status empty_chunk(const pyr_duckdb_api *api, dd_connection connection,
                              pyr_schema *schema, dd_chunk *out, pyr_error *error) {
    *out = NULL;
    pyr_batch *batch = NULL;
    struct ArrowSchema exported = {.release = NULL};
    struct ArrowArray array = {.release = NULL};
    dd_arrow_schema converted = NULL;
    pyr_status status = null_row(schema, &batch, error);
    if (status == PYR_OK) {
        status = pyr_schema_export(schema, &exported, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_error_take(
            api, api->schema_from_arrow(connection, &exported, &converted), error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_export(batch, &array, error);
    }
    if (status == PYR_OK) {
        struct ArrowArray lent = array;
        lent.release = release_nothing;
        status = pyr_duckdb_error_take(
            api, api->data_chunk_from_arrow(connection, &lent, converted, out), error);
    }
    if (array.release != NULL) {
        array.release(&array);
    }
    if (converted != NULL) {
        api->destroy_arrow_converted_schema(&converted);
    }
    if (exported.release != NULL) {
        exported.release(&exported);
    }
    pyr_batch_release(batch);
    return status;
}

/* Names the column that DuckDB has no type for. */
static pyr_status name_column(const pyr_duckdb_api *api, dd_connection connection,
                              const pyr_table *table, const pyr_schema *schema, pyr_status status,
                              pyr_error *error) {
    for (int32_t i = 0; i < table->schema->fields_count; ++i) {
        pyr_schema *one = NULL;
        dd_chunk chunk = NULL;
        pyr_error detail;
        if (pyr_schema_project(schema, &i, 1, &one, NULL) != PYR_OK) {
            break;
        }
        pyr_status tried = empty_chunk(api, connection, one, &chunk, &detail);
        pyr_schema_release(one);
        if (chunk != NULL) {
            api->destroy_data_chunk(&chunk);
        }
        if (tried != PYR_OK) {
            pyr_text type;
            pyr_text_init(&type);
            pyr_field_type_print(table->schema->fields[i], &type);
            status = pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                   "table \"%s\", column \"%s\": the DuckDB engine does not read "
                                   "%s (%s)",
                                   table->name, table->schema->fields[i]->name, pyr_text_get(&type),
                                   detail.message);
            pyr_text_deinit(&type);
            break;
        }
    }
    return status;
}

/* The schema with dictionaries as their values, which is what DuckDB gets of them. */
static pyr_status without_dictionaries(const pyr_schema *schema, pyr_schema **out,
                                       pyr_error *error) {
    size_t count = (size_t)schema->fields_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        pyr_field *field = schema->fields[i];
        if (field->type == PYR_TYPE_DICTIONARY) {
            status = pyr_field_with(field->dictionary, field->name, true,
                                    field->dictionary->metadata, &fields[i], error);
        } else {
            fields[i] = pyr_field_retain(field);
        }
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, schema->fields_count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

/* vector: a column that was converted as its values are, whose type it has unless it is an ENUM. */
static pyr_status column_type(const pyr_duckdb_api *api, const pyr_field *field, dd_vector vector,
                              dd_type *out, pyr_error *error) {
    if (!pyr_duckdb_is_enum(field)) {
        *out = api->vector_get_column_type(vector);
        return PYR_OK;
    }
    pyr_duckdb_enum *enumeration = NULL;
    *out = NULL;
    PYR_TRY(pyr_duckdb_enum_create(field, &enumeration, error));
    *out = pyr_duckdb_enum_type(api, enumeration);
    pyr_duckdb_enum_destroy(enumeration);
    return PYR_OK;
}

static pyr_status add_columns(const pyr_duckdb_api *api, dd_connection connection,
                              dd_bind_info info, const pyr_table *table, const pyr_schema *schema,
                              pyr_error *error) {
    dd_chunk chunk = NULL;
    pyr_schema *values = NULL;
    PYR_TRY(without_dictionaries(schema, &values, error));
    pyr_status status = empty_chunk(api, connection, values, &chunk, error);
    if (status != PYR_OK) {
        status = name_column(api, connection, table, values, status, error);
        pyr_schema_release(values);
        return status;
    }
    for (int32_t i = 0; i < values->fields_count; ++i) {
        dd_type type = NULL;
        status = column_type(api, schema->fields[i], api->data_chunk_get_vector(chunk, (uint64_t)i),
                             &type, error);
        if (status != PYR_OK) {
            break;
        }
        api->bind_add_result_column(info, values->fields[i]->name, type);
        api->destroy_logical_type(&type);
    }
    pyr_schema_release(values);
    api->destroy_data_chunk(&chunk);
    return status;
}

static char *text_parameter(const pyr_duckdb_api *api, dd_bind_info info, uint64_t index) {
    dd_value value = api->bind_get_parameter(info, index);
    char *text = value != NULL ? api->get_varchar(value) : NULL;
    api->destroy_value(&value);
    return text;
}

/* Counts rows where the table does not know them yet (files outside the catalog). */
static pyr_status count_rows(const pyr_table *table, pyr_query_ledger *ledger, int64_t *rows,
                             pyr_error *error) {
    *rows = table->rows;
    if (table->rows >= 0) {
        return PYR_OK;
    }
    *rows = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], ledger, &batches, error));
        *rows += pyr_segment_get_info(table->segments[i])->rows;
    }
    return PYR_OK;
}

/* *schema with the row key of a table with keys behind its columns, as PYR_ROWID_COLUMN. */
static pyr_status add_row_key(pyr_schema **schema, pyr_error *error) {
    const pyr_schema *before = *schema;
    int32_t count = before->fields_count;
    pyr_field **fields = calloc((size_t)count + 1, sizeof(*fields));
    pyr_field *row_key = NULL;
    pyr_field *named = NULL;
    pyr_schema *after = NULL;
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*fields));
    }
    pyr_status status = pyr_keyed_row_key_field(&row_key, error);
    if (status == PYR_OK) {
        status = pyr_field_with(row_key, PYR_ROWID_COLUMN, false, NULL, &named, error);
    }
    if (status == PYR_OK) {
        memcpy(fields, before->fields, (size_t)count * sizeof(*fields));
        fields[count] = named;
        status = pyr_schema_create(fields, count + 1, NULL, &after, error);
    }
    if (status == PYR_OK) {
        pyr_schema_release(*schema);
        *schema = after;
    }
    pyr_field_release(row_key);
    pyr_field_release(named);
    free(fields);
    return status;
}

pyr_status pyr_duckdb_scan_bind(const pyr_duckdb_api *api, dd_bind_info info, pyr_table *table,
                                bool rowid, pyr_error *error) {
    pyr_duckdb_run *run = pyr_duckdb_binding_get()->run;
    int64_t rows = 0;
    scan_bind *bind = calloc(1, sizeof(*bind));
    if (bind == NULL) {
        return pyr_error_memory(error, sizeof(*bind));
    }
    bind->run = pyr_duckdb_run_retain(run);
    bind->table = pyr_table_retain(table);
    bool by_key = rowid && pyr_table_is_keyed(table);
    rowid = rowid && !by_key;
    pyr_status status = pyr_duckdb_adapt_schema(table->schema, &bind->schema, error);
    if (status == PYR_OK && by_key) {
        status = add_row_key(&bind->schema, error);
    }
    if (status == PYR_OK) {
        status = add_columns(api, run->connection, info, table, bind->schema, error);
    }
    if (status == PYR_OK && rowid) {
        dd_type type = api->create_logical_type(DD_TYPE_BIGINT);
        api->bind_add_result_column(info, PYR_ROWID_COLUMN, type);
        api->destroy_logical_type(&type);
        bind->rowid = true;
    }
    if (status == PYR_OK) {
        status = count_rows(table, run->ledger, &rows, error);
    }
    if (status != PYR_OK) {
        free_bind(bind);
        return status;
    }
    api->bind_set_bind_data(info, bind, free_bind);
    if (rows >= 0) {
        api->bind_set_cardinality(info, (uint64_t)rows, true);
    }
    return PYR_OK;
}

static void bind_function(dd_bind_info info, const pyr_duckdb_api *api, bool rowid) {
    const pyr_duckdb_binding *binding = pyr_duckdb_binding_get();
    if (binding == NULL) {
        api->bind_set_error(info, "this function reads the tables of a running statement");
        return;
    }
    char *schema_name = text_parameter(api, info, 0);
    char *name = text_parameter(api, info, 1);
    pyr_table *table = NULL;
    pyr_error error;
    pyr_status status;
    if (schema_name == NULL || name == NULL) {
        status = pyr_error_set(&error, PYR_ERROR_SQL, "a name must not be NULL");
    } else {
        status = pyr_duckdb_find_table(binding, schema_name, name, &table, &error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_scan_bind(api, info, table, rowid, &error);
    }
    if (status != PYR_OK) {
        pyr_duckdb_scan_bind_fail(api, info, &error);
    }
    pyr_table_release(table);
    api->free(schema_name);
    api->free(name);
}

/* ---- Init. ---- */

static void release_global(void *data) {
    scan_global *global = data;
    if (global == NULL ||
        atomic_fetch_sub_explicit(&global->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_duckdb_shape_deinit(&global->shape);
    pyr_table_release(global->table);
    pyr_schema_release(global->schema);
    pyr_duckdb_run_release(global->run);
    free(global->columns);
    free(global->outputs);
    free(global->morsels);
    free(global->witnessed);
    pyr_prune_destroy(global->prune);
    pyr_keyed_ranges_free(global->ranges, global->ranges_count);
    free(global);
}

/* The ranges that the statement needs; one of them, or all there is, in a few parts for each
 * thread: some have more rows than others. */
static pyr_status find_ranges(scan_global *global, pyr_error *error) {
    enum { PARTS_A_THREAD = 4 };
    pyr_keyed_range *needed = NULL;
    size_t count = 0;
    PYR_TRY(pyr_duckdb_skip_keys(global->run, global->table, &needed, &count, error));
    if (needed != NULL && count != 1) {
        global->ranges = needed;
        global->ranges_count = count;
        return PYR_OK;
    }
    pyr_status status =
        pyr_keyed_split(global->table, needed, global->run->threads * PARTS_A_THREAD,
                        &global->ranges, &global->ranges_count, error);
    pyr_keyed_ranges_free(needed, count);
    return status;
}

static pyr_status list_ranges(scan_global *global, pyr_error *error) {
    PYR_TRY(find_ranges(global, error));
    global->morsels = calloc(global->ranges_count + 1, sizeof(*global->morsels));
    if (global->morsels == NULL) {
        return pyr_error_memory(error, global->ranges_count * sizeof(*global->morsels));
    }
    global->morsels_count = global->ranges_count;
    for (size_t i = 0; i < global->morsels_count; ++i) {
        global->morsels[i].index = i;
    }
    pyr_ledger_plan_batches(global->run->ledger, (int64_t)global->morsels_count);
    return PYR_OK;
}

/* A table of a few rows in many small segments is one thread's, as it is in DuckDB's own tables:
 * more would wait for each other, and its rows would come in another order each time. */
static size_t threads_for(const scan_global *global) {
    size_t threads = global->run->threads;
    if (pyr_table_is_keyed(global->table)) {
        return threads < global->morsels_count ? threads : global->morsels_count + 1;
    }
    const pyr_table *table = global->table;
    int64_t by_rows = table->rows / PYR_SEGMENT_BATCH_ROWS;
    int64_t by_bytes = table->size_bytes / PYR_SEGMENT_BATCH_BYTES;
    int64_t full = by_rows > by_bytes ? by_rows : by_bytes;
    size_t worth = table->rows < 0 ? threads : (size_t)full + 1;
    worth = worth < global->morsels_count ? worth : global->morsels_count + 1;
    return threads < worth ? threads : worth;
}

static pyr_status list_morsels(scan_global *global, pyr_error *error) {
    const pyr_table *table = global->table;
    if (pyr_table_is_keyed(table)) {
        return list_ranges(global, error);
    }
    size_t capacity = 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(table->segments[i], global->run->ledger, &batches, error));
        capacity += batches;
    }
    global->morsels = calloc(capacity + 1, sizeof(*global->morsels));
    global->witnessed = calloc(table->segments_count + 1, sizeof(*global->witnessed));
    if (global->morsels == NULL || global->witnessed == NULL) {
        return pyr_error_memory(error, capacity * sizeof(*global->morsels));
    }
    for (size_t i = 0; i < table->segments_count; ++i) {
        size_t batches = 0;
        int64_t first = 0;
        bool numbered = global->rowid_output >= 0 || pyr_table_deleted(table, i) != NULL;
        PYR_TRY(pyr_segment_batches(table->segments[i], NULL, &batches, error));
        for (size_t j = 0; j < batches && global->morsels_count < capacity; ++j) {
            global->morsels[global->morsels_count++] =
                (scan_morsel){table->segments[i], i, j, first};
            int64_t rows = 0;
            if (numbered) {
                PYR_TRY(pyr_segment_batch_rows(table->segments[i], j, &rows, error));
            }
            first += rows;
        }
    }
    pyr_ledger_plan_batches(global->run->ledger, (int64_t)global->morsels_count);
    return PYR_OK;
}

/* As scans by keys want them: ascending, the outputs along with them. */
static void sort_columns(scan_global *global) {
    for (int32_t i = 1; i < global->count; ++i) {
        int32_t column = global->columns[i];
        int32_t output = global->outputs[i];
        int32_t at = i;
        for (; at > 0 && global->columns[at - 1] > column; --at) {
            global->columns[at] = global->columns[at - 1];
            global->outputs[at] = global->outputs[at - 1];
        }
        global->columns[at] = column;
        global->outputs[at] = output;
    }
}

static pyr_status init_global(const pyr_duckdb_api *api, dd_init_info info, scan_global *global,
                              pyr_error *error) {
    uint64_t count = api->init_get_column_count(info);
    /* The row key of a table with keys is a column like the others. */
    int32_t fields = global->schema->fields_count;
    global->columns = calloc(count + 1, sizeof(*global->columns));
    global->outputs = calloc(count + 1, sizeof(*global->outputs));
    if (global->columns == NULL || global->outputs == NULL) {
        return pyr_error_memory(error, count * sizeof(*global->columns));
    }
    for (uint64_t i = 0; i < count; ++i) {
        uint64_t column = api->init_get_column_index(info, i);
        /* Beyond the columns are DuckDB's virtual ones: COUNT(*) asks for one that it never reads.
         */
        if (column < (uint64_t)fields) {
            global->columns[global->count] = (int32_t)column;
            global->outputs[global->count++] = (int32_t)i;
        } else if (global->rowid && column == (uint64_t)fields) {
            global->rowid_output = (int32_t)i;
        }
    }
    if (pyr_table_is_keyed(global->table)) {
        sort_columns(global);
    }
    PYR_TRY(pyr_duckdb_shape_init(&global->shape, api, global->run->connection, global->schema,
                                  global->columns, global->outputs, global->count, error));
    PYR_TRY(list_morsels(global, error));
    PYR_TRY(pyr_duckdb_skip_find(global->run, global->table, &global->prune, error));
    api->init_set_max_threads(info, threads_for(global));
    return PYR_OK;
}

static void init_function(dd_init_info info) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const scan_bind *bind = api->init_get_bind_data(info);
    pyr_error error;
    scan_global *global = calloc(1, sizeof(*global));
    if (global == NULL) {
        pyr_error_memory(&error, sizeof(*global));
        pyr_duckdb_run_fail(bind->run, &error);
        api->init_set_error(info, error.message);
        return;
    }
    atomic_init(&global->references, 1);
    global->run = pyr_duckdb_run_retain(bind->run);
    global->table = pyr_table_retain(bind->table);
    global->schema = pyr_schema_retain(bind->schema);
    global->rowid = bind->rowid;
    global->rowid_output = -1;
    global->vector_rows = (int64_t)api->vector_size();
    if (init_global(api, info, global, &error) != PYR_OK) {
        pyr_duckdb_run_fail(bind->run, &error);
        api->init_set_error(info, error.message);
        release_global(global);
        return;
    }
    api->init_set_init_data(info, global, release_global);
}

static void free_local(void *data) {
    scan_local *local = data;
    pyr_duckdb_morsel_destroy(local->morsel);
    pyr_keyed_scan_destroy(local->keyed);
    release_global(local->global);
    free(local);
}

/* The global state is not to be had here: the rest is made by the first call. */
static void local_init_function(dd_init_info info) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    scan_local *local = calloc(1, sizeof(*local));
    if (local == NULL) {
        const scan_bind *bind = api->init_get_bind_data(info);
        pyr_error error;
        pyr_error_memory(&error, sizeof(*local));
        pyr_duckdb_run_fail(bind->run, &error);
        api->init_set_error(info, error.message);
        return;
    }
    api->init_set_init_data(info, local, free_local);
}

/* ---- Scan. ---- */

/* The next batch of the loaded range, if there is one. */
static pyr_status load_keyed(scan_global *global, scan_local *local, pyr_error *error) {
    pyr_batch *batch = NULL;
    local->next = 0;
    local->rows = 0;
    if (local->keyed == NULL) {
        const pyr_keyed_scan_options options = {.columns = global->columns,
                                                .columns_count = global->count,
                                                .range = &global->ranges[local->loaded->index],
                                                .ledger = global->run->ledger,
                                                .budget = global->run->budget};
        PYR_TRY(pyr_keyed_scan_create(global->table, &options, &local->keyed, error));
    }
    PYR_TRY(pyr_keyed_scan_next(local->keyed, &batch, error));
    if (batch == NULL) {
        pyr_keyed_scan_destroy(local->keyed);
        local->keyed = NULL;
        return PYR_OK;
    }
    local->rows = batch->rows;
    pyr_status status =
        global->count > 0 ? pyr_duckdb_morsel_load(local->morsel, batch, error) : PYR_OK;
    pyr_batch_release(batch);
    return status;
}

/* The rows of the loaded morsel, or the first of them. */
static pyr_status load_rows(scan_global *global, scan_local *local, pyr_error *error) {
    const scan_morsel *morsel = local->loaded;
    pyr_duckdb_run *run = global->run;
    if (morsel->segment == NULL) {
        return load_keyed(global, local, error);
    }
    if (global->count == 0) {
        return pyr_segment_batch_rows(morsel->segment, morsel->batch, &local->rows, error);
    }
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_segment_batch(morsel->segment, morsel->batch, global->columns, global->count,
                              run->ledger, run->budget, &batch, error));
    pyr_status status =
        pyr_duckdb_run_witness(run, batch, &global->witnessed[morsel->index], error);
    if (status == PYR_OK) {
        status = pyr_duckdb_morsel_load(local->morsel, batch, error);
    }
    local->rows = batch->rows;
    pyr_batch_release(batch);
    return status;
}

/* The next morsel with rows; *done at the end of the table. */
static pyr_status load_morsel(scan_global *global, scan_local *local, bool *done,
                              pyr_error *error) {
    pyr_duckdb_run *run = global->run;
    *done = false;
    for (;;) {
        PYR_TRY(pyr_cancel_flag_check(run->cancel, error));
        if (local->keyed != NULL) {
            PYR_TRY(load_keyed(global, local, error));
            if (local->rows > 0) {
                return PYR_OK;
            }
        }
        size_t index = atomic_fetch_add_explicit(&global->next, 1, memory_order_relaxed);
        if (index >= global->morsels_count) {
            *done = true;
            return PYR_OK;
        }
        if (local->loaded != NULL) {
            pyr_ledger_finish_batch(run->ledger);
        }
        local->loaded = &global->morsels[index];
        local->next = 0;
        local->rows = 0;
        bool skip = false;
        if (global->prune != NULL) {
            PYR_TRY(pyr_prune_batch(global->prune, local->loaded->segment, local->loaded->batch,
                                    &skip, error));
        }
        if (skip) {
            pyr_ledger_add_skipped(run->ledger, 1);
            continue;
        }
        PYR_TRY(load_rows(global, local, error));
        if (local->rows > 0) {
            return PYR_OK;
        }
    }
}

/* segment number in the upper half, row in the lower one: see PYR_ROWID_COLUMN. */
static void emit_rowids(const pyr_duckdb_api *api, const scan_global *global,
                        const scan_local *local, int64_t rows, dd_chunk output) {
    uint64_t number = pyr_segment_get_info(local->loaded->segment)->number;
    int64_t *to =
        api->vector_get_data(api->data_chunk_get_vector(output, (uint64_t)global->rowid_output));
    for (int64_t i = 0; i < rows; ++i) {
        to[i] = (int64_t)(number << 32) | (local->loaded->first + local->next + i);
    }
}

/* Takes the deleted rows out of an output of rows [next, next + rows): a selection over each
 * vector. */
static pyr_status drop_deleted(const pyr_duckdb_api *api, const scan_global *global,
                               const scan_local *local, int64_t rows, int64_t *kept,
                               dd_chunk output, pyr_error *error) {
    const pyr_row_bitmap *deleted = pyr_table_deleted(global->table, local->loaded->index);
    int64_t from = local->loaded->first + local->next;
    *kept = rows - pyr_row_bitmap_count_range(deleted, from, from + rows);
    int32_t vectors = global->count + (global->rowid_output >= 0);
    if (*kept == rows || *kept == 0 || vectors == 0) {
        return PYR_OK;
    }
    dd_selection selection = api->create_selection_vector((uint64_t)rows);
    if (selection == NULL) {
        return pyr_error_memory(error, (size_t)rows * sizeof(uint32_t));
    }
    /* Row numbers of a vector are not negative: the signed and the unsigned form are the same. */
    pyr_row_bitmap_kept_rows(deleted, from, from + rows,
                             (int32_t *)(void *)api->selection_vector_get_data_ptr(selection));
    for (int32_t i = 0; i < vectors; ++i) {
        int32_t place = i < global->count ? global->outputs[i] : global->rowid_output;
        api->slice_vector(api->data_chunk_get_vector(output, (uint64_t)place), selection,
                          (uint64_t)*kept);
    }
    api->destroy_selection_vector(selection);
    return PYR_OK;
}

/* The next rows of the loaded batch; *kept 0: all of them are deleted. */
static pyr_status emit(const pyr_duckdb_api *api, const scan_global *global, scan_local *local,
                       dd_chunk output, int64_t *kept, pyr_error *error) {
    int64_t rows = local->rows - local->next;
    rows = rows < global->vector_rows ? rows : global->vector_rows;
    PYR_TRY(pyr_duckdb_morsel_emit(local->morsel, local->next, rows, output, error));
    if (global->rowid_output >= 0) {
        emit_rowids(api, global, local, rows, output);
    }
    *kept = rows;
    if (local->loaded->segment != NULL) {
        PYR_TRY(drop_deleted(api, global, local, rows, kept, output, error));
    }
    api->data_chunk_set_size(output, (uint64_t)*kept);
    local->next += rows;
    return PYR_OK;
}

static pyr_status scan(const pyr_duckdb_api *api, scan_global *global, scan_local *local,
                       dd_chunk output, pyr_error *error) {
    if (local->global == NULL) {
        atomic_fetch_add_explicit(&global->references, 1, memory_order_relaxed);
        local->global = global;
    }
    if (local->morsel == NULL) {
        PYR_TRY(pyr_duckdb_morsel_create(&global->shape, global->run->ledger, global->run->budget,
                                         &local->morsel, error));
    }
    int64_t kept = 0;
    while (kept == 0) { /* an empty output would be the end */
        if (local->next >= local->rows) {
            bool done = false;
            PYR_TRY(load_morsel(global, local, &done, error));
            if (done) {
                api->data_chunk_set_size(output, 0);
                return PYR_OK;
            }
        }
        PYR_TRY(emit(api, global, local, output, &kept, error));
    }
    return PYR_OK;
}

static void scan_function(dd_call_info info, dd_chunk output) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    scan_global *global = api->function_get_init_data(info);
    scan_local *local = api->function_get_local_init_data(info);
    pyr_error error;
    if (scan(api, global, local, output, &error) != PYR_OK) {
        pyr_duckdb_run_fail(global->run, &error);
        api->function_set_error(info, error.message);
        api->data_chunk_set_size(output, 0);
    }
}

/* ---- Registration. ---- */

void pyr_duckdb_scan_functions(const pyr_duckdb_api *api, dd_table_function function) {
    api->table_function_set_init(function, init_function);
    api->table_function_set_local_init(function, local_init_function);
    api->table_function_set_function(function, scan_function);
    api->table_function_supports_projection_pushdown(function, true);
}

static void bind_scan(dd_bind_info info) {
    bind_function(info, pyr_duckdb_api_loaded(), false);
}

static void bind_scan_rows(dd_bind_info info) {
    bind_function(info, pyr_duckdb_api_loaded(), true);
}

static pyr_status register_function(const pyr_duckdb_api *api, dd_connection connection,
                                    const char *name, dd_bind_function bind, pyr_error *error) {
    dd_table_function function = api->create_table_function();
    dd_type text = api->create_logical_type(DD_TYPE_VARCHAR);
    api->table_function_set_name(function, name);
    api->table_function_add_parameter(function, text);
    api->table_function_add_parameter(function, text);
    api->table_function_set_bind(function, bind);
    pyr_duckdb_scan_functions(api, function);
    pyr_status status = PYR_OK;
    if (api->register_table_function(connection, function) != DD_SUCCESS) {
        status = pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB refuses the function %s", name);
    }
    api->destroy_logical_type(&text);
    api->destroy_table_function(&function);
    return status;
}

pyr_status pyr_duckdb_scan_register(const pyr_duckdb_api *api, dd_connection connection,
                                    pyr_error *error) {
    PYR_TRY(register_function(api, connection, "pyr_scan", bind_scan, error));
    return register_function(api, connection, "pyr_scan_rows", bind_scan_rows, error);
}
