/* cursor.c - see cursor.h. */
#include "base/cursor.h"

#include <string.h>

uint16_t pyr_load_u16(const void *p) {
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t pyr_load_u32(const void *p) {
    uint32_t value;
    memcpy(&value, p, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

uint64_t pyr_load_u64(const void *p) {
    uint64_t value;
    memcpy(&value, p, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

bool pyr_cursor_seek(pyr_cursor *cursor, size_t position) {
    if (position > cursor->size_bytes) {
        return false;
    }
    cursor->position = position;
    return true;
}

bool pyr_cursor_bytes(pyr_cursor *cursor, size_t size_bytes, const uint8_t **out) {
    if (size_bytes > pyr_cursor_left(cursor)) {
        return false;
    }
    *out = cursor->data + cursor->position;
    cursor->position += size_bytes;
    return true;
}

bool pyr_cursor_skip(pyr_cursor *cursor, size_t size_bytes) {
    const uint8_t *ignored;
    return pyr_cursor_bytes(cursor, size_bytes, &ignored);
}

bool pyr_cursor_u8(pyr_cursor *cursor, uint8_t *out) {
    const uint8_t *bytes;
    if (!pyr_cursor_bytes(cursor, 1, &bytes)) {
        return false;
    }
    *out = *bytes;
    return true;
}

bool pyr_cursor_u16(pyr_cursor *cursor, uint16_t *out) {
    const uint8_t *bytes;
    if (!pyr_cursor_bytes(cursor, 2, &bytes)) {
        return false;
    }
    *out = pyr_load_u16(bytes);
    return true;
}

bool pyr_cursor_u32(pyr_cursor *cursor, uint32_t *out) {
    const uint8_t *bytes;
    if (!pyr_cursor_bytes(cursor, 4, &bytes)) {
        return false;
    }
    *out = pyr_load_u32(bytes);
    return true;
}

bool pyr_cursor_u64(pyr_cursor *cursor, uint64_t *out) {
    const uint8_t *bytes;
    if (!pyr_cursor_bytes(cursor, 8, &bytes)) {
        return false;
    }
    *out = pyr_load_u64(bytes);
    return true;
}

bool pyr_cursor_i32(pyr_cursor *cursor, int32_t *out) {
    uint32_t value;
    if (!pyr_cursor_u32(cursor, &value)) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

bool pyr_cursor_i64(pyr_cursor *cursor, int64_t *out) {
    uint64_t value;
    if (!pyr_cursor_u64(cursor, &value)) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool pyr_cursor_varint(pyr_cursor *cursor, uint64_t *out) {
    uint64_t value = 0;
    size_t position = cursor->position;
    for (int shift = 0; shift < 70; shift += 7) {
        if (position >= cursor->size_bytes) {
            return false;
        }
        uint8_t byte = cursor->data[position++];
        if (shift == 63 && byte > 1) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            cursor->position = position;
            *out = value;
            return true;
        }
    }
    return false;
}
