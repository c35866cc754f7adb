/* segment_facts.c - what the heads of a segment's messages say, read once and kept.
 *
 * A query asks each batch for its rows and for the zones and arrays of a few columns; to find them
 * in the message costs more than many a query, most of it waiting for memory that nobody else
 * reads. Kept are the rows of all batches and, column by column as they are asked for, the zones
 * and the arrays: views of the file, some 300 bytes each. Whoever makes a table publishes it; who
 * comes second throws the same table away. A head that cannot be read is an error, and nothing is
 * kept.
 */
#include "storage/storage_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY_ROWS_MIN = 1024 }; /* of fewer rows an array would be larger than they are */

typedef _Atomic(pyr_array *) *array_table;

struct pyr_segment_facts {
    pyr_ipc_file *file; /* borrowed */
    size_t batches;
    size_t columns;
    _Atomic(int64_t *) rows; /* of each batch; NULL: not asked for yet */
    /* Of each column: of each batch, and behind them of all together; NULL the same. */
    _Atomic(pyr_zone *) *zones;
    _Atomic(array_table)
        *arrays;          /* of each column: of each batch, which may be NULL; NULL the same */
    pthread_mutex_t lock; /* of the next three; a leaf */
    pyr_schema *schema;   /* of the columns last asked for together; NULL: none yet */
    int32_t *schema_columns;
    int32_t schema_count;
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
    pthread_mutex_init(&self->lock, NULL);
    self->zones = calloc(columns + 1, sizeof(*self->zones));
    self->arrays = calloc(columns + 1, sizeof(*self->arrays));
    if (self->zones == NULL || self->arrays == NULL) {
        pyr_segment_facts_destroy(self);
        return pyr_error_memory(error, columns * sizeof(*self->zones));
    }
    *out = self;
    return PYR_OK;
}

static void free_arrays(array_table arrays, size_t batches) {
    for (size_t i = 0; arrays != NULL && i < batches; ++i) {
        pyr_array_release(atomic_load(&arrays[i]));
    }
    free((void *)arrays);
}

void pyr_segment_facts_destroy(pyr_segment_facts *facts) {
    if (facts == NULL) {
        return;
    }
    for (size_t i = 0; i < facts->columns && facts->zones != NULL && facts->arrays != NULL; ++i) {
        free(atomic_load(&facts->zones[i]));
        free_arrays(atomic_load(&facts->arrays[i]), facts->batches);
    }
    free((void *)facts->zones);
    free((void *)facts->arrays);
    pyr_schema_release(facts->schema);
    free(facts->schema_columns);
    pthread_mutex_destroy(&facts->lock);
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

pyr_status pyr_segment_facts_rows(pyr_segment_facts *facts, const int64_t **out, pyr_error *error) {
    int64_t *all = atomic_load_explicit(&facts->rows, memory_order_acquire);
    if (all == NULL) {
        PYR_TRY(make_rows(facts, &all, error));
    }
    *out = all;
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
    pyr_zone *all = &zones[self->batches];
    pyr_zone_of_none(all);
    for (size_t i = 0; i < self->batches; ++i) {
        pyr_metadata *metadata = NULL;
        int64_t rows = 0;
        pyr_status status = pyr_ipc_file_batch_head(self->file, i, &rows, &metadata, error);
        if (status != PYR_OK) {
            free(zones);
            return status;
        }
        pyr_segment_read_zone(self->file, metadata, rows, column, &zones[i]);
        pyr_zone_join(all, pyr_ipc_file_schema(self->file)->fields[column], &zones[i], rows);
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

pyr_status pyr_segment_facts_zones(pyr_segment_facts *facts, int32_t column, const pyr_zone **out,
                                   pyr_error *error) {
    pyr_zone *all = atomic_load_explicit(&facts->zones[column], memory_order_acquire);
    if (all == NULL) {
        PYR_TRY(make_zones(facts, column, &all, error));
    }
    *out = all;
    return PYR_OK;
}

/* ---- Arrays. ---- */

/* The arrays' places of a column; NULL: no memory, and nothing is kept. */
static array_table places_of(pyr_segment_facts *self, int32_t column) {
    array_table places = atomic_load_explicit(&self->arrays[column], memory_order_acquire);
    if (places != NULL) {
        return places;
    }
    places = calloc(self->batches + 1, sizeof(*places));
    array_table before = NULL;
    if (places != NULL && !atomic_compare_exchange_strong(&self->arrays[column], &before, places)) {
        free((void *)places);
        return before;
    }
    return places;
}

pyr_array *pyr_segment_facts_array(const pyr_segment_facts *facts, size_t batch, int32_t column) {
    array_table places = atomic_load_explicit(&facts->arrays[column], memory_order_acquire);
    return places != NULL ? atomic_load_explicit(&places[batch], memory_order_acquire) : NULL;
}

/* What was decoded, or copied to be aligned, is a query's memory: it is not kept. */
static bool is_view(const pyr_array *array, const pyr_buffer *file) {
    if (array->children_count > 0 || array->dictionary != NULL) {
        return false;
    }
    for (int32_t i = 0; i < array->buffers_count; ++i) {
        const pyr_buffer *buffer = array->buffers[i];
        if (buffer != NULL &&
            (buffer->data < file->data || buffer->data > file->data + file->size_bytes ||
             buffer->size_bytes > (size_t)(file->data + file->size_bytes - buffer->data))) {
            return false;
        }
    }
    return true;
}

void pyr_segment_facts_keep(pyr_segment_facts *facts, size_t batch, int32_t column,
                            pyr_array *array, const pyr_buffer *file) {
    if (array->length < ARRAY_ROWS_MIN || !is_view(array, file)) {
        return;
    }
    array_table places = places_of(facts, column);
    pyr_array *before = NULL;
    if (places != NULL &&
        !atomic_compare_exchange_strong(&places[batch], &before, pyr_array_retain(array))) {
        pyr_array_release(array);
    }
}

pyr_status pyr_segment_facts_schema(pyr_segment_facts *facts, const int32_t *columns, int32_t count,
                                    pyr_schema **out, pyr_error *error) {
    size_t bytes = (size_t)count * sizeof(*columns);
    *out = NULL;
    pthread_mutex_lock(&facts->lock);
    if (facts->schema != NULL && facts->schema_count == count &&
        (count == 0 || memcmp(facts->schema_columns, columns, bytes) == 0)) {
        *out = pyr_schema_retain(facts->schema);
    }
    pthread_mutex_unlock(&facts->lock);
    if (*out != NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_schema_project(pyr_ipc_file_schema(facts->file), columns, count, out, error));
    int32_t *copy = malloc(bytes + 1);
    if (copy == NULL) {
        return PYR_OK; /* not kept */
    }
    memcpy(copy, columns, bytes);
    pthread_mutex_lock(&facts->lock);
    pyr_schema *schema = facts->schema;
    int32_t *old = facts->schema_columns;
    facts->schema = pyr_schema_retain(*out);
    facts->schema_columns = copy;
    facts->schema_count = count;
    pthread_mutex_unlock(&facts->lock);
    pyr_schema_release(schema);
    free(old);
    return PYR_OK;
}
