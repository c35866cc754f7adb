/* records.c - the catalog's records in the LSM. Every value begins with a version byte and ends
 * with the CRC-32C of key and value; strings are a varint length and bytes. A record whose CRC
 * differs or that does not read to its end is PYR_ERROR_CORRUPT. */
#include "arrow/ipc/ipc.h"
#include "base/crc32c.h"
#include "base/cursor.h"
#include "catalog/catalog_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_VERSION 1
#define TABLE_PREFIX "table/"
#define SEGMENT_PREFIX "segment/"
#define COUNTER_PREFIX "counter/"

/* ---- Bytes. ---- */

static void put_varint(pyr_text *out, uint64_t value) {
    while (value >= 0x80) {
        pyr_text_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    pyr_text_add_char(out, (char)value);
}

static void put_bytes(pyr_text *out, const void *bytes, size_t size) {
    put_varint(out, size);
    pyr_text_append(out, bytes, size);
}

static void put_string(pyr_text *out, const char *string) {
    put_bytes(out, string, strlen(string));
}

/* Big-endian, so that keys sort by number. */
static void put_key_number(pyr_text *out, uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
        pyr_text_add_char(out, (char)(value >> shift));
    }
}

static uint64_t get_key_number(const char *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) {
        value = value << 8 | (uint8_t)bytes[i];
    }
    return value;
}

static bool get_string(pyr_cursor *cursor, char **out) {
    uint64_t size;
    const uint8_t *bytes;
    if (!pyr_cursor_varint(cursor, &size) || size > pyr_cursor_left(cursor) ||
        !pyr_cursor_bytes(cursor, (size_t)size, &bytes)) {
        return false;
    }
    *out = strndup((const char *)bytes, (size_t)size);
    return *out != NULL && strlen(*out) == size;
}

/* ---- Writing. ---- */

#define CRC_BYTES ((size_t)4)

static uint32_t crc_of(const char *key, size_t key_size, const char *value, size_t value_size) {
    return pyr_crc32c(pyr_crc32c(0, key, key_size), value, value_size);
}

/* Ends value with its CRC. */
static pyr_status put(pyr_lsm_batch *batch, const pyr_text *key, pyr_text *value,
                      pyr_error *error) {
    PYR_TRY(pyr_text_check(key, error));
    PYR_TRY(pyr_text_check(value, error));
    uint32_t crc = crc_of(key->data, key->length, value->data, value->length);
    for (unsigned i = 0; i < CRC_BYTES; ++i) {
        pyr_text_add_char(value, (char)(crc >> (8 * i)));
    }
    PYR_TRY(pyr_text_check(value, error));
    pyr_lsm_batch_put(batch, key->data, key->length, value->data, value->length);
    return PYR_OK;
}

/* A cursor behind the version byte, that ends before the CRC; false where either is wrong. */
static bool begin_value(const char *key, size_t key_size, const char *value, size_t value_size,
                        pyr_cursor *out) {
    uint8_t version;
    if (value_size < 1 + CRC_BYTES || pyr_load_u32(value + value_size - CRC_BYTES) !=
                                          crc_of(key, key_size, value, value_size - CRC_BYTES)) {
        return false;
    }
    *out = pyr_cursor_over(value, value_size - CRC_BYTES);
    return pyr_cursor_u8(out, &version) && version == RECORD_VERSION;
}

static void table_key(pyr_text *key, const char *prefix, uint64_t table_id) {
    pyr_text_add(key, prefix);
    put_key_number(key, table_id);
}

pyr_status pyr_record_put_table(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    pyr_buffer *schema = NULL;
    PYR_TRY(pyr_ipc_schema_serialize(table->schema, &schema, error));
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    table_key(&key, TABLE_PREFIX, table->id);
    pyr_text_add_char(&value, RECORD_VERSION);
    put_varint(&value, table->version);
    put_string(&value, table->schema_name);
    put_string(&value, table->name);
    put_string(&value, table->sql_types);
    put_varint(&value, table->options_count);
    for (size_t i = 0; i < table->options_count; ++i) {
        put_string(&value, table->options[i].name);
        put_string(&value, table->options[i].value);
    }
    put_bytes(&value, schema->data, schema->size_bytes);
    pyr_status status = put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    pyr_buffer_release(schema);
    return status;
}

pyr_status pyr_record_put_segment(pyr_lsm_batch *batch, uint64_t table_id,
                                  const pyr_segment *segment, pyr_error *error) {
    const pyr_segment_info *info = pyr_segment_get_info(segment);
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    table_key(&key, SEGMENT_PREFIX, table_id);
    put_key_number(&key, pyr_folder_segment_number(info->path));
    pyr_text_add_char(&value, RECORD_VERSION);
    put_varint(&value, (uint64_t)info->rows);
    put_varint(&value, (uint64_t)info->size_bytes);
    put_varint(&value, (uint64_t)info->batches);
    pyr_status status = put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

static void counter_key(pyr_text *key, const char *name) {
    pyr_text_add(key, COUNTER_PREFIX);
    pyr_text_add(key, name);
}

pyr_status pyr_record_put_counter(pyr_lsm_batch *batch, const char *name, uint64_t value,
                                  pyr_error *error) {
    pyr_text key;
    pyr_text bytes;
    pyr_text_init(&key);
    pyr_text_init(&bytes);
    counter_key(&key, name);
    pyr_text_add_char(&bytes, RECORD_VERSION);
    for (int i = 0; i < 8; ++i) {
        pyr_text_add_char(&bytes, (char)(value >> (8 * i)));
    }
    pyr_status status = put(batch, &key, &bytes, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&bytes);
    return status;
}

static pyr_status read_counter(pyr_lsm *lsm, const pyr_text *key, const char *name, uint64_t *out,
                               pyr_error *error) {
    char *value = NULL;
    size_t value_size = 0;
    PYR_TRY(pyr_text_check(key, error));
    PYR_TRY(pyr_lsm_get(lsm, key->data, key->length, &value, &value_size, error));
    pyr_cursor cursor;
    pyr_status status = PYR_OK;
    if (value != NULL && (!begin_value(key->data, key->length, value, value_size, &cursor) ||
                          !pyr_cursor_u64(&cursor, out) || pyr_cursor_left(&cursor) > 0)) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                               "catalog: counter %s is damaged; restore the catalog/ folder from a "
                               "backup",
                               name);
    }
    free(value);
    return status;
}

pyr_status pyr_record_get_counter(pyr_lsm *lsm, const char *name, uint64_t *out, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    counter_key(&key, name);
    *out = 1;
    pyr_status status = read_counter(lsm, &key, name, out, error);
    pyr_text_deinit(&key);
    return status;
}

static pyr_status delete_key(pyr_lsm_batch *batch, const pyr_text *key, pyr_error *error) {
    PYR_TRY(pyr_text_check(key, error));
    pyr_lsm_batch_delete(batch, key->data, key->length);
    return PYR_OK;
}

pyr_status pyr_record_delete_table(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    table_key(&key, TABLE_PREFIX, table->id);
    pyr_status status = delete_key(batch, &key, error);
    for (size_t i = 0; status == PYR_OK && i < table->segments_count; ++i) {
        pyr_text_clear(&key);
        table_key(&key, SEGMENT_PREFIX, table->id);
        put_key_number(&key,
                       pyr_folder_segment_number(pyr_segment_get_info(table->segments[i])->path));
        status = delete_key(batch, &key, error);
    }
    pyr_text_deinit(&key);
    return status;
}

static pyr_status delete_visited(void *context, const char *key, size_t key_size, const char *value,
                                 size_t value_size, pyr_error *error) {
    (void)value;
    (void)value_size;
    (void)error;
    pyr_lsm_batch_delete(context, key, key_size);
    return PYR_OK;
}

pyr_status pyr_records_put_snapshot(pyr_lsm_batch *batch, pyr_lsm *lsm,
                                    const pyr_snapshot *snapshot, pyr_error *error) {
    PYR_TRY(
        pyr_lsm_scan(lsm, TABLE_PREFIX, sizeof(TABLE_PREFIX) - 1, delete_visited, batch, error));
    PYR_TRY(pyr_lsm_scan(lsm, SEGMENT_PREFIX, sizeof(SEGMENT_PREFIX) - 1, delete_visited, batch,
                         error));
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        const pyr_table *table = snapshot->tables[i];
        PYR_TRY(pyr_record_put_table(batch, table, error));
        for (size_t j = 0; !pyr_table_is_memory_only(table) && j < table->segments_count; ++j) {
            PYR_TRY(pyr_record_put_segment(batch, table->id, table->segments[j], error));
        }
    }
    return PYR_OK;
}

/* ---- Reading. ---- */

typedef struct loader {
    pyr_lsm *lsm;
    const char *base;
    const pyr_snapshot *old;
    pyr_table **tables;
    size_t count;
    size_t capacity;
    /* of the table at hand */
    uint64_t table_id;
    const pyr_table *old_table;
    size_t old_index;
    pyr_segment **segments;
    size_t segments_count;
    size_t segments_capacity;
} loader;

static pyr_status damaged(const char *what, uint64_t id, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT,
                         "catalog: the record of %s %llu is damaged; restore the catalog/ folder "
                         "from a backup",
                         what, (unsigned long long)id);
}

/* Segments come in the order of their numbers, in snapshots loaded before too. */
static pyr_segment *take_over(loader *self, uint64_t number, const char *path) {
    const pyr_table *old = self->old_table;
    for (; old != NULL && self->old_index < old->segments_count; ++self->old_index) {
        pyr_segment *segment = old->segments[self->old_index];
        const char *name = pyr_segment_get_info(segment)->path;
        if (pyr_folder_segment_number(name) >= number) {
            return strcmp(name, path) == 0 ? pyr_segment_retain(segment) : NULL;
        }
    }
    return NULL;
}

static pyr_status add_segment(loader *self, pyr_segment *segment, pyr_error *error) {
    if (self->segments_count == self->segments_capacity) {
        size_t capacity = self->segments_capacity > 0 ? self->segments_capacity * 2 : 16;
        pyr_segment **grown = realloc(self->segments, capacity * sizeof(*grown));
        if (grown == NULL) {
            pyr_segment_release(segment);
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->segments = grown;
        self->segments_capacity = capacity;
    }
    self->segments[self->segments_count++] = segment;
    return PYR_OK;
}

static pyr_status visit_segment(void *context, const char *key, size_t key_size, const char *value,
                                size_t value_size, pyr_error *error) {
    loader *self = context;
    uint64_t rows;
    uint64_t size;
    uint64_t batches;
    pyr_cursor cursor;
    if (key_size != sizeof(SEGMENT_PREFIX) - 1 + 16 ||
        !begin_value(key, key_size, value, value_size, &cursor) ||
        !pyr_cursor_varint(&cursor, &rows) || !pyr_cursor_varint(&cursor, &size) ||
        !pyr_cursor_varint(&cursor, &batches) || pyr_cursor_left(&cursor) > 0 || rows > INT64_MAX ||
        size > INT64_MAX || batches > INT64_MAX) {
        return damaged("a segment of table", self->table_id, error);
    }
    uint64_t number = get_key_number(key + sizeof(SEGMENT_PREFIX) - 1 + 8);
    char *path = pyr_folder_segment_path(self->base, self->table_id, number);
    if (path == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_segment_info info = {path, (int64_t)rows, (int64_t)size, (int64_t)batches};
    pyr_segment *segment = take_over(self, number, path);
    pyr_status status = segment != NULL ? PYR_OK : pyr_segment_create(&info, true, &segment, error);
    free(path);
    return status == PYR_OK ? add_segment(self, segment, error) : status;
}

typedef struct table_record {
    uint64_t version;
    char *schema_name;
    char *name;
    char *sql_types;
    pyr_table_option *options;
    size_t options_count;
    pyr_schema *schema;
} table_record;

static void table_record_deinit(table_record *record) {
    free(record->schema_name);
    free(record->name);
    free(record->sql_types);
    for (size_t i = 0; i < record->options_count; ++i) {
        free(record->options[i].name);
        free(record->options[i].value);
    }
    free(record->options);
    pyr_schema_release(record->schema);
}

static bool read_options(pyr_cursor *cursor, table_record *record) {
    uint64_t count;
    if (!pyr_cursor_varint(cursor, &count) || count > pyr_cursor_left(cursor)) {
        return false;
    }
    record->options = calloc((size_t)count + 1, sizeof(*record->options));
    for (uint64_t i = 0; record->options != NULL && i < count; ++i) {
        ++record->options_count;
        if (!get_string(cursor, &record->options[i].name) ||
            !get_string(cursor, &record->options[i].value)) {
            return false;
        }
    }
    return record->options != NULL;
}

static pyr_status read_schema(pyr_cursor *cursor, table_record *record, uint64_t id,
                              pyr_error *error) {
    uint64_t size;
    const uint8_t *bytes;
    if (!pyr_cursor_varint(cursor, &size) || size != pyr_cursor_left(cursor) ||
        !pyr_cursor_bytes(cursor, (size_t)size, &bytes)) {
        return damaged("table", id, error);
    }
    /* Copied: the value's bytes are not aligned, and go away. */
    pyr_buffer *copy = NULL;
    PYR_TRY(pyr_buffer_create_raw((size_t)size, NULL, &copy, error));
    memcpy(pyr_buffer_mutable(copy), bytes, (size_t)size);
    pyr_status status = pyr_ipc_schema_deserialize(copy, &record->schema, error);
    pyr_buffer_release(copy);
    return status == PYR_OK
               ? status
               : pyr_error_context(error, status, "catalog: table %llu", (unsigned long long)id);
}

static pyr_status add_table(loader *self, const table_record *record, pyr_error *error) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity > 0 ? self->capacity * 2 : 16;
        pyr_table **grown = realloc(self->tables, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->tables = grown;
        self->capacity = capacity;
    }
    PYR_TRY(pyr_table_create(self->table_id, record->version, record->schema_name, record->name,
                             record->schema, record->sql_types, record->options,
                             record->options_count, self->segments, self->segments_count,
                             &self->tables[self->count], error));
    ++self->count;
    return PYR_OK;
}

static pyr_status load_table(loader *self, pyr_cursor *cursor, table_record *record,
                             pyr_error *error) {
    if (!pyr_cursor_varint(cursor, &record->version) || !get_string(cursor, &record->schema_name) ||
        !get_string(cursor, &record->name) || !get_string(cursor, &record->sql_types) ||
        !read_options(cursor, record)) {
        return damaged("table", self->table_id, error);
    }
    PYR_TRY(read_schema(cursor, record, self->table_id, error));
    self->old_table = self->old != NULL ? pyr_snapshot_find_id(self->old, self->table_id) : NULL;
    self->old_index = 0;
    pyr_text prefix;
    pyr_text_init(&prefix);
    table_key(&prefix, SEGMENT_PREFIX, self->table_id);
    pyr_status status = pyr_text_check(&prefix, error);
    if (status == PYR_OK) {
        status = pyr_lsm_scan(self->lsm, prefix.data, prefix.length, visit_segment, self, error);
    }
    pyr_text_deinit(&prefix);
    return status == PYR_OK ? add_table(self, record, error) : status;
}

static pyr_status visit_table(void *context, const char *key, size_t key_size, const char *value,
                              size_t value_size, pyr_error *error) {
    loader *self = context;
    pyr_cursor cursor;
    if (key_size != sizeof(TABLE_PREFIX) - 1 + 8) {
        return damaged("table", 0, error);
    }
    self->table_id = get_key_number(key + sizeof(TABLE_PREFIX) - 1);
    if (!begin_value(key, key_size, value, value_size, &cursor)) {
        return damaged("table", self->table_id, error);
    }
    table_record record = {0};
    pyr_status status = load_table(self, &cursor, &record, error);
    table_record_deinit(&record);
    for (size_t i = 0; i < self->segments_count; ++i) {
        pyr_segment_release(self->segments[i]);
    }
    self->segments_count = 0;
    return status;
}

pyr_status pyr_records_load(pyr_lsm *lsm, const char *base, const pyr_snapshot *old,
                            pyr_table ***tables, size_t *count, pyr_error *error) {
    loader self = {.lsm = lsm, .base = base, .old = old};
    pyr_status status =
        pyr_lsm_scan(lsm, TABLE_PREFIX, sizeof(TABLE_PREFIX) - 1, visit_table, &self, error);
    free(self.segments);
    if (status != PYR_OK) {
        for (size_t i = 0; i < self.count; ++i) {
            pyr_table_release(self.tables[i]);
        }
        free(self.tables);
        *tables = NULL;
        *count = 0;
        return status;
    }
    *tables = self.tables;
    *count = self.count;
    return PYR_OK;
}
