/* segment_facts.c - what the heads of a segment's messages say, read once and kept.
 *
 * A query asks each batch for its rows and for the zones of a few columns; to find them in the
 * message's metadata costs more than many a query. Kept are the rows of all batches and, column by
 * column as they are asked for, the zones. Whoever makes a table publishes it; who comes second
 * throws the same table away. A head that cannot be read is an error, and nothing is kept.
 */
#include "storage/storage_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_segment_facts {
    pyr_ipc_file *file; /* borrowed */
    size_t batches;
    size_t columns;
    _Atomic(int64_t *) rows;    /* of each batch; NULL: not asked for yet */
    _Atomic(pyr_zone *) *zones; /* of each column: of each batch; NULL the same */
};

pyr_status pyr_segment_facts_create(pyr_ipc_file *file, size_t batches, size_t columns,
                                    pyr_segment_facts **out, pyr_error *error) {
    pyr_segment_facts *self = calloc(1, sizeof(*self));
    *out = NULL;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->file = file;
    self->batches = batches;
    self->columns = columns;
    self->zones = calloc(columns + 1, sizeof(*self->zones));
    if (self->zones == NULL) {
        free(self);
        return pyr_error_memory(error, columns * sizeof(*self->zones));
    }
    *out = self;
    return PYR_OK;
}

void pyr_segment_facts_destroy(pyr_segment_facts *facts) {
    if (facts == NULL) {
        return;
    }
    for (size_t i = 0; i < facts->columns; ++i) {
        free(atomic_load(&facts->zones[i]));
    }
    free((void *)facts->zones);
    free(atomic_load(&facts->rows));
    free(facts);
}

/* ---- Rows. ---- */

static pyr_status make_rows(pyr_segment_facts *self, int64_t **out, pyr_error *error) {
    int64_t *rows = calloc(self->batches + 1, sizeof(*rows));
    *out = NULL;
    if (rows == NULL) {
        return pyr_error_memory(error, self->batches * sizeof(*rows));
    }
    for (size_t i = 0; i < self->batches; ++i) {
        pyr_metadata *metadata = NULL;
        pyr_status status = pyr_ipc_file_batch_head(self->file, i, &rows[i], &metadata, error);
        pyr_metadata_release(metadata);
        if (status != PYR_OK) {
            free(rows);
            return status;
        }
    }
    int64_t *before = NULL;
    if (atomic_compare_exchange_strong(&self->rows, &before, rows)) {
        *out = rows;
    } else {
        free(rows);
        *out = before;
    }
    return PYR_OK;
}

pyr_status pyr_segment_facts_rows(pyr_segment_facts *facts, size_t batch, int64_t *rows,
                                  pyr_error *error) {
    int64_t *all = atomic_load_explicit(&facts->rows, memory_order_acquire);
    if (all == NULL) {
        PYR_TRY(make_rows(facts, &all, error));
    }
    *rows = all[batch];
    return PYR_OK;
}

/* ---- Zones. ---- */

void pyr_segment_read_zone(const pyr_ipc_file *file, const pyr_metadata *metadata, int64_t rows,
                           int32_t column, pyr_zone *out) {
    size_t length;
    const char *text = pyr_metadata_find(metadata, PYR_SEGMENT_ZONES_KEY, &length);
    memset(out, 0, sizeof(*out));
    if (text != NULL) {
        const pyr_field *field = pyr_ipc_file_schema(file)->fields[column];
        (void)pyr_zone_parse(text, length, column, field, out);
    }
    if (out->null_count > rows) {
        memset(out, 0, sizeof(*out));
    }
}

static pyr_status make_zones(pyr_segment_facts *self, int32_t column, pyr_zone **out,
                             pyr_error *error) {
    pyr_zone *zones = calloc(self->batches + 1, sizeof(*zones));
    *out = NULL;
    if (zones == NULL) {
        return pyr_error_memory(error, self->batches * sizeof(*zones));
    }
    for (size_t i = 0; i < self->batches; ++i) {
        pyr_metadata *metadata = NULL;
        int64_t rows = 0;
        pyr_status status = pyr_ipc_file_batch_head(self->file, i, &rows, &metadata, error);
        if (status != PYR_OK) {
            free(zones);
            return status;
        }
        pyr_segment_read_zone(self->file, metadata, rows, column, &zones[i]);
        pyr_metadata_release(metadata);
    }
    pyr_zone *before = NULL;
    if (atomic_compare_exchange_strong(&self->zones[column], &before, zones)) {
        *out = zones;
    } else {
        free(zones);
        *out = before;
    }
    return PYR_OK;
}

pyr_status pyr_segment_facts_zone(pyr_segment_facts *facts, size_t batch, int32_t column,
                                  pyr_zone *out, pyr_error *error) {
    pyr_zone *all = atomic_load_explicit(&facts->zones[column], memory_order_acquire);
    if (all == NULL) {
        PYR_TRY(make_zones(facts, column, &all, error));
    }
    *out = all[batch];
    return PYR_OK;
}
