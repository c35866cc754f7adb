/* tensor_stats.c - tensor_stats(p): what is known of each tensor's values, a row a tensor.
 *
 * Values are read where a column of them is asked for: SELECT name, dtype, count reads none. A
 * batch is as many tensors as are worth a morsel, and one tensor is read by the whole pool.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/row_maker.h"
#include "engines/functions/tensor_source.h"

enum { NAME, DTYPE, COUNT, MIN, MAX, MEAN, STD, NAN_COUNT, ZERO_COUNT, COLUMNS };
static const pyr_made_column columns_of_table[COLUMNS] = {
    {"name", PYR_TYPE_UTF8},   {"dtype", PYR_TYPE_UTF8},      {"count", PYR_TYPE_INT64},
    {"min", PYR_TYPE_FLOAT64}, {"max", PYR_TYPE_FLOAT64},     {"mean", PYR_TYPE_FLOAT64},
    {"std", PYR_TYPE_FLOAT64}, {"nan_count", PYR_TYPE_INT64}, {"zero_count", PYR_TYPE_INT64}};

#define BATCH_TENSORS 256
#define BATCH_BYTES ((int64_t)16 << 20)

static bool wants_values(const pyr_row_maker *maker) {
    for (int32_t i = MIN; i < COLUMNS; ++i) {
        if (pyr_row_maker_wants(maker, i)) {
            return true;
        }
    }
    return false;
}

/* Of nothing but NaN there is no minimum: NULL. */
static void add_number(pyr_row_maker *maker, int32_t column, const pyr_tensor_stats *stats,
                       double value) {
    if (stats->count == stats->nan_count) {
        pyr_row_maker_null(maker, column);
    } else {
        pyr_row_maker_double(maker, column, value);
    }
}

static pyr_status add_values(const pyr_tensor_source *self, const pyr_safetensors_tensor *tensor,
                             pyr_row_maker *maker, pyr_query_ledger *ledger, pyr_error *error) {
    pyr_tensor_stats stats;
    PYR_TRY(pyr_tensor_stats_of(&tensor->view, self->pool, self->cancel, &stats, error));
    PYR_TRY(pyr_tensor_file_check(self->file, tensor->shard, error));
    pyr_ledger_add_scanned(ledger, tensor->view.size_bytes);
    add_number(maker, MIN, &stats, stats.min);
    add_number(maker, MAX, &stats, stats.max);
    add_number(maker, MEAN, &stats, stats.mean);
    add_number(maker, STD, &stats, stats.std);
    pyr_row_maker_int64(maker, NAN_COUNT, stats.nan_count);
    pyr_row_maker_int64(maker, ZERO_COUNT, stats.zero_count);
    return PYR_OK;
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    const pyr_tensor_source *self = (const pyr_tensor_source *)source;
    pyr_row_maker maker;
    pyr_row_maker_init(&maker, source->schema, columns, columns_count, budget, error);
    bool values = wants_values(&maker);
    for (int64_t i = self->starts[index]; i < self->starts[index + 1]; ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(self->file, i);
        pyr_row_maker_text(&maker, NAME, tensor->view.name);
        pyr_row_maker_text(&maker, DTYPE, pyr_tensor_type_name(tensor->view.type));
        pyr_row_maker_int64(&maker, COUNT, tensor->view.count);
        if (values && maker.status == PYR_OK) {
            maker.status = add_values(self, tensor, &maker, ledger, error);
        }
    }
    return pyr_row_maker_finish(&maker, pyr_tensor_source_rows(source, index), ledger, out);
}

static const pyr_segment_source_ops ops = {pyr_tensor_source_destroy, batch, pyr_tensor_source_rows,
                                           NULL};

static int64_t end_of_batch(const pyr_safetensors *file, int64_t first) {
    int64_t count = pyr_safetensors_count(file);
    int64_t bytes = pyr_safetensors_get(file, first)->view.size_bytes;
    int64_t next = first + 1;
    for (; next < count && next - first < BATCH_TENSORS && bytes < BATCH_BYTES; ++next) {
        bytes += pyr_safetensors_get(file, next)->view.size_bytes;
    }
    return next;
}

static pyr_status create_segment(const pyr_function_call *call, pyr_safetensors *file,
                                 const char *name, pyr_field *column, pyr_segment **out,
                                 pyr_error *error) {
    pyr_schema *schema = NULL;
    (void)column;
    PYR_TRY(pyr_made_schema(columns_of_table, COLUMNS, &schema, error));
    pyr_status status =
        pyr_tensor_source_create(call, file, name, schema, &ops, end_of_batch, out, error);
    pyr_schema_release(schema);
    return status;
}

static pyr_status open_table(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    return pyr_tensor_files_table(call, "tensor_stats", NULL, create_segment, out, error);
}

const pyr_table_function pyr_function_tensor_stats = {
    .name = "tensor_stats",
    .parameters_count = 1,
    .parameters = {{.name = "path", .type = PYR_ARGUMENT_TEXT}},
    .columns = columns_of_table,
    .columns_count = COLUMNS,
    .open = open_table,
};
