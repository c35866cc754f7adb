/* read_arrow.c - read_arrow(p): Arrow IPC files as they are, a segment each. */
#include "engines/functions/functions_internal.h"
#include "storage/glob.h"

#include <stdlib.h>
#include <string.h>

static bool is_arrow(const char *path) {
    uint8_t bytes[8];
    size_t got = 0;
    int64_t size_bytes = 0;
    return pyr_path_first_bytes(path, bytes, sizeof(bytes), &got, &size_bytes, NULL) == PYR_OK &&
           got > 0 && pyr_ipc_file_detect(bytes, got);
}

static pyr_status open_arrow(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    const pyr_function_value *path = &call->values[0];
    char **paths = NULL;
    size_t count = 0;
    PYR_TRY(pyr_function_files(call, path, &paths, &count, error));
    char *name = pyr_file_table_name(path->text);
    pyr_status status = PYR_OK;
    if (name == NULL) {
        status = pyr_error_memory(error, strlen(path->text));
    } else if (!is_arrow(paths[0])) {
        status = pyr_error_set_sql(error, PYR_ERROR_INVALID_ARGUMENT, "22023", path->position,
                                   "read_arrow: \"%s\" is not an Arrow IPC file (it does not begin "
                                   "with ARROW1)",
                                   paths[0]);
    } else {
        status =
            pyr_table_over_files(name, (const char *const *)paths, count, call->ledger, out, error);
    }
    free(name);
    pyr_glob_free(paths, count);
    return status;
}

const pyr_table_function pyr_function_read_arrow = {
    .name = "read_arrow",
    .parameters_count = 1,
    .parameters = {{.name = "path", .type = PYR_ARGUMENT_TEXT}},
    .open = open_arrow,
};
