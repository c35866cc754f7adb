/* aggregate_functions.c - which states an aggregate has; counts, and, or, bits. */
#include "exec/aggregate_loops.h"

/* ---- COUNT ---- */

static void add_i64(uint8_t *state, int64_t more) {
    int64_t *count = (int64_t *)(void *)state;
    *count += more;
}

static pyr_status count_rows(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                             pyr_error *error) {
    (void)self;
    (void)error;
    if (input->groups == NULL) {
        add_i64(input->states, input->count);
        return PYR_OK;
    }
    for (int32_t k = 0; k < input->count; ++k) {
        add_i64(input->states + input->groups[k] * input->stride, 1);
    }
    return PYR_OK;
}

static pyr_status count_values(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                               pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    if (vector->validity == NULL) {
        return count_rows(self, input, error);
    }
    if (input->groups == NULL && !vector->constant) {
        uint64_t room[PYR_VECTOR_WORDS];
        add_i64(input->states, pyr_mask_rows(input, pyr_valid_mask(input, vector, room)));
        return PYR_OK;
    }
    PYR_FOR_ROWS(input, add_i64(state, !pyr_vector_is_null(vector, row));)
    return PYR_OK;
}

static pyr_status count_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                                int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self;
    (void)arena;
    (void)error;
    PYR_FOR_STATES(add_i64(into, *(const int64_t *)(const void *)from);)
    return PYR_OK;
}

static pyr_status count_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                 int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    int64_t *out = data;
    (void)self;
    (void)validity;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        out[i] = *(const int64_t *)(const void *)(states + (size_t)i * stride);
    }
    return PYR_OK;
}

/* ---- BOOL_AND, BOOL_OR: whether a true and whether a false was there ---- */

typedef struct bool_state {
    uint32_t any_true, any_false;
} bool_state;

static pyr_status bool_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    const uint64_t *bits = vector->data;
    (void)self;
    (void)error;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            int32_t at = vector->constant ? 0 : row;
            bool value = (bits[at >> 6] >> (at & 63)) & 1;
            bool_state *of = (bool_state *)(void *)state;
            of->any_true |= value;
            of->any_false |= !value;
        }
    })
    return PYR_OK;
}

static pyr_status bool_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self;
    (void)arena;
    (void)error;
    PYR_FOR_STATES({
        bool_state *to = (bool_state *)(void *)into;
        const bool_state *of = (const bool_state *)(const void *)from;
        to->any_true |= of->any_true;
        to->any_false |= of->any_false;
    })
    return PYR_OK;
}

static pyr_status bool_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    uint64_t *bits = data;
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        const bool_state *of = (const bool_state *)(const void *)(states + (size_t)i * stride);
        bool value =
            self->aggregate->op == PYR_AGGREGATE_BOOL_AND ? of->any_false == 0 : of->any_true != 0;
        uint64_t bit = UINT64_C(1) << (i & 63);
        bits[i >> 6] = value ? bits[i >> 6] | bit : bits[i >> 6] & ~bit;
        if (of->any_true == 0 && of->any_false == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

/* ---- BIT_AND, BIT_OR, BIT_XOR ---- */

typedef struct bits_state {
    uint64_t bits;
    uint64_t seen;
} bits_state;

static void add_bits(pyr_aggregate_op op, uint8_t *state, uint64_t value) {
    bits_state *of = (bits_state *)(void *)state;
    if (of->seen == 0) {
        of->bits = value;
        of->seen = 1;
    } else if (op == PYR_AGGREGATE_BIT_AND) {
        of->bits &= value;
    } else if (op == PYR_AGGREGATE_BIT_OR) {
        of->bits |= value;
    } else {
        of->bits ^= value;
    }
}

static pyr_status bits_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    size_t width = pyr_physical_bytes(self->physical);
    (void)error;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            uint64_t value = 0;
            memcpy(&value,
                   (const uint8_t *)vector->data + (size_t)(vector->constant ? 0 : row) * width,
                   width);
            add_bits(self->aggregate->op, state, value);
        }
    })
    return PYR_OK;
}

static pyr_status bits_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)arena;
    (void)error;
    PYR_FOR_STATES({
        const bits_state *of = (const bits_state *)(const void *)from;
        if (of->seen != 0) {
            add_bits(self->aggregate->op, into, of->bits);
        }
    })
    return PYR_OK;
}

static pyr_status bits_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    size_t width = pyr_physical_bytes(self->result);
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        const bits_state *of = (const bits_state *)(const void *)(states + (size_t)i * stride);
        memcpy((uint8_t *)data + (size_t)i * width, &of->bits, width);
        if (of->seen == 0) {
            pyr_result_null(validity, i);
        }
    }
    return PYR_OK;
}

/* ---- The set of keys: nothing to keep, the source knows it ---- */

static pyr_status set_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                             pyr_error *error) {
    (void)self;
    (void)input;
    (void)error;
    return PYR_OK;
}

static pyr_status set_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                              const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                              int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self, (void)states, (void)stride, (void)groups, (void)from_states, (void)from_stride;
    (void)count, (void)arena, (void)error;
    return PYR_OK;
}

/* ---- All of them. ---- */

static bool set_functions(pyr_aggregate_function *out) {
    switch (out->aggregate->op) {
    case PYR_AGGREGATE_COUNT_STAR:
    case PYR_AGGREGATE_COUNT:
        out->by_mask = true;
        out->state_bytes = sizeof(int64_t);
        out->update = out->aggregate->op == PYR_AGGREGATE_COUNT_STAR ? count_rows : count_values;
        out->combine = count_combine;
        out->finalize = count_finalize;
        return true;
    case PYR_AGGREGATE_BOOL_AND:
    case PYR_AGGREGATE_BOOL_OR:
        out->state_bytes = sizeof(bool_state);
        out->update = bool_update;
        out->combine = bool_combine;
        out->finalize = bool_finalize;
        return out->physical == PYR_PHYSICAL_BIT;
    case PYR_AGGREGATE_BIT_AND:
    case PYR_AGGREGATE_BIT_OR:
    case PYR_AGGREGATE_BIT_XOR:
        out->state_bytes = sizeof(bits_state);
        out->update = bits_update;
        out->combine = bits_combine;
        out->finalize = bits_finalize;
        return out->physical >= PYR_PHYSICAL_I8 && out->physical <= PYR_PHYSICAL_U64;
    case PYR_AGGREGATE_SET:
        out->state_bytes = sizeof(int64_t); /* no row of states is without any */
        out->update = set_update;
        out->combine = set_combine;
        out->finalize = count_finalize;
        return true;
    default:
        return pyr_aggregate_sums(out) || pyr_aggregate_extremes(out) ||
               pyr_aggregate_moments(out) || pyr_aggregate_lists(out);
    }
}

pyr_status pyr_aggregate_function_of(const pyr_aggregate *aggregate, bool never_null,
                                     pyr_budget *budget, pyr_aggregate_function *out,
                                     pyr_error *error) {
    memset(out, 0, sizeof(*out));
    out->aggregate = aggregate;
    out->budget = budget;
    out->uncounted = never_null;
    out->result = pyr_sql_type_physical(aggregate->type);
    if (aggregate->arguments_count > 0) {
        out->physical = pyr_sql_type_physical(aggregate->arguments[0]->type);
    }
    if (aggregate->distinct || !set_functions(out)) {
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", aggregate->offset,
                                 "the native engine does not cover %s",
                                 aggregate->distinct ? "this mix of DISTINCT aggregates"
                                                     : "this aggregate of this type");
    }
    return PYR_OK;
}
