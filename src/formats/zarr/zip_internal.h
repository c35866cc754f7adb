/* zip_internal.h - the members of a zip file, between zip_directory.c and store_zip.c.
 *
 * Source: APPNOTE.TXT of the ZIP format, sections 4.3 (structure) and 4.5.3 (zip64).
 */
#ifndef PYR_FORMATS_ZARR_ZIP_INTERNAL_H
#define PYR_FORMATS_ZARR_ZIP_INTERNAL_H

#include "base/buffer.h"

#define ZIP_STORED 0
#define ZIP_DEFLATED 8
#define ZIP_FLAG_ENCRYPTED 1u
#define ZIP_LOCAL_HEADER_BYTES ((size_t)30)

typedef struct zip_entry {
    const char *key; /* in the directory's names */
    uint64_t stored_bytes, plain_bytes;
    uint64_t header_at; /* of its local header, from the start of the bytes */
    uint32_t crc32;
    uint32_t order; /* among the members */
    uint16_t method, flags;
} zip_entry;

typedef struct zip_directory {
    int64_t count;      /* sorted by key, each key once */
    zip_entry *entries; /* in entries_memory */
    uint64_t start;     /* where the central directory begins: members end before it */
    pyr_buffer *entries_memory, *names_memory;
} zip_directory;

/* Whether the bytes end as a zip file does; cheap. */
bool pyr_zip_is(const pyr_buffer *bytes);
/* Keeps members whose names are keys (store.h). CORRUPT, LIMIT, MEMORY. */
PYR_MUST_CHECK pyr_status pyr_zip_directory_read(const pyr_buffer *bytes, const char *name,
                                                 pyr_budget *budget, zip_directory *out,
                                                 pyr_error *error);
void pyr_zip_directory_deinit(zip_directory *directory);
/* The first entry whose key is not below `key`; count where there is none. */
int64_t pyr_zip_lower_bound(const zip_directory *directory, const char *key);

#endif
