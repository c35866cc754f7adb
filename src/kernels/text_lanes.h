/* text_lanes.h - the search of an ISA with lanes; included by text_avx2.c and text_avx512.c alone.
 *
 * Two bytes of the needle, those that are likely the rarest in text, are compared at 64 places at
 * once; where both are, the needle is compared whole. They have before: splat(byte), a vec, and
 * pair_bits(first, second, a, b, count): bit i says that first[i] is a and second[i] is b, of count
 * places (1 to 64). Nothing beyond the text is read.
 */
#ifndef PYR_KERNELS_TEXT_LANES_H
#define PYR_KERNELS_TEXT_LANES_H

#include "kernels/kernels_internal.h"

#include <string.h>

/* How common a byte is, in text, addresses and Cyrillic UTF-8; what is not named is rare. */
static const uint8_t commonness[256] = {
    [' '] = 250,  ['e'] = 240,  ['t'] = 230,  ['a'] = 230,  ['o'] = 230,  ['i'] = 225,
    ['n'] = 220,  ['s'] = 220,  ['r'] = 220,  ['/'] = 215,  ['h'] = 200,  ['l'] = 200,
    ['d'] = 195,  ['c'] = 190,  ['u'] = 190,  ['m'] = 190,  ['p'] = 185,  ['.'] = 180,
    ['0'] = 175,  ['1'] = 175,  ['2'] = 170,  ['f'] = 165,  ['g'] = 165,  ['y'] = 160,
    ['w'] = 160,  ['b'] = 155,  ['-'] = 150,  ['='] = 150,  ['3'] = 150,  ['4'] = 150,
    ['5'] = 150,  ['6'] = 150,  ['7'] = 150,  ['8'] = 150,  ['9'] = 150,  ['v'] = 145,
    ['_'] = 140,  ['%'] = 140,  ['&'] = 140,  ['k'] = 135,  [','] = 130,  [':'] = 120,
    ['?'] = 110,  ['x'] = 80,   ['j'] = 70,   ['q'] = 60,   ['z'] = 60,   [0] = 100,
    [0xD0] = 255, [0xD1] = 245, [0xB0] = 150, [0xB5] = 150, [0xB8] = 150, [0xBE] = 150,
    [0xBD] = 140, [0x80] = 140, [0x81] = 140, [0x82] = 140, ['E'] = 60,   ['A'] = 60,
    ['S'] = 60,   ['T'] = 60,
};

typedef struct pattern {
    const uint8_t *bytes;
    int64_t length, first, second; /* the places of the two bytes */
    vec a, b;
} pattern;

static pattern pattern_of(const uint8_t *needle, int64_t length) {
    pattern self = {.bytes = needle, .length = length};
    int64_t places = length < 256 ? length : 256;
    for (int64_t i = 1; i < places; ++i) {
        self.first = commonness[needle[i]] < commonness[needle[self.first]] ? i : self.first;
    }
    self.second = self.first == 0 && length > 1 ? 1 : 0;
    for (int64_t i = self.second + 1; i < places; ++i) {
        bool is_rarer = commonness[needle[i]] < commonness[needle[self.second]];
        self.second = i != self.first && is_rarer ? i : self.second;
    }
    self.a = splat(needle[self.first]);
    self.b = splat(needle[self.second]);
    return self;
}
PYR_INLINE uint64_t candidates(const pattern *self, const uint8_t *text, int64_t count) {
    return pair_bits(text + self->first, text + self->second, self->a, self->b, count);
}
PYR_INLINE uint64_t load_8(const uint8_t *bytes) {
    uint64_t v = 0;
    memcpy(&v, bytes, 8);
    return v;
}
PYR_INLINE uint32_t load_4(const uint8_t *bytes) {
    uint32_t v = 0;
    memcpy(&v, bytes, 4);
    return v;
}
/* Whether the needle stands at text. Both of its ends are compared without a call. */
PYR_INLINE bool matches(const pattern *self, const uint8_t *text) {
    int64_t length = self->length;
    if (length >= 8) {
        return load_8(text) == load_8(self->bytes) &&
               load_8(text + length - 8) == load_8(self->bytes + length - 8) &&
               (length <= 16 || memcmp(text, self->bytes, (size_t)length) == 0);
    }
    if (length >= 4) {
        return load_4(text) == load_4(self->bytes) &&
               load_4(text + length - 4) == load_4(self->bytes + length - 4);
    }
    for (int64_t i = 0; i < length; ++i) {
        if (text[i] != self->bytes[i]) {
            return false;
        }
    }
    return true;
}

static int64_t find(const uint8_t *text, int64_t text_length, const uint8_t *needle,
                    int64_t needle_length) {
    int64_t last = text_length - needle_length;
    if (needle_length == 0) {
        return 0;
    }
    if (last < 0) {
        return -1;
    }
    const pattern self = pattern_of(needle, needle_length);
    for (int64_t at = 0; at <= last; at += 64) {
        int64_t count = last - at < 63 ? last - at + 1 : 64;
        for (uint64_t bits = candidates(&self, text + at, count); bits != 0; bits &= bits - 1) {
            int64_t hit = at + __builtin_ctzll(bits);
            if (matches(&self, text + hit)) {
                return hit;
            }
        }
    }
    return -1;
}

/* The row, from `row` on, that holds the byte at `at`, which is before offsets[n]: in steps that
 * double, so that rows without a hit cost nothing. */
static int64_t row_of(const int32_t *offsets, int64_t n, int64_t row, int64_t at) {
    int64_t step = 1;
    while (row + step < n && offsets[row + step] <= at) {
        row += step;
        step *= 2;
    }
    /* offsets[row] <= at, and at < offsets[row + step] or that is beyond n. */
    for (; step > 1; step /= 2) {
        int64_t middle = row + step / 2;
        row = middle < n && offsets[middle] <= at ? middle : row;
    }
    return row;
}

static void contains(const uint8_t *bytes, int64_t bytes_readable, const int32_t *offsets,
                     int64_t n, const uint8_t *needle, int64_t length, uint64_t *mask) {
    (void)bytes_readable;
    if (n == 0) {
        return;
    }
    memset(mask, 0, (size_t)((n + 63) >> 6) * sizeof(uint64_t));
    int64_t at = offsets[0], last = offsets[n] - length, row = 0;
    const pattern self = pattern_of(needle, length);
    while (at <= last) {
        int64_t next = at + 64, count = last - at < 63 ? last - at + 1 : 64;
        uint64_t bits = candidates(&self, bytes + at, count);
        while (bits != 0) {
            int64_t hit = at + __builtin_ctzll(bits);
            bits &= bits - 1;
            if (!matches(&self, bytes + hit)) {
                continue;
            }
            row = row_of(offsets, n, row, hit);
            int64_t end = offsets[row + 1];
            if (hit + length > end) { /* over the border of two rows */
                continue;
            }
            mask[row >> 6] |= UINT64_C(1) << (row & 63);
            if (end >= next) {
                next = end;
                break;
            }
            bits &= ~UINT64_C(0) << (end - at); /* the next row's */
        }
        at = next;
    }
}

#endif
