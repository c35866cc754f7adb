/* element.h - numbers of a type that is known at run time, a block at a time: the filters' own. */
#ifndef PYR_FORMATS_CODECS_ELEMENT_H
#define PYR_FORMATS_CODECS_ELEMENT_H

#include "base/error.h"

typedef struct pyr_element {
    char kind;       /* 'i', 'u' or 'f' */
    int32_t bytes;   /* i and u: 1, 2, 4, 8; f: 4, 8 */
    bool big_endian; /* of the stored bytes; false for single ones */
} pyr_element;

/* Zarr v2's name of a type: "<i4". INVALID_ARGUMENT: no such text; NOT_SUPPORTED: another type. */
PYR_MUST_CHECK pyr_status pyr_element_parse(const char *type, pyr_element *out, pyr_error *error);

/* count elements, unaligned. Whole numbers as their 64 bits, extended by their sign. */
void pyr_element_load_bits(const pyr_element *type, const uint8_t *bytes, size_t count,
                           uint64_t *out);
void pyr_element_store_bits(const pyr_element *type, const uint64_t *values, size_t count,
                            uint8_t *out);
/* As double: whole numbers above 2^53 are rounded. */
void pyr_element_load_doubles(const pyr_element *type, const uint8_t *bytes, size_t count,
                              double *out);
/* Cut towards zero and kept in range; NaN as whole number is 0. */
void pyr_element_store_doubles(const pyr_element *type, const double *values, size_t count,
                               uint8_t *out);

#endif
