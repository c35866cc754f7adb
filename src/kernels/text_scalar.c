/* text_scalar.c - searching and counting in text: the oracle. */
#include "kernels/kernels_internal.h"

#include <string.h>

static int64_t find(const uint8_t *text, int64_t text_length, const uint8_t *needle,
                    int64_t needle_length) {
    if (needle_length == 0) {
        return 0;
    }
    if (text_length < needle_length) {
        return -1;
    }
    const uint8_t *at = memmem(text, (size_t)text_length, needle, (size_t)needle_length);
    return at == NULL ? -1 : at - text;
}

/* One search over all bytes; a hit over the border of two rows is none. */
static void contains(const uint8_t *bytes, int64_t bytes_readable, const int32_t *offsets,
                     int64_t n, const uint8_t *needle, int64_t length, uint64_t *mask) {
    (void)bytes_readable;
    for (int64_t i = 0; i < n; i += 64) {
        mask[i >> 6] = 0;
    }
    int64_t row = 0, at = n > 0 ? offsets[0] : 0, end = n > 0 ? offsets[n] : 0;
    while (at < end) {
        int64_t hit = find(bytes + at, end - at, needle, length);
        if (hit < 0) {
            return;
        }
        at += hit;
        while (offsets[row + 1] <= at) {
            ++row;
        }
        if (at + length <= offsets[row + 1]) {
            mask[row >> 6] |= UINT64_C(1) << (row & 63);
            at = offsets[row + 1];
        } else {
            ++at;
        }
    }
}

/* Bytes that continue a character are 10xxxxxx: eight at a time. */
static int64_t utf8_length(const uint8_t *text, int64_t length) {
    int64_t continuing = 0, i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t eight = 0;
        memcpy(&eight, text + i, 8);
        continuing +=
            __builtin_popcountll((eight >> 7) & ~(eight >> 6) & UINT64_C(0x0101010101010101));
    }
    for (; i < length; ++i) {
        continuing += (text[i] & 0xC0) == 0x80;
    }
    return length - continuing;
}

void pyr_text_scalar(pyr_kernels *table) {
    table->find = find;
    table->contains = contains;
    table->utf8_length = utf8_length;
}
