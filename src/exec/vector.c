/* vector.c - views of arrays as vectors, and the list of a chunk's rows. */
#include "exec/vector.h"

#include <stdatomic.h>
#include <string.h>

const uint16_t *pyr_chunk_rows(pyr_chunk *chunk, uint16_t *room) {
    if (chunk->list != NULL) {
        return chunk->list;
    }
    if (chunk->mask != NULL) {
        (void)pyr_kernels_get()->mask_to_rows(chunk->mask, chunk->rows, room);
    } else {
        for (int32_t i = 0; i < chunk->rows; ++i) {
            room[i] = (uint16_t)i;
        }
    }
    chunk->list = room;
    return room;
}

/* Bits [first, first + rows) as words: where they lie, or moved to room. */
static const uint64_t *bits_view(const pyr_buffer *buffer, int64_t first, int32_t rows,
                                 uint64_t *room) {
    size_t end = (size_t)(((first + rows + 63) >> 6) << 3);
    if ((first & 63) == 0 && ((uintptr_t)buffer->data & 7) == 0 && end <= buffer->size_bytes) {
        return (const uint64_t *)(const void *)(buffer->data + (first >> 3));
    }
    pyr_kernels_get()->bits_align(buffer->data, first, rows, room);
    return room;
}

static pyr_physical physical_of(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_BOOL:
        return PYR_PHYSICAL_BIT;
    case PYR_TYPE_INT8:
        return PYR_PHYSICAL_I8;
    case PYR_TYPE_INT16:
        return PYR_PHYSICAL_I16;
    case PYR_TYPE_INT64:
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
        return PYR_PHYSICAL_I64;
    case PYR_TYPE_UINT8:
        return PYR_PHYSICAL_U8;
    case PYR_TYPE_UINT16:
        return PYR_PHYSICAL_U16;
    case PYR_TYPE_UINT32:
        return PYR_PHYSICAL_U32;
    case PYR_TYPE_UINT64:
        return PYR_PHYSICAL_U64;
    case PYR_TYPE_FLOAT32:
        return PYR_PHYSICAL_F32;
    case PYR_TYPE_FLOAT64:
        return PYR_PHYSICAL_F64;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_BINARY:
        return PYR_PHYSICAL_STRING;
    case PYR_TYPE_DECIMAL128:
        return PYR_PHYSICAL_I128;
    case PYR_TYPE_INTERVAL_MONTH_DAY_NANO:
        return PYR_PHYSICAL_INTERVAL;
    default:
        return PYR_PHYSICAL_I32; /* INT32, DATE32, NULL */
    }
}

/* Arrow's offsets and bytes; an array without rows may have no buffers. */
static void strings_view(const pyr_array *array, int64_t first, pyr_vector *out) {
    static const int32_t none[1] = {0};
    const pyr_buffer *offsets = array->buffers[1], *bytes = array->buffers[2];
    out->offsets = none;
    if (offsets != NULL && offsets->data != NULL) {
        out->offsets = (const int32_t *)(const void *)offsets->data + first;
    }
    out->bytes = bytes != NULL ? bytes->data : NULL;
    out->bytes_readable = bytes != NULL ? (int64_t)bytes->size_bytes : 0;
}

void pyr_vector_of_array(const pyr_array *array, int64_t first, int32_t rows, uint64_t *room,
                         pyr_vector *out) {
    memset(out, 0, sizeof *out);
    out->physical = physical_of(array->field);
    out->array = (pyr_array *)array;
    out->array_row = first;
    int64_t at = array->offset + first;
    if (array->field->type == PYR_TYPE_NULL) {
        static const int32_t zero[1] = {0};
        room[0] = 0;
        out->constant = true;
        out->data = zero;
        out->validity = room;
        return;
    }
    const pyr_buffer *validity = array->buffers[0];
    if (validity != NULL && validity->data != NULL && rows > 0 &&
        atomic_load_explicit(&array->null_count, memory_order_relaxed) != 0) {
        out->validity = bits_view(validity, at, rows, room);
    }
    const pyr_buffer *values = array->buffers[1];
    if (out->physical == PYR_PHYSICAL_STRING) {
        strings_view(array, at, out);
    } else if (values == NULL || values->data == NULL) {
        out->data = room; /* no rows */
    } else if (out->physical == PYR_PHYSICAL_BIT) {
        out->data = bits_view(values, at, rows, room + PYR_VECTOR_WORDS);
    } else {
        out->data = values->data + (size_t)at * pyr_physical_bytes(out->physical);
    }
}

pyr_status pyr_vector_buffer_init(pyr_vector_buffer *buffer, pyr_physical physical,
                                  pyr_arena *arena, pyr_error *error) {
    size_t size = physical == PYR_PHYSICAL_BIT ? PYR_VECTOR_WORDS * 8
                                               : PYR_VECTOR_ROWS * pyr_physical_bytes(physical);
    uint8_t *memory = pyr_arena_alloc_uncleared(arena, size + 64 + 64 + PYR_VECTOR_WORDS * 8);
    if (memory == NULL) {
        return pyr_arena_error(arena, error);
    }
    memory += (64 - ((uintptr_t)memory & 63)) & 63;
    buffer->validity = (uint64_t *)(void *)memory;
    buffer->data = memory + PYR_VECTOR_WORDS * 8;
    memset(buffer->validity, 0, PYR_VECTOR_WORDS * 8);
    if (physical == PYR_PHYSICAL_STRING) { /* rather no text than one that lies anywhere */
        memset(buffer->data, 0, size);
    }
    return PYR_OK;
}
