/* hash_scalar.c - hashes of values and strings: the oracle. Not kept on any disk, and not against
 * somebody who chooses values to collide: tables bound their chains otherwise. */
#include "kernels/hash_spans.h"

void pyr_hash_scalar(pyr_kernels *table) {
    hash_put(table);
}
