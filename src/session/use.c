/* use.c - USE, and what a name without a schema means after it. */
#include "session/session_internal.h"

#include <string.h>
#include <strings.h>

pyr_status pyr_use_schema(pyr_execution *execution, const char *name, int32_t position,
                          pyr_error *error) {
    if (!pyr_snapshot_has_schema(execution->snapshot, name)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", position,
                                 "schema \"%s\" does not exist", name);
    }
    char *to = execution->connection->settings.schema_name;
    memset(to, 0, PYR_NAME_BYTES_MAX + 1);
    if (strcasecmp(name, "main") != 0) {
        memcpy(to, name, strlen(name)); /* a schema's name is no longer */
    }
    return PYR_OK;
}

pyr_status pyr_run_use(pyr_execution *execution, const pyr_parsed *parsed, pyr_result *out,
                       pyr_error *error) {
    PYR_TRY(pyr_use_schema(execution, parsed->table.name, (int32_t)parsed->table.offset, error));
    return pyr_result_message(out, error, "USE");
}

/* ---- Names without a schema. ---- */

/* What is made is made in the schema of USE; what is looked up may stand in main, too. */
static bool is_made(const pyr_parsed *parsed) {
    return parsed->kind == PYR_PARSED_CREATE_TABLE || parsed->kind == PYR_PARSED_CREATE_OBJECT ||
           parsed->kind == PYR_PARSED_CREATE_EXTERNAL_TABLE;
}

static bool is_schema(const pyr_parsed *parsed) {
    return parsed->kind == PYR_PARSED_USE || parsed->object_kind == PYR_ENTRY_SCHEMA;
}

static bool has_relation(const pyr_snapshot *snapshot, const char *schema, const char *name) {
    return pyr_snapshot_find(snapshot, schema, name) != NULL ||
           pyr_entries_find(pyr_snapshot_entries(snapshot), PYR_ENTRY_VIEW, schema, name, NULL) !=
               NULL;
}

static bool has_name(const pyr_snapshot *snapshot, const char *schema, const pyr_parsed *parsed) {
    return parsed->kind == PYR_PARSED_DROP_OBJECT
               ? pyr_entries_find(pyr_snapshot_entries(snapshot), parsed->object_kind, schema,
                                  parsed->table.name, NULL) != NULL
               : has_relation(snapshot, schema, parsed->table.name);
}

void pyr_name_in_session(const pyr_execution *execution, pyr_name *name) {
    const char *const schemas[] = {execution->connection->temporary_schema,
                                   execution->settings.schema_name};
    for (size_t i = 0; i < 2 && name->name != NULL && name->schema_name == NULL; ++i) {
        if (schemas[i][0] != '\0' && has_relation(execution->snapshot, schemas[i], name->name)) {
            name->schema_name = (char *)schemas[i];
        }
    }
}

pyr_status pyr_parse_in_session(pyr_execution *execution, const char *sql, size_t length,
                                pyr_parsed **out, pyr_error *error) {
    PYR_TRY(pyr_sql_parse(sql, length, &execution->arena, out, error));
    char *current = execution->settings.schema_name;
    char *temporary = execution->connection->temporary_schema;
    for (pyr_parsed *parsed = *out; parsed != NULL; parsed = parsed->inner) {
        char **schema = &parsed->table.schema_name;
        pyr_name_in_session(execution, &parsed->of);
        if (parsed->table.name == NULL || is_schema(parsed) || parsed->temporary) {
            continue;
        }
        if (temporary[0] != '\0' && !is_made(parsed) &&
            (*schema == NULL || strcasecmp(*schema, "temp") == 0) &&
            has_name(execution->snapshot, temporary, parsed)) {
            *schema = temporary;
        } else if (current[0] != '\0' && *schema == NULL &&
                   (is_made(parsed) || has_name(execution->snapshot, current, parsed))) {
            *schema = current;
        }
    }
    return PYR_OK;
}
