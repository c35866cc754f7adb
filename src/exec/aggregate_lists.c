/* aggregate_lists.c - the list of a group's values, for aggregates that need all of them;
 * STRING_AGG.
 */
#include "exec/aggregate_loops.h"

#include <stdlib.h>

pyr_status pyr_list_append(const pyr_aggregate_function *self, pyr_list_state *of,
                           const void *bytes, uint64_t size_bytes, pyr_error *error) {
    if (of->used + size_bytes > of->capacity) {
        uint64_t capacity = 2 * of->capacity > of->used + size_bytes ? 2 * of->capacity
                                                                     : of->used + size_bytes + 32;
        uint64_t more = capacity - of->capacity;
        if (self->budget != NULL && !pyr_budget_take(self->budget, more)) {
            return pyr_error_set(error, PYR_ERROR_MEMORY, "a group's values pass the memory limit");
        }
        uint8_t *grown = realloc(of->bytes, capacity);
        if (grown == NULL) {
            if (self->budget != NULL) {
                pyr_budget_give(self->budget, more);
            }
            return pyr_error_memory(error, capacity);
        }
        of->bytes = grown;
        of->capacity = capacity;
    }
    if (size_bytes > 0) {
        memcpy(of->bytes + of->used, bytes, size_bytes);
    }
    of->used += size_bytes;
    return PYR_OK;
}

void pyr_list_destroy(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                      int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        pyr_list_state *of = (pyr_list_state *)(void *)(states + (size_t)i * stride);
        free(of->bytes);
        if (self->budget != NULL) {
            pyr_budget_give(self->budget, of->capacity);
        }
        *of = (pyr_list_state){0};
    }
}

pyr_status pyr_list_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                            const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                            int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)arena;
    PYR_FOR_STATES({
        pyr_list_state *to = (pyr_list_state *)(void *)into;
        const pyr_list_state *of = (const pyr_list_state *)(const void *)from;
        if (of->values > 0 && to->values > 0 && self->aggregate->op == PYR_AGGREGATE_STRING_AGG) {
            PYR_TRY(pyr_list_append(self, to, self->aggregate->parameter.string.bytes,
                                    self->aggregate->parameter.string.length, error));
        }
        PYR_TRY(pyr_list_append(self, to, of->bytes, of->used, error));
        to->values += of->values;
    })
    return PYR_OK;
}

/* ---- STRING_AGG ---- */

static pyr_status text_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    pyr_string separator = self->aggregate->parameter.string;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            pyr_list_state *of = (pyr_list_state *)(void *)state;
            pyr_string value = pyr_vector_string(vector, row);
            if (of->values++ > 0) {
                PYR_TRY(pyr_list_append(self, of, separator.bytes, separator.length, error));
            }
            PYR_TRY(pyr_list_append(self, of, value.bytes, value.length, error));
        }
    })
    return PYR_OK;
}

static pyr_status text_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    pyr_string *out = data;
    (void)self;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        const pyr_list_state *of =
            (const pyr_list_state *)(const void *)(states + (size_t)i * stride);
        out[i] = (pyr_string){of->bytes, of->used};
        if (of->values == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

bool pyr_aggregate_lists(pyr_aggregate_function *out) {
    out->state_bytes = sizeof(pyr_list_state);
    out->combine = pyr_list_combine;
    out->destroy = pyr_list_destroy;
    if (out->aggregate->op != PYR_AGGREGATE_STRING_AGG) {
        return pyr_aggregate_quantiles(out);
    }
    out->update = text_update;
    out->finalize = text_finalize;
    return out->physical == PYR_PHYSICAL_STRING;
}
