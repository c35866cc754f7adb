/* builder.c - the structure of arrays under construction: slots, nesting, handing over. Values:
 * builder_values.c. Invariant between calls: every buffer holds exactly `length` slots, offsets
 * buffers one more once anything was written. */
#include "arrow/builder_internal.h"

#include <assert.h>

/* ---- Creation. ---- */

static pyr_status create_children(pyr_builder *builder, pyr_error *error) {
    size_t count = (size_t)builder->field->children_count;
    builder->children = calloc(count + 1, sizeof(*builder->children));
    if (builder->children == NULL) {
        return pyr_error_memory(error, count * sizeof(*builder->children));
    }
    builder->children_count = (int32_t)count;
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(pyr_builder_create(builder->field->children[i], builder->budget,
                                   &builder->children[i], error));
    }
    return PYR_OK;
}

pyr_status pyr_builder_create(pyr_field *field, pyr_budget *budget, pyr_builder **out,
                              pyr_error *error) {
    *out = NULL;
    if (field->type == PYR_TYPE_DICTIONARY || field->type == PYR_TYPE_RUN_END_ENCODED) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "field \"%s\": values of type %s cannot be built one by one",
                             field->name, pyr_type_name(field->type));
    }
    pyr_builder *builder = calloc(1, sizeof(*builder));
    if (builder == NULL) {
        return pyr_error_memory(error, sizeof(*builder));
    }
    builder->field = pyr_field_retain(field);
    builder->budget = pyr_budget_retain(budget);
    pyr_status status = create_children(builder, error);
    if (status != PYR_OK) {
        pyr_builder_destroy(builder);
        builder = NULL;
    }
    *out = builder;
    return status;
}

static void forget_growing(growing *target) {
    pyr_buffer_release(target->buffer);
    *target = (growing){0};
}

/* Back to an empty builder; children are left alone. */
static void forget(pyr_builder *builder) {
    forget_growing(&builder->validity);
    forget_growing(&builder->data);
    forget_growing(&builder->sizes);
    forget_growing(&builder->bytes);
    for (int32_t i = 0; i < builder->variadic_count; ++i) {
        pyr_buffer_release(builder->variadic[i]);
    }
    free(builder->variadic);
    builder->variadic = NULL;
    builder->variadic_count = 0;
    builder->length = 0;
    builder->null_count = 0;
    builder->child_taken = 0;
}

void pyr_builder_destroy(pyr_builder *builder) {
    if (builder == NULL) {
        return;
    }
    forget(builder);
    for (int32_t i = 0; i < builder->children_count; ++i) {
        pyr_builder_destroy(builder->children[i]);
    }
    free(builder->children);
    pyr_field_release(builder->field);
    pyr_budget_release(builder->budget);
    free(builder);
}

int64_t pyr_builder_length(const pyr_builder *builder) {
    return builder->length;
}

pyr_builder *pyr_builder_child(pyr_builder *builder, int32_t index) {
    assert(index >= 0 && index < builder->children_count);
    return builder->children[index];
}

/* ---- Growing. ---- */

static pyr_status reserve(pyr_builder *builder, growing *target, size_t needed, pyr_error *error) {
    size_t capacity = target->buffer != NULL ? target->buffer->size_bytes : 0;
    if (needed <= capacity) {
        return PYR_OK;
    }
    capacity = capacity == 0 ? 64 : capacity;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2) {
            return pyr_error_memory(error, needed);
        }
        capacity *= 2;
    }
    pyr_buffer *larger = NULL;
    PYR_TRY(pyr_buffer_create(capacity, builder->budget, &larger, error));
    if (target->buffer != NULL) {
        memcpy(pyr_buffer_mutable(larger), target->buffer->data, target->used_bytes);
    }
    pyr_buffer_release(target->buffer);
    target->buffer = larger;
    return PYR_OK;
}

pyr_status pyr_builder_extend(pyr_builder *builder, growing *target, size_t size_bytes,
                              uint8_t **out, pyr_error *error) {
    size_t needed;
    if (__builtin_add_overflow(target->used_bytes, size_bytes, &needed)) {
        return pyr_error_memory(error, size_bytes);
    }
    PYR_TRY(reserve(builder, target, needed, error));
    *out = target->buffer != NULL ? pyr_buffer_mutable(target->buffer) + target->used_bytes : NULL;
    target->used_bytes = needed;
    return PYR_OK;
}

pyr_status pyr_builder_slot(pyr_builder *builder, bool valid, pyr_error *error) {
    if (!pyr_type_has_validity(builder->field->type)) {
        builder->length += 1;
        return PYR_OK;
    }
    if (!valid || builder->validity.buffer != NULL) {
        bool first = builder->validity.buffer == NULL;
        size_t size = (size_t)pyr_bits_size_bytes(builder->length + 1);
        PYR_TRY(reserve(builder, &builder->validity, size, error));
        builder->validity.used_bytes = size;
        uint8_t *bits = pyr_buffer_mutable(builder->validity.buffer);
        if (first) {
            pyr_bits_fill(bits, 0, builder->length, true);
        }
        pyr_bit_put(bits, builder->length, valid);
    }
    builder->length += 1;
    builder->null_count += !valid;
    return PYR_OK;
}

pyr_status pyr_builder_offset(pyr_builder *builder, growing *target, int64_t value,
                              pyr_error *error) {
    bool is_64 = pyr_type_is_large(builder->field->type);
    if (!is_64 && value > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "field \"%s\": %s holds at most %d bytes or values in one array",
                             builder->field->name, pyr_type_name(builder->field->type), INT32_MAX);
    }
    size_t width = is_64 ? 8 : 4;
    uint8_t *place = NULL;
    PYR_TRY(pyr_builder_extend(builder, target, width, &place, error));
    assert(place != NULL);
    memcpy(place, &value, width); /* little-endian: the low bytes */
    return PYR_OK;
}

/* The leading zero of an offsets buffer. */
static pyr_status first_offset(pyr_builder *builder, pyr_error *error) {
    return builder->data.used_bytes == 0 ? pyr_builder_offset(builder, &builder->data, 0, error)
                                         : PYR_OK;
}

/* ---- Nesting. ---- */

static pyr_status misuse(const pyr_builder *builder, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "field \"%s\": %s: %s",
                         builder->field->name, pyr_type_name(builder->field->type), what);
}

static pyr_status close_list(pyr_builder *builder, bool valid, pyr_error *error) {
    int64_t start = builder->child_taken;
    int64_t end = builder->children[0]->length;
    if (pyr_type_is_list_view(builder->field->type)) {
        PYR_TRY(pyr_builder_offset(builder, &builder->data, start, error));
        PYR_TRY(pyr_builder_offset(builder, &builder->sizes, end - start, error));
    } else {
        PYR_TRY(first_offset(builder, error));
        PYR_TRY(pyr_builder_offset(builder, &builder->data, end, error));
    }
    builder->child_taken = end;
    return pyr_builder_slot(builder, valid, error);
}

/* STRUCT and FIXED_SIZE_LIST: every child has as many values as the closed parents need. */
static pyr_status close_fixed(pyr_builder *builder, bool valid, pyr_error *error) {
    int64_t each = builder->field->type == PYR_TYPE_FIXED_SIZE_LIST ? builder->field->list_size : 1;
    for (int32_t i = 0; i < builder->children_count; ++i) {
        if (builder->children[i]->length != (builder->length + 1) * each) {
            return misuse(builder, "a child has not got the values of one parent", error);
        }
    }
    return pyr_builder_slot(builder, valid, error);
}

pyr_status pyr_builder_close(pyr_builder *builder, pyr_error *error) {
    switch (builder->field->type) {
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_MAP:
        return close_list(builder, true, error);
    case PYR_TYPE_STRUCT:
    case PYR_TYPE_FIXED_SIZE_LIST:
        return close_fixed(builder, true, error);
    default:
        return misuse(builder, "is not closed this way", error);
    }
}

pyr_status pyr_builder_union_close(pyr_builder *builder, int32_t child, pyr_error *error) {
    bool dense = builder->field->type == PYR_TYPE_DENSE_UNION;
    if (!dense && builder->field->type != PYR_TYPE_SPARSE_UNION) {
        return misuse(builder, "is not a union", error);
    }
    if (child < 0 || child >= builder->children_count) {
        return misuse(builder, "has no such child", error);
    }
    int64_t values = builder->children[child]->length;
    if (values == 0 || (!dense && values != builder->length + 1)) {
        return misuse(builder, "the child has not got the value", error);
    }
    /* The children of a sparse union are all as long as it: the others get a null. */
    for (int32_t i = 0; !dense && i < builder->children_count; ++i) {
        if (builder->children[i]->length == builder->length) {
            PYR_TRY(pyr_builder_null(builder->children[i], error));
        }
    }
    uint8_t *code = NULL;
    PYR_TRY(pyr_builder_extend(builder, &builder->data, 1, &code, error));
    assert(code != NULL);
    *code = (uint8_t)builder->field->type_codes[child];
    if (dense) {
        PYR_TRY(pyr_builder_offset(builder, &builder->sizes, values - 1, error));
    }
    return pyr_builder_slot(builder, true, error);
}

static pyr_status null_children(pyr_builder *builder, int64_t each, pyr_error *error) {
    for (int32_t i = 0; i < builder->children_count; ++i) {
        for (int64_t k = 0; k < each; ++k) {
            PYR_TRY(pyr_builder_null(builder->children[i], error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_builder_null(pyr_builder *builder, pyr_error *error) {
    switch (builder->field->type) {
    case PYR_TYPE_LIST:
    case PYR_TYPE_LARGE_LIST:
    case PYR_TYPE_LIST_VIEW:
    case PYR_TYPE_LARGE_LIST_VIEW:
    case PYR_TYPE_MAP:
        if (builder->children[0]->length != builder->child_taken) {
            return misuse(builder, "values were appended to the child of a null", error);
        }
        return close_list(builder, false, error);
    case PYR_TYPE_FIXED_SIZE_LIST:
        PYR_TRY(null_children(builder, builder->field->list_size, error));
        return close_fixed(builder, false, error);
    case PYR_TYPE_STRUCT:
        PYR_TRY(null_children(builder, 1, error));
        return close_fixed(builder, false, error);
    case PYR_TYPE_SPARSE_UNION:
    case PYR_TYPE_DENSE_UNION:
        if (builder->children_count == 0) {
            return misuse(builder, "has no child that could be null", error);
        }
        PYR_TRY(pyr_builder_null(builder->children[0], error));
        return pyr_builder_union_close(builder, 0, error);
    case PYR_TYPE_NULL:
        builder->length += 1;
        builder->null_count += 1;
        return PYR_OK;
    default:
        PYR_TRY(pyr_builder_empty_value(builder, error));
        return pyr_builder_slot(builder, false, error);
    }
}

/* ---- Handing over. ---- */

static void settle(growing *target) {
    if (target->buffer != NULL) {
        pyr_buffer_set_size(target->buffer, target->used_bytes);
    }
}

static void place_buffers(pyr_builder *builder, pyr_buffer **buffers) {
    pyr_layout layout = pyr_type_layout(builder->field->type);
    settle(&builder->validity);
    settle(&builder->data);
    settle(&builder->sizes);
    settle(&builder->bytes);
    for (int32_t i = 0; i < layout.buffers_count; ++i) {
        switch (layout.buffers[i]) {
        case PYR_BUFFER_VALIDITY:
            buffers[i] = builder->validity.buffer;
            break;
        case PYR_BUFFER_UNION_OFFSETS:
        case PYR_BUFFER_SIZES32:
        case PYR_BUFFER_SIZES64:
            buffers[i] = builder->sizes.buffer;
            break;
        case PYR_BUFFER_BYTES:
            buffers[i] = builder->bytes.buffer;
            break;
        default:
            buffers[i] = builder->data.buffer;
            break;
        }
    }
    for (int32_t i = 0; i < builder->variadic_count; ++i) {
        buffers[layout.buffers_count + i] = builder->variadic[i];
    }
    if (layout.variadic && builder->bytes.buffer != NULL) {
        buffers[layout.buffers_count + builder->variadic_count] = builder->bytes.buffer;
    }
}

static pyr_status finish_children(pyr_builder *builder, pyr_array **children, pyr_error *error) {
    bool is_list = builder->field->type != PYR_TYPE_STRUCT && builder->children_count == 1 &&
                   pyr_type_layout(builder->field->type).buffers[0] == PYR_BUFFER_VALIDITY &&
                   builder->field->type != PYR_TYPE_FIXED_SIZE_LIST;
    if (is_list && builder->children[0]->length != builder->child_taken) {
        return misuse(builder, "the child has values of no closed parent", error);
    }
    for (int32_t i = 0; i < builder->children_count; ++i) {
        PYR_TRY(pyr_builder_finish(builder->children[i], &children[i], error));
    }
    return PYR_OK;
}

pyr_status pyr_builder_finish(pyr_builder *builder, pyr_array **out, pyr_error *error) {
    *out = NULL;
    pyr_layout layout = pyr_type_layout(builder->field->type);
    int32_t buffers_count = layout.buffers_count + builder->variadic_count +
                            (layout.variadic && builder->bytes.buffer != NULL ? 1 : 0);
    pyr_buffer **buffers = calloc((size_t)buffers_count + 1, sizeof(*buffers));
    pyr_array **children = calloc((size_t)builder->children_count + 1, sizeof(*children));
    pyr_status status = buffers != NULL && children != NULL
                            ? finish_children(builder, children, error)
                            : pyr_error_memory(error, (size_t)buffers_count * sizeof(*buffers));
    if (status == PYR_OK) {
        place_buffers(builder, buffers);
        status =
            pyr_array_create(builder->field, builder->length, 0, builder->null_count, buffers,
                             buffers_count, children, builder->children_count, NULL, out, error);
    }
    for (int32_t i = 0; children != NULL && i < builder->children_count; ++i) {
        pyr_array_release(children[i]);
    }
    free(children);
    free(buffers);
    forget(builder);
    return status;
}
