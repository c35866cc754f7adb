/* catalog_external_fuzz.c - the records of external tables. The input is pieces of a two-byte
 * length each: the value of external:t, then those of its files, without the CRCs at their ends,
 * which are added here so that the decoding behind them is reached. A length with its highest bit
 * set leaves the CRC away. */
#include "base/crc32c.h"
#include "base/cursor.h"
#include "catalog/external_records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                     \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

enum { PIECES_MAX = 4 };
static const struct {
    const char *bytes;
    size_t size;
} keys[PIECES_MAX] = {{"external:t", 10},
                      {"external_file:\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0", 30},
                      {"external_file:\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 30},
                      {"external_file:\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2", 30}};

static void put(pyr_lsm_batch *batch, int piece, const uint8_t *bytes, size_t size, bool with_crc) {
    uint8_t *value = malloc(size + 4);
    MUST(value != NULL);
    memcpy(value, bytes, size);
    uint32_t crc = pyr_crc32c(pyr_crc32c(0, keys[piece].bytes, keys[piece].size), bytes, size);
    memcpy(value + size, &crc, 4);
    pyr_lsm_batch_put(batch, keys[piece].bytes, keys[piece].size, value, size + (with_crc ? 4 : 0));
    free(value);
}

static void put_pieces(pyr_lsm_batch *batch, const uint8_t *data, size_t size) {
    pyr_cursor cursor = pyr_cursor_over(data, size);
    uint16_t length;
    for (int piece = 0; piece < PIECES_MAX; ++piece) {
        const uint8_t *bytes;
        pyr_lsm_batch_delete(batch, keys[piece].bytes, keys[piece].size);
        if (!pyr_cursor_u16(&cursor, &length)) {
            continue;
        }
        size_t wanted = length & 0x7FFF;
        size_t left = pyr_cursor_left(&cursor);
        size_t taken = wanted < left ? wanted : left;
        MUST(pyr_cursor_bytes(&cursor, taken, &bytes));
        put(batch, piece, bytes, taken, (length & 0x8000) == 0);
    }
}

static void use(const pyr_external_records *records) {
    for (size_t i = 0; i < records->count; ++i) {
        const pyr_external *external = records->records[i].external;
        MUST(external->location[0] != '\0' && external->format < PYR_EXTERNAL_FORMATS);
        for (size_t j = 0; j < external->files_count; ++j) {
            const pyr_external_file *file = &external->files[j];
            MUST(pyr_external_find(external, file->object.path) == file);
            MUST(file->object.size_bytes >= 0);
        }
        uint64_t id = records->records[i].table_id;
        MUST(pyr_external_records_find(records, id, "main", "t") == external);
        MUST(pyr_external_records_find(records, id, "main", "u") == NULL);
        MUST(pyr_external_records_find(records, id + 1, "main", "t") == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static pyr_lsm *lsm; /* opening one takes milliseconds */
    pyr_error error;
    pyr_lsm_batch *batch;
    if (lsm == NULL) {
        MUST(pyr_lsm_open(NULL, false, &lsm, &error) == PYR_OK);
    }
    MUST(pyr_lsm_batch_create(&batch, &error) == PYR_OK);
    put_pieces(batch, data, size);
    MUST(pyr_lsm_write(lsm, batch, false, &error) == PYR_OK);
    pyr_lsm_batch_destroy(batch);
    pyr_external_records records;
    if (pyr_external_records_load(lsm, &records, &error) == PYR_OK) {
        use(&records);
        pyr_external_records_deinit(&records);
    } else {
        MUST(error.code == PYR_ERROR_CORRUPT && records.count == 0);
    }
    return 0;
}
