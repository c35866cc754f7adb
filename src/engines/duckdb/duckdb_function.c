/* duckdb_function.c - our table functions (../functions/table_function.h) as DuckDB's: bind opens
 * one, duckdb_scan.c does the rest.
 *
 * A parameter that may be left out is one overload more: DuckDB has no other way for it.
 */
#include "engines/duckdb/duckdb_internal.h"
#include "engines/functions/table_function.h"

#include <string.h>

/* What a statement has no use for is the error of bind: DuckDB has cast the values already. */
static pyr_status read_value(const pyr_duckdb_api *api, const pyr_table_function *function,
                             int32_t parameter, dd_value value, pyr_function_value *out,
                             char **owned, pyr_error *error) {
    if (value == NULL) {
        return PYR_OK;
    }
    const pyr_function_parameter *is = &function->parameters[parameter];
    if (api->is_null_value(value)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22004", -1,
                                 "%s: the argument \"%s\" must not be NULL", function->name,
                                 is->name);
    }
    out->given = true;
    if (is->type == PYR_ARGUMENT_BOOL) {
        out->boolean = api->get_bool(value);
        return PYR_OK;
    }
    *owned = api->get_varchar(value);
    out->text = *owned;
    return *owned != NULL ? PYR_OK : pyr_error_memory(error, 1);
}

static pyr_status read_values(const pyr_duckdb_api *api, dd_bind_info info,
                              const pyr_table_function *function, pyr_function_call *call,
                              char **owned, pyr_error *error) {
    uint64_t places = api->bind_get_parameter_count(info);
    pyr_status status = PYR_OK;
    for (int32_t i = 0; i < function->parameters_count && status == PYR_OK; ++i) {
        dd_value value = NULL;
        call->values[i].position = -1;
        if (function->parameters[i].named) {
            value = api->bind_get_named_parameter(info, function->parameters[i].name);
        } else if ((uint64_t)i < places) {
            value = api->bind_get_parameter(info, (uint64_t)i);
        }
        status = read_value(api, function, i, value, &call->values[i], &owned[i], error);
        if (value != NULL) {
            api->destroy_value(&value);
        }
    }
    return status;
}

static void bind(dd_bind_info info) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const pyr_table_function *function = api->bind_get_extra_info(info);
    const pyr_duckdb_binding *binding = pyr_duckdb_binding_get();
    char *owned[PYR_FUNCTION_PARAMETERS_MAX] = {NULL};
    pyr_table *table = NULL;
    pyr_error error;
    if (binding == NULL) {
        api->bind_set_error(info, "this function reads the files of a running statement");
        return;
    }
    pyr_function_call call = {.files = binding->files,
                              .models = binding->query->models,
                              .opened = binding->query->opened,
                              .pool = binding->query->pool,
                              .ledger = binding->run->ledger,
                              .budget = binding->query->budget,
                              .cancel = binding->query->cancel};
    pyr_status status = read_values(api, info, function, &call, owned, &error);
    if (status == PYR_OK) {
        status = pyr_table_function_open(function, &call, &table, &error);
    }
    if (status == PYR_OK) {
        status = pyr_duckdb_scan_bind(api, info, table, false, &error);
    }
    if (status != PYR_OK) {
        pyr_duckdb_scan_bind_fail(api, info, &error);
    }
    pyr_table_release(table);
    for (size_t i = 0; i < PYR_FUNCTION_PARAMETERS_MAX; ++i) {
        api->free(owned[i]);
    }
}

/* Of so many parameters by their place, and all that have names. */
static pyr_status register_overload(const pyr_duckdb_api *api, dd_connection connection,
                                    const pyr_table_function *function, int32_t places,
                                    pyr_error *error) {
    dd_table_function made = api->create_table_function();
    api->table_function_set_name(made, function->name);
    for (int32_t i = 0, place = 0; i < function->parameters_count; ++i) {
        const pyr_function_parameter *parameter = &function->parameters[i];
        dd_type type = api->create_logical_type(
            parameter->type == PYR_ARGUMENT_BOOL ? DD_TYPE_BOOLEAN : DD_TYPE_VARCHAR);
        if (parameter->named) {
            api->table_function_add_named_parameter(made, parameter->name, type);
        } else if (place++ < places) {
            api->table_function_add_parameter(made, type);
        }
        api->destroy_logical_type(&type);
    }
    api->table_function_set_extra_info(made, (void *)(uintptr_t)function, NULL);
    api->table_function_set_bind(made, bind);
    pyr_duckdb_scan_functions(api, made);
    pyr_status status = PYR_OK;
    if (api->register_table_function(connection, made) != DD_SUCCESS) {
        status = pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB refuses the function %s of %d",
                               function->name, (int)places);
    }
    api->destroy_table_function(&made);
    return status;
}

pyr_status pyr_duckdb_functions_register(const pyr_duckdb_api *api, dd_connection connection,
                                         pyr_error *error) {
    for (size_t i = 0; i < pyr_table_functions(); ++i) {
        const pyr_table_function *function = pyr_table_function_at(i);
        int32_t places = 0;
        int32_t needed = 0;
        for (int32_t j = 0; j < function->parameters_count; ++j) {
            places += !function->parameters[j].named;
            needed += !function->parameters[j].named && !function->parameters[j].optional;
        }
        for (int32_t j = needed; j <= places; ++j) {
            PYR_TRY(register_overload(api, connection, function, j, error));
        }
    }
    return PYR_OK;
}
