/* appender.c - batches to segments, made visible by one atomic commit.
 *
 * Segments are written and synced before the catalog names them. A crash before the commit leaves
 * files that nobody names, which the next open removes.
 */
#include "base/file.h"
#include "catalog/change_internal.h"
#include "catalog/keyed.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pyr_appender {
    pyr_catalog *catalog;
    pyr_table *table; /* retained: the version seen at the start, or the one to be created */
    bool create;      /* not in the change yet */
    bool created;     /* in the change, but not committed */
    pyr_create_mode mode;
    pyr_change *change;            /* where commits go */
    bool owns_change;              /* each commit is a transaction */
    pyr_keyed_write_options keyed; /* of a keyed table, whose rows go to the change at once */
    pyr_query_ledger *ledger;
    pyr_ipc_compression compression;
    bool sync;
    bool memory;
    bool folder_synced; /* segments/, which holds the table's folder */
    bool failed;        /* rows are lost: nothing may be committed any more */
    uint64_t number;    /* of the writer's segment */
    pyr_segment_writer *writer;
    pyr_segment **sealed; /* since the last commit */
    size_t sealed_count;
    int64_t open_rows; /* since the last commit */
    int64_t rows;      /* committed */
};

/* ---- Making one. ---- */

static void read_options(pyr_appender *appender) {
    const char *compression = pyr_table_get_option(appender->table, "compression");
    if (compression != NULL && strcasecmp(compression, "zstd") == 0) {
        appender->compression = PYR_IPC_ZSTD;
    } else if (compression != NULL && strcasecmp(compression, "lz4") == 0) {
        appender->compression = PYR_IPC_LZ4_FRAME;
    }
    appender->memory = appender->catalog->path == NULL || pyr_table_is_memory_only(appender->table);
    const char *sync = pyr_table_get_option(appender->table, "sync");
    bool none = sync != NULL && strcasecmp(sync, "none") == 0;
    /* What is replaced may have been synced: its files must not go before the new ones are safe. */
    bool replaces = appender->create && appender->mode == PYR_CREATE_OR_REPLACE;
    appender->sync = !appender->memory && (!none || replaces);
}

static pyr_status check_schema(const pyr_table *table, const pyr_schema *schema, pyr_error *error) {
    if (schema->fields_count != table->schema->fields_count) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42804", -1,
                                 "table \"%s\" has %d columns, %d were given", table->name,
                                 (int)table->schema->fields_count, (int)schema->fields_count);
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        if (!pyr_field_type_equal(schema->fields[i], table->schema->fields[i])) {
            pyr_text types;
            pyr_text_init(&types);
            pyr_field_type_print(table->schema->fields[i], &types);
            pyr_text_add(&types, ", given is ");
            pyr_field_type_print(schema->fields[i], &types);
            pyr_status status = pyr_error_set_sql(
                error, PYR_ERROR_SQL, "42804", -1, "table \"%s\", column \"%s\" is %s", table->name,
                table->schema->fields[i]->name, pyr_text_get(&types));
            pyr_text_deinit(&types);
            return status;
        }
    }
    return PYR_OK;
}

static pyr_status find_table(pyr_appender *appender, const char *schema_name, const char *name,
                             pyr_schema *schema, pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    PYR_TRY(pyr_change_snapshot(appender->change, &snapshot, error));
    pyr_table *table = pyr_snapshot_find(snapshot, schema_name, name);
    pyr_status status = PYR_OK;
    if (table == NULL) {
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                   "table \"%s\" does not exist", name);
    } else {
        appender->table = pyr_table_retain(table);
        status = check_schema(table, schema, error);
    }
    pyr_snapshot_release(snapshot);
    return status;
}

static pyr_status new_table(pyr_appender *appender, const char *schema_name, const char *name,
                            pyr_schema *schema, const pyr_appender_options *options,
                            pyr_error *error) {
    pyr_snapshot *snapshot = NULL;
    PYR_TRY(pyr_change_snapshot(appender->change, &snapshot, error));
    bool there = pyr_snapshot_find(snapshot, schema_name, name) != NULL;
    pyr_snapshot_release(snapshot);
    if (there && options->mode == PYR_CREATE_NEW) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                 "table \"%s\" already exists", name);
    }
    appender->create = true;
    appender->mode = options->mode;
    pyr_table_definition definition = {.schema_name = schema_name,
                                       .name = name,
                                       .schema = schema,
                                       .sql_types = options->sql_types,
                                       .options = options->options,
                                       .options_count = options->options_count,
                                       .constraints = options->constraints};
    return pyr_catalog_new_table(appender->catalog, &definition, &appender->table, error);
}

static pyr_status begin_change(pyr_appender *appender, const pyr_appender_options *options,
                               pyr_error *error) {
    if (options != NULL && options->change != NULL) {
        appender->change = options->change;
        return PYR_OK;
    }
    appender->owns_change = true;
    pyr_snapshot *current = pyr_catalog_current(appender->catalog);
    pyr_status status = pyr_change_create(appender->catalog, current, &appender->change, error);
    pyr_snapshot_release(current);
    return status;
}

pyr_status pyr_appender_create(pyr_catalog *catalog, const char *schema_name, const char *name,
                               pyr_schema *schema, const pyr_appender_options *options,
                               pyr_query_ledger *ledger, pyr_appender **out, pyr_error *error) {
    *out = NULL;
    PYR_TRY(pyr_catalog_check_writable(catalog, error));
    pyr_appender *appender = calloc(1, sizeof(*appender));
    if (appender == NULL) {
        return pyr_error_memory(error, sizeof(*appender));
    }
    appender->catalog = catalog;
    appender->ledger = ledger;
    if (options != NULL && options->keyed != NULL) {
        appender->keyed = *options->keyed;
    }
    appender->keyed.ledger = ledger;
    schema_name = schema_name != NULL ? schema_name : "main";
    pyr_status status = begin_change(appender, options, error);
    if (status == PYR_OK) {
        status = options != NULL && options->create
                     ? new_table(appender, schema_name, name, schema, options, error)
                     : find_table(appender, schema_name, name, schema, error);
    }
    if (status != PYR_OK) {
        pyr_appender_destroy(appender);
        return status;
    }
    read_options(appender);
    *out = appender;
    return PYR_OK;
}

/* ---- Batches. ---- */

static pyr_status check_nulls(const pyr_appender *appender, const pyr_batch *batch,
                              pyr_error *error) {
    const pyr_schema *schema = appender->table->schema;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        if (schema->fields[i]->nullable || pyr_array_null_count(batch->columns[i]) == 0) {
            continue;
        }
        for (int64_t row = 0; row < batch->rows; ++row) {
            if (pyr_array_is_null(batch->columns[i], row)) {
                return pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23502", -1,
                                         "table \"%s\", column \"%s\" is NOT NULL, row %" PRId64
                                         " has none",
                                         appender->table->name, schema->fields[i]->name,
                                         appender->rows + appender->open_rows + row);
            }
        }
    }
    return PYR_OK;
}

/* A file in a folder that is not there after a power loss is lost. Each appender syncs for itself:
 * who made the folder may not have come so far yet. */
static pyr_status make_folder(pyr_appender *appender, const char *folder, pyr_error *error) {
    PYR_TRY(pyr_folder_create(folder, error));
    if (!appender->sync || appender->folder_synced) {
        return PYR_OK;
    }
    char *parent = strdup(folder);
    if (parent == NULL) {
        return pyr_error_memory(error, strlen(folder));
    }
    pyr_status status = pyr_file_sync_folder(dirname(parent), error);
    appender->folder_synced = status == PYR_OK;
    free(parent);
    return status;
}

static pyr_status open_file_writer(pyr_appender *appender, pyr_error *error) {
    const char *base = appender->catalog->path;
    char *folder = pyr_folder_table_path(base, appender->table->id);
    char *path = pyr_folder_segment_path(base, appender->table->id, appender->number);
    pyr_status status =
        folder != NULL && path != NULL ? PYR_OK : pyr_error_memory(error, strlen(base));
    if (status == PYR_OK) {
        status = make_folder(appender, folder, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_create(path, appender->table->schema, appender->compression,
                                           appender->ledger, &appender->writer, error);
    }
    free(folder);
    free(path);
    return status;
}

static pyr_status open_writer(pyr_appender *appender, pyr_error *error) {
    appender->number = atomic_fetch_add(&appender->catalog->next_segment, 1);
    return appender->memory
               ? pyr_segment_writer_create(NULL, appender->table->schema, appender->compression,
                                           appender->ledger, &appender->writer, error)
               : open_file_writer(appender, error);
}

static pyr_status seal(pyr_appender *appender, pyr_error *error) {
    if (appender->writer == NULL) {
        return PYR_OK;
    }
    pyr_segment **grown = realloc(appender->sealed, (appender->sealed_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, sizeof(*grown));
    }
    appender->sealed = grown;
    pyr_segment *segment = NULL;
    pyr_status status =
        pyr_segment_writer_finish(appender->writer, appender->sync, &segment, error);
    pyr_segment_writer_destroy(appender->writer);
    appender->writer = NULL;
    if (status == PYR_OK) {
        pyr_segment_set_number(segment, appender->number);
        appender->sealed[appender->sealed_count++] = segment;
    }
    appender->failed = status != PYR_OK;
    return status;
}

static pyr_status check_whole(const pyr_appender *appender, pyr_error *error) {
    return appender->failed
               ? pyr_error_set(error, PYR_ERROR_IO,
                               "table \"%s\": an earlier part of this append failed, so that none "
                               "of it can be committed",
                               appender->table->name)
               : PYR_OK;
}

static pyr_status take_rows(pyr_appender *appender, pyr_batch *dense, pyr_error *error) {
    pyr_status status = appender->writer == NULL ? open_writer(appender, error) : PYR_OK;
    if (status == PYR_OK) {
        status = pyr_segment_writer_append(appender->writer, dense, error);
    }
    appender->failed = status != PYR_OK; /* a part of the rows may be written */
    if (status == PYR_OK && pyr_segment_writer_size(appender->writer) >= PYR_SEGMENT_SIZE_BYTES) {
        status = seal(appender, error);
    }
    return status;
}

static pyr_status create_table(pyr_appender *appender, pyr_error *error);

static pyr_status take_keyed_rows(pyr_appender *appender, pyr_batch *batch, pyr_error *error) {
    pyr_keyed_counts counts = {0};
    pyr_status status = create_table(appender, error);
    if (status == PYR_OK) {
        status = pyr_keyed_write(appender->change, appender->table, batch, &appender->keyed,
                                 &counts, NULL, error);
    }
    appender->failed = status != PYR_OK; /* a part of the rows may be in the change */
    appender->open_rows += counts.inserted + counts.replaced;
    return status;
}

pyr_status pyr_appender_batch(pyr_appender *appender, pyr_batch *batch, pyr_error *error) {
    PYR_TRY(check_whole(appender, error));
    if (pyr_batch_selected(batch) == 0) {
        return PYR_OK;
    }
    if (pyr_table_is_keyed(appender->table)) {
        return take_keyed_rows(appender, batch, error);
    }
    pyr_batch *dense = NULL;
    PYR_TRY(pyr_batch_dense(batch, appender->ledger, NULL, &dense, error));
    pyr_status status = pyr_batch_check_mappings(batch, error); /* its rows may be gathered */
    if (status == PYR_OK) {
        status = check_nulls(appender, dense, error);
    }
    if (status == PYR_OK) {
        status = take_rows(appender, dense, error);
        appender->open_rows += dense->rows;
    }
    pyr_batch_release(dense);
    return status;
}

/* ---- Commit. ---- */

/* Once. */
static pyr_status create_table(pyr_appender *appender, pyr_error *error) {
    if (!appender->create) {
        return PYR_OK;
    }
    bool created = false;
    PYR_TRY(pyr_change_create_table(appender->change, appender->table, appender->mode, &created,
                                    error));
    if (!created) { /* IF NOT EXISTS does not ask for rows in another's table */
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                 "table \"%s\" already exists", appender->table->name);
    }
    appender->create = false;
    appender->created = true;
    return PYR_OK;
}

/* The change takes over the files: without its commit it removes them. */
static pyr_status move_to_change(pyr_appender *appender, pyr_error *error) {
    PYR_TRY(create_table(appender, error));
    while (appender->sealed_count > 0) {
        pyr_segment *last = appender->sealed[0];
        PYR_TRY(pyr_change_append(appender->change, appender->table, last, error));
        pyr_segment_release(last);
        memmove(appender->sealed, appender->sealed + 1,
                --appender->sealed_count * sizeof(*appender->sealed));
    }
    return PYR_OK;
}

pyr_status pyr_appender_commit(pyr_appender *appender, int64_t *rows, pyr_error *error) {
    PYR_TRY(check_whole(appender, error));
    PYR_TRY(seal(appender, error));
    PYR_TRY(move_to_change(appender, error));
    if (appender->owns_change) {
        /* That a table is there is durable, whatever its rows are. A commit that failed may be
         * tried again: the change is still there. */
        PYR_TRY(pyr_change_commit(appender->change, appender->sync || appender->created, error));
        appender->created = false;
    }
    appender->rows += appender->open_rows;
    appender->open_rows = 0;
    if (rows != NULL) {
        *rows = appender->rows;
    }
    return PYR_OK;
}

void pyr_appender_destroy(pyr_appender *appender) {
    if (appender == NULL) {
        return;
    }
    pyr_segment_writer_destroy(appender->writer);
    for (size_t i = 0; i < appender->sealed_count; ++i) {
        pyr_segment_remove_on_release(appender->sealed[i]);
        pyr_segment_release(appender->sealed[i]);
    }
    free(appender->sealed);
    if (appender->owns_change) {
        pyr_change_destroy(appender->change);
    }
    pyr_table_release(appender->table);
    free(appender);
}
