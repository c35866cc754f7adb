/* select.h - the value at a rank, by quickselect.
 */
#ifndef PYR_EXEC_SELECT_H
#define PYR_EXEC_SELECT_H

#include "kernels/value.h"

#include <stdint.h>

#define PYR_LESS_NUMBER(A, B) ((A) < (B))

/* One of the places [low, high]. Which is nobody's to foresee: values that are laid out for a known
 * choice would take as many passes as there are values. */
static inline int64_t pyr_any_place(uint64_t *random, int64_t low, int64_t high) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return low + (int64_t)(((pyr_u128)*random * (uint64_t)(high - low + 1)) >> 64);
}

/* Puts the value of rank `at` at its place, smaller ones before, greater behind: quickselect with
 * the middle of three. */
#define PYR_DEFINE_SELECT(NAME, TYPE, LESS)                     \
    static void NAME(TYPE *values, int64_t count, int64_t at) { \
        int64_t low = 0;                                        \
        int64_t high = count - 1;                               \
        uint64_t random = (uint64_t)(uintptr_t)values | 1;      \
        while (low < high) {                                    \
            TYPE a = values[pyr_any_place(&random, low, high)]; \
            TYPE b = values[pyr_any_place(&random, low, high)]; \
            TYPE c = values[pyr_any_place(&random, low, high)]; \
            TYPE pivot = LESS(a, b) ? (LESS(b, c)   ? b         \
                                       : LESS(a, c) ? c         \
                                                    : a)        \
                                    : (LESS(a, c)   ? a         \
                                       : LESS(b, c) ? c         \
                                                    : b);       \
            int64_t i = low;                                    \
            int64_t j = high;                                   \
            while (i <= j) {                                    \
                while (LESS(values[i], pivot)) {                \
                    ++i;                                        \
                }                                               \
                while (LESS(pivot, values[j])) {                \
                    --j;                                        \
                }                                               \
                if (i <= j) {                                   \
                    TYPE swap = values[i];                      \
                    values[i++] = values[j];                    \
                    values[j--] = swap;                         \
                }                                               \
            }                                                   \
            if (at <= j) {                                      \
                high = j;                                       \
            } else if (at >= i) {                               \
                low = i;                                        \
            } else {                                            \
                return;                                         \
            }                                                   \
        }                                                       \
    }

#endif
