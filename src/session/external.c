/* external.c - CREATE EXTERNAL TABLE, ALTER EXTERNAL TABLE REFRESH, and what an external table does
 * not take. A table is registered with what its files are now; they stay where they are.
 */
#include "session/external.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is to be registered, collected step by step. */
typedef struct registration {
    pyr_execution *execution;
    pyr_external_format format;
    const pyr_external *before; /* REFRESH: what was registered; NULL: nothing */
    const char *location;       /* absolute */
    const char *metadata;
    uint8_t flags;
    bool find_keys;
    const pyr_table_option *options; /* the format first */
    size_t options_count;
    pyr_schema *columns; /* of the files; NULL until they are found; owned */
    size_t keys_count;
    char *key_names[PYR_HIVE_PARTS_MAX]; /* in the arena */
    pyr_field *keys[PYR_HIVE_PARTS_MAX]; /* NULL until the type is found; owned */
    const pyr_object_store *store;
    pyr_object_list objects;
    pyr_hive_path *paths; /* of objects */
} registration;

static void registration_deinit(registration *self) {
    for (size_t i = 0; self->paths != NULL && i < self->objects.count; ++i) {
        pyr_hive_path_deinit(&self->paths[i]);
    }
    free(self->paths);
    pyr_object_list_deinit(&self->objects);
    for (size_t i = 0; i < PYR_HIVE_PARTS_MAX; ++i) {
        pyr_field_release(self->keys[i]);
    }
    pyr_schema_release(self->columns);
}

/* ---- The files. ---- */

static pyr_status list_files(registration *self, pyr_error *error) {
    const pyr_file_access *access = &self->execution->connection->files;
    PYR_TRY(self->before != NULL
                ? pyr_external_list(self->before, access, &self->store, &self->objects, error)
                : pyr_external_list_location(self->format, self->location, access, &self->store,
                                             &self->objects, error));
    if (self->objects.count == 0 && self->columns == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58P01", -1,
                                 "no file is at \"%s\": without one the columns must be given",
                                 self->location);
    }
    for (size_t i = 0; i < self->objects.count; ++i) {
        PYR_TRY(pyr_cancel_flag_check(&self->execution->cancel, error));
        PYR_TRY(pyr_external_check_content(self->store, self->format, self->objects.objects[i].path,
                                           error));
    }
    return PYR_OK;
}

/* ---- Partitions. ---- */

/* Keys are found behind the fixed part of the location; those that were named may stand anywhere.
 */
static pyr_status read_paths(registration *self, pyr_error *error) {
    size_t from = self->find_keys ? pyr_object_location_fixed(self->location) : 0;
    self->paths = calloc(self->objects.count + 1, sizeof(*self->paths));
    if (self->paths == NULL) {
        return pyr_error_memory(error, self->objects.count * sizeof(*self->paths));
    }
    for (size_t i = 0; i < self->objects.count && (self->find_keys || self->keys_count > 0); ++i) {
        PYR_TRY(pyr_hive_path_parse(self->objects.objects[i].path, from, &self->paths[i], error));
    }
    return PYR_OK;
}

/* The keys of the first path, where all paths have just these. */
static pyr_status find_keys(registration *self, pyr_error *error) {
    const pyr_hive_path *first = &self->paths[0];
    size_t count = self->objects.count > 0 ? first->count : 0;
    for (size_t i = 1; count > 0 && i < self->objects.count; ++i) {
        bool same = self->paths[i].count == first->count;
        for (size_t j = 0; same && j < first->count; ++j) {
            same = strcmp(self->paths[i].parts[j].key, first->parts[j].key) == 0;
        }
        count = same ? count : 0;
    }
    for (size_t i = 0; i < count; ++i) {
        self->key_names[i] = pyr_arena_strdup(&self->execution->arena, first->parts[i].key);
        if (self->key_names[i] == NULL) {
            return pyr_arena_error(&self->execution->arena, error);
        }
    }
    self->keys_count = count;
    return PYR_OK;
}

static bool is_integer(const char *value) {
    size_t digits = strspn(value + (*value == '-'), "0123456789");
    return digits > 0 && digits <= 18 && value[digits + (*value == '-')] == '\0';
}

static bool is_date(const char *value) {
    static const char pattern[] = "dddd-dd-dd";
    size_t i = 0;
    for (; pattern[i] != '\0'; ++i) {
        if (pattern[i] == 'd' ? !isdigit((unsigned char)value[i]) : value[i] != pattern[i]) {
            return false;
        }
    }
    return value[i] == '\0';
}

/* BIGINT, DATE or VARCHAR, by all values. */
static const char *type_of_values(const registration *self, const char *key) {
    bool integer = true;
    bool date = true;
    bool any = false;
    for (size_t i = 0; i < self->objects.count; ++i) {
        const pyr_hive_part *part = pyr_hive_path_find(&self->paths[i], key);
        if (part == NULL || part->value == NULL) {
            continue;
        }
        any = true;
        integer = integer && is_integer(part->value);
        date = date && is_date(part->value);
    }
    return !any ? "VARCHAR" : integer ? "BIGINT" : date ? "DATE" : "VARCHAR";
}

static pyr_status check_key(const registration *self, const char *key, pyr_error *error) {
    for (size_t i = 0; i < self->objects.count; ++i) {
        if (pyr_hive_path_find(&self->paths[i], key) == NULL) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                     "file \"%s\": its path has no partition \"%s\"",
                                     self->objects.objects[i].path, key);
        }
        /* DuckDB takes them by their spelling in the first path. */
        if (strcmp(pyr_hive_path_find(&self->paths[i], key)->key,
                   pyr_hive_path_find(&self->paths[0], key)->key) != 0) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                     "file \"%s\": the partition \"%s\" is not spelled as in the "
                                     "first file's path",
                                     self->objects.objects[i].path, key);
        }
    }
    return PYR_OK;
}

static pyr_status settle_keys(registration *self, pyr_error *error) {
    PYR_TRY(read_paths(self, error));
    if (self->find_keys) {
        PYR_TRY(find_keys(self, error));
    }
    for (size_t i = 0; i < self->keys_count; ++i) {
        PYR_TRY(check_key(self, self->key_names[i], error));
        if (self->keys[i] == NULL) {
            const char *type = type_of_values(self, self->key_names[i]);
            char *normalized = NULL;
            PYR_TRY(pyr_sql_type_parse(type, strlen(type), self->key_names[i],
                                       &self->execution->arena, &self->keys[i], &normalized,
                                       error));
        }
    }
    return PYR_OK;
}

/* ---- Columns. ---- */

static bool is_key(const registration *self, const char *name) {
    for (size_t i = 0; i < self->keys_count; ++i) {
        if (strcasecmp(self->key_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The columns without those that the paths give. */
static pyr_status drop_keys(registration *self, pyr_error *error) {
    pyr_schema *columns = self->columns;
    pyr_field **fields = calloc((size_t)columns->fields_count + 1, sizeof(pyr_field *));
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)columns->fields_count * sizeof(pyr_field *));
    }
    int32_t count = 0;
    for (int32_t i = 0; i < columns->fields_count; ++i) {
        if (!is_key(self, columns->fields[i]->name)) {
            fields[count++] = columns->fields[i];
        }
    }
    self->columns = NULL;
    pyr_status status = pyr_schema_create(fields, count, NULL, &self->columns, error);
    pyr_schema_release(columns);
    free(fields);
    return status;
}

static bool has_names(const registration *self) {
    return self->format != PYR_EXTERNAL_JSON &&
           pyr_external_option_is(self->options, self->options_count, "header", true);
}

/* From the first file, or held against it. */
static pyr_status settle_columns(registration *self, pyr_error *error) {
    if (self->objects.count > 0 && (self->columns == NULL || has_names(self))) {
        const pyr_stored_object *first = &self->objects.objects[0];
        pyr_external_source source = {.format = self->format,
                                      .options = self->options,
                                      .options_count = self->options_count,
                                      .objects = first,
                                      .objects_count = 1,
                                      .location = self->location,
                                      .confined = (self->flags & PYR_EXTERNAL_CONFINED) != 0};
        pyr_schema *found = NULL;
        PYR_TRY(pyr_external_describe(self->execution, &source, &found, error));
        if (self->columns != NULL) {
            pyr_status status = drop_keys(self, error);
            if (status == PYR_OK) {
                status = pyr_external_check_columns(first->path, self->format, self->columns,
                                                    self->columns->fields_count, found, error);
            }
            pyr_schema_release(found);
            return status;
        }
        self->columns = found;
    }
    return drop_keys(self, error);
}

/* The files' columns, then the partitions'. */
static pyr_status whole_schema(const registration *self, pyr_schema **out, pyr_error *error) {
    size_t columns = (size_t)self->columns->fields_count;
    pyr_field **fields = calloc(columns + self->keys_count + 1, sizeof(pyr_field *));
    if (fields == NULL) {
        return pyr_error_memory(error, (columns + self->keys_count) * sizeof(pyr_field *));
    }
    pyr_status status = PYR_OK;
    size_t count = 0;
    for (; status == PYR_OK && count < columns + self->keys_count; ++count) {
        bool key = count >= columns;
        pyr_field *from = key ? self->keys[count - columns] : self->columns->fields[count];
        status = pyr_field_with(from, key ? self->key_names[count - columns] : from->name, true,
                                from->metadata, &fields[count], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, out, error);
    }
    for (size_t i = 0; i < columns + self->keys_count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

static pyr_status types_json(const pyr_schema *schema, char **out, pyr_error *error) {
    pyr_text text;
    pyr_text type;
    pyr_text_init(&text);
    pyr_text_init(&type);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_text_clear(&type);
        pyr_sql_type_print(schema->fields[i], &type);
        pyr_text_add(&text, i > 0 ? ", " : "[");
        pyr_text_add_json(&text, pyr_text_get(&type), type.length);
    }
    pyr_text_add_char(&text, ']');
    text.failed |= type.failed;
    pyr_status status = pyr_text_check(&text, error);
    *out = status == PYR_OK ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    pyr_text_deinit(&type);
    return status;
}

/* ---- What is kept. ---- */

/* The objects become the files' own. */
static pyr_status make_files(registration *self, pyr_external_file **out, pyr_error *error) {
    size_t count = self->objects.count;
    pyr_external_file *files = calloc(count + 1, sizeof(*files));
    if (files == NULL) {
        return pyr_error_memory(error, count * sizeof(*files));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < count; ++i) {
        files[i].object = self->objects.objects[i];
        memset(&self->objects.objects[i], 0, sizeof(pyr_stored_object));
        if (status == PYR_OK && (self->flags & PYR_EXTERNAL_HASH) != 0) {
            status = pyr_external_hash(pyr_database_pool(self->execution->connection->db),
                                       &self->execution->cancel, self->store, &files[i], error);
        }
    }
    if (status != PYR_OK) {
        pyr_external_files_free(files, count);
        return status;
    }
    *out = files;
    return PYR_OK;
}

static pyr_status make_external(registration *self, pyr_external **out, pyr_error *error) {
    pyr_external_file *files = NULL;
    PYR_TRY(make_files(self, &files, error));
    return pyr_external_create(self->format, self->location, self->metadata, self->flags,
                               (int32_t)self->keys_count, files, self->objects.count, out, error);
}

/* definition: name and schema name are the caller's; what it points to is the caller's to release:
 * definition_deinit. */
static pyr_status settle(registration *self, pyr_table_definition *definition, pyr_error *error) {
    char *types = NULL;
    PYR_TRY(list_files(self, error));
    PYR_TRY(settle_keys(self, error));
    PYR_TRY(settle_columns(self, error));
    PYR_TRY(whole_schema(self, &definition->schema, error));
    PYR_TRY(types_json(definition->schema, &types, error));
    definition->sql_types = types;
    definition->options = self->options;
    definition->options_count = self->options_count;
    return make_external(self, &definition->external, error);
}

static void definition_deinit(pyr_table_definition *definition) {
    pyr_schema_release(definition->schema);
    pyr_external_release(definition->external);
    free((char *)definition->sql_types);
}

/* ---- CREATE EXTERNAL TABLE. ---- */

static pyr_status format_of(const pyr_parsed *parsed, pyr_external_format *out, pyr_error *error) {
    for (int i = 0; i < PYR_EXTERNAL_FORMATS; ++i) {
        if (strcmp(parsed->stored_as, pyr_external_format_name((pyr_external_format)i)) == 0) {
            *out = (pyr_external_format)i;
            return PYR_OK;
        }
    }
    return pyr_error_set_sql(
        error, PYR_ERROR_SQL, "22023", -1,
        "STORED AS %s: there are PARQUET, ARROW, CSV, JSON, SAFETENSORS and ZARR",
        parsed->stored_as);
}

static pyr_status refuse_constraints(const pyr_parsed *parsed, pyr_error *error) {
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        const pyr_column_definition *column = &parsed->columns[i];
        if (column->not_null || column->primary_key || column->unique ||
            column->default_value.text != NULL) {
            return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                     (int32_t)column->offset,
                                     "column \"%s\": an external table has no constraints, its "
                                     "files are not ours",
                                     column->name);
        }
    }
    if (parsed->constraints_count > 0 || parsed->temporary) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "%s are not supported",
                             parsed->temporary ? "temporary external tables"
                                               : "constraints of an external table");
    }
    return PYR_OK;
}

static pyr_status take_metadata(registration *self, const pyr_option_value *option,
                                pyr_error *error) {
    const char *value = option->value != NULL ? option->value : "";
    json_error_t problem;
    json_t *json = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);
    if (json == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", (int32_t)option->offset,
                                 "option metadata: no JSON: %s", problem.text);
    }
    json_decref(json);
    self->metadata = value;
    return PYR_OK;
}

static pyr_status take_options(registration *self, const pyr_parsed *parsed, pyr_error *error) {
    pyr_table_option *options =
        pyr_arena_array(&self->execution->arena, parsed->options_count + 1, sizeof(*options));
    if (options == NULL) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    options[self->options_count++] = (pyr_table_option){
        (char *)PYR_EXTERNAL_OPTION, (char *)pyr_external_format_name(self->format)};
    for (size_t i = 0; i < parsed->options_count; ++i) {
        const pyr_option_value *option = &parsed->options[i];
        PYR_TRY(pyr_external_check_option(self->format, option, error));
        if (strcmp(option->name, "metadata") == 0) {
            PYR_TRY(take_metadata(self, option, error));
            continue;
        }
        options[self->options_count++] = (pyr_table_option){
            option->name, option->value != NULL ? option->value : (char *)"true"};
    }
    self->options = options;
    if (pyr_external_option_is(options, self->options_count, "hash", false)) {
        self->flags |= PYR_EXTERNAL_HASH;
    }
    self->find_keys =
        parsed->partitions_count == 0 &&
        pyr_external_option_is(options, self->options_count, "hive_partitioning", true);
    return PYR_OK;
}

static pyr_status take_columns(registration *self, const pyr_parsed *parsed, pyr_error *error) {
    if (parsed->columns_count == 0) {
        return PYR_OK;
    }
    pyr_field **fields = calloc(parsed->columns_count, sizeof(pyr_field *));
    if (fields == NULL) {
        return pyr_error_memory(error, parsed->columns_count * sizeof(pyr_field *));
    }
    for (size_t i = 0; i < parsed->columns_count; ++i) {
        fields[i] = parsed->columns[i].field;
    }
    pyr_status status =
        pyr_schema_create(fields, (int32_t)parsed->columns_count, NULL, &self->columns, error);
    free(fields);
    self->flags |= PYR_EXTERNAL_COLUMNS;
    return status;
}

/* A partition column named without a type has that of the column list, if it stands there. */
static pyr_status take_partitions(registration *self, const pyr_parsed *parsed, pyr_error *error) {
    if (parsed->partitions_count > PYR_HIVE_PARTS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "more than %d partition columns",
                             PYR_HIVE_PARTS_MAX);
    }
    for (size_t i = 0; i < parsed->partitions_count; ++i) {
        const pyr_column_definition *column = &parsed->partitions[i];
        if (is_key(self, column->name)) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", (int32_t)column->offset,
                                     "partition column \"%s\" stands twice", column->name);
        }
        pyr_field *field = column->field;
        int32_t place =
            self->columns != NULL ? pyr_schema_find(self->columns, column->name, true) : -1;
        field = field == NULL && place >= 0 ? self->columns->fields[place] : field;
        self->key_names[self->keys_count] = column->name;
        self->keys[self->keys_count++] = field != NULL ? pyr_field_retain(field) : NULL;
        self->flags |= PYR_EXTERNAL_PARTITIONS;
    }
    return PYR_OK;
}

/* A restricted session's without links: external_list.c. */
static pyr_status settle_location(registration *self, const char *location, char **out,
                                  pyr_error *error) {
    char *absolute = NULL;
    PYR_TRY(pyr_object_location(location, &absolute, error));
    if (self->execution->connection->files.unrestricted) {
        *out = absolute;
        return PYR_OK;
    }
    self->flags |= PYR_EXTERNAL_CONFINED;
    pyr_status status = pyr_object_location_resolve(absolute, out, error);
    free(absolute);
    return status;
}

static pyr_status take_location(registration *self, const char *location, pyr_error *error) {
    char *settled = NULL;
    const pyr_object_store *store = NULL;
    PYR_TRY(pyr_object_store_of(location, &store, error));
    PYR_TRY(pyr_file_access_check(&self->execution->connection->files, location, error));
    PYR_TRY(settle_location(self, location, &settled, error));
    self->location = pyr_arena_strdup(&self->execution->arena, settled);
    free(settled);
    return self->location != NULL ? PYR_OK : pyr_arena_error(&self->execution->arena, error);
}

static pyr_status take_statement(registration *self, const pyr_parsed *parsed, pyr_error *error) {
    PYR_TRY(format_of(parsed, &self->format, error));
    PYR_TRY(refuse_constraints(parsed, error));
    PYR_TRY(take_options(self, parsed, error));
    PYR_TRY(take_location(self, parsed->path, error));
    PYR_TRY(take_columns(self, parsed, error));
    return take_partitions(self, parsed, error);
}

static pyr_status wrong_kind(const pyr_table *table, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42809", -1, "\"%s\" is %s external table",
                             table->name, table->external != NULL ? "an" : "no");
}

pyr_status pyr_run_create_external(pyr_execution *execution, const pyr_parsed *parsed,
                                   pyr_result *out, pyr_error *error) {
    registration self = {.execution = execution, .metadata = "{}"};
    pyr_table_definition definition = {.schema_name = parsed->table.schema_name,
                                       .name = parsed->table.name};
    pyr_create_mode mode = parsed->or_replace      ? PYR_CREATE_OR_REPLACE
                           : parsed->if_not_exists ? PYR_CREATE_IF_NOT_EXISTS
                                                   : PYR_CREATE_NEW;
    PYR_TRY(pyr_check_writable(execution, "CREATE EXTERNAL TABLE", error));
    const pyr_table *existing =
        pyr_snapshot_find(execution->snapshot, parsed->table.schema_name, parsed->table.name);
    if (existing != NULL && mode == PYR_CREATE_IF_NOT_EXISTS) {
        return pyr_result_message(out, error, "CREATE EXTERNAL TABLE (already there)");
    }
    if (existing != NULL && mode == PYR_CREATE_NEW) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07",
                                 (int32_t)parsed->table.offset, "table \"%s\" already exists",
                                 existing->name);
    }
    if (existing != NULL && existing->external == NULL) {
        return wrong_kind(existing, error);
    }
    bool created = false;
    pyr_status status = take_statement(&self, parsed, error);
    if (status == PYR_OK) {
        status = settle(&self, &definition, error);
    }
    if (status == PYR_OK) {
        status = pyr_execution_create_table(execution, &definition, mode, &created, error);
    }
    if (status == PYR_OK) {
        status = pyr_result_message(out, error, "CREATE EXTERNAL TABLE%s",
                                    created ? "" : " (already there)");
    }
    definition_deinit(&definition);
    registration_deinit(&self);
    return status;
}

/* ---- REFRESH. ---- */

static pyr_status take_keys(registration *self, const pyr_table *table, pyr_error *error) {
    int32_t first = table->schema->fields_count - table->external->partitions_count;
    for (int32_t i = first; i < table->schema->fields_count; ++i) {
        pyr_field *field = table->schema->fields[i];
        self->key_names[self->keys_count] = pyr_arena_strdup(&self->execution->arena, field->name);
        if (self->key_names[self->keys_count] == NULL) {
            return pyr_arena_error(&self->execution->arena, error);
        }
        self->keys[self->keys_count++] = pyr_field_retain(field);
    }
    return PYR_OK;
}

/* What the user declared stays; what was found is found anew. */
static pyr_status take_table(registration *self, const pyr_table *table, pyr_error *error) {
    const pyr_external *external = table->external;
    self->before = external;
    self->format = external->format;
    self->location = external->location;
    self->metadata = external->metadata;
    self->flags = external->flags;
    self->options = table->options;
    self->options_count = table->options_count;
    self->find_keys =
        (external->flags & PYR_EXTERNAL_PARTITIONS) == 0 &&
        pyr_external_option_is(table->options, table->options_count, "hive_partitioning", true);
    if (!self->find_keys) {
        PYR_TRY(take_keys(self, table, error));
    }
    return (external->flags & PYR_EXTERNAL_COLUMNS) == 0
               ? PYR_OK
               : pyr_schema_create(table->schema->fields,
                                   table->schema->fields_count - external->partitions_count, NULL,
                                   &self->columns, error);
}

/* One change: the table as it was goes, the new one comes. */
static pyr_status exchange(pyr_change *change, const pyr_table *before, pyr_table *after,
                           pyr_error *error) {
    bool created = false;
    PYR_TRY(pyr_change_drop_table(change, before, error));
    return pyr_change_create_table(change, after, PYR_CREATE_NEW, &created, error);
}

static pyr_status exchange_now(pyr_execution *execution, const pyr_table *before, pyr_table *after,
                               pyr_error *error) {
    pyr_catalog *catalog = execution->connection->db->catalog;
    pyr_snapshot *current = NULL;
    pyr_change *change = NULL;
    PYR_TRY(pyr_catalog_snapshot(catalog, &current, error));
    pyr_status status = pyr_change_create(catalog, current, &change, error);
    if (status == PYR_OK) {
        status = exchange(change, before, after, error);
    }
    if (status == PYR_OK) {
        status = pyr_change_commit(change, true, error);
    }
    pyr_change_destroy(change);
    pyr_snapshot_release(current);
    return status;
}

pyr_status pyr_run_refresh_external(pyr_execution *execution, const pyr_parsed *parsed,
                                    pyr_result *out, pyr_error *error) {
    pyr_table *table = NULL;
    PYR_TRY(pyr_check_writable(execution, "ALTER EXTERNAL TABLE", error));
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
    if (table->external == NULL) {
        return wrong_kind(table, error);
    }
    registration self = {.execution = execution};
    pyr_table_definition definition = {.schema_name = table->schema_name, .name = table->name};
    pyr_table *after = NULL;
    pyr_status status = take_table(&self, table, error);
    if (status == PYR_OK) {
        status = settle(&self, &definition, error);
    }
    if (status == PYR_OK) {
        status =
            pyr_catalog_new_table(execution->connection->db->catalog, &definition, &after, error);
    }
    if (status == PYR_OK && execution->change != NULL) {
        status = exchange(execution->change, table, after, error);
    } else if (status == PYR_OK) {
        status = exchange_now(execution, table, after, error);
    }
    if (status == PYR_OK) {
        status = pyr_result_message(out, error, "ALTER EXTERNAL TABLE");
    }
    pyr_table_release(after);
    definition_deinit(&definition);
    registration_deinit(&self);
    return status;
}

/* ---- What is not for external tables. ---- */

static const char *refused_statement(const pyr_parsed *parsed) {
    switch (parsed->kind) {
    case PYR_PARSED_INSERT:
        return "INSERT";
    case PYR_PARSED_DELETE:
        return "DELETE";
    case PYR_PARSED_UPDATE:
        return "UPDATE";
    case PYR_PARSED_TRUNCATE:
        return "TRUNCATE";
    case PYR_PARSED_MERGE:
        return "MERGE";
    case PYR_PARSED_COPY_FROM:
        return "COPY";
    default:
        return NULL;
    }
}

pyr_status pyr_externals_refuse(const pyr_execution *execution, const pyr_parsed *parsed,
                                pyr_error *error) {
    bool drop = parsed->kind == PYR_PARSED_DROP_TABLE;
    bool replace = parsed->kind == PYR_PARSED_CREATE_TABLE && parsed->or_replace;
    const char *what = refused_statement(parsed);
    const pyr_table *table =
        what != NULL || drop || replace
            ? pyr_snapshot_find(execution->snapshot, parsed->table.schema_name, parsed->table.name)
            : NULL;
    if (table == NULL || (table->external != NULL) == (drop && parsed->external)) {
        return PYR_OK;
    }
    if (drop) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42809", (int32_t)parsed->table.offset,
                                 "\"%s\" is %s external table: DROP %sTABLE removes it",
                                 table->name, table->external != NULL ? "an" : "no",
                                 table->external != NULL ? "EXTERNAL " : "");
    }
    if (table->external == NULL) {
        return PYR_OK;
    }
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "42809", (int32_t)parsed->table.offset,
                             "\"%s\" is an external table: %s is not for it, its files are only "
                             "read",
                             table->name, what != NULL ? what : "CREATE OR REPLACE TABLE");
}

void pyr_external_show_create(const pyr_table *table, pyr_text *out) {
    const pyr_external *external = table->external;
    int32_t columns = table->schema->fields_count - external->partitions_count;
    for (int32_t i = 0; i < columns; ++i) {
        pyr_text_add(out, i > 0 ? ", " : " (");
        pyr_sql_quote_name(table->schema->fields[i]->name, out);
        pyr_text_add_char(out, ' ');
        pyr_sql_type_print(table->schema->fields[i], out);
    }
    pyr_text_printf(out, "%s STORED AS %s LOCATION ", columns > 0 ? ")" : "",
                    pyr_external_format_name(external->format));
    pyr_sql_quote_string(external->location, out);
    for (int32_t i = columns; i < table->schema->fields_count; ++i) {
        pyr_text_add(out, i > columns ? ", " : " PARTITIONED BY (");
        pyr_sql_quote_name(table->schema->fields[i]->name, out);
        pyr_text_add_char(out, ' ');
        pyr_sql_type_print(table->schema->fields[i], out);
    }
    pyr_text_add(out, external->partitions_count > 0 ? ")" : "");
    const char *before = " WITH (";
    for (size_t i = 0; i < table->options_count; ++i) {
        if (strcmp(table->options[i].name, PYR_EXTERNAL_OPTION) != 0) {
            pyr_text_printf(out, "%s\"%s\" = ", before, table->options[i].name);
            pyr_sql_quote_string(table->options[i].value, out);
            before = ", ";
        }
    }
    if (strcmp(external->metadata, "{}") != 0) {
        pyr_text_printf(out, "%smetadata = ", before);
        pyr_sql_quote_string(external->metadata, out);
        before = ", ";
    }
    pyr_text_add(out, strcmp(before, ", ") == 0 ? ");" : ";");
}
