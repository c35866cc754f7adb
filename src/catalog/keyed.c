/* keyed.c - versions of keyed tables, and what follows from their definition; see keyed.h. */
#include "catalog/keyed_internal.h"

#include "catalog/record_bytes.h"

#include <stdlib.h>
#include <string.h>

/* ---- Shapes. ---- */

static void shape_release(pyr_keyed_shape *shape) {
    if (shape == NULL ||
        atomic_fetch_sub_explicit(&shape->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < shape->uniques_count; ++i) {
        pyr_key_codec_release(shape->uniques[i].codec);
    }
    pyr_key_codec_release(shape->codec);
    pyr_row_decoder_destroy(shape->decoder);
    pyr_row_layout_release(shape->layout);
    pyr_schema_release(shape->schema);
    pyr_constraints_release(shape->constraints);
    free(shape);
}

static pyr_keyed_shape *shape_retain(pyr_keyed_shape *shape) {
    atomic_fetch_add_explicit(&shape->references, 1, memory_order_relaxed);
    return shape;
}

static pyr_status create_codec(const pyr_schema *schema, const pyr_table_key *key,
                               pyr_key_codec **out, pyr_error *error) {
    pyr_field *fields[PYR_KEY_COLUMNS_MAX];
    if (key->columns_count > PYR_KEY_COLUMNS_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "a key of %d columns: at most %d",
                             (int)key->columns_count, PYR_KEY_COLUMNS_MAX);
    }
    for (int32_t i = 0; i < key->columns_count; ++i) {
        fields[i] = schema->fields[key->columns[i]];
    }
    return pyr_key_codec_create(fields, key->columns_count, PYR_KEY_NULLS_REFUSED, out, error);
}

/* Rows come back as plain values: a column of another encoding would change its type. */
static pyr_status check_plain(pyr_field *field, pyr_error *error) {
    pyr_field *plain = NULL;
    PYR_TRY(pyr_row_plain_field(field, &plain, error));
    bool same = pyr_field_type_equal(plain, field);
    pyr_field_release(plain);
    return same ? PYR_OK
                : pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                "column \"%s\": dictionaries and runs are not supported in a table "
                                "with a PRIMARY KEY or UNIQUE by this version",
                                field->name);
}

/* A column's slot is its place: columns are added at the end, and a table that loses one is made
 * anew. Rows written before a column was added have its first value. */
static pyr_status create_layout(const pyr_schema *schema, pyr_row_layout **out, pyr_error *error) {
    pyr_row_slot *slots = calloc((size_t)schema->fields_count + 1, sizeof(*slots));
    if (slots == NULL) {
        return pyr_error_memory(error, (size_t)schema->fields_count * sizeof(*slots));
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < schema->fields_count; ++i) {
        slots[i].field = schema->fields[i];
        status = check_plain(schema->fields[i], error);
        if (status == PYR_OK) {
            status = pyr_column_initial_read(schema->fields[i], &slots[i].missing, error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_row_layout_create(slots, schema->fields_count, out, error);
    }
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_array_release(slots[i].missing);
    }
    free(slots);
    return status;
}

static pyr_status shape_create(pyr_schema *schema, pyr_constraints *constraints,
                               pyr_keyed_shape **out, pyr_error *error) {
    size_t size = sizeof(**out) + constraints->uniques_count * sizeof(keyed_unique);
    pyr_keyed_shape *shape = calloc(1, size);
    *out = NULL;
    if (shape == NULL) {
        return pyr_error_memory(error, size);
    }
    atomic_init(&shape->references, 1);
    shape->schema = pyr_schema_retain(schema);
    shape->constraints = pyr_constraints_retain(constraints);
    pyr_status status = create_layout(schema, &shape->layout, error);
    if (status == PYR_OK) {
        status = pyr_row_decoder_create(shape->layout, NULL, schema->fields_count, &shape->decoder,
                                        error);
    }
    if (status == PYR_OK && constraints->primary_key != NULL) {
        status = create_codec(schema, constraints->primary_key, &shape->codec, error);
    }
    for (size_t i = 0; status == PYR_OK && i < constraints->uniques_count; ++i) {
        keyed_unique *unique = &shape->uniques[shape->uniques_count++];
        unique->key = &constraints->uniques[i];
        status = create_codec(schema, unique->key, &unique->codec, error);
    }
    if (status != PYR_OK) {
        shape_release(shape);
        return status;
    }
    *out = shape;
    return PYR_OK;
}

/* ---- Versions. ---- */

bool pyr_table_is_keyed(const pyr_table *table) {
    return table->keyed != NULL;
}

static bool has_keys(const pyr_constraints *constraints) {
    return constraints != NULL &&
           (constraints->primary_key != NULL || constraints->uniques_count > 0);
}

void pyr_keyed_destroy(pyr_keyed *keyed) {
    if (keyed == NULL) {
        return;
    }
    shape_release(keyed->shape);
    pyr_keyed_rows_release(keyed->rows);
    pyr_keyed_writes_release(keyed->writes);
    free(keyed);
}

/* A new definition of the same table (a name, an option) keeps its rows. */
static pyr_status take_parts(pyr_keyed *keyed, const pyr_table *table, const pyr_keyed *from,
                             pyr_error *error) {
    bool same_table = from != NULL && from->table_id == table->id;
    if (same_table) {
        keyed->rows = pyr_keyed_rows_retain(from->rows);
        keyed->writes = pyr_keyed_writes_retain(from->writes);
        keyed->sequence = from->sequence;
        keyed->rows_count = from->rows_count;
        keyed->size_bytes = from->size_bytes;
    } else {
        PYR_TRY(pyr_keyed_rows_create(table->version, NULL, &keyed->rows, error));
    }
    if (same_table && from->shape->schema == table->schema &&
        from->shape->constraints == table->constraints) {
        keyed->shape = shape_retain(from->shape);
        return PYR_OK;
    }
    return shape_create(table->schema, table->constraints, &keyed->shape, error);
}

pyr_status pyr_keyed_create(const pyr_table *table, const pyr_keyed *from, pyr_keyed **out,
                            pyr_error *error) {
    *out = NULL;
    if (!has_keys(table->constraints)) {
        return PYR_OK;
    }
    pyr_keyed *keyed = calloc(1, sizeof(*keyed));
    if (keyed == NULL) {
        return pyr_error_memory(error, sizeof(*keyed));
    }
    keyed->table_id = table->id;
    pyr_status status = take_parts(keyed, table, from, error);
    if (status != PYR_OK) {
        pyr_keyed_destroy(keyed);
        return pyr_error_context(error, status, "table \"%s\"", table->name);
    }
    *out = keyed;
    return PYR_OK;
}

void pyr_keyed_add_up(pyr_table *table) {
    table->rows = table->keyed->rows_count;
    table->size_bytes = table->keyed->size_bytes;
}

pyr_status pyr_keyed_next(const pyr_table *table, uint64_t version, const keyed_next *next,
                          pyr_table **out, pyr_error *error) {
    pyr_table_definition definition = pyr_table_get_definition(table);
    PYR_TRY(pyr_table_create(table->id, version, &definition, NULL, 0, out, error));
    pyr_keyed *keyed = (*out)->keyed;
    if (next->writes != NULL) {
        pyr_keyed_writes_release(keyed->writes);
        keyed->writes = pyr_keyed_writes_retain(next->writes);
        keyed->sequence = next->sequence;
    }
    if (next->fresh_rows) {
        pyr_keyed_rows *fresh = NULL;
        pyr_status status = pyr_keyed_rows_create(version, keyed->rows, &fresh, error);
        if (status != PYR_OK) {
            pyr_table_release(*out);
            *out = NULL;
            return status;
        }
        pyr_keyed_rows_release(keyed->rows);
        keyed->rows = fresh;
    }
    keyed->rows_count += next->rows;
    keyed->size_bytes += next->size_bytes;
    pyr_keyed_add_up(*out);
    return PYR_OK;
}

pyr_status pyr_keyed_check_new(const pyr_catalog *catalog, const pyr_table_definition *definition,
                               pyr_error *error) {
    for (size_t i = 0; has_keys(definition->constraints) && i < definition->options_count; ++i) {
        const pyr_table_option *option = &definition->options[i];
        if (catalog->path != NULL && pyr_name_compare(option->name, "storage_mode") == 0 &&
            option->value != NULL && pyr_name_compare(option->value, "memory_only") == 0) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "table \"%s\": PRIMARY KEY and UNIQUE are not supported with "
                                 "storage_mode = 'memory_only' by this version",
                                 definition->name);
        }
    }
    return PYR_OK;
}

/* ---- Keys. ---- */

static const pyr_table_key *key_of(const pyr_table *table, int32_t key) {
    const pyr_constraints *constraints = table->constraints;
    if (constraints == NULL || key < PYR_KEYED_PRIMARY_KEY ||
        (key >= 0 && (size_t)key >= constraints->uniques_count)) {
        return NULL;
    }
    return key == PYR_KEYED_PRIMARY_KEY ? constraints->primary_key : &constraints->uniques[key];
}

const int32_t *pyr_keyed_columns(const pyr_table *table, int32_t key, int32_t *count) {
    const pyr_table_key *found = key_of(table, key);
    *count = found != NULL ? found->columns_count : 0;
    return found != NULL ? found->columns : NULL;
}

static bool holds(const int32_t *columns, int32_t count, int32_t column) {
    for (int32_t i = 0; i < count; ++i) {
        if (columns[i] == column) {
            return true;
        }
    }
    return false;
}

int32_t pyr_keyed_key_of(const pyr_table *table, const int32_t *columns, int32_t count) {
    int32_t uniques = table->constraints != NULL ? (int32_t)table->constraints->uniques_count : 0;
    for (int32_t key = PYR_KEYED_PRIMARY_KEY; key < uniques; ++key) {
        int32_t wanted;
        const int32_t *own = pyr_keyed_columns(table, key, &wanted);
        bool same = own != NULL && wanted == count;
        for (int32_t i = 0; same && i < count; ++i) {
            same = holds(columns, count, own[i]) && holds(own, wanted, columns[i]);
        }
        if (same) {
            return key;
        }
    }
    return PYR_KEYED_ANY_KEY;
}

static void add_number(keyed_prefix *prefix, uint64_t number) {
    int bytes = 1;
    while (bytes < 8 && number >> (8 * bytes) != 0) {
        ++bytes;
    }
    prefix->bytes[prefix->size++] = (uint8_t)bytes;
    for (int i = bytes - 1; i >= 0; --i) {
        prefix->bytes[prefix->size++] = (uint8_t)(number >> (8 * i));
    }
}

keyed_prefix pyr_keyed_table_prefix(char letter, uint64_t table_id) {
    keyed_prefix prefix = {.bytes = {(uint8_t)letter}, .size = 1};
    add_number(&prefix, table_id);
    return prefix;
}

keyed_prefix pyr_keyed_row_prefix(uint64_t table_id) {
    return pyr_keyed_table_prefix(KEYED_ROW_LETTER, table_id);
}

keyed_prefix pyr_keyed_unique_prefix(uint64_t table_id, uint32_t number) {
    keyed_prefix prefix = pyr_keyed_table_prefix(KEYED_UNIQUE_LETTER, table_id);
    add_number(&prefix, number);
    return prefix;
}

/* Letters are below 0xFF. */
keyed_prefix pyr_keyed_prefix_end(keyed_prefix prefix) {
    while (prefix.bytes[prefix.size - 1] == 0xFF) {
        --prefix.size;
    }
    ++prefix.bytes[prefix.size - 1];
    return prefix;
}

bool pyr_keyed_prefix_id(const char *key, size_t key_size, uint64_t *id, size_t *size) {
    size_t bytes = key_size > 1 ? (uint8_t)key[1] : 0;
    *id = 0;
    *size = 2 + bytes;
    if (bytes < 1 || bytes > 8 || key_size < *size || (bytes > 1 && key[2] == 0)) {
        return false;
    }
    for (size_t i = 0; i < bytes; ++i) {
        *id = *id << 8 | (uint8_t)key[2 + i];
    }
    return true;
}

keyed_prefix pyr_keyed_list_prefix(uint64_t table_id, int32_t list) {
    return list == 0 ? pyr_keyed_row_prefix(table_id)
                     : pyr_keyed_unique_prefix(table_id, (uint32_t)list - 1);
}

pyr_status pyr_keyed_encode(const pyr_keyed_shape *shape, int32_t key, const pyr_batch *batch,
                            const int32_t *columns, int64_t row, pyr_text *out, bool *null,
                            pyr_error *error) {
    *null = false;
    const pyr_key_codec *codec =
        key == PYR_KEYED_PRIMARY_KEY ? shape->codec : shape->uniques[key].codec;
    const pyr_table_key *of =
        key == PYR_KEYED_PRIMARY_KEY ? shape->constraints->primary_key : shape->uniques[key].key;
    columns = columns != NULL ? columns : of->columns;
    for (int32_t i = 0; i < of->columns_count; ++i) {
        *null = *null || pyr_array_is_null(batch->columns[columns[i]], row);
    }
    if (*null) {
        return PYR_OK;
    }
    return pyr_key_encode(codec, batch, columns, of->columns_count, row, out, error);
}

/* ---- Errors. ---- */

pyr_status pyr_keyed_corrupt(const char *table, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT,
                         "table \"%s\": a stored row is damaged (%s); restore the catalog/ folder "
                         "from a backup",
                         table, what);
}

void pyr_keyed_print_name(const pyr_table *table, int32_t key, pyr_text *out) {
    const pyr_table_key *of = key_of(table, key);
    bool primary = key == PYR_KEYED_PRIMARY_KEY;
    if (of->name[0] != '\0') {
        pyr_text_add(out, of->name);
        return;
    }
    pyr_text_add(out, table->name);
    for (int32_t i = 0; !primary && i < of->columns_count; ++i) {
        pyr_text_printf(out, "_%s", table->schema->fields[of->columns[i]]->name);
    }
    pyr_text_add(out, primary ? "_pkey" : "_key");
}

pyr_status pyr_keyed_duplicate(const pyr_table *table, int32_t key, const pyr_batch *batch,
                               int64_t row, pyr_error *error) {
    const pyr_table_key *of = key_of(table, key);
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add(&text, "duplicate key value violates unique constraint \"");
    pyr_keyed_print_name(table, key, &text);
    pyr_text_add(&text, "\": key (");
    for (int32_t i = 0; i < of->columns_count; ++i) {
        pyr_text_printf(&text, i > 0 ? ", %s" : "%s", table->schema->fields[of->columns[i]]->name);
    }
    pyr_text_add(&text, ")=(");
    for (int32_t i = 0; i < of->columns_count; ++i) {
        pyr_text_add(&text, i > 0 ? ", " : "");
        pyr_array_print_value(batch->columns[of->columns[i]], row, &text);
    }
    pyr_text_add(&text, ") already exists");
    pyr_status status = pyr_error_set_sql(error, PYR_ERROR_CONSTRAINT, "23505", -1,
                                          "table \"%s\": %s", table->name, pyr_text_get(&text));
    pyr_text_deinit(&text);
    return status;
}
