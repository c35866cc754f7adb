/* gather_internal.h - shared by gather.c (flat layouts), gather_nested.c (children) and
 * gather_encoded.c (dictionaries, runs). */
#ifndef PYR_ARROW_GATHER_INTERNAL_H
#define PYR_ARROW_GATHER_INTERNAL_H

#include "arrow/arrow_internal.h"

/* One gathering of one level: what comes in, and the parts of what goes out. */
typedef struct gathering {
    const pyr_gather *gather;
    pyr_field *field;
    const pyr_piece *pieces;
    size_t count;
    int64_t length;      /* of all pieces together */
    bool has_null_piece; /* some piece is nulls without an array */
    int64_t null_count;
    pyr_buffer **buffers; /* the layout's, then variadic ones */
    int32_t buffers_count;
    pyr_array **children; /* field->children_count of them */
    pyr_array *dictionary;
} gathering;

/* A list of pieces under construction; a piece that continues the one before it joins it. */
typedef struct piece_list {
    pyr_piece *pieces;
    size_t count, capacity;
} piece_list;
PYR_MUST_CHECK pyr_status pyr_pieces_add(piece_list *list, pyr_array *array, int64_t start,
                                         int64_t length, pyr_error *error);

/* A buffer of the result, counted in the ledger as written: zeroed where nulls without an array
 * leave their slots as they are, else raw, for callers that write every byte. */
PYR_MUST_CHECK pyr_status pyr_gather_buffer(gathering *g, int32_t place, size_t size_bytes,
                                            bool zeroed, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_gather_limit(const gathering *g, const char *what, pyr_error *error);

PYR_MUST_CHECK pyr_status pyr_gather_list(gathering *g, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_gather_list_view(gathering *g, pyr_error *error);
/* STRUCT, FIXED_SIZE_LIST (each slot has list_size values), the children of SPARSE_UNION. */
PYR_MUST_CHECK pyr_status pyr_gather_slots(gathering *g, int64_t each, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_gather_sparse_union(gathering *g, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_gather_dense_union(gathering *g, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_gather_dictionary(gathering *g, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_gather_runs(gathering *g, pyr_error *error);

#endif
