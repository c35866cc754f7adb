/* external_records.c - external:{table} and external_file:{id}{place}; see external_records.h. */
#include "catalog/external_records.h"

#include "catalog/record_bytes.h"

#include <stdlib.h>
#include <string.h>

#define EXTERNAL_PREFIX "external:"
#define FILE_PREFIX "external_file:"
#define FILES_MAX 1000000

enum { FLAG_HASHED = 1 }; /* of a file */

static pyr_status damaged(const char *what, uint64_t id, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT,
                         "catalog: the record of %s %llu is damaged; restore the catalog/ folder "
                         "from a backup",
                         what, (unsigned long long)id);
}

/* TABLE of the schema main, SCHEMA 0 TABLE of another: names hold no zero byte. */
static void add_name(pyr_text *key, const char *schema_name, const char *name) {
    if (pyr_name_compare(schema_name, "main") != 0) {
        pyr_text_add(key, schema_name);
        pyr_text_add_char(key, '\0');
    }
    pyr_text_add(key, name);
}

static void file_key(pyr_text *key, uint64_t table_id, size_t place) {
    pyr_text_clear(key);
    pyr_text_add(key, FILE_PREFIX);
    pyr_record_add_key_number(key, table_id);
    pyr_record_add_key_number(key, place);
}

/* ---- Writing. ---- */

static void add_file(const pyr_external_file *file, pyr_text *value) {
    const pyr_stored_object *object = &file->object;
    pyr_text_clear(value);
    pyr_text_add_char(value, PYR_RECORD_VERSION);
    pyr_record_add_string(value, object->path);
    pyr_record_add_varint(value, (uint64_t)object->size_bytes);
    pyr_record_add_varint(value, (uint64_t)object->mtime_ns);
    pyr_record_add_varint(value, object->inode);
    pyr_record_add_string(value, object->etag != NULL ? object->etag : "");
    pyr_text_add_char(value, file->hashed ? FLAG_HASHED : 0);
    if (file->hashed) {
        pyr_text_append(value, (const char *)file->blake3, sizeof(file->blake3));
    }
}

/* digest: of all values without their CRCs, one behind the other. */
static pyr_status put_files(pyr_lsm_batch *batch, const pyr_table *table,
                            uint8_t digest[PYR_BLAKE3_OUT_BYTES], pyr_error *error) {
    const pyr_external *external = table->external;
    pyr_blake3 hasher;
    pyr_text key;
    pyr_text value;
    pyr_blake3_init(&hasher);
    pyr_text_init(&key);
    pyr_text_init(&value);
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < external->files_count; ++i) {
        file_key(&key, table->id, i);
        add_file(&external->files[i], &value);
        status = pyr_text_check(&value, error);
        if (status == PYR_OK) {
            pyr_blake3_update(&hasher, value.data, value.length);
            status = pyr_record_put(batch, &key, &value, error);
        }
    }
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    pyr_blake3_finalize(&hasher, digest, PYR_BLAKE3_OUT_BYTES);
    return status;
}

pyr_status pyr_external_records_put(pyr_lsm_batch *batch, const pyr_table *table,
                                    pyr_error *error) {
    const pyr_external *external = table->external;
    uint8_t digest[PYR_BLAKE3_OUT_BYTES];
    PYR_TRY(put_files(batch, table, digest, error));
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    pyr_text_add(&key, EXTERNAL_PREFIX);
    add_name(&key, table->schema_name, table->name);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_record_add_varint(&value, table->id);
    pyr_text_add_char(&value, (char)external->format);
    pyr_text_add_char(&value, (char)external->flags);
    pyr_record_add_varint(&value, (uint64_t)external->partitions_count);
    pyr_record_add_string(&value, external->location);
    pyr_record_add_varint(&value, external->files_count);
    pyr_record_add_varint(&value, (uint64_t)external->size_bytes);
    pyr_text_append(&value, (const char *)digest, sizeof(digest));
    pyr_record_add_string(&value, external->metadata);
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

pyr_status pyr_external_records_delete(pyr_lsm_batch *batch, const pyr_table *table,
                                       pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    pyr_text_add(&key, EXTERNAL_PREFIX);
    add_name(&key, table->schema_name, table->name);
    pyr_status status = pyr_text_check(&key, error);
    if (status == PYR_OK) {
        pyr_lsm_batch_delete(batch, key.data, key.length);
    }
    for (size_t i = 0; status == PYR_OK && i < table->external->files_count; ++i) {
        file_key(&key, table->id, i);
        status = pyr_text_check(&key, error);
        if (status == PYR_OK) {
            pyr_lsm_batch_delete(batch, key.data, key.length);
        }
    }
    pyr_text_deinit(&key);
    return status;
}

pyr_status pyr_external_records_clear(pyr_lsm_batch *batch, pyr_lsm *lsm, pyr_error *error) {
    PYR_TRY(pyr_record_delete_all(batch, lsm, EXTERNAL_PREFIX, error));
    return pyr_record_delete_all(batch, lsm, FILE_PREFIX, error);
}

/* ---- Reading. ---- */

typedef struct file_loader {
    uint64_t table_id;
    size_t expected;
    size_t count, capacity;
    int64_t size_bytes; /* of all */
    pyr_external_file *files;
    pyr_blake3 digest;
} file_loader;

static bool read_hash(pyr_cursor *cursor, pyr_external_file *out) {
    uint8_t flags;
    const uint8_t *bytes;
    if (!pyr_cursor_u8(cursor, &flags) || flags > FLAG_HASHED) {
        return false;
    }
    out->hashed = flags == FLAG_HASHED;
    if (!out->hashed) {
        return true;
    }
    if (!pyr_cursor_bytes(cursor, sizeof(out->blake3), &bytes)) {
        return false;
    }
    memcpy(out->blake3, bytes, sizeof(out->blake3));
    return true;
}

static bool read_file(pyr_cursor *cursor, pyr_external_file *out) {
    pyr_stored_object *object = &out->object;
    uint64_t size;
    uint64_t mtime;
    if (!pyr_record_get_string(cursor, &object->path) || !pyr_cursor_varint(cursor, &size) ||
        size > INT64_MAX || !pyr_cursor_varint(cursor, &mtime) ||
        !pyr_cursor_varint(cursor, &object->inode) ||
        !pyr_record_get_string(cursor, &object->etag) || !read_hash(cursor, out)) {
        return false;
    }
    object->size_bytes = (int64_t)size;
    object->mtime_ns = (int64_t)mtime;
    if (object->etag[0] == '\0') {
        free(object->etag);
        object->etag = NULL;
    }
    return object->path[0] != '\0' && pyr_cursor_left(cursor) == 0;
}

static pyr_status grow_files(file_loader *self, pyr_error *error) {
    if (self->count < self->capacity) {
        return PYR_OK;
    }
    size_t wanted = self->capacity > 0 ? self->capacity * 2 : 16;
    pyr_external_file *grown = realloc(self->files, wanted * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, wanted * sizeof(*grown));
    }
    self->files = grown;
    self->capacity = wanted;
    return PYR_OK;
}

static pyr_status visit_file(void *context, const char *key, size_t key_size, const char *value,
                             size_t value_size, pyr_error *error) {
    file_loader *self = context;
    pyr_cursor cursor;
    if (key_size != sizeof(FILE_PREFIX) - 1 + 16 || self->count == self->expected ||
        pyr_record_key_number(key + sizeof(FILE_PREFIX) - 1 + 8) != self->count ||
        !pyr_record_begin(key, key_size, value, value_size, &cursor)) {
        return damaged("a file of external table", self->table_id, error);
    }
    PYR_TRY(grow_files(self, error));
    pyr_external_file *file = &self->files[self->count];
    memset(file, 0, sizeof(*file));
    ++self->count;
    pyr_blake3_update(&self->digest, cursor.data, cursor.size_bytes);
    /* By path: who looks for one relies on it. */
    return read_file(&cursor, file) &&
                   (self->count < 2 || strcmp(file[-1].object.path, file->object.path) < 0) &&
                   !__builtin_add_overflow(self->size_bytes, file->object.size_bytes,
                                           &self->size_bytes)
               ? PYR_OK
               : damaged("a file of external table", self->table_id, error);
}

typedef struct external_fields {
    uint64_t table_id;
    uint8_t format, flags;
    uint64_t partitions, files, size_bytes;
    char *location;
    char *metadata;
    const uint8_t *digest;
} external_fields;

static bool read_fields(pyr_cursor *cursor, external_fields *out) {
    return pyr_cursor_varint(cursor, &out->table_id) && pyr_cursor_u8(cursor, &out->format) &&
           out->format < PYR_EXTERNAL_FORMATS && pyr_cursor_u8(cursor, &out->flags) &&
           out->flags <= PYR_EXTERNAL_FLAGS && pyr_cursor_varint(cursor, &out->partitions) &&
           out->partitions <= PYR_TABLE_COLUMNS_MAX &&
           pyr_record_get_string(cursor, &out->location) && out->location[0] != '\0' &&
           pyr_cursor_varint(cursor, &out->files) && out->files <= FILES_MAX &&
           pyr_cursor_varint(cursor, &out->size_bytes) && out->size_bytes <= INT64_MAX &&
           pyr_cursor_bytes(cursor, PYR_BLAKE3_OUT_BYTES, &out->digest) &&
           pyr_record_get_string(cursor, &out->metadata) && pyr_cursor_left(cursor) == 0;
}

static pyr_status load_files(pyr_lsm *lsm, const external_fields *fields, file_loader *out,
                             pyr_error *error) {
    memset(out, 0, sizeof(*out));
    out->table_id = fields->table_id;
    out->expected = fields->files;
    pyr_blake3_init(&out->digest);
    pyr_text prefix;
    pyr_text_init(&prefix);
    pyr_text_add(&prefix, FILE_PREFIX);
    pyr_record_add_key_number(&prefix, fields->table_id);
    pyr_status status = pyr_text_check(&prefix, error);
    if (status == PYR_OK) {
        status = pyr_lsm_scan(lsm, prefix.data, prefix.length, visit_file, out, error);
    }
    pyr_text_deinit(&prefix);
    uint8_t digest[PYR_BLAKE3_OUT_BYTES];
    pyr_blake3_finalize(&out->digest, digest, sizeof(digest));
    if (status == PYR_OK &&
        (out->count != out->expected || (uint64_t)out->size_bytes != fields->size_bytes ||
         memcmp(digest, fields->digest, sizeof(digest)) != 0)) {
        status = damaged("external table", fields->table_id, error);
    }
    if (status != PYR_OK) {
        pyr_external_files_free(out->files, out->count);
    }
    return status;
}

static pyr_status add_record(pyr_external_records *to, const char *key, size_t key_size,
                             const external_fields *fields, file_loader *files, pyr_error *error) {
    pyr_external *external = NULL;
    PYR_TRY(pyr_external_create((pyr_external_format)fields->format, fields->location,
                                fields->metadata, fields->flags, (int32_t)fields->partitions,
                                files->files, files->count, &external, error));
    char *copy = malloc(key_size + 1);
    if (to->count == to->capacity && copy != NULL) {
        size_t wanted = to->capacity > 0 ? to->capacity * 2 : 8;
        pyr_external_record *grown = realloc(to->records, wanted * sizeof(*grown));
        to->capacity = grown != NULL ? wanted : to->capacity;
        to->records = grown != NULL ? grown : to->records;
    }
    if (copy == NULL || to->count == to->capacity) {
        free(copy);
        pyr_external_release(external);
        return pyr_error_memory(error, key_size);
    }
    memcpy(copy, key, key_size);
    to->records[to->count++] = (pyr_external_record){fields->table_id, copy, key_size, external};
    return PYR_OK;
}

typedef struct external_loader {
    pyr_lsm *lsm;
    pyr_external_records *out;
} external_loader;

static pyr_status visit_external(void *context, const char *key, size_t key_size, const char *value,
                                 size_t value_size, pyr_error *error) {
    external_loader *self = context;
    external_fields fields = {0};
    pyr_cursor cursor;
    file_loader files;
    bool well = pyr_record_begin(key, key_size, value, value_size, &cursor) &&
                read_fields(&cursor, &fields);
    pyr_status status = well ? load_files(self->lsm, &fields, &files, error)
                             : damaged("external table", fields.table_id, error);
    if (status == PYR_OK) {
        size_t prefix = sizeof(EXTERNAL_PREFIX) - 1;
        status = add_record(self->out, key + prefix, key_size - prefix, &fields, &files, error);
    }
    free(fields.location);
    free(fields.metadata);
    return status;
}

pyr_status pyr_external_records_load(pyr_lsm *lsm, pyr_external_records *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    external_loader self = {lsm, out};
    pyr_status status = pyr_lsm_scan(lsm, EXTERNAL_PREFIX, sizeof(EXTERNAL_PREFIX) - 1,
                                     visit_external, &self, error);
    if (status != PYR_OK) {
        pyr_external_records_deinit(out);
    }
    return status;
}

void pyr_external_records_deinit(pyr_external_records *records) {
    for (size_t i = 0; i < records->count; ++i) {
        free(records->records[i].key);
        pyr_external_release(records->records[i].external);
    }
    free(records->records);
    memset(records, 0, sizeof(*records));
}

pyr_external *pyr_external_records_find(const pyr_external_records *records, uint64_t table_id,
                                        const char *schema_name, const char *name) {
    for (size_t i = 0; i < records->count; ++i) {
        const pyr_external_record *record = &records->records[i];
        if (record->table_id != table_id) {
            continue;
        }
        pyr_text key;
        pyr_text_init(&key);
        add_name(&key, schema_name, name);
        bool same = key.length == record->key_size && !key.failed &&
                    memcmp(key.data, record->key, key.length) == 0;
        pyr_text_deinit(&key);
        if (same) {
            return record->external;
        }
    }
    return NULL;
}
