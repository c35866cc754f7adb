/* aggregate_moments.c - variances, covariances, correlation: Welford's sums, and Chan's of two. */
#include "exec/aggregate_loops.h"

#include <math.h>

typedef struct moments {
    int64_t count;
    double mean_x, mean_y;
    double square_x, square_y, product; /* sums of (x - mean_x)^2 and so on */
} moments;

static inline void add_one(moments *of, double x, double y) {
    double count = (double)++of->count;
    double dx = x - of->mean_x;
    double dy = y - of->mean_y;
    of->mean_x += dx / count;
    of->mean_y += dy / count;
    double new_dy = y - of->mean_y;
    of->square_x += (x - of->mean_x) * dx;
    of->square_y += new_dy * dy;
    of->product += dx * new_dy;
}

static void add_all(moments *to, const moments *from) {
    if (from->count == 0) {
        return;
    }
    if (to->count == 0) {
        *to = *from;
        return;
    }
    double a = (double)to->count;
    double b = (double)from->count;
    double dx = from->mean_x - to->mean_x;
    double dy = from->mean_y - to->mean_y;
    double share = a * b / (a + b);
    to->square_x += from->square_x + dx * dx * share;
    to->square_y += from->square_y + dy * dy * share;
    to->product += from->product + dx * dy * share;
    to->mean_x = (a * to->mean_x + b * from->mean_x) / (a + b);
    to->mean_y = (a * to->mean_y + b * from->mean_y) / (a + b);
    to->count += from->count;
}

static pyr_status update_one(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                             pyr_error *error) {
    const pyr_vector *vector = &input->arguments[0];
    (void)self;
    (void)error;
    PYR_FOR_VALUES(input, vector, double, { add_one((moments *)(void *)state, value, 0); });
    return PYR_OK;
}

static pyr_status update_two(const pyr_aggregate_function *self, const pyr_aggregate_input *input,
                             pyr_error *error) {
    const pyr_vector *left = &input->arguments[0];
    const pyr_vector *right = &input->arguments[1];
    const double *ys = left->data;
    const double *xs = right->data;
    (void)self;
    (void)error;
    PYR_FOR_ROWS(input, {
        if (!pyr_vector_is_null(left, row) && !pyr_vector_is_null(right, row)) {
            add_one((moments *)(void *)state, xs[right->constant ? 0 : row],
                    ys[left->constant ? 0 : row]);
        }
    })
    return PYR_OK;
}

static pyr_status combine(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                          const uint32_t *groups, uint8_t *from_states, size_t from_stride,
                          int32_t count, pyr_arena *arena, pyr_error *error) {
    (void)self;
    (void)arena;
    (void)error;
    PYR_FOR_STATES(add_all((moments *)(void *)into, (const moments *)(const void *)from);)
    return PYR_OK;
}

/* COVAR_*(y, x) and CORR(y, x) are symmetric but for values that are not finite. */
static double result_of(pyr_aggregate_op op, const moments *of) {
    double count = (double)of->count;
    switch (op) {
    case PYR_AGGREGATE_VAR_SAMP:
        return of->square_x / (count - 1);
    case PYR_AGGREGATE_VAR_POP:
        return of->count > 1 ? of->square_x / count : 0;
    case PYR_AGGREGATE_STDDEV_SAMP:
        return sqrt(of->square_x / (count - 1));
    case PYR_AGGREGATE_STDDEV_POP:
        return of->count > 1 ? sqrt(of->square_x / count) : 0;
    case PYR_AGGREGATE_COVAR_SAMP:
        return of->product / (count - 1);
    case PYR_AGGREGATE_COVAR_POP:
        return of->product / count;
    default:
        return of->product / count /
               ((of->count > 1 ? sqrt(of->square_x / count) : 0) *
                (of->count > 1 ? sqrt(of->square_y / count) : 0));
    }
}

static bool needs_two(pyr_aggregate_op op) {
    return op == PYR_AGGREGATE_VAR_SAMP || op == PYR_AGGREGATE_STDDEV_SAMP ||
           op == PYR_AGGREGATE_COVAR_SAMP;
}

static const char *name_of(pyr_aggregate_op op) {
    switch (op) {
    case PYR_AGGREGATE_VAR_SAMP:
        return "VARSAMP";
    case PYR_AGGREGATE_VAR_POP:
        return "VARPOP";
    case PYR_AGGREGATE_STDDEV_SAMP:
        return "STDDEV_SAMP";
    default:
        return "STDDEV_POP";
    }
}

static pyr_status finalize(const pyr_aggregate_function *self, uint8_t *states, size_t stride,
                           int32_t count, void *data, uint64_t *validity, pyr_error *error) {
    double *out = data;
    pyr_aggregate_op op = self->aggregate->op;
    bool variance = op <= PYR_AGGREGATE_VAR_POP;
    for (int32_t i = 0; i < count; ++i) {
        const moments *of = (const moments *)(const void *)(states + (size_t)i * stride);
        if (of->count < (needs_two(op) ? 2 : 1)) {
            out[i] = 0;
            pyr_result_null(validity, i);
            continue;
        }
        out[i] = result_of(op, of);
        bool spread = op == PYR_AGGREGATE_CORR && of->count > 1 &&
                      !(isfinite(of->square_x) && isfinite(of->square_y));
        if ((variance && !isfinite(out[i])) || spread) {
            return pyr_error_set_sql(error, PYR_ERROR_SQL, "22003", self->aggregate->offset,
                                     "%s is out of range!", name_of(op));
        }
    }
    return PYR_OK;
}

bool pyr_aggregate_moments(pyr_aggregate_function *out) {
    pyr_aggregate_op op = out->aggregate->op;
    if (op < PYR_AGGREGATE_STDDEV_SAMP || op > PYR_AGGREGATE_COVAR_POP) {
        return false;
    }
    out->state_bytes = sizeof(moments);
    out->update = out->aggregate->arguments_count == 2 ? update_two : update_one;
    out->combine = combine;
    out->finalize = finalize;
    return out->physical == PYR_PHYSICAL_F64;
}
