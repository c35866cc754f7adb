/* blosc_blocks.c - the blocks of a Blosc frame whose streams are LZ4, zlib or Zstandard.
 *
 * Why not libblosc: it makes a Zstandard context for every stream, inflates with zlib, and its
 * vector code depends on how it was built. Here a frame has one context, libdeflate inflates, and
 * unshuffling is shuffle.c's. The header was checked by blosc.c, which also
 * finds the blocks and their streams.
 */
#include "formats/codecs/codecs_internal.h"

#include <blosc.h>
#include <libdeflate.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* What one frame is decoded with. */
typedef struct blocks_decoder {
    int codec;
    ZSTD_DCtx *zstd;
    struct libdeflate_decompressor *inflate;
    uint8_t *shuffled; /* a block as it was before unshuffling, and where bits are, room for
                          another; NULL where there is nothing to unshuffle */
} blocks_decoder;

static void decoder_deinit(blocks_decoder *self) {
    ZSTD_freeDCtx(self->zstd);
    if (self->inflate != NULL) {
        libdeflate_free_decompressor(self->inflate);
    }
    free(self->shuffled);
}

static bool has_bits(const pyr_blosc_frame *frame) {
    return (frame->flags & BLOSC_DOBITSHUFFLE) != 0;
}

static bool has_bytes(const pyr_blosc_frame *frame) {
    return (frame->flags & BLOSC_DOSHUFFLE) != 0 && frame->element_bytes > 1;
}

static pyr_status decoder_init(blocks_decoder *self, const pyr_blosc_frame *frame,
                               pyr_error *error) {
    *self = (blocks_decoder){.codec = frame->flags >> 5};
    size_t room = has_bytes(frame)  ? frame->block_bytes
                  : has_bits(frame) ? (size_t)frame->block_bytes * 2
                                    : 0;
    if (self->codec == PYR_BLOSC_ZSTD) {
        self->zstd = ZSTD_createDCtx();
    } else if (self->codec == PYR_BLOSC_ZLIB) {
        self->inflate = libdeflate_alloc_decompressor();
    }
    self->shuffled = room > 0 ? malloc(room) : NULL;
    if ((room > 0 && self->shuffled == NULL) ||
        (self->codec == PYR_BLOSC_ZSTD && self->zstd == NULL) ||
        (self->codec == PYR_BLOSC_ZLIB && self->inflate == NULL)) {
        decoder_deinit(self);
        return pyr_error_memory(error, room);
    }
    return PYR_OK;
}

/* A stream gives just size_bytes, or false. One as long as what it gives is stored as it is. */
static bool decode_stream(const blocks_decoder *self, const uint8_t *bytes, uint32_t length,
                          uint8_t *out, uint32_t size_bytes) {
    if (length == size_bytes) {
        memcpy(out, bytes, size_bytes);
        return true;
    }
    switch (self->codec) {
    case PYR_BLOSC_LZ4:
        return LZ4_decompress_safe((const char *)bytes, (char *)out, (int)length,
                                   (int)size_bytes) == (int)size_bytes;
    case PYR_BLOSC_ZLIB:
        return libdeflate_zlib_decompress(self->inflate, bytes, length, out, size_bytes, NULL) ==
               LIBDEFLATE_SUCCESS;
    default:
        /* An error is larger than any size. */
        return ZSTD_decompressDCtx(self->zstd, out, size_bytes, bytes, length) == size_bytes;
    }
}

static bool decode_streams(const blocks_decoder *self, pyr_blosc_block *block, uint8_t *out) {
    uint32_t size_bytes = block->decoded_bytes / block->streams_count;
    for (uint32_t i = 0; i < block->streams_count; ++i) {
        const uint8_t *stream;
        uint32_t length;
        if (!pyr_codec_blosc_stream(block, &stream, &length) ||
            !decode_stream(self, stream, length, out, size_bytes)) {
            return false;
        }
        out += size_bytes;
    }
    return true;
}

static bool decode_block(const blocks_decoder *self, const pyr_blosc_frame *frame,
                         const uint8_t *bytes, uint32_t index, uint8_t *out) {
    pyr_blosc_block block;
    if (!pyr_codec_blosc_block(frame, bytes, index, &block) ||
        !decode_streams(self, &block, self->shuffled != NULL ? self->shuffled : out)) {
        return false;
    }
    if (has_bytes(frame)) {
        pyr_codec_unshuffle(frame->element_bytes, self->shuffled, block.decoded_bytes, out);
    } else if (has_bits(frame)) {
        pyr_codec_unshuffle_bits(frame->element_bytes, self->shuffled, block.decoded_bytes,
                                 self->shuffled + frame->block_bytes, out);
    }
    return true;
}

pyr_status pyr_codec_blosc_blocks(const pyr_blosc_frame *frame, const uint8_t *bytes, uint8_t *out,
                                  pyr_error *error) {
    blocks_decoder decoder;
    pyr_status status = PYR_OK;
    PYR_TRY(decoder_init(&decoder, frame, error));
    for (uint32_t i = 0; status == PYR_OK && i < frame->blocks; ++i) {
        if (!decode_block(&decoder, frame, bytes, i, out + (size_t)i * frame->block_bytes)) {
            status = pyr_error_set(error, PYR_ERROR_CORRUPT, "blosc: block %u of %u is broken", i,
                                   frame->blocks);
        }
    }
    decoder_deinit(&decoder);
    return status;
}
