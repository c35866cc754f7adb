/* aggregate_loops.h - the loops that states are changed in: private to aggregate_*.c. */
#ifndef PYR_EXEC_AGGREGATE_LOOPS_H
#define PYR_EXEC_AGGREGATE_LOOPS_H

#include "exec/aggregate_internal.h"

#include <string.h>

/* For each row of input: BODY with `row` (of a vector) and `state` (uint8_t *). */
#define PYR_FOR_ROWS(INPUT, BODY)                                                               \
    for (int32_t k_ = 0; k_ < (INPUT)->count; ++k_) {                                           \
        int32_t row = (INPUT)->rows != NULL ? (INPUT)->rows[k_] : k_;                           \
        uint8_t *state = (INPUT)->states +                                                      \
                         ((INPUT)->groups != NULL ? (INPUT)->groups[k_] * (INPUT)->stride : 0); \
        BODY                                                                                    \
    }

/* For each row whose value in VECTOR is not NULL: BODY with `value` (TYPE) and `state`. The common
 * cases have loops of their own, without a branch on what does not change. */
#define PYR_FOR_VALUES(INPUT, VECTOR, TYPE, BODY)                                           \
    do {                                                                                    \
        const TYPE *values_ = (VECTOR)->data;                                               \
        if ((VECTOR)->validity == NULL && !(VECTOR)->constant && (INPUT)->groups != NULL) { \
            const uint32_t *groups_ = (INPUT)->groups;                                      \
            size_t stride_ = (INPUT)->stride;                                               \
            uint8_t *states_ = (INPUT)->states;                                             \
            if ((INPUT)->rows == NULL) {                                                    \
                for (int32_t k_ = 0; k_ < (INPUT)->count; ++k_) {                           \
                    TYPE value = values_[k_];                                               \
                    uint8_t *state = states_ + groups_[k_] * stride_;                       \
                    BODY                                                                    \
                }                                                                           \
            } else {                                                                        \
                for (int32_t k_ = 0; k_ < (INPUT)->count; ++k_) {                           \
                    TYPE value = values_[(INPUT)->rows[k_]];                                \
                    uint8_t *state = states_ + groups_[k_] * stride_;                       \
                    BODY                                                                    \
                }                                                                           \
            }                                                                               \
        } else {                                                                            \
            PYR_FOR_ROWS(INPUT, {                                                           \
                if (!pyr_vector_is_null((VECTOR), row)) {                                   \
                    TYPE value = values_[(VECTOR)->constant ? 0 : row];                     \
                    BODY                                                                    \
                }                                                                           \
            })                                                                              \
        }                                                                                   \
    } while (0)

/* States of FROM into those of INTO: BODY with `into` and `from` (uint8_t *). */
#define PYR_FOR_STATES(BODY)                                                 \
    for (int32_t k_ = 0; k_ < count; ++k_) {                                 \
        uint8_t *into = states + (groups != NULL ? groups[k_] * stride : 0); \
        uint8_t *from = from_states + (size_t)k_ * from_stride;              \
        BODY                                                                 \
    }

static inline void pyr_result_null(uint64_t *validity, int32_t i) {
    validity[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

/* The rows of a vector that count and are not NULL, for who takes all at once: input's mask, or
 * with validity the two together in room (PYR_VECTOR_WORDS words). NULL: all of span. */
static inline const uint64_t *pyr_valid_mask(const pyr_aggregate_input *input,
                                             const pyr_vector *vector, uint64_t *room) {
    int32_t words = (input->span + 63) / 64;
    if (vector->validity == NULL) {
        return input->mask;
    }
    for (int32_t w = 0; w < words; ++w) {
        room[w] = vector->validity[w] & (input->mask != NULL ? input->mask[w] : ~UINT64_C(0));
    }
    if ((input->span & 63) != 0) {
        room[words - 1] &= (UINT64_C(1) << (input->span & 63)) - 1;
    }
    return room;
}
static inline int64_t pyr_mask_rows(const pyr_aggregate_input *input, const uint64_t *mask) {
    return mask == NULL          ? input->span
           : mask == input->mask ? input->count
                                 : pyr_kernels_get()->mask_count(mask, input->span);
}

/* A list that grows, from malloc, in the budget (aggregate_lists.c). */
typedef struct pyr_list_state {
    uint8_t *bytes;
    uint64_t used, capacity;
    uint64_t values;
} pyr_list_state;
PYR_MUST_CHECK pyr_status pyr_list_append(const pyr_aggregate_function *self, pyr_list_state *of,
                                          const void *bytes, uint64_t size_bytes, pyr_error *error);
/* Functions of states that are lists. */
PYR_MUST_CHECK pyr_status pyr_list_combine(const pyr_aggregate_function *self, uint8_t *states,
                                           size_t stride, const uint32_t *groups,
                                           uint8_t *from_states, size_t from_stride, int32_t count,
                                           pyr_arena *arena, pyr_error *error);
void pyr_list_destroy(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                      int64_t count);

/* Each fills the functions of its aggregates; false: not one of its own. */
bool pyr_aggregate_sums(pyr_aggregate_function *out);
bool pyr_aggregate_extremes(pyr_aggregate_function *out);
bool pyr_aggregate_moments(pyr_aggregate_function *out);
bool pyr_aggregate_lists(pyr_aggregate_function *out);
bool pyr_aggregate_quantiles(pyr_aggregate_function *out); /* lists, by pyr_aggregate_lists */

#endif
