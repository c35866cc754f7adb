/* vlen.c - numcodecs' items of any length. */
#include "formats/codecs/codecs.h"

#include "base/cursor.h"

#include <string.h>

/* The lengths in front of items, summed into offsets. items stays at the first. */
static pyr_status read_lengths(pyr_cursor items, int64_t count, int32_t *offsets,
                               pyr_error *error) {
    uint32_t length;
    offsets[0] = 0;
    for (int64_t i = 0; i < count; ++i) {
        if (!pyr_cursor_u32(&items, &length) || !pyr_cursor_skip(&items, length)) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "vlen: item %lld of %lld ends behind the chunk", (long long)i,
                                 (long long)count);
        }
        /* What was passed over lies in the span, and that is below 2^31: see the caller. */
        offsets[i + 1] = offsets[i] + (int32_t)length;
    }
    if (pyr_cursor_left(&items) != 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "vlen: %zu bytes follow the %lld items",
                             pyr_cursor_left(&items), (long long)count);
    }
    return PYR_OK;
}

static pyr_status read_items(pyr_cursor items, int64_t count, pyr_budget *budget, int32_t *offsets,
                             pyr_buffer **data, pyr_error *error) {
    PYR_TRY(read_lengths(items, count, offsets, error));
    PYR_TRY(pyr_buffer_create_raw((size_t)offsets[count], budget, data, error));
    uint8_t *to = offsets[count] > 0 ? pyr_buffer_mutable(*data) : NULL;
    const uint8_t *from = items.data + items.position;
    for (int64_t i = 0; to != NULL && i < count; ++i) {
        size_t length = (size_t)(offsets[i + 1] - offsets[i]);
        from += sizeof(uint32_t);
        memcpy(to + offsets[i], from, length);
        from += length;
    }
    return PYR_OK;
}

pyr_status pyr_codec_vlen(const uint8_t *bytes, size_t size_bytes, int64_t count_max,
                          pyr_budget *budget, int64_t *count, pyr_buffer **offsets,
                          pyr_buffer **data, pyr_error *error) {
    pyr_cursor cursor = pyr_cursor_over(bytes, size_bytes);
    uint32_t stored;
    *count = 0;
    *offsets = NULL;
    *data = NULL;
    if (size_bytes > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "vlen: a chunk of %zu bytes", size_bytes);
    }
    if (!pyr_cursor_u32(&cursor, &stored)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "vlen: the count of items is cut off");
    }
    if ((int64_t)stored > count_max || stored > pyr_cursor_left(&cursor) / sizeof(uint32_t)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "vlen: %u items, where %lld are expected and %zu bytes are left",
                             stored, (long long)count_max, pyr_cursor_left(&cursor));
    }
    PYR_TRY(pyr_buffer_create_raw(((size_t)stored + 1) * sizeof(int32_t), budget, offsets, error));
    pyr_status status = read_items(cursor, stored, budget,
                                   (int32_t *)(void *)pyr_buffer_mutable(*offsets), data, error);
    if (status != PYR_OK) {
        pyr_buffer_release(*offsets);
        *offsets = NULL;
        return status;
    }
    *count = stored;
    return PYR_OK;
}
