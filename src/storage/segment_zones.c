/* segment_zones.c - what is known of a segment's batches before one is read: their rows, and zones.
 */
#include "storage/segment_internal.h"

#include <string.h>

/* ---- Rows. ---- */

pyr_status pyr_segment_batch_rows(pyr_segment *segment, size_t index, int64_t *rows,
                                  pyr_error *error) {
    *rows = 0;
    if (segment->evolved != NULL) {
        return pyr_segment_batch_rows(pyr_evolved_base(segment->evolved), index, rows, error);
    }
    if (segment->source != NULL) {
        PYR_TRY(pyr_segment_check_index(segment, segment->source->batches, index, error));
        *rows = segment->source->ops->batch_rows(segment->source, index);
        return PYR_OK;
    }
    const int64_t *all;
    pyr_opened_file *opened;
    PYR_TRY(pyr_segment_get_opened(segment, NULL, &opened, error));
    PYR_TRY(pyr_segment_check_index(segment, opened->batches, index, error));
    PYR_TRY(
        pyr_segment_name_it(segment, pyr_segment_facts_rows(opened->facts, &all, error), error));
    *rows = all[index];
    return PYR_OK;
}

/* Whether what is kept of its file may be asked for by the catalog's number of batches: where they
 * differ, who asks for a batch that is not there has the error. */
static pyr_status get_kept(pyr_segment *segment, pyr_opened_file **out, pyr_error *error) {
    size_t batches;
    pyr_opened_file *opened;
    *out = NULL;
    if (segment->evolved != NULL || segment->source != NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_segment_get_opened(segment, NULL, &opened, error));
    PYR_TRY(pyr_segment_batches(segment, NULL, &batches, error));
    *out = batches == opened->batches ? opened : NULL;
    return PYR_OK;
}

pyr_status pyr_segment_kept_rows(pyr_segment *segment, const int64_t **out, pyr_error *error) {
    pyr_opened_file *opened;
    *out = NULL;
    PYR_TRY(get_kept(segment, &opened, error));
    return opened == NULL ? PYR_OK
                          : pyr_segment_name_it(
                                segment, pyr_segment_facts_rows(opened->facts, out, error), error);
}

/* ---- Zones. ---- */

/* NULL: it is not trusted, whoever wrote it may have changed rows and kept the zones. */
static pyr_status get_zones(pyr_segment *segment, const pyr_opened_file *opened, int32_t column,
                            const pyr_zone **out, pyr_error *error) {
    *out = NULL;
    PYR_TRY(pyr_segment_check_columns(segment, opened->columns, &column, 1, error));
    return segment->trusted
               ? pyr_segment_name_it(
                     segment, pyr_segment_facts_zones(opened->facts, column, out, error), error)
               : PYR_OK;
}

pyr_status pyr_segment_zone(pyr_segment *segment, size_t batch, int32_t column, pyr_zone *out,
                            pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_opened_file *opened;
    if (segment->evolved != NULL) {
        return pyr_evolved_zone(segment->evolved, batch, column, out, error);
    }
    if (segment->source != NULL) {
        size_t columns = (size_t)segment->source->schema->fields_count;
        PYR_TRY(pyr_segment_check_index(segment, segment->source->batches, batch, error));
        PYR_TRY(pyr_segment_check_columns(segment, columns, &column, 1, error));
        pyr_source_zone(segment->source, batch, column, out);
        return PYR_OK;
    }
    const pyr_zone *zones;
    PYR_TRY(pyr_segment_get_opened(segment, NULL, &opened, error));
    PYR_TRY(pyr_segment_check_index(segment, opened->batches, batch, error));
    PYR_TRY(get_zones(segment, opened, column, &zones, error));
    if (zones != NULL) {
        *out = zones[batch];
    }
    return PYR_OK;
}

pyr_status pyr_segment_kept_zones(pyr_segment *segment, int32_t column, const pyr_zone **out,
                                  pyr_error *error) {
    pyr_opened_file *opened;
    *out = NULL;
    PYR_TRY(get_kept(segment, &opened, error));
    return opened != NULL ? get_zones(segment, opened, column, out, error) : PYR_OK;
}

/* Zones of segments that keep no facts, one after the other. */
static pyr_status join_zones(pyr_segment *segment, int32_t column, pyr_zone *out,
                             pyr_error *error) {
    pyr_schema *schema = NULL;
    size_t batches = 0;
    PYR_TRY(pyr_segment_schema(segment, NULL, &schema, error));
    pyr_status status = pyr_segment_batches(segment, NULL, &batches, error);
    pyr_zone_of_none(out);
    for (size_t i = 0; i < batches && status == PYR_OK; ++i) {
        pyr_zone zone;
        int64_t rows = 0;
        status = pyr_segment_zone(segment, i, column, &zone, error);
        if (status == PYR_OK) {
            status = pyr_segment_batch_rows(segment, i, &rows, error);
        }
        if (status == PYR_OK) {
            pyr_zone_join(out, schema->fields[column], &zone, rows);
        }
    }
    pyr_schema_release(schema);
    return status;
}

pyr_status pyr_segment_zones(pyr_segment *segment, int32_t column, pyr_zone *out,
                             pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_opened_file *opened;
    const pyr_zone *zones;
    if (segment->evolved != NULL || segment->source != NULL) {
        return join_zones(segment, column, out, error);
    }
    PYR_TRY(pyr_segment_get_opened(segment, NULL, &opened, error));
    PYR_TRY(get_zones(segment, opened, column, &zones, error));
    if (zones != NULL) {
        *out = zones[opened->batches];
    }
    return PYR_OK;
}
