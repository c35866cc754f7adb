/* keyed_read.c - stored values by their keys, and rows' bytes as batches; see keyed_internal.h. */
#include "catalog/keyed_internal.h"

#include "base/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Stored values. ---- */

bool pyr_keyed_parse_row(const char *value, size_t size, keyed_value *out) {
    pyr_cursor cursor = pyr_cursor_over(value, size);
    uint8_t version;
    if (!pyr_cursor_u8(&cursor, &version) || version != KEYED_VALUE_VERSION ||
        !pyr_cursor_varint(&cursor, &out->stamp)) {
        return false;
    }
    out->data = (const uint8_t *)value + cursor.position;
    out->size = size - cursor.position;
    return true;
}

static bool parse_unique(const char *value, size_t size, keyed_value *out) {
    if (size < 1 || (uint8_t)value[0] != KEYED_VALUE_VERSION) {
        return false;
    }
    out->stamp = 0;
    out->data = (const uint8_t *)value + 1;
    out->size = size - 1;
    return true;
}

/* ---- Committed values. ---- */

typedef struct committed {
    const char *table_name;
    int32_t list;
    const pyr_lsm_bytes *keys; /* without their prefix */
    keyed_found visit;
    void *context;
} committed;

static pyr_status take_stored(void *context, size_t index, const char *value, size_t size,
                              pyr_error *error) {
    const committed *self = context;
    keyed_value parsed;
    bool whole = self->list == 0 ? pyr_keyed_parse_row(value, size, &parsed)
                                 : parse_unique(value, size, &parsed);
    if (!whole) {
        return pyr_keyed_corrupt(self->table_name, "its first bytes", error);
    }
    parsed.stored_bytes = (int64_t)(self->keys[index].size + parsed.size);
    return self->visit(self->context, index, &parsed, error);
}

/* Keys with their table's prefix, in one piece of memory: few_bytes at few, or malloc'ed. */
static pyr_status add_prefixes(const keyed_prefix *prefix, const pyr_lsm_bytes *keys, size_t count,
                               void *few, size_t few_bytes, pyr_lsm_bytes **out, pyr_error *error) {
    size_t size = count * sizeof(**out);
    for (size_t i = 0; i < count; ++i) {
        size += prefix->size + keys[i].size;
    }
    *out = size <= few_bytes ? few : malloc(size);
    if (*out == NULL) {
        return pyr_error_memory(error, size);
    }
    uint8_t *next = (uint8_t *)(*out + count);
    for (size_t i = 0; i < count; ++i) {
        memcpy(next, prefix->bytes, prefix->size);
        if (keys[i].size > 0) {
            memcpy(next + prefix->size, keys[i].data, keys[i].size);
        }
        (*out)[i] = (pyr_lsm_bytes){next, prefix->size + keys[i].size};
        next += (*out)[i].size;
    }
    return PYR_OK;
}

pyr_status pyr_keyed_get_committed(const char *table_name, uint64_t table_id, pyr_lsm_view *view,
                                   int32_t list, const pyr_lsm_bytes *keys, size_t count,
                                   keyed_found visit, void *context, pyr_error *error) {
    if (view == NULL || count == 0) {
        return PYR_OK;
    }
    keyed_prefix prefix = pyr_keyed_list_prefix(table_id, list);
    _Alignas(pyr_lsm_bytes) uint8_t few[256];
    pyr_lsm_bytes *whole = NULL;
    PYR_TRY(add_prefixes(&prefix, keys, count, few, sizeof(few), &whole, error));
    committed self = {table_name, list, keys, visit, context};
    pyr_status status = pyr_lsm_view_get(view, whole, count, false, take_stored, &self, error);
    if ((uint8_t *)whole != few) {
        free(whole);
    }
    return status;
}

/* ---- What a version sees. ---- */

typedef struct seen {
    keyed_found visit;
    void *context;
    const size_t *places; /* of the keys that are looked for in the LSM */
} seen;

static pyr_status take_seen(void *context, size_t index, const keyed_value *value,
                            pyr_error *error) {
    const seen *self = context;
    return self->visit(self->context, self->places[index], value, error);
}

/* The keys that the change has not written to; what it has goes to visit. */
static pyr_status get_written(const pyr_keyed *keyed, int32_t list, const pyr_lsm_bytes *keys,
                              size_t count, const seen *to, size_t *places, pyr_lsm_bytes *rest,
                              size_t *rest_count, pyr_error *error) {
    pyr_status status = PYR_OK;
    pthread_rwlock_rdlock(&keyed->writes->lock);
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        const keyed_node *node =
            pyr_keyed_node_find(&keyed->writes->lists[list], keys[i].data, keys[i].size);
        const keyed_version *version =
            node != NULL ? pyr_keyed_node_at(node, keyed->sequence) : NULL;
        if (version == NULL) {
            places[*rest_count] = i;
            rest[(*rest_count)++] = keys[i];
        } else if (!version->deleted) {
            keyed_value value = {.data = version->value, .size = version->size};
            status = to->visit(to->context, i, &value, error);
        }
    }
    pthread_rwlock_unlock(&keyed->writes->lock);
    return status;
}

pyr_status pyr_keyed_get_seen(const pyr_table *table, int32_t list, const pyr_lsm_bytes *keys,
                              size_t count, pyr_query_ledger *ledger, keyed_found visit,
                              void *context, pyr_error *error) {
    const pyr_keyed *keyed = table->keyed;
    if (keyed->writes == NULL) {
        return pyr_keyed_rows_get(table->name, table->id, keyed->rows, list, keys, count, ledger,
                                  visit, context, error);
    }
    size_t *places = calloc(count + 1, sizeof(*places));
    pyr_lsm_bytes *rest = calloc(count + 1, sizeof(*rest));
    size_t rest_count = 0;
    seen to = {visit, context, places};
    pyr_status status =
        places != NULL && rest != NULL ? PYR_OK : pyr_error_memory(error, count * sizeof(*rest));
    if (status == PYR_OK) {
        status = get_written(keyed, list, keys, count, &to, places, rest, &rest_count, error);
    }
    if (status == PYR_OK) {
        status = pyr_keyed_rows_get(table->name, table->id, keyed->rows, list, rest, rest_count,
                                    ledger, take_seen, &to, error);
    }
    free(places);
    free(rest);
    return status;
}

/* ---- Columns. ---- */

pyr_status pyr_keyed_row_key_field(pyr_field **out, pyr_error *error) {
    pyr_field *nullable = NULL;
    *out = NULL;
    PYR_TRY(pyr_field_create("row_key", PYR_TYPE_BINARY, &nullable, error));
    pyr_status status = pyr_field_with(nullable, "row_key", false, NULL, out, error);
    pyr_field_release(nullable);
    return status;
}

/* What is decoded has the table's own fields: they are plain (keyed.c). */
static pyr_status make_schema(keyed_columns *self, pyr_error *error) {
    pyr_schema *decoded = pyr_row_decoder_schema(self->decoder);
    if (!self->row_key) {
        self->schema = pyr_schema_retain(decoded);
        return PYR_OK;
    }
    int32_t count = self->count + 1;
    pyr_field **fields = calloc((size_t)count, sizeof(*fields));
    pyr_field *row_key = NULL;
    if (fields == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*fields));
    }
    for (int32_t i = 0; i < self->count; ++i) {
        fields[i] = decoded->fields[i];
    }
    pyr_status status = pyr_keyed_row_key_field(&row_key, error);
    if (status == PYR_OK) {
        fields[self->count] = row_key;
        status = pyr_schema_create(fields, count, NULL, &self->schema, error);
    }
    pyr_field_release(row_key);
    free(fields);
    return status;
}

pyr_status pyr_keyed_columns_init(keyed_columns *out, const pyr_table *table,
                                  const int32_t *columns, int32_t count, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    int32_t all = table->schema->fields_count;
    out->count = columns != NULL ? count : all;
    out->row_key = columns != NULL && count > 0 && columns[count - 1] == all;
    out->count -= out->row_key ? 1 : 0;
    for (int32_t i = 0; columns != NULL && i < out->count; ++i) {
        if (columns[i] < 0 || columns[i] >= all || (i > 0 && columns[i] <= columns[i - 1])) {
            return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                                 "table \"%s\": columns of a scan are its own, ascending",
                                 table->name);
        }
    }
    const pyr_keyed_shape *shape = table->keyed->shape;
    pyr_status status = PYR_OK;
    out->borrowed = out->count == all;
    if (out->borrowed) {
        out->decoder = shape->decoder;
    } else {
        status = pyr_row_decoder_create(shape->layout, columns, out->count, &out->decoder, error);
    }
    if (status == PYR_OK) {
        status = make_schema(out, error);
    }
    if (status != PYR_OK) {
        pyr_keyed_columns_deinit(out);
    }
    return status;
}

void pyr_keyed_columns_deinit(keyed_columns *columns) {
    if (!columns->borrowed) {
        pyr_row_decoder_destroy(columns->decoder);
    }
    pyr_schema_release(columns->schema);
    memset(columns, 0, sizeof(*columns));
}

/* ---- Gathering and decoding. ---- */

void pyr_keyed_gathered_init(keyed_gathered *gathered) {
    memset(gathered, 0, sizeof(*gathered));
    pyr_text_init(&gathered->bytes);
}

void pyr_keyed_gathered_deinit(keyed_gathered *gathered) {
    pyr_text_deinit(&gathered->bytes);
    free(gathered->rows);
    memset(gathered, 0, sizeof(*gathered));
}

void pyr_keyed_gathered_clear(keyed_gathered *gathered) {
    pyr_text_clear(&gathered->bytes);
    gathered->count = 0;
}

pyr_status pyr_keyed_gather(keyed_gathered *gathered, const void *key, size_t key_size,
                            const void *row, size_t row_size, pyr_error *error) {
    if (gathered->count == gathered->capacity) {
        size_t wanted = gathered->capacity > 0 ? gathered->capacity * 2 : 16;
        void *grown = realloc(gathered->rows, wanted * sizeof(*gathered->rows));
        if (grown == NULL) {
            return pyr_error_memory(error, wanted * sizeof(*gathered->rows));
        }
        gathered->rows = grown;
        gathered->capacity = wanted;
    }
    size_t at = gathered->bytes.length;
    pyr_text_append(&gathered->bytes, key, key_size);
    pyr_text_append(&gathered->bytes, row, row_size);
    PYR_TRY(pyr_text_check(&gathered->bytes, error));
    gathered->rows[gathered->count++] =
        (struct keyed_gathered_row){at, key_size, at + key_size, row_size};
    return PYR_OK;
}

static pyr_status decode_rows(const keyed_columns *columns, const char *table_name,
                              const keyed_gathered *gathered, pyr_query_ledger *ledger,
                              pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    pyr_row_bytes *rows = calloc(gathered->count + 1, sizeof(*rows));
    *out = NULL;
    if (rows == NULL) {
        return pyr_error_memory(error, gathered->count * sizeof(*rows));
    }
    const uint8_t *bytes = (const uint8_t *)gathered->bytes.data;
    for (size_t i = 0; i < gathered->count; ++i) {
        rows[i].data = bytes + gathered->rows[i].row;
        rows[i].size_bytes = gathered->rows[i].row_size;
    }
    pyr_status status = pyr_row_decode(columns->decoder, rows, (int64_t)gathered->count, ledger,
                                       budget, out, error);
    free(rows);
    return status == PYR_OK ? PYR_OK : pyr_error_context(error, status, "table \"%s\"", table_name);
}

static pyr_status make_row_keys(const keyed_gathered *gathered, pyr_query_ledger *ledger,
                                pyr_budget *budget, pyr_field *field, pyr_array **out,
                                pyr_error *error) {
    pyr_builder *builder = NULL;
    *out = NULL;
    PYR_TRY(pyr_builder_create(field, budget, &builder, error));
    pyr_status status = PYR_OK;
    int64_t size = 0;
    for (size_t i = 0; status == PYR_OK && i < gathered->count; ++i) {
        const struct keyed_gathered_row *row = &gathered->rows[i];
        status = pyr_builder_bytes(builder, gathered->bytes.data + row->key, row->key_size, error);
        size += (int64_t)row->key_size;
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, error);
        pyr_ledger_add_copy(ledger, PYR_COPY_DECODE_ROWS, size);
    }
    pyr_builder_destroy(builder);
    return status;
}

/* With the row keys behind what was decoded. */
static pyr_status add_row_keys(const keyed_columns *columns, const keyed_gathered *gathered,
                               pyr_batch *decoded, pyr_query_ledger *ledger, pyr_budget *budget,
                               pyr_batch **out, pyr_error *error) {
    int32_t count = columns->schema->fields_count;
    pyr_array **arrays = calloc((size_t)count + 1, sizeof(pyr_array *));
    pyr_array *row_keys = NULL;
    if (arrays == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(pyr_array *));
    }
    for (int32_t i = 0; i < columns->count; ++i) {
        arrays[i] = decoded->columns[i];
    }
    pyr_status status = make_row_keys(gathered, ledger, budget,
                                      columns->schema->fields[columns->count], &row_keys, error);
    if (status == PYR_OK) {
        arrays[columns->count] = row_keys;
        status = pyr_batch_create(columns->schema, decoded->rows, arrays, count, NULL, out, error);
    }
    pyr_array_release(row_keys);
    free(arrays);
    return status;
}

pyr_status pyr_keyed_decode(const keyed_columns *columns, const char *table_name,
                            const keyed_gathered *gathered, pyr_query_ledger *ledger,
                            pyr_budget *budget, pyr_batch **out, pyr_error *error) {
    pyr_batch *decoded = NULL;
    *out = NULL;
    PYR_TRY(decode_rows(columns, table_name, gathered, ledger, budget, &decoded, error));
    if (!columns->row_key) {
        *out = decoded;
        return PYR_OK;
    }
    pyr_status status = add_row_keys(columns, gathered, decoded, ledger, budget, out, error);
    pyr_batch_release(decoded);
    return status;
}
