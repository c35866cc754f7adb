/* keyed_commit.c - what a change wrote to a keyed table becomes part of a commit.
 *
 * Under the catalog's write lock. Each key touched is compared with what it was in the change's
 * base: rows by the stamp of the commit that wrote them, UNIQUE keys by the row that has them. The
 * commits before in the same group are not in the LSM yet, so theirs are looked at first. Where
 * nobody committed to the table since the base nothing is compared.
 */
#include "catalog/keyed_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Groups. ---- */

typedef struct keyed_group_item {
    uint64_t table_id;
    uint64_t stamp;
    pyr_keyed_writes *writes; /* borrowed: its change waits for the commit */
    pyr_lsm_view *view;       /* the table before the group, retained; NULL: it was new */
} keyed_group_item;

void pyr_keyed_group_truncate(pyr_keyed_group *group, size_t count) {
    while (group->count > count) {
        pyr_lsm_view_release(group->items[--group->count].view);
    }
}

void pyr_keyed_group_deinit(pyr_keyed_group *group) {
    pyr_keyed_group_truncate(group, 0);
    free(group->items);
    memset(group, 0, sizeof(*group));
}

static pyr_status group_reserve(pyr_keyed_group *group, pyr_error *error) {
    if (group->count < group->capacity) {
        return PYR_OK;
    }
    size_t wanted = group->capacity > 0 ? group->capacity * 2 : 8;
    keyed_group_item *grown = realloc(group->items, wanted * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, wanted * sizeof(*grown));
    }
    group->items = grown;
    group->capacity = wanted;
    return PYR_OK;
}

/* The committed rows of a table before the group; retained. */
static pyr_lsm_view *view_before(const pyr_keyed_group *group, const pyr_table *table) {
    for (size_t i = 0; i < group->count; ++i) {
        if (group->items[i].table_id == table->id) {
            return pyr_lsm_view_retain(group->items[i].view);
        }
    }
    return pyr_keyed_rows_view(table->keyed->rows);
}

/* ---- Conflicts. ---- */

typedef struct checking {
    const pyr_table *table;
    const pyr_keyed_writes *writes;
    const pyr_keyed_group *group;
    pyr_lsm_view *view;
    int32_t list;
    keyed_node **nodes; /* that are looked for in the LSM */
    pyr_lsm_bytes *keys;
    bool *seen; /* found there */
    size_t count;
} checking;

static pyr_status decode_row(const pyr_table *table, const keyed_version *row, pyr_batch **out,
                             pyr_error *error) {
    keyed_columns columns;
    keyed_gathered one;
    *out = NULL;
    PYR_TRY(pyr_keyed_columns_init(&columns, table, NULL, 0, error));
    pyr_keyed_gathered_init(&one);
    pyr_status status = pyr_keyed_gather(&one, "", 0, row->value, row->size, error);
    if (status == PYR_OK) {
        status = pyr_keyed_decode(&columns, table->name, &one, NULL, NULL, out, error);
    }
    pyr_keyed_gathered_deinit(&one);
    pyr_keyed_columns_deinit(&columns);
    return status;
}

static pyr_status duplicate(const checking *self, const keyed_node *node, pyr_error *error) {
    const keyed_version *row = node->newest;
    if (self->list > 0) { /* the key says which row of this change it is */
        const keyed_node *of = pyr_keyed_node_find(&self->writes->lists[0], row->value, row->size);
        row = of != NULL ? of->newest : NULL;
    }
    if (row == NULL || row->deleted) {
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "table \"%s\": a key without its row",
                             self->table->name);
    }
    pyr_batch *batch = NULL;
    PYR_TRY(decode_row(self->table, row, &batch, error));
    pyr_status status = pyr_keyed_duplicate(self->table, self->list - 1, batch, 0, error);
    pyr_batch_release(batch);
    return status;
}

/* now NULL: nothing is there. */
static pyr_status compare(const checking *self, const keyed_node *node, const keyed_value *now,
                          pyr_error *error) {
    const keyed_base *base = &node->base;
    bool same = (now != NULL) == base->there;
    if (same && now != NULL) {
        same = self->list == 0
                   ? now->stamp == base->stamp
                   : pyr_keyed_compare(now->data, now->size, base->value, base->value_size) == 0;
    }
    if (same) {
        return PYR_OK;
    }
    if (now != NULL && node->inserted && !node->newest->deleted) {
        return duplicate(self, node, error);
    }
    return pyr_error_set_sql(error, PYR_ERROR_CONFLICT, "40001", -1,
                             "table \"%s\": another transaction has inserted, updated or deleted a "
                             "row that this one writes: roll back and try again",
                             self->table->name);
}

/* What an earlier commit of the group made of a key. false: it did not touch it. */
static bool find_in_group(const checking *self, const keyed_node *node, bool *there,
                          keyed_value *out) {
    for (size_t i = self->group->count; i-- > 0;) {
        const keyed_group_item *item = &self->group->items[i];
        const keyed_node *other =
            item->table_id == self->table->id
                ? pyr_keyed_node_find(&item->writes->lists[self->list], node->key, node->key_size)
                : NULL;
        const keyed_version *newest = other != NULL ? other->newest : NULL;
        /* What was written and deleted again by one change is as it was before it. */
        if (newest != NULL && (!newest->deleted || other->base.there)) {
            *there = !newest->deleted;
            *out = (keyed_value){.data = newest->value, .size = newest->size, .stamp = item->stamp};
            return true;
        }
    }
    return false;
}

static pyr_status check_found(void *context, size_t index, const keyed_value *value,
                              pyr_error *error) {
    const checking *self = context;
    self->seen[index] = true;
    return compare(self, self->nodes[index], value, error);
}

static pyr_status check_in_group(checking *self, pyr_error *error) {
    for (keyed_node *node = self->writes->lists[self->list].head->next[0]; node != NULL;
         node = node->next[0]) {
        bool there;
        keyed_value value;
        if (node->newest == NULL || (node->newest->deleted && !node->base.there)) {
            continue; /* nothing will be written */
        }
        if (find_in_group(self, node, &there, &value)) {
            PYR_TRY(compare(self, node, there ? &value : NULL, error));
            continue;
        }
        self->keys[self->count] = (pyr_lsm_bytes){node->key, node->key_size};
        self->nodes[self->count++] = node;
    }
    return PYR_OK;
}

static pyr_status check_list(checking *self, pyr_error *error) {
    size_t count = self->writes->lists[self->list].count;
    self->count = 0;
    self->nodes = calloc(count + 1, sizeof(*self->nodes));
    self->keys = calloc(count + 1, sizeof(*self->keys));
    self->seen = calloc(count + 1, sizeof(*self->seen));
    pyr_status status = self->nodes != NULL && self->keys != NULL && self->seen != NULL
                            ? PYR_OK
                            : pyr_error_memory(error, count * sizeof(*self->keys));
    if (status == PYR_OK) {
        status = check_in_group(self, error);
    }
    if (status == PYR_OK) {
        status = pyr_keyed_get_committed(self->table->name, self->table->id, self->view, self->list,
                                         self->keys, self->count, check_found, self, error);
    }
    for (size_t i = 0; status == PYR_OK && i < self->count; ++i) {
        status = self->seen[i] ? PYR_OK : compare(self, self->nodes[i], NULL, error);
    }
    free(self->nodes);
    free(self->keys);
    free(self->seen);
    return status;
}

static pyr_status check(const pyr_keyed_writes *writes, const pyr_table *table,
                        const pyr_keyed_group *group, pyr_error *error) {
    checking self = {
        .table = table, .writes = writes, .group = group, .view = view_before(group, table)};
    pyr_status status = PYR_OK;
    for (self.list = 0; status == PYR_OK && self.list < writes->lists_count; ++self.list) {
        status = check_list(&self, error);
    }
    pyr_lsm_view_release(self.view);
    return status;
}

/* ---- Records. ---- */

static void put_list(const pyr_keyed_writes *writes, int32_t list, uint64_t table_id,
                     uint64_t stamp, pyr_lsm_batch *batch) {
    keyed_prefix prefix = pyr_keyed_list_prefix(table_id, list);
    uint8_t header[KEYED_HEADER_BYTES_MAX] = {KEYED_VALUE_VERSION};
    size_t header_size = 1;
    for (uint64_t left = stamp; list == 0 && header_size < sizeof(header); left >>= 7) {
        header[header_size++] = (uint8_t)(left >= 0x80 ? left | 0x80 : left);
        if (left < 0x80) {
            break;
        }
    }
    for (const keyed_node *node = writes->lists[list].head->next[0]; node != NULL;
         node = node->next[0]) {
        const keyed_version *newest = node->newest;
        const pyr_lsm_bytes key[2] = {{prefix.bytes, prefix.size}, {node->key, node->key_size}};
        if (newest != NULL && !newest->deleted) {
            const pyr_lsm_bytes value[2] = {{header, header_size}, {newest->value, newest->size}};
            pyr_lsm_batch_put_parts(batch, key, value);
        } else if (newest != NULL && node->base.there) {
            pyr_lsm_batch_delete_parts(batch, key);
        }
    }
}

/* ---- Applying. ---- */

static pyr_status apply_to_view(const pyr_table_change *own, const pyr_table *table,
                                pyr_table **out, pyr_error *error) {
    pyr_keyed_writes *writes = own->keyed;
    keyed_next next = {.writes = writes};
    if (writes != NULL) {
        next.sequence = pyr_keyed_writes_mark(writes);
        next.rows = writes->rows;
        next.size_bytes = writes->size_bytes;
    }
    return pyr_keyed_next(table, table->version + 1, &next, out, error);
}

pyr_status pyr_keyed_apply(const pyr_table_change *own, const pyr_table *table,
                           const pyr_table *base, pyr_keyed_group *group, pyr_lsm_batch *batch,
                           pyr_table **out, pyr_error *error) {
    *out = NULL;
    if (batch == NULL) {
        return apply_to_view(own, table, out, error);
    }
    uint64_t stamp = table->version + 1;
    pyr_keyed_writes *writes = own->keyed;
    keyed_next next = {.fresh_rows = writes != NULL};
    if (writes != NULL) {
        next.rows = writes->rows;
        next.size_bytes = writes->size_bytes;
        if (base != NULL && base->version != table->version) {
            PYR_TRY(check(writes, table, group, error));
        }
        PYR_TRY(group_reserve(group, error));
        for (int32_t i = 0; i < writes->lists_count; ++i) {
            put_list(writes, i, table->id, stamp, batch);
        }
    }
    PYR_TRY(pyr_keyed_next(table, stamp, &next, out, error));
    if (writes != NULL) {
        group->items[group->count] =
            (keyed_group_item){table->id, stamp, writes, view_before(group, table)};
        group->count += 1;
    }
    return PYR_OK;
}

bool pyr_keyed_any(const pyr_snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        if (snapshot->tables[i]->keyed != NULL) {
            return true;
        }
    }
    return false;
}

/* What one commit wrote, of rows that may be kept. */
static void tell_cache(const keyed_group_item *item, const pyr_keyed_rows *rows) {
    enum { TOLD_MAX = 64 };
    pyr_row_change told[TOLD_MAX];
    size_t count = 0;
    pyr_row_cache_table *cached = atomic_load(&rows->cached);
    if (cached == NULL || !pyr_row_cache_begin(cached, item->stamp)) {
        return;
    }
    for (const keyed_node *node = item->writes->lists[0].head->next[0]; node != NULL;
         node = node->next[0]) {
        const keyed_version *newest = node->newest;
        if (newest == NULL) {
            continue;
        }
        told[count++] = (pyr_row_change){{node->key, node->key_size},
                                         {newest->deleted ? NULL : newest->value, newest->size}};
        if (count == TOLD_MAX) {
            pyr_row_cache_change(cached, item->stamp, told, count);
            count = 0;
        }
    }
    pyr_row_cache_change(cached, item->stamp, told, count);
}

void pyr_keyed_publish(const pyr_snapshot *snapshot, const pyr_keyed_group *group,
                       pyr_row_cache *cache, pyr_lsm *lsm, pyr_lsm_view *view) {
    pyr_lsm_view_take(lsm, view);
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        if (snapshot->tables[i]->keyed != NULL) {
            pyr_keyed_rows_keep(snapshot->tables[i]->keyed->rows, cache);
            pyr_keyed_rows_set(snapshot->tables[i]->keyed->rows, view);
        }
    }
    for (size_t i = 0; group != NULL && i < group->count; ++i) {
        const pyr_table *table = pyr_snapshot_find_id(snapshot, group->items[i].table_id);
        if (table != NULL) {
            tell_cache(&group->items[i], table->keyed->rows);
        }
    }
}
