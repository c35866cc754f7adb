/* compress.c - compressed body buffers: LZ4 frames and Zstandard, one buffer at a time.
 *
 * The only file that includes lz4frame.h and zstd.h. Source: Message.fbs, BodyCompression: each
 * buffer begins with its uncompressed length as a little-endian int64, -1 for a plain one.
 */
#include "arrow/ipc/ipc_internal.h"

#include <lz4frame.h>
#include <string.h>
#include <zstd.h>

void pyr_ipc_codec_deinit(pyr_ipc_codec *codec) {
    if (codec->lz4_decoder != NULL) {
        LZ4F_freeDecompressionContext(codec->lz4_decoder);
    }
    ZSTD_freeDCtx(codec->zstd_decoder);
    ZSTD_freeCCtx(codec->zstd_encoder);
    memset(codec, 0, sizeof *codec);
}

bool pyr_ipc_decompress_plausible(pyr_ipc_compression compression, size_t from_bytes,
                                  size_t to_bytes) {
    /* A byte of an LZ4 sequence stands for at most 255 bytes. A Zstandard block of at least 4 bytes
     * (RLE: header and byte) gives at most 128 KiB. */
    size_t most = compression == PYR_IPC_LZ4_FRAME ? 255 : (size_t)128 << 10;
    size_t bound;
    return __builtin_mul_overflow(from_bytes, most, &bound) || to_bytes <= bound;
}

static pyr_status corrupt(const char *codec, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s buffer: %s", codec, what);
}

static pyr_status decompress_lz4(pyr_ipc_codec *codec, const uint8_t *from, size_t from_bytes,
                                 uint8_t *to, size_t to_bytes, pyr_error *error) {
    LZ4F_dctx *context = codec->lz4_decoder;
    if (context == NULL) {
        if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
            return pyr_error_memory(error, 0);
        }
        codec->lz4_decoder = context;
    }
    LZ4F_resetDecompressionContext(context);
    size_t read = 0, written = 0;
    for (;;) {
        size_t in = from_bytes - read, out = to_bytes - written;
        size_t hint = LZ4F_decompress(context, to + written, &out, from + read, &in, NULL);
        if (LZ4F_isError(hint)) {
            return corrupt("LZ4", LZ4F_getErrorName(hint), error);
        }
        read += in;
        written += out;
        if (hint == 0) {
            break;
        }
        if (in == 0 && out == 0) {
            return corrupt("LZ4", "the frame is cut off or longer than announced", error);
        }
    }
    if (written != to_bytes) {
        return corrupt("LZ4", "the frame is shorter than announced", error);
    }
    return PYR_OK;
}

static pyr_status decompress_zstd(pyr_ipc_codec *codec, const uint8_t *from, size_t from_bytes,
                                  uint8_t *to, size_t to_bytes, pyr_error *error) {
    if (codec->zstd_decoder == NULL) {
        codec->zstd_decoder = ZSTD_createDCtx();
        if (codec->zstd_decoder == NULL) {
            return pyr_error_memory(error, 0);
        }
    }
    size_t written = ZSTD_decompressDCtx(codec->zstd_decoder, to, to_bytes, from, from_bytes);
    if (ZSTD_isError(written)) {
        return corrupt("Zstandard", ZSTD_getErrorName(written), error);
    }
    if (written != to_bytes) {
        return corrupt("Zstandard", "the frame is shorter than announced", error);
    }
    return PYR_OK;
}

pyr_status pyr_ipc_decompress(pyr_ipc_codec *codec, pyr_ipc_compression compression,
                              const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes,
                              pyr_error *error) {
    if (compression == PYR_IPC_LZ4_FRAME) {
        return decompress_lz4(codec, from, from_bytes, to, to_bytes, error);
    }
    return decompress_zstd(codec, from, from_bytes, to, to_bytes, error);
}

static pyr_status compress_lz4(int32_t level, const uint8_t *from, size_t from_bytes, uint8_t *to,
                               size_t capacity, size_t *written, pyr_error *error) {
    LZ4F_preferences_t preferences;
    memset(&preferences, 0, sizeof preferences);
    preferences.compressionLevel = level;
    preferences.frameInfo.contentSize = from_bytes;
    *written = LZ4F_compressFrame(to, capacity, from, from_bytes, &preferences);
    if (LZ4F_isError(*written)) {
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "LZ4: %s", LZ4F_getErrorName(*written));
    }
    return PYR_OK;
}

static pyr_status compress_zstd(pyr_ipc_codec *codec, int32_t level, const uint8_t *from,
                                size_t from_bytes, uint8_t *to, size_t capacity, size_t *written,
                                pyr_error *error) {
    if (codec->zstd_encoder == NULL) {
        codec->zstd_encoder = ZSTD_createCCtx();
        if (codec->zstd_encoder == NULL) {
            return pyr_error_memory(error, 0);
        }
    }
    *written = ZSTD_compressCCtx(codec->zstd_encoder, to, capacity, from, from_bytes,
                                 level != 0 ? level : ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(*written)) {
        return pyr_error_set(error, PYR_ERROR_INTERNAL, "Zstandard: %s",
                             ZSTD_getErrorName(*written));
    }
    return PYR_OK;
}

static size_t bound(pyr_ipc_compression compression, size_t from_bytes, int32_t level) {
    if (compression == PYR_IPC_ZSTD) {
        return ZSTD_compressBound(from_bytes);
    }
    LZ4F_preferences_t preferences;
    memset(&preferences, 0, sizeof preferences);
    preferences.compressionLevel = level;
    preferences.frameInfo.contentSize = from_bytes;
    return LZ4F_compressFrameBound(from_bytes, &preferences);
}

pyr_status pyr_ipc_compress(pyr_ipc_codec *codec, pyr_ipc_compression compression, int32_t level,
                            const uint8_t *from, size_t from_bytes, pyr_buffer **out,
                            pyr_error *error) {
    size_t capacity = bound(compression, from_bytes, level);
    size_t written = 0;
    pyr_buffer *buffer;
    *out = NULL;
    PYR_TRY(pyr_buffer_create_raw(8 + capacity, NULL, &buffer, error));
    uint8_t *to = pyr_buffer_mutable(buffer);
    int64_t length = (int64_t)from_bytes;
    memcpy(to, &length, 8);
    pyr_status status =
        compression == PYR_IPC_LZ4_FRAME
            ? compress_lz4(level, from, from_bytes, to + 8, capacity, &written, error)
            : compress_zstd(codec, level, from, from_bytes, to + 8, capacity, &written, error);
    if (status != PYR_OK || written >= from_bytes) {
        pyr_buffer_release(buffer);
        return status;
    }
    pyr_buffer_set_size(buffer, 8 + written);
    *out = buffer;
    return PYR_OK;
}
