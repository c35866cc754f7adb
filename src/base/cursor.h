/* cursor.h - reading hostile bytes: every access is checked against the end, once.
 *
 * A failed read returns false and leaves the cursor where it was. Little-endian throughout.
 */
#ifndef PYR_BASE_CURSOR_H
#define PYR_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pyr_cursor {
    const uint8_t *data;
    size_t size_bytes;
    size_t position; /* invariant: <= size_bytes */
} pyr_cursor;

static inline pyr_cursor pyr_cursor_over(const void *data, size_t size_bytes) {
    pyr_cursor cursor = {(const uint8_t *)data, size_bytes, 0};
    return cursor;
}
static inline size_t pyr_cursor_left(const pyr_cursor *cursor) {
    return cursor->size_bytes - cursor->position;
}
/* false where the target lies behind the end (the end itself is allowed). */
bool pyr_cursor_seek(pyr_cursor *cursor, size_t position);
bool pyr_cursor_skip(pyr_cursor *cursor, size_t size_bytes);
/* A view of the next size_bytes; advances. */
bool pyr_cursor_bytes(pyr_cursor *cursor, size_t size_bytes, const uint8_t **out);
bool pyr_cursor_u8(pyr_cursor *cursor, uint8_t *out);
bool pyr_cursor_u16(pyr_cursor *cursor, uint16_t *out);
bool pyr_cursor_u32(pyr_cursor *cursor, uint32_t *out);
bool pyr_cursor_u64(pyr_cursor *cursor, uint64_t *out);
bool pyr_cursor_i32(pyr_cursor *cursor, int32_t *out);
bool pyr_cursor_i64(pyr_cursor *cursor, int64_t *out);
/* LEB128 as protobuf and thrift use it: at most 10 bytes, no bits beyond 64. */
bool pyr_cursor_varint(pyr_cursor *cursor, uint64_t *out);

/* Unaligned little-endian loads for places already checked. */
uint16_t pyr_load_u16(const void *p);
uint32_t pyr_load_u32(const void *p);
uint64_t pyr_load_u64(const void *p);
/* Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates. */
bool pyr_utf8_valid(const uint8_t *text, size_t size_bytes);
bool pyr_utf8_is_ascii(const uint8_t *text, size_t size_bytes);

#endif
