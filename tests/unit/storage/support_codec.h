/* support_codec.h - what the tests of row bitmaps, keys and rows share; the arrays of every type
 * are those of the tests of src/arrow. */
#ifndef TESTS_STORAGE_SUPPORT_CODEC_H
#define TESTS_STORAGE_SUPPORT_CODEC_H

#include "unit/arrow/support_arrays.h"

static inline uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
static inline uint64_t random_u64(uint32_t *state) {
    uint64_t high = next_random(state), middle = next_random(state);
    return high << 40 ^ middle << 20 ^ next_random(state);
}

#endif
