/* external_scan.c - what a statement reads of the external tables it names: their files as they are
 * now, without those that its conditions on partitions exclude.
 *
 * Arrow and Safetensors files and Zarr stores become segments that both engines read by reference;
 * files of other formats, and those whose types or partitions need an expression, become a query
 * that DuckDB runs in the table's place. A table that cannot be listed is an error where it is
 * read, not where a word of the statement happens to be its name.
 */
#include "session/external.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one table's files are while it is made ready. */
typedef struct reading {
    pyr_execution *execution;
    const pyr_table *table;
    const pyr_object_store *store;
    pyr_object_list files; /* those kept come first after pruning: kept_count */
    pyr_hive_path *paths;  /* of files; NULL where the table has no partitions */
    size_t kept_count;
    pyr_external_scan *scan;
    pyr_segment **segments; /* of the kept files; ZARR: of the store */
    size_t segments_count;
    pyr_table **helpers; /* of files that are alike */
    size_t helpers_count;
} reading;

/* ---- Comparing. ---- */

pyr_status pyr_external_compare(const pyr_external *external, const pyr_object_list *now,
                                pyr_status (*visit)(void *context, pyr_external_state state,
                                                    const pyr_external_file *file,
                                                    const pyr_stored_object *now, pyr_error *error),
                                void *context, pyr_error *error) {
    size_t i = 0;
    size_t j = 0;
    while (i < external->files_count || j < now->count) {
        const pyr_external_file *file = i < external->files_count ? &external->files[i] : NULL;
        const pyr_stored_object *object = j < now->count ? &now->objects[j] : NULL;
        int order = file == NULL     ? 1
                    : object == NULL ? -1
                                     : strcmp(file->object.path, object->path);
        pyr_external_state state = order < 0   ? PYR_EXTERNAL_MISSING
                                   : order > 0 ? PYR_EXTERNAL_NEW
                                   : pyr_stored_object_same_state(&file->object, object)
                                       ? PYR_EXTERNAL_OK
                                       : PYR_EXTERNAL_CHANGED;
        PYR_TRY(visit(context, state, order > 0 ? NULL : file, order < 0 ? NULL : object, error));
        i += order <= 0;
        j += order >= 0;
    }
    return PYR_OK;
}

typedef struct drift {
    size_t counts[PYR_EXTERNAL_NEW + 1];
    const char *first; /* path of the first that is not as it was */
} drift;

static pyr_status count_drift(void *context, pyr_external_state state,
                              const pyr_external_file *file, const pyr_stored_object *now,
                              pyr_error *error) {
    drift *self = context;
    (void)error;
    ++self->counts[state];
    if (state != PYR_EXTERNAL_OK && self->first == NULL) {
        self->first = now != NULL ? now->path : file->object.path;
    }
    return PYR_OK;
}

static void add_count(pyr_text *out, size_t count, const char *what) {
    if (count > 0) {
        pyr_text_printf(out, "%s%zu %s", out->length > 0 ? ", " : "", count, what);
    }
}

static pyr_status note_drift(reading *self, pyr_error *error) {
    drift found = {.first = NULL};
    PYR_TRY(pyr_external_compare(self->table->external, &self->files, count_drift, &found, error));
    if (found.first == NULL) {
        return PYR_OK;
    }
    pyr_text what;
    pyr_text_init(&what);
    add_count(&what, found.counts[PYR_EXTERNAL_CHANGED], "changed");
    add_count(&what, found.counts[PYR_EXTERNAL_MISSING], "missing");
    add_count(&what, found.counts[PYR_EXTERNAL_NEW], "new");
    pyr_execution_notice(self->execution,
                         "external table \"%s\": files are not as they were registered: %s, first "
                         "\"%s\"; ALTER EXTERNAL TABLE %s REFRESH takes the new state",
                         self->table->name, pyr_text_get(&what), found.first, self->table->name);
    pyr_text_deinit(&what);
    return PYR_OK;
}

/* ---- Partitions and pruning. ---- */

static const pyr_field *key_field(const reading *self, int32_t key) {
    const pyr_schema *schema = self->table->schema;
    return schema->fields[schema->fields_count - self->table->external->partitions_count + key];
}

static pyr_status read_partitions(reading *self, pyr_error *error) {
    int32_t keys = self->table->external->partitions_count;
    if (keys == 0) {
        return PYR_OK;
    }
    self->paths = calloc(self->files.count + 1, sizeof(*self->paths));
    if (self->paths == NULL) {
        return pyr_error_memory(error, self->files.count * sizeof(*self->paths));
    }
    for (size_t i = 0; i < self->files.count; ++i) {
        const char *path = self->files.objects[i].path;
        PYR_TRY(pyr_hive_path_parse(path, 0, &self->paths[i], error));
        for (int32_t j = 0; j < keys; ++j) {
            if (pyr_hive_path_find(&self->paths[i], key_field(self, j)->name) == NULL) {
                return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                         "file \"%s\": its path has no partition \"%s\"", path,
                                         key_field(self, j)->name);
            }
        }
    }
    return PYR_OK;
}

/* Brings what is kept to the front, in order. */
static void move_kept(reading *self, const bool *kept) {
    for (size_t i = 0; i < self->files.count; ++i) {
        if (!kept[i]) {
            continue;
        }
        size_t to = self->kept_count++;
        pyr_stored_object object = self->files.objects[to];
        pyr_hive_path path = self->paths[to];
        self->files.objects[to] = self->files.objects[i];
        self->paths[to] = self->paths[i];
        self->files.objects[i] = object;
        self->paths[i] = path;
    }
}

static pyr_status prune(reading *self, const char *sql, size_t length, pyr_batch *params,
                        pyr_error *error) {
    self->kept_count = self->files.count;
    if (self->paths == NULL) {
        return PYR_OK;
    }
    bool *kept = pyr_arena_array(&self->execution->arena, self->files.count + 1, sizeof(*kept));
    if (kept == NULL) {
        return pyr_arena_error(&self->execution->arena, error);
    }
    memset(kept, true, self->files.count * sizeof(*kept));
    PYR_TRY(pyr_external_prune(self->execution, self->table, sql, length, params, self->paths,
                               self->files.count, kept, error));
    self->kept_count = 0;
    move_kept(self, kept);
    return PYR_OK;
}

/* ---- Files that are not as they were registered. ---- */

static pyr_schema *file_columns(const reading *self, pyr_error *error) {
    const pyr_schema *schema = self->table->schema;
    int32_t count = schema->fields_count - self->table->external->partitions_count;
    pyr_schema *out = NULL;
    (void)!pyr_schema_create(schema->fields, count, NULL, &out, error);
    return out;
}

/* A JSON object may leave keys out, and what its values are is seen when they are read. */
static pyr_status check_file(reading *self, const pyr_stored_object *object, pyr_error *error) {
    const pyr_table *table = self->table;
    pyr_external_format format = table->external->format;
    PYR_TRY(pyr_external_check_content(self->store, format, object->path, error));
    if (format == PYR_EXTERNAL_JSON || pyr_external_has_segments(format) ||
        !pyr_external_option_is(table->options, table->options_count, "header", true)) {
        return PYR_OK;
    }
    pyr_schema *found = NULL;
    pyr_external_source source = {.format = format,
                                  .options = table->options,
                                  .options_count = table->options_count,
                                  .objects = object,
                                  .objects_count = 1};
    PYR_TRY(pyr_external_describe(self->execution, &source, &found, error));
    pyr_status status = pyr_external_check_columns(
        object->path, format, table->schema,
        table->schema->fields_count - table->external->partitions_count, found, error);
    pyr_schema_release(found);
    return status;
}

static pyr_status check_drifted(reading *self, pyr_error *error) {
    for (size_t i = 0; i < self->kept_count; ++i) {
        const pyr_stored_object *object = &self->files.objects[i];
        const pyr_external_file *file = pyr_external_find(self->table->external, object->path);
        if (file == NULL || !pyr_stored_object_same_state(&file->object, object)) {
            PYR_TRY(check_file(self, object, error));
        }
    }
    return PYR_OK;
}

/* ---- Queries over files. ---- */

static pyr_status set_sql(reading *self, pyr_text *text, pyr_error *error) {
    PYR_TRY(pyr_text_check(text, error));
    self->scan->sql = pyr_text_move(text);
    return self->scan->sql != NULL ? PYR_OK : pyr_error_memory(error, text->length);
}

static pyr_status read_nothing(reading *self, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_external_add_empty(self->table->schema, &text);
    pyr_status status = set_sql(self, &text, error);
    pyr_text_deinit(&text);
    return status;
}

static pyr_status read_by_duckdb(reading *self, pyr_error *error) {
    const pyr_table *table = self->table;
    int32_t keys = table->external->partitions_count;
    pyr_external_key list[PYR_HIVE_PARTS_MAX];
    for (int32_t i = 0; i < keys && i < PYR_HIVE_PARTS_MAX; ++i) {
        const pyr_field *field = key_field(self, i);
        list[i] = (pyr_external_key){pyr_hive_path_find(&self->paths[0], field->name)->key, field};
    }
    pyr_schema *columns = file_columns(self, error);
    if (columns == NULL) {
        return pyr_error_memory(error, sizeof(*columns));
    }
    pyr_external_source source = {.format = table->external->format,
                                  .options = table->options,
                                  .options_count = table->options_count,
                                  .columns = columns,
                                  .keys_count = (size_t)keys,
                                  .keys = list,
                                  .objects = self->files.objects,
                                  .objects_count = self->kept_count};
    pyr_text text;
    pyr_text_init(&text);
    pyr_status status = pyr_external_add_query(&source, &text, error);
    if (status == PYR_OK) {
        status = set_sql(self, &text, error);
    }
    self->scan->by_path = true;
    pyr_text_deinit(&text);
    pyr_schema_release(columns);
    return status;
}

/* ---- Files as segments. ---- */

static bool same_columns(const pyr_schema *a, const pyr_schema *b) {
    bool same = a->fields_count == b->fields_count;
    for (int32_t i = 0; same && i < a->fields_count; ++i) {
        same = strcmp(a->fields[i]->name, b->fields[i]->name) == 0 &&
               pyr_field_type_equal(a->fields[i], b->fields[i]);
    }
    return same;
}

static bool same_partition(const reading *self, size_t a, size_t b) {
    for (int32_t i = 0; i < self->table->external->partitions_count; ++i) {
        const char *name = key_field(self, i)->name;
        const char *x = pyr_hive_path_find(&self->paths[a], name)->value;
        const char *y = pyr_hive_path_find(&self->paths[b], name)->value;
        if ((x == NULL) != (y == NULL) || (x != NULL && strcmp(x, y) != 0)) {
            return false;
        }
    }
    return true;
}

/* schemas: of the segments; the caller releases them, on failure too. */
static pyr_status open_segments(reading *self, pyr_schema **schemas, pyr_error *error) {
    const pyr_table *table = self->table;
    const pyr_external *external = table->external;
    const pyr_external_source source = {.format = external->format,
                                        .options = table->options,
                                        .options_count = table->options_count,
                                        .location = external->location,
                                        .confined = (external->flags & PYR_EXTERNAL_CONFINED) != 0};
    for (size_t i = 0; i < self->segments_count; ++i) {
        const char *path = self->files.objects[i].path;
        pyr_query_ledger *ledger = &self->execution->ledger;
        PYR_TRY(pyr_external_segment(self->execution, &source, path, &self->segments[i], error));
        PYR_TRY(pyr_segment_schema(self->segments[i], ledger, &schemas[i], error));
        PYR_TRY(pyr_external_check_columns(path, external->format, table->schema,
                                           table->schema->fields_count - external->partitions_count,
                                           schemas[i], error));
        size_t batches = 0;
        PYR_TRY(pyr_segment_batches(self->segments[i], ledger, &batches, error));
    }
    return PYR_OK;
}

/* One branch: the columns of a helper table, and the partition's values. */
static void add_branch(const reading *self, size_t helper, size_t file, pyr_text *out) {
    const pyr_schema *schema = self->table->schema;
    int32_t keys = self->table->external->partitions_count;
    pyr_text expression;
    pyr_text_init(&expression);
    pyr_text_add(out, "SELECT ");
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        int32_t key = i - (schema->fields_count - keys);
        const char *value =
            key >= 0 ? pyr_hive_path_find(&self->paths[file], schema->fields[i]->name)->value
                     : NULL;
        bool text = schema->fields[i]->type == PYR_TYPE_UTF8;
        pyr_text_clear(&expression);
        if (key < 0) {
            pyr_text_add(&expression, "s.");
            pyr_sql_quote_name(schema->fields[i]->name, &expression);
        } else if (value == NULL || (value[0] == '\0' && !text)) {
            pyr_text_add(&expression, "NULL");
        } else {
            pyr_sql_quote_string(value, &expression);
        }
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_external_add_cast(pyr_text_get(&expression), schema->fields[i], out);
        pyr_text_add(out, " AS ");
        pyr_sql_quote_name(schema->fields[i]->name, out);
    }
    out->failed |= expression.failed;
    pyr_text_deinit(&expression);
    pyr_text_add(out, " FROM pyr_scan(");
    pyr_sql_quote_string(PYR_SYSTEM_SCHEMA, out);
    pyr_text_add(out, ", ");
    pyr_sql_quote_string(self->helpers[helper]->name, out);
    pyr_text_add(out, ") AS s");
}

/* A balanced tree: a list of thousands would be as deep. firsts: a file of each helper. */
static void add_branches(const reading *self, const size_t *firsts, size_t from, size_t to,
                         pyr_text *out) {
    if (to - from == 1) {
        add_branch(self, from, firsts[from], out);
        return;
    }
    size_t middle = from + (to - from) / 2;
    pyr_text_add_char(out, '(');
    add_branches(self, firsts, from, middle, out);
    pyr_text_add(out, ") UNION ALL (");
    add_branches(self, firsts, middle, to, out);
    pyr_text_add_char(out, ')');
}

/* A table of files [from, to), which are alike. */
static pyr_status add_helper(reading *self, pyr_schema *schema, size_t from, size_t to,
                             pyr_error *error) {
    char name[64];
    snprintf(name, sizeof(name), "external %" PRIu64 "/%zu", self->table->id, self->helpers_count);
    PYR_TRY(pyr_table_over_segments(PYR_SYSTEM_SCHEMA, name, schema, self->segments + from,
                                    to - from, &self->helpers[self->helpers_count], error));
    ++self->helpers_count;
    return PYR_OK;
}

static pyr_status read_by_helpers(reading *self, pyr_schema **schemas, pyr_error *error) {
    assert(self->segments_count > 0);
    size_t *firsts =
        pyr_arena_array(&self->execution->arena, self->segments_count + 1, sizeof(*firsts));
    self->helpers = calloc(self->segments_count + 1, sizeof(pyr_table *));
    if (firsts == NULL || self->helpers == NULL) {
        return pyr_error_memory(error, self->segments_count * sizeof(pyr_table *));
    }
    for (size_t from = 0, to; from < self->segments_count; from = to) {
        for (to = from + 1; to < self->segments_count && same_columns(schemas[from], schemas[to]) &&
                            same_partition(self, from, to);) {
            ++to;
        }
        firsts[self->helpers_count] = from;
        PYR_TRY(add_helper(self, schemas[from], from, to, error));
    }
    pyr_text text;
    pyr_text_init(&text);
    add_branches(self, firsts, 0, self->helpers_count, &text);
    pyr_status status = set_sql(self, &text, error);
    pyr_text_deinit(&text);
    return status;
}

/* By reference where the files are just what the table says, through a query where not. */
static pyr_status read_segments(reading *self, pyr_error *error) {
    /* The documents of a Zarr store are one table. */
    self->segments_count =
        self->table->external->format == PYR_EXTERNAL_ZARR ? 1 : self->kept_count;
    self->segments = calloc(self->segments_count + 1, sizeof(pyr_segment *));
    pyr_schema **schemas = calloc(self->segments_count + 1, sizeof(pyr_schema *));
    pyr_status status = self->segments != NULL && schemas != NULL
                            ? open_segments(self, schemas, error)
                            : pyr_error_memory(error, self->segments_count * sizeof(pyr_schema *));
    bool direct = status == PYR_OK && self->table->external->partitions_count == 0;
    for (size_t i = 0; direct && i < self->segments_count; ++i) {
        direct = same_columns(schemas[i], self->table->schema);
    }
    if (status == PYR_OK && !direct) {
        status = read_by_helpers(self, schemas, error);
    }
    for (size_t i = 0; schemas != NULL && i < self->segments_count; ++i) {
        pyr_schema_release(schemas[i]);
    }
    free(schemas);
    return status;
}

/* ---- One table. ---- */

static void reading_deinit(reading *self) {
    for (size_t i = 0; self->paths != NULL && i < self->files.count; ++i) {
        pyr_hive_path_deinit(&self->paths[i]);
    }
    free(self->paths);
    for (size_t i = 0; self->segments != NULL && i < self->segments_count; ++i) {
        pyr_segment_release(self->segments[i]);
    }
    free(self->segments);
    for (size_t i = 0; i < self->helpers_count; ++i) {
        pyr_table_release(self->helpers[i]);
    }
    free(self->helpers);
    pyr_object_list_deinit(&self->files);
    pyr_external_scan_release(self->scan);
}

static pyr_status list_files(reading *self, pyr_error *error) {
    const pyr_external *external = self->table->external;
    PYR_TRY(pyr_external_list(external, &self->execution->connection->files, &self->store,
                              &self->files, error));
    if (self->files.count == 0 && external->files_count > 0) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "58P01", -1,
                                 "external table \"%s\": no file is at \"%s\" any more",
                                 self->table->name, external->location);
    }
    return PYR_OK;
}

/* The kept files are the scan's; the others, and all paths, go with the reading. */
static pyr_status move_files(reading *self, pyr_error *error) {
    self->scan->files_total = self->files.count;
    self->scan->files.objects = calloc(self->kept_count + 1, sizeof(pyr_stored_object));
    if (self->scan->files.objects == NULL) {
        return pyr_error_memory(error, self->kept_count * sizeof(pyr_stored_object));
    }
    self->scan->files.count = self->kept_count;
    for (size_t i = 0; i < self->kept_count; ++i) {
        self->scan->files.objects[i] = self->files.objects[i];
        memset(&self->files.objects[i], 0, sizeof(pyr_stored_object));
    }
    return PYR_OK;
}

static pyr_status find_files(reading *self, const char *sql, size_t length, pyr_batch *params,
                             pyr_error *error) {
    PYR_TRY(list_files(self, error));
    PYR_TRY(note_drift(self, error));
    PYR_TRY(read_partitions(self, error));
    PYR_TRY(prune(self, sql, length, params, error));
    PYR_TRY(check_drifted(self, error));
    if (self->kept_count == 0) {
        PYR_TRY(read_nothing(self, error));
    } else if (pyr_external_has_segments(self->table->external->format)) {
        PYR_TRY(read_segments(self, error));
    } else {
        PYR_TRY(read_by_duckdb(self, error));
    }
    return move_files(self, error);
}

/* Types and parameters are all that a statement without values for its parameters is asked for: no
 * file is looked at, since the values say which are needed. */
static bool reads_nothing(const pyr_table *table, bool describes) {
    return describes && (!pyr_external_has_segments(table->external->format) ||
                         table->external->partitions_count > 0);
}

static bool is_fatal(pyr_status status) {
    return status == PYR_ERROR_MEMORY || status == PYR_ERROR_CANCELLED ||
           status == PYR_ERROR_TIMEOUT;
}

/* out: retained; the helpers of the reading are for the same snapshot. */
static pyr_status read_table(reading *self, const char *sql, size_t length, bool describes,
                             pyr_batch *params, pyr_table **out, pyr_error *error) {
    pyr_error failure;
    pyr_error_clear(&failure);
    PYR_TRY(pyr_external_scan_create(&self->scan, error));
    pyr_status status = reads_nothing(self->table, describes)
                            ? read_nothing(self, &failure)
                            : find_files(self, sql, length, params, &failure);
    if (is_fatal(status)) {
        if (error != NULL) {
            *error = failure;
        }
        return status;
    }
    if (status != PYR_OK) {
        self->scan->failure = failure;
    }
    bool direct = status == PYR_OK && self->scan->sql == NULL;
    return pyr_table_with_scan(self->table, self->scan, direct ? self->segments : NULL,
                               direct ? self->segments_count : 0, out, error);
}

/* ---- All tables of a statement. ---- */

static pyr_status put_in(pyr_execution *execution, const reading *self, pyr_table *table,
                         pyr_error *error) {
    size_t count = self->helpers_count;
    pyr_snapshot *with = NULL;
    pyr_table **tables = calloc(count + 1, sizeof(pyr_table *));
    if (tables == NULL) {
        return pyr_error_memory(error, count * sizeof(pyr_table *));
    }
    for (size_t i = 0; i < count; ++i) {
        tables[i] = self->helpers[i];
    }
    tables[count] = table;
    pyr_status status = pyr_snapshot_replace(execution->snapshot, tables, count + 1, &with, error);
    free(tables);
    if (status == PYR_OK) {
        pyr_snapshot_release(execution->snapshot);
        execution->snapshot = with;
    }
    return status;
}

static pyr_status keep(pyr_externals *externals, pyr_table *table, pyr_error *error) {
    pyr_table **grown = realloc(externals->tables, (externals->count + 1) * sizeof(pyr_table *));
    if (grown == NULL) {
        return pyr_error_memory(error, sizeof(pyr_table *));
    }
    externals->tables = grown;
    externals->tables[externals->count++] = pyr_table_retain(table);
    return PYR_OK;
}

static pyr_status need(pyr_execution *execution, const pyr_table *table, const char *sql,
                       size_t length, bool describes, pyr_batch *params, pyr_externals *out,
                       pyr_error *error) {
    reading self = {.execution = execution, .table = table};
    pyr_table *ready = NULL;
    pyr_status status = read_table(&self, sql, length, describes, params, &ready, error);
    if (status == PYR_OK) {
        status = put_in(execution, &self, ready, error);
    }
    if (status == PYR_OK) {
        status = keep(out, ready, error);
    }
    pyr_table_release(ready);
    reading_deinit(&self);
    return status;
}

/* The conditions of views are not the statement's: nothing of a table that one names is pruned. */
static pyr_status need_all(pyr_execution *execution, const pyr_snapshot *snapshot, const char *sql,
                           size_t length, bool describes, pyr_batch *params, pyr_externals *out,
                           pyr_error *error) {
    pyr_external_mention *mentions = NULL;
    size_t count = 0;
    PYR_TRY(pyr_external_mentions_find(execution, snapshot, sql, length, &mentions, &count, error));
    for (size_t i = 0; i < count; ++i) {
        const pyr_table *table = mentions[i].table;
        if (mentions[i].in_views) {
            PYR_TRY(need(execution, table, "", 0, describes, params, out, error));
        } else if (mentions[i].in_statement) {
            PYR_TRY(need(execution, table, sql, length, describes, params, out, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_externals_need(pyr_execution *execution, const char *sql, size_t length,
                              bool describes, pyr_batch *params, pyr_externals *out,
                              pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_snapshot *snapshot = pyr_snapshot_retain(execution->snapshot);
    pyr_status status = need_all(execution, snapshot, sql, length, describes, params, out, error);
    pyr_snapshot_release(snapshot);
    if (status != PYR_OK) {
        pyr_externals_deinit(out);
    }
    return status;
}

void pyr_externals_deinit(pyr_externals *externals) {
    for (size_t i = 0; i < externals->count; ++i) {
        pyr_table_release(externals->tables[i]);
    }
    free(externals->tables);
    memset(externals, 0, sizeof(*externals));
}

/* ---- While it is read. ---- */

static pyr_status check_object(const pyr_object_store *store, const pyr_table *table,
                               const pyr_stored_object *before, pyr_error *error) {
    pyr_stored_object now = {0};
    pyr_error ignored;
    bool same = store->head(before->path, &now, &ignored) == PYR_OK &&
                pyr_stored_object_same_state(before, &now);
    pyr_stored_object_deinit(&now);
    return same ? PYR_OK
                : pyr_error_set_sql(error, PYR_ERROR_IO, "58030", -1,
                                    "external table \"%s\": file \"%s\" changed while it was read",
                                    table->name, before->path);
}

pyr_status pyr_externals_check(const pyr_externals *externals, pyr_error *error) {
    for (size_t i = 0; i < externals->count; ++i) {
        const pyr_table *table = externals->tables[i];
        const pyr_object_store *store = NULL;
        PYR_TRY(pyr_object_store_of(table->external->location, &store, error));
        for (size_t j = 0; j < table->scan->files.count; ++j) {
            PYR_TRY(check_object(store, table, &table->scan->files.objects[j], error));
        }
    }
    return PYR_OK;
}

void pyr_externals_explain(const pyr_externals *externals, pyr_text *out) {
    for (size_t i = 0; i < externals->count; ++i) {
        const pyr_external_scan *scan = externals->tables[i]->scan;
        pyr_sql_quote_name(externals->tables[i]->name, out);
        pyr_text_printf(out, ": files %zu/%zu\n", scan->files.count, scan->files_total);
    }
}
