/* keyed_records.c - how many rows a keyed table has, and the end of those of dropped ones. */
#include "catalog/keyed_internal.h"

#include "catalog/record_bytes.h"

#include <stdlib.h>
#include <string.h>

static void count_key(pyr_text *key, uint64_t table_id) {
    pyr_text_add(key, KEYED_COUNT_PREFIX);
    pyr_record_add_key_number(key, table_id);
}

pyr_status pyr_keyed_put_count(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    if (table->keyed == NULL) {
        return PYR_OK;
    }
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    count_key(&key, table->id);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_record_add_varint(&value, (uint64_t)table->keyed->rows_count);
    pyr_record_add_varint(&value, (uint64_t)table->keyed->size_bytes);
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

pyr_status pyr_keyed_delete_count(pyr_lsm_batch *batch, uint64_t table_id, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    count_key(&key, table_id);
    pyr_status status = pyr_text_check(&key, error);
    if (status == PYR_OK) {
        pyr_lsm_batch_delete(batch, key.data, key.length);
    }
    pyr_text_deinit(&key);
    return status;
}

static pyr_status read_count(pyr_lsm *lsm, const pyr_text *key, pyr_table *table,
                             pyr_error *error) {
    char *value = NULL;
    size_t size = 0;
    pyr_cursor cursor;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    PYR_TRY(pyr_text_check(key, error));
    PYR_TRY(pyr_lsm_get(lsm, key->data, key->length, &value, &size, error));
    bool whole = value != NULL && pyr_record_begin(key->data, key->length, value, size, &cursor) &&
                 pyr_cursor_varint(&cursor, &rows) && pyr_cursor_varint(&cursor, &bytes) &&
                 pyr_cursor_left(&cursor) == 0 && rows <= INT64_MAX && bytes <= INT64_MAX;
    free(value);
    if (!whole) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "catalog: the record of the rows of table %llu is damaged; restore "
                             "the catalog/ folder from a backup",
                             (unsigned long long)table->id);
    }
    table->keyed->rows_count = (int64_t)rows;
    table->keyed->size_bytes = (int64_t)bytes;
    pyr_keyed_add_up(table);
    return PYR_OK;
}

pyr_status pyr_keyed_load_count(pyr_lsm *lsm, pyr_table *table, pyr_error *error) {
    if (table->keyed == NULL) {
        return PYR_OK;
    }
    pyr_text key;
    pyr_text_init(&key);
    count_key(&key, table->id);
    pyr_status status = read_count(lsm, &key, table, error);
    pyr_text_deinit(&key);
    return status;
}

/* ---- Hidden row numbers. ---- */

static pyr_status visit_last(void *context, const char *key, size_t key_size, const char *value,
                             size_t value_size, bool *more, pyr_error *error) {
    uint64_t *last = context;
    (void)value;
    (void)value_size;
    *more = false;
    uint64_t id;
    size_t prefix_size;
    if (!pyr_keyed_prefix_id(key, key_size, &id, &prefix_size) || key_size != prefix_size + 8) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "catalog: a row number of %zu bytes; restore the catalog/ folder from "
                             "a backup",
                             key_size);
    }
    uint64_t number = pyr_record_key_number(key + prefix_size);
    *last = number > *last ? number : *last;
    return PYR_OK;
}

pyr_status pyr_keyed_last_number(const pyr_snapshot *snapshot, uint64_t *out, pyr_error *error) {
    *out = 0;
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        const pyr_table *table = snapshot->tables[i];
        if (table->keyed == NULL || table->keyed->shape->codec != NULL) {
            continue;
        }
        keyed_prefix from = pyr_keyed_row_prefix(table->id);
        keyed_prefix to = pyr_keyed_prefix_end(from);
        pyr_lsm_view *view = pyr_keyed_rows_view(table->keyed->rows);
        pyr_status status =
            pyr_lsm_view_last(view, (pyr_lsm_bytes){from.bytes, from.size},
                              (pyr_lsm_bytes){to.bytes, to.size}, visit_last, out, error);
        pyr_lsm_view_release(view);
        PYR_TRY(status);
    }
    return PYR_OK;
}

/* ---- Rows of tables that are gone. ---- */

static pyr_status drop(pyr_lsm *lsm, char letter, uint64_t table_id, pyr_error *error) {
    keyed_prefix from = pyr_keyed_table_prefix(letter, table_id);
    keyed_prefix to = pyr_keyed_prefix_end(from);
    return pyr_lsm_drop_range(lsm, (pyr_lsm_bytes){from.bytes, from.size},
                              (pyr_lsm_bytes){to.bytes, to.size}, error);
}

pyr_status pyr_keyed_drop_rows(pyr_lsm *lsm, uint64_t table_id, pyr_error *error) {
    PYR_TRY(drop(lsm, KEYED_ROW_LETTER, table_id, error));
    return drop(lsm, KEYED_UNIQUE_LETTER, table_id, error);
}

typedef struct first_key {
    bool found;
    bool whole;
    uint64_t table_id;
} first_key;

static pyr_status visit_first(void *context, const char *key, size_t key_size, const char *value,
                              size_t value_size, bool *more, pyr_error *error) {
    first_key *self = context;
    (void)value;
    (void)value_size;
    (void)error;
    self->found = true;
    size_t size;
    self->whole = pyr_keyed_prefix_id(key, key_size, &self->table_id, &size);
    *more = false;
    return PYR_OK;
}

/* One look for each table that has rows, not one for each row. */
static pyr_status clean_kind(pyr_lsm *lsm, pyr_lsm_view *view, char letter,
                             const pyr_snapshot *snapshot, pyr_error *error) {
    const char end = (char)(letter + 1);
    keyed_prefix from = {.bytes = {(uint8_t)letter}, .size = 1};
    for (;;) {
        first_key first = {.found = false};
        PYR_TRY(pyr_lsm_view_range(view, (pyr_lsm_bytes){from.bytes, from.size},
                                   (pyr_lsm_bytes){&end, 1}, visit_first, &first, error));
        if (!first.found) {
            return PYR_OK;
        }
        if (!first.whole) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "catalog: the key of a stored row is damaged; restore the "
                                 "catalog/ folder from a backup");
        }
        if (pyr_snapshot_find_id(snapshot, first.table_id) == NULL) {
            PYR_TRY(drop(lsm, letter, first.table_id, error));
        }
        from = pyr_keyed_prefix_end(pyr_keyed_table_prefix(letter, first.table_id));
    }
}

pyr_status pyr_keyed_clean(pyr_lsm *lsm, const pyr_snapshot *snapshot, pyr_error *error) {
    pyr_lsm_view *view = NULL;
    PYR_TRY(pyr_lsm_view_create(&view, error));
    pyr_lsm_view_take(lsm, view);
    pyr_status status = clean_kind(lsm, view, KEYED_ROW_LETTER, snapshot, error);
    if (status == PYR_OK) {
        status = clean_kind(lsm, view, KEYED_UNIQUE_LETTER, snapshot, error);
    }
    pyr_lsm_view_release(view);
    return status;
}
