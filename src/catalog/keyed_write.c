/* keyed_write.c - INSERT into a keyed table and its kin; see keyed.h. */
#include "catalog/keyed_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Many byte strings in one text. */
typedef struct strings {
    pyr_text bytes;
    pyr_lsm_bytes *items; /* data NULL: none (a key with a null) */
    size_t count;
} strings;

static pyr_status strings_init(strings *self, size_t count, pyr_error *error) {
    pyr_text_init(&self->bytes);
    self->count = count;
    self->items = calloc(count + 1, sizeof(*self->items));
    return self->items != NULL ? PYR_OK : pyr_error_memory(error, count * sizeof(*self->items));
}

static void strings_deinit(strings *self) {
    pyr_text_deinit(&self->bytes);
    free(self->items);
}

/* While the text grows its strings are only known by their sizes. */
static void strings_place(strings *self, const bool *none) {
    const char *at = pyr_text_get(&self->bytes);
    for (size_t i = 0; i < self->count; ++i) {
        self->items[i].data = none != NULL && none[i] ? NULL : at;
        at += self->items[i].size;
    }
}

typedef struct writing {
    keyed_touch touch;
    pyr_keyed_write_options options;
    pyr_batch *batch; /* dense */
    size_t rows;
    strings keys, values;
    keyed_states states;
    strings *unique_keys; /* one a UNIQUE key */
    keyed_states *unique_states;
    keyed_now *owners; /* of a row's UNIQUE keys: who has them now */
    pyr_keyed_counts counts;
} writing;

static void writing_deinit(writing *self) {
    for (int32_t i = 0; self->touch.shape != NULL && i < self->touch.shape->uniques_count; ++i) {
        if (self->unique_keys != NULL) {
            strings_deinit(&self->unique_keys[i]);
        }
        if (self->unique_states != NULL) {
            pyr_keyed_states_deinit(&self->unique_states[i]);
        }
    }
    free(self->unique_keys);
    free(self->unique_states);
    free(self->owners);
    strings_deinit(&self->keys);
    strings_deinit(&self->values);
    pyr_keyed_states_deinit(&self->states);
    pyr_keyed_touch_deinit(&self->touch);
    pyr_batch_release(self->batch);
}

/* ---- What is to be written. ---- */

static pyr_status null_at(const pyr_table *table, const pyr_batch *batch, int32_t column,
                          bool primary, pyr_error *error) {
    int64_t row = 0;
    while (row < batch->rows && !pyr_array_is_null(batch->columns[column], row)) {
        ++row;
    }
    return row == batch->rows
               ? PYR_OK
               : pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23502", -1,
                                   "table \"%s\", column \"%s\" is %s, row %" PRId64 " has none",
                                   table->name, table->schema->fields[column]->name,
                                   primary ? "of the PRIMARY KEY" : "NOT NULL", row);
}

static pyr_status check_batch(const pyr_table *table, const pyr_batch *batch, pyr_error *error) {
    bool same = batch->columns_count == table->schema->fields_count;
    for (int32_t i = 0; same && i < batch->columns_count; ++i) {
        same = pyr_field_type_equal(batch->columns[i]->field, table->schema->fields[i]);
    }
    if (!same) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "table \"%s\": rows of other columns", table->name);
    }
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        if (!table->schema->fields[i]->nullable && pyr_array_null_count(batch->columns[i]) > 0) {
            PYR_TRY(null_at(table, batch, i, false, error));
        }
    }
    int32_t count;
    const int32_t *columns = pyr_keyed_columns(table, PYR_KEYED_PRIMARY_KEY, &count);
    for (int32_t i = 0; i < count; ++i) {
        if (pyr_array_null_count(batch->columns[columns[i]]) != 0) {
            PYR_TRY(null_at(table, batch, columns[i], true, error));
        }
    }
    return PYR_OK;
}

static pyr_status encode_rows(writing *self, pyr_error *error) {
    pyr_row_encoder *encoder = NULL;
    PYR_TRY(strings_init(&self->values, self->rows, error));
    PYR_TRY(pyr_row_encoder_create(self->touch.shape->layout, self->batch, NULL, &encoder, error));
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < self->rows; ++i) {
        size_t before = self->values.bytes.length;
        status = pyr_row_encode(encoder, (int64_t)i, &self->values.bytes, error);
        self->values.items[i].size = self->values.bytes.length - before;
    }
    pyr_row_encoder_destroy(encoder);
    strings_place(&self->values, NULL);
    pyr_ledger_add_copy(self->options.ledger, PYR_COPY_APPEND, (int64_t)self->values.bytes.length);
    return status;
}

static pyr_status number_rows(writing *self, pyr_catalog *catalog, pyr_error *error) {
    uint64_t number = atomic_fetch_add(&catalog->next_row, self->rows);
    for (size_t i = 0; i < self->rows; ++i) {
        for (int shift = 56; shift >= 0; shift -= 8) {
            pyr_text_add_char(&self->keys.bytes, (char)((number + i) >> shift));
        }
        self->keys.items[i].size = 8;
    }
    return pyr_text_check(&self->keys.bytes, error);
}

static pyr_status encode_keys(writing *self, pyr_catalog *catalog, pyr_error *error) {
    PYR_TRY(strings_init(&self->keys, self->rows, error));
    if (self->touch.shape->codec == NULL) {
        PYR_TRY(number_rows(self, catalog, error));
    }
    for (size_t i = 0; self->touch.shape->codec != NULL && i < self->rows; ++i) {
        bool null; /* check_batch has looked */
        size_t before = self->keys.bytes.length;
        PYR_TRY(pyr_keyed_encode(self->touch.shape, PYR_KEYED_PRIMARY_KEY, self->batch, NULL,
                                 (int64_t)i, &self->keys.bytes, &null, error));
        self->keys.items[i].size = self->keys.bytes.length - before;
    }
    strings_place(&self->keys, NULL);
    return PYR_OK;
}

static pyr_status encode_unique(writing *self, int32_t unique, pyr_error *error) {
    strings *keys = &self->unique_keys[unique];
    bool *none = calloc(self->rows + 1, sizeof(*none));
    if (none == NULL) {
        return pyr_error_memory(error, self->rows);
    }
    pyr_status status = strings_init(keys, self->rows, error);
    for (size_t i = 0; status == PYR_OK && i < self->rows; ++i) {
        size_t before = keys->bytes.length;
        status = pyr_keyed_encode(self->touch.shape, unique, self->batch, NULL, (int64_t)i,
                                  &keys->bytes, &none[i], error);
        keys->items[i].size = keys->bytes.length - before;
    }
    if (status == PYR_OK) {
        strings_place(keys, none);
    }
    free(none);
    return status;
}

static pyr_status prepare_uniques(writing *self, pyr_error *error) {
    size_t count = (size_t)self->touch.shape->uniques_count;
    self->unique_keys = calloc(count + 1, sizeof(*self->unique_keys));
    self->unique_states = calloc(count + 1, sizeof(*self->unique_states));
    self->owners = calloc(count + 1, sizeof(*self->owners));
    if (self->unique_keys == NULL || self->unique_states == NULL || self->owners == NULL) {
        return pyr_error_memory(error, count * sizeof(*self->unique_keys));
    }
    for (int32_t i = 0; i < (int32_t)count; ++i) {
        PYR_TRY(encode_unique(self, i, error));
        PYR_TRY(pyr_keyed_look(&self->touch, i + 1, self->unique_keys[i].items, self->rows, true,
                               &self->unique_states[i], error));
    }
    return PYR_OK;
}

static pyr_status prepare(writing *self, pyr_catalog *catalog, pyr_error *error) {
    PYR_TRY(check_batch(self->touch.table, self->batch, error));
    PYR_TRY(encode_keys(self, catalog, error));
    PYR_TRY(encode_rows(self, error));
    PYR_TRY(pyr_batch_check_mappings(self->batch, error));
    bool numbered = self->touch.shape->codec == NULL; /* a new number is nowhere yet */
    PYR_TRY(pyr_keyed_look(&self->touch, 0, self->keys.items, numbered ? 0 : self->rows,
                           self->touch.shape->uniques_count > 0, &self->states, error));
    if (numbered) {
        free(self->states.items);
        self->states.items = calloc(self->rows + 1, sizeof(*self->states.items));
        if (self->states.items == NULL) {
            return pyr_error_memory(error, self->rows * sizeof(*self->states.items));
        }
    }
    self->touch.written = calloc(self->rows + 1, sizeof(*self->touch.written));
    if (self->touch.written == NULL) {
        return pyr_error_memory(error, self->rows);
    }
    return prepare_uniques(self, error);
}

/* ---- One row. ---- */

typedef enum verdict { ROW_GOES_IN, ROW_IS_IGNORED } verdict;

/* What a conflict of key means; PYR_OK: out says. */
static pyr_status judge(const writing *self, int32_t key, size_t row, verdict *out,
                        pyr_error *error) {
    bool meant =
        self->options.conflict_key == PYR_KEYED_ANY_KEY || self->options.conflict_key == key;
    if (self->options.mode == PYR_KEYED_INSERT || !meant) {
        return pyr_keyed_duplicate(self->touch.table, key, self->batch, (int64_t)row, error);
    }
    *out = self->options.mode == PYR_KEYED_IGNORE ? ROW_IS_IGNORED : ROW_GOES_IN;
    return PYR_OK;
}

static bool same_bytes(const uint8_t *a, size_t a_size, const pyr_lsm_bytes *b) {
    return a_size == b->size && (a_size == 0 || memcmp(a, b->data, a_size) == 0);
}

/* Whether the key whose conflicts are meant, of one that is ignored, is there: whichever others are
 * there too, and be it the same row. */
static bool is_meant_to_be_ignored(writing *self, size_t row, const keyed_now *now) {
    int32_t meant = self->options.conflict_key;
    if (self->options.mode != PYR_KEYED_IGNORE || meant == PYR_KEYED_ANY_KEY) {
        return false;
    }
    if (meant == PYR_KEYED_PRIMARY_KEY) {
        return now->there;
    }
    const pyr_lsm_bytes *key = &self->unique_keys[meant].items[row];
    return key->data != NULL &&
           pyr_keyed_now(&self->touch, meant + 1, key, &self->unique_states[meant], row).there;
}

/* Whether the row goes in, and by owners which others have to go for it. */
static pyr_status judge_row(writing *self, size_t row, const keyed_now *now, verdict *out,
                            pyr_error *error) {
    *out = ROW_GOES_IN;
    if (is_meant_to_be_ignored(self, row, now)) {
        *out = ROW_IS_IGNORED;
        return PYR_OK;
    }
    if (now->there) {
        PYR_TRY(judge(self, PYR_KEYED_PRIMARY_KEY, row, out, error));
    }
    for (int32_t i = 0; *out == ROW_GOES_IN && i < self->touch.shape->uniques_count; ++i) {
        const pyr_lsm_bytes *key = &self->unique_keys[i].items[row];
        keyed_now *owner = &self->owners[i];
        owner->there = false;
        if (key->data != NULL) {
            *owner = pyr_keyed_now(&self->touch, i + 1, key, &self->unique_states[i], row);
        }
        owner->there =
            owner->there && !same_bytes(owner->value, owner->size, &self->keys.items[row]);
        if (owner->there) {
            PYR_TRY(judge(self, i, row, out, error));
        }
    }
    return PYR_OK;
}

/* A row that has a UNIQUE key of the new one. It may be gone by now: it had another of them too. */
static pyr_status remove_owner(writing *self, const keyed_now *owner, size_t *removed,
                               pyr_error *error) {
    pyr_lsm_bytes key = {owner->value, owner->size};
    keyed_states states = {.items = NULL};
    pyr_status status = pyr_keyed_look(&self->touch, 0, &key, 1, true, &states, error);
    if (status == PYR_OK) {
        keyed_now now = pyr_keyed_now(&self->touch, 0, &key, &states, 0);
        if (now.there) {
            status = pyr_keyed_remove(&self->touch, &key, &now, &states, 0, error);
            *removed += status == PYR_OK;
        }
    }
    pyr_keyed_states_deinit(&states);
    return status;
}

static pyr_status put_row(writing *self, size_t row, const keyed_now *now, pyr_error *error) {
    pyr_keyed_writes *writes = self->touch.writes;
    const pyr_lsm_bytes *key = &self->keys.items[row];
    const pyr_lsm_bytes *value = &self->values.items[row];
    keyed_node *node = NULL;
    if (now->there) {
        PYR_TRY(pyr_keyed_forget_uniques(&self->touch, key, now->value, now->size, error));
    }
    PYR_TRY(pyr_keyed_set(&self->touch, 0, key, &self->states, row, value->data, value->size, &node,
                          error));
    if (node->written_run == writes->runs && node->written_row >= 0) {
        self->touch.written[node->written_row] = false;
    }
    node->written_run = writes->runs;
    node->written_row = (int64_t)row;
    node->inserted =
        !node->base.there && (node->inserted || self->options.mode == PYR_KEYED_INSERT);
    self->touch.written[row] = true;
    writes->rows += now->there ? 0 : 1;
    writes->size_bytes += (int64_t)(key->size + value->size) - now->stored_bytes;
    for (int32_t i = 0; i < self->touch.shape->uniques_count; ++i) {
        const pyr_lsm_bytes *unique = &self->unique_keys[i].items[row];
        if (unique->data != NULL) {
            PYR_TRY(pyr_keyed_set(&self->touch, i + 1, unique, &self->unique_states[i], row,
                                  key->data, key->size, &node, error));
            node->inserted = self->options.mode == PYR_KEYED_INSERT;
        }
    }
    return PYR_OK;
}

static pyr_status write_row(writing *self, size_t row, pyr_error *error) {
    keyed_now now = pyr_keyed_now(&self->touch, 0, &self->keys.items[row], &self->states, row);
    verdict out;
    PYR_TRY(judge_row(self, row, &now, &out, error));
    if (out == ROW_IS_IGNORED) {
        self->counts.ignored += 1;
        return PYR_OK;
    }
    size_t removed = 0;
    for (int32_t i = 0; i < self->touch.shape->uniques_count; ++i) {
        if (self->owners[i].there) {
            PYR_TRY(remove_owner(self, &self->owners[i], &removed, error));
        }
    }
    PYR_TRY(put_row(self, row, &now, error));
    if (now.there || removed > 0) {
        self->counts.replaced += 1;
    } else {
        self->counts.inserted += 1;
    }
    return PYR_OK;
}

/* ---- The batch. ---- */

static pyr_status write_rows(writing *self, pyr_error *error) {
    pyr_keyed_writes *writes = self->touch.writes;
    pyr_status status = PYR_OK;
    pthread_rwlock_wrlock(&writes->lock);
    writes->runs += 1;
    for (size_t i = 0; status == PYR_OK && i < self->rows; ++i) {
        status = write_row(self, i, error);
    }
    pthread_rwlock_unlock(&writes->lock);
    return status;
}

static pyr_status select_written(const writing *self, pyr_batch **out, pyr_error *error) {
    pyr_buffer *rows = NULL;
    pyr_selection *selection = NULL;
    int64_t count = 0;
    PYR_TRY(
        pyr_buffer_create_raw(self->rows * sizeof(int32_t), self->options.budget, &rows, error));
    int32_t *places = (int32_t *)pyr_buffer_mutable(rows);
    for (size_t i = 0; i < self->rows; ++i) {
        if (self->touch.written[i]) {
            places[count++] = (int32_t)i;
        }
    }
    pyr_status status = pyr_selection_create(rows, count, &selection, error);
    if (status == PYR_OK) {
        status = pyr_batch_select(self->batch, selection, out, error);
    }
    pyr_selection_release(selection);
    pyr_buffer_release(rows);
    return status;
}

static pyr_status write_batch(writing *self, pyr_change *change, pyr_batch **written,
                              pyr_error *error) {
    PYR_TRY(prepare(self, change->catalog, error));
    PYR_TRY(write_rows(self, error));
    pyr_change_forget_view(change);
    return written != NULL ? select_written(self, written, error) : PYR_OK;
}

pyr_status pyr_keyed_write(pyr_change *change, const pyr_table *table, pyr_batch *batch,
                           const pyr_keyed_write_options *options, pyr_keyed_counts *counts,
                           pyr_batch **written, pyr_error *error) {
    if (written != NULL) {
        *written = NULL;
    }
    writing self = {.options = {.mode = PYR_KEYED_INSERT}};
    if (options != NULL) {
        self.options = *options;
    }
    pyr_status status = pyr_keyed_touch_init(&self.touch, change, table, error);
    if (status == PYR_OK) {
        self.touch.ledger = self.options.ledger;
        status =
            pyr_batch_dense(batch, self.options.ledger, self.options.budget, &self.batch, error);
    }
    if (status == PYR_OK) {
        self.rows = (size_t)self.batch->rows;
        status = write_batch(&self, change, written, error);
    }
    if (status == PYR_OK && counts != NULL) {
        counts->inserted += self.counts.inserted;
        counts->replaced += self.counts.replaced;
        counts->ignored += self.counts.ignored;
    }
    writing_deinit(&self);
    return status;
}
