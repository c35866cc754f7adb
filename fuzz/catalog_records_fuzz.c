/* catalog_records_fuzz.c - the catalog's records. The input is pieces of a two-byte length each:
 * the value of a table's record, then those of its segments and of a counter, without the CRCs at
 * their ends, which are added here so that the decoding behind them is reached. A length with its
 * highest bit set leaves the CRC away. */
#include "base/crc32c.h"
#include "base/cursor.h"
#include "base/text.h"
#include "catalog/catalog_internal.h"

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
} keys[PIECES_MAX] = {{"table/\0\0\0\0\0\0\0\1", 14},
                      {"segment/\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2", 24},
                      {"segment/\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\3", 24},
                      {"counter/table", 13}};

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

static void use_tables(pyr_table **tables, size_t count) {
    pyr_error error;
    pyr_snapshot *snapshot;
    MUST(pyr_snapshot_create(1, tables, count, &snapshot, &error) == PYR_OK);
    for (size_t i = 0; i < count; ++i) {
        const pyr_table *table = pyr_snapshot_table(snapshot, i);
        MUST(pyr_snapshot_find(snapshot, table->schema_name, table->name) != NULL);
        (void)pyr_table_get_option(table, "sync");
        pyr_text text;
        pyr_text_init(&text);
        for (int32_t j = 0; j < table->schema->fields_count; ++j) {
            pyr_field_type_print(table->schema->fields[j], &text);
        }
        pyr_text_deinit(&text);
        /* What was read can be written. */
        pyr_lsm_batch *batch;
        MUST(pyr_lsm_batch_create(&batch, &error) == PYR_OK);
        MUST(pyr_record_put_table(batch, table, &error) == PYR_OK);
        pyr_lsm_batch_destroy(batch);
    }
    pyr_snapshot_release(snapshot);
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
    uint64_t counter;
    pyr_table **tables;
    size_t count;
    if (pyr_record_get_counter(lsm, "table", &counter, &error) != PYR_OK) {
        MUST(error.code == PYR_ERROR_CORRUPT);
    }
    if (pyr_records_load(lsm, "db", NULL, &tables, &count, &error) == PYR_OK) {
        use_tables(tables, count);
    } else {
        MUST(tables == NULL && count == 0 && error.message[0] != '\0');
    }
    return 0;
}
