/* batch.h - record batches and streams of them.
 *
 * A batch is immutable and reference-counted: schema, columns of equal length, optionally a
 * selection vector. Slice and project share everything; a filter adds a selection; only
 * pyr_batch_dense copies, through the ledger.
 */
#ifndef PYR_ARROW_BATCH_H
#define PYR_ARROW_BATCH_H

#include "arrow/array.h"

/* Row numbers, ascending, within the batch's columns. */
typedef struct pyr_selection {
    atomic_size_t references;
    int64_t count;
    pyr_buffer *rows; /* int32_t[count], retained */
} pyr_selection;
/* Retains rows, which holds count int32_t. */
PYR_MUST_CHECK pyr_status pyr_selection_create(pyr_buffer *rows, int64_t count, pyr_selection **out,
                                               pyr_error *error);
pyr_selection *pyr_selection_retain(pyr_selection *selection); /* NULL allowed */
void pyr_selection_release(pyr_selection *selection);          /* NULL allowed */

typedef struct pyr_batch {
    atomic_size_t references;
    pyr_schema *schema; /* retained */
    int64_t rows;       /* length of each column; kept apart because there may be no column */
    int32_t columns_count;
    pyr_array **columns;      /* retained; type-equal to the schema's fields */
    pyr_selection *selection; /* NULL: all rows */
    pyr_metadata *metadata;   /* the IPC message's custom_metadata, or NULL */
} pyr_batch;

/* Retains all. columns_count equals schema->fields_count, each column has rows values (assert). */
PYR_MUST_CHECK pyr_status pyr_batch_create(pyr_schema *schema, int64_t rows,
                                           pyr_array *const *columns, int32_t columns_count,
                                           pyr_metadata *metadata, pyr_batch **out,
                                           pyr_error *error);
pyr_batch *pyr_batch_retain(pyr_batch *batch); /* NULL allowed */
void pyr_batch_release(pyr_batch *batch);      /* NULL allowed */

/* Rows that count: the selection's count, or rows. */
static inline int64_t pyr_batch_selected(const pyr_batch *batch) {
    return batch->selection != NULL ? batch->selection->count : batch->rows;
}
/* Selected rows [offset, offset + length). O(1) in rows. */
PYR_MUST_CHECK pyr_status pyr_batch_slice(pyr_batch *batch, int64_t offset, int64_t length,
                                          pyr_batch **out, pyr_error *error);
/* schema: the projected one (its names count), or NULL to derive it. */
PYR_MUST_CHECK pyr_status pyr_batch_project(pyr_batch *batch, const int32_t *indices, int32_t count,
                                            pyr_schema *schema, pyr_batch **out, pyr_error *error);
/* Keeps the rows of selection only; rows index the batch's columns. Composes with a selection that
 * is there already only by replacing it (the caller has combined them). */
PYR_MUST_CHECK pyr_status pyr_batch_select(pyr_batch *batch, pyr_selection *selection,
                                           pyr_batch **out, pyr_error *error);
/* Filters by a BOOL array of batch->rows values: null and false drop the row. */
PYR_MUST_CHECK pyr_status pyr_batch_filter(pyr_batch *batch, const pyr_array *mask,
                                           pyr_budget *budget, pyr_batch **out, pyr_error *error);
/* Without a selection: itself, retained. A selection of a contiguous range becomes a slice. Else
 * gathered, counted as PYR_COPY_GATHER. */
PYR_MUST_CHECK pyr_status pyr_batch_dense(pyr_batch *batch, pyr_query_ledger *ledger,
                                          pyr_budget *budget, pyr_batch **out, pyr_error *error);
/* Batches of one schema after each other, dense. */
PYR_MUST_CHECK pyr_status pyr_batch_concat(pyr_batch *const *batches, size_t count,
                                           pyr_query_ledger *ledger, pyr_budget *budget,
                                           pyr_batch **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_batch_validate(const pyr_batch *batch, pyr_validation level,
                                             pyr_error *error);
bool pyr_batch_equal(const pyr_batch *a, const pyr_batch *b); /* schema and selected rows */
int64_t pyr_batch_size_bytes(const pyr_batch *batch);
PYR_MUST_CHECK pyr_status pyr_batch_check_mappings(const pyr_batch *batch, pyr_error *error);

/* A stream of batches of one schema: what engines return and what writers take. Pulled by one
 * thread at a time; may be moved between threads. */
typedef struct pyr_stream pyr_stream;
typedef struct pyr_stream_ops {
    /* *out NULL and PYR_OK at the end. After an error only destroy may follow. */
    pyr_status (*next)(pyr_stream *stream, pyr_batch **out, pyr_error *error);
    void (*destroy)(pyr_stream *stream);
} pyr_stream_ops;
struct pyr_stream {
    const pyr_stream_ops *ops;
    pyr_schema *schema; /* retained by the implementation, never NULL */
};
PYR_MUST_CHECK pyr_status pyr_stream_next(pyr_stream *stream, pyr_batch **out, pyr_error *error);
void pyr_stream_destroy(pyr_stream *stream); /* NULL allowed */
/* Over batches in memory, each retained. Every batch has that schema. */
PYR_MUST_CHECK pyr_status pyr_stream_from_batches(pyr_schema *schema, pyr_batch *const *batches,
                                                  size_t count, pyr_stream **out, pyr_error *error);

#endif
