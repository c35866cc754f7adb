/* row_maker.c - see row_maker.h. */
#include "engines/functions/row_maker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void make_builder(pyr_row_maker *maker, int32_t column) {
    if (maker->status == PYR_OK && maker->builders[column] == NULL) {
        maker->status = pyr_builder_create(maker->schema->fields[column], maker->budget,
                                           &maker->builders[column], maker->error);
    }
}

void pyr_row_maker_init(pyr_row_maker *maker, pyr_schema *schema, const int32_t *columns,
                        int32_t columns_count, pyr_budget *budget, pyr_error *error) {
    size_t fields = (size_t)schema->fields_count;
    memset(maker, 0, sizeof(*maker));
    maker->schema = schema;
    maker->columns = columns;
    maker->columns_count = columns != NULL ? columns_count : schema->fields_count;
    maker->budget = budget;
    maker->error = error;
    maker->builders = calloc(fields + 1, sizeof(*maker->builders));
    maker->arrays = calloc(fields + 1, sizeof(*maker->arrays));
    if (maker->builders == NULL || maker->arrays == NULL) {
        maker->status = pyr_error_memory(error, fields * sizeof(void *));
        return;
    }
    for (int32_t i = 0; i < maker->columns_count; ++i) {
        make_builder(maker, columns != NULL ? columns[i] : i);
    }
}

static pyr_builder *builder_of(const pyr_row_maker *maker, int32_t column) {
    return maker->status == PYR_OK ? maker->builders[column] : NULL;
}

bool pyr_row_maker_wants(const pyr_row_maker *maker, int32_t column) {
    return builder_of(maker, column) != NULL;
}

void pyr_row_maker_null(pyr_row_maker *maker, int32_t column) {
    pyr_builder *builder = builder_of(maker, column);
    if (builder != NULL) {
        maker->status = pyr_builder_null(builder, maker->error);
    }
}

void pyr_row_maker_text(pyr_row_maker *maker, int32_t column, const char *text) {
    pyr_builder *builder = builder_of(maker, column);
    if (builder != NULL) {
        maker->status = pyr_builder_string(builder, text, maker->error);
    }
}

void pyr_row_maker_int64(pyr_row_maker *maker, int32_t column, int64_t value) {
    pyr_builder *builder = builder_of(maker, column);
    if (builder != NULL) {
        maker->status = pyr_builder_int64(builder, value, maker->error);
    }
}

void pyr_row_maker_double(pyr_row_maker *maker, int32_t column, double value) {
    pyr_builder *builder = builder_of(maker, column);
    if (builder != NULL) {
        maker->status = pyr_builder_double(builder, value, maker->error);
    }
}

void pyr_row_maker_int64s(pyr_row_maker *maker, int32_t column, const int64_t *values,
                          int64_t count) {
    pyr_builder *builder = builder_of(maker, column);
    for (int64_t i = 0; builder != NULL && maker->status == PYR_OK && i < count; ++i) {
        maker->status = pyr_builder_int64(pyr_builder_child(builder, 0), values[i], maker->error);
    }
    if (builder != NULL && maker->status == PYR_OK) {
        maker->status = pyr_builder_close(builder, maker->error);
    }
}

void pyr_row_maker_put(pyr_row_maker *maker, int32_t column, pyr_array *array) {
    if (maker->status != PYR_OK || maker->builders[column] == NULL) {
        pyr_array_release(array);
        return;
    }
    assert(pyr_builder_length(maker->builders[column]) == 0);
    pyr_builder_destroy(maker->builders[column]);
    maker->builders[column] = NULL;
    maker->arrays[column] = array;
}

static void finish_columns(pyr_row_maker *maker, pyr_query_ledger *ledger) {
    int64_t made_bytes = 0;
    for (int32_t i = 0; i < maker->schema->fields_count && maker->status == PYR_OK; ++i) {
        if (maker->builders[i] == NULL) {
            continue;
        }
        maker->status = pyr_builder_finish(maker->builders[i], &maker->arrays[i], maker->error);
        if (maker->status == PYR_OK) {
            made_bytes += pyr_array_size_bytes(maker->arrays[i]);
        }
    }
    if (maker->status == PYR_OK) {
        pyr_ledger_add_decoded(ledger, made_bytes);
    }
}

static pyr_status make_batch(const pyr_row_maker *maker, int64_t rows, pyr_batch **out) {
    int32_t count = maker->columns_count;
    pyr_array **arrays = calloc((size_t)count + 1, sizeof(*arrays));
    pyr_schema *schema = NULL;
    if (arrays == NULL) {
        return pyr_error_memory(maker->error, (size_t)count * sizeof(*arrays));
    }
    for (int32_t i = 0; i < count; ++i) {
        arrays[i] = maker->arrays[maker->columns != NULL ? maker->columns[i] : i];
    }
    pyr_status status = PYR_OK;
    if (maker->columns == NULL) {
        schema = pyr_schema_retain(maker->schema);
    } else {
        status = pyr_schema_project(maker->schema, maker->columns, count, &schema, maker->error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, rows, arrays, count, NULL, out, maker->error);
    }
    pyr_schema_release(schema);
    free(arrays);
    return status;
}

pyr_status pyr_row_maker_finish(pyr_row_maker *maker, int64_t rows, pyr_query_ledger *ledger,
                                pyr_batch **out) {
    *out = NULL;
    finish_columns(maker, ledger);
    if (maker->status == PYR_OK) {
        maker->status = make_batch(maker, rows, out);
    }
    for (int32_t i = 0; i < maker->schema->fields_count; ++i) {
        pyr_builder_destroy(maker->builders != NULL ? maker->builders[i] : NULL);
        pyr_array_release(maker->arrays != NULL ? maker->arrays[i] : NULL);
    }
    free(maker->builders);
    free(maker->arrays);
    return maker->status;
}

/* ---- Schemas. ---- */

static pyr_status make_field(const pyr_made_column *column, pyr_field **out, pyr_error *error) {
    if (column->type != PYR_TYPE_LIST) {
        return pyr_field_create(column->name, column->type, out, error);
    }
    pyr_field *item = NULL;
    PYR_TRY(pyr_field_create("l", PYR_TYPE_INT64, &item, error));
    pyr_status status =
        pyr_field_create_nested(column->name, PYR_TYPE_LIST, 0, &item, 1, out, error);
    pyr_field_release(item);
    return status;
}

pyr_status pyr_made_schema(const pyr_made_column *columns, int32_t count, pyr_schema **out,
                           pyr_error *error) {
    pyr_field **fields = calloc((size_t)count + 1, sizeof(*fields));
    *out = NULL;
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; i < count && status == PYR_OK; ++i) {
        status = make_field(&columns[i], &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, count, NULL, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}
