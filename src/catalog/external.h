/* external.h - tables over files that the catalog does not own: what was registered, and what one
 * statement reads of it.
 *
 * An external table is a pyr_table without segments and with `external` set: names, transactions
 * and snapshots treat it like any other. A statement that reads it puts another version of it into
 * its own snapshot, with `scan` set: the files as they were when the statement began.
 * Both are immutable once shared, reference-counted, thread-safe.
 */
#ifndef PYR_CATALOG_EXTERNAL_H
#define PYR_CATALOG_EXTERNAL_H

#include "base/blake3.h"
#include "storage/object_store.h"

#include <stdatomic.h>

typedef enum pyr_external_format {
    PYR_EXTERNAL_PARQUET,
    PYR_EXTERNAL_ARROW,
    PYR_EXTERNAL_CSV,
    PYR_EXTERNAL_JSON,
    PYR_EXTERNAL_SAFETENSORS,
    PYR_EXTERNAL_ZARR, /* its location is one store; its files are what says what that is */
    PYR_EXTERNAL_FORMATS
} pyr_external_format;
const char *pyr_external_format_name(pyr_external_format format); /* "PARQUET", ... */

/* A table's option that names the format; not one of the user's. */
#define PYR_EXTERNAL_OPTION "stored_as"

typedef struct pyr_external_file {
    pyr_stored_object object; /* as it was when it was registered */
    bool hashed;
    uint8_t blake3[PYR_BLAKE3_OUT_BYTES]; /* of its bytes then, where hashed */
} pyr_external_file;

enum {
    PYR_EXTERNAL_HASH = 1,       /* its files are hashed when they are registered */
    PYR_EXTERNAL_COLUMNS = 2,    /* the user named its columns; else they are the first file's */
    PYR_EXTERNAL_PARTITIONS = 4, /* and its partition columns; else they are found in the paths */
    PYR_EXTERNAL_CONFINED = 8,   /* made by a session restricted in its paths: files that links of
                                    the location lead out to are not for others like it */
    PYR_EXTERNAL_FLAGS = 15
};

typedef struct pyr_external {
    atomic_size_t references;
    pyr_external_format format;
    char *location;           /* absolute: a file, a folder or a pattern */
    char *metadata;           /* JSON, the user's */
    uint8_t flags;            /* PYR_EXTERNAL_... */
    int32_t partitions_count; /* the last columns of the table come from the files' paths */
    size_t files_count;
    pyr_external_file *files; /* by path */
    int64_t size_bytes;       /* of all files */
} pyr_external;

/* Takes files (malloc'ed, with what is in them), on failure too; the texts are copied. */
PYR_MUST_CHECK pyr_status pyr_external_create(pyr_external_format format, const char *location,
                                              const char *metadata, uint8_t flags,
                                              int32_t partitions_count, pyr_external_file *files,
                                              size_t files_count, pyr_external **out,
                                              pyr_error *error);
pyr_external *pyr_external_retain(pyr_external *external); /* NULL allowed */
void pyr_external_release(pyr_external *external);         /* NULL allowed */
void pyr_external_files_free(pyr_external_file *files, size_t count);
/* The registered file of that path; NULL where there is none. */
const pyr_external_file *pyr_external_find(const pyr_external *external, const char *path);

typedef struct pyr_external_scan {
    atomic_size_t references;
    size_t files_total;    /* listed; those beyond files.count were pruned by the partitions */
    pyr_object_list files; /* to be read, as they were when the statement began */
    char *sql;             /* a query that gives the table's rows; NULL: its segments do */
    bool by_path;          /* sql reads the files by their paths, else through pyr_scan */
    pyr_error failure;     /* code not PYR_OK: reading the table is this error */
} pyr_external_scan;
/* Nothing to read yet, for the caller to fill in before it is shared. */
PYR_MUST_CHECK pyr_status pyr_external_scan_create(pyr_external_scan **out, pyr_error *error);
pyr_external_scan *pyr_external_scan_retain(pyr_external_scan *scan); /* NULL allowed */
void pyr_external_scan_release(pyr_external_scan *scan);              /* NULL allowed */

#endif
