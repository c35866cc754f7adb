/* zarr_store.h - a store of two values for the fuzzers: a document, and the bytes of every chunk.
 */
#ifndef PYR_FUZZ_ZARR_STORE_H
#define PYR_FUZZ_ZARR_STORE_H

#include "formats/zarr/zarr.h"
#include "fuzz.h"

#include <string.h>

typedef struct fuzz_store {
    pyr_zarr_store base;
    const char *document_key;
    pyr_buffer *document, *chunk;
} fuzz_store;

static inline pyr_status fuzz_store_get(pyr_zarr_store *base, const char *key,
                                        pyr_query_ledger *ledger, pyr_budget *budget,
                                        pyr_buffer **out, pyr_error *error) {
    fuzz_store *store = (fuzz_store *)base;
    bool document = strcmp(key, store->document_key) == 0;
    (void)ledger;
    (void)budget;
    (void)error;
    bool other = strstr(key, ".z") != NULL || strstr(key, "zarr.json") != NULL;
    *out = document ? pyr_buffer_retain(store->document)
           : other  ? NULL
                    : pyr_buffer_retain(store->chunk);
    return PYR_OK;
}
static inline pyr_status fuzz_store_locate(pyr_zarr_store *base, const char *key,
                                           pyr_zarr_stored *out, pyr_error *error) {
    (void)base;
    (void)error;
    out->present = true;
    out->location = strdup(key);
    return PYR_OK;
}
static inline pyr_status fuzz_store_list(pyr_zarr_store *base, const char *prefix,
                                         pyr_zarr_visit visit, void *context, pyr_error *error) {
    (void)base;
    (void)prefix;
    (void)visit;
    (void)context;
    (void)error;
    return PYR_OK;
}
static inline void fuzz_store_destroy(pyr_zarr_store *base) {
    fuzz_store *store = (fuzz_store *)base;
    pyr_buffer_release(store->document);
    pyr_buffer_release(store->chunk);
    free(store);
}

/* A copy of exactly these bytes, so that a read behind them is seen. */
static inline pyr_buffer *fuzz_bytes(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_buffer *out;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    MUST(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    MUST(pyr_buffer_wrap(copy, size, copy, free, &out, &error) == PYR_OK);
    return out;
}

static inline pyr_zarr_store *fuzz_store_create(const char *document_key, pyr_buffer *document,
                                                pyr_buffer *chunk) {
    static const pyr_zarr_store_ops ops = {fuzz_store_get, fuzz_store_locate, fuzz_store_list,
                                           fuzz_store_destroy};
    pyr_error error;
    fuzz_store *store = calloc(1, sizeof(*store));
    MUST(store != NULL && pyr_zarr_store_init(&store->base, &ops, "fuzz", &error) == PYR_OK);
    store->document_key = document_key;
    store->document = document;
    store->chunk = chunk;
    return &store->base;
}

/* What input may lead to; anything else is our fault. */
static inline void fuzz_expect(pyr_status status, const pyr_error *error) {
    MUST(status == PYR_OK ||
         ((status == PYR_ERROR_CORRUPT || status == PYR_ERROR_NOT_SUPPORTED ||
           status == PYR_ERROR_LIMIT || status == PYR_ERROR_MEMORY || status == PYR_ERROR_SQL) &&
          error->message[0] != '\0'));
}

/* Reads one chunk, and some of its values both ways; what comes out is valid. */
static inline void fuzz_chunk(pyr_zarr_array *array, int64_t index, pyr_budget *budget) {
    pyr_error error;
    pyr_zarr_chunk chunk;
    pyr_zarr_placement placement;
    int64_t place[PYR_ZARR_RANK_MAX];
    pyr_zarr_chunk_place(array, index, place);
    pyr_status status = pyr_zarr_locate_chunk(array, place, NULL, &placement, &error);
    fuzz_expect(status, &error);
    if (status == PYR_OK) {
        pyr_zarr_placement_deinit(&placement);
    }
    status = pyr_zarr_read_chunk(array, place, NULL, budget, &chunk, &error);
    fuzz_expect(status, &error);
    if (status != PYR_OK) {
        return;
    }
    for (int cf = 0; cf < 2; ++cf) {
        pyr_array *values;
        int64_t count = chunk.count < 4096 ? chunk.count : 4096;
        status = pyr_zarr_chunk_values(array, &chunk, chunk.count - count, count, cf, NULL, budget,
                                       &values, &error);
        fuzz_expect(status, &error);
        if (status == PYR_OK) {
            MUST(values->length == count);
            MUST(pyr_array_validate(values, PYR_VALIDATE_FULL, &error) == PYR_OK);
            pyr_array_release(values);
        }
    }
    pyr_zarr_chunk_deinit(&chunk);
}

#endif
