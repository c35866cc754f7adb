/* zstd.c - Zstandard frames (RFC 8878), several after each other. */
#include "formats/codecs/codecs_internal.h"

#include <zstd.h>
#include <zstd_errors.h>

pyr_status pyr_codec_decode_zstd(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                 size_t capacity, size_t *written, pyr_error *error) {
    if (size_bytes == 0) {
        /* To the library no frame at all is a row of frames too. */
        return pyr_codec_broken(PYR_CODEC_ZSTD, "there is no frame", error);
    }
    /* In one go: the window is out itself, so that a frame's window size takes no memory. */
    size_t made = ZSTD_decompress(out, capacity, bytes, size_bytes);
    if (ZSTD_isError(made)) {
        switch (ZSTD_getErrorCode(made)) {
        case ZSTD_error_dstSize_tooSmall:
            return pyr_codec_too_large(PYR_CODEC_ZSTD, capacity, written, error);
        case ZSTD_error_memory_allocation:
            return pyr_error_memory(error, 0);
        default:
            return pyr_codec_broken(PYR_CODEC_ZSTD, ZSTD_getErrorName(made), error);
        }
    }
    *written = made;
    return PYR_OK;
}

bool pyr_codec_zstd_size(const uint8_t *bytes, size_t size_bytes, size_t *out) {
    unsigned long long size = ZSTD_getFrameContentSize(bytes, size_bytes);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > SIZE_MAX ||
        ZSTD_findFrameCompressedSize(bytes, size_bytes) != size_bytes) {
        return false;
    }
    *out = (size_t)size;
    return true;
}
