/* codecs_internal.h - one decoder a kind, called by codecs.c, which says what they share: bytes and
 * out are never NULL, *written is 0 on entry and set only on success. */
#ifndef PYR_FORMATS_CODECS_CODECS_INTERNAL_H
#define PYR_FORMATS_CODECS_CODECS_INTERNAL_H

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

/* A Blosc frame checked down to its blocks; plain: its bytes, *size of them at *offset, are stored
 * as they are. */
PYR_MUST_CHECK pyr_status pyr_codec_blosc_check(const uint8_t *bytes, size_t size_bytes,
                                                bool *plain, size_t *offset, size_t *size,
                                                pyr_error *error);

/* The sum of one of the four kinds of checksum, as its four bytes hold it little-endian. */
uint32_t pyr_codec_checksum(pyr_codec_kind kind, const uint8_t *bytes, size_t size_bytes);

/* size_bytes is a multiple of element_bytes, which is 2 or more: byte j of element i comes from
 * bytes[j * count + i]. */
void pyr_codec_unshuffle(int32_t element_bytes, const uint8_t *bytes, size_t size_bytes,
                         uint8_t *out);

/* CORRUPT with one text for all: "zstd: more than 4096 bytes". */
pyr_status pyr_codec_too_large(pyr_codec_kind kind, size_t capacity, pyr_error *error);
/* CORRUPT: "zstd: WHAT". */
pyr_status pyr_codec_broken(pyr_codec_kind kind, const char *what, pyr_error *error);

#endif
