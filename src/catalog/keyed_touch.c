/* keyed_touch.c - what INSERT and DELETE have in common: what stands under a key now, and changing
 * it with its UNIQUE keys; see keyed_internal.h.
 *
 * The base's values are looked up before the writes' lock is taken, many at a time. Under the lock
 * what the change itself wrote counts first, rows of the same batch among it.
 */
#include "catalog/keyed_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- One call. ---- */

pyr_status pyr_keyed_touch_init(keyed_touch *touch, pyr_change *change, const pyr_table *table,
                                pyr_error *error) {
    memset(touch, 0, sizeof(*touch));
    pyr_text_init(&touch->scratch);
    if (table->keyed == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "table \"%s\" has no key",
                             table->name);
    }
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    touch->table = table;
    touch->shape = table->keyed->shape;
    if (own->keyed == NULL) {
        PYR_TRY(pyr_keyed_writes_create(touch->shape->uniques_count, &own->keyed, error));
    }
    touch->writes = own->keyed;
    const pyr_table *base = pyr_snapshot_find_id(change->base, table->id);
    touch->rows = base != NULL ? base->keyed->rows : NULL;
    return PYR_OK;
}

void pyr_keyed_touch_deinit(keyed_touch *touch) {
    if (touch->can_decode) {
        pyr_keyed_columns_deinit(&touch->columns);
    }
    pyr_text_deinit(&touch->scratch);
    free(touch->written);
}

/* ---- The base's values. ---- */

typedef struct looking {
    keyed_states *states;
    const size_t *places;
} looking;

static pyr_status take_state(void *context, size_t index, const keyed_value *value,
                             pyr_error *error) {
    const looking *self = context;
    keyed_state *state = &self->states->items[self->places[index]];
    state->there = true;
    state->stamp = value->stamp;
    state->stored_bytes = value->stored_bytes;
    if (!self->states->keep) {
        return PYR_OK;
    }
    state->at = self->states->bytes.length;
    state->size = value->size;
    pyr_text_append(&self->states->bytes, (const char *)value->data, value->size);
    return pyr_text_check(&self->states->bytes, error);
}

/* The change's own thread alone writes to it, so that it may look without the lock. */
static size_t not_written(const keyed_touch *touch, int32_t list, const pyr_lsm_bytes *keys,
                          size_t count, size_t *places, pyr_lsm_bytes *rest) {
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) {
        if (keys[i].data != NULL &&
            pyr_keyed_node_find(&touch->writes->lists[list], keys[i].data, keys[i].size) == NULL) {
            places[found] = i;
            rest[found++] = keys[i];
        }
    }
    return found;
}

pyr_status pyr_keyed_look(const keyed_touch *touch, int32_t list, const pyr_lsm_bytes *keys,
                          size_t count, bool keep, keyed_states *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_text_init(&out->bytes);
    out->keep = keep;
    out->items = calloc(count + 1, sizeof(*out->items));
    size_t *places = calloc(count + 1, sizeof(*places));
    pyr_lsm_bytes *rest = calloc(count + 1, sizeof(*rest));
    pyr_status status = out->items != NULL && places != NULL && rest != NULL
                            ? PYR_OK
                            : pyr_error_memory(error, count * sizeof(*out->items));
    if (status == PYR_OK && touch->rows != NULL) {
        size_t rest_count = not_written(touch, list, keys, count, places, rest);
        looking self = {out, places};
        status = pyr_keyed_rows_get(touch->table->name, touch->table->id, touch->rows, list, rest,
                                    rest_count, touch->ledger, take_state, &self, error);
    }
    free(places);
    free(rest);
    return status;
}

void pyr_keyed_states_deinit(keyed_states *states) {
    pyr_text_deinit(&states->bytes);
    free(states->items);
    memset(states, 0, sizeof(*states));
}

/* ---- Under the lock. ---- */

keyed_now pyr_keyed_now(const keyed_touch *touch, int32_t list, const pyr_lsm_bytes *key,
                        const keyed_states *states, size_t index) {
    keyed_now now = {.node = pyr_keyed_node_find_place(touch->writes, list, key->data, key->size)};
    const keyed_version *newest = now.node != NULL ? now.node->newest : NULL;
    const keyed_state *state = &states->items[index];
    if (newest != NULL) {
        now.there = !newest->deleted;
        now.value = now.there ? newest->value : NULL;
        now.size = newest->size;
        now.stored_bytes = now.there ? (int64_t)(key->size + newest->size) : 0;
    } else if (state->there) {
        now.there = true;
        now.value = states->keep ? (const uint8_t *)pyr_text_get(&states->bytes) + state->at : NULL;
        now.size = state->size;
        now.stored_bytes = state->stored_bytes;
    }
    return now;
}

/* A UNIQUE key's base value is kept: it says whose it was. */
static pyr_status fill_base(keyed_touch *touch, int32_t list, keyed_node *node,
                            const keyed_states *states, size_t index, pyr_error *error) {
    const keyed_state *state = &states->items[index];
    node->base.there = state->there;
    node->base.stamp = state->stamp;
    node->base.size_bytes = state->stored_bytes;
    if (list > 0 && state->there) {
        node->base.value = (const uint8_t *)pyr_arena_strndup(
            &touch->writes->arena, states->bytes.data + state->at, state->size);
        node->base.value_size = state->size;
        return node->base.value != NULL ? PYR_OK : pyr_arena_error(&touch->writes->arena, error);
    }
    return PYR_OK;
}

pyr_status pyr_keyed_set(keyed_touch *touch, int32_t list, const pyr_lsm_bytes *key,
                         const keyed_states *states, size_t index, const void *value, size_t size,
                         keyed_node **out, pyr_error *error) {
    bool fresh;
    PYR_TRY(pyr_keyed_node_add(touch->writes, list, key->data, key->size, out, &fresh, error));
    if (fresh) {
        PYR_TRY(fill_base(touch, list, *out, states, index, error));
    }
    return pyr_keyed_node_put(touch->writes, *out, value, size, error);
}

/* The old row's UNIQUE keys are its own: in the base too, where the change has not touched them. */
static pyr_status forget_unique(keyed_touch *touch, int32_t unique, const pyr_lsm_bytes *row_key,
                                const pyr_batch *row, pyr_error *error) {
    bool null;
    pyr_text_clear(&touch->scratch);
    PYR_TRY(pyr_keyed_encode(touch->shape, unique, row, NULL, 0, &touch->scratch, &null, error));
    if (null) {
        return PYR_OK;
    }
    keyed_state state = {.there = true, .size = row_key->size};
    keyed_states states = {.items = &state, .keep = true};
    states.bytes.data = (char *)row_key->data; /* borrowed */
    states.bytes.length = row_key->size;
    pyr_lsm_bytes key = {pyr_text_get(&touch->scratch), touch->scratch.length};
    keyed_node *node = NULL;
    return pyr_keyed_set(touch, unique + 1, &key, &states, 0, NULL, 0, &node, error);
}

pyr_status pyr_keyed_forget_uniques(keyed_touch *touch, const pyr_lsm_bytes *key,
                                    const uint8_t *row, size_t size, pyr_error *error) {
    if (touch->shape->uniques_count == 0) {
        return PYR_OK;
    }
    if (!touch->can_decode) {
        PYR_TRY(pyr_keyed_columns_init(&touch->columns, touch->table, NULL, 0, error));
        touch->can_decode = true;
    }
    keyed_gathered one;
    pyr_batch *batch = NULL;
    pyr_keyed_gathered_init(&one);
    pyr_status status = pyr_keyed_gather(&one, key->data, key->size, row, size, error);
    if (status == PYR_OK) {
        status =
            pyr_keyed_decode(&touch->columns, touch->table->name, &one, NULL, NULL, &batch, error);
    }
    for (int32_t i = 0; status == PYR_OK && i < touch->shape->uniques_count; ++i) {
        status = forget_unique(touch, i, key, batch, error);
    }
    pyr_batch_release(batch);
    pyr_keyed_gathered_deinit(&one);
    return status;
}

pyr_status pyr_keyed_remove(keyed_touch *touch, const pyr_lsm_bytes *key, const keyed_now *now,
                            const keyed_states *states, size_t index, pyr_error *error) {
    keyed_node *node = NULL;
    PYR_TRY(pyr_keyed_forget_uniques(touch, key, now->value, now->size, error));
    PYR_TRY(pyr_keyed_set(touch, 0, key, states, index, NULL, 0, &node, error));
    if (touch->written != NULL && node->written_run == touch->writes->runs &&
        node->written_row >= 0) {
        touch->written[node->written_row] = false;
    }
    node->written_row = -1;
    touch->writes->rows -= 1;
    touch->writes->size_bytes -= now->stored_bytes;
    return PYR_OK;
}
