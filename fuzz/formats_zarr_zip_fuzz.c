/* formats_zarr_zip_fuzz.c - zip files: what opens is listed and read, and opened as a hierarchy. */
#include "zarr_store.h"

static volatile uint8_t touched;

typedef struct walk {
    pyr_zarr_store *store;
    pyr_budget *budget;
    char prefix[PYR_ZARR_KEY_BYTES_MAX + 1];
    int members, depth;
} walk;

static pyr_status visit(void *context, const char *name, bool is_folder, pyr_error *error) {
    walk *w = context;
    size_t length = strlen(w->prefix);
    pyr_buffer *bytes;
    pyr_zarr_stored where;
    pyr_error problem;
    MUST(length + strlen(name) + 1 <= PYR_ZARR_KEY_BYTES_MAX && *name != '\0');
    if (++w->members > 1000 || w->depth > 50) {
        return PYR_OK;
    }
    strcat(w->prefix, length > 0 ? "/" : "");
    strcat(w->prefix, name);
    MUST(pyr_zarr_key_valid(w->prefix));
    if (is_folder) {
        char folder[PYR_ZARR_KEY_BYTES_MAX + 1];
        memcpy(folder, w->prefix, sizeof(folder));
        ++w->depth;
        MUST(pyr_zarr_store_list(w->store, folder, visit, w, error) == PYR_OK);
        --w->depth;
    } else {
        pyr_status located = pyr_zarr_store_locate(w->store, w->prefix, &where, &problem);
        fuzz_expect(located, &problem);
        MUST(located != PYR_OK || where.present);
        free(where.location);
        pyr_status status =
            pyr_zarr_store_get(w->store, w->prefix, NULL, w->budget, &bytes, &problem);
        fuzz_expect(status, &problem);
        if (status == PYR_OK) {
            for (size_t i = 0; i < bytes->size_bytes; ++i) {
                touched = bytes->data[i]; /* each byte is there to be read */
            }
            pyr_buffer_release(bytes);
        }
    }
    w->prefix[length] = '\0';
    return PYR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    pyr_error error;
    pyr_zarr_store *store;
    pyr_zarr *zarr;
    pyr_buffer *bytes = fuzz_bytes(data, size);
    pyr_budget *budget = pyr_budget_create((size_t)64 << 20);
    MUST(budget != NULL);
    bool detected = pyr_zarr_detect_zip(bytes);
    pyr_status status = pyr_zarr_store_open_zip(bytes, "fuzz", budget, &store, &error);
    fuzz_expect(status, &error);
    MUST(status == PYR_OK || !detected || status == PYR_ERROR_MEMORY);
    if (status == PYR_OK) {
        walk w = {.store = store, .budget = budget};
        MUST(pyr_zarr_store_list(store, "", visit, &w, &error) == PYR_OK);
        status = pyr_zarr_open(store, "", PYR_ZARR_ANY, budget, &zarr, &error);
        if (status == PYR_OK) {
            for (int64_t i = 0; i < pyr_zarr_arrays_count(zarr) && i < 4; ++i) {
                pyr_zarr_array *array = pyr_zarr_get_array(zarr, i);
                if (pyr_zarr_array_info(array)->problem == NULL &&
                    pyr_zarr_array_info(array)->count > 0) {
                    fuzz_chunk(array, 0, budget);
                }
            }
            pyr_zarr_release(zarr);
        } else if (status != PYR_ERROR_NOT_FOUND) {
            fuzz_expect(status, &error);
        }
        pyr_zarr_store_release(store);
    }
    pyr_budget_release(budget);
    pyr_buffer_release(bytes);
    return 0;
}
