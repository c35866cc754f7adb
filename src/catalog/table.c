/* table.c - versions of tables: immutable once made. */
#include "catalog/catalog_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

pyr_table *pyr_table_retain(pyr_table *table) {
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

void pyr_table_release(pyr_table *table) {
    if (table == NULL ||
        atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < table->segments_count; ++i) {
        pyr_segment_release(table->segments[i]);
    }
    for (size_t i = 0; table->deleted != NULL && i < table->segments_count; ++i) {
        pyr_row_bitmap_release(table->deleted[i]);
    }
    free(table->segments);
    free(table->deleted);
    pyr_keyed_destroy(table->keyed);
    for (size_t i = 0; i < table->options_count; ++i) {
        free(table->options[i].name);
        free(table->options[i].value);
    }
    free(table->options);
    pyr_schema_release(table->schema);
    pyr_constraints_release(table->constraints);
    pyr_external_release(table->external);
    pyr_external_scan_release(table->scan);
    free(table->sql_types);
    free(table->schema_name);
    free(table->name);
    free(table);
}

const char *pyr_table_get_option(const pyr_table *table, const char *name) {
    for (size_t i = 0; i < table->options_count; ++i) {
        if (strcasecmp(table->options[i].name, name) == 0) {
            return table->options[i].value;
        }
    }
    return NULL;
}

bool pyr_table_is_memory_only(const pyr_table *table) {
    const char *mode = pyr_table_get_option(table, "storage_mode");
    return mode != NULL && strcasecmp(mode, "memory_only") == 0;
}

static bool copy_options(pyr_table *table, const pyr_table_option *options, size_t count) {
    table->options = calloc(count + 1, sizeof(*table->options));
    if (table->options == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; ++i) {
        table->options[i].name = strdup(options[i].name);
        table->options[i].value = strdup(options[i].value != NULL ? options[i].value : "");
        ++table->options_count;
        if (table->options[i].name == NULL || table->options[i].value == NULL) {
            return false;
        }
    }
    return true;
}

pyr_row_bitmap *pyr_table_deleted(const pyr_table *table, size_t index) {
    return table->deleted != NULL ? table->deleted[index] : NULL;
}

/* rows and size_bytes of segments that know theirs; -1 in one makes the sum unknown. */
static void add_up(pyr_table *table) {
    bool elsewhere = table->external != NULL && table->segments_count == 0;
    table->rows = elsewhere ? -1 : 0;
    table->size_bytes = elsewhere ? table->external->size_bytes : 0;
    for (size_t i = 0; i < table->segments_count; ++i) {
        const pyr_segment_info *info = pyr_segment_get_info(table->segments[i]);
        int64_t deleted = pyr_row_bitmap_cardinality(pyr_table_deleted(table, i));
        table->rows = table->rows < 0 || info->rows < 0 ? -1 : table->rows + info->rows - deleted;
        table->size_bytes += info->size_bytes > 0 ? info->size_bytes : 0;
    }
}

/* Segments of a table that was altered are read by the ids of its columns. */
static pyr_status take_segments(pyr_table *table, pyr_segment *const *segments, size_t count,
                                pyr_error *error) {
    bool altered = pyr_schema_has_column_ids(table->schema);
    for (size_t i = 0; i < count; ++i) {
        if (altered) {
            PYR_TRY(pyr_segment_evolve(segments[i], table->schema, &table->segments[i], error));
        } else {
            table->segments[i] = pyr_segment_retain(segments[i]);
            pyr_segment_expect_schema(segments[i], table->schema);
        }
        ++table->segments_count;
    }
    return PYR_OK;
}

pyr_status pyr_table_create(uint64_t id, uint64_t version, const pyr_table_definition *definition,
                            pyr_segment *const *segments, size_t segments_count, pyr_table **out,
                            pyr_error *error) {
    *out = NULL;
    pyr_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return pyr_error_memory(error, sizeof(*table));
    }
    atomic_init(&table->references, 1);
    table->id = id;
    table->version = version;
    table->origin_id = definition->origin_id;
    table->schema_name = strdup(definition->schema_name != NULL ? definition->schema_name : "main");
    table->name = strdup(definition->name);
    table->sql_types = strdup(definition->sql_types != NULL ? definition->sql_types : "[]");
    table->schema = pyr_schema_retain(definition->schema);
    table->constraints = pyr_constraints_retain(definition->constraints);
    table->external = pyr_external_retain(definition->external);
    table->scan = pyr_external_scan_retain(definition->scan);
    table->segments = calloc(segments_count + 1, sizeof(*table->segments));
    if (table->schema_name == NULL || table->name == NULL || table->sql_types == NULL ||
        table->segments == NULL ||
        !copy_options(table, definition->options, definition->options_count)) {
        pyr_table_release(table);
        return pyr_error_memory(error, sizeof(*table));
    }
    pyr_status status = take_segments(table, segments, segments_count, error);
    if (status != PYR_OK) {
        pyr_table_release(table);
        return status;
    }
    add_up(table);
    status = pyr_keyed_create(table, definition->keyed, &table->keyed, error);
    if (status != PYR_OK) {
        pyr_table_release(table);
        return status;
    }
    if (table->keyed != NULL) {
        pyr_keyed_add_up(table);
    }
    *out = table;
    return PYR_OK;
}

pyr_table_definition pyr_table_get_definition(const pyr_table *table) {
    return (pyr_table_definition){.schema_name = table->schema_name,
                                  .name = table->name,
                                  .schema = table->schema,
                                  .sql_types = table->sql_types,
                                  .options = table->options,
                                  .options_count = table->options_count,
                                  .constraints = table->constraints,
                                  .origin_id = table->origin_id,
                                  .keyed = table->keyed,
                                  .external = table->external,
                                  .scan = table->scan};
}

static bool keep_deleted(pyr_table *table, pyr_row_bitmap *const *deleted, size_t count) {
    table->deleted = calloc(table->segments_count + 1, sizeof(*table->deleted));
    for (size_t i = 0; table->deleted != NULL && i < count; ++i) {
        table->deleted[i] = pyr_row_bitmap_retain(deleted[i]);
    }
    return table->deleted != NULL;
}

/* The definition of table over other segments; deleted: of the first deleted_count of them. */
static pyr_status rebuild(const pyr_table *table, uint64_t version, pyr_segment *const *segments,
                          size_t count, pyr_row_bitmap *const *deleted, size_t deleted_count,
                          pyr_table **out, pyr_error *error) {
    pyr_table_definition definition = pyr_table_get_definition(table);
    PYR_TRY(pyr_table_create(table->id, version, &definition, segments, count, out, error));
    if (deleted != NULL && !keep_deleted(*out, deleted, deleted_count)) {
        pyr_table_release(*out);
        *out = NULL;
        return pyr_error_memory(error, count * sizeof(*deleted));
    }
    if ((*out)->keyed == NULL) {
        add_up(*out);
    }
    return PYR_OK;
}

pyr_status pyr_table_append(const pyr_table *table, pyr_segment *const *segments, size_t count,
                            pyr_table **out, pyr_error *error) {
    *out = NULL;
    size_t total = table->segments_count + count;
    pyr_segment **all = calloc(total + 1, sizeof(*all));
    if (all == NULL) {
        return pyr_error_memory(error, total * sizeof(*all));
    }
    if (table->segments_count > 0) {
        memcpy(all, table->segments, table->segments_count * sizeof(*all));
    }
    if (count > 0) {
        memcpy(all + table->segments_count, segments, count * sizeof(*all));
    }
    pyr_status status = rebuild(table, table->version + 1, all, total, table->deleted,
                                table->segments_count, out, error);
    free(all);
    return status;
}

pyr_status pyr_table_with_segments(const pyr_table *table, pyr_segment *const *segments,
                                   pyr_row_bitmap *const *deleted, size_t count, pyr_table **out,
                                   pyr_error *error) {
    *out = NULL;
    return rebuild(table, table->version, segments, count, deleted, count, out, error);
}

pyr_status pyr_table_redefine(const pyr_table *table, const pyr_table *altered, pyr_table **out,
                              pyr_error *error) {
    pyr_table_definition definition = pyr_table_get_definition(altered);
    definition.keyed = table->keyed;
    definition.origin_id = table->origin_id;
    PYR_TRY(pyr_table_create(table->id, table->version + 1, &definition, table->segments,
                             table->segments_count, out, error));
    if (table->deleted != NULL && !keep_deleted(*out, table->deleted, table->segments_count)) {
        pyr_table_release(*out);
        *out = NULL;
        return pyr_error_memory(error, table->segments_count * sizeof(*table->deleted));
    }
    if ((*out)->keyed == NULL) {
        add_up(*out);
    }
    return PYR_OK;
}

/* ---- What the catalog does not hold. ---- */

pyr_status pyr_table_over_segment(const char *schema_name, const char *name, pyr_schema *schema,
                                  pyr_segment *segment, pyr_table **out, pyr_error *error) {
    return pyr_table_create(
        0, 0, &(pyr_table_definition){.schema_name = schema_name, .name = name, .schema = schema},
        &segment, 1, out, error);
}

static pyr_status check_same_schema(const pyr_schema *first, pyr_segment *segment,
                                    pyr_query_ledger *ledger, const char *path, pyr_error *error) {
    pyr_schema *schema = NULL;
    PYR_TRY(pyr_segment_schema(segment, ledger, &schema, error));
    bool same = schema->fields_count == first->fields_count;
    for (int32_t i = 0; same && i < first->fields_count; ++i) {
        same = strcmp(schema->fields[i]->name, first->fields[i]->name) == 0 &&
               pyr_field_type_equal(schema->fields[i], first->fields[i]);
    }
    pyr_schema_release(schema);
    return same ? PYR_OK
                : pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                    "%s: its columns differ from those of the first file", path);
}

static pyr_status open_file(const char *path, pyr_query_ledger *ledger, pyr_segment **out,
                            pyr_error *error) {
    pyr_segment_info info = {.path = (char *)path, .rows = -1, .size_bytes = -1, .batches = -1};
    PYR_TRY(pyr_segment_create(&info, false, out, error));
    size_t batches = 0;
    pyr_status status = pyr_segment_batches(*out, ledger, &batches, error);
    if (status != PYR_OK) {
        pyr_segment_release(*out);
        *out = NULL;
    }
    return status;
}

pyr_status pyr_table_over_files(const char *name, const char *const *paths, size_t count,
                                pyr_query_ledger *ledger, pyr_table **out, pyr_error *error) {
    *out = NULL;
    pyr_segment **segments = calloc(count + 1, sizeof(*segments));
    if (segments == NULL) {
        return pyr_error_memory(error, count * sizeof(*segments));
    }
    pyr_schema *schema = NULL;
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = open_file(paths[i], ledger, &segments[i], error);
        if (status == PYR_OK && i == 0) {
            status = pyr_segment_schema(segments[0], ledger, &schema, error);
        } else if (status == PYR_OK) {
            status = check_same_schema(schema, segments[i], ledger, paths[i], error);
        }
    }
    if (status == PYR_OK && count == 0) {
        status = pyr_error_set(error, PYR_ERROR_NOT_FOUND, "%s: no file", name);
    }
    if (status == PYR_OK) {
        status = pyr_table_create(
            0, 0, &(pyr_table_definition){.schema_name = "", .name = name, .schema = schema},
            segments, count, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_segment_release(segments[i]);
    }
    free(segments);
    pyr_schema_release(schema);
    return status;
}
