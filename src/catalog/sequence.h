/* sequence.h - numbers that are never given twice, whatever happens in between.
 *
 * A sequence gives numbers out of a block that was written off on disk before: after a crash the
 * rest of the block is lost, a number given is not given again. Blocks grow while numbers are
 * taken. A clean close gives the rest of the block back. Numbers taken in a transaction that rolls
 * back stay taken.
 *
 * Thread-safe. Lock order: the sequence's lock, the store's, the catalog's write lock.
 */
#ifndef PYR_CATALOG_SEQUENCE_H
#define PYR_CATALOG_SEQUENCE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct pyr_sequence_definition {
    int64_t start, increment, minimum, maximum; /* increment is not 0 */
    bool cycle;
} pyr_sequence_definition;
/* "START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9 NO CYCLE", and back: false where it is not just so. */
void pyr_sequence_print(const pyr_sequence_definition *definition, pyr_text *out);
bool pyr_sequence_parse(const char *text, pyr_sequence_definition *out);

typedef struct pyr_sequence pyr_sequence;
pyr_sequence *pyr_sequence_retain(pyr_sequence *sequence);
void pyr_sequence_release(pyr_sequence *sequence); /* NULL allowed */
/* The next count numbers (1 or more). 2200H where the sequence has no more; those before that are
 * lost. 25006 in a database opened readonly. */
PYR_MUST_CHECK pyr_status pyr_sequence_next(pyr_sequence *sequence, const char *name,
                                            int64_t *numbers, size_t count, pyr_error *error);
/* What was given last, whoever it was given to. 55000 where nothing was since it was opened. */
PYR_MUST_CHECK pyr_status pyr_sequence_last(pyr_sequence *sequence, const char *name, int64_t *out,
                                            pyr_error *error);

#endif
