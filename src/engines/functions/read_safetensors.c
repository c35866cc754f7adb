/* read_safetensors.c - read_safetensors(p [, tensors := true]): one row a tensor, its bytes where
 * they lie.
 *
 * A batch is a run of tensors of one shard. Their bytes follow each other in the file, so the data
 * column is one slice of it with offsets into that: nothing is copied. Names, types and shapes are
 * made from the header, which counts as decoded.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/row_maker.h"
#include "engines/functions/tensor_column.h"
#include "engines/functions/tensor_source.h"

#include <string.h>

enum { NAME, DTYPE, SHAPE, OFFSET_BYTES, SIZE_BYTES, DATA, COLUMNS, TENSOR = COLUMNS };
static const pyr_made_column columns_of_table[COLUMNS] = {
    {"name", PYR_TYPE_UTF8},          {"dtype", PYR_TYPE_UTF8},       {"shape", PYR_TYPE_LIST},
    {"offset_bytes", PYR_TYPE_INT64}, {"size_bytes", PYR_TYPE_INT64}, {"data", PYR_TYPE_BINARY}};

/* A batch is a morsel, and over Flight a message. */
#define BATCH_TENSORS 1024
#define BATCH_BYTES ((int64_t)64 << 20)

/* ---- Data. ---- */

static pyr_status check_size(const pyr_safetensors_tensor *tensor, pyr_error *error) {
    return tensor->view.size_bytes <= INT32_MAX
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_LIMIT,
                               "tensor \"%s\" has %lld bytes, more than a BLOB holds: read its "
                               "values with tensor_values(p, '%s')",
                               tensor->view.name, (long long)tensor->view.size_bytes,
                               tensor->view.name);
}

static pyr_status make_offsets(const pyr_tensor_source *self, int64_t first, int64_t count,
                               pyr_budget *budget, pyr_buffer **out, pyr_error *error) {
    PYR_TRY(pyr_buffer_create((size_t)(count + 1) * sizeof(int32_t), budget, out, error));
    int32_t *offsets = (int32_t *)(void *)pyr_buffer_mutable(*out);
    int64_t start = pyr_safetensors_get(self->file, first)->offset_bytes;
    for (int64_t i = 0; i < count; ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(self->file, first + i);
        offsets[i] = (int32_t)(tensor->offset_bytes - start);
        offsets[i + 1] = (int32_t)(tensor->offset_bytes + tensor->view.size_bytes - start);
    }
    return PYR_OK;
}

static pyr_status make_data(const pyr_tensor_source *self, int64_t first, int64_t count,
                            pyr_query_ledger *ledger, pyr_budget *budget, pyr_array **out,
                            pyr_error *error) {
    const pyr_safetensors_tensor *begin = pyr_safetensors_get(self->file, first);
    const pyr_safetensors_tensor *end = pyr_safetensors_get(self->file, first + count - 1);
    size_t size = (size_t)(end->offset_bytes + end->view.size_bytes - begin->offset_bytes);
    pyr_buffer *offsets = NULL;
    pyr_buffer *bytes = NULL;
    *out = NULL;
    PYR_TRY(check_size(begin, error));
    pyr_status status = make_offsets(self, first, count, budget, &offsets, error);
    if (status == PYR_OK) {
        status = pyr_buffer_slice(pyr_safetensors_bytes(self->file, begin->shard),
                                  (size_t)begin->offset_bytes, size, &bytes, error);
    }
    if (status == PYR_OK) {
        pyr_buffer *const buffers[] = {NULL, offsets, bytes};
        status = pyr_array_create(self->source.schema->fields[DATA], count, 0, 0, buffers, 3, NULL,
                                  0, NULL, out, error);
    }
    pyr_buffer_release(offsets);
    pyr_buffer_release(bytes);
    if (status == PYR_OK) {
        pyr_ledger_add_scanned(ledger, (int64_t)size);
        pyr_ledger_add_referenced(ledger, (int64_t)size);
    }
    return status;
}

/* ---- Batches. ---- */

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    const pyr_tensor_source *self = (const pyr_tensor_source *)source;
    int64_t first = self->starts[index];
    int64_t count = pyr_tensor_source_rows(source, index);
    pyr_row_maker maker;
    pyr_row_maker_init(&maker, source->schema, columns, columns_count, budget, error);
    for (int64_t i = first; i < first + count; ++i) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(self->file, i);
        pyr_row_maker_text(&maker, NAME, tensor->view.name);
        pyr_row_maker_text(&maker, DTYPE, pyr_tensor_type_name(tensor->view.type));
        pyr_row_maker_int64s(&maker, SHAPE, tensor->view.shape, tensor->view.rank);
        pyr_row_maker_int64(&maker, OFFSET_BYTES, tensor->offset_bytes);
        pyr_row_maker_int64(&maker, SIZE_BYTES, tensor->view.size_bytes);
    }
    if (source->schema->fields_count > TENSOR && pyr_row_maker_wants(&maker, TENSOR)) {
        pyr_array *tensors = NULL;
        maker.status =
            pyr_tensor_column_make(self->file, first, count, source->schema->fields[TENSOR], ledger,
                                   budget, &tensors, error);
        if (maker.status == PYR_OK) {
            pyr_row_maker_put(&maker, TENSOR, tensors);
        }
    }
    if (pyr_row_maker_wants(&maker, DATA)) {
        pyr_array *data = NULL;
        maker.status = make_data(self, first, count, ledger, budget, &data, error);
        if (maker.status == PYR_OK) {
            pyr_row_maker_put(&maker, DATA, data);
        }
    }
    return pyr_row_maker_finish(&maker, count, ledger, out);
}

/* Offsets rise within a shard. Sizes and offsets of other columns are left unknown: nobody asks. */
static void zone(const pyr_segment_source *source, size_t index, int32_t column,
                 struct pyr_zone *out) {
    const pyr_tensor_source *self = (const pyr_tensor_source *)source;
    if (column == OFFSET_BYTES) {
        int64_t last = self->starts[index + 1] - 1;
        out->known = out->has_bounds = out->exact = true;
        out->min.i64 = pyr_safetensors_get(self->file, self->starts[index])->offset_bytes;
        out->max.i64 = pyr_safetensors_get(self->file, last)->offset_bytes;
    }
}

static const pyr_segment_source_ops ops = {pyr_tensor_source_destroy, batch, pyr_tensor_source_rows,
                                           zone};

/* ---- Opening. ---- */

/* A tensor that is too large for a batch of several stands alone. */
static int64_t end_of_batch(const pyr_safetensors *file, int64_t first) {
    const pyr_safetensors_tensor *begin = pyr_safetensors_get(file, first);
    int64_t count = pyr_safetensors_count(file);
    int64_t next = first + 1;
    for (; next < count && next - first < BATCH_TENSORS; ++next) {
        const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, next);
        int64_t end = tensor->offset_bytes + tensor->view.size_bytes;
        if (tensor->shard != begin->shard || end - begin->offset_bytes > BATCH_BYTES) {
            break;
        }
    }
    return next;
}

/* The columns there always are, and the one of tensors; NULL: none. */
static pyr_status make_schema(pyr_field *tensor, pyr_schema **out, pyr_error *error) {
    pyr_schema *made = NULL;
    PYR_TRY(pyr_made_schema(columns_of_table, COLUMNS, &made, error));
    if (tensor == NULL) {
        *out = made;
        return PYR_OK;
    }
    pyr_field *fields[COLUMNS + 1];
    memcpy(fields, made->fields, COLUMNS * sizeof(pyr_field *));
    fields[TENSOR] = tensor;
    pyr_status status = pyr_schema_create(fields, COLUMNS + 1, NULL, out, error);
    pyr_schema_release(made);
    return status;
}

static pyr_status create_segment(const pyr_function_call *call, pyr_safetensors *file,
                                 const char *name, pyr_field *tensor, pyr_segment **out,
                                 pyr_error *error) {
    pyr_schema *schema = NULL;
    PYR_TRY(make_schema(tensor, &schema, error));
    pyr_status status =
        pyr_tensor_source_create(call, file, name, schema, &ops, end_of_batch, out, error);
    pyr_schema_release(schema);
    return status;
}

static pyr_status open_table(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    bool tensors = call->values[1].given && call->values[1].boolean;
    return pyr_tensor_files_table(call, "read_safetensors",
                                  tensors ? pyr_tensor_column_field : NULL, create_segment, out,
                                  error);
}

const pyr_table_function pyr_function_read_safetensors = {
    .name = "read_safetensors",
    .parameters_count = 2,
    .parameters = {{.name = "path", .type = PYR_ARGUMENT_TEXT},
                   {.name = "tensors", .type = PYR_ARGUMENT_BOOL, .named = true}},
    .columns = columns_of_table,
    .columns_count = COLUMNS,
    .open = open_table,
};
