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
    PYR_CODEC_LZMA,   /* xz, or alone; at most 256 MiB of dictionary (LIMIT) */
    PYR_CODEC_CRC32C, /* 4 bytes behind (or before) the data; Zarr v3 "crc32c" */
    PYR_CODEC_CRC32,  /* numcodecs crc32: 4 bytes before (or behind) the data */
    PYR_CODEC_ADLER32,
    PYR_CODEC_FLETCHER32, /* numcodecs: HDF5's fletcher32 behind the data */
    PYR_CODEC_SHUFFLE,    /* numcodecs: byte shuffle of elements; 1 byte or less leaves them */
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
/* name without the "numcodecs." that v3 may have in front of it. */
const char *pyr_codec_bare_name(const char *name);
/* 4 bytes beside the data, which they leave as it is. */
bool pyr_codec_is_checksum(pyr_codec_kind kind);

/* What *written is where the room was too small, and the bytes as far as they were read well. */
#define PYR_CODEC_MORE_ROOM SIZE_MAX
/* Decodes one step into out, which has room for capacity bytes and does not overlap bytes.
 * *written: how many there are, 0 or PYR_CODEC_MORE_ROOM on failure; what out holds then is
 * unspecified. CORRUPT: broken,
 * cut off, followed by bytes that are not its own, a checksum that differs, or more than capacity.
 * NOT_SUPPORTED: an inner codec that is not built in, by name, or a later version of Blosc's
 * frames. LIMIT: see LZMA. MEMORY. Uses one thread; callers run chunks beside each other. */
PYR_MUST_CHECK pyr_status pyr_codec_decode(const pyr_codec *codec, const uint8_t *bytes,
                                           size_t size_bytes, uint8_t *out, size_t capacity,
                                           size_t *written, pyr_error *error);
/* Whether decoding is a view: a checksum that holds leaves bytes where they are, as do a Blosc
 * frame of plain bytes and a shuffle of single bytes. Then *offset and *size say which; else *view
 * is false and nothing was done. CORRUPT: a checksum that differs, a header that does not hold;
 * what follows the header is left to decoding. */
PYR_MUST_CHECK pyr_status pyr_codec_view(const pyr_codec *codec, const uint8_t *bytes,
                                         size_t size_bytes, bool *view, size_t *offset,
                                         size_t *size, pyr_error *error);

/* How many bytes these decode to by their own word, without decoding: exact for checksums, SHUFFLE,
 * LZ4, BLOSC, a single zstd frame that says so and a single gzip member below 4 GiB; of several
 * members, or with padding, gzip's is another number; false for the others and for bytes too short
 * to say. A size is a claim: hold it against a limit before taking
 * memory, and expect CORRUPT from decoding where it was a lie. */
bool pyr_codec_declared_size(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                             size_t *out);

/* ---- Filters over elements, after the bytes are plain. ---- */

/* Types are Zarr v2's: "<i4", ">f8", "|u1"; i and u of 1, 2, 4, 8 bytes, f of 4 and 8. Others are
 * NOT_SUPPORTED, a text that is no type INVALID_ARGUMENT. */

/* numcodecs "delta": each element is added to the one before it, whole numbers wrapping. */
PYR_MUST_CHECK pyr_status pyr_codec_delta(const char *type, uint8_t *bytes, size_t count,
                                          pyr_error *error);
/* The same where the differences are stored in a type of their own ("astype"), into out, which has
 * room for count elements of type and does not overlap bytes. Fractions into whole numbers:
 * NOT_SUPPORTED, as numcodecs refuses them. */
PYR_MUST_CHECK pyr_status pyr_codec_delta_from(const char *type, const char *stored_type,
                                               const uint8_t *bytes, size_t count, uint8_t *out,
                                               pyr_error *error);
/* numcodecs "fixedscaleoffset": (x / scale) + offset, from stored_type into type, into out, which
 * has room for count elements of type and does not overlap bytes. Computed as numpy does: in single
 * precision where stored_type is f4, else in double; whole numbers are cut towards zero, and kept
 * within their type's range (NaN becomes 0), where numpy leaves it to the machine. */
PYR_MUST_CHECK pyr_status pyr_codec_fixed_scale_offset(const char *type, const char *stored_type,
                                                       double scale, double offset,
                                                       const uint8_t *bytes, size_t count,
                                                       uint8_t *out, pyr_error *error);
/* numcodecs "vlen-utf8" and "vlen-bytes" (Zarr v3 "vlen-utf8"): 4 bytes of count, then of each item
 * 4 bytes of length and its bytes. They become offsets (*count + 1 int32_t, from 0 on, rising) and
 * data as Arrow's binary layout has them; together no more memory than size_bytes and 8. Whether
 * they are UTF-8 is not looked at. CORRUPT: more than count_max items, a length behind the end,
 * bytes left over. LIMIT: 2 GiB or more. MEMORY. */
PYR_MUST_CHECK pyr_status pyr_codec_vlen(const uint8_t *bytes, size_t size_bytes, int64_t count_max,
                                         pyr_budget *budget, int64_t *count, pyr_buffer **offsets,
                                         pyr_buffer **data, pyr_error *error);

#endif
