/* deflate.c - gzip (RFC 1952) and zlib (RFC 1950) streams.
 *
 * A chunk is there as a whole, and so is the room for what
 * it decodes to: libdeflate is made for that, checks the sums and is two to three times as fast as
 * zlib's streaming inflate.
 */
#include "formats/codecs/codecs_internal.h"

#include "base/cursor.h"

#include <libdeflate.h>

static pyr_status check(pyr_codec_kind kind, enum libdeflate_result result, size_t capacity,
                        size_t *written, pyr_error *error) {
    switch (result) {
    case LIBDEFLATE_SUCCESS:
        return PYR_OK;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return pyr_codec_too_large(kind, capacity, written, error);
    default:
        return pyr_codec_broken(kind, "the stream is broken or cut off, or its checksum differs",
                                error);
    }
}

/* Zeros behind the last member are padding, as of tapes and block devices; gzip itself and Python's
 * pass over them. */
static bool only_padding(const uint8_t *bytes, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; ++i) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static pyr_status decode_members(struct libdeflate_decompressor *decompressor, const uint8_t *bytes,
                                 size_t size_bytes, uint8_t *out, size_t capacity, size_t *written,
                                 pyr_error *error) {
    size_t read = 0, made = 0;
    do {
        size_t member_bytes = 0, member_made = 0;
        PYR_TRY(check(PYR_CODEC_GZIP,
                      libdeflate_gzip_decompress_ex(decompressor, bytes + read, size_bytes - read,
                                                    out + made, capacity - made, &member_bytes,
                                                    &member_made),
                      capacity, written, error));
        read += member_bytes;
        made += member_made;
    } while (!only_padding(bytes + read, size_bytes - read));
    *written = made;
    return PYR_OK;
}

pyr_status pyr_codec_decode_gzip(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                 size_t capacity, size_t *written, pyr_error *error) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (decompressor == NULL) {
        return pyr_error_memory(error, 0);
    }
    pyr_status status =
        decode_members(decompressor, bytes, size_bytes, out, capacity, written, error);
    libdeflate_free_decompressor(decompressor);
    return status;
}

pyr_status pyr_codec_decode_zlib(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                 size_t capacity, size_t *written, pyr_error *error) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (decompressor == NULL) {
        return pyr_error_memory(error, 0);
    }
    size_t read = 0, made = 0;
    enum libdeflate_result result =
        libdeflate_zlib_decompress_ex(decompressor, bytes, size_bytes, out, capacity, &read, &made);
    libdeflate_free_decompressor(decompressor);
    PYR_TRY(check(PYR_CODEC_ZLIB, result, capacity, written, error));
    if (read != size_bytes) {
        return pyr_codec_broken(PYR_CODEC_ZLIB, "bytes follow the stream", error);
    }
    *written = made;
    return PYR_OK;
}

bool pyr_codec_gzip_size(const uint8_t *bytes, size_t size_bytes, size_t *out) {
    /* RFC 1952, 2.3: a header of 10 bytes, at least 2 of data, a sum and the size modulo 2^32. */
    if (size_bytes < 20 || bytes[0] != 0x1f || bytes[1] != 0x8b) {
        return false;
    }
    *out = pyr_load_u32(bytes + size_bytes - 4);
    return true;
}
