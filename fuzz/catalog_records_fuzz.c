/* catalog_records_fuzz.c - the catalog's records. The input is pieces (catalog_pieces.h): the value
 * of a table's record, then those of its segments and of a counter. */
#include "base/text.h"
#include "catalog/catalog_internal.h"
#include "catalog_pieces.h"

static const piece_key keys[] = {{"table/\0\0\0\0\0\0\0\1", 14},
                                 {"segment/\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2", 24},
                                 {"segment/\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\3", 24},
                                 {"counter/table", 13}};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

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
    pyr_error error;
    pyr_lsm *lsm = put_pieces(keys, KEYS, data, size);
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
