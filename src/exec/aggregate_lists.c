/* aggregate_lists.c - aggregates that need every value of the group: quantiles, STRING_AGG. */
#include "exec/aggregate_loops.h"

#include <math.h>
#include <stdlib.h>

/* A list that grows, from malloc, in the budget. */
typedef struct list_state {
    uint8_t *bytes;
    uint64_t used, capacity;
    uint64_t values;
} list_state;

static pyr_status append(const pyr_aggregate_function *self, list_state *of, const void *bytes,
                         uint64_t size_bytes, pyr_error *error) {
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

static void destroy(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                    int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        list_state *of = (list_state *)(void *)(states + (size_t)i * stride);
        free(of->bytes);
        if (self->budget != NULL) {
            pyr_budget_give(self->budget, of->capacity);
        }
        *of = (list_state){0};
    }
}

/* ---- MEDIAN, QUANTILE_CONT of doubles ---- */

static pyr_status values_update(const pyr_aggregate_function *self,
                                const pyr_aggregate_input *input, pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    PYR_FOR_VALUES(input, vector, double, {
        list_state *of = (list_state *)(void *)state;
        PYR_TRY(append(self, of, &value, sizeof(value), error));
        ++of->values;
    });
    return PYR_OK;
}

static pyr_status list_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)arena;
    PYR_FOR_STATES({
        list_state *to = (list_state *)(void *)into;
        const list_state *of = (const list_state *)(const void *)from;
        if (of->values > 0 && to->values > 0 && self->aggregate->op == PYR_AGGREGATE_STRING_AGG) {
            PYR_TRY(append(self, to, self->aggregate->parameter.string.bytes,
                           self->aggregate->parameter.string.length, error));
        }
        PYR_TRY(append(self, to, of->bytes, of->used, error));
        to->values += of->values;
    })
    return PYR_OK;
}

/* NaN is the greatest. */
static bool less(double a, double b) {
    return a != a ? false : b != b || a < b;
}

/* Puts the value of rank `at` at its place, smaller ones before, greater behind: quickselect with
 * the middle of three. */
static void select_rank(double *values, int64_t count, int64_t at) {
    int64_t low = 0;
    int64_t high = count - 1;
    while (low < high) {
        double a = values[low];
        double b = values[low + (high - low) / 2];
        double c = values[high];
        double pivot = less(a, b) ? (less(b, c)   ? b
                                     : less(a, c) ? c
                                                  : a)
                                  : (less(a, c)   ? a
                                     : less(b, c) ? c
                                                  : b);
        int64_t i = low;
        int64_t j = high;
        while (i <= j) {
            while (less(values[i], pivot)) {
                ++i;
            }
            while (less(pivot, values[j])) {
                --j;
            }
            if (i <= j) {
                double swap = values[i];
                values[i++] = values[j];
                values[j--] = swap;
            }
        }
        if (at <= j) {
            high = j;
        } else if (at >= i) {
            low = i;
        } else {
            return;
        }
    }
}

static double quantile(double *values, int64_t count, double share) {
    double rank = (double)(count - 1) * share;
    int64_t floor_rank = (int64_t)floor(rank);
    int64_t ceil_rank = (int64_t)ceil(rank);
    select_rank(values, count, floor_rank);
    double low = values[floor_rank];
    if (ceil_rank == floor_rank) {
        return low;
    }
    select_rank(values + floor_rank + 1, count - floor_rank - 1, 0);
    double high = values[floor_rank + 1];
    /* Not low + (high - low) * part, which is NaN between two infinities. */
    double part = rank - (double)floor_rank;
    return low * (1 - part) + high * part;
}

static pyr_status quantile_finalize(const pyr_aggregate_function *self, uint8_t *states,
                                    size_t stride, int32_t count, void *data, uint64_t *validity,
                                    pyr_error *error) {
    double *out = data;
    double share =
        self->aggregate->op == PYR_AGGREGATE_MEDIAN ? 0.5 : self->aggregate->parameter.f64;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        list_state *of = (list_state *)(void *)(states + (size_t)i * stride);
        out[i] = 0;
        if (of->values == 0) {
            pyr_result_null(validity, i);
        } else {
            out[i] = quantile((double *)(void *)of->bytes, (int64_t)of->values, share);
        }
    }
    return PYR_OK;
}

/* ---- STRING_AGG ---- */

static pyr_status text_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    pyr_string separator = self->aggregate->parameter.string;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            list_state *of = (list_state *)(void *)state;
            pyr_string value = pyr_vector_string(vector, row);
            if (of->values++ > 0) {
                PYR_TRY(append(self, of, separator.bytes, separator.length, error));
            }
            PYR_TRY(append(self, of, value.bytes, value.length, error));
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
        const list_state *of = (const list_state *)(const void *)(states + (size_t)i * stride);
        out[i] = (pyr_string){of->bytes, of->used};
        if (of->values == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

bool pyr_aggregate_lists(pyr_aggregate_function *out) {
    out->state_bytes = sizeof(list_state);
    out->combine = list_combine;
    out->destroy = destroy;
    switch (out->aggregate->op) {
    case PYR_AGGREGATE_MEDIAN:
    case PYR_AGGREGATE_QUANTILE_CONT:
        out->update = values_update;
        out->finalize = quantile_finalize;
        return out->physical == PYR_PHYSICAL_F64 && out->result == PYR_PHYSICAL_F64;
    case PYR_AGGREGATE_STRING_AGG:
        out->update = text_update;
        out->finalize = text_finalize;
        return out->physical == PYR_PHYSICAL_STRING;
    default:
        return false;
    }
}
