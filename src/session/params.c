/* params.c - parameters out of the C Data Interface; see params.h. */
#include "session/params.h"

#include "arrow/cdata.h"
#include "base/bits.h"
#include "base/cursor.h"
#include "base/ledger.h"

#include <stdlib.h>
#include <string.h>

static void no_schema_release(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void no_array_release(struct ArrowArray *array) {
    array->release = NULL;
}

/* A struct of plain fields: there is no more to its import than formats, names and flags. */
static bool has_plain_fields(const struct ArrowSchema *source) {
    if (source->release == NULL || source->format == NULL || strcmp(source->format, "+s") != 0 ||
        source->metadata != NULL || source->dictionary != NULL || source->children == NULL) {
        return false;
    }
    for (int64_t i = 0; i < source->n_children; ++i) {
        const struct ArrowSchema *child = source->children[i];
        if (child == NULL || child->release == NULL || child->format == NULL ||
            child->metadata != NULL || child->dictionary != NULL || child->n_children != 0) {
            return false;
        }
    }
    return true;
}

static const char *name_of(const struct ArrowSchema *field) {
    return field->name != NULL ? field->name : "";
}

static void sign_schema(const struct ArrowSchema *source, pyr_text *out) {
    for (int64_t i = 0; i < source->n_children; ++i) {
        const struct ArrowSchema *child = source->children[i];
        pyr_text_append(out, child->format, strlen(child->format) + 1);
        pyr_text_append(out, name_of(child), strlen(name_of(child)) + 1);
        pyr_text_append(out, (const char *)&child->flags, sizeof(child->flags));
    }
}

/* Whether sign_schema gave signature for such a schema. */
static bool is_signed(const struct ArrowSchema *source, const pyr_text *signature) {
    const char *at = pyr_text_get(signature);
    const char *end = at + signature->length;
    for (int64_t i = 0; i < source->n_children; ++i) {
        const struct ArrowSchema *child = source->children[i];
        int64_t flags;
        if (at == end || strcmp(at, child->format) != 0) {
            return false;
        }
        at += strlen(at) + 1;
        if (strcmp(at, name_of(child)) != 0) {
            return false;
        }
        at += strlen(at) + 1;
        memcpy(&flags, at, sizeof(flags));
        at += sizeof(flags);
        if (flags != child->flags) {
            return false;
        }
    }
    return at == end;
}

/* As pyr_schema_import; kept NULL: nothing is. */
static pyr_status import_schema(struct ArrowSchema *source, pyr_kept_schema *kept, pyr_schema **out,
                                pyr_error *error) {
    if (kept == NULL) {
        return pyr_schema_import(source, out, error);
    }
    bool plain = has_plain_fields(source);
    if (plain && kept->schema != NULL && is_signed(source, &kept->signature)) {
        *out = pyr_schema_retain(kept->schema);
        return PYR_OK;
    }
    pyr_text signature;
    pyr_text_init(&signature);
    if (plain) {
        sign_schema(source, &signature); /* before the import, which moves it */
    }
    pyr_status status = pyr_schema_import(source, out, error);
    if (status == PYR_OK && plain && pyr_text_check(&signature, NULL) == PYR_OK) {
        pyr_schema_release(kept->schema);
        pyr_text_deinit(&kept->signature);
        *kept = (pyr_kept_schema){pyr_schema_retain(*out), signature};
    } else {
        pyr_text_deinit(&signature);
    }
    return status;
}

static bool are_given(const pyr_params *params) {
    return params != NULL && params->array != NULL && params->schema != NULL;
}

/* The caller's structs are shallow-copied with releases that do nothing, so that nothing of theirs
 * is moved or freed. */
static pyr_status borrow_rows(const pyr_params *params, pyr_kept_schema *kept, pyr_batch **out,
                              pyr_error *error) {
    *out = NULL;
    struct ArrowSchema schema_view = *params->schema;
    struct ArrowArray array_view = *params->array;
    schema_view.release = no_schema_release;
    array_view.release = no_array_release;
    pyr_schema *schema = NULL;
    PYR_TRY(import_schema(&schema_view, kept, &schema, error));
    pyr_status status = pyr_batch_import(&array_view, schema, out, error);
    if (status == PYR_OK) {
        status = pyr_batch_validate(*out, PYR_VALIDATE_FULL, error);
        if (status != PYR_OK) {
            pyr_batch_release(*out);
            *out = NULL;
        }
    }
    pyr_schema_release(schema);
    return status;
}

static pyr_status not_one_row(const pyr_params *params, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                         "parameters: the struct array must have one row, it has %lld",
                         (long long)params->array->length);
}

pyr_status pyr_params_borrow(const pyr_params *params, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    if (!are_given(params)) {
        return PYR_OK;
    }
    if (params->array->length != 1) {
        return not_one_row(params, error);
    }
    return borrow_rows(params, NULL, out, error);
}

static pyr_status copy_columns(const pyr_batch *borrowed, const int32_t *rows, pyr_array **columns,
                               pyr_batch **out, pyr_error *error) {
    for (int32_t i = 0; i < borrowed->columns_count; ++i) {
        PYR_TRY(pyr_array_take(borrowed->columns[i], rows, borrowed->rows, PYR_COPY_PARAMETERS,
                               NULL, NULL, &columns[i], error));
    }
    return pyr_batch_create(borrowed->schema, borrowed->rows, columns, borrowed->columns_count,
                            NULL, out, error);
}

/* Through an import, which checks all there is to check. */
static pyr_status copy_any(const pyr_params *params, pyr_kept_schema *kept, pyr_batch **out,
                           pyr_error *error) {
    *out = NULL;
    if (params->array->length < 0 || params->array->length > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "parameters: %lld rows",
                             (long long)params->array->length);
    }
    pyr_batch *borrowed = NULL;
    PYR_TRY(borrow_rows(params, kept, &borrowed, error));
    size_t count = (size_t)borrowed->columns_count;
    size_t rows_count = (size_t)borrowed->rows;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    int32_t *rows = calloc(rows_count + 1, sizeof(*rows));
    for (size_t i = 0; rows != NULL && i < rows_count; ++i) {
        rows[i] = (int32_t)i;
    }
    pyr_status status = columns != NULL && rows != NULL
                            ? copy_columns(borrowed, rows, columns, out, error)
                            : pyr_error_memory(error, count * sizeof(*columns));
    for (size_t i = 0; columns != NULL && i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    free(rows);
    pyr_batch_release(borrowed);
    return status;
}

/* ---- Plain values. ----
 *
 * A statement that writes a thousand rows has thousands of parameters: an import, a check and a
 * copy of arrays for each takes longer than the rows. Values of the usual types are copied side by
 * side, by their widths, and each is an array of one in the middle of its buffer. Whatever is not
 * just as it should be goes the long way, which says what is wrong.
 */
enum { TEXT = 0, WIDTHS = 4 }; /* classes: text, and 1, 2, 4 and 8 bytes */

typedef struct plain_class {
    int64_t count;
    int64_t text_bytes;
    bool has_nulls;
    pyr_buffer *validity, *data, *text;
    int64_t next; /* place to fill */
    int32_t text_next;
} plain_class;

typedef struct plain_params {
    const struct ArrowArray *source;
    pyr_schema *schema;
    plain_class classes[1 + WIDTHS];
} plain_params;

/* -1: none. */
static int class_of(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_INT8:
    case PYR_TYPE_UINT8:
        return 1;
    case PYR_TYPE_INT16:
    case PYR_TYPE_UINT16:
        return 2;
    case PYR_TYPE_INT32:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_DATE32:
        return 3;
    case PYR_TYPE_INT64:
    case PYR_TYPE_UINT64:
    case PYR_TYPE_FLOAT64:
    case PYR_TYPE_TIMESTAMP:
        return 4;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_BINARY:
        return TEXT;
    default:
        return -1;
    }
}

/* The row of a column that is meant. */
static int64_t place_of(const plain_params *self, const struct ArrowArray *column) {
    return self->source->offset + column->offset;
}

static bool is_null(const plain_params *self, const struct ArrowArray *column) {
    const uint8_t *validity = column->buffers[0];
    return validity != NULL && !pyr_bit_get(validity, place_of(self, column));
}

static bool text_of(const plain_params *self, const struct ArrowArray *column, int32_t *start,
                    int32_t *size) {
    const uint8_t *offsets = column->buffers[1];
    int64_t place = place_of(self, column);
    int32_t end;
    memcpy(start, offsets + place * 4, sizeof(*start));
    memcpy(&end, offsets + place * 4 + 4, sizeof(end));
    *size = end - *start;
    return *start >= 0 && end >= *start && (*size == 0 || column->buffers[2] != NULL);
}

static bool count_plain(plain_params *self, int32_t index) {
    const struct ArrowArray *column = self->source->children[index];
    const pyr_field *field = self->schema->fields[index];
    int class = class_of(field);
    if (class < 0 || column == NULL || column->release == NULL || column->n_children != 0 ||
        column->dictionary != NULL || column->buffers == NULL || column->length != 1 ||
        column->offset < 0 || column->offset > INT32_MAX || column->null_count > 0 ||
        column->n_buffers != (class == TEXT ? 3 : 2) || column->buffers[1] == NULL) {
        return false;
    }
    plain_class *of = &self->classes[class];
    of->count += 1;
    if (is_null(self, column)) {
        of->has_nulls = true;
        return column->null_count < 0;
    }
    int32_t start = 0;
    int32_t size = 0;
    if (class != TEXT) {
        return true;
    }
    if (!text_of(self, column, &start, &size) ||
        (field->type == PYR_TYPE_UTF8 && size > 0 &&
         !pyr_utf8_valid((const uint8_t *)column->buffers[2] + start, (size_t)size))) {
        return false;
    }
    of->text_bytes += size;
    return of->text_bytes <= INT32_MAX;
}

static bool is_plain(plain_params *self) {
    const struct ArrowArray *source = self->source;
    bool plain = source->release != NULL && source->length == 1 && source->offset == 0 &&
                 source->n_children == self->schema->fields_count && source->dictionary == NULL &&
                 source->children != NULL && source->n_buffers == 1 &&
                 (source->buffers == NULL || source->buffers[0] == NULL);
    for (int32_t i = 0; plain && i < self->schema->fields_count; ++i) {
        plain = count_plain(self, i);
    }
    return plain;
}

static pyr_status make_buffers(plain_params *self, pyr_error *error) {
    for (int i = 0; i <= WIDTHS; ++i) {
        plain_class *of = &self->classes[i];
        size_t count = (size_t)of->count;
        if (count == 0) {
            continue;
        }
        size_t size = i == TEXT ? (count + 1) * sizeof(int32_t) : count << (i - 1);
        PYR_TRY(pyr_buffer_create(size, NULL, &of->data, error));
        if (i == TEXT) {
            PYR_TRY(pyr_buffer_create((size_t)of->text_bytes, NULL, &of->text, error));
        }
        if (of->has_nulls) {
            size_t bits = (size_t)pyr_bits_size_bytes(of->count);
            PYR_TRY(pyr_buffer_create(bits, NULL, &of->validity, error));
        }
    }
    return PYR_OK;
}

static void copy_text(const plain_params *self, const struct ArrowArray *column, plain_class *of) {
    int32_t start = 0;
    int32_t size = 0;
    (void)text_of(self, column, &start, &size);
    if (size > 0) {
        memcpy(pyr_buffer_mutable(of->text) + of->text_next,
               (const uint8_t *)column->buffers[2] + start, (size_t)size);
    }
    of->text_next += size;
}

static pyr_status copy_value(plain_params *self, int32_t index, pyr_array **out, pyr_error *error) {
    const struct ArrowArray *column = self->source->children[index];
    pyr_field *field = self->schema->fields[index];
    int class = class_of(field);
    plain_class *of = &self->classes[class];
    bool null = is_null(self, column);
    size_t width = class == TEXT ? 0 : (size_t)1 << (class - 1);
    if (!null && class == TEXT) {
        copy_text(self, column, of);
    } else if (!null) {
        memcpy(pyr_buffer_mutable(of->data) + (size_t)of->next * width,
               (const uint8_t *)column->buffers[1] + (size_t)place_of(self, column) * width, width);
    }
    if (class == TEXT) {
        memcpy(pyr_buffer_mutable(of->data) + (of->next + 1) * (int64_t)sizeof(int32_t),
               &of->text_next, sizeof(of->text_next));
    }
    if (!null && of->validity != NULL) {
        pyr_bit_set(pyr_buffer_mutable(of->validity), of->next);
    }
    pyr_buffer *buffers[] = {null ? of->validity : NULL, of->data, of->text};
    return pyr_array_create(field, 1, of->next++, null, buffers, class == TEXT ? 3 : 2, NULL, 0,
                            NULL, out, error);
}

static pyr_status copy_values(plain_params *self, pyr_array **columns, pyr_batch **out,
                              pyr_error *error) {
    PYR_TRY(make_buffers(self, error));
    int32_t count = self->schema->fields_count;
    pyr_array **made = columns;
    for (int32_t i = 0; i < count; ++i) {
        PYR_TRY(copy_value(self, i, made++, error));
    }
    return pyr_batch_create(self->schema, 1, columns, count, NULL, out, error);
}

/* *out NULL: they are not plain. */
static pyr_status copy_plain(const pyr_params *params, pyr_schema *schema, pyr_batch **out,
                             pyr_error *error) {
    plain_params self = {.source = params->array, .schema = schema};
    if (!is_plain(&self)) {
        return PYR_OK;
    }
    size_t count = (size_t)schema->fields_count;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    pyr_status status = columns != NULL ? copy_values(&self, columns, out, error)
                                        : pyr_error_memory(error, count * sizeof(*columns));
    for (size_t i = 0; columns != NULL && i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    for (int i = 0; i <= WIDTHS; ++i) {
        pyr_buffer_release(self.classes[i].validity);
        pyr_buffer_release(self.classes[i].data);
        pyr_buffer_release(self.classes[i].text);
    }
    return status;
}

pyr_status pyr_params_copy_rows(const pyr_params *params, pyr_kept_schema *kept, pyr_batch **out,
                                pyr_error *error) {
    *out = NULL;
    if (!are_given(params)) {
        return PYR_OK;
    }
    if (kept != NULL && params->array->length == 1) {
        struct ArrowSchema schema_view = *params->schema;
        schema_view.release = no_schema_release;
        pyr_schema *schema = NULL;
        PYR_TRY(import_schema(&schema_view, kept, &schema, error));
        pyr_status status = copy_plain(params, schema, out, error);
        pyr_schema_release(schema);
        if (status != PYR_OK || *out != NULL) {
            return status;
        }
    }
    return copy_any(params, kept, out, error);
}

pyr_status pyr_params_copy(const pyr_params *params, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    if (are_given(params) && params->array->length != 1) {
        return not_one_row(params, error);
    }
    return pyr_params_copy_rows(params, NULL, out, error);
}
