/* slt_md5.c - MD5 as RFC 1321 describes it: the hash that sqllogictest files carry. Good for
 * nothing else. */
#include "slt.h"

#include <stdio.h>
#include <string.h>

/* floor(abs(sin(i + 1)) * 2^32): RFC 1321, 3.4. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint8_t rotations[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t rotate(uint32_t value, unsigned bits) {
    return value << bits | value >> (32 - bits);
}

static void add_block(slt_md5 *md5, const uint8_t *bytes) {
    uint32_t words[16];
    for (size_t i = 0; i < 16; ++i) {
        words[i] = (uint32_t)bytes[i * 4] | (uint32_t)bytes[i * 4 + 1] << 8 |
                   (uint32_t)bytes[i * 4 + 2] << 16 | (uint32_t)bytes[i * 4 + 3] << 24;
    }
    uint32_t a = md5->state[0], b = md5->state[1], c = md5->state[2], d = md5->state[3];
    for (unsigned i = 0; i < 64; ++i) {
        uint32_t mixed;
        unsigned word;
        switch (i / 16) {
        case 0:
            mixed = (b & c) | (~b & d);
            word = i;
            break;
        case 1:
            mixed = (b & d) | (c & ~d);
            word = (5 * i + 1) % 16;
            break;
        case 2:
            mixed = b ^ c ^ d;
            word = (3 * i + 5) % 16;
            break;
        default:
            mixed = c ^ (b | ~d);
            word = 7 * i % 16;
            break;
        }
        uint32_t next = b + rotate(a + mixed + words[word] + sines[i], rotations[i / 16][i % 4]);
        a = d;
        d = c;
        c = b;
        b = next;
    }
    md5->state[0] += a;
    md5->state[1] += b;
    md5->state[2] += c;
    md5->state[3] += d;
}

void slt_md5_init(slt_md5 *md5) {
    *md5 = (slt_md5){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

void slt_md5_add(slt_md5 *md5, const void *bytes, size_t size_bytes) {
    const uint8_t *rest = bytes;
    size_t used = md5->length_bytes % 64;
    md5->length_bytes += size_bytes;
    while (size_bytes > 0) {
        size_t part = 64 - used < size_bytes ? 64 - used : size_bytes;
        memcpy(md5->block + used, rest, part);
        rest += part;
        size_bytes -= part;
        used += part;
        if (used == 64) {
            add_block(md5, md5->block);
            used = 0;
        }
    }
}

void slt_md5_hex(slt_md5 *md5, char out[33]) {
    uint64_t bits = md5->length_bytes * 8;
    slt_md5_add(md5, "\x80", 1);
    while (md5->length_bytes % 64 != 56) {
        slt_md5_add(md5, "", 1);
    }
    uint8_t length[8];
    for (unsigned i = 0; i < 8; ++i) {
        length[i] = (uint8_t)(bits >> (8 * i));
    }
    slt_md5_add(md5, length, sizeof(length));
    for (unsigned i = 0; i < 16; ++i) {
        snprintf(out + (size_t)i * 2, 3, "%02x", md5->state[i / 4] >> (8 * (i % 4)) & 0xff);
    }
}
