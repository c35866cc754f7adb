/* value_order.h - the order of two values of one type, as DuckDB has it: NaN above all numbers,
 * texts by their bytes. Less than 0, 0 or more, as memcmp.
 */
#ifndef PYR_EXEC_VALUE_ORDER_H
#define PYR_EXEC_VALUE_ORDER_H

#include "kernels/value.h"

#include <stdbool.h>
#include <string.h>

static inline int pyr_order_doubles(double a, double b) {
    bool a_nan = a != a;
    bool b_nan = b != b;
    return a_nan || b_nan ? a_nan - b_nan : (a > b) - (a < b);
}

static inline int pyr_order_strings(pyr_string a, pyr_string b) {
    uint64_t common = a.length < b.length ? a.length : b.length;
    int order = common > 0 ? memcmp(a.bytes, b.bytes, (size_t)common) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* a, b: as a vector has them, a BIT in the first of a byte; of any alignment. Intervals have no
 * such order. */
int pyr_order_values(pyr_physical physical, const void *a, const void *b);

#endif
