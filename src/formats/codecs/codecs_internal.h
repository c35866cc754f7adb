/* codecs_internal.h - one decoder a kind, called by codecs.c, which says what they share: bytes and
 * out are never NULL, *written is 0 on entry and set only on success and by pyr_codec_too_large. */
#ifndef PYR_FORMATS_CODECS_CODECS_INTERNAL_H
#define PYR_FORMATS_CODECS_CODECS_INTERNAL_H

#include "base/cursor.h"
#include "formats/codecs/codecs.h"

typedef pyr_status pyr_codec_decoder(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                     size_t capacity, size_t *written, pyr_error *error);

pyr_codec_decoder pyr_codec_decode_gzip;
pyr_codec_decoder pyr_codec_decode_zlib;
pyr_codec_decoder pyr_codec_decode_zstd;
pyr_codec_decoder pyr_codec_decode_lz4;
pyr_codec_decoder pyr_codec_decode_blosc;
pyr_codec_decoder pyr_codec_decode_bz2;
pyr_codec_decoder pyr_codec_decode_lzma;

/* What bytes say of their decoded size; see pyr_codec_declared_size. */
bool pyr_codec_gzip_size(const uint8_t *bytes, size_t size_bytes, size_t *out);
bool pyr_codec_zstd_size(const uint8_t *bytes, size_t size_bytes, size_t *out);
bool pyr_codec_lz4_size(const uint8_t *bytes, size_t size_bytes, size_t *out);
bool pyr_codec_blosc_size(const uint8_t *bytes, size_t size_bytes, size_t *out);

/* A Blosc frame's header, read once and checked, and how many blocks there are. */
typedef struct pyr_blosc_frame {
    uint8_t version;
    uint8_t flags;
    uint32_t element_bytes;
    uint32_t decoded_bytes;
    uint32_t block_bytes;
    uint32_t frame_bytes;
    uint32_t blocks;
} pyr_blosc_frame;

/* One block of a frame: its next stream, and what its streams decode to together. */
typedef struct pyr_blosc_block {
    pyr_cursor streams;     /* over the frame */
    uint32_t streams_count; /* each behind its length of 4 bytes */
    uint32_t decoded_bytes; /* a multiple of streams_count */
} pyr_blosc_block;

enum { PYR_BLOSC_LZ4 = 1, PYR_BLOSC_ZLIB = 3, PYR_BLOSC_ZSTD = 4 }; /* flags >> 5 */

/* Block number index; false: it starts outside of the frame, or is no whole number of streams. */
bool pyr_codec_blosc_block(const pyr_blosc_frame *self, const uint8_t *bytes, uint32_t index,
                           pyr_blosc_block *out);
/* The next stream of a block; false: it is empty, or ends outside of the frame. */
bool pyr_codec_blosc_stream(pyr_blosc_block *self, const uint8_t **bytes, uint32_t *size_bytes);
/* Decodes the blocks of a frame whose inner codec is one of the three above. out has room for
 * decoded_bytes. */
PYR_MUST_CHECK pyr_status pyr_codec_blosc_blocks(const pyr_blosc_frame *frame, const uint8_t *bytes,
                                                 uint8_t *out, pyr_error *error);

/* By the header alone. plain: the bytes, *size of them at *offset, are stored as they are. */
PYR_MUST_CHECK pyr_status pyr_codec_blosc_view(const uint8_t *bytes, size_t size_bytes, bool *plain,
                                               size_t *offset, size_t *size, pyr_error *error);

/* The sum of one of the four kinds of checksum, as its four bytes hold it little-endian. */
uint32_t pyr_codec_checksum(pyr_codec_kind kind, const uint8_t *bytes, size_t size_bytes);

/* Byte j of element i comes from bytes[j * count + i]; what is behind the last whole element stays
 * where it is. element_bytes is 1 or more. */
void pyr_codec_unshuffle(size_t element_bytes, const uint8_t *bytes, size_t size_bytes,
                         uint8_t *out);
/* Bit b of byte j of element i comes from bit i % 8 of bytes[(j * 8 + b) * (count / 8) + i / 8].
 * Where count is no multiple of 8, all stays where it is, as Blosc 1 has it. room: as many bytes as
 * there are. */
void pyr_codec_unshuffle_bits(size_t element_bytes, const uint8_t *bytes, size_t size_bytes,
                              uint8_t *room, uint8_t *out);

/* CORRUPT with one text for all: "zstd: decodes to more than the 4096 bytes expected". *written
 * becomes PYR_CODEC_MORE_ROOM. */
pyr_status pyr_codec_too_large(pyr_codec_kind kind, size_t capacity, size_t *written,
                               pyr_error *error);
/* CORRUPT: "zstd: WHAT". */
pyr_status pyr_codec_broken(pyr_codec_kind kind, const char *what, pyr_error *error);

#endif
