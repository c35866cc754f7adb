/* support_zarr.h - stores for the tests of src/formats/zarr: in memory, zip files written here, and
 * the conformance data. Each function fails the test when something goes wrong. */
#ifndef TESTS_FORMATS_SUPPORT_ZARR_H
#define TESTS_FORMATS_SUPPORT_ZARR_H

#include "unit/arrow/support_arrays.h"

#include "formats/zarr/zarr.h"

/* ---- Stores. ---- */

/* A store of keys in memory, in the order they were put; put again: another value. */
pyr_zarr_store *memory_store(void);
void store_put(pyr_zarr_store *store, const char *key, const void *bytes, size_t size_bytes);
void store_put_text(pyr_zarr_store *store, const char *key, const char *text);
/* The same as a file that is mapped; gives its descriptor, which the caller closes. */
int store_put_mapped(pyr_zarr_store *store, const char *key, const void *bytes, size_t size_bytes);
/* Cuts that file to size_bytes, so that what lies behind its pages faults. cmocka puts its own
 * handler of SIGBUS in the place of ours before each test: main gives the group
 * note_mapping_action, and cutting puts ours back. */
int note_mapping_action(void **state);
void cut_mapped(int fd, size_t size_bytes);
/* A path in the conformance data of Zarr, or NULL after saying that the test is skipped. The caller
 * frees it. */
char *corpus_path(const char *path);
/* Opens a folder or a zip file as a store. */
pyr_zarr_store *open_store(const char *path);
/* Opens and gives what the caller releases; the store is released. */
pyr_zarr *open_zarr(pyr_zarr_store *store, const char *path, pyr_zarr_format format);

/* ---- Zip files. ---- */

typedef struct zip_writer {
    uint8_t *data, *directory;
    size_t size, directory_size;
    int members;
    bool zip64; /* sizes and places in the extra field, end record of 64 bits */
} zip_writer;
/* method 0 or 8. */
void zip_add(zip_writer *zip, const char *name, const void *bytes, size_t size_bytes, int method);
void zip_add_text(zip_writer *zip, const char *name, const char *text, int method);
/* The file's bytes; the writer is empty after it. comment may be "". */
pyr_buffer *zip_finish(zip_writer *zip, const char *comment);
pyr_zarr_store *zip_store_of(pyr_buffer *bytes); /* releases bytes */

/* ---- Values. ---- */

/* By path; NULL: there is none. */
pyr_zarr_array *find_array(const pyr_zarr *zarr, const char *path);

/* 64 hexadecimal digits and a zero byte. */
void sha256_hex(const void *bytes, size_t size_bytes, char out[65]);
/* All of an array. */
pyr_zarr_chunk read_all(pyr_zarr_array *array);
/* int32 values of all of an array against those expected. */
void assert_int32_values(pyr_zarr_array *array, const int32_t *expected, int64_t count);
pyr_array *array_values(pyr_zarr_array *array, bool decode_cf);
/* Row as text, against expected. */
void assert_row(const pyr_array *array, int64_t row, const char *expected);

#endif
