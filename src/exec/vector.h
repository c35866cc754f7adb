/* vector.h - vectors of at most 4,096 rows, and chunks of them: what flows through a pipeline.
 *
 * Invariants:
 *  1. A chunk is a view: of a mapped Arrow batch, of an evaluator's buffers, of a group table. It
 * is valid until its producer is asked for the next one; nobody frees it. Who needs it longer
 *     copies (through the ledger) or retains `array`.
 *  2. Row i of every vector of a chunk belongs together. Rows outside of the chunk's mask are not
 *     part of it: their values are anything, computing with them must not fail the statement.
 *  3. Bits of validity and of BIT data are in whole 64-bit words, their tail bits anything; a
 *     chunk's mask has its tail bits zero.
 */
#ifndef PYR_EXEC_VECTOR_H
#define PYR_EXEC_VECTOR_H

#include "arrow/batch.h"
#include "kernels/kernels.h"
#include "plan/type.h"

/* Two columns that are read in turn start up the memory's prefetching anew with each vector: of
 * 2,048 rows a filter beside a sum costs a third more. Of 8,192 it costs a tenth less, and the
 * rooms of small statements are too large for malloc to keep. */
#define PYR_VECTOR_ROWS 4096
#define PYR_VECTOR_WORDS (PYR_VECTOR_ROWS / 64)

typedef struct pyr_vector {
    pyr_physical physical;
    bool constant; /* value and validity of row 0 stand for all rows */
    /* Values by physical type; BIT: uint64_t words; STRING: pyr_string, or NULL where offsets are.
     */
    const void *data;
    const uint64_t *validity; /* bit set: not NULL. NULL: no row is NULL */
    const int32_t *offsets;   /* STRING as Arrow has it: row i is bytes + offsets[i] to
                                 offsets[i + 1]; never together with `constant` */
    const uint8_t *bytes;
    int64_t bytes_readable;
    pyr_array *array; /* the values are rows [array_row, ...) of this array, borrowed from the
                         chunk's producer; NULL: computed. For results by reference */
    int64_t array_row;
} pyr_vector;

typedef struct pyr_chunk {
    int32_t rows;         /* of each vector */
    int32_t selected;     /* that count */
    const uint64_t *mask; /* NULL: all rows */
    const uint16_t *list; /* the selected rows, ascending; NULL: not made yet, or all */
    int32_t columns_count;
    const pyr_vector *columns;
} pyr_chunk;

static inline bool pyr_vector_is_null(const pyr_vector *v, int32_t row) {
    int32_t at = v->constant ? 0 : row;
    return v->validity != NULL && ((v->validity[at >> 6] >> (at & 63)) & 1) == 0;
}
/* Of a row that is not NULL. */
static inline pyr_string pyr_vector_string(const pyr_vector *v, int32_t row) {
    if (v->offsets != NULL) {
        pyr_string s = {v->bytes + v->offsets[row],
                        (uint64_t)(v->offsets[row + 1] - v->offsets[row])};
        return s;
    }
    return ((const pyr_string *)v->data)[v->constant ? 0 : row];
}
/* Whether it shows texts of a mapped file, which stays mapped as long as the plan retains its
 * table.
 */
static inline bool pyr_vector_is_mapped(const pyr_vector *v) {
    return v->array != NULL && v->array->buffers[2] != NULL &&
           v->array->buffers[2]->mapping != NULL;
}
/* The list of the selected rows, made in room (PYR_VECTOR_ROWS + 16) where it is not there; all of
 * them where the chunk has no mask. */
const uint16_t *pyr_chunk_rows(pyr_chunk *chunk, uint16_t *room);

/* Rows [first, first + rows) of an array of one of the native types as a vector, without a copy
 * but of bitmaps that begin inside of a word: those go to room (2 * PYR_VECTOR_WORDS words). */
void pyr_vector_of_array(const pyr_array *array, int64_t first, int32_t rows, uint64_t *room,
                         pyr_vector *out);

/* Vectors whose memory is their own, for who computes one. */
typedef struct pyr_vector_buffer {
    void *data;         /* PYR_VECTOR_ROWS values, 64-byte aligned, 64 bytes more */
    uint64_t *validity; /* PYR_VECTOR_WORDS */
} pyr_vector_buffer;
/* In arena. */
PYR_MUST_CHECK pyr_status pyr_vector_buffer_init(pyr_vector_buffer *buffer, pyr_physical physical,
                                                 pyr_arena *arena, pyr_error *error);

/* ---- Chunks made batches. ---- */

/* Takes chunks of one worker and makes batches of at most rows_max rows of them: a vector that is a
 * view of an array, with every row of it selected, is a slice of that array (no copy; only where a
 * whole run of chunks from one array came); everything else is gathered into new buffers, counted
 * as reason. */
typedef struct pyr_batch_maker pyr_batch_maker;
PYR_MUST_CHECK pyr_status pyr_batch_maker_create(pyr_schema *schema, int64_t rows_max,
                                                 pyr_copy_reason reason, pyr_query_ledger *ledger,
                                                 pyr_budget *budget, pyr_batch_maker **out,
                                                 pyr_error *error);
void pyr_batch_maker_destroy(pyr_batch_maker *maker); /* NULL allowed */
/* The chunk's columns are the schema's, in order. *out: a batch that is full, or NULL. */
PYR_MUST_CHECK pyr_status pyr_batch_maker_add(pyr_batch_maker *maker, pyr_chunk *chunk,
                                              pyr_batch **out, pyr_error *error);
/* What is left, or NULL. */
PYR_MUST_CHECK pyr_status pyr_batch_maker_finish(pyr_batch_maker *maker, pyr_batch **out,
                                                 pyr_error *error);

#endif
