/* stats.c - what is known of all values of a tensor, in one pass.
 *
 * Numerically: a block of a few thousand values gives its sums of (value - shift) and of their
 * squares; from these come its mean and its sum of squares about the mean, which loses as many
 * digits as (mean - shift)^2 has more than the variance. Where that is more than some bits, the
 * block, still in the cache, is read again with its mean for shift, which also is the next block's.
 * So each block keeps its digits whatever the values are. Blocks are put together, in their order,
 * by their means (Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing
 * sample variances"), which loses none either. Weights lie around zero: for most the shift stays 0.
 *
 * Types of 8 bits and fewer are counted by their codes, and the rest follows from 256 numbers.
 */
#include "formats/tensor/tensor_internal.h"

#include "base/cursor.h"
#include "kernels/kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    BLOCK_BYTES = 32 << 10, /* stays in the innermost cache for a second look */
    CODES_AT_ONCE = 1 << 20
};

typedef struct summary {
    int64_t numbers, nans, zeros;
    double min, max;
    double mean, squares; /* squares: of the distances from the mean */
} summary;

static summary nothing(void) {
    return (summary){.min = INFINITY, .max = -INFINITY};
}
static void merge(summary *into, const summary *more) {
    into->nans += more->nans;
    into->zeros += more->zeros;
    into->min = more->min < into->min ? more->min : into->min;
    into->max = more->max > into->max ? more->max : into->max;
    if (more->numbers == 0) {
        return;
    }
    double a = (double)into->numbers, b = (double)more->numbers;
    double apart = more->mean - into->mean, share = b / (a + b);
    into->numbers += more->numbers;
    into->squares += more->squares + apart * apart * a * share;
    into->mean = a == 0 ? more->mean : into->mean + apart * share;
}

/* ---- Floats, by their kernel. ---- */

/* Values of a block as a kernel takes them. */
typedef struct block {
    pyr_float_kind kind;
    const void *values;
    int64_t count;
} block;

static summary summary_of(const pyr_moments *moments, int64_t count, double shift) {
    summary s = {count - moments->nan_count,
                 moments->nan_count,
                 moments->zero_count,
                 moments->min,
                 moments->max,
                 0,
                 0};
    if (s.numbers > 0) {
        double n = (double)s.numbers, squares = moments->squares - moments->sum / n * moments->sum;
        s.mean = shift + moments->sum / n;
        /* Not below zero by rounding; a NaN stays. */
        s.squares = squares < 0 ? 0 : squares;
    }
    return s;
}
/* *shift: of the block before, and for the next one. */
static summary summarize(const block *b, double *shift) {
    void (*moments_of)(const void *, int64_t, double, pyr_moments *) =
        pyr_kernels_get()->moments[b->kind];
    summary s = nothing();
    /* The second look's shift is the mean of the first, whose error a third one takes away. */
    for (int look = 0; look < 3; ++look) {
        pyr_moments moments;
        moments_of(b->values, b->count, *shift, &moments);
        s = summary_of(&moments, b->count, *shift);
        double off = s.mean - *shift;
        if (s.numbers == 0 || !isfinite(s.mean) ||
            !(off * off * (double)s.numbers > 16 * s.squares)) {
            break;
        }
        double wanted = b->kind == PYR_FLOAT_F64 ? s.mean : (double)(float)s.mean;
        if (wanted == *shift || !isfinite(wanted)) {
            break;
        }
        *shift = wanted;
    }
    return s;
}

/* ---- Types of a byte and less, by counting their codes. ---- */

static void count_codes(const uint8_t *bytes, int64_t count, int64_t codes[256]) {
    /* Four tables: equal neighbours do not wait for each other. */
    uint32_t tables[4][256];
    memset(tables, 0, sizeof tables);
    int64_t i = 0;
    for (; count - i >= 8; i += 8) {
        uint64_t word = pyr_load_u64(bytes + i);
        for (int j = 0; j < 8; ++j) {
            ++tables[j & 3][(word >> (j * 8)) & 0xff];
        }
    }
    for (; i < count; ++i) {
        ++tables[0][bytes[i]];
    }
    for (int code = 0; code < 256; ++code) {
        codes[code] +=
            (int64_t)tables[0][code] + tables[1][code] + tables[2][code] + tables[3][code];
    }
}
/* A byte of F4 is two codes. */
static void split_codes(int64_t codes[256]) {
    int64_t halves[256] = {0};
    for (int byte = 0; byte < 256; ++byte) {
        halves[byte & 15] += codes[byte];
        halves[byte >> 4] += codes[byte];
    }
    memcpy(codes, halves, sizeof halves);
}
static summary summary_of_codes(pyr_tensor_type type, const int64_t codes[256]) {
    summary s = nothing();
    double values[256] = {0}, sum = 0;
    uint8_t bytes[256];
    for (int code = 0; code < 256; ++code) {
        bytes[code] = (uint8_t)code;
    }
    pyr_tensor_view view = {.type = type, .count = type == PYR_TENSOR_F4 ? 16 : 256, .data = bytes};
    if (type == PYR_TENSOR_F4) {
        for (int code = 0; code < 16; ++code) {
            values[code] = (double)pyr_tensor_minifloat(type, (uint8_t)code);
        }
    } else {
        pyr_tensor_doubles(&view, 0, view.count, values);
    }
    for (int64_t code = 0; code < view.count; ++code) {
        double value = values[code];
        if (codes[code] == 0) {
            continue;
        }
        if (isnan(value)) {
            s.nans += codes[code];
            continue;
        }
        s.numbers += codes[code];
        s.zeros += value == 0 ? codes[code] : 0;
        s.min = value < s.min ? value : s.min;
        s.max = value > s.max ? value : s.max;
        sum += value * (double)codes[code];
    }
    s.mean = s.numbers > 0 ? sum / (double)s.numbers : 0;
    for (int64_t code = 0; code < view.count; ++code) {
        double off = values[code] - s.mean;
        s.squares += codes[code] == 0 || isnan(values[code]) ? 0 : off * off * (double)codes[code];
    }
    s.min += 0.0;
    s.max += 0.0;
    return s;
}

/* ---- A range. ---- */

typedef struct work {
    const pyr_tensor_view *view;
    pyr_tensor_ranges ranges;
    pyr_cancel_flag *cancel;
    summary parts[PYR_TENSOR_RANGES];
} work;

static pyr_status codes_range(work *w, int64_t first, int64_t count, summary *out,
                              pyr_error *error) {
    int64_t codes[256] = {0}, per_byte = w->view->type == PYR_TENSOR_F4 ? 2 : 1;
    const uint8_t *bytes = pyr_tensor_at(w->view, first);
    for (int64_t i = 0, size = count / per_byte; i < size; i += CODES_AT_ONCE) {
        PYR_TRY(pyr_cancel_flag_check(w->cancel, error));
        count_codes(bytes + i, size - i < CODES_AT_ONCE ? size - i : CODES_AT_ONCE, codes);
    }
    if (per_byte == 2) {
        split_codes(codes);
    }
    *out = summary_of_codes(w->view->type, codes);
    return PYR_OK;
}
static pyr_status floats_range(work *w, pyr_float_kind kind, int64_t first, int64_t count,
                               summary *out, pyr_error *error) {
    static const int64_t widths[PYR_FLOAT_KINDS] = {2, 2, 4, 8};
    int64_t each = BLOCK_BYTES / widths[kind];
    double shift = 0;
    const uint8_t *at = pyr_tensor_at(w->view, first);
    for (int64_t i = 0; i < count; i += each) {
        PYR_TRY(pyr_cancel_flag_check(w->cancel, error));
        block b = {kind, at + (i * widths[kind]), count - i < each ? count - i : each};
        summary s = summarize(&b, &shift);
        merge(out, &s);
    }
    return PYR_OK;
}
static pyr_status converted_range(work *w, int64_t first, int64_t count, summary *out,
                                  pyr_error *error) {
    double values[PYR_TENSOR_BLOCK], shift = 0;
    for (int64_t i = 0; i < count; i += PYR_TENSOR_BLOCK) {
        PYR_TRY(pyr_cancel_flag_check(w->cancel, error));
        int64_t some = count - i < PYR_TENSOR_BLOCK ? count - i : PYR_TENSOR_BLOCK;
        pyr_tensor_doubles(w->view, first + i, some, values);
        block b = {PYR_FLOAT_F64, values, some};
        summary s = summarize(&b, &shift);
        merge(out, &s);
    }
    return PYR_OK;
}
static pyr_status range(void *context, size_t index, pyr_error *error) {
    work *w = context;
    int64_t first = (int64_t)index * w->ranges.each, left = w->ranges.scalars - first;
    int64_t count = left < w->ranges.each ? left : w->ranges.each;
    summary *out = &w->parts[index];
    *out = nothing();
    switch (w->view->type) {
    case PYR_TENSOR_BF16:
        return floats_range(w, PYR_FLOAT_BF16, first, count, out, error);
    case PYR_TENSOR_F16:
        return floats_range(w, PYR_FLOAT_F16, first, count, out, error);
    case PYR_TENSOR_F32:
    case PYR_TENSOR_C64:
        return floats_range(w, PYR_FLOAT_F32, first, count, out, error);
    case PYR_TENSOR_F64:
        return floats_range(w, PYR_FLOAT_F64, first, count, out, error);
    case PYR_TENSOR_I16:
    case PYR_TENSOR_U16:
    case PYR_TENSOR_I32:
    case PYR_TENSOR_U32:
    case PYR_TENSOR_I64:
    case PYR_TENSOR_U64:
    case PYR_TENSOR_F6_E2M3:
    case PYR_TENSOR_F6_E3M2:
        return converted_range(w, first, count, out, error);
    default:
        return codes_range(w, first, count, out, error);
    }
}

static void finish(const summary *s, int64_t count, pyr_tensor_stats *out) {
    *out = (pyr_tensor_stats){count, s->nans, s->zeros, NAN, NAN, NAN, NAN};
    if (s->numbers == 0) {
        return;
    }
    out->min = s->min;
    out->max = s->max;
    if (isinf(s->min) || isinf(s->max)) {
        bool low = isinf(s->min) && s->min < 0, high = isinf(s->max) && s->max > 0;
        out->mean = low && high ? NAN : low ? -INFINITY : INFINITY;
        return;
    }
    out->mean = s->mean;
    out->std = sqrt(s->squares / (double)s->numbers);
}

pyr_status pyr_tensor_stats_of(const pyr_tensor_view *view, pyr_thread_pool *pool,
                               pyr_cancel_flag *cancel, pyr_tensor_stats *out, pyr_error *error) {
    work w = {.view = view, .ranges = pyr_tensor_cut(view), .cancel = cancel};
    memset(out, 0, sizeof *out);
    PYR_TRY(pyr_tensor_for_ranges(&w.ranges, pool, range, &w, error));
    summary all = nothing();
    for (size_t i = 0; i < w.ranges.count; ++i) {
        merge(&all, &w.parts[i]);
    }
    finish(&all, w.ranges.scalars, out);
    return PYR_OK;
}
