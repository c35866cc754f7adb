/* compare.c - two tensors: equal bytes are seen at the speed of memory, values are looked at only
 * in blocks whose bytes differ.
 */
#include "base/cursor.h"
#include "formats/tensor/tensor_internal.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

typedef struct work {
    const pyr_tensor_view *a, *b;
    pyr_tensor_ranges ranges;
    pyr_cancel_flag *cancel;
    pyr_tensor_difference parts[PYR_TENSOR_RANGES];
} work;

/* The larger one; NaN is above all. */
static double larger(double a, double b) {
    return isnan(a) || a > b ? a : b;
}
static double apart(double a, double b) {
    if (isnan(a) && isnan(b)) {
        return 0;
    }
    /* An infinity less itself would be NaN. */
    return a == b ? 0 : fabs(a - b);
}
static double doubles_apart(const work *w, int64_t first, int64_t count) {
    double a[PYR_TENSOR_BLOCK], b[PYR_TENSOR_BLOCK], most = 0;
    pyr_tensor_doubles(w->a, first, count, a);
    pyr_tensor_doubles(w->b, first, count, b);
    for (int64_t i = 0; i < count; ++i) {
        most = larger(apart(a[i], b[i]), most);
    }
    return most;
}
/* As whole numbers: as doubles, neighbours beyond 2^53 would be equal. */
static double integers_apart(const work *w, int64_t first, int64_t count) {
    uint64_t flip = w->a->type == PYR_TENSOR_I64 ? UINT64_C(1) << 63 : 0, most = 0;
    for (int64_t i = first; i < first + count; ++i) {
        uint64_t a = pyr_load_u64(w->a->data + (i * 8)) ^ flip;
        uint64_t b = pyr_load_u64(w->b->data + (i * 8)) ^ flip;
        uint64_t difference = a > b ? a - b : b - a;
        most = difference > most ? difference : most;
    }
    return (double)most;
}

static pyr_status range(void *context, size_t index, pyr_error *error) {
    work *w = context;
    int64_t first = (int64_t)index * w->ranges.each, left = w->ranges.scalars - first;
    int64_t end = first + (left < w->ranges.each ? left : w->ranges.each);
    int64_t bits = w->a->type == PYR_TENSOR_C64 ? 32 : pyr_tensor_type_bits(w->a->type);
    bool whole = w->a->type == PYR_TENSOR_I64 || w->a->type == PYR_TENSOR_U64;
    pyr_tensor_difference *out = &w->parts[index];
    *out = (pyr_tensor_difference){.equal = true};
    /* The last block may end within 8 values; the bytes of a whole tensor are whole. */
    for (int64_t at = first; at < end; at += PYR_TENSOR_BLOCK) {
        int64_t count = end - at < PYR_TENSOR_BLOCK ? end - at : PYR_TENSOR_BLOCK;
        const uint8_t *a = pyr_tensor_at(w->a, at), *b = pyr_tensor_at(w->b, at);
        PYR_TRY(pyr_cancel_flag_check(w->cancel, error));
        if (memcmp(a, b, (size_t)((count * bits) / 8)) == 0) {
            continue;
        }
        double most = whole ? integers_apart(w, at, count) : doubles_apart(w, at, count);
        out->equal = false;
        out->max_abs_diff = larger(most, out->max_abs_diff);
    }
    return PYR_OK;
}

pyr_status pyr_tensor_compare(const pyr_tensor_view *a, const pyr_tensor_view *b,
                              pyr_thread_pool *pool, pyr_cancel_flag *cancel,
                              pyr_tensor_difference *out, pyr_error *error) {
    memset(out, 0, sizeof *out);
    if (a->type != b->type || !pyr_tensor_same_shape(a, b)) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "tensors \"%s\" (%s) and \"%s\" (%s) are not of one type and shape",
                             a->name, pyr_tensor_type_name(a->type), b->name,
                             pyr_tensor_type_name(b->type));
    }
    work w = {.a = a, .b = b, .ranges = pyr_tensor_cut(a), .cancel = cancel};
    PYR_TRY(pyr_tensor_for_ranges(&w.ranges, pool, range, &w, error));
    *out = (pyr_tensor_difference){.equal = true};
    for (size_t i = 0; i < w.ranges.count; ++i) {
        out->equal = out->equal && w.parts[i].equal;
        out->max_abs_diff = larger(w.parts[i].max_abs_diff, out->max_abs_diff);
    }
    return PYR_OK;
}
