/* blosc.c - Blosc 1 frames.
 *
 * Bytes of a mapping may change while they are read (a page that faults becomes zeros): the header
 * is read once, and where each block starts and how long each stream is are held against the frame
 * when they are used. Blocks are decoded by blosc_blocks.c where the streams are of libraries that
 * we have anyway, which is most of them; by libblosc where they are BloscLZ or Snappy: it trusts
 * the frame's own sizes, so that it gets a copy, which was walked first.
 * Source: README_CHUNK_FORMAT.rst of c-blosc 1.21.
 *
 *     version, codec's version, flags, bytes of an element   1 byte each
 *     bytes decoded, bytes of a block, bytes of the frame    4 bytes each, little-endian
 *     where each block starts                                4 bytes each
 *     blocks: streams, each behind its length of 4 bytes
 */
#include "formats/codecs/codecs_internal.h"

#include <blosc.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 16,
    WORD_BYTES = 4,
    FLAG_WHOLE_BLOCKS = 0x10, /* a block is one stream, not one for each byte of an element */
    CODEC_SHIFT = 5,
    SPLIT_ELEMENT_MAX = 16, /* blocks of larger elements are not split */
    SPLIT_STREAM_MIN = 128  /* nor are those whose streams would be shorter */
};

static pyr_status broken(const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "blosc: %s", what);
}

static bool read_header(const uint8_t *bytes, size_t size_bytes, pyr_blosc_frame *out) {
    if (size_bytes < HEADER_BYTES) {
        return false;
    }
    *out = (pyr_blosc_frame){
        .version = bytes[0],
        .flags = bytes[2],
        .element_bytes = bytes[3],
        .decoded_bytes = pyr_load_u32(bytes + 4),
        .block_bytes = pyr_load_u32(bytes + 8),
        .frame_bytes = pyr_load_u32(bytes + 12),
    };
    return true;
}

static bool is_ours(const pyr_blosc_frame *self) {
    int codec = self->flags >> CODEC_SHIFT;
    return codec == PYR_BLOSC_LZ4 || codec == PYR_BLOSC_ZLIB || codec == PYR_BLOSC_ZSTD;
}

static pyr_status check_codec(const pyr_blosc_frame *self, pyr_error *error) {
    static const char *const codecs[] = {BLOSC_BLOSCLZ_COMPNAME, BLOSC_LZ4_COMPNAME,
                                         BLOSC_SNAPPY_COMPNAME, BLOSC_ZLIB_COMPNAME,
                                         BLOSC_ZSTD_COMPNAME};
    size_t codec = self->flags >> CODEC_SHIFT;
    if (codec >= sizeof codecs / sizeof *codecs) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "blosc: inner codec number %zu",
                             codec);
    }
    if (!is_ours(self) && blosc_compname_to_compcode(codecs[codec]) < 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "blosc: this libblosc was built without the inner codec %s",
                             codecs[codec]);
    }
    return PYR_OK;
}

bool pyr_codec_blosc_block(const pyr_blosc_frame *self, const uint8_t *bytes, uint32_t index,
                           pyr_blosc_block *out) {
    uint32_t start = pyr_load_u32(bytes + HEADER_BYTES + (size_t)index * WORD_BYTES);
    uint32_t tail = self->decoded_bytes % self->block_bytes;
    bool is_tail = tail != 0 && index + 1 == self->blocks;
    bool split = !is_tail && (self->flags & FLAG_WHOLE_BLOCKS) == 0 &&
                 self->element_bytes <= SPLIT_ELEMENT_MAX &&
                 self->block_bytes / self->element_bytes >= SPLIT_STREAM_MIN;
    out->streams_count = split ? self->element_bytes : 1;
    out->decoded_bytes = is_tail ? tail : self->block_bytes;
    out->streams = pyr_cursor_over(bytes, self->frame_bytes);
    return start >= HEADER_BYTES + (size_t)self->blocks * WORD_BYTES &&
           pyr_cursor_seek(&out->streams, start) && out->decoded_bytes % out->streams_count == 0;
}

bool pyr_codec_blosc_stream(pyr_blosc_block *self, const uint8_t **bytes, uint32_t *size_bytes) {
    return pyr_cursor_u32(&self->streams, size_bytes) && *size_bytes != 0 &&
           pyr_cursor_bytes(&self->streams, *size_bytes, bytes);
}

static pyr_status check_block(const pyr_blosc_frame *self, uint32_t index, const uint8_t *bytes,
                              pyr_error *error) {
    pyr_blosc_block block;
    if (!pyr_codec_blosc_block(self, bytes, index, &block)) {
        return broken("a block starts outside of the frame, or is no whole number of elements",
                      error);
    }
    for (uint32_t i = 0; i < block.streams_count; ++i) {
        const uint8_t *stream;
        uint32_t length;
        if (!pyr_codec_blosc_stream(&block, &stream, &length)) {
            return broken("a block ends outside of the frame", error);
        }
    }
    return PYR_OK;
}

/* The header, and that the blocks' starts follow it. */
static pyr_status check_header(const uint8_t *bytes, size_t size_bytes, pyr_blosc_frame *self,
                               pyr_error *error) {
    if (!read_header(bytes, size_bytes, self)) {
        return broken("the header is cut off", error);
    }
    if (self->version != BLOSC_VERSION_FORMAT) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "blosc: version %d of the format",
                             self->version);
    }
    if (self->frame_bytes != size_bytes || size_bytes > INT_MAX) {
        return broken("the frame is not of the size in its header", error);
    }
    if (self->decoded_bytes > BLOSC_MAX_BUFFERSIZE || self->element_bytes == 0) {
        return broken("a size in the header is out of range", error);
    }
    if ((self->flags & BLOSC_MEMCPYED) != 0) {
        return size_bytes - HEADER_BYTES == self->decoded_bytes
                   ? PYR_OK
                   : broken("plain bytes are not of the size in the header", error);
    }
    if (self->decoded_bytes == 0) {
        return PYR_OK;
    }
    if (self->block_bytes == 0 || self->block_bytes > self->decoded_bytes) {
        return broken("the size of a block is out of range", error);
    }
    self->blocks = (self->decoded_bytes - 1) / self->block_bytes + 1;
    if ((size_bytes - HEADER_BYTES) / WORD_BYTES < self->blocks) {
        return broken("the starts of blocks are cut off", error);
    }
    return check_codec(self, error);
}

static bool is_plain(const pyr_blosc_frame *self) {
    return (self->flags & BLOSC_MEMCPYED) != 0 || self->decoded_bytes == 0;
}

pyr_status pyr_codec_blosc_view(const uint8_t *bytes, size_t size_bytes, bool *plain,
                                size_t *offset, size_t *size, pyr_error *error) {
    pyr_blosc_frame header;
    PYR_TRY(check_header(bytes, size_bytes, &header, error));
    *plain = is_plain(&header);
    if (*plain) {
        *offset = HEADER_BYTES;
        *size = header.decoded_bytes;
    }
    return PYR_OK;
}

bool pyr_codec_blosc_size(const uint8_t *bytes, size_t size_bytes, size_t *out) {
    pyr_blosc_frame header;
    if (!read_header(bytes, size_bytes, &header) || header.version != BLOSC_VERSION_FORMAT) {
        return false;
    }
    *out = header.decoded_bytes;
    return true;
}

static pyr_status decompress(const uint8_t *copy, size_t size_bytes, uint8_t *out, size_t capacity,
                             size_t *written, pyr_error *error) {
    pyr_blosc_frame header;
    PYR_TRY(check_header(copy, size_bytes, &header, error));
    if (header.decoded_bytes > capacity) {
        return pyr_codec_too_large(PYR_CODEC_BLOSC, capacity, written, error);
    }
    for (uint32_t i = 0; i < header.blocks; ++i) {
        PYR_TRY(check_block(&header, i, copy, error));
    }
    if (blosc_decompress_ctx(copy, out, header.decoded_bytes, 1) != (int)header.decoded_bytes) {
        /* Also where memory is short: the library has no code of its own for that. */
        return broken("a block is broken", error);
    }
    *written = header.decoded_bytes;
    return PYR_OK;
}

/* The copy is of what is compressed: no column data yet, and gone before this returns. */
static pyr_status decode_by_library(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                    size_t capacity, size_t *written, pyr_error *error) {
    uint8_t *copy = malloc(size_bytes);
    if (copy == NULL) {
        return pyr_error_memory(error, size_bytes);
    }
    memcpy(copy, bytes, size_bytes);
    pyr_status status = decompress(copy, size_bytes, out, capacity, written, error);
    free(copy);
    return status;
}

pyr_status pyr_codec_decode_blosc(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                  size_t capacity, size_t *written, pyr_error *error) {
    pyr_blosc_frame header;
    PYR_TRY(check_header(bytes, size_bytes, &header, error));
    if (header.decoded_bytes > capacity) {
        return pyr_codec_too_large(PYR_CODEC_BLOSC, capacity, written, error);
    }
    if (is_plain(&header)) {
        memcpy(out, bytes + HEADER_BYTES, header.decoded_bytes);
    } else if (is_ours(&header)) {
        PYR_TRY(pyr_codec_blosc_blocks(&header, bytes, out, error));
    } else {
        return decode_by_library(bytes, size_bytes, out, capacity, written, error);
    }
    *written = header.decoded_bytes;
    return PYR_OK;
}
