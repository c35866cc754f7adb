/* table.c - which arrays of a group make a table, and its schema. */
#include "formats/zarr/table_internal.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Which arrays. ---- */

/* Its name, or dim_N where it has none; text has room for 16. */
static const char *dimension_name(const pyr_zarr_array *array, int32_t i, char *text) {
    const char *name = array->info.dimensions != NULL ? array->info.dimensions[i] : NULL;
    if (name != NULL) {
        return name;
    }
    snprintf(text, 16, "dim_%d", i);
    return text;
}

static bool same_dimensions(const pyr_zarr_array *a, const pyr_zarr_array *b) {
    if (a->info.rank != b->info.rank) {
        return false;
    }
    for (int32_t i = 0; i < a->info.rank; ++i) {
        char left[16], right[16];
        if (a->info.shape[i] != b->info.shape[i] ||
            strcmp(dimension_name(a, i, left), dimension_name(b, i, right)) != 0) {
            return false;
        }
    }
    return true;
}

static bool has_dimension_twice(const pyr_zarr_array *array) {
    for (int32_t i = 0; i < array->info.rank; ++i) {
        for (int32_t k = 0; k < i; ++k) {
            char left[16], right[16];
            if (strcmp(dimension_name(array, i, left), dimension_name(array, k, right)) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool is_coordinate(const pyr_zarr_array *array) {
    return array->status == PYR_OK && array->info.rank == 1 && array->info.dimensions != NULL &&
           array->info.dimensions[0] != NULL &&
           strcmp(array->info.dimensions[0], array->info.name) == 0;
}

static bool is_variable(const pyr_zarr_array *array) {
    return array->status == PYR_OK && !is_coordinate(array) && !has_dimension_twice(array);
}

/* The group's own arrays, by name; of an opened array, it alone. */
typedef struct candidates {
    pyr_zarr_array **arrays;
    bool *variables; /* is_variable of each: choosing asks for every pair */
    int64_t count;
} candidates;

static void candidates_deinit(candidates *all) {
    free(all->arrays);
    free(all->variables);
}

static pyr_status find_candidates(const pyr_zarr *zarr, candidates *out, pyr_error *error) {
    const char *path = pyr_zarr_root_path(zarr);
    size_t prefix = *path != '\0' ? strlen(path) + 1 : 0;
    int64_t all = pyr_zarr_arrays_count(zarr);
    out->count = 0;
    out->arrays = calloc((size_t)all + 1, sizeof(pyr_zarr_array *));
    out->variables = calloc((size_t)all + 1, sizeof(*out->variables));
    if (out->arrays == NULL || out->variables == NULL) {
        candidates_deinit(out);
        return pyr_error_memory(error, (size_t)all * sizeof(pyr_zarr_array *));
    }
    for (int64_t i = 0; i < all; ++i) {
        pyr_zarr_array *array = pyr_zarr_get_array(zarr, i);
        const char *array_path = array->info.path;
        if (!pyr_zarr_is_group(zarr) || strchr(array_path + prefix, '/') == NULL) {
            out->variables[out->count] = is_variable(array);
            out->arrays[out->count++] = array;
        }
    }
    return PYR_OK;
}

/* The first array of the set that has most values; NULL: there is no variable. Arrays of no
 * dimension are a set of their own, and never larger than another. */
static pyr_zarr_array *choose(const candidates *all) {
    pyr_zarr_array *best = NULL;
    double best_values = -1;
    for (int64_t i = 0; i < all->count; ++i) {
        pyr_zarr_array *array = all->arrays[i];
        bool first = all->variables[i];
        for (int64_t k = 0; first && k < i; ++k) {
            first = !(all->variables[k] && same_dimensions(all->arrays[k], array));
        }
        if (!first) {
            continue;
        }
        int64_t members = 0;
        for (int64_t k = i; k < all->count; ++k) {
            members += all->variables[k] && same_dimensions(all->arrays[k], array);
        }
        double values = array->info.rank == 0 ? -0.5 : (double)members * (double)array->info.count;
        if (values > best_values) {
            best = array;
            best_values = values;
        }
    }
    for (int64_t i = 0; best == NULL && i < all->count; ++i) {
        best = is_coordinate(all->arrays[i]) ? all->arrays[i] : NULL;
    }
    return best;
}

/* ---- Making it. ---- */

static pyr_status set_dimension(pyr_zarr_table *table, const candidates *all, int32_t i,
                                bool with_coordinates, pyr_error *error) {
    table_dimension *dimension = &table->dimensions[i];
    char text[16];
    dimension->name = strdup(dimension_name(table->base, i, text));
    dimension->length = table->base->info.shape[i];
    if (dimension->name == NULL) {
        return pyr_error_memory(error, 16);
    }
    for (int64_t k = 0; with_coordinates && k < all->count; ++k) {
        pyr_zarr_array *array = all->arrays[k];
        if (is_coordinate(array) && strcmp(array->info.name, dimension->name) == 0 &&
            array->info.shape[0] == dimension->length) {
            dimension->array = array;
        }
    }
    return PYR_OK;
}

static bool is_column(const pyr_zarr_table *table, const pyr_zarr_array *array) {
    for (int32_t i = 0; i < table->rank; ++i) {
        if (table->dimensions[i].array == array) {
            return true;
        }
    }
    for (int32_t i = 0; i < table->variables_count; ++i) {
        if (table->variables[i] == array) {
            return true;
        }
    }
    return false;
}

static const char *why_left_out(const pyr_zarr_array *array) {
    if (array->status != PYR_OK) {
        return array->info.problem;
    }
    return has_dimension_twice(array) ? "has a dimension twice" : "has other dimensions";
}

static pyr_status set_members(pyr_zarr_table *table, const candidates *all, pyr_error *error) {
    bool group = pyr_zarr_is_group(table->zarr);
    size_t count = (size_t)all->count + 1;
    table->rank = table->base->info.rank;
    table->dimensions = calloc((size_t)table->rank + 1, sizeof(*table->dimensions));
    table->variables = calloc(count, sizeof(pyr_zarr_array *));
    table->left_out = calloc(count, sizeof(*table->left_out));
    if (table->dimensions == NULL || table->variables == NULL || table->left_out == NULL) {
        return pyr_error_memory(error, count * sizeof(*table->left_out));
    }
    for (int32_t i = 0; i < table->rank; ++i) {
        PYR_TRY(set_dimension(table, all, i, group, error));
    }
    for (int64_t i = 0; i < all->count; ++i) {
        pyr_zarr_array *array = all->arrays[i];
        bool variable = !group || (all->variables[i] && same_dimensions(array, table->base));
        if (variable) {
            table->variables[table->variables_count++] = array;
        }
    }
    for (int64_t i = 0; i < all->count; ++i) {
        const pyr_zarr_array *array = all->arrays[i];
        if (!is_column(table, array)) {
            table->left_out[table->left_out_count++] =
                (table_left_out){array->info.name, why_left_out(array)};
        }
    }
    return PYR_OK;
}

static pyr_status read_coordinate(pyr_zarr_table *table, table_dimension *dimension,
                                  pyr_query_ledger *ledger, pyr_budget *budget, pyr_error *error) {
    static const int64_t start[1] = {0};
    pyr_zarr_chunk all;
    if (dimension->array == NULL) {
        return PYR_OK;
    }
    if (dimension->length > TABLE_COORDINATE_VALUES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "the coordinate \"%.100s\" has %lld values, at most %lld are read",
                             dimension->name, (long long)dimension->length,
                             (long long)TABLE_COORDINATE_VALUES_MAX);
    }
    PYR_TRY(pyr_zarr_read_region(dimension->array, start, &dimension->length, ledger, budget, &all,
                                 error));
    pyr_status status =
        pyr_zarr_chunk_values(dimension->array, &all, 0, dimension->length, table->decode_cf,
                              ledger, budget, &dimension->values, error);
    pyr_zarr_chunk_deinit(&all);
    if (status == PYR_OK) {
        pyr_zarr_dimension_sort_order(dimension);
        status = pyr_array_check_mappings(dimension->values, error);
    }
    return status;
}

/* ---- The schema. ---- */

static bool name_taken(pyr_field *const *fields, int32_t count, const char *name) {
    for (int32_t i = 0; i < count; ++i) {
        if (strcmp(fields[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static pyr_status add_variable(pyr_zarr_table *table, pyr_zarr_array *array, pyr_field **fields,
                               int32_t count, pyr_error *error) {
    pyr_text name;
    pyr_text_init(&name);
    pyr_text_add(&name, pyr_zarr_is_group(table->zarr) ? array->info.name : "value");
    while (!name.failed && name_taken(fields, count, pyr_text_get(&name))) {
        pyr_text_add(&name, "_1");
    }
    pyr_status status = pyr_text_check(&name, error);
    if (status == PYR_OK) {
        status = pyr_zarr_array_field(array, pyr_text_get(&name), table->decode_cf, &fields[count],
                                      error);
    }
    pyr_text_deinit(&name);
    return status;
}

static pyr_status fill_fields(pyr_zarr_table *table, pyr_field **fields, pyr_error *error) {
    int32_t count = 0;
    for (int32_t i = 0; i < table->rank; ++i, ++count) {
        const table_dimension *dimension = &table->dimensions[i];
        PYR_TRY(dimension->array != NULL
                    ? pyr_zarr_array_field(dimension->array, dimension->name, table->decode_cf,
                                           &fields[count], error)
                    : pyr_field_create(dimension->name, PYR_TYPE_INT64, &fields[count], error));
    }
    for (int32_t i = 0; i < table->variables_count; ++i, ++count) {
        PYR_TRY(add_variable(table, table->variables[i], fields, count, error));
    }
    return pyr_schema_create(fields, count, NULL, &table->schema, error);
}

static pyr_status make_schema(pyr_zarr_table *table, pyr_error *error) {
    size_t count = (size_t)table->rank + (size_t)table->variables_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = fill_fields(table, fields, error);
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

static pyr_status make(pyr_zarr_table *table, const candidates *all, pyr_query_ledger *ledger,
                       pyr_budget *budget, pyr_error *error) {
    table->base = pyr_zarr_is_group(table->zarr) ? choose(all) : all->arrays[0];
    if (table->base == NULL) {
        const char *problem = all->count > 0 ? why_left_out(all->arrays[0]) : "it has none";
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "%s: no array of the group \"%.200s\" makes a table: %s%s%.300s",
                             pyr_zarr_get_store(table->zarr)->name, pyr_zarr_root_path(table->zarr),
                             all->count > 0 ? all->arrays[0]->info.name : "",
                             all->count > 0 ? ": " : "", problem);
    }
    PYR_TRY(set_members(table, all, error));
    table->rows = table->base->info.count;
    for (int32_t i = 0; i < table->rank; ++i) {
        PYR_TRY(read_coordinate(table, &table->dimensions[i], ledger, budget, error));
    }
    PYR_TRY(make_schema(table, error));
    return pyr_zarr_table_plan(table, error);
}

static pyr_zarr_table *new_table(pyr_zarr *zarr, const pyr_zarr_table_options *options) {
    pyr_zarr_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&table->lock, NULL) != 0) {
        free(table);
        return NULL;
    }
    if (pthread_cond_init(&table->loaded, NULL) != 0) {
        pthread_mutex_destroy(&table->lock);
        free(table);
        return NULL;
    }
    table->zarr = pyr_zarr_retain(zarr);
    table->decode_cf = options != NULL && options->decode_cf;
    for (int32_t i = 0; i < TABLE_BLOCKS_CACHED; ++i) {
        table->blocks[i].variable = -1;
    }
    return table;
}

pyr_status pyr_zarr_table_create(pyr_zarr *zarr, const pyr_zarr_table_options *options,
                                 pyr_query_ledger *ledger, pyr_budget *budget, pyr_zarr_table **out,
                                 pyr_error *error) {
    candidates all;
    *out = NULL;
    pyr_zarr_table *table = new_table(zarr, options);
    if (table == NULL) {
        return pyr_error_memory(error, sizeof(*table));
    }
    pyr_status status = find_candidates(zarr, &all, error);
    if (status == PYR_OK) {
        status = make(table, &all, ledger, budget, error);
        candidates_deinit(&all);
    }
    if (status != PYR_OK) {
        pyr_zarr_table_destroy(table);
        return status;
    }
    *out = table;
    return PYR_OK;
}

void pyr_zarr_table_destroy(pyr_zarr_table *table) {
    if (table == NULL) {
        return;
    }
    for (int32_t i = 0; i < TABLE_BLOCKS_CACHED; ++i) {
        pyr_zarr_chunk_deinit(&table->blocks[i].block);
    }
    for (int32_t i = 0; table->dimensions != NULL && i < table->rank; ++i) {
        free(table->dimensions[i].name);
        pyr_array_release(table->dimensions[i].values);
    }
    free(table->dimensions);
    free(table->variables);
    free(table->left_out);
    free(table->first_batch);
    pyr_schema_release(table->schema);
    pthread_cond_destroy(&table->loaded);
    pthread_mutex_destroy(&table->lock);
    pyr_zarr_release(table->zarr);
    free(table);
}

pyr_schema *pyr_zarr_table_schema(const pyr_zarr_table *table) {
    return table->schema;
}

int64_t pyr_zarr_table_rows(const pyr_zarr_table *table) {
    return table->rows;
}

int64_t pyr_zarr_table_batches(const pyr_zarr_table *table) {
    return table->batches;
}

int64_t pyr_zarr_table_left_out(const pyr_zarr_table *table) {
    return table->left_out_count;
}

const char *pyr_zarr_table_left_out_get(const pyr_zarr_table *table, int64_t index,
                                        const char **reason) {
    *reason = table->left_out[index].reason;
    return table->left_out[index].name;
}
