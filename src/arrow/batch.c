/* batch.c - record batches and selections; see batch.h. Streams: stream.c. */
#include "arrow/batch.h"
#include "arrow/arrow_internal.h"

#include <assert.h>

/* ---- Selections. ---- */

pyr_status pyr_selection_create(pyr_buffer *rows, int64_t count, pyr_selection **out,
                                pyr_error *error) {
    assert(count >= 0 && (count == 0 || rows->size_bytes / sizeof(int32_t) >= (size_t)count));
    pyr_selection *selection = calloc(1, sizeof(*selection));
    *out = selection;
    if (selection == NULL) {
        return pyr_error_memory(error, sizeof(*selection));
    }
    atomic_init(&selection->references, 1);
    selection->count = count;
    selection->rows = pyr_buffer_retain(rows);
    return PYR_OK;
}

pyr_selection *pyr_selection_retain(pyr_selection *selection) {
    if (selection != NULL) {
        atomic_fetch_add_explicit(&selection->references, 1, memory_order_relaxed);
    }
    return selection;
}

void pyr_selection_release(pyr_selection *selection) {
    if (selection == NULL ||
        atomic_fetch_sub_explicit(&selection->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_buffer_release(selection->rows);
    free(selection);
}

static int32_t selected_row(const pyr_selection *selection, int64_t index) {
    return load_i32(selection->rows->data, index);
}

/* ---- Batches. ---- */

pyr_status pyr_batch_create(pyr_schema *schema, int64_t rows, pyr_array *const *columns,
                            int32_t columns_count, pyr_metadata *metadata, pyr_batch **out,
                            pyr_error *error) {
    assert(rows >= 0 && columns_count == schema->fields_count);
    size_t size = sizeof(pyr_batch) + (size_t)columns_count * sizeof(pyr_array *);
    pyr_batch *batch = malloc(size);
    *out = batch;
    if (batch == NULL) {
        return pyr_error_memory(error, size);
    }
    atomic_init(&batch->references, 1);
    batch->schema = pyr_schema_retain(schema);
    batch->rows = rows;
    batch->columns_count = columns_count;
    batch->columns = (pyr_array **)(batch + 1);
    for (int32_t i = 0; i < columns_count; ++i) {
        assert(columns[i]->length == rows);
        batch->columns[i] = pyr_array_retain(columns[i]);
    }
    batch->selection = NULL;
    batch->metadata = pyr_metadata_retain(metadata);
    return PYR_OK;
}

pyr_batch *pyr_batch_retain(pyr_batch *batch) {
    if (batch != NULL) {
        atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    }
    return batch;
}

void pyr_batch_release(pyr_batch *batch) {
    if (batch == NULL ||
        atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_array_release(batch->columns[i]);
    }
    pyr_selection_release(batch->selection);
    pyr_schema_release(batch->schema);
    pyr_metadata_release(batch->metadata);
    free(batch);
}

/* Columns made for a batch: released here whatever became of the batch. */
static pyr_status adopt_columns(pyr_schema *schema, int64_t rows, pyr_array **columns,
                                int32_t count, pyr_metadata *metadata, pyr_status status,
                                pyr_batch **out, pyr_error *error) {
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, rows, columns, count, metadata, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    return status;
}

static pyr_status slice_columns(pyr_batch *batch, int64_t offset, int64_t length, pyr_batch **out,
                                pyr_error *error) {
    size_t count = (size_t)batch->columns_count;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, count * sizeof(*columns));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_array_slice(batch->columns[i], offset, length, &columns[i], error);
    }
    return adopt_columns(batch->schema, length, columns, batch->columns_count, batch->metadata,
                         status, out, error);
}

static pyr_status slice_selection(pyr_batch *batch, int64_t offset, int64_t length, pyr_batch **out,
                                  pyr_error *error) {
    pyr_buffer *rows = NULL;
    pyr_selection *selection = NULL;
    PYR_TRY(pyr_buffer_slice(batch->selection->rows, (size_t)offset * sizeof(int32_t),
                             (size_t)length * sizeof(int32_t), &rows, error));
    pyr_status status = pyr_selection_create(rows, length, &selection, error);
    pyr_buffer_release(rows);
    if (status == PYR_OK) {
        status = pyr_batch_select(batch, selection, out, error);
    }
    pyr_selection_release(selection);
    return status;
}

pyr_status pyr_batch_slice(pyr_batch *batch, int64_t offset, int64_t length, pyr_batch **out,
                           pyr_error *error) {
    *out = NULL;
    int64_t selected = pyr_batch_selected(batch);
    assert(offset >= 0 && length >= 0 && offset <= selected && length <= selected - offset);
    if (length == selected) {
        *out = pyr_batch_retain(batch);
        return PYR_OK;
    }
    return batch->selection == NULL ? slice_columns(batch, offset, length, out, error)
                                    : slice_selection(batch, offset, length, out, error);
}

pyr_status pyr_batch_project(pyr_batch *batch, const int32_t *indices, int32_t count,
                             pyr_schema *schema, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    pyr_schema *projected = pyr_schema_retain(schema);
    if (projected == NULL) {
        PYR_TRY(pyr_schema_project(batch->schema, indices, count, &projected, error));
    }
    pyr_array **columns = calloc((size_t)count + 1, sizeof(*columns));
    pyr_status status =
        columns != NULL ? PYR_OK : pyr_error_memory(error, (size_t)count * sizeof(*columns));
    for (int32_t i = 0; columns != NULL && i < count; ++i) {
        assert(indices[i] >= 0 && indices[i] < batch->columns_count);
        columns[i] = batch->columns[indices[i]];
    }
    if (status == PYR_OK) {
        status =
            pyr_batch_create(projected, batch->rows, columns, count, batch->metadata, out, error);
    }
    if (status == PYR_OK) {
        (*out)->selection = pyr_selection_retain(batch->selection);
    }
    free(columns);
    pyr_schema_release(projected);
    return status;
}

pyr_status pyr_batch_select(pyr_batch *batch, pyr_selection *selection, pyr_batch **out,
                            pyr_error *error) {
    PYR_TRY(pyr_batch_create(batch->schema, batch->rows, batch->columns, batch->columns_count,
                             batch->metadata, out, error));
    (*out)->selection = pyr_selection_retain(selection);
    return PYR_OK;
}

/* The rows of batch, or of its selection, that mask keeps. *count of them in rows. */
static int64_t mask_rows(const pyr_batch *batch, const pyr_array *mask, uint8_t *rows) {
    int64_t candidates = pyr_batch_selected(batch);
    int64_t count = 0;
    for (int64_t i = 0; i < candidates; ++i) {
        int32_t row = batch->selection != NULL ? selected_row(batch->selection, i) : (int32_t)i;
        /* Written always, kept by the count: no branch on data. */
        memcpy(rows + (size_t)count * sizeof(row), &row, sizeof(row));
        bool keep = pyr_bit_get(mask->buffers[1]->data, mask->offset + row) &&
                    !pyr_array_is_null(mask, row);
        count += keep;
    }
    return count;
}

pyr_status pyr_batch_filter(pyr_batch *batch, const pyr_array *mask, pyr_budget *budget,
                            pyr_batch **out, pyr_error *error) {
    *out = NULL;
    assert(mask->field->type == PYR_TYPE_BOOL && mask->length == batch->rows);
    if (batch->rows > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "a batch of %lld rows is too long to filter",
                             (long long)batch->rows);
    }
    int64_t candidates = pyr_batch_selected(batch);
    pyr_buffer *rows = NULL;
    pyr_selection *selection = NULL;
    PYR_TRY(
        pyr_buffer_create_raw(((size_t)candidates + 1) * sizeof(int32_t), budget, &rows, error));
    int64_t count = mask_rows(batch, mask, pyr_buffer_mutable(rows));
    pyr_status status = PYR_OK;
    if (count == candidates) {
        *out = pyr_batch_retain(batch);
    } else {
        pyr_buffer_set_size(rows, (size_t)count * sizeof(int32_t));
        status = pyr_selection_create(rows, count, &selection, error);
    }
    if (selection != NULL) {
        status = pyr_batch_select(batch, selection, out, error);
    }
    pyr_selection_release(selection);
    pyr_buffer_release(rows);
    return status;
}

/* Ascending rows without a gap. */
static bool is_range(const pyr_selection *selection) {
    return selection->count == 0 ||
           selected_row(selection, selection->count - 1) - (int64_t)selected_row(selection, 0) ==
               selection->count - 1;
}

/* int32_t aligned rows, as pyr_array_take wants them; *copy is to be freed. */
static pyr_status aligned_rows(const pyr_selection *selection, const int32_t **rows, int32_t **copy,
                               pyr_error *error) {
    *copy = NULL;
    const uint8_t *data = selection->rows->data;
    if ((uintptr_t)data % _Alignof(int32_t) == 0) {
        *rows = (const int32_t *)(const void *)data;
        return PYR_OK;
    }
    size_t size = (size_t)selection->count * sizeof(int32_t);
    *rows = *copy = malloc(size + 1);
    if (*copy == NULL) {
        return pyr_error_memory(error, size);
    }
    memcpy(*copy, data, size);
    return PYR_OK;
}

static pyr_status gather_batch(pyr_batch *batch, pyr_query_ledger *ledger, pyr_budget *budget,
                               pyr_batch **out, pyr_error *error) {
    const int32_t *rows = NULL;
    int32_t *copy = NULL;
    int64_t count = batch->selection->count;
    PYR_TRY(aligned_rows(batch->selection, &rows, &copy, error));
    pyr_array **columns = calloc((size_t)batch->columns_count + 1, sizeof(*columns));
    pyr_status status = columns != NULL ? PYR_OK : pyr_error_memory(error, sizeof(*columns));
    for (int32_t i = 0; status == PYR_OK && i < batch->columns_count; ++i) {
        status = pyr_array_take(batch->columns[i], rows, count, PYR_COPY_GATHER, ledger, budget,
                                &columns[i], error);
    }
    free(copy);
    if (columns == NULL) {
        return status;
    }
    return adopt_columns(batch->schema, count, columns, batch->columns_count, batch->metadata,
                         status, out, error);
}

pyr_status pyr_batch_dense(pyr_batch *batch, pyr_query_ledger *ledger, pyr_budget *budget,
                           pyr_batch **out, pyr_error *error) {
    *out = NULL;
    const pyr_selection *selection = batch->selection;
    if (selection == NULL) {
        *out = pyr_batch_retain(batch);
        return PYR_OK;
    }
    if (is_range(selection)) {
        int64_t start = selection->count > 0 ? selected_row(selection, 0) : 0;
        return slice_columns(batch, start, selection->count, out, error);
    }
    return gather_batch(batch, ledger, budget, out, error);
}

static pyr_status concat_columns(pyr_batch *const *dense, size_t count, pyr_query_ledger *ledger,
                                 pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    int32_t width = dense[0]->columns_count;
    int64_t rows = 0;
    pyr_array **parts = calloc(count + 1, sizeof(*parts));
    pyr_array **columns = calloc((size_t)width + 1, sizeof(*columns));
    if (parts == NULL || columns == NULL) {
        free(parts);
        free(columns);
        return pyr_error_memory(error, count * sizeof(*parts));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < count; ++i) {
        assert(dense[i]->columns_count == width);
        rows += dense[i]->rows;
    }
    for (int32_t c = 0; status == PYR_OK && c < width; ++c) {
        for (size_t i = 0; i < count; ++i) {
            parts[i] = dense[i]->columns[c];
        }
        status = pyr_array_concat(parts, count, ledger, budget, &columns[c], error);
    }
    free(parts);
    return adopt_columns(dense[0]->schema, rows, columns, width, NULL, status, out, error);
}

pyr_status pyr_batch_concat(pyr_batch *const *batches, size_t count, pyr_query_ledger *ledger,
                            pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    assert(count > 0);
    if (count == 1) {
        return pyr_batch_dense(batches[0], ledger, budget, out, error);
    }
    pyr_batch **dense = calloc(count, sizeof(*dense));
    if (dense == NULL) {
        return pyr_error_memory(error, count * sizeof(*dense));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_batch_dense(batches[i], ledger, budget, &dense[i], error);
    }
    if (status == PYR_OK) {
        status = concat_columns(dense, count, ledger, budget, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_batch_release(dense[i]);
    }
    free(dense);
    return status;
}

static pyr_status check_selection(const pyr_batch *batch, pyr_error *error) {
    const pyr_selection *selection = batch->selection;
    int64_t previous = -1;
    for (int64_t i = 0; selection != NULL && i < selection->count; ++i) {
        int32_t row = selected_row(selection, i);
        if (row <= previous || row >= batch->rows) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "selection: entry %lld is row %d of %lld, after row %lld",
                                 (long long)i, row, (long long)batch->rows, (long long)previous);
        }
        previous = row;
    }
    return PYR_OK;
}

pyr_status pyr_batch_validate(const pyr_batch *batch, pyr_validation level, pyr_error *error) {
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        const pyr_field *field = batch->schema->fields[i];
        const pyr_array *column = batch->columns[i];
        if (column->length != batch->rows || !pyr_field_type_equal(column->field, field)) {
            return pyr_error_set(
                error, PYR_ERROR_CORRUPT,
                "column \"%s\": %lld values of type %s, the schema says %lld of %s", field->name,
                (long long)column->length, pyr_type_name(column->field->type),
                (long long)batch->rows, pyr_type_name(field->type));
        }
        pyr_status status = pyr_array_validate(column, level, error);
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "column \"%s\"", field->name);
        }
    }
    return level == PYR_VALIDATE_FULL ? check_selection(batch, error) : PYR_OK;
}

bool pyr_batch_equal(const pyr_batch *a, const pyr_batch *b) {
    if (!pyr_schema_equal(a->schema, b->schema) || pyr_batch_selected(a) != pyr_batch_selected(b)) {
        return false;
    }
    /* Equality has no way to say that memory ran out, so selected rows are compared one by one. */
    for (int32_t i = 0; i < a->columns_count; ++i) {
        if (a->selection == NULL && b->selection == NULL) {
            if (!pyr_array_equal(a->columns[i], b->columns[i])) {
                return false;
            }
            continue;
        }
        for (int64_t r = 0; r < pyr_batch_selected(a); ++r) {
            int64_t left = a->selection != NULL ? selected_row(a->selection, r) : r;
            int64_t right = b->selection != NULL ? selected_row(b->selection, r) : r;
            if (!pyr_array_range_equal(a->columns[i], left, b->columns[i], right, 1)) {
                return false;
            }
        }
    }
    return true;
}

int64_t pyr_batch_size_bytes(const pyr_batch *batch) {
    int64_t size = 0;
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        size += pyr_array_size_bytes(batch->columns[i]);
    }
    return size;
}

pyr_status pyr_batch_check_mappings(const pyr_batch *batch, pyr_error *error) {
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        PYR_TRY(pyr_array_check_mappings(batch->columns[i], error));
    }
    return PYR_OK;
}
