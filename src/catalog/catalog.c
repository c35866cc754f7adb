/* catalog.c - opening, closing, and the changes of the set of tables. */
#include "catalog/catalog.h"

#include "base/cursor.h"
#include "catalog/entry_internal.h"
#include "catalog/graveyard.h"
#include "catalog/history.h"
#include "catalog/maintenance.h"
#include "catalog/table_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Opening. ---- */

/* By name order, so that equal ones stand together. */
static pyr_status check_distinct(const pyr_snapshot *snapshot, pyr_error *error) {
    for (size_t i = 1; i < snapshot->tables_count; ++i) {
        const pyr_table *a = snapshot->tables[i - 1];
        const pyr_table *b = snapshot->tables[i];
        if (pyr_name_compare(a->schema_name, b->schema_name) == 0 &&
            pyr_name_compare(a->name, b->name) == 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "catalog: tables %llu and %llu are both called \"%s\"",
                                 (unsigned long long)a->id, (unsigned long long)b->id, a->name);
        }
    }
    return PYR_OK;
}

/* What a table with keys is the first to need. Readers have none: they do not know what the writer
 * changes. NULL where there is no memory for it. */
static pyr_row_cache *row_cache(pyr_catalog *catalog) {
    if (catalog->rows == NULL && !catalog->readonly &&
        pyr_row_cache_create(ROW_CACHE_BYTES, &catalog->rows, NULL) != PYR_OK) {
        catalog->rows = NULL;
    }
    return catalog->rows;
}

static pyr_status show_keyed_rows(pyr_catalog *catalog, const pyr_snapshot *snapshot,
                                  pyr_error *error) {
    pyr_lsm_view *view = NULL;
    if (!pyr_keyed_any(snapshot)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_lsm_view_create(&view, error));
    pyr_keyed_publish(snapshot, NULL, row_cache(catalog), catalog->lsm, view);
    pyr_lsm_view_release(view);
    return PYR_OK;
}

static pyr_status load(pyr_catalog *catalog, const pyr_snapshot *old, pyr_snapshot **out,
                       pyr_error *error) {
    pyr_table **tables = NULL;
    size_t count = 0;
    PYR_TRY(pyr_records_load(catalog->lsm, catalog->path, old, &tables, &count, error));
    PYR_TRY(pyr_snapshot_create(old != NULL ? old->version + 1 : 1, tables, count, out, error));
    pyr_status status = check_distinct(*out, error);
    if (status == PYR_OK) {
        status =
            pyr_records_load_entries(catalog->lsm, catalog->sequences,
                                     old != NULL ? old->objects : NULL, &(*out)->objects, error);
    }
    if (status == PYR_OK) {
        status = show_keyed_rows(catalog, *out, error);
    }
    if (status != PYR_OK) {
        pyr_snapshot_release(*out);
        *out = NULL;
    }
    return status;
}

static pyr_status load_counters(pyr_catalog *catalog, pyr_error *error) {
    uint64_t value;
    PYR_TRY(pyr_record_get_counter(catalog->lsm, "table", &value, error));
    atomic_store(&catalog->next_table, value);
    PYR_TRY(pyr_record_get_counter(catalog->lsm, "segment", &value, error));
    atomic_store(&catalog->next_segment, value);
    PYR_TRY(pyr_record_get_counter(catalog->lsm, "row", &value, error));
    atomic_store(&catalog->next_row, value);
    return PYR_OK;
}

/* A counter that fell behind would give numbers of tables, files and rows that are there. */
static pyr_status check_counters(const pyr_catalog *catalog, pyr_error *error) {
    uint64_t table_max = 0;
    uint64_t segment_max = 0;
    for (size_t i = 0; i < catalog->snapshot->tables_count; ++i) {
        const pyr_table *table = catalog->snapshot->tables[i];
        table_max = table->id > table_max ? table->id : table_max;
        for (size_t j = 0; j < table->segments_count; ++j) {
            uint64_t number = pyr_segment_get_info(table->segments[j])->number;
            segment_max = number > segment_max ? number : segment_max;
        }
    }
    for (size_t i = 0; i < pyr_entries_count(catalog->snapshot->objects); ++i) {
        uint64_t id = pyr_entries_at(catalog->snapshot->objects, i)->id;
        table_max = id > table_max ? id : table_max;
    }
    uint64_t row_max = 0;
    PYR_TRY(pyr_keyed_last_number(catalog->snapshot, &row_max, error));
    if (table_max >= atomic_load(&catalog->next_table) ||
        segment_max >= atomic_load(&catalog->next_segment) ||
        row_max >= atomic_load(&catalog->next_row)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "catalog: table %llu, segment %llu or row %llu is beyond its counter; "
                             "restore the catalog/ folder from a backup",
                             (unsigned long long)table_max, (unsigned long long)segment_max,
                             (unsigned long long)row_max);
    }
    return PYR_OK;
}

static pyr_status open_lsm(pyr_catalog *catalog, pyr_error *error) {
    if (catalog->path == NULL) {
        return pyr_lsm_open(NULL, false, &catalog->lsm, error);
    }
    pyr_text path;
    pyr_text_init(&path);
    pyr_text_printf(&path, "%s/catalog", catalog->path);
    pyr_status status = pyr_text_check(&path, error);
    if (status == PYR_OK) {
        status = pyr_lsm_open(path.data, catalog->readonly, &catalog->lsm, error);
    }
    pyr_text_deinit(&path);
    return status;
}

static pyr_status open_parts(pyr_catalog *catalog, pyr_error *error) {
    if (catalog->path != NULL) {
        PYR_TRY(pyr_folder_open(catalog, error));
        catalog->seen_commits = pyr_folder_commits(catalog);
    }
    PYR_TRY(open_lsm(catalog, error));
    PYR_TRY(pyr_sequence_store_create(catalog, &catalog->sequences, error));
    PYR_TRY(load_counters(catalog, error));
    PYR_TRY(load(catalog, NULL, &catalog->snapshot, error));
    PYR_TRY(check_counters(catalog, error));
    if (catalog->path != NULL && !catalog->readonly) {
        /* Not before it is known to be whole: what is damaged stays as its program left it. */
        PYR_TRY(pyr_folder_upgrade(catalog, error));
        /* The writer before may have died between its last change and its count. */
        pyr_folder_count_commit(catalog);
        PYR_TRY(pyr_folder_clean(catalog, catalog->snapshot, error));
        PYR_TRY(pyr_keyed_clean(catalog->lsm, catalog->snapshot, error));
    }
    return PYR_OK;
}

pyr_status pyr_catalog_open(const char *path, bool readonly, pyr_catalog **out, pyr_error *error) {
    *out = NULL;
    pyr_catalog *catalog = calloc(1, sizeof(*catalog));
    if (catalog == NULL) {
        return pyr_error_memory(error, sizeof(*catalog));
    }
    atomic_init(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    catalog->lock_fd = -1;
    catalog->commit_fd = -1;
    catalog->readonly = readonly;
    pthread_mutex_init(&catalog->write_lock, NULL);
    pthread_mutex_init(&catalog->compact_lock, NULL);
    pthread_mutex_init(&catalog->commit_lock, NULL);
    pthread_mutex_init(&catalog->snapshot_lock, NULL);
    catalog->history = calloc(1, sizeof(*catalog->history));
    pyr_status status = catalog->history != NULL
                            ? pyr_maintenance_create(catalog, error)
                            : pyr_error_memory(error, sizeof(*catalog->history));
    if (status == PYR_OK) {
        status = pyr_graveyard_create(catalog, error);
    }
    if (status == PYR_OK && path != NULL && (catalog->path = strdup(path)) == NULL) {
        status = pyr_error_memory(error, strlen(path));
    }
    if (status == PYR_OK) {
        status = open_parts(catalog, error);
    }
    if (status != PYR_OK) {
        pyr_catalog_close(catalog);
        return status;
    }
    *out = catalog;
    return PYR_OK;
}

/* What nobody minds when it fails: numbers are lost then. Not where nothing was written. */
static void give_back_numbers(pyr_catalog *catalog) {
    pyr_lsm_batch *batch = NULL;
    uint64_t segment = atomic_load(&catalog->next_segment);
    if (catalog->readonly || catalog->doubtful || catalog->counters_written.segment <= segment ||
        pyr_lsm_batch_create(&batch, NULL) != PYR_OK) {
        return;
    }
    if (pyr_record_put_counter(batch, "segment", segment, NULL) == PYR_OK) {
        (void)!pyr_lsm_write(catalog->lsm, batch, false, NULL);
    }
    pyr_lsm_batch_destroy(batch);
}

static void settle_sequences(pyr_catalog *catalog) {
    const pyr_entries *objects = catalog->snapshot != NULL ? catalog->snapshot->objects : NULL;
    for (size_t i = 0; i < pyr_entries_count(objects); ++i) {
        if (pyr_entries_at(objects, i)->sequence != NULL) {
            pyr_sequence_settle(pyr_entries_at(objects, i)->sequence);
        }
    }
}

void pyr_catalog_close(pyr_catalog *catalog) {
    if (catalog == NULL) {
        return;
    }
    pyr_maintenance_destroy(catalog);
    if (catalog->history != NULL) {
        pyr_history_deinit(catalog->history);
        free(catalog->history);
    }
    pyr_graveyard_destroy(catalog);
    settle_sequences(catalog);
    give_back_numbers(catalog);
    pyr_snapshot_release(catalog->snapshot);
    pyr_sequence_store_close(catalog->sequences);
    for (size_t i = 0; i < catalog->moves_count; ++i) {
        pyr_replacement_release(catalog->moves[i]);
    }
    free(catalog->moves);
    pyr_lsm_close(catalog->lsm);
    pyr_row_cache_release(catalog->rows);
    pyr_folder_close(catalog);
    pthread_mutex_destroy(&catalog->write_lock);
    pthread_mutex_destroy(&catalog->compact_lock);
    pthread_mutex_destroy(&catalog->commit_lock);
    pthread_mutex_destroy(&catalog->snapshot_lock);
    free(catalog->path);
    free(catalog);
}

void pyr_catalog_set_memory_limit(pyr_catalog *catalog, size_t limit_bytes) {
    atomic_store(&catalog->memory_limit_bytes,
                 limit_bytes > INT64_MAX ? INT64_MAX : (int64_t)limit_bytes);
    const size_t least = (size_t)8 << 20;
    const size_t most = (size_t)1 << 30;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (limit_bytes == 0 && pages > 0 && page_bytes > 0) {
        limit_bytes = (size_t)pages * (size_t)page_bytes;
    }
    size_t share = limit_bytes / 16;
    share = share < least ? least : share;
    pyr_lsm_set_cache_size(catalog->lsm, share > most ? most : share);
}

bool pyr_catalog_is_readonly(const pyr_catalog *catalog) {
    return catalog->readonly;
}

const char *pyr_catalog_path(const pyr_catalog *catalog) {
    return catalog->path != NULL ? catalog->path : ":memory:";
}

/* A reader beside a writer in another process looks at COMMITS and loads again when it moved. */
static pyr_status refresh(pyr_catalog *catalog, pyr_error *error) {
    uint64_t commits = pyr_folder_commits(catalog);
    pthread_mutex_lock(&catalog->write_lock);
    pyr_status status = PYR_OK;
    if (commits != catalog->seen_commits) {
        pyr_snapshot *fresh = NULL;
        status = pyr_lsm_refresh(catalog->lsm, error);
        if (status == PYR_OK) {
            status = load(catalog, catalog->snapshot, &fresh, error);
        }
        if (status == PYR_OK) {
            catalog->seen_commits = commits;
            fresh->version = commits; /* the writer's own */
            pyr_catalog_publish(catalog, fresh, 0, false);
        }
    }
    pthread_mutex_unlock(&catalog->write_lock);
    return status;
}

pyr_status pyr_catalog_snapshot(pyr_catalog *catalog, pyr_snapshot **out, pyr_error *error) {
    *out = NULL;
    if (catalog->readonly && catalog->path != NULL) {
        PYR_TRY(refresh(catalog, error));
    }
    *out = pyr_catalog_current(catalog);
    return PYR_OK;
}

/* ---- Changes. ---- */

pyr_status pyr_catalog_check_writable(const pyr_catalog *catalog, pyr_error *error) {
    return catalog->readonly ? pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "25006", -1,
                                                 "the database was opened readonly")
                             : PYR_OK;
}

pyr_status pyr_catalog_check_name(const char *what, const char *name, pyr_error *error) {
    size_t length = strlen(name);
    if (length == 0 || length > PYR_NAME_BYTES_MAX) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42602", -1,
                                 "a %s's name has 1 to %d bytes, this one %zu", what,
                                 PYR_NAME_BYTES_MAX, length);
    }
    if (!pyr_utf8_valid((const uint8_t *)name, length)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42602", -1, "a %s's name is not UTF-8",
                                 what);
    }
    return PYR_OK;
}

static pyr_status check_columns(const pyr_schema *schema, pyr_error *error) {
    if (schema->fields_count == 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42601", -1,
                                 "a table has at least one column");
    }
    if (schema->fields_count > PYR_TABLE_COLUMNS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%d columns: a table has at most %d",
                             (int)schema->fields_count, PYR_TABLE_COLUMNS_MAX);
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        PYR_TRY(pyr_catalog_check_name("column", schema->fields[i]->name, error));
        if (pyr_schema_find(schema, schema->fields[i]->name, true) != i) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "42701", -1,
                                     "column \"%s\" is there twice", schema->fields[i]->name);
        }
        PYR_TRY(pyr_field_validate(schema->fields[i], error));
    }
    return PYR_OK;
}

pyr_status pyr_catalog_check_table(const char *schema_name, const char *name,
                                   const pyr_schema *schema, pyr_error *error) {
    if (pyr_name_compare(schema_name, "pyralog") == 0 ||
        pyr_name_compare(schema_name, "information_schema") == 0) {
        return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", -1,
                                 "schema \"%s\" is the system's", schema_name);
    }
    PYR_TRY(pyr_catalog_check_name("table", name, error));
    return check_columns(schema, error);
}

static pyr_status put_counter(pyr_lsm_batch *batch, const char *name, uint64_t value,
                              uint64_t written, pyr_error *error) {
    return value == written ? PYR_OK : pyr_record_put_counter(batch, name, value, error);
}

/* Numbers of segments are written off in blocks: a record less for nearly each INSERT. After a
 * crash the rest of the block is given to nobody, a clean close gives it back. */
#define SEGMENT_NUMBERS_BLOCK 256

/* Those that are not as they were written last; put: what they are with this batch. */
static pyr_status put_counters(pyr_catalog *catalog, pyr_lsm_batch *batch, pyr_counters *put,
                               pyr_error *error) {
    const pyr_counters *written = &catalog->counters_written;
    uint64_t segment = atomic_load(&catalog->next_segment);
    *put = (pyr_counters){.table = atomic_load(&catalog->next_table),
                          .row = atomic_load(&catalog->next_row),
                          .segment = segment <= written->segment ? written->segment
                                                                 : segment + SEGMENT_NUMBERS_BLOCK};
    PYR_TRY(put_counter(batch, "table", put->table, written->table, error));
    PYR_TRY(put_counter(batch, "row", put->row, written->row, error));
    return put_counter(batch, "segment", put->segment, written->segment, error);
}

/* After a failed write: what is on disk becomes what was said to be there. */
static pyr_status settle_doubt(pyr_catalog *catalog, const pyr_snapshot *current,
                               pyr_error *error) {
    pyr_lsm_batch *batch = NULL;
    pyr_counters counters;
    catalog->doubtful = true;
    catalog->counters_written = (pyr_counters){0};
    PYR_TRY(pyr_lsm_batch_create(&batch, error));
    pyr_status status = pyr_records_put_snapshot(batch, catalog->lsm, current, error);
    if (status == PYR_OK) {
        status = pyr_records_put_entries(batch, catalog->lsm, current->objects, error);
    }
    if (status == PYR_OK) {
        status = put_counters(catalog, batch, &counters, error);
    }
    if (status == PYR_OK) {
        status = pyr_lsm_write(catalog->lsm, batch, true, error);
    }
    if (status == PYR_OK) {
        catalog->counters_written = counters;
        status = show_keyed_rows(catalog, current, error); /* views of the LSM's last state again */
    }
    pyr_lsm_batch_destroy(batch);
    catalog->doubtful = status != PYR_OK;
    return status;
}

static int64_t retired_bytes(const pyr_working_tables *work) {
    int64_t bytes = 0;
    for (size_t i = 0; i < work->retired_count; ++i) {
        bytes += pyr_segment_get_info(work->retired[i])->size_bytes;
    }
    return bytes;
}

pyr_status pyr_catalog_write(pyr_catalog *catalog, pyr_lsm_batch *batch, bool sync,
                             const pyr_snapshot *current, pyr_working_tables *work,
                             pyr_error *error) {
    if (catalog->doubtful) {
        PYR_TRY(settle_doubt(catalog, current, error));
    }
    PYR_TRY(pyr_folder_leave_backup(catalog, error));
    pyr_counters counters;
    PYR_TRY(put_counters(catalog, batch, &counters, error));
    pyr_snapshot *next = NULL;
    pyr_table **tables = work->tables;
    size_t count = work->count;
    work->tables = NULL;
    work->count = 0;
    PYR_TRY(pyr_snapshot_create(current->version + 1, tables, count, &next, error));
    next->objects = pyr_entries_retain(work->objects);
    pyr_lsm_view *view = NULL; /* nothing may fail after the write */
    pyr_status status = pyr_keyed_any(next) ? pyr_lsm_view_create(&view, error) : PYR_OK;
    if (status != PYR_OK) {
        pyr_snapshot_release(next);
        return status;
    }
    status = pyr_lsm_write(catalog->lsm, batch, sync, error);
    if (status != PYR_OK) {
        pyr_lsm_view_release(view);
        pyr_snapshot_release(next);
        (void)!settle_doubt(catalog, current, NULL);
        return status;
    }
    catalog->counters_written = counters;
    if (view != NULL) {
        pyr_keyed_publish(next, work->keyed, row_cache(catalog), catalog->lsm, view);
        pyr_lsm_view_release(view);
    }
    pyr_catalog_publish(catalog, next, retired_bytes(work), work->gone_count > 0);
    pyr_folder_count_commit(catalog);
    return PYR_OK;
}

/* A change of its own around one step. */
static pyr_status begin(pyr_catalog *catalog, pyr_change **out, pyr_error *error) {
    *out = NULL;
    PYR_TRY(pyr_catalog_check_writable(catalog, error));
    pyr_snapshot *current = pyr_catalog_current(catalog);
    pyr_status status = pyr_change_create(catalog, current, out, error);
    pyr_snapshot_release(current);
    return status;
}

static bool is_layout_key(const char *key, size_t length) {
    return (length == strlen(PYR_COLUMN_ID_KEY) && memcmp(key, PYR_COLUMN_ID_KEY, length) == 0) ||
           (length == strlen(PYR_COLUMN_INITIAL_KEY) &&
            memcmp(key, PYR_COLUMN_INITIAL_KEY, length) == 0);
}

static pyr_status copy_field(const pyr_field *field, pyr_field **out, pyr_error *error) {
    pyr_metadata *kept = NULL;
    PYR_TRY(pyr_metadata_create(&kept, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < pyr_metadata_count(field->metadata); ++i) {
        const char *key;
        const char *value;
        size_t key_length;
        size_t value_length;
        pyr_metadata_get(field->metadata, i, &key, &key_length, &value, &value_length);
        if (!is_layout_key(key, key_length)) {
            status = pyr_metadata_add(kept, key, key_length, value, value_length, error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_field_with(field, field->name, field->nullable,
                                pyr_metadata_count(kept) > 0 ? kept : NULL, out, error);
    }
    pyr_metadata_release(kept);
    return status;
}

pyr_status pyr_catalog_own_schema(pyr_schema *schema, pyr_schema **out, pyr_error *error) {
    *out = NULL;
    if (!pyr_schema_has_column_ids(schema)) {
        *out = pyr_schema_retain(schema);
        return PYR_OK;
    }
    size_t count = (size_t)schema->fields_count;
    pyr_field **fields = calloc(count + 1, sizeof(*fields));
    if (fields == NULL) {
        return pyr_error_memory(error, count * sizeof(*fields));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        status = copy_field(schema->fields[i], &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, out, error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

pyr_status pyr_catalog_new_table(pyr_catalog *catalog, const pyr_table_definition *definition,
                                 pyr_table **out, pyr_error *error) {
    *out = NULL;
    const char *schema_name = definition->schema_name != NULL ? definition->schema_name : "main";
    PYR_TRY(pyr_catalog_check_table(schema_name, definition->name, definition->schema, error));
    PYR_TRY(pyr_table_options_check(definition, error));
    PYR_TRY(pyr_keyed_check_new(catalog, definition, error));
    uint64_t id = atomic_fetch_add(&catalog->next_table, 1);
    pyr_table_definition own = *definition;
    PYR_TRY(pyr_catalog_own_schema(definition->schema, &own.schema, error));
    pyr_status status = pyr_table_create(id, 0, &own, NULL, 0, out, error);
    pyr_schema_release(own.schema);
    return status;
}

pyr_status pyr_catalog_altered_table(const pyr_table_definition *definition, pyr_table **out,
                                     pyr_error *error) {
    *out = NULL;
    PYR_TRY(pyr_catalog_check_table(definition->schema_name, definition->name, definition->schema,
                                    error));
    PYR_TRY(pyr_table_options_check(definition, error));
    return pyr_table_create(0, 0, definition, NULL, 0, out, error);
}

pyr_status pyr_catalog_create_table(pyr_catalog *catalog, const pyr_table_definition *definition,
                                    pyr_create_mode mode, bool *created, pyr_error *error) {
    bool made = false;
    pyr_table *table = NULL;
    pyr_change *change = NULL;
    if (created != NULL) {
        *created = false;
    }
    PYR_TRY(begin(catalog, &change, error));
    pyr_status status = pyr_catalog_new_table(catalog, definition, &table, error);
    if (status == PYR_OK) {
        status = pyr_change_create_table(change, table, mode, &made, error);
    }
    if (status == PYR_OK) {
        status = pyr_change_commit(change, true, error);
    }
    if (mode == PYR_CREATE_IF_NOT_EXISTS && status == PYR_ERROR_ALREADY_EXISTS) {
        status = PYR_OK; /* somebody else was faster */
        made = false;
    }
    if (created != NULL) {
        *created = made && status == PYR_OK;
    }
    pyr_change_destroy(change);
    pyr_table_release(table);
    return status;
}

pyr_status pyr_catalog_drop_table(pyr_catalog *catalog, const char *schema_name, const char *name,
                                  bool if_exists, bool *dropped, pyr_error *error) {
    if (dropped != NULL) {
        *dropped = false;
    }
    pyr_change *change = NULL;
    PYR_TRY(begin(catalog, &change, error));
    const pyr_table *table = pyr_snapshot_find(change->base, schema_name, name);
    pyr_status status = PYR_OK;
    if (table == NULL && !if_exists) {
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                   "table \"%s\" does not exist", name);
    } else if (table != NULL) {
        status = pyr_change_drop_table(change, table, error);
        if (status == PYR_OK) {
            status = pyr_change_commit(change, true, error);
        }
        bool gone = if_exists && status == PYR_ERROR_NOT_FOUND; /* somebody else was faster */
        if (dropped != NULL) {
            *dropped = status == PYR_OK;
        }
        status = gone ? PYR_OK : status;
    }
    pyr_change_destroy(change);
    return status;
}

/* ---- Verifying. ---- */

pyr_status pyr_catalog_verify(pyr_catalog *catalog,
                              void (*report)(void *context, const pyr_table *table,
                                             const pyr_segment_info *segment,
                                             const pyr_error *error),
                              void *context, pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    PYR_TRY(pyr_catalog_snapshot(catalog, &snapshot, error));
    size_t damaged = 0;
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        const pyr_table *table = snapshot->tables[i];
        for (size_t j = 0; j < table->segments_count; ++j) {
            pyr_error found;
            pyr_status status = pyr_segment_verify(table->segments[j], &found);
            report(context, table, pyr_segment_get_info(table->segments[j]),
                   status != PYR_OK ? &found : NULL);
            damaged += status != PYR_OK;
        }
        if (table->keyed != NULL) {
            pyr_error found;
            pyr_segment_info rows = {
                .path = "rows by key", .rows = table->rows, .size_bytes = table->size_bytes};
            pyr_status status = pyr_keyed_verify(snapshot->tables[i], &found);
            report(context, table, &rows, status != PYR_OK ? &found : NULL);
            damaged += status != PYR_OK;
        }
    }
    pyr_snapshot_release(snapshot);
    if (damaged > 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: %zu damaged segment%s or keyed table%s",
                             pyr_catalog_path(catalog), damaged, damaged == 1 ? "" : "s",
                             damaged == 1 ? "" : "s");
    }
    return PYR_OK;
}
