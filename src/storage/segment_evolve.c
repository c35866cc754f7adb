/* segment_evolve.c - a segment read as rows of another schema: what ALTER TABLE leaves on disk.
 *
 * Columns are told apart by their ids, which stand in the metadata of fields, in a table's schema
 * and in its segments' files. A column that the file has not got is constant: the value that it
 * was added with, or null. Which columns a file has is found when it is opened, so that an altered
 * table of ten thousand segments opens as fast as another.
 */
#include "base/text.h"
#include "storage/storage_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct column_layout {
    int32_t *places;     /* of each column of the schema in the file; -1: it is constant */
    pyr_array **initial; /* one value of each constant column; NULL: nulls */
} column_layout;

struct pyr_evolved {
    pyr_segment *base;    /* retained */
    pyr_schema *schema;   /* retained */
    pthread_mutex_t lock; /* held while the layout is made; a leaf but for the base's */
    _Atomic(column_layout *) layout;
};

pyr_status pyr_evolved_create(pyr_segment *base, pyr_schema *schema, pyr_evolved **out,
                              pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    (*out)->base = pyr_segment_retain(base);
    (*out)->schema = pyr_schema_retain(schema);
    pthread_mutex_init(&(*out)->lock, NULL);
    return PYR_OK;
}

static void free_layout(column_layout *layout, int32_t count) {
    if (layout == NULL) {
        return;
    }
    for (int32_t i = 0; layout->initial != NULL && i < count; ++i) {
        pyr_array_release(layout->initial[i]);
    }
    free(layout->initial);
    free(layout->places);
    free(layout);
}

void pyr_evolved_destroy(pyr_evolved *evolved) {
    if (evolved == NULL) {
        return;
    }
    free_layout(atomic_load(&evolved->layout), evolved->schema->fields_count);
    pyr_segment_release(evolved->base);
    pyr_schema_release(evolved->schema);
    pthread_mutex_destroy(&evolved->lock);
    free(evolved);
}

pyr_segment *pyr_evolved_base(const pyr_evolved *evolved) {
    return evolved->base;
}

pyr_schema *pyr_evolved_schema(const pyr_evolved *evolved) {
    return evolved->schema;
}

/* ---- Column ids. ---- */

bool pyr_column_id(const pyr_field *field, int64_t *out) {
    size_t length = 0;
    const char *text = pyr_metadata_find(field->metadata, PYR_COLUMN_ID_KEY, &length);
    if (text == NULL || length == 0 || length > 9 || strspn(text, "0123456789") != length) {
        return false;
    }
    *out = strtol(text, NULL, 10);
    return true;
}

bool pyr_schema_has_column_ids(const pyr_schema *schema) {
    int64_t id = 0;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        if (pyr_column_id(schema->fields[i], &id)) {
            return true;
        }
    }
    return false;
}

/* In a schema without ids a column's id is its place. */
static int64_t id_of(const pyr_schema *schema, int32_t column, bool has_ids) {
    int64_t id = -1;
    if (!has_ids) {
        return column;
    }
    return pyr_column_id(schema->fields[column], &id) ? id : -1;
}

/* ---- Initial values. ---- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static pyr_status read_hex(const char *text, size_t length, pyr_buffer **out, pyr_error *error) {
    PYR_TRY(pyr_buffer_create(length / 2, NULL, out, error));
    uint8_t *bytes = pyr_buffer_mutable(*out);
    bool right = length % 2 == 0;
    for (size_t i = 0; right && i < length / 2; ++i) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        right = high >= 0 && low >= 0;
        bytes[i] = (uint8_t)(right ? high << 4 | low : 0);
    }
    if (!right) {
        pyr_buffer_release(*out);
        *out = NULL;
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "a column's first value is no hexadecimal");
    }
    return PYR_OK;
}

/* A whole Arrow file of one row and one column. */
static pyr_status read_value(pyr_buffer *bytes, const pyr_field *field, pyr_array **out,
                             pyr_error *error) {
    pyr_segment_info info = {
        .path = (char *)"first value", .rows = 1, .size_bytes = -1, .batches = -1, .hot = true};
    pyr_segment *segment = NULL;
    pyr_batch *batch = NULL;
    PYR_TRY(pyr_segment_create_bytes(bytes, &info, &segment, error));
    pyr_status status = pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, error);
    if (status == PYR_OK && (batch->columns_count != 1 || batch->rows != 1 ||
                             !pyr_field_type_equal(batch->columns[0]->field, field))) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                               "column \"%s\": its first value is of another type", field->name);
    }
    if (status == PYR_OK) {
        status = pyr_array_validate(batch->columns[0], PYR_VALIDATE_FULL, error);
    }
    if (status == PYR_OK) {
        *out = pyr_array_retain(batch->columns[0]);
    }
    pyr_batch_release(batch);
    pyr_segment_release(segment);
    return status;
}

pyr_status pyr_column_initial_read(const pyr_field *field, pyr_array **out, pyr_error *error) {
    size_t length = 0;
    const char *text = pyr_metadata_find(field->metadata, PYR_COLUMN_INITIAL_KEY, &length);
    *out = NULL;
    if (text == NULL) {
        return PYR_OK;
    }
    pyr_buffer *bytes = NULL;
    PYR_TRY(read_hex(text, length, &bytes, error));
    pyr_status status = read_value(bytes, field, out, error);
    pyr_buffer_release(bytes);
    return status;
}

pyr_status pyr_column_initial_print(pyr_field *field, pyr_array *value, pyr_text *out,
                                    pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_segment_writer *writer = NULL;
    pyr_segment *segment = NULL;
    PYR_TRY(pyr_schema_create(&field, 1, NULL, &schema, error));
    pyr_status status = pyr_batch_create(schema, 1, &value, 1, NULL, &batch, error);
    if (status == PYR_OK) {
        status = pyr_segment_writer_create_hot("first value", schema, PYR_IPC_UNCOMPRESSED, NULL,
                                               &writer, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_append(writer, batch, error);
    }
    if (status == PYR_OK) {
        status = pyr_segment_writer_finish(writer, false, &segment, error);
    }
    if (status == PYR_OK) {
        const pyr_buffer *bytes = pyr_segment_bytes(segment);
        for (size_t i = 0; i < bytes->size_bytes; ++i) {
            pyr_text_printf(out, "%02x", bytes->data[i]);
        }
        status = pyr_text_check(out, error);
    }
    pyr_segment_release(segment);
    pyr_segment_writer_destroy(writer);
    pyr_batch_release(batch);
    pyr_schema_release(schema);
    return status;
}

/* ---- Layout. ---- */

/* From guess on and around: both have their columns in about the same order. */
static int32_t find_place(const pyr_schema *file, bool has_ids, int64_t id, int32_t guess) {
    for (int32_t tried = 0; id >= 0 && tried < file->fields_count; ++tried) {
        int32_t place = (int32_t)(((int64_t)guess + tried) % file->fields_count);
        if (id_of(file, place, has_ids) == id) {
            return place;
        }
    }
    return -1;
}

static pyr_status fill_layout(const pyr_evolved *evolved, const pyr_schema *file, column_layout *to,
                              pyr_error *error) {
    const pyr_schema *schema = evolved->schema;
    bool file_has_ids = pyr_schema_has_column_ids(file);
    int32_t next = 0;
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        const pyr_field *field = schema->fields[i];
        to->places[i] = find_place(file, file_has_ids, id_of(schema, i, true), next);
        next = to->places[i] >= 0 ? to->places[i] + 1 : next;
        if (to->places[i] < 0) {
            PYR_TRY(pyr_column_initial_read(field, &to->initial[i], error));
        } else if (!pyr_field_type_equal(file->fields[to->places[i]], field)) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "column \"%s\" is not of the type that the catalog says",
                                 field->name);
        }
    }
    return PYR_OK;
}

static pyr_status make_layout(pyr_evolved *evolved, pyr_query_ledger *ledger, column_layout **out,
                              pyr_error *error) {
    size_t count = (size_t)evolved->schema->fields_count;
    pyr_schema *file = NULL;
    *out = NULL;
    PYR_TRY(pyr_segment_schema(evolved->base, ledger, &file, error));
    column_layout *made = calloc(1, sizeof(*made));
    pyr_status status = made != NULL ? PYR_OK : pyr_error_memory(error, sizeof(*made));
    if (status == PYR_OK) {
        made->places = calloc(count + 1, sizeof(*made->places));
        made->initial = calloc(count + 1, sizeof(pyr_array *));
        status = made->places != NULL && made->initial != NULL
                     ? fill_layout(evolved, file, made, error)
                     : pyr_error_memory(error, count * sizeof(pyr_array *));
    }
    pyr_schema_release(file);
    if (status != PYR_OK) {
        free_layout(made, (int32_t)count);
        const char *path = pyr_segment_get_info(evolved->base)->path;
        const char *slash = strrchr(path, '/');
        return pyr_error_context(error, status, "segment %s", slash != NULL ? slash + 1 : path);
    }
    *out = made;
    return PYR_OK;
}

static pyr_status get_layout(pyr_evolved *evolved, pyr_query_ledger *ledger,
                             const column_layout **out, pyr_error *error) {
    column_layout *made = atomic_load_explicit(&evolved->layout, memory_order_acquire);
    if (made == NULL) {
        pthread_mutex_lock(&evolved->lock);
        made = atomic_load_explicit(&evolved->layout, memory_order_relaxed);
        pyr_status status = made != NULL ? PYR_OK : make_layout(evolved, ledger, &made, error);
        if (status == PYR_OK) {
            atomic_store_explicit(&evolved->layout, made, memory_order_release);
        }
        pthread_mutex_unlock(&evolved->lock);
        PYR_TRY(status);
    }
    *out = made;
    return PYR_OK;
}

/* ---- Reading. ---- */

static pyr_status check_columns(const pyr_evolved *evolved, const int32_t *columns, int32_t count,
                                pyr_error *error) {
    for (int32_t i = 0; columns != NULL && i < count; ++i) {
        if (columns[i] < 0 || columns[i] >= evolved->schema->fields_count) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "segment: column %d is wanted, the table has %d", (int)columns[i],
                                 (int)evolved->schema->fields_count);
        }
    }
    return PYR_OK;
}

static pyr_status constant(const pyr_field *field, pyr_array *value, int64_t rows,
                           pyr_query_ledger *ledger, pyr_budget *budget, pyr_array **out,
                           pyr_error *error) {
    if (value == NULL) {
        return pyr_array_create_null((pyr_field *)field, rows, budget, out, error);
    }
    int32_t *zeros = calloc((size_t)rows + 1, sizeof(*zeros));
    if (zeros == NULL) {
        return pyr_error_memory(error, (size_t)rows * sizeof(*zeros));
    }
    pyr_status status =
        pyr_array_take(value, zeros, rows, PYR_COPY_CONVERT, ledger, budget, out, error);
    free(zeros);
    return status;
}

/* A batch while it is put together. */
typedef struct assembly {
    int32_t *wanted; /* places in the file, of the columns that it has */
    int32_t wanted_count;
    int32_t *picked;     /* columns of the schema */
    pyr_array **columns; /* retained */
    int32_t count;
    pyr_batch *from; /* of the file; NULL: none of its columns is wanted */
    int64_t rows;
} assembly;

static pyr_status assemble(const pyr_evolved *evolved, const column_layout *layout, assembly *self,
                           pyr_query_ledger *ledger, pyr_budget *budget, pyr_batch **out,
                           pyr_error *error) {
    int32_t at = 0;
    for (int32_t i = 0; i < self->count; ++i) {
        int32_t column = self->picked[i];
        if (layout->places[column] >= 0) {
            self->columns[i] = pyr_array_retain(self->from->columns[at++]);
        } else {
            PYR_TRY(constant(evolved->schema->fields[column], layout->initial[column], self->rows,
                             ledger, budget, &self->columns[i], error));
        }
    }
    pyr_schema *schema = NULL;
    PYR_TRY(pyr_schema_project(evolved->schema, self->picked, self->count, &schema, error));
    pyr_status status =
        pyr_batch_create(schema, self->rows, self->columns, self->count, NULL, out, error);
    pyr_schema_release(schema);
    return status;
}

static pyr_status read_columns(pyr_evolved *evolved, size_t index, const column_layout *layout,
                               assembly *self, pyr_query_ledger *ledger, pyr_budget *budget,
                               pyr_error *error) {
    for (int32_t i = 0; i < self->count; ++i) {
        int32_t place = layout->places[self->picked[i]];
        if (place >= 0) {
            self->wanted[self->wanted_count++] = place;
        }
    }
    if (self->wanted_count == 0) {
        return pyr_segment_batch_rows(evolved->base, index, &self->rows, error);
    }
    PYR_TRY(pyr_segment_batch(evolved->base, index, self->wanted, self->wanted_count, ledger,
                              budget, &self->from, error));
    self->rows = self->from->rows;
    return PYR_OK;
}

pyr_status pyr_evolved_batch(pyr_evolved *evolved, size_t index, const int32_t *columns,
                             int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                             pyr_batch **out, pyr_error *error) {
    *out = NULL;
    const column_layout *layout = NULL;
    PYR_TRY(get_layout(evolved, ledger, &layout, error));
    PYR_TRY(check_columns(evolved, columns, columns_count, error));
    size_t count = columns != NULL ? (size_t)columns_count : (size_t)evolved->schema->fields_count;
    assembly self = {.wanted = calloc(count + 1, sizeof(int32_t)),
                     .picked = calloc(count + 1, sizeof(int32_t)),
                     .columns = calloc(count + 1, sizeof(pyr_array *)),
                     .count = (int32_t)count};
    pyr_status status = PYR_OK;
    if (self.wanted == NULL || self.picked == NULL || self.columns == NULL) {
        status = pyr_error_memory(error, count * sizeof(pyr_array *));
    }
    for (int32_t i = 0; status == PYR_OK && i < self.count; ++i) {
        self.picked[i] = columns != NULL ? columns[i] : i;
    }
    if (status == PYR_OK) {
        status = read_columns(evolved, index, layout, &self, ledger, budget, error);
    }
    if (status == PYR_OK) {
        status = assemble(evolved, layout, &self, ledger, budget, out, error);
    }
    for (size_t i = 0; self.columns != NULL && i < count; ++i) {
        pyr_array_release(self.columns[i]);
    }
    pyr_batch_release(self.from);
    free(self.columns);
    free(self.picked);
    free(self.wanted);
    return status;
}

pyr_status pyr_evolved_zone(pyr_evolved *evolved, size_t batch, int32_t column, pyr_zone *out,
                            pyr_error *error) {
    memset(out, 0, sizeof(*out));
    const column_layout *layout = NULL;
    PYR_TRY(get_layout(evolved, NULL, &layout, error));
    PYR_TRY(check_columns(evolved, &column, 1, error));
    return layout->places[column] < 0
               ? PYR_OK
               : pyr_segment_zone(evolved->base, batch, layout->places[column], out, error);
}
