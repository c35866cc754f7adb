/* aggregate_sums.c - SUM, AVG and FSUM.
 *
 * Integers of up to 32 bits add up in 64 bits, with a check; wider ones and decimals in 128, so
 * that the sum is exact whatever the order. Doubles are added in the order of the rows of a worker.
 */
#include "exec/aggregate_loops.h"

typedef struct narrow_state {
    int64_t sum;
    int64_t count;
} narrow_state;
typedef struct wide_state {
    uint64_t low;
    int64_t high;
    int64_t count;
} wide_state;
typedef struct real_state {
    double sum;
    int64_t count;
} real_state;
typedef struct kahan_state {
    double sum, lost;
    int64_t count;
} kahan_state;

static inline pyr_i128 wide_get(const wide_state *state) {
    return (pyr_i128)(((pyr_u128)(uint64_t)state->high << 64) | state->low);
}
static inline void wide_set(wide_state *state, pyr_i128 value) {
    state->low = (uint64_t)value;
    state->high = (int64_t)(value >> 64);
}

static pyr_status out_of_range(const pyr_aggregate_function *self, pyr_error *error) {
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "22003", self->aggregate->offset,
                             "Overflow in HUGEINT addition");
}

/* ---- Up to 32 bits ---- */

static inline bool narrow_add(uint8_t *state, int64_t value, int64_t count) {
    narrow_state *of = (narrow_state *)(void *)state;
    of->count += count;
    return __builtin_add_overflow(of->sum, value, &of->sum);
}

#define NARROW(TYPE) \
    PYR_FOR_VALUES(input, vector, TYPE, { overflow |= narrow_add(state, (int64_t)value, 1); })

static bool narrow_groups(const pyr_aggregate_input *input, const pyr_vector *vector) {
    bool overflow = false;
    switch (vector->physical) {
    case PYR_PHYSICAL_I8:
        NARROW(int8_t);
        break;
    case PYR_PHYSICAL_U8:
        NARROW(uint8_t);
        break;
    case PYR_PHYSICAL_I16:
        NARROW(int16_t);
        break;
    case PYR_PHYSICAL_U16:
        NARROW(uint16_t);
        break;
    case PYR_PHYSICAL_I32:
        NARROW(int32_t);
        break;
    default:
        NARROW(uint32_t);
        break;
    }
    return overflow;
}

static bool narrow_bits(const pyr_aggregate_input *input, const pyr_vector *vector) {
    const uint64_t *bits = vector->data;
    bool overflow = false;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            int32_t at = vector->constant ? 0 : row;
            overflow |= narrow_add(state, (int64_t)((bits[at >> 6] >> (at & 63)) & 1), 1);
        }
    })
    return overflow;
}

/* All rows of a chunk to one state. */
static bool narrow_all(const pyr_aggregate_input *input, const pyr_vector *vector) {
    uint64_t room[PYR_VECTOR_WORDS];
    bool overflow = false;
    const uint64_t *mask = pyr_valid_mask(input, vector, room);
    pyr_i128 sum = pyr_kernels_get()->sum_integers[vector->physical](vector->data, mask,
                                                                     input->span, &overflow);
    return narrow_add(input->states, (int64_t)sum, pyr_mask_rows(input, mask));
}

static pyr_status narrow_update(const pyr_aggregate_function *self,
                                const pyr_aggregate_input *input, pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    bool overflow = false;
    if (vector->physical == PYR_PHYSICAL_BIT) {
        overflow = narrow_bits(input, vector);
    } else if (input->groups == NULL && !vector->constant) {
        overflow = narrow_all(input, vector);
    } else {
        overflow = narrow_groups(input, vector);
    }
    return overflow ? out_of_range(self, error) : PYR_OK;
}

static pyr_status narrow_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                 const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                                 int32_t count, pyr_arena *arena, pyr_error *error) {
    bool overflow = false;
    (void)arena;
    PYR_FOR_STATES({
        const narrow_state *of = (const narrow_state *)(const void *)from;
        overflow |= narrow_add(into, of->sum, of->count);
    })
    return overflow ? out_of_range(self, error) : PYR_OK;
}

/* ---- 64 and 128 bits ---- */

static inline bool wide_add(uint8_t *state, pyr_i128 value, int64_t count) {
    wide_state *of = (wide_state *)(void *)state;
    pyr_i128 sum = 0;
    bool overflow = __builtin_add_overflow(wide_get(of), value, &sum);
    wide_set(of, sum);
    of->count += count;
    return overflow;
}

typedef pyr_i128 i128_span __attribute__((aligned(8)));

static bool wide_groups(const pyr_aggregate_input *input, const pyr_vector *vector) {
    bool overflow = false;
    switch (vector->physical) {
    case PYR_PHYSICAL_I64: /* a sum of 64-bit values does not leave 128 bits */
        PYR_FOR_VALUES(input, vector, int64_t, { wide_add(state, value, 1); });
        break;
    case PYR_PHYSICAL_U64:
        PYR_FOR_VALUES(input, vector, uint64_t, { wide_add(state, (pyr_i128)value, 1); });
        break;
    default:
        PYR_FOR_VALUES(input, vector, i128_span, { overflow |= wide_add(state, value, 1); });
        break;
    }
    return overflow;
}

static bool wide_all(const pyr_aggregate_input *input, const pyr_vector *vector) {
    uint64_t room[PYR_VECTOR_WORDS];
    bool overflow = false;
    const uint64_t *mask = pyr_valid_mask(input, vector, room);
    pyr_i128 sum = pyr_kernels_get()->sum_integers[vector->physical](vector->data, mask,
                                                                     input->span, &overflow);
    overflow |= wide_add(input->states, sum, pyr_mask_rows(input, mask));
    return overflow;
}

static pyr_status wide_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    bool overflow = input->groups == NULL && !vector->constant ? wide_all(input, vector)
                                                               : wide_groups(input, vector);
    return overflow ? out_of_range(self, error) : PYR_OK;
}

static pyr_status wide_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    bool overflow = false;
    (void)arena;
    PYR_FOR_STATES({
        const wide_state *of = (const wide_state *)(const void *)from;
        overflow |= wide_add(into, wide_get(of), of->count);
    })
    return overflow ? out_of_range(self, error) : PYR_OK;
}

/* The two kinds of integer sums as one for who reads them. */
static pyr_i128 integer_sum(const pyr_aggregate_function *self, const uint8_t *state,
                            int64_t *count) {
    if (self->exact_width) {
        const narrow_state *of = (const narrow_state *)(const void *)state;
        *count = of->count;
        return of->sum;
    }
    const wide_state *of = (const wide_state *)(const void *)state;
    *count = of->count;
    return wide_get(of);
}

static pyr_status integer_sum_finalize(const pyr_aggregate_function *self, uint8_t *states,
                                       size_t stride, int32_t count, void *data, uint64_t *validity,
                                       pyr_error *error) {
    bool narrow = self->result == PYR_PHYSICAL_I64; /* SUM_NO_OVERFLOW */
    for (int32_t i = 0; i < count; ++i) {
        int64_t rows = 0;
        pyr_i128 sum = integer_sum(self, states + (size_t)i * stride, &rows);
        if (rows == 0) {
            pyr_result_null(validity, i);
        }
        if (!narrow) {
            memcpy((uint8_t *)data + (size_t)i * sizeof(sum), &sum, sizeof(sum));
        } else if (sum < INT64_MIN || sum > INT64_MAX) {
            return out_of_range(self, error);
        } else {
            ((int64_t *)data)[i] = (int64_t)sum;
        }
    }
    return PYR_OK;
}

static pyr_status integer_avg_finalize(const pyr_aggregate_function *self, uint8_t *states,
                                       size_t stride, int32_t count, void *data, uint64_t *validity,
                                       pyr_error *error) {
    double *out = data;
    long double scale = 1;
    pyr_sql_type type = self->aggregate->arguments[0]->type;
    (void)error;
    for (int i = 0; type.id == PYR_SQL_DECIMAL && i < type.scale; ++i) {
        scale *= 10;
    }
    for (int32_t i = 0; i < count; ++i) {
        int64_t rows = 0;
        pyr_i128 sum = integer_sum(self, states + (size_t)i * stride, &rows);
        out[i] = rows == 0 ? 0 : (double)((long double)sum / ((long double)rows * scale));
        if (rows == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

/* ---- Floats ---- */

static inline void real_add(uint8_t *state, double value, int64_t count) {
    real_state *of = (real_state *)(void *)state;
    of->sum += value;
    of->count += count;
}

static pyr_status real_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    (void)self;
    (void)error;
    if (input->groups == NULL && !vector->constant) {
        uint64_t room[PYR_VECTOR_WORDS];
        const uint64_t *mask = pyr_valid_mask(input, vector, room);
        double sum =
            pyr_kernels_get()->sum_floats[vector->physical](vector->data, mask, input->span);
        real_add(input->states, sum, pyr_mask_rows(input, mask));
    } else if (vector->physical == PYR_PHYSICAL_F64) {
        PYR_FOR_VALUES(input, vector, double, { real_add(state, value, 1); });
    } else {
        PYR_FOR_VALUES(input, vector, float, { real_add(state, (double)value, 1); });
    }
    return PYR_OK;
}

static pyr_status real_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self;
    (void)arena;
    (void)error;
    PYR_FOR_STATES({
        const real_state *of = (const real_state *)(const void *)from;
        real_add(into, of->sum, of->count);
    })
    return PYR_OK;
}

static pyr_status real_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    double *out = data;
    bool average = self->aggregate->op == PYR_AGGREGATE_AVG;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        const real_state *of = (const real_state *)(const void *)(states + (size_t)i * stride);
        out[i] = average && of->count > 0 ? of->sum / (double)of->count : of->sum;
        if (of->count == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

/* ---- SUM of floats that are never NULL: 8 bytes a group, so twice as many stay in the cache ----
 */

static pyr_status plain_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                               pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    (void)self;
    (void)error;
    if (vector->physical == PYR_PHYSICAL_F64) {
        PYR_FOR_VALUES(input, vector, double, { *(double *)(void *)state += value; });
    } else {
        PYR_FOR_VALUES(input, vector, float, { *(double *)(void *)state += (double)value; });
    }
    return PYR_OK;
}

static pyr_status plain_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                                int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self;
    (void)arena;
    (void)error;
    PYR_FOR_STATES(*(double *)(void *)into += *(const double *)(const void *)from;)
    return PYR_OK;
}

static pyr_status plain_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                 int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    double *out = data;
    (void)self;
    (void)validity;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        out[i] = *(const double *)(const void *)(states + (size_t)i * stride);
    }
    return PYR_OK;
}

bool pyr_aggregate_is_plain_sum(const pyr_aggregate_function *function) {
    return function->update == plain_update;
}

/* ---- FSUM: what each addition loses is kept beside the sum ---- */

static inline void kahan_add(kahan_state *of, double value) {
    double corrected = value - of->lost;
    double sum = of->sum + corrected;
    of->lost = (sum - of->sum) - corrected;
    of->sum = sum;
}

static pyr_status kahan_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                               pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    (void)self;
    (void)error;
    PYR_FOR_VALUES(input, vector, double, {
        kahan_state *of = (kahan_state *)(void *)state;
        kahan_add(of, value);
        ++of->count;
    });
    return PYR_OK;
}

static pyr_status kahan_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                                int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self;
    (void)arena;
    (void)error;
    PYR_FOR_STATES({
        kahan_state *to = (kahan_state *)(void *)into;
        const kahan_state *of = (const kahan_state *)(const void *)from;
        kahan_add(to, of->sum);
        kahan_add(to, -of->lost);
        to->count += of->count;
    })
    return PYR_OK;
}

static pyr_status kahan_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                 int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    double *out = data;
    (void)self;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        const kahan_state *of = (const kahan_state *)(const void *)(states + (size_t)i * stride);
        out[i] = of->sum;
        if (of->count == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

/* ---- Which ---- */

static void set_integers(pyr_aggregate_function *out) {
    bool average = out->aggregate->op == PYR_AGGREGATE_AVG;
    out->exact_width = out->physical != PYR_PHYSICAL_I64 && out->physical != PYR_PHYSICAL_U64 &&
                       out->physical != PYR_PHYSICAL_I128;
    out->state_bytes = out->exact_width ? sizeof(narrow_state) : sizeof(wide_state);
    out->update = out->exact_width ? narrow_update : wide_update;
    out->combine = out->exact_width ? narrow_combine : wide_combine;
    out->finalize = average ? integer_avg_finalize : integer_sum_finalize;
}

bool pyr_aggregate_sums(pyr_aggregate_function *out) {
    bool real = out->physical == PYR_PHYSICAL_F32 || out->physical == PYR_PHYSICAL_F64;
    switch (out->aggregate->op) {
    case PYR_AGGREGATE_SUM:
    case PYR_AGGREGATE_SUM_NO_OVERFLOW:
    case PYR_AGGREGATE_AVG:
        if (real && out->uncounted && out->aggregate->op == PYR_AGGREGATE_SUM) {
            out->state_bytes = sizeof(double);
            out->update = plain_update;
            out->combine = plain_combine;
            out->finalize = plain_finalize;
            return true;
        }
        out->by_mask = true;
        if (real) {
            out->state_bytes = sizeof(real_state);
            out->update = real_update;
            out->combine = real_combine;
            out->finalize = real_finalize;
            return true;
        }
        set_integers(out);
        return out->physical <= PYR_PHYSICAL_I128;
    case PYR_AGGREGATE_FSUM:
        out->state_bytes = sizeof(kahan_state);
        out->update = kahan_update;
        out->combine = kahan_combine;
        out->finalize = kahan_finalize;
        return out->physical == PYR_PHYSICAL_F64;
    default:
        return false;
    }
}
