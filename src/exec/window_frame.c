/* window_frame.c - aggregates over frames that begin where their partition does.
 *
 * Such a frame only grows from row to row, so its states do, too: rows are added up to the frame's
 * end, and the result is computed again only then. Rows are read in blocks, their arguments
 * evaluated block by block.
 */
#include "exec/window_internal.h"

#include <stdlib.h>
#include <string.h>

enum { LONG_RANGE = 32 }; /* rows that are worth a mask */

typedef struct frame_function {
    pyr_aggregate_function function;
    int32_t place;            /* among the node's functions */
    int32_t argument, filter; /* expressions; filter -1: none */
    size_t offset;            /* of the state */
    pyr_window_value value;
} frame_function;

struct pyr_window_frame {
    const pyr_window_sink *sink;
    pyr_window_frame_kind kind;
    int32_t count;
    frame_function *functions;
    uint8_t *states;
    pyr_arena room;   /* of all this */
    pyr_arena kept;   /* what states point to */
    uint32_t *groups; /* PYR_VECTOR_ROWS zeroes: all rows go to one state */
    pyr_bound_expr **expressions;
    int32_t expressions_count;
    pyr_window_block block;
    pyr_vector *values;     /* of the block */
    int64_t partition, fed; /* the states' first row, and the one behind their last */
    bool made;              /* the functions' values are those of the states */
};

/* ---- Life. ---- */

static pyr_status add_functions(pyr_window_frame *self, pyr_error *error) {
    const pyr_node *node = self->sink->node;
    size_t bytes = 0;
    for (int32_t i = 0; i < node->as.window.functions_count; ++i) {
        const pyr_window_function *of = &node->as.window.functions[i];
        if (of->op != PYR_WINDOW_AGGREGATE || pyr_window_frame_kind_of(of) != self->kind) {
            continue;
        }
        frame_function *to = &self->functions[self->count];
        PYR_TRY(pyr_aggregate_function_of(&of->aggregate, false, self->sink->exec->budget,
                                          &to->function, error));
        ++self->count;
        to->place = i;
        to->offset = bytes;
        bytes += to->function.state_bytes;
        to->argument = self->expressions_count;
        for (int32_t k = 0; k < of->aggregate.arguments_count; ++k) {
            self->expressions[self->expressions_count++] = of->aggregate.arguments[k];
        }
        to->filter = -1;
        if (of->aggregate.filter != NULL) {
            to->filter = self->expressions_count;
            self->expressions[self->expressions_count++] = of->aggregate.filter;
        }
    }
    self->states = pyr_arena_alloc(&self->room, bytes + 8);
    return self->states != NULL ? PYR_OK : pyr_arena_error(&self->room, error);
}

static pyr_status init(pyr_window_frame *self, pyr_error *error) {
    size_t functions = (size_t)self->sink->node->as.window.functions_count;
    self->functions = pyr_arena_array(&self->room, functions + 1, sizeof(*self->functions));
    self->expressions = pyr_arena_array(&self->room, 3 * functions + 1, sizeof(pyr_bound_expr *));
    self->groups = pyr_arena_array(&self->room, PYR_VECTOR_ROWS, sizeof(*self->groups));
    self->values = pyr_arena_array(&self->room, 3 * functions + 1, sizeof(pyr_vector));
    if (self->functions == NULL || self->expressions == NULL || self->groups == NULL ||
        self->values == NULL) {
        return pyr_arena_error(&self->room, error);
    }
    PYR_TRY(add_functions(self, error));
    return pyr_window_block_init(self->sink, self->expressions, self->expressions_count,
                                 &self->room, &self->block, error);
}

pyr_status pyr_window_frame_create(const pyr_window_sink *sink, pyr_window_frame_kind kind,
                                   pyr_window_frame **out, pyr_error *error) {
    *out = NULL;
    pyr_window_frame *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink = sink;
    self->kind = kind;
    self->partition = -1;
    pyr_arena_init(&self->room, sink->exec->budget);
    pyr_arena_init(&self->kept, sink->exec->budget);
    pyr_status status = init(self, error);
    if (status == PYR_OK && self->count > 0) {
        *out = self;
        return PYR_OK;
    }
    pyr_window_frame_destroy(self);
    return status;
}

static void empty_states(pyr_window_frame *self) {
    for (int32_t i = 0; i < self->count; ++i) {
        const frame_function *of = &self->functions[i];
        if (of->function.destroy != NULL) {
            of->function.destroy(&of->function, self->states + of->offset, 0, 1);
        }
        memset(self->states + of->offset, 0, of->function.state_bytes);
    }
    pyr_arena_reset(&self->kept);
}

void pyr_window_frame_destroy(pyr_window_frame *frame) {
    if (frame != NULL) {
        empty_states(frame);
        pyr_window_block_deinit(&frame->block);
        pyr_arena_deinit(&frame->room);
        pyr_arena_deinit(&frame->kept);
        free(frame);
    }
}

/* ---- Rows into states. ---- */

static bool passes(const pyr_vector *filter, int32_t row) {
    const uint64_t *bits = filter->data;
    int32_t at = filter->constant ? 0 : row;
    return !pyr_vector_is_null(filter, row) && ((bits[at >> 6] >> (at & 63)) & 1) != 0;
}

/* Rows [first, first + count) of the block that a function counts. */
static int32_t rows_of(const pyr_window_frame *self, const frame_function *of, int32_t first,
                       int32_t count, uint16_t *rows, uint64_t *mask) {
    int32_t kept = 0;
    for (int32_t row = first; row < first + count; ++row) {
        if (of->filter < 0 || passes(&self->values[of->filter], row)) {
            rows[kept++] = (uint16_t)row;
            mask[row >> 6] |= UINT64_C(1) << (row & 63);
        }
    }
    return kept;
}

static pyr_status feed_function(pyr_window_frame *self, const frame_function *of, int32_t first,
                                int32_t count, pyr_error *error) {
    uint16_t rows[PYR_VECTOR_ROWS];
    uint64_t mask[PYR_VECTOR_WORDS];
    bool is_long = count >= LONG_RANGE;
    memset(mask, 0, sizeof(mask));
    pyr_aggregate_input input = {.arguments = self->values + of->argument,
                                 .rows = rows,
                                 .mask = mask,
                                 .count = rows_of(self, of, first, count, rows, mask),
                                 .span = (int32_t)(self->block.end - self->block.first),
                                 .states = self->states + of->offset,
                                 .groups = is_long ? NULL : self->groups,
                                 .arena = &self->kept};
    return input.count > 0 ? of->function.update(&of->function, &input, error) : PYR_OK;
}

static pyr_status feed(pyr_window_frame *self, int64_t end, pyr_error *error) {
    while (self->fed < end) {
        if (!pyr_window_block_holds(&self->block, self->fed)) {
            PYR_TRY(pyr_window_block_read(&self->block, self->fed, self->values, error));
        }
        int64_t to = end < self->block.end ? end : self->block.end;
        for (int32_t i = 0; i < self->count; ++i) {
            PYR_TRY(feed_function(self, &self->functions[i],
                                  (int32_t)(self->fed - self->block.first),
                                  (int32_t)(to - self->fed), error));
        }
        self->fed = to;
        self->made = false;
    }
    return PYR_OK;
}

/* ---- Results. ---- */

void pyr_window_frame_open(pyr_window_frame *frame, int64_t end) {
    frame->partition = -1;
    pyr_window_block_open(&frame->block, end);
}

pyr_status pyr_window_value_of(const pyr_aggregate_function *function, uint8_t *state,
                               pyr_arena *arena, pyr_window_value *out, pyr_error *error) {
    uint64_t valid = ~UINT64_C(0);
    pyr_string *text = &out->as.string;
    memset(out, 0, sizeof(*out));
    PYR_TRY(function->finalize(function, state, 0, 1, &out->as, &valid, error));
    out->null = (valid & 1) == 0;
    if (out->null || function->result != PYR_PHYSICAL_STRING || text->length == 0) {
        return PYR_OK;
    }
    uint8_t *bytes = pyr_arena_alloc(arena, (size_t)text->length);
    if (bytes == NULL) {
        return pyr_arena_error(arena, error);
    }
    memcpy(bytes, text->bytes, (size_t)text->length);
    text->bytes = bytes;
    return PYR_OK;
}

static pyr_status make_values(pyr_window_frame *self, pyr_arena *arena, pyr_error *error) {
    for (int32_t i = 0; i < self->count; ++i) {
        frame_function *of = &self->functions[i];
        PYR_TRY(pyr_window_value_of(&of->function, self->states + of->offset, arena, &of->value,
                                    error));
    }
    self->made = true;
    return PYR_OK;
}

void pyr_window_put(pyr_physical physical, const void *value, bool null, pyr_vector_buffer *buffer,
                    int32_t i) {
    if (null) {
        buffer->validity[i >> 6] &= ~(UINT64_C(1) << (i & 63));
    }
    if (physical == PYR_PHYSICAL_BIT) {
        pyr_bit_put(buffer->data, i, !null && (*(const uint8_t *)value & 1) != 0);
        return;
    }
    size_t width = pyr_physical_bytes(physical);
    uint8_t *to = (uint8_t *)buffer->data + (size_t)i * width;
    if (null) {
        memset(to, 0, width);
    } else {
        memcpy(to, value, width);
    }
}

pyr_status pyr_window_frame_results(pyr_window_frame *frame, const pyr_window_places *places,
                                    pyr_vector_buffer *results, pyr_arena *arena,
                                    pyr_error *error) {
    frame->made = false; /* texts are the last chunk's */
    for (int32_t i = 0; i < places->count; ++i) {
        if (frame->partition != places->partitions[i]) {
            empty_states(frame);
            frame->partition = places->partitions[i];
            frame->fed = frame->partition;
            frame->made = false;
        }
        int64_t end = frame->kind == PYR_WINDOW_WHOLE   ? places->partition_ends[i]
                      : frame->kind == PYR_WINDOW_PEERS ? places->peer_ends[i]
                                                        : places->first + i + 1;
        PYR_TRY(feed(frame, end, error));
        if (!frame->made) {
            PYR_TRY(make_values(frame, arena, error));
        }
        for (int32_t k = 0; k < frame->count; ++k) {
            const frame_function *of = &frame->functions[k];
            pyr_window_put(of->function.result, &of->value.as, of->value.null, &results[of->place],
                           i);
        }
    }
    return PYR_OK;
}
