/* arrow_internal.h - what the files of src/arrow share and nobody else needs.
 *
 * Values are loaded with memcpy: buffers from the C Data Interface need not be aligned, and the
 * compiler makes one load of it.
 */
#ifndef PYR_ARROW_INTERNAL_H
#define PYR_ARROW_INTERNAL_H

#include "arrow/array.h"

#include <stdlib.h>
#include <string.h>

static inline int16_t load_i16(const uint8_t *data, int64_t index) {
    int16_t value;
    memcpy(&value, data + (size_t)index * sizeof(value), sizeof(value));
    return value;
}
static inline int32_t load_i32(const uint8_t *data, int64_t index) {
    int32_t value;
    memcpy(&value, data + (size_t)index * sizeof(value), sizeof(value));
    return value;
}
static inline int64_t load_i64(const uint8_t *data, int64_t index) {
    int64_t value;
    memcpy(&value, data + (size_t)index * sizeof(value), sizeof(value));
    return value;
}
/* An element of an offsets or sizes buffer, 32 or 64 bits wide. */
static inline int64_t load_offset(const uint8_t *data, int64_t index, bool is_64) {
    return is_64 ? load_i64(data, index) : load_i32(data, index);
}

/* The bytes of buffer at place, or NULL where there is no buffer or it is empty. */
static inline const uint8_t *array_data(const pyr_array *array, int32_t place) {
    return array->buffers[place] != NULL ? array->buffers[place]->data : NULL;
}
/* The validity bitmap, or NULL where every slot is valid or the layout has none. */
const uint8_t *pyr_array_validity(const pyr_array *array);

/* "Columnar Format", "Variable-size Binary View Layout": 16 bytes; up to 12 bytes stand inside. */
#define PYR_VIEW_SIZE_BYTES 16
#define PYR_VIEW_INLINE_MAX 12
typedef struct pyr_view {
    int32_t size_bytes;
    union {
        uint8_t inlined[PYR_VIEW_INLINE_MAX];
        struct {
            uint8_t prefix[4];
            int32_t buffer_index;
            int32_t offset;
        } far;
    };
} pyr_view;
_Static_assert(sizeof(pyr_view) == PYR_VIEW_SIZE_BYTES, "the layout of the specification");

/* Facts about layouts. */
bool pyr_type_has_validity(pyr_type_id type);
bool pyr_type_is_utf8(pyr_type_id type);   /* the three kinds of text */
bool pyr_type_is_binary(pyr_type_id type); /* the three kinds of bytes */
bool pyr_type_is_view(pyr_type_id type);
bool pyr_type_is_list_view(pyr_type_id type);
/* Offsets (and sizes) of 64 bits: the large kinds. */
bool pyr_type_is_large(pyr_type_id type);

/* Rows [start, start + length) of array, or that many nulls where array is NULL. */
typedef struct pyr_piece {
    pyr_array *array;
    int64_t start;
    int64_t length;
} pyr_piece;
/* Where new column bytes come from and as what they are accounted. */
typedef struct pyr_gather {
    pyr_copy_reason reason;
    pyr_query_ledger *ledger;
    pyr_budget *budget;
} pyr_gather;
/* The pieces after each other as one new array of field's type; pieces in range (assert). What can
 * be shared is: dictionaries that agree, the data buffers of views, the child of list views of one
 * array. LIMIT where 32-bit offsets, run ends or dictionary indices do not suffice. */
PYR_MUST_CHECK pyr_status pyr_gather_pieces(const pyr_gather *gather, pyr_field *field,
                                            const pyr_piece *pieces, size_t count, pyr_array **out,
                                            pyr_error *error);
/* Whether some row of array may be null. */
bool pyr_array_may_be_null(const pyr_array *array);

/* pyr_array_equal of rows [a_start, +length) and [b_start, +length), in range, of arrays of equal
 * type. */
bool pyr_array_range_equal(const pyr_array *a, int64_t a_start, const pyr_array *b, int64_t b_start,
                           int64_t length);

/* Printing of what has no parts, shared by text and JSON (print_scalar.c): numbers, dates, times,
 * intervals. array's value is not null and of such a type; the caller has dealt with text, bytes,
 * nesting and encodings. json: a decimal below one begins with its zero. */
struct pyr_text;
void pyr_print_scalar(const pyr_array *array, int64_t index, bool json, struct pyr_text *text);
/* Follows dictionaries, runs and unions to the value itself: *array and *index become its. false
 * where it is null. *in_union (NULL allowed): a union was on the way. */
bool pyr_print_resolve(const pyr_array **array, int64_t *index, bool *in_union);
/* Bytes of an extension type as that type, true; false: it is none that has a form of its own.
 * *number: its text is a number in JSON too. array: binary or of fixed size, not null at index. */
bool pyr_print_extension(const pyr_array *array, int64_t index, bool *number,
                         struct pyr_text *text);

#endif
