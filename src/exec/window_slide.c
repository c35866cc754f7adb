/* window_slide.c - one aggregate over frames that leave rows behind, too.
 *
 * Both edges of a frame only go on from row to row of a partition. States can be put together but
 * not taken apart, so they are kept in two parts, as a queue is made of two stacks: `front` has a
 * state for each of its rows, of that row and all of the front behind it; `back` is one state, of
 * the rows behind the front. A frame is front's state of its first row, with back. Where the frame
 * has left the front, its rows become the front: each row once.
 */
#include "exec/window_internal.h"

#include <stdlib.h>
#include <string.h>

struct pyr_window_slide {
    const pyr_window_sink *sink;
    pyr_aggregate_function function;
    pyr_arena room, kept; /* kept: what front and back point to */
    pyr_arena texts;      /* what the state of one frame points to */
    pyr_window_block block;
    pyr_vector values[3]; /* of the block: arguments, then the filter */
    int32_t arguments_count;
    bool filtered;
    size_t stride;
    uint8_t *front;
    int64_t front_capacity;
    int64_t front_begin, front_end; /* rows */
    uint8_t *back, *frame;          /* a state each */
    int64_t fed;                    /* the row behind back's last */
    int64_t partition;
};

/* ---- Life. ---- */

static pyr_status init(pyr_window_slide *self, const pyr_aggregate *aggregate, pyr_error *error) {
    pyr_bound_expr *expressions[3];
    int32_t count = 0;
    PYR_TRY(pyr_aggregate_function_of(aggregate, false, self->sink->exec->budget, &self->function,
                                      error));
    for (; count < aggregate->arguments_count; ++count) {
        expressions[count] = aggregate->arguments[count];
    }
    self->arguments_count = count;
    self->filtered = aggregate->filter != NULL;
    if (self->filtered) {
        expressions[count++] = aggregate->filter;
    }
    self->stride = self->function.state_bytes;
    self->back = pyr_arena_alloc(&self->room, self->stride + 8);
    self->frame = pyr_arena_alloc(&self->room, self->stride + 8);
    if (self->back == NULL || self->frame == NULL) {
        return pyr_arena_error(&self->room, error);
    }
    return pyr_window_block_init(self->sink, expressions, count, &self->room, &self->block, error);
}

pyr_status pyr_window_slide_create(const pyr_window_sink *sink, const pyr_window_function *function,
                                   pyr_window_slide **out, pyr_error *error) {
    *out = NULL;
    pyr_window_slide *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return pyr_error_memory(error, sizeof(*self));
    }
    self->sink = sink;
    pyr_arena_init(&self->room, sink->exec->budget);
    pyr_arena_init(&self->kept, sink->exec->budget);
    pyr_arena_init(&self->texts, sink->exec->budget);
    pyr_status status = init(self, &function->aggregate, error);
    if (status != PYR_OK) {
        pyr_window_slide_destroy(self);
        return status;
    }
    *out = self;
    return PYR_OK;
}

static void free_front(pyr_window_slide *self) {
    free(self->front);
    if (self->sink->exec->budget != NULL) {
        pyr_budget_give(self->sink->exec->budget, (size_t)self->front_capacity * self->stride);
    }
    self->front = NULL;
    self->front_capacity = 0;
}

void pyr_window_slide_destroy(pyr_window_slide *slide) {
    if (slide != NULL) {
        free_front(slide);
        pyr_window_block_deinit(&slide->block);
        pyr_arena_deinit(&slide->room);
        pyr_arena_deinit(&slide->kept);
        pyr_arena_deinit(&slide->texts);
        free(slide);
    }
}

void pyr_window_slide_open(pyr_window_slide *slide, int64_t end) {
    slide->partition = -1;
    pyr_window_block_open(&slide->block, end);
}

static pyr_status reserve_front(pyr_window_slide *self, int64_t rows, pyr_error *error) {
    pyr_budget *budget = self->sink->exec->budget;
    if (rows <= self->front_capacity) {
        return PYR_OK;
    }
    free_front(self);
    size_t bytes = 0;
    if (__builtin_mul_overflow((size_t)rows, self->stride, &bytes) ||
        (budget != NULL && !pyr_budget_take(budget, bytes))) {
        return pyr_error_set(error, PYR_ERROR_MEMORY, "a window's frame passes the memory limit");
    }
    self->front = malloc(bytes);
    if (self->front == NULL) {
        if (budget != NULL) {
            pyr_budget_give(budget, bytes);
        }
        return pyr_error_memory(error, bytes);
    }
    self->front_capacity = rows;
    return PYR_OK;
}

/* ---- Rows. ---- */

/* Rows [first, first + count) of the block into one state. */
static pyr_status add_rows(pyr_window_slide *self, int32_t first, int32_t count, uint8_t *state,
                           pyr_error *error) {
    static const uint32_t same_group[PYR_VECTOR_ROWS]; /* all rows go to one state */
    uint16_t rows[PYR_VECTOR_ROWS];
    int32_t kept = 0;
    const pyr_vector *filter = &self->values[self->arguments_count];
    for (int32_t row = first; row < first + count; ++row) {
        bool passes = !self->filtered || (!pyr_vector_is_null(filter, row) &&
                                          pyr_bit_get(filter->data, filter->constant ? 0 : row));
        if (passes) {
            rows[kept++] = (uint16_t)row;
        }
    }
    pyr_aggregate_input input = {.arguments = self->values,
                                 .rows = rows,
                                 .count = kept,
                                 .span = (int32_t)(self->block.end - self->block.first),
                                 .states = state,
                                 .groups = same_group,
                                 .arena = &self->kept};
    return kept > 0 ? self->function.update(&self->function, &input, error) : PYR_OK;
}

static pyr_status put_together(pyr_window_slide *self, uint8_t *into, uint8_t *from,
                               pyr_arena *arena, pyr_error *error) {
    return self->function.combine(&self->function, into, 0, NULL, from, 0, 1, arena, error);
}

/* ---- The two parts. ---- */

/* Rows [begin, end) become the front, from the last on. */
static pyr_status turn_over(pyr_window_slide *self, int64_t begin, int64_t end, pyr_error *error) {
    PYR_TRY(reserve_front(self, end - begin, error));
    pyr_arena_reset(&self->kept);
    memset(self->front, 0, (size_t)(end - begin) * self->stride);
    memset(self->back, 0, self->stride);
    self->front_begin = begin;
    self->front_end = end;
    self->fed = end;
    for (int64_t row = end - 1; row >= begin; --row) {
        if (!pyr_window_block_holds(&self->block, row)) {
            int64_t first = row + 1 - PYR_VECTOR_ROWS;
            PYR_TRY(pyr_window_block_read(&self->block, first > begin ? first : begin, self->values,
                                          error));
        }
        uint8_t *state = self->front + (size_t)(row - begin) * self->stride;
        PYR_TRY(add_rows(self, (int32_t)(row - self->block.first), 1, state, error));
        if (row + 1 < end) {
            PYR_TRY(put_together(self, state, state + self->stride, &self->kept, error));
        }
    }
    return PYR_OK;
}

/* A block that begins where the frame does serves the next fronts, too, if frames are short. */
static pyr_status feed(pyr_window_slide *self, int64_t begin, int64_t end, pyr_error *error) {
    while (self->fed < end) {
        if (!pyr_window_block_holds(&self->block, self->fed)) {
            bool is_short = self->fed - begin < PYR_VECTOR_ROWS / 2;
            PYR_TRY(pyr_window_block_read(&self->block, is_short ? begin : self->fed, self->values,
                                          error));
        }
        int64_t to = end < self->block.end ? end : self->block.end;
        PYR_TRY(add_rows(self, (int32_t)(self->fed - self->block.first), (int32_t)(to - self->fed),
                         self->back, error));
        self->fed = to;
    }
    return PYR_OK;
}

/* The state of rows [begin, end) into self->frame. */
static pyr_status make_frame(pyr_window_slide *self, int64_t begin, int64_t end, pyr_error *error) {
    pyr_arena_reset(&self->texts);
    memset(self->frame, 0, self->stride);
    if (begin >= end) {
        return PYR_OK;
    }
    if (begin >= self->front_end) {
        PYR_TRY(turn_over(self, begin, end, error));
    }
    PYR_TRY(feed(self, begin, end, error));
    PYR_TRY(put_together(self, self->frame,
                         self->front + (size_t)(begin - self->front_begin) * self->stride,
                         &self->texts, error));
    return put_together(self, self->frame, self->back, &self->texts, error);
}

/* ---- Results. ---- */

pyr_status pyr_window_slide_results(pyr_window_slide *slide, const pyr_window_places *places,
                                    const int64_t *begins, const int64_t *ends,
                                    pyr_vector_buffer *result, pyr_arena *arena, pyr_error *error) {
    pyr_window_value value;
    for (int32_t i = 0; i < places->count; ++i) {
        if (slide->partition != places->partitions[i]) {
            slide->partition = places->partitions[i];
            slide->front_begin = slide->partition;
            slide->front_end = slide->partition; /* no row: the first frame turns over */
        }
        PYR_TRY(make_frame(slide, begins[i], ends[i], error));
        PYR_TRY(pyr_window_value_of(&slide->function, slide->frame, arena, &value, error));
        pyr_window_put(slide->function.result, &value.as, value.null, result, i);
    }
    return PYR_OK;
}
