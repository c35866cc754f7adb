/* kept_rows.h - batches without the deleted rows of their segment. */
#ifndef PYR_STORAGE_KEPT_ROWS_H
#define PYR_STORAGE_KEPT_ROWS_H

#include "arrow/batch.h"
#include "storage/row_bitmap.h"

/* Takes batch (dense), whose first row is row `first` of its segment. deleted: the segment's, NULL
 * for none. *out: batch itself, or with a selection (budget is charged with it, NULL allowed), or
 * NULL where every row is deleted. No column byte is copied. */
PYR_MUST_CHECK pyr_status pyr_batch_without_deleted(pyr_batch *batch, const pyr_row_bitmap *deleted,
                                                    int64_t first, pyr_budget *budget,
                                                    pyr_batch **out, pyr_error *error);

#endif
