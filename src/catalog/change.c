/* change.c - collecting a change; see change.h. */
#include "catalog/entry_internal.h"

#include <stdlib.h>
#include <string.h>

pyr_status pyr_change_create(pyr_catalog *catalog, pyr_snapshot *base, pyr_change **out,
                             pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    (*out)->catalog = catalog;
    (*out)->base = pyr_snapshot_retain(base);
    pthread_mutex_lock(&catalog->commit_lock);
    (*out)->next = catalog->changes;
    if (catalog->changes != NULL) {
        catalog->changes->previous = *out;
    }
    catalog->changes = *out;
    pthread_mutex_unlock(&catalog->commit_lock);
    return PYR_OK;
}

static void table_replacement_deinit(pyr_table_replacement *own, bool remove_files) {
    for (size_t i = 0; i < own->replacement->new_count; ++i) {
        if (remove_files) {
            pyr_segment_remove_on_release(own->segments[i]);
        }
        pyr_segment_release(own->segments[i]);
    }
    free(own->segments);
    pyr_replacement_release(own->replacement);
}

void pyr_table_change_drop_rows(pyr_table_change *change) {
    for (size_t i = 0; i < change->rows_count; ++i) {
        pyr_batch_release(change->rows[i]);
    }
    change->rows_count = 0;
    change->rows_bytes = 0;
}

static void table_change_deinit(pyr_table_change *change, bool remove_files) {
    for (size_t i = 0; i < change->replacements_count; ++i) {
        table_replacement_deinit(&change->replacements[i], remove_files || change->dropped);
    }
    free(change->replacements);
    for (size_t i = 0; i < change->appended_count; ++i) {
        /* What was appended to a table that the same change drops is named by nobody either way. */
        if (remove_files || change->dropped) {
            pyr_segment_remove_on_release(change->appended[i]);
        }
        pyr_segment_release(change->appended[i]);
    }
    free(change->appended);
    for (size_t i = 0; i < change->deletions_count; ++i) {
        pyr_row_bitmap_release(change->deletions[i].rows);
    }
    free(change->deletions);
    pyr_table_change_drop_rows(change);
    free(change->rows);
    pyr_keyed_writes_release(change->keyed);
    pyr_table_release(change->created);
    pyr_table_release(change->altered);
    pyr_schema_release(change->altered_from);
}

void pyr_change_clear(pyr_change *change, bool remove_files) {
    for (size_t i = 0; i < change->tables_count; ++i) {
        table_change_deinit(&change->tables[i], remove_files);
    }
    change->tables_count = 0;
    pyr_change_clear_entries(change);
    pyr_snapshot_release(change->view);
    change->view = NULL;
}

void pyr_change_destroy(pyr_change *change) {
    if (change == NULL) {
        return;
    }
    pyr_change_clear(change, !change->keep_files);
    pthread_mutex_lock(&change->catalog->commit_lock);
    *(change->previous != NULL ? &change->previous->next : &change->catalog->changes) =
        change->next;
    if (change->next != NULL) {
        change->next->previous = change->previous;
    }
    pthread_mutex_unlock(&change->catalog->commit_lock);
    free(change->tables);
    free(change->objects);
    pyr_snapshot_release(change->base);
    free(change);
}

bool pyr_change_is_empty(const pyr_change *change) {
    return change->tables_count == 0 && change->objects_count == 0;
}

pyr_status pyr_change_grow(void **items, size_t count, size_t *capacity, size_t width,
                           pyr_error *error) {
    if (count < *capacity) {
        return PYR_OK;
    }
    size_t wanted = *capacity > 0 ? *capacity * 2 : 8;
    void *grown = realloc(*items, wanted * width);
    if (grown == NULL) {
        return pyr_error_memory(error, wanted * width);
    }
    *items = grown;
    *capacity = wanted;
    return PYR_OK;
}

pyr_status pyr_change_of(pyr_change *change, uint64_t id, pyr_table_change **out,
                         pyr_error *error) {
    for (size_t i = 0; i < change->tables_count; ++i) {
        if (change->tables[i].id == id) {
            *out = &change->tables[i];
            return PYR_OK;
        }
    }
    PYR_TRY(pyr_change_grow((void **)&change->tables, change->tables_count,
                            &change->tables_capacity, sizeof(*change->tables), error));
    *out = &change->tables[change->tables_count++];
    memset(*out, 0, sizeof(**out));
    (*out)->id = id;
    return PYR_OK;
}

void pyr_change_forget_view(pyr_change *change) {
    pyr_snapshot_release(change->view);
    change->view = NULL;
}

pyr_status pyr_change_create_table(pyr_change *change, pyr_table *table, pyr_create_mode mode,
                                   bool *created, pyr_error *error) {
    *created = false;
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, error));
    const pyr_table *existing = pyr_snapshot_find(view, table->schema_name, table->name);
    pyr_table_change *own = NULL;
    pyr_status status = PYR_OK;
    if (!pyr_snapshot_has_schema(view, table->schema_name)) {
        status = pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", -1,
                                   "schema \"%s\" does not exist", table->schema_name);
    } else if (pyr_entries_find(view->objects, PYR_ENTRY_VIEW, table->schema_name, table->name,
                                NULL) != NULL) {
        status = pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                   "view \"%s\" already exists", table->name);
    } else if (existing != NULL && mode == PYR_CREATE_NEW) {
        status = pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                   "table \"%s\" already exists", existing->name);
    } else if (existing == NULL || mode == PYR_CREATE_OR_REPLACE) {
        status = pyr_change_of(change, table->id, &own, error);
    }
    if (own != NULL) {
        own->created = pyr_table_retain(table);
        own->mode = mode;
        *created = true;
        pyr_change_forget_view(change);
    }
    pyr_snapshot_release(view);
    return status;
}

pyr_status pyr_change_drop_table(pyr_change *change, const pyr_table *table, pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    own->dropped = true;
    pyr_change_forget_view(change);
    return PYR_OK;
}

static pyr_status check_new_name(pyr_change *change, const pyr_table *table,
                                 const pyr_table *altered, pyr_error *error) {
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, error));
    const pyr_table *there = pyr_snapshot_find(view, altered->schema_name, altered->name);
    bool taken = (there != NULL && there->id != table->id) ||
                 pyr_entries_find(view->objects, PYR_ENTRY_VIEW, altered->schema_name,
                                  altered->name, NULL) != NULL;
    pyr_snapshot_release(view);
    return taken ? pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                     "\"%s\" already exists", altered->name)
                 : PYR_OK;
}

pyr_status pyr_change_alter_table(pyr_change *change, const pyr_table *table, pyr_table *altered,
                                  bool exact, pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(check_new_name(change, table, altered, error));
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    const pyr_table *base = pyr_snapshot_find_id(change->base, table->id);
    if (own->altered == NULL) {
        own->altered_from = pyr_schema_retain(table->schema);
    }
    if (exact && base != NULL) {
        own->altered_version = base->version;
    }
    pyr_table_release(own->altered);
    own->altered = pyr_table_retain(altered);
    pyr_change_forget_view(change);
    return PYR_OK;
}

pyr_status pyr_change_succeed(pyr_change *change, const pyr_table *created,
                              const pyr_table *replaced, pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, created->id, &own, error));
    own->replaced_id = replaced->id;
    own->replaced_version = replaced->version;
    own->created->origin_id = /* nobody but this change has it yet */
        replaced->origin_id != 0 ? replaced->origin_id : replaced->id;
    pyr_change_forget_view(change);
    return PYR_OK;
}

pyr_status pyr_change_append(pyr_change *change, const pyr_table *table, pyr_segment *segment,
                             pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    PYR_TRY(pyr_change_grow((void **)&own->appended, own->appended_count, &own->appended_capacity,
                            sizeof(pyr_segment *), error));
    own->appended[own->appended_count++] = pyr_segment_retain(segment);
    pyr_change_forget_view(change);
    return PYR_OK;
}

pyr_status pyr_change_append_rows(pyr_change *change, const pyr_table *table, pyr_batch *batch,
                                  pyr_query_ledger *ledger, pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    PYR_TRY(pyr_change_grow((void **)&own->rows, own->rows_count, &own->rows_capacity,
                            sizeof(pyr_batch *), error));
    own->rows[own->rows_count++] = pyr_batch_retain(batch);
    own->rows_bytes += pyr_batch_size_bytes(batch);
    own->rows_ledger = ledger;
    return PYR_OK;
}

static pyr_status fill_replacement(pyr_table_replacement *own, pyr_replacement *replacement,
                                   pyr_segment *const *segments, pyr_error *error) {
    own->segments = calloc(replacement->new_count + 1, sizeof(pyr_segment *));
    if (own->segments == NULL) {
        return pyr_error_memory(error, replacement->new_count * sizeof(pyr_segment *));
    }
    for (size_t i = 0; i < replacement->new_count; ++i) {
        own->segments[i] = pyr_segment_retain(segments[i]);
    }
    own->replacement = pyr_replacement_retain(replacement);
    return PYR_OK;
}

pyr_status pyr_change_replace(pyr_change *change, const pyr_table *table,
                              pyr_replacement *replacement, pyr_segment *const *segments,
                              pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    PYR_TRY(pyr_change_grow((void **)&own->replacements, own->replacements_count,
                            &own->replacements_capacity, sizeof(*own->replacements), error));
    PYR_TRY(fill_replacement(&own->replacements[own->replacements_count], replacement, segments,
                             error));
    ++own->replacements_count;
    pyr_change_forget_view(change);
    return PYR_OK;
}

pyr_status pyr_change_delete(pyr_change *change, const pyr_table *table, uint64_t segment_number,
                             pyr_row_bitmap *rows, pyr_error *error) {
    pyr_table_change *own = NULL;
    PYR_TRY(pyr_change_of(change, table->id, &own, error));
    for (size_t i = 0; i < own->deletions_count; ++i) {
        pyr_deletion *deletion = &own->deletions[i];
        if (deletion->segment_number == segment_number) {
            pyr_row_bitmap *both = NULL;
            PYR_TRY(pyr_row_bitmap_union(deletion->rows, rows, NULL, &both, error));
            pyr_row_bitmap_release(deletion->rows);
            deletion->rows = both;
            pyr_change_forget_view(change);
            return PYR_OK;
        }
    }
    PYR_TRY(pyr_change_grow((void **)&own->deletions, own->deletions_count,
                            &own->deletions_capacity, sizeof(*own->deletions), error));
    own->deletions[own->deletions_count++] =
        (pyr_deletion){segment_number, pyr_row_bitmap_retain(rows)};
    pyr_change_forget_view(change);
    return PYR_OK;
}

/* Who keeps a plan knows by the version whether it still holds: no two views have the same, and
 * none has one of the catalog's own. */
static uint64_t view_version(void) {
    static atomic_uint_fast64_t views;
    return UINT64_C(1) << 63 | atomic_fetch_add_explicit(&views, 1, memory_order_relaxed);
}

pyr_status pyr_change_snapshot(pyr_change *change, pyr_snapshot **out, pyr_error *error) {
    *out = NULL;
    if (change->view == NULL && pyr_change_is_empty(change)) {
        change->view = pyr_snapshot_retain(change->base);
    }
    if (change->view == NULL) {
        pyr_working_tables work;
        PYR_TRY(pyr_working_tables_init(&work, change->base, error));
        pyr_status status = pyr_change_apply(change, &work, NULL, error);
        if (status == PYR_OK) {
            status =
                pyr_snapshot_create(view_version(), work.tables, work.count, &change->view, error);
            work.tables = NULL;
            work.count = 0;
        }
        if (status == PYR_OK) {
            change->view->objects = pyr_entries_retain(work.objects);
        }
        pyr_working_tables_deinit(&work);
        PYR_TRY(status);
    }
    *out = pyr_snapshot_retain(change->view);
    return PYR_OK;
}
