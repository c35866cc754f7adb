/* support_codec.h - what the tests of row bitmaps, keys and rows share. */
#ifndef TESTS_STORAGE_SUPPORT_CODEC_H
#define TESTS_STORAGE_SUPPORT_CODEC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "base/text.h"

/* Fails the test with the message of error. */
#define check_ok(call)                                                                  \
    do {                                                                                \
        pyr_error check_error_ = {0};                                                   \
        pyr_error *error = &check_error_;                                               \
        if ((call) != PYR_OK) {                                                         \
            fail_msg("%s: %s: %s", #call, check_error_.sqlstate, check_error_.message); \
        }                                                                               \
    } while (0)

static inline uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
static inline uint64_t random_u64(uint32_t *state) {
    uint64_t high = next_random(state), middle = next_random(state);
    return high << 40 ^ middle << 20 ^ next_random(state);
}

#endif
