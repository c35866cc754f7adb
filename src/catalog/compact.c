/* compact.c - one step of compaction: see compact.h. */
#include "catalog/change_internal.h"
#include "catalog/compact_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the background it has time. */
static pyr_status commit(pyr_change *change, bool sync, pyr_compact_goal goal, pyr_error *error) {
    return goal == PYR_COMPACT_TIERS ? pyr_change_commit_patiently(change, sync, error)
                                     : pyr_change_commit(change, sync, error);
}

static pyr_status swap(pyr_catalog *catalog, pyr_snapshot *base, pyr_table *table,
                       pyr_compact_run run, pyr_compact_goal goal, pyr_segment_output *output,
                       pyr_error *error) {
    pyr_replacement *replacement = NULL;
    pyr_change *change = NULL;
    pyr_row_bitmap **deleted = calloc(run.count + 1, sizeof(pyr_row_bitmap *));
    if (deleted == NULL) {
        return pyr_error_memory(error, run.count * sizeof(pyr_row_bitmap *));
    }
    for (size_t i = 0; i < run.count; ++i) {
        deleted[i] = pyr_table_deleted(table, run.first + i);
    }
    pyr_status status =
        pyr_replacement_create(table->segments + run.first, deleted, run.count, output->sealed,
                               output->sealed_count, !output->sorted, &replacement, error);
    if (status == PYR_OK) {
        status = pyr_change_create(catalog, base, &change, error);
    }
    if (status == PYR_OK) {
        status = pyr_change_replace(change, table, replacement, output->sealed, error);
    }
    if (status == PYR_OK) { /* the files are the change's now */
        for (size_t i = 0; i < output->sealed_count; ++i) {
            pyr_segment_release(output->sealed[i]);
        }
        output->sealed_count = 0;
        status = commit(change, output->sync, goal, error);
    }
    pyr_change_destroy(change);
    pyr_replacement_release(replacement);
    free(deleted);
    return status;
}

static bool is_hot_run(const pyr_catalog *catalog, const pyr_table *table, pyr_compact_run run) {
    int64_t bytes = 0;
    for (size_t i = 0; i < run.count; ++i) {
        bytes += pyr_segment_get_info(table->segments[run.first + i])->size_bytes;
    }
    return bytes <= atomic_load(&catalog->hot_bytes_max);
}

static pyr_status step(pyr_catalog *catalog, pyr_snapshot *base, pyr_table *table,
                       pyr_compact_run run, const pyr_compaction *compaction, pyr_error *error) {
    pyr_segment_output output;
    pyr_segment_output_init(&output, catalog, table, true, compaction->ledger);
    output.place = pyr_segment_get_info(table->segments[run.first])->place;
    if (compaction->goal != PYR_COMPACT_TIERS || !is_hot_run(catalog, table, run)) {
        output.hot_bytes_max = 0;
    }
    pyr_status status = pyr_compact_rows(table, run, compaction, &output, error);
    if (status == PYR_OK) {
        status = swap(catalog, base, table, run, compaction->goal, &output, error);
    }
    pyr_segment_output_deinit(&output);
    return status;
}

pyr_status pyr_compact_step(pyr_catalog *catalog, uint64_t table_id,
                            const pyr_compaction *compaction, bool *did, pyr_error *error) {
    *did = false;
    PYR_TRY(pyr_catalog_check_writable(catalog, error));
    pthread_mutex_lock(&catalog->compact_lock);
    pyr_snapshot *base = pyr_catalog_current(catalog);
    pyr_table *table = pyr_snapshot_find_id(base, table_id);
    pyr_compact_run run = {0, 0};
    if (table != NULL) {
        run = pyr_compact_pick(table, compaction->goal);
    }
    pyr_status status = PYR_OK;
    if (run.count > 0) {
        pyr_error found;
        status = step(catalog, base, table, run, compaction, &found);
        *did = status == PYR_OK;
        if (status == PYR_ERROR_CONFLICT || status == PYR_ERROR_NOT_FOUND) {
            status = PYR_OK; /* rows of a sorted run were deleted, or the table was dropped */
        } else if (status != PYR_OK && error != NULL) {
            *error = found;
        }
    }
    pyr_snapshot_release(base);
    pthread_mutex_unlock(&catalog->compact_lock);
    return status;
}

pyr_status pyr_compact_table(pyr_catalog *catalog, uint64_t table_id,
                             const pyr_compaction *compaction, pyr_error *error) {
    bool did = true;
    while (did) {
        PYR_TRY(pyr_compact_step(catalog, table_id, compaction, &did, error));
    }
    return PYR_OK;
}
