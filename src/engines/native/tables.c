/* tables.c - the table a FROM means: one of the catalog's, a function's, or files. */
#include "engines/functions/table_function.h"
#include "engines/native/native_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Functions and files. ---- */

/* A parameter's text, or one of a literal; *known false: none is there, or of another type. */
static pyr_status argument_text(const pyr_engine_query *query, const pyr_expression *value,
                                pyr_function_value *out, char **owned, pyr_error *error) {
    if (value->kind == PYR_EXPRESSION_LITERAL) {
        out->given = value->as.literal.kind == PYR_LITERAL_STRING;
        out->text = value->as.literal.value.string.text;
        /* A name with a zero byte is no file's. */
        out->given = out->given && strlen(out->text) == value->as.literal.value.string.length;
        return PYR_OK;
    }
    pyr_array *array = NULL;
    size_t length = 0;
    PYR_TRY(pyr_native_parameter(query, value, &array, error));
    if (array == NULL || array->field->type != PYR_TYPE_UTF8 || pyr_array_is_null(array, 0)) {
        return PYR_OK;
    }
    const char *text = (const char *)pyr_array_bytes(array, 0, &length);
    *owned = strndup(text != NULL ? text : "", length);
    if (*owned == NULL) {
        return pyr_error_memory(error, length);
    }
    out->text = *owned;
    out->given = strlen(*owned) == length;
    return PYR_OK;
}

/* What another engine may take otherwise, or explain better, is not covered. */
static pyr_status read_argument(const pyr_engine_query *query, const pyr_from *from,
                                const pyr_table_function *function, size_t index,
                                pyr_function_call *call, char **owned, pyr_error *error) {
    const pyr_from_argument *argument = &from->arguments[index];
    const pyr_expression *value = &argument->value;
    int32_t parameter = -1;
    if (!pyr_table_function_place(function, call, index, argument->name, &parameter)) {
        return pyr_native_not_covered(error, value->offset, "%s with this argument",
                                      from->function);
    }
    pyr_function_value *out = &call->values[parameter];
    out->position = (int32_t)value->offset;
    if (function->parameters[parameter].type == PYR_ARGUMENT_TEXT) {
        PYR_TRY(argument_text(query, value, out, owned, error));
    } else if (value->kind == PYR_EXPRESSION_LITERAL &&
               value->as.literal.kind == PYR_LITERAL_BOOL) {
        out->given = true;
        out->boolean = value->as.literal.value.boolean;
    }
    return out->given ? PYR_OK
                      : pyr_native_not_covered(error, value->offset,
                                               "this argument of the function %s", from->function);
}

static void begin_call(const pyr_engine_query *query, const pyr_from *from,
                       pyr_function_call *call) {
    *call = (pyr_function_call){.files = query->files,
                                .models = query->models,
                                .opened = query->opened,
                                .pool = query->pool,
                                .ledger = query->ledger,
                                .budget = query->budget,
                                .cancel = query->cancel};
    for (size_t i = 0; i < PYR_FUNCTION_PARAMETERS_MAX; ++i) {
        call->values[i].position = (int32_t)from->offset;
    }
}

static pyr_status open_function(const pyr_engine_query *query, const pyr_from *from,
                                pyr_table **out, pyr_error *error) {
    const pyr_table_function *function = pyr_table_function_find(from->function);
    char *owned[PYR_FROM_ARGUMENTS_MAX] = {NULL};
    pyr_function_call call;
    if (function == NULL) {
        return pyr_native_not_covered(error, from->offset, "function %s", from->function);
    }
    begin_call(query, from, &call);
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < from->arguments_count && status == PYR_OK; ++i) {
        status = read_argument(query, from, function, i, &call, &owned[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_table_function_open(function, &call, out, error);
    }
    for (size_t i = 0; i < from->arguments_count; ++i) {
        free(owned[i]);
    }
    return status;
}

/* FROM 'x' and FROM "x": the file's own function, if it is one of ours; its name without folders
 * and suffix is what its columns can be qualified with, as DuckDB does it. Errors of files point to
 * where the path stands. */
static pyr_status open_file(const pyr_engine_query *query, const pyr_from *from, const char *path,
                            pyr_table **out, pyr_error *error) {
    const pyr_table_function *function = NULL;
    pyr_function_call call;
    begin_call(query, from, &call);
    call.values[0].given = true;
    call.values[0].text = path;
    pyr_status status = pyr_table_function_of_file(path, query->files, &function, error);
    if (status == PYR_OK && function == NULL) {
        return pyr_native_not_covered(error, from->offset, "%s\"%s\"",
                                      pyr_path_is_remote(path) ? "the remote file " : "", path);
    }
    if (status == PYR_OK) {
        status = pyr_table_function_open(function, &call, out, error);
    }
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = (int32_t)from->offset;
    }
    return status;
}

/* ---- Tables. ---- */

/* Where no schema is said, in that of USE and then in main. A view of USE's schema is none of ours,
 * whatever main has. */
static pyr_table *find(const pyr_engine_query *query, const char *schema_name, const char *name) {
    const char *current = query->schema_name;
    if (schema_name != NULL || current == NULL) {
        return pyr_snapshot_find(query->snapshot, schema_name, name);
    }
    pyr_table *table = pyr_snapshot_find(query->snapshot, current, name);
    bool is_view = pyr_entries_find(pyr_snapshot_entries(query->snapshot), PYR_ENTRY_VIEW, current,
                                    name, NULL) != NULL;
    return table != NULL || is_view ? table : pyr_snapshot_find(query->snapshot, NULL, name);
}

/* An external table's files are read by reference, or by another engine. */
static pyr_status check_external(const pyr_table *table, const pyr_from *from, pyr_error *error) {
    if (table->scan != NULL && table->scan->failure.code != PYR_OK) {
        const pyr_error *failure = &table->scan->failure;
        return pyr_error_set_sql(error, failure->code, failure->sqlstate, (int32_t)from->offset,
                                 "%s", failure->message);
    }
    if (table->scan == NULL || table->scan->sql != NULL) {
        return pyr_native_not_covered(error, from->offset, "the external table \"%s\" (%s)",
                                      table->name,
                                      pyr_external_format_name(table->external->format));
    }
    return PYR_OK;
}

pyr_status pyr_native_find_table(const pyr_engine_query *query, const pyr_from *from,
                                 pyr_table **out, pyr_error *error) {
    *out = NULL;
    if (from->kind == PYR_FROM_FUNCTION) {
        return open_function(query, from, out, error);
    }
    const char *schema_name = from->kind == PYR_FROM_TABLE ? from->table.schema_name : NULL;
    const char *name = from->kind == PYR_FROM_TABLE ? from->table.name : from->path;
    pyr_table *table = query->snapshot != NULL ? find(query, schema_name, name) : NULL;
    if (table != NULL && table->external != NULL) {
        PYR_TRY(check_external(table, from, error));
    }
    if (table != NULL) {
        *out = pyr_table_retain(table);
        return PYR_OK;
    }
    if (from->kind == PYR_FROM_STRING || (from->quoted && pyr_path_is_ours(name))) {
        return open_file(query, from, name, out, error);
    }
    /* It may be a view, a temporary table or a system table of another engine. */
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "42P01", (int32_t)from->offset,
                             "table \"%s%s%s\" does not exist",
                             schema_name != NULL ? schema_name : "", schema_name != NULL ? "." : "",
                             name);
}
