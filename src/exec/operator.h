/* operator.h - operators of the native engine: batches are pulled from the root.
 *
 * Invariants:
 *  1. An operator owns its input and destroys it.
 *  2. A batch is a view of what the input gave; no operator here copies column bytes.
 *  3. After an error only destroy may follow.
 * One thread pulls at a time. The context's ledger and cancel flag outlive the operators; its
 * budget is retained by who needs it.
 */
#ifndef PYR_EXEC_OPERATOR_H
#define PYR_EXEC_OPERATOR_H

#include "arrow/batch.h"
#include "base/thread_pool.h"
#include "catalog/catalog.h"
#include "catalog/keyed.h"

typedef struct pyr_exec_context {
    pyr_query_ledger *ledger; /* NULL allowed, all of them */
    pyr_budget *budget;
    pyr_cancel_flag *cancel;
    pyr_thread_pool *pool; /* for batches that have to be decoded; outlives the operators */
} pyr_exec_context;

typedef struct pyr_operator pyr_operator;
typedef struct pyr_operator_ops {
    /* *out NULL and PYR_OK at the end. */
    pyr_status (*next)(pyr_operator *op, pyr_batch **out, pyr_error *error);
    /* Passes over up to rows rows without looking at them, as far as that is cheap: whole batches.
     * *skipped says how many; 0 when the next batch is larger than rows, or at the end. */
    pyr_status (*skip)(pyr_operator *op, int64_t rows, int64_t *skipped, pyr_error *error);
    void (*destroy)(pyr_operator *op);
} pyr_operator_ops;
struct pyr_operator {
    const pyr_operator_ops *ops;
    pyr_schema *schema; /* retained */
};

PYR_MUST_CHECK pyr_status pyr_operator_next(pyr_operator *op, pyr_batch **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_operator_skip(pyr_operator *op, int64_t rows, int64_t *skipped,
                                            pyr_error *error);
void pyr_operator_destroy(pyr_operator *op); /* NULL allowed */

/* The batches of a table's segments, in order; table is retained. columns (distinct, copied): those
 * wanted, in that order; NULL: all. Nothing is opened before it is needed, and segments and batches
 * passed over are counted as skipped in the ledger. */
PYR_MUST_CHECK pyr_status pyr_scan_create(pyr_table *table, const int32_t *columns, int32_t count,
                                          const pyr_exec_context *context, pyr_operator **out,
                                          pyr_error *error);
/* The same for a table with keys, in key order. range: copied, NULL for all rows. batch_rows: at
 * most so many a batch, 0 for as many as are good for scans. pyr_scan_create comes here for such
 * tables. */
PYR_MUST_CHECK pyr_status pyr_scan_keyed_create(pyr_table *table, const int32_t *columns,
                                                int32_t count, const pyr_keyed_range *range,
                                                int64_t batch_rows, const pyr_exec_context *context,
                                                pyr_operator **out, pyr_error *error);
/* These two take input, on failure too. The input's columns picked by indices (copied; one may
 * stand twice), called as schema says, which is type-equal to them. */
PYR_MUST_CHECK pyr_status pyr_project_create(pyr_operator *input, const int32_t *indices,
                                             int32_t count, pyr_schema *schema, pyr_operator **out,
                                             pyr_error *error);
/* Rows [offset, offset + limit) of the input; limit -1: all. The input is not asked for more than
 * that needs. */
PYR_MUST_CHECK pyr_status pyr_limit_create(pyr_operator *input, int64_t offset, int64_t limit,
                                           pyr_operator **out, pyr_error *error);
/* One batch in memory, retained. */
PYR_MUST_CHECK pyr_status pyr_rows_create(pyr_batch *batch, pyr_operator **out, pyr_error *error);
/* Takes root, on failure too. Looks at the cancel flag before and after each batch. */
PYR_MUST_CHECK pyr_status pyr_operator_stream(pyr_operator *root, const pyr_exec_context *context,
                                              pyr_stream **out, pyr_error *error);

#endif
