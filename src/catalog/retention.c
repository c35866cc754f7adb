/* retention.c - segments whose rows are all older than the table keeps them, dropped whole. */
#include "catalog/retention.h"

#include "base/clock.h"
#include "catalog/change_internal.h"
#include "catalog/table_options.h"

#include <stdlib.h>

/* Microseconds since 1970, cut towards the future: a row is rather kept. */
static int64_t to_us(int64_t value, int64_t unit_ns) {
    int64_t out;
    if (unit_ns == 0) {
        return __builtin_mul_overflow(value + 1, INT64_C(86400000000), &out) ? INT64_MAX : out;
    }
    if (unit_ns < 1000) {
        return value / 1000 + 1;
    }
    return __builtin_mul_overflow(value, unit_ns / 1000, &out) ? INT64_MAX : out;
}

/* Whether every row of segment is older than cutoff; a null has no age and stays. */
static bool is_old(pyr_segment *segment, const pyr_retention *retention, int64_t cutoff_us) {
    size_t batches = 0;
    if (pyr_segment_batches(segment, NULL, &batches, NULL) != PYR_OK) {
        return false;
    }
    for (size_t i = 0; i < batches; ++i) {
        pyr_zone zone;
        if (pyr_segment_zone(segment, i, retention->column, &zone, NULL) != PYR_OK || !zone.known ||
            !zone.has_bounds || zone.null_count > 0 ||
            to_us(zone.max.i64, retention->unit_ns) >= cutoff_us) {
            return false;
        }
    }
    return true;
}

static size_t count_old(const pyr_table *table, const pyr_retention *retention) {
    int64_t cutoff = pyr_clock_wall_us() - retention->age_us;
    size_t count = 0;
    while (count < table->segments_count && is_old(table->segments[count], retention, cutoff)) {
        ++count;
    }
    return count;
}

static pyr_status drop_first(pyr_catalog *catalog, pyr_snapshot *base, const pyr_table *table,
                             size_t count, pyr_error *error) {
    pyr_replacement *nothing = NULL;
    pyr_change *change = NULL;
    pyr_row_bitmap **deleted = calloc(count, sizeof(pyr_row_bitmap *));
    if (deleted == NULL) {
        return pyr_error_memory(error, count * sizeof(pyr_row_bitmap *));
    }
    for (size_t i = 0; i < count; ++i) {
        deleted[i] = pyr_table_deleted(table, i);
    }
    pyr_status status =
        pyr_replacement_create(table->segments, deleted, count, NULL, 0, true, &nothing, error);
    if (status == PYR_OK) {
        status = pyr_change_create(catalog, base, &change, error);
    }
    if (status == PYR_OK) {
        status = pyr_change_replace(change, table, nothing, NULL, error);
    }
    if (status == PYR_OK) {
        status = pyr_change_commit(change, false, error);
    }
    pyr_change_destroy(change);
    pyr_replacement_release(nothing);
    free(deleted);
    return status;
}

bool pyr_table_has_retention(const pyr_table *table) {
    return pyr_table_get_option(table, "retention") != NULL;
}

pyr_status pyr_retention_step(pyr_catalog *catalog, uint64_t table_id, pyr_error *error) {
    pthread_mutex_lock(&catalog->compact_lock); /* which replaces segments, too */
    pyr_snapshot *base = pyr_catalog_current(catalog);
    const pyr_table *table = pyr_snapshot_find_id(base, table_id);
    pyr_retention retention;
    bool found = false;
    pyr_status status = PYR_OK;
    if (table != NULL && table->segments_count > 0) {
        pyr_table_definition definition = pyr_table_get_definition(table);
        status = pyr_retention_of(&definition, &found, &retention, error);
    }
    size_t old = status == PYR_OK && found ? count_old(table, &retention) : 0;
    if (old > 0) {
        status = drop_first(catalog, base, table, old, error);
    }
    pyr_snapshot_release(base);
    pthread_mutex_unlock(&catalog->compact_lock);
    return status;
}
