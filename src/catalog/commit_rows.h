/* commit_rows.h - few rows, of one commit or of several at once, as one hot segment: a segment a
 * row would cost each commit an Arrow file, a record of the LSM, and compaction afterwards.
 *
 * By the thread that leads a commit group; the changes' own threads wait meanwhile.
 */
#ifndef PYR_CATALOG_COMMIT_ROWS_H
#define PYR_CATALOG_COMMIT_ROWS_H

#include "catalog/change_internal.h"

/* Whether all it does is to append rows, no segments, to one table: such changes commute. */
bool pyr_change_has_only_rows(const pyr_change *change);

/* The rows of `count` changes of one table, in their order; *out is one reference and has its
 * number. Each change's ledger counts its share of the copies, by bytes. The changes keep their
 * rows: whoever commits them forgets them. PYR_ERROR_MEMORY; PYR_ERROR_IO where a mapped source was
 * cut. */
PYR_MUST_CHECK pyr_status pyr_commit_rows_join(pyr_catalog *catalog, pyr_table *table,
                                               pyr_table_change *const *changes, size_t count,
                                               pyr_segment **out, pyr_error *error);

/* The change's rows become segments of its own. */
PYR_MUST_CHECK pyr_status pyr_change_seal_rows(pyr_change *change, pyr_error *error);

#endif
