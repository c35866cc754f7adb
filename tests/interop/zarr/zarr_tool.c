/* zarr_tool.c - a Zarr array or group as an Arrow IPC stream, with our code alone, for the interop
 * tests.
 *
 *   zarr_tool PATH [INNER] [cf]    a folder or a zip file; INNER: a path in it
 *
 * Values are validated in full before they are written to the standard output.
 */
#include "arrow/ipc/ipc.h"
#include "base/mapping.h"
#include "formats/zarr/zarr.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pyr_status open_store(const char *path, pyr_zarr_store **out, pyr_error *error) {
    struct stat info;
    pyr_buffer *bytes;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return pyr_zarr_store_open_folder(path, NULL, out, error);
    }
    PYR_TRY(pyr_mapping_open(path, &bytes, error));
    pyr_status status = pyr_zarr_detect_zip(bytes)
                            ? pyr_zarr_store_open_zip(bytes, path, NULL, out, error)
                            : pyr_error_set(error, PYR_ERROR_CORRUPT, "%s: no Zarr", path);
    pyr_buffer_release(bytes);
    return status;
}

static pyr_status write_batches(pyr_zarr_table *table, pyr_ipc_writer *writer, pyr_error *error) {
    for (int64_t i = 0; i < pyr_zarr_table_batches(table); ++i) {
        pyr_batch *batch;
        PYR_TRY(pyr_zarr_table_read(table, i, NULL, 0, NULL, NULL, &batch, error));
        pyr_status status = pyr_batch_validate(batch, PYR_VALIDATE_FULL, error);
        if (status == PYR_OK) {
            status = pyr_ipc_writer_batch(writer, batch, NULL, error);
        }
        pyr_batch_release(batch);
        PYR_TRY(status);
    }
    return pyr_ipc_writer_finish(writer, NULL, error);
}

static pyr_status write_table(pyr_zarr *zarr, bool decode_cf, pyr_error *error) {
    pyr_zarr_table_options options = {decode_cf};
    pyr_zarr_table *table;
    pyr_ipc_writer *writer = NULL;
    PYR_TRY(pyr_zarr_table_create(zarr, &options, NULL, NULL, &table, error));
    pyr_status status =
        pyr_ipc_writer_create(STDOUT_FILENO, "standard output", pyr_zarr_table_schema(table),
                              PYR_IPC_STREAM, NULL, NULL, &writer, error);
    if (status == PYR_OK) {
        status = write_batches(table, writer, error);
    }
    pyr_ipc_writer_destroy(writer);
    pyr_zarr_table_destroy(table);
    return status;
}

static pyr_status run(const char *path, const char *inner, bool decode_cf, pyr_error *error) {
    pyr_zarr_store *store;
    pyr_zarr *zarr;
    PYR_TRY(open_store(path, &store, error));
    pyr_status status = pyr_zarr_open(store, inner, PYR_ZARR_ANY, NULL, &zarr, error);
    pyr_zarr_store_release(store);
    PYR_TRY(status);
    status = write_table(zarr, decode_cf, error);
    pyr_zarr_release(zarr);
    return status;
}

int main(int argc, char **argv) {
    pyr_error error = {0};
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: zarr_tool PATH [INNER] [cf]\n");
        return 2;
    }
    bool decode_cf = argc > 2 && strcmp(argv[argc - 1], "cf") == 0;
    const char *inner = argc > 2 && !(decode_cf && argc == 3) ? argv[2] : "";
    if (run(argv[1], inner, decode_cf, &error) != PYR_OK) {
        fprintf(stderr, "error: %s\n", error.message);
        return 1;
    }
    return 0;
}
