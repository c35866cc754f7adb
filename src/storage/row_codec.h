/* row_codec.h - rows as bytes, and many of them back as one record batch: the values of the LSM.
 *
 * All Arrow types. Dictionary and run-end encoded columns are written as the values they stand for
 * and come back plain; extension types are their storage. The bytes: ENCODINGS.md, "Rows".
 *
 * How rows of an older schema stay readable: a table has one layout, a list of slots that only ever
 * grows at its end. A column's stable id is the place of its slot. ADD COLUMN appends a slot;
 * RENAME changes none; DROP COLUMN retires the slot, which keeps its type and is written as null
 * from then on; a change of type is a new slot. A row says how many slots it was written with, so
 * it is a prefix of the layout of any later time, and nothing else about its schema is stored.
 *
 * Layouts are immutable and may be shared by threads; encoders and decoders belong to one.
 */
#ifndef PYR_STORAGE_ROW_CODEC_H
#define PYR_STORAGE_ROW_CODEC_H

#include "arrow/batch.h"
#include "base/text.h"

#define PYR_ROW_SLOTS_MAX 65535 /* slots of one layout, retired ones too */

/* field with every dictionary and run-end encoded type, at any depth, replaced by that of its
 * values: the type of what a decoder gives. Shares what does not change. */
PYR_MUST_CHECK pyr_status pyr_row_plain_field(pyr_field *field, pyr_field **out, pyr_error *error);

typedef struct pyr_row_slot {
    pyr_field *field;
    /* What rows written before the slot existed have in it: an array of one value of the plain
     * type of field, or NULL for null. */
    pyr_array *missing;
} pyr_row_slot;
typedef struct pyr_row_layout pyr_row_layout;
/* Retains what the slots name. LIMIT above PYR_ROW_SLOTS_MAX; INVALID_ARGUMENT for a `missing` of
 * another type. */
PYR_MUST_CHECK pyr_status pyr_row_layout_create(const pyr_row_slot *slots, int32_t count,
                                                pyr_row_layout **out, pyr_error *error);
pyr_row_layout *pyr_row_layout_retain(pyr_row_layout *layout); /* NULL allowed */
void pyr_row_layout_release(pyr_row_layout *layout);           /* NULL allowed */

/* ---- Encoding. ---- */

/* Over one batch. columns: for each slot the batch's column, or -1 for null; NULL: column i is slot
 * i, and there are as many. INVALID_ARGUMENT where a column is of another type than its slot (their
 * plain types count). Retains layout and batch. */
typedef struct pyr_row_encoder pyr_row_encoder;
PYR_MUST_CHECK pyr_status pyr_row_encoder_create(pyr_row_layout *layout, pyr_batch *batch,
                                                 const int32_t *columns, pyr_row_encoder **out,
                                                 pyr_error *error);
/* NULL allowed. */
void pyr_row_encoder_destroy(pyr_row_encoder *encoder);
/* Appends row (of the batch's columns: a selection is the caller's to follow) to out. LIMIT for a
 * row of 4 GiB or more. After a failure out holds what it held before. What out grows by is column
 * bytes written: the caller counts it, once for all rows. */
PYR_MUST_CHECK pyr_status pyr_row_encode(pyr_row_encoder *encoder, int64_t row, pyr_text *out,
                                         pyr_error *error);

/* ---- Decoding. ---- */

typedef struct pyr_row_bytes {
    const uint8_t *data;
    size_t size_bytes;
} pyr_row_bytes;

/* slots: which to decode, ascending; NULL: the first `count`. Retired slots are simply not named.
 */
typedef struct pyr_row_decoder pyr_row_decoder;
PYR_MUST_CHECK pyr_status pyr_row_decoder_create(pyr_row_layout *layout, const int32_t *slots,
                                                 int32_t count, pyr_row_decoder **out,
                                                 pyr_error *error);
void pyr_row_decoder_destroy(pyr_row_decoder *decoder);             /* NULL allowed */
pyr_schema *pyr_row_decoder_schema(const pyr_row_decoder *decoder); /* borrowed; plain fields */
/* One batch of all rows, in new buffers from budget (NULL: unlimited), counted as "row decoding".
 * The rows' bytes are not kept. Bytes from anywhere: what comes back would pass
 * PYR_VALIDATE_FULL; PYR_ERROR_CORRUPT names row and column, LIMIT where 32-bit offsets do not
 * suffice. A row is checked as far as the last slot decoded; its end only where that is its last.
 * Memory is bounded by the rows' sizes and what the types multiply: a null of fixed_size_list[n]
 * is n values in Arrow; give a budget. */
PYR_MUST_CHECK pyr_status pyr_row_decode(pyr_row_decoder *decoder, const pyr_row_bytes *rows,
                                         int64_t count, pyr_query_ledger *ledger,
                                         pyr_budget *budget, pyr_batch **out, pyr_error *error);

#endif
