/* formats_zarr_metadata_fuzz.c - metadata of an array, up to a zero byte; behind it the bytes of
 * every chunk. Taken as .zarray, as zarr.json and as .zmetadata; what opens is read. */
#include "zarr_store.h"

#define BUDGET_BYTES ((size_t)64 << 20)

static void use_table(pyr_zarr *zarr, pyr_budget *budget) {
    pyr_error error;
    for (int cf = 0; cf < 2; ++cf) {
        pyr_zarr_table_options options = {cf};
        pyr_zarr_table *table;
        pyr_status status = pyr_zarr_table_create(zarr, &options, NULL, budget, &table, &error);
        fuzz_expect(status, &error);
        if (status != PYR_OK) {
            continue;
        }
        int64_t batches = pyr_zarr_table_batches(table);
        for (int64_t i = 0; i < batches && i < 3; ++i) {
            int64_t at = i < 2 ? i : batches - 1;
            pyr_batch *batch;
            for (int32_t k = 0; k < pyr_zarr_table_schema(table)->fields_count; ++k) {
                pyr_zarr_zone zone;
                pyr_zarr_table_zone(table, at, k, &zone);
            }
            if (pyr_zarr_table_batch_rows(table, at) > 65536) {
                continue;
            }
            status = pyr_zarr_table_read(table, at, NULL, 0, NULL, budget, &batch, &error);
            fuzz_expect(status, &error);
            if (status == PYR_OK) {
                MUST(batch->rows == pyr_zarr_table_batch_rows(table, at));
                MUST(pyr_batch_validate(batch, PYR_VALIDATE_FULL, &error) == PYR_OK);
                pyr_batch_release(batch);
            }
        }
        pyr_zarr_table_destroy(table);
    }
}

static void use(pyr_zarr *zarr, pyr_budget *budget) {
    for (int64_t i = 0; i < pyr_zarr_arrays_count(zarr) && i < 4; ++i) {
        pyr_zarr_array *array = pyr_zarr_get_array(zarr, i);
        const pyr_zarr_info *info = pyr_zarr_array_info(array);
        if (info->problem != NULL || info->count == 0) {
            continue;
        }
        fuzz_chunk(array, 0, budget);
        if (info->chunks > 1) {
            fuzz_chunk(array, info->chunks - 1, budget);
        }
    }
    use_table(zarr, budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const char *key;
        pyr_zarr_format format;
    } forms[] = {{".zarray", PYR_ZARR_V2}, {"zarr.json", PYR_ZARR_V3}, {".zmetadata", PYR_ZARR_V2}};
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t length = zero != NULL ? (size_t)(zero - data) : size;
    size_t rest = zero != NULL ? size - length - 1 : 0;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); ++i) {
        pyr_error error;
        pyr_zarr *zarr;
        pyr_budget *budget = pyr_budget_create(BUDGET_BYTES);
        MUST(budget != NULL);
        pyr_zarr_store *store = fuzz_store_create(forms[i].key, fuzz_bytes(data, length),
                                                  fuzz_bytes(zero != NULL ? zero + 1 : data, rest));
        pyr_status status = pyr_zarr_open(store, "", forms[i].format, budget, &zarr, &error);
        pyr_zarr_store_release(store);
        if (status == PYR_OK) {
            use(zarr, budget);
            pyr_zarr_release(zarr);
        } else if (status != PYR_ERROR_NOT_FOUND) {
            fuzz_expect(status, &error);
        }
        pyr_budget_release(budget);
    }
    return 0;
}
