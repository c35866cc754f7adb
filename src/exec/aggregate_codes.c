/* aggregate_codes.c - groups of texts that their segment numbered (arrow/codes.h).
 *
 * While rows of one batch come, the numbers are the groups: a row costs its number and what is
 * added up, and no text is looked at. Once another batch comes the texts that were met are looked
 * up in the worker's table, one a number, and what was added up goes to their groups.
 *
 * One SUM of doubles is added up as numbers are read, as in aggregate_fused.c: sums begin at -0.0,
 * and what is that at the end has met no row.
 */
#include "exec/aggregate_sink.h"

#include <stdlib.h>
#include <string.h>

struct pyr_code_groups {
    pyr_array *array; /* retained: the batch's texts, with codes; NULL: nothing was added up */
    bool fused;       /* states are sums alone */
    uint8_t *states;  /* of each number, and PYR_FUSED_LANES - 1 times as many further sums */
    uint8_t *met;     /* of each number: rows were added */
    bool all_met;
    size_t states_bytes, met_bytes;
};

/* A number's text is looked up once a batch: it should come to some rows. Where nothing is added up
 * the other way costs a row little, too: repeats are dropped, and texts that are many put apart. */
enum { ROWS_PER_NUMBER = 2, ROWS_PER_NUMBER_DISTINCT = 16 };
static const int64_t LANES_NUMBERS_MAX = 256; /* sums of more are seldom those of the row before */
/* What stays in a core's own cache, and is little beside a worker's table. */
static const size_t STATES_BYTES_MAX = (size_t)1 << 20;

/* States that are plain numbers, and combined by a few additions. */
static bool adds_up(const pyr_aggregate_function *function) {
    pyr_aggregate_op op = function->aggregate->op;
    bool plain = op <= PYR_AGGREGATE_VAR_POP ||
                 (op >= PYR_AGGREGATE_BOOL_AND && op <= PYR_AGGREGATE_BIT_XOR);
    return plain && function->destroy == NULL && function->physical != PYR_PHYSICAL_STRING;
}

bool pyr_codes_possible(const pyr_aggregate_sink *sink) {
    for (int32_t i = 0; i < sink->functions_count; ++i) {
        if (!adds_up(&sink->functions[i])) {
            return false;
        }
    }
    return true;
}

void pyr_code_groups_destroy(pyr_code_groups *self) {
    if (self != NULL) {
        pyr_array_release(self->array);
        free(self->states);
        free(self->met);
        free(self);
    }
}

static pyr_status grow(uint8_t **room, size_t *room_bytes, size_t bytes, pyr_error *error) {
    if (bytes <= *room_bytes) {
        return PYR_OK;
    }
    free(*room);
    *room = malloc(bytes);
    *room_bytes = *room != NULL ? bytes : 0;
    return *room != NULL ? PYR_OK : pyr_error_memory(error, bytes);
}

static int32_t lanes_of(const pyr_code_groups *self) {
    return self->fused && self->array->codes->count <= LANES_NUMBERS_MAX ? PYR_FUSED_LANES : 1;
}

/* Nothing is added up. */
static void forget(pyr_code_groups *self) {
    pyr_array_release(self->array);
    self->array = NULL;
}

/* Room for the states of array's numbers, and none of them met. */
static pyr_status clear(pyr_code_groups *self, const pyr_aggregate_sink *sink, pyr_error *error) {
    size_t count = (size_t)self->array->codes->count;
    size_t bytes = count * sink->state_bytes * (size_t)lanes_of(self);
    PYR_TRY(grow(&self->states, &self->states_bytes, bytes + 1, error));
    PYR_TRY(grow(&self->met, &self->met_bytes, count, error));
    memset(self->met, 0, count);
    self->all_met = false;
    if (self->fused) {
        pyr_sums_begin((double *)(void *)self->states, (int64_t)count * lanes_of(self));
    } else {
        memset(self->states, 0, bytes);
    }
    return PYR_OK;
}

static pyr_status begin(pyr_grouping_state *state, pyr_array *array, pyr_error *error) {
    const pyr_aggregate_sink *sink = state->grouping->sink;
    if (state->coded == NULL) {
        state->coded = calloc(1, sizeof(*state->coded));
    }
    pyr_code_groups *self = state->coded;
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->fused = pyr_fused_possible(sink);
    self->array = pyr_array_retain(array);
    pyr_status status = clear(self, sink, error);
    if (status != PYR_OK) {
        forget(self);
    }
    atomic_store_explicit(&state->grouping->coded_met, true, memory_order_relaxed);
    return status;
}

/* ---- Rows. ---- */

#define NUMBERS(NAME, TYPE)                                                            \
    static void mark_##NAME(const TYPE *numbers, const uint16_t *rows, int32_t count,  \
                            uint8_t *restrict met) {                                   \
        for (int32_t i = 0; i < count; ++i) {                                          \
            met[numbers[rows != NULL ? rows[i] : i]] = 1;                              \
        }                                                                              \
    }                                                                                  \
    static void widen_##NAME(const TYPE *numbers, const uint16_t *rows, int32_t count, \
                             uint32_t *restrict groups) {                              \
        for (int32_t i = 0; rows != NULL && i < count; ++i) {                          \
            groups[i] = numbers[rows[i]];                                              \
        }                                                                              \
        for (int32_t i = 0; rows == NULL && i < count; ++i) {                          \
            groups[i] = numbers[i];                                                    \
        }                                                                              \
    }
NUMBERS(u8, uint8_t)
NUMBERS(u16, uint16_t)

/* Once all are met there is nothing to look for. */
static void mark(pyr_code_groups *self, const void *numbers, const uint16_t *rows, int32_t count) {
    if (self->all_met) {
        return;
    }
    if (self->array->codes->width_bytes == 1) {
        mark_u8(numbers, rows, count, self->met);
    } else {
        mark_u16(numbers, rows, count, self->met);
    }
    self->all_met = memchr(self->met, 0, (size_t)self->array->codes->count) == NULL;
}

static pyr_status add(pyr_grouping_state *state, const pyr_vector *vectors, const pyr_chunk *chunk,
                      const uint16_t *rows, pyr_error *error) {
    pyr_code_groups *self = state->coded;
    const pyr_aggregate_sink *sink = state->grouping->sink;
    const pyr_vector *text = &vectors[state->grouping->keys[0]];
    const pyr_codes *codes = self->array->codes;
    const void *numbers =
        codes->numbers->data + (text->array->offset + text->array_row) * codes->width_bytes;
    const pyr_vector *value = self->fused ? &vectors[sink->arguments[0]] : NULL;
    if (value != NULL && !value->constant && value->validity == NULL) {
        double *sums[PYR_FUSED_LANES];
        for (int32_t lane = 0; lane < PYR_FUSED_LANES; ++lane) {
            sums[lane] = (double *)(void *)self->states + (lane % lanes_of(self)) * codes->count;
        }
        pyr_fused_add_numbers(numbers, codes->width_bytes, value->data, rows, chunk->selected,
                              sums);
        return PYR_OK;
    }
    mark(self, numbers, rows, chunk->selected);
    if (sink->functions_count == 0) {
        return PYR_OK;
    }
    if (codes->width_bytes == 1) {
        widen_u8(numbers, rows, chunk->selected, state->groups);
    } else {
        widen_u16(numbers, rows, chunk->selected, state->groups);
    }
    return pyr_aggregate_update(sink, vectors, chunk, rows, self->states, sink->state_bytes,
                                state->groups, &state->arena, error);
}

/* About as many rows of each chunk of the batch are selected. */
static bool is_worth_it(const pyr_aggregate_sink *sink, const pyr_codes *codes,
                        const pyr_chunk *chunk) {
    double least = sink->functions_count > 0 ? ROWS_PER_NUMBER : ROWS_PER_NUMBER_DISTINCT;
    return (size_t)codes->count * sink->state_bytes <= STATES_BYTES_MAX &&
           (double)chunk->selected * (double)codes->rows >=
               least * (double)codes->count * (double)chunk->rows;
}

bool pyr_codes_take(pyr_grouping_state *state, const pyr_vector *vectors, const pyr_chunk *chunk,
                    const uint16_t *rows, pyr_status *status, pyr_error *error) {
    const pyr_vector *text = &vectors[state->grouping->keys[0]];
    const pyr_codes *codes = text->array != NULL ? text->array->codes : NULL;
    *status = PYR_OK;
    if (state->coded != NULL && state->coded->array != NULL &&
        state->coded->array->codes == codes) {
        *status = add(state, vectors, chunk, rows, error);
        return true;
    }
    if (codes == NULL || !is_worth_it(state->grouping->sink, codes, chunk)) {
        return false;
    }
    *status = pyr_codes_end(state, error);
    if (*status == PYR_OK) {
        *status = begin(state, text->array, error);
    }
    if (*status == PYR_OK) {
        *status = add(state, vectors, chunk, rows, error);
    }
    return true;
}

/* ---- Their groups. ---- */

static void join_lanes(pyr_code_groups *self) {
    double *sums = (double *)(void *)self->states;
    int32_t count = self->array->codes->count;
    for (int32_t lane = 1; lane < lanes_of(self); ++lane) {
        for (int32_t i = 0; i < count; ++i) {
            sums[i] += sums[lane * count + i];
        }
    }
    pyr_sums_end(sums, self->met, count);
}

/* Numbers met whose first row is in the vector's rows from `base` on, beginning with *number: those
 * rows, and the numbers' states moved to the beginning of states[*number at entry]. At least
 * *number itself is passed. Firsts rise, but those of a file that was cut since are zeros: the rows
 * are of the vector all the same. */
static int32_t gather_met(const pyr_code_groups *self, size_t state_bytes, int64_t base,
                          int32_t *number, uint16_t *rows) {
    const pyr_codes *codes = self->array->codes;
    uint8_t *to = self->states + (size_t)*number * state_bytes;
    int32_t count = 0;
    for (int32_t passed = 0; *number < codes->count; ++*number, ++passed) {
        int64_t row = pyr_codes_first(codes, (uint32_t)*number) - base;
        if (passed > 0 && (row <= 0 || row >= PYR_VECTOR_ROWS || passed == PYR_VECTOR_ROWS)) {
            break;
        }
        row = passed > 0 ? row : 0;
        if (self->met[*number] != 0) {
            memmove(to + (size_t)count * state_bytes, self->states + (size_t)*number * state_bytes,
                    state_bytes);
            rows[count++] = (uint16_t)row;
        }
    }
    return count;
}

/* Each number's text stands in the row that has it first, and firsts rise: so texts are looked up
 * vector by vector. */
static pyr_status find_groups(pyr_grouping_state *state, pyr_error *error) {
    pyr_code_groups *self = state->coded;
    const pyr_aggregate_sink *sink = state->grouping->sink;
    const pyr_codes *codes = self->array->codes;
    uint64_t room[2 * PYR_VECTOR_WORDS];
    uint16_t rows[PYR_VECTOR_ROWS];
    for (int32_t number = 0; number < codes->count;) {
        int64_t base = pyr_codes_first(codes, (uint32_t)number);
        int64_t left = codes->rows - base;
        uint8_t *states = self->states + (size_t)number * sink->state_bytes;
        int32_t count = gather_met(self, sink->state_bytes, base, &number, rows);
        if (count == 0) {
            continue;
        }
        pyr_vector_of_array(self->array, base - self->array->offset,
                            (int32_t)(left < PYR_VECTOR_ROWS ? left : PYR_VECTOR_ROWS), room,
                            &state->keys[0]);
        PYR_TRY(pyr_hash_find_texts(state, rows, count, state->groups, error));
        PYR_TRY(pyr_aggregate_combine(sink, state->table.rows + state->table.key_bytes,
                                      state->table.stride, state->groups, states, sink->state_bytes,
                                      count, &state->arena, error));
    }
    return PYR_OK;
}

pyr_status pyr_codes_end(pyr_grouping_state *state, pyr_error *error) {
    pyr_code_groups *self = state->coded;
    if (self == NULL || self->array == NULL) {
        return PYR_OK;
    }
    if (self->fused) {
        join_lanes(self);
    }
    uint32_t known = state->table.count;
    pyr_status status = find_groups(state, error);
    int64_t rows = self->array->length;
    forget(self);
    return status == PYR_OK ? pyr_hash_added(state, rows, state->table.count - known, error)
                            : status;
}
