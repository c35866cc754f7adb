/* catalog_pieces.h - an input as the values of some records: pieces of a two-byte length each,
 * without the CRCs at their ends, which are added here so that the decoding behind them is reached.
 * A length with its highest bit set leaves the CRC away. Included by one .c each.
 */
#ifndef PYR_FUZZ_CATALOG_PIECES_H
#define PYR_FUZZ_CATALOG_PIECES_H

#include "base/crc32c.h"
#include "base/cursor.h"
#include "fuzz.h"
#include "storage/lsm.h"

#include <string.h>

typedef struct piece_key {
    const char *bytes;
    size_t size;
} piece_key;

static void put_piece(pyr_lsm_batch *batch, const piece_key *key, const uint8_t *bytes, size_t size,
                      bool with_crc) {
    uint8_t *value = malloc(size + 4);
    MUST(value != NULL);
    memcpy(value, bytes, size);
    uint32_t crc = pyr_crc32c(pyr_crc32c(0, key->bytes, key->size), bytes, size);
    memcpy(value + size, &crc, 4);
    pyr_lsm_batch_put(batch, key->bytes, key->size, value, size + (with_crc ? 4 : 0));
    free(value);
}

/* The store that has these records, of those keys that the input has a piece for; it stays open,
 * since opening one takes milliseconds. */
static pyr_lsm *put_pieces(const piece_key *keys, int count, const uint8_t *data, size_t size) {
    static pyr_lsm *lsm;
    pyr_error error;
    pyr_lsm_batch *batch;
    pyr_cursor cursor = pyr_cursor_over(data, size);
    uint16_t length;
    if (lsm == NULL) {
        MUST(pyr_lsm_open(NULL, false, &lsm, &error) == PYR_OK);
    }
    MUST(pyr_lsm_batch_create(&batch, &error) == PYR_OK);
    for (int i = 0; i < count; ++i) {
        const uint8_t *bytes;
        pyr_lsm_batch_delete(batch, keys[i].bytes, keys[i].size);
        if (!pyr_cursor_u16(&cursor, &length)) {
            continue;
        }
        size_t wanted = length & 0x7FFF;
        size_t left = pyr_cursor_left(&cursor);
        size_t taken = wanted < left ? wanted : left;
        MUST(pyr_cursor_bytes(&cursor, taken, &bytes));
        put_piece(batch, &keys[i], bytes, taken, (length & 0x8000) == 0);
    }
    MUST(pyr_lsm_write(lsm, batch, false, &error) == PYR_OK);
    pyr_lsm_batch_destroy(batch);
    return lsm;
}

#endif
