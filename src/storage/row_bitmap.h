/* row_bitmap.h - immutable sets of row numbers: the deletion vectors of segments.
 *
 * A set is its serialized form (ENCODINGS.md, "Row bitmaps") plus a directory in memory, so that
 * reading one from a buffer copies nothing and writing one is handing out that buffer. Rows are
 * grouped by their upper bits into containers of 65,536, each kept in the smallest of three forms:
 * a sorted array, a bitmap, runs. One set has exactly one form: equal sets have equal bytes.
 *
 * In every query a NULL bitmap is the empty set, which is what a segment without deletions has.
 * Sets may be used by any number of threads; builders and cursors by one at a time.
 */
#ifndef PYR_STORAGE_ROW_BITMAP_H
#define PYR_STORAGE_ROW_BITMAP_H

#include "base/buffer.h"

#define PYR_ROW_BITMAP_ROWS_MAX (INT64_C(1) << 40) /* row numbers lie below */

typedef struct pyr_row_bitmap pyr_row_bitmap;

pyr_row_bitmap *pyr_row_bitmap_retain(pyr_row_bitmap *bitmap); /* NULL allowed; O(1) */
void pyr_row_bitmap_release(pyr_row_bitmap *bitmap);           /* NULL allowed */

/* ---- Making them. ---- */

/* Collects rows in any order, doubles allowed. Sorted input and ranges are cheap: rows that follow
 * each other are one range. Memory grows with the result, not with the number of calls. After a
 * failure only destroy may follow. */
typedef struct pyr_row_bitmap_builder pyr_row_bitmap_builder;
/* budget (NULL allowed) is charged with the sets made, not with what is being collected. */
PYR_MUST_CHECK pyr_status pyr_row_bitmap_builder_create(pyr_budget *budget,
                                                        pyr_row_bitmap_builder **out,
                                                        pyr_error *error);
void pyr_row_bitmap_builder_destroy(pyr_row_bitmap_builder *builder); /* NULL allowed */
/* Rows [from, to). INVALID_ARGUMENT for rows below 0 or from PYR_ROW_BITMAP_ROWS_MAX on. */
PYR_MUST_CHECK pyr_status pyr_row_bitmap_builder_range(pyr_row_bitmap_builder *builder,
                                                       int64_t from, int64_t to, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_row_bitmap_builder_rows(pyr_row_bitmap_builder *builder,
                                                      const int64_t *rows, int64_t count,
                                                      pyr_error *error);
/* The set so far; the builder is empty and usable again. */
PYR_MUST_CHECK pyr_status pyr_row_bitmap_builder_finish(pyr_row_bitmap_builder *builder,
                                                        pyr_row_bitmap **out, pyr_error *error);

/* Rows of a, of b, or of both. Where one is empty or NULL the other is shared; *out is never NULL.
 */
PYR_MUST_CHECK pyr_status pyr_row_bitmap_union(pyr_row_bitmap *a, pyr_row_bitmap *b,
                                               pyr_budget *budget, pyr_row_bitmap **out,
                                               pyr_error *error);

/* ---- As bytes. ---- */

/* The serialized form, retained for the caller. O(1). */
pyr_buffer *pyr_row_bitmap_serialize(const pyr_row_bitmap *bitmap);
/* Retains bytes and points into them; they need no alignment. rows: how many the segment has; the
 * set may name none beyond. PYR_ERROR_CORRUPT for everything that serialize does not write, byte by
 * byte: a wrong CRC, another form than the smallest, rows out of order or out of range, bytes
 * behind the end. O(bytes). */
PYR_MUST_CHECK pyr_status pyr_row_bitmap_parse(pyr_buffer *bytes, int64_t rows,
                                               pyr_row_bitmap **out, pyr_error *error);

/* ---- Looking at them. ---- */

int64_t pyr_row_bitmap_cardinality(const pyr_row_bitmap *bitmap);
bool pyr_row_bitmap_contains(const pyr_row_bitmap *bitmap, int64_t row);
/* Rows of the set in [from, to); from <= to, both may lie anywhere. */
int64_t pyr_row_bitmap_count_range(const pyr_row_bitmap *bitmap, int64_t from, int64_t to);
/* Whether a row is in both: two transactions deleted it. */
bool pyr_row_bitmap_intersects(const pyr_row_bitmap *a, const pyr_row_bitmap *b);
bool pyr_row_bitmap_equal(const pyr_row_bitmap *a, const pyr_row_bitmap *b);

/* ---- What a scan needs: the rows that are not in the set. ---- */

/* Walks the maximal runs of kept rows of [from, to), ascending. Borrows the bitmap. */
typedef struct pyr_row_bitmap_kept {
    const pyr_row_bitmap *bitmap;
    int64_t position, end;
    int64_t container; /* the first that may hold a row from position on */
    int32_t element;   /* in it: the first array value or run that may */
} pyr_row_bitmap_kept;
/* 0 <= from <= to. O(log containers). */
void pyr_row_bitmap_kept_init(pyr_row_bitmap_kept *kept, const pyr_row_bitmap *bitmap, int64_t from,
                              int64_t to);
/* false at the end. The next run is [*start, *start + *length). */
bool pyr_row_bitmap_kept_next(pyr_row_bitmap_kept *kept, int64_t *start, int64_t *length);

/* The kept rows of [from, to) as numbers counted from `from`, ascending: a batch's selection
 * vector. out has room for to - from of them, at most INT32_MAX. Returns how many. */
int64_t pyr_row_bitmap_kept_rows(const pyr_row_bitmap *bitmap, int64_t from, int64_t to,
                                 int32_t *out);

#endif
