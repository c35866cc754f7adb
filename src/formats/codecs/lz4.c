/* lz4.c - an LZ4 block behind its size, as numcodecs writes them. */
#include "formats/codecs/codecs_internal.h"

#include "base/cursor.h"

#include <limits.h>
#include <lz4.h>

enum { SIZE_BYTES = 4 };

bool pyr_codec_lz4_size(const uint8_t *bytes, size_t size_bytes, size_t *out) {
    if (size_bytes < SIZE_BYTES || pyr_load_u32(bytes) > INT_MAX) {
        return false;
    }
    *out = pyr_load_u32(bytes);
    return true;
}

pyr_status pyr_codec_decode_lz4(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                size_t capacity, size_t *written, pyr_error *error) {
    size_t expected;
    if (!pyr_codec_lz4_size(bytes, size_bytes, &expected) || size_bytes > INT_MAX) {
        return pyr_codec_broken(PYR_CODEC_LZ4, "the size in front is cut off or out of range",
                                error);
    }
    if (expected > capacity) {
        return pyr_codec_too_large(PYR_CODEC_LZ4, capacity, written, error);
    }
    int made = LZ4_decompress_safe((const char *)bytes + SIZE_BYTES, (char *)out,
                                   (int)(size_bytes - SIZE_BYTES), (int)expected);
    if (made < 0 || (size_t)made != expected) {
        return pyr_codec_broken(PYR_CODEC_LZ4, "the block is broken, or not of the size in front",
                                error);
    }
    *written = expected;
    return PYR_OK;
}
