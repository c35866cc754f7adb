/* records.c - the catalog's records in the LSM. A record whose CRC differs or that does not read to
 * its end is PYR_ERROR_CORRUPT. */
#include "arrow/ipc/ipc.h"
#include "base/cursor.h"
#include "catalog/catalog_internal.h"
#include "catalog/external_records.h"
#include "catalog/record_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_PREFIX "table/"
#define SEGMENT_PREFIX "segment/"
#define DELETED_PREFIX "deleted/"
#define HOT_PREFIX "hot/"
/* Flags of a segment's record. */
#define SEGMENT_HOT 1
#define SEGMENT_SORTED 2
#define SEGMENT_WHOLE 4 /* its table's version or 0 follows and, of a hot one, its bytes */
#define COUNTER_PREFIX "counter/"
#define VERSION_PREFIX "version/"

/* ---- Writing. ---- */

static void table_key(pyr_text *key, const char *prefix, uint64_t table_id) {
    pyr_text_add(key, prefix);
    pyr_record_add_key_number(key, table_id);
}

pyr_status pyr_record_put_version(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    table_key(&key, VERSION_PREFIX, table->id);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_record_add_varint(&value, table->version);
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

pyr_status pyr_record_put_table(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    pyr_buffer *schema = NULL;
    PYR_TRY(pyr_ipc_schema_serialize(table->schema, &schema, error));
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    table_key(&key, TABLE_PREFIX, table->id);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_record_add_varint(&value, 0); /* the version changes more often: it has its own record */
    pyr_record_add_string(&value, table->schema_name);
    pyr_record_add_string(&value, table->name);
    pyr_record_add_string(&value, table->sql_types);
    pyr_record_add_varint(&value, table->options_count);
    for (size_t i = 0; i < table->options_count; ++i) {
        pyr_record_add_string(&value, table->options[i].name);
        pyr_record_add_string(&value, table->options[i].value);
    }
    pyr_record_add_varint(&value, (uint64_t)table->schema->fields_count);
    pyr_constraints_put(table->constraints, &value);
    pyr_record_add_bytes(&value, schema->data, schema->size_bytes);
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    pyr_buffer_release(schema);
    if (status == PYR_OK) {
        status = pyr_record_put_version(batch, table, error);
    }
    return status == PYR_OK && table->external != NULL
               ? pyr_external_records_put(batch, table, error)
               : status;
}

/* One record, as small INSERTs are many: what it costs to write one is much of what they cost. */
pyr_status pyr_record_put_segment(pyr_lsm_batch *batch, uint64_t table_id, uint64_t version,
                                  const pyr_segment *segment, pyr_error *error) {
    const pyr_segment_info *info = pyr_segment_get_info(segment);
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    table_key(&key, SEGMENT_PREFIX, table_id);
    pyr_record_add_key_number(&key, info->number);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_record_add_varint(&value, (uint64_t)info->rows);
    pyr_record_add_varint(&value, (uint64_t)info->size_bytes);
    pyr_record_add_varint(&value, (uint64_t)info->batches);
    pyr_record_add_varint(&value, info->place);
    pyr_text_add_char(&value, (char)(SEGMENT_WHOLE | (info->hot ? SEGMENT_HOT : 0) |
                                     (info->sorted ? SEGMENT_SORTED : 0)));
    pyr_record_add_varint(&value, version);
    if (info->hot) {
        const pyr_buffer *bytes = pyr_segment_bytes(segment);
        pyr_text_append(&value, (const char *)bytes->data, bytes->size_bytes);
    }
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

pyr_status pyr_record_put_deleted(pyr_lsm_batch *batch, uint64_t table_id, uint64_t segment_number,
                                  const pyr_row_bitmap *rows, pyr_error *error) {
    pyr_buffer *bytes = pyr_row_bitmap_serialize(rows);
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    table_key(&key, DELETED_PREFIX, table_id);
    pyr_record_add_key_number(&key, segment_number);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_text_append(&value, (const char *)bytes->data, bytes->size_bytes);
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    pyr_buffer_release(bytes);
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
    pyr_text_add_char(&bytes, PYR_RECORD_VERSION);
    for (int i = 0; i < 8; ++i) {
        pyr_text_add_char(&bytes, (char)(value >> (8 * i)));
    }
    pyr_status status = pyr_record_put(batch, &key, &bytes, error);
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
    if (value != NULL && (!pyr_record_begin(key->data, key->length, value, value_size, &cursor) ||
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

static pyr_status delete_of_segment(pyr_lsm_batch *batch, const char *prefix, uint64_t table_id,
                                    uint64_t number, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    table_key(&key, prefix, table_id);
    pyr_record_add_key_number(&key, number);
    pyr_status status = delete_key(batch, &key, error);
    pyr_text_deinit(&key);
    return status;
}

pyr_status pyr_record_delete_segment(pyr_lsm_batch *batch, uint64_t table_id,
                                     const pyr_segment *segment, bool has_deleted,
                                     pyr_error *error) {
    const pyr_segment_info *info = pyr_segment_get_info(segment);
    PYR_TRY(delete_of_segment(batch, SEGMENT_PREFIX, table_id, info->number, error));
    if (info->hot_apart) {
        PYR_TRY(delete_of_segment(batch, HOT_PREFIX, table_id, info->number, error));
    }
    return has_deleted ? delete_of_segment(batch, DELETED_PREFIX, table_id, info->number, error)
                       : PYR_OK;
}

pyr_status pyr_record_delete_table(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    table_key(&key, TABLE_PREFIX, table->id);
    pyr_status status = delete_key(batch, &key, error);
    pyr_text_clear(&key);
    table_key(&key, VERSION_PREFIX, table->id);
    if (status == PYR_OK) {
        status = delete_key(batch, &key, error);
    }
    pyr_text_deinit(&key);
    if (status == PYR_OK && table->keyed != NULL) {
        status = pyr_keyed_delete_count(batch, table->id, error);
    }
    if (status == PYR_OK && table->external != NULL) {
        status = pyr_external_records_delete(batch, table, error);
    }
    for (size_t i = 0; status == PYR_OK && i < table->segments_count; ++i) {
        status = pyr_record_delete_segment(batch, table->id, table->segments[i],
                                           pyr_table_deleted(table, i) != NULL, error);
    }
    return status;
}

static pyr_status put_rows(pyr_lsm_batch *batch, const pyr_table *table, pyr_error *error) {
    for (size_t i = 0; i < table->segments_count; ++i) {
        pyr_segment *segment = table->segments[i];
        PYR_TRY(pyr_record_put_segment(batch, table->id, table->version, segment, error));
        if (pyr_table_deleted(table, i) != NULL) {
            PYR_TRY(pyr_record_put_deleted(batch, table->id, pyr_segment_get_info(segment)->number,
                                           pyr_table_deleted(table, i), error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_records_put_snapshot(pyr_lsm_batch *batch, pyr_lsm *lsm,
                                    const pyr_snapshot *snapshot, pyr_error *error) {
    static const char *const prefixes[] = {TABLE_PREFIX,   VERSION_PREFIX, SEGMENT_PREFIX,
                                           DELETED_PREFIX, HOT_PREFIX,     "keyed/"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); ++i) {
        PYR_TRY(pyr_record_delete_all(batch, lsm, prefixes[i], error));
    }
    PYR_TRY(pyr_external_records_clear(batch, lsm, error));
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        const pyr_table *table = snapshot->tables[i];
        PYR_TRY(pyr_record_put_table(batch, table, error));
        PYR_TRY(pyr_keyed_put_count(batch, table, error));
        PYR_TRY(pyr_table_is_memory_only(table) ? PYR_OK : put_rows(batch, table, error));
    }
    return PYR_OK;
}

/* ---- Reading. ---- */

typedef struct hot_bytes {
    uint64_t number;
    pyr_buffer *bytes;
} hot_bytes;

typedef struct loader {
    pyr_lsm *lsm;
    const char *base;
    const pyr_snapshot *old;
    pyr_external_records externals;
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
    uint64_t version;         /* the highest that a segment came with */
    pyr_row_bitmap **deleted; /* of each segment */
    hot_bytes *hot;           /* of databases of before; by number */
    size_t hot_count, hot_capacity;
    size_t hot_next; /* the one looked for next */
} loader;

static pyr_status damaged(const char *what, uint64_t id, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT,
                         "catalog: the record of %s %llu is damaged; restore the catalog/ folder "
                         "from a backup",
                         what, (unsigned long long)id);
}

/* The segment of the snapshot loaded before, which is mapped already. They come in one order
 * mostly. */
static pyr_segment *take_over(loader *self, uint64_t number) {
    const pyr_table *old = self->old_table;
    for (size_t tried = 0; old != NULL && tried < old->segments_count; ++tried) {
        pyr_segment *segment = old->segments[self->old_index % old->segments_count];
        if (pyr_segment_get_info(segment)->number == number) {
            return pyr_segment_retain(segment);
        }
        ++self->old_index;
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

/* The rest of a record, copied: the LSM's bytes go away, and columns are aligned to 64 bytes. */
static pyr_status copy_rest(pyr_cursor *cursor, pyr_buffer **out, pyr_error *error) {
    size_t size = pyr_cursor_left(cursor);
    const uint8_t *from = NULL;
    PYR_TRY(pyr_buffer_create_raw(size, NULL, out, error));
    (void)pyr_cursor_bytes(cursor, size, &from);
    if (size > 0) {
        memcpy(pyr_buffer_mutable(*out), from, size);
    }
    return PYR_OK;
}

static pyr_status visit_hot(void *context, const char *key, size_t key_size, const char *value,
                            size_t value_size, pyr_error *error) {
    loader *self = context;
    pyr_cursor cursor;
    if (key_size != sizeof(HOT_PREFIX) - 1 + 16 ||
        !pyr_record_begin(key, key_size, value, value_size, &cursor)) {
        return damaged("a hot segment of table", self->table_id, error);
    }
    if (self->hot_count == self->hot_capacity) {
        size_t capacity = self->hot_capacity > 0 ? self->hot_capacity * 2 : 16;
        hot_bytes *grown = realloc(self->hot, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->hot = grown;
        self->hot_capacity = capacity;
    }
    hot_bytes *hot = &self->hot[self->hot_count];
    hot->number = pyr_record_key_number(key + sizeof(HOT_PREFIX) - 1 + 8);
    PYR_TRY(copy_rest(&cursor, &hot->bytes, error));
    ++self->hot_count;
    return PYR_OK;
}

/* Their records come in the order of the segments'. */
static pyr_status hot_segment_apart(loader *self, const pyr_segment_info *info, pyr_segment **out,
                                    pyr_error *error) {
    while (self->hot_next < self->hot_count && self->hot[self->hot_next].number < info->number) {
        ++self->hot_next;
    }
    if (self->hot_next == self->hot_count || self->hot[self->hot_next].number != info->number) {
        return damaged("a hot segment of table", self->table_id, error);
    }
    return pyr_segment_create_bytes(self->hot[self->hot_next].bytes, info, out, error);
}

static pyr_status hot_segment(const pyr_segment_info *info, pyr_cursor *bytes, pyr_segment **out,
                              pyr_error *error) {
    pyr_buffer *copy = NULL;
    PYR_TRY(copy_rest(bytes, &copy, error));
    pyr_status status = pyr_segment_create_bytes(copy, info, out, error);
    pyr_buffer_release(copy);
    return status;
}

/* Up to a hot segment's bytes. */
static bool read_segment(pyr_cursor *cursor, pyr_segment_info *info, uint64_t *version) {
    uint64_t rows;
    uint64_t size;
    uint64_t batches;
    uint8_t flags;
    *version = 0;
    if (!pyr_cursor_varint(cursor, &rows) || !pyr_cursor_varint(cursor, &size) ||
        !pyr_cursor_varint(cursor, &batches) || !pyr_cursor_varint(cursor, &info->place) ||
        !pyr_cursor_u8(cursor, &flags) || flags > (SEGMENT_HOT | SEGMENT_SORTED | SEGMENT_WHOLE) ||
        rows > INT64_MAX || size > INT64_MAX || batches > INT64_MAX) {
        return false;
    }
    bool whole = (flags & SEGMENT_WHOLE) != 0;
    info->rows = (int64_t)rows;
    info->size_bytes = (int64_t)size;
    info->batches = (int64_t)batches;
    info->sorted = (flags & SEGMENT_SORTED) != 0;
    info->hot = (flags & SEGMENT_HOT) != 0;
    info->hot_apart = info->hot && !whole;
    return (!whole || pyr_cursor_varint(cursor, version)) &&
           ((whole && info->hot) || pyr_cursor_left(cursor) == 0);
}

static pyr_status make_segment(loader *self, pyr_segment_info *info, pyr_cursor *bytes,
                               pyr_segment **out, pyr_error *error) {
    info->path = info->hot ? pyr_hot_segment_name(info->number)
                           : pyr_folder_segment_path(self->base, self->table_id, info->number);
    if (info->path == NULL) {
        return pyr_error_memory(error, 64);
    }
    pyr_status status = info->hot_apart ? hot_segment_apart(self, info, out, error)
                        : info->hot     ? hot_segment(info, bytes, out, error)
                                        : pyr_segment_create(info, true, out, error);
    free(info->path);
    return status;
}

static pyr_status visit_segment(void *context, const char *key, size_t key_size, const char *value,
                                size_t value_size, pyr_error *error) {
    loader *self = context;
    pyr_segment_info info = {.path = NULL};
    uint64_t version;
    pyr_cursor cursor;
    if (key_size != sizeof(SEGMENT_PREFIX) - 1 + 16 ||
        !pyr_record_begin(key, key_size, value, value_size, &cursor) ||
        !read_segment(&cursor, &info, &version)) {
        return damaged("a segment of table", self->table_id, error);
    }
    self->version = version > self->version ? version : self->version;
    info.number = pyr_record_key_number(key + sizeof(SEGMENT_PREFIX) - 1 + 8);
    pyr_segment *segment = take_over(self, info.number);
    if (segment == NULL) {
        PYR_TRY(make_segment(self, &info, &cursor, &segment, error));
    }
    return add_segment(self, segment, error);
}

static pyr_status visit_deleted(void *context, const char *key, size_t key_size, const char *value,
                                size_t value_size, pyr_error *error) {
    loader *self = context;
    pyr_cursor cursor;
    if (key_size != sizeof(DELETED_PREFIX) - 1 + 16 ||
        !pyr_record_begin(key, key_size, value, value_size, &cursor)) {
        return damaged("deleted rows of table", self->table_id, error);
    }
    uint64_t number = pyr_record_key_number(key + sizeof(DELETED_PREFIX) - 1 + 8);
    size_t place = 0;
    while (place < self->segments_count &&
           pyr_segment_get_info(self->segments[place])->number != number) {
        ++place;
    }
    size_t size = pyr_cursor_left(&cursor);
    const uint8_t *from = NULL;
    if (place == self->segments_count || !pyr_cursor_bytes(&cursor, size, &from)) {
        return damaged("deleted rows of table", self->table_id, error);
    }
    pyr_buffer *bytes = NULL; /* the value goes away */
    PYR_TRY(pyr_buffer_create_raw(size, NULL, &bytes, error));
    memcpy(pyr_buffer_mutable(bytes), from, size);
    pyr_status status = pyr_row_bitmap_parse(
        bytes, pyr_segment_get_info(self->segments[place])->rows, &self->deleted[place], error);
    pyr_buffer_release(bytes);
    return status;
}

static pyr_status scan_of_table(loader *self, const char *prefix,
                                pyr_status (*visit)(void *context, const char *key, size_t key_size,
                                                    const char *value, size_t value_size,
                                                    pyr_error *error),
                                pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    table_key(&key, prefix, self->table_id);
    pyr_status status = pyr_text_check(&key, error);
    if (status == PYR_OK) {
        status = pyr_lsm_scan(self->lsm, key.data, key.length, visit, self, error);
    }
    pyr_text_deinit(&key);
    return status;
}

static int compare_places(const void *left, const void *right) {
    const pyr_segment_info *a = pyr_segment_get_info(*(pyr_segment *const *)left);
    const pyr_segment_info *b = pyr_segment_get_info(*(pyr_segment *const *)right);
    return a->place != b->place     ? (a->place < b->place ? -1 : 1)
           : a->number != b->number ? (a->number < b->number ? -1 : 1)
                                    : 0;
}

static pyr_status load_rows(loader *self, pyr_error *error) {
    PYR_TRY(scan_of_table(self, HOT_PREFIX, visit_hot, error));
    PYR_TRY(scan_of_table(self, SEGMENT_PREFIX, visit_segment, error));
    if (self->segments_count > 1) {
        qsort(self->segments, self->segments_count, sizeof(pyr_segment *), compare_places);
    }
    self->deleted = calloc(self->segments_count + 1, sizeof(pyr_row_bitmap *));
    if (self->deleted == NULL) {
        return pyr_error_memory(error, self->segments_count * sizeof(pyr_row_bitmap *));
    }
    return scan_of_table(self, DELETED_PREFIX, visit_deleted, error);
}

static void drop_rows(loader *self) {
    for (size_t i = 0; i < self->segments_count; ++i) {
        pyr_segment_release(self->segments[i]);
        if (self->deleted != NULL) {
            pyr_row_bitmap_release(self->deleted[i]);
        }
    }
    free(self->deleted);
    self->deleted = NULL;
    self->segments_count = 0;
    for (size_t i = 0; i < self->hot_count; ++i) {
        pyr_buffer_release(self->hot[i].bytes);
    }
    self->hot_count = 0;
    self->hot_next = 0;
    self->version = 0;
}

typedef struct table_record {
    uint64_t version;
    char *schema_name;
    char *name;
    char *sql_types;
    pyr_table_option *options;
    size_t options_count;
    pyr_constraints *constraints;
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
    pyr_constraints_release(record->constraints);
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
        if (!pyr_record_get_string(cursor, &record->options[i].name) ||
            !pyr_record_get_string(cursor, &record->options[i].value)) {
            return false;
        }
    }
    return record->options != NULL;
}

static pyr_status read_constraints(pyr_cursor *cursor, table_record *record, uint64_t id,
                                   pyr_error *error) {
    uint64_t columns;
    bool ok = pyr_cursor_varint(cursor, &columns) && columns <= PYR_TABLE_COLUMNS_MAX;
    if (ok) {
        PYR_TRY(pyr_constraints_get(cursor, (int32_t)columns, &ok, &record->constraints, error));
    }
    return ok ? PYR_OK : damaged("table", id, error);
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
    if (status != PYR_OK) {
        return pyr_error_context(error, status, "catalog: table %llu", (unsigned long long)id);
    }
    const pyr_constraints *constraints = record->constraints;
    return constraints == NULL || constraints->columns_count == record->schema->fields_count
               ? PYR_OK
               : damaged("table", id, error);
}

/* Whether a table that says it is external is one, and the other way round. */
static bool external_fits(const table_record *record, const pyr_external *external) {
    bool wanted = false;
    for (size_t i = 0; i < record->options_count; ++i) {
        wanted = wanted || strcmp(record->options[i].name, PYR_EXTERNAL_OPTION) == 0;
    }
    return wanted == (external != NULL) &&
           (external == NULL || external->partitions_count <= record->schema->fields_count);
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
    pyr_table *whole = NULL;
    pyr_table_definition definition = {.schema_name = record->schema_name,
                                       .name = record->name,
                                       .schema = record->schema,
                                       .sql_types = record->sql_types,
                                       .options = record->options,
                                       .options_count = record->options_count,
                                       .constraints = record->constraints};
    definition.external = pyr_external_records_find(&self->externals, self->table_id,
                                                    record->schema_name, record->name);
    if (!external_fits(record, definition.external)) {
        return damaged("external table", self->table_id, error);
    }
    PYR_TRY(pyr_table_create(self->table_id, record->version, &definition, self->segments,
                             self->segments_count, &whole, error));
    pyr_status status =
        pyr_table_with_segments(whole, self->segments, self->deleted, self->segments_count,
                                &self->tables[self->count], error);
    pyr_table_release(whole);
    PYR_TRY(status);
    self->count += 1;
    return pyr_keyed_load_count(self->lsm, self->tables[self->count - 1], error);
}

/* Databases of before have versions in the tables' records. */
static pyr_status read_version(loader *self, const pyr_text *key, table_record *record,
                               pyr_error *error) {
    char *value = NULL;
    size_t size = 0;
    uint64_t version = 0;
    pyr_cursor cursor;
    PYR_TRY(pyr_text_check(key, error));
    PYR_TRY(pyr_lsm_get(self->lsm, key->data, key->length, &value, &size, error));
    bool whole = value == NULL
                     ? record->version > 0
                     : pyr_record_begin(key->data, key->length, value, size, &cursor) &&
                           pyr_cursor_varint(&cursor, &version) && pyr_cursor_left(&cursor) == 0;
    free(value);
    record->version = version > record->version ? version : record->version;
    return whole ? PYR_OK : damaged("the version of table", self->table_id, error);
}

static pyr_status load_version(loader *self, table_record *record, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    table_key(&key, VERSION_PREFIX, self->table_id);
    pyr_status status = read_version(self, &key, record, error);
    pyr_text_deinit(&key);
    return status;
}

static pyr_status load_table(loader *self, pyr_cursor *cursor, table_record *record,
                             pyr_error *error) {
    if (!pyr_cursor_varint(cursor, &record->version) ||
        !pyr_record_get_string(cursor, &record->schema_name) ||
        !pyr_record_get_string(cursor, &record->name) ||
        !pyr_record_get_string(cursor, &record->sql_types) || !read_options(cursor, record)) {
        return damaged("table", self->table_id, error);
    }
    PYR_TRY(read_constraints(cursor, record, self->table_id, error));
    PYR_TRY(read_schema(cursor, record, self->table_id, error));
    PYR_TRY(load_version(self, record, error));
    self->old_table = self->old != NULL ? pyr_snapshot_find_id(self->old, self->table_id) : NULL;
    self->old_index = 0;
    PYR_TRY(load_rows(self, error));
    record->version = self->version > record->version ? self->version : record->version;
    return add_table(self, record, error);
}

static pyr_status visit_table(void *context, const char *key, size_t key_size, const char *value,
                              size_t value_size, pyr_error *error) {
    loader *self = context;
    pyr_cursor cursor;
    if (key_size != sizeof(TABLE_PREFIX) - 1 + 8) {
        return damaged("table", 0, error);
    }
    self->table_id = pyr_record_key_number(key + sizeof(TABLE_PREFIX) - 1);
    if (!pyr_record_begin(key, key_size, value, value_size, &cursor)) {
        return damaged("table", self->table_id, error);
    }
    table_record record = {0};
    pyr_status status = load_table(self, &cursor, &record, error);
    table_record_deinit(&record);
    drop_rows(self);
    return status;
}

pyr_status pyr_records_load(pyr_lsm *lsm, const char *base, const pyr_snapshot *old,
                            pyr_table ***tables, size_t *count, pyr_error *error) {
    loader self = {.lsm = lsm, .base = base, .old = old};
    pyr_status status = pyr_external_records_load(lsm, &self.externals, error);
    if (status == PYR_OK) {
        status =
            pyr_lsm_scan(lsm, TABLE_PREFIX, sizeof(TABLE_PREFIX) - 1, visit_table, &self, error);
    }
    pyr_external_records_deinit(&self.externals);
    free(self.segments);
    free(self.hot);
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
