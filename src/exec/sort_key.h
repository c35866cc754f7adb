/* sort_key.h - rows' sort keys as bytes whose order is memcmp's.
 *
 * Each key column: a byte for NULL (where it can be one), then the value: integers big-endian with
 * the sign turned, floats in DuckDB's order (NaN last, -0.0 as 0.0), text with 00 written 00 01 and
 * 00 00 at its end. DESC turns every bit of the value. A key of at most 8 bytes is its prefix
 * alone.
 */
#ifndef PYR_EXEC_SORT_KEY_H
#define PYR_EXEC_SORT_KEY_H

#include "exec/exec_internal.h"

typedef struct pyr_sort_column {
    pyr_physical physical;
    bool descending, nulls_first, never_null;
} pyr_sort_column;

typedef struct pyr_row_key {
    uint64_t prefix;      /* the first 8 bytes as a number, zeroes behind a shorter key */
    const uint8_t *bytes; /* the whole key; NULL where all keys have at most 8 bytes */
    uint32_t length;
    uint32_t batch, row; /* where the row is; who makes keys sets them */
} pyr_row_key;

/* Whether a key of these columns is longer than 8 bytes, ever. */
bool pyr_sort_keys_long(const pyr_sort_column *columns, int32_t count);
/* Of keys that are not long: bytes of each. */
uint32_t pyr_sort_keys_length(const pyr_sort_column *columns, int32_t count);
/* Keys of count rows (NULL: the first count). Bytes go to arena. */
PYR_MUST_CHECK pyr_status pyr_sort_keys_make(const pyr_sort_column *columns, int32_t columns_count,
                                             const pyr_vector *vectors, const uint16_t *rows,
                                             int32_t count, pyr_arena *arena, pyr_row_key *keys,
                                             pyr_error *error);
/* Prefixes that keys of span rows begin with by their first column alone, for who only asks whether
 * a key may be at or before another: never greater than the key's own. Those of rows outside of
 * mask (NULL: none) are anything. false: this type has none. */
bool pyr_sort_first_prefixes(const pyr_sort_column *column, const pyr_vector *vector, int32_t span,
                             const uint64_t *mask, uint64_t *prefixes);
/* < 0, 0, > 0 */
int pyr_row_key_order(const pyr_row_key *a, const pyr_row_key *b);
/* In place, not stable. */
void pyr_row_keys_sort(pyr_row_key *keys, int64_t count);
/* The least so many at their places, the others behind them in any order. */
void pyr_row_keys_sort_first(pyr_row_key *keys, int64_t count, int64_t first);
/* Two sorted runs, [0, half) and [half, count), through room of count. */
void pyr_row_keys_merge(pyr_row_key *keys, int64_t half, int64_t count, pyr_row_key *room);

/* Whether the first columns_count columns of two keys (of columns) are equal. */
bool pyr_row_keys_begin_equal(const pyr_sort_column *columns, int32_t columns_count,
                              const pyr_row_key *a, const pyr_row_key *b);

/* sort.c: what a finished sort holds, in order; all of it the sink's. */
typedef struct pyr_sorted_rows {
    const pyr_row_key *keys;
    int64_t count;
    pyr_batch *const *batches;
    size_t batches_count;
    const pyr_sort_column *columns;
    bool spilled; /* memory was short */
} pyr_sorted_rows;
/* PYR_ERROR_IO where rows were read from a file of the sort's that has faulted: to be asked behind
 * the last of them. */
PYR_MUST_CHECK pyr_status pyr_sort_sink_check(const pyr_sink *sink, pyr_error *error);
void pyr_sort_sink_rows(const pyr_sink *sink, pyr_sorted_rows *out);

/* sort.c: a top-n whose first key is a column of the node of `kind` that its input comes from. */
bool pyr_sort_sink_order(const pyr_sink *sink, pyr_node_kind kind, pyr_source_order *out);

/* ---- row_gather.c: rows of many batches as chunks ---- */

typedef struct pyr_row_gather pyr_row_gather;
/* batches: borrowed, dense; each has at least columns_count columns, of columns' types. */
PYR_MUST_CHECK pyr_status pyr_row_gather_create(pyr_batch *const *batches, size_t count,
                                                const pyr_plan_column *columns,
                                                int32_t columns_count, pyr_budget *budget,
                                                pyr_row_gather **out, pyr_error *error);
void pyr_row_gather_destroy(pyr_row_gather *gather); /* NULL allowed */
/* At most PYR_VECTOR_ROWS rows: row i is row rows[i] of batch batches[i]; batch UINT32_MAX: all
 * NULL. Vectors are valid until the next call. */
void pyr_row_gather_rows(pyr_row_gather *gather, const uint32_t *batches, const uint32_t *rows,
                         int32_t count, pyr_vector *out);

#endif
