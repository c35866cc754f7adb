/* keyed_rows.c - where a version's committed rows are read: the row cache, and what it does not
 * have in the LSM; see keyed_internal.h. */
#include "catalog/keyed_internal.h"

#include <stdlib.h>

/* ---- Lifetime. ---- */

pyr_status pyr_keyed_rows_create(uint64_t version, const pyr_keyed_rows *before,
                                 pyr_keyed_rows **out, pyr_error *error) {
    pyr_keyed_rows *rows = calloc(1, sizeof(*rows));
    *out = NULL;
    if (rows == NULL) {
        return pyr_error_memory(error, sizeof(*rows));
    }
    atomic_init(&rows->references, 1);
    rows->version = version;
    atomic_init(&rows->cached,
                before != NULL ? pyr_row_cache_table_retain(atomic_load(&before->cached)) : NULL);
    pthread_mutex_init(&rows->lock, NULL);
    *out = rows;
    return PYR_OK;
}

pyr_keyed_rows *pyr_keyed_rows_retain(pyr_keyed_rows *rows) {
    atomic_fetch_add_explicit(&rows->references, 1, memory_order_relaxed);
    return rows;
}

void pyr_keyed_rows_release(pyr_keyed_rows *rows) {
    if (rows == NULL ||
        atomic_fetch_sub_explicit(&rows->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_lsm_view_release(rows->view);
    pyr_row_cache_table_release(atomic_load(&rows->cached));
    pthread_mutex_destroy(&rows->lock);
    free(rows);
}

pyr_lsm_view *pyr_keyed_rows_view(pyr_keyed_rows *rows) {
    pthread_mutex_lock(&rows->lock);
    pyr_lsm_view *view = pyr_lsm_view_retain(rows->view);
    pthread_mutex_unlock(&rows->lock);
    return view;
}

void pyr_keyed_rows_set(pyr_keyed_rows *rows, pyr_lsm_view *view) {
    pthread_mutex_lock(&rows->lock);
    pyr_lsm_view *before = rows->view;
    rows->view = pyr_lsm_view_retain(view);
    pthread_mutex_unlock(&rows->lock);
    pyr_lsm_view_release(before);
}

void pyr_keyed_rows_keep(pyr_keyed_rows *rows, pyr_row_cache *cache) {
    pyr_row_cache_table *table = NULL;
    if (cache != NULL && atomic_load(&rows->cached) == NULL &&
        pyr_row_cache_table_create(cache, &table, NULL) == PYR_OK) {
        atomic_store(&rows->cached, table);
    }
}

/* ---- Look-ups. ---- */

enum { GROUP = 64 }; /* keys that are looked for at once */

/* Keys that are looked for in the LSM, and kept once they are found. */
typedef struct filling {
    pyr_row_cache_table *cached;
    uint64_t version;
    const pyr_lsm_bytes *keys; /* all that are asked for */
    const size_t *places;      /* in keys, of those looked for; NULL: all are */
    pyr_query_ledger *ledger;  /* NULL: nobody counts */
    keyed_found visit;
    void *context;
} filling;

static pyr_status take_and_keep(void *context, size_t index, const keyed_value *value,
                                pyr_error *error) {
    const filling *self = context;
    size_t place = self->places != NULL ? self->places[index] : index;
    const pyr_lsm_bytes bytes = {value->data, value->size};
    const pyr_lsm_bytes *key = &self->keys[place];
    if (pyr_row_cache_put(self->cached, self->version, *key, value->stamp, bytes)) {
        pyr_ledger_add_copy(self->ledger, PYR_COPY_ROW_CACHE, (int64_t)(key->size + bytes.size));
    }
    return self->visit(self->context, place, value, error);
}

/* Gives the row back. */
static pyr_status take_kept(const filling *self, size_t place, pyr_cached_row *row,
                            pyr_error *error) {
    const keyed_value value = {.data = pyr_cached_row_data(row),
                               .size = row->size,
                               .stamp = row->stamp,
                               .stored_bytes = (int64_t)row->key_size + row->size};
    pyr_status status = self->visit(self->context, place, &value, error);
    pyr_cached_row_release(row);
    return status;
}

static pyr_status get_rest(const char *table_name, uint64_t table_id, pyr_keyed_rows *rows,
                           int32_t list, const pyr_lsm_bytes *keys, size_t count, keyed_found visit,
                           void *context, pyr_error *error) {
    pyr_lsm_view *view = pyr_keyed_rows_view(rows);
    pyr_status status = pyr_keyed_get_committed(table_name, table_id, view, list, keys, count,
                                                visit, context, error);
    pyr_lsm_view_release(view);
    return status;
}

/* places: of the keys that are not kept, as many as *rest_count. */
static pyr_status take_all_kept(const filling *self, size_t count, size_t *places,
                                size_t *rest_count, pyr_error *error) {
    pyr_cached_row *found[GROUP];
    pyr_status status = PYR_OK;
    for (size_t first = 0; first < count; first += GROUP) {
        size_t group = count - first < GROUP ? count - first : GROUP;
        pyr_row_cache_find(self->cached, self->version, self->keys + first, group, found);
        for (size_t i = 0; i < group; ++i) {
            if (found[i] == NULL) {
                places[(*rest_count)++] = first + i;
            } else if (status == PYR_OK) {
                status = take_kept(self, first + i, found[i], error);
            } else {
                pyr_cached_row_release(found[i]);
            }
        }
    }
    return status;
}

/* Those that are not kept are asked for together. */
static pyr_status get_many(const char *table_name, uint64_t table_id, pyr_keyed_rows *rows,
                           filling *self, size_t count, pyr_error *error) {
    size_t *places = calloc(count, sizeof(*places));
    pyr_lsm_bytes *rest = calloc(count, sizeof(*rest));
    size_t rest_count = 0;
    pyr_status status = places != NULL && rest != NULL
                            ? take_all_kept(self, count, places, &rest_count, error)
                            : pyr_error_memory(error, count * sizeof(*rest));
    if (status == PYR_OK && rest_count > 0) {
        for (size_t i = 0; i < rest_count; ++i) {
            rest[i] = self->keys[places[i]];
        }
        self->places = places;
        status =
            get_rest(table_name, table_id, rows, 0, rest, rest_count, take_and_keep, self, error);
    }
    free(places);
    free(rest);
    return status;
}

pyr_status pyr_keyed_rows_get(const char *table_name, uint64_t table_id, pyr_keyed_rows *rows,
                              int32_t list, const pyr_lsm_bytes *keys, size_t count,
                              pyr_query_ledger *ledger, keyed_found visit, void *context,
                              pyr_error *error) {
    filling self = {.cached = atomic_load(&rows->cached),
                    .version = rows->version,
                    .keys = keys,
                    .ledger = ledger,
                    .visit = visit,
                    .context = context};
    if (list != 0 || self.cached == NULL) {
        return get_rest(table_name, table_id, rows, list, keys, count, visit, context, error);
    }
    if (count != 1) {
        return count > 0 ? get_many(table_name, table_id, rows, &self, count, error) : PYR_OK;
    }
    pyr_cached_row *row = NULL;
    pyr_row_cache_find(self.cached, self.version, keys, 1, &row);
    return row != NULL
               ? take_kept(&self, 0, row, error)
               : get_rest(table_name, table_id, rows, 0, keys, 1, take_and_keep, &self, error);
}
