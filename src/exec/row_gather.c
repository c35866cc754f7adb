/* row_gather.c - rows of many batches, in any order, as dense vectors: what sorts and joins give.
 */
#include "exec/sort_key.h"

#include <stdlib.h>
#include <string.h>

/* Where a column of a batch lies. */
typedef struct span {
    const uint8_t *values; /* STRING: offsets */
    const uint8_t *bytes;  /* STRING */
    const uint8_t *validity;
    int64_t offset; /* of the array: values are already moved by it, bits not */
} span;

struct pyr_row_gather {
    pyr_arena arena;
    int32_t columns_count;
    size_t batches_count;
    span *spans; /* column by column: [column * batches_count + batch] */
    pyr_physical *physicals;
    pyr_vector_buffer *buffers;
};

static void set_span(const pyr_array *array, pyr_physical physical, span *out) {
    const pyr_buffer *validity = array->buffers[0];
    const pyr_buffer *values = array->buffers[1];
    out->offset = array->offset;
    out->validity = validity != NULL && array->null_count != 0 ? validity->data : NULL;
    out->values = values != NULL ? values->data : NULL;
    if (physical == PYR_PHYSICAL_STRING) {
        out->values += (size_t)array->offset * sizeof(int32_t);
        out->bytes = array->buffers[2] != NULL ? array->buffers[2]->data : NULL;
    } else if (physical != PYR_PHYSICAL_BIT && out->values != NULL) {
        out->values += (size_t)array->offset * pyr_physical_bytes(physical);
    }
}

pyr_status pyr_row_gather_create(pyr_batch *const *batches, size_t count,
                                 const pyr_plan_column *types, int32_t columns_count,
                                 pyr_budget *budget, pyr_row_gather **out, pyr_error *error) {
    *out = NULL;
    size_t columns = (size_t)columns_count;
    pyr_row_gather *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    pyr_arena_init(&self->arena, budget);
    self->columns_count = columns_count;
    self->batches_count = count;
    self->spans = pyr_arena_array(&self->arena, columns * count + 1, sizeof(*self->spans));
    self->physicals = pyr_arena_array(&self->arena, columns + 1, sizeof(*self->physicals));
    self->buffers = pyr_arena_array(&self->arena, columns + 1, sizeof(*self->buffers));
    pyr_status status = self->spans != NULL && self->physicals != NULL && self->buffers != NULL
                            ? PYR_OK
                            : pyr_arena_error(&self->arena, error);
    for (size_t c = 0; c < columns && status == PYR_OK; ++c) {
        self->physicals[c] = pyr_sql_type_physical(types[c].type);
        for (size_t b = 0; b < count; ++b) {
            set_span(batches[b]->columns[c], self->physicals[c], &self->spans[c * count + b]);
        }
        status = pyr_vector_buffer_init(&self->buffers[c], self->physicals[c], &self->arena, error);
    }
    if (status != PYR_OK) {
        pyr_row_gather_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

void pyr_row_gather_destroy(pyr_row_gather *gather) {
    if (gather != NULL) {
        pyr_arena_deinit(&gather->arena);
        free(gather);
    }
}

#define GATHER(TYPE)                                                                      \
    do {                                                                                  \
        TYPE *to = buffer->data;                                                          \
        for (int32_t i = 0; i < count; ++i) {                                             \
            if (batches[i] != UINT32_MAX) {                                               \
                memcpy(&to[i], spans[batches[i]].values + (size_t)rows[i] * sizeof(TYPE), \
                       sizeof(TYPE));                                                     \
            }                                                                             \
        }                                                                                 \
    } while (0)

static void gather_bits(const span *spans, const uint32_t *batches, const uint32_t *rows,
                        int32_t count, uint64_t *to) {
    memset(to, 0, PYR_VECTOR_WORDS * sizeof(*to));
    for (int32_t i = 0; i < count; ++i) {
        if (batches[i] != UINT32_MAX &&
            pyr_bit_get(spans[batches[i]].values, spans[batches[i]].offset + rows[i])) {
            to[i >> 6] |= UINT64_C(1) << (i & 63);
        }
    }
}

static void gather_strings(const span *spans, const uint32_t *batches, const uint32_t *rows,
                           int32_t count, pyr_string *to) {
    for (int32_t i = 0; i < count; ++i) {
        if (batches[i] == UINT32_MAX) {
            to[i] = (pyr_string){NULL, 0};
            continue;
        }
        const span *from = &spans[batches[i]];
        const int32_t *offsets = (const int32_t *)(const void *)from->values + rows[i];
        to[i] = (pyr_string){from->bytes + offsets[0], (uint64_t)(offsets[1] - offsets[0])};
    }
}

static void gather_values(pyr_physical physical, const span *spans, const uint32_t *batches,
                          const uint32_t *rows, int32_t count, pyr_vector_buffer *buffer) {
    switch (physical) {
    case PYR_PHYSICAL_BIT:
        gather_bits(spans, batches, rows, count, buffer->data);
        break;
    case PYR_PHYSICAL_STRING:
        gather_strings(spans, batches, rows, count, buffer->data);
        break;
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_U8:
        GATHER(uint8_t);
        break;
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_U16:
        GATHER(uint16_t);
        break;
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_U32:
    case PYR_PHYSICAL_F32:
        GATHER(uint32_t);
        break;
    case PYR_PHYSICAL_I128:
    case PYR_PHYSICAL_INTERVAL:
        GATHER(pyr_interval);
        break;
    default:
        GATHER(uint64_t);
        break;
    }
}

/* Whether a row is NULL; the validity is written only then. */
static bool gather_validity(const span *spans, const uint32_t *batches, const uint32_t *rows,
                            int32_t count, uint64_t *validity) {
    bool any = false;
    memset(validity, 0xff, PYR_VECTOR_WORDS * sizeof(*validity));
    for (int32_t i = 0; i < count; ++i) {
        bool null = batches[i] == UINT32_MAX;
        if (!null) {
            const span *from = &spans[batches[i]];
            null = from->validity != NULL && !pyr_bit_get(from->validity, from->offset + rows[i]);
        }
        if (null) {
            validity[i >> 6] &= ~(UINT64_C(1) << (i & 63));
            any = true;
        }
    }
    return any;
}

void pyr_row_gather_rows(pyr_row_gather *gather, const uint32_t *batches, const uint32_t *rows,
                         int32_t count, pyr_vector *out) {
    for (int32_t c = 0; c < gather->columns_count; ++c) {
        const span *spans = gather->spans + (size_t)c * gather->batches_count;
        pyr_vector_buffer *buffer = &gather->buffers[c];
        gather_values(gather->physicals[c], spans, batches, rows, count, buffer);
        bool nulls = gather_validity(spans, batches, rows, count, buffer->validity);
        out[c] = (pyr_vector){.physical = gather->physicals[c],
                              .data = buffer->data,
                              .validity = nulls ? buffer->validity : NULL};
    }
}
