/* codecs.h - byte codecs of array formats: what one chunk went through on its way to the store.
 *
 * Bytes are hostile: every declared size is held against what the caller allows before memory is
 * taken, and nothing is read or written outside of its span. Codecs are stateless: any thread.
 */
#ifndef PYR_FORMATS_CODECS_CODECS_H
#define PYR_FORMATS_CODECS_CODECS_H

#include "base/buffer.h"

typedef enum pyr_codec_kind {
    PYR_CODEC_GZIP,   /* RFC 1952; several members follow each other */
    PYR_CODEC_ZLIB,   /* RFC 1950 */
    PYR_CODEC_ZSTD,   /* frames, with or without a content size; checked where there is a sum */
    PYR_CODEC_LZ4,    /* numcodecs LZ4: 4 bytes of size (little-endian), then an LZ4 block */
    PYR_CODEC_BLOSC,  /* a Blosc 1 frame: blosclz, lz4, lz4hc, snappy, zlib, zstd; any shuffle */
    PYR_CODEC_BZ2,    /* bzip2 */
    PYR_CODEC_LZMA,   /* xz, or alone */
    PYR_CODEC_CRC32C, /* 4 bytes behind (or before) the data; Zarr v3 "crc32c" */
    PYR_CODEC_CRC32,  /* numcodecs crc32: 4 bytes before (or behind) the data */
    PYR_CODEC_ADLER32,
    PYR_CODEC_FLETCHER32, /* numcodecs: HDF5's fletcher32 behind the data */
    PYR_CODEC_SHUFFLE,    /* byte shuffle of elements */
    PYR_CODEC_KINDS
} pyr_codec_kind;

typedef struct pyr_codec {
    pyr_codec_kind kind;
    int32_t element_bytes; /* SHUFFLE */
    bool at_start;         /* checksums: before the data instead of behind it */
} pyr_codec;

/* The kind called so in Zarr ("gzip", "zstd", "blosc", "lz4", "zlib", "bz2", "lzma", "crc32c",
 * "crc32", "adler32", "fletcher32", "shuffle"; "numcodecs." before a name is allowed). */
bool pyr_codec_find(const char *name, pyr_codec_kind *out);
const char *pyr_codec_name(pyr_codec_kind kind);

/* Decodes one step into out, which has room for capacity bytes. *written: how many there are.
 * CORRUPT: broken, a checksum that differs, or more than capacity. NOT_SUPPORTED: an inner codec
 * that is not built in, by name. */
PYR_MUST_CHECK pyr_status pyr_codec_decode(const pyr_codec *codec, const uint8_t *bytes,
                                           size_t size_bytes, uint8_t *out, size_t capacity,
                                           size_t *written, pyr_error *error);
/* Whether decoding is a view: a checksum that holds leaves bytes where they are. Then *offset and
 * *size say which; else *view is false and nothing was done. */
PYR_MUST_CHECK pyr_status pyr_codec_view(const pyr_codec *codec, const uint8_t *bytes,
                                         size_t size_bytes, bool *view, size_t *offset,
                                         size_t *size, pyr_error *error);

/* ---- Filters over elements, after the bytes are plain. In place. ---- */

/* numcodecs "delta": each element is added to the one before it. type: "<i4" as Zarr v2 has it. */
PYR_MUST_CHECK pyr_status pyr_codec_delta(const char *type, uint8_t *bytes, size_t count,
                                          pyr_error *error);
/* numcodecs "fixedscaleoffset": (x / scale) + offset; from astype into dtype, of other widths. */
PYR_MUST_CHECK pyr_status pyr_codec_fixed_scale_offset(const char *type, const char *stored_type,
                                                       double scale, double offset,
                                                       const uint8_t *bytes, size_t count,
                                                       uint8_t *out, pyr_error *error);
/* numcodecs "vlen-utf8" and "vlen-bytes" (Zarr v3 "vlen-utf8"): 4 bytes of count, then of each item
 * 4 bytes of length and its bytes. Offsets (count + 1) and bytes, in memory of the budget. */
typedef struct pyr_vlen_items {
    int64_t count;
    int32_t *offsets; /* malloc'ed */
    uint8_t *bytes;   /* malloc'ed */
} pyr_vlen_items;
PYR_MUST_CHECK pyr_status pyr_codec_vlen(const uint8_t *bytes, size_t size_bytes, int64_t count_max,
                                         pyr_vlen_items *out, pyr_error *error);
void pyr_vlen_items_deinit(pyr_vlen_items *items);

#endif
