/* row_codec_internal.h - shared by row_codec_*.c.
 *
 * Two notions of ENCODINGS.md carry the code. The *values* of a type for m places are m values
 * without nulls, column by column; a *sequence* of n places is a bitmap of n bits and the values of
 * those that are set. A row is one struct value: a bitmap over its slots, then each slot's values.
 */
#ifndef PYR_STORAGE_ROW_CODEC_INTERNAL_H
#define PYR_STORAGE_ROW_CODEC_INTERNAL_H

#include "storage/row_codec.h"

#include <string.h>

#define ROW_VERSION 1
#define ROW_BYTES_MAX ((size_t)UINT32_MAX)
#define VARINT_BYTES_MAX 10

typedef struct layout_slot {
    pyr_field *field;   /* retained */
    pyr_field *plain;   /* retained */
    pyr_array *missing; /* retained, may be NULL */
} layout_slot;
struct pyr_row_layout {
    atomic_size_t references;
    int32_t count;
    layout_slot slots[];
};

/* What a type's values look like, of plain types. */
typedef enum row_form {
    ROW_FORM_NULL,
    ROW_FORM_BOOL,
    ROW_FORM_FIXED,
    ROW_FORM_BYTES, /* text and bytes with offsets */
    ROW_FORM_VIEWS,
    ROW_FORM_LIST, /* maps too */
    ROW_FORM_LIST_VIEW,
    ROW_FORM_FIXED_SIZE_LIST,
    ROW_FORM_STRUCT,
    ROW_FORM_UNION,
    ROW_FORM_ENCODED /* dictionaries and runs: only while encoding */
} row_form;
row_form pyr_row_form(pyr_type_id type);

/* ---- Decoding. ---- */

/* One row's bytes, as far as they are read. */
typedef struct row_cursor {
    const uint8_t *next, *end;
    const uint8_t *bits; /* over the slots the row was written with */
    int32_t slots;
} row_cursor;

/* The decoding of one call; row and column are for messages. */
typedef struct row_decoding {
    row_cursor *cursors;
    int64_t rows;
    const char *column;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    pyr_arena scratch; /* of one column */
    pyr_error *error;
} row_decoding;

/* The places of an array under construction: those of row r are [starts[r], starts[r + 1]). Only
 * the valid ones have values in the rows' bytes. */
typedef struct row_places {
    int64_t count;
    const int64_t *starts; /* NULL: place r is row r's only one */
    pyr_buffer *validity;  /* NULL: all valid */
    int64_t null_count;
} row_places;

static inline int64_t places_start(const row_places *places, int64_t row) {
    return places->starts != NULL ? places->starts[row] : row;
}
static inline bool places_valid(const row_places *places, int64_t place) {
    return places->validity == NULL || pyr_bit_get(places->validity->data, place);
}
/* Valid places of one row. */
int64_t pyr_row_places_valid(const row_places *places, int64_t row);

static inline size_t cursor_left(const row_cursor *cursor) {
    return (size_t)(cursor->end - cursor->next);
}
/* LEB128 in its shortest form. */
bool pyr_row_long_varint(row_cursor *cursor, uint64_t *out);
static inline bool cursor_varint(row_cursor *cursor, uint64_t *out) {
    if (cursor->next < cursor->end && *cursor->next < 0x80) {
        *out = *cursor->next++;
        return true;
    }
    return pyr_row_long_varint(cursor, out);
}

/* PYR_ERROR_CORRUPT for a row. */
pyr_status pyr_row_corrupt(const row_decoding *d, int64_t row, const char *what);
pyr_status pyr_row_limit(const row_decoding *d, const char *what);
/* A buffer of the result, counted. */
PYR_MUST_CHECK pyr_status pyr_row_buffer(const row_decoding *d, int64_t count, size_t width,
                                         bool zeroed, pyr_buffer **out);

/* Where status is PYR_OK, an array without children of count buffers, the first of them the places'
 * validity. Releases the others, whatever happens. */
PYR_MUST_CHECK pyr_status pyr_row_finish_flat(const row_decoding *d, pyr_field *field,
                                              const row_places *places, pyr_buffer **buffers,
                                              int32_t count, pyr_status status, pyr_array **out);
/* The values of a plain field for the valid places, as an array of all of them. */
PYR_MUST_CHECK pyr_status pyr_row_read_values(row_decoding *d, pyr_field *field,
                                              const row_places *places, pyr_array **out);
/* Those of single forms. */
PYR_MUST_CHECK pyr_status pyr_row_read_bytes(row_decoding *d, pyr_field *field,
                                             const row_places *places, pyr_array **out);
PYR_MUST_CHECK pyr_status pyr_row_read_views(row_decoding *d, pyr_field *field,
                                             const row_places *places, pyr_array **out);
PYR_MUST_CHECK pyr_status pyr_row_read_nested(row_decoding *d, pyr_field *field,
                                              const row_places *places, pyr_array **out);
/* Moves over the values of one place; false where they are malformed. */
bool pyr_row_skip_value(row_cursor *cursor, const pyr_field *field);

#endif
