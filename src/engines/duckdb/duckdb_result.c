/* duckdb_result.c - a DuckDB result as a stream of batches.
 *
 * DuckDB hands out chunks of at most 2,048 rows, each written into Arrow buffers of its own (a
 * copy: "engine result"). The first one goes out at once, so that LIMIT and a terminal need not
 * wait; then chunks are joined ("concat") to batches that grow to 64K rows.
 */
#include "arrow/cdata.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS_MAX = 65536, BATCH_GROWTH = 4, CHUNKS_MAX = 64 };

typedef struct result_stream {
    pyr_stream stream;
    pyr_duckdb_prepared *prepared;
    bool owns; /* the prepared statement goes with the stream */
    dd_result result;
    /* Columns that go the lossless way are converted in a chunk of their own. */
    int32_t lossless_count;
    bool *lossless;
    dd_type *types;
    uint64_t types_count;
    int64_t batch_rows;
    bool done;
} result_stream;

/* ---- Schema. ---- */

static pyr_status describe_result(result_stream *self, pyr_error *error) {
    const pyr_duckdb_instance *instance = self->prepared->lease.instance;
    const pyr_duckdb_api *api = instance->api;
    uint64_t count = api->column_count(&self->result);
    self->types_count = count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    self->lossless = calloc(count + 1, sizeof(*self->lossless));
    self->types = calloc(count + 1, sizeof(*self->types));
    pyr_status status = PYR_OK;
    if (fields == NULL || self->lossless == NULL || self->types == NULL) {
        status = pyr_error_memory(error, count * sizeof(*fields));
    }
    for (uint64_t i = 0; status == PYR_OK && i < count; ++i) {
        self->types[i] = api->column_logical_type(&self->result, i);
        self->lossless[i] = pyr_duckdb_type_needs_lossless(api, self->types[i]);
        self->lossless_count += self->lossless[i] ? 1 : 0;
        status = pyr_duckdb_field_of_type(instance, self->types[i],
                                          api->column_name(&self->result, i), &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, &self->stream.schema, error);
    }
    for (uint64_t i = 0; fields != NULL && i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

/* ---- Chunks. ---- */

static pyr_status import_chunk(result_stream *self, dd_arrow_options options, dd_chunk chunk,
                               pyr_schema *schema, pyr_batch **out, pyr_error *error) {
    const pyr_duckdb_api *api = self->prepared->lease.instance->api;
    struct ArrowArray array;
    memset(&array, 0, sizeof(array));
    *out = NULL;
    PYR_TRY(pyr_duckdb_error_take(api, api->data_chunk_to_arrow(options, chunk, &array), error));
    return pyr_batch_import(&array, schema, out, error);
}

/* The columns whose lossless flag is as asked for, referenced from chunk and converted. */
static pyr_status convert_part(result_stream *self, dd_chunk chunk, bool lossless,
                               pyr_array **columns, pyr_error *error) {
    const pyr_duckdb_instance *instance = self->prepared->lease.instance;
    const pyr_duckdb_api *api = instance->api;
    int32_t fields = self->stream.schema->fields_count;
    int32_t count = lossless ? self->lossless_count : fields - self->lossless_count;
    if (count == 0) {
        return PYR_OK;
    }
    dd_type *types = calloc((size_t)count, sizeof(*types));
    int32_t *places = calloc((size_t)count, sizeof(*places));
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    dd_chunk part = NULL;
    pyr_status status = PYR_OK;
    if (types == NULL || places == NULL) {
        status = pyr_error_memory(error, (size_t)count * sizeof(*types));
        goto done;
    }
    for (int32_t i = 0, at = 0; i < fields; ++i) {
        if (self->lossless[i] == lossless) {
            types[at] = self->types[i];
            places[at++] = i;
        }
    }
    status = pyr_schema_project(self->stream.schema, places, count, &schema, error);
    if (status != PYR_OK) {
        goto done;
    }
    part = api->create_data_chunk(types, (uint64_t)count);
    if (part == NULL) {
        status = pyr_error_memory(error, (size_t)count);
        goto done;
    }
    for (int32_t i = 0; i < count; ++i) {
        api->vector_reference_vector(api->data_chunk_get_vector(part, (uint64_t)i),
                                     api->data_chunk_get_vector(chunk, (uint64_t)places[i]));
    }
    api->data_chunk_set_size(part, api->data_chunk_get_size(chunk));
    status = import_chunk(self, lossless ? instance->lossless : instance->plain, part, schema,
                          &batch, error);
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        columns[places[i]] = pyr_array_retain(batch->columns[i]);
    }
done:
    if (part != NULL) {
        api->destroy_data_chunk(&part);
    }
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    free(types);
    free(places);
    return status;
}

static pyr_status convert_mixed(result_stream *self, dd_chunk chunk, pyr_batch **out,
                                pyr_error *error) {
    const pyr_duckdb_api *api = self->prepared->lease.instance->api;
    int32_t fields = self->stream.schema->fields_count;
    *out = NULL;
    pyr_array **columns = calloc((size_t)fields + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, (size_t)fields * sizeof(*columns));
    }
    pyr_status status = convert_part(self, chunk, false, columns, error);
    if (status == PYR_OK) {
        status = convert_part(self, chunk, true, columns, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(self->stream.schema, (int64_t)api->data_chunk_get_size(chunk),
                                  columns, fields, NULL, out, error);
    }
    for (int32_t i = 0; i < fields; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    return status;
}

static pyr_status check_values(const result_stream *self, dd_chunk chunk, pyr_error *error) {
    const pyr_duckdb_api *api = self->prepared->lease.instance->api;
    const pyr_schema *schema = self->stream.schema;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        PYR_TRY(pyr_duckdb_check_intervals(api, schema->fields[i], self->types[i],
                                           api->data_chunk_get_vector(chunk, (uint64_t)i),
                                           api->data_chunk_get_size(chunk), error));
    }
    return PYR_OK;
}

static pyr_status next_chunk(result_stream *self, pyr_batch **out, pyr_error *error) {
    const pyr_duckdb_instance *instance = self->prepared->lease.instance;
    const pyr_duckdb_api *api = instance->api;
    dd_chunk chunk = NULL;
    *out = NULL;
    PYR_TRY(pyr_duckdb_fetch(self->prepared, &self->result, &chunk, error));
    if (chunk == NULL) {
        return PYR_OK;
    }
    pyr_status status = check_values(self, chunk, error);
    if (status != PYR_OK) {
        self->done = true;
    } else if (api->data_chunk_get_size(chunk) == 0) {
        self->done = true;
    } else if (self->lossless_count == 0) {
        status = import_chunk(self, instance->plain, chunk, self->stream.schema, out, error);
    } else {
        status = convert_mixed(self, chunk, out, error);
    }
    api->destroy_data_chunk(&chunk);
    if (*out != NULL) {
        pyr_ledger_add_copy(self->prepared->run->ledger, PYR_COPY_RESULT,
                            pyr_batch_size_bytes(*out));
    }
    return status;
}

static pyr_status result_next(pyr_stream *stream, pyr_batch **out, pyr_error *error) {
    result_stream *self = (result_stream *)stream;
    pyr_batch *chunks[CHUNKS_MAX];
    size_t count = 0;
    int64_t rows = 0;
    pyr_status status = PYR_OK;
    *out = NULL;
    while (!self->done && rows < self->batch_rows && count < CHUNKS_MAX) {
        status = next_chunk(self, &chunks[count], error);
        if (status != PYR_OK || chunks[count] == NULL) {
            self->done = true;
            break;
        }
        rows += chunks[count++]->rows;
    }
    if (status == PYR_OK && count == 1) {
        *out = pyr_batch_retain(chunks[0]);
    } else if (status == PYR_OK && count > 1) {
        pyr_duckdb_run *run = self->prepared->run;
        status = pyr_batch_concat(chunks, count, run->ledger, run->budget, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_batch_release(chunks[i]);
    }
    self->batch_rows *= BATCH_GROWTH;
    if (self->batch_rows > BATCH_ROWS_MAX) {
        self->batch_rows = BATCH_ROWS_MAX;
    }
    return status;
}

static void result_destroy(pyr_stream *stream) {
    result_stream *self = (result_stream *)stream;
    const pyr_duckdb_api *api = self->prepared->lease.instance->api;
    for (uint64_t i = 0; self->types != NULL && i < self->types_count; ++i) {
        if (self->types[i] != NULL) {
            api->destroy_logical_type(&self->types[i]);
        }
    }
    api->destroy_result(&self->result);
    self->prepared->streaming = false;
    if (self->owns) {
        pyr_duckdb_prepared_destroy(self->prepared);
    }
    pyr_schema_release(self->stream.schema);
    free(self->types);
    free(self->lossless);
    free(self);
}

static const pyr_stream_ops result_ops = {result_next, result_destroy};

pyr_status pyr_duckdb_stream_create(pyr_duckdb_prepared *prepared, bool owns, dd_result *result,
                                    pyr_stream **out, pyr_error *error) {
    *out = NULL;
    result_stream *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        prepared->lease.instance->api->destroy_result(result);
        if (owns) {
            pyr_duckdb_prepared_destroy(prepared);
        }
        return pyr_error_memory(error, sizeof(*self));
    }
    self->stream.ops = &result_ops;
    self->prepared = prepared;
    self->owns = owns;
    self->result = *result;
    self->batch_rows = 1;
    memset(result, 0, sizeof(*result));
    prepared->streaming = true;
    self->batch_rows = (int64_t)prepared->lease.instance->api->vector_size();
    pyr_status status = describe_result(self, error);
    if (status != PYR_OK) {
        result_destroy(&self->stream);
        return status;
    }
    *out = &self->stream;
    return PYR_OK;
}
