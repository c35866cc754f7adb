/* cdata_import.c - arrays and batches from the C Data Interface, by reference; see cdata.h.
 *
 * The producer's struct moves into a reference-counted owner that every buffer of the tree holds:
 * its release runs once, when the last buffer dies. The interface carries no buffer sizes; they
 * follow from lengths and last offsets ("ArrowArray.buffers"). */
#include "arrow/cdata_internal.h"

#include "base/checked.h"

typedef struct foreign {
    atomic_size_t references;
    struct ArrowArray array;
} foreign;

static void release_foreign(void *owner) {
    foreign *self = owner;
    if (atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) == 1) {
        self->array.release(&self->array);
        free(self);
    }
}

/* Moves source, on failure too. */
static pyr_status move_source(struct ArrowArray *source, foreign **out, pyr_error *error) {
    *out = NULL;
    if (source->release == NULL) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "the array was released already");
    }
    foreign *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        source->release(source);
        return pyr_error_memory(error, sizeof(*self));
    }
    atomic_init(&self->references, 1);
    self->array = *source;
    source->release = NULL;
    *out = self;
    return PYR_OK;
}

/* ---- Buffers. ---- */

static pyr_status wrap(foreign *owner, const void *data, int64_t size_bytes, pyr_buffer **out,
                       pyr_error *error) {
    *out = NULL;
    if (data == NULL) {
        return PYR_OK;
    }
    PYR_TRY(pyr_buffer_wrap(data, (size_t)size_bytes, owner, release_foreign, out, error));
    atomic_fetch_add_explicit(&owner->references, 1, memory_order_relaxed);
    return PYR_OK;
}

/* Bytes of the buffer at place of an array of slots = offset + length > 0 values. */
static pyr_status buffer_size(const struct ArrowArray *source, const pyr_field *field,
                              int32_t place, int64_t *out, pyr_error *error) {
    pyr_buffer_kind kind = pyr_type_layout(field->type).buffers[place];
    int64_t slots = source->offset + source->length;
    switch (kind) {
    case PYR_BUFFER_VALIDITY:
        *out = pyr_bits_size_bytes(slots);
        return PYR_OK;
    case PYR_BUFFER_DATA:
        *out = field->type == PYR_TYPE_BOOL ? pyr_bits_size_bytes(slots)
                                            : slots * (pyr_type_bit_width(field) / 8);
        return PYR_OK;
    case PYR_BUFFER_OFFSETS32:
        *out = (slots + 1) * 4;
        return PYR_OK;
    case PYR_BUFFER_OFFSETS64:
        *out = (slots + 1) * 8;
        return PYR_OK;
    case PYR_BUFFER_TYPE_CODES:
        *out = slots;
        return PYR_OK;
    case PYR_BUFFER_UNION_OFFSETS:
    case PYR_BUFFER_LIST_OFFSETS32:
    case PYR_BUFFER_SIZES32:
        *out = slots * 4;
        return PYR_OK;
    case PYR_BUFFER_LIST_OFFSETS64:
    case PYR_BUFFER_SIZES64:
        *out = slots * 8;
        return PYR_OK;
    case PYR_BUFFER_VIEWS:
        *out = slots * PYR_VIEW_SIZE_BYTES;
        return PYR_OK;
    case PYR_BUFFER_BYTES:
        break;
    }
    if (source->buffers[1] == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "(%s) the offsets buffer is missing",
                             pyr_type_name(field->type));
    }
    *out = load_offset(source->buffers[1], slots, pyr_type_is_large(field->type));
    return *out >= 0 ? PYR_OK
                     : pyr_error_set(error, PYR_ERROR_CORRUPT, "(%s) the last offset is %lld",
                                     pyr_type_name(field->type), (long long)*out);
}

static pyr_status wrap_variadic(foreign *owner, const struct ArrowArray *source,
                                pyr_buffer **buffers, pyr_error *error) {
    const uint8_t *sizes = source->buffers[source->n_buffers - 1];
    for (int64_t i = 2; i < source->n_buffers - 1; ++i) {
        int64_t size = sizes != NULL ? load_i64(sizes, i - 2) : 0;
        if (size < 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "data buffer %lld has %lld bytes",
                                 (long long)i - 2, (long long)size);
        }
        PYR_TRY(wrap(owner, source->buffers[i], size, &buffers[i], error));
    }
    return PYR_OK;
}

static pyr_status wrap_buffers(foreign *owner, const struct ArrowArray *source,
                               const pyr_field *field, pyr_buffer **buffers, pyr_error *error) {
    pyr_layout layout = pyr_type_layout(field->type);
    for (int32_t i = 0; source->length > 0 && i < layout.buffers_count; ++i) {
        int64_t size = 0;
        PYR_TRY(buffer_size(source, field, i, &size, error));
        PYR_TRY(wrap(owner, source->buffers[i], size, &buffers[i], error));
    }
    return layout.variadic ? wrap_variadic(owner, source, buffers, error) : PYR_OK;
}

/* ---- The tree. ---- */

static pyr_status check_source(const struct ArrowArray *source, const pyr_field *field,
                               pyr_error *error) {
    pyr_layout layout = pyr_type_layout(field->type);
    int64_t end;
    if (source == NULL || source->release == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "an array is missing or was released");
    }
    /* Sizes in bits of the widest type must not overflow. */
    if (source->length < 0 || source->offset < 0 ||
        !pyr_add_i64(source->offset, source->length, &end) ||
        end > INT64_MAX / 256 / (1 + (int64_t)field->byte_width)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "offset %lld, length %lld",
                             (long long)source->offset, (long long)source->length);
    }
    if (source->n_children != field->children_count ||
        (source->n_children > 0 && source->children == NULL)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%lld children, the type has %d",
                             (long long)source->n_children, field->children_count);
    }
    /* Some producers give layouts without buffers one that is NULL. */
    bool buffers_match = layout.variadic             ? source->n_buffers >= layout.buffers_count + 1
                         : layout.buffers_count == 0 ? source->n_buffers >= 0
                                                     : source->n_buffers == layout.buffers_count;
    if (!buffers_match || source->n_buffers > INT32_MAX ||
        (source->buffers == NULL && layout.buffers_count > 0)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%lld buffers, the type has %d",
                             (long long)source->n_buffers, layout.buffers_count);
    }
    return PYR_OK;
}

static pyr_status import_array(foreign *owner, const struct ArrowArray *source, pyr_field *field,
                               pyr_array **out, pyr_error *error) {
    *out = NULL;
    PYR_TRY(check_source(source, field, error));
    pyr_layout layout = pyr_type_layout(field->type);
    int32_t buffers_count = layout.variadic ? (int32_t)source->n_buffers - 1 : layout.buffers_count;
    pyr_buffer **buffers = calloc((size_t)buffers_count + 1, sizeof(*buffers));
    pyr_array **children = calloc((size_t)field->children_count + 1, sizeof(*children));
    pyr_array *dictionary = NULL;
    pyr_status status = buffers != NULL && children != NULL
                            ? wrap_buffers(owner, source, field, buffers, error)
                            : pyr_error_memory(error, sizeof(*buffers));
    for (int32_t i = 0; status == PYR_OK && i < field->children_count; ++i) {
        status = import_array(owner, source->children[i], field->children[i], &children[i], error);
        if (status != PYR_OK) {
            (void)pyr_error_context(error, status, "child \"%s\"", field->children[i]->name);
        }
    }
    if (status == PYR_OK && field->type == PYR_TYPE_DICTIONARY) {
        status = import_array(owner, source->dictionary, field->dictionary, &dictionary, error);
    }
    if (status == PYR_OK) {
        bool counted = source->null_count >= 0 && pyr_type_has_validity(field->type);
        int64_t null_count = field->type == PYR_TYPE_NULL ? source->length
                             : counted                    ? source->null_count
                                                          : -1;
        status = pyr_array_create(field, source->length, source->offset, null_count, buffers,
                                  buffers_count, children, field->children_count, dictionary, out,
                                  error);
    }
    for (int32_t i = 0; buffers != NULL && i < buffers_count; ++i) {
        pyr_buffer_release(buffers[i]);
    }
    for (int32_t i = 0; children != NULL && i < field->children_count; ++i) {
        pyr_array_release(children[i]);
    }
    pyr_array_release(dictionary);
    free(buffers);
    free(children);
    return status;
}

/* import_array, and what can be checked without touching values. */
static pyr_status import_checked(foreign *owner, const struct ArrowArray *source, pyr_field *field,
                                 pyr_array **out, pyr_error *error) {
    PYR_TRY(import_array(owner, source, field, out, error));
    pyr_status status = pyr_array_validate(*out, PYR_VALIDATE_STRUCTURE, error);
    if (status != PYR_OK) {
        pyr_array_release(*out);
        *out = NULL;
    }
    return status;
}

pyr_status pyr_array_import(struct ArrowArray *source, pyr_field *field, pyr_array **out,
                            pyr_error *error) {
    *out = NULL;
    foreign *owner = NULL;
    PYR_TRY(move_source(source, &owner, error));
    pyr_status status = import_checked(owner, &owner->array, field, out, error);
    release_foreign(owner);
    return status;
}

/* ---- Batches. ---- */

static pyr_status check_rows(const struct ArrowArray *source, const pyr_schema *schema,
                             pyr_error *error) {
    int64_t end;
    if (source->length < 0 || source->offset < 0 ||
        !pyr_add_i64(source->offset, source->length, &end)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "batch of offset %lld, length %lld",
                             (long long)source->offset, (long long)source->length);
    }
    if (source->n_children != schema->fields_count ||
        (source->n_children > 0 && source->children == NULL) || source->dictionary != NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "batch of %lld columns, the schema has %d",
                             (long long)source->n_children, schema->fields_count);
    }
    const uint8_t *validity =
        source->n_buffers == 1 && source->buffers != NULL ? source->buffers[0] : NULL;
    if (validity != NULL && source->null_count != 0 &&
        pyr_bits_count_set(validity, source->offset, source->length) != source->length) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "batch: a row is null as a whole; batches have null values only");
    }
    return PYR_OK;
}

/* One column: the rows that the struct's own offset and length leave of its child. */
static pyr_status import_column(foreign *owner, int32_t index, pyr_field *field, pyr_array **out,
                                pyr_error *error) {
    const struct ArrowArray *source = &owner->array;
    pyr_array *whole = NULL;
    pyr_status status = import_checked(owner, source->children[index], field, &whole, error);
    if (status == PYR_OK && whole->length < source->offset + source->length) {
        status =
            pyr_error_set(error, PYR_ERROR_CORRUPT, "%lld values, the batch needs %lld",
                          (long long)whole->length, (long long)(source->offset + source->length));
    }
    if (status == PYR_OK) {
        status = pyr_array_slice(whole, source->offset, source->length, out, error);
    }
    pyr_array_release(whole);
    return status == PYR_OK ? PYR_OK
                            : pyr_error_context(error, status, "column \"%s\"", field->name);
}

pyr_status pyr_batch_import(struct ArrowArray *source, pyr_schema *schema, pyr_batch **out,
                            pyr_error *error) {
    *out = NULL;
    foreign *owner = NULL;
    PYR_TRY(move_source(source, &owner, error));
    size_t count = (size_t)schema->fields_count;
    pyr_array **columns = calloc(count + 1, sizeof(*columns));
    pyr_status status = columns != NULL ? check_rows(&owner->array, schema, error)
                                        : pyr_error_memory(error, count * sizeof(*columns));
    for (int32_t i = 0; status == PYR_OK && i < schema->fields_count; ++i) {
        status = import_column(owner, i, schema->fields[i], &columns[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, owner->array.length, columns, schema->fields_count, NULL,
                                  out, error);
    }
    for (size_t i = 0; columns != NULL && i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    release_foreign(owner);
    return status;
}
