/* zip_directory.c - the central directory of a zip file, zip64 too; bytes before the zip's own (a
 * program that unpacks itself) are allowed for, as other readers do.
 *
 * Invariant: an entry that is kept has a valid key; its sizes and place are only checked when it is
 * read, against where the central directory begins.
 */
#include "base/checked.h"
#include "base/cursor.h"
#include "formats/zarr/store.h"
#include "formats/zarr/zip_internal.h"

#include <stdlib.h>
#include <string.h>

#define END_SIGNATURE 0x06054b50u
#define END_BYTES ((size_t)22)
#define COMMENT_BYTES_MAX ((size_t)65535)
#define LOCATOR64_SIGNATURE 0x07064b50u
#define LOCATOR64_BYTES ((size_t)20)
#define END64_SIGNATURE 0x06064b50u
#define END64_BYTES ((size_t)56)
#define ENTRY_SIGNATURE 0x02014b50u
#define ENTRY_BYTES ((size_t)46)
#define EXTRA_ZIP64 1

/* Where the end record is: the last place whose comment reaches exactly to the end. */
static bool find_end(const pyr_buffer *bytes, size_t *at) {
    size_t size = bytes->size_bytes;
    if (size < END_BYTES) {
        return false;
    }
    size_t lowest = size - END_BYTES > COMMENT_BYTES_MAX ? size - END_BYTES - COMMENT_BYTES_MAX : 0;
    for (size_t i = size - END_BYTES;; --i) {
        const uint8_t *p = bytes->data + i;
        if (pyr_load_u32(p) == END_SIGNATURE && i + END_BYTES + pyr_load_u16(p + 20) == size) {
            *at = i;
            return true;
        }
        if (i == lowest) {
            return false;
        }
    }
}

bool pyr_zip_is(const pyr_buffer *bytes) {
    size_t at;
    return find_end(bytes, &at);
}

typedef struct zip_extent {
    uint64_t entries, size_bytes, offset; /* as the end record has them */
    uint64_t end;                         /* where the directory ends */
} zip_extent;

/* The zip64 record behind the locator, where there is one. It ends where the locator begins. */
static bool read_end64(const pyr_buffer *bytes, size_t end_at, zip_extent *extent, bool *split) {
    if (end_at < LOCATOR64_BYTES + END64_BYTES) {
        return false;
    }
    size_t locator_at = end_at - LOCATOR64_BYTES;
    const uint8_t *locator = bytes->data + locator_at;
    if (pyr_load_u32(locator) != LOCATOR64_SIGNATURE) {
        return false;
    }
    uint64_t at = pyr_load_u64(locator + 8);
    /* With other bytes before the zip the offset is too low: then it is found by its usual size. */
    if (at > locator_at - END64_BYTES || pyr_load_u32(bytes->data + at) != END64_SIGNATURE) {
        at = locator_at - END64_BYTES;
    }
    const uint8_t *p = bytes->data + at;
    if (pyr_load_u32(p) != END64_SIGNATURE) {
        return false;
    }
    *split = pyr_load_u32(p + 16) != 0 || pyr_load_u32(p + 20) != 0;
    extent->entries = pyr_load_u64(p + 32);
    extent->size_bytes = pyr_load_u64(p + 40);
    extent->offset = pyr_load_u64(p + 48);
    extent->end = at;
    return true;
}

static pyr_status read_extent(const pyr_buffer *bytes, const char *name, zip_extent *extent,
                              pyr_error *error) {
    size_t at;
    bool split;
    if (!find_end(bytes, &at)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: is no zip file, or cut off", name);
    }
    const uint8_t *p = bytes->data + at;
    split = pyr_load_u16(p + 4) != 0 || pyr_load_u16(p + 6) != 0;
    extent->entries = pyr_load_u16(p + 10);
    extent->size_bytes = pyr_load_u32(p + 12);
    extent->offset = pyr_load_u32(p + 16);
    extent->end = at;
    if ((extent->entries == UINT16_MAX || extent->size_bytes == UINT32_MAX ||
         extent->offset == UINT32_MAX) &&
        !read_end64(bytes, at, extent, &split)) {
        split = false; /* exactly 65,535 members, or hostile: the walk finds out */
    }
    if (split) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "%s: a zip file of several disks",
                             name);
    }
    if (extent->size_bytes > extent->end || extent->offset > extent->end - extent->size_bytes) {
        return pyr_error_set(
            error, PYR_ERROR_CORRUPT,
            "%s: the zip file's directory (%llu bytes at %llu) lies beyond its end "
            "record at %llu",
            name, (unsigned long long)extent->size_bytes, (unsigned long long)extent->offset,
            (unsigned long long)extent->end);
    }
    if (extent->entries > (uint64_t)PYR_ZARR_ZIP_ENTRIES_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%s: %llu members, at most %lld are read",
                             name, (unsigned long long)extent->entries,
                             (long long)PYR_ZARR_ZIP_ENTRIES_MAX);
    }
    if (extent->entries > extent->size_bytes / ENTRY_BYTES) {
        return pyr_error_set(
            error, PYR_ERROR_CORRUPT, "%s: %llu members in a directory of %llu bytes", name,
            (unsigned long long)extent->entries, (unsigned long long)extent->size_bytes);
    }
    return PYR_OK;
}

/* Values of the zip64 extra field, in the order in which they are missing from the entry. */
static bool read_extra64(const uint8_t *extra, size_t size, zip_entry *entry) {
    pyr_cursor cursor = pyr_cursor_over(extra, size);
    uint16_t id, length;
    const uint8_t *data;
    while (pyr_cursor_u16(&cursor, &id) && pyr_cursor_u16(&cursor, &length) &&
           pyr_cursor_bytes(&cursor, length, &data)) {
        if (id != EXTRA_ZIP64) {
            continue;
        }
        pyr_cursor values = pyr_cursor_over(data, length);
        return (entry->plain_bytes != UINT32_MAX || pyr_cursor_u64(&values, &entry->plain_bytes)) &&
               (entry->stored_bytes != UINT32_MAX ||
                pyr_cursor_u64(&values, &entry->stored_bytes)) &&
               (entry->header_at != UINT32_MAX || pyr_cursor_u64(&values, &entry->header_at));
    }
    return true; /* sizes of exactly 2^32 - 1 */
}

/* One entry at the cursor; names gets the key (and a zero byte) where it is one. */
static bool read_entry(pyr_cursor *cursor, uint64_t shift, char **names, zip_entry *entry,
                       bool *kept) {
    const uint8_t *p, *name, *extra, *comment;
    *kept = false;
    if (!pyr_cursor_bytes(cursor, ENTRY_BYTES, &p) || pyr_load_u32(p) != ENTRY_SIGNATURE) {
        return false;
    }
    size_t name_bytes = pyr_load_u16(p + 28), extra_bytes = pyr_load_u16(p + 30);
    if (!pyr_cursor_bytes(cursor, name_bytes, &name) ||
        !pyr_cursor_bytes(cursor, extra_bytes, &extra) ||
        !pyr_cursor_bytes(cursor, pyr_load_u16(p + 32), &comment)) {
        return false;
    }
    entry->flags = pyr_load_u16(p + 8);
    entry->method = pyr_load_u16(p + 10);
    entry->crc32 = pyr_load_u32(p + 16);
    entry->stored_bytes = pyr_load_u32(p + 20);
    entry->plain_bytes = pyr_load_u32(p + 24);
    entry->header_at = pyr_load_u32(p + 42);
    if (!read_extra64(extra, extra_bytes, entry) || entry->header_at > UINT64_MAX - shift) {
        return false;
    }
    entry->header_at += shift;
    memcpy(*names, name, name_bytes);
    (*names)[name_bytes] = '\0';
    if (memchr(name, '\0', name_bytes) == NULL && pyr_zarr_key_valid(*names)) {
        entry->key = *names;
        *names += name_bytes + 1;
        *kept = true;
    }
    return true;
}

static int compare_entries(const void *a, const void *b) {
    const zip_entry *left = a, *right = b;
    int order = strcmp(left->key, right->key);
    if (order == 0) {
        order = left->order < right->order ? -1 : left->order > right->order;
    }
    return order;
}

static void sort_and_unify(zip_directory *directory) {
    int64_t kept = 0;
    if (directory->count == 0) {
        return;
    }
    qsort(directory->entries, (size_t)directory->count, sizeof(*directory->entries),
          compare_entries);
    for (int64_t i = 0; i < directory->count; ++i) {
        if (i + 1 == directory->count ||
            strcmp(directory->entries[i].key, directory->entries[i + 1].key) != 0) {
            directory->entries[kept++] = directory->entries[i];
        }
    }
    directory->count = kept;
}

pyr_status pyr_zip_directory_read(const pyr_buffer *bytes, const char *name, pyr_budget *budget,
                                  zip_directory *out, pyr_error *error) {
    zip_extent extent = {0};
    memset(out, 0, sizeof(*out));
    PYR_TRY(read_extent(bytes, name, &extent, error));
    out->start = extent.end - extent.size_bytes;
    uint64_t shift = out->start - extent.offset; /* not below: read_extent has checked */
    /* A name takes its bytes and one more, an entry's header alone is longer than that. */
    pyr_status status = pyr_buffer_create_raw((size_t)extent.entries * sizeof(zip_entry), budget,
                                              &out->entries_memory, error);
    if (status == PYR_OK) {
        status =
            pyr_buffer_create_raw((size_t)extent.size_bytes + 1, budget, &out->names_memory, error);
    }
    if (status != PYR_OK) {
        pyr_zip_directory_deinit(out);
        return status;
    }
    out->entries = (zip_entry *)(void *)pyr_buffer_mutable(out->entries_memory);
    char *names = (char *)pyr_buffer_mutable(out->names_memory);
    pyr_cursor cursor = pyr_cursor_over(bytes->data + out->start, (size_t)extent.size_bytes);
    for (uint64_t i = 0; i < extent.entries; ++i) {
        zip_entry *entry = &out->entries[out->count];
        bool kept;
        if (!read_entry(&cursor, shift, &names, entry, &kept)) {
            pyr_zip_directory_deinit(out);
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "%s: entry %llu of the zip file's directory is broken", name,
                                 (unsigned long long)i);
        }
        entry->order = (uint32_t)i;
        out->count += kept;
    }
    sort_and_unify(out);
    return PYR_OK;
}

void pyr_zip_directory_deinit(zip_directory *directory) {
    pyr_buffer_release(directory->entries_memory);
    pyr_buffer_release(directory->names_memory);
    memset(directory, 0, sizeof(*directory));
}

int64_t pyr_zip_lower_bound(const zip_directory *directory, const char *key) {
    int64_t low = 0, high = directory->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(directory->entries[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
