/* compact_internal.h - what the files of compaction share. */
#ifndef PYR_CATALOG_COMPACT_INTERNAL_H
#define PYR_CATALOG_COMPACT_INTERNAL_H

#include "catalog/compact.h"
#include "catalog/segment_output.h"

/* Neighbouring segments of a table. */
typedef struct pyr_compact_run {
    size_t first;
    size_t count; /* 0: none */
} pyr_compact_run;

/* The run that a step should take (compact_pick.c). */
pyr_compact_run pyr_compact_pick(const pyr_table *table, pyr_compact_goal goal);
bool pyr_table_has_sort_key(const pyr_table *table);

/* Reads the run's rows that are not deleted into output, sorted where the table has a sort key, and
 * seals it (compact_rows.c). */
PYR_MUST_CHECK pyr_status pyr_compact_rows(pyr_table *table, pyr_compact_run run,
                                           const pyr_compaction *compaction,
                                           pyr_segment_output *output, pyr_error *error);

/* 42703 where the key names no column, NOT_SUPPORTED for a column whose type has no order. */
PYR_MUST_CHECK pyr_status pyr_sort_key_check(const pyr_schema *schema, const char *sort_key,
                                             pyr_error *error);
/* A dense batch's rows in the order of the table's sort key, as a new batch (sort.c): NULLS LAST,
 * ascending, equal ones in their order. 42703 where the key names no column. */
PYR_MUST_CHECK pyr_status pyr_sort_by_key(pyr_batch *batch, const char *sort_key,
                                          pyr_query_ledger *ledger, pyr_batch **out,
                                          pyr_error *error);

#endif
