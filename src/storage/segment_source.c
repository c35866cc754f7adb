/* segment_source.c - segments of another format: their batches are made when they are asked for.
 *
 * What a source says of itself (schema, batches, rows) is known from the beginning, so nothing is
 * opened here. A batch is the source's word: its types and its length are held against what was
 * promised, because everything above trusts them.
 */
#include "base/checked.h"
#include "storage/storage_internal.h"

#include <string.h>

void pyr_source_destroy(pyr_segment_source *source) {
    if (source != NULL) {
        source->ops->destroy(source);
    }
}

pyr_status pyr_source_count_rows(const pyr_segment_source *source, int64_t *rows,
                                 pyr_error *error) {
    *rows = 0;
    for (size_t i = 0; i < source->batches; ++i) {
        int64_t some = source->ops->batch_rows(source, i);
        if (some < 0 || !pyr_add_i64(*rows, some, rows)) {
            return pyr_error_set(error, PYR_ERROR_LIMIT, "more rows than a BIGINT counts");
        }
    }
    return PYR_OK;
}

static pyr_status check_batch(const pyr_segment_source *source, size_t index,
                              const int32_t *columns, const pyr_batch *batch, pyr_error *error) {
    int64_t rows = source->ops->batch_rows(source, index);
    if (batch->rows != rows) {
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "batch %zu: %lld rows instead of %lld",
                             index, (long long)batch->rows, (long long)rows);
    }
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        const pyr_field *field = source->schema->fields[columns != NULL ? columns[i] : i];
        if (!pyr_field_type_equal(batch->columns[i]->field, field)) {
            return pyr_error_set(error, PYR_ERROR_INTERNAL,
                                 "batch %zu: column \"%s\" is of another type", index, field->name);
        }
    }
    return PYR_OK;
}

pyr_status pyr_source_batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                            int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                            pyr_batch **out, pyr_error *error) {
    *out = NULL;
    pyr_batch *batch = NULL;
    PYR_TRY(
        source->ops->batch(source, index, columns, columns_count, ledger, budget, &batch, error));
    pyr_status status = check_batch(source, index, columns, batch, error);
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return status;
    }
    *out = batch;
    return PYR_OK;
}

void pyr_source_zone(const pyr_segment_source *source, size_t batch, int32_t column,
                     pyr_zone *out) {
    memset(out, 0, sizeof(*out));
    if (source->ops->zone != NULL) {
        source->ops->zone(source, batch, column, out);
    }
}

pyr_status pyr_source_verify(pyr_segment_source *source, pyr_error *error) {
    for (size_t i = 0; i < source->batches; ++i) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_source_batch(source, i, NULL, 0, NULL, NULL, &batch, error));
        pyr_status status = pyr_batch_validate(batch, PYR_VALIDATE_FULL, error);
        for (int32_t j = 0; status == PYR_OK && j < batch->columns_count; ++j) {
            pyr_zone zone;
            pyr_source_zone(source, i, j, &zone);
            if (!pyr_zone_holds(&zone, batch->columns[j])) {
                status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                                       "batch %zu: the zone map of column \"%s\" is not that of "
                                       "its values",
                                       i, source->schema->fields[j]->name);
            }
        }
        /* Before what was found is believed: a file that was cut reads as zeros. */
        pyr_error fault;
        if (pyr_batch_check_mappings(batch, &fault) != PYR_OK) {
            status = pyr_error_set(error, fault.code, "%s", fault.message);
        }
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
    return PYR_OK;
}
