/* zarr_files.h - the Zarr store that a function's argument names, opened. */
#ifndef PYR_ENGINES_FUNCTIONS_ZARR_FILES_H
#define PYR_ENGINES_FUNCTIONS_ZARR_FILES_H

#include "engines/functions/table_function.h"
#include "formats/zarr/zarr.h"

/* Holds what a store asks about each path: a copy of the session's rights, since what is opened may
 * outlive the session. */
typedef struct pyr_zarr_files {
    pyr_zarr *zarr;
    pyr_file_access access;
    char **folders; /* access's, owned */
    pyr_zarr_path_check check;
    int64_t mapped_bytes; /* of a zip file; chunks' files are counted when they are read */
} pyr_zarr_files;

/* p is a folder or a zip file; array (NULL: all) a path in it. files must not be moved until it is
 * closed. Errors have the value's position: NOT_FOUND 58030, PERMISSION, INVALID_ARGUMENT 22023
 * naming function where nothing of Zarr is there, those of zarr.h. */
PYR_MUST_CHECK pyr_status pyr_zarr_files_open(const pyr_function_call *call,
                                              const pyr_function_value *value, const char *array,
                                              const char *function, pyr_zarr_files *out,
                                              pyr_error *error);
/* After everything that reads through it is gone. */
void pyr_zarr_files_close(pyr_zarr_files *files);

/* Whether path, a file that begins with bytes, is a store, by its content. */
bool pyr_zarr_file_detect(const char *path, const uint8_t *bytes, size_t size_bytes);

/* A source has so many batches at most: they are listed before any is read, and metadata of a few
 * bytes may claim 2^62 chunks. */
#define PYR_ZARR_SOURCE_BATCHES_MAX ((int64_t)1 << 24)

#endif
