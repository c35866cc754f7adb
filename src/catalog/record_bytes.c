/* record_bytes.c - see record_bytes.h. */
#include "catalog/record_bytes.h"

#include "base/crc32c.h"

#include <stdlib.h>
#include <string.h>

void pyr_record_add_varint(pyr_text *out, uint64_t value) {
    while (value >= 0x80) {
        pyr_text_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    pyr_text_add_char(out, (char)value);
}

void pyr_record_add_bytes(pyr_text *out, const void *bytes, size_t size) {
    pyr_record_add_varint(out, size);
    pyr_text_append(out, bytes, size);
}

void pyr_record_add_string(pyr_text *out, const char *string) {
    pyr_record_add_bytes(out, string, strlen(string));
}

void pyr_record_add_key_number(pyr_text *out, uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
        pyr_text_add_char(out, (char)(value >> shift));
    }
}

uint64_t pyr_record_key_number(const char *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) {
        value = value << 8 | (uint8_t)bytes[i];
    }
    return value;
}

bool pyr_record_get_string(pyr_cursor *cursor, char **out) {
    uint64_t size;
    const uint8_t *bytes;
    if (!pyr_cursor_varint(cursor, &size) || size > pyr_cursor_left(cursor) ||
        !pyr_cursor_bytes(cursor, (size_t)size, &bytes)) {
        return false;
    }
    *out = strndup((const char *)bytes, (size_t)size);
    return *out != NULL && strlen(*out) == size;
}

#define CRC_BYTES ((size_t)4)

static uint32_t crc_of(const char *key, size_t key_size, const char *value, size_t value_size) {
    return pyr_crc32c(pyr_crc32c(0, key, key_size), value, value_size);
}

pyr_status pyr_record_put(pyr_lsm_batch *batch, const pyr_text *key, pyr_text *value,
                          pyr_error *error) {
    PYR_TRY(pyr_text_check(key, error));
    PYR_TRY(pyr_text_check(value, error));
    uint32_t crc = crc_of(key->data, key->length, value->data, value->length);
    for (unsigned i = 0; i < CRC_BYTES; ++i) {
        pyr_text_add_char(value, (char)(crc >> (8 * i)));
    }
    PYR_TRY(pyr_text_check(value, error));
    pyr_lsm_batch_put(batch, key->data, key->length, value->data, value->length);
    return PYR_OK;
}

bool pyr_record_begin(const char *key, size_t key_size, const char *value, size_t value_size,
                      pyr_cursor *out) {
    uint8_t version;
    if (value_size < 1 + CRC_BYTES || pyr_load_u32(value + value_size - CRC_BYTES) !=
                                          crc_of(key, key_size, value, value_size - CRC_BYTES)) {
        return false;
    }
    *out = pyr_cursor_over(value, value_size - CRC_BYTES);
    return pyr_cursor_u8(out, &version) && version == PYR_RECORD_VERSION;
}

static pyr_status delete_visited(void *context, const char *key, size_t key_size, const char *value,
                                 size_t value_size, pyr_error *error) {
    (void)value;
    (void)value_size;
    (void)error;
    pyr_lsm_batch_delete(context, key, key_size);
    return PYR_OK;
}

pyr_status pyr_record_delete_all(pyr_lsm_batch *batch, pyr_lsm *lsm, const char *prefix,
                                 pyr_error *error) {
    return pyr_lsm_scan(lsm, prefix, strlen(prefix), delete_visited, batch, error);
}
