/* store_zip.c - a zip file as a store: stored members by reference, deflated ones decompressed. */
#include "base/cursor.h"
#include "base/mapping.h"
#include "formats/zarr/zarr.h"
#include "formats/zarr/zip_internal.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_SIGNATURE 0x04034b50u
/* Deflate makes at most 1,032 bytes of one (its longest match, two bits); more is a lie. */
#define DEFLATE_RATIO_MAX 1032

typedef struct zip_store {
    pyr_zarr_store base;
    pyr_buffer *bytes;
    zip_directory directory;
    atomic_bool counted; /* the mapping, by the first ledger */
} zip_store;

static const zip_entry *find(const zip_store *store, const char *key) {
    int64_t at = pyr_zip_lower_bound(&store->directory, key);
    return at < store->directory.count && strcmp(store->directory.entries[at].key, key) == 0
               ? &store->directory.entries[at]
               : NULL;
}

static pyr_status broken(const zip_store *store, const zip_entry *entry, const char *what,
                         pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: member \"%s\" %s", store->base.name,
                         entry->key, what);
}

/* Where the member's bytes begin, behind its local header; they end before the directory. */
static pyr_status data_at(const zip_store *store, const zip_entry *entry, uint64_t *at,
                          pyr_error *error) {
    uint64_t end = store->directory.start;
    if (entry->header_at > end || end - entry->header_at < ZIP_LOCAL_HEADER_BYTES ||
        pyr_load_u32(store->bytes->data + entry->header_at) != LOCAL_SIGNATURE) {
        return broken(store, entry, "has no local header", error);
    }
    const uint8_t *header = store->bytes->data + entry->header_at;
    *at = entry->header_at + ZIP_LOCAL_HEADER_BYTES + pyr_load_u16(header + 26) +
          pyr_load_u16(header + 28);
    if (*at > end || entry->stored_bytes > end - *at) {
        return broken(store, entry, "reaches into the directory", error);
    }
    if (entry->flags & ZIP_FLAG_ENCRYPTED) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "%s: member \"%s\" is encrypted",
                             store->base.name, entry->key);
    }
    return PYR_OK;
}

/* bytes into room for exactly plain_bytes, which have that CRC-32. */
static pyr_status inflate_all(const uint8_t *from, size_t stored_bytes, uint8_t *to,
                              size_t plain_bytes, uint32_t crc, bool *right, pyr_error *error) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (decompressor == NULL) {
        return pyr_error_memory(error, 0);
    }
    *right = libdeflate_deflate_decompress(decompressor, from, stored_bytes, to, plain_bytes,
                                           NULL) == LIBDEFLATE_SUCCESS &&
             libdeflate_crc32(0, to, plain_bytes) == crc;
    libdeflate_free_decompressor(decompressor);
    return PYR_OK;
}

static pyr_status get_deflated(const zip_store *store, const zip_entry *entry, uint64_t at,
                               pyr_query_ledger *ledger, pyr_budget *budget, pyr_buffer **out,
                               pyr_error *error) {
    if (entry->plain_bytes > (uint64_t)PYR_ZARR_CHUNK_BYTES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "%s: member \"%s\" has %llu bytes, at most %lld", store->base.name,
                             entry->key, (unsigned long long)entry->plain_bytes,
                             (long long)PYR_ZARR_CHUNK_BYTES_MAX);
    }
    if (entry->plain_bytes / DEFLATE_RATIO_MAX > entry->stored_bytes) {
        return broken(store, entry, "says it has more bytes than deflate can make", error);
    }
    size_t size = (size_t)entry->plain_bytes;
    PYR_TRY(pyr_buffer_create_raw(size, budget, out, error));
    uint8_t none, *to = size > 0 ? pyr_buffer_mutable(*out) : &none;
    bool right = false;
    pyr_status status = inflate_all(store->bytes->data + at, (size_t)entry->stored_bytes, to, size,
                                    entry->crc32, &right, error);
    if (status == PYR_OK && !right) {
        status = broken(store, entry, "does not decompress to what its CRC-32 says", error);
    }
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
        return status;
    }
    pyr_ledger_add_decoded(ledger, (int64_t)size);
    return PYR_OK;
}

static pyr_status zip_get(pyr_zarr_store *base, const char *key, pyr_query_ledger *ledger,
                          pyr_budget *budget, pyr_buffer **out, pyr_error *error) {
    zip_store *store = (zip_store *)base;
    const zip_entry *entry = find(store, key);
    uint64_t at;
    if (ledger != NULL && !atomic_exchange(&store->counted, true)) {
        pyr_ledger_add_mapped(ledger, (int64_t)store->bytes->size_bytes);
    }
    if (entry == NULL) {
        return PYR_OK;
    }
    PYR_TRY(data_at(store, entry, &at, error));
    if (entry->method == ZIP_DEFLATED) {
        PYR_TRY(get_deflated(store, entry, at, ledger, budget, out, error));
    } else if (entry->method != ZIP_STORED) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "%s: member \"%s\" is compressed by method %d; stored and deflate are "
                             "read",
                             base->name, key, entry->method);
    } else if (entry->stored_bytes != entry->plain_bytes) {
        return broken(store, entry, "is stored, but its two sizes differ", error);
    } else {
        PYR_TRY(
            pyr_buffer_slice(store->bytes, (size_t)at, (size_t)entry->stored_bytes, out, error));
    }
    pyr_status status = pyr_mapping_check(store->bytes->mapping, error);
    if (status != PYR_OK) {
        pyr_buffer_release(*out);
        *out = NULL;
    }
    return status;
}

static pyr_status zip_locate(pyr_zarr_store *base, const char *key, pyr_zarr_stored *out,
                             pyr_error *error) {
    zip_store *store = (zip_store *)base;
    const zip_entry *entry = find(store, key);
    uint64_t at;
    if (entry == NULL) {
        return PYR_OK;
    }
    PYR_TRY(data_at(store, entry, &at, error));
    out->location = strdup(key);
    if (out->location == NULL) {
        return pyr_error_memory(error, strlen(key) + 1);
    }
    out->present = true;
    out->offset_bytes = (int64_t)at;
    out->size_bytes = (int64_t)entry->stored_bytes;
    return PYR_OK;
}

/* Names directly below prefix. Of what lies below a folder only the first entry is looked at: the
 * next one is searched for behind all keys that begin with the folder's name and '/'. */
static pyr_status zip_list(pyr_zarr_store *base, const char *prefix, pyr_zarr_visit visit,
                           void *context, pyr_error *error) {
    const zip_directory *directory = &((zip_store *)base)->directory;
    char key[PYR_ZARR_KEY_BYTES_MAX + 2];
    size_t skip = *prefix != '\0' ? strlen(prefix) + 1 : 0;
    snprintf(key, sizeof(key), *prefix != '\0' ? "%s/" : "%s", prefix);
    int64_t at = skip != 0 ? pyr_zip_lower_bound(directory, key) : 0;
    while (at < directory->count && strncmp(directory->entries[at].key, key, skip) == 0) {
        const char *name = directory->entries[at].key + skip;
        char part[PYR_ZARR_KEY_BYTES_MAX + 2];
        size_t length = strcspn(name, "/");
        bool folder = name[length] == '/';
        snprintf(part, sizeof(part), "%.*s", (int)length, name);
        PYR_TRY(visit(context, part, folder, error));
        if (folder) {
            char next[PYR_ZARR_KEY_BYTES_MAX + 2];
            snprintf(next, sizeof(next), "%.*s%c", (int)(skip + length), directory->entries[at].key,
                     '/' + 1);
            at = pyr_zip_lower_bound(directory, next);
        } else {
            ++at;
        }
    }
    return PYR_OK;
}

static void zip_destroy(pyr_zarr_store *base) {
    zip_store *store = (zip_store *)base;
    pyr_zip_directory_deinit(&store->directory);
    pyr_buffer_release(store->bytes);
    free(store);
}

pyr_status pyr_zarr_store_open_zip(pyr_buffer *bytes, const char *name, pyr_budget *budget,
                                   pyr_zarr_store **out, pyr_error *error) {
    static const pyr_zarr_store_ops ops = {zip_get, zip_locate, zip_list, zip_destroy};
    *out = NULL;
    zip_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return pyr_error_memory(error, sizeof(*store));
    }
    pyr_status status = pyr_zip_directory_read(bytes, name, budget, &store->directory, error);
    pyr_status fault = pyr_mapping_check(bytes->mapping, status == PYR_OK ? error : NULL);
    if (status == PYR_OK) {
        status = fault;
    }
    if (status == PYR_OK) {
        status = pyr_zarr_store_init(&store->base, &ops, name, error);
    }
    if (status != PYR_OK) {
        pyr_zip_directory_deinit(&store->directory);
        free(store);
        return status;
    }
    store->bytes = pyr_buffer_retain(bytes);
    *out = &store->base;
    return PYR_OK;
}

bool pyr_zarr_detect_zip(pyr_buffer *bytes) {
    zip_directory directory;
    bool found = false;
    if (!pyr_zip_is(bytes) || pyr_zip_directory_read(bytes, "", NULL, &directory, NULL) != PYR_OK) {
        return false;
    }
    for (int64_t i = 0; i < directory.count && !found; ++i) {
        const char *key = directory.entries[i].key, *slash = strchr(key, '/');
        const char *name = slash != NULL ? slash + 1 : key;
        for (int k = 0; k < PYR_ZARR_MARKERS; ++k) {
            found = found || strcmp(name, pyr_zarr_markers[k]) == 0;
        }
    }
    pyr_zip_directory_deinit(&directory);
    return found && pyr_mapping_check(bytes->mapping, NULL) == PYR_OK;
}
