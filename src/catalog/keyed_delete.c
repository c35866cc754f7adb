/* keyed_delete.c - rows deleted by their row keys; see keyed.h. */
#include "catalog/keyed_internal.h"

#include <stdlib.h>
#include <string.h>

static pyr_status delete_keys(keyed_touch *touch, const pyr_lsm_bytes *keys, size_t count,
                              int64_t *deleted, pyr_error *error) {
    keyed_states states;
    pyr_status status =
        pyr_keyed_look(touch, 0, keys, count, touch->shape->uniques_count > 0, &states, error);
    pthread_rwlock_wrlock(&touch->writes->lock);
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        keyed_now now = pyr_keyed_now(touch, 0, &keys[i], &states, i);
        if (now.there) {
            status = pyr_keyed_remove(touch, &keys[i], &now, &states, i, error);
            *deleted += status == PYR_OK;
        }
    }
    pthread_rwlock_unlock(&touch->writes->lock);
    pyr_keyed_states_deinit(&states);
    return status;
}

static pyr_status list_keys(const pyr_array *row_keys, pyr_lsm_bytes **out, pyr_error *error) {
    size_t count = (size_t)row_keys->length;
    *out = calloc(count + 1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, count * sizeof(**out));
    }
    for (size_t i = 0; i < count; ++i) {
        (*out)[i].data = pyr_array_bytes(row_keys, (int64_t)i, &(*out)[i].size);
    }
    return PYR_OK;
}

pyr_status pyr_keyed_delete(pyr_change *change, const pyr_table *table, pyr_array *row_keys,
                            int64_t *deleted, pyr_error *error) {
    int64_t count = 0;
    pyr_lsm_bytes *keys = NULL;
    keyed_touch touch;
    if (row_keys->field->type != PYR_TYPE_BINARY || pyr_array_null_count(row_keys) != 0) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "row keys are BINARY, not null");
    }
    pyr_status status = pyr_keyed_touch_init(&touch, change, table, error);
    if (status == PYR_OK) {
        status = list_keys(row_keys, &keys, error);
    }
    if (status == PYR_OK) {
        status = delete_keys(&touch, keys, (size_t)row_keys->length, &count, error);
    }
    if (status == PYR_OK) {
        pyr_change_forget_view(change);
    }
    if (deleted != NULL) {
        *deleted = count;
    }
    free(keys);
    pyr_keyed_touch_deinit(&touch);
    return status;
}

pyr_status pyr_keyed_delete_all(pyr_change *change, const pyr_table *table, int64_t *deleted,
                                pyr_error *error) {
    pyr_snapshot *seen = NULL;
    pyr_keyed_scan *scan = NULL;
    int64_t count = 0;
    PYR_TRY(pyr_change_snapshot(change, &seen, error));
    pyr_table *now = pyr_snapshot_find_id(seen, table->id);
    pyr_status status = now != NULL && now->keyed != NULL
                            ? PYR_OK
                            : pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                            "table \"%s\" has no rows by keys", table->name);
    if (status == PYR_OK) {
        int32_t row_key = table->schema->fields_count;
        pyr_keyed_scan_options options = {.columns = &row_key, .columns_count = 1};
        status = pyr_keyed_scan_create(now, &options, &scan, error);
    }
    while (status == PYR_OK) {
        pyr_batch *batch = NULL;
        int64_t some = 0;
        status = pyr_keyed_scan_next(scan, &batch, error);
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        status = pyr_keyed_delete(change, table, batch->columns[0], &some, error);
        count += some;
        pyr_batch_release(batch);
    }
    if (deleted != NULL) {
        *deleted = count;
    }
    pyr_keyed_scan_destroy(scan);
    pyr_snapshot_release(seen);
    return status;
}
