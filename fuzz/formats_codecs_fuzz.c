/* formats_codecs_fuzz.c - one chunk through one codec or filter: the first byte chooses it, the
 * second an element's size or a checksum's place, the third how much room there is; the rest is the
 * chunk. What decodes stays within its room, is the same in more room, and fits what was declared.
 */
#include "formats/codecs/codecs.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 3, VLEN = PYR_CODEC_KINDS, DELTA, SCALE, CHOICES };

static pyr_status decode(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                         size_t capacity, uint8_t **out, size_t *written) {
    pyr_error error;
    *out = malloc(capacity > 0 ? capacity : 1);
    MUST(*out != NULL);
    pyr_status status = pyr_codec_decode(codec, bytes, size_bytes, *out, capacity, written, &error);
    MUST(status == PYR_OK || status == PYR_ERROR_CORRUPT || status == PYR_ERROR_LIMIT ||
         status == PYR_ERROR_NOT_SUPPORTED);
    MUST(status == PYR_OK
             ? *written <= capacity
             : *written == 0 || (*written == PYR_CODEC_MORE_ROOM && status == PYR_ERROR_CORRUPT));
    return status;
}

static void try_codec(const pyr_codec *codec, const uint8_t *bytes, size_t size_bytes,
                      size_t capacity) {
    pyr_error error;
    uint8_t *out, *again;
    size_t written, rewritten, offset, size;
    bool view;
    size_t declared;
    bool says = pyr_codec_declared_size(codec, bytes, size_bytes, &declared);
    pyr_status status = decode(codec, bytes, size_bytes, capacity, &out, &written);
    pyr_status looked = pyr_codec_view(codec, bytes, size_bytes, &view, &offset, &size, &error);
    MUST(status != PYR_OK || looked == PYR_OK);
    if (looked == PYR_OK && view) {
        MUST(offset <= size_bytes && size <= size_bytes - offset);
        MUST(status != PYR_OK || (size == written && memcmp(out, bytes + offset, size) == 0));
    }
    if (status == PYR_OK) {
        /* Several gzip members declare the last one's. */
        MUST(!says || declared == written || codec->kind == PYR_CODEC_GZIP);
        MUST(decode(codec, bytes, size_bytes, capacity + 100, &again, &rewritten) == PYR_OK);
        MUST(written == rewritten && memcmp(out, again, written) == 0);
        free(again);
    }
    free(out);
}

static void try_vlen(const uint8_t *bytes, size_t size_bytes) {
    pyr_error error;
    pyr_buffer *buffers[2];
    int64_t count;
    pyr_status status =
        pyr_codec_vlen(bytes, size_bytes, 1000, NULL, &count, &buffers[0], &buffers[1], &error);
    MUST(status == PYR_OK || status == PYR_ERROR_CORRUPT);
    if (status == PYR_OK) {
        const int32_t *offsets = (const int32_t *)(const void *)buffers[0]->data;
        MUST(count <= 1000 && offsets[0] == 0);
        for (int64_t i = 0; i < count; ++i) {
            MUST(offsets[i] <= offsets[i + 1]);
        }
        MUST((size_t)offsets[count] == buffers[1]->size_bytes);
        MUST(buffers[1]->size_bytes + 4 + (size_t)count * 4 == size_bytes);
    } else {
        MUST(buffers[0] == NULL && buffers[1] == NULL);
    }
    pyr_buffer_release(buffers[0]);
    pyr_buffer_release(buffers[1]);
}

static void try_filter(uint8_t choice, uint8_t option, const uint8_t *bytes, size_t size_bytes) {
    static const char *const types[] = {"|i1", ">u2", "<i4", "<u8", "<f4", ">f8", "<f2", "x"};
    static const size_t widths[] = {1, 2, 4, 8, 4, 8, 1, 1};
    pyr_error error;
    size_t type = option % 8, stored = option / 8 % 8;
    size_t count = size_bytes / widths[stored];
    uint8_t *out = malloc(count * widths[type] + 1);
    MUST(out != NULL);
    pyr_status status =
        choice == DELTA
            ? pyr_codec_delta_from(types[type], types[stored], bytes, count, out, &error)
            : pyr_codec_fixed_scale_offset(types[type], types[stored], 0.1, -3, bytes, count, out,
                                           &error);
    MUST(status == PYR_OK || status == PYR_ERROR_NOT_SUPPORTED ||
         status == PYR_ERROR_INVALID_ARGUMENT);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD_BYTES) {
        return 0;
    }
    uint8_t choice = data[0] % CHOICES, option = data[1];
    const uint8_t *bytes = data + HEAD_BYTES;
    size_t size_bytes = size - HEAD_BYTES;
    if (choice == VLEN) {
        try_vlen(bytes, size_bytes);
    } else if (choice > VLEN) {
        try_filter(choice, option, bytes, size_bytes);
    } else {
        pyr_codec codec = {(pyr_codec_kind)choice, option & 31, (option & 128) != 0};
        try_codec(&codec, bytes, size_bytes, (size_t)data[2] * 64);
    }
    return 0;
}
