/* external.c - external tables as the catalog has them; see external.h. */
#include "catalog/external.h"

#include "catalog/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

const char *pyr_external_format_name(pyr_external_format format) {
    static const char *const names[PYR_EXTERNAL_FORMATS] = {"PARQUET", "ARROW",       "CSV",
                                                            "JSON",    "SAFETENSORS", "ZARR"};
    return names[format];
}

void pyr_external_files_free(pyr_external_file *files, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        pyr_stored_object_deinit(&files[i].object);
    }
    free(files);
}

pyr_status pyr_external_create(pyr_external_format format, const char *location,
                               const char *metadata, uint8_t flags, int32_t partitions_count,
                               pyr_external_file *files, size_t files_count, pyr_external **out,
                               pyr_error *error) {
    *out = NULL;
    pyr_external *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        pyr_external_files_free(files, files_count);
        return pyr_error_memory(error, sizeof(*self));
    }
    atomic_init(&self->references, 1);
    self->format = format;
    self->location = strdup(location);
    self->metadata = strdup(metadata);
    self->flags = flags;
    self->partitions_count = partitions_count;
    self->files = files;
    self->files_count = files_count;
    for (size_t i = 0; i < files_count; ++i) {
        self->size_bytes += files[i].object.size_bytes;
    }
    if (self->location == NULL || self->metadata == NULL) {
        pyr_external_release(self);
        return pyr_error_memory(error, strlen(location) + strlen(metadata));
    }
    *out = self;
    return PYR_OK;
}

pyr_external *pyr_external_retain(pyr_external *external) {
    if (external != NULL) {
        atomic_fetch_add_explicit(&external->references, 1, memory_order_relaxed);
    }
    return external;
}

void pyr_external_release(pyr_external *external) {
    if (external == NULL ||
        atomic_fetch_sub_explicit(&external->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_external_files_free(external->files, external->files_count);
    free(external->location);
    free(external->metadata);
    free(external);
}

const pyr_external_file *pyr_external_find(const pyr_external *external, const char *path) {
    size_t low = 0;
    size_t high = external->files_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, external->files[middle].object.path);
        if (order == 0) {
            return &external->files[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

pyr_status pyr_external_scan_create(pyr_external_scan **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    atomic_init(&(*out)->references, 1);
    pyr_error_clear(&(*out)->failure);
    return PYR_OK;
}

pyr_external_scan *pyr_external_scan_retain(pyr_external_scan *scan) {
    if (scan != NULL) {
        atomic_fetch_add_explicit(&scan->references, 1, memory_order_relaxed);
    }
    return scan;
}

void pyr_external_scan_release(pyr_external_scan *scan) {
    if (scan == NULL ||
        atomic_fetch_sub_explicit(&scan->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_object_list_deinit(&scan->files);
    free(scan->sql);
    free(scan);
}

/* ---- Versions for one statement. ---- */

pyr_status pyr_table_with_scan(const pyr_table *table, pyr_external_scan *scan,
                               pyr_segment *const *segments, size_t count, pyr_table **out,
                               pyr_error *error) {
    pyr_table_definition definition = pyr_table_get_definition(table);
    definition.scan = scan;
    return pyr_table_create(table->id, table->version, &definition, segments, count, out, error);
}

pyr_status pyr_table_over_segments(const char *schema_name, const char *name, pyr_schema *schema,
                                   pyr_segment *const *segments, size_t count, pyr_table **out,
                                   pyr_error *error) {
    return pyr_table_create(
        0, 0, &(pyr_table_definition){.schema_name = schema_name, .name = name, .schema = schema},
        segments, count, out, error);
}

pyr_status pyr_table_over_query(const char *schema_name, const char *name, pyr_schema *schema,
                                pyr_external *external, pyr_external_scan *scan, pyr_table **out,
                                pyr_error *error) {
    return pyr_table_create(0, 0,
                            &(pyr_table_definition){.schema_name = schema_name,
                                                    .name = name,
                                                    .schema = schema,
                                                    .external = external,
                                                    .scan = scan},
                            NULL, 0, out, error);
}

static bool is_replaced(const pyr_table *table, pyr_table *const *by, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (pyr_name_compare(table->schema_name, by[i]->schema_name) == 0 &&
            pyr_name_compare(table->name, by[i]->name) == 0) {
            return true;
        }
    }
    return false;
}

pyr_status pyr_snapshot_replace(const pyr_snapshot *snapshot, pyr_table *const *with, size_t count,
                                pyr_snapshot **out, pyr_error *error) {
    *out = NULL;
    size_t total = snapshot->tables_count + count;
    pyr_table **tables = calloc(total + 1, sizeof(*tables));
    if (tables == NULL) {
        return pyr_error_memory(error, total * sizeof(*tables));
    }
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        if (!is_replaced(snapshot->tables[i], with, count)) {
            tables[kept++] = pyr_table_retain(snapshot->tables[i]);
        }
    }
    for (size_t i = 0; i < count; ++i) {
        tables[kept++] = pyr_table_retain(with[i]);
    }
    PYR_TRY(pyr_snapshot_create(snapshot->version, tables, kept, out, error));
    (*out)->objects = pyr_entries_retain(snapshot->objects);
    return PYR_OK;
}
