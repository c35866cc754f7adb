/* record_bytes.h - the bytes that records of the catalog are made of. Every value begins with a
 * version byte and ends with the CRC-32C of key and value; strings are a varint length and bytes.
 */
#ifndef PYR_CATALOG_RECORD_BYTES_H
#define PYR_CATALOG_RECORD_BYTES_H

#include "base/cursor.h"
#include "base/text.h"
#include "storage/lsm.h"

#define PYR_RECORD_VERSION 1

void pyr_record_add_varint(pyr_text *out, uint64_t value);
void pyr_record_add_bytes(pyr_text *out, const void *bytes, size_t size); /* with their length */
void pyr_record_add_string(pyr_text *out, const char *string);
/* 8 bytes big-endian, so that keys sort by number. */
void pyr_record_add_key_number(pyr_text *out, uint64_t value);
uint64_t pyr_record_key_number(const char *bytes);
/* *out is malloc'ed; false where the bytes end, hold a zero byte, or there is no memory. */
bool pyr_record_get_string(pyr_cursor *cursor, char **out);

/* Puts value, which begins with PYR_RECORD_VERSION, ended with its CRC. */
PYR_MUST_CHECK pyr_status pyr_record_put(pyr_lsm_batch *batch, const pyr_text *key, pyr_text *value,
                                         pyr_error *error);
/* Deletes whatever is there with keys of this prefix. */
PYR_MUST_CHECK pyr_status pyr_record_delete_all(pyr_lsm_batch *batch, pyr_lsm *lsm,
                                                const char *prefix, pyr_error *error);
/* A cursor behind the version byte that ends before the CRC; false where either is wrong. */
bool pyr_record_begin(const char *key, size_t key_size, const char *value, size_t value_size,
                      pyr_cursor *out);

#endif
