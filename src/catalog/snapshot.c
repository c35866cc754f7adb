/* snapshot.c - what a query sees: the tables at one moment. */
#include "base/clock.h"
#include "catalog/history.h"

#include <stdlib.h>

static int lower(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

int pyr_name_compare(const char *a, const char *b) {
    while (*a != '\0' && lower(*a) == lower(*b)) {
        ++a;
        ++b;
    }
    return lower(*a) - lower(*b);
}

static int compare_names(const char *schema_a, const char *a, const char *schema_b, const char *b) {
    int order = pyr_name_compare(schema_a, schema_b);
    return order != 0 ? order : pyr_name_compare(a, b);
}

int pyr_tables_compare(const void *left, const void *right) {
    const pyr_table *a = *(pyr_table *const *)left;
    const pyr_table *b = *(pyr_table *const *)right;
    return compare_names(a->schema_name, a->name, b->schema_name, b->name);
}

pyr_status pyr_snapshot_create(uint64_t version, pyr_table **tables, size_t count,
                               pyr_snapshot **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        for (size_t i = 0; i < count; ++i) {
            pyr_table_release(tables[i]);
        }
        free(tables);
        return pyr_error_memory(error, sizeof(**out));
    }
    atomic_init(&(*out)->references, 1);
    (*out)->version = version;
    (*out)->committed_us = pyr_clock_wall_us();
    (*out)->tables = tables;
    (*out)->tables_count = count;
    if (count > 1) {
        qsort(tables, count, sizeof(*tables), pyr_tables_compare);
    }
    return PYR_OK;
}

pyr_status pyr_snapshot_change(const pyr_snapshot *snapshot, const pyr_table *without,
                               pyr_table *with, pyr_snapshot **out, pyr_error *error) {
    *out = NULL;
    pyr_table **tables = calloc(snapshot->tables_count + 2, sizeof(*tables));
    if (tables == NULL) {
        return pyr_error_memory(error, (snapshot->tables_count + 1) * sizeof(*tables));
    }
    size_t count = 0;
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        if (snapshot->tables[i] != without) {
            tables[count++] = pyr_table_retain(snapshot->tables[i]);
        }
    }
    if (with != NULL) {
        tables[count++] = pyr_table_retain(with);
    }
    PYR_TRY(pyr_snapshot_create(snapshot->version + 1, tables, count, out, error));
    (*out)->objects = pyr_entries_retain(snapshot->objects);
    return PYR_OK;
}

pyr_status pyr_snapshot_with(const pyr_snapshot *snapshot, pyr_table *table, pyr_snapshot **out,
                             pyr_error *error) {
    PYR_TRY(pyr_snapshot_change(snapshot, NULL, table, out, error));
    (*out)->version = snapshot->version;
    return PYR_OK;
}

pyr_status pyr_snapshot_with_entries(const pyr_snapshot *snapshot, pyr_entries *objects,
                                     pyr_snapshot **out, pyr_error *error) {
    PYR_TRY(pyr_snapshot_with(snapshot, NULL, out, error));
    pyr_entries_release((*out)->objects);
    (*out)->objects = pyr_entries_retain(objects);
    return PYR_OK;
}

pyr_entries *pyr_snapshot_entries(const pyr_snapshot *snapshot) {
    return snapshot->objects;
}

bool pyr_snapshot_has_schema(const pyr_snapshot *snapshot, const char *name) {
    return pyr_name_compare(name, "main") == 0 ||
           pyr_entries_find(snapshot->objects, PYR_ENTRY_SCHEMA, name, name, NULL) != NULL;
}

pyr_snapshot *pyr_snapshot_retain(pyr_snapshot *snapshot) {
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void pyr_snapshot_release(pyr_snapshot *snapshot) {
    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        pyr_table_release(snapshot->tables[i]);
    }
    free(snapshot->tables);
    pyr_entries_release(snapshot->objects);
    free(snapshot);
}

uint64_t pyr_snapshot_version(const pyr_snapshot *snapshot) {
    return snapshot->version;
}

size_t pyr_snapshot_tables(const pyr_snapshot *snapshot) {
    return snapshot->tables_count;
}

pyr_table *pyr_snapshot_table(const pyr_snapshot *snapshot, size_t index) {
    return snapshot->tables[index];
}

pyr_table *pyr_snapshot_find(const pyr_snapshot *snapshot, const char *schema_name,
                             const char *name) {
    const char *schema = schema_name != NULL ? schema_name : "main";
    size_t low = 0;
    size_t high = snapshot->tables_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        pyr_table *table = snapshot->tables[middle];
        int order = compare_names(schema, name, table->schema_name, table->name);
        if (order == 0) {
            return table;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

pyr_table *pyr_snapshot_find_id(const pyr_snapshot *snapshot, uint64_t id) {
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        if (snapshot->tables[i]->id == id) {
            return snapshot->tables[i];
        }
    }
    return NULL;
}

void pyr_catalog_publish(pyr_catalog *catalog, pyr_snapshot *snapshot, int64_t retired_bytes,
                         bool forget) {
    pyr_snapshot *gone[PYR_HISTORY_VERSIONS_MAX + 1];
    size_t gone_count = 0;
    pthread_mutex_lock(&catalog->snapshot_lock);
    pyr_history_push(catalog->history, catalog->snapshot, retired_bytes, forget,
                     snapshot->committed_us, gone, &gone_count);
    catalog->snapshot = snapshot;
    pthread_mutex_unlock(&catalog->snapshot_lock);
    for (size_t i = 0; i < gone_count; ++i) { /* files may go with them */
        pyr_snapshot_release(gone[i]);
    }
}

pyr_status pyr_catalog_snapshot_of_version(pyr_catalog *catalog, uint64_t version,
                                           pyr_snapshot **out, pyr_error *error) {
    PYR_TRY(pyr_catalog_snapshot(catalog, out, error));
    if ((*out)->version == version) {
        return PYR_OK;
    }
    pyr_snapshot_release(*out);
    pthread_mutex_lock(&catalog->snapshot_lock);
    *out = pyr_history_find_version(catalog->history, version);
    *out = *out != NULL ? pyr_snapshot_retain(*out) : NULL;
    pthread_mutex_unlock(&catalog->snapshot_lock);
    return *out != NULL ? PYR_OK
                        : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "22023", -1,
                                            "version %llu of the database is not kept (any more)",
                                            (unsigned long long)version);
}

pyr_status pyr_catalog_snapshot_of_time(pyr_catalog *catalog, int64_t committed_us,
                                        pyr_snapshot **out, pyr_error *error) {
    PYR_TRY(pyr_catalog_snapshot(catalog, out, error));
    if ((*out)->committed_us <= committed_us) {
        return PYR_OK;
    }
    pyr_snapshot_release(*out);
    pthread_mutex_lock(&catalog->snapshot_lock);
    *out = pyr_history_find_time(catalog->history, committed_us);
    *out = *out != NULL ? pyr_snapshot_retain(*out) : NULL;
    pthread_mutex_unlock(&catalog->snapshot_lock);
    return *out != NULL ? PYR_OK
                        : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "22023", -1,
                                            "no version of the database is kept from that time");
}

size_t pyr_catalog_versions(pyr_catalog *catalog, pyr_kept_version *out) {
    pthread_mutex_lock(&catalog->snapshot_lock);
    const pyr_history *history = catalog->history;
    size_t count = history->count;
    for (size_t i = 0; i < count; ++i) {
        const pyr_snapshot *snapshot = history->entries[i].snapshot;
        out[i] = (pyr_kept_version){snapshot->version, snapshot->committed_us};
    }
    out[count++] = (pyr_kept_version){catalog->snapshot->version, catalog->snapshot->committed_us};
    pthread_mutex_unlock(&catalog->snapshot_lock);
    return count;
}

pyr_snapshot *pyr_catalog_current(pyr_catalog *catalog) {
    pthread_mutex_lock(&catalog->snapshot_lock);
    pyr_snapshot *snapshot = pyr_snapshot_retain(catalog->snapshot);
    pthread_mutex_unlock(&catalog->snapshot_lock);
    return snapshot;
}
