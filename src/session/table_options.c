/* table_options.c - WITH (...) of a table: the names and values there are. What the catalog makes
 * of them, and whether they fit the columns, is catalog/table_options.h.
 */
#include "session/session_internal.h"

#include <string.h>
#include <strings.h>

#define VALUES_MAX 4

pyr_status pyr_check_table_option(const pyr_option_value *option, pyr_error *error) {
    static const struct {
        const char *name;
        const char *values[VALUES_MAX]; /* none: any text */
    } known[] = {
        {"storage_mode", {"durable", "memory_only"}},
        {"format", {"arrow"}},
        {"compression", {"none", "zstd", "lz4"}},
        {"sync", {"commit", "interval", "none"}},
        {"time_unit", {"s", "ms", "us", "ns"}},
        {"sort_key", {NULL}},
        {"retention", {NULL}},
        {"retention_column", {NULL}},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (strcmp(option->name, known[i].name) != 0) {
            continue;
        }
        bool fits = option->value != NULL && known[i].values[0] == NULL;
        for (size_t j = 0; !fits && j < VALUES_MAX && known[i].values[j] != NULL; ++j) {
            fits = option->value != NULL && strcasecmp(option->value, known[i].values[j]) == 0;
        }
        return fits ? PYR_OK
                    : pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", (int32_t)option->offset,
                                        "option %s: \"%s\" is not supported", option->name,
                                        option->value != NULL ? option->value : "");
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", (int32_t)option->offset,
                             "unknown table option \"%s\"; known are storage_mode, format, "
                             "compression, sync, time_unit, sort_key, retention, retention_column",
                             option->name);
}

pyr_status pyr_collect_table_options(pyr_execution *execution, const pyr_parsed *parsed,
                                     pyr_table_option **out, pyr_error *error) {
    pyr_table_option *options =
        pyr_arena_array(&execution->arena, parsed->options_count + 1, sizeof(*options));
    if (options == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    for (size_t i = 0; i < parsed->options_count; ++i) {
        PYR_TRY(pyr_check_table_option(&parsed->options[i], error));
        options[i].name = parsed->options[i].name;
        options[i].value = parsed->options[i].value;
    }
    *out = options;
    return PYR_OK;
}
