/* replacement.h - segments that stand in the place of others, with the same rows less those that
 * were deleted: what compaction does. It says where each row went, so that rows deleted meanwhile,
 * by numbers of the old segments, are found in the new ones. Immutable and reference-counted.
 */
#ifndef PYR_CATALOG_REPLACEMENT_H
#define PYR_CATALOG_REPLACEMENT_H

#include "storage/row_bitmap.h"
#include "storage/segment.h"

#include <stdatomic.h>

typedef struct pyr_replacement {
    atomic_size_t references;
    uint64_t version; /* of the catalog, that has it first; written once, at its commit */
    size_t old_count; /* segments that stand together in the table, in its order */
    uint64_t *old_numbers;
    pyr_row_bitmap **left_out; /* of each old one: the deleted rows that no new one has */
    int64_t *old_first;        /* of each old one: how many rows come from those before it */
    size_t new_count;          /* 0: the rows are dropped */
    uint64_t *new_numbers;
    int64_t *new_rows;
    int64_t kept_rows; /* of the old ones that are not left out */
    bool ordered;      /* the rows stand in their order; false: nobody knows where a row went */
} pyr_replacement;

/* left_out: an entry for each old segment, retained, NULL for none. */
PYR_MUST_CHECK pyr_status pyr_replacement_create(pyr_segment *const *old_segments,
                                                 pyr_row_bitmap *const *left_out, size_t old_count,
                                                 pyr_segment *const *new_segments, size_t new_count,
                                                 bool ordered, pyr_replacement **out,
                                                 pyr_error *error);
pyr_replacement *pyr_replacement_retain(pyr_replacement *replacement);
void pyr_replacement_release(pyr_replacement *replacement); /* NULL allowed */

/* Whether all rows that were not deleted are there: compaction. Else they are dropped. */
bool pyr_replacement_keeps_rows(const pyr_replacement *replacement);

/* Where rows of old segment `index` stand in new segment `place`; those left out are passed over.
 * *out is never NULL. Of an ordered one. */
PYR_MUST_CHECK pyr_status pyr_replacement_translate(const pyr_replacement *replacement,
                                                    size_t index, const pyr_row_bitmap *rows,
                                                    size_t place, pyr_row_bitmap **out,
                                                    pyr_error *error);

#endif
