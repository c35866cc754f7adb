/* store.h - Zarr stores: keys to bytes. A folder, a zip file; others by the same few functions.
 *
 * A key is a relative path, in UTF-8, of parts divided by '/', none of them "", "." or "..": it
 * never leaves the store. Stores are immutable and reference-counted; any number of threads may use
 * one.
 */
#ifndef PYR_FORMATS_ZARR_STORE_H
#define PYR_FORMATS_ZARR_STORE_H

#include "base/buffer.h"
#include "base/ledger.h"

#define PYR_ZARR_KEY_BYTES_MAX 4096
#define PYR_ZARR_ZIP_ENTRIES_MAX ((int64_t)1 << 24)

typedef struct pyr_zarr_store pyr_zarr_store;

/* Where a key's bytes are. */
typedef struct pyr_zarr_stored {
    bool present;
    char *location;       /* malloc'ed: the file's path, or the key in a zip */
    int64_t offset_bytes; /* of the bytes in the file (the zip file) */
    int64_t size_bytes;   /* as stored: of a compressed member of a zip, compressed */
} pyr_zarr_stored;

/* Asked for each name directly below a prefix; other than PYR_OK ends the listing. */
typedef pyr_status (*pyr_zarr_visit)(void *context, const char *name, bool is_folder,
                                     pyr_error *error);

typedef struct pyr_zarr_store_ops {
    /* A key's bytes, by reference where they can be; *out NULL where there is none. Counts what it
     * maps, reads or decompresses. */
    pyr_status (*get)(pyr_zarr_store *store, const char *key, pyr_query_ledger *ledger,
                      pyr_budget *budget, pyr_buffer **out, pyr_error *error);
    pyr_status (*locate)(pyr_zarr_store *store, const char *key, pyr_zarr_stored *out,
                         pyr_error *error);
    /* prefix: "" or a key. Each name once, in any order. Nothing there: nothing visited. */
    pyr_status (*list)(pyr_zarr_store *store, const char *prefix, pyr_zarr_visit visit,
                       void *context, pyr_error *error);
    void (*destroy)(pyr_zarr_store *store);
} pyr_zarr_store_ops;
struct pyr_zarr_store {
    const pyr_zarr_store_ops *ops;
    atomic_size_t references; /* pyr_zarr_store_init sets it to 1 */
    char *name;               /* for messages; malloc'ed */
};

/* For implementations: copies name. */
PYR_MUST_CHECK pyr_status pyr_zarr_store_init(pyr_zarr_store *store, const pyr_zarr_store_ops *ops,
                                              const char *name, pyr_error *error);
pyr_zarr_store *pyr_zarr_store_retain(pyr_zarr_store *store);
void pyr_zarr_store_release(pyr_zarr_store *store); /* NULL allowed */
/* Whether text is a key as above; "" is not. */
bool pyr_zarr_key_valid(const char *text);
/* These refuse what is no key: get and locate with CORRUPT, where it came from metadata. */
PYR_MUST_CHECK pyr_status pyr_zarr_store_get(pyr_zarr_store *store, const char *key,
                                             pyr_query_ledger *ledger, pyr_budget *budget,
                                             pyr_buffer **out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_zarr_store_locate(pyr_zarr_store *store, const char *key,
                                                pyr_zarr_stored *out, pyr_error *error);
PYR_MUST_CHECK pyr_status pyr_zarr_store_list(pyr_zarr_store *store, const char *prefix,
                                              pyr_zarr_visit visit, void *context,
                                              pyr_error *error);

/* Asked for the path of each file before it is opened, and of each folder below the store's own
 * before it is listed: symbolic links may lead out of a folder, and
 * whether that is allowed is the caller's rule. Other than PYR_OK is the error of the read. Any
 * thread; context outlives the store. */
typedef struct pyr_zarr_path_check {
    pyr_status (*check)(void *context, const char *path, pyr_error *error);
    void *context;
} pyr_zarr_path_check;

/* Files are mapped when they are read. check NULL: all are allowed. */
PYR_MUST_CHECK pyr_status pyr_zarr_store_open_folder(const char *path,
                                                     const pyr_zarr_path_check *check,
                                                     pyr_zarr_store **out, pyr_error *error);
/* The central directory is read, the bytes retained. Members stored as they are come by reference
 * (their CRC is not looked at: that would read all pages), deflated ones are decompressed and held
 * against it. Encrypted members, other methods, several disks: NOT_SUPPORTED when read; names that
 * are no key are left out; of two members of one name the last counts, as when a zip is unpacked.
 * CORRUPT, LIMIT. */
PYR_MUST_CHECK pyr_status pyr_zarr_store_open_zip(pyr_buffer *bytes, const char *name,
                                                  pyr_budget *budget, pyr_zarr_store **out,
                                                  pyr_error *error);

/* Names of the documents that make a folder a hierarchy. */
enum { PYR_ZARR_MARKERS = 4 };
extern const char *const pyr_zarr_markers[PYR_ZARR_MARKERS];
/* By content: a folder with zarr.json, .zgroup, .zarray or .zmetadata. */
bool pyr_zarr_detect_folder(const char *path);
/* A zip file with such a member at its root or one folder below. Reads the central directory. */
bool pyr_zarr_detect_zip(pyr_buffer *bytes);

#endif
