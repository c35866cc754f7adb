/* array.h - arrays: immutable, reference-counted views over shared buffers.
 *
 * Invariants of a valid array (pyr_array_validate checks them for arrays from outside):
 *  1. buffers hold the layout of field->type for offset + length values; a buffer may be longer.
 *  2. The validity buffer may be NULL where null_count is 0. null_count -1 means not counted yet.
 *  3. Children of STRUCT and SPARSE_UNION have at least offset + length values: the parent's offset
 *     applies to them too, as in the C Data Interface. Children of lists and DENSE_UNION are
 *     addressed through offsets alone. FIXED_SIZE_LIST: (offset + length) * list_size values.
 *     A RUN_END_ENCODED array's offset applies to logical positions, never to its children.
 *  4. A slice shares all buffers and children; only offset, length and null_count differ.
 *  5. codes, where there are any, number the values of places 0 to offset + length - 1 at least.
 */
#ifndef PYR_ARROW_ARRAY_H
#define PYR_ARROW_ARRAY_H

#include "arrow/codes.h"
#include "arrow/type.h"
#include "base/bits.h"
#include "base/buffer.h"
#include "base/ledger.h"

typedef struct pyr_array pyr_array;
struct pyr_array {
    atomic_size_t references;
    pyr_field *field; /* retained: the type; its name carries no meaning */
    int64_t length;
    int64_t offset;
    _Atomic int64_t null_count; /* -1 unknown; use pyr_array_null_count */
    int32_t buffers_count;      /* the layout's, plus variadic ones */
    int32_t children_count;
    pyr_buffer **buffers;  /* retained; entries may be NULL (absent validity, empty buffers) */
    pyr_array **children;  /* retained */
    pyr_array *dictionary; /* retained; DICTIONARY only */
    pyr_codes *codes;      /* retained; NULL: none. UTF8 only */
};

/* Takes no ownership: retains field, buffers, children and dictionary. Validates nothing. */
PYR_MUST_CHECK pyr_status pyr_array_create(pyr_field *field, int64_t length, int64_t offset,
                                           int64_t null_count, pyr_buffer *const *buffers,
                                           int32_t buffers_count, pyr_array *const *children,
                                           int32_t children_count, pyr_array *dictionary,
                                           pyr_array **out, pyr_error *error);
/* Before it is shared. Retains codes. */
void pyr_array_set_codes(pyr_array *array, pyr_codes *codes);
pyr_array *pyr_array_retain(pyr_array *array); /* NULL allowed */
void pyr_array_release(pyr_array *array);      /* NULL allowed */

/* Rows [offset, offset + length) of array, clipped never: out of range is a bug. O(1) in rows. */
PYR_MUST_CHECK pyr_status pyr_array_slice(pyr_array *array, int64_t offset, int64_t length,
                                          pyr_array **out, pyr_error *error);
/* All nulls; length 0 gives the empty array of a type. LIMIT where 16-bit run ends or a dense
 * union's offsets do not reach; NOT_SUPPORTED for nulls of a union without children. */
PYR_MUST_CHECK pyr_status pyr_array_create_null(pyr_field *field, int64_t length,
                                                pyr_budget *budget, pyr_array **out,
                                                pyr_error *error);

/* Counted on first use, then kept. Physical nulls of the validity bitmap (NULL type: length). */
int64_t pyr_array_null_count(pyr_array *array);
/* index counts from the array's offset. Looks at the validity bitmap (NULL type: always null);
 * unions and run-end encoded arrays have none and are never null by themselves. */
static inline bool pyr_array_is_null(const pyr_array *array, int64_t index) {
    if (array->field->type == PYR_TYPE_NULL) {
        return true;
    }
    if (array->field->type == PYR_TYPE_SPARSE_UNION || array->field->type == PYR_TYPE_DENSE_UNION ||
        array->field->type == PYR_TYPE_RUN_END_ENCODED) {
        return false;
    }
    return array->buffers[0] != NULL && array->buffers[0]->data != NULL &&
           !pyr_bit_get(array->buffers[0]->data, array->offset + index);
}
/* The value's bytes, for (LARGE_)UTF8/BINARY, views and FIXED_SIZE_BINARY; not for nulls. */
const uint8_t *pyr_array_bytes(const pyr_array *array, int64_t index, size_t *size_bytes);
/* LIST, LARGE_LIST, MAP, list views, FIXED_SIZE_LIST: the child range [*start, *start + *length)
 * in children[0], counted from that child's own offset. */
void pyr_array_list_range(const pyr_array *array, int64_t index, int64_t *start, int64_t *length);
/* Bool, integers (sign or zero extended), dates, times, timestamps, durations, year-month. */
int64_t pyr_array_int64(const pyr_array *array, int64_t index);
/* FLOAT16, FLOAT32, FLOAT64. */
double pyr_array_double(const pyr_array *array, int64_t index);
/* A float of 16 bits by IEEE 754, exactly. */
double pyr_half_to_double(uint16_t half);
/* RUN_END_ENCODED: the index into values for a logical index. DENSE/SPARSE union: child's ordinal
 * and the index in it. DICTIONARY: the index into the dictionary. */
int64_t pyr_array_run_index(const pyr_array *array, int64_t index);
void pyr_array_union_slot(const pyr_array *array, int64_t index, int32_t *child, int64_t *slot);
int64_t pyr_array_dictionary_index(const pyr_array *array, int64_t index);

/* STRUCTURE: buffer sizes against lengths, first and last offset: O(1) in rows, touches no page but
 * those ends. FULL: also offsets monotonic and in range, view and dictionary indices, type codes,
 * run ends, UTF-8, null_count: O(n), makes every later access safe. PYR_ERROR_CORRUPT names the
 * field's path and row. */
typedef enum pyr_validation { PYR_VALIDATE_STRUCTURE, PYR_VALIDATE_FULL } pyr_validation;
PYR_MUST_CHECK pyr_status pyr_array_validate(const pyr_array *array, pyr_validation level,
                                             pyr_error *error);

/* Logical equality: same type, same nulls, same values; what stands under a null does not count.
 * NaN equals NaN of any payload; -0.0 differs from 0.0. */
bool pyr_array_equal(const pyr_array *a, const pyr_array *b);

/* Bytes of the array's own values: the spans of its buffers that rows [offset, offset + length)
 * use, children and dictionary included. What the ledger counts as scanned or referenced. */
int64_t pyr_array_size_bytes(const pyr_array *array);
/* Checks every mapping the buffers lie in (mapping.h). */
PYR_MUST_CHECK pyr_status pyr_array_check_mappings(const pyr_array *array, pyr_error *error);

/* Rows picked by indices (each in range, checked: PYR_ERROR_INVALID_ARGUMENT; -1 gives null),
 * dense, in new buffers from budget, counted as reason. Dictionary arrays keep their dictionary. */
PYR_MUST_CHECK pyr_status pyr_array_take(const pyr_array *array, const int32_t *indices,
                                         int64_t count, pyr_copy_reason reason,
                                         pyr_query_ledger *ledger, pyr_budget *budget,
                                         pyr_array **out, pyr_error *error);
/* Arrays of one type after each other, counted as PYR_COPY_CONCAT. One array: itself, no copy.
 * Dictionaries of which one begins with all others are shared, different ones appended; LIMIT when
 * their indices, 32-bit offsets or run ends do not suffice. count 0 is a bug: use
 * pyr_array_create_null. */
PYR_MUST_CHECK pyr_status pyr_array_concat(pyr_array *const *arrays, size_t count,
                                           pyr_query_ledger *ledger, pyr_budget *budget,
                                           pyr_array **out, pyr_error *error);

#endif
