/* entry_records.c - objects in the LSM: `object/` ID; RECORDS.md has the bytes. */
#include "catalog/entry_internal.h"
#include "catalog/record_bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_PREFIX "object/"

static void make_key(pyr_text *key, uint64_t id) {
    pyr_text_add(key, OBJECT_PREFIX);
    pyr_record_add_key_number(key, id);
}

pyr_status pyr_record_put_entry(pyr_lsm_batch *batch, const pyr_entry *object, pyr_error *error) {
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    make_key(&key, object->id);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_record_add_varint(&value, (uint64_t)object->kind);
    pyr_record_add_string(&value, object->schema_name);
    pyr_record_add_string(&value, object->name);
    pyr_record_add_string(&value, object->detail);
    pyr_record_add_string(&value, object->definition);
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

pyr_status pyr_record_delete_entry(pyr_lsm_batch *batch, const pyr_entry *object,
                                   pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    make_key(&key, object->id);
    pyr_status status = pyr_text_check(&key, error);
    if (status == PYR_OK) {
        pyr_lsm_batch_delete(batch, key.data, key.length);
    }
    pyr_text_deinit(&key);
    return status == PYR_OK && object->kind == PYR_ENTRY_SEQUENCE
               ? pyr_sequence_delete(batch, object->id, error)
               : status;
}

pyr_status pyr_records_put_entries(pyr_lsm_batch *batch, pyr_lsm *lsm, const pyr_entries *objects,
                                   pyr_error *error) {
    PYR_TRY(pyr_record_delete_all(batch, lsm, OBJECT_PREFIX, error));
    for (size_t i = 0; i < pyr_entries_count(objects); ++i) {
        PYR_TRY(pyr_record_put_entry(batch, pyr_entries_at(objects, i), error));
    }
    return PYR_OK;
}

/* ---- Reading. ---- */

typedef struct loader {
    pyr_sequence_store *store;
    const pyr_entries *old;
    pyr_entries *objects;
} loader;

typedef struct object_record {
    uint64_t kind;
    char *schema_name, *name, *detail, *definition;
} object_record;

static void object_record_deinit(object_record *record) {
    free(record->schema_name);
    free(record->name);
    free(record->detail);
    free(record->definition);
}

static pyr_status damaged(uint64_t id, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT,
                         "catalog: the record of object %" PRIu64
                         " is damaged; restore the catalog/ folder from a backup",
                         id);
}

static bool read_record(pyr_cursor *cursor, object_record *out) {
    return pyr_cursor_varint(cursor, &out->kind) && out->kind >= 1 &&
           out->kind <= PYR_ENTRY_KINDS && pyr_record_get_string(cursor, &out->schema_name) &&
           pyr_record_get_string(cursor, &out->name) &&
           pyr_record_get_string(cursor, &out->detail) &&
           pyr_record_get_string(cursor, &out->definition) && pyr_cursor_left(cursor) == 0;
}

static pyr_status add_object(loader *self, uint64_t id, const object_record *record,
                             pyr_error *error) {
    pyr_entry *object = NULL;
    pyr_sequence *sequence = NULL;
    pyr_sequence_definition definition;
    pyr_entry *known = pyr_entries_find_id(self->old, id);
    pyr_status status = PYR_OK;
    if (pyr_entries_find(self->objects, (pyr_entry_kind)record->kind, record->schema_name,
                         record->name, record->detail) != NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "catalog: two objects are called \"%s\"",
                             record->name);
    }
    if (record->kind == PYR_ENTRY_SEQUENCE && known != NULL && known->sequence != NULL) {
        sequence = pyr_sequence_retain(known->sequence);
    } else if (record->kind == PYR_ENTRY_SEQUENCE) {
        status = pyr_sequence_parse(record->definition, &definition)
                     ? pyr_sequence_load(self->store, id, &definition, &sequence, error)
                     : damaged(id, error);
    }
    if (status == PYR_OK) {
        status =
            pyr_entry_create(id, (pyr_entry_kind)record->kind, record->schema_name, record->name,
                             record->detail, record->definition, sequence, &object, error);
    }
    pyr_entries *more = NULL;
    if (status == PYR_OK) {
        status = pyr_entries_change(self->objects, NULL, object, &more, error);
    }
    if (status == PYR_OK) {
        pyr_entries_release(self->objects);
        self->objects = more;
    }
    pyr_entry_release(object);
    pyr_sequence_release(sequence);
    return status;
}

static pyr_status visit(void *context, const char *key, size_t key_size, const char *value,
                        size_t value_size, pyr_error *error) {
    loader *self = context;
    pyr_cursor cursor;
    if (key_size != strlen(OBJECT_PREFIX) + 8) {
        return damaged(0, error);
    }
    uint64_t id = pyr_record_key_number(key + strlen(OBJECT_PREFIX));
    object_record record = {0};
    pyr_status status =
        pyr_record_begin(key, key_size, value, value_size, &cursor) && read_record(&cursor, &record)
            ? add_object(self, id, &record, error)
            : damaged(id, error);
    object_record_deinit(&record);
    return status;
}

pyr_status pyr_records_load_entries(pyr_lsm *lsm, pyr_sequence_store *store, const pyr_entries *old,
                                    pyr_entries **out, pyr_error *error) {
    loader self = {.store = store, .old = old};
    *out = NULL;
    pyr_status status =
        pyr_lsm_scan(lsm, OBJECT_PREFIX, strlen(OBJECT_PREFIX), visit, &self, error);
    if (status != PYR_OK) {
        pyr_entries_release(self.objects);
        return status;
    }
    *out = self.objects;
    return PYR_OK;
}
