/* file_read.c - Arrow files over a buffer ("IPC File Format"): magic, messages, footer, the
 * footer's length, magic.
 *
 * Opening reads the footer and the schema; the list of blocks stays in the footer and is checked
 * once at opening and again when a block is used, because a page of a mapping may turn to zeros.
 * Threads: a file is immutable but for its dictionaries, which stand behind `lock` (a leaf).
 */
#include "arrow/ipc/ipc_internal.h"

#include "base/checked.h"
#include "base/cursor.h"
#include "base/mapping.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char magic[6] = {'A', 'R', 'R', 'O', 'W', '1'};
enum { MAGIC_BYTES = 6, HEADER_BYTES = 8, TRAILER_BYTES = 10 };
/* Read of a file's end by pyr_ipc_file_open_fd: footers of some 600 batches fit. */
enum { TAIL_BYTES = 16384 };

typedef struct block {
    int64_t offset;
    int64_t metadata_bytes;
    int64_t body_bytes;
} block;

struct pyr_ipc_file {
    atomic_size_t references;
    pyr_buffer *bytes;
    pyr_buffer *footer; /* read, see pyr_ipc_file_open_fd; NULL: the one in bytes is used */
    pyr_ipc_limits limits;
    pyr_ipc_schema schema;
    pyr_metadata *metadata;
    const uint8_t *blocks;            /* of record batches, in the footer */
    const uint8_t *dictionary_blocks; /* in the footer */
    uint32_t blocks_count, dictionary_blocks_count;
    int64_t footer_offset;
    pthread_mutex_t lock;
    pyr_ipc_dictionaries *dictionaries; /* behind lock */
    uint32_t dictionaries_noted;        /* behind lock: so many of dictionary_blocks */
    char name[];
};

bool pyr_ipc_file_detect(const uint8_t *bytes, size_t size_bytes) {
    static const uint8_t start[HEADER_BYTES] = {'A', 'R', 'R', 'O', 'W', '1', 0, 0};
    return size_bytes >= HEADER_BYTES && memcmp(bytes, start, HEADER_BYTES) == 0;
}

static pyr_status check_block(const pyr_ipc_file *file, const uint8_t *blocks, uint32_t index,
                              block *out, pyr_error *error) {
    const uint8_t *entry = blocks + (size_t)index * PYR_FBS_BLOCK_BYTES;
    out->offset = (int64_t)pyr_load_u64(entry);
    out->metadata_bytes = (int32_t)pyr_load_u32(entry + 8);
    out->body_bytes = (int64_t)pyr_load_u64(entry + 16);
    int64_t end;
    if (out->offset < HEADER_BYTES || (out->offset & 7) != 0 || out->metadata_bytes < 4 ||
        out->body_bytes < 0 || !pyr_add_i64(out->offset, out->metadata_bytes, &end) ||
        !pyr_add_i64(end, out->body_bytes, &end) || end > file->footer_offset) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "the footer's block %u (%lld bytes of metadata and %lld of body at "
                             "%lld) does not lie before the footer at %lld",
                             index, (long long)out->metadata_bytes, (long long)out->body_bytes,
                             (long long)out->offset, (long long)file->footer_offset);
    }
    return PYR_OK;
}

static pyr_status check_blocks(const pyr_ipc_file *file, const uint8_t *blocks, uint32_t count,
                               pyr_error *error) {
    block ignored;
    for (uint32_t i = 0; i < count; ++i) {
        PYR_TRY(check_block(file, blocks, i, &ignored, error));
    }
    return PYR_OK;
}

/* The magic at the end decides: looking at the one in front too would fault in a page that nothing
 * else needs. It is looked at to say what is wrong. */
static pyr_status find_footer(const pyr_buffer *bytes, int64_t *offset, int64_t *size_bytes,
                              pyr_error *error) {
    size_t size = bytes->size_bytes;
    if (size < HEADER_BYTES + TRAILER_BYTES ||
        memcmp(bytes->data + size - MAGIC_BYTES, magic, MAGIC_BYTES) != 0) {
        if (size < MAGIC_BYTES || memcmp(bytes->data, magic, MAGIC_BYTES) != 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                 "not an Arrow file: it does not begin with ARROW1");
        }
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "an Arrow file without its end: it was cut off at %zu bytes or is "
                             "still being written",
                             size);
    }
    int32_t length = (int32_t)pyr_load_u32(bytes->data + size - TRAILER_BYTES);
    if (length <= 0 || (size_t)length > size - HEADER_BYTES - TRAILER_BYTES) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "a footer of %d bytes in an Arrow file of %zu", length, size);
    }
    *size_bytes = length;
    *offset = (int64_t)size - TRAILER_BYTES - length;
    return PYR_OK;
}

/* The footer by read(2), where it ends within the tail of a file that looks well; else *out stays
 * NULL and the mapping is asked. */
static pyr_status read_tail(int fd, size_t size_bytes, pyr_buffer **out, pyr_error *error) {
    uint8_t tail[TAIL_BYTES];
    size_t wanted = size_bytes < sizeof tail ? size_bytes : sizeof tail;
    ssize_t got = pread(fd, tail, wanted, (off_t)(size_bytes - wanted));
    if (got < TRAILER_BYTES || (size_t)got != wanted ||
        memcmp(tail + wanted - MAGIC_BYTES, magic, MAGIC_BYTES) != 0) {
        return PYR_OK;
    }
    uint32_t length = pyr_load_u32(tail + wanted - TRAILER_BYTES);
    if (length == 0 || length > wanted - TRAILER_BYTES) {
        return PYR_OK;
    }
    PYR_TRY(pyr_buffer_create_raw(length, NULL, out, error));
    memcpy(pyr_buffer_mutable(*out), tail + wanted - TRAILER_BYTES - length, length);
    return PYR_OK;
}

static pyr_status locate_footer(pyr_ipc_file *file, int64_t *size_bytes, pyr_error *error) {
    if (file->footer == NULL) {
        return find_footer(file->bytes, &file->footer_offset, size_bytes, error);
    }
    *size_bytes = (int64_t)file->footer->size_bytes;
    file->footer_offset = (int64_t)file->bytes->size_bytes - TRAILER_BYTES - *size_bytes;
    return file->footer_offset >= HEADER_BYTES
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_CORRUPT,
                               "a footer of %lld bytes in an Arrow file of %zu",
                               (long long)*size_bytes, file->bytes->size_bytes);
}

static pyr_status read_footer(pyr_ipc_file *file, pyr_error *error) {
    int64_t size_bytes = 0;
    PYR_TRY(locate_footer(file, &size_bytes, error));
    if ((size_t)size_bytes > file->limits.metadata_bytes_max) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "a footer of %lld bytes, the limit is %zu",
                             (long long)size_bytes, file->limits.metadata_bytes_max);
    }
    const uint8_t *bytes =
        file->footer != NULL ? file->footer->data : file->bytes->data + file->footer_offset;
    pyr_fb input = pyr_fb_over(bytes, (size_t)size_bytes);
    pyr_fb_table footer = pyr_fb_root(&input);
    int16_t version = pyr_fb_i16(footer, PYR_FBS_FOOTER_VERSION, 0);
    pyr_fb_table schema = pyr_fb_child(footer, PYR_FBS_FOOTER_SCHEMA);
    pyr_fb_vector dictionaries =
        pyr_fb_vector_of(footer, PYR_FBS_FOOTER_DICTIONARIES, PYR_FBS_BLOCK_BYTES);
    pyr_fb_vector batches = pyr_fb_vector_of(footer, PYR_FBS_FOOTER_BATCHES, PYR_FBS_BLOCK_BYTES);
    if (input.fault != NULL) {
        return pyr_ipc_fault(&input, "footer", error);
    }
    /* Some writers of 0.14 left the footer's version out, which reads as V1: the messages' own
     * versions tell. What is newer is refused. */
    if (version != 0) {
        PYR_TRY(pyr_ipc_check_version(version, error));
    }
    if (pyr_fb_is_null(schema)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow footer: no schema");
    }
    PYR_TRY(pyr_ipc_schema_read(schema, &file->limits, &file->schema, error));
    PYR_TRY(pyr_ipc_metadata_read(footer, PYR_FBS_FOOTER_METADATA, &file->metadata, error));
    file->blocks = input.data + batches.position;
    file->blocks_count = batches.count;
    file->dictionary_blocks = input.data + dictionaries.position;
    file->dictionary_blocks_count = dictionaries.count;
    PYR_TRY(check_blocks(file, file->blocks, file->blocks_count, error));
    PYR_TRY(check_blocks(file, file->dictionary_blocks, file->dictionary_blocks_count, error));
    if (file->schema.ordinals_count > 0) {
        PYR_TRY(pyr_ipc_dictionaries_create(&file->schema, false, &file->dictionaries, error));
    }
    return PYR_OK;
}

/* A fault of the mapping explains whatever else was found wrong. */
static pyr_status add_context(const pyr_ipc_file *file, pyr_status status, pyr_error *error) {
    if (status != PYR_OK) {
        status = pyr_error_context(error, status, "%s", file->name);
    }
    return pyr_mapping_explain(file->bytes->mapping, status, error);
}

/* Takes footer, which may be NULL. */
static pyr_status open_over(pyr_buffer *bytes, pyr_buffer *footer, const char *name,
                            const pyr_ipc_limits *limits, pyr_ipc_file **out, pyr_error *error) {
    size_t length = strlen(name);
    pyr_ipc_file *file = calloc(1, sizeof *file + length + 1);
    if (file == NULL || pthread_mutex_init(&file->lock, NULL) != 0) {
        free(file);
        pyr_buffer_release(footer);
        return pyr_error_memory(error, sizeof *file + length + 1);
    }
    atomic_init(&file->references, 1);
    file->bytes = pyr_buffer_retain(bytes);
    file->footer = footer;
    file->limits = limits != NULL ? *limits : pyr_ipc_limits_default();
    memcpy(file->name, name, length);
    pyr_status status = add_context(file, read_footer(file, error), error);
    if (status != PYR_OK) {
        pyr_ipc_file_release(file);
        return status;
    }
    *out = file;
    return PYR_OK;
}

pyr_status pyr_ipc_file_open(pyr_buffer *bytes, const char *name, const pyr_ipc_limits *limits,
                             pyr_ipc_file **out, pyr_error *error) {
    *out = NULL;
    return open_over(bytes, NULL, name, limits, out, error);
}

pyr_status pyr_ipc_file_open_fd(int fd, pyr_buffer *bytes, const char *name,
                                const pyr_ipc_limits *limits, pyr_ipc_file **out,
                                pyr_error *error) {
    *out = NULL;
    pyr_buffer *footer = NULL;
    PYR_TRY(read_tail(fd, bytes->size_bytes, &footer, error));
    return open_over(bytes, footer, name, limits, out, error);
}

pyr_status pyr_ipc_file_open_path(const char *path, const pyr_ipc_limits *limits,
                                  pyr_ipc_file **out, pyr_error *error) {
    *out = NULL;
    int fd = -1;
    pyr_buffer *bytes = NULL;
    PYR_TRY(pyr_mapping_open_file(path, &fd, error));
    pyr_status status = pyr_mapping_open_fd(fd, path, &bytes, error);
    if (status == PYR_OK) {
        status = pyr_ipc_file_open_fd(fd, bytes, path, limits, out, error);
    }
    pyr_buffer_release(bytes);
    close(fd);
    return status;
}

pyr_ipc_file *pyr_ipc_file_retain(pyr_ipc_file *file) {
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void pyr_ipc_file_release(pyr_ipc_file *file) {
    if (file == NULL ||
        atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pyr_ipc_dictionaries_destroy(file->dictionaries);
    pyr_ipc_schema_deinit(&file->schema);
    pyr_metadata_release(file->metadata);
    pyr_buffer_release(file->footer);
    pyr_buffer_release(file->bytes);
    pthread_mutex_destroy(&file->lock);
    free(file);
}

pyr_schema *pyr_ipc_file_schema(const pyr_ipc_file *file) {
    return file->schema.schema;
}

pyr_metadata *pyr_ipc_file_metadata(const pyr_ipc_file *file) {
    return file->metadata;
}

size_t pyr_ipc_file_batches(const pyr_ipc_file *file) {
    return file->blocks_count;
}

static void block_of(const pyr_ipc_file *file, const uint8_t *blocks, size_t index, int64_t *offset,
                     int64_t *metadata_bytes, int64_t *body_bytes) {
    block b;
    if (check_block(file, blocks, (uint32_t)index, &b, NULL) != PYR_OK) {
        memset(&b, 0, sizeof b); /* the mapping faulted since: the next check will tell */
    }
    *offset = b.offset;
    *metadata_bytes = b.metadata_bytes;
    *body_bytes = b.body_bytes;
}

void pyr_ipc_file_block(const pyr_ipc_file *file, size_t index, int64_t *offset,
                        int64_t *metadata_bytes, int64_t *body_bytes) {
    assert(index < file->blocks_count);
    block_of(file, file->blocks, index, offset, metadata_bytes, body_bytes);
}

size_t pyr_ipc_file_dictionaries(const pyr_ipc_file *file) {
    return file->dictionary_blocks_count;
}

void pyr_ipc_file_dictionary_block(const pyr_ipc_file *file, size_t index, int64_t *offset,
                                   int64_t *metadata_bytes, int64_t *body_bytes) {
    assert(index < file->dictionary_blocks_count);
    block_of(file, file->dictionary_blocks, index, offset, metadata_bytes, body_bytes);
}

static pyr_status source_of(const pyr_ipc_file *file, const uint8_t *blocks, uint32_t index,
                            pyr_ipc_source *out, pyr_error *error) {
    block b;
    PYR_TRY(check_block(file, blocks, index, &b, error));
    size_t prefix;
    int32_t metadata_bytes;
    if (!pyr_ipc_prefix_read(file->bytes->data + b.offset, (size_t)b.metadata_bytes, &prefix,
                             &metadata_bytes) ||
        metadata_bytes <= 0 || metadata_bytes > b.metadata_bytes - (int64_t)prefix) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "no message of the footer's size at %lld",
                             (long long)b.offset);
    }
    out->metadata = file->bytes;
    out->metadata_offset = (size_t)b.offset + prefix;
    out->metadata_bytes = (size_t)metadata_bytes;
    out->body = file->bytes;
    out->body_offset = (size_t)(b.offset + b.metadata_bytes);
    out->body_bytes = (size_t)b.body_bytes;
    return PYR_OK;
}

static pyr_status batch_head(pyr_ipc_file *file, size_t index, pyr_ipc_source *source,
                             pyr_ipc_head *head, pyr_error *error) {
    if (index >= file->blocks_count) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "batch %zu of %u", index,
                             file->blocks_count);
    }
    PYR_TRY(source_of(file, file->blocks, (uint32_t)index, source, error));
    PYR_TRY(pyr_ipc_head_read(file->bytes->data + source->metadata_offset, source->metadata_bytes,
                              &file->limits, head, error));
    if (head->type != PYR_IPC_RECORD_BATCH) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "the message is not a record batch");
    }
    return PYR_OK;
}

/* Behind lock. Goes on where an earlier try ended, out of memory for example. */
static pyr_status note_dictionaries(pyr_ipc_file *file, pyr_error *error) {
    while (file->dictionaries_noted < file->dictionary_blocks_count) {
        pyr_ipc_source source = {0};
        PYR_TRY(source_of(file, file->dictionary_blocks, file->dictionaries_noted, &source, error));
        PYR_TRY(pyr_ipc_dictionaries_add(file->dictionaries, &file->limits, &source, error));
        ++file->dictionaries_noted;
    }
    return PYR_OK;
}

/* The messages are only noted: a batch decodes those it needs. */
static pyr_status know_dictionaries(pyr_ipc_file *file, pyr_error *error) {
    pthread_mutex_lock(&file->lock);
    pyr_status status = note_dictionaries(file, error);
    pthread_mutex_unlock(&file->lock);
    return status;
}

static bool needs_dictionaries(const pyr_ipc_file *file, const int32_t *columns, int32_t count) {
    if (file->dictionaries == NULL || columns == NULL) {
        return file->dictionaries != NULL;
    }
    for (int32_t i = 0; i < count; ++i) {
        const pyr_ipc_column *column = &file->schema.columns[columns[i]];
        if (column[1].ordinals > column[0].ordinals) {
            return true;
        }
    }
    return false;
}

static pyr_status read_batch(pyr_ipc_file *file, size_t index, const int32_t *columns,
                             int32_t columns_count, const pyr_ipc_read *read, pyr_batch **out,
                             pyr_error *error) {
    pyr_ipc_source source = {0};
    pyr_ipc_head head;
    PYR_TRY(batch_head(file, index, &source, &head, error));
    if (needs_dictionaries(file, columns, columns_count)) {
        PYR_TRY(know_dictionaries(file, error));
    }
    return pyr_ipc_batch_read(read, &head, &source, columns, columns_count, out, error);
}

pyr_status pyr_ipc_file_batch(pyr_ipc_file *file, size_t index, const int32_t *columns,
                              int32_t columns_count, pyr_validation validation,
                              pyr_query_ledger *ledger, pyr_budget *budget, pyr_batch **out,
                              pyr_error *error) {
    *out = NULL;
    pyr_ipc_read read = {.limits = &file->limits,
                         .validation = validation,
                         .ledger = ledger,
                         .budget = budget,
                         .schema = &file->schema,
                         .dictionaries = file->dictionaries,
                         .lock = &file->lock};
    pyr_status status = read_batch(file, index, columns, columns_count, &read, out, error);
    if (status != PYR_OK) {
        status = pyr_error_context(error, status, "batch %zu", index);
    }
    status = add_context(file, status, error);
    if (status != PYR_OK) {
        pyr_batch_release(*out);
        *out = NULL;
    }
    return status;
}

pyr_status pyr_ipc_file_batch_head(pyr_ipc_file *file, size_t index, int64_t *rows,
                                   pyr_metadata **metadata, pyr_error *error) {
    *rows = 0;
    *metadata = NULL;
    pyr_ipc_source source = {0};
    pyr_ipc_head head;
    pyr_ipc_batch_head batch;
    pyr_status status = batch_head(file, index, &source, &head, error);
    if (status == PYR_OK) {
        status = pyr_ipc_batch_head_read(head.header, &file->limits, &batch, error);
    }
    if (status == PYR_OK) {
        *rows = batch.rows;
        status = pyr_ipc_metadata_read(head.message, PYR_FBS_MESSAGE_METADATA, metadata, error);
    }
    if (status != PYR_OK) {
        status = pyr_error_context(error, status, "batch %zu", index);
    }
    status = add_context(file, status, error);
    if (status != PYR_OK) {
        pyr_metadata_release(*metadata);
        *metadata = NULL;
        *rows = 0;
    }
    return status;
}

static pyr_status tail_of(pyr_ipc_file *file, size_t index, int64_t before_end, int64_t size_bytes,
                          pyr_buffer **out, pyr_error *error) {
    pyr_ipc_source source = {0};
    pyr_ipc_head head;
    PYR_TRY(batch_head(file, index, &source, &head, error));
    if (before_end < 0 || (uint64_t)before_end > source.body_bytes || size_bytes < 0 ||
        size_bytes > before_end) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "the last %lld bytes of a body of %zu, of which %lld are wanted",
                             (long long)before_end, source.body_bytes, (long long)size_bytes);
    }
    size_t offset = source.body_offset + source.body_bytes - (size_t)before_end;
    return pyr_buffer_slice(file->bytes, offset, (size_t)size_bytes, out, error);
}

pyr_status pyr_ipc_file_tail(pyr_ipc_file *file, size_t index, int64_t before_end,
                             int64_t size_bytes, pyr_buffer **out, pyr_error *error) {
    *out = NULL;
    pyr_status status = tail_of(file, index, before_end, size_bytes, out, error);
    if (status != PYR_OK) {
        status = pyr_error_context(error, status, "batch %zu", index);
    }
    return add_context(file, status, error);
}

static pyr_status dictionary_metadata(const pyr_ipc_file *file, size_t index,
                                      pyr_metadata **metadata, pyr_error *error) {
    pyr_ipc_source source = {0};
    pyr_ipc_head head;
    assert(index < file->dictionary_blocks_count);
    PYR_TRY(source_of(file, file->dictionary_blocks, (uint32_t)index, &source, error));
    PYR_TRY(pyr_ipc_head_read(file->bytes->data + source.metadata_offset, source.metadata_bytes,
                              &file->limits, &head, error));
    return pyr_ipc_metadata_read(head.message, PYR_FBS_MESSAGE_METADATA, metadata, error);
}

pyr_status pyr_ipc_file_dictionary_head(pyr_ipc_file *file, size_t index, pyr_metadata **metadata,
                                        pyr_error *error) {
    *metadata = NULL;
    pyr_status status = dictionary_metadata(file, index, metadata, error);
    if (status != PYR_OK) {
        status = pyr_error_context(error, status, "dictionary %zu", index);
    }
    status = add_context(file, status, error);
    if (status != PYR_OK) {
        pyr_metadata_release(*metadata);
        *metadata = NULL;
    }
    return status;
}
