/* window_internal.h - window functions over sorted rows: shared by window.c (the sink),
 * window_source.c (places and ranks), window_neighbour.c (values of other rows), window_edges.c
 * (frames), window_block.c (rows of frames), window_frame.c (aggregates over frames that only grow)
 * and window_slide.c (over others).
 *
 * Rows are numbered from 0 in the order of PARTITION BY, then ORDER BY. Two bitmaps say where a
 * partition begins, and where rows begin that are equal in ORDER BY (peers).
 */
#ifndef PYR_EXEC_WINDOW_INTERNAL_H
#define PYR_EXEC_WINDOW_INTERNAL_H

#include "exec/aggregate_internal.h"
#include "exec/sort_key.h"

/* A worker takes whole partitions, about so many rows of them at a time. */
#define PYR_WINDOW_MORSEL_ROWS (30 * PYR_VECTOR_ROWS)
#define PYR_WINDOW_SPILLED_ROWS (2 * PYR_VECTOR_ROWS) /* where the sort needed files */

typedef struct pyr_window_sink {
    pyr_sink sink;
    pyr_exec *exec;
    const pyr_node *node;
    int32_t width;      /* columns of the input that go on */
    pyr_node sorted;    /* what the inner sink is told to do */
    pyr_sort_key *keys; /* partition, then order */
    bool ordered;       /* inner sorts; else it collects, and rows keep the order they came in */
    pyr_sink *inner;
    /* After finish. */
    pyr_arena arena;
    bool spilled;
    const pyr_row_key *rows; /* NULL: not ordered */
    int64_t rows_count;
    pyr_batch **batches;
    size_t batches_count;
    int64_t *starts; /* not ordered: each batch's first row */
    uint8_t *partitions, *peers;
} pyr_window_sink;

/* Where rows [first, first + count) are. */
void pyr_window_locate(const pyr_window_sink *sink, int64_t first, int32_t count, uint32_t *batches,
                       uint32_t *rows);
/* The first bit set in [from, end); end: none. */
int64_t pyr_window_next_bit(const uint8_t *bits, int64_t from, int64_t end);

/* The rows of a chunk, and what each has around it; carried on from chunk to chunk. */
typedef struct pyr_window_places {
    int64_t first;
    int32_t count;
    int64_t partition, partition_end, peer, peer_end, dense; /* of the last row */
    int64_t partitions[PYR_VECTOR_ROWS], partition_ends[PYR_VECTOR_ROWS];
    int64_t peers[PYR_VECTOR_ROWS], peer_ends[PYR_VECTOR_ROWS], denses[PYR_VECTOR_ROWS];
} pyr_window_places;

/* ---- window_block.c ---- */

/* One worker's view of rows [first, end), with values of expressions. */
typedef struct pyr_window_block {
    const pyr_window_sink *sink;
    pyr_row_gather *gather; /* NULL, as the next two: no expression */
    pyr_eval *eval;
    pyr_vector *columns;
    int64_t first, end;
    int64_t limit; /* of the rows there may be blocks of */
} pyr_window_block;
/* expressions live as long; to be deinited, after an error, too. */
PYR_MUST_CHECK pyr_status pyr_window_block_init(const pyr_window_sink *sink,
                                                pyr_bound_expr *const *expressions, int32_t count,
                                                pyr_arena *arena, pyr_window_block *out,
                                                pyr_error *error);
void pyr_window_block_deinit(pyr_window_block *block); /* zeroes allowed */
/* No row is held; those up to limit may be. */
void pyr_window_block_open(pyr_window_block *block, int64_t limit);
static inline bool pyr_window_block_holds(const pyr_window_block *block, int64_t row) {
    return row >= block->first && row < block->end;
}
/* Holds the rows from first on; values: of each expression, valid until the next read. Fails when
 * the query is cancelled, too. */
PYR_MUST_CHECK pyr_status pyr_window_block_read(pyr_window_block *block, int64_t first,
                                                pyr_vector *values, pyr_error *error);

/* ---- window_frame.c ---- */

/* One worker's aggregates over frames of one kind. */
typedef struct pyr_window_frame pyr_window_frame;
/* *out NULL: no function of the node has such frames. */
PYR_MUST_CHECK pyr_status pyr_window_frame_create(const pyr_window_sink *sink,
                                                  pyr_window_frame_kind kind,
                                                  pyr_window_frame **out, pyr_error *error);
void pyr_window_frame_destroy(pyr_window_frame *frame); /* NULL allowed */
/* Rows up to end of whole partitions follow, which places has not begun yet. */
void pyr_window_frame_open(pyr_window_frame *frame, int64_t end);
/* The functions' results for the rows of places; results: a buffer for each function of the node,
 * validity all set. Texts go to arena. */
PYR_MUST_CHECK pyr_status pyr_window_frame_results(pyr_window_frame *frame,
                                                   const pyr_window_places *places,
                                                   pyr_vector_buffer *results, pyr_arena *arena,
                                                   pyr_error *error);

/* What a state comes to, as a vector has it at row 0. */
typedef struct pyr_window_value {
    union {
        uint64_t words[2];
        pyr_string string;
    } as;
    bool null;
} pyr_window_value;
/* Texts are copied to arena: the state's may go with the next row. */
PYR_MUST_CHECK pyr_status pyr_window_value_of(const pyr_aggregate_function *function,
                                              uint8_t *state, pyr_arena *arena,
                                              pyr_window_value *out, pyr_error *error);
/* Row i of buffer is value (as a vector has it at row 0), or NULL. */
void pyr_window_put(pyr_physical physical, const void *value, bool null, pyr_vector_buffer *buffer,
                    int32_t i);

/* ---- window_edges.c ---- */

/* One worker's frames of a function. */
typedef struct pyr_window_edges pyr_window_edges;
PYR_MUST_CHECK pyr_status pyr_window_edges_create(const pyr_window_sink *sink,
                                                  const pyr_window_function *function,
                                                  pyr_window_edges **out, pyr_error *error);
void pyr_window_edges_destroy(pyr_window_edges *edges); /* NULL allowed */
/* Rows up to end of whole partitions follow. */
void pyr_window_edges_open(pyr_window_edges *edges, int64_t end);
/* The frame of the row at places[i] is [begins[i], ends[i]), none where that is empty or turned
 * around. In a partition both only go on. chunk: those rows. */
PYR_MUST_CHECK pyr_status pyr_window_edges_find(pyr_window_edges *edges,
                                                const pyr_window_places *places, pyr_chunk *chunk,
                                                int64_t *begins, int64_t *ends, pyr_error *error);

/* ---- window_slide.c ---- */

/* One worker's aggregate over frames of any kind. A state owns nothing but arena memory. */
typedef struct pyr_window_slide pyr_window_slide;
PYR_MUST_CHECK pyr_status pyr_window_slide_create(const pyr_window_sink *sink,
                                                  const pyr_window_function *function,
                                                  pyr_window_slide **out, pyr_error *error);
void pyr_window_slide_destroy(pyr_window_slide *slide); /* NULL allowed */
void pyr_window_slide_open(pyr_window_slide *slide, int64_t end);
/* result: validity all set. Texts go to arena. */
PYR_MUST_CHECK pyr_status pyr_window_slide_results(pyr_window_slide *slide,
                                                   const pyr_window_places *places,
                                                   const int64_t *begins, const int64_t *ends,
                                                   pyr_vector_buffer *result, pyr_arena *arena,
                                                   pyr_error *error);

/* ---- window_neighbour.c ---- */

/* One worker's values of other rows. */
typedef struct pyr_window_neighbour pyr_window_neighbour;
PYR_MUST_CHECK pyr_status pyr_window_neighbour_create(const pyr_window_sink *sink,
                                                      const pyr_window_function *function,
                                                      pyr_window_neighbour **out, pyr_error *error);
void pyr_window_neighbour_destroy(pyr_window_neighbour *neighbour); /* NULL allowed */
/* begins, ends: of the frames; LAG and LEAD do not look at them. out: validity all set; its texts
 * are the batches', or live until the next call. */
PYR_MUST_CHECK pyr_status pyr_window_neighbour_results(pyr_window_neighbour *neighbour,
                                                       const pyr_window_places *places,
                                                       const int64_t *begins, const int64_t *ends,
                                                       pyr_vector_buffer *out, pyr_error *error);

#endif
