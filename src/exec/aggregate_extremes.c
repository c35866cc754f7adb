/* aggregate_extremes.c - one value of the group: MIN, MAX, ARG_MIN, ARG_MAX, ANY_VALUE, FIRST,
 * LAST.
 *
 * A state holds a value of any type in 16 bytes; text is copied to the table's arena when it is
 * taken, over what was there where it fits (the first of many values is seldom the last).
 */
#include "exec/aggregate_loops.h"
#include "exec/value_order.h"

typedef struct slot {
    union {
        uint64_t words[2];
        pyr_string string; /* bytes: in the arena */
    } as;
    uint32_t capacity; /* STRING: bytes that may be written there */
    uint8_t state;     /* 0: nothing yet, SLOT_VALUE, SLOT_NULL */
} slot;
enum { SLOT_VALUE = 1, SLOT_NULL = 2 };

typedef struct pair_state {
    slot value; /* ARG_MIN's and ARG_MAX's result */
    slot order;
} pair_state;

static size_t width_of(pyr_physical physical) {
    return physical == PYR_PHYSICAL_BIT ? 1 : pyr_physical_bytes(physical);
}

/* ---- Slots. ---- */

static pyr_status put_string(slot *to, pyr_string value, pyr_arena *arena, pyr_error *error) {
    if (value.length > to->capacity || to->state == 0) {
        size_t capacity = value.length + value.length / 2 + 8;
        capacity = capacity <= UINT32_MAX ? capacity : UINT32_MAX;
        if (value.length > capacity) {
            return pyr_error_set(error, PYR_ERROR_LIMIT, "a text of more than 4 GB");
        }
        uint8_t *bytes = pyr_arena_alloc(arena, capacity);
        if (bytes == NULL) {
            return pyr_arena_error(arena, error);
        }
        to->as.string.bytes = bytes;
        to->capacity = (uint32_t)capacity;
    }
    if (value.length > 0) {
        memcpy((uint8_t *)(uintptr_t)to->as.string.bytes, value.bytes, (size_t)value.length);
    }
    to->as.string.length = value.length;
    to->state = SLOT_VALUE;
    return PYR_OK;
}

static pyr_status put_row(slot *to, const pyr_vector *vector, int32_t row, pyr_arena *arena,
                          pyr_error *error) {
    int32_t at = vector->constant ? 0 : row;
    if (pyr_vector_is_null(vector, row)) {
        if (to->state == 0) {
            to->capacity = 0;
        }
        to->state = SLOT_NULL;
        return PYR_OK;
    }
    if (vector->physical == PYR_PHYSICAL_STRING) {
        if (to->state == SLOT_NULL && to->capacity == 0) {
            to->state = 0;
        }
        return put_string(to, pyr_vector_string(vector, row), arena, error);
    }
    if (vector->physical == PYR_PHYSICAL_BIT) {
        to->as.words[0] = (((const uint64_t *)vector->data)[at >> 6] >> (at & 63)) & 1;
    } else {
        size_t width = width_of(vector->physical);
        memcpy(&to->as, (const uint8_t *)vector->data + (size_t)at * width, width);
    }
    to->state = SLOT_VALUE;
    return PYR_OK;
}

static void get_slot(const slot *from, pyr_physical physical, int32_t i, void *data,
                     uint64_t *validity) {
    if (physical == PYR_PHYSICAL_BIT) {
        uint64_t *bits = data;
        uint64_t bit = UINT64_C(1) << (i & 63);
        bits[i >> 6] = from->as.words[0] != 0 ? bits[i >> 6] | bit : bits[i >> 6] & ~bit;
    } else {
        size_t width = width_of(physical);
        memcpy((uint8_t *)data + (size_t)i * width, &from->as, width);
    }
    if (from->state != SLOT_VALUE) {
        pyr_result_null(validity, i);
    }
}

/* ---- Order. ---- */

/* Row's value against the slot's, which has one. */
static int order_row(const pyr_vector *vector, int32_t row, const slot *of) {
    int32_t at = vector->constant ? 0 : row;
    if (vector->physical == PYR_PHYSICAL_STRING) {
        pyr_string value = pyr_vector_string(vector, row);
        return pyr_order_strings(value, of->as.string);
    }
    if (vector->physical == PYR_PHYSICAL_BIT) {
        uint8_t bit = (((const uint64_t *)vector->data)[at >> 6] >> (at & 63)) & 1;
        return pyr_order_values(PYR_PHYSICAL_U8, &bit, &of->as);
    }
    return pyr_order_values(vector->physical,
                            (const uint8_t *)vector->data + (size_t)at * width_of(vector->physical),
                            &of->as);
}

/* ---- MIN, MAX of numbers: the usual case ---- */

#define EXTREME(TYPE, LESS)                                            \
    PYR_FOR_VALUES(input, vector, TYPE, {                              \
        slot *of = (slot *)(void *)state;                              \
        TYPE best;                                                     \
        memcpy(&best, &of->as, sizeof(best));                          \
        bool better = max ? (LESS(best, value)) : (LESS(value, best)); \
        if (better || of->state == 0) {                                \
            memcpy(&of->as, &value, sizeof(value));                    \
            of->state = SLOT_VALUE;                                    \
        }                                                              \
    })
#define LESS_PLAIN(a, b) (a) < (b)
#define LESS_REAL(a, b) pyr_order_doubles((double)(a), (double)(b)) < 0
typedef pyr_i128 i128_span __attribute__((aligned(8)));

static void extreme_groups(const pyr_aggregate_input *input, const pyr_vector *vector, bool max) {
    switch (vector->physical) {
    case PYR_PHYSICAL_I8:
        EXTREME(int8_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_U8:
        EXTREME(uint8_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_I16:
        EXTREME(int16_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_U16:
        EXTREME(uint16_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_I32:
        EXTREME(int32_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_U32:
        EXTREME(uint32_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_I64:
        EXTREME(int64_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_U64:
        EXTREME(uint64_t, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_I128:
        EXTREME(i128_span, LESS_PLAIN);
        break;
    case PYR_PHYSICAL_F32:
        EXTREME(float, LESS_REAL);
        break;
    default:
        EXTREME(double, LESS_REAL);
        break;
    }
}

/* One row's value where it is better than the slot's. */
static pyr_status take_better(slot *of, const pyr_vector *vector, int32_t row, bool max,
                              pyr_arena *arena, pyr_error *error) {
    if (of->state == SLOT_VALUE) {
        int order = order_row(vector, row, of);
        if (max ? order <= 0 : order >= 0) {
            return PYR_OK;
        }
    }
    return put_row(of, vector, row, arena, error);
}

static pyr_status extreme_all(const pyr_aggregate_input *input, const pyr_vector *vector, bool max,
                              pyr_error *error) {
    uint64_t room[PYR_VECTOR_WORDS];
    uint64_t best[2] = {0, 0};
    const pyr_kernels *kernels = pyr_kernels_get();
    const uint64_t *mask = pyr_valid_mask(input, vector, room);
    pyr_extreme_kernel *kernel = (max ? kernels->maximum : kernels->minimum)[vector->physical];
    if (!kernel(vector->data, mask, input->span, best)) {
        return PYR_OK;
    }
    pyr_vector one = {.physical = vector->physical, .constant = true, .data = best};
    return take_better((slot *)(void *)input->states, &one, 0, max, input->arena, error);
}

/* Each text is compared with another one somewhere: that and its slot are asked for rows ahead. */
static pyr_status extreme_texts(const pyr_aggregate_input *input, const pyr_vector *vector,
                                bool max, pyr_error *error) {
    enum { SLOT_AHEAD = 16, TEXT_AHEAD = 8 };
    for (int32_t i = 0; i < input->count; ++i) {
        int32_t row = input->rows != NULL ? input->rows[i] : i;
        slot *of = (slot *)(void *)(input->states + (size_t)input->groups[i] * input->stride);
        if (i + SLOT_AHEAD < input->count) {
            __builtin_prefetch(input->states +
                               (size_t)input->groups[i + SLOT_AHEAD] * input->stride);
        }
        if (i + TEXT_AHEAD < input->count) {
            const slot *near =
                (const slot *)(const void *)(input->states +
                                             (size_t)input->groups[i + TEXT_AHEAD] * input->stride);
            if (near->state == SLOT_VALUE) {
                __builtin_prefetch(near->as.string.bytes);
            }
        }
        if (!pyr_vector_is_null(vector, row)) {
            PYR_TRY(take_better(of, vector, row, max, input->arena, error));
        }
    }
    return PYR_OK;
}

static pyr_status extreme_update(const pyr_aggregate_function *self,
                                 const pyr_aggregate_input *input, pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    bool max = self->aggregate->op == PYR_AGGREGATE_MAX;
    bool number = vector->physical != PYR_PHYSICAL_STRING && vector->physical != PYR_PHYSICAL_BIT;
    if (vector->constant && input->groups == NULL) {
        return input->count == 0 || pyr_vector_is_null(vector, 0)
                   ? PYR_OK
                   : take_better((slot *)(void *)input->states, vector, 0, max, input->arena,
                                 error);
    }
    if (number && input->groups == NULL) {
        return extreme_all(input, vector, max, error);
    }
    if (number) {
        extreme_groups(input, vector, max);
        return PYR_OK;
    }
    if (vector->physical == PYR_PHYSICAL_STRING && input->groups != NULL) {
        return extreme_texts(input, vector, max, error);
    }
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(vector, row)) {
            PYR_TRY(take_better((slot *)(void *)state, vector, row, max, input->arena, error));
        }
    })
    return PYR_OK;
}

/* A slot as a vector of one row. */
static pyr_vector slot_vector(const slot *of, pyr_physical physical, uint64_t *null_word) {
    *null_word = of->state == SLOT_VALUE;
    return (pyr_vector){
        .physical = physical, .constant = true, .data = &of->as, .validity = null_word};
}

static pyr_status extreme_combine(const pyr_aggregate_function *self, uint8_t *states,
                                  size_t stride, const uint32_t *groups, uint8_t *from_states,
                                  size_t from_stride, int32_t count, pyr_arena *arena,
                                  pyr_error *error) {
    bool max = self->aggregate->op == PYR_AGGREGATE_MAX;
    PYR_FOR_STATES({
        const slot *of = (const slot *)(const void *)from;
        uint64_t null_word;
        if (of->state == SLOT_VALUE) {
            pyr_vector one = slot_vector(of, self->physical, &null_word);
            PYR_TRY(take_better((slot *)(void *)into, &one, 0, max, arena, error));
        }
    })
    return PYR_OK;
}

static pyr_status slot_finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                                int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    (void)error;
    for (int32_t i = 0; i < count; ++i) {
        get_slot((const slot *)(const void *)(states + (size_t)i * stride), self->result, i, data,
                 validity);
    }
    return PYR_OK;
}

/* ---- ANY_VALUE, FIRST, LAST ---- */

static bool takes(pyr_aggregate_op op, const slot *of, bool null) {
    switch (op) {
    case PYR_AGGREGATE_ANY_VALUE:
        return !null && of->state == 0;
    case PYR_AGGREGATE_FIRST:
        return of->state == 0;
    default:
        return true;
    }
}

static pyr_status some_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    PYR_FOR_ROWS(input, {
        slot *of = (slot *)(void *)state;
        if (takes(self->aggregate->op, of, pyr_vector_is_null(vector, row))) {
            PYR_TRY(put_row(of, vector, row, input->arena, error));
        }
    })
    return PYR_OK;
}

static pyr_status some_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    PYR_FOR_STATES({
        const slot *of = (const slot *)(const void *)from;
        uint64_t null_word;
        if (of->state != 0 &&
            takes(self->aggregate->op, (const slot *)(const void *)into, of->state == SLOT_NULL)) {
            pyr_vector one = slot_vector(of, self->physical, &null_word);
            PYR_TRY(put_row((slot *)(void *)into, &one, 0, arena, error));
        }
    })
    return PYR_OK;
}

/* ---- ARG_MIN, ARG_MAX: the value beside the least or greatest; rows where either is NULL do not
 * count ---- */

static pyr_status pair_take(pair_state *of, const pyr_vector *value, const pyr_vector *order,
                            int32_t row, bool max, pyr_arena *arena, pyr_error *error) {
    if (of->order.state == SLOT_VALUE) {
        int than = order_row(order, row, &of->order);
        if (max ? than <= 0 : than >= 0) {
            return PYR_OK;
        }
    }
    PYR_TRY(put_row(&of->order, order, row, arena, error));
    return put_row(&of->value, value, row, arena, error);
}

static pyr_status pair_update(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                              pyr_error *error) {
    const pyr_vector *value = &input->arguments[0];
    const pyr_vector *order = &input->arguments[1];
    bool max = self->aggregate->op == PYR_AGGREGATE_ARG_MAX;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(value, row) && !pyr_vector_is_null(order, row)) {
            PYR_TRY(pair_take((pair_state *)(void *)state, value, order, row, max, input->arena,
                              error));
        }
    })
    return PYR_OK;
}

static pyr_status pair_combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                               const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                               int32_t count, pyr_arena *arena, pyr_error *error) {
    bool max = self->aggregate->op == PYR_AGGREGATE_ARG_MAX;
    pyr_physical by = pyr_sql_type_physical(self->aggregate->arguments[1]->type);
    PYR_FOR_STATES({
        const pair_state *of = (const pair_state *)(const void *)from;
        uint64_t words[2];
        if (of->order.state == SLOT_VALUE) {
            pyr_vector value = slot_vector(&of->value, self->physical, &words[0]);
            pyr_vector order = slot_vector(&of->order, by, &words[1]);
            PYR_TRY(pair_take((pair_state *)(void *)into, &value, &order, 0, max, arena, error));
        }
    })
    return PYR_OK;
}

/* ---- Which ---- */

bool pyr_aggregate_extremes(pyr_aggregate_function *out) {
    out->finalize = slot_finalize; /* a pair's value comes first */
    switch (out->aggregate->op) {
    case PYR_AGGREGATE_MIN:
    case PYR_AGGREGATE_MAX:
        out->by_mask = true;
        out->state_bytes = sizeof(slot);
        out->update = extreme_update;
        out->combine = extreme_combine;
        return out->physical != PYR_PHYSICAL_INTERVAL;
    case PYR_AGGREGATE_ANY_VALUE:
    case PYR_AGGREGATE_FIRST:
    case PYR_AGGREGATE_LAST:
        out->state_bytes = sizeof(slot);
        out->update = some_update;
        out->combine = some_combine;
        return true;
    case PYR_AGGREGATE_ARG_MIN:
    case PYR_AGGREGATE_ARG_MAX:
        out->state_bytes = sizeof(pair_state);
        out->update = pair_update;
        out->combine = pair_combine;
        return pyr_sql_type_physical(out->aggregate->arguments[1]->type) != PYR_PHYSICAL_INTERVAL;
    default:
        return false;
    }
}
