/* store.c - what all stores have in common: keys that never leave them, and their life. */
#include "formats/zarr/store.h"

#include "base/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

pyr_status pyr_zarr_store_init(pyr_zarr_store *store, const pyr_zarr_store_ops *ops,
                               const char *name, pyr_error *error) {
    store->ops = ops;
    atomic_init(&store->references, 1);
    store->name = strdup(name);
    return store->name != NULL ? PYR_OK : pyr_error_memory(error, strlen(name) + 1);
}

pyr_zarr_store *pyr_zarr_store_retain(pyr_zarr_store *store) {
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    return store;
}

void pyr_zarr_store_release(pyr_zarr_store *store) {
    if (store != NULL &&
        atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) == 1) {
        char *name = store->name;
        store->ops->destroy(store);
        free(name);
    }
}

bool pyr_zarr_key_valid(const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size > PYR_ZARR_KEY_BYTES_MAX ||
        !pyr_utf8_valid((const uint8_t *)text, size)) {
        return false;
    }
    for (const char *part = text;;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.')) {
            return false;
        }
        if (part[length] == '\0') {
            return true;
        }
        part += length + 1;
    }
}

static pyr_status check_key(const pyr_zarr_store *store, const char *key, pyr_error *error) {
    return pyr_zarr_key_valid(key)
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: \"%.200s\" is no key of a Zarr store",
                               store->name, key);
}

pyr_status pyr_zarr_store_get(pyr_zarr_store *store, const char *key, pyr_query_ledger *ledger,
                              pyr_budget *budget, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    PYR_TRY(check_key(store, key, error));
    return store->ops->get(store, key, ledger, budget, out, error);
}

pyr_status pyr_zarr_store_locate(pyr_zarr_store *store, const char *key, pyr_zarr_stored *out,
                                 pyr_error *error) {
    memset(out, 0, sizeof(*out));
    PYR_TRY(check_key(store, key, error));
    return store->ops->locate(store, key, out, error);
}

pyr_status pyr_zarr_store_list(pyr_zarr_store *store, const char *prefix, pyr_zarr_visit visit,
                               void *context, pyr_error *error) {
    if (*prefix != '\0') {
        PYR_TRY(check_key(store, prefix, error));
    }
    return store->ops->list(store, prefix, visit, context, error);
}

const char *const pyr_zarr_markers[PYR_ZARR_MARKERS] = {"zarr.json", ".zgroup", ".zarray",
                                                        ".zmetadata"};

bool pyr_zarr_detect_folder(const char *path) {
    char file[PYR_ZARR_KEY_BYTES_MAX + 16];
    struct stat info;
    if (strlen(path) > PYR_ZARR_KEY_BYTES_MAX || stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return false;
    }
    for (size_t i = 0; i < PYR_ZARR_MARKERS; ++i) {
        snprintf(file, sizeof(file), "%s/%s", path, pyr_zarr_markers[i]);
        if (stat(file, &info) == 0 && S_ISREG(info.st_mode)) {
            return true;
        }
    }
    return false;
}
