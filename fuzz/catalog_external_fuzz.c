/* catalog_external_fuzz.c - the records of external tables. The input is pieces
 * (catalog_pieces.h): the value of external:t, then those of its files. */
#include "catalog/external_records.h"
#include "catalog_pieces.h"

static const piece_key keys[] = {{"external:t", 10},
                                 {"external_file:\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0", 30},
                                 {"external_file:\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 30},
                                 {"external_file:\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2", 30}};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

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
    pyr_error error;
    pyr_lsm *lsm = put_pieces(keys, KEYS, data, size);
    pyr_external_records records;
    if (pyr_external_records_load(lsm, &records, &error) == PYR_OK) {
        use(&records);
        pyr_external_records_deinit(&records);
    } else {
        MUST(error.code == PYR_ERROR_CORRUPT && records.count == 0);
    }
    return 0;
}
