/* segment.c - reading segments: mapped on first use, immutable after it.
 *
 * Invariants:
 *  1. `opened` is set once, under `lock`, and never changes until the segment is freed.
 *  2. A bit of `validated` is set only after the batch's column passed full validation; threads may
 *     validate the same column twice, which costs time and nothing else.
 */
#include "storage/segment.h"

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mapping.h"
#include "storage/storage_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct opened_file {
    pyr_buffer *bytes;
    pyr_ipc_file *file;
    size_t batches;
    size_t columns;
    atomic_uchar *validated; /* batches * columns bits, in whole bytes a batch */
} opened_file;

struct pyr_segment {
    atomic_size_t references;
    pyr_segment_info info;
    char *name; /* the last part of the path, for messages */
    bool trusted;
    int fd; /* of a memfd, else -1 */
    atomic_bool remove_on_release;
    pthread_mutex_t lock; /* held while the file is opened; a leaf */
    _Atomic(opened_file *) opened;
};

static pyr_status create(const pyr_segment_info *info, int fd, bool trusted, pyr_segment **out,
                         pyr_error *error) {
    *out = NULL;
    pyr_segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL || (segment->info.path = strdup(info->path)) == NULL) {
        free(segment);
        return pyr_error_memory(error, sizeof(*segment));
    }
    atomic_init(&segment->references, 1);
    char *slash = strrchr(segment->info.path, '/');
    segment->name = slash != NULL ? slash + 1 : segment->info.path;
    segment->info.rows = info->rows;
    segment->info.size_bytes = info->size_bytes;
    segment->info.batches = info->batches;
    segment->trusted = trusted;
    segment->fd = fd;
    pthread_mutex_init(&segment->lock, NULL);
    *out = segment;
    return PYR_OK;
}

pyr_status pyr_segment_create(const pyr_segment_info *info, bool trusted, pyr_segment **out,
                              pyr_error *error) {
    return create(info, -1, trusted, out, error);
}

pyr_status pyr_segment_create_fd(int fd, const pyr_segment_info *info, pyr_segment **out,
                                 pyr_error *error) {
    pyr_status status = create(info, fd, true, out, error);
    if (status != PYR_OK) {
        close(fd);
    }
    return status;
}

pyr_segment *pyr_segment_retain(pyr_segment *segment) {
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
    return segment;
}

static void close_file(opened_file *opened) {
    if (opened != NULL) {
        pyr_ipc_file_release(opened->file);
        pyr_buffer_release(opened->bytes);
        free(opened->validated);
        free(opened);
    }
}

void pyr_segment_release(pyr_segment *segment) {
    if (segment == NULL ||
        atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (atomic_load(&segment->remove_on_release) && segment->fd < 0) {
        (void)!unlink(segment->info.path); /* what stays is removed at the next open */
    }
    close_file(atomic_load(&segment->opened));
    if (segment->fd >= 0) {
        close(segment->fd);
    }
    pthread_mutex_destroy(&segment->lock);
    free(segment->info.path);
    free(segment);
}

void pyr_segment_remove_on_release(pyr_segment *segment) {
    atomic_store(&segment->remove_on_release, true);
}

const pyr_segment_info *pyr_segment_get_info(const pyr_segment *segment) {
    return &segment->info;
}

/* ---- Opening. ---- */

static size_t validated_stride(const opened_file *opened) {
    return (opened->columns + 7) / 8;
}

static pyr_status open_parts(pyr_segment *segment, opened_file *opened, pyr_error *error) {
    const char *path = segment->info.path;
    pyr_ipc_limits limits = pyr_ipc_limits_default();
    PYR_TRY(
        segment->fd >= 0
            ? pyr_ipc_file_open_fd(segment->fd, path, segment->name, &limits, &opened->file, error)
            : pyr_ipc_file_open_path(path, segment->name, &limits, &opened->file, error));
    opened->bytes = pyr_buffer_retain(pyr_ipc_file_bytes(opened->file));
    opened->batches = pyr_ipc_file_batches(opened->file);
    opened->columns = (size_t)pyr_ipc_file_schema(opened->file)->fields_count;
    size_t size = opened->batches * validated_stride(opened);
    opened->validated = calloc(size + 1, sizeof(*opened->validated));
    if (opened->validated == NULL) {
        return pyr_error_memory(error, size);
    }
    return pyr_mapping_check(opened->bytes->mapping, error);
}

static pyr_status open_now(pyr_segment *segment, pyr_query_ledger *ledger, opened_file **out,
                           pyr_error *error) {
    opened_file *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return pyr_error_memory(error, sizeof(*opened));
    }
    pyr_status status = open_parts(segment, opened, error);
    if (status != PYR_OK) {
        close_file(opened);
        return pyr_error_context(error, status, "segment %s", segment->name);
    }
    if (opened->bytes->mapping != NULL && !pyr_mapping_is_mapped(opened->bytes->mapping)) {
        pyr_ledger_add_copy(ledger, PYR_COPY_NO_MAPPING, (int64_t)opened->bytes->size_bytes);
    } else {
        pyr_ledger_add_mapped(ledger, (int64_t)opened->bytes->size_bytes);
    }
    atomic_store_explicit(&segment->opened, opened, memory_order_release);
    *out = opened;
    return PYR_OK;
}

static pyr_status get_opened(pyr_segment *segment, pyr_query_ledger *ledger, opened_file **out,
                             pyr_error *error) {
    *out = atomic_load_explicit(&segment->opened, memory_order_acquire);
    if (*out != NULL) {
        return PYR_OK;
    }
    pthread_mutex_lock(&segment->lock);
    *out = atomic_load_explicit(&segment->opened, memory_order_relaxed);
    pyr_status status = *out != NULL ? PYR_OK : open_now(segment, ledger, out, error);
    pthread_mutex_unlock(&segment->lock);
    return status;
}

pyr_status pyr_segment_schema(pyr_segment *segment, pyr_query_ledger *ledger, pyr_schema **out,
                              pyr_error *error) {
    *out = NULL;
    opened_file *opened;
    PYR_TRY(get_opened(segment, ledger, &opened, error));
    *out = pyr_schema_retain(pyr_ipc_file_schema(opened->file));
    return PYR_OK;
}

pyr_status pyr_segment_batches(pyr_segment *segment, pyr_query_ledger *ledger, size_t *count,
                               pyr_error *error) {
    *count = 0;
    if (segment->info.batches >= 0) {
        *count = (size_t)segment->info.batches;
        return PYR_OK;
    }
    opened_file *opened;
    PYR_TRY(get_opened(segment, ledger, &opened, error));
    *count = opened->batches;
    return PYR_OK;
}

static pyr_status check_index(pyr_segment *segment, const opened_file *opened, size_t index,
                              pyr_error *error) {
    if (index >= opened->batches) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "segment %s: batch %zu is wanted, the file has %zu", segment->name,
                             index, opened->batches);
    }
    return PYR_OK;
}

pyr_status pyr_segment_batch_rows(pyr_segment *segment, size_t index, int64_t *rows,
                                  pyr_error *error) {
    *rows = 0;
    opened_file *opened;
    PYR_TRY(get_opened(segment, NULL, &opened, error));
    PYR_TRY(check_index(segment, opened, index, error));
    pyr_metadata *metadata = NULL;
    pyr_status status = pyr_ipc_file_batch_head(opened->file, index, rows, &metadata, error);
    pyr_metadata_release(metadata);
    return status;
}

/* ---- Batches. ---- */

/* Values of fixed width stand alone; everything else leads somewhere through its values. */
static bool needs_validation(const pyr_field *field) {
    return !(pyr_type_bit_width(field) > 0 && field->type != PYR_TYPE_DICTIONARY) &&
           field->type != PYR_TYPE_NULL;
}

static pyr_status validate_columns(opened_file *opened, size_t index, const pyr_batch *batch,
                                   const int32_t *columns, pyr_error *error) {
    atomic_uchar *bits = opened->validated + index * validated_stride(opened);
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        if (!needs_validation(batch->columns[i]->field)) {
            continue;
        }
        int32_t column = columns != NULL ? columns[i] : i;
        unsigned char mask = (unsigned char)(1u << (column & 7));
        if ((atomic_load_explicit(&bits[column >> 3], memory_order_relaxed) & mask) != 0) {
            continue;
        }
        pyr_status status = pyr_array_validate(batch->columns[i], PYR_VALIDATE_FULL, error);
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "column \"%s\"",
                                     batch->schema->fields[i]->name);
        }
        PYR_TRY(pyr_mapping_check(opened->bytes->mapping, error));
        atomic_fetch_or_explicit(&bits[column >> 3], mask, memory_order_relaxed);
    }
    return PYR_OK;
}

pyr_status pyr_segment_batch(pyr_segment *segment, size_t index, const int32_t *columns,
                             int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                             pyr_batch **out, pyr_error *error) {
    *out = NULL;
    opened_file *opened;
    PYR_TRY(get_opened(segment, ledger, &opened, error));
    PYR_TRY(check_index(segment, opened, index, error));
    pyr_batch *batch = NULL;
    pyr_status status = pyr_ipc_file_batch(opened->file, index, columns, columns_count,
                                           PYR_VALIDATE_STRUCTURE, ledger, budget, &batch, error);
    if (status == PYR_OK) {
        status = validate_columns(opened, index, batch, columns, error);
    }
    if (status == PYR_OK) {
        /* The message's metadata was read from the mapping too. */
        status = pyr_mapping_check(opened->bytes->mapping, error);
    }
    if (status != PYR_OK) {
        pyr_batch_release(batch);
        return pyr_error_context(error, status, "segment %s: batch %zu", segment->name, index);
    }
    int64_t size_bytes = pyr_batch_size_bytes(batch);
    pyr_ledger_add_scanned(ledger, size_bytes);
    pyr_ledger_add_referenced(ledger, size_bytes);
    *out = batch;
    return PYR_OK;
}

pyr_status pyr_segment_zone(pyr_segment *segment, size_t batch, int32_t column, pyr_zone *out,
                            pyr_error *error) {
    memset(out, 0, sizeof(*out));
    opened_file *opened;
    PYR_TRY(get_opened(segment, NULL, &opened, error));
    PYR_TRY(check_index(segment, opened, batch, error));
    int64_t rows;
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_ipc_file_batch_head(opened->file, batch, &rows, &metadata, error));
    size_t length;
    const char *text = pyr_metadata_find(metadata, PYR_SEGMENT_ZONES_KEY, &length);
    if (text != NULL) {
        (void)pyr_zone_parse(text, length, column, out);
    }
    pyr_metadata_release(metadata);
    return PYR_OK;
}

/* ---- Verifying. ---- */

static pyr_status check_crc(pyr_segment *segment, const opened_file *opened, size_t index,
                            pyr_error *error) {
    int64_t rows;
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_ipc_file_batch_head(opened->file, index, &rows, &metadata, error));
    size_t length;
    const char *text = pyr_metadata_find(metadata, PYR_SEGMENT_CRC_KEY, &length);
    pyr_status status = PYR_OK;
    if (text != NULL) {
        uint32_t wanted = (uint32_t)strtoul(text, NULL, 16);
        int64_t offset;
        int64_t head_bytes;
        int64_t body_bytes;
        pyr_ipc_file_block(opened->file, index, &offset, &head_bytes, &body_bytes);
        uint32_t found =
            pyr_crc32c(0, opened->bytes->data + offset + head_bytes, (size_t)body_bytes);
        if (found != wanted || length != 8) {
            status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                                   "segment %s: batch %zu: CRC-32C is %08x, %s was written",
                                   segment->name, index, found, text);
        }
    }
    pyr_metadata_release(metadata);
    return status;
}

pyr_status pyr_segment_verify(pyr_segment *segment, pyr_error *error) {
    opened_file *opened;
    PYR_TRY(get_opened(segment, NULL, &opened, error));
    if (segment->info.batches >= 0 && (size_t)segment->info.batches != opened->batches) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "segment %s: %zu batches, the catalog says %lld", segment->name,
                             opened->batches, (long long)segment->info.batches);
    }
    int64_t rows = 0;
    for (size_t i = 0; i < opened->batches; ++i) {
        PYR_TRY(check_crc(segment, opened, i, error));
        pyr_batch *batch = NULL;
        pyr_status status = pyr_ipc_file_batch(opened->file, i, NULL, 0, PYR_VALIDATE_FULL, NULL,
                                               NULL, &batch, error);
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "segment %s: batch %zu", segment->name, i);
        }
        rows += batch->rows;
        pyr_batch_release(batch);
    }
    if (segment->info.rows >= 0 && rows != segment->info.rows) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "segment %s: %lld rows, the catalog says %lld", segment->name,
                             (long long)rows, (long long)segment->info.rows);
    }
    return pyr_mapping_check(opened->bytes->mapping, error);
}
