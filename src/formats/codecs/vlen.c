/* vlen.c - numcodecs' items of any length. */
#include "formats/codecs/codecs.h"

#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>

void pyr_vlen_items_deinit(pyr_vlen_items *items) {
    free(items->offsets);
    free(items->bytes);
    memset(items, 0, sizeof *items);
}

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

static pyr_status read_items(pyr_cursor items, pyr_vlen_items *out, pyr_error *error) {
    PYR_TRY(read_lengths(items, out->count, out->offsets, error));
    size_t size_bytes = (size_t)out->offsets[out->count];
    if (size_bytes == 0) {
        return PYR_OK;
    }
    out->bytes = malloc(size_bytes);
    if (out->bytes == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    const uint8_t *from = items.data + items.position;
    for (int64_t i = 0; i < out->count; ++i) {
        size_t length = (size_t)(out->offsets[i + 1] - out->offsets[i]);
        from += sizeof(uint32_t);
        memcpy(out->bytes + out->offsets[i], from, length);
        from += length;
    }
    return PYR_OK;
}

pyr_status pyr_codec_vlen(const uint8_t *bytes, size_t size_bytes, int64_t count_max,
                          pyr_vlen_items *out, pyr_error *error) {
    pyr_cursor cursor = pyr_cursor_over(bytes, size_bytes);
    uint32_t count;
    memset(out, 0, sizeof *out);
    if (size_bytes > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "vlen: a chunk of %zu bytes", size_bytes);
    }
    if (!pyr_cursor_u32(&cursor, &count)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "vlen: the count of items is cut off");
    }
    if ((int64_t)count > count_max || count > pyr_cursor_left(&cursor) / sizeof(uint32_t)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "vlen: %u items, where %lld are expected and %zu bytes are left",
                             count, (long long)count_max, pyr_cursor_left(&cursor));
    }
    out->count = count;
    out->offsets = malloc(((size_t)count + 1) * sizeof *out->offsets);
    if (out->offsets == NULL) {
        *out = (pyr_vlen_items){0};
        return pyr_error_memory(error, ((size_t)count + 1) * sizeof *out->offsets);
    }
    pyr_status status = read_items(cursor, out, error);
    if (status != PYR_OK) {
        pyr_vlen_items_deinit(out);
    }
    return status;
}
