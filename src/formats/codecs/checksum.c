/* checksum.c - the sums of 32 bits that array formats keep beside data. */
#include "formats/codecs/codecs_internal.h"

#include "base/crc32c.h"

#include <libdeflate.h>

static uint32_t fold(uint32_t sum) {
    return (sum & 0xffff) + (sum >> 16);
}

/* HDF5's: 16-bit words are big-endian, an odd byte is the high one of a last word, and sums are
 * folded after every 360 words, the most of which the sum of sums stays below 2^32. */
static uint32_t fletcher32(const uint8_t *bytes, size_t size_bytes) {
    enum { WORDS_MAX = 360 };
    uint32_t sum1 = 0, sum2 = 0;
    size_t words = size_bytes / 2;
    while (words > 0) {
        size_t count = words < WORDS_MAX ? words : WORDS_MAX;
        words -= count;
        for (; count > 0; --count, bytes += 2) {
            sum1 += (uint32_t)bytes[0] << 8 | bytes[1];
            sum2 += sum1;
        }
        sum1 = fold(sum1);
        sum2 = fold(sum2);
    }
    if (size_bytes % 2 != 0) {
        sum1 += (uint32_t)bytes[0] << 8;
        sum2 += sum1;
        sum1 = fold(sum1);
        sum2 = fold(sum2);
    }
    return fold(sum2) << 16 | fold(sum1);
}

uint32_t pyr_codec_checksum(pyr_codec_kind kind, const uint8_t *bytes, size_t size_bytes) {
    switch (kind) {
    case PYR_CODEC_CRC32C:
        return pyr_crc32c(0, bytes, size_bytes);
    case PYR_CODEC_CRC32:
        return libdeflate_crc32(0, bytes, size_bytes);
    case PYR_CODEC_ADLER32:
        return libdeflate_adler32(1, bytes, size_bytes);
    default:
        return fletcher32(bytes, size_bytes);
    }
}
