/* duckdb_morsel.c - one batch of ours as DuckDB vectors, by reference.
 *
 * duckdb_data_chunk_from_arrow makes vectors that point into the Arrow buffers (measured: 0.5 us a
 * column and call, no bytes copied for fixed-width types; strings get their 16-byte headers written).
 * Two facts about it, seen with 1.5.6 and held by tests:
 *  - Only the first vector of the chunk keeps the Arrow array alive. So nothing relies on that: the
 *    morsel holds the batch until the next one is loaded, and DuckDB is done with a scan's output
 *    when it asks for more (whatever it keeps, it copies).
 *  - A dictionary is converted anew by each call. Columns with a dictionary (or runs) anywhere in
 *    them are therefore converted once a batch and handed on as windows of that ("whole" columns).
 */
#include "arrow/cdata.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_duckdb_morsel {
    const pyr_duckdb_shape *shape;
    pyr_batch *batch;
    struct ArrowArray exported; /* of the batch; its release is NULL when nothing is loaded */
    /* The sliced columns' arrays as given to DuckDB: copies of the exported ones with another range.
     * DuckDB may look at them only during the call. */
    struct ArrowArray *slices;
    struct ArrowArray **slice_pointers;
    dd_chunk whole; /* the whole columns of the loaded batch, or NULL */
};

static bool has_dictionary(const pyr_field *field) {
    if (field->type == PYR_TYPE_DICTIONARY || field->type == PYR_TYPE_RUN_END_ENCODED) {
        return true;
    }
    for (int32_t i = 0; i < field->children_count; ++i) {
        if (has_dictionary(field->children[i])) {
            return true;
        }
    }
    return false;
}

/* The schema of those columns whose whole flag is as asked for. */
static pyr_status convert_schema(pyr_duckdb_shape *shape, const pyr_schema *schema,
                                 const int32_t *columns, bool whole, int32_t count,
                                 dd_arrow_schema *out, pyr_error *error) {
    if (count == 0) {
        return PYR_OK;
    }
    int32_t *picked = malloc((size_t)count * sizeof(*picked));
    if (picked == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*picked));
    }
    int32_t at = 0;
    for (int32_t i = 0; i < shape->count; ++i) {
        if (shape->whole[i] == whole) {
            picked[at++] = columns[i];
        }
    }
    pyr_schema *projected = NULL;
    struct ArrowSchema exported = {.release = NULL};
    pyr_status status = pyr_schema_project(schema, picked, count, &projected, error);
    if (status == PYR_OK) {
        status = pyr_schema_export(projected, &exported, error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_error_take(
            shape->api, shape->api->schema_from_arrow(shape->connection, &exported, out), error);
    }
    if (exported.release != NULL) {
        exported.release(&exported);
    }
    pyr_schema_release(projected);
    free(picked);
    return status;
}

pyr_status pyr_duckdb_shape_init(pyr_duckdb_shape *shape, const pyr_duckdb_api *api,
                                 dd_connection connection, const pyr_schema *schema,
                                 const int32_t *columns, const int32_t *outputs, int32_t count,
                                 pyr_error *error) {
    memset(shape, 0, sizeof(*shape));
    shape->api = api;
    shape->connection = connection;
    shape->count = count;
    shape->outputs = outputs;
    shape->whole = calloc((size_t)count + 1, sizeof(*shape->whole));
    if (shape->whole == NULL) {
        return pyr_error_memory(error, (size_t)count + 1);
    }
    for (int32_t i = 0; i < count; ++i) {
        shape->whole[i] = has_dictionary(schema->fields[columns[i]]);
        shape->whole_count += shape->whole[i] ? 1 : 0;
    }
    shape->sliced_count = count - shape->whole_count;
    pyr_status status = convert_schema(shape, schema, columns, false, shape->sliced_count,
                                       &shape->sliced_schema, error);
    if (status == PYR_OK) {
        status = convert_schema(shape, schema, columns, true, shape->whole_count,
                                &shape->whole_schema, error);
    }
    if (status != PYR_OK) {
        pyr_duckdb_shape_deinit(shape);
    }
    return status;
}

void pyr_duckdb_shape_deinit(pyr_duckdb_shape *shape) {
    if (shape->sliced_schema != NULL) {
        shape->api->destroy_arrow_converted_schema(&shape->sliced_schema);
    }
    if (shape->whole_schema != NULL) {
        shape->api->destroy_arrow_converted_schema(&shape->whole_schema);
    }
    free(shape->whole);
    memset(shape, 0, sizeof(*shape));
}

pyr_status pyr_duckdb_morsel_create(const pyr_duckdb_shape *shape, pyr_duckdb_morsel **out,
                                    pyr_error *error) {
    *out = NULL;
    size_t count = (size_t)shape->count + 1;
    pyr_duckdb_morsel *morsel = calloc(1, sizeof(*morsel));
    if (morsel == NULL) {
        return pyr_error_memory(error, sizeof(*morsel));
    }
    morsel->shape = shape;
    morsel->slices = calloc(count, sizeof(*morsel->slices));
    morsel->slice_pointers = calloc(count, sizeof(*morsel->slice_pointers));
    if (morsel->slices == NULL || morsel->slice_pointers == NULL) {
        pyr_duckdb_morsel_destroy(morsel);
        return pyr_error_memory(error, count * sizeof(*morsel->slices));
    }
    *out = morsel;
    return PYR_OK;
}

static void unload(pyr_duckdb_morsel *morsel) {
    if (morsel->whole != NULL) {
        morsel->shape->api->destroy_data_chunk(&morsel->whole);
    }
    if (morsel->exported.release != NULL) {
        morsel->exported.release(&morsel->exported);
    }
    pyr_batch_release(morsel->batch);
    morsel->batch = NULL;
}

void pyr_duckdb_morsel_destroy(pyr_duckdb_morsel *morsel) {
    if (morsel == NULL) {
        return;
    }
    unload(morsel);
    free(morsel->slices);
    free(morsel->slice_pointers);
    free(morsel);
}

/* The arrays given to DuckDB own nothing: the batch does. */
static void release_nothing(struct ArrowArray *array) {
    array->release = NULL;
}

/* The columns whose whole flag is as asked for, rows [offset, offset + rows), as a struct array. */
static struct ArrowArray window(pyr_duckdb_morsel *morsel, bool whole, int64_t offset,
                                int64_t rows) {
    static const void *no_buffers[1] = {NULL};
    int32_t at = 0;
    for (int32_t i = 0; i < morsel->shape->count; ++i) {
        if (morsel->shape->whole[i] != whole) {
            continue;
        }
        struct ArrowArray *slice = &morsel->slices[at];
        *slice = *morsel->exported.children[i];
        slice->offset += offset;
        slice->length = rows;
        slice->null_count = slice->null_count == 0 ? 0 : -1;
        slice->release = release_nothing;
        slice->private_data = NULL;
        morsel->slice_pointers[at++] = slice;
    }
    return (struct ArrowArray){.length = rows,
                               .n_buffers = 1,
                               .n_children = at,
                               .buffers = no_buffers,
                               .children = morsel->slice_pointers,
                               .release = release_nothing};
}

static pyr_status convert(pyr_duckdb_morsel *morsel, bool whole, int64_t offset, int64_t rows,
                          dd_chunk *out, pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    struct ArrowArray array = window(morsel, whole, offset, rows);
    dd_arrow_schema schema = whole ? shape->whole_schema : shape->sliced_schema;
    return pyr_duckdb_error_take(
        shape->api, shape->api->data_chunk_from_arrow(shape->connection, &array, schema, out),
        error);
}

pyr_status pyr_duckdb_morsel_load(pyr_duckdb_morsel *morsel, pyr_batch *batch, pyr_error *error) {
    unload(morsel);
    PYR_TRY(pyr_batch_export(batch, &morsel->exported, error));
    morsel->batch = pyr_batch_retain(batch);
    if (morsel->shape->whole_count > 0 && batch->rows > 0) {
        PYR_TRY(convert(morsel, true, 0, batch->rows, &morsel->whole, error));
    }
    return PYR_OK;
}

static pyr_status emit_whole(pyr_duckdb_morsel *morsel, int64_t offset, int64_t rows,
                             dd_chunk output, pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    const pyr_duckdb_api *api = shape->api;
    /* A window is a selection: DuckDB keeps it as long as the vector, so each needs its own. */
    dd_selection selection = api->create_selection_vector((uint64_t)rows);
    if (selection == NULL) {
        return pyr_error_memory(error, (size_t)rows * sizeof(uint32_t));
    }
    uint32_t *places = api->selection_vector_get_data_ptr(selection);
    for (int64_t i = 0; i < rows; ++i) {
        places[i] = (uint32_t)(offset + i);
    }
    uint64_t from = 0;
    for (int32_t i = 0; i < shape->count; ++i) {
        if (shape->whole[i]) {
            dd_vector to = api->data_chunk_get_vector(output, (uint64_t)shape->outputs[i]);
            api->vector_reference_vector(to, api->data_chunk_get_vector(morsel->whole, from++));
            api->slice_vector(to, selection, (uint64_t)rows);
        }
    }
    api->destroy_selection_vector(selection);
    return PYR_OK;
}

pyr_status pyr_duckdb_morsel_emit(pyr_duckdb_morsel *morsel, int64_t offset, int64_t rows,
                                  dd_chunk output, pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    const pyr_duckdb_api *api = shape->api;
    if (shape->whole_count > 0) {
        PYR_TRY(emit_whole(morsel, offset, rows, output, error));
    }
    if (shape->sliced_count > 0) {
        dd_chunk chunk = NULL;
        PYR_TRY(convert(morsel, false, offset, rows, &chunk, error));
        uint64_t from = 0;
        for (int32_t i = 0; i < shape->count; ++i) {
            if (!shape->whole[i]) {
                api->vector_reference_vector(
                    api->data_chunk_get_vector(output, (uint64_t)shape->outputs[i]),
                    api->data_chunk_get_vector(chunk, from++));
            }
        }
        api->destroy_data_chunk(&chunk);
    }
    api->data_chunk_set_size(output, (uint64_t)rows);
    return PYR_OK;
}
