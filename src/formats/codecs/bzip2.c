/* bzip2.c - bzip2 streams, several after each other. The only file that includes bzlib.h. */
#include "formats/codecs/codecs_internal.h"

#include <bzlib.h>
#include <string.h>

/* What the library takes in one call: its counts are unsigned int. */
static const size_t step_max = (size_t)1 << 30;

typedef struct span {
    const uint8_t *bytes;
    size_t size_bytes;
    size_t position;
} span;

/* One stream from in on to out[*made]. out's end is followed by a byte of ours: the library finds
 * the end of a stream only while it has room, and more than the end is then seen. */
static pyr_status decode_stream(bz_stream *stream, span *in, uint8_t *out, size_t capacity,
                                size_t *made, size_t *written, pyr_error *error) {
    char beyond;
    for (;;) {
        size_t input = in->size_bytes - in->position, room = capacity - *made;
        bool at_end = room == 0;
        input = input < step_max ? input : step_max;
        room = room < step_max ? room : step_max;
        stream->next_in = (char *)(in->bytes + in->position);
        stream->avail_in = (unsigned)input;
        stream->next_out = at_end ? &beyond : (char *)out + *made;
        stream->avail_out = at_end ? 1 : (unsigned)room;
        int result = BZ2_bzDecompress(stream);
        size_t got = (at_end ? 1 : room) - stream->avail_out;
        size_t used = input - stream->avail_in;
        in->position += used;
        if (at_end && got > 0) {
            return pyr_codec_too_large(PYR_CODEC_BZ2, capacity, written, error);
        }
        *made += got;
        if (result == BZ_STREAM_END) {
            return PYR_OK;
        }
        if (result == BZ_MEM_ERROR) {
            return pyr_error_memory(error, 0);
        }
        if (result != BZ_OK) {
            return pyr_codec_broken(PYR_CODEC_BZ2, "the stream is broken, or its checksum differs",
                                    error);
        }
        if (got == 0 && used == 0) {
            return pyr_codec_broken(PYR_CODEC_BZ2, "the stream is cut off", error);
        }
    }
}

pyr_status pyr_codec_decode_bz2(const uint8_t *bytes, size_t size_bytes, uint8_t *out,
                                size_t capacity, size_t *written, pyr_error *error) {
    span in = {bytes, size_bytes, 0};
    size_t made = 0;
    do {
        bz_stream stream;
        memset(&stream, 0, sizeof stream);
        if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) {
            return pyr_error_memory(error, 0);
        }
        pyr_status status = decode_stream(&stream, &in, out, capacity, &made, written, error);
        BZ2_bzDecompressEnd(&stream);
        PYR_TRY(status);
    } while (in.position < size_bytes);
    *written = made;
    return PYR_OK;
}
