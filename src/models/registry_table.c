/* registry_table.c - the two forms of model_registry; see registry.h. */
#include "base/arena.h"
#include "catalog/keyed.h"
#include "models/registry.h"
#include "sql/statement.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct column {
    const char *name, *type; /* SQL */
    bool not_null, settable;
} column;

static const column columns[PYR_MODEL_COLUMNS_STORED] = {
    [PYR_MODEL_NAME] = {"name", "VARCHAR", true, true},
    [PYR_MODEL_PATH] = {"path", "VARCHAR", true, true},
    [PYR_MODEL_FORMAT] = {"format", "VARCHAR", false, false},
    [PYR_MODEL_FRAMEWORK] = {"framework", "VARCHAR", false, true},
    [PYR_MODEL_SIZE_BYTES] = {"size_bytes", "BIGINT", false, false},
    [PYR_MODEL_TENSORS] = {"tensors", "BIGINT", false, false},
    [PYR_MODEL_PARAMETERS] = {"parameters", "BIGINT", false, false},
    [PYR_MODEL_DTYPE] = {"dtype", "VARCHAR", false, false},
    [PYR_MODEL_BLAKE3] = {"blake3", "VARCHAR", false, false},
    [PYR_MODEL_METADATA] = {"metadata", "JSON", false, true},
    [PYR_MODEL_REGISTERED_AT] = {"registered_at", "TIMESTAMP WITH TIME ZONE", false, false},
    [PYR_MODEL_STATE] = {"state", "VARCHAR", false, false},
    [PYR_MODEL_FILES] = {"files", "VARCHAR", false, false}};

static pyr_status create_field(const column *from, pyr_arena *arena, pyr_field **out,
                               pyr_error *error) {
    char *normalized = NULL;
    pyr_field *field = NULL;
    *out = NULL;
    PYR_TRY(pyr_sql_type_parse(from->type, strlen(from->type), from->name, arena, &field,
                               &normalized, error));
    pyr_status status =
        pyr_field_with(field, from->name, !from->not_null, field->metadata, out, error);
    pyr_field_release(field);
    return status;
}

static pyr_status create_schema(int32_t count, pyr_schema **out, pyr_error *error) {
    pyr_field *fields[PYR_MODEL_COLUMNS_STORED] = {NULL};
    pyr_arena arena;
    pyr_arena_init(&arena, NULL);
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        status = create_field(&columns[i], &arena, &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, count, NULL, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    pyr_arena_deinit(&arena);
    return status;
}

static pyr_status print_types(int32_t count, char **out, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    for (int32_t i = 0; i < count; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "[");
        pyr_text_add_json(&text, columns[i].type, strlen(columns[i].type));
    }
    pyr_text_add_char(&text, ']');
    pyr_status status = pyr_text_check(&text, error);
    *out = status == PYR_OK ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    return status;
}

pyr_status pyr_registry_define(bool stored, pyr_registry_definition *out, pyr_error *error) {
    static const int32_t key[] = {PYR_MODEL_NAME};
    int32_t count = stored ? PYR_MODEL_COLUMNS_STORED : PYR_MODEL_COLUMNS;
    memset(out, 0, sizeof(*out));
    pyr_status status = create_schema(count, &out->schema, error);
    if (status == PYR_OK) {
        status = print_types(count, &out->sql_types, error);
    }
    if (status == PYR_OK) {
        status = pyr_constraints_create(count, &out->constraints, error);
    }
    if (status == PYR_OK) {
        status = pyr_constraints_add_key(out->constraints, true, "", key, 1, error);
    }
    if (status != PYR_OK) {
        pyr_registry_definition_deinit(out);
        return status;
    }
    out->table = (pyr_table_definition){.schema_name = "main",
                                        .name = PYR_REGISTRY_TABLE,
                                        .schema = out->schema,
                                        .sql_types = out->sql_types,
                                        .constraints = out->constraints};
    return PYR_OK;
}

void pyr_registry_definition_deinit(pyr_registry_definition *definition) {
    pyr_schema_release(definition->schema);
    pyr_constraints_release(definition->constraints);
    free(definition->sql_types);
    memset(definition, 0, sizeof(*definition));
}

bool pyr_registry_is_named(const char *schema_name, const char *name) {
    return strcasecmp(name, PYR_REGISTRY_TABLE) == 0 &&
           (schema_name == NULL || strcasecmp(schema_name, "main") == 0);
}

static bool has_columns(const pyr_table *table, int32_t count) {
    bool same = pyr_registry_is_named(table->schema_name, table->name) &&
                pyr_table_is_keyed(table) && table->schema->fields_count == count;
    for (int32_t i = 0; same && i < count; ++i) {
        same = strcmp(table->schema->fields[i]->name, columns[i].name) == 0;
    }
    return same;
}

bool pyr_registry_is_stored(const pyr_table *table) {
    return has_columns(table, PYR_MODEL_COLUMNS_STORED);
}

bool pyr_registry_is_seen(const pyr_table *table) {
    return table->id == 0 && has_columns(table, PYR_MODEL_COLUMNS);
}

pyr_status pyr_registry_check_assigned(int32_t place, int32_t offset, pyr_error *error) {
    return place >= 0 && place < PYR_MODEL_COLUMNS && columns[place].settable
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_SQL, "428C9", offset,
                                   "column \"%s\" of model_registry is read from the model's "
                                   "files: SET path = path reads them anew",
                                   place >= 0 && place < PYR_MODEL_COLUMNS ? columns[place].name
                                                                           : "");
}
