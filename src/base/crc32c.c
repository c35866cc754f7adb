/* crc32c.c - see crc32c.h. The SSE4.2 instruction has a latency of three cycles and starts one a
 * cycle: three independent streams fill it; their results are joined by multiplying with x^(8n) in
 * the field (tables made at start-up from the oracle itself). */
#include "base/crc32c.h"

#include "base/cpu.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82F63B78u /* reflected */
#define STREAM_BYTES ((size_t)2048)

static uint32_t byte_table[8][256];
static uint32_t shift_table[4][256]; /* advances a CRC over STREAM_BYTES zero bytes */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_byte_tables(void) {
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        }
        byte_table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; ++i) {
        for (int t = 1; t < 8; ++t) {
            uint32_t before = byte_table[t - 1][i];
            byte_table[t][i] = before >> 8 ^ byte_table[0][before & 0xFF];
        }
    }
}

/* A CRC register is linear over zero bytes: each byte of it can be advanced apart. */
static void make_shift_tables(void) {
    for (int byte = 0; byte < 4; ++byte) {
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t crc = i << (8 * byte);
            for (size_t n = 0; n < STREAM_BYTES; ++n) {
                crc = crc >> 8 ^ byte_table[0][crc & 0xFF];
            }
            shift_table[byte][i] = crc;
        }
    }
}

static void make_tables(void) {
    make_byte_tables();
    make_shift_tables();
}

uint32_t pyr_crc32c_scalar(uint32_t crc, const void *data, size_t size_bytes) {
    pthread_once(&once, make_tables);
    const uint8_t *bytes = data;
    crc = ~crc;
    for (; size_bytes >= 8; size_bytes -= 8, bytes += 8) {
        uint32_t low;
        uint32_t high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        low = __builtin_bswap32(low);
        high = __builtin_bswap32(high);
#endif
        low ^= crc;
        crc = byte_table[7][low & 0xFF] ^ byte_table[6][low >> 8 & 0xFF] ^
              byte_table[5][low >> 16 & 0xFF] ^ byte_table[4][low >> 24] ^
              byte_table[3][high & 0xFF] ^ byte_table[2][high >> 8 & 0xFF] ^
              byte_table[1][high >> 16 & 0xFF] ^ byte_table[0][high >> 24];
    }
    for (; size_bytes > 0; --size_bytes, ++bytes) {
        crc = crc >> 8 ^ byte_table[0][(crc ^ *bytes) & 0xFF];
    }
    return ~crc;
}

#if defined(__SSE4_2__) && !defined(PYRALOG_FORCE_SCALAR)
#include <nmmintrin.h>

static uint64_t load(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static uint32_t shift(uint32_t crc) {
    return shift_table[0][crc & 0xFF] ^ shift_table[1][crc >> 8 & 0xFF] ^
           shift_table[2][crc >> 16 & 0xFF] ^ shift_table[3][crc >> 24];
}

static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *bytes, size_t size_bytes) {
    uint64_t first = ~crc;
    while (size_bytes >= 3 * STREAM_BYTES) {
        uint64_t second = 0;
        uint64_t third = 0;
        for (size_t i = 0; i < STREAM_BYTES; i += 8) {
            first = _mm_crc32_u64(first, load(bytes + i));
            second = _mm_crc32_u64(second, load(bytes + STREAM_BYTES + i));
            third = _mm_crc32_u64(third, load(bytes + 2 * STREAM_BYTES + i));
        }
        first = shift(shift((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
        bytes += 3 * STREAM_BYTES;
        size_bytes -= 3 * STREAM_BYTES;
    }
    for (; size_bytes >= 8; size_bytes -= 8, bytes += 8) {
        first = _mm_crc32_u64(first, load(bytes));
    }
    for (; size_bytes > 0; --size_bytes, ++bytes) {
        first = _mm_crc32_u8((uint32_t)first, *bytes);
    }
    return ~(uint32_t)first;
}
#endif

uint32_t pyr_crc32c(uint32_t crc, const void *data, size_t size_bytes) {
#if defined(__SSE4_2__) && !defined(PYRALOG_FORCE_SCALAR)
    if (pyr_cpu_features()->sse42) {
        pthread_once(&once, make_tables);
        return crc32c_sse42(crc, data, size_bytes);
    }
#endif
    return pyr_crc32c_scalar(crc, data, size_bytes);
}
