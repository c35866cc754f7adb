/* codes.h - small numbers that stand for a column's texts: equal ones have equal numbers.
 *
 * A segment keeps them beside a text column of few distinct values (storage/segment_codes.c), so
 * that who groups or compares rows looks at a byte or two of each, not at its text. They say
 * nothing of other batches: the same text has another number there. A null has a number, too.
 *
 * Immutable and reference-counted.
 */
#ifndef PYR_ARROW_CODES_H
#define PYR_ARROW_CODES_H

#include "base/buffer.h"
#include "base/error.h"

typedef struct pyr_codes {
    atomic_size_t references;
    int32_t width_bytes; /* of a number: 1 or 2 */
    int32_t count;       /* every number is below; 1 to 65,536 */
    int64_t rows;
    pyr_buffer *numbers; /* retained: rows * width_bytes bytes, of this machine's order */
    pyr_buffer *firsts;  /* retained: count int32_t, of each number the first row that has it;
                            ascending, as numbers are given in the order of rows */
} pyr_codes;

/* Retains numbers and firsts. PYR_ERROR_CORRUPT where they are not as above: who follows them
 * relies on it. O(rows). */
PYR_MUST_CHECK pyr_status pyr_codes_create(pyr_buffer *numbers, int64_t rows, int32_t width_bytes,
                                           pyr_buffer *firsts, int32_t count, pyr_codes **out,
                                           pyr_error *error);
pyr_codes *pyr_codes_retain(pyr_codes *codes); /* NULL allowed */
void pyr_codes_release(pyr_codes *codes);      /* the same */

static inline int32_t pyr_codes_first(const pyr_codes *codes, uint32_t number) {
    return ((const int32_t *)(const void *)codes->firsts->data)[number];
}
static inline uint32_t pyr_codes_get(const pyr_codes *codes, int64_t row) {
    return codes->width_bytes == 1 ? codes->numbers->data[row]
                                   : ((const uint16_t *)(const void *)codes->numbers->data)[row];
}

#endif
