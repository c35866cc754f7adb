/* xz.c - LZMA in its two wrappings: xz, several streams after each other, and the older "alone".
 * The only file that includes lzma.h. */
#include "formats/codecs/codecs_internal.h"

#include <lzma.h>

/* The dictionary a stream asks for in its header. Preset 9 takes 64 MiB. */
static const uint64_t memory_max = (uint64_t)256 << 20;

static pyr_status fault(lzma_ret result, pyr_error *error) {
    switch (result) {
    case LZMA_MEM_ERROR:
        return pyr_error_memory(error, 0);
    case LZMA_MEMLIMIT_ERROR:
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "lzma: the dictionary needs more than the %d MiB that are allowed",
                             (int)(memory_max >> 20));
    case LZMA_OPTIONS_ERROR:
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "lzma: filters or options that this liblzma does not know");
    case LZMA_BUF_ERROR:
        return pyr_codec_broken(PYR_CODEC_LZMA, "the stream is cut off", error);
    default:
        return pyr_codec_broken(PYR_CODEC_LZMA, "the stream is broken, or its checksum differs",
                                error);
    }
}

static pyr_status decode(lzma_stream *stream, const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                         size_t capacity, size_t *written, pyr_error *error) {
    uint8_t beyond;
    stream->next_in = bytes;
    stream->avail_in = size_bytes;
    stream->next_out = out;
    stream->avail_out = capacity;
    lzma_ret result = LZMA_OK;
    while (result == LZMA_OK) {
        /* The end marker is only found while there is room: a byte of ours stands behind out. */
        bool at_end = stream->avail_out == 0;
        if (at_end) {
            stream->next_out = &beyond;
            stream->avail_out = 1;
        }
        result = lzma_code(stream, LZMA_FINISH);
        if (at_end && stream->avail_out == 0) {
            return pyr_codec_too_large(PYR_CODEC_LZMA, capacity, written, error);
        }
    }
    if (result != LZMA_STREAM_END) {
        return fault(result, error);
    }
    if (stream->avail_in != 0) {
        return pyr_codec_broken(PYR_CODEC_LZMA, "bytes follow the stream", error);
    }
    *written = (size_t)stream->total_out;
    return PYR_OK;
}

pyr_status pyr_codec_decode_lzma(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                 size_t capacity, size_t *written, pyr_error *error) {
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_ret result = lzma_auto_decoder(&stream, memory_max, LZMA_CONCATENATED);
    pyr_status status = result == LZMA_OK
                            ? decode(&stream, bytes, size_bytes, out, capacity, written, error)
                            : fault(result, error);
    lzma_end(&stream);
    return status;
}
