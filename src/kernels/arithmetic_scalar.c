/* arithmetic_scalar.c - sums, differences and products of spans: the oracle. */
#include "kernels/arithmetic_spans.h"

void pyr_arithmetic_scalar(pyr_kernels *table) {
    arithmetic_put(table);
}
