/* keyed_verify.c - whether what the LSM has of a keyed table fits together: rows that can be read,
 * under the keys they have; a record for each UNIQUE key that names its row, and no other; and as
 * many rows as the table says.
 */
#include "catalog/keyed_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct verification {
    const pyr_table *table;
    const pyr_keyed_shape *shape;
    int64_t rows;
    int64_t *unique_keys; /* without nulls, one a UNIQUE key */
    /* of one batch and UNIQUE key */
    pyr_text keys;
    pyr_lsm_bytes *asked; /* keys without nulls */
    int64_t *asked_rows;
    size_t asked_count, found;
    const pyr_array *row_keys;
} verification;

static pyr_status check_row_key(verification *self, const pyr_batch *batch, int64_t row,
                                pyr_error *error) {
    bool null = false;
    size_t size;
    const uint8_t *stored = pyr_array_bytes(self->row_keys, row, &size);
    if (self->shape->codec == NULL) {
        return size == 8 ? PYR_OK
                         : pyr_keyed_corrupt(self->table->name, "its number is not one", error);
    }
    pyr_text_clear(&self->keys);
    PYR_TRY(pyr_keyed_encode(self->shape, PYR_KEYED_PRIMARY_KEY, batch, NULL, row, &self->keys,
                             &null, error));
    return !null && pyr_keyed_compare(stored, size, self->keys.data, self->keys.length) == 0
               ? PYR_OK
               : pyr_keyed_corrupt(self->table->name, "it is under another row's key", error);
}

static pyr_status take_owner(void *context, size_t index, const keyed_value *value,
                             pyr_error *error) {
    verification *self = context;
    size_t size;
    const uint8_t *row_key = pyr_array_bytes(self->row_keys, self->asked_rows[index], &size);
    self->found += 1;
    return pyr_keyed_compare(value->data, value->size, row_key, size) == 0
               ? PYR_OK
               : pyr_keyed_corrupt(self->table->name, "a UNIQUE key names another row", error);
}

static pyr_status check_unique(verification *self, int32_t unique, const pyr_batch *batch,
                               pyr_error *error) {
    pyr_text_clear(&self->keys);
    self->asked_count = 0;
    self->found = 0;
    for (int64_t row = 0; row < batch->rows; ++row) {
        bool null = false;
        size_t before = self->keys.length;
        PYR_TRY(pyr_keyed_encode(self->shape, unique, batch, NULL, row, &self->keys, &null, error));
        if (!null) {
            self->asked[self->asked_count].size = self->keys.length - before;
            self->asked_rows[self->asked_count++] = row;
        }
    }
    const char *at = pyr_text_get(&self->keys);
    for (size_t i = 0; i < self->asked_count; ++i) {
        self->asked[i].data = at;
        at += self->asked[i].size;
    }
    PYR_TRY(pyr_keyed_get_seen(self->table, unique + 1, self->asked, self->asked_count, NULL,
                               take_owner, self, error));
    self->unique_keys[unique] += (int64_t)self->asked_count;
    return self->found == self->asked_count
               ? PYR_OK
               : pyr_keyed_corrupt(self->table->name, "a UNIQUE key of it has no record", error);
}

static pyr_status check_batch(verification *self, const pyr_batch *batch, pyr_error *error) {
    self->row_keys = batch->columns[batch->columns_count - 1];
    self->rows += batch->rows;
    for (int64_t row = 0; row < batch->rows; ++row) {
        PYR_TRY(check_row_key(self, batch, row, error));
    }
    self->asked = calloc((size_t)batch->rows + 1, sizeof(*self->asked));
    self->asked_rows = calloc((size_t)batch->rows + 1, sizeof(*self->asked_rows));
    pyr_status status = self->asked != NULL && self->asked_rows != NULL
                            ? PYR_OK
                            : pyr_error_memory(error, (size_t)batch->rows * 16);
    for (int32_t i = 0; status == PYR_OK && i < self->shape->uniques_count; ++i) {
        status = check_unique(self, i, batch, error);
    }
    free(self->asked);
    free(self->asked_rows);
    self->asked = NULL;
    self->asked_rows = NULL;
    return status;
}

static pyr_status check_rows(verification *self, pyr_table *table, pyr_error *error) {
    int32_t count = table->schema->fields_count + 1; /* and the row key */
    int32_t *columns = calloc((size_t)count, sizeof(*columns));
    pyr_keyed_scan *scan = NULL;
    if (columns == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*columns));
    }
    for (int32_t i = 0; i < count; ++i) {
        columns[i] = i;
    }
    const pyr_keyed_scan_options options = {.columns = columns, .columns_count = count};
    pyr_status status = pyr_keyed_scan_create(table, &options, &scan, error);
    while (status == PYR_OK) {
        pyr_batch *batch = NULL;
        status = pyr_keyed_scan_next(scan, &batch, error);
        if (batch == NULL) {
            break;
        }
        status = check_batch(self, batch, error);
        pyr_batch_release(batch);
    }
    pyr_keyed_scan_destroy(scan);
    free(columns);
    return status;
}

static pyr_status count_pair(void *context, const char *key, size_t key_size, const char *value,
                             size_t value_size, bool *more, pyr_error *error) {
    (void)key, (void)key_size, (void)value, (void)value_size, (void)more, (void)error;
    *(int64_t *)context += 1;
    return PYR_OK;
}

static pyr_status check_counts(const verification *self, pyr_error *error) {
    const pyr_table *table = self->table;
    if (self->rows != table->rows) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "table \"%s\" has %" PRId64 " rows and says %" PRId64, table->name,
                             self->rows, table->rows);
    }
    pyr_lsm_view *view = pyr_keyed_rows_view(table->keyed->rows);
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && view != NULL && i < self->shape->uniques_count; ++i) {
        int64_t records = 0;
        keyed_prefix from = pyr_keyed_unique_prefix(table->id, (uint32_t)i);
        keyed_prefix to = pyr_keyed_prefix_end(from);
        status =
            pyr_lsm_view_range(view, (pyr_lsm_bytes){from.bytes, from.size},
                               (pyr_lsm_bytes){to.bytes, to.size}, count_pair, &records, error);
        if (status == PYR_OK && records != self->unique_keys[i]) {
            status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                                   "table \"%s\": %" PRId64 " records of a UNIQUE key, %" PRId64
                                   " rows with one",
                                   table->name, records, self->unique_keys[i]);
        }
    }
    pyr_lsm_view_release(view);
    return status;
}

pyr_status pyr_keyed_verify(pyr_table *table, pyr_error *error) {
    verification self = {.table = table, .shape = table->keyed->shape};
    pyr_text_init(&self.keys);
    self.unique_keys = calloc((size_t)self.shape->uniques_count + 1, sizeof(*self.unique_keys));
    pyr_status status = self.unique_keys != NULL ? PYR_OK : pyr_error_memory(error, 8);
    if (status == PYR_OK) {
        status = check_rows(&self, table, error);
    }
    if (status == PYR_OK) {
        status = check_counts(&self, error);
    }
    free(self.unique_keys);
    pyr_text_deinit(&self.keys);
    return status;
}
