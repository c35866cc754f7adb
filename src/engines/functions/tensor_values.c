/* tensor_values.c - tensor_values(p, name): one tensor's values in C order, a row each.
 *
 * Types that Arrow has are the file's own bytes, where they are aligned; the others are converted
 * where `value` is asked for: F16, BF16 and what is smaller to FLOAT, exactly; BOOL from a byte to
 * a bit; C64 to STRUCT(re, im). `index` is made where it is asked for.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/row_maker.h"
#include "engines/functions/tensor_column.h"
#include "engines/functions/tensor_files.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX, VALUE, COLUMNS };

typedef struct values_source {
    pyr_segment_source source;
    pyr_safetensors *file;
    const pyr_safetensors_tensor *tensor; /* of file */
} values_source;

static void destroy(pyr_segment_source *source) {
    values_source *self = (values_source *)source;
    pyr_schema_release(source->schema);
    pyr_safetensors_release(self->file);
    free(self);
}

static int64_t batch_rows(const pyr_segment_source *source, size_t index) {
    const values_source *self = (const values_source *)source;
    int64_t rest = self->tensor->view.count - (int64_t)index * PYR_SEGMENT_BATCH_ROWS;
    return rest < PYR_SEGMENT_BATCH_ROWS ? rest : PYR_SEGMENT_BATCH_ROWS;
}

/* ---- Types. ---- */

pyr_type_id pyr_tensor_arrow_type(pyr_tensor_type type, bool *direct) {
    *direct = true;
    switch (type) {
    case PYR_TENSOR_U8:
        return PYR_TYPE_UINT8;
    case PYR_TENSOR_I8:
        return PYR_TYPE_INT8;
    case PYR_TENSOR_I16:
        return PYR_TYPE_INT16;
    case PYR_TENSOR_U16:
        return PYR_TYPE_UINT16;
    case PYR_TENSOR_I32:
        return PYR_TYPE_INT32;
    case PYR_TENSOR_U32:
        return PYR_TYPE_UINT32;
    case PYR_TENSOR_I64:
        return PYR_TYPE_INT64;
    case PYR_TENSOR_U64:
        return PYR_TYPE_UINT64;
    case PYR_TENSOR_F32:
        return PYR_TYPE_FLOAT32;
    case PYR_TENSOR_F64:
        return PYR_TYPE_FLOAT64;
    default:
        break;
    }
    *direct = false;
    return type == PYR_TENSOR_BOOL  ? PYR_TYPE_BOOL
           : type == PYR_TENSOR_C64 ? PYR_TYPE_STRUCT
                                    : PYR_TYPE_FLOAT32;
}

static pyr_status make_value_field(pyr_tensor_type type, pyr_field **out, pyr_error *error) {
    bool direct;
    pyr_type_id id = pyr_tensor_arrow_type(type, &direct);
    if (id != PYR_TYPE_STRUCT) {
        return pyr_field_create("value", id, out, error);
    }
    pyr_field *parts[2] = {NULL, NULL};
    pyr_status status = pyr_field_create("re", PYR_TYPE_FLOAT32, &parts[0], error);
    if (status == PYR_OK) {
        status = pyr_field_create("im", PYR_TYPE_FLOAT32, &parts[1], error);
    }
    if (status == PYR_OK) {
        status = pyr_field_create_nested("value", PYR_TYPE_STRUCT, 0, parts, 2, out, error);
    }
    pyr_field_release(parts[0]);
    pyr_field_release(parts[1]);
    return status;
}

/* ---- Values. ---- */

/* What one batch is made of. */
typedef struct batch_making {
    const values_source *self;
    int64_t first, rows;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_error *error;
} batch_making;

static pyr_status array_over(pyr_field *field, int64_t rows, pyr_buffer *values, pyr_array **out,
                             pyr_error *error) {
    pyr_buffer *const buffers[] = {NULL, values};
    return pyr_array_create(field, rows, 0, 0, buffers, 2, NULL, 0, NULL, out, error);
}

static pyr_status make_index(const batch_making *m, pyr_array **out) {
    pyr_buffer *buffer = NULL;
    size_t size = (size_t)m->rows * sizeof(int64_t);
    PYR_TRY(pyr_buffer_create_raw(size, m->budget, &buffer, m->error));
    int64_t *values = (int64_t *)(void *)pyr_buffer_mutable(buffer);
    for (int64_t i = 0; i < m->rows; ++i) {
        values[i] = m->first + i;
    }
    pyr_ledger_add_copy(m->ledger, PYR_COPY_RESULT, (int64_t)size);
    pyr_status status =
        array_over(m->self->source.schema->fields[INDEX], m->rows, buffer, out, m->error);
    pyr_buffer_release(buffer);
    return status;
}

/* The bytes of the rows, as they lie in the file; copied where a CPU would not read them there. */
static pyr_status make_direct(const batch_making *m, pyr_field *field, pyr_array **out) {
    const pyr_safetensors_tensor *tensor = m->self->tensor;
    size_t width = (size_t)pyr_type_bit_width(field) / 8;
    pyr_buffer *buffer = NULL;
    PYR_TRY(pyr_tensor_file_bytes(
        m->self->file, tensor->shard, (size_t)tensor->offset_bytes + (size_t)m->first * width,
        (size_t)m->rows * width, width, m->ledger, m->budget, &buffer, m->error));
    pyr_status status = array_over(field, m->rows, buffer, out, m->error);
    pyr_buffer_release(buffer);
    return status;
}

static void note_conversion(const batch_making *m, size_t made_bytes) {
    const pyr_tensor_view *view = &m->self->tensor->view;
    pyr_ledger_add_scanned(m->ledger, m->rows * pyr_tensor_type_bits(view->type) / 8);
    pyr_ledger_add_copy(m->ledger, PYR_COPY_CONVERT, (int64_t)made_bytes);
}

static pyr_status make_floats(const batch_making *m, pyr_field *field, pyr_array **out) {
    pyr_buffer *buffer = NULL;
    size_t size = (size_t)m->rows * sizeof(float);
    PYR_TRY(pyr_buffer_create_raw(size, m->budget, &buffer, m->error));
    pyr_tensor_floats(&m->self->tensor->view, m->first, m->rows,
                      (float *)(void *)pyr_buffer_mutable(buffer));
    note_conversion(m, size);
    pyr_status status = array_over(field, m->rows, buffer, out, m->error);
    pyr_buffer_release(buffer);
    return status;
}

static pyr_status make_bits(const batch_making *m, pyr_field *field, pyr_array **out) {
    pyr_buffer *buffer = NULL;
    size_t size = (size_t)(m->rows + 7) / 8;
    PYR_TRY(pyr_buffer_create(size, m->budget, &buffer, m->error));
    uint8_t *bits = pyr_buffer_mutable(buffer);
    const uint8_t *from = m->self->tensor->view.data + m->first;
    for (int64_t i = 0; i < m->rows; ++i) {
        bits[i / 8] = (uint8_t)(bits[i / 8] | (from[i] != 0) << (i % 8));
    }
    note_conversion(m, size);
    pyr_status status = array_over(field, m->rows, buffer, out, m->error);
    pyr_buffer_release(buffer);
    return status;
}

/* Real and imaginary parts stand beside each other in the file. */
static pyr_status make_part(const batch_making *m, size_t part, pyr_field *field, pyr_array **out) {
    pyr_buffer *buffer = NULL;
    size_t size = (size_t)m->rows * sizeof(float);
    PYR_TRY(pyr_buffer_create_raw(size, m->budget, &buffer, m->error));
    uint8_t *to = pyr_buffer_mutable(buffer);
    const uint8_t *from =
        m->self->tensor->view.data + ((size_t)m->first * 2 + part) * sizeof(float);
    for (int64_t i = 0; i < m->rows; ++i) {
        memcpy(to + (size_t)i * sizeof(float), from + (size_t)i * 2 * sizeof(float), sizeof(float));
    }
    pyr_status status = array_over(field, m->rows, buffer, out, m->error);
    pyr_buffer_release(buffer);
    return status;
}

static pyr_status make_complex(const batch_making *m, pyr_field *field, pyr_array **out) {
    pyr_array *parts[2] = {NULL, NULL};
    pyr_buffer *const buffers[] = {NULL};
    pyr_status status = make_part(m, 0, field->children[0], &parts[0]);
    if (status == PYR_OK) {
        status = make_part(m, 1, field->children[1], &parts[1]);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(field, m->rows, 0, 0, buffers, 1, parts, 2, NULL, out, m->error);
        note_conversion(m, (size_t)m->rows * 2 * sizeof(float));
    }
    pyr_array_release(parts[0]);
    pyr_array_release(parts[1]);
    return status;
}

/* Bytes that were looked at here are checked here; a view's by whoever reads it. */
static pyr_status make_value(const batch_making *m, pyr_array **out) {
    bool direct;
    pyr_field *field = m->self->source.schema->fields[VALUE];
    pyr_type_id type = pyr_tensor_arrow_type(m->self->tensor->view.type, &direct);
    pyr_status status = direct                    ? make_direct(m, field, out)
                        : type == PYR_TYPE_BOOL   ? make_bits(m, field, out)
                        : type == PYR_TYPE_STRUCT ? make_complex(m, field, out)
                                                  : make_floats(m, field, out);
    if (status == PYR_OK) {
        status = pyr_tensor_file_check(m->self->file, m->self->tensor->shard, m->error);
    }
    return status;
}

typedef pyr_status (*column_making)(const batch_making *m, pyr_array **out);

static void put_column(pyr_row_maker *maker, int32_t column, const batch_making *m,
                       column_making make) {
    pyr_array *array = NULL;
    if (!pyr_row_maker_wants(maker, column)) {
        return;
    }
    maker->status = make(m, &array);
    if (maker->status == PYR_OK) {
        pyr_row_maker_put(maker, column, array);
    } else {
        pyr_array_release(array);
    }
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    const batch_making making = {.self = (const values_source *)source,
                                 .first = (int64_t)index * PYR_SEGMENT_BATCH_ROWS,
                                 .rows = batch_rows(source, index),
                                 .ledger = ledger,
                                 .budget = budget,
                                 .error = error};
    pyr_row_maker maker;
    pyr_row_maker_init(&maker, source->schema, columns, columns_count, budget, error);
    put_column(&maker, INDEX, &making, make_index);
    put_column(&maker, VALUE, &making, make_value);
    return pyr_row_maker_finish(&maker, making.rows, ledger, out);
}

/* WHERE index < 1000 reads no more than that. */
static void zone(const pyr_segment_source *source, size_t index, int32_t column,
                 struct pyr_zone *out) {
    if (column == INDEX) {
        out->known = out->has_bounds = out->exact = true;
        out->min.i64 = (int64_t)index * PYR_SEGMENT_BATCH_ROWS;
        out->max.i64 = out->min.i64 + batch_rows(source, index) - 1;
    }
}

static const pyr_segment_source_ops ops = {destroy, batch, batch_rows, zone};

/* ---- Opening. ---- */

static pyr_status make_schema(pyr_tensor_type type, pyr_schema **out, pyr_error *error) {
    pyr_field *fields[COLUMNS] = {NULL, NULL};
    pyr_status status = pyr_field_create("index", PYR_TYPE_INT64, &fields[INDEX], error);
    if (status == PYR_OK) {
        status = make_value_field(type, &fields[VALUE], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, COLUMNS, NULL, out, error);
    }
    pyr_field_release(fields[INDEX]);
    pyr_field_release(fields[VALUE]);
    return status;
}

static pyr_status create_segment(pyr_safetensors *file, const pyr_safetensors_tensor *tensor,
                                 const char *name, pyr_query_ledger *ledger, pyr_segment **out,
                                 pyr_error *error) {
    values_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->source.ops = &ops;
    self->file = pyr_safetensors_retain(file);
    self->tensor = tensor;
    self->source.batches =
        (size_t)((tensor->view.count + PYR_SEGMENT_BATCH_ROWS - 1) / PYR_SEGMENT_BATCH_ROWS);
    pyr_status status = make_schema(tensor->view.type, &self->source.schema, error);
    if (status != PYR_OK) {
        destroy(&self->source);
        return status;
    }
    return pyr_segment_create_source(&self->source, name, pyr_tensor_file_mapped(file, ledger), out,
                                     error);
}

static pyr_status open_table(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    pyr_tensor_files files;
    const pyr_function_value *name = &call->values[1];
    size_t file = 0;
    pyr_segment *segment = NULL;
    PYR_TRY(pyr_tensor_files_open(call, &call->values[0], "tensor_values", &files, error));
    const pyr_safetensors_tensor *tensor = pyr_tensor_files_find(&files, name->text, &file);
    pyr_status status = PYR_OK;
    if (tensor == NULL) {
        status = pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", name->position,
                                   "tensor_values: there is no tensor \"%s\" in \"%s\"", name->text,
                                   call->values[0].text);
    } else {
        status = create_segment(files.items[file], tensor, files.names[file], call->ledger,
                                &segment, error);
    }
    if (status == PYR_OK) {
        status = pyr_function_table("tensor_values", &segment, 1, out, error);
    }
    pyr_segment_release(segment);
    pyr_tensor_files_close(&files);
    return status;
}

const pyr_table_function pyr_function_tensor_values = {
    .name = "tensor_values",
    .parameters_count = 2,
    .parameters = {{.name = "path", .type = PYR_ARGUMENT_TEXT},
                   {.name = "name", .type = PYR_ARGUMENT_TEXT}},
    .open = open_table,
};
