/* builder_internal.h - a builder's parts, shared by builder.c (structure) and builder_values.c
 * (values). */
#ifndef PYR_ARROW_BUILDER_INTERNAL_H
#define PYR_ARROW_BUILDER_INTERNAL_H

#include "arrow/arrow_internal.h"
#include "arrow/builder.h"

/* A buffer that grows by doubling until it is handed over. */
typedef struct growing {
    pyr_buffer *buffer; /* NULL while nothing was written */
    size_t used_bytes;
} growing;

struct pyr_builder {
    pyr_field *field;
    pyr_budget *budget;
    int64_t length;
    int64_t null_count;
    growing validity; /* bits; written from the first null on */
    growing data;     /* values, views, offsets, type codes */
    growing sizes;    /* list views: sizes; dense unions: offsets */
    growing bytes;    /* text and bytes; the current variadic buffer of views */
    pyr_buffer **variadic;
    int32_t variadic_count;
    int64_t child_taken; /* lists: values of the child that belong to a closed parent */
    int32_t children_count;
    pyr_builder **children;
};

/* `size_bytes` more bytes at the end, zeroed; *out is where they are, until the next call (NULL
 * only where nothing was asked for and nothing written before). */
PYR_MUST_CHECK pyr_status pyr_builder_extend(pyr_builder *builder, growing *target,
                                             size_t size_bytes, uint8_t **out, pyr_error *error);
/* Counts one slot; its other buffers are written already. */
PYR_MUST_CHECK pyr_status pyr_builder_slot(pyr_builder *builder, bool valid, pyr_error *error);
/* An offset or size of the field's width. LIMIT when it passes 32 bits. */
PYR_MUST_CHECK pyr_status pyr_builder_offset(pyr_builder *builder, growing *target, int64_t value,
                                             pyr_error *error);
/* One empty slot of a layout without children, for a null. */
PYR_MUST_CHECK pyr_status pyr_builder_empty_value(pyr_builder *builder, pyr_error *error);

#endif
