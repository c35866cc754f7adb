/* table_function.c - the list of functions, and what calling any of them needs. */
#include "engines/functions/table_function.h"

#include "base/text.h"
#include "engines/functions/functions_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const pyr_table_function *const functions[] = {
    &pyr_function_read_arrow,   &pyr_function_read_safetensors, &pyr_function_tensor_values,
    &pyr_function_tensor_stats, &pyr_function_tensor_diff,      &pyr_function_read_zarr,
    &pyr_function_zarr_chunks,
};

size_t pyr_table_functions(void) {
    return sizeof(functions) / sizeof(functions[0]);
}

const pyr_table_function *pyr_table_function_at(size_t index) {
    assert(index < pyr_table_functions());
    return functions[index];
}

const pyr_table_function *pyr_table_function_find(const char *name) {
    for (size_t i = 0; i < pyr_table_functions(); ++i) {
        if (strcasecmp(functions[i]->name, name) == 0) {
            return functions[i];
        }
    }
    return NULL;
}

bool pyr_table_function_place(const pyr_table_function *function, const pyr_function_call *call,
                              size_t place, const char *name, int32_t *parameter) {
    *parameter = -1;
    for (int32_t i = 0; i < function->parameters_count && *parameter < 0; ++i) {
        bool is_it = name != NULL ? strcasecmp(function->parameters[i].name, name) == 0
                                  : (size_t)i == place && !function->parameters[i].named;
        *parameter = is_it ? i : -1;
    }
    return *parameter >= 0 && !call->values[*parameter].given;
}

/* ---- What was opened. ---- */

void pyr_opened_tables_deinit(pyr_opened_tables *opened) {
    for (size_t i = 0; i < opened->count; ++i) {
        free(opened->items[i].key);
        pyr_table_release(opened->items[i].table);
    }
    free(opened->items);
    memset(opened, 0, sizeof(*opened));
}

/* Lengths stand before texts, so that no two lists of values have one key. */
static pyr_status key_of(const pyr_table_function *function, const pyr_function_call *call,
                         char **out, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    for (int32_t i = 0; i < function->parameters_count; ++i) {
        const pyr_function_value *value = &call->values[i];
        const char *text = value->text != NULL ? value->text : value->boolean ? "true" : "false";
        pyr_text_printf(&key, "%d:%zu:%s,", value->given, value->given ? strlen(text) : 0,
                        value->given ? text : "");
    }
    *out = pyr_text_move(&key);
    return *out != NULL ? PYR_OK : pyr_error_memory(error, 1);
}

static pyr_table *find_opened(const pyr_opened_tables *opened, const pyr_table_function *function,
                              const char *key) {
    for (size_t i = 0; i < opened->count; ++i) {
        if (opened->items[i].function == function && strcmp(opened->items[i].key, key) == 0) {
            return opened->items[i].table;
        }
    }
    return NULL;
}

/* Takes key where it keeps the table. Without memory for it the table is opened again. */
static bool keep_opened(pyr_opened_tables *opened, const pyr_table_function *function, char *key,
                        pyr_table *table) {
    if (opened->count == opened->capacity) {
        size_t capacity = opened->capacity == 0 ? 4 : 2 * opened->capacity;
        struct pyr_opened_table *grown = realloc(opened->items, capacity * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        opened->items = grown;
        opened->capacity = capacity;
    }
    opened->items[opened->count++] =
        (struct pyr_opened_table){function, key, pyr_table_retain(table)};
    return true;
}

static pyr_status open_once(const pyr_table_function *function, const pyr_function_call *call,
                            pyr_table **out, pyr_error *error) {
    char *key = NULL;
    if (call->opened == NULL) {
        return function->open(call, out, error);
    }
    PYR_TRY(key_of(function, call, &key, error));
    pyr_table *found = find_opened(call->opened, function, key);
    pyr_status status = PYR_OK;
    if (found != NULL) {
        *out = pyr_table_retain(found);
    } else {
        status = function->open(call, out, error);
    }
    if (found != NULL || status != PYR_OK || !keep_opened(call->opened, function, key, *out)) {
        free(key);
    }
    return status;
}

pyr_status pyr_table_function_open(const pyr_table_function *function,
                                   const pyr_function_call *call, pyr_table **out,
                                   pyr_error *error) {
    *out = NULL;
    for (int32_t i = 0; i < function->parameters_count; ++i) {
        const pyr_function_parameter *parameter = &function->parameters[i];
        if (!call->values[i].given && !parameter->optional && !parameter->named) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42883", -1,
                                     "%s: its argument \"%s\" is missing", function->name,
                                     parameter->name);
        }
    }
    pyr_status status = open_once(function, call, out, error);
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = call->values[0].position;
    }
    return status;
}

pyr_status pyr_function_table(const char *name, pyr_segment *const *segments, size_t count,
                              pyr_table **out, pyr_error *error) {
    pyr_schema *schema = NULL;
    *out = NULL;
    PYR_TRY(pyr_segment_schema(segments[0], NULL, &schema, error));
    pyr_status status = pyr_table_over_segments("", name, schema, segments, count, out, error);
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_function_source_table(const pyr_function_call *call, const char *function,
                                     const char *name, const pyr_segment_source_ops *ops,
                                     size_t size_bytes, pyr_source_fill fill, pyr_table **out,
                                     pyr_error *error) {
    pyr_segment_source *source = calloc(1, size_bytes);
    pyr_segment *segment = NULL;
    int64_t mapped_bytes = 0;
    *out = NULL;
    if (source == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    source->ops = ops;
    pyr_status status = fill(source, call, &mapped_bytes, error);
    if (status != PYR_OK) {
        ops->destroy(source);
        return status;
    }
    PYR_TRY(pyr_segment_create_source(source, name, mapped_bytes, &segment, error));
    status = pyr_function_table(function, &segment, 1, out, error);
    pyr_segment_release(segment);
    return status;
}
