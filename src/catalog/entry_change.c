/* entry_change.c - the objects of a change: collected, and applied to what is current.
 *
 * What is dropped goes first, so that names are free for tables and objects; what is made comes
 * behind the tables. Between the two stand the change's tables, whose schemas and names are looked
 * at in the end.
 */
#include "catalog/entry_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Collecting. ---- */

void pyr_change_clear_entries(pyr_change *change) {
    for (size_t i = 0; i < change->objects_count; ++i) {
        pyr_entry_release(change->objects[i].put);
        pyr_entry_release(change->objects[i].dropped);
    }
    change->objects_count = 0;
}

static pyr_status add(pyr_change *change, const pyr_entry_change *own, pyr_error *error) {
    if (change->objects_count == change->objects_capacity) {
        size_t wanted = change->objects_capacity > 0 ? change->objects_capacity * 2 : 8;
        pyr_entry_change *grown = realloc(change->objects, wanted * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*grown));
        }
        change->objects = grown;
        change->objects_capacity = wanted;
    }
    change->objects[change->objects_count++] = *own;
    pyr_snapshot_release(change->view);
    change->view = NULL;
    return PYR_OK;
}

static pyr_status not_empty(const pyr_entry *schema, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "2BP01", -1,
                             "schema \"%s\" is not empty: CASCADE drops what is in it",
                             schema->name);
}

/* What the transaction sees must stay whole: a schema goes after what is in it. */
static pyr_status check_empty(pyr_change *change, const pyr_entry *schema, pyr_error *error) {
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, error));
    bool used = false;
    for (size_t i = 0; i < view->tables_count; ++i) {
        used = used || pyr_name_compare(view->tables[i]->schema_name, schema->name) == 0;
    }
    for (size_t i = 0; i < pyr_entries_count(view->objects); ++i) {
        const pyr_entry *object = pyr_entries_at(view->objects, i);
        used =
            used || (object != schema && pyr_name_compare(object->schema_name, schema->name) == 0);
    }
    pyr_snapshot_release(view);
    return used ? not_empty(schema, error) : PYR_OK;
}

pyr_status pyr_change_drop_entry(pyr_change *change, pyr_entry *object, pyr_error *error) {
    if (object->kind == PYR_ENTRY_SCHEMA) {
        PYR_TRY(check_empty(change, object, error));
    }
    for (size_t i = 0; i < change->objects_count; ++i) {
        if (change->objects[i].put == object) {
            pyr_entry_release(object);
            change->objects[i] = change->objects[--change->objects_count];
            pyr_snapshot_release(change->view);
            change->view = NULL;
            return PYR_OK;
        }
    }
    pyr_entry_change own = {.dropped = object};
    PYR_TRY(add(change, &own, error));
    pyr_entry_retain(object);
    return PYR_OK;
}

static pyr_status already_exists(const pyr_entry *object, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                             "%s \"%s\" already exists", pyr_entry_kind_name(object->kind),
                             object->name);
}

static pyr_status put_in_view(pyr_change *change, const pyr_snapshot *view, pyr_entry *object,
                              pyr_create_mode mode, bool *created, pyr_error *error) {
    pyr_entry *there = pyr_entries_find(pyr_snapshot_entries(view), object->kind,
                                        object->schema_name, object->name, object->detail);
    if (object->kind != PYR_ENTRY_SCHEMA && !pyr_snapshot_has_schema(view, object->schema_name)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", -1,
                                 "schema \"%s\" does not exist", object->schema_name);
    }
    if (object->kind == PYR_ENTRY_VIEW &&
        pyr_snapshot_find(view, object->schema_name, object->name) != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                 "table \"%s\" already exists", object->name);
    }
    if (there != NULL && mode == PYR_CREATE_NEW) {
        return already_exists(object, error);
    }
    if (there != NULL && mode == PYR_CREATE_IF_NOT_EXISTS) {
        return PYR_OK;
    }
    if (there != NULL) {
        PYR_TRY(pyr_change_drop_entry(change, there, error));
    }
    pyr_entry_change own = {.put = object, .mode = mode};
    PYR_TRY(add(change, &own, error));
    pyr_entry_retain(object);
    *created = true;
    return PYR_OK;
}

pyr_status pyr_change_put_entry(pyr_change *change, pyr_entry *object, pyr_create_mode mode,
                                bool *created, pyr_error *error) {
    *created = false;
    pyr_snapshot *view = NULL;
    PYR_TRY(pyr_change_snapshot(change, &view, error));
    pyr_status status = put_in_view(change, view, object, mode, created, error);
    pyr_snapshot_release(view);
    return status;
}

/* ---- Applying. ---- */

/* work's set becomes one without `without` and with `with`. */
static pyr_status exchange(pyr_working_tables *work, const pyr_entry *without, pyr_entry *with,
                           pyr_error *error) {
    pyr_entries *next = NULL;
    PYR_TRY(pyr_entries_change(work->objects, without, with, &next, error));
    pyr_entries_release(work->objects);
    work->objects = next;
    return PYR_OK;
}

static bool is_replaced(const pyr_change *change, const pyr_entry *dropped) {
    for (size_t i = 0; i < change->objects_count; ++i) {
        const pyr_entry_change *own = &change->objects[i];
        if (own->put != NULL && own->mode == PYR_CREATE_OR_REPLACE &&
            own->put->kind == dropped->kind &&
            pyr_name_compare(own->put->name, dropped->name) == 0 &&
            pyr_name_compare(own->put->detail, dropped->detail) == 0 &&
            pyr_name_compare(own->put->schema_name, dropped->schema_name) == 0) {
            return true;
        }
    }
    return false;
}

pyr_status pyr_change_drop_entries(const pyr_change *change, pyr_working_tables *work,
                                   pyr_lsm_batch *batch, pyr_error *error) {
    for (size_t i = 0; i < change->objects_count; ++i) {
        const pyr_entry *dropped = change->objects[i].dropped;
        if (dropped == NULL) {
            continue;
        }
        const pyr_entry *there = pyr_entries_find_id(work->objects, dropped->id);
        if (there == NULL && is_replaced(change, dropped)) {
            continue;
        }
        if (there == NULL) {
            return pyr_error_set_sql(error, PYR_ERROR_CONFLICT, "40001", -1,
                                     "%s \"%s\" was dropped or replaced meanwhile: roll back and "
                                     "try again",
                                     pyr_entry_kind_name(dropped->kind), dropped->name);
        }
        if (batch != NULL) {
            PYR_TRY(pyr_record_delete_entry(batch, there, error));
        }
        PYR_TRY(exchange(work, there, NULL, error));
    }
    return PYR_OK;
}

pyr_status pyr_change_put_entries(const pyr_change *change, pyr_working_tables *work,
                                  pyr_lsm_batch *batch, pyr_error *error) {
    for (size_t i = 0; i < change->objects_count; ++i) {
        pyr_entry *put = change->objects[i].put;
        if (put == NULL) {
            continue;
        }
        const pyr_entry *there =
            pyr_entries_find(work->objects, put->kind, put->schema_name, put->name, put->detail);
        if (there != NULL && change->objects[i].mode != PYR_CREATE_OR_REPLACE) {
            return already_exists(put, error);
        }
        if (there != NULL && batch != NULL) {
            PYR_TRY(pyr_record_delete_entry(batch, there, error));
        }
        if (batch != NULL) {
            PYR_TRY(pyr_record_put_entry(batch, put, error));
        }
        if (batch != NULL && put->sequence != NULL) {
            PYR_TRY(pyr_sequence_record(put->sequence, batch, error));
        }
        PYR_TRY(exchange(work, there, put, error));
    }
    return PYR_OK;
}

/* ---- What holds behind a change. ---- */

static bool has_schema(const pyr_working_tables *work, const char *name) {
    return pyr_name_compare(name, "main") == 0 ||
           pyr_entries_find(work->objects, PYR_ENTRY_SCHEMA, name, name, NULL) != NULL;
}

static pyr_status check_schema(const pyr_working_tables *work, const char *name, pyr_error *error) {
    return has_schema(work, name) ? PYR_OK
                                  : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "3F000", -1,
                                                      "schema \"%s\" does not exist", name);
}

static bool has_table(const pyr_working_tables *work, const char *schema_name, const char *name) {
    for (size_t i = 0; i < work->count; ++i) {
        if (pyr_name_compare(work->tables[i]->name, name) == 0 &&
            pyr_name_compare(work->tables[i]->schema_name, schema_name) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing may be left in a schema that is gone. */
static pyr_status check_dropped(const pyr_working_tables *work, const pyr_entry *schema,
                                pyr_error *error) {
    bool used = false;
    for (size_t i = 0; i < work->count; ++i) {
        used = used || pyr_name_compare(work->tables[i]->schema_name, schema->name) == 0;
    }
    for (size_t i = 0; i < pyr_entries_count(work->objects); ++i) {
        const pyr_entry *object = pyr_entries_at(work->objects, i);
        used = used || pyr_name_compare(object->schema_name, schema->name) == 0;
    }
    return !used || has_schema(work, schema->name) ? PYR_OK : not_empty(schema, error);
}

static pyr_status check_object(const pyr_working_tables *work, const pyr_entry_change *own,
                               pyr_error *error) {
    if (own->dropped != NULL) {
        return own->dropped->kind == PYR_ENTRY_SCHEMA ? check_dropped(work, own->dropped, error)
                                                      : PYR_OK;
    }
    PYR_TRY(check_schema(work, own->put->schema_name, error));
    if (own->put->kind == PYR_ENTRY_VIEW &&
        has_table(work, own->put->schema_name, own->put->name)) {
        return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                 "table \"%s\" already exists", own->put->name);
    }
    return PYR_OK;
}

pyr_status pyr_change_check_entries(const pyr_change *change, const pyr_working_tables *work,
                                    pyr_error *error) {
    for (size_t i = 0; i < change->tables_count; ++i) {
        const pyr_table *created = change->tables[i].altered != NULL ? change->tables[i].altered
                                                                     : change->tables[i].created;
        if (created == NULL || change->tables[i].dropped) {
            continue;
        }
        PYR_TRY(check_schema(work, created->schema_name, error));
        if (pyr_entries_find(work->objects, PYR_ENTRY_VIEW, created->schema_name, created->name,
                             NULL) != NULL) {
            return pyr_error_set_sql(error, PYR_ERROR_ALREADY_EXISTS, "42P07", -1,
                                     "view \"%s\" already exists", created->name);
        }
    }
    for (size_t i = 0; i < change->objects_count; ++i) {
        PYR_TRY(check_object(work, &change->objects[i], error));
    }
    return PYR_OK;
}

/* ---- New objects. ---- */

static pyr_status new_sequence(pyr_catalog *catalog, uint64_t id, const char *definition,
                               pyr_sequence **out, pyr_error *error) {
    pyr_sequence_definition parsed;
    if (!pyr_sequence_parse(definition, &parsed)) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", -1,
                                 "a sequence's START lies between MINVALUE and MAXVALUE, and its "
                                 "INCREMENT is not 0");
    }
    return pyr_sequence_create(catalog->sequences, id, &parsed, out, error);
}

pyr_status pyr_catalog_new_entry(pyr_catalog *catalog, pyr_entry_kind kind, const char *schema_name,
                                 const char *name, const char *detail, const char *definition,
                                 pyr_entry **out, pyr_error *error) {
    *out = NULL;
    PYR_TRY(pyr_catalog_check_name(pyr_entry_kind_name(kind), name, error));
    if (pyr_name_compare(schema_name, "pyralog") == 0 ||
        pyr_name_compare(schema_name, "information_schema") == 0) {
        return pyr_error_set_sql(error, PYR_ERROR_PERMISSION, "42501", -1,
                                 "schema \"%s\" is the system's", schema_name);
    }
    uint64_t id = atomic_fetch_add(&catalog->next_table, 1);
    pyr_sequence *sequence = NULL;
    if (kind == PYR_ENTRY_SEQUENCE) {
        PYR_TRY(new_sequence(catalog, id, definition, &sequence, error));
    }
    pyr_status status =
        pyr_entry_create(id, kind, schema_name, name, detail, definition, sequence, out, error);
    pyr_sequence_release(sequence);
    return status;
}
