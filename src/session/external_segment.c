/* external_segment.c - external files that become segments: both engines read them by reference.
 *
 * Whether the files themselves may be read was asked when they were listed (external_list.c). What
 * they lead to - a sharded model's files, a store's chunks - is looked up when it is opened: of a
 * table that a restricted session made, by what the reader himself may read.
 */
#include "session/external.h"

#include "engines/functions/table_function.h"

#include <assert.h>
#include <string.h>

bool pyr_external_has_segments(pyr_external_format format) {
    return format == PYR_EXTERNAL_ARROW || format == PYR_EXTERNAL_SAFETENSORS ||
           format == PYR_EXTERNAL_ZARR;
}

static pyr_status arrow_segment(const char *path, pyr_segment **out, pyr_error *error) {
    pyr_segment_info info = {.path = (char *)path, .rows = -1, .size_bytes = -1, .batches = -1};
    return pyr_segment_create(&info, false, out, error);
}

/* Of the table that a function of ours gives, which has one. */
static pyr_status segment_of_function(pyr_execution *execution, const pyr_external_source *source,
                                      const char *name, const char *path, pyr_segment **out,
                                      pyr_error *error) {
    static const pyr_file_access everything = {.unrestricted = true};
    const pyr_table_function *function = pyr_table_function_find(name);
    const pyr_file_access *own = &execution->connection->files;
    pyr_function_call call = {.files = source->confined ? own : &everything,
                              .pool = pyr_database_pool(execution->connection->db),
                              .ledger = &execution->ledger,
                              .budget = execution->budget};
    pyr_table *table = NULL;
    assert(function != NULL);
    for (int32_t i = 0; i < function->parameters_count; ++i) {
        call.values[i].position = -1;
        if (function->parameters[i].type == PYR_ARGUMENT_BOOL) {
            call.values[i].given = true;
            call.values[i].boolean = pyr_external_option_is(source->options, source->options_count,
                                                            function->parameters[i].name, false);
        }
    }
    call.values[0].given = true;
    call.values[0].text = path;
    PYR_TRY(pyr_table_function_open(function, &call, &table, error));
    pyr_status status = PYR_OK;
    if (table->segments_count == 1) {
        *out = pyr_segment_retain(table->segments[0]);
    } else { /* it is gone since it was listed, and its name is a pattern of others */
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58030", -1,
                                   "file \"%s\" does not exist", path);
    }
    pyr_table_release(table);
    return status;
}

pyr_status pyr_external_segment(pyr_execution *execution, const pyr_external_source *source,
                                const char *path, pyr_segment **out, pyr_error *error) {
    *out = NULL;
    switch (source->format) {
    case PYR_EXTERNAL_SAFETENSORS:
        return segment_of_function(execution, source, "read_safetensors", path, out, error);
    case PYR_EXTERNAL_ZARR: {
        bool zip = strcmp(path, source->location) == 0;
        return segment_of_function(execution, source, "read_zarr", zip ? path : source->location,
                                   out, error);
    }
    default:
        assert(source->format == PYR_EXTERNAL_ARROW);
        return arrow_segment(path, out, error);
    }
}
