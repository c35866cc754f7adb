/* checked.h - arithmetic on numbers from outside. Each returns false on overflow and leaves *out
 * unspecified then. */
#ifndef PYR_BASE_CHECKED_H
#define PYR_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool pyr_add_i64(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}
static inline bool pyr_mul_i64(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool pyr_add_size(size_t a, size_t b, size_t *out) {
    return !__builtin_add_overflow(a, b, out);
}
static inline bool pyr_mul_size(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
/* value rounded up to a multiple of alignment, a power of two. */
static inline bool pyr_align_up_size(size_t value, size_t alignment, size_t *out) {
    size_t sum;
    if (!pyr_add_size(value, alignment - 1, &sum)) {
        return false;
    }
    *out = sum & ~(alignment - 1);
    return true;
}

#endif
