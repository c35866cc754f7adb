/* duckdb_morsel.c - one batch of ours as DuckDB vectors, by reference.
 *
 * duckdb_data_chunk_from_arrow makes vectors that point into the Arrow buffers (measured: 0.5 us a
 * column and call, no bytes copied for fixed-width types; strings get their 16-byte headers
 * written). Facts about it, seen with 1.5.6 and held by tests:
 *  - Only the first vector of the chunk keeps the Arrow array alive. So nothing relies on that: the
 *    morsel holds the batch until the next one is loaded, and DuckDB is done with a scan's output
 *    when it asks for more (whatever it keeps, it copies).
 *  - Dictionaries are converted anew by each call, their null indices are noted in a mask of 2,048
 *    bits whatever the length, and a null count of -1 is taken for none. So a dictionary column is
 *    put together here: the values are converted once, and a slice is a selection of them. Below
 *    other types, where the number of indices has no bound, duckdb_adapt.c has none left.
 *  - Of an array's offset the children of a union learn nothing, and those of a struct inside a
 *    struct neither: they are read from their beginning. So a slice of a column nested deeper than
 *    one level, or with a union, is made dense, for the call and until the next one.
 */
#include "arrow/cdata.h"
#include "engines/duckdb/duckdb_internal.h"

#include <stdlib.h>
#include <string.h>

/* A dictionary as DuckDB vectors. */
typedef struct converted_dictionary {
    pyr_array *source;          /* retained, the batch's own; NULL: nothing yet */
    struct ArrowArray exported; /* of its values, adapted: what the vectors point into */
    dd_chunk values;
    dd_vector with_null; /* a copy with one more value, a null; made when an index is null */
    uint32_t *codes;     /* of an ENUM column: the places of its values in the type */
} converted_dictionary;

struct pyr_duckdb_morsel {
    const pyr_duckdb_shape *shape;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_batch *batch;           /* its columns adapted */
    struct ArrowArray exported; /* of the batch; its release is NULL when nothing is loaded */
    /* The plain columns' arrays as given to DuckDB: copies of the exported ones with another range.
     * DuckDB may look at them only during the call. */
    struct ArrowArray *slices;
    struct ArrowArray **slice_pointers;
    struct ArrowArray *dense; /* one a column: its slice where that had to be made dense */
    converted_dictionary *dictionaries; /* one a column; plain columns leave theirs empty */
};

/* ---- Shape. ---- */

static pyr_status convert_schema(const pyr_duckdb_shape *shape, const pyr_schema *schema,
                                 dd_arrow_schema *out, pyr_error *error) {
    struct ArrowSchema exported = {.release = NULL};
    pyr_status status = pyr_schema_export(schema, &exported, error);
    if (status == PYR_OK) {
        status = pyr_duckdb_error_take(
            shape->api, shape->api->schema_from_arrow(shape->connection, &exported, out), error);
    }
    if (exported.release != NULL) {
        exported.release(&exported);
    }
    return status;
}

static pyr_status convert_values_schema(const pyr_duckdb_shape *shape, pyr_field *values,
                                        dd_arrow_schema *out, pyr_error *error) {
    pyr_schema *schema = NULL;
    PYR_TRY(pyr_schema_create(&values, 1, NULL, &schema, error));
    pyr_status status = convert_schema(shape, schema, out, error);
    pyr_schema_release(schema);
    return status;
}

static bool is_plain(const pyr_duckdb_shape *shape, int32_t column) {
    return shape->values[column] == NULL && shape->enums[column] == NULL;
}

static pyr_status convert_plain_schema(pyr_duckdb_shape *shape, const pyr_schema *schema,
                                       const int32_t *columns, pyr_error *error) {
    if (shape->plain_count == 0) {
        return PYR_OK;
    }
    size_t size_bytes = (size_t)shape->plain_count * sizeof(int32_t);
    int32_t *picked = malloc(size_bytes);
    if (picked == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    for (int32_t i = 0, at = 0; i < shape->count; ++i) {
        if (is_plain(shape, i)) {
            picked[at++] = columns[i];
        }
    }
    pyr_schema *projected = NULL;
    pyr_status status = pyr_schema_project(schema, picked, shape->plain_count, &projected, error);
    if (status == PYR_OK) {
        status = convert_schema(shape, projected, &shape->plain, error);
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
    shape->schema = schema;
    shape->columns = columns;
    shape->count = count;
    shape->outputs = outputs;
    shape->values = calloc((size_t)count + 1, sizeof(*shape->values));
    shape->enums = calloc((size_t)count + 1, sizeof(pyr_duckdb_enum *));
    if (shape->values == NULL || shape->enums == NULL) {
        pyr_duckdb_shape_deinit(shape);
        return pyr_error_memory(error, (size_t)count + 1);
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        pyr_field *field = schema->fields[columns[i]];
        if (pyr_duckdb_is_enum(field)) {
            status = pyr_duckdb_enum_create(field, &shape->enums[i], error);
        } else if (field->type == PYR_TYPE_DICTIONARY) {
            status = convert_values_schema(shape, field->dictionary, &shape->values[i], error);
        }
        shape->plain_count += is_plain(shape, i) ? 1 : 0;
    }
    if (status == PYR_OK) {
        status = convert_plain_schema(shape, schema, columns, error);
    }
    if (status != PYR_OK) {
        pyr_duckdb_shape_deinit(shape);
    }
    return status;
}

void pyr_duckdb_shape_deinit(pyr_duckdb_shape *shape) {
    for (int32_t i = 0; shape->values != NULL && i < shape->count; ++i) {
        if (shape->values[i] != NULL) {
            shape->api->destroy_arrow_converted_schema(&shape->values[i]);
        }
    }
    if (shape->plain != NULL) {
        shape->api->destroy_arrow_converted_schema(&shape->plain);
    }
    for (int32_t i = 0; shape->enums != NULL && i < shape->count; ++i) {
        pyr_duckdb_enum_destroy(shape->enums[i]);
    }
    free(shape->enums);
    free(shape->values);
    memset(shape, 0, sizeof(*shape));
}

/* ---- Morsel. ---- */

pyr_status pyr_duckdb_morsel_create(const pyr_duckdb_shape *shape, pyr_query_ledger *ledger,
                                    pyr_budget *budget, pyr_duckdb_morsel **out, pyr_error *error) {
    *out = NULL;
    size_t count = (size_t)shape->count + 1;
    pyr_duckdb_morsel *morsel = calloc(1, sizeof(*morsel));
    if (morsel == NULL) {
        return pyr_error_memory(error, sizeof(*morsel));
    }
    morsel->shape = shape;
    morsel->ledger = ledger;
    morsel->budget = budget;
    morsel->slices = calloc(count, sizeof(*morsel->slices));
    morsel->slice_pointers = calloc(count, sizeof(*morsel->slice_pointers));
    morsel->dense = calloc(count, sizeof(*morsel->dense));
    morsel->dictionaries = calloc(count, sizeof(*morsel->dictionaries));
    if (morsel->slices == NULL || morsel->slice_pointers == NULL || morsel->dense == NULL ||
        morsel->dictionaries == NULL) {
        pyr_duckdb_morsel_destroy(morsel);
        return pyr_error_memory(error, count * sizeof(*morsel->slices));
    }
    *out = morsel;
    return PYR_OK;
}

static void drop_dictionary(const pyr_duckdb_api *api, converted_dictionary *dictionary) {
    if (dictionary->with_null != NULL) {
        api->destroy_vector(&dictionary->with_null);
    }
    if (dictionary->values != NULL) {
        api->destroy_data_chunk(&dictionary->values);
    }
    if (dictionary->exported.release != NULL) {
        dictionary->exported.release(&dictionary->exported);
    }
    pyr_array_release(dictionary->source);
    free(dictionary->codes);
    memset(dictionary, 0, sizeof(*dictionary));
}

static void drop_dense(pyr_duckdb_morsel *morsel, int32_t column) {
    struct ArrowArray *dense = &morsel->dense[column];
    if (dense->release != NULL) {
        dense->release(dense);
    }
}

static void unload(pyr_duckdb_morsel *morsel) {
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
    for (int32_t i = 0; morsel->dictionaries != NULL && i < morsel->shape->count; ++i) {
        drop_dictionary(morsel->shape->api, &morsel->dictionaries[i]);
    }
    for (int32_t i = 0; morsel->dense != NULL && i < morsel->shape->count; ++i) {
        drop_dense(morsel, i);
    }
    unload(morsel);
    free(morsel->slices);
    free(morsel->slice_pointers);
    free(morsel->dense);
    free(morsel->dictionaries);
    free(morsel);
}

/* The arrays given to DuckDB own nothing: the batch does. */
static void release_nothing(struct ArrowArray *array) {
    array->release = NULL;
}

/* DuckDB uses a positive null count for nothing but "there may be some": so that is what it is told
 * for "not counted". Where buffers[0] is no validity bitmap (unions, runs) the count is 0. */
static void settle_null_counts(struct ArrowArray *array) {
    if (array->null_count < 0) {
        array->null_count = array->n_buffers > 0 && array->buffers[0] != NULL ? 1 : 0;
    }
    for (int64_t i = 0; i < array->n_children; ++i) {
        settle_null_counts(array->children[i]);
    }
}

/* count arrays of one length as a chunk. */
static pyr_status convert_arrays(const pyr_duckdb_shape *shape, struct ArrowArray **arrays,
                                 int32_t count, int64_t rows, dd_arrow_schema schema, dd_chunk *out,
                                 pyr_error *error) {
    static const void *no_buffers[1] = {NULL};
    struct ArrowArray root = {.length = rows,
                              .n_buffers = 1,
                              .n_children = count,
                              .buffers = no_buffers,
                              .children = arrays,
                              .release = release_nothing};
    return pyr_duckdb_error_take(
        shape->api, shape->api->data_chunk_from_arrow(shape->connection, &root, schema, out),
        error);
}

/* The values of a dictionary; those of the batch before where it is the same. */
static pyr_status load_dictionary(pyr_duckdb_morsel *morsel, int32_t column, pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    converted_dictionary *dictionary = &morsel->dictionaries[column];
    pyr_array *source = morsel->batch->columns[column]->dictionary;
    if (dictionary->source == source) {
        return PYR_OK;
    }
    drop_dictionary(shape->api, dictionary);
    pyr_array *values = NULL;
    struct ArrowArray exported = {.release = NULL};
    const pyr_field *field = shape->schema->fields[shape->columns[column]];
    PYR_TRY(pyr_duckdb_adapt_array(source, field->dictionary, morsel->ledger, morsel->budget,
                                   &values, error));
    pyr_status status = pyr_array_export(values, &exported, error);
    pyr_array_release(values); /* what is exported holds it */
    PYR_TRY(status);
    settle_null_counts(&exported);
    struct ArrowArray lent = exported;
    lent.release = release_nothing;
    lent.private_data = NULL;
    struct ArrowArray *arrays[1] = {&lent};
    status = convert_arrays(shape, arrays, 1, source->length, shape->values[column],
                            &dictionary->values, error);
    if (status != PYR_OK) {
        exported.release(&exported);
        return status;
    }
    dictionary->source = pyr_array_retain(source);
    dictionary->exported = exported;
    return PYR_OK;
}

static pyr_status load_enum(pyr_duckdb_morsel *morsel, int32_t column, pyr_error *error) {
    converted_dictionary *dictionary = &morsel->dictionaries[column];
    pyr_array *source = morsel->batch->columns[column]->dictionary;
    if (dictionary->source == source) {
        return PYR_OK;
    }
    drop_dictionary(morsel->shape->api, dictionary);
    PYR_TRY(
        pyr_duckdb_enum_translate(morsel->shape->enums[column], source, &dictionary->codes, error));
    dictionary->source = pyr_array_retain(source);
    return PYR_OK;
}

/* The batch with the columns as DuckDB is to see them. */
static pyr_status adapt_batch(pyr_duckdb_morsel *morsel, pyr_batch *batch, pyr_batch **out,
                              pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    size_t count = (size_t)shape->count;
    *out = NULL;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    pyr_schema *schema = NULL;
    pyr_status status =
        columns != NULL ? PYR_OK : pyr_error_memory(error, count * sizeof(*columns));
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        pyr_field *field = shape->schema->fields[shape->columns[i]];
        status = pyr_duckdb_adapt_array(batch->columns[i], field, morsel->ledger, morsel->budget,
                                        &columns[i], error);
        if (status != PYR_OK) {
            status = pyr_error_context(error, status, "column \"%s\"", field->name);
        }
    }
    if (status == PYR_OK) {
        status = pyr_schema_project(shape->schema, shape->columns, shape->count, &schema, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, batch->rows, columns, shape->count, NULL, out, error);
    }
    for (size_t i = 0; columns != NULL && i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_duckdb_morsel_load(pyr_duckdb_morsel *morsel, pyr_batch *batch, pyr_error *error) {
    unload(morsel);
    PYR_TRY(adapt_batch(morsel, batch, &morsel->batch, error));
    PYR_TRY(pyr_batch_export(morsel->batch, &morsel->exported, error));
    for (int32_t i = 0; i < morsel->shape->count; ++i) {
        if (morsel->shape->enums[i] != NULL) {
            PYR_TRY(load_enum(morsel, i, error));
        } else if (morsel->shape->values[i] != NULL) {
            PYR_TRY(load_dictionary(morsel, i, error));
        } else {
            settle_null_counts(morsel->exported.children[i]);
        }
    }
    return PYR_OK;
}

/* The values and a null behind them, for null indices to point at. Copies the values, which are few
 * as a rule. */
static pyr_status add_null_value(pyr_duckdb_morsel *morsel, converted_dictionary *dictionary,
                                 pyr_error *error) {
    const pyr_duckdb_api *api = morsel->shape->api;
    uint64_t count = (uint64_t)dictionary->source->length;
    if (dictionary->with_null != NULL) {
        return PYR_OK;
    }
    dd_vector values = api->data_chunk_get_vector(dictionary->values, 0);
    dd_type type = api->vector_get_column_type(values);
    dd_vector copy = api->create_vector(type, count + 1);
    api->destroy_logical_type(&type);
    dd_selection all = api->create_selection_vector(count + 1);
    if (copy == NULL || all == NULL) {
        return pyr_error_memory(error, (size_t)count * 16);
    }
    uint32_t *places = api->selection_vector_get_data_ptr(all);
    for (uint64_t i = 0; i < count; ++i) {
        places[i] = (uint32_t)i;
    }
    if (count > 0) {
        api->vector_copy_sel(values, copy, all, count, 0, 0);
        pyr_ledger_add_copy(morsel->ledger, PYR_COPY_CONVERT,
                            pyr_array_size_bytes(dictionary->source));
    }
    api->destroy_selection_vector(all);
    api->vector_ensure_validity_writable(copy);
    api->vector_get_validity(copy)[count / 64] &= ~((uint64_t)1 << (count % 64));
    dictionary->with_null = copy;
    return PYR_OK;
}

/* Codes of rows [offset, offset + rows) into places; null_place for nulls. */
static void read_codes(const pyr_array *array, int64_t offset, int64_t rows, uint32_t null_place,
                       bool nulls, uint32_t *places) {
    for (int64_t i = 0; i < rows; ++i) {
        places[i] = nulls && pyr_array_is_null(array, offset + i)
                        ? null_place
                        : (uint32_t)pyr_array_dictionary_index(array, offset + i);
    }
}

static pyr_status emit_dictionary(pyr_duckdb_morsel *morsel, int32_t column, int64_t offset,
                                  int64_t rows, dd_vector to, pyr_error *error) {
    const pyr_duckdb_api *api = morsel->shape->api;
    converted_dictionary *dictionary = &morsel->dictionaries[column];
    pyr_array *array = morsel->batch->columns[column];
    bool nulls = pyr_array_null_count(array) > 0;
    if (nulls) {
        PYR_TRY(add_null_value(morsel, dictionary, error));
    }
    /* DuckDB keeps the selection as long as the vector: each slice needs its own. */
    dd_selection selection = api->create_selection_vector((uint64_t)rows);
    if (selection == NULL) {
        return pyr_error_memory(error, (size_t)rows * sizeof(uint32_t));
    }
    read_codes(array, offset, rows, (uint32_t)dictionary->source->length, nulls,
               api->selection_vector_get_data_ptr(selection));
    api->vector_reference_vector(to, nulls ? dictionary->with_null
                                           : api->data_chunk_get_vector(dictionary->values, 0));
    api->slice_vector(to, selection, (uint64_t)rows);
    api->destroy_selection_vector(selection);
    return PYR_OK;
}

static bool has_flat_children(const pyr_field *field) {
    for (int32_t i = 0; i < field->children_count; ++i) {
        if (field->children[i]->children_count > 0) {
            return false;
        }
    }
    return true;
}

/* Whether DuckDB reads a slice of such an array right: flat ones, and one level of nesting. */
static bool is_sliced_right(const pyr_field *field) {
    if (field->type == PYR_TYPE_MAP) {
        return has_flat_children(field->children[0]);
    }
    return field->type != PYR_TYPE_SPARSE_UNION && has_flat_children(field);
}

/* Rows [offset, offset + rows) of a column in new buffers, from their beginning. */
static pyr_status make_dense(pyr_duckdb_morsel *morsel, int32_t column, int64_t offset,
                             int64_t rows, pyr_error *error) {
    pyr_array *picked = NULL;
    size_t size_bytes = (size_t)rows * sizeof(int32_t);
    int32_t *places = malloc(size_bytes);
    if (places == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    for (int64_t i = 0; i < rows; ++i) {
        places[i] = (int32_t)(offset + i);
    }
    drop_dense(morsel, column);
    pyr_status status =
        pyr_array_take(morsel->batch->columns[column], places, rows, PYR_COPY_CONVERT,
                       morsel->ledger, morsel->budget, &picked, error);
    free(places);
    if (status == PYR_OK) {
        status = pyr_array_export(picked, &morsel->dense[column], error);
    }
    pyr_array_release(picked);
    if (status == PYR_OK) {
        settle_null_counts(&morsel->dense[column]);
    }
    return status;
}

static pyr_status emit_plain(pyr_duckdb_morsel *morsel, int64_t offset, int64_t rows,
                             dd_chunk output, pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    const pyr_duckdb_api *api = shape->api;
    int32_t count = 0;
    for (int32_t i = 0; i < shape->count; ++i) {
        if (is_plain(shape, i)) {
            struct ArrowArray *slice = &morsel->slices[count];
            if (!is_sliced_right(shape->schema->fields[shape->columns[i]])) {
                PYR_TRY(make_dense(morsel, i, offset, rows, error));
                *slice = morsel->dense[i];
            } else {
                *slice = *morsel->exported.children[i];
                slice->offset += offset;
                slice->length = rows;
            }
            slice->release = release_nothing;
            slice->private_data = NULL;
            morsel->slice_pointers[count++] = slice;
        }
    }
    dd_chunk chunk = NULL;
    PYR_TRY(
        convert_arrays(shape, morsel->slice_pointers, count, rows, shape->plain, &chunk, error));
    uint64_t from = 0;
    for (int32_t i = 0; i < shape->count; ++i) {
        if (is_plain(shape, i)) {
            api->vector_reference_vector(
                api->data_chunk_get_vector(output, (uint64_t)shape->outputs[i]),
                api->data_chunk_get_vector(chunk, from++));
        }
    }
    api->destroy_data_chunk(&chunk);
    return PYR_OK;
}

pyr_status pyr_duckdb_morsel_emit(pyr_duckdb_morsel *morsel, int64_t offset, int64_t rows,
                                  dd_chunk output, pyr_error *error) {
    const pyr_duckdb_shape *shape = morsel->shape;
    for (int32_t i = 0; i < shape->count; ++i) {
        if (shape->values[i] != NULL) {
            dd_vector to = shape->api->data_chunk_get_vector(output, (uint64_t)shape->outputs[i]);
            PYR_TRY(emit_dictionary(morsel, i, offset, rows, to, error));
        } else if (shape->enums[i] != NULL) {
            dd_vector to = shape->api->data_chunk_get_vector(output, (uint64_t)shape->outputs[i]);
            int64_t size_bytes =
                pyr_duckdb_enum_emit(shape->api, shape->enums[i], morsel->dictionaries[i].codes,
                                     morsel->batch->columns[i], offset, rows, to);
            pyr_ledger_add_copy(morsel->ledger, PYR_COPY_CONVERT, size_bytes);
        }
    }
    if (shape->plain_count > 0) {
        PYR_TRY(emit_plain(morsel, offset, rows, output, error));
    }
    shape->api->data_chunk_set_size(output, (uint64_t)rows);
    return PYR_OK;
}
