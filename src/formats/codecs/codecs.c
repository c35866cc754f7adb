/* codecs.c - names, and one decoder chosen by kind. */
#include "formats/codecs/codecs_internal.h"

#include "base/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const char *const names[PYR_CODEC_KINDS] = {
    [PYR_CODEC_GZIP] = "gzip",
    [PYR_CODEC_ZLIB] = "zlib",
    [PYR_CODEC_ZSTD] = "zstd",
    [PYR_CODEC_LZ4] = "lz4",
    [PYR_CODEC_BLOSC] = "blosc",
    [PYR_CODEC_BZ2] = "bz2",
    [PYR_CODEC_LZMA] = "lzma",
    [PYR_CODEC_CRC32C] = "crc32c",
    [PYR_CODEC_CRC32] = "crc32",
    [PYR_CODEC_ADLER32] = "adler32",
    [PYR_CODEC_FLETCHER32] = "fletcher32",
    [PYR_CODEC_SHUFFLE] = "shuffle",
};

/* NULL: no decoder of bytes, but a checksum or SHUFFLE. */
static pyr_codec_decoder *const decoders[PYR_CODEC_KINDS] = {
    [PYR_CODEC_GZIP] = pyr_codec_decode_gzip,   [PYR_CODEC_ZLIB] = pyr_codec_decode_zlib,
    [PYR_CODEC_ZSTD] = pyr_codec_decode_zstd,   [PYR_CODEC_LZ4] = pyr_codec_decode_lz4,
    [PYR_CODEC_BLOSC] = pyr_codec_decode_blosc, [PYR_CODEC_BZ2] = pyr_codec_decode_bz2,
    [PYR_CODEC_LZMA] = pyr_codec_decode_lzma,
};

enum { CHECKSUM_BYTES = 4 };

const char *pyr_codec_bare_name(const char *name) {
    static const char prefix[] = "numcodecs.";
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name;
}

bool pyr_codec_find(const char *name, pyr_codec_kind *out) {
    name = pyr_codec_bare_name(name);
    for (int kind = 0; kind < PYR_CODEC_KINDS; ++kind) {
        if (strcmp(name, names[kind]) == 0) {
            *out = (pyr_codec_kind)kind;
            return true;
        }
    }
    return false;
}

pyr_status pyr_codec_too_large(pyr_codec_kind kind, size_t capacity, size_t *written,
                               pyr_error *error) {
    *written = PYR_CODEC_MORE_ROOM;
    return pyr_error_set(error, PYR_ERROR_CORRUPT,
                         "%s: decodes to more than the %zu bytes expected", names[kind], capacity);
}

pyr_status pyr_codec_broken(pyr_codec_kind kind, const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: %s", names[kind], what);
}

bool pyr_codec_is_checksum(pyr_codec_kind kind) {
    return kind >= PYR_CODEC_CRC32C && kind <= PYR_CODEC_FLETCHER32;
}

static pyr_status check_sum(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                            size_t *offset, size_t *size, pyr_error *error) {
    if (size_bytes < CHECKSUM_BYTES) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: %zu bytes are too few for a checksum",
                             names[codec->kind], size_bytes);
    }
    size_t data_bytes = size_bytes - CHECKSUM_BYTES;
    const uint8_t *data = codec->at_start ? bytes + CHECKSUM_BYTES : bytes;
    uint32_t stored = pyr_load_u32(codec->at_start ? bytes : bytes + data_bytes);
    uint32_t computed = pyr_codec_checksum(codec->kind, data, data_bytes);
    if (stored != computed) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "%s: the checksum is %08" PRIx32 ", the data's is %08" PRIx32,
                             names[codec->kind], stored, computed);
    }
    *offset = (size_t)(data - bytes);
    *size = data_bytes;
    return PYR_OK;
}

pyr_status pyr_codec_view(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                          bool *view, size_t *offset, size_t *size, pyr_error *error) {
    *view = false;
    *offset = 0;
    *size = 0;
    if (pyr_codec_is_checksum(codec->kind)) {
        PYR_TRY(check_sum(codec, bytes, size_bytes, offset, size, error));
        *view = true;
    } else if (codec->kind == PYR_CODEC_SHUFFLE && codec->element_bytes <= 1) {
        *view = true;
        *size = size_bytes;
    } else if (codec->kind == PYR_CODEC_BLOSC) {
        return pyr_codec_blosc_view(bytes, size_bytes, view, offset, size, error);
    }
    return PYR_OK;
}

/* SHUFFLE, and what pyr_codec_view gives by reference. */
static pyr_status decode_filter(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                                uint8_t *out, size_t capacity, size_t *written, pyr_error *error) {
    bool view;
    size_t offset, size;
    PYR_TRY(pyr_codec_view(codec, bytes, size_bytes, &view, &offset, &size, error));
    if (!view) {
        size = size_bytes;
        if (size % (size_t)codec->element_bytes != 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "shuffle: %zu bytes are no whole number of elements of %d bytes",
                                 size, codec->element_bytes);
        }
    }
    if (size > capacity) {
        return pyr_codec_too_large(codec->kind, capacity, written, error);
    }
    if (!view) {
        pyr_codec_unshuffle((size_t)codec->element_bytes, bytes, size, out);
    } else {
        memcpy(out, bytes + offset, size);
    }
    *written = size;
    return PYR_OK;
}

pyr_status pyr_codec_decode(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                            uint8_t *out, size_t capacity, size_t *written, pyr_error *error) {
    /* Libraries differ in what they make of NULL with a size of 0: none gets to see one. */
    static const uint8_t nothing;
    uint8_t nowhere;
    assert(codec->kind >= 0 && codec->kind < PYR_CODEC_KINDS);
    assert((bytes != NULL || size_bytes == 0) && (out != NULL || capacity == 0));
    *written = 0;
    bytes = bytes != NULL ? bytes : &nothing;
    out = out != NULL ? out : &nowhere;
    if (decoders[codec->kind] != NULL) {
        return decoders[codec->kind](bytes, size_bytes, out, capacity, written, error);
    }
    return decode_filter(codec, bytes, size_bytes, out, capacity, written, error);
}

bool pyr_codec_declared_size(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                             size_t *out) {
    *out = 0;
    switch (codec->kind) {
    case PYR_CODEC_GZIP:
        return pyr_codec_gzip_size(bytes, size_bytes, out);
    case PYR_CODEC_ZSTD:
        return pyr_codec_zstd_size(bytes, size_bytes, out);
    case PYR_CODEC_LZ4:
        return pyr_codec_lz4_size(bytes, size_bytes, out);
    case PYR_CODEC_BLOSC:
        return pyr_codec_blosc_size(bytes, size_bytes, out);
    case PYR_CODEC_SHUFFLE:
        *out = size_bytes;
        return true;
    default:
        if (!pyr_codec_is_checksum(codec->kind) || size_bytes < CHECKSUM_BYTES) {
            return false;
        }
        *out = size_bytes - CHECKSUM_BYTES;
        return true;
    }
}
