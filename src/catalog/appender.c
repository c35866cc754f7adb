/* appender.c - batches to segments, made visible by one atomic commit.
 *
 * Segments are written and synced before the catalog names them. A crash before the commit leaves
 * files that nobody names, which the next open removes.
 */
#include "catalog/change_internal.h"
#include "catalog/keyed.h"
#include "catalog/maintenance.h"
#include "catalog/retention.h"
#include "catalog/segment_output.h"
#include "catalog/table_options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHARED_BYTES_MAX ((int64_t)16 << 10)

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
    bool sync;
    bool sync_later; /* the catalog's thread does it */
    pyr_segment_output output;
    int64_t open_rows; /* since the last commit */
    int64_t rows;      /* committed */
};

/* ---- Making one. ---- */

static void read_options(pyr_appender *appender) {
    pyr_sync_mode mode = pyr_table_sync_mode(appender->table);
    /* What is replaced may have been synced: its files must not go before the new ones are safe. */
    bool replaces = appender->create && appender->mode == PYR_CREATE_OR_REPLACE;
    pyr_segment_output_init(&appender->output, appender->catalog, appender->table,
                            mode == PYR_SYNC_COMMIT || replaces, appender->ledger);
    appender->sync = appender->output.sync;
    appender->sync_later = mode == PYR_SYNC_INTERVAL && !appender->sync && !appender->output.memory;
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
    bool has_schema = schema_name == NULL || pyr_snapshot_has_schema(snapshot, schema_name);
    pyr_snapshot_release(snapshot);
    if (!has_schema) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", -1,
                                 "schema \"%s\" does not exist", schema_name);
    }
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
    pyr_snapshot *base = options != NULL && options->base != NULL
                             ? pyr_snapshot_retain(options->base)
                             : pyr_catalog_current(appender->catalog);
    pyr_status status = pyr_change_create(appender->catalog, base, &appender->change, error);
    pyr_snapshot_release(base);
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

static pyr_status check_whole(const pyr_appender *appender, pyr_error *error) {
    return appender->output.failed
               ? pyr_error_set(error, PYR_ERROR_IO,
                               "table \"%s\": an earlier part of this append failed, so that none "
                               "of it can be committed",
                               appender->table->name)
               : PYR_OK;
}

static pyr_status create_table(pyr_appender *appender, pyr_error *error);

static pyr_status take_keyed_rows(pyr_appender *appender, pyr_batch *batch, pyr_error *error) {
    pyr_keyed_counts counts = {0};
    pyr_status status = create_table(appender, error);
    if (status == PYR_OK) {
        status = pyr_keyed_write(appender->change, appender->table, batch, &appender->keyed,
                                 &counts, NULL, error);
    }
    appender->output.failed = status != PYR_OK; /* a part of the rows may be in the change */
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
        status = pyr_segment_output_batch(&appender->output, dense, error);
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
    pyr_segment_output *output = &appender->output;
    while (output->sealed_count > 0) {
        pyr_segment *first = output->sealed[0];
        if (appender->sync_later && !pyr_segment_get_info(first)->hot) {
            PYR_TRY(pyr_maintenance_sync_later(appender->catalog, first, error));
        }
        PYR_TRY(pyr_change_append(appender->change, appender->table, first, error));
        pyr_segment_release(first);
        memmove(output->sealed, output->sealed + 1,
                --output->sealed_count * sizeof(*output->sealed));
    }
    return PYR_OK;
}

static pyr_status delete_in_clone(pyr_appender *appender, const pyr_table *source,
                                  const uint64_t *numbers, pyr_error *error) {
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < source->segments_count; ++i) {
        pyr_row_bitmap *deleted = pyr_table_deleted(source, i);
        if (deleted != NULL) {
            status =
                pyr_change_delete(appender->change, appender->table, numbers[i], deleted, error);
        }
    }
    return status;
}

pyr_status pyr_appender_clone(pyr_appender *appender, const pyr_table *source, pyr_error *error) {
    PYR_TRY(check_whole(appender, error));
    pyr_segment_output *output = &appender->output;
    PYR_TRY(pyr_segment_output_seal(output, error));
    PYR_TRY(move_to_change(appender, error));
    uint64_t *numbers = calloc(source->segments_count + 1, sizeof(*numbers));
    if (numbers == NULL) {
        return pyr_error_memory(error, source->segments_count * sizeof(*numbers));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < source->segments_count; ++i) {
        status = pyr_segment_output_link(output, source->segments[i], error);
        numbers[i] = output->number;
    }
    if (status == PYR_OK) {
        status = move_to_change(appender, error);
    }
    if (status == PYR_OK) {
        status = delete_in_clone(appender, source, numbers, error);
    }
    output->failed = status != PYR_OK;
    appender->open_rows += status == PYR_OK ? source->rows : 0;
    free(numbers);
    return status;
}

/* Bytes of rows that are in memory only. */
static int64_t bytes_in_memory(pyr_catalog *catalog) {
    int64_t bytes = 0;
    pyr_snapshot *current = pyr_catalog_current(catalog);
    for (size_t i = 0; i < current->tables_count; ++i) {
        const pyr_table *table = current->tables[i];
        bytes += catalog->path == NULL || pyr_table_is_memory_only(table) ? table->size_bytes : 0;
    }
    pyr_snapshot_release(current);
    return bytes;
}

/* Rows in memory only are bounded by the memory limit: what is too old goes first. */
static pyr_status check_memory(pyr_appender *appender, pyr_error *error) {
    const pyr_segment_output *output = &appender->output;
    int64_t limit = atomic_load(&appender->catalog->memory_limit_bytes);
    int64_t bytes = 0;
    for (size_t i = 0; i < output->sealed_count; ++i) {
        bytes += pyr_segment_get_info(output->sealed[i])->size_bytes;
    }
    if (!output->memory || limit == 0 || bytes_in_memory(appender->catalog) + bytes <= limit) {
        return PYR_OK;
    }
    if (pyr_table_has_retention(appender->table)) {
        PYR_TRY(pyr_retention_step(appender->catalog, appender->table->id, error));
    }
    int64_t there = bytes_in_memory(appender->catalog);
    return there + bytes <= limit
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_MEMORY, "53200", -1,
                                   "table \"%s\": %" PRId64 " bytes more beside %" PRId64
                                   " that tables in memory hold would be above memory_limit",
                                   appender->table->name, bytes, there);
}

/* Rows that are committed next, and so few that a segment costs more than its bytes do: those who
 * commit with them share it. More are sealed here, where no lock is held. */
static bool shares_segment(const pyr_appender *appender) {
    return appender->owns_change && !appender->create && !appender->output.memory &&
           appender->output.held_bytes <= SHARED_BYTES_MAX &&
           pyr_segment_output_holds_all(&appender->output);
}

static pyr_status hand_over_rows(pyr_appender *appender, pyr_error *error) {
    pyr_segment_output *output = &appender->output;
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < output->held_count; ++i) {
        status = pyr_change_append_rows(appender->change, appender->table, output->held[i],
                                        appender->ledger, error);
    }
    output->failed = status != PYR_OK; /* a part of them may be in the change */
    pyr_segment_output_drop_held(output);
    return status;
}

static pyr_status fill_change(pyr_appender *appender, pyr_error *error) {
    if (shares_segment(appender)) {
        return hand_over_rows(appender, error);
    }
    PYR_TRY(pyr_segment_output_seal(&appender->output, error));
    PYR_TRY(check_memory(appender, error));
    return move_to_change(appender, error);
}

pyr_status pyr_appender_commit(pyr_appender *appender, int64_t *rows, pyr_error *error) {
    PYR_TRY(check_whole(appender, error));
    PYR_TRY(fill_change(appender, error));
    if (appender->owns_change) {
        /* That a table is there is durable, whatever its rows are. A commit that failed may be
         * tried again: the change is still there. */
        PYR_TRY(pyr_change_commit(appender->change, appender->sync || appender->created, error));
        appender->created = false;
        if (appender->sync_later) {
            PYR_TRY(pyr_maintenance_sync_later(appender->catalog, NULL, error));
        }
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
    pyr_segment_output_deinit(&appender->output);
    if (appender->owns_change) {
        pyr_change_destroy(appender->change);
    }
    pyr_table_release(appender->table);
    free(appender);
}
