/* shuffle.c - the bytes of elements put back beside each other. */
#include "formats/codecs/codecs_internal.h"

/* With the width known while compiling, the inner loop is a constant interleave that the compiler
 * makes vector code of. */
static inline void interleave(size_t width, const uint8_t *bytes, size_t count,
                              uint8_t *restrict out) {
    for (size_t i = 0; i < count; ++i) {
        for (size_t j = 0; j < width; ++j) {
            out[i * width + j] = bytes[j * count + i];
        }
    }
}

void pyr_codec_unshuffle(int32_t element_bytes, const uint8_t *bytes, size_t size_bytes,
                         uint8_t *out) {
    size_t width = (size_t)element_bytes;
    size_t count = size_bytes / width;
    switch (width) {
    case 2:
        interleave(2, bytes, count, out);
        break;
    case 4:
        interleave(4, bytes, count, out);
        break;
    case 8:
        interleave(8, bytes, count, out);
        break;
    case 16:
        interleave(16, bytes, count, out);
        break;
    default:
        interleave(width, bytes, count, out);
        break;
    }
}
