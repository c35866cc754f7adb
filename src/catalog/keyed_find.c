/* keyed_find.c - rows of a keyed table by the values of a key; see keyed.h. */
#include "catalog/keyed_internal.h"

#include <stdlib.h>
#include <string.h>

void pyr_keyed_found_deinit(pyr_keyed_found *found) {
    pyr_batch_release(found->rows);
    free(found->places);
    memset(found, 0, sizeof(*found));
}

typedef struct finding {
    const pyr_table *table;
    int32_t list;
    pyr_text keys; /* encoded, one after the other */
    size_t count;
    size_t asked;         /* that have no null */
    pyr_lsm_bytes *asks;  /* of each asked: place in keys, then a pointer into it */
    size_t *asks_places;  /* of each asked: its row */
    bool *there;          /* of each asked */
    keyed_gathered found; /* in the order they were found in */
    size_t *order;        /* of each asked that is there: its place in found */
    pyr_query_ledger *ledger;
    pyr_text row_keys; /* of a UNIQUE key's rows */
    pyr_lsm_bytes *row_asks;
} finding;

static void finding_deinit(finding *self) {
    pyr_text_deinit(&self->keys);
    pyr_text_deinit(&self->row_keys);
    pyr_keyed_gathered_deinit(&self->found);
    free(self->asks);
    free(self->asks_places);
    free(self->there);
    free(self->order);
    free(self->row_asks);
}

static pyr_status finding_init(finding *self, const pyr_table *table, int32_t key, size_t count,
                               pyr_error *error) {
    memset(self, 0, sizeof(*self));
    self->table = table;
    self->list = key + 1;
    self->count = count;
    pyr_text_init(&self->keys);
    pyr_text_init(&self->row_keys);
    pyr_keyed_gathered_init(&self->found);
    self->asks = calloc(count + 1, sizeof(*self->asks));
    self->asks_places = calloc(count + 1, sizeof(*self->asks_places));
    self->there = calloc(count + 1, sizeof(*self->there));
    self->order = calloc(count + 1, sizeof(*self->order));
    self->row_asks = calloc(count + 1, sizeof(*self->row_asks));
    bool made = self->asks != NULL && self->asks_places != NULL && self->there != NULL &&
                self->order != NULL && self->row_asks != NULL;
    return made ? PYR_OK : pyr_error_memory(error, count * sizeof(*self->asks));
}

static int64_t row_at(const pyr_batch *batch, int64_t index) {
    return batch->selection == NULL ? index
                                    : ((const int32_t *)batch->selection->rows->data)[index];
}

static pyr_status encode_asks(finding *self, int32_t key, const pyr_batch *batch,
                              const int32_t *key_columns, pyr_error *error) {
    for (size_t i = 0; i < self->count; ++i) {
        bool null = false;
        size_t before = self->keys.length;
        int64_t row = row_at(batch, (int64_t)i);
        PYR_TRY(pyr_keyed_encode(self->table->keyed->shape, key, batch, key_columns, row,
                                 &self->keys, &null, error));
        if (!null) {
            self->asks[self->asked].size = self->keys.length - before;
            self->asks_places[self->asked++] = i;
        }
    }
    const char *at = self->keys.data;
    for (size_t i = 0; i < self->asked; ++i) {
        self->asks[i].data = at;
        at += self->asks[i].size;
    }
    return PYR_OK;
}

static pyr_status take_row(void *context, size_t index, const keyed_value *value,
                           pyr_error *error) {
    finding *self = context;
    self->there[index] = true;
    self->order[index] = self->found.count;
    const pyr_lsm_bytes *key = self->list == 0 ? &self->asks[index] : &self->row_asks[index];
    return pyr_keyed_gather(&self->found, key->data, key->size, value->data, value->size, error);
}

static pyr_status take_row_key(void *context, size_t index, const keyed_value *value,
                               pyr_error *error) {
    finding *self = context;
    self->there[index] = true;
    self->order[index] = self->row_keys.length;
    self->row_asks[index].size = value->size;
    pyr_text_append(&self->row_keys, (const char *)value->data, value->size);
    return pyr_text_check(&self->row_keys, error);
}

/* From the row keys that UNIQUE keys name to the rows. */
static pyr_status find_named(finding *self, pyr_error *error) {
    size_t count = 0;
    for (size_t i = 0; i < self->asked; ++i) {
        if (self->there[i]) {
            self->asks_places[count] = self->asks_places[i];
            self->row_asks[count].size = self->row_asks[i].size;
            self->row_asks[count].data = self->row_keys.data + self->order[i];
            self->there[i] = false;
            ++count;
        }
    }
    self->asked = count;
    PYR_TRY(pyr_keyed_get_seen(self->table, 0, self->row_asks, count, self->ledger, take_row, self,
                               error));
    for (size_t i = 0; i < count; ++i) {
        if (!self->there[i]) {
            return pyr_keyed_corrupt(self->table->name,
                                     "a UNIQUE key names a row that is not there", error);
        }
    }
    return PYR_OK;
}

/* The rows in the order of the request. */
static pyr_status sort_found(finding *self, keyed_gathered *sorted, int64_t *places,
                             pyr_error *error) {
    for (size_t i = 0; i < self->count; ++i) {
        places[i] = -1;
    }
    for (size_t i = 0; i < self->asked; ++i) {
        if (self->there[i]) {
            const struct keyed_gathered_row *row = &self->found.rows[self->order[i]];
            const char *bytes = self->found.bytes.data;
            places[self->asks_places[i]] = (int64_t)sorted->count;
            PYR_TRY(pyr_keyed_gather(sorted, bytes + row->key, row->key_size, bytes + row->row,
                                     row->row_size, error));
        }
    }
    return PYR_OK;
}

static pyr_status finish_found(finding *self, const keyed_columns *columns,
                               pyr_query_ledger *ledger, pyr_budget *budget, pyr_keyed_found *out,
                               pyr_error *error) {
    out->count = (int64_t)self->count;
    out->places = calloc(self->count + 1, sizeof(*out->places));
    if (out->places == NULL) {
        return pyr_error_memory(error, self->count * sizeof(*out->places));
    }
    keyed_gathered sorted;
    pyr_keyed_gathered_init(&sorted);
    pyr_status status = sort_found(self, &sorted, out->places, error);
    if (status == PYR_OK) {
        status = pyr_keyed_decode(columns, self->table->name, &sorted, ledger, budget, &out->rows,
                                  error);
    }
    pyr_keyed_gathered_deinit(&sorted);
    return status;
}

static pyr_status find(finding *self, const keyed_columns *columns, int32_t key,
                       const pyr_batch *batch, const int32_t *key_columns, pyr_query_ledger *ledger,
                       pyr_budget *budget, pyr_keyed_found *out, pyr_error *error) {
    PYR_TRY(encode_asks(self, key, batch, key_columns, error));
    if (self->list == 0) {
        PYR_TRY(pyr_keyed_get_seen(self->table, 0, self->asks, self->asked, self->ledger, take_row,
                                   self, error));
    } else {
        PYR_TRY(pyr_keyed_get_seen(self->table, self->list, self->asks, self->asked, self->ledger,
                                   take_row_key, self, error));
        PYR_TRY(find_named(self, error));
    }
    return finish_found(self, columns, ledger, budget, out, error);
}

/* ---- Every row once. ---- */

static int compare_asks(const void *left, const void *right) {
    const pyr_lsm_bytes *a = left;
    const pyr_lsm_bytes *b = right;
    return pyr_keyed_compare(a->data, a->size, b->data, b->size);
}

static void make_distinct(finding *self) {
    size_t kept = 0;
    qsort(self->asks, self->asked, sizeof(*self->asks), compare_asks);
    for (size_t i = 0; i < self->asked; ++i) {
        if (kept == 0 || compare_asks(&self->asks[kept - 1], &self->asks[i]) != 0) {
            self->asks[kept++] = self->asks[i];
        }
    }
    self->asked = kept;
}

/* Ascending, but where some came first: those that the change itself wrote, or that were kept. */
static bool is_ascending(const finding *self) {
    size_t next = 0;
    for (size_t i = 0; i < self->asked; ++i) {
        if (self->there[i] && self->order[i] != next++) {
            return false;
        }
    }
    return true;
}

static pyr_status gather_ascending(finding *self, keyed_gathered *sorted, pyr_error *error) {
    for (size_t i = 0; i < self->asked; ++i) {
        if (self->there[i]) {
            const struct keyed_gathered_row *row = &self->found.rows[self->order[i]];
            const char *bytes = self->found.bytes.data;
            PYR_TRY(pyr_keyed_gather(sorted, bytes + row->key, row->key_size, bytes + row->row,
                                     row->row_size, error));
        }
    }
    return PYR_OK;
}

static pyr_status find_all(finding *self, const keyed_columns *columns, const pyr_batch *batch,
                           const int32_t *key_columns, pyr_query_ledger *ledger, pyr_budget *budget,
                           pyr_batch **out, pyr_error *error) {
    PYR_TRY(encode_asks(self, PYR_KEYED_PRIMARY_KEY, batch, key_columns, error));
    make_distinct(self);
    PYR_TRY(pyr_keyed_get_seen(self->table, 0, self->asks, self->asked, self->ledger, take_row,
                               self, error));
    if (is_ascending(self)) {
        return pyr_keyed_decode(columns, self->table->name, &self->found, ledger, budget, out,
                                error);
    }
    keyed_gathered sorted;
    pyr_keyed_gathered_init(&sorted);
    pyr_status status = gather_ascending(self, &sorted, error);
    if (status == PYR_OK) {
        status = pyr_keyed_decode(columns, self->table->name, &sorted, ledger, budget, out, error);
    }
    pyr_keyed_gathered_deinit(&sorted);
    return status;
}

/* ---- One row. ---- */

typedef struct one_row {
    const pyr_table *table;
    const keyed_columns *columns;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_batch *out;
} one_row;

/* Decoded where it stands: nothing is gathered. */
static pyr_status decode_one(void *context, size_t index, const keyed_value *value,
                             pyr_error *error) {
    one_row *self = context;
    (void)index;
    const pyr_row_bytes row = {value->data, value->size};
    pyr_status status = pyr_row_decode(self->columns->decoder, &row, 1, self->ledger, self->budget,
                                       &self->out, error);
    return status == PYR_OK ? PYR_OK
                            : pyr_error_context(error, status, "table \"%s\"", self->table->name);
}

static pyr_status find_one(one_row *self, const pyr_batch *batch, const int32_t *key_columns,
                           pyr_error *error) {
    pyr_text key;
    bool null = false;
    pyr_text_init(&key);
    pyr_status status = pyr_keyed_encode(self->table->keyed->shape, PYR_KEYED_PRIMARY_KEY, batch,
                                         key_columns, row_at(batch, 0), &key, &null, error);
    if (status == PYR_OK && !null) {
        const pyr_lsm_bytes bytes = {key.data, key.length};
        status =
            pyr_keyed_get_seen(self->table, 0, &bytes, 1, self->ledger, decode_one, self, error);
    }
    if (status == PYR_OK && self->out == NULL) {
        status = pyr_row_decode(self->columns->decoder, NULL, 0, self->ledger, self->budget,
                                &self->out, error);
    }
    pyr_text_deinit(&key);
    return status;
}

/* ---- The calls. ---- */

static pyr_status check_key(const pyr_table *table, int32_t key, pyr_error *error) {
    int32_t count;
    return table->keyed != NULL && pyr_keyed_columns(table, key, &count) != NULL
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "table \"%s\" has no such key",
                               table->name);
}

pyr_status pyr_keyed_find_all(const pyr_table *table, pyr_batch *batch, const int32_t *key_columns,
                              const int32_t *columns, int32_t columns_count,
                              pyr_query_ledger *ledger, pyr_budget *budget, pyr_batch **out,
                              pyr_error *error) {
    keyed_columns decoded;
    finding self;
    *out = NULL;
    PYR_TRY(check_key(table, PYR_KEYED_PRIMARY_KEY, error));
    PYR_TRY(pyr_keyed_columns_init(&decoded, table, columns, columns_count, error));
    if (pyr_batch_selected(batch) == 1 && !decoded.row_key) {
        one_row one = {table, &decoded, ledger, budget, NULL};
        pyr_status found = find_one(&one, batch, key_columns, error);
        pyr_keyed_columns_deinit(&decoded);
        *out = one.out;
        return found;
    }
    pyr_status status =
        finding_init(&self, table, PYR_KEYED_PRIMARY_KEY, (size_t)pyr_batch_selected(batch), error);
    self.ledger = ledger;
    if (status == PYR_OK) {
        status = find_all(&self, &decoded, batch, key_columns, ledger, budget, out, error);
    }
    finding_deinit(&self);
    pyr_keyed_columns_deinit(&decoded);
    return status;
}

pyr_status pyr_keyed_find(const pyr_table *table, int32_t key, pyr_batch *batch,
                          const int32_t *key_columns, const int32_t *columns, int32_t columns_count,
                          pyr_query_ledger *ledger, pyr_budget *budget, pyr_keyed_found *out,
                          pyr_error *error) {
    memset(out, 0, sizeof(*out));
    PYR_TRY(check_key(table, key, error));
    keyed_columns decoded;
    PYR_TRY(pyr_keyed_columns_init(&decoded, table, columns, columns_count, error));
    finding self;
    pyr_status status = finding_init(&self, table, key, (size_t)pyr_batch_selected(batch), error);
    self.ledger = ledger;
    if (status == PYR_OK) {
        status = find(&self, &decoded, key, batch, key_columns, ledger, budget, out, error);
    }
    finding_deinit(&self);
    pyr_keyed_columns_deinit(&decoded);
    if (status != PYR_OK) {
        pyr_keyed_found_deinit(out);
    }
    return status;
}
