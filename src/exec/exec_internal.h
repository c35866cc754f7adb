/* exec_internal.h - shared by the files of the vectorized engine. */
#ifndef PYR_EXEC_EXEC_INTERNAL_H
#define PYR_EXEC_EXEC_INTERNAL_H

#include "exec/pipeline.h"
#include "storage/segment.h"

/* ---- batch_cursor.c: a batch as chunks of at most PYR_VECTOR_ROWS rows. ---- */

typedef struct pyr_batch_cursor {
    int32_t columns_count; /* of every batch */
    pyr_vector *columns;
    uint64_t *bitmaps; /* room for those that begin inside of a word */
    uint64_t mask[PYR_VECTOR_WORDS];
    pyr_batch *batch; /* borrowed; NULL: none */
    bool backwards;
    int64_t chunks_left;
    int64_t chunk_row;  /* the last chunk's first row */
    int32_t chunk_rows; /* and its rows */
} pyr_batch_cursor;
PYR_MUST_CHECK pyr_status pyr_batch_cursor_init(pyr_batch_cursor *cursor, int32_t columns_count,
                                                pyr_error *error);
void pyr_batch_cursor_deinit(pyr_batch_cursor *cursor); /* zeroed: nothing */
/* batch is borrowed until the next open. backwards: its last chunk comes first. */
void pyr_batch_cursor_open(pyr_batch_cursor *cursor, pyr_batch *batch, bool backwards);
/* The next rows; chunk->rows 0 at the end. Columns that `wanted` (columns_count of them, NULL: all)
 * leaves out are not there yet: see the next function. */
void pyr_batch_cursor_next(pyr_batch_cursor *cursor, const bool *wanted, pyr_chunk *chunk);
/* The columns of the last chunk that `had` left out. */
void pyr_batch_cursor_rest(pyr_batch_cursor *cursor, const bool *had);

/* ---- column_writer.c: one dense Arrow column from the selected rows of vectors. ---- */

typedef struct pyr_column_writer {
    pyr_field *field; /* borrowed, as ledger and budget */
    pyr_physical physical;
    pyr_copy_reason reason;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    int64_t first_rows; /* what there is room for at first; init chooses, who knows better may */
    int64_t rows, nulls;
    pyr_buffer *validity; /* from the first vector that may have nulls on */
    pyr_buffer *values;   /* STRING: offsets */
    pyr_buffer *bytes;    /* STRING */
    size_t used_bytes;
} pyr_column_writer;
void pyr_column_writer_init(pyr_column_writer *writer, pyr_field *field, pyr_physical physical,
                            pyr_copy_reason reason, pyr_query_ledger *ledger, pyr_budget *budget);
/* Empty and usable again. */
void pyr_column_writer_deinit(pyr_column_writer *writer);
/* Whether count more rows keep 32-bit offsets. */
bool pyr_column_writer_fits(const pyr_column_writer *writer, const pyr_vector *vector,
                            const uint16_t *rows, int32_t count);
/* rows NULL: the first count. */
PYR_MUST_CHECK pyr_status pyr_column_writer_add(pyr_column_writer *writer, const pyr_vector *vector,
                                                const uint16_t *rows, int32_t count,
                                                pyr_error *error);
/* The array of at least one row; the writer is empty then. */
PYR_MUST_CHECK pyr_status pyr_column_writer_finish(pyr_column_writer *writer, pyr_array **out,
                                                   pyr_error *error);

/* ---- zone_filter.c ---- */

/* So many batches are looked at at once. */
#define PYR_ZONE_FILTER_BATCHES 64
/* Bit i: no row of batch first + i of the segment can pass one of the conjuncts (over columns;
 * table_columns says which of the segment's each is). Of those before end and of no more than the
 * first PYR_ZONE_FILTER_BATCHES; first <= end. */
PYR_MUST_CHECK pyr_status pyr_zone_filter_skips(pyr_bound_expr *const *conjuncts,
                                                int32_t conjuncts_count,
                                                const int32_t *table_columns, pyr_segment *segment,
                                                size_t first, size_t end, uint64_t *skipped,
                                                pyr_error *error);

/* certain[i], of the first PYR_ZONE_FILTER_CERTAIN conjuncts: bits of those batches, without the
 * skipped ones, for each of whose rows conjunct i is true. */
#define PYR_ZONE_FILTER_CERTAIN 64
PYR_MUST_CHECK pyr_status pyr_zone_filter_certain(pyr_bound_expr *const *conjuncts,
                                                  int32_t conjuncts_count,
                                                  const int32_t *table_columns,
                                                  pyr_segment *segment, size_t first, size_t end,
                                                  uint64_t skipped, uint64_t *certain,
                                                  pyr_error *error);

/* ---- scan_order.c: a scan, or groups, below a top-n ---- */

/* The first sort key is a column of the source: rows whose prefix (sort_key.h) is above *bound are
 * not wanted, and that falls as rows are found. */
typedef struct pyr_source_order {
    int32_t column; /* of the source's output */
    pyr_physical physical;
    bool descending, nulls_first, never_null;
    const _Atomic uint64_t *bound; /* NULL: no order */
} pyr_source_order;
/* Whether no row of a vector of that column is wanted any more. */
bool pyr_source_order_excludes(const pyr_source_order *order, const pyr_vector *vector,
                               int32_t rows);
/* Of chunks of groups that have no row which is wanted nothing but that column is made. Before
 * start; source is an aggregation's. */
void pyr_aggregate_source_set_order(pyr_morsel_source *source, const pyr_source_order *order);
/* The batches most likely to hold the first rows come first; those that cannot any more are skipped
 * when it is their turn. Before start; source is a scan's. */
void pyr_scan_source_set_order(pyr_morsel_source *source, const pyr_source_order *order);
/* The least prefix that a row of a batch with this zone may have; 0: unknown. */
uint64_t pyr_scan_order_prefix(const pyr_source_order *order, const pyr_zone *zone);

#endif
