/* table_function.c - the list of functions, and what calling any of them needs. */
#include "engines/functions/table_function.h"

#include "engines/functions/functions_internal.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const pyr_table_function *const functions[] = {
    &pyr_function_read_arrow,
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
    pyr_status status = function->open(call, out, error);
    if (status != PYR_OK && error != NULL && error->position < 0) {
        error->position = call->values[0].position;
    }
    return status;
}
