/* validate_internal.h - shared by validate.c (structure) and validate_values.c (every row). */
#ifndef PYR_ARROW_VALIDATE_INTERNAL_H
#define PYR_ARROW_VALIDATE_INTERNAL_H

#include "arrow/arrow_internal.h"

/* Where in the tree an array stands, for messages; lives on the stack of the recursion. */
typedef struct validation_place {
    const struct validation_place *parent; /* NULL at the top */
    const char *name;                      /* the child's name, NULL at the top */
    int32_t depth;
} validation_place;

/* PYR_ERROR_CORRUPT with the path in front; row -1: none. */
PYR_MUST_CHECK pyr_status pyr_validate_fail(const validation_place *place, const pyr_array *array,
                                            int64_t row, pyr_error *error, const char *format, ...)
    PYR_PRINTF(5, 6);
/* Values of one array whose structure, and whose children's, was found good. */
PYR_MUST_CHECK pyr_status pyr_validate_values(const pyr_array *array, const validation_place *place,
                                              pyr_error *error);

#endif
