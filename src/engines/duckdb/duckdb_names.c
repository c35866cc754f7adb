/* duckdb_names.c - the names of a statement: tables of its snapshot, and Arrow files.
 *
 * DuckDB asks a replacement scan for every name it does not know itself, so CTEs and its own tables
 * and views win. It gives only the last part of a name ("t" for main.t and for other.t alike):
 * which schema was meant is looked up in the names that the statement's text mentions.
 */
#include "engines/duckdb/duckdb_internal.h"
#include "engines/functions/table_function.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static _Thread_local const pyr_duckdb_binding *current_binding;

void pyr_duckdb_binding_set(const pyr_duckdb_binding *binding) {
    current_binding = binding;
}

const pyr_duckdb_binding *pyr_duckdb_binding_get(void) {
    return current_binding;
}

/* The next part of a name as written: bare, or "quoted" with "" for a quote. */
static const char *next_part(const char *at, char *part, size_t size_bytes) {
    size_t length = 0;
    bool quoted = *at == '"';
    at += quoted ? 1 : 0;
    while (*at != '\0') {
        if (quoted && *at == '"') {
            if (at[1] != '"') {
                ++at;
                break;
            }
            ++at;
        } else if (!quoted && *at == '.') {
            break;
        }
        if (length + 1 < size_bytes) {
            part[length++] = *at;
        }
        ++at;
    }
    part[length] = '\0';
    return *at == '.' ? at + 1 : NULL;
}

typedef struct qualified_name {
    char catalog[PYR_NAME_BYTES_MAX + 1];
    char schema[PYR_NAME_BYTES_MAX + 1];
    char name[PYR_NAME_BYTES_MAX + 1];
} qualified_name;

static void split_name(const char *text, qualified_name *out) {
    memset(out, 0, sizeof(*out));
    const char *rest = next_part(text, out->name, sizeof(out->name));
    while (rest != NULL) {
        memcpy(out->catalog, out->schema, sizeof(out->catalog));
        memcpy(out->schema, out->name, sizeof(out->schema));
        rest = next_part(rest, out->name, sizeof(out->name));
    }
}

typedef enum meaning { MEANS_MAIN, MEANS_SCHEMA, MEANS_AMBIGUOUS } meaning;

/* Which schema the statement means with a name: *schema is set where it names one. */
static meaning find_schema(const pyr_duckdb_binding *binding, const char *name,
                           qualified_name *found) {
    meaning result = MEANS_MAIN;
    bool seen = false;
    for (size_t i = 0; i < binding->qualified_count; ++i) {
        qualified_name split;
        split_name(binding->qualified[i], &split);
        if (strcasecmp(split.name, name) != 0) {
            continue;
        }
        bool is_main = split.schema[0] == '\0' || strcasecmp(split.schema, "main") == 0;
        meaning this_one = is_main ? MEANS_MAIN : MEANS_SCHEMA;
        if (seen && (this_one != result ||
                     (this_one == MEANS_SCHEMA && strcasecmp(split.schema, found->schema) != 0))) {
            return MEANS_AMBIGUOUS;
        }
        seen = true;
        result = this_one;
        *found = split;
    }
    return result;
}

static bool may_be_path(const char *name) {
    return strchr(name, '/') != NULL || strchr(name, '.') != NULL;
}

static void replace_by(const pyr_duckdb_api *api, dd_replacement_info info, const char *function,
                       const char *first, const char *second) {
    api->replacement_scan_set_function_name(info, function);
    const char *arguments[2] = {first, second};
    for (int i = 0; i < 2 && arguments[i] != NULL; ++i) {
        dd_value value = api->create_varchar_length(arguments[i], strlen(arguments[i]));
        api->replacement_scan_add_parameter(info, value);
        api->destroy_value(&value);
    }
}

/* Where each of the schemas that are named with it has such a table, an overlay has those, and what
 * DuckDB asks about is the one without. */
static bool overlay_has_others(const pyr_duckdb_binding *binding, const char *name) {
    bool all = binding->overlay && binding->query->snapshot != NULL;
    for (size_t i = 0; all && i < binding->qualified_count; ++i) {
        qualified_name split;
        split_name(binding->qualified[i], &split);
        bool other = split.schema[0] != '\0' && strcasecmp(split.schema, "main") != 0;
        all = strcasecmp(split.name, name) != 0 || !other ||
              (strcasecmp(split.schema, "pyralog") != 0 &&
               pyr_snapshot_find(binding->query->snapshot, split.schema, name) != NULL);
    }
    return all;
}

static pyr_status check_external(const pyr_table *table, pyr_error *error) {
    if (table->scan == NULL) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "the external table \"%s\" cannot be read here: name it in the "
                             "statement itself",
                             table->name);
    }
    if (table->scan->failure.code != PYR_OK) {
        *error = table->scan->failure;
        return error->code;
    }
    return PYR_OK;
}

static void replace_external(const pyr_duckdb_api *api, dd_replacement_info info,
                             const pyr_duckdb_binding *binding, const pyr_table *table) {
    pyr_error error;
    if (check_external(table, &error) != PYR_OK) {
        pyr_duckdb_run_fail(binding->run, &error);
        api->replacement_scan_set_error(info, error.message);
    } else if (table->scan->sql != NULL) {
        char macro[PYR_DUCKDB_EXTERNAL_NAME_BYTES];
        pyr_duckdb_external_name(table, macro, sizeof(macro));
        replace_by(api, info, macro, NULL, NULL);
    } else {
        replace_by(api, info, "pyr_scan", table->schema_name, table->name);
    }
}

/* What goes wrong with a file that is none of ours is DuckDB's to say. */
static void replace_file(const pyr_duckdb_api *api, dd_replacement_info info,
                         const pyr_duckdb_binding *binding, const char *path) {
    const pyr_table_function *function = NULL;
    pyr_error error;
    pyr_status status = pyr_table_function_of_file(path, binding->files, &function, &error);
    if (status == PYR_OK && function == NULL && pyr_path_is_ours(path) &&
        !pyr_path_is_remote(path)) {
        status = pyr_error_set(&error, PYR_ERROR_CORRUPT,
                               "\"%s\" is not what its name says, nor another kind of file that is "
                               "read here",
                               path);
    }
    if (status == PYR_OK && function != NULL) {
        binding->run->files_by_name = true;
        replace_by(api, info, function->name, path, NULL);
    } else if (status != PYR_OK && pyr_path_is_ours(path)) {
        pyr_duckdb_run_fail(binding->run, &error);
        api->replacement_scan_set_error(info, error.message);
    }
}

void pyr_duckdb_replacement(dd_replacement_info info, const char *name, void *data) {
    (void)data;
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const pyr_duckdb_binding *binding = current_binding;
    if (binding == NULL || name == NULL) {
        return;
    }
    qualified_name found;
    memset(&found, 0, sizeof(found));
    meaning which = find_schema(binding, name, &found);
    if (which == MEANS_AMBIGUOUS && overlay_has_others(binding, name)) {
        which = MEANS_MAIN;
    }
    if (which == MEANS_AMBIGUOUS) {
        pyr_error error;
        pyr_error_set(&error, PYR_ERROR_NOT_SUPPORTED,
                      "tables named \"%s\" of two schemas in one query", name);
        pyr_duckdb_run_fail(binding->run, &error);
        api->replacement_scan_set_error(info, error.message);
        return;
    }
    /* A table of the schema of USE stands in the overlay. */
    const char *schema_name = which == MEANS_SCHEMA ? found.schema : "main";
    const pyr_table *table = binding->query->snapshot != NULL
                                 ? pyr_snapshot_find(binding->query->snapshot, schema_name, name)
                                 : NULL;
    if (table != NULL && table->external != NULL) {
        replace_external(api, info, binding, table);
    } else if (table != NULL) {
        replace_by(api, info, "pyr_scan", schema_name, name);
    } else if (which == MEANS_MAIN && may_be_path(name)) {
        replace_file(api, info, binding, name);
    }
}

pyr_status pyr_duckdb_find_table(const pyr_duckdb_binding *binding, const char *schema_name,
                                 const char *name, pyr_table **out, pyr_error *error) {
    pyr_table *table = binding->query->snapshot != NULL
                           ? pyr_snapshot_find(binding->query->snapshot, schema_name, name)
                           : NULL;
    *out = NULL;
    if (table == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                 "table \"%s.%s\" does not exist", schema_name, name);
    }
    if (table->external != NULL) {
        pyr_error refusal;
        pyr_status status = check_external(table, error != NULL ? error : &refusal);
        if (status == PYR_OK && table->scan->sql != NULL) {
            status = pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                   "the external table \"%s\" is not read through pyr_scan", name);
        }
        PYR_TRY(status);
    }
    *out = pyr_table_retain(table);
    return PYR_OK;
}
