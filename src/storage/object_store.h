/* object_store.h - where external files are: listing, opening and byte ranges behind one interface.
 *
 * The local file system is the one store so far; S3 is to be another implementation of the same
 * ops, and the rest of the program names no other way to list or open an external file.
 * Stores are static and immutable: any thread may use one.
 */
#ifndef PYR_STORAGE_OBJECT_STORE_H
#define PYR_STORAGE_OBJECT_STORE_H

#include "base/buffer.h"
#include "storage/glob.h"

/* One object and what tells whether it changed. */
typedef struct pyr_stored_object {
    char *path; /* absolute; malloc'ed */
    int64_t size_bytes;
    int64_t mtime_ns; /* since 1970; 0 where the store does not say */
    uint64_t inode;   /* 0 where the store has none */
    char *etag;       /* malloc'ed; NULL where the store has none */
} pyr_stored_object;
void pyr_stored_object_deinit(pyr_stored_object *object);
/* Size, mtime, inode and ETag; paths are not compared. */
bool pyr_stored_object_same_state(const pyr_stored_object *a, const pyr_stored_object *b);

typedef struct pyr_object_list {
    size_t count;
    pyr_stored_object *objects; /* by path */
} pyr_object_list;
void pyr_object_list_deinit(pyr_object_list *list);

typedef struct pyr_object_store {
    const char *name; /* "file" */
    /* Every object that location names: one, those of a pattern, or all below a folder but names
     * that begin with '.' or '_'. None there: count 0. check NULL: all are allowed. */
    pyr_status (*list)(const char *location, const pyr_path_check *check, pyr_object_list *out,
                       pyr_error *error);
    /* One object's state. NOT_FOUND 58P01. */
    pyr_status (*head)(const char *path, pyr_stored_object *out, pyr_error *error);
    /* The whole object, by reference where the store can (a mapping). Whoever reads it calls
     * pyr_mapping_check on the buffer's mapping before acting on what was read. */
    pyr_status (*open)(const char *path, pyr_buffer **out, pyr_error *error);
    /* Up to size_bytes from offset on into bytes; *got is less at the object's end. */
    pyr_status (*read)(const char *path, int64_t offset, void *bytes, size_t size_bytes,
                       size_t *got, pyr_error *error);
} pyr_object_store;

/* The store of a location. One that there is no store for ("s3://..."): PYR_ERROR_NOT_SUPPORTED. */
PYR_MUST_CHECK pyr_status pyr_object_store_of(const char *location, const pyr_object_store **out,
                                              pyr_error *error);
/* location as it is kept: a local path becomes absolute. malloc'ed. */
PYR_MUST_CHECK pyr_status pyr_object_location(const char *location, char **out, pyr_error *error);
/* How many bytes of a location are fixed: up to and with the '/' before its first wildcard; all of
 * a location without one, which may be a folder. */
size_t pyr_object_location_fixed(const char *location);

/* A local absolute location with its fixed part as it is without symbolic links, as far as that
 * exists; a folder gets a '/' at its end. malloc'ed. */
PYR_MUST_CHECK pyr_status pyr_object_location_resolve(const char *location, char **out,
                                                      pyr_error *error);
/* Whether a local path leads, through its symbolic links, into the folder of such a location: what
 * is before its last '/' without a wildcard before it. */
bool pyr_object_location_holds(const char *location, const char *path);

extern const pyr_object_store pyr_object_store_local;

#endif
