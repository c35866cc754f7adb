/* batch_read.c - record batch messages to arrays, by view.
 *
 * Nodes and buffers are walked in pre-order; a column is reached through the counts of
 * pyr_ipc_column, so that columns not wanted are not looked at. Every number of the metadata is
 * loaded once and checked before use.
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/cursor.h"
#include "base/mapping.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct walk {
    const pyr_ipc_read *read;
    const pyr_ipc_source *source;
    size_t body_bytes; /* what the message claims, at most what is there */
    pyr_ipc_batch_head batch;
    bool v4;
    pyr_ipc_codec codec;
    int64_t decoded_bytes;
    uint32_t node, buffer, variadic;
    int32_t ordinal;
} walk;

static const uint8_t zeros[64] __attribute__((aligned(64)));

static pyr_status corrupt(const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s", what);
}

/* The bytes of the next buffer of the message. */
static pyr_status next_span(walk *w, size_t *offset, size_t *size_bytes, pyr_error *error) {
    if (w->buffer >= w->batch.buffers.count) {
        return corrupt("the message has fewer buffers than the schema needs", error);
    }
    int64_t start = pyr_fb_vector_i64(w->batch.buffers, w->buffer, 16, 0);
    int64_t length = pyr_fb_vector_i64(w->batch.buffers, w->buffer, 16, 8);
    ++w->buffer;
    if (start < 0 || length < 0 || (uint64_t)start > w->body_bytes ||
        (uint64_t)length > w->body_bytes - (uint64_t)start) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "buffer %u: %lld bytes at %lld do not lie in the body of %zu bytes",
                             w->buffer - 1, (long long)length, (long long)start, w->body_bytes);
    }
    *offset = w->source->body_offset + (size_t)start;
    *size_bytes = (size_t)length;
    return PYR_OK;
}

/* Into new memory, turned around where the data is foreign. */
static pyr_status copy_span(walk *w, pyr_ipc_element element, const uint8_t *from,
                            size_t size_bytes, pyr_buffer **out, pyr_error *error) {
    pyr_buffer *copy;
    PYR_TRY(pyr_buffer_create_raw(size_bytes, w->read->budget, &copy, error));
    if (w->read->schema->swap && element != PYR_IPC_ELEMENT_BYTES) {
        pyr_ipc_swap(element, pyr_buffer_mutable(copy), from, size_bytes);
        pyr_ledger_add_copy(w->read->ledger, PYR_COPY_BYTE_SWAP, (int64_t)size_bytes);
    } else {
        pyr_ledger_copy(w->read->ledger, PYR_COPY_ALIGN, pyr_buffer_mutable(copy), from,
                        size_bytes);
    }
    *out = copy;
    return PYR_OK;
}

static pyr_status view_span(walk *w, pyr_ipc_element element, size_t offset, size_t size_bytes,
                            pyr_buffer **out, pyr_error *error) {
    const uint8_t *data = w->source->body->data + offset;
    bool swap = w->read->schema->swap && element != PYR_IPC_ELEMENT_BYTES;
    if (swap || ((uintptr_t)data & (pyr_ipc_element_alignment(element) - 1)) != 0) {
        return copy_span(w, element, data, size_bytes, out, error);
    }
    return pyr_buffer_slice(w->source->body, offset, size_bytes, out, error);
}

static pyr_status decompress_span(walk *w, pyr_ipc_element element, size_t offset,
                                  size_t size_bytes, pyr_buffer **out, pyr_error *error) {
    if (size_bytes < 8) {
        return corrupt("a compressed buffer of less than 8 bytes", error);
    }
    const uint8_t *data = w->source->body->data + offset;
    int64_t length = (int64_t)pyr_load_u64(data);
    if (length == -1) {
        return size_bytes == 8 ? PYR_OK
                               : view_span(w, element, offset + 8, size_bytes - 8, out, error);
    }
    if (length == 0) {
        return PYR_OK;
    }
    if (length < 0 ||
        !pyr_ipc_decompress_plausible(w->batch.compression, size_bytes - 8, (size_t)length)) {
        return corrupt("a compressed buffer announces an impossible length", error);
    }
    if (length > w->read->limits->decoded_bytes_max - w->decoded_bytes) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "more than %lld bytes after decompression, the limit of one batch",
                             (long long)w->read->limits->decoded_bytes_max);
    }
    w->decoded_bytes += length;
    pyr_buffer *plain;
    PYR_TRY(pyr_buffer_create_raw((size_t)length, w->read->budget, &plain, error));
    pyr_status status =
        pyr_ipc_decompress(&w->codec, w->batch.compression, data + 8, size_bytes - 8,
                           pyr_buffer_mutable(plain), (size_t)length, error);
    if (status != PYR_OK) {
        pyr_buffer_release(plain);
        return status;
    }
    pyr_ledger_add_decoded(w->read->ledger, length);
    if (w->read->schema->swap && element != PYR_IPC_ELEMENT_BYTES) {
        status = copy_span(w, element, plain->data, (size_t)length, out, error);
        pyr_buffer_release(plain);
        return status;
    }
    *out = plain;
    return PYR_OK;
}

/* *out stays NULL for an empty buffer. */
static pyr_status next_buffer(walk *w, const pyr_field *field, pyr_buffer_kind kind,
                              pyr_buffer **out, pyr_error *error) {
    size_t offset = 0, size_bytes = 0;
    PYR_TRY(next_span(w, &offset, &size_bytes, error));
    if (size_bytes == 0) {
        return PYR_OK;
    }
    pyr_ipc_element element = pyr_ipc_element_of(field, kind);
    if (w->batch.compression != PYR_IPC_UNCOMPRESSED) {
        return decompress_span(w, element, offset, size_bytes, out, error);
    }
    return view_span(w, element, offset, size_bytes, out, error);
}

/* Writers may leave the offsets of an empty array out ("Variable-size Binary Layout": readers
 * should accept it); one zero stands in, so that arrays always have their first offset. */
static pyr_status empty_offsets(pyr_buffer **out, pyr_error *error) {
    return pyr_buffer_wrap(zeros, sizeof zeros, NULL, NULL, out, error);
}

static bool is_offsets(pyr_buffer_kind kind) {
    return kind == PYR_BUFFER_OFFSETS32 || kind == PYR_BUFFER_OFFSETS64;
}

static bool is_union(const pyr_field *field) {
    return field->type == PYR_TYPE_SPARSE_UNION || field->type == PYR_TYPE_DENSE_UNION;
}

static pyr_status read_validity(walk *w, const pyr_field *field, int64_t null_count,
                                pyr_buffer **out, pyr_error *error) {
    if (null_count == 0) {
        /* What stands there says nothing: not touched. */
        ++w->buffer;
        return w->buffer <= w->batch.buffers.count
                   ? PYR_OK
                   : corrupt("the message has fewer buffers than the schema needs", error);
    }
    PYR_TRY(next_buffer(w, field, PYR_BUFFER_VALIDITY, out, error));
    if (*out == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%lld nulls without a validity bitmap",
                             (long long)null_count);
    }
    return PYR_OK;
}

/* V4 gave unions a validity bitmap; those that use it have no meaning any more. */
static pyr_status skip_union_validity(walk *w, int64_t *null_count, pyr_error *error) {
    size_t offset = 0, size_bytes = 0;
    PYR_TRY(next_span(w, &offset, &size_bytes, error));
    if (*null_count != 0 && size_bytes != 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "a union with nulls of its own, as before format 1.0");
    }
    return PYR_OK;
}

static pyr_status variadic_count(walk *w, int32_t *out, pyr_error *error) {
    if (w->variadic >= w->batch.variadic.count) {
        return corrupt("the message has fewer variadic buffer counts than the schema needs", error);
    }
    int64_t count = pyr_fb_vector_i64(w->batch.variadic, w->variadic, 8, 0);
    ++w->variadic;
    uint32_t left = w->batch.buffers.count > w->buffer ? w->batch.buffers.count - w->buffer : 0;
    if (count < 0 || count > left) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "variadic buffer count %lld",
                             (long long)count);
    }
    *out = (int32_t)count;
    return PYR_OK;
}

static pyr_status read_buffers(walk *w, const pyr_field *field, const pyr_layout *layout,
                               int64_t length, int64_t null_count, pyr_buffer **buffers,
                               int32_t variadic, pyr_error *error) {
    for (int32_t i = 0; i < layout->buffers_count; ++i) {
        pyr_buffer_kind kind = layout->buffers[i];
        if (kind == PYR_BUFFER_VALIDITY) {
            PYR_TRY(read_validity(w, field, null_count, &buffers[i], error));
            continue;
        }
        PYR_TRY(next_buffer(w, field, kind, &buffers[i], error));
        if (buffers[i] == NULL && length == 0 && is_offsets(kind)) {
            PYR_TRY(empty_offsets(&buffers[i], error));
        }
    }
    for (int32_t i = 0; i < variadic; ++i) {
        PYR_TRY(
            next_buffer(w, field, PYR_BUFFER_BYTES, &buffers[layout->buffers_count + i], error));
    }
    return PYR_OK;
}

static pyr_status next_node(walk *w, const pyr_field *field, int64_t *length, int64_t *null_count,
                            pyr_error *error) {
    if (w->node >= w->batch.nodes.count) {
        return corrupt("the message has fewer field nodes than the schema needs", error);
    }
    *length = pyr_fb_vector_i64(w->batch.nodes, w->node, 16, 0);
    *null_count = pyr_fb_vector_i64(w->batch.nodes, w->node, 16, 8);
    ++w->node;
    if (*length < 0 || *null_count < 0 || *null_count > *length) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "length %lld with %lld nulls",
                             (long long)*length, (long long)*null_count);
    }
    if (*length > w->read->limits->rows_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "length %lld, the limit is %lld",
                             (long long)*length, (long long)w->read->limits->rows_max);
    }
    if (field->type == PYR_TYPE_NULL) {
        *null_count = *length;
    }
    return PYR_OK;
}

/* *out is retained. A column of nulls may stand before its dictionary ("Dictionary Messages"): the
 * empty one stands in. */
static pyr_status find_dictionary(walk *w, int32_t ordinal, bool all_null, pyr_array **out,
                                  pyr_error *error) {
    const pyr_ipc_read *read = w->read;
    if (all_null && !pyr_ipc_dictionaries_has(read->dictionaries, ordinal)) {
        return pyr_array_create_null(read->schema->ordinals[ordinal].field->dictionary, 0,
                                     read->budget, out, error);
    }
    pyr_array *dictionary;
    PYR_TRY(pyr_ipc_dictionaries_get(read->dictionaries, read, ordinal, &dictionary, error));
    *out = pyr_array_retain(dictionary);
    return PYR_OK;
}

static pyr_status read_dictionary(walk *w, bool all_null, pyr_array **out, pyr_error *error) {
    int32_t ordinal = w->ordinal;
    w->ordinal = w->read->schema->ordinals[ordinal].end;
    if (w->read->lock == NULL) {
        return find_dictionary(w, ordinal, all_null, out, error);
    }
    pthread_mutex_lock(w->read->lock);
    pyr_status status = find_dictionary(w, ordinal, all_null, out, error);
    pthread_mutex_unlock(w->read->lock);
    return status;
}

static pyr_status read_array(walk *w, pyr_field *field, pyr_array **out, pyr_error *error);

static pyr_status read_children(walk *w, const pyr_field *field, pyr_array **children,
                                pyr_error *error) {
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_status status = read_array(w, field->children[i], &children[i], error);
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "\"%s\"", field->children[i]->name);
        }
    }
    return PYR_OK;
}

static pyr_status read_array(walk *w, pyr_field *field, pyr_array **out, pyr_error *error) {
    enum { ON_STACK = 4 };
    pyr_buffer *stack_buffers[ON_STACK] = {NULL};
    pyr_array *stack_children[ON_STACK] = {NULL};
    pyr_buffer **buffers = stack_buffers;
    pyr_array **children = stack_children;
    pyr_array *dictionary = NULL;
    int64_t length = 0, null_count = 0;
    int32_t variadic = 0;
    *out = NULL;
    PYR_TRY(next_node(w, field, &length, &null_count, error));
    if (is_union(field)) {
        if (w->v4) {
            PYR_TRY(skip_union_validity(w, &null_count, error));
        }
        null_count = 0;
    } else if (field->type == PYR_TYPE_RUN_END_ENCODED) {
        null_count = 0; /* it has no bitmap to say which */
    }
    pyr_layout layout = pyr_type_layout(field->type);
    if (layout.variadic) {
        PYR_TRY(variadic_count(w, &variadic, error));
    }
    int32_t count = layout.buffers_count + variadic;
    pyr_status status = PYR_OK;
    if (count > ON_STACK) {
        buffers = calloc((size_t)count, sizeof *buffers);
    }
    if (field->children_count > ON_STACK) {
        children = calloc((size_t)field->children_count, sizeof *children);
    }
    if (buffers == NULL || children == NULL) {
        status = pyr_error_memory(error, (size_t)count * sizeof *buffers);
        goto done;
    }
    status = read_buffers(w, field, &layout, length, null_count, buffers, variadic, error);
    if (status == PYR_OK) {
        status = read_children(w, field, children, error);
    }
    if (status == PYR_OK && field->type == PYR_TYPE_DICTIONARY) {
        status = read_dictionary(w, null_count == length, &dictionary, error);
    }
    if (status == PYR_OK) {
        status = pyr_array_create(field, length, 0, null_count, buffers, count, children,
                                  field->children_count, dictionary, out, error);
    }
done:
    for (int32_t i = 0; buffers != NULL && i < count; ++i) {
        pyr_buffer_release(buffers[i]);
    }
    for (int32_t i = 0; children != NULL && i < field->children_count; ++i) {
        pyr_array_release(children[i]);
    }
    if (buffers != stack_buffers) {
        free(buffers);
    }
    if (children != stack_children) {
        free(children);
    }
    pyr_array_release(dictionary);
    return status;
}

static pyr_status walk_init(walk *w, const pyr_ipc_read *read, pyr_ipc_head *head,
                            pyr_fb_table table, const pyr_ipc_source *source, pyr_error *error) {
    memset(w, 0, sizeof *w);
    w->read = read;
    w->source = source;
    w->v4 = head->version == PYR_IPC_V4;
    if ((uint64_t)head->body_bytes > source->body_bytes) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "the message announces a body of %lld bytes, there are %zu",
                             (long long)head->body_bytes, source->body_bytes);
    }
    w->body_bytes = source->body == NULL ? 0 : (size_t)head->body_bytes;
    return pyr_ipc_batch_head_read(table, read->limits, &w->batch, error);
}

static pyr_status check_faults(const pyr_ipc_source *source, pyr_error *error) {
    PYR_TRY(pyr_mapping_check(source->metadata->mapping, error));
    return source->body == NULL ? PYR_OK : pyr_mapping_check(source->body->mapping, error);
}

/* The counts before column index, those of views found by walking the variadic counts. */
static pyr_status seek_column(walk *w, int32_t index, pyr_error *error) {
    const pyr_ipc_column *column = &w->read->schema->columns[index];
    if (column->nodes > UINT32_MAX || column->buffers + column->unions > INT32_MAX) {
        return corrupt("the message has fewer buffers than the schema needs", error);
    }
    if (column->views > w->batch.variadic.count) {
        return corrupt("the message has fewer variadic buffer counts than the schema needs", error);
    }
    int64_t buffers = column->buffers + (w->v4 ? column->unions : 0);
    for (uint32_t i = 0; i < (uint32_t)column->views; ++i) {
        int64_t count = pyr_fb_vector_i64(w->batch.variadic, i, 8, 0);
        if (count < 0 || count > w->batch.buffers.count ||
            (buffers += count) > w->batch.buffers.count) {
            return corrupt("variadic buffer counts and buffers do not match", error);
        }
    }
    w->node = (uint32_t)column->nodes;
    w->buffer = (uint32_t)buffers;
    w->variadic = (uint32_t)column->views;
    w->ordinal = column->ordinals;
    return PYR_OK;
}

static pyr_status read_column(walk *w, int32_t index, pyr_array **out, pyr_error *error) {
    pyr_field *field = w->read->schema->schema->fields[index];
    pyr_status status = read_array(w, field, out, error);
    if (status == PYR_OK && (*out)->length != w->batch.rows) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT, "length %lld in a batch of %lld rows",
                               (long long)(*out)->length, (long long)w->batch.rows);
    }
    if (status == PYR_OK) {
        status = pyr_array_validate(*out, w->read->validation, error);
    }
    if (status != PYR_OK) {
        return pyr_error_context(error, status, "column \"%s\"", field->name);
    }
    return PYR_OK;
}

static pyr_status read_columns(walk *w, const int32_t *columns, int32_t count, pyr_array **out,
                               pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        int32_t index = columns == NULL ? i : columns[i];
        assert(index >= 0 && index < w->read->schema->schema->fields_count);
        if (columns != NULL) {
            PYR_TRY(seek_column(w, index, error));
        }
        PYR_TRY(read_column(w, index, &out[i], error));
    }
    if (columns == NULL &&
        (w->node != w->batch.nodes.count || w->buffer != w->batch.buffers.count)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "the message has %u field nodes and %u buffers, the schema needs %u "
                             "and %u",
                             w->batch.nodes.count, w->batch.buffers.count, w->node, w->buffer);
    }
    return PYR_OK;
}

pyr_status pyr_ipc_batch_read(const pyr_ipc_read *read, pyr_ipc_head *head,
                              const pyr_ipc_source *source, const int32_t *columns,
                              int32_t columns_count, pyr_batch **out, pyr_error *error) {
    pyr_schema *schema = NULL;
    pyr_metadata *metadata = NULL;
    *out = NULL;
    walk w;
    PYR_TRY(walk_init(&w, read, head, head->header, source, error));
    int32_t count = columns == NULL ? read->schema->schema->fields_count : columns_count;
    pyr_array **arrays = calloc((size_t)count + 1, sizeof *arrays);
    if (arrays == NULL) {
        return pyr_error_memory(error, ((size_t)count + 1) * sizeof *arrays);
    }
    pyr_status status = read_columns(&w, columns, count, arrays, error);
    if (status == PYR_OK && columns == NULL) {
        status = pyr_ipc_metadata_read(head->message, PYR_FBS_MESSAGE_METADATA, &metadata, error);
    }
    if (status == PYR_OK && columns != NULL) {
        status = pyr_schema_project(read->schema->schema, columns, count, &schema, error);
    } else if (status == PYR_OK) {
        schema = pyr_schema_retain(read->schema->schema);
    }
    if (status == PYR_OK) {
        status = check_faults(source, error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, w.batch.rows, arrays, count, metadata, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(arrays[i]);
    }
    free(arrays);
    pyr_schema_release(schema);
    pyr_metadata_release(metadata);
    pyr_ipc_codec_deinit(&w.codec);
    return status;
}

pyr_status pyr_ipc_dictionary_read(const pyr_ipc_read *read, pyr_ipc_head *head,
                                   const pyr_ipc_source *source, int32_t ordinal, pyr_array **out,
                                   pyr_error *error) {
    *out = NULL;
    pyr_fb_table table = pyr_fb_child(head->header, PYR_FBS_DICTIONARY_DATA);
    if (pyr_fb_is_null(table)) {
        return corrupt("a dictionary batch without data", error);
    }
    walk w;
    PYR_TRY(walk_init(&w, read, head, table, source, error));
    w.ordinal = ordinal + 1;
    pyr_array *array = NULL;
    pyr_status status =
        read_array(&w, read->schema->ordinals[ordinal].field->dictionary, &array, error);
    if (status == PYR_OK && array->length != w.batch.rows) {
        status = corrupt("length of a dictionary and of its batch differ", error);
    }
    if (status == PYR_OK) {
        status = pyr_array_validate(array, read->validation, error);
    }
    if (status == PYR_OK) {
        status = check_faults(source, error);
    }
    pyr_ipc_codec_deinit(&w.codec);
    if (status != PYR_OK) {
        pyr_array_release(array);
        return status;
    }
    *out = array;
    return PYR_OK;
}
