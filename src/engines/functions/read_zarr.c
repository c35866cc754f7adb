/* read_zarr.c - read_zarr(p [, array], decode_cf := false): a group or an array, one row a cell.
 *
 * formats/zarr makes the batches; what it knows of coordinates becomes zones, so that chunks that a
 * WHERE excludes are never opened.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/zarr_files.h"

#include <stdlib.h>
#include <string.h>

typedef struct cells_source {
    pyr_segment_source source;
    pyr_zarr_table *table;
    pyr_zarr_files files;
} cells_source;

static void destroy(pyr_segment_source *source) {
    cells_source *self = (cells_source *)source;
    pyr_zarr_table_destroy(self->table);
    pyr_zarr_files_close(&self->files);
    pyr_schema_release(source->schema);
    free(self);
}

static int64_t batch_rows(const pyr_segment_source *source, size_t index) {
    return pyr_zarr_table_batch_rows(((const cells_source *)source)->table, (int64_t)index);
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    return pyr_zarr_table_read(((cells_source *)source)->table, (int64_t)index, columns,
                               columns_count, ledger, budget, out, error);
}

static void zone(const pyr_segment_source *source, size_t index, int32_t column,
                 struct pyr_zone *out) {
    const cells_source *self = (const cells_source *)source;
    pyr_zarr_zone known;
    pyr_zarr_table_zone(self->table, (int64_t)index, column, &known);
    out->known = known.known;
    out->has_bounds = out->exact = known.known && known.has_bounds;
    out->has_nan = known.has_nan;
    out->null_count = known.null_count;
    if (!out->has_bounds) {
        return;
    }
    pyr_type_id type = source->schema->fields[column]->type;
    if (type == PYR_TYPE_FLOAT16 || type == PYR_TYPE_FLOAT32 || type == PYR_TYPE_FLOAT64) {
        out->min.f64 = known.min.f64;
        out->max.f64 = known.max.f64;
    } else { /* signed or not: the same bits */
        out->min.u64 = known.min.u64;
        out->max.u64 = known.max.u64;
    }
}

static const pyr_segment_source_ops ops = {destroy, batch, batch_rows, zone};

enum { PATH, ARRAY, DECODE_CF };

static pyr_status fill(pyr_segment_source *source, const pyr_function_call *call,
                       int64_t *mapped_bytes, pyr_error *error) {
    cells_source *self = (cells_source *)source;
    const pyr_function_value *array = &call->values[ARRAY];
    pyr_zarr_table_options options = {.decode_cf = call->values[DECODE_CF].given &&
                                                   call->values[DECODE_CF].boolean};
    PYR_TRY(pyr_zarr_files_open(call, &call->values[PATH], array->given ? array->text : NULL,
                                "read_zarr", &self->files, error));
    PYR_TRY(pyr_zarr_table_create(self->files.zarr, &options, call->ledger, call->budget,
                                  &self->table, error));
    int64_t batches = pyr_zarr_table_batches(self->table);
    if (batches > PYR_ZARR_SOURCE_BATCHES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "read_zarr: %lld chunks are more than are read as one table",
                             (long long)batches);
    }
    source->schema = pyr_schema_retain(pyr_zarr_table_schema(self->table));
    source->batches = (size_t)batches;
    *mapped_bytes = self->files.mapped_bytes;
    return PYR_OK;
}

static pyr_status open_table(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    return pyr_function_source_table(call, "read_zarr", call->values[PATH].text, &ops,
                                     sizeof(cells_source), fill, out, error);
}

const pyr_table_function pyr_function_read_zarr = {
    .name = "read_zarr",
    .parameters_count = 3,
    .parameters = {{.name = "path", .type = PYR_ARGUMENT_TEXT},
                   {.name = "array", .type = PYR_ARGUMENT_TEXT, .optional = true},
                   {.name = "decode_cf", .type = PYR_ARGUMENT_BOOL, .named = true}},
    .open = open_table,
};
