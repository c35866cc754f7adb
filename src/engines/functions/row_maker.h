/* row_maker.h - batches of made values: the columns that a scan asks for, row by row.
 *
 * A failure is kept and makes the later calls do nothing; finish reports it. Values of columns that
 * were not asked for are dropped. Not for hot loops.
 */
#ifndef PYR_ENGINES_FUNCTIONS_ROW_MAKER_H
#define PYR_ENGINES_FUNCTIONS_ROW_MAKER_H

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "engines/functions/table_function.h"

typedef struct pyr_row_maker {
    pyr_schema *schema;     /* borrowed */
    const int32_t *columns; /* borrowed; NULL: all */
    int32_t columns_count;  /* of those asked for */
    pyr_builder **builders; /* one a field of the schema; NULL: not asked for, or put whole */
    pyr_array **arrays;     /* put whole */
    pyr_budget *budget;     /* borrowed */
    pyr_status status;
    pyr_error *error; /* borrowed */
} pyr_row_maker;

/* To be ended by finish, once. columns as those of pyr_segment_source_ops.batch. */
void pyr_row_maker_init(pyr_row_maker *maker, pyr_schema *schema, const int32_t *columns,
                        int32_t columns_count, pyr_budget *budget, pyr_error *error);
/* Whether anybody asks for the column. */
bool pyr_row_maker_wants(const pyr_row_maker *maker, int32_t column);

void pyr_row_maker_null(pyr_row_maker *maker, int32_t column);
void pyr_row_maker_text(pyr_row_maker *maker, int32_t column, const char *text);
void pyr_row_maker_int64(pyr_row_maker *maker, int32_t column, int64_t value);
void pyr_row_maker_double(pyr_row_maker *maker, int32_t column, double value);
/* One value of BIGINT[]. */
void pyr_row_maker_int64s(pyr_row_maker *maker, int32_t column, const int64_t *values,
                          int64_t count);
/* The whole column, which is taken; no value may have been given one by one. */
void pyr_row_maker_put(pyr_row_maker *maker, int32_t column, pyr_array *array);
/* Columns that were made row by row count as decoded in ledger; who puts a whole one counts it.
 * Frees what the maker holds. */
PYR_MUST_CHECK pyr_status pyr_row_maker_finish(pyr_row_maker *maker, int64_t rows,
                                               pyr_query_ledger *ledger, pyr_batch **out);

#endif
