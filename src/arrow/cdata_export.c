/* cdata_export.c - arrays and batches to the C Data Interface, by reference; see cdata.h.
 *
 * Every exported struct, children too, holds its own reference of its array: a consumer may move a
 * child away and release it later than its parent ("Moving child arrays"). */
#include "arrow/cdata_internal.h"

#include <assert.h>

/* For buffers of arrays without rows: consumers take a NULL there for a fault, and an offsets
 * buffer has its first zero. */
static const int64_t ZEROES[8] = {0};

/* One allocation each, with the memory of what it points to behind it. */
typedef struct exported_array {
    pyr_array *array; /* retained; NULL for a batch */
    pyr_batch *batch; /* retained; NULL for an array */
    const void **buffers;
    int64_t *variadic_sizes; /* NULL: none */
    int64_t children_count;  /* of those that are made */
    struct ArrowArray *children_memory;
    struct ArrowArray **children;
    struct ArrowArray dictionary;
} exported_array;

static pyr_status create_exported(size_t buffers, size_t variadic, size_t children,
                                  exported_array **out, pyr_error *error) {
    size_t size = sizeof(**out) + buffers * sizeof(void *) + variadic * sizeof(int64_t) +
                  children * (sizeof(struct ArrowArray) + sizeof(struct ArrowArray *));
    exported_array *self = calloc(1, size);
    *out = self;
    if (self == NULL) {
        return pyr_error_memory(error, size);
    }
    self->children_memory = (struct ArrowArray *)(self + 1);
    self->children = (struct ArrowArray **)(self->children_memory + children);
    self->buffers = (const void **)(self->children + children);
    self->variadic_sizes = variadic > 0 ? (int64_t *)(self->buffers + buffers) : NULL;
    return PYR_OK;
}

static void release_if_held(struct ArrowArray *array) {
    if (array->release != NULL) {
        array->release(array);
    }
}

static void release_array(struct ArrowArray *array) {
    exported_array *self = array->private_data;
    for (int64_t i = 0; i < self->children_count; ++i) {
        release_if_held(self->children[i]);
    }
    release_if_held(&self->dictionary);
    pyr_array_release(self->array);
    pyr_batch_release(self->batch);
    free(self);
    array->release = NULL;
}

static pyr_status export_array(pyr_array *array, struct ArrowArray *out, pyr_error *error);

static pyr_status export_children(exported_array *self, pyr_array *const *arrays, int32_t count,
                                  pyr_error *error) {
    for (int32_t i = 0; i < count; ++i) {
        self->children[i] = &self->children_memory[i];
        self->children_count = i + 1;
        PYR_TRY(export_array(arrays[i], self->children[i], error));
    }
    return PYR_OK;
}

/* The layout's buffers, then variadic ones and their sizes. Gives how many there are. */
static int64_t export_buffers(exported_array *self, const pyr_array *array, pyr_layout layout) {
    int64_t count = array->buffers_count;
    for (int32_t i = 0; i < array->buffers_count; ++i) {
        const uint8_t *data = array_data(array, i);
        bool may_be_null = i < layout.buffers_count && layout.buffers[i] == PYR_BUFFER_VALIDITY;
        self->buffers[i] = data != NULL || may_be_null ? (const void *)data : ZEROES;
    }
    if (layout.variadic) {
        for (int32_t i = layout.buffers_count; i < array->buffers_count; ++i) {
            self->variadic_sizes[i - layout.buffers_count] =
                array_data(array, i) != NULL ? (int64_t)array->buffers[i]->size_bytes : 0;
        }
        self->buffers[count++] = self->variadic_sizes;
    }
    return count;
}

static pyr_status finish_export(exported_array *self, struct ArrowArray facts, pyr_status status,
                                struct ArrowArray *out) {
    *out = facts;
    out->n_children = self->children_count;
    out->buffers = self->buffers;
    out->children = self->children;
    out->release = release_array;
    out->private_data = self;
    if (status != PYR_OK) {
        release_array(out);
        *out = (struct ArrowArray){0};
    }
    return status;
}

static int64_t exported_null_count(const pyr_array *array) {
    if (array->field->type != PYR_TYPE_NULL && pyr_array_validity(array) == NULL) {
        return 0;
    }
    return atomic_load_explicit(&((pyr_array *)array)->null_count, memory_order_relaxed);
}

static pyr_status export_array(pyr_array *array, struct ArrowArray *out, pyr_error *error) {
    exported_array *self = NULL;
    pyr_layout layout = pyr_type_layout(array->field->type);
    size_t buffers = (size_t)array->buffers_count;
    *out = (struct ArrowArray){0};
    PYR_TRY(create_exported(buffers + 1, layout.variadic ? buffers : 0,
                            (size_t)array->children_count, &self, error));
    self->array = pyr_array_retain(array);
    struct ArrowArray facts = {
        .length = array->length,
        .null_count = exported_null_count(array),
        .offset = array->offset,
        .dictionary = array->dictionary != NULL ? &self->dictionary : NULL,
    };
    facts.n_buffers = export_buffers(self, array, layout);
    pyr_status status = export_children(self, array->children, array->children_count, error);
    if (status == PYR_OK && array->dictionary != NULL) {
        status = export_array(array->dictionary, &self->dictionary, error);
    }
    return finish_export(self, facts, status, out);
}

pyr_status pyr_array_export(pyr_array *array, struct ArrowArray *out, pyr_error *error) {
    return export_array(array, out, error);
}

pyr_status pyr_batch_export(pyr_batch *batch, struct ArrowArray *out, pyr_error *error) {
    *out = (struct ArrowArray){0};
    assert(batch->selection == NULL);
    exported_array *self = NULL;
    PYR_TRY(create_exported(1, 0, (size_t)batch->columns_count, &self, error));
    self->batch = pyr_batch_retain(batch);
    /* No validity: no row is null as a whole. */
    struct ArrowArray facts = {.length = batch->rows, .n_buffers = 1};
    pyr_status status = export_children(self, batch->columns, batch->columns_count, error);
    return finish_export(self, facts, status, out);
}
