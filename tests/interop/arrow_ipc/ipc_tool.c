/* ipc_tool.c - reads and writes Arrow IPC with our code alone, for the interop tests.
 *
 *   ipc_tool rewrite IN OUT file|stream [none|lz4|zstd] [ALIGNMENT]
 *   ipc_tool slice   IN OUT file|stream OFFSET LENGTH      every batch cut to those rows
 *   ipc_tool print   IN                                    a line a row, columns divided by tabs
 *
 * IN is a file or a stream, "-" a stream on the standard input. Values are validated in full.
 */
#include "arrow/builder.h"
#include "arrow/ipc/ipc.h"
#include "base/file.h"
#include "base/mapping.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Batches of either format, one after the other. */
typedef struct source {
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    size_t next;
    pyr_stream *stream;
    pyr_schema *schema; /* borrowed */
} source;

static void source_close(source *in) {
    pyr_stream_destroy(in->stream);
    pyr_ipc_file_release(in->file);
    pyr_buffer_release(in->bytes);
}

static pyr_status source_open(const char *path, source *in, pyr_error *error) {
    memset(in, 0, sizeof *in);
    if (strcmp(path, "-") == 0) {
        PYR_TRY(pyr_ipc_stream_open_fd(STDIN_FILENO, "standard input", NULL, PYR_VALIDATE_FULL,
                                       NULL, NULL, &in->stream, error));
        in->schema = in->stream->schema;
        return PYR_OK;
    }
    PYR_TRY(pyr_mapping_open(path, &in->bytes, error));
    if (pyr_ipc_file_detect(in->bytes->data, in->bytes->size_bytes)) {
        PYR_TRY(pyr_ipc_file_open(in->bytes, path, NULL, &in->file, error));
        in->schema = pyr_ipc_file_schema(in->file);
        return PYR_OK;
    }
    PYR_TRY(pyr_ipc_stream_open(in->bytes, path, NULL, PYR_VALIDATE_FULL, NULL, NULL, &in->stream,
                                error));
    in->schema = in->stream->schema;
    return PYR_OK;
}

static pyr_status source_next(source *in, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    if (in->stream != NULL) {
        return pyr_stream_next(in->stream, out, error);
    }
    if (in->next == pyr_ipc_file_batches(in->file)) {
        return PYR_OK;
    }
    return pyr_ipc_file_batch(in->file, in->next++, NULL, 0, PYR_VALIDATE_FULL, NULL, NULL, out,
                              error);
}

typedef struct range {
    int64_t offset, length; /* length -1: all */
} range;

static pyr_status write_batch(pyr_ipc_writer *writer, pyr_batch *batch, range rows,
                              pyr_error *error) {
    if (rows.length < 0) {
        return pyr_ipc_writer_batch(writer, batch, batch->metadata, error);
    }
    int64_t offset = rows.offset < batch->rows ? rows.offset : batch->rows;
    int64_t left = batch->rows - offset;
    pyr_batch *slice;
    PYR_TRY(pyr_batch_slice(batch, offset, rows.length < left ? rows.length : left, &slice, error));
    pyr_status status = pyr_ipc_writer_batch(writer, slice, batch->metadata, error);
    pyr_batch_release(slice);
    return status;
}

static pyr_status rewrite(source *in, const char *path, pyr_ipc_framing framing,
                          const pyr_ipc_write_options *options, range rows, pyr_error *error) {
    int fd;
    pyr_ipc_writer *writer = NULL;
    PYR_TRY(pyr_file_create(path, false, &fd, error));
    pyr_status status =
        pyr_ipc_writer_create(fd, path, in->schema, framing, options, NULL, &writer, error);
    while (status == PYR_OK) {
        pyr_batch *batch;
        status = source_next(in, &batch, error);
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        status = write_batch(writer, batch, rows, error);
        pyr_batch_release(batch);
    }
    if (status == PYR_OK) {
        pyr_metadata *metadata = in->file != NULL ? pyr_ipc_file_metadata(in->file) : NULL;
        status = pyr_ipc_writer_finish(writer, metadata, error);
    }
    pyr_ipc_writer_destroy(writer);
    if (status != PYR_OK) {
        close(fd);
        return status;
    }
    return pyr_file_close(fd, path, error);
}

static pyr_status print(source *in, pyr_error *error) {
    pyr_text line;
    pyr_text_init(&line);
    pyr_status status;
    pyr_batch *batch;
    while ((status = source_next(in, &batch, error)) == PYR_OK && batch != NULL) {
        for (int64_t row = 0; row < batch->rows; ++row) {
            pyr_text_clear(&line);
            for (int32_t i = 0; i < batch->columns_count; ++i) {
                pyr_text_add(&line, i > 0 ? "\t" : "");
                pyr_array_print_value(batch->columns[i], row, &line);
            }
            puts(pyr_text_get(&line));
        }
        pyr_batch_release(batch);
    }
    pyr_text_deinit(&line);
    return status;
}

static int usage(void) {
    fputs("usage: ipc_tool rewrite IN OUT file|stream [none|lz4|zstd] [ALIGNMENT]\n"
          "       ipc_tool slice IN OUT file|stream OFFSET LENGTH\n"
          "       ipc_tool print IN\n",
          stderr);
    return 2;
}

static pyr_ipc_compression compression_of(const char *name) {
    return strcmp(name, "lz4") == 0    ? PYR_IPC_LZ4_FRAME
           : strcmp(name, "zstd") == 0 ? PYR_IPC_ZSTD
                                       : PYR_IPC_UNCOMPRESSED;
}

int main(int argc, char **argv) {
    pyr_error error;
    source in;
    if (argc < 3 || (strcmp(argv[1], "print") != 0 && argc < 5) ||
        (strcmp(argv[1], "slice") == 0 && argc < 7)) {
        return usage();
    }
    pyr_status status = source_open(argv[2], &in, &error);
    if (status == PYR_OK && strcmp(argv[1], "print") == 0) {
        status = print(&in, &error);
    } else if (status == PYR_OK) {
        bool slice = strcmp(argv[1], "slice") == 0;
        range rows = {slice ? atoll(argv[5]) : 0, slice ? atoll(argv[6]) : -1};
        pyr_ipc_write_options options = {.compression = !slice && argc > 5 ? compression_of(argv[5])
                                                                           : PYR_IPC_UNCOMPRESSED,
                                         .alignment = !slice && argc > 6 ? atoi(argv[6]) : 0,
                                         .allow_replacement = true};
        pyr_ipc_framing framing = strcmp(argv[4], "file") == 0 ? PYR_IPC_FILE : PYR_IPC_STREAM;
        status = rewrite(&in, argv[3], framing, &options, rows, &error);
    }
    source_close(&in);
    if (status != PYR_OK) {
        fprintf(stderr, "ipc_tool: %s: %s\n", pyr_status_name(status), error.message);
        return 1;
    }
    return 0;
}
