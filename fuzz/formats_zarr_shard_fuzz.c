/* formats_zarr_shard_fuzz.c - shards: the first byte says what the metadata says of them and
 * whether the checksum of the index is made right first, else no input would get past it. */
#include "base/crc32c.h"
#include "zarr_store.h"

#include <stdio.h>

#define CHUNKS 6 /* 4 x 3 values in chunks of 2 x 1 */
#define INDEX_BYTES ((size_t)CHUNKS * 16)

static char *metadata_of(unsigned bits) {
    static const char *const types[] = {"\"uint16\"", "\"string\""};
    static const char *const inner[] = {
        "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}", "{\"name\":\"vlen-utf8\"}"};
    char *text = NULL;
    bool string = bits & 1, compressed = bits & 2, transposed = (bits & 4) && !string;
    bool crc = bits & 16, at_start = bits & 32;
    MUST(asprintf(&text,
                  "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[%s],\"data_type\":%s,"
                  "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[%s]}},"
                  "\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":%s,\"codecs\":[%s"
                  "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2,1],"
                  "\"codecs\":[%s%s],\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":"
                  "{\"endian\":\"little\"}}%s],\"index_location\":\"%s\"}}]}",
                  transposed ? "3,4" : "4,3", types[string], transposed ? "3,4" : "4,3",
                  string ? "\"\"" : "7",
                  transposed ? "{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}}," : "",
                  inner[string], compressed ? ",{\"name\":\"gzip\"}" : "",
                  crc ? ",{\"name\":\"crc32c\"}" : "", at_start ? "start" : "end") > 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_zarr *zarr;
    if (size == 0) {
        return 0;
    }
    unsigned bits = data[0];
    char *text = metadata_of(bits);
    pyr_buffer *shard = fuzz_bytes(data + 1, size - 1);
    if ((bits & 8) && (bits & 16) && shard->size_bytes >= INDEX_BYTES + 4) {
        uint8_t *bytes = (uint8_t *)(uintptr_t)shard->data;
        size_t at = bits & 32 ? 0 : shard->size_bytes - INDEX_BYTES - 4;
        uint32_t crc = pyr_crc32c(0, bytes + at, INDEX_BYTES);
        memcpy(bytes + at + INDEX_BYTES, &crc, sizeof(crc));
    }
    pyr_zarr_store *store =
        fuzz_store_create("zarr.json", fuzz_bytes((const uint8_t *)text, strlen(text)), shard);
    MUST(pyr_zarr_open(store, "", PYR_ZARR_V3, NULL, &zarr, &error) == PYR_OK);
    pyr_zarr_store_release(store);
    pyr_zarr_array *array = pyr_zarr_get_array(zarr, 0);
    pyr_budget *budget = pyr_budget_create((size_t)64 << 20);
    MUST(budget != NULL);
    for (int64_t i = 0; i < pyr_zarr_array_info(array)->chunks; ++i) {
        fuzz_chunk(array, i, budget);
    }
    pyr_zarr_release(zarr);
    pyr_budget_release(budget);
    free(text);
    return 0;
}
