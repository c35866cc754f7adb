/* strided.c - boxes of values between blocks of different orders. */
#include "formats/zarr/zarr_internal.h"

#include <string.h>

int64_t pyr_zarr_product(int32_t rank, const int64_t *lengths) {
    int64_t product = 1;
    for (int32_t i = 0; i < rank; ++i) {
        product *= lengths[i];
    }
    return product;
}

void pyr_zarr_strides(int32_t rank, const int64_t *shape, int32_t item_bytes, int64_t *out) {
    int64_t stride = item_bytes;
    for (int32_t i = rank; i-- > 0;) {
        out[i] = stride;
        stride *= shape[i];
    }
}

bool pyr_zarr_is_zero(const uint8_t *value, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; ++i) {
        if (value[i] != 0) {
            return false;
        }
    }
    return true;
}

/* One line of the last dimension. The widths of numbers have loops of their own: memcpy of a known
 * size is one move. */
static void copy_line(int64_t count, int32_t item_bytes, const uint8_t *from, int64_t from_stride,
                      uint8_t *to, int64_t to_stride) {
#define COPY_LINE(width)                                               \
    case width:                                                        \
        for (int64_t i = 0; i < count; ++i) {                          \
            memcpy(to + i * to_stride, from + i * from_stride, width); \
        }                                                              \
        return;
    if (from_stride == item_bytes && to_stride == item_bytes) {
        memcpy(to, from, (size_t)(count * item_bytes));
        return;
    }
    switch (item_bytes) {
        COPY_LINE(1)
        COPY_LINE(2)
        COPY_LINE(4)
        COPY_LINE(8)
        COPY_LINE(16)
    default:
        for (int64_t i = 0; i < count; ++i) {
            memcpy(to + i * to_stride, from + i * from_stride, (size_t)item_bytes);
        }
    }
#undef COPY_LINE
}

/* Dimensions that both sides hold one behind the other become one; those of length 1 go. */
static int32_t merge(int32_t rank, const int64_t *extent, const int64_t *from_strides,
                     const int64_t *to_strides, int64_t *lengths, int64_t *from, int64_t *to) {
    int32_t count = 0;
    for (int32_t i = 0; i < rank; ++i) {
        if (extent[i] == 1) {
            continue;
        }
        if (count > 0 && from[count - 1] == from_strides[i] * extent[i] &&
            to[count - 1] == to_strides[i] * extent[i]) {
            lengths[count - 1] *= extent[i];
            --count;
        } else {
            lengths[count] = extent[i];
        }
        from[count] = from_strides[i];
        to[count] = to_strides[i];
        ++count;
    }
    return count;
}

void pyr_zarr_strided_copy(int32_t rank, const int64_t *extent, int32_t item_bytes,
                           const uint8_t *from, const int64_t *from_strides, uint8_t *to,
                           const int64_t *to_strides) {
    int64_t lengths[PYR_ZARR_RANK_MAX], from_step[PYR_ZARR_RANK_MAX], to_step[PYR_ZARR_RANK_MAX];
    int64_t at[PYR_ZARR_RANK_MAX] = {0};
    if (pyr_zarr_product(rank, extent) == 0) {
        return;
    }
    int32_t count = merge(rank, extent, from_strides, to_strides, lengths, from_step, to_step);
    if (count == 0) {
        memcpy(to, from, (size_t)item_bytes);
        return;
    }
    int32_t last = count - 1;
    for (;;) {
        copy_line(lengths[last], item_bytes, from, from_step[last], to, to_step[last]);
        int32_t i = last;
        while (i-- > 0) {
            from += from_step[i];
            to += to_step[i];
            if (++at[i] < lengths[i]) {
                break;
            }
            from -= from_step[i] * lengths[i];
            to -= to_step[i] * lengths[i];
            at[i] = 0;
        }
        if (i < 0) {
            return;
        }
    }
}

void pyr_zarr_strided_fill(int32_t rank, const int64_t *extent, int32_t item_bytes,
                           const uint8_t *value, uint8_t *to, const int64_t *to_strides) {
    static const int64_t standing[PYR_ZARR_RANK_MAX] = {0};
    pyr_zarr_strided_copy(rank, extent, item_bytes, value, standing, to, to_strides);
}
