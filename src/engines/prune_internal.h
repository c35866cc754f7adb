/* prune_internal.h - a condition's constant as what zone maps keep of a column. */
#ifndef PYR_ENGINES_PRUNE_INTERNAL_H
#define PYR_ENGINES_PRUNE_INTERNAL_H

#include "engines/prune.h"
#include "sql/conjuncts.h"

typedef enum pyr_bound_kind {
    PYR_BOUND_NONE,     /* not understood, or not surely comparable */
    PYR_BOUND_INTEGERS, /* integers, BOOLEAN, dates, timestamps in their unit */
    PYR_BOUND_DOUBLES,
    PYR_BOUND_BYTES
} pyr_bound_kind;

/* The constant lies in [low, high]: more than one value where the engine may compare in a type that
 * rounds, or where it lies between two of the column's. */
typedef struct pyr_bound {
    pyr_bound_kind kind;
    __int128 low, high;
    double low_double, high_double;
    const uint8_t *bytes; /* borrowed from the constant or the parameter */
    size_t size_bytes;
} pyr_bound;

/* kind PYR_BOUND_NONE where field's values are not compared with it as zone maps are. */
void pyr_bound_of(const pyr_constant *constant, const pyr_batch *params, const pyr_field *field,
                  bool utc, pyr_bound *out);

/* What settings mean for comparisons: false where one may change them, *utc false where one changes
 * what time a text means. dialect NULL: as by default. */
bool pyr_prune_knows_dialect(const pyr_dialect *dialect, bool *utc);

#endif
