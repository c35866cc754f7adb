/* texts.c - small results of text columns: SHOW, DESCRIBE, EXPLAIN. */
#include "arrow/builder.h"
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>

static pyr_status build_column(pyr_field *field, const char *const *cells, int32_t column,
                               int32_t columns_count, size_t rows, pyr_array **out,
                               pyr_error *error) {
    pyr_builder *builder = NULL;
    PYR_TRY(pyr_builder_create(field, NULL, &builder, error));
    pyr_status status = PYR_OK;
    for (size_t row = 0; status == PYR_OK && row < rows; ++row) {
        const char *cell = cells[row * (size_t)columns_count + (size_t)column];
        status = cell == NULL ? pyr_builder_null(builder, error)
                              : pyr_builder_string(builder, cell, error);
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, error);
    }
    pyr_builder_destroy(builder);
    return status;
}

pyr_status pyr_result_from_texts(pyr_execution *execution, const char *const *names,
                                 int32_t columns_count, const char *const *cells, size_t rows,
                                 pyr_result *out, pyr_error *error) {
    pyr_status status = PYR_OK;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_stream *stream = NULL;
    size_t count = (size_t)columns_count;
    pyr_field **fields = calloc(count, sizeof(*fields));
    pyr_array **columns = calloc(count, sizeof(*columns));
    if (fields == NULL || columns == NULL) {
        status = pyr_error_memory(error, count * sizeof(void *));
        goto done;
    }
    for (int32_t i = 0; status == PYR_OK && i < columns_count; ++i) {
        status = pyr_field_create(names[i], PYR_TYPE_UTF8, &fields[i], error);
        if (status == PYR_OK) {
            status = build_column(fields[i], cells, i, columns_count, rows, &columns[i], error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, columns_count, NULL, &schema, error);
    }
    if (status == PYR_OK) {
        status =
            pyr_batch_create(schema, (int64_t)rows, columns, columns_count, NULL, &batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_stream_from_batches(schema, &batch, rows > 0 ? 1 : 0, &stream, error);
    }
    if (status == PYR_OK) {
        status = pyr_result_stream_wrap(execution, NULL, stream, &out->stream, error);
    }
    out->has_rows = status == PYR_OK;
done:
    for (size_t i = 0; i < count; ++i) {
        if (fields != NULL) {
            pyr_field_release(fields[i]);
        }
        if (columns != NULL) {
            pyr_array_release(columns[i]);
        }
    }
    free(fields);
    free(columns);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    return status;
}
