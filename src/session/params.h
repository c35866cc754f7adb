/* params.h - a statement's parameters: one row of the C Data Interface as a batch. */
#ifndef PYR_SESSION_PARAMS_H
#define PYR_SESSION_PARAMS_H

#include "arrow/batch.h"
#include "base/text.h"
#include "pyralog.h"

/* The schema that a statement's parameters had last, for the next ones: importing the fields of
 * thousands takes longer than what they are inserted for. Released by its owner. */
typedef struct pyr_kept_schema {
    pyr_schema *schema; /* NULL: none */
    pyr_text signature;
} pyr_kept_schema;

/* The caller's own bytes, checked: the batch must not outlive the call, or is copied. *out NULL:
 * there are none. INVALID_ARGUMENT where there is not one row, CORRUPT where the arrays do not hold
 * together. */
PYR_MUST_CHECK pyr_status pyr_params_borrow(const pyr_params *params, pyr_batch **out,
                                            pyr_error *error);
/* The same, copied: a result may need its parameters after the call. */
PYR_MUST_CHECK pyr_status pyr_params_copy(const pyr_params *params, pyr_batch **out,
                                          pyr_error *error);
/* The same, of any number of rows up to INT32_MAX. kept NULL: nothing is. */
PYR_MUST_CHECK pyr_status pyr_params_copy_rows(const pyr_params *params, pyr_kept_schema *kept,
                                               pyr_batch **out, pyr_error *error);

#endif
