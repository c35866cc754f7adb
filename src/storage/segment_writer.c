/* segment_writer.c - batches of any size to messages of good sizes in one file.
 *
 * Rows wait in `pending` until a message is full; a batch that fills messages by itself is sliced
 * and written by view. Only rows that are joined with others are copied, and batches are joined
 * only until they are half a message.
 */
#include "base/file.h"
#include "storage/storage_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VECTOR_ROWS 2048
/* So much is left to the page cache before the disk begins: it writes while rows still come. */
#define WRITE_AHEAD_BYTES ((int64_t)32 << 20)
/* Batches are joined up to this size only: rows of a megabyte would fill 32-bit offsets long before
 * they fill a message by their number. */
#define JOIN_BYTES_MAX ((int64_t)64 << 20)

typedef enum place { PLACE_FILE, PLACE_MEMFD, PLACE_HOT } place;

struct pyr_segment_writer {
    char *path; /* in memory: its name */
    place place;
    int fd;
    bool created; /* the file is there and ours to remove */
    bool codes;   /* texts are numbered where it pays: not beside texts that are compressed, nor in
                     hot segments, which are joined with others soon */
    pyr_schema *schema;
    pyr_ipc_writer *writer;
    pyr_query_ledger *ledger;
    pyr_batch **pending; /* each shorter than a message together */
    size_t pending_count;
    size_t pending_capacity;
    int64_t pending_rows;
    int64_t pending_bytes;
    int64_t rows;
    int64_t batches;
    int64_t started_bytes; /* that the disk was told to write */
    bool finished;
};

static pyr_status open_memory(pyr_segment_writer *writer, pyr_error *error) {
    writer->fd = memfd_create("pyralog-segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (writer->fd < 0) {
        return pyr_error_set_errno(error, errno, "memfd_create", "a segment in memory");
    }
    /* Told apart by the inode, which is the segment's as long as it lives. */
    struct stat info;
    if (fstat(writer->fd, &info) != 0) {
        return pyr_error_set_errno(error, errno, "fstat", "a segment in memory");
    }
    return asprintf(&writer->path, "memory:%llu", (unsigned long long)info.st_ino) < 0
               ? pyr_error_memory(error, 32)
               : PYR_OK;
}

static pyr_status open_file(pyr_segment_writer *writer, const char *path, pyr_error *error) {
    writer->path = strdup(path);
    if (writer->path == NULL) {
        return pyr_error_memory(error, strlen(path));
    }
    PYR_TRY(pyr_file_create(path, true, &writer->fd, error));
    writer->created = true;
    return PYR_OK;
}

static pyr_status open_place(pyr_segment_writer *writer, const char *path, pyr_error *error) {
    switch (writer->place) {
    case PLACE_FILE:
        return open_file(writer, path, error);
    case PLACE_MEMFD:
        return open_memory(writer, error);
    default:
        writer->path = strdup(path);
        return writer->path != NULL ? PYR_OK : pyr_error_memory(error, strlen(path));
    }
}

static pyr_status open_writer(pyr_segment_writer *writer, pyr_ipc_compression compression,
                              pyr_error *error) {
    pyr_ipc_write_options options = {.compression = compression,
                                     .alignment = 64,
                                     .ledger = writer->ledger,
                                     .crc_key = PYR_SEGMENT_CRC_KEY};
    return writer->place == PLACE_HOT
               ? pyr_ipc_writer_create_memory(writer->path, writer->schema, PYR_IPC_FILE, &options,
                                              writer->ledger, &writer->writer, error)
               : pyr_ipc_writer_create(writer->fd, writer->path, writer->schema, PYR_IPC_FILE,
                                       &options, writer->ledger, &writer->writer, error);
}

static pyr_status create(place where, const char *path, pyr_schema *schema,
                         pyr_ipc_compression compression, pyr_query_ledger *ledger,
                         pyr_segment_writer **out, pyr_error *error) {
    *out = NULL;
    pyr_segment_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return pyr_error_memory(error, sizeof(*writer));
    }
    writer->fd = -1;
    writer->place = where;
    writer->schema = pyr_schema_retain(schema);
    writer->ledger = ledger;
    writer->codes = compression == PYR_IPC_UNCOMPRESSED && where != PLACE_HOT;
    pyr_status status = open_place(writer, path, error);
    if (status == PYR_OK) {
        status = open_writer(writer, compression, error);
    }
    if (status != PYR_OK) {
        pyr_segment_writer_destroy(writer);
        return status;
    }
    *out = writer;
    return PYR_OK;
}

pyr_status pyr_segment_writer_create(const char *path, pyr_schema *schema,
                                     pyr_ipc_compression compression, pyr_query_ledger *ledger,
                                     pyr_segment_writer **out, pyr_error *error) {
    return create(path != NULL ? PLACE_FILE : PLACE_MEMFD, path, schema, compression, ledger, out,
                  error);
}

pyr_status pyr_segment_writer_create_hot(const char *name, pyr_schema *schema,
                                         pyr_ipc_compression compression, pyr_query_ledger *ledger,
                                         pyr_segment_writer **out, pyr_error *error) {
    return create(PLACE_HOT, name, schema, compression, ledger, out, error);
}

/* ---- One message. ---- */

static pyr_status zones_of(pyr_batch *batch, pyr_metadata **out, pyr_error *error) {
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_add_char(&text, '1');
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        pyr_zone zone;
        pyr_zone_compute(batch->columns[i], &zone);
        pyr_zone_print(&zone, batch->columns[i]->field, &text);
    }
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        status = pyr_metadata_create(out, error);
    }
    if (status == PYR_OK) {
        status = pyr_metadata_add(*out, PYR_SEGMENT_ZONES_KEY, strlen(PYR_SEGMENT_ZONES_KEY),
                                  text.data, text.length, error);
    }
    pyr_text_deinit(&text);
    return status;
}

static pyr_status write_codes_key(const pyr_codes_list *codes, pyr_metadata *into,
                                  pyr_error *error) {
    return codes->extras.count == 0
               ? PYR_OK
               : pyr_metadata_add(into, PYR_SEGMENT_CODES_KEY, strlen(PYR_SEGMENT_CODES_KEY),
                                  codes->text.data, codes->text.length, error);
}

static void start_writing(pyr_segment_writer *writer) {
    int64_t more = pyr_ipc_writer_bytes(writer->writer) - writer->started_bytes;
    if (writer->place == PLACE_FILE && more >= WRITE_AHEAD_BYTES) {
        pyr_file_start_writing(writer->fd, writer->started_bytes, more);
        writer->started_bytes += more;
    }
}

static pyr_status write_message(pyr_segment_writer *writer, pyr_batch *batch, pyr_error *error) {
    pyr_metadata *zones = NULL;
    pyr_codes_list codes = {0};
    pyr_status status = zones_of(batch, &zones, error);
    if (status == PYR_OK && writer->codes) {
        status = pyr_codes_list_create(batch, &codes, error);
    }
    if (status == PYR_OK) {
        status = write_codes_key(&codes, zones, error);
    }
    if (status == PYR_OK) {
        /* Zones and CRC are made of what was read: a source that was cut must not look whole. */
        status = pyr_batch_check_mappings(batch, error);
    }
    int64_t before = pyr_ipc_writer_bytes(writer->writer);
    if (status == PYR_OK) {
        status = pyr_ipc_writer_batch_with(writer->writer, batch, zones, &codes.extras, error);
    }
    pyr_codes_list_deinit(&codes);
    pyr_metadata_release(zones);
    if (status == PYR_OK) {
        pyr_ledger_add_copy(writer->ledger, PYR_COPY_APPEND,
                            pyr_ipc_writer_bytes(writer->writer) - before);
        writer->rows += batch->rows;
        ++writer->batches;
        start_writing(writer);
    }
    return status;
}

static void drop_pending(pyr_segment_writer *writer) {
    for (size_t i = 0; i < writer->pending_count; ++i) {
        pyr_batch_release(writer->pending[i]);
    }
    writer->pending_count = 0;
    writer->pending_rows = 0;
    writer->pending_bytes = 0;
}

/* What was joined lies in memory of its own, where nobody sees any more that a source was cut. */
static pyr_status check_pending(const pyr_segment_writer *writer, pyr_error *error) {
    for (size_t i = 0; i < writer->pending_count; ++i) {
        PYR_TRY(pyr_batch_check_mappings(writer->pending[i], error));
    }
    return PYR_OK;
}

static pyr_status flush_pending(pyr_segment_writer *writer, pyr_error *error) {
    if (writer->pending_count == 0) {
        return PYR_OK;
    }
    pyr_batch *joined = NULL;
    pyr_status status = writer->pending_count == 1
                            ? PYR_OK
                            : pyr_batch_concat(writer->pending, writer->pending_count,
                                               writer->ledger, NULL, &joined, error);
    if (status == PYR_OK) {
        status = check_pending(writer, error);
    }
    if (status == PYR_OK) {
        status = write_message(writer, joined != NULL ? joined : writer->pending[0], error);
    }
    pyr_batch_release(joined);
    drop_pending(writer);
    return status;
}

/* Takes over batch's reference. */
static pyr_status push_pending(pyr_segment_writer *writer, pyr_batch *batch, pyr_error *error) {
    if (writer->pending_count == writer->pending_capacity) {
        size_t capacity = writer->pending_capacity > 0 ? writer->pending_capacity * 2 : 16;
        pyr_batch **grown = realloc(writer->pending, capacity * sizeof(*grown));
        if (grown == NULL) {
            pyr_batch_release(batch);
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        writer->pending = grown;
        writer->pending_capacity = capacity;
    }
    writer->pending[writer->pending_count++] = batch;
    writer->pending_rows += batch->rows;
    writer->pending_bytes += pyr_batch_size_bytes(batch);
    return PYR_OK;
}

/* Rows of a message: about PYR_SEGMENT_BATCH_BYTES, whole vectors (so that slices of bitmaps begin
 * at a byte), within bounds. */
static int64_t message_rows(int64_t row_bytes) {
    int64_t rows = PYR_SEGMENT_BATCH_BYTES / (row_bytes > 0 ? row_bytes : 1);
    rows -= rows % VECTOR_ROWS;
    rows = rows < VECTOR_ROWS ? VECTOR_ROWS : rows;
    return rows > PYR_SEGMENT_BATCH_ROWS ? PYR_SEGMENT_BATCH_ROWS : rows;
}

static pyr_status append_dense(pyr_segment_writer *writer, pyr_batch *batch, pyr_error *error) {
    int64_t row_bytes = batch->rows > 0 ? pyr_batch_size_bytes(batch) / batch->rows : 0;
    int64_t target = message_rows(row_bytes);
    int64_t offset = 0;
    while (offset < batch->rows) {
        int64_t left = batch->rows - offset;
        int64_t room = target - writer->pending_rows;
        int64_t rows = left < room ? left : room;
        /* What is half a message already is not copied to fill it up. */
        if (room <= 0 || (left > room && writer->pending_rows >= target / 2) ||
            (writer->pending_count > 0 &&
             writer->pending_bytes + rows * row_bytes > JOIN_BYTES_MAX)) {
            PYR_TRY(flush_pending(writer, error));
            continue;
        }
        pyr_batch *piece = NULL;
        PYR_TRY(pyr_batch_slice(batch, offset, rows, &piece, error));
        offset += rows;
        PYR_TRY(push_pending(writer, piece, error));
        if (writer->pending_rows >= target) {
            PYR_TRY(flush_pending(writer, error));
        }
    }
    return PYR_OK;
}

pyr_status pyr_segment_writer_append(pyr_segment_writer *writer, pyr_batch *batch,
                                     pyr_error *error) {
    pyr_batch *dense = NULL;
    PYR_TRY(pyr_batch_dense(batch, writer->ledger, NULL, &dense, error));
    pyr_status status = pyr_batch_check_mappings(batch, error); /* its rows may be gathered */
    if (status == PYR_OK) {
        status = append_dense(writer, dense, error);
    }
    pyr_batch_release(dense);
    return status;
}

int64_t pyr_segment_writer_size(const pyr_segment_writer *writer) {
    return pyr_ipc_writer_bytes(writer->writer);
}

/* ---- Sealing. ---- */

static pyr_status sync_file(pyr_segment_writer *writer, pyr_error *error) {
    PYR_TRY(pyr_file_sync_data(writer->fd, writer->path, error));
    char *folder = strdup(writer->path);
    if (folder == NULL) {
        return pyr_error_memory(error, strlen(writer->path));
    }
    char *slash = strrchr(folder, '/');
    pyr_status status = PYR_OK;
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        status = pyr_file_sync_folder(folder, error);
    }
    free(folder);
    return status;
}

static pyr_status seal_memfd(pyr_segment_writer *writer, const pyr_segment_info *info,
                             pyr_segment **out, pyr_error *error) {
    /* Nobody can shorten it under a mapping. */
    (void)fcntl(writer->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    int fd = writer->fd;
    writer->fd = -1;
    return pyr_segment_create_fd(fd, info, out, error);
}

static pyr_status seal_hot(pyr_segment_writer *writer, const pyr_segment_info *info,
                           pyr_segment **out, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    PYR_TRY(pyr_ipc_writer_take(writer->writer, &bytes, error));
    pyr_status status = pyr_segment_create_bytes(bytes, info, out, error);
    pyr_buffer_release(bytes);
    return status;
}

static pyr_status seal_file(pyr_segment_writer *writer, const pyr_segment_info *info, bool sync,
                            pyr_segment **out, pyr_error *error) {
    if (sync) {
        PYR_TRY(sync_file(writer, error));
    }
    int fd = writer->fd;
    writer->fd = -1;
    PYR_TRY(pyr_file_close(fd, writer->path, error));
    return pyr_segment_create(info, true, out, error);
}

static pyr_status seal(pyr_segment_writer *writer, bool sync, pyr_segment **out, pyr_error *error) {
    PYR_TRY(flush_pending(writer, error));
    PYR_TRY(pyr_ipc_writer_finish(writer->writer, NULL, error));
    pyr_segment_info info = {.path = writer->path,
                             .rows = writer->rows,
                             .size_bytes = pyr_ipc_writer_bytes(writer->writer),
                             .batches = writer->batches,
                             .hot = writer->place == PLACE_HOT};
    pyr_status status = writer->place == PLACE_FILE    ? seal_file(writer, &info, sync, out, error)
                        : writer->place == PLACE_MEMFD ? seal_memfd(writer, &info, out, error)
                                                       : seal_hot(writer, &info, out, error);
    writer->finished = status == PYR_OK;
    return status;
}

pyr_status pyr_segment_writer_finish(pyr_segment_writer *writer, bool sync, pyr_segment **out,
                                     pyr_error *error) {
    *out = NULL;
    return seal(writer, sync, out, error);
}

void pyr_segment_writer_destroy(pyr_segment_writer *writer) {
    if (writer == NULL) {
        return;
    }
    drop_pending(writer);
    free(writer->pending);
    pyr_ipc_writer_destroy(writer->writer);
    if (writer->fd >= 0) {
        close(writer->fd);
    }
    if (!writer->finished && writer->created) {
        unlink(writer->path);
    }
    pyr_schema_release(writer->schema);
    free(writer->path);
    free(writer);
}
